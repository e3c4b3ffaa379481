"""Who has a conflict with an applicant gets no mail about it: not as coordinator, finance officer or who asked it something."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from grants.accounts.models import Organization, Person, Role
from grants.conflicts.models import Grade
from grants.core import clock
from grants.core.mail import OutboxMail
from grants.payments import actions as payments
from grants.reminders.queries import Window, deadlines
from grants.reviews.actions import declare_interest
from tests import factories as make
from tests.factories import db, person
from tests.payments.rows import SIGNING_DAY, scene
from tests.reviews.rows import DUE, assignment, case, reviewer


def tie(somebody: Person, organization: Organization) -> None:
    declare_interest(somebody, organization, grade=Grade.CONFLICT, reason="A cousin.", by=somebody)
    db.session.flush()


def reminded(at: datetime, kind: str) -> set[int]:
    window = Window(at, timedelta(days=30), timedelta(days=30))
    return {one.id for deadline in deadlines(window) if deadline.kind == kind for one in deadline.people}


@pytest.mark.parametrize(("kind", "at"), [("report_late", (2027, 9, 2)), ("closeout_due", (2028, 6, 1))])
def test_no_reminder_of_a_grant_goes_to_a_coordinator_in_conflict(
    app: Flask, kind: str, at: tuple[int, int, int]
) -> None:
    everywhere = {"regions": ["AFR", "ASI", "LAC"]}
    tied, free = (person(Role.GLOBAL_COORDINATOR, **everywhere) for _ in range(2))
    application = case()
    award = make.award(application, free, offered_at=datetime(2027, 1, 1, tzinfo=UTC))
    make.report_due(award, due_on=date(2027, 9, 1))
    tie(tied, application.organization)
    assert free.id in reminded(datetime(*at, tzinfo=UTC), kind), "a reminder that nobody gets proves nothing"
    assert tied.id not in reminded(datetime(*at, tzinfo=UTC), kind)


def test_no_reminder_of_a_review_goes_to_who_is_tied_by_now(app: Flask) -> None:
    application, tied, free = case(), reviewer(), reviewer()
    for one in (tied, free):
        assignment(application, one)
    application.organization.fiscal_sponsor_id = make.organization(tied, name="Hub").id
    db.session.flush()
    at = datetime(DUE.year, DUE.month, DUE.day, tzinfo=UTC)
    assert reminded(at, "review_due") == {free.id}


def test_no_mail_about_money_goes_to_a_finance_officer_in_conflict(app: Flask) -> None:
    with clock.at(SIGNING_DAY):
        made = scene()
        preparing, tied, free = made.officers
        tie(tied, made.organization)
        db.session.query(OutboxMail).delete()
        payments.prepare(made.first, by=preparing)
        told = set(db.session.scalars(select(OutboxMail.to_person_id)))
        assert free.id in told
        assert tied.id not in told
        due = reminded(SIGNING_DAY, "tranche_due")
        assert tied.id not in due
