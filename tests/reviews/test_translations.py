"""Answers in other languages: beside the original, with where they come from, by whom and when."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from grants.accounts.models import Role
from grants.applications.models import Application
from grants.core import clock
from grants.core.rules import Refused
from grants.history.queries import entries_about
from grants.questionnaires.models import SectionAnswers
from grants.reviews import actions, queries
from grants.reviews.models import AnswerTranslation, Assignment
from tests.factories import db, person
from tests.http import Browser
from tests.reviews.canaries import NAME, blind_call, told
from tests.reviews.rows import AT, assignment, counted, reviewer

ADDED = {"language": "fr", "words": "Quarante puits seront creusés.", "provenance": "machine"}


@pytest.fixture(autouse=True)
def _in_the_weeks_of_review(app: Flask) -> Iterator[None]:
    with clock.at(AT):
        yield


def page_of(one: Assignment, key: str = "summary") -> str:
    return f"/reviews/{one.id}/translations/{key}"


def test_a_reviewer_adds_a_translation_and_the_next_one_reads_it_beside_the_original(
    app: Flask, browser: Browser
) -> None:
    application = told(blind_call(blind=False))
    first, second = assignment(application, reviewer(name="Ria Reader")), assignment(application, reviewer())
    page, shown, next_one = page_of(first), f"/reviews/{second.id}", second.reviewer
    browser.sign_in(first.reviewer).get(page)
    assert "Forty wells will be dug." in browser.text
    browser.press("Add the translation", ADDED)
    assert "Quarante puits seront creusés." in browser.text
    second_browser = Browser(app)
    second_browser.sign_in(next_one).get(shown)
    assert "Quarante puits seront creusés." in second_browser.text
    assert "Translated by a machine" in second_browser.text
    assert "Forty wells will be dug." in second_browser.text
    assert 'lang="fr"' in second_browser.text
    assert "Ria Reader" not in second_browser.text


def test_a_coordinator_sees_who_translated_and_puts_a_checked_one_in_its_place(app: Flask, browser: Browser) -> None:
    application = told(blind_call(blind=False))
    one = assignment(application, reviewer(name="Ria Reader"))
    page, shown, key = page_of(one), f"/reviews/{one.id}", one.id
    add(one, "Quarante puits.")
    browser.sign_in(person(Role.REGIONAL_COORDINATOR, regions=["AFR"])).get(shown)
    assert "Ria Reader" in browser.text
    browser.get(page)
    browser.press("Add the translation", ADDED | {"words": "Quarante puits, relus.", "provenance": "checked"})
    assert "Quarante puits, relus." in browser.text
    assert "Quarante puits.<" not in browser.text
    assert "checked by a person" in browser.text
    verbs = [entry.verb for entry in entries_about([("assignment", key)])]
    assert verbs.count("translate") == 2


def add(one: Assignment, words: str, language: str = "fr", key: str = "summary") -> None:
    application = one.application
    definition = queries.definition_of(application.questionnaire_id)
    actions.translate(
        one,
        definition.questions[key],
        language=language,
        words=words,
        provenance="human",
        read=queries.fingerprint(answers(application)[key]),
        by=one.reviewer,
    )


def answers(application: Application) -> dict[str, object]:
    found = db.session.query(SectionAnswers).filter_by(answer_sheet_id=application.answer_sheet_id, section_key="S2")
    return dict(found.one().values)


def test_a_changed_answer_marks_its_translation_as_one_of_an_earlier_text(app: Flask, browser: Browser) -> None:
    application = told(blind_call(blind=False))
    one = assignment(application, reviewer())
    add(one, "Quarante puits.")
    shown = f"/reviews/{one.id}"
    sheet = application.answer_sheet_id
    browser.sign_in(one.reviewer).get(shown)
    assert "Of an earlier text" not in browser.text
    section = db.session.query(SectionAnswers).filter_by(answer_sheet_id=sheet, section_key="S2").one()
    section.values = section.values | {"summary": "Fifty wells."}
    db.session.flush()
    browser.get(shown)
    assert "Of an earlier text" in browser.text
    assert "Quarante puits." in browser.text


def test_a_translation_tells_a_blind_reviewer_no_name(app: Flask, browser: Browser) -> None:
    application = told(blind_call())
    one = assignment(application, reviewer())
    add(one, f"L’{NAME} creusera quarante puits.")
    browser.sign_in(one.reviewer).get(f"/reviews/{one.id}")
    assert "creusera quarante puits." in browser.text
    assert "uokka" not in browser.text
    browser.get(page_of(one), 0)
    assert browser.last is not None
    assert "uokka" not in browser.text


@pytest.mark.parametrize("key", ["org_name", "who_we_are", "identifier", "none"])
def test_a_blind_reviewer_translates_nothing_that_is_hidden_from_them(app: Flask, browser: Browser, key: str) -> None:
    one = assignment(told(blind_call()), reviewer())
    browser.sign_in(one.reviewer).get(page_of(one, key), 404)


def test_who_has_not_declared_or_does_not_review_it_translates_nothing(app: Flask, browser: Browser) -> None:
    application, somebody = told(blind_call()), reviewer()
    own = assignment(application, somebody, state="asked")
    other = page_of(assignment(application, reviewer()))
    browser.sign_in(somebody).get(page_of(own), 403)
    browser.get(other, 404)


@pytest.mark.parametrize(
    ("language", "words", "key", "code"),
    [
        ("en", "Words.", "summary", "same_language"),
        ("de", "Worte.", "summary", "language"),
        ("fr", "  ", "summary", "words_missing"),
        ("fr", "Mots.", "identifier", "nothing_to_translate"),
    ],
)
def test_what_cannot_be_a_translation_is_refused(app: Flask, language: str, words: str, key: str, code: str) -> None:
    one = assignment(told(blind_call(blind=False)), reviewer())
    with pytest.raises(Refused) as refused:
        add(one, words, language, key)
    assert [obstacle.code for obstacle in refused.value.obstacles] == [code]


def test_many_translations_cost_no_more_than_one(app: Flask, browser: Browser) -> None:
    one = assignment(told(blind_call(blind=False)), reviewer())
    page, key, reader = f"/reviews/{one.id}", one.id, one.reviewer
    browser.sign_in(reader).get(page)
    counts = []
    for language in ("fr", "es"):
        made = db.session.get(Assignment, key)
        for question in ("summary", "who_we_are", "partners", "title"):
            add(made, "Puits.", language, question)
        statements: list[str] = []
        with counted(statements):
            browser.get(page)
        counts.append(len(statements))
    assert counts[0] == counts[1]


def test_the_form_says_nothing_by_which_the_covered_text_could_be_tried_and_knows_which_text_was_read(
    app: Flask, browser: Browser
) -> None:
    application, somebody = told(blind_call()), reviewer()
    one = assignment(application, somebody)
    page, hashed = f"/reviews/{one.id}/translations/title", queries.fingerprint(application.title)
    one_id, key = one.id, application.id
    browser.sign_in(somebody).get(page)
    [form] = [form.fields for form in browser.page.forms if "read" in form.fields]
    assert hashed not in browser.last.get_data(as_text=True)
    typed = {"language": "fr", "words": "Un phare", "provenance": "human"}
    for read, kept in ((form["read"], hashed), ("0" * 64, "")):
        browser.post(page, typed | {"read": read}, page=page, status=302)
        latest = db.session.query(AnswerTranslation).filter_by(application_id=key).order_by(AnswerTranslation.id).all()
        assert latest[-1].original_hash == kept
    assert "Of an earlier text" in browser.get(f"/reviews/{one_id}").get_data(as_text=True)
