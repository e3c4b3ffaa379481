"""Declaring, scoring, submitting; what others see and when; and what a conflict does."""

from __future__ import annotations

from functools import partial

import pytest
from flask import Flask

from grants.accounts.models import Person, Role
from grants.conflicts.models import ConflictDeclaration, Grade
from grants.core import clock
from grants.core.mail import OutboxMail
from grants.core.permissions import scope
from grants.core.rules import Refused
from grants.decisions import actions as decisions
from grants.history.models import HistoryEntry
from grants.reviews import actions, queries, rules
from grants.reviews.models import Assignment, Declined, Review
from grants.reviews.workflow import AssignmentState
from tests.factories import call, db, person
from tests.reviews.rows import AT, DUE, assignment, case, counted, reviewed, reviewer, scores


def asked(**more: object) -> Assignment:
    application, somebody = case(), reviewer()
    with clock.at(AT):
        return actions.assign(application, somebody, due_on=DUE, by=person())


def codes(refused: pytest.ExceptionInfo[Refused]) -> set[str]:
    return {obstacle.code for obstacle in refused.value.obstacles}


def kinds() -> list[str]:
    return [mail.kind for mail in db.session.query(OutboxMail).order_by(OutboxMail.id)]


def test_declaring_no_tie_opens_the_form(app: Flask) -> None:
    one = asked()
    actions.accept(one, grade=Grade.NONE, reason="", by=one.reviewer)
    assert one.state == AssignmentState.ACCEPTED
    assert one.review is not None
    declared = db.session.query(ConflictDeclaration).one()
    assert (declared.grade, declared.call_id) == (Grade.NONE, one.application.call_id)


def test_knowing_them_needs_a_reason_and_a_conflict_cannot_be_accepted(app: Flask) -> None:
    one = asked()
    with pytest.raises(Refused) as refused:
        actions.accept(one, grade=Grade.KNOWS, reason="", by=one.reviewer)
    assert codes(refused) == {"reason_missing"}
    with pytest.raises(Refused) as refused:
        actions.accept(one, grade=Grade.CONFLICT, reason="A relative.", by=one.reviewer)
    assert codes(refused) == {"conflict"}


def test_a_conflict_declared_elsewhere_recuses_at_once(app: Flask) -> None:
    one = asked()
    other = assignment(case(), one.reviewer)
    applicant = one.application.organization
    decisions.declare_interest(one.reviewer, applicant, grade=Grade.CONFLICT, reason="A relative.", by=one.reviewer)
    assert one.state == AssignmentState.RECUSED
    assert other.state == AssignmentState.ACCEPTED
    with pytest.raises(Refused):
        actions.accept(one, grade=Grade.KNOWS, reason="I take it back.", by=one.reviewer)
    actions.declare_interest(one.reviewer, applicant, grade=Grade.NONE, reason="", by=one.reviewer)
    with pytest.raises(Refused):
        actions.accept(one, grade=Grade.KNOWS, reason="I take it back.", by=one.reviewer)


def test_a_draft_keeps_gaps_and_refuses_what_the_grid_does_not_know(app: Flask) -> None:
    one = assignment(case(), reviewer())
    typed = {"summary": "So far.", "for_applicant": "", "recommendation": None, "by": one.reviewer}
    actions.save_review(one, scores={"A1": (3, ""), "B1": (None, "thinking")}, **typed)
    actions.save_review(one, scores={"A1": (4, "")}, **typed)
    kept = queries.scores_of(one.review)
    assert {key: (score.value, score.reason) for key, score in kept.items()} == {
        "A1": (4, ""),
        "B1": (None, "thinking"),
    }
    for bad, code in (({"Z9": (3, "")}, "unknown_criterion"), ({"A1": (6, "")}, "off_the_scale")):
        with pytest.raises(Refused) as refused:
            actions.save_review(one, scores=bad, **typed)
        assert codes(refused) == {code}


def test_a_review_with_gaps_is_not_submitted(app: Flask) -> None:
    one = assignment(case(), reviewer())
    with pytest.raises(Refused) as refused:
        actions.submit_review(one, by=one.reviewer)
    assert codes(refused) == {"score_missing", "summary_missing", "for_applicant_missing", "recommendation_missing"}
    actions.save_review(
        one, scores=scores(5, 4), summary="Good.", for_applicant="Thanks.", recommendation="fund", by=one.reviewer
    )
    with pytest.raises(Refused) as refused:
        actions.submit_review(one, by=one.reviewer)
    assert codes(refused) == {"reason_missing"}, "a 5 needs a reason, a 4 does not"


def test_a_submitted_review_has_the_total_and_the_last_one_tells_the_coordinators(app: Flask) -> None:
    coordinator = person(Role.REGIONAL_COORDINATOR, regions=["AFR"])
    person(Role.REGIONAL_COORDINATOR, regions=["LAC"])
    application = case()
    for one in (assignment(application, reviewer()), assignment(application, reviewer())):
        assert "reviews_complete" not in kinds()
        actions.save_review(
            one, scores=scores(4, 3), summary="Fair.", for_applicant="Thanks.", recommendation="fund", by=one.reviewer
        )
        actions.submit_review(one, by=one.reviewer)
        assert (one.state, one.review.total) == (AssignmentState.COMPLETED, 4 * 4 + 16 * 3)
    told = db.session.query(OutboxMail).filter_by(kind="reviews_complete").all()
    assert [mail.to_person_id for mail in told] == [coordinator.id]
    standing = queries.standing_of_application(application)
    assert rules.results_of(standing)[0].score == 64


def test_a_submitted_review_cannot_be_changed_until_it_is_reopened_with_a_reason(app: Flask) -> None:
    one = reviewed(case())
    typed = {"summary": "x", "for_applicant": "x", "recommendation": "fund", "by": one.reviewer}
    with pytest.raises(Refused) as refused:
        actions.save_review(one, scores=scores(), **typed)
    assert codes(refused) == {"not_open"}
    with pytest.raises(Refused) as refused:
        actions.reopen(one, " ", by=person())
    assert codes(refused) == {"reason_missing"}
    actions.reopen(one, "The budget was misread.", by=person())
    assert queries.points_of(one.application.call_id) == {}
    actions.save_review(one, scores=scores(3, 3), **typed)
    actions.submit_review(one, by=one.reviewer)
    assert one.review.total == 60
    assert "review_reopened" in kinds()


def test_a_conflict_after_scoring_voids_the_review_and_keeps_the_record(app: Flask) -> None:
    application = case()
    one, other = reviewed(application, 5, 5), reviewed(application, 3, 3)
    decisions.recuse_from_review(one, "I learned that a cousin works there.", by=one.reviewer)
    review = db.session.get(Review, one.review.id)
    assert review.voided_at is not None
    assert review.total == 100
    assert len(review.scores) == 2
    points = queries.points_of(application.call_id)[application.id]
    assert [p.assignment_id for p in points] == [other.id]
    entry = db.session.query(HistoryEntry).filter_by(subject_kind="assignment", verb="recuse").one()
    assert (entry.actor_id, entry.reason) == (one.reviewer_id, "I learned that a cousin works there.")


def test_stepping_aside_declining_and_releasing_need_a_reason_and_close_everything(app: Flask) -> None:
    for act in (decisions.recuse_from_review, partial(actions.decline, kind=Declined.TOO_MANY), actions.release):
        one = assignment(case(), reviewer())
        mine = db.session.query(Assignment).filter(Assignment.id.in_([a.id for a in seen_by(one)]))
        assert mine.count() == 1
        with pytest.raises(Refused):
            act(one, "", by=one.reviewer)
        act(one, "Too much to do.", by=one.reviewer)
        assert seen_by(one) == []


def test_declining_says_for_what_kind_of_reason(app: Flask) -> None:
    one = assignment(case(), reviewer())
    actions.decline(one, "I know nothing of law.", kind=Declined.NOT_MY_FIELD, by=one.reviewer)
    assert (one.state, one.declined_for) == (AssignmentState.DECLINED, "not_my_field")
    entry = db.session.query(HistoryEntry).filter_by(subject_kind="assignment", verb="decline").one()
    assert (entry.reason, entry.details["kind"]) == ("I know nothing of law.", "not_my_field")


def seen_by(one: Assignment) -> list[Assignment]:
    return list(db.session.scalars(scope(one.reviewer, Assignment).where(Assignment.id == one.id)))


def test_coordinators_see_their_regions_auditors_all_and_nobody_a_conflict(app: Flask) -> None:
    of_call = call()
    here, there = case(of_call), case(of_call, applicant={"region": "LAC"})
    assignment(here, reviewer())
    assignment(there, reviewer())

    def seen(user: Person) -> set[int]:
        return {one.application_id for one in db.session.scalars(scope(user, Assignment))}

    coordinator = person(Role.REGIONAL_COORDINATOR, regions=["AFR"])
    auditor = person(Role.AUDITOR)
    assert seen(coordinator) == {here.id}
    assert seen(auditor) == {here.id, there.id}
    assert seen(person(Role.FINANCE_OFFICER)) == seen(person()) == seen(reviewer()) == set()
    for user in (coordinator, auditor):
        actions.declare_interest(user, here.organization, grade=Grade.CONFLICT, reason="Family.", by=user)
    assert seen(coordinator) == set()
    assert seen(auditor) == {there.id}


def test_what_is_overdue_is_late_but_can_still_be_submitted(app: Flask) -> None:
    one = assignment(case(), reviewer())
    assert not rules.is_late(one, DUE)
    assert rules.is_late(one, DUE.replace(day=27))
    actions.save_review(
        one, scores=scores(4, 4), summary="Fair.", for_applicant="Thanks.", recommendation="fund", by=one.reviewer
    )
    actions.submit_review(one, by=one.reviewer)
    assert not rules.is_late(one, DUE.replace(day=27))


def test_the_board_costs_the_same_number_of_queries_for_any_number_of_applications(app: Flask) -> None:
    of_call = call()
    queries.grid_of(of_call)  # the wording of a call is read once a process
    counts = []
    for _ in range(2):
        for _more in range(4):
            reviewed(case(of_call))
        statements: list[str] = []
        with counted(statements):
            standing = queries.standing_of(of_call)
            queries.board_of(of_call.id, standing.lines, standing.assignments)
            rules.results_of(standing)
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 7
