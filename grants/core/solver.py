"""Decisions by whole numbers, as good as they can be and proven so. HiGHS does the work; nothing here knows what for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import highspy
import numpy as np

LONGEST_SECONDS = 60.0
CLOSE_ENOUGH = 1e-9
"""How far from a whole number a decision may be. Times 600 amounts of 1.5 million cents that is less than one cent."""

INFINITE = highspy.kHighsInf

TERMS = {"mip_rel_gap": 0.0, "mip_abs_gap": 0.5}
"""Two whole numbers that differ by less than a half are the same: a solution is the best only when it is proven so."""

COUNTED_OUT = 20
"""So many columns can be decided about by looking at every choice there is."""

Numbers = np.ndarray[Any, np.dtype[np.int64]]


class NotProven(Exception):
    """The best solution could not be proven within the time there was."""


class Unclear(NotProven):
    """The solver gave up, or erred: large and small weights beside each other are too fine for its numbers."""


class Priced(NamedTuple):
    """No solution is worth more than ``bound``, and none is that has one column other than its ``gain`` (less than nothing:
    0, more: 1) would have it but by so much less. Holds for any prices of the rows: no tolerance of the solver is in it.
    ``values`` are the relaxed solution.
    """

    bound: float
    gains: np.ndarray[Any, Any]
    values: np.ndarray[Any, Any]


class Program:
    """Columns are whole numbers from 0 to 1 each, rows keep weighted sums of them between two numbers, and the worth of
    all columns is made as great as possible. All weights are whole numbers.

    Solving again after a few changes is quick: it goes on from the last solution. The same program, built in the same
    order, always finds the same solution. NotProven is raised when all solving together takes longer than ``seconds``.
    """

    def __init__(self, worth: Sequence[int], seconds: float = LONGEST_SECONDS) -> None:
        self._highs = highs = highspy.Highs()
        for option, value in (
            ("output_flag", False),
            ("threads", 1),
            ("random_seed", 1),
            ("time_limit", seconds),
            ("mip_feasibility_tolerance", CLOSE_ENOUGH),
            ("primal_feasibility_tolerance", CLOSE_ENOUGH),
        ):
            highs.setOptionValue(option, value)
        self.worth: Numbers = np.array(worth, np.int64)
        self._rows: list[tuple[Numbers, Numbers]] = []
        self._least: list[float] = []
        self._most: list[float] = []
        self._known = 0
        program = highspy.HighsLp()
        program.num_col_, program.num_row_ = len(worth), 0
        program.col_cost_ = self.worth.astype(float)
        program.col_lower_, program.col_upper_ = np.zeros(len(worth)), np.ones(len(worth))
        self._bounds = np.array([np.zeros(len(worth)), np.ones(len(worth))])
        program.sense_ = highspy.ObjSense.kMaximize
        highs.passModel(program)

    def limit(
        self, columns: Sequence[int], weights: Sequence[int], *, least: int | None = None, most: int | None = None
    ) -> int:
        """Keep a weighted sum of some columns between two numbers. Gives the number of the row."""
        self._rows.append((np.array(columns, np.int64), np.array(weights, np.int64)))
        self._least.append(-INFINITE if least is None else least)
        self._most.append(INFINITE if most is None else most)
        return len(self._rows) - 1

    def move(self, row: int, *, least: int | None = None, most: int | None = None) -> None:
        """Keep the sum of a row between other numbers from now on."""
        self._least[row] = -INFINITE if least is None else least
        self._most[row] = INFINITE if most is None else most
        if row < self._known:
            self._highs.changeRowBounds(row, self._least[row], self._most[row])

    def fix(self, column: int, value: int) -> None:
        """Decide about one column."""
        self._bounds[:, column] = value
        self._highs.changeColBounds(column, value, value)

    def bound(self) -> int | None:
        """No solution is worth more than this; None when there is none at all. Takes a fraction of the time."""
        try:
            values = self._relaxed()
        except Unclear:
            return int(np.maximum(self.worth * self._bounds[0], self.worth * self._bounds[1]).sum())
        return None if values is None else int(np.floor(values @ self.worth + 1e-6))

    def priced(self) -> Priced | None:
        """The bound with what it stands on; None when there is no solution at all. Where the solver cannot tell prices, there
        are none.
        """
        least, most = np.array(self._least), np.array(self._most)
        try:
            values = self._relaxed()
            if values is None:
                return None
            prices = np.array(self._highs.getSolution().row_dual) if len(values) else np.zeros(len(least))
        except Unclear:
            values, prices = self._bounds[0].copy(), np.zeros(len(least))
        prices[((prices > 0) & (most == INFINITE)) | ((prices < 0) & (least == -INFINITE))] = 0
        gains = self.worth.astype(float)
        for price, (columns, weights) in zip(prices, self._rows, strict=True):
            if price:
                gains[columns] -= price * weights
        rows = np.where(prices > 0, most, np.where(prices < 0, least, 0))
        bound = np.maximum(gains * self._bounds[0], gains * self._bounds[1]).sum() + prices @ rows
        return Priced(float(bound), gains, values)

    def solve(self) -> list[int] | None:
        """The columns that are 1 in a best solution, in their order; None when there is none. Raises NotProven."""
        try:
            values = self._relaxed()
            if values is None or _are_whole(values):
                return self._checked(values)
            return self._at_the_bound(values) or self._solve()
        except Unclear:
            return self._counted_out()

    def _at_the_bound(self, values: np.ndarray[Any, Any]) -> list[int] | None:
        """A solution worth as much as the relaxed one, if there is one. In any such solution a column whose reduced cost
        is not zero stays where the relaxed solution has it, so few are left to decide about.
        """
        bound = int(np.floor(values @ self.worth + 1e-6))
        settled = np.flatnonzero(np.abs(np.array(self._highs.getSolution().col_dual)) > 1e-7).astype(np.int32)
        before = self._bounds[:, settled]
        self._highs.changeColsBounds(len(settled), settled, *np.rint(values[settled])[None].repeat(2, 0))
        try:
            found = self._checked(self._in_whole_numbers(TERMS))
        finally:
            self._highs.changeColsBounds(len(settled), settled, *before)
        return found if found is not None and int(self.worth[found].sum()) == bound else None

    def some(self) -> list[int] | None:
        """Any solution; None when it is proven that there is none. Raises NotProven."""
        try:
            return self._solve(mip_rel_gap=INFINITE, mip_abs_gap=INFINITE)
        except Unclear:
            return self._counted_out()

    def _counted_out(self) -> list[int] | None:
        """The best of all choices, when they are few enough to look at each; None when none keeps to the rows. Raises
        NotProven.
        """
        kept, free = self._bounds[0].astype(np.int64), np.flatnonzero(self._bounds[0] != self._bounds[1])
        if len(free) > COUNTED_OUT:
            raise NotProven("The solver cannot tell, and there are too many choices to look at each.")

        def sums(weights: Numbers) -> Numbers:
            found = np.array([kept @ weights])
            for weight in weights[free]:
                found = np.concatenate([found, found + weight])
            return found

        keeps = np.ones(2 ** len(free), bool)
        for (columns, weights), least, most in zip(self._rows, self._least, self._most, strict=True):
            row = np.zeros(len(self.worth), np.int64)
            row[columns] = weights
            come_to = sums(row)
            keeps &= (come_to >= least) & (come_to <= most)
        if not keeps.any():
            return None
        choices = np.flatnonzero(keeps)
        best = choices[sums(self.worth)[choices].argmax()]
        kept[free] = best >> np.arange(len(free)) & 1
        return [int(column) for column in np.flatnonzero(kept)]

    def _solve(self, **terms: float) -> list[int] | None:
        values = self._relaxed()
        if values is not None and not _are_whole(values):
            values = self._in_whole_numbers(TERMS | terms)
        return self._checked(values)

    def _checked(self, values: np.ndarray[Any, Any] | None) -> list[int] | None:
        if values is None:
            return None
        found = np.rint(values).astype(np.int64)
        for (columns, weights), least, most in zip(self._rows, self._least, self._most, strict=True):
            if not least <= int(found[columns] @ weights) <= most:
                raise Unclear("The solution found breaks a limit when it is computed in whole numbers.")
        return [int(column) for column in np.flatnonzero(found)]

    def _relaxed(self) -> np.ndarray[Any, Any] | None:
        if not len(self.worth):
            kept = all(least <= 0 <= most for least, most in zip(self._least, self._most, strict=True))
            return np.zeros(0) if kept else None
        self._tell_rows()
        return self._run()

    def _tell_rows(self) -> None:
        told = self._rows[self._known :]
        if told:
            starts = np.cumsum([0, *(len(columns) for columns, _ in told)])
            self._highs.addRows(
                len(told),
                np.array(self._least[self._known :], float),
                np.array(self._most[self._known :], float),
                int(starts[-1]),
                starts[:-1].astype(np.int32),
                np.concatenate([columns for columns, _ in told]).astype(np.int32),
                np.concatenate([weights for _, weights in told]).astype(float),
            )
            self._known = len(self._rows)

    def _in_whole_numbers(self, terms: Mapping[str, float]) -> np.ndarray[Any, Any] | None:
        for option, value in terms.items():
            self._highs.setOptionValue(option, value)
        self._declare(highspy.HighsVarType.kInteger)
        try:
            return self._run()
        finally:
            self._declare(highspy.HighsVarType.kContinuous)

    def _declare(self, kind: highspy.HighsVarType) -> None:
        number = len(self.worth)
        self._highs.changeColsIntegrality(number, np.arange(number, dtype=np.int32), np.array([kind] * number))

    def _run(self) -> np.ndarray[Any, Any] | None:
        self._highs.run()
        status = self._highs.getModelStatus()
        if status in (highspy.HighsModelStatus.kInfeasible, highspy.HighsModelStatus.kUnboundedOrInfeasible):
            return None
        if status == highspy.HighsModelStatus.kUnknown:
            raise Unclear("The solver cannot tell.")
        if status != highspy.HighsModelStatus.kOptimal:
            raise NotProven(f"No answer could be proven in time ({self._highs.modelStatusToString(status)}).")
        return np.array(self._highs.getSolution().col_value)


def _are_whole(values: np.ndarray[Any, Any]) -> bool:
    return bool(np.all(np.abs(values - np.rint(values)) <= CLOSE_ENOUGH))
