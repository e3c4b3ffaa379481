"""Every mail in every language: each is used, each can be written, and none tells in its subject what is nobody's."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from jinja2 import StrictUndefined
from sqlalchemy import select

from config import ROOT, Config
from grants.accounts import mails as account_mails
from grants.accounts.models import Confidentiality, Invitation, Organization, Person, Role, RoleProposal
from grants.accounts.security import MAILS as SIGN_IN_MAILS
from grants.accounts.security import OutboxMailUtil
from grants.app import create_app
from grants.applications import mails as application_mails
from grants.applications.models import Application, Attachment
from grants.applications.queries import receipt_of
from grants.awards import mails as award_mails
from grants.awards.models import Agreement
from grants.checks import mails as check_mails
from grants.checks.models import Clarification
from grants.complaints import mails as complaint_mails
from grants.complaints.models import Complaint
from grants.core import clock
from grants.core.db import db
from grants.core.languages import LANGUAGES
from grants.core.mail import SECRET_KINDS, Mail, post
from grants.decisions import mails as decision_mails
from grants.decisions.models import Decision
from grants.decisions.queries import points_of as agenda_of
from grants.diligence import mails as diligence_mails
from grants.entries import mails as entry_mails
from grants.entries.models import AssistedEntry
from grants.letters.models import Letter, LetterKind
from grants.organizations import mails as organization_mails
from grants.organizations.models import JoiningRequest, Resemblance, Sponsorship
from grants.payments import mails as payment_mails
from grants.payments.models import Disbursement, Refund, RefundRequest
from grants.payments.workflow import DisbursementState
from grants.reminders import mails as reminder_mails
from grants.reminders.queries import Deadline, Window, deadlines
from grants.reminders.rules import OFFSETS
from grants.reports import mails as report_mails
from grants.reports.models import ReportDue
from grants.reviews import mails as review_mails
from grants.reviews.models import Assignment
from grants.reviews.workflow import AssignmentState
from grants.uploads import mails as upload_mails
from grants.visits import mails as visit_mails
from grants.visits.models import Visit
from grants.writeups import mails as writeup_mails
from grants.writeups.models import WriteUp
from tests.conftest import in_every_language

TEMPLATES = sorted(path.stem for path in (ROOT / "templates" / "mails").glob("*.txt"))
YEAR = timedelta(days=400)


# ------------------------------------------------------------------ each has its other half


def mails_in_code() -> set[str]:
    """The templates that the functions of all ``mails.py`` name, and those of the sign-in library's mails."""
    named = {f"reminder_{kind}" for kind in OFFSETS} | set(SIGN_IN_MAILS.values())
    for path in (ROOT / "grants").glob("*/mails.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
            if called in ("Mail", "_of") and isinstance(node.args[0], ast.Constant):  # type: ignore[attr-defined]
                named.add(node.args[0].value)  # type: ignore[attr-defined]
    return named


def test_every_template_is_written_by_a_function_and_every_function_has_a_template() -> None:
    assert mails_in_code() == set(TEMPLATES)


@pytest.mark.parametrize("package", sorted(path.parent.name for path in (ROOT / "grants").glob("*/mails.py")))
def test_every_function_of_a_mail_is_called_and_named_after_its_template(package: str) -> None:
    folder = ROOT / "grants" / package
    functions = [
        node.name
        for node in ast.parse((folder / "mails.py").read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
        and node.returns
        and ast.unparse(node.returns) == "Mail"
        and not node.name.startswith("_")
    ]
    code = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py") if path.name != "mails.py")
    assert functions
    for name in functions:
        assert re.search(rf"\bmails\.{name}\b", code), f"nobody sends {name}"
        assert name in TEMPLATES or name == "reminder"


def test_the_text_of_a_mail_that_holds_a_one_time_link_is_not_kept_after_it_was_sent() -> None:
    folder = ROOT / "templates" / "mails"
    holding = [path.stem for path in sorted(folder.glob("*.txt")) if "token=" in path.read_text(encoding="utf-8")]
    assert "writeup_link" in holding
    assert [name for name in holding if not name.startswith(SECRET_KINDS)] == []


# ------------------------------------------------------------------ each can be written


def rare_mails() -> Iterable[Mail]:
    """The mails that the demonstration has no occasion for, about its own rows."""
    to = db.session.scalars(select(Person).where(Person.reference == "USR-NP-1")).one()
    staff = db.session.scalars(select(Person).where(Person.reference == "STF-04")).one()
    application = db.session.scalars(select(Application).where(Application.reference == "APP-008")).one()
    organization = application.organization
    rule = {"key": "E01", "text": {"en": "A rule.", "fr": "Une règle.", "es": "Una regla."}, "reason": "Seen."}
    told = {"rules": [rule], "reason": "A reason.", "complain_until": "2027-04-29"}
    write_up = db.session.scalars(select(WriteUp)).one()
    owed = db.session.get_one(ReportDue, write_up.report.report_due_id)
    yield writeup_mails.writeup_link(write_up, owed, "amina.sampleson@example.org", "a" * 43)
    yield report_mails.report_waived(owed, to)
    yield report_mails.report_moved(owed, to, 1)
    yield visit_mails.visit_given_up(db.session.scalars(select(Visit).limit(1)).one(), staff, 1)
    yield writeup_mails.writeup_confirmed(write_up, owed, write_up.entered_by, "1")
    yield writeup_mails.writeup_confirmed(write_up, owed, to, "1")
    yield writeup_mails.writeup_declined(write_up, owed, write_up.entered_by, "1")
    yield writeup_mails.writeup_declined(write_up, owed, to, "1")
    yield check_mails.application_found_ineligible(application, Letter(details=told), to, "1")
    receipt = receipt_of(application)
    assert receipt is not None
    asked = Clarification(
        application=application,
        number=1,
        parts=["S6"],
        reason="Which partner?",
        due_on=clock.now().date(),
        after=receipt,
    )
    for write in (
        check_mails.clarification_asked,
        check_mails.clarification_extended,
        check_mails.clarification_received,
        check_mails.clarification_answered,
    ):
        yield write(asked, to)
    yield check_mails.clarification_closed(asked, "A reason.", to)
    for kind in ("clarification_due", "clarification_late"):
        waiting = Deadline(kind, "APP-008 question 1", asked.due_on, clock.now(), [to], {"reference": "APP-008"})
        for offset in (-1, 1):
            yield reminder_mails.reminder(waiting, to, offset)
    paper = {"reference": organization.reference, "document": "Statutes"}
    about = f"{organization.reference} document 1"
    expiring = Deadline("document_expiring", about, clock.now().date(), clock.now(), [to], paper)
    for offset in (-7, 1):
        yield reminder_mails.reminder(expiring, to, offset)
    typed = AssistedEntry(
        application=application,
        entered_by=staff,
        spoke_with="Awa",
        spoken_on=clock.now().date(),
        token_hash="a" * 64,
        token_until=clock.now(),
        confirmed_hash="b" * 64,
    )
    yield entry_mails.entry_to_confirm(typed, "awa@example.org", "a-token")
    yield entry_mails.entry_confirmed(typed, staff)
    yield application_mails.application_withdrawn(application, "A reason.", staff)
    yield application_mails.application_resumed(application, to, "1")
    yield application_mails.certification_asked(application, to, clock.now(), to)
    yield application_mails.application_certified(application, to, clock.now(), to)
    attachment = db.session.scalars(select(Attachment).where(Attachment.application_id == application.id)).first()
    assert attachment is not None
    yield upload_mails.document_locked(attachment, to)
    assignment = db.session.scalars(select(Assignment).where(Assignment.application_id == application.id)).first()
    assert assignment is not None
    yield review_mails.assignment_released(assignment, application, 1)
    yield review_mails.review_reopened(assignment, application, "A reason.", 1)
    yield review_mails.reviewer_missing(application, staff, 1)
    yield review_mails.conflict_declared_late(application, staff, 1)
    complaint = Complaint(reference="APP-008-C1", application=application, answer_by=clock.now().date())
    yield complaint_mails.complaint_received(complaint, to)
    yield complaint_mails.complaint_made(complaint, staff)
    yield complaint_mails.complaint_answered(complaint, to)
    yield complaint_mails.complaint_withdrawn(complaint, staff)
    awaited = {"reference": complaint.reference}
    unanswered = Deadline("complaint_due", complaint.reference, complaint.answer_by, clock.now(), [staff], awaited)
    for offset in (-1, 1):
        yield reminder_mails.reminder(unanswered, staff, offset)
    decision = db.session.scalars(select(Decision)).first()
    assert decision is not None
    yield decision_mails.decision_reserve(decision, to)
    yield decision_mails.conflict_after_decision(decision, staff, 1)
    meeting = decision.meeting
    points = agenda_of(meeting.id)
    yield decision_mails.meeting_agenda(meeting, staff, points)
    yield decision_mails.meeting_moved(meeting, staff, 1)
    yield decision_mails.meeting_cancelled(meeting, to)
    meeting.ends_at = meeting.starts_at + timedelta(days=5)
    yield decision_mails.meeting_moved(meeting, to, 2)
    yield decision_mails.meeting_agenda(meeting, to, points)
    yield decision_mails.meeting_called(meeting, to, points)
    payment = db.session.scalars(select(Disbursement)).first()
    assert payment is not None
    yield payment_mails.disbursement_returned(payment, to)
    yield payment_mails.bank_account_changed(payment.bank_account, organization, to)
    award = payment.tranche.award
    yield award_mails.new_budget_handed_in(award, staff, 1)
    yield award_mails.new_budget_returned(award, to, 1)
    yield award_mails.new_budget_accepted(award, to, 1)
    yield award_mails.agreement_copy_handed_in(award, staff, 1)
    yield award_mails.agreement_copy_returned(award, to, 1, "Page two is missing.")
    yield award_mails.agreement_countersigned(award, Agreement(version=1), to)
    yield award_mails.award_condition_added(award, to, 1)
    yield diligence_mails.diligence_asked_again(award, to, 1, "Please send it with a stamp.")
    yield diligence_mails.consent_asked(award, to, 1)
    for occasion, given in enumerate((True, False)):
        yield diligence_mails.consent_answered(award, staff, occasion, given=given)
    due = Deadline(
        "condition_due", award.reference, clock.now().date(), clock.now(), [to], {"reference": award.reference}
    )
    for offset in (-3, 1):
        yield reminder_mails.reminder(due, to, offset)
    for n, kind in enumerate((LetterKind.SUSPENSION, LetterKind.RESUMPTION, LetterKind.TERMINATION)):
        yield award_mails.award_letter(award, kind, 1, to, n)
    refund = Refund(
        reference=f"{award.reference}-R1", amount_minor=12_345, currency="EUR", received_on=clock.today("UTC")
    )
    yield payment_mails.refund_recorded(refund, award.reference, to)
    asked = RefundRequest(id=1, amount_minor=1, currency="EUR", due_on=clock.now().date(), reason="Not spent.")
    yield payment_mails.refund_asked(asked, award.reference, to)
    yield payment_mails.refund_taken_back(refund, award.reference, to)
    for occasion, paid_on in enumerate((None, clock.today("UTC"))):
        payment.paid_on = paid_on
        yield payment_mails.disbursement_taken_back(payment, to, occasion)
    yield payment_mails.refund_not_asked(asked, award.reference, to)
    back = Deadline("refund_due", "refund 1", asked.due_on, clock.now(), [to], {"reference": award.reference})
    for offset in (-1, 1):
        yield reminder_mails.reminder(back, to, offset)
    yield payment_mails.proof_locked(payment, award.reference, to)
    yield payment_mails.proof_locked(refund, award.reference, to)
    invitation = Invitation(id=1, email="new@example.org", expires_at=clock.now() + timedelta(days=7))
    yield account_mails.account_invited(invitation, organization, to, "a-token", None)
    yield account_mails.account_invited(invitation, organization, to, "a-token", staff)
    yield account_mails.account_opened(staff, None, "a-token", invitation.expires_at)
    yield account_mails.account_opened(staff, to, "another-token", invitation.expires_at)
    with db.session.no_autoflush:
        proposal = RoleProposal(id=1, person=staff, role=Role.FINANCE_OFFICER, proposed_by=to)
    yield account_mails.role_to_confirm(proposal, staff)
    yield from mails_of_organizations(organization, to, staff)


def mails_of_organizations(organization: Organization, to: Person, staff: Person) -> Iterable[Mail]:
    """The mails about joining, owning, sponsoring and second accounts."""
    request = JoiningRequest(id=1, organization=organization, person=to, words="Please.", reason="A reason.")
    yield organization_mails.joining_asked(request, staff)
    yield organization_mails.joining_accepted(request)
    yield organization_mails.joining_declined(request)
    yield organization_mails.ownership_handed_over(organization.members[0])
    sponsorship = Sponsorship(id=1, organization=organization, sponsor=organization, state="consented", words="Please.")
    yield organization_mails.sponsorship_asked(sponsorship, to)
    yield organization_mails.sponsorship_answered(sponsorship, to)
    yield organization_mails.sponsorship_ended(sponsorship, organization, to)
    pair = Resemblance(id=1, alike=[], similarity=0)
    yield organization_mails.accounts_united(pair, organization, to, "1")
    yield organization_mails.accounts_parted(pair, organization, to, "1")


def reminders() -> Iterable[Mail]:
    """A reminder before and one after every deadline, of every kind."""
    paid = db.session.scalars(select(Disbursement).where(Disbursement.state == DisbursementState.CONFIRMED)).first()
    asked = db.session.scalars(select(Assignment).where(Assignment.state == AssignmentState.COMPLETED)).first()
    assert paid is not None
    assert asked is not None
    paid.state, asked.state = DisbursementState.PAID, AssignmentState.ASKED
    db.session.flush()
    seen: Counter[str] = Counter()
    for deadline in deadlines(Window(clock.now(), YEAR, YEAR)):
        seen[deadline.kind] += 1
        if seen[deadline.kind] <= 3:
            for offset in (-1, 1):
                yield reminder_mails.reminder(deadline, deadline.people[0], offset)


def let_go() -> None:
    """Leave the demonstration to whoever wants to copy it."""
    db.session.remove()
    for engine in db.engines.values():
        engine.dispose()


Written = dict[str, list[dict[str, str]]]


@pytest.fixture(scope="module")
def written(demonstration: Config, written_mails: Written) -> Written:
    """Every mail of the demonstration, and those it had no occasion for, in every language."""
    found: Written = {name: list(texts) for name, texts in written_mails.items()}
    app = create_app(demonstration)
    app.jinja_env.undefined = StrictUndefined
    with app.test_request_context():
        rare: Written = {}
        with in_every_language(rare):
            post(*rare_mails(), *reminders())
            person = db.session.scalars(select(Person).where(Person.reference == "USR-NP-1")).one()
            for template in SIGN_IN_MAILS:
                tokens = {"confirmation_token": "a-token", "reset_token": "a-token"}
                OutboxMailUtil(app).send_mail(template, "", "", "", "", "", user=person, **tokens)
        db.session.rollback()
        let_go()
    return found | rare


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_mail_has_a_subject_and_words_in_every_language(written: Written, name: str) -> None:
    assert written.get(name), f"nothing was written with {name}.txt"
    for texts in written[name]:
        subjects = set()
        for language in LANGUAGES:
            first, _, body = texts[language].strip().partition("\n")
            subject = first.removeprefix("Subject:").strip()
            assert first.startswith("Subject: ")
            assert 8 < len(subject) < 120, subject
            assert len(body.split()) > 8, body
            assert not re.search(r"\bNone\b", subject + body)
            for unwritten in ("%(", "{{", "{%", "<Markup", "&amp;", "&#", "<p", "<a "):
                assert unwritten not in subject + body, f"{unwritten} in {subject}\n{body}"
            assert not re.search(r"\n{4,}", body), "a hole in the text"
            subjects.add(subject)
        assert len(subjects) == len(LANGUAGES), f"not translated: {subjects}"


@pytest.mark.parametrize("name", TEMPLATES)
def test_links_in_mails_are_whole_and_on_a_line_of_their_own(written: Written, name: str) -> None:
    for texts in written[name]:
        links = {lang: re.findall(r"^.*http.*$", text, re.MULTILINE) for lang, text in texts.items()}
        assert len({tuple(found) for found in links.values()}) == 1, "the links differ from language to language"
        for line in links["en"]:
            assert re.fullmatch(r"https?://\S+", line), line


# ------------------------------------------------------------------ what a subject must not tell


@pytest.fixture(scope="module")
def secrets(demonstration: Config) -> dict[str, set[str]]:
    app = create_app(demonstration)
    with app.app_context():
        organizations = list(db.session.scalars(select(Organization)))
        titles = {title for title in db.session.scalars(select(Application.title)) if title}
        found = {
            "names": {o.name for o in organizations} | {o.acronym for o in organizations if o.acronym},
            "people": set(db.session.scalars(select(Person.name))),
            "titles": titles,
            "withheld": {
                word
                for o in organizations
                if o.confidentiality_default != Confidentiality.PUBLIC
                for word in (o.name, o.acronym, o.contact_name, o.legal_representative)
                if word
            },
        }
        let_go()
    assert all(len(words) > 2 for words in found.values())
    return found


def tells(text: str, words: Iterable[str]) -> list[str]:
    return [word for word in words if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text)]


MONEY = re.compile(r"(€|EUR|\$|USD)\s?\d|\d\s?(€|EUR|\$|USD)")

BY_INVITATION = "account_invited"
"""The one mail that names an organization: it is asked for by a member, and says who invites."""


@pytest.mark.parametrize("name", TEMPLATES)
def test_no_subject_tells_a_name_a_title_or_an_amount(
    written: Written, secrets: dict[str, set[str]], name: str
) -> None:
    for texts in written[name]:
        for text in texts.values():
            subject = text.strip().partition("\n")[0]
            for kind in ("names", "people", "titles", "withheld"):
                assert not tells(subject, secrets[kind]), f"{kind} in “{subject}”"
            assert not MONEY.search(subject), subject


@pytest.mark.parametrize("name", [name for name in TEMPLATES if name != BY_INVITATION])
def test_no_mail_tells_a_withheld_name_or_a_title(written: Written, secrets: dict[str, set[str]], name: str) -> None:
    for texts in written[name]:
        for text in texts.values():
            greeted = text.partition("\n")[2].strip().partition("\n")[2]
            assert not tells(greeted, secrets["withheld"]), text
            assert not tells(greeted, secrets["titles"]), text


def test_the_words_are_found_where_they_stand(written: Written, secrets: dict[str, set[str]]) -> None:
    invited: list[dict[str, Any]] = written[BY_INVITATION]
    assert tells(invited[0]["en"], secrets["withheld"])
    assert MONEY.search("You get EUR 5,000 of us")
    assert MONEY.search("5.000 € para ustedes")
