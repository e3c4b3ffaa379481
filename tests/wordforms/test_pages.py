"""The form as a file over HTTP: downloaded, sent in, compared, taken over; and everybody who must be kept out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, func, select

from grants.accounts.models import Membership, Person, Role
from grants.applications import actions as applications
from grants.applications.models import Application
from grants.applications.queries import saved_in
from grants.core import clock, word
from grants.core.db import db
from grants.core.files import StoredFile
from grants.history.queries import timeline
from grants.questionnaires.models import Questionnaire, SectionRevision
from grants.questionnaires.queries import definition_of
from grants.wordforms import actions, rules
from grants.wordforms.models import FilledForm
from tests import factories as make
from tests.applications import sample
from tests.http import Browser, Page
from tests.wordforms.flattened import PART, parts_of, typed_into, with_part, without_controls

NOW = datetime(2027, 2, 11, 9, tzinfo=UTC)
HOME = "/applications/APP-001"


@pytest.fixture(autouse=True)
def _then(app: Flask) -> Iterator[None]:
    """Every page is opened while the sample call is open."""
    with clock.at(NOW):
        yield


@pytest.fixture
def mine(app: Flask) -> tuple[Application, Person]:
    """A draft of the sample with all its answers, and its owner."""
    call, _coordinator = sample.sample_call()
    return sample.filled(call, "APP-001", annexes=False)


SEND, TAKE = "Compare with what is saved", "Take over what is ticked"


def send(browser: Browser, content: bytes, name: str = "our form.docx", status: int = 200) -> Page:
    browser.open(f"{HOME}/word")
    return browser.press(SEND, {"file": (content, name)}, status=status)


def draft() -> Application:
    """The application as it is now."""
    return db.session.scalars(select(Application).where(Application.reference == "APP-001")).one()


def member(owner: Person) -> Person:
    """The owner, as this session of the database knows them."""
    return db.session.get_one(Person, owner.id)


def edited(content: bytes, **answers: str) -> bytes:
    """The form with other answers typed into the places of some questions."""
    marks = rules.marks_of(definition_of(draft().questionnaire_id))
    return typed_into(content, {marks[key]: text for key, text in answers.items()})


def everything() -> dict[str, Any]:
    """All answers and versions that are saved."""
    application = draft()
    return {key: (row.values, row.version) for key, row in saved_in(application).items()}


def test_a_visitor_downloads_the_blank_form_in_every_language_of_the_call(browser: Browser) -> None:
    call, _coordinator = sample.sample_call()
    reference = call.reference
    browser.get(f"/calls/{reference}/questions")
    questions = browser.text
    for language in ("en", "fr", "es"):
        address = f"/calls/{reference}/form.docx?language={language}"
        assert address in questions
        answer = browser.get(address)
        assert answer.headers["Content-Disposition"] == f"attachment; filename={reference}-{language}.docx"
        origin = rules.origin_in(word.read(answer.data))
        assert origin is not None
        assert (origin.call, origin.language, origin.application) == (reference, language, "")
    browser.get(f"/calls/{reference}/form.docx")
    for wrong in ("xx", "ar", "../en", ""):
        browser.get(f"/calls/{reference}/form.docx?language={wrong}", status=404)
    browser.get("/calls/UNKNOWN/form.docx", status=404)


def test_a_form_goes_out_is_filled_in_compared_and_taken_over(
    browser: Browser, mine: tuple[Application, Person]
) -> None:
    _application, owner = mine
    browser.sign_in(owner).open(HOME)
    page = browser.click("Fill in the form in Word")
    content = browser.download(page.address_of("Form to fill in, English (Word)"))
    before = everything()

    send(browser, content)
    assert "Nothing to take over" in browser.text
    form = edited(content, title="Another title", duration_months="seven", requested_amount="14400.5")
    shown = send(browser, form)
    assert "3 answers in the file are not those that are saved." in browser.text
    assert "<ins>Another title</ins>" in browser.text
    assert "please write a whole number" in browser.text
    assert everything() == before
    assert db.session.scalar(select(func.count(FilledForm.id))) == 1

    browser.press(TAKE, {"take": ["title", "requested_amount"]})
    assert "2 answers were taken over and saved on the server." in browser.text
    assert browser.attempt(shown, TAKE, {"take": ["title"]}) == 302
    assert browser.attempt(shown, "Put the file aside") == 302
    after = everything()
    assert after["S2"][0]["title"] == "Another title"
    assert after["S2"][0]["requested_amount"] == "14400.50"
    assert after["S2"][0]["duration_months"] == before["S2"][0]["duration_months"]
    assert after["S2"][1] == before["S2"][1] + 1
    assert {key: value for key, value in after.items() if key != "S2"} == {k: v for k, v in before.items() if k != "S2"}
    assert db.session.scalar(select(func.count(SectionRevision.id))) == 1
    assert db.session.scalar(select(func.count(FilledForm.id))) == 0
    assert not db.session.scalars(select(StoredFile).where(StoredFile.erased_at.is_(None))).all()
    assert "Answers taken over from a form filled in Word" in [
        str(entry["what"]) for entry in timeline([("application", draft().id)], names=True)
    ]
    browser.get(f"{HOME}/word/compare", status=302)


def test_looking_changes_nothing_and_putting_aside_neither(browser: Browser, mine: tuple[Application, Person]) -> None:
    _application, owner = mine
    before = everything()
    browser.sign_in(owner)
    send(browser, edited(actions.begun(draft(), "fr"), title="Autre titre"))
    for _ in range(2):
        browser.get(f"{HOME}/word/compare")
        assert "Autre titre" in browser.text
    browser.press(TAKE, {"take": []}, status=422)
    assert "Please tick at least one answer" in browser.text
    browser.get(f"{HOME}/word")
    assert "A filled form is waiting" in browser.text
    browser.open(f"{HOME}/word/compare")
    browser.press("Put the file aside")
    assert "The file was put aside" in browser.text
    assert everything() == before
    assert not db.session.scalars(select(StoredFile).where(StoredFile.erased_at.is_(None))).all()


def test_what_a_colleague_wrote_meanwhile_is_never_overwritten_unseen(
    browser: Browser, mine: tuple[Application, Person]
) -> None:
    application, owner = mine
    content = edited(actions.begun(application, "en"), title="From the file", duration_months="7")
    browser.sign_in(owner)
    shown = send(browser, content)
    by = member(owner)
    applications.save_section(draft(), "S2", {"title": "From a colleague"}, by=by, version=None)
    applications.save_section(draft(), "S1", {"org_acronym": "NEW"}, by=by, version=None)
    db.session.commit()
    before = everything()
    page = browser.repeat(shown, TAKE, {"take": ["title", "duration_months"]}, status=409)
    assert "Nothing was saved" in page.errors[0]
    assert everything() == before
    assert "Changed on the website too" in page.text
    assert "From a colleague" in page.text
    assert "NEW" not in page.content
    browser.press(TAKE, {"take": ["duration_months"]})
    assert everything()["S2"][0]["title"] == "From a colleague"
    assert everything()["S2"][0]["duration_months"] == 7


def test_a_file_that_cannot_be_taken_is_told_beside_its_field_and_changes_nothing(
    browser: Browser, mine: tuple[Application, Person]
) -> None:
    application, owner = mine
    before, content = everything(), actions.begun(application, "en")
    definition = definition_of(application.questionnaire_id)
    other = rules.Origin("OTHER-2027", definition.key, 1, "en")
    browser.sign_in(owner)
    bomb = with_part(content, PART, b" " * (60 * 1024 * 1024))
    for name, sent, words in (
        ("form.docx", b"", "The file is empty."),
        ("form.docx", b"hello", "This is not a Word file (.docx)."),
        ("form.exe", content, "This is not a Word file (.docx)."),
        ("form.docm", content, "The file holds macros"),
        ("form.docx", with_part(content, "word/vbaProject.bin", b"x"), "The file holds macros"),
        ("form.odt", content, "OpenDocument"),
        ("form.doc", content, "old Word"),
        ("form.docx", bomb, "not put together as Word does it"),
        ("form.docx", content[: len(content) // 2], "The file is damaged"),
        ("form.docx", with_part(content, PART, parts_of(content)[PART].replace(b"[[call", b"[call")), "first page is missing"),
        ("form.docx", with_part(content, PART, parts_of(content)[PART].replace(b"language=en", b"language=zz")), "not known"),
        ("form.docx", with_part(content, PART, parts_of(content)[PART].replace(b"version=1;", b"version=99;")), "not known"),
        ("form.docx", of_call(definition, other), "This is the form of another call (OTHER-2027)"),
    ):  # fmt: skip
        send(browser, sent, name, status=422)
        assert words in browser.text, words
    browser.open(f"{HOME}/word")
    browser.press(SEND, status=422)
    assert "Please choose a file first." in browser.text
    assert everything() == before
    assert db.session.scalar(select(func.count(FilledForm.id))) == 0
    assert db.session.scalar(select(func.count(StoredFile.id))) == 0


def of_call(definition: Any, origin: rules.Origin) -> bytes:
    return word.write(rules.document_of(definition, {}, origin, rules.Cover("Call", "Form", ())))


def test_a_file_without_controls_and_a_blank_one_are_read_as_well(
    browser: Browser, mine: tuple[Application, Person]
) -> None:
    _application, owner = mine
    browser.sign_in(owner)
    send(browser, without_controls(edited(actions.begun(draft(), "es"), title="Otro título")))
    assert "1 answer in the file is not the one that is saved." in browser.text
    assert "Otro título" in browser.text
    blank = actions.blank(draft().call, "en")
    send(browser, blank)
    assert "Nothing to take over" in browser.text
    assert db.session.scalar(select(func.count(FilledForm.id))) == 1


def test_a_form_of_an_earlier_version_is_read_as_far_as_it_fits(
    browser: Browser, mine: tuple[Application, Person]
) -> None:
    application, owner = mine
    content = edited(actions.begun(application, "en"), title="Another title")
    present = db.session.get_one(Questionnaire, application.questionnaire_id)
    definition = {**present.definition, "sections": [dict(section) for section in present.definition["sections"]]}
    questions = [dict(question) for question in definition["sections"][1]["questions"]]
    questions[0]["label"] = {**questions[0]["label"], "en": "What is it called?"}
    gone = questions.pop()
    questions.append({"key": "brand_new", "type": "text", "label": {"en": "Brand new question"}})
    definition["sections"][1]["questions"] = questions
    later = make.save(
        Questionnaire(
            key=present.key,
            version=present.version + 1,
            title=present.title,
            languages=present.languages,
            definition=definition,
        )
    )
    application.questionnaire_id = application.answer_sheet.questionnaire_id = later.id
    db.session.commit()
    browser.sign_in(owner)
    send(browser, content)
    assert "The form has changed since this file was made" in browser.text
    for words in ("Another title", "What is it called?", "Brand new question", gone["label"]["en"]):
        assert words in browser.text


def test_a_file_made_for_another_application_is_pointed_out(browser: Browser, mine: tuple[Application, Person]) -> None:
    application, owner = mine
    other, _owner = sample.filled(application.call, "APP-002", annexes=False)
    content = actions.begun(other, "en")
    browser.sign_in(owner)
    send(browser, content)
    assert "This file was downloaded for another application" in browser.text


def test_after_sending_in_nothing_can_be_taken_over(browser: Browser, mine: tuple[Application, Person]) -> None:
    application, owner = mine
    browser.sign_in(owner)
    send(browser, edited(actions.begun(draft(), "en"), title="Another title"))
    application = draft()
    application.state, application.submitted_at, application.content_hash = "submitted", NOW, "x"
    db.session.commit()
    browser.get(f"{HOME}/word")
    assert "can no longer be changed" in browser.text
    browser.get(f"{HOME}/word/compare")
    assert "can no longer be changed" in browser.text
    assert "Take over what is ticked" not in browser.text


def test_only_members_of_the_organization_come_near(app: Flask, mine: tuple[Application, Person]) -> None:
    application, owner = mine
    stranger = make.person(name="A Stranger")
    make.organization(stranger)
    coordinator = make.person(Role.GLOBAL_COORDINATOR, name="Another Coordinator")
    actions.send_in(application, "form.docx", actions.begun(application, "en"), by=owner)
    db.session.commit()
    for person in (stranger, coordinator):
        browser = Browser(app)
        browser.sign_in(member(person))
        for path in ("form.docx", "word", "word/compare"):
            browser.get(f"{HOME}/{path}", status=404)
        for path in ("word/take-over", "word/discard"):
            browser.post(f"{HOME}/{path}", page="/account", status=404)
    colleague = make.person(name="A Colleague")
    make.save(Membership(organization_id=draft().organization_id, person_id=colleague.id, role="editor"))
    db.session.commit()
    browser = Browser(app)
    browser.sign_in(colleague).get(f"{HOME}/word")
    assert "A filled form is waiting" not in browser.text
    assert db.session.scalar(select(func.count(FilledForm.id))) == 1


def test_what_nobody_took_over_goes_after_some_days(app: Flask, mine: tuple[Application, Person]) -> None:
    application, owner = mine
    filled = actions.send_in(application, "form.docx", actions.begun(application, "en"), by=owner)
    stored = filled.file
    assert actions.forget_expired(NOW + timedelta(days=rules.KEPT_DAYS - 1)) == 0
    assert actions.forget_expired(NOW + timedelta(days=rules.KEPT_DAYS + 1)) == 1
    assert stored.erased_at is not None
    assert db.session.scalar(select(func.count(FilledForm.id))) == 0


def test_a_page_costs_the_same_however_much_differs(browser: Browser, mine: tuple[Application, Person]) -> None:
    _application, owner = mine
    numbers = []
    browser.sign_in(owner)
    for texts in (
        {},
        {"title": "Another title"},
        dict.fromkeys(("duration_months", "start_date", "lot", "approach"), "x"),
    ):
        send(browser, edited(actions.begun(draft(), "en"), **texts))
        numbers.append(statements(lambda: browser.get(f"{HOME}/word/compare")))
    assert len(set(numbers)) == 1
    assert numbers[0] <= 10


def statements(call: Callable[[], Any]) -> int:
    """How many statements are sent while something is done."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
            sent.append(statement)

    engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        call()
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return len(sent)
