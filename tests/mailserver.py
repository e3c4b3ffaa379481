"""A real SMTP server for tests: keeps what it accepted, and can be slow or refuse."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message
from typing import Any

from aiosmtpd.controller import Controller


class Mailbox:
    """What arrived, in order. ``delay`` keeps every sender waiting for the server's answer."""

    def __init__(self) -> None:
        self.mails: list[Message] = []
        self.delay = 0.0
        self.answers: list[str] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Accept a mail, or give the next scripted answer."""
        if self.answers:
            return self.answers.pop(0)
        self.mails.append(message_from_bytes(envelope.content))
        await asyncio.sleep(self.delay)
        return "250 accepted"

    @property
    def copies(self) -> Counter[str]:
        """How many copies of each mail arrived, by Message-ID."""
        return Counter(mail["Message-ID"] for mail in self.mails)


@contextmanager
def smtp_server() -> Iterator[tuple[Mailbox, str]]:
    """A mailbox and the MAIL_URL that leads to it."""
    mailbox = Mailbox()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield mailbox, f"smtp://127.0.0.1:{port}"
    finally:
        controller.stop()
