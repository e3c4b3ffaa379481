"""Finding trials."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select
from sqlalchemy.orm import joinedload

from grants.calls.models import Call
from grants.core.db import db
from grants.trials.models import Trial


def trial_of(seen: Select[Any], call: Call, *, held: bool = False) -> Trial | None:
    """The trial of a person at a call, among those they may see; ``held``: locked until the transaction ends."""
    found = seen.where(Trial.call_id == call.id).options(joinedload(Trial.answer_sheet))
    if held:
        found = found.with_for_update(of=Trial).execution_options(populate_existing=True)
    trial: Trial | None = db.session.scalar(found)
    return trial
