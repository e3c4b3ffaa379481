"""The pages on which a coordinator tries a form, marked as a trial from top to bottom."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from grants.accounts.models import COORDINATORS
from grants.applications.queries import terms_of
from grants.calls.models import Call
from grants.calls.queries import call_by_reference
from grants.core.languages import language_now, pick
from grants.core.permissions import require, scope
from grants.core.web import access, done, found
from grants.questionnaires import queries as questionnaires
from grants.questionnaires.actions import EditConflict
from grants.questionnaires.forms import SectionForm
from grants.questionnaires.rules import obstacles_to_completing
from grants.questionnaires.views import back_to_mend, point_out
from grants.trials import actions, permissions, queries, rules
from grants.trials.models import Trial

bp = Blueprint("trials", __name__)


class Desk:
    """A trial as its pages show it; nothing is stored before the first save."""

    def __init__(self, reference: str) -> None:
        self.call: Call = found(call_by_reference(scope(current_user, Call), reference))
        require(permissions.can_try(current_user, self.call))
        self.definition = questionnaires.definition_of(self.call.questionnaire_id)
        self.trial = queries.trial_of(scope(current_user, Trial), self.call)
        self.saved = questionnaires.sections_of(self.trial.answer_sheet_id) if self.trial else {}
        self.answers = {key: value for row in self.saved.values() for key, value in row.values.items()}

    def places(self, current: str = "") -> list[dict[str, Any]]:
        """The sections down the side, with how far they are."""
        listed = []
        for section in self.definition.sections:
            row = self.saved.get(section.key)
            whole = row is not None and not obstacles_to_completing(
                self.definition, self.answers, sections=[section.key]
            )
            address = url_for(".section", reference=self.call.reference, key=section.key)
            state = "complete" if whole else "started" if row else "not_started"
            label = pick(section.title, None, self.definition.fallback)
            listed.append({"label": label, "url": address, "current": section.key == current, "state": state})
        return listed


@bp.get("/calls/<reference>/trial")
@access(*COORDINATORS)
def show(reference: str) -> ResponseReturnValue:
    """The sections of the form, and what would keep the answers from being sent in."""
    desk = Desk(reference)
    obstacles = rules.obstacles_to_sending_in(desk.call, desk.definition, desk.answers, terms_of(desk.call))
    return render_template("trials/show.html", call=desk.call, desk=desk, obstacles=obstacles)


@bp.route("/calls/<reference>/trial/<key>", methods=["GET", "POST"])
@access(*COORDINATORS)
def section(reference: str, key: str) -> ResponseReturnValue:
    """One section, saved and checked as applicants will have it."""
    desk = Desk(reference)
    asked = found(desk.definition.section(key))
    saved = desk.saved.get(key)
    form = SectionForm(desk.definition, asked, desk.answers, saved.version if saved else 0)
    status = 200
    if form.is_submitted() and not form.is_rearranging:
        status = 422
        if form.validate():
            language = language_now() if language_now() in desk.call.languages else desk.call.authoritative_language
            try:
                actions.save_section(
                    desk.call, key, form.values, language=language, by=current_user, version=form.version_seen
                )
            except EditConflict as conflict:
                form.show_conflict(conflict)
                status = 409
            else:
                return back_to_mend(form) or _after_saving(desk, key)
    else:
        point_out(form)
    return render_template("trials/section.html", call=desk.call, desk=desk, form=form, section=asked), status


def _after_saving(desk: Desk, key: str) -> ResponseReturnValue:
    reference = desk.call.reference
    keys = [section.key for section in desk.definition.sections]
    following = keys[keys.index(key) + 1 : keys.index(key) + 2]
    flash(_("Saved in your trial."), "success")
    if "next" not in request.form:
        return redirect(url_for(".section", reference=reference, key=key))
    if following:
        return redirect(url_for(".section", reference=reference, key=following[0]))
    return redirect(url_for(".show", reference=reference))


@bp.post("/calls/<reference>/trial/throw-away")
@access(*COORDINATORS)
def throw_away(reference: str) -> ResponseReturnValue:
    """Forget the trial; a call that was published since still lets its trials go."""
    call = found(call_by_reference(scope(current_user, Call), reference))
    actions.throw_away(found(queries.trial_of(scope(current_user, Trial), call, held=True)))
    return done(_("Your trial is thrown away."), "calls.manage", reference=reference)
