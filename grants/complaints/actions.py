"""Complaining, and answering."""

from __future__ import annotations

from grants.accounts.models import Person
from grants.applications import queries as applications
from grants.applications.models import Application
from grants.applications.workflow import ApplicationState
from grants.calls.models import Call
from grants.calls.queries import documents_of
from grants.complaints import mails, queries, rules
from grants.complaints.models import Complaint
from grants.complaints.workflow import ComplaintState
from grants.conflicts.queries import free_among, free_coordinators
from grants.core import clock
from grants.core.db import db
from grants.core.languages import _l, language_now
from grants.core.mail import post
from grants.core.rules import Obstacle, Refused, refuse
from grants.decisions import actions as decisions
from grants.history import actions as history


def promise_of(call: Call) -> rules.Promise:
    """What a call says about complaints."""
    return rules.promise_of(documents_of(call)["terms"])


def complain(application: Application, ground: str, text: str, *, by: Person) -> Complaint:
    """Complain about the check or the decision. Raises Refused before the applicant was told, after the last day, while
    another complaint waits, for a ground that the call does not name, or without words.
    """
    at = clock.now()
    applications.hold(application)
    matter, made = queries.matter_of(application), queries.complaints_about(application)
    if matter is None:
        raise Refused(Obstacle("nothing_told", _l("There is nothing to complain about yet.")))
    promise = promise_of(application.call)
    refuse(
        rules.obstacles_to_complaining(matter, promise, made, at)
        or rules.obstacles_to_this_complaint(promise, ground, text)
    )
    complaint = Complaint(
        reference=f"{application.reference}-C{len(made) + 1}",
        application=application,
        decision=matter.decision,
        state=ComplaintState.RECEIVED,
        ground=ground,
        text=text.strip(),
        language=language_now(),
        answer_by=rules.answer_day(application.call, promise, at),
        made_by=by,
    )
    db.session.add(complaint)
    history.begin(complaint, "complain", by=by, application=application.reference, ground=ground)
    post(
        mails.complaint_received(complaint, by),
        *(mails.complaint_made(complaint, person) for person in free_coordinators(application)),
    )
    return complaint


def take_up(complaint: Complaint, *, by: Person) -> None:
    """Take a complaint up to answer it. Raises Refused for whoever had a part in what it is about."""
    refuse(rules.obstacles_to_examining(queries.parts_of(by, complaint)))
    complaint.examiner = by
    history.record(complaint, "take_up", by=by)


def hand_back(complaint: Complaint, reason: str, *, by: Person) -> None:
    """Give a complaint back, for somebody else to answer."""
    refuse(rules.obstacles_to_answering(complaint, by.id, []))
    history.record(complaint, "hand_back", by=by, reason=reason)
    complaint.examiner = None


def uphold(complaint: Complaint, answer: str, *, by: Person) -> None:
    """Find that the applicant is right: in the same act the check is opened again for others to carry out, or the
    decision is set aside for a fresh assessment by others.
    """
    _answer(complaint, "uphold", answer, by)
    reason = f"{complaint.reference}: {answer.strip()}"
    if complaint.decision is not None:
        decisions.set_aside(complaint.decision, reason, by=by)
    elif complaint.application.state == ApplicationState.INELIGIBLE:
        decisions.reopen_check(complaint.application, reason, by=by, by_others=True)


def dismiss(complaint: Complaint, answer: str, *, by: Person) -> None:
    """Find that nothing went wrong: what was found or decided stands."""
    _answer(complaint, "dismiss", answer, by)


def _answer(complaint: Complaint, verb: str, answer: str, by: Person) -> None:
    refuse(rules.obstacles_to_answering(complaint, by.id, queries.parts_of(by, complaint)))
    complaint.answer, complaint.answered_at = answer.strip(), clock.now()
    history.record(complaint, verb, by=by, reason=answer)
    people = applications.people_of(complaint.application)
    post(*(mails.complaint_answered(complaint, person) for person in people))


def withdraw(complaint: Complaint, *, by: Person) -> None:
    """Take a complaint back before it is answered."""
    history.record(complaint, "withdraw", by=by)
    about = complaint.application
    told = free_coordinators(about)
    if complaint.examiner is not None:
        told = free_among([complaint.examiner], about.organization_id, about.call_id)
    post(*(mails.complaint_withdrawn(complaint, person) for person in told))
