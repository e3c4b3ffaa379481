"""Days, numbers, sizes and names as readers of each language write them, and lines that keep their spaces."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from flask import Flask
from wtforms import DateField, IntegerField
from wtforms.validators import InputRequired

from grants.core.forms import Form, LineField, one_line
from grants.core.languages import file_size, language_name, long_day, number_text, speaking, zone_name


@pytest.mark.parametrize(
    ("number", "english", "french", "spanish"),
    [
        (2026, "2026", "2026", "2026"),
        (Decimal("74.5"), "74.5", "74,5", "74,5"),
        (Decimal("655.957"), "655.957", "655,957", "655,957"),
        (12_345, "12,345", "12\u202f345", "12.345"),
        (Decimal(81), "81", "81", "81"),
        (None, "–", "–", "–"),
    ],
)
def test_a_number_is_written_as_its_reader_does(
    number: int | Decimal | None, english: str, french: str, spanish: str
) -> None:
    assert [number_text(number, language) for language in ("en", "fr", "es")] == [english, french, spanish]


def test_the_french_count_the_first_day_of_a_month() -> None:
    first, eleventh = date(2026, 12, 1), date(2026, 12, 11)
    assert long_day(first, "fr") == "1er décembre 2026"
    assert long_day(first, "fr", weekday=True) == "mardi 1er décembre 2026"
    assert long_day(eleventh, "fr") == "11 décembre 2026"
    assert [long_day(first, language) for language in ("en", "es")] == ["1 December 2026", "1 de diciembre de 2026"]


def test_languages_and_zones_are_named_in_the_reader_s_language() -> None:
    with speaking("fr"):
        assert language_name("en") == "anglais"
        assert zone_name("Europe/Brussels") == "Bruxelles"
    assert language_name("es", "es") == "español"
    assert zone_name("UTC", "fr") == "UTC"


def test_sizes_of_files_are_told_in_the_reader_s_units(app: Flask) -> None:
    with speaking("fr"):
        assert [file_size(octets) for octets in (1, 84 * 1024, 1_572_864)] == [
            "1\u00a0Ko",
            "84\u00a0Ko",
            "1,5\u00a0Mo",
        ]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Droits\u00a0: un  guide \n", "Droits\u00a0: un guide"),
        ("Est-ce ouvert\u202f?", "Est-ce ouvert\u202f?"),
        ("un\tdeux\r\ntrois", "un deux trois"),
        ("\u00a0\u202f", ""),
    ],
)
def test_a_line_keeps_the_spaces_that_do_not_break(typed: str, kept: str) -> None:
    assert one_line(typed) == kept
    assert one_line(kept) == kept


class Answer(Form):
    """Three questions, none answered well."""

    day = DateField("Day")
    number = IntegerField("Number")
    name = LineField("Name", [InputRequired()])


def test_what_is_wrong_with_a_field_is_said_in_our_words(app: Flask) -> None:
    typed = {"day": "31.12.", "number": "four", "name": ""}
    with app.test_request_context(method="POST", data=typed), speaking("fr"):
        form = Answer(meta={"csrf": False})
        assert not form.validate()
        assert [found for field in form for found in field.errors] == [
            "Indiquez un jour, par exemple 2027-05-31.",
            "Écrivez un nombre entier, sans décimales.",
            "Remplissez ce champ.",
        ]
