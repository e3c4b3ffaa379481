"""Who may check the eligibility of an application, ask its applicant for more, and answer."""

from __future__ import annotations

from typing import Any

from grants.applications.models import Application
from grants.applications.permissions import can_submit, coordinates


def can_check(user: Any, application: Application) -> bool:
    """A coordinator of the region checks eligibility, unless they belong to the applicant organization or typed the
    application for it.
    """
    its_own = user.belongs_to(application.organization_id) or application.entered_by_id == user.id
    return coordinates(user, application) and not its_own


def can_ask(user: Any, application: Application) -> bool:
    """Whoever may check an application asks its applicant for more, gives more time, and closes the request."""
    return can_check(user, application)


def can_hand_in(user: Any, application: Application) -> bool:
    """Whoever may send the application in hands in the answer to a request; any member may write in it before."""
    return can_submit(user, application)
