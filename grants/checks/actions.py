"""What is done in an eligibility check: the machine looks, a person judges, the application goes on or ends."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

from grants.accounts.models import Person
from grants.applications import queries as applications
from grants.applications import rules as application_rules
from grants.applications.actions import answers_in, open_parts, put_back, renew_receipt
from grants.applications.models import Application, Receipt
from grants.checks import mails, queries, rules
from grants.checks.models import Clarification, Finding, Outcome
from grants.conflicts.queries import free_among, free_coordinators
from grants.core import clock
from grants.core.db import db
from grants.core.languages import _l
from grants.core.mail import post
from grants.core.questions import Definition
from grants.core.rules import Obstacle, refuse
from grants.entries.queries import entry_of
from grants.entries.rules import obstacles_to_counting
from grants.history import actions as history
from grants.letters.actions import compose
from grants.letters.models import LetterKind
from grants.letters.queries import wording_of
from grants.questionnaires import queries as questionnaire_queries


def obstacles_to_taking_part(application: Application, person: Person) -> list[Obstacle]:
    """Why somebody may not carry out the check of an application, whoever else may."""
    return rules.obstacles_to_checking_anew(checked_before=queries.checked_before(person, application))


def check_eligibility(application: Application, *, by: Person) -> list[Finding]:
    """Let the machine look at every rule of the call; what a person has judged already stays."""
    applications.hold(application)
    refuse(rules.obstacles_to_checking(application) + obstacles_to_taking_part(application, by))
    present = {finding.rule_id: finding for finding in queries.findings_of(application)}
    outdated = queries.outdated_findings(application)
    for rule in queries.rules_of(application.call):
        finding = present.get(rule.id) or outdated.get(rule.id)
        if finding is None:
            finding = Finding(application=application, rule=rule, outcome=Outcome.TO_JUDGE)
            db.session.add(finding)
        elif rule.id not in present:
            _unjudge(finding)
        finding.found_at = clock.now() if not finding.judged else finding.found_at
    history.note("application", application.id, "check", by=by)
    return _look_again(application)


def _look_again(application: Application) -> list[Finding]:
    """What the machine says now of every rule that was looked at, and no person judged. The application is held."""
    findings = queries.findings_of(application)
    if findings:
        values = eligibility_values(application)
        for finding in findings:
            outcome = finding.outcome if finding.judged else rules.machine_outcome(finding.rule, values)
            if outcome != finding.outcome:
                finding.outcome, finding.found_at = outcome, clock.now()
    return findings


def _unjudge(finding: Finding) -> None:
    """What a person judged is to be judged anew; why it was judged so stays in the history."""
    finding.judged, finding.judged_by_id, finding.reason, finding.outcome = False, None, "", Outcome.TO_JUDGE


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
        is_first_of_lead=queries.is_first_of_lead(application),
    )


def judge(finding: Finding, outcome: str, reason: str, *, by: Person) -> None:
    """A person says whether a rule is met, and why. Raises Refused without a reason."""
    application = finding.application
    applications.hold(application)
    refuse(rules.obstacles_to_judging(finding, outcome, reason) + obstacles_to_taking_part(application, by))
    finding.outcome, finding.judged, finding.judged_by_id = outcome, True, by.id
    finding.reason = reason.strip()
    finding.found_at = clock.now()
    history.note("application", application.id, "judge", by=by, reason=reason, rule=finding.rule.key, outcome=outcome)


def find_eligible(application: Application, *, by: Person) -> None:
    """Every rule is met: the application goes on to the reviewers, and its people are told. The machine looks again before,
    so that nothing is found on answers that no longer stand.
    """
    applications.hold(application)
    findings = _look_again(application)
    known = len(queries.rules_of(application.call))
    refuse(
        rules.obstacles_to_finding_eligible(application, findings, rules=known)
        + obstacles_to_counting(application, entry_of(application))
        + obstacles_to_taking_part(application, by)
    )
    entry = history.record(application, "find_eligible", by=by)
    people = applications.people_of(application)
    post(*(mails.application_found_eligible(application, to=person, occasion=str(entry.id)) for person in people))


def find_ineligible(application: Application, reason: str, *, by: Person) -> None:
    """A rule is not met: the application cannot be considered. Its people are told which rule, why, and how to complain.
    The machine looks again before.
    """
    applications.hold(application)
    findings = _look_again(application)
    refuse(
        rules.obstacles_to_finding_ineligible(application, findings, rules=len(queries.rules_of(application.call)))
        + obstacles_to_taking_part(application, by)
    )
    entry = history.record(application, "find_ineligible", by=by, reason=reason)
    unmet = [
        {"key": finding.rule.key, "text": finding.rule.text, "reason": finding.reason}
        for finding in findings
        if finding.outcome == Outcome.FAILED
    ]
    details = {"rules": unmet, "reason": reason.strip()}
    wording = wording_of(application.call)
    letter = compose(application, LetterKind.INELIGIBLE, wording, at=clock.now(), details=details)
    db.session.add(letter)
    people = applications.people_of(application)
    post(
        *(
            mails.application_found_ineligible(application, letter, to=person, occasion=str(entry.id))
            for person in people
        )
    )


def reopen_check(application: Application, reason: str, *, by: Person, by_others: bool = False) -> None:
    """Take up the eligibility check again, with a reason: when a mistake was found, or ``by_others`` than those who had a
    part in it, after a complaint.
    """
    history.record(application, "reopen_check", by=by, reason=reason, by_others=by_others)


# ------------------------------------------------------------------ asking for more information


def ask(application: Application, parts: Collection[str], reason: str, due_on: date, *, by: Person) -> Clarification:
    """Ask the applicant to complete some sections and documents by a day; only those are open again. Raises Refused."""
    applications.hold(application)
    definition = definition_for(application)
    known = rules.parts_of(application, definition, applications.documents_of(application.call))
    refuse(
        rules.obstacles_to_asking(application) + obstacles_to_taking_part(application, by)
        or rules.obstacles_to_this_request(parts, known, reason)
        + rules.obstacles_to_the_day(application, due_on, clock.now())
    )
    before = applications.receipt_of(application)
    assert before is not None
    clarification = Clarification(
        application=application,
        number=queries.next_number(application),
        parts=[part.key for part in known if part.key in parts],
        reason=reason.strip(),
        due_on=due_on,
        before=before,
        asked_by=by,
    )
    db.session.add(clarification)
    open_parts(application, clarification.parts)
    history.begin(clarification, "ask", by=by, parts=clarification.parts, due_on=due_on.isoformat())
    history.note("application", application.id, "ask", by=by, number=clarification.number)
    post(*(mails.clarification_asked(clarification, to=person) for person in applications.people_of(application)))
    return clarification


def obstacles_to_handing_in(clarification: Clarification, answer: str | None = None) -> list[Obstacle]:
    """Why the answer to a request cannot be handed in as the application stands in the database now.

    ``answer`` is what is added in words, once it is known.
    """
    application = clarification.application
    definition = definition_for(application)
    handed_in = applications.handed_in(application)
    answers, attachments = handed_in.answers, handed_in.attachments
    before = applications.receipt_with_content(application)
    assert before is not None
    now = application_rules.content_of(application, answers, attachments, None)
    missing = application_rules.obstacles_in_content(
        application,
        definition,
        answers,
        attachments,
        documents=applications.documents_of(application.call),
        terms=applications.terms_of(application.call),
    )
    found = rules.obstacles_to_handing_in(clarification, definition, before.content, now, missing)
    if not found:
        found = application_rules.obstacles_without_certification(application, application_rules.fingerprint(now))
    if answer is not None and not found:
        found = rules.obstacles_to_saying_nothing(before.content, now, answer)
    return found


def hand_in(clarification: Clarification, answer: str, *, by: Person) -> Receipt:
    """Hand in what was asked for: a new receipt, and the parts are closed again. Raises Refused with what is missing.

    ``answer`` is what the applicant adds in words. The moment at which the application was submitted stays. When anything
    but words came, the machine looks again at every rule, and what a person judged is judged again.
    """
    application = clarification.application
    applications.hold(application)
    refuse(obstacles_to_handing_in(clarification, answer))
    before = application.content_hash
    receipt = renew_receipt(application, by=by)
    if receipt.content_hash != before:
        for finding in queries.findings_of(application):
            if finding.judged:
                _unjudge(finding)
        _look_again(application)
    clarification.after, clarification.answer = receipt, answer.strip()
    _end(clarification, by)
    history.record(clarification, "answer", by=by, receipt=receipt.number)
    told = {person.id: person for person in [by, *applications.people_of(application)]}
    asked_by = free_among([clarification.asked_by], application.organization_id, application.call_id)
    staff = {person.id: person for person in [*asked_by, *free_coordinators(application)]}
    post(
        *(mails.clarification_received(clarification, to=person) for person in told.values()),
        *(mails.clarification_answered(clarification, to=person) for person in staff.values()),
    )
    return receipt


def close(clarification: Clarification, reason: str, *, by: Person) -> None:
    """Close a request that was not answered: what was written meanwhile does not count, what was received does."""
    application = clarification.application
    applications.hold(application)
    refuse(rules.obstacles_to_ending(clarification))
    before = applications.receipt_with_content(application)
    assert before is not None
    put_back(application, before, by=by)
    _end(clarification, by)
    history.record(clarification, "close", by=by, reason=reason)
    history.note("application", application.id, "let_go", by=by, number=clarification.number)
    people = applications.people_of(application)
    post(*(mails.clarification_closed(clarification, reason.strip(), to=person) for person in people))


def extend(clarification: Clarification, due_on: date, *, by: Person) -> None:
    """Give the applicant more time. Raises Refused for a day that is not later."""
    applications.hold(clarification.application)
    refuse(rules.obstacles_to_ending(clarification) or rules.obstacles_to_more_time(clarification, due_on, clock.now()))
    clarification.due_on = due_on
    history.note("clarification", clarification.id, "extend", by=by, due_on=due_on.isoformat())
    people = applications.people_of(clarification.application)
    post(*(mails.clarification_extended(clarification, to=person) for person in people))


def let_go(application: Application, *, by: Person) -> None:
    """End a request for more about an application that is being withdrawn."""
    clarification = queries.open_clarification(application)
    if clarification is not None:
        _end(clarification, by)
        history.record(clarification, "close", by=by, reason=str(_l("The application was withdrawn.")))


def _end(clarification: Clarification, by: Person) -> None:
    clarification.ended_at, clarification.ended_by = clock.now(), by


def definition_for(application: Application) -> Definition:
    """The questions that an application answers."""
    return questionnaire_queries.definition_of(application.questionnaire_id)
