"""The best way to ask reviewers: who cannot be asked for what, and the assignment that is proven best of all others.

An application's affinity is the sum over its reviewers of ``reviews.rules.affinity`` (1, and 2 for the region, and 1 for
the lot). The worst application's affinity is made as great as possible first, then the total: Stelmakh, Shah and Singh,
PeerReview4All, JMLR 22 (2021). Held to in every case: so many reviews an application, no more than a reviewer takes on,
no conflict, the language. Held to whenever it is possible at all, and in this order: loads that differ by at most two,
and reviews that connect all applications, without which reviewers cannot be compared (one set of reviewers would judge
one set of applications, and nobody both).

With loads between two numbers the program is a flow through a network and its relaxation nearly always comes out in
whole numbers; so it is solved for each pair of numbers that loads can lie between. Cuts that demand a connection are
added only where a solution lacks one, and hold for every other solution.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from grants.core.languages import LazyWords, _l, _ln, language_name
from grants.core.rules import Obstacle
from grants.core.solver import Program
from grants.reviews.queries import ApplicationLine, Board, Candidate
from grants.reviews.rules import affinity

LOAD_SPREAD = 2
"""By how many first-round reviews the busiest reviewer may exceed another one who could have taken more."""


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


MOST_OPTIONS = 15
"""How many reviewers a coordinator chooses among for one review: those who fit best."""


class Option(NamedTuple):
    """A reviewer who could be asked for an application, and how well they fit."""

    reviewer: Candidate
    affinity: int
    knows_region: bool
    knows_lot: bool


def options_for(board: Board, line: ApplicationLine, kept: Collection[str] = ()) -> list[Option]:
    """Who could be asked for an application, who fits best first; those ``kept`` by reference are always among them."""
    able = [p for p in board.candidates if p.capacity > 0 and bar(board, line, p) is None]
    found = [Option(p, affinity(line, p), line.region in p.regions, line.lot_key in p.lots) for p in able]
    found.sort(key=lambda one: (-one.affinity, one.reviewer.name, one.reviewer.reference))
    return [one for n, one in enumerate(found) if n < MOST_OPTIONS or one.reviewer.reference in kept]


class Group(NamedTuple):
    """Applications that shared reviewers connect, with those reviewers, by their keys."""

    applications: set[int]
    reviewers: set[int]


@dataclass(frozen=True)
class Plan:
    """Whom to ask for what. ``spread`` is what loads may differ by; ``is_connected`` says whether the reviews connect all
    applications.
    """

    pairs: list[Pair]
    spread: int
    is_connected: bool

    @property
    def total(self) -> int:
        """The sum of all affinities."""
        return sum(pair.affinity for pair in self.pairs)

    @property
    def worst(self) -> int | None:
        """The affinity of the application that is served worst; None when there is no application."""
        return min(self.by_application.values(), default=None)

    @cached_property
    def by_application(self) -> Counter[str]:
        """The affinity of each application: the sum over its reviewers."""
        found: Counter[str] = Counter()
        for pair in self.pairs:
            found[pair.application.reference] += pair.affinity
        return found

    @property
    def shortcomings(self) -> list[Obstacle]:
        """What the best assignment does not reach, because none does."""
        found = []
        if self.spread > LOAD_SPREAD:
            message = _l(
                "No assignment keeps the numbers of reviews within %(wanted)s of each other; here they differ by up to"
                " %(n)s.",
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
    others) or ``language``; None when they can.
    """
    if (reviewer.id, line.organization_id) in board.ties:
        return "conflict"
    if any(one.reviewer_id == reviewer.id for one in board.assignments.of_application.get(line.id, [])):
        return "before"
    return None if line.language in reviewer.languages else "language"


def best_plan(board: Board, wanted: int) -> Plan | list[Obstacle]:
    """The best assignment of ``wanted`` first-round reviewers to each application of a board on which nobody has been
    asked yet; or which applications cannot be covered, and why. Raises NotProven when it cannot tell.
    """
    network = _Network(board, wanted)
    if not network.can_cover():
        return _obstacles_to_covering(network)
    for spread in range(LOAD_SPREAD, network.need + LOAD_SPREAD + 1):
        for connected in (True, False):
            if not connected and not network.cuts:
                continue
            network.keep_connected(wanted=connected)
            found = network.best(spread)
            if found is not None:
                pairs = [network.pairs[column] for column in found]
                return Plan(pairs, spread, is_connected=len(network.groups(found)) <= 1)
    raise AssertionError("what can be covered can be covered with some spread")


class _Network:
    """The applications and reviewers of a board, the pairs that may be made, and the program that chooses among them."""

    def __init__(self, board: Board, wanted: int) -> None:
        self.board, self.wanted = board, wanted
        self.lines = sorted(board.lines, key=lambda line: line.reference)
        people = sorted(board.candidates, key=lambda person: person.reference)
        self.pairs = [
            Pair(line, person, affinity(line, person))
            for line in self.lines
            for person in people
            if person.capacity > 0 and bar(board, line, person) is None
        ]
        self.of_application: dict[int, list[int]] = {line.id: [] for line in self.lines}
        self.of_reviewer: dict[int, list[int]] = defaultdict(list)
        for column, pair in enumerate(self.pairs):
            self.of_application[pair.application.id].append(column)
            self.of_reviewer[pair.reviewer.id].append(column)
        self.room = {
            person.id: min(person.capacity, len(self.of_reviewer[person.id]))
            for person in people
            if person.id in self.of_reviewer
        }
        self.need = wanted * len(self.lines)
        self.program = program = Program([pair.affinity for pair in self.pairs])
        self.served = {
            line.id: self._row(self.of_application[line.id], least=wanted, most=wanted) for line in self.lines
        }
        self.fits = [
            (program.limit(columns, [self._part(column, divisor, less) for column in columns]), divisor, less)
            for columns in self.of_application.values()
            for divisor, less in ROUNDED
        ]
        self.loads = {
            reviewer: self._row(self.of_reviewer[reviewer], least=0, most=room) for reviewer, room in self.room.items()
        }
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

    def best(self, spread: int) -> list[int] | None:
        """The best assignment in which loads differ by at most ``spread``; None when there is none."""
        windows = list(self._windows(spread))
        for worst in range(self._most_for_the_worst(), -1, -1):
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

    def _windows(self, spread: int) -> Iterator[int]:
        """The greatest loads that are possible when nobody falls short of them by more than ``spread`` who could take
        more: all reviews find a place, and there are enough of them.
        """
        for most in range(max(self.room.values(), default=0) + 1):
            lowest = sum(min(room, max(most - spread, 0)) for room in self.room.values())
            if lowest <= self.need <= sum(min(room, most) for room in self.room.values()):
                yield most

    def _most_for_the_worst(self) -> int:
        """No assignment serves every application better than this."""
        best = ((self.pairs[column].affinity for column in columns) for columns in self.of_application.values())
        return min((sum(sorted(one)[-self.wanted :]) for one in best), default=0)

    def _serve(self, worst: int) -> None:
        for row, divisor, less in self.fits:
            self.program.move(row, least=_upwards(worst - self.wanted * less, divisor))

    def _load(self, most: int, spread: int) -> None:
        for reviewer, room in self.room.items():
            least = min(room, max(most - spread, 0))
            self.program.move(self.loads[reviewer], least=least, most=min(room, most))

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
            split = [group for group in self.groups(found) if group.applications not in self._widest]
            if not split:
                return found
            self.cuts += [self._row(self._bridges(group), least=1) for group in split]

    @cached_property
    def _widest(self) -> list[set[int]]:
        """The applications that all pairs together would connect: no assignment connects more."""
        return [group.applications for group in self.groups(range(len(self.pairs)))]

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
        """The groups of applications that shared reviewers connect."""
        asked: dict[int, list[int]] = {line.id: [] for line in self.lines}
        taken: dict[int, list[int]] = defaultdict(list)
        for column in columns:
            pair = self.pairs[column]
            asked[pair.application.id].append(pair.reviewer.id)
            taken[pair.reviewer.id].append(pair.application.id)
        found: list[Group] = []
        left = dict.fromkeys(asked)
        while left:
            group, ahead = Group(set(), set()), [next(iter(left))]
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


def _upwards(number: int, divisor: int) -> int:
    return -(-number // divisor)


def _obstacles_to_covering(network: _Network) -> list[Obstacle]:
    """Which applications cannot be covered: too few may review them, or those who may take on too few reviews."""
    short = [line for line in network.lines if len(network.of_application[line.id]) < network.wanted]
    if short:
        return [obstacle for line in short for obstacle in _too_few(network, line)]
    return [_too_busy(network)]


def _too_few(network: _Network, line: ApplicationLine) -> list[Obstacle]:
    bars = Counter(bar(network.board, line, person) for person in network.board.candidates)
    message = _l(
        "%(application)s needs %(wanted)s reviewers and has %(n)s who may review it. Of %(all)s reviewers with a conflict"
        " of interest: %(conflicts)s; who do not read %(language)s: %(strangers)s; who take on no reviews: %(full)s.",
        application=line.reference,
        wanted=network.wanted,
        n=len(network.of_application[line.id]),
        all=len(network.board.candidates),
        conflicts=bars["conflict"],
        strangers=bars["language"],
        language=LazyWords(language_name, line.language),
        full=bars[None] - len(network.of_application[line.id]),
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


def _too_busy(network: _Network) -> Obstacle:
    """The applications that their reviewers together take on too few reviews for (Hall, 1935)."""
    short = _short_together(network)
    able = Counter(
        network.pairs[column].reviewer.reference for line in short for column in network.of_application[line.id]
    )
    capacity = {person.reference: person.capacity for person in network.board.candidates}
    message = _ln(
        "%(applications)s: %(num)s application needs %(needed)s reviews, and whoever may review it (%(reviewers)s)"
        " takes on %(n)s at most.",
        "%(applications)s: these %(num)s applications need %(needed)s reviews, and all who may review them"
        " (%(reviewers)s) take on %(n)s at most.",
        len(short),
        applications=_some(line.reference for line in short),
        needed=network.wanted * len(short),
        reviewers=_some(able),
        n=sum(min(number, capacity[reference]) for reference, number in able.items()),
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
    for line in network.lines * network.wanted:
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
