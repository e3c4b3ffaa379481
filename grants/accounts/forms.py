"""Forms for accounts."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

from flask_babel import gettext as _
from flask_security.forms import LoginForm, RegisterFormV2
from wtforms.validators import DataRequired

from grants.accounts import actions, queries
from grants.core.forms import LineField
from grants.core.languages import _l, language_now

PATIENCE = timedelta(minutes=15)
TRIES = 8


class SignInForm(LoginForm):
    """Signing in; after several wrong passwords an address has to wait, whether it has an account or not."""

    def validate(self, **kwargs: Any) -> bool:
        """Count wrong passwords in the database, so that the limit holds on every web server."""
        email_hash = hashlib.sha256((self.email.data or "").strip().lower().encode("utf-8", "replace")).hexdigest()
        if queries.recent_failures(email_hash, PATIENCE) >= TRIES:
            self.form_errors.append(_("There were too many attempts. Please wait a few minutes."))
            return False
        valid = bool(super().validate(**kwargs))
        if not valid and not self.user_authenticated:
            actions.note_failed_sign_in(email_hash)
        return valid


class RegisterForm(RegisterFormV2):
    """Opening an account."""

    name = LineField(_l("Your name"), [DataRequired(_l("Please tell us your name."))], longest=120)

    def to_dict(self, only_user: bool) -> dict[str, Any]:
        """What the new account starts with: what was typed, and the language it was typed in."""
        values: dict[str, Any] = super().to_dict(only_user)
        return values | {"language": language_now()} if only_user else values
