"""Keeping a scenario, and laying it before a meeting."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet

from grants.accounts.models import Person
from grants.calls.models import Call
from grants.core.db import db
from grants.core.rules import refuse
from grants.core.solver import NotProven
from grants.decisions.models import Meeting
from grants.decisions.queries import lock_envelope
from grants.decisions.rules import ranking
from grants.history import actions as history
from grants.reviews.queries import standing_of
from grants.scenarios import queries, rules
from grants.scenarios.models import LaidBefore, Scenario


def save(
    call: Call,
    name: str,
    ticked: Collection[str],
    limits: rules.Limits,
    *,
    reasons: Mapping[str, str],
    by: Person,
    hidden: AbstractSet[int] = frozenset(),
) -> Scenario:
    """Keep a choice of awards under a name, with the ranking, the limits and the reasons that it was made from.

    ``ticked`` are references; ``reasons`` lift limits, by their codes; ``hidden`` are the applications of which whoever
    keeps it may see nothing. Raises Refused.
    """
    lock_envelope(call.id)
    list_ = ranking(call, standing_of(call), hidden=hidden)
    places = list_.ranked
    ranked = [place.application for place in places]
    refuse(rules.obstacles_to_saving(name, sorted(set(ticked) - {line.reference for line in ranked})))
    try:
        proposal = rules.propose_lifting(ranked, limits, reasons, queries.leads_of(call.id))
    except NotProven:
        proposal = rules.Proposal(limits, None, [])
    proposed = {line.reference for line in proposal.awards or ()} == set(ticked) and proposal.awards is not None
    points = queries.plan_points_of(call.id)
    scenario = Scenario(
        call_id=call.id,
        number=queries.last_number(call.id) + 1,
        name=name.strip(),
        budget_minor=limits.budget.minor,
        currency=limits.budget.currency,
        limits=rules.as_kept(limits),
        lifted=[rules.as_lifted(one) for one in proposal.lifted],
        lines=[
            rules.as_line(place, points.get(place.application.id, []), ticked=place.application.reference in ticked)
            for place in places
        ],
        why=[
            {"reference": one.application.reference, "reason": str(one.reason.message)}
            for one in (proposal.passed_over if proposed else ())
        ],
        proposed=proposed,
        saved_by_id=by.id,
    )
    db.session.add(scenario)
    db.session.flush()
    why = " ".join(one.reason for one in proposal.lifted)
    history.note("scenario", scenario.id, "save", by=by, reason=why, call=call.reference, number=scenario.number)
    return scenario


def lay_before(scenario: Scenario, meeting: Meeting, *, by: Person) -> LaidBefore:
    """Lay a scenario before a meeting, instead of the one that lay there. Nothing is decided by it. Raises Refused."""
    refuse(rules.obstacles_to_laying_before(meeting))
    laid = LaidBefore(meeting_id=meeting.id, scenario_id=scenario.id, scenario=scenario, laid_by_id=by.id)
    db.session.add(laid)
    db.session.flush()
    history.note("meeting", meeting.id, "lay_before", by=by, scenario=scenario.number)
    return laid
