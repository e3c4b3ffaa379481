"""Forms for asking, declaring and scoring."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flask_babel import gettext as _
from wtforms import DateField, HiddenField, RadioField, SelectField
from wtforms.validators import DataRequired, Optional

from grants.calls.models import Criterion
from grants.core.forms import Form, TextField
from grants.core.languages import _l, pick
from grants.reviews.models import Grade, Review, Score
from grants.reviews.rules import LONGEST_SENTENCES, Grid

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


class SuggestForm(Form):
    """Asking the reviewers that fit best, all at once."""

    due_on = DateField(_l("Due on"), [DataRequired(_l("Please choose a day."))])


class ReasonForm(Form):
    """A reason, for whatever needs one."""

    reason = TextField(_l("Reason"), [DataRequired(_l("Please say why. The reason stays in the record."))], 2000)


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


def scale_of(grid: Grid) -> dict[str, str]:
    """The values of the scale with their meaning for the reader."""
    return {str(value): f"{value} {pick(grid.labels.get(value))}".strip() for value in grid.values}


def review_form(grid: Grid, criteria: Iterable[Criterion]) -> type[Form]:
    """The form of one call's grid: a value and a reason for each criterion, and what the review says as a whole.

    Nothing is required here: a draft is saved with gaps, and the rule that submits names them.
    """
    labels = scale_of(grid)
    fields: dict[str, Any] = {}
    for one in criteria:
        title = f"{one.key}. {pick(one.text)}"
        fields[f"value_{one.key}"] = RadioField(title, [Optional()], choices=labels)
        fields[f"reason_{one.key}"] = TextField(_("Reason for %(key)s", key=one.key), longest=LONGEST_SENTENCES)
    advice = {str(key): grid.advice(key) for key in grid.recommendation_labels}
    fields["summary"] = TextField(_("Summary for the committee"), longest=5000)
    fields["for_applicant"] = TextField(_("Sentences for the applicant"), longest=LONGEST_SENTENCES)
    fields["recommendation"] = RadioField(_("What do you recommend?"), [Optional()], choices=advice)
    return type("ReviewForm", (Form,), fields)


def kept_in(review: Review | None, scores: Mapping[str, Score]) -> dict[str, Any]:
    """What a draft holds, as the form shows it."""
    kept: dict[str, Any] = {}
    for key, score in scores.items():
        kept[f"value_{key}"] = str(score.value) if score.value is not None else None
        kept[f"reason_{key}"] = score.reason
    if review is not None:
        kept |= {
            "summary": review.summary,
            "for_applicant": review.for_applicant,
            "recommendation": review.recommendation,
        }
    return kept


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
