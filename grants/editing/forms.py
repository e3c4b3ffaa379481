"""The forms of the pages on which a call is written: made from what a part asks for, they forget nothing that was typed.

What is not asked for on a page stays in the document as it is, and so does the order of its keys. Whatever can be read is
kept, complete or not; what cannot be read at all (a number that is none, a formula with a mistake) is told at its field.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flask import request
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict
from wtforms import DateField, SelectField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Optional, ValidationError

from grants.accounts.forms import CheckboxesField, LongSelectField, zone_choices
from grants.accounts.models import REGION_LABELS
from grants.calls.rules import moment_of
from grants.core.expressions import BadExpression, parse
from grants.core.forms import LONGEST_TEXT, Form, LineField, TextField, one_line
from grants.core.languages import _l, language_name, language_now, number_shown, number_typed, speaking
from grants.core.money import Money, NotAnAmount
from grants.core.questions import Path, Problem, day_of
from grants.editing.rules import Asked, blank

MOST_ROWS = 120
SPARE = 2
"""Empty rows below the filled ones, so that something can be added without a script."""

SEVERAL_LANGUAGES = ("line", "text")


@dataclass(frozen=True)
class Surroundings:
    """What the pages of a call need to know of it: languages, zone, currency, and the names that formulas may use."""

    languages: tuple[str, ...]
    fallback: str
    zone: str
    currency: str
    names: Mapping[str, frozenset[str]] = field(default_factory=dict)


class Entry:
    """One input: its name, what stands in it, and what is wrong with it."""

    def __init__(self, id: str, label: Any, language: str = "") -> None:
        self.id, self.label, self.language = id, label, language
        self.text = ""
        self.errors: list[Any] = []


class Field:
    """What a page asks for once, with an input for each language where it is worded in several."""

    def __init__(self, asked: Asked, around: Surroundings, before: str = "") -> None:
        self.asked, self.around = asked, around
        self.id = before + asked.key
        if asked.kind in SEVERAL_LANGUAGES:
            named = [(code, _language(code)) for code in around.languages]
            self.entries = [Entry(f"{self.id}-{code}", name, code) for code, name in named]
        else:
            self.entries = [Entry(self.id, asked.label)]
        self.value: Any = None
        self.given: Any = None

    def show(self, value: Any) -> None:
        """Take what stands in the document."""
        self.given = self.value = value
        for entry in self.entries:
            entry.text = self._shown(value, entry.language)

    def _shown(self, value: Any, language: str) -> str:
        kind = self.asked.kind
        if kind in SEVERAL_LANGUAGES:
            texts = value if isinstance(value, Mapping) else {self.around.fallback: value}
            return str(texts.get(language) or "")
        if value is None or isinstance(value, Mapping):
            return ""
        if isinstance(value, bool):
            return str(value).lower() if kind == "formula" else "yes" if value is (kind != "unless") else ""
        if kind == "moment":
            found = moment_of(value, self.around.zone)
            return _local(found, self.around.zone) if found else str(value)
        if kind in ("number", "money"):
            return number_shown(value, language_now())
        return ", ".join(map(str, value)) if isinstance(value, list) else str(value)

    def take(self, typed: MultiDict[str, str], before: Any) -> None:
        """Take what was typed; ``before`` is what stands in the document."""
        self.given = before
        shown = [self._cleaned(self._shown(before, entry.language)) for entry in self.entries]
        for entry in self.entries:
            entry.text = self._cleaned(typed.get(entry.id, ""))
        self.value = before if [entry.text for entry in self.entries] == shown else self._read()

    def _cleaned(self, text: str) -> str:
        long = self.asked.kind in ("text", "formula")
        return text.replace("\r\n", "\n").strip() if long else one_line(text)

    def _read(self) -> Any:
        entry = self.entries[0]
        for each in self.entries:
            if len(each.text) > LONGEST_TEXT or any(ord(c) < 32 and c not in "\n\t" for c in each.text):
                each.errors.append(_("The text holds a character that cannot be stored, or is too long."))
                return self.given
        kind = self.asked.kind
        if kind in SEVERAL_LANGUAGES:
            return self._wording()
        if kind == "check":
            return True if entry.text == "yes" else (False if self.given is not None else None)
        if kind == "unless":
            return False if entry.text == "yes" else (None if self.given is None else True)
        if not entry.text:
            return None
        return READERS.get(kind, _word)(entry, self.around, self.asked)

    def _wording(self) -> Any:
        texts = {entry.language: entry.text for entry in self.entries if entry.text}
        former = self.given if isinstance(self.given, Mapping) else {}
        others = {code: text for code, text in former.items() if code not in self.around.languages}
        ordered = [code for code in former if code in texts] + [code for code in texts if code not in former]
        return ({code: texts[code] for code in ordered} | others) or None

    def check(self) -> bool:
        """Whether what was typed can be kept."""
        return not any(entry.errors for entry in self.entries)


def _language(code: str) -> str:
    try:
        return language_name(code)
    except ValueError:
        return code


def _local(moment: datetime, zone: str) -> str:
    try:
        return moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None).isoformat(timespec="seconds")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return moment.isoformat()


def _word(entry: Entry, around: Surroundings, asked: Asked) -> Any:
    return entry.text


def _number(entry: Entry, around: Surroundings, asked: Asked) -> Any:
    number = number_typed(entry.text, language_now())
    if number is None:
        entry.errors.append(_("Please give a number."))
        return None
    return _plain(number)


def _plain(number: Decimal) -> Any:
    if number == number.to_integral_value():
        return int(number)
    return float(number) if Decimal(str(float(number))) == number else str(number)


def _whole(entry: Entry, around: Surroundings, asked: Asked) -> Any:
    number = number_typed(entry.text, language_now())
    if number is None or number != number.to_integral_value() or abs(number) > 10**12:
        entry.errors.append(_("Please write a whole number, without decimals."))
        return None
    return int(number)


def _money(entry: Entry, around: Surroundings, asked: Asked) -> Any:
    number = number_typed(entry.text, language_now())
    try:
        amount = Money.parse(number, around.currency) if number is not None else None
    except (NotAnAmount, ValueError, KeyError):
        amount = None
    if amount is None or number is None:
        entry.errors.append(_("Please write an amount, such as 1250 or 1250.50."))
        return None
    return _plain(number)


def _moment(entry: Entry, around: Surroundings, asked: Asked) -> Any:
    try:
        found = datetime.fromisoformat(entry.text)
        moment = found if found.tzinfo else found.replace(tzinfo=ZoneInfo(around.zone))
    except (ValueError, ZoneInfoNotFoundError, OSError):
        entry.errors.append(_("Please choose a day and an hour."))
        return None
    return moment.isoformat()


def _day(entry: Entry, around: Surroundings, asked: Asked) -> Any:
    if day_of(entry.text) is None:
        entry.errors.append(_("Please give a day, such as 2027-05-31."))
        return None
    return entry.text


def _words(entry: Entry, around: Surroundings, asked: Asked) -> Any:
    words = [one_line(word) for word in entry.text.replace("\n", ",").split(",")]
    whole = asked.path[-1] in ("plan_points", "comment_required_for")
    return [int(word) if whole and word.isascii() and word.isdigit() else word for word in words if word]


def _formula(entry: Entry, around: Surroundings, asked: Asked) -> Any:
    try:
        parse(entry.text, around.names.get(asked.names))
    except BadExpression as error:
        entry.errors.append(_("“%(key)s”: %(reason)s", key=asked.key, reason=str(error)))
    return entry.text


READERS = {
    "number": _number,
    "whole": _whole,
    "money": _money,
    "moment": _moment,
    "day": _day,
    "words": _words,
    "formula": _formula,
}


class Rows:
    """Several rows of the same fields: regions, answers to choose from, columns. An emptied row goes."""

    def __init__(self, asked: Asked, around: Surroundings) -> None:
        self.asked, self.around = asked, around
        self.id = asked.key
        self.rows: list[list[Field]] = []
        self.value: Any = None
        self.more = False

    def show(self, value: Any) -> None:
        """Take what stands in the document."""
        self.value = value
        members = self._members(value)
        for member in members:
            self._add(member)
        self._make_room(len(members) + SPARE)

    def _members(self, value: Any) -> list[dict[str, Any]]:
        columns = [column.path[0] for column in self.asked.columns]
        if self.asked.kind == "pairs":
            pairs = value.items() if isinstance(value, Mapping) else ()
            return [{columns[0]: key, columns[1]: given} for key, given in pairs]
        listed = value if isinstance(value, list) else []
        return [dict(m) if isinstance(m, Mapping) else {columns[0]: m, columns[1]: str(m)} for m in listed]

    def _add(self, member: Mapping[str, Any]) -> list[Field]:
        row = [Field(column, self.around, f"{self.id}-{len(self.rows)}-") for column in self.asked.columns]
        for cell in row:
            cell.show(member.get(cell.asked.path[0]))
        self.rows.append(row)
        return row

    def _make_room(self, number: int) -> None:
        while len(self.rows) < min(number, MOST_ROWS):
            self._add({})

    def take(self, typed: MultiDict[str, str], before: Any) -> None:
        """Take what was typed; rows keep what the page does not ask for."""
        said = typed.get(f"{self.id}-rows", "0")
        count = min(int(said), MOST_ROWS) if said.isascii() and said.isdigit() and len(said) < 4 else 0
        members = self._members(before)
        kept: list[tuple[dict[str, Any], Any]] = []
        for number in range(count):
            former = members[number] if number < len(members) else {}
            row = self._add(former)
            for cell in row:
                cell.take(typed, former.get(cell.asked.path[0]))
            if any(entry.text for cell in row for entry in cell.entries):
                listed = before[number] if isinstance(before, list) and number < len(before) else None
                kept.append((self._merged(former, row), listed))
        self.value = self._stored(kept, members, before)
        self.more = typed.get("add_rows") == self.id
        self._make_room(count + (3 if self.more else 0))

    def _merged(self, former: Mapping[str, Any], row: Sequence[Field]) -> dict[str, Any]:
        member = dict(former)
        for cell in row:
            put(member, cell.asked.path, cell.value)
        return member

    def _stored(self, kept: list[tuple[dict[str, Any], Any]], members: list[dict[str, Any]], before: Any) -> Any:
        if [member for member, _listed in kept] == members:
            return before
        if self.asked.kind == "pairs":
            first, second = (column.path[0] for column in self.asked.columns)
            return {str(member.get(first) or ""): member.get(second) for member, _listed in kept} or None
        unchanged = {id(member): listed for member, listed in kept if self._members([listed]) == [member]}
        return [unchanged.get(id(member), member) for member, _listed in kept] or None

    @property
    def entries(self) -> list[Entry]:
        """Every input of every row."""
        return [entry for row in self.rows for cell in row for entry in cell.entries]

    def check(self) -> bool:
        """Whether every row can be kept."""
        return not any(entry.errors for entry in self.entries)


class PartForm:
    """The form of one page: what a part asks for, about one mapping of the documents."""

    def __init__(self, asked: Iterable[Asked], holder: Mapping[str, Any], around: Surroundings, version: int) -> None:
        self.holder = holder
        self.fields: list[Field | Rows] = []
        self.version = version
        typed = request.form if request.method == "POST" else None
        if typed is not None:
            seen = typed.get("version", "")
            self.version = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 9 else -1
        for each in asked:
            made: Field | Rows = Rows(each, around) if each.kind in ("rows", "pairs") else Field(each, around)
            before = got(holder, each.path)
            if typed is None:
                made.show(before)
            else:
                made.take(typed, before)
            self.fields.append(made)

    @property
    def is_submitted(self) -> bool:
        """Whether it was sent to be saved, and not only to get more rows."""
        return request.method == "POST" and "add_rows" not in request.form

    def validate(self) -> bool:
        """Whether all that was typed can be kept."""
        return not [made for made in self.fields if not made.check()]

    def write(self, holder: dict[str, Any]) -> None:
        """Put what was typed into a document, where it stood before."""
        for made in self.fields:
            put(holder, made.asked.path, made.value)

    @property
    def problems(self) -> list[dict[str, Any]]:
        """What cannot be kept, for the list on top of the page."""
        entries = [entry for made in self.fields for entry in made.entries]
        return [{"id": entry.id, "message": error} for entry in entries for error in entry.errors]


def got(holder: Mapping[str, Any], path: Sequence[str]) -> Any:
    """What stands at a path of a document; None when nothing."""
    place: Any = holder
    for step in path:
        if not isinstance(place, Mapping):
            return None
        place = place.get(step)
    return place


def put(holder: dict[str, Any], path: Sequence[str], value: Any) -> None:
    """Put a value at a path of a document; None takes it away. Everything else keeps its place."""
    first, *rest = path
    if rest:
        inner = holder.get(first)
        if not isinstance(inner, dict):
            if value is None:
                return
            inner = holder[first] = {}
        put(inner, rest, value)
    elif value is None:
        holder.pop(first, None)
    else:
        holder[first] = value


CALL_LANGUAGES = ("en", "fr", "es", "ar", "pt")
"""Languages in which a call may be begun; others are added on its pages."""


WRITTEN_AT: dict[Path, str] = {
    ("call", "id"): "reference",
    ("call", "title"): "title",
    ("call", "currency"): "currency",
    ("call", "envelope"): "envelope",
    ("call", "grant", "min"): "smallest",
    ("call", "grant", "max"): "largest",
    ("call", "timetable", "deadline"): "deadline_on",
}
"""Which field of :class:`BeginForm` says what stands at a path of the documents."""


class AmountField(LineField):
    """An amount as people type it in their language; in which currency is said elsewhere on the page."""

    def __init__(self, label: Any, **kwargs: Any) -> None:
        super().__init__(label, [DataRequired(_l("Please give an amount."))], longest=20, **kwargs)

    @property
    def number(self) -> Decimal:
        """The amount as a number."""
        number = number_typed(self.data or "", language_now())
        if number is None:
            raise ValidationError(_("Please write an amount, such as 1250 or 1250.50."))
        return number

    def pre_validate(self, form: Any) -> None:
        """It can be read as a number."""
        if self.data:
            self.number  # noqa: B018 - raises what is to be told


class BeginForm(Form):
    """A call of which only the frame is known."""

    reference = LineField(_l("Reference"), [DataRequired(_l("Please give it a reference."))], longest=40)
    title = LineField(_l("Title"), [DataRequired(_l("Please give it a title."))], longest=300)
    language = SelectField(
        _l("Language it is written in"),
        choices=lambda: [SelectChoice(code, _language(code).capitalize()) for code in CALL_LANGUAGES],
        description=_l("More languages can be added later."),
    )
    regions = CheckboxesField(
        _l("Regions"), choices=lambda: [SelectChoice(region, label) for region, label in REGION_LABELS.items()]
    )
    currency = LineField(_l("Currency"), [DataRequired(_l("Please give a currency."))], longest=3, default="EUR")
    envelope = AmountField(_l("Envelope"))
    smallest = AmountField(_l("Smallest grant"))
    largest = AmountField(_l("Largest grant"))
    deadline_on = DateField(_l("Last day to apply"), [InputRequired(_l("Please give a day."))])
    timezone = LongSelectField(_l("Time zone"), choices=zone_choices)

    def validate_regions(self, field: Any) -> None:
        """A call is for at least one region."""
        if not field.data:
            raise ValidationError(_("Please choose at least one region."))

    def documents(self, at: datetime) -> dict[str, Any]:
        """The documents of the call, worded in its language."""
        language = self.language.data
        with speaking(language):
            return blank(
                self.reference.data or "",
                self.title.data or "",
                language=language,
                currency=(self.currency.data or "").upper(),
                zone=self.timezone.data,
                regions=self.regions.data or [],
                deadline=self.deadline_on.data or at.date(),
                amounts={"total": self.envelope.number, "min": self.smallest.number, "max": self.largest.number},
                at=at,
            )

    def point_out(self, problems: Sequence[Problem]) -> None:
        """Say beside its field what is wrong with the documents."""
        for problem in problems:
            at = next((name for path, name in WRITTEN_AT.items() if problem.path[: len(path)] == path), "reference")
            self[at].errors = [*self[at].errors, str(problem.reason)]


class CopyForm(Form):
    """A call made from another one."""

    reference = LineField(
        _l("Reference of the new call"), [DataRequired(_l("Please give it a reference."))], longest=40
    )
    deadline_on = DateField(
        _l("Its deadline"),
        [Optional()],
        description=_l("All other dates move with it. Without it, all dates are left empty for you to fill in."),
    )


class SourceForm(Form):
    """A document of a call as text."""

    text = TextField(_l("The document in YAML"), longest=1_000_000)
