"""Files are looked at for viruses, by a scanner on a real socket: closed until then, locked when one is found."""

from __future__ import annotations

from collections.abc import Iterator

import pikepdf
import pytest
from flask import Flask
from sqlalchemy import select

from config import BadConfiguration, Config
from grants.accounts.models import Role
from grants.applications import actions as applications
from grants.applications.models import Application, Attachment
from grants.applications.queries import handed_in
from grants.applications.rules import missing_documents, obstacles_to_submission
from grants.core import clock, files, scanning
from grants.core.db import db, transaction
from grants.core.files import Scan, StoredFile
from grants.core.mail import OutboxMail
from grants.core.rules import Refused
from grants.history.models import HistoryEntry
from grants.questionnaires.queries import definition_of
from grants.uploads import tasks
from tests import factories as make
from tests.applications import documents
from tests.http import Browser
from tests.uploads import photographs
from tests.uploads.clamd import EICAR, FOUND, Scanner, clamd
from tests.uploads.rows import IN_TIME, Desk, desk


@pytest.fixture
def scanner(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scanner]:
    with clamd() as listening:
        monkeypatch.setitem(app.config, "CLAMAV_URL", listening.url)
        yield listening


def infected_pdf() -> bytes:
    document = pikepdf.new()
    document.add_blank_page()
    document.Root.Hidden = pikepdf.Stream(document, EICAR)
    content = photographs.saved(document, compress_streams=False, static_id=True)
    assert EICAR in content
    return content


def attached(at: Desk, content: bytes) -> Attachment:
    with clock.at(IN_TIME):
        return applications.attach(at.application, at.document, "statutes.pdf", content, by=at.owner)


def submitted(at: Desk) -> str:
    """Send the application in without the checks, and say its reference."""
    at.application.state, at.application.submitted_at = "submitted", IN_TIME
    at.application.content_hash = "0" * 64
    db.session.flush()
    return at.application.reference


def test_without_a_scanner_nothing_waits_and_staff_see_that_nobody_looked(app: Flask) -> None:
    at = desk()
    attachment = attached(at, documents.real_pdf())
    assert attachment.file is not None
    assert attachment.file.scan == Scan.NOT_SCANNED
    assert tasks.scan_waiting() == 0
    reference, address = submitted(at), f"/applications/{at.application.reference}/files/{attachment.id}"
    coordinator = Browser(app).sign_in(make.person(Role.GLOBAL_COORDINATOR))
    assert "Not checked for viruses" in coordinator.get(f"/applications/{reference}/read").text
    coordinator.get(address)


def test_a_file_is_closed_for_everybody_until_it_was_looked_at(app: Flask, scanner: Scanner) -> None:
    at, content = desk(), documents.real_pdf()
    attachment = attached(at, content)
    address = f"/applications/{at.application.reference}/files/{attachment.id}"
    page = f"/applications/{submitted(at)}/read"
    owner = Browser(app).sign_in(at.owner)
    coordinator = Browser(app).sign_in(make.person(Role.GLOBAL_COORDINATOR))
    for reader in (owner, coordinator):
        assert "still being checked" in reader.get(address, status=409).get_data(as_text=True)
        shown = reader.get(page).get_data(as_text=True)
        assert "Waiting for the virus check" in shown
        assert f'href="{address}"' not in shown
    assert tasks.scan_waiting() == 1
    assert scanner.seen == [content]
    for reader in (owner, coordinator):
        answer = reader.get(address)
        assert answer.data == content
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert answer.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert "no virus found" in coordinator.get(page).get_data(as_text=True)
    assert tasks.scan_waiting() == 0, "once is enough"


def test_a_virus_locks_the_file_and_the_applicant_is_told(app: Flask, scanner: Scanner) -> None:
    at = desk()
    attachment = attached(at, infected_pdf())
    address = f"/applications/{at.application.reference}/files/{attachment.id}"
    assert tasks.scan_waiting() == 1
    db.session.expire_all()
    stored = attachment.file
    assert stored is not None
    assert (stored.scan, stored.scan_found) == (Scan.INFECTED, FOUND)
    mail = db.session.scalars(select(OutboxMail).where(OutboxMail.kind == "document_locked")).one()
    assert mail.to_address == at.owner.email
    assert "Statutes" in (mail.body or "")
    entry = db.session.scalars(select(HistoryEntry).where(HistoryEntry.verb == "lock")).one()
    assert entry.details["found"] == FOUND
    reference, page, applicant = at.application.reference, at.page, at.owner
    owner = Browser(app).sign_in(applicant)
    assert "Locked: it holds a virus" in owner.get(page).get_data(as_text=True)
    at.application = db.session.scalars(select(Application).where(Application.reference == reference)).one()
    submitted(at)
    coordinator = Browser(app).sign_in(make.person(Role.GLOBAL_COORDINATOR))
    for reader in (owner, coordinator):
        assert "holds a virus" in reader.get(address, status=409).get_data(as_text=True)


def test_a_locked_file_counts_as_missing_and_stops_the_submission(app: Flask, scanner: Scanner) -> None:
    at = desk()
    attached(at, infected_pdf())
    tasks.scan_waiting()
    db.session.expire_all()
    papers = handed_in(at.application).attachments
    assert [d.key for d in missing_documents([at.document], papers, {})] == ["statutes"]
    definition = definition_of(at.application.call.questionnaire_id)
    found = obstacles_to_submission(at.application, definition, {}, papers, IN_TIME)
    assert {"document.statutes.locked", "document.statutes"} <= {obstacle.code for obstacle in found}


@pytest.mark.parametrize("answer", [b"", b"INSTREAM size limit exceeded. ERROR\0", b"stream: lstat() failed. ERROR\0"])
def test_what_is_no_verdict_leaves_the_file_waiting(app: Flask, scanner: Scanner, answer: bytes) -> None:
    with transaction():
        stored = files.keep("a.pdf", documents.real_pdf(), ["pdf"])
    scanner.instead = answer
    assert tasks.scan_waiting() == 0
    db.session.refresh(stored)
    assert stored.scan == Scan.WAITING
    with pytest.raises(Refused):
        files.send(stored)
    scanner.instead = None
    assert tasks.scan_waiting() == 1


def test_a_scanner_that_is_gone_leaves_files_waiting(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "CLAMAV_URL", "tcp://127.0.0.1:1")
    with transaction():
        stored = files.keep("a.pdf", documents.real_pdf(), ["pdf"])
    assert tasks.scan_waiting() == 0
    assert stored.scan == Scan.WAITING
    monkeypatch.setitem(app.config, "CLAMAV_URL", "unix:///nowhere/clamd.sock")
    with pytest.raises(scanning.NoAnswer):
        scanning.scan(b"x")


def test_files_from_before_the_scanner_are_looked_at_after_those_that_wait(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = documents.real_pdf("early"), documents.real_pdf("late")
    early = files.keep("a.pdf", first, ["pdf"])
    own = files.keep_own("agreement.pdf", documents.real_pdf("own"))
    with clamd() as scanner:
        monkeypatch.setitem(app.config, "CLAMAV_URL", scanner.url)
        late = files.keep("b.pdf", second, ["pdf"])
        assert tasks.scan_waiting() == 2
        assert scanner.seen == [second, first]
    states = {f.id: f.scan for f in db.session.scalars(select(StoredFile).execution_options(populate_existing=True))}
    assert states == {early.id: Scan.CLEAN, late.id: Scan.CLEAN, own.id: Scan.MADE_HERE}


@pytest.mark.parametrize("url", ["clamav", "http://127.0.0.1:3310", "tcp://", "unix://"])
def test_an_address_of_a_scanner_that_cannot_be_is_refused_at_the_start(url: str, tmp_path: object) -> None:
    with pytest.raises(BadConfiguration):
        Config.from_environment({"CLAMAV_URL": url, "DATA_DIR": str(tmp_path)})


def test_an_address_of_a_scanner_is_taken_from_the_environment(tmp_path: object) -> None:
    for url in ("tcp://127.0.0.1:3310", "tcp://scanner:3310", "unix:///run/clamav/clamd.ctl", ""):
        assert Config.from_environment({"CLAMAV_URL": url, "DATA_DIR": str(tmp_path)}).clamav_url == url
