"""What stands in the way of planning, making, sharing and answering a visit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from grants.awards.models import Award
from grants.awards.workflow import AwardState
from grants.core.languages import _l
from grants.core.rules import Obstacle, mark_of, obstacles_to_unread
from grants.visits.models import AgreedChange, Visit
from grants.visits.workflow import VisitState

VISITED = frozenset(
    {AwardState.ACCEPTED, AwardState.SENT, AwardState.ACTIVE, AwardState.SUSPENDED, AwardState.TERMINATED}
)
"""Where a grant stands while it can be visited."""

FILES = ["pdf", "jpg", "jpeg", "png", "docx", "xlsx", "ods"]
MOST_FILES = 20
MOST_CHANGES = 6
"""How many changes are agreed in one visit at most: nobody keeps more promises than that from one day."""


@dataclass(frozen=True)
class Agreed:
    """A change as it is typed: what, and by when."""

    text: str
    due_on: date


@dataclass(frozen=True)
class Account:
    """What is written down of a visit that was made. ``note`` stays inside the fund."""

    made_on: date
    kind: str
    went: str
    met: str
    findings: str
    note: str = ""
    changes: Sequence[Agreed] = ()


def _must_be(visit: Visit, allowed: Iterable[str]) -> list[Obstacle]:
    if visit.state in allowed:
        return []
    where = VisitState(visit.state).label
    return [Obstacle("not_in_this_state", _l("This visit stands elsewhere now: %(state)s.", state=where))]


def _reason(reason: str | None) -> list[Obstacle]:
    if reason is None or reason.strip():
        return []
    return [Obstacle("reason_missing", _l("Please say why. The reason stays in the record."))]


def obstacles_to_planning(award: Award, purpose: str | None = None) -> list[Obstacle]:
    """Why no visit can be planned: the grant is not accepted or is over, or nobody says what it is for."""
    found = []
    if award.state not in VISITED:
        where = AwardState(award.state).label
        found.append(Obstacle("not_running", _l("This grant stands elsewhere now: %(state)s.", state=where)))
    if purpose is not None and not purpose.strip():
        found.append(Obstacle("no_purpose", _l("Please say what the visit is for.")))
    return found


def obstacles_to_announcing(visit: Visit) -> list[Obstacle]:
    """Why the grantee cannot be told of a visit: it was told, or the visit is made or given up."""
    found = _must_be(visit, {VisitState.PLANNED})
    if visit.announced_at is not None:
        found.append(Obstacle("announced", _l("The grantee knows of this visit.")))
    return found


def obstacles_to_moving(visit: Visit, due_on: date | None = None, reason: str | None = None) -> list[Obstacle]:
    """Why the day of a visit cannot be moved. An overdue one may be moved too: the record keeps the former day."""
    found = _must_be(visit, {VisitState.PLANNED}) + obstacles_to_planning(visit.award)
    if due_on is not None and due_on == visit.due_on:
        found.append(Obstacle("same_day", _l("This is the day for which it is planned already.")))
    return found + _reason(reason)


def mark_of_findings(visit: Visit) -> str:
    """The mark of what a page shows of what was found and agreed."""
    agreed = [(change.text, change.due_on) for change in visit.changes]
    words = (visit.made_on, visit.kind, visit.went, visit.met, visit.findings, visit.note)
    return mark_of(visit.id, words, agreed, [file.number for file in visit.files])


def obstacles_to_writing(
    visit: Visit, award: Award, told: Account | None, today: date, read: str | None = None
) -> list[Obstacle]:
    """Why a visit cannot be written down like this; ``told`` is None while the page is only shown, ``read`` marks what
    stood there when somebody began to write.

    What was shared is not changed any more: the grantee has read it.
    """
    found = _must_be(visit, {VisitState.PLANNED, VisitState.MADE}) + obstacles_to_planning(award)
    found = found or obstacles_to_unread(read, mark_of_findings(visit))
    if told is None:
        return found
    if told.made_on > today:
        found.append(Obstacle("made_in_future", _l("The day lies in the future.")))
    if not (told.went.strip() and told.met.strip() and told.findings.strip()):
        found.append(Obstacle("not_told", _l("Please say who went, whom you met, and what you found.")))
    if any(not change.text.strip() for change in told.changes):
        found.append(Obstacle("no_change", _l("Please say what is to change.")))
    if any(change.due_on < told.made_on for change in told.changes):
        found.append(Obstacle("change_before_visit", _l("What is agreed in a visit is done after it.")))
    return found


def obstacles_to_adding_file(visit: Visit) -> list[Obstacle]:
    """Why no file can be added or taken away: the visit was shared or given up, or there are enough."""
    found = _must_be(visit, {VisitState.PLANNED, VisitState.MADE})
    if len(visit.files) >= MOST_FILES:
        found.append(Obstacle("enough_files", _l("A visit has at most %(most)s files.", most=MOST_FILES)))
    return found


def obstacles_to_sharing(visit: Visit, read: str | None = None) -> list[Obstacle]:
    """Why what was found cannot be shared: nothing is written down, it was shared, or it is not what was read."""
    return _must_be(visit, {VisitState.MADE}) or obstacles_to_unread(read, mark_of_findings(visit))


def obstacles_to_answering(visit: Visit, answer: str | None = None) -> list[Obstacle]:
    """Why what was found cannot be answered: it is not shared, it was answered, or nothing is said."""
    found = _must_be(visit, {VisitState.SHARED})
    if answer is not None and not answer.strip():
        found.append(Obstacle("no_answer", _l("Please write your answer.")))
    return found


def obstacles_to_doing(change: AgreedChange, evidence: str | None = None) -> list[Obstacle]:
    """Why a change cannot be marked as done: it was, the visit is not shared, or nothing shows it."""
    found = [] if change.visit.is_told else _must_be(change.visit, {VisitState.SHARED})
    if change.done_on is not None:
        found.append(Obstacle("done_already", _l("This was marked as done before.")))
    if evidence is not None and not evidence.strip():
        found.append(Obstacle("no_evidence", _l("Please say in a sentence what shows it.")))
    return found


def obstacles_to_moving_change(
    change: AgreedChange, due_on: date | None = None, reason: str | None = None
) -> list[Obstacle]:
    """Why the day of a change cannot be moved: it is done, the day is the same, or nobody says why."""
    found = obstacles_to_doing(change)
    if due_on is not None and due_on == change.due_on:
        found.append(Obstacle("same_day", _l("This is the day it is due already.")))
    return found + _reason(reason)
