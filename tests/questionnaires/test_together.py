"""Whatever two people type on bad lines stays: on the page, among the versions, or on their device."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from flask import Flask

from grants.questionnaires.actions import create_questionnaire, new_sheet, save_section
from grants.questionnaires.models import SectionAnswers
from grants.questionnaires.rules import merged
from tests import factories
from tests.questionnaires import together
from tests.questionnaires.together import FORM, act_out


@pytest.mark.parametrize("seed", range(10))
def test_nothing_is_lost_or_overwritten_unseen(app: Flask, seed: int) -> None:
    people = factories.person(), factories.person()
    questionnaire = create_questionnaire(FORM)
    for schedule in range(10):
        sheet = new_sheet(questionnaire, language="en", by=people[0])
        assert act_out(Random(1000 * seed + schedule), sheet, people) == []


def test_a_server_that_overwrote_would_be_found_out(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def overwrite(*args: Any, **more: Any) -> SectionAnswers:
        return save_section(*args, **(more | {"version": None}))

    monkeypatch.setattr(together, "save_section", overwrite)
    people = factories.person(), factories.person()
    questionnaire = create_questionnaire(FORM)
    lost = []
    for schedule in range(5):
        lost += act_out(Random(schedule), new_sheet(questionnaire, language="en", by=people[0]), people)
    assert any("overwritten unseen" in loss for loss in lost)


def line(what: str) -> dict[str, str]:
    return {"what": what}


def test_lines_that_each_added_are_all_kept() -> None:
    base, mine, theirs = [line("a")], [line("a"), line("mine")], [line("a"), line("theirs")]
    together, conflicts = merged({"q": base}, {"q": theirs}, {"q": mine})
    assert together["q"] == [line("a"), line("theirs"), line("mine")]
    assert conflicts == {}


def test_different_lines_that_each_changed_are_put_together() -> None:
    base = [line("a"), line("b")]
    together, conflicts = merged({"q": base}, {"q": [line("a"), line("B")]}, {"q": [line("A"), line("b")]})
    assert together["q"] == [line("A"), line("B")]
    assert conflicts == {}


@pytest.mark.parametrize(
    ("theirs", "mine"),
    [
        ([line("B")], [line("C")]),  # the same line
        ([], [line("C")]),  # taken away here, changed there
        ([line("B")], None),
    ],
)
def test_what_cannot_be_put_together_is_shown_to_a_person(
    theirs: list[dict[str, str]], mine: list[dict[str, str]] | None
) -> None:
    _together, conflicts = merged({"q": [line("a")]}, {"q": theirs}, {"q": mine})
    assert conflicts == {"q": (mine, theirs)}
