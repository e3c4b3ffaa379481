"""Mails about accounts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from grants.accounts.models import Invitation, Organization, Person, RoleProposal
from grants.core.mail import Mail


@dataclass
class Stranger:
    """Somebody who has an address but no account yet."""

    email: str
    language: str
    id: int = 0
    name: str = ""


def account_invited(
    invitation: Invitation, organization: Organization, by: Person, token: str, known: Person | None
) -> Mail:
    """A colleague is invited to an organization's account; ``known`` when the address has an account already."""
    return Mail(
        "account_invited",
        to=known or Stranger(invitation.email, by.language),
        about=organization.reference,
        occasion=str(invitation.id),
        context={"by": by, "organization": organization, "token": token, "until": invitation.expires_at},
    )


def account_opened(person: Person, by: Person | None, token: str, until: datetime) -> Mail:
    """Somebody is invited to work for the fund: a link to their first sign-in, written anew each time they are asked."""
    return Mail(
        "account_opened",
        to=person,
        about=person.reference,
        occasion=until.isoformat(),
        context={"by": by, "token": token, "until": until},
    )


def role_to_confirm(proposal: RoleProposal, to: Person) -> Mail:
    """An administrator proposed somebody for a role that takes two: another one is asked to confirm it."""
    return Mail(
        "role_to_confirm",
        to=to,
        about=proposal.person.reference,
        occasion=str(proposal.id),
        context={"by": proposal.proposed_by, "reference": proposal.person.reference},
    )
