"""Who stepped aside learns nothing: not from places, sums, counts and sentences, and not from what others wrote."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from grants.accounts.models import Person, Role
from grants.applications.models import Application
from grants.applications.workflow import ApplicationState
from grants.calls.models import Call
from grants.conflicts.models import Grade
from grants.core import clock
from grants.core.rules import Refused
from grants.decisions import actions, queries, rules
from grants.home.queries import work_of
from grants.reviews import actions as review_actions
from grants.reviews.queries import gate_of
from tests.applications.documents import words_in
from tests.decisions.rows import AT, coordinator, decided, members, scored, session_of
from tests.factories import call, db, organization, person
from tests.http import Browser
from tests.reviews.canaries import FORMER, MEMBER, NAME, SHORT, blind_call, told
from tests.reviews.rows import case, reviewed


@pytest.fixture(autouse=True)
def _on_the_day_of_the_meeting(app: Flask):
    with clock.at(AT):
        yield


def tie(somebody: Person, application: Application) -> None:
    declared = {"grade": Grade.CONFLICT, "reason": "A cousin.", "by": somebody}
    review_actions.declare_interest(somebody, application.organization, **declared)


def refusal(act: Callable[..., Any], *args: Any, **more: Any) -> set[str]:
    with pytest.raises(Refused) as refused:
        act(*args, **more)
    return {obstacle.code for obstacle in refused.value.obstacles}


# ------------------------------------------------------------------ what others wrote


@pytest.mark.parametrize(
    "naming",
    [
        f"We prefer {NAME}.",
        f"{NAME.upper()} is better.",
        "the quokka-alliance one",
        f"as {SHORT} has shown",
        f"formerly {FORMER}",
        "their account Quokka Seniors",
        f"asked {MEMBER}",
        "as Quokkaruiz said",
        "APP-WOMBAT first",
        "app wombat first",
        "The Quokka Alliance lighthouse",
    ],
)
def test_a_text_that_names_what_is_hidden_is_left_out(naming: str) -> None:
    application, somebody = told(blind_call(blind=False)), person(Role.COMMITTEE_MEMBER)
    application.reference = "APP-WOMBAT"
    tie(somebody, application)
    gate = gate_of(somebody, application.call_id)
    assert gate.ids == {application.id}
    assert gate.told(naming) == ""
    assert gate.told("A lean budget, see www.example.org.") == "A lean budget, see www.example.org."
    assert gate_of(person(Role.COMMITTEE_MEMBER), application.call_id).told(naming) == naming


@pytest.mark.parametrize("state", list(ApplicationState))
def test_it_is_left_out_whatever_became_of_the_application(state: ApplicationState) -> None:
    of_call, somebody = call(), person(Role.COMMITTEE_MEMBER)
    application = case(of_call, title="Zanzibar lighthouse", state=state)
    tie(somebody, application)
    assert gate_of(somebody, of_call.id).told("Better than the Zanzibar Lighthouse.") == ""


def committee_with_a_secret() -> tuple[Call, Application, Application, list[Person], Person]:
    """A call, what one member is tied to, another application that texts about it were written on, members, coordinator."""
    of_call, people, by = call(), members(3), coordinator()
    scored(of_call, 5, 5)
    secret = scored(of_call, 4, 5, reference="APP-CANARY", title="Zanzibar lighthouse")
    other = scored(of_call, 4, 4)
    tie(people[2], secret)
    return of_call, secret, other, people, by


def test_no_reason_condition_remark_or_minute_names_the_hidden_one_to_a_member_or_coordinator(
    app: Flask, browser: Browser
) -> None:
    of_call, secret, other, people, by = committee_with_a_secret()
    tied_boss, auditor = coordinator(), person(Role.AUDITOR)
    tie(tied_boss, secret)
    tie(auditor, secret)
    naming = "Weaker than APP CANARY, the Zanzibar lighthouse."
    reviewed(other, 4, 4, summary=naming)
    meeting = session_of(of_call, people, by=by)
    point = actions.add_point(meeting, "The floor", by=by)
    actions.note_point(meeting, point.id, naming, by=by)
    actions.add_point(meeting, naming, by=by)
    actions.remark(meeting, other, naming, by=people[0])
    actions.remark(meeting, other, "A lean budget.", by=people[0])
    texts = {"reason": naming, "conditions": [naming, "A policy."], "feedback": naming}
    decided(meeting, other, people[:2], "decline", **texts)
    decided(meeting, secret, people[:2])
    room, mails = f"/meetings/{meeting.reference}", [one.email for one in (people[2], tied_boss, auditor, people[0])]
    pages = (
        room,
        f"{room}/agenda",
        f"{room}/sheet",
        f"{room}/{other.reference}",
        f"/calls/{of_call.reference}/decisions",
    )
    meeting_id, by_id = meeting.id, by.id
    for closed in (False, True):
        if closed:
            meeting = db.session.get(actions.Meeting, meeting_id)
            actions.close_meeting(meeting, minutes=naming, reason=naming, by=db.session.get(Person, by_id))
        for mail in mails:
            reader = Browser(app).sign_in(mail)
            served = []
            for page in pages:
                reader.get(page, 0)
                served.append(reader.text)
            for paper in ("sheet.pdf", "minutes.pdf"):
                reader.get(f"{room}/{paper}")
                served.append(words_in(reader.last.data))
            telling = [word for word in ("CANARY", "Zanzibar") if any(word in one for one in served)]
            assert telling == (["CANARY", "Zanzibar"] if mail == mails[-1] else []), mail
            assert any("A lean budget." in one for one in served), "what names nothing is told"


# ------------------------------------------------------------------ places, sums, counts


def test_places_on_the_sheet_are_those_of_the_list_that_its_reader_sees(app: Flask, browser: Browser) -> None:
    of_call, secret, other, people, by = committee_with_a_secret()
    meeting = session_of(of_call, people, by=by)
    decided(meeting, other, people[:2])
    decided(meeting, secret, people[:2])
    room, mail, whole = f"/meetings/{meeting.reference}", people[2].email, people[0].email

    def places(email: str) -> list[str]:
        page = Browser(app).sign_in(email).open(f"{room}/sheet")
        return [cell.text for cell in page.root.all("td", **{"data-label": "Place"})]

    assert places(whole) == ["2", "3"]
    assert places(mail) == ["2"], "the first is not decided; of three the second is hidden"


def test_the_same_sentence_says_to_everybody_what_a_conflict_leaves_out(app: Flask, browser: Browser) -> None:
    of_call, secret, _other, people, by = committee_with_a_secret()
    meeting = session_of(of_call, people, by=by)
    decided(meeting, secret, people[:2])
    room, emails = f"/meetings/{meeting.reference}", [people[0].email, people[2].email]
    for page in (room, f"{room}/sheet", f"/calls/{of_call.reference}/scenarios"):
        for email in emails:
            text = Browser(app).sign_in(email).open(page).text
            assert text.count("Whoever has a conflict of interest with an applicant reads nothing of it") == 1, page
            assert "stepped aside" not in text.replace("they stepped aside", ""), page


def test_the_release_page_sums_what_it_shows(browser: Browser) -> None:
    of_call, people = call(), members(2)
    secret, other = scored(of_call, 5, 5, requested_minor=777_700), scored(of_call)
    meeting = session_of(of_call, people)
    decided(meeting, secret, people)
    decided(meeting, other, people)
    boss = coordinator()
    tie(boss, secret)
    browser.sign_in(boss.email).open(f"/meetings/{meeting.reference}/release")
    for figure in ("17,777", "7,777", secret.reference, "2 letters"):
        assert figure not in browser.text, figure
    assert "1 letter" in browser.text


def test_nobody_is_asked_to_vote_on_what_is_hidden_from_them_however_they_are_tied() -> None:
    of_call, people = call(), members(3)
    application = scored(of_call)
    hub = organization(people[1], name="Hub of many")
    application.organization.fiscal_sponsor_id = hub.id
    db.session.flush()
    meeting = session_of(of_call, people)
    declared = {"grade": Grade.CONFLICT, "reason": "A cousin.", "by": people[2]}
    actions.declare_interest(people[2], application.organization, call=of_call, **declared)
    actions.propose(meeting, application, outcome="award", amount=application.requested, by=people[0])
    db.session.flush()
    asked = ["vote" in {one.kind for one in work_of(somebody, AT)} for somebody in people]
    assert asked == [True, False, False]


def test_a_coordinator_counts_only_what_they_may_see(app: Flask) -> None:
    of_call, by = call(), coordinator()
    secret, _open = scored(of_call), scored(of_call)
    lacking = case(of_call)
    waiting = case(of_call, state=ApplicationState.SUBMITTED)
    for one in (secret, lacking, waiting):
        tie(by, one)
    free = {work.kind for work in work_of(coordinator(), AT)}
    tied = {work.kind for work in work_of(by, AT)}
    assert {"check_applications", "assign_reviewers"} <= free
    assert not {"check_applications", "assign_reviewers"} & tied


# ------------------------------------------------------------------ what somebody is refused


def test_who_stepped_aside_writes_a_reason_with_every_proposal_and_the_page_knows_it() -> None:
    of_call, people = call(envelope_minor=1_500_000), members(3)
    secret, other = scored(of_call, 5, 5), scored(of_call)
    meeting = session_of(of_call, people)
    actions.recuse(meeting, secret, people[2], "A cousin.", by=people[2])
    for outcome in ("award", "reserve", "decline"):
        amount = other.requested if outcome == "award" else None
        assert refusal(actions.propose, meeting, other, outcome=outcome, amount=amount, by=people[2]) == {
            "reason_missing"
        }, "which one departs from the whole list is not told"
        said = {"outcome": outcome, "amount": amount, "reason": "Because.", "by": people[2]}
        assert actions.propose(meeting, other, **said).outcome == outcome
    assert refusal(actions.propose, meeting, other, outcome="award", amount=other.requested, by=people[0]) == {
        "departs_from_ranking"
    }


def test_who_stepped_aside_neither_confirms_an_award_nor_closes_the_meeting(app: Flask, browser: Browser) -> None:
    of_call, people, by = call(envelope_minor=1_500_000), members(3), coordinator()
    secret, other = scored(of_call, 5, 5), scored(of_call)
    tie(people[2], secret)
    tie(by, secret)
    free = coordinator()
    meeting = session_of(of_call, people, by=free)
    decided(meeting, secret, people[:2])
    decision = actions.propose(meeting, other, outcome="award", amount=other.requested, reason="Good.", by=people[0])
    for one in people:
        actions.vote(decision, "for", by=one)
    assert refusal(actions.take, decision, by=people[2]) == {"stepped_aside"}
    assert "over_envelope" in refusal(actions.take, decision, by=people[0])
    actions.propose(meeting, other, outcome="decline", reason="No money.", by=people[0])
    for one in people:
        actions.vote(queries.decision_on(other.id), "for", by=one)
    assert actions.take(queries.decision_on(other.id), by=people[2]).outcome == "decline"
    assert refusal(actions.close_meeting, meeting, minutes="Short.", by=by) == {"stepped_aside"}
    page = browser.sign_in(by).open(f"/meetings/{meeting.reference}")
    assert "Please let somebody do it who sees all of it." in page.text
    actions.close_meeting(db.session.merge(meeting), minutes="Short.", by=db.session.merge(free))


def test_a_draft_of_a_tied_organization_hides_nothing_and_stops_nobody(app: Flask, browser: Browser) -> None:
    of_call, people, by = call(), members(), coordinator()
    scored(of_call)
    draft = case(of_call, state=ApplicationState.DRAFT, submitted_at=None, submitted_by_id=None, content_hash=None)
    meeting = session_of(of_call, people, by=by)
    for one in (by, people[0]):
        tie(one, draft)
    actions.propose(
        meeting, application_of(of_call), outcome="award", amount=application_of(of_call).requested, by=people[0]
    )
    for one in people:
        actions.vote(queries.decision_on(application_of(of_call).id), "for", by=one)
    assert actions.take(queries.decision_on(application_of(of_call).id), by=people[0]).outcome == "award"
    actions.close_meeting(meeting, minutes="Short.", by=by)


def application_of(of_call: Call) -> Application:
    found = db.session.query(Application).filter_by(call_id=of_call.id, state=ApplicationState.ELIGIBLE)
    return found.one()


@pytest.mark.parametrize("where", range(10))
def test_the_agenda_names_to_each_reader_what_is_near_the_line_of_their_own_list(
    app: Flask, browser: Browser, where: int
) -> None:
    of_call, people, by, boss = call(envelope_minor=5_000_000), members(3), coordinator(), coordinator()
    for n in range(10):
        scored(of_call, 5, 5, requested_minor=1_000_000 + n)
    standing = actions.reviews.standing_of(of_call)
    in_order = [place.application.id for place in rules.ranking(of_call, standing).ranked]
    victim = db.session.get_one(Application, in_order[where])
    for somebody in (people[0], boss):
        tie(somebody, victim)
    own = rules.near_the_line(rules.ranking(of_call, standing, hidden={victim.id}), set())
    meeting = session_of(of_call, people, by=by)
    agenda, ids = f"/meetings/{meeting.reference}/agenda", {}
    for somebody in (people[0], boss, people[1]):
        shown = Browser(app).sign_in(somebody.email).open(agenda)
        named = [line.text.split(" ")[0] for ol in shown.root.all("ol", class_="agenda") for line in ol.all("li")]
        ids[somebody.id] = [one.application_id for one in queries.points_of(meeting.id) if one.reference in named]
    assert ids[people[0].id] == ids[boss.id] == own
    whole = rules.near_the_line(rules.ranking(of_call, actions.reviews.standing_of(of_call)), set())
    assert set(whole) <= set(ids[people[1].id])
