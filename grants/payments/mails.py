"""Mails about bank accounts and payments. None holds an account number or an amount in its subject."""

from __future__ import annotations

from typing import Any

from grants.accounts.models import Organization
from grants.core.mail import Mail, Recipient
from grants.payments.models import BankAccount, Disbursement, Refund, RefundRequest


def bank_account_entered(account: BankAccount, organization: Organization, to: Recipient) -> Mail:
    """An organization has said for the first time where it is paid: its owners and signatories learn it at once."""
    context = {"reference": organization.reference, "account": account}
    return Mail("bank_account_entered", to=to, about=organization.reference, occasion=account.token, context=context)


def bank_account_changed(account: BankAccount, organization: Organization, to: Recipient) -> Mail:
    """The account of an organization was changed: its owners and signatories learn it at once."""
    context = {"reference": organization.reference, "account": account}
    return Mail("bank_account_changed", to=to, about=organization.reference, occasion=account.token, context=context)


def bank_account_to_verify(account: BankAccount, organization: Organization, to: Recipient) -> Mail:
    """A finance officer is asked to verify an account by calling back."""
    context = {"reference": organization.reference}
    return Mail("bank_account_to_verify", to=to, about=organization.reference, occasion=account.token, context=context)


def bank_account_verified(account: BankAccount, organization: Organization, to: Recipient) -> Mail:
    """The account was verified; payments can go there."""
    context = {"reference": organization.reference, "account": account}
    return Mail("bank_account_verified", to=to, about=organization.reference, occasion=account.token, context=context)


def _of(name: str, disbursement: Disbursement, to: Recipient, **context: Any) -> Mail:
    award = disbursement.tranche.award
    shown = {"reference": award.reference, "payment": disbursement.reference, "number": disbursement.tranche.number}
    return Mail(name, to=to, about=disbursement.reference, context=shown | context)


def disbursement_prepared(disbursement: Disbursement, to: Recipient) -> Mail:
    """Another finance officer is asked to approve a payment."""
    return _of("disbursement_prepared", disbursement, to, due_on=disbursement.tranche.due_on)


def disbursement_paid(disbursement: Disbursement, to: Recipient) -> Mail:
    """The grantee is told that money is on its way, and asked to confirm when it has arrived."""
    return _of("disbursement_paid", disbursement, to, paid_on=disbursement.paid_on)


def disbursement_returned(disbursement: Disbursement, to: Recipient) -> Mail:
    """The bank sent the money back: the grantee is asked to look at the account."""
    organization = disbursement.tranche.award.organization.reference
    return _of("disbursement_returned", disbursement, to, organization=organization)


def disbursement_taken_back(disbursement: Disbursement, to: Recipient, occasion: int) -> Mail:
    """It was told by mistake that a payment was sent, or that it came back: the grantee learns how it stands."""
    award = disbursement.tranche.award
    context = {
        "reference": award.reference,
        "payment": disbursement.reference,
        "was_sent": disbursement.paid_on is not None,
    }
    about = disbursement.reference
    return Mail("disbursement_taken_back", to=to, about=about, occasion=str(occasion), context=context)


def disbursement_confirmed(disbursement: Disbursement, to: Recipient) -> Mail:
    """The finance officer who prepared a payment learns that it arrived."""
    return _of("disbursement_confirmed", disbursement, to, received_on=disbursement.received_on)


def refund_asked(request: RefundRequest, reference: str, to: Recipient) -> Mail:
    """The grantee is asked to send money back, until when, and why."""
    context = {"reference": reference, "due_on": request.due_on, "reason": request.reason}
    return Mail("refund_asked", to=to, about=reference, occasion=str(request.id), context=context)


def refund_not_asked(request: RefundRequest, reference: str, to: Recipient) -> Mail:
    """The grantee learns that money is not asked back any more."""
    return Mail("refund_not_asked", to=to, about=reference, occasion=str(request.id), context={"reference": reference})


def refund_recorded(refund: Refund, reference: str, to: Recipient) -> Mail:
    """The grantee learns that money sent back has arrived."""
    context = {"reference": reference, "refund": refund}
    return Mail("refund_recorded", to=to, about=refund.reference, context=context)


def refund_taken_back(refund: Refund, reference: str, to: Recipient) -> Mail:
    """It was told by mistake that money sent back has arrived: the grantee learns it."""
    context = {"reference": reference, "refund": refund.reference}
    return Mail("refund_taken_back", to=to, about=refund.reference, context=context)


def proof_locked(proved: Disbursement | Refund, reference: str, to: Recipient) -> Mail:
    """The proof of a payment or refund holds a virus: a finance officer learns that nobody can open it."""
    context = {"reference": reference, "proved": proved.reference, "is_refund": isinstance(proved, Refund)}
    return Mail("proof_locked", to=to, about=proved.reference, occasion=str(proved.proof_id), context=context)
