"""Mails about complaints. They say nothing of what was written: people sign in to read it."""

from __future__ import annotations

from grants.accounts.models import Person
from grants.complaints.models import Complaint
from grants.core.mail import Mail


def complaint_received(complaint: Complaint, to: Person) -> Mail:
    """To whoever complained: it has arrived, and by when it is answered."""
    return _of("complaint_received", complaint, to)


def complaint_made(complaint: Complaint, to: Person) -> Mail:
    """To coordinators: a complaint waits for somebody who had no part."""
    return _of("complaint_made", complaint, to)


def complaint_answered(complaint: Complaint, to: Person) -> Mail:
    """To the applicant: the answer can be read."""
    return _of("complaint_answered", complaint, to)


def complaint_withdrawn(complaint: Complaint, to: Person) -> Mail:
    """To whoever was examining it, or to the coordinators: nothing is to be answered any more."""
    return _of("complaint_withdrawn", complaint, to)


def _of(name: str, complaint: Complaint, to: Person) -> Mail:
    return Mail(name, to=to, about=complaint.reference, context={"complaint": complaint})
