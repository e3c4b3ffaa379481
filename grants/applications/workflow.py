"""The life of an application until it may be reviewed; what happens to it then is told by reviews and decisions."""

from __future__ import annotations

from grants.core.languages import _l
from grants.core.workflow import State, Transition, Workflow


class ApplicationState(State):
    """Where an application stands."""

    DRAFT = "draft", _l("Draft"), "neutral"
    SUBMITTED = "submitted", _l("Submitted"), "info"
    ELIGIBLE = "eligible", _l("Eligible"), "success"
    INELIGIBLE = "ineligible", _l("Not eligible"), "danger"
    WITHDRAWN = "withdrawn", _l("Withdrawn"), "neutral"


S = ApplicationState

APPLICATION = Workflow(
    "application",
    ApplicationState,
    S.DRAFT,
    [
        Transition("submit", {S.DRAFT}, S.SUBMITTED),
        Transition("withdraw", {S.DRAFT, S.SUBMITTED, S.ELIGIBLE}, S.WITHDRAWN, needs_reason=True),
        Transition("find_eligible", {S.SUBMITTED}, S.ELIGIBLE),
        Transition("find_ineligible", {S.SUBMITTED}, S.INELIGIBLE, needs_reason=True),
        Transition("reopen_check", {S.ELIGIBLE, S.INELIGIBLE}, S.SUBMITTED, needs_reason=True),
    ],
)
