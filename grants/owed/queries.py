"""Everything that is owed on grants, in the order of its days: one reading for one grant and for a hundred thousand."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Date,
    Integer,
    Select,
    Text,
    all_,
    and_,
    bindparam,
    case,
    cast,
    false,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from grants.accounts.models import Organization
from grants.awards.models import Award, Condition, Milestone
from grants.awards.workflow import AwardState
from grants.core.db import Prepared, db, prepared_once, streamed
from grants.core.money import Money
from grants.history.models import HistoryEntry
from grants.payments.models import Disbursement, RefundRequest, Tranche, Trigger
from grants.payments.queries import SENT
from grants.payments.workflow import RefundRequestState
from grants.reports.models import Report, ReportDue
from grants.reports.workflow import ReportState
from grants.visits.models import AgreedChange, Visit
from grants.visits.queries import TO_SHARE
from grants.visits.workflow import TOLD, VisitState

PAGE = 25
MOST_DAYS = 1000
"""How many days a calendar file holds at most."""

TO_READ = timedelta(days=14)
"""A report is read within ten working days (practice of the Visegrad Fund)."""

SIGNED = (AwardState.ACTIVE, AwardState.SUSPENDED, AwardState.TERMINATED)
RUNNING = (AwardState.ACTIVE, AwardState.SUSPENDED)
ACCEPTED = (AwardState.ACCEPTED, AwardState.SENT, *RUNNING)

KINDS = ("report", "reading", "milestone", "condition", "visit", "sharing", "change", "instalment", "refund")
"""What may be owed. ``reading``: the fund reads a report; ``sharing``: it shares what was found in a visit."""


class Owed(NamedTuple):
    """One thing that is owed. ``subject_id`` and ``number`` lead to its page; ``label`` is a text, or texts by language.

    ``inside``: the grantee does not see it. ``holds``: payments of the grant wait for it, all of them (``all``) or
    those that fall due from a day on (that day, as ``2027-09-15``). ``minor`` is money that is owed itself: an instalment, a refund.
    """

    kind: str
    subject_id: int
    award_id: int
    number: int
    label: Any
    due_on: date | None
    by_fund: bool
    inside: bool
    holds: str
    minor: int | None
    required: bool
    done_on: date | None
    is_done: bool
    reference: str
    title: str
    state: str
    region: str
    currency: str
    confidentiality: str
    organization_id: int
    organization: str


@dataclass(frozen=True)
class Asked:
    """What of it is looked for: a ``kind``, ``who`` owes it (``grantee``, ``fund``), ``when`` (``late``, ``soon``)."""

    kind: str = ""
    who: str = ""
    when: str = ""


class Place(NamedTuple):
    """Where a page ended: it goes on after this thing. What has no day comes after everything that has one."""

    due_on: date
    kind: str
    subject_id: int


FIRST = Place(date.min, "", 0)
UNDATED = date.max

TIMES = ("late", "soon", "later", "undated")
"""When a thing is due, in the order of days: before today, from today on for a while, later, nobody knows."""

_TODAY, _SOON, _AFTER = (bindparam(name, None, type_=Date) for name in ("today", "soon", "after"))
_AFTER_KIND = bindparam("after_kind", None, type_=Text)
_AFTER_ID = bindparam("after_id", None, type_=BigInteger)
_OWN = bindparam("own", None, type_=ARRAY(BigInteger))


@dataclass(frozen=True)
class _Source:
    """One kind of what is owed, and who owes it: its rows, the grants they may be of, which of them are still open, and
    what is told of each.
    """

    kind: str
    by_fund: bool
    rows: Select[Any]
    award_id: Any
    of_award: Any
    key: Any
    due_on: Any
    still: Any
    told: Mapping[str, Any]

    @property
    def in_order(self) -> Any:
        """The day by which the rows stand in order."""
        return literal(UNDATED, Date) if self.due_on is None else self.due_on

    def open(self, when: str) -> Any:
        """What makes a row one that is still owed at a time, which an index has together; None when there can be none.

        What was only invited is not late: it did not come.
        """
        if (when == "undated") != (self.due_on is None):
            return None
        due = {
            "late": lambda: and_(self.due_on < _TODAY, self.told.get("required", true())),
            "soon": lambda: self.due_on.between(_TODAY, _SOON),
            "later": lambda: self.due_on > _SOON,
            "undated": true,
        }
        return and_(self.still, due[when]())

    def found(self, seen: Select[Award], *where: Any, many: bool = False) -> Select[Any]:
        """The rows that meet conditions, of grants that a person may see: every kind has the same columns.

        ``many``: the person may see most grants, so the rows are read in order and the grant of each is looked up (OFFSET 0
        keeps the database from doing it the other way round) until there are enough.
        """
        nothing = cast(null(), BigInteger)
        values = {
            "number": nothing,
            "label": cast(null(), JSONB),
            "inside": false(),
            "holds": literal(""),
            "minor": nothing,
            "required": true(),
            "done_on": cast(null(), Date),
            "is_done": false(),
            **self.told,
        }
        of_award = seen.where(Award.id == self.award_id, self.of_award).with_only_columns(Award.id, Award.currency)
        award = (of_award.offset(literal_column("0")) if many else of_award).lateral("of_award")
        return (
            self.rows.where(*where)
            .join(award, true())
            .with_only_columns(
                literal(self.kind).label("kind"),
                self.key.label("subject_id"),
                award.c.id.label("award_id"),
                values["number"].label("number"),
                func.to_jsonb(values["label"]).label("label"),
                (cast(null(), Date) if self.due_on is None else self.due_on).label("due_on"),
                (true() if self.by_fund else false()).label("by_fund"),
                *(values[name].label(name) for name in ("inside", "holds", "minor", "required", "done_on", "is_done")),
                award.c.currency.label("of_currency"),
                maintain_column_froms=True,
            )
        )

    @property
    def order(self) -> list[Any]:
        """The order of the rows."""
        return [self.key] if self.due_on is None else [self.due_on, self.key]


def _sources() -> list[_Source]:
    """What is owed and what was, kind by kind. What is inside the fund is not there for a member of the grantee."""
    state = Award.state
    visible = Award.organization_id != all_(_OWN)
    missing = ReportDue.state.in_((ReportState.OWED, ReportState.RETURNED))
    paid_on = (
        select(func.max(Disbursement.paid_on))
        .where(Disbursement.tranche_id == Tranche.id, Disbursement.state.in_(SENT))
        .scalar_subquery()
    )
    handed_in_on = (
        select(cast(Report.submitted_at, Date)).where(Report.report_due_id == ReportDue.id, ~missing).scalar_subquery()
    )
    ends_with = Tranche.trigger == Trigger.FINAL_REPORT_APPROVED
    untold = and_(Visit.announced_at.is_(None), Visit.state.not_in(TOLD))
    visit = {"number": Visit.number, "label": Visit.purpose}
    met = {"label": Condition.text, "done_on": Condition.met_on, "is_done": Condition.met_on.is_not(None)}
    met["holds"] = case((Condition.blocks_payment, "all"), else_="")
    return [
        _Source(
            *("report", False, select(ReportDue), ReportDue.award_id, state.in_(SIGNED)),
            *(ReportDue.id, ReportDue.due_on, missing),
            {"label": ReportDue.label, "required": ReportDue.required, "is_done": ~missing, "done_on": handed_in_on},
        ),
        _Source(
            "reading",
            True,
            select(Report)
            .join(ReportDue, ReportDue.id == Report.report_due_id)
            .where(ReportDue.state == ReportState.SUBMITTED),
            *(ReportDue.award_id, true(), Report.id, cast(Report.submitted_at + TO_READ, Date), true()),
            {"number": ReportDue.id, "label": ReportDue.label},
        ),
        _Source(
            *("milestone", False, select(Milestone), Milestone.award_id, state.in_(RUNNING)),
            *(Milestone.id, Milestone.due_on, Milestone.reached_on.is_(None)),
            {"label": Milestone.title, "done_on": Milestone.reached_on, "is_done": Milestone.reached_on.is_not(None)},
        ),
        *(
            _Source(
                "condition",
                by_fund,
                select(Condition).where(
                    Condition.due_on.is_not(None) if dated else Condition.due_on.is_(None),
                    Condition.owner_id.is_not(None) if by_fund else Condition.owner_id.is_(None),
                ),
                Condition.award_id,
                and_(state.in_(ACCEPTED), visible if by_fund else true()),
                *(Condition.id, Condition.due_on if dated else None, Condition.met_on.is_(None)),
                met | {"inside": literal(by_fund)},
            )
            for by_fund in (False, True)
            for dated in (True, False)
        ),
        _Source(
            *("visit", True, select(Visit).where(Visit.state != VisitState.CANCELLED), Visit.award_id),
            and_(state.in_((*ACCEPTED, AwardState.TERMINATED)), or_(visible, ~untold)),
            *(Visit.id, Visit.due_on, Visit.state == VisitState.PLANNED),
            visit
            | {
                "inside": untold,
                "holds": func.coalesce(cast(Visit.holds_from, Text), ""),
                "done_on": Visit.made_on,
                "is_done": Visit.state != VisitState.PLANNED,
            },
        ),
        _Source(
            *("sharing", True, select(Visit).where(Visit.state == VisitState.MADE), Visit.award_id, visible),
            *(Visit.id, Visit.made_on + literal(TO_SHARE.days), true()),
            visit | {"inside": true()},
        ),
        _Source(
            "change",
            False,
            select(AgreedChange).join(Visit, Visit.id == AgreedChange.visit_id).where(Visit.state.in_(TOLD)),
            *(Visit.award_id, state.in_(SIGNED)),
            *(AgreedChange.id, AgreedChange.due_on, AgreedChange.done_on.is_(None)),
            {
                "number": Visit.number,
                "label": AgreedChange.text,
                "done_on": AgreedChange.done_on,
                "is_done": AgreedChange.done_on.is_not(None),
            },
        ),
        _Source(
            *("instalment", True, select(Tranche).where(Tranche.cancelled_on.is_(None)), Tranche.award_id),
            or_(state.in_(RUNNING), and_(state == AwardState.TERMINATED, ends_with)),
            *(Tranche.id, Tranche.due_on, ~Tranche.paid_for),
            {
                "number": cast(Tranche.number, BigInteger),
                "minor": Tranche.amount_minor,
                "done_on": paid_on,
                "is_done": Tranche.paid_for,
            },
        ),
        _Source(
            "refund",
            False,
            select(RefundRequest).where(RefundRequest.state.in_((RefundRequestState.ASKED, RefundRequestState.MET))),
            *(RefundRequest.award_id, true()),
            *(RefundRequest.id, RefundRequest.due_on, RefundRequest.state == RefundRequestState.ASKED),
            {
                "minor": func.greatest(RefundRequest.amount_minor - RefundRequest.received_minor, 0),
                "is_done": RefundRequest.state == RefundRequestState.MET,
            },
        ),
    ]


def _wanted(asked: Asked) -> Iterator[tuple[_Source, str, Any]]:
    """What is still owed of what is asked for, in parts: of one kind, of those who owe it, of one time; and what makes a
    row one of them.
    """
    for source in _sources():
        if asked.kind in ("", source.kind) and asked.who in ("", "fund" if source.by_fund else "grantee"):
            for when in TIMES:
                is_open = source.open(when) if asked.when in ("", when) else None
                if is_open is not None:
                    yield source, when, is_open


def _under_way(seen: Select[Award]) -> Select[Award]:
    return seen.where(Award.state.in_((*ACCEPTED, AwardState.TERMINATED)))


def _with_grants(found: Any) -> Select[Any]:
    return (
        select(
            *(column for column in found.c if column.name != "of_currency"),
            *(Award.reference, Award.title, Award.state, Award.region, Award.currency, Award.confidentiality),
            *(Award.organization_id, Organization.name),
        )
        .join(Award, Award.id == found.c.award_id)
        .join(Organization, Organization.id == Award.organization_id)
        .order_by(found.c.due_on, found.c.kind, found.c.subject_id)
    )


def of_grant(seen: Select[Award], own: Collection[int], award: Award) -> list[Owed]:
    """Everything that is owed on one grant and was, by day."""
    return [Owed._make(row) for row in _of_grant(seen)(award=award.id, own=list(own))]


@prepared_once
def _of_grant(seen: Select[Award]) -> Prepared:
    award = bindparam("award", None, type_=BigInteger)
    parts = [source.found(seen, source.award_id == award) for source in _sources()]
    return Prepared(lambda: _with_grants(union_all(*parts).subquery("owed")).limit(literal_column(str(MOST_DAYS))))


def page_of(
    seen: Select[Award],
    own: Collection[int],
    asked: Asked,
    today: date,
    soon: timedelta,
    *,
    after: Place = FIRST,
    most: int = PAGE,
    many: bool = False,
) -> list[Owed]:
    """What is still owed on the grants a person may see, from after a place on, what is late first.

    However much is owed on however many grants, no more of each kind is read than stands on the page. ``many``: the person may see most
    grants.
    """
    place = {"after": after.due_on, "after_kind": after.kind, "after_id": after.subject_id}
    rows = _page_of(seen, asked, most, many)(own=list(own), today=today, soon=today + soon, **place)
    return [Owed._make(row) for row in rows]


@prepared_once
def _page_of(seen: Select[Award], asked: Asked, most: int, many: bool) -> Prepared:
    limit: Any = literal_column(str(most))
    parts = []
    for source, _when, is_open in _wanted(asked):
        kind = literal(source.kind)
        beyond = or_(source.in_order > _AFTER, kind > _AFTER_KIND, and_(kind == _AFTER_KIND, source.key > _AFTER_ID))
        lines = source.found(_under_way(seen), is_open, source.in_order >= _AFTER, beyond, many=many)
        parts.append(lines.order_by(*source.order).limit(limit))
    found = union_all(*(select(*part.subquery().c) for part in parts)).subquery("parts")
    first = select(found).order_by(found.c.due_on, found.c.kind, found.c.subject_id).limit(limit).subquery("owed")
    return Prepared(lambda: _with_grants(first))


def place_of(item: Owed) -> Place:
    """Where a page that ends with this thing goes on."""
    return Place(item.due_on or UNDATED, item.kind, item.subject_id)


def every_one(
    seen: Select[Award], own: Collection[int], asked: Asked, today: date, soon: timedelta
) -> tuple[int, Iterator[Owed]]:
    """How much is still owed, and all of it in the same order, one after the other."""
    values = {"own": list(own), "today": today, "soon": today + soon}
    lines = union_all(*(source.found(_under_way(seen), is_open) for source, _when, is_open in _wanted(asked)))
    number = db.session.scalar(select(func.count()).select_from(lines.subquery()), values) or 0
    return number, map(Owed._make, streamed(_with_grants(lines.subquery("owed")), **values))


MOST = 100
"""Of one kind and one time so many are counted; beyond, a page says "more than"."""


class Counted(NamedTuple):
    """How many there are; with ``more`` there are more than that."""

    number: int = 0
    more: bool = False

    def __add__(self, other: Any) -> Counted:
        return Counted(self.number + other.number, self.more or other.more)


@dataclass(frozen=True)
class Numbers:
    """How much is still owed: by kind, by who owes it, by when; and the instalments that wait, by currency, unless they
    are too many to add up on a page.
    """

    by_kind: Mapping[str, Counted]
    by_who: Mapping[str, Counted]
    by_when: Mapping[str, Counted]
    number: Counted
    waiting: tuple[Money, ...]


def numbers_of(
    seen: Select[Award], own: Collection[int], asked: Asked, today: date, soon: timedelta, *, many: bool = False
) -> Numbers:
    """How much is owed. What each filter counts keeps the two others. One query. ``many``: as for :func:`page_of`."""
    counted: dict[tuple[str, str, str], int] = {}
    waiting: dict[str, int] = {}
    for kind, who, when, currency, number, minor in _numbers_of(seen, many)(
        own=list(own), today=today, soon=today + soon
    ):
        has = kind, who, "later" if when == "undated" else when
        counted[has] = counted.get(has, 0) + number
        if kind == "instalment":
            waiting[currency] = waiting.get(currency, 0) + minor
    by: tuple[dict[str, Counted], ...] = ({}, {}, {})
    every = Counted()
    for has, number in counted.items():
        found = Counted(min(number, MOST), number > MOST)
        fits = [wanted in ("", value) for wanted, value in zip((asked.kind, asked.who, asked.when), has, strict=True)]
        for place, value in enumerate(has):
            if all(fits[:place] + fits[place + 1 :]):
                by[place][value] = by[place].get(value, Counted()) + found
        every += found if all(fits) else Counted()
    all_counted = all(number <= MOST for (kind, _who, _when), number in counted.items() if kind == "instalment")
    amounts = tuple(Money(minor, currency) for currency, minor in sorted(waiting.items()) if all_counted)
    return Numbers(by[0], by[1], by[2], every, amounts)


@prepared_once
def _numbers_of(seen: Select[Award], many: bool) -> Prepared:
    limit: Any = literal_column(str(MOST + 1))
    parts = []
    for source, when, is_open in _wanted(Asked()):
        part = source.found(_under_way(seen), is_open, many=many).order_by(*source.order).limit(limit).subquery().c
        words = (source.kind, "fund" if source.by_fund else "grantee", when)
        said = (literal(word).label(name) for word, name in zip(words, ("kind", "who", "when"), strict=True))
        total = cast(func.coalesce(func.sum(part.minor), 0), BigInteger)
        counted = select(*said, part.of_currency, func.count().cast(Integer), total).group_by(part.of_currency)
        parts.append(counted)
    return Prepared(lambda: union_all(*parts))


MOVED = {
    "report": ("report_due", "move", None),
    "milestone": ("award", "move_milestone", "milestone"),
    "condition": ("award", "move_condition", "condition"),
    "visit": ("visit", "move", None),
    "change": ("visit", "move_change", "change"),
    "instalment": ("award", "move_instalment", "tranche"),
}
"""Where the record keeps the former days of each kind: subject, verb, and what of the entry names the thing moved."""


def former_days(award: Award, items: Iterable[Owed]) -> dict[tuple[str, int], list[date]]:
    """The days by which things were owed on a grant before they were moved, the first first, by kind and id. One query."""
    listed = list(items)
    subjects: dict[tuple[str, str], dict[tuple[int, int | None], tuple[str, int]]] = {}
    visits = {one.number: one.subject_id for one in listed if one.kind == "visit"}
    for one in listed:
        if one.kind not in MOVED:
            continue
        subject, verb, named = MOVED[one.kind]
        own = one.number if one.kind == "instalment" else one.subject_id
        holder = {"award": award.id, "visit": visits.get(one.number, 0)}.get(subject, one.subject_id)
        subjects.setdefault((subject, verb), {})[holder, own if named else None] = (one.kind, one.subject_id)
    if not subjects:
        return {}
    found = select(HistoryEntry.subject_kind, HistoryEntry.subject_id, HistoryEntry.verb, HistoryEntry.details).where(
        or_(
            *(
                and_(
                    HistoryEntry.subject_kind == subject,
                    HistoryEntry.verb == verb,
                    HistoryEntry.subject_id.in_({holder for holder, _named in things}),
                )
                for (subject, verb), things in subjects.items()
            )
        )
    )
    days: dict[tuple[str, int], list[date]] = {}
    names = {(subject, verb): named for subject, verb, named in MOVED.values()}
    for subject, subject_id, verb, told in db.session.execute(found.order_by(HistoryEntry.id)):
        named = names[subject, verb]
        thing = subjects[subject, verb].get((subject_id, told.get(named) if named else None))
        if thing is not None and told.get("before"):
            days.setdefault(thing, []).append(date.fromisoformat(told["before"]))
    return days


# ------------------------------------------------------------------ for calendars


class Gone(NamedTuple):
    """Something with a day that is not owed any more: it is done, waived or given up."""

    kind: str
    subject_id: int
    award_id: int
    number: int | None
    label: Any
    due_on: date
    reference: str


def gone(
    seen: Select[Award], own: Collection[int], since: date, *, kind: str = "", only: int | None = None
) -> list[Gone]:
    """What a calendar may still hold of the days from ``since`` on and what is not owed any more. One query."""
    mine = (seen if only is None else seen.where(Award.id == only)).with_only_columns(Award.id)
    own_grants = select(Award.id).where(Award.organization_id.in_(list(own)))
    known = or_(Visit.announced_at.is_not(None), Visit.state.in_(TOLD), Visit.award_id.not_in(own_grants))
    theirs = or_(Condition.owner_id.is_(None), Condition.award_id.not_in(own_grants))
    given = ReportDue.state.not_in((ReportState.OWED, ReportState.RETURNED))
    nothing, no_label = cast(null(), BigInteger), cast(null(), JSONB)
    parts: list[tuple[str, Any, Any, Any, tuple[Any, ...]]] = [
        ("report", ReportDue, nothing, ReportDue.label, (given,)),
        ("milestone", Milestone, nothing, no_label, (Milestone.reached_on.is_not(None),)),
        ("condition", Condition, nothing, no_label, (Condition.met_on.is_not(None), theirs)),
        ("visit", Visit, cast(Visit.number, BigInteger), no_label, (Visit.state != VisitState.PLANNED, known)),
        (
            "instalment",
            Tranche,
            cast(Tranche.number, BigInteger),
            no_label,
            (or_(Tranche.cancelled_on.is_not(None), Tranche.paid_for),),
        ),
    ]
    asked = [
        select(
            literal(name).label("kind"),
            source.id.label("subject_id"),
            source.award_id.label("award_id"),
            number.label("number"),
            label.label("label"),
            source.due_on.label("due_on"),
            Award.reference.label("reference"),
        )
        .join(Award, Award.id == source.award_id)
        .where(source.due_on >= since, Award.id.in_(mine), *where)
        for name, source, number, label, where in parts
        if kind in ("", name)
    ]
    if not asked:
        return []
    found = union_all(*asked)
    ordered = found.order_by("due_on", "kind", "subject_id").limit(MOST_DAYS)
    return [Gone._make(row) for row in db.session.execute(ordered)]


def times_changed(items: Iterable[Owed | Gone]) -> dict[tuple[str, int], int]:
    """How often something happened to each thing, by kind and id: whenever its day moves, this rises. One query.

    It counts what the record tells of the report, the visit or the grant that it belongs to.
    """
    things = {(item.kind, item.subject_id): _recorded_with(item) for item in items}
    by_kind: dict[str, set[int]] = {}
    for subject_kind, subject_id in things.values():
        by_kind.setdefault(subject_kind, set()).add(subject_id)
    if not by_kind:
        return {}
    told = or_(
        *(
            and_(HistoryEntry.subject_kind == subject_kind, HistoryEntry.subject_id.in_(sorted(ids)))
            for subject_kind, ids in by_kind.items()
        )
    )
    counts: dict[tuple[str, int], int] = {}
    subject = (HistoryEntry.subject_kind, HistoryEntry.subject_id)
    for subject_kind, subject_id, number in db.session.execute(
        select(*subject, func.count()).where(told).group_by(*subject)
    ):
        counts[subject_kind, subject_id] = number
    return {thing: counts.get(of, 0) for thing, of in things.items()}


def _recorded_with(item: Owed | Gone) -> tuple[str, int]:
    """Where the record tells of a thing."""
    if item.kind == "report":
        return "report_due", item.subject_id
    if item.kind == "reading":
        return "report_due", item.number or 0
    if item.kind in ("visit", "sharing"):
        return "visit", item.subject_id
    return "award", item.award_id
