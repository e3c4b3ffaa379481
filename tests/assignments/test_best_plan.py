"""The assignment that is proven best: held against every other one where that can be counted, and the sample's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from itertools import combinations, product
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from grants.assignments import rules
from grants.assignments.rules import Plan, best_plan, best_plan_for_most
from grants.reviews.queries import ApplicationLine, Asked, Assignments, Board, Candidate
from grants.reviews.rules import affinity

DUE = date(2027, 3, 26)
ELSEWHERE = 77
"""An application to the same call that is not on the board."""

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
    return Board(lines, people, Assignments([]), frozenset(ties))


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


Chosen = dict[int, tuple[Candidate, ...]]
"""Who is to be asked besides those who were, by application."""


def live(instance: Board, round: int | None = None) -> list[Asked]:
    return [
        one
        for one in instance.assignments.asked
        if one.state in ("asked", "accepted", "completed") and round in (None, one.round)
    ]


def missing(instance: Board, one: ApplicationLine, wanted: int, round: int) -> int:
    needed = wanted if round == 1 else 1
    return max(needed - sum(other.application_id == one.id for other in live(instance, round)), 0)


def able(instance: Board, one: ApplicationLine) -> list[Candidate]:
    known = {other.reviewer_id for other in instance.assignments.asked if other.application_id == one.id}
    return [
        person
        for person in instance.candidates
        if one.language in person.languages and (person.id, one.id) not in instance.ties and person.id not in known
    ]


def agreed(person: Candidate, round: int) -> int:
    return person.capacity if round == 1 else 1


def groups_of(instance: Board, chosen: Chosen) -> int:
    """How many groups of applications there are such that no reviewer is shared between two of them."""
    asked = {(other.application_id, other.reviewer_id) for other in live(instance)}
    asked |= {(number, person.id) for number, people in chosen.items() for person in people}
    left, groups = {one.id for one in instance.lines}, 0
    while left:
        near, reached = {min(left)}, set()
        while near:
            application = near.pop()
            reached.add(application)
            mine = {person for number, person in asked if number == application}
            near |= {number for number, person in asked if person in mine} - reached
        left, groups = left - reached, groups + 1
    return groups


def connects(instance: Board, chosen: Chosen, wanted: int, round: int = 1) -> bool:
    """Whether shared reviewers connect the applications as far as is possible at all."""
    before = Counter(other.reviewer_id for other in live(instance, round))
    everybody = {
        one.id: tuple(person for person in able(instance, one) if before[person.id] < agreed(person, round))
        for one in instance.lines
        if missing(instance, one, wanted, round)
    }
    return groups_of(instance, chosen) == groups_of(instance, everybody)


def every_plan(instance: Board, wanted: int, round: int = 1) -> Iterator[Chosen]:
    """All ways to ask who is missing that keep to capacities, conflicts and languages."""
    before = Counter(other.reviewer_id for other in live(instance, round))
    short = [one for one in instance.lines if missing(instance, one, wanted, round)]
    choices = [list(combinations(able(instance, one), missing(instance, one, wanted, round))) for one in short]
    for chosen in product(*choices):
        more = Counter(person.id for pair in chosen for person in pair)
        if all(before[p.id] + more[p.id] <= agreed(p, round) for p in instance.candidates if more[p.id]):
            yield {one.id: pair for one, pair in zip(short, chosen, strict=True)}


class Spread(NamedTuple):
    """How far the busiest reviewer is ahead of any other who has reviews or may be asked, and of any who could have taken
    on more.
    """

    of_all: int
    of_able: int


def spread_of(instance: Board, chosen: Chosen, wanted: int, round: int = 1) -> Spread:
    before = Counter(other.reviewer_id for other in live(instance, round))
    load = before + Counter(person.id for people in chosen.values() for person in people)
    most = max((load[person.id] for person in instance.candidates), default=0)
    behind, behind_and_able = [0], [0]
    for person in instance.candidates:
        open_ = sum(
            person in able(instance, one) and missing(instance, one, wanted, round) > 0 for one in instance.lines
        )
        reach = max(before[person.id], min(agreed(person, round), before[person.id] + open_))
        if reach:
            behind.append(most - load[person.id])
        if load[person.id] < reach:
            behind_and_able.append(most - load[person.id])
    return Spread(max(behind), max(behind_and_able))


def sums_of(instance: Board, chosen: Chosen) -> dict[int, int]:
    """The affinity of each application that needed somebody, whoever was asked before included."""
    people = {person.id: person for person in instance.candidates}
    lines = {one.id: one for one in instance.lines}
    return {
        number: sum(affinity(lines[number], person) for person in some)
        + sum(
            affinity(lines[number], people[one.reviewer_id]) for one in live(instance) if one.application_id == number
        )
        for number, some in chosen.items()
    }


def best_by_counting(instance: Board, wanted: int, round: int = 1) -> tuple[bool, int, bool, int, int] | None:
    """The best that any assignment reaches: no two more than two apart, spread beyond two, connection, worst, total."""
    found = []
    for chosen in every_plan(instance, wanted, round):
        sums = sums_of(instance, chosen).values()
        spread = spread_of(instance, chosen, wanted, round)
        beyond = max(spread.of_able, rules.LOAD_SPREAD)
        reached = connects(instance, chosen, wanted, round)
        found.append((spread.of_all <= rules.LOAD_SPREAD, -beyond, reached, min(sums, default=0), sum(sums)))
    return max(found, default=None)


regions, lots = st.sampled_from(["AFR", "ASI"]), st.sampled_from(["L1", "L2"])
states = st.sampled_from(["asked", "accepted", "completed", "declined", "recused", "released", "replaced"])


@st.composite
def boards(draw: Any, begun: bool = False) -> Board:
    """``begun`` boards have somebody asked already, also for an application that is not on the board."""
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
    made = board(lines, people, *draw(st.lists(st.sampled_from(pairs), max_size=3)))
    if not begun:
        return made
    known = [*pairs, *((person.id, ELSEWHERE) for person in people)]
    asked = [
        Asked(n, number, person, draw(st.sampled_from([1, 1, 1, 2])), draw(states), DUE, None)
        for n, (person, number) in enumerate(draw(st.lists(st.sampled_from(known), max_size=7, unique=True)))
    ]
    return replace(made, assignments=Assignments(asked))


def chosen_in(plan: Plan, instance: Board, wanted: int, round: int = 1) -> Chosen:
    chosen: Chosen = {one.id: () for one in instance.lines if missing(instance, one, wanted, round)}
    for pair in plan.pairs:
        chosen[pair.application.id] += (pair.reviewer,)
    return chosen


def is_best(instance: Board, wanted: int, round: int) -> None:
    plan, best = best_plan(instance, wanted, round), best_by_counting(instance, wanted, round)
    if best is None:
        assert isinstance(plan, list)
        assert plan
        return
    assert isinstance(plan, Plan)
    chosen = chosen_in(plan, instance, wanted, round)
    assert chosen in list(every_plan(instance, wanted, round))
    sums = {line.reference: sums_of(instance, chosen)[line.id] for line in instance.lines if line.id in chosen}
    assert plan.by_application == sums
    reached = connects(instance, chosen, wanted, round)
    assert (plan.is_even, -plan.spread, reached, plan.worst or 0, plan.total) == best
    spread = spread_of(instance, chosen, wanted, round)
    assert spread.of_able <= plan.spread
    assert (spread.of_all <= rules.LOAD_SPREAD) == plan.is_even
    assert (groups_of(instance, chosen) <= 1) == plan.is_connected


@settings(max_examples=150, deadline=None)
@given(boards(), st.integers(1, 3))
def test_nothing_that_can_be_counted_is_better(instance: Board, wanted: int) -> None:
    is_best(instance, wanted, 1)


@settings(max_examples=300, deadline=None)
@given(boards(begun=True), st.integers(1, 3), st.sampled_from([1, 1, 2]))
def test_nothing_that_can_be_added_to_what_has_begun_is_better(instance: Board, wanted: int, round: int) -> None:
    is_best(instance, wanted, round)


@settings(max_examples=100, deadline=None)
@given(boards(begun=True))
def test_what_cannot_be_covered_is_left_to_people_and_the_rest_is_still_the_best(instance: Board) -> None:
    plan, why = best_plan_for_most(instance, 2)
    covered = {pair.application.id for pair in plan.pairs}
    left_out = [one for one in instance.lines if missing(instance, one, 2, 1) and one.id not in covered]
    assert bool(why) == bool(left_out)
    said = " ".join(str(one.message) for one in why)
    assert all(one.reference in said for one in left_out)
    assert best_plan(replace(instance, lines=[one for one in instance.lines if one not in left_out]), 2) == plan


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


def loads(plan: Any) -> list[int]:
    return sorted(Counter(pair.reviewer.reference for pair in plan.pairs).values())


def test_nobody_is_more_than_two_ahead_of_somebody_with_little_room_when_others_can_take_it_over() -> None:
    """With five each the two who fit best would serve every application, two ahead of those who can take on more."""
    fit = [reviewer(1), reviewer(2)]
    people = [*fit, *(reviewer(n, lots=("L2",)) for n in (3, 4)), reviewer(5, lots=("L2",), capacity=2)]
    plan = best_plan(board([line(n) for n in range(9)], people), 2)
    assert isinstance(plan, Plan)
    assert (loads(plan), plan.worst, plan.is_even, plan.shortcomings) == ([2, 4, 4, 4, 4], 6, True, [])


def test_where_somebody_has_too_little_room_for_all_to_be_even_the_others_are_and_it_is_said() -> None:
    people = [reviewer(1, capacity=9), reviewer(2, capacity=9), reviewer(3, capacity=2)]
    plan = best_plan(board([line(n) for n in range(6)], people), 2)
    assert isinstance(plan, Plan)
    assert (loads(plan), plan.spread, plan.is_even) == ([2, 5, 5], 2, False)
    [sentence] = sentences(plan.shortcomings)
    assert sentence == (
        "No assignment keeps the numbers of reviews of all reviewers within 2 of each other; here whoever could take on"
        " more has at most 2 fewer than anybody else."
    )


def test_of_uneven_loads_nothing_is_said_where_nobody_is_to_be_asked() -> None:
    people = [reviewer(1), reviewer(2, capacity=1)]
    asked = begun(board([line(n) for n in range(5)], people), (2, 0, "asked"), *((1, n, "asked") for n in range(5)))
    plan = best_plan(replace(asked, lines=[]), 2)
    assert isinstance(plan, Plan)
    assert (plan.pairs, plan.shortcomings) == ([], [])


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


def begun(instance: Board, *asked: tuple[int, int, str]) -> Board:
    """``asked`` are the numbers of a reviewer and of an application, and the state."""
    made = [Asked(n, number, person, 1, state, DUE, None) for n, (person, number, state) in enumerate(asked)]
    return replace(instance, assignments=Assignments(made))


def test_an_application_that_cannot_be_covered_any_more_is_named_with_what_happened() -> None:
    people = [reviewer(1), reviewer(2), reviewer(3, languages=("fr",)), reviewer(4, capacity=1), reviewer(5)]
    lines = [line(1), line(2)]
    asked = begun(
        board(lines, people, (2, 1)), (1, 1, "accepted"), (5, 1, "declined"), (4, 2, "completed"), (5, 2, "asked")
    )
    [sentence] = sentences(best_plan(asked, 2))
    assert sentence == (
        "Reviewers that APP-001 still needs: 1; who may be asked: 0. Of 5 reviewers with a conflict of interest: 1; who do"
        " not read English: 1; who have no room left: 1; who were asked before: 2."
    )


def test_applications_whose_reviewers_have_no_room_left_are_named_with_them() -> None:
    people = [reviewer(1, languages=("fr",), capacity=2), reviewer(2, languages=("fr",), capacity=3), reviewer(3)]
    lines = [line(n, language="fr") for n in (1, 2, 3)]
    [sentence] = sentences(best_plan(begun(board(lines, people), (1, 1, "accepted"), (2, 2, "completed")), 2))
    assert sentence == (
        "APP-002, APP-003: reviews still needed in all: 3; room left with those who may be asked (REV-1, REV-2): 2."
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
