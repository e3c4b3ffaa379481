"""Who may complain, and who answers."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, select

from grants.accounts.models import COORDINATORS, Role
from grants.applications.models import Application
from grants.applications.permissions import coordinates
from grants.complaints.models import Complaint
from grants.core.permissions import scope, scope_of

FOLLOWERS = (*COORDINATORS, Role.AUDITOR)


@scope_of(Complaint)
def complaints_seen_by(user: Any) -> Select[Complaint]:
    """Whoever may see the application: members of the organization, coordinators of its region, auditors; never somebody
    with a conflict.
    """
    seen = scope(user, Application).with_only_columns(Application.id)
    return select(Complaint).where(Complaint.application_id.in_(seen))


def can_complain(user: Any, application: Application) -> bool:
    """A member of the applicant organization complains, and withdraws the complaint."""
    return bool(user.belongs_to(application.organization_id))


def can_examine(user: Any, complaint: Complaint) -> bool:
    """A coordinator of the region who does not belong to the applicant takes a complaint up, gives it back, and answers
    it, unless they had a part in what it is about.
    """
    its_own = user.belongs_to(complaint.application.organization_id)
    return bool(user.holds(*COORDINATORS)) and coordinates(user, complaint.application) and not its_own


def can_follow_complaints(user: Any) -> bool:
    """Coordinators and auditors: the list of complaints about a call."""
    return bool(user.holds(*FOLLOWERS))
