"""The grants of a call, as they are taken out in a file."""

from __future__ import annotations

from typing import NamedTuple

from grants.accounts.models import Confidentiality
from grants.awards import permissions, queries
from grants.awards.models import Award
from grants.awards.queries import GrantLine
from grants.core.languages import _l, country_name, pick
from grants.core.listings import Asked, Column, Kind, Lines, listing_of
from grants.core.permissions import require, scope
from grants.core.web import found


class Listed(NamedTuple):
    """A grant as the list reads it, and what its region and its lot are called in the call."""

    grant: GrantLine
    region: str
    lot: str


@listing_of(
    "awards.of_call",
    _l("Grants"),
    Column(_l("Grant"), "grant.reference"),
    Column(_l("Title"), "grant.title", tells=True),
    Column(_l("Grantee"), "grant.organization", tells=True),
    Column(_l("Country"), lambda one: country_name(one.grant.country), tells=True),
    Column(_l("Region"), "region"),
    Column(_l("Lot"), "lot"),
    Column(_l("Where it stands"), "grant.state.label"),
    Column(_l("Amount"), "grant.amount", Kind.AMOUNT),
    Column(_l("Answer by"), "grant.answer_by", Kind.DAY),
    Column(_l("Signature by"), "grant.sign_by", Kind.DAY),
    Column(_l("Starts"), "grant.start_on", Kind.DAY),
    Column(_l("Ends"), "grant.end_on", Kind.DAY),
    withheld=lambda one: one.grant.confidentiality != Confidentiality.PUBLIC,
)
def of_call(asked: Asked) -> Lines:
    """The grants of a call that the asker may see, by state, region and lot."""
    call = found(queries.call_by_reference(asked.get("reference")))
    require(permissions.can_list_grants(asked.person, call))
    chosen = {name: asked.get(name) for name in ("state", "region", "lot")}
    grants = queries.grants_of_call(scope(asked.person, Award), call, **chosen, page=None)
    regions = {region.region: pick(region.label) for region in call.regions}
    lots = {lot.key: pick(lot.title) for lot in call.lots}
    rows = (Listed(one, regions.get(one.region or "", ""), lots.get(one.lot or "", "")) for one in grants.lines)
    return Lines(grants.number, rows)
