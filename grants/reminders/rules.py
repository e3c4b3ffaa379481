"""When somebody is reminded of a deadline. One table says how many days before and after."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from grants.core.languages import _l
from grants.reminders.queries import Deadline

OFFSETS: dict[str, tuple[int, ...]] = {
    "draft_open": (-14, -7, -3, -1),
    "clarification_due": (-3, -1, 1),
    "clarification_late": (1, 7),
    "review_due": (-7, -2, 1, 5),
    "complaint_due": (-5, -1, 1, 7),
    "offer_unanswered": (-7, -2, 1),
    "agreement_unsigned": (-14, -7, -2, 1, 7),
    "milestone_due": (-14, -3, 1, 14),
    "condition_due": (-14, -3, 1, 14),
    "report_due": (-30, -14, -7, -1, 1, 7, 14, 30),
    "report_invited": (-30, -14, -7, -1),
    "report_late": (14, 30, 60),
    "visit_due": (-30, -14, -3, 1, 14),
    "visit_coming": (-7, -1),
    "visit_unshared": (0, 14),
    "agreed_change_due": (-14, -3, 1, 14),
    "tranche_due": (0, 5, 10),
    "receipt_unconfirmed": (0, 7, 14),
    "refund_due": (-7, -1, 1, 7, 14),
    "amendment_waiting": (-4, 1, 7),
    "revision_waiting": (-4, 1, 7),
    "amendment_unsigned": (-4, 1, 7),
    "closeout_due": (-14, 0, 14),
    "document_expiring": (-30, -7, 1),
}
"""Days before (negative) and after a deadline on which people are told, by kind.

Before and after a report: 30, 14, 7, 1 days; a late one reaches the coordinators after 14, 30 and 60 days, when the
sample call's escalation begins. One that is only invited is never late. The other series are choices of this fund.
"""

KINDS: dict[str, Any] = {
    "draft_open": _l("A call closes while a draft is open"),
    "clarification_due": _l("A question about an application waits for its answer"),
    "clarification_late": _l("An answer about an application is late: told to the coordinator who asked"),
    "review_due": _l("A review is due"),
    "complaint_due": _l("A complaint waits for its answer: told to who took it up, or to the coordinators"),
    "offer_unanswered": _l("The offer of a grant waits for an answer"),
    "agreement_unsigned": _l("An agreement waits for its signature"),
    "milestone_due": _l("A milestone is due or late"),
    "condition_due": _l("A condition of a grant is due or late: told to whoever has to meet it"),
    "report_due": _l("A report is due or late"),
    "report_invited": _l("A report that is invited and not required may be given"),
    "report_late": _l("A report is late: told to the coordinators"),
    "visit_due": _l("A visit is to be made: told to whoever makes it"),
    "visit_coming": _l("The fund visits a grantee"),
    "visit_unshared": _l("What was found in a visit is not shared with the grantee yet"),
    "agreed_change_due": _l("A change that was agreed in a visit is due or late"),
    "tranche_due": _l("A tranche can be paid"),
    "receipt_unconfirmed": _l("A payment waits for the grantee’s confirmation"),
    "refund_due": _l("Money is asked back of a grantee"),
    "amendment_waiting": _l("A change of a grant waits for the fund"),
    "revision_waiting": _l("A change waits for the grantee to confirm it or work it out"),
    "amendment_unsigned": _l("An amendment waits for its signature"),
    "closeout_due": _l("A close-out is due"),
    "document_expiring": _l("A document that an organization keeps expires"),
}

MORNING = time(8, 0)
"""A day's reminders go out at eight in the morning where the person is."""

TOO_OLD = timedelta(days=7)
"""After a long outage nobody is told of what is a week past; the next offset, or the screens, will tell."""

LOOK_AHEAD = timedelta(days=-min(min(o) for o in OFFSETS.values()) + 1)
LOOK_BACK = timedelta(days=max(max(o) for o in OFFSETS.values())) + TOO_OLD
"""How far from a moment a deadline may lie for somebody to be told of it then."""


def moment_of(due: date | datetime, offset: int, zone: str) -> datetime:
    """When the reminder of ``offset`` days is sent to somebody in ``zone``.

    A moment keeps its hour; a day begins at eight in the morning of the person's own zone, also across a change of
    the clocks.
    """
    if isinstance(due, datetime):
        return due + timedelta(days=offset)
    return datetime.combine(due + timedelta(days=offset), MORNING, ZoneInfo(zone))


def offset_reached(deadline: Deadline, at: datetime, zone: str) -> int | None:
    """The offset of which somebody in ``zone`` should have been told by ``at``; None when none, or long ago.

    Only the latest counts: after a day without reminders people are told once, not once for each one missed.
    """
    reached = [
        offset for offset in OFFSETS[deadline.kind] if deadline.since <= moment_of(deadline.due, offset, zone) <= at
    ]
    if not reached or moment_of(deadline.due, reached[-1], zone) < at - TOO_OLD:
        return None
    return reached[-1]
