"""What the machine says of each rule of the call, what a person judges, and what both lead to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from grants.applications import rules as applications
from grants.applications.models import Application
from grants.applications.queries import Attached
from grants.applications.workflow import ApplicationState
from grants.budgets.rules import Sums, budget_in
from grants.calls.models import DocumentAsked, EligibilityRule
from grants.calls.rules import facts_of_call
from grants.checks.models import Finding, Outcome
from grants.core.expressions import BadExpression, parse
from grants.core.languages import _l
from grants.core.questions import Definition
from grants.core.rules import Obstacle
from grants.questionnaires.rules import facts_of


def values_of(
    application: Application,
    answers: Mapping[str, Any],
    *,
    definition: Definition,
    documents: Sequence[DocumentAsked],
    attachments: Sequence[Attached],
    applications_of_lead: int,
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
    }


def _share_of_others(application: Application, sums: Sums | None) -> Decimal | None:
    """The part of the total cost that others pay, in percent, exactly; None without a cost."""
    if sums is None or not sums.total.minor:
        return None
    return Decimal(100 * sums.contributed.minor) / Decimal(sums.total.minor)


def machine_outcome(rule: EligibilityRule, values: Mapping[str, Any]) -> Outcome:
    """What the machine says of one rule: passed, failed, or for a person to judge.

    A person judges what cannot be known from the application, what the call says is checked by a member of staff
    (``manual``), put right (``correct_budget``) or asked for (``clarification``), and the values of ``manual_if``.
    """
    try:
        formula = parse(rule.check)
        kept = formula.holds(values)
    except BadExpression:
        return Outcome.TO_JUDGE
    if kept:
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
    return []


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
