"""Languages of people and of content: which one is spoken now, and the wording of a text in it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any, Literal
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, get_timezone_location
from babel.numbers import format_decimal, get_decimal_symbol
from babel.support import NullTranslations, Translations
from flask import current_app, g, has_app_context
from flask_babel import force_locale, get_locale
from flask_babel.speaklater import LazyString
from markupsafe import escape

LANGUAGES = ("en", "fr", "es")
"""Languages of screens and mails."""

DOCUMENT_LANGUAGES = (*LANGUAGES, "ar")
"""Languages of documents that both sides sign. Those that are not screens' have their words in ``documents.po``."""

RIGHT_TO_LEFT = {"ar", "arc", "ckb", "dv", "fa", "he", "khw", "ks", "ps", "sd", "ug", "ur", "yi"}
"""Languages that are written from right to left."""

_spoken: ContextVar[str | None] = ContextVar("spoken", default=None)


def language_now() -> str:
    """The language of the present reader: of the request, or of the mail being written.

    Found once a request: a page asks for it a hundred times.
    """
    if spoken := _spoken.get():
        return spoken
    try:
        return str(g.language)
    except AttributeError:
        locale = get_locale()
        g.language = str(locale.language) if locale else "en"
        return str(g.language)
    except RuntimeError:  # nobody has asked: a command, or a rule by itself
        return "en"


@contextmanager
def speaking(language: str, among: Collection[str] = LANGUAGES) -> Iterator[None]:
    """Write in ``language`` for a while (mails, documents): in English where it is not ``among`` those we have words in."""
    spoken = language if language in among else "en"
    token = _spoken.set(spoken)
    try:
        with force_locale(spoken):
            yield
    finally:
        _spoken.reset(token)


@lru_cache(maxsize=16)
def _wording(folder: str, language: str) -> NullTranslations:
    """The translations of one language, loaded once for the process."""
    return Translations.load(folder, [language], "messages" if language in LANGUAGES else "documents")


def _words() -> NullTranslations:
    if _spoken.get() is not None or not has_app_context():
        return _wording(_folder(), language_now())
    try:
        words: NullTranslations = g.words
    except AttributeError:
        words = g.words = _wording(_folder(), language_now())
    return words


def _folder() -> str:
    return str(current_app.config["BABEL_TRANSLATION_DIRECTORIES"]) if has_app_context() else ""


def said(message: str) -> str:
    """A message of the interface in the reader's language."""
    return str(_words().gettext(message))


def gettext(message: str, **values: Any) -> str:
    """A message of the interface in the reader's language, with its values filled in."""
    return _filled(message, **values)


def said_of(one: str, many: str, number: int) -> str:
    """A message about a number of things in the reader's language."""
    return str(_words().ngettext(one, many, number))


class LazyWords(LazyString):
    """Words that are found when somebody reads them.

    The library takes such words for markup, though they may hold what people typed; a page escapes ours like any text.
    """

    def __html__(self) -> str:
        """The words for a page."""
        return str(escape(str(self)))


def _l(message: str, **values: Any) -> LazyWords:
    """A message that is put into words when somebody reads it; rules and workflows word their answers through it."""
    return LazyWords(_filled, message, **values)


def _ln(one: str, many: str, number: int, **values: Any) -> LazyWords:
    """A message about a number of things (``num``) that is put into words when somebody reads it."""
    return LazyWords(_counted, one, many, number, values)


def _counted(one: str, many: str, number: int, values: Mapping[str, Any]) -> str:
    return said_of(one, many, number) % {"num": number, **values}


def _filled(message: str, **values: Any) -> str:
    return said(message) % values if values else said(message)


def in_every_language(message: Any) -> dict[str, str]:
    """Lazy words in each language of the interface, to be kept and read later by anybody."""
    found = {}
    for language in LANGUAGES:
        with speaking(language):
            found[language] = str(message)
    return found


class Wording(dict[str, str]):
    """A text by language that knows which language counts where the reader's is missing."""

    def __init__(self, texts: Mapping[str, str], fallback: str) -> None:
        super().__init__(texts)
        self.fallback = fallback


def pick(texts: Mapping[str, Any] | str | None, language: str | None = None, fallback: str = "") -> Any:
    """The wording of a text in ``language`` (default: the reader's), else in ``fallback``, else in any.

    Unless it is given, ``fallback`` is the language that counts for a Wording, and English for other texts.
    """
    if texts is None or isinstance(texts, str):
        return texts or ""
    wanted = language or language_now()
    if texts.get(wanted):
        return texts[wanted]
    counts = fallback or getattr(texts, "fallback", "en")
    if texts.get(counts):
        return texts[counts]
    return next((t for t in texts.values() if t), "")


def language_of(texts: Mapping[str, Any] | str | None, fallback: str = "", wanted: str = "") -> str:
    """In which language :func:`pick` finds a text; words of no language count as the reader's own."""
    wanted = wanted or language_now()
    if not isinstance(texts, Mapping) or texts.get(wanted):
        return wanted
    counts = fallback or getattr(texts, "fallback", "en")
    return counts if texts.get(counts) else next((code for code, text in texts.items() if text), wanted)


def direction(language: str) -> str:
    """How a language is written: "rtl" or "ltr"."""
    return "rtl" if language in RIGHT_TO_LEFT else "ltr"


@lru_cache(maxsize=16)
def _territories(language: str) -> Mapping[str, str]:
    names: Mapping[str, str] = Locale.parse(language).territories
    return names


def date_locale(language: str | None = None) -> str:
    """A language (default: the reader's) as dates are written in it; English as most of the fund's people write it."""
    spoken = language or language_now()
    return "en_GB" if spoken == "en" else spoken


def long_day(value: date, language: str | None = None, *, weekday: bool = False) -> str:
    """A day in words in a language (default: the reader's), with its weekday if wished; the French count a first day."""
    return _day_in_words(value, date_locale(language), "full" if weekday else "long")


@lru_cache(maxsize=8192)
def _day_in_words(value: date, locale: str, length: Literal["full", "long"]) -> str:
    words = str(format_date(value, length, locale=locale))
    return re.sub(r"\b1\b", "1er", words, count=1) if locale == "fr" and value.day == 1 else words


def month_name(value: date, language: str | None = None) -> str:
    """The month of a day with its year, in a language (default: the reader's)."""
    return str(format_date(value, "LLLL yyyy", locale=date_locale(language)))


def zone_name(zone: str, language: str | None = None) -> str:
    """A time zone (IANA) by its city, in a language (default: the reader's)."""
    return "UTC" if zone == "UTC" else _city(zone, language or language_now())


@lru_cache(maxsize=1024)
def _city(zone: str, language: str) -> str:
    return str(get_timezone_location(ZoneInfo(zone), locale=language, return_city=True))


def country_name(code: str | None, language: str | None = None) -> str:
    """The name of a country (ISO 3166-1 alpha-2) in a language (Unicode CLDR)."""
    return _territories(language or language_now()).get(code or "", code or "")


def language_name(code: str, language: str | None = None) -> str:
    """The name of a language, in a language (default: the reader's)."""
    return Locale.parse(code).get_display_name(language or language_now()) or code


def decimal_mark(language: str) -> str:
    """What stands before decimals in a language."""
    return str(get_decimal_symbol(language))


def number_text(number: float | Decimal | None, language: str | None = None) -> str:
    """A number as readers of a language (default: the reader's) write it; up to four digits, as in a year, ungrouped."""
    return "–" if number is None else _number_text(Decimal(str(number)), language or language_now())


@lru_cache(maxsize=4096)
def _number_text(number: Decimal, language: str) -> str:
    grouped = abs(number) >= 10_000
    return str(format_decimal(number, locale=language, decimal_quantization=False, group_separator=grouped))


SPACES = dict.fromkeys(map(ord, " \u00a0\u202f\u2009'’"))


def number_typed(text: str, language: str) -> Decimal | None:
    """A number as people write it: "1 234,50", "1,234.50", "1.234,50", "1234". None when it is none, or could be two.

    Where only one sign stands before exactly three digits it groups thousands if the language uses it so (a comma in
    English, a full stop in Spanish); otherwise it is the decimal sign.
    """
    bare = text.translate(SPACES)
    match = re.fullmatch(r"([-−]?)(\d[\d.,]*)", bare, re.ASCII)
    if match is None or len(bare) > 40:
        return None
    sign, digits = ("-" if match[1] else ""), match[2]
    if "." in digits and "," in digits:
        decimal = "," if digits.rindex(",") > digits.rindex(".") else "."
    elif digits.count(".") > 1 or digits.count(",") > 1:
        decimal = "," if "." in digits else "."
    elif digits.count(".") + digits.count(",") == 1 and not re.fullmatch(r"[1-9]\d{0,2}[.,]\d{3}", digits):
        decimal = "." if "." in digits else ","
    else:
        decimal = {"en": ".", "es": ","}.get(language, "." if "." in digits else ",")
    grouping = "," if decimal == "." else "."
    whole, _sign, rest = digits.partition(decimal)
    if not re.fullmatch(r"\d+" if grouping not in whole else rf"\d{{1,3}}(\{grouping}\d{{3}})+", whole):
        return None
    return Decimal(f"{sign}{whole.replace(grouping, '')}.{rest or '0'}") if re.fullmatch(r"\d*", rest) else None


def number_shown(value: Any, language: str) -> str:
    """A stored number as it stands in an input: with the decimal sign of the language, without grouping, and without
    decimals when it is whole.
    """
    text = re.sub(r"^(-?\d+)\.0+$", r"\1", str(value))
    return text.replace(".", ",") if language != "en" and re.fullmatch(r"-?\d+\.\d+", text) else text


def file_size(octets: int) -> str:
    """The size of a file in words: 84 KB, 1.2 MB (of 1,024 and 1,024 times 1,024 bytes)."""
    kilo = max(octets // 1024, 1)
    if kilo < 1024:
        return gettext("%(size)s KB", size=kilo)
    return gettext("%(size)s MB", size=number_text(round(Decimal(octets) / 2**20, 1)))
