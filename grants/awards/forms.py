"""Forms about awards: reasons, evidence and dates."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from flask_wtf.file import FileField
from wtforms import BooleanField, DateField, SelectField
from wtforms.validators import DataRequired, InputRequired, Optional, ValidationError

from grants.core.forms import Form, LineField, TextField
from grants.core.languages import _l

LONGEST_REASON = 2_000


class ReasonForm(Form):
    """Why something is done; the reason stays in the record."""

    reason = TextField(
        _l("Why?"),
        [DataRequired(_l("Please say why. The reason stays in the record."))],
        longest=LONGEST_REASON,
        description=_l("One or two sentences. The reason stays in the record."),
    )


class EvidenceForm(Form):
    """How one knows that a condition is met."""

    evidence = TextField(
        _l("What shows it?"),
        [DataRequired(_l("Please say how you know that the condition is met."))],
        longest=LONGEST_REASON,
        description=_l("For example the document you saw and its date. No names of people at risk."),
    )


class ReachedForm(Form):
    """When a milestone was reached, and what shows it. The view sets ``today``."""

    reached_on = DateField(_l("On which day?"), [InputRequired(_l("Please give the day."))])
    evidence = TextField(
        _l("What shows it?"),
        [DataRequired(_l("Please say in a sentence what shows it."))],
        longest=LONGEST_REASON,
        description=_l("For example a list of participants, a letter, a link. No names of people at risk."),
    )
    today: Any = None

    def validate_reached_on(self, field: DateField) -> None:
        """What was reached lies in the past."""
        if field.data is not None and self.today is not None and field.data > self.today:
            raise ValidationError(_("The day lies in the future."))


class MoveForm(Form):
    """A new date and why."""

    due_on = DateField(_l("New date"), [InputRequired(_l("Please give the day."))])
    reason = TextField(
        _l("Why?"),
        [DataRequired(_l("Please say why. The reason stays in the record."))],
        longest=LONGEST_REASON,
        description=_l("One or two sentences. The reason stays in the record."),
    )


class ConditionForm(Form):
    """Something to be done besides the action; the view says who may have to do it."""

    text = TextField(
        _l("What has to be done?"), [DataRequired(_l("Please say what has to be done."))], longest=LONGEST_REASON
    )
    owner = SelectField(_l("By whom?"), [Optional()], choices=[], validate_choice=True)
    due_on = DateField(_l("By which day?"), [Optional()])
    blocks_payment = BooleanField(_l("Payments wait for it"))


class CopyForm(Form):
    """A copy of the agreement that was signed on paper."""

    signature = LineField(
        _l("Full name of the person who signed"), [DataRequired(_l("Please type the full name."))], longest=200
    )
    signed_on = DateField(_l("Day on the paper"), [InputRequired(_l("Please give the day."))])
    copy = FileField(_l("Signed copy (PDF or picture)"), [DataRequired(_l("Please choose a file."))])
