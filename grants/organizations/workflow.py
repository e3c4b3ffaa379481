"""The lives of what an organization's account holds."""

from __future__ import annotations

from grants.core.languages import _l
from grants.core.workflow import State, Transition, Workflow


class JoiningState(State):
    """Where a request to join an organization stands."""

    WAITING = "waiting", _l("Waiting for an answer"), "info"
    ACCEPTED = "accepted", _l("Joined"), "success"
    DECLINED = "declined", _l("Declined"), "neutral"
    WITHDRAWN = "withdrawn", _l("Taken back"), "neutral"


class DocumentState(State):
    """Whether a document is still kept."""

    KEPT = "kept", _l("Kept"), "success"
    REMOVED = "removed", _l("Removed"), "neutral"


class SponsorshipState(State):
    """Whether an organization has said yes to being the fiscal sponsor of another."""

    ASKED = "asked", _l("Waiting for consent"), "info"
    CONSENTED = "consented", _l("Agreed"), "success"
    DECLINED = "declined", _l("Declined"), "neutral"
    WITHDRAWN = "withdrawn", _l("Taken back"), "neutral"
    ENDED = "ended", _l("Ended"), "neutral"


class ResemblanceState(State):
    """What was found out about two accounts that look alike."""

    FOUND = "found", _l("To look at"), "warning"
    SAME = "same", _l("The same organization"), "info"
    DIFFERENT = "different", _l("Two organizations"), "neutral"


JOINING = Workflow(
    "joining request",
    JoiningState,
    JoiningState.WAITING,
    [
        Transition("accept", {JoiningState.WAITING}, JoiningState.ACCEPTED, said=_l("Request to join accepted")),
        Transition(
            "decline",
            {JoiningState.WAITING},
            JoiningState.DECLINED,
            needs_reason=True,
            said=_l("Request to join declined"),
        ),
        Transition("withdraw", {JoiningState.WAITING}, JoiningState.WITHDRAWN, said=_l("Request to join taken back")),
    ],
    notes={"ask": _l("Asked to join")},
)

DOCUMENT = Workflow(
    "kept document",
    DocumentState,
    DocumentState.KEPT,
    [Transition("remove", {DocumentState.KEPT}, DocumentState.REMOVED, said=_l("Document removed"))],
    notes={"keep": _l("Document added")},
)

SPONSORSHIP = Workflow(
    "sponsorship",
    SponsorshipState,
    SponsorshipState.ASKED,
    [
        Transition(
            "consent", {SponsorshipState.ASKED}, SponsorshipState.CONSENTED, said=_l("Agreed to be the fiscal sponsor")
        ),
        Transition(
            "decline",
            {SponsorshipState.ASKED},
            SponsorshipState.DECLINED,
            needs_reason=True,
            said=_l("Declined to be the fiscal sponsor"),
        ),
        Transition("withdraw", {SponsorshipState.ASKED}, SponsorshipState.WITHDRAWN, said=_l("Question taken back")),
        Transition(
            "end",
            {SponsorshipState.CONSENTED},
            SponsorshipState.ENDED,
            needs_reason=True,
            said=_l("Fiscal sponsorship ended"),
        ),
    ],
    notes={"ask": _l("Asked to be the fiscal sponsor")},
)

RESEMBLANCE = Workflow(
    "resemblance",
    ResemblanceState,
    ResemblanceState.FOUND,
    [
        Transition(
            "unite",
            {ResemblanceState.FOUND, ResemblanceState.DIFFERENT},
            ResemblanceState.SAME,
            needs_reason=True,
            said=_l("Marked as the same organization"),
        ),
        Transition(
            "distinguish",
            {ResemblanceState.FOUND, ResemblanceState.SAME},
            ResemblanceState.DIFFERENT,
            needs_reason=True,
            said=_l("Marked as two organizations"),
        ),
    ],
    notes={"find": _l("Found to be alike")},
)
