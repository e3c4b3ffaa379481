"""The closed grants and until when their records are kept, as they are taken out in a file."""

from __future__ import annotations

from grants.accounts.models import Confidentiality
from grants.awards.models import Award
from grants.closeout import permissions, queries
from grants.closeout.workflow import ErasureState
from grants.core.languages import _l
from grants.core.listings import Asked, Column, Kind, Lines, listing_of
from grants.core.permissions import require, scope


@listing_of(
    "closeout.retention",
    _l("What is kept, and until when"),
    Column(_l("Grant"), "reference"),
    Column(_l("Title"), "title", tells=True),
    Column(_l("Grantee"), "organization", tells=True),
    Column(_l("Closed"), "closed_on", Kind.DAY),
    Column(_l("Kept until"), "keep_until", Kind.DAY),
    Column(_l("Erasure of sensitive papers"), lambda line: line.erasure and ErasureState(line.erasure).label),
    withheld=lambda line: line.confidentiality != Confidentiality.PUBLIC,
)
def retention(asked: Asked) -> Lines:
    """The closed grants whose time is over, or those that are still kept."""
    require(permissions.can_see_retention(asked.person))
    over = asked.get("show") != "kept"
    rows, number = queries.records_kept(scope(asked.person, Award), over=over, today=asked.today, page=None)
    return Lines(number, rows)
