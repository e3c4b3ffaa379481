"""What awaits people while a grant runs: each thing waits for who can do it now, and for nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask

from grants.accounts.models import Confidentiality, Membership, Person, Role
from grants.amendments.models import Amendment
from grants.awards.models import Condition, Milestone
from grants.awards.workflow import AwardState
from grants.closeout.models import Closeout, Erasure
from grants.core import clock
from grants.core.db import db
from grants.history.actions import note
from grants.home import queries
from grants.home.rules import KINDS, tasks
from grants.payments import actions as payments
from grants.payments import queries as payment_queries
from grants.payments.models import BankAccount
from grants.payments.permissions import awards_paid_by
from grants.payments.workflow import BankAccountState
from grants.reports.workflow import ReportState
from grants.visits.models import AgreedChange, Visit
from grants.writeups.models import WriteUp
from tests import factories as make
from tests.banking.test_orders import grant as ordered
from tests.banking.test_orders import released
from tests.http import Browser
from tests.payments.rows import IBAN, SIGNING_DAY, Scene, approved, paid, scene

TODAY = SIGNING_DAY.date()
YESTERDAY = TODAY - timedelta(days=1)


@pytest.fixture(autouse=True)
def _in_may(app: Flask) -> Iterator[None]:
    with clock.at(SIGNING_DAY):
        yield


def waits(made: Scene, kind: str, *others: Person) -> set[str]:
    """Who of a grant has a kind of work waiting, by name."""
    people = [made.owner, made.coordinator, *made.officers, made.auditor, *others]
    found = {person.name: queries.work_of(person, SIGNING_DAY) for person in people}
    return {name for name, works in found.items() if any(work.kind == kind for work in works)}


def opens(browser: Browser, person: Person, kind: str) -> str:
    """The page to which a kind of work leads."""
    task = next(
        task
        for work, task in zip(
            queries.work_of(person, SIGNING_DAY), tasks(queries.work_of(person, SIGNING_DAY), SIGNING_DAY), strict=True
        )
        if task.words == KINDS[kind][0]
    )
    browser = Browser(browser.app).sign_in(person)
    with browser.app.test_request_context():
        address = browser.app.url_for(task.page[0], **task.page[1])
    return browser.open(address).content


def test_a_condition_waits_for_its_grantee_and_once_it_is_late_for_the_fund(browser: Browser) -> None:
    made = scene()
    condition = make.save(Condition(award_id=made.award.id, text="Adopt a policy", due_on=TODAY))
    assert waits(made, "fulfil_condition") == {"Awa Diop"}
    assert waits(made, "check_condition") == set()
    condition.due_on = YESTERDAY
    db.session.flush()
    assert waits(made, "check_condition") == {"Coordinator"}
    owner, coordinator = made.owner, made.coordinator
    assert "Adopt a policy" in opens(browser, owner, "fulfil_condition")
    assert "Adopt a policy" in opens(browser, coordinator, "check_condition")


def test_a_milestone_that_money_waits_for_is_the_funds_to_confirm(browser: Browser) -> None:
    made = scene()
    first = make.save(Milestone(award_id=made.award.id, title="A network is founded", due_on=TODAY))
    told = {"reached_on": TODAY, "reached_by_id": made.owner.id, "evidence": "A list."}
    make.save(Milestone(award_id=made.award.id, title="No money waits", due_on=TODAY, **told))
    made.last.milestone_id = first.id
    db.session.flush()
    assert waits(made, "confirm_milestone") == set(), "nobody has told that it is reached"
    first.reached_on, first.reached_by_id, first.evidence = TODAY, made.owner.id, "A deed."
    db.session.flush()
    assert waits(made, "confirm_milestone") == {"Coordinator"}
    first.confirmed_on, first.confirmed_by_id = TODAY, made.coordinator.id
    db.session.flush()
    assert waits(made, "confirm_milestone") == set()
    first.confirmed_on, first.confirmed_by_id = None, None
    db.session.flush()
    assert "A network is founded" in opens(browser, made.coordinator, "confirm_milestone")


def test_an_instalment_whose_report_was_waived_waits_for_a_decision(browser: Browser) -> None:
    made = scene()
    paid(made)
    made.last.due_on = TODAY
    db.session.flush()
    assert waits(made, "decide_instalment") == set()
    made.final.state = ReportState.WAIVED
    db.session.flush()
    assert waits(made, "decide_instalment") == {"Coordinator"}
    other = make.person(Role.REGIONAL_COORDINATOR, name="Colleague", regions=["AFR"])
    note("report_due", made.final.id, "waive", by=made.coordinator, reason="A flood.")
    assert waits(made, "decide_instalment", other) == {"Colleague"}, "not who waived it"
    made.last.freed_at, made.last.freed_by_id, made.last.freed_reason = SIGNING_DAY, made.coordinator.id, "A flood."
    db.session.flush()
    assert waits(made, "decide_instalment") == set()


def test_a_grantee_without_an_account_is_asked_for_one_while_something_is_to_be_paid(browser: Browser) -> None:
    made = scene(account=False)
    assert waits(made, "enter_account") == {"Awa Diop"}
    with_account = scene()
    assert waits(with_account, "enter_account") == set()
    account = db.session.query(BankAccount).filter_by(organization_id=with_account.organization.id).one()
    account.state = BankAccountState.BLOCKED
    db.session.flush()
    assert waits(with_account, "enter_account") == {"Awa Diop"}, "one that was blocked is not paid to"
    assert "IBAN" in opens(browser, made.owner, "enter_account")


def test_what_was_agreed_in_a_visit_waits_for_the_grantee_once_it_is_shared(browser: Browser) -> None:
    made = scene()
    told = {"went": "Well.", "met": "All.", "findings": "Fine.", "made_on": TODAY, "state": "made"}
    planned = {"award_id": made.award.id, "number": 1, "kind": "on_site", "purpose": "See the work", "due_on": TODAY}
    visit = make.save(Visit(lead_id=made.coordinator.id, **planned, **told))
    make.save(AgreedChange(visit_id=visit.id, text="Keep receipts", due_on=TODAY))
    assert waits(made, "do_change") == set()
    visit.state, visit.shared_at, visit.shared_by_id = "shared", SIGNING_DAY, made.coordinator.id
    db.session.flush()
    assert waits(made, "do_change") == {"Awa Diop"}
    assert "See the work" in opens(browser, made.owner, "do_change")


def test_a_report_that_somebody_wrote_up_is_theirs_to_finish_and_anothers_to_judge(browser: Browser) -> None:
    made = scene()
    second = make.person(Role.REGIONAL_COORDINATOR, regions=["AFR"], name="Second")
    report = make.report(made.final, 0, entered_by_id=made.coordinator.id)
    told = {"spoke_with": "Awa", "spoken_on": TODAY, "entered_by_id": made.coordinator.id}
    write_up = make.save(WriteUp(report_id=report.id, **told))
    assert waits(made, "write_up_report", second) == {"Coordinator"}
    write_up.asked_at = SIGNING_DAY
    db.session.flush()
    assert waits(made, "write_up_report", second) == set(), "it waits for the grantee"
    write_up.asked_at = None
    db.session.flush()
    assert waits(made, "write_up_report", second) == {"Coordinator"}, "the grantee said that something is wrong"
    made.final.state, report.submitted_at, report.submitted_by_id = ReportState.SUBMITTED, SIGNING_DAY, made.owner.id
    db.session.flush()
    assert waits(made, "read_report", second) == {"Second"}, "who wrote it up does not judge it"


def test_an_offer_and_a_change_that_wait_too_long_are_asked_for(browser: Browser) -> None:
    made = scene(signed=False)
    made.award.sign_by = TODAY
    db.session.flush()
    assert waits(made, "chase_offer") == set()
    made.award.sign_by = YESTERDAY
    db.session.flush()
    assert waits(made, "chase_offer") == {"Coordinator"}
    assert "Let this offer lapse" in opens(browser, made.coordinator, "chase_offer")
    running = scene()
    change = make.save(
        Amendment(
            award_id=running.award.id,
            number=1,
            kinds=["scope_change"],
            reason="Another town",
            scope="There",
            state="approved",
            asked_by_id=running.owner.id,
            waits_since=SIGNING_DAY - timedelta(days=10),
        )
    )
    assert waits(running, "chase_change") == set()
    change.waits_since = SIGNING_DAY - timedelta(days=20)
    db.session.flush()
    assert waits(running, "chase_change") == {"Coordinator"}
    opens(browser, running.coordinator, "chase_change")


def test_where_two_look_at_a_change_it_waits_for_the_other(app: Flask) -> None:
    made = scene(call=make.call(terms={"award": {"amendments": {"four_eyes": True}}}))
    second = make.person(Role.REGIONAL_COORDINATOR, regions=["AFR"], name="Second")
    told = {"kinds": ["scope_change"], "reason": "Another town", "scope": "There", "waits_since": SIGNING_DAY}
    told |= {"assisted": True, "confirmed_at": SIGNING_DAY, "confirmed_by_id": made.owner.id}
    change = make.save(Amendment(award_id=made.award.id, number=1, asked_by_id=made.coordinator.id, **told))
    assert waits(made, "answer_change", second) == {"Second"}
    change.state, change.decided_by_id, change.decided_at = "revised", second.id, SIGNING_DAY
    db.session.flush()
    assert waits(made, "check_change", second) == {"Coordinator"}
    made.award.call.terms = {}
    db.session.flush()
    assert waits(made, "check_change", second) == {"Coordinator", "Second"}


def test_a_terminated_grant_still_has_its_final_report_and_then_its_close_out(browser: Browser) -> None:
    made = scene()
    made.award.state, made.final.due_on = AwardState.TERMINATED, YESTERDAY
    db.session.flush()
    assert waits(made, "write_report") == {"Awa Diop"}
    assert waits(made, "chase_report") == {"Coordinator"}
    assert waits(made, "open_closeout") == set()
    made.final.state = ReportState.ACCEPTED
    db.session.flush()
    assert waits(made, "open_closeout") == {"Coordinator"}
    assert "Open the close-out" in opens(browser, made.coordinator, "open_closeout")


def test_a_payment_that_is_not_confirmed_is_asked_for_after_ten_days(browser: Browser) -> None:
    made = scene()
    payment = paid(made)
    (asked,) = [work for work in queries.work_of(made.owner, SIGNING_DAY) if work.kind == "confirm_payment"]
    assert asked.due == payment.paid_on + timedelta(days=10)
    payment.paid_on = TODAY - timedelta(days=10)
    db.session.flush()
    assert waits(made, "chase_receipt") == set()
    payment.paid_on = TODAY - timedelta(days=11)
    db.session.flush()
    assert waits(made, "chase_receipt") == {"Coordinator"}
    payments.confirm(
        payment, received_on=TODAY, received=payment.amount, rate=Decimal(1), short_reason="", by=made.owner
    )
    assert waits(made, "chase_receipt") == waits(made, "confirm_payment") == set()
    payment.state = "paid"
    db.session.flush()
    opens(browser, made.coordinator, "chase_receipt")


def test_nobody_is_asked_to_pay_their_own_organization(app: Flask) -> None:
    made = scene()
    officer = made.officers[0]
    assert payment_queries.something_is_due(awards_paid_by(officer), SIGNING_DAY)
    make.save(Membership(organization_id=made.organization.id, person_id=officer.id, role="editor"))
    db.session.refresh(officer)
    assert not payment_queries.something_is_due(awards_paid_by(officer), SIGNING_DAY)
    assert payment_queries.something_is_due(awards_paid_by(made.officers[1]), SIGNING_DAY)


def test_a_suspended_grant_is_not_closed_before_it_runs_again(app: Flask) -> None:
    made = scene()
    made.award.start_on, made.award.end_on = YESTERDAY, TODAY
    made.final.state = ReportState.ACCEPTED
    db.session.flush()
    assert waits(made, "open_closeout") == {"Coordinator"}
    made.award.state = AwardState.SUSPENDED
    db.session.flush()
    assert waits(made, "open_closeout") == set()


def test_records_whose_time_is_over_are_looked_at_until_they_were(browser: Browser) -> None:
    made = scene()
    made.award.state = AwardState.CLOSED
    ended = {"state": "done", "closed_on": TODAY, "keep_until": TODAY, "due_on": TODAY}
    closeout = make.save(Closeout(award_id=made.award.id, opened_by_id=made.coordinator.id, **ended))
    assert waits(made, "propose_erasure") == set()
    closeout.keep_until = YESTERDAY
    db.session.flush()
    assert waits(made, "propose_erasure") == {"Coordinator"}
    assert made.award.reference in opens(browser, made.coordinator, "propose_erasure")
    make.save(Erasure(award_id=made.award.id, proposed_by_id=made.coordinator.id))
    assert waits(made, "propose_erasure") == set()


def test_an_order_that_the_bank_should_have_carried_out_is_looked_after(app: Flask, browser: Browser) -> None:
    made = ordered(IBAN)
    order = released(made)
    order.execute_on = TODAY
    db.session.flush()
    assert waits(made, "look_after_order") == set()
    order.execute_on = YESTERDAY
    db.session.flush()
    assert waits(made, "look_after_order") == {"Officer A", "Officer B", "Officer C"}
    assert order.reference in opens(browser, made.officers[0], "look_after_order")


def test_the_most_urgent_is_among_what_is_shown_whether_it_has_a_day_or_a_moment(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "LONGEST", 2)
    queries._work_for.cache_clear()
    person = make.person(Role.GLOBAL_COORDINATOR)
    for days in (40, 50, 60):
        opens_at = SIGNING_DAY + timedelta(days=days)
        make.call(state="draft", opens_at=opens_at, closes_at=opens_at + timedelta(days=30))
    made = scene()
    made.final.due_on = YESTERDAY
    db.session.flush()
    found: list[Any] = [work.kind for work in queries.work_of(person, SIGNING_DAY)]
    queries._work_for.cache_clear()
    assert found[0] == "chase_report", "a report that is late comes before a call that opens in a month"


def test_an_agreement_is_drawn_up_again_once_its_grant_was_made_more_confidential(browser: Browser) -> None:
    made = scene(signed=False)
    assert waits(made, "draw_up_again") == set()
    made.award.confidentiality = Confidentiality.NAME_WITHHELD
    with clock.at(SIGNING_DAY + timedelta(hours=1)):
        db.session.flush()
    assert waits(made, "draw_up_again") == {"Coordinator"}
    assert "Plan of the grant" in opens(browser, made.coordinator, "draw_up_again")


def test_a_payment_that_one_officer_sends_by_hand_waits_for_nobody_else(browser: Browser) -> None:
    made = scene()
    payment = approved(made)
    assert waits(made, "send_payment") == {"Officer A", "Officer B", "Officer C"}
    payments.take_on(payment, by=made.officers[1])
    assert waits(made, "send_payment") == {"Officer B"}
