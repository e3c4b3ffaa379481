"""What is done with an application: begun, written, attached to, sent in, withdrawn."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm.attributes import set_committed_value

from grants.accounts.models import Organization, Person
from grants.accounts.queries import linked_organizations
from grants.applications import mails, queries, rules
from grants.applications.models import Application, Attachment, ChangesRead, Receipt
from grants.applications.workflow import ApplicationState
from grants.budgets.rules import budget_in
from grants.calls.models import Call, DocumentAsked
from grants.calls.workflow import CallState
from grants.conflicts.queries import free_coordinators
from grants.core import clock, files
from grants.core.db import Prepared, db, in_session, to_read
from grants.core.files import StoredFile
from grants.core.mail import post
from grants.core.pictures import joined
from grants.core.revisions import changes_in_section
from grants.core.rules import Obstacle, refuse
from grants.enquiries import actions as enquiries
from grants.history import actions as history
from grants.organizations.queries import signatories_of
from grants.questionnaires import actions as questionnaires
from grants.questionnaires import queries as questionnaire_queries
from grants.questionnaires import rules as questionnaire_rules
from grants.questionnaires.models import SectionAnswers


def start(
    call: Call, organization: Organization, *, language: str, by: Person, reference: str | None = None
) -> Application:
    """Begin an organization's application to a call, in one of the call's languages. Raises Refused.

    An organization has one live application a call; the database keeps that even when two members begin at once.
    """
    queries.hold_call(call)
    linked_organizations(organization, lock=True)
    live = queries.live_application(call.id, organization.id)
    refuse(rules.obstacles_to_starting(call, organization, language, live, clock.now()))
    sheet = questionnaires.new_sheet(call.questionnaire, language=language, by=by)
    application = Application(
        reference=reference or queries.next_application_reference(),
        call=call,
        organization=organization,
        answer_sheet=sheet,
        questionnaire_id=call.questionnaire_id,
        language=language,
        currency=call.currency,
        region=rules.region_in(organization, call),
        started_by_id=by.id,
        confidentiality=organization.confidentiality_default,
    )
    db.session.add(application)
    history.begin(application, "start", by=by)
    return application


def publish_answers(call: Call, *, by: Person) -> int:
    """Publish the answers about a call that are ready; everybody with a draft gets one mail. Says how many. Raises Refused."""
    published = enquiries.publish(call, by=by)
    at = clock.now()
    people = queries.people_drafting(call)
    post(*(mails.call_answers_published(call, len(published), at, person) for person in people))
    return len(published)


def save_section(
    application: Application, section_key: str, values: Mapping[str, Any], *, by: Person, version: int | None
) -> SectionAnswers:
    """Save one section and copy what lists and limits need. Raises Refused, or EditConflict with both texts."""
    queries.hold(application)
    return _save_section(application, section_key, values, by=by, version=version)


def save_page(
    application: Application,
    section_key: str,
    values: Mapping[str, Any],
    *,
    edition: int,
    by: Person,
    version: int,
    read: bool = False,
) -> SectionAnswers | None:
    """Save a section as it was written on a page that showed one version of the questions, ``edition``.

    When they were corrected since, what was typed goes where its question stands now, and what has no place is set
    aside; nothing is given back then. ``read`` says that the person has read what was corrected. Raises as
    :func:`save_section`.
    """
    queries.hold(application)
    if edition != application.questionnaire_id:
        shown, now = (questionnaire_queries.definition_of(n) for n in (edition, application.questionnaire_id))
        if changes_in_section(shown, now, section_key):
            refuse(rules.obstacles_to_editing(application, section_key))
            sheet = application.answer_sheet
            questionnaires.save_late(sheet, section_key, values, shown=edition, by=by, version=version)
            copy_facts(application, answers_in(application))
            return None
    if read:
        _have_read_changes(application, section_key, by)
    return _save_section(application, section_key, values, by=by, version=version)


def _have_read_changes(application: Application, section_key: str, by: Person) -> None:
    """Remember up to which version of the questions a person knows what was corrected in a section."""
    known = insert(ChangesRead).values(
        application_id=application.id,
        person_id=by.id,
        section_key=section_key,
        questionnaire_id=application.questionnaire_id,
    )
    who = ["application_id", "person_id", "section_key"]
    now = {"questionnaire_id": application.questionnaire_id}
    db.session.execute(known.on_conflict_do_update(index_elements=who, set_=now))


def _save_section(
    application: Application, section_key: str, values: Mapping[str, Any], *, by: Person, version: int | None
) -> SectionAnswers:
    refuse(rules.obstacles_to_editing(application, section_key))
    sheet = application.answer_sheet
    rows = questionnaire_queries.locked_sections(sheet.id)
    saved = questionnaires.save_section(sheet, section_key, values, by=by, version=version, rows=rows)
    copy_facts(application, questionnaire_rules.answers_in(rows.values()))
    return saved


def copy_facts(application: Application, answers: Mapping[str, Any]) -> None:
    """Repeat in columns what the answers say about title, lot, amounts, countries, dates and confidentiality."""
    at_least = application.organization.confidentiality_default
    for name, value in rules.facts_in(answers, application.currency, at_least).items():
        if getattr(application, name) != value:
            setattr(application, name, value)
    if application.region is None:
        application.region = rules.region_in(application.organization, application.call)
    db.session.flush()


def attach(application: Application, document: DocumentAsked, name: str, content: bytes, *, by: Person) -> Attachment:
    """Add a file for a document the call asks for. Raises Refused for a file that cannot be taken.

    A reason for withholding that document is taken back; the same file sent twice is kept once.
    """
    queries.hold(application)
    present = queries.attachments_of(application)
    refuse(rules.obstacles_to_attaching(document, application, present))
    stored = files.keep(name, content, document.formats, rules.largest(document))
    attachment = _attached(application, document, present, stored, by)
    if attachment.file is not stored:
        files.forget(stored)
    return attachment


def attach_photographs(
    application: Application, document: DocumentAsked, photographs: Sequence[tuple[str, bytes]], *, by: Person
) -> Attachment:
    """Add photographs of the pages of one document as one PDF, in their order, named like the first. Raises Refused."""
    refuse(rules.obstacles_to_joining(document, len(photographs)))
    name = f"{photographs[0][0].rpartition('.')[0] or document.key}.pdf"
    return attach(application, document, name, joined([content for _name, content in photographs]), by=by)


def attach_kept(application: Application, document: DocumentAsked, stored: StoredFile, *, by: Person) -> Attachment:
    """Give a file that the organization keeps for a document the call asks for, without sending it again. Raises Refused.

    The application holds a copy of its own: what the organization later replaces or removes stays as it was handed in.
    """
    queries.hold(application)
    present = queries.attachments_of(application)
    refuse(rules.obstacles_to_attaching(document, application, present) + rules.obstacles_to_giving(document, stored))
    twin = files.copy(stored)
    attachment = _attached(application, document, present, twin, by)
    if attachment.file is not twin:
        files.forget(twin)
    return attachment


def _attached(
    application: Application, document: DocumentAsked, present: Sequence[Attachment], stored: StoredFile, by: Person
) -> Attachment:
    """The attachment of a file: the one that holds it already, or a new one in the place of a reason for withholding."""
    for other in present:
        if other.document_id == document.id and other.file is not None and other.file.sha256 == stored.sha256:
            return other
        if other.document_id == document.id and other.file is None:
            db.session.delete(other)
    attachment = Attachment(application_id=application.id, document=document, file=stored, attached_by_id=by.id)
    db.session.add(attachment)
    history.note("application", application.id, "attach", by=by, document=document.key, sha256=stored.sha256)
    return attachment


def withhold(application: Application, document: DocumentAsked, reason: str, *, by: Person) -> Attachment:
    """Keep a document back, with the reason that only the staff of the fund reads. Raises Refused."""
    queries.hold(application)
    present = queries.attachments_of(application)
    definition = questionnaire_queries.definition_of(application.questionnaire_id)
    refuse(rules.obstacles_to_withholding(document, application, definition, present, reason))
    kept_back = next((a for a in present if a.document_id == document.id), None)
    if kept_back is None:
        kept_back = Attachment(application_id=application.id, document=document, attached_by_id=by.id)
        db.session.add(kept_back)
    kept_back.withheld_reason = reason.strip()
    history.note("application", application.id, "withhold", by=by, document=document.key)
    return kept_back


def detach(attachment: Attachment, *, by: Person) -> None:
    """Remove a file or a reason for withholding. Raises Refused once the application was sent in."""
    application = attachment.application
    queries.hold(application)
    refuse(rules.obstacles_to_editing(application, rules.part_of(attachment.document)))
    if attachment.file is not None and not queries.was_received(application, attachment.file):
        files.forget(attachment.file)
    history.note("application", application.id, "detach", by=by, document=attachment.document.key)
    db.session.delete(attachment)
    db.session.flush()


def fingerprint_now(application: Application) -> str:
    """The fingerprint of an application as it stands: what a signatory who reads it now certifies."""
    handed_in = queries.handed_in(application)
    return rules.fingerprint(rules.content_of(application, handed_in.answers, handed_in.attachments, None))


def certify(application: Application, read: str, *, by: Person) -> None:
    """A signatory certifies the application; its people are told. Raises Refused with what is missing.

    ``read`` is the fingerprint of what the signatory has read: refused when somebody changed it meanwhile.
    """
    queries.hold(application)
    missing, content, handed_in = _to_be_sent_in(application)
    refuse([] if application.reopened else missing)
    at = handed_in.at
    certification = _certification(application, read, rules.fingerprint(content), at, by)
    if not certification:
        return
    for name, value in certification.items():
        setattr(application, name, value)
    history.note("application", application.id, "certify", by=by, hash=application.certified_hash)
    others = [person for person in queries.people_of(application) if person.id != by.id]
    post(*(mails.application_certified(application, by, at, to=person) for person in others))


def _certification(application: Application, read: str, content_hash: str, at: datetime, by: Person) -> dict[str, Any]:
    """The columns that say who certifies which content and when; none when it is certified already. Raises Refused."""
    may_sign = by.signs_for(application.organization_id)
    refuse(rules.obstacles_to_certifying(application, read, content_hash, may_sign=may_sign))
    if rules.is_certified(application, content_hash):
        return {}
    return {"certified_at": at, "certified_by_id": by.id, "certified_hash": content_hash}


def ask_to_certify(application: Application, *, by: Person) -> list[Person]:
    """Ask everybody who may sign for the organization to read and certify the application, and say who was asked.

    Raises Refused with what is missing, when nobody may sign, or when they were asked within a day.
    """
    queries.hold(application)
    missing, content, handed_in = _to_be_sent_in(application)
    at, signatories = handed_in.at, signatories_of(application.organization)
    refuse([] if application.reopened else missing)
    refuse(rules.obstacles_to_asking_to_certify(application, rules.fingerprint(content), signatories, at))
    application.certification_asked_at = at
    history.note("application", application.id, "ask_certification", by=by)
    post(*(mails.certification_asked(application, by, at, to=person) for person in signatories))
    return signatories


def _to_be_sent_in(application: Application) -> tuple[list[Obstacle], dict[str, Any], queries.HandedIn]:
    """What keeps a draft from being sent in apart from its certification, and all that would be handed in."""
    definition = questionnaire_queries.definition_of(application.questionnaire_id)
    handed_in = queries.handed_in(application)
    answers, attachments = handed_in.answers, handed_in.attachments
    obstacles = rules.obstacles_to_submission(
        application,
        definition,
        answers,
        attachments,
        handed_in.at,
        documents=queries.documents_of(application.call),
        terms=queries.terms_of(application.call),
        sections=[section.key for section in definition.sections if section.key not in handed_in.complete],
    )
    return obstacles, rules.content_of(application, answers, attachments, budget_in(definition, answers)), handed_in


def submit(application: Application, *, by: Person, read: str = "") -> Receipt:
    """Send the application in, and give the receipt. Raises Refused with what is missing, or with both times when late.

    It must be certified as it stands. A signatory who sends it in certifies it in the same act: ``read`` is the
    fingerprint of what they have read. Sent in again (a second click, a repeated request) it gives the same receipt.
    Neither deadline nor questions can change meanwhile: the call is held against changes first. Nobody can write either:
    the application is held too. Then the clock of the database judges once, in the statement that submits.
    """
    call = application.call
    queries.hold_call(call)
    queries.hold(application)
    earlier = queries.receipt_of(application) if application.submitted_at else None
    if earlier is not None:
        return earlier
    missing, content, handed_in = _to_be_sent_in(application)
    refuse(missing)
    content_hash = rules.fingerprint(content)
    certification = _certification(application, read, content_hash, handed_in.at, by) if read else {}
    refuse([] if certification else rules.obstacles_without_certification(application, content_hash))
    if not _send_in_before_the_deadline(application, content_hash, by, certification):
        refuse(rules.obstacles_by_time(call, queries.server_time()))
    if certification:
        history.note("application", application.id, "certify", by=by, hash=content_hash)
    receipt = _receipt(application, content, content_hash, application.submitted_at, by, handed_in.receipts + 1)
    history.record_moved(application, "submit", before=ApplicationState.DRAFT, by=by, hash=content_hash)
    told = {person.id: person for person in [by, *queries.people_of(application)]}
    post(*(mails.application_submitted(receipt, application, to=person) for person in told.values()))
    return receipt


def _receipt(
    application: Application, content: dict[str, Any], content_hash: str, at: datetime | None, by: Person, number: int
) -> Receipt:
    """The receipt for what was handed in at a moment, with whoever certified it; ``number`` counts those of it.

    Whoever calls this holds the application, so that no two receipts get the same number.
    """
    certified = rules.is_certified(application, content_hash)
    written = {
        "number": f"R-{application.reference}-{number}",
        "application_id": application.id,
        "submitted_at": at,
        "submitted_by_id": by.id,
        "content_hash": content_hash,
        "certified_at": application.certified_at if certified else None,
        "certified_by_id": application.certified_by_id if certified else None,
    }
    ((receipt_id,),) = _RECEIVED(**{f"its_{k}": v for k, v in written.items()}, its_content=json.dumps(content))
    receipt = in_session(to_read(Receipt, {"id": receipt_id, "content": content, **written}))
    set_committed_value(receipt, "application", application)
    set_committed_value(receipt, "submitted_by", by)
    return receipt


_RECEIVED = Prepared(
    lambda: (
        insert(Receipt)
        .values({c.name: bindparam(f"its_{c.name}", None, c.type) for c in Receipt.__table__.c if c.name != "id"})
        .returning(Receipt.id)
    )
)


def _send_in_before_the_deadline(
    application: Application, content_hash: str, by: Person, certification: Mapping[str, Any] | None = None
) -> bool:
    """Submit if the call is open at the one moment that the database reads from its clock; whether it was.

    The same statement writes a certification that is given in the same act. The moment is read in a subquery, so that
    what is compared with the deadline is what is stored.
    """
    certified = {name: getattr(application, name) for name in CERTIFIED} | dict(certification or {})
    rows = _SUBMITTED(application=application.id, by=by.id, hash=content_hash, **certified)
    for state, submitted_at in rows:
        sent = {"state": state, "submitted_at": submitted_at, "submitted_by_id": by.id, "content_hash": content_hash}
        for name, value in (sent | certified).items():
            set_committed_value(application, name, value)
    return bool(rows)


CERTIFIED = ("certified_at", "certified_by_id", "certified_hash")
"""The columns of a certification."""

_JUDGED = select(func.app_now().label("moment")).subquery("judged")

_SUBMITTED = Prepared(
    lambda: (
        update(Application)
        .where(
            Application.id == bindparam("application"),
            Application.state == ApplicationState.DRAFT,
            Application.call_id == Call.id,
            Call.state == CallState.PUBLISHED,
            Call.opens_at <= _JUDGED.c.moment,
            _JUDGED.c.moment < Call.closes_at,
        )
        .values(
            state=ApplicationState.SUBMITTED,
            submitted_at=_JUDGED.c.moment,
            submitted_by_id=bindparam("by"),
            content_hash=bindparam("hash"),
            **{name: bindparam(name) for name in CERTIFIED},
        )
        .returning(Application.state, Application.submitted_at)
    )
)


def withdraw(application: Application, reason: str, *, by: Person) -> None:
    """Take the application back, with a reason. The coordinators of its region are told if it had been sent in."""
    refuse(rules.obstacles_to_withdrawing(application))
    open_parts(application, [])
    sent_in = application.submitted_at is not None
    history.record(application, "withdraw", by=by, reason=reason)
    if sent_in:
        coordinators = free_coordinators(application)
        post(*(mails.application_withdrawn(application, reason.strip(), to=person) for person in coordinators))


def resume(application: Application, *, by: Person) -> None:
    """Take a withdrawn application up again until the deadline: a draft with all its answers and documents. Raises Refused.

    What was sent in before keeps its receipt; it counts for nothing until the application is sent in again. It follows
    the corrections of its call again.
    """
    queries.hold_call(application.call)
    queries.hold(application)
    live = queries.live_application(application.call_id, application.organization_id)
    was = queries.state_before(application, "withdraw")
    refuse(rules.obstacles_to_resuming(application, live, was, clock.now()))
    history.record(application, "resume", by=by)
    application.submitted_at = application.submitted_by_id = application.content_hash = None
    follow_correction(application, by=by)
    db.session.flush()
    people = {person.id: person for person in [by, *queries.people_of(application)]}
    occasion = str(queries.number_of_receipts(application))
    post(*(mails.application_resumed(application, to=person, occasion=occasion) for person in people.values()))


def follow_correction(application: Application, *, by: Person) -> None:
    """Let a draft answer the questions of its call as they are now. The call and the application are held by the caller.

    Answers stay with their questions, what no longer fits is set aside, and what is complete is judged again.
    """
    call = application.call
    if application.questionnaire_id == call.questionnaire_id:
        return
    answers = questionnaires.carry_over(application.answer_sheet, call.questionnaire_id)
    application.questionnaire_id = call.questionnaire_id
    application.certified_hash = None  # whoever certified it read other questions
    copy_facts(application, answers)
    history.note("application", application.id, "carry_over", by=by, edition=call.edition)


def open_parts(application: Application, parts: Iterable[str]) -> None:
    """Let some parts of what was sent in be written in again, or none. Why, is recorded by who asks for it downstream."""
    application.reopened = sorted(parts)
    db.session.flush()


def renew_receipt(application: Application, *, by: Person) -> Receipt:
    """Close what was open and give a receipt for the application as it now is. The moment of its submission stays.

    Earlier receipts keep what they were given for.
    """
    queries.hold(application)
    definition = questionnaire_queries.definition_of(application.questionnaire_id)
    handed_in = queries.handed_in(application)
    answers = handed_in.answers
    content = rules.content_of(application, answers, handed_in.attachments, budget_in(definition, answers))
    content_hash = rules.fingerprint(content)
    receipt = _receipt(application, content, content_hash, handed_in.at, by, handed_in.receipts + 1)
    application.content_hash, application.reopened = receipt.content_hash, []
    history.note("application", application.id, "hand_in", by=by, receipt=receipt.number, hash=receipt.content_hash)
    return receipt


def put_back(application: Application, receipt: Receipt, *, by: Person) -> None:
    """Make the open parts of an application what a receipt was given for, and close them.

    What was written meanwhile stays in the history of the sections.
    """
    queries.hold(application)
    application.certified_at, application.certified_by_id = receipt.certified_at, receipt.certified_by_id
    application.certified_hash = receipt.content_hash if receipt.certified_at else None
    sheet = application.answer_sheet
    definition = questionnaire_queries.definition_of(sheet.questionnaire_id)
    received = receipt.content["answers"]
    for section in definition.sections:
        if section.key in application.reopened:
            values = {question.key: received.get(question.key) for question in section.questions}
            questionnaires.save_section(sheet, section.key, values, by=by)
    copy_facts(application, answers_in(application))
    for document in queries.documents_of(application.call):
        if rules.part_of(document) in application.reopened:
            papers = [paper for paper in receipt.content["attachments"] if paper["document"] == document.key]
            _put_back_papers(application, document, papers, by)
    open_parts(application, [])


def _put_back_papers(
    application: Application, document: DocumentAsked, papers: Sequence[Mapping[str, Any]], by: Person
) -> None:
    """The files of a document, or the reason for withholding it, as a receipt names them."""
    wanted = {(paper.get("file"), paper.get("withheld")) for paper in papers}
    present = [a for a in queries.attachments_of(application) if a.document_id == document.id]
    for attachment in present:
        if (attachment.file_id, attachment.withheld_reason) not in wanted:
            if attachment.file is not None:
                files.forget(attachment.file)
            db.session.delete(attachment)
    for file_id, reason in wanted - {(a.file_id, a.withheld_reason) for a in present}:
        db.session.add(
            Attachment(
                application_id=application.id,
                document_id=document.id,
                file_id=file_id,
                withheld_reason=reason,
                attached_by_id=by.id,
            )
        )
    db.session.flush()


def answers_in(application: Application) -> dict[str, Any]:
    """Every answer of an application as it stands in the database now."""
    sheet = application.answer_sheet_id
    return questionnaire_queries.answers_of_sheets([sheet]).get(sheet, {})
