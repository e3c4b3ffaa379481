"""What a trial would still need to be sent in, judged as an application is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from grants.applications.models import Application
from grants.applications.queries import Terms
from grants.applications.rules import facts_in, obstacles_across_sections
from grants.budgets import rules as budgets
from grants.calls.models import Call
from grants.core.db import to_read
from grants.core.languages import _l
from grants.core.questions import Definition
from grants.core.rules import Obstacle
from grants.questionnaires.rules import obstacles_to_completing


def obstacles_to_sending_in(
    call: Call, definition: Definition, answers: Mapping[str, Any], terms: Terms
) -> list[Obstacle]:
    """What would keep these answers from being sent in, dates and documents aside: a trial attaches none."""
    reference = call.reference

    def place(section_key: str, question_key: str) -> tuple[str, dict[str, Any]]:
        return "trials.section", {"reference": reference, "key": section_key, "check": 1, "_anchor": question_key}

    found = obstacles_to_completing(definition, answers, place=place)
    pretended = to_read(Application, {**facts_in(answers, call.currency), "region": "any"})
    pretended.__dict__["call"] = call
    found += obstacles_across_sections(pretended, definition, terms, place)
    question = budgets.budget_question(definition)
    if question is not None and question.budget is not None and answers.get(question.key):
        where = place(definition.section_of[question.key].key, question.key)
        checks = budgets.checks_in(definition)
        found += budgets.obstacles_in_budget(answers[question.key], question.budget, checks, answers, where)
    return found


def obstacles_to_trying(*, allowed: bool) -> list[Obstacle]:
    """A form is tried before its call is published; afterwards there are only applications."""
    return [] if allowed else [Obstacle("published", _l("The form of a call is tried while it is in preparation."))]
