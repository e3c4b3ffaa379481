"""Saving a section: nothing typed is ever lost, and two people never overwrite each other unseen."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from flask import Flask

from grants.accounts.models import Person
from grants.core.db import db, transaction
from grants.core.rules import Refused
from grants.questionnaires.actions import EditConflict, create_questionnaire, new_sheet, save_section
from grants.questionnaires.models import AnswerSheet
from grants.questionnaires.queries import answers_of, complete_sections, revisions_of, sections_of
from tests import factories

FORM: dict[str, Any] = {
    "id": "SAVING",
    "languages": ["en"],
    "title": "Form",
    "sections": [
        {
            "id": "A",
            "title": "A",
            "questions": [
                {"key": "name", "type": "text", "required": True, "label": "Name"},
                {"key": "story", "type": "longtext", "max_words": 3, "label": "Story"},
                {"key": "open", "type": "boolean", "label": "Open?"},
            ],
        },
        {
            "id": "B",
            "title": "B",
            "questions": [
                {"key": "why", "type": "text", "required_if": "open == false", "label": "Why not?"},
                {"key": "amount", "type": "money", "label": "Amount"},
            ],
        },
    ],
}


@pytest.fixture
def people(app: Flask) -> tuple[Person, Person]:
    return factories.person(), factories.person()


@pytest.fixture
def sheet(app: Flask, people: tuple[Person, Person]) -> AnswerSheet:
    return new_sheet(create_questionnaire(FORM), language="en", by=people[0])


def test_a_section_is_saved_with_who_and_when_and_the_rest_stays(
    sheet: AnswerSheet, people: tuple[Person, Person]
) -> None:
    first = save_section(sheet, "A", {"name": "Amina", "unknown": 1}, by=people[0], version=0)
    assert (first.version, first.values, first.complete) == (1, {"name": "Amina"}, True)
    second = save_section(sheet, "A", {"story": "One two"}, by=people[1], version=1)
    assert (second.version, second.saved_by_id) == (2, people[1].id)
    assert answers_of(sheet) == {"name": "Amina", "story": "One two"}


def test_the_former_text_is_kept(sheet: AnswerSheet, people: tuple[Person, Person]) -> None:
    for name in ("One", "Two", "Three"):
        row = save_section(sheet, "A", {"name": name}, by=people[0])
    assert [(r.version, r.values["name"]) for r in revisions_of(row)] == [(2, "Two"), (1, "One")]


def test_saving_the_same_again_changes_nothing(sheet: AnswerSheet, people: tuple[Person, Person]) -> None:
    save_section(sheet, "A", {"name": "One"}, by=people[0], version=0)
    row = save_section(sheet, "A", {"name": "One"}, by=people[1], version=1)
    assert (row.version, row.saved_by_id, revisions_of(row)) == (1, people[0].id, [])


def test_a_draft_with_gaps_and_unreadable_numbers_is_kept_and_not_complete(
    sheet: AnswerSheet, people: tuple[Person, Person]
) -> None:
    row = save_section(sheet, "B", {"amount": "about 500"}, by=people[0], version=0)
    assert (row.values["amount"], row.complete) == ("about 500", False)
    assert save_section(sheet, "B", {"amount": "500"}, by=people[0], version=1).values["amount"] == "500.00"
    row = save_section(sheet, "A", {"name": "A", "story": "far too many words"}, by=people[0], version=0)
    assert (row.values["story"], row.complete) == ("far too many words", False)


def test_a_change_in_one_section_can_open_another_again(sheet: AnswerSheet, people: tuple[Person, Person]) -> None:
    save_section(sheet, "B", {"amount": 5}, by=people[0])
    assert complete_sections([sheet.id]) == {sheet.id: {"B": True}}
    save_section(sheet, "A", {"name": "A", "open": False}, by=people[0])
    assert complete_sections([sheet.id]) == {sheet.id: {"A": True, "B": False}}
    save_section(sheet, "B", {"why": "Because"}, by=people[0])
    assert complete_sections([sheet.id]) == {sheet.id: {"A": True, "B": True}}


def test_two_editors_of_different_questions_are_merged(sheet: AnswerSheet, people: tuple[Person, Person]) -> None:
    save_section(sheet, "A", {"name": "Old", "story": "old"}, by=people[0], version=0)
    save_section(sheet, "A", {"name": "New", "story": "old"}, by=people[0], version=1)
    row = save_section(sheet, "A", {"name": "Old", "story": "new"}, by=people[1], version=1)
    assert row.values == {"name": "New", "story": "new"}
    assert row.version == 3


def test_two_editors_of_one_question_are_told_and_both_texts_survive(
    sheet: AnswerSheet, people: tuple[Person, Person]
) -> None:
    save_section(sheet, "A", {"name": "Old"}, by=people[0], version=0)
    save_section(sheet, "A", {"name": "Hers"}, by=people[0], version=1)
    with pytest.raises(EditConflict) as met:
        save_section(sheet, "A", {"name": "His", "story": "his"}, by=people[1], version=1)
    conflict = met.value
    assert (conflict.conflicts["name"].mine, conflict.conflicts["name"].theirs) == ("His", "Hers")
    assert (conflict.version, conflict.by, conflict.values) == (2, people[0], {"name": "Hers", "story": "his"})
    assert answers_of(sheet) == {"name": "Hers"}
    row = save_section(sheet, "A", {"name": "His", "story": "his"}, by=people[1], version=conflict.version)
    assert row.values == {"name": "His", "story": "his"}
    assert "Hers" in [r.values["name"] for r in revisions_of(row)]


def test_the_same_change_by_both_is_no_conflict(sheet: AnswerSheet, people: tuple[Person, Person]) -> None:
    save_section(sheet, "A", {"name": "Old"}, by=people[0], version=0)
    save_section(sheet, "A", {"name": "New"}, by=people[0], version=1)
    assert save_section(sheet, "A", {"name": "New"}, by=people[1], version=1).version == 2


def test_two_first_savers_are_merged_too(sheet: AnswerSheet, people: tuple[Person, Person]) -> None:
    save_section(sheet, "A", {"name": "Hers", "story": None}, by=people[0], version=0)
    with pytest.raises(EditConflict):
        save_section(sheet, "A", {"name": "His"}, by=people[1], version=0)
    assert save_section(sheet, "A", {"story": "his"}, by=people[1], version=0).values == {
        "name": "Hers",
        "story": "his",
    }


def test_an_unknown_section_is_refused(sheet: AnswerSheet, people: tuple[Person, Person]) -> None:
    with pytest.raises(Refused):
        save_section(sheet, "Z", {}, by=people[0])


def test_racing_editors_lose_nothing(live: Flask) -> None:
    with transaction():
        person = factories.person()
        sheet_id = new_sheet(create_questionnaire(FORM), language="en", by=person).id
    outcomes: list[str] = []
    start = threading.Barrier(6)

    def edit(number: int) -> None:
        with live.app_context():
            start.wait()
            try:
                with transaction():
                    save_section(
                        db.session.get_one(AnswerSheet, sheet_id), "A", {"name": f"N{number}"}, by=None, version=0
                    )
                outcomes.append("saved")
            except EditConflict:
                outcomes.append("told")
            finally:
                db.session.remove()

    threads = [threading.Thread(target=edit, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["saved"] + ["told"] * 5
    assert sections_of(sheet_id)["A"].version == 1
