"""The page of mails that could not be delivered."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user

from grants.accounts.models import Role
from grants.accounts.views import Pages
from grants.core import clock
from grants.core.mail import OutboxMail
from grants.core.permissions import require, scope
from grants.core.web import access, done, found
from grants.deliveries import actions, permissions, queries, rules

bp = Blueprint("deliveries", __name__)

MOST_AT_ONCE = 500
"""So many mails are tried again with one click; the page says when more are left."""


@bp.get("/mails")
@access(Role.ADMINISTRATOR)
def failed() -> ResponseReturnValue:
    """Mails that could not be delivered: to whom, which sort, when and why."""
    asked = max(1, min(request.args.get("page", 1, type=int), 100_000))
    mails, total = queries.failed_page(scope(current_user, OutboxMail), asked)
    at = clock.now()
    return render_template(
        "deliveries/failed.html",
        mails=mails,
        pages=Pages(asked, total, "deliveries.failed"),
        sort_of=rules.sort_of,
        cause_of=rules.cause_of,
        last_tried_at=rules.last_tried_at,
        obstacles={mail.id: rules.obstacles_to_trying_again(mail.kind, mail.posted_at, at) for mail in mails},
    )


@bp.post("/mails/try-again")
@access(Role.ADMINISTRATOR)
def try_all_again() -> ResponseReturnValue:
    """Send everything that failed again, such as after a wrong password of the mail server."""
    require(permissions.can_try_again(current_user))
    mails = queries.failed_mails(scope(current_user, OutboxMail), MOST_AT_ONCE)
    number = actions.try_all_again(mails, by=current_user)
    return done(ngettext("%(num)s mail is sent again.", "%(num)s mails are sent again.", number), "deliveries.failed")


@bp.post("/mails/<int:mail_id>/try-again")
@access(Role.ADMINISTRATOR)
def try_again(mail_id: int) -> ResponseReturnValue:
    """Send one mail again."""
    require(permissions.can_try_again(current_user))
    actions.try_again(found(queries.failed_mail(scope(current_user, OutboxMail), mail_id)), by=current_user)
    return done(_("The mail is sent again."), "deliveries.failed")


@bp.post("/mails/<int:mail_id>/set-aside")
@access(Role.ADMINISTRATOR)
def set_aside(mail_id: int) -> ResponseReturnValue:
    """Take one mail off the list."""
    require(permissions.can_set_aside(current_user))
    actions.set_aside(found(queries.failed_mail(scope(current_user, OutboxMail), mail_id)), by=current_user)
    return done(_("The mail is set aside."), "deliveries.failed")
