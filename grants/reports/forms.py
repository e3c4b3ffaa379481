"""Forms of reports: the figures by budget line, reasons and dates."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

from babel.numbers import list_currencies
from flask import request
from flask_babel import gettext as _
from flask_wtf.file import FileField
from wtforms import DateField, HiddenField, RadioField, SelectField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Optional, ValidationError

from grants.accounts.forms import LongSelectField, country_choices
from grants.awards.forms import LONGEST_REASON
from grants.core.forms import Form, LineField, TextField
from grants.core.languages import _l, language_now, number_shown, number_typed
from grants.core.money import Money, NotAnAmount, minor_digits
from grants.reports import rules
from grants.reports.models import LEVELS, PLAN_POINTS, STAGES
from grants.reports.rules import LONGEST_CHANGE, ChangeGiven, Evidence, Figure, LineGiven, LineVerified


class ReturnForm(Form):
    """What is missing in a report, part by part; made for the parts of one report by :func:`return_form`."""

    part_keys: Sequence[str] = ()

    again_by = DateField(_l("By which day?"), [Optional()], description=_l("The report is not late before that day."))
    reason = TextField(
        _l("About the whole report"),
        longest=LONGEST_REASON,
        description=_l("The grantee reads this on top of the report. Point by point, in plain and kind words."),
    )

    def validate(self, extra_validators: Any = None) -> bool:
        """Something has to be said, about all of it or about a part."""
        sound = bool(super().validate(extra_validators))
        if sound and not any((field.data or "").strip() for field in (self.reason, *self.of_parts)):
            self.reason.errors = [_("Please say what is missing, so that it can be mended.")]
            sound = False
        return sound

    @property
    def of_parts(self) -> list[TextField]:
        """The fields of the parts, in the order of the report."""
        return [self[f"part_{key}"] for key in self.part_keys]

    @property
    def parts(self) -> dict[str, str]:
        """What was written, by the key of the part; only what was written."""
        return {key: self[f"part_{key}"].data for key in self.part_keys if self[f"part_{key}"].data}


def return_form(parts: Mapping[str, str], again_by: date) -> ReturnForm:
    """The form to return one report. ``parts`` are their titles by key, ``again_by`` the day that is proposed."""
    fields: dict[str, Any] = {"part_keys": tuple(parts)}
    for key, title in parts.items():
        fields[f"part_{key}"] = TextField(title, longest=LONGEST_REASON)
    form: ReturnForm = type("ReturnForm", (ReturnForm,), fields)(data={"again_by": again_by})
    return form


class MoveForm(Form):
    """A new date and why."""

    due_on = DateField(_l("New date"), [InputRequired(_l("Please give the day."))])
    reason = TextField(
        _l("Why?"),
        [DataRequired(_l("Please say why. The reason stays in the record."))],
        longest=LONGEST_REASON,
        description=_l("One or two sentences. The reason stays in the record."),
    )


@lru_cache(maxsize=1)
def _currencies() -> frozenset[str]:
    return frozenset(list_currencies())


class FiguresForm(Form):
    """The figures of a report in local money; made for the budget lines of one grant by :func:`figures_form`."""

    line_ids: Sequence[int] = ()
    award_currency: str
    today: date

    currency = LineField(
        _l("Currency of your accounts"),
        [InputRequired(_l("Please give the three letters of your currency, such as XOF."))],
        longest=3,
        filters=[lambda text: (text or "").strip().upper()],
    )
    rate = LineField(_l("Exchange rate"), [InputRequired(_l("Please give the exchange rate."))], longest=30)
    source = LineField(_l("Where the rate comes from"))
    rated_on = DateField(_l("Day of the rate"), [Optional()])
    period_from = DateField(_l("First day"), [InputRequired(_l("Please give the day."))])
    period_until = DateField(_l("Last day"), [InputRequired(_l("Please give the day."))])
    version = HiddenField()

    def validate_currency(self, field: LineField) -> None:
        """The code of a currency that exists (ISO 4217)."""
        if field.data not in _currencies():
            raise ValidationError(_("Please give the three letters of your currency, such as XOF."))

    def validate_rate(self, field: LineField) -> None:
        """A number above zero with at most six decimals."""
        _rate(field.data)

    def validate_period_until(self, field: DateField) -> None:
        """Not before the first day."""
        if field.data and self.period_from.data and field.data < self.period_from.data:
            raise ValidationError(_("The period ends before it begins."))

    def validate_rated_on(self, field: DateField) -> None:
        """No day that has not come yet."""
        if field.data and field.data > self.today:
            raise ValidationError(_("The rate is of a day that has not come yet."))

    def validate(self, extra_validators: Any = None) -> bool:
        """Read every amount and rate as well; each mistake stands at its own field."""
        sound = bool(super().validate(extra_validators))
        if self.currency.errors:
            return sound
        if self.currency.data == self.award_currency and not self.rate.errors and _rate(self.rate.data) != 1:
            text = _("Accounts in %(currency)s need no exchange: the rate is 1.", currency=self.award_currency)
            self.rate.errors = [*self.rate.errors, text]
            sound = False
        for line_id in self.line_ids:
            for name, read in ((f"local_{line_id}", self._local), (f"rate_{line_id}", self._own_rate)):
                try:
                    read(line_id)
                except ValidationError as error:
                    self[name].errors = [*self[name].errors, str(error)]
                    sound = False
        return sound

    def _local(self, line_id: int) -> Money | None:
        return _amount(self[f"local_{line_id}"].data, self.currency.data)

    def _own_rate(self, line_id: int) -> Decimal | None:
        text = self[f"rate_{line_id}"].data
        return _rate(text) if text else None

    @property
    def version_seen(self) -> int:
        """Which state of the figures the page showed."""
        return int(self.version.data) if (self.version.data or "").isdecimal() else 0

    @property
    def own_rates(self) -> bool:
        """Whether the page that was sent asked for the rate of each heading."""
        return any(f"rate_{line_id}" in request.form for line_id in self.line_ids)

    def evidence(self) -> Evidence:
        """What was typed of period and rate."""
        return Evidence(self.period_from.data, self.period_until.data, self.source.data or "", self.rated_on.data)

    def lines(self) -> list[LineGiven]:
        """What was typed, one line a budget line; an empty amount is zero. Only after :meth:`validate` said yes."""
        rate = _rate(self.rate.data)
        return [
            LineGiven(
                line_id,
                self._local(line_id) or Money(0, self.currency.data),
                self._own_rate(line_id) or rate,
                self[f"explanation_{line_id}"].data or "",
            )
            for line_id in self.line_ids
        ]


def _names_a_currency(text: str) -> bool:
    """Whether a code ("500 USD") or a sign ("$500") of a currency stands in what was typed."""
    codes = re.findall(r"[A-Z]{3}", text.upper())
    return any(code in _currencies() for code in codes) or any(unicodedata.category(sign) == "Sc" for sign in text)


def _amount(text: str | None, currency: str) -> Money | None:
    """What was typed as an amount of a currency; None where nothing was. Raises ValidationError in words."""
    if not text:
        return None
    number = number_typed(text, language_now())
    if number is None and _names_a_currency(text):
        raise ValidationError(_("Amounts here are in %(currency)s. Please write the number alone.", currency=currency))
    if number is None:
        raise ValidationError(_("Please write an amount, such as 1250 or 1250.50."))
    try:
        amount = Money.parse(number, currency)
    except NotAnAmount as error:
        decimals = minor_digits(currency)
        raise ValidationError(_("%(currency)s has %(n)s decimals, not more.", currency=currency, n=decimals)) from error
    if amount.minor < 0:
        raise ValidationError(_("An amount cannot be below zero."))
    return amount


def _rate(text: str | None) -> Decimal:
    rate = number_typed(text or "", language_now())
    if rate is None or not rules.rate_is_sound(rate):
        raise ValidationError(_("An exchange rate has to be above zero, with at most six decimals."))
    return rate


class CostsForm(Form):
    """What was found of the costs of a report; made for its budget lines by :func:`costs_form`."""

    line_ids: Sequence[int] = ()
    currency: str

    def validate(self, extra_validators: Any = None) -> bool:
        """Read every amount as well; each mistake stands at its own field."""
        sound = bool(super().validate(extra_validators))
        for line_id in self.line_ids:
            for name in (f"verified_{line_id}", f"ineligible_{line_id}"):
                try:
                    _amount(self[name].data, self.currency)
                except ValidationError as error:
                    self[name].errors = [*self[name].errors, str(error)]
                    sound = False
        return sound

    def lines(self) -> list[LineVerified]:
        """What was typed, only the lines at which something was. Only after :meth:`validate` said yes."""
        none = Money(0, self.currency)
        return [
            LineVerified(
                line_id,
                _amount(self[f"verified_{line_id}"].data, self.currency) or none,
                _amount(self[f"ineligible_{line_id}"].data, self.currency) or none,
                self[f"reason_{line_id}"].data or "",
            )
            for line_id in self.line_ids
            if any(self[f"{name}_{line_id}"].data for name in ("verified", "ineligible", "reason"))
            or self[f"known_{line_id}"].data
        ]


def costs_form(figures: Sequence[Figure], currency: str) -> CostsForm:
    """The form to verify the costs of one report, filled with what was found before."""
    fields: dict[str, Any] = {"line_ids": tuple(f.budget_line_id for f in figures), "currency": currency}
    given: dict[str, str] = {}
    for figure in figures:
        line_id = figure.budget_line_id
        fields[f"known_{line_id}"] = HiddenField()
        fields[f"verified_{line_id}"] = LineField(_l("Verified"), longest=40)
        fields[f"ineligible_{line_id}"] = LineField(_l("Not eligible"), longest=40)
        fields[f"reason_{line_id}"] = TextField(_l("Why not eligible"), longest=LONGEST_REASON)
        if figure.looked_at:
            given[f"known_{line_id}"] = "1"
            given[f"verified_{line_id}"] = _shown(figure.verified.amount)
            given[f"ineligible_{line_id}"] = _shown(figure.ineligible.amount) if figure.ineligible else ""
            given[f"reason_{line_id}"] = figure.ineligible_reason
    form: CostsForm = type("CostsForm", (CostsForm,), fields)(data=given)
    return form


def figures_form(
    figures: Sequence[Figure], evidence: Evidence, version: int, *, currency: str, today: date
) -> FiguresForm:
    """The form for the figures of one report, filled with what was saved. ``currency`` is that of the award."""
    fields: dict[str, Any] = {
        "line_ids": tuple(f.budget_line_id for f in figures),
        "award_currency": currency,
        "today": today,
    }
    saved = [f for f in figures if f.local is not None and f.rate is not None]
    common = saved[0].rate if saved else Decimal(1)
    given: dict[str, Any] = {
        "currency": saved[0].local.currency if saved and saved[0].local else currency,
        "rate": _shown(common) if saved else "",
        "source": evidence.rate_source,
        "rated_on": evidence.rate_on,
        "period_from": evidence.period_from,
        "period_until": evidence.period_until,
        "version": str(version),
    }
    for figure in figures:
        line_id = figure.budget_line_id
        fields[f"local_{line_id}"] = LineField(_l("This period"), longest=40)
        fields[f"rate_{line_id}"] = LineField(_l("Other rate"), longest=30)
        fields[f"explanation_{line_id}"] = TextField(_l("Explanation"), longest=LONGEST_REASON)
        if figure.local is not None:
            given[f"local_{line_id}"] = _shown(figure.local.amount) if figure.local else ""
            given[f"rate_{line_id}"] = _shown(figure.rate) if figure.rate != common else ""
            given[f"explanation_{line_id}"] = figure.explanation
    form: FiguresForm = type("FiguresForm", (FiguresForm,), fields)(data=given)
    return form


class ChangeForm(Form):
    """Something that changed, and what shows it."""

    plan_point = SelectField(
        _l("Point of the Plan of Action"),
        choices=[
            SelectChoice("", _l("Choose one")),
            *(SelectChoice(str(n), words) for n, words in PLAN_POINTS.items()),
        ],
        validators=[InputRequired(_l("Please choose one of what is offered."))],
    )
    country = LongSelectField(_l("Country"), [DataRequired(_l("Please choose the country."))], choices=country_choices)
    level = RadioField(
        _l("How far does it reach?"),
        [InputRequired(_l("Please choose one of what is offered."))],
        choices=[SelectChoice(level, words) for level, words in LEVELS.items()],
    )
    stage = RadioField(
        _l("How far has it come?"),
        [InputRequired(_l("Please choose one of what is offered."))],
        choices=[SelectChoice(stage, words) for stage, words in STAGES.items()],
    )
    what = TextField(
        _l("What changed?"),
        [DataRequired(_l("Please say what changed."))],
        longest=LONGEST_CHANGE,
        description=_l("Who now does what differently, and since when."),
    )
    evidence = TextField(
        _l("What shows it?"),
        longest=LONGEST_CHANGE,
        description=_l("In words, by an address or by a file; one of them is enough."),
    )
    link = LineField(_l("Address of a page that shows it"), description=_l("Beginning with https://"))
    file = FileField(_l("File that shows it"))

    def given(self) -> ChangeGiven:
        """What was typed. Only after the form was found sound."""
        return ChangeGiven(
            int(self.plan_point.data),
            self.country.data,
            self.level.data,
            self.stage.data,
            self.what.data or "",
            self.evidence.data or "",
            self.link.data or "",
        )


class DocumentForm(Form):
    """A supporting document for a budget line, or (without one) for the exchange rate."""

    line = HiddenField()
    file = FileField(_l("File"), [DataRequired(_l("Please choose a file."))])
    note = LineField(_l("What it shows"))


def _shown(number: Decimal | None) -> str:
    if number is None:
        return ""
    text = format(number, "f")
    return str(number_shown(text.rstrip("0").rstrip(".") if "." in text else text, language_now()))
