"""The life of an import: looked at, confirmed, carried out; undone while nothing else rests on it."""

from __future__ import annotations

from grants.core.languages import _l
from grants.core.workflow import State, Transition, Workflow


class ImportState(State):
    """Where an import stands."""

    PREPARED = "prepared", _l("To be looked at"), "info"
    ASKED = "asked", _l("Being imported"), "warning"
    DONE = "done", _l("Imported"), "success"
    FAILED = "failed", _l("Could not be imported"), "danger"
    UNDONE = "undone", _l("Taken back"), "neutral"


S = ImportState

IMPORT = Workflow(
    "award_import",
    ImportState,
    S.PREPARED,
    [
        Transition("confirm", {S.PREPARED, S.FAILED}, S.ASKED, said=_l("An import of earlier awards was confirmed")),
        Transition("finish", {S.ASKED}, S.DONE, said=_l("Earlier awards were imported")),
        Transition("give_up", {S.ASKED}, S.FAILED, said=_l("An import of earlier awards failed")),
        Transition(
            "undo", {S.DONE}, S.UNDONE, needs_reason=True, said=_l("An import of earlier awards was taken back")
        ),
    ],
    notes={"tighten": _l("A grant of an earlier programme was made more confidential")},
)
