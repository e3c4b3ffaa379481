"""Money is a whole number of minor units and a currency; two currencies never add up."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from functools import lru_cache

from babel.core import Locale, get_global
from babel.numbers import format_currency


class MixedCurrencies(ValueError):
    """Two amounts in different currencies were put together."""


class NotAnAmount(ValueError):
    """A text that is not an amount of money, or one with more decimals than the currency has."""


@lru_cache(maxsize=200)
def minor_digits(currency: str) -> int:
    """How many decimals a currency has: 2 for EUR, 0 for XOF, 3 for TND (Unicode CLDR supplemental data)."""
    fractions = get_global("currency_fractions")
    return int(fractions.get(currency, fractions["DEFAULT"])[0])


@dataclass(frozen=True, order=False)
class Money:
    """An amount: ``minor`` whole minor units (cents) of ``currency`` (ISO 4217)."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if isinstance(self.minor, bool) or not isinstance(self.minor, int):
            raise TypeError("an amount is a whole number of minor units")

    @classmethod
    def parse(cls, amount: str | float | Decimal, currency: str) -> Money:
        """Read ``1234.50``. Raises NotAnAmount for text, infinities, or more decimals than the currency has."""
        try:
            value = Decimal(str(amount).strip())
        except InvalidOperation as error:
            raise NotAnAmount(f"{amount!r} is not an amount") from error
        scaled = value.scaleb(minor_digits(currency)) if value.is_finite() else value
        if not value.is_finite() or abs(scaled) > 10**15 or scaled != scaled.to_integral_value():
            raise NotAnAmount(f"{amount!r} is not an amount in {currency}")
        return cls(int(scaled), currency)

    @property
    def amount(self) -> Decimal:
        """The amount in units of the currency, exactly."""
        return Decimal(self.minor).scaleb(-minor_digits(self.currency))

    def _same(self, other: Money) -> int:
        if not isinstance(other, Money):
            return NotImplemented
        if other.currency != self.currency:
            raise MixedCurrencies(f"{self.currency} and {other.currency}")
        return other.minor

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other), self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.minor < self._same(other)

    def __le__(self, other: Money) -> bool:
        return self.minor <= self._same(other)

    def __gt__(self, other: Money) -> bool:
        return self.minor > self._same(other)

    def __ge__(self, other: Money) -> bool:
        return self.minor >= self._same(other)

    def __bool__(self) -> bool:
        return self.minor != 0

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"

    def shown(self, locale: str) -> str:
        """The amount as a reader of ``locale`` writes it; without decimals when it is a whole number of units."""
        style = _style_of(self.currency, locale)
        digits = minor_digits(self.currency)
        units, rest = divmod(abs(self.minor), 10**digits)
        whole = f"{units:,}".replace(",", style.group)
        decimals = f"{style.point}{rest:0{digits}}" if rest else ""
        return f"{'-' if self.minor < 0 else ''}{style.before}{whole}{decimals}{style.after}"

    def percent(self, share: Decimal | int | str) -> Money:
        """``share`` percent of the amount, to the nearest minor unit."""
        exact = Decimal(self.minor) * Decimal(share) / 100
        return Money(int(exact.quantize(Decimal(1), ROUND_HALF_EVEN)), self.currency)


@dataclass(frozen=True)
class _Style:
    """How a locale writes a currency: what stands before and after the number, and its separators."""

    before: str
    after: str
    group: str
    point: str


@lru_cache(maxsize=200)
def _style_of(currency: str, locale: str) -> _Style:
    """Read off one amount that Babel formats: doing so for every amount costs forty times as much."""
    language = Locale.parse(locale)
    example = format_currency(Decimal(1), currency, locale=language, currency_digits=False, format_type="standard")
    before, after = re.split(r"1(?:\D?0+)?", example, maxsplit=1)
    symbols = language.number_symbols["latn"]
    if before[-1:].isalpha():
        before += "\N{NO-BREAK SPACE}"  # As the locales ask for between letters and digits, which Babel leaves out.
    return _Style(before, after, symbols["group"], symbols["decimal"])


def signs_of(currency: str, locale: str) -> str:
    """What a script needs to write amounts as a reader does, as JSON: before, after, group, point, decimals."""
    style = _style_of(currency, locale)
    return json.dumps([style.before, style.after, style.group, style.point, minor_digits(currency)])


def split(total: Money, percents: list[Decimal] | list[int]) -> list[Money]:
    """Divide ``total`` by percentages that add up to 100; the last part takes what rounding leaves."""
    parts = [total.percent(p) for p in percents[:-1]]
    return [*parts, Money(total.minor - sum(p.minor for p in parts), total.currency)]


def total(amounts: list[Money], currency: str) -> Money:
    """The sum; zero of ``currency`` for an empty list."""
    result = Money(0, currency)
    for amount in amounts:
        result = result + amount
    return result
