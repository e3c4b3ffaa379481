"""Filters kept under a name: found above the list and on the home page, renamed, deleted, sent to a colleague."""

from __future__ import annotations

import pytest
from flask import Flask

from grants.accounts.models import Role
from grants.core import clock
from grants.core.db import db
from grants.listings import rules
from grants.listings.models import KeptFilter
from tests import factories as make
from tests.http import Browser

LATE = "/reports?region=AFR&show=returned"


def kept_by(browser: Browser, address: str, name: str, status: int = 200) -> None:
    browser.open(address)
    browser.press("Keep", {"name": name}, at="/filters", status=status)


def test_a_filter_is_kept_found_renamed_and_deleted(app: Flask, browser: Browser) -> None:
    browser.sign_in(make.person(Role.GLOBAL_COORDINATOR))
    assert "Keep this filter" in browser.open("/reports?show=returned&page=3&region=AFR").content
    browser.press("Keep", {"name": "  Late   in Africa "}, at="/filters")
    assert "The filter is kept." in browser.text
    assert browser.page.address_of("Late in Africa") == LATE
    assert "Keep this filter" not in browser.page.content, "it is kept already"
    assert "Keep this filter" in browser.open("/reports?show=returned").content
    browser.open("/")
    assert browser.page.address_of("Late in Africa") == LATE
    browser.click("Rename or delete")
    browser.press("Rename", {"name": "To chase"})
    assert browser.page.address_of("To chase") == LATE
    assert "Late in Africa" not in browser.page.content
    browser.press("Delete")
    assert "No filter is kept yet" in browser.page.content
    assert "To chase" not in browser.open("/").content


def test_a_filter_widens_nobodys_rights_and_is_nobody_elses(app: Flask, browser: Browser) -> None:
    hers = make.person(Role.GLOBAL_COORDINATOR)
    browser.sign_in(hers)
    kept_by(browser, LATE, "Late in Africa")
    kept = db.session.query(KeptFilter).one()
    number = kept.id
    colleague = Browser(app).sign_in(make.person(Role.REGIONAL_COORDINATOR, regions=["ASI"]))
    assert "Late in Africa" not in colleague.open(LATE).content, "the address opens, with the colleague's own rights"
    for path in ("name", "forget"):
        colleague.post(f"/filters/{number}/{path}", {"name": "Mine"}, page="/filters", status=404)
    reviewer = Browser(app).sign_in(make.person(Role.REVIEWER))
    reviewer.get(LATE, 403)
    reviewer.post("/filters", {"address": LATE, "name": "Late"}, page="/filters", status=403)
    assert db.session.query(KeptFilter).count() == 1


def test_a_filter_of_a_list_that_is_closed_to_its_owner_by_now_leads_nowhere(browser: Browser) -> None:
    person = make.person(Role.AUDITOR, Role.REVIEWER)
    browser.sign_in(person)
    kept_by(browser, "/payments?show=paid", "What was paid")
    kept_by(browser, "/grants?state=active", "Running")
    assert browser.open("/").address_of("What was paid") == "/payments?show=paid"
    for held in db.session.merge(person).role_grants:
        if held.role == Role.AUDITOR:
            held.revoked_at = clock.now()
    db.session.commit()
    home = browser.open("/").content
    assert "What was paid" not in home
    assert "Running" in home
    told = browser.open("/filters").content
    assert "/payments?show=paid" not in told
    assert "You may not open this list any more." in told


@pytest.mark.parametrize("name", ["", "   ", "x" * (rules.LONGEST_NAME + 1), "nul\x00"])
def test_a_filter_has_a_name_that_can_be_kept(browser: Browser, name: str) -> None:
    browser.sign_in(make.person(Role.AUDITOR))
    browser.post("/filters", {"address": LATE, "name": name}, page="/filters", status=409)
    assert db.session.query(KeptFilter).count() == 0


def test_two_filters_of_a_list_have_two_names_and_there_is_an_end_to_them(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "MOST_FILTERS", 2)
    browser.sign_in(make.person(Role.AUDITOR))
    kept_by(browser, LATE, "Mine")
    kept_by(browser, "/reports?show=soon", "Mine", status=409)
    assert "under that name" in browser.text
    kept_by(browser, "/grants?state=active", "Mine")
    kept_by(browser, "/reports?show=soon", "Another", status=409)
    assert "Please delete one first" in browser.text


@pytest.mark.parametrize(
    "address", ["/", "//evil.example/grants", "https://evil.example/reports", "javascript:alert(1)"]
)
def test_what_is_no_list_cannot_be_kept(browser: Browser, address: str) -> None:
    browser.sign_in(make.person(Role.AUDITOR))
    browser.post("/filters", {"address": address, "name": "Elsewhere"}, page="/filters", status=404)


def test_a_filter_of_one_call_does_not_stand_above_the_list_of_another(app: Flask, browser: Browser) -> None:
    first, second = (f"/calls/{make.call().reference}/applications" for _ in range(2))
    browser.sign_in(make.person(Role.AUDITOR))
    kept_by(browser, f"{first}?region=AFR", "From Africa")
    assert "From Africa" in browser.open(first).content
    assert "From Africa" not in browser.open(second).content
