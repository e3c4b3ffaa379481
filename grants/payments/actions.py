"""Where grantees are paid, what is paid to them, and the ledger under it. Every move of money is one transfer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy.dialects.postgresql import insert

from grants.accounts.models import Organization, Person, Role
from grants.accounts.queries import holders_of
from grants.awards import actions as awards
from grants.awards import queries as award_queries
from grants.awards import rules as award_rules
from grants.awards.models import Agreement, Award, AwardVersion
from grants.awards.permissions import awards_seen_by
from grants.awards.workflow import FELL_THROUGH, AwardState
from grants.calls.models import Call
from grants.conflicts.queries import free_among
from grants.core import clock, encryption, files
from grants.core.db import after_commit, db, hold
from grants.core.files import StoredFile
from grants.core.jobs import bell_of
from grants.core.languages import _l, in_every_language, language_now
from grants.core.mail import post
from grants.core.money import Money
from grants.core.rules import Obstacle, Refused, refuse
from grants.diligence import actions as diligence
from grants.history import actions as history
from grants.payments import mails, queries, rules
from grants.payments.models import (
    Account,
    AccountKind,
    AgreementBatch,
    BankAccount,
    BatchState,
    Cofinancing,
    Disbursement,
    Refund,
    RefundRequest,
    Tranche,
    Transfer,
    Trigger,
)
from grants.payments.workflow import DisbursementState, RefundRequestState
from grants.reports import actions as reports
from grants.reports.models import ReportDue
from grants.visits import actions as visits

HOLDER_PLACE = "bank_account.holder_sealed"
NUMBER_PLACE = "bank_account.number_sealed"


# ------------------------------------------------------------------ the agreement


def prepare_agreement(award: Award, *, by: Person) -> Agreement:
    """Schedule the reports, plan the tranches and draw up the agreement that names both.

    May be done again until the agreement is signed: the plan is kept and a new version is written. Raises Refused
    when the numbers do not add up to the award.
    """
    queries.lock_grant(award.id)
    hold(award, "state", "risk", "on_hold")
    terms = queries.terms_of(award)
    refuse(obstacles_to_preparing_agreement(award, terms))
    tranches, owed = _planned(award, terms, by)
    visits.plan_for_risk(award, terms, by=by)
    agreement = awards.draw_up_agreement(award, instalments=tranches, reports_owed=list(owed.values()), by=by)
    agreement.plan_mark = mark_of_plan(award)
    return agreement


def _planned(award: Award, terms: Mapping[str, Any], by: Person) -> tuple[list[Tranche], dict[str, ReportDue]]:
    """The instalments and the reports of a grant, made now where nobody has; reports by their key."""
    planned = award_rules.instalments(award, terms)
    kept = queries.tranches_of(award)
    if kept and not rules.is_as_planned(kept, planned):
        kept = _forget_plan(award, kept, by)
    owed = {due.key: due for due in reports.schedule(award, by=by)}
    return kept or _plan_tranches(award, planned, owed, rules.hold_after_days(terms)), owed


def mark_of_plan(award: Award) -> str:
    """A mark of everything that an agreement drawn up now would say of a grant."""
    db.session.flush()
    award = award_queries.award_to_agree_on(award)
    return rules.mark_of_plan(award, _terms_now(award))


def _terms_now(award: Award, scope: str = "") -> dict[str, Any]:
    return rules.terms_of_version(award, queries.reports_owed(award).values(), queries.tranches_of(award), scope)


def plan_instalment(award: Award, number: int, waits: rules.Waits, *, by: Person) -> Tranche:
    """Say what an instalment waits for, until the agreement is signed; one that was drawn up is drawn up again. Raises
    Refused.
    """
    queries.lock_grant(award.id)
    hold(award, "state", "risk", "on_hold")
    terms = queries.terms_of(award)
    lacking = ("not_in_this_state", "no_period", "no_tranche_plan", "tranches_not_award", "tranche_without_report")
    refuse([one for one in obstacles_to_preparing_agreement(award, terms) if one.code in lacking])
    tranches, owed = _planned(award, terms, by)
    tranche = next((one for one in tranches if one.number == number), None)
    assert tranche is not None
    milestones = {one.id: one for one in queries.milestones_of(award)}
    refuse(rules.obstacles_to_waiting(award, tranche, waits, owed, milestones))
    before = rules.Waits(tranche.trigger, tranche.milestone_id, tranche.not_before, tranche.min_spent_percent)
    if waits == before:
        return tranche
    key = rules.report_key_of(waits.trigger)
    tranche.trigger, tranche.report_due = waits.trigger, owed[key] if key else None
    tranche.milestone = milestones[waits.milestone_id] if waits.milestone_id else None
    tranche.not_before, tranche.min_spent_percent, tranche.by_hand = waits.not_before, waits.min_spent_percent, True
    _set_days(award, tranches)
    told: dict[str, Any] = {
        "trigger": str(waits.trigger),
        "milestone": waits.milestone_id,
        "min_spent_percent": waits.min_spent_percent,
    }
    not_before = waits.not_before.isoformat() if waits.not_before else None
    history.note("award", award.id, "plan_instalment", by=by, tranche=number, not_before=not_before, **told)
    db.session.flush()
    return tranche


def _set_days(award: Award, tranches: list[Tranche]) -> None:
    """When instalments are due by what they wait for, and none before the one ahead of it."""
    signed_by, latest = award.sign_by or clock.today(award.call.timezone), date.min
    for tranche in tranches:
        report = tranche.report_due
        follows = rules.due_after_report(report.due_on) if report else rules.due_after_signature(signed_by)
        latest = tranche.due_on = max(latest, rules.day_of(tranche, follows))


def free_instalment(award: Award, number: int, reason: str, *, by: Person) -> Tranche:
    """Decide that an instalment is paid although its report was waived, without the share of the money that was to be spent
    before; the decision has its person and its reason. Raises Refused, also for who waived the report.
    """
    queries.lock_grant(award.id)
    refuse(obstacles_to_freeing(award, number, by, reason))
    tranche = queries.tranche_of(award, number)
    assert tranche is not None
    tranche.freed_at, tranche.freed_by_id, tranche.freed_reason = clock.now(), by.id, reason.strip()
    history.note("award", award.id, "free_instalment", by=by, reason=reason, tranche=number)
    return tranche


def obstacles_to_freeing(award: Award, number: int, by: Person, reason: str | None = None) -> list[Obstacle]:
    """Why somebody does not decide that an instalment is paid without its report."""
    standing = next((one for one in queries.standings_of([award.id]) if one.number == number), None)
    waived_by = queries.waived_by(standing.report_id) if standing else None
    return rules.obstacles_to_freeing(standing, reason, by_waiver=by.id == waived_by)


def obstacles_to_preparing_agreement(award: Award, terms: Mapping[str, Any]) -> list[Obstacle]:
    """Everything that an agreement waits for: numbers that add up, the new budget, and the due diligence."""
    planned, owed = award_rules.instalments(award, terms), award_rules.report_plan(award, terms)
    lines = [Money(minor, award.currency) for minor in queries.budget_minors(award)]
    found = award_rules.obstacles_to_sending(award, planned, owed, lines)
    return found + ([] if award.state in award_rules.SIGNED | FELL_THROUGH else diligence.obstacles_to_agreement(award))


# ------------------------------------------------------------------ many agreements at once

DRAW_UP = "payments.draw_up_agreements"
"""The name of the task that draws agreements up."""


def ask_for_agreements(call: Call, *, by: Person) -> AgreementBatch:
    """Have the agreements of all accepted grants of a call drawn up that a coordinator looks after. Raises Refused."""
    queries.lock_envelope(call.id)
    waiting = queries.awards_to_agree_on(awards_seen_by(by), call, by)
    refuse(rules.obstacles_to_batch(queries.latest_batch(call, by), waiting, clock.now()))
    batch = AgreementBatch(
        call_id=call.id, person_id=by.id, language=language_now(), asked_at=clock.now(), total=len(waiting), refused=[]
    )
    db.session.add(batch)
    db.session.flush()
    history.note("call", call.id, "draw_up_agreements", by=by, number=len(waiting))
    after_commit(bell_of(DRAW_UP))
    return batch


def begin_batch(batch_id: int) -> list[int]:
    """Take a batch that waits; the awards whose agreements are to be drawn up, none when another worker has it."""
    batch = queries.batch_to_do(batch_id)
    if batch is None:
        return []
    batch.begun_at = clock.now()
    waiting = queries.awards_to_agree_on(awards_seen_by(batch.person), batch.call, batch.person)
    batch.done, batch.drawn, batch.total, batch.refused = 0, 0, len(waiting), []
    return waiting


def draw_up_next(batch_id: int, award_id: int) -> None:
    """Draw up one agreement of a batch and say how far it is; what stands in the way is written down, and nothing else."""
    batch = queries.batch_to_do(batch_id)
    if batch is None:
        return
    award = queries.award_of_batch(awards_seen_by(batch.person), award_id)
    try:
        if award is not None and award.state == AwardState.ACCEPTED:
            with db.session.begin_nested():
                prepare_agreement(award, by=batch.person)
            batch.drawn += 1
    except Refused as refusal:
        assert award is not None
        why = [{"message": in_every_language(one.message), "where": one.where} for one in refusal.obstacles]
        batch.refused = [*batch.refused, {"reference": award.reference, "why": why}]
    batch.done += 1


def finish_batch(batch_id: int, *, failed: bool = False) -> bool:
    """Say that a batch is done, or that it could not be; says whether there was one."""
    batch = queries.batch_to_do(batch_id)
    if batch is None:
        return False
    batch.state = BatchState.FAILED if failed else BatchState.DONE
    return True


def _forget_plan(award: Award, tranches: list[Tranche], by: Person) -> list[Tranche]:
    """Take back a plan that nobody has signed, because the risk was judged anew; reports nobody has begun go with it."""
    for tranche in tranches:
        db.session.delete(tranche)
    db.session.flush()
    reports.unschedule(award)
    history.note("award", award.id, "plan_again", by=by, risk=award.risk)
    return []


def _plan_tranches(
    award: Award, planned: list[award_rules.Instalment], owed: dict[str, ReportDue], hold_after_days: int
) -> list[Tranche]:
    tranches = []
    signed_by = award.sign_by or clock.today(award.call.timezone)
    days = rules.days_of(planned, {key: due.due_on for key, due in owed.items()}, signed_by)
    for part, due_on in zip(planned, days, strict=True):
        key = rules.report_key_of(part.trigger)
        report = owed[key] if key else None
        tranches.append(
            Tranche(
                award_id=award.id,
                number=part.number,
                amount_minor=part.amount.minor,
                currency=part.amount.currency,
                trigger=Trigger(part.trigger),
                report_due_id=report.id if report else None,
                min_spent_percent=part.min_spent_percent,
                due_on=due_on,
                hold_after_days=hold_after_days,
            )
        )
    db.session.add_all(tranches)
    db.session.flush()
    return tranches


def sign_agreement(award: Award, *, signature: str, by: Person, version: int | None = None) -> Agreement:
    """The grantee signs, and the ledger commits the money of the award from the envelope of its call.

    ``version`` is the agreement that was read, when that is known. The envelope is filled once, when the first agreement of
    a call is signed. Raises Refused when the envelope does not hold the award, or as ``awards.actions.sign`` does.
    """
    queries.lock_envelope(award.call_id)
    agreement = awards.sign(award, signature=signature, by=by, version=version)
    _commit(award, agreement, by)
    return agreement


def countersign_agreement(award: Award, *, by: Person, read: str | None = None) -> Agreement:
    """The fund countersigns what the grantee signed on paper, and the ledger commits the money, as when it signs online.

    Raises Refused when the envelope does not hold the award, or as ``awards.actions.countersign`` does.
    """
    queries.lock_envelope(award.call_id)
    agreement = awards.countersign(award, by=by, read=read)
    _commit(award, agreement, by)
    return agreement


def _commit(award: Award, agreement: Agreement, by: Person) -> None:
    refuse(
        rules.obstacles_by_plan(award, agreement, mark_of_plan(award))
        + rules.obstacles_to_committing(award, queries.free_in_envelope(award))
    )
    call = award.call
    db.session.refresh(call, ["envelope_minor"])
    _move(
        f"fund:{call.reference}",
        call.envelope,
        _pot(AccountKind.DONOR, award.call_id, None, award.currency),
        _pot(AccountKind.ENVELOPE, award.call_id, None, award.currency),
        memo="fund",
        by=None,
    )
    _move(
        f"commit:{award.reference}",
        award.amount,
        _pot(AccountKind.ENVELOPE, award.call_id, None, award.currency),
        _pot(AccountKind.COMMITTED, award.call_id, award.id, award.currency),
        memo="commit",
        by=by,
    )
    today = clock.today(call.timezone)
    for tranche in queries.tranches_of(award):
        if tranche.trigger == Trigger.AGREEMENT_SIGNED:
            tranche.due_on = rules.day_of(tranche, rules.due_after_signature(today))
    keep_version(award, agreement)


def keep_version(award: Award, agreement: Agreement, *, scope: str = "") -> AwardVersion:
    """Keep everything that binds both sides of a grant as it stands now, under the document that was just signed."""
    db.session.flush()
    award = award_queries.award_to_agree_on(award)
    version = AwardVersion(
        award_id=award.id,
        number=len(award_queries.versions_of(award)) + 1,
        agreement_id=agreement.id,
        terms=_terms_now(award, scope),
    )
    db.session.add(version)
    db.session.flush()
    return version


def move_instalment(tranche: Tranche, due_on: date, *, by: Person, **why: Any) -> Tranche:
    """Move the day of an instalment that is not paid, with the report that it waits for; the record keeps both days."""
    before, tranche.due_on = tranche.due_on, due_on
    told: dict[str, Any] = {"tranche": tranche.number, "before": before.isoformat(), "after": due_on.isoformat()} | why
    history.note("award", tranche.award_id, "move_instalment", by=by, **told)
    return tranche


def postpone(award: Award, number: int, due_on: date, reason: str, *, by: Person) -> Tranche:
    """Move the day of an instalment that is not paid, sooner or later, with a reason; also after it has passed. Raises
    Refused.
    """
    queries.lock_grant(award.id)
    standings = {standing.number: standing for standing in queries.standings_of([award.id])}
    refuse(rules.obstacles_to_postponing(number, standings, due_on, reason))
    tranche = queries.tranche_of(award, number)
    assert tranche is not None
    return move_instalment(tranche, due_on, by=by, reason=reason)


def settle(award: Award, final: ReportDue | None, *, by: Person) -> list[Tranche]:
    """Cancel the instalments that a termination overtook. The last one takes over what of them may still be owed, and
    pays, once the final report is accepted, what was spent in good faith beyond what was paid. Gives back the cancelled.
    """
    queries.lock_grant(award.id)
    open_ones = queries.unpaid_of(award)
    today = clock.today(award.call.timezone)
    cancelled = open_ones[:-1] if final is not None else open_ones
    for tranche in cancelled:
        tranche.cancelled_on = today
    if final is not None and open_ones:
        last = open_ones[-1]
        last.amount_minor += sum(tranche.amount_minor for tranche in cancelled)
        last.trigger, last.report_due = Trigger.FINAL_REPORT_APPROVED, final
        last.min_spent_percent, last.due_on = None, rules.due_after_report(final.due_on)
        last.milestone = last.not_before = None
    told = [tranche.number for tranche in cancelled]
    history.note("award", award.id, "settle", by=by, cancelled=told, final=final.id if final else None)
    db.session.flush()
    return cancelled


# ------------------------------------------------------------------ bank accounts


def enter_bank_account(
    organization: Organization,
    *,
    holder: str,
    number: str,
    bic: str,
    currency: str,
    by: Person,
    bank_code: str = "",
) -> BankAccount:
    """Say where an organization is paid; the account before it is blocked, and the new one waits for a call-back.

    Owners and signatories are told at once, finance officers are asked to call back. Raises Refused for an IBAN
    whose check digits do not fit.
    """
    plain, currency = rules.plain_number(number), currency.strip().upper()
    refuse(rules.obstacles_to_entering(holder, plain, bic, currency, bank_code))
    queries.lock_organization(organization.id)
    follows_another = queries.has_had_account(organization.id)
    tell = mails.bank_account_changed if follows_another else mails.bank_account_entered
    former = queries.bank_account_of(organization.id)
    if former is not None:
        history.record(former, "block", by=by, reason="replaced")
    account = BankAccount(
        organization_id=organization.id,
        token=encryption.row_token(),
        last_four=plain[-4:],
        bic=rules.plain_number(bic),
        bank_code=rules.plain_number(bank_code),
        currency=currency,
        follows_another=follows_another,
        entered_by_id=by.id,
    )
    account.holder_sealed = encryption.seal(holder.strip(), HOLDER_PLACE, account.token)
    account.number_sealed = encryption.seal(plain, NUMBER_PLACE, account.token)
    db.session.add(account)
    history.begin(account, "enter", by=by, organization=organization.reference)
    post(*(tell(account, organization, to) for to in _leaders(organization.id)))
    post(*(mails.bank_account_to_verify(account, organization, to) for to in _other_officers(by, organization.id)))
    return account


def look_at_number(account: BankAccount, *, purpose: str, by: Person) -> tuple[str, str]:
    """The holder and the full number of an account, in the clear; that somebody looked is written down.

    ``purpose`` is what it was needed for: ``verification``, or the reference of a payment.
    """
    history.note("bank_account", account.id, "look", by=by, purpose=purpose)
    return (
        encryption.unseal(account.holder_sealed, HOLDER_PLACE, account.token),
        encryption.unseal(account.number_sealed, NUMBER_PLACE, account.token),
    )


def verify_bank_account(account: BankAccount, reason: str, *, by: Person, about: str | None = None) -> BankAccount:
    """A second person has called back and vouches for the account; ``reason`` says whom they called and when, ``about``
    names the account that stood on their page.

    Raises Refused for the person who entered it, without the story of the call, and when another account stands now.
    """
    account = queries.lock_bank_account(account.id, shared=False)
    refuse(rules.obstacles_to_verifying(account, by.id, reason, about))
    account.workflow.transition("verify", account.state)
    account.verified_by_id = by.id
    account.verified_at = clock.now()
    history.record(account, "verify", by=by, reason=reason)
    organization = account.organization
    post(*(mails.bank_account_verified(account, organization, to) for to in _leaders(organization.id)))
    return account


def block_bank_account(account: BankAccount, reason: str, *, by: Person, about: str | None = None) -> BankAccount:
    """Stop all payments to an account, because something about it is not right. Raises Refused without a reason, and when
    another account stands now than the one on the page.
    """
    refuse(rules.obstacles_to_judging(account, about))
    history.record(account, "block", by=by, reason=reason)
    return account


# ------------------------------------------------------------------ disbursements


def prepare(tranche: Tranche, *, by: Person) -> Disbursement:
    """Prepare the payment of a tranche: its amount and its account are frozen from here on.

    Another finance officer is asked to approve it. Raises Refused with everything that stands in the way.
    """
    at = clock.now()
    queries.lock_grant(tranche.award_id)
    standing = queries.standing_of(tranche)
    refuse(rules.obstacles_without_standing(standing))
    assert standing is not None
    refuse(rules.obstacles_to_preparing(standing, at))
    account = queries.bank_account_of(standing.organization_id)
    assert account is not None
    queries.lock_bank_account(account.id, shared=True)
    standing = queries.standing_of(tranche)
    assert standing is not None
    refuse(rules.obstacles_to_preparing(standing, at))
    number = queries.payments_made_for(tranche.award_id) + 1
    disbursement = Disbursement(
        reference=f"{standing.award_reference}-P{number}",
        tranche=tranche,
        bank_account=account,
        amount_minor=standing.to_pay.minor,
        currency=standing.currency,
        prepared_by_id=by.id,
    )
    db.session.add(disbursement)
    history.begin(disbursement, "prepare", by=by, amount=disbursement.amount_minor, tranche=tranche.number)
    post(*(mails.disbursement_prepared(disbursement, to) for to in _other_officers(by, standing.organization_id)))
    return disbursement


def approve(disbursement: Disbursement, *, by: Person) -> Disbursement:
    """A second finance officer approves; the money moves from committed to payable.

    Everything that the preparation looked at is looked at again. Raises Refused for the person who prepared it and with
    all that stands in the way now; NoSuchMove when somebody was quicker. The database refuses a self-approval too, whoever
    writes it, and keeps a digest of what was approved.
    """
    queries.lock_disbursement(disbursement)
    disbursement.workflow.transition("approve", disbursement.state)
    standing = queries.standing_of(disbursement.tranche)
    refuse(rules.obstacles_to_approving(disbursement, by.id, standing, clock.now()))
    disbursement.approved_by_id = by.id
    disbursement.approved_at = clock.now()
    history.record(disbursement, "approve", by=by)
    _move_for(disbursement, "approve", AccountKind.COMMITTED, AccountKind.PAYABLE, by)
    return disbursement


def take_on(disbursement: Disbursement, *, by: Person) -> Disbursement:
    """One officer says that they send a payment by hand now: nobody else does, and it goes into no order. Raises Refused with
    everything that stands in its way, NoSuchMove.
    """
    queries.lock_disbursement(disbursement)
    disbursement.workflow.transition("pay", disbursement.state)
    as_approved, standing = queries.is_as_approved(disbursement), queries.standing_of(disbursement.tranche)
    refuse(
        rules.obstacles_to_sending_by_hand(disbursement)
        + rules.obstacles_to_sending(disbursement, standing, clock.now(), as_approved=as_approved)
    )
    disbursement.released_at, disbursement.sending_by_id = clock.now(), by.id
    history.note("disbursement", disbursement.id, "take_on", by=by)
    return disbursement


def let_go(disbursement: Disbursement, reason: str, *, by: Person) -> Disbursement:
    """A payment that somebody took on was not sent by hand after all, and how that is known: it can go another way, or be
    cancelled. Raises Refused, NoSuchMove.
    """
    queries.lock_disbursement(disbursement)
    disbursement.workflow.transition("pay", disbursement.state)
    refuse(rules.obstacles_to_letting_go(disbursement) or award_rules.obstacles_without_reason(reason))
    disbursement.released_at = disbursement.sending_by_id = None
    history.note("disbursement", disbursement.id, "let_go", by=by, reason=reason)
    return disbursement


def pay(
    disbursement: Disbursement,
    *,
    paid_on: date,
    bank_reference: str,
    proof_name: str,
    proof_content: bytes,
    by: Person,
    fee: Money | None = None,
) -> Disbursement:
    """Record that the bank has sent the money, with its reference, the proof and what it took for it; the grantee is asked
    to confirm.

    Raises Refused when it went to the bank neither in an order nor by somebody who took it on, for a day that cannot be, or
    a proof that is not a PDF or image.
    """
    _look_before_paying(disbursement, paid_on, bank_reference, fee, by_hand=True)
    proof = files.keep(proof_name, proof_content, rules.PROOF_KINDS)
    return _paid(disbursement, paid_on, bank_reference, proof, fee, by)


def pay_as_stated(
    disbursement: Disbursement,
    *,
    paid_on: date,
    bank_reference: str,
    extract: bytes,
    by: Person,
    fee: Money | None = None,
) -> Disbursement:
    """Record what the statement of the fund's bank says was sent; ``extract`` is its line as a PDF. Raises Refused."""
    _look_before_paying(disbursement, paid_on, bank_reference, fee)
    proof = files.keep_own(f"{disbursement.reference}-statement.pdf", extract)
    return _paid(disbursement, paid_on, bank_reference, proof, fee, by)


def _look_before_paying(
    disbursement: Disbursement, paid_on: date, bank_reference: str, fee: Money | None, *, by_hand: bool = False
) -> None:
    queries.lock_disbursement(disbursement)
    disbursement.workflow.transition("pay", disbursement.state)
    as_approved, at = queries.is_as_approved(disbursement), clock.now()
    found = rules.obstacles_to_paying(disbursement, paid_on, bank_reference, at, as_approved=as_approved)
    if by_hand and disbursement.released_at is None:
        standing, told = queries.standing_of(disbursement.tranche), {one.code for one in found}
        anew = rules.obstacles_still(disbursement, standing, at)
        found += rules.obstacles_to_sending_by_hand(disbursement) + [one for one in anew if one.code not in told]
        found = found or [rules.NOT_TAKEN_ON]
    refuse(found + rules.obstacles_to_fee(fee, disbursement.currency))


def _paid(
    disbursement: Disbursement, paid_on: date, bank_reference: str, proof: StoredFile, fee: Money | None, by: Person
) -> Disbursement:
    disbursement.paid_on = paid_on
    disbursement.bank_reference = bank_reference.strip()
    disbursement.proof_id = proof.id
    history.record(disbursement, "pay", by=by, paid_on=paid_on.isoformat())
    _move_for(disbursement, "pay", AccountKind.PAYABLE, AccountKind.PAID, by)
    if fee is not None:
        record_fee(disbursement, fee, key=_booking_of(disbursement), by=by)
    leaders = _leaders(disbursement.tranche.award.organization_id)
    post(*(mails.disbursement_paid(disbursement, to) for to in leaders))
    return disbursement


def _booking_of(disbursement: Disbursement) -> str:
    """What the moves of a payment are called in the ledger: anew each time that a booking was taken back."""
    times = queries.times_taken_back(disbursement)
    return f"{disbursement.reference}:{times + 1}" if times else disbursement.reference


def record_fee(disbursement: Disbursement, fee: Money, *, key: str, by: Person) -> None:
    """Record what the fund's own bank took for a payment: the donor bears it, the money of the call stays whole.

    ``key`` names the occasion, so that one fee is recorded once. Raises Refused unless it is above zero and in the
    currency of the payment.
    """
    refuse(rules.obstacles_to_fee(fee, disbursement.currency))
    call_id = disbursement.tranche.award.call_id
    history.note("disbursement", disbursement.id, "fee", by=by, amount=fee.minor, currency=fee.currency)
    _move(
        f"fee:{key}",
        fee,
        _pot(AccountKind.DONOR, call_id, None, fee.currency),
        _pot(AccountKind.FEES, call_id, None, fee.currency),
        memo="fee",
        by=by,
        disbursement_id=disbursement.id,
    )


def take_fee_back(disbursement: Disbursement, key: str, *, by: Person) -> None:
    """A fee was recorded by mistake: the donor has it again. Nothing happens where none was."""
    fee = queries.transfer_by_key(f"fee:{key}")
    if fee is None:
        return
    call_id = disbursement.tranche.award.call_id
    _move(
        f"unfee:{key}",
        fee.amount,
        _pot(AccountKind.FEES, call_id, None, fee.currency),
        _pot(AccountKind.DONOR, call_id, None, fee.currency),
        memo="unfee",
        by=by,
        disbursement_id=disbursement.id,
    )


def put_in_order(disbursement: Disbursement, order: str) -> None:
    """The payment goes to the bank in this order and no other way; ``""`` when the order is not sent after all."""
    queries.lock_disbursement(disbursement)
    disbursement.order_reference = order


def release(disbursement: Disbursement, order: str, *, by: Person) -> Disbursement:
    """The payment goes to the bank in a payment order, to the account as it was approved. Raises Refused with everything that
    stands in its way now, NoSuchMove.
    """
    queries.lock_disbursement(disbursement)
    disbursement.workflow.transition("pay", disbursement.state)
    as_approved, standing = queries.is_as_approved(disbursement), queries.standing_of(disbursement.tranche)
    refuse(
        rules.obstacles_to_sending(disbursement, standing, clock.now(), as_approved=as_approved)
        + (rules.obstacles_to_cancelling(disbursement) if disbursement.released_at else [])
    )
    disbursement.released_at, disbursement.order_reference = clock.now(), order
    history.note("disbursement", disbursement.id, "release", by=by, order=order)
    return disbursement


def take_out(disbursement: Disbursement, reason: str, *, by: Person) -> Disbursement:
    """The bank did not carry out a payment that was released: it can be ordered again or cancelled. Raises NoSuchMove."""
    queries.lock_disbursement(disbursement)
    disbursement.workflow.transition("pay", disbursement.state)
    refuse(award_rules.obstacles_without_reason(reason))
    order, disbursement.released_at, disbursement.order_reference = disbursement.order_reference, None, ""
    history.note("disbursement", disbursement.id, "take_out", by=by, reason=reason, order=order)
    return disbursement


def replace_proof(disbursement: Disbursement, proof_name: str, proof_content: bytes, *, by: Person) -> Disbursement:
    """Give another proof for one that holds a virus; the locked file is kept, and history says which one it was.

    Raises Refused when the proof can be opened, or the other is not a PDF or image.
    """
    queries.lock_disbursement(disbursement)
    refuse(rules.obstacles_to_replacing(disbursement.proof))
    assert disbursement.proof is not None
    locked = disbursement.proof.sha256
    disbursement.proof = files.keep(proof_name, proof_content, rules.PROOF_KINDS)
    history.note("disbursement", disbursement.id, "replace_proof", by=by, locked=locked)
    db.session.flush()
    return disbursement


def confirm(
    disbursement: Disbursement,
    *,
    received_on: date,
    received: Money,
    rate: Decimal,
    by: Person,
    short_reason: str = "",
) -> Disbursement:
    """The grantee confirms the day, the amount that arrived and the rate: units of local money for one of the award's.

    Where less arrived than was sent, ``short_reason`` says why. Raises Refused.
    """
    queries.lock_disbursement(disbursement)
    disbursement.workflow.transition("confirm", disbursement.state)
    at = clock.now()
    refuse(
        rules.obstacles_to_confirming(
            disbursement, received_on, received.minor, received.currency, rate, at, short_reason
        )
    )
    disbursement.received_on = received_on
    disbursement.received_minor = received.minor
    disbursement.received_currency = received.currency
    disbursement.received_rate = rate
    disbursement.short_reason = short_reason.strip()
    disbursement.confirmed_at = at
    disbursement.confirmed_by_id = by.id
    history.record(disbursement, "confirm", by=by, received=received.minor, currency=received.currency)
    told = free_among([disbursement.prepared_by], disbursement.tranche.award.organization_id)
    post(*(mails.disbursement_confirmed(disbursement, to) for to in told))
    return disbursement


def return_(
    disbursement: Disbursement, reason: str, *, by: Person, came: Money | None = None, rest_stayed: bool = False
) -> Disbursement:
    """The bank sent the money back, and why, also after the grantee confirmed it. The tranche may be prepared again, as a new
    disbursement. ``came`` is what came back where it is less: banks kept the rest, which the donor bears; or it stayed with
    the grantee (``rest_stayed``) and becomes a payment of its own. Raises Refused, NoSuchMove.
    """
    queries.lock_disbursement(disbursement)
    disbursement.workflow.transition("return", disbursement.state)
    award, came = disbursement.tranche.award, disbursement.amount if came is None else came
    refuse(rules.obstacles_to_returning(disbursement, queries.position(award), came))
    missing = disbursement.amount - came
    history.record(disbursement, "return", by=by, reason=reason, came_back=came.minor)
    _move_for(disbursement, "return", AccountKind.PAID, AccountKind.COMMITTED, by)
    if missing.minor and rest_stayed:
        _keep_part(disbursement, missing, by)
    elif missing.minor:
        record_fee(disbursement, missing, key=f"{_booking_of(disbursement)}:return", by=by)
    if award.state == AwardState.CLOSED:
        release_rest(award, by=by)
    _answer_request(award, came, by)
    post(*(mails.disbursement_returned(disbursement, to) for to in _leaders(award.organization_id)))
    return disbursement


def _keep_part(returned: Disbursement, stays: Money, by: Person) -> None:
    """The part of a returned payment that stayed with the grantee: an instalment and a payment of its own, as it was approved
    and sent with the whole; the rest of the instalment can be prepared again.
    """
    whole = returned.tranche
    number = queries.last_number(whole.award_id) + 1
    whole.amount_minor -= stays.minor
    part = Tranche(
        award_id=whole.award_id,
        number=number,
        amount_minor=stays.minor,
        currency=stays.currency,
        trigger=whole.trigger,
        report_due_id=whole.report_due_id,
        min_spent_percent=whole.min_spent_percent,
        due_on=whole.due_on,
        hold_after_days=whole.hold_after_days,
        milestone_id=whole.milestone_id,
        not_before=whole.not_before,
        by_hand=whole.by_hand,
        freed_at=whole.freed_at,
        freed_by_id=whole.freed_by_id,
        freed_reason=whole.freed_reason,
    )
    kept = Disbursement(
        reference=f"{whole.award.reference}-P{queries.payments_made_for(whole.award_id) + 1}",
        tranche=part,
        bank_account_id=returned.bank_account_id,
        amount_minor=stays.minor,
        currency=stays.currency,
        prepared_by_id=returned.prepared_by_id,
    )
    db.session.add_all([part, kept])
    history.begin(kept, "prepare", by=by, part_of=returned.reference, amount=stays.minor)
    kept.approved_by_id, kept.approved_at = returned.approved_by_id, returned.approved_at
    history.record(kept, "approve", by=by, part_of=returned.reference)
    _move_for(kept, "approve", AccountKind.COMMITTED, AccountKind.PAYABLE, by)
    kept.paid_on, kept.bank_reference, kept.proof_id = returned.paid_on, returned.bank_reference, returned.proof_id
    history.record(kept, "pay", by=by, part_of=returned.reference)
    _move_for(kept, "pay", AccountKind.PAYABLE, AccountKind.PAID, by)


def take_back(disbursement: Disbursement, reason: str, *, by: Person) -> Disbursement:
    """It was recorded by mistake that a payment was sent: it is approved and to be sent again, its fee was none. Raises
    Refused, NoSuchMove.
    """
    queries.lock_disbursement(disbursement)
    disbursement.workflow.transition("take_back", disbursement.state)
    refuse(rules.obstacles_to_taking_back(disbursement, queries.position(disbursement.tranche.award)))
    booking, proof = _booking_of(disbursement), disbursement.proof
    told = {"paid_on": str(disbursement.paid_on), "proof": proof.sha256 if proof else ""}
    entry = history.record(disbursement, "take_back", by=by, reason=reason, **told)
    take_fee_back(disbursement, booking, by=by)
    _move_for(disbursement, "unpay", AccountKind.PAID, AccountKind.PAYABLE, by)
    disbursement.paid_on, disbursement.bank_reference, disbursement.proof = None, "", None
    _tell_taken_back(disbursement, entry.id)
    return disbursement


def take_back_return(disbursement: Disbursement, reason: str, *, by: Person) -> Disbursement:
    """It was recorded by mistake that a payment came back: it stands as sent, and the grantee confirms it. An instalment that
    a termination has cancelled meanwhile stands again. Raises Refused, NoSuchMove.
    """
    queries.lock_disbursement(disbursement)
    disbursement.workflow.transition("take_back_return", disbursement.state)
    reserve = queries.reserve_for(disbursement)
    refuse(rules.obstacles_to_taking_back_return(disbursement, reserve))
    _let_stand(disbursement.tranche, reserve, by)
    booking = _booking_of(disbursement)
    entry = history.record(disbursement, "take_back_return", by=by, reason=reason)
    take_fee_back(disbursement, f"{booking}:return", by=by)
    _move_for(disbursement, "unreturn", AccountKind.COMMITTED, AccountKind.PAID, by)
    disbursement.confirmed_at, disbursement.confirmed_by_id = None, None
    disbursement.received_on, disbursement.received_minor = None, None
    disbursement.received_currency, disbursement.received_rate, disbursement.short_reason = None, None, ""
    _tell_taken_back(disbursement, entry.id)
    return disbursement


def _let_stand(tranche: Tranche, reserve: queries.Reserve, by: Person) -> None:
    """Let an instalment that a termination cancelled stand again; who took its money over gives it back."""
    if tranche.cancelled_on is None:
        return
    heir = rules.heir_in(reserve)
    if heir is not None and rules.free_in_plan(tranche.award, reserve) < tranche.amount_minor:
        heir.amount_minor -= tranche.amount_minor
    tranche.cancelled_on = None
    history.note("award", tranche.award_id, "let_stand", by=by, tranche=tranche.number)
    db.session.flush()


def _tell_taken_back(disbursement: Disbursement, occasion: int) -> None:
    leaders = _leaders(disbursement.tranche.award.organization_id)
    post(*(mails.disbursement_taken_back(disbursement, to, occasion) for to in leaders))


def cancel(disbursement: Disbursement, reason: str, *, by: Person) -> Disbursement:
    """Give up a payment that was not sent, and say why; what was payable is committed again."""
    queries.lock_disbursement(disbursement)
    disbursement.workflow.transition("cancel", disbursement.state)
    refuse(rules.obstacles_to_cancelling(disbursement))
    was_approved = disbursement.state == DisbursementState.APPROVED
    history.record(disbursement, "cancel", by=by, reason=reason)
    if was_approved:
        _move_for(disbursement, "cancel", AccountKind.PAYABLE, AccountKind.COMMITTED, by)
    return disbursement


# ------------------------------------------------------------------ refunds and the end


def record_refund(
    award: Award,
    *,
    amount: Money,
    received_on: date,
    bank_reference: str,
    proof_name: str,
    proof_content: bytes,
    by: Person,
    another: bool = False,
) -> Refund:
    """Record money that the grantee sent back, with the bank's reference and the proof; ``another`` says that it is not the
    one of the same amount and day. Raises Refused, also when it is recorded already.
    """
    _look_before_refund(award, amount, received_on, bank_reference, another=another)
    proof = files.keep(proof_name, proof_content, rules.PROOF_KINDS)
    return _refunded(award, amount, received_on, bank_reference, proof, by)


def record_refund_as_stated(
    award: Award, *, amount: Money, received_on: date, bank_reference: str, extract: bytes, by: Person
) -> Refund:
    """Record what the statement of the fund's bank says came back; ``extract`` is its line as a PDF. Raises Refused."""
    _look_before_refund(award, amount, received_on, bank_reference, another=True)
    proof = files.keep_own(f"{award.reference}-refund-statement.pdf", extract)
    return _refunded(award, amount, received_on, bank_reference, proof, by)


def _look_before_refund(award: Award, amount: Money, received_on: date, bank_reference: str, *, another: bool) -> None:
    queries.lock_grant(award.id)
    position, today = queries.position(award), clock.today(award.call.timezone)
    refuse(rules.obstacles_to_refund(position, amount, received_on, bank_reference, today))
    known = queries.refunds_of(award)
    refuse(rules.obstacles_to_another_refund(known, amount, received_on, bank_reference, another=another))


def _refunded(
    award: Award, amount: Money, received_on: date, bank_reference: str, proof: StoredFile, by: Person
) -> Refund:
    answered = _answer_request(award, amount, by)
    refund = Refund(
        reference=f"{award.reference}-R{len(queries.refunds_of(award)) + 1}",
        award_id=award.id,
        amount_minor=amount.minor,
        currency=amount.currency,
        received_on=received_on,
        bank_reference=bank_reference.strip(),
        proof_id=proof.id,
        recorded_by_id=by.id,
        request_id=answered.id if answered else None,
    )
    db.session.add(refund)
    db.session.flush()
    history.note("award", award.id, "refund", by=by, refund=refund.reference, amount=amount.minor)
    _move(
        f"refund:{refund.reference}",
        amount,
        _pot(AccountKind.PAID, award.call_id, award.id, award.currency),
        _pot(AccountKind.REFUNDED, award.call_id, award.id, award.currency),
        memo="refund",
        by=by,
    )
    post(*(mails.refund_recorded(refund, award.reference, to) for to in _leaders(award.organization_id)))
    return refund


def take_back_refund(award: Award, refund: Refund, reason: str, *, by: Person) -> Refund:
    """A refund was recorded by mistake: an entry of the same amount below zero takes it back, and what was asked back is
    missing again. Raises Refused.
    """
    queries.lock_grant(award.id)
    refuse(
        rules.obstacles_to_taking_back_refund(refund, queries.corrections_of(award))
        or award_rules.obstacles_without_reason(reason)
    )
    correction = Refund(
        reference=f"{refund.reference}-T",
        award_id=award.id,
        amount_minor=-refund.amount_minor,
        currency=refund.currency,
        received_on=refund.received_on,
        bank_reference=refund.bank_reference,
        proof_id=refund.proof_id,
        recorded_by_id=by.id,
        corrects_id=refund.id,
    )
    db.session.add(correction)
    db.session.flush()
    told = {"refund": refund.reference, "amount": refund.amount_minor}
    history.note("award", award.id, "take_back_refund", by=by, reason=reason, **told)
    _move(
        f"unrefund:{refund.reference}",
        refund.amount,
        _pot(AccountKind.REFUNDED, award.call_id, award.id, award.currency),
        _pot(AccountKind.PAID, award.call_id, award.id, award.currency),
        memo="unrefund",
        by=by,
    )
    request = refund.request
    if request is not None:
        request.received_minor = max(0, request.received_minor - refund.amount_minor)
        if request.state == RefundRequestState.MET and queries.request_standing_for(award) is None:
            history.record(request, "reopen", by=by, missing=request.missing.minor)
        else:
            history.note("refund_request", request.id, "miss", by=by, amount=refund.amount_minor)
    post(*(mails.refund_taken_back(refund, award.reference, to) for to in _leaders(award.organization_id)))
    return correction


def _answer_request(award: Award, amount: Money, by: Person) -> RefundRequest | None:
    """What came back counts towards what was asked; the request is met when all of it is there."""
    request = queries.request_standing_for(award)
    if request is None:
        return None
    request.received_minor += amount.minor
    if request.missing.minor == 0:
        history.record(request, "meet", by=by, received=amount.minor)
    else:
        history.note("refund_request", request.id, "receive", by=by, received=amount.minor)
    return request


def ask_for_refund(award: Award, *, amount: Money, due_on: date, reason: str, by: Person) -> RefundRequest:
    """Ask the grantee to send money back: how much, until when, and why. They are told at once. Raises Refused."""
    queries.lock_grant(award.id)
    today = clock.today(award.call.timezone)
    standing = queries.request_standing_for(award)
    refuse(
        rules.obstacles_to_asking(queries.position(award), standing, amount, due_on, today)
        or award_rules.obstacles_without_reason(reason)
    )
    request = RefundRequest(
        award_id=award.id,
        amount_minor=amount.minor,
        currency=amount.currency,
        due_on=due_on,
        reason=reason.strip(),
        asked_by_id=by.id,
    )
    db.session.add(request)
    history.begin(request, "ask", by=by, award=award.reference, amount=amount.minor, due_on=due_on.isoformat())
    post(*(mails.refund_asked(request, award.reference, to) for to in _leaders(award.organization_id)))
    return request


def withdraw_request(award: Award, reason: str, *, by: Person) -> RefundRequest:
    """Money is not asked back any more, and why. Raises Refused, also when nothing is asked for."""
    queries.lock_grant(award.id)
    request = queries.request_standing_for(award)
    refuse([] if request else [Obstacle("nothing_asked", _l("No refund is asked for."))])
    assert request is not None
    history.record(request, "withdraw", by=by, reason=reason)
    post(*(mails.refund_not_asked(request, award.reference, to) for to in _leaders(award.organization_id)))
    return request


def tell_cofinancing(
    award: Award,
    *,
    source: str,
    promised: Money,
    received: Money,
    evidence: tuple[str, bytes] | None,
    by: Person,
) -> Cofinancing:
    """Tell what another source promised and gave to the same action; the same source again takes the place of the former.

    ``evidence`` is the name and content of a file; the one before is kept when there is none. Raises Refused.
    """
    queries.lock_grant(award.id)
    others = queries.cofinancing_of(award)
    known = next((other for other in others if other.source == source.strip()), None)
    has_evidence = evidence is not None or bool(known and known.evidence_id)
    refuse(rules.obstacles_to_cofinancing(award, others, source, promised, received, has_evidence=has_evidence))
    told = known or Cofinancing(award_id=award.id, source=source.strip(), currency=award.currency)
    if evidence is not None:
        told.evidence = files.keep(*evidence, rules.PROOF_KINDS)
    told.promised_minor, told.received_minor = promised.minor, received.minor
    told.told_by_id, told.told_at = by.id, clock.now()
    db.session.add(told)
    db.session.flush()
    history.note(
        "award",
        award.id,
        "cofinancing",
        by=by,
        source=told.source,
        promised=promised.minor,
        received=received.minor,
        currency=award.currency,
    )
    return told


def release_rest(award: Award, *, by: Person) -> Money:
    """Give back to the envelope of the call what a grant at its end did not need; says how much that was."""
    queries.lock_grant(award.id)
    rest = queries.balances_of(award).get(AccountKind.COMMITTED, Money(0, award.currency))
    if rest.minor > 0:
        times = queries.times_released(award)
        _move(
            f"release:{award.reference}:{times + 1}" if times else f"release:{award.reference}",
            rest,
            _pot(AccountKind.COMMITTED, award.call_id, award.id, award.currency),
            _pot(AccountKind.ENVELOPE, award.call_id, None, award.currency),
            memo="release",
            by=by,
        )
    return rest


# ------------------------------------------------------------------ the ledger


def _pot(kind: AccountKind, call_id: int, award_id: int | None, currency: str) -> int:
    """The pot of this kind, opened when it is needed for the first time, also by two people at once."""
    row = insert(Account).values(
        kind=kind, currency=currency, call_id=call_id, award_id=award_id, debits_minor=0, credits_minor=0
    )
    db.session.execute(row.on_conflict_do_nothing(constraint="uq_account_kind_call_id_award_id"))
    found = queries.pot(kind, call_id, award_id)
    assert found is not None
    return found.id


def _move(
    key: str,
    amount: Money,
    debit_account_id: int,
    credit_account_id: int,
    *,
    memo: str,
    by: Person | None,
    disbursement_id: int | None = None,
) -> None:
    """Move money once: a second move with the same key changes nothing. The database refuses an overdraft."""
    row = insert(Transfer).values(
        key=key,
        debit_account_id=debit_account_id,
        credit_account_id=credit_account_id,
        amount_minor=amount.minor,
        currency=amount.currency,
        memo=memo,
        disbursement_id=disbursement_id,
        by_id=by.id if by else None,
    )
    db.session.flush()
    db.session.execute(row.on_conflict_do_nothing(index_elements=["key"]))


def _move_for(disbursement: Disbursement, move: str, debit: AccountKind, credit: AccountKind, by: Person) -> None:
    award = disbursement.tranche.award
    _move(
        f"{move}:{_booking_of(disbursement)}",
        disbursement.amount,
        _pot(debit, award.call_id, award.id, award.currency),
        _pot(credit, award.call_id, award.id, award.currency),
        memo=move,
        by=by,
        disbursement_id=disbursement.id,
    )


# ------------------------------------------------------------------ who is told


def _leaders(organization_id: int) -> list[Person]:
    return award_queries.people_who_answer([organization_id]).get(organization_id, [])


def _other_officers(by: Person, organization_id: int) -> list[Person]:
    others = [officer for officer in holders_of(Role.FINANCE_OFFICER) if officer.id != by.id]
    return free_among(others, organization_id)


def tell_of_locked_proofs() -> int:
    """Tell the finance officers of proofs that were found to hold a virus, each once; says how many."""
    locked, number = queries.locked_proofs(), 0
    officers = holders_of(Role.FINANCE_OFFICER) if locked else []
    for proved, reference, organization_id in locked:
        told = free_among(officers, organization_id)
        if told and isinstance(proved, Disbursement):
            history.note("disbursement", proved.id, "lock", by=None)
        post(*(mails.proof_locked(proved, reference, to) for to in told))
        number += bool(told)
    return number
