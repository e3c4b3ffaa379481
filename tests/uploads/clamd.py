"""A small virus scanner on a real socket that speaks as ClamAV does, and knows one virus: the harmless one for tests."""

from __future__ import annotations

import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
FOUND = "Eicar-Test-Signature"
MOST = 25 * 1024 * 1024


@dataclass
class Scanner:
    """Where it listens, what it was given, and what it answers instead when it is broken."""

    url: str
    seen: list[bytes] = field(default_factory=list)
    instead: bytes | None = None


class _Conversation(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        scanner: Scanner = self.server.scanner  # type: ignore[attr-defined]
        command = b""
        while not command.endswith(b"\0"):
            letter = self.rfile.read(1)
            if not letter:
                return
            command += letter
        assert command == b"zINSTREAM\0", command
        content = b""
        while length := struct.unpack("!L", self.rfile.read(4))[0]:
            content += self.rfile.read(length)
            if len(content) > MOST:
                self.wfile.write(b"INSTREAM size limit exceeded. ERROR\0")
                return
        scanner.seen.append(content)
        verdict = b"stream: %s FOUND\0" % FOUND.encode() if EICAR in content else b"stream: OK\0"
        self.wfile.write(verdict if scanner.instead is None else scanner.instead)


@contextmanager
def clamd() -> Iterator[Scanner]:
    """A scanner that listens while it is needed."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Conversation) as server:
        scanner = server.scanner = Scanner(f"tcp://127.0.0.1:{server.server_address[1]}")  # type: ignore[attr-defined]
        running = threading.Thread(target=server.serve_forever)
        running.start()
        try:
            yield scanner
        finally:
            server.shutdown()
            running.join()
