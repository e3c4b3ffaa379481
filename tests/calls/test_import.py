"""Calls come in from files: the sample, another kind of call, and files that are wrong."""

from __future__ import annotations

import copy
import io
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from grants.accounts.models import Role
from grants.calls.actions import import_call, publish
from grants.calls.forms import BadImport, read_call, read_documents, read_upload
from grants.calls.models import Call, DocumentAsked, Lot
from grants.calls.queries import documents_of
from grants.calls.rules import facts_of_call, problems_of
from grants.calls.workflow import CallState
from grants.core import clock, languages
from grants.core.db import db
from grants.core.expressions import parse
from grants.core.money import Money
from grants.core.rules import Refused
from grants.history.queries import entries_about
from grants.questionnaires.models import Questionnaire
from grants.questionnaires.queries import definition_of
from tests import factories
from tests.calls.other_call import documents
from tests.http import Browser

SAMPLE = Path(__file__).parents[2] / "sample"
SOUND = read_call(SAMPLE)
JANUARY = datetime(2027, 1, 5, tzinfo=UTC)


def files_of_sample() -> dict[str, bytes]:
    names = ("call", "form_full_application", "evaluation_grid", "budget_categories", "plan_of_action")
    return {f"{name}.yaml": (SAMPLE / f"{name}.yaml").read_bytes() for name in names}


def broken(file: str, before: str, after: str) -> list[str]:
    """What is said about the sample with one piece of one file replaced."""
    files = files_of_sample()
    assert before.encode() in files[file], before
    files[file] = files[file].replace(before.encode(), after.encode(), 1)
    with pytest.raises(BadImport) as refused:
        read_documents(files)
    return [str(mistake) for mistake in refused.value.mistakes]


# ------------------------------------------------------------------ what comes in


def test_the_sample_comes_in_with_all_its_parts(app: Flask) -> None:
    by = factories.person(Role.GLOBAL_COORDINATOR)
    call = import_call(read_call(SAMPLE), by=by)
    assert (call.reference, call.state, call.currency) == ("MPF-2027-01", CallState.DRAFT, "EUR")
    assert [(lot.key, lot.plan_points, lot.min_awards) for lot in call.lots][:2] == [
        ("L1", [3, 4], 2),
        ("L2", [7, 8], 2),
    ]
    assert [region.floor_minor for region in call.regions] == [3_000_000, 3_000_000, 2_500_000]
    assert (call.envelope, call.grant_min) == (Money(12_000_000, "EUR"), Money(600_000, "EUR"))
    assert call.closes_at == datetime(2027, 2, 26, 22, 59, 59, tzinfo=UTC)
    assert call.reserve_valid_until == date(2027, 10, 31)
    assert (len(call.rules), len(call.criteria)) == (14, 11)
    assert [d.key for d in call.documents if d.stage == "award"] == ["bank_details_form", "bank_letter_or_statement"]
    assert call.documents[0].required_when == "organization.registered"
    assert [entry.verb for entry in entries_about([("call", call.id)])] == ["import"]


def test_the_questions_of_the_sample_come_back_as_they_were_written(app: Flask) -> None:
    call = import_call(read_call(SAMPLE), by=None)
    definition = definition_of(call.questionnaire_id)
    written = yaml.safe_load((SAMPLE / "form_full_application.yaml").read_text("utf-8"))["form"]
    assert [s.key for s in definition.sections] == [s["id"] for s in written["sections"]]
    for section, given_section in zip(definition.sections, written["sections"], strict=True):
        assert [(q.key, q.type, dict(q.label)) for q in section.questions] == [
            (q["key"], q["type"], q["label"]) for q in given_section["questions"]
        ]
    questions = definition.questions
    assert [o.value for o in questions["lot"].options] == ["L1", "L2", "L3"]
    assert [o.value for o in questions["plan_points"].options] == list("12345678")
    assert questions["start_date"].not_before == date(2027, 5, 15)
    assert questions["countries_of_action"].labels["NE"]["fr"] == "Niger"
    assert questions["annexes"].documents[0] == "registration_certificate"
    assert questions["logframe"].columns[0].key == "level"


def test_the_rules_of_a_call_can_be_computed_from_what_is_stored(app: Flask) -> None:
    call = import_call(read_call(SAMPLE), by=None)
    facts = {"call": facts_of_call(call), "organization": {"founded_on": date(2025, 2, 26), "country": "SN"}}
    facts["application"] = {
        "submitted_at": call.closes_at,
        "countries_of_action": ["SN", "FR"],
        "requested_amount": "6000.00",
        "duration_months": 9,
        "language": "fr",
    }
    said = {rule.key: parse(rule.check).holds(facts) for rule in call.rules}
    assert said["E03"] is said["E04"] is said["E05"] is said["E06"] is said["E08"] is said["E12"] is True
    assert said["E07"] is False
    assert said["E10"] is None


def test_a_call_in_yen_with_one_language_and_five_lots_comes_in_and_its_pages_show(
    app: Flask, browser: Browser
) -> None:
    call = import_call(documents(), by=None)
    assert (call.envelope, call.grant_max) == (Money(5_000_000, "JPY"), Money(900_000, "JPY"))
    assert call.opens_at == datetime(2027, 4, 1, 0, 0, tzinfo=UTC)
    assert [lot.key for lot in call.lots] == list("abcde")
    assert call.title == {"ja": "Neighbours of another tongue"}
    with clock.at(JANUARY):
        publish(call, by=None)
        db.session.commit()
    with clock.at(datetime(2027, 5, 1, tzinfo=UTC)):
        browser.get("/calls")
        browser.get("/calls/KIZUNA.2027")
        assert Money(100_000, "JPY").shown("en") in browser.text
        assert '<span lang="ja">Neighbours of another tongue</span>' in browser.text
        assert "At least 3 independent reviewers score each criterion from 0 to 10." in browser.text
        browser.get("/calls/KIZUNA.2027/questions")
        browser.sign_in(_committed(factories.person(Role.GLOBAL_COORDINATOR)))
        for page in ("manage", "preview", "preview/only"):
            browser.get(f"/calls/KIZUNA.2027/{page}")


def _committed(somebody: Any) -> Any:
    db.session.commit()
    return somebody


def test_importing_a_draft_again_replaces_it(app: Flask) -> None:
    first = import_call(documents(), by=None)
    former = first.questionnaire_id
    again = documents()
    again["call"]["lots"] = again["call"]["lots"][:2]
    again["call"]["envelope"]["total"] = 6_000_000
    second = import_call(again, by=None)
    assert second.id == first.id
    assert second.envelope.minor == 6_000_000
    assert [lot.key for lot in second.lots] == ["a", "b"]
    assert db.session.scalar(select(func.count(Lot.id))) == 2
    assert db.session.get(Questionnaire, former) is None
    assert documents_of(second)["terms"]["envelope"]["total"] == 6_000_000


def test_a_published_call_is_not_replaced(app: Flask) -> None:
    call = import_call(documents(), by=None)
    with clock.at(JANUARY):
        publish(call, by=None)
    changed = documents()
    changed["call"]["envelope"]["total"] = 7_000_000
    with pytest.raises(Refused) as refused:
        import_call(changed, by=None)
    assert [o.code for o in refused.value.obstacles] == ["call_published"]
    assert "KIZUNA.2027" in str(refused.value)
    assert call.envelope.minor == 5_000_000


def test_the_action_itself_refuses_a_wrong_call_and_writes_nothing(app: Flask) -> None:
    wrong = documents()
    wrong["call"]["currency"] = "YEN"
    wrong["grid"]["sections"][0]["criteria"][0]["weight"] = 0
    with pytest.raises(Refused) as refused:
        import_call(wrong, by=None)
    assert len(refused.value.obstacles) >= 2
    for model in (Call, Questionnaire, DocumentAsked):
        assert db.session.scalar(select(func.count(model.id))) == 0


def test_two_calls_may_use_the_same_form(app: Flask) -> None:
    one, two = documents(), documents()
    two["call"]["id"] = "KIZUNA.2028"
    two["call"]["lots"] = [{"id": "z", "title": "Other"}]
    two["call"]["envelope"].pop("by_lot_min_awards")
    first, second = import_call(one, by=None), import_call(two, by=None)
    assert [o.value for o in definition_of(first.questionnaire_id).questions["lot"].options] == list("abcde")
    assert [o.value for o in definition_of(second.questionnaire_id).questions["lot"].options] == ["z"]


# ------------------------------------------------------------------ what is refused, and in which words

CORPUS = [
    ("call.yaml", "currency: EUR", "currency: EURO", "call.yaml:13: call.currency: “EURO” is not a currency code"),
    ("call.yaml", "  id: MPF-2027-01", "  id: manage", "call.yaml:5: call.id: a reference of 2 to 40"),
    ("call.yaml", "total: 120000.00", "total: 60000.00", "the floor amounts of the regions add up to €85,000"),
    ("call.yaml", "total: 120000.00", "total: 120000.005", "“120000.005” is not an amount in EUR"),
    (
        "call.yaml",
        "floor: 30000.00, ceiling: 55000",
        "floor: 50000.00, ceiling: 55000",
        "must not decrease in this order",
    ),
    (
        "call.yaml",
        "    min: 6000.00",
        "    min: 16000.00",
        "the smallest grant €16,000 is larger than the largest",
    ),
    (
        "call.yaml",
        "timezone: Europe/Brussels",
        "timezone: Brussels",
        "call.timetable.timezone: the name of a time zone",
    ),
    (
        "call.yaml",
        "deadline: 2027-02-26T23:59:59+01:00",
        "deadline: 2027-02-26",
        "call.timetable.deadline: a day and time",
    ),
    ("call.yaml", "deadline: 2027-02-26T", "deadline: 2027-01-02T", "call.timetable.deadline: this comes before"),
    ("call.yaml", "reviews_due: 2027-03-26", "reviews_due: 2027-03-01", "this comes before administrative_check_until"),
    (
        "call.yaml",
        "reviews_due: 2027-03-26",
        "reviews_due: 2027-13-26",
        "call.timetable.reviews_due: “2027-13-26” cannot be read",
    ),
    (
        "call.yaml",
        "eligible_countries: [SN,",
        "eligible_countries: [XX,",
        "call.eligible_countries[1]: “XX” is not a country",
    ),
    ("call.yaml", "eligible_countries: [SN,", "eligible_countries: [NO,", "(put NO in quotes)"),
    ("call.yaml", "eligible_countries: [SN,", "eligible_countries: [TG,", "“TG” stands twice"),
    ("call.yaml", "    - id: L2", "    - id: L1", "“L1” stands twice"),
    ("call.yaml", "plan_points: [3, 4]", "plan_points: [3, 44]", "the Plan of Action has no point 44"),
    ("call.yaml", "by_lot_min_awards: {L1: 2", "by_lot_min_awards: {L7: 2", "there is no lot “L7”"),
    (
        "call.yaml",
        "organization.country in",
        "organization.land in",
        "unknown name “organization.land” (at character 1)",
    ),
    ("call.yaml", "organization.country in", "organization.country into", "“into” does not belong here"),
    ("call.yaml", "E05\n        check:", "E05\n        chick:", "call.eligibility.rules[5].check: this is not a text"),
    ("call.yaml", "on_fail: manual\n", "on_fail: maybe\n", "one of clarification, correct_budget, manual"),
    (
        "call.yaml",
        "formats: [pdf, jpg, png]",
        "formats: [pdf, exe]",
        "call.required_annexes[1].formats: a list of some of",
    ),
    ("call.yaml", "percent: 80,", "percent: 70,", "the tranches add up to 90 %, not 100 %"),
    ("call.yaml", 'when: "amount <= 10000"', 'when: "grant <= 10000"', "unknown name “grant”"),
    (
        "call.yaml",
        "  languages_of_application: [en, fr, es]",
        "  languages_of_application: [en, fr]",
        "call.lots[3].title: “es” is not a language",
    ),
    ("call.yaml", '    en: "MADE Pilot Fund –', '    xx: "MADE Pilot Fund –', "the text in “en” is missing"),
    (
        "call.yaml",
        "  currency: EUR",
        "  currency: EUR\n  currency: USD",
        "call.yaml:14: call.currency: this key stands twice",
    ),
    ("call.yaml", "currency: EUR", "currency: &c EUR\n  other: *c", "anchors and references"),
    ("call.yaml", "  lots:", "  lots: [", "this is not YAML"),
    ("call.yaml", "  retention_years: 7", "  yes: 7", "“yes” cannot be a key; put it in quotes"),
    ("form_full_application.yaml", "type: country\n", "type: land\n", "unknown type “land”; known are"),
    ("form_full_application.yaml", "key: org_acronym", "key: org_name", "the question “org_name” stands twice"),
    ("form_full_application.yaml", "required_if: org_registered", "required_if: org_regd", "unknown name “org_regd”"),
    ("form_full_application.yaml", "max_chars: 200", "max_char: 200", "unknown key “max_char”"),
    ("form_full_application.yaml", "max_words: 200", "max_words: many", "a whole number is expected"),
    (
        "form_full_application.yaml",
        "options_from: call.lots",
        "options_from: call.plots",
        "“call.plots” refers to nothing",
    ),
    ("form_full_application.yaml", "not_before: call.timetable.earliest_start", "not_before: 32 May", "is not a day"),
    ("form_full_application.yaml", "criteria: [B1, B2]", "criteria: [B1, Z9]", "the grid has no criterion “Z9”"),
    (
        "form_full_application.yaml",
        "headings_from: budget_categories",
        "headings_from: none",
        "a budget needs headings_from",
    ),
    (
        "form_full_application.yaml",
        "          min: 4\n          max: 9",
        "          min: 14\n          max: 9",
        "is larger than the largest",
    ),
    ("evaluation_grid.yaml", "      max: 20", "      max: 25", "the criteria of this section add up to 20, not 25"),
    ("evaluation_grid.yaml", "min_to_pass: 12", "min_to_pass: 21", "this cannot be reached: the section has 20 points"),
    (
        "evaluation_grid.yaml",
        "thresholds: {total: 60}",
        "thresholds: {total: 160}",
        "this cannot be reached: there are 100",
    ),
    ("evaluation_grid.yaml", "0.30*max(T1,T2)", "0.30*max(T1,T3)", "unknown name “T3”"),
    ("evaluation_grid.yaml", "section_B, section_A,", "section_Q, section_A,", "“section_Q” is not one of"),
    ("evaluation_grid.yaml", "weight: 2", "weight: two", "a whole number from 1 is expected"),
    ("budget_categories.yaml", '"1+2+3+4+5+6"', '"1+2+3+4+5+66"', "there is no heading with the code “66”"),
    ("budget_categories.yaml", "indirect <= 0.07*direct_total", "indirect <= 0.07*direct", "unknown name “direct”"),
    (
        "budget_categories.yaml",
        "indirect <= 0.07*direct_total",
        "indirect <= 0.07 direct_total",
        "does not belong here",
    ),
    ("budget_categories.yaml", "line_fields: [heading,", "line_fields: [haeding,", "unknown field “haeding”"),
    ("plan_of_action.yaml", "number: 2,", "number: 1,", "“1” stands twice"),
]


REFUND = "    unspent_refund_days: 30"
YEARS = "  retention_years: 7"
CORPUS += [
    ("call.yaml", REFUND, f"{REFUND}\n    by_risk: {{severe: {{}}}}", "one of low, medium, high is expected"),
    (
        "call.yaml",
        REFUND,
        f"{REFUND}\n    by_risk: {{high: {{first_instalment: {{percent_at_once: 100, rest_after: interim_report}}}}}}",
        "a number between 0 and 100 is expected",
    ),
    (
        "call.yaml",
        YEARS,
        f"{YEARS}\n  diligence: {{points: [{{key: a, tab: cellar, asked_of: fund, label: {{en: A, fr: A, es: A}}}}]}}",
        "one of documents, checklist, bank, partners is expected",
    ),
    ("call.yaml", "deadline: 2027-02-26T", "deadline: 9999-12-31T", "call.timetable.deadline: a day and time"),
    ("evaluation_grid.yaml", "    step: 1", "    step: 0.5", "grid.scale.step: a whole number is expected"),
    ("evaluation_grid.yaml", "abs(T1-T2) > 0.30", "count(T1) > 0.30", "a list is expected"),
    ("budget_categories.yaml", "percent_of: direct_total", "percent_of: direct", "unknown name “direct”"),
    ("budget_categories.yaml", '"1+2+3+4+5+6"', '"1+2+3+4+5+10"', "“10” does not stand above this one"),
    ("budget_categories.yaml", "indirect <= 0.07*", "indirect <= '0.07%'*", "“*” needs numbers"),
    ("form_full_application.yaml", "confidentiality != 'public'", "annexes != 'x'", "unknown name “annexes”"),
    ("form_full_application.yaml", "confidentiality != 'public'", "org_name > 3", "“>” compares two numbers, two days"),
]


@pytest.mark.parametrize(("file", "before", "after", "said"), CORPUS, ids=[c[3][:50] for c in CORPUS])
def test_a_mistake_is_told_with_file_line_key_and_reason(file: str, before: str, after: str, said: str) -> None:
    found = broken(file, before, after)
    assert any(said in line for line in found), "\n".join(found)
    assert all(line.startswith(f"{file}:") for line in found if said in line)


def test_every_mistake_is_told_at_once_and_each_on_its_line() -> None:
    files = files_of_sample()
    text = files["call.yaml"].decode().replace("currency: EUR", "currency: EURO").replace("floor: 25000.00", "floor: x")
    files["call.yaml"] = text.encode()
    files["evaluation_grid.yaml"] = files["evaluation_grid.yaml"].replace(b"weight: 1", b"weight: 0", 1)
    with pytest.raises(BadImport) as refused:
        read_documents(files)
    told = {(m.file, m.key): m.line for m in refused.value.mistakes}
    assert told["call.yaml", "call.currency"] == 1 + text.split("currency: EURO")[0].count("\n")
    assert told["call.yaml", "call.envelope.by_region[3].floor"] == 1 + text.split("floor: x")[0].count("\n")
    assert ("evaluation_grid.yaml", "grid.sections[3].criteria[3].weight") in told


def test_files_that_cannot_be_a_call_are_refused_in_one_sentence(tmp_path: Path) -> None:
    def said(action: Callable[[], object]) -> str:
        with pytest.raises(BadImport) as refused:
            action()
        return str(refused.value)

    assert "there is no YAML file in this folder" in said(lambda: read_call(tmp_path))
    assert "no such file" in said(lambda: read_call(tmp_path / "nothing.yaml"))
    assert "is expected" in said(lambda: read_upload("call.docx", b"x"))
    assert "not a ZIP file" in said(lambda: read_upload("call.zip", b"PK not"))
    assert "no file holds the call" in said(lambda: read_upload("other.yaml", b"a: 1"))
    assert "keys and values are expected" in said(lambda: read_upload("call.yaml", b"- 1"))
    assert "not text in UTF-8" in said(lambda: read_upload("call.yaml", b"call: \xff"))
    assert "larger than 2 MB" in said(lambda: read_upload("call.yaml", b"#" * 3_000_000))
    assert "nested too deeply" in said(lambda: read_upload("call.yaml", b"call: " + b"{a: " * 40 + b"1" + b"}" * 40))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("call.yaml", b"#" * 20_000_000)
    assert "too much" in said(lambda: read_upload("call.zip", packed.getvalue()))


def test_the_same_document_in_two_files_is_refused() -> None:
    with pytest.raises(BadImport, match="already given in another file"):
        read_documents({"a.yaml": b"call: {id: A}", "b.yaml": b"call: {id: B}"})


def test_one_file_may_hold_everything(app: Flask) -> None:
    text = yaml.safe_dump(documents(), allow_unicode=True)
    call = import_call(read_upload("all.yaml", text.encode()), by=None)
    assert call.reference == "KIZUNA.2027"


MISPLACED: list[tuple[tuple[Any, ...], Any, str]] = [
    (("call", "annexes_withheld"), "none", "a mapping is expected"),
    (("call", "annexes_withheld", "text"), ["none"], "a text by language is expected"),
    (("call", "cost_rules"), [1], "a mapping is expected"),
    (("call", "cost_rules", "staff_cap_percent_of_grant"), "a third", "a number is expected"),
    (("call", "cost_rules", "ineligible"), {"en": "Fines"}, "a list is expected"),
    (("call", "eligibility", "on_fail_labels", "reject"), 5, "a text by language is expected"),
    (("call", "grant", "max"), 0, "an amount above zero is expected"),
    (("call", "envelope", "total"), 0, "is larger than the envelope"),
    (("call", "timetable", "deadline"), "2027-01-11T09:00:00+01:00", "the call opens at this very moment"),
    (("call", "lots", 0, "title", "fr"), ["Voix"], "what stands under “fr” is not a text"),
    (("call", "reporting", "escalation"), {"soon": "payment_hold"}, "a whole number is expected"),
    (("call", "reporting", "reminders_days_before", 0), "month", "a whole number from 0 is expected"),
    (("call", "retention_years"), "seven", "a whole number from 0 is expected"),
    (("call", "specific_objectives", "en"), "One aim", "a list of texts is expected"),
    (("call", "timetable_labels"), "When", "a mapping is expected"),
    (("grid", "scale", "labels", 1), [1], "a text by language is expected"),
    (("grid", "scale", "labels"), {9: "Nine"}, "9 is not on the scale from 1 to 5"),
    (("grid", "tie_break_labels", "section_A"), 1, "a text by language is expected"),
    (("grid", "draw_near_line"), 2, "a mapping is expected"),
    (("grid", "draw_near_line"), {"within_points": "a few"}, "a number is expected"),
    (("grid", "draw_near_line"), {"within_points": -1}, "a number from 0 to "),
    (("grid", "draw_near_line"), {"text": 1}, "a text by language is expected"),
    (("budget", "line_fields"), 7, "a list is expected"),
    (("budget", "unit_labels", "day"), 7, "a text by language is expected"),
    (("plan_of_action", "added_2016"), "More", "a list is expected"),
    (("form", "sections", 0, "questions", 0, "type"), "money", "a currency code is expected"),
    (("form", "sections", 0, "questions", 0, "type"), "scale", "a mapping is expected"),
    (("form", "sections", 0, "questions", 0, "type"), "country_list", "“XX” is not a country code"),
]


@pytest.mark.parametrize(("place", "value", "said"), MISPLACED, ids=[".".join(map(str, m[0])) for m in MISPLACED])
def test_what_pages_show_has_the_shape_that_they_expect(place: tuple[Any, ...], value: Any, said: str) -> None:
    definition = copy.deepcopy(SOUND)
    extra = {"money": {"currency": "ABC"}, "scale": {"min": 1, "max": 3, "labels": [1]}}
    extra["country_list"] = {"options": ["SN", "XX"]}
    holder: Any = definition
    for part in place[:-1]:
        holder = holder[part]
    if place[-1] == "type":
        holder.update(extra[value])
    holder[place[-1]] = value
    found = [(problem.path, str(problem.reason)) for problem in problems_of(definition)]
    assert any(path[0] == place[0] and said in reason for path, reason in found), found


def test_a_column_of_a_table_has_no_condition_of_its_own() -> None:
    definition = documents()
    definition["form"]["sections"][0]["questions"][5]["columns"][1]["shown_if"] = "people > 3"
    assert "unknown key “shown_if”" in [str(problem.reason) for problem in problems_of(definition)]


def test_a_form_is_written_in_the_language_that_counts() -> None:
    definition = documents()
    definition["call"] |= {"languages_of_application": ["ja", "en"], "authoritative_language": "en"}
    found = [str(problem.reason) for problem in problems_of(definition) if problem.path == ("form", "languages")]
    assert found == ["the text in “en” is missing"]


def test_a_draw_reaches_as_far_as_two_applications_can_lie_apart() -> None:
    definition = documents()
    section = {"id": "A", "title": "Plan", "criteria": [{"id": "A1", "weight": 2, "text": "Is it sound?"}]}
    definition["grid"] = {
        "scale": {"min": -3, "max": -1, "step": 1},
        "sections": [section],
        "assessors": {"independent_reviews": 1},
    }
    for within, reasons in ((4, []), (5, ["a number from 0 to 4 is expected"])):
        definition["grid"]["draw_near_line"] = {"within_points": within, "text": "By lot."}
        assert [str(problem.reason) for problem in problems_of(definition)] == reasons


def test_a_floor_that_is_left_empty_is_none(app: Flask) -> None:
    definition = documents()
    definition["call"]["envelope"]["by_region"][0]["floor"] = None
    assert [region.floor_minor for region in import_call(definition, by=None).regions] == [0]


def test_a_form_that_names_no_languages_is_in_those_of_its_call(app: Flask) -> None:
    definition = documents()
    del definition["form"]["languages"]
    call = import_call(definition, by=None)
    read = definition_of(call.questionnaire_id)
    assert (read.languages, read.fallback, read.title) == (("ja",), "ja", {"ja": "Application"})


LEAVES = st.none() | st.booleans() | st.integers(-5, 10**18) | st.floats() | st.text(max_size=8) | st.dates()
ANYTHING = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)


def places_in(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, member in members for place in places_in(member, (*path, key)))]


PLACES = [place for place in places_in(documents()) if place]


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(place=st.sampled_from(PLACES), value=ANYTHING)
def test_whatever_stands_anywhere_in_a_call_is_either_read_or_told_never_a_crash(
    place: tuple[Any, ...], value: Any
) -> None:
    changed = documents()
    holder: Any = changed
    for part in place[:-1]:
        holder = holder[part]
    holder[place[-1]] = value
    for problem in problems_of(changed):
        assert problem.reason


def test_the_reasons_of_mistakes_speak_the_language_of_the_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every reason is a message of the interface, looked up when it is read: a made-up language marks each."""
    monkeypatch.setattr(languages, "said", lambda message: f"¡{message}!")
    for file, before, after, _told in CORPUS:
        found = broken(file, before, after)
        assert all("¡" in line and "!" in line for line in found), found


@pytest.mark.parametrize("key", ["organization_visible", "other_reviews_visible_before_submit"])
def test_blind_reviews_are_a_matter_of_yes_and_no(key: str) -> None:
    line = "blind: {organization_visible: true, other_reviews_visible_before_submit: false}"
    after = line.replace(f"{key}: true", f"{key}: perhaps").replace(f"{key}: false", f"{key}: 1")
    told = broken("evaluation_grid.yaml", line, after)
    assert any(key in mistake and "true or false is expected" in mistake for mistake in told)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("other_reviews_visible_before_submit: false", "other_reviews_visible_before_submit: true", "always false"),
        ("score_with_three: mean_of_two_closest", "score_with_three: mean_of_all", "the two closest totals count"),
    ],
)
def test_what_a_grid_cannot_change_is_not_promised(before: str, after: str, told: str) -> None:
    mistakes = broken("evaluation_grid.yaml", before, after)
    assert [told in mistake for mistake in mistakes] == [True]


def test_a_call_says_whether_reviewers_know_who_applies_and_what_would_tell_them(app: Flask) -> None:
    definition = copy.deepcopy(SOUND)
    assert import_call(definition, by=None).hides_applicants is False
    definition["call"]["id"] = "MPF-BLIND"
    definition["grid"]["assessors"]["blind"]["organization_visible"] = False
    definition["call"]["required_annexes"][0]["identifies"] = True
    definition["form"]["sections"][1]["questions"][0]["identifies"] = True
    blind = import_call(definition, by=None)
    assert blind.hides_applicants is True
    assert [asked.key for asked in blind.documents if asked.identifies] == ["registration_certificate"]
    tells = {key for key, question in definition_of(blind.questionnaire_id).questions.items() if question.identifies}
    assert {"title", "org_contact_name", "org_contact_email", "org_contact_phone", "org_identifier"} <= tells
    assert "summary" not in tells
