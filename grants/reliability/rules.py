"""Agreement between raters: Krippendorff's alpha, the intraclass correlations of Shrout and Fleiss, and severity.

Sources: K. Krippendorff, Computing Krippendorff's Alpha-Reliability (2011); P. E. Shrout and J. L. Fleiss, Intraclass
correlations: uses in assessing rater reliability, Psychological Bulletin 86 (1979); for units with unequal numbers of
ratings B. Giraudeau and others, PLoS ONE 6(11) e27557 (2011) and P. D. Bliese, in Multilevel Theory (2000); for severity
H. D. Patterson and R. Thompson, Biometrika 58 (1971), and G. K. Robinson, That BLUP is a good thing, Statistical Science
6 (1991).

All sums are exact fractions, so that no result depends on the order of the ratings or on how far they lie from zero.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from grants.decisions.rules import Ranking
from grants.reviews.rules import Result

NUMBER = re.compile(r"[+-]?([0-9]+([.,][0-9]*)?|[.,][0-9]+)([eE][+-]?[0-9]{1,9})?")

LARGEST_EXPONENT = 300
"""A number beyond 10 to this power, or that near to zero, is taken for a word."""

KINDS = ("1,1", "2,1", "3,1", "1,k", "2,k", "3,k")


class Rating(NamedTuple):
    """What a rater gave a unit: a number as it was written, or a word."""

    unit: str
    rater: str
    score: str


def ratings_of(results: Iterable[Result]) -> list[Rating]:
    """The totals of all submitted reviews that count, third reviews included: application, reviewer, points."""
    return [
        Rating(result.application.reference, review.reviewer, str(review.total))
        for result in results
        for review in result.reviews
    ]


@dataclass(frozen=True)
class Agreement:
    """How far raters agree: numbers of what was rated, alpha by level of measurement, the six intraclass correlations.
    None where a statistic is not defined for the ratings.
    """

    units: int
    raters: int
    ratings: int
    alpha: dict[str, float | None]
    icc: dict[str, float | None]


def agreement(ratings: Sequence[Rating]) -> Agreement:
    """Every statistic for some ratings, each rater having rated a unit at most once. When a score is not a number, all
    are names of categories: only nominal alpha is defined.
    """
    numbers = [number_of(one.score) for one in ratings]
    known = [number for number in numbers if number is not None]
    alpha: dict[str, float | None] = dict.fromkeys(("nominal", "ordinal", "interval", "ratio"))
    icc: dict[str, float | None] = dict.fromkeys(KINDS)
    if len(known) < len(numbers):
        names = {name: Fraction(n) for n, name in enumerate(sorted({one.score for one in ratings}))}
        alpha["nominal"] = nominal_alpha(_by_unit(ratings, [names[one.score] for one in ratings]))
    else:
        units = _by_unit(ratings, known)
        alpha = {
            "nominal": nominal_alpha(units),
            "ordinal": interval_alpha(_midranks(units)),
            "interval": interval_alpha(units),
            "ratio": ratio_alpha(units),
        }
        icc = intraclass_correlations({(r.unit, r.rater): n for r, n in zip(ratings, known, strict=True)})
    return Agreement(
        units=len({one.unit for one in ratings}),
        raters=len({one.rater for one in ratings}),
        ratings=len(ratings),
        alpha=alpha,
        icc=icc,
    )


def number_of(text: str) -> Fraction | None:
    """The exact number that a text writes, with a decimal point or a decimal comma; None when it writes none, or one that
    nobody scores with.
    """
    if not NUMBER.fullmatch(text):
        return None
    number = Decimal(text.replace(",", "."))
    if number and abs(number.adjusted()) > LARGEST_EXPONENT:
        return None
    return Fraction(number) if number else Fraction(0)


# ------------------------------------------------------------------ alpha

Units = list[list[Fraction]]
"""The scores of each unit."""


def _by_unit(ratings: Sequence[Rating], numbers: Sequence[Fraction]) -> Units:
    """The scores that can be paired with another of the same unit; a single one says nothing about agreement."""
    found: dict[str, list[Fraction]] = defaultdict(list)
    for one, number in zip(ratings, numbers, strict=True):
        found[one.unit].append(number)
    return [scores for scores in found.values() if len(scores) > 1]


def _alpha(observed: Fraction | float, expected: Fraction | float, pairable: int) -> float | None:
    """One less the share of the disagreement that chance would give: 1 - (n - 1) observed / expected, where both are
    sums over ordered pairs. None when there is nothing to disagree about.
    """
    return None if not expected else float(1 - (pairable - 1) * observed / expected)


def nominal_alpha(units: Units) -> float | None:
    """Alpha for names of categories: two either are the same or not."""
    counts = Counter(score for scores in units for score in scores)
    pairable = counts.total()
    observed = Fraction(0)
    for scores in units:
        same = sum(n * n for n in Counter(scores).values())
        observed += Fraction(len(scores) ** 2 - same, len(scores) - 1)
    return _alpha(observed, pairable**2 - sum(n * n for n in counts.values()), pairable)


def interval_alpha(units: Units) -> float | None:
    """Alpha for scores of which differences mean something: squared differences."""
    every = [score for scores in units for score in scores]
    observed = sum((_squares(scores) / (len(scores) - 1) for scores in units), Fraction(0))
    return _alpha(observed, _squares(every), len(every))


def _squares(scores: Sequence[Fraction]) -> Fraction:
    """The squared differences of all ordered pairs."""
    total = sum(scores, Fraction(0))
    return 2 * (len(scores) * sum((one * one for one in scores), Fraction(0)) - total * total)


def _midranks(units: Units) -> Units:
    """The scores as middles of their ranks. The difference of two counts what lies between them and half of each, which
    is Krippendorff's ordinal metric.
    """
    counts = Counter(score for scores in units for score in scores)
    ranks: dict[Fraction, Fraction] = {}
    below = 0
    for score in sorted(counts):
        ranks[score] = below + Fraction(counts[score], 2)
        below += counts[score]
    return [[ranks[score] for score in scores] for scores in units]


def ratio_alpha(units: Units) -> float | None:
    """Alpha for scores with a true zero: squared differences in proportion to the sum. Not defined below zero."""
    every = Counter(score for scores in units for score in scores)
    if any(score < 0 for score in every):
        return None
    lowest = min(every, default=Fraction(0))
    observed = math.fsum(_proportions(Counter(scores), lowest) / (len(scores) - 1) for scores in units)
    return _alpha(observed, _proportions(every, lowest), every.total())


BLOCK = 256
"""How many different scores are held against all others at once: a few megabytes for thousands of scores."""


def _proportions(counts: Counter[Fraction], lowest: Fraction) -> float:
    """The squared differences in proportion to the sum, of all ordered pairs.

    No order of pairs makes this a sum over single scores, so it is computed pair by pair; differences are taken between
    what lies above the ``lowest`` score, which keeps them exact however far from zero the scores are.
    """
    scores = sorted(counts)
    above = np.array([float(score - lowest) for score in scores])
    sizes = np.array([float(score) for score in scores])
    times = np.array([counts[score] for score in scores], float)
    found = []
    for first in range(0, len(scores), BLOCK):
        block = slice(first, first + BLOCK)
        sums = sizes[block, None] + sizes[first:]
        shares = np.divide(above[block, None] - above[first:], sums, out=np.zeros_like(sums), where=sums > 0)
        met = shares**2 * times[first:]
        # pairs inside the block stand in it twice already, those with later scores once
        found.append(float(times[block] @ (met[:, :BLOCK].sum(1) + 2 * met[:, BLOCK:].sum(1))))
    return math.fsum(found)


# ------------------------------------------------------------------ intraclass correlations


def intraclass_correlations(cells: Mapping[tuple[str, str], Fraction]) -> dict[str, float | None]:
    """The six of Shrout and Fleiss, from scores by (unit, rater).

    The one-way forms look at units alone, so a score may be missing: a unit then counts with as many as it has, and the
    number of raters is the mean m0 that Giraudeau and others use; (1,k) is the reliability of a mean of so many. The
    two-way forms take every rater's mark on every unit apart from the others', so they are defined only when each rater
    rated each unit.
    """
    found: dict[str, float | None] = dict.fromkeys(KINDS)
    rows: dict[str, list[Fraction]] = defaultdict(list)
    columns: dict[str, list[Fraction]] = defaultdict(list)
    for (unit, rater), score in cells.items():
        rows[unit].append(score)
        columns[rater].append(score)
    n, number = len(rows), len(cells)
    if n < 2 or number == n:
        return found
    between, within = _spread(rows.values())
    total = between + within
    m0 = (number - Fraction(sum(len(scores) ** 2 for scores in rows.values()), number)) / (n - 1)
    units_mean, within_mean = between / (n - 1), within / (number - n)
    found["1,1"] = _share(units_mean - within_mean, units_mean + (m0 - 1) * within_mean)
    found["1,k"] = _share(units_mean - within_mean, units_mean)
    k = len(columns)
    if k < 2 or number != n * k:
        return found
    raters, _ = _spread(columns.values())
    raters_mean = raters / (k - 1)
    error_mean = (total - between - raters) / ((n - 1) * (k - 1))
    gain, bias = units_mean - error_mean, (raters_mean - error_mean) / n
    found["2,1"] = _share(gain, units_mean + (k - 1) * error_mean + k * bias)
    found["3,1"] = _share(gain, units_mean + (k - 1) * error_mean)
    found["2,k"] = _share(gain, units_mean + bias)
    found["3,k"] = _share(gain, units_mean)
    return found


def _spread(groups: Iterable[Sequence[Fraction]]) -> tuple[Fraction, Fraction]:
    """The sums of squares between the groups and within them."""
    every = list(groups)
    grand = sum((sum(scores, Fraction(0)) for scores in every), Fraction(0)) ** 2 / sum(map(len, every))
    means = sum((sum(scores, Fraction(0)) ** 2 / len(scores) for scores in every), Fraction(0))
    squares = sum((score * score for scores in every for score in scores), Fraction(0))
    return means - grand, squares - means


def _share(part: Fraction, whole: Fraction) -> float | None:
    """A part of a variance; None when there is none to divide."""
    return float(part / whole) if whole > 0 else None


# ------------------------------------------------------------------ severity


@dataclass(frozen=True)
class Severity:
    """How many points a rater gives below what others would give; below zero, above. ``error`` is its standard error,
    None when the ratings say nothing about severity: there are no more of them than units and raters to tell apart.
    """

    rater: str
    ratings: int
    points: float
    error: float | None


def severities(ratings: Sequence[Rating]) -> list[Severity]:
    """How severe each rater is, by name.

    The model says score = unit + rater + chance, with the units as they are and raters drawn from a normal distribution
    around nothing, whose width is estimated from the ratings (restricted maximum likelihood). What a rater deviates is
    drawn towards nothing, the more so the fewer they rated: one deviating review makes nobody severe. Raters who share
    no unit, not even through others, are compared only on the assumption that their groups are equally severe. Raises
    ValueError when a score is not a number.
    """
    numbers = [number_of(one.score) for one in ratings]
    if None in numbers:
        raise ValueError("severity needs scores that are numbers")
    units = {name: n for n, name in enumerate(sorted({one.unit for one in ratings}))}
    raters = {name: n for n, name in enumerate(sorted({one.rater for one in ratings}))}
    at_unit = np.array([units[one.unit] for one in ratings], int)
    of_rater = np.array([raters[one.rater] for one in ratings], int)
    scores = np.array([float(number or 0) for number in numbers])
    incidence = np.zeros((len(units), len(raters)))
    np.add.at(incidence, (at_unit, of_rater), 1)
    per_unit = np.maximum(incidence.sum(1), 1)
    deviations = scores - (np.bincount(at_unit, scores, len(units)) / per_unit)[at_unit] if len(scores) else scores
    information = np.diag(incidence.sum(0)) - incidence.T @ (incidence / per_unit[:, None])
    towards = np.bincount(of_rater, deviations, len(raters)) if len(scores) else np.zeros(0)
    strength, axes = np.linalg.eigh(information) if raters else (np.zeros(0), np.zeros((0, 0)))
    strength = np.where(strength > 1e-9, strength, 0.0)
    along = axes.T @ towards
    freedom = len(scores) - len(units)
    if freedom <= np.count_nonzero(strength):
        return [Severity(rater, int(incidence[:, n].sum()), 0.0, None) for n, rater in enumerate(raters)]
    width, chance = _widths(strength, along, float(deviations @ deviations), freedom)
    shrunk = width / (1 + width * strength)
    points = -(axes @ (shrunk * along)) + 0.0
    errors = np.sqrt(np.maximum((axes**2) @ shrunk * chance, 0))
    return [
        Severity(rater, int(incidence[:, n].sum()), float(points[n]), float(errors[n]))
        for n, rater in enumerate(raters)
    ]


def _widths(
    strength: np.ndarray[tuple[int], np.dtype[np.float64]],
    along: np.ndarray[tuple[int], np.dtype[np.float64]],
    squares: float,
    freedom: int,
) -> tuple[float, float]:
    """The variance of severity in units of the variance of chance, and the latter, by which the ratings are likeliest."""
    if squares <= 1e-12:
        return 0.0, squares / freedom

    def left(width: float) -> float:
        return max(squares - float((width / (1 + width * strength)) @ along**2), 1e-12 * squares)

    def unlikely(width: float) -> float:
        return float(np.log1p(width * strength).sum()) + freedom * math.log(left(width))

    widths = [0.0, *(10 ** (n / 40) for n in range(-120, 121))]
    best = min(widths, key=unlikely)
    return best, left(best) / freedom


class Adjusted(NamedTuple):
    """What an application would have scored had its reviewers been of mean severity, and its place in the ranked list
    then; None where it has none.
    """

    score: float
    place: int | None


def adjusted(list_: Ranking) -> dict[int, Adjusted]:
    """The adjusted score and place of every application with a score, by its key: the score and the mean severity of the
    reviews that count for it. Information beside the ranking, never instead of it: thresholds are not tried again, and
    those within a millionth of a point keep the order of the ranking. Empty when nothing is known about severity.
    """
    found = severities(ratings_of(list_.results))
    if any(one.error is None for one in found):
        return {}
    points = {one.rater: one.points for one in found}
    scores = {
        result.application.id: float(result.score)
        + sum(points[review.reviewer] for review in result.reviews_used) / len(result.reviews_used)
        for result in list_.results
        if result.score is not None
    }
    order = sorted(list_.ranked, key=lambda place: (-round(scores[place.application.id], 6), place.rank))
    places = {place.application.id: number for number, place in enumerate(order, 1)}
    return {key: Adjusted(score, places.get(key)) for key, score in scores.items()}
