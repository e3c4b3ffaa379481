"""Pages of the form as a Word file: downloading it, sending it in filled, comparing, taking over."""

from __future__ import annotations

from typing import Any, NamedTuple

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from grants.applications.models import Application
from grants.applications.queries import application_by_reference
from grants.applications.rules import obstacles_to_editing
from grants.calls.models import Call
from grants.calls.queries import call_by_reference, once_published
from grants.core import clock, files
from grants.core.differences import Part, compared
from grants.core.languages import _ln, language_name, language_now, pick
from grants.core.languages import gettext as _
from grants.core.permissions import require, scope
from grants.core.questions import Question
from grants.core.rules import Obstacle, Refused
from grants.core.web import ANYONE, READS, SIGNED_IN, access, done, found
from grants.questionnaires.actions import EditConflict
from grants.questionnaires.rules import in_lines
from grants.wordforms import actions, permissions, queries, rules
from grants.wordforms.forms import SendForm
from grants.wordforms.models import FilledForm

bp = Blueprint("wordforms", __name__)


# ------------------------------------------------------------------ downloading


@bp.get("/calls/<reference>/form.docx")
@access(ANYONE)
def blank(reference: str) -> ResponseReturnValue:
    """The empty form of a call, to read, or to fill in before there is an account."""
    call = found(call_by_reference(scope(current_user, Call), reference))
    language = _language_of(call, language_now())
    content = once_published(f"blank form in {language}", call, lambda: actions.blank(call, language))
    return files.download(content, f"{reference}-{language}.docx")


@bp.get("/applications/<reference>/form.docx")
@access(SIGNED_IN)
def begun(reference: str) -> ResponseReturnValue:
    """The form of an application with everything that is saved already."""
    application = _to_fill_in(reference)
    language = _language_of(application.call, application.language)
    return files.download(actions.begun(application, language), f"{reference}-{language}.docx")


def _language_of(call: Call, usual: str) -> str:
    """The language that is asked for; one that the call does not have is a 404."""
    asked = request.args.get("language", usual if usual in call.languages else call.authoritative_language)
    if asked not in call.languages:
        abort(404)
    return asked


def _to_fill_in(reference: str) -> Application:
    application = found(application_by_reference(scope(current_user, Application), reference))
    require(permissions.can_fill_in(current_user, application))
    return application


# ------------------------------------------------------------------ sending in


@bp.route("/applications/<reference>/word", methods=["GET", "POST"])
@access(SIGNED_IN)
def fill_in(reference: str) -> ResponseReturnValue:
    """Download the form, and send it in filled. What cannot be read is said in words, and changes nothing."""
    application = _to_fill_in(reference)
    form = SendForm()
    obstacles: list[Obstacle] = []
    if form.validate_on_submit():
        sent = form.file.data
        if getattr(sent, "filename", ""):
            try:
                actions.send_in(application, sent.filename, sent.read(), by=current_user)
            except Refused as refusal:
                obstacles = list(refusal.obstacles)
            else:
                return redirect(url_for(".compare", reference=reference))
        else:
            obstacles = [Obstacle("no_file", _("Please choose a file first."))]
        form.file.errors = [*form.file.errors, *(obstacle.message for obstacle in obstacles)]
    page = render_template(
        "wordforms/fill_in.html",
        application=application,
        call=application.call,
        form=form,
        languages=[(code, language_name(code)) for code in application.call.languages],
        waiting=queries.waiting_form(application, current_user, clock.now()),
        editing=obstacles_to_editing(application),
    )
    return page, 422 if form.is_submitted() else 200


# ------------------------------------------------------------------ comparing and taking over


class Side(NamedTuple):
    """A question on the page of differences: both answers in words, each line as parts that differ or do not."""

    key: str
    label: str
    kind: str
    old: list[list[Part]]
    new: list[list[Part]]
    numbered: bool
    doubts: tuple[Any, ...]
    proposed: bool


@bp.get("/applications/<reference>/word/compare")
@access(SIGNED_IN)
def compare(reference: str) -> ResponseReturnValue:
    """What a filled form would change, question by question."""
    application = _to_fill_in(reference)
    filled = _waiting(application)
    if filled is None:
        return redirect(url_for(".fill_in", reference=reference))
    return _comparing(application, filled)


def _waiting(application: Application) -> FilledForm | None:
    return queries.waiting_form(application, current_user, clock.now(), held=request.method not in READS)


def _comparing(
    application: Application,
    filled: FilledForm,
    problems: list[Any] | None = None,
    chosen: set[str] | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    try:
        comparison = actions.compared(filled, application)
    except Refused as refusal:
        page = render_template(
            "wordforms/unreadable.html", application=application, filled=filled, obstacles=refusal.obstacles
        )
        return page, 409
    page = render_template(
        "wordforms/compare.html",
        application=application,
        call=application.call,
        filled=filled,
        comparison=comparison,
        sections=_sections(comparison, chosen),
        unread=[(_label(u.question, comparison), u.reason) for u in comparison.reading.unread],
        absent=[_label(question, comparison) for question in comparison.reading.absent],
        fit=_fit_in_words(comparison),
        language=language_name(comparison.reading.origin.language),
        problems=problems or [],
        editing=obstacles_to_editing(application),
    )
    return page, status


def _sections(comparison: actions.Comparison, chosen: set[str] | None) -> list[tuple[str, list[Side]]]:
    listed = []
    for section in comparison.definition.sections:
        sides = [_side(d, comparison, chosen) for d in comparison.differences if d.section == section.key]
        if sides:
            listed.append((str(pick(section.title, None, comparison.definition.fallback)), sides))
    return listed


def _side(difference: rules.Difference, comparison: actions.Comparison, chosen: set[str] | None) -> Side:
    question, fallback, language = difference.question, comparison.definition.fallback, language_now()
    both = [in_lines(question, value, language, fallback) for value in (difference.old, difference.new)]
    old, new = compared(*both)
    return Side(
        key=question.key,
        label=_label(question, comparison),
        kind=difference.kind,
        old=old,
        new=new,
        numbered=bool(question.columns),
        doubts=difference.doubts,
        proposed=difference.proposed if chosen is None else question.key in chosen,
    )


def _label(question: Question | None, comparison: actions.Comparison) -> str:
    if question is None:
        return str(_("The whole file"))
    return str(pick(question.label, None, comparison.definition.fallback))


def _fit_in_words(comparison: actions.Comparison) -> list[tuple[Any, list[str]]]:
    """What has changed in the form since the file was made from it."""
    fit = comparison.fit
    told = (
        (_ln("%(num)s question is asked in other words now", "%(num)s questions are asked in other words now", len(fit.reworded)), fit.reworded),
        (_ln("%(num)s question is no longer asked", "%(num)s questions are no longer asked", len(fit.gone)), fit.gone),
        (_ln("%(num)s question is new", "%(num)s questions are new", len(fit.added)), fit.added),
    )  # fmt: skip
    return [(words, [_label(question, comparison) for question in questions]) for words, questions in told if questions]


@bp.post("/applications/<reference>/word/take-over")
@access(SIGNED_IN)
def take_over(reference: str) -> ResponseReturnValue:
    """Save what was ticked. When a colleague changed one of these answers meanwhile, everything is shown again."""
    application = _to_fill_in(reference)
    filled = _waiting(application)
    if filled is None:
        return redirect(url_for(".fill_in", reference=reference))
    chosen = set(request.form.getlist("take"))
    try:
        number = actions.take_over(filled, application, chosen, _versions_seen(), by=current_user)
    except EditConflict:
        told = _("Somebody changed one of these answers while you were reading. Nothing was saved; please look again.")
        return _comparing(application, filled, [told], chosen, 409)
    except Refused as refusal:
        return _comparing(application, filled, [o.message for o in refusal.obstacles], chosen, 422)
    words = _ln("%(num)s answer was taken over and saved on the server.", "%(num)s answers were taken over and saved on the server.", number)  # fmt: skip
    return done(str(words), "applications.show", reference=reference)


def _versions_seen() -> dict[str, int]:
    """The versions of the sections that the person had before their eyes."""
    seen = {}
    for name, text in request.form.items():
        if name.startswith("version-") and text.isascii() and text.isdigit() and len(text) < 9:
            seen[name.removeprefix("version-")] = int(text)
    return seen


@bp.post("/applications/<reference>/word/discard")
@access(SIGNED_IN)
def discard(reference: str) -> ResponseReturnValue:
    """Put the file aside; nothing changes."""
    application = _to_fill_in(reference)
    filled = _waiting(application)
    if filled is None:
        return redirect(url_for(".fill_in", reference=reference))
    actions.discard(filled, by=current_user)
    return done(_("The file was put aside. Nothing was changed."), ".fill_in", reference=reference)
