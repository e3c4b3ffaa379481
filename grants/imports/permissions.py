"""Who may bring awards of earlier programmes, and who sees them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, and_, false, or_, select

from grants.accounts.models import COORDINATORS, Role
from grants.conflicts.queries import tied_organizations
from grants.core.permissions import scope_of
from grants.imports.models import AwardImport, PastAward

EVERYWHERE = (Role.GLOBAL_COORDINATOR, Role.FINANCE_OFFICER, Role.AUDITOR)
READERS = (Role.GLOBAL_COORDINATOR, Role.AUDITOR)


@scope_of(PastAward)
def past_awards_seen_by(user: Any) -> Select[PastAward]:
    """Members: what their organization was awarded; regional coordinators: what lies in their regions or in none of the
    fund's; the global office, finance and audit: all. Nobody what went to an organization to which they stand too close.
    """
    found = select(PastAward)
    if not user.is_authenticated:
        return found.where(false())
    own = PastAward.organization_id.in_([m.organization_id for m in user.memberships])
    without_tie = PastAward.organization_id.not_in(tied_organizations(user.id))
    if user.holds(*EVERYWHERE):
        return found.where(or_(own, without_tie))
    if user.holds(*COORDINATORS):
        near = or_(PastAward.region.in_(sorted(user.regions)), PastAward.region.is_(None))
        return found.where(or_(own, and_(near, without_tie)))
    return found.where(own)


@scope_of(AwardImport)
def imports_seen_by(user: Any) -> Select[AwardImport]:
    """The global office, which makes them, and auditors."""
    if not user.is_authenticated or not user.holds(*READERS):
        return select(AwardImport).where(false())
    return select(AwardImport)


def can_tighten(user: Any, award: PastAward) -> bool:
    """A global coordinator, or a coordinator of its region, and the owners and signatories of the grantee hide more of it."""
    own = user.owns(award.organization_id) or user.signs_for(award.organization_id)
    in_charge = user.holds(Role.GLOBAL_COORDINATOR) or (
        user.holds(*COORDINATORS) and award.region is not None and user.coordinates(award.region)
    )
    return bool(own or (in_charge and not user.belongs_to(award.organization_id)))


def can_import(user: Any) -> bool:
    """A global coordinator brings awards of earlier programmes, and takes an import back."""
    return bool(user.holds(Role.GLOBAL_COORDINATOR))
