"""The pages over HTTP: who gets what, what is hidden, and that every button does what it says."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from grants.accounts.models import Person, Role
from grants.applications.models import Application, Attachment
from grants.calls.models import DocumentAsked
from grants.conflicts.models import Grade
from grants.core import clock, files
from grants.reviews import actions
from grants.reviews.models import Assignment
from grants.reviews.workflow import AssignmentState
from tests.factories import call, db, person, save
from tests.http import Browser
from tests.reviews.rows import AT, DUE, assignment, case, counted, declared, reviewed, reviewer
from tests.uploads import photographs

CANARY_TITLE = "Zanzibar lighthouse action"
CANARY_NAME = "Quokka Alliance"
CANARY_REFERENCE = "APP-CANARY"


@pytest.fixture(autouse=True)
def _in_the_weeks_of_review(app: Flask):
    with clock.at(AT):
        yield


def canary(of_call: Any = None) -> Application:
    return case(of_call, title=CANARY_TITLE, reference=CANARY_REFERENCE, applicant={"name": CANARY_NAME})


def attached(application: Application, *, sensitive: bool = False, name: str = "statutes.pdf") -> Attachment:
    document = save(
        DocumentAsked(
            call_id=application.call_id,
            position=9,
            code="A9",
            key="secret" if sensitive else "plan",
            label={"en": "Board list" if sensitive else "Work plan"},
            formats=["pdf"],
            required=False,
            sensitive=sensitive,
        )
    )
    stored = files.keep(name, photographs.blank_pdf(), ["pdf"])
    return save(
        Attachment(
            application_id=application.id,
            document_id=document.id,
            file_id=stored.id,
            attached_by_id=application.started_by_id,
        )
    )


def asked(application: Application, somebody: Person) -> Assignment:
    return actions.assign(application, somebody, due_on=DUE, by=person())


def coordinator(*regions: str) -> Person:
    return person(Role.REGIONAL_COORDINATOR, regions=list(regions or ("AFR",)))


def test_before_declaring_only_the_essentials_are_shown(app: Flask, browser: Browser) -> None:
    somebody, application = reviewer(), canary()
    attachment = attached(application)
    one = asked(application, somebody)
    browser.sign_in(somebody)
    for page in ("/reviews", f"/reviews/{one.id}"):
        browser.get(page)
        assert application.reference in browser.text
        assert CANARY_NAME not in browser.text
    declared(somebody, application)
    browser.get("/reviews")
    assert CANARY_NAME in browser.text
    assert CANARY_TITLE not in browser.text
    browser.get(f"/reviews/{one.id}")
    assert CANARY_NAME in browser.text
    assert CANARY_TITLE not in browser.text
    browser.get(f"/reviews/{one.id}/files/{attachment.id}", 404)
    browser.post(f"/reviews/{one.id}", {"value_A1": "3"}, page=f"/reviews/{one.id}", status=403)


def test_a_review_from_the_declaration_to_the_end(app: Flask, browser: Browser) -> None:
    somebody, application = reviewer(), canary()
    open_one, hidden_one = attached(application, name=f"{CANARY_NAME}.pdf"), attached(application, sensitive=True)
    one, other = asked(application, somebody), reviewed(application, 3, 3, summary="Written by somebody else.")
    name_of_other = other.reviewer.name
    db.session.flush()
    page = f"/reviews/{one.id}"
    browser.sign_in(somebody)
    declared(somebody, application)
    browser.post(f"{page}/declare", {"grade": "knows"}, page=page, status=422)
    assert "Please describe the tie" in browser.text
    browser.post(f"{page}/declare", {"grade": "none"}, page=page, status=302)
    browser.follow()
    assert CANARY_TITLE in browser.text
    assert "Work plan" in browser.text
    assert "Board list" not in browser.text
    assert "Written by somebody else." not in browser.text
    answer = browser.get(f"{page}/files/{open_one.id}")
    assert CANARY_NAME not in str(answer.headers)
    browser.get(f"{page}/files/{hidden_one.id}", 404)
    typed = {"value_A1": "5", "reason_A1": "", "value_B1": "4", "summary": "Good work.", "recommendation": "fund"}
    browser.post(page, typed | {"for_applicant": "Thanks."}, page=page, status=302)
    browser.follow()
    assert "Good work." in browser.text
    assert "a score of 5 needs a reason" in browser.text
    browser.post(page, typed | {"for_applicant": "Thanks.", "submit": "yes"}, status=302)
    assert db.session.get(Assignment, one.id).state == AssignmentState.ACCEPTED
    browser.follow()
    assert "not submitted yet" in browser.text
    complete = typed | {"reason_A1": "Years of work.", "for_applicant": "Thanks.", "submit": "yes"}
    browser.post(page, complete, status=302)
    browser.follow()
    assert "84 points" in browser.text
    assert "Written by somebody else." in browser.text
    assert name_of_other not in browser.text
    browser.post(page, typed, status=403)
    browser.get("/reviews")
    assert "84" in browser.text


def test_a_value_off_the_scale_is_an_error_and_what_was_typed_stays(app: Flask, browser: Browser) -> None:
    one = assignment(case(), reviewer())
    page = f"/reviews/{one.id}"
    browser.sign_in(one.reviewer)
    browser.post(page, {"value_A1": "7", "summary": "Kept on the page."}, page=page, status=422)
    assert "Kept on the page." in browser.text


@pytest.mark.parametrize("way", ["recuse", "decline"])
def test_after_stepping_aside_everything_is_gone_at_once(app: Flask, browser: Browser, way: str) -> None:
    somebody, application = reviewer(), canary()
    attachment, one = attached(application), assignment(application, somebody)
    page = f"/reviews/{one.id}"
    browser.sign_in(somebody)
    browser.post(f"{page}/{way}", {"reason": ""}, page=page, status=409 if way == "recuse" else 422)
    why = {"reason": "I cannot."} if way == "recuse" else {"declined_for": "not_my_field", "words": "I cannot."}
    browser.post(f"{page}/{way}", why, page=page, status=302)
    browser.get(page, 404)
    browser.get(f"{page}/files/{attachment.id}", 404)
    for verb in ("declare", "decline", "recuse"):
        browser.post(f"{page}/{verb}", {"grade": "none", "reason": "x"}, page="/reviews", status=404)
    browser.post(page, {"value_A1": "3"}, page="/reviews", status=404)
    browser.get("/reviews")
    for word in (CANARY_NAME, CANARY_TITLE, CANARY_REFERENCE):
        assert word not in browser.text


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.REGIONAL_COORDINATOR, Role.AUDITOR])
def test_no_byte_of_a_conflicted_application_reaches_the_person(app: Flask, browser: Browser, role: Role) -> None:
    of_call = call()
    application, plain = canary(of_call), case(of_call)
    somebody = reviewer() if role == Role.REVIEWER else person(role, regions=["AFR"])
    theirs = assignment(application, somebody) if role == Role.REVIEWER else reviewed(application)
    if role == Role.REVIEWER:
        assignment(plain, somebody)
    attachment = attached(application)
    actions.declare_interest(somebody, application.organization, grade=Grade.CONFLICT, reason="Family.", by=somebody)
    browser.sign_in(somebody)
    staff = [f"/calls/{of_call.reference}/reviews", f"/calls/{of_call.reference}/reviews/{CANARY_REFERENCE}"]
    places = ["/reviews/interests", f"/reviews/{theirs.id}", f"/reviews/{theirs.id}/files/{attachment.id}"]
    for place in [*places, *(staff if role != Role.REVIEWER else ["/reviews"])]:
        answer = browser.get(place, 0)
        assert answer.status_code in (200, 404)
        sent = (answer.get_data(as_text=True) + str(answer.headers)).replace(place, "")
        for word in (CANARY_NAME, CANARY_TITLE, CANARY_REFERENCE):
            assert word not in sent, f"{word} in {place}"


def test_a_reviewer_does_not_see_another_reviewers_assignment(app: Flask, browser: Browser) -> None:
    one = reviewed(case())
    table = f"/calls/{one.application.call.reference}/reviews"
    browser.sign_in(reviewer())
    browser.get(f"/reviews/{one.id}", 404)
    browser.get(table, 403)


def test_the_coordinator_asks_suggests_releases_and_reopens(app: Flask, browser: Browser) -> None:
    of_call = call()
    application, somebody = case(of_call, language="en"), reviewer()
    foreign = reviewer(profile={"languages": ["es"]})
    table = f"/calls/{of_call.reference}/reviews"
    page = f"{table}/{application.reference}"
    browser.sign_in(coordinator())
    browser.get(table)
    assert somebody.reference in browser.text
    browser.get(page)
    assert "does not read" in browser.text
    due = {"due_on": "2027-03-26", "round": "1"}
    browser.post(page, due | {"reviewer": foreign.reference}, page=page, status=409)
    assert "does not read" in browser.text
    browser.post(page, {"due_on": "x", "reviewer": somebody.reference}, page=page, status=422)
    browser.post(page, due | {"reviewer": somebody.reference}, page=page, status=302)
    browser.follow()
    one = db.session.query(Assignment).one().id
    browser.post(f"/reviews/{one}/release", {"reason": ""}, page=page, status=409)
    browser.post(f"/reviews/{one}/release", {"reason": "Not needed."}, page=page, status=302)
    assert db.session.get(Assignment, one).state == AssignmentState.RELEASED
    submitted = reviewed(db.session.merge(application)).id
    browser.get(f"/reviews/{submitted}")
    browser.post(f"/reviews/{submitted}/reopen", {"reason": "Look again."}, page=page, status=302)
    second = reviewer().id
    browser.get(f"{table}/plan")
    (plan,) = [form["fields"] for form in browser.page.forms if form["action"] == f"{table}/plan"]
    browser.post(f"{table}/plan", plan | {"due_on": "2027-03-26"}, status=302)
    live = db.session.query(Assignment).filter(Assignment.state == AssignmentState.ASKED).one()
    assert live.reviewer_id == second


def test_the_coordinator_is_told_of_a_disagreement_and_offered_a_third_reviewer(app: Flask, browser: Browser) -> None:
    of_call = call()
    rule = {"rule": "absolute_gap", "formula": "abs(T1-T2) >= 15", "text": {"en": "They are 15 points apart."}}
    of_call.grid = of_call.grid | {"assessors": {"independent_reviews": 2, "third_review_if": [rule]}}
    application, third = case(of_call), reviewer()
    first = reviewed(application, 4, 4)
    second = assignment(application, reviewer())
    words = {"summary": "Weak.", "for_applicant": "Thanks.", "recommendation": "fund", "by": second.reviewer}
    actions.save_review(second, scores={"A1": (4, ""), "B1": (2, "Thin.")}, **words)
    actions.submit_review(second, by=second.reviewer)
    told, boss = f"80 ({first.reviewer.reference}), 48 ({second.reviewer.reference}): absolute_gap", coordinator()
    first_reference, second_reference = first.reviewer.reference, second.reviewer.reference
    first_id, boss_id = first.id, boss.id
    page = f"/calls/{of_call.reference}/reviews/{application.reference}"
    browser.sign_in(boss)
    browser.get(f"/calls/{of_call.reference}/reviews?show=third")
    assert application.reference in browser.text
    browser.get(page)
    assert "They are 15 points apart." in browser.text
    assert f"{first_reference} gave 80 points, {second_reference} gave 48." in browser.text
    assert "Ask a third reviewer" in browser.text
    browser.post(page, {"due_on": "2027-03-26", "round": "2", "reviewer": third.reference}, page=page, status=302)
    assert db.session.query(Assignment).filter_by(round=2).one().reviewer_id == third.id
    opened = db.session.get_one(Assignment, first_id)
    actions.reopen(opened, "Look again.", by=db.session.get_one(Person, boss_id))
    db.session.commit()
    browser.get(page)
    assert "gave 80 points" not in browser.text
    assert told in browser.text, "who asked for the third review, and why, stays in the record"


def test_other_regions_and_other_roles_are_kept_out(app: Flask, browser: Browser) -> None:
    of_call = call()
    application = canary(of_call)
    one, waiting = reviewed(application), assignment(application, reviewer())
    table = f"/calls/{of_call.reference}/reviews"
    browser.sign_in(coordinator("LAC"))
    browser.get(table)
    assert CANARY_TITLE not in browser.text
    browser.get(f"{table}/{CANARY_REFERENCE}", 404)
    browser.get(f"/reviews/{one.id}", 404)
    browser.post(f"/reviews/{waiting.id}/release", {"reason": "x"}, page="/reviews/interests", status=404)
    auditor = Browser(app).sign_in(person(Role.AUDITOR))
    auditor.get(table)
    assert CANARY_TITLE in auditor.text
    auditor.get(f"/reviews/{one.id}")
    auditor.post(f"/reviews/{one.id}/reopen", {"reason": "x"}, page=table, status=403)
    auditor.post(f"{table}/plan", {"due_on": "2027-03-26"}, page=table, status=403)
    auditor.post(f"{table}/plan/work-out", {}, page=table, status=403)
    member = Browser(app).sign_in(db.session.get(Person, application.started_by_id))
    for place in (table, f"{table}/{CANARY_REFERENCE}", "/reviews", f"/reviews/{one.id}", "/reviews/interests"):
        member.get(place, 403)


def test_a_tie_is_declared_on_the_page(app: Flask, browser: Browser) -> None:
    application, member = canary(), person(Role.COMMITTEE_MEMBER)
    applicant = application.organization
    browser.sign_in(member)
    browser.get("/reviews/interests?words=quokka")
    assert CANARY_NAME in browser.text
    page = f"/reviews/interests?organization={applicant.reference}"
    typed = {"organization": applicant.reference, "grade": "conflict", "call": ""}
    browser.post("/reviews/interests", typed, page=page, status=422)
    browser.post("/reviews/interests", typed | {"reason": "My brother works there."}, page=page, status=302)
    browser.follow()
    assert "My brother works there." in browser.text
    assert CANARY_NAME not in browser.text


def test_finance_officers_declare_ties_too_and_no_longer_see_the_profile(app: Flask, browser: Browser) -> None:
    application, officer = canary(), person(Role.FINANCE_OFFICER)
    reference, owner = application.organization.reference, db.session.get(Person, application.started_by_id).email
    profile, email = f"/organizations/{reference}", officer.email
    browser.sign_in(email).get(profile)
    assert CANARY_NAME in browser.text
    browser.get("/account")
    assert 'href="/reviews/interests"' in browser.last.get_data(as_text=True)
    page = f"/reviews/interests?organization={reference}"
    typed = {"organization": reference, "grade": "conflict", "call": "", "reason": "My brother works there."}
    browser.post("/reviews/interests", typed, page=page, status=302)
    browser.get(profile, 404)
    browser.get("/organizations")
    assert CANARY_NAME not in browser.text
    member = Browser(app).sign_in(owner)
    member.get("/account")
    assert "Declare a tie" not in member.text
    member.get(profile)


def test_the_list_of_a_reviewer_is_paged_with_what_is_done_last(app: Flask, browser: Browser) -> None:
    of_call, somebody = call(), reviewer()
    for number in range(24):
        assignment(case(of_call, title=f"Waiting {number:02}"), somebody)
    for number in range(4):
        reviewed(case(of_call, title=f"Finished {number}"), by=somebody)
    reviewed(case(of_call, title="Of somebody else"))
    browser.sign_in(somebody).get("/reviews")
    assert "24 reviews wait for you" in browser.text
    assert [browser.text.count(word) for word in ("Waiting ", "Finished ")] == [24, 1]
    browser.get("/reviews?page=2")
    assert "24 reviews wait for you" in browser.text
    assert [browser.text.count(word) for word in ("Waiting ", "Finished ")] == [0, 3]
    assert "Nothing waits for you" not in browser.text
    for page in ("0", "-1", "9", "x", "99999999999999999999"):
        browser.get(f"/reviews?page={page}")
        assert "Waiting 00" in browser.text, page
    for page in ("1", "2"):
        browser.get(f"/reviews?page={page}")
        assert "Of somebody else" not in browser.text


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.COMMITTEE_MEMBER])
def test_who_reads_other_peoples_applications_sees_no_profiles(app: Flask, browser: Browser, role: Role) -> None:
    profile = f"/organizations/{canary().organization.reference}"
    browser.sign_in(person(role)).get(profile, 404)


def test_the_table_costs_the_same_for_few_and_for_many(app: Flask, browser: Browser) -> None:
    of_call = call()
    browser.sign_in(coordinator()).get(f"/calls/{of_call.reference}/reviews")  # the wording of a call is read once
    counts = []
    for _ in range(2):
        for _more in range(3):
            reviewed(case(of_call))
        statements: list[str] = []
        with counted(statements):
            browser.get(f"/calls/{of_call.reference}/reviews")
        counts.append(len([s for s in statements if s.startswith(("SELECT", "WITH"))]))
    assert counts[0] == counts[1] <= 11
