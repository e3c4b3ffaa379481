"""Finding meetings, decisions, votes, and who stepped aside."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Exists,
    Select,
    Text,
    bindparam,
    exists,
    func,
    not_,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import contains_eager, joinedload, load_only, selectinload, undefer
from sqlalchemy.orm.attributes import set_committed_value

from grants.accounts.models import Membership, Organization, Person, Role, RoleGrant
from grants.accounts.queries import same_organization_as
from grants.applications.models import Application
from grants.applications.workflow import ApplicationState
from grants.calls.models import Call, EligibilityRule, Lot, RegionEnvelope
from grants.calls.queries import once_published
from grants.checks.models import Finding, Outcome
from grants.conflicts import queries as conflicts
from grants.core.db import Prepared, db, hold, packed, prepared_once, to_read, unpacked
from grants.decisions.models import (
    AgendaPoint,
    Decision,
    DecisionOutcome,
    Meeting,
    Recusal,
    Remark,
    Seat,
    Sheet,
    Vote,
)
from grants.decisions.workflow import DecisionState, MeetingState
from grants.history.models import HistoryEntry
from grants.reviews import queries as reviews
from grants.reviews.models import Assignment, Review
from grants.reviews.workflow import LIVE, AssignmentState

DECIDED = (DecisionState.TAKEN, DecisionState.RELEASED)

TOLD = (DecisionState.RELEASED, DecisionState.SET_ASIDE, DecisionState.SUCCEEDED)
"""The decisions that their applicants have been told of."""

STANDS = Decision.state.not_in((DecisionState.SET_ASIDE, DecisionState.LEFT)) & Decision.taken_up_at.is_(None)
"""The condition on decisions that picks the one on an application: not what was set aside, left undecided, or taken up
again.
"""

ON_RESERVE = (Decision.state == DecisionState.RELEASED) & (Decision.outcome == DecisionOutcome.RESERVE)
"""The condition on decisions that another meeting may take up."""


class Awarded(NamedTuple):
    """Money that the committee has decided to award."""

    application_id: int
    amount_minor: int
    region: str | None
    lot_key: str | None


class Ballot(NamedTuple):
    """The decision on one application as lists show it, with its votes counted elsewhere."""

    decision_id: int
    application_id: int
    meeting_id: int
    state: str
    outcome: str
    amount_minor: int
    is_freed: bool


@dataclass(frozen=True)
class MissedRule:
    """An eligibility rule that an application failed, with the reason of whoever judged it."""

    text: dict[str, str]
    reason: str


# ------------------------------------------------------------------ stepping aside


def barred(meeting: Meeting, lines: Iterable[reviews.ApplicationLine]) -> dict[tuple[int, int], str]:
    """The pairs (person, application) of this meeting in which the member has stepped aside, or must, and why."""
    about = {line.id for line in lines}
    kinds = conflicts.conflicts_in(meeting.call_id, [seat.person_id for seat in meeting.seats])
    return {pair: kind for pair, kind in kinds.items() if pair[1] in about}


def recusals_of(meeting: Meeting, application_id: int | None = None) -> list[Recusal]:
    """Who stepped aside in a meeting, and from what."""
    found = select(Recusal).where(Recusal.meeting_id == meeting.id).options(joinedload(Recusal.person))
    if application_id is not None:
        found = found.where(Recusal.application_id == application_id)
    return list(db.session.scalars(found.order_by(Recusal.id)))


# ------------------------------------------------------------------ meetings


def meetings_in(seen: Select[Meeting], limit: int | None = 100) -> list[Meeting]:
    """The meetings a person may see, latest first; all of them without a ``limit``."""
    found = seen.options(joinedload(Meeting.call).load_only(Call.reference, Call.title, Call.timezone)).order_by(
        Meeting.starts_at.desc()
    )
    return list(db.session.scalars(found.limit(limit)))


class MeetingLine(NamedTuple):
    """A meeting in the list of those about one call."""

    reference: str
    state: MeetingState
    starts_at: datetime


def meetings_of(seen: Select[Meeting], call: Call) -> list[MeetingLine]:
    """The meetings about one call that a person may see, latest first."""
    return [MeetingLine(r, MeetingState(state), at) for r, state, at in _meetings_of(seen)(call=call.id)]


@prepared_once
def _meetings_of(seen: Select[Meeting]) -> Prepared:
    of_call = seen.where(Meeting.call_id == reviews.OF_CALL).order_by(Meeting.starts_at.desc())
    return Prepared(lambda: of_call.with_only_columns(Meeting.reference, Meeting.state, Meeting.starts_at))


def meeting_by_reference(seen: Select[Meeting], reference: str) -> Meeting | None:
    """One meeting among those a person may see, with its call and who sits in it."""
    found = seen.where(Meeting.reference == reference).options(
        joinedload(Meeting.call).options(selectinload(Call.lots), selectinload(Call.regions)),
        selectinload(Meeting.seats).joinedload(Seat.person).load_only(Person.name, Person.reference),
    )
    return db.session.scalar(found)


def meeting_to_read(seen: Select[Meeting], reference: str) -> Meeting | None:
    """The same to be read only: it belongs to no session."""
    rows = _meeting_to_read(seen)(reference=reference)
    if not rows:
        return None
    meeting, call, seats = unpacked(Meeting, rows[0][0]), unpacked(Call, rows[0][1]), []
    for packed_seat, name, person_reference in rows[0][2] or ():
        seat = unpacked(Seat, packed_seat)
        sitting = to_read(Person, {"id": seat.person_id, "name": name, "reference": person_reference})
        set_committed_value(seat, "person", sitting)
        seats.append(seat)
    set_committed_value(meeting, "seats", seats)
    set_committed_value(meeting, "call", with_promises(call))
    return meeting


@prepared_once
def _meeting_to_read(seen: Select[Meeting]) -> Prepared:
    named = Meeting.reference == bindparam("reference", None, Text)
    seat = func.json_build_array(packed(Seat), Person.name, Person.reference)
    seats = (
        select(func.json_agg(aggregate_order_by(seat, Seat.id)))
        .join(Person, Person.id == Seat.person_id)
        .where(Seat.meeting_id == Meeting.id)
        .correlate(Meeting)
        .scalar_subquery()
    )
    found = seen.join(Call, Call.id == Meeting.call_id).where(named)
    return Prepared(lambda: found.with_only_columns(packed(Meeting), packed(Call), seats))


def hold_meeting(meeting: Meeting, *, alone: bool = False) -> None:
    """Read anew where a meeting stands and who is present, and keep its state until this transaction ends: beside others
    who act in its session, or ``alone`` to open, close or change it.
    """
    hold(meeting, "state", "starts_at", "ends_at", "chair_id", "minutes", beside_others=not alone)
    found = select(Seat.id, Seat.present, Seat.signed_at, Seat.unsigned_because).where(Seat.meeting_id == meeting.id)
    seats = {row.id: row._mapping for row in db.session.execute(found)}
    for seat in meeting.seats:
        for name in ("present", "signed_at", "unsigned_because"):
            set_committed_value(seat, name, seats[seat.id][name])


class Point(NamedTuple):
    """A point of the agenda as it is shown; ``reference``, ``application`` and ``region`` are those of its application."""

    id: int
    kind: str
    title: str
    noted: str
    application_id: int | None
    reference: str | None
    application: str | None
    region: str | None
    unread_by: list[int]


def points_of(meeting_id: int) -> list[Point]:
    """The agenda of a meeting in its order."""
    return [Point(*row) for row in _POINTS(meeting=meeting_id)]


_POINTS = Prepared(
    lambda: (
        select(
            *(AgendaPoint.id, AgendaPoint.kind, AgendaPoint.title, AgendaPoint.noted, AgendaPoint.application_id),
            *(Application.reference, Application.title, Application.region, AgendaPoint.unread_by),
        )
        .outerjoin(Application, Application.id == AgendaPoint.application_id)
        .where(AgendaPoint.meeting_id == bindparam("meeting", None, BigInteger))
        .order_by(AgendaPoint.position, AgendaPoint.id)
    )
)


def agenda_to_change(meeting: Meeting) -> list[AgendaPoint]:
    """The agenda of a meeting in its order, kept for whoever asked first."""
    found = select(AgendaPoint).where(AgendaPoint.meeting_id == meeting.id)
    return list(db.session.scalars(found.order_by(AgendaPoint.position, AgendaPoint.id)))


def sheet_of(meeting_id: int) -> Sheet | None:
    """The decision sheet of a closed meeting as it is signed."""
    return db.session.scalar(select(Sheet).where(Sheet.meeting_id == meeting_id).options(undefer(Sheet.content)))


def fingerprint_of(meeting_id: int) -> str | None:
    """What the decision sheet of a closed meeting is known by."""
    return db.session.scalar(select(Sheet.fingerprint).where(Sheet.meeting_id == meeting_id))


class Said(NamedTuple):
    """Something said in the discussion of an application."""

    by: str
    text: str
    at: datetime


def remarks_on(meeting_id: int, application_id: int) -> list[Said]:
    """What was said about an application in the discussion of a meeting, in its order."""
    return [Said(*row) for row in _REMARKS(meeting=meeting_id, application=application_id)]


_REMARKS = Prepared(
    lambda: (
        select(Person.name, Remark.text, Remark.said_at)
        .join(Person, Person.id == Remark.person_id)
        .where(
            Remark.meeting_id == bindparam("meeting", None, BigInteger),
            Remark.application_id == bindparam("application", None, BigInteger),
        )
        .order_by(Remark.id)
    )
)


def discussion_of(meeting: Meeting) -> dict[int, list[Said]]:
    """Everything that was said in a meeting, by application, in its order."""
    found = (
        select(Remark.application_id, Person.name, Remark.text, Remark.said_at)
        .join(Person, Person.id == Remark.person_id)
        .where(Remark.meeting_id == meeting.id)
        .order_by(Remark.id)
    )
    told: dict[int, list[Said]] = {}
    for application_id, *said in db.session.execute(found):
        told.setdefault(application_id, []).append(Said._make(said))
    return told


def discussed_in(meeting_id: int) -> list[Application]:
    """The applications of which something was said in a meeting, by reference."""
    said = select(Remark.application_id).where(Remark.meeting_id == meeting_id)
    found = select(Application).where(Application.id.in_(said))
    named = load_only(Application.reference, Application.title, Application.region)
    return list(db.session.scalars(found.options(named).order_by(Application.reference)))


def with_promises(call: Call) -> Call:
    """A call to be read only, with its lots and regions: what it promised to each."""
    lots, regions = once_published("promises", call, lambda: _promises_of(call.id))
    set_committed_value(call, "lots", lots)
    set_committed_value(call, "regions", regions)
    return call


def _promises_of(call_id: int) -> tuple[list[Lot], list[RegionEnvelope]]:
    lots = select(packed(Lot)).where(Lot.call_id == call_id).order_by(Lot.position)
    regions = select(packed(RegionEnvelope)).where(RegionEnvelope.call_id == call_id).order_by(RegionEnvelope.position)
    return (
        [unpacked(Lot, one) for one in db.session.scalars(lots)],
        [unpacked(RegionEnvelope, one) for one in db.session.scalars(regions)],
    )


def call_to_decide(seen: Select[Call], reference: str) -> Call | None:
    """One call among those a person may see, with its grid, lots and regions."""
    found = seen.where(Call.reference == reference).options(selectinload(Call.lots), selectinload(Call.regions))
    return db.session.scalar(found)


def committee() -> list[tuple[str, str]]:
    """Everybody who sits on the committee, by name: reference and name."""
    return [(reference, name) for reference, name in _COMMITTEE()]


_COMMITTEE = Prepared(
    lambda: (
        select(Person.reference, Person.name)
        .where(
            Person.active,
            exists().where(
                RoleGrant.person_id == Person.id,
                RoleGrant.role == Role.COMMITTEE_MEMBER,
                RoleGrant.revoked_at.is_(None),
            ),
        )
        .order_by(Person.name)
    )
)


def is_invited(person: Person, call_id: int) -> bool:
    """Whether a person sits in a meeting about a call."""
    return bool(db.session.scalar(select(_sits(person.id, call_id))))


def _sits(person_id: Any, call_id: Any) -> Exists:
    return exists().where(Seat.meeting_id == Meeting.id, Seat.person_id == person_id, Meeting.call_id == call_id)


def declared_as_member(person: Person, call_id: int, *, since: datetime) -> tuple[bool, bool] | None:
    """Whether somebody who sits in a meeting about a call has declared their ties in general ``since`` then, and those to
    all its applicants; None for who sits in none.
    """
    rows = _DECLARED(person=person.id, call=call_id, since=since)
    return (rows[0][0], not rows[0][1]) if rows else None


def _declared() -> Select[bool, bool]:
    person, call = bindparam("person", None, BigInteger), bindparam("call", None, BigInteger)
    of_year = conflicts.has_declared_since(person, bindparam("since", None, DateTime(timezone=True)))
    return select(of_year, reviews.has_applicants_to_declare(person, call)).where(_sits(person, call))


_DECLARED = Prepared(_declared)


def number_of_meetings(call: Call) -> int:
    """How many meetings have been called about a call."""
    return db.session.scalar(select(func.count()).where(Meeting.call_id == call.id)) or 0


# ------------------------------------------------------------------ decisions


def ballots_of(call_id: int) -> dict[int, Ballot]:
    """The decision that stands on each application to a call, as far as there is one, by application."""
    return {row[1]: Ballot._make(row) for row in _BALLOTS(call=call_id)}


_BALLOTS = Prepared(
    lambda: (
        select(
            Decision.id,
            Decision.application_id,
            Decision.meeting_id,
            Decision.state,
            Decision.outcome,
            Decision.amount_minor,
            Decision.freed_at.is_not(None),
        )
        .join(Meeting, Meeting.id == Decision.meeting_id)
        .where(Meeting.call_id == reviews.OF_CALL, STANDS)
    )
)


def decided_in(call_id: int) -> set[int]:
    """The applications to a call about which the committee has decided."""
    return {one.application_id for one in ballots_of(call_id).values() if one.state in DECIDED}


def awarded_in(call_id: int) -> list[Awarded]:
    """The awards that have been decided in a call, without those whose money is free again."""
    found = (
        select(Decision.application_id, Decision.amount_minor, Application.region, Application.lot_key)
        .join(Application, Application.id == Decision.application_id)
        .where(Application.call_id == call_id, Decision.outcome == DecisionOutcome.AWARD, Decision.state.in_(DECIDED))
        .where(Decision.freed_at.is_(None))
    )
    return [Awarded._make(row) for row in db.session.execute(found)]


def lock_envelope(call_id: int) -> None:
    """Let one decision at a time spend from the envelope of a call."""
    db.session.execute(select(Call.id).where(Call.id == call_id).with_for_update())


def decision_on(application_id: int) -> Decision | None:
    """The decision that stands on an application, with its votes and who cast them."""
    return _decision(STANDS, application_id)


def decision_left(meeting: Meeting, application_id: int) -> Decision | None:
    """The proposal on an application that a meeting left undecided."""
    return _decision((Decision.state == DecisionState.LEFT) & (Decision.meeting_id == meeting.id), application_id)


def _decision(condition: ColumnElement[bool], application_id: int) -> Decision | None:
    found = (
        select(Decision)
        .where(Decision.application_id == application_id, condition)
        .options(
            selectinload(Decision.votes).joinedload(Vote.person).load_only(Person.name, Person.reference),
            joinedload(Decision.meeting),
        )
        .execution_options(populate_existing=True)
    )
    return db.session.scalar(found)


def state_of_decision(application_id: int) -> str | None:
    """Where the decision on an application stands; None when there is none yet."""
    return next((state for (state,) in _STATE(application=application_id)), None)


_STATE = Prepared(
    lambda: select(Decision.state).where(
        Decision.application_id == bindparam("application", None, type_=BigInteger), STANDS
    )
)


def state_told(application_id: int) -> str | None:
    """Where the decision stands of which the applicant had a letter last; None before any."""
    return next((state for (state,) in _STATE_TOLD(application=application_id)), None)


_STATE_TOLD = Prepared(
    lambda: (
        select(Decision.state)
        .where(
            Decision.application_id == bindparam("application", None, type_=BigInteger),
            Decision.state.in_([state.value for state in TOLD]),
        )
        .order_by(Decision.id.desc())
        .limit(1)
    )
)


def number_decided(call_id: int) -> int:
    """How many applications to a call the committee has decided about."""
    found = select(func.count(Decision.id)).join(Meeting, Meeting.id == Decision.meeting_id)
    return db.session.scalar(found.where(Meeting.call_id == call_id, Decision.state.in_(DECIDED), STANDS)) or 0


class Proposed(NamedTuple):
    """An application on which a meeting has a proposal that is not decided."""

    application_id: int
    reference: str
    region: str | None


def proposed_in(meeting_id: int) -> list[Proposed]:
    """The applications on which a meeting has to decide yet, by reference."""
    return [Proposed(*row) for row in _PROPOSED(meeting=meeting_id)]


_PROPOSED = Prepared(
    lambda: (
        select(Application.id, Application.reference, Application.region)
        .join(Decision, Decision.application_id == Application.id)
        .where(Decision.meeting_id == bindparam("meeting", None, BigInteger), Decision.state == DecisionState.PROPOSED)
        .order_by(Application.reference)
    )
)


def number_undecided(call_id: int) -> int:
    """How many applications to a call are in the check, or eligible and not decided about, or on the reserve list."""
    decided = select(Decision.application_id).where(Decision.state.in_(DECIDED), STANDS, not_(ON_RESERVE))
    found = select(func.count(Application.id)).where(
        Application.call_id == call_id,
        Application.state.in_((ApplicationState.SUBMITTED, ApplicationState.ELIGIBLE)),
        Application.id.not_in(decided),
    )
    return db.session.scalar(found) or 0


def number_alive(call_id: int) -> int:
    """How many applications to a call are begun or sent in, and not withdrawn."""
    found = select(func.count(Application.id)).where(
        Application.call_id == call_id, Application.state != ApplicationState.WITHDRAWN
    )
    return db.session.scalar(found) or 0


def taken_up(application_ids: Iterable[int]) -> list[Decision]:
    """The decisions of the reserve list that were taken up, as long as the letter of the next is not sent."""
    found = select(Decision).where(
        Decision.application_id.in_(list(application_ids)),
        Decision.taken_up_at.is_not(None),
        Decision.state == DecisionState.RELEASED,
    )
    return list(db.session.scalars(found))


class Part(NamedTuple):
    """A decision, and what part somebody had in it: a review that it counts, a seat at which they were present."""

    decision: Decision
    reviewed: bool
    sat: bool


def decided_about(application_ids: Iterable[int], person: Person) -> list[Part]:
    """The decisions taken about these applications, each with the part this person had in it."""
    reviewed = exists().where(
        Assignment.application_id == Decision.application_id,
        Assignment.reviewer_id == person.id,
        Assignment.state == AssignmentState.COMPLETED,
    )
    sat = exists().where(Seat.meeting_id == Decision.meeting_id, Seat.person_id == person.id, Seat.present)
    found = (
        select(Decision, reviewed, sat)
        .join(Decision.application)
        .where(Application.id.in_(list(application_ids)), Decision.state.in_(DECIDED))
        .options(contains_eager(Decision.application), joinedload(Decision.meeting))
        .order_by(Decision.id)
    )
    return [Part(*row) for row in db.session.execute(found)]


def reviews_in_conflict(person: Person | None = None, application: Application | None = None) -> list[Assignment]:
    """What people are reviewing, or have reviewed, although it is hidden from them; without the submitted reviews that a
    decision counts. Of one ``person`` or about one ``application`` only, when given.
    """
    decided = exists().where(Decision.application_id == Application.id, Decision.state.in_(DECIDED), STANDS)
    about: list[Any] = [
        Assignment.state.in_(LIVE),
        or_(Assignment.state != AssignmentState.COMPLETED, ~decided),
    ]
    if person is not None:
        about.append(Assignment.reviewer_id == person.id)
    if application is not None:
        about.append(Assignment.application_id == application.id)
    people = select(func.array_agg(Assignment.reviewer_id.distinct())).join(Assignment.application).where(*about)
    hidden = conflicts.conflicts(people.scalar_subquery())
    tied = exists().where(
        hidden.c.person_id == Assignment.reviewer_id, hidden.c.application_id == Assignment.application_id
    )
    found = select(Assignment).join(Assignment.application).where(*about, tied).order_by(Application.id, Assignment.id)
    return list(
        db.session.scalars(
            found.options(
                contains_eager(Assignment.application).joinedload(Application.organization),
                contains_eager(Assignment.application).joinedload(Application.call),
                joinedload(Assignment.reviewer),
                joinedload(Assignment.review),
            )
        )
    )


class OnRecord(NamedTuple):
    """What was written down when a decision was taken, and since: how many voted for, against and abstained, the
    references of the people who declared a conflict afterwards, and of those without whom the vote was closed.
    """

    votes: tuple[int, int, int]
    late: tuple[str, ...]
    not_voted: tuple[str, ...] = ()


def on_record(decision_ids: Iterable[int]) -> dict[int, OnRecord]:
    """What the record says of these decisions, as they were taken last."""
    since = func.coalesce(HistoryEntry.details["reviewer"].as_string(), HistoryEntry.details["member"].as_string())
    entries = (
        select(HistoryEntry.subject_id, HistoryEntry.details["votes"], HistoryEntry.details["not_voted"], since)
        .where(
            HistoryEntry.subject_kind == "decision",
            HistoryEntry.subject_id.in_(list(decision_ids)),
            HistoryEntry.verb.in_(("take", "late_conflict", "late_recusal")),
        )
        .order_by(HistoryEntry.id)
    )
    found: dict[int, OnRecord] = {}
    for decision_id, votes, not_voted, person in db.session.execute(entries):
        if votes is not None:
            found[decision_id] = OnRecord(tuple(votes), (), tuple(not_voted or ()))
        elif decision_id in found:
            before = found[decision_id]
            found[decision_id] = before._replace(late=tuple(dict.fromkeys((*before.late, person))))
    return found


def awards_of_lead(organization_id: int, call_id: int) -> list[int]:
    """The applications to a call on which an award has been decided to an organization, under any of its accounts."""
    found = (
        select(Decision.application_id)
        .join(Decision.application)
        .where(
            Application.call_id == call_id,
            Application.organization_id.in_(same_organization_as(organization_id)),
            Decision.outcome == DecisionOutcome.AWARD,
            Decision.state.in_(DECIDED),
            Decision.freed_at.is_(None),
        )
    )
    return list(db.session.scalars(found))


def decisions_of(meeting: Meeting) -> list[Decision]:
    """What a meeting decided or left undecided, in the order of the ranking, with votes, applications and organizations."""
    found = (
        select(Decision)
        .where(Decision.meeting_id == meeting.id)
        .options(
            selectinload(Decision.votes),
            joinedload(Decision.application).options(
                load_only(
                    Application.reference,
                    Application.title,
                    Application.region,
                    Application.lot_key,
                    Application.requested_minor,
                    Application.currency,
                    Application.organization_id,
                    Application.call_id,
                    Application.language,
                ),
                joinedload(Application.organization).load_only(
                    Organization.reference, Organization.name, Organization.country
                ),
            ),
        )
        .order_by(Decision.rank, Decision.id)
    )
    return list(db.session.scalars(found))


def released_decision(seen: Select[Decision], reference: str) -> Decision | None:
    """The latest decision on an application whose letter has been sent, among those a person may see; it stays to be read
    when it was set aside, until the letter of the next one is sent.
    """
    found = (
        seen.where(Application.reference == reference, Decision.state.in_(TOLD))
        .options(
            contains_eager(Decision.application).options(
                joinedload(Application.organization).load_only(Organization.name, Organization.reference),
                joinedload(Application.call),
            ),
            joinedload(Decision.letter),
        )
        .order_by(Decision.id.desc())
        .limit(1)
    )
    return db.session.scalar(found)


def sentences_for(application_ids: Iterable[int]) -> dict[int, str]:
    """What reviewers marked for the applicants of these applications, by review."""
    found = (
        select(Review.id, Review.for_applicant)
        .join(Review.assignment)
        .where(Assignment.application_id.in_(list(application_ids)), Review.for_applicant != "")
    )
    return {int(review_id): sentences for review_id, sentences in db.session.execute(found)}


def people_to_write_to(organization_ids: Iterable[int]) -> dict[int, list[Person]]:
    """The present members of organizations, by organization."""
    found = (
        select(Membership.organization_id, Person)
        .join(Person, Person.id == Membership.person_id)
        .where(Membership.organization_id.in_(list(organization_ids)), Membership.ended_at.is_(None), Person.active)
        .order_by(Membership.id)
    )
    people: dict[int, list[Person]] = {}
    for organization_id, person in db.session.execute(found):
        people.setdefault(organization_id, []).append(person)
    return people


def missed_rules(application_ids: Iterable[int]) -> dict[int, list[MissedRule]]:
    """The eligibility rules that applications failed."""
    ids = list(application_ids)
    if not ids:
        return {}
    found = (
        select(Finding.application_id, EligibilityRule.text, Finding.reason)
        .join(EligibilityRule, EligibilityRule.id == Finding.rule_id)
        .where(Finding.application_id.in_(ids), Finding.outcome == Outcome.FAILED)
        .order_by(EligibilityRule.position)
    )
    missed: dict[int, list[MissedRule]] = {}
    for application_id, text, reason in db.session.execute(found):
        missed.setdefault(application_id, []).append(MissedRule(text, reason))
    return missed


def case_of(seen: Select[Application], meeting: Meeting, reference: str) -> Application | None:
    """One application on the agenda of a meeting, among those a person may see there."""
    found = seen.where(Application.reference == reference, Application.call_id == meeting.call_id).options(
        joinedload(Application.organization).load_only(
            Organization.reference, Organization.name, Organization.acronym, Organization.country
        ),
        joinedload(Application.call),
    )
    return db.session.scalar(found)


def people_named(references: Iterable[str]) -> list[Person]:
    """The people with these references, by name."""
    found = select(Person).where(Person.reference.in_(list(references)))
    return list(db.session.scalars(found.order_by(Person.name, Person.id)))
