"""Pages."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from grants.applications.models import Application
from grants.calls.models import Call
from grants.calls.queries import call_by_reference
from grants.conflicts.rules import KIND_LABELS
from grants.core.permissions import require, scope
from grants.core.rows import as_csv
from grants.core.web import access, found
from grants.declarations import permissions, queries, rules
from grants.declarations.permissions import READERS
from grants.reviews.views import MOST_PAGES, Pages

bp = Blueprint("declarations", __name__)

PAGE = 50


# ------------------------------------------------------------------ the register


def _call(reference: str) -> Call:
    require(permissions.can_read_register(current_user))
    return found(call_by_reference(scope(current_user, Call), reference))


@bp.get("/calls/<reference>/conflicts")
@access(*READERS)
def register(reference: str) -> ResponseReturnValue:
    """Who has a tie to which application of a call, declared or computed, and what followed."""
    call = _call(reference)
    page = min(max(request.args.get("page", 1, type=int), 1), MOST_PAGES)
    lines = queries.register_of(call.id, scope(current_user, Application), page=page, size=PAGE)
    total = lines[0].total if lines else 0
    last = max((total + PAGE - 1) // PAGE, 1)
    return render_template(
        "declarations/register.html",
        call=call,
        lines=lines,
        kinds=KIND_LABELS,
        grades=rules.GRADE_LABELS,
        consequences=rules.consequences,
        pages=Pages(min(page, last), last, total, "declarations.register", (("reference", reference),)),
    )


@bp.get("/calls/<reference>/conflicts.csv")
@access(*READERS)
def register_csv(reference: str) -> Response:
    """The whole register as a file, those who declared that they have no tie included."""
    call = _call(reference)
    lines = queries.whole_register_of(call.id, scope(current_user, Application))
    header = [
        *(_("Application"), _("Organization"), _("Person"), _("Name"), _("How it is known"), _("Grade")),
        *(_("Reason"), _("Through"), _("When (UTC)"), _("Consequence")),
    ]
    return as_csv(f"{call.reference}-conflicts", header, map(_row, lines))


def _row(line: queries.Line) -> list[Any]:
    return [
        *(line.application, line.organization, line.person, line.name, KIND_LABELS[line.kind]),
        *(rules.GRADE_LABELS[line.grade], line.reason, line.through),
        line.at.strftime("%Y-%m-%d %H:%M") if line.at else None,
        "; ".join(str(one) for one in rules.consequences(line)),
    ]
