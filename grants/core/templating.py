"""What templates may call: wording, dates, money and addresses in the reader's language."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, MutableMapping
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from babel.dates import format_timedelta
from flask import Flask, current_app, g, has_request_context, request, url_for
from flask.templating import Environment
from flask_babel import gettext as _
from flask_login import current_user
from jinja2 import pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup, escape

from grants.core import clock
from grants.core.languages import (
    LANGUAGES,
    country_name,
    direction,
    file_size,
    language_name,
    language_now,
    language_of,
    long_day,
    number_text,
    pick,
    said,
    said_of,
    zone_name,
)
from grants.core.money import Money, signs_of
from grants.core.web import csrf_token


class Templates(Environment):
    """The templates of Flask, with one plain mapping of what all of them may call.

    Every import in a page compares its keys; in the layered mapping that Jinja makes otherwise this took longer than
    the macros imported.
    """

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """What a template may call."""
        return super().make_globals(d) if d else self.globals


def init_app(app: Flask) -> None:
    """Register filters and globals."""
    static = Path(app.static_folder or "")
    env = app.jinja_env
    env.trim_blocks = env.lstrip_blocks = True
    # Flask-Babel looks its translations up anew for every word, and Jinja copies its variables for those in a loop.
    env.globals.update(_=_worded, gettext=_worded, ngettext=_counted)
    env.filters.update(
        text=pick,
        marked=marked,
        turned=turned,
        unbroken=unbroken,
        money=money,
        money_signs=lambda currency: signs_of(currency, language_now()),
        number=number_text,
        file_size=file_size,
        day=day,
        moment=moment,
        when=when,
        country=country_name,
        lines=lines,
        zone=zone_name,
    )

    @lru_cache(maxsize=200)
    def address(name: str) -> str:
        version = hashlib.sha256((static / name).read_bytes()).hexdigest()[:10]
        return url_for("static", filename=name, v=version)

    env.globals.update(
        asset=address,
        csp_nonce=lambda: g.get("nonce", ""),
        csrf_token=csrf_token,
        language_now=language_now,
        language_name=language_name,
        languages=LANGUAGES,
        now=clock.now,
        Money=Money,
        drawn_badge=drawn_badge,
        link=absolute_link,
        state_of=lambda subject: subject.workflow.states(subject.state),
        page_direction=lambda: direction(language_now()),
    )


@pass_eval_context
def _worded(page: EvalContext, message: str, /, **values: Any) -> str:
    """A message of the interface. It is markup of ours; the values put into it are not."""
    if not page.autoescape:
        return said(message) % values
    return _markup(language_now(), message) % values if values else _plain_markup(language_now(), message)


@pass_eval_context
def _counted(page: EvalContext, one: str, many: str, number: int, /, **values: Any) -> str:
    """A message of the interface about a number of things (``num``)."""
    words = said_of(one, many, number)
    return (Markup(words) if page.autoescape else words) % {"num": number, **values}  # noqa: S704 - ours, see above


@lru_cache(maxsize=8192)
def _markup(language: str, message: str) -> Markup:
    return Markup(said(message))  # noqa: S704 - a message of our own catalogue


@lru_cache(maxsize=8192)
def _plain_markup(language: str, message: str) -> Markup:
    return _markup(language, message) % {}


def absolute_link(endpoint: str, **values: Any) -> str:
    """The full address of a page, from the configured public address and never from what a request claims."""
    base = urlsplit(current_app.config["BASE_URL"])
    adapter = current_app.url_map.bind(base.netloc, base.path or "/", url_scheme=base.scheme)
    return adapter.build(endpoint, values, force_external=True)


def drawn_badge(word: Any, tone: str, sign: str) -> Markup:
    """A badge: sign, word and colour, never colour alone."""
    return _badge(str(word), tone, sign)


@lru_cache(maxsize=2048)
def _badge(word: str, tone: str, sign: str) -> Markup:
    picture = Markup('<svg class="icon" aria-hidden="true" focusable="false"><use href="#i-{}"/></svg>').format(sign)
    return Markup('<span class="badge {}">{}{}</span>').format(tone, picture, word)


class RememberedAddresses(Flask):
    """An application that builds the address of a page once: the menu and the trail of every page ask for the same."""

    def url_for(self, endpoint: str, **values: Any) -> str:
        """The address of a page. See :meth:`flask.Flask.url_for`."""
        if not has_request_context() or endpoint.startswith(".") or values.get("_external"):
            return super().url_for(endpoint, **values)
        try:
            return self._remembered(request.root_path, endpoint, **values)
        except TypeError:  # a list of values cannot be remembered
            return super().url_for(endpoint, **values)

    @cached_property
    def _remembered(self) -> Callable[..., str]:
        @lru_cache(maxsize=8192, typed=True)
        def build(root: str, endpoint: str, /, **values: Any) -> str:
            return super(RememberedAddresses, self).url_for(endpoint, **values)

        return build


def addresses(endpoint: str, name: str = "reference", **others: Any) -> Callable[[Any], str]:
    """The addresses of a page for one row of a list after the other, by the ``name`` of what the page is found by.

    ``others`` come before it in the address.

    Building each address by itself costs more than writing the rest of its row.
    """
    before, _sign, after = url_for(endpoint, **{**others, name: 0}).rpartition("0")
    return lambda value: f"{before}{value}{after}"


def reader_zone() -> str:
    """The time zone of the person who reads, or UTC."""
    return getattr(current_user, "timezone", None) or "UTC"


def money(amount: Money | None) -> str:
    """An amount in the reader's language."""
    return amount.shown(language_now()) if amount is not None else "–"


def day(value: date | datetime | None, zone: str | None = None) -> str:
    """A day in words, such as 12 March 2027."""
    if value is None:
        return "–"
    if isinstance(value, datetime):
        value = value.astimezone(ZoneInfo(zone or reader_zone())).date()
    return long_day(value)


def moment(value: datetime | None, zone: str | None = None) -> str:
    """A moment in words with its zone, such as Thursday 11 March 2027, 14:00 (Brussels time)."""
    return "–" if value is None else _moment(value, zone or reader_zone(), language_now())


@lru_cache(maxsize=4096)
def _moment(value: datetime, zone: str, language: str) -> str:
    local = value.astimezone(ZoneInfo(zone))
    city = zone_name(zone)
    return f"{long_day(local.date(), weekday=True)}, {local:%H:%M} {city if city == 'UTC' else f'({city})'}"


def when(value: date | datetime | None) -> str:
    """How far away it is, in words: in 3 days, yesterday, 2 hours ago."""
    if value is None:
        return "–"
    if isinstance(value, datetime):
        distance = value - clock.now()
        coarse = timedelta(hours=1) if abs(distance) > timedelta(days=2) else timedelta(minutes=1)
        rounded = coarse * round(distance / coarse)
        return _distance(rounded, language_now()) if rounded else str(_("now"))
    days = (value - clock.today(reader_zone())).days
    if days in (-1, 0, 1):
        return str({-1: _("yesterday"), 0: _("today"), 1: _("tomorrow")}[days])
    return _distance(timedelta(days=days), language_now())


@lru_cache(maxsize=4096)
def _distance(distance: timedelta, language: str) -> str:
    return str(format_timedelta(distance, add_direction=True, locale=language, threshold=1.2))


def lines(value: str | None) -> Markup:
    """A text of several paragraphs, as paragraphs."""
    paragraphs = str(escape(value or "")).replace("\r", "").split("\n\n")
    marked_up = ("<p>" + p.replace("\n", "<br>") + "</p>" for p in paragraphs if p.strip())
    return Markup("".join(marked_up))  # noqa: S704 - escaped above


def marked(texts: Mapping[str, Any] | str | None, fallback: str = "") -> Markup:
    """The wording for the reader; when it is in another language it says so to screen readers and search."""
    language = language_of(texts, fallback)
    if language == language_now():
        return Markup.escape(pick(texts, language))
    return Markup('<span lang="{}">{}</span>').format(language, pick(texts, language))


_INVERTED = re.compile(
    r"\b\w+(?:-t)?-(?:je|tu|ils?|elles?|on|nous|vous|ce|ci|moi|toi|l[ea]s?|lui|leur|y|en)\b(?![^<]*>)", re.IGNORECASE
)


def unbroken(heading: Any) -> Markup:
    """A heading whose lines do not end between a French verb and its pronoun: “Pouvons-nous”, “Y a-t-il”.

    The hyphen stays the one that people search for and copy; its kind that never breaks is missing in many fonts.
    """
    return Markup(_INVERTED.sub(r'<span class="nowrap">\g<0></span>', str(escape(heading))))  # noqa: S704 - escaped


def turned(texts: Mapping[str, Any] | str | None, fallback: str = "") -> Markup:
    """The attribute for what stands around a wording that runs the other way than the page; empty when it does not."""
    way = direction(language_of(texts, fallback))
    return Markup(' dir="{}"').format(way) if way != direction(language_now()) else Markup("")
