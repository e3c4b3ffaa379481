"""Mails about corrections of a call."""

from __future__ import annotations

from typing import Any

from grants.accounts.models import Person
from grants.applications.models import Application
from grants.calls.models import Call, Correction
from grants.core.mail import Mail


def call_corrected(
    application: Application, call: Call, correction: Correction, changes: list[Any], to: Person
) -> Mail:
    """Whoever writes an application learns what changed in the call, why, and that their answers were kept."""
    return Mail(
        "call_corrected",
        to=to,
        about=application.reference,
        occasion=str(correction.number),
        context={"application": application, "call": call, "reason": correction.reason, "changes": changes},
    )
