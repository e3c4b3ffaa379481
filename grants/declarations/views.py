"""Pages."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from grants.accounts.models import Role
from grants.applications.models import Application
from grants.calls.models import Call
from grants.calls.queries import call_by_reference
from grants.conflicts import queries as conflicts
from grants.conflicts.models import Grade
from grants.conflicts.permissions import DECLARERS, can_declare_interests, has_declared_year
from grants.conflicts.rules import KIND_LABELS
from grants.core.permissions import require, scope
from grants.core.rules import Refused
from grants.core.web import access, done, found
from grants.declarations import actions, permissions, queries, rules
from grants.declarations.forms import YearForm, call_form
from grants.declarations.permissions import READERS
from grants.reviews.queries import applicants_to_declare
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
    lines = queries.register_of(call.id, scope(current_user, Application), current_user, page=page, size=PAGE)
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


# ------------------------------------------------------------------ declaring


@bp.route("/declarations/year", methods=["GET", "POST"])
@access(*DECLARERS)
def of_year() -> ResponseReturnValue:
    """What I declare in general, for a year."""
    require(can_declare_interests(current_user))
    last = conflicts.year_declaration_of(current_user)
    kept = {"words": last.words, "organizations": "\n".join(last.organizations)} if last else {}
    form = YearForm(data=kept)
    if form.validate_on_submit():
        try:
            actions.declare_for_year(
                current_user, words=form.words.data or "", organizations=form.named(), by=current_user
            )
        except Refused as refused:
            form.form_errors += [str(obstacle.message) for obstacle in refused.obstacles]
        else:
            return done(_("Thank you. Your declaration is recorded."), "declarations.of_year")
    current = has_declared_year(current_user)
    page = render_template("declarations/year.html", form=form, last=last, current=current)
    return page, 422 if form.is_submitted() else 200


@bp.route("/calls/<reference>/declaration", methods=["GET", "POST"])
@access(Role.REVIEWER, Role.COMMITTEE_MEMBER)
def of_call(reference: str) -> ResponseReturnValue:
    """What I declare about the applicants of a call: none, knows them, conflict."""
    call = found(call_by_reference(scope(current_user, Call), reference))
    judges = queries.judges_in(current_user, call.id)
    found(permissions.can_declare_for_call(current_user, call, judges=judges) or None)
    organizations = applicants_to_declare(current_user, call.id)
    if request.method == "POST":  # nothing is said of who was not on the page
        organizations = [one for one in organizations if f"grade_{one.reference}" in request.form]
    form = call_form(organizations)()
    if form.validate_on_submit():
        ties = form.ties(organizations)
        if "none" in request.form and any(grade != Grade.NONE for grade, _reason in ties.values()):
            form.form_errors += [_("You marked a tie. Please use the other button, or take the mark away.")]
        else:
            actions.declare_for_call(current_user, call, ties, organizations, by=current_user)
            home = "reviews.mine" if current_user.holds(Role.REVIEWER) else "decisions.meetings"
            return done(_("Thank you. Your declaration is recorded."), home)
    page = render_template("declarations/call.html", call=call, form=form, organizations=organizations)
    return page, 422 if form.is_submitted() else 200
