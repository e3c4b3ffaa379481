"""Forms made from a questionnaire: they need no JavaScript, keep what was typed and say what is missing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask import Flask, render_template_string
from werkzeug.datastructures import MultiDict

from grants.calls.forms import read_call
from grants.calls.rules import sources_of
from grants.core.money import Money
from grants.core.questions import Definition, parse_definition
from grants.questionnaires import rules
from grants.questionnaires.actions import Conflict, EditConflict
from grants.questionnaires.forms import SectionForm
from tests.http import Page

SAMPLE = Path(__file__).parents[2] / "sample"
PAGE = (
    '{% include "macros/icons.html" %}<form method="post" novalidate><input type="hidden" name="csrf_token" value="x">'
    '{% include "questionnaires/_section.html" %}</form>'
)


@pytest.fixture(scope="module")
def definition() -> Definition:
    read = read_call(SAMPLE)
    return parse_definition(read["form"], sources_of(read))


@pytest.fixture(scope="module")
def answers(definition: Definition) -> dict[str, Any]:
    written = yaml.safe_load((SAMPLE / "answers" / "APP-001.yaml").read_text("utf-8"))["answers"]
    return {k: v for s in definition.sections for k, v in rules.normalised_section(s, written).items()}


def form_of(definition: Definition, key: str, **more: Any) -> SectionForm:
    section = definition.section(key)
    assert section is not None
    return SectionForm(definition, section, **more)


def shown(form: SectionForm) -> str:
    html = render_template_string(PAGE, form=form)
    assert Page(html).problems == []
    return html


def fields_in(html: str) -> MultiDict[str, str]:
    """What a browser would send back without a change, textareas and selects included."""
    sent: MultiDict[str, str] = MultiDict()
    for name, values in Page(html).forms[0]["fields"].items():
        if not re.search(rf'<(textarea|select)[^>]*name="{name}"', html):
            sent.setlist(name, values)
    for name, text in re.findall(r'<textarea[^>]*name="([^"]+)"[^>]*>\n?(.*?)</textarea>', html, re.DOTALL):
        sent[name] = _plain(text)
    for name, options in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', html, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options)
        sent[name] = _plain(chosen[1]) if chosen else ""
    return MultiDict((k, _plain(v)) for k, v in sent.items(multi=True))


def _plain(text: str) -> str:
    for code, character in (("&#34;", '"'), ("&#39;", "'"), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        text = text.replace(code, character)
    return text


@pytest.mark.parametrize("language", ["en", "fr", "es"])
@pytest.mark.parametrize("number", range(1, 11))
def test_each_section_of_the_sample_goes_to_the_browser_and_back_unchanged(
    number: int, language: str, definition: Definition, answers: dict[str, Any], app: Flask
) -> None:
    key, headers = f"S{number}", {"Accept-Language": language}
    with app.test_request_context(headers=headers):
        html = shown(form_of(definition, key, answers=answers, version=4))
    with app.test_request_context(method="POST", data=fields_in(html), headers=headers):
        back = form_of(definition, key)
        assert back.is_submitted()
        assert back.validate(), back.problems
        assert back.version_seen == 4
        section = definition.section(key)
        assert section is not None
        for question in section.questions:
            if question.type != "files":
                assert back.values[question.key] == answers.get(question.key), question.key


def test_amounts_are_read_in_the_readers_language(definition: Definition, app: Flask) -> None:
    for language, text in (("fr", "12 500,50"), ("en", "12,500.50"), ("es", "12.500,50")):
        with app.test_request_context(
            method="POST", data={"requested_amount": text}, headers={"Accept-Language": language}
        ):
            form = form_of(definition, "S2")
            assert form.values["requested_amount"] == "12500.50"
            assert f'value="{text}"' in shown(form)


def test_what_cannot_be_read_stays_as_typed_and_is_pointed_out(definition: Definition, app: Flask) -> None:
    typed = {"requested_amount": "about 500", "duration_months": "long", "start_date": "soon", "title": "<b>Hi</b>"}
    with app.test_request_context(method="POST", data=typed):
        form = form_of(definition, "S2")
        assert form.validate()
        assert form.point_out()
        html = shown(form)
    for text in ("about 500", "long", "soon", "&lt;b&gt;Hi&lt;/b&gt;"):
        assert f'value="{text}"' in html
    assert "this is not an amount in EUR" in html
    assert 'href="#requested_amount"' in html
    assert re.search(r'id="requested_amount"[^>]*aria-describedby="[^"]*requested_amount-error"', html)
    assert re.search(r'id="requested_amount"[^>]*aria-invalid="true"', html)
    assert 'href="#lot-0"' in html
    assert 'id="lot-0"' in html


def test_characters_that_cannot_be_stored_are_refused_and_nothing_else(definition: Definition, app: Flask) -> None:
    with app.test_request_context(method="POST", data={"title": "bad\x00", "summary": "x" * 20_001}):
        form = form_of(definition, "S2")
        assert not form.validate()
        assert {p["id"] for p in form.problems} == {"title", "summary"}
    with app.test_request_context(method="POST", data={"risks-rows": "1", "risks-1-risk": "bad\x00"}):
        form = form_of(definition, "S5")
        assert not form.validate()
        assert [p["id"] for p in form.problems] == ["risks-1-risk"]


def test_add_a_line_keeps_everything_typed(definition: Definition, app: Flask) -> None:
    typed = {
        "problem": "Typed.",
        "target_groups-rows": "1",
        "target_groups-1-group": "Drivers",
        "target_groups-1-direct": "x",
    }
    with app.test_request_context(method="POST", data=typed | {"add_row": "target_groups"}):
        form = form_of(definition, "S3")
        assert form.is_rearranging
        html = shown(form)
    assert "Typed.</textarea>" in html
    assert 'name="target_groups-1-group" value="Drivers"' in html
    assert 'name="target_groups-1-direct" value="x"' in html
    assert 'name="target_groups-2-group" value=""' in html
    assert 'name="target_groups-3-group"' not in html


def test_a_table_takes_no_more_lines_than_its_question(definition: Definition, app: Flask) -> None:
    full = {"referees-rows": "3", "add_row": "referees"}
    full |= {f"referees-{n}-name": f"Name {n}" for n in range(1, 4)}
    with app.test_request_context(method="POST", data=full):
        html = shown(form_of(definition, "S7"))
    assert 'name="referees-4-name"' not in html
    assert 'value="referees" formaction' not in html
    with app.test_request_context(method="POST", data={"referees-rows": "99999999999999"}):
        assert form_of(definition, "S7").values["referees"] is None


def test_the_fewest_lines_are_offered_from_the_start(definition: Definition, app: Flask) -> None:
    with app.test_request_context():
        html = shown(form_of(definition, "S7"))
    assert 'name="referees-2-name"' in html


def test_a_budget_adds_up_on_the_server(definition: Definition, app: Flask) -> None:
    line = {
        "heading": "staff",
        "description": "Coordinator",
        "unit": "month",
        "quantity": "10",
        "unit_cost": "1,000.00",
    }
    typed = {f"budget_lines-1-{k}": v for k, v in line.items()}
    typed |= {"budget_lines-1-requested": "9000", "budget_lines-1-cofinancing_source": "other_donors"}
    with app.test_request_context(method="POST", data=typed | {"budget_lines-rows": "1", "add_up": "budget_lines"}):
        form = form_of(definition, "S8")
        assert form.is_rearranging
        html = shown(form)
        stored = form.values["budget_lines"][0]
    assert (stored["total"], stored["cofinancing"], stored["code"]) == ("10000.00", "1000.00", "1.1")
    assert f"{Money(360_000, 'EUR').shown('en')}, exceeded" in html
    assert Money(1_000_000, "EUR").shown("en") in html


def test_filled_lines_are_folded_when_there_are_many_but_not_those_with_a_mistake(
    definition: Definition, answers: dict[str, Any], app: Flask
) -> None:
    broken = answers | {"budget_lines": [dict(row) for row in answers["budget_lines"]]}
    broken["budget_lines"][2]["quantity"] = "many"
    with app.test_request_context():
        form = form_of(definition, "S8", answers=broken)
        form.point_out()
        html = shown(form)
    assert html.count("<details") == 10
    assert 'href="#budget_lines-3-quantity"' in html


def test_a_half_finished_line_stays_open_when_the_budget_is_added_up(
    definition: Definition, answers: dict[str, Any], app: Flask
) -> None:
    with app.test_request_context():
        sent = fields_in(shown(form_of(definition, "S8", answers=answers))).to_dict()
    sent |= {"budget_lines-rows": "12", "budget_lines-12-description": "Extra", "add_up": "budget_lines"}
    with app.test_request_context(method="POST", data=sent):
        html = shown(form_of(definition, "S8"))
    assert html.count("<details") == 11
    assert html.index("</details>") < html.index('<fieldset class="line">') < html.index('value="Extra"')


def test_marks_follow_the_conditions(definition: Definition, app: Flask) -> None:
    def mark(data: dict[str, str]) -> str:
        with app.test_request_context(method="POST", data=data):
            html = shown(form_of(definition, "S1"))
        label = re.search(r'<label class="label" for="org_fiscal_sponsor">(.*?)</label>', html)
        assert label
        return label[1]

    assert "if it applies" in mark({})
    assert "if it applies" not in mark({"org_registered": "no"})


def test_a_conflict_shows_both_texts_and_the_next_save_decides(definition: Definition, app: Flask) -> None:
    class Row:
        version, saved_by, saved_at = 7, None, None

    mine, theirs = "My approach", "Their approach"
    with app.test_request_context(method="POST", data={"approach": mine, "duty_bearer": "Old", "version": "6"}):
        form = form_of(definition, "S4")
        conflict = EditConflict(
            Row(),  # type: ignore[arg-type]
            {"approach": Conflict("approach", mine, theirs)},
            {"approach": theirs, "duty_bearer": "New"},
        )
        form.show_conflict(conflict)
        html = shown(form)
    assert f"{mine}</textarea>" in html
    assert theirs in html
    assert 'name="duty_bearer" value="New"' in html
    assert 'name="version" value="7"' in html


def test_many_countries_are_a_list_and_few_choices_are_buttons(definition: Definition, app: Flask) -> None:
    with app.test_request_context(headers={"Accept-Language": "fr"}):
        first, second = shown(form_of(definition, "S1")), shown(form_of(definition, "S2"))
    assert '<option value="SN">Sénégal</option>' in first
    assert first.index(">Afghanistan<") < first.index(">Équateur<") < first.index(">Zimbabwe<")
    assert 'type="checkbox" id="countries_of_action-0" name="countries_of_action" value="SN"' in second
    assert 'type="radio" id="lot-0"' in second
    assert "3. Répondre aux besoins de protection" in second


def test_an_unknown_choice_that_was_stored_is_not_lost(definition: Definition, app: Flask) -> None:
    with app.test_request_context():
        html = shown(form_of(definition, "S1", answers={"org_country": "ZZ"}))
    assert '<option value="ZZ" selected>ZZ</option>' in html


def test_answers_are_shown_to_read(definition: Definition, answers: dict[str, Any], app: Flask) -> None:
    template = '{% include "questionnaires/_answers.html" %}'
    with app.test_request_context(headers={"Accept-Language": "fr"}):
        html = render_template_string(template, definition=definition, answers=answers, hidden=["data_security"])
    assert Page(html).problems == []
    amounts = [Money(cents, "EUR").shown("fr") for cents in (1_450_000, 1_660_000)]
    for wanted in (*amounts, "1er juin 2027", "Sénégal, Mali", "Rubrique", "Effet"):
        assert wanted in html, wanted
    assert "Les fiches portent un code" not in html
    with app.test_request_context():
        html = render_template_string(template, definition=definition, answers={}, sections=["S10"])
    assert "pas de réponse" in html
    assert 'id="S9"' not in html
