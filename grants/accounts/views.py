"""Pages."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from grants.core.web import ANYONE, access

bp = Blueprint("accounts", __name__)


@bp.get("/registered")
@access(ANYONE)
def registered() -> ResponseReturnValue:
    """Look into your mailbox."""
    return render_template("accounts/registered.html")
