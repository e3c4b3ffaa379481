"""What the answers to the plain questions lead to, and when something may be asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from grants.calls.forms import BadImport, read_call
from grants.calls.models import Call
from grants.calls.rules import problems_of
from grants.enquiries import rules
from grants.enquiries.models import EnquiryKind
from grants.enquiries.queries import Lately
from tests.calls.other_call import documents

SAMPLE = Path(__file__).parents[2] / "sample"
CLOSES = datetime(2027, 2, 26, 22, 59, 59, tzinfo=UTC)
TERMS: dict[str, Any] = read_call(SAMPLE)["call"]
QUESTIONS = rules.plain_questions(TERMS, ["en", "fr", "es"])
CALL = Call(
    state="published",
    opens_at=CLOSES - timedelta(days=46),
    closes_at=CLOSES,
    questions_until=CLOSES - timedelta(days=21),
    timezone="Europe/Brussels",
)

GOOD: dict[str, Any] = {
    "kind": "ngo",
    "registration": "registered",
    "country": "SN",
    "two_years": True,
    "only_there": True,
    "theme": "L1",
    "advocacy": True,
    "amount": Decimal(10000),
    "months": Decimal(6),
    "own_share": True,
    "language": True,
    "other_application": False,
    "late_report": False,
}


def outcome(**changed: Any) -> rules.Qualification:
    return rules.qualify(QUESTIONS, GOOD | changed, TERMS, CALL)


def test_the_sample_asks_about_a_dozen_questions_in_its_three_languages() -> None:
    assert len(QUESTIONS) == len(GOOD) == 13
    for question in QUESTIONS:
        for text in (question.label, question.reason, *(option.label for option in question.options)):
            assert set(text) == {"en", "fr", "es"}


def test_good_answers_stand_in_nobodys_way() -> None:
    found = outcome()
    assert found.may_apply
    assert not found.by_hand
    assert not found.unsure


@pytest.mark.parametrize(
    ("answer", "rule"),
    [
        ({"kind": "business"}, "E01"),
        ({"registration": "neither"}, "E02"),
        ({"country": "FR"}, "E03"),
        ({"only_there": False}, "E07"),
        ({"theme": "none"}, None),
        ({"advocacy": False}, None),
        ({"amount": Decimal("5999.99")}, "E05"),
        ({"amount": Decimal(15001)}, "E05"),
        ({"months": Decimal(10)}, "E06"),
        ({"own_share": False}, "E10"),
        ({"language": False}, "E12"),
        ({"other_application": True}, "E09"),
    ],
)
def test_one_wrong_answer_is_one_no_with_its_rule_and_reason(answer: dict[str, Any], rule: str | None) -> None:
    found = outcome(**answer)
    (barrier,) = found.noes
    assert not found.may_apply
    assert barrier.question.key in answer
    assert barrier.question.reason
    assert (barrier.rule.key if barrier.rule else None) == rule
    assert not found.by_hand


def test_the_limits_themselves_are_within_the_limits() -> None:
    for amount, months in ((6000, 4), (15000, 9)):
        assert outcome(amount=Decimal(amount), months=Decimal(months)).may_apply


@pytest.mark.parametrize(("key", "rule"), [("two_years", "E04"), ("late_report", "E11")])
def test_what_a_person_looks_at_stops_nobody(key: str, rule: str) -> None:
    found = outcome(**{key: not GOOD[key]})
    assert found.may_apply
    assert [b.rule.key for b in found.by_hand if b.rule] == [rule]


def test_a_sponsor_stands_in_for_a_registration_and_another_kind_is_no_reason() -> None:
    assert outcome(registration="sponsor", kind="other").may_apply


@given(st.sets(st.sampled_from(sorted(GOOD))))
def test_what_is_not_known_yet_is_named_and_never_a_no(unknown: set[str]) -> None:
    found = outcome(**dict.fromkeys(unknown))
    assert found.may_apply
    assert {question.key for question in found.unsure} == unknown


@given(
    st.fixed_dictionaries(
        {
            "amount": st.none() | st.decimals(allow_nan=False, allow_infinity=False, min_value=0, max_value=10**12),
            "months": st.none() | st.integers(0, 10**6).map(Decimal),
            "country": st.none() | st.text(max_size=3),
            "theme": st.none() | st.text(max_size=5),
        }
    )
)
def test_any_answer_has_an_outcome_and_each_no_has_its_question(answers: dict[str, Any]) -> None:
    found = outcome(**answers)
    assert found.may_apply == (not found.noes)
    assert {barrier.question.key for barrier in found.noes} <= set(answers)


# ------------------------------------------------------------------ a call that writes no questions


def test_rules_become_questions_where_a_call_writes_none(app: Flask) -> None:
    without = {key: value for key, value in TERMS.items() if key != "eligibility_check"}
    asked = rules.plain_questions(without, ["en", "fr"])
    kinds = {question.key: question.kind for question in asked}
    assert kinds["legal_form"] == "choice"
    assert kinds["country"] == "country"
    assert kinds["amount"] == "money"
    assert kinds["months"] == "number"
    assert kinds["language"] == "choice"
    cited = [rule.key for question in asked for rule in question.rules]
    assert cited == [f"E{n:02}" for n in (1, 2, 3, 4, 5, 6, 7, 10, 12)]


def test_a_legal_form_that_is_judged_by_hand_is_no_no(app: Flask) -> None:
    without = {key: value for key, value in TERMS.items() if key != "eligibility_check"}
    asked = rules.plain_questions(without, ["en"])
    found = rules.qualify(asked, {"legal_form": "other"}, without, CALL)
    assert [(b.question.key, b.by_hand) for b in (*found.noes, *found.by_hand)] == [("legal_form", True)]


def test_rules_that_no_plain_fact_answers_are_asked_in_their_own_words(app: Flask) -> None:
    other = documents()["call"]
    country, people = rules.plain_questions(other, ["ja"])
    assert country.kind == "country"
    assert (people.kind, people.label) == ("yes_no", {"ja": "Three people"})
    found = rules.qualify((country, people), {"country": "FR", people.key: False}, other, CALL)
    assert [b.question for b in found.noes] == [country]
    assert [b.question for b in found.by_hand] == [people]


# ------------------------------------------------------------------ as a call is imported


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({"check": "answer.nobody == true"}, "unknown name “answer.nobody”"),
        ({"type": "essay"}, "one of yes_no"),
        ({"rules": ["E99"]}, "there is no eligibility rule “E99”"),
        ({"check": None, "rules": []}, "a check, or rules that decide"),
        ({"check": None, "rules": ["E05"]}, "needs what no question asks"),
        ({"fact": "organization.shoe_size"}, "unknown name “organization.shoe_size”"),
        ({"fact": ["organization.country"]}, "unknown name"),
        ({"label": None}, "this text is missing"),
        ({"key": "kind"}, "“kind” stands twice"),
        ({"colour": "blue"}, "unknown key “colour”"),
        ({"on_fail": "shout"}, "reject or manual is expected"),
        ({"type": "choice", "options": []}, "at least one member"),
    ],
)
def test_a_question_that_cannot_work_is_refused_with_its_place(broken: dict[str, Any], reason: str) -> None:
    definition = read_call(SAMPLE)
    definition["call"]["eligibility_check"] = [
        definition["call"]["eligibility_check"][0],
        {"key": "mine", "type": "yes_no", "label": {"en": "So?"}, "check": "answer.mine == true"} | broken,
    ]
    problems = [p for p in problems_of(definition) if p.path[:2] == ("call", "eligibility_check")]
    assert any(reason in problem.reason and problem.path[2] == 1 for problem in problems), problems


def test_a_mistake_in_a_file_is_told_with_its_line(tmp_path: Path) -> None:
    for path in SAMPLE.glob("*.yaml"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    text = (SAMPLE / "call.yaml").read_text(encoding="utf-8").replace("answer.theme not in", "answer.thema not in")
    (tmp_path / "call.yaml").write_text(text, encoding="utf-8")
    line = next(n for n, row in enumerate(text.splitlines(), 1) if "answer.thema" in row)
    with pytest.raises(BadImport) as caught:
        read_call(tmp_path)
    assert [(m.file, m.line) for m in caught.value.mistakes] == [("call.yaml", line)]


# ------------------------------------------------------------------ when something may be asked


@given(st.integers(-(10**7), 10**7))
def test_questions_end_with_their_window_and_objections_with_the_deadline(seconds: int) -> None:
    for kind, until in ((EnquiryKind.QUESTION, CALL.questions_until), (EnquiryKind.CONTEST, CALL.closes_at)):
        assert until is not None
        refused = rules.obstacles_to_asking(CALL, kind, until + timedelta(seconds=seconds))
        assert bool(refused) == (seconds >= 0)


def test_a_person_and_a_network_are_bounded_each_by_its_own_number() -> None:
    assert rules.obstacles_to_one_more(Lately(4, 19, 199)) == []
    assert [o.code for o in rules.obstacles_to_one_more(Lately(5, 5, 5))] == ["asked_often"]
    assert [o.code for o in rules.obstacles_to_one_more(Lately(0, 20, 20))] == ["many_questions"]
    assert [o.code for o in rules.obstacles_to_one_more(Lately(0, 0, 200))] == ["many_questions"]
