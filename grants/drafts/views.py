"""Pages of writing together: notes, the versions of a section, answers of an earlier application."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import current_user

from grants.applications.models import Application
from grants.applications.queries import application_by_reference
from grants.applications.rules import asks_only_files, obstacles_to_editing
from grants.core.differences import compared
from grants.core.languages import _ln, language_now, pick
from grants.core.languages import gettext as _
from grants.core.permissions import require, scope
from grants.core.questions import Section
from grants.core.rules import Obstacle
from grants.core.web import SIGNED_IN, access, done, found
from grants.drafts import actions, permissions, queries, rules
from grants.drafts.models import Note
from grants.questionnaires.actions import EditConflict
from grants.questionnaires.queries import definition_of
from grants.questionnaires.rules import in_lines
from grants.wordforms.rules import same

bp = Blueprint("drafts", __name__)


def _to_write(reference: str) -> Application:
    application = found(application_by_reference(scope(current_user, Application), reference))
    require(permissions.can_confer(current_user, application))
    return application


# ------------------------------------------------------------------ notes


@bp.get("/applications/<reference>/notes")
@access(SIGNED_IN)
def notes(reference: str) -> ResponseReturnValue:
    """What colleagues say to each other about the sections."""
    return _notes_page(_to_write(reference))


def _notes_page(application: Application, problems: list[Obstacle] | None = None) -> ResponseReturnValue:
    definition = definition_of(application.questionnaire_id)
    page = render_template(
        "drafts/notes.html",
        application=application,
        notes=queries.notes_of(application),
        sections=[(s.key, pick(s.title)) for s in definition.sections if not asks_only_files(s)],
        chosen=request.values.get("section", ""),
        text=request.form.get("text", ""),
        problems=[{"id": "text", "message": obstacle.message} for obstacle in problems or []],
        longest=rules.LONGEST_NOTE,
    )
    return page, 422 if problems else 200


@bp.post("/applications/<reference>/notes")
@access(SIGNED_IN)
def leave(reference: str) -> ResponseReturnValue:
    """Leave a note about a section."""
    application = _to_write(reference)
    text, section = request.form.get("text", "").replace("\r\n", "\n"), request.form.get("section", "")
    problems = rules.obstacles_to_noting(text, section, definition_of(application.questionnaire_id))
    if problems:
        return _notes_page(application, problems)
    actions.leave_note(application, section, text, by=current_user)
    return done(_("Your colleagues can read it here."), ".notes", reference=reference)


@bp.post("/applications/<reference>/notes/<int:note_id>/settle")
@access(SIGNED_IN)
def settle(reference: str, note_id: int) -> ResponseReturnValue:
    """A note is dealt with."""
    application = _to_write(reference)
    actions.settle_note(found(queries.note_in(scope(current_user, Note), application, note_id)), by=current_user)
    return done(_("Settled."), ".notes", reference=reference)


# ------------------------------------------------------------------ versions of a section


@bp.get("/applications/<reference>/sections/<key>/versions")
@access(SIGNED_IN)
def versions(reference: str, key: str) -> ResponseReturnValue:
    """What a section said before: who saved it, when, and what was different from the version before."""
    application = _to_write(reference)
    definition = definition_of(application.questionnaire_id)
    section = found(definition.section(key))
    listed = queries.versions_of(application, key)
    older: list[dict[str, Any]] = [version.values for version in listed[1:]]
    older += [{}] * (len(listed) - len(older))
    return render_template(
        "drafts/versions.html",
        application=application,
        section=section,
        versions=[
            (version, _differences(section, before, version.values, definition.fallback))
            for version, before in zip(listed, older, strict=True)
        ],
        editing=obstacles_to_editing(application, key),
        most=queries.MOST_SHOWN,
    )


def _differences(
    section: Section, before: dict[str, Any], after: dict[str, Any], fallback: str
) -> list[dict[str, Any]]:
    """The questions that two versions answer differently, in words and marked word by word."""
    shown = []
    for question in section.questions:
        both = before.get(question.key), after.get(question.key)
        if same(question, *both):
            continue
        old, new = compared(*(in_lines(question, value, language_now(), fallback) for value in both))
        shown.append({"label": pick(question.label, None, fallback), "old": old, "new": new})
    return shown


@bp.post("/applications/<reference>/sections/<key>/versions/<int:number>/bring-back")
@access(SIGNED_IN)
def bring_back(reference: str, key: str, number: int) -> ResponseReturnValue:
    """Let a section say again what it said once. When somebody saved meanwhile, look at what is there first."""
    application = _to_write(reference)
    seen = request.form.get("seen", 0, type=int)
    try:
        actions.bring_back(application, key, number, seen=seen, by=current_user)
    except EditConflict:
        problem = Obstacle("changed_meanwhile", _("Somebody saved this section meanwhile. Please look at it first."))
        page = render_template(
            "error.html", status=409, heading=_("This cannot be done yet"), text="", obstacles=[problem]
        )
        return page, 409
    return done(
        _("The section says again what it said then. What it said until now is kept among the versions."),
        "applications.section",
        reference=reference,
        key=key,
    )


# ------------------------------------------------------------------ answers of an earlier application


@bp.get("/applications/<reference>/copy")
@access(SIGNED_IN)
def copy(reference: str) -> ResponseReturnValue:
    """Choose an earlier application, and see which of its answers fit questions that are still open here."""
    application = _to_write(reference)
    earlier = queries.earlier_applications(scope(current_user, Application), application)
    chosen = next((one for one in earlier if one.reference == request.args.get("from")), None)
    if chosen is None and len(earlier) == 1:
        chosen = earlier[0]
    definition = definition_of(application.questionnaire_id)
    usable = actions.answers_to_use(application, chosen) if chosen else {}
    return render_template(
        "drafts/copy.html",
        application=application,
        earlier=earlier,
        chosen=chosen,
        sections=[
            (
                pick(section.title),
                [
                    (pick(q.label), in_lines(q, usable[section.key][q.key], language_now(), definition.fallback))
                    for q in section.questions
                    if q.key in usable[section.key]
                ],
            )
            for section in definition.sections
            if section.key in usable
        ],
        number=sum(len(values) for values in usable.values()),
        editing=obstacles_to_editing(application),
    )


@bp.post("/applications/<reference>/copy")
@access(SIGNED_IN)
def use(reference: str) -> ResponseReturnValue:
    """Fill open questions with the answers of the earlier application that was looked at."""
    application = _to_write(reference)
    earlier = queries.earlier_applications(scope(current_user, Application), application)
    chosen = found(next((one for one in earlier if one.reference == request.form.get("from")), None))
    number = actions.use_answers(application, chosen, by=current_user)
    message = _ln("%(num)s answer was filled in.", "%(num)s answers were filled in.", number)
    return done(str(message), "applications.show", reference=reference)
