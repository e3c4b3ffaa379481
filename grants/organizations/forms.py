"""Forms about what an organization's account holds."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from flask_wtf.file import FileField, FileRequired
from wtforms import DateField, RadioField, SelectField, ValidationError
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Optional

from grants.accounts.forms import LongSelectField, country_choices
from grants.accounts.models import MEMBER_ROLE_LABELS, MemberRole
from grants.core.forms import Form, LineField, TextField
from grants.core.languages import _l, country_name, language_now
from grants.organizations.models import DOCUMENT_LABELS, Resemblance
from grants.organizations.rules import LONGEST_NUMBER, REGISTERS, split_identifier


class FindForm(Form):
    """What one knows of an organization: its country, and its name or registration number."""

    class Meta(Form.Meta):
        """Looking changes nothing, and its address may be shared."""

        csrf = False

    country = LongSelectField(_l("Country"), [DataRequired(_l("Please choose the country."))], choices=country_choices)
    q = LineField(
        _l("Full name, short name or registration number"),
        [DataRequired(_l("Please give a name or number."))],
        longest=200,
    )


class WordsForm(Form):
    """A word to the people who are asked for something."""

    words = TextField(
        _l("A word to the owners"),
        [DataRequired(_l("Please write a sentence, so that they know who you are."))],
        longest=1000,
    )


class ReasonForm(Form):
    """Why."""

    reason = TextField(_l("Reason"), [DataRequired(_l("Please say why."))], longest=2000)


class AcceptForm(Form):
    """What a new member may do."""

    role = SelectField(
        _l("What may they do?"),
        choices=lambda: [SelectChoice(role.value, MEMBER_ROLE_LABELS[role]) for role in reversed(MemberRole)],
        default=MemberRole.EDITOR,
    )


class DocumentForm(Form):
    """A document to keep."""

    kind = SelectField(
        _l("What is it?"),
        [DataRequired(_l("Please choose one."))],
        choices=lambda: [
            SelectChoice("", _("Choose one")),
            *(SelectChoice(kind, label) for kind, label in DOCUMENT_LABELS.items()),
        ],
    )
    title = LineField(_l("A name for it"), [Optional()], longest=120, description=_l("Such as: accounts of 2026."))
    file = FileField(
        _l("The file"),
        [FileRequired(_l("Please choose a file."))],
        description=_l("PDF, photo (JPG, PNG), Word, Excel or OpenDocument table, up to 10 MB."),
    )
    valid_from = DateField(_l("Good from"), [Optional()])
    valid_until = DateField(
        _l("Good until"), [Optional()], description=_l("Leave it empty when the document does not expire.")
    )

    def validate_valid_until(self, field: DateField) -> None:
        """The end is not before the beginning."""
        if field.data and self.valid_from.data and field.data < self.valid_from.data:
            raise ValidationError(_("It would end before it begins."))


def register_choices(country: str) -> list[SelectChoice]:
    """The lists of org-id.guide: those of one's own country, those of the world, then all others."""
    language = language_now()

    def place(code: str) -> tuple[int, str, str]:
        return (0 if code == country else 1 if code == "XI" else 2, name_of(code), code)

    def name_of(code: str) -> str:
        return _("Whole world") if code == "XI" else country_name(code, language)

    ordered = sorted(REGISTERS.values(), key=lambda register: (place(register.country), register.code))
    shown = [SelectChoice(r.code, f"{r.code} · {r.name}", optgroup=name_of(r.country)) for r in ordered]
    return [SelectChoice("", _("Choose a list")), *shown]


class IdentifierForm(Form):
    """An identifier in the form of org-id.guide."""

    list_code = SelectField(_l("List"), [Optional()], choices=[])
    number = LineField(
        _l("Number in that list"),
        [DataRequired(_l("Please give the number."))],
        longest=LONGEST_NUMBER + 12,
        description=_l("Or the whole identifier, such as KE-NCB-4321."),
    )

    def __init__(self, country: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.list_code.choices = register_choices(country)

    @property
    def parts(self) -> tuple[str, str]:
        """The list and the number, however they were typed."""
        return split_identifier(self.number.data or "") or (self.list_code.data or "", self.number.data or "")

    def validate_number(self, field: LineField) -> None:
        """A list is chosen, or written before the number."""
        if not self.parts[0]:
            raise ValidationError(_("Please choose the list to which this number belongs."))


class VerdictForm(ReasonForm):
    """What a coordinator found out about two accounts that look alike."""

    verdict = RadioField(
        _l("Are they the same organization?"),
        [InputRequired(_l("Please choose one."))],
        choices=[],
        coerce=lambda value: None if value is None else str(value),
    )

    def __init__(self, resemblance: Resemblance, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.verdict.choices = [
            SelectChoice(
                organization.reference,
                _("Yes, and %(reference)s is the account that counts", reference=organization.reference),
            )
            for organization in (resemblance.first, resemblance.second)
        ] + [SelectChoice("different", _("No, they are two organizations"))]
