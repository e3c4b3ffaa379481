"""The ranked list and its money line, and what stands in the way of each step of the committee.

Source: the grid of the call for ties, its envelope with floors per region (binding, or lifted with a written reason)
and least awards per lot; a committee may depart from the ranking, but writes down why.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from grants.accounts.models import Person, Role
from grants.applications import rules as upstream
from grants.applications.models import Application
from grants.applications.workflow import ApplicationState
from grants.budgets.rules import shown as amount_shown
from grants.calls import rules as calls
from grants.calls.models import Call
from grants.core.languages import LazyWords, _l, _ln, pick
from grants.core.money import Money
from grants.core.rules import Obstacle
from grants.core.templating import day, moment
from grants.decisions.models import (
    POINT_LABELS,
    AgendaPoint,
    Choice,
    Decision,
    DecisionOutcome,
    Meeting,
    PointKind,
    Procedure,
    Recusal,
    Seat,
)
from grants.decisions.queries import DECIDED, Awarded, Ballot, OnRecord, Point
from grants.decisions.workflow import GONE, DecisionState, MeetingState
from grants.reviews.queries import ApplicationLine, Gate, Standing
from grants.reviews.rules import Grid, Result, grid_in, once_for_each_standing, results_of, to_two_decimals, worded

TIE_LABELS: dict[str, Any] = {
    "section_A": _l("Higher score in section A"),
    "section_B": _l("Higher score in section B"),
    "lower_requested_amount": _l("Lower amount requested"),
    "published_lottery": _l("Lottery, with the draw made public"),
    "undecided": _l("no rule of the call. The committee decides"),
}

LOTTERY, UNDECIDED = "published_lottery", "undecided"
"""What puts equals in an order where no other rule of the grid does: the lottery that it announced, or nothing."""


# ------------------------------------------------------------------ the ranked list


@dataclass(frozen=True)
class Ranked:
    """A place in the ranked list. ``cumulative`` is what this and all better ones ask for together.

    ``tie`` names the rule of the grid that put this one behind the one before it although both have the same score.
    ``by_reviews`` is the place by the reviews alone, where a draw changed it.
    """

    rank: int
    result: Result
    cumulative: Money
    above_line: bool
    tie: str | None
    by_reviews: int | None = None

    @property
    def application(self) -> ApplicationLine:
        """The application at this place."""
        return self.result.application


@dataclass(frozen=True, eq=False)
class Ranking:
    """All eligible applications of a call: ranked, below a threshold, or still waiting for reviews; without those that are
    ``left_out`` because a reader stepped aside from them.
    """

    grid: Grid
    ranked: list[Ranked]
    below: list[Result]
    waiting: list[Result]
    left_out: frozenset[int] = frozenset()

    @cached_property
    def results(self) -> list[Result]:
        """Every result, the best first."""
        return [place.result for place in self.ranked] + self.below + self.waiting

    @cached_property
    def rows(self) -> list[tuple[str, Ranked | Result]]:
        """Everything as it is listed, each with its group: ranked, below, waiting."""
        ranked: list[tuple[str, Ranked | Result]] = [("ranked", place) for place in self.ranked]
        return ranked + [("below", one) for one in self.below] + [("waiting", one) for one in self.waiting]

    @cached_property
    def regions(self) -> set[str | None]:
        """The regions of the applications."""
        return {one.application.region for one in self.results}

    @cached_property
    def by_id(self) -> dict[int, Ranked | Result]:
        """What is listed, by the key of the application."""
        return {row.application.id: row for _, row in self.rows}

    def tie_label(self, rule: str) -> str:
        """How a rule for equal scores is called, by the grid or by us."""
        return worded(self.grid.tie_break_labels.get(rule) or TIE_LABELS.get(rule, rule))

    def place(self, application_id: int) -> Ranked | None:
        """The place of an application in the ranked list, None when it has none."""
        row = self.by_id.get(application_id)
        return row if isinstance(row, Ranked) else None

    def result(self, application_id: int) -> Result | None:
        """The result of an application."""
        row = self.by_id.get(application_id)
        return row.result if isinstance(row, Ranked) else row


def lot(seed: str, call_reference: str, application_reference: str) -> str:
    """The lot of an application: the SHA-256 of ``seed|call|application``, the lowest first."""
    return hashlib.sha256(f"{seed}|{call_reference}|{application_reference}".encode()).hexdigest()


@once_for_each_standing
def seed_of(standing: Standing) -> str:
    """The seed by which equals are put in an order while no draw was held: the SHA-256 of the points of all submitted
    reviews of the call. Everybody who may read the reviews computes the same, and no applicant could in advance.
    """
    points = sorted((one.application.reference, sorted(r.total for r in one.reviews)) for one in results_of(standing))
    return hashlib.sha256(json.dumps(points).encode()).hexdigest()


def _ties(grid: Grid, seed: str, call_reference: str) -> list[tuple[str, Callable[[Result], Any]]]:
    """The rules of the grid for equal scores, each with the key by which the better one comes first; last the lot."""
    found: list[tuple[str, Callable[[Result], Any]]] = []
    for rule in grid.tie_break:
        if rule.startswith("section_"):
            found.append((rule, _less_of_section(rule.removeprefix("section_"))))
        elif rule == "lower_requested_amount":
            found.append((rule, lambda result: result.application.requested_minor))
    last = LOTTERY if LOTTERY in grid.tie_break else UNDECIDED
    return [*found, (last, lambda result: lot(seed, call_reference, result.application.reference))]


def _less_of_section(key: str) -> Callable[[Result], Decimal]:
    return lambda result: -result.sections.get(key, Decimal(0))


def ranking(call: Call, standing: Standing, *, hidden: AbstractSet[int] = frozenset()) -> Ranking:
    """The ranked list of a call against its envelope, computed from the stored reviews.

    For a person who stepped aside (``hidden``) the list is made without those applications, so that neither a gap in
    the places nor a jump in the sums tells anything about them. It is made once for those who see the same of a standing.

    Where a draw was held, those who were drawn stand in its order.
    """
    left_out = frozenset(hidden & {line.id for line in standing.lines}) if hidden else frozenset[int]()
    made, key = _made_of(standing), (call.envelope, left_out, json.dumps(call.drawn))
    if key not in made:
        made[key] = _ranking(call, standing, left_out)
    return made[key]


@once_for_each_standing
def _made_of(standing: Standing) -> dict[tuple[Money, frozenset[int], str], Ranking]:
    return {}


def _ranking(call: Call, standing: Standing, hidden: frozenset[int]) -> Ranking:
    grid = grid_in(standing)
    results = [result for result in results_of(standing) if result.application.id not in hidden]
    ties = _ties(grid, seed_of(standing), call.reference)
    by_reviews = sorted(
        (result for result in results if result.passes),
        key=lambda result: (-(result.score or 0), *(by(result) for _, by in ties)),
    )
    passed = as_drawn(by_reviews, call.drawn)
    before = {one.application.id: number for number, one in enumerate(by_reviews, start=1)}
    places, spent = [], call.money(0)
    for number, result in enumerate(passed, start=1):
        spent, was = spent + result.application.requested, before[result.application.id]
        tie, better = None, by_reviews[was - 2] if was > 1 else None
        if better is not None and better.score == result.score:
            tie = next(name for name, by in ties if by(better) != by(result))
        changed = was if was != number else None
        places.append(Ranked(number, result, spent, spent <= call.envelope, None if changed else tie, changed))
    by_score = sorted(
        (result for result in results if result.score is not None and result.missed),
        key=lambda result: (-(result.score or 0), result.application.reference),
    )
    return Ranking(grid, places, by_score, [result for result in results if result.score is None], hidden)


def as_drawn(results: Sequence[Result], drawn: Sequence[Mapping[str, Any]]) -> list[Result]:
    """Results after a draw: those who were drawn and stand side by side with the points that they were drawn with keep
    their places together, in the order in which they came out. Who has other points now stands where those say.
    """
    order = {line["id"]: number for number, line in enumerate(drawn)}
    points = {line["id"]: line["points"] for line in drawn}

    def stands(one: Result) -> bool:
        return points.get(one.application.id) == str(to_two_decimals(one.score or 0))

    found: list[Result] = []
    for drawn_ones, run in groupby(results, stands):
        found += sorted(run, key=lambda one: order[one.application.id] if drawn_ones else 0)
    return found


def expected_outcome(list_: Ranking, application_id: int) -> DecisionOutcome:
    """What the ranking alone would decide: award above the money line, reserve below it, decline below a threshold."""
    place = list_.place(application_id)
    if place is None:
        return DecisionOutcome.DECLINE
    return DecisionOutcome.AWARD if place.above_line else DecisionOutcome.RESERVE


# ------------------------------------------------------------------ the envelope


def awards_among(lines: Iterable[ApplicationLine], ballots: Mapping[int, Ballot]) -> list[Awarded]:
    """The awards that have been decided about these applications."""
    found: list[Awarded] = []
    if not ballots:
        return found
    for line in lines:
        ballot = ballots.get(line.id)
        if not ballot or ballot.is_freed:
            continue
        if ballot.outcome == DecisionOutcome.AWARD and ballot.state != DecisionState.PROPOSED:
            found.append(Awarded(line.id, ballot.amount_minor, line.region, line.lot_key))
    return found


def on_reserve(rows: Iterable[Ranked | Result], ballots: Mapping[int, Ballot]) -> list[Result]:
    """Those whom the committee has put on the reserve list, in the order of the ranking: who is taken up first."""
    results = [row.result if isinstance(row, Ranked) else row for row in rows]
    return [
        one
        for one in results
        if (ballot := ballots.get(one.application.id))
        and ballot.state in DECIDED
        and ballot.outcome == DecisionOutcome.RESERVE
    ]


@dataclass(frozen=True)
class MoneyLine:
    """The envelope of a call: what is awarded, what the ranking would award yet, what it has no money for."""

    awarded: Money
    above: Money
    below: Money
    total: Money


def money_line(call: Call, list_: Ranking, ballots: Mapping[int, Ballot]) -> MoneyLine:
    """Where the money stands, by decisions where there are some and by the ranking where there are none."""
    open_places = [place for place in list_.ranked if place.application.id not in ballots]
    above = sum(place.application.requested_minor for place in open_places if place.above_line)
    below = sum(place.application.requested_minor for place in open_places if not place.above_line)
    awarded = sum(a.amount_minor for a in awards_among((r.application for r in list_.results), ballots))
    return MoneyLine(call.money(awarded), call.money(above), call.money(below), call.envelope)


@dataclass(frozen=True)
class Share:
    """How the awards of one region or lot stand against what the call promised."""

    key: str
    label: Any
    amount: Money
    number: int
    floor: Money | None = None
    ceiling: Money | None = None
    least: int = 0

    @property
    def short(self) -> bool:
        """Whether a floor or a least number is not reached."""
        return bool((self.floor and self.amount < self.floor) or self.number < self.least)

    @property
    def over(self) -> bool:
        """Whether a ceiling is exceeded."""
        return bool(self.ceiling is not None and self.amount > self.ceiling)


def by_region(call: Call, awards: Sequence[Awarded]) -> list[Share]:
    """The awards by region, against floors and ceilings."""
    number = Counter(one.region for one in awards)
    minor: Counter[str | None] = Counter()
    for one in awards:
        minor[one.region] += one.amount_minor
    return [
        Share(
            key=region.region,
            label=region.label,
            amount=call.money(minor[region.region]),
            number=number[region.region],
            floor=call.money(region.floor_minor) if region.floor_minor else None,
            ceiling=call.money(region.ceiling_minor) if region.ceiling_minor is not None else None,
        )
        for region in call.regions
    ]


def by_lot(call: Call, awards: Sequence[Awarded]) -> list[Share]:
    """The awards by lot, against the least number of awards."""
    number = Counter(one.lot_key for one in awards)
    minor: Counter[str | None] = Counter()
    for one in awards:
        minor[one.lot_key] += one.amount_minor
    return [
        Share(
            key=lot.key,
            label=lot.title,
            amount=call.money(minor[lot.key]),
            number=number[lot.key],
            least=lot.min_awards,
        )
        for lot in call.lots
    ]


def departures_from_envelope(call: Call, awards: Sequence[Awarded]) -> list[Obstacle]:
    """Floors not reached, ceilings exceeded, lots with too few awards: to be lifted only with a written reason."""
    found = []
    for share in by_region(call, awards):
        if share.short:
            message = _l("%(region)s receives less than the floor of the call.", region=LazyWords(pick, share.label))
            found.append(Obstacle(f"floor_{share.key}", message))
        if share.over:
            message = _l("%(region)s receives more than the ceiling of the call.", region=LazyWords(pick, share.label))
            found.append(Obstacle(f"ceiling_{share.key}", message))
    for share in by_lot(call, awards):
        if share.short:
            message = _l(
                "Lot %(lot)s has %(n)s awards; the call promised at least %(least)s.",
                lot=share.key,
                n=share.number,
                least=share.least,
            )
            found.append(Obstacle(f"lot_{share.key}", message))
    return found


# ------------------------------------------------------------------ meetings


def obstacles_to_calling_meeting(
    call: Call,
    starts_at: datetime,
    members: Sequence[Person],
    quorum: int,
    *,
    ends_at: datetime | None = None,
    decided: int = 0,
    undecided: int = 0,
    chair: Person | None = None,
) -> list[Obstacle]:
    """Why a meeting cannot be called like this."""
    found = obstacles_by_agenda(decided, undecided)
    if chair is not None and chair.id not in {person.id for person in members}:
        found.append(Obstacle("chair_not_invited", _l("Who chairs the meeting has to be invited.")))
    found += obstacles_by_hour(call, starts_at, ends_at)
    if not members:
        found.append(Obstacle("no_members", _l("Please choose who is invited.")))
    outsiders = [person.name for person in members if not person.holds(Role.COMMITTEE_MEMBER)]
    if outsiders:
        found.append(
            Obstacle("not_a_member", _l("%(names)s: not a member of the committee.", names=", ".join(outsiders)))
        )
    if not 1 <= quorum <= max(len(members), 1):
        found.append(
            Obstacle(
                "quorum", _l("The quorum lies between 1 and the number of members invited (%(n)s).", n=len(members))
            )
        )
    return found


def obstacles_by_hour(call: Call, starts_at: datetime, ends_at: datetime | None) -> list[Obstacle]:
    """Why a meeting about a call cannot be held at this time."""
    found = []
    if ends_at is not None and ends_at <= starts_at:
        found.append(Obstacle("ends_too_early", _l("A meeting ends after it starts.")))
    if call.state != "published" or starts_at < call.closes_at:
        found.append(Obstacle("call_not_closed", _l("The committee meets after the call has closed.")))
    return found


def obstacles_to_moving(meeting: Meeting, reason: str, starts_at: datetime, ends_at: datetime | None) -> list[Obstacle]:
    """Why a meeting cannot be held at another time."""
    found = obstacles_by_hour(meeting.call, starts_at, ends_at)
    if meeting.state != MeetingState.PLANNED:
        found.append(Obstacle("opened_already", _l("The meeting has been opened or called off.")))
    if not reason.strip():
        found.append(Obstacle("reason_missing", _l("Please say why. The reason stays in the record.")))
    return found


def obstacles_to_calling_off(decisions: Iterable[Decision]) -> list[Obstacle]:
    """Why a meeting cannot be called off: something was decided or is being decided in it."""
    if any(one.state != DecisionState.LEFT for one in decisions):
        return [Obstacle("decided_in_it", _l("Something was proposed or decided in this meeting."))]
    return []


def obstacles_to_opening(meeting: Meeting, at: datetime) -> list[Obstacle]:
    """Why a meeting is not opened without asking once more: its hour has not come."""
    if at >= meeting.starts_at:
        return []
    message = _l("The meeting is planned for %(moment)s.", moment=LazyWords(moment, meeting.starts_at))
    return [Obstacle("too_early", message)]


def obstacles_by_session(meeting: Meeting) -> list[Obstacle]:
    """Why nothing can be decided in a meeting: it is not in session."""
    if meeting.state != MeetingState.OPENED:
        return [Obstacle("meeting_not_open", _l("The meeting is not in session."))]
    return []


def attends_by_acting(meeting: Meeting, person: Person) -> bool:
    """Whether somebody attends a meeting by what they do in it: over several days, whoever votes or says something."""
    invited = any(seat.person_id == person.id for seat in meeting.seats)
    return invited and meeting.ends_at is not None and meeting.state == MeetingState.OPENED


def obstacles_by_agenda(decided: int, undecided: int) -> list[Obstacle]:
    """Why no meeting is needed: of the applications to the call some are ``decided`` and none is ``undecided``."""
    if decided and not undecided:
        return [
            Obstacle(
                "nothing_to_decide", _l("The committee has decided about every eligible application to this call.")
            )
        ]
    return []


NEAR = 3
"""How many applications on each side of the money line an agenda names by itself."""


def near_the_line(list_: Ranking, decided: AbstractSet[int]) -> list[int]:
    """The applications that an agenda names by itself, in the order of the ranking: the undecided ones next to the money
    line, and those whose reviews disagree.
    """
    places = [place for place in list_.ranked if place.application.id not in decided]
    above = [place for place in places if place.above_line][-NEAR:]
    below = [place for place in places if not place.above_line][:NEAR]
    near = {place.rank for place in above + below}
    return [place.application.id for place in places if place.rank in near or place.result.third_review]


def near_for_all(
    whole: Ranking, lists: Mapping[int, Ranking], decided: AbstractSet[int]
) -> list[tuple[int, list[int]]]:
    """The applications near the money line in the whole list, or in the list of a reader from whom something is hidden
    (``lists``, by person), in their order; each with those of these readers in whose list it is not.
    """
    own = {person: set(near_the_line(list_, decided)) for person, list_ in lists.items()}
    near = set(near_the_line(whole, decided)).union(*own.values())
    return [
        (place.application.id, sorted(person for person, ids in own.items() if place.application.id not in ids))
        for place in whole.ranked
        if place.application.id in near
    ]


def first_agenda(near: Iterable[tuple[int, list[int]]], own: Iterable[str]) -> list[AgendaPoint]:
    """The agenda with which a meeting is called: the opening, what the coordinator wrote, the applications near the money
    line (:func:`near_for_all`), the others, and the end.
    """
    points = [
        AgendaPoint(kind=PointKind.OPENING),
        *(AgendaPoint(kind=PointKind.OWN, title=title.strip()) for title in own if title.strip()),
        *(AgendaPoint(kind=PointKind.APPLICATION, application_id=one, unread_by=by) for one, by in near),
        AgendaPoint(kind=PointKind.OTHERS),
        AgendaPoint(kind=PointKind.CLOSING),
    ]
    for position, point in enumerate(points, 1):
        point.position = position
    return points


def points_seen(
    points: Iterable[Point], reader: Person, gate: Gate, sees: Callable[[str | None], bool] = lambda _region: True
) -> list[Point]:
    """The agenda without what a reader must not see: the applications that are hidden from them, points and notes that
    name these, and applications of regions that they do not see.
    """
    return [
        point._replace(noted=gate.told(point.noted))
        for point in points
        if point.application_id not in gate.ids
        and not (gate.ids and reader.id in point.unread_by)
        and (point.application_id is None or sees(point.region))
        and gate.told(point.title) == point.title
    ]


def worded_point(point: Point, *, titled: bool = True) -> str:
    """A point of the agenda in words; an application by its reference and, when ``titled``, its title."""
    if point.kind == PointKind.APPLICATION:
        return f"{point.reference} · {point.application}" if titled and point.application else str(point.reference)
    return point.title or str(POINT_LABELS[point.kind])


def obstacles_to_preparing(meeting: Meeting, *, title: str | None = None) -> list[Obstacle]:
    """Why the agenda cannot be changed like this: the meeting is closed, or a point says nothing."""
    if meeting.state in GONE:
        return [Obstacle("meeting_closed", _l("The meeting is closed."))]
    if title is not None and not title.strip():
        return [Obstacle("point_empty", _l("Please say what this point is about."))]
    return []


def obstacles_to_adding(meeting: Meeting, application: Application, agenda: Iterable[AgendaPoint]) -> list[Obstacle]:
    """Why an application cannot be put on the agenda."""
    found = obstacles_to_preparing(meeting)
    if application.state != ApplicationState.ELIGIBLE or application.call_id != meeting.call_id:
        found.append(Obstacle("not_eligible", _l("The application has not been found eligible.")))
    if any(point.application_id == application.id for point in agenda):
        found.append(Obstacle("on_the_agenda", _l("This application stands on the agenda already.")))
    return found


def obstacles_by_chair(meeting: Meeting) -> list[Obstacle]:
    """Why a meeting cannot be closed as it is chaired: nobody was chosen, or who was chosen is not here to sign."""
    where = ("decisions.agenda", {"reference": meeting.reference})
    seat = next((seat for seat in meeting.seats if seat.person_id == meeting.chair_id), None)
    if seat is None:
        return [Obstacle("no_chair", _l("Please choose who chairs the meeting and signs first."), where)]
    if not seat.present:
        message = _l("%(name)s chairs the meeting and is not here. Please choose who chairs it.", name=seat.person.name)
        return [Obstacle("chair_absent", message, where)]
    return []


def obstacles_to_attending(meeting: Meeting, person: Person) -> list[Obstacle]:
    """Why somebody cannot be marked as present or absent."""
    found = []
    if meeting.state in GONE:
        found.append(Obstacle("meeting_closed", _l("The meeting is closed.")))
    if not any(seat.person_id == person.id for seat in meeting.seats):
        found.append(Obstacle("no_seat", _l("This person was not invited to the meeting.")))
    return found


def obstacles_to_closing(
    call: Call, awards: Sequence[Awarded], open_proposals: int, minutes: str, reason: str
) -> list[Obstacle]:
    """Why a meeting cannot be closed: something is still being decided, no minutes, or a promise broken unexplained."""
    found = []
    if open_proposals:
        found.append(Obstacle("undecided", _l("%(n)s proposals have not been decided yet.", n=open_proposals)))
    if not minutes.strip():
        found.append(Obstacle("minutes_missing", _l("Please write the minutes.")))
    departures = departures_from_envelope(call, awards)
    if departures and not reason.strip():
        found += departures
        found.append(Obstacle("reason_missing", _l("The committee may decide so, but has to write down why.")))
    return found


def obstacles_to_signing(meeting: Meeting, person: Person) -> list[Obstacle]:
    """Why somebody cannot sign the decision sheet."""
    if meeting.state != MeetingState.CLOSED:
        return [Obstacle("meeting_not_closed", _l("The decision sheet is signed when the meeting has been closed."))]
    seat = next((seat for seat in meeting.seats if seat.person_id == person.id), None)
    if seat is None or not seat.present:
        return [Obstacle("not_present", _l("Only members who were present sign."))]
    if seat.signed_at is not None:
        return [Obstacle("signed_already", _l("You have signed already."))]
    return []


def signatures_missing(meeting: Meeting) -> list[Seat]:
    """The members who were present at a meeting and have not signed its decision sheet."""
    return [seat for seat in meeting.seats if seat.present and seat.signed_at is None]


def obstacles_to_excusing(meeting: Meeting, person: Person, reason: str) -> list[Obstacle]:
    """Why the letters cannot go without a signature: it is not missing, nobody says why, or nobody else who was present
    has signed before the chair is excused.
    """
    missing = signatures_missing(meeting) if meeting.state == MeetingState.CLOSED else []
    if not any(seat.person_id == person.id for seat in missing):
        return [Obstacle("no_signature_missing", _l("No signature of this person is missing."))]
    found = []
    if not reason.strip():
        found.append(Obstacle("reason_missing", _l("Please say why. The reason stays in the record.")))
    if person.id == meeting.chair_id and not any(seat.signed_at for seat in meeting.seats):
        message = _l("Another member who was present signs before the letters can go without the chair.")
        found.append(Obstacle("nobody_signed", message))
    return found


def obstacles_to_releasing(meeting: Meeting, decisions: Sequence[Decision]) -> list[Obstacle]:
    """Why the letters of a meeting cannot be sent: it is not closed, or lacks a signature that nobody explained."""
    found = []
    if meeting.state != MeetingState.CLOSED:
        found.append(Obstacle("meeting_not_closed", _l("The meeting has not been closed yet.")))
    unsigned = [seat.person.name for seat in signatures_missing(meeting) if not seat.unsigned_because]
    if unsigned:
        found.append(
            Obstacle("signatures_missing", _l("The decision sheet waits for: %(names)s.", names=", ".join(unsigned)))
        )
    if any(decision.state == DecisionState.PROPOSED for decision in decisions):
        found.append(Obstacle("undecided", _l("A proposal has not been decided yet.")))
    if not any(decision.state == DecisionState.TAKEN for decision in decisions):
        found.append(Obstacle("no_letters", _l("There are no letters to send.")))
    return found


# ------------------------------------------------------------------ what a decision stands on


def obstacles_once_decided(state: str | None) -> list[Obstacle]:
    """Why what a decision stands on stays as it is: the check, and the reviews it counts. ``state`` is the decision's."""
    if state in DECIDED:
        return [Obstacle("decided_already", _l("The committee has decided about this application already."))]
    return []


def obstacles_to_withdrawing(application: Application, told: str | None) -> list[Obstacle]:
    """Why an application cannot be withdrawn. ``told`` is where the decision stands of which the applicant had a letter
    last: what the committee has done since, or before any letter, changes nothing that they can see or do.
    """
    return upstream.obstacles_to_withdrawing(application) or obstacles_once_decided(told)


def obstacles_to_setting_aside(decision: Decision, standing: Decision | None) -> list[Obstacle]:
    """Why a decision cannot be set aside after a complaint: its letter is not sent, the committee has decided again
    (``standing`` stands now) and that letter is not sent, or a grant was offered.
    """
    if standing is not None and standing.id != decision.id and standing.state != DecisionState.RELEASED:
        if standing.state == DecisionState.TAKEN and standing.meeting.state != MeetingState.OPENED:
            message = _l("The committee has decided again, and its letters have not been sent yet.")
            return [Obstacle("letters_wait", message)]
        return []
    if standing is None or standing.state != DecisionState.RELEASED:
        return [Obstacle("no_letter", _l("The letter about this decision has not been sent."))]
    if standing.outcome == DecisionOutcome.AWARD:
        return [Obstacle("award_offered", _l("A grant was offered by this decision, so it stands."))]
    return []


def obstacles_to_cancelling(call: Call, decided: int) -> list[Obstacle]:
    """Why a call cannot be cancelled: it is cancelled, or the committee has decided about applications to it."""
    found = calls.obstacles_to_cancelling(call)
    if decided:
        message = _ln(
            "The committee has decided about %(num)s application to this call.",
            "The committee has decided about %(num)s applications to this call.",
            decided,
        )
        found.append(Obstacle("decided_already", message))
    return found


# ------------------------------------------------------------------ one application


def is_taken_up_by(meeting: Meeting, decision: Decision | None) -> bool:
    """Whether a proposal in this meeting takes the application up from the reserve list of an earlier one."""
    return (
        decision is not None
        and decision.state == DecisionState.RELEASED
        and decision.outcome == DecisionOutcome.RESERVE
        and decision.meeting_id != meeting.id
    )


def obstacles_to_taking_up(call: Call, reason: str, at: datetime) -> list[Obstacle]:
    """Why an application is not taken up from the reserve list: the list has ended, or nobody says why this one, and why
    now.
    """
    found, until = [], call.reserve_valid_until
    if until is not None and at.astimezone(ZoneInfo(call.timezone)).date() > until:
        message = _l("The reserve list of this call was valid until %(day)s.", day=LazyWords(day, until))
        found.append(Obstacle("reserve_ended", message))
    if not reason.strip():
        message = _l("The application is on the reserve list. Please write down why it is taken up now.")
        found.append(Obstacle("reserve_reason_missing", message))
    return found


def obstacles_to_discussing(
    meeting: Meeting, line: ApplicationLine, decision: Decision | None, *, recused: bool
) -> list[Obstacle]:
    """Why an application cannot be discussed in this meeting by this person."""
    found = obstacles_by_session(meeting)
    if line.state != ApplicationState.ELIGIBLE:
        found.append(Obstacle("not_eligible", _l("The application has not been found eligible.")))
    if decision is not None and (decision.meeting_id != meeting.id or decision.state != DecisionState.PROPOSED):
        found.append(Obstacle("decided_already", _l("The committee has decided about this application already.")))
    if recused:
        found.append(Obstacle("recused", _l("You stepped aside from this application.")))
    return found


def obstacles_by_reviews(grid: Grid, result: Result) -> list[Obstacle]:
    """At least as many independent reviews as the grid wants, each without a conflict."""
    if len(result.reviews) < grid.reviews_wanted:
        message = _l(
            "%(n)s of %(wanted)s independent reviews have been submitted.",
            n=len(result.reviews),
            wanted=grid.reviews_wanted,
        )
        return [Obstacle("reviews_missing", message)]
    return []


def obstacles_to_amount(call: Call, line: ApplicationLine, outcome: str, amount: Money) -> list[Obstacle]:
    """Why an amount cannot be awarded: above what was asked for, or outside the limits of the call."""
    if outcome != DecisionOutcome.AWARD:
        return []
    found = []
    if amount > line.requested:
        found.append(Obstacle("above_request", _l("The award cannot be higher than what was asked for.")))
    if not call.grant_min <= amount <= call.grant_max:
        message = _l(
            "A grant of this call lies between %(least)s and %(most)s.",
            least=amount_shown(call.grant_min),
            most=amount_shown(call.grant_max),
        )
        found.append(Obstacle("outside_limits", message))
    return found


def reasons_due(list_: Ranking, line: ApplicationLine, outcome: str) -> list[Obstacle]:
    """What the committee has to explain when it decides like this: a departure from the ranking, a missing opinion."""
    found = []
    expected = expected_outcome(list_, line.id)
    if outcome != expected:
        found.append(Obstacle("departs_from_ranking", _l("This departs from the ranking. Please write down why.")))
    result = list_.result(line.id)
    if result is not None and result.third_review:
        found.append(
            Obstacle(
                "third_review_missing",
                _l("The two reviews disagree and the third is missing. Please write down why you do not wait."),
            )
        )
    return found


def obstacles_by_stepping_aside(hidden: AbstractSet[int]) -> list[Obstacle]:
    """Why somebody cannot do what counts the money of the whole list: it would tell what became of what is ``hidden``
    from them.
    """
    if not hidden:
        return []
    message = _l(
        "This counts the money of the whole list, and something of it is hidden from you. Please let somebody do it who "
        "sees all of it."
    )
    return [Obstacle("stepped_aside", message)]


def obstacles_to_proposing(
    call: Call,
    list_: Ranking,
    line: ApplicationLine,
    outcome: str,
    amount: Money,
    reason: str,
    *,
    aside: bool = False,
    leads_too_many: bool = False,
) -> list[Obstacle]:
    """Why this outcome cannot be proposed, and cannot be decided. Who stepped aside from another application (``aside``)
    always writes down why: were they asked for departures alone, that would tell where the hidden one stands.
    ``leads_too_many`` says that the organization has as many awards of the call already as it may lead.
    """
    if outcome not in list(DecisionOutcome):
        return [Obstacle("outcome_missing", _l("Please choose an outcome."))]
    result = list_.result(line.id)
    found = obstacles_by_reviews(list_.grid, result) if result else []
    found += obstacles_to_amount(call, line, outcome, amount)
    if aside and not reason.strip():
        message = _l("Please write down why. Whoever stepped aside from an application to this call always does.")
        found.append(Obstacle("reason_missing", message))
    elif not reason.strip():
        found += reasons_due(list_, line, outcome)
        if outcome == DecisionOutcome.AWARD and amount < line.requested:
            message = _l("This is less than what was asked for. Please write down why.")
            found.append(Obstacle("less_than_asked", message))
        if outcome == DecisionOutcome.AWARD and leads_too_many:
            message = _l(
                "This organization has as many awards of the call as one may lead. Please write down why it gets another."
            )
            found.append(Obstacle("leads_too_many", message))
    return found


def obstacles_to_remarking(meeting: Meeting, text: str) -> list[Obstacle]:
    """Why nothing can be added to the discussion; it begins when the members are invited and ends with the meeting."""
    if meeting.state in GONE:
        return [Obstacle("meeting_closed", _l("The meeting is closed."))]
    return [] if text.strip() else [Obstacle("remark_empty", _l("Please write what you want to say."))]


def obstacles_to_voting(
    meeting: Meeting, decision: Decision, person: Person, at: datetime, *, recused: bool
) -> list[Obstacle]:
    """Why somebody cannot vote on a proposal. Over several days members vote when they can, without being present."""
    found = obstacles_by_session(meeting)
    if decision.state != DecisionState.PROPOSED:
        found.append(Obstacle("decided_already", _l("The committee has decided about this application already.")))
    if not any(seat.person_id == person.id and (seat.present or meeting.ends_at) for seat in meeting.seats):
        found.append(Obstacle("not_present", _l("Only members who are present vote.")))
    if meeting.ends_at is not None and at >= meeting.ends_at:
        message = _l("Members could vote until %(moment)s.", moment=LazyWords(moment, meeting.ends_at))
        found.append(Obstacle("voting_ended", message))
    if recused:
        found.append(Obstacle("recused", _l("You stepped aside from this application.")))
    return found


@dataclass(frozen=True)
class Count:
    """The votes that count: those of members who are present and have not stepped aside.

    ``silent`` members take part and do not object, where a meeting decides by consent. ``awaited`` members may still vote:
    in a meeting over several days until its end, in a live one those who are here. ``not_voted`` names them when the vote
    was closed without them.
    """

    votes_for: int
    votes_against: int
    abstained: int
    silent: int = 0
    awaited: int = 0
    not_voted: tuple[str, ...] = ()

    @property
    def took_part(self) -> int:
        """How many count towards the quorum: whoever voted or abstained, and whoever was there and did not object."""
        return self.votes_for + self.votes_against + self.abstained + self.silent

    @property
    def carried(self) -> bool:
        """More for it, or without an objection, than against it."""
        return self.votes_for + self.silent > self.votes_against

    @property
    def in_words(self) -> str:
        """The numbers as they are told, and who did not vote when the vote was closed."""
        if self.not_voted:
            counted = replace(self, not_voted=()).in_words
            return str(_l("%(votes)s; did not vote: %(names)s", votes=counted, names=", ".join(self.not_voted)))
        numbers = {"for": self.votes_for, "against": self.votes_against, "abstain": self.abstained}
        if not self.silent:
            return str(_l("%(for)s for, %(against)s against, %(abstain)s abstained", **numbers))
        words = _l(
            "%(for)s for, %(against)s against, %(abstain)s abstained, %(silent)s did not object",
            **numbers,
            silent=self.silent,
        )
        return str(words)


def count_votes(meeting: Meeting, votes: Mapping[int, str], barred: AbstractSet[int], at: datetime) -> Count:
    """Count the votes (person to choice) on a proposal at a moment; ``barred`` are the people who stepped aside.

    A meeting that decides by consent takes the silence of who is present for consent: at once, and in a meeting over several
    days at its end. Who never came has not consented.
    """
    invited = {seat.person_id for seat in meeting.seats} - barred
    ended = meeting.ends_at is not None and at >= meeting.ends_at
    by_consent = meeting.procedure == Procedure.CONSENT
    entitled = {seat.person_id for seat in meeting.seats if seat.present} - barred
    choices = [choice for person, choice in votes.items() if person in entitled]
    silent = len(entitled) - len(choices) if by_consent and (ended or meeting.ends_at is None) else 0
    awaited = invited if meeting.ends_at is not None else set() if by_consent else entitled
    return Count(
        choices.count(Choice.FOR),
        choices.count(Choice.AGAINST),
        choices.count(Choice.ABSTAIN),
        silent,
        awaited=0 if ended else len(awaited - set(votes)),
    )


def votes_on(
    decision: Decision, meeting: Meeting, barred: AbstractSet[int], record: OnRecord | None, at: datetime
) -> Count:
    """The votes on a proposal as they count at a moment; those on a decision that was taken as they were counted then,
    whoever steps aside or leaves the meeting later.
    """
    if record is not None and decision.state != DecisionState.PROPOSED:
        names = {seat.person.reference: seat.person.name for seat in meeting.seats}
        return Count(*record.votes, not_voted=tuple(names.get(one, one) for one in record.not_voted))
    return count_votes(meeting, {one.person_id: one.choice for one in decision.votes}, barred, at)


def obstacles_to_taking(
    meeting: Meeting,
    decision: Decision,
    list_: Ranking,
    count: Count,
    awards: Iterable[Awarded],
    *,
    at: datetime,
    leads_too_many: bool = False,
    is_taken_up: bool = False,
    closes_vote: bool = False,
) -> list[Obstacle]:
    """Why a proposal is not decided yet: what keeps it from being proposed (``is_taken_up`` from the reserve list, it may
    be), a ranking that changed, members who may still vote (unless somebody ``closes_vote`` of a live meeting without
    them), quorum, majority or an objection, or the envelope.
    """
    call, found = meeting.call, obstacles_by_session(meeting)
    if decision.state != DecisionState.PROPOSED:
        found.append(Obstacle("decided_already", _l("The committee has decided about this application already.")))
    if decision.application.state != ApplicationState.ELIGIBLE:
        found.append(Obstacle("not_eligible", _l("The application has not been found eligible.")))
    result = list_.result(decision.application_id)
    if result is not None:
        proposed = (result.application, decision.outcome, decision.amount, decision.reason)
        again = obstacles_to_proposing(call, list_, *proposed, leads_too_many=leads_too_many)
        found += obstacles_by_reviews(list_.grid, result) if list_.left_out else again
        found += obstacles_by_new_standing(list_, decision)
    if is_taken_up:
        found += obstacles_to_taking_up(call, decision.reason, at)
    found += obstacles_by_votes(meeting, count, closes_vote=closes_vote)
    spent = sum(one.amount_minor for one in awards if one.application_id != decision.application_id)
    if decision.outcome == DecisionOutcome.AWARD:
        found += obstacles_by_envelope(call, spent + decision.amount_minor)
    return found


def obstacles_by_envelope(call: Call, spent: int) -> list[Obstacle]:
    """Why a call has no money for its awards: together they are more than its envelope."""
    if spent <= call.envelope_minor:
        return []
    return [Obstacle("over_envelope", _l("The awards together would be more than the envelope of the call."))]


def obstacles_by_votes(meeting: Meeting, count: Count, *, closes_vote: bool) -> list[Obstacle]:
    """Why the votes do not carry a proposal: members may still vote, or there is no quorum, an objection or no majority."""
    found = []
    if count.awaited and meeting.ends_at is not None:
        message = _ln(
            "%(num)s member may still vote, until %(moment)s.",
            "%(num)s members may still vote, until %(moment)s.",
            count.awaited,
            moment=LazyWords(moment, meeting.ends_at),
        )
        found.append(Obstacle("voting_goes_on", message))
    if count.took_part < meeting.quorum:
        message = _l(
            "%(n)s of at least %(quorum)s members who are present and concerned have voted.",
            n=count.took_part,
            quorum=meeting.quorum,
        )
        found.append(Obstacle("no_quorum", message))
    elif count.awaited and meeting.ends_at is None and not closes_vote:
        message = _ln(
            "%(num)s member who is present has not voted.",
            "%(num)s members who are present have not voted.",
            count.awaited,
        )
        found.append(Obstacle("vote_open", message))
    elif meeting.procedure == Procedure.CONSENT and count.votes_against:
        message = _l("A member objects. Please discuss it and change the proposal, or leave it undecided.")
        found.append(Obstacle("objection", message))
    elif not count.carried:
        found.append(Obstacle("no_majority", _l("There are not more votes for the proposal than against it.")))
    return found


def mark_of(decision: Decision) -> str:
    """What tells one wording of a proposal from another: whoever votes on it or confirms it has read this one."""
    said = (decision.outcome, decision.amount_minor, decision.conditions, decision.reason, decision.feedback)
    stood = (decision.score, decision.rank, decision.expected)
    return hashlib.sha256(json.dumps(said + stood).encode()).hexdigest()[:16]


def obstacles_by_change(decision: Decision, seen: str | None) -> list[Obstacle]:
    """Why a vote or a confirmation does not count: the proposal was changed after its page was opened (``seen``)."""
    if seen is None or seen == mark_of(decision):
        return []
    return [Obstacle("changed_meanwhile", _l("The proposal was changed meanwhile. Please read it again."))]


def obstacles_by_new_standing(list_: Ranking, decision: Decision) -> list[Obstacle]:
    """Why a proposal is made and voted on again: its points, its place, or what the ranking alone would decide are not
    those it was proposed with. Whoever reads a part of the list alone is not told.
    """
    if list_.left_out or standing_to_keep(list_, decision.application_id) == (
        decision.score,
        decision.rank,
        decision.expected,
    ):
        return []
    message = _l("The points or the place changed since this was proposed. Please propose and vote again.")
    return [Obstacle("ranking_changed", message)]


# ------------------------------------------------------------------ what is signed


def sheet_of(
    meeting: Meeting,
    decisions: Sequence[Decision],
    records: Mapping[int, OnRecord],
    recusals: Sequence[Recusal],
    points: Sequence[Point],
) -> dict[str, Any]:
    """The decision sheet of a closed meeting: everything that was decided and how, and nothing that changes later.

    People and applications stand in it by their references, amounts in the smallest unit of their currency.
    """
    people = {seat.person_id: seat.person.reference for seat in meeting.seats}
    left: dict[int, list[str]] = {}
    for recusal in recusals:
        left.setdefault(recusal.application_id, []).append(recusal.person.reference)
    decided = [one for one in decisions if one.taken_at is not None]
    gone = [one for one in decisions if one.is_undecided]
    undecided = sorted((one.application.reference, one.left_because) for one in gone)
    beside = {"lifted": meeting.lifted_because, "left_undecided": [list(one) for one in undecided]}
    return {
        "meeting": meeting.reference,
        "call": meeting.call.reference,
        "procedure": str(meeting.procedure),
        "quorum": meeting.quorum,
        "chair": people.get(meeting.chair_id or 0),
        "present": sorted(seat.person.reference for seat in meeting.seats if seat.present),
        "absent": sorted(seat.person.reference for seat in meeting.seats if not seat.present),
        "decisions": [
            {
                "application": one.application.reference,
                "rank": one.rank,
                "score": one.score,
                "outcome": str(one.outcome),
                "amount_minor": one.amount_minor,
                "currency": one.currency,
                "conditions": list(one.conditions),
                "reason": one.reason,
                "votes": list(records[one.id].votes) if one.id in records else None,
                **(
                    {"not_voted": list(records[one.id].not_voted)}
                    if one.id in records and records[one.id].not_voted
                    else {}
                ),
                "left_the_room": sorted(
                    set(left.get(one.application_id, [])) - set(records[one.id].late if one.id in records else ())
                ),
            }
            for one in sorted(decided, key=lambda one: one.application.reference)
        ],
        "agenda": [[str(point.kind), point.reference or point.title, point.noted] for point in points],
        "minutes": meeting.minutes,
    } | {key: words for key, words in beside.items() if words}


def fingerprint(content: Mapping[str, Any]) -> str:
    """The SHA-256 of a decision sheet in one written form: keys sorted, no spaces, UTF-8."""
    written = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(written.encode()).hexdigest()


def standing_to_keep(list_: Ranking, application_id: int) -> tuple[str | None, int | None, str]:
    """How an application stands in the ranking, as it is written into a proposal and voted on: its score to two decimals,
    its place, and what the ranking alone would decide.
    """
    result, place = list_.result(application_id), list_.place(application_id)
    score = str(to_two_decimals(result.score)) if result is not None and result.score is not None else None
    return score, place.rank if place else None, str(expected_outcome(list_, application_id))


def told_in_letter(result: Result | None, grid: Grid, sentences: Mapping[int, str], feedback: str) -> dict[str, Any]:
    """What stands between the paragraphs of a letter: the words of the committee, the sentences that the reviewers whose
    reviews were used marked for the applicant (by review), and the points.
    """
    told: dict[str, Any] = {"feedback": feedback, "sentences": [], "points": None}
    if result is None or result.score is None:
        return told
    told["sentences"] = [sentences[one.review_id] for one in result.reviews_used if one.review_id in sentences]
    told["points"] = {
        "reviews": len(result.reviews_used),
        "sections": [
            {"title": one.title, "points": str(to_two_decimals(result.sections[one.key])), "most": one.most}
            for one in grid.sections
        ],
        "total": str(to_two_decimals(result.score)),
        "most": grid.most,
        "missed": [str(obstacle.message) for obstacle in result.missed],
    }
    return told
