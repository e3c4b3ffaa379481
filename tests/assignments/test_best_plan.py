"""The assignment that is proven best: held against every other one where that can be counted, and the sample's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import combinations, product
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from grants.assignments import rules
from grants.assignments.rules import Plan, best_plan
from grants.reviews.queries import ApplicationLine, Assignments, Board, Candidate
from grants.reviews.rules import affinity

SAMPLE = Path(__file__).parents[2] / "sample"


def line(number: int, region: str = "AFR", lot: str = "L1", language: str = "en") -> ApplicationLine:
    reference = f"APP-{number:03}"
    return ApplicationLine(number, reference, "T", "eligible", language, region, lot, 1, "EUR", 100 + number, "O", "SN")


def reviewer(
    number: int,
    regions: tuple[str, ...] = ("AFR",),
    lots: tuple[str, ...] = ("L1",),
    languages: tuple[str, ...] = ("en",),
    capacity: int = 5,
) -> Candidate:
    return Candidate(number, f"REV-{number}", f"R{number}", list(languages), list(regions), list(lots), capacity)


def board(lines: list[ApplicationLine], people: list[Candidate], *ties: tuple[int, int]) -> Board:
    """``ties`` are pairs of the number of a reviewer and of an application."""
    return Board(lines, people, Assignments([]), frozenset((person, 100 + number) for person, number in ties))


def sample_board() -> Board:
    def read(name: str) -> Any:
        return yaml.safe_load((SAMPLE / f"{name}.yaml").read_text())[name]

    keys = {one["organization"]: n for n, one in enumerate(read("applications"))}
    lines = [
        ApplicationLine(
            n, one["id"], "T", "eligible", one["language"], one["region"], one["lot"], 1, "EUR", n, "O", "SN"
        )
        for n, one in enumerate(read("applications"))
    ]
    people = [
        Candidate(n, one["id"], "R", one["languages"], one["regions"], one["lots"], one["capacity"])
        for n, one in enumerate(read("reviewers"))
    ]
    ties = frozenset((n, keys[tied]) for n, one in enumerate(read("reviewers")) for tied in one["conflicts"])
    return Board(lines, people, Assignments([]), ties)


# ------------------------------------------------------------------ counted by hand


def connects(plan: dict[int, tuple[Candidate, ...]]) -> bool:
    """Whether one gets from every application to every other by way of shared reviewers."""
    reached, rest = set(), dict(plan)
    near = {next(iter(plan))} if plan else set()
    while near:
        application = near.pop()
        reached.add(application)
        mine = rest.pop(application)
        near |= {other for other, theirs in rest.items() if {p.id for p in mine} & {p.id for p in theirs}}
    return len(reached) == len(plan)


def every_plan(instance: Board, wanted: int) -> Iterator[dict[int, tuple[Candidate, ...]]]:
    """All assignments that keep to capacities, conflicts and languages."""
    choices = []
    for one in instance.lines:
        able = [
            person
            for person in instance.candidates
            if one.language in person.languages and (person.id, one.organization_id) not in instance.ties
        ]
        choices.append(list(combinations(able, wanted)))
    for chosen in product(*choices):
        load = Counter(person.id for pair in chosen for person in pair)
        if all(load[person.id] <= person.capacity for person in instance.candidates):
            yield {one.id: pair for one, pair in zip(instance.lines, chosen, strict=True)}


def spread_of(instance: Board, plan: dict[int, tuple[Candidate, ...]]) -> int:
    """How far the busiest reviewer is ahead of anybody who could have taken on more."""
    load = Counter(person.id for people in plan.values() for person in people)
    most = max(load.values(), default=0)
    behind = [0]
    for person in instance.candidates:
        able = sum(
            one.language in person.languages and (person.id, one.organization_id) not in instance.ties
            for one in instance.lines
        )
        if load[person.id] < min(person.capacity, able):
            behind.append(most - load[person.id])
    return max(behind)


def best_by_counting(instance: Board, wanted: int) -> tuple[int, bool, int, int] | None:
    """The best that any assignment reaches: spread beyond two, connection, worst, total."""
    lines = {one.id: one for one in instance.lines}
    found = []
    for plan in every_plan(instance, wanted):
        sums = [sum(affinity(lines[number], person) for person in people) for number, people in plan.items()]
        beyond = max(spread_of(instance, plan), rules.LOAD_SPREAD)
        found.append((-beyond, connects(plan), min(sums, default=0), sum(sums)))
    return max(found, default=None)


regions, lots = st.sampled_from(["AFR", "ASI"]), st.sampled_from(["L1", "L2"])


@st.composite
def boards(draw: Any) -> Board:
    lines = [
        line(n, draw(regions), draw(lots), draw(st.sampled_from(["en", "en", "fr"])))
        for n in range(draw(st.integers(1, 5)))
    ]
    people = [
        reviewer(
            n,
            tuple(draw(st.sets(regions))),
            tuple(draw(st.sets(lots))),
            draw(st.sampled_from([("en",), ("fr",), ("en", "fr"), ("en", "fr")])),
            draw(st.integers(0, 5)),
        )
        for n in range(draw(st.integers(1, 4)))
    ]
    pairs = [(person.id, one.id) for person in people for one in lines]
    return board(lines, people, *draw(st.lists(st.sampled_from(pairs), max_size=3)))


@settings(max_examples=150, deadline=None)
@given(boards(), st.integers(1, 3))
def test_nothing_that_can_be_counted_is_better(instance: Board, wanted: int) -> None:
    plan, best = best_plan(instance, wanted), best_by_counting(instance, wanted)
    if best is None:
        assert isinstance(plan, list)
        assert plan
        return
    assert isinstance(plan, Plan)
    chosen: dict[int, tuple[Candidate, ...]] = {one.id: () for one in instance.lines}
    for pair in plan.pairs:
        chosen[pair.application.id] += (pair.reviewer,)
    assert chosen in list(every_plan(instance, wanted))
    assert (-plan.spread, plan.is_connected, plan.worst, plan.total) == best
    assert spread_of(instance, chosen) <= plan.spread
    assert connects(chosen) == plan.is_connected


def test_the_sample_is_assigned_as_well_as_can_be() -> None:
    plan = best_plan(sample_board(), 2)
    assert isinstance(plan, Plan)
    assert (len(plan.pairs), plan.shortcomings) == (24, [])
    published = yaml.safe_load((SAMPLE / "reviewers.yaml").read_text())["affinity"]
    assert all(published[p.application.reference][p.reviewer.reference] == p.affinity for p in plan.pairs)
    assert plan.worst == 6
    load = Counter(pair.reviewer.reference for pair in plan.pairs)
    assert max(load.values()) - min(load.values()) <= 2
    assert plan.total == best_total_of(published, worst=6) == 87
    assert not best_total_of(published, worst=7)


def best_total_of(published: dict[str, dict[str, int | None]], worst: int) -> int:
    """The greatest total of two reviews each with capacity 5 and loads at most two apart, one application at a time over
    all loads that six reviewers can have by then.
    """
    reached: dict[tuple[int, ...], int] = {(0,) * 6: 0}
    for row in published.values():
        after: dict[tuple[int, ...], int] = {}
        for load, total in reached.items():
            for (one, a), (two, b) in combinations(enumerate(row.values()), 2):
                if a is None or b is None or a + b < worst:
                    continue
                more = tuple(n + (at in (one, two)) for at, n in enumerate(load))
                if max(more) <= 5:
                    after[more] = max(after.get(more, 0), total + a + b)
        reached = after
    return max((total for load, total in reached.items() if max(load) - min(load) <= 2), default=0)


def test_two_runs_say_the_same_whatever_the_order() -> None:
    first = sample_board()
    again = Board(first.lines[::-1], first.candidates[::-1], first.assignments, first.ties)
    assert best_plan(first, 2) == best_plan(again, 2)


# ------------------------------------------------------------------ what cannot be


def sentences(found: Any) -> list[str]:
    assert isinstance(found, list)
    return [str(one.message) for one in found]


def test_an_application_that_too_few_may_review_is_named_with_the_reasons() -> None:
    people = [reviewer(1), reviewer(2), reviewer(3, languages=("fr",)), reviewer(4, capacity=0)]
    [sentence] = sentences(best_plan(board([line(1), line(2)], people, (2, 2)), 2))
    assert sentence == (
        "APP-002 needs 2 reviewers and has 1 who may review it. Of 4 reviewers with a conflict of interest: 1; who do not"
        " read English: 1; who take on no reviews: 1."
    )


def test_applications_whose_reviewers_are_too_busy_are_named_with_them() -> None:
    people = [
        reviewer(1, languages=("fr",), capacity=2),
        reviewer(2, languages=("fr",), capacity=3),
        reviewer(3),
        reviewer(4),
    ]
    lines = [line(n, language="fr") for n in (1, 2, 3)] + [line(4)]
    [sentence] = sentences(best_plan(board(lines, people), 2))
    assert sentence == (
        "APP-001, APP-002, APP-003: these 3 applications need 6 reviews, and all who may review them (REV-1, REV-2) take"
        " on 5 at most."
    )


def test_groups_that_nobody_can_connect_are_told_apart_and_still_assigned() -> None:
    lines = [line(1), line(2), line(3, language="fr"), line(4, language="fr")]
    people = [reviewer(n, languages=("en",) if n < 3 else ("fr",)) for n in (1, 2, 3, 4)]
    plan = best_plan(board(lines, people), 2)
    assert isinstance(plan, Plan)
    assert len(plan.pairs) == 8
    assert [one.code for one in plan.shortcomings] == ["not_connected"]


def test_a_call_without_applications_has_an_empty_plan() -> None:
    plan = best_plan(board([], [reviewer(1)]), 2)
    assert isinstance(plan, Plan)
    assert (plan.pairs, plan.total, plan.worst, plan.shortcomings) == ([], 0, None, [])
