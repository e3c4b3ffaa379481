"""Figures of writing and sending in that are promises rather than speeds: what is lost, what comes in too late."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text

from grants.applications.actions import _send_in_before_the_deadline as send_in
from grants.applications.models import Application
from grants.core import clock
from grants.core.db import db
from grants.questionnaires.actions import create_questionnaire, new_sheet
from tests.bench import world
from tests.questionnaires.together import FORM, act_out

CHANGES_OF_CLOCKS = (
    datetime(2027, 3, 28, 2, tzinfo=ZoneInfo("Europe/Brussels")),
    datetime(2027, 10, 31, 2, tzinfo=ZoneInfo("Europe/Brussels")),
    datetime(2027, 3, 14, 2, tzinfo=ZoneInfo("America/New_York")),
    datetime(2027, 4, 4, 2, tzinfo=ZoneInfo("Australia/Lord_Howe")),
)
"""Nights in which the clocks change, one of them by half an hour."""


def lost_in_writing(folder: Path, schedules: int = 1000) -> dict[str, Any]:
    """Words lost or overwritten unseen while two people write on bad lines, over so many random schedules."""
    with world.opened(folder) as app, app.test_request_context(method="POST"):
        people = world.person("USR-PE-1"), world.person("USR-SN-1")
        questionnaire = create_questionnaire(FORM)
        lost = 0
        for seed in range(schedules):
            lost += len(act_out(Random(seed), new_sheet(questionnaire, language="en", by=people[0]), people))
        db.session.rollback()
    return {"writing": {"schedules": schedules, "lost": lost, "target": 0, "met": lost == 0}}


def around_the_deadline(folder: Path, submissions: int = 10_000) -> dict[str, Any]:
    """Submissions at random moments around deadlines in nights of changing clocks: who was wronged, and how."""
    chance = Random(2027)
    late, refused = 0, 0
    with world.opened(folder) as app, app.test_request_context(method="POST"):
        application = db.session.query(Application).filter_by(reference="APP-402").one()
        by = world.person("USR-PE-1")
        for _ in range(submissions):
            deadline = chance.choice(CHANGES_OF_CLOCKS) + timedelta(minutes=chance.randint(-90, 90))
            moment = deadline.astimezone(UTC) + timedelta(microseconds=int(chance.gauss(0, 2_000_000)))
            with clock.at(moment):
                db.session.execute(
                    text("UPDATE call SET opens_at = :opens, closes_at = :closes WHERE id = :id"),
                    {"opens": moment - timedelta(days=30), "closes": deadline, "id": application.call_id},
                )
                received = send_in(application, "0" * 64, by)
            late += received and moment >= deadline.astimezone(UTC)
            refused += not received and moment < deadline.astimezone(UTC)
            db.session.rollback()
    told = {"submissions": submissions, "late_accepted": late, "on_time_refused": refused, "target": 0}
    return {"deadline": told | {"met": late == refused == 0}}
