"""Pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from flask import Blueprint, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from grants.core import files as stored
from grants.core.listings import LISTINGS, Place, place_of
from grants.core.permissions import require, scope
from grants.core.rules import Obstacle, Refused
from grants.core.web import SIGNED_IN, access, done, found
from grants.listings import actions, permissions, queries, rules
from grants.listings.forms import NameForm
from grants.listings.models import FILE_STATES, FileKind, FileState, KeptFilter, ListFile

bp = Blueprint("listings", __name__)


class Here(NamedTuple):
    """The list on the present page, and the filters of it that the reader keeps."""

    address: str
    kept: Sequence[KeptFilter]

    @property
    def may_be_kept(self) -> bool:
        """Whether it is filtered, and the reader does not keep it like this yet."""
        return "?" in self.address and all(one.address != self.address for one in self.kept)


@bp.app_template_global("list_here")
def list_here() -> Here | None:
    """The list on the present page, if there is one; every page asks."""
    if request.endpoint not in LISTINGS or not current_user.is_authenticated:
        return None
    place = place_of(request.full_path)
    if place is None or not permissions.can_take_out(current_user, place):
        return None
    path = place.address.partition("?")[0]
    kept = queries.filters_kept(scope(current_user, KeptFilter), request.endpoint)
    return Here(place.address, [one for one in kept if one.path == path])


@bp.app_template_global("filters_kept")
def filters_kept() -> Sequence[KeptFilter]:
    """The filters that the present person keeps of lists that they may still open, for their home page."""
    return [one for one in queries.filters_kept(scope(current_user, KeptFilter)) if _opens(one)]


def _opens(kept: KeptFilter) -> bool:
    place = place_of(kept.address)
    return place is not None and permissions.can_take_out(current_user, place)


def _asked_for() -> Place:
    place: Place = found(place_of(request.form.get("address", "")))
    require(permissions.can_take_out(current_user, place))
    return place


# ------------------------------------------------------------------ files


@bp.get("/exports")
@access(SIGNED_IN)
def files() -> ResponseReturnValue:
    """The lists that I took out: how far they are, and the way to take them again."""
    mine = queries.files_of(scope(current_user, ListFile))
    return render_template(
        "listings/files.html",
        files=mine,
        waiting=[one for one in mine if one.state == FileState.ASKED],
        states=FILE_STATES,
        kept_days=rules.KEPT.days,
    )


@bp.post("/exports")
@access(SIGNED_IN)
def take_out() -> ResponseReturnValue:
    """Take out the list at an address: a short one now, a long one when it is ready."""
    place = _asked_for()
    kind = request.form.get("kind", "")
    made = actions.take_out(place, FileKind(found(kind if kind in list(FileKind) else None)), by=current_user)
    if made.state == FileState.READY:
        return stored.send(actions.give(made, by=current_user))
    return done(_("The list is long: it is being written, and stands here when it is ready."), "listings.files")


@bp.post("/exports/<int:file_id>/download")
@access(SIGNED_IN)
def download(file_id: int) -> ResponseReturnValue:
    """Take a file that is ready; that I did is written down."""
    file = found(queries.file_to_give(scope(current_user, ListFile), file_id))
    return stored.send(actions.give(file, by=current_user))


# ------------------------------------------------------------------ filters


@bp.get("/filters")
@access(SIGNED_IN)
def filters() -> ResponseReturnValue:
    """The filters that I keep, to open, rename or delete them."""
    kept = queries.filters_kept(scope(current_user, KeptFilter))
    return render_template("listings/filters.html", filters=[(one, _opens(one)) for one in kept])


@bp.post("/filters")
@access(SIGNED_IN)
def keep() -> ResponseReturnValue:
    """Keep a list as filtered under a name, and go back to it."""
    place = _asked_for()
    actions.keep_filter(place, _name(), by=current_user)
    flash(_("The filter is kept. You find it here and on your home page."), "success")
    return redirect(place.address)


def _name() -> str:
    """The name that was typed. Raises Refused for one that cannot be kept."""
    form = NameForm()
    if not form.validate():
        raise Refused(*(Obstacle("name", error) for error in form.name.errors))
    return form.name.data or ""


def _kept(filter_id: int) -> KeptFilter:
    return found(queries.filter_by_id(scope(current_user, KeptFilter), filter_id))


@bp.post("/filters/<int:filter_id>/name")
@access(SIGNED_IN)
def rename(filter_id: int) -> ResponseReturnValue:
    """Give a filter another name."""
    actions.rename_filter(_kept(filter_id), _name(), by=current_user)
    return done(_("The filter has its new name."), "listings.filters")


@bp.post("/filters/<int:filter_id>/forget")
@access(SIGNED_IN)
def forget(filter_id: int) -> ResponseReturnValue:
    """Keep a filter no longer."""
    actions.forget_filter(_kept(filter_id))
    return done(_("The filter is deleted. The list itself is as it was."), "listings.filters")
