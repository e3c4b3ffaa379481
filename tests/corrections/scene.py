"""A published call that is corrected while somebody writes an application to it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from grants.accounts.models import Person, Role
from grants.applications import actions as applications
from grants.applications.models import Application
from grants.calls.actions import import_call, publish, save_working_copy
from grants.calls.models import Call, Correction
from grants.calls.queries import call_for_import, working_copy_of, written_documents
from grants.core import clock
from grants.core.db import db
from grants.corrections.actions import publish_correction
from tests import factories
from tests.applications import sample
from tests.calls.other_call import documents

OPEN = datetime(2027, 5, 1, tzinfo=UTC)
ANSWERS = {
    "title": "Bridges",
    "lot": "a",
    "people": 12,
    "requested_amount": "500000",
    "mood": 2,
    "costs": [{"what": "Room", "price": "100000"}, {"what": "Tea", "price": "2000"}],
}


def simple(opens: datetime | None = None) -> dict[str, Any]:
    """A call whose form asks only what the tests answer; ``opens`` in the place of its usual dates."""
    made = documents()
    if opens is not None:
        closes = (opens + timedelta(days=2)).isoformat()
        made["call"]["timetable"] = {"timezone": "UTC", "published_at": opens.isoformat(), "deadline": closes}
    made["form"]["sections"].append(
        {"id": "more", "title": "More", "questions": [{"key": "why", "type": "longtext", "label": "Why?"}]}
    )
    return made


class Scene:
    """A published call, an organization that writes and one that has sent in, and a coordinator."""

    def __init__(self, opens: datetime | None = None) -> None:
        self.coordinator = factories.person(Role.GLOBAL_COORDINATOR)
        call = import_call(simple(opens), by=None)
        self.at = opens + timedelta(days=1) if opens else OPEN
        with clock.at(datetime(2027, 1, 5, tzinfo=UTC) if opens is None else opens):
            publish(call, by=None)
        self.writer, self.draft = self.begun(call)
        self.other, self.sent = self.begun(call)
        with clock.at(self.at):
            sample.send_in(self.sent, by=self.other)
        db.session.commit()

    def begun(self, call: Call) -> tuple[Person, Application]:
        """An application with every answer."""
        person = factories.person()
        organization = factories.organization(person, country="JP")
        with clock.at(self.at):
            application = applications.start(call, organization, language="ja", by=person)
            for key in ("only", "more"):
                values = ANSWERS if key == "only" else {"why": "Because"}
                applications.save_section(application, key, values, by=person, version=None)
        return person, application

    @property
    def call(self) -> Call:
        """The call as the database has it now."""
        found = call_for_import("KIZUNA.2027")
        assert found is not None
        return found

    def correct(
        self, change: Callable[[dict[str, Any]], None], at: datetime = OPEN, reason: str = "A mistake"
    ) -> Correction:
        """Write a correction and publish it."""
        call = self.call
        kept = working_copy_of(call)
        written = copy.deepcopy(written_documents(call))
        change(written)
        with clock.at(at):
            save_working_copy(call, written, version=kept.version if kept else 0, by=self.coordinator)
            return publish_correction(call, reason, by=self.coordinator)


def questions(written: dict[str, Any], section: int = 0) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = written["form"]["sections"][section]["questions"]
    return found
