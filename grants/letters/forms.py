"""The form in which a letter is worded."""

from __future__ import annotations

from typing import Any

from wtforms import ValidationError
from wtforms.validators import DataRequired

from grants.core.forms import Form, TextField
from grants.core.languages import _l
from grants.letters.queries import Paragraphs
from grants.letters.rules import obstacles_in

MISSING = _l("Please write this part of the letter.")


class LetterForm(Form):
    """The paragraphs of a letter; ``kind`` says which placeholders they may hold."""

    opening = TextField(_l("How it begins"), [DataRequired(MISSING)], longest=2000)
    outcome = TextField(_l("What it tells"), [DataRequired(MISSING)], longest=5000)
    closing = TextField(_l("How it ends"), [DataRequired(MISSING)], longest=2000)

    def __init__(self, kind: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind

    def _holds(self, field: Any) -> None:
        wrong = obstacles_in(self.kind, field.data or "")
        if wrong:
            raise ValidationError(" ".join(str(obstacle.message) for obstacle in wrong))

    def validate_opening(self, field: Any) -> None:
        """Only placeholders that have a meaning in this letter."""
        self._holds(field)

    def validate_outcome(self, field: Any) -> None:
        """Only placeholders that have a meaning in this letter."""
        self._holds(field)

    def validate_closing(self, field: Any) -> None:
        """Only placeholders that have a meaning in this letter."""
        self._holds(field)

    @property
    def paragraphs(self) -> Paragraphs:
        """What was typed."""
        return Paragraphs(*(str(field.data or "") for field in (self.opening, self.outcome, self.closing)))
