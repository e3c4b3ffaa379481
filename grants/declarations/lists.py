"""The register of conflicts, as it is taken out in a file."""

from __future__ import annotations

from grants.accounts.models import Confidentiality
from grants.applications.models import Application
from grants.calls.models import Call
from grants.calls.queries import call_by_reference
from grants.conflicts.rules import KIND_LABELS
from grants.core.languages import _l
from grants.core.listings import Asked, Column, Kind, Lines, listing_of
from grants.core.permissions import require, scope
from grants.core.web import found
from grants.declarations import permissions, queries, rules


@listing_of(
    "declarations.register",
    _l("Register of conflicts"),
    Column(_l("Application"), "application"),
    Column(_l("Organization"), "organization", tells=True),
    Column(_l("Person"), "person"),
    Column(_l("Name"), "name"),
    Column(_l("How it is known"), lambda line: KIND_LABELS[line.kind]),
    Column(_l("Grade"), lambda line: rules.GRADE_LABELS[line.grade]),
    Column(_l("Reason"), "reason", tells=True),
    Column(_l("Through"), "through", tells=True),
    Column(_l("When"), "at", Kind.MOMENT),
    Column(_l("Consequence"), lambda line: "; ".join(str(one) for one in rules.consequences(line))),
    withheld=lambda line: line.confidentiality != Confidentiality.PUBLIC,
)
def register(asked: Asked) -> Lines:
    """The whole register of a call, those who declared that they have no tie included."""
    require(permissions.can_read_register(asked.person))
    call = found(call_by_reference(scope(asked.person, Call), asked.get("reference")))
    lines = queries.whole_register_of(call.id, scope(asked.person, Application), asked.person)
    return Lines(len(lines), lines)
