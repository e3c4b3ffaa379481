"""Whole-number programs, held against every choice of a few columns."""

from __future__ import annotations

from itertools import product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from grants.core.solver import Program

numbers = st.integers(-9, 9)
rows = st.lists(
    st.tuples(st.lists(numbers, min_size=6, max_size=6), st.integers(-12, 6), st.integers(0, 14)), max_size=4
)


@settings(max_examples=200, deadline=None)
@given(st.lists(numbers, min_size=6, max_size=6), rows, st.integers(0, 5), st.integers(0, 1))
def test_the_best_choice_is_found_also_after_a_change(
    worth: list[int], limits: list[tuple[list[int], int, int]], column: int, value: int
) -> None:
    program = Program(worth)
    for weights, least, room in limits:
        program.limit(range(6), weights, least=least, most=least + room)

    def best(choices: Any) -> int | None:
        def sums(weights: list[int], choice: tuple[int, ...]) -> int:
            return sum(w * x for w, x in zip(weights, choice, strict=True))

        kept = [
            choice
            for choice in choices
            if all(least <= sums(weights, choice) <= least + room for weights, least, room in limits)
        ]
        return max((sums(worth, choice) for choice in kept), default=None)

    every = list(product((0, 1), repeat=6))
    for choices in (every, [choice for choice in every if choice[column] == value]):
        found, some, bound = program.solve(), program.some(), program.bound()
        assert (None if found is None else sum(worth[n] for n in found)) == best(choices)
        assert (some is None) == (found is None)
        counted = program._counted_out()
        assert (None if counted is None else sum(worth[n] for n in counted)) == best(choices)
        assert found is None or (bound is not None and bound >= sum(worth[n] for n in found))
        program.fix(column, value)
