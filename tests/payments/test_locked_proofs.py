"""A virus in the proof of a payment or a refund: the finance officers are told, once."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import select

from grants.core.db import db
from grants.core.files import Scan, StoredFile
from grants.core.mail import OutboxMail
from grants.history.queries import entries_about
from grants.payments import actions
from grants.payments.models import Disbursement
from grants.uploads.tasks import scan_waiting
from tests.http import Browser
from tests.payments import rows
from tests.uploads.clamd import EICAR, Scanner, clamd


@pytest.fixture
def scanner(live: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scanner]:
    with clamd() as listening:
        monkeypatch.setitem(live.config, "CLAMAV_URL", listening.url)
        yield listening


def told() -> list[tuple[str, str]]:
    """What the finance officers were told about, and at which address."""
    found = select(OutboxMail.about, OutboxMail.to_address).where(OutboxMail.kind == "proof_locked")
    return [(about, address) for about, address in db.session.execute(found.order_by(OutboxMail.id))]


def test_a_virus_in_a_proof_is_told_to_the_finance_officers_once(
    scanner: Scanner, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = rows.scene()
    emails = [officer.email for officer in made.officers]
    with monkeypatch.context() as infected:
        infected.setattr(rows, "PDF", rows.PDF + EICAR)
        payment = rows.paid(made)
        payment_id, reference = payment.id, payment.reference
        returned = rows.refund(made, 10_000).reference
    rows.refund(made, 20_000)
    db.session.commit()
    assert actions.tell_of_locked_proofs() == 0, "nobody has looked at the files yet"
    scan_waiting()
    found = list(db.session.scalars(select(StoredFile.scan)))
    assert (found.count(Scan.INFECTED), found.count(Scan.CLEAN)) == (2, 1)
    assert actions.tell_of_locked_proofs() == 2
    assert told() == [(about, email) for about in (reference, returned) for email in emails]
    assert actions.tell_of_locked_proofs() == 0
    assert len(told()) == 2 * len(emails)
    assert db.session.get_one(Disbursement, payment_id).state == "paid", "what was recorded stands"
    verbs = [entry.verb for entry in entries_about([("disbursement", payment_id)])]
    assert verbs.count("lock") == 1


def test_another_proof_takes_the_place_of_a_locked_one(browser: Browser) -> None:
    made = rows.scene()
    payment = rows.paid(made)
    payment_id, proof_id, page = payment.id, payment.proof_id, f"/payments/{payment.reference}"
    officer = browser.sign_in(made.officers[0])
    another = {"proof": (io.BytesIO(rows.PDF + b"\n% from the bank again"), "again.pdf")}
    sent = {"page": page, "content_type": "multipart/form-data"}
    assert "Give another proof" not in officer.get(page).text
    db.session.get_one(StoredFile, proof_id).scan = Scan.INFECTED
    db.session.commit()
    assert "The proof from the bank is locked" in officer.get(page).text
    officer.post(f"{page}/proof", {"proof": (io.BytesIO(b"MZ"), "x.pdf")}, status=422, **sent)
    assert "content of this file is not what its name says" in officer.text
    officer.post(f"{page}/proof", another, status=302, **sent)
    assert officer.get(f"{page}/proof").data == rows.PDF + b"\n% from the bank again"
    assert "Give another proof" not in officer.get(page).text
    (noted,) = (e for e in entries_about([("disbursement", payment_id)]) if e.verb == "replace_proof")
    locked = db.session.get_one(StoredFile, proof_id)
    assert (locked.scan, noted.details["locked"]) == (Scan.INFECTED, locked.sha256), "the locked file is kept"
    officer.post(f"{page}/proof", another | {"proof": (io.BytesIO(rows.PDF), "third.pdf")}, status=422, **sent)
    assert "Only a proof that was locked can be replaced." in officer.text
