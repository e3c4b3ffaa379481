from __future__ import annotations

import re

import pytest
from flask import Flask
from sqlalchemy import event

from grants.accounts.models import MemberRole, Membership, Role
from grants.awards.models import Award, Condition, Milestone
from grants.awards.workflow import AwardState
from grants.conflicts.models import ConflictDeclaration, Grade
from grants.core.db import db
from grants.core.money import Money
from tests import factories as make
from tests.awards.test_life import TERMS, decided, offered, sent
from tests.http import Browser


def fresh(award: Award) -> Award:
    return db.session.get_one(Award, award.id, populate_existing=True)


# ------------------------------------------------------------------ letters


def test_a_global_coordinator_releases_all_letters_with_one_button(app: Flask, browser: Browser) -> None:
    decision, coordinator, owner = decided()
    reference, application = decision.meeting.reference, decision.application.reference
    db.session.commit()
    browser.sign_in(coordinator).get(f"/meetings/{reference}/release")
    assert application in browser.text
    assert "Send 1 letter" in browser.text
    browser.post(f"/meetings/{reference}/release", status=302)
    browser.follow()
    assert "Letters sent" in browser.text
    award = db.session.query(Award).one()
    Browser(app).sign_in(owner).get(f"/grants/{award.reference}/agreement")


def test_the_button_says_what_stands_in_the_way_of_the_letters(app: Flask, browser: Browser) -> None:
    decision, coordinator, _ = decided()
    decision.meeting.state = "opened"
    reference = decision.meeting.reference
    db.session.commit()
    browser.sign_in(coordinator).get(f"/meetings/{reference}/release")
    assert "The meeting has not been closed yet." in browser.text
    assert "aria-disabled" in browser.text
    browser.post(f"/meetings/{reference}/release", status=409)


def test_a_regional_coordinator_does_not_release_letters(app: Flask, browser: Browser) -> None:
    decision, _, owner = decided()
    reference = decision.meeting.reference
    regional = make.person(Role.REGIONAL_COORDINATOR)
    db.session.commit()
    browser.sign_in(regional).get(f"/meetings/{reference}/release", status=403)
    Browser(app).sign_in(owner).get(f"/meetings/{reference}/release", status=403)


def test_a_letter_that_concerns_a_conflict_is_neither_shown_nor_counted(app: Flask, browser: Browser) -> None:
    decision, coordinator, _ = decided()
    application, reference = decision.application, decision.meeting.reference
    name, title = application.organization.name, application.title
    declare_conflict(coordinator.id, application.organization_id)
    db.session.commit()
    browser.sign_in(coordinator).get(f"/meetings/{reference}/release")
    assert name not in browser.text
    assert title not in browser.text
    assert "1 letter" not in browser.text
    assert "There are no letters to send." in browser.text


def declare_conflict(person_id: int, organization_id: int) -> None:
    make.save(
        ConflictDeclaration(
            person_id=person_id, organization_id=organization_id, grade=Grade.CONFLICT, reason="My sister works there"
        )
    )


# ------------------------------------------------------------------ the offer and the agreement


def test_the_owner_accepts_an_offer_after_reading_its_terms(app: Flask, browser: Browser) -> None:
    award, _, owner = offered()
    db.session.commit()
    browser.sign_in(owner).get(f"/grants/{award.reference}/agreement")
    amounts = [Money(minor, "EUR").shown("en") for minor in (1_000_000, 800_000, 200_000)]
    for words in (*amounts, "31 March 2028", "Accept the grant"):
        assert words in browser.text
    browser.post(f"/grants/{award.reference}/accept", status=302)
    browser.follow()
    assert fresh(award).state == AwardState.ACCEPTED
    browser.post(f"/grants/{award.reference}/accept", status=409)


def test_an_offer_is_refused_with_a_reason_and_what_was_typed_stays(app: Flask, browser: Browser) -> None:
    award, _, owner = offered()
    page = f"/grants/{award.reference}/refuse"
    db.session.commit()
    browser.sign_in(owner)
    browser.post(page, {"reason": "  "}, page=page, status=422)
    assert "Please say why" in browser.text
    assert fresh(award).state == AwardState.OFFERED
    browser.post(page, {"reason": "We found other money."}, status=302)
    assert fresh(award).state == AwardState.REFUSED
    browser.get(page)
    assert "This grant stands elsewhere now" in browser.text


def test_an_editor_reads_the_offer_but_does_not_answer_it(app: Flask, browser: Browser) -> None:
    award, _, _ = offered()
    editor = make.person()
    make.save(Membership(organization_id=award.organization_id, person_id=editor.id, role=MemberRole.EDITOR))
    db.session.commit()
    browser.sign_in(editor).get(f"/grants/{award.reference}/agreement")
    assert "Accept the grant" not in browser.text
    browser.post(f"/grants/{award.reference}/accept", status=403)
    assert fresh(award).state == AwardState.OFFERED


@pytest.mark.parametrize(
    "path", ["agreement", "milestones", "refuse", "agreement/1.pdf", "milestones/1/reached", "accept"]
)
def test_a_grant_of_another_organization_does_not_exist(app: Flask, browser: Browser, path: str) -> None:
    award, _, _ = sent()
    stranger = make.person()
    make.organization(stranger)
    db.session.commit()
    browser.sign_in(stranger).get("/")
    if path == "accept":
        browser.post(f"/grants/{award.reference}/{path}", status=404)
    else:
        browser.get(f"/grants/{award.reference}/{path}", status=404)
    assert award.title not in browser.text


def test_coordinators_see_the_grants_of_their_regions_only(app: Flask, browser: Browser) -> None:
    award, coordinator, _ = offered()
    elsewhere = make.person(Role.REGIONAL_COORDINATOR, regions=["ASI"])
    db.session.commit()
    browser.sign_in(coordinator).get(f"/grants/{award.reference}/agreement")
    Browser(app).sign_in(elsewhere).get(f"/grants/{award.reference}/agreement", status=404)


@pytest.mark.parametrize("role", [Role.FINANCE_OFFICER, Role.AUDITOR])
def test_finance_and_auditors_read_every_grant_and_change_none(app: Flask, browser: Browser, role: Role) -> None:
    award, _, _ = offered(AwardState.ACTIVE)
    reader = make.person(role)
    db.session.commit()
    browser.sign_in(reader).get(f"/grants/{award.reference}/agreement")
    browser.get(f"/grants/{award.reference}/milestones")
    browser.get(f"/grants/{award.reference}/standing/suspend", status=403)


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.COMMITTEE_MEMBER, Role.ADMINISTRATOR])
def test_other_roles_see_no_grant(app: Flask, browser: Browser, role: Role) -> None:
    award, _, _ = offered()
    somebody = make.person(role)
    call = award.call.reference
    db.session.commit()
    browser.sign_in(somebody).get(f"/grants/{award.reference}/agreement", status=404)
    browser.get(f"/calls/{call}/grants", status=403)


@pytest.mark.parametrize("role", [Role.GLOBAL_COORDINATOR, Role.FINANCE_OFFICER, Role.AUDITOR])
def test_a_conflict_hides_the_grant_from_everybody_who_declared_one(app: Flask, browser: Browser, role: Role) -> None:
    award, _, _ = offered()
    somebody = make.person(role)
    declare_conflict(somebody.id, award.organization_id)
    reference, call, title = award.reference, award.call.reference, award.title
    db.session.commit()
    browser.sign_in(somebody).get(f"/grants/{reference}/agreement", status=404)
    browser.get(f"/calls/{call}/grants")
    assert title not in browser.text
    assert reference not in browser.text


def test_a_coordinator_who_belongs_to_the_grantee_does_not_oversee_its_grant(app: Flask, browser: Browser) -> None:
    award, coordinator, _ = offered(AwardState.ACTIVE)
    make.save(Membership(organization_id=award.organization_id, person_id=coordinator.id, role=MemberRole.EDITOR))
    db.session.commit()
    browser.sign_in(coordinator).get(f"/grants/{award.reference}/agreement")
    assert "Suspend this grant" not in browser.text
    browser.get(f"/grants/{award.reference}/standing/suspend", status=403)


def test_the_agreement_is_downloaded_under_a_name_without_names(app: Flask, browser: Browser) -> None:
    award, coordinator, owner = sent()
    award.confidentiality = "name_withheld"
    db.session.commit()
    for person in (owner, coordinator):
        visitor = Browser(app).sign_in(person)
        answer = visitor.get(f"/grants/{award.reference}/agreement/1.pdf")
        assert answer.mimetype == "application/pdf"
        assert answer.headers["Content-Disposition"] == f"attachment; filename={award.reference}-agreement-1.pdf"
        visitor.get(f"/grants/{award.reference}/agreement/2.pdf", status=404)


def test_staff_are_told_not_to_share_a_withheld_name(app: Flask, browser: Browser) -> None:
    award, coordinator, owner = offered(confidentiality="name_withheld")
    call = award.call.reference
    db.session.commit()
    browser.sign_in(coordinator).get(f"/grants/{award.reference}/agreement")
    assert "Name withheld: do not share" in browser.text
    browser.get(f"/calls/{call}/grants")
    assert "Name withheld: do not share" in browser.text
    Browser(app).sign_in(owner).get(f"/grants/{award.reference}/agreement")


def test_who_did_what_is_told_to_staff_and_not_to_the_grantee(app: Flask, browser: Browser) -> None:
    award, coordinator, owner = sent()
    name, reference = coordinator.name, award.reference
    db.session.commit()
    visitor = Browser(app).sign_in(owner)
    visitor.get(f"/grants/{reference}/agreement")
    timeline = visitor.text.split("What happened")[-1]
    assert "The agreement was drawn up" in timeline
    assert name not in timeline
    browser.sign_in(coordinator).get(f"/grants/{reference}/agreement")
    assert name in browser.text.split("What happened")[-1]


@pytest.mark.parametrize("state", list(AwardState))
@pytest.mark.parametrize("who", ["owner", "coordinator"])
def test_every_state_has_its_page(app: Flask, browser: Browser, state: AwardState, who: str) -> None:
    award, coordinator, owner = offered(state)
    make.save(Condition(award_id=award.id, text="Adopt a policy"))
    db.session.commit()
    browser.sign_in(owner if who == "owner" else coordinator)
    browser.get(f"/grants/{award.reference}/agreement")
    assert "What you can do now" in browser.text
    browser.get(f"/grants/{award.reference}/milestones")


# ------------------------------------------------------------------ while it runs


def test_a_coordinator_suspends_and_resumes_a_grant(app: Flask, browser: Browser) -> None:
    award, coordinator, owner = offered(AwardState.ACTIVE)
    page = f"/grants/{award.reference}/standing/suspend"
    db.session.commit()
    browser.sign_in(coordinator)
    browser.post(page, {"reason": ""}, page=page, status=422)
    browser.post(page, {"reason": "Accounts are frozen."}, status=302)
    assert fresh(award).state == AwardState.SUSPENDED
    browser.get(f"/grants/{award.reference}/standing/anything", status=404)
    page = f"/grants/{award.reference}/standing/resume"
    browser.post(page, {"reason": "They are free."}, page=page, status=302)
    assert fresh(award).state == AwardState.ACTIVE
    Browser(app).sign_in(owner).get(page, status=403)


def test_grantee_and_coordinator_mark_milestones_and_only_the_coordinator_moves_them(
    app: Flask, browser: Browser
) -> None:
    award, coordinator, owner = offered(AwardState.ACTIVE)
    first, second = (
        make.save(Milestone(award_id=award.id, title=f"Result {n}", due_on=award.start_on)) for n in (1, 2)
    )
    base = f"/grants/{award.reference}/milestones"
    db.session.commit()
    browser.sign_in(owner).get(base)
    browser.post(
        f"{base}/{first.id}/reached", {"reached_on": "", "evidence": "x"}, page=f"{base}/{first.id}/reached", status=422
    )
    browser.post(f"{base}/{first.id}/reached", {"reached_on": "2999-01-01", "evidence": "Kept words"}, status=422)
    assert "Kept words" in browser.text
    browser.post(f"{base}/{first.id}/reached", {"reached_on": "2026-01-05", "evidence": "A list"}, status=302)
    browser.get(f"{base}/{second.id}/move", status=403)
    browser.get(f"{base}/{second.id + 1000}/reached", status=404)
    visitor = Browser(app).sign_in(coordinator)
    page = f"{base}/{second.id}/move"
    visitor.post(page, {"due_on": "2027-09-01", "reason": "Rain"}, page=page, status=302)
    moved = db.session.get_one(Milestone, second.id, populate_existing=True)
    assert moved.due_on.isoformat() == "2027-09-01"


def test_a_coordinator_marks_a_condition_as_met_and_the_grantee_cannot(app: Flask, browser: Browser) -> None:
    award, coordinator, owner = offered(AwardState.ACTIVE)
    condition = make.save(Condition(award_id=award.id, text="Adopt a policy"))
    page = f"/grants/{award.reference}/conditions/{condition.id}/met"
    db.session.commit()
    Browser(app).sign_in(owner).get(page, status=403)
    browser.sign_in(coordinator)
    browser.post(page, {"evidence": "Seen on 3 May."}, page=page, status=302)
    assert db.session.get_one(Condition, condition.id, populate_existing=True).met_on is not None


# ------------------------------------------------------------------ the grants of a call


def test_the_grants_of_a_call_are_filtered_by_links_that_can_be_shared(app: Flask, browser: Browser) -> None:
    owner = make.person()
    call = make.call(terms=TERMS)
    coordinator = make.person(Role.GLOBAL_COORDINATOR)
    made = []
    for lot, region, state in (("L1", "AFR", "active"), ("L2", "ASI", "offered"), ("L1", "ASI", "active")):
        application = make.application(call, make.organization(owner, region=region), owner, lot_key=lot)
        made.append(make.award(application, owner, state=state).reference)
    db.session.commit()
    browser.sign_in(coordinator)
    for query, expected in (("", made), ("?state=active", [made[0], made[2]]), ("?region=ASI&lot=L1", [made[2]])):
        browser.get(f"/calls/{call.reference}/grants{query}")
        shown = re.findall(r"GRANT-T\d+", browser.text)
        assert sorted(set(shown)) == sorted(expected)
        found = f"<strong>{len(expected)}</strong>"
        assert found in browser.text
    browser.get(f"/calls/{call.reference}/grants?state=closed")
    assert "No grant is like this" in browser.text
    browser.get(f"/calls/{call.reference}/grants?page=x&state=%00", status=400)
    browser.get("/calls/NOWHERE/grants", status=404)


def test_an_award_page_is_not_slower_for_a_longer_list(app: Flask, browser: Browser) -> None:
    owner, coordinator = make.person(), make.person(Role.GLOBAL_COORDINATOR)
    call = make.call(terms=TERMS)
    make.award(make.application(call, make.organization(owner), owner), owner)
    db.session.commit()
    browser.sign_in(coordinator)
    few = statements(app, browser, f"/calls/{call.reference}/grants")
    for _ in range(12):
        make.award(make.application(call, make.organization(owner), owner), owner)
    db.session.commit()
    assert statements(app, browser, f"/calls/{call.reference}/grants") == few
    assert few <= 8


def statements(app: Flask, browser: Browser, path: str) -> int:
    """How many SELECTs a page takes."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "WITH")):
            seen.append(statement)

    engine = db.session.connection().engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        browser.get(path)
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return len(seen)
