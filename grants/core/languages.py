"""Languages of people and of content: which one is spoken now, and the wording of a text in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from babel import Locale
from flask_babel import force_locale, get_locale
from flask_babel import lazy_gettext as _l  # re-exported: rules and workflows word their answers through it

LANGUAGES = ("en", "fr", "es")
"""Languages of screens and mails."""

__all__ = ["LANGUAGES", "_l", "country_name", "date_locale", "language_name", "language_now", "pick", "speaking"]


def language_now() -> str:
    """The language of the present reader: of the request, or of the mail being written."""
    locale = get_locale()
    return str(locale.language) if locale else "en"


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Write in ``language`` for a while (mails, documents)."""
    with force_locale(language if language in LANGUAGES else "en"):
        yield


def pick(texts: Mapping[str, Any] | str | None, language: str | None = None, fallback: str = "en") -> Any:
    """The wording of a text in ``language`` (default: the reader's), else in ``fallback``, else in any."""
    if texts is None or isinstance(texts, str):
        return texts or ""
    wanted = language or language_now()
    if texts.get(wanted):
        return texts[wanted]
    if texts.get(fallback):
        return texts[fallback]
    return next((t for t in texts.values() if t), "")


@lru_cache(maxsize=16)
def _territories(language: str) -> Mapping[str, str]:
    names: Mapping[str, str] = Locale.parse(language).territories
    return names


def date_locale(language: str | None = None) -> str:
    """A language (default: the reader's) as dates are written in it; English as most of the fund's people write it."""
    spoken = language or language_now()
    return "en_GB" if spoken == "en" else spoken


def country_name(code: str | None, language: str | None = None) -> str:
    """The name of a country (ISO 3166-1 alpha-2) in a language (Unicode CLDR)."""
    return _territories(language or language_now()).get(code or "", code or "")


def language_name(code: str, language: str | None = None) -> str:
    """The name of a language, in a language (default: in itself)."""
    return Locale.parse(code).get_display_name(language or code) or code
