from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, select, update

from config import SAMPLE_ACCOUNT
from grants.accounts.models import Person, Role
from grants.amendments.models import Amendment
from grants.awards import actions as awards
from grants.awards.models import Agreement, Award, Condition, Milestone
from grants.awards.queries import standing_letters
from grants.awards.workflow import AwardState
from grants.banking import actions as orders
from grants.banking.rules import fund_account
from grants.closeout import actions, queries, rules
from grants.closeout.models import Closeout
from grants.core import clock, files
from grants.core.db import db
from grants.core.mail import OutboxMail, as_message
from grants.core.money import Money
from grants.core.rules import Refused
from grants.diligence.models import Diligence
from grants.letters.models import LetterKind
from grants.letters.queries import built_in
from grants.payments import actions as payments_actions
from grants.payments import queries as payments
from grants.payments.models import Account, AccountKind
from grants.reports.workflow import ReportState
from grants.visits.models import AgreedChange, Visit
from tests import factories as make
from tests.applications.documents import words_in
from tests.http import Browser
from tests.payments import rows
from tests.payments.rows import Scene


def settled(spent: int = 1_000_000, **more: Any) -> Scene:
    """A grant on which everything is paid, reported and accepted."""
    made = rows.scene(**more)
    rows.confirmed(made)
    rows.spend(made, spent)
    if spent > 800_000:
        rows.confirmed(made, made.last)
    return made


def missing(made: Scene, closeout: Closeout | None = None) -> list[str]:
    found = closeout or queries.closeout_of(made.award)
    return [o.code for o in rules.obstacles_to_finishing(made.award, queries.facts_of(made.award), found)]


def opened(made: Scene) -> Closeout:
    return actions.open_closeout(made.award, by=made.coordinator)


def codes(refusal: pytest.ExceptionInfo[Refused]) -> list[str]:
    return [obstacle.code for obstacle in refusal.value.obstacles]


@pytest.mark.parametrize("state", [ReportState.OWED, ReportState.RETURNED])
def test_a_close_out_is_not_opened_before_the_final_report_is_in(app: Flask, state: str) -> None:
    made = rows.scene()
    made.final.state = state
    db.session.flush()
    with pytest.raises(Refused) as refusal:
        opened(made)
    assert codes(refusal) == ["final_report_missing"]
    made.final.state = ReportState.SUBMITTED
    db.session.flush()
    closeout = opened(made)
    assert closeout.due_on == date(2027, 5, 10) + timedelta(days=60)
    told = db.session.scalars(select(OutboxMail.to_person_id).where(OutboxMail.kind == "closeout_opened")).all()
    assert told == [made.owner.id]
    with pytest.raises(Refused) as refusal:
        opened(made)
    assert codes(refusal) == ["opened_already"]


def test_a_terminated_grant_is_closed_without_a_final_report_but_not_without_its_refund(app: Flask) -> None:
    made = rows.scene()
    rows.confirmed(made)
    made.award.state = AwardState.TERMINATED
    made.final.state = ReportState.WAIVED
    db.session.flush()
    closeout = opened(made)
    assert missing(made) == ["refund_due"]
    rows.refund(made, 799_999)
    assert missing(made) == ["refund_due"]
    rows.refund(made, 1)
    actions.finish(closeout, by=made.coordinator)
    assert made.award.state == AwardState.CLOSED


def test_closing_writes_down_the_figures_frees_the_rest_and_sends_the_letter(app: Flask) -> None:
    made = settled(spent=950_000)
    closeout = opened(made)
    actions.finish(closeout, by=made.coordinator)
    assert made.award.state == AwardState.CLOSED
    assert made.award.closed_at is not None
    assert (closeout.paid_minor, closeout.spent_minor, closeout.refunded_minor) == (950_000, 950_000, 0)
    assert closeout.keep_until == date(2034, 12, 31)
    assert closeout.released_minor == 50_000
    letters = select(OutboxMail.to_person_id, OutboxMail.subject).where(OutboxMail.kind == "award_closed")
    assert db.session.execute(letters).all() == [(made.owner.id, f"Grant {made.award.reference} is closed")]
    held = dict(
        db.session.execute(
            select(Account.kind, Account.balance_minor).where(Account.call_id == made.award.call_id)
        ).all()
    )
    assert held == {"donor": -12_000_000, "envelope": 11_050_000, "committed": 0, "payable": 0, "paid": 950_000}
    assert payments.wrong_totals() == []


def test_the_call_may_say_how_long_the_record_is_kept(app: Flask) -> None:
    made = settled(call=make.call(terms={"retention_years": 10}))
    closeout = actions.finish(opened(made), by=made.coordinator)
    assert closeout.keep_until == date(2037, 12, 31)


def test_money_that_was_not_spent_is_returned_first(app: Flask) -> None:
    made = settled(spent=700_000)
    closeout = opened(made)
    assert missing(made) == ["refund_due"]
    with pytest.raises(Refused) as refusal:
        actions.finish(closeout, by=made.coordinator)
    assert codes(refusal) == ["refund_due"]
    rows.refund(made, 100_000)
    actions.finish(closeout, by=made.coordinator)
    assert closeout.refunded_minor == 100_000
    assert payments.position(made.award).paid - Money(100_000, "EUR") == payments.position(made.award).spent


def _report(made: Scene) -> str:
    due = make.report_due(made.award, "interim_report", state=ReportState.OWED)
    return f"report_open:{due.key}"


def _invited_report_waits(made: Scene) -> str:
    due = make.report_due(made.award, "inception_note", required=False, state=ReportState.SUBMITTED)
    return f"report_open:{due.key}"


def _condition(made: Scene) -> str:
    make.save(Condition(award_id=made.award.id, text="Send the audit", blocks_payment=False))
    return "conditions_open"


def _milestone(made: Scene) -> str:
    make.save(Milestone(award_id=made.award.id, title="Round table", due_on=date(2027, 9, 1)))
    return "milestones_open"


def _unspent(made: Scene) -> str:
    make.save(made.final.report.lines[0]).spent_minor -= 1
    return "refund_due"


@pytest.mark.parametrize("spoil", [_report, _invited_report_waits, _condition, _milestone, _unspent])
def test_a_grant_is_not_closed_while_something_is_missing(app: Flask, spoil: Any) -> None:
    made = settled()
    closeout = opened(made)
    assert missing(made) == []
    code = spoil(made)
    db.session.flush()
    assert missing(made) == [code]
    with pytest.raises(Refused) as refusal:
        actions.finish(closeout, by=made.coordinator)
    assert codes(refusal) == [code]
    assert made.award.state == AwardState.ACTIVE


@pytest.mark.parametrize("stage", [None, rows.prepared, rows.approved, rows.paid])
def test_a_grant_is_not_closed_while_a_payment_is_open(app: Flask, stage: Any) -> None:
    made = rows.scene()
    rows.confirmed(made)
    rows.spend(made, 1_000_000)
    if stage:
        stage(made, made.last)
    opened(made)
    found = missing(made)
    expected = {None: "tranche_unpaid", rows.paid: "receipt_open"}
    assert found[0] == expected.get(stage, "payment_open")
    assert ("payable_open" in found) == (stage is rows.approved)


def test_an_invited_report_that_nobody_wrote_holds_nothing_up(app: Flask) -> None:
    made = settled()
    make.report_due(made.award, "inception_note", required=False)
    assert missing(made, opened(made)) == []


def test_a_milestone_that_was_not_reached_is_explained(app: Flask) -> None:
    made = settled()
    closeout = opened(made)
    _milestone(made)
    with pytest.raises(Refused) as refusal:
        actions.explain(closeout, "  ", by=made.coordinator)
    assert codes(refusal) == ["no_note"]
    actions.explain(closeout, "The round table was held online instead.", by=made.coordinator)
    assert missing(made) == []
    actions.finish(closeout, by=made.coordinator)
    with pytest.raises(Refused) as refusal:
        actions.explain(closeout, "Later thoughts", by=made.coordinator)
    assert codes(refusal) == ["not_opened"]


def test_a_grant_is_closed_once(app: Flask) -> None:
    made = settled()
    closeout = actions.finish(opened(made), by=made.coordinator)
    with pytest.raises(Refused) as refusal:
        actions.finish(closeout, by=made.coordinator)
    assert "closed_already" in codes(refusal)


def test_nothing_is_paid_after_the_end(app: Flask) -> None:
    made = settled(spent=950_000)
    actions.finish(opened(made), by=made.coordinator)
    with pytest.raises(Refused) as refusal:
        rows.prepared(made)
    assert codes(refusal) == ["under_way"]
    held = payments.pot(AccountKind.COMMITTED, made.award.call_id, made.award.id)
    assert held is not None
    assert held.balance_minor == 0


def test_a_grant_is_not_closed_while_its_payment_is_in_an_order(app: Flask) -> None:
    made = rows.scene()
    rows.confirmed(made)
    rows.spend(made, 1_000_000)
    payment = rows.approved(made, made.last)
    order = orders.assemble(
        [payment], payer=fund_account(SAMPLE_ACCOUNT), execute_on=date(2027, 5, 12), by=made.officers[0]
    )
    opened(made)
    assert missing(made)[0] == "in_an_order"
    said = [str(o.message) for o in rules.obstacles_to_finishing(made.award, queries.facts_of(made.award), None)]
    assert any(order.reference in words and payment.reference in words for words in said)


def test_a_grant_is_not_closed_while_money_that_was_asked_back_has_not_come(app: Flask) -> None:
    made = settled(spent=700_000)
    opened(made)
    payments_actions.ask_for_refund(
        made.award, amount=Money(150_000, "EUR"), due_on=date(2027, 6, 10), reason="Not spent.", by=made.coordinator
    )
    rows.refund(made, 100_000)
    assert missing(made) == ["asked_back"]
    payments_actions.withdraw_request(made.award, "A mistake in the sum.", by=made.coordinator)
    assert missing(made) == []


def _open_diligence(made: Scene) -> str:
    make.diligence(made.award, made.coordinator, state="opened")
    return "diligence_open"


def _hold(made: Scene) -> str:
    made.award.on_hold = True
    return "on_hold"


def _change(made: Scene) -> str:
    change = {
        "number": 1,
        "kinds": ["scope_change"],
        "reason": "Floods.",
        "scope": "Radio.",
        "asked_by_id": made.owner.id,
    }
    make.save(Amendment(award_id=made.award.id, waits_since=clock.now(), **change))
    return "change_open"


def _visit(made: Scene) -> str:
    values = {"award_id": made.award.id, "number": 1, "kind": "remote", "purpose": "To see how it goes."}
    make.save(Visit(due_on=date(2027, 6, 1), lead_id=made.coordinator.id, **values))
    return "visit_open:1"


def _unshared_visit(made: Scene) -> str:
    _visit(made)
    told = {"state": "made", "made_on": date(2027, 6, 1), "went": "Two of us", "met": "All", "findings": "Fine"}
    db.session.execute(update(Visit).values(**told))
    return "visit_unshared:1"


def _agreed_in_a_visit(made: Scene) -> str:
    _unshared_visit(made)
    shared = {"state": "shared", "shared_at": clock.now(), "shared_by_id": made.coordinator.id}
    db.session.execute(update(Visit).values(**shared))
    visit = db.session.query(Visit).one()
    make.save(AgreedChange(visit_id=visit.id, text="Keep receipts", due_on=date(2027, 9, 1)))
    return "agreed_open"


def _ledger(made: Scene) -> str:
    rows.past_all_triggers("UPDATE account SET credits_minor = credits_minor + 1 WHERE kind = 'paid'")
    return "ledger_differs"


@pytest.mark.parametrize(
    "spoil", [_open_diligence, _hold, _change, _visit, _unshared_visit, _agreed_in_a_visit, _ledger]
)
def test_what_came_after_the_signature_holds_the_end_up_too(app: Flask, spoil: Any) -> None:
    made = settled()
    opened(made)
    assert missing(made) == []
    code = spoil(made)
    db.session.flush()
    assert missing(made) == [code]


def test_what_was_agreed_and_not_done_is_explained_and_holds_no_terminated_grant(browser: Browser) -> None:
    made = settled()
    closeout = opened(made)
    _agreed_in_a_visit(made)
    assert missing(made) == ["agreed_open"]
    made.award.state = AwardState.TERMINATED
    assert missing(made) == []
    made.award.state = AwardState.ACTIVE
    db.session.commit()
    page = visitor(browser, made.coordinator).open(f"/grants/{made.award.reference}/closeout").content
    assert "Save the note" in page
    actions.explain(db.session.merge(closeout), "They have an accountant now.", by=db.session.merge(made.coordinator))
    assert missing(made) == []


def test_the_grantee_is_told_that_the_fund_has_something_to_finish_and_not_what(browser: Browser) -> None:
    made = settled()
    opened(made)
    make.diligence(made.award, made.coordinator, state="opened")
    _visit(made)
    made.award.on_hold = True
    awards.add_condition(
        made.award, "Canarycondition", owner=made.coordinator, due_on=None, blocks_payment=True, by=made.coordinator
    )
    assert set(missing(made)) == {"condition_of_fund", "visit_open:1", "on_hold", "diligence_open"}
    path = f"/grants/{made.award.reference}"
    fund = visitor(browser, made.auditor).open(f"{path}/closeout").content
    owner = visitor(browser, made.owner)
    page = owner.open(f"{path}/closeout").content
    for canary in ("sanctions list", "Visit 1 is planned", "the fund itself", "A condition was added"):
        assert canary in fund, canary
        assert canary not in page, canary
    assert page.count("something of its own to finish") == 1
    assert page.count("Missing") == 1
    assert "Canarycondition" not in owner.open(path).content
    assert "A condition was added" not in owner.open(path).content
    assert "Canarycondition" in visitor(browser, made.auditor).open(path).content
    db.session.execute(update(Condition).values(met_on=date(2027, 5, 10), met_by_id=made.coordinator.id))
    db.session.execute(update(Award).values(on_hold=False))
    db.session.execute(update(Diligence).values(state="finished"))
    db.session.execute(delete(Visit))
    db.session.commit()
    assert "something of its own to finish" not in owner.open(f"{path}/closeout").content


@pytest.mark.parametrize(("spent", "back"), [(1_000_000, 0), (950_000, 0), (700_000, 100_000)])
def test_the_final_balance_is_what_the_ledger_says(app: Flask, spent: int, back: int) -> None:
    made = settled(spent=spent)
    closeout = opened(made)
    if back:
        rows.refund(made, back)
    actions.finish(closeout, by=made.coordinator)
    balance = queries.balance_of(made.award)
    assert balance.agrees
    assert (balance.position.unspent.minor, balance.position.owed.minor) == (0, 0)
    assert balance.position.paid + balance.released == made.award.amount
    assert closeout.released_minor == balance.released.minor
    assert payments.wrong_totals() == []


def test_what_is_not_eligible_stands_in_the_balance_and_is_paid_back(app: Flask) -> None:
    made = settled(spent=800_000)
    opened(made)
    line = make.save(made.final.report.lines[0])
    line.verified_at, line.verified_by_id = clock.now(), made.coordinator.id
    line.ineligible_minor, line.ineligible_reason = 30_000, "No bill."
    db.session.flush()
    assert queries.balance_of(made.award).ineligible == Money(30_000, "EUR")
    assert missing(made) == ["refund_due"]
    rows.refund(made, 30_000)
    assert missing(made) == []


@pytest.mark.parametrize(("language", "words"), [("en", "€10,000"), ("fr", "10 000"), ("es", "10.000"), ("ar", "2034")])
def test_the_closing_letter_is_a_tagged_document_in_the_language_of_the_agreement(
    app: Flask, language: str, words: str
) -> None:
    made = settled(spent=950_000)
    agreement = db.session.scalars(select(Agreement).where(Agreement.award_id == made.award.id)).one()
    agreement.language = language
    closeout = actions.finish(opened(made), by=made.coordinator)
    assert closeout.letter is not None
    assert closeout.letter_file is not None
    assert (closeout.letter.language, closeout.letter.kind) == (language, LetterKind.CLOSING)
    assert closeout.letter.opening == built_in()["closing", language].opening.format(
        organization=made.organization.name
    )
    document = files.read(closeout.letter_file)
    assert b"/StructTreeRoot" in document
    seen = words_in(document).replace("\u202f", " ").replace("\xa0", " ")
    assert "".join(words.split()) in "".join(seen.split()) or language == "ar"
    assert standing_letters(made.award) == [closeout.letter]


@pytest.mark.parametrize(("confidentiality", "enclosed"), [("public", 1), ("name_withheld", 0)])
def test_the_letter_goes_with_the_mail_unless_the_name_is_withheld(
    app: Flask, confidentiality: str, enclosed: int
) -> None:
    made = settled(confidentiality=confidentiality)
    actions.finish(opened(made), by=made.coordinator)
    mail = db.session.scalars(select(OutboxMail).where(OutboxMail.kind == "award_closed")).one()
    assert len(list(as_message(mail).iter_attachments())) == enclosed


# ------------------------------------------------------------------ the page


def visitor(browser: Browser, person: Person) -> Browser:
    db.session.commit()
    return Browser(browser.app).sign_in(person)


def test_a_coordinator_closes_a_grant_on_its_page(browser: Browser) -> None:
    made = settled(spent=700_000)
    _milestone(made)
    path = f"/grants/{made.award.reference}/closeout"
    coordinator = visitor(browser, made.coordinator)
    coordinator.get(path)
    coordinator.post(f"{path}/open", status=302)
    coordinator.follow()
    assert "The grantee still holds money that was not spent" in coordinator.text
    coordinator.post(f"{path}/finish", page=path, status=409)
    assert "still holds money" in coordinator.text
    coordinator.post(f"{path}/note", {"note": ""}, page=path, status=422)
    coordinator.post(f"{path}/note", {"note": "Held online instead."}, page=path, status=302)
    coordinator.follow()
    assert "Held online instead." in coordinator.text
    rows.refund(made, 100_000)
    db.session.commit()
    coordinator.post(f"{path}/finish", page=path, status=302)
    coordinator.follow()
    assert "This grant is closed" in coordinator.text
    assert "The ledger says the same" in coordinator.text
    answer = coordinator.get(f"{path}/letter.pdf")
    assert answer.headers["Content-Disposition"] == f"attachment; filename={made.award.reference}-closing.pdf"
    owner = visitor(browser, made.owner)
    owner.get(path)
    assert "Held online instead." in owner.text
    assert made.coordinator.name not in owner.text
    assert owner.get(f"{path}/letter.pdf").data == answer.data


@pytest.mark.parametrize("who", ["owner", "officer", "auditor", "elsewhere", "stranger"])
def test_only_a_coordinator_of_the_region_closes(browser: Browser, who: str) -> None:
    made = settled()
    opened(made)
    people = {
        "owner": made.owner,
        "officer": made.officers[0],
        "auditor": made.auditor,
        "elsewhere": make.person(Role.REGIONAL_COORDINATOR, regions=["LAC"]),
        "stranger": make.person(),
    }
    path = f"/grants/{made.award.reference}/closeout"
    somebody = visitor(browser, people[who])
    assert somebody.get(path, 0).status_code == (404 if who in {"elsewhere", "stranger"} else 200)
    for verb in ("open", "note", "finish"):
        somebody.get("/change-password")
        assert somebody.post(f"{path}/{verb}", {"note": "x"}).status_code in {403, 404}
    assert db.session.scalars(select(Closeout.state)).one() == "opened"
