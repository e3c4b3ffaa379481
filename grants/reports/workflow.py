"""The life of a report owed: from its due date to its acceptance."""

from __future__ import annotations

from grants.core.languages import _l
from grants.core.workflow import State, Transition, Workflow


class ReportState(State):
    """Where a report owed stands. Whether it is late is a matter of its date."""

    OWED = "owed", _l("Owed"), "neutral"
    SUBMITTED = "submitted", _l("Report submitted"), "info"
    RETURNED = "returned", _l("Returned for changes"), "warning"
    ACCEPTED = "accepted", _l("Accepted"), "success"
    WAIVED = "waived", _l("Waived"), "neutral"


S = ReportState

REPORT_DUE = Workflow(
    "report_due",
    ReportState,
    S.OWED,
    [
        Transition("submit", {S.OWED, S.RETURNED}, S.SUBMITTED, said=_l("The report was submitted")),
        Transition("return", {S.SUBMITTED}, S.RETURNED, needs_reason=True, said=_l("The report was returned")),
        Transition("accept", {S.SUBMITTED}, S.ACCEPTED, said=_l("The report was accepted")),
        Transition("waive", {S.OWED, S.RETURNED}, S.WAIVED, needs_reason=True, said=_l("The report was waived")),
    ],
    notes={
        "schedule": _l("The report was planned"),
        "start": _l("Writing began"),
        "enter": _l("The fund began to write it up after a conversation"),
        "ask_confirmation": _l("The grantee was asked to confirm it"),
        "confirm": _l("The grantee confirmed it"),
        "decline": _l("The grantee said that something is wrong in it"),
        "move": _l("The due date was moved"),
        "verify": _l("The costs were verified"),
        "tell_change": _l("A change was told"),
        "rewrite_change": _l("A change was told anew"),
        "drop_change": _l("A change was taken away"),
        "add_document": _l("A supporting document was added"),
        "remove_document": _l("A supporting document was taken away"),
    },
)
