"""Who may see what colleagues write to each other."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, select

from grants.applications.models import Application
from grants.applications.permissions import can_write
from grants.core.permissions import scope_of
from grants.drafts.models import Note


@scope_of(Note)
def notes_seen_by(user: Any) -> Select[Any]:
    """Members: those about applications of their organizations. Nobody of the fund sees any."""
    own = [membership.organization_id for membership in user.memberships] if user.is_authenticated else []
    return (
        select(Note)
        .join(Application, Application.id == Note.application_id)
        .where(Application.organization_id.in_(own))
    )


def can_confer(user: Any, application: Application) -> bool:
    """Whoever may write the application reads and leaves notes, brings back versions and uses earlier answers."""
    return can_write(user, application)
