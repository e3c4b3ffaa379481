"""What the fund finds of the costs of a report, and what counts as spent then."""

from __future__ import annotations

import pytest
from flask import Flask

from grants.accounts.models import Person, Role
from grants.amendments import queries as amendments
from grants.awards.models import Award
from grants.awards.workflow import AwardState
from grants.core.db import db
from grants.core.money import Money
from grants.history.queries import entries_about
from grants.payments import queries as payments
from grants.reports import actions, queries
from grants.reports.models import ReportDue
from grants.reports.rules import LineVerified
from tests import factories as make
from tests.awards.test_life import mails, refused
from tests.http import Browser
from tests.reports.test_life import by_key, give_figures, running, write_all
from tests.reports.test_pages import read

REASON = "A hotel without a bill."


def euros(minor: int) -> Money:
    return Money(minor, "EUR")


def found(line_id: int, verified: int = 0, ineligible: int = 0, reason: str = "") -> LineVerified:
    return LineVerified(line_id, euros(verified), euros(ineligible), reason)


def submitted(spent: int = 100_000) -> tuple[Award, ReportDue, list[int], Person, Person]:
    """A grant whose interim report, with ``spent`` under each of two headings, is with the fund."""
    award, dues, owner, coordinator = running()
    interim = by_key(dues, "interim_report")
    write_all(interim, owner, spent=spent)
    actions.submit(interim, by=owner)
    return award, interim, queries.budget_line_ids(award.id), owner, coordinator


def test_what_is_not_eligible_is_unspent_wherever_spending_is_asked_for(app: Flask) -> None:
    award, interim, (staff, activities), _, coordinator = submitted()
    actions.verify(interim, [found(staff, 60_000, 40_000, REASON), found(activities, 100_000)], by=coordinator)
    actions.accept(interim, by=coordinator)
    assert queries.spent(award) == euros(160_000)
    assert payments.position(award).spent == euros(160_000)
    assert amendments.spent_by_heading(award) == {"staff": 60_000, "activities": 100_000}
    final = next(due for due in queries.dues_of(award) if due.key == "final_report")
    assert queries.reported_before(final)[0] == {staff: 60_000, activities: 100_000}
    make.save(
        payments.Tranche(
            award_id=award.id,
            number=1,
            amount_minor=100,
            currency="EUR",
            trigger="agreement_signed",
            due_on=award.start_on,
        )
    )
    assert {standing.spent_minor for standing in payments.standings_of([award.id])} == {160_000}


@pytest.mark.parametrize(
    ("verified", "ineligible", "reason", "code"),
    [
        (100_001, 0, "", "more_than_reported"),
        (60_000, 40_001, REASON, "more_than_reported"),
        (-1, 0, "", "amount_negative"),
        (0, -1, REASON, "amount_negative"),
        (0, 1, " ", "ineligible_reason"),
        (1, 0, REASON, "ineligible_reason"),
    ],
)
def test_what_cannot_be_found_is_refused_and_nothing_is_kept(
    app: Flask, verified: int, ineligible: int, reason: str, code: str
) -> None:
    _, interim, (staff, _), _, coordinator = submitted()
    with refused(code):
        actions.verify(interim, [found(staff, verified, ineligible, reason)], by=coordinator)
    assert interim.report is not None
    assert all(line.verified_at is None for line in queries.lines_of(interim.report.id).values())


def test_what_is_found_is_in_the_currency_of_the_grant_and_under_its_headings(app: Flask) -> None:
    _, interim, (staff, _), _, coordinator = submitted()
    with refused("other_currency"):
        actions.verify(interim, [LineVerified(staff, Money(1, "XOF"), euros(0))], by=coordinator)
    with refused("unknown_line"):
        actions.verify(interim, [found(0, 1)], by=coordinator)


def test_other_figures_are_looked_at_again_and_the_same_stay_verified(app: Flask) -> None:
    _, interim, (staff, activities), owner, coordinator = submitted()
    actions.verify(interim, [found(staff, 60_000, 40_000, REASON), found(activities, 5)], by=coordinator)
    actions.return_(interim, "", {"figures": REASON}, by=coordinator)
    assert interim.report is not None
    give_figures(interim, owner, 100_000, "We looked again.")
    lines = queries.lines_of(interim.report.id)
    assert (lines[staff].ineligible_minor, lines[activities].verified_minor) == (40_000, 5)
    give_figures(interim, owner, 60_000)
    lines = queries.lines_of(interim.report.id)
    assert [(line.verified_minor, line.ineligible_minor, line.verified_at) for line in lines.values()] == [
        (0, 0, None)
    ] * 2


def test_an_accepted_report_is_looked_at_again_until_the_grant_is_closed(app: Flask) -> None:
    award, interim, (staff, _), owner, coordinator = submitted()
    actions.accept(interim, by=coordinator)
    actions.verify(interim, [found(staff, 100_000)], by=coordinator)
    assert mails("report_costs_not_eligible") == []
    actions.verify(interim, [found(staff, 60_000, 40_000, REASON)], by=coordinator)
    (told,) = mails("report_costs_not_eligible")
    assert told.to_address == owner.email
    assert award.title not in told.subject + str(told.body)
    entry = entries_about([("report_due", interim.id)])[0]
    assert entry.verb == "verify"
    assert entry.details["lines"] == {
        str(staff): {"verified": [100_000, 60_000], "ineligible": [0, 40_000], "reason": REASON}
    }
    award.state = AwardState.CLOSED
    db.session.flush()
    with refused("grant_closed"):
        actions.verify(interim, [found(staff, 0)], by=coordinator)


def test_costs_are_verified_once_they_are_with_the_fund(app: Flask) -> None:
    _, dues, _, coordinator = running()
    with refused("not_in_this_state"):
        actions.verify(by_key(dues, "interim_report"), [], by=coordinator)
    with refused("no_figures"):
        actions.verify(by_key(dues, "inception_note"), [], by=coordinator)


def test_the_fund_verifies_and_the_grantee_reads_it_with_the_answer(app: Flask, browser: Browser) -> None:
    _, interim, (staff, _), owner, coordinator = submitted()
    number, page = interim.id, f"/reports/{interim.id}/costs"
    officer = make.person(Role.FINANCE_OFFICER)
    db.session.commit()
    browser.sign_in(coordinator)
    typed = {f"verified_{staff}": "600", f"ineligible_{staff}": "400", f"reason_{staff}": ""}
    browser.post(page, typed, page=page, status=422)
    assert "Please say why an amount is not eligible" in browser.text
    assert 'value="400"' in browser.text
    for wrong, words in (
        ("400.001", "EUR has 2 decimals"),
        ("400 USD", "Amounts here are in EUR"),
        ("-4", "below zero"),
    ):
        browser.post(page, typed | {f"ineligible_{staff}": wrong}, status=422)
        assert words in browser.text
    colleague = Browser(app).sign_in(officer)
    colleague.get(page)
    browser.post(page, typed | {f"reason_{staff}": REASON} | read(browser), status=302)
    browser.follow()
    assert "€400 of what was reported is not eligible" in browser.text
    grantee = Browser(app).sign_in(owner)
    grantee.get(f"/reports/{number}")
    assert REASON not in grantee.text, "the fund has not answered yet"
    colleague.post(page, {f"verified_{staff}": "1000"} | read(colleague), status=422)
    assert "It was changed after you opened this page." in colleague.text
    assert 'value="1000"' in colleague.text
    browser.post(f"/reports/{number}/accept", page=f"/reports/{number}", status=302)
    grantee.get(f"/reports/{number}")
    assert REASON in grantee.text
    assert "€1,600 is spent until now" in grantee.text


@pytest.mark.parametrize(
    ("role", "status"),
    [
        (Role.FINANCE_OFFICER, 200),
        (Role.GLOBAL_COORDINATOR, 200),
        (Role.AUDITOR, 403),
        (Role.REVIEWER, 403),
        (Role.COMMITTEE_MEMBER, 403),
        (Role.ADMINISTRATOR, 403),
    ],
)
def test_who_verifies_costs(app: Flask, browser: Browser, role: Role, status: int) -> None:
    _, interim, _, owner, _ = submitted()
    person, page = make.person(role), f"/reports/{interim.id}/costs"
    elsewhere = make.person(Role.REGIONAL_COORDINATOR, regions=["LAC"])
    db.session.commit()
    browser.sign_in(person).get(page, status=status)
    Browser(app).sign_in(owner).get(page, status=403)
    Browser(app).sign_in(elsewhere).get(page, status=404)
