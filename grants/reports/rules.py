"""The figures of a report, and what stands in the way of writing, submitting, returning and accepting it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any
from urllib.parse import urlsplit

from grants.awards.models import Award, BudgetLine
from grants.awards.workflow import FELL_THROUGH, AwardState
from grants.budgets.rules import shown as amount_shown
from grants.core.files import StoredFile
from grants.core.languages import _l, country_name, long_day, number_text, pick
from grants.core.money import Money, minor_digits, total
from grants.core.questions import Definition
from grants.core.rules import Obstacle, mark_of, obstacles_to_unread
from grants.questionnaires.rules import facts_of, in_lines, is_required, obstacles_to_completing
from grants.reports.models import LEVELS, PLAN_POINTS, STAGES, Report, ReportDocument, ReportDue, ReportLine
from grants.reports.queries import DueLine, Written, asks_for_changes
from grants.reports.workflow import ReportState

REPORTING = frozenset({AwardState.ACTIVE, AwardState.SUSPENDED, AwardState.TERMINATED})
TO_WRITE = frozenset({ReportState.OWED, ReportState.RETURNED})
SOON = timedelta(days=30)
HIGHEST_RATE = Decimal(10) ** 9
RATE_DECIMALS = 6
MOST_MINOR = 10**15
FREE_BELOW_PERCENT = 15
"""How far above its budget a heading may go without an explanation when the call does not say."""

FINAL_REPORT = "final_report"
"""The key by which calls name the report with which a grant ends."""

PAPERS = ["pdf", "jpg", "jpeg", "png", "xlsx", "ods", "docx"]
"""The kinds of file that are taken as a supporting document."""

MOST_DOCUMENTS = 40
"""So many documents stand under one heading; more fit into one file."""

FIGURES_PART = "figures"
"""The key of the financial part beside those of the sections."""

CHANGES_PART = "changes"
"""The key of the entries about what changed, beside those of the sections."""

MOST_CHANGES = 12
LONGEST_CHANGE = 1_000

FIGURES = ("reports.figures", "due_id")
SECTION = ("reports.section", "due_id", "section_key")


# ------------------------------------------------------------------ dates


def is_late(due: ReportDue | DueLine, today: date) -> bool:
    """Whether a report that has to be given is not there although its day has passed."""
    return due.required and due.state in TO_WRITE and due.due_on < today


def urgency(due: ReportDue | DueLine, today: date) -> str:
    """Where a report stands in time: ``done``, ``to_read``, ``late``, ``soon`` (within 30 days), ``later``; or
    ``passed`` when one that is only invited did not come.
    """
    if due.state in (ReportState.ACCEPTED, ReportState.WAIVED):
        return "done"
    if due.state == ReportState.SUBMITTED:
        return "to_read"
    if is_late(due, today):
        return "late"
    if due.due_on < today:
        return "passed"
    return "soon" if due.due_on <= today + SOON else "later"


# ------------------------------------------------------------------ figures


@dataclass(frozen=True)
class LineGiven:
    """What somebody typed for one budget line: local money, the rate, and why it is above its budget."""

    budget_line_id: int
    local: Money
    rate: Decimal
    explanation: str = ""


@dataclass(frozen=True)
class Evidence:
    """Which days the figures tell of, and where the exchange rate comes from: a source and the day it was taken from."""

    period_from: date | None = None
    period_until: date | None = None
    rate_source: str = ""
    rate_on: date | None = None


def period_of(due: ReportDue, until: date | None) -> tuple[date, date] | None:
    """The days that a report tells of where nobody says otherwise: from the day after the last report (``until``), or the
    start of the grant, to the day it is due, or the end of the grant. None when no day is left.
    """
    award = due.award
    first = until + timedelta(days=1) if until else award.start_on
    last = min(due.due_on, award.end_on) if award.end_on else due.due_on
    return (first, last) if first is not None and first <= last else None


@dataclass(frozen=True)
class Limits:
    """How far a heading may be off its budget without an explanation, in percent of it; below only where it is asked."""

    above: int
    below: int | None = None


def limits_of(due: ReportDue, written: Written) -> Limits:
    """What the terms of the call say (``reporting.variance_percent``), else what it leaves free to move between headings.

    Money left over is asked about at the end only: until then it may still be spent.
    """
    free = int(written.change.get("free_below_percent_of_heading", FREE_BELOW_PERCENT))
    variance = written.variance_percent
    if variance is None:
        return Limits(free)
    return Limits(variance, variance if due.key == FINAL_REPORT else None)


@dataclass(frozen=True)
class Figure:
    """One budget line of a financial report. All amounts but ``local`` are in the currency of the award."""

    budget_line_id: int
    title: Mapping[str, str]
    approved: Money
    before: Money
    local: Money | None
    rate: Decimal | None
    spent: Money
    explanation: str
    limits: Limits
    verified: Money
    ineligible: Money
    ineligible_reason: str
    looked_at: bool

    @property
    def cumulative(self) -> Money:
        """What was spent until now, without what the grant does not pay for."""
        return self.before + self.spent - self.ineligible

    @property
    def left(self) -> Money:
        """What of the budget line is left; negative when more was spent."""
        return self.approved - self.cumulative

    @property
    def percent_used(self) -> Decimal | None:
        """How much of the budget line is spent, to one decimal; None when it had no budget."""
        return _percent(self.cumulative, self.approved)

    @property
    def variance_percent(self) -> Decimal | None:
        """How far the spending is above (or, negative, below) the budget line."""
        used = self.percent_used
        return None if used is None else used - 100

    @property
    def is_above(self) -> bool:
        """Whether the line is above its budget by more than the call leaves free."""
        return self.cumulative.minor * 100 > self.approved.minor * (100 + self.limits.above)

    @property
    def is_below(self) -> bool:
        """Whether less was spent than the call lets pass without a word."""
        below = self.limits.below
        return below is not None and self.cumulative.minor * 100 < self.approved.minor * (100 - below)

    @property
    def needs_explanation(self) -> bool:
        """Whether the line departs from its budget by more than the call leaves free."""
        return self.is_above or self.is_below

    @property
    def lacks_explanation(self) -> bool:
        """Whether an explanation is needed and not given."""
        return self.needs_explanation and not self.explanation.strip()


def _percent(part: Money, whole: Money) -> Decimal | None:
    if whole.minor == 0:
        return None
    return (Decimal(part.minor) * 100 / whole.minor).quantize(Decimal("0.1"), ROUND_HALF_EVEN)


def converted(local: Money, rate: Decimal, currency: str) -> Money:
    """Local money in the currency of the award, to the nearest minor unit.

    ``rate`` is units of local currency for one unit of ``currency``. Raises ValueError for a rate that is not above 0.
    """
    if rate <= 0:
        raise ValueError("a rate is above zero")
    exact = (local.amount / rate).scaleb(minor_digits(currency))
    return Money(int(exact.quantize(Decimal(1), ROUND_HALF_EVEN)), currency)


def figures_of(
    budget: Iterable[tuple[BudgetLine, ReportLine | None]],
    before: Mapping[int, int],
    currency: str,
    limits: Limits,
    *,
    judged: bool = True,
) -> list[Figure]:
    """The table of a financial report: one figure a budget line.

    ``before`` holds minor units by budget line. Without ``judged`` nothing is told of what the fund found when it
    verified the costs.
    """
    none = Money(0, currency)
    figures = []
    for line, given in budget:
        looked_at = given if judged and given and given.verified_at else None
        figures.append(
            Figure(
                budget_line_id=line.id,
                title=line.title,
                approved=Money(line.amount_minor, currency),
                before=Money(before.get(line.id, 0), currency),
                local=Money(given.local_minor, given.local_currency) if given else None,
                rate=given.rate if given else None,
                spent=given.spent if given else none,
                explanation=given.explanation if given else "",
                limits=limits,
                verified=Money(looked_at.verified_minor, currency) if looked_at else none,
                ineligible=Money(looked_at.ineligible_minor, currency) if looked_at else none,
                ineligible_reason=looked_at.ineligible_reason if looked_at else "",
                looked_at=looked_at is not None,
            )
        )
    return figures


@dataclass(frozen=True)
class Sum:
    """The last row of a financial report."""

    approved: Money
    before: Money
    spent: Money
    verified: Money
    ineligible: Money
    cumulative: Money
    percent_used: Decimal | None


def figures_in(due: ReportDue, written: Written, *, judged: bool = True) -> list[Figure]:
    """The financial part of a report as it is written now."""
    return figures_of(written.budget, written.before, due.award.currency, limits_of(due, written), judged=judged)


def sum_of(figures: Sequence[Figure], currency: str) -> Sum:
    """The sums of a financial report."""
    approved = total([f.approved for f in figures], currency)
    cumulative = total([f.cumulative for f in figures], currency)
    return Sum(
        approved,
        total([f.before for f in figures], currency),
        total([f.spent for f in figures], currency),
        total([f.verified for f in figures], currency),
        total([f.ineligible for f in figures], currency),
        cumulative,
        _percent(cumulative, approved),
    )


# ------------------------------------------------------------------ what was handed in, and what changed since


def evidence_of(report: Report) -> Evidence:
    """Which days the figures of a report tell of, and where its rate comes from."""
    return Evidence(report.period_from, report.period_until, report.rate_source, report.rate_on)


def content_of(report: Report, written: Written) -> dict[str, Any]:
    """Everything that a report says, as it is kept when it is handed in.

    ``figures`` has an entry for each budget line: amounts are minor units, the rate is text so that it stays exact.
    """
    return {
        "answers": dict(written.answers),
        "evidence": {
            name: value.isoformat() if isinstance(value, date) else value
            for name, value in asdict(evidence_of(report)).items()
        },
        "documents": [
            {"budget_line_id": one.budget_line_id, "note": one.note, **_file_of(one.file)} for one in written.documents
        ],
        "changes": [
            {
                "id": one.id,
                "plan_point": one.plan_point,
                "country": one.country,
                "level": one.level,
                "stage": one.stage,
                "what": one.what,
                "evidence": one.evidence,
                "link": one.link,
                "file": _file_of(one.file) if one.file else None,
            }
            for one in written.changes or ()
        ],
        "figures": [
            {
                "heading": line.heading,
                "budget_line_id": line.id,
                "title": line.title,
                "local_minor": given.local_minor,
                "local_currency": given.local_currency,
                "rate": format(given.rate.normalize(), "f"),
                "spent_minor": given.spent_minor,
                "currency": given.currency,
                "explanation": given.explanation,
            }
            for line, given in written.budget
            if given is not None
        ],
    }


def _file_of(stored: StoredFile) -> dict[str, Any]:
    return {"name": stored.name, "sha256": stored.sha256, "file_id": stored.id}


def fingerprint_of(content: Mapping[str, Any]) -> str:
    """The SHA-256 of everything that a report says (:func:`content_of`), in one written form."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


@dataclass(frozen=True)
class Paper:
    """A file that was handed in with a version of a report. ``file_id`` is missing in what was kept long ago."""

    name: str
    sha256: str
    file_id: int | None


def papers_in(content: Mapping[str, Any]) -> list[Paper]:
    """The files that were handed in with a version, in its order, each once."""
    files = [*content["documents"], *(entry["file"] for entry in content["changes"] if entry["file"])]
    return list(dict.fromkeys(Paper(one["name"], one["sha256"], one.get("file_id")) for one in files))


@dataclass(frozen=True)
class Changed:
    """One question or budget line that a report answers differently than before, both ways in words."""

    part: str
    label: Mapping[str, str]
    before: list[str]
    now: list[str]


def changed_since(
    definition: Definition, before: Mapping[str, Any], now: Mapping[str, Any], language: str
) -> list[Changed]:
    """What is different between two contents of a report (:func:`content_of`), in the order of the report."""
    found = []
    for key, question in definition.questions.items():
        said = [in_lines(question, side["answers"].get(key), language, definition.fallback) for side in (before, now)]
        if said[0] != said[1]:
            found.append(Changed(definition.section_of[key].key, question.label, *said))
    entries = [{entry["id"]: entry for entry in side["changes"]} for side in (before, now)]
    for entry_id in sorted({entry_id for side in entries for entry_id in side}):
        said = [_change_in_lines(side.get(entry_id), language) for side in entries]
        if said[0] != said[1]:
            found.append(Changed(CHANGES_PART, {}, *said))
    titles: dict[int | None, Mapping[str, str]] = {None: {}}
    titles |= {f["budget_line_id"]: f["title"] for side in (before, now) for f in side["figures"]}
    for line_id, title in titles.items():
        told = [_money_in_lines(side, line_id, language) for side in (before, now)]
        if told[0] != told[1]:
            found.append(Changed(FIGURES_PART, title, *told))
    return found


NOTHING: Mapping[str, Any] = {
    "answers": {},
    "evidence": dict.fromkeys(("period_from", "period_until", "rate_source", "rate_on"), ""),
    "documents": [],
    "changes": [],
    "figures": [],
}
"""What a report says before anything is written."""


def said_in(definition: Definition, content: Mapping[str, Any], language: str) -> list[Changed]:
    """All that a version of a report says, in words, in the order of the report; ``before`` is empty."""
    return changed_since(definition, NOTHING, content, language)


def _change_in_lines(entry: Mapping[str, Any] | None, language: str) -> list[str]:
    if entry is None:
        return []
    about = [
        f"{entry['plan_point']} {PLAN_POINTS[entry['plan_point']]}",
        country_name(entry["country"], language),
        str(LEVELS[entry["level"]]),
        str(STAGES[entry["stage"]]),
    ]
    shown_by = [
        f"{_l('What shows it:')} {entry['evidence']}" if entry["evidence"] else "",
        entry["link"],
        _named(entry["file"]["name"]) if entry["file"] else "",
    ]
    return [" · ".join(about), entry["what"], *(text for text in shown_by if text)]


def _named(paper: str) -> str:
    return str(_l("%(label)s: %(text)s", label=_l("File"), text=paper))


def _money_in_lines(content: Mapping[str, Any], line_id: int | None, language: str) -> list[str]:
    """What a content says under one budget line, or of period and rate where no line is meant; with its papers."""
    figure = next((one for one in content["figures"] if one["budget_line_id"] == line_id), None)
    said = _figure_in_lines(figure, language) if figure else []
    if line_id is None:
        said += _evidence_in_lines(content["evidence"], language)
    return said + [
        _named(" · ".join(text for text in (one["name"], one.get("note")) if text))
        for one in content["documents"]
        if one["budget_line_id"] == line_id
    ]


def _evidence_in_lines(evidence: Mapping[str, Any], language: str) -> list[str]:
    first, last, rated = (
        long_day(date.fromisoformat(evidence[name]), language) if evidence[name] else ""
        for name in ("period_from", "period_until", "rate_on")
    )
    said = [_l("The figures tell of %(first)s to %(last)s.", first=first, last=last)] if first else []
    if evidence["rate_source"]:
        day = f", {rated}" if rated else ""
        said.append(_l("The exchange rate comes from %(source)s%(day)s.", source=evidence["rate_source"], day=day))
    return [str(one) for one in said]


def _figure_in_lines(figure: Mapping[str, Any], language: str) -> list[str]:
    local, spent = (
        Money(figure[f"{which}_minor"], figure[currency]).shown(language)
        for which, currency in (("local", "local_currency"), ("spent", "currency"))
    )
    if figure["local_currency"] != figure["currency"]:
        spent = f"{local} ÷ {number_text(Decimal(figure['rate']), language)} = {spent}"
    spent_then = _l("%(label)s: %(text)s", label=_l("This period"), text=spent)
    return [str(spent_then), *figure["explanation"].splitlines()]


def parts_of(due: ReportDue, definition: Definition) -> dict[str, Mapping[str, str]]:
    """The parts of a report that can be given back one by one, by key, in their order. Those that are no section, what
    changed and the figures, have no title here.
    """
    parts: dict[str, Mapping[str, str]] = {section.key: section.title for section in definition.sections}
    if asks_for_changes(due, definition):
        parts[CHANGES_PART] = {}
    return parts | ({FIGURES_PART: {}} if due.is_financial else {})


def unasked(definition: Definition, answers: Mapping[str, Any]) -> list[str]:
    """The questions that the other answers make superfluous and that nobody answered: they need not be shown."""
    facts = facts_of(definition, answers)
    return [
        key
        for key, question in definition.questions.items()
        if answers.get(key) is None and question.required_if is not None and not is_required(question, facts)
    ]


# ------------------------------------------------------------------ what stands in the way


def _must_be(due: ReportDue, allowed: Iterable[str]) -> list[Obstacle]:
    if due.state in allowed:
        return []
    where = ReportState(due.state).label
    return [Obstacle("not_in_this_state", _l("This report stands elsewhere now: %(state)s.", state=where))]


def obstacles_to_writing(due: ReportDue, award: Award) -> list[Obstacle]:
    """Why a report cannot be written now: it is with the fund or done, or the grant is not signed or closed."""
    found = _must_be(due, TO_WRITE)
    if award.state not in REPORTING:
        found.append(
            Obstacle(
                "grant_not_running",
                _l("Reports are written from the signature of the agreement until the grant is closed."),
            )
        )
    return found


def obstacles_to_lines(lines: Sequence[LineGiven], budget_line_ids: Iterable[int], currency: str) -> list[Obstacle]:
    """Why figures cannot be stored: an amount below zero, a rate that is not above zero, two currencies, or a line of
    another grant. ``currency`` is that of the grant.
    """
    known = set(budget_line_ids)
    found = []
    if any(line.budget_line_id not in known for line in lines) or len({line.budget_line_id for line in lines}) < len(
        lines
    ):
        found.append(Obstacle("unknown_line", _l("A budget line does not belong to this grant.")))
    if any(line.local.minor < 0 for line in lines):
        found.append(Obstacle("amount_negative", _l("An amount cannot be below zero.")))
    sound = [line for line in lines if rate_is_sound(line.rate)]
    amounts = [line.local for line in lines] + [converted(line.local, line.rate, currency) for line in sound]
    if any(amount.minor > MOST_MINOR for amount in amounts):
        found.append(Obstacle("amount_too_large", _l("An amount is too large.")))
    if len(sound) < len(lines):
        found.append(
            Obstacle("rate_not_above_zero", _l("An exchange rate has to be above zero, with at most six decimals."))
        )
    if len({line.local.currency for line in lines}) > 1:
        found.append(Obstacle("other_currency", _l("All amounts of a report are in one currency.")))
    if any(line.local.currency == currency and line.rate != 1 for line in lines):
        found.append(
            Obstacle(
                "rate_without_exchange",
                _l("Accounts in %(currency)s need no exchange: the rate is 1.", currency=currency),
            )
        )
    return found


def obstacles_to_evidence(evidence: Evidence, today: date) -> list[Obstacle]:
    """Why period and rate cannot be stored so: the period ends before it begins, or a rate of a day to come."""
    found = []
    if (evidence.period_from is None) != (evidence.period_until is None):
        found.append(Obstacle("period_half", _l("Please give the first and the last day of the period.")))
    if evidence.period_from and evidence.period_until and evidence.period_until < evidence.period_from:
        found.append(Obstacle("period_backwards", _l("The period ends before it begins.")))
    if evidence.rate_on and evidence.rate_on > today:
        found.append(Obstacle("rate_to_come", _l("The rate is of a day that has not come yet.")))
    return found


@dataclass(frozen=True)
class ChangeGiven:
    """What somebody typed about a change; see :class:`grants.reports.models.ReportedChange`."""

    plan_point: int
    country: str
    level: str
    stage: str
    what: str
    evidence: str = ""
    link: str = ""


def obstacles_to_telling_change(
    due: ReportDue, definition: Definition, given: ChangeGiven, *, has_file: bool, others: int
) -> list[Obstacle]:
    """Why a change cannot be kept so: the report cannot be written, does not ask, or something is missing or unsound."""
    found = obstacles_to_writing(due, due.award)
    if not asks_for_changes(due, definition):
        found.append(Obstacle("not_asked", _l("This report does not ask for changes.")))
    if others >= MOST_CHANGES:
        message = _l("There are %(n)s changes already. Please put together what belongs together.", n=others)
        found.append(Obstacle("too_many_changes", message))
    if given.plan_point not in PLAN_POINTS or given.level not in LEVELS or given.stage not in STAGES:
        found.append(Obstacle("unknown_choice", _l("Please choose one of what is offered.")))
    if not given.country:
        found.append(Obstacle("country_missing", _l("Please choose the country.")))
    if not given.what.strip():
        found.append(Obstacle("what_missing", _l("Please say what changed.")))
    if not (given.evidence.strip() or given.link.strip() or has_file):
        found.append(Obstacle("evidence_missing", _l("Please say what shows it, or give an address or a file.")))
    if given.link.strip() and not link_is_sound(given.link.strip()):
        found.append(Obstacle("link_unsound", _l("Please give an address that begins with https://.")))
    return found


def link_is_sound(link: str) -> bool:
    """Whether an address leads to a page of the web, and to nothing that a browser would run."""
    parts = urlsplit(link) if link.isprintable() and " " not in link else None
    return parts is not None and parts.scheme in ("https", "http") and "." in (parts.hostname or "")


def obstacles_to_adding_document(
    due: ReportDue, line_id: int | None, budget_line_ids: Iterable[int], present: int
) -> list[Obstacle]:
    """Why a paper cannot be added to the figures: they cannot be written now, no such line, or too many already."""
    found = obstacles_to_writing(due, due.award)
    if not due.is_financial or (line_id is not None and line_id not in set(budget_line_ids)):
        found.append(Obstacle("unknown_line", _l("A budget line does not belong to this grant.")))
    if present >= MOST_DOCUMENTS:
        message = _l("There are %(n)s files here already. Please put several papers into one file.", n=present)
        found.append(Obstacle("too_many_documents", message))
    return found


def obstacles_to_removing_document(due: ReportDue, document: ReportDocument) -> list[Obstacle]:
    """Why a paper cannot be taken away: the report cannot be written now, or it was handed in with an earlier version."""
    found = obstacles_to_writing(due, due.award)
    if due.report is not None and document.version <= due.report.version:
        message = _l("This file was handed in with the report and stays. Add the right one beside it.")
        found.append(Obstacle("handed_in", message))
    return found


def rate_is_sound(rate: Decimal) -> bool:
    """Whether an exchange rate is a number above zero that can be stored exactly."""
    return rate.is_finite() and 0 < rate < HIGHEST_RATE and -int(rate.normalize().as_tuple().exponent) <= RATE_DECIMALS


def obstacles_to_figures(due: ReportDue, figures: Sequence[Figure], currency: str) -> list[Obstacle]:
    """Why the financial part is not complete: nothing given, a line off its budget without a reason, a rate without its
    evidence, or too much.
    """
    if not due.is_financial:
        return []
    where = (FIGURES[0], {FIGURES[1]: due.id})
    if all(figure.local is None for figure in figures):
        return [Obstacle("no_figures", _l("The figures by budget line are missing."), where)]
    found = [
        Obstacle(
            "explanation_missing",
            _l(
                "“%(heading)s” is more than %(percent)s %% above its budget. Please say why.",
                heading=pick(figure.title),
                percent=figure.limits.above,
            )
            if figure.is_above
            else _l(
                "“%(heading)s” is more than %(percent)s %% below its budget. Please say why.",
                heading=pick(figure.title),
                percent=figure.limits.below,
            ),
            where,
        )
        for figure in figures
        if figure.lacks_explanation
    ]
    exchanged = any(figure.local and figure.local.currency != currency for figure in figures)
    if exchanged and (due.report is None or not due.report.rate_source.strip() or due.report.rate_on is None):
        message = _l("Please say where the exchange rate comes from, and of which day it is.")
        found.append(Obstacle("rate_evidence_missing", message, where))
    sums = sum_of(figures, currency)
    if sums.cumulative > sums.approved:
        message = _l("The figures of all reports add up to more than the grant. Report only what the grant pays for.")
        found.append(Obstacle("above_the_grant", message, where))
    return found


def above_the_grant(spent: Money, more: Money, award: Award) -> list[Obstacle]:
    """Why no more counts as spent of a grant: with it (``more``) its reports would tell of more than was awarded. What
    makes less count is never in the way.
    """
    if more.minor < 0 or spent + more <= Money(award.amount_minor, award.currency):
        return []
    return [Obstacle("above_the_grant", _l("The reports would add up to more than the grant."))]


def _to_confirm(due: ReportDue) -> Obstacle:
    message = _l("The fund wrote this report up. It is handed in when the grantee confirms it.")
    return Obstacle("to_confirm", message, ("writeups.show", {"due_id": due.id}))


def obstacles_to_submitting(due: ReportDue, written: Written, *, confirmed: bool = False) -> list[Obstacle]:
    """Why a report cannot be submitted yet: everything that is missing in the narrative and in the figures; and one that
    the fund wrote up is handed in by its confirmation only (``confirmed``).
    """
    typed = due.report is not None and due.report.entered_by_id is not None
    return [
        *obstacles_to_writing(due, due.award),
        *obstacles_to_completing(
            written.definition,
            written.answers,
            place=lambda section, question: (
                SECTION[0],
                {SECTION[1]: due.id, SECTION[2]: section, "_anchor": question},
            ),
        ),
        *obstacles_to_figures(due, figures_in(due, written), due.award.currency),
        *([_to_confirm(due)] if typed and not confirmed else []),
    ]


def _closed(award: Award) -> list[Obstacle]:
    if award.state != AwardState.CLOSED:
        return []
    return [Obstacle("grant_closed", _l("The grant is closed. What was spent of it stands."))]


def mark_of_version(report: Report | None) -> str:
    """The mark of the version of a report that a page shows."""
    return mark_of(report and (report.id, report.version))


def mark_of_costs(report: Report | None, lines: Iterable[ReportLine]) -> str:
    """The mark of the costs that a page shows: which version, and what was found of them until now."""
    found = [(one.budget_line_id, one.verified_minor, one.ineligible_minor, one.ineligible_reason) for one in lines]
    return mark_of(mark_of_version(report), sorted(found))


def obstacles_to_judging(due: ReportDue, read: str | None = None) -> list[Obstacle]:
    """Why a report cannot be accepted or returned: it is not with the fund, the grant is closed, or another version was
    handed in since it was read.
    """
    found = _must_be(due, {ReportState.SUBMITTED}) + _closed(due.award)
    return found or obstacles_to_unread(read, mark_of_version(due.report))


def obstacles_to_accepting(due: ReportDue, spent: Money, read: str | None = None) -> list[Obstacle]:
    """Why a report cannot be accepted: the same, or all that was reported of the grant (``spent``) is more than it."""
    none = Money(0, due.award.currency)
    return obstacles_to_judging(due, read) + (above_the_grant(spent, none, due.award) if due.is_financial else [])


TO_MEND = timedelta(days=14)
"""So long a grantee has for what it is asked to change, unless somebody says otherwise."""


def mended_by(due: ReportDue, today: date) -> date:
    """By which day a report that is given back today comes again: nobody is late because it was read late."""
    return max(due.due_on, today + TO_MEND)


def obstacles_to_returning(
    due: ReportDue,
    reason: str,
    parts: Mapping[str, str],
    known: Iterable[str],
    read: str | None = None,
    days: tuple[date, date] | None = None,
) -> list[Obstacle]:
    """Why a report cannot be returned so: it is not with the fund, no reason is given, or one for a part it has not; or
    the day by which it comes again has passed (``days``: that day, and today).
    """
    found = obstacles_to_judging(due, read)
    if not reason.strip() and not any(words.strip() for words in parts.values()):
        found.append(Obstacle("reason_missing", _l("Please say what is missing, so that it can be mended.")))
    if set(parts) - set(known):
        found.append(Obstacle("unknown_part", _l("This report has no such part.")))
    if days is not None and days[0] < days[1]:
        found.append(Obstacle("day_passed", _l("The day lies in the past.")))
    return found


@dataclass(frozen=True)
class LineVerified:
    """What somebody of the fund found under one budget line, in the currency of the award."""

    budget_line_id: int
    verified: Money
    ineligible: Money
    reason: str = ""


def obstacles_to_verifying(due: ReportDue, award: Award) -> list[Obstacle]:
    """Why the costs of a report cannot be verified: it has no figures, is not with the fund, or the grant is closed.

    An accepted report may be looked at again until the grant is closed, for a visit or an audit may find more.
    """
    if not due.is_financial:
        return [Obstacle("no_figures", _l("This report has no figures."))]
    return _must_be(due, {ReportState.SUBMITTED, ReportState.ACCEPTED}) + _closed(award)


def obstacles_to_verified_lines(given: Sequence[LineVerified], reported: Mapping[int, Money]) -> list[Obstacle]:
    """Why what was found cannot be kept: more than was reported, below zero, another currency, or no reason.

    ``reported`` is what the grantee told it spent, by budget line.
    """
    found = []
    for line in given:
        spent = reported.get(line.budget_line_id)
        if spent is None:
            found.append(Obstacle("unknown_line", _l("A budget line does not belong to this grant.")))
        elif {line.verified.currency, line.ineligible.currency} != {spent.currency}:
            found.append(
                Obstacle("other_currency", _l("What was verified is told in %(currency)s.", currency=spent.currency))
            )
        elif line.verified.minor < 0 or line.ineligible.minor < 0:
            found.append(Obstacle("amount_negative", _l("An amount cannot be below zero.")))
        elif line.verified + line.ineligible > spent:
            found.append(
                Obstacle(
                    "more_than_reported",
                    _l(
                        "Verified and not eligible add up to more than was reported: %(spent)s.",
                        spent=amount_shown(spent),
                    ),
                )
            )
        if bool(line.ineligible) != bool(line.reason.strip()):
            found.append(
                Obstacle(
                    "ineligible_reason",
                    _l("Please say why an amount is not eligible; the grantee reads it.")
                    if line.ineligible
                    else _l("There is a reason, but no amount that is not eligible."),
                )
            )
    return found


def obstacles_to_waiving(due: ReportDue) -> list[Obstacle]:
    """Why a report cannot be waived: it was given already, or the grant is closed."""
    return _must_be(due, TO_WRITE) + _over(due.award)


def _over(award: Award) -> list[Obstacle]:
    if award.state not in FELL_THROUGH | {AwardState.CLOSED}:
        return []
    return [Obstacle("grant_over", _l("This grant is over. Nothing is owed of it any more."))]


def obstacles_to_moving(due: ReportDue, due_on: date | None = None, reason: str | None = None) -> list[Obstacle]:
    """Why the date of a report cannot be moved. Late ones may be moved too: the record keeps the former date; those of a
    grant that is over are not.
    """
    found = _must_be(due, TO_WRITE) + _over(due.award)
    if due_on is not None and due_on == due.due_on:
        found.append(Obstacle("same_day", _l("This is the day it is due already.")))
    if reason is not None and not reason.strip():
        found.append(Obstacle("reason_missing", _l("Please say why. The reason stays in the record.")))
    return found
