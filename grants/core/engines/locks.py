"""A lock on a file that the kernel releases however its holder ends, so that no lock is ever stale."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self


class FileLock:
    """One lock file, opened; it may carry a short note from its holder to those who find it taken."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def take(self, *, shared: bool = False, wait: bool = True) -> bool:
        """Take the lock, alone or shared with others; without ``wait``, answer False when somebody is in the way."""
        flags = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB)
        try:
            fcntl.flock(self._descriptor, flags)
        except BlockingIOError:
            return False
        return True

    def write_note(self, text: str) -> None:
        """Leave a note, in one write, so that a reader finds the old one or the new one, never half of either."""
        os.pwrite(self._descriptor, f"{text}\n".encode(), 0)
        os.ftruncate(self._descriptor, len(text.encode()) + 1)

    def read_note(self) -> str:
        """What the last holder wrote; it may be long gone, so ask the lock whether it still holds."""
        return os.pread(self._descriptor, 4096, 0).decode().partition("\n")[0]

    def close(self) -> None:
        """Let go: closing the file is what releases the lock."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
