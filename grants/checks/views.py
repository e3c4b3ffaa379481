"""Pages of the eligibility check of an application, and of what its applicant is asked."""

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
from grants.applications.permissions import can_read, can_write
from grants.applications.views import steps_of
from grants.calls.models import DocumentAsked
from grants.checks import actions, permissions, queries, rules
from grants.checks.forms import AskForm, HandInForm, JudgeForm, MoreTimeForm
from grants.checks.models import Clarification, Outcome
from grants.checks.workflow import ClarificationState
from grants.core import clock
from grants.core.differences import compared
from grants.core.languages import gettext as _
from grants.core.languages import language_now
from grants.core.permissions import require, scope
from grants.core.rules import Obstacle
from grants.core.web import SIGNED_IN, access, done, found
from grants.entries.queries import entry_of
from grants.entries.rules import obstacles_to_counting
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
        obstacles=rules.obstacles_to_finding_ineligible(application, findings, len(queries.rules_of(application.call)))
        + actions.obstacles_to_taking_part(application, current_user),
    )
    return page, 422 if form.is_submitted() else 200


def _to_check(reference: str) -> Application:
    application = _application(reference)
    require(permissions.can_check(current_user, application))
    return application


def _check_page(application: Application, failed: JudgeForm | None = None, key: str = "") -> ResponseReturnValue:
    findings = queries.findings_of(application)
    asked = queries.rules_of(application.call)
    may_act = permissions.can_check(current_user, application)
    barred = actions.obstacles_to_taking_part(application, current_user) if may_act else []
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
        checking=rules.obstacles_to_checking(application) + barred,
        eligible=rules.obstacles_to_finding_eligible(application, findings, len(asked))
        + obstacles_to_counting(application, entry_of(application))
        + barred,
        ineligible=rules.obstacles_to_finding_ineligible(application, findings, len(asked)) + barred,
        told=timeline([("application", application.id)], names=True, limit=30),
        may_act=may_act,
        may_judge=may_act and not barred,
        has_asked=queries.next_number(application) > 1,
        objections=queries.objections_found_right(application),
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


# ------------------------------------------------------------------ asking for more information


@bp.app_template_global("asked_about")
def asked_about(application: Application) -> Clarification | None:
    """The request that waits for an answer about an application, if there is one."""
    return queries.open_clarification(application) if application.reopened else None


@bp.get("/applications/<reference>/clarifications")
@access(SIGNED_IN)
def clarifications(reference: str) -> ResponseReturnValue:
    """What the applicant was asked, what is open for it, and what was answered: before and after."""
    application = _application(reference)
    require(can_read(current_user, application))
    return _clarifications_page(application)


def _obstacles_to_asking(application: Application) -> list[Obstacle]:
    return rules.obstacles_to_asking(application) + actions.obstacles_to_taking_part(application, current_user)


def _clarifications_page(
    application: Application, answering: HandInForm | None = None, extending: MoreTimeForm | None = None
) -> ResponseReturnValue:
    asked = queries.clarifications_of(application)
    waiting = next((one for one in asked if one.state == ClarificationState.ASKED), None)
    definition, documents = actions.definition_for(application), applications.documents_of(application.call)
    parts = {part.key: part for part in rules.parts_of(application, definition, documents)}
    ours = permissions.can_ask(current_user, application)
    page = render_template(
        "checks/clarifications.html",
        application=application,
        call=application.call,
        asked=asked,
        waiting=waiting,
        late=waiting is not None and rules.is_late(waiting, clock.now()),
        parts=parts,
        changed={
            one.id: [
                (change.label, *compared(change.before, change.now))
                for change in rules.differences(
                    definition, documents, one.before.content, one.after.content, language_now()
                )
            ]
            for one in asked
            if one.after is not None
        },
        missing=actions.obstacles_to_handing_in(waiting) if waiting else [],
        asking=_obstacles_to_asking(application) if ours else [],
        answering=answering or HandInForm(formdata=None),
        extending=extending or MoreTimeForm(formdata=None),
        may_ask=ours,
        may_write=can_write(current_user, application),
        may_hand_in=permissions.can_hand_in(current_user, application),
        steps=steps_of(application),
        told=timeline([("application", application.id)], names=not can_write(current_user, application), limit=30),
    )
    return page, 422 if answering or extending else 200


@bp.route("/applications/<reference>/clarifications/ask", methods=["GET", "POST"])
@access(*COORDINATORS)
def ask(reference: str) -> ResponseReturnValue:
    """Ask the applicant for more: which parts, why, and until when."""
    application = _application(reference)
    require(permissions.can_ask(current_user, application))
    parts = rules.parts_of(
        application, actions.definition_for(application), applications.documents_of(application.call)
    )
    form = AskForm.about(parts, rules.first_day_to_answer(application, clock.now()))
    if form.validate_on_submit() and _is_a_day(
        form, rules.obstacles_to_the_day(application, form.due_on.data, clock.now())
    ):
        actions.ask(application, form.parts.data, form.reason.data, form.due_on.data, by=current_user)
        return done(_("The applicant has been told."), ".clarifications", reference=reference)
    page = render_template(
        "checks/ask.html",
        application=application,
        call=application.call,
        form=form,
        obstacles=_obstacles_to_asking(application),
    )
    return page, 422 if form.is_submitted() else 200


def _is_a_day(form: AskForm | MoreTimeForm, obstacles: list[Obstacle]) -> bool:
    """Whether the day that was typed can stand; what is wrong with it is said beside it."""
    form.due_on.errors = [*form.due_on.errors, *(str(obstacle.message) for obstacle in obstacles)]
    return not obstacles


@bp.post("/applications/<reference>/clarifications/hand-in")
@access(SIGNED_IN)
def hand_in(reference: str) -> ResponseReturnValue:
    """Hand in what was asked for, and get a new receipt."""
    application = _application(reference)
    require(permissions.can_hand_in(current_user, application))
    waiting = found(queries.open_clarification(application))
    form = HandInForm()
    if not form.validate_on_submit():
        return _clarifications_page(application, answering=form)
    receipt = actions.hand_in(waiting, form.answer.data, by=current_user)
    message = _("We have received your answer. Receipt %(number)s.", number=receipt.number)
    return done(message, "applications.receipt", reference=reference)


@bp.route("/applications/<reference>/clarifications/close", methods=["GET", "POST"])
@access(*COORDINATORS)
def close(reference: str) -> ResponseReturnValue:
    """Close a request that nobody answered, and say why."""
    waiting = _waiting(reference)
    form = ReasonForm()
    if form.validate_on_submit():
        actions.close(waiting, form.reason.data, by=current_user)
        return done(_("The request is closed. The applicant has been told."), ".clarifications", reference=reference)
    page = render_template(
        "checks/close.html", application=waiting.application, call=waiting.application.call, form=form
    )
    return page, 422 if form.is_submitted() else 200


@bp.post("/applications/<reference>/clarifications/extend")
@access(*COORDINATORS)
def extend(reference: str) -> ResponseReturnValue:
    """Give the applicant more time."""
    waiting = _waiting(reference)
    form = MoreTimeForm()
    if not form.validate_on_submit() or not _is_a_day(
        form, rules.obstacles_to_more_time(waiting, form.due_on.data, clock.now())
    ):
        return _clarifications_page(waiting.application, extending=form)
    actions.extend(waiting, form.due_on.data, by=current_user)
    return done(_("The applicant has been told of the new day."), ".clarifications", reference=reference)


def _waiting(reference: str) -> Clarification:
    application = _application(reference)
    require(permissions.can_ask(current_user, application))
    return found(queries.open_clarification(application))
