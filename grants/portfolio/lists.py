"""The grants and the record, as they are taken out in a file: of a grant all that is known, on one line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC
from typing import Any

from grants.accounts.models import REGION_LABELS, Confidentiality
from grants.awards.models import RISK_LABELS, Award, Risk
from grants.awards.permissions import STAFF
from grants.awards.workflow import FELL_THROUGH, AwardState
from grants.core.languages import _l, country_name
from grants.core.listings import Asked, Column, Kind, Lines, listing_of, yes_or_no
from grants.core.money import Money
from grants.core.permissions import scope
from grants.imports.models import PastAward
from grants.imports.rules import NOWHERE
from grants.portfolio import queries
from grants.portfolio.rules import RECORDED, RecordLine, filter_of, record_lines


def _known(name: str) -> Callable[[Any], Any]:
    """What is known of a grant; nothing for one of an earlier programme, of which a table told less."""
    return lambda row: getattr(row, name, None)


def _money(name: str) -> Callable[[Any], Money | None]:
    def amount(row: Any) -> Money | None:
        minor = getattr(row, name, None)
        return None if minor is None else Money(minor, row.currency)

    return amount


def _awarded(row: Any) -> Money | None:
    """What was awarded; nothing of an offer that came to nothing, so that the column adds up to the totals of the page."""
    return None if getattr(row, "state", "") in FELL_THROUGH else Money(row.amount_minor, row.currency)


def _day(name: str) -> Callable[[Any], Any]:
    """The day (UTC) of a moment."""

    def day(row: Any) -> Any:
        moment = getattr(row, name, None)
        return moment and moment.astimezone(UTC).date()

    return day


def _risk(row: Any) -> Any:
    risk = getattr(row, "risk", None)
    return risk and RISK_LABELS[Risk(risk)]


@listing_of(
    "portfolio.grants",
    _l("Grants"),
    Column(_l("Grant"), "reference"),
    Column(_l("Earlier programme"), "programme"),
    Column(_l("Call"), _known("call")),
    Column(_l("Application"), _known("application")),
    Column(_l("Title"), "title", tells=True),
    Column(_l("Grantee"), "organization", tells=True),
    Column(_l("Country"), lambda row: "" if row.country == NOWHERE else country_name(row.country), tells=True),
    Column(_l("City"), "city", tells=True),
    Column(_l("Region"), lambda row: REGION_LABELS.get(row.region, row.region)),
    Column(_l("Lot"), _known("lot_key")),
    Column(_l("State"), lambda row: AwardState(getattr(row, "state", AwardState.CLOSED)).label),
    Column(_l("Name withheld"), lambda row: yes_or_no(row.confidentiality != Confidentiality.PUBLIC)),
    Column(_l("Risk"), _risk),
    Column(_l("On hold"), lambda row: yes_or_no(getattr(row, "on_hold", False))),
    Column(_l("Asked for"), _money("requested_minor"), Kind.AMOUNT),
    Column(_l("Awarded"), _awarded, Kind.AMOUNT),
    Column(_l("Committed"), _money("committed_minor"), Kind.AMOUNT),
    Column(_l("Approved, to be sent"), _money("payable_minor"), Kind.AMOUNT),
    Column(_l("Paid"), _money("paid_minor"), Kind.AMOUNT),
    Column(_l("Returned by grantees"), _money("refunded_minor"), Kind.AMOUNT),
    Column(_l("Offered"), _day("offered_at"), Kind.DAY),
    Column(_l("Signed"), _day("signed_at"), Kind.DAY),
    Column(_l("Starts"), lambda row: getattr(row, "start_on", None) or getattr(row, "granted_on", None), Kind.DAY),
    Column(_l("Ends"), _known("end_on"), Kind.DAY),
    Column(_l("Closed"), _day("closed_at"), Kind.DAY),
    Column(_l("Next report due"), _known("next_report_on"), Kind.DAY),
    Column(_l("Late reports"), _known("late_reports"), Kind.NUMBER),
    Column(_l("Next payment planned for"), _known("next_payment_on"), Kind.DAY),
    Column(_l("Last payment"), _known("last_paid_on"), Kind.DAY),
    withheld=lambda row: row.confidentiality != Confidentiality.PUBLIC,
)
def grants(asked: Asked) -> Lines:
    """The grants somebody may see, as filtered."""
    seen, past = scope(asked.person, Award), scope(asked.person, PastAward)
    wanted = filter_of(asked.get, knows_risk=asked.person.holds(*STAFF))
    return Lines(*queries.every_grant(seen, past, wanted, asked.person, asked.today))


@listing_of(
    "portfolio.record",
    _l("Record"),
    Column(_l("Number"), "id", Kind.NUMBER),
    Column(_l("When"), "at", Kind.MOMENT),
    Column(_l("What"), "what"),
    Column(_l("Subject"), "reference"),
    Column(_l("Who"), "who"),
)
def record(asked: Asked) -> Lines:
    """Who did what and when, over everything or over one kind of subject; why stays on the page, where a name that is
    withheld may stand in it.
    """
    kind = asked.get("kind", RECORDED)
    return Lines(queries.number_of_entries(kind), _every_entry(asked.person, kind))


def _every_entry(person: Any, kind: str) -> Iterator[RecordLine]:
    """The record as the asker may see it, the newest first, so many entries in one reading."""
    seen = {name: scope(person, model) for name, model in queries.SUBJECTS.items()}
    before = queries.NEWEST
    while entries := queries.record_before(before, kind=kind, most=queries.IN_ONE_READING):
        yield from record_lines(entries, queries.subjects_of(entries, seen), lambda _reason: "")
        before = entries[-1].id
