"""What sample applications must have before they are sent in, and who reads what of them."""

from __future__ import annotations

import pytest
from flask import Flask

from grants.applications import actions, queries, rules
from grants.applications.models import Application
from grants.applications.workflow import ApplicationState
from grants.calls.models import Call
from grants.core import clock
from grants.core.db import db
from grants.core.rules import Obstacle, Refused
from grants.questionnaires.queries import definition_of
from tests.applications import sample


def obstacles(application: Application) -> list[Obstacle]:
    definition = definition_of(application.questionnaire_id)
    answers = actions.answers_in(application)
    return rules.obstacles_to_submission(
        application, definition, answers, queries.attachments_of(application), sample.OPEN
    )


def still_missing(application: Application) -> list[str]:
    values = rules.values_for_documents(application, actions.answers_in(application))
    attachments = queries.attachments_of(application)
    return [d.key for d in rules.missing_documents(queries.documents_of(application.call), attachments, values)]


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
            sample.send_in(application, by=owner)
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
