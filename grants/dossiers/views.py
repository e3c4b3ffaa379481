"""The page of a dossier."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from grants.awards import queries as awards
from grants.awards.models import Award
from grants.core import files
from grants.core.permissions import require, scope
from grants.core.web import SIGNED_IN, access, done, found
from grants.dossiers import actions, permissions, queries, rules
from grants.dossiers.models import Dossier

bp = Blueprint("dossiers", __name__)


def _award(reference: str) -> Award:
    award = found(awards.award_by_reference(scope(current_user, Award), reference))
    require(permissions.can_have(current_user, award))
    return award


@bp.get("/grants/<reference>/dossier")
@access(SIGNED_IN)
def of_grant(reference: str) -> ResponseReturnValue:
    """My dossier of a grant: how far it is, and the way to have it made and to take it."""
    award = _award(reference)
    mine = queries.dossier_of(scope(current_user, Dossier), award.id)
    reader = permissions.reader_of(current_user, award)
    return render_template(
        "dossiers/of_grant.html",
        award=award,
        dossier=mine,
        reader=reader,
        sights=rules.Sight,
        asking=rules.obstacles_to_asking(mine),
        giving=rules.obstacles_to_giving(mine, reader, award) if mine else [],
        kept_days=rules.KEPT.days,
    )


@bp.post("/grants/<reference>/dossier")
@access(SIGNED_IN)
def ask(reference: str) -> ResponseReturnValue:
    """Have my dossier made."""
    actions.ask_for(_award(reference), by=current_user)
    return done(_("Your dossier is being made. This takes a moment."), ".of_grant", reference=reference)


@bp.post("/grants/<reference>/dossier/download")
@access(SIGNED_IN)
def take(reference: str) -> ResponseReturnValue:
    """Take my dossier; that I did is written down."""
    return files.send(actions.give(_award(reference), by=current_user), f"{reference}.zip")
