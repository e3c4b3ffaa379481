"""What is written into a form comes out of it again: every type of question, every language, with and without controls."""

from __future__ import annotations

import string
from collections.abc import Callable
from datetime import date
from functools import cache
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grants.calls import rules as calls
from grants.calls.forms import read_call
from grants.core import word
from grants.core.languages import speaking
from grants.core.questions import DONT_KNOW, LISTS, NUMBERS, ROWS, TYPES, Definition, Question, parse_definition
from grants.questionnaires import rules as questionnaires
from grants.questionnaires.rules import columns_of
from grants.wordforms import rules
from tests.applications import sample
from tests.wordforms.flattened import without_controls, without_flags, without_tags

LANGUAGES = ("en", "fr", "es", "ar")
TEXTS = {"en": "Text", "fr": "Texte", "es": "Texto", "ar": "نص"}


def named(name: str) -> dict[str, str]:
    """A wording in every language."""
    return {language: f"{text} {name}" for language, text in TEXTS.items()}


CHOICES = [{"value": value, "label": named(value)} for value in ("one", "two", "three")]
COLUMNS = [
    {"key": "what", "type": "text"},
    {"key": "why", "type": "longtext", "required": False},
    {"key": "many", "type": "integer"},
    {"key": "much", "type": "money"},
    {"key": "share", "type": "percent"},
    {"key": "which", "type": "choice", "options": CHOICES},
    {"key": "where", "type": "country"},
    {"key": "since", "type": "date"},
    {"key": "sure", "type": "boolean"},
    {"key": "months", "type": "month_range"},
]
BUDGET = {
    "headings": [
        {"key": "staff", "code": "1", "title": named("Staff")},
        {"key": "travel", "code": "2", "title": named("Travel")},
        {"key": "sum", "code": "9", "title": named("Sum"), "computed": "1+2"},
    ],
    "unit_labels": {"month": named("Month"), "trip": named("Trip")},
    "financing": [{"key": "grant", "title": named("Grant")}, {"key": "own", "title": named("Own")}],
}
SPECIAL: dict[str, dict[str, Any]] = {
    "choice": {"options": CHOICES},
    "multichoice": {"options": CHOICES},
    "country_list": {"options": ["SN", "NP", "MX", "MA", "GT", "BD", "PH", "ML", "TG"]},
    "scale": {"min": 1, "max": 5, "allow_dont_know": True},
    "table": {"columns": [{**column, "label": named(column["key"])} for column in COLUMNS]},
    "repeater": {"fields": [{**column, "label": named(column["key"])} for column in COLUMNS[:4]]},
    "budget": {"headings_from": "costs"},
    "declaration": {"statement": named("We declare")},
}


@cache
def every_type() -> Definition:
    """A form with a question of each type, in two sections."""
    questions = [{"key": f"a_{kind}", "type": kind, "label": named(kind), **SPECIAL.get(kind, {})} for kind in TYPES]
    half = len(questions) // 2
    return parse_definition(
        {
            "id": "Q",
            "languages": list(LANGUAGES),
            "title": named("Form"),
            "sections": [
                {"id": "first", "title": named("First"), "questions": questions[:half]},
                {"id": "second", "title": named("Second"), "intro": named("Intro"), "questions": questions[half:]},
            ],
        },
        {"costs": BUDGET},
    )


def written(definition: Definition, answers: dict[str, Any], language: str) -> bytes:
    """The form with these answers in it."""
    origin = rules.Origin("CALL-1", definition.key, 1, language, "APP-1", {s.key: 3 for s in definition.sections})
    with speaking(language):
        cover = rules.Cover("Call", "Form", rules.steps_in_words())
        return word.write(rules.document_of(definition, answers, origin, cover))


def read(definition: Definition, content: bytes) -> rules.Reading:
    """What a form says."""
    document = word.read(content)
    origin = rules.origin_in(document)
    assert origin is not None
    with speaking(origin.language):
        return rules.read_form(document, definition, origin)


# ------------------------------------------------------------------ answers as people give them

ALPHABET = string.ascii_letters + string.digits + " .,;:'\"<>&%€éèñçßøœ“”«»-–—()[]/☒☐✎ابتثنص中文नेप🙂\u00a0"
LINE = st.text(ALPHABET, max_size=60)
TEXT = st.text(ALPHABET + "\n\n\t", max_size=300)


def numbers(places: int) -> st.SearchStrategy[str]:
    return st.decimals(-(10**9), 10**9, places=places, allow_nan=False, allow_infinity=False).map(str)


def answer_to(question: Question) -> st.SearchStrategy[Any]:
    """An answer to a question as it is typed, not yet as it is stored."""
    if question.type in ROWS:
        columns = columns_of(question)
        return st.lists(st.fixed_dictionaries({c.key: answer_to(c) for c in columns}), max_size=4)
    special: dict[str, Callable[[], st.SearchStrategy[Any]]] = {
        "longtext": lambda: TEXT,
        "integer": lambda: st.integers(-(10**9), 10**9),
        "money": lambda: numbers(2),
        "percent": lambda: numbers(3),
        "number": lambda: numbers(4),
        "date": lambda: st.dates(date(1800, 1, 1), date(2199, 12, 31)).map(date.isoformat),
        "boolean": st.booleans,
        "declaration": st.booleans,
        "country": lambda: st.sampled_from(["SN", "NP", "MX", "GB", "CD"]),
        "scale": lambda: st.sampled_from([1, 2, 3, 4, 5, DONT_KNOW]),
        "month_range": lambda: st.sampled_from(["1-3", "12-12", "2-7"]),
        "email": lambda: st.sampled_from(["name@example.org", "two words"]),
        "files": st.none,
    }
    if question.type in LISTS:
        known: st.SearchStrategy[Any] = st.lists(st.sampled_from([o.value for o in question.options]), unique=True)
    elif question.type == "choice":
        known = st.sampled_from([o.value for o in question.options]) if question.options else LINE
    else:
        known = special.get(question.type, lambda: LINE)()
    return st.one_of(st.none(), known)


@st.composite
def answers(draw: Any) -> dict[str, Any]:
    """Answers to some of the questions, as they are stored."""
    given_ = {key: draw(answer_to(question)) for key, question in every_type().questions.items()}
    return {key: questionnaires.normalised(every_type().questions[key], value) for key, value in given_.items()}


def differing(answers: dict[str, Any], reading: rules.Reading) -> list[tuple[str, Any, Any]]:
    """The questions whose answer is not what it was."""
    definition = every_type()
    return [
        (key, answers.get(key), reading.answers.get(key))
        for key, question in definition.questions.items()
        if not rules.same(question, answers.get(key), reading.answers.get(key))
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_answer_comes_out_as_it_went_in(app: Flask, language: str) -> None:
    @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
    @given(answers())
    def check(given_: dict[str, Any]) -> None:
        reading = read(every_type(), written(every_type(), given_, language))
        assert not reading.unread
        assert not reading.absent
        assert not differing(given_, reading)

    check()


@pytest.mark.parametrize("losing", [without_tags, without_flags, without_controls])
def test_answers_are_found_where_a_program_dropped_the_controls(app: Flask, losing: Callable[[bytes], bytes]) -> None:
    @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
    @given(answers(), st.sampled_from(LANGUAGES))
    def check(given_: dict[str, Any], language: str) -> None:
        reading = read(every_type(), losing(written(every_type(), given_, language)))
        assert not reading.unread
        assert not reading.absent
        assert not differing(given_, reading)

    check()


def test_an_empty_form_says_nothing_in_any_language(app: Flask) -> None:
    for language in LANGUAGES:
        for losing in (bytes, without_tags, without_flags, without_controls):
            reading = read(every_type(), losing(written(every_type(), {}, language)))
            assert {key: value for key, value in reading.answers.items() if value is not None} == {}
            assert len(reading.answers) == len(TYPES) - 1


def test_what_was_typed_and_cannot_be_understood_stays_as_it_was(app: Flask) -> None:
    typed = {
        "a_money": "about 500",
        "a_date": "30 February",
        "a_choice": "none of these",
        "a_integer": "3.5",
        "a_multichoice": ["one", "gone"],
    }
    for language in LANGUAGES:
        reading = read(every_type(), written(every_type(), typed, language))
        assert not differing(typed, reading)


@pytest.mark.parametrize("reference", sample.REFERENCES)
def test_the_applications_of_the_sample_go_through_it_unchanged(app: Flask, reference: str) -> None:
    definition = sample_definition()
    told = sample.answers_of(reference)
    stored: dict[str, Any] = {}
    for section in definition.sections:
        stored |= questionnaires.normalised_section(section, {q.key: told.get(q.key) for q in section.questions})
    for language in definition.languages:
        for losing in (bytes, without_controls):
            reading = read(definition, losing(written(definition, stored, language)))
            assert not reading.unread
            assert not reading.absent
            assert not rules.differences(definition, stored, reading, None)
            kinds = {definition.questions[key].type for key, value in reading.answers.items() if value is not None}
            assert {"longtext", "budget", "table", "repeater", "multichoice", "country_list", *NUMBERS[:2]} <= kinds


@cache
def sample_definition() -> Definition:
    documents = read_call(sample.FOLDER)
    return parse_definition(documents["form"], calls.sources_of(documents))
