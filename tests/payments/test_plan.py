"""From the terms of the call to the tranches, the reports and the agreement that names both."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from grants.accounts.models import Role
from grants.awards.models import Agreement, Award, Milestone
from grants.awards.queries import versions_of
from grants.awards.workflow import AwardState
from grants.core import files
from grants.core.bare import texts_in
from grants.core.db import db
from grants.core.rules import Refused
from grants.payments import actions, queries, rules
from grants.payments.models import Tranche
from grants.reports.models import ReportDue
from tests import factories as make
from tests.awards.test_numbers import TERMS
from tests.http import Browser

ESCALATION = {"14": "coordinator", "30": "programme_manager_and_payment_hold", "60": "suspension_notice"}


def accepted(minor: int, **terms: Any) -> tuple[Award, Any, Any]:
    """An award that was accepted, under terms like those of the sample call."""
    owner = make.person()
    coordinator = make.person(Role.REGIONAL_COORDINATOR, regions=["AFR"])
    organization = make.organization(owner)
    call = make.call(terms=TERMS | {"reporting": TERMS["reporting"] | {"escalation": ESCALATION}} | terms)
    application = make.application(call, organization, owner, requested_minor=minor)
    award = make.award(application, coordinator, state=AwardState.ACCEPTED)
    make.diligence(award, coordinator)
    return award, coordinator, owner


def tranches(award: Award) -> list[tuple[Any, ...]]:
    found = select(Tranche).where(Tranche.award_id == award.id).order_by(Tranche.number)
    return [
        (t.number, t.amount_minor, t.report_due.key if t.report_due else None, t.min_spent_percent, t.due_on)
        for t in db.session.scalars(found)
    ]


def test_a_small_grant_is_paid_in_two_tranches(app: Flask) -> None:
    award, coordinator, _ = accepted(1_000_000)
    agreement = actions.prepare_agreement(award, by=coordinator)
    assert agreement.version == 1
    assert award.state == AwardState.SENT
    final = queries.reports_owed(award)["final_report"]
    assert tranches(award) == [
        (1, 800_000, None, None, date(2027, 5, 24)),
        (2, 200_000, "final_report", None, rules.due_after_report(final.due_on)),
    ]


def test_a_larger_grant_waits_for_its_interim_report_with_seventy_percent_spent(app: Flask) -> None:
    award, coordinator, _ = accepted(1_200_001)
    actions.prepare_agreement(award, by=coordinator)
    planned = tranches(award)
    assert [part[1:4] for part in planned] == [
        (600_000, None, None),
        (480_000, "interim_report", 70),
        (120_001, "final_report", None),
    ]
    assert sum(part[1] for part in planned) == award.amount_minor
    assert set(db.session.scalars(select(Tranche.hold_after_days))) == {30}


def test_drawing_up_again_keeps_the_plan_and_writes_a_new_version(app: Flask) -> None:
    award, coordinator, _ = accepted(1_000_000)
    actions.prepare_agreement(award, by=coordinator)
    before = tranches(award)
    assert actions.prepare_agreement(award, by=coordinator).version == 2
    assert tranches(award) == before
    assert db.session.scalars(select(Agreement.version).order_by(Agreement.version)).all() == [1, 2]
    assert len(set(db.session.scalars(select(ReportDue.key)))) == len(db.session.scalars(select(ReportDue.id)).all())


def test_the_terms_say_after_how_many_days_a_late_report_holds_payments(app: Flask) -> None:
    assert rules.hold_after_days({"reporting": {"escalation": ESCALATION}}) == 30
    assert rules.hold_after_days({"reporting": {"escalation": {45: "payment_hold", "9": "coordinator"}}}) == 45
    assert rules.hold_after_days({}) == 30


def test_no_agreement_without_a_payment_plan(app: Flask) -> None:
    award, coordinator, _ = accepted(1_000_000, award={"tranche_plans": []})
    with pytest.raises(Refused) as refusal:
        actions.prepare_agreement(award, by=coordinator)
    assert [o.code for o in refusal.value.obstacles] == ["no_tranche_plan"]
    assert tranches(award) == []


def test_a_coordinator_draws_the_agreement_up_on_its_page_and_the_grantee_signs(browser: Browser) -> None:
    award, coordinator, owner = accepted(1_000_000)
    db.session.commit()
    path = f"/grants/{award.reference}/plan"
    staff = Browser(browser.app).sign_in(coordinator)
    staff.get(path)
    assert "8,000" in staff.text
    staff.post(path, status=302)
    staff.follow()
    assert "waiting for signature" in staff.text
    grantee = Browser(browser.app).sign_in(owner)
    grantee.get(f"/grants/{award.reference}/sign")
    grantee.post(f"/grants/{award.reference}/sign", {"agreed": "y", "signature": "Awa Diop"}, status=302)
    grantee.follow()
    assert "Running" in grantee.text
    staff.post(path, page=path, status=409)


def test_what_an_instalment_waits_for_is_planned_named_and_signed(app: Flask) -> None:
    award, coordinator, owner = accepted(1_200_001)
    promised = make.save(Milestone(award_id=award.id, title="Training held", due_on=date(2027, 9, 30)))
    waits = rules.Waits("interim_report_approved", promised.id, date(2027, 12, 24), 60)
    actions.plan_instalment(award, 2, waits, by=coordinator)
    agreement = actions.prepare_agreement(award, by=coordinator)
    second = tranches(award)[1]
    assert (second[3], second[4]) == (60, max(date(2027, 12, 24), second[4]))
    said = "\n".join(texts_in(files.read(agreement.file), "pdf"))
    assert "Training held" in said
    assert "24 December 2027" in said
    standing = queries.standings_of([award.id])[1]
    assert (standing.milestone_title, standing.not_before) == ("Training held", date(2027, 12, 24))
    actions.sign_agreement(award, signature="Awa Diop", by=owner)
    kept = versions_of(award)[-1].terms["tranches"][1]
    assert (kept["milestone"], kept["not_before"], kept["min_spent_percent"]) == ("Training held", "2027-12-24", 60)
    with pytest.raises(Refused) as refusal:
        actions.plan_instalment(award, 2, waits, by=coordinator)
    assert [o.code for o in refusal.value.obstacles] == ["not_in_this_state"]


@pytest.mark.parametrize(
    ("number", "waits", "code"),
    [
        (1, rules.Waits("final_report_approved"), "no_trigger"),
        (2, rules.Waits("agreement_signed"), "no_trigger"),
        (1, rules.Waits("agreement_signed", 0), "no_milestone"),
        (1, rules.Waits("agreement_signed", None, date(2040, 1, 1)), "outside_the_period"),
        (1, rules.Waits("agreement_signed", None, None, 101), "no_percent"),
    ],
)
def test_an_instalment_waits_for_nothing_that_is_not_of_its_grant(
    app: Flask, number: int, waits: rules.Waits, code: str
) -> None:
    award, coordinator, _ = accepted(1_000_000)
    with pytest.raises(Refused) as refusal:
        actions.plan_instalment(award, number, waits, by=coordinator)
    assert [o.code for o in refusal.value.obstacles] == [code]


def test_an_agreement_whose_plan_was_changed_is_drawn_up_again_before_it_is_signed(browser: Browser) -> None:
    award, coordinator, owner = accepted(1_000_000)
    reference, award_id = award.reference, award.id
    make.save(Milestone(award_id=award.id, title="Training held", due_on=date(2027, 9, 30)))
    actions.prepare_agreement(award, by=coordinator)
    db.session.commit()
    staff = Browser(browser.app).sign_in(coordinator)
    page = staff.open(f"/grants/{reference}/plan")
    assert "Change what it waits for" in page.text
    change = f"/grants/{reference}/plan/instalments/1"
    staff.open(change)
    staff.press("Save", {"not_before": "2040-01-01"}, status=422)
    staff.press("Save", {"not_before": "2027-06-20"})
    assert "Nobody can sign it now" in staff.open(f"/grants/{reference}/plan").text
    grantee = browser.sign_in(owner)
    place = f"/grants/{reference}/sign"
    assert "changed after this agreement was drawn up" in grantee.open(place).text
    grantee.post(place, {"agreed": "y", "signature": "Awa Diop", "read": "1"}, status=422)
    actions.prepare_agreement(db.session.get_one(Award, award_id), by=db.session.merge(coordinator))
    db.session.commit()
    assert "not before 20 June 2027" in grantee.open(place).text
    grantee.post(place, {"agreed": "y", "signature": "Awa Diop"}, status=302)
