"""Forms: the plain questions of a check, asking about a call, and wording an answer."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from flask_babel import gettext as _
from wtforms import BooleanField, HiddenField, RadioField, SelectField, ValidationError
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Optional

from grants.accounts.queries import normal_address
from grants.calls.models import Call
from grants.core.forms import Form, LineField, TextField
from grants.core.languages import _l, language_name, language_now, number_typed, pick
from grants.core.questions import countries
from grants.enquiries.models import VERDICT_LABELS, Enquiry, EnquiryKind
from grants.enquiries.rules import LONGEST, PlainQuestion

UNSURE = "unsure"
ASKED_FOR = "answered"
"""The name by which a check that was filled in is told from one that is only opened."""


class NumberTyped(LineField):
    """A number as people write it in the reader's language; nothing when they do not know yet."""

    number: Decimal | None = None

    def pre_validate(self, form: Any) -> None:
        """Read the number. Raises ValidationError when it is none."""
        if not self.data:
            return
        self.number = number_typed(self.data, language_now())
        if self.number is None or self.number < 0:
            raise ValidationError(_("Please write a number, such as 8000."))


class CheckForm(Form):
    """The plain questions of one call; nothing of it is kept, so that it needs no token."""

    class Meta(Form.Meta):
        """Opened by address, so that it can be sent to a colleague and works without cookies."""

        csrf = False

    questions: Sequence[PlainQuestion] = ()

    @property
    def answers(self) -> dict[str, Any]:
        """The answers as rules read them: True, False, a word, a number, or None for what is not known yet."""
        return {question.key: self._answer(question) for question in self.questions}

    def _answer(self, question: PlainQuestion) -> Any:
        given = self[question.key]
        if question.kind in ("number", "money"):
            return given.number
        if question.kind == "yes_no":
            return {"yes": True, "no": False}.get(given.data)
        return given.data or None


def check_form(call: Call, questions: Sequence[PlainQuestion]) -> type[CheckForm]:
    """The form of a call's check in the language of the reader."""
    fields = {question.key: _field(call, question) for question in questions}
    return type("CheckOfCall", (CheckForm,), {**fields, "questions": tuple(questions)})


def _worded(call: Call, text: Any) -> str:
    return str(pick(text, None, call.authoritative_language)) if isinstance(text, dict) else str(text or "")


def _field(call: Call, question: PlainQuestion) -> Any:
    label, hint = _worded(call, question.label), _worded(call, question.help)
    needed = [InputRequired(_("Please answer: %(question)s", question=label))]
    if question.kind == "yes_no":
        choices = [
            SelectChoice("yes", _("Yes")), SelectChoice("no", _("No")), SelectChoice(UNSURE, _("We do not know yet")),
        ]  # fmt: skip
        return RadioField(label, needed, choices=choices, description=hint)
    if question.kind == "choice":
        offered = [SelectChoice(option.value, _worded(call, option.label)) for option in question.options]
        return RadioField(label, needed, choices=offered, description=hint)
    if question.kind == "country":
        groups = (_("Countries of this call"), _("Other countries"))
        places = [
            SelectChoice(code, name, optgroup=groups[code not in call.eligible_countries])
            for code, name in countries(language_now()).items()
        ]
        ordered = sorted(places, key=lambda place: place.optgroup != groups[0])
        listed = [SelectChoice("", _("Choose a country")), *ordered]
        return SelectField(label, needed, choices=listed, description=hint)
    return NumberTyped(label, longest=40, description=hint, render_kw={"inputmode": "decimal", "autocomplete": "off"})


class AskForm(Form):
    """A question about a call, or an objection; a person with an account is not asked for an address."""

    text = TextField(_l("Your question"), [DataRequired(_l("Please write your question."))], longest=LONGEST)
    email = LineField(
        _l("Your e-mail address"),
        [DataRequired(_l("Please give your e-mail address, so that we can answer."))],
        longest=254,
        description=_l(
            "Only for the answer. Nobody sees it, it is never published, and we remove it half a year after the decisions."
        ),
        render_kw={"type": "email", "autocomplete": "email", "inputmode": "email"},
    )
    wants_answer = BooleanField(
        _l("Yes, write to me at this address: first a link to confirm, then the answer"),
        [DataRequired(_l("Please confirm that you want an answer at this address."))],
    )
    about = HiddenField()
    given = HiddenField()

    def validate_email(self, field: Any) -> None:
        """An address that could be one."""
        field.data = normal_address(field.data)
        if field.data is None:
            raise ValidationError(_("This does not look like an e-mail address."))

    @classmethod
    def for_visitor(cls, signed_in: bool, **given: Any) -> AskForm:
        """The form; without address when we know it."""
        form = cls(**given)
        if signed_in:
            del form.email, form.wants_answer
        return form


class WordingForm(Form):
    """The wording of a question and its answer in the languages of a call."""

    codes: Sequence[str] = ()

    def texts(self, name: str) -> dict[str, str]:
        """What stands in the fields of question or answer, by language."""
        return {code: self[f"{name}_{code}"].data or "" for code in self.codes}

    @property
    def finding(self) -> str | None:
        """What was found about an objection."""
        return self["verdict"].data if "verdict" in self else None


def wording_form(call: Call, enquiry: Enquiry) -> WordingForm:
    """The form for one question about a call, with what is written already."""
    fields: dict[str, Any] = {"codes": tuple(call.languages)}
    kept: dict[str, Any] = {"verdict": enquiry.verdict}
    for code in call.languages:
        language = language_name(code)
        fields[f"question_{code}"] = TextField(
            _("Question, %(language)s", language=language), longest=LONGEST, render_kw={"lang": code}
        )
        fields[f"answer_{code}"] = TextField(
            _("Answer, %(language)s", language=language), longest=LONGEST, render_kw={"lang": code}
        )
        kept[f"question_{code}"] = enquiry.question.get(code) or (enquiry.text if code == enquiry.language else "")
        kept[f"answer_{code}"] = enquiry.answer.get(code, "")
    if enquiry.kind == EnquiryKind.CONTEST:
        fields["verdict"] = RadioField(
            _("What do you find?"),
            [Optional()],
            choices=[SelectChoice(value, str(label)) for value, label in VERDICT_LABELS.items()],
            description=_("Only the person who asked is told."),
        )
    made: WordingForm = type("WordingOfQuestion", (WordingForm,), fields)(data=kept)
    return made


class WhyForm(Form):
    """A step that needs a reason."""

    reason = TextField(_l("Why?"), [DataRequired(_l("Please say why. The reason stays in the record."))], longest=2_000)
