"""Finding complaints, what may be complained about, and who had a part in it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, and_, exists, func, or_, select
from sqlalchemy.orm import joinedload

from grants.accounts.models import Organization, Person
from grants.applications.models import Application
from grants.applications.workflow import ApplicationState
from grants.calls.models import Call
from grants.checks.queries import CHECKED
from grants.complaints.models import Complaint
from grants.complaints.workflow import OPEN
from grants.conflicts.queries import free_coordinators, hidden_applications, in_conflict
from grants.core.db import db
from grants.decisions.models import Decision, DecisionOutcome, Remark, Seat, Vote
from grants.decisions.workflow import DecisionState
from grants.history.models import HistoryEntry
from grants.letters.models import Letter, LetterKind
from grants.letters.queries import letter_about
from grants.reviews.models import Assignment
from grants.reviews.queries import gate_of

DECIDED = ("propose", "amend", "vote", "take", "reconsider")
"""What somebody did, by the record, who had a part in a decision."""


class Matter(NamedTuple):
    """What an applicant may complain about: a decision, or (without one) the check; when they were told of it, and the last
    day for a complaint that their letter promised (early letters did not keep it).
    """

    application: Application
    decision: Decision | None
    told_at: datetime
    promised: date | None = None


def matter_of(application: Application) -> Matter | None:
    """What may be complained about; None before the applicant was told, and of the offer of a grant."""
    if application.state == ApplicationState.INELIGIBLE:
        told_at = db.session.scalar(
            select(func.max(HistoryEntry.at)).where(
                HistoryEntry.subject_kind == "application",
                HistoryEntry.subject_id == application.id,
                HistoryEntry.verb == "find_ineligible",
            )
        )
        return (
            Matter(application, None, told_at, _promised(letter_about(application, LetterKind.INELIGIBLE)))
            if told_at
            else None
        )
    decision = db.session.scalar(
        select(Decision).where(
            Decision.application_id == application.id,
            Decision.state == DecisionState.RELEASED,
            Decision.outcome != DecisionOutcome.AWARD,
        )
    )
    if decision is None or decision.released_at is None:
        return None
    return Matter(application, decision, decision.released_at, _promised(decision.letter))


def _promised(letter: Letter | None) -> date | None:
    day = letter.details.get("complain_until") if letter is not None else None
    return date.fromisoformat(day) if day else None


def complaints_about(application: Application) -> list[Complaint]:
    """Every complaint about an application, the latest first."""
    found = select(Complaint).where(Complaint.application_id == application.id)
    return list(db.session.scalars(found.order_by(Complaint.id.desc())))


def complaint_by_reference(seen: Select[Complaint], reference: str) -> Complaint | None:
    """One complaint among those a person may see, with its application and who examines it."""
    found = seen.where(Complaint.reference == reference).options(
        joinedload(Complaint.application).options(
            joinedload(Application.call),
            joinedload(Application.organization).load_only(Organization.reference, Organization.name),
        ),
        joinedload(Complaint.decision),
        joinedload(Complaint.examiner),
        joinedload(Complaint.made_by),
    )
    return db.session.scalar(found)


def complaints_of_call(seen: Select[Complaint], call: Call, limit: int | None = 200) -> list[Complaint]:
    """The complaints about a call that a person may see: those that wait, by the day of their answer, then the others; all
    of them without a ``limit``.
    """
    found = (
        seen.join(Application, Application.id == Complaint.application_id)
        .where(Application.call_id == call.id)
        .options(
            joinedload(Complaint.application).options(
                joinedload(Application.organization).load_only(Organization.reference, Organization.name)
            ),
            joinedload(Complaint.examiner).load_only(Person.name, Person.reference),
        )
        .order_by(Complaint.state.not_in(OPEN), Complaint.answer_by, Complaint.id)
        .limit(limit)
    )
    return list(db.session.scalars(found))


def complaints_waiting(seen: Select[Complaint], call: Call, person: Person) -> list[Complaint]:
    """The complaints about a call that wait for their answer and that a person may see, the most urgent first; none about an
    application that is hidden from them, their own organization's included.
    """
    found = (
        seen.join(Application, Application.id == Complaint.application_id)
        .where(
            Application.call_id == call.id,
            Complaint.state.in_(OPEN),
            Application.id.not_in(hidden_applications(person.id)),
        )
        .order_by(Complaint.answer_by, Complaint.id)
    )
    return list(db.session.scalars(found))


RAN = ("call", "open", "close", "excuse")
"""What somebody did, by the record, who ran a meeting."""


def parts_of(person: Person, complaint: Complaint) -> list[str]:
    """What part somebody had in what is complained about, in the words of ``rules.PARTS``; none is a free mind.

    Whoever ran the meeting, or sent its letters, had a part as long as another coordinator had none at all.
    """
    found = _parts_of(person, complaint)
    others = [one for one in free_coordinators(complaint.application) if one.id != person.id]
    if found == ["ran"] and all(_parts_of(one, complaint) for one in others):
        return []
    return found


def _parts_of(person: Person, complaint: Complaint) -> list[str]:
    application, decision = complaint.application, complaint.decision
    acted = exists().where(HistoryEntry.actor_id == person.id)
    if decision is None:
        parts: dict[str, Any] = {
            "checked": acted.where(
                HistoryEntry.subject_kind == "application",
                HistoryEntry.subject_id == application.id,
                HistoryEntry.verb.in_(CHECKED),
            )
        }
    else:
        decided = acted.where(
            HistoryEntry.subject_kind == "decision",
            HistoryEntry.subject_id == decision.id,
            HistoryEntry.verb.in_(DECIDED),
        )
        voted = exists().where(Vote.decision_id == decision.id, Vote.person_id == person.id)
        said = exists().where(
            Remark.meeting_id == decision.meeting_id,
            Remark.application_id == application.id,
            Remark.person_id == person.id,
        )
        parts = {
            "decided": decided | voted | said,
            "ran": acted.where(
                or_(
                    and_(
                        HistoryEntry.subject_kind == "meeting",
                        HistoryEntry.subject_id == decision.meeting_id,
                        HistoryEntry.verb.in_(RAN),
                    ),
                    and_(
                        HistoryEntry.subject_kind == "decision",
                        HistoryEntry.subject_id == decision.id,
                        HistoryEntry.verb == "release",
                    ),
                )
            ),
            "sat": exists().where(Seat.meeting_id == decision.meeting_id, Seat.person_id == person.id),
            "reviewed": exists().where(
                Assignment.application_id == application.id, Assignment.reviewer_id == person.id
            ),
        }
    row = db.session.execute(select(*parts.values())).one()
    found = [name for name, had in zip(parts, row, strict=True) if had]
    if decision is not None and decision.proposed_by_id == person.id and "decided" not in found:
        found.append("decided")
    if application.entered_by_id == person.id:
        found.append("typed")
    if in_conflict(person, [application.organization_id], call_id=application.call_id):
        found.append("tied")
    elif not gate_of(person, application.call_id).told(complaint.text):
        found.append("unread")
    return found
