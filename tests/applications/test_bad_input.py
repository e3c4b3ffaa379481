"""Whatever is typed into the form: an error next to its field and in a summary, everything kept, and never a failure."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote_from_bytes, urlencode

import pytest
from flask import Flask
from sqlalchemy import select

from grants.applications import queries
from grants.applications.models import Application
from grants.core import clock
from grants.core.db import db
from grants.questionnaires.forms import MOST_ROWS
from tests.applications import sample
from tests.http import Browser, Page, begin_request

FORM = "application/x-www-form-urlencoded"


@pytest.fixture(autouse=True)
def _then(app: Flask):
    """Every page is opened while the sample call is open."""
    with clock.at(datetime(2027, 2, 11, 9, tzinfo=UTC)):
        yield


@pytest.fixture
def writer(browser: Browser) -> Browser:
    """Somebody in front of a draft of the sample."""
    call, _coordinator = sample.sample_call()
    _application, owner = sample.filled(call, "APP-001")
    return browser.sign_in(owner)


def address(section: str) -> str:
    """The page of a section."""
    return f"/applications/APP-001/sections/{section}"


def fields(writer: Browser, section: str) -> dict[str, list[str]]:
    """What the form of a section would send."""
    page = writer.get(address(section)).text
    return next(form["fields"] for form in Page(page).forms if form["action"].endswith(address(section)))


def draft() -> Application:
    """The draft as the server has it now."""
    db.session.rollback()
    return db.session.scalars(select(Application).where(Application.reference == "APP-001")).one()


def saved(section: str) -> dict[str, object]:
    """What the server has of a section."""
    return queries.saved_in(draft())[section].values


@pytest.mark.parametrize(
    ("section", "key", "typed"),
    [
        ("S1", "org_contact_email", "nobody at nowhere"),
        ("S1", "org_founded_on", "30 February 2011"),
        ("S1", "org_founded_on", "2011-02-30"),
        ("S1", "org_income_last_year", "-5000"),
        ("S1", "org_staff_paid", "two and a half"),
        ("S2", "requested_amount", "-1"),
        ("S2", "requested_amount", "99999999999999999999999999"),
        ("S2", "requested_amount", "1e400"),
        ("S2", "requested_amount", "NaN"),
        ("S2", "requested_amount", "١٢٣x"),
        ("S2", "start_date", "2027-13-01"),
        ("S2", "duration_months", "999999999999"),
        ("S2", "summary", "word " * 3000),
    ],
)
def test_what_cannot_stay_is_told_beside_its_field_and_on_top_and_kept_as_typed(
    writer: Browser, section: str, key: str, typed: str
) -> None:
    told = {name: values[-1] for name, values in fields(writer, section).items()}
    writer.post(address(section), told | {key: typed, "next": "yes"}, status=302)
    page = Page(writer.follow().text)
    assert page.by_id(f"{key}-error").text, "beside the field"
    assert any(link.at["href"] == f"#{key}" for box in page.root.all(class_="error-summary") for link in box.all("a"))
    assert fields(writer, section)[key][-1].split() == typed.split()


@pytest.mark.parametrize("typed", ["a\x00b", "x" * 25_000])
def test_what_cannot_be_stored_at_all_comes_back_and_nothing_is_half_saved(writer: Browser, typed: str) -> None:
    before = saved("S2")
    told = {name: values[-1] for name, values in fields(writer, "S2").items()}
    writer.post(address("S2"), told | {"summary": typed, "title": "Another title"}, status=422)
    page = Page(writer.text)
    assert page.by_id("summary-error").text
    assert page.errors
    assert 'value="Another title"' in writer.text
    assert saved("S2") == before


def test_the_line_and_page_breaks_of_word_processors_are_line_breaks(writer: Browser) -> None:
    told = {name: values[-1] for name, values in fields(writer, "S2").items()}
    writer.post(address("S2"), told | {"summary": "One\x0btwo\x0cthree\r\n\r\nfour\u2028five\x85six"}, status=302)
    assert saved("S2")["summary"] == "One\ntwo\nthree\n\nfour\nfive\nsix"


def test_signs_that_turn_the_text_around_do_no_harm(writer: Browser) -> None:
    told = {name: values[-1] for name, values in fields(writer, "S2").items()}
    typed = "Rights \u202egnp.exe\u202c of \u2067workers\u2069 مرحبا 👩🏾‍🌾"
    writer.post(address("S2"), told | {"title": typed}, status=302)
    assert saved("S2")["title"] == "Rights gnp.exe of workers مرحبا 👩🏾‍🌾"
    assert writer.get("/applications/APP-001").status_code == 200
    assert writer.get("/applications/APP-001/copy.pdf").data.startswith(b"%PDF")


def test_half_a_character_is_refused_or_replaced_and_never_fails(writer: Browser) -> None:
    for broken in (b"Half \xed\xa0\x80", b"Marked \xff\xfe", b"caf\xe9"):
        told = {name: values[-1] for name, values in fields(writer, "S2").items() if name != "title"}
        sent = f"{urlencode(told)}&title={quote_from_bytes(broken)}"
        begin_request()
        answer = writer.client.post(address("S2"), data=sent, content_type=FORM, headers={"Origin": "http://localhost"})
        assert answer.status_code in (302, 422)
        str(saved("S2")["title"]).encode()


def test_a_hundred_megabytes_of_text_are_turned_away(writer: Browser) -> None:
    before = saved("S2")
    told = {name: values[-1] for name, values in fields(writer, "S2").items()}
    writer.post(address("S2"), told | {"summary": "x" * 100_000_000}, status=413)
    assert "Nothing was changed" in writer.text
    assert saved("S2") == before


def test_ten_thousand_rows_are_told_to_be_too_many(writer: Browser) -> None:
    told = {name: values[-1] for name, values in fields(writer, "S3").items()}
    rows = {f"target_groups-{n}-group": f"Group {n}" for n in range(1, 10_001)}
    writer.post(address("S3"), told | rows | {"target_groups-rows": "10000"}, status=302)
    page = Page(writer.follow().text)
    assert "takes at most 6 entries" in page.by_id("target_groups-error").text
    kept = saved("S3")["target_groups"]
    assert isinstance(kept, list)
    assert len(kept) == MOST_ROWS
