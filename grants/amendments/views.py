"""Pages of the changes of a grant: where one stands, asking, working out, signing, versions, and the end before its time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from grants.accounts.models import COORDINATORS
from grants.amendments import actions, forms, permissions, queries, rules
from grants.amendments.models import KIND_LABELS, Amendment, BudgetNotice, Kind
from grants.amendments.queries import Facts
from grants.awards import queries as award_queries
from grants.awards.forms import ReasonForm
from grants.awards.models import Award
from grants.awards.permissions import sees_as_staff
from grants.core.forms import read_mark
from grants.core.languages import _l
from grants.core.permissions import require, scope
from grants.core.rules import Obstacle
from grants.core.web import SIGNED_IN, access, done, found, taken
from grants.history.queries import timeline
from grants.payments import queries as payments
from grants.reports import queries as reports
from grants.reports.workflow import ReportState

bp = Blueprint("amendments", __name__)


def _award(reference: str) -> Award:
    return found(award_queries.award_by_reference(scope(current_user, Award), reference))


def _amendment(reference: str, number: int) -> Amendment:
    award = _award(reference)
    amendment = found(queries.amendment_by_number(scope(current_user, Amendment), award, number))
    amendment.award = award
    return amendment


def _done(amendment: Amendment, said: str) -> ResponseReturnValue:
    return done(said, "amendments.show", reference=amendment.award.reference, number=amendment.number)


def _tried(form: Any, act: Callable[[], object]) -> bool:
    """Whether what was typed could be taken; what the action refused stands beside the fields otherwise."""
    return taken(act, form, forms.FIELD_OF)


# ------------------------------------------------------------------ where one stands


@bp.get("/grants/<reference>/changes")
@access(SIGNED_IN)
def of_grant(reference: str) -> ResponseReturnValue:
    """How far the budget was changed and may still be, what was asked, and the versions of the agreement."""
    award = _award(reference)
    facts = queries.facts_of(award)
    return render_template(
        "amendments/of_grant.html",
        award=award,
        facts=facts,
        shift=rules.shift_of(facts, {}),
        levels=rules.LEVEL_LABELS,
        amendments=queries.amendments_of(award),
        kinds=KIND_LABELS,
        latest_end=rules.latest_end(facts),
        to_ask=_to_ask(facts),
        may_ask=permissions.can_ask(current_user, award),
        member=current_user.belongs_to(award.organization_id),
        staff=sees_as_staff(current_user, award),
    )


def _to_ask(facts: Facts) -> list[Obstacle]:
    """Why nothing can be asked for now, whatever it is."""
    nothing = rules.Request(frozenset(), ".")
    return [one for one in rules.obstacles_to_asking(facts, nothing) if one.code in ("not_running", "not_signed")]


@bp.route("/grants/<reference>/changes/new", methods=["GET", "POST"])
@access(SIGNED_IN)
def ask(reference: str) -> ResponseReturnValue:
    """Ask for a change, and see while typing what it needs."""
    award = _award(reference)
    require(permissions.can_ask(current_user, award))
    facts = queries.facts_of(award)
    form = forms.ask_form(facts)
    if "count" in request.form:
        return _ask_page(award, facts, form)
    assisted = not current_user.belongs_to(award.organization_id)
    made: list[Amendment | BudgetNotice] = []
    if _tried(form, lambda: made.append(actions.ask(award, form.request(), by=current_user, assisted=assisted))):
        if isinstance(made[0], BudgetNotice):
            return done(_("The money is moved, and the fund is told."), "amendments.of_grant", reference=reference)
        said = (
            _("It is written down. The grantee is asked to confirm it.")
            if assisted
            else _("Thank you. The fund reads it and writes to you.")
        )
        return done(said, "amendments.show", reference=reference, number=made[0].number)
    return _ask_page(award, facts, form), 422 if form.is_submitted() else 200


def _ask_page(award: Award, facts: Facts, form: forms.AskForm) -> str:
    shift = rules.shift_of(facts, form.moves())
    moving = any(line.change for line in shift.lines)
    return render_template(
        "amendments/ask.html",
        award=award,
        facts=facts,
        form=form,
        shift=shift,
        level=rules.LEVEL_LABELS[shift.level],
        levels=rules.LEVEL_LABELS,
        stops=rules.obstacles_to_moving_money(shift, facts.budget) if moving else [],
        to_ask=_to_ask(facts),
        to_extend=rules.obstacles_to_extending(facts, None),
        latest_end=rules.latest_end(facts),
        late=rules.asks_late(facts),
        assisted=not current_user.belongs_to(award.organization_id),
    )


# ------------------------------------------------------------------ one amendment


@bp.get("/grants/<reference>/changes/<int:number>")
@access(SIGNED_IN)
def show(reference: str, number: int) -> ResponseReturnValue:
    """What was asked, how it was worked out, what it leads to, and who does what next."""
    return _page(_amendment(reference, number), forms.SignForm())


def _page(amendment: Amendment, form: forms.SignForm) -> str:
    award = amendment.award
    facts = queries.facts_of(award)
    may_sign = permissions.can_sign(current_user, award)
    staff = sees_as_staff(current_user, award)
    return render_template(
        "amendments/show.html",
        award=award,
        amendment=amendment,
        facts=facts,
        kinds=[KIND_LABELS[Kind(kind)] for kind in amendment.kinds],
        shift=rules.shift_of(facts, amendment.moves),
        levels=rules.LEVEL_LABELS,
        level=rules.level_of(facts, rules.request_in(amendment)),
        mark=rules.mark_of_change(amendment),
        revision=rules.revision_in(amendment),
        milestones=rules.open_milestones(facts),
        reports=rules.open_reports(facts),
        instalments=rules.moved_instalments(facts, rules.revision_in(amendment)),
        form=form,
        to_approve=rules.obstacles_to_approving(amendment, facts, current_user.id),
        to_hand_in=rules.obstacles_to_handing_in(amendment, facts),
        to_draw_up=rules.obstacles_to_drawing_up(amendment, facts, current_user.id),
        to_sign=rules.obstacles_to_signing(amendment, facts, None, may_sign=may_sign),
        may_confirm=permissions.can_confirm(current_user, award),
        may_work_out=permissions.can_work_out(current_user, award),
        may_decide=permissions.can_decide(current_user, award),
        may_sign=may_sign,
        staff=staff,
        history=timeline([("amendment", amendment.id)], names=staff),
    )


@bp.post("/grants/<reference>/changes/<int:number>/confirm")
@access(SIGNED_IN)
def confirm(reference: str, number: int) -> ResponseReturnValue:
    """Confirm what the fund wrote down."""
    amendment = _amendment(reference, number)
    require(permissions.can_confirm(current_user, amendment.award))
    actions.confirm(amendment, by=current_user, read=read_mark())
    return _done(amendment, _("Thank you for confirming it."))


@bp.post("/grants/<reference>/changes/<int:number>/approve")
@access(*COORDINATORS)
def approve(reference: str, number: int) -> ResponseReturnValue:
    """Agree to a change."""
    amendment = _amendment(reference, number)
    require(permissions.can_decide(current_user, amendment.award))
    actions.approve(amendment, by=current_user, read=read_mark())
    return _done(amendment, _("The change is approved, and the grantee is told."))


@bp.post("/grants/<reference>/changes/<int:number>/hand-in")
@access(SIGNED_IN)
def hand_in(reference: str, number: int) -> ResponseReturnValue:
    """Hand in what was worked out."""
    amendment = _amendment(reference, number)
    require(permissions.can_work_out(current_user, amendment.award))
    actions.hand_in(amendment, by=current_user, read=read_mark())
    return _done(amendment, _("Thank you. The fund checks it and draws up the amendment."))


@bp.post("/grants/<reference>/changes/<int:number>/draw-up")
@access(*COORDINATORS)
def draw_up(reference: str, number: int) -> ResponseReturnValue:
    """Accept what was worked out and write the amendment."""
    amendment = _amendment(reference, number)
    require(permissions.can_decide(current_user, amendment.award))
    actions.draw_up(amendment, by=current_user, read=read_mark())
    return _done(amendment, _("The amendment is drawn up. The signatories are asked to sign."))


@bp.post("/grants/<reference>/changes/<int:number>/sign")
@access(SIGNED_IN)
def sign(reference: str, number: int) -> ResponseReturnValue:
    """Sign an amendment in the name of the organization."""
    amendment = _amendment(reference, number)
    require(permissions.can_sign(current_user, amendment.award))
    form, version = forms.SignForm(), request.form.get("read", 0, int)

    def act() -> Amendment:
        return actions.sign(amendment, signature=form.signature.data or "", by=current_user, version=version)

    if not _tried(form, act):
        return _page(amendment, form), 422
    return _done(amendment, _("The amendment is signed and in force."))


ANSWERS: dict[str, tuple[Any, Any, Any, str]] = {
    "refuse": (
        _l("Refuse this change"),
        _l("The grantee reads your words. It may ask again for something else."),
        _l("The change is refused, and the grantee is told."),
        "fund",
    ),
    "return": (
        _l("Send it back"),
        _l("The grantee reads your words and works it out again. All that was written stays."),
        _l("It is sent back, and the grantee is told."),
        "fund",
    ),
    "lapse": (
        _l("Let this change lapse"),
        _l("Nothing of it applies. Do this when nobody confirms, works out or signs it any more."),
        _l("The change has lapsed."),
        "fund",
    ),
    "withdraw": (
        _l("Withdraw this change"),
        _l("Nothing of it applies, and the grant stays as it was agreed."),
        _l("The change is withdrawn."),
        "grantee",
    ),
}
"""What is done with words: the question, what it means, how it is confirmed, and by whom."""

VERBS: dict[str, Callable[..., Amendment]] = {
    "refuse": actions.refuse_change,
    "return": actions.return_,
    "lapse": actions.lapse,
    "withdraw": actions.withdraw,
}


READ = ("refuse", "return")
"""What is answered to what was read, and not to another change that stands meanwhile."""


def _read(what: str) -> dict[str, str | None]:
    return {"read": read_mark()} if what in READ else {}


@bp.route("/grants/<reference>/changes/<int:number>/answer/<what>", methods=["GET", "POST"])
@access(SIGNED_IN)
def answer(reference: str, number: int, what: str) -> ResponseReturnValue:
    """Refuse a change, send it back, withdraw it or let it lapse, with a reason."""
    amendment = _amendment(reference, number)
    if what not in ANSWERS:
        abort(404)
    heading, meaning, confirmed, who = ANSWERS[what]
    may = permissions.can_decide if who == "fund" else permissions.can_work_out
    require(may(current_user, amendment.award))
    form = forms.AnswerForm()
    if form.validate_on_submit():
        VERBS[what](amendment, form.reason.data or "", by=current_user, **_read(what))
        return _done(amendment, str(confirmed))
    stops = {
        "refuse": lambda: rules.obstacles_to_refusing(amendment, None),
        "return": lambda: rules.obstacles_to_returning(amendment, None),
    }.get(what, lambda: rules.obstacles_to_ending(amendment, what, None))()
    back_url = url_for("amendments.show", reference=reference, number=number)
    mark = rules.mark_of_change(amendment) if what in READ else None
    return _asked(amendment.award, form, heading, meaning, stops, back_url, mark=mark)


def _asked(
    award: Award, form: Any, heading: Any, meaning: Any, stops: list[Obstacle], back_url: str, mark: str | None = None
) -> ResponseReturnValue:
    page = render_template(
        "awards/ask.html",
        award=award,
        form=form,
        heading=heading,
        lead=meaning,
        label=heading,
        tone="danger",
        obstacles=stops,
        back_url=back_url,
        back_label=award.reference,
        mark=mark,
    )
    return page, 422 if form.is_submitted() else 200


@bp.route("/grants/<reference>/changes/<int:number>/work-out", methods=["GET", "POST"])
@access(SIGNED_IN)
def work_out(reference: str, number: int) -> ResponseReturnValue:
    """Work out what an approved change comes to: only what it touches is open."""
    amendment = _amendment(reference, number)
    award = amendment.award
    require(permissions.can_work_out(current_user, award))
    facts = queries.facts_of(award)
    form = forms.revision_form(amendment, facts)
    if _tried(form, lambda: actions.save_revision(amendment, form.revision(), by=current_user)):
        return _done(amendment, _("Saved. Look at it once more, then hand it in."))
    page = render_template(
        "amendments/work_out.html",
        award=award,
        amendment=amendment,
        facts=facts,
        form=form,
        kinds=[KIND_LABELS[Kind(kind)] for kind in amendment.kinds],
        milestones=rules.open_milestones(facts) if form.milestone_ids else [],
        reports=rules.open_reports(facts) if form.report_ids else [],
        stops=rules.obstacles_to_working_out(amendment, facts),
    )
    return page, 422 if form.is_submitted() else 200


# ------------------------------------------------------------------ versions


@bp.get("/grants/<reference>/versions")
@access(SIGNED_IN)
def versions(reference: str) -> ResponseReturnValue:
    """Everything that was signed for a grant, and any two versions beside each other."""
    award = _award(reference)
    kept = award_queries.versions_of(award)
    by_number = {version.number: version for version in kept}
    last = kept[-1].number if kept else 0
    old = by_number.get(request.args.get("old", max(last - 1, 1), int))
    new = by_number.get(request.args.get("new", last, int))
    triggers = award_queries.plan_terms(award).get("award", {}).get("trigger_labels", {})
    return render_template(
        "amendments/versions.html",
        award=award,
        versions=kept,
        old=old,
        new=new,
        sides=rules.compare(old, new, triggers) if old and new and old is not new else [],
        staff=sees_as_staff(current_user, award),
    )


# ------------------------------------------------------------------ the end before its time


@bp.route("/grants/<reference>/terminate", methods=["GET", "POST"])
@access(*COORDINATORS)
def terminate(reference: str) -> ResponseReturnValue:
    """Terminate an agreement with a reason; the grant is settled."""
    award = _award(reference)
    require(permissions.can_terminate(current_user, award))
    form = ReasonForm()
    if form.validate_on_submit():
        actions.terminate(award, form.reason.data or "", by=current_user)
        return done(
            _("The agreement is terminated. The grantee gets a letter."), "amendments.settlement", reference=reference
        )
    return _asked(
        award,
        form,
        _("Terminate this agreement"),
        _(
            "This cannot be undone. The grantee sends a final report; what it spent in good faith until today is paid, what it "
            "did not spend is paid back. Instalments that are not due any more are cancelled."
        ),
        rules.obstacles_to_terminating(award, queries.payments_under_way(award)),
        url_for("awards.agreement", reference=reference),
    )


@bp.get("/grants/<reference>/settlement")
@access(SIGNED_IN)
def settlement(reference: str) -> ResponseReturnValue:
    """How a grant that ended before its time comes out: what is paid still, or paid back."""
    award = _award(reference)
    told = reports.spent(award, states=[ReportState.SUBMITTED, ReportState.RETURNED])
    waiting = [due for due in reports.dues_of(award) if due.required and due.state not in payments.SETTLED_REPORT]
    return render_template(
        "amendments/settlement.html",
        award=award,
        settlement=rules.Settlement(payments.position(award), told, len(waiting)),
        final=queries.final_report_of(award),
        cancelled=payments.cancelled_of(award),
        staff=sees_as_staff(current_user, award),
    )
