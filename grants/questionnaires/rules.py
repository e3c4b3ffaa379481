"""What a questionnaire asks, how an answer is kept, and what is still missing.

How answers are stored (JSON, by question key):

==================================  ==========================================================================
text, longtext, email, phone,       text
org_id, country, choice,
month_range
integer, scale                      whole number (scale also "dont_know")
money                               decimal text with the decimals of its currency: "14500.00"
percent, number                     decimal text: "12.5"
date                                "2027-06-01"
boolean, declaration                true or false; an unticked declaration is null
multichoice, country_list           list of texts ("3", "SN")
table, repeater, budget             list of rows, each a mapping of column key to value as above
files                               nothing: documents are kept by those who ask for them
==================================  ==========================================================================

Nothing answered is null. Amounts are text and not minor units, so that what the form, the file and the receipt say is
the same thing, digit for digit. What somebody typed that cannot be read ("about 500") is kept as typed: a draft is
never refused, it only is not complete. Read stored answers with :func:`amount_of`, :func:`number_of`, :func:`day_of`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import email_validator

from grants.budgets.rules import figures_of
from grants.core.expressions import BadExpression, Expression
from grants.core.languages import (
    LazyWords,
    _l,
    country_name,
    language_now,
    long_day,
    number_text,
    number_typed,
    pick,
)
from grants.core.money import Money, NotAnAmount, minor_digits
from grants.core.questions import (
    CHOICES,
    DERIVED_IN_LINES,
    DONT_KNOW,
    LISTS,
    MOST_ROWS,
    NUMBERS,
    ROWS,
    BadDefinition,
    Budget,
    Definition,
    Heading,
    Option,
    Problem,
    Question,
    Section,
    Texts,
    amount_of,
    budget_of,
    countries,
    day_of,
    line_fields,
    number_of,
    parse_definition,
)
from grants.core.rules import Obstacle

__all__ = [
    "BadDefinition",
    "Budget",
    "Definition",
    "Heading",
    "Option",
    "Problem",
    "Question",
    "Section",
    "amount_of",
    "budget_of",
    "day_of",
    "number_of",
    "parse_definition",
]

Answers = Mapping[str, Any]
Place = Callable[[str, str], tuple[str, dict[str, Any]]]
"""Where a question is answered: section key and question key to an endpoint and its values."""

# ------------------------------------------------------------------ reading what was typed


def typed(question: Question, text: str, language: str) -> Any:
    """The answer that a person typed or chose, as it is stored; what cannot be read stays as it was typed."""
    text = text.strip()
    if not text:
        return None
    if question.type in NUMBERS:
        number = number_typed(text, language)
        return text if number is None else _kept_number(question, number, text)
    if question.type in ("boolean", "declaration"):
        return {"yes": True, "no": False}.get(text, text)
    if question.type == "month_range":
        return _months(text)
    if question.type == "scale" and re.fullmatch(r"-?\d{1,6}", text, re.ASCII):
        return int(text)
    return text


def _kept_number(question: Question, number: Decimal, text: str) -> Any:
    if question.type == "integer":
        return int(number) if number == number.to_integral_value() and abs(number) < 10**15 else text
    if question.type == "money":
        try:
            return str(Money.parse(number, question.currency).amount)
        except NotAnAmount:
            return text
    return _plain_decimal(number)


def _plain_decimal(number: Decimal) -> str:
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _months(text: str) -> str:
    match = re.fullmatch(r"(\d{1,3})(?:\s*(?:[-–—]|to|à|a)\s*(\d{1,3}))?", text.strip(), re.ASCII)
    return f"{int(match[1])}-{int(match[2] or match[1])}" if match else text


def normalised(question: Question, value: Any) -> Any:
    """An answer from a file or a program (numbers, days, plain text) as it is stored."""
    if value is None or value in ("", []) or question.type == "files":
        return None
    if question.type in LISTS:
        return [str(v) for v in value] if isinstance(value, list | tuple) else [str(value)]
    if question.type in ROWS:
        return _normalised_rows(question, value)
    if question.type in ("boolean", "declaration"):
        said = {"true": True, "false": False, "yes": True, "no": False}.get(str(value).lower(), str(value))
        return said or None if question.type == "declaration" else said
    return _normalised_one(question, value)


def _normalised_rows(question: Question, value: Any) -> list[dict[str, Any]] | None:
    rows = [r for r in value if isinstance(r, Mapping)] if isinstance(value, list | tuple) else []
    kept = [{c.key: normalised(c, row.get(c.key)) for c in question.columns} for row in rows]
    return budget_lines(question, kept) if question.budget else [r for r in kept if _filled(r)] or None


def _normalised_one(question: Question, value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()[:10]
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool) and question.type in NUMBERS:
        return _kept_number(question, Decimal(str(value)), str(value))
    if question.type == "money" and (number := number_of(value)) is not None:
        return _kept_number(question, number, str(value))
    if question.type == "longtext":
        return str(value).replace("\r\n", "\n").strip() or None
    return typed(question, " ".join(str(value).split()), "en")


def normalised_section(section: Section, values: Answers) -> dict[str, Any]:
    """The answers of one section as they are stored; keys that are no questions of it are left out."""
    return {q.key: normalised(q, values[q.key]) for q in section.questions if q.key in values and q.type != "files"}


def _filled(row: Mapping[str, Any]) -> bool:
    return any(v not in (None, "", False) for v in row.values())


def budget_lines(question: Question, rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]] | None:
    """Budget lines with what follows from the rest: number, currency, total, other contributions, in kind.

    Totals that are given (from a file) are left alone; the checks of the call judge them.
    """
    budget = question.budget
    assert budget is not None
    names = {c.key for c in question.columns}
    codes = {h.key: h.code for h in budget.headings}
    numbers: dict[str, int] = {}
    lines = []
    for row in rows:
        if not any(v not in (None, "", False) for k, v in row.items() if k not in DERIVED_IN_LINES):
            continue
        line = {c.key: row.get(c.key) for c in question.columns}
        heading = str(line.get("heading"))
        numbers[heading] = numbers.get(heading, 0) + 1
        if "code" in names and not line.get("code") and heading in codes:
            line["code"] = f"{codes[heading]}.{numbers[heading]}"
        if "currency" in names:
            line["currency"] = line.get("currency") or budget.currency
        _add_up_line(line, names, budget)
        lines.append(line)
    return lines or None


def _add_up_line(line: dict[str, Any], names: set[str], budget: Budget) -> None:
    quantity, unit_cost = number_of(line.get("quantity")), number_of(line.get("unit_cost"))
    if "total" in names and line.get("total") is None and quantity is not None and unit_cost is not None:
        line["total"] = str(rounded(quantity * unit_cost, budget.currency).amount)
    total, requested = number_of(line.get("total")), number_of(line.get("requested"))
    if "cofinancing" in names and line.get("cofinancing") is None and total is not None and requested is not None:
        line["cofinancing"] = str(total - requested)
    if "in_kind" in names and budget.in_kind:
        line["in_kind"] = line.get("cofinancing_source") in budget.in_kind


def rounded(amount: Decimal, currency: str) -> Money:
    """An amount to the nearest minor unit, halves upwards, as an invoice does; at most what can be stored."""
    step = Decimal(1).scaleb(-minor_digits(currency))
    most = Decimal(10**15) * step
    return Money.parse(max(-most, min(amount, most)).quantize(step, ROUND_HALF_UP), currency)


# ------------------------------------------------------------------ reading what is stored


def words_in(text: str) -> int:
    """How many words a text has: pieces between white space that hold a letter or a digit, so that « and : count nothing."""
    return sum(1 for piece in text.split() if any(c.isalnum() for c in piece))


class Said(Protocol):
    """A section with what it says, by question."""

    @property
    def values(self) -> dict[str, Any]:
        """The answers by question key."""


def answers_in(sections: Iterable[Said]) -> dict[str, Any]:
    """Every answer of some sections together, by question key."""
    return {key: value for section in sections for key, value in section.values.items()}


def facts_of(definition: Definition, answers: Answers) -> dict[str, Any]:
    """The answers as conditions see them: numbers as numbers, days as days, what could not be read as missing."""
    facts: dict[str, Any] = {}
    for key, question in definition.questions.items():
        value = answers.get(key)
        if question.type in ("integer", "money", "percent", "number"):
            facts[key] = number_of(value)
        elif question.type == "date":
            facts[key] = day_of(value)
        else:
            facts[key] = value
    return facts


def some_answer(question: Question) -> Any:
    """An answer of the kind that conditions see, to try them with."""
    if question.type in ("integer", "money", "percent", "number"):
        return Decimal(1)
    if question.type == "date":
        return date(2027, 1, 1)
    if question.type in ("boolean", "declaration"):
        return True
    one = question.options[0].value if question.options else "text"
    return [one] if question.type in LISTS else [{}] if question.type in ROWS else one


def is_shown(question: Question, facts: Answers) -> bool:
    """Whether a question is asked at all, given the other answers."""
    return question.shown_if is None or _holds(question.shown_if, facts) is True


def is_required(question: Question, facts: Answers) -> bool:
    """Whether an answer is due, given the other answers."""
    if not is_shown(question, facts):
        return False
    return question.required or (question.required_if is not None and _holds(question.required_if, facts) is True)


def _holds(condition: Expression, facts: Answers) -> bool | None:
    try:
        return condition.holds(facts)
    except BadExpression:
        return None


# ------------------------------------------------------------------ what is still missing


def obstacles_to_completing(
    definition: Definition,
    answers: Answers,
    context: Mapping[str, Any] | None = None,
    *,
    sections: Iterable[str] | None = None,
    place: Place | None = None,
) -> list[Obstacle]:
    """What is missing or cannot stay, question by question, in the words of the reader.

    ``context`` adds facts that conditions may name; ``sections`` limits the look to some sections; ``place`` says where
    a question is mended. Codes are ``<question key>.<reason>``, such as ``title.missing``. Documents are not looked at.
    """
    facts = facts_of(definition, answers) | dict(context or {})
    wanted = None if sections is None else set(sections)
    found = []
    for section in definition.sections:
        if wanted is not None and section.key not in wanted:
            continue
        for question in section.questions:
            if question.type == "files" or not is_shown(question, facts):
                continue
            where = place(section.key, question.key) if place else None
            for reason, message in mistakes(question, answers.get(question.key), definition, facts):
                found.append(Obstacle(f"{question.key}.{reason}", message, where))
    return found


LACKING = ("missing", "too_few")
"""Reasons that something is not there yet; all others say that what is there cannot stay."""


def mistakes(question: Question, value: Any, definition: Definition, facts: Answers) -> list[tuple[str, Any]]:
    """What keeps an answer from being complete: reason and sentence, naming the question."""
    label = wording(question.label, definition.fallback)
    if value is None or value == [] or (question.type == "declaration" and value is not True):
        if not is_required(question, facts):
            return []
        if question.type == "declaration":
            return [("missing", _l("Please read and tick “%(question)s”.", question=label))]
        return [("missing", _l("“%(question)s” is not answered yet.", question=label))]
    if question.type in ROWS:
        return _mistakes_in_rows(question, value, definition, label)
    return [
        (reason, _l("“%(question)s”: %(reason)s", question=label, reason=why))
        for reason, why in _wrong(question, value)
    ]


def wording(texts: Texts, fallback: str) -> Any:
    """A text of the call inside a sentence of ours, in the language of whoever reads it."""
    return LazyWords(pick, texts, None, fallback)


def _mistakes_in_rows(question: Question, rows: Any, definition: Definition, label: Any) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    fewest = question.min_items or 0
    if len(rows) < fewest:
        found.append(("too_few", _l("“%(question)s” needs at least %(n)s entries.", question=label, n=fewest)))
    if question.max_items is not None and len(rows) > question.max_items:
        found.append(
            ("too_many", _l("“%(question)s” takes at most %(n)s entries.", question=label, n=question.max_items))
        )
    for number, row in enumerate(rows, 1):
        for column, _reason, why in mistakes_in_row(question, row):
            found.append(
                (
                    f"{number}.{column.key}",
                    _l(
                        "“%(question)s”, line %(n)s, “%(column)s”: %(reason)s",
                        question=label,
                        n=number,
                        column=wording(column.label, definition.fallback),
                        reason=why,
                    ),
                )
            )
    return found


def mistakes_in_row(question: Question, row: Mapping[str, Any]) -> list[tuple[Question, str, Any]]:
    """What is wrong in one row of a table: the column, the reason and a sentence about it."""
    found: list[tuple[Question, str, Any]] = []
    for column in question.columns:
        value = row.get(column.key)
        if question.budget and column.key in DERIVED_IN_LINES:
            continue
        if value is None:
            if column.required:
                found.append((column, "missing", _l("this is missing.")))
            continue
        found += [(column, reason, why) for reason, why in _wrong(column, value)]
    if question.budget:
        found += _mistakes_in_line(question, row)
    return found


def _mistakes_in_line(question: Question, row: Mapping[str, Any]) -> list[tuple[Question, str, Any]]:
    """A line of a budget: what others pay is neither negative nor without a payer."""
    columns = {c.key: c for c in question.columns}
    others = number_of(row.get("cofinancing"))
    if others is None or "requested" not in columns:
        return []
    if others < 0:
        return [(columns["requested"], "too_large", _l("you ask for more than the line costs."))]
    if others > 0 and not row.get("cofinancing_source") and "cofinancing_source" in columns:
        return [(columns["cofinancing_source"], "missing", _l("please say who pays the rest of this line."))]
    return []


def _wrong(question: Question, value: Any) -> list[tuple[str, Any]]:
    """What is wrong with a given answer to a question that is not a table."""
    kind = question.type
    if kind in ("text", "longtext"):
        return _too_long(question, str(value))
    if kind in NUMBERS:
        return _wrong_number(question, value)
    if kind == "date":
        return _wrong_day(question, value)
    if kind in LISTS:
        return _wrong_list(question, value)
    if kind in ("boolean", "declaration"):
        return [] if isinstance(value, bool) else [("unreadable", _l("please answer yes or no."))]
    return _wrong_line(question, value) + _too_long(question, str(value))


def _wrong_line(question: Question, value: Any) -> list[tuple[str, Any]]:
    kind, text = question.type, str(value)
    if kind in ("choice", "scale"):
        known = text in question.labels or (kind == "scale" and text == DONT_KNOW)
        return [] if known else [("unknown", _l("this is not one of the possible answers."))]
    sound, reason, why = LINE_CHECKS[kind]
    return [] if sound(text) else [(reason, why)]


def _is_month_range(text: str) -> bool:
    match = re.fullmatch(r"(\d{1,3})-(\d{1,3})", text, re.ASCII)
    return bool(match) and 1 <= int(match[1]) <= int(match[2]) <= 120  # type: ignore[index]


@lru_cache(maxsize=1000)
def _is_address(text: str) -> bool:
    try:
        email_validator.validate_email(text, check_deliverability=False, test_environment=True)
    except email_validator.EmailNotValidError:
        return False
    return True


LINE_CHECKS: dict[str, tuple[Callable[[str], bool], str, Any]] = {
    "country": (lambda text: text in countries("en"), "unknown", _l("this country is not known.")),
    "email": (_is_address, "unreadable", _l("this is not an e-mail address. Please write it like name@example.org.")),
    "phone": (
        lambda text: re.fullmatch(r"\+?[\d\s().\-/]{6,25}", text, re.ASCII) is not None,
        "unreadable",
        _l("this is not a telephone number. Please write it like +221 33 123 45 67."),
    ),
    "org_id": (
        lambda text: re.fullmatch(r"[A-Za-z]{2,3}-[A-Za-z0-9_]+-\S+", text) is not None,
        "unreadable",
        _l("this is not an identifier of org-id.guide, such as GB-CHC-202918."),
    ),
    "month_range": (_is_month_range, "unreadable", _l("please write the months like 1-3.")),
}


def _too_long(question: Question, text: str) -> list[tuple[str, Any]]:
    most = question.max_words
    # Pieces between spaces are at least as many as words, and much quicker to count.
    if most is not None and len(text.split()) > most and (words := words_in(text)) > most:
        return [("too_long", _l("%(n)s words, at most %(most)s are possible.", n=words, most=question.max_words))]
    if question.max_chars is not None and len(text) > question.max_chars:
        return [
            ("too_long", _l("%(n)s characters, at most %(most)s are possible.", n=len(text), most=question.max_chars))
        ]
    return []


def _wrong_number(question: Question, value: Any) -> list[tuple[str, Any]]:
    number = number_of(value)
    if question.type == "integer" and not isinstance(value, int):
        return [("unreadable", _l("please write a whole number."))]
    if question.type == "money" and amount_of(value, question.currency) is None:
        return [("unreadable", _l("this is not an amount in %(currency)s.", currency=question.currency))]
    if number is None:
        return [("unreadable", _l("please write a number."))]
    low, high = question.min, question.max
    if question.type == "percent":
        low, high = Decimal(0) if low is None else low, Decimal(100) if high is None else high
    elif question.type == "money" and low is None:
        low = Decimal(0)
    if low is not None and number < low:
        return [("too_small", _l("the smallest possible value is %(least)s.", least=_shown(question, low)))]
    if high is not None and number > high:
        return [("too_large", _l("the largest possible value is %(most)s.", most=_shown(question, high)))]
    return []


def _shown(question: Question, number: Decimal) -> Any:
    amount = amount_of(number, question.currency) if question.type == "money" else None
    return LazyWords(_money_text, amount) if amount else LazyWords(number_text, number)


def _money_text(amount: Money) -> str:
    return amount.shown(language_now())


def _wrong_day(question: Question, value: Any) -> list[tuple[str, Any]]:
    day = day_of(value)
    if day is None or not 1800 <= day.year <= 2200:
        return [("unreadable", _l("this is not a day. Please choose it, or write it like 2027-05-31."))]
    if question.not_before and day < question.not_before:
        return [
            ("too_early", _l("the earliest possible day is %(day)s.", day=LazyWords(_day_text, question.not_before)))
        ]
    if question.not_after and day > question.not_after:
        return [("too_late", _l("the latest possible day is %(day)s.", day=LazyWords(_day_text, question.not_after)))]
    return []


def _day_text(day: date) -> str:
    return long_day(day)


def _wrong_list(question: Question, value: Any) -> list[tuple[str, Any]]:
    chosen = [str(v) for v in value] if isinstance(value, list) else [str(value)]
    known = question.labels or countries("en")
    if any(c not in known for c in chosen):
        return [("unknown", _l("one of these is not among the possible answers."))]
    if question.min is not None and len(chosen) < question.min:
        return [("too_few", _l("please choose at least %(n)s.", n=int(question.min)))]
    if question.max is not None and len(chosen) > question.max:
        return [("too_many", _l("please choose at most %(n)s.", n=int(question.max)))]
    return []


# ------------------------------------------------------------------ the names of a budget


def names_in_budget(document: Mapping[str, Any]) -> set[str]:
    """Every name that a check of this budget document may use."""
    budget = budget_of(document, "EUR", "en")
    fields = line_fields(document)
    return set(figures_of(budget, [])) | set(fields) | {f"line.{f}" for f in fields}


# ------------------------------------------------------------------ answers as they are shown


def shown_value(question: Question, value: Any, language: str, fallback: str) -> str:
    """A stored answer as one line of text in a language: names of options and countries, amounts, days, yes and no."""
    if question.type in LISTS and isinstance(value, list):
        return ", ".join(_named(question, str(v), language, fallback) for v in value)
    if question.type in CHOICES and value is not None:
        return _named(question, str(value), language, fallback)
    if question.type in WORDED and isinstance(value, Hashable):
        return _in_words(question, value, language)
    return "" if value is None else str(value)


WORDED = {*NUMBERS, "date", "boolean", "declaration"}
"""Types whose answers are stored in one way and written in another."""


@lru_cache(maxsize=20_000, typed=True)
def _in_words(question: Question, value: Hashable, language: str) -> str:
    shown: Any = value
    if question.type == "money" and (amount := amount_of(value, question.currency)):
        shown = amount.shown(language)
    elif question.type in NUMBERS and (number := number_of(value)) is not None:
        in_words = number_text(number, language)
        shown = f"{in_words}\u00a0%" if question.type == "percent" else in_words
    elif question.type == "date" and (day := day_of(value)):
        shown = long_day(day, language)
    elif isinstance(value, bool):
        shown = _l("Yes") if value else _l("No")
    return "" if shown is None else str(shown)


@lru_cache(maxsize=1000)
def columns_of(question: Question) -> tuple[Question, ...]:
    """What is asked in each line of a table; what follows from the rest of a budget line is not asked."""
    return tuple(c for c in question.columns if question.budget is None or c.key not in DERIVED_IN_LINES)


def in_lines(question: Question, value: Any, language: str, fallback: str) -> list[str]:
    """An answer in words: a line for each paragraph, choice or row."""
    if value is None or value == []:
        return []
    if question.type in ROWS:
        columns = columns_of(question)
        rows = [[shown_value(c, row.get(c.key), language, fallback) for c in columns] for row in value]
        return [" · ".join(text for text in row if text) for row in rows]
    if question.type in LISTS:
        return [shown_value(question, [choice], language, fallback) for choice in value]
    shown = shown_value(question, value, language, fallback)
    return [line for line in shown.split("\n") if line.strip()]


def _named(question: Question, value: str, language: str, fallback: str) -> str:
    label = question.labels.get(value)
    if label:
        return str(pick(label, language, fallback))
    if question.type in ("country", "country_list"):
        return country_name(value, language)
    return str(_l("I do not know")) if value == DONT_KNOW else value


def merged(base: Answers, theirs: Answers, mine: Answers) -> tuple[dict[str, Any], dict[str, tuple[Any, Any]]]:
    """Two people's changes to the same section put together, and the questions that both changed: (mine, theirs).

    In a table each line counts by itself: lines that only one of them changed, and lines that each of them added below,
    are put together.
    """
    together, conflicts = dict(theirs), {}
    for key, value in mine.items():
        before, other = base.get(key), theirs.get(key)
        if value in (before, other):
            continue
        if other == before:
            together[key] = value
        elif (lines := _lines_together(before, other, value)) is not None:
            together[key] = lines
        else:
            conflicts[key] = (value, other)
    return together, conflicts


def _lines_together(base: Any, theirs: Any, mine: Any) -> list[dict[str, Any]] | None:
    """The lines of a table that two people changed; None when both changed the same line, or took lines away."""
    before, other, own = ([] if lines is None else lines for lines in (base, theirs, mine))
    are_lines = all(
        isinstance(lines, list) and all(isinstance(line, dict) for line in lines) for lines in (before, other, own)
    )
    if not are_lines or len(before) > min(len(other), len(own)):
        return None
    together = []
    for row, their_row, my_row in zip(before, other, own, strict=False):
        if row not in (their_row, my_row) and their_row != my_row:
            return None
        together.append(my_row if their_row == row else their_row)
    others_added = other[len(before) :]
    together += others_added + [row for row in own[len(before) :] if row not in others_added]
    return together if len(together) <= MOST_ROWS else None


# ------------------------------------------------------------------ answers carried over to another version


class Carried(NamedTuple):
    """What becomes of an answer when its question is corrected: what stays, and what is set aside because it does not fit."""

    kept: Any
    aside: Any


def carried_over(former: Question, question: Question | None, answer: Any) -> Carried:
    """An answer as the corrected question takes it. Nothing is lost: what cannot stay as it was given is set aside whole.

    ``question`` is None when it is no longer asked. A choice that is gone, a text that is too long now and the like
    stay where they are: the page says what is wrong with them, and people mend it there.
    """
    if answer is None or answer == []:
        return Carried(None, None)
    if question is None or question.type == "files":
        return Carried(None, answer)
    if former.type in ROWS or question.type in ROWS:
        return _carried_rows(former, question, answer)
    ticked = {"boolean", "declaration"}
    if former.type in ticked or question.type in ticked:
        stands = former.type == question.type and dict(former.statement) == dict(question.statement)
        return Carried(answer, None) if stands else Carried(None, answer)
    return Carried(answer, None) if former.type == question.type else _carried_one(question, answer)


def _carried_one(question: Question, answer: Any) -> Carried:
    """An answer to a question of another kind; of several choices only a single one becomes something else."""
    if isinstance(answer, list) and question.type not in LISTS:
        return Carried(normalised(question, answer[0]), None) if len(answer) == 1 else Carried(None, answer)
    kept = normalised(question, answer)
    same = kept in (answer, [answer], str(answer)) or (number_of(kept) == number_of(answer) is not None)
    return Carried(kept, None if same else answer)


def _carried_rows(former: Question, question: Question, answer: Any) -> Carried:
    if former.type not in ROWS or question.type not in ROWS or not isinstance(answer, list):
        return Carried(None, answer)
    kinds = {column.key: column.type for column in former.columns}
    same = {column.key for column in question.columns if kinds.get(column.key) == column.type}
    rows = [{c.key: row.get(c.key) if c.key in same else None for c in question.columns} for row in answer]
    lost = any(value not in (None, "") for row in answer for key, value in row.items() if key not in same)
    return Carried([row for row in rows if _filled(row)] or None, answer if lost else None)
