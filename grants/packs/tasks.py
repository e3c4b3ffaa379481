"""The Celery side of packs: made one by one, and taken away when they are old."""

from __future__ import annotations

from datetime import timedelta

import structlog
from celery import shared_task

from grants.core import clock
from grants.core.db import transaction
from grants.core.jobs import every
from grants.core.languages import speaking
from grants.packs import actions, queries, rules

log = structlog.get_logger()


@every(timedelta(seconds=20))
@shared_task(name=actions.MAKE_PACKS)
def make_now() -> int:
    """Make the packs that were asked for."""
    return make_waiting()


def make_waiting() -> int:
    """Make the packs that wait, one application a transaction, so that the person sees it go on; says how many are made."""
    return sum(_made(pack_id) for pack_id in queries.packs_to_make(clock.now() - rules.STALLED))


def _made(pack_id: int) -> bool:
    try:
        return _make(pack_id)
    except Exception:
        log.exception("pack_not_made", pack=pack_id)
        with transaction():
            actions.give_up(pack_id)
        return False


def _make(pack_id: int) -> bool:
    with speaking(queries.language_of(pack_id)):
        with transaction():
            making = actions.begin(pack_id)
        if making is None:
            return False
        for application_id in making.readable:
            with transaction():
                actions.add_case(making, application_id)
        with transaction():
            return actions.finish(making)


@every(timedelta(hours=6))
@shared_task(name="packs.forget_old")
def forget_now() -> int:
    """Take away packs that were made a while ago."""
    with transaction():
        return actions.forget_old(clock.now())
