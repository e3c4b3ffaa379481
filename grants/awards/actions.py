"""Offering awards, agreeing on them, and what happens to them while they run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from grants.accounts.models import Person
from grants.applications.models import Application
from grants.awards import mails, queries, rules
from grants.awards.models import Agreement, Award, BudgetLine, Condition, Milestone, NewBudget
from grants.budgets.rules import budget_question
from grants.calls.models import Call
from grants.conflicts.queries import free_coordinators
from grants.core import clock, files, pdf
from grants.core.db import db, hold
from grants.core.languages import DOCUMENT_LANGUAGES, language_now, speaking
from grants.core.mail import Mail, post
from grants.core.money import Money
from grants.core.rules import refuse
from grants.core.templating import day
from grants.decisions import actions as decisions
from grants.decisions.models import Decision, DecisionOutcome, Meeting
from grants.history import actions as history
from grants.letters import queries as letters
from grants.letters import rules as letter_rules
from grants.letters.actions import compose
from grants.letters.models import LetterKind
from grants.letters.queries import Paragraphs, wording_of
from grants.questionnaires import actions as answering
from grants.questionnaires import queries as questionnaires
from grants.questionnaires.models import SectionAnswers


def release_decisions(meeting: Meeting, *, by: Person) -> list[Award]:
    """Send all letters of a meeting at one moment; every decision to award becomes an award that is offered.

    Raises Refused while the meeting is not closed or something in it is undecided. Gives back the new awards.
    """
    released = decisions.release(meeting, by=by)
    awards = _offer(meeting, [d for d in released if d.outcome == DecisionOutcome.AWARD], by, clock.now())
    people = queries.people_who_answer({award.organization_id for award in awards})
    post(
        *(
            mails.award_offered(award, to, award.answer_by)
            for award in awards
            for to in people.get(award.organization_id, [])
        )
    )
    return awards


def _offer(meeting: Meeting, decided: Sequence[Decision], by: Person, at: datetime) -> list[Award]:
    call = queries.call_with_budget(meeting.call_id)
    applications = queries.applications_to_award(decision.application_id for decision in decided)
    answers = questionnaires.answers_of_sheets(a.answer_sheet_id for a in applications.values())
    number = queries.awards_made_in(call.id)
    awards = []
    for decision in decided:
        number += 1
        application = applications[decision.application_id]
        answered = answers.get(application.answer_sheet_id, {})
        award = _award(call, application, decision, answered, number, at)
        history.begin(award, "offer", by=by, decision=decision.id, amount=award.amount_minor)
        ask_for_budget(award, application, answered, by=by)
        awards.append(award)
    return awards


def _award(
    call: Call, application: Application, decision: Decision, answers: Mapping[str, Any], number: int, at: datetime
) -> Award:
    answer_by, sign_by = rules.answer_dates(at.astimezone(ZoneInfo(call.timezone)).date(), call.sign_until)
    start_on, end_on = rules.period(
        application.start_on, application.months, call.earliest_start_on, call.latest_end_on
    )
    shares = rules.budget_of(rules.rows(answers.get("budget_lines")), call.budget.get("headings", []), decision.amount)
    promises = rules.promises_of(rules.rows(answers.get("workplan")), start_on, end_on)
    award = Award(
        reference=rules.reference_of(call.reference, number),
        application_id=application.id,
        decision_id=decision.id,
        call_id=call.id,
        organization_id=application.organization_id,
        region=application.region,
        country=application.organization.country,
        lot_key=application.lot_key,
        plan_points=list(application.plan_points),
        title=application.title,
        amount_minor=decision.amount_minor,
        currency=decision.currency,
        confidentiality=application.confidentiality,
        answer_by=answer_by,
        sign_by=sign_by,
        start_on=start_on,
        end_on=end_on,
        budget=_lines(shares),
        conditions=[Condition(text=text) for text in decision.conditions],
        milestones=[Milestone(title=promise.title, due_on=promise.due_on) for promise in promises],
    )
    db.session.add(award)
    return award


def ask_for_budget(award: Award, application: Application, answers: Mapping[str, Any], *, by: Person) -> None:
    """Ask for a new budget when less was awarded than asked for; it begins with what the application says. A call whose
    form asks for no budget needs none.
    """
    definition = questionnaires.definition_of(application.questionnaire_id)
    question = budget_question(definition)
    if question is None or award.amount >= Money(application.requested_minor or 0, application.currency):
        return
    sheet = answering.new_sheet(
        queries.questionnaire_of(application.questionnaire_id), language=application.language, by=by
    )
    section = definition.section_of[question.key]
    values = {asked.key: answers[asked.key] for asked in section.questions if asked.key in answers}
    answering.save_section(sheet, section.key, values, by=None)
    award.new_budget = NewBudget(answer_sheet_id=sheet.id)
    history.begin(award.new_budget, "ask", by=by, amount=award.amount_minor)


def save_budget(budget: NewBudget, values: Mapping[str, Any], *, version: int, by: Person) -> SectionAnswers:
    """Save a new budget as far as it is written. Raises Refused, and EditConflict when a colleague changed the same."""
    hold(budget, "state")
    refuse(rules.obstacles_to_budgeting(budget, budget.award))
    section = queries.written_budget(budget).section
    return answering.save_section(budget.answer_sheet, section.key, values, by=by, version=version)


def hand_in_budget(budget: NewBudget, *, by: Person) -> NewBudget:
    """Hand a new budget in. Raises Refused unless it asks the fund for exactly what was awarded."""
    award = budget.award
    hold(budget, "state")
    refuse(
        rules.obstacles_to_budgeting(budget, award)
        or rules.obstacles_in_new_budget(award, queries.written_budget(budget))
    )
    entry = history.record(budget, "hand_in", by=by)
    post(*(mails.new_budget_handed_in(award, to, entry.id) for to in free_coordinators(award)))
    return budget


def return_budget(budget: NewBudget, reason: str, *, by: Person) -> NewBudget:
    """Send a new budget back with what has to change. Raises Refused without a reason."""
    award = budget.award
    entry = history.record(budget, "return", by=by, reason=reason)
    budget.returned_reason = reason.strip()
    post(*_to_grantee(award, mails.new_budget_returned, entry.id))
    return budget


def accept_budget(budget: NewBudget, *, by: Person, read: str | None = None) -> NewBudget:
    """Accept a new budget: from now on it is the budget of the award. Raises Refused when it does not add up to it, or is
    not the one that was read.
    """
    award = budget.award
    hold(budget, "state")
    written = queries.written_budget(budget)
    refuse(rules.obstacles_to_judging_budget(budget, award, written, read))
    headings = queries.call_with_budget(award.call_id).budget.get("headings", [])
    shares = rules.budget_of(written.answers[written.question.key], headings, award.amount)
    for line in list(award.budget):
        db.session.delete(line)
    db.session.flush()
    db.session.expire(award, ["budget"])
    award.budget = _lines(shares)
    entry = history.record(budget, "accept", by=by)
    post(*_to_grantee(award, mails.new_budget_accepted, entry.id))
    return budget


def _to_grantee(award: Award, mail: Callable[[Award, Person, int], Mail], occasion: int) -> list[Mail]:
    people = queries.people_who_answer([award.organization_id]).get(award.organization_id, [])
    return [mail(award, to, occasion) for to in people]


def _lines(shares: Sequence[rules.Share]) -> list[BudgetLine]:
    return [
        BudgetLine(position=n, heading=share.heading, title=share.title, amount_minor=share.amount.minor)
        for n, share in enumerate(shares)
    ]


def accept(award: Award, *, by: Person, read: str | None = None) -> Award:
    """The grantee accepts the offer. Raises Refused when it was answered before, or is another than the one that was read."""
    hold(award, "state")
    refuse(rules.obstacles_to_answering(award, read))
    history.record(award, "accept", by=by)
    post(*(mails.award_answered(award, to, accepted=True) for to in free_coordinators(award)))
    return award


def refuse_offer(award: Award, reason: str, *, by: Person) -> Award:
    """The grantee refuses the offer and says why. Raises Refused when it was answered before, or without a reason."""
    refuse(rules.obstacles_to_answering(award))
    history.record(award, "refuse", by=by, reason=reason)
    decisions.free(award.decision, by=by)
    post(*(mails.award_answered(award, to, accepted=False) for to in free_coordinators(award)))
    return award


def lapse(award: Award, reason: str, *, by: Person) -> Award:
    """Let an offer that nobody answers, or an agreement that nobody signs, lapse; its money is free again. Raises Refused."""
    _stand(award, "lapse", reason, by)
    decisions.free(award.decision, by=by)
    return award


def offer_again(award: Award, reason: str, *, by: Person) -> Award:
    """Offer a grant once more that was refused, or that was let lapse, while the call still has its money. Raises Refused."""
    hold(award, "state")
    refuse(rules.obstacles_to_standing(award, "offer_again"))
    decisions.bind_again(award.decision, by=by)
    call = award.call
    award.answer_by, award.sign_by = rules.answer_dates(clock.today(call.timezone), call.sign_until)
    entry = history.record(award, "offer_again", by=by, reason=reason)
    post(*_to_grantee(award, lambda a, to, n: mails.award_offered(a, to, a.answer_by, n), entry.id))
    return award


def draw_up_agreement(
    award: Award, *, instalments: Sequence[rules.Payment], reports_owed: Sequence[rules.Owed], by: Person
) -> Agreement:
    """Write the agreement as a tagged PDF in the language of the application and ask the signatories to sign.

    ``instalments`` and ``reports_owed`` are the plan as it stands in the tables. Drawing up again makes a new version.
    Raises Refused when the numbers do not add up to the award.
    """
    at = clock.now()
    hold(award, "state")
    award = queries.award_to_agree_on(award)
    refuse(
        rules.obstacles_to_sending(
            award, instalments, reports_owed, [Money(line.amount_minor, award.currency) for line in award.budget]
        )
    )
    version = len(award.agreements) + 1
    drawn_up_on = at.astimezone(ZoneInfo(award.call.timezone)).date()
    with speaking(award.application.language, DOCUMENT_LANGUAGES):
        language = language_now()
        values = rules.agreement_values(
            award,
            words=worded_agreement(award, language, at),
            payments=instalments,
            reports=reports_owed,
            version=version,
            drawn_up_on=drawn_up_on,
            drawn_up_by=by.name,
            shown_day=day,
        )
    agreement = Agreement(
        award_id=award.id,
        version=version,
        language=language,
        file_id=files.keep_own(f"{award.reference}-agreement-{version}.pdf", pdf.render("agreement", **values)).id,
        drawn_up_by_id=by.id,
    )
    db.session.add(agreement)
    history.record(award, "send_agreement", by=by, version=version)
    signatories = queries.signatories_of(award.organization_id)
    post(*(mails.agreement_ready(award, agreement, to) for to in signatories))
    return agreement


def worded_agreement(award: Award, language: str, at: datetime) -> Paragraphs:
    """What the coordinators of the call wrote for its agreements, filled in for one grant."""
    values = letter_rules.values_in(
        award.call,
        language,
        terms=award.call.terms,
        at=at,
        organization=award.organization.name,
        title=award.title,
        reference=award.application.reference,
        amount=award.amount,
        start=award.start_on,
        end=award.end_on,
    )
    return letter_rules.written(letters.worded(award.call, LetterKind.AGREEMENT, language), values)


def hand_in_copy(
    award: Award, *, signature: str, signed_on: date, name: str, content: bytes, by: Person, version: int | None = None
) -> Agreement:
    """Hand in a copy of the agreement that was signed on paper; somebody of the fund countersigns it. Raises Refused."""
    hold(award, "state", "on_hold")
    agreement = queries.latest_agreement(award)
    may_sign, today = by.signs_for(award.organization_id), clock.today(award.call.timezone)
    refuse(
        rules.obstacles_to_handing_in(
            award, agreement, signature, signed_on, may_sign=may_sign, today=today, version=version
        )
    )
    assert agreement is not None
    agreement.copy = files.keep(name, content, rules.COPY_KINDS)
    agreement.copy_at, agreement.copy_by_id, agreement.copy_signed_on = clock.now(), by.id, signed_on
    agreement.signature = " ".join(signature.split())
    entry = history.note("award", award.id, "hand_in_copy", by=by, version=agreement.version)
    post(*(mails.agreement_copy_handed_in(award, to, entry.id) for to in free_coordinators(award)))
    return agreement


def return_copy(award: Award, reason: str, *, by: Person, read: str | None = None) -> Agreement:
    """Send a signed copy back, such as one that cannot be read, and say why. Raises Refused."""
    hold(award, "state")
    agreement = queries.latest_agreement(award)
    refuse(rules.obstacles_to_returning_copy(award, agreement, read) or rules.obstacles_without_reason(reason))
    assert agreement is not None
    assert agreement.copy is not None
    told = {"version": agreement.version, "sha256": agreement.copy.sha256}
    entry = history.note("award", award.id, "return_copy", by=by, reason=reason, **told)
    agreement.copy = None
    agreement.copy_at = agreement.copy_by_id = agreement.copy_signed_on = None
    agreement.signature = ""
    post(*_to_grantee(award, lambda a, to, n: mails.agreement_copy_returned(a, to, n, reason), entry.id))
    return agreement


def countersign(award: Award, *, by: Person, read: str | None = None) -> Agreement:
    """Countersign a copy that was signed on paper, in the name of the fund; the grant runs from then on. Raises Refused,
    also when another copy is there than the one that was read.
    """
    hold(award, "state", "on_hold")
    agreement = queries.latest_agreement(award)
    refuse(rules.obstacles_to_countersigning(award, agreement, by.id, read))
    assert agreement is not None
    agreement.signed_at = agreement.countersigned_at = clock.now()
    agreement.signed_by_id, agreement.countersigned_by_id = agreement.copy_by_id, by.id
    history.note("award", award.id, "countersign", by=by, version=agreement.version)
    history.record(award, "sign", by=by, version=agreement.version)
    post(*_to_grantee(award, lambda a, to, _n: mails.agreement_countersigned(a, agreement, to), 0))
    return agreement


def sign(award: Award, *, signature: str, by: Person, version: int | None = None) -> Agreement:
    """Sign the agreement in the grantee's name by typing a full name; the grant runs from then on.

    ``version`` is the one that was read, when that is known. Raises Refused unless ``by`` may sign for the
    organization and that agreement waits for a signature.
    """
    hold(award, "state", "on_hold")
    agreement = queries.latest_agreement(award)
    may_sign = by.signs_for(award.organization_id)
    refuse(rules.obstacles_to_signing(award, agreement, signature, may_sign=may_sign, version=version))
    assert agreement is not None
    agreement.signature = " ".join(signature.split())
    agreement.signed_at = clock.now()
    agreement.signed_by_id = by.id
    history.record(award, "sign", by=by, version=agreement.version)
    post(*(mails.agreement_signed(award, agreement, to) for to in free_coordinators(award)))
    return agreement


def add_condition(
    award: Award, text: str, *, owner: Person | None, due_on: date | None, blocks_payment: bool, by: Person
) -> Condition:
    """Ask for something besides the action: of the grantee, or of a person of the fund (``owner``). Raises Refused."""
    hold(award, "state")
    today = clock.today(award.call.timezone)
    refuse(rules.obstacles_to_adding(award, text, due_on, today, of_grantee=owner is None))
    condition = Condition(
        award_id=award.id,
        text=text.strip(),
        owner_id=owner.id if owner else None,
        due_on=due_on,
        blocks_payment=blocks_payment,
    )
    db.session.add(condition)
    db.session.flush()
    entry = history.note("award", award.id, "add_condition", by=by, condition=condition.id, **_told_to(condition))
    if owner is None:
        post(*_to_grantee(award, mails.award_condition_added, entry.id))
    elif owner.id != by.id:
        post(mails.award_condition_added(award, owner, entry.id))
    return condition


def move_condition(condition: Condition, due_on: date, reason: str, *, by: Person) -> Condition:
    """Move the day by which a condition is to be met, with a reason. Raises Refused."""
    award = condition.award
    hold(condition, "met_on", "due_on")
    refuse(rules.obstacles_to_moving_condition(condition, award, reason, due_on))
    before, condition.due_on = condition.due_on, due_on
    history.note(
        "award",
        award.id,
        "move_condition",
        by=by,
        reason=reason,
        condition=condition.id,
        before=before.isoformat() if before else None,
        after=due_on.isoformat(),
        **_told_to(condition),
    )
    return condition


def _told_to(condition: Condition) -> dict[str, Any]:
    """What a person of the fund has to see to is written down as staying inside."""
    return {"inside": True} if condition.owner_id is not None else {}


def meet_condition(condition: Condition, evidence: str, *, by: Person) -> Condition:
    """Mark a condition as met, saying how that is known. Raises Refused."""
    award = condition.award
    hold(condition, "met_on")
    refuse(rules.obstacles_to_meeting(condition, award, evidence))
    condition.met_on = clock.today(award.call.timezone)
    condition.met_by_id = by.id
    condition.evidence = evidence.strip()
    history.note("award", award.id, "meet_condition", by=by, condition=condition.id, **_told_to(condition))
    return condition


def reach_milestone(milestone: Milestone, evidence: str, *, by: Person, reached_on: date | None = None) -> Milestone:
    """Mark a milestone as reached, on a day (default: today) and with what shows it; what the fund marks is confirmed. Raises
    Refused.
    """
    award = milestone.award
    hold(milestone, "reached_on", "due_on")
    today = clock.today(award.call.timezone)
    refuse(rules.obstacles_to_reaching(milestone, award, reached_on or today, evidence, today))
    milestone.reached_on = reached_on or today
    milestone.reached_by_id = by.id
    milestone.evidence = evidence.strip()
    if not by.belongs_to(award.organization_id):
        milestone.confirmed_on, milestone.confirmed_by_id = today, by.id
    history.note("award", award.id, "reach_milestone", by=by, milestone=milestone.id)
    return milestone


def confirm_milestone(milestone: Milestone, *, by: Person, read: str | None = None) -> Milestone:
    """Say for the fund that a milestone was reached, as the grantee told; money that waits for it is free. Raises Refused."""
    award = milestone.award
    hold(milestone, "reached_on", "evidence", "confirmed_on")
    refuse(rules.obstacles_to_confirming_milestone(milestone, award, read))
    milestone.confirmed_on, milestone.confirmed_by_id = clock.today(award.call.timezone), by.id
    history.note("award", award.id, "confirm_milestone", by=by, milestone=milestone.id)
    return milestone


def move_milestone(milestone: Milestone, due_on: date, reason: str, *, by: Person) -> Milestone:
    """Move the day by which a milestone is promised, with a reason. Raises Refused."""
    award = milestone.award
    hold(milestone, "reached_on", "due_on")
    refuse(rules.obstacles_to_moving(milestone, award, due_on, reason))
    before, milestone.due_on = milestone.due_on, due_on
    history.note(
        "award",
        award.id,
        "move_milestone",
        by=by,
        reason=reason,
        milestone=milestone.id,
        before=before.isoformat(),
        after=due_on.isoformat(),
    )
    return milestone


def extend(award: Award, end_on: date, *, by: Person, **why: Any) -> Award:
    """Let a grant end later, as its amendment says. ``why`` is written down with it. Raises Refused unless it is later."""
    hold(award, "state", "end_on")
    refuse(rules.obstacles_to_ending_later(award, end_on))
    before, award.end_on = award.end_on, end_on
    told: dict[str, Any] = {"before": before.isoformat() if before else None, "after": end_on.isoformat()} | why
    history.note("award", award.id, "extend", by=by, **told)
    return award


def rebudget(award: Award, minors: Mapping[str, int], *, by: Person, **why: Any) -> list[BudgetLine]:
    """Give each heading of a budget another amount, in minor units; together they stay the grant. Raises Refused."""
    lines = queries.hold_budget(award)
    refuse(rules.obstacles_to_rebudgeting(award, lines, minors))
    before = {line.heading: line.amount_minor for line in lines}
    for line in lines:
        line.amount_minor = minors[line.heading]
    history.note("award", award.id, "rebudget", by=by, before=before, after=dict(minors), **why)
    db.session.flush()
    return lines


def suspend(award: Award, reason: str, *, by: Person) -> Award:
    """Pause a running grant: nothing is paid until it is resumed. The grantee gets a letter. Raises Refused."""
    return _stand(award, "suspend", reason, by, LetterKind.SUSPENSION)


def resume(award: Award, reason: str, *, by: Person) -> Award:
    """Let a suspended grant run again. The grantee gets a letter. Raises Refused."""
    return _stand(award, "resume", reason, by, LetterKind.RESUMPTION)


def terminate(award: Award, reason: str, *, by: Person) -> Award:
    """End the agreement before its time; the grantee gets a letter. Raises Refused.

    What was committed in good faith until then is settled by ``amendments.actions.terminate``, which people call.
    """
    return _stand(award, "terminate", reason, by, LetterKind.TERMINATION)


def close(award: Award, *, by: Person) -> Award:
    """Close a grant whose close-out is done. Raises NoSuchMove from a state that cannot be closed."""
    history.record(award, "close", by=by)
    award.closed_at = clock.now()
    return award


def _stand(award: Award, verb: str, reason: str, by: Person, kind: LetterKind | None = None) -> Award:
    refuse(rules.obstacles_to_standing(award, verb))
    entry = history.record(award, verb, by=by, reason=reason)
    if kind is not None:
        application, wording = award.application, wording_of(award.call)
        letter = compose(application, kind, wording, at=clock.now(), details={"reason": reason.strip()})
        db.session.add(letter)
        db.session.flush()
        post(*_to_grantee(award, lambda a, to, n: mails.award_letter(a, kind, letter.id, to, n), entry.id))
    return award


STANDINGS = {"suspend": suspend, "resume": resume, "lapse": lapse, "offer_again": offer_again}
"""What may be done with the standing of a grant, by verb."""
