"""Pages."""

from __future__ import annotations

from typing import Any, NamedTuple

from flask import Blueprint, Response, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from grants.accounts.models import COORDINATORS, Person, Role
from grants.applications import queries as applications
from grants.applications.forms import ReasonForm as WhyForm
from grants.applications.models import Application
from grants.applications.permissions import can_withdraw
from grants.applications.rules import Audience
from grants.applications.workflow import ApplicationState
from grants.calls.forms import CancelForm
from grants.calls.models import Call
from grants.calls.permissions import can_cancel
from grants.calls.queries import call_by_reference, call_to_read
from grants.calls.views import manage_page
from grants.checks.permissions import can_check
from grants.conflicts import queries as conflicts
from grants.conflicts.models import Grade
from grants.conflicts.permissions import DECLARERS, can_declare_interests
from grants.conflicts.rules import obstacles_before_naming, year_before
from grants.core import clock
from grants.core.drawings import Drawings
from grants.core.permissions import require, scope
from grants.core.rules import Obstacle, Refused, refuse
from grants.core.web import SIGNED_IN, access, done, found
from grants.decisions import actions, permissions, queries, rules
from grants.decisions.forms import (
    CHOICE_LABELS,
    ChairForm,
    ChangeForm,
    HourForm,
    MeetingForm,
    MinutesForm,
    PointForm,
    PresenceForm,
    ProposalForm,
    ReasonForm,
    RemarkForm,
    TakeForm,
    VoteForm,
    closing_form,
)
from grants.decisions.models import OUTCOME_LABELS, PROCEDURE_LABELS, Decision, DecisionOutcome, Meeting
from grants.decisions.workflow import DecisionState, MeetingState
from grants.history.queries import timeline
from grants.letters.models import Letter, LetterKind
from grants.letters.queries import letter_about
from grants.questionnaires.views import in_short
from grants.reviews import queries as reviews
from grants.reviews.actions import save_review
from grants.reviews.forms import AskForm, DeclarationForm, DeclineForm, InterestForm, review_form, typed_in
from grants.reviews.models import Assignment, Declined
from grants.reviews.permissions import (
    can_assign,
    can_declare,
    can_follow_reviews,
    can_write,
)
from grants.reviews.rules import (
    CHANGED_ELSEWHERE,
    obstacles_to_submitting,
    read_grid,
    results_of,
    shown,
    version_of,
)
from grants.reviews.views import (
    PAGE,
    Pages,
    Paper,
    application_followed,
    application_page,
    call_choices,
    declaration_page,
    interests_page,
    pages_of,
    paper_of,
    standing_parts,
    table_page,
    unfinished_page,
    writing_page,
)
from grants.reviews.workflow import AssignmentState

bp = Blueprint("decisions", __name__)

FOLLOWERS = (*COORDINATORS, Role.AUDITOR)
COMMITTEE = (Role.COMMITTEE_MEMBER, *FOLLOWERS)
SITTING = (Role.COMMITTEE_MEMBER, *COORDINATORS)


# ------------------------------------------------------------------ the ranked list


def _agenda(call: Call, meeting: Meeting | None = None) -> dict[str, Any]:
    """The ranked list as the present reader may see it: without what they stepped aside from, and of their regions."""
    standing = reviews.standing_of(call)
    gate = reviews.gate_of(current_user, call.id)
    list_ = rules.ranking(call, standing, hidden=gate.ids)
    ballots = queries.ballots_of(call.id)
    unseen = frozenset(one for one in list_.regions if not permissions.can_see_case(current_user, one, meeting))
    reference, asked = meeting.reference if meeting else None, request.args.get("page", 1, type=int)
    seen = (reference, asked, unseen, *ballots.values())
    return {
        "agenda": _AGENDAS.once(
            list_,
            seen,
            "decisions/_agenda.html",
            lambda: _agenda_values(call, reference, list_, ballots, unseen, asked),
        ),
        "ballots": ballots,
        "gate": gate,
        "left_out": list_.left_out,
        "number": len(standing.lines),
        "decided": sum(1 for one in ballots.values() if one.state != DecisionState.PROPOSED),
    }


_AGENDAS = Drawings()


def _agenda_values(
    call: Call,
    meeting: str | None,
    list_: rules.Ranking,
    ballots: dict[int, queries.Ballot],
    unseen: frozenset[str | None],
    asked: int,
) -> dict[str, Any]:
    """What one page of the ranked list shows without the regions ``unseen``, beside the money line."""
    seen = [row for row in list_.rows if row[1].application.region not in unseen]
    pages = max((len(seen) + PAGE - 1) // PAGE, 1)
    page = min(max(asked, 1), pages)
    awards = rules.awards_among((one.application for one in list_.results), ballots)
    endpoint = "decisions.meeting" if meeting else "decisions.of_call"
    return {
        "call": call,
        "meeting": meeting,
        "list": list_,
        "rows": seen[(page - 1) * PAGE : page * PAGE],
        "pages": Pages(page, pages, len(seen), endpoint, (("reference", meeting or call.reference),)),
        "reserve": rules.on_reserve((row for _group, row in seen), ballots),
        "elsewhere": len(list_.rows) - len(seen),
        "ballots": ballots,
        "money": rules.money_line(call, list_, ballots),
        "regions": rules.by_region(call, awards),
        "lots": rules.by_lot(call, awards),
        "outcomes": OUTCOME_LABELS,
        "shown": shown,
    }


def _call(reference: str) -> Call:
    require(permissions.can_follow_decisions(current_user))
    return found(queries.call_to_decide(scope(current_user, Call), reference))


@bp.get("/calls/<reference>/decisions")
@access(*FOLLOWERS)
def of_call(reference: str) -> ResponseReturnValue:
    """The ranked list against the money line."""
    require(permissions.can_follow_decisions(current_user))
    call = queries.with_promises(found(call_to_read(scope(current_user, Call), reference)))
    return _list_page(call, _meeting_form())


def _meeting_form(**more: Any) -> MeetingForm:
    form = MeetingForm(**more)
    form.members.choices = dict(queries.committee())
    form.chair.choices = {"": _("The first who is invited")} | form.members.choices
    return form


def _list_page(call: Call, form: MeetingForm, status: int = 200) -> ResponseReturnValue:
    agenda = _agenda(call)
    ineligible = reviews.lines_not_eligible(call.id, permissions.not_hidden(current_user))
    if not form.is_submitted():
        form.members.data = list(form.members.choices)
        form.quorum.data = len(form.members.choices) // 2 + 1
    return (
        render_template(
            "decisions/of_call.html",
            call=call,
            meetings=queries.meetings_of(scope(current_user, Meeting), call),
            ineligible=ineligible,
            missed=queries.missed_rules([line.id for line in ineligible]),
            form=form,
            can_call=permissions.can_call_meeting(current_user),
            no_agenda=_without_agenda(call, agenda),
            **agenda,
        ),
        status,
    )


def _without_agenda(call: Call, agenda: dict[str, Any]) -> list[Obstacle]:
    """Why no other meeting is needed; nothing is counted as long as an eligible application waits."""
    waits = not agenda["decided"] or agenda["number"] > agenda["decided"]
    return rules.obstacles_by_agenda(agenda["decided"], 1 if waits else queries.number_undecided(call.id))


@bp.post("/calls/<reference>/decisions")
@access(*COORDINATORS)
def call_meeting(reference: str) -> ResponseReturnValue:
    """Call a meeting of the committee."""
    require(permissions.can_call_meeting(current_user))
    call, form = _call(reference), _meeting_form()
    if not form.validate_on_submit():
        return _list_page(call, form, 422)
    try:
        meeting = actions.call_meeting(
            call,
            **form.moments_in(call.timezone),
            procedure=form.procedure.data,
            members=queries.people_named(form.members.data),
            quorum=form.quorum.data,
            chair=next(iter(queries.people_named([form.chair.data])), None),
            points=(form.points.data or "").splitlines(),
            by=current_user,
        )
    except Refused as refused:
        form.form_errors += [str(obstacle.message) for obstacle in refused.obstacles]
        return _list_page(call, form, 409)
    return done(_("The members have been invited."), "decisions.meeting", reference=meeting.reference)


# ------------------------------------------------------------------ the committee room


@bp.get("/meetings")
@access(*COMMITTEE)
def meetings() -> ResponseReturnValue:
    """The meetings I am concerned with."""
    return render_template("decisions/meetings.html", meetings=queries.meetings_in(scope(current_user, Meeting)))


def first_declared(call: Call) -> None:
    """Name nobody to a member of the committee before they have declared their ties. Raises Refused."""
    if not current_user.holds(Role.COMMITTEE_MEMBER):
        return
    if declared := queries.declared_as_member(current_user, call.id, since=year_before(clock.now())):
        of_year, of_call = declared
        refuse(obstacles_before_naming(of_year=of_year, of_call=of_call, call_reference=call.reference))


def meeting_read(reference: str) -> Meeting:
    """A meeting that the present person may see, and about whose applicants they have declared their ties."""
    meeting = found(queries.meeting_by_reference(scope(current_user, Meeting), reference))
    first_declared(meeting.call)
    return meeting


@bp.get("/meetings/<reference>")
@access(*COMMITTEE)
def meeting(reference: str) -> ResponseReturnValue:
    """The committee room: who is here, and the agenda in the order of the ranking."""
    meeting = found(queries.meeting_to_read(scope(current_user, Meeting), reference))
    first_declared(meeting.call)
    return _room(meeting, _closing_form(meeting))


def _closing_form(meeting: Meeting) -> MinutesForm:
    """The minutes, and for each proposal that is open and seen why it is left undecided."""
    if meeting.state != MeetingState.OPENED or not permissions.can_run_meeting(current_user, meeting.call):
        return MinutesForm()
    hidden = conflicts.hidden_ids(current_user, meeting.call_id)
    return closing_form(
        one.reference
        for one in queries.proposed_in(meeting.id)
        if one.application_id not in hidden and permissions.can_see_case(current_user, one.region, meeting)
    )


def _room(meeting: Meeting, form: MinutesForm, status: int = 200) -> ResponseReturnValue:
    agenda = _agenda(meeting.call, meeting)
    gate, left_out = agenda["gate"], agenda["left_out"]
    ballots = [one for one in agenda["ballots"].values() if one.meeting_id == meeting.id]
    runs = permissions.can_run_meeting(current_user, meeting.call)
    closes = runs and meeting.state == MeetingState.OPENED
    awards = queries.awarded_in(meeting.call_id) if closes and not left_out else []
    if not form.is_submitted():
        form.minutes.data = gate.told(meeting.minutes)
    return (
        render_template(
            "decisions/meeting.html",
            meeting=meeting,
            call=meeting.call,
            form=form,
            runs=runs,
            sits=permissions.can_sit(current_user, meeting),
            signing=rules.obstacles_to_signing(meeting, current_user),
            opening=rules.obstacles_to_opening(meeting, clock.now()),
            missing=rules.signatures_missing(meeting) if runs and meeting.state == MeetingState.CLOSED else [],
            open_proposals=sum(
                one.state == DecisionState.PROPOSED and one.application_id not in gate.ids for one in ballots
            ),
            points=_points(meeting, gate),
            chairing=rules.obstacles_by_chair(meeting) + rules.obstacles_by_stepping_aside(left_out) if closes else [],
            departures=rules.departures_from_envelope(meeting.call, awards) if awards else [],
            procedures=PROCEDURE_LABELS,
            minutes=gate.told(meeting.minutes),
            lifted=gate.told(meeting.lifted_because),
            entries=timeline([("meeting", meeting.id)], names=True),
            **agenda,
        ),
        status,
    )


class Shown(NamedTuple):
    """A point of the agenda in words."""

    id: int
    words: str
    noted: str
    application: str | None


def _points(meeting: Meeting, gate: reviews.Gate) -> list[Shown]:
    """The agenda as the present reader may see it."""
    return [
        Shown(point.id, rules.worded_point(point), point.noted, point.reference)
        for point in _points_seen(meeting, gate)
    ]


def _points_seen(meeting: Meeting, gate: reviews.Gate) -> list[queries.Point]:
    return rules.points_seen(
        queries.points_of(meeting.id),
        current_user,
        gate,
        lambda region: permissions.can_see_case(current_user, region, meeting),
    )


class Agenda(NamedTuple):
    """The agenda as the present reader may see it, and the applications that could be put on it (reference to words)."""

    points: list[Shown]
    offered: dict[str, str]


def _agenda_seen(meeting: Meeting) -> Agenda:
    lines = reviews.lines_under_review(meeting.call_id)
    gate = reviews.gate_of(current_user, meeting.call_id)
    points = _points(meeting, gate)
    named = {point.application for point in points}
    return Agenda(
        points,
        {
            line.reference: f"{line.reference} · {line.title}"
            for line in lines
            if line.id not in gate.ids
            and line.reference not in named
            and permissions.can_see_case(current_user, line.region, meeting)
        },
    )


def _point_form(offered: dict[str, str]) -> PointForm:
    form = PointForm()
    form.application.choices = {"": _("Choose an application")} | offered
    return form


@bp.get("/meetings/<reference>/agenda")
@access(*COMMITTEE)
def agenda(reference: str) -> ResponseReturnValue:
    """The agenda in its order, and for those who run the meeting the ways to change it."""
    meeting = meeting_read(reference)
    seen = _agenda_seen(meeting)
    return _agenda_page(meeting, seen, _point_form(seen.offered))


def _agenda_page(
    meeting: Meeting, seen: Agenda, form: PointForm, status: int = 200, hour_form: HourForm | None = None
) -> ResponseReturnValue:
    references = {seat.person_id: seat.person.reference for seat in meeting.seats}
    chair_form = ChairForm(formdata=None, chair=references.get(meeting.chair_id or 0))
    chair_form.chair.choices = {seat.person.reference: seat.person.name for seat in meeting.seats}
    page = render_template(
        "decisions/agenda.html",
        meeting=meeting,
        call=meeting.call,
        points=seen.points,
        offered=seen.offered,
        form=form,
        chair_form=chair_form,
        hour_form=hour_form or HourForm(formdata=None),
        runs=permissions.can_run_meeting(current_user, meeting.call),
        preparing=rules.obstacles_to_preparing(meeting),
    )
    return page, status


def _meeting_run(reference: str) -> Meeting:
    meeting = meeting_read(reference)
    require(permissions.can_run_meeting(current_user, meeting.call))
    return meeting


@bp.post("/meetings/<reference>/agenda")
@access(*COORDINATORS)
def add_point(reference: str) -> ResponseReturnValue:
    """Put something on the agenda: what was written, or an application."""
    meeting = _meeting_run(reference)
    seen = _agenda_seen(meeting)
    form = _point_form(seen.offered)
    if not form.validate_on_submit():
        return _agenda_page(meeting, seen, form, 422)
    try:
        if form.application.data:
            actions.add_application(meeting, _case(reference, form.application.data)[1], by=current_user)
        else:
            actions.add_point(meeting, form.title.data or "", by=current_user)
    except Refused as refused:
        form.form_errors += [str(obstacle.message) for obstacle in refused.obstacles]
        return _agenda_page(meeting, seen, form, 409)
    return done(_("It stands on the agenda."), "decisions.agenda", reference=reference)


@bp.post("/meetings/<reference>/agenda/<int:point_id>")
@access(*COORDINATORS)
def change_point(reference: str, point_id: int) -> ResponseReturnValue:
    """Move a point up or down among those that are seen, take it away, or write down what came of it."""
    meeting, form = _meeting_run(reference), ChangeForm()
    ids = [point.id for point in _agenda_seen(meeting).points]
    found(point_id if point_id in ids else None)
    if form.do.data == "drop":
        actions.drop_point(meeting, point_id, by=current_user)
    elif form.do.data == "note" and form.validate_on_submit():
        actions.note_point(meeting, point_id, form.noted.data or "", by=current_user)
    else:
        to = ids.index(point_id) + (1 if form.do.data == "down" else -1)
        actions.move_point(meeting, point_id, ids[min(max(to, 0), len(ids) - 1)], by=current_user)
    return done(_("The agenda is changed."), "decisions.agenda", reference=reference)


@bp.post("/meetings/<reference>/move")
@access(*COORDINATORS)
def move_meeting(reference: str) -> ResponseReturnValue:
    """Hold the meeting at another time."""
    meeting, form = _meeting_run(reference), HourForm()
    seen = _agenda_seen(meeting)
    if not form.validate_on_submit():
        return _agenda_page(meeting, seen, _point_form(seen.offered), 422, form)
    try:
        moments = form.moments_in(meeting.call.timezone)
        actions.move_meeting(meeting, form.reason.data or "", **moments, by=current_user)
    except Refused as refused:
        form.form_errors += [str(obstacle.message) for obstacle in refused.obstacles]
        return _agenda_page(meeting, seen, _point_form(seen.offered), 409, form)
    return done(_("The meeting is moved; the members are told."), "decisions.agenda", reference=reference)


@bp.post("/meetings/<reference>/cancel")
@access(*COORDINATORS)
def cancel_meeting(reference: str) -> ResponseReturnValue:
    """Call the meeting off."""
    actions.cancel_meeting(_meeting_run(reference), WhyForm().reason.data or "", by=current_user)
    return done(_("The meeting is called off; the members are told."), "decisions.meeting", reference=reference)


@bp.post("/meetings/<reference>/agenda/send")
@access(*COORDINATORS)
def send_agenda(reference: str) -> ResponseReturnValue:
    """Send the agenda as it stands now to the members."""
    actions.send_agenda(_meeting_run(reference), by=current_user)
    return done(_("The members get the agenda by mail."), "decisions.agenda", reference=reference)


@bp.post("/meetings/<reference>/chair")
@access(*COORDINATORS)
def chair(reference: str) -> ResponseReturnValue:
    """Say who chairs the meeting."""
    meeting = _meeting_run(reference)
    named = request.form.get("chair")
    person = found(next((seat.person for seat in meeting.seats if seat.person.reference == named), None))
    actions.choose_chair(meeting, person, by=current_user)
    return done(_("%(name)s chairs the meeting.", name=person.name), "decisions.agenda", reference=reference)


@bp.post("/meetings/<reference>/presence")
@access(*COMMITTEE)
def presence(reference: str) -> ResponseReturnValue:
    """Note who is present: the coordinator for everybody, a member for themselves."""
    meeting, form = meeting_read(reference), PresenceForm()
    person = found(next((s.person for s in meeting.seats if s.person.reference == form.person.data), None))
    require(permissions.can_note_presence(current_user, meeting, person))
    actions.mark_present(meeting, person, present=form.present.data != "no", by=current_user)
    said = _("%(name)s is present.") if form.present.data != "no" else _("%(name)s is absent.")
    return done(said % {"name": person.name}, "decisions.meeting", reference=reference)


@bp.post("/meetings/<reference>/open")
@access(*COORDINATORS)
def open_meeting(reference: str) -> ResponseReturnValue:
    """Open the session."""
    actions.open_meeting(_meeting_run(reference), early=request.form.get("early") == "yes", by=current_user)
    return done(_("The meeting is open."), "decisions.meeting", reference=reference)


@bp.post("/meetings/<reference>/close")
@access(*COORDINATORS)
def close_meeting(reference: str) -> ResponseReturnValue:
    """Close the session with its minutes."""
    meeting = _meeting_run(reference)
    form = _closing_form(meeting)
    if not form.validate_on_submit():
        return _room(meeting, form, 422)
    try:
        actions.close_meeting(
            meeting, minutes=form.minutes.data, reason=form.reason.data or "", left=form.left, by=current_user
        )
    except Refused as refused:
        form.form_errors += [str(obstacle.message) for obstacle in refused.obstacles]
        return _room(meeting, form, 409)
    return done(
        _("The meeting is closed. The members sign the decision sheet now."), "decisions.meeting", reference=reference
    )


@bp.post("/meetings/<reference>/sign")
@access(Role.COMMITTEE_MEMBER)
def sign(reference: str) -> ResponseReturnValue:
    """Sign the decision sheet."""
    meeting = meeting_read(reference)
    require(permissions.can_sign(current_user, meeting))
    actions.sign(meeting, by=current_user)
    return done(_("Thank you. You have signed the decision sheet."), "decisions.meeting", reference=reference)


@bp.post("/meetings/<reference>/excuse")
@access(*COORDINATORS)
def excuse(reference: str) -> ResponseReturnValue:
    """Let the letters go without the signature of a member who cannot sign."""
    meeting, named = _meeting_run(reference), request.form.get("person")
    person = found(next((seat.person for seat in meeting.seats if seat.person.reference == named), None))
    actions.excuse_signature(meeting, person, ReasonForm().reason.data or "", by=current_user)
    said = _("The letters can go without the signature of %(name)s.", name=person.name)
    return done(said, "decisions.meeting", reference=reference)


@bp.get("/meetings/<reference>/sheet")
@access(*COMMITTEE)
def sheet(reference: str) -> ResponseReturnValue:
    """The decision sheet, to read, sign and print."""
    return render_template("decisions/sheet.html", **sheet_values(meeting_read(reference)))


def sheet_values(meeting: Meeting) -> dict[str, Any]:
    """What the present reader may see of what a meeting decided, and of how."""
    gate = reviews.gate_of(current_user, meeting.call_id)
    decisions = [one for one in queries.decisions_of(meeting) if one.application_id not in gate.ids]
    seen = [one for one in decisions if permissions.can_see_case(current_user, one.application.region, meeting)]
    records = queries.on_record([one.id for one in seen])
    barred: dict[int, list[Person]] = {}
    for recusal in queries.recusals_of(meeting):
        barred.setdefault(recusal.application_id, []).append(recusal.person)
    names = {seat.person.reference: seat.person.name for seat in meeting.seats}
    late = {
        one.id: {person: names.get(person, person) for person in records[one.id].late}
        for one in seen
        if one.id in records and one.state != DecisionState.PROPOSED
    }
    kept = queries.sheet_of(meeting.id)
    return {
        "meeting": meeting,
        "call": meeting.call,
        "decisions": seen,
        "places": _places_seen(meeting, seen, gate),
        "gate": gate,
        "points": _points_seen(meeting, gate),
        "fingerprint": kept.fingerprint if kept else None,
        "computed": rules.fingerprint(actions.queried_sheet(meeting)) if kept else None,
        "counts": {
            one.id: rules.votes_on(
                one,
                meeting,
                {person.id for person in barred.get(one.application_id, [])},
                records.get(one.id),
                clock.now(),
            )
            for one in seen
        },
        "late": late,
        "elsewhere": len(decisions) - len(seen),
        "recused": {
            one.id: [
                person.name
                for person in barred.get(one.application_id, [])
                if person.reference not in late.get(one.id, {})
            ]
            for one in seen
        },
        "minutes": gate.told(meeting.minutes),
        "lifted": gate.told(meeting.lifted_because),
        "unsigned": {seat.id: gate.told(seat.unsigned_because) for seat in rules.signatures_missing(meeting)},
        "left_room": {about: [person.name for person in people] for about, people in barred.items()},
        "outcomes": OUTCOME_LABELS,
    }


def _places_seen(meeting: Meeting, seen: list[Decision], gate: reviews.Gate) -> dict[int, int | None]:
    """The place of each application: as it was written into the decision, and for whom something is hidden as in their own
    list, where a gap would tell the place of what is hidden.
    """
    if not gate.ids:
        return {one.application_id: one.rank for one in seen}
    list_ = rules.ranking(meeting.call, reviews.standing_of(meeting.call), hidden=gate.ids)
    return {place.application.id: place.rank for place in list_.ranked}


# ------------------------------------------------------------------ the letters before they are sent


class Written(NamedTuple):
    """A letter as its applicant will read it, and the reviews that its sentences are from: reviewers by assignment."""

    decision: Decision
    letter: Letter
    reviewers: dict[int, str]


@bp.get("/meetings/<reference>/letters")
@access(*COORDINATORS)
def letters(reference: str) -> ResponseReturnValue:
    """Every letter of a meeting as it will be sent, in its own language, with the sentences of the reviewers."""
    meeting = meeting_read(reference)
    require(permissions.can_run_meeting(current_user, meeting.call))
    gate = reviews.gate_of(current_user, meeting.call_id)
    waiting = [
        one
        for one in queries.decisions_of(meeting)
        if one.state in (DecisionState.PROPOSED, DecisionState.TAKEN)
        and one.application_id not in gate.ids
        and permissions.can_see_case(current_user, one.application.region)
    ]
    pages = pages_of(len(waiting), "decisions.letters", reference=reference)
    shown_now = waiting[(pages.page - 1) * PAGE : pages.page * PAGE]
    return render_template(
        "decisions/letters.html",
        meeting=meeting,
        call=meeting.call,
        pages=pages,
        letters=_written(meeting.call, shown_now),
        outcomes=OUTCOME_LABELS,
    )


def _written(call: Call, decisions: list[Decision]) -> list[Written]:
    made, results = actions.letters_of(call, decisions, clock.now()), results_of(reviews.standing_of(call))
    reviewers = {
        one.application.id: {review.assignment_id: review.reviewer for review in one.reviews_used} for one in results
    }
    return [Written(one, made[one.id], reviewers.get(one.application_id, {})) for one in decisions]


# ------------------------------------------------------------------ one application


def _case(reference: str, application_reference: str) -> tuple[Meeting, Application]:
    meeting = meeting_read(reference)
    return meeting, found(queries.case_of(permissions.cases_seen_by(current_user), meeting, application_reference))


@bp.get("/meetings/<reference>/<application_reference>")
@access(*COMMITTEE)
def case(reference: str, application_reference: str) -> ResponseReturnValue:
    """One application before the committee: its scores, its reviews, what it says, and what to do with it."""
    return _case_page(*_case(reference, application_reference))


def _case_page(
    meeting: Meeting,
    application: Application,
    form: ProposalForm | None = None,
    status: int = 200,
    remark_form: RemarkForm | None = None,
) -> ResponseReturnValue:
    call = meeting.call
    standing = reviews.standing_of(call)
    gate = reviews.gate_of(current_user, call.id)
    list_ = rules.ranking(call, standing, hidden=gate.ids)
    line = found(list_.result(application.id)).application
    decision = queries.decision_on(application.id)
    former = decision if rules.is_taken_up_by(meeting, decision) and meeting.state != MeetingState.CLOSED else None
    decision = None if former else decision
    left = queries.decision_left(meeting, application.id) if decision is None else None
    barred = queries.barred(meeting, [line])
    out = {person for person, application_id in barred if application_id == application.id}
    recused = current_user.id in out
    votes = {vote.person_id: vote.choice for vote in decision.votes} if decision else {}
    records = queries.on_record([decision.id]) if decision and decision.state in queries.DECIDED else {}
    at = clock.now()
    count = rules.votes_on(decision, meeting, out, records.get(decision.id), at) if decision else None
    if form is None:
        form = ProposalForm(formdata=None, **_proposed(decision, line, rules.expected_outcome(list_, line.id), gate))
    taking = []
    if decision is not None and count is not None and decision.state == DecisionState.PROPOSED:
        taking = rules.obstacles_to_taking(
            meeting,
            decision,
            list_,
            count,
            [] if list_.left_out else queries.awarded_in(call.id),
            at=at,
            leads_too_many=actions.leads_too_many(application),
            is_taken_up=bool(queries.taken_up([application.id])),
        )
        if decision.outcome == DecisionOutcome.AWARD:
            taking += rules.obstacles_by_stepping_aside(list_.left_out)
    audience = Audience.STAFF if current_user.holds(*FOLLOWERS) else Audience.COMMITTEE
    place: dict[str, Any] = {"reference": meeting.reference, "application_reference": application.reference}
    return (
        render_template(
            "decisions/case.html",
            meeting=meeting,
            call=call,
            application=application,
            line=line,
            list=list_,
            place=list_.place(line.id),
            result=list_.result(line.id),
            expected=rules.expected_outcome(list_, line.id),
            decision=decision,
            former=former,
            left=left,
            leaving=rules.obstacles_by_session(meeting),
            can_take=permissions.can_take(current_user, meeting),
            votes=votes,
            count=count,
            own_vote=votes.get(current_user.id),
            away=[seat.person.name for seat in meeting.seats if seat.person_id in out],
            form=form,
            vote_form=VoteForm(formdata=None, choice=votes.get(current_user.id)),
            mark=rules.mark_of(decision) if decision else "",
            reason_form=ReasonForm(formdata=None),
            discussing=rules.obstacles_to_discussing(meeting, line, decision, recused=recused)
            + rules.obstacles_by_reviews(list_.grid, found(list_.result(line.id))),
            voting=rules.obstacles_to_voting(meeting, decision, current_user, at, recused=recused) if decision else [],
            remarks=[one for one in queries.remarks_on(meeting.id, application.id) if gate.told(one.text)],
            can_discuss=permissions.can_discuss(current_user, meeting, application),
            remark_form=remark_form or RemarkForm(formdata=None),
            taking=taking,
            may_close_vote=[one.code for one in taking] == ["vote_open"]
            and permissions.can_close_vote(current_user, meeting),
            can_propose=permissions.can_propose(current_user, meeting, application),
            can_vote=permissions.can_vote(current_user, meeting),
            can_recuse=permissions.can_recuse(current_user, meeting),
            submitted=reviews.submitted_reviews(application.id),
            criteria=reviews.criteria_of(call),
            reading=reviews.reading_of(application, application.questionnaire_id, audience),
            gate=gate,
            covered=gate.told,
            file_url=lambda attachment: url_for("decisions.file", attachment_id=attachment.id, **place),
            paper_url=lambda attachment: url_for("decisions.paper", attachment_id=attachment.id, **place),
            entries=timeline([("decision", one.id)], names=True) if (one := decision or left) else [],
            outcomes=OUTCOME_LABELS,
            choices=CHOICE_LABELS,
            shown=shown,
        ),
        status,
    )


def _proposed(
    decision: Decision | None, line: reviews.ApplicationLine, expected: str, gate: reviews.Gate
) -> dict[str, Any]:
    if decision is None:
        return {"outcome": str(expected), "amount": line.requested.amount}
    return {
        "outcome": decision.outcome,
        "amount": decision.amount.amount or line.requested.amount,
        "conditions": "\n".join(gate.all_told(decision.conditions)),
        "reason": gate.told(decision.reason),
        "feedback": gate.told(decision.feedback),
    }


@bp.post("/meetings/<reference>/<application_reference>/propose")
@access(*COMMITTEE)
def propose(reference: str, application_reference: str) -> ResponseReturnValue:
    """Propose an outcome."""
    meeting, application = _case(reference, application_reference)
    require(permissions.can_propose(current_user, meeting, application))
    form = ProposalForm()
    amount = form.money(meeting.call) if form.validate_on_submit() else None
    if form.errors:
        return _case_page(meeting, application, form, 422)
    try:
        actions.propose(
            meeting,
            application,
            outcome=form.outcome.data,
            amount=amount,
            conditions=(form.conditions.data or "").splitlines(),
            reason=form.reason.data or "",
            feedback=form.feedback.data or "",
            by=current_user,
        )
    except Refused as refused:
        form.form_errors += [str(obstacle.message) for obstacle in refused.obstacles]
        return _case_page(meeting, application, form, 409)
    return _back(reference, application_reference, _("The proposal can be voted on."))


def _back(reference: str, application_reference: str, said: str) -> ResponseReturnValue:
    return done(said, "decisions.case", reference=reference, application_reference=application_reference)


def _decision(reference: str, application_reference: str) -> Decision:
    meeting, application = _case(reference, application_reference)
    decision = found(queries.decision_on(application.id))
    return found(decision if decision.meeting_id == meeting.id else None)


@bp.post("/meetings/<reference>/<application_reference>/remark")
@access(*COMMITTEE)
def remark(reference: str, application_reference: str) -> ResponseReturnValue:
    """Say something in the discussion of an application."""
    meeting, application = _case(reference, application_reference)
    require(permissions.can_discuss(current_user, meeting, application))
    form = RemarkForm()
    if not form.validate_on_submit():
        return _case_page(meeting, application, status=422, remark_form=form)
    actions.remark(meeting, application, form.text.data, by=current_user)
    said = _("Your words stand in the discussion.")
    where = {"reference": reference, "application_reference": application_reference, "_anchor": "discussion"}
    return done(said, "decisions.case", **where)


@bp.post("/meetings/<reference>/<application_reference>/vote")
@access(Role.COMMITTEE_MEMBER)
def vote(reference: str, application_reference: str) -> ResponseReturnValue:
    """Vote on the proposal."""
    decision, form = _decision(reference, application_reference), VoteForm()
    require(permissions.can_vote(current_user, decision.meeting))
    if not form.validate_on_submit():
        return _case_page(*_case(reference, application_reference), status=422)
    actions.vote(decision, form.choice.data, by=current_user, seen=form.proposal.data)
    return _back(reference, application_reference, _("Your vote is recorded."))


@bp.post("/meetings/<reference>/<application_reference>/take")
@access(*COMMITTEE)
def take(reference: str, application_reference: str) -> ResponseReturnValue:
    """Decide as proposed."""
    decision = _decision(reference, application_reference)
    form = TakeForm()
    may = permissions.can_close_vote if form.closes_vote.data else permissions.can_take
    require(may(current_user, decision.meeting))
    actions.take(decision, by=current_user, seen=form.proposal.data, closes_vote=bool(form.closes_vote.data))
    return _back(reference, application_reference, _("The committee has decided."))


@bp.post("/meetings/<reference>/<application_reference>/reconsider")
@access(*COMMITTEE)
def reconsider(reference: str, application_reference: str) -> ResponseReturnValue:
    """Take a decision up again."""
    decision = _decision(reference, application_reference)
    require(permissions.can_take(current_user, decision.meeting))
    actions.reconsider(decision, ReasonForm().reason.data or "", by=current_user)
    return _back(reference, application_reference, _("The decision is open again."))


@bp.post("/meetings/<reference>/<application_reference>/leave")
@access(*COMMITTEE)
def leave(reference: str, application_reference: str) -> ResponseReturnValue:
    """Leave a proposal undecided."""
    decision = _decision(reference, application_reference)
    require(permissions.can_take(current_user, decision.meeting))
    actions.leave(decision, ReasonForm().reason.data or "", by=current_user)
    return _back(reference, application_reference, _("It is left undecided."))


@bp.post("/meetings/<reference>/<application_reference>/recuse")
@access(Role.COMMITTEE_MEMBER)
def recuse(reference: str, application_reference: str) -> ResponseReturnValue:
    """Step aside from an application."""
    meeting, application = _case(reference, application_reference)
    require(permissions.can_recuse(current_user, meeting))
    actions.recuse(meeting, application, current_user, ReasonForm().reason.data or "", by=current_user)
    said = _("Thank you for telling us. This application is hidden from you now.")
    return done(said, "decisions.meeting", reference=reference)


@bp.get("/meetings/<reference>/<application_reference>/files/<int:attachment_id>")
@access(*COMMITTEE)
def file(reference: str, application_reference: str, attachment_id: int) -> Response:
    """A document of the application, under a name that tells nothing about the applicant."""
    return _paper(reference, application_reference, attachment_id).sent()


@bp.get("/meetings/<reference>/<application_reference>/files/<int:attachment_id>/pages")
@access(*COMMITTEE)
def paper(reference: str, application_reference: str, attachment_id: int) -> ResponseReturnValue:
    """A document of the application opened in place, page by page, or as its text."""
    case_: dict[str, Any] = {"reference": reference, "application_reference": application_reference}
    of = case_ | {"attachment_id": attachment_id}
    return _paper(**of).page(
        back=url_for("decisions.case", **case_),
        file_url=url_for("decisions.file", **of),
        page_url=lambda number: url_for("decisions.page_of_paper", number=number, **of),
    )


@bp.get("/meetings/<reference>/<application_reference>/files/<int:attachment_id>/pages/<int:number>")
@access(*COMMITTEE)
def page_of_paper(reference: str, application_reference: str, attachment_id: int, number: int) -> Response:
    """One page of a document as a picture. Nothing in it can run, and it holds nothing but its dots."""
    return _paper(reference, application_reference, attachment_id).drawn(number)


def _paper(reference: str, application_reference: str, attachment_id: int) -> Paper:
    _, application = _case(reference, application_reference)
    return paper_of(application, attachment_id, hidden=None)


# ------------------------------------------------------------------ the letter


@bp.get("/applications/<reference>/letter")
@access(SIGNED_IN)
def letter(reference: str) -> ResponseReturnValue:
    """What became of an application, as it was written when it was sent, and how to complain."""
    decision = queries.released_decision(scope(current_user, Decision), reference)
    if decision is None:
        application = found(applications.application_by_reference(scope(current_user, Application), reference))
        kept = letter_about(application, LetterKind.INELIGIBLE)
        sent_at = kept.written_at if kept and application.state == ApplicationState.INELIGIBLE else None
    else:
        application, sent_at = decision.application, found(decision.released_at)
        kept = decision.letter or actions.letters_of(application.call, [decision], sent_at)[decision.id]
    return render_template(
        "decisions/letter.html",
        decision=decision,
        application=application,
        call=application.call,
        letter=kept,
        sent_at=found(sent_at),
    )


# ------------------------------------------------------------------ what a decision stands on


@bp.app_template_global("once_decided")
def once_decided(application_id: int) -> list[Obstacle]:
    """Why the check and the reviews of an application stay as they are, for the pages that change them."""
    return rules.obstacles_once_decided(queries.state_of_decision(application_id))


@bp.app_template_global("before_withdrawing")
def before_withdrawing(application: Application) -> list[Obstacle]:
    """Why an application cannot be withdrawn, for its own page."""
    return rules.obstacles_to_withdrawing(application, queries.state_told(application.id))


@bp.app_template_global("before_cancelling")
def before_cancelling(call: Call) -> list[Obstacle]:
    """Why a call cannot be cancelled, for its own page."""
    return rules.obstacles_to_cancelling(call, queries.number_decided(call.id))


@bp.app_template_global("applications_alive")
def applications_alive(call: Call) -> int:
    """How many applications end with a call that is cancelled."""
    return queries.number_alive(call.id)


def _application(reference: str) -> Application:
    return found(applications.application_by_reference(scope(current_user, Application), reference))


@bp.route("/applications/<reference>/withdraw", methods=["GET", "POST"])
@access(SIGNED_IN)
def withdraw(reference: str) -> ResponseReturnValue:
    """Take an application back, with a reason."""
    application, form = _application(reference), WhyForm()
    require(can_withdraw(current_user, application))
    if form.validate_on_submit():
        actions.withdraw_application(application, form.reason.data, by=current_user)
        return done(_("The application is withdrawn."), "applications.show", reference=reference)
    page = render_template(
        "applications/withdraw.html",
        application=application,
        call=application.call,
        form=form,
        obstacles=before_withdrawing(application),
    )
    return page, 422 if form.is_submitted() else 200


@bp.route("/applications/<reference>/reopen-check", methods=["GET", "POST"])
@access(*COORDINATORS)
def reopen_check(reference: str) -> ResponseReturnValue:
    """Take up the eligibility check again, with a reason."""
    application, form = _application(reference), WhyForm()
    require(can_check(current_user, application))
    if form.validate_on_submit():
        actions.reopen_check(application, form.reason.data, by=current_user)
        return done(_("The check is open again."), "checks.check", reference=reference)
    page = render_template(
        "checks/reopen_check.html",
        application=application,
        call=application.call,
        form=form,
        obstacles=once_decided(application.id),
    )
    return page, 422 if form.is_submitted() else 200


def _assignment(assignment_id: int) -> Assignment:
    return found(reviews.assignment_by_id(scope(current_user, Assignment), assignment_id))


@bp.get("/calls/<reference>/reviews")
@access(*FOLLOWERS)
def reviews_of_call(reference: str) -> ResponseReturnValue:
    """Applications and reviewers: who reads what, what is missing, where two disagree."""
    require(can_follow_reviews(current_user))
    call = found(call_to_read(scope(current_user, Call), reference))
    return table_page(call, decided=queries.decided_in(call.id))


@bp.post("/calls/<reference>/reviews/<application_reference>")
@access(*COORDINATORS)
def ask_reviewer(reference: str, application_reference: str) -> ResponseReturnValue:
    """Ask a reviewer."""
    application, form = application_followed(reference, application_reference), AskForm()
    require(can_assign(current_user, application.region))
    if not form.validate_on_submit():
        return application_page(application, form, 422)
    reviewer = found(reviews.person_named(form.reviewer.data or ""))
    turn = 2 if form.round.data == "2" else 1
    try:
        actions.ask_reviewer(application, reviewer, due_on=form.due_on.data, round=turn, by=current_user)
    except Refused as refused:
        form.form_errors += [str(obstacle.message) for obstacle in refused.obstacles]
        return application_page(application, form, 409)
    return done(
        _("%(name)s has been asked.", name=reviewer.name),
        "reviews.of_application",
        reference=reference,
        application_reference=application_reference,
    )


@bp.post("/reviews/<int:assignment_id>/declare")
@access(Role.REVIEWER)
def declare_before_review(assignment_id: int) -> ResponseReturnValue:
    """Declare a tie or none: accept the review, or step aside."""
    assignment, form = _assignment(assignment_id), DeclarationForm()
    require(can_declare(current_user, assignment))
    if not form.validate_on_submit():
        return declaration_page(assignment, form, 422)
    grade, reason = form.grade.data, form.reason.data or ""
    if grade == Grade.CONFLICT and assignment.state != AssignmentState.COMPLETED:
        decided = once_decided(assignment.application_id)
        actions.recuse_from_review(assignment, reason, by=current_user)
        if decided:
            return done(_("Thank you for telling us. This application is hidden from you now."), "reviews.mine")
        return done(_("Thank you for telling us. Somebody else will review this application."), "reviews.mine")
    actions.accept_review(assignment, grade=grade, reason=reason, by=current_user)
    return done(_("Thank you. You can start whenever you like."), "reviews.show", assignment_id=assignment_id)


@bp.post("/reviews/<int:assignment_id>/decline")
@access(Role.REVIEWER)
def decline_review(assignment_id: int) -> ResponseReturnValue:
    """Say no, for a kind of reason and in words."""
    assignment, form = _assignment(assignment_id), DeclineForm()
    require(can_declare(current_user, assignment))
    if not form.validate_on_submit():
        return unfinished_page(assignment, form)
    decided = once_decided(assignment.application_id)
    actions.decline_review(assignment, form.words.data, kind=form.declined_for.data, by=current_user)
    if form.declined_for.data == Declined.CONFLICT:
        return done(_("Thank you for telling us. This application is hidden from you now."), "reviews.mine")
    if decided:
        return done(
            _("Thank you for telling us. The committee has decided already, so nobody is missed."), "reviews.mine"
        )
    return done(_("Thank you for telling us early. We ask somebody else."), "reviews.mine")


@bp.post("/reviews/<int:assignment_id>")
@access(Role.REVIEWER)
def write_review(assignment_id: int) -> ResponseReturnValue:
    """Save the draft of a review, and submit it if that was asked for and nothing stands in the way."""
    assignment = _assignment(assignment_id)
    require(can_write(current_user, assignment))
    grid = read_grid(reviews.grid_of(assignment.application.call))
    criteria = reviews.criteria_of(assignment.application.call)
    form = review_form(grid, criteria)()
    by_itself = request.accept_mimetypes.best == "application/json"
    if not form.validate_on_submit():
        return _told(assignment, "refused", 422) if by_itself else writing_page(assignment, form, 422)
    try:
        version = request.form.get("version")
        review = save_review(assignment, **typed_in(form, criteria), version=version, by=current_user)
    except Refused as refused:
        if refused.obstacles != [CHANGED_ELSEWHERE]:
            raise
        form.form_errors.append(str(CHANGED_ELSEWHERE.message))
        return _told(assignment, "conflict", 409) if by_itself else writing_page(assignment, form, 409)
    if by_itself:
        return _told(assignment, "saved", 200, _("Saved on the server %(time)s", time=in_short(review.saved_at)))
    if "submit" not in request.form:
        return done(_("Your draft is saved."), "reviews.show", assignment_id=assignment_id)
    scores = reviews.scores_of(assignment.review)
    too_late = once_decided(assignment.application_id)
    if too_late or obstacles_to_submitting(assignment, grid, [one.key for one in criteria], scores):
        flash(
            _("Your draft is saved, but it can no longer be submitted.")
            if too_late
            else _("Your draft is saved, but not submitted yet: something is missing."),
            "warning",
        )
        return redirect(url_for("reviews.show", assignment_id=assignment_id, _anchor="missing"))
    actions.submit_review(assignment, by=current_user)
    return done(_("Thank you. Your review is submitted."), "reviews.show", assignment_id=assignment_id)


def _told(assignment: Assignment, state: str, status: int, said: str = "") -> ResponseReturnValue:
    """What a review that saves itself is told (static/js/draft.js)."""
    parts, html = standing_parts(assignment) if state == "saved" else ([], "")
    return jsonify(state=state, version=version_of(assignment), said=said, fields=parts, html=html), status


@bp.post("/reviews/<int:assignment_id>/reopen")
@access(*COORDINATORS)
def reopen_review(assignment_id: int) -> ResponseReturnValue:
    """Open a submitted review again."""
    assignment = _assignment(assignment_id)
    application = assignment.application
    require(can_assign(current_user, application.region))
    actions.reopen_review(assignment, ReasonForm().reason.data or "", by=current_user)
    return done(
        _("The review is open again."),
        "reviews.of_application",
        reference=application.call.reference,
        application_reference=application.reference,
    )


@bp.post("/reviews/<int:assignment_id>/recuse")
@access(Role.REVIEWER)
def recuse_from_review(assignment_id: int) -> ResponseReturnValue:
    """Step aside from a review because of a conflict that came up later."""
    assignment = _assignment(assignment_id)
    require(can_declare(current_user, assignment))
    actions.recuse_from_review(assignment, ReasonForm().reason.data or "", by=current_user)
    return done(_("Thank you for telling us. This application is hidden from you now."), "reviews.mine")


@bp.post("/reviews/interests")
@access(*DECLARERS)
def declare_interest() -> ResponseReturnValue:
    """Declare a tie to an organization."""
    require(can_declare_interests(current_user))
    form = InterestForm()
    form.call.choices = call_choices()
    if not form.validate_on_submit():
        return interests_page(form, 422)
    organization = found(conflicts.organization_named(form.organization.data or ""))
    call = call_by_reference(scope(current_user, Call), form.call.data) if form.call.data else None
    actions.declare_interest(
        current_user, organization, grade=form.grade.data, reason=form.reason.data or "", call=call, by=current_user
    )
    return done(_("Thank you. Your declaration is recorded."), "reviews.interests")


@bp.post("/calls/<reference>/cancel")
@access(Role.GLOBAL_COORDINATOR)
def cancel_call(reference: str) -> ResponseReturnValue:
    """Take a call back."""
    call, form = found(call_by_reference(scope(current_user, Call), reference, whole=True)), CancelForm()
    require(can_cancel(current_user, call))
    if not form.validate_on_submit():
        return manage_page(call, form), 422
    actions.cancel_call(call, form.reason.data, by=current_user)
    return done(_("The call is cancelled."), "calls.manage", reference=reference)
