from __future__ import annotations

import threading
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask

from grants.accounts.models import MemberRole, Membership, Person, Role
from grants.awards.models import Award
from grants.awards.workflow import AwardState
from grants.core import clock
from grants.core.db import db
from grants.core.money import Money
from grants.core.rules import Refused
from grants.history.queries import entries_about
from grants.questionnaires.actions import EditConflict
from grants.reports import actions, queries, rules
from grants.reports.models import ReportDue
from grants.reports.workflow import ReportState
from tests import factories as make
from tests.awards.test_life import mails, refused
from tests.awards.test_numbers import TERMS

NOTE = {"begun": "We trained twelve observers.", "safe": True}
DONE = {
    "summary": "Twelve observers recorded cases for four months.",
    "activities": [{"activity": "Training", "progress": "done", "remark": None}],
}
REACHED = {
    "people": [{"group": "Travellers", "direct": 120, "women_percent": "35"}],
}
LEARNED = {"difficulties": "The border was closed.", "next_steps": "A public report.", "incidents": False}


def running(amount: int = 1_450_000, **more: Any) -> tuple[Award, list[ReportDue], Person, Person]:
    """A running award with what it owes, a member who writes, and a coordinator of the region."""
    owner = make.person(name="Grantee Member")
    coordinator = make.person(Role.REGIONAL_COORDINATOR, regions=["AFR"], name="Region Coordinator")
    organization = make.organization(owner)
    application = make.application(make.call(terms=TERMS), organization, owner, requested_minor=amount)
    award = make.award(application, owner, **more)
    return award, actions.schedule(award, by=coordinator), owner, coordinator


def write_all(due: ReportDue, by: Person, *, spent: int = 100_000) -> None:
    """Everything a report needs: its narrative, and ``spent`` minor units under each heading."""
    if due.kind == "narrative_light":
        actions.save_section(due, "note", NOTE, by=by, version=0)
        return
    for key, values in (("done", DONE), ("results", REACHED), ("learned", LEARNED)):
        actions.save_section(due, key, values, by=by, version=0)
    if due.is_financial:
        give_figures(due, by, spent)


def give_figures(due: ReportDue, by: Person, spent: int, explanation: str = "") -> None:
    lines = [
        rules.LineGiven(line_id, Money(spent, "EUR"), Decimal(1), explanation)
        for line_id in queries.budget_line_ids(due.award_id)
    ]
    actions.save_lines(actions.start(due, by=by), lines, by=by)


def by_key(dues: list[ReportDue], key: str) -> ReportDue:
    return next(due for due in dues if due.key == key)


# ------------------------------------------------------------------ planning


def test_what_is_owed_is_written_down_once_with_its_dates(app: Flask) -> None:
    award, dues, _, coordinator = running()
    assert [(due.key, due.kind, due.required, due.due_on) for due in dues] == [
        ("inception_note", "narrative_light", False, date(2027, 7, 1)),
        ("interim_report", "narrative_and_financial", True, date(2027, 10, 16)),
        ("final_report", "narrative_and_financial", True, date(2028, 3, 31)),
    ]
    actions.move(dues[1], date(2027, 11, 1), "Rain", by=coordinator)
    again = actions.schedule(award, by=coordinator)
    assert [due.id for due in again] == [due.id for due in dues]
    assert again[1].due_on == date(2027, 11, 1)


def test_lateness_is_a_matter_of_dates(app: Flask) -> None:
    _, dues, owner, _ = running()
    final = by_key(dues, "final_report")
    assert rules.urgency(final, date(2028, 2, 1)) == "later"
    assert rules.urgency(final, date(2028, 3, 31)) == "soon"
    assert rules.urgency(final, date(2028, 4, 1)) == "late"
    note = by_key(dues, "inception_note")
    assert rules.urgency(note, date(2028, 4, 1)) == "passed"
    write_all(final, owner)
    actions.submit(final, by=owner)
    assert rules.urgency(final, date(2028, 4, 1)) == "to_read"


# ------------------------------------------------------------------ writing and submitting


def test_a_short_note_is_written_submitted_and_accepted(app: Flask) -> None:
    award, dues, owner, coordinator = running()
    note = by_key(dues, "inception_note")
    write_all(note, owner)
    moment = datetime(2027, 6, 25, 9, tzinfo=UTC)
    with clock.at(moment):
        report = actions.submit(note, by=owner)
    assert (note.state, report.version, report.submitted_at) == (ReportState.SUBMITTED, 1, moment)
    assert {mail.to_address for mail in mails("report_submitted")} == {coordinator.email}
    actions.accept(note, by=coordinator)
    assert note.state == ReportState.ACCEPTED
    (told,) = mails("report_accepted")
    assert told.to_address == owner.email
    assert award.title not in told.subject + str(told.body)


def test_a_report_with_gaps_is_not_submitted_and_every_gap_is_named(app: Flask) -> None:
    _, dues, owner, _ = running()
    interim = by_key(dues, "interim_report")
    with refused(
        "summary.missing",
        "activities.missing",
        "people.missing",
        "difficulties.missing",
        "next_steps.missing",
        "incidents.missing",
        "no_figures",
    ):
        actions.submit(interim, by=owner)
    actions.save_section(interim, "done", DONE, by=owner, version=0)
    actions.save_section(interim, "results", REACHED, by=owner, version=0)
    actions.save_section(interim, "learned", LEARNED | {"incidents": True}, by=owner, version=0)
    give_figures(interim, owner, 100_000)
    with refused("incidents_text.missing"):
        actions.submit(interim, by=owner)
    assert interim.state == ReportState.OWED


def test_two_members_who_change_the_same_answer_are_both_heard(app: Flask) -> None:
    _, dues, owner, _ = running()
    note = by_key(dues, "inception_note")
    colleague = make.person()
    actions.save_section(note, "note", NOTE, by=owner, version=0)
    actions.save_section(note, "note", NOTE | {"begun": "Thirteen observers."}, by=owner, version=1)
    with pytest.raises(EditConflict) as conflict:
        actions.save_section(note, "note", NOTE | {"begun": "Fourteen observers."}, by=colleague, version=1)
    assert conflict.value.conflicts["begun"].theirs == "Thirteen observers."


def test_figures_are_converted_and_added_up_over_the_reports(app: Flask) -> None:
    award, dues, owner, coordinator = running()
    staff, activities = queries.budget_line_ids(award.id)
    interim, final = by_key(dues, "interim_report"), by_key(dues, "final_report")
    rate = Decimal("655.957")
    actions.save_lines(
        actions.start(interim, by=owner),
        [
            rules.LineGiven(staff, Money(655_957, "XOF"), rate),
            rules.LineGiven(activities, Money(1_000_000, "XOF"), rate),
        ],
        rules.Evidence(rate_source="BCEAO", rate_on=date(2026, 10, 1)),
        by=owner,
    )
    write_all_but_figures(interim, owner)
    actions.submit(interim, by=owner)
    assert queries.reported_before(final) == ({staff: 100_000, activities: 152_449}, date(2027, 10, 16))
    assert queries.reported_before(interim) == ({}, None)
    assert queries.spent(award) == Money(0, "EUR")
    actions.accept(interim, by=coordinator)
    assert queries.spent(award) == Money(252_449, "EUR")
    give_figures(final, owner, 10_000)
    written = queries.written(final)
    figures = rules.figures_in(final, written)
    assert [f.cumulative.minor for f in figures] == [110_000, 162_449]


def write_all_but_figures(due: ReportDue, by: Person) -> None:
    for key, values in (("done", DONE), ("results", REACHED), ("learned", LEARNED)):
        actions.save_section(due, key, values, by=by, version=0)


@pytest.mark.parametrize(
    ("local", "rate", "code"),
    [
        (Money(100, "XOF"), "0", "rate_not_above_zero"),
        (Money(100, "XOF"), "-655.957", "rate_not_above_zero"),
        (Money(100, "XOF"), "NaN", "rate_not_above_zero"),
        (Money(-1, "XOF"), "655.957", "amount_negative"),
        (Money(10**16, "XOF"), "655.957", "amount_too_large"),
    ],
)
def test_impossible_figures_are_refused_and_nothing_is_kept(app: Flask, local: Money, rate: str, code: str) -> None:
    award, dues, owner, _ = running()
    report = actions.start(by_key(dues, "interim_report"), by=owner)
    line = queries.budget_line_ids(award.id)[0]
    with refused(code):
        actions.save_lines(report, [rules.LineGiven(line, local, Decimal(rate))], by=owner)
    assert queries.lines_of(report.id) == {}


def test_figures_of_another_grants_budget_are_refused(app: Flask) -> None:
    _, dues, owner, _ = running()
    other, _, _, _ = running()
    report = actions.start(by_key(dues, "interim_report"), by=owner)
    foreign = queries.budget_line_ids(other.id)[0]
    with refused("unknown_line"):
        actions.save_lines(report, [rules.LineGiven(foreign, Money(1, "EUR"), Decimal(1))], by=owner)


def test_a_heading_far_above_its_budget_needs_an_explanation(app: Flask) -> None:
    award, dues, owner, _ = running()
    award.budget[0].amount_minor, award.budget[1].amount_minor = 50_000, 1_400_000
    db.session.flush()
    interim = by_key(dues, "interim_report")
    write_all(interim, owner, spent=60_000)
    with refused("explanation_missing"):
        actions.submit(interim, by=owner)
    give_figures(interim, owner, 60_000, "Prices rose by a third.")
    actions.submit(interim, by=owner)
    assert interim.state == ReportState.SUBMITTED


def test_no_more_is_reported_than_the_grant(app: Flask) -> None:
    _, dues, owner, _ = running(amount=1_100_000)
    interim = by_key(dues, "interim_report")
    write_all_but_figures(interim, owner)
    give_figures(interim, owner, 700_000, "We spent more.")
    with refused("above_the_grant"):
        actions.submit(interim, by=owner)


@pytest.mark.parametrize("state", [AwardState.SENT, AwardState.CLOSED, AwardState.LAPSED])
def test_a_report_is_neither_written_nor_submitted_outside_a_signed_and_open_grant(app: Flask, state: str) -> None:
    award, dues, owner, _ = running()
    note = by_key(dues, "inception_note")
    write_all(note, owner)
    award.state = state
    db.session.flush()
    with refused("grant_not_running"):
        actions.submit(note, by=owner)
    with refused("grant_not_running"):
        actions.save_section(note, "note", NOTE, by=owner, version=1)
    with refused("grant_not_running"):
        actions.start(by_key(dues, "final_report"), by=owner)


# ------------------------------------------------------------------ judging


def test_a_returned_report_is_mended_and_submitted_again(app: Flask) -> None:
    award, dues, owner, coordinator = running()
    colleague = make.person()
    make.save(Membership(organization_id=award.organization_id, person_id=colleague.id, role=MemberRole.EDITOR))
    note = by_key(dues, "inception_note")
    write_all(note, owner)
    actions.submit(note, by=owner)
    with refused("reason_missing"):
        actions.return_(note, "  ", by=coordinator)
    report = actions.return_(note, "Who was trained?", by=coordinator)
    last = queries.last_return(report)
    assert last is not None
    assert (note.state, last.reason, last.version) == (ReportState.RETURNED, "Who was trained?", 1)
    assert {mail.to_address for mail in mails("report_returned")} == {owner.email, colleague.email}
    actions.save_section(note, "note", NOTE | {"begun": "Twelve women and men."}, by=colleague, version=1)
    actions.submit(note, by=colleague)
    assert report.version == 2
    assert len(mails("report_submitted")) == 2
    actions.accept(note, by=coordinator)


def test_a_report_is_accepted_once_and_then_left_alone(app: Flask) -> None:
    _, dues, owner, coordinator = running()
    note = by_key(dues, "inception_note")
    with refused("not_in_this_state"):
        actions.accept(note, by=coordinator)
    write_all(note, owner)
    actions.submit(note, by=owner)
    actions.accept(note, by=coordinator)
    for act in (
        lambda: actions.accept(note, by=coordinator),
        lambda: actions.return_(note, "More", by=coordinator),
        lambda: actions.waive(note, "No need", by=coordinator),
        lambda: actions.move(note, date(2027, 8, 1), "Later", by=coordinator),
        lambda: actions.submit(note, by=owner),
        lambda: actions.save_section(note, "note", NOTE, by=owner, version=1),
    ):
        with refused("not_in_this_state"):
            act()


def test_a_report_is_waived_with_a_reason(app: Flask) -> None:
    _, dues, owner, coordinator = running()
    interim = by_key(dues, "interim_report")
    with refused("reason_missing"):
        actions.waive(interim, "", by=coordinator)
    actions.waive(interim, "The action ended early.", by=coordinator)
    assert interim.state == ReportState.WAIVED
    assert {mail.to_address for mail in mails("report_waived")} == {owner.email}


def test_a_due_date_that_has_passed_is_moved_and_the_former_one_kept(app: Flask) -> None:
    _, dues, owner, coordinator = running()
    interim = by_key(dues, "interim_report")
    with clock.at(datetime(2027, 12, 1, tzinfo=UTC)):
        with refused("reason_missing"):
            actions.move(interim, date(2027, 12, 31), " ", by=coordinator)
        with refused("same_day"):
            actions.move(interim, interim.due_on, "Same", by=coordinator)
        actions.move(interim, date(2027, 12, 31), "Illness of the accountant.", by=coordinator)
    entry = entries_about([("report_due", interim.id)])[0]
    assert (entry.verb, entry.details) == ("move", {"before": "2027-10-16", "after": "2027-12-31"})
    assert interim.due_on == date(2027, 12, 31)
    (told,) = mails("report_moved")
    assert (told.to_address, "31 December 2027" in (told.body or "")) == (owner.email, True)


def test_figures_cannot_slip_into_a_report_while_it_is_being_submitted(live: Flask) -> None:
    """Two members at once: the one who saves waits for the one who submits, and is then refused."""
    _, dues, owner, _ = running()
    interim = by_key(dues, "interim_report")
    write_all(interim, owner)
    db.session.commit()
    due_id, owner_id = interim.id, owner.id
    outcome: list[object] = []

    def save_late() -> None:
        with live.app_context():
            due = db.session.get_one(ReportDue, due_id)
            try:
                give_figures(due, db.session.get_one(Person, owner_id), 1)
                db.session.commit()
                outcome.append("saved")
            except Refused as refusal:
                db.session.rollback()
                outcome.append(refusal.obstacles[0].code)
            finally:
                db.session.remove()

    actions.submit(interim, by=owner)
    colleague = threading.Thread(target=save_late)
    colleague.start()
    colleague.join(0.5)
    assert outcome == []
    db.session.commit()
    colleague.join(20)
    assert outcome == ["not_in_this_state"]
