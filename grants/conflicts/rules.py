"""What kinds of ties there are, what a declaration must say, and how long it holds."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from grants.conflicts.models import Grade
from grants.core.languages import _l
from grants.core.rules import Obstacle

KIND_LABELS: dict[str, Any] = {
    "declared": _l("Declared by the person"),
    "year": _l("Named the organization among their own in the declaration of the year"),
    "member": _l("Belongs to the organization, or left it less than two years ago"),
    "contact": _l("Has its e-mail address, or is tied to an organization with the same address or telephone number"),
    "united": _l("Tied to another account of the same organization"),
    "sponsor": _l("Tied to its fiscal sponsor, or to an organization that it sponsors"),
    "people": _l("Tied to an organization that shares a member with it"),
    "partner": _l("Tied to an organization that works with it on the action"),
    "rival": _l("Belongs to another applicant of the same lot"),
    "recused": _l("Stepped aside"),
}
"""Why somebody sees nothing of an application, by the kinds that the database computes."""

YEAR_DAYS = 365
"""For how long a declaration in general holds."""

MOST_ORGANIZATIONS = 100


def obstacles_to_declaring(grade: str, reason: str) -> list[Obstacle]:
    """Why a declaration cannot be taken as it is."""
    if grade not in list(Grade):
        return [Obstacle("grade_missing", _l("Please say how close you stand to the applicant."))]
    if grade != Grade.NONE and not reason.strip():
        return [Obstacle("reason_missing", _l("Please describe the tie in a sentence."))]
    return []


def obstacles_before_naming(*, of_year: bool, of_call: bool, call_reference: str) -> list[Obstacle]:
    """Why an applicant is not named yet to somebody who judges: they have not declared their ties in general
    (``of_year``), or those to the applicants of the call (``of_call``).
    """
    found = []
    if not of_year:
        message = _l("Please make your declaration of the year first.")
        found.append(Obstacle("declare_year", message, ("declarations.of_year", {})))
    if not of_call:
        message = _l("Please declare first whether you have a tie to the applicants of this call.")
        found.append(Obstacle("declare_first", message, ("declarations.of_call", {"reference": call_reference})))
    return found


def obstacles_to_declaring_year(words: str, organizations: list[str]) -> list[Obstacle]:
    """Why a declaration in general cannot be taken as it is: it is empty, or names more than anybody belongs to."""
    found = []
    if not words.strip() and not organizations:
        found.append(
            Obstacle("empty", _l("Please write a sentence, if only that you have no tie to any organization."))
        )
    if len(organizations) > MOST_ORGANIZATIONS:
        found.append(Obstacle("too_many", _l("Please name at most %(most)s organizations.", most=MOST_ORGANIZATIONS)))
    return found


def year_before(at: datetime) -> datetime:
    """What was declared in general since this moment still holds ``at`` that one."""
    return at - timedelta(days=YEAR_DAYS)
