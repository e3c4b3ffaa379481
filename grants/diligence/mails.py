"""Mails about due diligence. Subjects carry references only, and nobody outside the fund reads of sanctions lists."""

from __future__ import annotations

from grants.accounts.models import Person
from grants.awards.models import Award
from grants.core.mail import Mail


def _told(award: Award, **more: object) -> dict[str, object]:
    return {"reference": award.reference} | more


def diligence_asked(award: Award, to: Person, occasion: int) -> Mail:
    """What is asked of the grantee before the agreement."""
    return Mail("diligence_asked", to=to, about=award.reference, occasion=str(occasion), context=_told(award))


def diligence_asked_again(award: Award, to: Person, occasion: int, words: str) -> Mail:
    """Something is asked of the grantee once more."""
    told = _told(award, words=words)
    return Mail("diligence_asked_again", to=to, about=award.reference, occasion=str(occasion), context=told)


def diligence_handed_in(award: Award, to: Person, occasion: int) -> Mail:
    """All that was asked of the grantee is in, to those who judge it."""
    return Mail("diligence_handed_in", to=to, about=award.reference, occasion=str(occasion), context=_told(award))


def diligence_second_look(award: Award, to: Person, occasion: int) -> Mail:
    """A second person has to look at what a search found."""
    return Mail("diligence_second_look", to=to, about=award.reference, occasion=str(occasion), context=_told(award))


def consent_asked(award: Award, to: Person, occasion: int) -> Mail:
    """The fund asks whether a grant may be less confidential."""
    return Mail("consent_asked", to=to, about=award.reference, occasion=str(occasion), context=_told(award))


def consent_answered(award: Award, to: Person, occasion: int, *, given: bool) -> Mail:
    """The grantee has answered, to whoever asked."""
    told = _told(award, given=given)
    return Mail("consent_answered", to=to, about=award.reference, occasion=str(occasion), context=told)
