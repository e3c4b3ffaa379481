"""Reminders as mails: one template a kind, the same key for the same deadline, offset and person."""

from __future__ import annotations

from grants.accounts.models import Person
from grants.core.mail import Mail
from grants.reminders.queries import Deadline


def reminder(deadline: Deadline, person: Person, offset: int) -> Mail:
    """What a person is told about a deadline, so many days before or after."""
    return Mail(
        f"reminder_{deadline.kind}",
        to=person,
        about=deadline.about,
        due_on=deadline.due,
        offset=offset,
        context=deadline.context | {"due": deadline.due, "late": offset > 0, "zone": person.timezone},
    )
