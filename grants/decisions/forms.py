"""Forms of the committee."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, cast
from zoneinfo import ZoneInfo

from flask_babel import gettext as _
from wtforms import (
    DateTimeLocalField,
    HiddenField,
    IntegerField,
    RadioField,
    SelectField,
    SelectMultipleField,
    widgets,
)
from wtforms.validators import DataRequired, InputRequired, NumberRange, Optional

from grants.calls.models import Call
from grants.core.forms import Form, LineField, TextField
from grants.core.languages import _l
from grants.core.money import Money, NotAnAmount
from grants.decisions.models import OUTCOME_LABELS, PROCEDURE_LABELS, Choice, Procedure
from grants.questionnaires.forms import NumberField

CHOICE_LABELS: dict[str, Any] = {
    Choice.FOR: _l("For"),
    Choice.AGAINST: _l("Against"),
    Choice.ABSTAIN: _l("Abstain"),
}


class Checkboxes(SelectMultipleField):
    """Several of a list, as boxes to tick."""

    widget = widgets.ListWidget(prefix_label=False)
    option_widget = widgets.CheckboxInput()


class MeetingForm(Form):
    """Calling a meeting."""

    starts_at = DateTimeLocalField(_l("When"), [DataRequired(_l("Please choose a day and an hour."))])
    ends_at = DateTimeLocalField(
        _l("Until, when it goes on for several days"),
        [Optional()],
        description=_l("Members then read, discuss and vote when they can. Left empty, everybody meets at once."),
    )
    procedure = RadioField(
        _l("How it decides"),
        default=Procedure.VOTE.value,
        choices=lambda: {str(key): str(label) for key, label in PROCEDURE_LABELS.items()},
    )
    members = Checkboxes(_l("Who is invited"), [DataRequired(_l("Please choose who is invited."))])
    chair = SelectField(
        _l("Who chairs it"),
        [Optional()],
        default="",
        description=_l("The chair has to be present when the meeting is closed, and signs the decision sheet."),
    )
    points = TextField(
        _l("More points for the agenda, one on each line"),
        longest=5000,
        description=_l("The opening, the applications near the money line and the minutes stand on it already."),
    )
    quorum = IntegerField(
        _l("Quorum"),
        [InputRequired(_l("Please give a number.")), NumberRange(1, 100)],
        description=_l("How many members who have no conflict must vote on each application."),
    )

    def moments_in(self, zone: str) -> dict[str, Any]:
        """The moments that were typed, in the zone of the call."""
        typed = {"starts_at": self.starts_at.data, "ends_at": self.ends_at.data}
        return {name: at and at.replace(tzinfo=ZoneInfo(zone)) for name, at in typed.items()}


class MinutesForm(Form):
    """Closing a meeting."""

    minutes = TextField(_l("Minutes"), [DataRequired(_l("Please write the minutes."))])
    reason = TextField(_l("Why a floor, ceiling or least number is not kept"), longest=5000)

    @property
    def left(self) -> dict[str, str]:
        """Why proposals are left undecided, by the reference of the application."""
        return {
            name.removeprefix(LEFT): field.data or "" for name, field in self._fields.items() if name.startswith(LEFT)
        }


LEFT = "left-"


def closing_form(open_: Iterable[str]) -> MinutesForm:
    """Closing a meeting in which these applications (references) are proposed on and not decided."""
    fields = {
        f"{LEFT}{one}": TextField(_l("Leave %(reference)s undecided, because", reference=one), longest=5000)
        for one in open_
    }
    return cast("MinutesForm", type("ClosingForm", (MinutesForm,), fields)())


class HourForm(Form):
    """When a meeting is held instead."""

    starts_at = DateTimeLocalField(_l("When"), [DataRequired(_l("Please choose a day and an hour."))])
    ends_at = DateTimeLocalField(_l("Until, when it goes on for several days"), [Optional()])
    reason = TextField(_l("Why"), [DataRequired(_l("Please say why. The reason stays in the record."))], longest=5000)

    moments_in = MeetingForm.moments_in


class PointForm(Form):
    """A point for the agenda: words, or an application."""

    title = LineField(_l("What it is about"), longest=300)
    application = SelectField(_l("Application"), [Optional()], default="")


class ChangeForm(Form):
    """What becomes of a point of the agenda."""

    do = HiddenField()
    noted = TextField(_l("What came of it"), longest=5000)


class ChairForm(Form):
    """Who chairs a meeting."""

    chair = SelectField(
        _l("Who chairs it"), [DataRequired(_l("Please choose who chairs the meeting and signs first."))]
    )


class PresenceForm(Form):
    """Who is present."""

    person = HiddenField()
    present = HiddenField()


class ReasonForm(Form):
    """A reason, for whatever needs one."""

    reason = TextField(_l("Reason"), longest=5000)


class VoteForm(Form):
    """A vote."""

    proposal = HiddenField()
    choice = RadioField(
        _l("Your vote"),
        [DataRequired(_l("Please choose."))],
        choices=lambda: {str(choice): str(label) for choice, label in CHOICE_LABELS.items()},
    )


class TakeForm(Form):
    """Confirming a proposal that was read."""

    proposal = HiddenField()
    closes_vote = HiddenField()


class RemarkForm(Form):
    """Something said in the discussion."""

    text = TextField(_l("Your words"), [DataRequired(_l("Please write what you want to say."))], longest=5000)


class ProposalForm(Form):
    """What to do with an application."""

    outcome = RadioField(
        _l("Outcome"),
        [DataRequired(_l("Please choose an outcome."))],
        choices=lambda: {str(outcome): str(label) for outcome, label in OUTCOME_LABELS.items()},
    )
    amount = NumberField(_l("Amount"), [Optional()])
    conditions = TextField(_l("Conditions, one on each line"), longest=5000)
    reason = TextField(_l("Reason"), longest=5000)
    feedback = TextField(_l("Sentences for the applicant"), longest=5000)

    def money(self, call: Call) -> Money | None:
        """The amount that was typed, in the currency of the call; None and an error when it is not one."""
        if self.amount.data is None:
            return None
        try:
            return Money.parse(Decimal(self.amount.data), call.currency)
        except NotAnAmount:
            self.amount.errors = [*self.amount.errors, _("This is not an amount.")]
            return None
