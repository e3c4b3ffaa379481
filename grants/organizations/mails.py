"""Mails about what an organization's account holds. None names another organization, nor who belongs to it."""

from __future__ import annotations

from grants.accounts.models import Membership, Organization, Person
from grants.core.mail import Mail
from grants.organizations.models import JoiningRequest, Resemblance, Sponsorship


def joining_asked(request: JoiningRequest, to: Person) -> Mail:
    """An owner learns that somebody asks to join."""
    organization = request.organization
    return Mail(
        "joining_asked", to=to, about=organization.reference, occasion=str(request.id), context={"of": organization}
    )


def joining_accepted(request: JoiningRequest) -> Mail:
    """Who asked to join is a member now."""
    organization = request.organization
    return Mail(
        "joining_accepted",
        to=request.person,
        about=organization.reference,
        occasion=str(request.id),
        context={"of": organization},
    )


def joining_declined(request: JoiningRequest) -> Mail:
    """Who asked to join is told why they cannot; not which organization it was, for the mailbox may be read by others."""
    return Mail(
        "joining_declined",
        to=request.person,
        about=request.person.reference,
        occasion=str(request.id),
        context={"reason": request.reason},
    )


def ownership_handed_over(membership: Membership) -> Mail:
    """A member is the owner of the organization's account now."""
    organization = membership.organization
    return Mail(
        "ownership_handed_over",
        to=membership.person,
        about=organization.reference,
        occasion=f"{membership.id} {organization.changed_at.isoformat()}",
        context={"of": organization},
    )


def sponsorship_asked(sponsorship: Sponsorship, to: Person) -> Mail:
    """An owner of a registered organization is asked to be the fiscal sponsor of another."""
    return Mail(
        "sponsorship_asked",
        to=to,
        about=sponsorship.sponsor.reference,
        occasion=str(sponsorship.id),
        context={"of": sponsorship.sponsor},
    )


def sponsorship_answered(sponsorship: Sponsorship, to: Person) -> Mail:
    """An owner of the organization that asked learns that there is an answer."""
    return Mail(
        "sponsorship_answered",
        to=to,
        about=sponsorship.organization.reference,
        occasion=f"{sponsorship.id} {sponsorship.state}",
        context={"of": sponsorship.organization},
    )


def sponsorship_ended(sponsorship: Sponsorship, side: Organization, to: Person) -> Mail:
    """An owner of the other organization learns that the sponsorship has ended."""
    return Mail(
        "sponsorship_ended",
        to=to,
        about=side.reference,
        occasion=f"{sponsorship.id} {sponsorship.state}",
        context={"of": side},
    )


def accounts_united(resemblance: Resemblance, organization: Organization, to: Person, occasion: str) -> Mail:
    """An owner learns that the fund counts their account and another one as one organization."""
    return Mail(
        "accounts_united",
        to=to,
        about=organization.reference,
        occasion=f"{resemblance.id} {occasion}",
        context={"of": organization},
    )


def accounts_parted(resemblance: Resemblance, organization: Organization, to: Person, occasion: str) -> Mail:
    """An owner learns that two accounts that were counted as one are two again."""
    return Mail(
        "accounts_parted",
        to=to,
        about=organization.reference,
        occasion=f"{resemblance.id} {occasion}",
        context={"of": organization},
    )
