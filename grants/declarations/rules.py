"""What the register says of each line."""

from __future__ import annotations

from typing import Any

from grants.conflicts.models import Grade
from grants.core.languages import _l
from grants.declarations.queries import Line

GRADE_LABELS: dict[str, Any] = {Grade.NONE: _l("No tie"), Grade.KNOWS: _l("Knows them"), Grade.CONFLICT: _l("Conflict")}


def consequences(line: Line) -> list[Any]:
    """What followed from a tie, in words: nothing unless it is a conflict."""
    if line.grade != Grade.CONFLICT:
        return []
    if not line.is_in_force:
        return [_l("taken back later")]
    found = [_l("sees nothing of it")]
    if line.is_aside:
        found.append(_l("stepped aside"))
    if line.is_voided:
        found.append(_l("the score no longer counts, and stays on record"))
    return found
