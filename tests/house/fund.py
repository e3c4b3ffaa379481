"""The demonstration with canaries: words that stand nowhere else, put into everything that not everybody may read.

Two organizations are marked: A (ORG-LB, Asia, wholly confidential) and B (ORG-DO, Latin America, name withheld). Each
has an application under review, a draft, a grant, a payment, a report and a bank account. A canary is one word,
``canary``, whose it is, and what it stands in: ``canaryatitle`` is in the titles of A. People's names are canaries too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from flask import Flask
from sqlalchemy import select, text

from grants.accounts import actions as accounts
from grants.accounts.models import MemberRole, Membership, Organization, Person, Role
from grants.applications import actions as applications
from grants.applications.models import Application, Attachment
from grants.awards.models import Award
from grants.calls.actions import import_call
from grants.calls.forms import read_call
from grants.calls.models import Call
from grants.complaints.models import Complaint
from grants.core import encryption, files
from grants.core.db import db, transaction
from grants.core.questions import Definition, Question
from grants.decisions import actions as decisions
from grants.decisions.models import DecisionOutcome, Meeting
from grants.demo import sample
from grants.demo.people import declare_for_call
from grants.drafts.actions import leave_note
from grants.draws import actions as draws
from grants.enquiries import actions as enquiries
from grants.imports import actions as imports
from grants.letters.models import Letter
from grants.organizations import actions as organizations
from grants.organizations.models import DocumentKind, Identifier, Resemblance, Sponsorship
from grants.payments.actions import HOLDER_PLACE, NUMBER_PLACE
from grants.payments.models import Refund
from grants.questionnaires.queries import definition_of
from grants.reports import actions as reports
from grants.reports.models import ReportDue
from grants.reports.rules import ChangeGiven
from grants.reports.workflow import ReportState
from grants.reviews import actions as reviews
from grants.reviews.models import Assignment
from grants.reviews.workflow import AssignmentState
from grants.scenarios import actions as scenarios
from grants.scenarios.models import Scenario
from grants.scenarios.rules import Limits
from grants.uploads import actions as uploading
from grants.uploads.models import Booklet
from grants.visits import actions as visits
from grants.visits.models import VisitKind
from grants.visits.rules import Account, Agreed

MARKUP = '"><i>'
"""What every free text begins with: a page that repeats it as it is would let anybody write into it."""

CANARY = re.compile(rb"canary([a-z0-9]+)")

A, B = "ORG-LB", "ORG-DO"
UNDER_REVIEW = {"a": "APP-008", "b": "APP-011"}
AWARDED = {"a": "APP-304", "b": "APP-207"}
DRAFTS = {"a": "APP-403", "b": "APP-401"}
GRANTS = {"a": "MPF-2026-02-G05", "b": "MPF-2026-01-G05"}
PAYMENTS = {"a": "MPF-2026-02-G05-P1", "b": "MPF-2026-01-G05-P1"}
CALL, OPEN_CALL, DRAFT_CALL = "MPF-2027-01", "MPF-2027-02", "MPF-2027-09"
PAST_CALL = "MPF-2026-02"
MEETING, PAST_MEETING = "MPF-2027-01-M1", "MPF-2026-02-M1"
SENSITIVE = "statutes"
INVITATION = "the-token-of-an-invitation"
QUESTION = "the-token-of-a-question"
COMPLAINT = "APP-008-C1"
UPLOAD, BOOKLET = "the-key-of-an-upload", "the-key-of-a-booklet"

PEOPLE = {
    "owner_a": "USR-LB-1",
    "editor_a": "USR-LB-2",
    "owner_b": "USR-DO-1",
    "reviewer_writing": "REV-2",  # has accepted A; tied to a partner of B
    "reviewer_done": "REV-3",  # has reviewed A
    "reviewer_asked": "REV-5",  # asked about A, has not declared anything yet
    "reviewer_conflicted": "REV-6",  # conflict with A; has reviewed B
    "reviewer_other": "REV-1",  # reviews neither
    "member_seated": "STF-10",  # invited to all meetings
    "member_recused": "STF-12",  # stepped aside from A
    "member_absent": "STF-14",  # not invited to the coming meeting
    "coordinator": "STF-04",  # of the region of A
    "coordinator_conflicted": "STF-03",  # of the region of A, tied to an organization that shares a member with A
    "coordinator_elsewhere": "STF-01",  # of neither region
    "global_coordinator": "STF-07",
    "finance": "STF-08",
    "finance_conflicted": "STF-09",  # tied to the fiscal sponsor of A
    "auditor": "STF-15",
    "auditor_conflicted": "STF-17",  # tied to an organization with the telephone of A
    "administrator": "STF-16",
}
"""Who calls, by the reference of the account. ``visitor`` is nobody."""


def canaries_in(content: bytes) -> set[str]:
    """The canaries that sing in something served."""
    return {found.decode() for found in CANARY.findall(content.lower())}


def prepare(app: Flask) -> None:
    """Add to the demonstration what it lacks for the matrix, and mark it with canaries."""
    with app.app_context():
        with transaction():
            _people()
        with transaction():
            _organizations()
        with transaction():
            _scenario()
        with transaction():
            _applications()
        with transaction():
            _questions()
        with transaction():
            _meeting()
        with transaction():
            _grants()
        with transaction():
            _visits()
        with transaction():
            _past()
        with transaction():
            _complaint()
        with transaction():
            _mark()
        with transaction():
            _ties()
        db.session.remove()


# ------------------------------------------------------------------ what the demonstration lacks


def person(reference: str) -> Person:
    return db.session.scalars(select(Person).where(Person.reference == reference)).one()


def _one(model: Any, reference: str) -> Any:
    return db.session.scalars(select(model).where(model.reference == reference)).one()


def _people() -> None:
    pattern = person("STF-15")
    known = {"password": pattern.password, "confirmed_at": pattern.confirmed_at, "is_demonstration": True}
    for reference, name in (("STF-17", "Second Auditor"), ("STF-18", "Second Administrator")):
        email = f"{reference.lower()}@example.org"
        accounts.register_person(name=name, email=email, language="en", timezone="UTC", reference=reference, **known)
    accounts.grant_role(person("STF-17"), Role.AUDITOR, regions=["AFR", "ASI", "LAC"], by=person("STF-16"))
    accounts.grant_role(person("STF-18"), Role.ADMINISTRATOR, regions=[], by=None)
    accounts.give_role(person("STF-08"), Role.ADMINISTRATOR, regions=[], by=person("STF-18"))
    a = _one(Organization, A)
    accounts.invite(a, email="new@example.org", role=MemberRole.EDITOR, may_sign=False, by=person("USR-LB-1"))
    db.session.execute(text("UPDATE invitation SET token_hash = :h"), {"h": accounts.hash_of_token(INVITATION)})
    db.session.execute(text("UPDATE outbox SET state = 'failed', attempts = 7 WHERE kind = 'account_invited'"))


def _organizations() -> None:
    a, b, third = (_one(Organization, reference) for reference in (A, B, "ORG-SN"))
    owner, sings = person("USR-LB-1"), f"{MARKUP}canarya"
    stranger = accounts.register_person(
        name="Somebody Else",
        email="asks@example.org",
        language="en",
        reference="USR-ASKS-1",
        confirmed_at=datetime.now(UTC),
    )
    organizations.ask_to_join(a, f"{sings}asking to join", by=stranger)
    statutes = sample.document("pdf", "Statutes", "Kept")
    organizations.keep_document(a, DocumentKind.STATUTES, "canaryakept.pdf", statutes, by=owner, title=f"{sings}kept")
    db.session.add(Identifier(organization_id=a.id, list_code="LB-MOI", number=f"{sings}number"))
    db.session.add(Sponsorship(organization=a, sponsor=third, words=f"{sings}sponsor", asked_by_id=owner.id))
    first, second = sorted((a.id, b.id))
    db.session.add(Resemblance(first_id=first, second_id=second, alike=["name"], similarity=60))


def _applications() -> None:
    owner, coordinator = person("USR-LB-1"), person("STF-04")
    draft = applications.start(
        _one(Call, OPEN_CALL), _one(Organization, A), language="en", by=owner, reference=DRAFTS["a"]
    )
    pattern = _one(Application, UNDER_REVIEW["a"])
    db.session.flush()
    db.session.execute(
        text(
            "INSERT INTO section_answers (answer_sheet_id, section_key, values, version, complete, saved_by_id)"
            " SELECT :to, section_key, values, 1, false, saved_by_id FROM section_answers WHERE answer_sheet_id = :from"
            " ON CONFLICT (answer_sheet_id, section_key) DO UPDATE SET values = excluded.values"
        ),
        {"to": draft.answer_sheet_id, "from": pattern.answer_sheet_id},
    )
    draft.title = pattern.title
    _on_the_way(draft, owner)
    leave_note(draft, "S2", "A note", by=owner)
    assignments = db.session.scalars(select(Assignment).where(Assignment.application_id == pattern.id)).all()
    writing = next(one for one in assignments if one.reviewer.reference == "REV-2")
    reviews.reopen(writing, "Please look at the budget again.", by=coordinator)
    db.session.add(
        Assignment(
            application_id=pattern.id,
            reviewer_id=person("REV-5").id,
            round=2,
            state=AssignmentState.ASKED,
            due_on=date.today() + timedelta(days=9),
            asked_by_id=coordinator.id,
        )
    )
    db.session.execute(text("UPDATE document_asked SET sensitive = true WHERE key = :k"), {"k": SENSITIVE})
    raw = sample.moved(read_call(sample.FOLDER), 900)
    raw["call"]["id"] = DRAFT_CALL
    import_call(raw, by=person("STF-07"))


def _on_the_way(draft: Application, owner: Person) -> None:
    """A file of which nothing has arrived, and photographs that become one PDF."""
    workplan = next(document for document in draft.call.documents if document.key == "workplan")
    uploading.begin(draft, workplan, name="plan.pdf", size=5000, fingerprint="a" * 64, by=owner).key = UPLOAD
    db.session.add(
        Booklet(key=BOOKLET, application_id=draft.id, document_id=workplan.id, person_id=owner.id, name="plan")
    )


def _questions() -> None:
    """An objection of a visitor that waits for its link to be followed."""
    enquiries.ask(
        _one(Call, OPEN_CALL), "Please look again.", by=None, email="curious@example.org", language="en", origin="",
        about="country", given="France",
    )  # fmt: skip
    db.session.execute(
        text("UPDATE enquiry SET token_hash = :h WHERE state = 'unconfirmed'"), {"h": enquiries.hash_of(QUESTION)}
    )


def _meeting() -> None:
    coordinator = person("STF-07")
    members = [person(f"STF-{n}") for n in range(10, 14)]
    absent = {"p": person("STF-14").id}
    db.session.execute(
        text("DELETE FROM seat WHERE person_id = :p AND meeting_id = (SELECT id FROM meeting WHERE reference = :r)"),
        absent | {"r": MEETING},
    )
    meeting = _one(Meeting, MEETING)
    declare_for_call(meeting.call, members)
    for member in members:
        decisions.mark_present(meeting, member, by=coordinator)
    decisions.open_meeting(meeting, by=coordinator, early=True)
    a, b = (_one(Application, reference) for reference in UNDER_REVIEW.values())
    decisions.recuse(meeting, a, person("STF-12"), "A cousin works there.", by=person("STF-12"))
    decision = decisions.propose(
        meeting, b, outcome=DecisionOutcome.RESERVE, reason="A reason.", feedback="Thank you.", by=members[0]
    )
    db.session.flush()
    decisions.vote(decision, "for", by=members[1])
    decisions.remark(meeting, b, "Their budget is lean.", by=members[1])
    scenarios.lay_before(db.session.scalars(select(Scenario)).one(), meeting, by=members[0])


def _scenario() -> None:
    """With A and B in it, as long as both are ranked; and the seed of a draw."""
    call, references = _one(Call, CALL), list(UNDER_REVIEW.values())
    limits = Limits(call.envelope, floors={"LAC": call.envelope})
    reasons = {"floor_LAC": f"{MARKUP}canaryareason"}
    scenarios.save(call, f"{MARKUP}canaryascenario", references, limits, reasons=reasons, by=person("STF-10"))
    draws.bind(call, by=person("STF-07"))


def _complaint() -> None:
    """Of A, about the check; nobody has taken it up."""
    application = _one(Application, UNDER_REVIEW["a"])
    db.session.add(
        Complaint(
            reference=COMPLAINT,
            application_id=application.id,
            ground="factual_error",
            text=f"{MARKUP}canaryacomplaint",
            language="en",
            answer_by=date.today() + timedelta(days=9),
            made_by_id=person("USR-LB-1").id,
        )
    )


def _past() -> None:
    """Awards of A and B in an earlier programme, and a table with one of A that nobody has confirmed."""
    a, b = (_one(Organization, reference) for reference in (A, B))
    rows = "".join(f"{one.name},EUR 500,{one.country},A title\n" for one in (a, b))
    imports.import_at_once("past.csv", f"Grantee,Amount,Country,Title\n{rows}".encode(), by=person("STF-07"))
    waiting = f"Grantee,Amount,Title\n{MARKUP[2:]}canaryaname,EUR 5,{MARKUP[2:]}canaryagrant\nOther,0,\n"
    imports.send_in("waiting.csv", waiting.encode(), by=person("STF-07")).programme = "Waiting"


def _grants() -> None:
    award = _one(Award, GRANTS["a"])
    proof = files.keep("proof.pdf", sample.document("pdf", "Proof", "Bank"), ["pdf"])
    db.session.add(
        Refund(
            reference=f"{award.reference}-R1",
            award_id=award.id,
            amount_minor=100,
            currency=award.currency,
            received_on=date.today(),
            bank_reference="0",
            proof_id=proof.id,
            recorded_by_id=person("STF-08").id,
        )
    )
    for reference in GRANTS.values():
        _suspended_once(_one(Award, reference))
    owner = person("USR-LB-1")
    for key in ("inception_note", "interim_report"):
        due = db.session.scalars(select(ReportDue).where(ReportDue.award_id == award.id, ReportDue.key == key)).one()
        report = reports.start(due, by=owner)
        definition = definition_of(report.answer_sheet.questionnaire_id)
        for section in definition.sections:
            values = {q.key: "words" for q in section.questions if q.type in ("text", "longtext")}
            db.session.execute(
                text(
                    "INSERT INTO section_answers (answer_sheet_id, section_key, values, version, complete)"
                    " VALUES (:sheet, :key, :values, 1, false)"
                    " ON CONFLICT (answer_sheet_id, section_key) DO UPDATE SET values = excluded.values"
                ),
                {"sheet": report.answer_sheet_id, "key": section.key, "values": json.dumps(values)},
            )
        if key == "interim_report":
            paper = sample.document("pdf", "Paper", "Report")
            reports.add_document(due, None, "rate.pdf", paper, by=owner)
            told = ChangeGiven(7, "LB", "national", "commitment", "The ministry promised it.")
            reports.tell_change(due, told, file=("shown.pdf", paper), by=owner)
            due.state = ReportState.SUBMITTED
            report.version, report.submitted_at, report.submitted_by_id = 1, datetime.now(UTC), owner.id


def _visits() -> None:
    """One to each, made and shared; the grantee has something to do since."""
    today = date.today()
    for reference, lead in ((GRANTS["a"], person("STF-04")), (GRANTS["b"], person("STF-05"))):
        award = _one(Award, reference)
        asked = {"kind": VisitKind.ON_SITE, "purpose": "To see it.", "due_on": today, "lead": lead}
        visit = visits.plan(award, **asked, by=person("STF-07"))
        visits.announce(visit, by=lead)
        agreed = [Agreed("Keep a list.", today + timedelta(days=30))]
        account = Account(today, VisitKind.ON_SITE, "A coordinator", "The team", "All is well.", "Inside.", agreed)
        visits.write_down(visit, account, by=lead)
        visits.add_file(visit, "A list", "list.pdf", sample.document("pdf", "List", "Visit"), by=lead)
        visits.share(visit, by=lead)


def _suspended_once(award: Award) -> None:
    """A letter of a suspension that is over."""
    words = {"opening": "Dear friends,", "outcome": "Suspended.", "closing": "The fund"}
    more = {"kind": "suspension", "language": "en", "details": {"reason": "Of that time."}}
    db.session.add(Letter(application_id=award.application_id, **words, **more))


# ------------------------------------------------------------------ canaries


def _ties() -> None:
    """Ties that nobody declared: each person left another organization lately, and that one stands close to A or to B."""
    a, b = _one(Organization, A), _one(Organization, B)
    a.phone = "+961 1 700 000"
    sponsor, neighbour, sister, partner = (
        Organization(
            reference=f"ORG-T{n}", name=f"Near {n}", country="LB", region="ASI", legal_form="ngo", registered=True
        )
        for n in range(4)
    )
    db.session.add_all([sponsor, neighbour, sister, partner])
    db.session.flush()
    a.fiscal_sponsor_id, neighbour.phone = sponsor.id, "00961-1-700000".removeprefix("00")
    db.session.add(Membership(organization_id=sister.id, person_id=person("USR-LB-2").id, role=MemberRole.EDITOR))
    for application in db.session.scalars(select(Application).where(Application.organization_id == b.id)):
        application.partners = [partner.name]
    left = datetime.now(UTC) - timedelta(days=400)
    for near, reference in ((sponsor, "STF-09"), (neighbour, "STF-17"), (sister, "STF-03"), (partner, "REV-2")):
        tie = {"organization_id": near.id, "person_id": person(reference).id}
        db.session.add(Membership(role=MemberRole.EDITOR, ended_at=left, **tie))


def _mark() -> None:
    """By SQL, past the triggers that keep the record from being changed."""
    run = db.session.execute
    run(text("SET LOCAL session_replication_role = replica"))
    for one in db.session.scalars(select(Person)).all():
        if not one.reference.startswith("USR-"):
            one.name = f"{MARKUP}canaryx{one.reference.replace('-', '').lower()} {one.name}"
    for whose, organization in (("a", A), ("b", B)):
        _mark_organization(whose, _one(Organization, organization))
    db.session.flush()


def _mark_organization(whose: str, organization: Organization) -> None:
    run, sing = db.session.execute, f"canary{whose}"
    said = f"{MARKUP}{sing}"
    organization.name, organization.acronym = f"{said}name House", f"{said}name"
    organization.contact_name = organization.legal_representative = f"{said}contact Notaname"
    organization.email = f"{sing}contact@example.org"
    organization.registration_number = f"{said}number"
    organization.mission = {key: f"{said}name {words}" for key, words in organization.mission.items()} or {"en": sing}
    organization.risk = f"{said}risk"
    ids = {"o": organization.id}
    run(
        text(
            "UPDATE person SET name = :said || 'member' || right(reference, 1) || ' Notaname',"
            " email = :s || 'member' || right(reference, 1) || '@example.org' WHERE reference LIKE :r"
        ),
        {"s": sing, "said": said, "r": f"USR-{organization.reference[4:]}-%"},
    )
    run(
        text(
            "UPDATE enquiry SET text = :said || 'enquiry', given = :said || 'enquiry' FROM person p"
            " WHERE p.id = asker_id AND p.reference LIKE :r"
        ),
        {"said": said, "r": f"USR-{organization.reference[4:]}-%"},
    )
    for application in db.session.scalars(select(Application).where(Application.organization_id == organization.id)):
        _mark_application(sing, application)
    run(text("UPDATE award SET title = :s || 'grant' WHERE organization_id = :o"), {"s": said} | ids)
    run(
        text(
            "UPDATE past_award SET grantee = :s || 'name', title = :s || 'grant',"
            " cells = ARRAY[:s || 'name', :s || 'grant'] WHERE organization_id = :o"
        ),
        {"s": said} | ids,
    )
    of_award = "award_id IN (SELECT id FROM award WHERE organization_id = :o)"
    run(text(f"UPDATE condition SET text = :s || 'condition must be met' WHERE {of_award}"), {"s": said} | ids)
    run(text(f"UPDATE milestone SET title = :s || 'milestone' WHERE {of_award}"), {"s": said} | ids)
    run(
        text(
            "UPDATE amendment SET reason = :s || 'change', scope = :s || 'change of the work', answer = :s || 'change'"
            f" WHERE {of_award}"
        ),
        {"s": said} | ids,
    )
    run(
        text(
            "UPDATE visit SET purpose = :s || 'visit', went = went || :s || 'went', met = met || :s || 'met',"
            f" findings = findings || :s || 'found', note = note || :s || 'inside' WHERE {of_award}"
        ),
        {"s": said} | ids,
    )
    run(
        text(
            f"UPDATE agreed_change SET text = :s || 'agreed' WHERE visit_id IN (SELECT id FROM visit WHERE {of_award})"
        ),
        {"s": said} | ids,
    )
    run(text(f"UPDATE budget_notice SET reason = :s || 'change' WHERE {of_award}"), {"s": said} | ids)
    run(
        text(
            "UPDATE letter SET details = jsonb_build_object('reason', CAST(:s AS text) || 'standing') FROM award a"
            " WHERE a.application_id = letter.application_id AND a.organization_id = :o AND letter.kind = 'suspension'"
        ),
        {"s": said} | ids,
    )
    run(text(f"UPDATE refund SET bank_reference = :s || 'bankref' WHERE {of_award}"), {"s": said} | ids)
    of_visit = f"visit_id IN (SELECT id FROM visit WHERE {of_award})"
    run(text(f"UPDATE visit_file SET label = :s || 'visit' WHERE {of_visit}"), {"s": said} | ids)
    of_tranche = f"tranche_id IN (SELECT id FROM tranche WHERE {of_award})"
    run(
        text(f"UPDATE disbursement SET bank_reference = :s || 'bankref' WHERE {of_tranche} AND paid_on IS NOT NULL"),
        {"s": said} | ids,
    )
    for row in run(text("SELECT id, token FROM bank_account WHERE organization_id = :o"), ids).all():
        sealed = {
            "holder": encryption.seal(f"{sing}bankholder", HOLDER_PLACE, row.token),
            "number": encryption.seal(f"{sing}banknumber", NUMBER_PLACE, row.token),
            "id": row.id,
        }
        run(text("UPDATE bank_account SET holder_sealed = :holder, number_sealed = :number WHERE id = :id"), sealed)
    for due in db.session.scalars(select(ReportDue).join(Award).where(Award.organization_id == organization.id)):
        if due.report is None:
            continue
        told = "reportdraft" if due.state == ReportState.OWED else "report"
        definition = definition_of(due.report.answer_sheet.questionnaire_id)
        _mark_sheet(due.report.answer_sheet_id, definition, lambda _, word=f"{said}{told}": word)
        run(
            text("UPDATE report_line SET explanation = :s WHERE report_id = :r"),
            {"s": f"{said}{told}", "r": due.report.id},
        )
        run(
            text("UPDATE write_up SET spoke_with = spoke_with || :s || 'spoke', phone = '' WHERE report_id = :r"),
            {"s": said, "r": due.report.id},
        )
        run(
            text(
                "UPDATE reported_change SET what = :s, evidence = CASE evidence WHEN '' THEN '' ELSE :s END"
                " WHERE report_id = :r"
            ),
            {"s": f"{said}{told}", "r": due.report.id},
        )
        run(
            text("UPDATE report_return SET reason = :s || 'returned' WHERE report_id = :r"),
            {"s": said, "r": due.report.id},
        )
    subjects = (
        "(subject_kind = 'application' AND subject_id IN (SELECT id FROM application WHERE organization_id = :o))"
        " OR (subject_kind = 'award' AND subject_id IN (SELECT id FROM award WHERE organization_id = :o))"
        " OR (subject_kind = 'amendment' AND subject_id IN"
        " (SELECT m.id FROM amendment m JOIN award w ON w.id = m.award_id WHERE w.organization_id = :o))"
        " OR (subject_kind = 'bank_account' AND subject_id IN"
        " (SELECT id FROM bank_account WHERE organization_id = :o))"
    )
    run(
        text(f"UPDATE history_entry SET reason = :s || 'told' WHERE reason IS NOT NULL AND ({subjects})"),
        {"s": said} | ids,
    )
    run(
        text("UPDATE conflict_declaration SET reason = :s || 'tie' WHERE organization_id = :o AND reason <> ''"),
        {"s": said} | ids,
    )


def _mark_application(sing: str, application: Application) -> None:
    run, ids = db.session.execute, {"a": application.id}
    if application.reference in AWARDED.values():
        sing += "past"
    said = f"{MARKUP}{sing}"
    draft = application.submitted_at is None
    application.title = f"{said}{'draft' if draft else 'title'} of the action"
    definition = definition_of(application.questionnaire_id)

    def word(question: Question) -> str:
        if draft:
            return f"{said}draft"
        if question.visibility:
            return f"{said}staff" if question.visibility == "staff_only" else f"{said}shared"
        if question.key.startswith("org_"):
            return f"{said}profile"
        return f"{said}title" if question.key == "title" else f"{said}answer"

    _mark_sheet(application.answer_sheet_id, definition, word)
    for row in run(text("SELECT id, content FROM receipt WHERE application_id = :a"), ids).all():
        words = json.dumps(row.content)
        marked = re.sub(r'": "([^"]{40,})"', f'": "{sing}answer"', words)
        run(text("UPDATE receipt SET content = :c WHERE id = :i"), {"c": marked, "i": row.id})
    run(text("UPDATE draft_note SET text = :w WHERE application_id = :a"), ids | {"w": f"{said}draft"})
    for attachment in db.session.scalars(select(Attachment).where(Attachment.application_id == application.id)):
        if attachment.file is not None:
            kind = "draft" if draft else "paper" if attachment.document.sensitive else "file"
            attachment.file.name = f"{sing}{kind}.pdf"
        else:
            attachment.withheld_reason = f"{said}withheld for a reason"
    of_review = "SELECT r.id, p.reference FROM review r JOIN assignment s ON s.id = r.assignment_id"
    for row in run(text(f"{of_review} JOIN person p ON p.id = s.reviewer_id WHERE s.application_id = :a"), ids).all():
        words = {"w": f"{said}review{row.reference.replace('-', '').lower()} words", "i": row.id}
        words["t"] = f"{said}toapplicant words"
        run(text("UPDATE review SET summary = :w, for_applicant = :t WHERE id = :i"), words)
        run(text("UPDATE score SET reason = :w WHERE review_id = :i"), words)
    run(
        text(
            "UPDATE decision SET reason = :s || 'decision', feedback = :s || 'feedback',"
            " conditions = array_replace(conditions, conditions[1], :s || 'condition must be met')"
            " WHERE application_id = :a"
        ),
        {"s": said} | ids,
    )
    run(text("UPDATE recusal SET reason = :s || 'tie' WHERE application_id = :a"), {"s": said} | ids)
    run(text("UPDATE finding SET reason = :s || 'finding' WHERE application_id = :a AND judged"), {"s": said} | ids)


WORDS = ("text", "longtext")


def _mark_sheet(sheet_id: int, definition: Definition, word: Callable[[Question], str]) -> None:
    questions = {q.key: q for section in definition.sections for q in section.questions}
    rows = db.session.execute(
        text("SELECT id, values FROM section_answers WHERE answer_sheet_id = :s"), {"s": sheet_id}
    )
    for row in rows.all():
        values = {key: _marked(questions.get(key), value, word) for key, value in row.values.items()}
        db.session.execute(
            text("UPDATE section_answers SET values = :v WHERE id = :i"), {"v": json.dumps(values), "i": row.id}
        )


def _marked(question: Question | None, value: Any, word: Callable[[Question], str]) -> Any:
    if question is None or not value:
        return value
    if isinstance(value, str) and question.type in WORDS:
        return f"{word(question)} {value}"
    if isinstance(value, list) and question.columns:
        written = {column.key for column in question.columns if column.type in WORDS}
        return [
            {k: f"{word(question)} {v}" if k in written and isinstance(v, str) and v else v for k, v in row.items()}
            for row in value
        ]
    return value
