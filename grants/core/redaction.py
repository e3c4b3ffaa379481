"""Covering names in texts: whatever the case, the accents, the spaces and the signs between the words they are written with."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cached_property
from itertools import chain
from typing import Any

from markupsafe import Markup, escape

from grants.core.languages import _l

COVER = "▇▇▇"
"""What stands where a name stood."""

_APART = r"[\W_]*"
_BEFORE, _AFTER = r"(?<![^\W_])", r"(?![^\W_])"
_ADDRESSES = (
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+",
    r"(?:https?://|www\.)[^\s<>()\"]*[^\s<>()\".,;:!?]",
    r"\+\d[\d\s()./-]{5,20}\d",
)
"""Addresses of mails and of the web, and international telephone numbers: they tell who somebody is, whoever it is."""
_SHORTEST_PART = 3
_LONGEST_INITIALS = 6
_VOWELS = frozenset("aeiouy")


def _folded(text: str) -> tuple[str, list[int]]:
    """A text without case, accents and invisible signs; and for each of its characters where it comes from."""
    if text.isascii():
        return text.lower(), list(range(len(text)))
    signs, places = [], []
    for place, sign in enumerate(text):
        for plain in unicodedata.normalize("NFKD", sign).casefold():
            if unicodedata.category(plain) not in ("Mn", "Cf"):
                signs.append(plain)
                places.append(place)
    return "".join(signs), places


def _words(name: str) -> list[str]:
    return re.findall(r"[^\W_]+", _folded(name)[0])


def _spelled(words: list[str]) -> str:
    """A name as an expression: its words in their order; what may be initials also with full stops between the letters."""
    if len(words) == 1 and len(words[0]) <= _LONGEST_INITIALS:
        return r"\.?".join(map(re.escape, words[0]))
    return _APART.join(map(re.escape, words))


class Redaction:
    """Names that a reader must not know. ``people`` are covered in parts, too, wherever a part is written as a name is.

    A name in brackets at the end of another, and what follows a comma, may be missing: "Help (Senegal)", "Ana Ruiz,
    president". A short name that could be a word of the language, as CARE, is covered only where it is written as a name:
    what is left out of "they take care" would tell it.
    """

    def __init__(self, names: Iterable[str] = (), people: Iterable[str] = ()) -> None:
        self.names, self.people = frozenset(filter(None, names)), frozenset(filter(None, people))

    @cached_property
    def _named(self) -> str:
        """The names in all their spellings, as one expression."""
        found = set()
        for name in self.names | self.people:
            for variant in (name, re.sub(r"\([^)]*\)", " ", name), name.partition(",")[0]):
                words = _words(variant)
                if sum(map(len, words)) > 1:
                    found.add(_spelled(words))
        for person in self.people:
            first, *rest = _words(person.partition(",")[0]) or [""]
            if rest:
                found.add(_APART.join(map(re.escape, [*rest, first])))
        spelled = "|".join(sorted(found, key=lambda one: (-len(one), one)))
        return f"{_BEFORE}(?:{spelled}){_AFTER}" if found else r"(?!)"

    @cached_property
    def _whole(self) -> re.Pattern[str]:
        return re.compile("|".join([*_ADDRESSES, self._named]))

    @cached_property
    def _parts(self) -> re.Pattern[str] | None:
        """Each first and family name; a word of the language only when it begins with a capital letter."""
        parts = {part for person in self.people for part in _words(person.partition(",")[0])}
        long = sorted(part for part in parts if len(part) >= _SHORTEST_PART and not part.isdigit())
        return re.compile(f"{_BEFORE}(?:{'|'.join(map(re.escape, long))}){_AFTER}") if long else None

    @cached_property
    def _like_words(self) -> dict[str, bool]:
        """The short names that could be words, and whether they are written in capitals alone."""
        short = ((_words(name), name) for name in self.names)
        return {
            words[0]: name.isupper()
            for words, name in short
            if len(words) == 1 and len(words[0]) <= _LONGEST_INITIALS and _VOWELS & set(words[0])
        }

    def _is_a_name(self, written: str) -> bool:
        """Whether what was found is written as a name, where it could also be a word."""
        capitals = self._like_words.get("".join(_words(written)))
        return capitals is None or (written.isupper() if capitals else written[:1].isupper())

    def _spans(self, text: str) -> list[tuple[int, int]]:
        plain, places = _folded(text)
        places.append(len(text))
        spans = (found.span() for found in self._whole.finditer(plain))
        found = [(start, end) for start, end in spans if self._is_a_name(text[places[start] : places[end]])]
        if self._parts:
            parts = (part.span() for part in self._parts.finditer(plain))
            found += [(start, end) for start, end in parts if text[places[start]].isupper()]
        return [(places[start], places[end]) for start, end in sorted(found) if end > start]

    def of(self, text: str) -> str:
        """A text with each name covered."""
        covered, done = [], 0
        for start, end in self._spans(text):
            if end <= done:
                continue
            covered += [text[done:start], COVER] if start >= done else []
            done = end
        return "".join([*covered, text[done:]]) if covered else text

    def of_all(self, value: Any) -> Any:
        """The same for every text in lists and mappings."""
        if isinstance(value, str):
            return self.of(value)
        if isinstance(value, list):
            return [self.of_all(one) for one in value]
        return {key: self.of_all(one) for key, one in value.items()} if isinstance(value, Mapping) else value

    def is_told_by(self, text: str) -> bool:
        """Whether one of the names, or a first or family name alone, stands in a text. Addresses of others are not looked
        for.
        """
        if self.stands_in([text]):
            return True
        plain, places = _folded(text)
        parts = self._parts.finditer(plain) if self._parts else ()
        return any(text[places[part.start()]].isupper() for part in parts)

    def stands_in(self, texts: Iterable[str]) -> bool:
        """Whether one of the names stands in one of the texts, as a whole. Addresses of others are not looked for."""
        named = re.compile(self._named)
        for text in texts:
            plain, places = _folded(text)
            places.append(len(text))
            spans = (found.span() for found in named.finditer(plain))
            if any(self._is_a_name(text[places[start] : places[end]]) for start, end in spans):
                return True
        return False


def joined(parts: Iterable[Redaction]) -> Redaction:
    """One that covers what each of several covers."""
    each = list(parts)
    return Redaction(chain.from_iterable(one.names for one in each), chain.from_iterable(one.people for one in each))


def spoken(text: str | Markup) -> Markup:
    """A text for a page, in which screen readers say what is covered instead of three blocks."""
    if COVER not in text:
        return escape(text)
    told = Markup('<span class="covered" role="img" aria-label="{}">{}</span>').format(_l("name withheld"), COVER)
    return Markup(str(escape(text)).replace(COVER, str(told)))  # noqa: S704  escaped just before
