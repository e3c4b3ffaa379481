"""Complaining about the check or the decision: when, on which grounds, who answers, and what it leads to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from grants.accounts.models import MemberRole, Membership, Person, Role
from grants.applications.models import Application
from grants.applications.workflow import ApplicationState
from grants.assignments.actions import boards_for
from grants.assignments.queries import fresh_board
from grants.assignments.rules import bar, best_plan_for_most
from grants.awards.actions import release_decisions
from grants.awards.queries import letters_about
from grants.checks import actions as checks
from grants.checks.models import Finding, Outcome
from grants.complaints import actions, queries, rules
from grants.complaints.models import Complaint
from grants.complaints.workflow import ComplaintState
from grants.conflicts.models import Grade
from grants.core import clock
from grants.core.db import db
from grants.core.languages import long_day
from grants.core.mail import OutboxMail
from grants.core.rules import Refused
from grants.decisions import actions as decisions
from grants.decisions import queries as decided_by
from grants.decisions.models import Choice, Decision, Meeting
from grants.decisions.workflow import DecisionState
from grants.history.models import HistoryEntry
from grants.home.queries import work_of
from grants.letters.models import LetterKind
from grants.letters.queries import letter_about
from grants.reminders.queries import Window, deadlines
from grants.reviews import queries as reviews
from grants.reviews.actions import assign
from grants.reviews.models import Assignment, Review
from grants.reviews.workflow import AssignmentState
from tests.decisions.rows import coordinator, decided, members, scored, session_of
from tests.factories import call, person, save
from tests.http import Browser
from tests.reviews.rows import case, reviewed, reviewer

LETTERS = datetime(2027, 4, 12, 9, tzinfo=UTC)
LAST_DAY = date(2027, 4, 29)
LATER = datetime(2027, 5, 20, 9, tzinfo=UTC)
WHY = "Rule E01 speaks of the lead alone, and we are registered."


@pytest.fixture(autouse=True)
def _on_the_day_of_the_letters(app: Flask):
    with clock.at(LETTERS):
        yield


def owner(application: Application) -> Person:
    return db.session.get_one(Person, application.started_by_id)


def told(outcome: str = "decline", **more: object) -> tuple[Application, Meeting, list[Person]]:
    """An application whose letter was sent, the meeting that decided, and who sat in it."""
    application, people = scored(call(**more)), members(2)
    meeting = session_of(application.call, people)
    decided(meeting, application, people, outcome, reason="A reason.")
    chair = coordinator()
    decisions.close_meeting(meeting, minutes="All agreed.", by=chair)
    for one in people:
        decisions.sign(meeting, by=one)
    release_decisions(meeting, by=chair)
    return application, meeting, people


def found_ineligible(**more: object) -> tuple[Application, Person]:
    """An application that was found ineligible, and who found it."""
    application, judge = case(call(**more), state=ApplicationState.SUBMITTED), coordinator()
    rule = checks.check_eligibility(application, by=judge)[0]
    checks.judge(rule, Outcome.FAILED, "No registration.", by=judge)
    checks.find_ineligible(application, "You are not registered.", by=judge)
    return application, judge


def complained(application: Application, **more: str) -> Complaint:
    values = {"ground": "factual_error", "text": WHY} | more
    return actions.complain(application, **values, by=owner(application))


def codes(refused: pytest.ExceptionInfo[Refused]) -> list[str]:
    return [obstacle.code for obstacle in refused.value.obstacles]


def mails(kind: str) -> list[OutboxMail]:
    return list(db.session.scalars(select(OutboxMail).where(OutboxMail.kind == kind).order_by(OutboxMail.id)))


def verbs(kind: str, subject_id: int) -> list[tuple[str, str | None]]:
    found = select(HistoryEntry.verb, HistoryEntry.reason).where(
        HistoryEntry.subject_kind == kind, HistoryEntry.subject_id == subject_id
    )
    return [(verb, reason) for verb, reason in db.session.execute(found.order_by(HistoryEntry.id))]


# ------------------------------------------------------------------ what a conflict hides

NAMING = "Weaker than the Zanzibar lighthouse."


def test_no_letter_check_or_complaint_about_another_names_what_is_hidden_from_its_reader(app: Flask) -> None:
    """Only to its applicant, and to those without a conflict."""
    of_call, people, judge, free, tied = call(), members(2), coordinator(), coordinator(), coordinator()
    secret, declined = case(of_call, title="Zanzibar lighthouse"), scored(of_call)
    decisions.declare_interest(tied, secret.organization, grade=Grade.CONFLICT, reason="A cousin.", by=tied)
    meeting = session_of(of_call, people, by=judge)
    decided(meeting, declined, people, "decline", reason="No.", feedback=NAMING)
    decisions.close_meeting(meeting, minutes="All agreed.", by=judge)
    for one in people:
        decisions.sign(meeting, by=one)
    release_decisions(meeting, by=judge)
    checked, refused, waiting = (case(of_call, state=ApplicationState.SUBMITTED) for _ in range(3))
    for one in (checked, refused, waiting):
        checks.judge(checks.check_eligibility(one, by=judge)[0], Outcome.FAILED, NAMING, by=judge)
    checks.find_ineligible(refused, NAMING, by=judge)
    checks.find_ineligible(waiting, "No.", by=judge)
    given_back, answered_one = complained(waiting), complained(refused, text=NAMING)
    for one in (given_back, answered_one):
        actions.take_up(one, by=free)
    actions.hand_back(given_back, NAMING, by=free)
    actions.dismiss(answered_one, NAMING, by=free)
    pages = {
        f"/applications/{declined.reference}/letter": (free, owner(declined)),
        f"/applications/{checked.reference}/check": (free,),
        f"/applications/{checked.reference}/find-ineligible": (free,),
        f"/applications/{refused.reference}/letter": (free, owner(refused)),
        f"/applications/{refused.reference}/read": (free,),
        f"/complaints/{answered_one.reference}": (free, owner(refused)),
        f"/complaints/{given_back.reference}": (free,),
    }
    emails = {page: [one.email for one in readers] for page, readers in pages.items()}
    for email in [tied.email, *{one for some in emails.values() for one in some}]:
        browser = Browser(app).sign_in(email)
        for page, readers in emails.items():
            if email in (tied.email, *readers):
                browser.get(page)
                assert ("Zanzibar" in browser.text) is (email != tied.email), (page, email)


def test_nobody_answers_a_complaint_of_which_something_is_hidden_from_them(app: Flask) -> None:
    application, _ = found_ineligible()
    secret, tied, free = case(application.call, title="Zanzibar lighthouse"), coordinator(), coordinator()
    complaint = complained(application, text=NAMING)
    actions.take_up(complaint, by=tied)
    decisions.declare_interest(tied, secret.organization, grade=Grade.CONFLICT, reason="A cousin.", by=tied)
    with pytest.raises(Refused) as refused:
        actions.dismiss(complaint, "No.", by=tied)
    assert codes(refused) == ["unread"]
    actions.hand_back(complaint, "Not mine.", by=tied)
    page, unread = (
        f"/complaints/{complaint.reference}",
        "Part of this complaint is hidden from you; somebody else answers it.",
    )
    emails = [one.email for one in (tied, free)]
    for reader in emails:
        one = Browser(app).sign_in(reader)
        one.get(page)
        assert (unread in one.text, "Zanzibar" in one.text) == ((True, False) if reader == emails[0] else (False, True))


# ------------------------------------------------------------------ complaining


def test_a_complaint_is_received_with_a_receipt_and_the_coordinators_are_told() -> None:
    application, judge = found_ineligible()
    free, tied = coordinator(), coordinator()
    decisions.declare_interest(tied, application.organization, grade=Grade.CONFLICT, reason="A cousin.", by=tied)
    complaint = complained(application)
    assert (complaint.reference, complaint.state) == (f"{application.reference}-C1", ComplaintState.RECEIVED)
    assert complaint.answer_by == date(2027, 4, 27)
    assert [mail.to_person_id for mail in mails("complaint_received")] == [owner(application).id]
    assert {mail.to_person_id for mail in mails("complaint_made")} == {judge.id, free.id}
    assert not any(WHY in f"{mail.subject} {mail.body}" for mail in mails("complaint_made"))
    assert verbs("complaint", complaint.id) == [("complain", None)]


@pytest.mark.parametrize(
    ("announced", "terms", "last"),
    [
        (LAST_DAY, {}, LAST_DAY),
        (date(2027, 4, 13), {}, date(2027, 4, 26)),
        (None, {"complaints": {"window_days": 3}}, date(2027, 4, 15)),
    ],
)
def test_the_last_day_is_the_announced_one_and_never_fewer_days_than_promised(
    announced: date | None, terms: dict[str, object], last: date
) -> None:
    application, _ = found_ineligible(complaints_until=announced, terms=terms)
    matter = queries.matter_of(application)
    assert matter is not None
    assert rules.last_day(matter, actions.promise_of(application.call)) == last
    at_night = datetime(last.year, last.month, last.day, 21, 59, tzinfo=UTC)
    promise = actions.promise_of(application.call)
    assert rules.obstacles_to_complaining(matter, promise, [], at_night) == []
    after = at_night.replace(hour=22, minute=1)
    assert [one.code for one in rules.obstacles_to_complaining(matter, promise, [], after)] == ["too_late"]


@pytest.mark.parametrize("about", [found_ineligible, told])
@pytest.mark.parametrize(("moved", "last"), [(date(2027, 4, 14), LAST_DAY), (date(2027, 5, 3), date(2027, 5, 3))])
def test_the_day_that_a_letter_promised_holds_whatever_is_changed_later(
    about: Callable[..., Any], moved: date, last: date
) -> None:
    application = about(complaints_until=LAST_DAY)[0]
    application.call.complaints_until = moved
    db.session.flush()
    matter = queries.matter_of(application)
    assert matter is not None
    assert rules.last_day(matter, actions.promise_of(application.call)) == last
    with clock.at(datetime(last.year, last.month, last.day, 20, tzinfo=UTC)):
        complained(application)


@pytest.mark.parametrize("announced", [None, date(2027, 4, 13), LAST_DAY])
def test_letter_and_mail_about_the_check_name_the_day_that_is_kept(announced: date | None) -> None:
    application, _ = found_ineligible(complaints_until=announced)
    matter = queries.matter_of(application)
    assert matter is not None
    last = long_day(rules.last_day(matter, actions.promise_of(application.call)), "en")
    letter = letter_about(application, LetterKind.INELIGIBLE)
    [mail] = mails("application_found_ineligible")
    for words in (letter.closing, mail.body):
        assert last in " ".join(words.split())


def test_after_the_last_day_nobody_complains() -> None:
    application, _, _ = told()
    with clock.at(LATER), pytest.raises(Refused) as refused:
        complained(application)
    assert codes(refused) == ["too_late"]


def test_one_complaint_waits_at_a_time() -> None:
    application, _, _ = told()
    first = complained(application)
    with pytest.raises(Refused) as refused:
        complained(application)
    assert codes(refused) == ["waits"]
    actions.withdraw(first, by=owner(application))
    assert complained(application).reference == f"{application.reference}-C2"


def test_the_database_keeps_two_complaints_from_waiting_at_once() -> None:
    application, _, _ = told()
    first = complained(application)
    same = {"state": first.state, "ground": first.ground, "text": WHY, "language": "en", "answer_by": first.answer_by}
    db.session.add(Complaint(reference="C", application=application, made_by_id=first.made_by_id, **same))
    with pytest.raises(IntegrityError, match="uq_complaint_one_open"):
        db.session.flush()
    db.session.rollback()


@pytest.mark.parametrize(
    ("typed", "code"), [({"ground": "bad_weather"}, "ground_unknown"), ({"text": " \n"}, "text_missing")]
)
def test_a_complaint_names_a_ground_of_the_call_and_says_what_went_wrong(typed: dict[str, str], code: str) -> None:
    application, _, _ = told()
    with pytest.raises(Refused) as refused:
        complained(application, **typed)
    assert codes(refused) == [code]


def test_the_grounds_and_days_are_those_of_the_call() -> None:
    terms = {
        "complaints": {"answer_days": 4, "grounds": ["late_letter", "factual_error"]},
        "complaint_labels": {"late_letter": {"en": "The letter came late"}},
    }
    promise = rules.promise_of(terms)
    assert (promise.window_days, promise.answer_days) == (14, 4)
    assert str(promise.grounds["late_letter"]) == "The letter came late"
    assert str(promise.grounds["factual_error"]) == "The assessment contains an error of fact"
    assert list(rules.promise_of({}).grounds) == ["procedural_error", "factual_error", "conflict_of_interest"]


def test_nobody_complains_about_what_they_were_not_told_or_about_an_offer() -> None:
    application, people = scored(call()), members(2)
    decided(session_of(application.call, people), application, people, "decline", reason="A reason.")
    with pytest.raises(Refused) as refused:
        complained(application)
    assert codes(refused) == ["nothing_told"]
    awarded, _, _ = told("award")
    assert queries.matter_of(awarded) is None


# ------------------------------------------------------------------ who answers


def test_nobody_who_had_a_part_in_the_check_answers() -> None:
    application, judge = found_ineligible()
    complaint, free = complained(application), coordinator()
    assert queries.parts_of(judge, complaint) == ["checked"]
    assert queries.parts_of(free, complaint) == []
    with pytest.raises(Refused) as refused:
        actions.take_up(complaint, by=judge)
    assert codes(refused) == ["checked"]
    actions.take_up(complaint, by=free)
    assert (complaint.state, complaint.examiner_id) == (ComplaintState.TAKEN_UP, free.id)


def test_nobody_who_had_a_part_in_the_decision_answers() -> None:
    application, meeting, (first, second) = told()
    read = db.session.scalars(select(Assignment).where(Assignment.application_id == application.id)).first()
    assert read is not None
    complaint, typist, tied, chair = complained(application), coordinator(), coordinator(), meeting.called_by_id
    application.entered_by_id = typist.id
    decisions.declare_interest(tied, application.organization, grade=Grade.CONFLICT, reason="A cousin.", by=tied)
    assert queries.parts_of(first, complaint) == ["decided", "sat"]
    assert queries.parts_of(second, complaint) == ["decided", "sat"]
    assert queries.parts_of(read.reviewer, complaint) == ["reviewed"]
    assert queries.parts_of(typist, complaint) == ["typed"]
    assert queries.parts_of(tied, complaint) == ["tied"]
    ran = db.session.get_one(Person, chair)
    assert queries.parts_of(ran, complaint) == [], "nobody else is free"
    free = coordinator()
    assert queries.parts_of(ran, complaint) == ["ran"]
    assert queries.parts_of(free, complaint) == []
    with pytest.raises(Refused):
        actions.take_up(complaint, by=ran)
    for somebody in (first, read.reviewer, typist, tied):
        with pytest.raises(Refused):
            actions.take_up(complaint, by=somebody)
    assert complaint.state == ComplaintState.RECEIVED


def test_only_who_took_it_up_answers_and_a_tie_that_comes_up_later_stops_them() -> None:
    application, _, _ = told()
    complaint, examiner, other = complained(application), coordinator(), coordinator()
    actions.take_up(complaint, by=examiner)
    with pytest.raises(Refused) as refused:
        actions.dismiss(complaint, "It stands.", by=other)
    assert codes(refused) == ["not_yours"]
    decisions.declare_interest(
        examiner, application.organization, grade=Grade.CONFLICT, reason="A cousin.", by=examiner
    )
    with pytest.raises(Refused) as refused:
        actions.dismiss(complaint, "It stands.", by=examiner)
    assert codes(refused) == ["tied"]
    actions.hand_back(complaint, "A cousin works there.", by=examiner)
    actions.take_up(complaint, by=other)
    assert [verb for verb, _ in verbs("complaint", complaint.id)] == ["complain", "take_up", "hand_back", "take_up"]


@pytest.mark.parametrize("act", [actions.uphold, actions.dismiss])
def test_an_answer_without_reasons_is_refused(act) -> None:
    application, _, _ = told()
    complaint, examiner = complained(application), coordinator()
    actions.take_up(complaint, by=examiner)
    with pytest.raises(Refused) as refused:
        act(complaint, "  ", by=examiner)
    assert codes(refused) == ["reason_missing"]


# ------------------------------------------------------------------ what it leads to


def answered(application: Application, *, right: bool = True) -> Complaint:
    """A complaint that was upheld or dismissed by somebody who had no part."""
    complaint, examiner = complained(application), coordinator()
    actions.take_up(complaint, by=examiner)
    (actions.uphold if right else actions.dismiss)(complaint, "We looked at it again.", by=examiner)
    return complaint


def test_a_dismissed_complaint_leaves_everything_as_it_is() -> None:
    application, _, _ = told()
    complaint = answered(application, right=False)
    assert (complaint.state, complaint.answered_at) == (ComplaintState.DISMISSED, LETTERS)
    assert decided_by.state_of_decision(application.id) == DecisionState.RELEASED
    (mail,) = mails("complaint_answered")
    assert mail.to_person_id == owner(application).id
    assert "looked at it again" not in f"{mail.subject} {mail.body}"


def test_a_complaint_upheld_against_the_check_opens_it_again_at_once() -> None:
    application, _ = found_ineligible()
    complaint = answered(application)
    assert application.state == ApplicationState.SUBMITTED
    assert verbs("application", application.id)[-1] == (
        "reopen_check",
        f"{complaint.reference}: We looked at it again.",
    )
    assert db.session.scalars(select(Finding).where(Finding.application_id == application.id)).one().judged


def test_the_check_that_follows_from_a_complaint_is_carried_out_by_somebody_else(app: Flask, browser: Browser) -> None:
    application, judge = found_ineligible()
    answered(application)
    (finding,) = db.session.scalars(select(Finding).where(Finding.application_id == application.id))
    for act in (
        lambda by: checks.check_eligibility(application, by=by),
        lambda by: checks.judge(finding, Outcome.PASSED, "I looked again.", by=by),
        lambda by: checks.find_eligible(application, by=by),
        lambda by: checks.find_ineligible(application, "It stands.", by=by),
        lambda by: checks.ask(application, ["S1"], "The certificate.", date(2027, 5, 1), by=by),
    ):
        with pytest.raises(Refused) as refused:
            act(judge)
        assert codes(refused)[-1] == "checked_before"
    browser.sign_in(judge).get(f"/applications/{application.reference}/check")
    assert "Somebody else carries out the new one." in browser.text
    assert "Judge it otherwise" not in browser.text
    other, application = coordinator(), db.session.get_one(Application, application.id)
    (finding,) = checks.check_eligibility(application, by=other)
    checks.judge(finding, Outcome.PASSED, "Registered in 2010, paper seen.", by=other)
    checks.find_eligible(application, by=other)
    assert application.state == ApplicationState.ELIGIBLE


def test_a_mistake_of_ones_own_is_mended_by_oneself() -> None:
    application, judge = found_ineligible()
    decisions.reopen_check(application, "I read the wrong page.", by=judge)
    checks.judge(checks.check_eligibility(application, by=judge)[0], Outcome.PASSED, "Page 2.", by=judge)
    checks.find_eligible(application, by=judge)
    assert application.state == ApplicationState.ELIGIBLE


@pytest.mark.parametrize("outcome", ["decline", "reserve"])
def test_a_complaint_upheld_against_a_decision_leads_to_a_fresh_assessment_by_others(outcome: str) -> None:
    application, meeting, people = told(outcome)
    before = reviews.assignments_of_application(application.id)
    answered(application)
    (former,) = decided_by.decisions_of(meeting)
    assert former.state == DecisionState.SET_ASIDE
    assert [vote.choice for vote in former.votes] == [Choice.FOR, Choice.FOR]
    assert decided_by.on_record([former.id])[former.id].votes == (2, 0, 0, 0)
    assert decided_by.state_of_decision(application.id) is None
    assert decided_by.decided_in(application.call_id) == set()
    assert letters_about([application.id]) == {}
    kept = list(db.session.scalars(select(Review).join(Review.assignment)))
    assert [one.voided_at for one in kept] == [LETTERS, LETTERS]
    assert reviews.points_of(application.call_id) == {}
    assert {one.state for one in before} == {AssignmentState.REPLACED}
    with pytest.raises(Refused) as refused:
        assign(application, before[0].reviewer, due_on=date(2027, 5, 1), by=coordinator())
    assert codes(refused) == ["assessed_before"]
    chair, fresh = coordinator(), [reviewer(), reviewer()]
    best, _why = best_plan_for_most(boards_for(application.call, chair).first, 2)
    chosen = [(application, db.session.get_one(Person, pair.reviewer.id), 1) for pair in best.pairs]
    asked = decisions.ask_reviewers(application.call, chosen, due_on=date(2027, 5, 1), by=chair)
    assert {one.reviewer_id for one in asked} == {one.id for one in fresh}
    for one in asked:
        db.session.delete(one)
    db.session.flush()
    for one in fresh:
        reviewed(application, 5, 5, by=one)
    another = session_of(application.call, people)
    again = decided(another, application, people, "award")
    assert (again.state, again.score) == (DecisionState.TAKEN, "100")
    assert decided_by.decision_on(application.id) == again
    assert [one.state for one in decided_by.decisions_of(meeting)] == [DecisionState.SET_ASIDE]
    assert [one.application_id for one in decided_by.awarded_in(application.call_id)] == [application.id]


def test_the_best_assignment_asks_nobody_who_assessed_before() -> None:
    application, _, _ = told()
    former = [one.reviewer_id for one in reviews.assignments_of_application(application.id)]
    answered(application)
    fresh = reviewer()
    board = fresh_board(application.call)
    bars = {person.id: bar(board, board.lines[0], person) for person in board.candidates}
    assert bars == dict.fromkeys(former, "before") | {fresh.id: None}


def test_the_database_keeps_one_standing_decision_for_each_application() -> None:
    application, meeting, people = told()
    answered(application)
    decided_once = {"application_id": application.id, "meeting_id": meeting.id, "currency": "EUR"}
    for _ in range(2):
        db.session.add(Decision(**decided_once, outcome="decline", proposed_by_id=people[0].id))
    with pytest.raises(IntegrityError, match="uq_decision_standing"):
        db.session.flush()
    db.session.rollback()


def test_the_offer_of_a_grant_is_not_set_aside() -> None:
    application, _, _ = told("award")
    decision = decided_by.decision_on(application.id)
    assert decision is not None
    with pytest.raises(Refused) as refused:
        decisions.set_aside(decision, "A reason.", by=coordinator())
    assert codes(refused) == ["award_offered"]


# ------------------------------------------------------------------ waiting


def test_who_took_it_up_is_reminded_and_before_that_the_coordinators_without_a_tie() -> None:
    application, _, _ = told()
    complaint, examiner, tied, _elsewhere = complained(application), coordinator(), coordinator(), coordinator("LAC")
    decisions.declare_interest(tied, application.organization, grade=Grade.CONFLICT, reason="A cousin.", by=tied)
    window = Window(LETTERS, LATER - LETTERS, LATER - LETTERS)

    def due() -> list[tuple[date, set[int]]]:
        return [(one.due, {p.id for p in one.people}) for one in deadlines(window) if one.kind == "complaint_due"]

    ((day, people),) = due()
    assert day == complaint.answer_by
    assert examiner.id in people
    assert not {tied.id, _elsewhere.id} & people
    actions.take_up(complaint, by=examiner)
    assert due() == [(complaint.answer_by, {examiner.id})]
    actions.dismiss(complaint, "It stands.", by=examiner)
    assert due() == []


def test_it_waits_on_the_home_of_coordinators_until_somebody_else_has_it() -> None:
    application, _, _ = told()
    complaint, examiner, other = complained(application), coordinator(), coordinator()

    def waits_for(person_: Person) -> bool:
        return any(one.kind == "answer_complaint" for one in work_of(person_, LETTERS))

    assert waits_for(examiner)
    assert waits_for(other)
    actions.take_up(complaint, by=examiner)
    assert waits_for(examiner)
    assert not waits_for(other)


# ------------------------------------------------------------------ the pages


def test_whoever_decides_is_told_of_a_complaint_that_waits_and_nobody_with_a_conflict(app: Flask) -> None:
    application, meeting, people = told()
    chair, tied, elsewhere, auditor = coordinator(), coordinator(), coordinator("ASI"), person(Role.AUDITOR)
    of_theirs = coordinator()
    save(Membership(organization_id=application.organization_id, person_id=of_theirs.id, role=MemberRole.EDITOR))
    decisions.declare_interest(tied, application.organization, grade=Grade.CONFLICT, reason="A cousin.", by=tied)
    complaint = complained(application)
    reference, room, ranked = (
        complaint.reference,
        f"/meetings/{meeting.reference}",
        f"/calls/{application.call.reference}/decisions",
    )
    readers = {one.email: one in (chair, auditor) for one in (chair, auditor, tied, elsewhere, of_theirs)}
    for email, is_told in readers.items():
        browser = Browser(app).sign_in(email)
        for page in (room, ranked):
            shown = browser.open(page)
            assert (reference in browser.text) is is_told, (email, page)
            assert (f"/complaints/{reference}" in shown.links) is is_told
            assert ("1 complaint waits for its answer" in shown.content) is is_told
    sits = Browser(app).sign_in(people[0].email)
    sits.get(room)
    assert reference not in sits.text, "the committee itself does not answer"


def test_what_is_answered_waits_no_longer(browser: Browser) -> None:
    application, meeting, _ = told()
    chair = coordinator()
    answered(application, right=False)
    browser.sign_in(chair).get(f"/meetings/{meeting.reference}")
    assert "for its answer" not in browser.text


def test_complaining_and_answering_through_the_pages(app: Flask, browser: Browser) -> None:
    application, _, people = told()
    reference, mine, examiner = application.reference, owner(application).email, coordinator().email
    of_call = application.call.reference
    letter, page = f"/applications/{reference}/letter", f"/applications/{reference}/complain"
    browser.sign_in(mine).get(letter)
    assert page in browser.text
    assert "Please answer the mail" not in browser.text
    browser.get(page)
    for words in ("by 27 April 2027", "until 29 April 2027", "error of fact"):
        assert words in browser.text, words
    browser.post(page, {"text": WHY}, page=page, status=422)
    assert WHY in browser.text
    browser.post(page, {"ground": "factual_error", "text": ""}, page=page, status=422)
    browser.post(page, {"ground": "factual_error", "text": WHY}, page=page, status=302)
    browser.follow()
    complaint = f"/complaints/{reference}-C1"
    assert WHY in browser.text
    browser.get(letter)
    assert page not in browser.text
    assert complaint in browser.text
    browser.get(page)
    assert "waits for its answer" in browser.text
    staff = Browser(app).sign_in(examiner)
    staff.get(f"/calls/{of_call}/complaints")
    assert f"{reference}-C1" in staff.text
    staff.get(complaint)
    staff.post(f"{complaint}/answer", {"verdict": "uphold", "answer": "x"}, page=complaint, status=409)
    staff.post(f"{complaint}/take-up", page=complaint, status=302)
    staff.post(f"{complaint}/answer", {"verdict": "uphold", "answer": ""}, page=complaint, status=422)
    staff.post(f"{complaint}/hand-back", {"reason": ""}, page=complaint, status=422)
    answer = "The review took your budget for another one."
    staff.post(f"{complaint}/answer", {"verdict": "uphold", "answer": answer}, page=complaint, status=302)
    browser.get(complaint)
    for words in (answer, "The complaint is upheld", "the committee decides again"):
        assert words in browser.text, words
    assert examiner.partition("@")[0] not in browser.text
    browser.get(letter)
    assert "This decision was set aside" in browser.text
    browser.get(f"/applications/{reference}")
    assert "Declined" not in browser.text
    member = Browser(app).sign_in(people[0])
    member.get(f"/meetings/{of_call}-M1/sheet")
    assert "Set aside after a complaint" in member.text
    assert "2 for, 0 against, 0 abstained" in member.text


def test_an_ineligible_application_has_the_way_to_complain_and_to_withdraw(app: Flask, browser: Browser) -> None:
    application, judge = found_ineligible()
    page, complaint = f"/applications/{application.reference}/complain", f"/complaints/{application.reference}-C1"
    judge_mail = judge.email
    browser.sign_in(owner(application)).get(f"/applications/{application.reference}")
    assert page in browser.text
    browser.get(page)
    browser.post(page, {"ground": "procedural_error", "text": WHY}, page=page, status=302)
    staff = Browser(app).sign_in(judge_mail)
    staff.get(complaint)
    assert "You took part in the eligibility check" in staff.text
    staff.post(f"{complaint}/take-up", page=complaint, status=409)
    browser.post(f"{complaint}/withdraw", page=complaint, status=302)
    browser.follow()
    assert "Complaint withdrawn" in browser.text
    assert [mail.to_person_id for mail in mails("complaint_withdrawn")] == [judge.id]
    browser.post(f"{complaint}/withdraw", page=complaint, status=409)


def test_before_the_letter_there_is_no_page_and_for_others_never(app: Flask, browser: Browser) -> None:
    application, people = scored(call()), members(2)
    decided(session_of(application.call, people), application, people, "decline", reason="A reason.")
    reference, page = application.reference, f"/applications/{application.reference}/complain"
    browser.sign_in(owner(application)).get(page, 404)
    ineligible, _ = found_ineligible()
    complaint = complained(ineligible)
    stranger = Browser(app).sign_in(owner(application))
    stranger.get(f"/applications/{ineligible.reference}/complain", 404)
    stranger.get(f"/complaints/{complaint.reference}", 404)
    stranger.post(f"/complaints/{complaint.reference}/withdraw", page=f"/applications/{reference}", status=404)
    Browser(app).sign_in(coordinator("LAC")).get(f"/complaints/{complaint.reference}", 404)
    Browser(app).sign_in(person(Role.REVIEWER)).get(f"/complaints/{complaint.reference}", 404)
    auditor = Browser(app).sign_in(person(Role.AUDITOR))
    auditor.get(f"/complaints/{complaint.reference}")
    auditor.post(f"/complaints/{complaint.reference}/take-up", page=f"/complaints/{complaint.reference}", status=403)
    tied = coordinator()
    decisions.declare_interest(tied, ineligible.organization, grade=Grade.CONFLICT, reason="A cousin.", by=tied)
    Browser(app).sign_in(tied).get(f"/complaints/{complaint.reference}", 404)
