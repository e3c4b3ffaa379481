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

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import accumulate, product
from math import gcd
from time import monotonic
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from grants.budgets.rules import shown
from grants.calls.models import Call
from grants.core.languages import _l, _ln
from grants.core.money import Money
from grants.core.rules import Obstacle
from grants.core.solver import Program
from grants.decisions.models import Meeting
from grants.decisions.rules import Ranked, Share
from grants.decisions.workflow import GONE
from grants.reviews.queries import ApplicationLine, Gate
from grants.reviews.rules import to_two_decimals
from grants.scenarios.models import Scenario

FAR = 10**18
"""Beyond any sum of amounts."""

MOST_SUMS = 100_000_000
"""Up to how many different sums every one is looked at: a million in cents. Each such number is 13 megabytes."""

FEW, MANY = 4, 80
"""Of a few awards among so many applications nearly every sum can be made."""

PATIENCE = 10.0
"""How many seconds a whole proposal may take before it is said that nothing was proven."""


@dataclass(frozen=True)
class Limits:
    """What a scenario keeps to: floors and ceilings for the money of a region or lot, least numbers of awards of a lot,
    and how many awards one organization may get at most (as many as there are, when nothing is said).
    """

    budget: Money
    floors: Mapping[str, Money] = field(default_factory=dict)
    ceilings: Mapping[str, Money] = field(default_factory=dict)
    least: Mapping[str, int] = field(default_factory=dict)
    most_per_lead: int | None = None


def limits_of(call: Call, terms: Mapping[str, Any]) -> Limits:
    """What a call itself promised: its envelope, floors and ceilings per region, least numbers of awards per lot, and
    (in its ``terms``) how many awards an organization that leads an action may get.
    """
    return Limits(
        budget=call.envelope,
        floors={one.region: call.money(one.floor_minor) for one in call.regions if one.floor_minor},
        ceilings={one.region: call.money(one.ceiling_minor) for one in call.regions if one.ceiling_minor is not None},
        least={lot.key: lot.min_awards for lot in call.lots if lot.min_awards},
        most_per_lead=(terms.get("grant") or {}).get("max_awards_per_lead"),
    )


class Gap(NamedTuple):
    """A limit that cannot be kept beside the others: what it asks for, what comes closest to it, and the sentence that
    says so. Money is in minor units.
    """

    code: str
    kind: str
    key: str
    asked: int
    reached: int
    message: Any


class Lifted(NamedTuple):
    """A limit that gives way in one proposal, no further than it must, and why."""

    gap: Gap
    reason: str


class PassedOver(NamedTuple):
    """An application that is not proposed although it reached every threshold, and why."""

    application: ApplicationLine
    reason: Obstacle


@dataclass(frozen=True)
class Proposal:
    """What a scenario comes to. ``awards`` is None when the limits cannot be met together; ``gaps`` says which not, and
    ``one_is_enough`` that any single one of several would do. ``lifted`` are those that gave way.
    """

    limits: Limits
    awards: list[ApplicationLine] | None
    passed_over: list[PassedOver]
    gaps: list[Gap] = field(default_factory=list)
    one_is_enough: bool = False
    lifted: list[Lifted] = field(default_factory=list)

    @property
    def failing(self) -> list[Obstacle]:
        """What fails, in sentences."""
        together = Obstacle("together", _l("These cannot be met together; to lift one of them is enough."))
        return [together] * self.one_is_enough + [Obstacle(gap.code, gap.message) for gap in self.gaps]

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
    def summary(self) -> Any:
        """How many awards there are, in which order, within what money. Only where there are any."""
        return _ln(
            "%(num)s award in the order of the ranking, within %(budget)s.",
            "%(num)s awards in the order of the ranking, within %(budget)s.",
            len(self.awards or ()),
            budget=shown(self.limits.budget),
        )

    @property
    def why(self) -> str:
        """The reasons in sentences: what fails, or what each application that is not proposed would break."""
        if self.awards is None:
            return " ".join(str(obstacle.message) for obstacle in self.failing)
        out = (f"{one.application.reference}: {one.reason.message}" for one in self.passed_over)
        return " ".join([str(self.summary), *out])


def propose(
    ranked: Sequence[ApplicationLine], limits: Limits, leads: Mapping[int, int] = MappingProxyType({})
) -> Proposal:
    """The awards that follow from a ranking (best first, only what reached every threshold). Raises NotProven.

    ``leads`` says of an organization's second accounts which account counts for it.
    """
    walk = _Walk(ranked, limits, leads)
    if walk.known is None:
        gaps, one_is_enough = _failing(walk)
        return Proposal(limits, None, [], gaps, one_is_enough)
    passed_over = []
    for column, line in enumerate(ranked):
        reason = walk.decide(column)
        if reason is not None:
            passed_over.append(PassedOver(line, reason))
    return Proposal(limits, [ranked[column] for column in sorted(walk.decided)], passed_over)


def propose_lifting(
    ranked: Sequence[ApplicationLine],
    limits: Limits,
    reasons: Mapping[str, str],
    leads: Mapping[int, int] = MappingProxyType({}),
) -> Proposal:
    """The same, where limits that cannot be kept give way as far as they must if there is a reason for it (by the code of
    the limit). A reason for a limit that can be kept changes nothing. Raises NotProven.
    """
    proposal = propose(ranked, limits, leads)
    lifted = [Lifted(gap, reasons[gap.code]) for gap in proposal.gaps if reasons.get(gap.code)]
    if proposal.one_is_enough:
        lifted = lifted[:1]
    if not lifted or (not proposal.one_is_enough and len(lifted) < len(proposal.gaps)):
        return proposal
    for one in lifted:
        limits = _given_way(limits, one.gap)
    return replace(propose(ranked, limits, leads), lifted=lifted)


def _given_way(limits: Limits, gap: Gap) -> Limits:
    amount = Money(gap.reached, limits.budget.currency)
    if gap.kind == "budget":
        return replace(limits, budget=amount)
    if gap.kind == "floor":
        return replace(limits, floors={**limits.floors, gap.key: amount})
    if gap.kind == "ceiling":
        return replace(limits, ceilings={**limits.ceilings, gap.key: amount})
    return replace(limits, least={**limits.least, gap.key: gap.reached})


# ------------------------------------------------------------------ what a choice comes to


class Chosen(NamedTuple):
    """What counts of an application that is chosen: its money in minor units, and where it stands."""

    minor: int
    region: str | None
    lot: str | None
    plan_points: Sequence[int]


@dataclass(frozen=True)
class Balance:
    """What a choice of awards comes to, beside its limits: in all, by region, by lot, and by point of the plan of action,
    where an award counts for each point that it serves.
    """

    limits: Limits
    number: int
    spent: Money
    regions: list[Share]
    lots: list[Share]
    points: list[Share]

    @property
    def left(self) -> Money:
        """What is left of the money; less than nothing when the choice costs more."""
        return self.limits.budget - self.spent


def balance(call: Call, chosen: Sequence[Chosen], limits: Limits, points: Mapping[int, Any]) -> Balance:
    """What a choice of awards comes to. ``points`` are the points of the plan of action that are counted, by number."""

    def share(key: str, label: Any, of: Sequence[Chosen]) -> Share:
        return Share(
            key=key,
            label=label,
            amount=call.money(sum(one.minor for one in of)),
            number=len(of),
            floor=limits.floors.get(key),
            ceiling=limits.ceilings.get(key),
            least=limits.least.get(key, 0),
        )

    return Balance(
        limits,
        len(chosen),
        call.money(sum(one.minor for one in chosen)),
        [share(one.region, one.label, [c for c in chosen if c.region == one.region]) for one in call.regions],
        [share(one.key, one.title, [c for c in chosen if c.lot == one.key]) for one in call.lots],
        [share(str(number), text, [c for c in chosen if number in c.plan_points]) for number, text in points.items()],
    )


def where_the_money_ends(amounts: Sequence[int], budget: Money) -> int:
    """How many of these, one after the other, the money reaches."""
    return sum(1 for spent in accumulate(amounts) if spent <= budget.minor)


# ------------------------------------------------------------------ what is kept of a scenario


def as_kept(limits: Limits) -> dict[str, Any]:
    """Limits as a scenario keeps them, without the budget."""
    return {
        "floors": {key: amount.minor for key, amount in limits.floors.items()},
        "ceilings": {key: amount.minor for key, amount in limits.ceilings.items()},
        "least": dict(limits.least),
        "most_per_lead": limits.most_per_lead,
    }


def limits_kept(scenario: Scenario) -> Limits:
    """The limits of a scenario, without what gave way."""
    kept = scenario.limits

    def amounts(of: Mapping[str, int]) -> dict[str, Money]:
        return {key: Money(minor, scenario.currency) for key, minor in of.items()}

    return Limits(
        scenario.budget, amounts(kept["floors"]), amounts(kept["ceilings"]), kept["least"], kept["most_per_lead"]
    )


def as_line(place: Ranked, plan_points: Sequence[int], *, ticked: bool) -> dict[str, Any]:
    """An application as a scenario keeps it: without what only its own page may tell."""
    line = place.application
    return {
        "id": line.id,
        "reference": line.reference,
        "rank": place.rank,
        "points": str(to_two_decimals(place.result.score or 0)),
        "minor": line.requested_minor,
        "region": line.region,
        "lot": line.lot_key,
        "plan_points": list(plan_points),
        "ticked": ticked,
    }


def as_lifted(lifted: Lifted) -> dict[str, Any]:
    """A limit that gave way as a scenario keeps it: which, what it asked for, what was reached, in which words, and why."""
    gap = lifted.gap
    told = {"kind": gap.kind, "key": gap.key, "asked": gap.asked, "reached": gap.reached}
    return told | {"code": gap.code, "message": str(gap.message), "reason": lifted.reason}


def obstacles_to_saving(name: str, gone: Sequence[str]) -> list[Obstacle]:
    """Why a scenario cannot be kept; ``gone`` are ticked applications that are not ranked (any more)."""
    found = []
    if not name.strip():
        found.append(Obstacle("name_missing", _l("Please give the scenario a name.")))
    if gone:
        message = _l(
            "Not in the ranking any more: %(references)s. Please look at the list again.", references=", ".join(gone)
        )
        found.append(Obstacle("not_ranked", message))
    return found


def obstacles_to_laying_before(meeting: Meeting) -> list[Obstacle]:
    """Why no scenario can be laid before a meeting."""
    if meeting.state in GONE:
        return [Obstacle("meeting_closed", _l("The meeting is closed."))]
    return []


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


def _limits_on(ranked: Sequence[ApplicationLine], limits: Limits, leads: Mapping[int, int]) -> list[Limit]:
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
        *_limits_on_leads([leads.get(line.organization_id, line.organization_id) for line in ranked], limits),
    ]


def _limits_on_leads(leads: Sequence[int], limits: Limits) -> list[Limit]:
    """One limit for each organization that could get more awards than one may. ``leads`` are who leads each application."""
    most = limits.most_per_lead
    return [
        Limit("lead", str(lead), {n: 1 for n, one in enumerate(leads) if one == lead}, None, most)
        for lead, times in Counter(leads).items()
        if most is not None and times > most
    ]


def _program(limits: Iterable[Limit], worth: Sequence[int], until: float) -> Program:
    """The choice of awards that keeps to some limits. Amounts are told in the greatest unit that divides them all, which
    keeps them small; what a limit leaves of such a unit is no use to anybody. Nothing is sought beyond a moment.
    """
    program = Program(worth, max(until - monotonic(), 0.0))
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

    def __init__(self, ranked: Sequence[ApplicationLine], limits: Limits, leads: Mapping[int, int]) -> None:
        self.ranked, self.limits = ranked, limits
        self.every = _limits_on(ranked, limits, leads)
        self.budget = self.every[0]
        self.costs = [line.requested_minor for line in ranked]
        self.unit = gcd(*self.costs) or 1
        self.until = monotonic() + PATIENCE
        self.program = _program(self.every, [-cost // self.unit for cost in self.costs], self.until)
        self.decided: set[int] = set()
        self.impossible: set[bytes] = set()
        """What the applications that were left out add to the sums: no later one that adds the same can be in, for the
        earlier one could stand in its place.
        """
        self.cheapest = 0
        self.weights = np.array(
            [[limit.weights.get(column, 0) for limit in self.every] for column in range(len(ranked) + 1)], np.int64
        )
        """What each application adds to each sum; nobody, who adds nothing, stands last."""
        self.least = np.array([-FAR if limit.least is None else limit.least for limit in self.every], np.int64)
        self.most = np.array([FAR if limit.most is None else limit.most for limit in self.every], np.int64)
        self.sums = _Sums(ranked, self.every, self.costs)
        self.known = self._added(-1)

    def decide(self, column: int) -> Obstacle | None:
        """Decide about the next application: in, or out for a reason."""
        assert self.known is not None
        out = self._breaks(column)
        if out is None and column not in self.known:
            with_it = self._with(column)
            if with_it is not None:
                self.known = with_it
            else:
                out = Obstacle("promised", _l("what is left of the money is needed for what was promised to others."))
        self.program.fix(column, int(out is None))
        if out is None:
            self.decided.add(column)
        return out

    def _with(self, column: int) -> set[int] | None:
        """A set that contains the next application beside what has been decided; None when it is proven that there is none."""
        adds = self.weights[column].tobytes()
        if adds in self.impossible:
            return None
        found = self._sought(column)
        if found is None:
            self.impossible.add(adds)
        return found

    def _sought(self, column: int) -> set[int] | None:
        found = self._trimmed(column)
        if found is not None or self._is_needed_elsewhere(column):
            return found
        return self._added(column)

    def _added(self, column: int) -> set[int] | None:
        """What has been decided and the next application (before the first, -1: none), with the cheapest of those who come
        later, or with others when that breaks a limit; None when it is proven that there is no such set.
        """
        with suppress(_TooFine):
            asked = self.sums.cheapest(self.decided, column)
            if asked is None or not self._is_possible(column):
                return None
            found = (self._exchanged(column) if column >= 0 else None) or self.sums.keeping(
                asked, self.decided | ({column} - {-1}), self.every
            )
            if found is not None:
                return found
        return self._found(column)

    def _is_possible(self, column: int) -> bool:
        """Whether there may be a set with the next application: whether there is one with parts of applications."""
        if column >= 0:
            self.program.fix(column, 1)
        bound = self.program.bound()
        if bound is not None:
            self.cheapest = -bound * self.unit
        return bound is not None

    def _breaks(self, column: int) -> Obstacle | None:
        """The limit that it breaks beside what has been decided, whatever else is awarded."""
        for limit in self.every:
            over = 0 if limit.most is None else limit.sum(self.decided | {column}) - limit.most
            if limit.weights.get(column) and over > 0:
                return Obstacle(f"{limit.code}_{limit.key}".rstrip("_"), self._over(limit, over))
        return None

    def _over(self, limit: Limit, over: int) -> Any:
        amount = shown(Money(over, self.limits.budget.currency))
        if limit.code == "lead":
            return _l("its organization has as many awards before it as one may get.")
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
        found = self.program.some() if self._is_possible(column) else None
        return None if found is None else set(found)


class _TooFine(Exception):
    """There are more sums than can be looked at one by one."""


class _Made(NamedTuple):
    """What a group was last found to need, the least sum that is at least as much, and who makes it."""

    needed: int
    total: int
    columns: AbstractSet[int]


class _Asked(NamedTuple):
    """What those from a place on in a group have to make: as much as is needed or little more."""

    key: str | None
    place: int
    needed: int
    total: int


class _Sums:
    """What can be awarded to each region (or lot, where the floors are for lots) by those who come later, exactly. Other
    limits are not looked at, so what is impossible here is impossible, and what costs least here costs nowhere less.
    """

    def __init__(self, ranked: Sequence[ApplicationLine], limits: Sequence[Limit], costs: Sequence[int]) -> None:
        self.unit = gcd(*costs) or 1
        self.costs = [cost // self.unit for cost in costs]
        self.floors = {one.key: -(-(one.least or 0) // self.unit) for one in limits if one.code == "floor"}
        self.ceilings = {one.key: (one.most or 0) // self.unit for one in limits if one.code == "ceiling"}
        self.budget = min([(one.most or 0) // self.unit for one in limits if one.code == "budget"], default=FAR)
        regions: dict[str | None, list[int]] = {}
        lots: dict[str | None, list[int]] = {}
        for column, line in enumerate(ranked):
            regions.setdefault(line.region, []).append(column)
            lots.setdefault(line.lot_key, []).append(column)
        self.groups = regions if regions.keys() & self.floors.keys() or not lots.keys() & self.floors.keys() else lots
        self.unmet = any(least > 0 for key, least in self.floors.items() if key not in regions and key not in lots)
        self.reach: dict[str | None, _Reach] = {}
        self.made: dict[str | None, _Made] = {}

    def cheapest(self, decided: AbstractSet[int], column: int) -> list[_Asked] | None:
        """The least that those after ``column`` have to make of each group to bring it to its floor, beside what has been
        decided and ``column``; None when nobody does within the ceilings and the budget. Raises _TooFine.
        """
        if self.unmet:
            return None
        have = {
            key: sum(self.costs[one] for one in columns if one in decided or one == column)
            for key, columns in self.groups.items()
        }
        needed = {key: max(self.floors.get(key or "", 0) - amount, 0) for key, amount in have.items()}
        left = self.budget - sum(have.values()) - sum(needed.values())
        asked = []
        for key, columns in self.groups.items():
            place = bisect_right(columns, column)
            least = self._least(key, place, needed[key]) if left >= 0 else None
            if least is None or have[key] + least > self.ceilings.get(key or "", FAR):
                return None
            asked.append(_Asked(key, place, needed[key], least))
            left -= least - needed[key]
        return asked if left >= 0 else None

    def keeping(self, asked: Sequence[_Asked], fixed: AbstractSet[int], limits: Sequence[Limit]) -> set[int] | None:
        """Those who make what is asked of each group, beside some that are ``fixed``: one group after the other rather with
        some of the lots that lack awards, until no limit is broken. None when that does not help.
        """
        found = self._who(asked, frozenset()) | fixed
        for every, group in product((1, 2, 3), range(len(asked))):
            broken = [one for one in limits if not one.allows(one.sum(found))]
            if not broken:
                return found
            if any(one.code != "lot" for one in broken):
                return None
            wanted = {other for one in broken for other in one.weights if other % every == 0}
            self._who(asked[group : group + 1], wanted)
            found = self._who(asked, frozenset()) | fixed
        return None

    def _who(self, asked: Iterable[_Asked], wanted: AbstractSet[int]) -> set[int]:
        """Who makes these sums, rather some that are ``wanted``."""
        found: set[int] = set()
        for one in asked:
            if wanted or not self._is_made(one.key, one.place, one.needed):
                columns = self._making(one.key, one.place, one.total, wanted)
                self.made[one.key] = _Made(one.needed, one.total, columns)
            found |= self.made[one.key].columns
        return found

    def fullest(self, key: str) -> list[_Asked] | None:
        """What each group has to make to bring one as far as the ceilings and the budget allow, when all others get their
        floors for the least money; None when those do not get them. Raises _TooFine.
        """
        others = self.cheapest(set(), -1)
        if others is None:
            return None
        asked = [one for one in others if one.key != key]
        left = self.budget - sum(one.total for one in asked)
        most = min(left, self.ceilings.get(key, FAR), sum(self.costs[one] for one in self.groups[key]))
        if not self._can_make(key, 0, most):
            most = (self._reach(key, 0, most).at(0) & ((2 << most) - 1)).bit_length() - 1
        return [*asked, _Asked(key, 0, most, most)]

    def _least(self, key: str | None, place: int, needed: int) -> int | None:
        """The least sum that those from a place on can make that is at least ``needed``."""
        if needed <= 0:
            return 0
        if self._is_made(key, place, needed):
            return self.made[key].total
        if self._can_make(key, place, needed):
            return needed
        sums = self._reach(key, place, needed + self._largest(key)).at(place) >> needed
        return needed + (sums & -sums).bit_length() - 1 if sums else None

    def _is_made(self, key: str | None, place: int, needed: int) -> bool:
        """Whether what was found last still is the least: as much is needed, and all who make it come later."""
        made, columns = self.made.get(key), self.groups[key]
        if made is None or made.needed != needed:
            return False
        return not made.columns or (place < len(columns) and min(made.columns) >= columns[place])

    def _can_make(self, key: str | None, place: int, total: int) -> bool:
        """Whether it is quickly seen that those from a place on can make a sum."""
        first, after, rest = self._first(key, place, total, frozenset())
        return bool(first) and bool(self._reach(key, after, rest).at(after) >> rest & 1)

    def _making(self, key: str | None, place: int, total: int, wanted: AbstractSet[int]) -> AbstractSet[int]:
        """Those from a place on who make a sum that can be made, rather those ``wanted``."""
        if not total:
            return frozenset()
        for rather in (wanted, frozenset()):
            first, after, rest = self._first(key, place, total, rather)
            if first and self._reach(key, after, rest).at(after) >> rest & 1:
                return first | self._picked(key, after, rest, wanted)
        self._reach(key, place, total)
        return self._picked(key, place, total, wanted)

    def _first(self, key: str | None, place: int, needed: int, wanted: AbstractSet[int]) -> tuple[set[int], int, int]:
        """Where a sum of many is needed, the first who come, rather those ``wanted``, until a few more are enough: nearly
        every sum can be made of the others then. Tells too from which place on those are, and what they have to make.
        """
        columns = self.groups[key]
        enough = FEW * self._largest(key)
        found: set[int] = set()
        for after, column in enumerate(columns[place : (place + len(columns)) // 2], place):
            if needed - self.costs[column] <= enough:
                return found, max(after, len(columns) - MANY), needed
            if not wanted or column in wanted:
                found.add(column)
                needed -= self.costs[column]
        return set(), place, needed

    def _largest(self, key: str | None) -> int:
        return max((self.costs[column] for column in self.groups[key]), default=0)

    def _reach(self, key: str | None, place: int, most: int) -> _Reach:
        """The sums of a group from a place on, as far as asked."""
        known = self.reach.get(key)
        if known is None or known.place > place or known.most < most:
            if most > MOST_SUMS:
                raise _TooFine
            known = self.reach[key] = _Reach([self.costs[column] for column in self.groups[key]], place, most)
        return known

    def _picked(self, key: str | None, place: int, total: int, wanted: AbstractSet[int]) -> set[int]:
        """Who makes a sum: the last who do, or those that are wanted."""
        found, reach, columns = set(), self.reach[key], self.groups[key]
        while total:
            place = place if wanted else reach.last(place, total)
            column, sums = columns[place], reach.at(place + 1)
            cost = self.costs[column]
            if cost <= total and sums >> (total - cost) & 1 and (column in wanted or not sums >> total & 1):
                found.add(column)
                total -= cost
            place += 1
        return found


class _Reach:
    """The sums that the last of a group can make: every sum is a bit of a large number. Only every sixteenth number is
    kept, and those between two of them while they are asked for.
    """

    STEP = 16

    def __init__(self, costs: Sequence[int], place: int, most: int) -> None:
        self.costs, self.place, self.most = costs, place, most
        self.every = (2 << most) - 1
        self.kept = {len(costs): 1}
        self.between: dict[int, int] = {}
        made = 1
        for here in range(len(costs) - 1, place - 1, -1):
            made = self._with(made, here)
            if here % self.STEP == 0 or here == place:
                self.kept[here] = made

    def _with(self, sums: int, place: int) -> int:
        return (sums | sums << self.costs[place]) & self.every

    def last(self, place: int, total: int) -> int:
        """The last place that is known to be one from which a sum can be made."""
        return max((one for one, sums in self.kept.items() if one > place and sums >> total & 1), default=place)

    def at(self, place: int) -> int:
        """The sums that those from a place on can make."""
        if place in self.kept:
            return self.kept[place]
        if place not in self.between:
            above = min(one for one in self.kept if one > place)
            made, self.between = self.kept[above], {}
            for here in range(above - 1, max(above - self.STEP, self.place), -1):
                self.between[here] = made = self._with(made, here)
        return self.between[place]


# ------------------------------------------------------------------ when there is nothing to propose


def _failing(walk: _Walk) -> tuple[list[Gap], bool]:
    """Which limit fails, and by how much: each one that would be enough to lift by itself (and whether there are several
    such); when no single one is, those that fail one after the other. How many awards one organization may get is never
    given up for money.
    """
    alone = []
    for limit in (one for one in walk.every if one.code != "lead"):
        reached = _furthest(limit, [other for other in walk.every if other is not limit], walk)
        if reached is not None:
            alone.append(_gap(limit, reached, walk.limits.budget.currency))
    if alone:
        return alone, len(alone) > 1
    found, kept = [], [limit for limit in walk.every if limit.least is None]
    for limit in (one for one in walk.every if one.least is not None):
        reached = _furthest(limit, kept, walk)
        if reached is not None and limit.least is not None and reached < limit.least:
            found.append(_gap(limit, reached, walk.limits.budget.currency))
            kept.append(limit._replace(least=reached))
        else:
            kept.append(limit)
    return found, False


def _furthest(limit: Limit, others: Sequence[Limit], walk: _Walk) -> int | None:
    """The sum that comes closest to a limit while all others are kept; None when they cannot be. Raises NotProven."""
    found = _at_the_bound(limit, others, walk)
    if found is None:
        unit = gcd(*limit.weights.values()) or 1
        sign = 1 if limit.most is None else -1
        worth = [sign * limit.weights.get(column, 0) // unit for column in range(len(walk.ranked))]
        chosen = _program(others, worth, walk.until).solve()
        found = None if chosen is None else set(chosen)
    return None if found is None else limit.sum(found)


def _at_the_bound(limit: Limit, others: Sequence[Limit], walk: _Walk) -> set[int] | None:
    """A set that comes as close to a limit for money as the sums of each group allow, if one keeps to the other limits too:
    then none comes closer. None when that cannot be told by the sums.
    """
    sums = _Sums(walk.ranked, others, walk.costs)
    try:
        if limit.code in ("budget", "ceiling"):
            asked = sums.cheapest(set(), -1)
        elif limit.code == "floor" and limit.key in sums.groups:
            asked = sums.fullest(limit.key)
        else:
            return None
    except _TooFine:
        return None
    return None if asked is None else sums.keeping(asked, set(), others)


def _gap(limit: Limit, reached: int, currency: str) -> Gap:
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
    asked = (limit.least if limit.least is not None else limit.most) or 0
    return Gap(f"{limit.code}_{limit.key}".rstrip("_"), limit.code, limit.key, asked, reached, message)


# ------------------------------------------------------------------ what a reader sees of a scenario


@dataclass(frozen=True)
class Shown:
    """A scenario as a reader may see it. ``whole`` says that nothing of it is left out; only then are the
    reasons told, and the name, which could speak of what is left out; and each passes the ``gate``.
    """

    scenario: Scenario
    name: str
    balance: Balance
    lines: list[dict[str, Any]]
    whole: bool
    gate: Gate

    @property
    def ticked(self) -> set[int]:
        """The applications that are in it, among those that the reader sees."""
        return {line["id"] for line in self.lines if line["ticked"]}


def shown_to(
    gate: Gate, scenario: Scenario, call: Call, plan: Mapping[int, Any], unseen: AbstractSet[str | None]
) -> Shown:
    """A scenario as a reader may see it, without the regions that they do not see. ``plan`` are the points of the plan of
    action that are counted.
    """
    kept = [line for line in scenario.lines if line["id"] not in gate.ids]
    whole = len(kept) == len(scenario.lines) and not unseen
    if gate.ids:  # A gap in the places would tell where the hidden one stands.
        place = {line["id"]: n for n, line in enumerate(sorted(kept, key=lambda line: line["rank"]), 1)}
        kept = [line | {"rank": place[line["id"]]} for line in kept]
    chosen = [
        Chosen(line["minor"], line["region"], line["lot"], line["plan_points"]) for line in kept if line["ticked"]
    ]
    return Shown(
        scenario,
        (gate.told(scenario.name) if whole else "") or str(_l("Scenario %(n)s", n=scenario.number)),
        balance(call, chosen, limits_kept(scenario), plan),
        [line for line in kept if line["region"] not in unseen],
        whole,
        gate,
    )
