"""Once the committee has decided: what the decision stands on stays, and the applicant is told when the letter is sent."""

from __future__ import annotations

from functools import partial

import pytest
from flask import Flask
from sqlalchemy import text, update
from sqlalchemy.exc import DBAPIError

from grants.accounts.models import Person, Role, RoleGrant
from grants.applications.models import Application
from grants.applications.workflow import ApplicationState
from grants.assignments.actions import boards_for
from grants.calls.models import Call
from grants.calls.workflow import CallState
from grants.conflicts import queries as conflicts
from grants.conflicts.models import ConflictDeclaration, Grade
from grants.core import clock
from grants.core.mail import OutboxMail
from grants.core.rules import Refused
from grants.decisions import actions, queries, rules
from grants.decisions.models import Choice, Decision, DecisionOutcome
from grants.decisions.workflow import DecisionState
from grants.history.models import HistoryEntry
from grants.reviews import queries as reviews
from grants.reviews.actions import save_review
from grants.reviews.models import Assignment, Declined
from grants.reviews.workflow import AssignmentState
from tests.decisions.rows import AT, coordinator, decided, members, scored, session_of
from tests.factories import award, call, db, person, save
from tests.factories import decision as decision_on
from tests.http import Browser
from tests.reviews.rows import DUE as EARLIER
from tests.reviews.rows import case, declared, reviewed, reviewer, scores

DUE = EARLIER.replace(month=5)

SECOND_THOUGHTS = "Second thoughts."
A_COUSIN = "A cousin works there."


@pytest.fixture(autouse=True)
def _on_the_day_of_the_meeting(app: Flask):
    with clock.at(AT):
        yield


def refusal(act, *args, **more) -> set[str]:
    with pytest.raises(Refused) as refused:
        act(*args, **more)
    return {obstacle.code for obstacle in refused.value.obstacles}


def mails(kind: str) -> list[OutboxMail]:
    return db.session.query(OutboxMail).filter_by(kind=kind).order_by(OutboxMail.id).all()


def owner(application: Application) -> Person:
    found = db.session.get(Person, application.started_by_id)
    assert found is not None
    return found


def completed(application: Application) -> list[Assignment]:
    return db.session.query(Assignment).filter_by(application_id=application.id).order_by(Assignment.id).all()


@pytest.mark.parametrize("state", [DecisionState.TAKEN, DecisionState.RELEASED])
def test_what_was_decided_is_not_undone_upstream(state: DecisionState) -> None:
    of_call = call()
    application = scored(of_call)
    decision_on(application, person(), state=state)
    by = coordinator()
    if state == DecisionState.RELEASED:
        assert refusal(actions.withdraw_application, application, SECOND_THOUGHTS, by=by) == {"decided_already"}
    assert refusal(actions.reopen_check, application, SECOND_THOUGHTS, by=by) == {"decided_already"}
    assert refusal(actions.reopen_review, completed(application)[0], SECOND_THOUGHTS, by=by) == {"decided_already"}
    assert refusal(actions.cancel_call, of_call, SECOND_THOUGHTS, by=by) == {"decided_already"}
    assert (application.state, of_call.state) == (ApplicationState.ELIGIBLE, CallState.PUBLISHED)


def test_what_is_only_proposed_can_still_be_undone() -> None:
    of_call = call()
    first, second, third = scored(of_call), scored(of_call), scored(of_call)
    for one in (first, second, third):
        decision_on(one, person(), state=DecisionState.PROPOSED, released_at=None)
    by = coordinator()
    actions.withdraw_application(first, SECOND_THOUGHTS, by=by)
    actions.reopen_check(second, SECOND_THOUGHTS, by=by)
    actions.reopen_review(completed(third)[0], SECOND_THOUGHTS, by=by)
    actions.recuse_from_review(completed(third)[1], SECOND_THOUGHTS, by=completed(third)[1].reviewer)
    actions.cancel_call(of_call, SECOND_THOUGHTS, by=by)
    assert (first.state, second.state) == (ApplicationState.WITHDRAWN, ApplicationState.SUBMITTED)
    assert [one.state for one in completed(third)] == [AssignmentState.ACCEPTED, AssignmentState.RECUSED]
    assert of_call.state == CallState.CANCELLED


def test_nothing_is_decided_about_an_application_that_was_withdrawn_meanwhile() -> None:
    of_call, people = call(), members()
    application, meeting = scored(of_call), session_of(of_call, people)
    amount = application.requested
    decision = actions.propose(meeting, application, outcome="award", amount=amount, by=people[0])
    for one in people:
        actions.vote(decision, Choice.FOR, by=one)
    actions.withdraw_application(application, SECOND_THOUGHTS, by=owner(application))
    assert "not_eligible" in refusal(actions.take, decision, by=people[0])


@pytest.mark.parametrize("way", ["recuse", "declare"])
def test_a_late_conflict_is_declared_and_hides_but_the_decision_goes_on_counting_the_review(way: str) -> None:
    of_call, people = call(), members()
    application, other = scored(of_call, 5, 5), scored(of_call)
    decision = decided(session_of(of_call, people), application, people)
    late = completed(application)[0]
    before = rules.ranking(of_call, reviews.standing_of(of_call))
    reason = "A cousin works there."
    if way == "recuse":
        actions.recuse_from_review(late, reason, by=late.reviewer)
    else:
        tie = {"grade": Grade.CONFLICT, "reason": reason, "by": late.reviewer}
        actions.declare_interest(late.reviewer, application.organization, **tie)
    declared = db.session.query(ConflictDeclaration).filter_by(person_id=late.reviewer_id).one()
    assert (declared.person_id, declared.grade, declared.reason) == (late.reviewer_id, Grade.CONFLICT, reason)
    assert application.id in conflicts.hidden_ids(late.reviewer, of_call.id)
    assert (late.state, late.review.voided_at) == (AssignmentState.COMPLETED, None)
    after = rules.ranking(of_call, reviews.standing_of(of_call))
    assert [(one.rank, one.application.id, one.result.score) for one in after.ranked] == [
        (one.rank, one.application.id, one.result.score) for one in before.ranked
    ]
    assert after.place(application.id).rank == decision.rank
    noted = db.session.query(HistoryEntry).filter_by(subject_kind="decision", verb="late_conflict").one()
    assert noted.subject_id == decision.id
    undecided = completed(other)[0]
    actions.recuse_from_review(undecided, reason, by=undecided.reviewer)
    assert undecided.review.voided_at == AT, "without a decision a conflict takes the review out"


def test_a_member_who_reviewed_and_steps_aside_late_leaves_the_counted_review() -> None:
    of_call, people = call(), members()
    application = scored(of_call)
    both, chair = completed(application)[0].reviewer, coordinator()
    meeting = session_of(of_call, [*people, reviewer_on_the_committee(both)], by=chair)
    decision = decided(meeting, application, people)
    actions.recuse(meeting, application, both, A_COUSIN, by=both)
    assert completed(application)[0].review.voided_at is None
    assert application.id in conflicts.hidden_ids(both, of_call.id)
    assert queries.on_record([decision.id])[decision.id].late == (both.reference,), "named once"
    assert [mail.about for mail in mails("conflict_after_decision")] == [application.reference]


# ------------------------------------------------------------------ no review comes after the decision


def unfinished(application: Application, state: AssignmentState = AssignmentState.ACCEPTED) -> Assignment:
    """A third review that nobody waited for, with everything filled in."""
    made = reviewed(application, round=2)
    made.state, made.review.submitted_at, made.review.total = state, None, None
    db.session.flush()
    return made


def test_after_the_decision_nobody_is_asked_accepts_or_submits() -> None:
    of_call = call()
    application = scored(of_call)
    started, just_asked = unfinished(application), unfinished(application, AssignmentState.ASKED)
    decision = decision_on(application, person(), state=DecisionState.PROPOSED, released_at=None)
    another = reviewer()
    ask = {"due_on": DUE, "round": 2, "by": coordinator()}
    assert "decided_already" not in refusal(actions.ask_reviewer, application, another, **ask)
    decision.state = DecisionState.TAKEN
    db.session.flush()
    accept = {"grade": Grade.NONE, "reason": "", "by": just_asked.reviewer}
    declared(just_asked.reviewer, application)
    assert refusal(actions.ask_reviewer, application, another, **ask) == {"decided_already"}
    assert refusal(actions.accept_review, just_asked, **accept) == {"decided_already"}
    assert refusal(actions.submit_review, started, by=started.reviewer) == {"decided_already"}
    decision.state = DecisionState.PROPOSED
    actions.accept_review(just_asked, **accept)
    actions.submit_review(started, by=started.reviewer)
    assert (just_asked.state, started.state) == (AssignmentState.ACCEPTED, AssignmentState.COMPLETED)


def test_plans_leave_out_what_is_decided() -> None:
    of_call, chair, free = call(), coordinator(), reviewer()
    done_with, waiting = case(of_call), case(of_call)
    decision_on(done_with, person(), state=DecisionState.TAKEN, released_at=None)
    assert [line.reference for line in boards_for(of_call, chair).first.lines] == [waiting.reference]
    both = [(done_with, free, 1), (waiting, free, 1)]
    assert refusal(actions.ask_reviewers, of_call, both, due_on=DUE, by=chair) == {"decided_already"}
    asked = actions.ask_reviewers(of_call, both[1:], due_on=DUE, by=chair)
    assert [one.application_id for one in asked] == [waiting.id]


def test_the_pages_say_why_no_review_comes_any_more(app: Flask, browser: Browser) -> None:
    of_call = call()
    application, chair = scored(of_call), coordinator()
    started, just_asked = unfinished(application), unfinished(application, AssignmentState.ASKED)
    declared(just_asked.reviewer, application)
    decision_on(application, person(), state=DecisionState.TAKEN, released_at=None)
    another, of_reviews = reviewer(), f"/calls/{of_call.reference}/reviews/{application.reference}"
    writing, asked = f"/reviews/{started.id}", f"/reviews/{just_asked.id}"
    writers = [started.reviewer.email, just_asked.reviewer.email]
    already = "The committee has decided about this application already."
    typed = {"value_A1": "3", "summary": "Kept.", "submit": "yes"}
    browser.sign_in(writers[0]).get(writing)
    assert already in browser.text
    assert "Save and submit" not in browser.text
    browser.post(writing, typed, page=writing, status=302)
    browser.follow()
    assert "can no longer be submitted" in browser.text
    assert "Kept." in browser.text, "the draft is saved"
    assert db.session.get(Assignment, started.id).state == AssignmentState.ACCEPTED
    other = Browser(app).sign_in(writers[1])
    other.get(asked)
    assert already in other.text
    other.post(f"{asked}/declare", {"grade": "none"}, page=asked, status=409)
    staff = Browser(app).sign_in(chair)
    staff.get(of_reviews)
    assert already in staff.text
    ask = {"due_on": str(DUE), "round": "2", "reviewer": another.reference}
    staff.post(of_reviews, ask, page=of_reviews, status=409)
    assert already in staff.text


# ------------------------------------------------------------------ the votes of a decision


def test_the_votes_of_a_decision_stay_as_they_were_counted(app: Flask, browser: Browser) -> None:
    of_call, people = call(), members(3)
    chair, application = coordinator(), scored(of_call)
    meeting = session_of(of_call, people, by=chair)
    decision = decided(meeting, application, people)
    late, left = people[2], people[1]
    actions.recuse(meeting, application, late, A_COUSIN, by=late)
    actions.mark_present(meeting, left, present=False, by=left)
    noted = db.session.query(HistoryEntry).filter_by(subject_kind="decision", verb="late_recusal").one()
    assert (noted.subject_id, noted.details) == (decision.id, {"member": late.reference})
    assert {mail.to_person_id for mail in mails("conflict_after_decision")} == {chair.id}
    room, sheet = f"/meetings/{meeting.reference}", f"/meetings/{meeting.reference}/sheet"
    browser.sign_in(chair)
    for page in (sheet, f"{room}/{application.reference}"):
        browser.get(page)
        assert "3 for, 0 against, 0 abstained" in browser.text, page
    browser.get(sheet)
    assert f"Declared a conflict after the decision: {late.name}" in browser.text
    assert "Left the room:" not in browser.text
    decision, voter = db.session.merge(decision), db.session.merge(people[0])
    actions.reconsider(decision, SECOND_THOUGHTS, by=voter)
    actions.vote(decision, Choice.FOR, by=voter)
    assert "no_quorum" in refusal(actions.take, decision, by=voter), "taken up again, the conflict counts"
    browser.get(sheet)
    assert "1 for, 0 against, 0 abstained" in browser.text
    assert f"Left the room: {late.name}" in browser.text


def test_who_stepped_aside_before_has_no_part_in_the_decision() -> None:
    of_call, people = call(), members(3)
    application = scored(of_call)
    meeting, out = session_of(of_call, people), people[2]
    actions.recuse(meeting, application, out, A_COUSIN, by=out)
    decision = decided(meeting, application, people[:2])
    again = {"grade": Grade.CONFLICT, "reason": A_COUSIN, "by": out}
    actions.declare_interest(out, application.organization, **again)
    assert queries.on_record([decision.id])[decision.id].late == ()
    assert mails("conflict_after_decision") == []


def test_taken_up_again_a_decision_no_longer_counts_the_review_of_a_late_conflict() -> None:
    of_call, people = call(), members()
    chair, application = coordinator(), scored(of_call)
    decision = decided(session_of(of_call, people), application, people)
    late, other = completed(application)
    actions.recuse_from_review(late, A_COUSIN, by=late.reviewer)
    assert late.state == AssignmentState.COMPLETED
    actions.reconsider(decision, SECOND_THOUGHTS, by=chair)
    assert (late.state, other.state) == (AssignmentState.RECUSED, AssignmentState.COMPLETED)
    entry = db.session.query(HistoryEntry).filter_by(subject_kind="assignment", verb="recuse").one()
    assert (entry.subject_id, entry.reason) == (late.id, A_COUSIN)
    assert "reviews_missing" in refusal(actions.take, decision, by=chair)


# ------------------------------------------------------------------ the coordinators hear of a late conflict


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        (AssignmentState.ASKED, "reviewer_missing"),
        (AssignmentState.ACCEPTED, "conflict_declared_late"),
        (AssignmentState.COMPLETED, "conflict_declared_late"),
    ],
)
def test_a_conflict_that_comes_after_the_reading_began_is_told_as_such(state: AssignmentState, kind: str) -> None:
    application, chair = scored(call()), coordinator()
    tied = coordinator()
    late = completed(application)[0]
    late.state = state
    actions.declare_interest(tied, application.organization, grade=Grade.CONFLICT, reason=A_COUSIN, by=tied)
    actions.recuse_from_review(late, A_COUSIN, by=late.reviewer)
    told = [mail for mail in db.session.query(OutboxMail) if mail.about == application.reference]
    assert [(mail.kind, mail.to_person_id) for mail in told] == [(kind, chair.id)]
    assert A_COUSIN not in (told[0].body or "")


def test_after_a_decision_nobody_is_missed_but_a_started_review_is_told() -> None:
    application, chair = scored(call()), coordinator()
    started, just_asked = unfinished(application), unfinished(application, AssignmentState.ASKED)
    declared(just_asked.reviewer, application)
    decision_on(application, person(), state=DecisionState.TAKEN, released_at=None)
    for one in (just_asked, started):
        actions.recuse_from_review(one, A_COUSIN, by=one.reviewer)
        assert one.state == AssignmentState.RECUSED
    assert [(mail.kind, mail.to_person_id) for mail in db.session.query(OutboxMail)] == [
        ("conflict_declared_late", chair.id)
    ]


def reviewer_on_the_committee(reviewer: Person) -> Person:
    save(RoleGrant(person_id=reviewer.id, role=Role.COMMITTEE_MEMBER, regions=[]))
    db.session.refresh(reviewer)
    return reviewer


def test_the_database_keeps_a_decided_application_eligible(app: Flask) -> None:
    application = scored(call())
    decision_on(application, person(), state=DecisionState.TAKEN)
    away = update(Application).where(Application.id == application.id).values(state=ApplicationState.WITHDRAWN)
    with pytest.raises(DBAPIError, match="the committee has decided"), db.session.begin_nested():
        db.session.execute(away)
    db.session.execute(text("UPDATE decision SET state = 'proposed'"))
    db.session.execute(away)
    db.session.refresh(application)
    assert application.state == ApplicationState.WITHDRAWN


def test_no_meeting_is_called_when_everything_is_decided(app: Flask, browser: Browser) -> None:
    of_call, people = call(), members()
    decision_on(scored(of_call), person())
    room = {"starts_at": AT, "members": people, "quorum": 1, "by": coordinator()}
    assert refusal(actions.call_meeting, of_call, **room) == {"nothing_to_decide"}
    page = f"/calls/{of_call.reference}/decisions"
    browser.sign_in(coordinator()).get(page)
    assert "decided about every eligible application" in browser.text
    assert "Invite the members" not in browser.text
    scored(db.session.merge(of_call), state=ApplicationState.SUBMITTED)
    browser.get(page)
    assert "Invite the members" in browser.text


# ------------------------------------------------------------------ the pages


def test_the_pages_say_why_nothing_can_be_undone(app: Flask, browser: Browser) -> None:
    of_call = call()
    application = scored(of_call)
    decision_on(application, person(), state=DecisionState.TAKEN, released_at=None)
    place, review = f"/applications/{application.reference}", completed(application)[0].id
    reference, mail = of_call.reference, owner(application).email
    already = "The committee has decided about this application already."
    browser.sign_in(mail).get(place)
    assert "can no longer be withdrawn" not in browser.text
    assert already not in browser.text, "nothing is told before the letter"
    browser.get(f"{place}/withdraw")
    assert "can no longer be withdrawn" not in browser.text
    staff = Browser(app).sign_in(coordinator())
    for page in (f"{place}/check", f"{place}/reopen-check", f"/reviews/{review}"):
        staff.get(page)
        assert already in staff.text, page
    staff.get(f"/calls/{reference}/reviews/{place.rsplit('/', 1)[1]}")
    assert already in staff.text
    staff.get(f"/calls/{reference}/manage")
    assert "The committee has decided about 1 application to this call." in staff.text
    why = {"reason": SECOND_THOUGHTS}
    at = f"/calls/{reference}/manage"
    for path in (f"{place}/reopen-check", f"/reviews/{review}/reopen", f"/calls/{reference}/cancel"):
        staff.post(path, why, page=at, status=409)
    assert db.session.query(Call).filter_by(reference=reference).one().state == CallState.PUBLISHED


def test_cancelling_says_how_many_applications_end_with_the_call(app: Flask, browser: Browser) -> None:
    of_call = call()
    scored(of_call)
    scored(of_call, state=ApplicationState.SUBMITTED)
    scored(of_call, state=ApplicationState.WITHDRAWN)
    page = f"/calls/{of_call.reference}/manage"
    browser.sign_in(coordinator()).get(page)
    assert "2 applications, begun or sent in, end with it." in browser.text
    browser.post(f"/calls/{of_call.reference}/cancel", {"reason": ""}, page=page, status=422)
    browser.post(f"/calls/{of_call.reference}/cancel", {"reason": SECOND_THOUGHTS}, page=page, status=302)


@pytest.mark.parametrize(
    ("outcome", "badge"),
    [
        (DecisionOutcome.AWARD, "Grant awarded"),
        (DecisionOutcome.RESERVE, "Reserve list"),
        (DecisionOutcome.DECLINE, "Declined"),
    ],
)
def test_the_applicant_sees_the_outcome_once_the_letter_is_sent(
    app: Flask, browser: Browser, outcome: str, badge: str
) -> None:
    application = scored(call())
    reference, mail = application.reference, owner(application).email
    grant = None
    if outcome == DecisionOutcome.AWARD:
        grant = award(application, person()).reference
    else:
        decision_on(application, person(), outcome=outcome, amount_minor=0)
    decision = db.session.query(Decision).one()
    decision.state, decision.released_at = DecisionState.TAKEN, None
    db.session.flush()
    pages = ("/", "/applications", f"/applications/{reference}", f"/applications/{reference}/read")
    browser.sign_in(mail)
    for page in pages:
        browser.get(page)
        assert badge not in browser.text, page
        assert f"/applications/{reference}/letter" not in browser.text
    decision = db.session.query(Decision).one()
    decision.state, decision.released_at = DecisionState.RELEASED, AT
    db.session.flush()
    for page in pages:
        browser.get(page)
        assert badge in browser.text, page
    browser.get(f"/applications/{reference}")
    assert f"/applications/{reference}/letter" in browser.text
    assert (f"/grants/{grant}" in browser.text) == (outcome == DecisionOutcome.AWARD)
    assert "independent reviewers and then" not in browser.text


# ------------------------------------------------------------------ nobody is missed, and nobody is stuck


DISAGREE = {"rule": "absolute_gap", "formula": "abs(T1-T2) >= 15", "text": {"en": "They are 15 points apart."}}


def disagreed(of_call: Call) -> Application:
    """An application about which the first two reviews disagree."""
    of_call.grid = of_call.grid | {"assessors": {"independent_reviews": 2, "third_review_if": [DISAGREE]}}
    application = case(of_call)
    reviewed(application, 4, 4)
    reviewed(application, 4, 2)
    return application


@pytest.mark.parametrize("state", [DecisionState.TAKEN, DecisionState.RELEASED])
@pytest.mark.parametrize("before", [AssignmentState.ASKED, AssignmentState.ACCEPTED])
def test_giving_back_a_review_after_the_decision_asks_nobody_for_another(
    app: Flask, browser: Browser, state: DecisionState, before: AssignmentState
) -> None:
    application, _chair = scored(call()), coordinator()
    late = unfinished(application, before)
    decision_on(application, person(), state=state)
    page = f"/reviews/{late.id}"
    browser.sign_in(late.reviewer).get(page)
    assert "we ask somebody else" not in browser.text
    browser.post(f"{page}/decline", {"declined_for": "too_many", "words": "Too late."}, page=page, status=302)
    browser.follow()
    assert "nobody is missed" in browser.text
    assert db.session.get(Assignment, late.id).state == AssignmentState.DECLINED
    assert mails("reviewer_missing") == []


def test_giving_back_a_review_before_the_decision_tells_the_coordinators(app: Flask, browser: Browser) -> None:
    application, chair = scored(call()), coordinator()
    late = unfinished(application)
    decision_on(application, person(), state=DecisionState.PROPOSED)
    page = f"/reviews/{late.id}"
    browser.sign_in(late.reviewer)
    browser.post(f"{page}/decline", {"declined_for": "too_many", "words": "No time."}, page=page, status=302)
    browser.follow()
    assert "We ask somebody else." in browser.text
    assert [mail.to_person_id for mail in mails("reviewer_missing")] == [chair.id]


def test_declining_because_of_a_conflict_steps_aside_and_coordinators_read_why(app: Flask, browser: Browser) -> None:
    of_call = call()
    application, chair = scored(of_call), coordinator()
    one, other = unfinished(application), unfinished(application)
    page = f"/reviews/{one.id}"
    browser.sign_in(one.reviewer)
    browser.post(f"{page}/decline", {"declined_for": "conflict", "words": A_COUSIN}, page=page, status=302)
    one, other = (db.session.get_one(Assignment, each.id) for each in (one, other))
    assert (one.state, one.declined_for) == (AssignmentState.RECUSED, "conflict")
    assert application.id in conflicts.hidden_ids(one.reviewer, application.call_id)
    actions.decline_review(other, "Five already.", kind=Declined.TOO_MANY, by=other.reviewer)
    reader = Browser(app).sign_in(chair)
    reader.get(f"/calls/{of_call.reference}/reviews/{application.reference}")
    assert "Conflict of interest" in reader.text
    assert "Too many already" in reader.text


@pytest.mark.parametrize("verb", ["decline", "recuse"])
def test_nobody_is_missed_for_an_application_that_was_withdrawn(verb: str) -> None:
    application, _chair = scored(call()), coordinator()
    asked = unfinished(application, AssignmentState.ASKED)
    actions.withdraw_application(application, SECOND_THOUGHTS, by=owner(application))
    act = {"decline": partial(actions.decline_review, kind=Declined.TOO_MANY), "recuse": actions.recuse_from_review}[
        verb
    ]
    act(asked, SECOND_THOUGHTS, by=asked.reviewer)
    assert mails("reviewer_missing") == []


def test_a_conflict_declared_after_the_decision_does_not_promise_another_reviewer(app: Flask, browser: Browser) -> None:
    application = scored(call())
    late = unfinished(application, AssignmentState.ASKED)
    decision_on(application, person())
    page = f"/reviews/{late.id}"
    browser.sign_in(late.reviewer)
    browser.post(f"{page}/declare", {"grade": "conflict", "reason": A_COUSIN}, page=page, status=302)
    browser.follow()
    assert "Somebody else will review" not in browser.text
    assert "hidden from you now" in browser.text


def test_what_is_decided_waits_for_no_third_review(app: Flask, browser: Browser) -> None:
    of_call = call()
    application, reader = disagreed(of_call), coordinator()
    table = f"/calls/{of_call.reference}/reviews"
    browser.sign_in(reader).get(f"{table}?show=third")
    assert application.reference in browser.text
    proposed = decision_on(application, person(), state=DecisionState.PROPOSED)
    browser.get(f"{table}?show=third")
    assert application.reference in browser.text
    db.session.merge(proposed).state = DecisionState.TAKEN
    db.session.flush()
    for show in ("third", "missing"):
        browser.get(f"{table}?show={show}")
        assert application.reference not in browser.text
    assert "Plan the reviews" not in browser.text
    browser.get(table)
    assert application.reference in browser.text
    assert "Two disagree: third review" not in browser.text
    browser.get(f"{table}/{application.reference}")
    assert "The committee has decided without a third review." in browser.text
    assert "A third, independent review is due." not in browser.text
    browser.get(f"/calls/{of_call.reference}/decisions")
    assert application.reference in browser.text
    assert "third review due" not in browser.text


def test_the_table_is_drawn_anew_when_a_decision_is_taken_up_again(app: Flask, browser: Browser) -> None:
    of_call, people, chair = call(), members(), coordinator()
    application = disagreed(of_call)
    meeting = session_of(of_call, people, by=chair)
    decision = decided(meeting, application, people, "decline", reason=SECOND_THOUGHTS)
    table = f"/calls/{of_call.reference}/reviews"
    browser.sign_in(chair).get(table)
    assert "Two disagree: third review" not in browser.text
    actions.reconsider(db.session.merge(decision), SECOND_THOUGHTS, by=chair)
    browser.get(table)
    assert "Two disagree: third review" in browser.text


def test_taken_up_again_without_a_conflicted_review_the_case_goes_on_to_its_end(app: Flask, browser: Browser) -> None:
    """Out goes the conflicted review; the coordinator asks another reviewer, who writes; the committee decides anew."""
    of_call, people, chair = call(), members(), coordinator()
    application = scored(of_call)
    meeting = session_of(of_call, people, by=chair)
    decision = decided(meeting, application, people)
    late = completed(application)[0]
    actions.recuse_from_review(late, A_COUSIN, by=late.reviewer)
    another = reviewer()
    page = f"/calls/{of_call.reference}/reviews/{application.reference}"
    typed = {"due_on": DUE.isoformat(), "round": "1", "reviewer": another.reference}
    browser.sign_in(chair).get(page)
    assert "Nobody can be asked now:" in browser.text
    browser.post(page, typed, page=page, status=409)
    decision = db.session.merge(decision)
    actions.reconsider(decision, SECOND_THOUGHTS, by=chair)
    assert [mail.to_person_id for mail in mails("conflict_declared_late")] == [chair.id]
    assert "reviews_missing" in refusal(actions.take, decision, by=people[0])
    browser.get(f"/calls/{of_call.reference}/reviews?show=missing")
    assert application.reference in browser.text
    browser.get(page)
    assert "Ask a reviewer" in browser.text
    browser.post(page, typed | {"reviewer": late.reviewer.reference}, page=page, status=409)
    browser.post(page, typed, page=page, status=302)
    asked = db.session.query(Assignment).filter_by(reviewer_id=another.id).one()
    assert (asked.round, asked.state) == (1, AssignmentState.ASKED)
    assert refusal(actions.accept_review, asked, grade=Grade.NONE, reason="", by=another) == {"declare_first"}
    declared(another, application)
    actions.accept_review(asked, grade=Grade.NONE, reason="", by=another)
    wording = {"summary": "Sound.", "for_applicant": "Well prepared.", "recommendation": "fund"}
    save_review(asked, scores=scores(4, 3), by=another, **wording)
    actions.submit_review(asked, by=another)
    decision = db.session.merge(decision)
    members_now = [db.session.merge(one) for one in people]
    amount = decision.application.requested
    by = {"outcome": DecisionOutcome.AWARD, "amount": amount, "by": members_now[0]}
    actions.propose(decision.meeting, decision.application, **by)
    for one in members_now:
        actions.vote(decision, Choice.FOR, by=one)
    actions.take(decision, by=members_now[0])
    assert decision.state == DecisionState.TAKEN
    actions.close_meeting(decision.meeting, by=db.session.merge(chair), minutes="Done.", reason=SECOND_THOUGHTS)


def test_taken_up_again_without_its_third_review_another_third_reviewer_can_be_asked() -> None:
    of_call, people, chair = call(), members(), coordinator()
    application = disagreed(of_call)
    third = reviewed(application, 4, 3, round=2)
    decision = decided(session_of(of_call, people, by=chair), application, people, reason=SECOND_THOUGHTS)
    actions.recuse_from_review(third, A_COUSIN, by=third.reviewer)
    actions.reconsider(decision, SECOND_THOUGHTS, by=chair)
    assert third.state == AssignmentState.RECUSED
    again = actions.ask_reviewer(application, reviewer(), due_on=DUE, round=2, by=chair)
    assert (again.round, again.state) == (2, AssignmentState.ASKED)
