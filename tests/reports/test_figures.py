from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grants.awards.models import BudgetLine
from grants.core.money import Money, minor_digits
from grants.reports import rules
from grants.reports.models import ReportLine

CURRENCIES = st.sampled_from(["EUR", "XOF", "TND", "NPR"])
LIMITS = rules.Limits(15)


def budget(approved: int, spent: int | None = None, explanation: str = "", id: int = 1) -> Any:
    line = BudgetLine(id=id, title={"en": f"Line {id}"}, amount_minor=approved)
    if spent is None:
        return line, None
    given_ = ReportLine(
        budget_line_id=id,
        local_minor=spent,
        local_currency="EUR",
        rate=Decimal(1),
        spent_minor=spent,
        currency="EUR",
        explanation=explanation,
        verified_minor=0,
        ineligible_minor=0,
        ineligible_reason="",
    )
    return line, given_


@given(minor=st.integers(0, 10**12), local=CURRENCIES, award=CURRENCIES)
def test_a_rate_of_one_converts_nothing_but_decimals(minor: int, local: str, award: str) -> None:
    money = Money(minor, local)
    converted = rules.converted(money, Decimal(1), award)
    unit = Decimal(1).scaleb(-minor_digits(award))
    assert abs(converted.amount - money.amount) <= unit / 2
    assert converted.currency == award


@given(
    minor=st.integers(0, 10**12),
    rate=st.decimals("0.000001", "100000", places=6).filter(lambda r: r > 0),
    currency=CURRENCIES,
)
def test_converted_money_is_right_to_half_a_minor_unit(minor: int, rate: Decimal, currency: str) -> None:
    converted = rules.converted(Money(minor, "XOF"), rate, currency)
    exact = Decimal(minor) / rate
    assert abs(converted.amount - exact) <= Decimal(1).scaleb(-minor_digits(currency)) / 2 * Decimal("1.000001")


def test_a_known_rate_gives_the_known_amount() -> None:
    assert rules.converted(Money(655_957, "XOF"), Decimal("655.957"), "EUR") == Money(100_000, "EUR")


@pytest.mark.parametrize("rate", ["0", "-1", "-655.957"])
def test_money_is_not_converted_at_a_rate_of_zero_or_less(rate: str) -> None:
    with pytest.raises(ValueError, match="above zero"):
        rules.converted(Money(100, "XOF"), Decimal(rate), "EUR")


@pytest.mark.parametrize(
    ("rate", "sound"),
    [
        ("655.957", True),
        ("0.000001", True),
        ("1E+2", True),
        ("0", False),
        ("-1", False),
        ("0.0000001", False),
        ("1000000000", False),
        ("NaN", False),
        ("Infinity", False),
    ],
)
def test_a_rate_is_above_zero_and_can_be_stored_exactly(rate: str, sound: bool) -> None:
    assert rules.rate_is_sound(Decimal(rate)) is sound


@pytest.mark.parametrize(
    ("approved", "before", "spent", "used", "needs"),
    [
        (100_000, 0, 50_000, "50.0", False),
        (100_000, 50_000, 65_000, "115.0", False),
        (100_000, 50_000, 65_001, "115.0", True),
        (100_000, 0, 130_000, "130.0", True),
        (333, 0, 111, "33.3", False),
        (0, 0, 1, None, True),
        (0, 0, 0, None, False),
    ],
)
def test_a_heading_needs_an_explanation_above_what_the_call_leaves_free(
    approved: int, before: int, spent: int, used: str | None, needs: bool
) -> None:
    (figure,) = rules.figures_of([budget(approved, spent)], {1: before}, "EUR", LIMITS)
    assert figure.percent_used == (Decimal(used) if used else None)
    assert figure.needs_explanation is needs
    assert figure.lacks_explanation is needs
    (explained,) = rules.figures_of([budget(approved, spent, "Prices rose")], {1: before}, "EUR", LIMITS)
    assert explained.needs_explanation is needs
    assert explained.lacks_explanation is False


@given(st.lists(st.tuples(st.integers(0, 10**8), st.integers(0, 10**8), st.integers(0, 10**8)), min_size=1, max_size=9))
def test_the_sums_of_a_report_are_the_sums_of_its_lines(numbers: list[tuple[int, int, int]]) -> None:
    lines = [budget(approved, spent, id=n) for n, (approved, _before, spent) in enumerate(numbers)]
    before = {n: minor for n, (_approved, minor, _spent) in enumerate(numbers)}
    figures = rules.figures_of(lines, before, "EUR", LIMITS)
    sums = rules.sum_of(figures, "EUR")
    assert sums.approved.minor == sum(a for a, _, _ in numbers)
    assert sums.cumulative.minor == sum(b + s for _, b, s in numbers)
    assert sums.cumulative == sums.before + sums.spent


def test_a_line_that_was_not_reported_counts_as_nothing_spent() -> None:
    (figure,) = rules.figures_of([budget(100_000)], {}, "EUR", LIMITS)
    assert (figure.local, figure.spent, figure.cumulative) == (None, Money(0, "EUR"), Money(0, "EUR"))
    assert figure.left == Money(100_000, "EUR")
    assert figure.variance_percent == -100


@pytest.mark.parametrize(
    ("spent", "below", "needs"), [(74_999, 25, True), (75_000, 25, False), (74_999, None, False), (0, 25, True)]
)
def test_a_heading_needs_an_explanation_when_more_is_left_than_the_call_lets_pass(
    spent: int, below: int | None, needs: bool
) -> None:
    (figure,) = rules.figures_of([budget(100_000, spent)], {}, "EUR", rules.Limits(25, below))
    assert (figure.is_below, figure.needs_explanation, figure.is_above) == (needs, needs, False)


def test_a_heading_without_a_budget_is_never_below_it() -> None:
    (figure,) = rules.figures_of([budget(0, 0)], {}, "EUR", rules.Limits(25, 25))
    assert not figure.needs_explanation
