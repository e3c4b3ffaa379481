"""Forms made from a questionnaire: one for each section. They need no JavaScript and forget nothing that was typed.

A view uses them like this::

    form = SectionForm(definition, section, answers=saved.values, version=saved.version)
    if form.is_submitted() and not form.is_rearranging and form.validate():
        save_section(sheet, section.key, form.values, by=person, version=form.version_seen)

``is_rearranging`` is true when "add a line" or "add up" was pressed: the same page is shown again, with what was typed.
Saving never asks for completeness; :meth:`SectionForm.point_out` shows on the fields what is still missing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Any

from flask import request
from flask_babel import gettext as _
from markupsafe import Markup, escape
from werkzeug.datastructures import MultiDict
from wtforms import StringField
from wtforms.form import BaseForm
from wtforms.validators import StopValidation

from grants.budgets.rules import Sums, sums_of
from grants.core.drawings import HERE
from grants.core.forms import LONGEST_LINE, LONGEST_TEXT, one_line
from grants.core.languages import direction, language_now, language_of, number_shown, number_typed, pick, said
from grants.core.money import Money
from grants.core.questions import (
    CHOICES,
    DONT_KNOW,
    LISTS,
    MOST_ROWS,
    NUMBERS,
    ROWS,
    Definition,
    Question,
    Section,
    countries,
)
from grants.core.rules import obstacles_to_keeping
from grants.core.templating import lines
from grants.questionnaires import rules
from grants.questionnaires.actions import Conflict, EditConflict

RADIOS = 6
"""Up to this many choices are laid out as buttons; more of them as a list to open."""

INPUT_MODES = {"integer": "numeric", "money": "decimal", "percent": "decimal", "number": "decimal", "phone": "tel"}
INPUT_TYPES = {"email": "email", "phone": "tel", "date": "date"}


def _unstorable(text: str, longest: int) -> str | None:
    """Why a text cannot be kept at all, in words; None when it can."""
    if len(text) > longest:
        return str(_("This is longer than %(n)s characters and cannot be saved. Please shorten it.", n=longest))
    return next((str(obstacle.message) for obstacle in obstacles_to_keeping(text)), None)


class NumberField(StringField):
    """A number typed as the reader writes it ("1 234,50" in French), and shown so; what was typed stays as it was."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Take what was typed. Raises ValueError, which then stands at the field, for what is no number."""
        text = one_line(valuelist[0]) if valuelist else ""
        self.data = number_typed(text, language_now()) if text else None
        if text and self.data is None:
            raise ValueError(_("Please write an amount, such as 1250 or 1250.50."))

    def pre_validate(self, form: BaseForm) -> None:
        """Ask nothing more of what is no number."""
        if self.process_errors:
            raise StopValidation

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else number_shown(format(self.data, "f"), language_now())


def _cleaned(question: Question, text: str) -> str:
    """What was typed, with one kind of line end: word processors break lines and pages with signs of their own."""
    return "\n".join(text.splitlines()).strip() if question.type == "longtext" else one_line(text)


class Typing:
    """What stands in one input: the text as typed, what it means, and what is wrong with it."""

    widget = None
    """The list of what is wrong asks every field for it."""

    def __init__(self, question: Question, id: str, name: str) -> None:
        self.question, self.id, self.name = question, id, name
        self.text = ""
        self.value: Any = None
        self.errors: list[Any] = []

    def show(self, value: Any) -> None:
        """Take a stored answer."""
        self.value = value
        if value is None:
            self.text = ""
        elif isinstance(value, bool):
            self.text = "yes" if value else "no"
        elif self.question.type in NUMBERS:
            self.text = number_shown(value, language_now())
        else:
            self.text = str(value)

    def take(self, text: str) -> None:
        """Take what was typed."""
        self.text = _cleaned(self.question, text)
        self.value = rules.typed(self.question, self.text, language_now())

    def check(self) -> bool:
        """Whether this can be kept."""
        longest = LONGEST_TEXT if self.question.type == "longtext" else LONGEST_LINE * 4
        reason = _unstorable(self.text, longest)
        if reason:
            self.errors.append(reason)
        return reason is None

    @property
    def layout(self) -> str:
        """How the question is laid out: area, radios, select, check or line."""
        return layout_of(self.question)

    def control(self, described: str = "", *, needed: bool = False, short: bool = False) -> Markup:
        """The control itself. ``described`` are the ids of its hint, count and error; ``short`` makes a list of radios."""
        layout = "select" if short and self.layout == "radios" else self.layout
        before, after = _around(
            self.question, self.id, self.name, layout, described, needed, bool(self.errors), language_now()
        )
        return Markup(before + self.filling(layout, language_now()) + after)  # noqa: S704  both parts were escaped when they were made

    def filling(self, layout: str, language: str) -> str:
        """What stands in the control: the only part of it that changes with the answer."""
        if layout in ("line", "area"):
            return str(escape(self.text))
        if layout == "check":
            return " checked" if self.text == "yes" else ""
        if layout == "radios":
            return _filled_boxes(_boxes_of(self.question, self.id, self.name, "radio", language), [self.text])
        options, chosen = _options_of(self.question, language), f'value="{escape(self.text)}"'
        before, found, after = options.partition(chosen) if self.text else (options, "", "")
        if self.text and not found:
            return f"{options}<option {chosen} selected>{escape(self.text)}</option>"
        return f"{before}{found} selected{after}" if found else options


@lru_cache(maxsize=5000)
def layout_of(question: Question) -> str:
    """How a question is laid out: boxes, rows, area, radios, select, check or line."""
    kind = question.type
    if kind in LISTS:
        return "boxes"
    if kind == "longtext":
        return "area"
    if kind == "boolean" or (kind in ("choice", "scale") and len(question.options) <= RADIOS):
        return "radios"
    if kind in CHOICES:
        return "select"
    return "check" if kind == "declaration" else "line"


@lru_cache(maxsize=5000)
def _around(
    question: Question, id: str, name: str, layout: str, described: str, needed: bool, wrong: bool, language: str
) -> tuple[str, str]:
    """The markup of a control before and after what is answered; the same for everybody, so made once a process."""
    about = {
        "aria-describedby": described or None,
        "aria-invalid": "true" if wrong else None,
        "aria-required": "true" if needed else None,
    }
    named = {"id": id, "name": name}
    if layout == "select":
        choose = f'<option value="">{escape(said("Choose one"))}</option>'
        return _tag("select", named, about)[:-1] + _tongue(question, language) + ">" + choose, "</select>"
    if layout in ("radios", "boxes"):
        number = len(choices_of(question, language))
        inline = layout == "radios" and number <= 3 and question.type in ("boolean", "scale")
        more = " inline" if inline else " many" if layout == "boxes" and number > 2 * RADIOS else ""
        return f'<div class="options{more}"{_tongue(question, language)}>', "</div>"
    if layout == "check":
        return _tag("input", {"type": "checkbox", **named, "value": "yes"}, about)[:-1], ">"
    if layout == "area":
        words = question.max_words
        rows = min(max((words or 60) // 16, 3), 18)
        return _tag("textarea", {**named, "rows": rows, "data-max-words": words}, about) + "\n", "</textarea>"
    kind = question.type
    given = {
        "inputmode": INPUT_MODES.get(kind),
        "class": "short" if kind in NUMBERS else None,
        "data-max-chars": question.max_chars,
        "min": question.not_before if kind == "date" else None,
        "max": question.not_after if kind == "date" else None,
    }
    start = _tag("input", {"type": INPUT_TYPES.get(kind, "text"), **named})
    return f'{start[:-1]} value="', '"' + _tag("", given, about)[1:]


def _tongue(question: Question, language: str) -> str:
    """The attributes of options that are worded in another language than the page."""
    spoken = language_of(question.options[0].label, wanted=language) if question.options else language
    return "" if spoken == language else f' lang="{escape(spoken)}" dir="{direction(spoken)}"'


def _tag(name: str, *attributes: Mapping[str, Any]) -> str:
    """A start tag; attributes without a value are left out."""
    given = (pair for group in attributes for pair in group.items() if pair[1] is not None)
    return f"<{name}" + "".join(f' {key}="{escape(value)}"' for key, value in given) + ">"


Box = tuple[str, str, str]
"""A radio button or box to tick: its value, and its markup before and after " checked"."""


def _boxes(id: str, name: str, kind: str, choices: Iterable[tuple[str, str]], first: int = 0) -> tuple[Box, ...]:
    """Radio buttons or boxes to tick; the first carries the id that the list of mistakes jumps to."""
    boxes = []
    for number, (value, label) in enumerate(choices, first):
        box_id = f"{id}-{number}"
        box = _tag("input", {"type": kind, "id": box_id, "name": name, "value": value})[:-1]
        rest = f'><label for="{box_id}">{escape(label)}</label></div>'
        boxes.append((value, f'<div class="option">{box}', rest))
    return tuple(boxes)


@lru_cache(maxsize=2000)
def _boxes_of(question: Question, id: str, name: str, kind: str, language: str) -> tuple[Box, ...]:
    return _boxes(id, name, kind, choices_of(question, language))


def _filled_boxes(boxes: Iterable[Box], chosen: Collection[str]) -> str:
    return "".join(f"{before} checked{after}" if value in chosen else before + after for value, before, after in boxes)


@lru_cache(maxsize=2000)
def choices_of(question: Question, language: str) -> tuple[tuple[str, str], ...]:
    """The values and words to choose from, in a language."""
    if question.type == "boolean":
        return (("yes", _("Yes")), ("no", _("No")))
    if question.type in ("country", "country_list") and not question.options:
        return tuple(countries(language).items())
    names = countries(language) if question.type == "country_list" else {}
    listed = tuple((o.value, str(pick(o.label, language)) or names.get(o.value, o.value)) for o in question.options)
    return (*listed, (DONT_KNOW, _("I do not know"))) if question.type == "scale" and question.unsure else listed


@lru_cache(maxsize=1000)
def _options_of(question: Question, language: str) -> str:
    return "".join(f'<option value="{escape(v)}">{escape(w)}</option>' for v, w in choices_of(question, language))


# ------------------------------------------------------------------ what is the same for everybody

NUMBER = "\x00number\x00"
"""Where the number of a line goes."""


class Blank:
    """A question without an answer: what a template lays out once, for everybody who is asked it."""

    errors: tuple[str, ...] = ()
    other = None

    def __init__(self, question: Question, id: str, name: str) -> None:
        self.question, self.id, self.name = question, id, name
        self.layout = layout_of(question)

    def control(self, described: str = "", *, needed: bool = False, short: bool = False) -> Markup:
        """The control, with a sign where the answer goes."""
        self.layout = "select" if short and self.layout == "radios" else self.layout
        before, after = _around(
            self.question, self.id, self.name, self.layout, described, needed, False, language_now()
        )
        return Markup(before + HERE + after)  # noqa: S704  both parts were escaped when they were made


class BlankTable:
    """A table without what stands in it: its heading and buttons are the same for all with as many lines."""

    errors: tuple[str, ...] = ()
    other = None

    def __init__(self, question: Question, lines: int, is_full: bool) -> None:
        self.question, self.lines, self.is_full = question, range(lines), is_full
        self.id = self.name = question.key
        self.most = most_lines(question)

    def lines_laid_out(self, *_macros: Any) -> Markup:
        """A sign where the lines go."""
        return Markup(HERE)  # noqa: S704  a sign of ours

    def sums_laid_out(self, *_macros: Any) -> Markup:
        """A sign where the sums go."""
        return Markup(HERE)  # noqa: S704  a sign of ours


Macro = Callable[..., Markup]


@lru_cache(maxsize=5000)
def _laid_out(macro: Macro, question: Question, id: str, needed: bool, fallback: str, language: str) -> tuple[str, str]:
    """A question as its template lays it out, in a language, before and after the answer."""
    before, _sign, after = str(macro(Blank(question, id, id), needed, fallback)).partition(HERE)
    return before, after


@lru_cache(maxsize=5000)
def _table_laid_out(
    macro: Macro, question: Question, lines: int, is_full: bool, needed: bool, fallback: str, language: str
) -> tuple[str, ...]:
    return tuple(str(macro(BlankTable(question, lines, is_full), needed, fallback)).split(HERE))


@lru_cache(maxsize=1000)
def _line_laid_out(
    cell: Macro, line: Macro, told: int, columns: tuple[Question, ...], id: str, fallback: str, language: str
) -> tuple[str, tuple[str, ...]]:
    """A line of a table as its template lays it out, with the layout of each cell; ``told``: what a folded one says."""
    blanks = [Blank(column, f"{id}-{NUMBER}-{column.key}", f"{id}-{NUMBER}-{column.key}") for column in columns]
    cells = Markup("").join(cell(blank, fallback) for blank in blanks)
    words = (HERE, HERE if told > 1 else None) if told else ()
    return str(line(NUMBER, cells, *words)), tuple(blank.layout for blank in blanks)


@lru_cache(maxsize=5000)
def _numbered(line: str, number: int) -> tuple[str, ...]:
    return tuple(line.replace(NUMBER, str(number)).split(HERE))


def section_laid_out(
    section: Section,
    answers: Mapping[str, Any],
    answered: Macro,
    row: Macro,
    sums: Macro,
    level: int,
    fallback: str,
    hidden: Collection[str] = (),
    below: Mapping[str, Markup] = MappingProxyType({}),
) -> Markup:
    """The questions of a section with their answers to read, as the templates' macros lay them out, without ``hidden``;
    with what stands ``below`` the answers, by the key of the question.

    All but the answers is made once a process.
    """
    language = language_now()
    laid_out: list[str] = []
    for question in section.questions:
        if question.type == "files" or question.key in hidden:
            continue
        value = answers.get(question.key)
        shown: list[str]
        if value is None or value == []:
            kind, shown = "nothing", []
        elif question.columns and isinstance(value, list):
            kind, shown = "rows", [_rows_to_read(question, value, row, fallback, language)]
            if question.budget:
                shown.append(
                    _sums_laid_out(sums, sums_of(question.budget, value, question.key), fallback, False, language)
                )
        elif question.type == "longtext":
            kind, shown = "longtext", [str(lines(value))]
        elif question.type == "declaration":
            kind, shown = "declaration", [str(escape(said("Yes") if value is True else said("No")))]
        else:
            kind, shown = "line", [str(escape(rules.shown_value(question, value, language, fallback)))]
        first, *pieces = _answer_laid_out(answered, question, kind, level, fallback, language)
        laid_out += (first, *map(str.__add__, shown, pieces))
        if question.key in below:
            laid_out.append(str(escape(below[question.key])))
    return Markup("".join(laid_out))  # noqa: S704  every part was escaped


@lru_cache(maxsize=5000)
def _answer_laid_out(
    answered: Macro, question: Question, kind: str, level: int, fallback: str, language: str
) -> tuple[str, ...]:
    return tuple(str(answered(question, kind, HERE, level, fallback)).split(HERE))


def _rows_to_read(
    question: Question, rows: Iterable[Mapping[str, Any]], macro: Macro, fallback: str, language: str
) -> str:
    first, *pieces = _row_laid_out(macro, question, fallback, language)
    columns = question.columns
    words = [rules.shown_value(column, row.get(column.key), language, fallback) for row in rows for column in columns]
    cells = iter(str(escape(HERE.join(words))).split(HERE))  # together, which is much quicker than one by one
    return "".join(first + "".join([next(cells) + piece for piece in pieces]) for _row in rows)


@lru_cache(maxsize=1000)
def _row_laid_out(macro: Macro, question: Question, fallback: str, language: str) -> tuple[str, ...]:
    return tuple(str(macro(question, fallback, HERE)).split(HERE))


@lru_cache(maxsize=500)
def _sums_laid_out(macro: Macro, sums: Sums, fallback: str, heading: bool, language: str) -> Markup:
    """What a budget adds up to, as its template lays it out; drawn again only when a figure has changed."""
    return macro(sums, fallback, heading)


Typed = MultiDict[str, str]
"""What a browser sent."""


class AnswerField:
    """The answer to a question that is not a table."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.id = self.name = question.key
        self.data: Any = None
        self.chosen: list[str] = []
        self.typing = Typing(question, self.id, self.name)
        self.errors: list[Any] = []
        self.other: Conflict | None = None

    def show(self, value: Any) -> None:
        """Take a stored answer."""
        self.data = value
        if self.question.type in LISTS:
            self.chosen = [str(v) for v in value or []]
        else:
            self.typing.show(value)

    def take(self, typed: Typed) -> None:
        """Take what was typed or chosen."""
        if self.question.type in LISTS:
            self.chosen = list(dict.fromkeys(v for v in typed.getlist(self.name) if v))[: 2 * MOST_ROWS]
            self.data = self.chosen or None
            return
        self.typing.take(typed.get(self.name, ""))
        self.data = self.typing.value

    @property
    def layout(self) -> str:
        """How the question is laid out: boxes, area, radios, select, check or line."""
        return layout_of(self.question)

    def control(self, described: str = "", *, needed: bool = False) -> Markup:
        """The control itself."""
        if self.layout != "boxes":
            self.typing.errors = list(self.errors)
            return self.typing.control(described, needed=needed)
        before, after = _around(self.question, self.id, self.name, "boxes", "", False, False, language_now())
        return Markup(before + self.filling + after)  # noqa: S704  both parts were escaped when they were made

    @property
    def filling(self) -> str:
        """What stands in the control: the only part of the question that changes with the answer."""
        if self.layout != "boxes":
            return self.typing.filling(self.layout, language_now())
        boxes = _boxes_of(self.question, self.id, self.name, "checkbox", language_now())
        known = dict(choices_of(self.question, language_now()))
        others = [(value, value) for value in self.chosen if value not in known]
        more = _boxes(self.id, self.name, "checkbox", others, len(boxes)) if others else ()
        return _filled_boxes((*boxes, *more), set(self.chosen))

    def check(self) -> bool:
        """Whether the answer can be kept; a draft may have gaps."""
        self.typing.errors = []
        if self.question.type in LISTS:
            self.errors = [why for text in self.chosen if (why := _unstorable(text, LONGEST_LINE))]
        else:
            self.typing.check()
            self.errors = list(self.typing.errors)
        return not self.errors


class Line:
    """One row of a table, while it is being typed."""

    def __init__(self, field: RowsField, number: int) -> None:
        self.question, self.number = field.question, number
        self.cells = {
            column.key: Typing(column, f"{field.id}-{number}-{column.key}", f"{field.name}-{number}-{column.key}")
            for column in field.columns
        }

    @property
    def values(self) -> dict[str, Any]:
        """What the row says."""
        return {key: cell.value for key, cell in self.cells.items()}

    @property
    def summary(self) -> str:
        """The first thing it says, for a line that is folded."""
        texts = (cell.text for cell in self.cells.values() if cell.layout in ("line", "area") and cell.text)
        return next(texts, "")

    @property
    def amount(self) -> Money | None:
        """What a line of a budget costs, for a line that is folded."""
        if {"quantity", "unit_cost"} - set(self.cells):
            return None
        factors = [rules.number_of(self.cells[key].value) for key in ("quantity", "unit_cost")]
        if factors[0] is None or factors[1] is None:
            return None
        return rules.rounded(factors[0] * factors[1], self.cells["unit_cost"].question.currency)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was typed."""
        return not any(cell.text for cell in self.cells.values())

    @property
    def may_fold(self) -> bool:
        """Whether it says all it should, so that it can be folded away."""
        return not self.is_empty and not self.errors and not rules.mistakes_in_row(self.question, self.values)

    @property
    def errors(self) -> list[Any]:
        """What is wrong in any of its cells."""
        return [error for cell in self.cells.values() for error in cell.errors]


def most_lines(question: Question) -> int:
    """How many lines a table takes."""
    return min(question.max_items or MOST_ROWS, MOST_ROWS)


class RowsField:
    """The lines of a table, a repeater or a budget."""

    layout = "rows"

    def __init__(self, question: Question) -> None:
        self.question = question
        self.id = self.name = question.key
        self.most = most_lines(question)
        self.columns = rules.columns_of(question)
        self.data: list[dict[str, Any]] | None = None
        self.lines: list[Line] = []
        self.errors: list[Any] = []
        self.other: Conflict | None = None

    def show(self, rows: list[dict[str, Any]] | None) -> None:
        """Take the stored rows, and leave room for more."""
        self.lines = []
        for number, row in enumerate(rows or [], 1):
            line = Line(self, number)
            for key, cell in line.cells.items():
                cell.show(row.get(key))
            self.lines.append(line)
        self.data = rows or None
        self._make_room(0)

    def take(self, typed: Typed) -> None:
        """Take what was typed, and leave room for more; for one more when that was asked."""
        said = typed.get(f"{self.name}-rows", "0")
        count = int(said) if said.isascii() and said.isdigit() and len(said) < 4 else MOST_ROWS
        for number in range(1, min(count, MOST_ROWS) + 1):
            line = Line(self, number)
            for cell in line.cells.values():
                cell.take(typed.get(cell.name, ""))
            self.lines.append(line)
        self.data = self._kept()
        self._make_room(1 if typed.get("add_row") == self.name else 0)

    def lines_laid_out(self, cell: Macro, open_line: Macro, folded_line: Macro, fallback: str) -> Markup:
        """The lines as the template's macros lay them out; what is the same in every line is made once a process.

        When there are many lines, those that say all they should are folded away.
        """
        folds = sum(1 for line in self.lines if not line.is_empty) > 2
        language = language_now()
        laid_out: list[str] = []
        for line in self.lines:
            cells, told = line.cells.values(), []
            if folds and line.may_fold:
                amount = line.amount
                told = [line.summary, *([amount.shown(language)] if amount else ())]
            macro = folded_line if told else open_line
            if any(typing.errors for typing in cells):
                drawn = Markup("").join(cell(typing, fallback) for typing in cells)
                laid_out.append(macro(line.number, drawn, *told, *[None] * (len(told) == 1)))
                continue
            text, layouts = _line_laid_out(cell, macro, len(told), self.columns, self.id, fallback, language)
            filled = [str(escape(words)) for words in told]
            filled += [typing.filling(layout, language) for typing, layout in zip(cells, layouts, strict=True)]
            pieces = _numbered(text, line.number)
            laid_out.append(pieces[0] + "".join(map(str.__add__, filled, pieces[1:])))
        return Markup("".join(laid_out))  # noqa: S704  all parts were escaped when they were made

    def _kept(self) -> list[dict[str, Any]] | None:
        """The rows that say something; for a budget, with what follows from them."""
        filled = [line.values for line in self.lines if not line.is_empty]
        return rules.budget_lines(self.question, filled) if self.question.budget else filled or None

    def _make_room(self, more: int) -> None:
        """At least one empty row, as long as the question takes more."""
        filled = sum(1 for line in self.lines if not line.is_empty)
        wanted = max(
            len(self.lines) + more, self.question.min_items or 1, filled + (0 if self.lines and not more else 1)
        )
        while len(self.lines) < min(wanted, self.most):
            self.lines.append(Line(self, len(self.lines) + 1))

    @property
    def is_full(self) -> bool:
        """Whether no row can be added."""
        return len(self.lines) >= self.most

    def others_lines(self, fallback: str) -> list[str]:
        """What somebody else wrote meanwhile, a line of the table each."""
        rows = (self.other.theirs if self.other else None) or []
        language = language_now()
        told = [[rules.shown_value(c, row.get(c.key), language, fallback) for c in self.columns] for row in rows]
        return [" · ".join(filter(None, words)) for words in told]

    @property
    def entries(self) -> list[Typing]:
        """Every cell, for the list of what is wrong."""
        return [cell for line in self.lines for cell in line.cells.values()]

    def check(self) -> bool:
        """Whether every cell can be kept."""
        self.errors = []
        unsound = [cell for cell in self.entries if not cell.check()]
        return not unsound

    def sums_laid_out(self, macro: Macro, fallback: str) -> Markup:
        """What the budget adds up to, with what is typed now, as the template's macro lays it out."""
        assert self.question.budget is not None
        sums = sums_of(self.question.budget, self.data, self.question.key)
        return _sums_laid_out(macro, sums, fallback, True, language_now())


class SectionForm:
    """The form of one section, with the stored answers or with what was typed.

    It is no WTForms form: what is asked is known from the questionnaire alone, and a page of forty questions is made for
    everybody who opens it. The token against foreign forms is checked for every POST.
    """

    def __init__(
        self,
        definition: Definition,
        section: Section,
        answers: Mapping[str, Any] | None = None,
        version: int = 0,
        edition: int = 0,
    ) -> None:
        """``answers`` are the stored values of the whole sheet or of this section; ``version`` that of the section.

        ``edition`` is the version of the questions, for questions that may be corrected while somebody writes.
        """
        self.definition, self.section, self.edition = definition, section, edition
        self.answers = dict(answers or {})
        self.version_seen = version
        """The version of the section that the person had before their eyes."""
        typed = request.form if self.is_submitted() and request.form else None
        if typed is not None:
            seen = typed.get("version", str(version))
            self.version_seen = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 9 else 0
        self.fields: dict[str, AnswerField | RowsField] = {}
        for question in section.questions:
            if question.type == "files":
                continue
            field = RowsField(question) if question.type in ROWS else AnswerField(question)
            if typed is None or (isinstance(field, RowsField) and f"{field.name}-rows" not in typed):
                field.show(self.answers.get(question.key))
            else:
                field.take(typed)
            self.fields[question.key] = field

    def is_submitted(self) -> bool:
        """Whether the form was sent."""
        return request.method == "POST"

    def validate(self) -> bool:
        """Whether all that was typed can be kept."""
        return not [field for field in self.fields.values() if not field.check()]

    @property
    def values(self) -> dict[str, Any]:
        """What was answered, by question key, ready to be saved."""
        return {key: field.data for key, field in self.fields.items()}

    @property
    def is_rearranging(self) -> bool:
        """Whether a button was pressed that only changes the page: "add a line" or "add up"."""
        return self.is_submitted() and ("add_row" in request.form or "add_up" in request.form)

    @property
    def problems(self) -> list[dict[str, Any]]:
        """What is wrong, for the list on top of the page: where to jump, and a sentence."""
        found = []
        for field in self.fields.values():
            jump = f"{field.id}-0" if field.layout in ("boxes", "radios") else field.id
            found += [{"id": jump, "message": error} for error in field.errors]
            if isinstance(field, RowsField):
                found += [{"id": cell.id, "message": error} for cell in field.entries for error in cell.errors]
        return found

    @cached_property
    def facts(self) -> dict[str, Any]:
        """All answers as conditions see them, with what is typed now."""
        return rules.facts_of(self.definition, self.answers | self.values)

    def is_needed(self, question: Question) -> bool:
        """Whether an answer is due, with what is typed now."""
        return (
            rules.is_required(question, self.facts) if question.required_if or question.shown_if else question.required
        )

    def is_shown(self, question: Question) -> bool:
        """Whether a question is shown; one whose condition stands on the same page always is."""
        if question.shown_if is None:
            return True
        here = {q.key for q in self.section.questions}
        if any(name in here for name in question.shown_if.names):
            return True
        return rules.is_shown(question, self.facts)

    def point_out(self, *, given_only: bool = False) -> bool:
        """Put on each field what is missing or cannot stay; says whether there was anything.

        ``given_only`` leaves out what is missing: only what was given and cannot stay is told.
        """
        facts, left_out = self.facts, rules.LACKING if given_only else ()
        for field in self.fields.values():
            if not self.is_shown(field.question):
                continue
            wrong = rules.mistakes(field.question, field.data, self.definition, facts)
            # What is wrong in a line of a table ("3.role") is told beside its cell.
            field.errors += [m for reason, m in wrong if reason not in left_out and "." not in reason]
            if isinstance(field, RowsField) and field.data:
                self._point_out_lines(field, left_out)
        return bool(self.problems)

    def laid_out(self, field: AnswerField, macro: Macro) -> Markup:
        """One question as the template's ``macro`` lays it out.

        While nothing is wrong with the answer all but the answer is the same for everybody, and made once a process.
        """
        needed, fallback = self.is_needed(field.question), self.definition.fallback
        if field.errors or field.other:
            return macro(field, needed, fallback, self.other_text(field))
        before, after = _laid_out(macro, field.question, field.id, needed, fallback, language_now())
        return Markup(before + field.filling + after)  # noqa: S704  all parts were escaped when they were made

    def table_laid_out(
        self, field: RowsField, table: Macro, cell: Macro, open_line: Macro, folded_line: Macro, sums: Macro
    ) -> Markup:
        """A table as the template's macros lay it out; see :meth:`laid_out`."""
        needed, fallback = self.is_needed(field.question), self.definition.fallback
        if field.errors or field.other:
            return table(field, needed, fallback)
        first, *pieces = _table_laid_out(
            table, field.question, len(field.lines), field.is_full, needed, fallback, language_now()
        )
        filled = [field.lines_laid_out(cell, open_line, folded_line, fallback)]
        if field.question.budget:
            filled.append(field.sums_laid_out(sums, fallback))
        return Markup(first + "".join(map(str.__add__, map(str, filled), pieces)))  # noqa: S704  every part was escaped

    def _point_out_lines(self, field: RowsField, left_out: Collection[str]) -> None:
        lines = [line for line in field.lines if not line.is_empty]
        for line, row in zip(lines, field.data or [], strict=False):
            for column, reason, why in rules.mistakes_in_row(field.question, row):
                if reason in left_out:
                    continue
                cell = line.cells.get(column.key)
                if cell is not None:
                    label = rules.wording(column.label, self.definition.fallback)
                    cell.errors.append(
                        _("Line %(n)s, “%(column)s”: %(reason)s", n=line.number, column=label, reason=why)
                    )
                else:
                    field.errors.append(why)

    def other_text(self, field: AnswerField | RowsField) -> str:
        """What somebody else wrote meanwhile, in words."""
        if field.other is None:
            return ""
        return rules.shown_value(field.question, field.other.theirs, language_now(), self.definition.fallback)

    def show_stored(self, stored: Mapping[str, Any]) -> list[str]:
        """Show what is stored now where it is not what stands here: somebody else's part. Returns these questions."""
        mine = rules.normalised_section(self.section, self.values)
        changed = [key for key in self.fields if stored.get(key) != mine.get(key)]
        for key in changed:
            self.fields[key].show(stored.get(key))
        self.__dict__.pop("facts", None)
        return changed

    def show_conflict(self, conflict: EditConflict) -> list[str]:
        """Show beside each question that two people changed what the other wrote; saving again keeps what stands here.

        Returns the questions that now look different.
        """
        self.version_seen = conflict.version
        changed = self.show_stored(conflict.values | {key: both.mine for key, both in conflict.conflicts.items()})
        for key, both in conflict.conflicts.items():
            field = self.fields[key]
            field.other = both
            field.errors = [*field.errors, _("Somebody else changed this answer while you were writing.")]
        return [*changed, *(key for key in conflict.conflicts if key not in changed)]

    @property
    def wrong(self) -> list[str]:
        """The questions whose answer cannot be kept as it is."""
        return [
            key
            for key, field in self.fields.items()
            if field.errors or (isinstance(field, RowsField) and any(cell.errors for cell in field.entries))
        ]
