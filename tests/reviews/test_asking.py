"""Who may be asked for a review, and what suggestions do."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from grants.accounts.models import MemberRole, Membership, Role
from grants.applications.workflow import ApplicationState
from grants.conflicts import queries as conflicts
from grants.conflicts.models import Grade
from grants.core import clock
from grants.core.mail import OutboxMail
from grants.core.rules import Refused
from grants.reviews import actions, rules
from grants.reviews.models import Assignment
from grants.reviews.queries import ApplicationLine, Asked, Assignments, Board, Candidate
from grants.reviews.workflow import AssignmentState
from tests.factories import call, db, person, save
from tests.reviews.rows import AT, DUE, assignment, case, reviewed, reviewer


def codes(refused: pytest.ExceptionInfo[Refused]) -> list[str]:
    return [obstacle.code for obstacle in refused.value.obstacles]


def refusal(application: Any, somebody: Any, **more: Any) -> list[str]:
    with clock.at(AT), pytest.raises(Refused) as refused:
        actions.assign(application, somebody, due_on=more.pop("due_on", DUE), by=person(), **more)
    return codes(refused)


def test_a_reviewer_is_asked_by_mail_and_history(app: Flask) -> None:
    application, somebody, coordinator = case(), reviewer(), person(Role.REGIONAL_COORDINATOR)
    with clock.at(AT):
        asked = actions.assign(application, somebody, due_on=DUE, by=coordinator)
    assert asked.state == AssignmentState.ASKED
    mail = db.session.query(OutboxMail).filter_by(kind="review_asked").one()
    assert mail.to_person_id == somebody.id
    assert application.title not in mail.body + mail.subject
    assert f"/reviews/{asked.id}" in mail.body


def test_an_application_that_is_not_eligible_is_not_reviewed(app: Flask) -> None:
    assert refusal(case(state=ApplicationState.SUBMITTED), reviewer()) == ["not_eligible"]


def test_a_reviewer_from_the_applicants_organization_is_not_asked(app: Flask) -> None:
    somebody = reviewer()
    application = case()
    save(Membership(organization_id=application.organization_id, person_id=somebody.id, role=MemberRole.EDITOR))
    assert refusal(application, somebody) == ["conflict"]


def test_a_reviewer_who_declared_a_conflict_is_not_asked(app: Flask) -> None:
    somebody, application = reviewer(), case()
    actions.declare_interest(
        somebody, application.organization, grade=Grade.CONFLICT, reason="A friend works there.", by=somebody
    )
    assert refusal(application, somebody) == ["conflict"]


def test_a_conflict_for_another_call_does_not_count(app: Flask) -> None:
    somebody, application = reviewer(), case()
    actions.declare_interest(
        somebody, application.organization, grade=Grade.CONFLICT, reason="Advice.", call=call(), by=somebody
    )
    with clock.at(AT):
        assert actions.assign(application, somebody, due_on=DUE, by=person()).id


def test_the_latest_declaration_counts(app: Flask) -> None:
    somebody, application = reviewer(), case()
    for grade in (Grade.CONFLICT, Grade.KNOWS):
        actions.declare_interest(somebody, application.organization, grade=grade, reason="We met.", by=somebody)
    assert conflicts.in_conflict(somebody, [application.organization_id]) == set()
    actions.declare_interest(
        somebody, application.organization, grade=Grade.CONFLICT, reason="We work together.", by=somebody
    )
    assert conflicts.in_conflict(somebody, [application.organization_id]) == {application.organization_id}


def test_a_tie_needs_a_reason(app: Flask) -> None:
    somebody, application = reviewer(), case()
    with pytest.raises(Refused) as refused:
        actions.declare_interest(somebody, application.organization, grade=Grade.KNOWS, reason=" ", by=somebody)
    assert codes(refused) == ["reason_missing"]


def test_a_reviewer_who_does_not_read_the_language_is_not_asked(app: Flask) -> None:
    assert refusal(case(language="fr"), reviewer()) == ["language"]


def test_a_reviewer_has_no_more_than_agreed(app: Flask) -> None:
    of_call = call()
    somebody = reviewer(profile={"capacity": 1})
    assignment(case(of_call), somebody)
    assert refusal(case(of_call), somebody) == ["capacity"]
    with clock.at(AT):
        assert actions.assign(case(), somebody, due_on=DUE, by=person()).id, "another call counts by itself"


def test_two_first_round_reviews_are_enough(app: Flask) -> None:
    application = case()
    assignment(application, reviewer())
    assignment(application, reviewer())
    assert refusal(application, reviewer()) == ["enough_reviews"]


def test_a_reviewer_is_not_asked_twice_and_the_day_must_be_ahead(app: Flask) -> None:
    application, somebody = case(), reviewer()
    assignment(application, somebody)
    assert refusal(application, somebody) == ["asked_already"]
    assert refusal(application, reviewer(), due_on=date(2027, 3, 9)) == ["due_passed"]
    assert refusal(application, person()) == ["not_a_reviewer"]


def test_a_third_reviewer_only_after_a_disagreement_and_only_one(app: Flask) -> None:
    of_call = call()
    of_call.grid = of_call.grid | {
        "assessors": {
            "independent_reviews": 2,
            "third_review_if": [{"rule": "absolute_gap", "formula": "abs(T1-T2) >= 15", "text": {"en": "Far apart."}}],
        }
    }
    db.session.flush()
    agreed, apart = case(of_call), case(of_call)
    for application, second in ((agreed, 4), (apart, 2)):
        reviewed(application, 4, 4)
        reviewed(application, 4, second)
    assert refusal(agreed, reviewer(), round=2) == ["no_disagreement"]
    third = reviewer(profile={"capacity": 0})
    with clock.at(AT):
        assert actions.assign(apart, third, due_on=DUE, by=person(), round=2).round == 2
    assert refusal(apart, reviewer(), round=2) == ["third_asked"]


# ------------------------------------------------------------------ suggestions


languages = st.sampled_from(["en", "fr", "es"])
regions = st.sampled_from(["AFR", "ASI", "LAC"])
lots = st.sampled_from(["L1", "L2"])


@st.composite
def boards(draw: Any) -> Board:
    lines = [
        ApplicationLine(
            n,
            f"APP-{n}",
            "T",
            draw(st.sampled_from(["eligible", "submitted"])),
            draw(languages),
            draw(regions),
            draw(lots),
            1,
            "EUR",
            100 + n,
            "O",
            "SN",
        )
        for n in range(1, draw(st.integers(1, 7)))
    ]
    candidates = [
        Candidate(
            n,
            f"REV-{n}",
            f"R{n}",
            draw(st.lists(languages, unique=True)),
            draw(st.lists(regions, unique=True)),
            draw(st.lists(lots, unique=True)),
            draw(st.integers(0, 3)),
        )
        for n in range(1, draw(st.integers(1, 6)))
    ]
    pairs = [(line, somebody) for line in lines for somebody in candidates]
    places = st.sampled_from(range(len(pairs))) if pairs else st.nothing()
    some = st.lists(places, unique=True, max_size=6) if pairs else st.just([])
    states = st.sampled_from(["asked", "completed", "declined", "recused"])
    asked = [Asked(n, pairs[n][0].id, pairs[n][1].id, 1, draw(states), DUE, None) for n in draw(some)]
    ties = frozenset((pairs[n][1].id, pairs[n][0].organization_id) for n in draw(some))
    return Board(lines, candidates, Assignments(asked), ties)


@given(boards())
def test_a_suggestion_never_breaks_a_rule(board: Board) -> None:
    asked = list(board.assignments.asked)
    for line, somebody in rules.suggest(board, 2):
        so_far = Board(board.lines, board.candidates, Assignments(asked), board.ties)
        assert rules.obstacles_to_assigning(so_far, line, somebody, 1, 2, third_due=False) == []
        asked.append(Asked(999, line.id, somebody.id, 1, "asked", DUE, None))


@given(boards())
def test_after_a_suggestion_nobody_who_is_still_needed_could_be_asked(board: Board) -> None:
    pairs = rules.suggest(board, 2)
    asked = [*board.assignments.asked, *(Asked(999, a.id, p.id, 1, "asked", DUE, None) for a, p in pairs)]
    after = Board(board.lines, board.candidates, Assignments(asked), board.ties)
    for line in board.lines:
        for somebody in board.candidates:
            never_asked = not any(
                o.reviewer_id == somebody.id for o in after.assignments.of_application.get(line.id, [])
            )
            if never_asked:
                assert rules.obstacles_to_assigning(after, line, somebody, 1, 2, third_due=False)


def test_the_suggestion_prefers_region_then_lot_then_room(app: Flask) -> None:
    of_call = call()
    applications = [case(of_call) for _ in range(2)]
    near = [reviewer(profile={"lots": []}), reviewer()]
    reviewer(profile={"regions": ["LAC"]})
    with clock.at(AT):
        made = actions.assign_suggested(of_call, applications, due_on=DUE, by=person())
    assert Counter(one.reviewer_id for one in made) == {near[0].id: 2, near[1].id: 2}
    assert db.session.query(Assignment).count() == 4
