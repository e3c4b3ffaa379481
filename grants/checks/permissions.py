"""Who may check the eligibility of an application."""

from __future__ import annotations

from typing import Any

from grants.applications.models import Application
from grants.applications.permissions import coordinates


def can_check(user: Any, application: Application) -> bool:
    """A coordinator of the region checks eligibility, unless they belong to the applicant organization."""
    return coordinates(user, application) and not user.belongs_to(application.organization_id)
