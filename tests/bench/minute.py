"""The last minute before a deadline: hundreds send their applications in while everybody else goes on writing.

It is the product as ``grants up`` runs it on this machine: its web processes, worker and beat, a PostgreSQL that writes
every commit to the disk, mails that are sent.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import text

from config import ROOT
from grants.applications.models import Application
from grants.core.db import db
from grants.questionnaires.queries import definition_of
from tests.bench import world
from tests.bench.running import running

DRAFTS, SUBMISSIONS, SECONDS = 1000, 300, 60
SETTLED = 15
"""Seconds that the product has been running before anybody comes: a new one has all its regular work to do at once."""

PATTERN = "APP-005"
"""The finished application that all of them are copies of."""


def measure(folder: Path) -> dict[str, Any]:
    """How long submissions and saves take, what went wrong, and what the database says afterwards."""
    with world.opened(folder) as app:
        plan = _prepared(app)
    with world.opened(folder, durable=True) as app, running(folder) as address:
        time.sleep(SETTLED)
        crowd = subprocess.run(
            [sys.executable, "-m", "tests.bench.crowd"],
            cwd=ROOT,
            input=json.dumps(plan | {"address": address}),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        told = json.loads(crowd.stdout)
        stored = _stored(app, plan, told.pop("kept"))
    target = {"errors": 0, "p95": 1.0, "receipts": SUBMISSIONS, "submitted": SUBMISSIONS, "texts_lost": 0}
    reached = {"errors": told["errors"], **stored}
    met = told["submissions"].get("p95", 99) < target["p95"] and all(reached[name] == target[name] for name in reached)
    assumed = (
        f"{DRAFTS} people type without a pause: each page saves every {plan['every']:g} s, as often as it ever does"
    )
    return {"deadline_minute": {"assumed": assumed, **told, **stored, "target": target, "met": met}}


def _prepared(app: Flask) -> dict[str, Any]:
    """Complete drafts of as many organizations, and who writes where."""
    world.make_draft(app, PATTERN)
    references = world.copy_application(app, PATTERN, DRAFTS + SUBMISSIONS)
    people = [{"reference": r, "cookie": world.cookie_of(app, r.replace("APP", "USR"))} for r in references]
    places = _places_to_write(app)
    drafts = [person | places[n % len(places)] for n, person in enumerate(people[:DRAFTS])]
    return {"drafts": drafts, "submissions": people[DRAFTS:], "every": _latest_save(), "seconds": SECONDS}


def _places_to_write(app: Flask) -> list[dict[str, str]]:
    """The first long text of each section that has one."""
    with app.app_context():
        application = db.session.query(Application).filter_by(reference=PATTERN).one()
        sections = definition_of(application.questionnaire_id).sections
        texts = [(section, next((q for q in section.questions if q.type == "longtext"), None)) for section in sections]
        return [{"section": section.key, "question": question.key} for section, question in texts if question]


def _latest_save() -> float:
    """How many seconds the page lets pass at most before it saves what somebody types."""
    found = re.search(r"const LATEST = (\d+)", (ROOT / "static" / "js" / "draft.js").read_text(encoding="utf-8"))
    assert found
    return int(found.group(1)) / 1000


def _stored(app: Flask, plan: dict[str, Any], kept: dict[str, str]) -> dict[str, int]:
    """What the database has of what the crowd was told."""
    question = {draft["reference"]: draft["question"] for draft in plan["drafts"]}
    sent = [application["reference"] for application in plan["submissions"]]
    with app.app_context():
        found = "FROM receipt r JOIN application a ON a.id = r.application_id WHERE a.reference = ANY(:sent)"
        receipts = db.session.execute(text(f"SELECT count(DISTINCT r.number) {found}"), {"sent": sent}).scalar_one()
        states = "SELECT count(*) FROM application WHERE reference = ANY(:sent) AND state = 'submitted'"
        submitted = db.session.execute(text(states), {"sent": sent}).scalar_one()
        answers = (
            "SELECT a.reference, jsonb_object_agg(key, value) FROM application a"
            " JOIN section_answers s USING (answer_sheet_id), jsonb_each(s.values)"
            " WHERE a.reference = ANY(:drafts) GROUP BY a.reference"
        )
        texts = dict(db.session.execute(text(answers), {"drafts": list(question)}).tuples().all())
    lost = [reference for reference, key in question.items() if texts[reference][key] != kept.get(reference)]
    return {"receipts": receipts, "submitted": submitted, "texts_lost": len(lost)}
