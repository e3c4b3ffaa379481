"""Who may ask to join, answer, keep documents, name sponsors, and say that two accounts are one organization."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, false, or_, select

from grants.accounts.models import COORDINATORS, Membership, Organization, Role
from grants.core.permissions import scope, scope_of
from grants.organizations.models import Identifier, JoiningRequest, KeptDocument, Resemblance, Sponsorship


def _owned(user: Any) -> list[int]:
    return [membership.organization_id for membership in user.memberships if user.owns(membership.organization_id)]


def _own(user: Any) -> list[int]:
    return [membership.organization_id for membership in user.memberships]


@scope_of(JoiningRequest)
def joining_requests_seen_by(user: Any) -> Select[JoiningRequest]:
    """Owners see those to their organizations, everybody their own."""
    if not user.is_authenticated:
        return select(JoiningRequest).where(false())
    return select(JoiningRequest).where(
        or_(JoiningRequest.organization_id.in_(_owned(user)), JoiningRequest.person_id == user.id)
    )


@scope_of(KeptDocument)
def kept_documents_seen_by(user: Any) -> Select[KeptDocument]:
    """Members of the organization, nobody else: the fund sees a document once it is attached to an application."""
    if not user.is_authenticated:
        return select(KeptDocument).where(false())
    return select(KeptDocument).where(KeptDocument.organization_id.in_(_own(user)))


@scope_of(Identifier)
def identifiers_seen_by(user: Any) -> Select[Identifier]:
    """Whoever sees the organization."""
    if not user.is_authenticated:
        return select(Identifier).where(false())
    seen = scope(user, Organization).with_only_columns(Organization.id)
    return select(Identifier).where(Identifier.organization_id.in_(seen))


@scope_of(Sponsorship)
def sponsorships_seen_by(user: Any) -> Select[Sponsorship]:
    """Members of both organizations."""
    if not user.is_authenticated:
        return select(Sponsorship).where(false())
    own = _own(user)
    return select(Sponsorship).where(or_(Sponsorship.organization_id.in_(own), Sponsorship.sponsor_id.in_(own)))


@scope_of(Resemblance)
def resemblances_seen_by(user: Any) -> Select[Resemblance]:
    """Coordinators and auditors, when they may see both organizations and belong to neither."""
    if not user.is_authenticated or not user.holds(*COORDINATORS, Role.AUDITOR):
        return select(Resemblance).where(false())
    seen, own = scope(user, Organization).with_only_columns(Organization.id), _own(user)
    return select(Resemblance).where(
        Resemblance.first_id.in_(seen),
        Resemblance.second_id.in_(seen),
        Resemblance.first_id.not_in(own),
        Resemblance.second_id.not_in(own),
    )


def can_ask_to_join(user: Any) -> bool:
    """Everybody whose e-mail address is confirmed."""
    return bool(user.is_authenticated and user.confirmed_at)


def can_answer_request(user: Any, request: JoiningRequest) -> bool:
    """Owners of the organization, but not about themselves."""
    return bool(user.is_authenticated and user.owns(request.organization_id) and request.person_id != user.id)


def can_take_back_request(user: Any, request: JoiningRequest) -> bool:
    """The person who asked."""
    return bool(user.is_authenticated and request.person_id == user.id)


def can_hand_over(user: Any, organization: Organization) -> bool:
    """Owners of the organization; afterwards they are editors."""
    return bool(user.is_authenticated and user.owns(organization.id))


def can_appoint_owner(user: Any, membership: Membership) -> bool:
    """Coordinators of the organization's region and global coordinators, for an organization left without an owner."""
    region = membership.organization.region
    coordinates = user.is_authenticated and (user.holds(Role.GLOBAL_COORDINATOR) or user.coordinates(region))
    return bool(coordinates and not user.belongs_to(membership.organization_id))


def can_keep_documents(user: Any, organization: Organization) -> bool:
    """Members of the organization: they add, read and remove its documents."""
    return bool(user.is_authenticated and user.belongs_to(organization.id))


def can_identify(user: Any, organization: Organization) -> bool:
    """Owners of the organization add and remove its identifiers."""
    return bool(user.is_authenticated and user.owns(organization.id))


def can_seek_sponsor(user: Any, organization: Organization) -> bool:
    """Owners of the organization without registration; they may take the question back, and end the sponsorship."""
    return bool(user.is_authenticated and user.owns(organization.id))


def can_consent(user: Any, sponsorship: Sponsorship) -> bool:
    """Owners of the organization that is asked to be the sponsor; they may decline, and end it later."""
    return bool(user.is_authenticated and user.owns(sponsorship.sponsor_id))


def can_judge_resemblance(user: Any, resemblance: Resemblance) -> bool:
    """Coordinators who may see both organizations and belong to neither."""
    apart = not (user.belongs_to(resemblance.first_id) or user.belongs_to(resemblance.second_id))
    return bool(user.is_authenticated and user.holds(*COORDINATORS) and apart)
