"""Pages about what an organization's account holds."""

from __future__ import annotations

from flask import Blueprint

from grants.organizations import models

bp = Blueprint("organizations", __name__)
KINDS = models.DOCUMENT_LABELS
