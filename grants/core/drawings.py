"""Parts of pages that are drawn once, and the places in them that each reader's own texts fill."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any
from weakref import WeakKeyDictionary

from flask import render_template
from markupsafe import Markup, escape

from grants.core.languages import language_now
from grants.core.templating import reader_zone

HERE = "\x00here\x00"
"""Where a reader's own text goes in markup that is made once; no text of a call can hold it."""


class Drawings:
    """Parts of pages that are drawn once for all who see the same of something, in one language and time zone.

    At most ``most`` are kept of each thing.
    """

    def __init__(self, most: int = 100) -> None:
        self._kept: WeakKeyDictionary[Any, dict[Any, Markup]] = WeakKeyDictionary()
        self._most = most

    def once(self, of: Any, seen: Hashable, template: str, values: Callable[[], dict[str, Any]]) -> Markup:
        """The part of a page about ``of``, which never changes. ``seen`` is everything else that the template shows, so
        that nobody is given what was drawn for somebody who sees more; ``values`` is asked only when it is drawn.
        """
        drawn, key = self._kept.setdefault(of, {}), (language_now(), reader_zone(), seen)
        if key not in drawn:
            if len(drawn) >= self._most:
                drawn.clear()
            drawn[key] = Markup(render_template(template, **values()))  # noqa: S704 - ours, escaped there
        return drawn[key]


def filled(drawn: Markup, *texts: str) -> Markup:
    """A part of a page that was drawn once, with texts in the places that were left open (HERE) in it."""
    first, *pieces = drawn.split(HERE)
    parts = (str(escape(text)) + piece for text, piece in zip(texts, pieces, strict=True))
    return Markup("".join([first, *parts]))  # noqa: S704 - ours, and the texts escaped
