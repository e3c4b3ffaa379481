"""Pages."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import current_user
from wtforms.fields.choices import SelectChoice

from grants.accounts.models import Role
from grants.core.languages import country_name
from grants.core.languages import gettext as _
from grants.core.money import Money
from grants.core.permissions import require, scope
from grants.core.rules import Refused
from grants.core.web import SIGNED_IN, access, done, found, taken
from grants.history.queries import timeline
from grants.imports import actions, permissions, queries, rules
from grants.imports.forms import HIDING, LayoutForm, TableForm, TightenForm, UndoForm
from grants.imports.models import AwardImport, PastAward
from grants.imports.permissions import READERS
from grants.imports.workflow import ImportState

bp = Blueprint("imports", __name__)

FIRST = 20
"""So many awards of a table are shown as they will be read."""

MOST_SHOWN = 200
"""So many rows that cannot be taken are listed on the page; taken out, the list has all of them."""


@bp.app_template_global("may_see_imports")
def may_see_imports() -> bool:
    """Whether the present person may look at imports."""
    return bool(current_user.is_authenticated and current_user.holds(*READERS))


@bp.route("/imports", methods=["GET", "POST"])
@access(*READERS)
def index() -> ResponseReturnValue:
    """What was imported so far, and sending in another table."""
    form = TableForm()
    if form.is_submitted():
        require(permissions.can_import(current_user))
        sent = form.file.data
        if form.validate() and getattr(sent, "filename", ""):
            try:
                waiting = actions.send_in(sent.filename, sent.read(), by=current_user)
            except Refused as refusal:
                form.file.errors = [obstacle.message for obstacle in refusal.obstacles]
            else:
                return done(_("The table was read. Nothing has been imported yet."), ".columns", import_id=waiting.id)
        else:
            form.file.errors = [_("Please choose a file first.")]
    page = render_template(
        "imports/index.html",
        imports=queries.latest_imports(scope(current_user, AwardImport)),
        mappings=queries.mappings(),
        form=form,
        may=permissions.can_import(current_user),
    )
    return page, 422 if form.is_submitted() else 200


def _sent(import_id: int) -> AwardImport:
    return found(queries.import_by_id(scope(current_user, AwardImport), import_id))


@bp.route("/imports/<int:import_id>/columns", methods=["GET", "POST"])
@access(Role.GLOBAL_COORDINATOR)
def columns(import_id: int) -> ResponseReturnValue:
    """What the columns of a table mean."""
    sent = _sent(import_id)
    require(permissions.can_import(current_user))
    table = actions.table_in(sent)
    form = LayoutForm(table, rules.Layout.from_json(sent.layout), programme=sent.programme)
    obstacles = rules.obstacles_to_laying_out(sent.state)
    if form.validate_on_submit():
        try:
            actions.lay_out(sent, form.layout, form.programme.data, name=form.name.data, by=current_user)
        except Refused as refusal:
            form.form_errors = [*form.form_errors, *(obstacle.message for obstacle in refusal.obstacles)]
        else:
            return done(_("This is how the table is read now."), ".show", import_id=import_id)
    page = render_template(
        "imports/columns.html",
        sent=sent,
        form=form,
        mapping=queries.mapping_for(sent.header_fingerprint),
        obstacles=obstacles,
    )
    return page, 422 if form.is_submitted() else 200


@bp.get("/imports/<int:import_id>")
@access(*READERS)
def show(import_id: int) -> ResponseReturnValue:
    """An import: what it would bring, how far it is, or what it brought."""
    return _page(_sent(import_id), UndoForm())


def _page(sent: AwardImport, form: UndoForm) -> str:
    beside: dict[str, Any] = {"history": timeline([("award_import", sent.id)], names=True)}
    if sent.state in (ImportState.PREPARED, ImportState.FAILED):
        looked = actions.looked_at(sent)
        reading = looked.reading
        beside |= {
            "looked": looked,
            "shown": actions.as_shown(sent),
            "refused": reading.refused,
            "totals": [Money(minor, c) for c, minor in rules.totals(a.amount for a in looked.coming).items()],
            # Names in a table that nobody imported yet are read by those who import: ties are known once it is.
            "first": reading.awards[:FIRST],
            "headings": [one for one in reading.passed if one.kind == "heading"],
            "again": [one for one in reading.passed if one.kind == "header_again"],
            "obstacles": rules.obstacles_to_importing(
                sent.state, looked.layout, looked.table.header, reading, sent.programme
            ),
        }
    else:
        beside["refused"] = [rules.Refusal(**one) for one in sent.refused]
    return render_template(
        "imports/show.html",
        sent=sent,
        may=permissions.can_import(current_user),
        undoing=rules.obstacles_to_undoing(sent.state),
        form=form,
        most=MOST_SHOWN,
        **beside,
    )


@bp.post("/imports/<int:import_id>/confirm")
@access(Role.GLOBAL_COORDINATOR)
def confirm(import_id: int) -> ResponseReturnValue:
    """Have a table imported as it was shown."""
    sent = _sent(import_id)
    require(permissions.can_import(current_user))
    actions.confirm(sent, by=current_user, seen=request.form.get("seen", ""))
    return done(_("The awards are being imported. This takes a moment."), ".show", import_id=import_id)


@bp.post("/imports/<int:import_id>/discard")
@access(Role.GLOBAL_COORDINATOR)
def discard(import_id: int) -> ResponseReturnValue:
    """Put a table aside."""
    sent = _sent(import_id)
    require(permissions.can_import(current_user))
    actions.discard(sent)
    return done(_("The table was put aside. Nothing was imported."), ".index")


@bp.post("/imports/<int:import_id>/undo")
@access(Role.GLOBAL_COORDINATOR)
def undo(import_id: int) -> ResponseReturnValue:
    """Take back what an import brought."""
    sent = _sent(import_id)
    require(permissions.can_import(current_user))
    form = UndoForm()
    if not form.validate_on_submit():
        return _page(sent, form), 422
    actions.undo(sent, form.reason.data, by=current_user)
    return done(_("The import was taken back. It stays in the record."), ".show", import_id=import_id)


@bp.get("/past-grants/<reference>")
@access(SIGNED_IN)
def past_award(reference: str) -> ResponseReturnValue:
    """An award of an earlier programme: what the table said, and where it comes from."""
    return _award_page(_past_award(reference), TightenForm(formdata=None))


def _past_award(reference: str) -> PastAward:
    return found(queries.past_award_by_reference(scope(current_user, PastAward), reference))


@bp.post("/past-grants/<reference>/tighten")
@access(SIGNED_IN)
def tighten(reference: str) -> ResponseReturnValue:
    """Make an award of an earlier programme more confidential."""
    award = _past_award(reference)
    require(permissions.can_tighten(current_user, award))
    form = _choosing(award, TightenForm())
    if not taken(lambda: actions.tighten(award, form.wanted.data, form.reason.data, by=current_user), form):
        return _award_page(award, form), 422
    return done(_("The grant is more confidential now, everywhere."), ".past_award", reference=reference)


def _choosing(award: PastAward, form: TightenForm) -> TightenForm:
    """The form with the classes that hide more than the present one."""
    tighter = rules.tighter_than(award.confidentiality)
    form.wanted.choices = [SelectChoice(key, label) for key, label in HIDING.items() if key in tighter]
    return form


def _award_page(award: PastAward, form: TightenForm) -> str:
    header = award.import_.header
    told = [(header[at] if at < len(header) else "", cell) for at, cell in enumerate(award.cells) if cell.strip()]
    return render_template(
        "imports/past_award.html",
        award=award,
        told=told,
        form=_choosing(award, form),
        may_tighten=permissions.can_tighten(current_user, award),
        country="" if award.organization.country == rules.NOWHERE else country_name(award.organization.country),
        staff=current_user.holds(*permissions.EVERYWHERE, Role.REGIONAL_COORDINATOR),
    )
