from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from grants.accounts.models import Person, Role
from grants.awards.models import Condition, Milestone
from grants.awards.workflow import AwardState
from grants.closeout import actions, queries, rules
from grants.closeout.models import Closeout
from grants.core.db import db
from grants.core.mail import OutboxMail
from grants.core.money import Money
from grants.core.rules import Refused
from grants.payments import queries as payments
from grants.payments.models import Account, AccountKind
from grants.reports.workflow import ReportState
from tests import factories as make
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
    assert found[0] == ("payment_open" if stage else "tranche_unpaid")
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
    owner = visitor(browser, made.owner)
    owner.get(path)
    assert "Held online instead." in owner.text
    assert made.coordinator.name not in owner.text


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
