"""Reading the record, and checking its seals."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import BigInteger, Boolean, Integer, Select, Text, bindparam, func, or_, select, text, tuple_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import joinedload

from grants.accounts.models import Person
from grants.core.db import Prepared, db
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


def _entries_to_tell() -> Select[*tuple[Any, ...]]:
    kinds, ids = bindparam("kinds", None, type_=ARRAY(Text)), bindparam("ids", None, type_=ARRAY(BigInteger))
    wanted = func.unnest(kinds, ids).table_valued("kind", "id").render_derived("wanted")
    entry = HistoryEntry
    # Found by their subjects first: looking for the newest among everything would read the whole record backwards.
    about = (
        select(entry.id, entry.subject_kind, entry.verb, entry.at, entry.reason, entry.actor_id)
        .select_from(wanted)
        .join(entry, (entry.subject_kind == wanted.c.kind) & (entry.subject_id == wanted.c.id))
        .where(or_(bindparam("inside", None, type_=Boolean), ~entry.details.has_key("inside")))
        .cte("about")
        .prefix_with("MATERIALIZED")
    )
    return (
        select(about.c.subject_kind, about.c.verb, about.c.at, about.c.reason, Person.name)
        .outerjoin(Person, Person.id == about.c.actor_id)
        .order_by(about.c.id.desc())
        .limit(bindparam("most", None, type_=Integer))
    )


_TOLD = Prepared(_entries_to_tell)


def timeline(subjects: Iterable[tuple[str, int]], *, names: bool, limit: int = 100) -> list[dict[str, Any]]:
    """What happened to these subjects, in sentences, for the timeline of a page.

    Without ``names`` only what happened and when is told: an applicant does not learn who reviewed or decided, nor what was
    written down as staying ``inside`` the fund.
    The same thing done several times in a row by the same person is one line with its number of ``times``.
    """
    wanted = list(subjects)
    told: list[dict[str, Any]] = []
    rows = _TOLD(kinds=[kind for kind, _id in wanted], ids=[id for _kind, id in wanted], most=limit, inside=names)
    for kind, verb, at, reason, actor in rows:
        workflow = Workflow.all.get(kind)
        what = str(workflow.said(verb)) if workflow else verb.replace("_", " ")
        line = {"what": what, "who": actor if names else None, "when": at, "reason": reason if names else None}
        if told and all(told[-1][part] == line[part] for part in ("what", "who", "reason")):
            told[-1]["times"] += 1
        else:
            told.append(line | {"times": 1})
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
