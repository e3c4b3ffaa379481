"""Rows, totals, figures, the file that is taken out and the ledger say the same, for every filter and every reader."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from itertools import combinations, islice
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from grants.accounts.models import Confidentiality, Person, Role
from grants.awards.models import Award
from grants.awards.permissions import STAFF
from grants.awards.workflow import FELL_THROUGH, AwardState
from grants.conflicts.models import Grade
from grants.core import clock
from grants.core.db import db
from grants.core.listings import LISTINGS, Asked
from grants.core.permissions import scope
from grants.imports.models import PastAward
from grants.payments.models import Account
from grants.portfolio import queries
from grants.portfolio.rules import totals
from tests import factories as make
from tests.payments import rows
from tests.payments.rows import SIGNING_DAY
from tests.portfolio.test_whole import granted, past
from tests.reviews.rows import declared

POTS = {"Committed": "committed", "Approved, to be sent": "payable", "Paid": "paid", "Returned by grantees": "refunded"}


@pytest.fixture
def world(app: Flask) -> dict[str, Any]:
    """Grants in two currencies and in every state, some hidden, some of the past; and everybody who reads of them."""
    with clock.at(SIGNING_DAY):
        euro, dollar = make.call(), make.call(currency="USD")
        sent, back, stopped, hidden, tied = (rows.scene(call=euro) for _ in range(5))
        other = rows.scene(call=dollar, currency="USD", account=False)
        rows.paid(sent)
        rows.paid(back)
        rows.refund(back, 100_000)
        rows.approved(stopped)
        stopped.award.state, back.award.state = AwardState.SUSPENDED, AwardState.CLOSED
        back.award.closed_at = clock.now()
        hidden.award.confidentiality, hidden.award.risk = Confidentiality.FULLY_CONFIDENTIAL, "high"
        other.award.state, other.award.region, other.award.country = AwardState.TERMINATED, "ASI", "NP"
        granted(sent.owner, euro, state=AwardState.REFUSED, plan_points=[3, 5], lot_key="L1")
        granted(sent.owner, dollar, "NP", "ASI", state=AwardState.LAPSED, currency="USD", risk="low")
        granted(
            sent.owner, euro, state=AwardState.OFFERED, plan_points=[3], offered_at=SIGNING_DAY - timedelta(days=400)
        )
        past(amount_minor=700_000)
        past(programme="Other fund", country="NP", region=None, currency="USD", granted_on=None)
        past(confidentiality=Confidentiality.NAME_WITHHELD)
        near = make.person(Role.REGIONAL_COORDINATOR, regions=["AFR"])
        officer = make.person(Role.FINANCE_OFFICER)
        for person in (near, officer):
            declared(person, tied.award.application, Grade.CONFLICT, "A cousin.")
        db.session.flush()
        db.session.expire_all()
    return {
        "calls": (euro.reference, dollar.reference),
        "readers": {
            "auditor": make.person(Role.AUDITOR),
            "coordinator of a region, with a tie": near,
            "finance officer with a tie": officer,
            "global coordinator": make.person(Role.GLOBAL_COORDINATOR),
            "grantee": sent.owner,
        },
    }


def filters(calls: tuple[str, str], nth: int) -> Iterable[dict[str, Any]]:
    """Each word of the address by itself, and some of every two of them together: others for each reader."""
    words: list[tuple[str, Any]] = [
        *(("call", call) for call in calls),
        *(("region", region) for region in ("AFR", "ASI")),
        *(("country", country) for country in ("SN", "NP")),
        *(("state", state.value) for state in AwardState),
        *(("risk", risk) for risk in ("low", "high")),
        *(("programme", name) for name in ("Seed fund", "Other fund", queries.THIS_FUND)),
        *(("point", number) for number in (3, 5)),
        ("q", "wave"),
    ]
    yield {}
    yield {"call": calls[0], "lot": "L1"}
    for one in words:
        yield dict([one])
    pairs = (two for two in combinations(words, 2) if two[0][0] != two[1][0])
    yield from map(dict, islice(pairs, nth, None, 12))


def listed(person: Person, wanted: queries.Filter) -> list[str]:
    """Every line of every page."""
    found, place = [], {"before": queries.FIRST, "past": 0}
    seen, old = scope(person, Award), scope(person, PastAward)
    while True:
        page = queries.grants_like(seen, old, wanted, person, before=place["before"], past_before=place["past"])
        found += [line.reference for line in page.lines]
        if not page.older:
            assert len(found) == page.number
            return found
        place = {"before": queries.FIRST, "past": 0} | page.older


def taken_out(person: Person, asked: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of the file, by their headings."""
    listing = LISTINGS["portfolio.grants"]
    values = {name: str(value) for name, value in asked.items()}
    lines = listing.reading(Asked(person, values, SIGNING_DAY))
    heads = [label for label, _kind in listing.headings]
    cells = [dict(zip(heads, row, strict=True)) for row in listing.cells(lines.rows)]
    assert lines.number == len(cells)
    return cells


def in_ledger(references: list[str], currency: str, pot: str) -> int:
    """What the accounts of some grants hold in one pot."""
    found = select(func.coalesce(func.sum(Account.balance_minor), 0)).join(Award, Award.id == Account.award_id)
    return int(
        db.session.scalar(
            found.where(Award.reference.in_(references), Account.kind == pot, Account.currency == currency)
        )
        or 0
    )


def adds_up(person: Person, asked: dict[str, Any]) -> int:
    """Hold everything that is told of one filter together; how many grants it finds."""
    if not person.holds(*STAFF):
        asked = {name: value for name, value in asked.items() if name != "risk"}
    wanted = queries.Filter(**asked)
    cells = taken_out(person, asked)
    assert [row["Grant"] for row in cells] == listed(person, wanted)
    seen, old = scope(person, Award), scope(person, PastAward)
    figures = queries.figures_of(seen, old, wanted, person)
    assert sum(one.number for one in figures if one.by == "all") == len(cells)
    for total in totals(figures):
        currency = total.awarded.currency
        own = [row for row in cells if bool(row["Earlier programme"]) == total.past and row["Currency"] == currency]
        assert total.number == len(own)
        assert total.awarded.minor == sum(row["Awarded"].minor for row in own if row["Awarded"])
        if not total.past:
            references = [row["Grant"] for row in own]
            for heading, pot in POTS.items():
                assert sum(row[heading].minor for row in own if row[heading]) == in_ledger(references, currency, pot), (
                    heading
                )
            assert total.outstanding is not None
            assert total.paid is not None
            assert total.refunded is not None
            held = {pot: in_ledger(references, currency, pot) for pot in POTS.values()}
            assert total.outstanding.minor == held["committed"] + held["payable"]
            assert (total.paid.minor, total.refunded.minor) == (held["paid"], held["refunded"])
    for by in ("region", "country", "state", "year", "risk", "programme", "call", "lot"):
        of_fund_only = by in ("call", "lot", "risk")
        for currency in {one.currency for one in figures}:
            of_all, of_kind = (
                [
                    (one.number, one.awarded, one.paid, one.refunded, one.outstanding)
                    for one in figures
                    if one.by == kind and one.currency == currency and not (one.past and of_fund_only)
                ]
                for kind in ("all", by)
            )
            assert [sum(column) for column in zip(*of_all, strict=True)] == [
                sum(column) for column in zip(*of_kind, strict=True)
            ], by
    return len(cells)


@pytest.mark.parametrize(
    "reader",
    [
        "auditor",
        "coordinator of a region, with a tie",
        "finance officer with a tie",
        "global coordinator",
        "grantee",
    ],
)
def test_rows_totals_figures_file_and_ledger_say_the_same(world: dict[str, Any], reader: str) -> None:
    person = world["readers"][reader]
    with clock.at(SIGNING_DAY):
        found = [adds_up(person, asked) for asked in filters(world["calls"], list(world["readers"]).index(reader))]
    numbers = {"auditor": 12, "global coordinator": 12, "finance officer with a tie": 11, "grantee": 4}
    assert found[0] == numbers.get(reader, found[0])
    assert max(found) == found[0]


def test_what_was_refused_or_lapsed_is_no_money_that_was_awarded(world: dict[str, Any]) -> None:
    person = world["readers"]["auditor"]
    for row in taken_out(person, {}):
        fell = row["State"] in {str(state.label) for state in FELL_THROUGH}
        assert (row["Awarded"] is None) == fell
        assert row["Currency"]
