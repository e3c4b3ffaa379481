"""Recording what happened: the one way a subject changes its state."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import bindparam, insert
from sqlalchemy.sql.dml import ReturningInsert

from grants.accounts.models import Person
from grants.core.db import Prepared, db, hold, to_read
from grants.core.languages import _l
from grants.core.rules import Obstacle, Refused
from grants.core.workflow import NoSuchMove, Workflow
from grants.history.models import HistoryEntry


class Moving(Protocol):
    """A row with a state that moves along a workflow."""

    id: int
    state: str
    workflow: Workflow


def record(subject: Moving, verb: str, *, by: Person | None, reason: str = "", **details: Any) -> HistoryEntry:
    """Move ``subject`` along its workflow and write down who did it, when and why.

    Locks the row first and looks at the state it finds then, so that of two people who press at once the second is
    told. Raises NoSuchMove when the workflow has no such move from there, Refused when a reason is due and missing.
    """
    hold(subject, "state")
    move = subject.workflow.transition(verb, subject.state)
    if move.needs_reason and not reason.strip():
        raise Refused(Obstacle("reason_missing", _l("Please say why. The reason stays in the record.")))
    before, subject.state = subject.state, move.target
    return _write(subject.workflow.name, subject.id, verb, by, before, move.target, reason, details)


def record_moved(subject: Moving, verb: str, *, before: str, by: Person | None, **details: Any) -> HistoryEntry:
    """Write down a move that one statement of the database has made already, such as a deadline judged by its clock.

    ``subject`` has the state that the statement gave back. Raises NoSuchMove when the workflow has no such move from
    ``before``, or when it does not lead there.
    """
    move = subject.workflow.transition(verb, before)
    if subject.state != move.target:
        raise NoSuchMove(subject.workflow, verb, subject.state)
    return _write(subject.workflow.name, subject.id, verb, by, before, move.target, "", details)


def begin(subject: Moving, verb: str, *, by: Person | None, **details: Any) -> HistoryEntry:
    """Write down how a new subject came to be, in the state its workflow starts from."""
    db.session.flush()
    return _write(subject.workflow.name, subject.id, verb, by, None, subject.state, "", details)


def note(kind: str, subject_id: int, verb: str, *, by: Person | None, reason: str = "", **details: Any) -> HistoryEntry:
    """Write down something that happened to a subject without moving it along a workflow."""
    return _write(kind, subject_id, verb, by, None, None, reason, details)


def _write(
    kind: str,
    subject_id: int,
    verb: str,
    by: Person | None,
    before: str | None,
    after: str | None,
    reason: str,
    details: dict[str, Any],
) -> HistoryEntry:
    written = {
        "subject_kind": kind,
        "subject_id": subject_id,
        "verb": verb,
        "actor_id": by.id if by else None,
        "from_state": before,
        "to_state": after,
        "reason": reason.strip() or None,
    }
    ((entry_id, at),) = _WRITING(**{f"its_{k}": v for k, v in written.items()}, its_details=json.dumps(details))
    return to_read(HistoryEntry, {"id": entry_id, "at": at, "details": details, **written})


def _writing() -> ReturningInsert[int, datetime]:
    table = HistoryEntry.__table__
    told = (*("subject_kind", "subject_id", "verb", "actor_id", "from_state", "to_state", "reason"), "details")
    values = {name: bindparam(f"its_{name}", None, table.c[name].type) for name in told}
    return insert(HistoryEntry).values(values).returning(HistoryEntry.id, HistoryEntry.at)


_WRITING = Prepared(_writing)
