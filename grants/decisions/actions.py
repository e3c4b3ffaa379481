"""What the committee does: meet, step aside, propose, vote, decide, sign; and how its decisions reach the applicants."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from typing import Any

from grants.accounts.models import COORDINATORS, Organization, Person, Role
from grants.accounts.queries import holders_of
from grants.applications import actions as application_actions
from grants.applications.models import Application
from grants.calls import actions as call_actions
from grants.calls.models import Call
from grants.calls.queries import documents_of
from grants.checks import actions as check_actions
from grants.conflicts import queries as conflicts
from grants.conflicts.models import ConflictDeclaration, Grade
from grants.conflicts.permissions import has_declared_year
from grants.conflicts.rules import KIND_LABELS
from grants.core import clock
from grants.core.db import db, hold
from grants.core.languages import _l, speaking
from grants.core.mail import Mail, post
from grants.core.money import Money
from grants.core.rules import Obstacle, Refused, refuse
from grants.decisions import mails, queries, rules
from grants.decisions.models import (
    AgendaPoint,
    Decision,
    DecisionOutcome,
    Meeting,
    PointKind,
    Procedure,
    Recusal,
    Remark,
    Seat,
    Sheet,
    Vote,
)
from grants.decisions.workflow import DecisionState, MeetingState
from grants.history import actions as history
from grants.letters.actions import compose
from grants.letters.models import Letter, LetterKind
from grants.letters.queries import wording_of
from grants.reviews import actions as review_actions
from grants.reviews import queries as reviews
from grants.reviews import rules as review_rules
from grants.reviews.models import Assignment, Declined, Review
from grants.reviews.rules import grid_in, results_of
from grants.reviews.workflow import AssignmentState

# ------------------------------------------------------------------ meetings


def call_meeting(
    call: Call,
    *,
    starts_at: datetime,
    members: Sequence[Person],
    quorum: int,
    by: Person,
    ends_at: datetime | None = None,
    procedure: str = Procedure.VOTE,
    chair: Person | None = None,
    points: Sequence[str] = (),
) -> Meeting:
    """Invite members of the committee to decide about a call: live, or over several days until ``ends_at``.

    The agenda goes with the invitation: what the coordinator wrote (``points``), and the applications near the money
    line. ``chair`` is the first of the members unless another is named. Raises Refused for outsiders, an impossible
    quorum, or an end before the start.
    """
    decided, undecided = queries.number_decided(call.id), queries.number_undecided(call.id)
    refuse(
        rules.obstacles_to_calling_meeting(
            call, starts_at, members, quorum, ends_at=ends_at, decided=decided, undecided=undecided, chair=chair
        )
    )
    meeting = Meeting(
        reference=f"{call.reference}-M{queries.number_of_meetings(call) + 1}",
        call_id=call.id,
        call=call,
        state=MeetingState.PLANNED,
        starts_at=starts_at,
        ends_at=ends_at,
        procedure=Procedure(procedure),
        quorum=quorum,
        called_by_id=by.id,
        chair_id=(chair or members[0]).id,
        seats=[Seat(person_id=person.id, person=person) for person in members],
    )
    db.session.add(meeting)
    history.begin(meeting, "call", by=by, call=call.reference, members=len(members), quorum=quorum)
    near = rules.near_for_all(*_lists_of(call, members), queries.decided_in(call.id))
    for point in rules.first_agenda(near, points):
        point.meeting_id = meeting.id
        db.session.add(point)
    db.session.flush()
    _send_agenda(meeting, mails.meeting_called)
    return meeting


def _lists_of(call: Call, members: Sequence[Person]) -> tuple[rules.Ranking, dict[int, rules.Ranking]]:
    """The ranked list of a call, and as each reads it of those who come to the meeting or follow it and from whom something
    in it is hidden.
    """
    standing = reviews.standing_of(call)
    readers = {person.id for person in (*members, *holders_of(*COORDINATORS, Role.AUDITOR))}
    hidden: dict[int, set[int]] = {}
    for person_id, application_id in conflicts.conflicts_in(call.id, readers):
        hidden.setdefault(person_id, set()).add(application_id)
    return rules.ranking(call, standing), {
        person_id: rules.ranking(call, standing, hidden=ids) for person_id, ids in hidden.items()
    }


# ------------------------------------------------------------------ the agenda


def add_point(meeting: Meeting, title: str, *, by: Person) -> AgendaPoint:
    """Put something else than an application on the agenda, before its last point. Raises Refused."""
    queries.hold_meeting(meeting, alone=True)
    refuse(rules.obstacles_to_preparing(meeting, title=title))
    return _add(meeting, AgendaPoint(kind=PointKind.OWN, title=title.strip()), queries.agenda_to_change(meeting), by)


def add_application(meeting: Meeting, application: Application, *, by: Person) -> AgendaPoint:
    """Put an application on the agenda, before its last point. Raises Refused when it stands there already."""
    queries.hold_meeting(meeting, alone=True)
    agenda = queries.agenda_to_change(meeting)
    refuse(rules.obstacles_to_adding(meeting, application, agenda))
    return _add(meeting, AgendaPoint(kind=PointKind.APPLICATION, application_id=application.id), agenda, by)


def _add(meeting: Meeting, point: AgendaPoint, agenda: list[AgendaPoint], by: Person) -> AgendaPoint:
    point.meeting_id = meeting.id
    ends = bool(agenda) and agenda[-1].kind == PointKind.CLOSING
    agenda.insert(len(agenda) - ends, point)
    db.session.add(point)
    return _renumbered(meeting, point, agenda, by)


def move_point(meeting: Meeting, point_id: int, to_id: int, *, by: Person) -> None:
    """Move a point of the agenda to the place of another; nothing happens when somebody took one of them away meanwhile."""
    queries.hold_meeting(meeting, alone=True)
    refuse(rules.obstacles_to_preparing(meeting))
    agenda = queries.agenda_to_change(meeting)
    places = {point.id: place for place, point in enumerate(agenda)}
    if point_id in places and to_id in places:
        point = agenda.pop(places[point_id])
        agenda.insert(places[to_id], point)
        _renumbered(meeting, point, agenda, by)


def _renumbered(meeting: Meeting, point: AgendaPoint, agenda: list[AgendaPoint], by: Person) -> AgendaPoint:
    for position, one in enumerate(agenda, 1):
        one.position = position
    db.session.flush()
    history.note("meeting", meeting.id, "prepare", by=by)
    return point


def drop_point(meeting: Meeting, point_id: int, *, by: Person) -> None:
    """Take a point off the agenda. An application stays in the ranked list and can be decided all the same."""
    queries.hold_meeting(meeting, alone=True)
    refuse(rules.obstacles_to_preparing(meeting))
    for point in queries.agenda_to_change(meeting):
        if point.id == point_id:
            db.session.delete(point)
            history.note("meeting", meeting.id, "prepare", by=by)
    db.session.flush()


def note_point(meeting: Meeting, point_id: int, noted: str, *, by: Person) -> None:
    """Write down what came of a point of the agenda; it goes into the minutes."""
    queries.hold_meeting(meeting, alone=True)
    refuse(rules.obstacles_to_preparing(meeting))
    for point in queries.agenda_to_change(meeting):
        if point.id == point_id and point.noted != noted.strip():
            point.noted = noted.strip()
            history.note("meeting", meeting.id, "prepare", by=by)
    db.session.flush()


def send_agenda(meeting: Meeting, *, by: Person) -> None:
    """Send the agenda as it stands now to the members; who has it already as it is gets no second mail."""
    refuse(rules.obstacles_to_preparing(meeting))
    history.note("meeting", meeting.id, "invite", by=by)
    _send_agenda(meeting, mails.meeting_agenda)


def _send_agenda(meeting: Meeting, mail: Callable[[Meeting, Person, Sequence[queries.Point]], Mail]) -> None:
    """Each member reads the agenda without the applications that are hidden from them, and without what was written on it
    when it names an applicant about which they have not declared yet whether they have a tie.
    """
    points, people = queries.points_of(meeting.id), [seat.person for seat in meeting.seats]
    gates = reviews.gates_of([one.id for one in people], meeting.call_id)
    written = any(point.title for point in points)
    unnamed = reviews.names_to_declare(people, meeting.call_id) if written else {}
    sent = []
    for one in people:
        seen = rules.points_seen(points, one, gates.get(one.id, reviews.Gate()))
        told = [point for point in seen if not (point.title and unnamed[one.id].is_told_by(point.title))]
        sent.append(mail(meeting, one, told))
    post(*sent)


def choose_chair(meeting: Meeting, person: Person, *, by: Person) -> None:
    """Say which member chairs the meeting and signs its decision sheet first. Raises Refused for who has no seat."""
    queries.hold_meeting(meeting, alone=True)
    refuse(rules.obstacles_to_attending(meeting, person))
    if meeting.chair_id != person.id:
        meeting.chair_id = person.id
        history.note("meeting", meeting.id, "chair", by=by, member=person.reference)
        db.session.flush()


# ------------------------------------------------------------------ the session


def mark_present(meeting: Meeting, person: Person, *, present: bool = True, by: Person) -> Seat:
    """Note that a member attends the meeting, or has left it; only who is present votes and signs."""
    queries.hold_meeting(meeting)
    refuse(rules.obstacles_to_attending(meeting, person))
    seat = next(seat for seat in meeting.seats if seat.person_id == person.id)
    if seat.present != present:
        seat.present = present
        verb = "attend" if present else "leave"
        history.note("meeting", meeting.id, verb, by=by, member=person.reference)
    return seat


def move_meeting(
    meeting: Meeting, reason: str, *, starts_at: datetime, ends_at: datetime | None = None, by: Person
) -> None:
    """Hold a meeting that was not opened at another time; the members are told. Raises Refused."""
    queries.hold_meeting(meeting, alone=True)
    refuse(rules.obstacles_to_moving(meeting, reason, starts_at, ends_at))
    meeting.starts_at, meeting.ends_at = starts_at, ends_at
    entry = history.note("meeting", meeting.id, "move", by=by, reason=reason)
    post(*[mails.meeting_moved(meeting, seat.person, entry.id) for seat in meeting.seats])


def cancel_meeting(meeting: Meeting, reason: str, *, by: Person) -> None:
    """Call a meeting off in which nothing is decided; the members are told. Raises Refused."""
    queries.hold_meeting(meeting, alone=True)
    refuse(rules.obstacles_to_calling_off(queries.decisions_of(meeting)))
    history.record(meeting, "cancel", by=by, reason=reason)
    post(*[mails.meeting_cancelled(meeting, seat.person) for seat in meeting.seats])


def open_meeting(meeting: Meeting, *, by: Person, early: bool = False) -> None:
    """Open the session. Members with a declared conflict are recused from those applications there and then.

    Raises Refused before its hour, unless it is opened ``early`` on purpose.
    """
    queries.hold_meeting(meeting, alone=True)
    refuse([] if early else rules.obstacles_to_opening(meeting, clock.now()))
    history.record(meeting, "open", by=by)
    _write_down_recusals(meeting)


def close_meeting(
    meeting: Meeting, *, by: Person, minutes: str = "", reason: str = "", left: Mapping[str, str] | None = None
) -> None:
    """Close the session with its minutes; afterwards the members who were present sign the decision sheet.

    ``reason`` explains floors, ceilings or least numbers of awards that the decisions do not keep. ``left`` says why
    proposals are left undecided, by the reference of the application. The decision sheet is made and kept as it will be
    signed. Raises Refused while another proposal is open, minutes are missing, the chair is not here, or such a departure
    is not explained.
    """
    queries.hold_meeting(meeting, alone=True)
    minutes = minutes or meeting.minutes
    refuse(rules.obstacles_by_stepping_aside(_seen_by(by, meeting.call).left_out))
    proposed = [one for one in queries.decisions_of(meeting) if one.state == DecisionState.PROPOSED]
    for one in proposed:
        if why := (left or {}).get(one.application.reference, "").strip():
            hold(one.application, "state")
            db.session.refresh(one, ["state", "left_because"])
            if one.state == DecisionState.PROPOSED:
                _leave(one, why, by=by)
    open_proposals = sum(1 for one in proposed if one.state == DecisionState.PROPOSED)
    awards = queries.awarded_in(meeting.call_id)
    refuse(
        rules.obstacles_to_closing(meeting.call, awards, open_proposals, minutes, reason)
        + rules.obstacles_by_chair(meeting)
    )
    history.record(meeting, "close", by=by, reason=reason)
    meeting.minutes, meeting.closed_at = minutes.strip(), clock.now()
    meeting.lifted_because = reason.strip()
    _write_down_recusals(meeting)
    content = queried_sheet(meeting)
    db.session.add(Sheet(meeting_id=meeting.id, content=content, fingerprint=rules.fingerprint(content)))
    db.session.flush()
    post(*[mails.sheet_ready(meeting, seat.person) for seat in meeting.seats if seat.present])


def sign(meeting: Meeting, *, by: Person) -> Seat:
    """Sign the decision sheet of a closed meeting, as a member who was present."""
    refuse(rules.obstacles_to_signing(meeting, by))
    seat = next(seat for seat in meeting.seats if seat.person_id == by.id)
    seat.signed_at = clock.now()
    history.note("meeting", meeting.id, "sign", by=by, fingerprint=queries.fingerprint_of(meeting.id))
    return seat


def excuse_signature(meeting: Meeting, person: Person, reason: str, *, by: Person) -> Seat:
    """Let the letters go without the signature of a member who was present and cannot sign, and write down why."""
    queries.hold_meeting(meeting, alone=True)
    refuse(rules.obstacles_to_excusing(meeting, person, reason))
    seat = next(seat for seat in meeting.seats if seat.person_id == person.id)
    seat.unsigned_because = reason.strip()
    history.note("meeting", meeting.id, "excuse", by=by, reason=reason, member=person.reference)
    return seat


def queried_sheet(meeting: Meeting) -> dict[str, Any]:
    """The decision sheet of a closed meeting, computed from what is stored now."""
    decisions = queries.decisions_of(meeting)
    records = queries.on_record([one.id for one in decisions])
    return rules.sheet_of(meeting, decisions, records, queries.recusals_of(meeting), queries.points_of(meeting.id))


# ------------------------------------------------------------------ stepping aside


def recuse(meeting: Meeting, application: Application, person: Person, reason: str, *, by: Person) -> Recusal:
    """Step aside from one application: from now on the member sees nothing of it anywhere, and their vote does not count.

    A decision that was taken before stays with the votes as they were counted. The reason stays with the recusal, and out of the timeline of the meeting, which the member goes on reading.
    """
    queries.hold_meeting(meeting)
    refuse(rules.obstacles_to_attending(meeting, person))
    if not reason.strip():
        raise Refused(Obstacle("reason_missing", _l("Please say why you step aside.")))
    hold(application, "state")
    organization, call = application.organization, meeting.call
    declare_interest(person, organization, grade=Grade.CONFLICT, reason=reason, call=call, by=by)
    recusal = Recusal(
        meeting_id=meeting.id,
        application_id=application.id,
        person_id=person.id,
        person=person,
        reason=reason.strip(),
    )
    db.session.add(recusal)
    db.session.flush()
    history.note("meeting", meeting.id, "recuse", by=by, application=application.reference)
    return recusal


def _write_down_recusals(meeting: Meeting) -> None:
    """Put into the minutes of the meeting who is kept out by a declared interest."""
    lines = reviews.lines_under_review(meeting.call_id)
    organization = {line.id: line.organization_id for line in lines}
    written = {(one.person_id, one.application_id) for one in queries.recusals_of(meeting)}
    kinds = queries.barred(meeting, lines)
    said = conflicts.conflict_reasons([seat.person_id for seat in meeting.seats], meeting.call_id)
    for person_id, application_id in sorted(kinds.keys() - written):
        reason = said.get((person_id, organization[application_id])) or str(
            KIND_LABELS[kinds[person_id, application_id]]
        )
        db.session.add(
            Recusal(meeting_id=meeting.id, application_id=application_id, person_id=person_id, reason=reason)
        )
    db.session.flush()


# ------------------------------------------------------------------ deciding


def propose(
    meeting: Meeting,
    application: Application,
    *,
    outcome: str,
    amount: Money | None = None,
    conditions: Sequence[str] = (),
    reason: str = "",
    feedback: str = "",
    by: Person,
) -> Decision:
    """Propose what to do with an application. Changing a proposal sets the votes on it aside.

    ``reason`` is due when the outcome departs from the ranking, when less is awarded than asked for, and when the
    application is taken up from the reserve list of an earlier meeting, whose letter holds until the next one is sent.
    ``feedback`` is shown to the applicant in the letter.
    """
    queries.hold_meeting(meeting)
    hold(application, "state")
    close_hidden_reviews(application=application, by=by)
    line = reviews.line_of(application)
    decision = queries.decision_on(application.id)
    former = decision if rules.is_taken_up_by(meeting, decision) else None
    decision = None if former else decision
    left = queries.decision_left(meeting, application.id) if decision is None else None
    recused = (by.id, application.id) in queries.barred(meeting, [line])
    zero = meeting.call.money(0)
    amount = (amount or zero) if outcome == DecisionOutcome.AWARD else zero
    list_ = rules.ranking(meeting.call, reviews.standing_of(meeting.call))
    aside = bool(_seen_by(by, meeting.call).left_out)
    refuse(
        rules.obstacles_to_discussing(meeting, line, decision, recused=recused)
        or rules.obstacles_to_proposing(
            meeting.call,
            list_,
            line,
            outcome,
            amount,
            reason,
            aside=aside,
            leads_too_many=leads_too_many(application),
        )
        + (rules.obstacles_to_taking_up(meeting.call, reason, clock.now()) if former else [])
    )
    if former is not None:
        former.taken_up_at = clock.now()
        history.note("decision", former.id, "take_up", by=by, reason=reason, meeting=meeting.reference)
        db.session.flush()
    if left is not None:
        history.record(left, "resume", by=by)
        left.left_because = ""
        decision = left
    is_new = decision is None
    if decision is None:
        decision = Decision(
            meeting_id=meeting.id,
            application_id=application.id,
            application=application,
            currency=application.currency,
            state=DecisionState.PROPOSED,
            proposed_by_id=by.id,
        )
    for vote_ in list(decision.votes):
        db.session.delete(vote_)
    decision.votes = []
    decision.outcome, decision.amount_minor = DecisionOutcome(outcome), amount.minor
    decision.conditions = [text.strip() for text in conditions if text.strip()]
    decision.reason, decision.feedback, decision.proposed_by_id = reason.strip(), feedback.strip(), by.id
    decision.score, decision.rank, decision.expected = rules.standing_to_keep(list_, application.id)
    db.session.add(decision)
    if is_new:
        history.begin(decision, "propose", by=by, outcome=str(outcome), amount_minor=amount.minor)
    else:
        db.session.flush()
        history.note("decision", decision.id, "amend", by=by, outcome=str(outcome), amount_minor=amount.minor)
    return decision


def remark(meeting: Meeting, application: Application, text: str, *, by: Person) -> Remark:
    """Say something about an application in the discussion of a meeting; what is said stays. Raises Refused.

    In a meeting over several days a member who says something attends it from then on.
    """
    queries.hold_meeting(meeting)
    refuse(rules.obstacles_to_remarking(meeting, text))
    said = Remark(meeting_id=meeting.id, application_id=application.id, person_id=by.id, person=by, text=text.strip())
    db.session.add(said)
    if rules.attends_by_acting(meeting, by):
        mark_present(meeting, by, by=by)
    db.session.flush()
    return said


def vote(decision: Decision, choice: str, *, by: Person, seen: str | None = None) -> Vote:
    """Vote for or against a proposal, or abstain; voting again replaces the earlier vote.

    ``seen`` is the mark of the proposal that was read: one that was changed meanwhile is read again first. In a meeting
    over several days whoever votes attends it from then on. Raises Refused.
    """
    meeting = decision.meeting
    queries.hold_meeting(meeting)
    hold(decision.application, "state")
    queries.decision_on(decision.application_id)
    line = reviews.line_of(decision.application)
    list_ = _seen_by(by, meeting.call)
    recused = (by.id, decision.application_id) in queries.barred(meeting, [line])
    refuse(
        rules.obstacles_to_voting(meeting, decision, by, clock.now(), recused=recused)
        or rules.obstacles_by_change(decision, seen) + rules.obstacles_by_new_standing(list_, decision)
    )
    if rules.attends_by_acting(meeting, by):
        mark_present(meeting, by, by=by)
    cast = next((one for one in decision.votes if one.person_id == by.id), None)
    if cast is None:
        cast = Vote(decision_id=decision.id, person_id=by.id, person=by, choice=choice)
        decision.votes.append(cast)
    cast.choice, cast.cast_at = choice, clock.now()
    db.session.flush()
    history.note("decision", decision.id, "vote", by=by, choice=str(choice))
    return cast


def take(decision: Decision, *, by: Person, seen: str | None = None, closes_vote: bool = False) -> Decision:
    """Decide as proposed. Raises Refused without enough reviews, a quorum of votes, a majority, or money.

    A live meeting waits for everybody who is here and may vote, unless somebody ``closes_vote`` on purpose: then the record
    says who had not voted. ``seen`` is the mark of the proposal that was read. The score and the place that were voted on stand in the decision;
    whoever doubts them can compute them again. Of two who confirm at once the second is told that it is decided.
    """
    meeting, call = decision.meeting, decision.meeting.call
    queries.hold_meeting(meeting)
    queries.lock_envelope(call.id)
    hold(decision.application, "state")
    queries.decision_on(decision.application_id)
    close_hidden_reviews(application=decision.application, by=by)
    line = reviews.line_of(decision.application)
    out = {person for person, about in queries.barred(meeting, [line]) if about == line.id}
    count = rules.count_votes(meeting, {one.person_id: one.choice for one in decision.votes}, out, clock.now())
    list_ = rules.ranking(call, reviews.standing_of(call))
    if decision.outcome == DecisionOutcome.AWARD:
        refuse(rules.obstacles_by_stepping_aside(_seen_by(by, call).left_out))
    refuse(
        rules.obstacles_to_taking(
            meeting,
            decision,
            list_,
            count,
            queries.awarded_in(call.id),
            at=clock.now(),
            leads_too_many=leads_too_many(decision.application),
            is_taken_up=bool(queries.taken_up([decision.application_id])),
            closes_vote=closes_vote,
        )
        + rules.obstacles_by_change(decision, seen)
    )
    voted = {one.person_id for one in decision.votes}
    not_voted = [one.person.reference for one in meeting.seats if one.present and one.person_id not in out | voted]
    decision.taken_at = clock.now()
    history.record(
        decision,
        "take",
        by=by,
        reason=decision.reason,
        votes=[count.votes_for, count.votes_against, count.abstained, count.silent],
        outcome=decision.outcome,
        **({"not_voted": not_voted} if count.awaited else {}),
    )
    return decision


def reconsider(decision: Decision, reason: str, *, by: Person) -> Decision:
    """Take a decision up again while the meeting is in session; its votes are set aside, and so are the reviews that it
    counted although their reviewers declared a conflict since.
    """
    queries.hold_meeting(decision.meeting)
    hold(decision.application, "state")
    refuse(rules.obstacles_by_session(decision.meeting))
    history.record(decision, "reconsider", by=by, reason=reason)
    for cast in list(decision.votes):
        db.session.delete(cast)
    decision.votes = []
    decision.taken_at = None
    db.session.flush()
    close_hidden_reviews(application=decision.application, by=by)
    return decision


def leave(decision: Decision, reason: str, *, by: Person) -> Decision:
    """Leave a proposal undecided while the meeting is in session. Another meeting may decide, or this one when it is
    proposed again; what was on the reserve list is back there.
    """
    queries.hold_meeting(decision.meeting)
    hold(decision.application, "state")
    refuse(rules.obstacles_by_session(decision.meeting))
    return _leave(decision, reason, by=by)


def _leave(decision: Decision, reason: str, *, by: Person) -> Decision:
    decision.left_because = reason.strip()
    history.record(decision, "leave", by=by, reason=reason)
    db.session.flush()
    for former in queries.taken_up([decision.application_id]):
        former.taken_up_at = None
        history.note("decision", former.id, "put_back", by=by, reason=reason)
    return decision


def _leave_proposed(application: Application, reason: Any, *, by: Person) -> None:
    """End a proposal on an application that is kept (:func:`_hold`) and has to leave the committee."""
    decision = queries.decision_on(application.id)
    if decision is not None and decision.state == DecisionState.PROPOSED:
        with speaking(application.call.authoritative_language):
            _leave(decision, str(reason), by=by)


def _state_that_binds(application: Application) -> str | None:
    """Where the decision stands by which an application is kept as it is: a letter about the reserve list holds while
    another meeting takes it up.
    """
    if queries.taken_up([application.id]):
        return DecisionState.RELEASED
    return queries.state_of_decision(application.id)


def leads_too_many(application: Application) -> bool:
    """Whether the organization has as many awards of the call as it may lead, under any of its accounts."""
    most = (documents_of(application.call)["terms"].get("grant") or {}).get("max_awards_per_lead")
    if not most:
        return False
    others = set(queries.awards_of_lead(application.organization_id, application.call_id)) - {application.id}
    return len(others) >= int(most)


# ------------------------------------------------------------------ letters


def release(meeting: Meeting, *, by: Person) -> list[Decision]:
    """Send what the committee decided: all decisions of the meeting at one moment.

    The letter of each is kept as it is sent: nothing that is worded or scored later changes it. Posts the mails to those
    who are declined or on the reserve list; the offers of awards are the awards' to send.
    Returns every decision that was released. Raises Refused while the sheet is not signed or something is undecided.
    """
    queries.hold_meeting(meeting, alone=True)
    decisions = queries.decisions_of(meeting)
    refuse(rules.obstacles_to_releasing(meeting, decisions))
    taken = [decision for decision in decisions if decision.state == DecisionState.TAKEN]
    people = queries.people_to_write_to({decision.application.organization_id for decision in taken})
    at = clock.now()
    written = letters_of(meeting.call, taken, at)
    for former in queries.taken_up([one.application_id for one in taken]):
        history.record(former, "give_way", by=by)
    letters = []
    for decision in taken:
        decision.released_at, decision.letter = at, written[decision.id]
        history.record(decision, "release", by=by)
        write = {DecisionOutcome.DECLINE: mails.decision_declined, DecisionOutcome.RESERVE: mails.decision_reserve}
        if letter := write.get(DecisionOutcome(decision.outcome)):
            letters += [letter(decision, person) for person in people.get(decision.application.organization_id, [])]
    post(*letters)
    return taken


def letters_of(call: Call, decisions: Sequence[Decision], at: datetime) -> dict[int, Letter]:
    """The letters about decisions of one call as they would be sent at a moment, by decision. They are not kept."""
    standing, wording = reviews.standing_of(call), wording_of(call)
    results = {one.application.id: one for one in results_of(standing)}
    sentences = queries.sentences_for([one.application_id for one in decisions])
    letters = {}
    for one in decisions:
        with speaking(one.application.language):
            result = results.get(one.application_id)
            details = rules.told_in_letter(result, grid_in(standing), sentences, one.feedback)
        kind = LetterKind(one.outcome)
        letters[one.id] = compose(one.application, kind, wording, at=at, details=details, amount=one.amount)
    return letters


# ------------------------------------------------------------------ what a decision stands on


def withdraw_application(application: Application, reason: str, *, by: Person) -> None:
    """Withdraw an application; a proposal on it ends, and so does a decision of which the applicant has not been told, for
    they cannot know of it. On a sheet that was made before it stays as it is. Raises Refused once a letter was sent.
    """
    decision = queries.decision_on(application.id)
    if decision is not None:
        queries.hold_meeting(decision.meeting)
    hold(application, "state")
    refuse(rules.obstacles_to_withdrawing(application, queries.state_told(application.id)))
    _leave_proposed(application, _l("The application was withdrawn."), by=by)
    decision = queries.decision_on(application.id)
    if decision is not None and decision.state == DecisionState.TAKEN:
        with speaking(application.call.authoritative_language):
            decision.left_because = str(_l("The application was withdrawn."))
        history.record(decision, "forgo", by=by, reason=decision.left_because)
        if decision.meeting.state == MeetingState.OPENED:
            decision.taken_at = None
        db.session.flush()
    check_actions.let_go(application, by=by)
    application_actions.withdraw(application, reason, by=by)


def reopen_check(application: Application, reason: str, *, by: Person, by_others: bool = False) -> None:
    """Take up the eligibility check again, maybe ``by_others``; a proposal on the application ends. Raises Refused once the
    committee has decided about it.
    """
    hold(application, "state")
    refuse(rules.obstacles_once_decided(_state_that_binds(application)))
    _leave_proposed(application, _l("The eligibility check was opened again."), by=by)
    check_actions.reopen_check(application, reason, by=by, by_others=by_others)


def free(decision: Decision, *, by: Person) -> None:
    """The money of an award is free again, for the reserve list too: its offer was refused, or let lapse."""
    queries.lock_envelope(decision.meeting.call_id)
    decision.freed_at = clock.now()
    history.note("decision", decision.id, "free", by=by, amount_minor=decision.amount_minor)


def bind_again(decision: Decision, *, by: Person) -> None:
    """Bind the money of an award that was free: it is offered once more. Raises Refused when the call has spent it otherwise."""
    queries.lock_envelope(decision.meeting.call_id)
    call = decision.meeting.call
    spent = sum(one.amount_minor for one in queries.awarded_in(call.id))
    refuse(rules.obstacles_by_envelope(call, spent + decision.amount_minor))
    decision.freed_at = None
    history.note("decision", decision.id, "bind", by=by, amount_minor=decision.amount_minor)


def set_aside(decision: Decision, reason: str, *, by: Person) -> None:
    """Set a decision aside after a complaint: its votes stay on the sheet of its meeting, the reviews it counted no longer
    count, and other reviewers and another meeting begin anew.

    When a meeting is taking the application up from the reserve list, it leaves that undecided; when one has since decided
    and told so, its decision is set aside. Raises Refused when a grant was offered, and while letters wait to be sent.
    """
    standing = queries.decision_on(decision.application_id)
    if standing is not None:
        queries.hold_meeting(standing.meeting)
    hold(decision.application, "state")
    standing = queries.decision_on(decision.application_id)
    refuse(rules.obstacles_to_setting_aside(decision, standing))
    assert standing is not None
    if standing.state == DecisionState.TAKEN:
        reconsider(standing, reason, by=by)
    if standing.state == DecisionState.PROPOSED:
        _leave(standing, reason, by=by)
        standing = queries.decision_on(decision.application_id) or decision
    history.record(standing, "overturn", by=by, reason=reason)
    review_actions.begin_anew(decision.application, reason, by=by)


def ask_reviewer(application: Application, reviewer: Person, *, due_on: date, round: int, by: Person) -> Assignment:
    """Ask a reviewer for a review. Raises Refused once the committee has decided about the application."""
    reviews.lock_board(application.call_id)
    hold(application, "state")
    refuse(rules.obstacles_once_decided(queries.state_of_decision(application.id)))
    return review_actions.assign(application, reviewer, due_on=due_on, by=by, round=round)


def ask_reviewers(
    call: Call, chosen: Sequence[tuple[Application, Person, int]], *, due_on: date, by: Person
) -> list[Assignment]:
    """Ask many reviewers at once, each for an application and a round; or nobody.

    Raises Refused with every application for which somebody cannot be asked any more, and why: another coordinator may
    have asked meanwhile, somebody declared a conflict, or the committee has decided.
    """
    reviews.lock_board(call.id)
    applications = {application.id: application for application, _, _ in chosen}
    reviews.lock_applications(applications)
    ballots = queries.ballots_of(call.id)
    refuse(
        [
            review_rules.about(application.reference, obstacle)
            for application in applications.values()
            if application.id in ballots
            for obstacle in rules.obstacles_once_decided(ballots[application.id].state)
        ]
    )
    return review_actions.assign_all(call, chosen, due_on=due_on, by=by)


def accept_review(assignment: Assignment, *, grade: str, reason: str, by: Person) -> Assignment:
    """Take on a review. Raises Refused before the reviewer has declared their ties, of the year and to the applicants of
    the call, and once the committee has decided about the application.
    """
    hold(assignment.application, "state")
    refuse(rules.obstacles_once_decided(queries.state_of_decision(assignment.application_id)))
    of_year = has_declared_year(by)
    refuse(review_rules.obstacles_before_opening(assignment, reviews.declared_on(assignment), of_year=of_year))
    return review_actions.accept(assignment, grade=grade, reason=reason, by=by)


def submit_review(assignment: Assignment, *, by: Person) -> Review:
    """Submit a review. Raises Refused once the committee has decided about the application."""
    hold(assignment.application, "state")
    refuse(rules.obstacles_once_decided(queries.state_of_decision(assignment.application_id)))
    return review_actions.submit_review(assignment, by=by)


def reopen_review(assignment: Assignment, reason: str, *, by: Person) -> None:
    """Open a submitted review again. Raises Refused once the committee has decided about the application."""
    hold(assignment.application, "state")
    refuse(rules.obstacles_once_decided(queries.state_of_decision(assignment.application_id)))
    review_actions.reopen(assignment, reason, by=by)


def recuse_from_review(assignment: Assignment, reason: str, *, by: Person) -> None:
    """Step aside from a review because of a conflict.

    A decision that was taken goes on counting the review, so that its ranking can be computed again; the conflict is
    declared and written down beside the decision, and the application is hidden from the reviewer from now on.
    """
    application = assignment.application
    organization, call = application.organization, application.call
    declare_interest(by, organization, grade=Grade.CONFLICT, reason=reason, call=call, by=by)


def decline_review(assignment: Assignment, reason: str, *, kind: str, by: Person) -> None:
    """Say no to a review, or give it back; with a conflict, step aside. Somebody else is asked unless the committee has
    decided meanwhile.
    """
    if kind == Declined.CONFLICT:
        assignment.declined_for = kind
        recuse_from_review(assignment, reason, by=by)
        return
    hold(assignment.application, "state")
    decided = rules.obstacles_once_decided(queries.state_of_decision(assignment.application_id))
    review_actions.decline(assignment, reason, kind=kind, by=by, is_missed=not decided)


def declare_interest(
    person: Person, organization: Organization, *, grade: str, reason: str, call: Call | None = None, by: Person
) -> ConflictDeclaration:
    """Declare a tie to an organization. A conflict counts at once: what the person was reviewing and may no longer see, of
    that organization or of one that stands close to it, is closed, and what they wrote no longer counts.

    A conflict that comes after a decision leaves the votes and the reviews that it counted. It is written down beside
    each decision in which the person had a part, and the coordinators are told: the case may have to be decided again.
    """
    before = conflicts.hidden_ids(person, None)
    declaration = review_actions.declare_interest(person, organization, grade=grade, reason=reason, call=call, by=by)
    if grade == Grade.CONFLICT:
        conflict_came(person, before, reason, by=by)
    return declaration


def conflict_came(person: Person, before: AbstractSet[int], reason: str, *, by: Person) -> None:
    """What follows when a person declared something by which more is hidden from them than ``before``."""
    hidden = conflicts.hidden_ids(person, None) - before
    parts = queries.decided_about(hidden, person)
    close_hidden_reviews(person, reason=reason, by=by)
    for decision, reviewed, sat in parts:
        if reviewed:
            entry = history.note("decision", decision.id, "late_conflict", by=by, reviewer=person.reference)
        if sat:
            entry = history.note("decision", decision.id, "late_recusal", by=by, member=person.reference)
        if reviewed or sat:
            coordinators = conflicts.free_coordinators(decision.application)
            post(*[mails.conflict_after_decision(decision, coordinator, entry.id) for coordinator in coordinators])


def close_hidden_reviews(
    person: Person | None = None,
    application: Application | None = None,
    *,
    reason: str | None = None,
    by: Person | None = None,
) -> int:
    """Close what people are reviewing although it is hidden from them, and take out what they wrote: of one ``person``,
    about one ``application``, or everything. A tie may have come to be without a word of theirs: somebody joined an
    organization, or it found a sponsor. Says how many reviews were closed.

    What the committee has decided goes on counting its reviews, and nobody else is asked. Without a ``reason`` it is
    what the person wrote about the applicant, or the kind of tie.
    """
    closed = 0
    for assignment in queries.reviews_in_conflict(person, application):
        about = assignment.application
        hold(about, "state")
        decided = bool(rules.obstacles_once_decided(queries.state_of_decision(about.id)))
        if not (decided and assignment.state == AssignmentState.COMPLETED):
            why = reason or _why_hidden(assignment)
            review_actions.step_aside(assignment, why, by=by, is_missed=not decided)
            closed += 1
    return closed


def _why_hidden(assignment: Assignment) -> str:
    call_id, pair = assignment.application.call_id, (assignment.reviewer_id, assignment.application.organization_id)
    said = conflicts.conflict_reasons([assignment.reviewer_id], call_id)
    kinds = conflicts.conflicts_in(call_id, [assignment.reviewer_id])
    return said.get(pair) or str(KIND_LABELS[kinds[assignment.reviewer_id, assignment.application_id]])


def cancel_call(call: Call, reason: str, *, by: Person) -> None:
    """Take a call back. Raises Refused once the committee has decided about an application to it."""
    queries.lock_envelope(call.id)
    refuse(rules.obstacles_to_cancelling(call, queries.number_decided(call.id)))
    call_actions.cancel(call, reason, by=by)


def _seen_by(person: Person, call: Call) -> rules.Ranking:
    """The ranked list as a person may see it."""
    return rules.ranking(call, reviews.standing_of(call), hidden=reviews.gate_of(person, call.id).ids)
