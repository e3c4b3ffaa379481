from __future__ import annotations

from tests.payments.conftest import _in_may

__all__ = ["_in_may"]
