"""Mails about awards. Subjects carry references only: a name or a title may be one that has to be withheld."""

from __future__ import annotations

from grants.accounts.models import Person
from grants.awards.models import Agreement, Award
from grants.core.mail import Mail
from grants.letters.models import LetterKind


def award_offered(award: Award, to: Person, answer_by: object, occasion: int | None = None) -> Mail:
    """The letter of an award, to an owner or signatory of the grantee; ``occasion``: it is offered once more."""
    told = {"reference": award.reference, "answer_by": answer_by, "reduced": award.new_budget is not None}
    return Mail("award_offered", to=to, about=award.reference, occasion=str(occasion or ""), context=told)


def new_budget_handed_in(award: Award, to: Person, occasion: int) -> Mail:
    """A new budget waits for a coordinator of the region."""
    return Mail("new_budget_handed_in", to=to, about=award.reference, occasion=str(occasion), context=_named(award))


def new_budget_returned(award: Award, to: Person, occasion: int) -> Mail:
    """A new budget was sent back, to an owner or signatory of the grantee."""
    return Mail("new_budget_returned", to=to, about=award.reference, occasion=str(occasion), context=_named(award))


def new_budget_accepted(award: Award, to: Person, occasion: int) -> Mail:
    """A new budget was accepted, to an owner or signatory of the grantee."""
    return Mail("new_budget_accepted", to=to, about=award.reference, occasion=str(occasion), context=_named(award))


def _named(award: Award) -> dict[str, object]:
    return {"reference": award.reference}


def agreement_ready(award: Award, agreement: Agreement, to: Person) -> Mail:
    """The agreement waits for the signature of a signatory."""
    return Mail(
        "agreement_ready",
        to=to,
        about=award.reference,
        occasion=f"v{agreement.version}",
        context={"reference": award.reference, "sign_by": award.sign_by},
    )


def agreement_signed(award: Award, agreement: Agreement, to: Person) -> Mail:
    """A grantee signed, to a coordinator of the region."""
    return Mail(
        "agreement_signed",
        to=to,
        about=award.reference,
        occasion=f"v{agreement.version}",
        context={"reference": award.reference},
    )


def agreement_copy_handed_in(award: Award, to: Person, occasion: int) -> Mail:
    """A copy signed on paper waits for the countersignature of the fund, to a coordinator of the region."""
    return Mail("agreement_copy_handed_in", to=to, about=award.reference, occasion=str(occasion), context=_named(award))


def agreement_copy_returned(award: Award, to: Person, occasion: int, reason: str) -> Mail:
    """A signed copy was sent back, to an owner or signatory of the grantee."""
    told = _named(award) | {"reason": reason}
    return Mail("agreement_copy_returned", to=to, about=award.reference, occasion=str(occasion), context=told)


def agreement_countersigned(award: Award, agreement: Agreement, to: Person) -> Mail:
    """The fund countersigned the signed copy, to an owner or signatory of the grantee."""
    occasion = f"v{agreement.version}"
    return Mail("agreement_countersigned", to=to, about=award.reference, occasion=occasion, context=_named(award))


def award_condition_added(award: Award, to: Person, occasion: int) -> Mail:
    """Something is to be done besides the action, to whoever has to do it."""
    return Mail("award_condition_added", to=to, about=award.reference, occasion=str(occasion), context=_named(award))


def award_letter(award: Award, kind: LetterKind, letter_id: int, to: Person, occasion: int) -> Mail:
    """A letter about the standing of a grant waits to be read: suspended, resumed, terminated."""
    told = _named(award) | {"kind": str(kind), "letter_id": letter_id}
    return Mail("award_letter", to=to, about=award.reference, occasion=str(occasion), context=told)


def award_answered(award: Award, to: Person, *, accepted: bool) -> Mail:
    """A grantee accepted or refused an offer, to a coordinator of the region."""
    return Mail(
        "award_answered",
        to=to,
        about=award.reference,
        context={"reference": award.reference, "accepted": accepted},
    )
