"""The page of a close-out."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from grants.accounts.models import COORDINATORS
from grants.awards import queries as award_queries
from grants.awards.models import Award
from grants.awards.permissions import sees_as_staff
from grants.closeout import actions, permissions, queries, rules
from grants.closeout.forms import NoteForm
from grants.core import files
from grants.core.permissions import require, scope
from grants.core.web import SIGNED_IN, access, done, found
from grants.history.queries import timeline

bp = Blueprint("closeout", __name__)


def _award(reference: str) -> Award:
    return found(award_queries.award_by_reference(scope(current_user, Award), reference))


@bp.get("/grants/<reference>/closeout")
@access(SIGNED_IN)
def of_grant(reference: str) -> ResponseReturnValue:
    """What is settled and what is missing before the grant can be closed."""
    return _page(_award(reference), NoteForm())


def _page(award: Award, form: NoteForm) -> str:
    closeout = queries.closeout_of(award)
    facts = queries.facts_of(award)
    staff = sees_as_staff(current_user, award)
    if closeout is not None and not form.is_submitted():
        form.note.data = closeout.note
    subjects = [("award", award.id)] + ([("closeout", closeout.id)] if closeout else [])
    return render_template(
        "closeout/of_grant.html",
        award=award,
        closeout=closeout,
        checks=rules.checklist(award, facts, closeout),
        balance=facts.balance,
        money_lines=rules.balance_in_words(facts.balance),
        milestones=facts.milestones,
        form=form,
        staff=staff,
        may_close=permissions.can_close(current_user, award),
        to_open=rules.obstacles_to_opening(award, facts.reports, closeout),
        to_finish=rules.obstacles_to_finishing(award, facts, closeout),
        history=timeline(subjects, names=staff, limit=20),
    )


@bp.get("/grants/<reference>/closeout/letter.pdf")
@access(SIGNED_IN)
def letter(reference: str) -> ResponseReturnValue:
    """The closing letter as it was sent, under a name that tells nobody's name."""
    closeout = found(queries.closeout_of(_award(reference)))
    return files.send(found(closeout.letter_file), f"{reference}-closing.pdf")


@bp.post("/grants/<reference>/closeout/open")
@access(*COORDINATORS)
def open_closeout(reference: str) -> ResponseReturnValue:
    """Begin the final checks."""
    award = _award(reference)
    require(permissions.can_close(current_user, award))
    actions.open_closeout(award, by=current_user)
    return done(_("The close-out is open. The grantee has been told."), "closeout.of_grant", reference=reference)


@bp.post("/grants/<reference>/closeout/note")
@access(*COORDINATORS)
def explain(reference: str) -> ResponseReturnValue:
    """Explain milestones that were not reached."""
    award = _award(reference)
    require(permissions.can_close(current_user, award))
    form = NoteForm()
    if not form.validate_on_submit():
        return _page(award, form), 422
    actions.explain(found(queries.closeout_of(award)), form.note.data or "", by=current_user)
    return done(_("The note is saved."), "closeout.of_grant", reference=reference)


@bp.post("/grants/<reference>/closeout/finish")
@access(*COORDINATORS)
def finish(reference: str) -> ResponseReturnValue:
    """Close the grant."""
    award = _award(reference)
    require(permissions.can_close(current_user, award))
    actions.finish(found(queries.closeout_of(award)), by=current_user)
    return done(_("The grant is closed. The closing letter is on its way."), "closeout.of_grant", reference=reference)
