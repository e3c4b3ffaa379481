"""The page on which a correction of a published call is looked at and published."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from grants.accounts.models import Role
from grants.calls import queries as calls
from grants.calls.models import Call
from grants.calls.rules import problems_of
from grants.core import clock
from grants.core.permissions import require, scope
from grants.core.web import access, done, found
from grants.corrections import actions, permissions, queries, rules
from grants.corrections.forms import CorrectionForm

bp = Blueprint("corrections", __name__)


@bp.route("/calls/<reference>/correct", methods=["GET", "POST"])
@access(Role.GLOBAL_COORDINATOR)
def prepare(reference: str) -> ResponseReturnValue:
    """What the correction changes, whom it concerns, what stands in its way; and publishing it."""
    call = found(calls.call_by_reference(scope(current_user, Call), reference))
    require(permissions.can_correct(current_user, call))
    form = CorrectionForm()
    if form.validate_on_submit():
        actions.publish_correction(call, form.reason.data, by=current_user)
        return done(
            _("The correction is published. Everybody who is writing has been told."),
            "calls.manage",
            reference=reference,
        )
    kept, before = calls.working_copy_of(call), calls.written_documents(call)
    written = kept.documents if kept else before
    problems = problems_of(written)
    sent_in = queries.was_applied_to(call)
    page = render_template(
        "corrections/prepare.html",
        call=call,
        form=form,
        changes=[] if problems else [change.sentence for change in rules.changes_of_call(before, written)],
        obstacles=rules.obstacles_to_correcting(call, before, written, problems, sent_in=sent_in, at=clock.now()),
        drafts=queries.drafts_of(call),
        sent_in=sent_in,
    )
    return page, 422 if form.is_submitted() else 200
