"""What is done in an eligibility check: the machine looks, a person judges, the application goes on or ends."""

from __future__ import annotations

from typing import Any

from grants.accounts.models import Person
from grants.applications import queries as applications
from grants.applications.actions import answers_in
from grants.applications.models import Application
from grants.checks import mails, queries, rules
from grants.checks.models import Finding, Outcome
from grants.core import clock
from grants.core.db import db
from grants.core.mail import post
from grants.core.rules import refuse
from grants.history import actions as history
from grants.questionnaires import queries as questionnaire_queries


def check_eligibility(application: Application, *, by: Person) -> list[Finding]:
    """Let the machine look at every rule of the call; what a person has judged already stays."""
    applications.hold(application)
    refuse(rules.obstacles_to_checking(application))
    values = eligibility_values(application)
    present = {finding.rule_id: finding for finding in queries.findings_of(application)}
    outdated = queries.outdated_findings(application)
    for rule in queries.rules_of(application.call):
        finding = present.get(rule.id)
        if finding is None and (finding := outdated.get(rule.id)) is not None:
            finding.judged, finding.judged_by_id, finding.reason = False, None, ""
        if finding is None:
            finding = Finding(application=application, rule=rule, outcome=Outcome.TO_JUDGE)
            db.session.add(finding)
        if not finding.judged:
            finding.outcome = rules.machine_outcome(rule, values)
            finding.found_at = clock.now()
    history.note("application", application.id, "check", by=by)
    return queries.findings_of(application)


def eligibility_values(application: Application) -> dict[str, Any]:
    """What the rules of the call ask about: the call, the organization, the application and its budget."""
    call = application.call
    definition = questionnaire_queries.definition_of(application.questionnaire_id)
    answers = answers_in(application)
    return rules.values_of(
        application,
        answers,
        definition=definition,
        documents=applications.documents_of(call),
        attachments=applications.attachments_of(application),
        applications_of_lead=queries.sent_in_by(application.organization_id, call.id),
    )


def judge(finding: Finding, outcome: str, reason: str, *, by: Person) -> None:
    """A person says whether a rule is met, and why. Raises Refused without a reason."""
    application = finding.application
    applications.hold(application)
    refuse(rules.obstacles_to_judging(finding, outcome, reason))
    finding.outcome, finding.judged, finding.judged_by_id = outcome, True, by.id
    finding.reason = reason.strip()
    finding.found_at = clock.now()
    history.note("application", application.id, "judge", by=by, reason=reason, rule=finding.rule.key, outcome=outcome)


def find_eligible(application: Application, *, by: Person) -> None:
    """Every rule is met: the application goes on to the reviewers, and its people are told."""
    findings = queries.findings_of(application)
    refuse(rules.obstacles_to_finding_eligible(application, findings, rules=len(queries.rules_of(application.call))))
    entry = history.record(application, "find_eligible", by=by)
    people = applications.people_of(application)
    post(*(mails.application_found_eligible(application, to=person, occasion=str(entry.id)) for person in people))


def find_ineligible(application: Application, reason: str, *, by: Person) -> None:
    """A rule is not met: the application cannot be considered. Its people are told which rule, why, and how to complain."""
    findings = queries.findings_of(application)
    refuse(rules.obstacles_to_finding_ineligible(application, findings, rules=len(queries.rules_of(application.call))))
    entry = history.record(application, "find_ineligible", by=by, reason=reason)
    unmet = [
        {"key": finding.rule.key, "text": finding.rule.text, "reason": finding.reason}
        for finding in findings
        if finding.outcome == Outcome.FAILED
    ]
    people = applications.people_of(application)
    post(
        *(
            mails.application_found_ineligible(application, unmet, reason.strip(), to=person, occasion=str(entry.id))
            for person in people
        )
    )


def reopen_check(application: Application, reason: str, *, by: Person) -> None:
    """Take up the eligibility check again, with a reason: after a complaint, or when a mistake was found."""
    history.record(application, "reopen_check", by=by, reason=reason)
