"""The form of a scenario: its name, and the limits it keeps to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from flask_babel import gettext as _
from wtforms import IntegerField
from wtforms.validators import NumberRange, Optional

from grants.calls.models import Call
from grants.core.forms import Form, LineField, one_line
from grants.core.languages import _l
from grants.core.money import Money, NotAnAmount
from grants.questionnaires.forms import NumberField
from grants.scenarios.rules import Limits

LONGEST_NAME = 120
LONGEST_REASON = 1000
MOST_AWARDS = 10_000
LIFT = "lift-"
"""What the name of a field begins with that says why a limit gives way; its code follows."""


def _number(label: Any) -> IntegerField:
    return IntegerField(label, [Optional(), NumberRange(0, MOST_AWARDS)])


class ScenarioForm(Form):
    """A scenario. Each region and lot has fields of its own: see :func:`scenario_form`."""

    name = LineField(_l("Name of the scenario"), longest=LONGEST_NAME)
    budget = NumberField(_l("Money to award"))
    most_per_lead = _number(_l("Awards to one organization at most"))

    def limits(self, call: Call) -> Limits | None:
        """The limits that were typed; None when one cannot be read, which its field then says."""
        if not self.validate_on_submit():
            return None
        budget = self._amount(call, "budget")
        limits = Limits(
            budget=call.envelope if budget is None else budget,
            floors=dict(self._amounts(call, "floor-")),
            ceilings=dict(self._amounts(call, "ceiling-")),
            least={key: field.data for key, field in self._fields_of("least-") if field.data},
            most_per_lead=self.most_per_lead.data,
        )
        return None if self.errors else limits

    def _fields_of(self, prefix: str) -> Iterator[tuple[str, Any]]:
        for name, field in self._fields.items():
            if name.startswith(prefix):
                yield name.removeprefix(prefix), field

    def _amounts(self, call: Call, prefix: str) -> Iterator[tuple[str, Money]]:
        for key, _field in self._fields_of(prefix):
            amount = self._amount(call, prefix + key)
            if amount is not None:
                yield key, amount

    def _amount(self, call: Call, name: str) -> Money | None:
        field = self._fields[name]
        if field.data is None:
            return None
        try:
            amount = Money.parse(Decimal(field.data), call.currency)
        except NotAnAmount:
            amount = None
        if amount is None or amount.minor < 0:
            field.errors = [*field.errors, _("Please write an amount, such as 1250 or 1250.50.")]
            return None
        return amount


def scenario_form(call: Call) -> type[ScenarioForm]:
    """The form for the scenarios of a call: a floor and a ceiling for each region and lot, a least number for each lot."""
    fields: dict[str, Any] = {}
    for key in (*(region.region for region in call.regions), *(lot.key for lot in call.lots)):
        fields[f"floor-{key}"] = NumberField(_l("At least"))
        fields[f"ceiling-{key}"] = NumberField(_l("At most"))
    for lot in call.lots:
        fields[f"least-{lot.key}"] = _number(_l("Awards at least"))
    return type("ScenarioFormOfCall", (ScenarioForm,), fields)


def filled_in(limits: Limits) -> dict[str, Any]:
    """Limits as they stand in the form."""
    return {
        "budget": limits.budget.amount,
        "most_per_lead": limits.most_per_lead,
        **{f"floor-{key}": amount.amount for key, amount in limits.floors.items()},
        **{f"ceiling-{key}": amount.amount for key, amount in limits.ceilings.items()},
        **{f"least-{key}": number for key, number in limits.least.items()},
    }


def reasons_typed(typed: Mapping[str, str]) -> dict[str, str]:
    """Why limits give way, by their codes."""
    found = {
        name.removeprefix(LIFT): one_line(text)[:LONGEST_REASON]
        for name, text in typed.items()
        if name.startswith(LIFT)
    }
    return {code: reason for code, reason in found.items() if reason}
