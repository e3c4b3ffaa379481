"""What must never be possible: the pages refuse it, and where the database can hold it by itself, the database does too."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import BytesIO
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from grants.core import clock
from grants.core.db import db, transaction
from grants.demo import sample
from tests.journeys.answering import answers_of, fill_section
from tests.journeys.world import World

PREPARED = "MPF-2026-02-G05-P1"
"""A payment of the demonstration that STF-08 has prepared."""


PDF = sample.document("pdf", "Proof", "Bank")


def rows(statement: str, **values: Any) -> list[Any]:
    """What the database says now."""
    db.session.rollback()
    found = list(db.session.execute(text(statement), values))
    db.session.rollback()
    return found


def database_refuses(statement: str, **values: Any) -> str:
    """The words with which the database refuses a statement, whoever sends it."""
    db.session.rollback()
    with pytest.raises(DBAPIError) as refused, transaction():
        db.session.execute(text(statement), values)
    return str(refused.value.orig)


# ------------------------------------------------------------------ applications


def test_nothing_is_sent_in_after_the_deadline(fund: World) -> None:
    closes = rows("SELECT closes_at FROM call WHERE reference = 'MPF-2027-02'")[0][0]
    owner = fund.as_("USR-PE-1")
    with clock.at(closes):
        page = owner.open("/applications/APP-402")
        assert any("call closed" in why for why in page.obstacles("Send in the application"))
        owner.post("/applications/APP-402/submit", status=409)
        assert "call closed" in owner.page.content
        owner.open("/calls/MPF-2027-02/apply")
        assert not owner.page.buttons("Begin")
    assert rows("SELECT state FROM application WHERE reference = 'APP-402'") == [("draft",)]
    late = "UPDATE application SET state = 'submitted', submitted_at = :at, submitted_by_id = started_by_id,"
    late += " content_hash = repeat('0', 64) WHERE reference = 'APP-402'"
    assert "the call has closed" in database_refuses(late, at=closes)
    assert "the call has closed" in database_refuses(late, at=None)


def test_only_an_owner_or_signatory_sends_in_and_only_their_own(fund: World) -> None:
    for who, status in (("USR-PE-2", 403), ("USR-MX-1", 404), ("STF-07", 404), ("REV-2", 404), ("STF-16", 404)):
        visitor = fund.as_(who)
        visitor.open("/")
        visitor.post("/applications/APP-402/submit", status=status)
    stranger = fund.visitor()
    stranger.open("/")
    stranger.post("/applications/APP-402/submit", status=401)
    assert rows("SELECT state FROM application WHERE reference = 'APP-402'") == [("draft",)]


def test_nothing_is_sent_in_that_a_signatory_has_not_certified_as_it_is(fund: World) -> None:
    owner = fund.as_("USR-PE-1")
    owner.open("/applications/APP-402/sections/S10")
    fill_section(owner, "S10", answers_of("APP-012"))
    owner.open("/applications/APP-402")
    sent = {"confirmed": "yes"}
    owner.post("/applications/APP-402/submit", sent, status=409)
    assert "It is not certified yet." in owner.page.content
    read = owner.open("/applications/APP-402/certify")
    for who in ("USR-PE-2", "USR-MX-1", "STF-07"):
        visitor = fund.as_(who)
        visitor.open("/")
        visitor.post("/applications/APP-402/certify", {"sure": "y"}, status=403 if who == "USR-PE-2" else 404)
    editor = fund.as_("USR-PE-2")
    editor.open("/applications/APP-402/sections/S2")
    fill_section(editor, "S2", answers_of("APP-012") | {"summary": "Another summary."})
    owner.repeat(read, "Certify and send in", {"sure": True}, status=409)
    assert "has changed the application while you were reading" in owner.page.content
    owner.open("/applications/APP-402/certify")
    owner.press("Certify only", {"sure": True})
    editor.open("/applications/APP-402/sections/S2")
    fill_section(editor, "S2", answers_of("APP-012"))
    owner.open("/")
    owner.post("/applications/APP-402/submit", sent, status=409)
    assert "It has changed since it was certified." in owner.page.content
    assert rows("SELECT state FROM application WHERE reference = 'APP-402'") == [("draft",)]


def test_what_was_sent_in_is_never_changed(fund: World) -> None:
    owner = fund.as_("USR-NP-1")
    owner.open("/applications/APP-005/read")
    before = rows("SELECT * FROM section_answers ORDER BY id")
    owner.post("/applications/APP-005/sections/S2", {"title": "Another", "version": "1", "save": "yes"}, status=409)
    owner.post("/applications/APP-005/documents/statutes/withhold", {"reason": "No more."}, status=409)
    attachment = rows(
        "SELECT t.id FROM attachment t JOIN application a ON a.id = t.application_id WHERE a.reference = 'APP-005'"
    )[0][0]
    owner.post(f"/applications/APP-005/files/{attachment}/remove", status=409)
    assert rows("SELECT * FROM section_answers ORDER BY id") == before
    assert rows("SELECT count(*) FROM attachment WHERE id = :id", id=attachment) == [(1,)]


def test_what_was_awarded_is_neither_withdrawn_nor_checked_again(fund: World) -> None:
    reference, owner_reference = rows(
        "SELECT a.reference, p.reference FROM award w JOIN application a ON a.id = w.application_id"
        " JOIN membership m ON m.organization_id = a.organization_id AND m.role = 'owner' AND m.ended_at IS NULL"
        " JOIN person p ON p.id = m.person_id WHERE w.reference = 'MPF-2026-02-G05'"
    )[0]
    owner = fund.as_(owner_reference)
    page = owner.open(f"/applications/{reference}")
    assert any("decided about this application" in why for why in page.obstacles("Withdraw"))
    owner.post(f"/applications/{reference}/withdraw", {"reason": "Second thoughts."}, status=409)
    gone = "UPDATE application SET state = :state WHERE reference = :r"
    for state in ("withdrawn", "submitted", "ineligible"):
        assert "the committee has decided" in database_refuses(gone, state=state, r=reference)
    assert rows("SELECT state FROM application WHERE reference = :r", r=reference) == [("eligible",)]


# ------------------------------------------------------------------ reviews


@pytest.fixture
def asked(fund: World) -> tuple[World, str]:
    """A fund in which REV-1 has just been asked to review APP-005 in place of REV-3, who stepped aside."""
    three, anita = fund.as_("REV-3"), fund.as_("STF-03")
    given = rows(
        "SELECT s.id FROM assignment s JOIN application a ON a.id = s.application_id JOIN person p ON p.id ="
        " s.reviewer_id WHERE a.reference = 'APP-005' AND p.reference = 'REV-3'"
    )[0][0]
    three.open(f"/reviews/{given}")
    three.press("Step aside", {"reason": "My brother has started to work there."})
    three.open(f"/reviews/{given}", status=404)
    anita.open("/calls/MPF-2027-01/reviews/APP-005")
    anita.press("Ask Reviewer One (SAMPLE)")
    new = rows("SELECT max(id) FROM assignment")[0][0]
    return fund, f"/reviews/{new}"


def test_a_reviewer_opens_nothing_before_declaring_and_nobody_else_opens_it(asked: tuple[World, str]) -> None:
    fund, place = asked
    title = rows("SELECT title FROM application WHERE reference = 'APP-005'")[0][0]
    attachment = rows(
        "SELECT t.id FROM attachment t JOIN application a ON a.id = t.application_id"
        " WHERE a.reference = 'APP-005' AND t.file_id IS NOT NULL"
    )[0][0]
    one = fund.as_("REV-1")
    page = one.open(place)
    assert page.heading == "First your ties"
    assert "Himal" not in page.text
    one.click("Declare for this call")
    one.press("I have no tie to any of these")
    page = one.open(place)
    assert page.heading == "Do you have a tie to this organization?"
    assert title not in page.text
    one.post(place, {"value_A1": "5"}, status=403)
    for closed in (f"{place}/files/{attachment}", f"/applications/APP-005/files/{attachment}"):
        one.get(closed, status=404)
    for closed in ("/applications/APP-005", "/applications/APP-005/read", "/applications/APP-005/check"):
        assert one.get(closed, status=0).status_code in (403, 404)
    for other in ("REV-2", "REV-3", "USR-MX-1", "STF-01", "STF-10", "STF-08"):
        visitor = fund.as_(other)
        visitor.open("/")
        assert visitor.get(place, status=0).status_code in (403, 404), other
        visitor.post(f"{place}/declare", {"grade": "none"})
        assert visitor.last is not None
        assert visitor.last.status_code in (403, 404), other


def test_a_reviewer_sees_no_other_review_before_their_own_is_in(asked: tuple[World, str]) -> None:
    fund, place = asked
    told = rows(
        "SELECT r.summary FROM review r JOIN assignment s ON s.id = r.assignment_id JOIN application a ON"
        " a.id = s.application_id WHERE a.reference = 'APP-005'"
    )
    one = fund.as_("REV-1")
    one.open("/calls/MPF-2027-01/declaration")
    one.press("I have no tie to any of these")
    one.open(place)
    page = one.press("Declare and go on", {"grade": "none"})
    assert len(told) == 3
    assert not [summary for (summary,) in told if summary[:60] in page.text]
    other = rows("SELECT min(s.id) FROM assignment s JOIN application a ON a.id = s.application_id WHERE a.reference ="
                 " 'APP-005'")[0][0]  # fmt: skip
    one.open(f"/reviews/{other}", status=404)


def test_somebody_with_a_conflict_finds_nothing_anywhere(fund: World) -> None:
    """REV-1 works with ORG-SN, STF-13 has a brother at ORG-MX."""
    for who, reference in (("REV-1", "APP-001"), ("STF-13", "APP-009")):
        name = rows(
            "SELECT o.name FROM organization o JOIN application a ON a.organization_id = o.id WHERE a.reference = :r",
            r=reference,
        )[0][0]
        visitor = fund.as_(who)
        for place in ("/", "/reviews" if who == "REV-1" else "/meetings", "/grants"):
            assert name not in visitor.open(place).text, (who, place)
        for place in (
            f"/applications/{reference}",
            f"/applications/{reference}/read",
            "/meetings/MPF-2026-02-M1/APP-305",
        ):
            assert visitor.get(place, status=0).status_code in (403, 404), (who, place)
    asked = rows(
        "SELECT 1 FROM assignment s JOIN person p ON p.id = s.reviewer_id JOIN application a ON a.id = s.application_id"
        " WHERE p.reference = 'REV-1' AND a.reference = 'APP-001'"
    )
    assert not asked
    anita = fund.as_("STF-01")
    page = anita.open("/calls/MPF-2027-01/reviews/APP-001")
    assert not page.buttons("Ask Reviewer One (SAMPLE)")


# ------------------------------------------------------------------ the committee


@pytest.fixture
def session(fund: World) -> tuple[World, str]:
    """A fund whose committee sits over MPF-2027-01; Joseph (STF-11) is invited and absent."""
    claire = fund.as_("STF-07")
    claire.open("/calls/MPF-2027-01/decisions")
    claire.press("Invite the members", {"starts_at": "2099-01-01T10:00", "quorum": 3})
    place = claire.address
    for name in ("Fatoumata Mirage", "Devi Mythical", "Elena Fantasía", "Raúl Espejismo"):
        claire.press(f"Present {name}")
    claire.press("Open it now all the same")
    return fund, place


def propose(fund: World, case: str, **typed: Any) -> None:
    """The global coordinator proposes an award."""
    claire = fund.as_("STF-07")
    claire.open(case)
    claire.press("Propose", {"outcome": "award", "reason": "Strong."} | typed)


def test_nobody_votes_who_stepped_aside_or_is_not_there(session: tuple[World, str]) -> None:
    fund, place = session
    propose(fund, f"{place}/APP-005")
    propose(fund, f"{place}/APP-009")
    devi = fund.as_("STF-12")
    devi.open(f"{place}/APP-005")
    devi.press("Step aside", {"reason": "My sister works there."})
    for who, case, status in (
        ("STF-12", "APP-005", 404),  # stepped aside just now
        ("STF-13", "APP-009", 404),  # declared long ago
        ("STF-11", "APP-005", 409),  # is not here
        ("STF-07", "APP-005", 403),  # no member
        ("REV-2", "APP-005", 403),
        ("USR-NP-1", "APP-005", 403),
    ):
        visitor = fund.as_(who)
        visitor.open("/")
        visitor.post(f"{place}/{case}/vote", {"choice": "for"}, status=status)
    assert rows("SELECT count(*) FROM vote v JOIN decision d ON d.id = v.decision_id JOIN meeting m ON"
                " m.id = d.meeting_id WHERE m.state = 'opened'") == [(0,)]  # fmt: skip


def test_the_committee_never_awards_more_than_the_envelope_or_the_request(session: tuple[World, str]) -> None:
    fund, place = session
    db.session.execute(text("UPDATE call SET envelope_minor = 2500000 WHERE reference = 'MPF-2027-01'"))
    db.session.commit()
    claire = fund.as_("STF-07")
    claire.open(f"{place}/APP-005")
    claire.press("Propose", {"outcome": "award", "amount": "15000.01", "reason": "Strong."}, status=409)
    assert "cannot be higher than what was asked for" in claire.page.content
    for case in ("APP-005", "APP-009"):
        propose(fund, f"{place}/{case}")
        for number in (10, 12, 13, 14):
            if (number, case) != (13, "APP-009"):
                member = fund.as_(f"STF-{number}")
                member.open(f"{place}/{case}")
                member.press("Vote", {"choice": "for"})
    claire.open(f"{place}/APP-005")
    claire.press("Decide as proposed")
    page = claire.open(f"{place}/APP-009")
    assert page.obstacles("Decide as proposed") == ["The awards together would be more than the envelope of the call."]
    claire.post(f"{place}/APP-009/take", status=409)
    assert rows("SELECT d.state FROM decision d JOIN application a ON a.id = d.application_id"
                " WHERE a.reference = 'APP-009'") == [("proposed",)]  # fmt: skip


def test_no_letter_is_seen_before_all_are_released(session: tuple[World, str]) -> None:
    fund, place = session
    propose(fund, f"{place}/APP-005")
    for number in (10, 12, 13, 14):
        member = fund.as_(f"STF-{number}")
        member.open(f"{place}/APP-005")
        member.press("Vote", {"choice": "for"})
    claire = fund.as_("STF-07")
    claire.open(f"{place}/APP-005")
    claire.press("Decide as proposed")
    sita = fund.as_("USR-NP-1")
    sita.get("/applications/APP-005/letter", status=404)
    assert "Decided" not in str(sita.open("/applications/APP-005").history)
    page = claire.open(f"{place}/release")
    assert page.obstacles("Send 1 letter")[0] == "The meeting has not been closed yet."
    claire.post(f"{place}/release", status=409)
    for who in ("STF-03", "STF-12", "USR-NP-1"):
        visitor = fund.as_(who)
        visitor.open("/")
        visitor.post(f"{place}/release")
        assert visitor.last is not None
        assert visitor.last.status_code in (403, 404), who
    assert rows("SELECT count(*) FROM award a JOIN call c ON c.id = a.call_id WHERE c.reference = 'MPF-2027-01'") == [
        (0,)
    ]
    released = "UPDATE decision SET state = 'released' WHERE application_id = (SELECT id FROM application WHERE"
    assert "released_has_a_moment" in database_refuses(f"{released} reference = 'APP-005')")


def test_voting_twice_is_one_vote(session: tuple[World, str]) -> None:
    fund, place = session
    propose(fund, f"{place}/APP-005")
    member = fund.as_("STF-10")
    page = member.open(f"{place}/APP-005")
    member.repeat(page, "Vote", {"choice": "for"})
    member.repeat(page, "Vote", {"choice": "against"})
    assert rows("SELECT choice FROM vote v JOIN decision d ON d.id = v.decision_id JOIN application a ON"
                " a.id = d.application_id WHERE a.reference = 'APP-005'") == [("against",)]  # fmt: skip
    again = "INSERT INTO vote (decision_id, person_id, choice) SELECT decision_id, person_id, 'for' FROM vote"
    assert "uq_vote" in database_refuses(again)


# ------------------------------------------------------------------ agreements


def test_nobody_signs_without_the_right_to(fund: World) -> None:
    place = "/grants/MPF-2026-02-G03/sign"
    typed = {"agreed": "y", "signature": "Somebody Else"}
    for who, status in (("USR-SN-2", 403), ("USR-MX-1", 404), ("STF-07", 403), ("STF-08", 403), ("STF-15", 403)):
        visitor = fund.as_(who)
        visitor.open("/")
        visitor.post(place, typed, status=status)
    assert rows("SELECT state FROM award WHERE reference = 'MPF-2026-02-G03'") == [("sent",)]
    assert rows("SELECT count(*) FROM agreement WHERE signed_at IS NOT NULL AND signature = 'Somebody Else'") == [(0,)]


# ------------------------------------------------------------------ payments


def test_nobody_approves_their_own_payment(fund: World) -> None:
    pieter = fund.as_("STF-08")
    page = pieter.open(f"/payments/{PREPARED}")
    assert page.obstacles("Approve this payment") == ["You prepared this payment. Another finance officer approves it."]
    pieter.post(f"/payments/{PREPARED}/approve", status=409)
    for who in ("STF-07", "STF-15", "STF-16", "USR-LB-1"):
        visitor = fund.as_(who)
        visitor.open("/")
        visitor.post(f"/payments/{PREPARED}/approve", status=403)
    own = "UPDATE disbursement SET state = 'approved', approved_by_id = prepared_by_id WHERE reference = :r"
    assert "approved_by_a_second_person" in database_refuses(own, r=PREPARED)
    nobody = "UPDATE disbursement SET state = 'approved' WHERE reference = :r"
    assert "approved_by_someone" in database_refuses(nobody, r=PREPARED)
    another = "UPDATE disbursement SET prepared_by_id = prepared_by_id + 1, approved_by_id = prepared_by_id WHERE reference = :r"
    assert "stay what was prepared" in database_refuses(another, r=PREPARED)


def test_nothing_is_paid_to_an_account_that_nobody_verified(fund: World) -> None:
    pieter = fund.as_("STF-08")
    page = pieter.open("/grants/MPF-2026-02-G04/payments")
    assert "The bank account is not verified by call-back yet." in page.obstacles("Prepare tranche 1…")
    pieter.post("/grants/MPF-2026-02-G04/tranches/1/prepare", status=409)
    who_entered = rows("SELECT p.reference FROM bank_account b JOIN person p ON p.id = b.entered_by_id WHERE b.state ="
                       " 'unverified'")  # fmt: skip
    noura = fund.as_(who_entered[0][0])
    noura.open("/")
    noura.post(
        "/organizations/ORG-MA/bank-account/verification", {"reason": "We called ourselves back at noon."}, status=403
    )
    self_made = "UPDATE bank_account SET state = 'verified', verified_by_id = entered_by_id WHERE state = 'unverified'"
    assert "bank_account" in database_refuses(self_made)


@pytest.mark.parametrize("upto", ["prepared", "approved"])
def test_nothing_is_paid_to_an_account_that_was_changed_meanwhile(fund: World, upto: str) -> None:
    ines, pieter, selam = (fund.as_(who) for who in ("STF-09", "STF-08", "USR-LB-1"))
    if upto == "approved":
        ines.open(f"/payments/{PREPARED}")
        ines.press("Approve this payment")
    selam.open("/organizations/ORG-LB/bank-account")
    other = {"holder": "Somebody", "number": "BE68 5390 0754 7034", "currency": "EUR"}
    selam.press("Save the account", other)
    if upto == "prepared":
        page = ines.open(f"/payments/{PREPARED}")
        assert any("changed or blocked" in why for why in page.obstacles("Approve this payment"))
        ines.post(f"/payments/{PREPARED}/approve", status=409)
    else:
        page = pieter.open(f"/payments/{PREPARED}")
        assert any("changed or blocked" in why for why in page.obstacles("I send it by hand now"))
        proof = {"paid_on": clock.today("UTC").isoformat(), "bank_reference": "X", "proof": (BytesIO(PDF), "proof.pdf")}
        pieter.post(f"/payments/{PREPARED}/pay", proof, content_type="multipart/form-data", status=422)
        assert "changed or blocked" in pieter.page.content
    assert rows("SELECT state FROM disbursement WHERE reference = :r", r=PREPARED) == [(upto,)]
    moved = "UPDATE disbursement SET bank_account_id = (SELECT max(id) FROM bank_account) WHERE reference = :r"
    assert "stay what was prepared" in database_refuses(moved, r=PREPARED)


def test_no_tranche_is_paid_before_its_condition(fund: World) -> None:
    pieter = fund.as_("STF-08")
    for grant, number, why in (
        ("MPF-2026-02-G05", 2, "An earlier tranche has not been paid."),
        ("MPF-2026-01-G05", 2, "This report is not in: Final report."),
        ("MPF-2026-01-G01", 3, "This report waits to be read and accepted: Final report."),
        ("MPF-2026-02-G03", 1, "The agreement is not signed yet."),
        ("MPF-2026-01-G04", 2, ""),
    ):
        pieter.open(f"/grants/{grant}/payments")
        pieter.post(f"/grants/{grant}/tranches/{number}/prepare", status=409)
        assert why in pieter.page.content, grant
    assert rows("SELECT count(*) FROM disbursement") == [(11,)]


def test_paying_twice_is_one_payment(fund: World) -> None:
    ines, pieter = fund.as_("STF-09"), fund.as_("STF-08")
    first = ines.open(f"/payments/{PREPARED}")
    ines.repeat(first, "Approve this payment")
    ines.repeat(first, "Approve this payment", status=409)
    pieter.open(f"/payments/{PREPARED}")
    page = pieter.press("I send it by hand now")
    typed = {"paid_on": clock.today("UTC").isoformat(), "bank_reference": "X-1", "proof": (PDF, "proof.pdf")}
    pieter.repeat(page, "Record the payment", typed)
    pieter.repeat(page, "Record the payment", typed, status=409)
    moves = rows("SELECT split_part(t.key, '|', 1), count(*) FROM transfer t JOIN disbursement d ON"
                 " d.id = t.disbursement_id WHERE d.reference = :r GROUP BY 1 ORDER BY 1", r=PREPARED)  # fmt: skip
    assert [count for _, count in moves] == [1, 1]
    assert rows("SELECT count(*) FROM history_entry h JOIN disbursement d ON d.id = h.subject_id WHERE"
                " subject_kind = 'disbursement' AND verb = 'pay' AND d.reference = :r", r=PREPARED) == [(1,)]  # fmt: skip


def at_once(fund: World, *deeds: Callable[[], int]) -> list[int]:
    """Several people press at the same moment; the statuses of the answers, lowest first."""
    ready = threading.Barrier(len(deeds))

    def do(deed: Callable[[], int]) -> int:
        with fund.app.app_context():
            ready.wait()
            try:
                return deed()
            finally:
                db.session.remove()

    with ThreadPoolExecutor(len(deeds)) as everybody:
        return sorted(everybody.map(do, deeds))


def test_two_coordinators_who_confirm_at_the_same_moment_leave_one_decision(session: tuple[World, str]) -> None:
    fund, place = session
    propose(fund, f"{place}/APP-005")
    for number in (10, 12, 13, 14):
        member = fund.as_(f"STF-{number}")
        member.open(f"{place}/APP-005")
        member.press("Vote", {"choice": "for"})
    coordinators = [fund.as_("STF-07"), fund.as_("STF-03")]
    pages = [one.open(f"{place}/APP-005") for one in coordinators]
    words = "Decide as proposed"
    answers = at_once(fund, *(partial(o.attempt, p, words) for o, p in zip(coordinators, pages, strict=True)))
    assert answers == [302, 409]
    assert rows("SELECT count(*) FROM history_entry h JOIN decision d ON d.id = h.subject_id JOIN application a ON"
                " a.id = d.application_id WHERE subject_kind = 'decision' AND verb = 'take' AND a.reference = 'APP-005'"
                ) == [(1,)]  # fmt: skip


def test_one_who_changes_and_one_who_confirms_at_the_same_moment_never_decide_what_nobody_voted_for(
    session: tuple[World, str],
) -> None:
    fund, place = session
    propose(fund, f"{place}/APP-005")
    for number in (10, 12, 13, 14):
        member = fund.as_(f"STF-{number}")
        member.open(f"{place}/APP-005")
        member.press("Vote", {"choice": "for"})
    claire, anita = fund.as_("STF-07"), fund.as_("STF-03")
    first, second = (one.open(f"{place}/APP-005") for one in (claire, anita))
    less = {"outcome": "award", "amount": "14000", "reason": "The travel is too dear."}
    answers = at_once(
        fund, partial(claire.attempt, first, "Decide as proposed"), partial(anita.attempt, second, "Propose", less)
    )
    assert answers == [302, 409]
    ((state, amount, votes),) = rows(
        "SELECT d.state, d.amount_minor, (SELECT count(*) FROM vote v WHERE v.decision_id = d.id) FROM decision d"
        " JOIN application a ON a.id = d.application_id WHERE a.reference = 'APP-005'"
    )
    assert (state, amount, votes) in (("taken", 1_500_000, 4), ("proposed", 1_400_000, 0))


def test_two_officers_who_press_at_the_same_moment_prepare_one_payment(fund: World) -> None:
    place, words = "/grants/MPF-2026-01-G06/payments", "Prepare tranche 2…"
    officers = [fund.as_("STF-08"), fund.as_("STF-09")]
    pages = [officer.open(place) for officer in officers]
    before = rows("SELECT count(*) FROM disbursement")[0][0]
    answers = at_once(fund, *(partial(o.attempt, p, words) for o, p in zip(officers, pages, strict=True)))
    assert answers == [302, 409]
    assert rows("SELECT count(*) FROM disbursement") == [(before + 1,)]


def test_two_clicks_at_the_same_moment_approve_pay_and_confirm_once(fund: World) -> None:
    today = clock.today("UTC").isoformat()
    steps: list[tuple[str, str, dict[str, Any]]] = [
        ("STF-09", "Approve this payment", {}),
        ("STF-08", "I send it by hand now", {}),
        ("STF-08", "Record the payment", {"paid_on": today, "bank_reference": "X-1", "proof": (PDF, "proof.pdf")}),
        ("USR-LB-1", "Confirm the receipt", {"received_on": today, "received": "7000", "currency": "USD"}),
    ]
    for who, words, typed in steps:
        visitor = fund.as_(who)
        page = visitor.open(f"/payments/{PREPARED}")
        assert at_once(fund, *[partial(visitor.twin().attempt, page, words, typed) for _ in range(3)]) == [
            302,
            409,
            409,
        ]
    assert rows("SELECT verb, count(*) FROM history_entry h JOIN disbursement d ON d.id = h.subject_id WHERE subject_kind ="
                " 'disbursement' AND d.reference = :r GROUP BY 1 ORDER BY 1", r=PREPARED) == [
                ("approve", 1), ("confirm", 1), ("pay", 1), ("prepare", 1), ("take_on", 1)]  # fmt: skip


def test_many_clicks_at_the_same_moment_send_one_application(fund: World) -> None:
    owner = fund.as_("USR-PE-1")
    owner.open("/applications/APP-402/sections/S10")
    fill_section(owner, "S10", answers_of("APP-012"))
    owner.open("/applications/APP-402")
    read = owner.click("Read, certify and send in")
    clicks = [partial(owner.twin().attempt, read, "Certify and send in", {"sure": True}) for _ in range(4)]
    assert at_once(fund, *clicks) == [302] * 4, "each is shown the receipt"
    assert owner.open("/applications/APP-402/receipt").heading == "We have received your application"
    about = "JOIN application a ON a.id = {} WHERE a.reference = 'APP-402'"
    receipts = "SELECT count(*) FROM receipt r " + about.format("r.application_id")
    moves = "SELECT count(*) FROM history_entry h " + about.format("h.subject_id")
    mails = "SELECT count(*) FROM outbox o JOIN person p ON p.id = o.to_person_id WHERE p.reference = 'USR-PE-1'"
    for counted in (
        receipts,
        moves + " AND h.subject_kind = 'application' AND h.verb = 'submit'",
        moves + " AND h.subject_kind = 'application' AND h.verb = 'certify'",
        mails + " AND o.kind = 'application_submitted' AND o.about = 'APP-402'",
    ):
        assert rows(counted) == [(1,)], counted


# ------------------------------------------------------------------ the end


def test_no_grant_is_closed_with_something_missing(fund: World) -> None:
    anita = fund.as_("STF-07")
    page = anita.open("/grants/MPF-2026-01-G06/closeout")
    assert page.obstacles("Close the grant")
    anita.post("/grants/MPF-2026-01-G06/closeout/finish", status=409)
    page = anita.open("/grants/MPF-2026-01-G02/closeout")
    assert page.obstacles("Open the close-out") == ["The final report is not in yet."]
    anita.post("/grants/MPF-2026-01-G02/closeout/open", status=409)
    anita.post("/grants/MPF-2026-01-G02/closeout/finish", status=404)
    assert rows("SELECT count(*) FROM award WHERE state = 'closed'") == [(1,)]


# ------------------------------------------------------------------ the record


@pytest.mark.parametrize("table", ["history_entry", "history_seal", "receipt", "transfer", "conflict_declaration"])
def test_the_record_is_never_changed_or_removed(fund: World, table: str) -> None:
    column = {"history_seal": "digest", "receipt": "number", "transfer": "memo"}.get(table, "reason")
    assert rows(f"SELECT count(*) FROM {table}")[0][0] > 0
    for statement in (f"UPDATE {table} SET {column} = 'other'", f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
        assert "is a record" in database_refuses(statement), statement


def test_the_ledger_moves_by_transfers_only_and_is_never_overdrawn(fund: World) -> None:
    assert "is a record" in database_refuses("UPDATE account SET credits_minor = credits_minor + 1")
    assert "is a record" in database_refuses("DELETE FROM account")
    overdraw = (
        "INSERT INTO transfer (key, debit_account_id, credit_account_id, amount_minor, currency, memo)"
        " SELECT 'x', e.id, c.id, e.balance_minor + 1, e.currency, '' FROM account e JOIN account c ON"
        " c.call_id = e.call_id AND c.kind = 'committed' WHERE e.kind = 'envelope' LIMIT 1"
    )
    assert "never_overdrawn" in database_refuses(overdraw)
    other = overdraw.replace("e.balance_minor + 1, e.currency", "1, 'USD'")
    assert "one currency" in database_refuses(other)


# ------------------------------------------------------------------ what was typed


@pytest.mark.parametrize("what", ["token", "session"])
def test_an_expired_page_in_the_middle_of_a_form_loses_nothing(fund: World, what: str) -> None:
    writer = fund.as_("USR-PE-2")
    page = writer.open("/applications/APP-402/sections/S3")
    form = page.buttons("Save")[0].form
    long_text = "Everything that took an hour to write: naïve, “quoted”, <b>bold</b> & more.\n\nA second paragraph."
    form.fill({"problem": long_text, "target_groups-1-group": "Workers on the way home"})
    if what == "token":
        form.controls["csrf_token"].values = ["expired"]
    else:
        db.session.execute(text("UPDATE session SET ended_at = now()"))
        db.session.commit()
    page = writer.send(form, "Save", status=400 if what == "token" else 401)
    assert rows("SELECT count(*) FROM section_answers WHERE values->>'problem' LIKE 'Everything%'") == [(0,)]
    if what == "session":
        page = writer.press("Sign in", {"email": fund.email("USR-PE-2"), "password": "demonstration"})
    assert "Workers on the way home" in page.content
    writer.press("Send it again")
    saved = rows("SELECT values->>'problem', values->'target_groups'->0->>'group' FROM section_answers WHERE"
                 " values->>'problem' LIKE 'Everything%'")  # fmt: skip
    assert [tuple(row) for row in saved] == [(long_text, "Workers on the way home")]
