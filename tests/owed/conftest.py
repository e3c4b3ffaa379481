from __future__ import annotations

from tests.visits.conftest import _in_september

__all__ = ["_in_september"]
