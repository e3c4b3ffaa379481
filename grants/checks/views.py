"""Pages of the eligibility check of an application."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from flask_login import current_user

from grants.accounts.models import COORDINATORS, Role
from grants.applications import queries as applications
from grants.applications import rules as application_rules
from grants.applications.actions import answers_in
from grants.applications.forms import ReasonForm
from grants.applications.models import Application
from grants.applications.views import steps_of
from grants.calls.models import DocumentAsked
from grants.checks import actions, permissions, queries, rules
from grants.checks.forms import JudgeForm
from grants.checks.models import Outcome
from grants.core.languages import gettext as _
from grants.core.permissions import require, scope
from grants.core.web import access, done, found
from grants.history.queries import timeline

bp = Blueprint("checks", __name__)


@bp.app_template_global("may_check")
def may_check(application: Application) -> bool:
    """Whether the present person may check the eligibility of an application."""
    return permissions.can_check(current_user, application)


def _application(reference: str) -> Application:
    return found(applications.application_by_reference(scope(current_user, Application), reference))


@bp.get("/applications/<reference>/check")
@access(*COORDINATORS, Role.AUDITOR)
def check(reference: str) -> ResponseReturnValue:
    """The eligibility check: each rule of the call, what the machine says, what a person judged."""
    return _check_page(_application(reference))


@bp.post("/applications/<reference>/check")
@access(*COORDINATORS)
def run_check(reference: str) -> ResponseReturnValue:
    """Let the machine look at every rule of the call."""
    application = _to_check(reference)
    actions.check_eligibility(application, by=current_user)
    return done(_("Every rule of the call was checked."), ".check", reference=reference)


@bp.post("/applications/<reference>/check/<key>")
@access(*COORDINATORS)
def judge(reference: str, key: str) -> ResponseReturnValue:
    """A person says whether one rule is met, and why."""
    application = _to_check(reference)
    finding = found(queries.finding_by_rule(application, key))
    form = JudgeForm(prefix=key)
    if not form.validate_on_submit():
        return _check_page(application, form, key)
    actions.judge(finding, form.outcome.data, form.reason.data, by=current_user)
    return done(_("Noted, with your name and reason."), ".check", reference=reference, _anchor=key)


@bp.post("/applications/<reference>/find-eligible")
@access(*COORDINATORS)
def find_eligible(reference: str) -> ResponseReturnValue:
    """Every rule is met."""
    actions.find_eligible(_to_check(reference), by=current_user)
    return done(_("Found eligible. The applicant has been told."), ".check", reference=reference)


@bp.route("/applications/<reference>/find-ineligible", methods=["GET", "POST"])
@access(*COORDINATORS)
def find_ineligible(reference: str) -> ResponseReturnValue:
    """A rule is not met: say why to the applicant."""
    application = _to_check(reference)
    form = ReasonForm()
    if form.validate_on_submit():
        actions.find_ineligible(application, form.reason.data, by=current_user)
        return done(
            _("Found not eligible. The applicant has been told why, and how to complain."),
            ".check",
            reference=reference,
        )
    findings = queries.findings_of(application)
    page = render_template(
        "checks/find_ineligible.html",
        application=application,
        call=application.call,
        form=form,
        unmet=[finding for finding in findings if finding.outcome == Outcome.FAILED],
        obstacles=rules.obstacles_to_finding_ineligible(application, findings, len(queries.rules_of(application.call))),
    )
    return page, 422 if form.is_submitted() else 200


def _to_check(reference: str) -> Application:
    application = _application(reference)
    require(permissions.can_check(current_user, application))
    return application


def _check_page(application: Application, failed: JudgeForm | None = None, key: str = "") -> ResponseReturnValue:
    findings = queries.findings_of(application)
    asked = queries.rules_of(application.call)
    page = render_template(
        "checks/check.html",
        application=application,
        call=application.call,
        rules=asked,
        findings={finding.rule_id: finding for finding in findings},
        forms={
            rule.key: failed if failed and rule.key == key else JudgeForm(formdata=None, prefix=rule.key)
            for rule in asked
        },
        problem_at=key,
        absent=_absent(application),
        steps=steps_of(application),
        checking=rules.obstacles_to_checking(application),
        eligible=rules.obstacles_to_finding_eligible(application, findings, len(asked)),
        ineligible=rules.obstacles_to_finding_ineligible(application, findings, len(asked)),
        told=timeline([("application", application.id)], names=True, limit=30),
        may_act=permissions.can_check(current_user, application),
    )
    return page, 422 if failed else 200


def _absent(application: Application) -> list[tuple[DocumentAsked, str | None]]:
    """The required documents of which there is no file, with the reason of those that are withheld."""
    attachments = applications.attachments_of(application)
    needs = application_rules.values_for_documents(application, answers_in(application))
    reasons = {a.document_id: a.withheld_reason for a in attachments if a.file_id is None}
    given = {a.document_id for a in attachments if a.file_id is not None}
    documents = applications.documents_of(application.call)
    return [(d, reasons.get(d.id)) for d in documents if d.id not in given and application_rules.is_required(d, needs)]
