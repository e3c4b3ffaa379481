"""The plan of reviews as a coordinator confirms it."""

from __future__ import annotations

from collections.abc import Iterable

from flask import request
from wtforms import DateField
from wtforms.validators import DataRequired

from grants.core.forms import Form
from grants.core.languages import _l


class PlanForm(Form):
    """By when reviews are due; whom to ask for which application stands in fields named after the applications."""

    due_on = DateField(_l("Due on"), [DataRequired(_l("Please choose a day."))])

    def chosen(self, references: Iterable[str]) -> dict[str, list[str]]:
        """By application, the references of the reviewers who were chosen for it."""
        return {one: [who for who in request.form.getlist(f"ask-{one}") if who] for one in references}
