"""Pages about calls: the public list, the call, its questions; and for coordinators importing, preview, publishing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, abort, current_app, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from markupsafe import Markup
from werkzeug.datastructures import FileStorage

from grants.accounts.models import COORDINATORS, Role
from grants.calls import actions, permissions, queries, rules
from grants.calls.forms import BadImport, CancelForm, ImportForm, read_upload, write_call
from grants.calls.models import Call
from grants.calls.workflow import CallState
from grants.core import clock
from grants.core.languages import language_now
from grants.core.permissions import require, scope
from grants.core.revisions import told
from grants.core.templating import reader_zone
from grants.core.web import ANYONE, access, done, found
from grants.history.queries import timeline
from grants.questionnaires.forms import SectionForm, section_laid_out
from grants.questionnaires.queries import definition_of

bp = Blueprint("calls", __name__)

STAFF = (*COORDINATORS, Role.AUDITOR)
MOST_TEXTS = 500

bp.add_app_template_filter(section_laid_out, "laid_out")
bp.add_app_template_filter(told, "changes_told")
bp.add_app_template_global(lambda endpoint: endpoint in current_app.view_functions, "page_exists")


@bp.get("/calls")
@access(ANYONE)
def index() -> ResponseReturnValue:
    """The calls that are open, the ones that come, and the past ones."""
    at, page = clock.now(), _page()
    current = queries.calls_ahead(at)
    past, total = queries.past_calls(at, page)
    return render_template(
        "calls/index.html",
        open=[c for c in current if c.opens_at <= at],
        coming=[c for c in current if c.opens_at > at],
        past=past,
        pagination=_pagination(page, total, "calls.index"),
        may_manage=current_user.is_authenticated and current_user.holds(*STAFF),
    )


@bp.get("/calls/<reference>")
@access(ANYONE)
def show(reference: str) -> ResponseReturnValue:
    """What the call funds, whether one may apply, what is asked, and when."""
    call = _call(reference)
    return render_template("calls/show.html", **_told(call), corrections=queries.corrections_of(call))


@bp.get("/calls/<reference>/questions")
@access(ANYONE)
def questions(reference: str) -> ResponseReturnValue:
    """Every question of the application form, to read or to print before starting."""
    call = _call(reference)
    definition = definition_of(call.questionnaire_id)
    text = _written_once(
        ("questions", call.questionnaire_id),
        lambda: render_template("questionnaires/_questions.html", definition=definition),
    )
    return render_template("calls/questions.html", **_about(call), definition=definition, text=text)


# ------------------------------------------------------------------ for coordinators


@bp.get("/calls/manage")
@access(*STAFF)
def managed() -> ResponseReturnValue:
    """Every call, in preparation, published or cancelled."""
    page = _page()
    calls, total = queries.calls_page(scope(current_user, Call), page)
    return render_template(
        "calls/managed.html",
        calls=calls,
        pagination=_pagination(page, total, "calls.managed"),
        may_import=permissions.can_import(current_user),
    )


@bp.route("/calls/import", methods=["GET", "POST"])
@access(Role.GLOBAL_COORDINATOR)
def import_() -> ResponseReturnValue:
    """Send the files of a call; what is wrong in them is told with file and line, and then nothing is kept."""
    require(permissions.can_import(current_user))
    form, mistakes = ImportForm(), []
    if form.validate_on_submit():
        sent: FileStorage = form.file.data
        try:
            definition = read_upload(sent.filename or "", sent.read())
        except BadImport as error:
            mistakes = error.mistakes
        else:
            call = actions.import_call(definition, by=current_user)
            return done(_("Imported. Nobody but coordinators sees it yet."), ".manage", reference=call.reference)
    status = 422 if form.is_submitted() else 200
    return render_template("calls/import.html", form=form, mistakes=mistakes), status


@bp.get("/calls/<reference>/manage")
@access(*STAFF)
def manage(reference: str) -> ResponseReturnValue:
    """Where a call stands, its money by region and lot, its timetable, and publishing it."""
    return manage_page(_call(reference, whole=True), CancelForm())


@bp.get("/calls/<reference>/call.yaml")
@access(*STAFF)
def export(reference: str) -> ResponseReturnValue:
    """The whole call as one file, which can be imported again."""
    call = _call(reference)
    require(permissions.can_manage(current_user, call))
    response = Response(write_call(queries.written_documents(call)), mimetype="application/yaml")
    response.headers.set("Content-Disposition", "attachment", filename=f"{call.reference}.yaml")
    return response


@bp.get("/calls/<reference>/preview")
@bp.get("/calls/<reference>/preview/<key>")
@access(*STAFF)
def preview(reference: str, key: str | None = None) -> ResponseReturnValue:
    """The call and each section of its form exactly as applicants will see them, switched off."""
    call = _call(reference)
    require(permissions.can_preview(current_user, call))
    definition = definition_of(call.questionnaire_id)
    if key is None:
        return render_template("calls/preview.html", **_told(call), definition=definition)
    section = found(definition.section(key))
    form = SectionForm(definition, section)
    return render_template("calls/preview_section.html", **_about(call), definition=definition, form=form)


@bp.post("/calls/<reference>/publish")
@access(Role.GLOBAL_COORDINATOR)
def publish(reference: str) -> ResponseReturnValue:
    """Show the call to everybody."""
    call = _call(reference, whole=True)
    require(permissions.can_publish(current_user, call))
    actions.publish(call, by=current_user)
    return done(_("The call is published."), ".manage", reference=reference)


# ------------------------------------------------------------------ shared


def _call(reference: str, *, whole: bool = False) -> Call:
    return found(queries.call_by_reference(scope(current_user, Call), reference, whole=whole))


def _about(call: Call) -> dict[str, Any]:
    at = clock.now()
    return {"call": call, "at": at, "standing": rules.standing(call, at), "steps": rules.stages(call, at)}


def _told(call: Call) -> dict[str, Any]:
    """A call with its text; of a published one the text is written once for each language, zone and stage."""
    about = _about(call)

    def write() -> str:
        guide = rules.guide(call, queries.documents_of(call), about["at"])
        return render_template("calls/_call.html", **about, guide=guide)

    key = ("call", call.id, call.edition, call.opens_at, call.closes_at, reader_zone(), current_user.is_authenticated)
    passed = sum(moment <= about["at"] for moment in rules.turning_points(call))
    text = _written_once((*key, passed), write) if call.state == CallState.PUBLISHED else _markup(write())
    return {**about, "text": text, "may_manage": permissions.can_manage(current_user, call)}


def _markup(written: str) -> Markup:
    return Markup(written)  # noqa: S704  what a template of ours wrote is markup already


def _written_once(key: tuple[Any, ...], write: Callable[[], str]) -> Markup:
    """A part of a page that is the same for everybody who reads the same language."""
    kept: dict[tuple[Any, ...], Markup] = current_app.extensions.setdefault("call_texts", {})
    full = (*key, language_now())
    if full not in kept:
        if len(kept) >= MOST_TEXTS:
            kept.pop(next(iter(kept)))
        kept[full] = _markup(write())
    return kept[full]


def manage_page(call: Call, form: CancelForm) -> str:
    """The page of one call for coordinators, with the form that takes it back."""
    require(permissions.can_manage(current_user, call))
    at = clock.now()
    kept = queries.working_copy_of(call)
    problems = rules.problems_of(kept.documents) if kept else []
    return render_template(
        "calls/manage.html",
        **_about(call),
        form=form,
        publishing=rules.obstacles_to_publishing(call, at, problems),
        cancelling=rules.obstacles_to_cancelling(call),
        may_publish=permissions.can_publish(current_user, call),
        may_write=permissions.can_write(current_user, call),
        may_cancel=permissions.can_cancel(current_user, call),
        timetable=rules.timetable_of(call, queries.documents_of(call)["terms"], at),
        told=timeline([("call", call.id)], names=True),
    )


def _page() -> int:
    text = request.args.get("page", "1")
    if not (text.isascii() and text.isdigit() and 0 < int(text[:6]) < 10_000):
        abort(404)
    return int(text)


def _pagination(page: int, total: int, endpoint: str) -> dict[str, Any]:
    return {
        "page": page,
        "pages": max(1, -(-total // queries.PAGE)),
        "total": total,
        "url_for": lambda number: url_for(endpoint, page=number),
    }
