"""Which awards follow from the ranking within a budget, floors, ceilings and least numbers of awards.

Rank first, exactly: the first-ranked application is in if any set of awards that keeps to all limits contains it; the
second is in if any such set contains it beside what has been decided about the first; and so on to the last. That is the
lexicographic optimum. The greatest sum of scores is not asked for: it drops the best application for two cheap ones. An
application receives what it asks for or nothing.

Whether such a set exists is asked of the solver only where nothing simpler tells. Once one set is known, it answers for
every application in it and for every other that can be added; and since no set can cost less than the cheapest, an
application that adds nothing to what was promised is out as soon as it costs more than that leaves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import gcd
from typing import Any, NamedTuple

import numpy as np

from grants.budgets.rules import shown
from grants.calls.models import Call
from grants.core.languages import _l, _ln
from grants.core.money import Money
from grants.core.rules import Obstacle
from grants.core.solver import Program
from grants.reviews.queries import ApplicationLine

FAR = 10**18
"""Beyond any sum of amounts."""

PATIENCE = 1.0
"""How many seconds to look for the least by which one limit has to give way, when all cannot be met. To give way by what
was found is enough in any case.
"""


@dataclass(frozen=True)
class Limits:
    """What a scenario keeps to: floors and ceilings for the money of a region or lot, least numbers of awards of a lot."""

    budget: Money
    floors: Mapping[str, Money] = field(default_factory=dict)
    ceilings: Mapping[str, Money] = field(default_factory=dict)
    least: Mapping[str, int] = field(default_factory=dict)


def limits_of(call: Call) -> Limits:
    """What a call itself promised: its envelope, floors and ceilings per region, least numbers of awards per lot."""
    return Limits(
        budget=call.envelope,
        floors={one.region: call.money(one.floor_minor) for one in call.regions if one.floor_minor},
        ceilings={one.region: call.money(one.ceiling_minor) for one in call.regions if one.ceiling_minor is not None},
        least={lot.key: lot.min_awards for lot in call.lots if lot.min_awards},
    )


class PassedOver(NamedTuple):
    """An application that is not proposed although it reached every threshold, and why."""

    application: ApplicationLine
    reason: Obstacle


@dataclass(frozen=True)
class Proposal:
    """What a scenario comes to. ``awards`` is None when the limits cannot be met together; ``failing`` says why not."""

    limits: Limits
    awards: list[ApplicationLine] | None
    passed_over: list[PassedOver]
    failing: list[Obstacle]

    @property
    def spent(self) -> Money | None:
        """What the awards cost together."""
        if self.awards is None:
            return None
        return Money(sum(line.requested_minor for line in self.awards), self.limits.budget.currency)

    @property
    def left(self) -> Money | None:
        """What the awards leave of the budget."""
        return None if self.spent is None else self.limits.budget - self.spent

    @property
    def why(self) -> str:
        """The reasons in sentences: what fails, or what each application that is not proposed would break."""
        if self.awards is None:
            return " ".join(str(obstacle.message) for obstacle in self.failing)
        said = _ln(
            "%(num)s award in the order of the ranking, within %(budget)s.",
            "%(num)s awards in the order of the ranking, within %(budget)s.",
            len(self.awards),
            budget=shown(self.limits.budget),
        )
        return " ".join(
            [str(said), *(f"{one.application.reference}: {one.reason.message}" for one in self.passed_over)]
        )


def propose(ranked: Sequence[ApplicationLine], limits: Limits) -> Proposal:
    """The awards that follow from a ranking (best first, only what reached every threshold). Raises NotProven."""
    walk = _Walk(ranked, limits)
    if walk.known is None:
        return Proposal(limits, None, [], _failing(walk))
    passed_over = []
    for column, line in enumerate(ranked):
        reason = walk.decide(column)
        if reason is not None:
            passed_over.append(PassedOver(line, reason))
    return Proposal(limits, [ranked[column] for column in sorted(walk.decided)], passed_over, [])


# ------------------------------------------------------------------ one limit


class Limit(NamedTuple):
    """One limit: a weighted sum over some applications that must reach ``least`` or must not exceed ``most``."""

    code: str
    key: str
    weights: dict[int, int]
    least: int | None
    most: int | None

    def sum(self, columns: Iterable[int]) -> int:
        """What some awards come to."""
        return sum(self.weights.get(column, 0) for column in columns)

    def allows(self, amount: int) -> bool:
        """Whether awards that come to so much keep to it."""
        return (self.least is None or amount >= self.least) and (self.most is None or amount <= self.most)


def _limits_on(ranked: Sequence[ApplicationLine], limits: Limits) -> list[Limit]:
    """The limits as sums, the budget first. Amounts are in minor units."""

    def amounts(key: str | None = None) -> dict[int, int]:
        return {n: line.requested_minor for n, line in enumerate(ranked) if key in (None, line.region, line.lot_key)}

    def number(key: str) -> dict[int, int]:
        return {n: 1 for n, line in enumerate(ranked) if line.lot_key == key}

    return [
        Limit("budget", "", amounts(), None, limits.budget.minor),
        *(Limit("ceiling", key, amounts(key), None, most.minor) for key, most in sorted(limits.ceilings.items())),
        *(Limit("floor", key, amounts(key), least.minor, None) for key, least in sorted(limits.floors.items())),
        *(Limit("lot", key, number(key), least, None) for key, least in sorted(limits.least.items())),
    ]


def _program(limits: Iterable[Limit], worth: Sequence[int]) -> Program:
    """The choice of awards that keeps to some limits. Amounts are told in the greatest unit that divides them all, which
    keeps them small; what a limit leaves of such a unit is no use to anybody.
    """
    program = Program(worth)
    for one in limits:
        unit = gcd(*one.weights.values()) or 1
        program.limit(
            list(one.weights),
            [weight // unit for weight in one.weights.values()],
            least=None if one.least is None else -(-one.least // unit),
            most=None if one.most is None else one.most // unit,
        )
    return program


# ------------------------------------------------------------------ down the ranking


class _Walk:
    """What has been decided on the way down a ranking, and a set of awards that shows that it can be completed."""

    def __init__(self, ranked: Sequence[ApplicationLine], limits: Limits) -> None:
        self.ranked, self.limits = ranked, limits
        self.every = _limits_on(ranked, limits)
        self.budget = self.every[0]
        self.costs = [line.requested_minor for line in ranked]
        self.unit = gcd(*self.costs) or 1
        self.program = _program(self.every, [-cost // self.unit for cost in self.costs])
        self.decided: set[int] = set()
        self.cheapest = 0
        self.weights = np.array(
            [[limit.weights.get(column, 0) for limit in self.every] for column in range(len(ranked) + 1)], np.int64
        )
        """What each application adds to each sum; nobody, who adds nothing, stands last."""
        self.least = np.array([-FAR if limit.least is None else limit.least for limit in self.every], np.int64)
        self.most = np.array([FAR if limit.most is None else limit.most for limit in self.every], np.int64)
        self.known = self._some()

    def _some(self) -> set[int] | None:
        """A set of awards that keeps to what has been decided, whenever there is one; and what any costs at least."""
        bound = self.program.bound()
        found = None if bound is None else self.program.some()
        if bound is None or found is None:
            return None
        self.cheapest = -bound * self.unit
        return set(found)

    def decide(self, column: int) -> Obstacle | None:
        """Decide about the next application: in, or out for a reason."""
        assert self.known is not None
        out = self._breaks(column)
        if out is None and column not in self.known:
            with_it = self._trimmed(column)
            if with_it is None and not self._is_needed_elsewhere(column):
                with_it = self._exchanged(column) or self._found(column)
            if with_it is not None:
                self.known = with_it
            else:
                out = Obstacle("promised", _l("what is left of the money is needed for what was promised to others."))
        self.program.fix(column, int(out is None))
        if out is None:
            self.decided.add(column)
        return out

    def _breaks(self, column: int) -> Obstacle | None:
        """The limit that it breaks beside what has been decided, whatever else is awarded."""
        for limit in self.every:
            over = 0 if limit.most is None else limit.sum(self.decided | {column}) - limit.most
            if limit.weights.get(column) and over > 0:
                return Obstacle(f"{limit.code}_{limit.key}".rstrip("_"), self._over(limit, over))
        return None

    def _over(self, limit: Limit, over: int) -> Any:
        amount = shown(Money(over, self.limits.budget.currency))
        if limit.code == "budget":
            return _l("it asks for %(amount)s more than what is left.", amount=amount)
        return _l("it would exceed the ceiling for %(key)s by %(amount)s.", key=limit.key, amount=amount)

    def _trimmed(self, column: int) -> set[int] | None:
        """The known set with one more application, and without others that were not decided about and are no longer
        needed; None when that still breaks a limit.
        """
        assert self.known is not None
        found = self.known | {column}
        sums = [limit.sum(found) for limit in self.every]
        if all(limit.allows(amount) for limit, amount in zip(self.every, sums, strict=True)):
            return found
        for other in sorted(self.known - self.decided, reverse=True):
            after = [amount - limit.weights.get(other, 0) for limit, amount in zip(self.every, sums, strict=True)]
            if all(
                limit.least is None or amount >= limit.least for limit, amount in zip(self.every, after, strict=True)
            ):
                found.remove(other)
                sums = after
        return found if all(limit.allows(amount) for limit, amount in zip(self.every, sums, strict=True)) else None

    def _is_needed_elsewhere(self, column: int) -> bool:
        """Whether it adds nothing to what is promised and still missing, and costs more than the cheapest set leaves."""
        adds = any(
            limit.least is not None and limit.weights.get(column) and limit.sum(self.decided) < limit.least
            for limit in self.every
        )
        return not adds and self.cheapest + self.costs[column] > self.limits.budget.minor

    def _exchanged(self, column: int) -> set[int] | None:
        """The known set with one more application instead of one or two that were not decided about, and perhaps another
        of those that come later; None when no such set keeps to the limits.
        """
        assert self.known is not None
        free = sorted(self.known - self.decided)
        later = [other for other in range(column + 1, len(self.ranked)) if other not in self.known]
        into = self.weights[[*later, len(self.ranked)]]
        sums = self.weights[sorted(self.known | {column})].sum(0)
        for position, first in enumerate(free):
            seconds = [len(self.ranked), *free[position + 1 :]]
            after = (sums - self.weights[first] - self.weights[seconds])[:, None] + into[None]
            fits = np.argwhere(((after >= self.least) & (after <= self.most)).all(2))
            if len(fits):
                second, other = (int(place) for place in fits[0])
                nobody = len(self.ranked)
                return (self.known - {first, seconds[second]}) | ({column, [*later, nobody][other]} - {nobody})
        return None

    def _found(self, column: int) -> set[int] | None:
        """Any set that contains it beside what has been decided; None when it is proven that there is none."""
        self.program.fix(column, 1)
        return self._some()


# ------------------------------------------------------------------ when there is nothing to propose


def _failing(walk: _Walk) -> list[Obstacle]:
    """Which limit fails, and by how much: each one that would be enough to lift by itself; when no single one is, those
    that fail one after the other.
    """
    alone = []
    for limit in walk.every:
        reached = _furthest(limit, [other for other in walk.every if other is not limit], walk)
        if reached is not None:
            alone.append(_gap(limit, reached, walk.limits.budget.currency))
    if alone:
        if len(alone) > 1:
            alone.insert(0, Obstacle("together", _l("These cannot be met together; to lift one of them is enough.")))
        return alone
    found, kept = [], [limit for limit in walk.every if limit.least is None]
    for limit in (one for one in walk.every if one.least is not None):
        reached = _furthest(limit, kept, walk)
        if reached is not None and limit.least is not None and reached < limit.least:
            found.append(_gap(limit, reached, walk.limits.budget.currency))
            kept.append(limit._replace(least=reached))
        else:
            kept.append(limit)
    return found


def _furthest(limit: Limit, others: Sequence[Limit], walk: _Walk) -> int | None:
    """The sum that comes closest to a limit while all others are kept; None when they cannot be."""
    unit = gcd(*limit.weights.values()) or 1
    sign = 1 if limit.most is None else -1
    worth = [sign * limit.weights.get(column, 0) // unit for column in range(len(walk.ranked))]
    found = _program(others, worth).solve_within(PATIENCE)
    return None if found is None else limit.sum(found)


def _gap(limit: Limit, reached: int, currency: str) -> Obstacle:
    def amount(minor: int) -> Any:
        return shown(Money(minor, currency))

    if limit.code == "lot":
        least = limit.least or 0
        message = _ln(
            "Lot %(key)s is to have %(num)s award and gets %(n)s at most within the other limits: %(gap)s short.",
            "Lot %(key)s is to have %(num)s awards and gets %(n)s at most within the other limits: %(gap)s short.",
            least,
            key=limit.key,
            n=reached,
            gap=least - reached,
        )
    elif limit.least is not None:
        message = _l(
            "The floor for %(key)s is %(limit)s, and %(reached)s is the most that can be awarded there within the other"
            " limits: %(gap)s short.",
            key=limit.key,
            limit=amount(limit.least),
            reached=amount(reached),
            gap=amount(limit.least - reached),
        )
    else:
        most = limit.most or 0
        words = {"limit": amount(most), "reached": amount(reached), "gap": amount(reached - most)}
        message = (
            _l(
                "The ceiling for %(key)s is %(limit)s, and the other limits need %(reached)s there: %(gap)s more.",
                key=limit.key,
                **words,
            )
            if limit.code == "ceiling"
            else _l("The budget is %(limit)s, and the other limits need %(reached)s: %(gap)s more.", **words)
        )
    return Obstacle(f"{limit.code}_{limit.key}".rstrip("_"), message)
