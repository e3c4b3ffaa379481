"""Forms of declarations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask_babel import gettext as _
from wtforms import SelectField
from wtforms.validators import DataRequired

from grants.accounts.models import Organization
from grants.conflicts.models import Grade
from grants.core.forms import Form, LineField, TextField
from grants.core.languages import _l
from grants.declarations.rules import GRADE_LABELS


class YearForm(Form):
    """A declaration in general."""

    words = TextField(
        _l("Memberships, employers, boards, family ties"),
        [DataRequired(_l("Please write a sentence, if only that you have no tie to any organization."))],
        longest=5000,
    )
    organizations = TextField(_l("The organizations to which you belong"), longest=10_000)

    def named(self) -> list[str]:
        """The organizations, one on each line."""
        return [line for line in (self.organizations.data or "").splitlines() if line.strip()]


def call_form(organizations: Iterable[Organization]) -> type[Form]:
    """The form of one call: a grade and a reason for each of the organizations; nothing is marked at first."""
    grades = {str(grade): str(label) for grade, label in GRADE_LABELS.items()}
    fields: dict[str, Any] = {}
    for one in organizations:
        fields[f"grade_{one.reference}"] = SelectField(one.name, choices=grades, default=Grade.NONE.value)
        fields[f"reason_{one.reference}"] = LineField(_("Reason"), longest=500)
    return type("CallForm", (_CallForm,), fields)


class _CallForm(Form):
    def ties(self, organizations: Iterable[Organization]) -> dict[int, tuple[str, str]]:
        """What was marked, by organization: grade and reason."""
        typed = self.data
        return {
            one.id: (typed[f"grade_{one.reference}"], (typed[f"reason_{one.reference}"] or "").strip())
            for one in organizations
        }

    def validate(self, extra_validators: Any = None) -> bool:
        """A tie needs a sentence."""
        valid = bool(super().validate(extra_validators))
        for name, grade in self.data.items():
            reason = self[name.replace("grade_", "reason_", 1)] if name.startswith("grade_") else None
            if reason is not None and grade != Grade.NONE and not (reason.data or "").strip():
                reason.errors = [*reason.errors, _("Please describe the tie in a sentence.")]
                valid = False
        return valid
