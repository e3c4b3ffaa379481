"""Who sees and judges what is checked before an agreement, and who decides about confidentiality."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, select

from grants.accounts.models import Role
from grants.awards.models import Award
from grants.awards.permissions import awards_seen_by, can_oversee, sees_as_staff
from grants.core.permissions import scope_of
from grants.diligence.models import Consent, Diligence, Point, SanctionsCheck, Tab


def _grants(user: Any) -> Any:
    return awards_seen_by(user).with_only_columns(Award.id)


@scope_of(Diligence)
def diligences_seen_by(user: Any) -> Select[Diligence]:
    """The due diligences of the awards a person may see; members are shown what is asked of them and nothing else."""
    return select(Diligence).where(Diligence.award_id.in_(_grants(user)))


@scope_of(Consent)
def consents_seen_by(user: Any) -> Select[Consent]:
    """The questions for consent about the awards a person may see."""
    return select(Consent).where(Consent.award_id.in_(_grants(user)))


@scope_of(SanctionsCheck)
def checks_seen_by(user: Any) -> Select[SanctionsCheck]:
    """The searches about the awards a person may see; no page shows them to members of the grantee."""
    return select(SanctionsCheck).where(SanctionsCheck.award_id.in_(_grants(user)))


def can_open(user: Any, award: Award) -> bool:
    """A coordinator of the region begins a due diligence, finishes it, opens it again, and judges the risk."""
    return can_oversee(user, award)


def _is_finance(user: Any, award: Award) -> bool:
    return bool(user.holds(Role.FINANCE_OFFICER)) and not user.belongs_to(award.organization_id)


def can_judge(user: Any, award: Award, point: Point) -> bool:
    """What is about the bank is judged by a finance officer, everything else by a coordinator of the region."""
    return _is_finance(user, award) if point.tab == Tab.BANK else can_oversee(user, award)


def can_screen(user: Any, award: Award) -> bool:
    """A coordinator of the region or a finance officer searches names, and looks at what another person found."""
    return can_oversee(user, award) or _is_finance(user, award)


def can_hand_in(user: Any, award: Award) -> bool:
    """A member of the grantee hands in what is asked of it."""
    return bool(user.belongs_to(award.organization_id))


def can_read_file(user: Any, award: Award, point: Point) -> bool:
    """Members read what they handed in; the fund reads it, what is about the bank only finance officers: it holds whole
    numbers of accounts.
    """
    if user.belongs_to(award.organization_id):
        return True
    if point.tab == Tab.BANK:
        return bool(user.holds(Role.FINANCE_OFFICER))
    return sees_as_staff(user, award)


def can_tighten(user: Any, award: Award) -> bool:
    """A coordinator of the region, and the owners and signatories of the grantee; finance officers and auditors only read."""
    return can_oversee(user, award) or can_consent(user, award)


def can_ask_consent(user: Any, award: Award) -> bool:
    """A coordinator of the region asks the grantee whether its grant may be less confidential."""
    return can_oversee(user, award)


def can_consent(user: Any, award: Award) -> bool:
    """An owner or a signatory of the grantee consents to less confidentiality, or refuses."""
    return bool(user.owns(award.organization_id) or user.signs_for(award.organization_id))
