"""Finding applications, their answers and documents; lists cost the same number of queries whatever their length."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Integer,
    ScalarSelect,
    Select,
    Text,
    bindparam,
    func,
    literal_column,
    null,
    select,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import aliased, contains_eager, joinedload, load_only, undefer
from sqlalchemy.orm.attributes import set_committed_value

from grants.accounts.models import Membership, Organization, Person
from grants.accounts.queries import same_organization_as
from grants.applications.models import Application, Attachment, ChangesRead, Receipt
from grants.applications.workflow import ApplicationState
from grants.calls.models import Call, DocumentAsked, EligibilityRule, Lot
from grants.calls.queries import once_published
from grants.core.db import Prepared, columns_of, db, in_session, packed, prepared_once, renewed, to_read, unpacked
from grants.core.files import Scan, StoredFile
from grants.history.models import HistoryEntry
from grants.questionnaires.models import AnswerSetAside, AnswerSheet, SectionAnswers
from grants.questionnaires.queries import COLUMNS_SET_ASIDE, SetAside

PAGE_SIZE = 50

SORTS: dict[str, Any] = {
    "reference": Application.reference,
    "title": func.lower(Application.title),
    "requested": Application.requested_minor,
    "submitted": Application.submitted_at,
}
"""What a list of applications can be sorted by."""


def application_by_reference(seen: Select[Any], reference: str) -> Application | None:
    """One application among those a person may see, with its call and organization."""
    application: Application | None = db.session.scalar(_by_reference(seen), {"reference": reference})
    return application


@lru_cache(maxsize=512)
def _by_reference(seen: Select[Any]) -> Select[Any]:
    return seen.where(Application.reference == bindparam("reference")).options(
        joinedload(Application.call), joinedload(Application.organization), joinedload(Application.answer_sheet)
    )


# ------------------------------------------------------------------ an application with all that its pages show


class Saved(NamedTuple):
    """A saved section of an application: its answers by question, and who saved it when."""

    values: dict[str, Any]
    version: int
    complete: bool
    saved_at: datetime
    saved_by_id: int | None
    saved_by: str | None


class File(NamedTuple):
    """What a page tells about a stored file."""

    id: int
    name: str
    size: int
    sha256: str
    scan: str

    @property
    def scan_state(self) -> Scan:
        """What the look for viruses says of it."""
        return Scan(self.scan)


class Paper(NamedTuple):
    """An attachment as pages show it, to be read only."""

    id: int
    document_id: int
    document: DocumentAsked
    file_id: int | None
    file: File | None
    withheld_reason: str | None
    attached_at: datetime


Attached = Attachment | Paper
"""What is attached or withheld, whether it belongs to the session or is only read."""


class Proof(NamedTuple):
    """What a page tells about a receipt."""

    number: str
    submitted_at: datetime


@dataclass(frozen=True)
class Opened:
    """An application with everything its pages show, to be read only: none of it belongs to the session.

    The receipts come the latest first; what was set aside after a correction, in the order in which it was.
    ``changes_read`` is by section the version of the questions up to which the reader has read what was corrected.
    """

    application: Application
    saved: dict[str, Saved]
    attachments: list[Paper]
    receipts: list[Proof]
    set_aside: list[SetAside]
    changes_read: dict[str, int]


def opened(seen: Select[Any], reference: str, reader: Person) -> Opened | None:
    """One application among those a person may see, with its call, organization, answers and files, in one query.

    The documents asked are read once a process for a published call.
    """
    rows = _opening(seen)(reference=reference, reader=reader.id)
    if not rows:
        return None
    application, call, organization, certifier, sections, papers, receipts, set_aside, changes_read = rows[0]
    application, call = unpacked(Application, application), unpacked(Call, call)
    certified_by = to_read(Person, {"name": certifier}) if certifier else None
    application.__dict__.update(call=call, organization=unpacked(Organization, organization), certified_by=certified_by)
    saved = {
        key: Saved(values, version, complete, datetime.fromisoformat(saved_at), by_id, by)
        for key, (values, version, complete, saved_at, by_id, by) in (sections or {}).items()
    }
    documents = {document.id: document for document in documents_of(call)}
    return Opened(
        application,
        saved,
        [_paper(paper, documents) for paper in papers or ()],
        [Proof(number, datetime.fromisoformat(at)) for number, at in receipts or ()],
        [SetAside(*row) for row in set_aside or ()],
        changes_read or {},
    )


def to_write(opened: Opened) -> Opened:
    """The same with its application, call, organization and sheet of answers in the session, to be changed."""
    read = opened.application
    call, organization = in_session(read.call), in_session(read.organization)
    for name in ("call", "organization", "certified_by"):
        read.__dict__.pop(name)
    application = renewed(read)
    sheet = to_read(AnswerSheet, {"id": read.answer_sheet_id, "questionnaire_id": read.questionnaire_id})
    set_committed_value(application, "call", call)
    set_committed_value(application, "organization", organization)
    set_committed_value(application, "answer_sheet", in_session(sheet))
    return replace(opened, application=application)


class HandedIn(NamedTuple):
    """What a submission is judged by: the answers, which sections are complete, what is attached or withheld, the time by
    the judging clock, and how many receipts were given before.
    """

    answers: dict[str, Any]
    complete: set[str]
    attachments: list[Paper]
    at: datetime
    receipts: int


def handed_in(application: Application) -> HandedIn:
    """The answers and attachments of an application as they stand now, to be read only, in one query."""
    sections, papers, at, receipts = _HANDED_IN(application=application.id)[0]
    documents = {document.id: document for document in documents_of(application.call)}
    answers = {key: value for _section, values, _complete in sections or () for key, value in values.items()}
    finished = {section for section, _values, complete in sections or () if complete}
    return HandedIn(answers, finished, [_paper(paper, documents) for paper in papers or ()], at, receipts)


@prepared_once
def _opening(seen: Select[Any]) -> Prepared:
    answers, of_sheet = SectionAnswers, SectionAnswers.answer_sheet_id == Application.answer_sheet_id
    section = func.json_build_array(
        answers.values, answers.version, answers.complete, answers.saved_at, answers.saved_by_id, Person.name
    )
    sections = (
        select(func.json_object_agg(answers.section_key, section))
        .select_from(answers)
        .outerjoin(Person, Person.id == answers.saved_by_id)
        .where(of_sheet, answers.version > 0)
        .correlate(Application)
        .scalar_subquery()
    )
    receipt = func.json_build_array(Receipt.number, Receipt.submitted_at)
    receipts = (
        select(func.json_agg(aggregate_order_by(receipt, Receipt.id.desc())))
        .where(Receipt.application_id == Application.id)
        .correlate(Application)
        .scalar_subquery()
    )
    aside = func.json_build_array(*COLUMNS_SET_ASIDE)
    set_aside = (
        select(func.json_agg(aggregate_order_by(aside, AnswerSetAside.id)))
        .where(AnswerSetAside.answer_sheet_id == Application.answer_sheet_id)
        .correlate(Application)
        .scalar_subquery()
    )
    known = ChangesRead.application_id == Application.id, ChangesRead.person_id == bindparam("reader", None, BigInteger)
    changes_read = (
        select(func.json_object_agg(ChangesRead.section_key, ChangesRead.questionnaire_id))
        .where(*known)
        .correlate(Application)
        .scalar_subquery()
    )
    certifier = aliased(Person)
    certified_by = select(certifier.name).where(certifier.id == Application.certified_by_id).scalar_subquery()
    rows = [packed(model) for model in (Application, Call, Organization)]
    return Prepared(
        lambda: (
            seen.where(Application.reference == bindparam("reference", None, Text))
            .join(Call, Call.id == Application.call_id)
            .join(Organization, Organization.id == Application.organization_id)
            .with_only_columns(*rows, certified_by, sections, _papers(), receipts, set_aside, changes_read)
        )
    )


def _papers() -> ScalarSelect[Any]:
    """What is attached to an application or withheld, as one JSON value."""
    paper = func.json_build_array(
        Attachment.id,
        Attachment.document_id,
        Attachment.withheld_reason,
        Attachment.attached_at,
        StoredFile.id,
        StoredFile.name,
        StoredFile.size,
        StoredFile.sha256,
        StoredFile.scan,
    )
    return (
        select(func.json_agg(aggregate_order_by(paper, DocumentAsked.position, Attachment.id)))
        .select_from(Attachment)
        .join(DocumentAsked, DocumentAsked.id == Attachment.document_id)
        .outerjoin(StoredFile, StoredFile.id == Attachment.file_id)
        .where(Attachment.application_id == Application.id, DocumentAsked.stage == "application")
        .correlate(Application)
        .scalar_subquery()
    )


def _answers() -> ScalarSelect[Any]:
    """The answers of an application as one JSON value, section by section, with whether each is complete."""
    section = func.json_build_array(SectionAnswers.section_key, SectionAnswers.values, SectionAnswers.complete)
    return (
        select(func.json_agg(aggregate_order_by(section, SectionAnswers.id)))
        .where(SectionAnswers.answer_sheet_id == Application.answer_sheet_id)
        .correlate(Application)
        .scalar_subquery()
    )


def _number_of_receipts() -> ScalarSelect[int]:
    given = select(func.count(Receipt.id)).where(Receipt.application_id == Application.id)
    return given.correlate(Application).scalar_subquery()


_HANDED_IN = Prepared(
    lambda: select(_answers(), _papers(), func.app_now(), _number_of_receipts()).where(
        Application.id == bindparam("application", None, BigInteger)
    )
)


def hold(application: Application) -> None:
    """Lock an application until the transaction ends, and see where it stands now, which questions it answers, and what
    was certified.
    """
    (found,) = _HELD(application=application.id)
    for name, value in zip(HELD, found, strict=True):
        set_committed_value(application, name, value)
    set_committed_value(application.answer_sheet, "questionnaire_id", application.questionnaire_id)


HELD = (
    "state",
    "submitted_at",
    "questionnaire_id",
    "reopened",
    "certified_at",
    "certified_by_id",
    "certified_hash",
    "certification_asked_at",
)


_HELD = Prepared(
    lambda: (
        select(*(getattr(Application, name) for name in HELD))
        .where(Application.id == bindparam("application", None, BigInteger))
        .with_for_update()
    )
)


def hold_call(call: Call) -> None:
    """Let nobody change a call until the transaction ends, and see its state, dates and questions as they are now."""
    (found,) = _CALL_HELD(call=call.id)
    for name, value in zip(HELD_OF_CALL, found, strict=True):
        set_committed_value(call, name, value)


HELD_OF_CALL = ("state", "opens_at", "closes_at", "edition", "questionnaire_id")


_CALL_HELD = Prepared(
    lambda: (
        select(*(getattr(Call, name) for name in HELD_OF_CALL))
        .where(Call.id == bindparam("call", None, BigInteger))
        .with_for_update(read=True)
    )
)


def saved_in(application: Application) -> dict[str, Saved]:
    """The sections of an application that were saved, by their key."""
    return {row[0]: Saved(*row[1:]) for row in _SAVED(sheet=application.answer_sheet_id)}


_SAVED = Prepared(
    lambda: (
        select(
            SectionAnswers.section_key,
            SectionAnswers.values,
            SectionAnswers.version,
            SectionAnswers.complete,
            SectionAnswers.saved_at,
            SectionAnswers.saved_by_id,
            Person.name,
        )
        .outerjoin(Person, Person.id == SectionAnswers.saved_by_id)
        .where(SectionAnswers.answer_sheet_id == bindparam("sheet", None, BigInteger), SectionAnswers.version > 0)
        .order_by(SectionAnswers.id)
    )
)


def _paper(values: list[Any], documents: Mapping[int, DocumentAsked]) -> Paper:
    id, document_id, withheld_reason, attached_at, *file = values
    kept = File(*file) if file[0] is not None else None
    at = datetime.fromisoformat(attached_at)
    return Paper(id, document_id, documents[document_id], kept and kept.id, kept, withheld_reason, at)


def documents_of(call: Call) -> list[DocumentAsked]:
    """The documents a call asks of applicants, in their order, to be read only.

    Read once a process for a published call, because then they never change.
    """
    return once_published("documents_asked", call, lambda: _documents_of(call.id))


def _documents_of(call_id: int) -> list[DocumentAsked]:
    names = columns_of(DocumentAsked)
    found = select(*(getattr(DocumentAsked, name) for name in names)).where(
        DocumentAsked.call_id == call_id, DocumentAsked.stage == "application"
    )
    rows = db.session.execute(found.order_by(DocumentAsked.position))
    return [to_read(DocumentAsked, dict(row._mapping)) for row in rows]


# ------------------------------------------------------------------ finding applications


def live_application(call_id: int, organization_id: int) -> Application | None:
    """The application of an organization to a call that was not withdrawn, from whichever of its accounts."""
    found = select(Application).where(
        Application.call_id == call_id,
        Application.organization_id.in_(same_organization_as(organization_id)),
        Application.state != ApplicationState.WITHDRAWN,
    )
    return db.session.scalar(found.order_by(Application.organization_id != organization_id, Application.id).limit(1))


def applications_to(call: Call, organization_ids: Iterable[int]) -> list[Application]:
    """The live applications of some organizations to a call."""
    found = select(Application).where(
        Application.call_id == call.id,
        Application.organization_id.in_(list(organization_ids)),
        Application.state != ApplicationState.WITHDRAWN,
    )
    return list(db.session.scalars(found))


def applications_of(person: Person) -> list[Application]:
    """The applications of the organizations a person belongs to, newest first."""
    found = (
        select(Application)
        .where(Application.organization_id.in_([m.organization_id for m in person.memberships]))
        .options(
            joinedload(Application.call).load_only(
                Call.reference, Call.title, Call.closes_at, Call.opens_at, Call.timezone, Call.state, Call.currency
            ),
            joinedload(Application.organization).load_only(Organization.name, Organization.reference),
        )
        .order_by(Application.id.desc())
        .limit(200)
    )
    return list(db.session.scalars(found)) if person.memberships else []


@dataclass(frozen=True)
class Found:
    """One page of a list, and how many there are in each state, region and lot."""

    rows: list[Any]
    total: int
    page: int
    counts: list[tuple[str, str | None, str | None, int]]

    @property
    def pages(self) -> int:
        """How many pages the list has."""
        return max(1, -(-self.total // PAGE_SIZE))


def applications_of_call(
    seen: Select[Any],
    call: Call,
    *,
    state: str | None,
    region: str | None,
    lot: str | None,
    sort: str,
    descending: bool,
    page: int,
) -> Found:
    """The applications to a call among those a person may see: one page, and the numbers for the filters.

    Two queries, whatever the length: one that counts, one that reads the page.
    """
    counts = [(str(row[0]), row[1], row[2], int(row[3])) for row in _counting(seen)(call=call.id)]
    wanted = {"state": state, "region": region, "lot_key": lot}
    chosen = (state, region, lot)
    number = sum(row[3] for row in counts if all(w in (None, v) for w, v in zip(chosen, row[:3], strict=True)))
    page = min(max(1, page), max(1, -(-number // PAGE_SIZE)))
    given = {name: value for name, value in wanted.items() if value is not None}
    listing = _listing(seen, tuple(given), sort, descending)
    return Found(list(listing(call=call.id, skip=(page - 1) * PAGE_SIZE, **given)), number, page, counts)


def every_application_of_call(
    seen: Select[Any],
    call: Call,
    *,
    state: str | None,
    region: str | None,
    lot: str | None,
    sort: str,
    descending: bool,
) -> Sequence[Any]:
    """The applications to a call as the list shows them, all of them."""
    wanted = {"state": state, "region": region, "lot_key": lot}
    given = {name: value for name, value in wanted.items() if value is not None}
    return _listing(seen, tuple(given), sort, descending, whole=True)(call=call.id, skip=0, **given)


@prepared_once
def _counting(seen: Select[Any]) -> Prepared:
    keys = (Application.state, Application.region, Application.lot_key)
    return Prepared(
        lambda: (
            seen.where(Application.call_id == bindparam("call", None, BigInteger))
            .with_only_columns(*keys, func.count())
            .group_by(*keys)
        )
    )


@prepared_once
def _listing(
    seen: Select[Any], given: tuple[str, ...], sort: str, descending: bool, *, whole: bool = False
) -> Prepared:
    # The planner is told how long a page is; otherwise it sorts the whole list.
    most = null() if whole else literal_column(str(PAGE_SIZE))
    order = SORTS[sort].desc() if descending else SORTS[sort].asc()
    chosen = [getattr(Application, name) == bindparam(name, None, Text) for name in given]
    return Prepared(
        lambda: (
            seen.where(Application.call_id == bindparam("call", None, BigInteger), *chosen)
            .join(Organization, Organization.id == Application.organization_id)
            .with_only_columns(
                Application.reference,
                Application.title,
                Application.state,
                Application.region,
                Application.lot_key,
                Application.requested_minor,
                Application.currency,
                Application.submitted_at,
                Application.confidentiality,
                Application.entered_by_id,
                Organization.name.label("organization"),
                Organization.country.label("country"),
            )
            .order_by(order.nulls_last(), Application.id)
            .limit(most)
            .offset(bindparam("skip", None, Integer))
        )
    )


class Terms(NamedTuple):
    """What a published call never changes, and a submission is judged by: rules (check, what follows) and lots."""

    rules: tuple[tuple[str, str], ...]
    plan_points: Mapping[str, list[int]]


def terms_of(call: Call) -> Terms:
    """The terms of a call; read once a process when it is published, because then they never change."""
    return once_published("terms", call, lambda: _terms_of(call.id))


def _terms_of(call_id: int) -> Terms:
    rules = db.session.execute(
        select(EligibilityRule.check, EligibilityRule.on_fail).where(EligibilityRule.call_id == call_id)
    )
    lots = db.session.execute(select(Lot.key, Lot.plan_points).where(Lot.call_id == call_id))
    return Terms(tuple((row[0], row[1]) for row in rules), {row[0]: row[1] for row in lots})


def document_asked(call: Call, key: str) -> DocumentAsked | None:
    """One document that a call asks for, by its key."""
    return db.session.scalar(select(DocumentAsked).where(DocumentAsked.call_id == call.id, DocumentAsked.key == key))


def attachments_of(application: Application) -> list[Attachment]:
    """What is attached to an application or withheld, in the order of the documents asked."""
    found = (
        select(Attachment)
        .where(Attachment.application_id == application.id)
        .join(Attachment.document)
        .options(contains_eager(Attachment.document), joinedload(Attachment.file))
        .order_by(DocumentAsked.position, Attachment.id)
        .execution_options(populate_existing=True)
    )
    return list(db.session.scalars(found))


def attachment_by_id(seen: Select[Any], reference: str, attachment_id: int) -> Attachment | None:
    """One attachment of one application, among those a person may see."""
    found = seen.where(Application.reference == reference, Attachment.id == attachment_id).options(
        contains_eager(Attachment.application), joinedload(Attachment.file), joinedload(Attachment.document)
    )
    attachment: Attachment | None = db.session.scalar(found)
    return attachment


def receipt_of(application: Application) -> Receipt | None:
    """The latest receipt of an application, without its content."""
    return db.session.scalar(_receipts_of(application).limit(1))


def receipts_of(application: Application) -> list[Receipt]:
    """Every receipt that was given for an application, the latest first, without their contents."""
    return list(db.session.scalars(_receipts_of(application)))


def _receipts_of(application: Application) -> Select[Receipt]:
    found = select(Receipt).where(Receipt.application_id == application.id).order_by(Receipt.id.desc())
    return found.options(joinedload(Receipt.submitted_by), joinedload(Receipt.certified_by))


def receipt_with_content(application: Application, number: str | None = None) -> Receipt | None:
    """One receipt of an application, else the latest, with everything that was received."""
    found = _receipts_of(application).options(undefer(Receipt.content)).limit(1)
    return db.session.scalar(found if number is None else found.where(Receipt.number == number))


def receipt_by_number(number: str) -> Receipt | None:
    """A receipt with everything that was received, and the application it was given for."""
    application = joinedload(Receipt.application)
    return db.session.scalar(
        select(Receipt)
        .where(Receipt.number == number)
        .options(
            undefer(Receipt.content),
            joinedload(Receipt.submitted_by),
            joinedload(Receipt.certified_by),
            application.joinedload(Application.call),
            application.joinedload(Application.organization),
        )
    )


def labelled(receipt: Receipt, application: Application) -> list[dict[str, Any]]:
    """The documents that a receipt names, each with what the call calls it."""
    labels = {document.key: document.label for document in documents_of(application.call)}
    return [attached | {"label": labels.get(attached["document"], {})} for attached in receipt.content["attachments"]]


def papers_received(receipt: Receipt, application: Application) -> list[Paper]:
    """The documents that a receipt was given for, whatever became of them since."""
    asked = {document.key: document for document in documents_of(application.call)}
    papers = []
    for attached in receipt.content["attachments"]:
        document, is_there = asked.get(attached["document"]), "sha256" in attached
        if document is None:
            continue
        held = (attached["file"], attached["name"], attached["size"], attached["sha256"]) if is_there else None
        file = File(*held, Scan.CLEAN) if held else None
        reason = attached.get("withheld")
        papers.append(Paper(0, document.id, document, file and file.id, file, reason, receipt.submitted_at))
    return papers


def number_of_receipts(application: Application) -> int:
    """How often an application was sent in."""
    return db.session.scalar(select(func.count(Receipt.id)).where(Receipt.application_id == application.id)) or 0


def was_received(application: Application, stored: StoredFile) -> bool:
    """Whether a receipt of an application names this file; then it is kept, whatever becomes of the attachment."""
    named = Receipt.content.contains({"attachments": [{"file": stored.id}]})
    found = select(Receipt.id).where(Receipt.application_id == application.id, named).limit(1)
    return db.session.scalar(found) is not None


def state_before(application: Application, verb: str) -> str | None:
    """The state from which an application was last moved by a verb."""
    found = select(HistoryEntry.from_state).where(
        HistoryEntry.subject_kind == "application", HistoryEntry.subject_id == application.id, HistoryEntry.verb == verb
    )
    return db.session.scalar(found.order_by(HistoryEntry.id.desc()).limit(1))


def next_application_reference() -> str:
    """A reference that no other application has, such as APP-00013."""
    number = db.session.scalar(select(func.nextval(func.pg_get_serial_sequence("application", "id"))))
    return f"APP-{number:05d}"


def server_time() -> datetime:
    """The moment it is by the clock that judges deadlines."""
    moment: datetime = db.session.execute(select(func.app_now())).scalar_one()
    return moment


def people_drafting(call: Call) -> list[Person]:
    """The members of the organizations that have a draft for a call."""
    drafting = select(Application.organization_id).where(
        Application.call_id == call.id, Application.state == ApplicationState.DRAFT
    )
    members = select(Membership.person_id).where(
        Membership.organization_id.in_(drafting), Membership.ended_at.is_(None)
    )
    columns = load_only(Person.name, Person.email, Person.language, Person.timezone)
    return list(
        db.session.scalars(
            select(Person).where(Person.id.in_(members), Person.active).options(columns).order_by(Person.id)
        )
    )


def people_of(application: Application) -> list[Person]:
    """The members of the applicant organization, as far as mails to them need it."""
    rows = _PEOPLE(organization=application.organization_id)
    return [in_session(to_read(Person, dict(zip(ADDRESSED, row, strict=True)))) for row in rows]


ADDRESSED = ("id", "name", "email", "language", "timezone")
"""What a mail needs to know of a person."""

_PEOPLE = Prepared(
    lambda: (
        select(*(getattr(Person, name) for name in ADDRESSED))
        .join(Membership, Membership.person_id == Person.id)
        .where(
            Membership.organization_id == bindparam("organization", None, BigInteger),
            Membership.ended_at.is_(None),
            Person.active,
        )
        .order_by(Membership.id)
    )
)
