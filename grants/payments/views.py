"""Pages about bank accounts, the plan and the signature, payments, and the ledger."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from flask import Blueprint, abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from wtforms.fields.choices import SelectChoice

from grants.accounts.models import COORDINATORS, Organization, Role
from grants.accounts.queries import organization_by_reference
from grants.awards import models as award_models
from grants.awards import queries as award_queries
from grants.awards import rules as award_rules
from grants.awards.forms import MoveForm
from grants.awards.models import Award
from grants.awards.permissions import sees_as_staff
from grants.calls.models import Call
from grants.core import clock, files
from grants.core.files import StoredFile
from grants.core.forms import read_mark
from grants.core.languages import language_now, pick
from grants.core.money import Money, NotAnAmount, minor_digits
from grants.core.permissions import require, scope
from grants.core.rules import Obstacle, Refused
from grants.core.templating import addresses, day, money
from grants.core.web import SIGNED_IN, access, done, found, taken
from grants.history.queries import timeline
from grants.payments import actions, forms, permissions, queries, rules
from grants.payments.models import BankAccount, Disbursement, Transfer
from grants.payments.workflow import BankAccountState, DisbursementState

bp = Blueprint("payments", __name__)

S = DisbursementState


# ------------------------------------------------------------------ what the pages share


def _organization(reference: str) -> Organization:
    return found(organization_by_reference(scope(current_user, Organization), reference))


def _award(reference: str) -> Award:
    return found(award_queries.award_by_reference(scope(current_user, Award), reference))


def _payment(reference: str) -> Disbursement:
    return found(queries.disbursement_by_reference(scope(current_user, Disbursement), reference))


def _tried(form: Any, act: Callable[[], object]) -> bool:
    """Act if the form is complete; what stands in the way is shown on the form, with everything typed still there."""
    return taken(act, form, forms.FIELD_OF)


def _upload(form: Any) -> tuple[str, bytes]:
    return form.proof.data.filename or "", form.proof.data.read(files.LARGEST + 1)


def _page_number() -> int:
    return max(1, min(request.args.get("page", 1, type=int), 100_000))


def _pages(number: int, endpoint: str, **values: Any) -> dict[str, Any]:
    return {
        "page": _page_number(),
        "pages": max(1, -(-number // queries.PAGE)),
        "total": number,
        "url_for": lambda page: url_for(endpoint, page=page, **values),
    }


# ------------------------------------------------------------------ bank accounts


@bp.get("/organizations/<reference>/bank-account")
@access(SIGNED_IN)
def bank_account(reference: str) -> ResponseReturnValue:
    """Where the organization is paid, by its last four characters, and how to change it."""
    organization = _organization(reference)
    require(permissions.can_see_bank_account(current_user, organization))
    return _bank_account_page(organization, forms.BankAccountForm())


@bp.post("/organizations/<reference>/bank-account")
@access(SIGNED_IN)
def enter_bank_account(reference: str) -> ResponseReturnValue:
    """Enter or change the account."""
    organization = _organization(reference)
    require(permissions.can_enter_bank_account(current_user, organization))
    form = forms.BankAccountForm()
    typed = {name: form[name].data or "" for name in ("holder", "number", "bic", "bank_code", "currency")}
    if not _tried(form, lambda: actions.enter_bank_account(organization, by=current_user, **typed)):
        return _bank_account_page(organization, form), 422
    return done(
        _("The account is entered. We call your organization back before anything is paid there."),
        "payments.bank_account",
        reference=reference,
    )


def _bank_account_page(organization: Organization, form: forms.BankAccountForm) -> str:
    accounts = queries.bank_accounts_of(scope(current_user, BankAccount), organization.id)
    return render_template(
        "payments/bank_account.html",
        organization=organization,
        accounts=accounts,
        form=form,
        may_enter=permissions.can_enter_bank_account(current_user, organization),
        may_verify=permissions.can_verify_bank_account(current_user, organization),
        history=timeline(
            [("bank_account", account.id) for account in accounts],
            names=not current_user.belongs_to(organization.id),
        ),
    )


@bp.get("/organizations/<reference>/bank-account/verification")
@access(Role.FINANCE_OFFICER)
def verification(reference: str) -> ResponseReturnValue:
    """Call back, compare, and say so."""
    organization = _organization(reference)
    require(permissions.can_verify_bank_account(current_user, organization))
    return _verification_page(organization, forms.VerifyForm())


@bp.post("/organizations/<reference>/bank-account/look")
@access(Role.FINANCE_OFFICER)
def look_at_account(reference: str) -> ResponseReturnValue:
    """Show the full number for the call; the look is written down."""
    organization = _organization(reference)
    require(permissions.can_look_at_number(current_user, organization))
    account = found(queries.bank_account_of(organization.id))
    holder, number = actions.look_at_number(account, purpose="verification", by=current_user)
    return _verification_page(organization, forms.VerifyForm(formdata=None), holder=holder, number=number)


@bp.post("/organizations/<reference>/bank-account/verification")
@access(Role.FINANCE_OFFICER)
def verify_bank_account(reference: str) -> ResponseReturnValue:
    """Vouch for the account after the call."""
    organization = _organization(reference)
    require(permissions.can_verify_bank_account(current_user, organization))
    account = found(queries.bank_account_of(organization.id))
    form, about = forms.VerifyForm(), request.form.get("account", "")
    told = {"about": about, "by": current_user}
    if not _tried(form, lambda: actions.verify_bank_account(account, form.reason.data or "", **told)):
        if about != rules.print_of(account):
            form.reason.data = ""  # That call was not about this account.
        return _verification_page(organization, form), 422
    return done(_("The account is verified. Payments can go there."), "payments.bank_account", reference=reference)


@bp.post("/organizations/<reference>/bank-account/block")
@access(Role.FINANCE_OFFICER)
def block_bank_account(reference: str) -> ResponseReturnValue:
    """Stop payments to the account."""
    organization = _organization(reference)
    require(permissions.can_verify_bank_account(current_user, organization))
    account = found(queries.bank_account_of(organization.id))
    about, reason = request.form.get("account", ""), request.form.get("block_reason", "")
    actions.block_bank_account(account, reason, about=about, by=current_user)
    return done(_("The account is blocked. Nothing is paid there."), "payments.bank_account", reference=reference)


def _verification_page(organization: Organization, form: forms.VerifyForm, **shown: Any) -> str:
    account = found(queries.bank_account_of(organization.id))
    return render_template(
        "payments/verification.html",
        organization=organization,
        account=account,
        form=form,
        about=rules.print_of(account),
        obstacles=rules.obstacles_to_verifying(account, current_user.id, None),
        history=timeline([("bank_account", account.id)], names=True),
        **shown,
    )


# ------------------------------------------------------------------ the plan and the signature


@bp.route("/grants/<reference>/instalments/<int:number>/move", methods=["GET", "POST"])
@access(*COORDINATORS)
def move_instalment(reference: str, number: int) -> ResponseReturnValue:
    """Move the day of an instalment."""
    award = _award(reference)
    require(permissions.can_postpone(current_user, award))
    tranche = found(queries.tranche_of(award, number))
    form = MoveForm(due_on=tranche.due_on)
    if taken(lambda: actions.postpone(award, number, form.due_on.data, form.reason.data, by=current_user), form):
        return done(_("The date is moved."), ".of_grant", reference=reference)
    standings = {standing.number: standing for standing in queries.standings_of([award.id])}
    heading = _("Move the day of instalment %(number)s", number=number)
    lead = _("It does not make a payment due: what it waits for stays as it is. The record keeps the former day.")
    return _ask(award, form, heading, lead, rules.obstacles_to_postponing(number, standings), ".of_grant")


@bp.route("/grants/<reference>/instalments/<int:number>/free", methods=["GET", "POST"])
@access(*COORDINATORS)
def free_instalment(reference: str, number: int) -> ResponseReturnValue:
    """Decide that an instalment is paid without the report that was waived."""
    award = _award(reference)
    require(permissions.can_free(current_user, award))
    tranche = found(queries.tranche_of(award, number))
    form = forms.ReasonForm()
    if _tried(form, lambda: actions.free_instalment(award, number, form.reason.data or "", by=current_user)):
        return done(_("It is decided. The payment does not wait for this report."), ".of_grant", reference=reference)
    heading = _("Pay instalment %(number)s without its report", number=number)
    lead = _(
        "Its report was waived, so nothing shows how the money before it was spent. Your decision sets it free, also of the "
        "share that was to be spent. Your name and your reason stay in the record."
    )
    told = [(_("Amount"), money(tranche.amount)), (_("Planned for"), day(tranche.due_on))]
    if tranche.report_due is not None:
        told.append((_("Waived"), pick(tranche.report_due.label)))
    obstacles = actions.obstacles_to_freeing(award, number, current_user)
    return _ask(award, form, heading, lead, obstacles, ".of_grant", told=told)


@bp.route("/grants/<reference>/plan/instalments/<int:number>", methods=["GET", "POST"])
@access(*COORDINATORS)
def plan_instalment(reference: str, number: int) -> ResponseReturnValue:
    """Say what an instalment waits for."""
    award = _award(reference)
    require(permissions.can_plan(current_user, award))
    tranches, owed = _plan_of(award)
    part = found(next((one for one in tranches if one.number == number), None))
    form = forms.WaitsForm(
        trigger=part.trigger,
        milestone=str(getattr(part, "milestone_id", None) or ""),
        not_before=part.not_before,
        min_spent_percent=part.min_spent_percent,
    )
    triggers = rules.triggers_for(part, [due.key for due in owed])
    form.trigger.choices = [SelectChoice(one.value, pick(award_rules.TRIGGER_LABELS[one])) for one in triggers]
    promised = [SelectChoice(str(one.id), one.title) for one in queries.milestones_of(award)]
    form.milestone.choices = [SelectChoice("", _("no milestone")), *promised]

    def act() -> None:
        waits = rules.Waits(
            form.trigger.data,
            int(form.milestone.data) if form.milestone.data else None,
            form.not_before.data,
            form.min_spent_percent.data,
        )
        actions.plan_instalment(award, number, waits, by=current_user)

    if _tried(form, act):
        return done(_("It is planned. The agreement says so when it is drawn up."), ".plan", reference=reference)
    heading = _("What instalment %(number)s waits for", number=number)
    lead = _(
        "All of it has to be there before the payment. The agreement names it, so it is drawn up again afterwards."
    )
    told = [(_("Amount"), money(part.amount))]
    return _ask(award, form, heading, lead, rules.obstacles_to_planning(award), ".plan", label=_("Save"), told=told)


def _ask(
    award: Award, form: Any, heading: str, lead: str, stops: list[Obstacle], back: str, **shown: Any
) -> ResponseReturnValue:
    page = render_template(
        "awards/ask.html",
        award=award,
        form=form,
        heading=heading,
        lead=lead,
        tone="primary",
        obstacles=stops,
        back_url=url_for(back, reference=award.reference),
        back_label=award.reference,
        **{"label": heading} | shown,
    )
    return page, 422 if form.is_submitted() else 200


def _plan_of(award: Award) -> tuple[Sequence[Any], Sequence[Any]]:
    """The instalments and reports of a grant as they stand, or as they would be planned now."""
    terms = queries.terms_of(award)
    planned, owed = award_rules.instalments(award, terms), award_rules.report_plan(award, terms)
    made = queries.tranches_of(award)
    if not made or not (award.state in award_rules.SIGNED or rules.is_as_planned(made, planned)):
        return planned, owed
    return made, list(queries.reports_owed(award).values()) or owed


@bp.app_template_global("plan_of_grant")
def plan_of_grant(award: Award) -> tuple[Sequence[Any], Sequence[Any]]:
    """The instalments and the reports of a grant as they stand, for pages that say what is agreed."""
    return _plan_of(award)


@bp.get("/grants/<reference>/plan")
@access(*COORDINATORS)
def plan(reference: str) -> ResponseReturnValue:
    """The reports and payments planned for a grant, before the agreement names them."""
    award = _award(reference)
    require(permissions.can_plan(current_user, award))
    instalments, owed = _plan_of(award)
    drawn_up = award_queries.latest_agreement(award) if award.state == "sent" else None
    return render_template(
        "payments/plan.html",
        award=award,
        instalments=instalments,
        reports=owed,
        planning=not rules.obstacles_to_planning(award),
        moved=rules.obstacles_by_plan(award, drawn_up, actions.mark_of_plan(award)) if drawn_up else [],
        budget_sum=Money(sum(queries.budget_minors(award)), award.currency),
        obstacles=actions.obstacles_to_preparing_agreement(award, queries.terms_of(award)),
        risk=award_models.RISK_LABELS[award_models.Risk(award.risk)] if award.risk else None,
    )


@bp.post("/grants/<reference>/plan")
@access(*COORDINATORS)
def draw_up(reference: str) -> ResponseReturnValue:
    """Plan the payments and the reports, and draw up the agreement."""
    award = _award(reference)
    require(permissions.can_plan(current_user, award))
    actions.prepare_agreement(award, by=current_user)
    return done(
        _("The agreement is drawn up. The people who may sign have been asked to."),
        "payments.plan",
        reference=reference,
    )


@bp.get("/grants/<reference>/sign")
@access(SIGNED_IN)
def sign(reference: str) -> ResponseReturnValue:
    """Read and sign the agreement."""
    award = _award(reference)
    require(permissions.can_sign(current_user, award))
    return _sign_page(award, forms.SignForm())


@bp.post("/grants/<reference>/sign")
@access(SIGNED_IN)
def sign_agreement(reference: str) -> ResponseReturnValue:
    """Sign in the name of the organization."""
    award = _award(reference)
    require(permissions.can_sign(current_user, award))
    form = forms.SignForm()
    version = request.form.get("read", 0, int)

    def act() -> object:
        return actions.sign_agreement(award, signature=form.signature.data or "", by=current_user, version=version)

    if not _tried(form, act):
        return _sign_page(award, form), 422
    return done(_("The agreement is signed. Your grant is running."), "payments.of_grant", reference=reference)


@bp.route("/grants/<reference>/countersign", methods=["GET", "POST"])
@access(*COORDINATORS)
def countersign(reference: str) -> ResponseReturnValue:
    """Read the copy that was signed on paper, and countersign it in the name of the fund."""
    award = _award(reference)
    require(permissions.can_countersign(current_user, award))
    if request.method == "POST":
        actions.countersign_agreement(award, by=current_user, read=read_mark() or "")
        return done(
            _("The agreement is countersigned. The grant is running."), "payments.of_grant", reference=reference
        )
    agreement = award_queries.latest_agreement(award)
    return render_template(
        "payments/countersign.html",
        award=award,
        agreement=agreement,
        mark=award_rules.mark_of_copy(agreement),
        obstacles=award_rules.obstacles_to_countersigning(award, agreement, current_user.id)
        + rules.obstacles_by_plan(award, agreement, actions.mark_of_plan(award)),
        returning=award_rules.obstacles_to_returning_copy(award, agreement),
    )


@bp.app_template_global("bank_account_state")
def bank_account_state(organization_id: int) -> BankAccountState | None:
    """How the bank account of an organization stands, for pages that tell nothing else of it."""
    account = queries.bank_account_of(organization_id)
    return BankAccountState(account.state) if account else None


@bp.app_template_global("may_draw_up_together")
def may_draw_up_together(call: Call) -> bool:
    """Whether the present person has the agreements of a call drawn up together."""
    return permissions.can_draw_up_together(current_user, call)


@bp.get("/calls/<reference>/agreements")
@access(*COORDINATORS)
def agreements(reference: str) -> ResponseReturnValue:
    """The agreements that wait to be drawn up, all at once, and how far that is."""
    call = found(award_queries.call_by_reference(reference))
    require(permissions.can_draw_up_together(current_user, call))
    waiting = queries.awards_to_agree_on(scope(current_user, Award), call, current_user)
    batch = queries.latest_batch(call, current_user)
    return render_template(
        "payments/agreements.html",
        call=call,
        batch=batch,
        waiting=len(waiting),
        obstacles=rules.obstacles_to_batch(batch, waiting, clock.now()),
    )


@bp.post("/calls/<reference>/agreements")
@access(*COORDINATORS)
def draw_up_agreements(reference: str) -> ResponseReturnValue:
    """Have them drawn up."""
    call = found(award_queries.call_by_reference(reference))
    require(permissions.can_draw_up_together(current_user, call))
    actions.ask_for_agreements(call, by=current_user)
    return done(_("The agreements are being drawn up. This takes a moment."), ".agreements", reference=reference)


def _sign_page(award: Award, form: forms.SignForm) -> str:
    agreement = award_queries.latest_agreement(award)
    may_sign = permissions.can_sign(current_user, award)
    return render_template(
        "payments/sign.html",
        award=award,
        agreement=agreement,
        form=form,
        tranches=queries.standings_of([award.id]),
        reports=list(queries.reports_owed(award).values()),
        obstacles=award_rules.obstacles_to_signing(award, agreement, None, may_sign=may_sign)
        + rules.obstacles_by_plan(award, agreement, actions.mark_of_plan(award)),
    )


# ------------------------------------------------------------------ the payments of a grant


@bp.get("/grants/<reference>/payments")
@access(SIGNED_IN)
def of_grant(reference: str) -> ResponseReturnValue:
    """The payments of a grant: planned, in the way, made; and where its money stands."""
    award = _award(reference)
    at = clock.now()
    tranches = [(standing, rules.obstacles_to_preparing(standing, at)) for standing in queries.standings_of([award.id])]
    if not sees_as_staff(current_user, award):
        tranches = [(standing, rules.as_grantee_reads(stops)) for standing, stops in tranches]
    return render_template(
        "payments/of_grant.html",
        award=award,
        tranches=tranches,
        bank_account=queries.bank_account_of(award.organization_id),
        payments=queries.payments_of(award),
        refunds=queries.refunds_of(award),
        taken_back=queries.corrections_of(award),
        requests=queries.requests_of(award),
        cofinancing=queries.cofinancing_of(award),
        position=queries.position(award),
        staff=permissions.sees_names(current_user, award),
        may_prepare=permissions.can_prepare(current_user, award),
        may_confirm=permissions.can_confirm(current_user, award),
        may_enter=permissions.can_enter_bank_account(current_user, award.organization),
        may_see_account=permissions.can_see_bank_account(current_user, award.organization),
        may_sign=permissions.can_sign(current_user, award),
        may_plan=permissions.can_plan(current_user, award),
        may_free=permissions.can_free(current_user, award),
        may_refund=permissions.can_record_refund(current_user, award),
        may_ask=permissions.can_ask_for_refund(current_user, award),
        may_tell=permissions.can_tell_cofinancing(current_user, award),
        may_see_ledger=permissions.can_see_ledger(current_user),
        may_read_proof=permissions.can_read_proof(current_user, award),
    )


@bp.post("/grants/<reference>/tranches/<int:number>/prepare")
@access(Role.FINANCE_OFFICER)
def prepare(reference: str, number: int) -> ResponseReturnValue:
    """Prepare the payment of a tranche."""
    award = _award(reference)
    require(permissions.can_prepare(current_user, award))
    tranche = found(queries.tranche_of(award, number))
    disbursement = actions.prepare(tranche, by=current_user)
    return done(
        _("The payment is prepared. Another finance officer has been asked to approve it."),
        "payments.show",
        reference=disbursement.reference,
    )


@bp.get("/grants/<reference>/refund")
@access(Role.FINANCE_OFFICER)
def refund(reference: str) -> ResponseReturnValue:
    """Record money that came back."""
    award = _award(reference)
    require(permissions.can_record_refund(current_user, award))
    return _refund_page(award, forms.RefundForm())


@bp.post("/grants/<reference>/refund")
@access(Role.FINANCE_OFFICER)
def record_refund(reference: str) -> ResponseReturnValue:
    """Record money that came back, with its proof."""
    award = _award(reference)
    require(permissions.can_record_refund(current_user, award))
    form = forms.RefundForm()

    def act() -> None:
        name, content = _upload(form)
        actions.record_refund(
            award,
            amount=_money(form.amount.data, award.currency),
            received_on=form.received_on.data,
            bank_reference=form.bank_reference.data or "",
            proof_name=name,
            proof_content=content,
            another=form.another.data,
            by=current_user,
        )

    if not _tried(form, act):
        return _refund_page(award, form), 422
    return done(_("The refund is recorded."), "payments.of_grant", reference=reference)


@bp.route("/grants/<reference>/refunds/<refund_reference>/take-back", methods=["GET", "POST"])
@access(Role.FINANCE_OFFICER)
def take_back_refund(reference: str, refund_reference: str) -> ResponseReturnValue:
    """Take back a refund that was recorded by mistake."""
    award = _award(reference)
    require(permissions.can_record_refund(current_user, award))
    refunded, form = found(queries.refund_by_reference(award, refund_reference)), forms.ReasonForm()
    if taken(lambda: actions.take_back_refund(award, refunded, form.reason.data or "", by=current_user), form):
        return done(_("It is taken back."), ".of_grant", reference=reference)
    return _ask_to_take_back(
        award,
        form,
        rules.obstacles_to_taking_back_refund(refunded, queries.corrections_of(award)),
        refund_reference,
        url_for(".of_grant", reference=reference),
        [
            (_("Returned by the grantee"), money(refunded.amount)),
            (_("Arrived"), day(refunded.received_on)),
            (_("Reference of the bank"), refunded.bank_reference),
        ],
    )


def _ask_to_take_back(
    about: Award, form: Any, obstacles: list[Obstacle], back_label: str, back_url: str, told: list[tuple[str, str]]
) -> ResponseReturnValue:
    heading = _("Take back what was recorded")
    page = render_template(
        "awards/ask.html",
        award=about,
        form=form,
        heading=heading,
        told=told,
        lead=_("It stays in the record, and a new entry takes it back. The money stands again where it stood before."),
        label=_("Take it back"),
        tone="danger",
        obstacles=obstacles,
        back_url=back_url,
        back_label=back_label,
    )
    return page, 422 if form.is_submitted() else 200


def _refund_page(award: Award, form: forms.RefundForm) -> str:
    position = queries.position(award)
    return render_template(
        "payments/refund.html",
        award=award,
        form=form,
        position=position,
        obstacles=rules.obstacles_to_refund(position, None, None, None, clock.today(award.call.timezone)),
    )


@bp.get("/grants/<reference>/refunds/<refund_reference>/proof")
@access(SIGNED_IN)
def refund_proof(reference: str, refund_reference: str) -> ResponseReturnValue:
    """The proof that a refund arrived."""
    award = _award(reference)
    require(permissions.can_read_proof(current_user, award))
    refunded = found(queries.refund_by_reference(award, refund_reference))
    return files.send(refunded.proof, _proof_name(refunded.reference, refunded.proof))


@bp.get("/grants/<reference>/refund-request")
@access(*COORDINATORS, Role.FINANCE_OFFICER)
def refund_request(reference: str) -> ResponseReturnValue:
    """Ask for money back, or see what is asked."""
    award = _award(reference)
    require(permissions.can_ask_for_refund(current_user, award))
    due = rules.refund_due(clock.today(award.call.timezone), queries.refund_days_of(award))
    unspent = queries.position(award).unspent
    return _request_page(award, forms.RefundRequestForm(data={"due_on": due, "amount": unspent.amount or None}))


@bp.post("/grants/<reference>/refund-request")
@access(*COORDINATORS, Role.FINANCE_OFFICER)
def ask_for_refund(reference: str) -> ResponseReturnValue:
    """Ask for money back: how much, until when, and why."""
    award = _award(reference)
    require(permissions.can_ask_for_refund(current_user, award))
    form = forms.RefundRequestForm()

    def act() -> None:
        amount, reason = _money(form.amount.data, award.currency), form.reason.data or ""
        actions.ask_for_refund(award, amount=amount, due_on=form.due_on.data, reason=reason, by=current_user)

    if not _tried(form, act):
        return _request_page(award, form), 422
    return done(_("The refund is asked for. The grantee has been told."), "payments.of_grant", reference=reference)


@bp.post("/grants/<reference>/refund-request/withdraw")
@access(*COORDINATORS, Role.FINANCE_OFFICER)
def withdraw_request(reference: str) -> ResponseReturnValue:
    """Money is not asked back any more."""
    award = _award(reference)
    require(permissions.can_ask_for_refund(current_user, award))
    form = forms.ReasonForm()
    if not _tried(form, lambda: actions.withdraw_request(award, form.reason.data or "", by=current_user)):
        return _request_page(award, forms.RefundRequestForm(formdata=None), reason_form=form), 422
    return done(_("The refund is not asked any more."), "payments.of_grant", reference=reference)


def _request_page(award: Award, form: forms.RefundRequestForm, reason_form: forms.ReasonForm | None = None) -> str:
    position, standing = queries.position(award), queries.request_standing_for(award)
    today = clock.today(award.call.timezone)
    return render_template(
        "payments/refund_request.html",
        award=award,
        form=form,
        reason_form=reason_form or forms.ReasonForm(formdata=None),
        position=position,
        standing=standing,
        obstacles=rules.obstacles_to_asking(position, standing, None, None, today),
    )


@bp.get("/grants/<reference>/cofinancing")
@access(SIGNED_IN)
def cofinancing(reference: str) -> ResponseReturnValue:
    """Tell what another source gives."""
    award = _award(reference)
    require(permissions.can_tell_cofinancing(current_user, award))
    return _cofinancing_page(award, forms.CofinancingForm())


@bp.post("/grants/<reference>/cofinancing")
@access(SIGNED_IN)
def tell_cofinancing(reference: str) -> ResponseReturnValue:
    """Tell what another source promised and gave."""
    award = _award(reference)
    require(permissions.can_tell_cofinancing(current_user, award))
    form = forms.CofinancingForm()

    def act() -> None:
        actions.tell_cofinancing(
            award,
            source=form.source.data or "",
            promised=_money(form.promised.data, award.currency),
            received=_money(form.received.data, award.currency),
            evidence=_upload(form) if form.proof.data else None,
            by=current_user,
        )

    if not _tried(form, act):
        return _cofinancing_page(award, form), 422
    return done(_("Thank you. It is written down."), "payments.of_grant", reference=reference)


def _cofinancing_page(award: Award, form: forms.CofinancingForm) -> str:
    return render_template("payments/cofinancing.html", award=award, form=form, sources=queries.cofinancing_of(award))


@bp.get("/grants/<reference>/cofinancing/<int:number>/evidence")
@access(SIGNED_IN)
def cofinancing_evidence(reference: str, number: int) -> ResponseReturnValue:
    """The evidence of what another source gave."""
    award = _award(reference)
    told = found(next((one for one in queries.cofinancing_of(award) if one.id == number), None))
    stored = found(told.evidence)
    return files.send(stored, f"{reference}-cofinancing.{files.ending(stored.key)}")


def _proof_name(reference: str, proof: StoredFile) -> str:
    return f"{reference}-proof.{files.ending(proof.key)}"


# ------------------------------------------------------------------ payments


@bp.get("/payments")
@access(Role.FINANCE_OFFICER, Role.AUDITOR)
def queue() -> ResponseReturnValue:
    """What is to be paid: due, waiting and why, prepared, approved, sent."""
    at = clock.now()
    show = request.args.get("show", "due")
    figures, tranches = queries.queue(scope(current_user, Award), at, show=show, page=_page_number())
    if show not in figures:
        abort(404)
    lines = []
    if show not in ("due", "waiting"):
        lines = queries.payments_in(show, scope(current_user, Disbursement), _page_number())
    return render_template(
        "payments/queue.html",
        show=show,
        figures=figures,
        tranches=[(standing, rules.obstacles_to_preparing(standing, at)) for standing in tranches],
        payments=lines,
        accounts=queries.unverified_accounts(scope(current_user, BankAccount)),
        pagination=_pages(figures[show].number, "payments.queue", show=show),
        officer=current_user.holds(Role.FINANCE_OFFICER),
    )


@bp.get("/payments/<reference>")
@access(SIGNED_IN)
def show(reference: str) -> ResponseReturnValue:
    """One payment, and what can be done with it now."""
    return _payment_page(_payment(reference))


def _payment_page(disbursement: Disbursement, **more: Any) -> str:
    award = disbursement.tranche.award
    names = permissions.sees_names(current_user, award)
    state = disbursement.state
    return render_template(
        "payments/show.html",
        payment=disbursement,
        award=award,
        steps=_steps(disbursement),
        staff=names,
        may_pay=permissions.can_pay(current_user, award),
        may_confirm=permissions.can_confirm(current_user, award),
        may_read_proof=permissions.can_read_proof(current_user, award),
        to_approve=_to_approve(disbursement) if state == S.PREPARED else [],
        to_pay=_to_pay(disbursement) if state == S.APPROVED else [],
        to_cancel=rules.obstacles_to_cancelling(disbursement),
        fee=queries.fee_of(disbursement) if names else None,
        siblings=queries.siblings_of(disbursement),
        again=_again(disbursement) if state == S.RETURNED and permissions.can_prepare(current_user, award) else None,
        history=timeline([("disbursement", disbursement.id)], names=names),
        **(dict.fromkeys(("pay_form", "proof_form", "reason_form", "confirm_form")) | _forms_for(disbursement) | more),
    )


def _to_approve(disbursement: Disbursement) -> list[Obstacle]:
    standing = queries.standing_of(disbursement.tranche)
    return rules.obstacles_to_approving(disbursement, current_user.id, standing, clock.now())


def _to_pay(disbursement: Disbursement) -> list[Obstacle]:
    """What stands in the way of sending a payment by hand, or of recording that the bank has carried out its order."""
    as_approved, at = queries.is_as_approved(disbursement), clock.now()
    if disbursement.released_at:
        return rules.obstacles_to_paying(disbursement, None, None, at, as_approved=as_approved)
    standing = queries.standing_of(disbursement.tranche)
    by_hand = rules.obstacles_to_sending_by_hand(disbursement)
    return by_hand + rules.obstacles_to_sending(disbursement, standing, at, as_approved=as_approved)


def _again(disbursement: Disbursement) -> list[Obstacle]:
    """What stands in the way of paying the tranche again, as a new payment, after the bank sent the money back."""
    standing = queries.standing_of(disbursement.tranche)
    return rules.obstacles_to_preparing(standing, clock.now()) if standing else rules.obstacles_without_standing(None)


def _forms_for(disbursement: Disbursement) -> dict[str, Any]:
    """The empty forms of a payment as it stands; a form that was sent takes the place of its own."""
    shown: dict[str, Any] = {}
    state = disbursement.state
    if not rules.obstacles_to_replacing(disbursement.proof):
        shown["proof_form"] = forms.ProofForm(formdata=None)
    if state == S.APPROVED:
        shown["pay_form"] = forms.PayForm(formdata=None)
    if state == S.PAID:
        shown["confirm_form"] = forms.ConfirmForm(formdata=None)
    if state in (S.PREPARED, S.APPROVED):
        shown["reason_form"] = forms.ReasonForm(formdata=None)
    if state in (S.PAID, S.CONFIRMED):
        shown["reason_form"] = forms.ReturnForm(formdata=None)
    return shown


def _steps(disbursement: Disbursement) -> list[dict[str, Any]]:
    """How far the payment has come."""
    over = disbursement.state in queries.OVER
    reached = [S.PREPARED, S.APPROVED, S.PAID, S.CONFIRMED]
    at = -1 if over else reached.index(S(disbursement.state))
    labels = (
        (_("Prepared"), disbursement.prepared_at),
        (_("Approved"), disbursement.approved_at),
        (_("Sent"), disbursement.paid_on),
        (_("Received"), disbursement.received_on),
    )
    return [
        {"label": label, "day": day, "state": "done" if n <= at else "current" if n == at + 1 and not over else "todo"}
        for n, (label, day) in enumerate(labels)
    ]


@bp.post("/payments/<reference>/look")
@access(Role.FINANCE_OFFICER)
def look(reference: str) -> ResponseReturnValue:
    """Show the full account number for the payment; the look is written down."""
    disbursement = _payment(reference)
    require(permissions.can_look_at_number(current_user, disbursement.tranche.award.organization))
    holder, number = actions.look_at_number(disbursement.bank_account, purpose=reference, by=current_user)
    return _payment_page(disbursement, holder=holder, number=number)


@bp.post("/payments/<reference>/approve")
@access(Role.FINANCE_OFFICER)
def approve(reference: str) -> ResponseReturnValue:
    """Approve a payment that somebody else prepared."""
    disbursement = _payment(reference)
    require(permissions.can_approve(current_user, disbursement.tranche.award))
    actions.approve(disbursement, by=current_user)
    return done(_("The payment is approved. It can be sent now."), "payments.show", reference=reference)


@bp.post("/payments/<reference>/take-on")
@access(Role.FINANCE_OFFICER)
def take_on(reference: str) -> ResponseReturnValue:
    """Say that one sends a payment by hand now, before it is sent."""
    disbursement = _payment(reference)
    require(permissions.can_pay(current_user, disbursement.tranche.award))
    actions.take_on(disbursement, by=current_user)
    return done(
        _("You send this payment. Nobody else does. Record it here as soon as the bank has it."),
        "payments.show",
        reference=reference,
    )


@bp.post("/payments/<reference>/let-go")
@access(Role.FINANCE_OFFICER)
def let_go(reference: str) -> ResponseReturnValue:
    """Say that a payment was not sent by hand after all."""
    disbursement = _payment(reference)
    require(permissions.can_pay(current_user, disbursement.tranche.award))
    disbursement.workflow.transition("pay", disbursement.state)
    form = forms.ReasonForm()
    if not _tried(form, lambda: actions.let_go(disbursement, form.reason.data or "", by=current_user)):
        return _payment_page(disbursement, reason_form=form), 422
    return done(_("It was not sent. It can go to the bank in another way now."), "payments.show", reference=reference)


@bp.post("/payments/<reference>/pay")
@access(Role.FINANCE_OFFICER)
def pay(reference: str) -> ResponseReturnValue:
    """Record that the bank has sent the money."""
    disbursement = _payment(reference)
    require(permissions.can_pay(current_user, disbursement.tranche.award))
    form = forms.PayForm()

    def act() -> None:
        name, content = _upload(form)
        actions.pay(
            disbursement,
            paid_on=form.paid_on.data,
            bank_reference=form.bank_reference.data or "",
            proof_name=name,
            proof_content=content,
            fee=None if form.fee.data is None else _money(form.fee.data, disbursement.currency),
            by=current_user,
        )

    if not _tried(form, act):
        return _payment_page(disbursement, pay_form=form), 422
    return done(
        _("The payment is recorded. The grantee has been asked to confirm."), "payments.show", reference=reference
    )


@bp.post("/payments/<reference>/proof")
@access(Role.FINANCE_OFFICER)
def replace_proof(reference: str) -> ResponseReturnValue:
    """Give another proof for one that was locked."""
    disbursement = _payment(reference)
    require(permissions.can_pay(current_user, disbursement.tranche.award))
    form = forms.ProofForm()
    if not _tried(form, lambda: actions.replace_proof(disbursement, *_upload(form), by=current_user)):
        return _payment_page(disbursement, proof_form=form), 422
    return done(_("The new proof is kept in the place of the locked one."), "payments.show", reference=reference)


@bp.post("/payments/<reference>/cancel")
@access(Role.FINANCE_OFFICER)
def cancel(reference: str) -> ResponseReturnValue:
    """Give up a payment that was not sent."""
    disbursement = _payment(reference)
    require(permissions.can_pay(current_user, disbursement.tranche.award))
    disbursement.workflow.transition("cancel", disbursement.state)  # the page shows another form once it is sent
    form = forms.ReasonForm()
    if not _tried(form, lambda: actions.cancel(disbursement, form.reason.data or "", by=current_user)):
        return _payment_page(disbursement, reason_form=form), 422
    return done(_("The payment is cancelled. The tranche can be prepared again."), "payments.show", reference=reference)


@bp.post("/payments/<reference>/return")
@access(Role.FINANCE_OFFICER)
def return_(reference: str) -> ResponseReturnValue:
    """Record that the bank sent the money back."""
    disbursement = _payment(reference)
    require(permissions.can_pay(current_user, disbursement.tranche.award))
    disbursement.workflow.transition("return", disbursement.state)
    form = forms.ReturnForm()

    def act() -> None:
        came = None if form.came.data is None else _money(form.came.data, disbursement.currency)
        stayed = bool(form.rest_stayed.data)
        actions.return_(disbursement, form.reason.data or "", came=came, rest_stayed=stayed, by=current_user)

    if not _tried(form, act):
        return _payment_page(disbursement, reason_form=form), 422
    return done(_("The return is recorded. The tranche can be prepared again."), "payments.show", reference=reference)


@bp.route("/payments/<reference>/take-back", methods=["GET", "POST"])
@access(Role.FINANCE_OFFICER)
def take_back(reference: str) -> ResponseReturnValue:
    """Take back that a payment was sent, or that it returned, when it was recorded by mistake."""
    disbursement, form = _payment(reference), forms.ReasonForm()
    award = disbursement.tranche.award
    require(permissions.can_pay(current_user, award))
    returned = disbursement.state == S.RETURNED
    disbursement.workflow.transition("take_back_return" if returned else "take_back", disbursement.state)
    act = actions.take_back_return if returned else actions.take_back
    if taken(lambda: act(disbursement, form.reason.data or "", by=current_user), form):
        return done(_("It is taken back."), ".show", reference=reference)
    if returned:
        obstacles = rules.obstacles_to_taking_back_return(disbursement, queries.reserve_for(disbursement))
    else:
        obstacles = rules.obstacles_to_taking_back(disbursement, queries.position(award))
    state = disbursement.workflow.states(disbursement.state).label
    told = [
        (state, money(disbursement.amount)),
        (_("Account"), f"•••• {disbursement.bank_account.last_four}"),
        (_("Sent on"), day(disbursement.paid_on)),
        (_("Reference of the bank"), disbursement.bank_reference),
    ]
    return _ask_to_take_back(award, form, obstacles, reference, url_for(".show", reference=reference), told)


@bp.post("/payments/<reference>/confirm")
@access(SIGNED_IN)
def confirm(reference: str) -> ResponseReturnValue:
    """The grantee confirms what arrived."""
    disbursement = _payment(reference)
    require(permissions.can_confirm(current_user, disbursement.tranche.award))
    form = forms.ConfirmForm()

    def act() -> None:
        received, rate = _money(form.received.data, form.currency.data or ""), form.rate.data
        actions.confirm(
            disbursement,
            received_on=form.received_on.data,
            received=received,
            rate=rules.rate_between(received, disbursement.amount) if rate is None else rate,
            short_reason=form.short_reason.data or "",
            by=current_user,
        )

    if not _tried(form, act):
        return _payment_page(disbursement, confirm_form=form), 422
    return done(_("Thank you. The receipt is recorded."), "payments.show", reference=reference)


def _money(amount: Decimal | None, currency: str) -> Money:
    """An amount typed into a form. Raises Refused when the currency does not have that many decimals."""
    try:
        return Money.parse(amount or Decimal(0), currency)
    except NotAnAmount as error:
        raise Refused(rules.too_many_decimals(currency, minor_digits(currency))) from error


@bp.get("/payments/<reference>/proof")
@access(SIGNED_IN)
def proof(reference: str) -> ResponseReturnValue:
    """The proof that a payment was sent."""
    disbursement = _payment(reference)
    require(permissions.can_read_proof(current_user, disbursement.tranche.award))
    stored = found(disbursement.proof)
    return files.send(stored, _proof_name(reference, stored))


# ------------------------------------------------------------------ the ledger


@bp.get("/ledger")
@access(Role.FINANCE_OFFICER, Role.AUDITOR, Role.GLOBAL_COORDINATOR)
def ledger() -> ResponseReturnValue:
    """Where all the money stands, and every move of it."""
    require(permissions.can_see_ledger(current_user))
    call, form = request.args.get("call", "")[:60], _day_asked()
    at = _end_of(form.at.data)
    lines, number = queries.transfers(scope(current_user, Transfer), call=call, at=at, page=_page_number())
    return render_template(
        "payments/ledger.html",
        trials=queries.trial_balance(at, call=call),
        whole=at is not None or not queries.wrong_totals(),
        balances=queries.balances_by_call(at),
        transfers=_moves(lines),
        number=number,
        call=call,
        form=form,
        kinds=rules.POTS,
        pagination=_pages(number, "payments.ledger", **_asked(call=call, at=form.at.data)),
    )


@bp.get("/ledger/grants")
@access(Role.FINANCE_OFFICER, Role.AUDITOR, Role.GLOBAL_COORDINATOR)
def ledger_of_call() -> ResponseReturnValue:
    """The grants of a call, with what was in their pots."""
    require(permissions.can_see_ledger(current_user))
    call, form = request.args.get("call", "")[:60], _day_asked()
    seen = scope(current_user, Award)
    lines, number = queries.balances_by_grant(seen, call, at=_end_of(form.at.data), page=_page_number())
    return render_template(
        "payments/ledger_of_call.html",
        grants=lines,
        number=number,
        call=call,
        form=form,
        kinds=rules.POTS,
        pagination=_pages(number, "payments.ledger_of_call", **_asked(call=call, at=form.at.data)),
    )


@bp.get("/grants/<reference>/ledger")
@access(Role.FINANCE_OFFICER, Role.AUDITOR, Role.GLOBAL_COORDINATOR)
def ledger_of_grant(reference: str) -> ResponseReturnValue:
    """Where the money of one grant stood on a day, and every move of it until then."""
    require(permissions.can_see_ledger(current_user))
    award, form = _award(reference), _day_asked()
    at = _end_of(form.at.data)
    lines, number = queries.transfers(scope(current_user, Transfer), award=award, at=at, page=_page_number())
    return render_template(
        "payments/ledger_of_grant.html",
        award=award,
        entries=queries.entries_of(award, at),
        transfers=_moves(lines),
        number=number,
        form=form,
        kinds=rules.POTS,
        pagination=_pages(number, "payments.ledger_of_grant", reference=reference, **_asked(at=form.at.data)),
    )


def _day_asked() -> forms.DayForm:
    form = forms.DayForm(request.args)
    form.validate()
    return form


def _end_of(asked: date | None) -> datetime | None:
    """The last moment of a day where the reader is; None asks for the present."""
    return None if asked is None else rules.end_of(asked, current_user.timezone)


def _asked(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}


class Move(NamedTuple):
    """A move of the ledger, in words."""

    what: str
    grant_url: str
    about: str
    payment_url: str
    payment: str | None
    pots: str
    day: str
    by: str | None
    amount: str


def _moves(lines: list[queries.TransferLine]) -> list[Move]:
    """The moves of one page of the ledger, in words."""
    to_grant, to_payment = addresses(".of_grant"), addresses(".show")
    said = {memo: str(words) for memo, words in rules.MOVES.items()}
    pots = {kind: str(words) for kind, words in rules.POTS.items()}
    language = language_now()
    return [
        Move(
            said[line.memo],
            to_grant(line.award_reference) if line.award_reference else "",
            line.award_reference or line.call_reference,
            to_payment(line.payment) if line.payment else "",
            line.payment,
            f"{pots[line.debit_kind]} → {pots[line.credit_kind]}",
            day(line.at),
            line.by,
            Money(line.amount_minor, line.currency).shown(language),
        )
        for line in lines
    ]
