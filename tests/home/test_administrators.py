"""What awaits administrators, and what the record says of what they did."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flask import Flask

from grants.accounts import actions as accounts
from grants.accounts.models import Person, Role
from grants.accounts.rules import INVITATION_LASTS
from grants.core import clock
from grants.core.db import db
from grants.core.mail import Delivery, OutboxMail
from grants.deliveries import actions as deliveries
from grants.history import actions as history
from grants.home import queries
from tests import factories as make
from tests.http import Browser

MARCH = datetime(2027, 3, 1, 12, tzinfo=UTC)


def kinds(administrator: Person, at: datetime = MARCH) -> list[tuple[str, str, int]]:
    return sorted((work.kind, work.reference, work.number) for work in queries.work_of(administrator, at))


def enough_people() -> Person:
    people = [make.person(role) for role in (Role.ADMINISTRATOR, Role.FINANCE_OFFICER) for _ in range(2)]
    return people[0]


def failed(number: int, state: Delivery = Delivery.FAILED) -> OutboxMail:
    values = {"key": str(number), "kind": "test", "about": "x", "to_person_id": 0, "to_address": "a@example.org"}
    return make.save(OutboxMail(**values, language="en", subject="x", body="x", state=state, attempts=7))


def test_nothing_waits_when_all_is_well(app: Flask) -> None:
    administrator = enough_people()
    failed(1, Delivery.SENT)
    failed(2, Delivery.DUE)
    failed(3, Delivery.SET_ASIDE)
    assert kinds(administrator) == []


def test_mails_that_failed_are_one_line_however_many(app: Flask) -> None:
    administrator = enough_people()
    for number in range(3):
        failed(number)
    assert kinds(administrator) == [("look_at_mails", "", 3)]
    browser = Browser(app).sign_in(administrator)
    page = browser.get("/").get_data(as_text=True)
    assert '<a href="/mails">Look at mails that did not arrive</a>' in page


def test_whoever_was_invited_and_has_not_come_is_named_when_the_link_is_over(app: Flask) -> None:
    administrator = enough_people()
    with clock.at(MARCH):
        new = {"language": "en", "role": Role.REVIEWER, "regions": [], "by": administrator}
        late, _ = accounts.invite_person(email="late@example.org", name="Late", **new)
        closed, _ = accounts.invite_person(email="closed@example.org", name="Closed", **new)
        came, _ = accounts.invite_person(email="came@example.org", name="Came", **new)
        accounts.confirm_address(came)
        closed.active = False
    make.person(confirmed_at=None, created_at=MARCH)
    second = timedelta(seconds=1)
    over = MARCH + INVITATION_LASTS
    assert kinds(administrator, over - second) == []
    assert kinds(administrator, over + second) == [("invite_again", late.reference, late.id)]
    with clock.at(over + second):
        accounts.invite_again(late, by=administrator)
    assert kinds(administrator, over + 2 * second) == []


def test_a_fund_needs_two_administrators_and_two_finance_officers(app: Flask) -> None:
    administrator = make.person(Role.ADMINISTRATOR)
    make.person(Role.ADMINISTRATOR, confirmed_at=None, created_at=MARCH)
    make.person(Role.FINANCE_OFFICER, active=False)
    assert kinds(administrator) == [("second_administrator", "", 1), ("second_finance_officer", "", 0)]
    make.person(Role.ADMINISTRATOR)
    make.person(Role.FINANCE_OFFICER)
    make.person(Role.FINANCE_OFFICER)
    assert kinds(administrator) == []


def test_the_work_of_administrators_is_theirs_alone(app: Flask) -> None:
    failed(1)
    for role in Role:
        if role != Role.ADMINISTRATOR:
            due = {Role.REVIEWER, Role.COMMITTEE_MEMBER} & {role} and [("declare_year", "", 0)]
            assert kinds(make.person(role)) == (due or []), role


def test_the_record_tells_auditors_who_was_invited_and_who_took_care_of_a_mail(app: Flask) -> None:
    administrator = enough_people()
    invited, _ = accounts.invite_person(
        email="first@example.org", name="CANARY", language="en", role=Role.ADMINISTRATOR, regions=[], by=None
    )
    history.note("person", invited.id, "invite", by=None, role="administrator")
    deliveries.set_aside(failed(1), by=administrator)
    db.session.commit()
    browser = Browser(app).sign_in(make.person(Role.AUDITOR))
    page = browser.get("/record").get_data(as_text=True)
    assert "Somebody was invited to work for the fund from the command line" in page
    assert invited.reference in page
    assert "A mail that did not arrive was set aside" in page
    assert administrator.name in page
    assert "CANARY" not in page
    assert "a@example.org" not in page
    only = browser.get("/record?kind=mail").get_data(as_text=True)
    assert "was set aside" in only
    assert "was invited" not in only
