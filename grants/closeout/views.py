"""The page of a close-out."""

from __future__ import annotations

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from grants.accounts.models import COORDINATORS
from grants.awards import queries as award_queries
from grants.awards.models import Award
from grants.awards.permissions import STAFF, sees_as_staff
from grants.closeout import actions, permissions, queries, rules
from grants.closeout.forms import NoteForm, ReasonForm
from grants.closeout.models import Erasure
from grants.closeout.workflow import ErasureState
from grants.core import clock, files
from grants.core.permissions import require, scope
from grants.core.templating import reader_zone
from grants.core.web import SIGNED_IN, access, done, found
from grants.history.queries import timeline

bp = Blueprint("closeout", __name__)


@bp.app_template_global("may_see_retention")
def may_see_retention() -> bool:
    """Whether the present person sees until when the records of closed grants are kept."""
    return permissions.can_see_retention(current_user)


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
    checks = rules.checklist(award, facts, closeout)
    if closeout is not None and not form.is_submitted():
        form.note.data = closeout.note
    subjects = [("award", award.id)] + ([("closeout", closeout.id)] if closeout else [])
    return render_template(
        "closeout/of_grant.html",
        award=award,
        closeout=closeout,
        checks=checks if staff else rules.as_grantee_reads(checks),
        balance=facts.balance,
        money_lines=rules.balance_in_words(facts.balance),
        milestones=facts.milestones,
        agreed=facts.agreed,
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


# ------------------------------------------------------------------ what is kept, and until when


@bp.get("/retention")
@access(*STAFF)
def retention() -> ResponseReturnValue:
    """The grants that are over and whose records are kept, until when, and those whose time is over."""
    require(permissions.can_see_retention(current_user))
    over, page = request.args.get("show", "over") != "kept", max(request.args.get("page", 1, int), 1)
    seen, today = scope(current_user, Award), clock.today(reader_zone())
    lines, number = queries.records_kept(seen, over=over, today=today, page=page)
    other = queries.records_kept(seen, over=not over, today=today)[1]
    show = "over" if over else "kept"
    return render_template(
        "closeout/retention.html",
        lines=lines,
        number=number,
        over=over,
        counts={show: number, "kept" if over else "over": other},
        states=ErasureState,
        pagination={
            "page": page,
            "pages": -(-number // queries.PAGE),
            "total": number,
            "url_for": lambda n: url_for(".retention", show=show, page=n),
        },
    )


@bp.get("/grants/<reference>/retention")
@access(*STAFF)
def kept(reference: str) -> ResponseReturnValue:
    """What is kept of a closed grant, until when and why; and what may be erased when its time is over."""
    return _kept_page(_award(reference), ReasonForm())


def _kept_page(award: Award, form: ReasonForm) -> str:
    closeout, until = queries.closeout_of(award), found(queries.kept_until(award))
    erasure = queries.erasure_of(award)
    today = clock.today(award.call.timezone)
    subjects = [("closeout", closeout.id)] if closeout else []
    subjects += [("erasure", erasure.id)] if erasure else []
    return render_template(
        "closeout/kept.html",
        award=award,
        erasure=erasure,
        kept=rules.kept_of(until, queries.retention_years_of(award), erasure, signed=closeout is not None),
        papers=queries.papers_about_people(award),
        mails=len(queries.mails_about(award)),
        form=form,
        may_erase=permissions.can_erase(current_user, award),
        proposing=rules.obstacles_to_proposing(until, erasure, today),
        erasing=rules.obstacles_to_erasing(erasure, current_user.id) if erasure else [],
        history=timeline(subjects, names=True, limit=20),
    )


def _to_erase(reference: str) -> tuple[Award, Erasure]:
    award = _award(reference)
    require(permissions.can_erase(current_user, award))
    return award, found(queries.erasure_of(award))


@bp.post("/grants/<reference>/retention/propose")
@access(*COORDINATORS)
def propose_erasure(reference: str) -> ResponseReturnValue:
    """Propose to erase sensitive papers and mails."""
    award = _award(reference)
    require(permissions.can_erase(current_user, award))
    actions.propose_erasure(award, by=current_user)
    return done(_("It is proposed. Another person looks, and erases."), ".kept", reference=reference)


@bp.post("/grants/<reference>/retention/erase")
@access(*COORDINATORS)
def erase(reference: str) -> ResponseReturnValue:
    """Erase sensitive papers and mails that another person proposed."""
    actions.erase(_to_erase(reference)[1], by=current_user)
    return done(_("The papers and the words of mails are erased."), ".kept", reference=reference)


@bp.post("/grants/<reference>/retention/keep")
@access(*COORDINATORS)
def keep_after_all(reference: str) -> ResponseReturnValue:
    """Keep what was proposed for erasure."""
    award, erasure = _to_erase(reference)
    form = ReasonForm()
    if not form.validate_on_submit():
        return _kept_page(award, form), 422
    actions.keep_after_all(erasure, form.reason.data or "", by=current_user)
    return done(_("Everything is kept."), ".kept", reference=reference)
