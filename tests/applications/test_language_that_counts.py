"""Where a call says nothing in the reader's language, it speaks the one that counts, not just any other."""

from __future__ import annotations

from typing import Any

from flask import Flask

from grants.applications import actions
from grants.calls.actions import import_call, publish
from grants.core import clock
from grants.core.db import db
from tests import factories
from tests.calls.other_call import documents
from tests.corrections.scene import OPEN
from tests.http import Browser


def in_two_languages(value: Any) -> Any:
    """The documents with every wording in French, which counts, and in English."""
    if isinstance(value, dict) and set(value) == {"ja"}:
        return {"en": f"ENGLISH {value['ja']}", "fr": f"FRENCH {value['ja']}"}
    if isinstance(value, dict):
        return {key: in_two_languages(member) for key, member in value.items()}
    return [in_two_languages(member) for member in value] if isinstance(value, list) else value


def in_french() -> dict[str, Any]:
    written = documents()
    written["call"] |= {"title": {"ja": "Call"}, "languages_of_application": ["en", "fr"]}
    written["call"]["authoritative_language"] = "fr"
    written["call"]["required_annexes"] = [
        {
            "id": "A",
            "key": "statutes",
            "formats": ["pdf"],
            "required": True,
            "label": {"ja": "Statutes"},
            "note": {"ja": "Sealed"},
        }
    ]
    written["form"]["languages"] = ["en", "fr"]
    for section in written["form"]["sections"]:
        section["title"] = {"ja": section["title"]}
        for question in section["questions"]:
            question["label"] = {"ja": question["label"]}
    found: dict[str, Any] = in_two_languages(written)
    return found


def test_a_spanish_reader_of_a_french_call_reads_french_and_no_english(app: Flask, browser: Browser) -> None:
    call = import_call(in_french(), by=None)
    with clock.at(OPEN):
        publish(call, by=None)
    person = factories.person(language="es")
    organization = factories.organization(person, country="JP")
    with clock.at(OPEN):
        application = actions.start(call, organization, language="fr", by=person)
        db.session.commit()
        browser.sign_in(person)
        place = f"/applications/{application.reference}"
        own = [place, f"{place}/sections/only", f"{place}/documents", f"{place}/notes"]
        public = [f"/calls/{call.reference}{page}" for page in ("", "/questions", "/can-we-apply")]
        for page in ("/calls", *public, *own):
            browser.get(page)
            assert "FRENCH" in browser.text, page
            assert "ENGLISH" not in browser.text, page
