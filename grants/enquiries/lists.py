"""The questions about a call, as they are taken out in a file."""

from __future__ import annotations

from grants.calls.models import Call
from grants.calls.queries import call_by_reference
from grants.core.languages import _l, language_name, pick
from grants.core.listings import Asked, Column, Kind, Lines, listing_of
from grants.core.permissions import require, scope
from grants.core.web import found
from grants.enquiries import permissions, queries
from grants.enquiries.models import Enquiry
from grants.enquiries.workflow import EnquiryState


@listing_of(
    "enquiries.of_call",
    _l("Questions"),
    Column(_l("Reference"), "reference"),
    Column(_l("Asked"), "asked_at", Kind.MOMENT),
    Column(_l("Language"), lambda one: language_name(one.language)),
    Column(_l("As it was asked"), "text"),
    Column(_l("Where it stands"), lambda one: EnquiryState(one.state).label),
    Column(_l("Question"), lambda one: pick(one.question)),
    Column(_l("Answer"), lambda one: pick(one.answer)),
    Column(_l("Answered"), "answered_at", Kind.MOMENT),
    Column(_l("Published"), "published_at", Kind.MOMENT),
)
def of_call(asked: Asked) -> Lines:
    """The questions about a call, by where they stand; who asked is told nowhere."""
    call = found(call_by_reference(scope(asked.person, Call), asked.get("reference")))
    require(permissions.can_see_enquiries(asked.person, call))
    state = asked.get("state", set(EnquiryState) - {EnquiryState.UNCONFIRMED})
    rows, _numbers = queries.enquiries_page(scope(asked.person, Enquiry), call, state, None)
    return Lines(len(rows), rows)
