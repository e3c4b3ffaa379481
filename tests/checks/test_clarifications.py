"""An applicant is asked for more: only what was named can be written in, and what changed is seen."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from grants.accounts.models import Person, Role
from grants.applications import actions, queries
from grants.applications import rules as application_rules
from grants.applications.models import Application, Attachment, Receipt
from grants.applications.workflow import ApplicationState
from grants.checks import actions as checks
from grants.checks import queries as found
from grants.checks import rules
from grants.checks.models import Clarification, Outcome
from grants.checks.workflow import ClarificationState
from grants.conflicts.models import Grade
from grants.core import clock, files
from grants.core.db import db
from grants.core.files import StoredFile
from grants.core.mail import OutboxMail, as_message
from grants.core.rules import Refused
from grants.decisions import actions as decisions
from tests import factories as make
from tests.applications import documents, sample
from tests.http import Browser, Page
from tests.reviews.rows import case, declared

AFTER = datetime(2027, 3, 2, 10, tzinfo=UTC)
DUE = date(2027, 3, 12)
WHY = "Which partner does the training, and where?"


def refused(action: Callable[..., Any], *args: Any, **more: Any) -> list[str]:
    """The codes with which something is refused."""
    with pytest.raises(Refused) as refusal:
        action(*args, **more)
    return [o.code for o in refusal.value.obstacles]


def sent_in(reference: str = "APP-001") -> tuple[Application, Person, Person]:
    """A sample application that was sent in, its owner, and the coordinator of its region."""
    call, _everybody = sample.sample_call()
    application, owner = sample.filled(call, reference)
    with clock.at(sample.OPEN):
        sample.send_in(application, by=owner)
    return application, owner, make.person(Role.REGIONAL_COORDINATOR, regions=["AFR"])


def asked(parts: tuple[str, ...] = ("S6",)) -> tuple[Clarification, Person, Person]:
    """A request for more about some parts, the owner who answers it and the coordinator who asked."""
    application, owner, coordinator = sent_in()
    with clock.at(AFTER):
        return checks.ask(application, parts, WHY, DUE, by=coordinator), owner, coordinator


def kinds(application: Application) -> list[str]:
    return list(
        db.session.scalars(
            select(OutboxMail.kind).where(OutboxMail.about == application.reference).order_by(OutboxMail.id)
        )
    )


def test_what_is_asked_is_answered_with_a_receipt_of_its_own(app: Flask) -> None:
    clarification, owner, coordinator = asked()
    application = clarification.application
    first = clarification.before
    sent_at, was = application.submitted_at, application.content_hash
    with clock.at(AFTER):
        assert refused(checks.check_eligibility, application, by=coordinator) == ["clarification_open"]
        assert refused(checks.find_eligible, application, by=coordinator) == ["clarification_open"]
        assert refused(checks.ask, application, ["S2"], WHY, DUE, by=coordinator) == ["clarification_open"]
    with clock.at(AFTER + timedelta(days=3)):
        actions.save_section(
            application, "S6", {"sustainability": "With the union of Rufisque."}, by=owner, version=None
        )
        assert refused(checks.hand_in, clarification, "We named the partner.", by=owner) == ["changed_since_certified"]
        actions.certify(application, actions.fingerprint_now(application), by=owner)
        receipt = checks.hand_in(clarification, "We named the partner.", by=owner)
    assert (receipt.number, receipt.submitted_at) == (f"R-{application.reference}-2", AFTER + timedelta(days=3))
    assert application.submitted_at == sent_at
    assert application.content_hash == receipt.content_hash != was
    assert (receipt.certified_by_id, receipt.certified_at) == (owner.id, AFTER + timedelta(days=3))
    assert (clarification.state, clarification.after, application.reopened) == (
        ClarificationState.ANSWERED,
        receipt,
        [],
    )
    before = queries.receipt_with_content(application, first.number)
    now = queries.receipt_with_content(application)
    assert before is not None
    assert now is not None
    assert application_rules.fingerprint(before.content) == was
    assert application_rules.fingerprint(now.content) == receipt.content_hash
    (change,) = rules.differences(checks.definition_for(application), [], before.content, now.content, "en")
    assert change.part == "S6"
    assert change.now == ["With the union of Rufisque."]
    assert change.before == sample.answers_of("APP-001")["sustainability"].strip().splitlines()
    assert kinds(application) == [
        "application_submitted",
        "clarification_asked",
        "clarification_received",
        "clarification_answered",
        "clarification_answered",
    ]
    with clock.at(AFTER + timedelta(days=4)):
        checks.check_eligibility(application, by=coordinator)
        assert refused(checks.hand_in, clarification, "Again", by=owner) == ["not_open"]


def test_the_new_receipt_travels_with_a_copy_of_the_whole(app: Flask) -> None:
    clarification, owner, _coordinator = asked()
    application, said = clarification.application, {"sustainability": "With the union of Rufisque."}
    with clock.at(AFTER):
        actions.save_section(application, "S6", said, by=owner, version=None)
        actions.certify(application, actions.fingerprint_now(application), by=owner)
        receipt = checks.hand_in(clarification, "We named the partner.", by=owner)
    told = {mail.kind: mail for mail in db.session.scalars(select(OutboxMail).order_by(OutboxMail.id))}
    papers = {
        (kind, str(part.get_filename())): documents.words_in(part.get_content())
        for kind in ("application_submitted", "clarification_received")
        for part in as_message(told[kind]).iter_attachments()
    }
    copy, first = f"{application.reference}.pdf", clarification.before.number
    assert list(papers) == [
        ("application_submitted", f"{first}.pdf"),
        ("application_submitted", copy),
        ("clarification_received", f"{receipt.number}.pdf"),
        ("clarification_received", copy),
    ]
    assert receipt.content_hash in papers["clarification_received", f"{receipt.number}.pdf"]
    said_so = [
        "WiththeunionofRufisque." in papers[kind, copy] for kind in ("application_submitted", "clarification_received")
    ]
    assert said_so == [False, True]
    received = queries.receipt_with_content(application)
    assert received is not None
    for paper in received.content["attachments"]:
        assert all("".join(paper["name"].split()) in words for words in papers.values()), paper["name"]


def test_nothing_else_can_be_changed_by_an_answer(app: Flask) -> None:
    clarification, owner, _coordinator = asked(("S6", "document:workplan"))
    application = clarification.application
    papers = {a.document.key: a for a in queries.attachments_of(application)}
    asked_for = {d.key: d for d in application.call.documents}
    with clock.at(AFTER):
        for section in checks.definition_for(application).sections:
            if section.key not in ("S6", "S9"):
                assert refused(actions.save_section, application, section.key, {}, by=owner, version=None) == [
                    "not_draft"
                ]
        for key, document in asked_for.items():
            if key != "workplan" and document.stage == "application":
                paper = (f"{key}.pdf", documents.real_pdf("Another"))
                assert "not_draft" in refused(actions.attach, application, document, *paper, by=owner)
                assert "not_draft" in refused(actions.withhold, application, document, "Danger", by=owner)
        for key, attachment in papers.items():
            if key != "workplan":
                assert refused(actions.detach, attachment, by=owner) == ["not_draft"]
        actions.detach(papers["workplan"], by=owner)
        actions.attach(application, asked_for["workplan"], "plan.pdf", documents.real_pdf("New plan"), by=owner)
        actions.certify(application, actions.fingerprint_now(application), by=owner)
        receipt = checks.hand_in(clarification, "", by=owner)
        for key in ("S6", "document:workplan"):
            assert application_rules.obstacles_to_editing(application, key)
        assert refused(actions.save_section, application, "S6", {}, by=owner, version=None) == ["not_draft"]
    before, now = (queries.receipt_with_content(application, n) for n in (clarification.before.number, receipt.number))
    assert before is not None
    assert now is not None
    assert rules.parts_changed(before.content, now.content) == {"document:workplan"}
    kept = next(paper for paper in before.content["attachments"] if paper["document"] == "workplan")
    assert files.read(db.session.get_one(StoredFile, kept["file"]))


def test_what_got_changed_elsewhere_by_whatever_way_is_not_handed_in(app: Flask) -> None:
    clarification, owner, _coordinator = asked()
    application = clarification.application
    row = next(s for s in application.answer_sheet.sections if s.section_key == "S2")
    row.values = row.values | {"title": "Another title"}
    db.session.flush()
    with clock.at(AFTER):
        assert refused(checks.hand_in, clarification, "", by=owner) == ["changed_elsewhere"]


def test_an_answer_is_complete_before_it_is_handed_in(app: Flask) -> None:
    clarification, owner, _coordinator = asked(("S2", "S8"))
    application = clarification.application
    with clock.at(AFTER):
        actions.save_section(application, "S2", {"title": "", "requested_amount": "14000"}, by=owner, version=None)
        assert set(refused(checks.hand_in, clarification, "", by=owner)) == {"title.missing", "budget.requested"}
        before = sample.answers_of("APP-001")
        actions.save_section(
            application, "S2", {k: before[k] for k in ("title", "requested_amount")}, by=owner, version=None
        )
        assert refused(checks.hand_in, clarification, " ", by=owner) == ["nothing_new"]
        checks.hand_in(clarification, "Nothing to change.", by=owner)
    assert clarification.state == ClarificationState.ANSWERED


def test_a_request_is_not_closed_without_a_reason(app: Flask) -> None:
    clarification, _owner, coordinator = asked()
    with clock.at(AFTER):
        assert refused(checks.close, clarification, " ", by=coordinator) == ["reason_missing"]


def test_after_closing_the_application_is_what_the_receipt_says(app: Flask) -> None:
    clarification, owner, coordinator = asked(("S6", "document:workplan"))
    application = clarification.application
    (plan,) = [a for a in queries.attachments_of(application) if a.document.key == "workplan"]
    kept, document = plan.file_id, plan.document
    with clock.at(AFTER):
        actions.save_section(application, "S6", {"sustainability": "Half of a sent"}, by=owner, version=None)
        actions.detach(plan, by=owner)
        other = actions.attach(application, document, "other.pdf", documents.real_pdf("Other"), by=owner).file
        checks.close(clarification, "The day has passed.", by=coordinator)
    assert (clarification.state, application.reopened) == (ClarificationState.CLOSED, [])
    handed_in = queries.handed_in(application)
    content = application_rules.content_of(application, handed_in.answers, handed_in.attachments, None)
    assert application_rules.fingerprint(content) == application.content_hash
    (again,) = [a for a in queries.attachments_of(application) if a.document.key == "workplan"]
    assert again.file_id == kept
    assert other is not None
    assert other.erased_at is not None
    assert db.session.scalars(select(Receipt).where(Receipt.application_id == application.id)).one()
    assert kinds(application)[-1] == "clarification_closed"
    with clock.at(AFTER):
        checks.check_eligibility(application, by=coordinator)
        assert checks.ask(application, ["S6"], WHY, DUE, by=coordinator).number == 2


def test_a_request_names_what_why_and_until_when(app: Flask) -> None:
    application, _owner, coordinator = sent_in()
    closes = application.call.closes_at
    with clock.at(AFTER):
        assert refused(checks.ask, application, [], WHY, DUE, by=coordinator) == ["no_part"]
        assert refused(checks.ask, application, ["S99"], WHY, DUE, by=coordinator) == ["no_part"]
        assert refused(checks.ask, application, ["S6"], " ", DUE, by=coordinator) == ["reason_missing"]
        for day in (AFTER.date(), AFTER.date() + timedelta(days=70)):
            assert refused(checks.ask, application, ["S6"], WHY, day, by=coordinator) == ["due_on"]
    with clock.at(sample.OPEN):
        assert refused(checks.ask, application, ["S6"], WHY, closes.date(), by=coordinator) == ["due_on"]
        clarification = checks.ask(application, ["S6"], WHY, closes.date() + timedelta(days=2), by=coordinator)
        assert refused(checks.extend, clarification, clarification.due_on, by=coordinator) == ["not_later"]
        checks.extend(clarification, clarification.due_on + timedelta(days=2), by=coordinator)
    assert kinds(application)[-1] == "clarification_extended"
    with clock.at(AFTER):
        assert not rules.is_late(clarification, clock.now())
        assert rules.is_late(clarification, clock.now() + timedelta(days=3))


def test_only_what_waits_for_the_check_can_be_asked_about(app: Flask) -> None:
    call, _everybody = sample.sample_call()
    application, _owner = sample.filled(call, "APP-001")
    coordinator = make.person(Role.REGIONAL_COORDINATOR, regions=["AFR"])
    with clock.at(sample.OPEN):
        assert refused(checks.ask, application, ["S6"], WHY, DUE, by=coordinator) == ["not_submitted"]


def test_withdrawing_ends_a_request(app: Flask) -> None:
    clarification, owner, _coordinator = asked()
    application = clarification.application
    with clock.at(AFTER):
        decisions.withdraw_application(application, "We found other money", by=owner)
        assert refused(checks.hand_in, clarification, "", by=owner) == ["not_open"]
    assert (application.state, application.reopened) == (ApplicationState.WITHDRAWN, [])
    assert clarification.state == ClarificationState.CLOSED
    assert found.open_clarification(application) is None


answers = st.dictionaries(st.sampled_from("abcd"), st.one_of(st.none(), st.text(max_size=3)), max_size=4)
papers = st.lists(
    st.one_of(
        st.fixed_dictionaries({"document": st.sampled_from("xyz"), "sha256": st.sampled_from(["1", "2", "3"])}),
        st.fixed_dictionaries({"document": st.sampled_from("xyz"), "withheld": st.sampled_from(["danger", "war"])}),
    ),
    max_size=5,
)
contents = st.fixed_dictionaries({"answers": answers, "attachments": papers})


@given(contents, contents)
@settings(max_examples=200, deadline=None)
def test_two_receipts_differ_exactly_where_something_says_something_else(
    before: dict[str, Any], now: dict[str, Any]
) -> None:
    changed = rules.parts_changed(before, now)
    assert changed == rules.parts_changed(now, before)
    assert rules.parts_changed(before, before) == set()
    for key in "abcd":
        assert (key in changed) == (before["answers"].get(key) != now["answers"].get(key))
    for key in "xyz":
        sides = [
            sorted(repr(p.get("sha256") or (p["withheld"],)) for p in side["attachments"] if p["document"] == key)
            for side in (before, now)
        ]
        assert (f"document:{key}" in changed) == (sides[0] != sides[1])


# ------------------------------------------------------------------ over HTTP


@pytest.fixture
def later(app: Flask):
    with clock.at(AFTER):
        yield


@pytest.mark.usefixtures("later")
def test_asking_answering_and_reading_what_changed(browser: Browser) -> None:
    application, owner, coordinator = sent_in()
    home = "/applications/APP-001"
    ours, theirs = Browser(browser.app).sign_in(coordinator), browser.sign_in(owner)
    ours.get(f"{home}/check")
    assert "Ask for more information" in ours.text
    ours.get(f"{home}/clarifications")
    assert "Nothing has been asked" in ours.text
    page = f"{home}/clarifications/ask"
    ours.post(page, {"reason": WHY, "due_on": DUE.isoformat()}, page=page, status=422)
    assert "Please choose at least one section or document." in ours.text
    ours.post(page, {"parts": ["S6"], "reason": WHY, "due_on": "2027-03-01"}, page=page, status=422)
    assert "Please choose a day between" in ours.text
    assert WHY in ours.text
    ours.post(
        page, {"parts": ["S6", "document:workplan"], "reason": WHY, "due_on": DUE.isoformat()}, page=page, status=302
    )
    ours.get(f"{home}/check")
    ours.post(f"{home}/find-eligible", page=f"{home}/check", status=409)

    theirs.get(home)
    assert "We have a question" in theirs.text
    theirs.get(f"{home}/clarifications")
    assert WHY in theirs.text
    assert f"{home}/sections/S6" in theirs.text
    theirs.get(f"{home}/sections/S2", status=302)
    theirs.get(f"{home}/sections/S6")
    actions.save_section(
        db.session.get_one(Application, application.id),
        "S6",
        {"sustainability": "A new sentence about Rufisque."},
        by=db.session.get_one(Person, owner.id),
        version=None,
    )
    db.session.commit()
    theirs.get(f"{home}/read")
    assert "A new sentence about Rufisque." in theirs.text
    ours.get(f"{home}/read")
    assert "A new sentence about Rufisque." not in ours.text
    assert "The applicant is answering a question" in ours.text
    theirs.get(f"{home}/documents")
    sent = {"files": (io.BytesIO(documents.real_pdf("New plan")), "plan.pdf")}
    form = {"page": f"{home}/documents", "content_type": "multipart/form-data"}
    theirs.post(f"{home}/documents/workplan/attach", sent, status=302, **form)
    sent = {"files": (io.BytesIO(documents.real_pdf("New statutes")), "statutes.pdf")}
    theirs.post(f"{home}/documents/statutes/attach", sent, status=422, **form)
    assert "can no longer be changed" in theirs.text

    ours.get(f"{home}/clarifications")
    theirs.get(f"{home}/clarifications")
    assert "It has changed since it was certified." in theirs.text
    theirs.get(f"{home}/certify")
    assert "Certify and send in" not in theirs.text
    read = next(form["fields"]["read"] for form in Page(theirs.text).forms if "read" in form["fields"])[-1]
    theirs.post(f"{home}/certify", {"read": read, "sure": "y"}, status=302)
    theirs.post(f"{home}/clarifications/hand-in", {"answer": "Named."}, page=f"{home}/clarifications", status=302)
    theirs.follow()
    assert f"R-{application.reference}-2" in theirs.text
    ours.get(f"{home}/clarifications")
    for words in ("A new sentence about Rufisque.", "plan.pdf", "Named.", "What has changed"):
        assert words in ours.text
    theirs.get(f"{home}/clarifications")
    assert "Answered" in theirs.text
    ours.get(f"{home}/check")
    theirs.post(f"{home}/clarifications/hand-in", page=f"{home}/clarifications", status=404)


@pytest.mark.usefixtures("later")
def test_a_question_names_nothing_that_is_hidden_from_its_reader(app: Flask) -> None:
    application, owner, judge = sent_in()
    secret, tied = (
        case(application.call, title="Zanzibar lighthouse"),
        make.person(Role.REGIONAL_COORDINATOR, regions=["AFR"]),
    )
    declared(tied, secret, Grade.CONFLICT, "A cousin.")
    naming, page = (
        "How does it differ from the Zanzibar lighthouse?",
        f"/applications/{application.reference}/clarifications",
    )
    checks.ask(application, ("S6",), naming, DUE, by=judge)
    emails = [one.email for one in (tied, judge, owner)]
    for told in ("asked", "closed"):
        for email in emails:
            browser = Browser(app).sign_in(email)
            browser.get(page)
            assert ("Zanzibar" in browser.text) is (email != emails[0]), (told, email)
        if told == "asked":
            waiting = found.open_clarification(db.session.get_one(Application, application.id))
            checks.close(waiting, naming, by=db.session.get_one(Person, judge.id))


def test_more_time_and_closing(browser: Browser) -> None:
    application, _owner, coordinator = sent_in()
    home = "/applications/APP-001"
    checks.ask(application, ["S6"], WHY, DUE, by=coordinator)
    db.session.commit()
    browser.sign_in(coordinator)
    page = f"{home}/clarifications"
    browser.post(f"{page}/extend", {"due_on": DUE.isoformat()}, page=page, status=422)
    assert "Please choose a later day" in browser.text
    browser.post(f"{page}/extend", {"due_on": "2027-03-20"}, page=page, status=302)
    browser.post(f"{page}/close", {"reason": ""}, page=f"{page}/close", status=422)
    browser.post(f"{page}/close", {"reason": "Nobody answered."}, page=f"{page}/close", status=302)
    browser.follow()
    assert "Closed without an answer" in browser.text


@pytest.mark.usefixtures("later")
def test_who_may_ask_and_who_may_answer(browser: Browser) -> None:
    application, _owner, coordinator = sent_in()
    checks.ask(application, ["S6"], WHY, DUE, by=coordinator)
    editor = make.person()
    make.save(make.Membership(organization_id=application.organization_id, person_id=editor.id, role="editor"))
    db.session.commit()
    page = "/applications/APP-001/clarifications"
    ways = {"ask": "post", "close": "post", "extend": "post", "hand-in": "post"}

    def answers_for(somebody: Person) -> dict[str, int]:
        visitor = Browser(browser.app).sign_in(somebody)
        return {way: visitor.post(f"{page}/{way}", page="/applications").status_code for way in ways}

    assert answers_for(editor) == {"ask": 403, "close": 403, "extend": 403, "hand-in": 403}
    assert answers_for(make.person(Role.AUDITOR)) == {"ask": 403, "close": 403, "extend": 403, "hand-in": 403}
    assert answers_for(make.person()) == {"ask": 403, "close": 403, "extend": 403, "hand-in": 404}
    elsewhere = make.person(Role.REGIONAL_COORDINATOR, regions=["LAC"])
    assert set(answers_for(elsewhere).values()) == {404}
    assert answers_for(coordinator)["hand-in"] == 403
    assert db.session.scalars(select(Attachment.id).where(Attachment.application_id == application.id)).first()


def all_met(application: Application, by: Person) -> None:
    """The machine looks at every rule, and a person finds the others met."""
    for finding in checks.check_eligibility(application, by=by):
        if finding.outcome == Outcome.TO_JUDGE:
            checks.judge(finding, Outcome.PASSED, "Seen.", by=by)


def test_nothing_is_found_eligible_on_answers_that_no_longer_stand(app: Flask) -> None:
    application, owner, coordinator = sent_in()
    with clock.at(AFTER):
        all_met(application, coordinator)
        judged = {one.rule.key for one in found.findings_of(application) if one.judged}
        clarification = checks.ask(application, ("S1",), WHY, DUE, by=coordinator)
    with clock.at(AFTER + timedelta(days=3)):
        moved = {"org_country": "FR", "org_founded_on": "2026-12-01"}
        actions.save_section(application, "S1", moved, by=owner, version=None)
        actions.certify(application, actions.fingerprint_now(application), by=owner)
        checks.hand_in(clarification, "Corrected.", by=owner)
        now = {one.rule.key: one for one in found.findings_of(application)}
        assert {key for key, one in now.items() if one.outcome == Outcome.TO_JUDGE} >= judged
        assert {key for key, one in now.items() if one.outcome == Outcome.FAILED} >= {"E03"}
        assert set(refused(checks.find_eligible, application, by=coordinator)) == {"to_judge", "rules_failed"}
        for one in now.values():
            if one.outcome == Outcome.TO_JUDGE:
                checks.judge(one, Outcome.PASSED, "Seen again.", by=coordinator)
        checks.find_ineligible(application, "It is established in France.", by=coordinator)


def test_what_was_judged_stays_when_only_words_are_answered(app: Flask) -> None:
    application, owner, coordinator = sent_in()
    with clock.at(AFTER):
        all_met(application, coordinator)
        clarification = checks.ask(application, ("S6",), WHY, DUE, by=coordinator)
        checks.hand_in(clarification, "It is as we wrote.", by=owner)
        checks.find_eligible(application, by=coordinator)
    assert application.state == ApplicationState.ELIGIBLE


def test_the_machine_looks_again_before_an_application_is_found_eligible(app: Flask) -> None:
    application, _owner, coordinator = sent_in()
    with clock.at(AFTER):
        all_met(application, coordinator)
        application.months = 60
        db.session.flush()
        assert refused(checks.find_eligible, application, by=coordinator) == ["rules_failed"]


def test_of_two_applications_of_one_organization_the_first_is_kept(app: Flask) -> None:
    first, owner, coordinator = sent_in()
    with clock.at(sample.OPEN + timedelta(hours=1)):
        account = make.organization(owner)
        account.duplicate_of_id = first.organization_id
        second = make.application(first.call, account, owner, state="submitted", submitted_at=clock.now())
        second.questionnaire_id = first.questionnaire_id
    with clock.at(AFTER):
        outcomes = [
            next(one.outcome for one in checks.check_eligibility(each, by=coordinator) if one.rule.key == "E09")
            for each in (first, second)
        ]
    assert outcomes == [Outcome.PASSED, Outcome.FAILED]
