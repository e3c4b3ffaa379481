"""The numbers: totals, third reviews, means, thresholds; and the sample's reviews computed again."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from grants.reviews import rules
from grants.reviews.queries import ApplicationLine, ReviewPoints

SAMPLE = Path(__file__).parents[2] / "sample"


def read(name: str) -> Any:
    return yaml.safe_load((SAMPLE / name).read_text())


GRID_FILE = read("evaluation_grid.yaml")["grid"]
GRID = rules.read_grid(GRID_FILE)
CRITERIA = {
    one["id"]: (section["id"], one["weight"]) for section in GRID_FILE["sections"] for one in section["criteria"]
}
WEIGHTS = {key: weight for key, (_, weight) in CRITERIA.items()}
REVIEWS = read("reviews.yaml")["reviews"]


def line(number: int = 1) -> ApplicationLine:
    return ApplicationLine(
        number, f"APP-{number}", "Title", "eligible", "en", "AFR", "L1", 1_000_000, "EUR", 1, "Name", "SN"
    )


def points(values: dict[str, int], number: int = 1, round: int = 1) -> ReviewPoints:
    sections: dict[str, int] = defaultdict(int)
    lowest: dict[str, int] = {}
    for key, value in values.items():
        section, weight = CRITERIA[key]
        sections[section] += weight * value
        lowest[section] = min(value, lowest.get(section, 9))
    return ReviewPoints(1, number, number, f"REV-{number}", round, "fund", dict(sections), lowest)


def total(number: int, amount: int, round: int = 1) -> ReviewPoints:
    """A review that reached some points; every section passes."""
    return ReviewPoints(
        1, number, number, f"REV-{number}", round, "fund", {"A": 20, "B": 30, "C": amount - 50}, {"A": 5}
    )


def result(*given_points: ReviewPoints) -> rules.Result:
    return rules.result_of(GRID, line(), given_points)


@pytest.mark.parametrize("review", REVIEWS, ids=lambda r: f"{r['application']}-{r['reviewer']}")
def test_the_samples_reviews_add_up_to_their_totals(review: dict[str, Any]) -> None:
    assert rules.total_of(WEIGHTS, review["scores"]) == review["total"]
    assert points(review["scores"]).total == review["total"]


def test_the_sample_has_28_reviews_and_four_disagreements() -> None:
    assert len(REVIEWS) == 28
    by_application: dict[str, list[ReviewPoints]] = defaultdict(list)
    for number, review in enumerate(REVIEWS, start=1):
        by_application[review["application"]].append(points(review["scores"], number, review["round"]))
    results = {name: rules.result_of(GRID, line(), found) for name, found in by_application.items()}
    assert {name for name, one in results.items() if one.disagreements} == {"APP-003", "APP-005", "APP-006", "APP-012"}
    assert not any(one.third_review for one in results.values())
    scores = {name: str(one.score) for name, one in results.items()}
    assert scores["APP-003"] == "81", "83 and 79; the outlier of 35 is not used"
    assert scores["APP-005"] == "92.5", "94 and 91"
    assert scores["APP-006"] == "75.5", "71 and 80"
    assert scores["APP-012"] == "58", "58 and 58"
    assert scores["APP-001"] == "83.5"
    assert {name for name, one in results.items() if not one.passes} == {"APP-007", "APP-010", "APP-012"}


@pytest.mark.parametrize(
    ("first", "second", "broken"),
    [
        (82, 85, []),
        (60, 59, ["verdict_flip"]),
        (75, 60, ["absolute_gap"]),
        (74, 60, []),
        (100, 70, ["absolute_gap"]),
        (100, 69, ["relative_gap", "absolute_gap"]),
        (50, 35, ["absolute_gap"]),
        (50, 34, ["relative_gap", "absolute_gap"]),
        (83, 35, ["relative_gap", "verdict_flip", "absolute_gap"]),
    ],
)
def test_two_totals_disagree_exactly_as_the_grid_says(first: int, second: int, broken: list[str]) -> None:
    assert [one.rule.key for one in rules.disagreements(GRID, [total(1, first), total(2, second)])] == broken
    assert [one.rule.key for one in rules.disagreements(GRID, [total(1, second), total(2, first)])] == broken


totals = st.integers(50, 75)


@given(st.integers(0, 100), st.integers(0, 100))
def test_disagreement_agrees_with_exact_fractions(first: int, second: int) -> None:
    gap, high = abs(first - second), max(first, second)
    expected = {
        "relative_gap": Fraction(gap) > Fraction(30, 100) * high,
        "verdict_flip": (first >= 60) != (second >= 60),
        "absolute_gap": gap >= 15,
    }
    found = rules.disagreements(GRID, [total(1, first), total(2, second)])
    assert {one.rule.key for one in found} == {k for k, v in expected.items() if v}


@given(totals, totals, totals)
def test_of_three_reviews_the_two_closest_count(a: int, b: int, c: int) -> None:
    found = result(total(1, a), total(2, b), total(3, c, round=2))
    used = sorted(one.total for one in found.reviews_used)
    low, middle, high = sorted((a, b, c))
    if middle - low == high - middle:
        assert used == [low, middle, high]
    else:
        assert used == ([low, middle] if middle - low < high - middle else [middle, high])
    assert found.score is not None
    assert abs(Fraction(found.score) - Fraction(sum(used), len(used))) < Fraction(1, 10**20)
    assert low <= found.score <= high


@given(totals, totals)
def test_with_two_reviews_the_score_is_their_exact_mean_and_does_not_depend_on_the_order(a: int, b: int) -> None:
    forth, back = result(total(1, a), total(2, b)), result(total(1, b), total(2, a))
    assert forth.score == back.score == Decimal(a + b) / 2
    assert forth.score == sum(forth.sections.values())
    assert forth.third_review == bool(forth.disagreements)


@given(st.lists(st.fixed_dictionaries({key: st.integers(1, 5) for key in CRITERIA}), min_size=2, max_size=3))
def test_the_sections_of_a_result_add_up_to_its_score(all_values: list[dict[str, int]]) -> None:
    found = result(*(points(values, n, 1 if n < 3 else 2) for n, values in enumerate(all_values, start=1)))
    assert found.score is not None
    assert abs(sum(found.sections.values()) - found.score) < Decimal("1e-20")
    assert 20 <= found.score <= 100 == GRID.most


def test_one_review_gives_no_score() -> None:
    assert result(total(1, 70)).score is None
    assert not result(total(1, 70)).passes


def test_a_third_review_that_is_in_is_no_longer_due() -> None:
    assert result(total(1, 75), total(2, 58)).third_review
    assert not result(total(1, 75), total(2, 58), total(3, 70, round=2)).third_review


def wanting(reviews: int, *given_points: ReviewPoints) -> rules.Result:
    """What reviews say together in a call that wants so many of each application."""
    return rules.result_of(replace(GRID, reviews_wanted=reviews), line(), given_points)


@given(st.integers(3, 5), st.lists(totals, min_size=2, max_size=5))
def test_the_score_of_all_reviews_that_a_call_wants_is_their_mean(reviews: int, some: list[int]) -> None:
    found = wanting(reviews, *(total(n, amount) for n, amount in enumerate(some, start=1)))
    if len(some) < reviews:
        assert (found.score, found.disagreements, found.third_review) == (None, (), False)
        return
    assert found.score is not None
    assert abs(Fraction(found.score) - Fraction(sum(some), len(some))) < Fraction(1, 10**20)
    apart = any(rules.disagreements(GRID, [total(1, a), total(2, b)]) for a, b in combinations(some, 2))
    assert found.third_review == bool(found.disagreements) == apart


@pytest.mark.parametrize(
    ("in_all", "used"),
    [
        ([80, 80, 60, 70], [80, 80]),
        ([90, 60, 75, 62], [60, 62]),
        ([90, 88, 60, 62], [60, 62, 88, 90]),
        ([60, 70, 80, 90], [60, 70, 80, 90]),
    ],
)
def test_of_three_reviews_and_a_further_one_the_two_closest_count(in_all: list[int], used: list[int]) -> None:
    *first, last = in_all
    given_points = [total(n, amount) for n, amount in enumerate(first, start=1)]
    assert wanting(3, *given_points).third_review
    found = wanting(3, *given_points, total(9, last, round=2))
    assert not found.third_review
    assert sorted(one.total for one in found.reviews_used) == used


def test_three_reviews_of_which_two_disagree_name_these_two() -> None:
    found = wanting(3, total(1, 80), total(2, 79), total(3, 64))
    assert [str(one) for one in found.disagreements] == [
        "80 (REV-1), 64 (REV-3): absolute_gap",
        "79 (REV-2), 64 (REV-3): absolute_gap",
    ]


def test_thresholds_look_at_means_and_a_rejecting_value_at_each_review() -> None:
    good = dict.fromkeys(CRITERIA, 4)
    assert not result(points(good, 1), points(good, 2)).missed
    weak = good | {"A1": 1, "A2": 5}
    codes = {one.code for one in result(points(good, 1), points(weak, 2)).missed}
    assert codes == {"subscore_A"}, "the mean of section A is 14, but one reviewer gave a 1"
    thin = good | {"A1": 2, "A2": 3}
    assert {one.code for one in result(points(thin, 1), points(thin, 2)).missed} == {"section_A"}
    assert not result(points(thin, 1), points(good, 2)).missed, "(10 + 16) / 2 = 13 passes"
    poor = dict.fromkeys(CRITERIA, 3) | {"E1": 2}
    assert {one.code for one in result(points(poor, 1), points(poor, 2)).missed} == {"total"}


def test_a_rejecting_value_in_a_review_that_is_not_used_does_not_count() -> None:
    good = dict.fromkeys(CRITERIA, 4)
    outlier = dict.fromkeys(CRITERIA, 1)
    found = result(points(good, 1), points(outlier, 2), points(good, 3, round=2))
    assert found.passes
    assert found.score == 80


@pytest.mark.parametrize(("points_", "text"), [("83.5", "83.5"), ("80", "80"), ("59.66666", "59.67"), ("100", "100")])
def test_points_are_shown_with_two_decimals_at_most(points_: str, text: str) -> None:
    assert rules.shown(Decimal(points_)) == text
