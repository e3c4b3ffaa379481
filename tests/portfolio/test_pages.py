from __future__ import annotations

from datetime import UTC, date, datetime

from flask import Flask
from sqlalchemy import event

from grants.accounts.models import Role
from grants.awards.models import Milestone
from grants.conflicts.models import Grade
from grants.core import clock
from grants.core.db import db
from grants.history.actions import note
from tests import factories as make
from tests.http import Browser
from tests.payments import rows
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


def test_a_grant_at_a_glance_says_what_is_late_what_comes_next_and_what_the_next_payment_waits_for(
    app: Flask, browser: Browser
) -> None:
    made = rows.scene()
    rows.confirmed(made)
    for title, due_on in (("The register opens", date(2027, 6, 1)), ("The round table", date(2029, 6, 1))):
        make.save(Milestone(award_id=made.award.id, title=title, due_on=due_on))
    page, reference = f"/grants/{made.award.reference}", made.award.reference
    db.session.commit()
    with clock.at(datetime(2027, 7, 1, 12, tzinfo=UTC)):
        browser.sign_in(made.coordinator).get(page)
        beside = next(browser.page.root.all("aside")).text
        assert "One thing is late." in beside
        assert "The register opens" in beside
        assert "Next: Final report" in beside
        assert "The next payment €2,000 Tranche 2" in " ".join(beside.split())
        assert "This report is not in" in beside
        assert "0 of 2 reached" in browser.text
        figure = next(browser.page.root.all("figure")).text
        assert [figure.count(amount) for amount in ("€8,000", "€2,000")] == [1, 1]
    with clock.at(datetime(2029, 7, 1, 12, tzinfo=UTC)):
        browser.get(page)
        assert "3 things are late." in browser.text
    assert f"{reference}/owed" in browser.text


def test_the_page_of_a_grant_tells_its_latest_history_and_all_of_it_when_asked(app: Flask, browser: Browser) -> None:
    made = rows.scene()
    for number in range(20):
        note("award", made.award.id, "reopen", by=made.coordinator, reason=f"Reason {number}.")
    db.session.commit()
    browser.sign_in(made.coordinator).get(f"/grants/{made.award.reference}")
    assert ("Reason 19." in browser.text, "Reason 0." in browser.text) == (True, False)
    browser.get(f"/grants/{made.award.reference}?history=all")
    assert "Reason 0." in browser.text
    assert "Show everything" not in browser.text


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
