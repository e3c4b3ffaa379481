"""Finding what may be paid, what is being paid, and where the money stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnClause,
    CompoundSelect,
    Date,
    DateTime,
    Integer,
    Select,
    Text,
    and_,
    any_,
    bindparam,
    case,
    cast,
    exists,
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
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on
from sqlalchemy.orm import aliased, contains_eager, joinedload, load_only

from grants.accounts.models import Organization, Person
from grants.awards.models import Award, BudgetLine, Condition, Milestone
from grants.awards.workflow import AwardState
from grants.calls.models import Call
from grants.core.db import Prepared, db, hold, paged, prepared_once
from grants.core.files import Scan, StoredFile
from grants.core.mail import OutboxMail
from grants.core.money import Money
from grants.core.workflow import Workflow
from grants.history.models import HistoryEntry
from grants.payments.models import (
    Account,
    AccountKind,
    AgreementBatch,
    BankAccount,
    BatchState,
    Cofinancing,
    Disbursement,
    Refund,
    RefundRequest,
    Tranche,
    Transfer,
    Trigger,
)
from grants.payments.workflow import BankAccountState, DisbursementState, RefundRequestState
from grants.reports.models import Report, ReportDue, ReportLine
from grants.reports.workflow import ReportState
from grants.visits.models import Visit
from grants.visits.workflow import VisitState

PAGE = 25

ACCOUNT_CHANGE_DAYS = 3
"""How many days a changed account rests before anything is paid there, where the call does not say; see docs/decisions."""

SENT = (DisbursementState.PAID, DisbursementState.CONFIRMED)
OVER = (DisbursementState.RETURNED, DisbursementState.CANCELLED)
UNDER_WAY = (DisbursementState.PREPARED, DisbursementState.APPROVED, DisbursementState.PAID)
PAYING = (AwardState.ACTIVE, AwardState.TERMINATED)
"""Grants that may still be paid: after a termination what was spent in good faith, by the last instalment."""
SETTLED_REPORT = (ReportState.ACCEPTED, ReportState.WAIVED)


# ------------------------------------------------------------------ how a tranche stands


class Standing(NamedTuple):
    """One tranche and everything its payment depends on. Amounts are minor units of the award's currency.

    ``payment`` is the reference of the disbursement under way or done for it, ``payment_state`` its state;
    ``promised_minor`` adds up what was prepared, approved or sent for the grant, ``sent_minor`` what was sent;
    ``refunded_minor`` is what the grantee gave back and ``spent_minor`` what accepted financial reports show;
    ``late_report_on`` is the due date of the required report that has been missing longest; ``account_change_days`` how
    long the call lets a changed account rest, when it says so; ``visit_on`` the day from which instalments wait for a visit
    that was not made, wherever its day was moved to. ``later_accepted``: its report was waived, and one that was
    due after it is accepted.
    """

    tranche_id: int
    award_id: int
    number: int
    amount_minor: int
    currency: str
    trigger: str
    min_spent_percent: int | None
    due_on: date
    hold_after_days: int
    payment: str | None
    payment_state: str | None
    payment_minor: int | None
    earlier_unpaid: int
    promised_minor: int
    sent_minor: int
    award_reference: str
    award_state: str
    award_title: str
    awarded_minor: int
    award_start_on: date | None
    on_hold: bool
    organization_id: int
    organization_reference: str
    organization_name: str
    timezone: str
    bank_state: str | None
    bank_entered_at: datetime | None
    bank_follows_another: bool | None
    account_change_days: int | None
    report_id: int | None
    report_state: str | None
    report_due_on: date | None
    report_label: dict[str, str] | None
    spent_minor: int
    refunded_minor: int
    unmet_conditions: int
    late_report_on: date | None
    confidentiality: str
    visit_on: date | None
    milestone_id: int | None
    milestone_title: str | None
    milestone_confirmed_on: date | None
    not_before: date | None
    freed_at: datetime | None
    later_accepted: bool
    unmet_by_fund: int = 0

    @property
    def received_minor(self) -> int:
        """What the grantee has of the fund's money."""
        return self.sent_minor - self.refunded_minor

    @property
    def to_pay_minor(self) -> int:
        """What a payment of this tranche would send.

        The tranche that waits for the final report settles the account: it pays what was spent beyond what was
        received, and never more than planned, so that unspent money need not travel there and back.
        """
        if self.trigger != Trigger.FINAL_REPORT_APPROVED:
            return self.amount_minor
        return max(0, min(self.amount_minor, self.spent_minor - self.received_minor))

    @property
    def amount(self) -> Money:
        """What is planned."""
        return Money(self.amount_minor, self.currency)

    @property
    def to_pay(self) -> Money:
        """What a payment would send now; see :attr:`to_pay_minor`."""
        return Money(self.to_pay_minor, self.currency)

    @property
    def is_sent(self) -> bool:
        """Whether the money has left the fund and has not come back."""
        return self.payment_state in SENT

    @property
    def is_settled(self) -> bool:
        """Whether nothing more will happen: received, or the final report left nothing to pay."""
        if self.payment_state is not None:
            return self.payment_state == DisbursementState.CONFIRMED
        is_last = self.trigger == Trigger.FINAL_REPORT_APPROVED and self.report_state in SETTLED_REPORT
        return is_last and self.to_pay_minor == 0


_OF_AWARD = bindparam("award", None, type_=BigInteger)
_MOST, _BEFORE = (bindparam(name, None, type_=Integer) for name in ("most", "before"))

_live = aliased(Disbursement, name="live")


def _account_of(organization_id: Any) -> Any:
    return and_(BankAccount.organization_id == organization_id, BankAccount.state != BankAccountState.BLOCKED)


_IDS = bindparam("ids", None, type_=ARRAY(BigInteger))


Bounds = bool | Select[int] | ColumnClause[int]
"""Of which awards something is read: of those asked for (parameter ``ids``) or of all of them, of those that a statement
finds, or of the one in the row that it is looked up for.
"""


def _among(column: Any, bounded: Bounds) -> Any:
    if isinstance(bounded, bool):
        return column == any_(_IDS) if bounded else true()
    return column.in_(bounded) if isinstance(bounded, Select) else column == bounded


def _known(found: Select[Any], name: str, bounded: Bounds) -> Any:
    """What is known of awards, gathered in groups; or looked up for each row where few rows are looked at."""
    if isinstance(bounded, bool | Select):
        return found.subquery(name)
    return found.correlate(bounded.table).lateral(name)


def _sum(column: Any, *among: Any) -> Any:
    """A sum in whole minor units: the database makes slow decimals of sums otherwise."""
    return cast(func.sum(column).filter(*among) if among else func.sum(column), BigInteger)


def _of_grants(*, bounded: Bounds) -> tuple[Any, ...]:
    """What is known of each grant: spent by accepted reports, refunded, conditions unmet, the report missing longest, the
    first visit that was not made and holds payments.
    """
    spent = (
        select(ReportDue.award_id, _sum(ReportLine.counted_minor).label("minor"))
        .join(Report, Report.report_due_id == ReportDue.id)
        .join(ReportLine, ReportLine.report_id == Report.id)
        .where(ReportDue.state == ReportState.ACCEPTED, _among(ReportDue.award_id, bounded))
        .group_by(ReportDue.award_id)
    )
    refunded = (
        select(Refund.award_id, _sum(Refund.amount_minor).label("minor"))
        .where(_among(Refund.award_id, bounded))
        .group_by(Refund.award_id)
    )
    unmet = (
        select(
            Condition.award_id,
            func.count().label("number"),
            func.count().filter(Condition.owner_id.is_not(None)).label("of_fund"),
        )
        .where(Condition.blocks_payment, Condition.met_on.is_(None), _among(Condition.award_id, bounded))
        .group_by(Condition.award_id)
    )
    missing = (
        select(ReportDue.award_id, func.min(ReportDue.due_on).label("due_on"))
        .where(
            ReportDue.required,
            ReportDue.state.in_((ReportState.OWED, ReportState.RETURNED)),
            _among(ReportDue.award_id, bounded),
        )
        .group_by(ReportDue.award_id)
    )
    unmade = (
        select(Visit.award_id, func.min(Visit.holds_from).label("due_on"))
        .where(Visit.holds_payments, Visit.state == VisitState.PLANNED, _among(Visit.award_id, bounded))
        .group_by(Visit.award_id)
    )
    found = {"spent": spent, "refunded": refunded, "unmet": unmet, "missing": missing, "unmade": unmade}
    return tuple(_known(one, name, bounded) for name, one in found.items())


_CHANGE_DAYS = Call.terms["award"]["account_change_days"].as_integer()


_ASIDE = ("report_due_id", "milestone_id", "not_before", "freed_at")
"""Columns of the plan that stand elsewhere in a :class:`Standing`, or not at all."""


def _later_accepted() -> Any:
    """Whether a report was waived and one that was due after it is accepted; only of waived ones anything is looked up."""
    later = aliased(ReportDue, name="later")
    found = exists().where(
        later.award_id == ReportDue.award_id,
        later.state == ReportState.ACCEPTED,
        later.due_on >= ReportDue.due_on,
        later.id != ReportDue.id,
    )
    return case((ReportDue.state == ReportState.WAIVED, found), else_=false())


def _standings(*, bounded: bool) -> Any:
    """The columns of :class:`Standing` for the tranches of some awards (parameter ``ids``), or of all of them.

    Everything is gathered in groups rather than once a row, so that the statement costs the same for one tranche and
    for a thousand; the ids reach every group, so that one award does not read the whole table.
    """
    of_award: dict[str, Any] = {"partition_by": Tranche.award_id}
    before: dict[str, Any] = {"order_by": Tranche.number, "rows": (None, -1)}
    sent = _live.state.in_(SENT)
    plan = (
        select(
            *(Tranche.id, Tranche.award_id, Tranche.number, Tranche.amount_minor, Tranche.currency),
            *(Tranche.trigger, Tranche.min_spent_percent, Tranche.due_on, Tranche.hold_after_days),
            *(Tranche.report_due_id, Tranche.milestone_id, Tranche.not_before, Tranche.freed_at),
            _live.reference.label("payment"),
            _live.state.label("payment_state"),
            _live.amount_minor.label("payment_minor"),
            func.coalesce(func.sum(case((sent, 0), else_=1)).over(**of_award, **before), 0).label("earlier_unpaid"),
            cast(func.coalesce(func.sum(_live.amount_minor).over(**of_award), 0), BigInteger).label("promised"),
            cast(func.sum(case((sent, _live.amount_minor), else_=0)).over(**of_award), BigInteger).label("sent"),
        )
        .outerjoin(_live, and_(_live.tranche_id == Tranche.id, _live.state.not_in(OVER)))
        .where(_among(Tranche.award_id, bounded), Tranche.cancelled_on.is_(None))
        .subquery("plan")
    )
    spent, refunded, unmet, missing, unmade = _of_grants(bounded=bounded)
    found = (
        select(
            *(column for column in plan.c if column.name not in _ASIDE),
            *(Award.reference, Award.state, Award.title, Award.amount_minor, Award.start_on, Award.on_hold),
            Award.organization_id,
            *(Organization.reference, Organization.name, Call.timezone),
            *(BankAccount.state, BankAccount.entered_at, BankAccount.follows_another, _CHANGE_DAYS, ReportDue.id),
            *(ReportDue.state, ReportDue.due_on, ReportDue.label),
            func.coalesce(spent.c.minor, 0),
            func.coalesce(refunded.c.minor, 0),
            func.coalesce(unmet.c.number, 0),
            missing.c.due_on,
            Award.confidentiality,
            unmade.c.due_on,
            *(plan.c.milestone_id, Milestone.title, Milestone.confirmed_on, plan.c.not_before, plan.c.freed_at),
            _later_accepted(),
            func.coalesce(unmet.c.of_fund, 0),
        )
        .select_from(plan)
        .join(Award, Award.id == plan.c.award_id)
        .join(Call, Call.id == Award.call_id)
        .join(Organization, Organization.id == Award.organization_id)
        .outerjoin(BankAccount, _account_of(Award.organization_id))
        .outerjoin(ReportDue, ReportDue.id == plan.c.report_due_id)
        .outerjoin(Milestone, Milestone.id == plan.c.milestone_id)
        .outerjoin(spent, spent.c.award_id == plan.c.award_id)
        .outerjoin(refunded, refunded.c.award_id == plan.c.award_id)
        .outerjoin(unmet, unmet.c.award_id == plan.c.award_id)
        .outerjoin(missing, missing.c.award_id == plan.c.award_id)
        .outerjoin(unmade, unmade.c.award_id == plan.c.award_id)
    )
    return found, plan.c


def standings_of(award_ids: Iterable[int]) -> list[Standing]:
    """How the tranches of some awards stand, by award and number: one query for all of them."""
    return [Standing._make(row) for row in _BY_AWARD(ids=list(award_ids))]


def _by_award() -> Select[Any]:
    found, plan = _standings(bounded=True)
    ordered: Select[Any] = found.order_by(plan.award_id, plan.number)
    return ordered


_BY_AWARD = Prepared(_by_award)


def standing_of(tranche: Tranche) -> Standing | None:
    """How one tranche stands; None when it was cancelled."""
    return next((s for s in standings_of([tranche.award_id]) if s.tranche_id == tranche.id), None)


@dataclass(frozen=True)
class Figure:
    """How many payments stand somewhere, and how much money that is, by currency."""

    number: int
    amounts: tuple[Money, ...]


def queue(
    seen: Select[Award], at: datetime, *, show: str = "due", page: int = 1
) -> tuple[dict[str, Figure], list[Standing]]:
    """The figures on top of the finance queue (due, waiting, prepared, approved, paid), and one page of the tranches
    that are due or wait, the longest due first; none for the other places. Two queries.
    """
    rows = _queue_of(seen)(at=at, place=show, most=PAGE, before=(page - 1) * PAGE)
    numbers: dict[str, int] = {}
    amounts: dict[str, list[Money]] = {}
    shown: dict[int, int] = {}
    for place, currency, number, minor, tranche_id, award_id in rows:
        if tranche_id is not None:
            shown[tranche_id] = award_id
        else:
            numbers[place] = numbers.get(place, 0) + number
            amounts.setdefault(place, []).append(Money(int(minor), currency))
    places = ("due", "waiting", *(state.value for state in UNDER_WAY))
    figures = {place: Figure(numbers.get(place, 0), tuple(amounts.get(place, ()))) for place in places}
    standings = [one for one in standings_of(shown.values()) if one.tranche_id in shown]
    return figures, sorted(standings, key=lambda one: (one.due_on, one.tranche_id))


IN_ONE_READING = 1000
"""Of so many grants the tranches are read at once."""


def whole_queue(seen: Select[Award], at: datetime, show: str) -> Iterator[Standing]:
    """Every tranche that is due or waits, the longest due first, a thousand in one reading."""
    rows = _queue_of(seen).streamed(at=at, place=show, most=None, before=0)
    found = ((row[4], row[5]) for row in rows if row[4] is not None)
    while some := dict(islice(found, IN_ONE_READING)):
        standings = [one for one in standings_of(some.values()) if one.tranche_id in some]
        yield from sorted(standings, key=lambda one: (one.due_on, one.tranche_id))


def something_is_due(seen: Select[Award], at: datetime) -> bool:
    """Whether a payment can be prepared now for any of the grants a person may see; asked of those that can be paid."""
    return bool(_due_in(seen)(at=at))


@prepared_once
def _due_in(seen: Select[Award]) -> Prepared:
    def compose() -> Select[*tuple[Any, ...]]:
        verified = select(BankAccount.organization_id).where(BankAccount.state == BankAccountState.VERIFIED)
        next_ones = _next_to_pay(seen.where(Award.organization_id.in_(verified)), looked_up=True)
        return select(next_ones.c.id).where(next_ones.c.is_due, ~next_ones.c.is_over).limit(literal_column("1"))

    return Prepared(compose)


@prepared_once
def _queue_of(seen: Select[Award]) -> Prepared:
    """The reading of the queue for one scope: its figures, and below them the tranches of one page."""

    def compose() -> CompoundSelect[*tuple[Any, ...]]:
        next_ones = _next_to_pay(seen)
        is_due = next_ones.c.is_due
        place, minor = (
            case((is_due, "due"), else_="waiting"),
            case((is_due, next_ones.c.to_pay), else_=next_ones.c.minor),
        )
        nothing = cast(null(), BigInteger)
        counted = (
            select(place, next_ones.c.currency, func.count(), func.sum(minor), nothing, nothing)
            .where(~next_ones.c.is_over)
            .group_by(is_due, next_ones.c.currency)
        )
        under_way = (
            select(
                Disbursement.state,
                Disbursement.currency,
                func.count(),
                func.sum(Disbursement.amount_minor),
                nothing,
                nothing,
            )
            .join(Tranche, Tranche.id == Disbursement.tranche_id)
            .where(Disbursement.state.in_(UNDER_WAY), Tranche.award_id.in_(seen.with_only_columns(Award.id)))
            .group_by(Disbursement.state, Disbursement.currency)
        )
        one_page = (
            select(place, next_ones.c.currency, literal(1), minor, next_ones.c.id, next_ones.c.award_id)
            .where(~next_ones.c.is_over, place == bindparam("place", None, type_=Text))
            .order_by(next_ones.c.due_on, next_ones.c.id)
            .limit(_MOST)
            .offset(_BEFORE)
        )
        return union_all(counted, under_way, one_page)

    return Prepared(compose)


def _next_to_pay(seen: Select[Award], *, looked_up: bool = False) -> Any:
    """The next tranche of each running grant that was not sent yet: whether it is due or waits for something, or a
    payment is under way or nothing left to pay; what was planned, and what would be paid.

    "due" says in SQL what ``rules.obstacles_to_preparing`` says in words, so that a page need not read every row
    to know which come first; a test holds the two together. ``looked_up``: for who wants no more than the first that is due,
    what is known of a grant is looked up grant by grant instead of gathered for all of them.
    """
    award = (
        seen.where(Award.state.in_((AwardState.ACTIVE, AwardState.SUSPENDED, AwardState.TERMINATED)))
        .with_only_columns(
            *(Award.id, Award.state, Award.on_hold, Award.amount_minor, Award.organization_id, Award.call_id)
        )
        .subquery("running")
        .c
    )
    sent = aliased(Disbursement, name="sent")
    unsent = (
        select(
            *(Tranche.id, Tranche.award_id, Tranche.amount_minor, Tranche.currency, Tranche.trigger),
            *(Tranche.min_spent_percent, Tranche.due_on, Tranche.hold_after_days, Tranche.report_due_id),
            *(Tranche.milestone_id, Tranche.not_before, Tranche.freed_at, _live.id.is_not(None).label("under_way")),
        )
        .outerjoin(_live, and_(_live.tranche_id == Tranche.id, _live.state.not_in(OVER)))
        .where(Tranche.cancelled_on.is_(None), ~exists().where(sent.tranche_id == Tranche.id, sent.state.in_(SENT)))
    )
    of_award = award.state, award.on_hold, award.amount_minor.label("awarded"), award.organization_id, award.call_id
    first: Any
    if looked_up:
        following = unsent.where(Tranche.award_id == award.id).order_by(Tranche.number).limit(literal_column("1"))
        tranche = following.lateral("following")
        first = select(*tranche.c, *of_award).join(tranche, true()).subquery("first")
    else:
        first = (
            unsent.add_columns(*of_award)
            .join(award.id.table, award.id == Tranche.award_id)
            .ext(distinct_on(Tranche.award_id))
            .order_by(Tranche.award_id, Tranche.number)
            .cte("first")
            .prefix_with("MATERIALIZED")
        )
    bounds: Any = first.c.award_id if looked_up else select(first.c.award_id)
    made = (
        select(
            Tranche.award_id,
            _sum(_live.amount_minor).label("promised"),
            _sum(_live.amount_minor, _live.state.in_(SENT)).label("sent"),
        )
        .join(_live, and_(_live.tranche_id == Tranche.id, _live.state.not_in(OVER)))
        .where(_among(Tranche.award_id, bounds))
        .group_by(Tranche.award_id)
    )
    made = _known(made, "made", bounds)
    spent, refunded, unmet, missing, unmade = _of_grants(bounded=bounds)
    plan = first.c
    is_final = plan.trigger == Trigger.FINAL_REPORT_APPROVED
    spending = func.coalesce(spent.c.minor, 0)
    received = func.coalesce(made.c.sent, 0) - func.coalesce(refunded.c.minor, 0)
    amount = case((is_final, func.least(plan.amount_minor, spending - received)), else_=plan.amount_minor)
    today = cast(func.timezone(Call.timezone, bindparam("at", None, type_=DateTime(timezone=True))), Date)
    freed = plan.freed_at.is_not(None)
    ready = and_(
        or_(plan.state == AwardState.ACTIVE, and_(plan.state == AwardState.TERMINATED, is_final)),
        ~plan.on_hold,
        or_(
            plan.trigger == Trigger.AGREEMENT_SIGNED,
            func.coalesce(ReportDue.state == ReportState.ACCEPTED, False),
            and_(func.coalesce(ReportDue.state == ReportState.WAIVED, False), or_(freed, _later_accepted())),
        ),
        or_(
            plan.min_spent_percent.is_(None),
            and_(func.coalesce(ReportDue.state == ReportState.WAIVED, False), freed),
            spending * 100 >= plan.min_spent_percent * received,
        ),
        or_(plan.milestone_id.is_(None), Milestone.confirmed_on.is_not(None)),
        or_(plan.not_before.is_(None), plan.not_before <= today),
        or_(func.coalesce(unmet.c.number, 0) == 0, plan.state == AwardState.TERMINATED),
        or_(unmade.c.due_on.is_(None), unmade.c.due_on > plan.due_on, plan.state == AwardState.TERMINATED),
        func.coalesce(BankAccount.state == BankAccountState.VERIFIED, False),
        or_(
            ~BankAccount.follows_another,
            cast(func.timezone(Call.timezone, BankAccount.entered_at), Date)
            + func.coalesce(_CHANGE_DAYS, ACCOUNT_CHANGE_DAYS)
            <= today,
        ),
        or_(missing.c.due_on.is_(None), missing.c.due_on + plan.hold_after_days >= today),
        amount > 0,
        func.coalesce(made.c.promised, 0) + amount <= plan.awarded,
    )
    # Nothing will be sent once the final report has shown that nothing is left to pay, nor after a termination for any
    # instalment but the last. Those are marked and not filtered out here: the database would expect next to no rows and
    # join the rest in loops.
    nothing_left = or_(
        and_(is_final, func.coalesce(ReportDue.state.in_(SETTLED_REPORT), False), amount <= 0),
        and_(plan.state == AwardState.TERMINATED, ~is_final),
    )
    return (
        select(
            *(plan.id, plan.award_id, plan.due_on, plan.currency, plan.amount_minor.label("minor")),
            amount.label("to_pay"),
            ready.label("is_due"),
            or_(plan.under_way, nothing_left).label("is_over"),
        )
        .select_from(first)
        .outerjoin(Call, Call.id == plan.call_id)
        .outerjoin(BankAccount, _account_of(plan.organization_id))
        .outerjoin(ReportDue, ReportDue.id == plan.report_due_id)
        .outerjoin(Milestone, Milestone.id == plan.milestone_id)
        .outerjoin(made, made.c.award_id == plan.award_id)
        .outerjoin(spent, spent.c.award_id == plan.award_id)
        .outerjoin(refunded, refunded.c.award_id == plan.award_id)
        .outerjoin(unmet, unmet.c.award_id == plan.award_id)
        .outerjoin(missing, missing.c.award_id == plan.award_id)
        .outerjoin(unmade, unmade.c.award_id == plan.award_id)
        .cte("next_ones")
    )


def unpaid_tranches(*, due_between: tuple[date, date]) -> list[Standing]:
    """Tranches of grants that may be paid, without any payment that fall due between two days, both included."""
    return [Standing._make(row) for row in _UNPAID(first=due_between[0], last=due_between[1])]


def _unpaid() -> Select[Any]:
    found, plan = _standings(bounded=False)
    first, last = (bindparam(name, None, type_=Date) for name in ("first", "last"))
    unpaid = found.where(plan.payment.is_(None), plan.due_on.between(first, last), Award.state.in_(PAYING))
    ordered: Select[Any] = unpaid.order_by(plan.due_on, plan.id)
    return ordered


_UNPAID = Prepared(_unpaid)


# ------------------------------------------------------------------ grants


def awards_to_agree_on(seen: Select[Award], call: Call, person: Person) -> list[int]:
    """The accepted grants of a call in the regions that a coordinator looks after, by reference."""
    own = [membership.organization_id for membership in person.memberships]
    found = seen.where(
        Award.call_id == call.id,
        Award.state == AwardState.ACCEPTED,
        Award.region.in_(sorted(person.regions)),
        Award.organization_id.not_in(own),
    )
    return list(db.session.scalars(found.with_only_columns(Award.id).order_by(Award.reference)))


def award_of_batch(seen: Select[Award], award_id: int) -> Award | None:
    """One award of a batch with its application, organization and call, among those a person may see."""
    beside = (joinedload(Award.application), joinedload(Award.organization), joinedload(Award.call))
    return db.session.scalar(seen.where(Award.id == award_id).options(*beside))


def latest_batch(call: Call, person: Person) -> AgreementBatch | None:
    """The batch of agreements that a person asked for last."""
    found = select(AgreementBatch).where(AgreementBatch.call_id == call.id, AgreementBatch.person_id == person.id)
    return db.session.scalar(found.order_by(AgreementBatch.id.desc()).limit(1))


def batches_to_do(stalled: datetime, limit: int = 20) -> list[tuple[int, str]]:
    """The batches that wait, with their languages; those that a worker began before ``stalled`` and left as well."""
    waits = or_(AgreementBatch.begun_at.is_(None), AgreementBatch.begun_at < stalled)
    found = select(AgreementBatch.id, AgreementBatch.language).where(AgreementBatch.state == BatchState.ASKED, waits)
    return [(key, language) for key, language in db.session.execute(found.order_by(AgreementBatch.id).limit(limit))]


def batch_to_do(batch_id: int) -> AgreementBatch | None:
    """A batch that waits, held by this transaction; None when it is done or another worker has it."""
    found = select(AgreementBatch).where(AgreementBatch.id == batch_id, AgreementBatch.state == BatchState.ASKED)
    return db.session.scalar(
        found.options(joinedload(AgreementBatch.person), joinedload(AgreementBatch.call))
        .with_for_update(of=AgreementBatch, skip_locked=True)
        .execution_options(populate_existing=True)
    )


def terms_of(award: Award) -> dict[str, Any]:
    """The terms of the call that an award was made in."""
    return dict(db.session.execute(select(Call.terms).where(Call.id == award.call_id)).scalar_one())


def tranche_of(award: Award, number: int) -> Tranche | None:
    """One tranche of a grant."""
    return db.session.scalar(select(Tranche).where(Tranche.award_id == award.id, Tranche.number == number))


def tranches_of(award: Award) -> list[Tranche]:
    """The tranches planned for a grant with what they wait for, without those that a termination cancelled."""
    found = select(Tranche).where(Tranche.award_id == award.id, Tranche.cancelled_on.is_(None))
    beside = joinedload(Tranche.report_due), joinedload(Tranche.milestone)
    return list(db.session.scalars(found.options(*beside).order_by(Tranche.number)))


def milestones_of(award: Award) -> list[Milestone]:
    """The milestones promised in a grant, by day."""
    found = select(Milestone).where(Milestone.award_id == award.id)
    return list(db.session.scalars(found.order_by(Milestone.due_on, Milestone.id)))


def unpaid_of(award: Award) -> list[Tranche]:
    """The tranches of a grant for which no payment is under way or made, kept from others until the transaction ends."""
    live = select(Disbursement.id).where(Disbursement.tranche_id == Tranche.id, Disbursement.state.not_in(OVER))
    found = select(Tranche).where(Tranche.award_id == award.id, Tranche.cancelled_on.is_(None), ~live.exists())
    return list(db.session.scalars(found.order_by(Tranche.number).with_for_update()))


def unpaid_ids(award: Award) -> frozenset[int]:
    """The tranches of a grant for which no payment is under way or made."""
    live = select(Disbursement.id).where(Disbursement.tranche_id == Tranche.id, Disbursement.state.not_in(OVER))
    found = select(Tranche.id).where(Tranche.award_id == award.id, Tranche.cancelled_on.is_(None), ~live.exists())
    return frozenset(db.session.scalars(found))


def cancelled_of(award: Award) -> list[Tranche]:
    """The tranches of a grant that its termination cancelled."""
    found = select(Tranche).where(Tranche.award_id == award.id, Tranche.cancelled_on.is_not(None))
    return list(db.session.scalars(found.order_by(Tranche.number)))


def reports_owed(award: Award) -> dict[str, ReportDue]:
    """The reports scheduled for a grant, by the key the call gives them."""
    found = select(ReportDue).where(ReportDue.award_id == award.id).order_by(ReportDue.due_on)
    return {due.key: due for due in db.session.scalars(found)}


def budget_minors(award: Award) -> list[int]:
    """The amounts of an award's budget lines, in minor units."""
    return list(db.session.scalars(select(BudgetLine.amount_minor).where(BudgetLine.award_id == award.id)))


@dataclass(frozen=True)
class Position:
    """Where the money of one grant stands. ``paid`` is what was sent and not returned by the bank."""

    awarded: Money
    promised: Money
    paid: Money
    refunded: Money
    spent: Money

    @property
    def to_pay(self) -> Money:
        """What has not been sent yet."""
        return self.awarded - self.paid

    @property
    def owed(self) -> Money:
        """What was spent beyond what was paid, as far as the grant reaches: to be paid when the grant ends."""
        held = self.paid - self.refunded
        most, beyond = self.awarded - held, self.spent - held
        return Money(max(0, min(beyond.minor, most.minor)), held.currency)

    @property
    def unspent(self) -> Money:
        """What the grantee holds beyond what accepted reports show as spent: to be sent back when the grant ends."""
        left = self.paid - self.refunded - self.spent
        return left if left.minor > 0 else Money(0, left.currency)


def position(award: Award) -> Position:
    """Where the money of one grant stands; one query."""
    return Position(award.amount, *(Money(int(minor), award.currency) for minor in _POSITION(award=award.id)[0]))


def _position() -> Select[*tuple[Any, ...]]:
    paid = (
        select(
            func.coalesce(func.sum(Disbursement.amount_minor).filter(Disbursement.state.not_in(OVER)), 0),
            func.coalesce(func.sum(Disbursement.amount_minor).filter(Disbursement.state.in_(SENT)), 0),
        )
        .join(Tranche, Tranche.id == Disbursement.tranche_id)
        .where(Tranche.award_id == _OF_AWARD)
    ).subquery()
    refunded = select(func.coalesce(func.sum(Refund.amount_minor), 0)).where(Refund.award_id == _OF_AWARD)
    spent = (
        select(func.coalesce(func.sum(ReportLine.counted_minor), 0))
        .join(Report, Report.id == ReportLine.report_id)
        .join(ReportDue, ReportDue.id == Report.report_due_id)
        .where(ReportDue.award_id == _OF_AWARD, ReportDue.state == ReportState.ACCEPTED)
    )
    return select(*paid.c, refunded.scalar_subquery(), spent.scalar_subquery())


_POSITION = Prepared(_position)


def lock_envelope(call_id: int) -> None:
    """Let nobody else commit money of this call until the transaction ends."""
    db.session.execute(select(Call.id).where(Call.id == call_id).with_for_update(key_share=True))


def lock_grant(award_id: int) -> None:
    """Let nobody else move money of this grant until the transaction ends."""
    db.session.execute(select(Award.id).where(Award.id == award_id).with_for_update(key_share=True))


# ------------------------------------------------------------------ bank accounts


def bank_account_of(organization_id: int) -> BankAccount | None:
    """The account of an organization that is not blocked, with the people who entered and verified it."""
    return db.session.scalar(_bank_account(), {"organization": organization_id})


@cache
def _bank_account() -> Select[BankAccount]:
    return (
        select(BankAccount)
        .where(
            BankAccount.organization_id == bindparam("organization", type_=Organization.id.type),
            BankAccount.state != BankAccountState.BLOCKED,
        )
        .options(
            joinedload(BankAccount.entered_by).load_only(Person.name),
            joinedload(BankAccount.verified_by).load_only(Person.name),
        )
    )


def bank_accounts_of(seen: Select[BankAccount], organization_id: int) -> list[BankAccount]:
    """Every account an organization has had, newest first, among those a person may see."""
    found = seen.where(BankAccount.organization_id == organization_id).options(
        load_only(
            *(BankAccount.organization_id, BankAccount.state, BankAccount.last_four, BankAccount.currency),
            *(BankAccount.bic, BankAccount.entered_at, BankAccount.entered_by_id, BankAccount.verified_at),
        ),
        joinedload(BankAccount.entered_by).load_only(Person.name),
        joinedload(BankAccount.verified_by).load_only(Person.name),
    )
    return list(db.session.scalars(found.order_by(BankAccount.id.desc())))


def has_had_account(organization_id: int) -> bool:
    """Whether an organization has ever said where it is paid; asked under its lock."""
    return bool(db.session.scalar(select(exists().where(BankAccount.organization_id == organization_id))))


def lock_organization(organization_id: int) -> None:
    """Let nobody else enter an account for this organization until the transaction ends."""
    db.session.execute(
        select(Organization.id).where(Organization.id == organization_id).with_for_update(key_share=True)
    )


def lock_bank_account(account_id: int, *, shared: bool) -> BankAccount:
    """The account as it stands, kept from changing (shared) or from any other use (not shared) until the end."""
    found = select(BankAccount).where(BankAccount.id == account_id).with_for_update(read=shared)
    return db.session.scalars(found.execution_options(populate_existing=True)).one()


class Unverified(NamedTuple):
    """An account that waits for a call-back."""

    organization: str
    organization_name: str
    last_four: str
    entered_at: datetime
    entered_by: str


def unverified_accounts(seen: Select[BankAccount]) -> list[Unverified]:
    """The accounts that wait for a call-back, the longest first."""
    return [Unverified._make(row) for row in _unverified(seen)()]


@prepared_once
def _unverified(seen: Select[BankAccount]) -> Prepared:
    found = (
        seen.join(Organization, Organization.id == BankAccount.organization_id)
        .join(Person, Person.id == BankAccount.entered_by_id)
        .where(BankAccount.state == BankAccountState.UNVERIFIED)
        .with_only_columns(
            *(Organization.reference, Organization.name, BankAccount.last_four, BankAccount.entered_at, Person.name),
            maintain_column_froms=True,
        )
        .order_by(BankAccount.id)
        .limit(literal_column(str(PAGE)))
    )
    return Prepared(lambda: found)


# ------------------------------------------------------------------ disbursements


def disbursement_by_reference(seen: Select[Disbursement], reference: str) -> Disbursement | None:
    """One disbursement with its grant, account and the people who handled it."""
    found = (
        seen.where(Disbursement.reference == reference)
        .join(Disbursement.tranche)
        .join(Tranche.award)
        .join(Award.organization)
        .join(Award.call)
        .options(
            contains_eager(Disbursement.tranche)
            .contains_eager(Tranche.award)
            .options(
                load_only(
                    *(Award.reference, Award.state, Award.title, Award.amount_minor, Award.currency),
                    *(Award.organization_id, Award.call_id, Award.region),
                ),
                contains_eager(Award.organization).load_only(
                    Organization.reference, Organization.name, Organization.country
                ),
                contains_eager(Award.call).load_only(Call.reference, Call.timezone),
            ),
            joinedload(Disbursement.bank_account).load_only(
                *(BankAccount.organization_id, BankAccount.state, BankAccount.last_four, BankAccount.currency),
                *(BankAccount.bic, BankAccount.bank_code, BankAccount.verified_at, BankAccount.token),
            ),
            joinedload(Disbursement.prepared_by).load_only(Person.name),
            joinedload(Disbursement.approved_by).load_only(Person.name),
            joinedload(Disbursement.confirmed_by).load_only(Person.name),
            joinedload(Disbursement.proof),
        )
    )
    return db.session.scalar(found)


class PaymentLine(NamedTuple):
    """A disbursement as a line of a list."""

    reference: str
    state: str
    amount_minor: int
    currency: str
    number: int
    award_reference: str
    organization_name: str
    last_four: str
    prepared_at: datetime
    prepared_by: str
    prepared_by_id: int
    approved_at: datetime | None
    approved_by: str | None
    paid_on: date | None
    received_on: date | None
    due_on: date
    confidentiality: str
    sending_by: str | None = None

    @property
    def workflow(self) -> Workflow:
        """The states of a payment."""
        return Disbursement.workflow

    @property
    def amount(self) -> Money:
        """The money sent."""
        return Money(self.amount_minor, self.currency)


def payments_in(state: str, seen: Select[Disbursement], page: int = 1) -> list[PaymentLine]:
    """One page of disbursements that stand somewhere, the longest due first, among those a person may see."""
    rows = _payments_in(seen)(state=state, most=PAGE, before=(page - 1) * PAGE)
    return [PaymentLine._make(row) for row in rows]


def every_payment_in(state: str, seen: Select[Disbursement]) -> Iterator[PaymentLine]:
    """Every disbursement that stands somewhere, in the same order, one after the other."""
    return map(PaymentLine._make, _payments_in(seen).streamed(state=state, most=None, before=0))


def payments_of(award: Award) -> list[PaymentLine]:
    """The disbursements of one grant, newest first, whatever became of them."""
    return [PaymentLine._make(row) for row in _PAYMENTS_OF(award=award.id)]


@prepared_once
def _payments_in(seen: Select[Disbursement]) -> Prepared:
    found = _payment_lines().where(
        Disbursement.state == bindparam("state", None, type_=Text),
        Disbursement.id.in_(seen.with_only_columns(Disbursement.id)),
    )
    return Prepared(lambda: found.order_by(Tranche.due_on, Disbursement.id).limit(_MOST).offset(_BEFORE))


_PAYMENTS_OF = Prepared(lambda: _payment_lines().where(Tranche.award_id == _OF_AWARD).order_by(Disbursement.id.desc()))


def _payment_lines() -> Any:
    preparer, approver, sender = aliased(Person), aliased(Person), aliased(Person)
    return (
        select(
            *(Disbursement.reference, Disbursement.state, Disbursement.amount_minor, Disbursement.currency),
            *(Tranche.number, Award.reference, Organization.name, BankAccount.last_four, Disbursement.prepared_at),
            *(preparer.name, preparer.id, Disbursement.approved_at, approver.name, Disbursement.paid_on),
            *(Disbursement.received_on, Tranche.due_on, Award.confidentiality, sender.name),
        )
        .select_from(Disbursement)
        .join(Tranche, Tranche.id == Disbursement.tranche_id)
        .join(Award, Award.id == Tranche.award_id)
        .join(Organization, Organization.id == Award.organization_id)
        .join(BankAccount, BankAccount.id == Disbursement.bank_account_id)
        .join(preparer, preparer.id == Disbursement.prepared_by_id)
        .outerjoin(approver, approver.id == Disbursement.approved_by_id)
        .outerjoin(sender, sender.id == Disbursement.sending_by_id)
    )


def payments_made_for(award_id: int) -> int:
    """How many disbursements a grant has had, whatever became of them; asked under the lock of the grant."""
    found = select(func.count()).select_from(Disbursement).join(Tranche, Tranche.id == Disbursement.tranche_id)
    return db.session.scalar(found.where(Tranche.award_id == award_id)) or 0


def is_as_approved(disbursement: Disbursement) -> bool:
    """Whether amount, currency, tranche, award and account are still what the second person approved."""
    found = select(Disbursement.approved_digest == func.disbursement_digest(literal_column("disbursement")))
    return bool(db.session.scalar(found.where(Disbursement.id == disbursement.id)))


def fee_of(disbursement: Disbursement) -> Money | None:
    """What the fund's bank took for a payment, all fees together; None when nothing was recorded."""
    signed = case((Transfer.memo == "fee", Transfer.amount_minor), else_=-Transfer.amount_minor)
    fees = select(func.sum(signed)).where(
        Transfer.disbursement_id == disbursement.id, Transfer.memo.in_(("fee", "unfee"))
    )
    minor = db.session.scalar(fees)
    return Money(int(minor), disbursement.currency) if minor else None


def times_taken_back(disbursement: Disbursement) -> int:
    """How often a booking of a payment was taken back, so that the next one has a name of its own in the ledger."""
    found = select(func.count()).select_from(Transfer).where(Transfer.disbursement_id == disbursement.id)
    return db.session.scalar(found.where(Transfer.memo.in_(("unpay", "unreturn")))) or 0


def transfer_by_key(key: str) -> Transfer | None:
    """One move of the ledger by its name."""
    return db.session.scalar(select(Transfer).where(Transfer.key == key))


def times_released(award: Award) -> int:
    """How often something of a grant was given back to the envelope of its call."""
    found = select(func.count()).select_from(Transfer).join(Account, Account.id == Transfer.debit_account_id)
    return db.session.scalar(found.where(Account.award_id == award.id, Transfer.memo == "release")) or 0


def last_number(award_id: int) -> int:
    """The highest number of an instalment of a grant, cancelled ones included."""
    return db.session.scalar(select(func.max(Tranche.number)).where(Tranche.award_id == award_id)) or 0


def waived_by(report_due_id: int | None) -> int | None:
    """Who waived a report the last time."""
    found = select(HistoryEntry.actor_id).where(
        HistoryEntry.subject_kind == "report_due",
        HistoryEntry.subject_id == report_due_id,
        HistoryEntry.verb == "waive",
    )
    return db.session.scalar(found.order_by(HistoryEntry.id.desc()).limit(1))


def siblings_of(disbursement: Disbursement) -> list[Disbursement]:
    """The other payments of the same tranche, oldest first: what came before it, and what took its place."""
    found = select(Disbursement).where(
        Disbursement.tranche_id == disbursement.tranche_id, Disbursement.id != disbursement.id
    )
    return list(db.session.scalars(found.order_by(Disbursement.id)))


class Reserve(NamedTuple):
    """What is kept for a payment that came back: the other payments of its instalment, the money committed to the grant,
    the instalments that stand, and the numbers in the database of those for which no payment does.
    """

    siblings: list[Disbursement]
    committed: Money
    plan: list[Tranche]
    unpaid: frozenset[int]


def reserve_for(disbursement: Disbursement) -> Reserve:
    """What is kept for a payment that came back, so that it could stand as sent after all."""
    award = disbursement.tranche.award
    committed = balances_of(award).get(AccountKind.COMMITTED, Money(0, award.currency))
    return Reserve(siblings_of(disbursement), committed, tranches_of(award), unpaid_ids(award))


def lock_disbursement(disbursement: Disbursement) -> None:
    """Look again at a disbursement and its account as they stand, and keep both and the grant still until the end.

    Always grant, account, disbursement in this order, so that two people never wait for each other in a ring.
    """
    lock_grant(disbursement.tranche.award_id)
    lock_bank_account(disbursement.bank_account_id, shared=True)
    hold(disbursement, "state", "approved_by_id", "approved_at", "released_at", "order_reference", "sending_by_id")
    db.session.refresh(disbursement.tranche.award, ["state", "on_hold"])


# ------------------------------------------------------------------ refunds


def refunds_of(award: Award) -> list[Refund]:
    """What the grantee has sent back, newest first."""
    return list(db.session.scalars(_refunds(), {"award": award.id}))


@cache
def _refunds() -> Select[Refund]:
    return (
        select(Refund)
        .where(Refund.award_id == bindparam("award", type_=Award.id.type))
        .options(joinedload(Refund.recorded_by).load_only(Person.name), joinedload(Refund.proof))
        .order_by(Refund.id.desc())
    )


def corrections_of(award: Award) -> set[int]:
    """Which refunds of a grant were taken back."""
    found = select(Refund.corrects_id).where(Refund.award_id == award.id, Refund.corrects_id.is_not(None))
    return {one for one in db.session.scalars(found) if one is not None}


def request_standing_for(award: Award) -> RefundRequest | None:
    """What is asked back of a grant and has not all come."""
    found = select(RefundRequest).where(
        RefundRequest.award_id == award.id, RefundRequest.state == RefundRequestState.ASKED
    )
    return db.session.scalar(found)


def refund_days_of(award: Award) -> int | None:
    """Within how many days the terms of the call want unspent money back, when they say so."""
    found = select(Call.terms["award"]["unspent_refund_days"].as_integer()).where(Call.id == award.call_id)
    return db.session.scalar(found)


def requests_of(award: Award) -> list[RefundRequest]:
    """What was ever asked back of a grant, newest first."""
    found = select(RefundRequest).where(RefundRequest.award_id == award.id).order_by(RefundRequest.id.desc())
    return list(db.session.scalars(found))


def requests_due(*, due_between: tuple[date, date]) -> list[tuple[RefundRequest, str, int]]:
    """What is asked back and due between two days, both included; the reference of the grant, and the grantee."""
    found = (
        select(RefundRequest, Award.reference, Award.organization_id)
        .join(Award, Award.id == RefundRequest.award_id)
        .where(RefundRequest.state == RefundRequestState.ASKED, RefundRequest.due_on.between(*due_between))
        .order_by(RefundRequest.id)
    )
    return [(row[0], row[1], row[2]) for row in db.session.execute(found)]


MOST_SOURCES = 20


def cofinancing_of(award: Award) -> list[Cofinancing]:
    """What other sources give to the same action, as the grantee tells it."""
    found = select(Cofinancing).where(Cofinancing.award_id == award.id).order_by(Cofinancing.source)
    return list(db.session.scalars(found.options(joinedload(Cofinancing.evidence))))


def refund_by_reference(award: Award, reference: str) -> Refund | None:
    """One refund of a grant, with its proof."""
    found = select(Refund).where(Refund.award_id == award.id, Refund.reference == reference)
    return db.session.scalar(found.options(joinedload(Refund.proof)))


def locked_proofs() -> list[tuple[Disbursement | Refund, str, int]]:
    """Payments and refunds whose proof was found to hold a virus and of which nobody was told; the reference of the grant,
    and the grantee.
    """
    found: list[tuple[Disbursement | Refund, str, int]] = []
    of_grant = (Award.reference, Award.organization_id)
    paid = select(Disbursement, *of_grant).join(Disbursement.tranche).join(Award, Award.id == Tranche.award_id)
    refunded = select(Refund, *of_grant).join(Award, Award.id == Refund.award_id)
    for rows, proved in ((paid, Disbursement), (refunded, Refund)):
        written = func.concat_ws("|", "proof_locked", proved.reference, "", "", proved.proof_id, "")
        told = select(OutboxMail.id).where(func.starts_with(OutboxMail.key, written))
        locked = rows.join(StoredFile, StoredFile.id == proved.proof_id).where(
            StoredFile.scan == Scan.INFECTED, ~told.exists()
        )
        found += [(row[0], row[1], row[2]) for row in db.session.execute(locked.order_by(proved.id))]
    return found


# ------------------------------------------------------------------ the ledger


def pot(kind: AccountKind, call_id: int, award_id: int | None = None) -> Account | None:
    """One pot of the ledger."""
    found = select(Account).where(Account.kind == kind, Account.call_id == call_id)
    found = found.where(Account.award_id.is_(None) if award_id is None else Account.award_id == award_id)
    return db.session.scalar(found.execution_options(populate_existing=True))


def _pots(*, past: bool) -> Any:
    """Every pot with what went out of it and into it: the running totals; or, at a past moment (parameter ``at``), what the
    transfers until then add up to.
    """
    about = (Account.id, Account.kind, Account.currency, Account.call_id, Account.award_id)
    if not past:
        return select(*about, Account.debits_minor.label("debits"), Account.credits_minor.label("credits")).subquery(
            "pots"
        )
    until = Transfer.at <= bindparam("at", None, type_=DateTime(timezone=True))
    nothing = literal_column("0", BigInteger)
    out = select(Transfer.debit_account_id.label("pot"), Transfer.amount_minor.label("out"), nothing.label("into"))
    into = select(Transfer.credit_account_id.label("pot"), nothing.label("out"), Transfer.amount_minor.label("into"))
    moved = union_all(out.where(until), into.where(until)).subquery("moved")
    summed = (
        select(moved.c.pot, _sum(moved.c.out).label("debits"), _sum(moved.c.into).label("credits"))
        .group_by(moved.c.pot)
        .subquery("summed")
    )
    return select(*about, summed.c.debits, summed.c.credits).join(summed, summed.c.pot == Account.id).subquery("pots")


def balances_of(award: Award, at: datetime | None = None) -> dict[str, Money]:
    """What is in the pots of one grant, by kind: now, or at a past moment from the transfers until then."""
    return {kind: Money(entry.minor, award.currency) for kind, entry in entries_of(award, at).items()}


class Sums(NamedTuple):
    """What went out of pots and into them, in minor units."""

    debits: int
    credits: int

    @property
    def minor(self) -> int:
        """What is in them: credits less debits."""
        return self.credits - self.debits


def entries_of(award: Award, at: datetime | None = None) -> dict[str, Sums]:
    """What went out of the pots of one grant and into them, by kind; now or at a past moment."""
    pots = _pots(past=at is not None)
    found = select(pots.c.kind, pots.c.debits, pots.c.credits).where(pots.c.award_id == award.id)
    return {kind: Sums(debits, credits_) for kind, debits, credits_ in db.session.execute(found, {"at": at})}


def released_of(award: Award) -> Money:
    """What of a grant went back to the envelope of its call."""
    found = (
        select(func.coalesce(func.sum(Transfer.amount_minor), 0))
        .join(Account, Account.id == Transfer.debit_account_id)
        .where(Account.award_id == award.id, Transfer.memo == "release")
    )
    return Money(int(db.session.scalar(found) or 0), award.currency)


def free_in_envelope(award: Award) -> Money:
    """What the envelope of the award's call still holds: all of it while nothing has been committed."""
    held = select(Account.balance_minor).where(
        Account.kind == AccountKind.ENVELOPE, Account.call_id == award.call_id, Account.award_id.is_(None)
    )
    whole = select(Call.envelope_minor).where(Call.id == award.call_id)
    minor = db.session.scalar(select(func.coalesce(held.scalar_subquery(), whole.scalar_subquery())))
    return Money(int(minor or 0), award.currency)


@dataclass(frozen=True)
class CallBalance:
    """What is in the pots of one call, all its grants together."""

    reference: str
    title: dict[str, str]
    currency: str
    minor: dict[str, int]

    def of(self, kind: str) -> Money:
        """What is in the pots of one kind."""
        return Money(self.minor.get(kind, 0), self.currency)


def _held(pots: Any) -> list[Any]:
    held = pots.c.credits - pots.c.debits
    return [func.coalesce(_sum(held, pots.c.kind == kind), 0).label(kind) for kind in AccountKind]


def _by_kind(minor: Iterable[Any]) -> dict[str, int]:
    return {kind.value: int(one) for kind, one in zip(AccountKind, minor, strict=True)}


def balances_by_call(at: datetime | None = None) -> list[CallBalance]:
    """The balances of the ledger by call, now or at a past moment, the latest calls first; one query."""
    return [
        CallBalance(reference, title, currency, _by_kind(minor))
        for reference, title, currency, *minor in _balances_by_call(at is not None)(**_until(at))
    ]


def _until(at: datetime | None) -> dict[str, Any]:
    return {} if at is None else {"at": at}


@cache
def _balances_by_call(past: bool) -> Prepared:
    def compose() -> Select[*tuple[Any, ...]]:
        pots = _pots(past=past)
        return (
            select(Call.reference, Call.title, pots.c.currency, *_held(pots))
            .join(pots, pots.c.call_id == Call.id)
            .group_by(Call.id, pots.c.currency)
            .order_by(Call.id.desc())
            .limit(literal_column(str(PAGE)))
        )

    return Prepared(compose)


class GrantBalance(NamedTuple):
    """What is in the pots of one grant, as a line of its call."""

    reference: str
    organization_name: str
    currency: str
    confidentiality: str
    minor: dict[str, int]

    def of(self, kind: str) -> Money:
        """What is in its pot of one kind."""
        return Money(self.minor.get(kind, 0), self.currency)


def balances_by_grant(
    seen: Select[Award], call: str, *, at: datetime | None = None, page: int | None = 1
) -> tuple[list[GrantBalance], int]:
    """One page of the grants of a call that a person may see (all of them without a ``page``), with what was in their
    pots; and how many there are.
    """
    pots = _pots(past=at is not None)
    held = (
        select(pots.c.award_id, *_held(pots))
        .where(pots.c.award_id.is_not(None))
        .group_by(pots.c.award_id)
        .subquery("held")
    )
    found = (
        seen.join(Call, Call.id == Award.call_id)
        .join(Organization, Organization.id == Award.organization_id)
        .join(held, held.c.award_id == Award.id)
        .where(Call.reference == call)
    )
    shown = found.with_only_columns(
        *(Award.reference, Organization.name, Award.currency, Award.confidentiality),
        *(c for c in held.c if c.name != "award_id"),
        maintain_column_froms=True,
    )
    number = db.session.scalar(found.with_only_columns(func.count(), maintain_column_froms=True), {"at": at}) or 0
    rows = db.session.execute(paged(shown.order_by(Award.id), page, PAGE), {"at": at})
    return [GrantBalance(row[0], row[1], row[2], row[3], _by_kind(row[4:])) for row in rows], number


@dataclass(frozen=True)
class Trial:
    """The trial balance of one currency: what went out of the pots of each kind and into them.

    ``moved_minor`` is what the transfers add up to: both sides have to equal it, and the pots together hold nothing.
    """

    currency: str
    sums: dict[str, Sums]
    moved_minor: int

    @property
    def minor(self) -> dict[str, int]:
        """What is in the pots of each kind."""
        return {kind.value: self.sums[kind].minor if kind in self.sums else 0 for kind in AccountKind}

    @property
    def total(self) -> Sums:
        """All debits and all credits."""
        return Sums(sum(s.debits for s in self.sums.values()), sum(s.credits for s in self.sums.values()))

    @property
    def balances(self) -> bool:
        """Whether nothing has come from nowhere: both sides equal what was moved."""
        return self.total.debits == self.total.credits == self.moved_minor


def trial_balance(at: datetime | None = None, *, call: str = "") -> list[Trial]:
    """The whole ledger, or that of one call, by currency: now from the running totals, or at a past moment from the
    transfers until then. The transfers are added up by themselves and compared. One query.
    """
    rows = _trial_balance(at is not None, bool(call))(**_until(at), **({"call": call} if call else {}))
    sums: dict[str, dict[str, Sums]] = {}
    moved: dict[str, int] = {}
    for currency, kind, debits, credits_, moved_minor in rows:
        sums.setdefault(currency, {})[kind] = Sums(int(debits), int(credits_))
        moved[currency] = int(moved_minor)
    return [Trial(currency, of_kind, moved[currency]) for currency, of_kind in sums.items()]


@cache
def _trial_balance(past: bool, of_call: bool) -> Prepared:
    def compose() -> Select[*tuple[Any, ...]]:
        pots = _pots(past=past)
        moved = select(Transfer.currency, _sum(Transfer.amount_minor).label("minor")).group_by(Transfer.currency)
        if past:
            moved = moved.where(Transfer.at <= bindparam("at", None, type_=DateTime(timezone=True)))
        wanted = select(Call.id).where(Call.reference == bindparam("call", None, type_=Text)).scalar_subquery()
        if of_call:
            moved = moved.join(Account, Account.id == Transfer.credit_account_id).where(Account.call_id == wanted)
        summed = moved.subquery("moves")
        found = (
            select(
                *(pots.c.currency, pots.c.kind, _sum(pots.c.debits), _sum(pots.c.credits)),
                func.coalesce(func.max(summed.c.minor), 0),
            )
            .outerjoin(summed, summed.c.currency == pots.c.currency)
            .group_by(pots.c.currency, pots.c.kind)
            .order_by(pots.c.currency, pots.c.kind)
        )
        return found.where(pots.c.call_id == wanted) if of_call else found

    return Prepared(compose)


def wrong_totals() -> list[int]:
    """The pots whose running totals are not what their transfers add up to; empty when the ledger is whole."""
    summed = _pots(past=True)
    found = (
        select(Account.id)
        .outerjoin(summed, summed.c.id == Account.id)
        .where(
            or_(
                Account.debits_minor != func.coalesce(summed.c.debits, 0),
                Account.credits_minor != func.coalesce(summed.c.credits, 0),
            )
        )
        .order_by(Account.id)
    )
    return list(db.session.scalars(found, {"at": datetime.max.replace(tzinfo=UTC)}))


def grants_told_otherwise() -> list[str]:
    """The grants whose payments and refunds are not what the ledger says of them; empty when both tell the same."""
    state, minor = Disbursement.state, Disbursement.amount_minor
    told = (
        select(
            Tranche.award_id,
            func.coalesce(_sum(minor, state == DisbursementState.APPROVED), 0).label("payable"),
            func.coalesce(_sum(minor, state.in_(SENT)), 0).label("sent"),
        )
        .join(Disbursement, Disbursement.tranche_id == Tranche.id)
        .group_by(Tranche.award_id)
        .subquery("told")
    )
    back = select(Refund.award_id, _sum(Refund.amount_minor).label("minor")).group_by(Refund.award_id).subquery("back")
    held = {
        kind: func.coalesce(_sum(Account.balance_minor, Account.kind == kind), 0)
        for kind in (AccountKind.PAYABLE, AccountKind.PAID, AccountKind.REFUNDED)
    }
    refunded = func.coalesce(func.max(back.c.minor), 0)
    found = (
        select(Award.reference)
        .join(Account, Account.award_id == Award.id)
        .outerjoin(told, told.c.award_id == Award.id)
        .outerjoin(back, back.c.award_id == Award.id)
        .group_by(Award.id)
        .having(
            or_(
                held[AccountKind.PAYABLE] != func.coalesce(func.max(told.c.payable), 0),
                held[AccountKind.PAID] != func.coalesce(func.max(told.c.sent), 0) - refunded,
                held[AccountKind.REFUNDED] != refunded,
            )
        )
    )
    return list(db.session.scalars(found.order_by(Award.reference)))


class TransferLine(NamedTuple):
    """A transfer as a line of the ledger page."""

    at: datetime
    amount_minor: int
    currency: str
    memo: str
    debit_kind: str
    credit_kind: str
    call_reference: str
    award_reference: str | None
    payment: str | None
    by: str | None


def transfers(
    seen: Select[Transfer], *, call: str = "", award: Award | None = None, at: datetime | None = None, page: int = 1
) -> tuple[list[TransferLine], int]:
    """One page of transfers among those a person may see, newest first, and how many there are; one query.

    All of them, or those of one call or of one grant; until a moment, when one is given.
    """
    asked: dict[str, Any] = {"most": PAGE, "before": (page - 1) * PAGE} | _until(at)
    asked |= {"call": call} if call else {}
    asked |= {"award": award.id} if award else {}
    rows = _transfers(seen, bool(call), award is not None, at is not None)(**asked)
    return [TransferLine._make(row[1:]) for row in rows if row[1]], rows[0][0]


def every_transfer(
    seen: Select[Transfer], *, call: str = "", award: Award | None = None, at: datetime | None = None
) -> Iterator[TransferLine]:
    """Every transfer in the same order, one after the other."""
    asked: dict[str, Any] = {"most": None, "before": 0} | _until(at)
    asked |= {"call": call} if call else {}
    asked |= {"award": award.id} if award else {}
    rows = _transfers(seen, bool(call), award is not None, at is not None).streamed(**asked)
    return (TransferLine._make(row[1:]) for row in rows if row[1])


@prepared_once
def _transfers(seen: Select[Transfer], of_call: bool, of_award: bool, past: bool) -> Prepared:
    """The reading for one scope: how many transfers there are, and beside it one page of them."""
    debit, credit = aliased(Account), aliased(Account)
    found = seen
    if of_call:
        wanted = select(Call.id).where(Call.reference == bindparam("call", None, type_=Text)).scalar_subquery()
        found = seen.join(Account, Account.id == Transfer.credit_account_id).where(Account.call_id == wanted)
    if of_award:
        own = select(Account.id).where(Account.award_id == _OF_AWARD)
        found = found.where(or_(Transfer.debit_account_id.in_(own), Transfer.credit_account_id.in_(own)))
    if past:
        found = found.where(Transfer.at <= bindparam("at", None, type_=DateTime(timezone=True)))
    numbers = found.with_only_columns(func.count().label("number"), maintain_column_froms=True).subquery("numbers")
    first = found.with_only_columns(Transfer.id, maintain_column_froms=True).order_by(Transfer.id.desc())
    page = first.limit(_MOST).offset(_BEFORE).subquery("page")
    shown = (
        select(
            numbers.c.number,
            *(Transfer.at, Transfer.amount_minor, Transfer.currency, Transfer.memo, debit.kind, credit.kind),
            *(Call.reference, Award.reference, Disbursement.reference, Person.name),
        )
        .select_from(numbers)
        .outerjoin(page, true())
        .outerjoin(Transfer, Transfer.id == page.c.id)
        .outerjoin(debit, debit.id == Transfer.debit_account_id)
        .outerjoin(credit, credit.id == Transfer.credit_account_id)
        .outerjoin(Call, Call.id == credit.call_id)
        .outerjoin(Award, Award.id == func.coalesce(credit.award_id, debit.award_id))
        .outerjoin(Disbursement, Disbursement.id == Transfer.disbursement_id)
        .outerjoin(Person, Person.id == Transfer.by_id)
        .order_by(page.c.id.desc())
    )
    return Prepared(lambda: shown)
