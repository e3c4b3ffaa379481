"""The pages before an account exists, and those on which coordinators answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask
from sqlalchemy import select

from grants.accounts.models import Role
from grants.calls.actions import import_call, publish
from grants.calls.forms import read_call
from grants.calls.models import Call
from grants.core import clock
from grants.core.db import db
from grants.core.mail import OutboxMail
from grants.enquiries.actions import forget_unconfirmed
from grants.enquiries.models import Enquiry
from grants.enquiries.rules import AN_HOUR_FROM_ONE
from tests import factories
from tests.http import Browser

SAMPLE = Path(__file__).parents[2] / "sample"
OPEN = datetime(2027, 2, 1, 12, tzinfo=UTC)
AFTER_QUESTIONS = datetime(2027, 2, 10, 12, tzinfo=UTC)
CLOSED = datetime(2027, 3, 1, tzinfo=UTC)
CALL = "/calls/MPF-2027-01"

GOOD = {
    "answered": "yes",
    "kind": "ngo",
    "registration": "registered",
    "country": "SN",
    "two_years": "yes",
    "only_there": "yes",
    "theme": "L1",
    "advocacy": "yes",
    "amount": "10,000",
    "months": "6",
    "own_share": "yes",
    "language": "yes",
    "other_application": "no",
    "late_report": "no",
}


@pytest.fixture
def call(app: Flask) -> Iterator[Call]:
    with clock.at(datetime(2027, 1, 6, tzinfo=UTC)):
        made = import_call(read_call(SAMPLE), by=None)
        publish(made, by=None)
        db.session.commit()
    with clock.at(OPEN):
        yield made


def staff(app: Flask, role: Role = Role.GLOBAL_COORDINATOR) -> Browser:
    somebody = factories.person(role)
    db.session.commit()
    return Browser(app).sign_in(somebody)


def check(browser: Browser, status: int = 200, language: str = "en", **changed: str) -> str:
    browser.get(
        f"{CALL}/can-we-apply?{urlencode(GOOD | changed)}", status=status, headers={"Accept-Language": language}
    )
    return browser.text


def mails(kind: str) -> list[OutboxMail]:
    return list(db.session.scalars(select(OutboxMail).where(OutboxMail.kind == kind).order_by(OutboxMail.id)))


def asked() -> Enquiry:
    return db.session.scalars(select(Enquiry).execution_options(populate_existing=True)).one()


# ------------------------------------------------------------------ may we apply?


def test_a_visitor_is_led_from_the_call_through_the_check_to_an_account(call: Call, browser: Browser) -> None:
    browser.get(CALL)
    assert f"{CALL}/can-we-apply" in browser.text
    browser.get(f"{CALL}/can-we-apply")
    assert "nothing you answer is kept" in browser.text
    assert "You can apply" in check(browser)
    assert "Open an account and begin" in browser.text
    assert "/register?next=" in browser.text
    assert db.session.scalar(select(Enquiry.id)) is None


def test_each_no_has_its_reason_its_rule_what_would_change_it_and_a_way_to_object(call: Call, browser: Browser) -> None:
    text = check(browser, country="FR", amount="50000", advocacy="no")
    assert "Not as things stand, for 3 reasons" in text
    for wanted in (
        "This call is for organizations of certain countries only.",
        "It is established in an eligible country.",
        "A partner established in one of these countries can lead the application.",
        "You answered: France",
        "The amount is outside the limits of this call.",
        "about=country",
        "about=advocacy",
    ):
        assert wanted in text
    assert "Open an account and begin" not in text


def test_the_check_speaks_the_language_of_the_reader_and_reads_its_numbers(call: Call, browser: Browser) -> None:
    text = check(browser, language="fr", amount="5 999,50")
    assert "Le montant est hors des limites de cet appel." in text
    text = check(browser, language="es", country="FR")
    assert "Esta convocatoria es solo para organizaciones de algunos países." in text


def test_what_is_missing_is_told_beside_its_question_and_what_was_chosen_stays(call: Call, browser: Browser) -> None:
    browser.get(f"{CALL}/can-we-apply?answered=yes&kind=ngo&amount=lots&country=XX", status=422)
    assert "Please write a number, such as 8000." in browser.text
    assert "Please answer: Is your organization legally registered?" in browser.page.errors
    assert re.search(r'value="ngo"[^>]*checked|checked[^>]*value="ngo"', browser.text)
    assert 'value="lots"' in browser.text


@pytest.mark.parametrize("nasty", ["\x00", "<script>", "\u202e", "9" * 5000, "-1", "1e9", "NaN", "Infinity", "٣"])
def test_strange_numbers_are_never_an_error_of_ours(call: Call, browser: Browser, nasty: str) -> None:
    browser.get(f"{CALL}/can-we-apply?{urlencode(GOOD | {'amount': nasty, 'kind': nasty})}", status=422)
    assert "<script>" not in browser.text


def test_a_draft_call_has_no_check_for_visitors(app: Flask, browser: Browser) -> None:
    with clock.at(datetime(2027, 1, 6, tzinfo=UTC)):
        import_call(read_call(SAMPLE), by=None)
    for path in ("can-we-apply", "ask", "questions/en.pdf"):
        browser.get(f"{CALL}/{path}", status=404)


def test_a_call_without_rules_asks_nothing(app: Flask, browser: Browser) -> None:
    bare = factories.call()
    db.session.commit()
    with clock.at(OPEN):
        browser.get(f"/calls/{bare.reference}/can-we-apply")
    assert "This call asks nothing beforehand" in browser.text


# ------------------------------------------------------------------ asking


def ask(browser: Browser, text: str = "May we pay rent?", status: int = 200, **more: Any) -> None:
    browser.get(f"{CALL}/ask")
    browser.post(
        f"{CALL}/ask", {"text": text, "email": "someone@example.org", "wants_answer": "y"} | more, status=status
    )


def link_in(mail: OutboxMail) -> str:
    found = re.search(r"/enquiries/confirm/\S+", mail.body or "")
    assert found
    return found.group()


def test_a_visitors_question_reaches_coordinators_once_the_link_is_followed(call: Call, browser: Browser) -> None:
    coordinator = staff(browser.app)
    ask(browser)
    assert "One more step" in browser.text
    (mail,) = mails("call_question_confirm")
    assert mail.to_address == "someone@example.org"
    assert "pay rent" not in mail.subject
    link = link_in(mail)
    coordinator.get(f"{CALL}/enquiries")
    assert "pay rent" not in coordinator.text
    assert not mails("call_question_asked")
    browser.get(link)
    assert asked().state == "unconfirmed"
    browser.post(link, {}, status=302)
    assert asked().state == "asked"
    assert len(mails("call_question_asked")) == 1
    browser.get(link, status=404)
    coordinator.get(f"{CALL}/enquiries")
    assert "May we pay rent?" in coordinator.text


def test_a_link_is_good_for_three_days(call: Call, browser: Browser) -> None:
    ask(browser)
    path = link_in(mails("call_question_confirm")[0])
    with clock.at(OPEN + timedelta(days=3, minutes=1)):
        browser.get(path)
        assert "This link was good for three days" in browser.text
        browser.post(path, page=f"{CALL}/ask", status=409)
    assert asked().state == "unconfirmed"


def test_what_nobody_confirmed_is_forgotten_with_its_address(call: Call, browser: Browser) -> None:
    with clock.at(OPEN - timedelta(days=6, minutes=1)):
        ask(browser, email="other@example.org")
    ask(browser)
    assert forget_unconfirmed(OPEN) == 1
    assert asked().email == "someone@example.org"


def test_what_is_missing_is_told_and_the_text_is_kept(call: Call, browser: Browser) -> None:
    ask(browser, email="not an address", wants_answer="", status=422)
    assert "This does not look like an e-mail address." in browser.text
    assert "Please confirm that you want an answer at this address." in browser.text
    assert "May we pay rent?" in browser.text
    assert db.session.scalar(select(Enquiry.id)) is None


def test_questions_after_the_window_are_refused_with_the_reason(call: Call, browser: Browser) -> None:
    browser.get(f"{CALL}/ask")
    with clock.at(AFTER_QUESTIONS):
        sent = {"text": "Too late?", "email": "a@example.org", "wants_answer": "y"}
        browser.post(f"{CALL}/ask", sent, status=409)
        assert "The time for questions is over." in browser.text
        assert "Too late?" in browser.text
        browser.get(CALL)
        assert "Ask about this call" not in browser.text
    assert db.session.scalar(select(Enquiry.id)) is None


def test_an_objection_is_taken_until_the_deadline_with_what_was_answered(call: Call, browser: Browser) -> None:
    with clock.at(AFTER_QUESTIONS):
        browser.get(f"{CALL}/ask?about=country&given=FR")
        assert "You answered: France" in browser.text
        assert "It is established in an eligible country." in browser.text
        browser.address = f"{CALL}/ask?about=country&given=FR"
        browser.press("Send", {"text": "We moved.", "email": "a@example.org", "wants_answer": True})
        enquiry = asked()
        assert (enquiry.kind, enquiry.about, enquiry.given) == ("contest", "country", "France")
    with clock.at(CLOSED):
        browser.get(f"{CALL}/ask?about=country&given=FR")
        assert "The deadline of this call has passed" in browser.text


def test_an_address_that_was_changed_by_hand_puts_no_words_into_anybodys_mouth(call: Call, browser: Browser) -> None:
    assert "Written by me" not in browser.open(f"{CALL}/ask?about=nothing&given=Written+by+me").content
    browser.get(f"{CALL}/ask?about=country&given=Written+by+me")
    assert "You answered" not in browser.text
    assert "Written by me" not in browser.page.content


def test_a_person_with_an_account_is_asked_for_no_address_and_sees_the_answer(call: Call, app: Flask) -> None:
    somebody = factories.person()
    db.session.commit()
    browser = Browser(app).sign_in(somebody)
    browser.get(f"{CALL}/ask")
    assert 'name="email"' not in browser.text
    browser.post(f"{CALL}/ask", {"text": "May we pay rent?"}, status=302)
    assert (asked().state, asked().email) == ("asked", None)
    browser.get(f"{CALL}/ask")
    assert "What you asked about this call" in browser.text


def test_one_address_asks_so_often_within_an_hour(call: Call, browser: Browser) -> None:
    for number in range(AN_HOUR_FROM_ONE):
        ask(browser, f"Question {number}")
    ask(browser, "One more", email="SOMEONE@example.org", status=409)
    assert "Please ask the next one later." in browser.text
    assert "One more" in browser.text
    with clock.at(OPEN + timedelta(hours=1, minutes=1)):
        ask(browser, "One more")


# ------------------------------------------------------------------ answering


def wordings(question: str = "May rent be paid?", answer: str = "Yes.") -> dict[str, str]:
    return {f"question_{code}": f"{question} ({code})" for code in ("en", "fr", "es")} | {
        f"answer_{code}": f"{answer} ({code})" for code in ("en", "fr", "es")
    }


@pytest.fixture
def question(call: Call, browser: Browser) -> Enquiry:
    ask(browser)
    browser.get(link_in(mails("call_question_confirm")[0]))
    browser.post(link_in(mails("call_question_confirm")[0]), {}, status=302)
    return asked()


def page_of(enquiry: Enquiry) -> str:
    return f"{CALL}/enquiries/{enquiry.reference}"


def test_a_private_answer_goes_to_the_person_who_asked_and_to_nobody_else(
    question: Enquiry, app: Flask, browser: Browser
) -> None:
    coordinator = staff(app)
    coordinator.get(page_of(question))
    assert "someone@example.org" not in coordinator.text
    coordinator.press("Answer only the person who asked", {"answer_en": "Yes, you may."})
    assert asked().state == "answered"
    (mail,) = mails("call_question_answered")
    assert mail.to_address == "someone@example.org"
    assert "Yes, you may." in (mail.body or "")
    browser.get(CALL)
    assert "Yes, you may." not in browser.text


def test_answers_are_published_together_and_told_once_to_everybody_with_a_draft(
    question: Enquiry, app: Flask, browser: Browser
) -> None:
    writers = [factories.person(language=code) for code in ("en", "fr")]
    somebody, call = factories.person(), db.session.scalars(select(Call)).one()
    factories.application(call, factories.organization(*writers), writers[0], state="draft")
    factories.application(factories.call(), factories.organization(somebody), somebody, state="draft")
    factories.application(call, factories.organization(somebody), somebody)
    ids = [writer.id for writer in writers]
    db.session.commit()
    ask(browser, "And a car?", email="third@example.org")
    link = link_in(mails("call_question_confirm")[-1])
    browser.get(link)
    browser.post(link, {}, status=302)
    coordinator = staff(app)
    assert "No answer is ready to be published." in coordinator.open(f"{CALL}/enquiries").obstacles(
        "Publish the answers"
    )
    references = db.session.scalars(select(Enquiry.reference).order_by(Enquiry.id)).all()
    for number, reference in enumerate(references, 1):
        coordinator.open(f"{CALL}/enquiries/{reference}")
        coordinator.press("Ready to be published", wordings(f"Question number {number}?", f"Answer number {number}."))
    browser.get(CALL)
    assert "Question number" not in browser.text
    coordinator.open(f"{CALL}/enquiries")
    coordinator.press("Publish 2 answers")
    told = mails("call_answers_published")
    assert [mail.to_person_id for mail in told] == ids
    assert sorted(mail.to_address for mail in mails("call_question_answered")) == [
        "someone@example.org",
        "third@example.org",
    ]
    page = browser.open(CALL).content
    assert (
        0
        < page.index("Question number 1? (en)")
        < page.index("Answer number 1. (en)")
        < page.index("Question number 2?")
    )
    assert "May we pay rent?" not in browser.text
    browser.get(CALL, headers={"Accept-Language": "es"})
    assert "Answer number 2. (es)" in browser.text


def test_a_published_answer_is_taken_down_with_a_reason_and_published_again(
    question: Enquiry, app: Flask, browser: Browser
) -> None:
    coordinator = staff(app)
    coordinator.open(page_of(question))
    coordinator.press("Ready to be published", wordings())
    coordinator.open(f"{CALL}/enquiries")
    coordinator.press("Publish 1 answer")
    coordinator.open(page_of(question))
    coordinator.post(page_of(question), wordings("Changed unseen?"), status=409)
    coordinator.open(page_of(question))
    coordinator.press("Take it off the page of the call", {"reason": "It names a partner."})
    assert "May rent be paid?" not in browser.open(CALL).content
    coordinator.open(page_of(question))
    coordinator.press("Save for later", {"question_fr": ""}, status=422)
    coordinator.press("Save for later", wordings("May costs of rooms be paid?"))
    coordinator.open(f"{CALL}/enquiries")
    with clock.at(OPEN + timedelta(minutes=5)):
        coordinator.press("Publish 1 answer")
    assert "May costs of rooms be paid?" in browser.open(CALL).content
    assert len(mails("call_question_answered")) == 2


def test_publication_needs_every_language_and_keeps_what_was_typed(question: Enquiry, app: Flask) -> None:
    coordinator = staff(app)
    coordinator.get(page_of(question))
    coordinator.press("Ready to be published", {"answer_en": "Yes, you may."}, status=422)
    assert "The answer is missing in French." in coordinator.text
    assert "Yes, you may." in coordinator.text
    assert asked().state == "asked"


def test_what_is_saved_for_later_is_there_later(question: Enquiry, app: Flask) -> None:
    coordinator = staff(app)
    coordinator.get(page_of(question))
    coordinator.press("Save for later", {"answer_en": "Half an answer"})
    coordinator.get(page_of(question))
    assert "Half an answer" in coordinator.text
    assert asked().state == "asked"


def test_auditors_read_and_change_nothing_and_others_do_not_come_in(question: Enquiry, app: Flask) -> None:
    auditor = staff(app, Role.AUDITOR)
    auditor.get(page_of(question))
    assert "Save for later" not in auditor.text
    auditor.post(page_of(question), {}, page=f"{CALL}/ask", status=403)
    reviewer = staff(app, Role.REVIEWER)
    reviewer.get(f"{CALL}/enquiries", status=403)
    Browser(app).get(f"{CALL}/enquiries", status=302)


def test_what_needs_no_answer_is_set_aside_with_a_reason_and_can_come_back(question: Enquiry, app: Flask) -> None:
    coordinator = staff(app)
    coordinator.get(page_of(question))
    coordinator.post(f"{page_of(question)}/set-aside", {"reason": " "}, page=page_of(question), status=422)
    coordinator.post(f"{page_of(question)}/set-aside", {"reason": "An advertisement."}, status=302)
    assert asked().state == "set_aside"
    assert not mails("call_question_answered")
    coordinator.get(page_of(question))
    assert "An advertisement." in coordinator.text
    coordinator.post(f"{page_of(question)}/take-up-again", {}, status=302)
    assert asked().state == "asked"


def test_an_objection_is_answered_with_a_finding(call: Call, app: Flask) -> None:
    somebody = factories.person(language="fr")
    db.session.commit()
    browser = Browser(app).sign_in(somebody)
    browser.get(f"{CALL}/ask?about=kind&given=business")
    browser.press("Send", {"text": "Nous sommes une coopérative."})
    coordinator = staff(app)
    coordinator.get(page_of(asked()))
    assert "A business" in coordinator.text or "Une entreprise" in coordinator.text
    coordinator.press("Answer only the person who asked", {"answer_fr": "Oui."}, status=422)
    assert "Please say whether they may apply." in coordinator.text
    sent = {"answer_fr": "Oui.", "verdict": "may_apply"}
    coordinator.press("Answer only the person who asked", sent)
    assert asked().verdict == "may_apply"
    assert mails("call_question_answered")[0].to_person_id == somebody.id


def test_coordinators_of_its_regions_find_on_their_home_what_waits(question: Enquiry, app: Flask) -> None:
    coordinator = staff(app)
    assert coordinator.open("/").says("Answer questions about a call")
    coordinator.open(page_of(question))
    coordinator.press("Ready to be published", wordings())
    home = coordinator.open("/")
    assert not home.says("Answer questions about a call")
    assert home.says("Publish answers that are ready")
    somewhere_else = factories.person(Role.REGIONAL_COORDINATOR, regions=["EUR"])
    db.session.commit()
    assert not Browser(app).sign_in(somewhere_else).open("/").says("Publish answers that are ready")


# ------------------------------------------------------------------ every question before an account exists


@pytest.mark.parametrize("language", ["en", "fr", "es"])
def test_every_question_is_there_as_a_pdf_in_each_language_of_the_call(
    call: Call, browser: Browser, language: str
) -> None:
    browser.get(f"{CALL}/questions")
    assert f"{CALL}/questions/{language}.pdf" in browser.text
    answer = browser.get(f"{CALL}/questions/{language}.pdf")
    assert answer.mimetype == "application/pdf"
    assert answer.get_data().startswith(b"%PDF-")
    assert f"({language})".encode() in answer.get_data() or f"/Lang ({language}".encode() in answer.get_data()


def test_other_languages_have_no_pdf(call: Call, browser: Browser) -> None:
    for language in ("de", "xx", "../en"):
        browser.get(f"{CALL}/questions/{language}.pdf", status=404)


def test_the_deadline_is_told_in_the_zone_of_the_call_and_of_the_reader(call: Call, browser: Browser) -> None:
    browser.get(CALL)
    assert "26 February 2027, 23:59 (Brussels)" in browser.text
    assert "26 February 2027, 22:59 UTC" in browser.text
    assert 'data-moment="2027-02-26T22:59:59+00:00"' in browser.text
    somebody = factories.person(timezone="Asia/Dhaka")
    db.session.commit()
    browser.sign_in(somebody).get(CALL)
    assert "27 February 2027, 04:59 (Dhaka)" in browser.text
    assert "data-moment" not in browser.text
