"""What changed from one version of a document to the next, kept so that it can be told in every language."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

from grants.core.languages import LazyWords, _l, country_name, language_now, long_day, number_text, pick
from grants.core.money import Money
from grants.core.questions import Definition, Question, Section, Texts

SENTENCES: dict[str, Any] = {
    "section_added": _l("New section: “%(section)s”"),
    "section_removed": _l("Section taken out: “%(section)s”"),
    "section_renamed": _l("The section “%(before)s” is now called “%(after)s”"),
    "intro_reworded": _l("The introduction of the section “%(section)s” was reworded"),
    "order_changed": _l("The section “%(section)s”: its questions stand in another order"),
    "question_added": _l("New question: “%(question)s”"),
    "question_removed": _l("Question taken out: “%(question)s”"),
    "question_moved": _l("“%(question)s” now stands in the section “%(section)s”"),
    "question_reworded": _l("The question “%(before)s” now reads: “%(after)s”"),
    "reworded_elsewhere": _l("“%(question)s” was reworded in another language"),
    "hint_reworded": _l("“%(question)s”: the hint was reworded"),
    "statement_reworded": _l("“%(question)s”: the statement was reworded; please read it and confirm it again"),
    "type_changed": _l("“%(question)s” is answered in another way now"),
    "now_required": _l("“%(question)s” must be answered now"),
    "now_optional": _l("“%(question)s” may be left empty now"),
    "condition_changed": _l("“%(question)s” is asked, or must be answered, in other cases than before"),
    "most_words": _l("“%(question)s”: at most %(after)s words, before %(before)s"),
    "most_characters": _l("“%(question)s”: at most %(after)s characters, before %(before)s"),
    "least": _l("“%(question)s”: not less than %(after)s, before %(before)s"),
    "most": _l("“%(question)s”: not more than %(after)s, before %(before)s"),
    "fewest_lines": _l("“%(question)s”: at least %(after)s lines, before %(before)s"),
    "most_lines": _l("“%(question)s”: at most %(after)s lines, before %(before)s"),
    "not_before": _l("“%(question)s”: not before %(after)s; it was %(before)s"),
    "not_after": _l("“%(question)s”: not after %(after)s; it was %(before)s"),
    "option_added": _l("“%(question)s”: one more answer to choose from, “%(option)s”"),
    "option_removed": _l("“%(question)s”: the answer “%(option)s” can no longer be chosen"),
    "option_reworded": _l("“%(question)s”: the answer “%(before)s” now reads “%(after)s”"),
    "column_added": _l("“%(question)s”: new column “%(option)s”"),
    "column_removed": _l("“%(question)s”: the column “%(option)s” was taken out"),
    "columns_changed": _l("“%(question)s”: its columns ask for something else than before"),
    "headings_changed": _l("“%(question)s”: the headings or limits of the budget changed"),
}
"""How a change of a questionnaire is told. Other packages add the changes of their own documents."""


def add_sentences(sentences: Mapping[str, Any]) -> None:
    """Say how the changes of other documents are told, by their codes."""
    SENTENCES.update(sentences)


@dataclass(frozen=True)
class Change:
    """One thing that changed. ``values`` are what its sentence names: texts by language, numbers, days, plain words."""

    code: str
    values: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def stored(cls, kept: Mapping[str, Any]) -> Change:
        """The change that was kept by :attr:`kept`."""
        return cls(str(kept["code"]), kept.get("values") or {})

    @property
    def kept(self) -> dict[str, Any]:
        """The change as JSON keeps it."""
        return {"code": self.code, "values": {name: _plain(value) for name, value in self.values.items()}}

    @property
    def sentence(self) -> Any:
        """The change in the words of the reader."""
        return LazyWords(self._told)

    def _told(self) -> str:
        shown = {name: _shown(value) for name, value in self.values.items()}
        code = self.code
        if code.endswith("_reworded") and "before" in shown and shown["before"] == shown["after"]:
            code, shown = "reworded_elsewhere", {"question": shown["after"]}
        return str(SENTENCES[code]) % shown


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): str(text) for key, text in value.items()}
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return _told(value)
    if value is None:
        return str(_l("none"))
    if isinstance(value, date):
        return long_day(value)
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d(T\d\d:\d\d.*)?", value, re.ASCII):
        return ", ".join(filter(None, (long_day(date.fromisoformat(value[:10])), value[11:16])))
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return number_text(value, language_now())
    return str(value)


def _told(value: Mapping[str, Any]) -> str:
    """A text in the reader's language; an amount or a country in words."""
    if set(value) == {"amount", "currency"}:
        return Money.parse(value["amount"], value["currency"]).shown(language_now())
    if set(value) == {"country"}:
        return country_name(value["country"])
    return str(pick(dict(value)))


LIMITS = {
    "max_words": "most_words",
    "max_chars": "most_characters",
    "min": "least",
    "max": "most",
    "min_items": "fewest_lines",
    "max_items": "most_lines",
    "not_before": "not_before",
    "not_after": "not_after",
}
"""Limits of a question, and the change that tells of each."""


def changes_between(before: Definition, after: Definition) -> list[Change]:
    """What changed from one version of a questionnaire to the next, in the order of the new one."""
    found = [change for section in after.sections for change in _changes_within(before, section)]
    found += _taken_out(before.questions.values(), after)
    lost = [section for section in before.sections if after.section(section.key) is None]
    return found + [Change("section_removed", {"section": section.title}) for section in lost]


@lru_cache(maxsize=2000)
def changes_in_section(before: Definition, after: Definition, key: str) -> tuple[Change, ...]:
    """What somebody who knows a section as it was before has to be told of it, also where its questions went."""
    former, now = before.section(key), after.section(key)
    if former is None:
        return (Change("section_added", {"section": now.title}),) if now else ()
    found = _changes_within(before, now) if now else [Change("section_removed", {"section": former.title})]
    moved = [q for q in former.questions if q.key in after.questions and after.section_of[q.key].key != key]
    found += [Change("question_moved", {"question": q.label, "section": after.section_of[q.key].title}) for q in moved]
    return (*found, *_taken_out(former.questions, after))


def _changes_within(before: Definition, section: Section) -> list[Change]:
    """What is new in a section, and in the questions that stand in it now."""
    former = before.section(section.key)
    found = _changes_of_section(former, section) if former else [Change("section_added", {"section": section.title})]
    for question in section.questions:
        asked = before.questions.get(question.key)
        if asked is None:
            found.append(Change("question_added", {"question": question.label}))
            continue
        if before.section_of[question.key].key != section.key:
            found.append(Change("question_moved", {"question": question.label, "section": section.title}))
        found += changes_of_question(asked, question)
    return found


def _taken_out(questions: Iterable[Question], after: Definition) -> list[Change]:
    gone = [question for question in questions if question.key not in after.questions]
    return [Change("question_removed", {"question": question.label}) for question in gone]


def _changes_of_section(before: Section, after: Section) -> list[Change]:
    found = []
    if dict(before.title) != dict(after.title):
        found.append(Change("section_renamed", {"before": before.title, "after": after.title}))
    if dict(before.intro) != dict(after.intro):
        found.append(Change("intro_reworded", {"section": after.title}))
    keys = [[q.key for q in section.questions] for section in (before, after)]
    common = [[key for key in listed if key in keys[0] and key in keys[1]] for listed in keys]
    if common[0] != common[1]:
        found.append(Change("order_changed", {"section": after.title}))
    return found


def changes_of_question(before: Question, after: Question) -> list[Change]:
    """What changed in one question."""
    named = {"question": after.label}
    found = []
    if dict(before.label) != dict(after.label):
        found.append(Change("question_reworded", {"before": before.label, "after": after.label}))
    if dict(before.help) != dict(after.help):
        found.append(Change("hint_reworded", named))
    if dict(before.statement) != dict(after.statement):
        found.append(Change("statement_reworded", named))
    if before.type != after.type:
        return [*found, Change("type_changed", named)]
    if before.required != after.required:
        found.append(Change("now_required" if after.required else "now_optional", named))
    conditions = [(q.required_if and q.required_if.source, q.shown_if and q.shown_if.source) for q in (before, after)]
    if conditions[0] != conditions[1]:
        found.append(Change("condition_changed", named))
    for name, code in LIMITS.items():
        limits = {"before": getattr(before, name), "after": getattr(after, name)}
        if limits["before"] != limits["after"]:
            found.append(Change(code, named | limits))
    return found + _changes_of_options(before, after) + _changes_of_columns(before, after)


def _changes_of_options(before: Question, after: Question) -> list[Change]:
    named = {"question": after.label}
    found = []
    for value, label in after.labels.items():
        former = before.labels.get(value)
        if former is None:
            found.append(Change("option_added", named | {"option": _named(label, value)}))
        elif dict(former) != dict(label):
            wording = {"before": _named(former, value), "after": _named(label, value)}
            found.append(Change("option_reworded", named | wording))
    gone = [(value, label) for value, label in before.labels.items() if value not in after.labels]
    return found + [Change("option_removed", named | {"option": _named(label, value)}) for value, label in gone]


def _named(label: Texts, value: str) -> Any:
    return label or value


def _changes_of_columns(before: Question, after: Question) -> list[Change]:
    named = {"question": after.label}
    if before.budget is not None or after.budget is not None:
        return [] if _says(before) == _says(after) else [Change("headings_changed", named)]
    columns = [{column.key: column for column in question.columns} for question in (before, after)]
    added = [column for key, column in columns[1].items() if key not in columns[0]]
    gone = [column for key, column in columns[0].items() if key not in columns[1]]
    kept = [(columns[0][key], columns[1][key]) for key in columns[1] if key in columns[0]]
    found = [Change("column_added", named | {"option": column.label}) for column in added]
    found += [Change("column_removed", named | {"option": column.label}) for column in gone]
    if any(changes_of_question(*pair) for pair in kept):
        found.append(Change("columns_changed", named))
    return found


def _says(question: Question) -> tuple[Any, ...]:
    """What the budget of a question is made of; two that were read from the same words say the same."""
    return tuple(getattr(question.budget, each.name) for each in fields(question.budget)) if question.budget else ()


def told(changes: Iterable[Mapping[str, Any]]) -> list[Any]:
    """Changes as they were kept, each as a sentence."""
    return [Change.stored(kept).sentence for kept in changes]
