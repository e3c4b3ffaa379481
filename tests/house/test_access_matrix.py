"""Every address, called in every way by everybody: who gets in, who is told what, and what they never see.

The expectation is ``access_matrix.csv``: one line for each address, method and subject, one column for each kind of
person. ``WRITE_MATRIX=1`` writes it; it is read by a person before it is kept.
"""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from sqlalchemy import Connection, text
from werkzeug.routing import Rule

from config import Config
from grants.app import create_app
from grants.core import files, pdf, web
from grants.core.db import db
from grants.demo.people import PASSWORD
from tests.conftest import DEMONSTRATION, copied, plan_once
from tests.house import fund

MATRIX = Path(__file__).with_name("access_matrix.csv")
PERSONS = ("visitor", *fund.PEOPLE)
UNKNOWN = "unknown"

ROLES = {
    "reviewer_writing": "reviewer",
    "reviewer_done": "reviewer",
    "reviewer_asked": "reviewer",
    "reviewer_conflicted": "reviewer",
    "reviewer_other": "reviewer",
    "member_seated": "committee_member",
    "member_recused": "committee_member",
    "member_absent": "committee_member",
    "coordinator": "regional_coordinator",
    "coordinator_conflicted": "regional_coordinator",
    "coordinator_elsewhere": "regional_coordinator",
    "global_coordinator": "global_coordinator",
    "finance": "finance_officer",
    "finance_conflicted": "finance_officer",
    "auditor": "auditor",
    "auditor_conflicted": "auditor",
    "administrator": "administrator",
}
"""The role of each person in :data:`fund.PEOPLE`; members of organizations have none."""


# ------------------------------------------------------------------ what is called


def ids(app: Flask) -> dict[str, Any]:
    """The subjects that addresses name by their ids."""
    found: dict[str, Any] = {}
    asked = {
        "attachment_of": "SELECT a.id FROM attachment a JOIN application p ON p.id = a.application_id"
        " JOIN document_asked d ON d.id = a.document_id WHERE p.reference = :r AND d.key = 'workplan'",
        "sensitive_of": "SELECT a.id FROM attachment a JOIN application p ON p.id = a.application_id"
        f" JOIN document_asked d ON d.id = a.document_id WHERE p.reference = :r AND d.key = '{fund.SENSITIVE}'",
        "membership_of": "SELECT m.id FROM membership m JOIN organization o ON o.id = m.organization_id"
        " WHERE o.reference = :r ORDER BY m.id DESC LIMIT 1",
        "milestone_of": "SELECT m.id FROM milestone m JOIN award a ON a.id = m.award_id WHERE a.reference = :r LIMIT 1",
        "condition_of": "SELECT m.id FROM condition m JOIN award a ON a.id = m.award_id WHERE a.reference = :r LIMIT 1",
        "checked_of": "SELECT p.id FROM diligence_point p JOIN diligence d ON d.id = p.diligence_id"
        " JOIN award a ON a.id = d.award_id WHERE a.reference = :r AND p.file_id IS NOT NULL ORDER BY p.id LIMIT 1",
        "agreed_of": "SELECT c.id FROM agreed_change c JOIN visit v ON v.id = c.visit_id"
        " JOIN award a ON a.id = v.award_id WHERE a.reference = :r ORDER BY c.id LIMIT 1",
        "change_of": "SELECT max(c.id) FROM reported_change c JOIN report r ON r.id = c.report_id"
        " JOIN report_due d ON d.id = r.report_due_id JOIN award a ON a.id = d.award_id WHERE a.reference || d.key = :r",
        "document_of": "SELECT max(p.id) FROM report_document p JOIN report r ON r.id = p.report_id"
        " JOIN report_due d ON d.id = r.report_due_id JOIN award a ON a.id = d.award_id WHERE a.reference || d.key = :r",
        "paper_of": "SELECT max(p.file_id) FROM report_document p JOIN report r ON r.id = p.report_id"
        " JOIN report_due d ON d.id = r.report_due_id JOIN award a ON a.id = d.award_id WHERE a.reference || d.key = :r",
        "due_of": "SELECT d.id FROM report_due d JOIN award a ON a.id = d.award_id WHERE a.reference || d.key = :r",
        "assignment_of": "SELECT s.id FROM assignment s JOIN application a ON a.id = s.application_id"
        " JOIN person p ON p.id = s.reviewer_id WHERE a.reference || p.reference = :r",
        "standing_letter_of": "SELECT l.id FROM letter l JOIN award a ON a.application_id = l.application_id"
        " WHERE a.reference = :r AND l.kind = 'suspension' LIMIT 1",
        "session_of": "SELECT s.id FROM session s JOIN person p ON p.id = s.person_id WHERE p.reference = :r",
        "role_of": "SELECT g.id FROM role_grant g JOIN person p ON p.id = g.person_id WHERE p.reference = :r",
    }
    with app.app_context():
        for name, statement in asked.items():
            found[name] = lambda r, s=statement: _id(app, s, r)
        numbers = (
            "SELECT p.reference, max(r.number) FROM receipt r JOIN application p ON p.id = r.application_id GROUP BY 1"
        )
        found["receipts"] = dict(map(tuple, db.session.execute(text(numbers))))
        found["enquiry"] = db.session.scalar(
            text("SELECT e.reference FROM enquiry e JOIN person p ON p.id = e.asker_id WHERE p.reference = 'USR-DO-1'")
        )
        found["mail"] = db.session.scalar(text("SELECT max(id) FROM outbox WHERE state = 'failed'"))
        found["invitation"] = db.session.scalar(text("SELECT max(id) FROM invitation"))
        found["point"] = db.session.scalar(
            text("SELECT min(p.id) FROM agenda_point p JOIN meeting m ON m.id = p.meeting_id WHERE m.reference = :r"),
            {"r": fund.MEETING},
        )
        for name, state in (("award_import", "done"), ("waiting_import", "prepared")):
            asked_for = text("SELECT max(id) FROM award_import WHERE state = :state")
            found[name] = db.session.scalar(asked_for, {"state": state})
        past = "SELECT o.reference, p.reference FROM past_award p JOIN organization o ON o.id = p.organization_id"
        pasts = dict(map(tuple, db.session.execute(text(past))))
        found["past_award"] = lambda whose: pasts[{"a": fund.A, "b": fund.B}[whose]]
        found["order"] = db.session.scalar(text("SELECT max(reference) FROM payment_order"))
        found["ordered"] = db.session.scalar(
            text("SELECT max(d.reference) FROM order_line l JOIN disbursement d ON d.id = l.disbursement_id")
        )
        found["statement"] = db.session.scalar(text("SELECT max(id) FROM bank_statement"))
        lines = text("SELECT max(e.id) FROM statement_entry e WHERE e.statement_id = :id")
        found["statement_line"] = db.session.scalar(lines, {"id": found["statement"]})
        found["proposal"] = db.session.scalar(text("SELECT max(id) FROM role_proposal"))
        found["note"] = db.session.scalar(text("SELECT max(id) FROM draft_note"))
        for name in ("list_file", "kept_filter"):
            found[name] = db.session.scalar(text(f"SELECT max(id) FROM {name}"))
        for name in ("joining_request", "kept_document", "organization_identifier", "sponsorship", "resemblance"):
            found[name] = db.session.scalar(text(f"SELECT max(id) FROM {name}"))
        db.session.remove()
    return found


def _id(app: Flask, statement: str, reference: str) -> int:
    with app.app_context():
        found = db.session.scalar(text(statement), {"r": reference})
        db.session.remove()
    assert found is not None, f"nothing for {reference}: {statement}"
    return int(found)


NOBODY = 999_999_999


def subjects(app: Flask) -> dict[str, dict[str, dict[str, Any]]]:
    """For the beginning of an address: the subjects it is called with, and the values of its parameters for each.

    ``crossed`` names what belongs to B under what belongs to A: whoever may see only one of them must not get it.
    """
    of = ids(app)
    a, b = fund.UNDER_REVIEW.values()
    paper = {"a": of["attachment_of"](a), "b": of["attachment_of"](b), "sensitive": of["sensitive_of"](a)}
    grant_a, grant_b = fund.GRANTS.values()

    def review(application: str, reviewer: str) -> int:
        return int(of["assignment_of"](application + reviewer))

    def grant(reference: str, child: str) -> dict[str, Any]:
        return {
            "reference": reference,
            "milestone_id": of["milestone_of"](child),
            "condition_id": of["condition_of"](child),
            "point_id": of["checked_of"](child),
            "refund_reference": f"{child}-R1",
            "version": 1,
            "number": 1,
            "verb": "suspend",
            "what": "withdraw",
            "letter_id": of["standing_letter_of"](child),
            "change_id": of["agreed_of"](child),
            "file": 1,
        }

    def report(due: str, papers: str) -> dict[str, Any]:
        return {
            "due_id": of["due_of"](due),
            "section_key": "note" if due.endswith("note") else "done",
            "change_id": of["change_of"](papers),
            "document_id": of["document_of"](papers),
            "number": 1,
            "file_id": of["paper_of"](papers),
        }

    told_by_a, told_by_b, note = (
        f"{grant_a}interim_report",
        f"{grant_b}final_report",
        f"{grant_a}inception_note",
    )

    kept = {
        "request_id": of["joining_request"],
        "document_id": of["kept_document"],
        "identifier_id": of["organization_identifier"],
        "sponsorship_id": of["sponsorship"],
        "resemblance_id": of["resemblance"],
        "token": "a-token-of-nobody",
    }
    nothing_kept = dict.fromkeys(kept, NOBODY) | {"token": "a-token-of-nobody"}

    of_paper = {"number": 1, "question_key": "problem"}
    return {
        "": {"-": {}},
        "static": {"-": {"filename": "css/pilot.css"}, UNKNOWN: {"filename": "css/none.css"}},
        "account": {
            "a": {"session_id": of["session_of"]("USR-LB-1")},
            "b": {"session_id": of["session_of"]("USR-DO-1")},
            UNKNOWN: {"session_id": NOBODY},
        },
        "applications": {
            "a": {"reference": a, "attachment_id": paper["a"], "receipt_number": of["receipts"][a], "note_id": NOBODY},
            "a-sensitive": {"reference": a, "attachment_id": paper["sensitive"]},
            "a-draft": {
                "reference": fund.DRAFTS["a"],
                "attachment_id": paper["a"],
                "receipt_number": of["receipts"][a],
                "note_id": of["note"],
            },
            "a-awarded": {"reference": fund.AWARDED["a"]},
            "b": {"reference": b, "attachment_id": paper["b"], "receipt_number": of["receipts"][b], "note_id": NOBODY},
            "crossed": {
                "reference": a,
                "attachment_id": paper["b"],
                "receipt_number": of["receipts"][b],
                "note_id": of["note"],
            },
            UNKNOWN: {
                "reference": "APP-NONE",
                "attachment_id": NOBODY,
                "receipt_number": "R-NONE",
                "note_id": NOBODY,
            },
        },
        "calls": {
            "review": {"reference": fund.CALL, "enquiry_reference": "ENQ-NONE", "number": 1},
            "open": {"reference": fund.OPEN_CALL, "enquiry_reference": of["enquiry"], "number": 1},
            "decided": {"reference": fund.PAST_CALL, "enquiry_reference": "ENQ-NONE", "number": 1},
            "draft": {"reference": fund.DRAFT_CALL, "enquiry_reference": "ENQ-NONE", "number": 1},
            "crossed": {"reference": fund.CALL, "enquiry_reference": of["enquiry"], "number": 1},
            UNKNOWN: {"reference": "MPF-NONE", "enquiry_reference": "ENQ-NONE", "number": NOBODY},
        },
        "calls/application": {
            "a": {"reference": fund.CALL, "application_reference": a},
            "a-draft": {"reference": fund.OPEN_CALL, "application_reference": fund.DRAFTS["a"]},
            "b": {"reference": fund.CALL, "application_reference": b},
            "crossed": {"reference": fund.OPEN_CALL, "application_reference": a},
            UNKNOWN: {"reference": fund.CALL, "application_reference": "APP-NONE"},
        },
        "meetings": {
            "coming": {"reference": fund.MEETING, "point_id": of["point"]},
            "past": {"reference": fund.PAST_MEETING, "point_id": of["point"]},
            UNKNOWN: {"reference": "MPF-NONE-M1", "point_id": NOBODY},
        },
        "meetings/application": {
            "a": {"reference": fund.MEETING, "application_reference": a, "attachment_id": paper["a"], "number": 1},
            "a-sensitive": {
                "reference": fund.MEETING,
                "application_reference": a,
                "attachment_id": paper["sensitive"],
                "number": 1,
            },
            "b": {"reference": fund.MEETING, "application_reference": b, "attachment_id": paper["b"], "number": 1},
            "crossed": {
                "reference": fund.PAST_MEETING,
                "application_reference": a,
                "attachment_id": paper["a"],
                "number": 1,
            },
            "crossed-file": {
                "reference": fund.MEETING,
                "application_reference": b,
                "attachment_id": paper["a"],
                "number": 1,
            },
            UNKNOWN: {
                "reference": fund.MEETING,
                "application_reference": "APP-NONE",
                "attachment_id": NOBODY,
                "number": 1,
            },
        },
        "reviews": {
            "a-writing": {"assignment_id": review(a, "REV-2"), "attachment_id": paper["a"], **of_paper},
            "a-sensitive": {"assignment_id": review(a, "REV-2"), "attachment_id": paper["sensitive"], **of_paper},
            "a-done": {"assignment_id": review(a, "REV-3"), "attachment_id": paper["a"], **of_paper},
            "a-asked": {"assignment_id": review(a, "REV-5"), "attachment_id": paper["a"], **of_paper},
            "b": {"assignment_id": review(b, "REV-6"), "attachment_id": paper["b"], **of_paper},
            "crossed": {"assignment_id": review(b, "REV-6"), "attachment_id": paper["a"], **of_paper},
            UNKNOWN: {"assignment_id": NOBODY, "attachment_id": NOBODY, **of_paper},
        },
        "organizations": {
            "a": kept
            | {"reference": fund.A, "membership_id": of["membership_of"](fund.A), "invitation_id": of["invitation"]},
            "b": nothing_kept
            | {"reference": fund.B, "membership_id": of["membership_of"](fund.B), "invitation_id": NOBODY},
            "crossed": kept
            | {
                "reference": fund.B,
                "membership_id": of["membership_of"](fund.A),
                "invitation_id": of["invitation"],
            },
            UNKNOWN: nothing_kept | {"reference": "ORG-NONE", "membership_id": NOBODY, "invitation_id": NOBODY},
        },
        "uploads": {"a-draft": {"key": fund.UPLOAD}, UNKNOWN: {"key": "the-key-of-nothing"}},
        "booklets": {"a-draft": {"key": fund.BOOKLET}, UNKNOWN: {"key": "the-key-of-nothing"}},
        "enquiries": {"a-question": {"token": fund.QUESTION}, UNKNOWN: {"token": "a-token-of-nobody"}},
        "invitations": {
            "a": {"token": fund.INVITATION, "invitation_id": of["invitation"]},
            UNKNOWN: {"token": "a-token-of-nobody", "invitation_id": NOBODY},
        },
        "grants": {
            "a": grant(grant_a, grant_a),
            "b": grant(grant_b, grant_b),
            "crossed": grant(grant_b, grant_a),
            UNKNOWN: grant(grant_a, grant_a) | {"reference": "MPF-NONE-G01"},
        },
        "reports": {
            "a": report(told_by_a, told_by_a),
            "a-draft": report(note, told_by_a),
            "b": report(told_by_b, told_by_b),
            "crossed": report(told_by_b, told_by_a),
            UNKNOWN: report(told_by_a, told_by_a) | {"due_id": NOBODY},
        },
        "payments/orders": {
            "ordered": {"reference": of["order"], "payment": of["ordered"]},
            UNKNOWN: {"reference": "PO-NONE", "payment": of["ordered"]},
        },
        "payments/statements": {
            "brought": {"number": of["statement"], "entry": of["statement_line"]},
            UNKNOWN: {"number": NOBODY, "entry": NOBODY},
        },
        "payments": {
            "a": {"reference": fund.PAYMENTS["a"]},
            "b": {"reference": fund.PAYMENTS["b"]},
            UNKNOWN: {"reference": "MPF-NONE-G01-P1"},
        },
        "reviewers": {
            "reviewer": {"reference": "REV-1"},
            "member-of-a": {"reference": "USR-LB-1"},
            UNKNOWN: {"reference": "PER-NONE"},
        },
        "imports": {
            "done": {"import_id": of["award_import"]},
            "waiting": {"import_id": of["waiting_import"]},
            UNKNOWN: {"import_id": NOBODY},
        },
        "past-grants": {
            "a": {"reference": of["past_award"]("a")},
            "b": {"reference": of["past_award"]("b")},
            UNKNOWN: {"reference": "IMP-0-0001"},
        },
        "mails": {"failed": {"mail_id": of["mail"]}, UNKNOWN: {"mail_id": NOBODY}},
        "people": {
            "member-of-a": {
                "reference": "USR-LB-1",
                "grant_id": of["role_of"]("STF-08"),
                "proposal_id": of["proposal"],
            },
            "staff": {"reference": "STF-08", "grant_id": of["role_of"]("STF-08"), "proposal_id": of["proposal"]},
            UNKNOWN: {"reference": "PER-NONE", "grant_id": NOBODY, "proposal_id": NOBODY},
        },
        "complaints": {"a": {"reference": fund.COMPLAINT}, UNKNOWN: {"reference": "APP-NONE-C1"}},
        "exports": {"of-the-auditor": {"file_id": of["list_file"]}, UNKNOWN: {"file_id": NOBODY}},
        "filters": {"of-finance": {"filter_id": of["kept_filter"]}, UNKNOWN: {"filter_id": NOBODY}},
        "confirm-report": {UNKNOWN: {"token": "a-token-of-nobody"}},
        "confirm-entry": {UNKNOWN: {"token": "a-token-of-nobody"}},
        "first-sign-in": {UNKNOWN: {"token": "a-token-of-nobody"}},
        "confirm": {UNKNOWN: {"token": "a-token-of-nobody"}},
        "confirm-address": {UNKNOWN: {"token": "a-token-of-nobody"}},
        "reset-password": {UNKNOWN: {"token": "a-token-of-nobody"}},
    }


KEYS = {
    "applications.section": {"key": "S2"},
    "applications.attach": {"key": "workplan"},
    "applications.withhold": {"key": "workplan"},
    "applications.attach_kept": {"key": "workplan", "document_id": NOBODY},
    "uploads.begin": {"key": "workplan"},
    "uploads.join": {"key": "workplan"},
    "checks.judge": {"key": "E01"},
    "calls.preview": {"key": "S2"},
    "letters.letter": {"kind": "decline", "language": "en"},
    "letters.reset": {"kind": "decline", "language": "en"},
    "editing.part": {"key": "words"},
    "editing.member": {"key": "questions", "place": "0-0"},
    "editing.source": {"document": "call"},
    "trials.section": {"key": "S2"},
    "enquiries.form_pdf": {"language": "en"},
    "drafts.versions": {"key": "S2"},
    "drafts.bring_back": {"key": "S2", "number": 1},
}
"""The values of parameters that name a part of a questionnaire or of a call."""

CHILDREN = {
    "enquiry_reference",
    "attachment_id",
    "receipt_number",
    "membership_id",
    "invitation_id",
    "milestone_id",
    "condition_id",
    "point_id",
    "refund_reference",
    "change_id",
    "request_id",
    "document_id",
    "identifier_id",
    "sponsorship_id",
    "note_id",
}
"""Parameters of which the wrong one may stand under the right subject."""

ONLY_FOR = {
    "crossed": CHILDREN | {"application_reference"},
    "crossed-file": {"attachment_id"},
    "a-sensitive": {"attachment_id"},
    "a-awarded": {"decisions.letter"},
}
"""Subjects that matter only to addresses with one of these parameters or endpoints."""


def values_for(rule: Rule, world: dict[str, dict[str, dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """The subjects an address is called with: name of the subject to values of all parameters."""
    wanted = set(rule.arguments)
    start = rule.rule.split("/")[1]
    if not wanted:
        return {"-": {}}
    below = "/".join(rule.rule.split("/")[1:3])
    group = world.get(f"{start}/application" if "application_reference" in wanted else start, {})
    group = world.get(below, group)
    own = KEYS.get(rule.endpoint, {})
    known = {name for values in group.values() for name in values} | set(own)
    assert wanted <= known, (
        f"{rule.rule} has the parameter {sorted(wanted - known)}, and the access matrix does not know which subjects to"
        f" call it with: say so in subjects() or KEYS of {Path(__file__).name}"
    )
    chosen = {}
    for name, values in group.items():
        needed = ONLY_FOR.get(name)
        if needed is None or needed & (wanted | {rule.endpoint}):
            chosen[name] = {key: value for key, value in (values | own).items() if key in wanted}
    return chosen


# ------------------------------------------------------------------ calling


@dataclass(frozen=True)
class Call:
    """One address, called in one way about one subject."""

    endpoint: str
    method: str
    subject: str
    path: str
    who: frozenset[str]


@dataclass
class Answer:
    """What one person got."""

    call: Call
    person: str
    status: int
    kind: str
    wrote: bool
    canaries: set[str]
    told: str = ""
    headers: str = ""
    trusted: str = ""


@dataclass
class Session:
    """A signed-in browser: its cookie and the token of its forms."""

    cookie: str
    token: str


def calls_of(app: Flask) -> list[Call]:
    """Everything that can be called."""
    world = subjects(app)
    found = []
    for rule in sorted(app.url_map.iter_rules(), key=lambda r: (r.rule, r.endpoint)):
        who = app.view_functions[rule.endpoint].access  # type: ignore[attr-defined]
        for subject, values in values_for(rule, world).items():
            with app.test_request_context():
                path = app.url_map.bind("localhost").build(rule.endpoint, values)
            methods = sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
            found += [Call(rule.endpoint, method, subject, path, who) for method in methods]
    return found


def sign_in(app: Flask, reference: str) -> Session:
    client = app.test_client()
    page = "/account"
    if reference:
        with app.app_context():
            email = fund.person(reference).email
            db.session.remove()
        token = _token(client.get("/sign-in").get_data(as_text=True))
        answer = client.post("/sign-in", data={"email": email, "password": PASSWORD, "csrf_token": token})
        assert answer.status_code == 302, f"{reference} cannot sign in"
    else:
        page = "/sign-in"
    token = _token(client.get(page).get_data(as_text=True))
    cookie = client.get_cookie("session")
    assert cookie is not None
    return Session(f"session={cookie.value}", token)


def _token(page: str) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert found, page[:500]
    return found.group(1)


UNESCAPED = re.compile(re.escape(fund.MARKUP).encode() + b"canary")


class Caller:
    """Calls addresses inside a transaction that is rolled back after each, and notices every attempt to write."""

    def __init__(self, app: Flask, connection: Connection) -> None:
        self.app, self.connection = app, connection
        self.client = app.test_client(use_cookies=False)

    def call(self, call: Call, person: str, session: Session, *, token: bool = True) -> Answer:
        outer = self.connection.begin()
        form = {"csrf_token": session.token} if token else {}
        sent = {"data": form} if call.method != "GET" else {}
        headers = {"Cookie": session.cookie, "Origin": "http://localhost"}
        answer = self.client.open(call.path, method=call.method, headers=headers, **sent)
        body = answer.get_data()
        wrote = self.connection.scalar(text("SELECT pg_current_xact_id_if_assigned()")) is not None
        outer.rollback()
        head = json.dumps([v for k, v in answer.headers.items() if k in ("Location", "Content-Disposition")])
        got = Answer(call, person, answer.status_code, kind_of(answer), wrote, fund.canaries_in(body), headers=head)
        if answer.mimetype == "text/html" and (unescaped := UNESCAPED.search(body)):
            got.trusted = body[max(unescaped.start() - 80, 0) : unescaped.end() + 20].decode(errors="replace")
        if answer.status_code in (404, 500):
            got.told = plain(answer.get_data(as_text=True), call)
        answer.close()
        return got


def kind_of(answer: Any) -> str:
    status = answer.status_code
    if status in (301, 302, 303, 307, 308):
        return "sign-in" if answer.headers["Location"].startswith("/sign-in") else "redirect"
    kinds = {200: "ok", 401: "sign-in", 403: "forbidden", 404: "not-found"}
    kinds |= dict.fromkeys((400, 409, 410, 415, 422), "refused")
    return kinds.get(status, str(status))


def plain(page: str, call: Call) -> str:
    """A page without what differs from one request to the next: nonce, tokens, and the subject that was asked for."""
    page = re.sub(r'nonce="[^"]*"|name="(csrf_token|kept)"[^>]*value="[^"]*"', "", page)
    for path in (quote(call.path, safe=""), quote(call.path), call.path):
        page = page.replace(path, "*")
    return page


@contextmanager
def in_one_transaction(app: Flask) -> Iterator[Connection]:
    """Every session of the application on one connection, where commits are savepoints."""
    with app.app_context():
        db.session.remove()
        db.session.configure(join_transaction_mode="create_savepoint")
        engines = db._app_engines[app]
    real = dict(engines)
    connection = plan_once(real[None].connect())
    engines.update(dict.fromkeys(engines, connection))  # type: ignore[arg-type]
    try:
        yield connection
    finally:
        connection.close()
        engines.update(real)
        for engine in real.values():
            engine.dispose()


@pytest.fixture(scope="module")
def app(running: Config, demonstration: Config) -> Iterator[Flask]:
    with copied(running, DEMONSTRATION) as address:
        made = create_app(replace(demonstration, database_url=address))
        fund.prepare(made)
        yield made


@pytest.fixture(scope="module")
def sessions(app: Flask) -> dict[str, Session]:
    signed_in = {name: sign_in(app, reference) for name, reference in fund.PEOPLE.items()}
    return {"visitor": sign_in(app, "")} | signed_in


@pytest.fixture(scope="module")
def caller(app: Flask, sessions: dict[str, Session]) -> Iterator[Caller]:
    with in_one_transaction(app) as connection:
        yield Caller(app, connection)


def in_words(template: str, **values: Any) -> bytes:
    """A document as its words, so that canaries in it can be heard."""
    return b"%PDF-1.7 " + json.dumps(values, default=str).encode()


SOME = ("visitor", "owner_a", "owner_b", "coordinator", "administrator")
"""Enough for what everybody may call."""

ALIKE = ("reviewer_done", "reviewer_asked", "reviewer_other", "member_recused", "member_absent")
"""Who differ from their colleagues only in what reviewers and members of the committee call."""


def callers_of(call: Call) -> list[str]:
    if web.ANYONE in call.who:
        return [*SOME] if call.subject != "-" or call.method != "GET" else [*PERSONS]
    if web.SIGNED_IN in call.who and call.subject != "-":
        return [person for person in PERSONS if person not in ALIKE]
    return [*PERSONS]


def everything(app: Flask, caller: Caller, sessions: dict[str, Session]) -> list[Answer]:
    """What everybody got for everything. To an address of other roles each role comes once, about one subject only."""
    found, seen = [], set()
    for call in calls_of(app):
        for person in callers_of(call):
            outside = not {web.ANYONE, web.SIGNED_IN, ROLES.get(person)} & call.who
            if outside or (person == "visitor" and web.ANYONE not in call.who):
                once = (call.endpoint, call.method, ROLES.get(person, person))
                if once in seen:
                    continue
                seen.add(once)
            found.append(caller.call(call, person, sessions[person]))
    return found


@pytest.fixture(scope="module")
def answers(app: Flask, caller: Caller, sessions: dict[str, Session]) -> list[Answer]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pdf, "render", in_words)
        # What a call takes away is there again for the next one: the rows are rolled back, files would not be.
        patch.setattr(files, "_remove", str)
        return everything(app, caller, sessions)


# ------------------------------------------------------------------ who may call, and whom


def the_matrix(answers: list[Answer]) -> list[list[str]]:
    rows: dict[tuple[str, str, str], dict[str, str]] = {}
    for answer in answers:
        call = answer.call
        rows.setdefault((call.endpoint, call.method, call.subject), {})[answer.person] = answer.kind
    head = ["endpoint", "method", "subject", *PERSONS]
    return [head, *([*key, *(row.get(person, "") for person in PERSONS)] for key, row in sorted(rows.items()))]


def test_everybody_gets_what_the_reviewed_matrix_says(answers: list[Answer]) -> None:
    found = the_matrix(answers)
    if os.environ.get("WRITE_MATRIX"):
        with MATRIX.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(found)
    with MATRIX.open(newline="", encoding="utf-8") as file:
        expected = list(csv.reader(file))
    wanted = {tuple(row[:3]): dict(zip(expected[0][3:], row[3:], strict=True)) for row in expected[1:]}
    got = {tuple(row[:3]): dict(zip(found[0][3:], row[3:], strict=True)) for row in found[1:]}
    differences = [f"{' '.join(key)}: not in {MATRIX.name}" for key in got if key not in wanted]
    differences += [f"{' '.join(key)}: in {MATRIX.name}, but no longer there" for key in wanted if key not in got]
    differences += [
        f"{' '.join(key)}: {person} gets {kind!r}, not {wanted[key].get(person)!r}"
        for key, row in got.items()
        if key in wanted
        for person, kind in row.items()
        if wanted[key].get(person) != kind
    ]
    assert not differences, "\n".join(differences[:40])


def test_no_answer_is_an_error_of_ours(answers: list[Answer]) -> None:
    broken = [f"{a.status} {a.person} {a.call.method} {a.call.path}" for a in answers if a.status >= 500]
    assert not broken
    assert {a.kind for a in answers} == {"ok", "redirect", "sign-in", "forbidden", "not-found", "refused"}


def test_visitors_are_asked_to_sign_in_wherever_not_everybody_may_come(answers: list[Answer]) -> None:
    closed = [a for a in answers if a.person == "visitor" and web.ANYONE not in a.call.who]
    assert len({(a.call.endpoint, a.call.method) for a in closed}) > 100
    assert {a.status for a in closed if a.call.method == "GET"} == {302}
    assert {a.status for a in closed if a.call.method != "GET"} == {401}
    assert {a.kind for a in closed} == {"sign-in"}


def test_a_role_that_is_not_declared_is_turned_away(answers: list[Answer]) -> None:
    outside = [
        a
        for a in answers
        if a.person != "visitor" and not {web.ANYONE, web.SIGNED_IN, ROLES.get(a.person)} & a.call.who
    ]
    assert len(outside) > 1000
    assert {a.status for a in outside} == {403}


NAMED_INSIDE = {"listings.take_out", "listings.keep"}
"""What these are about stands in the form and not in the address; the tests of lists try each with every role."""


def test_what_is_not_mine_looks_like_what_never_was(answers: list[Answer]) -> None:
    unknown = {
        (a.call.endpoint, a.call.method, a.person): a
        for a in answers
        if a.call.subject == UNKNOWN and a.kind == "not-found"
    }
    compared = 0
    for answer in answers:
        if answer.kind == "not-found" and answer.call.subject != UNKNOWN and answer.call.endpoint not in NAMED_INSIDE:
            never = unknown.get((answer.call.endpoint, answer.call.method, answer.person))
            where = f"{answer.person} {answer.call.method} {answer.call.path}"
            assert never is not None, f"{where} is hidden, but one that never was is not"
            assert answer.told == never.told, f"{where} can be told from one that never was"
            compared += 1
    assert compared > 1000


# ------------------------------------------------------------------ what is written


def test_opening_a_page_writes_and_locks_nothing(answers: list[Answer]) -> None:
    wrote = {f"{a.person} {a.call.path}" for a in answers if a.wrote and a.call.method == "GET"}
    assert not wrote


def test_who_is_turned_away_has_written_nothing(answers: list[Answer]) -> None:
    away = ("forbidden", "not-found", "sign-in")
    wrote = {f"{a.kind} {a.person} {a.call.path}" for a in answers if a.wrote and a.kind in away}
    assert not wrote
    assert any(a.wrote for a in answers), "nobody wrote anything: the test would not notice"


def test_a_form_without_its_token_is_not_taken_and_writes_nothing(
    app: Flask, caller: Caller, sessions: dict[str, Session]
) -> None:
    tried = set()
    for call in calls_of(app):
        if call.method == "GET" or (call.endpoint, call.method) in tried:
            continue
        tried.add((call.endpoint, call.method))
        allowed = [p for p in fund.PEOPLE if {web.ANYONE, web.SIGNED_IN, ROLES.get(p)} & call.who][:2]
        for person in ("visitor", *allowed):
            answer = caller.call(call, person, sessions[person], token=False)
            expected = 401 if person == "visitor" and web.ANYONE not in call.who else 400
            assert answer.status == expected, f"{person} {call.method} {call.path}: {answer.status}"
            assert not answer.wrote, f"{person} {call.method} {call.path}"
    assert len(tried) > 80


# ------------------------------------------------------------------ what is seen


def of(whose: str, words: str) -> set[str]:
    """The canaries of an organization, without their common beginning."""
    return {whose + word for word in words.split()}


def names(*kinds: str) -> set[str]:
    """The names of people who work for the fund."""
    found = {"REV": range(1, 7), "STF": range(1, 19)}
    return {
        f"x{kind.lower()}{number:02d}" if kind == "STF" else f"x{kind.lower()}{number}"
        for kind in kinds
        for number in found[kind]
    }


PROFILE = "name contact number member1 member2"
APPLICATION = "title answer profile"
PAPERS = "staff shared file paper withheld told finding"
GRANT = "grant condition milestone report returned bankref told pasttitle change standing visit went met found agreed"
OWN = (
    f"{PROFILE} {APPLICATION} {GRANT} complaint asking kept sponsor staff shared file paper withheld draft reportdraft feedback toapplicant"
    " pastanswer pastfeedback pasttoapplicant pastfile pastpaper spoke"
).replace(" told", "")
REVIEWS = "reviewrev1 reviewrev2 reviewrev3 reviewrev4 reviewrev5 reviewrev6 toapplicant"
DECIDED = "decision feedback condition"
PAST = " ".join(f"past{word}" for word in f"{APPLICATION} {PAPERS} {REVIEWS} {DECIDED}".split())
FOLLOWED = f"{PROFILE} {APPLICATION} {PAPERS} {GRANT} {REVIEWS} {DECIDED} {PAST} complaint inside spoke"
SAT = f"name {APPLICATION} {REVIEWS} {DECIDED}"
SAT_PAST = "name " + " ".join(f"past{word}" for word in f"{APPLICATION} {REVIEWS} {DECIDED}".split())
PAID = f"{PROFILE} grant condition milestone report returned bankref told bankholder banknumber change standing pastfile pastpaper visit went met found agreed inside spoke"
TIED = f"{PROFILE} tie"
SCENARIO = "scenario reason"

MAY_SEE = {
    "visitor": set[str](),
    "owner_a": of("a", OWN),
    "editor_a": of("a", OWN),
    "owner_b": of("b", OWN) | of("b", "enquiry"),
    "reviewer_writing": of("a", f"name {APPLICATION} shared file reviewrev2 toapplicant pasttitle") | of("b", "tie"),
    "reviewer_done": of("a", f"name {APPLICATION} shared file reviewrev3 toapplicant pasttitle"),
    "reviewer_asked": of("a", "name"),
    "reviewer_conflicted": of("b", f"name {APPLICATION} shared file {REVIEWS} pasttitle") | of("a", "name tie"),
    "reviewer_other": set[str](),
    "member_seated": of("a", f"{SAT} {SAT_PAST} {SCENARIO}") | of("b", SAT) | names("STF"),
    "member_recused": of("a", f"tie {SAT_PAST}") | of("b", SAT) | names("STF"),
    "member_absent": of("a", SAT_PAST) | names("STF"),
    "coordinator": of("a", f"{FOLLOWED} tie") | names("REV", "STF") | of("b", "enquiry"),
    "coordinator_conflicted": of("a", TIED) | names("REV", "STF") | of("b", "enquiry"),
    "coordinator_elsewhere": names("REV", "STF") | of("b", "enquiry"),
    "global_coordinator": of("a", f"{FOLLOWED} {SCENARIO} tie")
    | of("b", f"{FOLLOWED} tie")
    | names("REV", "STF")
    | of("b", "enquiry"),
    "finance": of("a", PAID) | of("b", PAID) | names("STF"),
    "finance_conflicted": of("a", TIED) | of("b", PAID) | names("STF"),
    "auditor": of("a", f"{FOLLOWED} {SCENARIO} tie")
    | of("b", f"{FOLLOWED} tie")
    | names("REV", "STF")
    | of("b", "enquiry"),
    "auditor_conflicted": of("a", TIED) | of("b", FOLLOWED) | names("REV", "STF") | of("b", "enquiry"),
    "administrator": of("a", "member1") | names("REV", "STF"),
}
"""The canaries that each person may hear at all, on whatever page. A tie hides what an organization applied for and
was granted, not that the organization exists.
"""

NAMED_TO_DECLARE = {
    "reviewer_writing": {"aname"},
    "reviewer_asked": {"aname", "bname"},
    "reviewer_conflicted": {"bname"},
    "member_seated": {"aname", "bname"},
    "member_recused": {"bname"},
}
"""Whom the page names that asks about all applicants of a call: never one to which there is a tie."""

DECLARED_BEFORE = {"member_absent": {"bname"}}
"""About whom people spoke while they had a seat that they have lost since: their own list of ties goes on naming them."""

MET_IN_PERSON = re.compile(r"/grants/[^/]+/visits|/reports/\d+")
"""Where a grantee reads the name of the coordinator who came, or who wrote down what was said on the telephone."""

MEMBERS = {"owner_a", "editor_a", "owner_b"}

MUST_SEE = {
    "owner_a": of("a", "staff title draft reportdraft paper withheld member2 grant asking kept sponsor"),
    "owner_b": of("b", "staff title draft report returned grant"),
    "reviewer_writing": of("a", "answer shared reviewrev2"),
    "reviewer_conflicted": of("b", "answer reviewrev4"),
    "member_seated": of("a", f"answer reviewrev3 {SCENARIO}") | of("b", "answer decision"),
    "coordinator": of("a", "staff withheld finding reviewrev3 report") | {"xrev3"},
    "finance": of("a", "bankholder banknumber grant") | of("b", "banknumber"),
    "auditor": of("a", "staff told") | of("b", "staff finding"),
    "administrator": {"xstf08", "amember1"},
}
"""Canaries that people do hear, so that their silence elsewhere means something."""


@pytest.mark.parametrize("person", PERSONS)
def test_nobody_is_served_what_they_must_not_see(answers: list[Answer], person: str) -> None:
    itself = {f"x{fund.PEOPLE.get(person, '').replace('-', '').lower()}"}
    allowed = MAY_SEE[person] | itself
    leaks = set()
    for answer in answers:
        if answer.person != person:
            continue
        may = allowed | of("a", "name member1") if answer.call.endpoint == "accounts.invitation" else allowed
        if answer.call.endpoint == "declarations.of_call":
            may = allowed | NAMED_TO_DECLARE.get(person, set())
        if answer.call.path == "/reviews/interests":
            may = allowed | DECLARED_BEFORE.get(person, set())
        if person in MEMBERS and MET_IN_PERSON.match(answer.call.path):
            may = allowed | {"xstf03", "xstf04", "xstf05"}
        heard = {word for word in answer.canaries if not any(canary.startswith(word) for canary in may)}
        leaks |= {f"{word}: {answer.call.method} {answer.call.path}" for word in heard}
    assert not leaks, "\n".join(sorted(leaks)[:40])


@pytest.mark.parametrize("person", MUST_SEE)
def test_the_canaries_can_be_heard_where_they_belong(answers: list[Answer], person: str) -> None:
    heard = {word for answer in answers if answer.person == person for word in answer.canaries}
    assert not MUST_SEE[person] - heard


def test_no_address_and_no_file_name_tells_a_name_or_a_title(answers: list[Answer]) -> None:
    """Only a member gets a file back under the name that a member gave it."""
    members = ("owner_a", "editor_a", "owner_b")
    told = {f"{a.person} {a.call.path} {a.headers}" for a in answers if "canary" in a.headers}
    assert not {line for line in told if not line.startswith(members)}
    assert any("attachment" in a.headers for a in answers)


def test_no_page_repeats_what_somebody_wrote_as_markup(answers: list[Answer]) -> None:
    trusted = {f"{a.call.path}: {a.trusted}" for a in answers if a.trusted}
    assert not trusted, "\n".join(sorted(trusted)[:20])
    assert UNESCAPED.search(b'<p>"><i>canaryatitle</p>')
