"""Whether any set of awards keeps to all limits, told with such a set or with the proof that there is none.

Regions (or lots, where money is promised to lots alone) are groups that only the budget, the lots and the organizations tie
together. For a group, every set of those still free whose cost falls into the window that its floor, its ceiling and the
budget leave is counted out: the dearer half of each such set is looked up against the cheaper halves, so that a few
thousand numbers stand for millions of sets. One such set for each group is then sought that together keep to the rest.
Where that counts out everything that is free, no answer is a proof; where it would be too many, a part of a known set is
loosened and completed anew, and what finds nothing proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from time import monotonic
from typing import Any, NamedTuple

import numpy as np

from grants.core.solver import NotProven

Numbers = np.ndarray[Any, np.dtype[np.int64]]
Reals = np.ndarray[Any, np.dtype[np.float64]]
Marks = np.ndarray[Any, np.dtype[np.bool_]]

FAR = 10**15
"""Beyond any sum of amounts; adding a few thousand such still fits into 64 bits."""


SCALE = 10**9
"""Losses are told in whole numbers of so small a part, rounded down."""

MARGIN = 1e-6
"""By so much a loss has to exceed what there is to lose before anything is concluded from it: far more than what 600
products of two 64-bit numbers can be wrong by.
"""

ROUNDS = 12
"""How often known sets are loosened before it is said that nothing was found."""

FEW, SOME, MANY = 50_000, 100_000, 1_500_000
"""How many numbers may be looked at to count out all sets of a group: at once, for all groups, and at last."""

MATCHES = 100_000
"""How many sets of one group are held at most."""

JOINED = 400_000
"""How many choices of one set for each of some groups are held at most."""


class _Sets(NamedTuple):
    """Sets of awards of one group: what each adds to every joint limit, and who of the group is in it."""

    adds: Numbers
    members: Marks


def _span(counts: Numbers) -> tuple[Numbers, Numbers]:
    """Which one each of so many belongs to, and its place there: 2, 0, 1 give 0, 0, 2 and 0, 1, 0."""
    owner = np.repeat(np.arange(len(counts)), counts)
    return owner, np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)


class _Halves:
    """All sets of some weights (the greatest first) up to a sum; None of them when there are more than ``limit``."""

    def __init__(self, weights: Numbers, most: int, limit: int) -> None:
        self.weights, self.rising, self.size = weights, -weights, len(weights)
        self.complete = True
        sums, last, first, parent = [np.zeros(1, np.int64)], [np.full(1, -1)], [np.full(1, self.size)], [np.full(1, -1)]
        start, total = 0, 1
        while len(sums[-1]):
            begin = np.maximum(last[-1] + 1, self.up_to(most - sums[-1]))
            counts = np.maximum(self.size - begin, 0)
            number = int(counts.sum())
            if total + number > limit:
                self.complete = False
                return
            owner, place = _span(counts)
            item = begin[owner] + place
            sums.append(sums[-1][owner] + weights[item])
            first.append(np.where(parent[-1][owner] < 0, item, first[-1][owner]))
            parent.append(owner + start)
            last.append(item)
            start, total = total, total + number
        self.sums, self.last = np.concatenate(sums), np.concatenate(last)
        self.first, self.parent = np.concatenate(first), np.concatenate(parent)

    def up_to(self, amounts: Numbers) -> Numbers:
        """The first place where a weight is no greater than each of these."""
        return np.searchsorted(self.rising, -amounts, "left")

    def members(self, which: Numbers) -> list[Numbers]:
        """Who is in these sets: the last of each, then the one before, -1 for nobody."""
        found = []
        while len(which) and (which > 0).any():
            found.append(np.where(which > 0, self.last[which], -1))
            which = np.where(which > 0, self.parent[which], 0)
        return found


def sets_within(values: Numbers, weights: Numbers, least: int, most: int, heaviest: int, limit: int) -> Numbers | None:
    """All sets whose values come to something between two numbers, and whose weights (0 or more each) to no more than
    ``heaviest``: as places, a row each, -1 for nobody. None when that takes more than ``limit`` numbers.
    """
    order = np.argsort(-weights, kind="stable")
    order = order[weights[order] <= heaviest]
    values, half = values[order], heaviest // 2
    known = _Halves(weights[order], heaviest - half, limit)
    if not known.complete:
        return None
    worth = np.zeros(len(known.sums), np.int64)
    for one in known.members(np.arange(len(worth))):
        worth += np.where(one >= 0, values[one] if len(values) else 0, 0)
    short = np.flatnonzero((worth >= least) & (worth <= most) & (known.sums <= half))
    # The heaviest of a set, up to the one with whom they come to more than half.
    heads = np.flatnonzero(known.sums <= half)
    begin = np.maximum(known.last[heads] + 1, known.up_to(heaviest - known.sums[heads]))
    counts = np.maximum(known.up_to(half - known.sums[heads]) - begin, 0)
    if counts.sum() > limit:
        return None
    owner, place = _span(counts)
    crossing, heads = begin[owner] + place, heads[owner]
    sums = worth[heads] + (values[crossing] if len(values) else 0)
    rest = np.argsort(worth, kind="stable")
    rising = worth[rest]
    low = np.searchsorted(rising, least - sums, "left")
    counts = np.searchsorted(rising, most - sums, "right") - low
    if counts.sum() + len(short) > min(limit, MATCHES):
        return None
    owner, place = _span(counts)
    tails = rest[low[owner] + place]
    weight = known.sums[heads[owner]] + known.weights[crossing[owner]] + known.sums[tails]
    fits = (known.first[tails] > crossing[owner]) & (weight <= heaviest)
    owner, tails = owner[fits], tails[fits]
    columns = [
        np.concatenate([crossing[owner], np.full(len(short), -1)]),
        *known.members(np.concatenate([heads[owner], short])),
        *known.members(np.concatenate([tails, np.zeros(len(short), np.int64)])),
    ]
    found = np.stack(columns, 1)
    return np.where(found >= 0, order[found] if len(order) else -1, -1)


class _Asked(NamedTuple):
    """Between which numbers the joint sums of those who are added to the ``taken`` have to be."""

    least: Numbers
    most: Numbers
    taken: Marks


class Search:
    """The limits as numbers: the money of each group between a floor and a ceiling; beside it sums over all groups, the
    budget first, between ``least`` and ``most``; and how many awards each of the ``leads`` may get.
    """

    def __init__(
        self, costs: Numbers, groups: Numbers, windows: Sequence[tuple[int, int]], adds: Numbers, least: Numbers,
        most: Numbers, leads: Numbers, most_per_lead: int | None, until: float,
    ) -> None:  # fmt: skip
        self.costs, self.groups, self.windows = costs, groups, windows
        self.adds, self.least, self.most = adds, least, most
        self.leads, self.most_per_lead, self.until = leads, most_per_lead, until
        self.columns = [np.flatnonzero(groups == group) for group in range(len(windows))]
        self.chance = np.random.default_rng(1)

    def completed(
        self, taken: Iterable[int], free: Iterable[int], bases: Sequence[Iterable[int]], gains: Reals, bound: float,
        group: int | None,
    ) -> tuple[set[int] | None, bool]:  # fmt: skip
        """What completes those ``taken`` by some of those ``free``, and otherwise whether it is proven that nothing does.

        ``bases`` are choices of free ones that may be wrong in a few; when the first of them is only wrong in one ``group``,
        that is tried first. No set has more than ``bound`` of losses, the ``gains`` of those who are otherwise than these say.
        """
        is_taken, is_free = self._marked(taken), self._marked(free)
        done = self.adds[is_taken].sum(0)
        low, high = [], []
        for columns, (floor, ceiling) in zip(self.columns, self.windows, strict=True):
            have = int(self.costs[columns[is_taken[columns]]].sum())
            low.append(max(floor - have, 0))
            high.append(ceiling - have)
        spare = int(self.most[0] - done[0]) - sum(low)
        if spare < 0 or any(most < least for least, most in zip(low, high, strict=True)):
            return None, True
        high = [min(most, least + spare) for least, most in zip(low, high, strict=True)]
        asked = _Asked(self.least - done, self.most - done, is_taken)
        parts = [
            _Part(self, columns, is_free[columns], [self._marked(base)[columns] for base in bases], least, most, gains)
            for columns, least, most in zip(self.columns, low, high, strict=True)
        ]
        if not parts:
            return None, False
        if group is not None:
            if parts[group].count_out(FEW) and not parts[group].found:
                return None, True
            found = self._changed_in(parts, group, asked)
            if found is not None:
                return found, True
        return self._changed_anywhere(parts, bound, spare, asked)

    def _changed_in(self, parts: Sequence[_Part], group: int, asked: _Asked) -> set[int] | None:
        """The first base with another set in one group only."""
        lists = [part.as_in(0) for part in parts]
        for released in (4, 5):
            parts[group].loosen(0, released)
            lists[group] = parts[group].sets
            found, _ = self._joined(parts, lists, asked)
            if found is not None or parts[group].complete:
                return found
        return None

    def _changed_anywhere(
        self, parts: Sequence[_Part], bound: float, spare: int, asked: _Asked
    ) -> tuple[set[int] | None, bool]:
        """Other sets in all groups: more of them, round by round. What those that are counted out lose or cost at least
        beyond what is asked, the others cannot: of the ``bound`` and the ``spare`` money. Raises NotProven.
        """
        for part in parts:
            if part.count_out(SOME) and part.found:
                bound -= part.least_loss()
                spare -= int(part.sets.adds[:, 0].min()) - part.low
        is_lost = bound < -MARGIN and any(part.gains.any() for part in parts)
        if spare < 0 or is_lost or any(part.complete and not part.found for part in parts):
            return None, True
        for part in parts:
            part.high = min(part.high, part.low + spare) if not part.complete else part.high
        for effort in range(ROUNDS):
            if monotonic() > self.until:
                raise NotProven("No answer could be proven in time.")
            for part in parts:
                part.add_more(effort, bound)
                if part.complete and not part.found:
                    return None, True
            found, complete = self._joined(parts, [part.sets for part in parts], asked)
            if found is not None or (complete and all(part.complete for part in parts)):
                return found, True
        return None, False

    def _marked(self, columns: Iterable[int]) -> Marks:
        marked = np.zeros(len(self.costs), bool)
        marked[list(columns)] = True
        return marked

    def _joined(self, parts: Sequence[_Part], lists: Sequence[_Sets], asked: _Asked) -> tuple[set[int] | None, bool]:
        """One set of each list that together keep to the joint limits, and whether all such were looked at."""
        least, most = asked.least, asked.most
        if any(not len(one.adds) for one in lists):
            return None, False
        complete = True
        order = sorted(range(len(lists)), key=lambda n: len(lists[n].adds))
        lists, parts = [lists[n] for n in order], [parts[n] for n in order]
        fewest = [one.adds.min(0) for one in lists]
        utmost = [one.adds.max(0) for one in lists]
        sums, path = np.zeros((1, len(least)), np.int64), np.zeros((1, 0), np.int64)
        for n, sets in enumerate(lists):
            after_least = sum(utmost[n + 1 :], np.zeros_like(least))
            after_most = sum(fewest[n + 1 :], np.zeros_like(least))
            before_least, before_most = sums.max(0) + after_least, sums.min(0) + after_most
            which = np.flatnonzero(((sets.adds + before_least >= least) & (sets.adds + before_most <= most)).all(1))
            if len(sums) * len(which) > JOINED:
                if self.most_per_lead is None:
                    first = _different(sums)
                    sums, path = sums[first], path[first]
                    which = which[_different(sets.adds[which])]
                if len(sums) * len(which) > JOINED:
                    complete = False
                    some = self.chance.permutation(len(sums))[: max(int(JOINED**0.5), JOINED // len(which))]
                    sums, path = sums[some], path[some]
                    which = self.chance.permutation(which)[: JOINED // len(sums)]
            if not len(which):
                return None, complete
            both = (sums[:, None] + sets.adds[which][None]).reshape(-1, len(least))
            fits = np.flatnonzero(((both + after_least >= least) & (both + after_most <= most)).all(1))
            sums = both[fits]
            path = np.concatenate([path[fits // len(which)], which[fits % len(which)][:, None]], 1)
            if not len(sums):
                return None, complete
        return self._one_of(parts, lists, path, asked.taken, complete=complete)

    def _one_of(
        self, parts: Sequence[_Part], lists: Sequence[_Sets], path: Numbers, taken: Marks, *, complete: bool
    ) -> tuple[set[int] | None, bool]:
        """The first of some choices in which no organization gets too many awards."""
        tries = self.chance.permutation(path)[:200]
        for places in tries:
            is_in = taken.copy()
            for one, part, place in zip(lists, parts, places, strict=True):
                is_in[part.columns] |= one.members[place]
            found = np.flatnonzero(is_in)
            if self.most_per_lead is None or np.bincount(self.leads[found], minlength=1).max() <= self.most_per_lead:
                return {int(one) for one in found}, True
        return None, complete and len(tries) == len(path)


def _different(rows: Numbers) -> Numbers:
    """Where each different row stands first."""
    rows = np.ascontiguousarray(rows)
    return np.unique(rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1]))).ravel(), return_index=True)[1]


class _Part:
    """What is known of one group in one question: the sets of its free ones whose cost is between ``low`` and ``high``."""

    def __init__(
        self,
        search: Search,
        columns: Numbers,
        free: Marks,
        bases: Sequence[Marks],
        low: int,
        high: int,
        gains: Reals,
    ) -> None:
        self.columns, self.free, self.bases, self.low, self.high = columns, np.flatnonzero(free), bases, low, high
        self.costs, self.adds, self.gains = search.costs[columns], search.adds[columns], gains[columns]
        self.chance = search.chance
        self.complete, self.tried = False, 0
        self.sets = _Sets(self.adds[:0], np.zeros((0, len(columns)), bool))

    @property
    def found(self) -> int:
        """How many sets are known."""
        return len(self.sets.adds)

    def count_out(self, limit: int) -> bool:
        """All sets by their cost, if there are not too many."""
        if not self.complete and self.tried < limit:
            self.tried = limit
            mine = self.free[self.costs[self.free] <= self.high]
            places = sets_within(self.costs[mine], self.costs[mine], self.low, self.high, self.high, limit)
            if places is not None:
                self.complete = True
                self.sets = self._sets(mine, places, mine[:0])
        return self.complete

    def add_more(self, effort: int, bound: float) -> None:
        """More sets than are known, unless these are all: near to what loses least, or near to a base."""
        if effort == 4:
            self.count_out(MANY)
        if self.complete:
            return
        if effort in {0, 3} and self.gains.any():
            self._count_out_losses(bound, (FEW, 4 * SOME)[effort > 0])
        else:
            self.loosen(effort % len(self.bases), 4 + effort // 2 % 4)

    def least_loss(self) -> float:
        """What every set that is known loses at least."""
        mine = self.gains[self.free]
        return float(np.maximum(mine, 0).sum() - (self.sets.members[:, self.free] @ mine).max())

    def _count_out_losses(self, bound: float, limit: int) -> None:
        """All sets that lose no more than a bound, or those that lose least."""
        free = self.free[np.abs(self.gains[self.free]) <= bound + MARGIN]
        surely = self.free[self.gains[self.free] > 0]
        spent = int(self.costs[surely].sum())
        values = np.where(self.gains[free] > 0, -self.costs[free], self.costs[free])
        loss = np.floor(np.abs(self.gains[free]) * SCALE).astype(np.int64)
        heaviest = whole = int((bound + MARGIN) * SCALE)
        while heaviest:
            places = sets_within(values, loss, self.low - spent, self.high - spent, heaviest, limit)
            if places is not None:
                self._add(self._sets(free, places, surely))
                self.complete = heaviest == whole
                return
            heaviest = heaviest * 2 // 3

    def loosen(self, base: int, released: int) -> None:
        """Some sets that are like a base but for a few."""
        if self.complete:
            return
        kept = self._mixed(np.intersect1d(np.flatnonzero(self.bases[base]), self.free))[released:]
        while len(kept) and self.costs[kept].sum() > self.high:
            kept = kept[1:]
        spent = int(self.costs[kept].sum())
        free = self._mixed(np.setdiff1d(self.free, kept))[:160]
        while True:
            most = self.high - spent
            places = sets_within(self.costs[free], self.costs[free], max(self.low - spent, 0), most, most, 60_000)
            if places is not None:
                self._add(self._sets(free, places, kept))
                return
            free = free[: len(free) * 3 // 4]

    def as_in(self, base: int) -> _Sets:
        """The set of a base, if it lies within the window."""
        chosen = np.intersect1d(np.flatnonzero(self.bases[base]), self.free)
        fits = self.low <= self.costs[chosen].sum() <= self.high
        return self._sets(chosen, np.full((int(fits), 1), -1), chosen)

    def _mixed(self, columns: Numbers) -> Numbers:
        """In any order, rather those first who lose little when they are otherwise than the gains say."""
        columns = self.chance.permutation(columns)
        losses = np.abs(self.gains[columns]) * self.chance.random(len(columns))
        return columns[np.argsort(losses, kind="stable")]

    def _add(self, more: _Sets) -> None:
        self.sets = _Sets(
            np.concatenate([self.sets.adds, more.adds]), np.concatenate([self.sets.members, more.members])
        )

    def _sets(self, columns: Numbers, places: Numbers, before: Numbers) -> _Sets:
        members = np.zeros((len(places), len(self.columns) + 1), bool)
        members[:, before] = True
        which = np.append(columns, len(self.columns))[places]
        rows = np.arange(len(places))
        for one in which.T:
            members[rows, one] ^= True
        members = members[:, :-1]
        adds = np.zeros((len(members), self.adds.shape[1]), np.int64) + self.adds[before].sum(0)
        change = np.where(np.isin(which, before)[..., None], -1, 1) * self.adds[which % len(self.columns)]
        return _Sets(adds + (change * (places >= 0)[..., None]).sum(1), members)
