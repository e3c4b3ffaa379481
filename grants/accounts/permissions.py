"""Who may see and change accounts."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, false, or_, select

from grants.accounts.models import (
    Invitation,
    Membership,
    Organization,
    Person,
    Role,
    RoleGrant,
    RoleProposal,
    Session,
)
from grants.core.permissions import scope_of

SEE_ALL_ORGANIZATIONS = (Role.GLOBAL_COORDINATOR, Role.FINANCE_OFFICER, Role.AUDITOR)
SEE_ALL_PEOPLE = (Role.ADMINISTRATOR, Role.AUDITOR)


@scope_of(Organization)
def organizations_seen_by(user: Any) -> Select[Organization]:
    """Members see their own; regional coordinators those of their regions; the global office, finance and audit all."""
    if not user.is_authenticated:
        return select(Organization).where(false())
    if user.holds(*SEE_ALL_ORGANIZATIONS):
        return select(Organization)
    own = [membership.organization_id for membership in user.memberships]
    return select(Organization).where(or_(Organization.id.in_(own), Organization.region.in_(sorted(user.regions))))


@scope_of(Person)
def people_seen_by(user: Any) -> Select[Person]:
    """Administrators and auditors see everybody; everybody else sees their own account."""
    if not user.is_authenticated:
        return select(Person).where(false())
    if user.holds(*SEE_ALL_PEOPLE):
        return select(Person)
    return select(Person).where(Person.id == user.id)


@scope_of(Invitation)
def invitations_seen_by(user: Any) -> Select[Invitation]:
    """Owners see those of their organizations, everybody those sent to their own address, auditors all."""
    if not user.is_authenticated:
        return select(Invitation).where(false())
    if user.holds(Role.AUDITOR):
        return select(Invitation)
    owned = [m.organization_id for m in user.memberships if user.owns(m.organization_id)]
    return select(Invitation).where(
        or_(Invitation.organization_id.in_(owned), Invitation.email == user.email.lower()),
    )


@scope_of(Membership)
def memberships_seen_by(user: Any) -> Select[Membership]:
    """Whoever sees an organization sees its people; everybody sees their own memberships."""
    if not user.is_authenticated:
        return select(Membership).where(false())
    seen = organizations_seen_by(user).with_only_columns(Organization.id)
    return select(Membership).where(or_(Membership.organization_id.in_(seen), Membership.person_id == user.id))


@scope_of(RoleGrant)
def role_grants_seen_by(user: Any) -> Select[RoleGrant]:
    """Administrators and auditors see all; everybody sees their own roles."""
    if not user.is_authenticated:
        return select(RoleGrant).where(false())
    if user.holds(*SEE_ALL_PEOPLE):
        return select(RoleGrant)
    return select(RoleGrant).where(RoleGrant.person_id == user.id)


@scope_of(RoleProposal)
def role_proposals_seen_by(user: Any) -> Select[RoleProposal]:
    """Administrators and auditors."""
    if user.is_authenticated and user.holds(*SEE_ALL_PEOPLE):
        return select(RoleProposal)
    return select(RoleProposal).where(false())


@scope_of(Session)
def sessions_seen_by(user: Any) -> Select[Session]:
    """Everybody sees where they themselves are signed in; nobody sees the sessions of others."""
    if not user.is_authenticated:
        return select(Session).where(false())
    return select(Session).where(Session.person_id == user.id)


def can_create_organization(user: Any) -> bool:
    """Everybody who signed in; whoever opens an organization's account owns it."""
    return bool(user.is_authenticated)


def can_change_profile(user: Any, organization: Organization) -> bool:
    """Owners of the organization."""
    return bool(user.is_authenticated and user.owns(organization.id))


def can_invite(user: Any, organization: Organization) -> bool:
    """Owners of the organization; they may withdraw an invitation too."""
    return bool(user.is_authenticated and user.owns(organization.id))


def can_accept_invitation(user: Any, invitation: Invitation) -> bool:
    """The person whose confirmed e-mail address was invited."""
    return bool(user.is_authenticated and user.confirmed_at and user.email.lower() == invitation.email)


def can_change_member(user: Any, membership: Membership) -> bool:
    """Owners of the organization: who owns, who edits, who signs."""
    return bool(user.is_authenticated and user.owns(membership.organization_id))


def can_end_membership(user: Any, membership: Membership) -> bool:
    """Owners of the organization, and members for themselves."""
    return bool(user.is_authenticated and (user.owns(membership.organization_id) or membership.person_id == user.id))


def can_invite_people(user: Any) -> bool:
    """Administrators, whoever is to work for the fund; the command line invites the first of them."""
    return bool(user.is_authenticated and user.holds(Role.ADMINISTRATOR))


def can_give_roles(user: Any, person: Person) -> bool:
    """Administrators, but never to themselves; they propose, confirm and drop roles that take two."""
    return bool(user.is_authenticated and user.holds(Role.ADMINISTRATOR) and user.id != person.id)


def can_take_back_roles(user: Any, person: Person) -> bool:
    """Administrators, their own roles included."""
    return bool(user.is_authenticated and user.holds(Role.ADMINISTRATOR))


def can_close_account(user: Any, person: Person) -> bool:
    """Administrators, but never their own."""
    return bool(user.is_authenticated and user.holds(Role.ADMINISTRATOR) and user.id != person.id)
