"""Who may look after mails that failed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, false, select

from grants.accounts.models import Role
from grants.core.mail import Delivery, OutboxMail
from grants.core.permissions import scope_of


@scope_of(OutboxMail)
def failed_mails_seen_by(user: Any) -> Select[OutboxMail]:
    """Administrators see that a mail failed, to whom and why, never what it says; nobody sees any other mail."""
    if not user.is_authenticated or not user.holds(Role.ADMINISTRATOR):
        return select(OutboxMail).where(false())
    return select(OutboxMail).where(OutboxMail.state == Delivery.FAILED)


def can_try_again(user: Any) -> bool:
    """Administrators send a mail that failed again, or all of them."""
    return bool(user.is_authenticated and user.holds(Role.ADMINISTRATOR))


def can_set_aside(user: Any) -> bool:
    """Administrators decide that a mail that failed need not arrive any more."""
    return bool(user.is_authenticated and user.holds(Role.ADMINISTRATOR))
