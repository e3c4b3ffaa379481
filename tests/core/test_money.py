from __future__ import annotations

import re
from decimal import Decimal

import pytest
from babel.numbers import format_currency
from hypothesis import given
from hypothesis import strategies as st

from grants.core.money import MixedCurrencies, Money, NotAnAmount, minor_digits, split, total

CURRENCIES = st.sampled_from(["EUR", "XOF", "TND", "JPY", "USD"])
MINORS = st.integers(-(10**12), 10**12)


@given(minor=MINORS, currency=CURRENCIES)
def test_an_amount_survives_being_written_and_read(minor: int, currency: str) -> None:
    amount = Money(minor, currency)
    assert Money.parse(amount.amount, currency) == amount


@given(minor=st.integers(0, 10**12), percents=st.lists(st.integers(1, 40), min_size=1, max_size=5), currency=CURRENCIES)
def test_a_split_adds_up_to_the_last_minor_unit(minor: int, percents: list[int], currency: str) -> None:
    shares = [*percents, max(0, 100 - sum(percents))]
    parts = split(Money(minor, currency), shares)
    assert total(parts, currency) == Money(minor, currency)


def test_two_currencies_never_add_up() -> None:
    with pytest.raises(MixedCurrencies):
        Money(1, "EUR") + Money(1, "USD")
    with pytest.raises(MixedCurrencies):
        assert Money(1, "EUR") < Money(1, "USD")


@pytest.mark.parametrize("text", ["12.345", "abc", "", "NaN", "Infinity", "1e30"])
def test_what_is_not_an_amount_in_euros_is_refused(text: str) -> None:
    with pytest.raises(NotAnAmount):
        Money.parse(text, "EUR")


def test_currencies_have_their_own_decimals() -> None:
    assert [minor_digits(currency) for currency in ("EUR", "XOF", "TND")] == [2, 0, 3]
    assert Money.parse("1500", "XOF").minor == 1500
    with pytest.raises(NotAnAmount):
        Money.parse("1500.5", "XOF")


@given(minor=st.integers(0, 10**11), currency=CURRENCIES, locale=st.sampled_from(["en", "fr", "es", "de"]))
def test_amounts_are_written_as_babel_writes_them(minor: int, currency: str, locale: str) -> None:
    amount = Money(minor, currency)
    ours = amount.shown(locale)
    expected = format_currency(amount.amount, currency, locale=locale)
    if amount.amount == amount.amount.to_integral_value() and (digits := minor_digits(currency)):
        expected = re.sub(rf"[.,]0{{{digits}}}(?![\d.,])", "", expected)
    assert [c for c in ours if c.isdigit()] == [c for c in expected if c.isdigit()]
    assert ours.strip("0123456789.,\u202f\u00a0 ") == expected.strip("0123456789.,\u202f\u00a0 ")


def test_letters_before_an_amount_stand_apart_from_it_and_signs_do_not() -> None:
    assert Money(123_400, "KES").shown("en") == "KES\N{NO-BREAK SPACE}1,234"
    assert Money(123_400, "EUR").shown("en") == "€1,234"


def test_a_percentage_is_rounded_to_the_nearest_minor_unit() -> None:
    assert Money(1001, "EUR").percent(Decimal("12.5")) == Money(125, "EUR")
