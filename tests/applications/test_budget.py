"""Budgets are right to the smallest unit, or it is said what is not."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from grants.applications import rules
from grants.core.money import Money
from grants.core.questions import budget_of
from tests.applications import sample

DOCUMENT = sample.read("budget_categories")
CHECKS = DOCUMENT["checks"]
FORM = budget_of(DOCUMENT, "EUR", "en")
PLAIN = [heading.key for heading in FORM.headings if not heading.parts]


def cents(value: int) -> str:
    return str(Money(value, "EUR").amount)


def line(heading: str, ours: int, others: int, **more: Any) -> dict[str, Any]:
    """A sound line of one piece."""
    whole = {
        "heading": heading,
        "code": "1.1",
        "quantity": "1",
        "unit_cost": cents(ours + others),
        "currency": "EUR",
        "total": cents(ours + others),
        "requested": cents(ours),
        "cofinancing": cents(others),
        "cofinancing_source": "other_donors" if others else None,
    }
    return whole | more


def codes(lines: list[dict[str, Any]], checks: Any = CHECKS, **answers: Any) -> set[str]:
    return {o.code for o in rules.obstacles_in_budget(lines, FORM, checks, answers)}


def summary(lines: list[dict[str, Any]]) -> dict[str, str]:
    """What the summary must promise for these lines."""
    asked = sum(Decimal(one["requested"]) for one in lines)
    cost = sum(Decimal(one["total"]) for one in lines)
    return {"requested_amount": str(asked), "total_cost": str(cost)}


amounts = st.integers(min_value=0, max_value=2_000_000)
sound_lines = st.lists(
    st.tuples(st.sampled_from(PLAIN), amounts, amounts).filter(lambda parts: parts[1] + parts[2] > 0),
    min_size=1,
    max_size=12,
).map(lambda parts: [line(*part) for part in parts])


@given(sound_lines)
@settings(max_examples=150, deadline=None)
def test_sums_are_exact_and_every_limit_is_judged_to_the_cent(lines: list[dict[str, Any]]) -> None:
    cost = {key: sum((Decimal(o["total"]) for o in lines if o["heading"] == key), Decimal(0)) for key in PLAIN}
    asked = {key: sum((Decimal(o["requested"]) for o in lines if o["heading"] == key), Decimal(0)) for key in PLAIN}
    direct = sum(v for k, v in cost.items() if k not in ("contingency", "indirect"))
    grant, total = sum(asked.values()), sum(cost.values())
    sums = rules.sums_of(lines, FORM)
    assert (sums.total.amount, sums.requested.amount) == (total, grant)
    assert sums.cost("direct_total").amount == direct
    assert sum(amount.minor for _key, _title, amount in sums.sources) == sums.total.minor
    expected = set()
    if 100 * cost["indirect"] > 7 * direct:
        expected.add("BC2")
    if 100 * cost["contingency"] > 5 * direct:
        expected.add("BC3")
    if 100 * asked["staff"] > 40 * grant:
        expected.add("BC4")
    if 100 * asked["equipment"] > 10 * grant:
        expected.add("BC5")
    if 100 * (total - grant) < 10 * total:
        expected.add("BC6")
    assert codes(lines, **summary(lines)) == expected
    assert {
        f"BC{n}" for n, key in ((2, "indirect"), (3, "contingency"), (4, "staff"), (5, "equipment")) if _over(sums, key)
    } == {code for code in expected if code != "BC6"}


def _over(sums: rules.Sums, key: str) -> bool:
    return next(row.over for row in sums.rows if row.key == key)


@given(
    sound_lines,
    st.integers(min_value=0),
    st.sampled_from(["requested", "cofinancing", "total"]),
    st.sampled_from([-1, 1]),
)
@settings(max_examples=80, deadline=None)
def test_one_cent_off_in_any_part_of_any_line_is_noticed(
    lines: list[dict[str, Any]], which: int, part: str, by: int
) -> None:
    one = lines[which % len(lines)]
    before = codes(lines, **summary(lines))
    changed = dict(one, **{part: cents(int(Decimal(one[part]) * 100) + by)})
    now = [changed if o is one else o for o in lines]
    assert codes(now, **summary(lines)) - before


@given(st.integers(min_value=1, max_value=10**7), st.sampled_from([-1, 1]))
@settings(max_examples=50, deadline=None)
def test_the_summary_must_promise_what_the_budget_says(total: int, by: int) -> None:
    lines = [line("services", total, total)]
    right = summary(lines)
    assert codes(lines, **right) == set()
    assert codes(lines, **right | {"requested_amount": cents(total + by)}) == {"budget.requested"}
    assert codes(lines, **right | {"total_cost": cents(2 * total + by)}) == {"budget.total"}


def test_at_the_limit_is_within_it() -> None:
    lines = [
        line("staff", 400_000, 0),
        line("equipment", 100_000, 0),
        line("services", 393_000, 107_000),
        line("indirect", 70_000, 0),
        line("contingency", 37_000, 13_000),
    ]
    assert codes(lines, **summary(lines)) == set()
    assert codes([*lines, line("staff", 1, 0)], **summary([*lines, line("staff", 1, 0)])) == {"BC4"}


def test_a_line_says_what_is_wrong_with_it() -> None:
    for changes, code in (
        ({"unit_cost": "10.02"}, "line.product"),
        ({"unit_cost": None}, "line.product"),
        ({"total": "0.00", "requested": "0.00", "unit_cost": "0"}, "line.total"),
        ({"total": None}, "line.total"),
        ({"currency": "USD"}, "line.currency"),
        ({"cofinancing_source": "other_donors"}, "line.payer"),
        ({"requested": "4.00", "cofinancing": "6.00"}, "line.payer"),
        ({"requested": "4.00", "cofinancing": "6.00", "cofinancing_source": "requested_grant"}, "line.payer"),
        ({"requested": "-2.00", "cofinancing": "12.00", "cofinancing_source": "other_donors"}, "line.negative"),
        ({"requested": "9.99"}, "line.split"),
    ):
        assert code in codes([line("services", 1000, 0, **changes)]), changes


def test_the_tolerance_of_the_call_is_one_cent_and_not_two() -> None:
    one_third = {"quantity": "3", "unit_cost": "33.33", "total": "100.00", "requested": "100.00"}
    assert "line.product" not in codes([line("services", 10_000, 0, **one_third)])
    assert "line.product" in codes([line("services", 10_000, 0, **one_third | {"unit_cost": "33.32"})])


def test_a_limit_that_no_check_of_the_call_looks_at_is_held_as_well() -> None:
    lines = [line("staff", 500_000, 0), line("services", 400_000, 100_000)]
    assert codes(lines, checks=[], **summary(lines)) == {"limit.staff"}


def test_a_budget_without_decimals_keeps_whole_units() -> None:
    form = budget_of(DOCUMENT, "XOF", "en")
    lines = [
        line(
            "services",
            0,
            0,
            total="9000",
            requested="8000",
            cofinancing="1000",
            unit_cost="9000",
            currency="XOF",
            cofinancing_source="other_donors",
        )
    ]
    sums = rules.sums_of(lines, form)
    assert (sums.total, sums.contributed_percent) == (Money(9000, "XOF"), Decimal("11.11"))
    assert rules.obstacles_in_budget(lines, form, CHECKS, {"requested_amount": "8000"}) == []
