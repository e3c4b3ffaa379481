"""Pages of applications: beginning, writing, documents, sending in, the receipt, reading, the list of a call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import ngettext
from flask_login import current_user

from grants.accounts.models import COORDINATORS, Confidentiality, Person, Role
from grants.applications import actions, permissions, queries, rules
from grants.applications.forms import CertifyForm, StartForm, UploadForm, WithholdForm
from grants.applications.models import Application, Attachment, Receipt
from grants.applications.rules import Audience
from grants.applications.workflow import ApplicationState
from grants.budgets import rules as budgets
from grants.calls.models import Call, Correction, DocumentAsked
from grants.calls.queries import call_by_reference, call_to_read, corrections_of, names_of
from grants.core import clock, files, pdf
from grants.core.contents import LARGEST, plain_name
from grants.core.languages import country_name, language_now, pick, speaking
from grants.core.languages import gettext as _
from grants.core.money import Money
from grants.core.permissions import require, scope
from grants.core.revisions import Change, changes_in_section
from grants.core.rules import Obstacle, Refused, refuse
from grants.core.templating import addresses, day, marked
from grants.core.web import READS, SIGNED_IN, access, done, found
from grants.enquiries.permissions import can_answer
from grants.history.queries import timeline
from grants.organizations.models import KeptDocument
from grants.organizations.queries import document_seen, documents_kept, signatories_of
from grants.questionnaires import queries as questionnaire_queries
from grants.questionnaires import rules as questionnaire_rules
from grants.questionnaires.forms import SectionForm
from grants.questionnaires.models import SectionAnswers
from grants.questionnaires.queries import Remainder, SetAside
from grants.questionnaires.rules import Question
from grants.questionnaires.views import SectionPage, answer_to_saving, kept_at, point_out

bp = Blueprint("applications", __name__)


class Place(NamedTuple):
    """A part of an application down the side of its form, and how far it is."""

    label: str
    url: str
    current: bool
    state: str


class Waiting(NamedTuple):
    """A section of which a text may wait on a device; ``questions`` to show it by, when it can no longer be saved."""

    title: Mapping[str, str]
    path: str
    questions: Sequence[Question]


class Desk:
    """What the pages of one application share: its questions, what is saved, attached and missing."""

    changes_read: Mapping[str, int] = {}
    """By section, the version of the questions up to which the reader has read what was corrected."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.definition = questionnaire_queries.definition_of(application.questionnaire_id)

    def as_received(self, receipt: Receipt) -> None:
        """Show what a receipt was given for, while the applicant writes in parts of it again."""
        received = {paper.get("file") for paper in receipt.content["attachments"]}
        papers = [paper for paper in self.attachments if paper.file_id is None or paper.file_id in received]
        certified = {"certified_at": receipt.certified_at, "certified_by": receipt.certified_by}
        self.application.__dict__.update(certified)
        self.__dict__.update(
            answers=receipt.content["answers"], attachments=papers, is_certified=receipt.certified_at is not None
        )

    @classmethod
    def of(cls, opened: queries.Opened) -> Desk:
        """The desk of an application that was read with all that belongs to it."""
        desk = cls(opened.application)
        desk.__dict__.update(
            saved=opened.saved,
            attachments=opened.attachments,
            receipts=opened.receipts,
            set_aside=opened.set_aside,
            changes_read=opened.changes_read,
        )
        return desk

    @cached_property
    def saved(self) -> dict[str, queries.Saved]:
        """The sections that were saved."""
        return queries.saved_in(self.application)

    @cached_property
    def documents(self) -> list[DocumentAsked]:
        """The documents the call asks for."""
        return queries.documents_of(self.application.call)

    @cached_property
    def attachments(self) -> Sequence[queries.Attached]:
        """What is attached or withheld."""
        return queries.attachments_of(self.application)

    @cached_property
    def receipts(self) -> Sequence[queries.Proof | Receipt]:
        """The receipts that were given for it, the latest first."""
        return queries.receipts_of(self.application)

    @cached_property
    def corrections(self) -> list[Correction]:
        """What was corrected in the call since the application was begun, the latest first."""
        return [c for c in corrections_of(self.application.call) if c.made_at >= self.application.started_at]

    @cached_property
    def set_aside(self) -> list[SetAside]:
        """Answers that no longer fit after a correction."""
        return questionnaire_queries.set_aside_in(self.application.answer_sheet_id)

    def remainders(self, key: str | None = None) -> list[Remainder]:
        """What was set aside, to be read; ``key`` leaves what was asked for in one section."""
        return questionnaire_queries.sections_set_aside(self.set_aside, key)

    @cached_property
    def answers(self) -> dict[str, Any]:
        """Every saved answer by its question."""
        return questionnaire_rules.answers_in(self.saved.values())

    @cached_property
    def values(self) -> dict[str, Any]:
        """What the conditions of the documents ask about."""
        return rules.values_for_documents(self.application, self.answers)

    @cached_property
    def missing(self) -> list[DocumentAsked]:
        """The required documents that are neither there nor withheld."""
        return rules.missing_documents(self.documents, self.attachments, self.values)

    @cached_property
    def fingerprint(self) -> str:
        """The fingerprint of what is shown: what a signatory certifies who has read it."""
        return rules.fingerprint(rules.content_of(self.application, self.answers, self.attachments, None))

    @cached_property
    def is_certified(self) -> bool:
        """Whether a signatory certified what is shown."""
        return self.application.certified_at is not None and rules.is_certified(self.application, self.fingerprint)

    @cached_property
    def obstacles(self) -> list[Obstacle]:
        """What keeps the application from being sent in now: what is missing, then its certification."""
        return self.unfinished or rules.obstacles_without_certification(self.application, self.fingerprint)

    @cached_property
    def unfinished(self) -> list[Obstacle]:
        """What keeps the application from being certified and sent in now; what was opened again is judged as it is."""
        if self.application.reopened:
            return []
        complete = {key for key, row in self.saved.items() if row.complete}
        return rules.obstacles_to_submission(
            self.application,
            self.definition,
            self.answers,
            self.attachments,
            clock.now(),
            documents=self.documents,
            terms=queries.terms_of(self.application.call),
            sections=[section.key for section in self.definition.sections if section.key not in complete],
        )

    def places(self, current: str = "") -> list[Place]:
        """The sections down the side, with their state; documents have a page of their own."""
        troubled = {o.where[1].get("key") for o in self.__dict__.get("unfinished", []) if _is_trouble(o) and o.where}
        missing = self.missing
        to_section = addresses("applications.section", "key", reference=self.application.reference)
        to_documents = url_for("applications.documents", reference=self.application.reference)
        listed, papers = [], False
        for section in self.definition.sections:
            only_files = rules.asks_only_files(section)
            papers = papers or only_files
            row = self.saved.get(section.key)
            state = rules.section_state(section, row.complete if row else None, self.attachments, missing)
            listed.append(
                Place(
                    label=marked(section.title, self.definition.fallback),
                    url=to_documents if only_files else to_section(section.key),
                    current=current == ("documents" if only_files else section.key),
                    state="attention" if row and section.key in troubled else state,
                )
            )
        if self.documents and not papers:
            state = "complete" if not missing else "started" if self.attachments else "not_started"
            listed.append(Place(_("Documents"), to_documents, current == "documents", state))
        return listed

    def needs(self, document: DocumentAsked) -> bool:
        """Whether this applicant must give a document."""
        return rules.is_required(document, self.values)

    @property
    def edition(self) -> int:
        """The version of the questions that the page showed which was sent; else the one that is answered now."""
        named = request.form.get("edition", 0, type=int)
        earlier = {correction.former_questionnaire_id for correction in corrections_of(self.application.call)}
        return named if named in earlier else self.application.questionnaire_id

    def form(self, key: str) -> SectionForm | None:
        """The form of one section, with what is saved or, before that, what the organization's profile says.

        What was typed on a page from before a correction is read with the questions that the page showed.
        """
        definition = questionnaire_queries.definition_of(self.edition)
        asked = definition.section(key)
        if asked is None:
            return None
        saved, answers = self.saved.get(key), self.answers
        if saved is None and asked.prefill_from == "organization_profile":
            answers = rules.prefilled(self.application.organization) | answers
        return SectionForm(definition, asked, answers, saved.version if saved else 0, self.edition)

    def was_asked(self, key: str) -> bool:
        """Whether there was such a section before a correction took it out."""
        former = [correction.former_questionnaire_id for correction in self.corrections]
        return any(questionnaire_queries.definition_of(number).section(key) for number in former)

    def changes(self, key: str) -> Sequence[Change]:
        """What was corrected in the questions of a section since the application was begun, as far as it is not read."""
        if self.application.state != ApplicationState.DRAFT or not self.corrections:
            return []
        asked = questionnaire_queries.definition_of
        versions = [correction.former_questionnaire_id for correction in reversed(self.corrections)]
        steps = pairwise([*versions, self.application.questionnaire_id])
        if not any(changes_in_section(asked(before), asked(after), key) for before, after in steps):
            return []
        return changes_in_section(asked(self.changes_read.get(key, versions[0])), self.definition, key)

    @property
    def waiting(self) -> list[Waiting]:
        """Where texts may wait on a device of a writer: with the questions where they can no longer be saved."""
        to_section = addresses("applications.section", "key", reference=self.application.reference)
        return [
            Waiting(
                section.title,
                to_section(section.key),
                [question for question in section.questions if question.type != "files"]
                if rules.obstacles_to_editing(self.application, section.key)
                else [],
            )
            for section in self.definition.sections
            if not rules.asks_only_files(section)
        ]

    def after(self, current: str) -> str | None:
        """The address of the section that comes next, or None after the last."""
        places = self.places(current)
        here = next((n for n, place in enumerate(places) if place.current), len(places))
        return places[here + 1].url if here + 1 < len(places) else None


def _is_trouble(obstacle: Obstacle) -> bool:
    return not obstacle.code.endswith(".missing")


def _found(reference: str) -> Application:
    return found(queries.application_by_reference(scope(current_user, Application), reference))


def _desk(reference: str) -> Desk:
    """The desk of an application, with everything that belongs to it in one query."""
    opened = found(queries.opened(scope(current_user, Application), reference, current_user))
    return Desk.of(opened if request.method in READS else queries.to_write(opened))


def _desk_to_write(reference: str) -> Desk:
    desk = _desk(reference)
    require(permissions.can_write(current_user, desk.application))
    return desk


def _to_write(reference: str) -> Application:
    application = _found(reference)
    require(permissions.can_write(current_user, application))
    return application


def steps_of(application: Application) -> list[dict[str, Any]]:
    """Where the application is on its way to a closed grant; what comes after the check is told further downstream."""
    names = [
        _("Applied"),
        _("Checked"),
        _("Reviewed"),
        _("Decided"),
        _("Signed"),
        _("Running"),
        _("Closed"),
    ]
    reached = {ApplicationState.SUBMITTED: 1, ApplicationState.INELIGIBLE: 1, ApplicationState.ELIGIBLE: 2}
    now = reached.get(ApplicationState(application.state), 0)
    return [
        {"label": name, "state": "done" if n < now else "current" if n == now else "todo", "at": None}
        for n, name in enumerate(names)
    ]


# ------------------------------------------------------------------ mine, and beginning


@bp.get("/applications")
@access(SIGNED_IN)
def mine() -> ResponseReturnValue:
    """The applications of my organizations."""
    return render_template("applications/mine.html", applications=queries.applications_of(current_user))


@bp.route("/calls/<reference>/apply", methods=["GET", "POST"])
@access(SIGNED_IN)
def start(reference: str) -> ResponseReturnValue:
    """Begin an application: for which organization, and in which language."""
    call = found(call_by_reference(scope(current_user, Call), reference))
    memberships = list(current_user.memberships)
    form = StartForm.for_call(call, memberships, language_now())
    begun = queries.applications_to(call, [m.organization_id for m in memberships])
    obstacles = rules.obstacles_by_time(call, clock.now())
    if form.validate_on_submit():
        organization = next(m.organization for m in memberships if m.organization.reference == form.organization.data)
        require(permissions.can_start(current_user, organization))
        application = actions.start(call, organization, language=form.language.data, by=current_user)
        return done(
            _("Your application is open. Everything you save stays here."), ".show", reference=application.reference
        )
    status = 422 if form.is_submitted() else 200
    return (
        render_template("applications/start.html", call=call, form=form, begun=begun, obstacles=obstacles),
        status,
    )


# ------------------------------------------------------------------ the application as its writers see it


@bp.get("/applications/<reference>")
@access(SIGNED_IN)
def show(reference: str) -> ResponseReturnValue:
    """Where the application stands, what is missing, what can be done now. Staff are shown the reading page."""
    desk = _desk(reference)
    application = desk.application
    if not permissions.can_write(current_user, application):
        return redirect(url_for(".read", reference=reference))
    is_draft = application.state == ApplicationState.DRAFT
    obstacles = rules.in_short(desk.obstacles, desk.definition, reference) if is_draft else []
    return render_template(
        "applications/show.html",
        application=application,
        call=application.call,
        desk=desk,
        obstacles=obstacles,
        closed=rules.obstacles_by_time(application.call, clock.now()),
        certifying=_certifying(desk) if is_draft else None,
        steps=steps_of(application),
        receipts=desk.receipts,
        told=timeline([("application", application.id)], names=False, limit=30),
        may_submit=permissions.can_submit(current_user, application),
        withdrawing=rules.obstacles_to_withdrawing(application),
        resuming=_resuming(application),
        afterwards=is_draft and rules.asked_afterwards(queries.terms_of(application.call).rules),
        corrections=desk.corrections if is_draft else [],
        remainders=desk.remainders(),
        waiting=desk.waiting,
    )


def _resuming(application: Application) -> list[Obstacle]:
    """Why an application cannot be taken up again; asked of the database only when it was withdrawn."""
    withdrawn = application.state == ApplicationState.WITHDRAWN
    live = queries.live_application(application.call_id, application.organization_id) if withdrawn else None
    was = queries.state_before(application, "withdraw") if withdrawn else None
    return rules.obstacles_to_resuming(application, live, was, clock.now())


@bp.route("/applications/<reference>/sections/<key>", methods=["GET", "POST"])
@access(SIGNED_IN)
def section(reference: str, key: str) -> ResponseReturnValue:
    """One section: its questions, what is saved, and where the text is. What two people changed is shown side by side."""
    desk = _desk_to_write(reference)
    form = desk.form(key)
    if form is None and desk.was_asked(key):
        return redirect(url_for(".show", reference=reference))
    form = found(form)
    if rules.asks_only_files(form.section):
        return redirect(url_for(".documents", reference=reference))
    if form.is_submitted() and not form.is_rearranging:
        return _save(desk, form)
    if not form.is_submitted() and rules.obstacles_to_editing(desk.application, key):
        return redirect(url_for(".read", reference=reference))
    point_out(form)
    return render_template("applications/section.html", **_about_section(desk, form))


def _save(desk: Desk, form: SectionForm) -> ResponseReturnValue:
    budget = next((question.key for question in form.section.questions if question.budget), None)
    page = SectionPage(
        "applications/section.html",
        "applications/_questions.html",
        lambda state: _about_section(desk, form, state),
        [f"{budget}-obstacles"] if budget else [],
    )

    def save() -> SectionAnswers | None:
        return actions.save_page(
            desk.application,
            form.section.key,
            form.values,
            edition=form.edition,
            by=current_user,
            version=form.version_seen,
            read="read" in request.form,
        )

    return answer_to_saving(form, page, save, lambda saved: _after_saving(desk, form.section.key, saved))


def _about_section(desk: Desk, form: SectionForm, state: str = "") -> dict[str, Any]:
    """What the page of a section shows. ``state`` says what became of a text that was sent."""
    asked = form.section
    saved = desk.saved.get(asked.key)
    question = next((q for q in asked.questions if q.budget is not None), None)
    budget_obstacles: list[Obstacle] = []
    if question is not None and question.budget is not None and (lines := form.values.get(question.key)):
        checks = budgets.checks_in(desk.definition)
        budget_obstacles = budgets.obstacles_in_budget(lines, question.budget, checks, desk.answers | form.values)
    return {
        "application": desk.application,
        "call": desk.application.call,
        "desk": desk,
        "definition": form.definition,
        "section": asked,
        "form": form,
        "kept_at": kept_at(saved.saved_at, saved.saved_by_id, saved.saved_by) if saved else None,
        "conflict": None,
        "budget": question,
        "budget_obstacles": budget_obstacles,
        "prefilled": asked.prefill_from == "organization_profile" and saved is None,
        "state": state or ("clean" if saved and not form.is_submitted() else "unsaved"),
        "changes": [change.sentence for change in desk.changes(asked.key)],
        "remainders": desk.remainders(asked.key),
    }


def _after_saving(desk: Desk, key: str, saved: SectionAnswers | None) -> ResponseReturnValue:
    reference = desk.application.reference
    if saved is None:
        flash(_("The questions were corrected while you were writing. Everything you typed is kept."), "warning")
        return redirect(url_for(".section", reference=reference, key=key))
    message = (
        _("Saved on the server.") if saved.complete else _("Saved on the server. Some answers are still missing here.")
    )
    if "next" not in request.form:
        return done(message, ".section", reference=reference, key=key)
    flash(message, "success")
    if desk.application.reopened:
        return redirect(url_for("checks.clarifications", reference=reference))
    return redirect(desk.after(key) or url_for(".show", reference=reference))


# ------------------------------------------------------------------ documents


@bp.get("/applications/<reference>/documents")
@access(SIGNED_IN)
def documents(reference: str) -> ResponseReturnValue:
    """Every document asked for, what is there, and how to add, remove or withhold it."""
    return _documents_page(_desk_to_write(reference))


def _documents_page(
    desk: Desk, document: str = "", problems: list[str] | None = None, reason: str = ""
) -> ResponseReturnValue:
    by_document: dict[int, list[queries.Attached]] = {}
    for attachment in desk.attachments:
        by_document.setdefault(attachment.document_id, []).append(attachment)
    open_parts = [d.key for d in desk.documents if not rules.obstacles_to_editing(desk.application, rules.part_of(d))]
    editing = [] if open_parts else rules.obstacles_to_editing(desk.application)
    page = render_template(
        "applications/documents.html",
        application=desk.application,
        call=desk.application.call,
        desk=desk,
        by_document=by_document,
        withholding=rules.withholding(desk.definition),
        afterwards=rules.asked_afterwards(queries.terms_of(desk.application.call).rules),
        problem_at=document,
        problems=problems or [],
        reason=reason,
        editing=editing,
        open_parts=open_parts,
        kept=[] if editing else documents_kept(desk.application.organization),
    )
    return page, 422 if problems else 200


@bp.post("/applications/<reference>/documents/<key>/attach")
@access(SIGNED_IN)
def attach(reference: str, key: str) -> ResponseReturnValue:
    """Add one or several files for a document. What can be taken is kept; what cannot is named."""
    application = _to_write(reference)
    document = found(queries.document_asked(application.call, key))
    form = UploadForm()
    chosen = [(plain_name(upload.filename), upload.stream.read(LARGEST + 1)) for upload in form.chosen()]
    problems, kept = [], 0
    for bundle in [chosen] if form.joined.data and chosen else [[one] for one in chosen]:
        try:
            if form.joined.data:
                actions.attach_photographs(application, document, bundle, by=current_user)
            else:
                actions.attach(application, document, *bundle[0], by=current_user)
            kept += 1
        except Refused as refusal:
            names = ", ".join(name for name, _content in bundle)
            problems += [_("%(label)s: %(text)s", label=names, text=obstacle.message) for obstacle in refusal.obstacles]
    if not chosen:
        problems = [_("Please choose a file first.")]
    if not kept:
        return _documents_page(Desk(application), key, problems)
    for problem in problems:
        flash(problem, "danger")
    return done(
        _(
            "Saved on the server: %(document)s",
            document=pick(document.label, None, application.call.authoritative_language),
        ),
        ".documents",
        reference=reference,
        _anchor=key,
    )


@bp.post("/applications/<reference>/documents/<key>/kept/<int:document_id>")
@access(SIGNED_IN)
def attach_kept(reference: str, key: str, document_id: int) -> ResponseReturnValue:
    """Give a document that the organization keeps, without sending it again."""
    application = _to_write(reference)
    document = found(queries.document_asked(application.call, key))
    kept = found(document_seen(scope(current_user, KeptDocument), application.organization, document_id))
    actions.attach_kept(application, document, kept.file, by=current_user)
    return done(
        _(
            "Saved on the server: %(document)s",
            document=pick(document.label, None, application.call.authoritative_language),
        ),
        ".documents",
        reference=reference,
        _anchor=key,
    )


@bp.post("/applications/<reference>/documents/<key>/withhold")
@access(SIGNED_IN)
def withhold(reference: str, key: str) -> ResponseReturnValue:
    """Keep a document back and say why; only staff read the reason."""
    application = _to_write(reference)
    document = found(queries.document_asked(application.call, key))
    form = WithholdForm()
    if not form.validate_on_submit():
        problems = [str(message) for message in form.reason.errors]
        return _documents_page(Desk(application), key, problems, request.form.get("reason", ""))
    actions.withhold(application, document, form.reason.data, by=current_user)
    return done(
        _("Noted. Only the staff of the fund read your reason."), ".documents", reference=reference, _anchor=key
    )


@bp.post("/applications/<reference>/files/<int:attachment_id>/remove")
@access(SIGNED_IN)
def detach(reference: str, attachment_id: int) -> ResponseReturnValue:
    """Remove a file, or a reason for withholding."""
    attachment = found(queries.attachment_by_id(scope(current_user, Attachment), reference, attachment_id))
    require(permissions.can_write(current_user, attachment.application))
    key = attachment.document.key
    actions.detach(attachment, by=current_user)
    return done(_("Removed."), ".documents", reference=reference, _anchor=key)


@bp.get("/applications/<reference>/files/<int:attachment_id>")
@access(SIGNED_IN)
def file(reference: str, attachment_id: int) -> ResponseReturnValue:
    """Download a document. Staff get it under a name that says nothing about the applicant."""
    attachment = found(queries.attachment_by_id(scope(current_user, Attachment), reference, attachment_id))
    stored = found(attachment.file)
    if permissions.can_write(current_user, attachment.application):
        return files.send(stored)
    return files.send(stored, f"{reference}-{attachment.document.key}.{stored.kind}")


# ------------------------------------------------------------------ sending in, receipt, taking back


@bp.post("/applications/<reference>/submit")
@access(SIGNED_IN)
def submit(reference: str) -> ResponseReturnValue:
    """Send the application in; a repeated click shows the same receipt. Without a script the question comes as a page."""
    application = _found(reference)
    require(permissions.can_submit(current_user, application))
    if "confirmed" not in request.form and application.state == ApplicationState.DRAFT:
        desk = Desk(application)
        refuse(desk.obstacles)
        return render_template(
            "applications/submit.html", application=application, call=application.call, waiting=desk.waiting
        )
    return _received(actions.submit(application, by=current_user))


def _received(receipt: Receipt) -> ResponseReturnValue:
    message = _("We have received your application. Receipt %(number)s.", number=receipt.number)
    return done(message, ".receipt", reference=receipt.application.reference)


class Certifying(NamedTuple):
    """Who may certify an application that waits for it, and how they are asked."""

    may_certify: bool
    signatories: list[Person]
    asking: list[Obstacle]


def _certifying(desk: Desk) -> Certifying | None:
    """How a complete application comes to be certified; None while it is not complete, or when nothing of it is due."""
    application = desk.application
    if desk.unfinished or not rules.obstacles_without_certification(application, desk.fingerprint):
        return None
    if permissions.can_certify(current_user, application):
        return Certifying(True, [], [])
    signatories = signatories_of(application.organization)
    asking = rules.obstacles_to_asking_to_certify(application, desk.fingerprint, signatories, clock.now())
    return Certifying(False, signatories, asking)


@bp.route("/applications/<reference>/certify", methods=["GET", "POST"])
@access(SIGNED_IN)
def certify(reference: str) -> ResponseReturnValue:
    """The whole application on one page, as it would be sent in. Who may sign certifies it, and sends it in if they wish."""
    desk, form = _desk_to_write(reference), CertifyForm()
    application = desk.application
    if form.is_submitted():
        require(permissions.can_certify(current_user, application))
        if form.validate():
            return _certify(application, form.read.data)
    elif application.entered_by_id or (application.state != ApplicationState.DRAFT and not application.reopened):
        return redirect(url_for(".read", reference=reference))
    form.read.data = desk.fingerprint
    page = render_template(
        "applications/certify.html",
        application=application,
        call=application.call,
        desk=desk,
        form=form,
        declaration=rules.DECLARATION,
        certifying=_certifying(desk),
        missing=rules.in_short(desk.unfinished, desk.definition, reference),
        definition=desk.definition,
        answers=desk.answers,
        shown_sections=rules.visible_sections(desk.definition, Audience.APPLICANT),
        attachments=desk.attachments,
        audience=Audience.APPLICANT,
        may_submit=permissions.can_submit(current_user, application),
        waiting=desk.waiting,
    )
    return page, 422 if form.is_submitted() else 200


def _certify(application: Application, read: str) -> ResponseReturnValue:
    """Certify what was read; with the other button send it in as well."""
    if "send" in request.form:
        return _received(actions.submit(application, by=current_user, read=read))
    actions.certify(application, read, by=current_user)
    back = "checks.clarifications" if application.reopened else ".show"
    return done(_("Thank you. The application is certified."), back, reference=application.reference)


@bp.post("/applications/<reference>/certify/ask")
@access(SIGNED_IN)
def ask_to_certify(reference: str) -> ResponseReturnValue:
    """Write to everybody who may sign for the organization: please read it and certify it."""
    application = _found(reference)
    require(permissions.can_ask_to_certify(current_user, application))
    asked = actions.ask_to_certify(application, by=current_user)
    names = ", ".join(person.name for person in asked)
    return done(_("We have written to %(names)s.", names=names), ".certify", reference=reference)


@bp.post("/applications/<reference>/resume")
@access(SIGNED_IN)
def resume(reference: str) -> ResponseReturnValue:
    """Take a withdrawn application up again, as a draft with all its answers, until the call closes."""
    application = _found(reference)
    require(permissions.can_withdraw(current_user, application))
    actions.resume(application, by=current_user)
    return done(
        _("It is a draft again, with all you wrote. Please send it in before the deadline."),
        ".show",
        reference=reference,
    )


@bp.post("/calls/<reference>/enquiries/publish")
@access(*COORDINATORS)
def publish_answers(reference: str) -> ResponseReturnValue:
    """Publish the answers about a call that are ready, at one moment."""
    call = found(call_by_reference(scope(current_user, Call), reference))
    require(can_answer(current_user, call))
    number = actions.publish_answers(call, by=current_user)
    told = ngettext("%(num)s answer is published.", "%(num)s answers are published.", number)
    return done(told, "enquiries.of_call", reference=reference)


@bp.get("/applications/<reference>/receipt")
@bp.get("/applications/<reference>/receipts/<receipt_number>")
@access(SIGNED_IN)
def receipt(reference: str, receipt_number: str | None = None) -> ResponseReturnValue:
    """The proof that the application was received, and when: the latest, or an earlier one by its number."""
    application = _found(reference)
    proof = found(queries.receipt_with_content(application, receipt_number))
    return render_template(
        "applications/receipt.html",
        application=application,
        call=application.call,
        receipt=proof,
        steps=steps_of(application),
        attached=queries.labelled(proof, application),
        others=[other for other in queries.receipts_of(application) if other.id != proof.id],
        is_member=permissions.can_write(current_user, application),
    )


@bp.get("/applications/<reference>/receipt.pdf")
@bp.get("/applications/<reference>/receipts/<receipt_number>.pdf")
@access(SIGNED_IN)
def receipt_pdf(reference: str, receipt_number: str | None = None) -> ResponseReturnValue:
    """The receipt as a document, in the language of the reader."""
    application = _found(reference)
    proof = found(queries.receipt_with_content(application, receipt_number))
    values = rules.receipt_in_words(proof, application, queries.labelled(proof, application))
    return _document(f"{proof.number}.pdf", language_now(), values)


@bp.get("/applications/<reference>/copy.pdf")
@access(SIGNED_IN)
def copy(reference: str) -> ResponseReturnValue:
    """A copy of all answers as a document, in the language of the application."""
    desk = _desk(reference)
    audience = _audience(desk.application)
    _show_as_received(desk, audience)
    with speaking(desk.application.language):
        values = rules.copy_in_words(desk.application, desk.definition, desk.answers, desk.attachments, audience)
        return _document(f"{reference}.pdf", language_now(), values)


def _document(name: str, language: str, values: dict[str, Any]) -> Response:
    return files.download(pdf.render("document", language=language, **values), name)


# ------------------------------------------------------------------ reading


def _audience(application: Application) -> Audience:
    return Audience.APPLICANT if permissions.can_write(current_user, application) else Audience.STAFF


def _show_as_received(desk: Desk, audience: Audience) -> None:
    """Readers of the fund see nothing of what an applicant writes before it is handed in."""
    receipt = queries.receipt_with_content(desk.application) if desk.application.reopened else None
    if receipt is not None and audience != Audience.APPLICANT:
        desk.as_received(receipt)


@bp.get("/applications/<reference>/read")
@access(SIGNED_IN)
def read(reference: str) -> ResponseReturnValue:
    """The whole application as it was sent in."""
    desk = _desk(reference)
    application = desk.application
    require(permissions.can_read(current_user, application))
    audience = _audience(application)
    _show_as_received(desk, audience)
    return render_template(
        "applications/read.html",
        application=application,
        call=application.call,
        definition=desk.definition,
        answers=desk.answers,
        shown_sections=rules.visible_sections(desk.definition, audience),
        attachments=rules.visible_attachments(desk.attachments, audience),
        audience=audience,
        certified=desk.is_certified,
        waiting=desk.waiting if audience == Audience.APPLICANT else [],
        steps=steps_of(application),
        told=timeline(
            [("application", application.id)], names=not permissions.can_write(current_user, application), limit=30
        ),
    )


# ------------------------------------------------------------------ the applications of a call


@bp.get("/calls/<reference>/applications")
@access(*COORDINATORS, Role.AUDITOR)
def of_call(reference: str) -> ResponseReturnValue:
    """The applications to a call that were sent in from the regions of the reader."""
    call = found(call_to_read(scope(current_user, Call), reference))
    names = names_of(call)
    words = Words(
        states={state.value: state.label for state in ApplicationState},
        regions={key: pick(label) for key, label in names.regions.items()},
        lots={key: pick(title) for key, title in names.lots.items()},
    )
    wanted = Wanted.asked()
    listed = queries.applications_of_call(
        scope(current_user, Application),
        call,
        state=wanted.state,
        region=wanted.region,
        lot=wanted.lot,
        sort=wanted.key,
        descending=wanted.descending,
        page=wanted.page,
    )
    return render_template(
        "applications/of_call.html",
        call=call,
        listed=listed,
        wanted=wanted,
        rows=_rows(listed.rows, words, call.timezone),
        states=ApplicationState,
        filters=_filters(words, listed, wanted),
        pagination=Pagination(listed.page, listed.pages, listed.total, lambda page: wanted.url(page=page)),
    )


class Words(NamedTuple):
    """What the states, regions and lots of a list are called, by their keys."""

    states: dict[str, Any]
    regions: dict[str, str]
    lots: dict[str, str]


class Row(NamedTuple):
    """An application in the list of a call, in words."""

    reference: str
    title: str
    url: str
    organization: str
    country: str
    confidential: bool
    entered: bool
    state: str
    check_url: str | None
    region: str
    lot: str
    sent: str
    asked: str


def _rows(found: list[Any], words: Words, zone: str) -> list[Row]:
    """The applications of one page of a list, in words."""
    to_read, to_check, language = addresses("applications.read"), addresses("checks.check"), language_now()
    rows = []
    for (
        reference,
        title,
        state,
        region,
        lot,
        minor,
        currency,
        sent_at,
        confidentiality,
        typist,
        organization,
        country,
    ) in found:
        rows.append(
            Row(
                reference=reference,
                title=title or reference,
                url=to_read(reference),
                organization=organization,
                country=country_name(country, language),
                confidential=confidentiality != Confidentiality.PUBLIC,
                entered=typist is not None,
                state=state,
                check_url=to_check(reference) if state == ApplicationState.SUBMITTED else None,
                region=words.regions.get(region, "–"),
                lot=words.lots.get(lot, ""),
                sent=day(sent_at, zone),
                asked=Money(minor, currency).shown(language),
            )
        )
    return rows


@dataclass(frozen=True)
class Pagination:
    """Which page of how many, and the address of each."""

    page: int
    pages: int
    total: int
    url_for: Callable[[int], str]


@dataclass(frozen=True)
class Wanted:
    """What a reader asked a list for; every choice is part of the address, so that it can be shared."""

    reference: str
    state: str | None
    region: str | None
    lot: str | None
    key: str
    descending: bool
    page: int

    @classmethod
    def asked(cls) -> Wanted:
        """What the address of this request asks for; what is unknown counts as not asked."""
        asked = request.args
        state, key = asked.get("state"), asked.get("sort", "reference")
        return cls(
            reference=(request.view_args or {})["reference"],
            state=state if state in list(ApplicationState) else None,
            region=asked.get("region") or None,
            lot=asked.get("lot") or None,
            key=key if key in queries.SORTS else "reference",
            descending=asked.get("order") == "down",
            page=asked.get("page", 1, type=int),
        )

    def url(self, **changes: Any) -> str:
        """The address of the list with some choices changed; a changed filter starts at the first page."""
        choices: dict[str, Any] = {"state": self.state, "region": self.region, "lot": self.lot, "sort": self.key}
        choices |= {"order": "down" if self.descending else None, "page": None} | changes
        choices = {name: value for name, value in choices.items() if value not in (None, "", 1)}
        if choices.get("sort") == "reference":
            choices.pop("sort")
        return url_for(".of_call", reference=self.reference, **choices)

    def url_for(self, key: str) -> str:
        """The address of the list sorted by a column; the same column again turns the order round."""
        turned = key == self.key and not self.descending
        return self.url(sort=key, order="down" if turned else None)


def _filters(words: Words, listed: queries.Found, wanted: Wanted) -> list[dict[str, Any]]:
    """The groups of links above the list, each with the number it would show alone."""
    columns = (
        (_("Where it stands"), "state", 0, words.states),
        (_("Region"), "region", 1, words.regions),
        (_("Lot"), "lot", 2, words.lots),
    )
    groups = []
    for label, name, position, known in columns:
        numbers: dict[Any, int] = {}
        for row in listed.counts:
            numbers[row[position]] = numbers.get(row[position], 0) + row[3]
        current = getattr(wanted, name)
        links = [{"label": _("All"), "url": wanted.url(**{name: None}), "current": current is None}]
        links += [
            {"label": known[key], "url": wanted.url(**{name: key}), "current": current == key, "count": numbers[key]}
            for key in known
            if key in numbers
        ]
        if len(links) > 2:
            groups.append({"label": label, "links": links})
    return groups
