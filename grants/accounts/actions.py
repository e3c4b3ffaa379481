"""What happens to people and organizations. Accounts stand upstream of history: their rows tell their own past."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select, update

from grants.accounts import mails, queries
from grants.accounts.models import (
    FailedSignIn,
    Invitation,
    MemberRole,
    Membership,
    Organization,
    Person,
    Role,
    RoleGrant,
    Session,
)
from grants.core import clock
from grants.core.db import db
from grants.core.languages import _l
from grants.core.mail import post
from grants.core.rules import Obstacle, Refused

INVITATION_LASTS = timedelta(days=14)


def register_person(*, name: str, email: str, language: str, timezone: str = "UTC", **more: Any) -> Person:
    """Open an account for a person. ``more`` may set reference, password hash, confirmed_at, is_demonstration."""
    person = Person(name=name, email=email, language=language, timezone=timezone, **more)
    db.session.add(person)
    db.session.flush()
    return person


def open_session(person: Person, key_hash: str, *, lasts: timedelta, browser: str) -> Session:
    """Remember a signed-in browser."""
    opened = Session(person_id=person.id, key_hash=key_hash, browser=browser, expires_at=func.clock_timestamp() + lasts)
    db.session.add(opened)
    db.session.flush()
    return opened


def end_session(key_hash: str) -> None:
    """End a session now."""
    db.session.execute(
        update(Session)
        .where(Session.key_hash == key_hash, Session.ended_at.is_(None))
        .values(ended_at=func.clock_timestamp())
    )


def end_all_sessions(person: Person) -> None:
    """End every session of a person: after a new password, or when an account is closed."""
    db.session.execute(
        update(Session)
        .where(Session.person_id == person.id, Session.ended_at.is_(None))
        .values(ended_at=func.clock_timestamp())
    )


def note_failed_sign_in(email_hash: str) -> None:
    """Count a wrong password."""
    db.session.add(FailedSignIn(email_hash=email_hash))
    db.session.flush()


def create_organization(*, by: Person, reference: str | None = None, **profile: Any) -> Organization:
    """Open the account of an organization; whoever opens it owns it and signs for it until they name others."""
    organization = Organization(reference=reference or queries.next_reference("ORG", Organization), **profile)
    db.session.add(organization)
    db.session.flush()
    add_member(organization, by, role=MemberRole.OWNER, may_sign=True)
    return organization


def change_profile(organization: Organization, *, by: Person, **profile: Any) -> None:
    """Change what the organization says about itself."""
    for name, value in profile.items():
        setattr(organization, name, value)
    db.session.flush()


def add_member(organization: Organization, person: Person, *, role: MemberRole, may_sign: bool = False) -> Membership:
    """Make a person a member; a person who is one already stays what they are."""
    present = db.session.scalar(
        select(Membership).where(
            Membership.organization_id == organization.id,
            Membership.person_id == person.id,
            Membership.ended_at.is_(None),
        )
    )
    if present:
        return present
    membership = Membership(
        organization_id=organization.id, person_id=person.id, role=role, may_sign=may_sign, organization=organization
    )
    db.session.add(membership)
    db.session.flush()
    db.session.expire(person, ["memberships"])
    return membership


def invite(organization: Organization, *, email: str, role: MemberRole, may_sign: bool, by: Person) -> Invitation:
    """Invite a colleague by e-mail; the link is good once, for two weeks, for that address."""
    token = secrets.token_urlsafe(32)
    invitation = Invitation(
        organization_id=organization.id,
        email=email.strip().lower(),
        role=role,
        may_sign=may_sign,
        token_hash=hashlib.sha256(token.encode()).hexdigest(),
        invited_by_id=by.id,
        expires_at=clock.now() + INVITATION_LASTS,
    )
    db.session.add(invitation)
    db.session.flush()
    post(mails.account_invited(invitation, organization, by, token))
    return invitation


def accept_invitation(invitation: Invitation, *, by: Person) -> Membership:
    """Join the organization one was invited to. Raises Refused when the invitation was for another address."""
    if by.email.lower() != invitation.email:
        raise Refused(
            Obstacle(
                "other_address", _l("This invitation was sent to another e-mail address than that of your account.")
            )
        )
    invitation.accepted_at = clock.now()
    invitation.accepted_by_id = by.id
    return add_member(invitation.organization, by, role=MemberRole(invitation.role), may_sign=invitation.may_sign)


def end_membership(membership: Membership, *, by: Person) -> None:
    """Take a member out of an organization. Raises Refused for the last owner, who could not be replaced."""
    owners = [m for m in queries.members_of(membership.organization) if m.role == MemberRole.OWNER]
    if membership.role == MemberRole.OWNER and len(owners) == 1:
        raise Refused(Obstacle("last_owner", _l("An organization needs an owner. Name another one first.")))
    membership.ended_at = clock.now()
    db.session.flush()


def grant_role(person: Person, role: Role, *, regions: list[str], by: Person | None) -> RoleGrant:
    """Give a person a role for the fund. Raises Refused when they give it to themselves or the person has it."""
    if by is not None and by.id == person.id:
        raise Refused(Obstacle("own_role", _l("Nobody gives a role to themselves.")))
    if person.holds(role):
        raise Refused(Obstacle("role_held", _l("This person has that role already.")))
    granted = RoleGrant(person_id=person.id, role=role, regions=regions, granted_by_id=by.id if by else None)
    db.session.add(granted)
    db.session.flush()
    db.session.expire(person, ["role_grants"])
    return granted


def revoke_role(granted: RoleGrant, *, by: Person) -> None:
    """Take a role back; the person's sessions end, so that it counts at once."""
    granted.revoked_at = clock.now()
    granted.revoked_by_id = by.id
    db.session.execute(
        update(Session)
        .where(Session.person_id == granted.person_id, Session.ended_at.is_(None))
        .values(ended_at=func.clock_timestamp())
    )
    db.session.flush()
