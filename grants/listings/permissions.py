"""Who may take out which list, and whose files and filters are whose."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, false, select

from grants.core.listings import Place
from grants.core.permissions import scope_of
from grants.core.web import may_enter
from grants.listings.models import KeptFilter, ListFile


@scope_of(ListFile)
def files_seen_by(user: Any) -> Select[ListFile]:
    """Everybody the files that were made for them, and nobody those of somebody else."""
    found = select(ListFile)
    return found.where(ListFile.person_id == user.id) if user.is_authenticated else found.where(false())


@scope_of(KeptFilter)
def filters_seen_by(user: Any) -> Select[KeptFilter]:
    """Everybody the filters that they keep."""
    found = select(KeptFilter)
    return found.where(KeptFilter.person_id == user.id) if user.is_authenticated else found.where(false())


def can_take_out(user: Any, place: Place) -> bool:
    """Whoever may open the page of a list takes it out; what stands in it is what they may see there."""
    return may_enter(user, place.listing.endpoint)
