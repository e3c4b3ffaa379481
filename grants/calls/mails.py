"""Mails about calls."""

from __future__ import annotations

from grants.accounts.models import Person
from grants.calls.models import Call
from grants.core.mail import Mail


def call_published(call: Call, *, to: Person) -> Mail:
    """A coordinator learns that a call for a region of theirs is out."""
    return Mail("call_published", to=to, about=call.reference, context={"call": call})
