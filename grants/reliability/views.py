"""How far the reviewers of a call agree, and who is severe: information for coordinators and auditors, nothing more."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from flask_login import current_user

from grants.calls.models import Call
from grants.calls.queries import call_to_read
from grants.core.permissions import require, scope
from grants.core.web import access, found
from grants.decisions.rules import Ranked, Ranking, ranking
from grants.reliability import rules
from grants.reviews import queries as reviews
from grants.reviews.permissions import applications_assessed_under, can_follow_reviews
from grants.reviews.queries import ApplicationLine
from grants.reviews.rules import grid_in
from grants.reviews.views import FOLLOWERS

bp = Blueprint("reliability", __name__)


class Row(NamedTuple):
    """An application: the points of each review, its score and place, and both had all its reviewers been alike."""

    application: ApplicationLine
    totals: list[int]
    score: Decimal
    place: int | None
    adjusted: rules.Adjusted | None


@bp.get("/calls/<reference>/reviews/agreement")
@access(*FOLLOWERS)
def of_call(reference: str) -> ResponseReturnValue:
    """How far the reviewers of a call agree, how far each is from the others, and what that would change.

    All of it is computed without the applications of which the reader may see nothing.
    """
    require(can_follow_reviews(current_user))
    call = found(call_to_read(scope(current_user, Call), reference))
    standing = reviews.standing_of(call)
    list_ = ranking(call, standing, hidden=reviews.gate_of(current_user, call.id).ids)
    ratings = rules.ratings_of(list_.results)
    names = {one.reference: one.name for one in reviews.candidates()}
    return render_template(
        "reliability/of_call.html",
        call=call,
        agreement=rules.agreement(ratings),
        severe=sorted(rules.severities(ratings), key=lambda one: -one.points),
        names=names,
        rows=_rows(call, list_),
        most=grid_in(standing).most,
    )


def _rows(call: Call, list_: Ranking) -> list[Row]:
    """The applications that the reader may see, as the ranked list has them; its places count other regions as well."""
    unseen = reviews.under_review_unseen(call.id, applications_assessed_under(current_user))
    adjusted = adjusted_places(list_)
    return [
        Row(
            result.application,
            sorted(review.total for review in result.reviews),
            result.score,
            row.rank if isinstance(row, Ranked) else None,
            adjusted.get(result.application.id),
        )
        for _, row in list_.rows
        if (result := row.result if isinstance(row, Ranked) else row).score is not None
        and result.application.id not in unseen
    ]


@bp.app_template_global("adjusted_places")
def adjusted_places(list_: Ranking) -> dict[int, rules.Adjusted]:
    """What the severity of reviewers would change in a ranked list."""
    return rules.adjusted(list_)
