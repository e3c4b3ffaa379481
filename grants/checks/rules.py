"""What the machine says of each rule of the call, what a person judges, what both lead to, and what may be asked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from grants.applications import rules as applications
from grants.applications.models import Application
from grants.applications.queries import Attached
from grants.applications.workflow import ApplicationState
from grants.budgets.rules import Sums, budget_in
from grants.calls.models import DocumentAsked, EligibilityRule
from grants.calls.rules import facts_of_call
from grants.checks.models import Clarification, Finding, Outcome
from grants.checks.workflow import ClarificationState
from grants.core.expressions import BadExpression, parse
from grants.core.languages import LazyWords, _l
from grants.core.questions import Definition
from grants.core.rules import Obstacle
from grants.core.templating import day as in_words
from grants.questionnaires.rules import facts_of, in_lines


def values_of(
    application: Application,
    answers: Mapping[str, Any],
    *,
    definition: Definition,
    documents: Sequence[DocumentAsked],
    attachments: Sequence[Attached],
    applications_of_lead: int,
    is_first_of_lead: bool,
) -> dict[str, Any]:
    """What the eligibility rules ask about: the call, the organization, the application, its budget and documents.

    What the fund knows only later in the life of grants (an overdue report) is left out, so a person judges it.
    """
    call = application.call
    zone = ZoneInfo(call.timezone)
    given = {attachment.document_id for attachment in attachments if attachment.file_id is not None}
    conditions = applications.values_for_documents(application, answers)
    needed = [
        document
        for document in applications.documents_for_application(documents)
        if applications.is_required(document, conditions)
    ]
    sums = budget_in(definition, answers)
    return (sums.figures if sums else {}) | {
        "call": facts_of_call(call) | {"eligible_countries": list(call.eligible_countries)},
        "organization": applications.organization_values(application, answers),
        "application": facts_of(definition, answers)
        | {
            "requested_amount": application.requested.amount,
            "total_cost": application.total_cost.amount,
            "duration_months": application.months,
            "countries_of_action": list(application.countries),
            "start_date": application.start_on,
            "language": application.language,
            "lot": application.lot_key,
            "plan_points": list(application.plan_points),
            "submitted_at": application.submitted_at.astimezone(zone) if application.submitted_at else None,
            "cofinancing_percent": _share_of_others(application, sums),
        },
        "all_required_annexes_present": all(document.id in given for document in needed),
        "applications_of_lead": applications_of_lead,
        "is_first_of_lead": is_first_of_lead,
    }


def _share_of_others(application: Application, sums: Sums | None) -> Decimal | None:
    """The part of the total cost that others pay, in percent, exactly; None without a cost."""
    if sums is None or not sums.total.minor:
        return None
    return Decimal(100 * sums.contributed.minor) / Decimal(sums.total.minor)


def machine_outcome(rule: EligibilityRule, values: Mapping[str, Any]) -> Outcome:
    """What the machine says of one rule: passed, failed, or for a person to judge.

    A person judges what cannot be known from the application, what the call says is checked by a member of staff
    (``manual``), put right (``correct_budget``) or asked for (``clarification``), and the values of ``manual_if``. Of
    several applications of one organization the first that was sent in is kept (``reject_all_but_first``).
    """
    try:
        formula = parse(rule.check)
        kept = formula.holds(values)
    except BadExpression:
        return Outcome.TO_JUDGE
    if kept or (rule.on_fail == "reject_all_but_first" and values["is_first_of_lead"]):
        return Outcome.PASSED
    if kept is None or rule.derived or rule.on_fail not in ("reject", "reject_all_but_first"):
        return Outcome.TO_JUDGE
    if rule.manual_if and any(_found(values, name) in rule.manual_if for name in formula.names):
        return Outcome.TO_JUDGE
    return Outcome.FAILED


def _found(values: Mapping[str, Any], name: str) -> Any:
    place: Any = values
    for part in name.split("."):
        place = place.get(part) if isinstance(place, Mapping) else None
    return place if isinstance(place, str) else None


def obstacles_to_checking(application: Application) -> list[Obstacle]:
    """Why the eligibility of an application is not for checking now."""
    if application.state != ApplicationState.SUBMITTED:
        return [Obstacle("not_submitted", _l("Only an application that was sent in and not yet decided is checked."))]
    if application.reopened:
        message = _l("You asked the applicant for more information. Please wait for the answer, or close the request.")
        where = ("checks.clarifications", {"reference": application.reference})
        return [Obstacle("clarification_open", message, where)]
    return []


def obstacles_to_checking_anew(*, checked_before: bool) -> list[Obstacle]:
    """Why somebody cannot carry out the check that follows from a complaint: they had a part in the one before."""
    if not checked_before:
        return []
    message = _l("You took part in the check that the complaint was about. Somebody else carries out the new one.")
    return [Obstacle("checked_before", message)]


def obstacles_to_judging(finding: Finding, outcome: str, reason: str) -> list[Obstacle]:
    """Why a person cannot judge a rule this way."""
    found = obstacles_to_checking(finding.application)
    if outcome not in (Outcome.PASSED, Outcome.FAILED):
        found.append(Obstacle("outcome", _l("Please say whether the rule is met.")))
    if not reason.strip():
        found.append(Obstacle("reason_missing", _l("Please say why. The reason stays in the record.")))
    return found


def obstacles_to_finding_eligible(application: Application, findings: Sequence[Finding], rules: int) -> list[Obstacle]:
    """Why an application cannot be found eligible: rules not looked at, to be judged, or not met."""
    found = obstacles_to_checking(application) or _unfinished(findings, rules)
    failed = [f for f in findings if f.outcome == Outcome.FAILED]
    if failed:
        message = _l("These rules of the call are not met: %(rules)s.", rules=", ".join(f.rule.key for f in failed))
        found.append(Obstacle("rules_failed", message))
    return found


def obstacles_to_finding_ineligible(
    application: Application, findings: Sequence[Finding], rules: int
) -> list[Obstacle]:
    """Why an application cannot be found ineligible: rules not looked at, or none that is not met."""
    found = obstacles_to_checking(application)
    if not found and not findings and rules:
        found = _unfinished(findings, rules)
    if not found and not any(f.outcome == Outcome.FAILED for f in findings):
        message = _l("No rule of the call was found not to be met. Only such a rule makes an application ineligible.")
        found.append(Obstacle("no_rule_failed", message))
    return found


def _unfinished(findings: Sequence[Finding], rules: int) -> list[Obstacle]:
    if len(findings) < rules:
        return [Obstacle("not_checked", _l("Please run the check against the rules of the call first."))]
    waiting = [f for f in findings if f.outcome == Outcome.TO_JUDGE]
    if waiting:
        message = _l("These rules wait for your judgement: %(rules)s.", rules=", ".join(f.rule.key for f in waiting))
        return [Obstacle("to_judge", message)]
    return []


# ------------------------------------------------------------------ asking for more information


LONGEST_WAIT = timedelta(days=60)
"""An applicant is given at most so many days to answer."""


class Part(NamedTuple):
    """A part of an application that may be opened again: a section or a document."""

    key: str
    title: Mapping[str, str]
    page: tuple[str, dict[str, Any]]


def parts_of(application: Application, definition: Definition, documents: Sequence[DocumentAsked]) -> list[Part]:
    """The sections and documents that an applicant can be asked for, in the order of the form."""
    reference = application.reference
    sections = [
        Part(section.key, section.title, ("applications.section", {"reference": reference, "key": section.key}))
        for section in definition.sections
        if not applications.asks_only_files(section)
    ]
    papers = [
        Part(
            applications.part_of(document),
            document.label,
            ("applications.documents", {"reference": reference, "_anchor": document.key}),
        )
        for document in applications.documents_for_application(documents)
    ]
    return sections + papers


def first_day_to_answer(application: Application, at: datetime) -> date:
    """The first day by which an answer may be asked for: after today, and after the day on which the call closes."""
    zone = ZoneInfo(application.call.timezone)
    return max(at, application.call.closes_at).astimezone(zone).date() + timedelta(days=1)


def obstacles_to_asking(application: Application) -> list[Obstacle]:
    """Why the applicant cannot be asked for more now."""
    return obstacles_to_checking(application)


def obstacles_to_the_day(application: Application, due_on: date, at: datetime) -> list[Obstacle]:
    """Why an answer cannot be asked for by a day."""
    first = first_day_to_answer(application, at)
    if not first <= due_on <= first + LONGEST_WAIT:
        message = _l(
            "Please choose a day between %(first)s and %(last)s: after the call has closed, and within two months.",
            first=LazyWords(in_words, first),
            last=LazyWords(in_words, first + LONGEST_WAIT),
        )
        return [Obstacle("due_on", message)]
    return []


def obstacles_to_this_request(parts: Collection[str], known: Iterable[Part], reason: str) -> list[Obstacle]:
    """Why these parts cannot be asked for: none, one that is none of this application, or no reason."""
    found = []
    if not parts or not set(parts) <= {part.key for part in known}:
        found.append(Obstacle("no_part", _l("Please choose at least one section or document.")))
    if not reason.strip():
        found.append(Obstacle("reason_missing", _l("Please write what you need to know. The applicant reads it.")))
    return found


def obstacles_to_ending(clarification: Clarification) -> list[Obstacle]:
    """Why a request can no longer be answered, closed or given more time."""
    asked = clarification.state == ClarificationState.ASKED
    if not asked or clarification.application.state != ApplicationState.SUBMITTED:
        return [Obstacle("not_open", _l("This request has been answered or closed."))]
    return []


def obstacles_to_more_time(clarification: Clarification, due_on: date, at: datetime) -> list[Obstacle]:
    """Why a day gives no more time."""
    if due_on <= clarification.due_on:
        return [Obstacle("not_later", _l("Please choose a later day than the present one."))]
    return obstacles_to_the_day(clarification.application, due_on, at)


def obstacles_to_handing_in(
    clarification: Clarification,
    definition: Definition,
    before: Mapping[str, Any],
    now: Mapping[str, Any],
    missing: Iterable[Obstacle],
) -> list[Obstacle]:
    """Why the answer cannot be handed in: what is still missing in the parts asked for.

    ``before`` and ``now`` are what was received and what would be. Whatever else were to differ would not be taken:
    a request opens what it names and nothing else.
    """
    if found := obstacles_to_ending(clarification):
        return found
    found = [obstacle for obstacle in missing if _is_asked(obstacle, clarification.parts)]
    elsewhere = {_section(definition, part) for part in parts_changed(before, now)} - set(clarification.parts)
    if elsewhere:
        message = _l(
            "Something else than what was asked for has changed: %(parts)s.", parts=", ".join(sorted(elsewhere))
        )
        found.append(Obstacle("changed_elsewhere", message))
    return found


def obstacles_to_saying_nothing(before: Mapping[str, Any], now: Mapping[str, Any], answer: str) -> list[Obstacle]:
    """Why an answer without a change and without a word is none."""
    if not answer.strip() and not parts_changed(before, now):
        return [Obstacle("nothing_new", _l("Nothing has changed. Please say in a few words why."))]
    return []


def _section(definition: Definition, part: str) -> str:
    """The part of an application that a question belongs to; a document is a part of its own."""
    section = definition.section_of.get(part)
    return section.key if section else part


def _is_asked(obstacle: Obstacle, parts: Collection[str]) -> bool:
    """Whether an obstacle can be mended in the parts asked for; others stood there when the application was taken."""
    if obstacle.where is None:
        return False
    values = obstacle.where[1]
    return values.get("key") in parts or f"{applications.PAPER}{values.get('_anchor')}" in parts


def parts_changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> set[str]:
    """The questions and documents of which two receipts say different things."""
    questions = {
        key for key in {*before["answers"], *now["answers"]} if before["answers"].get(key) != now["answers"].get(key)
    }
    was, is_now = papers_in(before), papers_in(now)
    return questions | {
        f"{applications.PAPER}{key}"
        for key in {*was, *is_now}
        if sorted(was.get(key, ())) != sorted(is_now.get(key, ()))
    }


def papers_in(content: Mapping[str, Any]) -> dict[str, list[str]]:
    """What a receipt was given for, by document: the fingerprints of its files, or the reason for withholding it."""
    papers: dict[str, list[str]] = {}
    for paper in content["attachments"]:
        papers.setdefault(paper["document"], []).append(paper.get("sha256") or f"withheld: {paper.get('withheld')}")
    return papers


class Difference(NamedTuple):
    """One question or document that says something else than before, both sides in words, line by line."""

    part: str
    label: Mapping[str, str]
    before: list[str]
    now: list[str]


def differences(
    definition: Definition,
    documents: Sequence[DocumentAsked],
    before: Mapping[str, Any],
    now: Mapping[str, Any],
    language: str,
) -> list[Difference]:
    """What is new between two receipts, question by question and document by document, in the order of the form."""
    changed = parts_changed(before, now)
    found = []
    for key, question in definition.questions.items():
        if key in changed:
            said = [
                in_lines(question, side["answers"].get(key), language, definition.fallback) for side in (before, now)
            ]
            found.append(Difference(definition.section_of[key].key, question.label, *said))
    for document in documents:
        if applications.part_of(document) in changed:
            papers = [
                [
                    paper.get("name") or paper.get("withheld") or ""
                    for paper in side["attachments"]
                    if paper["document"] == document.key
                ]
                for side in (before, now)
            ]
            found.append(Difference(applications.part_of(document), document.label, *papers))
    return found


def is_late(clarification: Clarification, at: datetime) -> bool:
    """Whether the day has passed by which an answer was asked for, where the call is."""
    zone = ZoneInfo(clarification.application.call.timezone)
    return clarification.state == ClarificationState.ASKED and at.astimezone(zone).date() > clarification.due_on
