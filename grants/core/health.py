"""Is it alive, and may it be sent visitors? Asked by the supervisor and by whatever stands before the web servers."""

from __future__ import annotations

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from grants.core.db import db
from grants.core.web import ANYONE, access

bp = Blueprint("health", __name__, url_prefix="/health")


@bp.get("/live")
@access(ANYONE)
def live() -> ResponseReturnValue:
    """The process answers."""
    return jsonify(status="alive")


@bp.get("/ready")
@access(ANYONE)
def ready() -> ResponseReturnValue:
    """The database answers and has been migrated."""
    try:
        db.session.execute(text("SELECT version_num FROM alembic_version"))
    except SQLAlchemyError:
        return jsonify(status="the database does not answer"), 503
    return jsonify(status="ready")
