"""From what a grantee asks for to what applies once it is signed."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, date, datetime

import pikepdf
import pytest
from flask import Flask
from sqlalchemy import func, select

from grants.accounts.models import Role
from grants.amendments import actions, queries, rules
from grants.amendments.models import Amendment, BudgetNotice, Kind
from grants.amendments.rules import Request
from grants.amendments.workflow import AmendmentState
from grants.awards import actions as awards
from grants.awards import queries as award_queries
from grants.awards.models import Milestone
from grants.awards.queries import versions_of
from grants.core import clock, files
from grants.core.bare import texts_in
from grants.core.db import db
from grants.core.mail import OutboxMail
from grants.history.queries import entries_about
from grants.payments import queries as payments
from grants.payments.models import Transfer
from grants.reports import actions as reports
from grants.reports import queries as report_queries
from tests import factories as make
from tests.amendments.rows import (
    CEILINGS,
    END,
    LATER,
    TERMS,
    TODAY,
    asked,
    budget,
    days,
    drawn_up,
    everything,
    fresh,
    heading,
    more_time,
    moving,
    scene,
    worked_out,
)  # fmt: skip
from tests.awards.test_life import refused
from tests.payments import rows


def mails(kind: str) -> list[str]:
    found = select(OutboxMail.to_address).where(OutboxMail.kind == kind).order_by(OutboxMail.id)
    return list(db.session.scalars(found))


# ------------------------------------------------------------------ versions


def test_signing_keeps_everything_that_binds_as_the_first_version(app: Flask) -> None:
    made = scene()
    (version,) = versions_of(made.award)
    assert (version.number, version.reconstructed, version.agreement.version) == (1, False, 1)
    terms = version.terms
    assert (terms["minor"], terms["currency"], terms["end_on"]) == (1_000_000, "EUR", "2028-01-31")
    assert [(line["heading"], line["minor"]) for line in terms["budget"]] == [
        ("staff", 400_000),
        ("activities", 600_000),
    ]
    assert [(one["title"], one["due_on"]) for one in terms["milestones"]] == [
        ("Training", "2027-10-31"),
        ("Dialogue", "2028-01-31"),
    ]
    assert [(one["number"], one["minor"]) for one in terms["tranches"]] == [(1, 800_000), (2, 200_000)]
    assert [(one["key"], one["due_on"]) for one in terms["reports"]] == [("final_report", "2028-03-31")]
    assert "confidentiality" not in terms


# ------------------------------------------------------------------ notices


def test_a_small_move_of_money_applies_at_once_and_is_told_to_the_coordinator(app: Flask) -> None:
    made = scene()
    notice = actions.ask(made.award, moving(60_000), by=made.owner)
    assert isinstance(notice, BudgetNotice)
    assert (notice.number, notice.version, notice.moves) == (1, 1, {"activities": -60_000, "staff": 60_000})
    assert budget(made.award) == {"staff": 460_000, "activities": 540_000}
    assert mails("budget_noticed") == [made.coordinator.email]
    assert len(versions_of(made.award)) == 1
    assert entries_about([("award", made.award.id)])[0].verb == "rebudget"


def test_small_moves_add_up_until_the_fund_is_asked(app: Flask) -> None:
    made = scene()
    actions.ask(made.award, moving(40_000), by=made.owner)
    second = actions.ask(made.award, moving(20_001), by=made.owner)
    assert isinstance(second, Amendment)
    assert budget(made.award) == {"staff": 440_000, "activities": 560_000}


def test_what_the_fund_approves_in_writing_applies_without_a_signature(app: Flask) -> None:
    made = scene()
    amendment = asked(made, moving(90_000))
    assert budget(made.award)["staff"] == 400_000
    actions.approve(amendment, by=made.coordinator)
    assert amendment.state == AmendmentState.GRANTED
    assert budget(made.award) == {"staff": 490_000, "activities": 510_000}
    (notice,) = queries.notices_of(made.award)
    assert notice.amendment_id == amendment.id
    assert len(versions_of(made.award)) == 1
    facts = queries.facts_of(made.award)
    assert rules.shift_of(facts, {}).lines[0].moved_before == 90_000


def test_a_small_move_is_not_held_up_by_an_extension_on_its_way(app: Flask) -> None:
    made = scene()
    asked(made)
    assert isinstance(actions.ask(made.award, moving(10_000), by=made.owner), BudgetNotice)
    with refused("one_at_a_time"):
        actions.ask(made.award, moving(90_000), by=made.owner)


def test_money_is_not_moved_while_an_amendment_of_the_budget_is_on_its_way(app: Flask) -> None:
    made = scene()
    asked(made, moving(300_000))
    with refused("one_at_a_time"):
        actions.ask(made.award, moving(1), by=made.owner)


def test_no_heading_falls_below_what_was_spent_and_accepted(app: Flask) -> None:
    made = scene()
    rows.spend(made, 390_000)
    back = Request(frozenset({Kind.BUDGET}), "Less staff.", moves={"staff": -10_001, "activities": 10_001})
    with refused("below_spent"):
        actions.ask(made.award, back, by=made.owner)
    assert isinstance(
        actions.ask(made.award, replace(back, moves={"staff": -10_000, "activities": 10_000}), by=made.owner),
        BudgetNotice,
    )


def test_the_ceiling_of_indirect_costs_holds_for_notices_and_amendments(app: Flask) -> None:
    made = rows_with_indirect()
    raise_it = Request(frozenset({Kind.BUDGET}), "More.", moves={"staff": -1_000, "indirect": 1_000})
    with refused("ceiling"):
        actions.ask(made.award, raise_it, by=made.owner)


def rows_with_indirect() -> rows.Scene:
    """A grant with indirect costs of exactly seven percent of the direct costs that the fund pays."""
    call = make.call(terms=TERMS, budget=CEILINGS, latest_end_on=date(2028, 6, 30))
    with clock.at(rows.SIGNING_DAY):
        made = rows.scene(call=call, signed=False, account=False, amount_minor=1_070_000)
        heading(made, "indirect", 70_000)
        rows.actions.sign_agreement(made.award, signature="Awa Diop", by=made.owner)
    return made


# ------------------------------------------------------------------ asking


def test_one_change_at_a_time_and_only_of_a_grant_that_runs(app: Flask) -> None:
    made = scene()
    asked(made)
    with refused("one_at_a_time"):
        actions.ask(made.award, more_time(), by=made.owner)
    other = scene()
    awards.terminate(other.award, "Over.", by=other.coordinator)
    with refused("not_running"):
        actions.ask(other.award, more_time(), by=other.owner)


def test_a_suspended_grant_may_be_extended(app: Flask) -> None:
    made = scene()
    awards.suspend(made.award, "Accounts are frozen.", by=made.coordinator)
    assert asked(made).state == AmendmentState.REQUESTED


@pytest.mark.parametrize(
    ("end_on", "code"),
    [(END, "not_later"), (date(2028, 4, 30), None), (date(2028, 5, 1), "too_long")],
)
def test_more_time_is_within_the_months_of_the_call(app: Flask, end_on: date, code: str | None) -> None:
    made = scene()
    if code is None:
        assert asked(made, more_time(end_on)).end_on == end_on
        return
    with refused(code):
        actions.ask(made.award, more_time(end_on), by=made.owner)


def test_the_last_day_of_all_actions_of_the_call_holds_too(app: Flask) -> None:
    made = scene()
    made.award.call.latest_end_on = date(2028, 2, 29)
    db.session.flush()
    with refused("too_long"):
        actions.ask(made.award, more_time(date(2028, 3, 1)), by=made.owner)
    assert asked(made, more_time(date(2028, 2, 29)))


def test_months_are_counted_from_the_end_that_was_signed_first(app: Flask) -> None:
    made = scene()
    actions.sign(drawn_up(made, more_time(date(2028, 4, 30))), signature="Awa Diop", by=made.owner)
    with refused("too_long"):
        actions.ask(made.award, more_time(date(2028, 5, 1)), by=made.owner)


def test_nothing_is_extended_after_its_last_day(app: Flask) -> None:
    made = scene()
    amendment = drawn_up(made)
    with clock.at(datetime(2028, 2, 1, 9, tzinfo=UTC)):
        with refused("ended"):
            actions.sign(amendment, signature="Awa Diop", by=made.owner)
        actions.lapse(amendment, "Not signed before the end.", by=made.coordinator)
        with refused("ended"):
            actions.ask(made.award, more_time(), by=made.owner)
    assert fresh(made.award).end_on == END


def test_whatever_is_asked_has_its_kind_its_reason_and_its_words(app: Flask) -> None:
    made = scene()
    with refused("no_kind", "reason_missing"):
        actions.ask(made.award, Request(frozenset(), " "), by=made.owner)
    with refused("no_end", "nothing_moved", "no_scope"):
        actions.ask(made.award, Request(frozenset(Kind), "Why not"), by=made.owner)


# ------------------------------------------------------------------ written down by the fund


def test_what_the_fund_wrote_down_counts_once_the_grantee_confirmed_it(app: Flask) -> None:
    made = scene()
    amendment = asked(made, by=made.coordinator, assisted=True)
    assert mails("amendment_to_confirm") == [made.owner.email]
    assert mails("amendment_asked") == []
    with refused("unconfirmed"):
        actions.approve(amendment, by=made.coordinator)
    actions.confirm(amendment, by=made.owner)
    assert amendment.confirmed_by_id == made.owner.id
    assert mails("amendment_asked") == [made.coordinator.email]
    with refused("nothing_to_confirm"):
        actions.confirm(amendment, by=made.owner)
    actions.approve(amendment, by=made.coordinator)
    assert amendment.state == AmendmentState.APPROVED


def test_a_small_move_that_the_fund_wrote_down_applies_when_it_is_confirmed(app: Flask) -> None:
    made = scene()
    amendment = asked(made, moving(10_000), by=made.coordinator, assisted=True)
    assert budget(made.award)["staff"] == 400_000
    actions.confirm(amendment, by=made.owner)
    assert amendment.state == AmendmentState.GRANTED
    assert budget(made.award)["staff"] == 410_000


def test_where_the_call_says_so_two_people_of_the_fund_look(app: Flask) -> None:
    terms = {"award": TERMS["award"] | {"amendments": {"four_eyes": True}}}
    made = scene(terms=terms)
    colleague = make.person(Role.REGIONAL_COORDINATOR, regions=["AFR"])
    amendment = asked(made, by=made.coordinator, assisted=True)
    actions.confirm(amendment, by=made.owner)
    with refused("wrote_it"):
        actions.approve(amendment, by=made.coordinator)
    actions.approve(amendment, by=colleague)
    actions.hand_in(amendment, by=made.owner)
    with refused("approved_it"):
        actions.draw_up(amendment, by=colleague)
    actions.draw_up(amendment, by=made.coordinator)
    assert amendment.state == AmendmentState.DRAWN_UP


# ------------------------------------------------------------------ deciding and working out


def test_a_refusal_has_its_reason_and_leaves_the_grant_as_it_is(app: Flask) -> None:
    made = scene()
    amendment = asked(made)
    with refused("reason_missing"):
        actions.refuse_change(amendment, " ", by=made.coordinator)
    actions.refuse_change(amendment, "The call ends.", by=made.coordinator)
    assert (amendment.state, amendment.answer) == (AmendmentState.REFUSED, "The call ends.")
    assert mails("amendment_answered") == [made.owner.email]
    assert days(made)["end"] == END
    assert asked(made).number == 2


def test_what_was_due_at_the_end_moves_with_it_until_somebody_works_it_out(app: Flask) -> None:
    made = scene()
    amendment = actions.approve(asked(made), by=made.coordinator)
    training, dialogue = sorted(made.award.milestones, key=lambda one: one.due_on)
    revision = rules.revision_in(amendment)
    assert revision.milestones == {training.id: date(2027, 10, 31), dialogue.id: LATER}
    assert revision.reports == {made.final.id: date(2028, 5, 30)}
    assert revision.lines == {}


def test_only_what_the_change_touches_is_open(app: Flask) -> None:
    made = scene()
    amendment = actions.approve(asked(made), by=made.coordinator)
    given = replace(rules.revision_in(amendment), lines={"staff": 1}, scope="Something else.")
    stranger = make.save(Milestone(award_id=scene().award.id, title="Of another grant", due_on=END))
    actions.save_revision(amendment, replace(given, milestones={**given.milestones, stranger.id: LATER}), by=made.owner)
    kept = rules.revision_in(amendment)
    assert (kept.lines, kept.scope) == ({}, "")
    assert stranger.id not in kept.milestones


@pytest.mark.parametrize(
    ("day", "code"), [(date(2027, 8, 31), "before_what_happened"), (date(2028, 4, 1), "outside_the_period")]
)
def test_days_lie_after_what_happened_and_within_the_grant(app: Flask, day: date, code: str) -> None:
    made = scene()
    amendment = actions.approve(asked(made), by=made.coordinator)
    training = min(made.award.milestones, key=lambda one: one.due_on)
    kept = rules.revision_in(amendment)
    actions.save_revision(amendment, replace(kept, milestones=kept.milestones | {training.id: day}), by=made.owner)
    with refused(code):
        actions.hand_in(amendment, by=made.owner)


def test_the_final_report_is_due_after_the_end(app: Flask) -> None:
    made = scene()
    amendment = actions.approve(asked(made), by=made.coordinator)
    kept = rules.revision_in(amendment)
    actions.save_revision(amendment, replace(kept, reports={made.final.id: date(2028, 3, 30)}), by=made.owner)
    with refused("final_before_end"):
        actions.hand_in(amendment, by=made.owner)


def test_a_budget_is_worked_out_to_the_cent_of_the_grant(app: Flask) -> None:
    made = scene()
    amendment = actions.approve(asked(made, moving(200_000)), by=made.coordinator)
    assert rules.revision_in(amendment).lines == {"staff": 600_000, "activities": 400_000}
    actions.save_revision(amendment, rules.Revision(lines={"staff": 600_001, "activities": 400_000}), by=made.owner)
    with refused("uneven"):
        actions.hand_in(amendment, by=made.owner)


def test_what_was_worked_out_goes_back_with_reasons_until_it_is_right(app: Flask) -> None:
    made = scene()
    amendment = worked_out(made)
    assert mails("amendment_worked_out") == [made.coordinator.email]
    with refused("not_in_this_state"):
        actions.save_revision(amendment, rules.Revision(), by=made.owner)
    actions.return_(amendment, "Move the training as well.", by=made.coordinator)
    assert (amendment.state, amendment.answer) == (AmendmentState.RETURNED, "Move the training as well.")
    actions.hand_in(amendment, by=made.owner)
    actions.draw_up(amendment, by=made.coordinator)
    actions.return_(amendment, "A wrong day.", by=made.coordinator)
    actions.hand_in(amendment, by=made.owner)
    actions.draw_up(amendment, by=made.coordinator)
    assert amendment.agreement is not None
    assert amendment.agreement.version == 3


# ------------------------------------------------------------------ the document and its signature


def test_the_amendment_is_a_tagged_pdf_that_says_what_changes_from_what_to_what(app: Flask) -> None:
    made = scene()
    amendment = drawn_up(made, everything())
    assert amendment.agreement is not None
    content = files.read(amendment.agreement.file)
    with pikepdf.open(io.BytesIO(content)) as document:
        assert document.Root.MarkInfo.Marked
        assert str(document.Root.Lang) == "en"
    with clock.at(TODAY):
        facts = queries.facts_of(made.award)
        articles = rules.articles_of(amendment, facts, lambda day: day.isoformat() if day else "")
    said = str(articles)
    for words in (
        "2028-03-31 instead of 2028-01-31",
        "Three towns instead of two.",
        "Staff",
        "2028-05-30",
        "All is different",
    ):
        assert words in said
    assert mails("amendment_to_sign") == [made.owner.email]


def test_nothing_applies_before_the_signature_and_all_of_it_at_once_after(app: Flask) -> None:
    made = scene()
    before, money = days(made), budget(made.award)
    moved = db.session.scalar(select(func.count()).select_from(Transfer))
    amendment = drawn_up(made, everything())
    assert days(made) == before
    assert budget(made.award) == money
    actions.sign(amendment, signature=" Awa  Diop ", by=made.owner)
    assert amendment.state == AmendmentState.SIGNED
    after = days(made)
    assert (after["end"], after["Training"], after["Dialogue"]) == (LATER, date(2027, 10, 31), LATER)
    assert after["final"] == date(2028, 5, 30)
    assert after["tranches"] == [before["tranches"][0], date(2028, 6, 14)]
    assert budget(made.award) == {"staff": 600_000, "activities": 400_000}
    assert fresh(made.award).amount_minor == 1_000_000
    assert db.session.scalar(select(func.count()).select_from(Transfer)) == moved
    assert payments.wrong_totals() == []
    first, second = versions_of(made.award)
    assert second.agreement.signature == "Awa Diop"
    assert second.agreement_id == amendment.agreement_id
    assert (first.terms["end_on"], second.terms["end_on"]) == ("2028-01-31", "2028-03-31")
    assert (first.terms["scope"], second.terms["scope"]) == ("", "Three towns instead of two.")
    assert mails("amendment_ended") == [made.coordinator.email]


def test_an_amendment_begins_the_count_of_moves_anew(app: Flask) -> None:
    made = scene()
    actions.ask(made.award, moving(60_000), by=made.owner)
    actions.sign(drawn_up(made, moving(100_000)), signature="Awa Diop", by=made.owner)
    shift = rules.shift_of(queries.facts_of(made.award), {})
    assert [(line.signed, line.moved_before) for line in shift.lines] == [(560_000, 0), (440_000, 0)]


def test_what_was_reached_or_reported_meanwhile_keeps_its_day(app: Flask) -> None:
    made = scene()
    amendment = drawn_up(made)
    dialogue = max(made.award.milestones, key=lambda one: one.due_on)
    awards.reach_milestone(dialogue, "Minutes.", by=made.owner)
    make.report(made.final, 0)
    made.final.state = "submitted"
    db.session.flush()
    actions.sign(amendment, signature="Awa Diop", by=made.owner)
    after = days(made)
    assert (after["end"], after["Dialogue"], after["final"]) == (LATER, END, date(2028, 3, 31))


def test_an_amendment_is_signed_by_who_may_by_name_and_as_it_was_read(app: Flask) -> None:
    made = scene()
    amendment = drawn_up(made)
    with refused("not_a_signatory"):
        actions.sign(amendment, signature="Coordinator", by=made.coordinator)
    with refused("no_signature"):
        actions.sign(amendment, signature=" ", by=made.owner)
    with refused("newer_version"):
        actions.sign(amendment, signature="Awa Diop", by=made.owner, version=1)
    actions.sign(amendment, signature="Awa Diop", by=made.owner, version=2)
    with refused("not_in_this_state"):
        actions.sign(amendment, signature="Awa Diop", by=made.owner)


def test_a_change_is_withdrawn_or_let_lapse_from_anywhere_before_its_signature(app: Flask) -> None:
    made = scene()
    for come, end in ((asked, "withdraw"), (worked_out, "lapse"), (drawn_up, "withdraw")):
        amendment = come(made)
        with refused("reason_missing"):
            getattr(actions, end)(amendment, "", by=made.owner)
        getattr(actions, end)(amendment, "No longer needed.", by=made.owner)
        with refused("not_in_this_state"):
            getattr(actions, end)(amendment, "Again.", by=made.owner)
    assert days(made)["end"] == END
    assert len(versions_of(made.award)) == 1


# ------------------------------------------------------------------ comparing


def test_two_versions_stand_side_by_side_with_what_differs(app: Flask) -> None:
    made = scene()
    actions.sign(drawn_up(made, everything()), signature="Awa Diop", by=made.owner)
    first, second = versions_of(made.award)
    sides = {str(side.label): side for side in rules.compare(first, second, {})}
    assert {label for label, side in sides.items() if side.differs} == {
        "Period", "Budget", "Milestones", "Reports", "Payments", "Work",
    }  # fmt: skip
    assert not sides["Grant"].differs
    old = "".join(text for line in sides["Budget"].old for text, _alone in line)
    assert "4,000" in old
    assert [alone for line in sides["Work"].new for _text, alone in line] == [True]


def test_the_record_keeps_the_former_days_of_milestones_and_reports(app: Flask) -> None:
    made = scene()
    actions.sign(drawn_up(made), signature="Awa Diop", by=made.owner)
    dialogue = next(one for one in fresh(made.award).milestones if one.title == "Dialogue")
    reports.move(made.final, date(2028, 6, 15), "The auditor is ill.", by=made.coordinator)
    assert award_queries.former_days(made.award) == {dialogue.id: [END]}
    assert report_queries.former_days([made.final]) == {made.final.id: [date(2028, 3, 31), date(2028, 5, 30)]}


def test_a_change_is_drawn_up_as_it_was_read(app: Flask) -> None:
    made = scene()
    amendment = actions.approve(asked(made, more_time()), by=made.coordinator)
    actions.hand_in(amendment, by=made.owner)
    read = rules.mark_of_change(amendment)
    actions.return_(amendment, "Please move the training.", by=made.coordinator)
    worked_out = rules.revision_in(amendment)
    training = next(iter(worked_out.milestones))
    days = worked_out.milestones | {training: date(2027, 11, 15)}
    actions.save_revision(amendment, replace(worked_out, milestones=days), by=made.owner)
    actions.hand_in(amendment, by=made.owner)
    with refused("changed_meanwhile"):
        actions.draw_up(amendment, by=made.coordinator, read=read)
    actions.draw_up(amendment, by=made.coordinator, read=rules.mark_of_change(amendment))


def test_an_instalment_moves_with_its_milestone_and_the_document_says_so(app: Flask) -> None:
    made = scene()
    dialogue = max(made.award.milestones, key=lambda one: one.due_on)
    made.first.milestone, made.first.due_on = dialogue, date(2028, 2, 15)
    made.last.not_before = date(2028, 7, 1)
    db.session.flush()
    amendment = drawn_up(made)
    said = "\n".join(texts_in(files.read(amendment.agreement.file), "pdf"))
    assert "15 April 2028" in said
    actions.sign(amendment, signature="Awa Diop", by=made.owner)
    assert days(made)["tranches"] == [date(2028, 4, 15), date(2028, 7, 1)]


def test_a_change_whose_ground_moved_meanwhile_is_worked_out_again(app: Flask) -> None:
    made = scene()
    amendment = drawn_up(made)
    training = min(made.award.milestones, key=lambda one: one.due_on)
    awards.move_milestone(training, date(2027, 11, 20), "The rains.", by=made.coordinator)
    with refused("base_moved"):
        actions.sign(amendment, signature="Awa Diop", by=made.owner)
    actions.return_(amendment, "The training was moved.", by=made.coordinator)
    with refused("base_moved"):
        actions.hand_in(amendment, by=made.owner)
    kept = rules.revision_in(amendment)
    milestones = kept.milestones | {training.id: date(2027, 11, 20)}
    actions.save_revision(amendment, replace(kept, milestones=milestones), by=made.owner)
    actions.hand_in(amendment, by=made.owner)
    actions.draw_up(amendment, by=made.coordinator)
    actions.sign(amendment, signature="Awa Diop", by=made.owner)
    assert days(made)["Training"] == date(2027, 11, 20)
