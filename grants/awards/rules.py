"""What an award is made of, and what stands in the way of offering, accepting, signing and changing it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

from grants.accounts.models import Confidentiality
from grants.awards.models import Agreement, Award, BudgetLine, Condition, Milestone, NewBudget, Risk
from grants.awards.queries import Written
from grants.awards.workflow import FELL_THROUGH, AwardState, BudgetState
from grants.budgets.rules import checks_in, obstacles_in_budget, sums_of
from grants.budgets.rules import shown as amount_shown
from grants.core.expressions import parse
from grants.core.files import obstacles_to_opening
from grants.core.languages import LazyWords, _l, country_name, language_name, language_now, long_day, pick
from grants.core.money import Money, NotAnAmount, split, total
from grants.core.rules import Obstacle, mark_of, obstacles_to_unread
from grants.letters.queries import Paragraphs
from grants.questionnaires.rules import obstacles_to_completing

DAYS_TO_ANSWER = 14
MOST_MILESTONES = 8
SIGNED = frozenset({AwardState.ACTIVE, AwardState.SUSPENDED, AwardState.TERMINATED, AwardState.CLOSED})
RUNNING = frozenset({AwardState.ACTIVE, AwardState.SUSPENDED})
READABLE = frozenset({BudgetState.HANDED_IN, BudgetState.ACCEPTED})
"""When the fund reads a new budget: nothing of it before it is handed in."""

WHOLE_GRANT = {"en": "The whole grant", "fr": "Toute la subvention", "es": "Toda la subvención", "ar": "المنحة كاملة"}
"""The one budget line of an application that has no budget by heading."""


# ------------------------------------------------------------------ what an award is made of


@dataclass(frozen=True)
class Instalment:
    """One planned payment: its share, its amount, what sets it free, and how much of the money must be spent first."""

    number: int
    percent: Decimal
    amount: Money
    trigger: str
    min_spent_percent: int | None = None
    milestone_title: str | None = None
    not_before: date | None = None


@dataclass(frozen=True)
class ReportPlanned:
    """A report that the call asks for, with the date it falls on for one award."""

    key: str
    label: dict[str, str]
    kind: str
    required: bool
    due_on: date


@dataclass(frozen=True)
class Share:
    """What of the grant goes under one budget heading."""

    heading: str
    title: dict[str, str]
    amount: Money


@dataclass(frozen=True)
class Promise:
    """A result of the work plan with the day by which it is promised."""

    title: str
    due_on: date


@dataclass(frozen=True)
class Step:
    """One reach of the river of a grant; ``state`` is done, current or todo."""

    label: Any
    state: str
    at: date | datetime | None = None


class Payment(Protocol):
    """An instalment as the agreement names it: an :class:`Instalment`, or the tranche planned from it."""

    @property
    def number(self) -> int:
        """Its place among the instalments."""

    @property
    def amount(self) -> Money:
        """How much is paid."""

    @property
    def trigger(self) -> str:
        """What sets it free."""

    @property
    def min_spent_percent(self) -> int | None:
        """How much of the money received must be spent before."""

    @property
    def milestone_title(self) -> str | None:
        """The milestone that has to be reached before."""

    @property
    def not_before(self) -> date | None:
        """The day before which nothing of it is paid."""


class Owed(Protocol):
    """A report as the agreement names it: a :class:`ReportPlanned`, or the report owed made from it."""

    @property
    def key(self) -> str:
        """The word by which the call names it."""

    @property
    def label(self) -> dict[str, str]:
        """What it is called."""

    @property
    def kind(self) -> str:
        """How much is asked."""

    @property
    def required(self) -> bool:
        """Whether it has to be given."""

    @property
    def due_on(self) -> date:
        """By when."""


@dataclass(frozen=True)
class VisitPlanned:
    """A visit that the risk of a grant asks for: what for, how, by when, and whether payments wait for it."""

    key: str
    text: str
    kind: str
    due_on: date | None
    holds_payments: bool


MORE_BY_RISK: dict[str, dict[str, Any]] = {
    Risk.MEDIUM: {
        "visits": [
            {
                "key": "accounts_looked_at",
                "kind": "remote",
                "text": {
                    "en": "Look at the accounts of the grant together with the grantee",
                    "fr": "Regarder les comptes de la subvention avec le bénéficiaire",
                    "es": "Revisar las cuentas de la subvención con la entidad beneficiaria",
                },
                "offset": {"from": "midpoint", "days": 0},
            }
        ]
    },
    Risk.HIGH: {
        "first_instalment": {
            "percent_at_once": 50,
            "rest_after": "progress_report",
            "min_spent_percent_of_received": 70,
        },
        "reports": [
            {
                "key": "progress_report",
                "offset": {"from": "quarter", "days": 0},
                "type": "narrative_and_financial",
                "required": True,
                "label": {
                    "en": "Progress report",
                    "fr": "Rapport d’avancement",
                    "es": "Informe de avance",
                    "ar": "تقرير التقدم",
                },
            }
        ],
        "trigger_labels": {
            "progress_report_approved": {
                "en": "Progress report approved",
                "fr": "Rapport d’avancement approuvé",
                "es": "Informe de avance aprobado",
                "ar": "اعتماد تقرير التقدم",
            }
        },
        "visits": [
            {
                "key": "visit",
                "kind": "on_site",
                "holds_payments": True,
                "text": {
                    "en": "See the work, the people it is for, and the accounts of the grant",
                    "fr": "Voir le travail, les personnes pour qui il est fait, et les comptes de la subvention",
                    "es": "Ver el trabajo, a las personas para quienes se hace, y las cuentas de la subvención",
                },
                "offset": {"from": "midpoint", "days": 0},
            }
        ],
    },
}
"""What a risk adds where the call does not say (``award.by_risk``): see docs/decisions/0023-risk-shapes-the-plan.md."""


def terms_for_risk(terms: Mapping[str, Any], risk: str | None) -> Mapping[str, Any]:
    """The terms of a call as they hold for a grant of a risk; low, and one not judged yet, leave them as they are.

    A call says in ``award.by_risk`` what each risk adds: ``tranche_plans`` in the place of its own, a ``first_instalment``
    of which only a part is paid at once, ``reports`` besides its own, ``visits`` by the fund, ``trigger_labels``.
    """
    said = terms.get("award", {}).get("by_risk")
    more = (MORE_BY_RISK if said is None else said).get(risk or Risk.LOW)
    if not more:
        return terms
    award, reporting = dict(terms.get("award", {})), dict(terms.get("reporting", {}))
    plans = more.get("tranche_plans") or award.get("tranche_plans") or []
    award["tranche_plans"] = [_with_first_split(plan, more.get("first_instalment")) for plan in plans]
    award["trigger_labels"] = {**more.get("trigger_labels", {}), **award.get("trigger_labels", {})}
    award["visits"] = more.get("visits", [])
    own = reporting.get("milestones", [])
    besides = [report for report in more.get("reports", []) if report["key"] not in {one["key"] for one in own}]
    reporting["milestones"] = [*own, *besides]
    return {**terms, "award": award, "reporting": reporting}


def _with_first_split(plan: Mapping[str, Any], how: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """A plan whose first instalment is paid in two parts: one at once, the rest after a report."""
    parts = sorted(plan.get("tranches") or [], key=lambda part: part["number"])
    if not how or not parts:
        return plan
    first, whole = parts[0], Decimal(str(parts[0]["percent"]))
    at_once = whole * Decimal(str(how["percent_at_once"])) / 100
    rest = {
        "percent": whole - at_once,
        "trigger": f"{how['rest_after']}_approved",
        "min_spent_percent_of_received": how.get("min_spent_percent_of_received"),
    }
    ordered = [first | {"percent": at_once}, rest, *parts[1:]]
    return {**plan, "tranches": [part | {"number": n} for n, part in enumerate(ordered, 1)]}


def visits_planned(award: Award, terms: Mapping[str, Any], risk: str | None = None) -> list[VisitPlanned]:
    """The visits that the risk of an award asks for, or another that is thought of; in the language of the application."""
    asked = terms_for_risk(terms, risk or award.risk).get("award", {}).get("visits", [])
    language = award.application.language
    return [
        VisitPlanned(
            one["key"],
            pick(one["text"], language),
            one["kind"],
            _reporting_day(award, one["offset"]),
            bool(one.get("holds_payments")),
        )
        for one in asked
    ]


def holds(condition: object, amount: Money) -> bool:
    """Whether a condition of the call ("amount > 10000", true, false) is met by an amount."""
    if isinstance(condition, str):
        return parse(condition, {"amount"}).holds({"amount": amount.amount}) is True
    return bool(condition)


def instalments(award: Award, terms: Mapping[str, Any], risk: str | None = None) -> list[Instalment]:
    """The payments planned for an award, from the first plan of the call whose condition its amount meets; for its risk,
    or for another that is thought of.

    The parts add up to the award exactly: the last one takes what rounding leaves. Empty when no plan fits.
    """
    plans = terms_for_risk(terms, risk or award.risk).get("award", {}).get("tranche_plans", [])
    plan = next((p for p in plans if holds(p.get("when", True), award.amount)), None)
    if plan is None or not plan.get("tranches"):
        return []
    parts = sorted(plan["tranches"], key=lambda part: part["number"])
    percents = [Decimal(str(part["percent"])) for part in parts]
    return [
        Instalment(part["number"], percent, amount, part["trigger"], part.get("min_spent_percent_of_received"))
        for part, percent, amount in zip(parts, percents, split(award.amount, percents), strict=True)
    ]


def report_plan(award: Award, terms: Mapping[str, Any], risk: str | None = None) -> list[ReportPlanned]:
    """The reports that the call asks of this award, by date; for its risk, or for another that is thought of.

    A report whose ``required`` is a condition that this award does not meet is not asked for at all; one that is
    plainly not required is invited. What is counted from a payment is a confirmation, not a report, and stays out.
    """
    planned = []
    for asked in terms_for_risk(terms, risk or award.risk).get("reporting", {}).get("milestones", []):
        day = _reporting_day(award, asked["offset"])
        required = asked.get("required", True)
        if day is None or (isinstance(required, str) and not holds(required, award.amount)):
            continue
        planned.append(ReportPlanned(asked["key"], asked["label"], asked["type"], bool(required), day))
    return sorted(planned, key=lambda report: report.due_on)


def _reporting_day(award: Award, offset: Mapping[str, Any]) -> date | None:
    if award.start_on is None or award.end_on is None:
        return None
    origins = {
        "start": award.start_on,
        "quarter": award.start_on + (award.end_on - award.start_on) // 4,
        "midpoint": award.start_on + (award.end_on - award.start_on) // 2,
        "end": award.end_on,
    }
    origin = origins.get(offset["from"])
    return origin + timedelta(days=int(offset["days"])) if origin else None


def apportion(parts: Sequence[int], whole: int) -> list[int]:
    """Scale ``parts`` so that they add up to ``whole`` exactly, each within one unit of its share.

    The units left over by rounding down go to the parts that lost most. Parts that are all zero cannot be scaled.
    """
    known = sum(parts)
    if known <= 0:
        raise ValueError("nothing to divide by")
    scaled = [part * whole // known for part in parts]
    lost = sorted(range(len(parts)), key=lambda i: (-(parts[i] * whole % known), i))
    for i in lost[: whole - sum(scaled)]:
        scaled[i] += 1
    return scaled


def budget_of(lines: Iterable[Mapping[str, Any]], headings: Iterable[Mapping[str, Any]], award: Money) -> list[Share]:
    """The award by budget heading: what the application asked under each, scaled exactly to what was awarded."""
    asked: dict[str, int] = {}
    for line in lines:
        part = _amount(line.get("requested"), award.currency)
        if part > 0 and line.get("heading"):
            asked[line["heading"]] = asked.get(line["heading"], 0) + part
    if not asked:
        return [Share("grant", WHOLE_GRANT, award)]
    titles = {h["key"]: h["title"] for h in headings if "key" in h}
    known = [key for key in titles if key in asked] + [key for key in asked if key not in titles]
    amounts = apportion([asked[key] for key in known], award.minor)
    return [
        Share(key, dict(titles.get(key, {"en": key})), Money(minor, award.currency))
        for key, minor in zip(known, amounts, strict=True)
    ]


def _amount(value: object, currency: str) -> int:
    try:
        return Money.parse(str(value if value is not None else 0), currency).minor
    except NotAnAmount:
        return 0


def add_months(day: date, months: int) -> date:
    """The same day of the month, ``months`` later; the last day of that month when it has no such day."""
    month = day.month - 1 + months
    year, month = day.year + month // 12, month % 12 + 1
    first_of_next = date(year + month // 12, month % 12 + 1, 1)
    return date(year, month, min(day.day, (first_of_next - timedelta(days=1)).day))


def period(
    start_on: date | None, months: int | None, earliest: date | None, latest: date | None
) -> tuple[date | None, date | None]:
    """The first and last day of an action: not before the call allows, as long as asked for, not beyond its end."""
    begins = max((day for day in (start_on, earliest) if day), default=None)
    if begins is None or not months:
        return begins, None
    ends = add_months(begins, months) - timedelta(days=1)
    return begins, min(ends, latest) if latest and latest >= begins else ends


def day_shown(day: date) -> Any:
    """A day that is written in the language of whoever reads the sentence it stands in."""
    return LazyWords(long_day, day)


def rows(answer: object) -> list[Mapping[str, Any]]:
    """The rows of a table in an application, whether they stand alone or under ``rows``; none when it was not answered."""
    if isinstance(answer, Mapping):
        answer = answer.get("rows") or answer.get("lines")
    return [row for row in answer if isinstance(row, Mapping)] if isinstance(answer, list) else []


def last_month(months: object) -> int | None:
    """The last month of a range such as ``2-7`` or ``5``."""
    words = str(months or "").replace("–", "-").split("-")
    return int(words[-1]) if words[-1].strip().isdigit() else None


def promises_of(
    activities: Iterable[Mapping[str, Any]], start_on: date | None, end_on: date | None, most: int = MOST_MILESTONES
) -> list[Promise]:
    """The milestones of a work plan: each activity by the end of its last month, at most ``most`` of them.

    When there are more, the last activity of every month is kept before any other of the same month.
    """
    if start_on is None or end_on is None:
        return []
    found = [
        (month, position, str(row.get("activity") or "").strip())
        for position, row in enumerate(activities)
        if (month := last_month(row.get("months"))) and str(row.get("activity") or "").strip()
    ]
    closing = {month: position for month, position, _title in sorted(found)}
    first_of_all = sorted(found, key=lambda f: (closing[f[0]] != f[1], f[0], f[1]))[:most]
    return [
        Promise(title, min(add_months(start_on, month) - timedelta(days=1), end_on))
        for month, _position, title in sorted(first_of_all)
    ]


def answer_dates(today: date, sign_until: date | None) -> tuple[date, date]:
    """By when the offer is to be answered and the agreement signed.

    Two weeks for the answer, sooner when the call wants agreements signed before that; never in the past.
    """
    answer_by = today + timedelta(days=DAYS_TO_ANSWER)
    if sign_until is None or sign_until <= today:
        return answer_by, answer_by + timedelta(days=DAYS_TO_ANSWER)
    return min(answer_by, sign_until), sign_until


def reference_of(call_reference: str, number: int) -> str:
    """The reference of the n-th award of a call, such as MPF-2027-01-G03."""
    return f"{call_reference}-G{number:02d}"


REACHED = {
    AwardState.OFFERED: 4,
    AwardState.ACCEPTED: 4,
    AwardState.SENT: 4,
    AwardState.ACTIVE: 5,
    AwardState.SUSPENDED: 5,
    AwardState.TERMINATED: 6,
    AwardState.CLOSED: 7,
}
"""How many reaches of its river a grant has behind it."""


def steps_after_letter(state: str | None) -> list[Step]:
    """The river of an application whose letter was sent; ``state`` is that of its award, None when there is none."""
    labels = (_l("Applied"), _l("Checked"), _l("Reviewed"), _l("Decided"), _l("Signed"), _l("Running"), _l("Closed"))
    where = REACHED.get(AwardState(state), 4) if state else 4
    goes_on = state is not None and state not in FELL_THROUGH
    return [
        Step(label, "done" if n < where else "current" if n == where and goes_on else "todo")
        for n, label in enumerate(labels)
    ]


def steps(award: Award, *, signed_at: date | datetime | None = None) -> list[Step]:
    """The river of a grant as seen from its award: applied, checked, reviewed, decided, signed, running, closed."""
    state = award.state
    where = REACHED.get(AwardState(state), 4)
    labels: list[tuple[Any, date | datetime | None]] = [
        (_l("Applied"), award.application.submitted_at),
        (_l("Checked"), None),
        (_l("Reviewed"), None),
        (_l("Decided"), award.offered_at),
        (_l("Signed"), signed_at),
        (_l("Running"), award.start_on if state in SIGNED else None),
        (_l("Closed"), award.closed_at),
    ]
    return [
        Step(label, "done" if n < where else "current" if n == where and state not in FELL_THROUGH else "todo", at)
        for n, (label, at) in enumerate(labels)
    ]


# ------------------------------------------------------------------ what stands in the way


def _must_be(award: Award, allowed: Iterable[str]) -> list[Obstacle]:
    if award.state in allowed:
        return []
    where = AwardState(award.state).label
    return [Obstacle("not_in_this_state", _l("This grant stands elsewhere now: %(state)s.", state=where))]


def mark_of_offer(award: Award) -> str:
    """A mark of what is offered: the amount, the days, the conditions, and what is published of it."""
    asked = [(one.text, one.due_on, one.blocks_payment) for one in award.conditions if one.owner_id is None]
    return mark_of(award.amount_minor, award.start_on, award.end_on, award.confidentiality, asked)


def obstacles_to_answering(award: Award, read: str | None = None) -> list[Obstacle]:
    """Why an offer cannot be accepted or refused: it was answered before, it was let lapse, or another one was read.

    A late answer is taken as long as the coordinator has not let the offer lapse.
    """
    found = _must_be(award, {AwardState.OFFERED})
    return found if found or read is None else obstacles_to_unread(read, mark_of_offer(award))


def obstacles_to_sending(
    award: Award, planned: Sequence[Payment], reports: Sequence[Owed], lines: Sequence[Money]
) -> list[Obstacle]:
    """Why the agreement cannot be drawn up: not accepted, no period, or numbers that do not add up to the award."""
    found = _must_be(award, {AwardState.ACCEPTED, AwardState.SENT})
    application = ("applications.show", {"reference": award.application.reference})
    call = ("calls.manage", {"reference": award.call.reference})
    if award.start_on is None or award.end_on is None:
        found.append(Obstacle("no_period", _l("The first and the last day of the action are not known."), application))
    if not planned:
        found.append(Obstacle("no_tranche_plan", _l("The call has no payment plan for a grant of this size."), call))
    elif total([i.amount for i in planned], award.currency) != award.amount or any(
        i.amount.minor <= 0 for i in planned
    ):
        found.append(Obstacle("tranches_not_award", _l("The instalments do not add up to the grant."), call))
    asked = {report.key for report in reports}
    waiting = [
        i for i in planned if i.trigger.endswith("_approved") and i.trigger.removesuffix("_approved") not in asked
    ]
    if waiting:
        found.append(
            Obstacle(
                "tranche_without_report",
                _l("Instalment %(number)s waits for a report that is not asked for.", number=waiting[0].number),
                call,
            )
        )
    if total(list(lines), award.currency) != award.amount:
        where = ("awards.agreement", {"reference": award.reference})
        found.append(Obstacle("budget_not_award", _l("The budget lines do not add up to the grant."), where))
    return found + obstacles_by_budget(award)


def obstacles_by_budget(award: Award) -> list[Obstacle]:
    """Why no agreement can be drawn up yet: less was awarded than asked for, and the new budget is not accepted."""
    if award.new_budget is None or award.new_budget.state == BudgetState.ACCEPTED:
        return []
    message = _l(
        "Less was awarded than asked for. The agreement waits for a new budget of exactly %(amount)s.",
        amount=amount_shown(award.amount),
    )
    return [Obstacle("new_budget_missing", message, ("awards.budget", {"reference": award.reference}))]


def obstacles_to_budgeting(budget: NewBudget, award: Award) -> list[Obstacle]:
    """Why a new budget cannot be written: it is with the fund or accepted, or the agreement was drawn up."""
    found = _must_be(award, {AwardState.OFFERED, AwardState.ACCEPTED})
    if budget.state not in (BudgetState.ASKED, BudgetState.RETURNED):
        found.append(Obstacle("handed_in", _l("The new budget was handed in and cannot be changed now.")))
    return found


def obstacles_in_new_budget(award: Award, written: Written) -> list[Obstacle]:
    """What in a new budget is missing or does not add up; it asks the fund for what was awarded, to the smallest unit."""
    found = obstacles_to_completing(written.definition, written.answers, sections=[written.section.key])
    lines = written.answers.get(written.question.key) or []
    budget = written.question.budget
    if budget is None or not lines:
        return found
    found += obstacles_in_budget(lines, budget, checks_in(written.definition), {})
    asked = sums_of(budget, lines).requested
    if asked != award.amount:
        message = _l(
            "The budget asks the fund for %(budget)s; %(award)s was awarded. Both must be the same to the cent.",
            budget=amount_shown(asked),
            award=amount_shown(award.amount),
        )
        found.append(Obstacle("budget_not_award", message))
    return found


def mark_of_budget(written: Written) -> str:
    """A mark of a new budget as it is written now."""
    return mark_of(written.saved.version if written.saved else 0)


def obstacles_to_judging_budget(
    budget: NewBudget, award: Award, written: Written, read: str | None = None
) -> list[Obstacle]:
    """Why a new budget cannot be accepted: it was not handed in, another one was read, or it does not add up to the award."""
    found = _must_be(award, {AwardState.OFFERED, AwardState.ACCEPTED})
    if budget.state != BudgetState.HANDED_IN:
        found.append(Obstacle("not_handed_in", _l("The new budget has not been handed in.")))
    return found + obstacles_to_unread(read, mark_of_budget(written)) + obstacles_in_new_budget(award, written)


def obstacles_to_signing(
    award: Award, agreement: Agreement | None, signature: str | None, *, may_sign: bool, version: int | None = None
) -> list[Obstacle]:
    """Why an agreement cannot be signed. ``signature`` is None while the page is only shown.

    ``version`` is the one that was read; nobody signs a newer one unread.
    """
    found = _must_be(award, {AwardState.SENT})
    if agreement is None or agreement.signed_at is not None:
        found.append(Obstacle("no_agreement", _l("There is no agreement waiting for a signature.")))
    if agreement is not None and version is not None and agreement.version != version:
        found.append(
            Obstacle(
                "newer_version",
                _l("The agreement was drawn up again meanwhile. Please read the new version first."),
                ("awards.agreement", {"reference": award.reference}),
            )
        )
    found += obstacles_by_hold(award)
    if not may_sign:
        found.append(Obstacle("not_a_signatory", _l("Only a person who may sign for the organization can sign.")))
    if signature is not None and len(signature.split()) == 0:
        found.append(Obstacle("no_signature", _l("Please type your full name."), None))
    return found


def obstacles_by_hold(award: Award) -> list[Obstacle]:
    """Why nothing is signed now: the fund has put the grant on hold. Whoever reads it is not told why."""
    if not award.on_hold:
        return []
    message = _l("The fund has to look at something first. Please write to your coordinator.")
    return [Obstacle("on_hold", message, ("awards.agreement", {"reference": award.reference}))]


COPY_KINDS = ["pdf", "png", "jpg", "jpeg"]


def obstacles_to_handing_in(
    award: Award,
    agreement: Agreement | None,
    signature: str | None,
    signed_on: date | None,
    *,
    may_sign: bool,
    today: date,
    version: int | None = None,
) -> list[Obstacle]:
    """Why a copy signed on paper cannot be handed in. ``signed_on`` is the day on the paper, where its signatory lives."""
    found = obstacles_to_signing(award, agreement, signature, may_sign=may_sign, version=version)
    if agreement is not None and agreement.copy_id is not None:
        found.append(Obstacle("copy_there", _l("A signed copy is with the fund already.")))
    if agreement is not None and signed_on is not None:
        if signed_on > today + timedelta(days=1):
            found.append(Obstacle("signed_in_future", _l("The day lies in the future.")))
        elif signed_on < agreement.drawn_up_at.date() - timedelta(days=1):
            found.append(Obstacle("signed_too_early", _l("This version of the agreement was drawn up after that day.")))
    return found


def obstacles_without_reason(reason: str) -> list[Obstacle]:
    """Why something is not done without saying why."""
    return [] if reason.strip() else [Obstacle("reason_missing", _l("Please say why. The reason stays in the record."))]


def mark_of_copy(agreement: Agreement | None) -> str:
    """A mark of the signed copy that waits for the fund, and of the version of the agreement it was signed for."""
    return mark_of(agreement.version, agreement.copy_id, agreement.signature) if agreement is not None else ""


def obstacles_to_returning_copy(award: Award, agreement: Agreement | None, read: str | None = None) -> list[Obstacle]:
    """Why a signed copy cannot be sent back: there is none, it is not the one that was read, or the agreement is signed."""
    if agreement is None or agreement.copy_id is None or agreement.signed_at is not None:
        return [Obstacle("no_copy", _l("There is no signed copy waiting for the fund."))]
    return _must_be(award, {AwardState.SENT}) + obstacles_to_unread(read, mark_of_copy(agreement))


def obstacles_to_countersigning(
    award: Award, agreement: Agreement | None, by_id: int, read: str | None = None
) -> list[Obstacle]:
    """Why a signed copy cannot be countersigned: none waits, it is not the one that was read, it cannot be opened, or it is
    one's own signature.
    """
    found = obstacles_to_returning_copy(award, agreement, read) or obstacles_by_hold(award)
    if found or agreement is None or agreement.copy is None:
        return found
    if agreement.copy_by_id == by_id:
        found.append(
            Obstacle("signed_by_you", _l("You handed this copy in yourself. Somebody of the fund countersigns it."))
        )
    return found + obstacles_to_opening(agreement.copy.scan)


CONDITIONS_OF_GRANTEE = frozenset({AwardState.OFFERED, AwardState.ACCEPTED})
"""Until the agreement is drawn up the fund may still ask something of the grantee; afterwards only of itself."""


def obstacles_to_adding(
    award: Award, text: str | None, due_on: date | None, today: date, *, of_grantee: bool
) -> list[Obstacle]:
    """Why a condition cannot be added: it is too late for it, nothing is said, or its day is over."""
    found = _must_be(
        award, CONDITIONS_OF_GRANTEE if of_grantee else CONDITIONS_OF_GRANTEE | {AwardState.SENT} | RUNNING
    )
    if text is not None and not text.strip():
        found.append(Obstacle("no_condition", _l("Please say what has to be done.")))
    if due_on is not None and due_on < today:
        found.append(Obstacle("due_in_past", _l("The day is over.")))
    return found


def _same_day(before: date | None, after: date | None) -> list[Obstacle]:
    if after is None or after != before:
        return []
    return [Obstacle("same_day", _l("This is the day it is due already."))]


def obstacles_to_moving_condition(
    condition: Condition, award: Award, reason: str | None, due_on: date | None = None
) -> list[Obstacle]:
    """Why the date of a condition cannot be moved: it is met, the grant is over, the day is the same, or nobody says why."""
    found = _must_be(award, CONDITIONS_OF_GRANTEE | {AwardState.SENT} | RUNNING)
    if condition.met_on is not None:
        found.append(Obstacle("met_already", _l("This condition was met before.")))
    found += _same_day(condition.due_on, due_on)
    if reason is not None and not reason.strip():
        found.append(Obstacle("reason_missing", _l("Please say why. The reason stays in the record.")))
    return found


def document_that_counts(award: Award) -> Agreement | None:
    """The version of the agreement to read: of a grant that was signed the one that was signed last, else the latest."""
    signed = [agreement for agreement in award.agreements if agreement.signed_at is not None]
    return next(reversed(signed or award.agreements), None)


def obstacles_to_meeting(condition: Condition, award: Award, evidence: str | None) -> list[Obstacle]:
    """Why a condition cannot be marked as met."""
    found = [] if award.state not in FELL_THROUGH else _must_be(award, SIGNED)
    if condition.met_on is not None:
        found.append(Obstacle("met_already", _l("This condition was met before.")))
    if evidence is not None and not evidence.strip():
        found.append(Obstacle("no_evidence", _l("Please say how you know that the condition is met.")))
    return found


def obstacles_to_reaching(
    milestone: Milestone, award: Award, reached_on: date | None, evidence: str | None, today: date
) -> list[Obstacle]:
    """Why a milestone cannot be marked as reached."""
    found = _must_be(award, RUNNING | {AwardState.TERMINATED})
    if milestone.reached_on is not None:
        found.append(Obstacle("reached_already", _l("This milestone was reached before.")))
    if reached_on is not None and reached_on > today:
        found.append(Obstacle("reached_in_future", _l("The day lies in the future.")))
    if evidence is not None and not evidence.strip():
        found.append(Obstacle("no_evidence", _l("Please say in a sentence what shows it.")))
    return found


def mark_of_milestone(milestone: Milestone) -> str:
    """A mark of what was told of a milestone that was reached."""
    return mark_of(milestone.reached_on, milestone.evidence)


def obstacles_to_confirming_milestone(milestone: Milestone, award: Award, read: str | None = None) -> list[Obstacle]:
    """Why the fund cannot confirm that a milestone was reached: nobody told that it was, it is confirmed, or something else
    was read.
    """
    found = _must_be(award, RUNNING | {AwardState.TERMINATED})
    if milestone.reached_on is None:
        found.append(Obstacle("not_reached", _l("Nobody has told that this milestone is reached.")))
    if milestone.confirmed_on is not None:
        found.append(Obstacle("confirmed_already", _l("This milestone was confirmed before.")))
    return found + obstacles_to_unread(read, mark_of_milestone(milestone))


def obstacles_to_moving(milestone: Milestone, award: Award, due_on: date | None, reason: str | None) -> list[Obstacle]:
    """Why the date of a milestone cannot be moved: it was reached, the day is outside the grant, or nobody says why."""
    found = _must_be(award, {AwardState.ACCEPTED, AwardState.SENT} | RUNNING)
    if milestone.reached_on is not None:
        found.append(Obstacle("reached_already", _l("This milestone was reached before.")))
    found += _same_day(milestone.due_on, due_on)
    outside = due_on is not None and (
        (award.start_on is not None and due_on < award.start_on) or (award.end_on is not None and due_on > award.end_on)
    )
    if outside:
        found.append(Obstacle("outside_the_period", _l("The day lies outside the period of the grant.")))
    if reason is not None and not reason.strip():
        found.append(Obstacle("reason_missing", _l("Please say why. The reason stays in the record.")))
    return found


def obstacles_to_ending_later(award: Award, end_on: date) -> list[Obstacle]:
    """Why a grant cannot end on another day: it does not run, or the day is not later."""
    found = _must_be(award, RUNNING)
    if award.end_on is not None and end_on <= award.end_on:
        found.append(Obstacle("not_later", _l("The new last day lies after %(day)s.", day=day_shown(award.end_on))))
    return found


def obstacles_to_rebudgeting(award: Award, lines: Sequence[BudgetLine], minors: Mapping[str, int]) -> list[Obstacle]:
    """Why headings cannot have these amounts: one is unknown or below zero, or together they are not the grant."""
    found = []
    if {line.heading for line in lines} != set(minors):
        found.append(Obstacle("other_headings", _l("These are not the headings of this grant.")))
    if any(minor < 0 for minor in minors.values()):
        found.append(Obstacle("below_zero", _l("An amount cannot be below zero.")))
    if sum(minors.values()) != award.amount_minor:
        found.append(Obstacle("budget_not_award", _l("The budget lines do not add up to the grant.")))
    return found


def obstacles_to_standing(award: Award, verb: str) -> list[Obstacle]:
    """Why a grant cannot be suspended, resumed, terminated or let lapse from where it stands."""
    return [] if award.workflow.allows(verb, award.state) else _must_be(award, ())


# ------------------------------------------------------------------ what the agreement says


TRIGGER_LABELS: dict[str, dict[str, str]] = {
    "agreement_signed": {
        "en": "Agreement signed",
        "fr": "Convention signée",
        "es": "Convenio firmado",
        "ar": "توقيع الاتفاقية",
    },
    "progress_report_approved": MORE_BY_RISK[Risk.HIGH]["trigger_labels"]["progress_report_approved"],
    "interim_report_approved": {
        "en": "Interim report approved",
        "fr": "Rapport intermédiaire approuvé",
        "es": "Informe intermedio aprobado",
        "ar": "اعتماد التقرير المرحلي",
    },
    "final_report_approved": {
        "en": "Final report approved",
        "fr": "Rapport final approuvé",
        "es": "Informe final aprobado",
        "ar": "اعتماد التقرير النهائي",
    },
}
"""What sets an instalment free, where the call has no words for it."""

REPORT_KINDS: dict[str, Any] = {
    "narrative_light": _l("A short note"),
    "narrative": _l("A narrative"),
    "narrative_and_financial": _l("A narrative and the figures"),
}

CONFIDENTIALITY_CLAUSES: dict[str, Any] = {
    Confidentiality.PUBLIC: _l(
        "The fund publishes the name of the grantee, the country, the title and the amount. If publication would put "
        "people at risk, the grantee says so at any time and the fund takes the name out without asking for proof."
    ),
    Confidentiality.NAME_WITHHELD: _l(
        "The name of the grantee is withheld. The fund publishes the action without the name, and does not tell it to "
        "anybody outside the fund without the written consent of the grantee. Only the grantee may lift this."
    ),
    Confidentiality.FULLY_CONFIDENTIAL: _l(
        "This grant is fully confidential. The fund publishes its region and its amount and nothing else. Nobody outside "
        "the fund learns of the grantee, the country or the title without the written consent of the grantee."
    ),
}


def agreement_values(
    award: Award,
    *,
    words: Paragraphs,
    payments: Sequence[Payment],
    reports: Sequence[Owed],
    version: int,
    drawn_up_on: date,
    drawn_up_by: str,
    shown_day: Callable[[date | None], str],
) -> dict[str, Any]:
    """All the words and numbers of the agreement document, in the language spoken now.

    ``award`` comes with its call's terms, budget, conditions and milestones loaded; ``words`` are what the coordinators of
    its call wrote, filled in. ``shown_day`` writes a day.
    """
    language = language_now()
    call, terms = award.call, terms_for_risk(award.call.terms, award.risk)
    shown = _shown(language)
    organization = award.organization
    place = ", ".join(part for part in (organization.city, country_name(organization.country, language)) if part)
    registration = (
        str(_l("Registration number %(number)s", number=organization.registration_number))
        if organization.registration_number
        else str(_l("Through its fiscal sponsor %(name)s", name=organization.fiscal_sponsor))
        if organization.fiscal_sponsor
        else ""
    )
    office = pick(terms.get("managing_office"), language)
    programme = pick(call.programme, language)
    return {
        "language": language,
        "title": str(_l("Grant agreement %(reference)s", reference=award.reference)),
        "heading": str(_l("Grant agreement")),
        "action": award.title,
        "reference": award.reference,
        "footer": str(_l("Version %(version)s of %(day)s", version=version, day=shown_day(drawn_up_on))),
        "warning": str(_l("Name withheld: do not share this document."))
        if award.confidentiality != Confidentiality.PUBLIC
        else "",
        "opening": words.opening.split("\n"),
        "parties_heading": str(_l("Between")),
        "parties": [
            {"role": str(_l("The fund")), "name": programme, "lines": [part for part in (office,) if part]},
            {
                "role": str(_l("The grantee")),
                "name": organization.name,
                "lines": [part for part in (place, registration, organization.legal_representative) if part],
            },
        ],
        "figures": [
            {"label": str(_l("Grant")), "value": shown(award.amount)},
            {"label": str(_l("From")), "value": shown_day(award.start_on)},
            {"label": str(_l("To")), "value": shown_day(award.end_on)},
            {"label": str(_l("Call")), "value": call.reference},
        ],
        "articles": _articles(award, terms, words.outcome, payments, reports, shown, shown_day),
        "closing": words.closing.split("\n"),
        "signatures_heading": str(_l("Signatures")),
        "signatures_note": str(
            _l(
                "The grantee signs in the Pilot Fund system, by typing the full name of a person who may sign for it; the "
                "system keeps the name, the account and the moment beside this version of the document. Or a person who may "
                "sign for it signs on paper and hands in a copy, which the fund countersigns."
            )
        ),
        "signatures": [
            {
                "role": str(_l("For the fund")),
                "name": drawn_up_by,
                "day": shown_day(drawn_up_on),
            },
            {"role": str(_l("For the grantee")), "name": "", "day": ""},
        ],
        "name_label": str(_l("Name")),
        "day_label": str(_l("Date")),
    }


def _shown(language: str) -> Callable[[Money], str]:
    return lambda amount: amount.shown(language)


def _article(heading: Any, *paragraphs: Any, **more: Any) -> dict[str, Any]:
    return {"heading": str(heading), "paragraphs": [str(p) for p in paragraphs if p], **more}


def _articles(
    award: Award,
    terms: Mapping[str, Any],
    purpose: str,
    payments: Sequence[Payment],
    reports: Sequence[Owed],
    shown: Callable[[Money], str],
    shown_day: Callable[[date | None], str],
) -> list[dict[str, Any]]:
    language = language_now()
    award_terms, cost_rules = terms.get("award", {}), terms.get("cost_rules", {})
    labels = award_terms.get("trigger_labels", {})
    articles = [
        _article(_l("What the grant is for"), *purpose.split("\n")),
        _article(
            _l("How it is paid"),
            _l("The fund pays in these instalments, to the bank account of the grantee that it has verified."),
            head=[str(_l("Instalment")), str(_l("Share")), str(_l("Amount")), str(_l("Paid when"))],
            rows=[
                [
                    str(payment.number),
                    f"{Decimal(payment.amount.minor * 100) / award.amount_minor:.0f} %",
                    shown(payment.amount),
                    paid_when(payment, labels, language, shown_day),
                ]
                for payment in payments
            ],
            numbers=[1, 2],
        ),
        _article(
            _l("Budget"),
            _budget_clause(award_terms.get("budget_change", {})),
            pick(cost_rules.get("exchange_rate_text"), language),
            head=[str(_l("Heading")), str(_l("Amount"))],
            rows=[
                *[
                    [pick(line.title, language), shown(Money(line.amount_minor, award.currency))]
                    for line in award.budget
                ],
                [str(_l("Total")), shown(award.amount)],
            ],
            numbers=[1],
            last_is_total=True,
        ),
    ]
    if cost_rules.get("ineligible"):
        articles.append(
            _article(
                _l("What the grant does not pay"), bullets=[pick(what, language) for what in cost_rules["ineligible"]]
            )
        )
    if reports:
        articles.append(
            _article(
                _l("What the grantee tells the fund"),
                _l("The grantee reports by these days. Payments wait for reports that are late."),
                head=[str(_l("Report")), str(_l("What it holds")), str(_l("Due on"))],
                rows=[
                    [
                        pick(report.label, language) + ("" if report.required else f" ({_l('invited')})"),
                        str(REPORT_KINDS.get(report.kind, report.kind)),
                        shown_day(report.due_on),
                    ]
                    for report in reports
                ],
                numbers=[],
            )
        )
    if award.milestones:
        articles.append(
            _article(
                _l("Milestones"),
                head=[str(_l("Result")), str(_l("Due"))],
                rows=[[m.title, shown_day(m.due_on)] for m in award.milestones],
                numbers=[],
            )
        )
    conditions = [condition for condition in award.conditions if condition.owner_id is None]
    if conditions:
        articles.append(
            _article(
                _l("Conditions"),
                _l("Payments wait until these conditions are met.")
                if all(condition.blocks_payment for condition in conditions)
                else _l("The grantee meets these conditions. Payments wait for those that say so."),
                bullets=[_condition_shown(condition, conditions, shown_day) for condition in conditions],
            )
        )
    return [
        *articles,
        _article(_l("What is published"), CONFIDENTIALITY_CLAUSES[award.confidentiality]),
        *_last_articles(terms, language),
    ]


def _condition_shown(condition: Condition, among: Sequence[Condition], shown_day: Callable[[date | None], str]) -> str:
    words = condition.text
    if condition.due_on is not None:
        words = str(_l("%(label)s: %(text)s", label=words, text=_l("by %(day)s", day=shown_day(condition.due_on))))
    if condition.blocks_payment and not all(one.blocks_payment for one in among):
        words = str(_l("%(label)s; %(condition)s", label=words, condition=_l("payments wait for it")))
    return words


def paid_when(
    payment: Payment, labels: Mapping[str, Any], language: str, shown_day: Callable[[date | None], str]
) -> str:
    """All that an instalment waits for, in words; ``labels`` are those of the call."""
    words = str(pick(labels.get(payment.trigger), language) or pick(TRIGGER_LABELS[payment.trigger], language))
    more = []
    if payment.min_spent_percent:
        more.append(_l("at least %(percent)s %% of the money received is spent", percent=payment.min_spent_percent))
    if payment.milestone_title:
        more.append(_l("the fund has seen that this is reached: %(milestone)s", milestone=payment.milestone_title))
    if payment.not_before:
        more.append(_l("not before %(day)s", day=shown_day(payment.not_before)))
    for one in more:
        words = str(_l("%(label)s; %(condition)s", label=words, condition=one))
    return words


def _budget_clause(change: Mapping[str, Any]) -> Any:
    if not change:
        return _l("The grantee spends the grant under these headings.")
    return _l(
        "The grantee spends the grant under these headings. It may move up to %(free)s %% of a heading to another without "
        "asking, and up to %(written)s %% with the written approval of the fund; beyond that the agreement is amended. "
        "Changes add up.",
        free=change.get("free_below_percent_of_heading", 0),
        written=change.get("written_approval_up_to_percent", 0),
    )


def _last_articles(terms: Mapping[str, Any], language: str) -> list[dict[str, Any]]:
    award_terms = terms.get("award", {})
    extension = award_terms.get("no_cost_extension", {})
    years = terms.get("retention_years")
    prevails = terms.get("authoritative_language")
    return [
        _article(
            _l("Safety and care"),
            _l(
                "The grantee protects the people it works with from harm, exploitation and abuse, asks for their consent, "
                "and tells the fund without delay of any case linked to the action. The fund supports a grantee that comes "
                "under threat because of the action."
            ),
        ),
        _article(
            _l("Changes, pause and end"),
            extension
            and _l(
                "The action may be made longer by up to %(months)s months at no cost, when the grantee asks at least "
                "%(days)s days before its end.",
                months=extension.get("max_months", 0),
                days=extension.get("request_days_before_end", 0),
            ),
            _l(
                "The fund may suspend or end the grant in writing and with reasons when this agreement is broken. The "
                "grantee may end it at any time. Costs committed in good faith until then are paid."
            ),
            award_terms.get("unspent_refund_days")
            and _l(
                "Money that is not spent is paid back within %(days)s days of the final report.",
                days=award_terms.get("unspent_refund_days"),
            ),
        ),
        _article(
            _l("Records"),
            years
            and _l(
                "The grantee keeps the documents of the grant for %(years)s years and shows them when asked.",
                years=years,
            ),
            prevails
            and _l(
                "If language versions of the call differ, the one in %(language)s prevails.",
                language=language_name(prevails, language),
            ),
        ),
    ]
