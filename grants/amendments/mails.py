"""Mails about changes of a grant. Subjects and texts carry references only: what changes stands on its page."""

from __future__ import annotations

from typing import Any

from grants.accounts.models import Person
from grants.amendments.models import Amendment, BudgetNotice
from grants.awards.models import Award
from grants.core.mail import Mail


def _of(name: str, amendment: Amendment, to: Person, occasion: int, **more: Any) -> Mail:
    told = {"reference": amendment.award.reference, "number": amendment.number} | more
    return Mail(name, to=to, about=amendment.award.reference, occasion=str(occasion), context=told)


def amendment_asked(amendment: Amendment, to: Person, occasion: int) -> Mail:
    """A grantee asks for a change, or confirmed one that was written down for it, to a coordinator of the region."""
    return _of("amendment_asked", amendment, to, occasion)


def amendment_to_confirm(amendment: Amendment, to: Person, occasion: int) -> Mail:
    """The fund wrote a change down for the grantee, which confirms it, to an owner or signatory of the grantee."""
    return _of("amendment_to_confirm", amendment, to, occasion)


def amendment_answered(amendment: Amendment, to: Person, occasion: int) -> Mail:
    """What the fund said to a change: approved, refused, sent back, let lapse; to an owner or signatory of the grantee."""
    return _of("amendment_answered", amendment, to, occasion, state=str(amendment.state))


def amendment_worked_out(amendment: Amendment, to: Person, occasion: int) -> Mail:
    """What changes was worked out, to a coordinator of the region."""
    return _of("amendment_worked_out", amendment, to, occasion)


def amendment_to_sign(amendment: Amendment, to: Person, occasion: int) -> Mail:
    """An amendment waits for the signature of a signatory."""
    return _of("amendment_to_sign", amendment, to, occasion)


def amendment_ended(amendment: Amendment, to: Person, occasion: int) -> Mail:
    """An amendment was signed, or a change withdrawn, to a coordinator of the region."""
    return _of("amendment_ended", amendment, to, occasion, state=str(amendment.state))


def budget_noticed(award: Award, notice: BudgetNotice, to: Person) -> Mail:
    """A grantee moved a little money between headings, to a coordinator of the region."""
    told = {"reference": award.reference}
    return Mail("budget_noticed", to=to, about=award.reference, occasion=str(notice.number), context=told)
