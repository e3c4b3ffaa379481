from __future__ import annotations

from datetime import UTC, datetime

from flask import Flask
from sqlalchemy import event

from grants.accounts.models import Role
from grants.conflicts.models import Grade
from grants.core.db import db
from grants.history.actions import note
from tests import factories as make
from tests.http import Browser
from tests.reviews.rows import case, declared

MARCH = datetime(2027, 3, 10, 12, tzinfo=UTC)


def test_the_list_of_grants_costs_the_same_queries_for_one_and_for_thirty(app: Flask, browser: Browser) -> None:
    owner, officer = make.person(), make.person(Role.FINANCE_OFFICER)
    call = make.call()
    counts = []
    seen: list[str] = []
    browser.sign_in(officer)
    event.listen(db.session.connection(), "before_cursor_execute", lambda *args: seen.append(args[2]))
    for number in (1, 29):
        for _ in range(number):
            make.award(make.application(call, make.organization(owner), owner), owner)
        db.session.commit()
        seen.clear()
        browser.get("/grants")
        counts.append(len([s for s in seen if s.startswith("SELECT")]))
    assert counts[0] == counts[1]


def test_a_phone_gets_the_pages_of_a_grant_in_one_line_that_names_the_present_one(app: Flask, browser: Browser) -> None:
    owner = make.person()
    award = make.award(make.application(make.call(), make.organization(owner), owner), owner)
    browser.sign_in(owner).get(f"/grants/{award.reference}")
    before, _tag, folded = browser.text.partition('<details class="tabs-short">')
    assert 'class="tabs"' not in before
    summary, _tag, listed = folded.partition("</summary>")
    assert "Pages of this grant: <strong>Overview</strong>" in summary
    short, _tag, long = listed.partition("</details>")
    assert long.strip().startswith(short.strip()), "a wide screen gets the same"


def test_a_grant_of_another_organization_is_not_there(app: Flask, browser: Browser) -> None:
    owner, stranger = make.person(), make.person()
    award = make.award(make.application(make.call(), make.organization(owner), owner), owner)
    browser.sign_in(owner).get(f"/grants/{award.reference}")
    assert award.title in browser.text
    other = Browser(app).sign_in(stranger)
    other.get(f"/grants/{award.reference}", status=404)
    assert award.title not in other.text


def test_what_was_written_on_a_grant_names_nothing_that_is_hidden_from_its_reader(app: Flask) -> None:
    of_call, owner, free, tied = make.call(), make.person(), *(make.person(Role.GLOBAL_COORDINATOR) for _ in range(2))
    award = make.award(make.application(of_call, make.organization(owner), owner), owner)
    secret = case(of_call, title="Zanzibar lighthouse")
    declared(tied, secret, Grade.CONFLICT, "A cousin.")
    note("award", award.id, "reopen", by=free, reason="As with the Zanzibar lighthouse.")
    pages = [f"/grants/{award.reference}{page}" for page in ("", "/agreement", "/milestones", "/reports", "/closeout")]
    for email, is_told in {free.email: True, tied.email: False}.items():
        browser, told = Browser(app).sign_in(email), []
        for page in pages:
            browser.get(page)
            told.append("Zanzibar" in browser.text)
        assert any(told) is is_told, email
        assert told[0] is is_told
