"""Asking the reviewers of a plan that a coordinator has looked through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from grants.accounts.models import Person
from grants.applications.models import Application
from grants.core.languages import LazyWords, _l
from grants.core.rules import Obstacle, Refused
from grants.decisions import actions as decisions
from grants.reviews.models import Assignment


def ask_planned(chosen: Mapping[Application, Sequence[Person]], *, due_on: date, by: Person) -> list[Assignment]:
    """Ask all reviewers of a plan for their first-round reviews by a day, or nobody.

    Raises Refused with every application for which somebody cannot be asked any more, and why: since the plan was
    computed another coordinator may have asked, or somebody declared a conflict.
    """
    asked, obstacles = [], []
    for application, reviewers in chosen.items():
        for reviewer in reviewers:
            try:
                asked.append(decisions.ask_reviewer(application, reviewer, due_on=due_on, round=1, by=by))
            except Refused as refused:
                obstacles += [_about(application, obstacle) for obstacle in refused.obstacles]
    if obstacles:
        raise Refused(*obstacles)
    return asked


def _about(application: Application, obstacle: Obstacle) -> Obstacle:
    message = _l("%(label)s: %(text)s", label=application.reference, text=LazyWords(str, obstacle.message))
    return Obstacle(obstacle.code, message, obstacle.where)
