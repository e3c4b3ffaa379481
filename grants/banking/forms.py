"""Forms about payment orders and statements."""

from __future__ import annotations

from flask_wtf.file import FileField
from wtforms import DateField, SelectField, SelectMultipleField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Optional

from grants.core.forms import Form, TextField
from grants.core.languages import _l

FIELD_OF = {
    "nothing_chosen": "payments",
    "execute_on": "execute_on",
    "unreadable": "file",
    "other_account": "file",
    "taken_before": "file",
    "left_unexplained": "note",
    "reason_missing": "reason",
}
"""Which field mends which obstacle."""


class OrderForm(Form):
    """Which payments go into one order, and when the bank carries it out."""

    payments = SelectMultipleField(_l("Payments"), [InputRequired(_l("Please choose at least one payment."))])
    execute_on = DateField(_l("To be carried out on"), [InputRequired()])


class ReasonForm(Form):
    """Why something is not sent, or was not carried out."""

    reason = TextField(_l("Why?"), [InputRequired()], longest=1000)


class StatementForm(Form):
    """A statement of the bank."""

    file = FileField(
        _l("Statement of the bank"),
        [InputRequired()],
        description=_l("camt.053 as the bank gives it (XML), or a table as CSV. Up to 10 MB."),
        render_kw={"accept": ".xml,.csv,.txt"},
    )


class ColumnsForm(Form):
    """Which column of a table says what."""

    booked_on = SelectField(_l("Day"), [InputRequired()])
    amount = SelectField(_l("Amount, with a minus for what went out"), [InputRequired()])
    currency = SelectField(_l("Currency"), [InputRequired()])
    reference = SelectField(_l("Our reference (end-to-end)"), [InputRequired()])
    text = SelectField(_l("Text"), [Optional()])
    identifier = SelectField(_l("The bank’s own number of the line"), [Optional()])
    incoming = SelectField(_l("Amount that came in, where it has a column of its own"), [Optional()])
    direction = SelectField(_l("Debit or credit, where a column says it"), [Optional()])
    days = SelectField(
        _l("How days are written"),
        choices=[
            SelectChoice("ymd", "2027-05-31"),
            SelectChoice("d.m.y", "31.05.2027"),
            SelectChoice("d/m/y", "31/05/2027"),
            SelectChoice("m/d/y", "05/31/2027"),
        ],
    )
    mark = SelectField(
        _l("How amounts are written"), choices=[SelectChoice("point", "1,234.50"), SelectChoice("comma", "1.234,50")]
    )

    def offer(self, header: list[str]) -> None:
        """Offer the columns of a table."""
        for name in ("booked_on", "amount", "currency", "reference"):
            self[name].choices = [
                SelectChoice("", "–"),
                *(SelectChoice(one, one) for one in dict.fromkeys(header) if one),
            ]
        for name in ("text", "identifier", "incoming", "direction"):
            self[name].choices = [
                SelectChoice("", _l("none")),
                *(SelectChoice(one, one) for one in dict.fromkeys(header) if one),
            ]


class ApplyForm(Form):
    """What is done about the lines that mean no payment."""

    note = TextField(
        _l("What is done about the lines that are left?"),
        [Optional()],
        longest=1000,
        description=_l("For instance: salaries of the fund, no grant. It stays in the record."),
    )
