"""Mails about reports that the fund wrote up. Subjects carry references only."""

from __future__ import annotations

from typing import Any

from grants.accounts.mails import Stranger
from grants.accounts.models import Person
from grants.core.mail import Mail
from grants.reports.models import ReportDue
from grants.writeups.models import WriteUp


def _about(due: ReportDue) -> str:
    return f"{due.award.reference}/{due.key}"


def writeup_to_confirm(write_up: WriteUp, due: ReportDue, to: Person, occasion: int) -> Mail:
    """To an owner or signatory of the grantee: please sign in, read and confirm."""
    told = {"reference": due.award.reference, "label": due.label, "due_id": due.id, "spoken_on": write_up.spoken_on}
    return Mail("writeup_to_confirm", to=to, about=_about(due), occasion=str(occasion), context=told)


def writeup_link(write_up: WriteUp, due: ReportDue, address: str, token: str) -> Mail:
    """To the grantee's address: please read it by this link and confirm."""
    told: dict[str, Any] = {"reference": due.award.reference, "label": due.label, "token": token}
    told |= {"spoken_on": write_up.spoken_on, "until": write_up.token_until}
    language = due.award.application.language
    to = Stranger(address, language, name=write_up.spoke_with)
    return Mail("writeup_link", to=to, about=_about(due), occasion=str(write_up.token_hash)[:16], context=told)


def writeup_confirmed(write_up: WriteUp, due: ReportDue, to: Person, occasion: str) -> Mail:
    """To whoever wrote it up and to those who speak for the grantee: it is confirmed and handed in."""
    return Mail("writeup_confirmed", to=to, about=_about(due), occasion=occasion, context=_told(write_up, due, to))


def writeup_declined(write_up: WriteUp, due: ReportDue, to: Person, occasion: str) -> Mail:
    """To the same: the grantee says that something is wrong in it."""
    return Mail("writeup_declined", to=to, about=_about(due), occasion=occasion, context=_told(write_up, due, to))


def _told(write_up: WriteUp, due: ReportDue, to: Person) -> dict[str, Any]:
    ours = to.id == write_up.entered_by_id
    return {"reference": due.award.reference, "label": due.label, "due_id": due.id, "ours": ours}
