"""Reading the record, and checking its seals."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Select, select, text, tuple_
from sqlalchemy.orm import joinedload

from grants.core.db import db
from grants.core.workflow import Workflow
from grants.history.models import HistoryEntry


def entries_about(subjects: Iterable[tuple[str, int]], limit: int = 100) -> list[HistoryEntry]:
    """What happened to these subjects (kind, id), newest first."""
    wanted = list(subjects)
    found: Select[HistoryEntry] = (
        select(HistoryEntry)
        .where(tuple_(HistoryEntry.subject_kind, HistoryEntry.subject_id).in_(wanted))
        .options(joinedload(HistoryEntry.actor))
        .order_by(HistoryEntry.id.desc())
        .limit(limit)
    )
    return list(db.session.scalars(found)) if wanted else []


def timeline(subjects: Iterable[tuple[str, int]], *, names: bool, limit: int = 100) -> list[dict[str, Any]]:
    """What happened to these subjects, in sentences, for the timeline of a page.

    Without ``names`` only what happened and when is told: an applicant does not learn who reviewed or decided.
    The same thing done several times in a row by the same person is one line with its number of ``times``.
    """
    told: list[dict[str, Any]] = []
    for entry in entries_about(subjects, limit):
        workflow = Workflow.all.get(entry.subject_kind)
        who = entry.actor.name if names and entry.actor else None
        what = workflow.said(entry.verb) if workflow else entry.verb.replace("_", " ")
        line = {"what": what, "who": who, "when": entry.at, "reason": entry.reason if names else None, "times": 1}
        if told and all(told[-1][part] == line[part] for part in ("what", "who", "reason")):
            told[-1]["times"] += 1
        else:
            told.append(line)
    return told


def broken_seals() -> list[int]:
    """The positions in the chain where the record was changed, removed or reordered; empty when it is whole.

    The database computes the digests again with the same function that sealed them.
    """
    rows = db.session.execute(
        text(
            """
            SELECT position FROM (
                SELECT s.position, s.digest, s.entry_id,
                       lag(s.digest, 1, '') OVER (ORDER BY s.position) AS previous,
                       row_number() OVER (ORDER BY s.position) AS expected
                FROM history_seal s
            ) chain
            LEFT JOIN history_entry e ON e.id = chain.entry_id
            WHERE e.id IS NULL OR chain.position <> chain.expected
               OR chain.digest <> history_digest(chain.previous, e)
            ORDER BY position
            """
        )
    )
    unsealed = db.session.execute(
        text(
            "SELECT count(*) FROM history_entry e"
            " WHERE NOT EXISTS (SELECT 1 FROM history_seal s WHERE s.entry_id = e.id)"
        )
    ).scalar_one()
    broken = [int(position) for (position,) in rows]
    return broken + [-1] * bool(unsealed)


def chain_head() -> tuple[int, str] | None:
    """The last position and digest: what to note outside the database, so that a cut tail is noticed too."""
    row = db.session.execute(text("SELECT position, digest FROM history_seal ORDER BY position DESC LIMIT 1")).first()
    return (int(row[0]), str(row[1])) if row else None
