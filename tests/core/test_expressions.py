"""Conditions and formulas: our own small parser, exact numbers, and never anything but a BadExpression."""

from __future__ import annotations

import operator
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grants.core.expressions import PHRASES, BadExpression, parse

DEADLINE = datetime(2027, 2, 26, 22, 59, 59, tzinfo=UTC)
FACTS: dict[str, Any] = {
    "organization": {"legal_form": "ngo", "registered": False, "fiscal_sponsor": None, "founded_on": date(2025, 2, 26)},
    "call": {"deadline": DEADLINE, "grant": {"min": 6000, "max": 15000.0}, "eligible_countries": ["SN", "ML"]},
    "application.requested_amount": "14500.00",
    "application.countries_of_action": ["SN"],
    "application.submitted_at": DEADLINE,
    "T1": 70,
    "T2": 59,
    "applications_of_lead": 1,
    "all_required_annexes_present": False,
    "partners": [],
    "direct_costs": "100.00",
    "indirect_costs": "7.00",
    "total": Decimal("16600.00"),
    "requested_grant": Decimal("14940.00"),
    "words": "three",
}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("organization.legal_form in [association, ngo]", True),
        ("organization.legal_form not in [association, 'ngo']", False),
        ("organization.registered == true or organization.fiscal_sponsor is not null", False),
        ("years_between(organization.founded_on, call.deadline) >= 2", True),
        ("call.grant.min <= application.requested_amount <= call.grant.max", True),
        ("application.countries_of_action subset_of call.eligible_countries", True),
        ("application.submitted_at <= call.deadline", True),
        ("count(applications where lead == organization) <= 1", True),
        ("all required annexes present", False),
        ("not all required annexes present", True),
        ("indirect_costs <= 0.07 * direct_costs", True),
        ("(total - requested_grant)/total >= 0.10", True),
        ("(T1>=60) != (T2>=60)", True),
        ("abs(T1-T2) > 0.30*max(T1,T2)", False),
        ("abs(T1-T2) >= 11 and T1 > T2", True),
        ("count(call.eligible_countries) == 2", True),
        ("words == 'three'", True),
        ("T1 in [70, 71]", True),
        ("partners", False),
        ("not partners", True),
        ("-T1 + 100 == 30", True),
        ("2 - -3", Decimal(5)),
        ("1 - 2 - 3", Decimal(-4)),
        ("2 + 3 * 4", Decimal(14)),
        ("min(3, 1, 2)", Decimal(1)),
    ],
)
def test_what_calls_say_is_understood(source: str, value: object) -> None:
    if isinstance(value, Decimal):
        assert parse(source).evaluate(FACTS) == value
    assert parse(source).holds(FACTS) is bool(value)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("nothing > 3", None),
        ("nothing == 'public'", None),
        ("nothing != 'public'", None),
        ("nothing is null", True),
        ("nothing > 3 or T1 > 3", True),
        ("nothing > 3 and T1 < 3", False),
        ("nothing > 3 and T1 > 3", None),
        ("not nothing > 3", None),
        ("nothing in [a]", None),
        ("1 / 0 > 1", None),
        ("years_between(nothing, call.deadline) > 2", None),
    ],
)
def test_what_is_missing_makes_an_answer_unknown_and_not_false(source: str, value: object) -> None:
    assert parse(source).evaluate(FACTS) is value


def test_equality_may_have_a_tolerance_and_order_has_none() -> None:
    values = {"total": "100.00", "sources": "100.01"}
    assert parse("total == sources").holds(values) is False
    assert parse("total == sources").holds(values, tolerance="0.01") is True
    assert parse("total >= sources").holds(values, tolerance="0.01") is False


@pytest.mark.parametrize(
    ("source", "reason", "position"),
    [
        ("", "ends too early", 0),
        ("T1 >", "ends too early", 4),
        ("T1 = 3", "“=” does not belong here", 3),
        ("(T1", "“)” is missing", 3),
        ("T1 T2", "“T2” does not belong here", 3),
        ("unknown > 1", "unknown name “unknown”", 0),
        ("1 < T1 < other", "unknown name “other”", 9),
        ("open('x')", "unknown function “open”", 0),
        ("abs(T1, T2)", "2 values", 0),
        ("T1 in [T1", "“,” is missing", 9),
        ("__import__('os').system('ls')", "does not belong", 16),
        ("T1.__class__", "unknown name “T1.__class__”", 0),
        ("lambda: 1", "“:” does not belong", 6),
        ("1" * 1001, "longer than", 1000),
        ("(" * 60 + "1" + ")" * 60, "nested too deeply", 40),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(source: str, reason: str, position: int) -> None:
    with pytest.raises(BadExpression) as refused:
        parse(source, {"T1", "T2"})
    assert reason in refused.value.reason
    assert refused.value.position == position


@pytest.mark.parametrize(
    "source", ["words > 3", "words + 1", "T1 in T2", "call.deadline > organization.founded_on", "abs(words)"]
)
def test_values_that_do_not_go_together_are_refused(source: str) -> None:
    with pytest.raises(BadExpression):
        parse(source).evaluate(FACTS)


PIECES = st.sampled_from(
    [
        *"()[],+-*/<>=.'\" ",
        "<=",
        "==",
        "!=",
        "and",
        "or",
        "not",
        "in",
        "is",
        "null",
        "true",
        "subset_of",
        "abs(",
        "max(",
        "count(",
        "T1",
        "T2",
        "a.b",
        "1",
        "2.5",
        "0",
        "'x'",
        "years_between(",
        *PHRASES,
    ]
)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.decimals(),
    st.text(max_size=5),
    st.dates(),
    st.datetimes(),
    st.lists(st.text(max_size=2), max_size=3),
)


@settings(max_examples=400, deadline=None)
@given(source=st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=14).map(" ".join)), t1=VALUES, t2=VALUES)
def test_no_text_and_no_values_raise_anything_but_a_bad_expression(source: str, t1: object, t2: object) -> None:
    with suppress(BadExpression):
        parse(source).holds({"T1": t1, "T2": t2, "a": {"b": t1}})


@given(source=st.text(max_size=60))
def test_a_refusal_points_into_the_text(source: str) -> None:
    try:
        parse(source, ())
    except BadExpression as refused:
        where = refused.position
    else:
        where = 0
    assert 0 <= where <= len(source)


AMOUNTS = st.decimals(min_value=-(10**12), max_value=10**12, places=4, allow_nan=False)
TREES = st.recursive(AMOUNTS, lambda inner: st.tuples(st.sampled_from("+-*"), inner, inner), max_leaves=8)
SIGNS = {"+": operator.add, "-": operator.sub, "*": operator.mul}


def _written(tree: Any) -> str:
    if isinstance(tree, Decimal):
        return f"(0 - {format(-tree, 'f')})" if tree < 0 else format(tree, "f")
    sign, left, right = tree
    return f"({_written(left)} {sign} {_written(right)})"


def _exactly(tree: Any) -> Any:
    """In whole ten-thousandths, where nothing is ever rounded."""
    if isinstance(tree, Decimal):
        return int(tree.scaleb(4)), 4
    sign, (left, places), (right, others) = tree[0], _exactly(tree[1]), _exactly(tree[2])
    if sign == "*":
        return left * right, places + others
    most = max(places, others)
    return SIGNS[sign](left * 10 ** (most - places), right * 10 ** (most - others)), most


@settings(max_examples=200, deadline=None)
@given(tree=TREES)
def test_sums_and_products_are_exact(tree: Any) -> None:
    whole, places = _exactly(tree)
    found = parse(_written(tree)).evaluate({})
    assert found == Decimal((0 if whole >= 0 else 1, tuple(map(int, str(abs(whole)))), -places))


@settings(max_examples=200, deadline=None)
@given(a=AMOUNTS, b=AMOUNTS)
def test_comparing_agrees_with_decimal(a: Decimal, b: Decimal) -> None:
    values = {"a": str(a), "b": b}
    for sign, compare in (
        ("<", operator.lt),
        ("<=", operator.le),
        (">", operator.gt),
        (">=", operator.ge),
        ("==", operator.eq),
    ):
        assert parse(f"a {sign} b").evaluate(values) is compare(a, b)
