"""Forms of the eligibility check."""

from __future__ import annotations

from typing import Any

from wtforms import RadioField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired

from grants.applications.forms import ReasonForm
from grants.checks.models import Outcome
from grants.core.languages import _l


class JudgeForm(ReasonForm):
    """Whether one rule of the call is met."""

    outcome = RadioField(_l("Is the rule met?"), [InputRequired(_l("Please say whether the rule is met."))])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.outcome.choices = [
            SelectChoice(Outcome.PASSED.value, _l("Yes, it is met")),
            SelectChoice(Outcome.FAILED.value, _l("No, it is not met")),
        ]
