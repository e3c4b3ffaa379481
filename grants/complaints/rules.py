"""By when and on which grounds one complains, and who may answer.

Source: the call's ``complaints`` (window, days to answer, grounds); a re-granter's complaint mechanism, by which somebody
who had no part answers within 15 days, and a serious breach leads to an assessment by others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from grants.calls.models import Call
from grants.complaints.models import Complaint
from grants.complaints.queries import Matter
from grants.complaints.workflow import OPEN, ComplaintState
from grants.core.languages import LazyWords, _l, pick
from grants.core.rules import Obstacle
from grants.core.templating import day as in_words
from grants.letters.rules import complaint_deadline, window_days

ANSWER_DAYS = 15

GROUNDS: dict[str, Any] = {
    "procedural_error": _l("A rule of the procedure was not followed"),
    "factual_error": _l("The assessment contains an error of fact"),
    "conflict_of_interest": _l("An assessor or committee member had a conflict of interest"),
}
"""The grounds of a call that names none."""

PARTS: dict[str, Any] = {
    "checked": _l("You took part in the eligibility check of this application."),
    "reviewed": _l("You were asked to review this application."),
    "sat": _l("You were invited to the meeting that decided about this application."),
    "decided": _l("You took part in the decision about this application."),
    "ran": _l("You ran the meeting that decided about this application, and somebody else can answer."),
    "typed": _l("You typed this application."),
    "unread": _l("Part of this complaint is hidden from you; somebody else answers it."),
    "tied": _l("You have a conflict of interest with this applicant."),
}
"""Why somebody had a part in what is complained about, and so cannot answer."""


@dataclass(frozen=True)
class Promise:
    """What a call says about complaints: how many days for one and for its answer, and the grounds, each with its label."""

    window_days: int
    answer_days: int
    grounds: Mapping[str, Any]


def promise_of(terms: Mapping[str, Any]) -> Promise:
    """What the terms of a call say about complaints; what they do not say is as in our other calls."""
    said, fallback = terms.get("complaints") or {}, terms.get("authoritative_language", "")
    labels = {
        key: LazyWords(pick, label, None, fallback) for key, label in (terms.get("complaint_labels") or {}).items()
    }
    return Promise(
        window_days=window_days(terms),
        answer_days=int(said.get("answer_days", ANSWER_DAYS)),
        grounds={key: labels.get(key, GROUNDS.get(key, key)) for key in said.get("grounds") or GROUNDS},
    )


def last_day(matter: Matter, promise: Promise) -> date:
    """The last day for a complaint, where the call is: whatever is changed later, not before the one in the letter."""
    last = complaint_deadline(matter.application.call, matter.told_at, promise.window_days)
    return max(last, matter.promised or last)


def answer_day(call: Call, promise: Promise, at: datetime) -> date:
    """The day by which a complaint made now is answered."""
    return at.astimezone(ZoneInfo(call.timezone)).date() + timedelta(days=promise.answer_days)


def obstacles_to_complaining(
    matter: Matter, promise: Promise, complaints: Sequence[Complaint], at: datetime
) -> list[Obstacle]:
    """Why nobody can complain now: the last day has passed, or a complaint waits for its answer."""
    found, until = [], last_day(matter, promise)
    if at.astimezone(ZoneInfo(matter.application.call.timezone)).date() > until:
        message = _l("Complaints were taken until %(day)s.", day=LazyWords(in_words, until))
        found.append(Obstacle("too_late", message))
    waiting = next((one for one in complaints if one.state in OPEN), None)
    if waiting is not None:
        message = _l("Your complaint %(reference)s waits for its answer.", reference=waiting.reference)
        found.append(Obstacle("waits", message, ("complaints.show", {"reference": waiting.reference})))
    return found


def obstacles_to_this_complaint(promise: Promise, ground: str, text: str) -> list[Obstacle]:
    """Why a complaint cannot be taken as it is written."""
    found = []
    if ground not in promise.grounds:
        found.append(Obstacle("ground_unknown", _l("Please choose one of the grounds of the call.")))
    if not text.strip():
        found.append(Obstacle("text_missing", _l("Please write what went wrong.")))
    return found


def obstacles_to_examining(parts: Sequence[str]) -> list[Obstacle]:
    """Why somebody cannot take up or answer a complaint: they had a part in what it is about."""
    return [Obstacle(part, PARTS[part]) for part in parts]


def obstacles_to_answering(complaint: Complaint, person_id: int, parts: Sequence[str]) -> list[Obstacle]:
    """Why somebody cannot answer a complaint: it is not theirs, or they turn out to have had a part."""
    found = obstacles_to_examining(parts)
    if complaint.state != ComplaintState.TAKEN_UP or complaint.examiner_id != person_id:
        found.append(Obstacle("not_yours", _l("Whoever took the complaint up answers it.")))
    return found


def is_late(complaint: Complaint, today: date) -> bool:
    """Whether the answer was promised for a day that has passed."""
    return complaint.state in OPEN and complaint.answer_by < today
