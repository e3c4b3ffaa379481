"""How letters are worded, what may stand in them, and that they stay as they were sent."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from flask import Flask
from sqlalchemy import select

from grants.accounts.models import Role
from grants.conflicts.models import Grade
from grants.core import clock
from grants.core.db import db
from grants.core.languages import LANGUAGES
from grants.core.mail import OutboxMail
from grants.core.rules import Refused
from grants.decisions import actions as decisions
from grants.decisions.models import Decision
from grants.decisions.queries import decision_on
from grants.history.models import HistoryEntry
from grants.letters import actions, queries, rules
from grants.letters.models import Letter, LetterKind, LetterTemplate
from grants.letters.queries import Paragraphs
from grants.reviews.actions import declare_interest
from grants.reviews.models import Review
from tests.complaints.test_complaints import found_ineligible, owner, told
from tests.decisions.rows import coordinator, decided, members, scored, session_of
from tests.factories import call, person
from tests.http import Browser
from tests.reviews.rows import case

LETTERS = datetime(2027, 4, 12, 9, tzinfo=UTC)
OURS = Paragraphs("Dear {organization},", "About {title} ({reference}), until {complain_until}.", "Yours")


@pytest.fixture(autouse=True)
def _on_the_day_of_the_letters(app: Flask):
    with clock.at(LETTERS):
        yield


# ------------------------------------------------------------------ wording


@pytest.mark.parametrize("kind", list(LetterKind))
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_letter_has_our_wording_in_every_language_of_the_fund(kind: str, language: str) -> None:
    paragraphs = queries.built_in()[kind, language]
    assert rules.obstacles_to_wording(kind, paragraphs) == []
    assert "{organization}" in paragraphs.opening
    tells_no = {LetterKind.RESERVE, LetterKind.DECLINE, LetterKind.INELIGIBLE}
    assert ("{complain_until}" in paragraphs.closing) == (kind in tells_no)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Dear {organisation},", "{organisation} in line 1, character 6,"),
        ("Good news.\n  You get {amount}.", "{amount} in line 2, character 11,"),
        ("An open { brace", "{ in line 1, character 9,"),
        ("{}", "{} in line 1, character 1,"),
    ],
)
def test_a_placeholder_that_has_no_meaning_is_refused_with_its_place(text: str, said: str) -> None:
    (obstacle,) = rules.obstacles_in(LetterKind.DECLINE, text)
    assert (obstacle.code, str(obstacle.message).startswith(said)) == ("placeholder_unknown", True)
    with pytest.raises(Refused):
        actions.word(call(), LetterKind.DECLINE, "en", OURS._replace(outcome=text), by=coordinator())
    assert db.session.scalars(select(LetterTemplate)).all() == []


def test_a_line_whose_placeholder_has_no_value_is_left_out() -> None:
    text = "You are on the list.\nUntil {reserve_until}.\nYours, {organization}"
    values = {"organization": "A", "reserve_until": None}
    assert rules.filled(text, values) == "You are on the list.\nYours, A"
    assert rules.filled(text, values | {"reserve_until": "1 May"}) == "You are on the list.\nUntil 1 May.\nYours, A"


def test_a_name_that_looks_like_a_placeholder_stays_a_name() -> None:
    assert rules.filled("Dear {organization}", {"organization": "{amount}", "amount": "5"}) == "Dear {amount}"


def test_a_call_is_worded_by_its_coordinators_and_goes_back_to_ours() -> None:
    of_call, chair = call(languages=["en", "fr", "pt"]), coordinator()
    actions.word(of_call, LetterKind.DECLINE, "fr", OURS, by=chair)
    actions.word(of_call, LetterKind.DECLINE, "fr", OURS._replace(closing="Bien à vous"), by=chair)
    worded = queries.wording_of(of_call)
    assert worded[LetterKind.DECLINE, "fr"] == OURS._replace(closing="Bien à vous")
    assert worded[LetterKind.DECLINE, "en"] == queries.built_in()["decline", "en"]
    assert worded[LetterKind.DECLINE, "pt"] == queries.built_in()["decline", "en"]
    actions.reset(of_call, LetterKind.DECLINE, "fr", by=chair)
    assert queries.wording_of(of_call)[LetterKind.DECLINE, "fr"] == queries.built_in()["decline", "fr"]
    verbs = select(HistoryEntry.verb).where(HistoryEntry.subject_kind == "call", HistoryEntry.subject_id == of_call.id)
    assert db.session.scalars(verbs.order_by(HistoryEntry.id)).all() == ["word_letter", "word_letter", "reset_letter"]


# ------------------------------------------------------------------ sent


def test_a_letter_is_kept_as_it_was_sent_whatever_is_changed_later(app: Flask, browser: Browser) -> None:
    application, _, _ = told()
    actions.word(application.call, LetterKind.DECLINE, "en", OURS, by=coordinator())
    for review in db.session.scalars(select(Review)):
        review.for_applicant, review.voided_at, review.submitted_at = "Changed since.", LETTERS, None
    application.title = "Renamed"
    db.session.flush()
    browser.sign_in(owner(application)).get(f"/applications/{application.reference}/letter")
    for words in ("We are sorry that we cannot support it", "Well prepared.", "80", "complain until 29 April 2027"):
        assert words in browser.text, words
    for words in ("Changed since.", "About "):
        assert words not in browser.text, words


def test_the_letter_is_written_in_the_language_of_the_application_as_the_call_words_it() -> None:
    of_call, people = call(languages=["en", "fr"]), members(2)
    french, english = scored(of_call), scored(of_call)
    french.language = "fr"
    actions.word(of_call, LetterKind.DECLINE, "fr", OURS._replace(opening="Chers {organization}"), by=coordinator())
    meeting = session_of(of_call, people)
    for one in (french, english):
        decided(meeting, one, people, "decline", reason="A reason.", feedback="Merci.")
    decisions.close_meeting(meeting, minutes="All agreed.", by=coordinator())
    for one in people:
        decisions.sign(meeting, by=one)
    assert db.session.scalars(select(Letter)).all() == []
    decisions.release(meeting, by=coordinator())
    sent = {one.application_id: one for one in db.session.scalars(select(Letter))}
    letter = sent[french.id]
    assert (letter.kind, letter.language) == (LetterKind.DECLINE, "fr")
    assert letter.opening == f"Chers {french.organization.name}"
    assert letter.outcome == f"About {french.title} ({french.reference}), until 29 avril 2027."
    assert letter.details["feedback"] == "Merci."
    assert letter.details["sentences"] == ["Well prepared.", "Well prepared."]
    assert letter.details["points"]["total"] == "80"
    assert sent[english.id].outcome.startswith("The committee has read")
    assert {one.letter_id for one in db.session.scalars(select(Decision))} == {one.id for one in sent.values()}


@pytest.mark.parametrize(
    ("until", "kept"),
    [(date(2027, 12, 31), "It is kept until 31 December 2027"), (None, "You are on the reserve list.")],
)
def test_the_letter_of_the_reserve_list_says_until_when_if_the_call_does(until: date | None, kept: str) -> None:
    application, _, _ = told("reserve", reserve_valid_until=until)
    decision = decision_on(application.id)
    assert decision is not None
    assert decision.letter is not None
    assert kept in decision.letter.outcome
    assert ("kept until" in decision.letter.outcome) == bool(until)


def test_the_letter_of_an_award_names_the_amount() -> None:
    application, _, _ = told("award")
    decision = decision_on(application.id)
    assert decision is not None
    assert decision.letter is not None
    assert "a grant of €10,000" in decision.letter.outcome


def test_a_decision_of_earlier_times_has_its_letter_made_when_it_is_read(app: Flask, browser: Browser) -> None:
    application, _, _ = told()
    decision = decision_on(application.id)
    assert decision is not None
    decision.letter = None
    db.session.flush()
    browser.sign_in(owner(application)).get(f"/applications/{application.reference}/letter")
    assert "Well prepared." in browser.text


def test_a_letter_says_why_an_application_is_not_eligible(app: Flask, browser: Browser) -> None:
    application, judge = found_ineligible()
    page = f"/applications/{application.reference}/letter"
    browser.sign_in(owner(application)).get(f"/applications/{application.reference}")
    assert page in browser.text
    browser.get(page)
    for words in ("it cannot be considered", "Registered", "No registration.", "You are not registered.", "29 April"):
        assert words in browser.text, words
    Browser(app).sign_in(person()).get(page, 404)
    decisions.reopen_check(db.session.merge(application), "A mistake.", by=db.session.merge(judge))
    browser.get(page, 404)


def test_before_the_letters_nothing_of_them_is_kept_shown_or_mailed(app: Flask, browser: Browser) -> None:
    application, people = scored(call()), members(2)
    meeting = session_of(application.call, people)
    decided(meeting, application, people, "decline", reason="A reason.", feedback="Quokka.")
    decisions.close_meeting(meeting, minutes="All agreed.", by=coordinator())
    assert db.session.scalars(select(Letter)).all() == []
    mailed = select(OutboxMail).where(OutboxMail.to_person_id == application.started_by_id)
    assert db.session.scalars(mailed).all() == []
    mine = f"/applications/{application.reference}"
    browser.sign_in(owner(application)).get(f"{mine}/letter", 404)
    browser.get(f"{mine}/complain", 404)
    for page in ("/", "/applications", mine, f"{mine}/read"):
        browser.get(page)
        for words in ("Quokka", "Declined", "Not supported", "decided"):
            assert words not in browser.text, (page, words)


# ------------------------------------------------------------------ the pages


def test_a_coordinator_looks_first_saves_and_goes_back(app: Flask, browser: Browser) -> None:
    of_call = call(languages=["en", "fr"])
    application = case(of_call)
    name, page = application.organization.name, f"/calls/{of_call.reference}/letters"
    browser.sign_in(coordinator()).get(f"/calls/{of_call.reference}/manage")
    assert page in browser.text
    browser.get(page)
    assert browser.text.count("As in our other calls") == 2 * len(LetterKind)
    one = f"{page}/decline/en"
    browser.get(one)
    assert f"Dear friends of {name}," in browser.text
    typed = {"opening": "Hello {organization}!", "outcome": "No to {title}.", "closing": "Yours"}
    browser.post(one, typed | {"look": "yes"}, page=one, status=200)
    assert f"Hello {name}!" in browser.text
    assert db.session.scalars(select(LetterTemplate)).all() == []
    browser.post(one, typed | {"outcome": "You get {amount}."}, page=one, status=422)
    assert "{amount} in line 1, character 9, is no placeholder" in browser.text
    assert "You get {amount}." in browser.text
    browser.post(one, typed | {"closing": ""}, page=one, status=422)
    browser.post(one, typed, page=one, status=302)
    browser.get(page)
    assert "Worded for this call" in browser.text
    browser.get(one)
    browser.post(f"{one}/reset", page=one, status=302)
    assert db.session.scalars(select(LetterTemplate)).all() == []


def test_an_invented_application_shows_the_letter_of_a_call_without_any(app: Flask, browser: Browser) -> None:
    page = f"/calls/{call().reference}/letters/award/en"
    browser.sign_in(coordinator()).get(page)
    assert "a grant of €15,000" in browser.text


def test_only_coordinators_of_the_call_word_its_letters(app: Flask, browser: Browser) -> None:
    page = f"/calls/{call().reference}/letters"
    browser.sign_in(person(Role.AUDITOR)).get(page, 403)
    Browser(app).sign_in(coordinator("EUR")).get(page, 403)
    chair = Browser(app).sign_in(coordinator())
    chair.get(f"{page}/decline/xx", 404)
    chair.get(f"{page}/thanks/en", 404)


# ------------------------------------------------------------------ read before they are sent


def test_every_letter_is_read_as_it_will_be_sent_in_its_language_and_by_no_applicant(
    app: Flask, browser: Browser
) -> None:
    of_call, people, by = call(), members(), coordinator()
    french, other = scored(of_call, 5, 5, language="fr"), scored(of_call)
    review = db.session.scalars(select(Review).join(Review.assignment).filter_by(application_id=french.id)).first()
    meeting = session_of(of_call, people, by=by)
    decided(meeting, french, people, feedback="Bravo.")
    decisions.propose(meeting, other, outcome="reserve", reason="Later.", by=people[0])
    page, mine, applicant = (
        f"/meetings/{meeting.reference}/letters",
        f"/reviews/{review.assignment_id}",
        owner(french).email,
    )
    paragraphs = decisions.letters_of(of_call, [decision_on(french.id)], LETTERS)[decision_on(french.id).id]
    shown = browser.sign_in(by).open(page)
    for words in (
        "Bravo.",
        "Well prepared.",
        paragraphs.outcome.splitlines()[0],
        french.reference,
        other.reference,
    ):
        assert " ".join(words.split()) in shown.content, words
    assert paragraphs.language == "fr"
    assert mine in browser.text, "the sentence is corrected in its review"
    assert db.session.scalars(select(Letter)).all() == [], "nothing is kept by reading"
    Browser(app).sign_in(applicant).get(page, 403)


def test_nobody_reads_a_letter_that_concerns_their_conflict_or_names_it(browser: Browser) -> None:
    of_call, people, by = call(), members(), coordinator()
    secret, other = scored(of_call, 5, 5, title="Zanzibar lighthouse"), scored(of_call)
    meeting = session_of(of_call, people)
    decided(meeting, secret, people)
    decided(meeting, other, people, "decline", reason="No.", feedback="Weaker than the Zanzibar lighthouse.")
    declare_interest(by, secret.organization, grade=Grade.CONFLICT, reason="A cousin.", by=by)
    shown = browser.sign_in(by).open(f"/meetings/{meeting.reference}/letters")
    assert other.reference in shown.content
    assert secret.reference not in browser.text
    assert "Zanzibar" not in browser.text
