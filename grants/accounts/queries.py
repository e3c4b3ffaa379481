"""Finding people, organizations, invitations and sessions."""

from __future__ import annotations

from datetime import datetime, timedelta

import email_validator
from sqlalchemy import Select, func, select
from sqlalchemy.orm import contains_eager, joinedload

from grants.accounts.models import (
    FailedSignIn,
    Invitation,
    Membership,
    Organization,
    Person,
    Role,
    RoleGrant,
    Session,
)
from grants.core.db import db


def signed_in(key_hash: str) -> Person | None:
    """The person of a live session, with roles and memberships, in one query."""
    found = (
        select(Person)
        .join(Session, Session.person_id == Person.id)
        .where(
            Session.key_hash == key_hash,
            Session.ended_at.is_(None),
            Session.expires_at > func.clock_timestamp(),
            Person.active,
        )
        .options(joinedload(Person.role_grants), joinedload(Person.memberships).joinedload(Membership.organization))
    )
    return db.session.scalars(found).unique().one_or_none()


def normal_address(address: object) -> str | None:
    """The normal form of an e-mail address, or None when it cannot be one."""
    try:
        return str(email_validator.validate_email(str(address), check_deliverability=False).normalized)
    except email_validator.EmailNotValidError:
        return None


def person_by_email(address: str) -> Person | None:
    """The person with this e-mail address, whatever its case."""
    return db.session.scalar(select(Person).where(func.lower(Person.email) == address.strip().lower()))


def person_by_reference(reference: str) -> Person | None:
    """The person with this reference, such as REV-2."""
    return db.session.scalar(select(Person).where(Person.reference == reference))


def organization_by_reference(seen: Select[tuple[Organization]], reference: str) -> Organization | None:
    """One organization among those a person may see."""
    return db.session.scalar(seen.where(Organization.reference == reference))


def members_of(organization: Organization) -> list[Membership]:
    """The present members of an organization."""
    found = (
        select(Membership)
        .where(Membership.organization_id == organization.id, Membership.ended_at.is_(None))
        .options(joinedload(Membership.person))
        .order_by(Membership.id)
    )
    return list(db.session.scalars(found))


def holders_of(*roles: Role) -> list[Person]:
    """Everybody who holds one of these roles today, by name."""
    found = (
        select(Person)
        .join(RoleGrant, (RoleGrant.person_id == Person.id) & RoleGrant.revoked_at.is_(None))
        .where(RoleGrant.role.in_(roles), Person.active)
        .options(contains_eager(Person.role_grants))
        .order_by(Person.name)
        .execution_options(populate_existing=True)
    )
    return list(db.session.scalars(found).unique())


def coordinators_of(region: str | None) -> list[Person]:
    """The coordinators who look after a region; every global coordinator when the region is unknown."""
    people = holders_of(Role.REGIONAL_COORDINATOR, Role.GLOBAL_COORDINATOR)
    if region is None:
        return [p for p in people if p.holds(Role.GLOBAL_COORDINATOR)]
    return [p for p in people if p.coordinates(region)]


def people_and_roles() -> list[Person]:
    """Everybody with a role for the fund, for the administrator's list."""
    return holders_of(*Role)


def live_invitation(token_hash: str, at: datetime) -> Invitation | None:
    """An invitation that can still be accepted."""
    found = (
        select(Invitation)
        .where(Invitation.token_hash == token_hash, Invitation.accepted_at.is_(None), Invitation.expires_at > at)
        .options(joinedload(Invitation.organization), joinedload(Invitation.invited_by))
    )
    return db.session.scalar(found)


def open_invitations(organization: Organization, at: datetime) -> list[Invitation]:
    """Invitations that nobody has accepted yet."""
    found = select(Invitation).where(
        Invitation.organization_id == organization.id, Invitation.accepted_at.is_(None), Invitation.expires_at > at
    )
    return list(db.session.scalars(found.order_by(Invitation.id)))


def open_sessions(person: Person) -> list[Session]:
    """The browsers in which a person is signed in."""
    found = select(Session).where(
        Session.person_id == person.id, Session.ended_at.is_(None), Session.expires_at > func.clock_timestamp()
    )
    return list(db.session.scalars(found.order_by(Session.id.desc())))


def recent_failures(email_hash: str, window: timedelta) -> int:
    """How many wrong passwords were given for an address lately."""
    found = select(func.count()).where(
        FailedSignIn.email_hash == email_hash, FailedSignIn.at > func.clock_timestamp() - window
    )
    return db.session.scalar(found) or 0


def next_reference(prefix: str, model: type[Person | Organization]) -> str:
    """A reference that is still free, such as ORG-0013."""
    top = db.session.scalar(select(func.coalesce(func.max(model.id), 0)))
    return f"{prefix}-{int(top or 0) + 1:04d}"
