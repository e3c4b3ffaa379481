"""A world for each journey."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.journeys.world import World
from tests.mailserver import smtp_server


@pytest.fixture
def world(live: Flask) -> Iterator[World]:
    """Everybody of the sample in a database of their own, with a mail server."""
    with smtp_server() as (mailbox, address):
        live.config["MAIL_URL"] = address
        yield World(live, mailbox)
