"""How far a budget may be changed without asking, how long a grant may be made, and what an amendment says.

Money that is moved between headings adds up since the version that was signed last: what a heading gave and what it got
both count, and moving money back does not undo it (``call.award.budget_change``, "Changes add up").
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from grants.amendments.models import KIND_LABELS, Amendment, Kind
from grants.amendments.queries import FINAL_REPORT, Facts
from grants.amendments.workflow import AmendmentState
from grants.awards.models import Award, AwardVersion
from grants.awards.rules import RUNNING, TRIGGER_LABELS, add_months, day_shown
from grants.awards.workflow import AwardState
from grants.budgets.rules import cap_of, figures_of
from grants.budgets.rules import shown as amount_shown
from grants.core.differences import Part, compared
from grants.core.languages import LazyWords, _l, long_day, pick
from grants.core.money import Money
from grants.core.questions import Budget
from grants.core.rules import Obstacle, mark_of, obstacles_to_unread
from grants.payments.models import Tranche
from grants.payments.queries import Position
from grants.payments.rules import due_after_report
from grants.reports.models import ReportDue
from grants.reports.rules import TO_WRITE

DAYS_TO_REPORT = 60
"""A terminated grant reports within sixty days, as one that ended on its day does in the sample call."""

DAYS_TO_SIGN = 14
"""An amendment is answered by the fund, worked out by the grantee and signed within two weeks each."""


# ------------------------------------------------------------------ how much money may move


class Level(enum.IntEnum):
    """What a budget change needs, the least first."""

    NOTHING = 0
    NOTICE = 1
    APPROVAL = 2
    AMENDMENT = 3


LEVEL_LABELS: dict[Level, Any] = {
    Level.NOTHING: _l("Nothing is moved."),
    Level.NOTICE: _l("A notice is enough: it applies at once."),
    Level.APPROVAL: _l("The fund has to approve it in writing. It applies when the fund has."),
    Level.AMENDMENT: _l("It needs an amendment of the agreement, which is signed."),
}


@dataclass(frozen=True)
class Limits:
    """The call's rule for moving money between headings, in percent of a heading (or, ``of_total``, of the grant)."""

    notice: Decimal
    approval: Decimal
    of_total: bool = False
    adds_up: bool = True


def limits_in(terms: Mapping[str, Any]) -> Limits:
    """The rule in the terms of a call. A call that says nothing lets nothing move without an amendment."""
    change = terms.get("budget_change") or {}
    free, of_total = change.get("free_below_percent_of_heading"), False
    if free is None:
        free, of_total = change.get("free_below_percent_of_total", 0), "free_below_percent_of_total" in change
    approval = change.get("written_approval_up_to_percent", change.get("amendment_above_percent", free))
    return Limits(
        Decimal(str(free)),
        max(Decimal(str(free)), Decimal(str(approval))),
        of_total,
        bool(change.get("cumulative", True)),
    )


@dataclass(frozen=True)
class Line:
    """One heading of a budget while money is moved. All amounts are minor units.

    ``signed`` is what the version signed last gives it, ``moved_before`` what notices have moved out of it and into it
    since, ``now`` what stands, ``change`` what is asked, ``spent`` what accepted reports tell was spent.
    """

    heading: str
    title: Mapping[str, str]
    signed: int
    moved_before: int
    now: int
    change: int
    spent: int

    @property
    def then(self) -> int:
        """What the heading would have."""
        return self.now + self.change


@dataclass(frozen=True)
class Shift:
    """A budget while money is moved in it: its headings, and the limits that count."""

    lines: tuple[Line, ...]
    limits: Limits
    currency: str

    @property
    def total(self) -> int:
        """The grant."""
        return sum(line.now for line in self.lines)

    @property
    def rest(self) -> int:
        """What was taken from headings and given to none (or, below zero, given and taken from none)."""
        return -sum(line.change for line in self.lines)

    def moved(self, line: Line) -> int:
        """What was moved out of a heading and into it, with what is asked now."""
        return abs(line.change) + (line.moved_before if self.limits.adds_up else 0)

    def base(self, line: Line) -> int:
        """What the limits are a part of."""
        return self.total if self.limits.of_total else line.signed

    def level_of(self, line: Line) -> Level:
        """What the change of one heading needs."""
        if not line.change:
            return Level.NOTHING
        moved, base = self.moved(line) * 100, self.base(line)
        if moved <= self.limits.notice * base:
            return Level.NOTICE
        return Level.APPROVAL if moved <= self.limits.approval * base else Level.AMENDMENT

    @property
    def level(self) -> Level:
        """What the whole change needs: as much as the heading that needs most."""
        return max((self.level_of(line) for line in self.lines), default=Level.NOTHING)

    def percent(self, line: Line) -> Decimal | None:
        """How much was moved of a heading, to one decimal; None where it had nothing."""
        base = self.base(line)
        return (Decimal(self.moved(line)) * 100 / base).quantize(Decimal("0.1")) if base else None

    def free(self, line: Line) -> int:
        """What can still be moved out of a heading or into it by a notice, after what is asked now."""
        most = int(self.limits.notice * self.base(line) // 100)
        return max(0, most - self.moved(line))

    def money(self, minor: int) -> Money:
        """An amount of the grant."""
        return Money(minor, self.currency)


def shift_of(facts: Facts, moves: Mapping[str, int]) -> Shift:
    """The budget of a grant while so much is moved by heading."""
    version = facts.versions[-1] if facts.versions else None
    signed = {line["heading"]: line["minor"] for line in version.terms["budget"]} if version else {}
    since = [notice for notice in facts.notices if version is not None and notice.version == version.number]
    moved: dict[str, int] = {}
    for notice in since:
        for heading, minor in notice.moves.items():
            moved[heading] = moved.get(heading, 0) + abs(minor)
    return Shift(
        tuple(
            Line(
                heading=line.heading,
                title=line.title,
                signed=signed.get(line.heading, line.amount_minor),
                moved_before=moved.get(line.heading, 0),
                now=line.amount_minor,
                change=moves.get(line.heading, 0),
                spent=facts.spent.get(line.heading, 0),
            )
            for line in facts.lines
        ),
        limits_in(facts.terms),
        facts.award.currency,
    )


def obstacles_to_moving_money(shift: Shift, budget: Budget) -> list[Obstacle]:
    """Why money cannot be moved so, whoever agrees: it does not come out even, falls below what was spent, or breaks a
    ceiling of the call.
    """
    found = []
    if all(not line.change for line in shift.lines):
        found.append(Obstacle("nothing_moved", _l("Please say how much is moved from which heading to which.")))
    if shift.rest:
        message = (
            _l("%(rest)s are taken from a heading and given to none.", rest=amount_shown(shift.money(shift.rest)))
            if shift.rest > 0
            else _l("%(rest)s are given to a heading and taken from none.", rest=amount_shown(shift.money(-shift.rest)))
        )
        found.append(Obstacle("uneven", message))
    for line in shift.lines:
        if line.then < 0:
            message = _l(
                "“%(heading)s” has only %(now)s.", heading=_title(line), now=amount_shown(shift.money(line.now))
            )
            found.append(Obstacle("below_zero", message))
        elif line.change < 0 and line.then < line.spent:
            message = _l(
                "Of “%(heading)s” %(spent)s are spent and accepted already.",
                heading=_title(line),
                spent=amount_shown(shift.money(line.spent)),
            )
            found.append(Obstacle("below_spent", message))
    return found + _over_ceilings(shift, budget)


def _title(line: Line) -> Any:
    return LazyWords(pick, line.title)


def _over_ceilings(shift: Shift, budget: Budget) -> list[Obstacle]:
    """Headings that would cost more than the call allows, and by more than was signed."""
    before = _above(budget, {line.heading: line.signed for line in shift.lines}, shift.currency)
    after = _above(budget, {line.heading: line.then for line in shift.lines}, shift.currency)
    titles = {line.heading: line.title for line in shift.lines}
    return [
        Obstacle(
            "ceiling",
            _l(
                "“%(heading)s” may have at most %(limit)s.",
                heading=LazyWords(pick, titles.get(key, {})),
                limit=amount_shown(Money(int(most.scaleb(_digits(shift)) // 1), shift.currency)),
            ),
        )
        for key, (over, most) in after.items()
        if over > max(Decimal(0), before[key][0])
    ]


def _digits(shift: Shift) -> int:
    unit = Money(1, shift.currency).amount
    return -int(unit.as_tuple().exponent)


def _above(budget: Budget, minors: Mapping[str, int], currency: str) -> dict[str, tuple[Decimal, Decimal]]:
    """By how much each heading with a ceiling is above it (below zero: how much is left), and the ceiling."""
    rows = []
    for key, minor in minors.items():
        amount = str(Money(minor, currency).amount)
        rows.append({"heading": key, "total": amount, "requested": amount})
    figures = figures_of(budget, rows)
    found = {}
    for heading in budget.headings:
        cap = cap_of(heading, budget, figures)
        if cap is not None and heading.key in minors:
            spent = figures[f"{heading.key}_requested"] if heading.cap_of == "grant" else figures[heading.key]
            found[heading.key] = (spent - cap[0], cap[0])
    return found


# ------------------------------------------------------------------ how long a grant may last


def latest_end(facts: Facts) -> date | None:
    """The last day to which a grant may be extended: so many months after the end that was signed first, and never after
    the last day of all actions of the call. None when its terms say neither.
    """
    first = facts.versions[0].terms["end_on"] if facts.versions else None
    months = (facts.terms.get("no_cost_extension") or {}).get("max_months")
    longest = add_months(date.fromisoformat(first), int(months)) if first and months is not None else None
    return min((day for day in (longest, facts.latest_end_on) if day), default=None)


def asks_late(facts: Facts) -> bool:
    """Whether an extension is asked for later before the end than the agreement says; the fund may agree all the same."""
    days = (facts.terms.get("no_cost_extension") or {}).get("request_days_before_end")
    end_on = facts.award.end_on
    return days is not None and end_on is not None and facts.today > end_on - timedelta(days=int(days))


def obstacles_to_extending(facts: Facts, end_on: date | None) -> list[Obstacle]:
    """Why a grant cannot end on a later day. ``end_on`` is None while the page is only shown."""
    award = facts.award
    found = _not_running(award)
    if award.end_on is None or facts.today > award.end_on:
        found.append(Obstacle("ended", _l("A grant is extended before its last day, not after it.")))
        return found
    if end_on is None:
        return found
    latest = latest_end(facts)
    if end_on <= award.end_on:
        message = _l("The new last day lies after %(day)s.", day=day_shown(award.end_on))
        found.append(Obstacle("not_later", message))
    elif latest is not None and end_on > latest:
        message = _l("By the terms of the call the grant ends on %(day)s at the latest.", day=day_shown(latest))
        found.append(Obstacle("too_long", message))
    return found


def _not_running(award: Award) -> list[Obstacle]:
    if award.state in RUNNING:
        return []
    where = AwardState(award.state).label
    return [Obstacle("not_running", _l("Only a grant that runs can be changed. This one: %(state)s.", state=where))]


# ------------------------------------------------------------------ asking


@dataclass(frozen=True)
class Request:
    """What somebody asks to change. ``moves`` are minor units by heading, below zero where money is taken."""

    kinds: frozenset[Kind]
    reason: str
    end_on: date | None = None
    moves: Mapping[str, int] = field(default_factory=dict)
    scope: str = ""

    @property
    def only_moves_money(self) -> bool:
        """Whether nothing but the budget changes."""
        return self.kinds == {Kind.BUDGET}


def request_in(amendment: Amendment) -> Request:
    """What an amendment asks for."""
    kinds = frozenset(Kind(kind) for kind in amendment.kinds)
    return Request(kinds, amendment.reason, amendment.end_on, amendment.moves, amendment.scope)


def obstacles_to_asking(facts: Facts, request: Request, *, assisted: bool = False) -> list[Obstacle]:
    """Why a change cannot be asked for: the grant does not run, another change is on its way, or it cannot be."""
    found = _not_running(facts.award)
    if not facts.versions:
        found.append(Obstacle("not_signed", _l("No agreement is signed yet.")))
    if facts.open is not None and (assisted or not _is_beside(facts.open, facts, request)):
        where = ("amendments.show", {"reference": facts.award.reference, "number": facts.open.number})
        message = _l("Change %(number)s is on its way. Finish or withdraw it first.", number=facts.open.number)
        found.append(Obstacle("one_at_a_time", message, where))
    if found:
        return found
    if not request.kinds:
        found.append(Obstacle("no_kind", _l("Please say what is to change.")))
    if not request.reason.strip():
        found.append(Obstacle("reason_missing", _l("Please say why. The reason stays in the record.")))
    return found + obstacles_in(facts, request)


def _is_beside(amendment: Amendment, facts: Facts, request: Request) -> bool:
    """Whether a change is a notice that an open amendment, which leaves the budget alone, does not mind."""
    return Kind.BUDGET not in amendment.kinds and level_of(facts, request) <= Level.NOTICE


def obstacles_in(facts: Facts, request: Request) -> list[Obstacle]:
    """What in a change cannot be, by the rules of the call and by what has happened."""
    found = []
    if Kind.EXTENSION in request.kinds:
        if request.end_on is None:
            found.append(Obstacle("no_end", _l("Please give the new last day.")))
        found += [one for one in obstacles_to_extending(facts, request.end_on) if one.code != "not_running"]
    if Kind.BUDGET in request.kinds:
        found += obstacles_to_moving_money(shift_of(facts, request.moves), facts.budget)
    if Kind.SCOPE in request.kinds and not request.scope.strip():
        found.append(Obstacle("no_scope", _l("Please describe the work as it is to be from now on.")))
    return found


def level_of(facts: Facts, request: Request) -> Level:
    """What a change needs: only a change of the budget alone can do with less than an amendment."""
    return shift_of(facts, request.moves).level if request.only_moves_money else Level.AMENDMENT


# ------------------------------------------------------------------ deciding


def four_eyes(terms: Mapping[str, Any]) -> bool:
    """Whether, by the terms of a call, whoever checks an amendment is another than whoever approved it."""
    return bool((terms.get("amendments") or {}).get("four_eyes"))


def _must_be(amendment: Amendment, *allowed: AmendmentState) -> list[Obstacle]:
    if amendment.state in allowed:
        return []
    where = AmendmentState(amendment.state).label
    return [Obstacle("not_in_this_state", _l("This change stands elsewhere now: %(state)s.", state=where))]


def mark_of_change(amendment: Amendment) -> str:
    """A mark of what a change asks for and comes to as it stands: nobody decides about another one than was read."""
    asked = amendment.reason, amendment.end_on, sorted(amendment.moves.items()), amendment.scope
    return mark_of(amendment.state, asked, revision_in(amendment), amendment.agreement_id)


def obstacles_to_deciding_unread(amendment: Amendment, read: str | None) -> list[Obstacle]:
    """Why nobody decides about a change: it is not what was read."""
    return [] if read is None else obstacles_to_unread(read, mark_of_change(amendment))


def obstacles_to_confirming(amendment: Amendment) -> list[Obstacle]:
    """Why there is nothing for the grantee to confirm."""
    found = _must_be(amendment, AmendmentState.REQUESTED)
    if not amendment.waits_for_confirmation:
        found.append(Obstacle("nothing_to_confirm", _l("There is nothing to confirm.")))
    return found


def obstacles_to_approving(amendment: Amendment, facts: Facts, by_id: int) -> list[Obstacle]:
    """Why a change cannot be approved: not confirmed, no longer possible, or asked for by the same person."""
    found = _must_be(amendment, AmendmentState.REQUESTED)
    if amendment.waits_for_confirmation:
        found.append(
            Obstacle("unconfirmed", _l("The fund wrote this down for the grantee, which has not confirmed it yet."))
        )
    if four_eyes(facts.terms) and amendment.assisted and amendment.asked_by_id == by_id:
        found.append(Obstacle("wrote_it", _l("You wrote it down. A colleague decides about it.")))
    return found + _not_running(facts.award) + obstacles_in(facts, request_in(amendment))


def obstacles_to_refusing(amendment: Amendment, reason: str | None) -> list[Obstacle]:
    """Why a change cannot be refused. ``reason`` is None while the page is only shown."""
    found = _must_be(amendment, AmendmentState.REQUESTED)
    if reason is not None and not reason.strip():
        found.append(Obstacle("reason_missing", _l("Please say why. The grantee reads it.")))
    return found


# ------------------------------------------------------------------ working out


@dataclass(frozen=True)
class Revision:
    """How a change was worked out: days by the id of a milestone and of a report, minor units by heading, the scope.

    What the change does not open stays empty.
    """

    milestones: Mapping[int, date] = field(default_factory=dict)
    reports: Mapping[int, date] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)
    scope: str = ""

    def stored(self) -> dict[str, Any]:
        """As it is kept."""
        return {
            "milestones": {str(key): day.isoformat() for key, day in self.milestones.items()},
            "reports": {str(key): day.isoformat() for key, day in self.reports.items()},
            "lines": dict(self.lines),
            "scope": self.scope,
        }


def revision_in(amendment: Amendment) -> Revision:
    """How an amendment was worked out so far."""
    kept = amendment.revision
    return Revision(
        {int(key): date.fromisoformat(day) for key, day in kept.get("milestones", {}).items()},
        {int(key): date.fromisoformat(day) for key, day in kept.get("reports", {}).items()},
        kept.get("lines", {}),
        kept.get("scope", ""),
    )


def moves_dates(amendment: Amendment) -> bool:
    """Whether the days of milestones and reports are open: more time, or other work."""
    return bool({Kind.EXTENSION, Kind.SCOPE} & set(amendment.kinds))


def open_milestones(facts: Facts) -> list[Any]:
    """The milestones whose days can still be moved."""
    return [milestone for milestone in facts.milestones if milestone.reached_on is None]


def open_reports(facts: Facts) -> list[ReportDue]:
    """The reports whose days can still be moved."""
    return [due for due in facts.reports if due.state in TO_WRITE]


def proposed(amendment: Amendment, facts: Facts) -> Revision:
    """What a change comes to before anybody has worked it out: what was due on the former last day or after it moves by as
    many days as the end, the budget is the one asked for.
    """
    dates = moves_dates(amendment)
    end_on = facts.award.end_on
    later = amendment.end_on - end_on if amendment.end_on and end_on else timedelta()

    def moved(day: date) -> date:
        return day + later if end_on is not None and day >= end_on else day

    return Revision(
        {one.id: moved(one.due_on) for one in open_milestones(facts)} if dates else {},
        {due.id: moved(due.due_on) for due in open_reports(facts)} if dates else {},
        {line.heading: line.then for line in shift_of(facts, amendment.moves).lines}
        if Kind.BUDGET in amendment.kinds
        else {},
        amendment.scope,
    )


def moved_instalments(facts: Facts, revision: Revision) -> list[tuple[Tranche, date]]:
    """The instalments that nobody has begun to pay and whose day follows from a report or a milestone that is moved, each
    with its new day; none comes before the one ahead of it.
    """
    milestones = {one.id: revision.milestones.get(one.id, one.due_on) for one in open_milestones(facts)}
    due_by = {due.id: revision.reports.get(due.id, due.due_on) for due in open_reports(facts)}
    moved, latest = [], date.min
    for tranche in facts.tranches:
        day, milestone, report = tranche.due_on, tranche.milestone, tranche.report_due
        new_milestone = milestones.get(milestone.id, milestone.due_on) if milestone else None
        new_report = due_by.get(report.id, report.due_on) if report else None
        is_moved = (milestone is not None and new_milestone != milestone.due_on) or (
            report is not None and new_report != report.due_on
        )
        if tranche.id in facts.unpaid and is_moved:
            follows = [due_after_report(one) for one in (new_report, new_milestone) if one is not None]
            day = max([*follows, *([tranche.not_before] if tranche.not_before else [])])
        if tranche.id in facts.unpaid:
            day = max(day, latest)
        latest = max(latest, day)
        if day != tranche.due_on:
            moved.append((tranche, day))
    return moved


def base_of(facts: Facts) -> dict[str, Any]:
    """What stands now of what a change may touch; what is worked out is worked out of this."""
    return {
        "end_on": facts.award.end_on.isoformat() if facts.award.end_on else None,
        "milestones": {str(one.id): one.due_on.isoformat() for one in open_milestones(facts)},
        "reports": {str(one.id): one.due_on.isoformat() for one in open_reports(facts)},
        "lines": {line.heading: line.amount_minor for line in facts.lines},
    }


def obstacles_by_base(amendment: Amendment, facts: Facts) -> list[Obstacle]:
    """Why a change does not go on as it was worked out: what it was worked out of is other now. What was reached or reported
    meanwhile is left alone by it and does not matter.
    """
    base, now = amendment.revision.get("base"), base_of(facts)
    if base is None:
        return []
    opened = {"end_on": Kind.EXTENSION in amendment.kinds, "lines": Kind.BUDGET in amendment.kinds}
    parts = [part for part in now if opened.get(part, moves_dates(amendment))]
    same = all(
        base[part] == now[part]
        if not isinstance(now[part], dict)
        else all(base[part].get(key, value) == value for key, value in now[part].items())
        for part in parts
    )
    if same:
        return []
    message = _l("Something that it changes was changed otherwise meanwhile. It has to be worked out again.")
    return [Obstacle("base_moved", message)]


def obstacles_to_working_out(amendment: Amendment, facts: Facts) -> list[Obstacle]:
    """Why a change cannot be worked out now: it is with the fund, or done."""
    return _must_be(amendment, AmendmentState.APPROVED, AmendmentState.RETURNED) + _not_running(facts.award)


def obstacles_in_revision(amendment: Amendment, facts: Facts, revision: Revision) -> list[Obstacle]:
    """What in a change that was worked out cannot be."""
    found = []
    if moves_dates(amendment):
        found += _in_dates(amendment, facts, revision)
    if Kind.BUDGET in amendment.kinds:
        now = {line.heading: line.amount_minor for line in facts.lines}
        moves = {heading: revision.lines.get(heading, minor) - minor for heading, minor in now.items()}
        found += obstacles_to_moving_money(shift_of(facts, moves), facts.budget)
    if Kind.SCOPE in amendment.kinds and not revision.scope.strip():
        found.append(Obstacle("no_scope", _l("Please describe the work as it is to be from now on.")))
    if Kind.EXTENSION in amendment.kinds:
        found += [one for one in obstacles_to_extending(facts, amendment.end_on) if one.code != "not_running"]
    return found


def _in_dates(amendment: Amendment, facts: Facts, revision: Revision) -> list[Obstacle]:
    """A day that is moved lies after what has happened: milestones not before today, reports not before one that was handed
    in. Milestones lie within the grant, the final report after its end.
    """
    end_on = amendment.end_on or facts.award.end_on
    found = []
    for one in open_milestones(facts):
        after = revision.milestones.get(one.id)
        found += _in_day(one.title, one.due_on, after, facts.today)
        if after is not None and end_on is not None and after > end_on:
            message = _l("“%(what)s” lies outside the period of the grant.", what=one.title)
            found.append(Obstacle("outside_the_period", message))
    for due in open_reports(facts):
        after = revision.reports.get(due.id)
        found += _in_day(due.label, due.due_on, after, max(facts.today, facts.reported_until or facts.today))
        if due.key == FINAL_REPORT and after is not None and end_on is not None and after < end_on:
            found.append(Obstacle("final_before_end", _l("The final report is due after the last day of the grant.")))
    return found


def _in_day(what: Any, before: date, after: date | None, floor: date) -> list[Obstacle]:
    named = LazyWords(pick, what)
    if after is None:
        return [Obstacle("no_day", _l("Please give the day of “%(what)s”.", what=named))]
    if after != before and after < floor:
        message = _l("“%(what)s” cannot be before %(day)s.", what=named, day=day_shown(floor))
        return [Obstacle("before_what_happened", message)]
    return []


def obstacles_to_handing_in(amendment: Amendment, facts: Facts) -> list[Obstacle]:
    """Why what was worked out cannot be handed in."""
    return (
        obstacles_to_working_out(amendment, facts)
        or obstacles_by_base(amendment, facts)
        or obstacles_in_revision(amendment, facts, revision_in(amendment))
    )


def obstacles_to_returning(amendment: Amendment, reason: str | None) -> list[Obstacle]:
    """Why what was worked out cannot be sent back. ``reason`` is None while the page is only shown."""
    found = _must_be(amendment, AmendmentState.REVISED, AmendmentState.DRAWN_UP)
    if reason is not None and not reason.strip():
        found.append(Obstacle("reason_missing", _l("Please say what has to change.")))
    return found


def obstacles_to_drawing_up(amendment: Amendment, facts: Facts, by_id: int) -> list[Obstacle]:
    """Why an amendment cannot be drawn up: not handed in, no longer possible, or approved by the same person."""
    found = _must_be(amendment, AmendmentState.REVISED)
    if four_eyes(facts.terms) and amendment.decided_by_id == by_id:
        found.append(Obstacle("approved_it", _l("You approved the request. A colleague checks what was worked out.")))
    found += _not_running(facts.award) + obstacles_by_base(amendment, facts)
    return found + obstacles_in_revision(amendment, facts, revision_in(amendment))


def obstacles_to_signing(
    amendment: Amendment, facts: Facts, signature: str | None, *, may_sign: bool, version: int | None = None
) -> list[Obstacle]:
    """Why an amendment cannot be signed. ``signature`` is None while the page is only shown; ``version`` is the document
    that was read: nobody signs a newer one unread.
    """
    found = _must_be(amendment, AmendmentState.DRAWN_UP)
    if found:
        return found
    if version is not None and amendment.agreement is not None and amendment.agreement.version != version:
        message = _l("The amendment was drawn up again meanwhile. Please read the new version first.")
        found.append(Obstacle("newer_version", message))
    if not may_sign:
        found.append(Obstacle("not_a_signatory", _l("Only a person who may sign for the organization can sign.")))
    if signature is not None and not signature.split():
        found.append(Obstacle("no_signature", _l("Please type your full name.")))
    found += _not_running(facts.award) + obstacles_by_base(amendment, facts)
    return found + obstacles_in_revision(amendment, facts, revision_in(amendment))


def obstacles_to_ending(amendment: Amendment, verb: str, reason: str | None) -> list[Obstacle]:
    """Why a change cannot be withdrawn or let lapse. ``reason`` is None while the page is only shown."""
    found = [] if amendment.workflow.allows(verb, amendment.state) else _must_be(amendment)
    if reason is not None and not reason.strip():
        found.append(Obstacle("reason_missing", _l("Please say why. The reason stays in the record.")))
    return found


# ------------------------------------------------------------------ terminating


@dataclass(frozen=True)
class Settlement:
    """How a grant that ends before its time comes out. Without reports that are still to be read, ``open_reports`` is 0."""

    position: Position
    told: Money
    open_reports: int

    @property
    def to_pay(self) -> Money:
        """What was spent in good faith beyond what was paid, as far as the grant reaches."""
        return self.position.owed

    @property
    def to_refund(self) -> Money:
        """What was paid and not spent."""
        return self.position.unspent


def obstacles_to_terminating(award: Award, under_way: Sequence[str]) -> list[Obstacle]:
    """Why an agreement cannot be terminated: the grant does not run, or a payment is under way."""
    found = _not_running(award)
    for reference in under_way:
        where = ("payments.show", {"reference": reference})
        message = _l("The payment %(reference)s is under way. Send it or cancel it first.", reference=reference)
        found.append(Obstacle("payment_under_way", message, where))
    return found


def last_report_due(today: date, final: ReportDue) -> date:
    """When the final report of a terminated grant is due; one that was due sooner stays."""
    return min(final.due_on, today + timedelta(days=DAYS_TO_REPORT)) if final.due_on >= today else final.due_on


def overtaken(reports: Iterable[ReportDue]) -> list[ReportDue]:
    """The reports that a termination overtakes: the final one tells of everything."""
    return [due for due in reports if due.key != FINAL_REPORT and due.state in TO_WRITE]


# ------------------------------------------------------------------ what changed


@dataclass(frozen=True)
class Side:
    """One part of two versions beside each other: what it is, and its lines as parts that both say or only one."""

    label: Any
    old: list[list[Part]]
    new: list[list[Part]]
    differs: bool


def compare(old: AwardVersion, new: AwardVersion, triggers: Mapping[str, Any]) -> list[Side]:
    """Two versions side by side, in the language and the money of the reader."""
    both = zip(worded(old.terms, triggers), worded(new.terms, triggers), strict=True)
    return [Side(label, *compared(before, after), differs=before != after) for (label, before), (_same, after) in both]


def worded(terms: Mapping[str, Any], triggers: Mapping[str, Any]) -> list[tuple[Any, list[str]]]:
    """The terms of a version, part by part, each with its lines, in the language and the money of the reader."""

    def money(minor: int) -> str:
        return str(amount_shown(Money(minor, terms["currency"])))

    def on(what: str, day: str | None) -> str:
        return str(_l("%(what)s: %(text)s", what=what, text=_day(day)))

    def paid(one: Mapping[str, Any]) -> str:
        when = pick(triggers.get(one["trigger"])) or pick(TRIGGER_LABELS[one["trigger"]])
        parts = [money(one["minor"]), when, _day(one["due_on"])]
        if one["min_spent_percent"]:
            parts.append(
                str(_l("at least %(percent)s %% of the money received is spent", percent=one["min_spent_percent"]))
            )
        if one.get("milestone"):
            parts.append(str(_l("the fund has seen that this is reached: %(milestone)s", milestone=one["milestone"])))
        if one.get("not_before"):
            parts.append(str(_l("not before %(day)s", day=_day(one["not_before"]))))
        return f"{one['number']}. {', '.join(parts)}"

    return [
        (_l("Grant"), [money(terms["minor"])]),
        (_l("Period"), [str(_l("%(start)s to %(end)s", start=_day(terms["start_on"]), end=_day(terms["end_on"])))]),
        (_l("Budget"), [f"{pick(line['title'])}: {money(line['minor'])}" for line in terms["budget"]]),
        (_l("Milestones"), [on(one["title"], one["due_on"]) for one in terms["milestones"]]),
        (_l("Reports"), [on(pick(due["label"]), due["due_on"]) for due in terms["reports"]]),
        (_l("Payments"), [paid(one) for one in terms["tranches"]]),
        (_l("Conditions"), [one["text"] for one in terms["conditions"]]),
        (_l("Work"), terms["scope"].splitlines() or [str(_l("As described in the application."))]),
    ]


def _day(day: str | None) -> str:
    return long_day(date.fromisoformat(day)) if day else "–"


# ------------------------------------------------------------------ what an amendment says


def articles_of(amendment: Amendment, facts: Facts, shown_day: Callable[[date | None], str]) -> list[dict[str, Any]]:
    """The articles of the document of an amendment, in the language spoken now: what changes, from what to what."""
    award, revision = facts.award, revision_in(amendment)
    kinds = "; ".join(str(KIND_LABELS[Kind(kind)]) for kind in amendment.kinds)
    articles = [
        _article(
            _l("What is amended"), kinds, str(_l("The grantee asked for it because: %(why)s", why=amendment.reason))
        )
    ]
    if Kind.EXTENSION in amendment.kinds:
        words = _l(
            "The action ends on %(after)s instead of %(before)s. The amount of the grant stays the same.",
            after=shown_day(amendment.end_on),
            before=shown_day(award.end_on),
        )
        articles.append(_article(_l("Period"), str(words)))
    if Kind.BUDGET in amendment.kinds:
        rows = [
            [pick(line.title), _money(line.amount_minor, award), _money(revision.lines[line.heading], award)]
            for line in facts.lines
        ]
        total = [str(_l("Total")), _money(award.amount_minor, award), _money(sum(revision.lines.values()), award)]
        head = [str(_l("Heading")), str(_l("So far")), str(_l("From now on"))]
        articles.append(_article(_l("Budget"), head=head, rows=[*rows, total], numbers=[1, 2], last_is_total=True))
    dates = _dates(amendment, facts, shown_day)
    if dates:
        head = [str(_l("What")), str(_l("So far")), str(_l("From now on"))]
        articles.append(_article(_l("Days"), head=head, rows=dates, numbers=[]))
    if Kind.SCOPE in amendment.kinds:
        articles.append(_article(_l("Work"), *revision.scope.splitlines()))
    rest = _l("Everything else stays as it was agreed. The amendment is in force when the grantee has signed it.")
    return [*articles, _article(_l("What stays"), str(rest))]


def _dates(amendment: Amendment, facts: Facts, shown_day: Callable[[date | None], str]) -> list[list[str]]:
    revision = revision_in(amendment)
    moved = [
        *((one.title, one.due_on, revision.milestones.get(one.id)) for one in open_milestones(facts)),
        *((pick(due.label), due.due_on, revision.reports.get(due.id)) for due in open_reports(facts)),
        *(
            (str(_l("Instalment %(number)s", number=tranche.number)), tranche.due_on, day)
            for tranche, day in moved_instalments(facts, revision)
        ),
    ]
    return [[what, shown_day(day), shown_day(new)] for what, day, new in moved if new is not None and new != day]


def _money(minor: int, award: Award) -> str:
    return str(amount_shown(Money(minor, award.currency)))


def _article(heading: Any, *paragraphs: str, **more: Any) -> dict[str, Any]:
    return {"heading": str(heading), "paragraphs": [words for words in paragraphs if words], **more}
