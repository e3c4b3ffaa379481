"""Who may see and do what with assignments and reviews."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, or_, select, true

from grants.accounts.models import COORDINATORS, Organization, Role
from grants.applications.models import Application, Attachment, Receipt
from grants.conflicts.permissions import DECLARERS
from grants.conflicts.queries import hidden_applications, tied_organizations
from grants.core.permissions import composed_once, limit_of, scope_of
from grants.reviews.models import Assignment
from grants.reviews.queries import blind_to_hand_in, to_hand_in
from grants.reviews.workflow import LIVE, AssignmentState


@limit_of(Application, Attachment, Receipt)
def without_conflict(user: Any, found: Select[Any]) -> Select[Any]:
    """Whoever has a tie to an applicant sees nothing of its applications, unless they are a member themselves; whoever has
    a blind review to hand in sees nothing of that application but the pages of the review.
    """
    if not user.is_authenticated or not user.holds(*DECLARERS):
        return found
    own = Application.organization_id.in_([m.organization_id for m in user.memberships])
    unseen = [hidden_applications(user.id), *([blind_to_hand_in(user.id)] if user.holds(Role.REVIEWER) else [])]
    return found.where(or_(own, and_(*[Application.id.not_in(some) for some in unseen])))


@limit_of(Organization)
def without_tie(user: Any, found: Select[Any]) -> Select[Any]:
    """Whoever has a tie to an organization does not see its profile and people either, unless they are a member."""
    if not user.is_authenticated or not user.holds(*DECLARERS):
        return found
    own = Organization.id.in_([m.organization_id for m in user.memberships])
    return found.where(or_(own, Organization.id.not_in(tied_organizations(user.id))))


@scope_of(Assignment)
def assignments_seen_by(user: Any) -> Select[Assignment]:
    """Reviewers their own while they last, coordinators those of their regions, auditors all; never with a conflict, and
    of others none before their own is handed in.
    """
    found = select(Assignment).join(Application, Application.id == Assignment.application_id)
    if not user.is_authenticated:
        return found.where(false())
    own = (Assignment.reviewer_id == user.id) & Assignment.state.in_(LIVE)
    return found.where(or_(own, _followed(user)), Application.id.not_in(hidden_applications(user.id)))


@composed_once
def applications_assessed_under(user: Any) -> Select[Application]:
    """The applications whose reviews a person may follow, once sent in: coordinators their regions', auditors all;
    never with a conflict, nor before their own review is handed in.
    """
    found = select(Application).where(Application.submitted_at.is_not(None))
    if not user.is_authenticated:
        return found.where(false())
    return found.where(_followed(user), Application.id.not_in(hidden_applications(user.id)))


def _followed(user: Any) -> ColumnElement[bool]:
    ways: list[Any] = [false()]
    if user.holds(*COORDINATORS):
        ways.append(Application.region.in_(sorted(user.regions)))
    if user.holds(Role.AUDITOR):
        ways.append(true())
    return and_(or_(*ways), Application.id.not_in(to_hand_in(user.id)))


def can_follow_reviews(user: Any) -> bool:
    """Coordinators and auditors: the table of applications and reviewers."""
    return bool(user.holds(*COORDINATORS, Role.AUDITOR))


def can_assign(user: Any, region: str | None) -> bool:
    """Coordinators of the application's region: ask reviewers, release them, reopen a review."""
    return bool(user.holds(*COORDINATORS)) and region is not None and user.coordinates(region)


def can_declare(user: Any, assignment: Assignment) -> bool:
    """The reviewer who was asked: declare a tie or none, decline, step aside."""
    return bool(assignment.reviewer_id == user.id) and assignment.state in LIVE


def can_write(user: Any, assignment: Assignment) -> bool:
    """The reviewer, after declaring no conflict and until the review is submitted."""
    return bool(assignment.reviewer_id == user.id) and assignment.state == AssignmentState.ACCEPTED


def can_read_application(user: Any, assignment: Assignment) -> bool:
    """The reviewer after declaring no conflict; coordinators of the region and auditors."""
    return not (assignment.reviewer_id == user.id and assignment.state == AssignmentState.ASKED)


def can_know_applicant(user: Any, assignment: Assignment) -> bool:
    """Coordinators of the region and auditors; the reviewer unless the call has blind reviews."""
    return assignment.reviewer_id != user.id or not assignment.application.call.hides_applicants


def can_translate(user: Any, assignment: Assignment) -> bool:
    """The reviewer after declaring no conflict; coordinators of the region: add a translation of an answer."""
    if assignment.reviewer_id == user.id:
        return assignment.state in (AssignmentState.ACCEPTED, AssignmentState.COMPLETED)
    return can_assign(user, assignment.application.region)


def can_see_other_reviews(user: Any, assignment: Assignment) -> bool:
    """The reviewer once their own review is submitted; coordinators of the region and auditors."""
    if assignment.reviewer_id == user.id:
        return assignment.state == AssignmentState.COMPLETED
    return can_follow_reviews(user)


def can_see_reviewers(user: Any) -> bool:
    """Coordinators and auditors: the list of reviewers, what they know and how much they have to do."""
    return bool(user.holds(*COORDINATORS, Role.AUDITOR))


def can_describe(user: Any, reviewer: Any) -> bool:
    """Reviewers themselves, and coordinators: write down what a reviewer reads and knows, and how much they take on."""
    return bool(user.holds(*COORDINATORS)) or (bool(user.id == reviewer.id) and bool(user.holds(Role.REVIEWER)))
