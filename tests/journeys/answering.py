"""Typing the answers of the sample files into the fields of real pages, as a person would."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from sqlalchemy import select

from grants.calls.models import Call
from grants.core.db import db
from grants.core.questions import DERIVED_IN_LINES
from grants.demo import sample
from tests.http import Browser, Form

OPEN_CALL = "MPF-2027-02"

NOT_TYPED = DERIVED_IN_LINES
"""What a budget line works out by itself."""


def questions_of(section: str) -> list[dict[str, Any]]:
    """The questions of one section of the sample form."""
    sections = sample.read("form_full_application")["form"]["sections"]
    return next(s["questions"] for s in sections if s["id"] == section)


def sections() -> list[str]:
    """The keys of the sections of the sample form, in order."""
    return [s["id"] for s in sample.read("form_full_application")["form"]["sections"]]


def answers_of(reference: str) -> dict[str, Any]:
    """The answers that the sample gives for one application."""
    return dict(sample.read(f"answers/{reference}")["answers"])


def answers_today(reference: str, **mine: Any) -> dict[str, Any]:
    """The answers that the sample gives for one application, its plans on the days of the open call of the demonstration.

    ``mine`` are the answers of whoever writes now.
    """
    told = answers_of(reference)
    call = db.session.scalars(select(Call).where(Call.reference == OPEN_CALL)).one()
    days = (call.opens_at.date() - sample.read("call")["call"]["timetable"]["published_at"].date()).days
    return sample.moved(told, days) | {"org_founded_on": told["org_founded_on"]} | mine


def typed(value: Any) -> Any:
    """A value of the files as somebody types or chooses it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else str(value)
    if isinstance(value, list):
        return [str(part) for part in value]
    return value.isoformat() if isinstance(value, date) else str(value)


def fill_section(browser: Browser, section: str, answers: dict[str, Any], *, press: str = "Save and go on") -> None:
    """Answer every question of the section that is open, and save."""
    asked = [q["key"] for q in questions_of(section) if q["key"] in answers and q["type"] != "files"]
    fill_answers(browser, {key: answers[key] for key in asked}, press=press)


def fill_answers(browser: Browser, values: dict[str, Any], *, press: str = "Save and go on") -> None:
    """Type these answers into the section that is open, and save.

    Where a table offers too few lines, "Add a line" is pressed until there are enough; what was typed stays.
    """
    form = _form(browser, press)
    for key, rows in values.items():
        if f"{key}-rows" in form.controls and rows:
            form = _with_lines(browser, press, key, len(rows))
    for key, value in values.items():
        if f"{key}-rows" in form.controls:
            browser_lines(form, key, value or [])
        elif key in form.controls:
            control = form.controls[key]
            form.fill({key: bool(value) if control.offered == ["yes"] else typed(value)})
        else:
            assert value is None, f"the page does not ask “{key}”"
    browser.send(form, press)


def _form(browser: Browser, press: str) -> Form:
    return browser.page.buttons(press)[0].form


def _with_lines(browser: Browser, press: str, key: str, wanted: int) -> Form:
    """The form once the table has enough lines."""
    form = _form(browser, press)
    while int(form.controls[f"{key}-rows"].values[0]) < wanted:
        browser.add_line(form, key)
        form = _form(browser, press)
    return form


def browser_lines(form: Form, key: str, rows: list[dict[str, Any]]) -> None:
    """Type the rows of a table, and empty the lines below that stood there already."""
    for number, row in enumerate(rows, 1):
        for column, value in row.items():
            name = f"{key}-{number}-{column}"
            if name in form.controls:
                form.fill({name: typed(value)})
            else:
                assert column in NOT_TYPED or value is None, f"line {number} of “{key}” does not ask “{column}”"
    below = re.compile(rf"{re.escape(key)}-(\d+)-")
    for name, control in form.controls.items():
        line = below.match(name)
        if line and int(line[1]) > len(rows) and control.kind in ("text", "textarea", "select") and any(control.values):
            form.fill({name: ""})
