"""Who may see and finish a close-out."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, select

from grants.awards.models import Award
from grants.awards.permissions import awards_seen_by, can_oversee
from grants.closeout.models import Closeout
from grants.core.permissions import scope_of


@scope_of(Closeout)
def closeouts_seen_by(user: Any) -> Select[Closeout]:
    """The close-outs of the awards a person may see."""
    return select(Closeout).where(Closeout.award_id.in_(awards_seen_by(user).with_only_columns(Award.id)))


def can_close(user: Any, award: Award) -> bool:
    """A coordinator of the region opens the close-out, explains the results and closes the grant."""
    return can_oversee(user, award)
