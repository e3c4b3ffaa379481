"""Declaring ties for a year and for a call, and what follows at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grants.accounts.models import Organization, Person
from grants.calls.models import Call
from grants.conflicts import queries as conflicts
from grants.conflicts.models import ConflictDeclaration, Grade, YearDeclaration
from grants.conflicts.rules import obstacles_to_declaring, obstacles_to_declaring_year
from grants.core.db import db
from grants.core.rules import refuse
from grants.decisions import actions as decisions
from grants.history import actions as history


def declare_for_year(person: Person, *, words: str, organizations: Sequence[str], by: Person) -> YearDeclaration:
    """Declare ties in general, for a year: in words, and the names or references of the organizations to which somebody
    belongs. Each is a conflict, and counts as one that is declared about an organization.

    Raises Refused when it says nothing.
    """
    names = list(dict.fromkeys(" ".join(name.split()) for name in organizations if name.strip()))
    refuse(obstacles_to_declaring_year(words, names))
    before = conflicts.hidden_ids(person, None)
    declaration = YearDeclaration(person_id=person.id, words=words.strip(), organizations=names)
    db.session.add(declaration)
    db.session.flush()
    history.note("year_declaration", declaration.id, "declare", by=by, organizations=len(names))
    decisions.conflict_came(person, before, words.strip() or ", ".join(names), by=by)
    return declaration


def declare_for_call(
    person: Person,
    call: Call,
    ties: Mapping[int, tuple[str, str]],
    organizations: Sequence[Organization],
    *,
    by: Person,
) -> None:
    """Declare ties to applicants of a call: ``ties`` maps an organization to grade and reason, and to the others of the
    ``organizations`` there is none. A conflict counts at once.

    Raises Refused when a reason is missing.
    """
    for grade, reason in ties.values():
        refuse(obstacles_to_declaring(grade, reason))
    tied = {one: said for one, said in ties.items() if said[0] != Grade.NONE}
    others = [one.id for one in organizations if one.id not in tied]
    if others:
        same = {"person_id": person.id, "call_id": call.id, "grade": Grade.NONE}
        said = [ConflictDeclaration(organization_id=one, **same) for one in others]
        db.session.add_all(said)
        db.session.flush()
        history.note("interest", said[0].id, "declare_others", by=by, call=call.reference, organizations=len(said))
    for organization in organizations:
        if organization.id in tied:
            grade, reason = tied[organization.id]
            decisions.declare_interest(person, organization, grade=grade, reason=reason, call=call, by=by)
