"""What happens to people and organizations. Accounts stand upstream of history: their rows tell their own past."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from itsdangerous import URLSafeSerializer
from sqlalchemy import delete, func, update

from grants.accounts import mails, queries, rules
from grants.accounts.models import (
    TAKES_TWO,
    FailedSignIn,
    Invitation,
    MemberRole,
    Membership,
    Organization,
    Person,
    Role,
    RoleGrant,
    RoleProposal,
    Session,
    region_of,
)
from grants.accounts.rules import INVITATION_LASTS, PATIENCE, SESSION_REMEMBERED
from grants.core import clock
from grants.core.db import db, hold
from grants.core.mail import post
from grants.core.rules import refuse

# ------------------------------------------------------------------ people and their sessions


def register_person(*, name: str, email: str, language: str, timezone: str = "UTC", **more: Any) -> Person:
    """Open an account for a person. ``more`` may set reference, password hash, confirmed_at, is_demonstration."""
    person = Person(name=name, email=email, language=language, timezone=timezone, **more)
    db.session.add(person)
    db.session.flush()
    return person


def invite_person(
    *, email: str, name: str, language: str, role: Role, regions: list[str], by: Person | None
) -> tuple[Person, str]:
    """Open an account for somebody who is to work for the fund, with a role; they are sent a link to sign in.

    The answer holds the token of that link too, for whoever sets up a fund before its mail works. ``by`` is None when
    the system itself invites the first administrators. A role that takes two is proposed, and the link (empty here) is
    sent when another administrator has confirmed it. Raises Refused when the address has an account already.
    """
    refuse(rules.obstacles_to_inviting_person(queries.person_by_email(email), role, regions))
    person = register_person(name=name, email=email, language=language)
    if isinstance(give_role(person, role, regions=regions, by=by), RoleProposal):
        return person, ""
    return person, _send_first_link(person, by)


def invite_again(person: Person, *, by: Person | None) -> str:
    """Send somebody who has not come yet another link. Raises Refused once they have signed in; returns the token."""
    refuse(rules.obstacles_to_inviting_again(person))
    return _send_first_link(person, by)


def _send_first_link(person: Person, by: Person | None) -> str:
    until = clock.now() + INVITATION_LASTS
    token = first_links().dumps([person.fs_uniquifier, until.isoformat()])
    post(mails.account_opened(person, by, token, until))
    return token


def first_links() -> URLSafeSerializer:
    """What seals the links of first sign-ins: whose it is, and until when it is good."""
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt="first-sign-in")


def change_person(person: Person, *, name: str, language: str, timezone: str) -> None:
    """Change what a person says about themselves."""
    person.name, person.language, person.timezone = name, language, timezone
    db.session.flush()


def choose_language(person: Person, language: str) -> None:
    """Speak another language with a person from now on, on screens and in mails."""
    person.language = language
    db.session.flush()


def confirm_address(person: Person) -> None:
    """Remember that a person reads the mailbox they gave: they followed a link that only it received."""
    if person.confirmed_at is None:
        person.confirmed_at = clock.now()
        db.session.flush()


def open_session(person: Person, key_hash: str, *, lasts: timedelta, browser: str) -> Session:
    """Remember a signed-in browser."""
    opened = Session(person_id=person.id, key_hash=key_hash, browser=browser, expires_at=func.clock_timestamp() + lasts)
    db.session.add(opened)
    db.session.flush()
    return opened


def end_session(key_hash: str) -> None:
    """End a session now."""
    _end_sessions(Session.key_hash == key_hash)


def end_one_session(session: Session) -> None:
    """End a session of one's own that is open elsewhere."""
    _end_sessions(Session.id == session.id)


def end_all_sessions(person: Person, *, but: str | None = None) -> None:
    """End every session of a person: after a new password, a role taken back, or when an account is closed.

    ``but`` is the hash of the key of the one that stays open, the browser in which the person is asking.
    """
    _end_sessions(Session.person_id == person.id, *([Session.key_hash != but] if but else []))


def _end_sessions(*which: Any) -> None:
    db.session.execute(
        update(Session).where(*which, Session.ended_at.is_(None)).values(ended_at=func.clock_timestamp())
    )


def note_failed_sign_in(email_hash: str) -> None:
    """Count a wrong password."""
    db.session.add(FailedSignIn(email_hash=email_hash))
    db.session.flush()


def forget_failed_sign_ins(email_hash: str) -> None:
    """Start counting anew, because the person proved to be themselves by mail."""
    db.session.execute(delete(FailedSignIn).where(FailedSignIn.email_hash == email_hash))


def clear_old_sign_ins(at: datetime) -> tuple[int, int]:
    """Delete what nobody needs any more: sessions long over, and wrong passwords that no longer count.

    Says how many of each were deleted.
    """
    over = func.least(Session.expires_at, Session.ended_at)
    sessions = delete(Session).where(over < at - SESSION_REMEMBERED).returning(Session.id)
    failures = delete(FailedSignIn).where(FailedSignIn.at < at - PATIENCE).returning(FailedSignIn.id)
    return len(db.session.execute(sessions).all()), len(db.session.execute(failures).all())


def close_account(person: Person, *, by: Person) -> None:
    """Close an account; its sessions end at once. Raises Refused for one's own."""
    refuse(rules.obstacles_to_closing_account(person, by))
    person.active = False
    end_all_sessions(person)
    db.session.flush()


def reopen_account(person: Person, *, by: Person) -> None:
    """Let a person whose account was closed sign in again."""
    person.active = True
    db.session.flush()


# ------------------------------------------------------------------ organizations and their members


def register_organization(*, by: Person, reference: str | None = None, **profile: Any) -> Organization:
    """Write down an organization that has no line and so nobody who signs in; people join it later by invitation.

    The region follows from the country unless it is given.
    """
    profile.setdefault("region", region_of(profile["country"]))
    organization = Organization(reference=reference or queries.next_reference("ORG", Organization), **profile)
    db.session.add(organization)
    db.session.flush()
    return organization


def create_organization(*, by: Person, reference: str | None = None, **profile: Any) -> Organization:
    """Open the account of an organization; whoever opens it owns it and signs for it until they name others."""
    organization = register_organization(by=by, reference=reference, **profile)
    add_member(organization, by, role=MemberRole.OWNER, may_sign=True)
    return organization


def change_profile(organization: Organization, *, by: Person, **profile: Any) -> None:
    """Change what the organization says about itself; the region follows the country."""
    if profile.get("country", organization.country) != organization.country:
        profile.setdefault("region", region_of(profile["country"]))
    for name, value in profile.items():
        setattr(organization, name, value)
    organization.changed_at = clock.now()
    db.session.flush()


def add_member(organization: Organization, person: Person, *, role: MemberRole, may_sign: bool = False) -> Membership:
    """Make a person a member; a person who is one already stays what they are."""
    present = queries.membership_between(organization, person)
    if present:
        return present
    membership = Membership(
        organization_id=organization.id, person_id=person.id, role=role, may_sign=may_sign, organization=organization
    )
    db.session.add(membership)
    db.session.flush()
    db.session.expire(person, ["memberships"])
    return membership


def change_member(membership: Membership, *, role: MemberRole, may_sign: bool, by: Person) -> None:
    """Say what a member may do and whether they sign. Raises Refused for the last owner."""
    members = queries.members_of(membership.organization, lock=True)
    refuse(rules.obstacles_to_changing_member(membership, members, role=role))
    membership.role, membership.may_sign = role, may_sign
    db.session.flush()


def end_membership(membership: Membership, *, by: Person) -> None:
    """Take a member out of an organization. Raises Refused for the last owner, who could not be replaced."""
    members = queries.members_of(membership.organization, lock=True)
    refuse(rules.obstacles_to_changing_member(membership, members, role=None))
    membership.ended_at = clock.now()
    db.session.flush()
    db.session.expire(membership.person, ["memberships"])


def invite(
    organization: Organization,
    *,
    email: str,
    role: MemberRole,
    may_sign: bool,
    by: Person,
    at: datetime | None = None,
) -> Invitation:
    """Invite a colleague by e-mail; the link is good once, for two weeks, for that address.

    Raises Refused for members, for addresses invited already, and when too many invitations are open.
    """
    moment = at or clock.now()
    address = email.strip().lower()
    members, waiting = queries.members_of(organization), queries.open_invitations(organization, moment)
    refuse(rules.obstacles_to_inviting(address, members, waiting))
    token = secrets.token_urlsafe(32)
    invitation = Invitation(
        organization_id=organization.id,
        email=address,
        role=role,
        may_sign=may_sign,
        token_hash=hash_of_token(token),
        invited_by_id=by.id,
        expires_at=moment + INVITATION_LASTS,
    )
    db.session.add(invitation)
    db.session.flush()
    post(mails.account_invited(invitation, organization, by, token, queries.person_by_email(address)))
    return invitation


def hash_of_token(token: str) -> str:
    """What the database knows of the token in an invitation's link."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def withdraw_invitation(invitation: Invitation, *, by: Person) -> None:
    """Close an invitation that nobody has accepted; its link is worth nothing from now on."""
    if invitation.accepted_at is None:
        invitation.expires_at = min(invitation.expires_at, clock.now())
        db.session.flush()


def accept_invitation(invitation: Invitation, *, by: Person, at: datetime | None = None) -> Membership:
    """Join the organization one was invited to. Raises Refused when it was for another address, used or over."""
    moment = at or clock.now()
    hold(invitation, "accepted_at", "expires_at")
    refuse(rules.obstacles_to_accepting(invitation, by, moment))
    invitation.accepted_at = moment
    invitation.accepted_by_id = by.id
    return add_member(invitation.organization, by, role=MemberRole(invitation.role), may_sign=invitation.may_sign)


# ------------------------------------------------------------------ roles for the fund


def give_role(person: Person, role: Role, *, regions: list[str], by: Person | None) -> RoleGrant | RoleProposal:
    """Give a person a role; one that takes two is proposed, and other administrators are asked. Raises Refused."""
    if by is None or role not in TAKES_TWO:
        return grant_role(person, role, regions=regions, by=by)
    queries.lock_person(person)
    refuse(rules.obstacles_to_proposing_role(person, role, regions, by, queries.proposal_waiting(person, role)))
    proposal = RoleProposal(person=person, role=role, regions=regions, proposed_by=by)
    db.session.add(proposal)
    db.session.flush()
    for administrator in queries.holders_of(Role.ADMINISTRATOR):
        if administrator.id not in {by.id, person.id}:
            post(mails.role_to_confirm(proposal, administrator))
    return proposal


def grant_role(
    person: Person, role: Role, *, regions: list[str], by: Person | None, proposed_by_id: int | None = None
) -> RoleGrant:
    """Give a person a role for the fund. Raises Refused when they give it to themselves, the person has it, or it takes
    two and ``proposed_by_id`` is nobody else.
    """
    refuse(rules.obstacles_to_giving_role(person, role, regions, by, proposed_by_id))
    granted = RoleGrant(
        person_id=person.id,
        role=role,
        regions=regions,
        proposed_by_id=proposed_by_id,
        granted_by_id=by.id if by else None,
    )
    db.session.add(granted)
    db.session.flush()
    db.session.expire(person, ["role_grants"])
    return granted


def confirm_role(proposal: RoleProposal, *, by: Person) -> RoleGrant:
    """Give a role that another administrator proposed; who was only invited gets the link now. Raises Refused."""
    hold(proposal, "answered_at")
    refuse(rules.obstacles_to_confirming_role(proposal, by))
    person, role = proposal.person, Role(proposal.role)
    granted = grant_role(person, role, regions=proposal.regions, by=by, proposed_by_id=proposal.proposed_by_id)
    proposal.confirmed, proposal.answered_by_id, proposal.answered_at = True, by.id, clock.now()
    db.session.flush()
    if person.confirmed_at is None:
        _send_first_link(person, by)
    return granted


def drop_proposal(proposal: RoleProposal, *, by: Person) -> None:
    """Drop a role that was proposed: withdrawn by who proposed it, or refused by another. Raises Refused."""
    hold(proposal, "answered_at")
    refuse(rules.obstacles_to_dropping_proposal(proposal))
    proposal.answered_by_id, proposal.answered_at = by.id, clock.now()
    db.session.flush()


def revoke_role(granted: RoleGrant, *, by: Person) -> None:
    """Take a role back; the person's sessions end, so that it counts at once. Raises Refused for the last one."""
    administrators = queries.number_holding(Role.ADMINISTRATOR, lock=True) if granted.role == Role.ADMINISTRATOR else 0
    refuse(rules.obstacles_to_taking_back_role(granted, administrators))
    granted.revoked_at = clock.now()
    granted.revoked_by_id = by.id
    _end_sessions(Session.person_id == granted.person_id)
    db.session.flush()
