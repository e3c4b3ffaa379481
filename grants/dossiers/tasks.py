"""The Celery side of dossiers: made one by one, and taken away when they are old."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path

import structlog
from celery import shared_task

from grants.core import clock
from grants.core.db import transaction
from grants.core.jobs import every
from grants.core.languages import speaking
from grants.dossiers import actions, queries, rules

log = structlog.get_logger()

TOLD_EVERY = 5
"""So many files are written between two times that the page is told."""


@every(timedelta(seconds=20))
@shared_task(name=actions.MAKE_DOSSIERS)
def make_now() -> int:
    """Make the dossiers that were asked for."""
    return make_waiting()


def make_waiting() -> int:
    """Make the dossiers that wait, so that each person sees theirs go on; says how many are made."""
    waiting = queries.dossiers_to_make(clock.now() - rules.STALLED)
    return sum(_made(dossier_id, language) for dossier_id, language in waiting)


def _made(dossier_id: int, language: str) -> bool:
    try:
        return _make(dossier_id, language)
    except Exception:
        log.exception("dossier_not_made", dossier=dossier_id)
        with transaction():
            actions.give_up(dossier_id)
        return False


def _make(dossier_id: int, language: str) -> bool:
    with speaking(language), tempfile.NamedTemporaryFile(suffix=".zip") as into:
        with transaction():
            making = actions.begin(dossier_id)
        if making is None:
            return False
        for done in actions.write(making, into):
            if done % TOLD_EVERY == 1:
                with transaction():
                    queries.note_progress(dossier_id, done, making.number)
        into.flush()
        with transaction():
            return actions.finish(making, dossier_id, Path(into.name))


@every(timedelta(hours=6))
@shared_task(name="dossiers.forget_old")
def forget_now() -> int:
    """Take away dossiers that were made a while ago."""
    with transaction():
        return actions.forget_old(clock.now())
