from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grants.awards import rules
from grants.awards.models import Award
from grants.core.money import Money

PLANS = [
    {
        "id": "T-80-20",
        "when": "amount <= 10000",
        "tranches": [
            {"number": 1, "percent": 80, "trigger": "agreement_signed"},
            {"number": 2, "percent": 20, "trigger": "final_report_approved"},
        ],
    },
    {
        "id": "T-50-40-10",
        "when": "amount > 10000",
        "tranches": [
            {"number": 1, "percent": 50, "trigger": "agreement_signed"},
            {
                "number": 2,
                "percent": 40,
                "trigger": "interim_report_approved",
                "min_spent_percent_of_received": 70,
            },
            {"number": 3, "percent": 10, "trigger": "final_report_approved"},
        ],
    },
]
REPORTS = [
    {
        "key": "inception_note",
        "offset": {"from": "start", "days": 30},
        "type": "narrative_light",
        "required": False,
        "label": {"en": "Inception note"},
    },
    {
        "key": "interim_report",
        "offset": {"from": "midpoint", "days": 15},
        "type": "narrative_and_financial",
        "required": "amount > 10000",
        "label": {"en": "Interim report"},
    },
    {
        "key": "final_report",
        "offset": {"from": "end", "days": 60},
        "type": "narrative_and_financial",
        "required": True,
        "label": {"en": "Final report"},
    },
    {
        "key": "receipt_confirmation",
        "offset": {"from": "payment_sent", "days": 10},
        "type": "confirmation",
        "required": True,
        "label": {"en": "Confirmation of receipt"},
    },
]
TERMS: dict[str, Any] = {"award": {"tranche_plans": PLANS}, "reporting": {"milestones": REPORTS}}
CURRENCIES = st.sampled_from(["EUR", "XOF", "TND", "NPR", "JPY"])


def award(minor: int, currency: str = "EUR", **more: Any) -> Award:
    return Award(amount_minor=minor, currency=currency, **more)


@given(minor=st.integers(1, 10**12), currency=CURRENCIES)
def test_instalments_add_up_to_the_award_whatever_the_amount_and_the_currency(minor: int, currency: str) -> None:
    planned = rules.instalments(award(minor, currency), TERMS)
    assert sum(i.amount.minor for i in planned) == minor
    assert {i.amount.currency for i in planned} == {currency}
    assert [i.number for i in planned] == list(range(1, len(planned) + 1))


@given(
    minor=st.integers(1, 10**12),
    currency=CURRENCIES,
    percents=st.lists(st.integers(1, 60), min_size=1, max_size=5).filter(lambda p: sum(p) < 100),
)
def test_any_plan_of_parts_that_make_a_hundred_is_split_exactly(minor: int, currency: str, percents: list[int]) -> None:
    parts = [*percents, 100 - sum(percents)]
    tranches = [{"number": n, "percent": p, "trigger": "agreement_signed"} for n, p in enumerate(parts, 1)]
    terms = {"award": {"tranche_plans": [{"tranches": tranches}]}}
    planned = rules.instalments(award(minor, currency), terms)
    assert sum(i.amount.minor for i in planned) == minor
    for instalment, percent in zip(planned, parts, strict=True):
        exact = Decimal(minor) * percent / 100
        assert abs(instalment.amount.minor - exact) <= len(parts)


@pytest.mark.parametrize(
    ("minor", "currency", "amounts"),
    [
        (1_000_000, "EUR", [800_000, 200_000]),
        (1_000_001, "EUR", [500_000, 400_000, 100_001]),
        (1_450_000, "EUR", [725_000, 580_000, 145_000]),
        (10_001, "XOF", [5_000, 4_000, 1_001]),
        (9_999, "XOF", [7_999, 2_000]),
    ],
)
def test_the_amount_decides_between_two_and_three_instalments(minor: int, currency: str, amounts: list[int]) -> None:
    assert [i.amount.minor for i in rules.instalments(award(minor, currency), TERMS)] == amounts


def test_a_call_without_a_plan_for_the_amount_gives_no_instalments() -> None:
    assert rules.instalments(award(500_000), {"award": {"tranche_plans": PLANS[1:]}}) == []
    assert rules.instalments(award(500_000), {}) == []


@given(parts=st.lists(st.integers(0, 10**9), min_size=1, max_size=9).filter(any), whole=st.integers(0, 10**10))
def test_a_budget_is_scaled_exactly_and_each_line_within_one_unit_of_its_share(parts: list[int], whole: int) -> None:
    scaled = rules.apportion(parts, whole)
    assert sum(scaled) == whole
    assert all(part >= 0 for part in scaled)
    for before, after in zip(parts, scaled, strict=True):
        assert abs(Decimal(before) * whole / sum(parts) - after) < 1


def test_a_budget_of_nothing_cannot_be_scaled() -> None:
    with pytest.raises(ValueError, match="nothing"):
        rules.apportion([0, 0], 100)


@given(
    lines=st.lists(
        st.tuples(st.sampled_from(["staff", "travel", "indirect", "unknown"]), st.integers(0, 10**6)), max_size=20
    ),
    awarded=st.integers(1, 10**9),
    currency=CURRENCIES,
)
def test_budget_lines_add_up_to_the_award_even_when_it_is_less_than_was_asked(
    lines: list[tuple[str, int]], awarded: int, currency: str
) -> None:
    rows = [{"heading": key, "requested": str(Money(minor, currency).amount)} for key, minor in lines]
    headings = [{"key": key, "title": {"en": key}} for key in ("staff", "travel", "direct_total", "indirect")]
    shares = rules.budget_of(rows, headings, Money(awarded, currency))
    assert sum(share.amount.minor for share in shares) == awarded
    assert {share.heading for share in shares} <= {"staff", "travel", "indirect", "unknown", "grant"}


def test_budget_lines_keep_the_order_of_the_calls_headings_and_what_was_asked() -> None:
    rows = [
        {"heading": "travel", "requested": "1640.00"},
        {"heading": "staff", "requested": "3240.00"},
        {"heading": "staff", "requested": "2400.00"},
        {"heading": "travel", "requested": None},
    ]
    headings = [{"key": "staff", "title": {"en": "Staff"}}, {"key": "travel", "title": {"en": "Travel"}}]
    shares = rules.budget_of(rows, headings, Money(728_000, "EUR"))
    assert [(s.heading, s.title["en"], s.amount.minor) for s in shares] == [
        ("staff", "Staff", 564_000),
        ("travel", "Travel", 164_000),
    ]


def test_reports_fall_on_days_counted_from_start_midpoint_and_end() -> None:
    running = award(1_450_000, start_on=date(2027, 6, 1), end_on=date(2028, 1, 31))
    assert [(r.key, r.required, r.due_on) for r in rules.report_plan(running, TERMS)] == [
        ("inception_note", False, date(2027, 7, 1)),
        ("interim_report", True, date(2027, 10, 16)),
        ("final_report", True, date(2028, 3, 31)),
    ]


def test_a_small_grant_owes_no_interim_report() -> None:
    running = award(1_000_000, start_on=date(2027, 6, 1), end_on=date(2028, 1, 31))
    assert [r.key for r in rules.report_plan(running, TERMS)] == ["inception_note", "final_report"]


@given(start=st.dates(date(2020, 1, 1), date(2090, 1, 1)), months=st.integers(1, 36))
def test_an_action_of_some_months_ends_the_day_before_the_same_day(start: date, months: int) -> None:
    begins, ends = rules.period(start, months, None, None)
    assert begins == start
    assert ends is not None
    after = ends + timedelta(days=1)
    assert (after.year * 12 + after.month) - (start.year * 12 + start.month) == months
    assert after.day <= start.day


def test_an_action_neither_begins_before_the_call_allows_nor_ends_after_it() -> None:
    assert rules.period(date(2027, 5, 1), 9, date(2027, 5, 15), date(2028, 1, 31)) == (
        date(2027, 5, 15),
        date(2028, 1, 31),
    )
    assert rules.period(None, 4, date(2027, 5, 15), None) == (date(2027, 5, 15), date(2027, 9, 14))
    assert rules.period(None, None, None, None) == (None, None)


def test_milestones_are_activities_by_the_end_of_their_last_month() -> None:
    plan = [
        {"activity": "Training", "months": "1-1"},
        {"activity": "Cases", "months": "2-7"},
        {"activity": "Dialogue", "months": "5"},
        {"activity": "  ", "months": "3"},
        {"activity": "Unclear", "months": "when ready"},
        {"activity": "Too late", "months": "8-12"},
    ]
    promised = rules.promises_of(plan, date(2027, 6, 1), date(2028, 1, 31))
    assert [(p.title, p.due_on) for p in promised] == [
        ("Training", date(2027, 6, 30)),
        ("Dialogue", date(2027, 10, 31)),
        ("Cases", date(2027, 12, 31)),
        ("Too late", date(2028, 1, 31)),
    ]


@given(st.lists(st.integers(1, 9), max_size=20))
def test_at_most_eight_milestones_are_kept_and_every_month_before_a_second_of_the_same(months: list[int]) -> None:
    plan = [{"activity": f"A{n}", "months": f"1-{m}"} for n, m in enumerate(months)]
    promised = rules.promises_of(plan, date(2027, 6, 1), date(2028, 2, 29))
    assert len(promised) == min(len(months), rules.MOST_MILESTONES)
    assert [p.due_on for p in promised] == sorted(p.due_on for p in promised)
    assert len({p.due_on for p in promised}) == min(len(set(months)), rules.MOST_MILESTONES)


def test_an_answer_is_asked_within_two_weeks_and_never_in_the_past() -> None:
    assert rules.answer_dates(date(2027, 4, 15), date(2027, 5, 14)) == (date(2027, 4, 29), date(2027, 5, 14))
    assert rules.answer_dates(date(2027, 5, 10), date(2027, 5, 14)) == (date(2027, 5, 14), date(2027, 5, 14))
    assert rules.answer_dates(date(2027, 6, 1), date(2027, 5, 14)) == (date(2027, 6, 15), date(2027, 6, 29))
    assert rules.answer_dates(date(2027, 6, 1), None) == (date(2027, 6, 15), date(2027, 6, 29))


def test_references_count_the_awards_of_a_call() -> None:
    assert rules.reference_of("MPF-2027-01", 3) == "MPF-2027-01-G03"
    assert rules.reference_of("MPF-2027-01", 104) == "MPF-2027-01-G104"


@pytest.mark.parametrize(
    ("state", "current"),
    [("offered", 4), ("sent", 4), ("active", 5), ("suspended", 5), ("terminated", 6), ("closed", None)],
)
def test_the_river_shows_where_a_grant_is(state: str, current: int | None) -> None:
    running: Any = SimpleNamespace(
        state=state,
        application=SimpleNamespace(submitted_at=None),
        offered_at=None,
        start_on=None,
        closed_at=None,
    )
    states = [step.state for step in rules.steps(running)]
    assert [n for n, s in enumerate(states) if s == "current"] == ([] if current is None else [current])
    assert states[:4] == ["done"] * 4
