"""Finding the rules of a call, what was found about an application, and what its applicant was asked."""

from __future__ import annotations

from sqlalchemy import exists, func, or_, select, tuple_
from sqlalchemy.orm import contains_eager, joinedload, undefer

from grants.accounts.models import Membership, Organization, Person
from grants.accounts.queries import same_organization_as
from grants.applications.models import Application, Receipt
from grants.applications.workflow import ApplicationState
from grants.calls.models import Call, EligibilityRule
from grants.checks.models import Clarification, Finding
from grants.checks.workflow import ClarificationState
from grants.core.db import db
from grants.enquiries.models import Enquiry, EnquiryKind, Verdict
from grants.history.models import HistoryEntry

CHECKED = ("judge", "find_ineligible")
"""What somebody did, by the record, who had a part in an eligibility check."""


def rules_of(call: Call) -> list[EligibilityRule]:
    """The eligibility rules of a call."""
    found = select(EligibilityRule).where(EligibilityRule.call_id == call.id)
    return list(db.session.scalars(found.order_by(EligibilityRule.position)))


def findings_of(application: Application) -> list[Finding]:
    """What the eligibility check found, in the order of the rules.

    What was found about something that was withdrawn and sent in anew does not count.
    """
    found = (
        select(Finding)
        .where(Finding.application_id == application.id)
        .join(Finding.application)
        .where(Finding.found_at >= Application.submitted_at)
        .join(Finding.rule)
        .options(contains_eager(Finding.rule), joinedload(Finding.judged_by).load_only(Person.name))
        .order_by(EligibilityRule.position)
        .execution_options(populate_existing=True)
    )
    return list(db.session.scalars(found))


def outdated_findings(application: Application) -> dict[int, Finding]:
    """What was found about an earlier submission of an application, by rule."""
    found = (
        select(Finding)
        .join(Finding.application)
        .where(Finding.application_id == application.id, Finding.found_at < Application.submitted_at)
    )
    return {finding.rule_id: finding for finding in db.session.scalars(found)}


def finding_by_rule(application: Application, rule_key: str) -> Finding | None:
    """What was found for one rule."""
    found = (
        select(Finding)
        .join(Finding.rule)
        .join(Finding.application)
        .where(
            Finding.application_id == application.id,
            EligibilityRule.key == rule_key,
            Finding.found_at >= Application.submitted_at,
        )
        .options(contains_eager(Finding.rule), contains_eager(Finding.application))
    )
    return db.session.scalar(found)


def checked_before(person: Person, application: Application) -> bool:
    """Whether somebody had a part in the check of an application that others carry out anew."""
    about = (HistoryEntry.subject_kind == "application", HistoryEntry.subject_id == application.id)
    reopened = select(func.max(HistoryEntry.id)).where(
        *about, HistoryEntry.verb == "reopen_check", HistoryEntry.details["by_others"].as_boolean()
    )
    had_a_part = exists().where(
        *about,
        HistoryEntry.actor_id == person.id,
        HistoryEntry.verb.in_(CHECKED),
        HistoryEntry.id < reopened.scalar_subquery(),
    )
    return bool(db.session.scalar(select(had_a_part)))


def sent_in_by(organization_id: int, call_id: int) -> int:
    """How many applications of an organization, from all its accounts, to a call were sent in and not withdrawn."""
    found = select(func.count(Application.id)).where(
        Application.call_id == call_id,
        Application.organization_id.in_(same_organization_as(organization_id)),
        Application.submitted_at.is_not(None),
        Application.state != ApplicationState.WITHDRAWN,
    )
    return db.session.scalar(found) or 0


def is_first_of_lead(application: Application) -> bool:
    """Whether no other application of its organization, from any of its accounts, to the call was sent in before it."""
    earlier = exists().where(
        Application.call_id == application.call_id,
        Application.organization_id.in_(same_organization_as(application.organization_id)),
        Application.state != ApplicationState.WITHDRAWN,
        tuple_(Application.submitted_at, Application.id) < (application.submitted_at, application.id),
    )
    return not db.session.scalar(select(earlier))


def objections_found_right(application: Application) -> list[Enquiry]:
    """Objections of the applicant to a “no” of the check before registration that were found right.

    Known by the account or the address with which they were made: of a member, past or present, of any account of the
    organization, or the organization's own.
    """
    accounts = select(Organization.id).where(Organization.id.in_(same_organization_as(application.organization_id)))
    members = select(Membership.person_id).where(Membership.organization_id.in_(accounts))
    addresses = (
        select(func.lower(Person.email))
        .where(Person.id.in_(members))
        .union(select(func.lower(Organization.email)).where(Organization.id.in_(accounts)))
    )
    found = select(Enquiry).where(
        Enquiry.call_id == application.call_id,
        Enquiry.kind == EnquiryKind.CONTEST,
        Enquiry.verdict == Verdict.MAY_APPLY,
        Enquiry.answered_at.is_not(None),
        or_(Enquiry.asker_id.in_(members), func.lower(Enquiry.email).in_(addresses)),
    )
    return list(db.session.scalars(found.order_by(Enquiry.id)))


def open_clarification(application: Application) -> Clarification | None:
    """The request for more information that waits for the applicant, if there is one."""
    found = select(Clarification).where(
        Clarification.application_id == application.id, Clarification.state == ClarificationState.ASKED
    )
    return db.session.scalar(found.options(joinedload(Clarification.asked_by).load_only(Person.name)))


def receipt_after(reference: str, number: int) -> str | None:
    """The number of the receipt for what was handed in when an application was asked for more the ``number``-th time."""
    found = (
        select(Receipt.number)
        .join(Clarification, Clarification.after_id == Receipt.id)
        .join(Application, Application.id == Clarification.application_id)
        .where(Application.reference == reference, Clarification.number == number)
    )
    return db.session.scalar(found)


def clarifications_of(application: Application) -> list[Clarification]:
    """Every request for more information about an application, the latest first, with what was handed in before and
    after.
    """
    found = (
        select(Clarification)
        .where(Clarification.application_id == application.id)
        .options(
            joinedload(Clarification.asked_by).load_only(Person.name),
            joinedload(Clarification.ended_by).load_only(Person.name),
            joinedload(Clarification.before).options(undefer(Receipt.content)),
            joinedload(Clarification.after).options(undefer(Receipt.content)),
        )
        .order_by(Clarification.number.desc())
    )
    return list(db.session.scalars(found))


def next_number(application: Application) -> int:
    """The number of the next request for more information about an application."""
    found = select(func.max(Clarification.number)).where(Clarification.application_id == application.id)
    return (db.session.scalar(found) or 0) + 1
