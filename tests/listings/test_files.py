"""Lists taken out: as they are filtered, as the asker may see them, without withheld names, and nobody else's."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from grants.accounts.models import COORDINATORS, Confidentiality, Organization, Role
from grants.awards.models import Award
from grants.awards.workflow import AwardState
from grants.complaints.models import Complaint
from grants.conflicts.models import Grade
from grants.core import clock
from grants.core.db import db
from grants.core.listings import LISTINGS, Asked, Column, Kind, Lines, Listing, place_of
from grants.core.money import MixedCurrencies, Money
from grants.core.sheets import LONGEST_TEXT, write_csv, write_xlsx
from grants.core.written import first_sheet
from grants.decisions import actions as decisions
from grants.history.models import HistoryEntry
from grants.listings import actions, queries, rules, tasks
from grants.listings.models import FileState, ListFile
from tests import factories as make
from tests.http import Browser
from tests.reviews.rows import counted

ROWS = [["=1+1", 7, Money(-1234567, "EUR"), date(2027, 3, 12), None], ["plain", 0, Money(5000, "XOF"), None, "+44"]]
HEADINGS = [
    ("Who", Kind.TEXT),
    ("Number", Kind.NUMBER),
    ("Amount", Kind.AMOUNT),
    ("Day", Kind.DAY),
    ("More", Kind.TEXT),
]


def grant(**more: Any) -> Any:
    """A running grant of an organization of its own."""
    owner = make.person()
    named = {name: more.pop(name) for name in ("name", "region") if name in more}
    applicant = make.organization(owner, **named)
    of_call = more.pop("of_call", None) or make.call()
    application = make.application(of_call, applicant, owner)
    return make.award(application, make.person(Role.GLOBAL_COORDINATOR), **more)


def taken(browser: Browser, address: str, kind: str = "csv") -> bytes:
    """What the button above a list gives."""
    form = next(form for form in browser.open(address).forms if form.action == "/exports")
    answer = browser.post("/exports", {"address": form.fields["address"][0], "kind": kind}, status=200)
    assert "attachment" in answer.headers["Content-Disposition"]
    return bytes(answer.get_data())


def table(browser: Browser, address: str) -> list[dict[str, str]]:
    content = taken(browser, address)
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def sheet(content: bytes) -> list[list[str]]:
    return [cells for _number, cells in first_sheet(content, 10_000)]


# ------------------------------------------------------------------ the files themselves


def test_in_csv_amounts_and_days_are_plain_and_nothing_is_computed(app: Flask) -> None:
    file = io.BytesIO()
    assert write_csv(file, HEADINGS, ROWS, "UTC", "en") == 2
    read = list(csv.reader(io.StringIO(file.getvalue().decode("utf-8-sig"), newline="")))
    assert read == [
        ["Who", "Number", "Amount", "Day", "More"],
        ["'=1+1", "7", "-12345.67", "2027-03-12", ""],
        ["plain", "0", "5000", "", "'+44"],
    ]


@pytest.mark.parametrize("language", ["fr", "es"])
def test_a_spreadsheet_that_parts_decimals_by_a_comma_opens_a_csv_with_its_columns(app: Flask, language: str) -> None:
    file = io.BytesIO()
    rows = [*ROWS, ["=A1;B1", Decimal("0.5"), Money(1, "EUR"), None, "a;b"], ["\n=1", 1, None, None, "＝1"]]
    assert write_csv(file, HEADINGS, rows, "UTC", language) == 4
    text = file.getvalue().decode("utf-8-sig")
    assert text.startswith("Who;Number;Amount;Day;More\r\n'=1+1;7;-12345,67;2027-03-12;\r\n")
    read = list(csv.reader(io.StringIO(text, newline=""), delimiter=";"))
    assert read[3:] == [["'=A1;B1", "0,5", "0,01", "", "a;b"], ["'\n=1", "1", "", "", "'＝1"]]


def test_in_a_workbook_amounts_are_numbers_days_are_days_and_texts_are_texts(app: Flask) -> None:
    file = io.BytesIO()
    assert write_xlsx(file, HEADINGS, ROWS, "UTC", "en") == 2
    assert sheet(file.getvalue()) == [
        ["Who", "Number", "Amount", "Day", "More"],
        ["=1+1", "7", "-12345.67", "2027-03-12"],
        ["plain", "0", "5000", "", "+44"],
    ]
    assert b"<f>" not in file.getvalue()


def test_moments_are_told_in_the_zone_that_the_heading_names(app: Flask) -> None:
    at = clock.now().replace(year=2027, month=7, day=1, hour=22, minute=30, second=9)
    for write in (write_csv, write_xlsx):
        file = io.BytesIO()
        write(file, [("When", Kind.MOMENT)], [[at]], "Africa/Nairobi", "en")
        told = file.getvalue().decode("utf-8-sig") if write is write_csv else str(sheet(file.getvalue()))
        assert "When (Africa/Nairobi)" in told
        assert "2027-07-02" in told
        assert "01:30" in told


def test_a_long_text_fills_a_cell_and_no_more(app: Flask) -> None:
    file = io.BytesIO()
    write_xlsx(file, [("Text", Kind.TEXT)], [["a" * 40_000]], "UTC", "en")
    assert len(sheet(file.getvalue())[1][0]) == LONGEST_TEXT


def test_the_currency_stands_once_beside_the_amounts_and_never_for_two(app: Flask) -> None:
    columns = (Column("A", lambda row: row[0], Kind.AMOUNT), Column("B", lambda row: row[1], Kind.AMOUNT))
    listing = Listing("x", "X", columns, lambda _asked: Lines(0, []), None)
    assert [label for label, _kind in listing.headings] == ["A", "B", "Currency"]
    assert list(listing.cells([(None, Money(1, "XOF"))])) == [[None, Money(1, "XOF"), "XOF"]]
    with pytest.raises(MixedCurrencies):
        list(listing.cells([(Money(1, "EUR"), Money(1, "XOF"))]))


# ------------------------------------------------------------------ as filtered, as they may be seen


def test_the_list_is_taken_out_as_it_is_filtered_and_that_is_written_down(browser: Browser) -> None:
    running, closed = grant(name="Wave of Hope"), grant(state=AwardState.CLOSED, closed_at=clock.now())
    shown, left_out = running.reference, closed.reference
    amount = running.amount
    person = make.person(Role.AUDITOR)
    browser.sign_in(person)
    rows = table(browser, "/grants?state=active&page=1")
    assert {row["Grant"] for row in rows} == {shown}
    assert left_out not in str(rows)
    assert (rows[0]["Grantee"], rows[0]["Awarded"], rows[0]["Currency"]) == ("Wave of Hope", f"{amount.amount}", "EUR")
    assert rows[0]["Starts"] == "2027-06-01"
    entry = db.session.query(HistoryEntry).filter_by(subject_kind="list_file").one()
    assert entry.actor_id == person.id
    told = {name: entry.details[name] for name in ("list", "filter", "rows", "file_kind")}
    assert told == {"list": "portfolio.grants", "filter": {"state": "active"}, "rows": 1, "file_kind": "csv"}
    cells = sheet(taken(browser, "/grants", "xlsx"))
    assert len(cells) == 3
    assert str(amount.amount).removesuffix(".00") in cells[1] + cells[2]
    browser.open("/record?kind=list_file")
    assert "A list was taken out" in browser.page.content
    assert "Grants" in browser.page.content


def test_each_takes_out_what_they_may_see(app: Flask, browser: Browser) -> None:
    near, far, tied = grant(), grant(), grant()
    far.region = "ASI"
    expected = near.reference
    coordinator = make.person(Role.REGIONAL_COORDINATOR, regions=["AFR"])
    decisions.declare_interest(coordinator, tied.organization, grade=Grade.CONFLICT, reason="A cousin.", by=coordinator)
    db.session.commit()
    browser.sign_in(coordinator)
    assert {row["Grant"] for row in table(browser, "/grants")} == {expected}


@pytest.mark.parametrize("kind", [Confidentiality.NAME_WITHHELD, Confidentiality.FULLY_CONFIDENTIAL])
def test_of_a_grantee_whose_name_is_withheld_there_is_only_the_reference(browser: Browser, kind: str) -> None:
    hidden = grant(name="Canary House", confidentiality=kind, title="Canary song")
    reference, of_call = hidden.reference, hidden.call.reference
    make.report_due(hidden, due_on=date(2026, 1, 1))
    browser.sign_in(make.person(Role.AUDITOR))
    for address in ("/grants", "/reports", "/owed?kind=report", f"/calls/{of_call}/grants"):
        rows = table(browser, address)
        assert [row["Grant"] for row in rows] == [reference]
        assert "anary" not in str(rows)
        assert "anary" not in str(browser.last.headers)
        assert "anary" not in str(sheet(taken(browser, address, "xlsx")))


def test_every_list_with_a_column_that_could_tell_a_name_says_whose_are_withheld(app: Flask) -> None:
    for listing in LISTINGS.values():
        assert any(column.tells for column in listing.columns) == (listing.withheld is not None), listing.endpoint


def test_every_list_stands_on_a_page_that_not_everybody_opens_and_is_offered_there(app: Flask) -> None:
    for endpoint in LISTINGS:
        assert "anyone" not in app.view_functions[endpoint].access
        assert any("GET" in rule.methods for rule in app.url_map.iter_rules(endpoint))


def doors() -> dict[str, tuple[Role, ...]]:
    staff = (*COORDINATORS, Role.AUDITOR)
    return {
        "/reports": staff,
        "/calls/manage": staff,
        "/reviewers": staff,
        "/payments": (Role.FINANCE_OFFICER, Role.AUDITOR),
        "/payments?show=paid": (Role.FINANCE_OFFICER, Role.AUDITOR),
        "/ledger": (Role.FINANCE_OFFICER, Role.AUDITOR, Role.GLOBAL_COORDINATOR),
        "/payments/orders": (Role.FINANCE_OFFICER, Role.AUDITOR),
        "/payments/statements": (Role.FINANCE_OFFICER, Role.AUDITOR),
        "/reports/changes": staff,
        "/retention": (*staff, Role.FINANCE_OFFICER),
        "/record": (Role.AUDITOR, Role.GLOBAL_COORDINATOR),
        "/organizations": (*staff, Role.FINANCE_OFFICER),
        "/people": (Role.ADMINISTRATOR, Role.AUDITOR),
    }


@pytest.mark.parametrize("address", doors())
@pytest.mark.parametrize("role", [None, *Role])
def test_whoever_may_not_open_a_list_cannot_take_it_out(browser: Browser, address: str, role: Role | None) -> None:
    person = make.person(*[role] if role else [])
    browser.sign_in(person)
    allowed = role in doors()[address]
    sent = {"address": address, "kind": "csv"}
    browser.post("/exports", sent, page="/exports", status=200 if allowed else 403)


@pytest.mark.parametrize(
    "address", ["/", "/look", "//evil.example/grants", "https://evil.example/grants", "/grants/../x", "/nowhere", ""]
)
def test_what_is_no_list_is_not_found(browser: Browser, address: str) -> None:
    browser.sign_in(make.person(Role.AUDITOR))
    browser.post("/exports", {"address": address, "kind": "csv"}, page="/exports", status=404)
    browser.post("/exports", {"address": "/grants", "kind": "exe"}, page="/exports", status=404)


def test_the_words_somebody_looked_for_are_not_repeated_in_the_record(browser: Browser) -> None:
    make.organization(name="Canary House")
    browser.sign_in(make.person(Role.AUDITOR))
    assert len(table(browser, "/organizations?q=canary")) == 1
    entry = db.session.query(HistoryEntry).filter_by(subject_kind="list_file").one()
    assert entry.details["filter"] == {"q": "…"}


def test_what_is_owed_on_one_grant_and_the_complaints_of_a_call_are_taken_out(browser: Browser) -> None:
    shown = grant(name="Wave of Hope")
    call, owner = shown.call, shown.organization
    hidden = grant(of_call=call, name="Canary House", confidentiality=Confidentiality.NAME_WITHHELD)
    make.report_due(shown, due_on=date(2026, 1, 1))
    for award in (shown, hidden):
        award.application.confidentiality = award.confidentiality
        made = {"application_id": award.application_id, "ground": "procedure", "text": "Unfair", "language": "en"}
        made |= {"reference": f"C-{award.id}", "answer_by": date(2027, 5, 1), "made_by_id": make.person().id}
        make.save(Complaint(**made))
    path, of_call = f"/grants/{shown.reference}/owed", f"/calls/{call.reference}/complaints"
    assert owner.name == "Wave of Hope"
    db.session.commit()
    browser.sign_in(make.person(Role.AUDITOR))
    (row,) = table(browser, path)
    assert (row["Grantee"], row["Kind"], row["Where it stands"], row["Due"]) == (
        "Wave of Hope",
        "Report",
        "Late",
        "2026-01-01",
    )
    rows = table(browser, of_call)
    assert [(row["Organization"], row["Where it stands"]) for row in rows] == [
        ("Wave of Hope", "Waits to be taken up"),
        ("", "Waits to be taken up"),
    ]
    assert "Unfair" not in str(rows), "what somebody wrote is read on its page"


# ------------------------------------------------------------------ long lists


@pytest.fixture
def long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two rows are a long list."""
    monkeypatch.setattr(rules, "AT_ONCE", 1)
    monkeypatch.setattr(actions, "BETWEEN", 1)
    monkeypatch.setattr(queries, "note_progress", lambda _file_id, done: told.append(done))
    told.clear()


told: list[int] = []


@pytest.mark.usefixtures("long")
def test_a_long_list_is_written_by_a_worker_and_waits_for_its_reader_alone(app: Flask, browser: Browser) -> None:
    for _ in range(3):
        grant()
    person, other = make.person(Role.AUDITOR), make.person(Role.AUDITOR)
    browser.sign_in(person).open("/grants")
    browser.press("XLSX")
    assert "it is being written" in browser.text
    assert "The list waits to be written." in browser.text
    again = {"address": "/grants", "kind": "csv"}
    browser.post("/exports", again, status=409)
    assert "Another list is being written for you" in browser.text
    assert tasks.make_waiting() == 1
    assert told == [1, 2]
    made = db.session.query(ListFile).one()
    number, reference = made.id, made.reference
    assert (made.state, made.total, made.done) == (FileState.READY, 3, 3)
    assert db.session.query(HistoryEntry).filter_by(subject_kind="list_file").count() == 0
    assert "Ready" in browser.open("/exports").content
    given = browser.post(f"/exports/{number}/download", {}, status=200)
    assert len(sheet(given.get_data())) == 4
    assert db.session.query(HistoryEntry).filter_by(subject_kind="list_file", verb="take_out").count() == 1
    browser = Browser(app).sign_in(other)
    browser.post(f"/exports/{number}/download", {}, page="/exports", status=404)
    assert reference not in browser.open("/exports").content


@pytest.mark.usefixtures("long")
def test_a_file_is_given_to_nobody_who_may_see_less_since(browser: Browser) -> None:
    tied, person = grant(), make.person(Role.GLOBAL_COORDINATOR)
    grant()
    tied = tied.organization
    browser.sign_in(person).open("/grants")
    browser.press("CSV")
    tasks.make_waiting()
    made = db.session.query(ListFile).one()
    decisions.declare_interest(person, tied, grade=Grade.CONFLICT, reason="A cousin.", by=person)
    db.session.commit()
    browser.post(f"/exports/{made.id}/download", {}, page="/exports", status=409)
    assert "What you may see has changed" in browser.text


@pytest.mark.usefixtures("long")
def test_who_lost_the_right_while_it_waited_gets_no_file(app: Flask, browser: Browser) -> None:
    for _ in range(2):
        make.report_due(grant())
    person = make.person(Role.AUDITOR)
    browser.sign_in(person).open("/reports")
    browser.press("CSV")
    person = db.session.merge(person)
    for held in person.role_grants:
        held.revoked_at = clock.now()
    db.session.commit()
    db.session.expire_all()
    assert tasks.make_waiting() == 0
    assert db.session.query(ListFile).one().state == FileState.FAILED


def test_a_file_goes_after_some_days_and_what_was_taken_out_stays_known(browser: Browser) -> None:
    grant()
    browser.sign_in(make.person(Role.AUDITOR))
    taken(browser, "/grants")
    made = db.session.query(ListFile).one()
    stored = made.file
    assert stored is not None
    assert actions.forget_old(clock.now() + rules.KEPT - timedelta(minutes=5)) == 0
    assert actions.forget_old(clock.now() + rules.KEPT + timedelta(minutes=5)) == 1
    db.session.commit()
    assert (made.state, made.file) == (FileState.GONE, None)
    assert stored.erased_at is not None
    assert "No longer kept" in browser.open("/exports").content


# ------------------------------------------------------------------ every list


@pytest.mark.parametrize("address", ["/grants", "/reports", "/owed", "/payments?show=waiting", "/ledger"])
def test_two_rows_and_twenty_cost_the_same_queries(browser: Browser, address: str) -> None:
    browser.sign_in(make.person(Role.AUDITOR, Role.FINANCE_OFFICER))
    counts = []
    for number in (2, 18):
        for _ in range(number):
            make.report_due(grant())
        db.session.commit()
        statements: list[str] = []
        with counted(statements):
            taken(browser, address, "xlsx")
        counts.append(len(statements))
    assert counts[0] == counts[1]


def test_every_list_of_a_full_house_is_taken_out_in_as_many_rows_as_its_page_says(app: Flask) -> None:
    """Each reading gives the rows that it counted, in every language, and its cells can be written."""
    award = grant()
    make.report_due(award)
    auditor = make.person(Role.AUDITOR, Role.FINANCE_OFFICER)
    db.session.commit()
    addresses = {
        "portfolio.grants": "/grants",
        "reports.queue": "/reports",
        "payments.queue": "/payments?show=waiting",
        "payments.ledger": "/ledger",
        "payments.ledger_of_grant": f"/grants/{award.reference}/ledger",
        "payments.ledger_of_call": f"/ledger/grants?call={award.call.reference}",
        "applications.of_call": f"/calls/{award.call.reference}/applications",
        "awards.of_call": f"/calls/{award.call.reference}/grants",
        "calls.managed": "/calls/manage",
        "reviews.reviewers": "/reviewers",
        "accounts.organizations": "/organizations",
        "accounts.people": "/people",
        "declarations.register": f"/calls/{award.call.reference}/conflicts",
        "enquiries.of_call": f"/calls/{award.call.reference}/enquiries",
        "banking.orders": "/payments/orders",
        "banking.statements": "/payments/statements",
        "portfolio.record": "/record",
        "reports.changes_told": "/reports/changes",
        "owed.everywhere": "/owed",
        "owed.of_grant": f"/grants/{award.reference}/owed",
        "decisions.meetings": "/meetings",
        "complaints.of_call": f"/calls/{award.call.reference}/complaints",
        "closeout.retention": "/retention?show=kept",
    }
    assert set(LISTINGS) - set(addresses) == {"imports.show", "banking.statement"}, (
        "tried where there is something in them"
    )
    for endpoint, address in addresses.items():
        place = place_of(address)
        assert place is not None
        assert place.listing.endpoint == endpoint
        lines = place.listing.reading(Asked(auditor, place.values, clock.now()))
        cells = list(place.listing.cells(lines.rows))
        assert len(cells) == lines.number, endpoint
        assert all(len(row) == len(place.listing.headings) for row in cells), endpoint
        assert write_xlsx(io.BytesIO(), place.listing.headings, cells, "UTC", "fr") == lines.number


@pytest.mark.parametrize("tightened", ["award", "organization"])
def test_a_file_is_not_given_once_a_grantee_in_it_is_to_be_hidden(browser: Browser, tightened: str) -> None:
    made = grant(name="Canary House")
    person = make.person(Role.AUDITOR)
    organization_id, award_id = made.organization.id, made.id
    browser.sign_in(person)
    assert "Canary House" in str(table(browser, "/grants"))
    file = db.session.query(ListFile).one().id
    browser.post(f"/exports/{file}/download", page="/exports", status=200)
    change = {
        "award": update(Award).where(Award.id == award_id).values(confidentiality="name_withheld"),
        "organization": update(Organization)
        .where(Organization.id == organization_id)
        .values(confidentiality_default="name_withheld"),
    }[tightened]
    db.session.execute(change)
    db.session.commit()
    answer = browser.post(f"/exports/{file}/download", page="/exports")
    assert b"Canary" not in answer.get_data()
    assert answer.status_code != 200
    for address in ("/grants", f"/organizations?q={made.organization.reference}"):
        rows = table(browser, address)
        assert rows
        if tightened == "organization" or address == "/grants":
            assert "anary" not in str(rows)
