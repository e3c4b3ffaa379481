"""Pages for writing a report up after a conversation, and for confirming it."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import current_user

from grants.accounts.actions import hash_of_token
from grants.accounts.models import COORDINATORS
from grants.awards.permissions import sees_as_staff
from grants.core import clock
from grants.core.languages import gettext as _
from grants.core.permissions import require, scope
from grants.core.web import ANYONE, SIGNED_IN, access, done, found, taken
from grants.entries.forms import ConfirmForm, ConversationForm, DeclineForm, LinkForm, RecordForm
from grants.entries.models import WAYS
from grants.history.queries import timeline
from grants.reports import queries as reports
from grants.reports.models import ReportDue
from grants.reports.permissions import can_write
from grants.reports.views import reading
from grants.writeups import actions, permissions, queries, rules
from grants.writeups.models import WriteUp

bp = Blueprint("writeups", __name__)

bp.add_app_template_global(queries.write_up_of, "write_up_of")
bp.add_app_template_global(queries.what_is_wrong, "what_is_wrong")


@bp.app_template_global("may_write_up")
def may_write_up(due: ReportDue) -> bool:
    """Whether the present person may begin to write a report up now."""
    return permissions.can_begin(current_user, due) and not rules.obstacles_to_beginning(due)


def _due(due_id: int) -> ReportDue:
    return found(reports.due_by_id(scope(current_user, ReportDue), due_id))


def _write_up(due_id: int) -> tuple[WriteUp, ReportDue]:
    due = _due(due_id)
    return found(queries.write_up_of(due.report)), due


@bp.route("/reports/<int:due_id>/write-up/new", methods=["GET", "POST"])
@access(*COORDINATORS)
def begin(due_id: int) -> ResponseReturnValue:
    """Begin to write a report up for a grantee that has no line."""
    due = _due(due_id)
    require(permissions.can_begin(current_user, due))
    form = ConversationForm()
    if not form.is_submitted():
        form.spoken_on.data = clock.today(due.award.call.timezone)

    def act() -> None:
        actions.begin(
            due,
            spoke_with=form.spoke_with.data,
            phone=form.spoken_by.data or "",
            spoken_on=form.spoken_on.data,
            by=current_user,
        )

    if taken(act, form):
        said = _("Please write what you were told. Everybody sees that the fund wrote it up.")
        return done(said, "reports.show", due_id=due_id)
    page = render_template(
        "writeups/begin.html", due=due, award=due.award, form=form, obstacles=rules.obstacles_to_beginning(due)
    )
    return page, 422 if form.is_submitted() else 200


@bp.get("/reports/<int:due_id>/write-up")
@access(SIGNED_IN)
def show(due_id: int) -> ResponseReturnValue:
    """What was written up after which conversation, and whether the grantee has confirmed it."""
    return _page(*_write_up(due_id))


def _page(
    write_up: WriteUp,
    due: ReportDue,
    link: LinkForm | None = None,
    record: RecordForm | None = None,
    declining: DeclineForm | None = None,
) -> ResponseReturnValue:
    written = reports.written(due)
    staff = sees_as_staff(current_user, due.award)
    confirming = rules.obstacles_to_confirming(due, written)
    may_record = permissions.can_record(current_user, due, write_up)
    address = due.award.organization.email if staff else ""
    page = render_template(
        "writeups/show.html",
        due=due,
        award=due.award,
        entry=write_up,
        **reading(due, written),
        readable=can_write(current_user, due) or due.state in reports.COUNTED or (may_record and not confirming),
        fingerprint=rules.fingerprint(due, written),
        ways=WAYS,
        link=link or LinkForm(formdata=None, address=address),
        record=record or RecordForm(formdata=None),
        declining=declining or DeclineForm(formdata=None),
        confirming=confirming,
        may_confirm=permissions.can_confirm(current_user, due),
        may_ask=permissions.can_ask(current_user, due),
        may_record=may_record,
        staff=staff,
        history=timeline([("report_due", due.id)], names=staff, limit=30),
    )
    return page, 422 if link or record or declining else 200


@bp.post("/reports/<int:due_id>/write-up/confirm")
@access(SIGNED_IN)
def confirm(due_id: int) -> ResponseReturnValue:
    """A member of the grantee confirms exactly what it read."""
    write_up, due = _write_up(due_id)
    require(permissions.can_confirm(current_user, due))
    actions.confirm(write_up, due, request.form.get("read", ""), by=current_user)
    return done(_("Thank you. The report is confirmed and with the fund."), "reports.show", due_id=due_id)


@bp.post("/reports/<int:due_id>/write-up/decline")
@access(SIGNED_IN)
def decline(due_id: int) -> ResponseReturnValue:
    """A member of the grantee says what is wrong in it."""
    write_up, due = _write_up(due_id)
    require(permissions.can_confirm(current_user, due))
    form = DeclineForm()
    if not taken(lambda: actions.decline(write_up, due, form.words.data, by=current_user), form):
        return _page(write_up, due, declining=form)
    return done(_("Thank you. We mend it and ask you again."), ".show", due_id=due_id)


@bp.post("/reports/<int:due_id>/write-up/ask")
@access(*COORDINATORS)
def ask_members(due_id: int) -> ResponseReturnValue:
    """Ask the people of the grantee to sign in and confirm."""
    write_up, due = _write_up(due_id)
    require(permissions.can_ask(current_user, due))
    actions.ask_members(write_up, due, by=current_user)
    return done(_("The grantee is asked to read and confirm it."), ".show", due_id=due_id)


@bp.post("/reports/<int:due_id>/write-up/link")
@access(*COORDINATORS)
def ask_by_link(due_id: int) -> ResponseReturnValue:
    """Send the grantee a link with which it reads and confirms."""
    write_up, due = _write_up(due_id)
    require(permissions.can_record(current_user, due, write_up))
    form = LinkForm()
    if not taken(lambda: actions.ask_by_link(write_up, due, form.address.data, by=current_user), form):
        return _page(write_up, due, link=form)
    return done(_("The link is on its way."), ".show", due_id=due_id)


@bp.post("/reports/<int:due_id>/write-up/record")
@access(*COORDINATORS)
def record(due_id: int) -> ResponseReturnValue:
    """Write down a confirmation that was given without a line."""
    write_up, due = _write_up(due_id)
    require(permissions.can_record(current_user, due, write_up))
    form = RecordForm()

    def act() -> None:
        read = request.form.get("read", "")
        actions.record_confirmation(write_up, due, read, form.way.data, form.name.data, form.on.data, by=current_user)

    if not taken(act, form):
        return _page(write_up, due, record=form)
    return done(_("Noted, with your name."), "reports.show", due_id=due_id)


@bp.route("/confirm-report/<token>", methods=["GET", "POST"])
@access(ANYONE)
def confirm_by_link(token: str) -> ResponseReturnValue:
    """The grantee reads what the fund wrote up for it, and confirms. Whoever holds the link may."""
    write_up, due = found(queries.by_token(hash_of_token(token)))
    form, read = ConfirmForm(), request.form.get("read", "")
    if taken(lambda: actions.confirm_by_link(write_up, due, read, form.name.data), form):
        return render_template("writeups/confirmed.html", due=due, award=due.award)
    return _page_of_link(token, write_up, due, form, DeclineForm(formdata=None))


@bp.post("/confirm-report/<token>/decline")
@access(ANYONE)
def decline_by_link(token: str) -> ResponseReturnValue:
    """The grantee says what is wrong in what the fund wrote up for it."""
    write_up, due = found(queries.by_token(hash_of_token(token)))
    form = DeclineForm()
    if taken(lambda: actions.decline_by_link(write_up, due, form.words.data), form):
        return render_template("writeups/confirmed.html", due=due, award=due.award, declined=True)
    return _page_of_link(token, write_up, due, ConfirmForm(formdata=None), form)


def _page_of_link(
    token: str, write_up: WriteUp, due: ReportDue, form: ConfirmForm, declining: DeclineForm
) -> ResponseReturnValue:
    written = reports.written(due)
    page = render_template(
        "writeups/confirm.html",
        due=due,
        award=due.award,
        entry=write_up,
        token=token,
        form=form,
        declining=declining,
        fingerprint=rules.fingerprint(due, written),
        obstacles=rules.obstacles_to_link(write_up, due, written, clock.now()),
        **reading(due, written),
    )
    return page, 200 if request.method == "GET" else 422
