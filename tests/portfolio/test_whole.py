"""The portfolio as a whole: the list narrowed by its address, what it comes to, and figures of the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from grants.accounts.models import Confidentiality, Person, Role
from grants.awards.models import Award
from grants.awards.workflow import AwardState
from grants.conflicts.models import Grade
from grants.core import clock
from grants.core.db import db
from grants.core.money import Money
from grants.core.permissions import scope
from grants.imports.models import AwardImport, PastAward
from grants.payments import queries as payments
from grants.payments.models import AccountKind
from grants.portfolio import queries
from grants.portfolio.rules import Row, circles, months_from, rows_by, totals
from tests import factories as make
from tests.conftest import NOON
from tests.http import Browser
from tests.payments.rows import SIGNING_DAY, paid, refund, scene
from tests.reviews.rows import declared


@pytest.fixture(autouse=True)
def _in_may(request: pytest.FixtureRequest) -> Iterator[None]:
    if "app" not in request.fixturenames and "browser" not in request.fixturenames:
        yield
        return
    request.getfixturevalue("app")
    with clock.at(SIGNING_DAY):
        yield


def granted(owner: Person, call: Any = None, country: str = "SN", region: str = "AFR", **more: Any) -> Award:
    organization = make.organization(owner, country=country, region=region)
    of_application = {name: more.pop(name) for name in ("plan_points", "lot_key", "title") if name in more}
    return make.award(make.application(call or make.call(), organization, owner, **of_application), owner, **more)


def past(**more: Any) -> PastAward:
    """An award of an earlier programme, to an organization of its own."""
    told = make.stored_file("old.csv")
    table = {"header": [], "header_fingerprint": "", "layout": {}, "file_id": told.id}
    brought = make.save(
        AwardImport(programme=more.pop("programme", "Seed fund"), state="done", finished_at=NOON, **table)
    )
    organization = make.organization(country=more.pop("country", "SN"))
    values: dict[str, Any] = {
        "reference": f"PAST-{organization.id}",
        "fingerprint": f"f{organization.id}",
        "import_id": brought.id,
        "line": 2,
        "organization_id": organization.id,
        "grantee": "Wave of Hope",
        "title": "An old wave",
        "number": "",
        "amount_minor": 500_000,
        "currency": "EUR",
        "granted_on": date(2015, 2, 28),
        "region": "AFR",
        "city": "",
        "heading": "",
        "confidentiality": Confidentiality.PUBLIC,
        "cells": [],
    }
    return make.save(PastAward(**(values | more)))


def listed(person: Person, **asked: Any) -> list[str]:
    """The references of the grants that a person finds."""
    found = queries.grants_like(scope(person, Award), scope(person, PastAward), queries.Filter(**asked), person)
    return [line.reference for line in found.lines]


def figures(person: Person, **asked: Any) -> list[queries.Figure]:
    return queries.figures_of(scope(person, Award), scope(person, PastAward), queries.Filter(**asked), person)


def officer() -> Person:
    return make.person(Role.FINANCE_OFFICER)


# ------------------------------------------------------------------ narrowing


def test_each_part_of_the_address_narrows_the_list_and_all_of_them_together(app: Flask) -> None:
    owner, reader, first, second = make.person(), officer(), make.call(), make.call()
    one = granted(owner, first, plan_points=[3, 5], lot_key="L1", title="Safe harbours", risk="high")
    two = granted(owner, second, "NP", "ASI", plan_points=[5], lot_key="L2", state=AwardState.CLOSED, risk="low")
    both = [two.reference, one.reference]
    asked = {
        "call": first.reference,
        "lot": "L1",
        "region": "AFR",
        "country": "SN",
        "point": 3,
        "state": "active",
        "risk": "high",
        "q": "hárbours",
    }
    assert listed(reader) == both
    assert listed(reader, point=5) == both
    for name, value in asked.items():
        assert listed(reader, **{name: value}) == [one.reference], name
    assert listed(reader, **asked) == [one.reference]
    assert listed(reader, **(asked | {"country": "NP"})) == []
    assert listed(reader, q=two.reference.lower()) == [two.reference], "a reference in whatever case"
    assert listed(reader, q=two.organization.name[2:]) == [two.reference], "part of the name of a grantee"
    assert listed(reader, q="%_%") == [], "what is typed is no pattern"


def test_awards_of_earlier_programmes_are_found_after_the_funds_own(app: Flask) -> None:
    owner, reader = make.person(), officer()
    own, old = granted(owner), past()
    other = past(programme="Other fund", country="NP", region=None)
    assert listed(reader) == [own.reference, other.reference, old.reference]
    assert listed(reader, programme="Seed fund") == [old.reference]
    assert listed(reader, programme=queries.THIS_FUND) == [own.reference]
    assert listed(reader, state="closed", country="NP") == [other.reference]
    assert listed(reader, q="old wave", region="AFR") == [old.reference]
    assert listed(reader, state="active") == listed(reader, call=own.call.reference) == [own.reference]


def test_pages_follow_each_other_without_a_gap_or_a_double_into_earlier_programmes(
    app: Flask, browser: Browser
) -> None:
    owner, call = make.person(), make.call()
    made = [granted(owner, call).reference for _ in range(queries.PAGE)]
    made += [granted(owner, call).reference for _ in range(3)]
    old = [past().reference for _ in range(queries.PAGE)]
    browser.sign_in(officer()).open("/grants?region=AFR")
    shown: list[str] = []
    while True:
        shown += [ref for ref in (*made, *old) if ref in {note.text.split(" · ")[0] for note in notes(browser)}]
        older = list(browser.page.root.all("a", rel="next"))
        if not older:
            break
        assert "region=AFR" in (older[0].at["href"] or ""), "the filter goes along"
        browser.open(older[0].at["href"] or "")
    assert sorted(shown) == sorted(made + old)
    assert len(shown) == len(set(shown))


def notes(browser: Browser) -> list[Any]:
    return list(browser.page.root.all("span", class_="record-note"))


def test_the_address_is_the_filter_and_each_part_is_taken_away_by_a_link(app: Flask, browser: Browser) -> None:
    award = granted(make.person(), title="Safe harbours")
    address = f"/grants?call={award.call.reference}&lot=L1&region=AFR&point=3&state=active"
    page = browser.sign_in(officer()).open(address)
    assert "Safe harbours" in page.content
    chips = {tag.text: tag.at["href"] or "" for tag in page.root.all("a", class_="chip")}
    assert len(chips) == 5
    without_region = next(url for words, url in chips.items() if "Africa" in words)
    assert "region" not in without_region
    assert "state=active" in without_region
    without_call = next(url for words, url in chips.items() if award.call.reference in words)
    assert "lot" not in without_call, "a lot is one of a call"
    chosen = {
        s.at["name"]: [o.at["value"] for o in s.all("option") if "selected" in o.at] for s in page.root.all("select")
    }
    assert chosen["region"] == ["AFR"]
    assert chosen["point"] == ["3"]
    empty = browser.open("/grants?region=ASI&state=active")
    assert "No grant here" in empty.content


@pytest.mark.parametrize(
    "odd", ["point=-1", "point=99999999999999999999", "before=x", "past=-4", "state=no", "call=%00", "q=%25%25%25"]
)
def test_an_odd_address_is_still_a_page(app: Flask, browser: Browser, odd: str) -> None:
    granted(make.person())
    browser.sign_in(officer()).get(f"/grants?{odd}")
    browser.get(f"/grants/figures?{odd}")


# ------------------------------------------------------------------ who finds what


def test_members_do_not_find_their_grant_by_its_risk(app: Flask, browser: Browser) -> None:
    owner, both = make.person(), officer()
    reference = granted(owner, risk="high").reference
    own = granted(both, risk="high").reference
    assert listed(both) == [own, reference]
    assert listed(both, risk="high") == [reference]
    told = {one.key: one.number for one in figures(both) if one.by == "risk"}
    assert told == {"high": 1, None: 1}
    browser.sign_in(owner).get("/grants?risk=low")
    assert reference in browser.text, "for them there is no such filter"
    assert "Risk" not in browser.text


def test_what_is_hidden_from_somebody_is_not_counted_for_them(app: Flask) -> None:
    owner = make.person()
    tied, free = make.person(Role.GLOBAL_COORDINATOR), make.person(Role.GLOBAL_COORDINATOR)
    award = granted(owner)
    declared(tied, award.application, Grade.CONFLICT, "A cousin.")
    assert listed(free) == [award.reference]
    assert listed(tied) == []
    assert figures(free) != []
    assert figures(tied) == []


@pytest.mark.parametrize(
    ("role", "status"),
    [
        (Role.GLOBAL_COORDINATOR, 200),
        (Role.REGIONAL_COORDINATOR, 200),
        (Role.FINANCE_OFFICER, 200),
        (Role.AUDITOR, 200),
        (Role.REVIEWER, 403),
        (Role.COMMITTEE_MEMBER, 403),
        (Role.ADMINISTRATOR, 403),
        (None, 403),
    ],
)
def test_figures_are_for_those_who_work_with_grants(
    app: Flask, browser: Browser, role: Role | None, status: int
) -> None:
    person = make.person(role) if role else make.person()
    browser.sign_in(person).get("/grants/figures", status=status)


def test_who_may_be_at_risk_counts_in_the_region_and_in_no_country(app: Flask, browser: Browser) -> None:
    owner, reader = make.person(), officer()
    granted(owner, country="SN")
    granted(owner, country="TG")
    granted(owner, country="GM", confidentiality=Confidentiality.NAME_WITHHELD)
    past(country="ML", confidentiality=Confidentiality.FULLY_CONFIDENTIAL)
    found = figures(reader)
    assert {one.key: one.number for one in found if one.by == "country" and not one.past} == {"SN": 1, "TG": 1, "": 1}
    assert {one.key: one.number for one in found if one.by == "region" and not one.past} == {"AFR": 3}
    page = browser.sign_in(reader).open("/grants/figures").content
    assert "Senegal" in page
    assert "Counted in its region only: people may be at risk" in page
    assert "Gambia" not in page
    assert "Mali" not in page


# ------------------------------------------------------------------ what they come to


def test_totals_by_currency_are_those_of_the_ledger(app: Flask, browser: Browser) -> None:
    euro, dollar = scene(), scene(call=make.call(currency="USD"), account=False)
    paid(euro)
    refund(euro, 100_000)
    refused = granted(euro.owner, euro.award.call, state=AwardState.REFUSED)
    past(amount_minor=700_000)
    reader = officer()
    found = totals(figures(reader))
    assert [(one.past, one.awarded) for one in found] == [
        (False, Money(1_000_000, "EUR")),
        (False, Money(1_000_000, "USD")),
        (True, Money(700_000, "EUR")),
    ]
    ledger = {one.currency: one for one in payments.balances_by_call()}
    for total in found[:2]:
        of_call = ledger[total.awarded.currency]
        assert total.paid == of_call.of(AccountKind.PAID)
        assert total.refunded == of_call.of(AccountKind.REFUNDED)
        assert total.outstanding == of_call.of(AccountKind.COMMITTED) + of_call.of(AccountKind.PAYABLE)
    assert found[0].paid == Money(700_000, "EUR")
    assert found[0].number == 2
    assert refused.reference in listed(reader)
    narrowed = totals(figures(reader, call=dollar.award.call.reference))
    assert [one.awarded for one in narrowed] == [Money(1_000_000, "USD")]
    shown = browser.sign_in(reader).open(f"/grants?call={euro.award.call.reference}").content
    for words in ("€10,000", "€7,000", "€2,000", "€1,000"):
        assert words in shown
    assert "US$" not in shown
    assert "€7,000" in browser.open("/grants/figures").content


def test_what_is_due_stands_under_its_month_and_what_is_late_apart(app: Flask) -> None:
    made = scene()
    make.report_due(made.award, "interim_report", due_on=date(2027, 5, 1))
    reader, today = officer(), date(2027, 5, 10)
    until = months_from(today, 13)[-1]
    found = queries.due_by_month(scope(reader, Award), queries.Filter(), reader, today, until)
    assert set(found) == {
        queries.Due("payment", date(2027, 5, 1), "EUR", 1, 800_000),
        queries.Due("payment", date(2028, 4, 1), "EUR", 1, 200_000),
        queries.Due("report", date(2028, 3, 1), "", 1, 0),
        queries.Due("report", None, "", 1, 0),
    }
    paid(made)
    again = queries.due_by_month(scope(reader, Award), queries.Filter(), reader, today, until)
    assert [due.minor for due in again if due.kind == "payment"] == [200_000], "what was sent is not due any more"


def test_a_grant_counts_for_each_point_it_serves_and_once_in_everything_else(app: Flask) -> None:
    owner, reader = make.person(), officer()
    granted(owner, plan_points=[3, 5])
    granted(owner, plan_points=[5])
    found = figures(reader)
    assert {one.key: one.number for one in found if one.by == "point"} == {"3": 1, "5": 2}
    for by in ("region", "country", "state", "year", "lot", "call", "programme", "risk"):
        assert sum(one.number for one in found if one.by == by) == 2, by


@pytest.mark.parametrize("path", ["/grants", "/grants/figures"])
def test_the_pages_cost_the_same_queries_for_two_grants_and_for_thirty(app: Flask, browser: Browser, path: str) -> None:
    owner, call = make.person(), make.call()
    browser.sign_in(officer())
    counts, seen = [], []
    event.listen(db.session.connection(), "before_cursor_execute", lambda *args: seen.append(args[2]))
    for number in (2, 28):
        for _ in range(number):
            granted(owner, call)
        db.session.commit()
        seen.clear()
        browser.get(path)
        counts.append(len(seen))
    assert counts[0] == counts[1]


def test_more_than_are_counted_are_said_to_be_more_and_not_added_up(
    app: Flask, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, call = make.person(), make.call()
    for _ in range(4):
        granted(owner, call)
    browser.sign_in(officer())
    assert "Signed, to be paid" in browser.open("/grants").content
    monkeypatch.setattr(queries, "MANY", 3)
    told = browser.open("/grants?region=AFR").content
    assert "Signed, to be paid" not in told
    assert "Figures, a map, and what is due when" in told


def test_words_that_many_grants_say_find_the_same_as_words_that_few_say(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, call = make.person(), make.call()
    made = [granted(owner, call, title=f"Open harbour {n}") for n in range(4)]
    made[0].organization.name = "The open harbour itself"
    elsewhere = granted(owner, call, "NP", "ASI", title="Open harbour far away")
    granted(owner, call, title="Something else")
    db.session.commit()
    references = [one.reference for one in reversed(made)]

    def found(person: Person, most: int, before: int = queries.FIRST) -> tuple[int, list[str]]:
        monkeypatch.setattr(queries, "MANY", most)
        reading = queries._grants_of.__wrapped__(scope(person, Award), frozenset({"q"}))
        rows = reading(q="open harbour", before=before)
        return rows[0][0], [row[2] for row in rows if row[1]]

    everywhere, africa = officer(), make.person(Role.REGIONAL_COORDINATOR, regions=["AFR"])
    for most in (2, 100):
        more = most + 1
        assert found(everywhere, most) == (min(5, more), [elsewhere.reference, *references])
        assert found(africa, most) == (min(4, more), references)
        assert found(africa, most, before=made[2].id) == (min(4, more), references[2:])


# ------------------------------------------------------------------ what figures show


def counted(by: str, key: str | None, number: int, awarded: int = 0, currency: str = "EUR") -> queries.Figure:
    return queries.Figure(by, key, False, currency, number, awarded)


def test_small_rows_stand_together_and_the_sum_stays() -> None:
    found = [counted("country", f"C{n}", n, n * 10) for n in range(1, 8)]
    rows = rows_by(found, "country", most=3)
    assert rows == [Row("C7", 7, {"EUR": 70}), Row("C6", 6, {"EUR": 60}), Row("*", 15, {"EUR": 150})]


def test_rows_have_their_order_and_what_has_none_comes_last() -> None:
    found = [
        counted("state", "x", 9),
        counted("state", "closed", 1),
        counted("state", "offered", 5),
        counted("state", None, 1),
    ]
    assert [row.key for row in rows_by(found, "state", ["offered", "closed"])] == ["offered", "closed", "x", ""]


def test_one_row_has_the_money_of_every_currency() -> None:
    found = [counted("region", "AFR", 2, 500), counted("region", "AFR", 1, 70, "USD")]
    assert rows_by(found, "region") == [Row("AFR", 3, {"EUR": 500, "USD": 70})]


def test_the_area_of_a_circle_is_the_number_and_nowhere_is_not_on_the_map() -> None:
    drawn = circles([Row("SN", 4, {}), Row("NP", 16, {}), Row("", 99, {}), Row("ZZ", 1, {})])
    assert [(one.country, one.number) for one in drawn] == [("NP", 16), ("SN", 4)]
    assert drawn[0].radius == 2 * drawn[1].radius
    assert all(0 <= one.x <= 1000 and 0 <= one.y <= 421 for one in drawn)


def test_months_go_on_over_the_end_of_a_year() -> None:
    assert months_from(datetime(2027, 11, 30, tzinfo=UTC).date(), 3) == [
        date(2027, 11, 1),
        date(2027, 12, 1),
        date(2028, 1, 1),
    ]
