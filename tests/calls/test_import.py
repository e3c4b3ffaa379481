"""Calls come in from files: the sample, another kind of call, and files that are wrong."""

from __future__ import annotations

from pathlib import Path

from flask import Flask

from grants.accounts.models import Role
from grants.calls.actions import import_call
from grants.calls.forms import read_call
from grants.calls.workflow import CallState
from grants.questionnaires.queries import definition_of
from tests import factories

SAMPLE = Path(__file__).parents[2] / "sample"


def test_the_sample_comes_in_with_all_its_parts(app: Flask) -> None:
    by = factories.person(Role.GLOBAL_COORDINATOR)
    call = import_call(read_call(SAMPLE), by=by)
    assert (call.reference, call.state, call.currency) == ("MPF-2027-01", CallState.DRAFT, "EUR")
    assert [(lot.key, lot.plan_points, lot.min_awards) for lot in call.lots][:2] == [
        ("L1", [3, 4], 2),
        ("L2", [7, 8], 2),
    ]
    assert [region.floor_minor for region in call.regions] == [3_000_000, 3_000_000, 2_500_000]
    assert call.closes_at.isoformat() == "2027-02-26T22:59:59+00:00"
    assert len(call.rules) == 14
    assert len(call.criteria) == 11
    assert [d.key for d in call.documents if d.stage == "award"] == ["bank_details_form", "bank_letter_or_statement"]
    definition = definition_of(call.questionnaire_id)
    assert [s.key for s in definition.sections] == [f"S{n}" for n in range(1, 11)]
    assert [o.value for o in definition.questions["lot"].options] == ["L1", "L2", "L3"]
    assert [o.value for o in definition.questions["plan_points"].options] == list("12345678")
    assert definition.questions["start_date"].not_before is not None
    assert "budget_lines" in definition.questions
