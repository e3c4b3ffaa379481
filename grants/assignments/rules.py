"""The best way to ask reviewers: who cannot be asked for what, and the assignment that is proven best of all others.

An application's affinity is the sum over its reviewers of ``reviews.rules.affinity`` (1, and 2 for the region, and 1 for
the lot). The worst application's affinity is made as great as possible first, then the total: Stelmakh, Shah and Singh,
PeerReview4All, JMLR 22 (2021). Held to in every case: so many reviews an application, no more than a reviewer takes on,
no conflict, the language. Held to whenever it is possible at all, and in this order: loads that differ by at most two
between any two reviewers, or else between those who could take on more; and reviews that connect all applications, or as
many as can be connected, without which reviewers cannot be compared (one set of reviewers would judge one set of
applications, and nobody both).

An assignment that has begun is added to: who was asked stays asked, and counts in loads, in what connects applications and
in how well these are served. A third review is found like a first one, one to a reviewer and on top of their capacity.

With loads between two numbers the program is a flow through a network and its relaxation nearly always comes out in
whole numbers; so it is solved for each pair of numbers that loads can lie between. Cuts that demand a connection are
added only where a solution lacks one, and hold for every other solution.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

from grants.assignments.queries import Boards
from grants.core.languages import LazyWords, _l, _ln, language_name
from grants.core.rules import Obstacle
from grants.core.solver import Program
from grants.reviews.queries import ApplicationLine, Board, Candidate
from grants.reviews.rules import THIRD_REVIEWS_EACH, affinity
from grants.reviews.workflow import LIVE, AssignmentState

LOAD_SPREAD = 2
"""By how many first-round reviews the busiest reviewer may exceed another one."""

THIRD_REVIEWS = 1
"""How many third reviews an application has at most."""


ROUNDED = ((1, 0), (2, 0), (2, 1))
"""An application's affinity reaches ``worst`` in whole numbers only when it does so also with every summand lessened by
some number, divided by another and rounded up (Chvátal, 1973). Without these the relaxation shares one reviewer out
between two applications, and it takes long to prove that nobody can be.
"""


class Pair(NamedTuple):
    """A reviewer to ask for an application, and how well they fit."""

    application: ApplicationLine
    reviewer: Candidate
    affinity: int


AT_ONCE = 4_000
"""Among so many pairs of an application and a reviewer the best plan is found while a page is opened (0.2 seconds)."""

MOST_OPTIONS = 15
"""How many reviewers a coordinator chooses among for one review: those who fit best."""


class Option(NamedTuple):
    """A reviewer who could be asked for an application, and how well they fit."""

    reviewer: Candidate
    affinity: int
    knows_region: bool
    knows_lot: bool


def options_for(board: Board, line: ApplicationLine, kept: Collection[str] = (), round: int = 1) -> list[Option]:
    """Who could be asked for an application, who fits best first; those ``kept`` by reference are always among them."""
    able = [p for p in board.candidates if bar(board, line, p) is None and room_of(board, p, round) > 0]
    found = [Option(p, affinity(line, p), line.region in p.regions, line.lot_key in p.lots) for p in able]
    found.sort(key=lambda one: (-one.affinity, one.reviewer.name, one.reviewer.reference))
    return [one for n, one in enumerate(found) if n < MOST_OPTIONS or one.reviewer.reference in kept]


def room_of(board: Board, person: Candidate, round: int) -> int:
    """How many more reviews of a round somebody takes on in the call."""
    agreed = person.capacity if round == 1 else THIRD_REVIEWS_EACH
    return max(agreed - board.assignments.load[person.id, round], 0)


def missing_in(board: Board, line: ApplicationLine, wanted: int, round: int) -> int:
    """How many more reviewers an application needs in a round, of ``wanted`` in the first."""
    needed = wanted if round == 1 else THIRD_REVIEWS
    return max(needed - len(board.assignments.live(line.id, round)), 0)


class Group(NamedTuple):
    """Applications that shared reviewers connect, with those reviewers, by their keys."""

    applications: set[int]
    reviewers: set[int]


@dataclass(frozen=True)
class Plan:
    """Whom to ask for what. ``spread`` is by how much the busiest reviewer may exceed another one who could have taken on
    more; ``is_even`` says whether none exceeds any other by more than two; ``is_connected`` whether the reviews connect all
    applications; ``given`` is the affinity of those who were asked before, by the applications that need more.
    """

    pairs: list[Pair]
    spread: int
    is_even: bool
    is_connected: bool
    given: Mapping[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """The sum of all affinities."""
        return self.by_application.total()

    @property
    def worst(self) -> int | None:
        """The affinity of the application that is served worst; None when there is no application."""
        return min(self.by_application.values(), default=None)

    @cached_property
    def by_application(self) -> Counter[str]:
        """The affinity of each application: the sum over its reviewers."""
        found: Counter[str] = Counter(self.given)
        for pair in self.pairs:
            found[pair.application.reference] += pair.affinity
        return found

    @property
    def shortcomings(self) -> list[Obstacle]:
        """What the best assignment does not reach, because none does."""
        found = []
        if self.pairs and not self.is_even:
            message = _l(
                "No assignment keeps the numbers of reviews of all reviewers within %(wanted)s of each other; here whoever"
                " could take on more has at most %(n)s fewer than anybody else.",
                wanted=LOAD_SPREAD,
                n=self.spread,
            )
            found.append(Obstacle("spread", message))
        if not self.is_connected:
            message = _l(
                "No assignment connects all applications through shared reviewers, so scores of separate groups cannot be"
                " compared."
            )
            found.append(Obstacle("not_connected", message))
        return found


def bar(board: Board, line: ApplicationLine, reviewer: Candidate) -> str | None:
    """Why a reviewer can never be asked for an application: ``conflict``, ``before`` (a fresh assessment is made by
    others), ``asked`` (they were already), ``left`` (they said no, or were released) or ``language``; None when they can.
    """
    past = {one.state for one in board.assignments.of_application.get(line.id, ()) if one.reviewer_id == reviewer.id}
    if (reviewer.id, line.id) in board.ties:
        return "conflict"
    if AssignmentState.REPLACED in past:
        return "before"
    if past:
        return "left" if past.isdisjoint(LIVE) else "asked"
    return None if line.language in reviewer.languages else "language"


def best_plan(board: Board, wanted: int, round: int = 1) -> Plan | list[Obstacle]:
    """The best reviewers to ask besides those of a board who were asked already, so that each of its applications has
    ``wanted`` in the first round, or one in the second; or which applications cannot be covered, and why. Raises NotProven
    when it cannot tell.
    """
    network = _Network(board, wanted, round)
    if not network.can_cover():
        return _obstacles_to_covering(network)
    for spread, is_even in network.spreads():
        for connected in (True, False):
            if not connected and not network.cuts:
                continue
            network.keep_connected(wanted=connected)
            found = network.best(spread, is_even=is_even)
            if found is not None:
                pairs = [network.pairs[column] for column in found]
                given = {line.reference: network.given[line.id] for line in network.lines}
                return Plan(pairs, spread, is_even, len(network.groups(found)) <= 1, given)
    raise AssertionError("what can be covered can be covered with some spread")


def best_plan_for_most(board: Board, wanted: int, round: int = 1) -> tuple[Plan, list[Obstacle]]:
    """The best plan for all applications that can be covered, and why others cannot. Those wait for a person to choose."""
    why: list[Obstacle] = []
    while isinstance(found := best_plan(board, wanted, round), list):
        why += found
        left_out = _uncovered(_Network(board, wanted, round))
        board = replace(board, lines=[line for line in board.lines if line not in left_out])
    return found, why


class Waiting(NamedTuple):
    """An application that needs so many more reviewers in a round, and who was asked for it already."""

    application: ApplicationLine
    round: int
    missing: int
    asked: list[Candidate]


def waiting_in(boards: Boards, wanted: int) -> list[Waiting]:
    """The applications that need reviewers, by their references."""
    people = {person.id: person for person in boards.first.candidates}
    found = []
    for round, board in enumerate(boards, 1):
        for line in board.lines:
            missing = missing_in(board, line, wanted, round)
            asked = [one.reviewer_id for one in board.assignments.live(line.id)]
            if missing:
                found.append(Waiting(line, round, missing, [people[one] for one in asked if one in people]))
    return sorted(found, key=lambda one: one.application.reference)


def is_long(boards: Boards, waiting: Sequence[Waiting]) -> bool:
    """Whether it takes too long to find the best plan while somebody waits for a page."""
    return len(waiting) * len(boards.first.candidates) > AT_ONCE


@dataclass(frozen=True)
class Proposal:
    """What a coordinator looks through: whom to ask for each application, by references; how well they fit in all and
    where they fit worst; in words, what cannot be covered, and what the best plan does not reach.
    """

    chosen: dict[str, list[str]]
    total: int
    worst: int | None
    why_not: list[str]
    shortcomings: list[str]

    @property
    def number(self) -> int:
        """How many reviews are asked for."""
        return sum(len(some) for some in self.chosen.values())


def propose(boards: Boards, wanted: int, *, told: Callable[[int], None] = lambda _step: None) -> Proposal:
    """The best first and third reviewers to ask. ``told`` is called with how many steps are done (of ``models.STEPS``).
    Raises NotProven.
    """
    told(1)
    first, why = best_plan_for_most(boards.first, wanted)
    told(2)
    third, why_not_third = best_plan_for_most(boards.third, wanted, 2)
    chosen: dict[str, list[str]] = defaultdict(list)
    for pair in first.pairs + third.pairs:
        chosen[pair.application.reference].append(pair.reviewer.reference)
    worst = [plan.worst for plan in (first, third) if plan.worst is not None]
    return Proposal(
        chosen=dict(chosen),
        total=first.total + third.total,
        worst=min(worst, default=None),
        why_not=[str(one.message) for one in why + why_not_third],
        shortcomings=[str(one.message) for one in first.shortcomings],
    )


def fingerprint(boards: Boards) -> str:
    """What is the same as long as a plan for these boards would be."""
    first, third = boards
    told = (
        first.lines,
        first.candidates,
        first.assignments.asked,
        sorted(first.ties),
        [line.id for line in third.lines],
    )
    return hashlib.sha256(repr(told).encode()).hexdigest()


class _Network:
    """The applications of a board that need reviewers, the reviewers, the pairs that may be made, and the program that
    chooses among them.
    """

    def __init__(self, board: Board, wanted: int, round: int) -> None:
        self.board = board
        known = {person.id: person for person in board.candidates}
        self.missing = {line.id: missing_in(board, line, wanted, round) for line in board.lines}
        self.lines = sorted((one for one in board.lines if self.missing[one.id]), key=lambda line: line.reference)
        self.given = {
            line.id: sum(
                affinity(line, known[one.reviewer_id])
                for one in board.assignments.live(line.id)
                if one.reviewer_id in known
            )
            for line in self.lines
        }
        people = sorted(board.candidates, key=lambda person: person.reference)
        self.left = left = {person.id: room_of(board, person, round) for person in people}
        self.pairs = [
            Pair(line, person, affinity(line, person))
            for line in self.lines
            for person in people
            if left[person.id] and bar(board, line, person) is None
        ]
        self.of_application: dict[int, list[int]] = {line.id: [] for line in self.lines}
        self.of_reviewer: dict[int, list[int]] = defaultdict(list)
        for column, pair in enumerate(self.pairs):
            self.of_application[pair.application.id].append(column)
            self.of_reviewer[pair.reviewer.id].append(column)
        self.room = {
            person.id: min(left[person.id], len(self.of_reviewer[person.id]))
            for person in people
            if person.id in self.of_reviewer
        }
        self.taken = {person.id: board.assignments.load[person.id, round] for person in people}
        self.need = sum(self.missing.values())
        self.program = program = Program([pair.affinity for pair in self.pairs])
        for line in self.lines:
            self._row(self.of_application[line.id], least=self.missing[line.id], most=self.missing[line.id])
        self.fits = [
            (program.limit(columns, [self._part(column, divisor, less) for column in columns]), line, divisor, less)
            for line, columns in self.of_application.items()
            for divisor, less in ROUNDED
        ]
        self.loads = {
            reviewer: self._row(self.of_reviewer[reviewer], least=0, most=room) for reviewer, room in self.room.items()
        }
        self._on_board = {line.id for line in board.lines}
        self.cuts: list[int] = []
        self._is_kept_connected = True

    def _part(self, column: int, divisor: int, less: int) -> int:
        return _upwards(self.pairs[column].affinity - less, divisor)

    def _row(self, columns: Sequence[int], *, least: int | None = None, most: int | None = None) -> int:
        return self.program.limit(columns, [1] * len(columns), least=least, most=most)

    def can_cover(self) -> bool:
        """Whether there is any assignment at all, however uneven."""
        return self.program.bound() is not None

    def keep_connected(self, *, wanted: bool) -> None:
        """Demand from now on that the reviews connect all applications, or demand it no longer."""
        self._is_kept_connected = wanted
        for row in self.cuts:
            self.program.move(row, least=1 if wanted else 0)

    def spreads(self) -> Iterator[tuple[int, bool]]:
        """What loads may differ by, the evenest first: between all (True), or between those who could take on more."""
        yield LOAD_SPREAD, True
        for spread in range(LOAD_SPREAD, max(self._reach, default=0) + 1):
            yield spread, False

    def best(self, spread: int, *, is_even: bool) -> list[int] | None:
        """The best assignment in which loads differ by at most ``spread``; None when there is none."""
        self._serve(0)
        windows = [most for most in self._windows(spread, is_even=is_even) if self._bound(most, spread) is not None]
        for worst in range(self._most_for_the_worst(), -1, -1):
            if not windows:
                break
            self._serve(worst)
            bounds = [(bound, most) for most in windows if (bound := self._bound(most, spread)) is not None]
            best: list[int] | None = None
            for bound, most in sorted(bounds, key=lambda one: (-one[0], one[1])):
                if best is not None and self._worth(best) >= bound:
                    break
                self._load(most, spread)
                found = self._solved()
                if found is not None and (best is None or self._worth(found) > self._worth(best)):
                    best = found
            if best is not None:
                return best
        return None

    @cached_property
    def _reach(self) -> list[int]:
        """How many reviews each can have at most, of those who have some or may be asked."""
        every = (taken + self.room.get(reviewer, 0) for reviewer, taken in self.taken.items())
        return [most for most in every if most]

    def _windows(self, spread: int, *, is_even: bool) -> Iterator[int]:
        """The greatest loads that are possible when nobody falls short of them by more than ``spread`` who could take
        more, or nobody at all: all reviews find a place, and there are enough of them.
        """
        greatest = max(self._reach, default=0)
        if is_even:
            greatest = min(greatest, min(self._reach, default=0) + spread)
        for most in range(max(self.taken.values(), default=0), greatest + 1):
            between = [self._between(reviewer, most, spread) for reviewer in self.room]
            if sum(least for least, _ in between) <= self.need <= sum(more for _, more in between):
                yield most

    def _between(self, reviewer: int, most: int, spread: int) -> tuple[int, int]:
        """How many more reviews somebody is given at least and at most, when the greatest load is ``most``."""
        taken, room = self.taken[reviewer], self.room[reviewer]
        return min(room, max(most - spread - taken, 0)), min(room, most - taken)

    def _most_for_the_worst(self) -> int:
        """No assignment serves every application better than this."""
        best = {
            line: sorted(self.pairs[column].affinity for column in columns)[-self.missing[line] :]
            for line, columns in self.of_application.items()
        }
        return min((self.given[line] + sum(some) for line, some in best.items()), default=0)

    def _serve(self, worst: int) -> None:
        for row, line, divisor, less in self.fits:
            self.program.move(row, least=_upwards(worst - self.given[line] - self.missing[line] * less, divisor))

    def _load(self, most: int, spread: int) -> None:
        for reviewer, row in self.loads.items():
            least, more = self._between(reviewer, most, spread)
            self.program.move(row, least=least, most=more)

    def _bound(self, most: int, spread: int) -> int | None:
        self._load(most, spread)
        return self.program.bound()

    def _worth(self, columns: Iterable[int]) -> int:
        return sum(self.pairs[column].affinity for column in columns)

    def _solved(self) -> list[int] | None:
        """The best assignment within the present limits, connected as far as the pairs allow when that is demanded."""
        while True:
            found = self.program.solve()
            if found is None or not self._is_kept_connected:
                return found
            split = [group for group in self.groups(found) if self._planned(group) not in self._widest]
            if not split:
                return found
            self.cuts += [self._row(self._bridges(group), least=1) for group in split]

    @cached_property
    def _widest(self) -> list[set[int]]:
        """The applications that all pairs together would connect: no assignment connects more."""
        return [self._planned(group) for group in self.groups(range(len(self.pairs)))]

    def _planned(self, group: Group) -> set[int]:
        """The applications of a group that are on the board; others need no connection of their own."""
        return group.applications & self._on_board

    def _bridges(self, group: Group) -> list[int]:
        """The pairs of which one side belongs to a group and the other does not. Whenever other applications can be
        connected to it, an assignment in which they are has one of these.
        """
        return [
            column
            for column, pair in enumerate(self.pairs)
            if (pair.application.id in group.applications) != (pair.reviewer.id in group.reviewers)
        ]

    def groups(self, columns: Iterable[int]) -> list[Group]:
        """The groups of applications that shared reviewers connect, whoever was asked already included. Of applications
        that are not on the board those count that connect some that are.
        """
        asked = self._asked(columns)
        taken: dict[int, list[int]] = defaultdict(list)
        for application, reviewers in asked.items():
            for reviewer in reviewers:
                taken[reviewer].append(application)
        found: list[Group] = []
        left = dict.fromkeys(asked)
        for line in self.board.lines:
            if line.id not in left:
                continue
            group, ahead = Group(set(), set()), [line.id]
            while ahead:
                application = ahead.pop()
                if application in left:
                    del left[application]
                    group.applications.add(application)
                    for reviewer in asked[application]:
                        group.reviewers.add(reviewer)
                        ahead += taken.pop(reviewer, ())
            found.append(group)
        return found

    def _asked(self, columns: Iterable[int]) -> dict[int, list[int]]:
        """Who reviews each application."""
        found: dict[int, list[int]] = {line.id: [] for line in self.board.lines}
        for one in self.board.assignments.asked:
            if one.state in LIVE:
                found.setdefault(one.application_id, []).append(one.reviewer_id)
        for column in columns:
            found[self.pairs[column].application.id].append(self.pairs[column].reviewer.id)
        return found


def _upwards(number: int, divisor: int) -> int:
    return -(-number // divisor)


def _uncovered(network: _Network) -> list[ApplicationLine]:
    """The applications that cannot be covered: each by itself, or else together."""
    alone = [line for line in network.lines if len(network.of_application[line.id]) < network.missing[line.id]]
    return alone or _short_together(network)


def _obstacles_to_covering(network: _Network) -> list[Obstacle]:
    """Which applications cannot be covered: too few may review them, or those who may take on too few reviews."""
    short = _uncovered(network)
    if len(network.of_application[short[0].id]) < network.missing[short[0].id]:
        return [obstacle for line in short for obstacle in _too_few(network, line)]
    return [_too_busy(network, short)]


def _too_few(network: _Network, line: ApplicationLine) -> list[Obstacle]:
    bars = Counter(bar(network.board, line, person) for person in network.board.candidates)
    n = len(network.of_application[line.id])
    told = {
        "application": line.reference,
        "wanted": network.missing[line.id],
        "n": n,
        "all": len(network.board.candidates),
        "conflicts": bars["conflict"],
        "strangers": bars["language"],
        "language": LazyWords(language_name, line.language),
        "full": bars[None] - n,
    }
    if _has_begun(network.board):
        message = _l(
            "Reviewers that %(application)s still needs: %(wanted)s; who may be asked: %(n)s. Of %(all)s reviewers with a"
            " conflict of interest: %(conflicts)s; who do not read %(language)s: %(strangers)s; who have no room left:"
            " %(full)s; who were asked before: %(before)s.",
            **told,
            before=bars["asked"] + bars["left"],
        )
    else:
        message = _l(
            "%(application)s needs %(wanted)s reviewers and has %(n)s who may review it. Of %(all)s reviewers with a"
            " conflict of interest: %(conflicts)s; who do not read %(language)s: %(strangers)s; who take on no reviews:"
            " %(full)s.",
            **told,
        )
    found = [Obstacle("too_few_reviewers", message)]
    if bars["before"]:
        message = _ln(
            "%(num)s reviewer assessed %(application)s before, and others assess it now.",
            "%(num)s reviewers assessed %(application)s before, and others assess it now.",
            bars["before"],
            application=line.reference,
        )
        found.append(Obstacle("assessed_before", message))
    return found


def _has_begun(board: Board) -> bool:
    return any(one.state != AssignmentState.REPLACED for one in board.assignments.asked)


def _too_busy(network: _Network, short: Sequence[ApplicationLine]) -> Obstacle:
    """The applications that their reviewers together take on too few reviews for (Hall, 1935)."""
    able = Counter(network.pairs[column].reviewer.id for line in short for column in network.of_application[line.id])
    told = {
        "applications": _some(line.reference for line in short),
        "needed": sum(network.missing[line.id] for line in short),
        "reviewers": _some(person.reference for person in network.board.candidates if person.id in able),
        "n": sum(min(number, network.left[reviewer]) for reviewer, number in able.items()),
    }
    if _has_begun(network.board):
        message = _l(
            "%(applications)s: reviews still needed in all: %(needed)s; room left with those who may be asked"
            " (%(reviewers)s): %(n)s.",
            **told,
        )
    else:
        message = _ln(
            "%(applications)s: %(num)s application needs %(needed)s reviews, and whoever may review it (%(reviewers)s)"
            " takes on %(n)s at most.",
            "%(applications)s: these %(num)s applications need %(needed)s reviews, and all who may review them"
            " (%(reviewers)s) take on %(n)s at most.",
            len(short),
            **told,
        )
    return Obstacle("too_little_capacity", message)


def _some(references: Iterable[str]) -> str:
    """Up to twenty references in a sentence."""
    every = sorted(references)
    return ", ".join(every[:20]) + (", …" if len(every) > 20 else "")


def _short_together(network: _Network) -> list[ApplicationLine]:
    """Hand out reviewers one at a time, moving them on from one application to the next where that helps. What is left
    when it no longer does are applications whose reviewers are all taken, by each other.
    """
    able = {
        line.id: [network.pairs[column].reviewer.id for column in network.of_application[line.id]]
        for line in network.lines
    }
    taken: dict[int, set[int]] = {reviewer: set() for reviewer in network.room}
    for line in network.lines:
        for _review in range(network.missing[line.id]):
            reached = _make_room(line.id, able, taken, network.room)
            if reached:
                return [one for one in network.lines if one.id in reached]
    return []


def _make_room(
    application: int, able: Mapping[int, Sequence[int]], taken: dict[int, set[int]], room: Mapping[int, int]
) -> set[int]:
    """Find one more reviewer for an application; when there is none, the applications among which they are all taken."""
    wanted_by: dict[int, int] = {}
    gives_up: dict[int, int | None] = {application: None}
    ahead = [application]
    for one in ahead:
        for reviewer in able[one]:
            if reviewer in wanted_by or one in taken[reviewer]:
                continue
            wanted_by[reviewer] = one
            if len(taken[reviewer]) < room[reviewer]:
                free: int | None = reviewer
                while free is not None:
                    receiver = wanted_by[free]
                    taken[free].add(receiver)
                    free = gives_up[receiver]
                    if free is not None:
                        taken[free].remove(receiver)
                return set()
            for other in sorted(taken[reviewer] - gives_up.keys()):
                gives_up[other] = reviewer
                ahead.append(other)
    return set(gives_up)
