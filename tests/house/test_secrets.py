"""One journey with secrets in it, and then a look everywhere: logs, mails, addresses, and every row of the database."""

from __future__ import annotations

import io
import logging
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import unquote

import pytest
import structlog
from flask import Flask
from sqlalchemy import func, select, text

from config import Config
from grants.accounts import actions as accounts
from grants.accounts.models import Confidentiality, Organization, Person, Role
from grants.app import create_app
from grants.core import logs
from grants.core.db import db, transaction
from grants.core.mail import Delivery, OutboxMail, deliver_due
from tests import factories
from tests.conftest import settings
from tests.http import Browser, begin_request

PASSWORD, NEW_PASSWORD = "Quetzal-seven-quiet-rivers", "Ocelot-nine-slow-mountains"
IBAN, HOLDER = "GB33BUKB20201555555555", "Zyxwholder Association"
NAME, ACRONYM, CONTACT = "Zyxwname House of Workers", "ZYXWA", "Zyxwcontact Notaname"
OWNER, OFFICER, COLLEAGUE = "zyxwowner@example.org", "zyxwofficer@example.org", "zyxwcolleague@example.org"
NEEDLE = "zyxw"
"""In every name and address of this journey, and in no code."""


@dataclass
class Journey:
    """What was left behind: log lines, addresses seen, tokens that were in mails, and the cookies of sessions."""

    logged: str = ""
    addresses: set[str] = field(default_factory=set)
    tokens: set[str] = field(default_factory=set)
    cookies: set[str] = field(default_factory=set)
    subjects: list[str] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)
    sent: str = ""
    rows: dict[str, str] = field(default_factory=dict)
    file_names: set[str] = field(default_factory=set)


@pytest.fixture
def hashing(running: Config, own_database: str, tmp_path: Path) -> Iterator[Flask]:
    """The application as it is in production as far as secrets go: passwords are hashed."""
    config = settings(replace(running, database_url=own_database), tmp_path)
    own = create_app(replace(config, extra={"TESTING": True}))
    with own.app_context():
        yield own
        db.session.remove()
        for engine in db.engines.values():
            engine.dispose()


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch, hashing: Flask) -> Iterator[io.StringIO]:
    """Everything that is logged, by us and by the libraries, down to the smallest remark."""
    written = io.StringIO()
    ours = structlog.wrap_logger(structlog.PrintLogger(written), processors=structlog.get_config()["processors"])
    for name, module in list(sys.modules.items()):
        if name.startswith("grants.") and hasattr(module, "log") and module is not logs:
            monkeypatch.setattr(module, "log", ours)
    listener = logging.StreamHandler(written)
    root, before = logging.getLogger(), logging.getLogger().level
    root.addHandler(listener)
    root.setLevel(logging.DEBUG)
    logging.getLogger("sqlalchemy.engine").setLevel(logging.WARNING)
    yield written
    root.removeHandler(listener)
    root.setLevel(before)


def take_mails(journey: Journey) -> list[str]:
    """The mails that wait, read by their people; then sent."""
    db.session.rollback()
    waiting = list(db.session.scalars(select(OutboxMail).where(OutboxMail.state == Delivery.DUE)))
    bodies = [mail.body or "" for mail in waiting]
    journey.subjects += [mail.subject for mail in waiting]
    journey.bodies += bodies
    for body in bodies:
        journey.tokens |= set(re.findall(r"/(?:confirm-address|reset-password|invitations)/(\S+)", body))
    db.session.rollback()
    deliver_due()
    return bodies


def link_in(bodies: list[str], start: str) -> str:
    found = [link for body in bodies for link in re.findall(rf"https?://[^/\s]+(/{start}/\S+)", body)]
    assert len(found) == 1, f"{start} in {bodies}"
    return found[0]


class Noted(Browser):
    """A visitor who notes every address, file name and cookie they come across."""

    def __init__(self, app: Flask, journey: Journey) -> None:
        super().__init__(app)
        self.journey = journey

    def _checked(self, answer, status, path):  # type: ignore[no-untyped-def]
        answer = super()._checked(answer, status, path)
        self.journey.addresses.add(unquote(path))
        self.journey.addresses |= {unquote(a) for a in re.findall(r'(?:href|action|src)="([^"]*)"', self.text)}
        self.journey.addresses.add(unquote(answer.headers.get("Location", "")))
        self.journey.file_names.add(answer.headers.get("Content-Disposition", ""))
        if cookie := self.client.get_cookie("session"):
            self.journey.cookies.add(cookie.value)
        return answer

    def register(self, email: str, name: str) -> None:
        typed = {"name": name, "email": email, "password": PASSWORD, "password_confirm": PASSWORD}
        self.post("/register", typed, page="/register", status=302)
        page = link_in(take_mails(self.journey), "confirm-address")
        self.post(page, page=page, status=302)


@pytest.fixture
def journey(hashing: Flask, log: io.StringIO) -> Journey:
    """An organization at risk opens its account, says where it is paid, and a finance officer looks at the number."""
    found = Journey()
    owner, officer, stranger = (Noted(hashing, found) for _ in range(3))
    owner.register(OWNER, "Zyxwowner Nobody")
    officer.register(OFFICER, "Zyxwofficer Nobody")
    begin_request()
    with transaction():
        person = db.session.scalars(select(Person).where(Person.email == OFFICER)).one()
        accounts.grant_role(person, Role.FINANCE_OFFICER, regions=[], by=None)
    profile = {
        "name": NAME, "acronym": ACRONYM, "country": "NP", "language": "en", "legal_form": "association",
        "registered": "False", "contact_name": CONTACT, "confidentiality_default": Confidentiality.FULLY_CONFIDENTIAL,
    }  # fmt: skip
    page = "/organizations/new"
    answer = owner.post(page, profile | {"fiscal_sponsor": "Zyxwsponsor"}, page=page)
    assert answer.status_code == 302, owner.page.errors
    organization = answer.headers["Location"]
    owner.get(organization)
    typed = {"email": COLLEAGUE, "role": "editor"}
    owner.post(f"{organization}/invitations", typed, page=organization, status=302)
    stranger.get(link_in(take_mails(found), "invitations"))
    bank = f"{organization}/bank-account"
    account = {"holder": HOLDER, "number": IBAN, "bic": "BUKBGB22XXX", "currency": "GBP"}
    owner.post(bank, account | {"number": IBAN + "1"}, page=bank, status=422)
    owner.post(bank, account, page=bank, status=302)
    take_mails(found)
    shown = officer.post(f"{bank}/look", page=f"{bank}/verification", status=200).get_data(as_text=True)
    assert IBAN in shown.replace(" ", ""), "the officer does not see the number: nothing would be proved"
    officer.post(f"{bank}/verification", {"reason": "Called back."}, page=f"{bank}/verification")
    stranger.post("/sign-in", {"email": OWNER, "password": NEW_PASSWORD}, page="/sign-in", status=200)
    stranger.post("/reset-password", {"email": OWNER}, page="/reset-password")
    page = link_in(take_mails(found), "reset-password")
    stranger.post(page, {"password": NEW_PASSWORD, "password_confirm": NEW_PASSWORD}, page=page, status=302)
    owner.get("/account", status=302)
    stranger.sign_in(OWNER, NEW_PASSWORD)
    stranger.get("/account")
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', stranger.text)
    assert token
    hashing.view_functions["accounts.end_other_sessions"] = failing
    begin_request()
    answer = stranger.client.post(f"/account/sessions/end-others?q={NAME}", data={"csrf_token": token.group(1)})
    assert answer.status_code == 500
    take_mails(found)
    found.sent = "".join(
        path.read_text(errors="replace") for path in Path(hashing.extensions["config"].data_dir, "mail").rglob("*.eml")
    )
    found.rows = dump()
    found.logged = log.getvalue()
    return found


def failing() -> str:
    """A page that fails in the database with a secret among its parameters."""
    db.session.execute(text("INSERT INTO person (reference, name) VALUES (:iban, :name)"), {"iban": IBAN, "name": NAME})
    return ""


failing.access = frozenset({"anyone"})  # type: ignore[attr-defined]


def dump() -> dict[str, str]:
    """Every row of every table as text, as a backup would hold it."""
    db.session.rollback()
    named = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    return {
        table: "\n".join(
            db.session.scalars(select(func.textin(func.record_out(text(f'"{table}"')))).select_from(text(f'"{table}"')))
        )
        for table in db.session.scalars(text(named))
    }


def plain(words: str) -> str:
    return words.lower().replace(" ", "")


def test_secrets_stay_where_they_belong(journey: Journey) -> None:
    """All in one test: the journey is the costly part, and every look is at the same one."""
    _look_into_the_database(journey)
    _look_into_the_log(journey)
    _look_into_mails(journey)
    _look_at_addresses(journey)


def _look_into_the_database(journey: Journey) -> None:
    assert NAME in journey.rows["organization"], "the dump is not one"
    assert len(journey.rows) > 40
    assert len(journey.tokens) >= 4
    secrets = {"IBAN": IBAN, "holder": HOLDER, "password": PASSWORD, "new password": NEW_PASSWORD}
    secrets |= {f"token {n}": token for n, token in enumerate(sorted(journey.tokens))}
    secrets |= {f"cookie {n}": cookie for n, cookie in enumerate(sorted(journey.cookies))}
    for table, rows in journey.rows.items():
        for what, secret in secrets.items():
            assert plain(secret) not in plain(rows), f"the {what} stands in {table}"
        assert IBAN.encode().hex() not in rows, f"the IBAN stands in {table}, as bytes"
    history = journey.rows["history_entry"]
    assert "look" in history, "the look at the number is not on record"
    assert NEEDLE not in history.lower(), "a name or an address stands in the sealed record"


def _look_into_the_log(journey: Journey) -> None:
    assert "unexpected_error" in journey.logged
    assert "[23502] INSERT INTO person" in journey.logged
    told = plain(journey.logged)
    for secret in (IBAN, HOLDER, PASSWORD, NEW_PASSWORD, NEEDLE, *journey.tokens, *journey.cookies):
        assert plain(secret) not in told, f"{secret} is in the log"


def _look_into_mails(journey: Journey) -> None:
    assert len(journey.subjects) >= 7
    for subject in journey.subjects:
        assert NEEDLE not in subject.lower(), subject
    for body in [*journey.bodies, journey.sent]:
        for secret in (IBAN, HOLDER, PASSWORD, NEW_PASSWORD, *journey.cookies):
            assert plain(secret) not in plain(body), body
    naming = [body for body in journey.bodies if NAME in body]
    assert all("/invitations/" in body for body in naming), "only the invitation says who invites"


def _look_at_addresses(journey: Journey) -> None:
    assert len(journey.addresses) > 30
    for address in journey.addresses:
        assert NEEDLE not in address.lower(), address
        for secret in (IBAN, PASSWORD, NEW_PASSWORD):
            assert plain(secret) not in plain(address), address
    for name in journey.file_names:
        assert NEEDLE not in name.lower(), name


def test_an_organization_is_addressed_by_a_reference_that_tells_nothing(hashing: Flask) -> None:
    with transaction():
        owner = factories.person()
        made = factories.organization(owner, name=NAME, acronym=ACRONYM)
    stored = db.session.scalars(select(Organization).where(Organization.id == made.id)).one()
    assert not {part.lower() for part in stored.reference.split("-")} & {ACRONYM.lower(), *NAME.lower().split()}
