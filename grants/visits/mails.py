"""Mails about visits. Subjects and texts carry references only: what was found stands on its page."""

from __future__ import annotations

from typing import Any

from grants.accounts.models import Person
from grants.core.mail import Mail
from grants.visits.models import Visit


def _of(name: str, visit: Visit, to: Person, occasion: int, **more: Any) -> Mail:
    told = {"reference": visit.award.reference, "number": visit.number} | more
    return Mail(name, to=to, about=visit.award.reference, occasion=str(occasion), context=told)


def visit_announced(visit: Visit, to: Person, occasion: int) -> Mail:
    """The fund comes, on another day than it said, or not at all; to an owner or signatory of the grantee."""
    kind, state = str(visit.kind), str(visit.state)
    return _of("visit_announced", visit, to, occasion, due=visit.due_on, kind=kind, state=state)


def visit_planned(visit: Visit, to: Person, occasion: int) -> Mail:
    """Somebody of the fund is to make a visit."""
    return _of("visit_planned", visit, to, occasion, due=visit.due_on)


def visit_given_up(visit: Visit, to: Person, occasion: int) -> Mail:
    """A visit that payments waited for does not take place, to those who know what hangs on it."""
    return _of("visit_given_up", visit, to, occasion, due=visit.due_on)


def visit_shared(visit: Visit, to: Person, occasion: int) -> Mail:
    """What was found can be read, to an owner or signatory of the grantee."""
    return _of("visit_shared", visit, to, occasion)


def visit_answered(visit: Visit, to: Person, occasion: int) -> Mail:
    """The grantee answered what was found, to a coordinator of the region."""
    return _of("visit_answered", visit, to, occasion)
