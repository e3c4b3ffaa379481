"""Finding people, organizations, invitations and sessions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import email_validator
from sqlalchemy import Select, Text, bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import aliased, joinedload, load_only, selectinload
from sqlalchemy.orm.attributes import set_committed_value

from grants.accounts.models import (
    FailedSignIn,
    Invitation,
    Membership,
    Organization,
    Person,
    Role,
    RoleGrant,
    RoleProposal,
    Session,
    Tightening,
)
from grants.core.db import Prepared, db, in_session, packed, paged, streamed, unpacked
from grants.core.mail import OutboxMail

PAGE = 50
"""How many rows a list shows at a time."""


def signed_in(key_hash: str) -> Person | None:
    """The person of a live session, with roles and memberships, in one query."""
    rows = _signed_in(key_hash=key_hash)
    if not rows:
        return None
    person = in_session(unpacked(Person, rows[0][0]))
    grants = [in_session(unpacked(RoleGrant, grant)) for grant in rows[0][1] or ()]
    memberships = []
    for place, organization in rows[0][2] or ():
        membership = in_session(unpacked(Membership, place))
        set_committed_value(membership, "organization", in_session(unpacked(Organization, organization)))
        memberships.append(membership)
    set_committed_value(person, "role_grants", grants)
    set_committed_value(person, "memberships", memberships)
    return person


def _session_of() -> Select[Any]:
    grants = (
        select(func.json_agg(aggregate_order_by(packed(RoleGrant), RoleGrant.id)))
        .where(RoleGrant.person_id == Person.id, RoleGrant.revoked_at.is_(None))
        .correlate(Person)
        .scalar_subquery()
    )
    place = func.json_build_array(packed(Membership), packed(Organization))
    memberships = (
        select(func.json_agg(aggregate_order_by(place, Membership.id)))
        .join(Organization, Organization.id == Membership.organization_id)
        .where(Membership.person_id == Person.id, Membership.ended_at.is_(None))
        .correlate(Person)
        .scalar_subquery()
    )
    return (
        select(packed(Person), grants, memberships)
        .join(Session, Session.person_id == Person.id)
        .where(
            Session.key_hash == bindparam("key_hash", None, Text),
            Session.ended_at.is_(None),
            Session.expires_at > func.clock_timestamp(),
            Person.active,
        )
    )


_signed_in = Prepared(_session_of)
"""Asked at every request."""


def normal_address(address: object) -> str | None:
    """The normal form of an e-mail address, or None when it cannot be one."""
    try:
        return str(email_validator.validate_email(str(address), check_deliverability=False).normalized)
    except email_validator.EmailNotValidError:
        return None


def person_by_email(address: str) -> Person | None:
    """The person with this e-mail address, whatever its case."""
    return db.session.scalar(select(Person).where(func.lower(Person.email) == address.strip().lower()))


def person_by_handle(handle: str) -> Person | None:
    """The person with this secret handle, which a new password changes."""
    return db.session.scalar(select(Person).where(Person.fs_uniquifier == handle))


def person_by_reference(reference: str) -> Person | None:
    """The person with this reference, such as REV-2."""
    return db.session.scalar(select(Person).where(Person.reference == reference))


def organization_by_reference(seen: Select[Organization], reference: str) -> Organization | None:
    """One organization among those a person may see."""
    return db.session.scalar(seen.where(Organization.reference == reference))


def same_organization_as(organization_id: int) -> Select[int]:
    """The ids of all accounts of one and the same organization: this one, and those that were found to be it.

    What may be had once by an organization is had once by all of them together.
    """
    one = aliased(Organization)
    head = select(func.coalesce(one.duplicate_of_id, one.id)).where(one.id == organization_id).scalar_subquery()
    return select(Organization.id).where(or_(Organization.id == head, Organization.duplicate_of_id == head))


def linked_organizations(organization: Organization, *, lock: bool = False) -> list[int]:
    """The ids of all accounts of an organization; ``lock`` makes whoever asks for the same wait until we are done."""
    found = same_organization_as(organization.id).order_by(Organization.id)
    if lock:
        found = found.with_for_update(of=Organization, key_share=True)
    return list(db.session.scalars(found))


def members_of(organization: Organization, *, lock: bool = False) -> list[Membership]:
    """The present members of an organization. ``lock`` keeps others from changing who is one until we are done."""
    found = (
        select(Membership)
        .where(Membership.organization_id == organization.id, Membership.ended_at.is_(None))
        .options(joinedload(Membership.person, innerjoin=True))
        .order_by(Membership.id)
    )
    if lock:
        found = found.with_for_update(of=Membership).execution_options(populate_existing=True)
    return list(db.session.scalars(found))


def membership_between(organization: Organization, person: Person) -> Membership | None:
    """The present membership of a person in an organization."""
    return db.session.scalar(
        select(Membership).where(
            Membership.organization_id == organization.id,
            Membership.person_id == person.id,
            Membership.ended_at.is_(None),
        )
    )


def membership_in(seen: Select[Membership], organization: Organization, membership_id: int) -> Membership | None:
    """One present membership of an organization, with its person."""
    found = seen.where(
        Membership.id == membership_id, Membership.organization_id == organization.id, Membership.ended_at.is_(None)
    )
    return db.session.scalar(found.options(joinedload(Membership.person), joinedload(Membership.organization)))


def organizations_page(seen: Select[Organization], words: str, page: int) -> tuple[list[Organization], int]:
    """One page of the organizations a person may see, by name, and how many there are."""
    seen = _called(seen, words)
    total = db.session.scalar(select(func.count()).select_from(seen.order_by(None).subquery())) or 0
    columns = (Organization.reference, Organization.name, Organization.acronym, Organization.country)
    rows = seen.options(load_only(*columns, Organization.region)).order_by(Organization.name, Organization.id)
    return list(db.session.scalars(rows.limit(PAGE).offset((page - 1) * PAGE))), total


def tightenings() -> int:
    """How often anything was made more confidential so far; a file that names grantees is good for as long as it stays."""
    return db.session.scalar(select(func.count()).select_from(Tightening)) or 0


ORGANIZATION_KNOWN = (
    *(Organization.reference, Organization.name, Organization.acronym, Organization.country, Organization.city),
    *(Organization.region, Organization.legal_form, Organization.registered, Organization.founded_on),
    *(Organization.website, Organization.confidentiality_default),
)
"""What a list of organizations says of each in a file."""


def every_organization(seen: Select[Organization], words: str) -> tuple[int, Iterator[Any]]:
    """How many organizations the same list has, and what is known of each, one after the other."""
    seen = _called(seen, words)
    number = db.session.scalar(select(func.count()).select_from(seen.order_by(None).subquery())) or 0
    found = seen.with_only_columns(*ORGANIZATION_KNOWN).order_by(Organization.name, Organization.id)
    return number, streamed(found)


def _called(seen: Select[Organization], words: str) -> Select[Organization]:
    if words:
        seen = seen.where(
            or_(
                Organization.name.icontains(words, autoescape=True),
                Organization.acronym.icontains(words, autoescape=True),
                Organization.reference.icontains(words, autoescape=True),
            )
        )
    return seen


def people_page(seen: Select[Person], words: str, role: str, page: int | None) -> tuple[list[Person], int]:
    """One page of people with their roles, by name (all without a ``page``), and how many there are.

    Without ``words`` only those who hold a role for the fund are listed (``role``: those who hold this one).
    """
    held = select(RoleGrant.person_id).where(RoleGrant.revoked_at.is_(None))
    if words:
        seen = seen.where(
            or_(
                Person.name.icontains(words, autoescape=True),
                Person.email.icontains(words, autoescape=True),
                Person.reference.icontains(words, autoescape=True),
            )
        )
    if role:
        seen = seen.where(Person.id.in_(held.where(RoleGrant.role == role)))
    elif not words:
        seen = seen.where(Person.id.in_(held))
    total = db.session.scalar(select(func.count()).select_from(seen.order_by(None).subquery())) or 0
    columns = (Person.reference, Person.name, Person.email, Person.active)
    rows = seen.options(load_only(*columns), selectinload(Person.role_grants)).order_by(Person.name, Person.id)
    return list(db.session.scalars(paged(rows, page, PAGE))), total


def person_seen(seen: Select[Person], reference: str) -> Person | None:
    """One person among those somebody may see, with roles."""
    found = seen.where(Person.reference == reference).options(selectinload(Person.role_grants))
    return db.session.scalar(found)


def roles_ever_given(person: Person) -> list[RoleGrant]:
    """Every role a person has or had, newest first, with who gave it."""
    found = (
        select(RoleGrant)
        .where(RoleGrant.person_id == person.id)
        .options(joinedload(RoleGrant.granted_by), joinedload(RoleGrant.proposed_by))
    )
    return list(db.session.scalars(found.order_by(RoleGrant.id.desc())))


def role_grant_of(seen: Select[RoleGrant], person: Person, grant_id: int) -> RoleGrant | None:
    """One role of a person."""
    return db.session.scalar(seen.where(RoleGrant.id == grant_id, RoleGrant.person_id == person.id))


def lock_person(person: Person) -> None:
    """Keep others from proposing something for a person until this transaction ends."""
    db.session.execute(select(Person.id).where(Person.id == person.id).with_for_update())


def proposal_waiting(person: Person, role: Role) -> RoleProposal | None:
    """The proposal of a role for a person that nobody has answered yet."""
    found = select(RoleProposal).where(RoleProposal.person_id == person.id, RoleProposal.role == role)
    return db.session.scalar(found.where(RoleProposal.answered_at.is_(None)))


def proposals_waiting(person: Person) -> list[RoleProposal]:
    """The roles proposed for a person that nobody has answered yet, with who proposed them."""
    found = select(RoleProposal).where(RoleProposal.person_id == person.id, RoleProposal.answered_at.is_(None))
    return list(db.session.scalars(found.options(joinedload(RoleProposal.proposed_by)).order_by(RoleProposal.id)))


def lock_proposal(seen: Select[RoleProposal], person: Person, proposal_id: int) -> RoleProposal | None:
    """One role proposed for a person, kept from everybody else until we are done."""
    found = seen.where(RoleProposal.id == proposal_id, RoleProposal.person_id == person.id)
    return db.session.scalar(found.with_for_update().execution_options(populate_existing=True))


def number_holding(role: Role, *, lock: bool = False) -> int:
    """How many people hold a role and can sign in: whoever was invited and never came does not count.

    ``lock`` keeps others from taking it back until we are done.
    """
    found = (
        select(RoleGrant.id)
        .join(Person, Person.id == RoleGrant.person_id)
        .where(RoleGrant.role == role, RoleGrant.revoked_at.is_(None), Person.active, Person.confirmed_at.is_not(None))
    )
    if lock:
        found = found.with_for_update(of=RoleGrant)
    return len(db.session.scalars(found).all())


def holders_of(*roles: Role) -> list[Person]:
    """Everybody who holds one of these roles today, by name."""
    holding = select(RoleGrant.person_id).where(RoleGrant.role.in_(roles), RoleGrant.revoked_at.is_(None))
    found = (
        select(Person)
        .where(Person.id.in_(holding), Person.active)
        .options(selectinload(Person.role_grants))
        .order_by(Person.name)
        .execution_options(populate_existing=True)
    )
    return list(db.session.scalars(found))


def coordinators_of(region: str | None) -> list[Person]:
    """The coordinators who look after a region; every global coordinator when the region is unknown."""
    people = holders_of(Role.REGIONAL_COORDINATOR, Role.GLOBAL_COORDINATOR)
    if region is None:
        return [p for p in people if p.holds(Role.GLOBAL_COORDINATOR)]
    return [p for p in people if p.coordinates(region)]


def invitation_by_token(token_hash: str) -> Invitation | None:
    """The invitation a link belongs to, whether it is still open or not; whoever holds the link may read it."""
    found = (
        select(Invitation)
        .where(Invitation.token_hash == token_hash)
        .options(joinedload(Invitation.organization), joinedload(Invitation.invited_by))
    )
    return db.session.scalar(found)


def invitation_seen(seen: Select[Invitation], invitation_id: int) -> Invitation | None:
    """One invitation among those a person may see."""
    return db.session.scalar(seen.where(Invitation.id == invitation_id).options(joinedload(Invitation.organization)))


def open_invitations(organization: Organization, at: datetime) -> list[Invitation]:
    """Invitations that nobody has accepted yet."""
    found = select(Invitation).where(
        Invitation.organization_id == organization.id, Invitation.accepted_at.is_(None), Invitation.expires_at > at
    )
    return list(db.session.scalars(found.order_by(Invitation.id)))


def invitations_for(person: Person, at: datetime) -> list[Invitation]:
    """Open invitations sent to the address of a person, whether they kept the mail or not."""
    found = (
        select(Invitation)
        .where(Invitation.email == person.email.lower(), Invitation.accepted_at.is_(None), Invitation.expires_at > at)
        .options(joinedload(Invitation.organization), joinedload(Invitation.invited_by))
        .order_by(Invitation.id)
    )
    return list(db.session.scalars(found))


def open_sessions(person: Person) -> list[Session]:
    """The browsers in which a person is signed in."""
    found = select(Session).where(
        Session.person_id == person.id, Session.ended_at.is_(None), Session.expires_at > func.clock_timestamp()
    )
    return list(db.session.scalars(found.order_by(Session.id.desc())))


def session_seen(seen: Select[Session], session_id: int) -> Session | None:
    """One session among those a person may see."""
    return db.session.scalar(seen.where(Session.id == session_id))


def mails_lately(person: Person, kind: str, window: timedelta) -> int:
    """How many mails of one kind were written to a person lately."""
    found = select(func.count()).where(
        OutboxMail.to_person_id == person.id, OutboxMail.kind == kind, OutboxMail.posted_at > func.app_now() - window
    )
    return db.session.scalar(found) or 0


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
