"""The life of a committee meeting, and of each decision taken in it."""

from __future__ import annotations

from grants.core.languages import _l
from grants.core.workflow import State, Transition, Workflow


class MeetingState(State):
    """Where a meeting stands."""

    PLANNED = "planned", _l("Meeting planned"), "neutral"
    OPENED = "opened", _l("In session"), "info"
    CLOSED = "closed", _l("Meeting closed"), "success"
    CANCELLED = "cancelled", _l("Meeting cancelled"), "neutral"


MEETING = Workflow(
    "meeting",
    MeetingState,
    MeetingState.PLANNED,
    [
        Transition("open", {MeetingState.PLANNED}, MeetingState.OPENED, said=_l("Meeting opened")),
        Transition("close", {MeetingState.OPENED}, MeetingState.CLOSED, said=_l("Meeting closed")),
        Transition(
            "cancel",
            {MeetingState.PLANNED, MeetingState.OPENED},
            MeetingState.CANCELLED,
            needs_reason=True,
            said=_l("Meeting cancelled"),
        ),
    ],
    notes={
        "call": _l("Meeting called"),
        "attend": _l("A member is present"),
        "leave": _l("A member is absent"),
        "recuse": _l("A member stepped aside from one application"),
        "sign": _l("Decision sheet signed"),
        "excuse": _l("The letters go without the signature of a member"),
        "move": _l("Meeting moved"),
        "prepare": _l("Agenda changed"),
        "invite": _l("Agenda sent to the members"),
        "chair": _l("Chair chosen"),
        "take_pack": _l("A pack was downloaded"),
        "lay_before": _l("A scenario was laid before the meeting"),
    },
)


class DecisionState(State):
    """Where a decision stands. Applicants see nothing of it before it is released."""

    PROPOSED = "proposed", _l("Being decided"), "warning"
    TAKEN = "taken", _l("Decided, letters not sent"), "info"
    RELEASED = "released", _l("Letters sent"), "success"
    SET_ASIDE = "set_aside", _l("Set aside after a complaint"), "neutral"
    SUCCEEDED = "succeeded", _l("Followed by another decision"), "neutral"
    LEFT = "left", _l("Left undecided"), "neutral"


GONE = (MeetingState.CLOSED, MeetingState.CANCELLED)
"""The states of a meeting that nothing is prepared for or said in any more."""


DECISION = Workflow(
    "decision",
    DecisionState,
    DecisionState.PROPOSED,
    [
        Transition("leave", {DecisionState.PROPOSED}, DecisionState.LEFT, needs_reason=True, said=_l("Left undecided")),
        Transition(
            "forgo",
            {DecisionState.TAKEN},
            DecisionState.LEFT,
            needs_reason=True,
            said=_l("Withdrawn by the applicant before the letter"),
        ),
        Transition("resume", {DecisionState.LEFT}, DecisionState.PROPOSED, said=_l("Proposed again")),
        Transition("take", {DecisionState.PROPOSED}, DecisionState.TAKEN, said=_l("Decided")),
        Transition(
            "reconsider",
            {DecisionState.TAKEN},
            DecisionState.PROPOSED,
            needs_reason=True,
            said=_l("Taken up again by the committee"),
        ),
        Transition("release", {DecisionState.TAKEN}, DecisionState.RELEASED, said=_l("Letter sent")),
        Transition(
            "overturn",
            {DecisionState.RELEASED},
            DecisionState.SET_ASIDE,
            needs_reason=True,
            said=_l("Set aside after a complaint, to be decided again"),
        ),
        Transition(
            "give_way", {DecisionState.RELEASED}, DecisionState.SUCCEEDED, said=_l("Followed by another decision")
        ),
    ],
    notes={
        "propose": _l("Decision proposed"),
        "amend": _l("Proposal changed; earlier votes no longer count"),
        "vote": _l("A member voted"),
        "take_up": _l("Taken up from the reserve list"),
        "put_back": _l("Back on the reserve list"),
        "free": _l("The money is free again"),
        "bind": _l("The money is bound again: the grant was offered once more"),
        "late_conflict": _l("A reviewer declared a conflict after the decision; it goes on counting the review"),
        "late_recusal": _l("A member declared a conflict after the decision; the votes stay as they were counted"),
    },
)
