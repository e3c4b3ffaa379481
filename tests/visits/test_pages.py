"""The pages of visits, as each person meets them."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from grants.accounts.models import Role
from grants.core.db import db
from grants.core.mail import OutboxMail
from grants.visits import actions
from grants.visits.models import Visit
from tests import factories as make
from tests.http import Browser
from tests.payments.rows import PDF, scene
from tests.reviews.rows import counted
from tests.visits.rows import FINDINGS, VISIT_DAY, account, planned, shared

WRITTEN = {
    "made_on": VISIT_DAY.isoformat(),
    "kind": "remote",
    "went": "Coordinator",
    "met": "The director",
    "findings": FINDINGS,
    "note": "For us alone.",
    "change_1": "Keep a list",
    "by_1": "2027-10-15",
}


def test_a_coordinator_plans_writes_down_and_shares_a_visit_on_the_pages(browser: Browser) -> None:
    made = scene()
    db.session.commit()
    path, lead_id = f"/grants/{made.award.reference}/visits", made.coordinator.id
    browser.sign_in(made.coordinator).open(path)
    browser.click("Plan a visit")
    browser.press("Plan it", {"kind": "on_site"}, status=422)
    browser.press("Plan it", {"due_on": VISIT_DAY.isoformat(), "purpose": "See it.", "announce": True})
    visit = db.session.scalars(select(Visit)).one()
    assert visit.announced_at is not None
    assert visit.lead_id == lead_id
    browser.click("Write down what you found")
    browser.press("Keep it", WRITTEN | {"by_1": ""}, status=422)
    browser.press("Keep it", WRITTEN)
    browser.press("Add the file", {"label": "The list", "file": (PDF, "Awa Diop, director.pdf")})
    browser.open(f"{path}/1/findings")
    browser.open(f"{path}/1")
    browser.click("Share it with the grantee")
    browser.press("Share it with the grantee")
    browser.open(path)
    visit = db.session.scalars(select(Visit)).one()
    assert (visit.state, visit.kind, len(visit.changes), len(visit.files)) == ("shared", "remote", 1, 1)


def test_two_who_write_a_visit_down_do_not_overwrite_each_other_and_share_what_they_read(app: Flask) -> None:
    made, visit = planned()
    colleague = make.person(Role.GLOBAL_COORDINATOR)
    db.session.commit()
    path, number = f"/grants/{made.award.reference}/visits/1", visit.id
    one, other = Browser(app).sign_in(made.coordinator), Browser(app).sign_in(colleague)
    for browser in (one, other):
        browser.open(f"{path}/findings")
    other.press("Keep it", WRITTEN | {"findings": "The list was kept."})
    page = one.press("Keep it", WRITTEN, status=422)
    assert "It was changed after you opened this page." in page.text
    assert "The list was kept." in page.text
    assert FINDINGS in page.text
    one.press("Keep it", WRITTEN)
    other.click("Share it with the grantee")
    other.press("Share it with the grantee", status=422)
    assert "It was changed after you opened this page." in other.page.text
    assert db.session.get_one(Visit, number, populate_existing=True).state == "made"
    other.press("Share it with the grantee")
    assert db.session.get_one(Visit, number, populate_existing=True).findings == FINDINGS


def test_the_grantee_reads_what_was_shared_and_nothing_else_and_answers(browser: Browser) -> None:
    made, unshared = planned()
    actions.announce(unshared, by=made.coordinator)
    _made, visit = planned(made)
    for one in (unshared, visit):
        actions.write_down(one, account(), by=made.coordinator)
        actions.add_file(one, "The list", "Awa Diop.pdf", PDF, by=made.coordinator)
    actions.share(visit, by=made.coordinator)
    db.session.commit()
    path = f"/grants/{made.award.reference}/visits"
    page = browser.sign_in(made.owner).open(f"{path}/1").text
    assert FINDINGS not in page
    assert "Keep a list" not in page
    browser.get(f"{path}/1/files/1", status=403)
    page = browser.open(f"{path}/2").text
    assert FINDINGS in page
    assert "seemed tired" not in page
    answer = browser.get(f"{path}/2/files/1")
    assert f"{path.split('/')[2]}-visit-2-1.pdf" in answer.headers["Content-Disposition"]
    browser.open(f"{path}/2")
    browser.press("Send the answer", {"answer": ""}, status=422)
    browser.press("Send the answer", {"answer": "We keep the list now."})
    browser.click("Mark as done Keep a list of participants")
    assert "We keep the list now." in browser.press("Mark as done", {"evidence": "The list."}).text


def test_a_visit_nobody_announced_is_not_there_for_the_grantee(browser: Browser) -> None:
    made, _visit = planned(purpose="Look at the receipts of March.")
    db.session.commit()
    path = f"/grants/{made.award.reference}/visits"
    assert "receipts of March" not in browser.sign_in(made.owner).get(path).text
    browser.get(f"{path}/1", status=404)


@pytest.mark.parametrize(
    ("who", "page", "does"),
    [
        ("coordinator", 200, 302),
        ("auditor", 200, 403),
        ("officer", 200, 403),
        ("owner", 404, 404),
        ("elsewhere", 404, 404),
        ("reviewer", 404, 404),
    ],
)
def test_who_may_see_and_share(browser: Browser, who: str, page: int, does: int) -> None:
    made, visit = planned()
    actions.write_down(visit, account(), by=made.coordinator)
    people: dict[str, Any] = {
        "coordinator": made.coordinator,
        "auditor": made.auditor,
        "officer": made.officers[0],
        "owner": made.owner,
        "elsewhere": make.person(Role.REGIONAL_COORDINATOR, regions=["ASI"]),
        "reviewer": make.person(Role.REVIEWER),
    }
    db.session.commit()
    path = f"/grants/{made.award.reference}/visits/1"
    browser.sign_in(people[who]).get(path, status=page)
    refused = 403 if who in ("owner", "reviewer") else does
    browser.post(f"{path}/share", page="/account", status=refused)


def test_mails_and_files_of_a_confidential_grant_name_nobody(browser: Browser) -> None:
    made, visit = shared(scene(confidentiality="fully_confidential"))
    db.session.commit()
    told = list(db.session.scalars(select(OutboxMail).where(OutboxMail.kind.like("visit%"))))
    assert told
    for mail in told:
        assert made.organization.name not in f"{mail.subject} {mail.body}"
    assert visit.award.reference in told[0].subject


def test_the_list_costs_the_same_for_one_visit_and_for_twelve(browser: Browser) -> None:
    few, many = scene(), scene()
    planned(few)
    for _n in range(12):
        planned(many)
    paths = [f"/grants/{made.award.reference}/visits" for made in (few, many)]
    browser.sign_in(few.auditor).get(paths[0])
    heard: list[list[str]] = [[], []]
    for path, statements in zip(paths, heard, strict=True):
        with counted(statements):
            browser.get(path)
    assert len(heard[0]) == len(heard[1])
