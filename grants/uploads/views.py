"""The addresses that a browser sends files to piece by piece. They answer in JSON; the pages are those of applications."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, jsonify, request
from flask.typing import ResponseReturnValue
from flask_login import current_user

from grants.applications.models import Application
from grants.applications.queries import application_by_reference, document_asked
from grants.applications.rules import MOST_PAGES
from grants.calls.models import DocumentAsked
from grants.core.db import db
from grants.core.permissions import require, scope
from grants.core.rules import Refused
from grants.core.web import SIGNED_IN, access, found
from grants.uploads import actions, permissions, queries
from grants.uploads.models import Booklet, BookletState, Upload

bp = Blueprint("uploads", __name__)


@bp.errorhandler(Refused)
def _refused(refusal: Refused) -> ResponseReturnValue:
    """What stands in the way, for a script to show beside the file."""
    db.session.rollback()
    problems = [str(obstacle.message) for obstacle in refusal.obstacles]
    return jsonify(problems=problems, codes=[obstacle.code for obstacle in refusal.obstacles]), 422


@bp.errorhandler(actions.Misplaced)
def _misplaced(misplaced: actions.Misplaced) -> ResponseReturnValue:
    """Where the next piece begins."""
    db.session.rollback()
    return jsonify(received=misplaced.received), 409


def _asked(reference: str, key: str) -> tuple[Application, DocumentAsked]:
    """The application somebody writes, and the document they send."""
    application = found(application_by_reference(scope(current_user, Application), reference))
    require(permissions.can_send(current_user, application))
    return application, found(document_asked(application.call, key))


def _upload(key: str) -> Upload:
    return found(queries.upload_by_key(scope(current_user, Upload), key))


def _told(upload: Upload) -> dict[str, Any]:
    return {
        "upload": upload.key,
        "name": upload.name,
        "size": upload.size,
        "received": upload.received,
        "state": upload.state,
    }


@bp.post("/applications/<reference>/documents/<key>/uploads")
@access(SIGNED_IN)
def begin(reference: str, key: str) -> ResponseReturnValue:
    """Announce a file: its name, size and SHA-256. The answer says where to send it and how much is there already."""
    application, document = _asked(reference, key)
    announced = _announced()
    upload = actions.begin(
        application,
        document,
        name=str(announced.get("name", "")),
        size=_whole_number(announced.get("size")),
        fingerprint=str(announced.get("sha256", "")),
        is_page=announced.get("page") is True,
        by=current_user,
    )
    return jsonify(_told(upload)), 201


def _announced() -> dict[str, Any]:
    """What a script says about files; everything else was not written by our pages."""
    try:
        said = request.get_json()
    except RecursionError:
        abort(400)
    if not isinstance(said, dict):
        abort(400)
    return said


def _whole_number(value: Any) -> int:
    return value if isinstance(value, int) and 0 <= value < 2**53 else 0


@bp.get("/uploads/<key>")
@access(SIGNED_IN)
def show(key: str) -> ResponseReturnValue:
    """How much of a file has arrived."""
    return jsonify(_told(_upload(key)))


@bp.post("/uploads/<key>/parts")
@access(SIGNED_IN)
def receive(key: str) -> ResponseReturnValue:
    """Take the next piece: its bytes are the body, where it begins and its SHA-256 stand in the headers."""
    upload = _upload(key)
    start = request.headers.get("Upload-Offset", -1, type=int)
    received = actions.receive(upload, start, request.get_data(), request.headers.get("Upload-Sha256", ""))
    return jsonify(received=received)


@bp.post("/uploads/<key>/finish")
@access(SIGNED_IN)
def finish(key: str) -> ResponseReturnValue:
    """Everything has arrived: look at the whole file and attach it."""
    upload = _upload(key)
    require(permissions.can_send(current_user, upload.application))
    actions.finish(upload, by=current_user)
    return jsonify(_told(upload))


@bp.post("/uploads/<key>/set-aside")
@access(SIGNED_IN)
def set_aside(key: str) -> ResponseReturnValue:
    """Give an upload up."""
    upload = _upload(key)
    actions.set_aside(upload)
    return jsonify(_told(upload))


@bp.post("/applications/<reference>/documents/<key>/join")
@access(SIGNED_IN)
def join(reference: str, key: str) -> ResponseReturnValue:
    """Make one PDF of photographs that have arrived, in the order given."""
    application, document = _asked(reference, key)
    asked = _announced()
    listed = asked.get("uploads")
    keys = [str(one) for one in listed][: MOST_PAGES + 1] if isinstance(listed, list) else []
    uploads = queries.uploads_by_keys(scope(current_user, Upload), keys)
    booklet = actions.join(application, document, uploads, name=str(asked.get("name", "")), by=current_user)
    return jsonify(_told_of_booklet(booklet))


@bp.get("/booklets/<key>")
@access(SIGNED_IN)
def booklet(key: str) -> ResponseReturnValue:
    """How many photographs have become pages."""
    return jsonify(_told_of_booklet(found(queries.booklet_by_key(scope(current_user, Booklet), key))))


def _told_of_booklet(booklet: Booklet) -> dict[str, Any]:
    return {
        "booklet": booklet.key,
        "state": booklet.state,
        "pages": sum(1 for upload in booklet.uploads if upload.paged),
        "of": len(booklet.uploads),
        "problems": [booklet.refusal] if booklet.state == BookletState.REFUSED else [],
    }
