"""Who may type for an organization, and who may confirm what was typed."""

from __future__ import annotations

from typing import Any

from grants.accounts.models import COORDINATORS
from grants.applications.models import Application
from grants.applications.permissions import coordinates


def can_enter(user: Any) -> bool:
    """Coordinators type applications for organizations of their regions that have no line."""
    return bool(user.holds(*COORDINATORS))


def can_confirm(user: Any, application: Application) -> bool:
    """An owner or signatory of the organization, who did not type it, confirms what the fund typed."""
    ours = user.owns(application.organization_id) or user.signs_for(application.organization_id)
    return bool(ours) and user.id != application.entered_by_id


def can_record(user: Any, application: Application) -> bool:
    """Another coordinator of the region than the one who typed asks for a confirmation, and writes down one given otherwise.

    Whoever typed could otherwise say all by themselves what an organization wants: they would choose the address to which
    the link goes, or the name of who confirmed in a call. Asking the organization is the work of the colleague who checks
    the application anyway, so no fourth person is needed, and no telephone code that somebody without a line would wait for.
    """
    return application.entered_by_id not in (None, user.id) and coordinates(user, application)
