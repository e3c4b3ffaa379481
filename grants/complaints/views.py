"""Pages of complaints."""

from __future__ import annotations

from typing import Any, NamedTuple

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from flask_login import current_user

from grants.accounts.models import COORDINATORS, Role
from grants.applications import queries as applications
from grants.applications.forms import ReasonForm
from grants.applications.models import Application
from grants.calls.models import Call
from grants.calls.queries import call_to_read
from grants.complaints import actions, permissions, queries, rules
from grants.complaints.forms import AnswerForm, ComplaintForm
from grants.complaints.models import Complaint
from grants.complaints.workflow import OPEN, ComplaintState
from grants.core import clock
from grants.core.languages import gettext as _
from grants.core.permissions import require, scope
from grants.core.rules import Obstacle
from grants.core.web import SIGNED_IN, access, done, found
from grants.decisions.models import OUTCOME_LABELS
from grants.history.queries import timeline

bp = Blueprint("complaints", __name__)


class Complaining(NamedTuple):
    """What an applicant can do about the check or the decision: until when, what stands in the way, what was said."""

    until: Any
    obstacles: list[Obstacle]
    complaints: list[Complaint]


@bp.app_template_global("complaining_about")
def complaining_about(application: Application) -> Complaining | None:
    """For the pages of the letter and of the application; None for whoever cannot complain about it."""
    if not permissions.can_complain(current_user, application):
        return None
    matter, made = queries.matter_of(application), queries.complaints_about(application)
    if matter is None:
        return Complaining(None, [], made) if made else None
    promise = actions.promise_of(application.call)
    obstacles = rules.obstacles_to_complaining(matter, promise, made, clock.now())
    return Complaining(rules.last_day(matter, promise), obstacles, made)


@bp.app_template_global("complaints_waiting")
def complaints_waiting(call: Call) -> list[Complaint]:
    """The complaints about a call that wait for their answer, for the pages of the staff on which it is decided."""
    if not permissions.can_follow_complaints(current_user):
        return []
    return queries.complaints_waiting(scope(current_user, Complaint), call, current_user)


@bp.route("/applications/<reference>/complain", methods=["GET", "POST"])
@access(SIGNED_IN)
def complain(reference: str) -> ResponseReturnValue:
    """Complain about the check or the decision, once it was told."""
    application = found(applications.application_by_reference(scope(current_user, Application), reference))
    require(permissions.can_complain(current_user, application))
    matter = found(queries.matter_of(application))
    promise = actions.promise_of(application.call)
    form = ComplaintForm.with_grounds(promise)
    if form.validate_on_submit():
        complaint = actions.complain(application, form.ground.data, form.text.data, by=current_user)
        return done(_("We have received your complaint."), ".show", reference=complaint.reference)
    page = render_template(
        "complaints/complain.html",
        application=application,
        call=application.call,
        matter=matter,
        form=form,
        promise=promise,
        until=rules.last_day(matter, promise),
        answer_by=rules.answer_day(application.call, promise, clock.now()),
        obstacles=rules.obstacles_to_complaining(matter, promise, queries.complaints_about(application), clock.now()),
    )
    return page, 422 if form.is_submitted() else 200


@bp.get("/calls/<reference>/complaints")
@access(*COORDINATORS, Role.AUDITOR)
def of_call(reference: str) -> ResponseReturnValue:
    """The complaints about a call, the most urgent first."""
    require(permissions.can_follow_complaints(current_user))
    call = found(call_to_read(scope(current_user, Call), reference))
    return render_template(
        "complaints/of_call.html",
        call=call,
        complaints=queries.complaints_of_call(scope(current_user, Complaint), call),
        grounds=actions.promise_of(call).grounds,
        late=rules.is_late,
        today=clock.today(call.timezone),
    )


def _complaint(reference: str) -> Complaint:
    return found(queries.complaint_by_reference(scope(current_user, Complaint), reference))


def _to_examine(reference: str) -> Complaint:
    complaint = _complaint(reference)
    require(permissions.can_examine(current_user, complaint))
    return complaint


@bp.get("/complaints/<reference>")
@access(SIGNED_IN)
def show(reference: str) -> ResponseReturnValue:
    """One complaint: what it says, who examines it, and the answer."""
    return _page(_complaint(reference))


def _page(
    complaint: Complaint, answering: AnswerForm | None = None, giving_back: ReasonForm | None = None
) -> ResponseReturnValue:
    application, ours = complaint.application, permissions.can_complain(current_user, complaint.application)
    examines = not ours and permissions.can_examine(current_user, complaint)
    waits = complaint.state in OPEN
    page = render_template(
        "complaints/show.html",
        complaint=complaint,
        application=application,
        call=application.call,
        ground=actions.promise_of(application.call).grounds.get(complaint.ground, complaint.ground),
        outcomes=OUTCOME_LABELS,
        ours=ours,
        is_open=waits,
        may_take_up=examines and complaint.state == ComplaintState.RECEIVED,
        may_answer=examines and complaint.state == ComplaintState.TAKEN_UP and complaint.examiner_id == current_user.id,
        in_the_way=rules.obstacles_to_examining(queries.parts_of(current_user, complaint))
        if examines and waits
        else [],
        late=rules.is_late(complaint, clock.today(application.call.timezone)),
        form=answering or AnswerForm(formdata=None),
        why=giving_back or ReasonForm(formdata=None),
        told=timeline([("complaint", complaint.id)], names=not ours),
    )
    return page, 422 if answering or giving_back else 200


@bp.post("/complaints/<reference>/take-up")
@access(*COORDINATORS)
def take_up(reference: str) -> ResponseReturnValue:
    """Take a complaint up."""
    actions.take_up(_to_examine(reference), by=current_user)
    return done(_("The complaint is yours to answer."), ".show", reference=reference)


@bp.post("/complaints/<reference>/hand-back")
@access(*COORDINATORS)
def hand_back(reference: str) -> ResponseReturnValue:
    """Give a complaint back for somebody else, and say why."""
    complaint, form = _to_examine(reference), ReasonForm()
    if not form.validate_on_submit():
        return _page(complaint, giving_back=form)
    actions.hand_back(complaint, form.reason.data, by=current_user)
    return done(_("The complaint waits for somebody else."), ".show", reference=reference)


@bp.post("/complaints/<reference>/answer")
@access(*COORDINATORS)
def answer(reference: str) -> ResponseReturnValue:
    """Uphold or dismiss a complaint, with reasons."""
    complaint, form = _to_examine(reference), AnswerForm()
    if not form.validate_on_submit():
        return _page(complaint, answering=form)
    act = {"uphold": actions.uphold, "dismiss": actions.dismiss}[form.verdict.data]
    act(complaint, form.answer.data, by=current_user)
    return done(_("Answered. The applicant has been told."), ".show", reference=reference)


@bp.post("/complaints/<reference>/withdraw")
@access(SIGNED_IN)
def withdraw(reference: str) -> ResponseReturnValue:
    """Take one's complaint back."""
    complaint = _complaint(reference)
    require(permissions.can_complain(current_user, complaint.application))
    actions.withdraw(complaint, by=current_user)
    return done(_("Your complaint is withdrawn."), ".show", reference=reference)
