from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from grants.accounts.models import Confidentiality, MemberRole, Membership, Person, Role
from grants.awards import actions, queries, rules
from grants.awards.models import Award, Condition, Milestone
from grants.awards.workflow import AwardState
from grants.core import clock, files
from grants.core.db import db
from grants.core.mail import OutboxMail
from grants.core.rules import Refused
from grants.core.workflow import NoSuchMove
from grants.decisions.models import Decision, DecisionOutcome, Seat
from grants.decisions.workflow import DecisionState, MeetingState
from grants.history.queries import entries_about
from grants.questionnaires.models import SectionAnswers
from tests import factories as make
from tests.awards.test_numbers import TERMS

HEADINGS = {
    "headings": [
        {"key": "staff", "title": {"en": "Staff", "fr": "Personnel"}},
        {"key": "travel", "title": {"en": "Travel", "fr": "Voyages"}},
    ]
}
ANSWERS = {
    "budget_lines": [
        {"heading": "staff", "requested": "6000.00"},
        {"heading": "travel", "requested": "4000.00"},
    ],
    "workplan": [{"activity": "Training", "months": "1-2"}, {"activity": "Dialogue", "months": "3-8"}],
}


@contextmanager
def refused(*codes: str) -> Iterator[None]:
    """The action is refused for exactly these reasons."""
    with pytest.raises(Refused) as refusal:
        yield
    assert tuple(obstacle.code for obstacle in refusal.value.obstacles) == codes


def mails(kind: str) -> list[OutboxMail]:
    return list(db.session.scalars(select(OutboxMail).where(OutboxMail.kind == kind).order_by(OutboxMail.id)))


def decided(**more: Any) -> tuple[Decision, Person, Person]:
    """A decision to award that waits for its letter, a global coordinator, and the owner of the applicant."""
    coordinator = make.person(Role.GLOBAL_COORDINATOR)
    owner = make.person()
    organization = make.organization(owner, make.person())
    call = make.call(terms=TERMS, budget=HEADINGS)
    application = make.application(call, organization, owner)
    make.save(SectionAnswers(answer_sheet_id=application.answer_sheet_id, section_key="S8", values=ANSWERS))
    values = {"state": DecisionState.TAKEN, "released_at": None, "conditions": ["Adopt a safeguarding policy."]}
    decision = make.decision(application, coordinator, **(values | more))
    make.save(
        Seat(
            meeting_id=decision.meeting_id,
            person_id=make.person(Role.COMMITTEE_MEMBER).id,
            present=True,
            signed_at=datetime(2027, 4, 8, 15, tzinfo=UTC),
        )
    )
    return decision, coordinator, owner


def offered(state: str = AwardState.OFFERED, **more: Any) -> tuple[Award, Person, Person]:
    """An award, its coordinator, and the owner of the grantee, who may sign."""
    coordinator = make.person(Role.REGIONAL_COORDINATOR, regions=["AFR"])
    owner = make.person()
    organization = make.organization(owner)
    call = make.call(terms=TERMS)
    application = make.application(call, organization, owner, confidentiality=more.get("confidentiality", "public"))
    return make.award(application, owner, state=state, **more), coordinator, owner


def sent() -> tuple[Award, Person, Person]:
    award, coordinator, owner = offered(AwardState.ACCEPTED)
    actions.draw_up_agreement(
        award,
        instalments=rules.instalments(award, TERMS),
        reports_owed=rules.report_plan(award, TERMS),
        by=coordinator,
    )
    return award, coordinator, owner


# ------------------------------------------------------------------ letters


def test_releasing_the_letters_turns_a_decision_into_an_offer_with_numbers_that_add_up(app: Flask) -> None:
    decision, coordinator, owner = decided(amount_minor=900_001)
    with clock.at(datetime(2027, 4, 15, 9, tzinfo=UTC)):
        (award,) = actions.release_decisions(decision.meeting, by=coordinator)
    application = decision.application
    assert award.reference == f"{application.call.reference}-G01"
    assert (award.state, award.amount_minor, award.currency) == (AwardState.OFFERED, 900_001, "EUR")
    assert (award.region, award.lot_key, award.title) == ("AFR", "L1", application.title)
    assert (award.answer_by, award.sign_by) == (date(2027, 4, 29), date(2027, 5, 14))
    assert (award.start_on, award.end_on) == (date(2027, 6, 1), date(2028, 1, 31))
    assert [(line.heading, line.amount_minor) for line in award.budget] == [("staff", 540_001), ("travel", 360_000)]
    assert queries.budget_minor(award) == award.amount_minor
    assert [c.text for c in award.conditions] == ["Adopt a safeguarding policy."]
    assert [(m.title, m.due_on) for m in award.milestones] == [
        ("Training", date(2027, 7, 31)),
        ("Dialogue", date(2028, 1, 31)),
    ]
    assert decision.state == DecisionState.RELEASED
    (letter,) = mails("award_offered")
    assert letter.to_address == owner.email
    assert award.title not in letter.subject + str(letter.body)
    assert application.organization.name not in letter.subject + str(letter.body)


def test_letters_are_not_released_before_the_meeting_is_closed(app: Flask) -> None:
    decision, coordinator, _ = decided()
    decision.meeting.state = MeetingState.OPENED
    db.session.flush()
    with refused("meeting_not_closed"):
        actions.release_decisions(decision.meeting, by=coordinator)
    assert db.session.scalar(select(Award.id)) is None
    assert not mails("award_offered")


def test_letters_are_released_once(app: Flask) -> None:
    decision, coordinator, _ = decided()
    assert len(actions.release_decisions(decision.meeting, by=coordinator)) == 1
    with refused("no_letters"):
        actions.release_decisions(decision.meeting, by=coordinator)
    assert len(mails("award_offered")) == 1


def test_a_declined_application_gets_no_award(app: Flask) -> None:
    decision, coordinator, _ = decided(outcome=DecisionOutcome.DECLINE, amount_minor=0)
    assert actions.release_decisions(decision.meeting, by=coordinator) == []


# ------------------------------------------------------------------ answering and signing


def test_an_accepted_offer_is_told_to_the_coordinators_of_the_region(app: Flask) -> None:
    award, coordinator, owner = offered()
    elsewhere = make.person(Role.REGIONAL_COORDINATOR, regions=["ASI"])
    actions.accept(award, by=owner)
    assert award.state == AwardState.ACCEPTED
    addresses = {mail.to_address for mail in mails("award_answered")}
    assert coordinator.email in addresses
    assert elsewhere.email not in addresses


def test_an_offer_is_answered_once(app: Flask) -> None:
    award, _, owner = offered()
    actions.accept(award, by=owner)
    with refused("not_in_this_state"):
        actions.accept(award, by=owner)
    with refused("not_in_this_state"):
        actions.refuse_offer(award, "Too late", by=owner)


def test_a_refusal_needs_a_reason(app: Flask) -> None:
    award, _, owner = offered()
    with refused("reason_missing"):
        actions.refuse_offer(award, "  ", by=owner)
    assert award.state == AwardState.OFFERED
    actions.refuse_offer(award, "We found other money.", by=owner)
    assert award.state == AwardState.REFUSED


def test_the_agreement_is_a_tagged_pdf_whose_name_tells_nobodys_name(app: Flask) -> None:
    award, _, owner = sent()
    assert award.state == AwardState.SENT
    agreement = queries.agreement_version(award, 1)
    assert agreement is not None
    content = files.read(agreement.file)
    assert content.startswith(b"%PDF-")
    assert b"StructTreeRoot" in content
    assert award.organization.name.replace(" ", "").lower() not in agreement.file.name.replace(" ", "").lower()
    (mail,) = mails("agreement_ready")
    assert mail.to_address == owner.email


def test_drawing_up_again_makes_a_new_version_and_keeps_the_old_one(app: Flask) -> None:
    award, coordinator, _ = sent()
    plan = rules.instalments(award, TERMS)
    second = actions.draw_up_agreement(
        award, instalments=plan, reports_owed=rules.report_plan(award, TERMS), by=coordinator
    )
    assert second.version == 2
    assert queries.agreement_version(award, 1) is not None
    assert len(mails("agreement_ready")) == 2


def test_an_agreement_whose_numbers_do_not_add_up_is_not_drawn_up(app: Flask) -> None:
    award, coordinator, _ = offered(AwardState.ACCEPTED)
    plan = rules.instalments(award, TERMS)
    with refused("tranches_not_award"):
        actions.draw_up_agreement(
            award, instalments=plan[:-1], reports_owed=rules.report_plan(award, TERMS), by=coordinator
        )
    with refused("tranche_without_report"):
        actions.draw_up_agreement(award, instalments=plan, reports_owed=[], by=coordinator)
    award.budget[0].amount_minor -= 1
    db.session.flush()
    with refused("budget_not_award"):
        actions.draw_up_agreement(award, instalments=plan, reports_owed=rules.report_plan(award, TERMS), by=coordinator)
    assert award.agreements == []


def test_an_agreement_is_not_drawn_up_before_the_offer_is_accepted(app: Flask) -> None:
    award, coordinator, _ = offered()
    with refused("not_in_this_state"):
        actions.draw_up_agreement(
            award,
            instalments=rules.instalments(award, TERMS),
            reports_owed=rules.report_plan(award, TERMS),
            by=coordinator,
        )


@pytest.mark.parametrize("language", ["en", "fr", "es"])
def test_the_agreement_is_in_the_language_of_the_application(app: Flask, language: str) -> None:
    award, coordinator, _ = offered(AwardState.ACCEPTED)
    award.application.language = language
    db.session.flush()
    agreement = actions.draw_up_agreement(
        award,
        instalments=rules.instalments(award, TERMS),
        reports_owed=rules.report_plan(award, TERMS),
        by=coordinator,
    )
    assert agreement.language == language
    assert f"/Lang({language}" in files.read(agreement.file).decode("latin-1").replace("/Lang (", "/Lang(")


def test_a_signatory_signs_by_typing_a_name_and_the_grant_runs(app: Flask) -> None:
    award, coordinator, owner = sent()
    moment = datetime(2027, 5, 2, 10, tzinfo=UTC)
    with clock.at(moment):
        agreement = actions.sign(award, signature="  Amina   Diallo ", by=owner)
    assert (agreement.signature, agreement.signed_at, agreement.signed_by_id) == ("Amina Diallo", moment, owner.id)
    assert award.state == AwardState.ACTIVE
    assert coordinator.email in {mail.to_address for mail in mails("agreement_signed")}


def test_a_member_who_may_not_sign_cannot_sign(app: Flask) -> None:
    award, _, _ = sent()
    editor = make.person()
    make.save(Membership(organization_id=award.organization_id, person_id=editor.id, role=MemberRole.OWNER))
    for somebody in (editor, make.person(), make.person(Role.GLOBAL_COORDINATOR)):
        with refused("not_a_signatory"):
            actions.sign(award, signature="Somebody Else", by=somebody)
    assert award.state == AwardState.SENT


def test_nobody_signs_a_version_they_have_not_read(app: Flask) -> None:
    award, coordinator, owner = sent()
    plan = rules.instalments(award, TERMS)
    actions.draw_up_agreement(award, instalments=plan, reports_owed=rules.report_plan(award, TERMS), by=coordinator)
    with refused("newer_version"):
        actions.sign(award, signature="Amina Diallo", by=owner, version=1)
    assert actions.sign(award, signature="Amina Diallo", by=owner, version=2).version == 2


def test_an_empty_signature_is_refused_and_nothing_is_signed_twice(app: Flask) -> None:
    award, _, owner = sent()
    with refused("no_signature"):
        actions.sign(award, signature="   ", by=owner)
    actions.sign(award, signature="Amina Diallo", by=owner)
    with refused("not_in_this_state", "no_agreement"):
        actions.sign(award, signature="Amina Diallo", by=owner)


# ------------------------------------------------------------------ while it runs


def test_a_condition_is_met_once_and_with_evidence(app: Flask) -> None:
    award, coordinator, _ = offered(AwardState.ACTIVE)
    condition = make.save(Condition(award_id=award.id, text="Adopt a policy"))
    with refused("no_evidence"):
        actions.meet_condition(condition, " ", by=coordinator)
    actions.meet_condition(condition, "Policy of 3 May seen.", by=coordinator)
    assert (condition.met_by_id, condition.evidence) == (coordinator.id, "Policy of 3 May seen.")
    with refused("met_already"):
        actions.meet_condition(condition, "Again", by=coordinator)
    assert entries_about([("award", award.id)])[0].details == {"condition": condition.id}


def test_a_milestone_is_reached_on_a_day_that_has_come(app: Flask) -> None:
    award, _, owner = offered(AwardState.ACTIVE)
    milestone = make.save(Milestone(award_id=award.id, title="Training", due_on=date(2027, 7, 31)))
    with clock.at(datetime(2027, 7, 20, 12, tzinfo=UTC)):
        with refused("reached_in_future"):
            actions.reach_milestone(milestone, "List", by=owner, reached_on=date(2027, 7, 21))
        actions.reach_milestone(milestone, "List of 12 people", by=owner, reached_on=date(2027, 7, 18))
        with refused("reached_already"):
            actions.reach_milestone(milestone, "List", by=owner)
    assert milestone.reached_on == date(2027, 7, 18)


def test_a_moved_milestone_keeps_its_former_date_in_the_record(app: Flask) -> None:
    award, coordinator, _ = offered(AwardState.ACTIVE)
    milestone = make.save(Milestone(award_id=award.id, title="Training", due_on=date(2027, 7, 31)))
    with refused("reason_missing"):
        actions.move_milestone(milestone, date(2027, 8, 31), "", by=coordinator)
    with refused("outside_the_period"):
        actions.move_milestone(milestone, date(2028, 8, 31), "Rain", by=coordinator)
    actions.move_milestone(milestone, date(2027, 8, 31), "The road was closed by rain.", by=coordinator)
    with refused("same_day"):
        actions.move_milestone(milestone, date(2027, 8, 31), "The road was closed by rain.", by=coordinator)
    entry = entries_about([("award", award.id)])[0]
    assert (entry.details["before"], entry.details["after"]) == ("2027-07-31", "2027-08-31")
    assert entry.reason == "The road was closed by rain."


def test_a_grant_is_suspended_resumed_and_terminated_with_reasons(app: Flask) -> None:
    award, coordinator, _ = offered(AwardState.ACTIVE)
    with refused("reason_missing"):
        actions.suspend(award, "", by=coordinator)
    actions.suspend(award, "Accounts are frozen.", by=coordinator)
    with refused("not_in_this_state"):
        actions.suspend(award, "Again", by=coordinator)
    actions.resume(award, "They are free again.", by=coordinator)
    actions.terminate(award, "The organization was dissolved.", by=coordinator)
    assert award.state == AwardState.TERMINATED
    with refused("not_in_this_state"):
        actions.resume(award, "No", by=coordinator)
    actions.close(award, by=coordinator)
    assert award.closed_at is not None
    with pytest.raises(NoSuchMove):
        actions.close(award, by=coordinator)


def test_an_offer_that_nobody_answers_can_be_let_lapse_and_then_not_be_accepted(app: Flask) -> None:
    award, coordinator, owner = offered()
    actions.lapse(award, "No answer for a month.", by=coordinator)
    with refused("not_in_this_state"):
        actions.accept(award, by=owner)


@pytest.mark.parametrize("end", ["refuse", "lapse"])
def test_a_grant_that_came_to_nothing_is_offered_again_while_its_money_is_there(app: Flask, end: str) -> None:
    award, coordinator, owner = offered()
    award.decision.outcome, award.decision.amount_minor = "award", award.amount_minor
    if end == "refuse":
        actions.refuse_offer(award, "We have other money.", by=owner)
    else:
        actions.lapse(award, "No answer for a month.", by=coordinator)
    award.call.envelope_minor = award.amount_minor - 1
    db.session.flush()
    with refused("over_envelope"):
        actions.offer_again(award, "Their other money fell through.", by=coordinator)
    award.call.envelope_minor = award.amount_minor
    db.session.flush()
    with clock.at(datetime(2027, 5, 20, 9, tzinfo=UTC)):
        actions.offer_again(award, "Their other money fell through.", by=coordinator)
        assert award.decision.freed_at is None
        assert [mail.to_address for mail in mails("award_offered")] == [owner.email]
        assert award.answer_by == date(2027, 6, 3)
        actions.accept(award, by=owner)
    with refused("not_in_this_state"):
        actions.offer_again(award, "Once more.", by=coordinator)


def test_the_confidentiality_of_the_application_is_kept_in_the_award(app: Flask) -> None:
    decision, coordinator, _ = decided()
    decision.application.confidentiality = Confidentiality.NAME_WITHHELD
    db.session.flush()
    (award,) = actions.release_decisions(decision.meeting, by=coordinator)
    assert award.confidentiality == Confidentiality.NAME_WITHHELD
