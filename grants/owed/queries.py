"""Everything that is owed on grants, in the order of its days: one reading for one grant and for a hundred thousand."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    CTE,
    BigInteger,
    Date,
    Integer,
    Select,
    Text,
    and_,
    case,
    cast,
    false,
    func,
    literal,
    null,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import JSONB

from grants.accounts.models import Organization
from grants.awards.models import Award, Condition, Milestone
from grants.awards.workflow import AwardState
from grants.core.db import db, streamed
from grants.core.money import Money
from grants.history.models import HistoryEntry
from grants.payments.models import Disbursement, RefundRequest, Tranche, Trigger
from grants.payments.queries import OVER, SENT
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
    who: str | None
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


def _part(
    mine: CTE, kind: str, source: Any, due_on: Any, *where: Any, join: Iterable[tuple[Any, Any]] = (), **more: Any
) -> Select[Any]:
    """One kind of what is owed: every part has the same columns."""
    nothing = cast(null(), BigInteger)
    values = {
        "number": nothing,
        "label": cast(null(), JSONB),
        "by_fund": false(),
        "who": cast(null(), Text),
        "inside": false(),
        "holds": literal(""),
        "minor": nothing,
        "required": true(),
        "done_on": cast(null(), Date),
        "is_done": false(),
    } | more
    found = select(
        literal(kind).label("kind"),
        source.id.label("subject_id"),
        mine.c.id.label("award_id"),
        values["number"].label("number"),
        func.to_jsonb(values["label"]).label("label"),
        due_on.label("due_on"),
        *(values[name].label(name) for name in ("by_fund", "who", "inside", "holds", "minor", "required")),
        *(values[name].label(name) for name in ("done_on", "is_done")),
    ).select_from(source)
    for target, on in join:
        found = found.join(target, on)
    award_id = more.get("award_id", getattr(source, "award_id", None))
    return found.join(mine, mine.c.id == award_id).where(*where)


def _everything(mine: CTE) -> list[Select[Any]]:
    """What is owed and what was, kind by kind."""
    state = mine.c.state
    given = ReportDue.state.not_in((ReportState.OWED, ReportState.RETURNED))
    submitted = ReportDue.state == ReportState.SUBMITTED
    live = select(Disbursement.id).where(Disbursement.tranche_id == Tranche.id, Disbursement.state.not_in(OVER))
    paid_on = (
        select(func.max(Disbursement.paid_on))
        .where(Disbursement.tranche_id == Tranche.id, Disbursement.state.in_(SENT))
        .scalar_subquery()
    )
    ends_with = Tranche.trigger == Trigger.FINAL_REPORT_APPROVED
    return [
        _part(
            mine,
            "report",
            ReportDue,
            ReportDue.due_on,
            state.in_(SIGNED),
            label=ReportDue.label,
            required=ReportDue.required,
            is_done=given,
            done_on=select(cast(Report.submitted_at, Date))
            .where(Report.report_due_id == ReportDue.id, given)
            .scalar_subquery(),
        ),
        _part(
            mine,
            "reading",
            Report,
            cast(Report.submitted_at + TO_READ, Date),
            submitted,
            join=[(ReportDue, ReportDue.id == Report.report_due_id)],
            award_id=ReportDue.award_id,
            number=ReportDue.id,
            label=ReportDue.label,
            by_fund=true(),
        ),
        _part(
            mine,
            "milestone",
            Milestone,
            Milestone.due_on,
            state.in_(RUNNING),
            label=Milestone.title,
            done_on=Milestone.reached_on,
            is_done=Milestone.reached_on.is_not(None),
        ),
        _part(
            mine,
            "condition",
            Condition,
            Condition.due_on,
            state.in_(ACCEPTED),
            label=Condition.text,
            by_fund=Condition.owner_id.is_not(None),
            inside=Condition.owner_id.is_not(None),
            holds=case((Condition.blocks_payment, "all"), else_=""),
            done_on=Condition.met_on,
            is_done=Condition.met_on.is_not(None),
        ),
        _part(
            mine,
            "visit",
            Visit,
            Visit.due_on,
            state.in_((*ACCEPTED, AwardState.TERMINATED)),
            Visit.state != VisitState.CANCELLED,
            number=Visit.number,
            label=Visit.purpose,
            by_fund=true(),
            inside=and_(Visit.announced_at.is_(None), Visit.state.not_in(TOLD)),
            holds=func.coalesce(cast(Visit.holds_from, Text), ""),
            done_on=Visit.made_on,
            is_done=Visit.state != VisitState.PLANNED,
        ),
        _part(
            mine,
            "sharing",
            Visit,
            Visit.made_on + literal(TO_SHARE.days),
            Visit.state == VisitState.MADE,
            number=Visit.number,
            label=Visit.purpose,
            by_fund=true(),
            inside=true(),
        ),
        _part(
            mine,
            "change",
            AgreedChange,
            AgreedChange.due_on,
            state.in_(SIGNED),
            Visit.state.in_(TOLD),
            join=[(Visit, Visit.id == AgreedChange.visit_id)],
            award_id=Visit.award_id,
            number=Visit.number,
            label=AgreedChange.text,
            done_on=AgreedChange.done_on,
            is_done=AgreedChange.done_on.is_not(None),
        ),
        _part(
            mine,
            "instalment",
            Tranche,
            Tranche.due_on,
            or_(state.in_(RUNNING), and_(state == AwardState.TERMINATED, ends_with)),
            Tranche.cancelled_on.is_(None),
            number=cast(Tranche.number, BigInteger),
            by_fund=true(),
            minor=Tranche.amount_minor,
            done_on=paid_on,
            is_done=live.exists(),
        ),
        _part(
            mine,
            "refund",
            RefundRequest,
            RefundRequest.due_on,
            RefundRequest.state.in_((RefundRequestState.ASKED, RefundRequestState.MET)),
            minor=func.greatest(RefundRequest.amount_minor - RefundRequest.received_minor, 0),
            is_done=RefundRequest.state == RefundRequestState.MET,
        ),
    ]


def _owed(seen: Select[Award], own: Collection[int], only: int | None = None) -> tuple[CTE, Any]:
    """The grants a person may see that are under way, and what is owed on them; what is inside the fund is not there for
    a member of the grantee (``own``: the organizations the person belongs to).
    """
    under_way = seen.where(Award.state.in_((*ACCEPTED, AwardState.TERMINATED)))
    if only is not None:
        under_way = seen.where(Award.id == only)
    mine = under_way.with_only_columns(Award.id, Award.state, Award.organization_id).cte("mine")
    found = union_all(*_everything(mine)).subquery("owed")
    visible = or_(~found.c.inside, mine.c.organization_id.not_in(list(own)))
    shown = select(found, mine.c.organization_id).join(mine, mine.c.id == found.c.award_id).where(visible)
    return mine, shown.subquery("shown")


def _ask(shown: Any, asked: Asked, today: date, soon: timedelta) -> list[Any]:
    late = and_(shown.c.required, shown.c.due_on < today)
    found = {
        "late": late,
        "soon": shown.c.due_on.between(today, today + soon),
    }
    return [
        ~shown.c.is_done,
        or_(shown.c.required, shown.c.due_on >= today),
        *([shown.c.kind == asked.kind] if asked.kind else []),
        *([shown.c.by_fund == (asked.who == "fund")] if asked.who else []),
        *([found[asked.when]] if asked.when else []),
    ]


def _lines(shown: Any) -> Select[Any]:
    return (
        select(
            *(column for column in shown.c if column.name != "organization_id"),
            *(Award.reference, Award.title, Award.state, Award.region, Award.currency, Award.confidentiality),
            *(Award.organization_id, Organization.name),
        )
        .join(Award, Award.id == shown.c.award_id)
        .join(Organization, Organization.id == Award.organization_id)
        .order_by(shown.c.due_on, shown.c.award_id, shown.c.kind, shown.c.subject_id)
    )


def of_grant(seen: Select[Award], own: Collection[int], award: Award) -> list[Owed]:
    """Everything that is owed on one grant and was, by day."""
    _mine, shown = _owed(seen, own, award.id)
    return [Owed._make(row) for row in db.session.execute(_lines(shown).limit(MOST_DAYS))]


def page_of(
    seen: Select[Award],
    own: Collection[int],
    asked: Asked,
    today: date,
    soon: timedelta,
    *,
    page: int = 1,
    most: int = PAGE,
) -> list[Owed]:
    """One page of what is still owed on the grants a person may see, what is late first."""
    _mine, shown = _owed(seen, own)
    found = _lines(shown).where(*_ask(shown, asked, today, soon)).limit(most).offset((page - 1) * most)
    return [Owed._make(row) for row in db.session.execute(found)]


def every_one(seen: Select[Award], own: Collection[int], asked: Asked, today: date, soon: timedelta) -> Iterator[Owed]:
    """All that is still owed in the same order, one after the other."""
    _mine, shown = _owed(seen, own)
    return map(Owed._make, streamed(_lines(shown).where(*_ask(shown, asked, today, soon))))


@dataclass(frozen=True)
class Numbers:
    """How much is still owed: by kind, by who owes it, by when; and the instalments that wait, by currency."""

    by_kind: Mapping[str, int]
    by_who: Mapping[str, int]
    by_when: Mapping[str, int]
    number: int
    waiting: tuple[Money, ...]


def numbers_of(seen: Select[Award], own: Collection[int], asked: Asked, today: date, soon: timedelta) -> Numbers:
    """How much is owed. What each filter counts keeps the two others. One query."""
    _mine, shown = _owed(seen, own)
    when = case(
        (and_(shown.c.required, shown.c.due_on < today), "late"),
        (shown.c.due_on <= today + soon, "soon"),
        else_="later",
    )
    rows = db.session.execute(
        select(
            shown.c.kind,
            shown.c.by_fund,
            when,
            Award.currency,
            func.count().cast(Integer),
            cast(func.coalesce(func.sum(shown.c.minor), 0), BigInteger),
        )
        .join(Award, Award.id == shown.c.award_id)
        .where(*_ask(shown, Asked(), today, soon))
        .group_by(shown.c.kind, shown.c.by_fund, when, Award.currency)
    ).all()
    by: dict[str, dict[str, int]] = {"kind": {}, "who": {}, "when": {}}
    waiting: dict[str, int] = {}
    number = 0
    for kind, by_fund, moment, currency, count, minor in rows:
        has = {"kind": kind, "who": "fund" if by_fund else "grantee", "when": moment}
        fits = {name: not getattr(asked, name) or getattr(asked, name) == value for name, value in has.items()}
        for name, value in has.items():
            if all(fits[other] for other in fits if other != name):
                by[name][value] = by[name].get(value, 0) + count
        number += count if all(fits.values()) else 0
        if kind == "instalment":
            waiting[currency] = waiting.get(currency, 0) + minor
    amounts = tuple(Money(minor, currency) for currency, minor in sorted(waiting.items()))
    return Numbers(by["kind"], by["who"], by["when"], number, amounts)


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
    paid = select(Disbursement.id).where(Disbursement.tranche_id == Tranche.id, Disbursement.state.not_in(OVER))
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
            (or_(Tranche.cancelled_on.is_not(None), paid.exists()),),
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
