"""Budgets are right to the smallest unit, or it is said what is not."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from grants.budgets import rules
from grants.core.money import Money
from grants.core.questions import Budget, budget_of
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
    sums = rules.sums_of(FORM, lines)
    assert (sums.total.amount, sums.requested.amount) == (total, grant)
    assert sums.money("direct_total").amount == direct
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
    return not next(row.within for row in sums.rows if row.heading.key == key)


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
    sums = rules.sums_of(form, lines)
    assert (sums.total, sums.contributed_percent) == (Money(9000, "XOF"), Decimal("11.11"))
    assert rules.obstacles_in_budget(lines, form, CHECKS, {"requested_amount": "8000"}) == []


# ------------------------------------------------------------------ one sum, whoever looks at it

typed = st.one_of(
    st.none(),
    st.decimals(min_value=-(10**6), max_value=10**13, places=2).map(str),
    st.decimals(min_value=0, max_value=10**6, places=3).map(str),
    st.integers(min_value=0, max_value=10**18).map(str),
    st.sampled_from(["", "about 500", "1e5", "NaN", "-0.00", "9999999999999.00"]),
)
any_lines = st.lists(
    st.fixed_dictionaries(
        {
            "heading": st.sampled_from([*PLAIN, "direct_total", "nowhere", None]),
            "total": typed,
            "requested": typed,
            "cofinancing": typed,
            "cofinancing_source": st.sampled_from(
                [None, "other_donors", "own_contribution_cash", FORM.grant, "nobody"]
            ),
        }
    ),
    max_size=15,
)


def counted(value: str | None, form: Budget) -> Decimal:
    """An amount as a person with a pencil counts it: nothing, unless it is one in the currency of the budget."""
    whole, _, decimals = (value or "").removeprefix("-").partition(".")
    places = {"EUR": 2, "XOF": 0, "TND": 3}[form.currency]
    if not whole.isdecimal() or (decimals and not decimals.isdecimal()) or decimals[places:].strip("0"):
        return Decimal(0)
    amount = Decimal(value or 0)
    return amount if abs(amount).scaleb(places) <= 10**15 else Decimal(0)


@given(any_lines, st.sampled_from(["EUR", "XOF", "TND"]))
@settings(max_examples=200, deadline=None)
def test_a_budget_has_one_sum_for_whoever_looks_at_it(lines: list[dict[str, Any]], currency: str) -> None:
    """The table of the form, the rules of eligibility and the checks of a submission say the same."""
    form = budget_of(DOCUMENT, currency, "en")
    figures, sums = rules.figures_of(form, lines), rules.sums_of(form, lines)
    under = [one for one in lines if one["heading"] in PLAIN]
    for row in sums.rows:
        keys = row.heading.parts or (row.heading.key,)
        here = [one for one in under if one["heading"] in _plain(form, keys)]
        assert row.total.amount == figures[row.heading.key] == sum(counted(o["total"], form) for o in here)
        assert row.requested.amount == figures[f"{row.heading.key}_requested"]
        assert row.requested.amount == sum(counted(o["requested"], form) for o in here)
    assert sums.total.amount == sum(counted(one["total"], form) for one in under)
    assert sums.requested.amount == figures[form.grant] == sum(counted(one["requested"], form) for one in under)
    for key, _title, paid in sums.sources[1:]:
        mine = [one for one in under if one["cofinancing_source"] == key]
        assert paid.amount == figures[key] == sum(counted(one["cofinancing"], form) for one in mine)


def _plain(form: Budget, keys: tuple[str, ...]) -> set[str]:
    """The headings that lines stand under, below computed ones."""
    parts = {heading.key: heading.parts for heading in form.headings}
    return {leaf for key in keys for leaf in (_plain(form, parts[key]) if parts[key] else {key})}


def test_an_amount_with_too_many_decimals_counts_nowhere() -> None:
    lines = [line("services", 1000, 0, total="10.005", requested="10.005", unit_cost="10.005")]
    sums = rules.sums_of(FORM, lines)
    assert (sums.total, sums.requested) == (Money(0, "EUR"), Money(0, "EUR"))
    assert sums.figures["services"] == sums.figures[FORM.grant] == 0
    assert "line.total" in codes(lines)


def test_sums_of_the_largest_amounts_are_exact() -> None:
    lines = [line("services", 10**15, 0) for _ in range(100)]
    assert rules.sums_of(FORM, lines).total == Money(10**17, "EUR")
