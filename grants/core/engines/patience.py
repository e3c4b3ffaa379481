"""How often a process that dies is started again before we stop pretending that it will live."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable


class Patience:
    """Remembers the deaths of one process: five within a minute are too many."""

    LIMIT = 5
    WINDOW_SECONDS = 60.0
    FIRST_WAIT_SECONDS = 0.5

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._deaths: deque[float] = deque()

    def wait_after_death(self) -> float | None:
        """Seconds to wait before the next start, twice as long each time; None when patience is at its end."""
        now = self._clock()
        while self._deaths and now - self._deaths[0] > self.WINDOW_SECONDS:
            self._deaths.popleft()
        self._deaths.append(now)
        if len(self._deaths) >= self.LIMIT:
            return None
        return float(self.FIRST_WAIT_SECONDS * 2 ** (len(self._deaths) - 1))
