"""Finding awards, agreements, conditions and milestones."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import joinedload, load_only, selectinload, undefer

from grants.accounts.models import MemberRole, Membership, Organization, Person
from grants.applications.models import Application
from grants.awards.models import Agreement, Award, BudgetLine, Condition, Milestone
from grants.calls.models import Call
from grants.core.db import db

PAGE = 50

_BESIDE = (
    joinedload(Award.application).load_only(
        Application.reference, Application.submitted_at, Application.language, Application.answer_sheet_id
    ),
    joinedload(Award.organization).load_only(
        Organization.reference, Organization.name, Organization.country, Organization.city, Organization.region
    ),
    joinedload(Award.call).load_only(Call.reference, Call.title, Call.programme, Call.timezone, Call.currency),
)


def award_by_reference(seen: Select[Award], reference: str) -> Award | None:
    """One award among those a person may see, with its application, organization and call, in one query."""
    return db.session.scalar(seen.where(Award.reference == reference).options(*_BESIDE))


def award_to_answer(seen: Select[Award], reference: str) -> Award | None:
    """One award with its budget, conditions and the versions of its agreement."""
    found = seen.where(Award.reference == reference).options(
        *_BESIDE, selectinload(Award.budget), selectinload(Award.conditions), selectinload(Award.agreements)
    )
    return db.session.scalar(found)


def award_to_follow(seen: Select[Award], reference: str) -> Award | None:
    """One award with its milestones and conditions."""
    found = seen.where(Award.reference == reference).options(
        *_BESIDE, selectinload(Award.milestones), selectinload(Award.conditions)
    )
    return db.session.scalar(found)


def lock(row: Award | Condition | Milestone, *columns: str) -> None:
    """Read some columns of a row again and keep others from changing it until the end of the transaction."""
    db.session.flush()
    db.session.refresh(row, columns, with_for_update=True)


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
        )
        .execution_options(populate_existing=True)
    )
    return db.session.scalars(found).one()


def plan_terms(call_id: int) -> dict[str, Any]:
    """The part of a call's terms that plans payments and reports: ``award`` and ``reporting``."""
    found = select(Call.terms["award"], Call.terms["reporting"]).where(Call.id == call_id)
    award, reporting = db.session.execute(found).one()
    return {"award": award or {}, "reporting": reporting or {}}


def signed_at(award: Award) -> datetime | None:
    """When the agreement in force was first signed."""
    return db.session.scalar(select(func.min(Agreement.signed_at)).where(Agreement.award_id == award.id))


def agreement_version(award: Award, version: int) -> Agreement | None:
    """One version of an award's agreement, with its file."""
    found = select(Agreement).where(Agreement.award_id == award.id, Agreement.version == version)
    return db.session.scalar(found.options(joinedload(Agreement.file)))


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


def call_with_budget(call_id: int) -> Call:
    """A call with the budget headings it was published with."""
    return db.session.scalars(select(Call).where(Call.id == call_id).options(undefer(Call.budget))).one()


def applications_to_award(application_ids: Iterable[int]) -> dict[int, Application]:
    """The applications that become awards."""
    found = (
        select(Application).where(Application.id.in_(list(application_ids))).execution_options(populate_existing=True)
    )
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


def grants_of_call(
    seen: Select[Award], call: Call, *, state: str = "", region: str = "", lot: str = "", page: int = 1
) -> tuple[list[Award], int, int]:
    """One page of a call's awards that a person may see, how many there are, and their sum in minor units."""
    found = seen.where(Award.call_id == call.id)
    if state:
        found = found.where(Award.state == state)
    if region:
        found = found.where(Award.region == region)
    if lot:
        found = found.where(Award.lot_key == lot)
    chosen = found.with_only_columns(Award.id, Award.amount_minor).order_by(None).subquery()
    number, amount = db.session.execute(
        select(func.count(), func.coalesce(func.sum(chosen.c.amount_minor), 0)).select_from(chosen)
    ).one()
    shown = (
        found.options(
            load_only(
                Award.reference,
                Award.title,
                Award.state,
                Award.region,
                Award.lot_key,
                Award.amount_minor,
                Award.currency,
                Award.confidentiality,
                Award.answer_by,
                Award.sign_by,
                Award.start_on,
                Award.end_on,
            ),
            joinedload(Award.organization).load_only(Organization.name, Organization.country),
        )
        .order_by(Award.reference)
        .limit(PAGE)
        .offset((page - 1) * PAGE)
    )
    return list(db.session.scalars(shown)), int(number), int(amount)


def states_of_call(seen: Select[Award], call: Call) -> dict[str, int]:
    """How many of a call's awards stand where, for the filters."""
    found = seen.where(Award.call_id == call.id).with_only_columns(Award.state, func.count()).group_by(Award.state)
    return {key: int(number) for key, number in db.session.execute(found)}


def budget_minor(award: Award) -> int:
    """The sum of an award's budget lines."""
    found = select(func.coalesce(func.sum(BudgetLine.amount_minor), 0)).where(BudgetLine.award_id == award.id)
    return int(db.session.scalar(found) or 0)


def unmet_conditions(award_ids: Iterable[int]) -> dict[int, int]:
    """How many conditions that block payments are still open, by award."""
    found = (
        select(Condition.award_id, func.count())
        .where(Condition.award_id.in_(list(award_ids)), Condition.met_on.is_(None), Condition.blocks_payment)
        .group_by(Condition.award_id)
    )
    return {key: int(number) for key, number in db.session.execute(found)}
