"""Pages for typing an application after a conversation, and for confirming it."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from flask_login import current_user

from grants.accounts import actions as accounts
from grants.accounts.models import COORDINATORS, Organization
from grants.accounts.queries import organization_by_reference
from grants.applications import queries as applications
from grants.applications.models import Application
from grants.applications.permissions import can_read
from grants.applications.rules import Audience, obstacles_by_time, visible_sections
from grants.applications.views import steps_of
from grants.calls.models import Call
from grants.calls.queries import call_by_reference
from grants.core import clock
from grants.core.languages import gettext as _
from grants.core.permissions import require, scope
from grants.core.web import ANYONE, SIGNED_IN, access, done, found
from grants.entries import actions, permissions, queries, rules
from grants.entries.forms import ConfirmForm, EnterForm, LinkForm, NewOrganizationForm, RecordForm
from grants.entries.models import WAYS, AssistedEntry
from grants.history.queries import timeline
from grants.questionnaires.queries import definition_of

bp = Blueprint("entries", __name__)

bp.add_app_template_global(queries.entry_of, "entry_of")


@bp.app_template_global("may_enter")
def may_enter(call: Call) -> bool:
    """Whether the present person may type an application to a call now."""
    return permissions.can_enter(current_user) and not obstacles_by_time(call, clock.now())


@bp.route("/calls/<reference>/enter", methods=["GET", "POST"])
@access(*COORDINATORS)
def enter(reference: str) -> ResponseReturnValue:
    """Begin to type an application for an organization that has no line."""
    require(permissions.can_enter(current_user))
    call = found(call_by_reference(scope(current_user, Call), reference))
    form, profile = EnterForm.for_call(call), NewOrganizationForm()
    if form.validate_on_submit() and (organization := _organization(form, profile)) is not None:
        entry = actions.enter(
            call,
            organization,
            language=form.written_in.data,
            spoke_with=form.spoke_with.data,
            phone=form.spoken_by.data or "",
            spoken_on=form.spoken_on.data,
            by=current_user,
        )
        return done(
            _("Please type what you were told. Everybody sees that the fund typed it."),
            "applications.show",
            reference=entry.application.reference,
        )
    page = render_template(
        "entries/enter.html",
        call=call,
        form=form,
        profile=profile,
        obstacles=obstacles_by_time(call, clock.now()),
    )
    return page, 422 if form.is_submitted() else 200


def _organization(form: EnterForm, profile: NewOrganizationForm) -> Organization | None:
    """The organization that was named, or a new account without people; None when something must be mended."""
    if form.organization.data:
        organization = organization_by_reference(scope(current_user, Organization), form.organization.data)
        if organization is None:
            form.organization.errors = [_("We know no organization with this reference in your regions.")]
        return organization
    if not profile.validate():
        return None
    return accounts.register_organization(by=current_user, **profile.profile())


@bp.get("/applications/<reference>/entry")
@access(SIGNED_IN)
def entry(reference: str) -> ResponseReturnValue:
    """Who typed an application after which conversation, and whether the organization has confirmed it."""
    return _entry_page(_entry(reference))


def _entry_page(
    typed: AssistedEntry, link: LinkForm | None = None, record: RecordForm | None = None
) -> ResponseReturnValue:
    application = typed.application
    page = render_template(
        "entries/entry.html",
        application=application,
        call=application.call,
        entry=typed,
        ways=WAYS,
        link=link or LinkForm(formdata=None, address=application.organization.email),
        record=record or RecordForm(formdata=None),
        confirming=rules.obstacles_to_confirming(typed),
        may_confirm=permissions.can_confirm(current_user, application),
        may_record=permissions.can_record(current_user, application),
        steps=steps_of(application),
        told=timeline([("application", application.id)], names=True, limit=30),
    )
    return page, 422 if link or record else 200


def _entry(reference: str) -> AssistedEntry:
    application = found(applications.application_by_reference(scope(current_user, Application), reference))
    require(can_read(current_user, application))
    return found(queries.entry_of(application))


@bp.post("/applications/<reference>/entry/confirm")
@access(SIGNED_IN)
def confirm(reference: str) -> ResponseReturnValue:
    """Somebody who signs for the organization confirms what was typed for it."""
    typed = _entry(reference)
    require(permissions.can_confirm(current_user, typed.application))
    actions.confirm(typed, by=current_user)
    return done(_("Thank you. The application is confirmed."), ".entry", reference=reference)


@bp.post("/applications/<reference>/entry/ask")
@access(*COORDINATORS)
def ask(reference: str) -> ResponseReturnValue:
    """Send the organization a link with which it reads and confirms."""
    typed, form = _entry(reference), LinkForm()
    require(permissions.can_record(current_user, typed.application))
    if not form.validate_on_submit():
        return _entry_page(typed, link=form)
    actions.ask_to_confirm(typed, form.address.data, by=current_user)
    return done(_("The link is on its way."), ".entry", reference=reference)


@bp.post("/applications/<reference>/entry/record")
@access(*COORDINATORS)
def record(reference: str) -> ResponseReturnValue:
    """Write down a confirmation that was given without a line."""
    typed, form = _entry(reference), RecordForm()
    require(permissions.can_record(current_user, typed.application))
    if not form.validate_on_submit():
        return _entry_page(typed, record=form)
    actions.record_confirmation(typed, form.way.data, form.name.data, form.on.data, by=current_user)
    return done(_("Noted, with your name."), ".entry", reference=reference)


@bp.route("/confirm-entry/<token>", methods=["GET", "POST"])
@access(ANYONE)
def confirm_by_link(token: str) -> ResponseReturnValue:
    """The organization reads what the fund typed for it, and confirms. Whoever holds the link may."""
    typed = found(queries.entry_by_token(accounts.hash_of_token(token)))
    obstacles, form = rules.obstacles_to_link(typed, clock.now()), ConfirmForm()
    if form.validate_on_submit():
        actions.confirm_by_link(typed, form.name.data)
        return render_template("entries/confirmed.html", entry=typed)
    application = typed.application
    definition = definition_of(application.questionnaire_id)
    receipt = applications.receipt_with_content(application)
    page = render_template(
        "entries/confirm.html",
        entry=typed,
        application=application,
        call=application.call,
        form=form,
        obstacles=obstacles,
        definition=definition,
        readable_sections=visible_sections(definition, Audience.APPLICANT),
        answers=receipt.content["answers"] if receipt else {},
        papers=receipt.content["attachments"] if receipt else [],
    )
    return page, 422 if form.is_submitted() else 200
