"""Forms of the eligibility check, and of asking an applicant for more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from wtforms import DateField, RadioField, SelectMultipleField, widgets
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired

from grants.applications.forms import LONGEST_REASON, ReasonForm
from grants.checks.models import Outcome
from grants.checks.rules import Part
from grants.core.forms import Form, TextField
from grants.core.languages import LazyWords, _l, pick
from grants.core.templating import day as in_words


class JudgeForm(ReasonForm):
    """Whether one rule of the call is met."""

    outcome = RadioField(_l("Is the rule met?"), [InputRequired(_l("Please say whether the rule is met."))])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.outcome.choices = [
            SelectChoice(Outcome.PASSED.value, _l("Yes, it is met")),
            SelectChoice(Outcome.FAILED.value, _l("No, it is not met")),
        ]


class Checkboxes(SelectMultipleField):
    """Several of a list, as boxes to tick."""

    widget = widgets.ListWidget(prefix_label=False)
    option_widget = widgets.CheckboxInput()


class AskForm(Form):
    """Which parts of an application are opened again, why, and until when."""

    parts = Checkboxes(
        _l("What may the applicant write in again?"),
        [DataRequired(_l("Please choose at least one section or document."))],
    )
    reason = TextField(
        _l("What do you need to know?"),
        [DataRequired(_l("Please write what you need to know. The applicant reads it."))],
        longest=LONGEST_REASON,
    )
    due_on = DateField(_l("Answer by"), [DataRequired(_l("Please choose a day."))])

    @classmethod
    def about(cls, parts: Sequence[Part], first: date) -> AskForm:
        """The form for an application with these parts; ``first`` is the earliest day for an answer."""
        form = cls()
        form.parts.choices = [SelectChoice(part.key, pick(part.title)) for part in parts]
        form.due_on.description = _l("The earliest day is %(day)s.", day=LazyWords(in_words, first))
        return form


class HandInForm(Form):
    """What an applicant adds in words when handing in again."""

    answer = TextField(_l("What would you like to tell us about your answer?"), longest=LONGEST_REASON)


class MoreTimeForm(Form):
    """A later day for an answer."""

    due_on = DateField(_l("Answer by"), [DataRequired(_l("Please choose a day."))])
