"""Covering names: what is found in whatever spelling, and what is left alone."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grants.core.redaction import COVER, Redaction, spoken

HIDDEN = Redaction(
    ["Réseau Teranga Mobilité (SAMPLE)", "RTM", "SN-0147"], ["Aïssatou Exemple", "Moussa Fictif, président"]
)


@pytest.mark.parametrize(
    ("text", "covered"),
    [
        ("Le RESEAU  teranga-mobilité agit.", f"Le {COVER} agit."),
        ("l’RTM et rtm_2027, R.T.M", f"l’{COVER} et {COVER}_2027, {COVER}"),
        ("Exemple répond, par exemple.", f"{COVER} répond, par exemple."),
        ("M. FICTIF Moussa préside", f"M. {COVER} préside"),
        ("Moussa y va", f"{COVER} y va"),
        ("SN 0147 et 0147", f"{COVER} et 0147"),
        ("Écrire à x.y@z.org, +221 77 123 45 67, https://z.org/a?b.", f"Écrire à {COVER}, {COVER}, {COVER}."),
    ],
)
def test_a_name_is_covered_however_it_is_written(text: str, covered: str) -> None:
    assert HIDDEN.of(text) == covered


def test_decomposed_accents_and_invisible_signs_hide_no_name() -> None:
    assert HIDDEN.of(unicodedata.normalize("NFD", "Réseau Teranga Mobilité")) == COVER
    assert HIDDEN.of("R\u200bT\u00adM") == COVER


@pytest.mark.parametrize("text", ["partmen", "artm", "un président", "teranga", "12 000", "a+b", "2027-01-01"])
def test_other_words_are_left_alone(text: str) -> None:
    assert HIDDEN.of(text) == text
    assert not HIDDEN.stands_in([text])


@pytest.mark.parametrize(
    ("text", "covered"),
    [
        ("CARE takes care of migrants; careful, C.A.R.E.", f"{COVER} takes care of migrants; careful, {COVER}."),
        ("Mango grows a mango.", f"{COVER} grows a mango."),
    ],
)
def test_a_short_name_that_could_be_a_word_is_covered_only_where_it_is_written_as_a_name(
    text: str, covered: str
) -> None:
    assert Redaction(["CARE", "Mango"]).of(text) == covered
    assert not Redaction(["CARE", "Mango"]).stands_in(["they care for a mango"])
    assert Redaction(["CARE", "Mango"]).is_told_by(text)


def test_answers_are_covered_wherever_they_stand() -> None:
    assert HIDDEN.of_all({"a": [{"b": "RTM"}, 3, None]}) == {"a": [{"b": COVER}, 3, None]}


def test_without_names_only_addresses_are_covered() -> None:
    assert Redaction(["", "-"]).of("RTM, a@b.org") == f"RTM, {COVER}"


def test_what_is_covered_is_told_to_those_who_do_not_see_it() -> None:
    shown = spoken(f"<b>{COVER}</b>")
    assert 'aria-label="name withheld"' in shown
    assert shown.startswith("&lt;b&gt;")


@given(st.text(max_size=60), st.text(max_size=60), st.sampled_from(["Teranga Mobilité", "TERANGA MOBILITE", "rtm"]))
def test_no_text_around_a_name_brings_it_through(before: str, after: str, name: str) -> None:
    hidden = Redaction(["Teranga Mobilité", "RTM"])
    covered = hidden.of(f"{before} {name} {after}")
    assert not hidden.stands_in([covered])
