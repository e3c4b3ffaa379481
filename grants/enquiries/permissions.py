"""Who may see, answer and publish questions about calls."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, or_, select

from grants.accounts.models import COORDINATORS, Role
from grants.calls.models import Call
from grants.core.permissions import scope_of
from grants.enquiries.models import Enquiry
from grants.enquiries.workflow import EnquiryState

STAFF = (*COORDINATORS, Role.AUDITOR)
"""Who reads the questions that wait; none of them sees who asked."""


@scope_of(Enquiry)
def enquiries_seen_by(user: Any) -> Select[Enquiry]:
    """Everybody sees published ones, whoever asked sees their own; coordinators and auditors all that were confirmed."""
    published = Enquiry.state == EnquiryState.PUBLISHED
    if not user.is_authenticated:
        return select(Enquiry).where(published)
    if user.holds(*STAFF):
        return select(Enquiry).where(Enquiry.state != EnquiryState.UNCONFIRMED)
    return select(Enquiry).where(or_(published, Enquiry.asker_id == user.id))


def can_see_enquiries(user: Any, call: Call) -> bool:
    """Coordinators and auditors read the questions about a call."""
    return bool(user.is_authenticated and user.holds(*STAFF))


def can_answer(user: Any, call: Call) -> bool:
    """Coordinators word, answer, publish, take down and set aside the questions about a call."""
    return bool(user.is_authenticated and user.holds(*COORDINATORS))
