"""What the reports of a grant add up to, in whatever order they come, and what is done with them once it is closed."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask

from grants.accounts.models import Person
from grants.awards.models import Award
from grants.awards.workflow import AwardState
from grants.core.db import db
from grants.core.money import Money
from grants.reports import actions, queries, rules
from grants.reports.models import ReportDue
from tests.awards.test_life import refused
from tests.reports.test_life import by_key, give_figures, running, write_all
from tests.reports.test_verifying import REASON, found

AMOUNT = 1_100_000


def grant() -> tuple[Award, ReportDue, ReportDue, Person, Person]:
    """A grant of EUR 11,000 in two headings, and its two financial reports."""
    award, dues, owner, coordinator = running(amount=AMOUNT)
    return award, by_key(dues, "interim_report"), by_key(dues, "final_report"), owner, coordinator


def hand_in(due: ReportDue, by: Person, spent: int) -> None:
    write_all(due, by, spent=spent)
    give_figures(due, by, spent, "Prices rose.")
    actions.submit(due, by=by)


def test_whichever_report_comes_last_is_added_to_all_the_others(app: Flask) -> None:
    _award, interim, final, owner, _ = grant()
    hand_in(final, owner, 400_000)
    with refused("above_the_grant"):
        hand_in(interim, owner, 151_000)
    give_figures(interim, owner, 150_000, "Prices rose.")
    assert [f.before.minor for f in rules.figures_in(interim, queries.written(interim))] == [400_000, 400_000]
    actions.submit(interim, by=owner)
    assert [f.before.minor for f in rules.figures_in(final, queries.written(final))] == [0, 0]


def test_a_heading_that_later_reports_filled_needs_an_explanation_in_an_earlier_one(app: Flask) -> None:
    award, interim, final, owner, _ = grant()
    award.budget[0].amount_minor, award.budget[1].amount_minor = 200_000, 900_000
    db.session.flush()
    hand_in(final, owner, 200_000)
    write_all(interim, owner, spent=60_000)
    with refused("explanation_missing"):
        actions.submit(interim, by=owner)


def test_a_report_given_back_finds_its_room_taken(app: Flask) -> None:
    _award, interim, final, owner, coordinator = grant()
    hand_in(interim, owner, 300_000)
    actions.return_(interim, "Please explain.", by=coordinator)
    hand_in(final, owner, 400_000)
    with refused("above_the_grant"):
        actions.submit(interim, by=owner)


def test_what_was_found_not_eligible_does_not_come_back_above_the_grant(app: Flask) -> None:
    award, interim, final, owner, coordinator = grant()
    staff, _activities = queries.budget_line_ids(award.id)
    hand_in(interim, owner, 400_000)
    actions.verify(interim, [found(staff, 100_000, 300_000, REASON)], by=coordinator)
    hand_in(final, owner, 300_000)
    with refused("above_the_grant"):
        actions.verify(interim, [found(staff, 400_000)], by=coordinator)
    actions.verify(interim, [found(staff, 0, 350_000, REASON)], by=coordinator)
    for due in (interim, final):
        actions.accept(due, by=coordinator)
    assert queries.spent(award) == Money(1_050_000, "EUR")


def test_no_report_is_accepted_above_the_grant(app: Flask) -> None:
    award, interim, final, owner, coordinator = grant()
    hand_in(interim, owner, 400_000)
    hand_in(final, owner, 100_000)
    award.amount_minor = 900_000
    db.session.flush()
    with refused("above_the_grant"):
        actions.accept(interim, by=coordinator)
    actions.return_(final, "Too much.", by=coordinator)
    actions.accept(interim, by=coordinator)


def test_a_rate_does_not_make_an_amount_that_nobody_can_keep(app: Flask) -> None:
    award, interim, _final, owner, _ = grant()
    line = rules.LineGiven(queries.budget_line_ids(award.id)[0], Money(10**14, "XOF"), Decimal("0.000001"))
    with refused("amount_too_large"):
        actions.save_lines(actions.start(interim, by=owner), [line], by=owner)


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (lambda handed, _owed, by: actions.accept(handed, by=by), "grant_closed"),
        (lambda handed, _owed, by: actions.return_(handed, "No.", by=by), "grant_closed"),
        (lambda _handed, owed, by: actions.waive(owed, "No need.", by=by), "grant_over"),
        (lambda _handed, owed, by: actions.move(owed, date(2029, 1, 1), "Later.", by=by), "grant_over"),
    ],
)
def test_the_reports_of_a_closed_grant_stand(app: Flask, act: Any, code: str) -> None:
    award, interim, final, owner, coordinator = grant()
    hand_in(interim, owner, 100_000)
    award.state = AwardState.CLOSED
    db.session.flush()
    with refused(code):
        act(interim, final, coordinator)


def test_the_final_report_of_a_terminated_grant_is_written_and_accepted(app: Flask) -> None:
    award, _interim, final, owner, coordinator = grant()
    award.state = AwardState.TERMINATED
    db.session.flush()
    hand_in(final, owner, 100_000)
    actions.accept(final, by=coordinator)
    assert final.state == "accepted"
