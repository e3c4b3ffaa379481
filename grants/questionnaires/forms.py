"""Forms made from a questionnaire: one for each section. They need no JavaScript and forget nothing that was typed.

A view uses them like this::

    form = section_form(definition, section)(answers=saved.values, version=saved.version)
    if form.is_submitted() and not form.is_rearranging and form.validate():
        save_section(sheet, section.key, form.values, by=person, version=form.version_seen)

``is_rearranging`` is true when "add a line" or "add up" was pressed: the same page is shown again, with what was typed.
Saving never asks for completeness; :meth:`SectionForm.point_out` shows on the fields what is still missing.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from flask import request
from flask_babel import gettext as _
from markupsafe import Markup, escape
from wtforms import Field, HiddenField

from grants.core.forms import LONGEST_LINE, LONGEST_TEXT, Form, one_line
from grants.core.languages import language_now, pick
from grants.core.money import Money
from grants.core.questions import (
    CHOICES,
    DERIVED_IN_LINES,
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
    for character in text:
        kind = unicodedata.category(character)
        if kind == "Cs" or (kind == "Cc" and character not in "\n\r\t"):
            return str(_("The text holds a character that cannot be stored. Please type it again."))
    return None


def _cleaned(question: Question, text: str) -> str:
    return text.replace("\r\n", "\n").strip() if question.type == "longtext" else one_line(text)


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
            self.text = rules.number_shown(value, language_now())
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
        kind = self.question.type
        if kind == "longtext":
            return "area"
        if kind == "boolean" or (kind in ("choice", "scale") and len(self.question.options) <= RADIOS):
            return "radios"
        if kind in CHOICES:
            return "select"
        return "check" if kind == "declaration" else "line"

    def control(self, described: str = "", *, needed: bool = False, short: bool = False) -> Markup:
        """The control itself. ``described`` are the ids of its hint, count and error; ``short`` makes a list of radios."""
        about = {
            "aria-describedby": described or None,
            "aria-invalid": "true" if self.errors else None,
            "aria-required": "true" if needed else None,
        }
        layout = "select" if short and self.layout == "radios" else self.layout
        if layout == "select":
            return self._select(about)
        if layout == "radios":
            return self._radios()
        if layout == "check":
            checked = "checked" if self.text == "yes" else None
            return _tag("input", {"type": "checkbox", "id": self.id, "name": self.name, "value": "yes"}, about, checked)
        if layout == "area":
            return self._area(about)
        kind, question = self.question.type, self.question
        limits = {}
        if kind == "date":
            limits = {"min": question.not_before, "max": question.not_after}
        given = {
            "type": INPUT_TYPES.get(kind, "text"),
            "id": self.id,
            "name": self.name,
            "value": self.text,
            "inputmode": INPUT_MODES.get(kind),
            "class": "short" if kind in NUMBERS else None,
            "data-max-chars": question.max_chars,
        }
        return _tag("input", {**given, **limits}, about)

    def _area(self, about: dict[str, Any]) -> Markup:
        words = self.question.max_words
        given = {
            "id": self.id,
            "name": self.name,
            "rows": min(max((words or 60) // 16, 3), 18),
            "data-max-words": words,
        }
        return _tag("textarea", given, about) + Markup("\n") + escape(self.text) + Markup("</textarea>")

    def _select(self, about: dict[str, Any]) -> Markup:
        options = _options_of(self.question, language_now())
        chosen = Markup('value="{}"').format(self.text)
        if self.text and chosen in options:
            options = options.replace(chosen, chosen + Markup(" selected"), 1)
        elif self.text:
            options += Markup("<option {} selected>{}</option>").format(chosen, self.text)
        start = _tag("select", {"id": self.id, "name": self.name}, about)
        return start + Markup('<option value="">{}</option>').format(_("Please choose")) + options + Markup("</select>")

    def _radios(self) -> Markup:
        inline = len(self.choices) <= 3 and self.question.type in ("boolean", "scale")
        start = Markup('<div class="options inline">') if inline else Markup('<div class="options">')
        return start + _boxes(self, "radio", self.choices, [self.text]) + Markup("</div>")

    @property
    def choices(self) -> tuple[tuple[str, str], ...]:
        """What can be chosen, in the reader's language."""
        return choices_of(self.question, language_now())


def _tag(name: str, *attributes: Mapping[str, Any] | str | None) -> Markup:
    """A start tag; attributes without a value are left out."""
    text = f"<{name}"
    for group in attributes:
        if isinstance(group, str):
            text += f" {group}"
        elif group:
            text += "".join(f' {key}="{escape(value)}"' for key, value in group.items() if value is not None)
    return Markup(text + ">")  # noqa: S704  names are ours and every value is escaped; format() costs four times as much


def _boxes(field: Any, kind: str, choices: Iterable[tuple[str, str]], chosen: Iterable[str]) -> Markup:
    """Radio buttons or boxes to tick; the first carries the id that the list of mistakes jumps to."""
    picked, lines = set(chosen), []
    for number, (value, label) in enumerate(choices):
        box_id = f"{field.id}-{number}"
        given = {"type": kind, "id": box_id, "name": field.name, "value": value}
        box = _tag("input", given, "checked" if value in picked else None)
        lines.append(Markup('<div class="option">{}<label for="{}">{}</label></div>').format(box, box_id, label))
    return Markup("").join(lines)


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
def _options_of(question: Question, language: str) -> Markup:
    choices = choices_of(question, language)
    return Markup("").join(Markup('<option value="{}">{}</option>').format(v, w) for v, w in choices)


class AnswerField(Field):
    """The answer to a question that is not a table."""

    def __init__(self, question: Question, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.question = question
        self.chosen: list[str] = []
        self.typing = Typing(question, self.id, self.name)
        self.other: Conflict | None = None

    def process_data(self, value: Any) -> None:
        """Take a stored answer."""
        self.data = value
        if self.question.type in LISTS:
            self.chosen = [str(v) for v in value or []]
        else:
            self.typing.show(value)

    def process_formdata(self, valuelist: list[str]) -> None:
        """Take what was typed or chosen."""
        if self.question.type in LISTS:
            self.chosen = list(dict.fromkeys(v for v in valuelist if v))[: 2 * MOST_ROWS]
            self.data = self.chosen or None
            return
        self.typing.take(valuelist[0] if valuelist else "")
        self.data = self.typing.value

    @property
    def layout(self) -> str:
        """How the question is laid out: boxes, area, radios, select, check or line."""
        return "boxes" if self.question.type in LISTS else self.typing.layout

    def control(self, described: str = "", *, needed: bool = False) -> Markup:
        """The control itself."""
        if self.layout != "boxes":
            self.typing.errors = list(self.errors)
            return self.typing.control(described, needed=needed)
        choices = choices_of(self.question, language_now())
        known = {value for value, _label in choices}
        others = tuple((value, value) for value in self.chosen if value not in known)
        many = Markup('<div class="options many">')
        start = many if len(choices) > 2 * RADIOS else Markup('<div class="options">')
        return start + _boxes(self, "checkbox", (*choices, *others), self.chosen) + Markup("</div>")

    def pre_validate(self, form: Any) -> None:
        """Refuse only what cannot be kept at all."""
        if self.question.type in LISTS:
            texts = self.chosen
        else:
            texts = []
            self.typing.check()
        self.errors = [*self.typing.errors, *filter(None, (_unstorable(t, LONGEST_LINE) for t in texts))]

    def validate(self, form: Any, extra_validators: Iterable[Any] = ()) -> bool:
        """Whether the answer can be kept; a draft may have gaps."""
        self.errors = []
        self.typing.errors = []
        self.pre_validate(form)
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


class RowsField(Field):
    """The lines of a table, a repeater or a budget."""

    def __init__(self, question: Question, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.question = question
        self.columns = [c for c in question.columns if question.budget is None or c.key not in DERIVED_IN_LINES]
        self.lines: list[Line] = []
        self.other: Conflict | None = None

    def process(self, formdata: Any, data: Any = None, extra_filters: Any = None) -> None:
        """Take the stored rows, or what was typed, and leave room for more."""
        if formdata is not None and f"{self.name}-rows" in formdata:
            self._take(formdata)
        else:
            self._show(data or [])
        pressed = formdata.get("add_row") if formdata is not None else None
        self._make_room(1 if pressed == self.name else 0)

    def _take(self, formdata: Any) -> None:
        said = formdata.get(f"{self.name}-rows", "0")
        count = int(said) if said.isascii() and said.isdigit() and len(said) < 4 else 0
        for number in range(1, min(count, MOST_ROWS) + 1):
            line = Line(self, number)
            for cell in line.cells.values():
                cell.take(formdata.get(cell.name, ""))
            self.lines.append(line)
        self.data = self._kept()

    def _show(self, rows: list[dict[str, Any]]) -> None:
        for number, row in enumerate(rows, 1):
            line = Line(self, number)
            for key, cell in line.cells.items():
                cell.show(row.get(key))
            self.lines.append(line)
        self.data = rows or None

    def _kept(self) -> list[dict[str, Any]] | None:
        """The rows that say something; for a budget, with what follows from them."""
        filled = [line.values for line in self.lines if not line.is_empty]
        return rules.budget_lines(self.question, filled) if self.question.budget else filled or None

    def _make_room(self, more: int) -> None:
        """At least one empty row, as long as the question takes more."""
        most = min(self.question.max_items or MOST_ROWS, MOST_ROWS)
        filled = sum(1 for line in self.lines if not line.is_empty)
        wanted = max(
            len(self.lines) + more, self.question.min_items or 1, filled + (0 if self.lines and not more else 1)
        )
        while len(self.lines) < min(wanted, most):
            self.lines.append(Line(self, len(self.lines) + 1))

    @property
    def is_full(self) -> bool:
        """Whether no row can be added."""
        return len(self.lines) >= min(self.question.max_items or MOST_ROWS, MOST_ROWS)

    @property
    def entries(self) -> list[Typing]:
        """Every cell, for the list of what is wrong."""
        return [cell for line in self.lines for cell in line.cells.values()]

    def validate(self, form: Any, extra_validators: Iterable[Any] = ()) -> bool:
        """Whether every cell can be kept."""
        self.errors: list[Any] = []
        unsound = [cell for cell in self.entries if not cell.check()]
        return not unsound

    @property
    def sums(self) -> rules.Sums:
        """What the budget adds up to, with what is typed now."""
        return rules.Sums(self.question, self.data)


class SectionForm(Form):
    """The parent of the form of each section."""

    definition: Definition
    section: Section

    version = HiddenField()

    def __init__(self, answers: Mapping[str, Any] | None = None, version: int = 0, **kwargs: Any) -> None:
        """``answers`` are the stored values of the whole sheet or of this section; ``version`` that of the section."""
        self.answers = dict(answers or {})
        given = {f"q_{q.key}": self.answers.get(q.key) for q in self.section.questions}
        super().__init__(data={**given, "version": str(version)}, **kwargs)

    @property
    def fields(self) -> list[AnswerField | RowsField]:
        """The fields of the questions, in order."""
        return [f for f in self if isinstance(f, AnswerField | RowsField)]

    @property
    def values(self) -> dict[str, Any]:
        """What was answered, by question key, ready to be saved."""
        return {f.question.key: f.data for f in self.fields}

    @property
    def version_seen(self) -> int:
        """The version of the section that the person had before their eyes."""
        text = str(self.version.data or "0")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0

    @property
    def is_rearranging(self) -> bool:
        """Whether a button was pressed that only changes the page: "add a line" or "add up"."""
        return self.is_submitted() and ("add_row" in request.form or "add_up" in request.form)

    @property
    def problems(self) -> list[dict[str, Any]]:
        """What is wrong, for the list on top of the page: where to jump, and a sentence."""
        found = []
        for field in self.fields:
            jump = f"{field.id}-0" if getattr(field, "layout", "") in ("boxes", "radios") else field.id
            found += [{"id": jump, "message": error} for error in field.errors]
            if isinstance(field, RowsField):
                found += [{"id": cell.id, "message": error} for cell in field.entries for error in cell.errors]
        return found

    @property
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
        if question.shown_if is None or any(
            n in {q.key for q in self.section.questions} for n in question.shown_if.names
        ):
            return True
        return rules.is_shown(question, self.facts)

    def point_out(self) -> bool:
        """Put on each field what is missing or cannot stay; says whether there was anything."""
        facts, found = self.facts, False
        for field in self.fields:
            if field.question.type == "files" or not self.is_shown(field.question):
                continue
            wrong = rules.mistakes(field.question, field.data, self.definition, facts)
            found = found or bool(wrong)
            if isinstance(field, RowsField) and field.data:
                self._point_out_rows(field, wrong)
            else:
                field.errors = [*field.errors, *(message for _reason, message in wrong)]
        return found

    def _point_out_rows(self, field: RowsField, wrong: list[tuple[str, Any]]) -> None:
        field.errors = [message for reason, message in wrong if "." not in reason]
        lines = [line for line in field.lines if not line.is_empty]
        for line, row in zip(lines, field.data or [], strict=False):
            for column, _reason, why in rules.mistakes_in_row(field.question, row):
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

    def show_conflict(self, conflict: EditConflict) -> None:
        """Show beside each question that two people changed what the other wrote; saving again keeps what stands here."""
        self.version.data = str(conflict.version)
        for field in self.fields:
            key = field.question.key
            if key in conflict.conflicts:
                field.other = conflict.conflicts[key]
                field.errors = [*field.errors, _("Somebody else changed this answer while you were writing.")]
            elif field.data != conflict.values.get(key):
                field.process(None, conflict.values.get(key))


@lru_cache(maxsize=1000)
def _form_of(definition: Definition, section: Section) -> type[SectionForm]:
    fields: dict[str, Any] = {"definition": definition, "section": section}
    for question in section.questions:
        if question.type == "files":
            continue
        field = RowsField if question.type in ROWS else AnswerField
        fields[f"q_{question.key}"] = field(question, name=question.key, id=question.key)
    return type("SectionForm", (SectionForm,), fields)


def section_form(
    definition: Definition, section: Section, context: Mapping[str, Any] | None = None
) -> type[SectionForm]:
    """The form of one section, made once a process. ``context`` is not needed: a questionnaire carries what it refers to."""
    return _form_of(definition, section)
