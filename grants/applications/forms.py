"""Forms for applications. The questions of a call have their forms from its questionnaire."""

from __future__ import annotations

from typing import Any

from wtforms import BooleanField, HiddenField, MultipleFileField, RadioField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired

from grants.accounts.models import Membership
from grants.calls.models import Call
from grants.core.forms import Form, TextField
from grants.core.languages import _l, language_name

LONGEST_REASON = 2_000


class StartForm(Form):
    """For which organization, and in which language of the call."""

    organization = RadioField(_l("Which organization applies?"), [InputRequired(_l("Please choose an organization."))])
    language = RadioField(
        _l("In which language will you write?"),
        [InputRequired(_l("Please choose a language."))],
        description=_l("All languages of the call count the same. Reviewers read the one you choose."),
    )

    @classmethod
    def for_call(cls, call: Call, memberships: list[Membership], language: str) -> StartForm:
        """The form for a person with these memberships; what can only be one way is chosen already."""
        form = cls()
        form.organization.choices = [SelectChoice(m.organization.reference, m.organization.name) for m in memberships]
        form.language.choices = [SelectChoice(code, language_name(code).capitalize()) for code in call.languages]
        if not form.is_submitted():
            form.language.data = language if language in call.languages else call.languages[0]
            if len(memberships) == 1:
                form.organization.data = memberships[0].organization.reference
        return form


class UploadForm(Form):
    """One or several files for one document."""

    files = MultipleFileField(_l("Choose one or several files"))
    joined = BooleanField(_l("These are photographs of one paper: make one PDF of them"))

    def chosen(self) -> list[Any]:
        """The files that were really chosen; a browser sends an empty one when none was."""
        return [upload for upload in self.files.data or [] if getattr(upload, "filename", "")]


class WithholdForm(Form):
    """Why a document is kept back."""

    reason = TextField(
        _l("Why can you not send it?"),
        [DataRequired(_l("Please tell us why. Only the staff of the fund read it."))],
        longest=LONGEST_REASON,
    )


class CertifyForm(Form):
    """A signatory declares to have read the application as it is; ``read`` is the fingerprint of what was shown."""

    read = HiddenField()
    sure = BooleanField(
        _l("I certify this application in the name of our organization."),
        [DataRequired(_l("Please tick this if it is so."))],
    )


class ReasonForm(Form):
    """A step that needs a reason."""

    reason = TextField(
        _l("Why?"), [DataRequired(_l("Please say why. The reason stays in the record."))], longest=LONGEST_REASON
    )
