"""Agreement as published tables have it, and where there is none to compute."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grants.reliability.forms import BadRatings, read_ratings
from grants.reliability.rules import KINDS, Rating, agreement, ratio_alpha, severities


def table(*raters: str) -> list[Rating]:
    """Ratings from one line a rater, a score a unit; * is missing."""
    return [
        Rating(f"u{unit}", f"r{rater}", score)
        for rater, scores in enumerate(raters)
        for unit, score in enumerate(scores.split())
        if score != "*"
    ]


KRIPPENDORFF = table(
    "1 2 3 3 2 1 4 1 2 * * *",
    "1 2 3 3 2 2 4 1 2 5 * 3",
    "* 3 3 3 2 3 4 2 2 5 1 *",
    "1 2 3 3 2 4 4 1 2 5 1 *",
)
"""Krippendorff (2011), reliability data C."""

WIKIPEDIA = table("* * * * * 3 4 1 2 1 1 3 3 * 3", "1 * 2 1 3 3 4 3 * * * * * * *", "* * 2 1 3 4 4 * 2 1 1 3 3 * 4")

SHROUT_FLEISS = table("9 6 8 7 10 6", "2 1 4 1 5 2", "5 3 6 2 6 4", "8 2 8 6 9 7")
"""Shrout and Fleiss (1979), table 2."""

WINE = table("1 1 3 6 6 7 8 9", "2 3 8 4 5 5 7 9", "0 3 1 3 5 6 7 9", "1 2 4 3 6 2 9 8")


@pytest.mark.parametrize(
    ("ratings", "counts", "expected"),
    [
        (KRIPPENDORFF, (12, 4, 41), (0.743421, 0.815388, 0.849107, 0.797403)),
        (WIKIPEDIA, (13, 3, 27), (0.691358, 0.806721, 0.810845, 0.808944)),
    ],
)
def test_alpha_is_as_published(
    ratings: list[Rating], counts: tuple[int, int, int], expected: tuple[float, ...]
) -> None:
    found = agreement(ratings)
    assert [found.alpha[level] for level in ("nominal", "ordinal", "interval", "ratio")] == pytest.approx(
        expected, abs=5e-7
    )
    assert (found.units, found.raters, found.ratings) == counts


@pytest.mark.parametrize(("ratings", "expected"), [(SHROUT_FLEISS, (0.1657, 0.2898, 0.7148, 0.4428, 0.6201, 0.9093))])
def test_intraclass_correlations_are_as_published(ratings: list[Rating], expected: tuple[float, ...]) -> None:
    assert [agreement(ratings).icc[kind] for kind in KINDS] == pytest.approx(expected, abs=5e-5)


def test_with_a_missing_score_only_the_one_way_forms_are_defined() -> None:
    found = agreement([one for one in SHROUT_FLEISS if (one.unit, one.rater) != ("u0", "r0")])
    assert [kind for kind in KINDS if found.icc[kind] is not None] == ["1,1", "1,k"]
    # between 44.2293 and within 116.5 are the sums of squares of 23 scores, the first unit having three
    units = [[2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    mean = sum(map(sum, units)) / 23
    between = sum(len(one) * (sum(one) / len(one) - mean) ** 2 for one in units) / 5
    within = sum((x - sum(one) / len(one)) ** 2 for one in units for x in one) / 17
    m0 = (23 - (9 + 5 * 16) / 23) / 5
    assert found.icc["1,1"] == pytest.approx((between - within) / (between + (m0 - 1) * within))
    assert found.icc["1,k"] == pytest.approx((between - within) / between)


# ------------------------------------------------------------------ where nothing can be computed


@pytest.mark.parametrize(
    "ratings",
    [[], table("1 2 3"), table("3 3 3", "3 3 3"), table("1 * *", "* 2 *"), table("1"), table("* 1", "1 *")],
)
def test_without_anything_to_compare_nothing_is_told(ratings: list[Rating]) -> None:
    found = agreement(ratings)
    assert set(found.alpha.values()) == {None}
    assert set(found.icc.values()) == {None}
    assert all((one.points, one.error) in ((0, None), (0, 0)) for one in severities(ratings))


@pytest.mark.parametrize("ratings", [table("50 60", "30 *", "* 80"), table("1 2 3"), table("50", "40")])
def test_without_ratings_that_overlap_severity_is_not_known_rather_than_none(ratings: list[Rating]) -> None:
    assert {one.error for one in severities(ratings)} == {None}


def test_a_thousand_applications_may_have_scores_as_fine_as_can_be() -> None:
    drawn = random.Random(4)
    ratings = [Rating(f"u{n}", f"r{rater}", str(drawn.uniform(0, 100))) for n in range(1000) for rater in range(4)]
    assert None not in agreement(ratings).alpha.values()


@pytest.mark.parametrize("far", [0, 10**9, 10**18])
def test_the_ratio_of_scores_with_fractions_is_that_of_the_definition_however_far_from_zero(far: int) -> None:
    units = [[Fraction(n * n % 37, 3) + k * n % 5 + far for k in range(3)] for n in range(60)]
    every = [score for scores in units for score in scores]

    def apart(scores: list[Fraction]) -> Fraction:
        pairs = itertools.combinations(scores, 2)
        return sum((2 * ((a - b) / (a + b)) ** 2 if a != b else Fraction(0) for a, b in pairs), Fraction(0))

    observed = sum((apart(scores) / 2 for scores in units), Fraction(0))
    assert ratio_alpha(units) == pytest.approx(float(1 - (len(every) - 1) * observed / apart(every)), abs=1e-12)


def test_words_have_nominal_agreement_alone() -> None:
    found = agreement(table("yes no yes no", "yes no no no"))
    assert found.alpha == {"nominal": pytest.approx(8 / 15), "ordinal": None, "interval": None, "ratio": None}
    assert set(found.icc.values()) == {None}


def test_the_ratio_of_scores_below_zero_is_not_defined_and_zeros_are() -> None:
    assert agreement(table("-1 2 3", "1 2 3")).alpha["ratio"] is None
    assert agreement(table("0 2 3", "1 2 0")).alpha["ratio"] is not None
    assert agreement(table("0 0 1", "0 0 1")).alpha["ratio"] == 1


@pytest.mark.parametrize("score", ["1e999999999", "1e-999999999", "inf", "nan", "٣", "1_0", "1,2,3", "."])
def test_scores_that_nobody_gives_do_no_harm(score: str) -> None:
    assert agreement([*table("1 2", "1 3"), Rating("u2", "r0", score), Rating("u2", "r1", "2")]).ratings == 6


# ------------------------------------------------------------------ against the definition


def alpha_by_definition(ratings: list[Rating], level: str) -> float | None:
    """Krippendorff's coincidence matrix, cell by cell."""
    units: dict[str, list[int]] = {}
    for one in ratings:
        units.setdefault(one.unit, []).append(int(one.score))
    matrix: Counter[tuple[int, int]] = Counter()
    for scores in (s for s in units.values() if len(s) > 1):
        for a, b in itertools.permutations(range(len(scores)), 2):
            matrix[scores[a], scores[b]] += 1 / (len(scores) - 1)
    marginal: Counter[int] = Counter()
    for (a, _), n in matrix.items():
        marginal[a] += n
    n = sum(marginal.values())

    def distance(a: int, b: int) -> float:
        low, high = min(a, b), max(a, b)
        if a == b:
            return 0
        if level == "nominal":
            return 1
        if level == "ordinal":
            between = sum(marginal[g] for g in range(low, high + 1))
            return (between - (marginal[a] + marginal[b]) / 2) ** 2
        return (a - b) ** 2 if level == "interval" else ((a - b) / (a + b)) ** 2

    expected = sum(marginal[a] * marginal[b] * distance(a, b) for a in marginal for b in marginal)
    if not expected:
        return None
    return 1 - (n - 1) * sum(o * distance(a, b) for (a, b), o in matrix.items()) / expected


cells = st.dictionaries(st.tuples(st.integers(0, 5), st.integers(0, 3)), st.integers(0, 6), max_size=24)


@settings(max_examples=200, deadline=None)
@given(cells, st.sampled_from(["nominal", "ordinal", "interval", "ratio"]))
def test_alpha_is_what_its_definition_says(given_cells: dict[tuple[int, int], int], level: str) -> None:
    ratings = [Rating(str(unit), str(rater), str(score)) for (unit, rater), score in given_cells.items()]
    found, expected = agreement(ratings).alpha[level], alpha_by_definition(ratings, level)
    assert (found is None) == (expected is None)
    assert found is None or found == pytest.approx(expected, abs=1e-9)


@given(st.lists(st.lists(st.integers(0, 9), min_size=3, max_size=3), min_size=2, max_size=6), st.integers(1, 10**12))
def test_moving_all_scores_changes_no_intraclass_correlation(rows: list[list[int]], far: int) -> None:
    def ratings(by: int) -> list[Rating]:
        return [Rating(str(u), str(r), str(score + by)) for u, row in enumerate(rows) for r, score in enumerate(row)]

    assert agreement(ratings(0)).icc == agreement(ratings(far)).icc


# ------------------------------------------------------------------ severity


def test_a_severe_reviewer_is_seen_through_the_applications_and_one_review_is_not_enough() -> None:
    ratings = [
        Rating(f"a{n}", f"r{rater}", str(50 + 3 * n + noise - 12 * (rater == 0)))
        for n in range(20)
        for rater, noise in ((n % 5, (n * 7) % 5 - 2), ((n + 1 + n // 5) % 5, (n * 3) % 5 - 2))
        if (n % 5) != ((n + 1 + n // 5) % 5)
    ]
    found = {one.rater: one for one in severities(ratings)}
    assert found["r0"].points > 6
    assert all(-6 < one.points < 2 for rater, one in found.items() if rater != "r0")
    assert math.isclose(sum(one.points for one in found.values()), 0, abs_tol=1e-6)
    fewer = {one.rater: one for one in severities([*ratings, Rating("a0", "new", "20")])}
    assert 0 < fewer["new"].points < 50 - 20, "drawn towards nothing"


# ------------------------------------------------------------------ files


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "columns unit, rater and score"),
        (b"a,b,c\n1,2,3\n", "columns unit, rater and score"),
        (b"unit,rater,score\nu,r\n", "line 2: 2 columns"),
        (b"unit,rater,score\nu,r,1\nu,r,2\n", "line 3: r rated u in line 2 already"),
        (b"unit,rater,score\n,r,1\n", "line 2: the unit or the rater is missing"),
        (b"\xff\xfe", "not a text in UTF-8"),
        (b"unit,rater,score\nu,r,\0\n", "not a text"),
        (b'unit,rater,score\n"u,r,1\n', "unexpected end"),
        (b"unit,rater,score\nu,r," + b"9" * 300 + b"\n", "line 2: more than 200"),
    ],
)
def test_a_file_that_holds_no_ratings_says_where_and_why(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"
    path.write_bytes(content)
    with pytest.raises(BadRatings, match=said):
        read_ratings(str(path))
    with pytest.raises(BadRatings, match="No such file"):
        read_ratings(str(tmp_path / "none.csv"))
    with pytest.raises(BadRatings, match="directory"):
        read_ratings(str(tmp_path))


def test_a_file_may_have_its_columns_in_any_order_beside_others(tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"
    path.write_bytes(b"\xef\xbb\xbfScore,note,Unit,rater\r\n3,x,u,r\r\n\r\nNA,,u,s\r\n,,u,t\r\n*,,u,v\r\n.,,u,w\r\n")
    assert read_ratings(str(path)) == [Rating("u", "r", "3")]


@pytest.mark.parametrize("text", ['unit,rater,score\nu,r,"1,5"\nu,s,2\n', "unit;rater;score\nu;r;1,5\nu;s;2\n"])
def test_a_decimal_comma_makes_no_word_of_a_number(text: str, tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"
    path.write_text(text)
    assert agreement(read_ratings(str(path))) == agreement(table("1.5", "2"))
