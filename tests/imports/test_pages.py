"""The pages: sending in, saying what columns mean, looking, confirming, finding it in the portfolio, taking it back."""

from __future__ import annotations

import io

import pytest
from flask import Flask
from sqlalchemy import event, func, select

from grants.accounts.models import Organization, Role
from grants.core.db import db
from grants.history.models import HistoryEntry
from grants.imports import actions, rules, tasks
from grants.imports.models import AwardImport, PastAward
from tests import factories as make
from tests.http import Browser
from tests.imports.test_reading import REAL, lines
from tests.listings.test_files import taken

OLD = lines(
    "Wave of Hope,EUR 5000,28/02/2015,12,Dakar,Senegal", "Elsewhere,EUR 7,30/2/2015", "Nowhere,EUR 8.50,1/2/2016"
)


def sent_by(browser: Browser, content: bytes, name: str = "old.csv") -> AwardImport:
    browser.open("/imports")
    form = next(form for form in browser.page.forms if "file" in form.controls)
    form.controls["file"].files = [(content, name)]
    browser.send(form, "Read the table")
    return db.session.scalars(select(AwardImport).order_by(AwardImport.id.desc())).first()


@pytest.fixture
def coordinator(app: Flask, browser: Browser) -> Browser:
    return browser.sign_in(make.person(Role.GLOBAL_COORDINATOR))


def written() -> list[int]:
    return [
        db.session.scalar(select(func.count()).select_from(model)) or 0
        for model in (PastAward, Organization, HistoryEntry)
    ]


def test_a_table_is_looked_at_confirmed_found_in_the_portfolio_and_taken_back(coordinator: Browser) -> None:
    sent = sent_by(coordinator, OLD)
    before = written()
    page = coordinator.page
    assert page.heading == "What the columns mean"
    assert "Grantee, such as “Wave of Hope”" in page.content
    coordinator.press("See how it is read", {"programme": "Seed fund", "name": "Seeds"})
    told = coordinator.page.content
    for words in ("Nothing has been imported yet", "€5,008.50", "“30/2/2015” is not a day", "Wave of Hope"):
        assert words in told
    assert written() == before, "looking writes nothing"
    coordinator.press("Import 2 awards")
    assert "The table is waiting to be imported." in coordinator.page.content
    assert tasks.carry_out_waiting() == 1
    told = coordinator.open(f"/imports/{sent.id}").content
    for words in ("Imported", "€5,008.50", "“30/2/2015” is not a day", "Earlier awards were imported"):
        assert words in told
    coordinator.click("See these grants")
    coordinator.click("Wave of Hope")
    told = coordinator.page.content
    for words in (
        "Its money is not in the ledger here",
        "€5,000",
        "old.csv",
        "EUR 5000",
        "28 February 2015",
        "Seed fund",
    ):
        assert words in told
    coordinator.open(f"/imports/{sent.id}")
    assert "Please say why" in coordinator.press("Take the import back", status=422).content
    coordinator.press("Take the import back", {"reason": "The wrong table"})
    assert "The wrong table" in coordinator.page.content
    assert "Wave of Hope" not in coordinator.open("/grants").content


def test_a_table_is_imported_as_it_was_shown_and_not_as_it_is_read_since(coordinator: Browser) -> None:
    sent = sent_by(coordinator, OLD)
    coordinator.press("See how it is read", {"programme": "Seed fund"})
    actions.lay_out(sent, rules.Layout(**sent.layout | {"currency": "KES"}), "Other fund", by=make.person())
    db.session.commit()
    coordinator.press("Import 2 awards", status=409)
    assert "Please look at the table again." in coordinator.page.content
    assert tasks.carry_out_waiting() == 0
    coordinator.open(f"/imports/{sent.id}")
    coordinator.press("Import 2 awards")
    assert tasks.carry_out_waiting() == 1


def test_a_table_like_the_one_before_is_read_as_it_was(coordinator: Browser) -> None:
    sent_by(coordinator, OLD)
    coordinator.press(
        "See how it is read",
        {"programme": "Seed fund", "name": "Seeds", "amount": "", "usual_currency": "KES"},
        status=422,
    )
    assert "Say which column holds: Amount." in coordinator.page.content
    coordinator.press("See how it is read", {"amount": "1", "number": "1"}, status=422)
    assert "The column “Amount” cannot mean two things." in coordinator.page.content
    coordinator.press("See how it is read", {"number": "", "usual_currency": "KES"})
    sent_by(coordinator, lines("Other,5,1/2/2015"))
    assert "It is read as the mapping “Seeds” says." in coordinator.page.content
    coordinator.press("See how it is read")
    assert "KES" in coordinator.page.content or "KSh" in coordinator.page.content


def test_a_table_that_cannot_be_read_says_so_and_is_not_kept(coordinator: Browser) -> None:
    for content, words in (
        (b"", "choose a file"),
        (b"%PDF-1.7\nA,B\n", "This is no table"),
        (b'A,B\n"c', "quotation mark"),
    ):
        coordinator.open("/imports")
        form = next(form for form in coordinator.page.forms if "file" in form.controls)
        form.controls["file"].files = [(content, "old.csv" if content else "")]
        assert words in coordinator.send(form, "Read the table", status=422).content
    assert db.session.scalar(select(func.count()).select_from(AwardImport)) == 0


def test_a_table_is_put_aside(coordinator: Browser) -> None:
    sent = sent_by(coordinator, OLD)
    coordinator.open(f"/imports/{sent.id}")
    assert coordinator.page.obstacles("Import 2 awards") == ["Say of which earlier programme these awards are."]
    coordinator.press("Put the table aside")
    assert "No table yet" in coordinator.page.content


def test_refused_rows_can_be_had_as_a_file_in_which_nothing_is_computed(coordinator: Browser) -> None:
    sent = sent_by(coordinator, lines("=cmd|' /C calc'!A0,=1+1,1/2/2015", ",EUR 5,1/2/2015"))
    told = taken(coordinator, f"/imports/{sent.id}").decode("utf-8-sig")
    assert told.splitlines()[:2] == ["Line,Reason", "2,“…” is not an amount."]
    assert not [cell for line in told.splitlines() for cell in line.split(",") if cell.startswith(("=", "+", "-", "@"))]


def test_the_real_table_is_found_in_the_portfolio_by_its_programme(coordinator: Browser) -> None:
    actions.import_at_once("Unbound.csv", REAL.read_bytes(), by=None)
    owner = make.person()
    call = make.call()
    ours = make.award(make.application(call, make.organization(owner), owner), owner).reference
    of_call = f"/grants?call={call.reference}"
    told = coordinator.open("/grants").content
    assert "469 grants." in told
    assert ours in told
    assert told.index(ours) < told.index("· Unbound"), "what this fund awarded comes first"
    coordinator.open("/grants?programme=Unbound&state=closed")
    assert "468 grants." in coordinator.page.content
    coordinator.open("/grants?programme=Unbound")
    assert len(pages_from_here(coordinator)) == 19
    assert "British Future" in coordinator.page.content, "the first of the table is the last of the list"
    assert "1 grant." in coordinator.open("/grants?programme=-").content
    assert "1 grant." in coordinator.open(of_call).content
    assert "No grant here" in coordinator.open("/grants?programme=Unbound&state=active").content
    assert "No grant here" in coordinator.open("/grants?programme=Unbound&region=AFR").content


def pages_from_here(browser: Browser) -> list[list[str]]:
    """The addresses of the grants on each page of the list, going on to the last."""
    found = []
    while True:
        names = browser.page.root.all("td", class_="record-name")
        found.append([link.at["href"] or "" for name in names for link in name.all("a")])
        older = next(browser.page.root.all("a", rel="next"), None)
        if older is None:
            return found
        browser.open(older.at["href"] or "")


def test_every_grant_stands_on_exactly_one_page_of_the_list(coordinator: Browser) -> None:
    actions.import_at_once("Old.csv", lines(*(f"Grantee {n},EUR 5" for n in range(40))), by=None)
    owner = make.person()
    call = make.call()
    for _ in range(30):
        make.award(make.application(call, make.organization(owner), owner), owner)
    coordinator.open("/grants")
    found = [address for page in pages_from_here(coordinator) for address in page]
    assert len(found) == len(set(found)) == 70


def test_the_list_costs_the_same_queries_with_and_without_a_past(coordinator: Browser) -> None:
    counts = []
    seen: list[str] = []
    event.listen(db.session.connection(), "before_cursor_execute", lambda *args: seen.append(args[2]))
    for rows in ([], [f"Grantee {n},EUR 5" for n in range(40)]):
        if rows:
            actions.import_at_once("Old.csv", lines(*rows), by=None)
        db.session.commit()
        coordinator.get("/grants")
        seen.clear()
        coordinator.get("/grants")
        counts.append(len(seen))
    assert counts[0] == counts[1]


# ------------------------------------------------------------------ who sees what


def test_who_sees_the_past(app: Flask, browser: Browser) -> None:
    member = make.person()
    make.organization(member, name="Wave of Hope", country="SN", city="Dakar")
    sent = actions.import_at_once("old.csv", OLD, programme="Seed fund", by=None)
    of = {one.grantee: one.reference for one in db.session.scalars(select(PastAward))}
    here, nowhere = of["Wave of Hope"], of["Nowhere"]
    expected = {
        make.person(Role.GLOBAL_COORDINATOR): (200, 200, 200),
        make.person(Role.AUDITOR): (200, 200, 200),
        make.person(Role.FINANCE_OFFICER): (200, 200, 403),
        make.person(Role.REGIONAL_COORDINATOR, regions=["AFR"]): (200, 200, 403),
        make.person(Role.REGIONAL_COORDINATOR, regions=["ASI"]): (404, 200, 403),
        member: (200, 404, 403),
        make.person(): (404, 404, 403),
        make.person(Role.REVIEWER): (404, 404, 403),
        make.person(Role.ADMINISTRATOR): (404, 404, 403),
    }
    for person, statuses in expected.items():
        own = Browser(app).sign_in(person)
        paths = (f"/past-grants/{here}", f"/past-grants/{nowhere}", f"/imports/{sent.id}")
        assert tuple(own.get(path, status=0).status_code for path in paths) == statuses, person.email
    own = Browser(app).sign_in(member)
    told = own.open(f"/past-grants/{here}").content
    assert "old.csv" not in told, "a grantee reads its own row, not where the fund has it from"
    assert "Seed fund" in own.open("/grants").content


def test_an_auditor_reads_and_changes_nothing(app: Flask) -> None:
    waiting = actions.send_in("old.csv", OLD, by=None)
    own = Browser(app).sign_in(make.person(Role.AUDITOR))
    page = own.open(f"/imports/{waiting.id}")
    assert not [words for words in page.all_buttons if words.startswith(("Import", "Put", "Take"))]
    for verb in ("confirm", "discard", "undo", "columns"):
        own.post(f"/imports/{waiting.id}/{verb}", page="/imports", status=403)
    own.post("/imports", {"file": (io.BytesIO(OLD), "old.csv")}, page="/imports", status=403)


def test_an_organization_of_the_past_says_what_it_is(coordinator: Browser) -> None:
    actions.import_at_once("old.csv", OLD, by=None)
    known = db.session.scalars(select(Organization).where(Organization.name == "Nowhere")).one()
    assert "Nobody has an account for it" in coordinator.open(f"/organizations/{known.reference}").content
