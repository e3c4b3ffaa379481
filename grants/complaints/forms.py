"""Forms of complaints."""

from __future__ import annotations

from typing import Any

from wtforms import RadioField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired

from grants.complaints.rules import Promise
from grants.core.forms import Form, TextField
from grants.core.languages import _l


class ComplaintForm(Form):
    """What went wrong."""

    ground = RadioField(_l("What went wrong?"), [InputRequired(_l("Please choose one of the grounds of the call."))])
    text = TextField(
        _l("Tell us in your own words"),
        [DataRequired(_l("Please write what went wrong."))],
        longest=5000,
        description=_l(
            "Which rule, which sentence, which fact? Whoever answers reads your application and the letter."
        ),
    )

    @classmethod
    def with_grounds(cls, promise: Promise) -> ComplaintForm:
        """The form with the grounds that a call names."""
        form = cls()
        form.ground.choices = [SelectChoice(key, str(label)) for key, label in promise.grounds.items()]
        return form


class AnswerForm(Form):
    """The answer to a complaint."""

    verdict = RadioField(_l("Is the complaint right?"), [InputRequired(_l("Please choose."))])
    answer = TextField(
        _l("What do you write to the applicant?"),
        [DataRequired(_l("Please write why. The applicant reads it."))],
        longest=5000,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.verdict.choices = [
            SelectChoice("uphold", _l("Yes, something went wrong")),
            SelectChoice("dismiss", _l("No, it stands")),
        ]
