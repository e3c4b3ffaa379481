"""Pages of visits: those of a grant, one visit, what was found there and what was agreed."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from wtforms.fields.choices import SelectChoice

from grants.accounts.models import COORDINATORS
from grants.awards import queries as awards
from grants.awards.forms import EvidenceForm, MoveForm, ReasonForm
from grants.awards.models import Award
from grants.awards.permissions import sees_as_staff
from grants.conflicts.queries import free_coordinators
from grants.core import clock, files
from grants.core.forms import Form, read_mark
from grants.core.permissions import require, scope
from grants.core.web import SIGNED_IN, access, done, found, taken
from grants.history.queries import timeline
from grants.visits import actions, forms, permissions, queries, rules
from grants.visits.models import KIND_LABELS, AgreedChange, Visit, VisitKind

bp = Blueprint("visits", __name__)


def _award(reference: str) -> Award:
    return found(awards.award_by_reference(scope(current_user, Award), reference))


def _visit(reference: str, number: int) -> Visit:
    award = _award(reference)
    visit = found(queries.visit_by_number(scope(current_user, Visit), award, number))
    visit.award = award
    return visit


def _ours(reference: str, number: int) -> Visit:
    """A visit that the person may plan, make and share."""
    visit = _visit(reference, number)
    require(permissions.can_visit(current_user, visit.award))
    return visit


def _ask(award: Award, form: Any, heading: Any, lead: Any, label: Any, **more: Any) -> ResponseReturnValue:
    """A page with one question; shown again with what was typed when it cannot be taken."""
    values = {"back_url": url_for(".of_grant", reference=award.reference), "tone": "primary", "obstacles": []} | more
    page = render_template(
        "awards/ask.html",
        award=award,
        form=form,
        heading=heading,
        lead=lead,
        label=label,
        back_label=_("Visits"),
        **values,
    )
    return page, 422 if form.is_submitted() else 200


@bp.get("/grants/<reference>/visits")
@access(SIGNED_IN)
def of_grant(reference: str) -> ResponseReturnValue:
    """The visits of a grant; a grantee sees those that it was told of."""
    award = _award(reference)
    visits = queries.visits_of(scope(current_user, Visit), award)
    return render_template(
        "visits/of_grant.html",
        award=award,
        visits=visits,
        former=queries.former_days(visits),
        kinds=KIND_LABELS,
        today=clock.today(award.call.timezone),
        planning=rules.obstacles_to_planning(award),
        may_visit=permissions.can_visit(current_user, award),
        staff=sees_as_staff(current_user, award),
    )


@bp.route("/grants/<reference>/visits/new", methods=["GET", "POST"])
@access(*COORDINATORS)
def plan(reference: str) -> ResponseReturnValue:
    """Plan a visit."""
    award = _award(reference)
    require(permissions.can_visit(current_user, award))
    people = {person.reference: person for person in free_coordinators(award)}
    form = forms.PlanForm(lead=current_user.reference)
    form.lead.choices = [SelectChoice(key, person.name) for key, person in people.items()]
    made: list[Visit] = []

    def act() -> None:
        visit = actions.plan(
            award,
            kind=form.kind.data,
            purpose=form.purpose.data,
            due_on=form.due_on.data,
            lead=people[form.lead.data],
            holds_payments=form.holds_payments.data,
            by=current_user,
        )
        made.append(actions.announce(visit, by=current_user) if form.announce.data else visit)

    if taken(act, form):
        return done(_("The visit is planned."), ".show", reference=reference, number=made[0].number)
    lead = _("The grantee does not see it before it is told.")
    return _ask(award, form, _("Plan a visit"), lead, _("Plan it"), obstacles=rules.obstacles_to_planning(award))


@bp.get("/grants/<reference>/visits/<int:number>")
@access(SIGNED_IN)
def show(reference: str, number: int) -> ResponseReturnValue:
    """One visit: what it is for, what was found, what was agreed, and what can be done now."""
    return _page(_visit(reference, number))


def _page(
    visit: Visit, form: forms.AnswerForm | None = None, file: forms.FileForm | None = None
) -> ResponseReturnValue:
    award = visit.award
    staff = sees_as_staff(current_user, award)
    page = render_template(
        "visits/show.html",
        award=award,
        visit=visit,
        kind=KIND_LABELS[VisitKind(visit.kind)],
        former=queries.former_days([visit]).get(visit.id, []),
        today=clock.today(award.call.timezone),
        readable=staff or visit.is_told,
        form=form or forms.AnswerForm(formdata=None),
        file_form=file or forms.FileForm(formdata=None),
        formats=rules.FILES,
        announcing=rules.obstacles_to_announcing(visit),
        writing=rules.obstacles_to_writing(visit, award, None, clock.today(award.call.timezone)),
        adding=rules.obstacles_to_adding_file(visit),
        answering=rules.obstacles_to_answering(visit),
        mark=rules.mark_of_findings(visit),
        may_visit=permissions.can_visit(current_user, award),
        may_answer=permissions.can_answer(current_user, award),
        may_do=permissions.can_do(current_user, award),
        staff=staff,
        history=timeline([("visit", visit.id)], names=staff),
    )
    return page, 422 if form or file else 200


@bp.post("/grants/<reference>/visits/<int:number>/announce")
@access(*COORDINATORS)
def announce(reference: str, number: int) -> ResponseReturnValue:
    """Tell the grantee of a visit."""
    actions.announce(_ours(reference, number), by=current_user)
    return done(_("The grantee is told."), ".show", reference=reference, number=number)


@bp.route("/grants/<reference>/visits/<int:number>/move", methods=["GET", "POST"])
@access(*COORDINATORS)
def move(reference: str, number: int) -> ResponseReturnValue:
    """Move the day of a visit."""
    visit = _ours(reference, number)
    form = MoveForm(due_on=visit.due_on)
    if taken(lambda: actions.move(visit, form.due_on.data, form.reason.data, by=current_user), form):
        return done(_("The day is moved."), ".show", reference=reference, number=number)
    lead = _("The record keeps the former day. A grantee that knows of the visit is told.")
    if visit.holds_payments:
        lead = _(
            "The record keeps the former day. A grantee that knows of the visit is told. Payments that wait for it go on waiting."
        )
    back = url_for(".show", reference=reference, number=number)
    stops = rules.obstacles_to_moving(visit)
    return _ask(visit.award, form, _("Move the day"), lead, _("Move the day"), obstacles=stops, back_url=back)


@bp.route("/grants/<reference>/visits/<int:number>/cancel", methods=["GET", "POST"])
@access(*COORDINATORS)
def cancel(reference: str, number: int) -> ResponseReturnValue:
    """Give a planned visit up."""
    visit = _ours(reference, number)
    form = ReasonForm()
    if taken(lambda: actions.cancel(visit, form.reason.data, by=current_user), form):
        return done(_("The visit is given up."), ".show", reference=reference, number=number)
    lead = _(
        "Nothing waits for it any more. A grantee that knows of the visit is told; where payments waited for it, finance and "
        "the other coordinators too."
    )
    back = url_for(".show", reference=reference, number=number)
    stops = rules.obstacles_to_moving(visit)
    heading = _("Give this visit up")
    return _ask(visit.award, form, heading, lead, heading, obstacles=stops, back_url=back, tone="danger")


# ------------------------------------------------------------------ what was found


@bp.route("/grants/<reference>/visits/<int:number>/findings", methods=["GET", "POST"])
@access(*COORDINATORS)
def write_down(reference: str, number: int) -> ResponseReturnValue:
    """Write down what was found, or mend it before it is shared."""
    visit = _ours(reference, number)
    today = clock.today(visit.award.call.timezone)
    form = forms.written_form(visit, today)
    if taken(lambda: actions.write_down(visit, form.account(), by=current_user, read=read_mark()), form):
        said = _("It is written down. The grantee reads it once you share it.")
        return done(said, ".show", reference=reference, number=number)
    page = render_template(
        "visits/write.html",
        award=visit.award,
        visit=visit,
        form=form,
        mark=_mark_read(visit, form),
        rows=range(1, rules.MOST_CHANGES + 1),
        obstacles=rules.obstacles_to_writing(visit, visit.award, None, today),
    )
    return page, 422 if form.is_submitted() else 200


@bp.post("/grants/<reference>/visits/<int:number>/files")
@access(*COORDINATORS)
def add_file(reference: str, number: int) -> ResponseReturnValue:
    """Add a file."""
    visit = _ours(reference, number)
    form = forms.FileForm()

    def act() -> None:
        upload = form.file.data
        content = upload.read(files.LARGEST + 1)
        actions.add_file(visit, form.label.data, upload.filename or "", content, by=current_user)

    if not taken(act, form):
        return _page(visit, file=form)
    return done(_("The file is added."), ".show", reference=reference, number=number)


@bp.get("/grants/<reference>/visits/<int:number>/files/<int:file>")
@access(SIGNED_IN)
def file(reference: str, number: int, file: int) -> ResponseReturnValue:
    """A file of a visit, under a name that tells nobody's name; the grantee reads those of what is shared."""
    visit = _visit(reference, number)
    require(visit.is_told or sees_as_staff(current_user, visit.award))
    kept = found(queries.file_of(visit, file)).file
    return files.send(kept, f"{reference}-visit-{number}-{file}.{kept.kind}")


@bp.post("/grants/<reference>/visits/<int:number>/files/<int:file>/remove")
@access(*COORDINATORS)
def remove_file(reference: str, number: int, file: int) -> ResponseReturnValue:
    """Take a file away."""
    visit = _ours(reference, number)
    actions.remove_file(found(queries.file_of(visit, file)), by=current_user)
    return done(_("The file is taken away."), ".show", reference=reference, number=number)


@bp.route("/grants/<reference>/visits/<int:number>/share", methods=["GET", "POST"])
@access(*COORDINATORS)
def share(reference: str, number: int) -> ResponseReturnValue:
    """Let the grantee read what was found."""
    visit = _ours(reference, number)
    form = Form()
    if taken(lambda: actions.share(visit, by=current_user, read=read_mark()), form):
        return done(_("It is shared, and the grantee is told."), ".show", reference=reference, number=number)
    lead = _(
        "The grantee reads what was found and agreed, and the files; your note stays inside. Nothing is changed after that."
    )
    back, stops = url_for(".show", reference=reference, number=number), rules.obstacles_to_sharing(visit)
    heading, mark = _("Share it with the grantee"), _mark_read(visit, form)
    return _ask(visit.award, form, heading, lead, heading, obstacles=stops, back_url=back, mark=mark)


def _mark_read(visit: Visit, form: Form) -> str:
    """The mark of what somebody read before they wrote or shared, until they were told that something else stands there."""
    now = rules.mark_of_findings(visit)
    return now if form.form_errors else read_mark() or request.args.get("read") or now


@bp.post("/grants/<reference>/visits/<int:number>/answer")
@access(SIGNED_IN)
def answer(reference: str, number: int) -> ResponseReturnValue:
    """Answer what was found, as the grantee."""
    visit = _visit(reference, number)
    require(permissions.can_answer(current_user, visit.award))
    form = forms.AnswerForm()
    if not taken(lambda: actions.answer(visit, form.answer.data, by=current_user), form):
        return _page(visit, form)
    return done(_("Thank you. Your answer is with the fund."), ".show", reference=reference, number=number)


# ------------------------------------------------------------------ what was agreed


def _change(visit: Visit, change_id: int) -> AgreedChange:
    require(visit.is_told)
    return found(queries.change_of(visit, change_id))


@bp.route("/grants/<reference>/visits/<int:number>/changes/<int:change_id>/done", methods=["GET", "POST"])
@access(SIGNED_IN)
def do(reference: str, number: int, change_id: int) -> ResponseReturnValue:
    """Say that a change that was agreed is done."""
    visit = _visit(reference, number)
    require(permissions.can_do(current_user, visit.award))
    change, form = _change(visit, change_id), EvidenceForm()
    if taken(lambda: actions.do(change, form.evidence.data, by=current_user), form):
        return done(_("Well done. It is marked as done."), ".show", reference=reference, number=number)
    back, stops = url_for(".show", reference=reference, number=number), rules.obstacles_to_doing(change)
    heading, label = _("This change is done"), _("Mark as done")
    return _ask(visit.award, form, heading, change.text, label, obstacles=stops, back_url=back)


@bp.route("/grants/<reference>/visits/<int:number>/changes/<int:change_id>/move", methods=["GET", "POST"])
@access(*COORDINATORS)
def move_change(reference: str, number: int, change_id: int) -> ResponseReturnValue:
    """Move the day of a change that was agreed."""
    visit = _ours(reference, number)
    change = _change(visit, change_id)
    form = MoveForm(due_on=change.due_on)
    if taken(lambda: actions.move_change(change, form.due_on.data, form.reason.data, by=current_user), form):
        return done(_("The date is moved."), ".show", reference=reference, number=number)
    back, stops = url_for(".show", reference=reference, number=number), rules.obstacles_to_moving_change(change)
    return _ask(visit.award, form, _("Move the date"), change.text, _("Move the date"), obstacles=stops, back_url=back)
