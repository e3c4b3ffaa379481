"""Forms of an import: the table that is sent in, what its columns mean, why it is taken back."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from babel import Locale
from wtforms import BooleanField, FileField, RadioField, SelectField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired

from grants.accounts.forms import LongSelectField, country_choices
from grants.accounts.models import Confidentiality
from grants.core.forms import Form, LineField, TextField
from grants.core.languages import _l, language_now
from grants.core.languages import gettext as _
from grants.imports.rules import DATE_ORDERS, MEANING_LABELS, NEEDED, Layout, Meaning, Table, currencies, line_of

LONGEST_NAME = 120
LONGEST_EXAMPLE = 40


class TableForm(Form):
    """The table that is sent in."""

    file = FileField(
        _l("The table"),
        description=_l(
            "A CSV file, or a workbook (.xlsx) of which the first sheet is read; up to 10 MB and 20,000 rows"
        ),
    )


class UndoForm(Form):
    """Why an import is taken back."""

    reason = TextField(
        _l("Why is it taken back?"), [DataRequired(_l("Please say why. The reason stays in the record."))], 2000
    )


HIDING: dict[str, Any] = {
    Confidentiality.NAME_WITHHELD: _l("Name withheld: the action without the name"),
    Confidentiality.FULLY_CONFIDENTIAL: _l("Fully confidential: only region and amount"),
}


class TightenForm(Form):
    """A class that hides more of an award; the view says which ones can be chosen."""

    wanted = RadioField(_l("New class"), [InputRequired(_l("Please choose a class."))], choices=[])
    reason = TextField(_l("Why?"), [DataRequired(_l("Please say why. The reason stays in the record."))], longest=2000)


@lru_cache(maxsize=8)
def _currencies(language: str) -> list[SelectChoice]:
    names = Locale.parse(language).currencies
    return [SelectChoice(code, f"{code}  {names.get(code, '')}".strip()) for code in currencies()]


def currency_choices() -> list[SelectChoice]:
    """The currencies of the world, or none."""
    return [SelectChoice("", _("None: such a row is refused")), *_currencies(language_now())]


DATE_ORDER_LABELS: dict[str, Any] = {
    "dmy": _l("Day, month, year (31/12/2016)"),
    "mdy": _l("Month, day, year (12/31/2016)"),
    "ymd": _l("Year, month, day (2016-12-31)"),
}

CONFIDENTIALITY_LABELS: dict[str, Any] = {
    Confidentiality.PUBLIC: _l("Everything"),
    Confidentiality.NAME_WITHHELD: _l("Everything but the name of the grantee"),
    Confidentiality.FULLY_CONFIDENTIAL: _l("Nothing"),
}

WITH_DOLLARS = ("USD", "CAD", "AUD", "NZD", "MXN", "COP", "CLP", "ARS", "DOP", "SGD", "HKD", "TTD", "JMD", "FJD")


def _of(meaning: Meaning) -> SelectField:
    return SelectField(MEANING_LABELS[meaning], validate_choice=True)


class LayoutForm(Form):
    """What the columns of a table mean, and what holds where a row does not say."""

    programme = LineField(
        _l("Earlier programme"),
        [DataRequired(_l("Please name the programme."))],
        LONGEST_NAME,
        description=_l("As people will find it in the list of grants."),
    )
    grantee = _of(Meaning.GRANTEE)
    amount = _of(Meaning.AMOUNT)
    currency = _of(Meaning.CURRENCY)
    granted_on = _of(Meaning.GRANTED_ON)
    months = _of(Meaning.MONTHS)
    title = _of(Meaning.TITLE)
    number = _of(Meaning.NUMBER)
    country = _of(Meaning.COUNTRY)
    city = _of(Meaning.CITY)
    confidentiality = _of(Meaning.CONFIDENTIALITY)
    date_order = SelectField(
        _l("Order of a date"), choices=lambda: [SelectChoice(order, DATE_ORDER_LABELS[order]) for order in DATE_ORDERS]
    )
    decimals = SelectField(
        _l("Mark before decimals"),
        choices=lambda: [SelectChoice("point", _("Point (1,234.50)")), SelectChoice("comma", _("Comma (1.234,50)"))],
    )
    usual_currency = LongSelectField(_l("Currency where a row names none"), choices=currency_choices)
    dollar = SelectField(_l("Currency that $ stands for"), choices=lambda: [SelectChoice(c, c) for c in WITH_DOLLARS])
    usual_country = LongSelectField(_l("Country where a row names none"), choices=country_choices)
    usual_confidentiality = SelectField(
        _l("What may be published where a row does not say"),
        choices=lambda: [SelectChoice(value, label) for value, label in CONFIDENTIALITY_LABELS.items()],
    )
    headings = BooleanField(_l("A row with one filled cell is a heading, not an award"))
    name = LineField(
        _l("Keep this mapping under a name"),
        longest=LONGEST_NAME,
        description=_l("It is found again by itself for the next table with the same columns."),
    )

    def __init__(self, table: Table, layout: Layout, **more: Any) -> None:
        columns = [SelectChoice("", _("No column"))]
        columns += [SelectChoice(str(at), _column(table, at)) for at in range(len(table.header.cells))]
        told = {meaning.value: str(layout.columns.get(meaning, "")) for meaning in Meaning}
        told |= {name: getattr(layout, name) for name in ("date_order", "decimals", "dollar", "headings")}
        usual = {f"usual_{name}": getattr(layout, name) for name in ("currency", "country", "confidentiality")}
        super().__init__(data=told | usual | more)
        for meaning in Meaning:
            self[meaning.value].choices = columns

    @property
    def of_columns(self) -> list[tuple[Any, bool]]:
        """The fields that choose a column, and whether a table needs it."""
        return [(self[meaning.value], meaning in NEEDED) for meaning in Meaning]

    @property
    def layout(self) -> Layout:
        """What was chosen."""
        chosen = {meaning: self[meaning.value].data for meaning in Meaning}
        return Layout(
            columns={meaning.value: int(at) for meaning, at in chosen.items() if at},
            date_order=self.date_order.data,
            decimals=self.decimals.data,
            currency=self.usual_currency.data or "",
            dollar=self.dollar.data,
            country=self.usual_country.data or "",
            confidentiality=self.usual_confidentiality.data,
            headings=bool(self.headings.data),
        )


def _column(table: Table, at: int) -> str:
    """A column by its name and by the first thing that stands in it."""
    name = line_of(table.header.cells[at]) or _("Column %(number)s", number=at + 1)
    told = (line_of(row.cells[at]) for row in table.rows if at < len(row.cells) and len(row.filled) > 1)
    example = next(filter(None, told), "")
    if len(example) > LONGEST_EXAMPLE:
        example = f"{example[:LONGEST_EXAMPLE]}…"
    return str(_("%(name)s, such as “%(example)s”", name=name, example=example)) if example else name
