"""The whole product as ``grants up`` runs it, in processes of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from config import ROOT

READY_SECONDS = 120
KEPT = ("PATH", "HOME", "LANG")
"""What it gets of our own environment: no addresses, so that it runs its own servers, and these write to the disk."""


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """The address of the product on the data of a folder, once it is ready."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    up = subprocess.Popen(
        [sys.executable, "-m", "grants", "up", "--port", str(port), "--data", str(folder)],
        cwd=ROOT,
        env={name: os.environ[name] for name in KEPT if name in os.environ},
        stdout=subprocess.DEVNULL,
    )
    try:
        _wait_until_ready(up, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        up.send_signal(signal.SIGINT)
        up.wait(60)


def _wait_until_ready(up: subprocess.Popen[bytes], port: int) -> None:
    began = time.monotonic()
    while time.monotonic() - began < READY_SECONDS:
        if up.poll() is not None:
            raise RuntimeError("grants up has ended")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("grants up did not become ready")


def start_up(folder: Path) -> dict[str, Any]:
    """Seconds from ``grants up`` to ready, without the demonstration: on a new folder, and on the same again."""
    seconds = {}
    for time_of in ("first", "second"):
        began = time.perf_counter()
        with running(folder / "new"):
            seconds[time_of] = round(time.perf_counter() - began, 1)
    return {"start_up_seconds": seconds}
