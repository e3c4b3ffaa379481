"""The call's rule for budget changes, in any sequence of moves, to the cent."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grants.amendments import rules
from grants.amendments.rules import Level, Limits, Line, Shift
from grants.core.money import Money
from grants.core.questions import budget_of
from grants.payments.queries import Position
from tests.amendments.rows import CEILINGS, TERMS

LIMITS = Limits(Decimal(15), Decimal(25))
BUDGET = budget_of(CEILINGS, "EUR", "en")


def line(heading: str, signed: int, change: int = 0, *, moved: int = 0, now: int | None = None, spent: int = 0) -> Line:
    return Line(heading, {"en": heading}, signed, moved, signed if now is None else now, change, spent)


def shift(*lines: Line, limits: Limits = LIMITS) -> Shift:
    return Shift(lines, limits, "EUR")


def codes(made: Shift) -> list[str]:
    return [one.code for one in rules.obstacles_to_moving_money(made, BUDGET)]


@pytest.mark.parametrize(
    ("minor", "level"),
    [
        (0, Level.NOTHING),
        (1, Level.NOTICE),
        (60_000, Level.NOTICE),
        (60_001, Level.APPROVAL),
        (100_000, Level.APPROVAL),
        (100_001, Level.AMENDMENT),
    ],
)
def test_the_limits_are_met_to_the_cent(minor: int, level: Level) -> None:
    made = shift(line("activities", 600_000, -minor), line("staff", 400_000, minor))
    assert made.level == level  # 15 and 25 percent of staff, the smaller of the two


def test_what_was_moved_before_counts_and_moving_it_back_does_not_undo_it() -> None:
    made = shift(
        line("activities", 600_000, 50_000, moved=50_000, now=550_000),
        line("staff", 400_000, -50_000, moved=50_000, now=450_000),
    )
    assert (made.lines[0].then, made.lines[1].then) == (600_000, 400_000)
    assert made.moved(made.lines[1]) == 100_000
    assert made.level == Level.APPROVAL


def test_a_call_may_let_each_change_count_alone_or_measure_by_the_grant() -> None:
    lines = (line("activities", 600_000, -50_000, moved=50_000), line("staff", 400_000, 50_000, moved=50_000))
    assert shift(*lines, limits=Limits(Decimal(15), Decimal(25), adds_up=False)).level == Level.NOTICE
    assert shift(*lines, limits=Limits(Decimal(10), Decimal(25), of_total=True)).level == Level.NOTICE
    assert shift(*lines, limits=Limits(Decimal("9.99"), Decimal(25), of_total=True)).level == Level.APPROVAL


def test_a_heading_that_had_nothing_needs_an_amendment() -> None:
    made = shift(line("activities", 1_000_000, -1), line("new", 0, 1))
    assert made.level == Level.AMENDMENT
    assert made.percent(made.lines[1]) is None


@pytest.mark.parametrize(
    ("terms", "limits"),
    [
        (TERMS["award"], LIMITS),
        ({}, Limits(Decimal(0), Decimal(0))),
        ({"budget_change": {"free_below_percent_of_heading": 10}}, Limits(Decimal(10), Decimal(10))),
        ({"budget_change": {"free_below_percent_of_total": 5}}, Limits(Decimal(5), Decimal(5), of_total=True)),
        (
            {
                "budget_change": {
                    "free_below_percent_of_heading": 10,
                    "amendment_above_percent": 20,
                    "cumulative": False,
                }
            },
            Limits(Decimal(10), Decimal(20), adds_up=False),
        ),
    ],
)
def test_the_terms_say_what_is_free(terms: Any, limits: Limits) -> None:
    assert rules.limits_in(terms) == limits


def test_money_comes_out_even_and_stays_above_what_was_spent() -> None:
    assert codes(shift(line("staff", 100), line("activities", 100))) == ["nothing_moved"]
    assert codes(shift(line("staff", 100, 5), line("activities", 100, -4))) == ["uneven"]
    assert codes(shift(line("staff", 100, 101), line("activities", 100, -101))) == ["below_zero"]
    assert codes(shift(line("staff", 100, 31), line("activities", 100, -31, spent=70))) == ["below_spent"]
    assert codes(shift(line("staff", 100, 30), line("activities", 100, -30, spent=70))) == []


def test_indirect_costs_stay_within_their_ceiling() -> None:
    seven = line("indirect", 7_000)
    assert codes(shift(line("staff", 50_000, 10), line("activities", 50_000, -10), seven)) == []
    raised = line("indirect", 7_000, 1)
    assert codes(shift(line("staff", 50_000, -1), line("activities", 50_000), raised)) == ["ceiling"]
    # Signed above the ceiling, because others paid direct costs: it may stay there, and not go further up.
    above = line("indirect", 8_000)
    assert codes(shift(line("staff", 50_000, 10), line("activities", 50_000, -10), above)) == []
    assert codes(shift(line("staff", 50_000), line("activities", 50_000, -1), line("indirect", 8_000, 1))) == [
        "ceiling"
    ]


HEADINGS = ("staff", "activities", "travel")
MOVES = st.lists(st.tuples(st.sampled_from(HEADINGS), st.sampled_from(HEADINGS), st.integers(1, 40_000)), max_size=12)


@given(signed=st.lists(st.integers(0, 100_000), min_size=3, max_size=3), spent=st.integers(0, 100_000), moves=MOVES)
def test_any_sequence_of_moves_keeps_the_sum_stays_above_what_was_spent_and_counts_exactly(
    signed: list[int], spent: int, moves: list[tuple[str, str, int]]
) -> None:
    first = dict(zip(HEADINGS, signed, strict=True))
    used = {key: min(spent, minor) for key, minor in first.items()}
    now, gross = dict(first), dict.fromkeys(HEADINGS, 0)
    for source, target, minor in moves:
        change = dict.fromkeys(HEADINGS, 0)
        change[source] -= minor
        change[target] += minor
        made = shift(
            *(line(key, first[key], change[key], moved=gross[key], now=now[key], spent=used[key]) for key in HEADINGS)
        )
        if rules.obstacles_to_moving_money(made, BUDGET):
            continue
        for one in made.lines:
            moved = gross[one.heading] + abs(change[one.heading])
            assert made.moved(one) == moved
            if change[one.heading]:
                free = moved * 100 <= 15 * first[one.heading]
                assert (made.level_of(one) == Level.NOTICE) == free
                assert free or made.level >= Level.APPROVAL
                assert (made.level_of(one) == Level.AMENDMENT) == (moved * 100 > 25 * first[one.heading])
            assert made.free(one) == max(0, first[one.heading] * 15 // 100 - moved)
        if made.level == Level.NOTICE:
            for one in made.lines:
                now[one.heading], gross[one.heading] = one.then, made.moved(one)
    assert sum(now.values()) == sum(first.values())
    assert all(now[key] >= used[key] for key in HEADINGS)
    assert all(abs(now[key] - first[key]) <= gross[key] <= first[key] * 15 // 100 for key in HEADINGS)


def test_a_terminated_grant_pays_what_was_spent_or_gets_the_rest_back() -> None:
    def settled(paid: int, refunded: int, spent: int) -> tuple[int, int]:
        amounts = (Money(minor, "EUR") for minor in (1_000, paid, paid, refunded, spent))
        made = rules.Settlement(Position(*amounts), Money(0, "EUR"), 0)
        return made.to_pay.minor, made.to_refund.minor

    assert settled(800, 0, 500) == (0, 300)
    assert settled(800, 300, 500) == (0, 0)
    assert settled(400, 0, 500) == (100, 0)
    assert settled(800, 0, 2_000) == (200, 0)


def test_the_final_report_of_a_terminated_grant_is_due_soon() -> None:
    def due(day: date) -> date:
        return rules.last_report_due(date(2027, 9, 1), SimpleNamespace(due_on=day))  # type: ignore[arg-type]

    assert due(date(2028, 3, 31)) == date(2027, 10, 31)
    assert due(date(2027, 9, 20)) == date(2027, 9, 20)
    assert due(date(2027, 8, 20)) == date(2027, 8, 20)
