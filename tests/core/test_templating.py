from __future__ import annotations

import pytest
from markupsafe import Markup

from grants.core.templating import unbroken


@pytest.mark.parametrize(
    ("heading", "held"),
    [
        ("Pouvons-nous présenter une demande ?", ["Pouvons-nous"]),
        ("Y a-t-il un lien ?", ["a-t-il"]),
        ("Parlez-nous de votre organisation", ["Parlez-nous"]),
        ("Plan d’action 5-8 : avant-projet, sous-région", []),
        ("A follow-up on full-time staff", []),
        (Markup('<span lang="fr" class="x-en">Dites-le</span>'), ["Dites-le"]),
    ],
)
def test_lines_of_a_heading_do_not_end_between_a_french_verb_and_its_pronoun(heading: str, held: list[str]) -> None:
    shown = unbroken(heading)
    assert [part.split("</span>")[0] for part in shown.split('<span class="nowrap">')[1:]] == held


def test_a_heading_from_people_is_escaped() -> None:
    assert unbroken("<b>Est-ce</b>") == '&lt;b&gt;<span class="nowrap">Est-ce</span>&lt;/b&gt;'
