"""What stands in the way of inviting, joining, leaving, and of giving and taking back roles."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from grants.accounts.models import (
    COORDINATORS,
    TAKES_TWO,
    Invitation,
    MemberRole,
    Membership,
    Person,
    Role,
    RoleGrant,
    RoleProposal,
)
from grants.core.languages import _l
from grants.core.rules import Obstacle

MOST_OPEN_INVITATIONS = 20
"""Enough for any organization, too few to send mail to the world in our name."""

INVITATION_LASTS = timedelta(days=14)

TRIES = 8
PATIENCE = timedelta(minutes=15)
"""So many wrong passwords within so long; then the address has to wait."""

SESSION_REMEMBERED = timedelta(days=30)
"""How long it is still known, for whoever looks into a misuse, from which browser somebody was signed in."""


def obstacles_to_inviting(
    email: str, members: Iterable[Membership], invitations: Iterable[Invitation]
) -> list[Obstacle]:
    """Why this address cannot be invited now; ``invitations`` are those still open."""
    address = email.strip().lower()
    waiting = list(invitations)
    found = []
    if any(member.person.email.lower() == address for member in members):
        found.append(Obstacle("member_already", _l("This person is a member already.")))
    if any(invitation.email == address for invitation in waiting):
        found.append(
            Obstacle("invited_already", _l("This address has been invited already. The invitation is still open."))
        )
    if len(waiting) >= MOST_OPEN_INVITATIONS:
        found.append(
            Obstacle(
                "too_many_invitations",
                _l("%(n)s invitations are still open. Withdraw those that are no longer needed first.", n=len(waiting)),
            )
        )
    return found


def obstacles_to_inviting_person(known: Person | None, role: Role, regions: list[str]) -> list[Obstacle]:
    """Why a person cannot be invited to work for the fund; ``known`` is who has the address already."""
    found = []
    if known is not None:
        found.append(
            Obstacle(
                "address_known",
                _l("This address has an account already. Give its person the role instead."),
                where=("accounts.person", {"reference": known.reference}),
            )
        )
    return found + _obstacles_of_regions(role, regions)


def obstacles_to_inviting_again(person: Person) -> list[Obstacle]:
    """Why a person cannot be sent another link to their first sign-in."""
    if not person.active:
        return [Obstacle("account_closed", _l("This account is closed."))]
    if person.confirmed_at is not None:
        return [Obstacle("arrived_already", _l("This person has signed in already."))]
    if not person.role_grants:
        return [Obstacle("role_missing", _l("This person has no role. Give them one first."))]
    return []


def obstacles_to_accepting(invitation: Invitation, person: Person, at: datetime) -> list[Obstacle]:
    """Why this person cannot accept the invitation at ``at``: it is for one address, for one use, for two weeks."""
    if invitation.accepted_at is not None:
        return [Obstacle("invitation_used", _l("This invitation has been used already."))]
    if invitation.expires_at <= at:
        return [Obstacle("invitation_over", _l("This invitation is no longer open. Please ask for a new one."))]
    if person.email.lower() != invitation.email:
        return [
            Obstacle(
                "other_address", _l("This invitation was sent to another e-mail address than that of your account.")
            )
        ]
    return []


def obstacles_to_changing_member(
    membership: Membership, members: Iterable[Membership], *, role: MemberRole | None
) -> list[Obstacle]:
    """Why a member cannot get this role, or (``role`` None) cannot leave: an organization is never without an owner."""
    if membership.ended_at is not None:
        return [Obstacle("not_a_member", _l("This person is no longer a member."))]
    other_owners = [m for m in members if m.role == MemberRole.OWNER and m.id != membership.id]
    if membership.role == MemberRole.OWNER and role != MemberRole.OWNER and not other_owners:
        return [Obstacle("last_owner", _l("An organization needs an owner. Name another one first."))]
    return []


def obstacles_to_giving_role(
    person: Person, role: Role, regions: list[str], by: Person | None, proposed_by_id: int | None = None
) -> list[Obstacle]:
    """Why a person cannot be given a role; ``by`` is None for the system itself.

    Roles that take two are given by another administrator than the one who proposed them.
    """
    found = obstacles_to_proposing_role(person, role, regions, by)
    if by is not None and role in TAKES_TWO and proposed_by_id in {None, by.id}:
        found.append(_ANOTHER)
    return found


_ANOTHER = Obstacle("another_administrator", _l("Another administrator confirms this role."))


def obstacles_to_proposing_role(
    person: Person, role: Role, regions: list[str], by: Person | None, waiting: RoleProposal | None = None
) -> list[Obstacle]:
    """Why a role cannot be proposed for a person, whoever confirms it; ``waiting`` is what was proposed before."""
    found = []
    if waiting is not None:
        found.append(Obstacle("proposed_already", _l("This role is proposed already and waits for its confirmation.")))
    if by is not None and by.id == person.id:
        found.append(Obstacle("own_role", _l("Nobody gives a role to themselves.")))
    if person.holds(role):
        found.append(Obstacle("role_held", _l("This person has that role already.")))
    if not person.active:
        found.append(Obstacle("account_closed", _l("This account is closed.")))
    return found + _obstacles_of_regions(role, regions)


def _obstacles_of_regions(role: Role, regions: list[str]) -> list[Obstacle]:
    if role in COORDINATORS and not regions:
        return [Obstacle("region_missing", _l("Choose at least one region for a coordinator."))]
    return []


def obstacles_to_confirming_role(proposal: RoleProposal, by: Person) -> list[Obstacle]:
    """Why an administrator cannot confirm a role that was proposed."""
    if proposal.answered_at is not None:
        return [Obstacle("answered_already", _l("This was answered already."))]
    return obstacles_to_giving_role(proposal.person, Role(proposal.role), proposal.regions, by, proposal.proposed_by_id)


def obstacles_to_dropping_proposal(proposal: RoleProposal) -> list[Obstacle]:
    """Why a role that was proposed cannot be dropped any more."""
    return [Obstacle("answered_already", _l("This was answered already."))] if proposal.answered_at else []


def obstacles_to_taking_back_role(granted: RoleGrant, administrators: int) -> list[Obstacle]:
    """Why a role cannot be taken back; ``administrators`` is how many there are now."""
    if granted.revoked_at is not None:
        return [Obstacle("role_ended", _l("This role has been taken back already."))]
    if granted.role == Role.ADMINISTRATOR and administrators <= 1:
        return [Obstacle("last_administrator", _l("The fund needs an administrator. Name another one first."))]
    return []


def obstacles_to_closing_account(person: Person, by: Person) -> list[Obstacle]:
    """Why the account of a person cannot be closed."""
    if person.id == by.id:
        return [Obstacle("own_account", _l("You cannot close your own account. Ask another administrator."))]
    if not person.active:
        return [Obstacle("account_closed", _l("This account is closed."))]
    return []
