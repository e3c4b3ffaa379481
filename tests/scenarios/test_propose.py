"""What is proposed: held against every set of awards where those can be counted, and the sample's own limits."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grants.core.money import Money
from grants.reviews.queries import ApplicationLine
from grants.scenarios.rules import Gap, Limits, propose, propose_lifting

REGIONS, LOTS = ("AFR", "ASI", "LAC"), ("L1", "L2")


def line(number: int, minor: int, region: str = "AFR", lot: str = "L1", lead: int | None = None) -> ApplicationLine:
    reference, lead = f"APP-{number:03}", 1000 + number if lead is None else lead
    return ApplicationLine(number, reference, "T", "eligible", "en", region, lot, minor, "EUR", lead, "O", "SN")


def euros(number: int) -> Money:
    return Money(number * 100, "EUR")


def limits(budget: int, floors: Any = (), ceilings: Any = (), least: Any = (), most: int | None = None) -> Limits:
    """Limits in whole euros."""
    return Limits(
        euros(budget),
        {key: euros(n) for key, n in dict(floors).items()},
        {key: euros(n) for key, n in dict(ceilings).items()},
        dict(least),
        most,
    )


def kept(chosen: list[ApplicationLine], wanted: Limits) -> bool:
    def spent(key: str) -> int:
        return sum(one.requested_minor for one in chosen if key in (one.region, one.lot_key))

    return (
        sum(one.requested_minor for one in chosen) <= wanted.budget.minor
        and all(spent(key) >= amount.minor for key, amount in wanted.floors.items())
        and all(spent(key) <= amount.minor for key, amount in wanted.ceilings.items())
        and all(sum(one.lot_key == key for one in chosen) >= n for key, n in wanted.least.items())
        and max(Counter(one.organization_id for one in chosen).values(), default=0)
        <= (len(chosen) if wanted.most_per_lead is None else wanted.most_per_lead)
    )


def first_of_all(ranked: list[ApplicationLine], wanted: Limits) -> list[str] | None:
    """The first in the order of the ranking among all sets of awards that keep to the limits."""
    number = len(ranked)
    sets = (np.arange(2**number - 1, -1, -1)[:, None] >> np.arange(number - 1, -1, -1)) & 1

    def spent(key: str | None = None) -> np.ndarray[Any, Any]:
        return sets @ [one.requested_minor * (key in {None, one.region, one.lot_key}) for one in ranked]

    def awards(name: str, key: Any) -> np.ndarray[Any, Any]:
        return sets @ [int(getattr(one, name) == key) for one in ranked]

    if not ranked:
        return [] if kept([], wanted) else None
    kept_by = spent() <= wanted.budget.minor
    for key, least in wanted.floors.items():
        kept_by &= spent(key) >= least.minor
    for key, most in wanted.ceilings.items():
        kept_by &= spent(key) <= most.minor
    for key, few in wanted.least.items():
        kept_by &= awards("lot_key", key) >= few
    if wanted.most_per_lead is not None:
        for lead in {one.organization_id for one in ranked}:
            kept_by &= awards("organization_id", lead) <= wanted.most_per_lead
    if not kept_by.any():
        return None
    return [one.reference for one, is_in in zip(ranked, sets[kept_by.argmax()], strict=True) if is_in]


lines = st.tuples(
    st.one_of(st.integers(1, 9).map(lambda n: n * 100), st.integers(1, 900)),
    st.sampled_from(REGIONS),
    st.sampled_from(LOTS),
    st.integers(1, 4),
)
amounts = st.integers(0, 25)
wishes = st.builds(
    limits,
    st.integers(0, 40),
    st.dictionaries(st.sampled_from(REGIONS), amounts, max_size=2),
    st.dictionaries(st.sampled_from([*REGIONS, "L1"]), amounts, max_size=2),
    st.dictionaries(st.sampled_from(LOTS), st.integers(0, 3), max_size=2),
    st.none() | st.integers(1, 2),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(lines, max_size=9), wishes)
def test_no_set_that_keeps_to_the_limits_comes_before_the_proposal(drawn: Any, wanted: Limits) -> None:
    ranked = [line(n, *one) for n, one in enumerate(drawn)]
    proposal, first = propose(ranked, wanted), first_of_all(ranked, wanted)
    assert (None if proposal.awards is None else [one.reference for one in proposal.awards]) == first
    if proposal.awards is None:
        assert proposal.failing
        assert (proposal.spent, proposal.left) == (None, None)
    else:
        assert proposal.spent is not None
        assert proposal.left is not None
        assert proposal.spent + proposal.left == wanted.budget
        out = {one.application.reference for one in proposal.passed_over}
        assert out == {one.reference for one in ranked} - set(first or [])


@st.composite
def tight(draw: st.DrawFn) -> tuple[list[ApplicationLine], Limits]:
    """Amounts in cents, and limits within some cents of what a choice that nobody knows comes to."""
    amounts = st.integers(1, 40) | st.integers(600_000, 1_500_000)
    one = st.tuples(amounts, st.sampled_from(REGIONS), st.sampled_from(LOTS), st.integers(1, 6))
    ranked = [line(n, *drawn) for n, drawn in enumerate(draw(st.lists(one, min_size=1, max_size=12)))]
    chosen = [each for each in ranked if draw(st.booleans())]
    cents, awards, perhaps = st.integers(-1, 3), st.integers(-1, 1), st.booleans()

    def money(key: str) -> int:
        return sum(each.requested_minor for each in chosen if key in {each.region, each.lot_key})

    wanted = Limits(
        Money(max(sum(each.requested_minor for each in chosen) + draw(cents), 0), "EUR"),
        {key: Money(max(money(key) - draw(cents), 0), "EUR") for key in (*REGIONS, *LOTS) if draw(perhaps)},
        {key: Money(max(money(key) + draw(cents), 0), "EUR") for key in (*REGIONS, *LOTS) if draw(perhaps)},
        {key: max(sum(each.lot_key == key for each in chosen) + draw(awards), 0) for key in LOTS if draw(perhaps)},
        draw(st.none() | st.integers(1, 3)),
    )
    return ranked, wanted


@settings(max_examples=200, deadline=None)
@given(tight())
def test_where_limits_leave_a_few_cents_no_set_that_keeps_to_them_comes_first(drawn: Any) -> None:
    ranked, wanted = drawn
    proposal = propose(ranked, wanted)
    awards = None if proposal.awards is None else [one.reference for one in proposal.awards]
    assert awards == first_of_all(ranked, wanted)


AMOUNTS = [(823_360, "ASI", "L1", 2), (600_000, "AFR", "L2", 1), (853_428, "LAC", "L1", 6), (1, "LAC", "L1", 6)]
AMOUNTS += [(9, "LAC", "L1", 1), (600_000, "AFR", "L2", 4), (1, "ASI", "L1", 6), (722_733, "AFR", "L2", 4)]


def test_limits_too_fine_for_the_solver_are_decided_about_by_looking_at_every_choice() -> None:
    def cents(**amounts: int) -> dict[str, Money]:
        return {key: Money(minor, "EUR") for key, minor in amounts.items()}

    floors, ceilings = cents(AFR=1_199_999, ASI=823_362, LAC=7), cents(AFR=1_200_000, LAC=13, L2=1_200_000)
    wanted = Limits(Money(2_023_371, "EUR"), floors, ceilings, {"L1": 4, "L2": 3}, 1)
    ranked = [line(n, *one) for n, one in enumerate(AMOUNTS)]
    assert first_of_all(ranked, wanted) is None
    assert [gap.code for gap in propose(ranked, wanted).gaps] == ["floor_ASI", "floor_LAC", "lot_L1", "lot_L2"]


@settings(max_examples=100, deadline=None)
@given(st.lists(lines, max_size=7), wishes)
def test_lifting_what_is_said_to_fail_by_as_much_as_is_said_is_enough(drawn: Any, wanted: Limits) -> None:
    ranked = [line(n, *one) for n, one in enumerate(drawn)]
    proposal = propose(ranked, wanted)
    if proposal.awards is not None:
        return
    codes = [one.code for one in proposal.failing]
    for lifted in lifts(codes, wanted):
        assert first_of_all(ranked, lifted) is not None


@settings(max_examples=100, deadline=None)
@given(st.lists(lines, max_size=7), wishes)
def test_limits_that_are_lifted_with_a_reason_give_way_as_far_as_they_must(drawn: Any, wanted: Limits) -> None:
    ranked = [line(n, *one) for n, one in enumerate(drawn)]
    proposal = propose(ranked, wanted)
    reasons = {gap.code: f"Because of {gap.code}." for gap in proposal.gaps}
    again = propose_lifting(ranked, wanted, reasons)
    assert again.awards is not None
    assert all(one.reason == f"Because of {one.gap.code}." for one in again.lifted)
    if proposal.awards is not None:
        assert (again.awards, again.lifted) == (proposal.awards, [])
        return
    assert len(again.lifted) == (1 if proposal.one_is_enough else len(proposal.gaps))
    assert kept(again.awards, again.limits)
    for one in again.lifted:
        nearer = one.gap.reached + (1 if one.gap.kind in ("floor", "lot") else -1)
        assert first_of_all(ranked, given_way(again.limits, one.gap, nearer)) is None, "it gave way too far"


def given_way(wanted: Limits, gap: Gap, reached: int) -> Limits:
    if gap.kind == "budget":
        return replace(wanted, budget=Money(reached, "EUR"))
    if gap.kind == "lot":
        return replace(wanted, least={**wanted.least, gap.key: reached})
    name = {"floor": "floors", "ceiling": "ceilings"}[gap.kind]
    return replace(wanted, **{name: {**getattr(wanted, name), gap.key: Money(reached, "EUR")}})


def test_a_reason_for_one_of_two_limits_that_both_fail_is_not_enough() -> None:
    wanted = limits(200_000, {"LAC": 30_000}, least={"L2": 3})
    assert [gap.code for gap in propose(SAMPLE, wanted).gaps] == ["floor_LAC", "lot_L2"]
    assert propose_lifting(SAMPLE, wanted, {"lot_L2": "Few applied."}).awards is None
    both = propose_lifting(SAMPLE, wanted, {"lot_L2": "Few applied.", "floor_LAC": "Few applied."})
    assert both.awards == SAMPLE
    assert [(one.gap.reached, one.reason) for one in both.lifted] == [(2_360_000, "Few applied."), (2, "Few applied.")]


def lifts(codes: list[str], wanted: Limits) -> Iterator[Limits]:
    """Each limit that is said to be enough by itself, taken away; all that are named, when none is enough alone."""
    singles = [[code] for code in codes[1:]] if codes[0] == "together" else [codes]
    for taken in singles:
        budget = Money(10**9, "EUR") if "budget" in taken else wanted.budget
        yield Limits(
            budget,
            {key: v for key, v in wanted.floors.items() if f"floor_{key}" not in taken},
            {key: v for key, v in wanted.ceilings.items() if f"ceiling_{key}" not in taken},
            {key: v for key, v in wanted.least.items() if f"lot_{key}" not in taken},
            wanted.most_per_lead,
        )


SAMPLE = [
    line(5, 1_500_000, "ASI", "L2"),
    line(9, 1_400_000, "LAC", "L1"),
    line(1, 1_450_000, "AFR", "L1"),
    line(3, 1_200_000, "AFR", "L1"),
    line(4, 1_180_000, "AFR", "L3"),
    line(6, 890_000, "ASI", "L3"),
    line(8, 1_320_000, "ASI", "L3"),
    line(11, 960_000, "LAC", "L3"),
    line(2, 980_000, "AFR", "L2"),
]


def test_a_floor_that_cannot_be_reached_is_named_with_what_is_missing() -> None:
    floors = {"AFR": 30_000, "ASI": 30_000, "LAC": 25_000}
    proposal = propose(SAMPLE, limits(120_000, floors, {"AFR": 55_000}, {"L1": 2, "L2": 2, "L3": 1}))
    assert proposal.awards is None
    assert proposal.why == (
        "The floor for LAC is €25,000, and €23,600 is the most that can be awarded there within the other limits:"
        " €1,400 short."
    )


def test_limits_that_only_fail_together_name_each_that_would_be_enough_to_lift() -> None:
    proposal = propose(SAMPLE, limits(30_000, {"AFR": 20_000, "LAC": 14_000}))
    assert proposal.awards is None
    assert [one.code for one in proposal.failing] == ["together", "budget", "floor_AFR", "floor_LAC"]
    assert "The budget is €30,000, and the other limits need €35,600: €5,600 more." in proposal.why


def test_a_lot_without_enough_applications_is_named() -> None:
    proposal = propose(SAMPLE, limits(200_000, least={"L2": 3}))
    assert proposal.why == "Lot L2 is to have 3 awards and gets 2 at most within the other limits: 1 short."


def test_the_best_application_is_not_dropped_for_two_cheap_ones() -> None:
    ranked = [line(1, 1_000_000), line(2, 600_000), line(3, 600_000)]
    proposal = propose(ranked, limits(12_000))
    assert proposal.awards == ranked[:1]
    assert proposal.why == (
        "1 award in the order of the ranking, within €12,000. APP-002: it asks for €4,000 more than what is left."
        " APP-003: it asks for €4,000 more than what is left."
    )


def test_an_organization_gets_no_more_awards_than_one_may() -> None:
    ranked = [line(1, 500_000, lead=7), line(2, 400_000, lead=7), line(3, 900_000, lead=8), line(4, 300_000, lead=7)]
    assert propose(ranked, limits(20_000, most=1)).awards == [ranked[0], ranked[2]]
    proposal = propose(ranked, limits(22_000, most=2))
    assert proposal.awards == ranked[:3]
    assert proposal.why.endswith("APP-004: its organization has as many awards before it as one may get.")


def test_a_cent_decides() -> None:
    ranked = [line(1, 1_000_001), line(2, 1_499_999, "ASI")]
    assert propose(ranked, Limits(Money(2_500_000, "EUR"))).awards == ranked
    assert propose(ranked, Limits(Money(2_499_999, "EUR"))).awards == ranked[:1]
    assert propose(ranked, Limits(Money(2_500_000, "EUR"), {"ASI": Money(1_500_000, "EUR")})).awards is None


def crowd(seed: int, step: int) -> list[ApplicationLine]:
    """600 applications that ask for EUR 6,000 to 15,000, in so many cents."""
    drawn = random.Random(seed)
    return [
        line(n, drawn.randint(600_000 // step, 1_500_000 // step) * step, drawn.choice(REGIONS), drawn.choice(LOTS))
        for n in range(600)
    ]


@pytest.mark.parametrize("step", [10_000, 1])
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("floor", [150_000, 180_000, 199_500])
def test_600_applications_are_decided_about_within_seconds(seed: int, floor: int, step: int) -> None:
    ranked = crowd(seed, step)
    wanted = limits(600_000, dict.fromkeys(REGIONS, floor), {"AFR": 205_000}, {"L1": 20, "L2": 30})
    began = time.process_time()
    proposal = propose(ranked, wanted)
    assert proposal.awards is not None
    assert kept(proposal.awards, wanted)
    assert time.process_time() - began < 5, "2 seconds where nothing else runs"


CENTS = {"AFR": 19_876_543, "ASI": 18_765_432, "LAC": 21_358_021}


@pytest.mark.parametrize(
    "least", [{"L1": 15, "L2": 20}, {"L1": 29, "L2": 32}, {"L1": 10, "L2": 45}], ids=["light", "binding", "uneven"]
)
def test_floors_for_the_whole_budget_are_met_to_the_cent(least: dict[str, int]) -> None:
    ranked, began = crowd(1, 1), time.process_time()
    floors = {key: Money(minor, "EUR") for key, minor in CENTS.items()}
    wanted = Limits(Money(sum(CENTS.values()) + 7, "EUR"), floors, {}, least)
    proposal = propose(ranked, wanted)
    assert proposal.awards is not None
    assert kept(proposal.awards, wanted)
    assert time.process_time() - began < 6, "2 seconds where nothing else runs"


def test_by_how_much_a_limit_fails_is_told_to_the_cent_and_the_same_each_time() -> None:
    wanted = limits(600_000, dict.fromkeys(REGIONS, 250_000), {"AFR": 255_000}, {"L1": 20, "L2": 30})
    wanted = replace(wanted, floors={**wanted.floors, "ASI": Money(20_000_001, "EUR"), "LAC": Money(20_000_003, "EUR")})
    told = [propose(crowd(0, 1), wanted).gaps for _ in range(2)]
    assert told[0] == told[1]
    assert {gap.code: gap.reached for gap in told[0]}["floor_AFR"] == 60_000_000 - 20_000_001 - 20_000_003
