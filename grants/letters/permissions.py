"""Who words the letters of a call."""

from __future__ import annotations

from typing import Any

from grants.accounts.models import COORDINATORS
from grants.calls.models import Call


def can_word_letters(user: Any, call: Call) -> bool:
    """Coordinators of a region of the call: word its letters, look at them, and go back to our wording."""
    return bool(user.holds(*COORDINATORS)) and any(user.coordinates(region.region) for region in call.regions)
