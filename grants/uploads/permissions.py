"""Who may see and go on with what is on its way."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, false, select

from grants.applications.models import Application
from grants.applications.permissions import can_write
from grants.core.permissions import scope_of
from grants.uploads.models import Booklet, Upload


@scope_of(Upload)
def uploads_seen_by(user: Any) -> Select[Any]:
    """The person who sends a file, as long as they belong to the applicant organization: what has arrived of it."""
    return _own(select(Upload).join(Application, Upload.application_id == Application.id), Upload.person_id, user)


@scope_of(Booklet)
def booklets_seen_by(user: Any) -> Select[Any]:
    """The person who sent photographs, as long as they belong to the applicant organization: how far the PDF is."""
    return _own(select(Booklet).join(Application, Booklet.application_id == Application.id), Booklet.person_id, user)


def _own(found: Select[Any], owner: Any, user: Any) -> Select[Any]:
    if not user.is_authenticated:
        return found.where(false())
    return found.where(owner == user.id, Application.organization_id.in_([m.organization_id for m in user.memberships]))


def can_send(user: Any, application: Application) -> bool:
    """A member of the applicant organization (owner or editor) may send files for its application."""
    return can_write(user, application)
