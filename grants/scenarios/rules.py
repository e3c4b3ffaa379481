"""Which awards follow from the ranking within a budget, floors, ceilings and least numbers of awards.

Rank first, exactly: the first-ranked application is in if any set of awards that keeps to all limits contains it; the
second is in if any such set contains it beside what has been decided about the first; and so on to the last. That is the
lexicographic optimum. The greatest sum of scores is not asked for: it drops the best application for two cheap ones. An
application receives what it asks for or nothing.

One set that is known answers for every application in it and for every other that can be added. For the rest it is
asked whether there is another (grants/core/set_search.py). Where awards are promised to lots, the solver tells first how
many more than promised there could be with parts of applications, and what each application loses of that: one that loses
more than there is cannot be in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from itertools import accumulate
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
from grants.core.set_search import FAR, MARGIN, Search
from grants.core.solver import Priced, Program
from grants.decisions.models import Meeting
from grants.decisions.rules import Ranked, Share
from grants.decisions.workflow import GONE
from grants.reviews.queries import ApplicationLine, Gate
from grants.reviews.rules import to_two_decimals
from grants.scenarios.models import Scenario

EXTRA = 8
"""Up to how many awards more than promised the solver looks for in every lot: what they fall short of that tells early
who cannot be in.
"""

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


def _program(limits: Iterable[Limit], worth: Sequence[int], until: float, extra: int = 0) -> Program:
    """The choice of awards that keeps to some limits. Amounts are told in the greatest unit that divides them all, which
    keeps them small; what a limit leaves of such a unit is no use to anybody. Nothing is sought beyond a moment.

    With ``extra`` it is sought besides how many awards more than promised, up to so many, every lot could have.
    """
    program = Program([*worth, *[1] * extra], max(until - monotonic(), 0.0))
    beyond = range(len(worth), len(worth) + extra)
    for one in limits:
        unit = gcd(*one.weights.values()) or 1
        more = beyond if one.code == "lot" else ()
        program.limit(
            [*one.weights, *more],
            [*(weight // unit for weight in one.weights.values()), *(-1 for _ in more)],
            least=None if one.least is None else -(-one.least // unit),
            most=None if one.most is None else one.most // unit,
        )
    return program


def _search(walk: _Walk, limits: Sequence[Limit]) -> Search:
    """Some limits for the search. Regions are the groups, or lots where money is promised to lots alone."""
    ranked, leads = walk.ranked, walk.leads
    floors = {one.key: one.least or 0 for one in limits if one.code == "floor"}
    ceilings = {one.key: one.most or 0 for one in limits if one.code == "ceiling"}
    regions, lots = [line.region for line in ranked], [line.lot_key for line in ranked]
    labels = regions if floors.keys() & set(regions) or not floors.keys() & set(lots) else lots
    keys = sorted(set(labels), key=str)
    joint = [one for one in limits if one.code in {"budget", "lot"} or (one.code != "lead" and one.key not in keys)]
    joint.sort(key=lambda one: one.code != "budget")
    if not joint or joint[0].code != "budget":
        joint.insert(0, Limit("budget", "", dict(enumerate(line.requested_minor for line in ranked)), None, FAR))
    who = [leads.get(line.organization_id, line.organization_id) for line in ranked]
    return Search(
        np.array([line.requested_minor for line in ranked], np.int64),
        np.array([keys.index(label) for label in labels], np.int64),
        [(floors.get(key or "", 0), ceilings.get(key or "", FAR)) for key in keys],
        np.array([[one.weights.get(n, 0) for one in joint] for n in range(len(ranked))], np.int64).reshape(
            -1, len(joint)
        ),
        np.array([-FAR if one.least is None else one.least for one in joint], np.int64),
        np.array([FAR if one.most is None else one.most for one in joint], np.int64),
        np.unique(who, return_inverse=True)[1],
        walk.limits.most_per_lead,
        walk.until,
    )


# ------------------------------------------------------------------ down the ranking


class _Walk:
    """What has been decided on the way down a ranking, and a set of awards that shows that it can be completed."""

    def __init__(self, ranked: Sequence[ApplicationLine], limits: Limits, leads: Mapping[int, int]) -> None:
        self.ranked, self.limits, self.leads = ranked, limits, leads
        self.every = _limits_on(ranked, limits, leads)
        self.until = monotonic() + PATIENCE
        self.program = _program(self.every, [0] * len(ranked), self.until, extra=EXTRA)
        self.priced: Priced | None = None
        """What the solver last told about what has been decided, while that is all that has been decided."""
        self.decided: set[int] = set()
        self.impossible: set[bytes] = set()
        """What the applications that were left out add to the sums: no later one that adds the same can be in, for the
        earlier one could stand in its place.
        """
        self.weights = np.array(
            [[limit.weights.get(column, 0) for limit in self.every] for column in range(len(ranked))], np.int64
        )
        """What each application adds to each sum."""
        self.search = _search(self, self.every)
        self.known: set[int] | None = set()
        self.known = self._sought_anew(-1)

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
            self.priced = None
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
        return self._trimmed(column) or self._sought_anew(column)

    def _sought_anew(self, column: int) -> set[int] | None:
        """A set with what has been decided and the next application (before the first, -1: none); None when it is proven
        that there is none. Raises NotProven.
        """
        taken, free = self.decided | ({column} - {-1}), set(range(column + 1, len(self.ranked)))
        gains, bound, bases = np.zeros(len(self.ranked)), 0.0, [set(self.known or ())]
        if column < 0 or self._lacks(taken):
            priced = None if self._loses_too_much(column) else self._priced_with(column)
            if priced is None or priced.bound < -MARGIN:
                return None
            gains, bound = priced.gains[: len(self.ranked)], priced.bound
            taken |= {one for one in free if gains[one] > bound + MARGIN}
            free = {one for one in free if abs(gains[one]) <= bound + MARGIN}
            bases.append({one for one in free if priced.values[one] > 0.5})
        group = int(self.search.groups[column]) if column >= 0 else None
        found, is_proven = self.search.completed(taken, free, [base & free for base in bases], gains, bound, group)
        if found is not None or is_proven:
            return found
        if column >= 0:
            self.program.fix(column, 1)
        chosen = self.program.some()
        return None if chosen is None else {one for one in chosen if one < len(self.ranked)}

    def _loses_too_much(self, column: int) -> bool:
        """Whether it alone loses more than there is to lose."""
        if column < 0:
            return False
        self.priced = self.priced or self.program.priced()
        return self.priced is not None and self.priced.bound + self.priced.gains[column] < -MARGIN

    def _priced_with(self, column: int) -> Priced | None:
        """What the solver tells about what has been decided and the next application; None when there is no such set, not
        even with parts of applications.
        """
        if column >= 0:
            self.program.fix(column, 1)
        return self.program.priced()

    def _lacks(self, taken: AbstractSet[int]) -> bool:
        """Whether something is missing of what is promised to lots beside the groups."""
        sums = self.search.adds[sorted(taken)].sum(0)
        return bool((sums < self.search.least).any())

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
    unit = gcd(*limit.weights.values()) or 1
    sign = 1 if limit.most is None else -1
    program = _program(others, [sign * limit.weights.get(n, 0) // unit for n in range(len(walk.ranked))], walk.until)
    priced, bound = program.priced(), program.bound()
    if priced is None or bound is None:
        return None
    # A set that reaches the bound, if one is found, cannot be bettered.
    at_the_bound = limit._replace(least=bound * unit) if sign > 0 else limit._replace(most=-bound * unit)
    search = _search(walk, [*others, at_the_bound])
    base, every = set(np.flatnonzero(priced.values > 0.5).tolist()), range(len(walk.ranked))
    found, _ = search.completed((), every, [base], np.zeros(len(every)), 0.0, None)
    if found is None:
        chosen = program.solve()
        found = None if chosen is None else set(chosen)
    return None if found is None else limit.sum(found)


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
