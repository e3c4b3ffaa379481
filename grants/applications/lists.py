"""The applications to a call, as they are taken out in a file."""

from __future__ import annotations

from typing import Any, NamedTuple

from grants.accounts.models import Confidentiality
from grants.applications import queries
from grants.applications.models import Application
from grants.applications.workflow import ApplicationState
from grants.calls.models import Call
from grants.calls.queries import call_to_read, names_of
from grants.core.languages import _l, country_name, pick
from grants.core.listings import Asked, Column, Kind, Lines, listing_of, yes_or_no
from grants.core.money import Money
from grants.core.permissions import scope
from grants.core.web import found


class Listed(NamedTuple):
    """An application as the list reads it, and what its region and its lot are called in the call."""

    row: Any
    region: str
    lot: str

    @property
    def requested(self) -> Money:
        """What it asks for."""
        return Money(self.row.requested_minor, self.row.currency)


@listing_of(
    "applications.of_call",
    _l("Applications"),
    Column(_l("Reference"), "row.reference"),
    Column(_l("Title"), "row.title", tells=True),
    Column(_l("Organization"), "row.organization", tells=True),
    Column(_l("Country"), lambda one: country_name(one.row.country), tells=True),
    Column(_l("Region"), "region"),
    Column(_l("Lot"), "lot"),
    Column(_l("Where it stands"), lambda one: ApplicationState(one.row.state).label),
    Column(_l("Asked for"), "requested", Kind.AMOUNT),
    Column(_l("Sent in"), "row.submitted_at", Kind.MOMENT),
    Column(_l("Typed by the fund"), lambda one: yes_or_no(one.row.entered_by_id)),
    withheld=lambda one: one.row.confidentiality != Confidentiality.PUBLIC,
)
def of_call(asked: Asked) -> Lines:
    """The applications to a call from the regions of the asker, sorted and filtered."""
    call = found(call_to_read(scope(asked.person, Call), asked.get("reference")))
    rows = queries.every_application_of_call(
        scope(asked.person, Application),
        call,
        state=asked.get("state", list(ApplicationState)) or None,
        region=asked.get("region") or None,
        lot=asked.get("lot") or None,
        sort=asked.get("sort", queries.SORTS) or "reference",
        descending=asked.get("order") == "down",
    )
    names = names_of(call)
    regions = {key: pick(label) for key, label in names.regions.items()}
    lots = {key: pick(title) for key, title in names.lots.items()}
    return Lines(len(rows), (Listed(row, regions.get(row.region, ""), lots.get(row.lot_key, "")) for row in rows))
