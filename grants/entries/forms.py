"""Forms for typing after a conversation, and for confirming."""

from __future__ import annotations

from typing import Any

from wtforms import BooleanField, DateField, EmailField, RadioField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, Optional, ValidationError

from grants.accounts.forms import OrganizationForm
from grants.calls.models import Call
from grants.core import clock
from grants.core.forms import Form, LineField, TextField
from grants.core.languages import _l, language_name
from grants.core.languages import gettext as _
from grants.entries.models import RECORDED_WAYS


class ConversationForm(Form):
    """With whom a coordinator spoke, and when."""

    spoke_with = LineField(
        _l("With whom did you speak?"),
        [DataRequired(_l("Please give the name."))],
        longest=120,
        description=_l("Name and function."),
    )
    spoken_by = LineField(
        _l("Telephone number, with country code"), [Optional()], longest=25, render_kw={"type": "tel"}
    )
    spoken_on = DateField(_l("On which day?"), [DataRequired(_l("Please choose a day."))])

    def validate_spoken_on(self, field: Any) -> None:
        """A conversation that has been held."""
        if field.data and field.data > clock.now().date():
            raise ValidationError(_("Please give a day that is not after today."))


class EnterForm(ConversationForm):
    """With whom the coordinator spoke, about which organization, and in which language it is typed."""

    organization = LineField(
        _l("Reference of the organization"),
        [Optional()],
        longest=40,
        description=_l("Such as ORG-00012, when it has an account. Otherwise leave it empty and describe it below."),
    )
    written_in = RadioField(_l("In which language do you write?"), [InputRequired(_l("Please choose a language."))])

    @classmethod
    def for_call(cls, call: Call) -> EnterForm:
        """The form for a call, in one of its languages."""
        form = cls()
        form.written_in.choices = [SelectChoice(code, language_name(code).capitalize()) for code in call.languages]
        if not form.is_submitted():
            form.spoken_on.data = clock.today(call.timezone)
        return form


class NewOrganizationForm(OrganizationForm):
    """What the coordinator learnt of an organization that has no account."""


class LinkForm(Form):
    """To which address the link goes."""

    address = EmailField(
        _l("E-mail address of the organization"),
        [DataRequired(_l("Please give an address.")), Length(max=254)],
    )


class RecordForm(Form):
    """A confirmation that was given without a line."""

    way = RadioField(_l("How did the organization confirm it?"), [InputRequired(_l("Please say how."))])
    name = LineField(_l("Who confirmed it?"), [DataRequired(_l("Please give the name."))], longest=120)
    on = DateField(_l("On which day?"), [DataRequired(_l("Please choose a day."))])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.way.choices = [SelectChoice(str(way), str(words)) for way, words in RECORDED_WAYS.items()]


class DeclineForm(Form):
    """Somebody of the organization says what is wrong in what was typed for it."""

    words = TextField(
        _l("What is wrong?"), [DataRequired(_l("Please say what is wrong, so that it can be mended."))], longest=2_000
    )


class ConfirmForm(Form):
    """Somebody of the organization confirms by the link in a mail."""

    name = LineField(_l("Your name and function"), [DataRequired(_l("Please give your name."))], longest=120)
    sure = BooleanField(
        _l("I have read it. It says what our organization wants to say, and I may speak for it."),
        [DataRequired(_l("Please tick this if it is so."))],
    )
