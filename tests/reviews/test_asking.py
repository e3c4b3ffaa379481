"""Who may be asked for a review."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from flask import Flask

from grants.accounts.models import MemberRole, Membership, Role
from grants.applications.workflow import ApplicationState
from grants.conflicts import queries as conflicts
from grants.conflicts.models import Grade
from grants.core import clock
from grants.core.mail import OutboxMail
from grants.core.rules import Refused
from grants.history.models import HistoryEntry
from grants.home.queries import work_of
from grants.reviews import actions
from grants.reviews.models import Assignment
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


# ------------------------------------------------------------------ many at once


def test_many_are_asked_at_once_or_nobody_is(app: Flask) -> None:
    of_call = call()
    one, other = case(of_call), case(of_call)
    first, second, full = reviewer(), reviewer(), reviewer(profile={"capacity": 1})
    everything = [(one, first, 1), (one, full, 1), (other, full, 1), (other, second, 1)]
    with clock.at(AT):
        with pytest.raises(Refused) as refused:
            actions.assign_all(of_call, everything, due_on=DUE, by=person())
        assert [(o.code, str(o.message).partition(":")[0]) for o in refused.value.obstacles] == [
            ("capacity", other.reference)
        ], "the second of two that are one too many"
        assert db.session.query(Assignment).count() == 0
        with pytest.raises(Refused) as refused:
            actions.assign_all(of_call, [*everything[:2], (other, person(), 1)], due_on=DUE, by=person())
        assert codes(refused) == ["not_a_reviewer"]
        made = actions.assign_all(of_call, [*everything[:2], everything[3]], due_on=DUE, by=person())
    assert [(each.application_id, each.reviewer_id) for each in made] == [
        (one.id, first.id),
        (one.id, full.id),
        (other.id, second.id),
    ]
    assert db.session.query(OutboxMail).filter_by(kind="review_asked").count() == 3
    assert db.session.query(HistoryEntry).filter_by(subject_kind="assignment", verb="ask").count() == 3


@pytest.mark.parametrize(("wanted", "waits"), [(1, False), (2, False), (3, True)])
def test_the_home_page_counts_as_many_reviews_as_the_call_wants(app: Flask, wanted: int, waits: bool) -> None:
    of_call, boss = call(), person(Role.GLOBAL_COORDINATOR, regions=["AFR"])
    of_call.grid = of_call.grid | {"assessors": {"independent_reviews": wanted}}
    application = case(of_call)
    for _ in range(2):
        reviewed(application)
    work = {one.kind for one in work_of(boss, AT)}
    assert ("assign_reviewers" in work, "call_meeting" in work) == (waits, not waits)
