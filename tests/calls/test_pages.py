"""The pages of a call: the public's and the coordinators'."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask

from grants.calls.actions import import_call, publish
from grants.calls.forms import read_call
from grants.calls.models import Call
from grants.core import clock
from grants.core.db import db
from tests.http import Browser

SAMPLE = Path(__file__).parents[2] / "sample"
OPEN = datetime(2027, 2, 1, 12, tzinfo=UTC)


@pytest.fixture
def sample(app: Flask) -> Call:
    with clock.at(datetime(2027, 1, 5, tzinfo=UTC)):
        return import_call(read_call(SAMPLE), by=None)


@pytest.fixture
def published(sample: Call) -> Call:
    with clock.at(datetime(2027, 1, 6, tzinfo=UTC)):
        publish(sample, by=None)
        db.session.commit()
    return sample


def test_a_visitor_reads_the_call_and_its_questions(published: Call, browser: Browser) -> None:
    with clock.at(OPEN):
        browser.get("/calls")
        assert "MPF-2027-01" in browser.text
        browser.get("/calls/MPF-2027-01")
        assert "May we apply?" in browser.text
        browser.get("/calls/MPF-2027-01/questions")
        assert "What is the problem, and how do you know?" in browser.text
        browser.get("/calls/manage", status=401)
