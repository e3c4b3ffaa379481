"""The ratings that agreement is computed from."""

from __future__ import annotations

from typing import NamedTuple

from grants.reviews.queries import Standing


class Rating(NamedTuple):
    """What a rater gave a unit: a number as it was written, or a word."""

    unit: str
    rater: str
    score: str


def ratings_in(standing: Standing) -> list[Rating]:
    """The totals of all submitted reviews that count, third reviews included: application, reviewer, points."""
    references = {line.id: line.reference for line in standing.lines}
    return [
        Rating(references[application], review.reviewer, str(review.total))
        for application, reviews in standing.points.items()
        if application in references
        for review in reviews
    ]
