"""The pages of changes: what each side sees, counts, decides and signs."""

from __future__ import annotations

from datetime import date

import pytest
from flask import Flask
from sqlalchemy import event, select

from grants.accounts.models import Confidentiality, MemberRole, Membership, Role
from grants.amendments import actions, queries
from grants.amendments.models import Amendment, BudgetNotice
from grants.amendments.workflow import AmendmentState
from grants.awards.queries import versions_of
from grants.awards.workflow import AwardState
from grants.core.db import db
from tests import factories as make
from tests.amendments.rows import (
    LATER,
    asked,
    budget,
    days,
    drawn_up,
    everything,
    fresh,
    more_time,
    moving,
    scene,
    worked_out,
)  # fmt: skip
from tests.awards.test_pages import declare_conflict
from tests.http import Browser

STAFF, ACTIVITIES = "move_0", "move_1"


def only() -> Amendment:
    return db.session.scalars(select(Amendment).execution_options(populate_existing=True)).one()


def test_what_a_move_of_money_needs_is_counted_before_anything_is_sent(app: Flask, browser: Browser) -> None:
    made = scene()
    page = f"/grants/{made.award.reference}/changes/new"
    db.session.commit()
    browser.sign_in(made.owner)
    for more, less, words in (
        ("600", "-600", "A notice is enough"),
        ("600.01", "-600.01", "The fund has to approve it in writing."),
        ("1000.01", "-1000.01", "It needs an amendment of the agreement"),
        ("600", "-500", "are given to a heading and taken from none"),
    ):
        browser.open(page)
        browser.press("Count", {STAFF: more, ACTIVITIES: less})
        assert words in browser.page.text
    assert db.session.scalar(select(BudgetNotice.id)) is None
    assert db.session.scalar(select(Amendment.id)) is None


def test_a_small_move_is_sent_and_stands_on_the_page_with_what_is_still_free(app: Flask, browser: Browser) -> None:
    made = scene()
    db.session.commit()
    browser.sign_in(made.owner).open(f"/grants/{made.award.reference}/changes/new")
    browser.press("Ask for it", {STAFF: "500", ACTIVITIES: "-500", "reason": "Prices rose."})
    for words in ("The money is moved", "€4,500", "€100", "12.5 %", "Prices rose."):
        assert words in browser.page.text, words
    assert budget(made.award) == {"staff": 450_000, "activities": 550_000}


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"end_on": LATER.isoformat(), "reason": ""}, "Please say why."),
        ({"reason": "Rain"}, "Please say what is to change."),
        ({"end_on": "2028-09-30", "reason": "Rain"}, "the grant ends on 30 April 2028 at the latest"),
        ({STAFF: "much", "reason": "Rain"}, "Please write an amount"),
        ({STAFF: "0.001", "reason": "Rain"}, "EUR has 2 decimals, not more."),
    ],
)
def test_what_cannot_be_asked_says_why(app: Flask, browser: Browser, typed: dict[str, str], words: str) -> None:
    made = scene()
    db.session.commit()
    browser.sign_in(made.owner).open(f"/grants/{made.award.reference}/changes/new")
    browser.press("Ask for it", typed, status=422)
    assert words in browser.page.text
    assert db.session.scalar(select(Amendment.id)) is None


def test_after_its_last_day_nobody_types_another(app: Flask, browser: Browser) -> None:
    made = scene()
    made.award.end_on = date(2027, 8, 31)
    db.session.commit()
    browser.sign_in(made.owner).open(f"/grants/{made.award.reference}/changes/new")
    assert "A grant is extended before its last day, not after it." in browser.page.text
    assert "end_on" not in browser.text


def test_a_change_goes_from_the_request_to_the_signature_through_both_sides(app: Flask, browser: Browser) -> None:
    made = scene()
    reference = made.award.reference
    of_grant = f"/grants/{reference}/changes"
    training = next(one for one in made.award.milestones if one.title == "Training")
    db.session.commit()
    grantee, fund = browser.sign_in(made.owner), Browser(app).sign_in(made.coordinator)
    assert "Nothing was asked for yet" in grantee.open(of_grant).text
    grantee.click("Ask for a change")
    grantee.press("Ask for it", {"end_on": LATER.isoformat(), "reason": "The rains came early."})
    fund.open("/")
    fund.click("Answer a change that a grantee asks for")
    fund.click("See what is next")
    assert "The rains came early." in fund.page.text
    fund.press("Approve this change")
    grantee.open("/")
    grantee.click("Work out a change that we approved")
    grantee.click("See what is next")
    grantee.click("Work out the change")
    grantee.press("Save", {f"milestone_{training.id}": "2027-11-30"})
    grantee.press("Hand it in")
    fund.open("/")
    fund.click("Check a change that was worked out")
    assert "30 November 2027" in fund.click("See what is next").text
    fund.press("Draw up the amendment")
    grantee.open("/")
    grantee.click("Sign an amendment")
    grantee.click("See what is next")
    assert grantee.download(f"/grants/{reference}/agreement/2.pdf").startswith(b"%PDF")
    grantee.press("Sign the amendment", {"agreed": True, "signature": " "}, status=422)
    grantee.press("Sign the amendment", {"agreed": True, "signature": "Awa Diop"})
    assert only().state == AmendmentState.SIGNED
    after = days(made)
    assert (after["end"], after["Training"].isoformat()) == (LATER, "2027-11-30")
    grantee.open(f"/grants/{reference}/versions")
    for words in ("Version 1", "Version 2", "31 March 2028", "The same in both"):
        assert words in grantee.page.text, words
    assert "before: 31 October 2027" in grantee.open(f"/grants/{reference}/milestones").text
    assert "before: 31 March 2028" in grantee.open(f"/grants/{reference}/reports").text


def test_the_coordinator_writes_a_change_down_and_the_grantee_confirms_it(app: Flask, browser: Browser) -> None:
    made = scene()
    of_grant = f"/grants/{made.award.reference}/changes"
    db.session.commit()
    fund, grantee = browser.sign_in(made.coordinator), Browser(app).sign_in(made.owner)
    fund.open(of_grant)
    fund.click("Write down a change for the grantee")
    fund.press("Write it down", {"end_on": LATER.isoformat(), "reason": "Told on the telephone."})
    assert only().assisted
    assert any("has not confirmed it yet" in one for one in fund.page.obstacles("Approve this change"))
    grantee.open("/")
    grantee.click("Confirm a change that we wrote down")
    grantee.click("See what is next")
    grantee.press("Yes, we ask for this")
    assert only().confirmed_by_id == made.owner.id


@pytest.mark.parametrize("what", ["refuse", "return", "lapse", "withdraw"])
def test_every_other_end_asks_for_a_reason_and_says_why_not(app: Flask, browser: Browser, what: str) -> None:
    made = scene()
    amendment = {"refuse": asked, "return": worked_out, "lapse": drawn_up, "withdraw": asked}[what](made)
    page = f"/grants/{made.award.reference}/changes/{amendment.number}/answer/{what}"
    who, other = (made.owner, made.coordinator) if what == "withdraw" else (made.coordinator, made.owner)
    db.session.commit()
    Browser(app).sign_in(other).get(page, status=403)
    browser.sign_in(who)
    browser.post(page, {"reason": " "}, page=page, status=422)
    browser.post(page, {"reason": "For a reason."}, page=page, status=302)
    assert only().state in ("refused", "returned", "lapsed", "withdrawn")
    assert "stands elsewhere now" in browser.open(page).text


def test_who_is_not_of_the_grant_sees_and_does_nothing(app: Flask, browser: Browser) -> None:
    made = scene()
    amendment = asked(made)
    stranger = make.person()
    make.organization(stranger)
    elsewhere = make.person(Role.REGIONAL_COORDINATOR, regions=["LAC"])
    tied = make.person(Role.REGIONAL_COORDINATOR, regions=["AFR"])
    declare_conflict(tied.id, made.organization.id)
    reference, number = made.award.reference, amendment.number
    db.session.commit()
    for person in (stranger, elsewhere, tied):
        visitor = Browser(app).sign_in(person)
        for page in ("changes", "changes/new", f"changes/{number}", "versions", "settlement"):
            visitor.get(f"/grants/{reference}/{page}", status=404)
        visitor.get("/")
        assert reference not in visitor.text
    assert only().state == AmendmentState.REQUESTED


def test_finance_and_auditors_read_and_do_not_decide(app: Flask, browser: Browser) -> None:
    made = scene()
    amendment = asked(made)
    page = f"/grants/{made.award.reference}/changes/{amendment.number}"
    db.session.commit()
    browser.sign_in(made.auditor).get(page)
    assert "Approve this change" not in browser.text
    browser.post(f"{page}/approve", status=403)
    browser.get(f"/grants/{made.award.reference}/changes/new", status=403)


def test_a_reason_that_names_a_hidden_applicant_is_not_told(app: Flask, browser: Browser) -> None:
    made = scene()
    applicant = make.person()
    hidden = make.organization(applicant, name="Casa Escondida")
    make.application(made.award.call, hidden, applicant)
    declare_conflict(made.coordinator.id, hidden.id)
    amendment = asked(made, more_time())
    amendment.reason = "We work with Casa Escondida now."
    page = f"/grants/{made.award.reference}/changes/{amendment.number}"
    db.session.commit()
    assert "Casa Escondida" not in browser.sign_in(made.coordinator).open(page).text
    assert "Casa Escondida" in Browser(app).sign_in(made.owner).open(page).text


def test_a_confidential_grant_says_so_on_each_page_to_the_fund(app: Flask, browser: Browser) -> None:
    made = scene(confidentiality=Confidentiality.FULLY_CONFIDENTIAL)
    amendment = asked(made)
    reference, number = made.award.reference, amendment.number
    db.session.commit()
    browser.sign_in(made.coordinator).open(f"/grants/{reference}/milestones")
    (warning, *_rest) = browser.page.notices
    for page in ("changes", f"changes/{number}", "versions", "settlement"):
        assert warning in browser.open(f"/grants/{reference}/{page}").notices, page


def test_an_editor_asks_and_works_out_but_does_not_sign(app: Flask, browser: Browser) -> None:
    made = scene()
    editor = make.person()
    make.save(Membership(organization_id=made.organization.id, person_id=editor.id, role=MemberRole.EDITOR))
    amendment = drawn_up(made)
    page = f"/grants/{made.award.reference}/changes/{amendment.number}"
    db.session.commit()
    browser.sign_in(editor).get(page)
    assert "Sign the amendment" not in browser.text
    browser.post(f"{page}/sign", {"signature": "Editor"}, status=403)
    assert days(made)["end"] != LATER


def test_terminating_shows_what_is_settled_and_leads_on(app: Flask, browser: Browser) -> None:
    made = scene()
    reference = made.award.reference
    db.session.commit()
    browser.sign_in(made.coordinator).open(f"/grants/{reference}/agreement")
    browser.click("Terminate this agreement")
    browser.press("Terminate this agreement", {"reason": " "}, status=422)
    browser.press("Terminate this agreement", {"reason": "The partner left."})
    for words in ("Cancelled instalments", "Final report", "Still to be paid"):
        assert words in browser.page.text, words
    assert fresh(made.award).state == AwardState.TERMINATED
    grantee = Browser(app).sign_in(made.owner)
    grantee.open(f"/grants/{reference}/agreement")
    assert "The partner left." in grantee.click("Agreement terminated").text
    grantee.open(f"/grants/{reference}/settlement")
    assert "Only a grant that runs can be changed." in browser.open(f"/grants/{reference}/terminate").text


def test_everything_at_once_is_worked_out_on_one_page(app: Flask, browser: Browser) -> None:
    made = scene()
    amendment = actions.approve(asked(made, everything()), by=made.coordinator)
    page = f"/grants/{made.award.reference}/changes/{amendment.number}/work-out"
    db.session.commit()
    browser.sign_in(made.owner).open(page)
    browser.press("Save", {"line_0": "6500", "line_1": "3500", "scope": "Four towns."})
    kept = only().revision
    assert (kept["lines"], kept["scope"]) == ({"staff": 650_000, "activities": 350_000}, "Four towns.")
    browser.open(page)
    browser.press("Save", {"line_0": "x", "scope": ""}, status=422)
    assert only().revision == kept


def test_the_pages_take_as_many_readings_for_ten_changes_as_for_one(app: Flask) -> None:
    made = scene()

    def readings() -> int:
        db.session.expire_all()
        award = fresh(made.award)
        counted: list[str] = []

        def count(*told: object) -> None:
            counted.append(str(told[2]))

        connection = db.session.connection()
        event.listen(connection, "before_cursor_execute", count)
        try:
            queries.facts_of(award)
            queries.amendments_of(award)
            versions_of(award)
        finally:
            event.remove(connection, "before_cursor_execute", count)
        return len(counted)

    actions.ask(made.award, moving(1_000), by=made.owner)
    asked(made)
    few = readings()
    for _ in range(10):
        opened = queries.open_amendment_of(made.award)
        assert opened is not None
        actions.withdraw(opened, "No.", by=made.owner)
        actions.ask(made.award, moving(1_000), by=made.owner)
        asked(made)
    assert readings() == few
