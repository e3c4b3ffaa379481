"""Pages on which the letters of a call are worded."""

from __future__ import annotations

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import current_user

from grants.accounts.models import COORDINATORS
from grants.applications.models import Application
from grants.calls.models import Call
from grants.calls.queries import call_by_reference, documents_of
from grants.core import clock
from grants.core.languages import gettext as _
from grants.core.permissions import require, scope
from grants.core.web import access, done, found
from grants.letters import actions, permissions, queries, rules
from grants.letters.forms import LetterForm
from grants.letters.models import KIND_LABELS, LetterKind

bp = Blueprint("letters", __name__)


@bp.app_template_global("may_word_letters")
def may_word_letters(call: Call) -> bool:
    """Whether the present person words the letters of a call."""
    return permissions.can_word_letters(current_user, call)


@bp.app_template_global("has_letter")
def has_letter(application: Application) -> bool:
    """Whether a letter says why an application is not eligible; of early ones only the mail was kept."""
    return queries.letter_about(application, LetterKind.INELIGIBLE) is not None


def _call(reference: str) -> Call:
    call = found(call_by_reference(scope(current_user, Call), reference, whole=True))
    require(permissions.can_word_letters(current_user, call))
    return call


def _one_of(call: Call, kind: str, language: str) -> tuple[LetterKind, str]:
    if kind not in list(LetterKind) or language not in call.languages:
        abort(404)
    return LetterKind(kind), language


@bp.get("/calls/<reference>/letters")
@access(*COORDINATORS)
def of_call(reference: str) -> ResponseReturnValue:
    """How the letters of a call are worded, in each of its languages."""
    call = _call(reference)
    return render_template("letters/of_call.html", call=call, kinds=KIND_LABELS, templates=queries.templates_of(call))


@bp.route("/calls/<reference>/letters/<kind>/<language>", methods=["GET", "POST"])
@access(*COORDINATORS)
def letter(reference: str, kind: str, language: str) -> ResponseReturnValue:
    """Word one letter in one language, and see it as an applicant would read it."""
    call = _call(reference)
    of_kind, language = _one_of(call, kind, language)
    worded = queries.wording_of(call)[of_kind, language]._asdict() if request.method == "GET" else None
    form = LetterForm(of_kind, data=worded)
    is_right = form.validate_on_submit()
    if is_right and "look" not in request.form:
        actions.word(call, of_kind, language, form.paragraphs, by=current_user)
        return done(_("The letter is worded. What was sent before stays as it was."), ".of_call", reference=reference)
    example = queries.example_in(scope(current_user, Application), call)
    values = rules.values_in(
        call,
        language,
        terms=documents_of(call)["terms"],
        at=clock.now(),
        organization=example.organization.name if example else _("An organization"),
        title=example.title if example else _("An action"),
        reference=example.reference if example else "APP-000",
        amount=example.requested if example else call.grant_max,
        start=call.earliest_start_on,
        end=call.latest_end_on,
    )
    page = render_template(
        "letters/letter.html",
        call=call,
        kind=of_kind,
        label=KIND_LABELS[of_kind],
        language=language,
        form=form,
        placeholders=rules.placeholders_in(of_kind),
        example=example,
        preview=rules.written(form.paragraphs, values) if is_right or not form.is_submitted() else None,
        worded=queries.templates_of(call).get((of_kind, language)),
    )
    return page, 200 if is_right or not form.is_submitted() else 422


@bp.post("/calls/<reference>/letters/<kind>/<language>/reset")
@access(*COORDINATORS)
def reset(reference: str, kind: str, language: str) -> ResponseReturnValue:
    """Go back to our own wording."""
    call = _call(reference)
    of_kind, language = _one_of(call, kind, language)
    actions.reset(call, of_kind, language, by=current_user)
    return done(_("The letter is worded as in our other calls."), ".of_call", reference=reference)
