"""Who may order payments from the bank and take its statements into the books."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, false, select

from grants.accounts.models import Role
from grants.awards.permissions import READERS
from grants.banking.models import BankStatement, OrderLine, PaymentOrder
from grants.core.permissions import scope_of
from grants.payments.models import Disbursement
from grants.payments.permissions import disbursements_seen_by


@scope_of(PaymentOrder)
def orders_seen_by(user: Any) -> Select[PaymentOrder]:
    """Finance officers and auditors: the orders in which every payment is of a grant they may see."""
    found = select(PaymentOrder)
    if not user.is_authenticated or not user.holds(*READERS):
        return found.where(false())
    seen = disbursements_seen_by(user).with_only_columns(Disbursement.id)
    return found.where(PaymentOrder.id.not_in(select(OrderLine.order_id).where(OrderLine.disbursement_id.not_in(seen))))


@scope_of(BankStatement)
def statements_seen_by(user: Any) -> Select[BankStatement]:
    """Finance officers and auditors see the statements of the fund's account."""
    found = select(BankStatement)
    return found if user.is_authenticated and user.holds(*READERS) else found.where(false())


def can_order(user: Any) -> bool:
    """A finance officer puts orders together, releases those of others, and takes the file to the bank."""
    return bool(user.holds(Role.FINANCE_OFFICER))


def can_take_statements(user: Any) -> bool:
    """A finance officer brings statements of the bank and takes them into the books."""
    return bool(user.holds(Role.FINANCE_OFFICER))
