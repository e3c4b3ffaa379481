"""How far the reviewers of a call agree, and who is severe: information for coordinators and auditors, nothing more."""

from __future__ import annotations

from typing import NamedTuple

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from flask_login import current_user

from grants.calls.models import Call
from grants.calls.queries import call_to_read
from grants.core.permissions import require, scope
from grants.core.web import access, found
from grants.reliability import queries, rules
from grants.reviews import queries as reviews
from grants.reviews.permissions import applications_assessed_under, can_follow_reviews
from grants.reviews.queries import ApplicationLine
from grants.reviews.rules import grid_in, results_of
from grants.reviews.views import FOLLOWERS

bp = Blueprint("reliability", __name__)


class Row(NamedTuple):
    """An application: the points of each review, its score and place, and both had all its reviewers been alike."""

    application: ApplicationLine
    totals: list[int]
    score: float
    place: int
    adjusted: float
    adjusted_place: int


@bp.get("/calls/<reference>/reviews/agreement")
@access(*FOLLOWERS)
def of_call(reference: str) -> ResponseReturnValue:
    """How far the reviewers of a call agree, how far each is from the others, and what that would change."""
    require(can_follow_reviews(current_user))
    call = found(call_to_read(scope(current_user, Call), reference))
    standing = reviews.standing_of(call)
    ratings = queries.ratings_in(standing)
    severe = rules.severities(ratings)
    names = {one.reference: one.name for one in reviews.candidates()}
    return render_template(
        "reliability/of_call.html",
        call=call,
        agreement=rules.agreement(ratings),
        severe=sorted(severe, key=lambda one: -one.points),
        names=names,
        rows=_rows(call, standing, severe),
        most=grid_in(standing).most,
    )


def _rows(call: Call, standing: reviews.Standing, severe: list[rules.Severity]) -> list[Row]:
    """The applications that the reader may see, best first; places count those that they may not see as well."""
    unseen = reviews.under_review_unseen(call.id, applications_assessed_under(current_user))
    scored = [one for one in results_of(standing) if one.score is not None]
    adjusted = rules.adjusted_scores(scored, severe)
    scores = {one.application.reference: float(one.score or 0) for one in scored}
    places, others = rules.places(scores), rules.places(adjusted)
    rows = [
        Row(
            one.application,
            sorted(review.total for review in one.reviews),
            scores[key],
            places[key],
            adjusted[key],
            others[key],
        )
        for one in scored
        if one.application.id not in unseen and (key := one.application.reference)
    ]
    return sorted(rows, key=lambda row: (row.place, row.application.reference))
