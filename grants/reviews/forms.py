"""Forms for asking, declaring and scoring."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask_babel import gettext as _
from wtforms import DateField, HiddenField, IntegerField, RadioField, SelectField
from wtforms.validators import DataRequired, InputRequired, NumberRange, Optional

from grants.accounts.forms import CheckboxesField
from grants.accounts.models import REGION_LABELS, Person, Role
from grants.calls.models import Criterion
from grants.conflicts.models import Grade
from grants.core.forms import Form, TextField
from grants.core.languages import LANGUAGES, _l, language_name, language_now, pick
from grants.reviews.models import CAPACITY, Provenance, ReviewerProfile
from grants.reviews.rules import DECLINED_LABELS, LONGEST_SENTENCES, LONGEST_TRANSLATION, MOST_REVIEWS, Grid

GRADES: dict[str, Any] = {
    Grade.NONE: _l("No tie"),
    Grade.KNOWS: _l("I know them, but it is no conflict"),
    Grade.CONFLICT: _l("I have a conflict of interest"),
}

GRADE_HINTS: dict[str, Any] = {
    Grade.NONE: _l("I have no personal, financial or working relation with this organization."),
    Grade.KNOWS: _l("For example, we have met, or our organizations belong to the same network."),
    Grade.CONFLICT: _l(
        "Work, money, family or close friendship, now or in the last two years; advice on this application; or anything "
        "that would make a reasonable person doubt. You then step aside."
    ),
}


class AskForm(Form):
    """Asking a reviewer: who, by when, and for which round."""

    due_on = DateField(_l("Due on"), [DataRequired(_l("Please choose a day."))])
    reviewer = HiddenField()
    round = HiddenField(default="1")


PROVENANCES: dict[str, Any] = {
    Provenance.HUMAN: _l("Translated by a person"),
    Provenance.MACHINE: _l("Translated by a machine"),
    Provenance.CHECKED: _l("Translated by a machine, checked by a person"),
}


class TranslationForm(Form):
    """An answer in another language, and where its words come from."""

    language = SelectField(_l("Into which language?"), [DataRequired(_l("Please choose a language."))])
    words = TextField(_l("Translation"), [DataRequired(_l("Please write the translation."))], LONGEST_TRANSLATION)
    provenance = RadioField(
        _l("Where does it come from?"),
        [DataRequired(_l("Please choose one of the three."))],
        choices=lambda: {str(one): str(label) for one, label in PROVENANCES.items()},
        invalid_choice_message=_l("Please choose one of the three."),
    )
    read = HiddenField()


class ReasonForm(Form):
    """A reason, for whatever needs one."""

    reason = TextField(_l("Reason"), [DataRequired(_l("Please say why. The reason stays in the record."))], 2000)


class DeclineForm(Form):
    """Saying no to a review: for what kind of reason, and why."""

    declined_for = RadioField(
        _l("What keeps you from it?"),
        [DataRequired(_l("Please choose one of the three."))],
        choices=lambda: {str(kind): str(label) for kind, label in DECLINED_LABELS.items()},
        invalid_choice_message=_l("Please choose one of the three."),
    )
    words = TextField(_l("In your words"), [DataRequired(_l("Please say why. The reason stays in the record."))], 2000)


class DeclarationForm(Form):
    """How close a reviewer stands to an applicant."""

    grade = RadioField(
        _l("How close do you stand to this organization?"),
        [DataRequired(_l("Please choose one of the three."))],
        choices=lambda: {str(grade): str(label) for grade, label in GRADES.items()},
        invalid_choice_message=_l("Please choose one of the three."),
    )
    reason = TextField(_l("What is the tie?"), longest=2000)

    def validate(self, extra_validators: Any = None) -> bool:
        """A tie needs a sentence; no tie needs none."""
        valid = bool(super().validate(extra_validators))
        if self.grade.data in (Grade.KNOWS, Grade.CONFLICT) and not self.reason.data:
            self.reason.errors = [*self.reason.errors, _("Please describe the tie in a sentence.")]
            return False
        return valid


class InterestForm(DeclarationForm):
    """A tie to an organization, for one call or for all."""

    organization = HiddenField()
    call = SelectField(_l("For which call?"), validators=[Optional()])


class ProfileForm(Form):
    """What a reviewer reads and knows, and how much they take on. What is chosen already is always offered."""

    languages = CheckboxesField(_l("Languages"), [DataRequired(_l("Please choose at least one language."))])
    regions = CheckboxesField(
        _l("Regions"), choices=lambda: {str(key): str(label) for key, label in REGION_LABELS.items()}
    )
    lots = CheckboxesField(_l("Lots"))
    expertise = TextField(_l("Experience"), longest=1000)
    capacity = IntegerField(
        _l("Reviews for one call"),
        [
            InputRequired(_l("Please write a whole number, without decimals.")),
            NumberRange(0, MOST_REVIEWS, _l("The number of reviews lies between 0 and %(most)s.", most=MOST_REVIEWS)),
        ],
    )

    def offer(self, profile: ReviewerProfile | None, lots: Iterable[tuple[str, Any]], languages: Iterable[str]) -> None:
        """Offer the lots and languages of the calls, ours, and what was chosen before."""
        spoken = {*LANGUAGES, *languages, *(profile.languages if profile else ())}
        self.languages.choices = {code: language_name(code).capitalize() for code in sorted(spoken)}
        titles = {key: f"{key}. {pick(title)}" for key, title in lots}
        kept = {key: key for key in (profile.lots if profile else ())}
        self.lots.choices = dict(sorted((kept | titles).items()))

    def known(self, profile: ReviewerProfile | None) -> dict[str, Any]:
        """What was typed, as the action takes it. Words that were changed replace those in every language."""
        before = profile.expertise if profile else {}
        words = self.expertise.data or ""
        changed = {language_now(): words} if words else {}
        return {
            "expertise": before if words == pick(before) else changed,
            "languages": list(self.languages.data or ()),
            "regions": list(self.regions.data or ()),
            "lots": list(self.lots.data or ()),
            "capacity": self.capacity.data,
        }


def profile_kept(person: Person, profile: ReviewerProfile | None) -> dict[str, Any]:
    """What a profile holds, as the form shows it; before there is one, what we take a reviewer to know."""
    if profile is None:
        regions = [region for grant in person.role_grants if grant.role == Role.REVIEWER for region in grant.regions]
        return {"languages": [person.language], "regions": regions, "lots": [], "expertise": "", "capacity": CAPACITY}
    return {
        "languages": profile.languages,
        "regions": profile.regions,
        "lots": profile.lots,
        "expertise": pick(profile.expertise),
        "capacity": profile.capacity,
    }


def scale_of(grid: Grid) -> dict[str, str]:
    """The values of the scale with their meaning for the reader."""
    return {str(value): f"{value} {pick(grid.labels.get(value))}".strip() for value in grid.values}


def review_form(grid: Grid, criteria: Iterable[Criterion]) -> type[Form]:
    """The form of one call's grid: a value and a reason for each criterion, and what the review says as a whole.

    Nothing is required here: a draft is saved with gaps, and the rule that submits names them.
    """
    labels = scale_of(grid)
    off_scale = _("A score lies between %(low)s and %(high)s.", low=grid.values[0], high=grid.values[-1])
    fields: dict[str, Any] = {}
    for one in criteria:
        title = f"{one.key}. {pick(one.text)}"
        fields[f"value_{one.key}"] = RadioField(title, [Optional()], choices=labels, invalid_choice_message=off_scale)
        fields[f"reason_{one.key}"] = TextField(_("Reason for %(key)s", key=one.key), longest=LONGEST_SENTENCES)
    advice = {str(key): grid.advice(key) for key in grid.recommendation_labels}
    fields["summary"] = TextField(_("Summary for the committee"), longest=5000)
    fields["for_applicant"] = TextField(_("Sentences for the applicant"), longest=LONGEST_SENTENCES)
    fields["recommendation"] = RadioField(_("What do you recommend?"), [Optional()], choices=advice)
    return type("ReviewForm", (Form,), fields)


def typed_in(form: Form, criteria: Iterable[Criterion]) -> dict[str, Any]:
    """What was typed, as the action takes it."""
    typed = form.data
    values = {one.key: (typed[f"value_{one.key}"], typed[f"reason_{one.key}"] or "") for one in criteria}
    return {
        "scores": {key: (int(value) if value else None, reason) for key, (value, reason) in values.items()},
        "summary": typed["summary"] or "",
        "for_applicant": typed["for_applicant"] or "",
        "recommendation": typed["recommendation"] or None,
    }
