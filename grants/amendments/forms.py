"""Forms about changes of a grant: what is asked, how it is worked out, the signature."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from flask_babel import gettext as _
from wtforms import BooleanField, DateField
from wtforms.validators import DataRequired, InputRequired, Optional, ValidationError

from grants.amendments.models import Amendment, Kind
from grants.amendments.queries import Facts
from grants.amendments.rules import Request, Revision, moves_dates, open_milestones, open_reports, revision_in
from grants.awards.forms import LONGEST_REASON
from grants.core.forms import Form, LineField, TextField
from grants.core.languages import _l, pick
from grants.core.money import Money, NotAnAmount, minor_digits
from grants.questionnaires.forms import NumberField

LONGEST_SCOPE = 8_000

FIELD_OF = {
    "no_end": "end_on",
    "not_later": "end_on",
    "too_long": "end_on",
    "ended": "end_on",
    "no_scope": "scope",
    "reason_missing": "reason",
    "no_signature": "signature",
}
"""Which field mends which obstacle."""


def _in_cents(currency: str) -> Any:
    """Refuse an amount with more decimals than its currency has."""

    def check(form: Any, field: NumberField) -> None:
        if field.data is not None:
            try:
                Money.parse(field.data, currency)
            except NotAnAmount as error:
                words = _("%(currency)s has %(n)s decimals, not more.", currency=currency, n=minor_digits(currency))
                raise ValidationError(words) from error

    return check


class AskForm(Form):
    """What is to change, and why; made for the headings of one grant by :func:`ask_form`."""

    headings: tuple[str, ...] = ()
    currency = ""

    end_on = DateField(_l("New last day"), [Optional()])
    scope = TextField(
        _l("The work as it is to be from now on"),
        longest=LONGEST_SCOPE,
        description=_l("What is done instead of what, with whom and where. No names of people at risk."),
    )
    reason = TextField(
        _l("Why?"),
        [DataRequired(_l("Please say why. The reason stays in the record."))],
        longest=LONGEST_REASON,
        description=_l(
            "What happened, what is done already, and what the change is good for. No names of people at risk."
        ),
    )

    def moves(self) -> dict[str, int]:
        """Minor units by heading, as far as they can be read."""
        found = {}
        for n, heading in enumerate(self.headings):
            field = self[f"move_{n}"]
            if field.data is not None and not field.errors:
                try:
                    found[heading] = Money.parse(field.data, self.currency).minor
                except NotAnAmount:
                    continue
        return found

    def request(self) -> Request:
        """What was asked: whatever was filled in."""
        moves = self.moves()
        given = {Kind.EXTENSION: self.end_on.data, Kind.BUDGET: any(moves.values()), Kind.SCOPE: self.scope.data}
        kinds = frozenset(kind for kind, is_given in given.items() if is_given)
        return Request(kinds, self.reason.data or "", self.end_on.data, moves, self.scope.data or "")


def ask_form(facts: Facts) -> AskForm:
    """The form for what is to change in one grant."""
    currency = facts.award.currency
    fields: dict[str, Any] = {"headings": tuple(line.heading for line in facts.lines), "currency": currency}
    for n, line in enumerate(facts.lines):
        label = _l("More (or, with a minus, less): %(heading)s", heading=pick(line.title))
        fields[f"move_{n}"] = NumberField(label, [Optional(), _in_cents(currency)])
    made: AskForm = type("AskForm", (AskForm,), fields)()
    return made


class RevisionForm(Form):
    """How a change is worked out; made for what one amendment opens by :func:`revision_form`."""

    milestone_ids: tuple[int, ...] = ()
    report_ids: tuple[int, ...] = ()
    headings: tuple[str, ...] = ()
    currency = ""

    def revision(self) -> Revision:
        """What was typed. Only after :meth:`validate` said yes."""
        return Revision(
            {key: self[f"milestone_{key}"].data for key in self.milestone_ids},
            {key: self[f"report_{key}"].data for key in self.report_ids},
            {heading: self._minor(f"line_{n}") for n, heading in enumerate(self.headings)},
            self["scope"].data if "scope" in self else "",
        )

    def _minor(self, name: str) -> int:
        return Money.parse(self[name].data, self.currency).minor


def revision_form(amendment: Amendment, facts: Facts) -> RevisionForm:
    """The form for working out one amendment, filled with what was kept."""
    kept, currency = revision_in(amendment), facts.award.currency
    fields: dict[str, Any] = {"currency": currency}
    given: dict[str, Any] = {}
    day = [InputRequired(_l("Please give the day."))]
    if moves_dates(amendment):
        milestones, reports = open_milestones(facts), open_reports(facts)
        fields |= {"milestone_ids": tuple(m.id for m in milestones), "report_ids": tuple(r.id for r in reports)}
        for one in milestones:
            fields[f"milestone_{one.id}"] = DateField(one.title, day)
            given[f"milestone_{one.id}"] = kept.milestones.get(one.id, one.due_on)
        for due in reports:
            fields[f"report_{due.id}"] = DateField(pick(due.label), day)
            given[f"report_{due.id}"] = kept.reports.get(due.id, due.due_on)
    if Kind.BUDGET in amendment.kinds:
        fields["headings"] = tuple(line.heading for line in facts.lines)
        for n, line in enumerate(facts.lines):
            amount = [InputRequired(_l("Please give the amount.")), _in_cents(currency)]
            fields[f"line_{n}"] = NumberField(pick(line.title), amount)
            given[f"line_{n}"] = _amount(kept.lines, line.heading, line.amount_minor, currency)
    if Kind.SCOPE in amendment.kinds:
        needed = [DataRequired(_l("Please describe the work as it is to be from now on."))]
        label = _l("The work as it is to be from now on")
        fields["scope"] = TextField(label, needed, longest=LONGEST_SCOPE)
        given["scope"] = kept.scope
    form: RevisionForm = type("RevisionForm", (RevisionForm,), fields)(data=given)
    return form


def _amount(lines: Mapping[str, int], heading: str, now: int, currency: str) -> Decimal:
    return Money(lines.get(heading, now), currency).amount


class AnswerForm(Form):
    """Why a change is refused, sent back, withdrawn or let lapse."""

    reason = TextField(
        _l("Why?"),
        [DataRequired(_l("Please say why. The other side reads it, and it stays in the record."))],
        longest=LONGEST_REASON,
        description=_l("Point by point, in plain and kind words. The other side reads it."),
    )


class SignForm(Form):
    """The signature under an amendment."""

    agreed = BooleanField(
        _l("I have read the amendment and may sign it for my organization."),
        [InputRequired(_l("Please confirm that you have read the amendment and may sign it."))],
    )
    signature = LineField(_l("Your full name"), [InputRequired(_l("Please type your full name."))], longest=200)
