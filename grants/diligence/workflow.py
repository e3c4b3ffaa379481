"""The life of a due diligence, and of a question whether a grant may be made less confidential."""

from __future__ import annotations

from grants.core.languages import _l
from grants.core.workflow import State, Transition, Workflow


class DiligenceState(State):
    """Where a due diligence stands."""

    OPENED = "opened", _l("Being checked"), "info"
    FINISHED = "finished", _l("Checked"), "success"


D = DiligenceState

DILIGENCE = Workflow(
    "diligence",
    DiligenceState,
    D.OPENED,
    [
        Transition("finish", {D.OPENED}, D.FINISHED, said=_l("The due diligence was finished")),
        Transition("reopen", {D.FINISHED}, D.OPENED, needs_reason=True, said=_l("The due diligence was opened again")),
    ],
    notes={
        "open": _l("The due diligence was begun"),
        "hand_in": _l("Something that was asked for was handed in"),
        "ask_again": _l("Something was asked for again"),
        "judge": _l("A point was judged"),
        "judge_risk": _l("The risk of the grant was judged"),
        "screen": _l("Names were searched on a sanctions list"),
        "look": _l("A second person looked at names found on a sanctions list"),
        "hold": _l("The agreement and payments were put on hold"),
        "free": _l("The agreement and payments are no longer on hold"),
    },
)


class ConsentState(State):
    """Where a question for consent stands."""

    ASKED = "asked", _l("Waits for the grantee"), "warning"
    GIVEN = "given", _l("The grantee consented"), "success"
    REFUSED = "refused", _l("The grantee refused"), "neutral"
    ENDED = "ended", _l("No longer in force"), "neutral"


C = ConsentState

CONSENT = Workflow(
    "consent",
    ConsentState,
    C.ASKED,
    [
        Transition("give", {C.ASKED}, C.GIVEN, said=_l("The grantee consented to less confidentiality")),
        Transition("refuse", {C.ASKED}, C.REFUSED, said=_l("The grantee refused less confidentiality")),
        Transition("end", {C.ASKED, C.GIVEN}, C.ENDED, said=_l("The grant was made more confidential again")),
    ],
    notes={"ask": _l("The grantee was asked whether the grant may be less confidential")},
)
