"""Trying the form of a call in preparation, and throwing the trial away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from grants.accounts.models import Person
from grants.calls.models import Call
from grants.calls.workflow import CallState
from grants.core.db import db, hold
from grants.core.rules import refuse
from grants.questionnaires import actions as questionnaires
from grants.questionnaires.models import SectionAnswers
from grants.trials import queries, rules
from grants.trials.models import Trial
from grants.trials.permissions import trials_seen_by


def save_section(
    call: Call, section_key: str, values: Mapping[str, Any], *, language: str, by: Person, version: int | None
) -> SectionAnswers:
    """Save a section of a trial as one of an application is saved; the first save begins the trial.

    When the form was written meanwhile, the answers follow it first. Raises Refused, or EditConflict with both texts.
    """
    hold(call)
    refuse(rules.obstacles_to_trying(allowed=call.state == CallState.DRAFT))
    trial = queries.trial_of(trials_seen_by(by), call, held=True)
    if trial is None:
        sheet = questionnaires.new_sheet(call.questionnaire, language=language, by=by)
        trial = Trial(call_id=call.id, person_id=by.id, answer_sheet=sheet)
        db.session.add(trial)
        db.session.flush()
    elif trial.answer_sheet.questionnaire_id != call.questionnaire_id:
        former = trial.answer_sheet.questionnaire
        questionnaires.carry_over(trial.answer_sheet, call.questionnaire_id)
        questionnaires.discard_questionnaire(former)
    return questionnaires.save_section(trial.answer_sheet, section_key, values, by=by, version=version)


def throw_away(trial: Trial) -> None:
    """Forget a trial with everything that was typed."""
    sheet = trial.answer_sheet
    db.session.delete(trial)
    db.session.flush()
    questionnaires.discard_sheet(sheet)
