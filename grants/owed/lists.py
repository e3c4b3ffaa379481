"""What is owed on all grants, as it is taken out in a file."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from grants.accounts.models import Confidentiality
from grants.awards.models import Award
from grants.awards.queries import award_by_reference
from grants.core import clock
from grants.core.languages import _l
from grants.core.listings import Asked, Column, Kind, Lines, listing_of, yes_or_no
from grants.core.permissions import scope
from grants.core.web import found
from grants.owed import queries, rules
from grants.owed.permissions import own_organizations
from grants.owed.queries import Owed
from grants.owed.rules import Line
from grants.payments.queries import IN_ONE_READING, standings_of

COLUMNS = (
    Column(_l("Grant"), "item.reference"),
    Column(_l("Title"), "item.title", tells=True),
    Column(_l("Grantee"), "item.organization", tells=True),
    Column(_l("Kind"), lambda line: rules.KIND_LABELS[line.item.kind]),
    Column(_l("What"), lambda line: rules.name_of(line.item), tells=True),
    Column(_l("Required"), lambda line: yes_or_no(line.item.required)),
    Column(_l("Who owes it"), lambda line: rules.WHO_LABELS["fund" if line.item.by_fund else "grantee"]),
    Column(_l("Due"), "item.due_on", Kind.DAY),
    Column(_l("Where it stands"), lambda line: rules.WHEN[line.when][0]),
    Column(_l("Money that waits"), "waiting", Kind.AMOUNT),
    Column(_l("What stands in the way"), lambda line: "; ".join(str(stop.message) for stop in line.stops), tells=True),
)


def _is_withheld(line: Line) -> bool:
    return line.item.confidentiality != Confidentiality.PUBLIC


@listing_of("owed.everywhere", _l("What is owed"), *COLUMNS, withheld=_is_withheld)
def everywhere(asked: Asked) -> Lines:
    """Who owes what on all grants that the asker may see, by kind, who and when."""
    wanted = queries.Asked(
        kind=asked.get("kind", queries.KINDS),
        who=asked.get("who", rules.WHO_LABELS),
        when=asked.get("when", ("late", "soon")),
    )
    about = (scope(asked.person, Award), own_organizations(asked.person), wanted, asked.today, rules.SOON)
    number, items = queries.every_one(*about)
    return Lines(number, _with_money(asked, items))


@listing_of("owed.of_grant", _l("What is owed on a grant"), *COLUMNS, withheld=_is_withheld)
def of_grant(asked: Asked) -> Lines:
    """Who owes what on one grant, what is over as well."""
    seen, own = scope(asked.person, Award), own_organizations(asked.person)
    award = found(award_by_reference(seen, asked.get("reference")))
    items = queries.of_grant(seen, own, award)
    today = clock.today(award.call.timezone)
    lines = rules.lines_of(items, standings_of([award.id]), today, asked.at, own)
    return Lines(len(lines), lines)


def _with_money(asked: Asked, items: Iterator[Owed]) -> Iterator[Line]:
    """What is owed with the money that waits on it, a thousand things in one reading."""
    own = own_organizations(asked.person)
    while some := list(islice(items, IN_ONE_READING)):
        yield from rules.lines_of(some, standings_of({item.award_id for item in some}), asked.today, asked.at, own)
