"""Who may write, send in and read an application."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, or_, select

from grants.accounts.models import COORDINATORS, Organization, Role
from grants.applications.models import Application, Attachment, Receipt
from grants.calls.models import DocumentAsked
from grants.core.permissions import scope_of


def _seen(user: Any) -> ColumnElement[bool]:
    """The condition on an application that decides whether a person may see it."""
    if not user.is_authenticated:
        return false()
    allowed: list[ColumnElement[bool]] = []
    if user.memberships:
        allowed.append(Application.organization_id.in_([m.organization_id for m in user.memberships]))
    sent_in = Application.submitted_at.is_not(None)
    if user.holds(Role.AUDITOR):
        allowed.append(sent_in)
    elif user.holds(*COORDINATORS):
        allowed.append(Application.entered_by_id == user.id)
        mine: ColumnElement[bool] = Application.region.in_(sorted(user.regions))
        if user.holds(Role.GLOBAL_COORDINATOR):
            mine = or_(mine, Application.region.is_(None))
        allowed.append(and_(sent_in, mine))
    return or_(false(), *allowed)


@scope_of(Application)
def applications_seen_by(user: Any) -> Select[Any]:
    """Members: those of their organizations. Coordinators: those sent in from their regions, and what they type for an
    organization without a line. Auditors: all sent in.
    """
    return select(Application).where(_seen(user))


@scope_of(Attachment)
def attachments_seen_by(user: Any) -> Select[Any]:
    """Whoever may see the application: its documents. What is about the bank: its members, and who types for them."""
    found = select(Attachment).join(Application, Attachment.application_id == Application.id).where(_seen(user))
    if not user.is_authenticated:
        return found
    about_bank = select(DocumentAsked.id).where(DocumentAsked.is_about_bank)
    own = Application.organization_id.in_([m.organization_id for m in user.memberships])
    return found.where(or_(own, Application.entered_by_id == user.id, Attachment.document_id.not_in(about_bank)))


@scope_of(Receipt)
def receipts_seen_by(user: Any) -> Select[Any]:
    """Whoever may see the application: its receipt."""
    return select(Receipt).join(Application, Receipt.application_id == Application.id).where(_seen(user))


def can_start(user: Any, organization: Organization) -> bool:
    """A member of the organization (owner or editor) may begin an application for it."""
    return bool(user.belongs_to(organization.id))


def can_write(user: Any, application: Application) -> bool:
    """A member of the applicant organization (owner or editor) may write and attach documents; so may the coordinator
    who types for an organization without a line.
    """
    return bool(user.belongs_to(application.organization_id)) or types_for(user, application)


def types_for(user: Any, application: Application) -> bool:
    """Whether somebody is the coordinator who types an application for its organization."""
    return application.entered_by_id is not None and application.entered_by_id == user.id and user.holds(*COORDINATORS)


def can_submit(user: Any, application: Application) -> bool:
    """A member of the applicant organization who owns its account or may sign for it may send the application in; so may
    the coordinator who types for an organization without a line.
    """
    ours = user.owns(application.organization_id) or user.signs_for(application.organization_id)
    return bool(ours) or types_for(user, application)


def can_certify(user: Any, application: Application) -> bool:
    """A member of the applicant organization who may sign for it reads the application and certifies it."""
    return bool(user.signs_for(application.organization_id))


def can_ask_to_certify(user: Any, application: Application) -> bool:
    """A member of the applicant organization asks those who may sign for it to certify the application."""
    return bool(user.belongs_to(application.organization_id))


def can_withdraw(user: Any, application: Application) -> bool:
    """Whoever may send the application in may withdraw it."""
    return can_submit(user, application)


def can_read(user: Any, application: Application) -> bool:
    """Members of the organization, coordinators of its region and auditors read what was sent in; members also drafts."""
    if user.belongs_to(application.organization_id) or types_for(user, application):
        return True
    return application.submitted_at is not None and (user.holds(Role.AUDITOR) or coordinates(user, application))


def coordinates(user: Any, application: Application) -> bool:
    """Whether somebody coordinates the region of an application; one whose region nobody can tell is for the whole fund."""
    if application.region is None:
        return bool(user.holds(Role.GLOBAL_COORDINATOR))
    return bool(user.coordinates(application.region))
