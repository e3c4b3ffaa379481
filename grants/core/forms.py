"""The parent of every form: text is cleaned of what cannot be stored, and nothing else about it is changed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from flask import request
from flask_wtf import FlaskForm
from wtforms import StringField, TextAreaField, ValidationError
from wtforms.validators import Length

from grants.core.languages import _l
from grants.core.rules import Obstacle, obstacles_to_keeping

LONGEST_LINE = 500
LONGEST_TEXT = 20_000
BREAKING = re.compile(r"[^\S\u00a0\u202f]+")


OURS = {
    "This field is required.": _l("Please fill this in."),
    "Not a valid choice.": _l("Please choose one of the answers offered."),
    "Not a valid date value.": _l("Please give a day, such as 2027-05-31."),
    "Not a valid datetime value.": _l("Please choose a day and an hour."),
    "Not a valid integer value.": _l("Please write a whole number, without decimals."),
    "Not a valid decimal value.": _l("Please give a number."),
}
"""What the form library says of a field, and what we say instead."""


class Wording:
    """The words of the form library where we have none of our own."""

    def __init__(self, theirs: Any) -> None:
        self.theirs = theirs

    def gettext(self, message: str) -> str:
        """A sentence about a field."""
        return str(OURS[message] if message in OURS else self.theirs.gettext(message))

    def ngettext(self, one: str, many: str, number: int) -> str:
        """A sentence about a number of things."""
        return str(self.theirs.ngettext(one, many, number))


class Form(FlaskForm):
    """A form. ``form.validate_on_submit()`` is false for a GET and for input that needs mending."""

    class Meta(FlaskForm.Meta):
        """How forms are made."""

        def get_translations(self, form: Any) -> Wording:
            """The words for what needs mending."""
            return Wording(super().get_translations(form))


def show_obstacles(form: Any, obstacles: Iterable[Obstacle], field_of: Mapping[str, str]) -> None:
    """Put what an action refused beside the fields it is about, by the code of the obstacle; the rest above the form."""
    for obstacle in obstacles:
        name = field_of.get(obstacle.code, "")
        if name in form:
            form[name].errors = [*form[name].errors, obstacle.message]
        else:
            form.form_errors.append(obstacle.message)


def read_mark() -> str | None:
    """The mark of what the page showed from which something was sent; ``read`` in macros/forms.html puts it there."""
    return request.form.get("read")


def storable(form: Any, field: Any) -> None:
    """Refuse what a database or a screen cannot show: NUL, other control characters, halves of characters."""
    for obstacle in obstacles_to_keeping(field.data or ""):
        raise ValidationError(obstacle.message)


def one_line(value: str | None) -> str:
    """A line without spaces around it and without direction overrides that would make it read as another.

    Spaces that do not break stay: French sets them before a colon.
    """
    kept = "".join(
        c for c in value or "" if c not in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b\ufeff"
    )
    return BREAKING.sub(" ", unicodedata.normalize("NFC", kept)).strip()


class LineField(StringField):
    """A single line of text."""

    def __init__(self, label: Any = None, validators: Any = (), longest: int = LONGEST_LINE, **kwargs: Any) -> None:
        kwargs.setdefault("filters", [one_line])
        super().__init__(label, [*validators, storable, Length(max=longest)], **kwargs)


class TextField(TextAreaField):
    """A text of several lines."""

    def __init__(self, label: Any = None, validators: Any = (), longest: int = LONGEST_TEXT, **kwargs: Any) -> None:
        kwargs.setdefault("filters", [lambda text: (text or "").replace("\r\n", "\n").strip()])
        super().__init__(label, [*validators, storable, Length(max=longest)], **kwargs)
