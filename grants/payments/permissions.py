"""Who may see where grantees are paid, prepare, approve and send payments, and read the ledger."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, false, or_, select

from grants.accounts.models import COORDINATORS, Organization, Role
from grants.awards.models import Award
from grants.awards.permissions import READERS, awards_seen_by, can_oversee
from grants.calls.models import Call
from grants.conflicts.queries import hidden_applications, in_conflict, tied_organizations
from grants.core.permissions import scope, scope_of
from grants.payments.models import (
    Account,
    AgreementBatch,
    BankAccount,
    Cofinancing,
    Disbursement,
    Refund,
    RefundRequest,
    Tranche,
    Transfer,
)


def _grants(user: Any) -> Any:
    return awards_seen_by(user).with_only_columns(Award.id)


@scope_of(Tranche)
def tranches_seen_by(user: Any) -> Select[Tranche]:
    """The tranches of the awards a person may see."""
    return select(Tranche).where(Tranche.award_id.in_(_grants(user)))


@scope_of(Disbursement)
def disbursements_seen_by(user: Any) -> Select[Disbursement]:
    """The payments of the awards a person may see."""
    tranches = select(Tranche.id).where(Tranche.award_id.in_(_grants(user)))
    return select(Disbursement).where(Disbursement.tranche_id.in_(tranches))


@scope_of(Refund)
def refunds_seen_by(user: Any) -> Select[Refund]:
    """What came back on the awards a person may see."""
    return select(Refund).where(Refund.award_id.in_(_grants(user)))


@scope_of(RefundRequest)
def requests_seen_by(user: Any) -> Select[RefundRequest]:
    """What is asked back on the awards a person may see."""
    return select(RefundRequest).where(RefundRequest.award_id.in_(_grants(user)))


@scope_of(Cofinancing)
def cofinancing_seen_by(user: Any) -> Select[Cofinancing]:
    """What other sources give to the awards a person may see."""
    return select(Cofinancing).where(Cofinancing.award_id.in_(_grants(user)))


@scope_of(BankAccount)
def bank_accounts_seen_by(user: Any) -> Select[BankAccount]:
    """Members: their organization's; finance officers and auditors: all without a conflict. The numbers stay sealed."""
    found = select(BankAccount)
    if not user.is_authenticated:
        return found.where(false())
    own = BankAccount.organization_id.in_([m.organization_id for m in user.memberships])
    if not user.holds(*READERS):
        return found.where(own)
    return found.where(or_(own, BankAccount.organization_id.not_in(tied_organizations(user.id))))


@scope_of(Transfer)
def transfers_seen_by(user: Any) -> Select[Transfer]:
    """Finance officers, auditors and global coordinators: the ledger without the grants of applicants they have a tie
    to; nobody else any of it.
    """
    found = select(Transfer)
    if not can_see_ledger(user):
        return found.where(false())
    tied = (
        select(Account.id)
        .join(Award, Award.id == Account.award_id)
        .where(
            Award.application_id.in_(hidden_applications(user.id)),
            Award.organization_id.not_in([m.organization_id for m in user.memberships]),
        )
        .cte("tied")
    )
    accounts = select(tied.c.id)
    return found.where(Transfer.debit_account_id.not_in(accounts), Transfer.credit_account_id.not_in(accounts))


def awards_paid_by(user: Any) -> Select[Award]:
    """The grants that a finance officer pays: those they see, without those of their own organization."""
    seen, own = scope(user, Award), [m.organization_id for m in user.memberships]
    return seen.where(Award.organization_id.not_in(own)) if own else seen


def _finance_for(user: Any, organization_id: int) -> bool:
    return bool(user.holds(Role.FINANCE_OFFICER)) and not user.belongs_to(organization_id)


def _handles_account(user: Any, organization: Organization) -> bool:
    return _finance_for(user, organization.id) and not in_conflict(user, [organization.id])


def can_see_queue(user: Any) -> bool:
    """Finance officers and auditors see everything that is to be paid."""
    return bool(user.holds(*READERS))


def can_see_ledger(user: Any) -> bool:
    """Finance officers, auditors and global coordinators read the ledger."""
    return bool(user.is_authenticated and user.holds(*READERS, Role.GLOBAL_COORDINATOR))


def can_see_bank_account(user: Any, organization: Organization) -> bool:
    """Members of the organization, and finance officers and auditors without a tie to it: the last four characters."""
    if user.belongs_to(organization.id):
        return True
    return bool(user.holds(*READERS)) and not in_conflict(user, [organization.id])


def can_enter_bank_account(user: Any, organization: Organization) -> bool:
    """An owner or a signatory of the organization, or a finance officer without a tie to it, says where it is paid."""
    own = user.owns(organization.id) or user.signs_for(organization.id)
    return bool(own) or _handles_account(user, organization)


def can_verify_bank_account(user: Any, organization: Organization) -> bool:
    """A finance officer outside the organization and without a tie to it verifies its account by calling back."""
    return _handles_account(user, organization)


def can_look_at_number(user: Any, organization: Organization) -> bool:
    """A finance officer outside the organization and without a tie to it sees the full number; every look is written
    down.
    """
    return _handles_account(user, organization)


def can_plan(user: Any, award: Award) -> bool:
    """A coordinator of the region plans the payments and draws up the agreement."""
    return can_oversee(user, award)


def can_postpone(user: Any, award: Award) -> bool:
    """A coordinator of the region moves the day of an instalment."""
    return can_oversee(user, award)


def can_free(user: Any, award: Award) -> bool:
    """A coordinator of the region, other than who waived the report, decides that an instalment is paid without it."""
    return can_oversee(user, award)


def can_countersign(user: Any, award: Award) -> bool:
    """A coordinator of the region countersigns what a grantee signed on paper; nobody who is a member of it."""
    return can_oversee(user, award)


@scope_of(AgreementBatch)
def batches_seen_by(user: Any) -> Select[AgreementBatch]:
    """One's own."""
    mine = AgreementBatch.person_id == user.id if user.is_authenticated else false()
    return select(AgreementBatch).where(mine)


def can_draw_up_together(user: Any, call: Call) -> bool:
    """Coordinators of a region of the call have the agreements of their grants drawn up together."""
    return bool(user.holds(*COORDINATORS)) and any(user.coordinates(region.region) for region in call.regions)


def can_sign(user: Any, award: Award) -> bool:
    """A member who may sign for the grantee signs the agreement."""
    return bool(user.signs_for(award.organization_id))


def can_prepare(user: Any, award: Award) -> bool:
    """A finance officer outside the grantee prepares a payment."""
    return _finance_for(user, award.organization_id)


def can_approve(user: Any, award: Award) -> bool:
    """A finance officer outside the grantee approves a payment that another one prepared."""
    return _finance_for(user, award.organization_id)


def can_pay(user: Any, award: Award) -> bool:
    """A finance officer outside the grantee records that a payment was sent, came back, or will not be made, and its proof."""
    return _finance_for(user, award.organization_id)


def can_confirm(user: Any, award: Award) -> bool:
    """An owner or a signatory of the grantee confirms that a payment arrived."""
    return bool(user.owns(award.organization_id) or user.signs_for(award.organization_id))


def can_record_refund(user: Any, award: Award) -> bool:
    """A finance officer outside the grantee records money that the grantee sent back."""
    return _finance_for(user, award.organization_id)


def can_ask_for_refund(user: Any, award: Award) -> bool:
    """A coordinator of the region or a finance officer outside the grantee asks for money back."""
    return can_oversee(user, award) or _finance_for(user, award.organization_id)


def can_tell_cofinancing(user: Any, award: Award) -> bool:
    """A member of the grantee tells what other sources give."""
    return bool(user.belongs_to(award.organization_id))


def can_read_proof(user: Any, award: Award) -> bool:
    """Finance officers, auditors and members of the grantee open the proof of a payment."""
    return bool(user.holds(*READERS) or user.belongs_to(award.organization_id))


def sees_names(user: Any, award: Award) -> bool:
    """Staff, and not a member of the grantee, see who prepared, approved and sent a payment."""
    return bool(user.holds(*READERS, *COORDINATORS)) and not user.belongs_to(award.organization_id)
