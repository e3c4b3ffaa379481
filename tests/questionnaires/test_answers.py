"""How answers are read, kept and judged."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from grants.budgets.rules import sums_of
from grants.calls.forms import read_call
from grants.calls.rules import sources_of
from grants.core.languages import number_shown, number_typed, speaking
from grants.core.questions import BadDefinition, Definition, Question, parse_definition
from grants.questionnaires import rules

SAMPLE = Path(__file__).parents[2] / "sample"


@pytest.fixture(scope="module")
def definition() -> Definition:
    read = read_call(SAMPLE)
    return parse_definition(read["form"], sources_of(read))


def answers_of(number: int, definition: Definition) -> dict[str, Any]:
    given_answers = yaml.safe_load((SAMPLE / "answers" / f"APP-{number:03}.yaml").read_text("utf-8"))["answers"]
    return {k: v for s in definition.sections for k, v in rules.normalised_section(s, given_answers).items()}


def codes(definition: Definition, answers: dict[str, Any], **more: Any) -> list[str]:
    return [obstacle.code for obstacle in rules.obstacles_to_completing(definition, answers, **more)]


@pytest.mark.parametrize("number", range(1, 13))
def test_every_application_of_the_sample_is_complete(number: int, definition: Definition, app: Flask) -> None:
    answers = answers_of(number, definition)
    found = rules.obstacles_to_completing(definition, answers)
    assert [str(o.message) for o in found] == []
    assert answers["requested_amount"].endswith(".00")
    assert answers["budget_lines"][0]["currency"] == "EUR"


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("title", None, "title.missing"),
        ("title", "x" * 151, "title.too_long"),
        ("summary", "word " * 201, "summary.too_long"),
        ("org_registered", None, "org_registered.missing"),
        ("org_country", "XX", "org_country.unknown"),
        ("org_legal_form", "company", "org_legal_form.unknown"),
        ("org_contact_email", "nobody at home", "org_contact_email.unreadable"),
        ("org_contact_phone", "call me", "org_contact_phone.unreadable"),
        ("org_identifier", "12", "org_identifier.unreadable"),
        ("org_staff_paid", -1, "org_staff_paid.too_small"),
        ("org_staff_paid", "three", "org_staff_paid.unreadable"),
        ("org_income_last_year", "-5.00", "org_income_last_year.too_small"),
        ("requested_amount", "5999.99", "requested_amount.too_small"),
        ("requested_amount", "15000.01", "requested_amount.too_large"),
        ("requested_amount", "7000.001", "requested_amount.unreadable"),
        ("duration_months", 10, "duration_months.too_large"),
        ("start_date", "2027-05-14", "start_date.too_early"),
        ("start_date", "14 May", "start_date.unreadable"),
        ("plan_points", [], "plan_points.missing"),
        ("plan_points", ["1", "2", "3", "4"], "plan_points.too_many"),
        ("plan_points", ["9"], "plan_points.unknown"),
        ("countries_of_action", ["FR"], "countries_of_action.unknown"),
        ("lot", "L9", "lot.unknown"),
        ("referees", [{"name": "One", "email": "one@example.org"}], "referees.too_few"),
        ("team", [{"role": "R", "experience": "E", "percent": "101"}], "team.1.percent"),
        ("team", [{"role": "R", "experience": None, "percent": "10"}], "team.1.experience"),
        ("workplan", [{"activity": "A", "responsible": "B", "months": "3-1"}], "workplan.1.months"),
        ("logframe", [{"level": "dream"}], "logframe.1.level"),
        ("decl_truth", False, "decl_truth.missing"),
        ("signatories_two", "maybe", "signatories_two.unreadable"),
    ],
)
def test_an_answer_that_cannot_stay_is_named(
    key: str, value: Any, code: str, definition: Definition, app: Flask
) -> None:
    found = codes(definition, answers_of(1, definition) | {key: value})
    assert code in found
    assert all(c.startswith(f"{key}.") for c in found)


def test_the_limits_themselves_are_allowed(definition: Definition, app: Flask) -> None:
    edge = {"title": "x" * 150, "summary": "word " * 200, "requested_amount": "15000.00", "start_date": "2027-05-15"}
    assert codes(definition, answers_of(1, definition) | edge) == []


def test_conditions_make_a_question_due(definition: Definition, app: Flask) -> None:
    answers = answers_of(1, definition)
    assert codes(definition, answers | {"org_registered": False}) == ["org_fiscal_sponsor.missing"]
    assert codes(definition, answers | {"org_registration_number": None}) == ["org_registration_number.missing"]
    assert codes(definition, answers | {"confidentiality": "name_withheld"}) == ["confidentiality_reason.missing"]


def test_one_section_can_be_looked_at_alone_and_points_to_its_place(definition: Definition, app: Flask) -> None:
    found = rules.obstacles_to_completing(
        definition,
        {},
        sections=["S10"],
        place=lambda section, question: ("calls.index", {"_anchor": f"{section}-{question}"}),
    )
    assert [o.code for o in found][:2] == ["decl_truth.missing", "decl_no_double_funding.missing"]
    with app.test_request_context():
        assert found[0].url == "/calls#S10-decl_truth"


def test_sentences_are_in_the_readers_language_with_the_fallback(app: Flask) -> None:
    small = parse_definition(
        {
            "id": "F",
            "languages": ["en", "fr"],
            "title": {"en": "F"},
            "sections": [
                {
                    "id": "S",
                    "title": {"en": "S"},
                    "questions": [
                        {"key": "a", "type": "text", "required": True, "label": {"en": "Name", "fr": "Nom"}},
                        {"key": "b", "type": "text", "required": True, "label": {"en": "Town"}},
                    ],
                }
            ],
        }
    )
    found = rules.obstacles_to_completing(small, {})
    with app.test_request_context(), speaking("fr"):
        assert "“Nom”" in str(found[0].message).replace("«\u00a0Nom\u00a0»", "“Nom”")
        assert "Town" in str(found[1].message)


# ------------------------------------------------------------------ numbers as people write them


@pytest.mark.parametrize(
    ("text", "language", "number"),
    [
        ("1234.5", "en", "1234.5"),
        ("1,234.50", "en", "1234.50"),
        ("1,234", "en", "1234"),
        ("1 234,50", "fr", "1234.50"),
        ("1\u202f234,50", "fr", "1234.50"),
        ("1.234,50", "es", "1234.50"),
        ("1.234", "es", "1234"),
        ("1,234", "fr", "1.234"),
        ("655.957", "fr", "655.957"),
        ("655.957", "en", "655.957"),
        ("0.125", "fr", "0.125"),
        ("0,125", "en", "0.125"),
        ("12,5", "en", "12.5"),
        ("12.5", "es", "12.5"),
        ("1,234,567.89", "fr", "1234567.89"),
        ("1.234.567", "en", "1234567"),
        ("1'234.50", "en", "1234.50"),
        ("−3", "en", "-3"),
        ("١٢", "en", None),
        ("1,23,456", "en", None),
        ("12.34.56", "en", None),
        ("1e5", "en", None),
        ("about 500", "en", None),
        ("", "en", None),
        ("1" * 41, "en", None),
    ],
)
def test_numbers_are_read_as_the_reader_writes_them(text: str, language: str, number: str | None) -> None:
    assert number_typed(text, language) == (None if number is None else Decimal(number))


@pytest.mark.parametrize(
    ("stored", "language", "shown"),
    [("6800.00", "en", "6800"), ("6800.00", "fr", "6800"), ("6800.50", "fr", "6800,50"), ("-1.0", "es", "-1")],
)
def test_a_whole_amount_stands_in_an_input_without_decimals(stored: str, language: str, shown: str) -> None:
    assert number_shown(stored, language) == shown


@given(amount=st.decimals(min_value=0, max_value=10**9, places=2), language=st.sampled_from(["en", "fr", "es"]))
def test_an_amount_shown_in_an_input_is_read_back_as_it_was(amount: Decimal, language: str) -> None:
    question = Question(key="m", type="money", label={}, currency="EUR")
    stored = rules.normalised(question, str(amount))
    assert rules.typed(question, number_shown(stored, language), language) == stored


@pytest.mark.parametrize(
    ("kind", "given_value", "stored"),
    [
        ("money", 14500.0, "14500.00"),
        ("money", 14500, "14500.00"),
        ("money", "about 500", "about 500"),
        ("percent", 12.50, "12.5"),
        ("integer", 7, 7),
        ("integer", "7", 7),
        ("date", date(2027, 6, 1), "2027-06-01"),
        ("boolean", True, True),
        ("boolean", "no", False),
        ("declaration", False, None),
        ("multichoice", [3, 4], ["3", "4"]),
        ("month_range", "2–7", "2-7"),
        ("month_range", "5", "5-5"),
        ("text", "  two   words ", "two words"),
        ("longtext", "one\r\ntwo ", "one\ntwo"),
        ("text", "", None),
    ],
)
def test_values_of_files_are_kept_in_one_form(kind: str, given_value: Any, stored: Any) -> None:
    question = Question(key="q", type=kind, label={}, currency="EUR")
    assert rules.normalised(question, given_value) == stored
    assert rules.normalised(question, stored) == stored


@given(
    value=st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.lists(st.text(max_size=3))
    | st.dates()
)
def test_any_value_is_kept_or_dropped_and_judged_without_a_crash(value: Any) -> None:
    for kind in (
        "money",
        "integer",
        "percent",
        "number",
        "date",
        "boolean",
        "choice",
        "multichoice",
        "email",
        "phone",
        "table",
    ):
        question = Question(
            key="q", type=kind, label={"en": "Q"}, currency="EUR", columns=(Question(key="c", type="text", label={}),)
        )
        stored = rules.normalised(question, value)
        if stored is not None:
            rules._wrong(question, stored) if kind != "table" else rules.mistakes_in_row(question, stored[0])
        rules.shown_value(question, stored, "en", "en")


def test_words_are_pieces_with_a_letter_or_digit() -> None:
    assert rules.words_in("« Aucun » : rien – vraiment 2 !") == 4


def test_money_without_decimals_stays_without() -> None:
    question = Question(key="m", type="money", label={}, currency="XOF")
    assert rules.typed(question, "1 500", "fr") == "1500"
    assert rules.typed(question, "1500,50", "fr") == "1500,50"


# ------------------------------------------------------------------ budgets


def test_lines_of_a_budget_say_the_rest_themselves(definition: Definition) -> None:
    question = definition.questions["budget_lines"]
    typed = {"heading": "staff", "description": "Coordinator", "unit": "month", "quantity": "1.5", "unit_cost": "33.33"}
    lines = rules.budget_lines(
        question, [typed | {"requested": "40.00", "cofinancing_source": "own_contribution_in_kind"}, {}]
    )
    assert lines is not None
    assert len(lines) == 1
    line = lines[0]
    assert (line["code"], line["currency"], line["total"]) == ("1.1", "EUR", "50.00")
    assert (line["cofinancing"], line["in_kind"]) == ("10.00", True)


def test_a_budget_adds_up_by_heading_and_payer_with_its_caps(definition: Definition) -> None:
    question = definition.questions["budget_lines"]
    assert question.budget is not None
    sums = sums_of(question.budget, answers_of(1, definition)["budget_lines"])
    figures = sums.figures
    assert figures["total"] == Decimal("16600.00")
    assert figures["requested_grant"] == Decimal("14500.00")
    assert figures["direct_total"] == figures["direct_costs"] == Decimal("15560.00")
    assert figures["indirect"] == figures["indirect_costs"] == Decimal("1040.00")
    assert figures["staff_requested"] == Decimal("5640.00")
    assert figures["own_contribution_cash"] + figures["own_contribution_in_kind"] + figures["other_donors"] == 2100
    rows = {row.heading.key: row for row in sums.rows}
    assert str(rows["staff"].cap) == "5800.00 EUR"
    assert str(rows["indirect"].cap) == "1089.20 EUR"
    assert all(row.within for row in rows.values())
    assert [str(amount) for _key, _title, amount in sums.sources] == [
        "14500.00 EUR",
        "600.00 EUR",
        "500.00 EUR",
        "1000.00 EUR",
    ]


def test_asking_for_more_than_a_line_costs_is_named(definition: Definition, app: Flask) -> None:
    answers = answers_of(1, definition)
    line = answers["budget_lines"][0] | {"requested": "9999.00", "cofinancing": None}
    answers["budget_lines"] = rules.budget_lines(definition.questions["budget_lines"], [line])
    assert codes(definition, answers) == ["budget_lines.1.requested"]


# ------------------------------------------------------------------ the survey uses the same questions


def test_a_scale_takes_its_steps_and_i_do_not_know() -> None:
    form = {
        "id": "S",
        "languages": ["en"],
        "title": "Survey",
        "sections": [
            {
                "id": "one",
                "title": "One",
                "questions": [
                    {"key": "on", "type": "boolean", "label": "On?", "required": True},
                    {
                        "key": "p",
                        "type": "scale",
                        "min": -2,
                        "max": 2,
                        "required_if": "on",
                        "label": "Progress",
                        "allow_dont_know": True,
                        "labels": {-2: {"en": "strong setback"}},
                    },
                ],
            }
        ],
    }
    definition = parse_definition(form)
    question = definition.questions["p"]
    assert [o.value for o in question.options] == ["-2", "-1", "0", "1", "2"]
    assert codes(definition, {"on": True}) == ["p.missing"]
    assert codes(definition, {"on": True, "p": -2}) == codes(definition, {"on": True, "p": "dont_know"}) == []
    assert codes(definition, {"on": True, "p": 3}) == ["p.unknown"]


def test_a_wrong_questionnaire_tells_every_mistake_at_once() -> None:
    with pytest.raises(BadDefinition) as refused:
        parse_definition(
            {"id": "", "title": {}, "sections": [{"id": "S", "title": "S", "questions": [{"key": "version"}]}]}
        )
    assert {p.path for p in refused.value.problems} >= {
        ("id",),
        ("title",),
        ("sections", 0, "questions", 0, "key"),
        ("sections", 0, "questions", 0, "type"),
    }
