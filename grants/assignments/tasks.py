"""The Celery side of assignments: plans that take too long to find while somebody waits for a page."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task

from grants.assignments import actions, queries, rules
from grants.core import clock
from grants.core.db import transaction
from grants.core.jobs import every
from grants.core.languages import speaking
from grants.core.solver import NotProven


@every(timedelta(seconds=20))
@shared_task(name=actions.WORK_OUT_PLANS)
def work_out_now() -> int:
    """Work out the plans that wait."""
    return work_out_waiting()


def work_out_waiting() -> int:
    """Work out the plans that wait, one after the other; says how many."""
    worked_out = 0
    while _work_out_one():
        worked_out += 1
    return worked_out


def _work_out_one() -> bool:
    """Each step is a transaction, so that the person sees it go on; whoever asks anew meanwhile is not answered with what
    was found for the old question.
    """
    with transaction():
        plan = queries.plan_to_do(clock.now())
        if plan is None:
            return False
        mine, language = (plan.id, plan.asked_at), plan.person.language
        boards, wanted = actions.take_on(plan)

    def told(step: int) -> None:
        with transaction():
            if (plan := queries.plan_in_work(*mine)) is not None:
                plan.step = step

    try:
        with speaking(language):
            proposal = rules.propose(boards, wanted, told=told)
    except NotProven:
        proposal = None
    with transaction():
        if (plan := queries.plan_in_work(*mine)) is not None:
            actions.finish(plan, boards, proposal)
    return True
