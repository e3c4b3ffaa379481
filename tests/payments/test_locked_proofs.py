"""A virus in the proof of a payment or a refund: the finance officers are told, once."""

from __future__ import annotations

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
