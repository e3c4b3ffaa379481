"""The twelve sample applications through the actions of the screens: sent in, and checked against the call's own rules."""

from __future__ import annotations

from datetime import datetime

import pytest
from flask import Flask
from sqlalchemy import select

from grants.applications import actions, queries, rules
from grants.applications.models import Application, Outcome
from grants.applications.workflow import ApplicationState
from grants.calls.models import Call
from grants.core import clock
from grants.core.db import db
from grants.core.mail import OutboxMail
from grants.core.rules import Obstacle, Refused
from grants.questionnaires.queries import definition_of
from tests.applications import sample

FINDINGS = {
    "APP-003": {"E11", "E13"},
    "APP-007": {"E11", "E13"},
    "APP-008": {"E11", "E13"},
}
"""What is left to a person, where it is more than E11 (overdue reports), which the fund alone knows."""


def obstacles(application: Application) -> list[Obstacle]:
    definition = definition_of(application.call.questionnaire_id)
    answers = actions.answers_in(application)
    return rules.obstacles_to_submission(
        application, definition, answers, queries.attachments_of(application), sample.OPEN
    )


def still_missing(application: Application) -> list[str]:
    values = rules.values_for_documents(application, actions.answers_in(application))
    attachments = queries.attachments_of(application)
    return [d.key for d in rules.missing_documents(queries.documents_of(application.call), attachments, values)]


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
    sums = rules.budget_in(definition_of(call.questionnaire_id), actions.answers_in(application))
    assert sums is not None
    assert float(sums.contributed_percent or 0) == told["cofinancing_percent"]
    with clock.at(datetime.fromisoformat(told["submitted_at"])):
        receipt = actions.submit(application, by=owner)
    kept = queries.receipt_with_content(application)
    assert kept is not None
    assert kept.number == receipt.number
    assert len(kept.content["attachments"]) == len(
        [a for a in sample.answers_of(reference)["annexes"] if a["status"] in ("attached", "withheld")]
    )
    with clock.at(datetime.fromisoformat("2027-03-02T10:00:00+01:00")):
        findings = actions.check_eligibility(application, by=coordinator)
        found = {finding.rule.key: finding.outcome for finding in findings}
        assert set(found) == {rule.key for rule in call.rules}
        assert Outcome.FAILED not in found.values()
        left = {key for key, outcome in found.items() if outcome == Outcome.TO_JUDGE}
        assert left == FINDINGS.get(reference, {"E11"})
        with pytest.raises(Refused) as refusal:
            actions.find_eligible(application, by=coordinator)
        assert [o.code for o in refusal.value.obstacles] == ["to_judge"]
        for finding in findings:
            if finding.outcome == Outcome.TO_JUDGE:
                actions.judge(finding, Outcome.PASSED, "Seen in a secure call.", by=coordinator)
        actions.find_eligible(application, by=coordinator)
    assert application.state == ApplicationState.ELIGIBLE
    kinds = db.session.scalars(select(OutboxMail.kind).where(OutboxMail.about == reference))
    assert sorted(kinds) == ["application_found_eligible", "application_submitted"]


def test_another_organization_breaks_the_rules_it_should(app: Flask) -> None:
    call, coordinator = sample.sample_call()
    application, owner = sample.filled(call, "APP-001")
    changed = {"org_legal_form": "other", "org_founded_on": "2026-01-01", "org_country": "FR"}
    with clock.at(sample.OPEN):
        actions.save_section(application, "S1", changed, by=owner, version=None)
        actions.submit(application, by=owner)
        found = {f.rule.key: f for f in actions.check_eligibility(application, by=coordinator)}
    assert found["E01"].outcome == Outcome.TO_JUDGE
    assert found["E03"].outcome == Outcome.FAILED
    assert found["E04"].outcome == Outcome.TO_JUDGE
    assert found["E05"].outcome == Outcome.PASSED
    with pytest.raises(Refused):
        actions.find_eligible(application, by=coordinator)
    with clock.at(sample.OPEN):
        actions.find_ineligible(application, "Your organization is established in France.", by=coordinator)
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
        actions.submit(application, by=owner)
        (overdue,) = [f for f in actions.check_eligibility(application, by=coordinator) if f.rule.key == "E11"]
        with pytest.raises(Refused):
            actions.judge(overdue, Outcome.PASSED, " ", by=coordinator)
        actions.judge(overdue, Outcome.FAILED, "A report of 2025 is still owed.", by=coordinator)
        again = {f.rule.key: f for f in actions.check_eligibility(application, by=coordinator)}
    assert (again["E11"].outcome, again["E11"].reason) == (Outcome.FAILED, "A report of 2025 is still owed.")
    with pytest.raises(Refused) as refusal:
        actions.find_eligible(application, by=coordinator)
    assert [o.code for o in refusal.value.obstacles] == ["rules_failed"]


def test_ineligible_needs_a_rule_that_is_not_met(app: Flask) -> None:
    call, coordinator = sample.sample_call()
    application, owner = sample.filled(call, "APP-002")
    with clock.at(sample.OPEN):
        actions.submit(application, by=owner)
        for code in ("not_checked", "no_rule_failed"):
            with pytest.raises(Refused) as refusal:
                actions.find_ineligible(application, "We do not like it", by=coordinator)
            assert [o.code for o in refusal.value.obstacles] == [code]
            actions.check_eligibility(application, by=coordinator)


@pytest.mark.parametrize(
    ("section", "changes", "code"),
    [
        ("S2", {"requested_amount": "14499.99"}, "budget.requested"),
        ("S2", {"total_cost": "16600.01"}, "budget.total"),
        ("S2", {"requested_amount": "15000.01"}, "requested_amount.too_large"),
        ("S2", {"duration_months": 10}, "duration_months.too_large"),
        ("S2", {"start_date": "2027-12-01"}, "ends_too_late"),
        ("S2", {"plan_points": ["7"]}, "no_point_of_lot"),
        ("S2", {"title": ""}, "title.missing"),
        ("S2", {"summary": "word " * 201}, "summary.too_long"),
        ("S10", {"decl_psea": False}, "decl_psea.missing"),
    ],
)
def test_what_does_not_fit_stops_the_submission_and_leads_to_its_question(
    app: Flask, section: str, changes: dict[str, object], code: str
) -> None:
    call, _coordinator = sample.sample_call()
    application, owner = sample.filled(call, "APP-001")
    with clock.at(sample.OPEN):
        actions.save_section(application, section, changes, by=owner, version=None)
        found = {obstacle.code: obstacle for obstacle in obstacles(application)}
        assert code in found
        assert found[code].where is not None
        assert str(found[code].message)
        with pytest.raises(Refused):
            actions.submit(application, by=owner)
    assert application.state == ApplicationState.DRAFT


def test_the_questions_of_other_readers_are_left_out(app: Flask) -> None:
    call, _coordinator = sample.sample_call()
    definition = definition_of(call.questionnaire_id)

    def questions(audience: rules.Audience) -> set[str]:
        return {q.key for section in rules.visible_sections(definition, audience) for q in section.questions}

    everything = set(definition.questions)
    assert questions(rules.Audience.STAFF) == questions(rules.Audience.APPLICANT) == everything
    assert everything - questions(rules.Audience.REVIEWER) == {"confidentiality_reason"}
    assert everything - questions(rules.Audience.COMMITTEE) == {"confidentiality_reason", "data_security"}


def test_reviewers_see_neither_sensitive_documents_nor_reasons_for_withholding(app: Flask) -> None:
    call, _coordinator = sample.sample_call()
    for reference in ("APP-001", "APP-003"):
        application, _owner = sample.filled(call, reference)
        attachments = queries.attachments_of(application)
        assert "board_list" in [a.document.key for a in rules.visible_attachments(attachments, rules.Audience.STAFF)]
        seen = [a.document.key for a in rules.visible_attachments(attachments, rules.Audience.REVIEWER)]
        assert "board_list" not in seen
        assert "statutes" in seen


def test_the_call_decides_whether_a_missing_document_stops_a_submission(app: Flask) -> None:
    call, _coordinator = sample.sample_call()
    application, _owner = sample.filled(call, "APP-001", annexes=False)
    assert obstacles(application) == []
    assert len(still_missing(application)) == 8
    _without_the_rule(call)
    assert {o.code for o in obstacles(application)} == {f"document.{key}" for key in still_missing(application)}


def _without_the_rule(call: Call) -> None:
    for rule in call.rules:
        if rule.key == "E13":
            rule.on_fail = "reject"
    db.session.flush()
