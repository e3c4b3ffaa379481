"""Finding awards, agreements, conditions and milestones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Integer, Select, Text, bindparam, func, select, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import joinedload, selectinload, undefer

from grants.accounts.models import MemberRole, Membership, Organization, Person
from grants.applications.models import Application
from grants.awards.models import Agreement, Award, AwardVersion, BudgetLine, Condition, Milestone, NewBudget
from grants.awards.workflow import AwardState
from grants.budgets.rules import budget_question
from grants.calls.models import Call
from grants.calls.queries import documents_of
from grants.core.db import Prepared, db, prepared_once
from grants.core.money import Money
from grants.core.questions import Definition, Question, Section
from grants.decisions.models import Decision
from grants.decisions.workflow import DecisionState
from grants.history.models import HistoryEntry
from grants.letters.models import Letter, LetterKind
from grants.questionnaires import queries as questionnaires
from grants.questionnaires.models import Questionnaire, SectionAnswers

PAGE = 25

_BESIDE = (
    joinedload(Award.application).load_only(
        Application.reference, Application.submitted_at, Application.language, Application.answer_sheet_id
    ),
    joinedload(Award.organization).load_only(
        Organization.reference, Organization.name, Organization.country, Organization.city, Organization.region
    ),
    joinedload(Award.call).load_only(
        Call.reference, Call.state, Call.title, Call.programme, Call.timezone, Call.currency
    ),
)


class Told(NamedTuple):
    """What an applicant was told by letter about an application, and the grant that came of it."""

    application_id: int
    outcome: str
    award_reference: str | None
    award_state: str | None


def letters_about(application_ids: Iterable[int]) -> dict[int, Told]:
    """What applicants were told about these applications; nothing of a decision before its letter is sent."""
    rows = _LETTERS(applications=list(application_ids))
    return {row[0]: Told._make(row) for row in rows}


_LETTERS = Prepared(
    lambda: (
        select(Decision.application_id, Decision.outcome, Award.reference, Award.state)
        .outerjoin(Award, Award.decision_id == Decision.id)
        .where(
            Decision.state == DecisionState.RELEASED,
            Decision.application_id == func.any(bindparam("applications", None, type_=ARRAY(BigInteger))),
        )
    )
)


def award_by_reference(seen: Select[Award], reference: str) -> Award | None:
    """One award among those a person may see, with its application, organization and call, in one query."""
    return db.session.scalar(_award_in(seen), {"reference": reference})


@lru_cache(maxsize=1000)
def _award_in(seen: Select[Award], *more: Any) -> Select[Award]:
    """The statement that finds one award by its reference; ``more`` says which of its lists are loaded with it."""
    return seen.where(Award.reference == bindparam("reference", type_=Text)).options(
        *_BESIDE, *(selectinload(one) for one in more)
    )


def award_to_answer(seen: Select[Award], reference: str) -> Award | None:
    """One award with its budget, conditions and the versions of its agreement."""
    found = _award_in(seen, Award.budget, Award.conditions, Award.agreements, Award.new_budget)
    return db.session.scalar(found, {"reference": reference})


def award_to_budget(seen: Select[Award], reference: str) -> Award | None:
    """One award with its budget and the new one that was asked for."""
    return db.session.scalar(_award_in(seen, Award.budget, Award.new_budget), {"reference": reference})


class Written(NamedTuple):
    """What was written of a new budget: the questions of its section, the answers there, and the section as it is saved."""

    definition: Definition
    section: Section
    question: Question
    answers: dict[str, Any]
    saved: SectionAnswers | None


def written_budget(budget: NewBudget) -> Written:
    """What was written of a new budget so far."""
    definition = questionnaires.definition_of(budget.answer_sheet.questionnaire_id)
    question = budget_question(definition)
    assert question is not None
    section = definition.section_of[question.key]
    saved = questionnaires.sections_of(budget.answer_sheet_id).get(section.key)
    return Written(definition, section, question, dict(saved.values) if saved else {}, saved)


def award_to_follow(seen: Select[Award], reference: str) -> Award | None:
    """One award with its milestones and conditions, and who has to meet them."""
    owner = selectinload(Award.conditions).joinedload(Condition.owner).load_only(Person.name)
    return db.session.scalar(_award_in(seen, Award.milestones).options(owner), {"reference": reference})


def award_to_agree_on(award: Award) -> Award:
    """The same award with everything its agreement names: the terms of the call, the budget, the decision."""
    found = (
        select(Award)
        .where(Award.id == award.id)
        .options(
            joinedload(Award.call).options(undefer(Call.terms), selectinload(Call.regions), selectinload(Call.lots)),
            joinedload(Award.organization),
            joinedload(Award.application),
            selectinload(Award.budget),
            selectinload(Award.conditions),
            selectinload(Award.milestones),
            selectinload(Award.agreements),
            selectinload(Award.new_budget),
        )
        .execution_options(populate_existing=True)
    )
    return db.session.scalars(found).one()


def plan_terms(award: Award) -> Mapping[str, Any]:
    """The terms of the call that an award was made in; its ``award`` and ``reporting`` plan payments and reports."""
    terms: Mapping[str, Any] = documents_of(award.call)["terms"]
    return terms


def signed_at(award: Award) -> datetime | None:
    """When the agreement in force was first signed."""
    return db.session.scalar(select(func.min(Agreement.signed_at)).where(Agreement.award_id == award.id))


def agreement_version(award: Award, version: int) -> Agreement | None:
    """One version of an award's agreement, with its file."""
    found = select(Agreement).where(Agreement.award_id == award.id, Agreement.version == version)
    return db.session.scalar(found.options(joinedload(Agreement.file), joinedload(Agreement.copy)))


def latest_agreement(award: Award) -> Agreement | None:
    """The agreement drawn up last, signed or not."""
    found = select(Agreement).where(Agreement.award_id == award.id).order_by(Agreement.version.desc()).limit(1)
    return db.session.scalar(found)


def condition_of(award: Award, condition_id: int) -> Condition | None:
    """One condition of an award."""
    return db.session.scalar(select(Condition).where(Condition.award_id == award.id, Condition.id == condition_id))


def milestone_of(award: Award, milestone_id: int) -> Milestone | None:
    """One milestone of an award."""
    return db.session.scalar(select(Milestone).where(Milestone.award_id == award.id, Milestone.id == milestone_id))


def people_who_answer(organization_ids: Iterable[int]) -> dict[int, list[Person]]:
    """The owners and signatories of organizations: who is told of an offer. One query for all of them."""
    found = (
        select(Membership.organization_id, Person)
        .join(Person, Person.id == Membership.person_id)
        .where(
            Membership.organization_id.in_(list(organization_ids)),
            Membership.ended_at.is_(None),
            (Membership.role == MemberRole.OWNER) | Membership.may_sign,
            Person.active,
        )
        .order_by(Membership.id)
    )
    people: dict[int, list[Person]] = {}
    for organization_id, person in db.session.execute(found):
        people.setdefault(organization_id, []).append(person)
    return people


def signatories_of(organization_id: int) -> list[Person]:
    """The people who may sign for an organization."""
    found = (
        select(Person)
        .join(Membership, Membership.person_id == Person.id)
        .where(Membership.organization_id == organization_id, Membership.ended_at.is_(None), Membership.may_sign)
        .where(Person.active)
        .order_by(Membership.id)
    )
    return list(db.session.scalars(found))


# ------------------------------------------------------------------ releasing the letters of a meeting


def questionnaire_of(questionnaire_id: int) -> Questionnaire:
    """A questionnaire by its key."""
    return db.session.scalars(select(Questionnaire).where(Questionnaire.id == questionnaire_id)).one()


def call_with_budget(call_id: int) -> Call:
    """A call with the budget headings it was published with."""
    return db.session.scalars(select(Call).where(Call.id == call_id).options(undefer(Call.budget))).one()


def applications_to_award(application_ids: Iterable[int]) -> dict[int, Application]:
    """The applications that become awards."""
    found = select(Application).where(Application.id.in_(list(application_ids)))
    country = joinedload(Application.organization).load_only(Organization.country)
    found = found.options(country).execution_options(populate_existing=True)
    return {application.id: application for application in db.session.scalars(found)}


def awards_made_in(call_id: int) -> int:
    """How many awards a call has led to so far; the call's row is locked, so that numbers are given once."""
    db.session.execute(select(Call.id).where(Call.id == call_id).with_for_update())
    return db.session.scalar(select(func.count()).where(Award.call_id == call_id)) or 0


# ------------------------------------------------------------------ the grants of a call


def call_by_reference(reference: str) -> Call | None:
    """A call with the names of its regions and lots, for the list of its grants."""
    found = select(Call).where(Call.reference == reference)
    return db.session.scalar(found.options(selectinload(Call.regions), selectinload(Call.lots)))


class GrantLine(NamedTuple):
    """A grant in the list of a call."""

    reference: str
    title: str
    state: AwardState
    region: str | None
    lot: str | None
    amount: Money
    confidentiality: str
    answer_by: date | None
    sign_by: date | None
    start_on: date | None
    end_on: date | None
    organization: str
    country: str


@dataclass(frozen=True)
class Grants:
    """One page of a call's grants; how many were found and what they make together; how many of all stand where."""

    lines: list[GrantLine]
    number: int
    amount_minor: int
    by_state: dict[str, int]


def grants_of_call(
    seen: Select[Award], call: Call, *, state: str = "", region: str = "", lot: str = "", page: int | None = 1
) -> Grants:
    """The grants of a call that a person may see, by state, region and lot: one page, or all. One query."""
    wanted = {"state": state, "region": region, "lot": lot}
    reading = _grants_of_call(seen, frozenset(name for name, value in wanted.items() if value))
    most, before = (None, 0) if page is None else (PAGE, (page - 1) * PAGE)
    rows = reading(call=call.id, **wanted, most=most, before=before)
    number, amount, by_state = rows[0][:3]
    lines = [
        GrantLine(reference, title, AwardState(state), region, lot, Money(minor, currency), *rest)
        for reference, title, state, region, lot, minor, currency, *rest in (row[3:] for row in rows)
        if reference
    ]
    return Grants(lines, int(number), int(amount), by_state or {})


@prepared_once
def _grants_of_call(seen: Select[Award], filters: frozenset[str]) -> Prepared:
    """The reading for one scope and these filters: the numbers, and beside them one page of grants."""
    of_call = (
        seen.where(Award.call_id == bindparam("call", None, type_=BigInteger))
        .with_only_columns(Award.id, Award.reference, Award.state, Award.region, Award.lot_key, Award.amount_minor)
        .cte("of_call")
    )
    columns = {"state": of_call.c.state, "region": of_call.c.region, "lot": of_call.c.lot_key}
    asked = [columns[name] == bindparam(name, None, type_=Text) for name in sorted(filters)]
    states = select(of_call.c.state, func.count().label("number")).group_by(of_call.c.state).subquery()
    by_state = select(func.jsonb_object_agg(states.c.state, states.c.number)).scalar_subquery()
    numbers = select(
        func.count().label("number"),
        func.coalesce(func.sum(of_call.c.amount_minor), 0).label("amount"),
        by_state.label("by_state"),
    )
    numbers_found = numbers.select_from(of_call).where(*asked).subquery("numbers")
    first = (
        select(of_call.c.id, of_call.c.reference)
        .where(*asked)
        .order_by(of_call.c.reference)
        .limit(bindparam("most", None, type_=Integer))
        .offset(bindparam("before", None, type_=Integer))
        .subquery("first")
    )
    shown = (
        select(
            *numbers_found.c,
            *(Award.reference, Award.title, Award.state, Award.region, Award.lot_key, Award.amount_minor),
            *(Award.currency, Award.confidentiality, Award.answer_by, Award.sign_by, Award.start_on, Award.end_on),
            *(Organization.name, Organization.country),
        )
        .select_from(numbers_found)
        .outerjoin(first, true())
        .outerjoin(Award, Award.id == first.c.id)
        .outerjoin(Organization, Organization.id == Award.organization_id)
        .order_by(first.c.reference)
    )
    return Prepared(lambda: shown)


def budget_minor(award: Award) -> int:
    """The sum of an award's budget lines."""
    found = select(func.coalesce(func.sum(BudgetLine.amount_minor), 0)).where(BudgetLine.award_id == award.id)
    return int(db.session.scalar(found) or 0)


def hold_budget(award: Award) -> list[BudgetLine]:
    """The budget lines of an award, kept from everybody else until the transaction ends."""
    found = select(BudgetLine).where(BudgetLine.award_id == award.id).order_by(BudgetLine.position)
    return list(db.session.scalars(found.with_for_update().execution_options(populate_existing=True)))


def versions_of(award: Award) -> list[AwardVersion]:
    """What was signed for a grant, the first version first, each with its document."""
    found = select(AwardVersion).where(AwardVersion.award_id == award.id).order_by(AwardVersion.number)
    return list(db.session.scalars(found.options(joinedload(AwardVersion.agreement))))


def former_days(award: Award) -> dict[int, list[date]]:
    """The days by which milestones of an award were promised before they were moved, the first first, by milestone."""
    found = select(HistoryEntry.details).where(
        HistoryEntry.subject_kind == "award",
        HistoryEntry.subject_id == award.id,
        HistoryEntry.verb == "move_milestone",
    )
    days: dict[int, list[date]] = {}
    for told in db.session.scalars(found.order_by(HistoryEntry.id)):
        days.setdefault(told["milestone"], []).append(date.fromisoformat(told["before"]))
    return days


STANDING_LETTERS = (LetterKind.SUSPENSION, LetterKind.RESUMPTION, LetterKind.TERMINATION, LetterKind.CLOSING)


def standing_letters(award: Award) -> list[Letter]:
    """The letters that told a grantee that its grant was suspended, resumed, terminated or closed, the newest first."""
    found = select(Letter).where(Letter.application_id == award.application_id, Letter.kind.in_(STANDING_LETTERS))
    return list(db.session.scalars(found.order_by(Letter.id.desc()).limit(50)))


def unmet_conditions(award_ids: Iterable[int]) -> dict[int, int]:
    """How many conditions that block payments are still open, by award."""
    found = (
        select(Condition.award_id, func.count())
        .where(Condition.award_id.in_(list(award_ids)), Condition.met_on.is_(None), Condition.blocks_payment)
        .group_by(Condition.award_id)
    )
    return {key: int(number) for key, number in db.session.execute(found)}
