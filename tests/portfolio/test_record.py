from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select

from grants.accounts.models import Organization, Person, Role
from grants.amendments.models import Amendment
from grants.applications.models import Application, Receipt
from grants.applications.workflow import ApplicationState
from grants.checks.models import Clarification
from grants.closeout.models import Closeout, Erasure
from grants.complaints.models import Complaint
from grants.conflicts.models import ConflictDeclaration, Grade, YearDeclaration
from grants.core.db import db
from grants.core.languages import speaking
from grants.core.workflow import Workflow
from grants.decisions.models import Decision
from grants.dossiers.models import Dossier
from grants.enquiries.models import Enquiry
from grants.history.actions import begin, note
from grants.history.models import HistoryEntry
from grants.imports.actions import send_in
from grants.portfolio import queries
from grants.portfolio.rules import RECORDED, SAID
from grants.reviews.models import Assignment
from grants.visits.models import Visit
from tests import factories as make
from tests.http import Browser


@pytest.fixture
def auditor(app: Flask) -> Person:
    return make.person(Role.AUDITOR, regions=[])


def an_application(**more: Any) -> Application:
    owner = make.person(name="Awa Diop")
    return make.application(make.call(), make.organization(owner), owner, **more)


def happened(application: Application, times: int = 1, verb: str = "check", **more: Any) -> list[HistoryEntry]:
    by = db.session.get(Person, application.started_by_id)
    return [note("application", application.id, verb, by=by, **more) for _ in range(times)]


def rows(browser: Browser) -> list[list[str]]:
    """The cells of the record as a reader sees them."""
    return [[cell.text for cell in row.all("td")] for row in browser.page.root.all("tr") if "td" in row]


def test_a_line_says_in_words_what_happened_to_what_by_whom_and_why(browser: Browser, auditor: Person) -> None:
    application = an_application()
    happened(application, verb="find_ineligible", reason="Not registered anywhere.")
    browser.sign_in(auditor).get("/record")
    what, subject, who, when = rows(browser)[0]
    assert what.startswith(str(Workflow.all["application"].said("find_ineligible")))
    assert "find_ineligible" not in browser.text
    assert "Not registered anywhere." in what
    assert subject == application.reference
    assert who == "Awa Diop"
    assert "UTC" in when


def test_the_record_speaks_the_language_of_its_reader(browser: Browser, app: Flask) -> None:
    happened(an_application(), verb="check")
    reader = make.person(Role.AUDITOR, regions=[], language="fr")
    browser.sign_in(reader).get("/record")
    said = Workflow.all["application"].said("check")
    with speaking("fr"):
        assert rows(browser)[0][0] == str(said)
    with speaking("en"):
        assert rows(browser)[0][0] != str(said)


def test_the_newest_stands_first_and_pages_follow_each_other_without_gap_or_repetition(
    browser: Browser, auditor: Person
) -> None:
    entries = happened(an_application(), times=queries.RECORD_PAGE * 2 + 3)
    browser.sign_in(auditor)
    address: str | None = "/record"
    met: list[int] = []
    while address:
        browser.get(address)
        met += [int(str(row.at["id"]).removeprefix("entry-")) for row in browser.page.root.all("tr") if "id" in row.at]
        older = [str(link.at["href"]) for link in browser.page.root.all("a", rel="next")]
        if older:
            note("application", entries[0].subject_id, "judge", by=None)  # meanwhile life goes on
        address = older[0] if older else None
    assert met == [entry.id for entry in reversed(entries)]


def test_the_record_is_narrowed_to_one_kind(browser: Browser, auditor: Person) -> None:
    application = an_application()
    happened(application)
    begin(application.call, "import", by=None)
    browser.sign_in(auditor).get("/record?kind=call")
    assert [row[1] for row in rows(browser)] == [application.call.reference]
    assert rows(browser)[0][2] == "the system"
    browser.get("/record?kind=nonsense")
    assert len(rows(browser)) == 2


@pytest.mark.parametrize("role", [r for r in Role if r not in (Role.AUDITOR, Role.GLOBAL_COORDINATOR)])
def test_nobody_else_reads_the_record(browser: Browser, app: Flask, role: Role) -> None:
    browser.sign_in(make.person(role)).get("/record", status=403)


def test_a_global_coordinator_reads_the_record(browser: Browser, app: Flask) -> None:
    application = an_application()
    happened(application)
    browser.sign_in(make.person(Role.GLOBAL_COORDINATOR)).get("/record")
    assert rows(browser)[0][1] == application.reference


def test_who_has_a_tie_learns_neither_which_nor_who_nor_why(browser: Browser, auditor: Person) -> None:
    tied, other = an_application(), an_application()
    happened(other)
    happened(tied, reason="A secret reason.")
    tie = {"person_id": auditor.id, "organization_id": tied.organization_id, "grade": Grade.CONFLICT}
    make.save(ConflictDeclaration(**tie, reason="A cousin"))
    browser.sign_in(auditor)
    for page in ("/record", "/"):
        browser.get(page)
        hidden, shown = rows(browser)[-2:]
        assert hidden[1:3] == ["not open to you", "–"]
        assert tied.reference not in browser.text
        assert "A secret reason." not in browser.text
        assert shown[1] == other.reference


def test_a_draft_is_not_named_before_it_is_sent_in(browser: Browser, auditor: Person) -> None:
    draft = an_application(state=ApplicationState.DRAFT, submitted_at=None, content_hash=None)
    happened(draft)
    browser.sign_in(auditor).get("/record")
    assert draft.reference not in browser.text


def test_confidential_grants_are_references_only(browser: Browser, auditor: Person) -> None:
    application = an_application(title="Shelter of Amina", confidentiality="fully_confidential")
    award = make.award(application, make.person())
    note("award", award.id, "reach_milestone", by=None)
    browser.sign_in(auditor).get("/record")
    assert award.reference in browser.text
    organization = str(db.session.scalar(select(Organization.name).where(Organization.id == award.organization_id)))
    assert not {name for name in ("Amina", organization) if name in browser.text}


def test_the_home_of_an_auditor_shows_the_last_ten_lines_and_the_way_to_the_record(
    browser: Browser, auditor: Person
) -> None:
    happened(an_application(), times=12)
    browser.sign_in(auditor).get("/")
    assert len(rows(browser)) == 10
    assert rows(browser)[0][0] == str(Workflow.all["application"].said("check"))
    assert "/record" in {link.at.get("href") for link in browser.page.root.all("a")}


def test_the_seals_are_shown_and_not_computed_again(browser: Browser, auditor: Person) -> None:
    browser.sign_in(auditor)
    seen: list[str] = []
    with listening(seen):
        browser.get("/record")
    assert "grants history verify" in browser.text
    assert any("history_seal" in statement for statement in seen)
    assert not any("history_digest" in statement for statement in seen)


class listening:  # noqa: N801 - reads like the verb it is
    """Collect the statements that reach the database meanwhile."""

    def __init__(self, into: list[str]) -> None:
        self.into, self.connection = into, db.session.connection()

    def _hear(self, *heard: Any) -> None:
        self.into.append(heard[2])

    def __enter__(self) -> None:
        event.listen(self.connection, "before_cursor_execute", self._hear)

    def __exit__(self, *_: object) -> None:
        event.remove(self.connection, "before_cursor_execute", self._hear)


def test_ten_lines_and_two_hundred_cost_the_same_queries(browser: Browser, auditor: Person) -> None:
    applications = [an_application() for _ in range(5)]
    browser.sign_in(auditor)
    counts = []
    for times in (2, 38):
        for application in applications:
            happened(application, times=times)
            note("call", application.call_id, "publish", by=None)
        db.session.commit()
        seen: list[str] = []
        with listening(seen):
            browser.get("/record")
        counts.append(len([s for s in seen if s.lstrip().startswith("SELECT")]))
    assert counts[0] == counts[1]
    assert counts[0] <= 8


TESTED_ELSEWHERE = {"list_file", "disbursement", "bank_account", "person", "mail"}
"""Payments have their own tests, and so has what administrators do."""


def test_every_kind_of_subject_has_words_and_a_page_that_opens(browser: Browser, auditor: Person) -> None:
    coordinator, reviewer = make.person(Role.GLOBAL_COORDINATOR), make.person(Role.REVIEWER)
    application = an_application()
    award = make.award(application, coordinator)
    decision = db.session.scalars(select(Decision).where(Decision.id == award.decision_id)).one()
    due = make.report_due(award)
    asked = {"application_id": application.id, "reviewer_id": reviewer.id, "asked_by_id": coordinator.id}
    assignment = make.save(Assignment(**asked, due_on=due.due_on))
    ended = {"opened_by_id": coordinator.id, "due_on": due.due_on, "keep_until": due.due_on}
    closeout = make.save(Closeout(award_id=award.id, **ended))
    erasure = make.save(Erasure(award_id=award.id, proposed_by_id=coordinator.id))
    dossier = make.save(Dossier(award_id=award.id, person_id=coordinator.id, language="en"))
    visited = {"kind": "remote", "purpose": "To see.", "due_on": due.due_on, "lead_id": coordinator.id}
    visit = make.save(Visit(award_id=award.id, number=1, **visited))
    tie = {"person_id": reviewer.id, "organization_id": application.organization_id, "grade": Grade.NONE}
    interest = make.save(ConflictDeclaration(**tie))
    year = make.save(YearDeclaration(person_id=reviewer.id, words="", organizations=[]))
    asking = {"call_id": application.call_id, "asker_id": reviewer.id, "state": "asked", "language": "en"}
    enquiry = make.save(Enquiry(**asking, origin="", text="May we?"))
    receipt = {"application_id": application.id, "submitted_at": application.submitted_at, "content_hash": "0" * 64}
    before = make.save(Receipt(number="R-1", submitted_by_id=reviewer.id, content={}, **receipt))
    question = {"application_id": application.id, "number": 1, "parts": ["S1"], "reason": "Why?", "due_on": due.due_on}
    clarification = make.save(Clarification(**question, before_id=before.id, asked_by_id=coordinator.id))
    said = {"ground": "factual_error", "text": "Why?", "language": "en", "answer_by": due.due_on}
    complaint = make.save(Complaint(reference="C-1", application_id=application.id, made_by_id=reviewer.id, **said))
    wish = {"kinds": ["no_cost_extension"], "reason": "Rain.", "asked_by_id": reviewer.id, "number": 1}
    change = make.save(Amendment(award_id=award.id, state="requested", waits_since=application.submitted_at, **wish))
    subjects = {
        "complaint": complaint.id,
        "amendment": change.id,
        "clarification": clarification.id,
        "call": application.call_id,
        "enquiry": enquiry.id,
        "application": application.id,
        "assignment": assignment.id,
        "interest": interest.id,
        "year_declaration": year.id,
        "reviewer": reviewer.id,
        "meeting": decision.meeting_id,
        "decision": decision.id,
        "award": award.id,
        "report_due": due.id,
        "closeout": closeout.id,
        "erasure": erasure.id,
        "dossier": dossier.id,
        "visit": visit.id,
        "award_import": send_in("old.csv", b"Grantee,Amount\nA,EUR 5\n", by=coordinator).id,
    }
    assert set(subjects) == set(RECORDED) - TESTED_ELSEWHERE
    verbs = dict(SAID)
    for kind, subject_id in subjects.items():
        verb = next((verb for known, verb in verbs if known == kind), "explain")
        note(kind, subject_id, verb, by=coordinator)
    db.session.commit()
    browser.sign_in(auditor).get("/record")
    assert len(rows(browser)) == len(subjects)
    assert "not open to you" not in browser.text
    links = [str(a.at["href"]) for row in browser.page.root.all("tr") for a in row.all("a")]
    assert len(links) == len(subjects) - 2
    for link in links:
        browser.get(link)
