"""The life of a question about a call: confirmed, answered to one person or published to all."""

from __future__ import annotations

from grants.core.languages import _l
from grants.core.workflow import State, Transition, Workflow


class EnquiryState(State):
    """Where a question about a call stands."""

    UNCONFIRMED = "unconfirmed", _l("Not confirmed yet"), "neutral"
    ASKED = "asked", _l("Waits for an answer"), "warning"
    ANSWERED = "answered", _l("Answered to the person who asked"), "success"
    PREPARED = "prepared", _l("Ready to be published"), "info"
    PUBLISHED = "published", _l("Published"), "success"
    SET_ASIDE = "set_aside", _l("Set aside"), "neutral"


S = EnquiryState

ENQUIRY = Workflow(
    "enquiry",
    EnquiryState,
    S.UNCONFIRMED,
    [
        Transition("confirm", {S.UNCONFIRMED}, S.ASKED, said=_l("Question confirmed")),
        Transition("answer", {S.ASKED}, S.ANSWERED, said=_l("Answered to the person who asked")),
        Transition("prepare", {S.ASKED, S.ANSWERED}, S.PREPARED, said=_l("Made ready to be published")),
        Transition("publish", {S.PREPARED}, S.PUBLISHED, said=_l("Published with its answer")),
        Transition(
            "take_down", {S.PUBLISHED}, S.PREPARED, needs_reason=True, said=_l("Taken off the page of the call")
        ),
        Transition("put_aside", {S.ASKED, S.PREPARED}, S.SET_ASIDE, needs_reason=True, said=_l("Set aside")),
        Transition("take_up_again", {S.SET_ASIDE}, S.ASKED, said=_l("Taken up again")),
    ],
    notes={"ask": _l("Asked"), "word": _l("Wording of the answer saved"), "forget": _l("Address of who asked removed")},
)
