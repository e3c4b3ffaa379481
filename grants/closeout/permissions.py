"""Who may see and finish a close-out."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, select

from grants.awards.models import Award
from grants.awards.permissions import STAFF, awards_seen_by, can_oversee
from grants.closeout.models import Closeout, Erasure
from grants.core.permissions import scope_of


@scope_of(Closeout)
def closeouts_seen_by(user: Any) -> Select[Closeout]:
    """The close-outs of the awards a person may see."""
    return select(Closeout).where(Closeout.award_id.in_(awards_seen_by(user).with_only_columns(Award.id)))


@scope_of(Erasure)
def erasures_seen_by(user: Any) -> Select[Erasure]:
    """What was erased, or is proposed for it, of the awards a person may see."""
    return select(Erasure).where(Erasure.award_id.in_(awards_seen_by(user).with_only_columns(Award.id)))


def can_see_retention(user: Any) -> bool:
    """Coordinators, finance officers and auditors: until when the records of closed grants are kept."""
    return bool(user.is_authenticated and user.holds(*STAFF))


def can_erase(user: Any, award: Award) -> bool:
    """A coordinator of the region proposes to erase sensitive papers and mails when their time is over; another one
    erases them, or keeps them after all.
    """
    return can_oversee(user, award)


def can_close(user: Any, award: Award) -> bool:
    """A coordinator of the region opens the close-out, explains the results and closes the grant."""
    return can_oversee(user, award)
