"""The shape of a questionnaire: its sections, questions, choices and budget headings, and reading it from a document.

Every mistake in a document is collected, with the place where it stands, so that people mend it in one go. What an answer
to a question looks like and what is missing in it is told in :mod:`grants.questionnaires.rules`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cached_property, lru_cache
from typing import Any

from babel.core import Locale, get_global

from grants.core.expressions import BadExpression, Expression, parse
from grants.core.languages import Wording, _l
from grants.core.money import Money, NotAnAmount

Texts = Mapping[str, str]
Path = tuple[str | int, ...]

MOST_ROWS = 100
DONT_KNOW = "dont_know"

LINES = ("text", "email", "phone", "org_id", "month_range")
NUMBERS = ("integer", "money", "percent", "number")
CHOICES = ("choice", "country", "scale")
TELL_WHO = ("email", "phone", "org_id")
"""Answers that tell who gave them."""
LISTS = ("multichoice", "country_list")
ROWS = ("table", "repeater", "budget")
TYPES = (*LINES, "longtext", *NUMBERS, *CHOICES, *LISTS, *ROWS, "date", "boolean", "declaration", "files")
IN_ROWS = (*LINES, "longtext", *NUMBERS, *CHOICES, "date", "boolean")

ELIGIBLE = "call.eligible_countries"
"""Where the countries stand that a list of countries offers when it says nothing else."""

RESERVED = {"csrf_token", "version", "kept", "confirmed", "add_row", "add_up", "save", "next"}
KEY = re.compile(r"[a-zA-Z][a-zA-Z0-9_]{0,60}")
NOT_COUNTRIES = {"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ", "AC", "CP", "CQ", "DG", "EA", "IC", "TA"}

SECTION_KEYS = {"id", "title", "intro", "questions", "prefill_from"}
QUESTION_KEYS = {
    *("key", "type", "label", "help", "required", "required_if", "shown_if", "max_words", "max_chars", "min", "max"),
    *("min_items", "max_items", "max_rows", "options", "options_from", "currency", "not_before", "not_after"),
    *("statement", "criteria", "visibility", "personal_data", "public_if_awarded", "columns", "fields"),
    *("headings_from", "from", "withholding", "max_mb_each", "scan", "labels", "allow_dont_know", "prefill_from"),
    "identifies",
}


CONDITIONS = {"required_if", "shown_if"}
"""What a column of a table cannot have: its lines all ask the same."""


@dataclass(frozen=True)
class Problem:
    """A mistake in an imported document: where (a path of keys and positions) and why."""

    path: Path
    reason: Any


class BadDefinition(ValueError):
    """A questionnaire that cannot be used; ``problems`` tell all of its mistakes at once."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{'.'.join(map(str, p.path))}: {p.reason}" for p in problems))


@dataclass(frozen=True)
class Option:
    """One of the answers to choose from. ``value`` is what is stored."""

    value: str
    label: Texts


@dataclass(frozen=True)
class Heading:
    """A heading of the budget. ``parts`` are the headings it adds up, for a computed one.

    ``cap_percent`` of ``cap_of`` (a heading, or "grant" for the part that is asked from the fund) is the most it may cost.
    """

    key: str
    code: str
    title: Texts
    parts: tuple[str, ...] = ()
    cap_percent: Decimal | None = None
    cap_of: str = ""


@dataclass(frozen=True, eq=False)
class Budget:
    """What a budget is made of. ``sources`` are the other payers; ``grant`` is the key of the fund's own part."""

    headings: tuple[Heading, ...]
    sources: tuple[Option, ...]
    grant: str
    grant_title: Texts
    currency: str

    @property
    def in_kind(self) -> set[str]:
        """The sources that give things or work instead of money."""
        return {s.value for s in self.sources if s.value.endswith("in_kind")}


@dataclass(frozen=True, eq=False)
class Question:
    """One question. Limits that do not apply are None; ``columns`` belong to tables, repeaters and budgets.

    Who must not know whose application they read is not shown the answer to what ``identifies``.
    """

    key: str
    type: str
    label: Texts
    help: Texts = field(default_factory=dict)
    statement: Texts = field(default_factory=dict)
    required: bool = False
    required_if: Expression | None = None
    shown_if: Expression | None = None
    max_words: int | None = None
    max_chars: int | None = None
    min: Decimal | None = None
    max: Decimal | None = None
    min_items: int | None = None
    max_items: int | None = None
    not_before: date | None = None
    not_after: date | None = None
    currency: str = ""
    options: tuple[Option, ...] = ()
    columns: tuple[Question, ...] = ()
    budget: Budget | None = None
    documents: tuple[str, ...] = ()
    criteria: tuple[str, ...] = ()
    visibility: str = ""
    personal: bool = False
    identifies: bool = False
    public_if_awarded: bool = False
    unsure: bool = False

    @cached_property
    def labels(self) -> Mapping[str, Texts]:
        """The wording of each option by its value."""
        return {option.value: option.label for option in self.options}


@dataclass(frozen=True, eq=False)
class Section:
    """Questions that are answered and saved together."""

    key: str
    title: Texts
    intro: Texts
    questions: tuple[Question, ...]
    prefill_from: str = ""


@dataclass(frozen=True, eq=False)
class Definition:
    """A questionnaire that was read and found sound. ``fallback`` is the language whose wording counts."""

    key: str
    version: int
    title: Texts
    intro: Texts
    languages: tuple[str, ...]
    fallback: str
    sections: tuple[Section, ...]
    currency: str
    sources: Mapping[str, Any]

    @cached_property
    def questions(self) -> Mapping[str, Question]:
        """Every question by its key."""
        return {q.key: q for s in self.sections for q in s.questions}

    @cached_property
    def section_of(self) -> Mapping[str, Section]:
        """The section of each question key."""
        return {q.key: s for s in self.sections for q in s.questions}

    @cached_property
    def dependents(self) -> Mapping[str, frozenset[str]]:
        """The other sections whose conditions ask for an answer of a section, by the key of that section."""
        found: dict[str, set[str]] = {}
        for section in self.sections:
            for question in section.questions:
                for condition in (question.required_if, question.shown_if):
                    for name in condition.names if condition else ():
                        found.setdefault(self.section_of[name].key, set()).add(section.key)
        return {key: frozenset(sections) for key, sections in found.items()}

    def section(self, key: str) -> Section | None:
        """The section with this key."""
        return next((s for s in self.sections if s.key == key), None)


# ------------------------------------------------------------------ reading a definition


def parse_definition(mapping: Mapping[str, Any], context: Mapping[str, Any] | None = None) -> Definition:
    """Read a questionnaire as it stands in a file, with all its mistakes at once. Raises BadDefinition.

    ``context`` is what ``options_from: call.lots`` and the like refer to, nested or by dotted path; a stored questionnaire
    carries what it needs under ``sources``.
    """
    reader = _Reader(mapping, context if context is not None else mapping.get("sources") or {})
    definition = reader.definition()
    if reader.problems:
        raise BadDefinition(reader.problems)
    return definition


class _Reader:
    """Walks a definition and collects what is wrong with it."""

    def __init__(self, mapping: Mapping[str, Any], context: Mapping[str, Any]) -> None:
        self.mapping, self.context = mapping, context
        self.problems: list[Problem] = []
        self.sources: dict[str, Any] = {}
        self.names: set[str] = set()
        self.languages: tuple[str, ...] = ()
        self.fallback = "en"
        self.currency = "EUR"

    def wrong(self, path: Path, reason: Any) -> None:
        self.problems.append(Problem(path, reason))

    def source(self, dotted: str, path: Path) -> Any:
        """What a dotted path of the context refers to, remembered so that it can be stored beside the questionnaire."""
        found = looked_up(self.context, dotted)
        if found is None:
            self.wrong(path, _l("“%(dotted)s” refers to nothing", dotted=dotted))
        else:
            self.sources[dotted] = found
        return found

    def optional_source(self, dotted: str) -> Any:
        found = looked_up(self.context, dotted)
        if found is not None:
            self.sources[dotted] = found
        return found

    def definition(self) -> Definition:
        form = self.mapping
        languages = form.get("languages") or self.optional_source("call.languages_of_application") or ["en"]
        if not isinstance(languages, list) or not all(isinstance(code, str) for code in languages):
            self.wrong(("languages",), _l("a list of language codes is expected, such as [en, fr]"))
            languages = ["en"]
        self.languages = tuple(languages)
        authoritative = form.get("authoritative_language") or self.optional_source("call.authoritative_language")
        self.fallback = authoritative if authoritative in self.languages else self.languages[0]
        self.currency = str(self.optional_source("call.currency") or form.get("currency") or "EUR")
        questions = [q for s in _dicts(form.get("sections")) for q in _dicts(s.get("questions"))]
        # Documents are no answers, so no condition can ask for them.
        self.names = {str(q.get("key")) for q in questions if "key" in q and q.get("type") != "files"}
        version = form.get("version", 1)
        if not isinstance(version, int) or isinstance(version, bool) or version < 1:
            self.wrong(("version",), _l("a whole number from 1 is expected"))
            version = 1
        if not isinstance(form.get("id"), str) or not form["id"].strip():
            self.wrong(("id",), _l("the questionnaire needs an id"))
        sections = self.all_sections()
        return Definition(
            key=str(form.get("id")),
            version=version,
            title=self.text(form, "title", ()),
            intro=self.text(form, "intro", (), needed=False),
            languages=self.languages,
            fallback=self.fallback,
            sections=sections,
            currency=self.currency,
            sources=self.sources,
        )

    def text(self, holder: Mapping[Any, Any], key: str | int, path: Path, *, needed: bool = True) -> Texts:
        """A wording by language; a plain text is in the language that counts."""
        value, here = holder.get(key), (*path, key)
        if value is None:
            if needed:
                self.wrong(path or here, _l("“%(key)s” is missing", key=key))
            return {}
        found, reasons = texts_of(value, self.languages, self.fallback)
        for reason in reasons:
            self.wrong(here, reason)
        return Wording(found, self.fallback)

    def all_sections(self) -> tuple[Section, ...]:
        given = self.mapping.get("sections")
        if not isinstance(given, list) or not given:
            self.wrong(("sections",), _l("a questionnaire needs at least one section"))
            return ()
        found: list[Section] = []
        seen: dict[str, str] = {}
        for position, section in enumerate(given):
            path: Path = ("sections", position)
            if not isinstance(section, Mapping):
                self.wrong(path, _l("a section is a mapping with id, title and questions"))
                continue
            key = section.get("id")
            if not isinstance(key, str) or not KEY.fullmatch(key):
                self.wrong((*path, "id"), _l("a section needs an id of letters, digits and _"))
            elif key in [s.key for s in found]:
                self.wrong((*path, "id"), _l("the section “%(key)s” stands twice", key=key))
            self.unknown_keys(section, SECTION_KEYS, path)
            questions = self.questions_of(section.get("questions"), (*path, "questions"), seen)
            found.append(
                Section(
                    key=str(key),
                    title=self.text(section, "title", path),
                    intro=self.text(section, "intro", path, needed=False),
                    questions=questions,
                    prefill_from=str(section.get("prefill_from") or ""),
                )
            )
        return tuple(found)

    def unknown_keys(self, holder: Mapping[str, Any], known: set[str], path: Path) -> None:
        for key in holder:
            if key not in known:
                self.wrong((*path, key), _l("unknown key “%(key)s”", key=key))

    def questions_of(self, given: Any, path: Path, seen: dict[str, str]) -> tuple[Question, ...]:
        if not isinstance(given, list) or not given:
            self.wrong(path, _l("a section needs at least one question"))
            return ()
        found = []
        for position, question in enumerate(given):
            here = (*path, position)
            if not isinstance(question, Mapping):
                self.wrong(here, _l("a question is a mapping with key, type and label"))
                continue
            key = question.get("key")
            if isinstance(key, str) and key in seen:
                self.wrong((*here, "key"), _l("the question “%(key)s” stands twice", key=key))
            seen[str(key)] = str(key)
            read = self.question(question, here, TYPES)
            if read:
                found.append(read)
        return tuple(found)

    def question(self, given: Mapping[str, Any], path: Path, types: Sequence[str]) -> Question | None:
        key, kind = given.get("key"), given.get("type")
        if not isinstance(key, str) or not KEY.fullmatch(key) or key in RESERVED:
            self.wrong(
                (*path, "key"), _l("a question needs a key of letters, digits and _ that is not taken by the page")
            )
            key = str(key)
        if kind not in types:
            self.wrong(
                (*path, "type"),
                _l("unknown type “%(kind)s”; known are %(types)s", kind=kind, types=", ".join(types)),
            )
            return None
        self.unknown_keys(given, QUESTION_KEYS - CONDITIONS if types is IN_ROWS else QUESTION_KEYS, path)
        self.whole_numbers(given, path)
        lowest, highest = self.bound(given, "min", path), self.bound(given, "max", path)
        if lowest is not None and highest is not None and lowest > highest:
            self.wrong(
                (*path, "min"),
                _l(
                    "the smallest value %(lowest)s is larger than the largest %(highest)s",
                    lowest=lowest,
                    highest=highest,
                ),
            )
        required = given.get("required", types is IN_ROWS)
        if not isinstance(required, bool):
            self.wrong((*path, "required"), _l("true or false is expected; a condition belongs into required_if"))
        return Question(
            key=key,
            type=str(kind),
            label=self.text(given, "label", path),
            help=self.text(given, "help", path, needed=False),
            statement=self.text(given, "statement", path, needed=kind == "declaration"),
            required=bool(required),
            required_if=self.condition(given, "required_if", path),
            shown_if=self.condition(given, "shown_if", path),
            max_words=given.get("max_words"),
            max_chars=given.get("max_chars"),
            min=lowest,
            max=highest,
            min_items=given.get("min_items"),
            max_items=given.get("max_items", given.get("max_rows")),
            not_before=self.day(given, "not_before", path),
            not_after=self.day(given, "not_after", path),
            currency=self.currency_of(given, path) if kind in ("money", "budget") else "",
            options=self.options(given, str(kind), path),
            columns=self.columns(given, str(kind), path),
            budget=self.budget(given, path) if kind == "budget" else None,
            documents=self.documents(given, path) if kind == "files" else (),
            criteria=self.criteria(given, path),
            visibility=str(given.get("visibility") or ""),
            personal=bool(given.get("personal_data")),
            identifies=bool(given.get("identifies")) or bool(given.get("personal_data")) or kind in TELL_WHO,
            public_if_awarded=bool(given.get("public_if_awarded")),
            unsure=bool(given.get("allow_dont_know")),
        )

    def criteria(self, given: Mapping[str, Any], path: Path) -> tuple[str, ...]:
        listed = given.get("criteria")
        if listed is not None and not isinstance(listed, list):
            self.wrong((*path, "criteria"), _l("a list of criteria is expected"))
            return ()
        return tuple(str(criterion) for criterion in listed or ())

    def whole_numbers(self, given: Mapping[str, Any], path: Path) -> None:
        for key in ("max_words", "max_chars", "min_items", "max_items", "max_rows"):
            value = given.get(key)
            if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
                self.wrong((*path, key), _l("a whole number is expected"))
        most = given.get("max_items", given.get("max_rows"))
        if isinstance(most, int) and most > MOST_ROWS:
            self.wrong(
                (*path, "max_items" if "max_items" in given else "max_rows"),
                _l("at most %(n)s rows", n=MOST_ROWS),
            )

    def bound(self, given: Mapping[str, Any], key: str, path: Path) -> Decimal | None:
        value = given.get(key)
        if isinstance(value, str) and "." in value and not value[:1].isdigit():
            value = self.source(value, (*path, key))
        if value is None:
            return None
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            number = Decimal("NaN")
        if isinstance(value, bool) or not number.is_finite():
            self.wrong((*path, key), _l("a number is expected"))
            return None
        return number

    def condition(self, given: Mapping[str, Any], key: str, path: Path) -> Expression | None:
        if given.get(key) is None:
            return None
        try:
            return parse(given[key], self.names)
        except BadExpression as error:
            self.wrong((*path, key), str(error))
            return None

    def day(self, given: Mapping[str, Any], key: str, path: Path) -> date | None:
        value = given.get(key)
        if isinstance(value, str) and not value[:1].isdigit():
            value = self.source(value, (*path, key))
        if value is None:
            return None
        found = day_of(value)
        if found is None:
            self.wrong((*path, key), _l("“%(value)s” is not a day, such as 2027-05-15", value=value))
        return found

    def currency_of(self, given: Mapping[str, Any], path: Path) -> str:
        currency = given.get("currency", self.currency)
        if not isinstance(currency, str) or currency not in get_global("all_currencies"):
            self.wrong((*path, "currency"), _l("a currency code is expected, such as EUR"))
            return self.currency
        return currency

    def options(self, given: Mapping[str, Any], kind: str, path: Path) -> tuple[Option, ...]:
        if kind == "country_list":
            return _countries(self.codes(given, path), self.optional_source("call.country_names"), self.fallback)
        if kind == "scale":
            return self.scale(given, path)
        if kind not in ("choice", "multichoice"):
            return ()
        if given.get("options_from") is not None:
            return self.options_named(given, path)
        return self.options_listed(given.get("options"), path)

    def codes(self, given: Mapping[str, Any], path: Path) -> Any:
        """The countries to choose from; None for every country."""
        if given.get("options") is None:
            origin = given.get("options_from")
            return self.source(str(origin), (*path, "options_from")) if origin else self.optional_source(ELIGIBLE)
        codes = given["options"]
        if not isinstance(codes, list) or not codes:
            self.wrong((*path, "options"), _l("a list of country codes is expected"))
            return None
        for position, code in enumerate(codes):
            if str(code) not in countries("en"):
                reason = _l("“%(code)s” is not a country code", code=code)
                self.wrong((*path, "options", position), reason)
        return codes

    def options_named(self, given: Mapping[str, Any], path: Path) -> tuple[Option, ...]:
        """What options_from refers to; ``options`` beside it says which of them are permitted."""
        origin = str(given["options_from"])
        found = self.options_from(origin, (*path, "options_from"))
        if not isinstance(given.get("options"), list):
            return found
        allowed = {str(_value_of(entry)) for entry in given["options"]}
        for value in sorted(allowed - {o.value for o in found}):
            self.wrong((*path, "options"), _l("“%(value)s” is not among %(origin)s", value=value, origin=origin))
        return tuple(o for o in found if o.value in allowed)

    def options_listed(self, listed: Any, path: Path) -> tuple[Option, ...]:
        if not isinstance(listed, list) or not listed:
            self.wrong(path, _l("a choice needs options, or options_from"))
            return ()
        found: list[Option] = []
        for position, entry in enumerate(listed):
            here = (*path, "options", position)
            value = _value_of(entry)
            if value is None or isinstance(value, bool):
                self.wrong(here, _l("an option needs a value (put yes, no, on and off in quotes)"))
                continue
            if str(value) in [o.value for o in found]:
                self.wrong(here, _l("the option “%(value)s” stands twice", value=value))
            label = self.text(entry, "label", here) if isinstance(entry, Mapping) else {self.fallback: str(value)}
            found.append(Option(str(value), label))
        return tuple(found)

    def options_from(self, origin: str, path: Path) -> tuple[Option, ...]:
        found = self.source(origin, path)
        if isinstance(found, Mapping) and "clusters" in found:
            return tuple(_numbered(point, self.fallback) for point in points_of(found))
        if isinstance(found, list):
            options = []
            for entry in found:
                if isinstance(entry, Mapping):
                    label = entry.get("label") or entry.get("title") or entry.get("text") or str(_value_of(entry))
                    options.append(Option(str(_value_of(entry)), as_texts(label, self.fallback)))
                else:
                    options.append(Option(str(entry), {self.fallback: str(entry)}))
            return tuple(options)
        if found is not None:
            self.wrong(path, _l("“%(origin)s” is not a list", origin=origin))
        return ()

    def scale(self, given: Mapping[str, Any], path: Path) -> tuple[Option, ...]:
        low, high = given.get("min"), given.get("max")
        if not isinstance(low, int) or not isinstance(high, int) or not low < high <= low + 20:
            self.wrong(path, _l("a scale needs whole numbers min and max"))
            return ()
        labels = given.get("labels") or {}
        if not isinstance(labels, Mapping):
            self.wrong((*path, "labels"), _l("a mapping is expected"))
            return ()
        words = {str(step): self.text(labels, step, (*path, "labels")) for step in labels}
        return tuple(Option(step, words.get(step) or {self.fallback: step}) for step in map(str, range(low, high + 1)))

    def columns(self, given: Mapping[str, Any], kind: str, path: Path) -> tuple[Question, ...]:
        if kind == "budget":
            document = looked_up(self.context, str(given.get("headings_from")))
            found = isinstance(document, Mapping)
            return budget_columns(document, self.currency_of(given, path), self.fallback) if found else ()
        if kind not in ("table", "repeater"):
            return ()
        key = "columns" if "columns" in given else "fields"
        listed = given.get(key)
        if not isinstance(listed, list) or not listed:
            self.wrong(
                path, _l("a %(kind)s needs %(what)s", kind=kind, what="columns" if kind == "table" else "fields")
            )
            return ()
        columns: list[Question] = []
        for position, column in enumerate(listed):
            here = (*path, key, position)
            if not isinstance(column, Mapping):
                self.wrong(here, _l("a column is a mapping with key, type and label"))
                continue
            read = self.question(column, here, IN_ROWS)
            if read and read.key in [c.key for c in columns]:
                self.wrong((*here, "key"), _l("the column “%(key)s” stands twice", key=read.key))
            if read:
                columns.append(read)
        return tuple(columns)

    def budget(self, given: Mapping[str, Any], path: Path) -> Budget | None:
        origin = given.get("headings_from")
        found = self.source(str(origin), (*path, "headings_from")) if origin else None
        if not isinstance(found, Mapping):
            self.wrong(path, _l("a budget needs headings_from"))
            return None
        return budget_of(found, self.currency_of(given, path), self.fallback)

    def documents(self, given: Mapping[str, Any], path: Path) -> tuple[str, ...]:
        for key in ("from", "withholding"):
            if given.get(key):
                self.source(str(given[key]), (*path, key))
        return tuple(str(d.get("key")) for d in _dicts(self.sources.get(str(given.get("from")))))


def _dicts(value: Any) -> list[Mapping[str, Any]]:
    return [v for v in value if isinstance(v, Mapping)] if isinstance(value, list) else []


def points_of(plan: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Every point of a plan of action, those added later included."""
    points = [point for cluster in _dicts(plan.get("clusters")) for point in _dicts(cluster.get("points"))]
    return points + _dicts(plan.get("added_2016"))


def _numbered(point: Mapping[str, Any], fallback: str) -> Option:
    """A point of a plan as a choice: people know them by their numbers."""
    number = str(point.get("number"))
    texts = {language: f"{number}. {text}" for language, text in as_texts(point.get("text"), fallback).items()}
    return Option(number, Wording(texts, fallback))


def _value_of(entry: Any) -> Any:
    if isinstance(entry, Mapping):
        return next((entry[k] for k in ("value", "id", "key", "number") if k in entry), None)
    return entry


def as_texts(value: Any, fallback: str) -> Texts:
    """A wording as it stands in a document, whose language that counts is ``fallback``."""
    texts = value if isinstance(value, Mapping) else {fallback: value}
    return Wording({str(k): str(v) for k, v in texts.items() if v}, fallback)


def _countries(codes: Any, names: Any, fallback: str) -> tuple[Option, ...]:
    wanted = [str(c) for c in codes] if isinstance(codes, list) else sorted(countries("en"))
    known = names if isinstance(names, Mapping) else {}
    return tuple(Option(c, as_texts(known.get(c), fallback)) for c in wanted)


def texts_of(value: Any, languages: Sequence[str], fallback: str) -> tuple[dict[str, str], list[Any]]:
    """A wording by language, and what is wrong with it: not a text, the language that counts missing, or unknown ones."""
    if isinstance(value, str):
        return ({fallback: value}, []) if value.strip() else ({}, [_l("the text is empty")])
    if not isinstance(value, Mapping):
        return {}, [_l("a text by language is expected, such as {en: …, fr: …}")]
    found = {str(k): v for k, v in value.items() if isinstance(v, str) and v.strip()}
    reasons = [_l("“%(language)s” is not a language of this call", language=k) for k in value if k not in languages]
    no_texts = [k for k, v in value.items() if v is not None and not isinstance(v, str)]
    reasons += [_l("what stands under “%(language)s” is not a text", language=k) for k in no_texts]
    if fallback not in found:
        reasons.append(_l("the text in “%(language)s” is missing", language=fallback))
    return found, reasons


def looked_up(context: Mapping[str, Any], dotted: str) -> Any:
    """What a dotted path refers to, whether the context is flat or nested; None when nothing."""
    if dotted in context:
        return context[dotted]
    place: Any = context
    for part in dotted.split("."):
        if not isinstance(place, Mapping) or part not in place:
            return None
        place = place[part]
    return place


def budget_of(document: Mapping[str, Any], currency: str, fallback: str) -> Budget:
    """The headings and sources of a budget document, as its checks and tables need them."""
    by_code = {str(h.get("code")): str(h.get("key")) for h in _dicts(document.get("headings"))}
    headings = []
    for heading in _dicts(document.get("headings")):
        cap = heading["cap"] if isinstance(heading.get("cap"), Mapping) else {}
        percent = cap.get("percent_of_grant", cap.get("max"))
        headings.append(
            Heading(
                key=str(heading.get("key")),
                code=str(heading.get("code")),
                title=as_texts(heading.get("title"), fallback),
                parts=tuple(by_code.get(c.strip(), c.strip()) for c in str(heading["computed"]).split("+"))
                if heading.get("computed")
                else (),
                cap_percent=_percent(percent),
                cap_of=str(cap.get("percent_of", "grant")) if cap else "",
            )
        )
    financing = [
        Option(str(s.get("key")), as_texts(s.get("title"), fallback)) for s in _dicts(document.get("financing"))
    ]
    grant = financing[0] if financing else Option("requested_grant", {})
    return Budget(tuple(headings), tuple(financing[1:]), grant.value, grant.label, currency)


def _percent(value: Any) -> Decimal | None:
    try:
        percent = Decimal(str(value))
    except InvalidOperation:
        return None
    return percent if percent.is_finite() else None


LINE_FIELDS: dict[str, str] = {
    "heading": "choice",
    "code": "text",
    "description": "text",
    "unit": "choice",
    "quantity": "number",
    "unit_cost": "money",
    "currency": "text",
    "total": "money",
    "requested": "money",
    "cofinancing": "money",
    "cofinancing_source": "choice",
    "in_kind": "boolean",
    "justification": "text",
}
"""What a budget line may hold, and the type of each."""

DERIVED_IN_LINES = {"code", "currency", "total", "cofinancing", "in_kind"}
"""What we work out from the rest of a line, so that nobody has to type it."""

OPTIONAL_IN_LINES = {"cofinancing_source", "justification", *DERIVED_IN_LINES}


def line_fields(document: Mapping[str, Any]) -> list[str]:
    """What a line of the budget holds, in the order of its columns."""
    listed = document.get("line_fields")
    return [str(name) for name in (listed if isinstance(listed, list) and listed else LINE_FIELDS)]


def budget_columns(document: Mapping[str, Any], currency: str, fallback: str) -> tuple[Question, ...]:
    """The columns of a budget's lines, with the wording and the choices of its document."""
    labels, units = (
        document[key] if isinstance(document.get(key), Mapping) else {} for key in ("line_field_labels", "unit_labels")
    )
    budget = budget_of(document, currency, fallback)
    choices = {
        "heading": tuple(Option(h.key, h.title) for h in budget.headings if not h.parts),
        "unit": tuple(Option(str(k), as_texts(v, fallback)) for k, v in units.items()),
        "cofinancing_source": budget.sources,
    }
    columns = []
    for name in line_fields(document):
        kind = LINE_FIELDS.get(name, "text")
        options = choices.get(name, ())
        columns.append(
            Question(
                key=name,
                type="text" if kind == "choice" and not options else kind,
                label=as_texts(labels.get(name) or name.replace("_", " ").capitalize(), fallback),
                required=name not in OPTIONAL_IN_LINES,
                currency=currency if kind == "money" else "",
                min=Decimal(0) if kind in ("number", "money") else None,
                options=options,
            )
        )
    return tuple(columns)


@lru_cache(maxsize=16)
def countries(language: str) -> Mapping[str, str]:
    """Every country by its two-letter code, with its name in a language, in the order of the names."""
    names = Locale.parse(language).territories
    known = {c: n for c, n in names.items() if len(c) == 2 and c.isalpha() and c not in NOT_COUNTRIES}
    return dict(sorted(known.items(), key=lambda entry: _sortable(entry[1])))


def _sortable(name: str) -> str:
    return name.translate(str.maketrans("ÅÉÎÇÔÁÍÓÚÑéèêîïçôåáíóúñ", "AEICOAIOUNeeeiicoaaioun")).casefold()


def day_of(value: Any) -> date | None:
    """A stored day; None when there is none or it could not be read."""
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value) if isinstance(value, str) and len(value) == 10 else None
    except ValueError:
        return None


def number_of(value: Any) -> Decimal | None:
    """A stored number; None when there is none or it could not be read."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float | Decimal):
        number = Decimal(str(value))
        return number if number.is_finite() else None
    return _number_in(value) if isinstance(value, str) else None


@lru_cache(maxsize=8192)
def _number_in(text: str) -> Decimal | None:
    return Decimal(text) if re.fullmatch(r"-?\d{1,18}(\.\d{1,18})?", text, re.ASCII) else None


def amount_of(value: Any, currency: str) -> Money | None:
    """A stored amount; None when there is none or it could not be read."""
    return _amount(number_of(value), currency)


@lru_cache(maxsize=8192)
def _amount(number: Decimal | None, currency: str) -> Money | None:
    try:
        return Money.parse(number, currency) if number is not None else None
    except NotAnAmount:
        return None
