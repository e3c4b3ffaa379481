"""The life of an application until it may be reviewed; what happens to it then is told by reviews and decisions."""

from __future__ import annotations

from grants.core.languages import _l
from grants.core.workflow import State, Transition, Workflow


class ApplicationState(State):
    """Where an application stands."""

    DRAFT = "draft", _l("Draft"), "neutral"
    SUBMITTED = "submitted", _l("Application submitted"), "info"
    ELIGIBLE = "eligible", _l("Eligible"), "success"
    INELIGIBLE = "ineligible", _l("Not eligible"), "danger"
    WITHDRAWN = "withdrawn", _l("Withdrawn"), "neutral"


S = ApplicationState

APPLICATION = Workflow(
    "application",
    ApplicationState,
    S.DRAFT,
    [
        Transition("submit", {S.DRAFT}, S.SUBMITTED, said=_l("Application submitted")),
        Transition(
            "withdraw",
            {S.DRAFT, S.SUBMITTED, S.ELIGIBLE},
            S.WITHDRAWN,
            needs_reason=True,
            said=_l("Application withdrawn"),
        ),
        Transition("resume", {S.WITHDRAWN}, S.DRAFT, said=_l("Taken up again")),
        Transition("find_eligible", {S.SUBMITTED}, S.ELIGIBLE, said=_l("Found eligible")),
        Transition("find_ineligible", {S.SUBMITTED}, S.INELIGIBLE, needs_reason=True, said=_l("Found not eligible")),
        Transition(
            "reopen_check",
            {S.ELIGIBLE, S.INELIGIBLE},
            S.SUBMITTED,
            needs_reason=True,
            said=_l("Eligibility check opened again"),
        ),
    ],
    notes={
        "start": _l("Application started"),
        "carry_over": _l("Carried over to the corrected questions of the call"),
        "attach": _l("Document added"),
        "detach": _l("Document removed"),
        "withhold": _l("Document withheld, with a reason"),
        "take_over": _l("Answers taken over from a form filled in Word"),
        "lock": _l("Document locked, because it holds a virus"),
        "ask_certification": _l("The signatory was asked to certify it"),
        "certify": _l("Certified by a signatory"),
        "check": _l("Checked against the rules of the call"),
        "judge": _l("A rule of the call was judged"),
        "ask": _l("More information asked for"),
        "enter": _l("Typed by the fund, for an organization without a line"),
        "ask_confirmation": _l("The organization was asked to confirm what was typed"),
        "confirm": _l("Confirmed by the organization"),
        "hand_in": _l("Handed in again, with a new receipt"),
        "let_go": _l("The request for more information was closed"),
    },
)
