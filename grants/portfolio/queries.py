"""Lists and figures of grants, one grant as a whole, and the record of everything."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from functools import cache
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Boolean,
    CompoundSelect,
    Date,
    Select,
    Text,
    all_,
    and_,
    any_,
    bindparam,
    case,
    cast,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    true,
    tuple_,
    union,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, array

from grants.accounts.models import (
    Confidentiality,
    Organization,
    Person,
)
from grants.amendments.models import Amendment
from grants.applications.models import Application
from grants.awards.models import Agreement, Award, Condition, Milestone
from grants.awards.workflow import FELL_THROUGH, AwardState
from grants.calls.models import Call, Lot
from grants.calls.workflow import CallState
from grants.checks.models import Clarification
from grants.closeout.models import Closeout, Erasure
from grants.complaints.models import Complaint
from grants.conflicts.models import ConflictDeclaration, YearDeclaration
from grants.core.db import Prepared, db, prepared_once, streamed
from grants.core.mail import OutboxMail
from grants.core.money import Money
from grants.core.questions import points_of
from grants.core.workflow import Workflow
from grants.decisions.models import Decision, Meeting
from grants.dossiers.models import Dossier
from grants.enquiries.models import Enquiry
from grants.history.models import HistoryEntry
from grants.imports.models import AwardImport, PastAward
from grants.listings.models import ListFile
from grants.payments.models import Account, AccountKind, BankAccount, Disbursement, Tranche
from grants.payments.queries import PAYING, SENT
from grants.payments.workflow import DisbursementState
from grants.reminders.queries import RUNNING
from grants.reports.models import ReportDue
from grants.reports.workflow import ReportState
from grants.reviews.models import Assignment
from grants.visits.models import Visit

PAGE = 25

MINE = bindparam("mine", None, type_=ARRAY(BigInteger))
TODAY = bindparam("today", None, type_=Date)


@dataclass(frozen=True)
class Filter:
    """What lists and figures of grants are narrowed to: the words of the address, each of them optional.

    ``lot`` is one of the ``call``; ``point`` is one of the Plan of Action; ``q`` stands in a title or in the name of a
    grantee, or is a reference.
    """

    call: str = ""
    lot: str = ""
    region: str = ""
    country: str = ""
    point: int = 0
    state: str = ""
    risk: str = ""
    programme: str = ""
    q: str = ""

    @property
    def asked(self) -> dict[str, Any]:
        """What was asked for, by name."""
        return {one.name: value for one in fields(self) if (value := getattr(self, one.name))}

    @property
    def of_this_fund(self) -> bool:
        """Whether grants of this fund may be among what is asked for."""
        return self.programme in ("", THIS_FUND)

    @property
    def of_the_past(self) -> bool:
        """Whether awards of earlier programmes may be: they are closed, and belong to no call, lot or point of the plan."""
        nowhere = self.call or self.lot or self.point or self.risk or self.programme == THIS_FUND
        return not nowhere and self.state in ("", AwardState.CLOSED)


THIS_FUND = "-"
"""Instead of the name of an earlier programme: only what this fund awarded."""

MANY = 1000
"""Beyond this many a list says "more than", because counting everything costs more than anybody gains."""

FIRST = 2**62
"""Comes after every grant, where a list begins with the latest."""


def _asked(name: str) -> Any:
    return bindparam(name, None, type_=Text)


def _said(words: Any) -> Any:
    """Whether a text says what was searched for, whatever accents, case and punctuation; signs alone say nothing."""
    wanted = func.nullif(func.plain_name(_asked("q")), "", type_=Text)
    return func.plain_name(words).like(literal_column("'%%'") + wanted + literal_column("'%%'"))


def _said_by_grant() -> Any:
    return or_(_said(Award.title), Award.reference == func.upper(_asked("q")))


def _found_by_words() -> Any:
    by_name = select(Award.id).join(Organization, Organization.id == Award.organization_id)
    return select(Award.id).where(_said_by_grant()).union(by_name.where(_said(Organization.name)))


_NARROWED: dict[str, Any] = {
    "call": Award.call_id == select(Call.id).where(Call.reference == _asked("call")).scalar_subquery(),
    "lot": Award.lot_key == _asked("lot"),
    "region": Award.region == _asked("region"),
    "country": Award.country == _asked("country"),
    "point": Award.plan_points.contains(array([bindparam("point", None, type_=BigInteger)])),
    "state": Award.state == _asked("state"),
    "risk": and_(Award.risk == _asked("risk"), Award.organization_id != all_(MINE)),
    "q": Award.id == any_(func.array(_found_by_words().scalar_subquery())),
}
"""How grants are narrowed. Nobody finds the grant of their own organization by its risk."""

_NARROWED_PAST: dict[str, Any] = {
    "region": PastAward.region == _asked("region"),
    "country": PastAward.organization_id.in_(select(Organization.id).where(Organization.country == _asked("country"))),
    "programme": PastAward.import_id.in_(select(AwardImport.id).where(AwardImport.programme == _asked("programme"))),
    "q": or_(_said(PastAward.title), _said(PastAward.grantee), PastAward.reference == func.upper(_asked("q"))),
}


def narrowed(seen: Select[Award], asked: Collection[str]) -> Select[Award]:
    """The grants among those a person may see that meet the parts of a filter named; their values are parameters."""
    return seen.where(*(_NARROWED[name] for name in sorted(asked) if name in _NARROWED))


def narrowed_past(seen: Select[PastAward], asked: Collection[str]) -> Select[PastAward]:
    """The same of the awards of earlier programmes."""
    return seen.where(*(_NARROWED_PAST[name] for name in sorted(asked) if name in _NARROWED_PAST))


def values_of(wanted: Filter, person: Person, *, past: bool = False) -> dict[str, Any]:
    """The parameters of a statement :func:`narrowed` to a filter (or :func:`narrowed_past`), for one reader."""
    known = _NARROWED_PAST if past else _NARROWED
    found = {name: value for name, value in wanted.asked.items() if name in known}
    return found | ({"mine": [m.organization_id for m in person.memberships]} if "risk" in found else {})


class GrantLine(NamedTuple):
    """A grant in a list."""

    id: int
    reference: str
    title: str
    state: str
    amount_minor: int
    currency: str
    end_on: date | None
    confidentiality: str
    organization: str
    programme: str


@dataclass(frozen=True)
class Listed:
    """One page of a list of grants; how many there are (at most ``MANY`` + 1); and what the address of the next says."""

    lines: list[GrantLine]
    number: int
    older: dict[str, int]


def grants_like(
    seen: Select[Award],
    past: Select[PastAward],
    wanted: Filter,
    person: Person,
    *,
    before: int = FIRST,
    past_before: int = 0,
) -> Listed:
    """One page of the grants a person may see, the latest first, from before one of them; at most two queries.

    Those of this fund come first, then those of earlier programmes (from ``past_before``, when it is given).
    """
    lines: list[GrantLine] = []
    number = 0
    if wanted.of_this_fund:
        rows = _grants_of(seen, frozenset(wanted.asked))(
            before=0 if past_before else before, **values_of(wanted, person)
        )
        number, lines = rows[0][0], [GrantLine._make((*row[1:], "")) for row in rows if row[1]]
    if wanted.of_the_past and (number <= MANY or len(lines) <= PAGE):
        room, asked = PAGE + 1 - len(lines), values_of(wanted, person, past=True)
        rows = _past_grants_of(past, frozenset(asked))(before=past_before or FIRST, most=max(0, room), **asked)
        lines += [GrantLine._make((*row[1:4], AwardState.CLOSED, *row[4:6], None, *row[6:])) for row in rows if row[1]]
        number = min(number + rows[0][0], MANY + 1)
    shown = lines[:PAGE]
    older: dict[str, int] = {}
    if len(lines) > PAGE:
        older = {"past": shown[-1].id if shown[-1].programme else FIRST}
        if not lines[PAGE].programme:
            older = {"before": shown[-1].id}
    return Listed(shown, number, older)


@prepared_once
def _grants_of(seen: Select[Award], asked: frozenset[str]) -> Prepared:
    """The reading for one scope and these parts of a filter: how many grants there are, and beside it one page of them."""
    before = Award.id < bindparam("before", None, type_=BigInteger)
    if "q" in asked:
        number, page = _page_by_words(narrowed(seen, asked - {"q"}), before)
    else:
        ids = narrowed(seen, asked).with_only_columns(Award.id)
        number = select(func.count().label("number")).select_from(ids.limit(literal_column(str(MANY + 1))).subquery())
        page = ids.where(before)
    numbers = number.subquery("numbers")
    latest = page.order_by(page.selected_columns.id.desc()).limit(literal_column(str(PAGE + 1))).subquery("page")
    shown = (
        select(
            numbers.c.number,
            *(Award.id, Award.reference, Award.title, Award.state, Award.amount_minor, Award.currency, Award.end_on),
            *(Award.confidentiality, Organization.name),
        )
        .select_from(numbers)
        .outerjoin(latest, true())
        .outerjoin(Award, Award.id == latest.c.id)
        .outerjoin(Organization, Organization.id == Award.organization_id)
        .order_by(latest.c.id.desc())
    )
    return Prepared(lambda: shown)


def _page_by_words(seen: Select[Award], before: Any) -> tuple[Select[Any], Any]:
    """How many grants were found by words, and those before one.

    What few grants say is gathered from the index of words; of what more than ``MANY`` say no more than that is gathered, and
    the latest are met soon by going back from the last.
    """
    grantee = Organization.id == Award.organization_id
    by_title, by_name = _said_by_grant(), _said(Organization.name)
    enough: Any = literal_column(str(MANY + 1))
    titled = seen.where(by_title).with_only_columns(Award.id).limit(enough)
    named = seen.join(Organization, grantee).where(by_name).with_only_columns(Award.id, maintain_column_froms=True)
    hits = union(titled, named.limit(enough)).cte("hits").prefix_with("MATERIALIZED")
    counted = select(func.least(func.count(), MANY + 1).label("number")).select_from(hits)
    found = select(Award.id).where(before, Award.id.in_(select(hits.c.id)), counted.scalar_subquery() <= MANY)
    walked = (
        seen.join(Organization, grantee)
        .where(before, or_(by_title, by_name), counted.scalar_subquery() > MANY)
        .with_only_columns(Award.id, maintain_column_froms=True)
        .order_by(Award.id.desc())
        .limit(literal_column(str(PAGE + 1)))
    )
    return counted, union_all(found, select(walked.subquery("walked").c.id))


@prepared_once
def _past_grants_of(seen: Select[PastAward], asked: frozenset[str]) -> Prepared:
    """The same of grants of earlier programmes."""
    ids = narrowed_past(seen, asked).with_only_columns(PastAward.id)
    counted = ids.limit(literal_column(str(MANY + 1))).subquery()
    numbers = select(func.count().label("number")).select_from(counted).subquery("numbers")
    page = (
        ids.where(PastAward.id < bindparam("before", None, type_=BigInteger))
        .order_by(PastAward.id.desc())
        .limit(bindparam("most", None, type_=BigInteger))
        .subquery("page")
    )
    shown = (
        select(
            numbers.c.number,
            *(PastAward.id, PastAward.reference, PastAward.title, PastAward.amount_minor, PastAward.currency),
            *(PastAward.confidentiality, PastAward.grantee, AwardImport.programme),
        )
        .select_from(numbers)
        .outerjoin(page, true())
        .outerjoin(PastAward, PastAward.id == page.c.id)
        .outerjoin(AwardImport, AwardImport.id == PastAward.import_id)
        .order_by(page.c.id.desc())
    )
    return Prepared(lambda: shown)


# ------------------------------------------------------------------ figures


class Figure(NamedTuple):
    """How many grants there are of one kind, and what they come to in one currency, in minor units.

    ``by`` says what kind (region, country, …; "all" for everything together) and ``key`` which one. ``awarded`` leaves
    out what was refused or lapsed; the others are what the pots of the ledger hold, and nothing for ``past`` awards,
    which have no place in it.
    """

    by: str
    key: str | None
    past: bool
    currency: str
    number: int
    awarded: int
    committed: int = 0
    payable: int = 0
    paid: int = 0
    refunded: int = 0

    @property
    def outstanding(self) -> int:
        """What was signed and has not been sent yet."""
        return self.committed + self.payable


def figures_of(
    seen: Select[Award], past: Select[PastAward], wanted: Filter, person: Person, *, within: bool = False
) -> list[Figure]:
    """What the grants a person may see come to, all together and by call, lot, region, country, point, state, risk, year
    and programme; at most two queries.

    ``within``: of no more than the first ``MANY`` + 1. A grantee at risk counts in its region and in no country: see
    docs/decisions/0030.
    """
    found: list[Figure] = []
    if wanted.of_this_fund:
        asked = values_of(wanted, person)
        own = [m.organization_id for m in person.memberships]
        rows = _figures_of(seen, frozenset(wanted.asked), within)(**({"mine": own} | asked))
        found += [Figure(*row[:4], *(int(value) for value in row[4:])) for row in rows]
        found += [one._replace(by="programme", key=THIS_FUND) for one in found if one.by == "all"]
    if wanted.of_the_past:
        asked = values_of(wanted, person, past=True)
        rows = _past_figures_of(past, frozenset(asked))(**asked)
        found += [Figure(*row[:4], *(int(value) for value in row[4:])) for row in rows]
    return found


AT_RISK = ""
"""Instead of the country of a grantee whose name is withheld."""


def _figure(found: Any, by: str, key: Any, *sums: Any, past: bool = False) -> Select[Any]:
    """One part of the union over all kinds."""
    grouped = [found.c.currency] if isinstance(key, str) else [key, found.c.currency]
    return select(
        literal(by).label("by"),
        cast(literal(key) if isinstance(key, str) else key, Text).label("key"),
        literal(past).label("past"),
        found.c.currency,
        func.count().label("number"),
        *(func.coalesce(func.sum(found.c[name]), 0).label(name) for name in sums),
    ).group_by(*grouped)


@prepared_once
def _figures_of(seen: Select[Award], asked: frozenset[str], within: bool) -> Prepared:
    names = ("committed", "payable", "paid", "refunded")
    chosen = narrowed(seen, asked).with_only_columns(
        *(Award.id, Award.call_id, Award.lot_key, Award.region, Award.state, Award.currency, Award.plan_points),
        case((Award.confidentiality == Confidentiality.PUBLIC, Award.country), else_=AT_RISK).label("country"),
        case((Award.organization_id != all_(MINE), Award.risk), else_=null()).label("risk"),
        cast(func.date_part("year", Award.offered_at), Text).label("year"),
        case((Award.state.in_(FELL_THROUGH), 0), else_=Award.amount_minor).label("awarded"),
    )
    chosen = chosen.limit(literal_column(str(MANY + 1))) if within else chosen
    grants = chosen.cte("grants")
    held = (
        select(
            Account.award_id,
            *(func.sum(Account.balance_minor).filter(Account.kind == name).label(name) for name in names),
        )
        .where(Account.award_id.in_(select(grants.c.id)))
        .group_by(Account.award_id)
        .subquery("held")
    )
    found = (
        select(grants, *(held.c[name] for name in names))
        .outerjoin(held, held.c.award_id == grants.c.id)
        .cte("found")
        .prefix_with("MATERIALIZED")
    )
    of_lot = func.concat(found.c.call_id, "/", found.c.lot_key)
    by = {"call": found.c.call_id, "lot": of_lot} | {
        name: found.c[name] for name in ("region", "country", "state", "risk", "year")
    }
    sums = ("awarded", *names)
    by_point = select(found, func.unnest(found.c.plan_points).label("point")).subquery("by_point")
    return Prepared(lambda: union_all(_figures(found, by, *sums), _figure(by_point, "point", by_point.c.point, *sums)))


def _figures(found: Any, by: Mapping[str, Any], *sums: str) -> Select[Any]:
    """All together and each kind, added up while the grants are gone through once."""
    kind = case(*((func.grouping(key) == 0, name) for name, key in by.items()), else_="all")
    of_kind = case(*((func.grouping(key) == 0, cast(key, Text)) for key in by.values()), else_="")
    every_way = (tuple_(key, found.c.currency) for key in by.values())
    return select(
        kind.label("by"),
        of_kind.label("key"),
        literal(False).label("past"),
        found.c.currency,
        func.count().label("number"),
        *(func.coalesce(func.sum(found.c[name]), 0).label(name) for name in sums),
    ).group_by(func.grouping_sets(tuple_(found.c.currency), *every_way))


@prepared_once
def _past_figures_of(seen: Select[PastAward], asked: frozenset[str]) -> Prepared:
    chosen = narrowed_past(seen, asked)
    found = (
        chosen.join(Organization, Organization.id == PastAward.organization_id)
        .join(AwardImport, AwardImport.id == PastAward.import_id)
        .with_only_columns(
            *(PastAward.currency, PastAward.region, AwardImport.programme),
            case((PastAward.confidentiality == Confidentiality.PUBLIC, Organization.country), else_=AT_RISK).label(
                "country"
            ),
            cast(func.date_part("year", PastAward.granted_on), Text).label("year"),
            PastAward.amount_minor.label("awarded"),
            maintain_column_froms=True,
        )
        .cte("found")
    )
    parts = [
        _figure(found, "all", "", "awarded", past=True),
        _figure(found, "state", AwardState.CLOSED.value, "awarded", past=True),
        *(_figure(found, by, found.c[by], "awarded", past=True) for by in ("region", "country", "year", "programme")),
    ]
    return Prepared(lambda: union_all(*parts))


class Due(NamedTuple):
    """What is due in one month: payments planned (in a currency), or reports owed. Without a ``month`` it is late."""

    kind: str
    month: date | None
    currency: str
    number: int
    minor: int


def due_by_month(seen: Select[Award], wanted: Filter, person: Person, today: date, until: date) -> list[Due]:
    """What is due for the grants a person may see, from what is late to before a day; one query."""
    if not wanted.of_this_fund:
        return []
    rows = _due_in(seen, frozenset(wanted.asked))(today=today, until=until, **values_of(wanted, person))
    return [Due._make((*row[:4], int(row[4]))) for row in rows]


@prepared_once
def _due_in(seen: Select[Award], asked: frozenset[str]) -> Prepared:
    until = bindparam("until", None, type_=Date)
    grants = narrowed(seen, asked).with_only_columns(Award.id, Award.state).cte("grants")
    sent = select(Disbursement.id).where(Disbursement.tranche_id == Tranche.id, Disbursement.state.in_(SENT))
    owed = (ReportState.OWED, ReportState.RETURNED)

    def part(kind: str, table: Any, minor: Any, *currency: Any) -> Select[Any]:
        month = case((table.due_on < TODAY, null()), else_=cast(func.date_trunc("month", table.due_on), Date))
        said = currency[0] if currency else literal_column("''", Text)
        return (
            select(literal(kind).label("kind"), month.label("month"), said.label("currency"), func.count(), minor)
            .join(grants, grants.c.id == table.award_id)
            .where(table.due_on < until)
            .group_by(month, *currency)
        )

    payments = part("payment", Tranche, func.sum(Tranche.amount_minor), Tranche.currency).where(
        grants.c.state.in_(PAYING), Tranche.cancelled_on.is_(None), ~sent.exists()
    )
    reports = part("report", ReportDue, literal_column("0", BigInteger)).where(
        grants.c.state.in_(RUNNING), ReportDue.required, ReportDue.state.in_(owed)
    )
    return Prepared(lambda: union_all(payments, reports))


# ------------------------------------------------------------------ what there is to choose from

LATEST_CALLS = 40


@dataclass(frozen=True)
class Choices:
    """What a list of grants can be narrowed to, in the order in which it is offered.

    Taken from the calls, never from the grants: that a country can be chosen says nothing of a grantee there.
    """

    calls: list[tuple[int, str, dict[str, str]]]
    lots: list[tuple[str, dict[str, str]]]
    countries: list[str]
    points: dict[int, dict[str, str]]
    programmes: list[str]


def choices_of(past: Select[PastAward], call: str = "") -> Choices:
    """What a person can narrow grants to, with the lots of one call; one query."""
    found: dict[str, list[Any]] = {kind: [] for kind in ("call", "lot", "countries", "plan", "programme")}
    for kind, number, key, text in _choices_in(past)(call=call):
        found[kind].append((number, key, text))
    return Choices(
        calls=found["call"],
        lots=[(key, text) for _, key, text in found["lot"]],
        countries=sorted({country for *_, countries in found["countries"] for country in countries}),
        points={point["number"]: point["text"] for *_, plan in found["plan"] for point in points_of(plan)},
        programmes=[key for _, key, _ in found["programme"]],
    )


@prepared_once
def _choices_in(past: Select[PastAward]) -> Prepared:
    latest = (
        select(Call.id, Call.reference, Call.title, Call.eligible_countries)
        .where(Call.state != CallState.DRAFT)
        .order_by(Call.id.desc())
        .limit(literal_column(str(LATEST_CALLS)))
        .cte("latest")
    )

    def part(kind: str, number: Any, key: Any, text: Any) -> Select[Any]:
        return select(
            literal(kind).label("kind"),
            cast(number, BigInteger).label("number"),
            cast(key, Text).label("key"),
            (cast(null(), JSONB) if text is None else func.to_jsonb(text)).label("text"),
        )

    plans = (
        select(Call.plan_of_action)
        .where(Call.id.in_(select(latest.c.id)))
        .order_by(Call.id.desc())
        .offset(literal_column("0"))
        .subquery("plans")
    )
    # One after the other (OFFSET 0), until one has points: opening all of them takes longer than everything else here.
    plan = (
        select(plans.c.plan_of_action)
        .where(func.json_typeof(plans.c.plan_of_action["clusters"]) == "array")
        .limit(literal_column("1"))
        .subquery("plan")
    )
    imports = past.where(PastAward.import_id == AwardImport.id).with_only_columns(PastAward.id).exists()
    programmes = (
        select(AwardImport.programme)
        .where(imports)
        .distinct()
        .order_by(AwardImport.programme)
        .limit(literal_column(str(MOST_PROGRAMMES)))
        .subquery("programmes")
    )
    countries = select(latest.c.eligible_countries).distinct().subquery("countries")
    parts = [
        part("call", latest.c.id, latest.c.reference, latest.c.title),
        part("lot", Lot.position, Lot.key, Lot.title)
        .join(Call, Call.id == Lot.call_id)
        .where(Call.reference == _asked("call")),
        part("countries", null(), null(), countries.c.eligible_countries),
        part("plan", null(), null(), plan.c.plan_of_action),
        part("programme", null(), programmes.c.programme, None),
    ]
    return Prepared(lambda: union_all(*parts))


MOST_PROGRAMMES = 12


class InFigures(NamedTuple):
    """A call as figures name it; ``lots`` are the titles of its lots by key."""

    id: int
    reference: str
    title: dict[str, str]
    lots: dict[str, dict[str, str]]
    envelope: Money


def calls_in(figures: Iterable[Figure]) -> dict[int, InFigures]:
    """The calls that figures name, by id; one query."""
    lots = select(func.json_object_agg(Lot.key, Lot.title)).where(Lot.call_id == Call.id).scalar_subquery()
    found = select(Call.id, Call.reference, Call.title, lots, Call.envelope_minor, Call.currency).where(
        Call.id.in_({int(one.key or 0) for one in figures if one.by == "call"})
    )
    return {
        id_: InFigures(id_, reference, title, titles or {}, Money(minor, currency))
        for id_, reference, title, titles, minor, currency in db.session.execute(found)
    }


class Grantee(NamedTuple):
    """Who has a grant."""

    name: str
    country: str


class InCall(NamedTuple):
    """The call that a grant was made in."""

    title: dict[str, str]


class Applied(NamedTuple):
    """The application that became a grant."""

    submitted_at: datetime | None


class Grant(NamedTuple):
    """A grant as its page shows it."""

    id: int
    application_id: int
    organization_id: int
    call_id: int
    reference: str
    title: str
    state: str
    confidentiality: str
    amount_minor: int
    currency: str
    start_on: date | None
    end_on: date | None
    offered_at: datetime | None
    closed_at: datetime | None
    organization: Grantee
    call: InCall
    application: Applied

    @property
    def workflow(self) -> Workflow:
        """The states of a grant."""
        return Award.workflow

    @property
    def amount(self) -> Money:
        """The money awarded."""
        return Money(self.amount_minor, self.currency)


def grant_by_reference(seen: Select[Award], reference: str) -> Grant | None:
    """One grant among those a person may see."""
    for *award, name, country, call, submitted_at in _grant_in(seen)(reference=reference):
        return Grant._make((*award, Grantee(name, country), InCall(call), Applied(submitted_at)))
    return None


@prepared_once
def _grant_in(seen: Select[Award]) -> Prepared:
    found = (
        seen.where(Award.reference == bindparam("reference", None, type_=Text))
        .join(Organization, Organization.id == Award.organization_id)
        .join(Call, Call.id == Award.call_id)
        .join(Application, Application.id == Award.application_id)
        .with_only_columns(
            *(Award.id, Award.application_id, Award.organization_id, Award.call_id),
            *(Award.reference, Award.title, Award.state, Award.confidentiality),
            *(Award.amount_minor, Award.currency, Award.start_on, Award.end_on, Award.offered_at, Award.closed_at),
            *(Organization.name, Organization.country, Call.title, Application.submitted_at),
            maintain_column_froms=True,
        )
    )
    return Prepared(lambda: found)


class Part(NamedTuple):
    """Something that belongs to a grant: a report owed, a milestone, a condition, or a payment (for the timeline).

    ``label`` is its wording, of a report in several languages; ``done_on`` the day a milestone was reached or a
    condition met; ``state`` and ``required`` are those of a report.
    """

    kind: str
    id: int
    label: Any
    due_on: date | None
    done_on: date | None
    state: str | None
    required: bool | None


def parts_of(grant: Grant) -> dict[str, list[Part]]:
    """The reports, milestones, conditions and payments of a grant by kind, each in their order; one query."""
    found: dict[str, list[Part]] = {"report_due": [], "milestone": [], "condition": [], "disbursement": []}
    for row in _PARTS(award=grant.id):
        found[row[0]].append(Part._make(row))
    return found


def _parts() -> CompoundSelect[*tuple[Any, ...]]:
    award = bindparam("award", None, type_=BigInteger)

    def part(kind: str, key: Any, label: Any = None, due: Any = None, done: Any = None, *more: Any) -> Select[Any]:
        state, required = more or (cast(null(), Text), cast(null(), Boolean))
        return select(
            literal(kind).label("kind"),
            key.label("id"),
            (func.to_jsonb(label) if label is not None else cast(null(), JSONB)).label("label"),
            (due if due is not None else cast(null(), Date)).label("due_on"),
            (done if done is not None else cast(null(), Date)).label("done_on"),
            state.label("state"),
            required.label("required"),
        )

    due = ReportDue
    return union_all(
        part("report_due", due.id, due.label, due.due_on, None, due.state, due.required).where(due.award_id == award),
        part("milestone", Milestone.id, Milestone.title, Milestone.due_on, Milestone.reached_on).where(
            Milestone.award_id == award
        ),
        part(
            *("condition", Condition.id, Condition.text, None, Condition.met_on),
            *(cast(null(), Text), Condition.owner_id.is_(None)),
        ).where(Condition.award_id == award),
        part("disbursement", Disbursement.id)
        .join(Tranche, Tranche.id == Disbursement.tranche_id)
        .where(Tranche.award_id == award),
    ).order_by("due_on", "id")


_PARTS = Prepared(_parts)


@dataclass(frozen=True)
class Entry:
    """One line of the record as it was written down."""

    id: int
    kind: str
    subject_id: int
    verb: str
    at: datetime
    reason: str | None
    actor: str | None


@dataclass(frozen=True)
class Subject:
    """What a line of the record is about. ``within`` is the reference of what it belongs to, ``label`` its own name
    in several languages; never a title or the name of an applicant.
    """

    reference: str
    within: str | None = None
    label: dict[str, str] | None = None


RECORD_PAGE = 50
NEWEST = 2**62
"""Comes after every line of the record."""


@cache
def _record_of(narrowed: bool) -> Prepared:
    """The reading of the record, of everything or of one kind of subject."""

    def compose() -> Select[*tuple[Any, ...]]:
        entry = HistoryEntry
        found = (
            select(entry.id, entry.subject_kind, entry.subject_id, entry.verb, entry.at, entry.reason, Person.name)
            .outerjoin(Person, Person.id == entry.actor_id)
            .where(entry.id < bindparam("before", None, type_=BigInteger))
            .order_by(entry.id.desc())
            .limit(bindparam("most", None, type_=BigInteger))
        )
        return found.where(entry.subject_kind == bindparam("kind", None, type_=Text)) if narrowed else found

    return Prepared(compose)


def record_before(before: int = NEWEST, *, kind: str = "", most: int = RECORD_PAGE) -> list[Entry]:
    """What happened before an entry, newest first, of one kind of subject or of all."""
    narrowed = {"kind": kind} if kind else {}
    return [Entry(*row) for row in _record_of(bool(kind))(before=before, most=most, **narrowed)]


IN_ONE_READING = 1000
"""So many entries are read at once where all of the record is taken out."""


def number_of_entries(kind: str) -> int:
    """How many entries the record has, of one kind of subject or of all."""
    found = select(func.count()).select_from(HistoryEntry)
    return db.session.scalar(found.where(HistoryEntry.subject_kind == kind) if kind else found) or 0


_OWN: dict[str, Callable[[Select[Any]], tuple[Any, ...]]] = {
    "call": lambda seen: (seen, Call.id, Call.reference, None, None),
    "enquiry": lambda seen: (
        seen.join(Call, Call.id == Enquiry.call_id),
        Enquiry.id,
        Enquiry.reference,
        Call.reference,
        None,
    ),
    "application": lambda seen: (seen, Application.id, Application.reference, None, None),
    "award": lambda seen: (seen, Award.id, Award.reference, None, None),
    "meeting": lambda seen: (seen, Meeting.id, Meeting.reference, None, None),
    "disbursement": lambda seen: (seen, Disbursement.id, Disbursement.reference, None, None),
    "assignment": lambda seen: (seen, Assignment.id, Application.reference, None, None),
    "decision": lambda seen: (
        seen.join(Meeting, Meeting.id == Decision.meeting_id),
        Decision.id,
        Application.reference,
        Meeting.reference,
        None,
    ),
    "complaint": lambda seen: (seen, Complaint.id, Complaint.reference, None, None),
    "report_due": lambda seen: (
        seen.join(Award, Award.id == ReportDue.award_id),
        ReportDue.id,
        Award.reference,
        None,
        ReportDue.label,
    ),
    "amendment": lambda seen: (
        seen.join(Award, Award.id == Amendment.award_id),
        Amendment.id,
        Award.reference,
        None,
        None,
    ),
    "visit": lambda seen: (seen.join(Award, Award.id == Visit.award_id), Visit.id, Award.reference, None, None),
    "closeout": lambda seen: (
        seen.join(Award, Award.id == Closeout.award_id),
        Closeout.id,
        Award.reference,
        None,
        None,
    ),
    "erasure": lambda seen: (seen.join(Award, Award.id == Erasure.award_id), Erasure.id, Award.reference, None, None),
    "award_import": lambda seen: (seen, AwardImport.id, literal("IMP-") + cast(AwardImport.id, Text), None, None),
    "bank_account": lambda seen: (
        seen.join(Organization, Organization.id == BankAccount.organization_id),
        BankAccount.id,
        Organization.reference,
        None,
        None,
    ),
}
"""For each kind of subject, from the rows somebody may see: its id, its reference, what it belongs to, its label."""

SUBJECTS: dict[str, type] = {
    "call": Call,
    "enquiry": Enquiry,
    "application": Application,
    "assignment": Assignment,
    "meeting": Meeting,
    "decision": Decision,
    "complaint": Complaint,
    "award": Award,
    "report_due": ReportDue,
    "disbursement": Disbursement,
    "bank_account": BankAccount,
    "closeout": Closeout,
    "erasure": Erasure,
    "award_import": AwardImport,
    "amendment": Amendment,
    "visit": Visit,
}
"""The kinds of subjects of the record whose rows have a scope."""


_OF_ANOTHER: dict[str, Callable[[Mapping[str, Select[Any]]], tuple[Any, ...]]] = {
    "reviewer": lambda _seen: (select(Person), Person.id, Person.reference),
    "person": lambda _seen: (select(Person), Person.id, Person.reference),
    "interest": lambda _seen: (
        select(ConflictDeclaration).join(Organization, Organization.id == ConflictDeclaration.organization_id),
        ConflictDeclaration.id,
        Organization.reference,
    ),
    "year_declaration": lambda _seen: (
        select(YearDeclaration).join(Person, Person.id == YearDeclaration.person_id),
        YearDeclaration.id,
        Person.reference,
    ),
    "clarification": lambda seen: (
        seen["application"].join(Clarification, Clarification.application_id == Application.id),
        Clarification.id,
        Application.reference,
    ),
    "dossier": lambda seen: (
        seen["award"].join(Dossier, Dossier.award_id == Award.id),
        Dossier.id,
        Award.reference,
    ),
    "list_file": lambda _seen: (
        select(ListFile),
        ListFile.id,
        literal("LST-") + cast(ListFile.id, Text),
        None,
        func.to_jsonb(ListFile.endpoint),
    ),
    "mail": lambda _seen: (select(OutboxMail), OutboxMail.id, cast(OutboxMail.id, Text)),
}
"""The same for kinds whose rows have no scope of their own in the record, from the scopes of the others."""


def subjects_of(entries: Sequence[Entry], seen: Mapping[str, Select[Any]]) -> dict[tuple[str, int], Subject]:
    """The subjects of these lines that a person may see, by kind and id; one query, whatever the kinds.

    ``seen`` holds the scope of each kind. The line of a subject outside of it has no entry in the answer.
    """
    ids: dict[str, set[int]] = {}
    for entry in entries:
        ids.setdefault(entry.kind, set()).add(entry.subject_id)
    parts = [_subject(kind, ids[kind], *_OWN[kind](seen[kind])) for kind in _OWN if kind in ids and kind in seen]
    parts += [_subject(kind, ids[kind], *about(seen)) for kind, about in _OF_ANOTHER.items() if kind in ids]
    if not parts:
        return {}
    return {
        (kind, subject_id): Subject(reference, within, label)
        for kind, subject_id, reference, within, label in db.session.execute(union_all(*parts))
    }


def _subject(
    kind: str,
    ids: Iterable[int],
    seen: Select[Any],
    key: Any,
    reference: Any,
    within: Any = None,
    label: Any = None,
) -> Select[*tuple[Any, ...]]:
    """One part of the union over all kinds of subjects."""
    return seen.with_only_columns(
        literal(kind).label("kind"),
        key.label("subject_id"),
        reference.label("reference"),
        (within if within is not None else cast(null(), Text)).label("within"),
        (label if label is not None else cast(null(), JSONB)).label("label"),
    ).where(key.in_(sorted(ids)))


# ------------------------------------------------------------------ grants as they are taken out


def _per_award() -> Any:
    """What is known of each grant beside its own row: money by its pots, signature, reports, payments."""
    held = select(Account.award_id, *(_in_pot(kind) for kind in HELD)).where(Account.award_id.is_not(None))
    pots = held.group_by(Account.award_id).subquery("pots")
    signed = (
        select(Agreement.award_id, func.min(Agreement.signed_at).label("signed_at"))
        .group_by(Agreement.award_id)
        .subquery("signed")
    )
    missing = ReportDue.required & ReportDue.state.in_((ReportState.OWED, ReportState.RETURNED))
    reports = (
        select(
            ReportDue.award_id,
            func.min(ReportDue.due_on).filter(missing).label("next_report_on"),
            func.count().filter(missing & (ReportDue.due_on < TODAY)).label("late_reports"),
            func.count().filter(ReportDue.state == ReportState.ACCEPTED).label("accepted_reports"),
        )
        .group_by(ReportDue.award_id)
        .subquery("reports")
    )
    sent = Disbursement.state.in_((DisbursementState.PAID, DisbursementState.CONFIRMED))
    paid_for = select(Disbursement.tranche_id).where(sent)
    plan = (
        select(
            Tranche.award_id,
            func.count().label("tranches"),
            func.min(Tranche.due_on).filter(Tranche.id.not_in(paid_for)).label("next_payment_on"),
        )
        .where(Tranche.cancelled_on.is_(None))
        .group_by(Tranche.award_id)
        .subquery("plan")
    )
    payments = (
        select(
            Tranche.award_id,
            func.count().label("payments"),
            func.max(Disbursement.paid_on).label("last_paid_on"),
        )
        .join(Tranche, Tranche.id == Disbursement.tranche_id)
        .where(sent)
        .group_by(Tranche.award_id)
        .subquery("payments")
    )
    return pots, signed, reports, plan, payments


HELD = (AccountKind.COMMITTED, AccountKind.PAYABLE, AccountKind.PAID, AccountKind.REFUNDED)


def _in_pot(kind: AccountKind) -> Any:
    held = func.sum(Account.balance_minor).filter(Account.kind == kind)
    return cast(func.coalesce(held, 0), BigInteger).label(f"{kind}_minor")


def every_grant(
    seen: Select[Award], past: Select[PastAward], wanted: Filter, person: Person, today: date
) -> tuple[int, Iterator[Any]]:
    """How many grants the same list has, and all that is known of each, one after the other, in the same order.

    Nobody is told how risky the grant of their own organization was judged.
    """
    mine = [m.organization_id for m in person.memberships]
    parts = []
    if wanted.of_this_fund:
        asked = values_of(wanted, person) | {"mine": mine}
        ids = narrowed(seen, wanted.asked).with_only_columns(Award.id)
        parts.append((ids, _whole_grants, {**asked, "today": today}))
    if wanted.of_the_past:
        ids = narrowed_past(past, wanted.asked).with_only_columns(PastAward.id)
        parts.append((ids, _whole_past_grants, values_of(wanted, person, past=True)))
    number = sum(
        db.session.scalar(select(func.count()).select_from(ids.subquery()), asked) or 0 for ids, _of, asked in parts
    )
    return number, chain.from_iterable(streamed(whole(ids), **asked) for ids, whole, asked in parts)


def _whole_grants(ids: Select[int]) -> Select[*tuple[Any, ...]]:
    pots, signed, reports, plan, payments = of_award = _per_award()
    found = (
        select(
            *(Award.reference, literal("").label("programme"), Call.reference.label("call"), Award.title, Award.state),
            *(Award.region, Award.lot_key, Award.confidentiality, Award.on_hold),
            case((Award.organization_id != all_(MINE), Award.risk), else_=null()).label("risk"),
            *(Award.amount_minor, Award.currency, Application.requested_minor),
            *(Application.reference.label("application"), Application.submitted_at, Award.offered_at),
            *(Award.answer_by, Award.sign_by, Award.start_on, Award.end_on, Award.closed_at),
            *(Organization.name.label("organization"), Organization.country, Organization.city),
            *(column for part in of_award for column in part.c if column.name != "award_id"),
        )
        .select_from(Award)
        .join(Call, Call.id == Award.call_id)
        .join(Application, Application.id == Award.application_id)
        .join(Organization, Organization.id == Award.organization_id)
    )
    for part in (pots, signed, reports, plan, payments):
        found = found.outerjoin(part, part.c.award_id == Award.id)
    return found.where(Award.id.in_(ids)).order_by(Award.id.desc())


def _whole_past_grants(ids: Select[int]) -> Select[*tuple[Any, ...]]:
    return (
        select(
            *(PastAward.reference, AwardImport.programme, PastAward.title, PastAward.region, PastAward.confidentiality),
            *(PastAward.amount_minor, PastAward.currency, PastAward.granted_on, PastAward.city),
            *(PastAward.grantee.label("organization"), Organization.country),
        )
        .join(AwardImport, AwardImport.id == PastAward.import_id)
        .join(Organization, Organization.id == PastAward.organization_id)
        .where(PastAward.id.in_(ids))
        .order_by(PastAward.id.desc())
    )
