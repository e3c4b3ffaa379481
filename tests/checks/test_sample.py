"""The twelve sample applications through the actions of the screens: sent in, and checked against the call's own rules."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from grants.applications import actions, queries
from grants.applications.workflow import ApplicationState
from grants.budgets.rules import budget_in
from grants.checks import actions as checks
from grants.checks import queries as queries_of_check
from grants.checks.models import Outcome
from grants.core import clock
from grants.core.db import db
from grants.core.mail import OutboxMail
from grants.core.rules import Refused
from grants.questionnaires.queries import definition_of
from tests.applications import sample
from tests.applications.test_sample import obstacles, still_missing

FINDINGS = {
    "APP-003": {"E11", "E13"},
    "APP-007": {"E11", "E13"},
    "APP-008": {"E11", "E13"},
}
"""What is left to a person, where it is more than E11 (overdue reports), which the fund alone knows."""


@pytest.mark.parametrize("reference", sample.REFERENCES)
def test_a_sample_application_goes_the_whole_way(app: Flask, reference: str) -> None:
    call, coordinator = sample.sample_call()
    application, owner = sample.filled(call, reference)
    told = sample.entry_of(reference)
    assert obstacles(application) == []
    assert still_missing(application) == (["accounts_last_year"] if reference == "APP-007" else [])
    assert application.title == " ".join(told["title"].split())
    assert (application.lot_key, application.region) == (told["lot"], told["region"])
    assert (application.requested.amount, application.total_cost.amount) == (
        told["requested_amount"],
        told["total_cost"],
    )
    assert application.countries == told["countries_of_action"]
    assert application.plan_points == told["plan_points"]
    assert (application.start_on, application.months) == (told["start_date"], told["duration_months"])
    assert application.confidentiality == told["confidentiality"]
    sums = budget_in(definition_of(call.questionnaire_id), actions.answers_in(application))
    assert sums is not None
    assert float(sums.contributed_percent or 0) == told["cofinancing_percent"]
    with clock.at(datetime.fromisoformat(told["submitted_at"])):
        receipt = sample.send_in(application, by=owner)
    kept = queries.receipt_with_content(application)
    assert kept is not None
    assert kept.number == receipt.number
    assert len(kept.content["attachments"]) == len(
        [a for a in sample.answers_of(reference)["annexes"] if a["status"] in ("attached", "withheld")]
    )
    with clock.at(datetime.fromisoformat("2027-03-02T10:00:00+01:00")):
        findings = checks.check_eligibility(application, by=coordinator)
        found = {finding.rule.key: finding.outcome for finding in findings}
        assert set(found) == {rule.key for rule in call.rules}
        assert Outcome.FAILED not in found.values()
        left = {key for key, outcome in found.items() if outcome == Outcome.TO_JUDGE}
        assert left == FINDINGS.get(reference, {"E11"})
        with pytest.raises(Refused) as refusal:
            checks.find_eligible(application, by=coordinator)
        assert [o.code for o in refusal.value.obstacles] == ["to_judge"]
        for finding in findings:
            if finding.outcome == Outcome.TO_JUDGE:
                checks.judge(finding, Outcome.PASSED, "Seen in a secure call.", by=coordinator)
        checks.find_eligible(application, by=coordinator)
    assert application.state == ApplicationState.ELIGIBLE
    kinds = db.session.scalars(select(OutboxMail.kind).where(OutboxMail.about == reference))
    assert sorted(kinds) == ["application_found_eligible", "application_submitted"]


def test_another_organization_breaks_the_rules_it_should(app: Flask) -> None:
    call, coordinator = sample.sample_call()
    application, owner = sample.filled(call, "APP-001")
    changed = {"org_legal_form": "other", "org_founded_on": "2026-01-01", "org_country": "FR"}
    with clock.at(sample.OPEN):
        actions.save_section(application, "S1", changed, by=owner, version=None)
        sample.send_in(application, by=owner)
        found = {f.rule.key: f for f in checks.check_eligibility(application, by=coordinator)}
    assert found["E01"].outcome == Outcome.TO_JUDGE
    assert found["E03"].outcome == Outcome.FAILED
    assert found["E04"].outcome == Outcome.TO_JUDGE
    assert found["E05"].outcome == Outcome.PASSED
    with pytest.raises(Refused):
        checks.find_eligible(application, by=coordinator)
    with clock.at(sample.OPEN):
        checks.find_ineligible(application, "Your organization is established in France.", by=coordinator)
    assert application.state == ApplicationState.INELIGIBLE
    mail = db.session.scalars(select(OutboxMail).where(OutboxMail.kind == "application_found_ineligible")).one()
    body = mail.body or ""
    assert "E03: It is established in an eligible country." in body
    assert "Your organization is established in France." in body
    assert "complain until 29 April 2027" in " ".join(body.split())
    assert application.title not in body + mail.subject


def test_what_a_person_judged_stays_when_the_machine_looks_again(app: Flask) -> None:
    call, coordinator = sample.sample_call()
    application, owner = sample.filled(call, "APP-002")
    with clock.at(sample.OPEN):
        sample.send_in(application, by=owner)
        (overdue,) = [f for f in checks.check_eligibility(application, by=coordinator) if f.rule.key == "E11"]
        with pytest.raises(Refused):
            checks.judge(overdue, Outcome.PASSED, " ", by=coordinator)
        checks.judge(overdue, Outcome.FAILED, "A report of 2025 is still owed.", by=coordinator)
        again = {f.rule.key: f for f in checks.check_eligibility(application, by=coordinator)}
    assert (again["E11"].outcome, again["E11"].reason) == (Outcome.FAILED, "A report of 2025 is still owed.")
    with pytest.raises(Refused) as refusal:
        checks.find_eligible(application, by=coordinator)
    assert [o.code for o in refusal.value.obstacles] == ["rules_failed"]


def test_ineligible_needs_a_rule_that_is_not_met(app: Flask) -> None:
    call, coordinator = sample.sample_call()
    application, owner = sample.filled(call, "APP-002")
    with clock.at(sample.OPEN):
        sample.send_in(application, by=owner)
        for code in ("not_checked", "no_rule_failed"):
            with pytest.raises(Refused) as refusal:
                checks.find_ineligible(application, "We do not like it", by=coordinator)
            assert [o.code for o in refusal.value.obstacles] == [code]
            checks.check_eligibility(application, by=coordinator)


def test_a_check_of_what_was_withdrawn_and_sent_in_anew_begins_anew(app: Flask) -> None:
    call, coordinator = sample.sample_call()
    application, owner = sample.filled(call, "APP-002")
    with clock.at(sample.OPEN):
        sample.send_in(application, by=owner)
        (overdue,) = [f for f in checks.check_eligibility(application, by=coordinator) if f.rule.key == "E11"]
        checks.judge(overdue, Outcome.FAILED, "A report of 2025 is still owed.", by=coordinator)
        actions.withdraw(application, "We send the report first", by=owner)
    later = sample.OPEN + timedelta(days=2)
    with clock.at(later):
        actions.resume(application, by=owner)
        sample.send_in(application, by=owner)
        assert queries_of_check.findings_of(application) == []
        assert queries_of_check.finding_by_rule(application, "E11") is None
        with pytest.raises(Refused) as refusal:
            checks.find_ineligible(application, "A report is owed.", by=coordinator)
        assert [o.code for o in refusal.value.obstacles] == ["not_checked"]
        (overdue,) = [f for f in checks.check_eligibility(application, by=coordinator) if f.rule.key == "E11"]
    assert (overdue.outcome, overdue.judged, overdue.reason) == (Outcome.TO_JUDGE, False, "")
