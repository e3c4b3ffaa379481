"""Asking a ClamAV daemon about a file, in its own words (INSTREAM). Where none is configured nothing is asked."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from flask import current_app

PIECE = 64 * 1024
PATIENCE = 60
"""Seconds that one answer may take."""

LONGEST_ANSWER = 4096


class NoAnswer(Exception):
    """The daemon cannot be reached, or says something that is no verdict; the file stays as it is."""


@dataclass(frozen=True)
class Verdict:
    """What the daemon says: the name of what it found, or nothing."""

    found: str | None


def is_configured() -> bool:
    """Whether there is a daemon to ask."""
    return bool(current_app.config.get("CLAMAV_URL"))


def scan(content: bytes) -> Verdict:
    """Ask about a content. Raises NoAnswer."""
    answer = _asked(str(current_app.config["CLAMAV_URL"]), content)
    said = answer.removeprefix("stream: ")
    if said == "OK":
        return Verdict(None)
    if said.endswith(" FOUND"):
        return Verdict(said.removesuffix(" FOUND")[:200])
    raise NoAnswer(said[:200] or "the connection was closed without an answer")


def _asked(address: str, content: bytes) -> str:
    try:
        with _connected(address) as connection:
            connection.sendall(b"zINSTREAM\0")
            for start in range(0, len(content), PIECE):
                piece = content[start : start + PIECE]
                connection.sendall(struct.pack("!L", len(piece)) + piece)
            connection.sendall(struct.pack("!L", 0))
            return _received(connection)
    except OSError as error:
        raise NoAnswer(str(error) or type(error).__name__) from error


def _connected(address: str) -> socket.socket:
    parts = urlsplit(address)
    if parts.scheme == "unix":
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(PATIENCE)
        connection.connect(unquote(parts.path))
        return connection
    return socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 3310), timeout=PATIENCE)


def _received(connection: socket.socket) -> str:
    answer = b""
    while not answer.endswith(b"\0") and len(answer) < LONGEST_ANSWER:
        more = connection.recv(1024)
        if not more:
            break
        answer += more
    return answer.rstrip(b"\0\n").decode("utf-8", "replace").strip()
