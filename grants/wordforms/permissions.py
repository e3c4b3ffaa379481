"""Who may fill in the form of an application as a Word file."""

from __future__ import annotations

from typing import Any

from grants.applications import permissions as applications
from grants.applications.models import Application


def can_fill_in(user: Any, application: Application) -> bool:
    """Whoever may write in the application may download its form, send it in filled, and take it over."""
    return applications.can_write(user, application)
