"""The committee room over HTTP: who gets what, what a recused member never sees, and the letter."""

from __future__ import annotations

import pytest
from flask import Flask

from grants.accounts.models import Person, Role
from grants.applications.models import Application
from grants.applications.workflow import ApplicationState
from grants.conflicts.models import Grade
from grants.core import clock, files
from grants.decisions import actions
from grants.decisions.models import Choice, Decision, Meeting
from grants.decisions.workflow import DecisionState, MeetingState
from grants.reviews import actions as review_actions
from tests.decisions.rows import AT, coordinator, decided, declare_for, members, scored, session_of
from tests.factories import call, db, person
from tests.http import Browser
from tests.reviews.canaries import attach, letter_that_tells, pdf_that_tells
from tests.reviews.rows import case, counted, reviewed

TITLE, NAME, REFERENCE = "Zanzibar lighthouse action", "Quokka Alliance", "APP-CANARY"
CANARY = {"title": TITLE, "reference": REFERENCE, "applicant": {"name": NAME}}


@pytest.fixture(autouse=True)
def _on_the_day_of_the_meeting(app: Flask):
    with clock.at(AT):
        yield


def test_the_whole_meeting_through_the_pages(app: Flask, browser: Browser) -> None:
    of_call, people, chair = call(), members(2), coordinator()
    applicant = scored(of_call, **CANARY).organization.reference
    reference, mails = of_call.reference, [one.email for one in people]
    references = [one.reference for one in people]
    page = f"/calls/{reference}/decisions"
    browser.sign_in(chair).get(page)
    assert TITLE in browser.text
    typed = {"starts_at": "2027-04-08T14:00", "members": references}
    browser.post(page, typed | {"quorum": "9"}, page=page, status=409)
    assert "The quorum lies between" in browser.text
    browser.post(page, typed, page=page, status=422)
    browser.post(page, typed | {"quorum": "2"}, page=page, status=302)
    room = f"/meetings/{reference}-M1"
    browser.get(room)
    browser.post(f"{room}/open", status=302)
    for one in references:
        browser.post(f"{room}/presence", {"person": one, "present": "yes"}, page=room, status=302)
    case_page = f"{room}/{REFERENCE}"
    proposal = {"outcome": "award", "amount": "10000.00", "conditions": "Adopt a policy\n\nOpen an account"}
    browser.post(f"{case_page}/propose", proposal | {"amount": "99999"}, page=case_page, status=409)
    assert "higher than what was asked for" in browser.text
    assert "Open an account" in browser.text
    browser.post(f"{case_page}/propose", proposal | {"amount": "ten"}, page=case_page, status=422)
    browser.post(f"{case_page}/propose", proposal, page=case_page, status=302)
    browser.post(f"{case_page}/take", page=case_page, status=409)
    browser.post(f"{case_page}/remark", {"text": " "}, page=case_page, status=422)
    assert "Please write what you want to say." in browser.text
    browser.post(f"{case_page}/remark", {"text": "A plan that fits its year."}, page=case_page, status=302)
    assert "A plan that fits its year." in browser.follow().text
    browser.post(f"{case_page}/vote", {"choice": "for"}, page=case_page, status=403)
    voters = [Browser(app).sign_in(mail) for mail in mails]
    declaration = f"/calls/{reference}/declaration"
    for voter in voters:
        voter.get("/meetings")
        for place in (
            room,
            f"{room}/agenda",
            f"{room}/sheet",
            f"{room}/pack",
            case_page,
            f"/calls/{reference}/scenarios",
        ):
            voter.get(place, 409)
            assert "Please declare first whether you have a tie" in voter.text, place
            assert TITLE not in voter.text, place
        assert declaration in voter.page.links
        voter.post(declaration, {f"grade_{applicant}": "none", "none": "yes"}, page=declaration, status=302)
        voter.get(room)
        voter.post(f"{case_page}/vote", {"choice": "for"}, page=case_page, status=302)
    voters[0].post(f"{case_page}/take", page=case_page, status=302)
    browser.post(f"{room}/close", {"minutes": ""}, page=room, status=422)
    browser.post(f"{room}/close", {"minutes": "All agreed."}, page=room, status=302)
    voters[0].get(f"{room}/sheet")
    assert "2 for, 0 against, 0 abstained" in voters[0].text
    for voter in voters:
        voter.post(f"{room}/sign", page=room, status=302)
    meeting = db.session.query(Meeting).one()
    assert (meeting.state, all(seat.signed_at for seat in meeting.seats)) == (MeetingState.CLOSED, True)
    decision = db.session.query(Decision).one()
    assert (decision.state, decision.amount_minor) == (DecisionState.TAKEN, 1_000_000)
    assert decision.conditions == ["Adopt a policy", "Open an account"]


@pytest.mark.parametrize("way", ["declared", "in the room"])
def test_no_byte_of_the_application_reaches_a_recused_member(app: Flask, browser: Browser, way: str) -> None:
    of_call, people = call(), members(3)
    application = scored(of_call, 5, 5, **CANARY)
    for _ in range(2):
        scored(of_call)
    out = people[2]
    paper = attach(application, "plan", pdf_that_tells(), "pdf").id
    if way == "declared":
        declared = {"grade": Grade.CONFLICT, "reason": "My brother volunteers there.", "by": out}
        review_actions.declare_interest(out, application.organization, **declared)
    meeting = session_of(of_call, people)
    room = f"/meetings/{meeting.reference}"
    of_paper = [f"{room}/{REFERENCE}/files/{paper}{page}" for page in ("", "/pages", "/pages/1")]
    browser.sign_in(out)
    if way != "declared":
        place = f"{room}/{REFERENCE}"
        browser.post(f"{place}/recuse", {"reason": ""}, page=place, status=409)
        browser.post(f"{place}/recuse", {"reason": "We once worked together."}, page=place, status=302)
    meeting, application = db.session.get_one(Meeting, meeting.id), db.session.get_one(Application, application.id)
    voting = [db.session.get_one(Person, one.id) for one in people[:2]]
    decided(meeting, application, voting)
    actions.close_meeting(meeting, minutes=f"{NAME} was praised.", by=voting[0])
    for place in ("/meetings", room, f"{room}/sheet", "/reviews/interests", "/"):
        browser.get(place)
        for word in (TITLE, NAME, REFERENCE):
            assert word not in browser.text, f"{word} in {place}"
    for place in (f"{room}/{REFERENCE}", *of_paper, f"/applications/{REFERENCE}/letter"):
        browser.get(place, 404)
        assert TITLE not in browser.text
        assert NAME not in browser.text
    for verb in ("propose", "vote", "take", "recuse", "reconsider"):
        answer = {"choice": "against", "outcome": "decline", "reason": "x"}
        browser.post(f"{room}/{REFERENCE}/{verb}", answer, page=room, status=404)
    other = Browser(app).sign_in(people[0].email)
    for place in of_paper:
        other.get(place)
    other.get(room)
    assert TITLE in other.text
    other.get(f"{room}/sheet")
    assert NAME in other.text


def test_a_member_opens_the_documents_of_an_application_in_place(app: Flask, browser: Browser) -> None:
    of_call, people = call(), members(2)
    application = scored(of_call, **CANARY)
    plan = attach(application, "plan", pdf_that_tells(), "pdf").id
    letter = attach(application, "letter", letter_that_tells(), "docx").id
    secret = attach(application, "identity", pdf_that_tells(), "pdf")
    secret.document.sensitive = True
    infected = attach(application, "budget", pdf_that_tells(), "pdf")
    infected.file.scan = files.Scan.INFECTED
    of_paper = f"/meetings/{session_of(of_call, people).reference}/{REFERENCE}/files"
    browser.sign_in(people[0]).get(of_paper.removesuffix("/files"))
    assert f'src="{of_paper}/{plan}/pages/1"' in browser.text
    assert f'href="{of_paper}/{letter}/pages"' in browser.text
    browser.get(f"{of_paper}/{plan}/pages")
    assert "1 page" in browser.text
    assert f'href="{of_paper}/{plan}"' in browser.text
    assert browser.get(f"{of_paper}/{plan}/pages/1").get_data().startswith(b"\x89PNG")
    browser.get(f"{of_paper}/{plan}/pages/2", 404)
    browser.get(f"{of_paper}/{letter}/pages")
    assert "Forty wells" in browser.text
    for page in ("", "/pages", "/pages/1"):
        browser.get(f"{of_paper}/{secret.id}{page}", 404)
        browser.get(f"{of_paper}/{infected.id}{page}", 409)
        assert "holds a virus" in browser.text


def test_the_places_and_sums_of_a_recused_member_tell_nothing(app: Flask, browser: Browser) -> None:
    of_call, people = call(), members(2)
    hidden = scored(of_call, 5, 5, requested_minor=777_700)
    scored(of_call, 4, 5, requested_minor=1_000_000)
    declared = {"grade": Grade.CONFLICT, "reason": "Family.", "by": people[1]}
    review_actions.declare_interest(people[1], hidden.organization, **declared)
    meeting = session_of(of_call, people, quorum=1)
    room = f"/meetings/{meeting.reference}"
    decided(meeting, hidden, people[:1])
    browser.sign_in(people[1]).get(room)
    for figure in ("7,777", "17,777", "Place 2."):
        assert figure not in browser.page.content
    for figure in ("10,000", "Place 1."):
        assert figure in browser.page.content


def test_who_is_not_invited_sees_no_meeting(app: Flask, browser: Browser) -> None:
    of_call, people = call(), members(2)
    application = scored(of_call, **CANARY)
    meeting = session_of(of_call, people[:1], quorum=1)
    room, decisions = f"/meetings/{meeting.reference}", f"/calls/{of_call.reference}/decisions"
    applicant = db.session.get(Person, application.started_by_id).email
    browser.sign_in(people[1]).get("/meetings")
    assert meeting.reference not in browser.text
    browser.get(room, 404)
    browser.get(f"{room}/{REFERENCE}", 404)
    browser.get(decisions, 403)
    for somebody in (applicant, person(Role.FINANCE_OFFICER).email, person(Role.REVIEWER).email):
        outsider = Browser(app).sign_in(somebody)
        for place in (room, f"{room}/sheet", f"{room}/{REFERENCE}", decisions, "/meetings"):
            outsider.get(place, 403)
        outsider.get(f"/applications/{REFERENCE}/letter", 404)


def test_a_regional_coordinator_sees_the_titles_of_the_region_only(app: Flask, browser: Browser) -> None:
    of_call, people = call(), members(1)
    scored(of_call, **(CANARY | {"applicant": {"name": NAME, "region": "LAC"}}))
    own = scored(of_call, 4, 3)
    meeting = session_of(of_call, people, quorum=1)
    somebody = person(Role.REGIONAL_COORDINATOR, regions=["AFR"])
    own_reference = own.reference
    room = f"/meetings/{meeting.reference}"
    places = (room, f"/calls/{of_call.reference}/decisions", f"{room}/sheet")
    browser.sign_in(somebody)
    for place in places:
        browser.get(place)
        assert TITLE not in browser.text
        assert NAME not in browser.text
    browser.get(f"{room}/{own_reference}")
    browser.get(f"{room}/{REFERENCE}", 404)
    auditor = Browser(app).sign_in(person(Role.AUDITOR))
    auditor.get(f"{room}/{REFERENCE}")
    auditor.post(f"{room}/{REFERENCE}/propose", {"outcome": "decline"}, status=403)
    auditor.post(f"{room}/open", status=403)


def test_applicants_see_nothing_before_the_letters_and_then_their_letter(app: Flask, browser: Browser) -> None:
    of_call, people = call(), members(2)
    application = scored(of_call, 3, 2, **CANARY)
    applicant = db.session.get(Person, application.started_by_id).email
    meeting = session_of(of_call, people)
    decided(meeting, application, people, "decline", feedback="The committee liked the idea.")
    actions.close_meeting(meeting, minutes="All agreed.", by=people[0])
    for one in people:
        actions.sign(meeting, by=one)
    letter = f"/applications/{REFERENCE}/letter"
    browser.sign_in(applicant).get(letter, 404)
    actions.release(db.session.merge(meeting), by=coordinator())
    browser.get(letter)
    for words in ("The committee liked the idea.", "Well prepared.", "44", "29 April 2027", "Not supported this time"):
        assert words in browser.text, words
    assert "Sound." not in browser.text, "the summary is for the committee"
    Browser(app).sign_in(person()).get(letter, 404)


def test_below_the_threshold_and_not_eligible_stand_apart_with_the_reason(app: Flask, browser: Browser) -> None:
    of_call = call()
    scored(of_call, 4, 2)
    scored(of_call, 2, 5)
    alone = case(of_call)
    reviewed(alone)
    case(of_call, state=ApplicationState.INELIGIBLE, title="Out of bounds")
    browser.sign_in(coordinator()).get(f"/calls/{of_call.reference}/decisions")
    for words in (
        "The total is 48; 60 are needed.",
        "Section A has 8; 12 are needed.",
        "Waiting for reviews",
        "Out of bounds",
    ):
        assert words in browser.text, words


def test_the_room_costs_the_same_for_few_and_for_many(app: Flask, browser: Browser) -> None:
    of_call, people = call(), members(2)
    meeting = session_of(of_call, people)
    room = f"/meetings/{meeting.reference}"
    browser.sign_in(people[0]).get(room)  # the wording of a call is read once a process
    counts = []
    for _ in range(2):
        for _more in range(3):
            scored(db.session.merge(of_call))
        declare_for(db.session.merge(of_call), [db.session.merge(people[0])])
        statements: list[str] = []
        with counted(statements):
            browser.get(room)
        counts.append(len([s for s in statements if s.startswith(("SELECT", "WITH"))]))
    assert counts[0] == counts[1] <= 16


def test_a_vote_is_shown_and_can_be_changed(app: Flask, browser: Browser) -> None:
    of_call, people = call(), members(2)
    application = scored(of_call, **CANARY)
    meeting = session_of(of_call, people)
    actions.propose(meeting, application, outcome="award", amount=application.requested, by=people[0])
    place = f"/meetings/{meeting.reference}/{REFERENCE}"
    browser.sign_in(people[1])
    browser.post(f"{place}/vote", {"choice": "maybe"}, page=place, status=422)
    for choice in (Choice.FOR, Choice.AGAINST):
        browser.post(f"{place}/vote", {"choice": str(choice)}, page=place, status=302)
    decision = db.session.query(Decision).one()
    assert [vote.choice for vote in decision.votes] == [Choice.AGAINST]
