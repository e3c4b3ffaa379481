"""What an application must have before it may be sent in, and who may read what of it."""

from __future__ import annotations

import enum
import hashlib
import json
from calendar import monthrange
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from grants.accounts.models import Confidentiality, Organization, Person, region_of, strictest
from grants.applications.models import Application, Receipt
from grants.applications.queries import Attached, Terms
from grants.applications.workflow import ApplicationState
from grants.budgets import rules as budgets
from grants.calls.models import Call, DocumentAsked
from grants.core.contents import LARGEST, MEGABYTE, kinds_taken
from grants.core.expressions import BadExpression, parse
from grants.core.files import Scan, StoredFile, obstacles_to_opening
from grants.core.languages import LazyWords, _l, _ln, language_now, pick
from grants.core.money import Money
from grants.core.questions import Definition, Question, Section, day_of
from grants.core.rules import Obstacle
from grants.core.templating import day as in_words
from grants.core.templating import moment
from grants.questionnaires.rules import (
    amount_of,
    number_of,
    obstacles_to_completing,
    shown_value,
)

MOST_FILES = 10
"""Files that may be given for one document asked; enough for a register photographed page by page."""

MOST_PAGES = 20
"""Photographs that become one PDF."""


# ------------------------------------------------------------------ answers that lists, limits and scopes need

PROFILE = {
    "org_name": "name",
    "org_acronym": "acronym",
    "org_country": "country",
    "org_legal_form": "legal_form",
    "org_registered": "registered",
    "org_registration_number": "registration_number",
    "org_fiscal_sponsor": "fiscal_sponsor",
    "org_identifier": "identifier",
    "org_founded_on": "founded_on",
    "org_income_last_year": "income_last_year",
    "org_staff_paid": "staff_paid",
    "org_volunteers": "volunteers",
    "org_led_by_migrants": "migrant_led",
    "org_contact_name": "contact_name",
    "org_contact_email": "email",
    "org_contact_phone": "phone",
    "org_legal_representative": "legal_representative",
    "org_previous_grants": "previous_grants",
}
"""Questions that a section with ``prefill_from: organization_profile`` fills from the profile."""


def prefilled(organization: Organization) -> dict[str, Any]:
    """What the organization's profile already answers, as the questionnaire stores answers."""
    return {key: _stored(getattr(organization, name)) for key, name in PROFILE.items()}


def _stored(value: Any) -> Any:
    if isinstance(value, Money):
        return str(value.amount)
    return value.isoformat() if isinstance(value, date) else value


def facts_in(answers: Mapping[str, Any], currency: str, at_least: str = Confidentiality.PUBLIC) -> dict[str, Any]:
    """The columns of an application that repeat its answers; it is as confidential as its organization asks ``at_least``,
    also where the form does not ask.
    """
    confidentiality = answers.get("confidentiality")
    points = [number_of(point) for point in answers.get("plan_points") or []]
    months = number_of(answers.get("duration_months"))
    return {
        "title": str(answers.get("title") or ""),
        "lot_key": answers.get("lot") or None,
        "plan_points": [int(point) for point in points if point is not None],
        "countries": [str(code) for code in answers.get("countries_of_action") or []],
        "partners": _words_in(answers.get("partners")),
        "requested_minor": _minor(answers.get("requested_amount"), currency),
        "total_cost_minor": _minor(answers.get("total_cost"), currency),
        "start_on": day_of(answers.get("start_date")),
        "months": int(months) if months is not None and 0 < months < 1200 else None,
        "confidentiality": strictest(
            at_least, confidentiality if confidentiality in list(Confidentiality) else at_least
        ),
    }


def _words_in(rows: Any) -> list[str]:
    """Everything that was written in the rows of a list: whichever column holds the names, they are among it."""
    cells = (row.values() if isinstance(row, Mapping) else (row,) for row in (rows if isinstance(rows, list) else ()))
    return [word for row in cells for word in row if isinstance(word, str) and word.strip()]


def _minor(answer: Any, currency: str) -> int:
    """An amount of money in minor units; nothing readable, and anything below zero, counts as nothing yet."""
    money = amount_of(answer, currency)
    return max(0, money.minor) if money is not None else 0


def region_in(organization: Organization, call: Call) -> str | None:
    """The region of the call whose envelope and coordinators an organization belongs to, if it can be told."""
    known = [envelope.region for envelope in call.regions]
    region = organization.region or region_of(organization.country)
    if region in known:
        return region
    return known[0] if len(known) == 1 else None


# ------------------------------------------------------------------ documents


def documents_for_application(documents: Iterable[DocumentAsked]) -> list[DocumentAsked]:
    """The documents asked of applicants (those of grantees come with the award)."""
    return [document for document in documents if document.stage == "application"]


def values_for_documents(application: Application, answers: Mapping[str, Any]) -> dict[str, Any]:
    """What the conditions of documents ask about: the organization as the application describes it, and its answers."""
    return {"organization": organization_values(application, answers), "application": dict(answers)}


def organization_values(application: Application, answers: Mapping[str, Any]) -> dict[str, Any]:
    """The organization as its application describes it; where it does not, as its profile does."""
    organization = application.organization
    values: dict[str, Any] = {}
    for key, name in PROFILE.items():
        value = answers[key] if key in answers else _stored(getattr(organization, name))
        values[name] = day_of(value) if name.endswith("_on") else value
    return values | {"fiscal_sponsor_consented": organization.fiscal_sponsor_consented}


def is_required(document: DocumentAsked, values: Mapping[str, Any]) -> bool:
    """Whether this applicant must give a document: always, or when the call's condition holds for their answers."""
    if not document.required or not document.required_when:
        return document.required
    try:
        return bool(parse(document.required_when).holds(values))
    except BadExpression:
        return True


def missing_documents(
    documents: Iterable[DocumentAsked], attachments: Iterable[Attached], values: Mapping[str, Any]
) -> list[DocumentAsked]:
    """The required documents for which there is neither a file nor a reason to withhold it."""
    answered = {attachment.document_id for attachment in attachments if not is_locked(attachment)}
    return [d for d in documents_for_application(documents) if is_required(d, values) and d.id not in answered]


def largest(document: DocumentAsked) -> int:
    """How many bytes a file for a document may have."""
    return (document.largest_mb or LARGEST // MEGABYTE) * MEGABYTE


def is_locked(attachment: Attached) -> bool:
    """Whether a file was locked because it holds a virus: nobody receives it, so it counts as missing."""
    return attachment.file is not None and attachment.file.scan == Scan.INFECTED


def withholding(definition: Definition) -> Mapping[str, Any] | None:
    """What the call says about documents kept back (wording, who decides); None when it does not allow it."""
    terms = definition.sources.get("call.annexes_withheld")
    return terms if isinstance(terms, Mapping) else None


def asked_afterwards(rules: Iterable[tuple[str, str]]) -> bool:
    """Whether the call asks once for a missing document after the deadline, so that it need not stop a submission.

    ``rules`` are the eligibility rules: what is checked, and what follows when it is not met.
    """
    return any(
        on_fail == "clarification" and "all_required_annexes_present" in _names(check) for check, on_fail in rules
    )


def _names(source: str) -> frozenset[str]:
    try:
        return parse(source).names
    except BadExpression:
        return frozenset()


def obstacles_to_attaching(
    document: DocumentAsked, application: Application, present: Iterable[Attached]
) -> list[Obstacle]:
    """Why no (further) file can be given for a document."""
    found = obstacles_to_editing(application, part_of(document))
    if document.call_id != application.call_id or document.stage != "application":
        found.append(Obstacle("document_not_asked", _l("This document is not asked for in this call.")))
    most = document.most_files or MOST_FILES
    if sum(1 for a in present if a.document_id == document.id and a.file_id) >= most:
        found.append(Obstacle("too_many_files", _l("There are %(n)s files already. Please remove one first.", n=most)))
    return found


def obstacles_to_joining(document: DocumentAsked, photographs: int) -> list[Obstacle]:
    """Why photographs cannot be given as one PDF."""
    found = []
    if "pdf" not in document.formats:
        text = _l("This document is not taken as a PDF, so photographs cannot be joined into one.")
        found.append(Obstacle("no_pages", text))
    if photographs > MOST_PAGES:
        text = _l("At most %(n)s photographs become one PDF. Please send the rest as another.", n=MOST_PAGES)
        found.append(Obstacle("too_many_pages", text))
    return found


def obstacles_to_giving(document: DocumentAsked, stored: StoredFile) -> list[Obstacle]:
    """Why a file that the organization keeps cannot be given for a document."""
    kinds = kinds_taken(document.formats)
    if stored.erased_at is not None or stored.kind not in kinds:
        text = _l("This kind of file is not taken here. Please send one of: %(kinds)s.", kinds=", ".join(kinds))
        return [Obstacle("file_kind", text)]
    return obstacles_to_opening(stored.scan) if stored.scan == Scan.INFECTED else []


def obstacles_to_withholding(
    document: DocumentAsked,
    application: Application,
    definition: Definition,
    present: Iterable[Attached],
    reason: str,
) -> list[Obstacle]:
    """Why a document cannot be kept back: the call does not allow it, no reason, or there is a file."""
    found = obstacles_to_editing(application, part_of(document))
    asked = document.call_id == application.call_id and document.stage == "application"
    if not asked or withholding(definition) is None:
        found.append(Obstacle("not_withholdable", _l("The call does not allow this document to be withheld.")))
    if not reason.strip():
        found.append(Obstacle("reason_missing", _l("Please tell us why. Only the staff of the fund read it.")))
    if any(a.document_id == document.id and a.file_id for a in present):
        found.append(Obstacle("file_present", _l("There is a file for this document. Please remove it first.")))
    return found


# ------------------------------------------------------------------ writing and sending in


def obstacles_to_starting(
    call: Call, organization: Organization, language: str, live: Application | None, at: datetime
) -> list[Obstacle]:
    """Why an organization cannot begin an application."""
    found = obstacles_by_time(call, at)
    if live is not None and live.organization_id != organization.id:
        text = _l("Another account of your organization already has an application to this call.")
        found.append(Obstacle("one_application", text))
    elif live is not None:
        found.append(
            Obstacle(
                "one_application",
                _l(
                    "Your organization already has an application to this call: %(reference)s.",
                    reference=live.reference,
                ),
                ("applications.show", {"reference": live.reference}),
            )
        )
    if language not in call.languages:
        found.append(Obstacle("language", _l("Please choose one of the languages of the call.")))
    return found


def obstacles_by_time(call: Call, at: datetime) -> list[Obstacle]:
    """Why the call takes no applications at a moment, with the closing time and the time it is for the server."""
    if call.state != "published":
        return [Obstacle("call_not_open", _l("This call is not open for applications."))]
    if at < call.opens_at:
        return [
            Obstacle(
                "call_not_yet_open", _l("This call opens on %(moment)s.", moment=when_in_call(call, call.opens_at))
            )
        ]
    if at >= call.closes_at:
        message = _l(
            "The call closed on %(closed)s. Our server’s clock says %(now)s.",
            closed=when_in_call(call, call.closes_at),
            now=LazyWords(_with_seconds, at, call.timezone),
        )
        return [Obstacle("call_closed", message)]
    return []


def when_in_call(call: Call, at: datetime) -> Any:
    """A moment in words in the zone of the call, in the language of whoever reads it."""
    return LazyWords(moment, at, call.timezone)


def _with_seconds(at: datetime, zone: str) -> str:
    return moment(at, zone).replace(
        f"{at.astimezone(ZoneInfo(zone)):%H:%M}", f"{at.astimezone(ZoneInfo(zone)):%H:%M:%S}"
    )


PAPER = "document:"
"""What stands before the key of a document among the parts of an application."""


def part_of(document: DocumentAsked) -> str:
    """The name of a document among the parts of an application."""
    return f"{PAPER}{document.key}"


def obstacles_to_editing(application: Application, part: str = "") -> list[Obstacle]:
    """Why an application can no longer be written in, or one part of it that may have been opened again."""
    if application.state != ApplicationState.DRAFT and part not in application.reopened:
        return [
            Obstacle("not_draft", _l("This application has been sent in or withdrawn; it can no longer be changed."))
        ]
    return []


def obstacles_to_withdrawing(application: Application) -> list[Obstacle]:
    """Why an application cannot be withdrawn."""
    if not application.workflow.allows("withdraw", application.state):
        return [Obstacle("not_withdrawable", _l("This application can no longer be withdrawn."))]
    return []


def obstacles_to_resuming(
    application: Application, live: Application | None, was: str | None, at: datetime
) -> list[Obstacle]:
    """Why a withdrawn application cannot be taken up again: the dates of the call, or another one in its place.

    ``live`` is what the organization has begun since, ``was`` the state it was withdrawn from. What had been found
    eligible was read by reviewers; another version of it would be judged by what they wrote about the first.
    """
    if application.state != ApplicationState.WITHDRAWN:
        return [Obstacle("not_withdrawn", _l("Only a withdrawn application can be taken up again."))]
    found = obstacles_by_time(application.call, at)
    if live is not None:
        message = _l("Your organization has begun another application since: %(reference)s.", reference=live.reference)
        found.append(Obstacle("one_application", message, ("applications.show", {"reference": live.reference})))
    if was == ApplicationState.ELIGIBLE:
        message = _l("This application had been given to reviewers. Please begin another one.")
        found.append(Obstacle("was_reviewed", message))
    return found


def end_of(start: date, months: int) -> date:
    """The last day of an action that starts on a day and lasts some months."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    day_of_month = min(start.day, monthrange(year, month + 1)[1])
    return date(year, month + 1, day_of_month) - timedelta(days=1)


def obstacles_to_submission(
    application: Application,
    definition: Definition,
    answers: Mapping[str, Any],
    attachments: Sequence[Attached],
    at: datetime,
    *,
    documents: Sequence[DocumentAsked] | None = None,
    terms: Terms | None = None,
    sections: Iterable[str] | None = None,
) -> list[Obstacle]:
    """Everything that keeps an application from being sent in at a moment: the dates of the call, what is missing.

    ``documents`` and ``terms`` are those of the call unless they are given; ``sections`` limits the look at single
    answers to sections that are not known to be complete. Where the call asks once for a missing document afterwards, it
    does not stop the submission; :func:`missing_documents` still tells of it.
    """
    closed = obstacles_by_time(application.call, at)
    if application.state != ApplicationState.DRAFT or closed:
        return obstacles_to_editing(application) or closed
    return obstacles_in_content(
        application, definition, answers, attachments, documents=documents, terms=terms, sections=sections
    )


def obstacles_in_content(
    application: Application,
    definition: Definition,
    answers: Mapping[str, Any],
    attachments: Sequence[Attached],
    *,
    documents: Sequence[DocumentAsked] | None = None,
    terms: Terms | None = None,
    sections: Iterable[str] | None = None,
) -> list[Obstacle]:
    """What is missing in an application or does not fit together, whenever it is handed in."""
    call, reference = application.call, application.reference

    def place(section_key: str, question_key: str) -> tuple[str, dict[str, Any]]:
        values = {"reference": reference, "key": section_key, "check": 1, "_anchor": question_key}
        return "applications.section", values

    if terms is None:
        known = tuple((rule.check, rule.on_fail) for rule in call.rules)
        terms = Terms(known, {lot.key: lot.plan_points for lot in call.lots})
    found = obstacles_to_completing(definition, answers, sections=sections, place=place)
    found += obstacles_across_sections(application, definition, terms, place)
    question = budgets.budget_question(definition)
    if question is not None and question.budget is not None and answers.get(question.key):
        where = place(definition.section_of[question.key].key, question.key)
        found += budgets.obstacles_in_budget(
            answers[question.key], question.budget, budgets.checks_in(definition), answers, where
        )
    found += [
        Obstacle(
            f"document.{paper.document.key}.locked",
            _l(
                "A file for “%(document)s” holds a virus. Please remove it and send a clean one.",
                document=LazyWords(pick, paper.document.label, None, call.authoritative_language),
            ),
            ("applications.documents", {"reference": reference, "_anchor": paper.document.key}),
        )
        for paper in attachments
        if is_locked(paper)
    ]
    asked = call.documents if documents is None else documents
    if not asked_afterwards(terms.rules):
        values = values_for_documents(application, answers)
        found += [
            Obstacle(
                f"document.{document.key}",
                _l(
                    "This document is missing: %(document)s.",
                    document=LazyWords(pick, document.label, None, call.authoritative_language),
                ),
                ("applications.documents", {"reference": reference, "_anchor": document.key}),
            )
            for document in missing_documents(asked, attachments, values)
        ]
    return found


# ------------------------------------------------------------------ certification by a signatory

DECLARATION: tuple[Any, ...] = (
    _l("I have read the whole application: the answers, the budget and the documents."),
    _l("As far as I know, what it says is true and nothing that matters is left out."),
    _l("I may sign for the organization, and the organization stands by this application."),
)
"""What a signatory declares by certifying, one sentence each."""

ASK_AGAIN_AFTER = timedelta(days=1)
"""How long the signatories are left in peace after they were asked to certify."""


def is_certified(application: Application, content_hash: str) -> bool:
    """Whether a signatory certified just this content; any change of an answer or a file makes it another one."""
    return application.certified_hash == content_hash


def obstacles_without_certification(application: Application, content_hash: str) -> list[Obstacle]:
    """Why an application must be certified before it is handed in. What the fund typed is confirmed afterwards instead."""
    if application.entered_by_id is not None or is_certified(application, content_hash):
        return []
    where = ("applications.certify", {"reference": application.reference})
    if application.certified_at is None:
        message = _l("It is not certified yet. Somebody who may sign for your organization reads and certifies it.")
        return [Obstacle("not_certified", message, where)]
    message = _l("It has changed since it was certified. Please have it certified as it now is.")
    return [Obstacle("changed_since_certified", message, where)]


def obstacles_to_certifying(
    application: Application, read: str, content_hash: str, *, may_sign: bool
) -> list[Obstacle]:
    """Why somebody cannot certify: they may not sign, nothing is to be sent in, or it is no longer what they have ``read``."""
    if not may_sign:
        return [Obstacle("not_a_signatory", _l("Only a person who may sign for the organization certifies."))]
    if application.state != ApplicationState.DRAFT and not application.reopened:
        return obstacles_to_editing(application)
    if read != content_hash:
        message = _l("Somebody has changed the application while you were reading. Please read it again.")
        return [Obstacle("changed_meanwhile", message, ("applications.certify", {"reference": application.reference}))]
    return []


def obstacles_to_asking_to_certify(
    application: Application, content_hash: str, signatories: Sequence[Person], at: datetime
) -> list[Obstacle]:
    """Why the signatories cannot be asked to certify: nobody may sign, it is certified, or they were asked just now."""
    if not signatories:
        message = _l("Nobody may sign for your organization yet. An owner names a signatory among its people.")
        where = ("accounts.organization", {"reference": application.organization.reference})
        return [Obstacle("no_signatory", message, where)]
    if not obstacles_without_certification(application, content_hash):
        return [Obstacle("certified", _l("It is certified as it now is."))]
    asked, certified = application.certification_asked_at, application.certified_at
    if asked is None or at - asked >= ASK_AGAIN_AFTER or (certified is not None and certified >= asked):
        return []
    message = _l("You asked on %(moment)s. After a day you can ask again.", moment=LazyWords(moment, asked))
    return [Obstacle("asked_already", message)]


def obstacles_across_sections(
    application: Application,
    definition: Definition,
    terms: Terms,
    place: Callable[[str, str], tuple[str, dict[str, Any]]],
) -> list[Obstacle]:
    """What single answers cannot show: the end of the action, a plan point that belongs to the lot, a region."""

    def where(question: str) -> tuple[str, dict[str, Any]] | None:
        section = definition.section_of.get(question)
        return place(section.key, question) if section else None

    call, found = application.call, []
    if application.start_on and application.months and call.latest_end_on:
        end = end_of(application.start_on, application.months)
        if end > call.latest_end_on:
            message = _l(
                "The action would end on %(end)s. It must end by %(latest)s.",
                end=LazyWords(in_words, end),
                latest=LazyWords(in_words, call.latest_end_on),
            )
            found.append(Obstacle("ends_too_late", message, where("duration_months")))
    points = terms.plan_points.get(application.lot_key or "")
    if points and application.plan_points and not set(points) & set(application.plan_points):
        message = _l("None of the points of the Plan of Action you chose belongs to your lot.")
        found.append(Obstacle("no_point_of_lot", message, where("plan_points")))
    if application.region is None:
        message = _l("We cannot tell which region of the call your organization belongs to. Please write to us.")
        found.append(Obstacle("no_region", message))
    return found


def in_short(obstacles: Sequence[Obstacle], definition: Definition, reference: str) -> list[Obstacle]:
    """The same obstacles, with the unanswered questions of a section told as one: a new application has dozens."""
    missing: dict[str, int] = {}
    others = []
    for obstacle in obstacles:
        section = obstacle.where[1].get("key") if obstacle.where else None
        if section and obstacle.code.endswith(".missing"):
            missing[section] = missing.get(section, 0) + 1
        else:
            others.append(obstacle)
    gathered = []
    for section_key, number in missing.items():
        found = definition.section(section_key)
        title = LazyWords(pick, found.title if found else {})
        message = _ln(
            "%(section)s: one answer is missing", "%(section)s: %(num)s answers are missing", number, section=title
        )
        where = ("applications.section", {"reference": reference, "key": section_key, "check": 1})
        gathered.append(Obstacle(f"{section_key}.missing", message, where))
    return gathered + others


def section_state(
    section: Section, complete: bool | None, attachments: Sequence[Attached], missing: Sequence[DocumentAsked]
) -> str:
    """How far a section is: not_started, started or complete. ``complete`` is None when it was never saved."""
    if _asks_files(section):
        if not attachments:
            return "not_started"
        return "started" if missing or not (complete or asks_only_files(section)) else "complete"
    if complete is None:
        return "not_started"
    return "complete" if complete else "started"


@lru_cache(maxsize=2000)
def asks_only_files(section: Section) -> bool:
    """Whether a section asks for nothing but documents, which have a page of their own."""
    return all(question.type == "files" for question in section.questions)


@lru_cache(maxsize=2000)
def _asks_files(section: Section) -> bool:
    return any(question.type == "files" for question in section.questions)


# ------------------------------------------------------------------ what was received


def content_of(
    application: Application, answers: Mapping[str, Any], attachments: Iterable[Attached], sums: budgets.Sums | None
) -> dict[str, Any]:
    """Everything that is handed in, as it is kept with the receipt."""
    return {
        "application": application.reference,
        "call": application.call.reference,
        "organization": application.organization.reference,
        "language": application.language,
        "answers": dict(answers),
        "attachments": [_attached(a) for a in sorted(attachments, key=lambda a: (a.document.position, a.id))],
        "budget": None if sums is None else {"total": str(sums.total), "requested": str(sums.requested)},
    }


def _attached(attachment: Attached) -> dict[str, Any]:
    if attachment.file is None:
        return {"document": attachment.document.key, "withheld": attachment.withheld_reason}
    file = attachment.file
    kept = {"document": attachment.document.key, "name": file.name, "size": file.size, "sha256": file.sha256}
    return kept | {"file": file.id}


def fingerprint(content: Mapping[str, Any]) -> str:
    """The SHA-256 of the answers and of the hashes of what is attached, in one written form.

    Keys are sorted, there are no spaces, and text is UTF-8; whoever has the answers and the files can compute it again.
    """
    hashed = {
        "answers": content["answers"],
        "attachments": [
            [a["document"], a["sha256"]] if "sha256" in a else [a["document"], None, a["withheld"]]
            for a in content["attachments"]
        ],
    }
    canonical = json.dumps(hashed, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def may_be_enclosed(application: Application) -> bool:
    """Whether a mail may carry what was sent in. Not where confidentiality was asked for: people may be in danger, and
    who else reads a mailbox is not known.
    """
    asked = (application.confidentiality, application.organization.confidentiality_default)
    return asked == (Confidentiality.PUBLIC, Confidentiality.PUBLIC)


def receipt_in_words(
    receipt: Receipt, application: Application, attached: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The receipt as the parts of a document, in the language now spoken."""
    call = application.call
    rows = [
        [
            str(pick(a["label"], None, call.authoritative_language)) or a["document"],
            a.get("name") or str(_l("withheld, with a reason")),
            _in_groups(a.get("sha256") or "–"),
        ]
        for a in attached
    ]
    parts: list[dict[str, Any]] = [
        {
            "kind": "facts",
            "pairs": [
                [str(_l("Receipt")), receipt.number],
                [str(_l("Application")), application.reference],
                [str(_l("Call")), f"{call.reference} – {pick(call.title, None, call.authoritative_language)}"],
                [str(_l("Organization")), application.organization.name],
                [str(_l("Received, by the server’s clock")), _with_seconds(receipt.submitted_at, call.timezone)],
                [str(_l("The same moment in UTC")), f"{receipt.submitted_at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f} UTC"],
                [str(_l("Deadline")), str(when_in_call(call, call.closes_at))],
                [str(_l("Sent in by")), receipt.submitted_by.name],
                *_who_certified(receipt, call),
                *_how_entered(application),
                [str(_l("Answers")), str(len([v for v in receipt.content["answers"].values() if v is not None]))],
            ],
        },
        {"kind": "section", "text": str(_l("Fingerprint (SHA-256)"))},
        {"kind": "code", "text": receipt.content_hash},
        {"kind": "note", "text": str(HASH_EXPLAINED)},
        {"kind": "section", "text": str(_l("Documents received"))},
    ]
    if rows:
        head = [str(_l("Document")), str(_l("File")), str(_l("SHA-256"))]
        parts.append({"kind": "table", "head": head, "rows": rows})
    return {
        "title": str(_l("Receipt of your application")),
        "reference": receipt.number,
        "footer": str(_l("Pilot Fund of MADE, the Migration and Development Civil Society network")),
        "parts": parts,
    }


def _in_groups(digest: str) -> str:
    """A long code that can be broken into lines and compared by eye."""
    return " ".join(digest[n : n + 8] for n in range(0, len(digest), 8))


HASH_EXPLAINED = _l(
    "The fingerprint is computed from all answers and from the fingerprints of all files. If a single character were "
    "changed, it would be another one."
)


def _how_entered(application: Application) -> list[list[str]]:
    """What every document about an application says when the fund typed it."""
    if application.entered_by_id is None:
        return []
    return [[str(_l("How it was entered")), str(_l("Typed by the fund, for an organization without a line"))]]


def _who_certified(receipt: Receipt, call: Call) -> list[list[str]]:
    """What a receipt says of the signatory who certified what was handed in."""
    if receipt.certified_at is None or receipt.certified_by is None:
        return []
    when = when_in_call(call, receipt.certified_at)
    return [[str(_l("Certified by")), str(_l("%(name)s, %(moment)s", name=receipt.certified_by.name, moment=when))]]


def copy_in_words(
    application: Application,
    definition: Definition,
    answers: Mapping[str, Any],
    attachments: Iterable[Attached],
    audience: Audience,
) -> dict[str, Any]:
    """An application as the parts of a document: every question with its answer, in the language now spoken."""
    call = application.call
    parts: list[dict[str, Any]] = [
        {
            "kind": "facts",
            "pairs": [
                [str(_l("Application")), application.reference],
                [str(_l("Call")), f"{call.reference} – {pick(call.title, None, call.authoritative_language)}"],
                [str(_l("Organization")), application.organization.name],
                *_how_entered(application),
            ],
        },
        *answers_in_words(definition, answers, attachments, audience),
    ]
    return {
        "title": application.title or application.reference,
        "reference": application.reference,
        "footer": str(_l("Pilot Fund of MADE, the Migration and Development Civil Society network")),
        "parts": parts,
    }


def answers_in_words(
    definition: Definition,
    answers: Mapping[str, Any],
    attachments: Iterable[Attached],
    audience: Audience,
    beside: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> list[dict[str, Any]]:
    """Every question that an audience may read with its answer, as the parts of a document in the language now spoken.

    ``beside`` is what stands below an answer, by question.
    """
    language, parts = language_now(), []
    for section in visible_sections(definition, audience):
        parts.append({"kind": "section", "text": str(pick(section.title, language, definition.fallback))})
        for question in section.questions:
            parts.append({"kind": "question", "text": str(pick(question.label, language, definition.fallback))})
            if question.type == "files":
                parts += _papers_in_words(attachments, audience, language, definition.fallback)
            else:
                parts.append(_answer_in_words(question, answers.get(question.key), language, definition.fallback))
            parts += [{"kind": "note", "text": words} for words in beside.get(question.key, ())]
    return parts


ON_PAPER = ("code", "description", "quantity", "unit_cost", "total", "requested", "cofinancing", "justification")
"""The columns of a budget that fit the width of a page."""


def _answer_in_words(question: Question, value: Any, language: str, fallback: str) -> dict[str, Any]:
    if value in (None, [], ""):
        return {"kind": "note", "text": str(_l("No answer"))}
    if question.columns and isinstance(value, list):
        columns = [c for c in question.columns if question.budget is None or c.key in ON_PAPER]
        return {
            "kind": "table",
            "head": [str(pick(column.label, language, fallback)) for column in columns],
            "rows": [[shown_value(c, row.get(c.key), language, fallback) for c in columns] for row in value],
        }
    return {"kind": "text", "text": shown_value(question, value, language, fallback)}


def _papers_in_words(
    attachments: Iterable[Attached], audience: Audience, language: str, fallback: str
) -> list[dict[str, Any]]:
    rows = [
        [
            str(pick(a.document.label, language, fallback)),
            a.file.name if a.file else str(_l("withheld, with a reason")),
        ]
        for a in visible_attachments(attachments, audience)
    ]
    if not rows:
        return [{"kind": "note", "text": str(_l("No documents"))}]
    return [{"kind": "table", "head": [str(_l("Document")), str(_l("File"))], "rows": rows}]


# ------------------------------------------------------------------ who may read which answers


class Audience(enum.StrEnum):
    """For whom an application is shown."""

    APPLICANT = "applicant"
    STAFF = "staff"
    REVIEWER = "reviewer"
    BLIND_REVIEWER = "blind_reviewer"
    COMMITTEE = "committee"


REVIEWERS = (Audience.REVIEWER, Audience.BLIND_REVIEWER)
"""A blind reviewer reads what any reviewer reads, without what tells who applies."""

READERS = {
    "staff_only": {Audience.APPLICANT, Audience.STAFF},
    "staff_and_assigned_reviewers": {Audience.APPLICANT, Audience.STAFF, *REVIEWERS},
}
"""Who reads an answer whose question limits its readers; any other word limits it to the staff."""


def may_read(visibility: str | None, audience: Audience) -> bool:
    """Whether an audience reads the answers to a question of this visibility."""
    return not visibility or audience in READERS.get(visibility, READERS["staff_only"])


def visible_sections(definition: Definition, audience: Audience) -> list[Section]:
    """The sections of a questionnaire with the questions whose answers an audience may read; empty ones are left out."""
    return list(_visible_sections(definition, audience))


@lru_cache(maxsize=1000)
def _visible_sections(definition: Definition, audience: Audience) -> tuple[Section, ...]:
    sections = definition.sections
    if audience == Audience.BLIND_REVIEWER:
        sections = tuple(_telling_nobody(section) for section in sections if not tells_who(section))
    shown_sections = [
        replace(section, questions=tuple(q for q in section.questions if may_read(q.visibility, audience)))
        for section in sections
    ]
    return tuple(section for section in shown_sections if section.questions)


def tells_who(section: Section) -> bool:
    """Whether a section is about the applicant as such, and not about what they want to do."""
    return section.prefill_from == "organization_profile"


def _telling_nobody(section: Section) -> Section:
    """A section without the questions, and the columns of questions, that tell who applies."""
    kept = [question for question in section.questions if not question.identifies]
    return replace(
        section,
        questions=tuple(
            replace(question, columns=tuple(column for column in question.columns if not column.identifies))
            if any(column.identifies for column in question.columns)
            else question
            for question in kept
        ),
    )


def visible_attachments(attachments: Iterable[Attached], audience: Audience) -> list[Attached]:
    """What an audience may see of the documents: the reasons for withholding and sensitive ones are for staff only, as are
    those about the bank, which staff are told of and do not open.
    """
    own = audience in (Audience.APPLICANT, Audience.STAFF)
    return [
        a
        for a in attachments
        if own or (a.file_id is not None and not a.document.sensitive and not a.document.is_about_bank)
    ]
