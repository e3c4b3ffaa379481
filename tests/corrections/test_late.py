"""A page that was open while its questions were corrected: nothing that was typed on it is lost, and its reader is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from grants.accounts.models import MemberRole, Membership
from grants.applications import actions as applications
from grants.core import clock
from grants.questionnaires.queries import answers_of, set_aside_in
from tests import factories
from tests.corrections.scene import ANSWERS, OPEN, Scene, questions
from tests.http import Browser, begin_request

Change = Callable[[dict[str, Any]], Any]


@pytest.fixture
def scene(app: Flask) -> Scene:
    return Scene()


@pytest.fixture
def writer(scene: Scene, browser: Browser) -> Browser:
    """The writer with the first section open."""
    with clock.at(OPEN):
        browser.sign_in(scene.writer)
        browser.open(f"/applications/{scene.draft.reference}/sections/only")
    return browser


def press_save(browser: Browser, typed: dict[str, Any]) -> None:
    with clock.at(OPEN):
        browser.press("Save", typed)


def save_by_itself(browser: Browser, typed: dict[str, Any], status: int = 200) -> dict[str, Any]:
    """What the page is told that saves while one types (static/js/draft.js)."""
    form = next(form for form in browser.page.forms if "data-draft" in form.tag.at)
    form.fill(typed)
    sent = {name: values for name, values in form.fields.items() if name not in ("save", "next", "add_row", "read")}
    with clock.at(OPEN):
        begin_request()
        answer = browser.client.post(
            form.action, data=sent, headers={"Accept": "application/json", "Origin": "http://localhost"}
        )
    assert answer.status_code == status, answer.text
    told: dict[str, Any] = answer.json
    return told


def answers(scene: Scene) -> dict[str, Any]:
    return answers_of(scene.draft.answer_sheet)


def aside(scene: Scene) -> list[tuple[str, Any, str | None]]:
    return [(row.question_key, row.answer, row.typed_by) for row in set_aside_in(scene.draft.answer_sheet_id)]


def take_out_title(written: dict[str, Any]) -> None:
    questions(written).pop(0)


def test_what_was_typed_for_a_question_that_is_gone_is_shown_back(scene: Scene, writer: Browser) -> None:
    name = scene.writer.name
    scene.correct(take_out_title)
    press_save(writer, {"title": "Bridges and more", "people": "15"})
    assert "The questions were corrected while you were writing. Everything you typed is kept." in writer.text
    assert "Question taken out: “Title”" in writer.text
    assert "Bridges and more" in writer.text
    assert f"{name} typed this while the call was being corrected" in writer.text
    assert answers(scene)["people"] == 15
    assert aside(scene) == [("title", "Bridges", None), ("title", "Bridges and more", scene.writer.name)]


def test_a_page_that_saves_by_itself_is_told_and_may_tell_it_again(scene: Scene, writer: Browser) -> None:
    scene.correct(take_out_title)
    for _ in range(2):
        told = save_by_itself(writer, {"title": "Bridges and more", "people": "15"})
        assert told == {"state": "corrected"}
    assert answers(scene)["people"] == 15
    assert aside(scene)[1:] == [("title", "Bridges and more", scene.writer.name)]


def test_what_was_not_touched_on_the_old_page_is_not_set_aside_again(scene: Scene, writer: Browser) -> None:
    scene.correct(take_out_title)
    press_save(writer, {"people": "15"})
    assert aside(scene) == [("title", "Bridges", None)]


def test_a_question_that_moved_takes_along_what_is_typed_at_its_old_place(scene: Scene, writer: Browser) -> None:
    scene.correct(lambda written: questions(written, 1).append(questions(written).pop(2)))
    press_save(writer, {"people": "15"})
    assert "“How many?” now stands in the section “More”" in writer.text
    assert answers(scene)["people"] == 15
    assert aside(scene) == []


def test_a_question_of_another_kind_takes_what_it_can(scene: Scene, writer: Browser) -> None:
    scene.correct(lambda written: questions(written)[2].update(type="text") or questions(written)[2].pop("min"))
    press_save(writer, {"people": "15", "costs-1-what": "Hall"})
    assert answers(scene)["people"] == "15"
    assert answers(scene)["costs"][0]["what"] == "Hall"
    assert aside(scene) == []


def test_lines_of_a_table_that_became_a_text_are_kept(scene: Scene, writer: Browser) -> None:
    def change(written: dict[str, Any]) -> None:
        questions(written)[5] = {"key": "costs", "type": "longtext", "label": "Costs"}

    scene.correct(change)
    press_save(writer, {"costs-1-what": "Hall"})
    lines = [{"what": "Hall", "price": "100000"}, {"what": "Tea", "price": "2000"}]
    assert aside(scene) == [("costs", ANSWERS["costs"], None), ("costs", lines, scene.writer.name)]
    assert "Hall" in writer.text


def test_of_two_answers_at_once_the_later_one_is_shown_back(scene: Scene, writer: Browser) -> None:
    scene.correct(take_out_title)
    colleague = factories.person()
    with clock.at(OPEN):
        applications.save_section(scene.draft, "only", {"people": 20}, by=colleague, version=None)
    press_save(writer, {"people": "15"})
    assert answers(scene)["people"] == 20
    assert aside(scene)[1:] == [("people", 15, scene.writer.name)]


def test_a_section_that_is_gone_keeps_what_is_typed_and_leads_to_the_application(scene: Scene, writer: Browser) -> None:
    with clock.at(OPEN):
        writer.open(f"/applications/{scene.draft.reference}/sections/more")
    scene.correct(lambda written: written["form"]["sections"].pop())
    press_save(writer, {"why": "Because of this"})
    assert writer.address.endswith(scene.draft.reference)
    assert "Because of this" in writer.text
    assert aside(scene) == [("why", "Because", None), ("why", "Because of this", scene.writer.name)]


def test_a_correction_of_another_section_disturbs_nobody(scene: Scene, writer: Browser) -> None:
    scene.correct(lambda written: questions(written, 1)[0].update(label="Why so?"))
    assert save_by_itself(writer, {"people": "15"})["state"] == "saved"
    press_save(writer, {"title": "More bridges"})
    assert {key: answers(scene)[key] for key in ("title", "people")} == {"title": "More bridges", "people": 15}
    assert "were corrected" not in writer.page.text


def test_what_cannot_be_kept_is_pointed_out_under_the_questions_that_were_shown(scene: Scene, writer: Browser) -> None:
    scene.correct(take_out_title)
    with clock.at(OPEN):
        writer.press("Save", {"title": "Bridges\x00", "people": "15"}, status=422)
        assert answers(scene)["people"] == 12
        writer.press("Save", {"title": "Bridges again"})
    assert answers(scene)["people"] == 15
    assert ("title", "Bridges again", scene.writer.name) in aside(scene)


def test_the_questions_of_another_call_are_not_those_that_were_shown(scene: Scene, writer: Browser) -> None:
    foreign = scene.sent.questionnaire_id + 1_000
    form = next(form for form in writer.page.forms if "data-draft" in form.tag.at)
    form.controls["edition"].values = [str(foreign)]
    assert save_by_itself(writer, {"people": "15"})["state"] == "saved"


# ------------------------------------------------------------------ what changed, until it is read


def corrected_here(browser: Browser, scene: Scene, key: str = "only") -> bool:
    with clock.at(OPEN):
        browser.open(f"/applications/{scene.draft.reference}/sections/{key}")
    return "The questions of this section were corrected" in browser.page.text


def test_what_changed_stands_on_the_section_it_concerns_until_each_has_read_it(
    scene: Scene, writer: Browser, app: Flask
) -> None:
    colleague = factories.person()
    membership = {"organization_id": scene.draft.organization_id, "person_id": colleague.id, "role": MemberRole.EDITOR}
    factories.save(Membership(**membership))
    email = colleague.email
    scene.correct(lambda written: questions(written)[0].update(label="Name"))
    assert corrected_here(writer, scene)
    assert "The question “Title” now reads: “Name”" in writer.text
    assert not corrected_here(writer, scene, "more")
    assert corrected_here(writer, scene), "looking at it is not reading it"
    with clock.at(OPEN):
        writer.press("I have read this", {"people": "15"})
    assert answers(scene)["people"] == 15, "what was typed is saved with it"
    assert not corrected_here(writer, scene)
    assert corrected_here(Browser(app).sign_in(email), scene)


def test_after_another_correction_only_what_is_new_is_told(scene: Scene, writer: Browser) -> None:
    scene.correct(lambda written: questions(written)[0].update(label="Name"))
    assert corrected_here(writer, scene)
    with clock.at(OPEN):
        writer.press("I have read this")
    scene.correct(lambda written: questions(written)[2].update(label="How many people?"))
    assert corrected_here(writer, scene)
    assert "now reads: “How many people?”" in writer.text
    assert "now reads: “Name”" not in writer.text
