"""The addresses that take files, over HTTP: each for the person whose file it is, and the plain forms beside them."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from grants.accounts.models import Role
from grants.applications.models import Attachment
from grants.applications.queries import attachments_of
from grants.core import clock, files
from grants.core.db import db
from grants.organizations.models import KeptDocument
from grants.uploads.models import Upload
from tests import factories as make
from tests.applications import documents
from tests.http import Browser, begin_request
from tests.uploads.photographs import SECRET, blank_pdf, pdf_with, photograph
from tests.uploads.rows import IN_TIME, Desk, desk, sha256


@pytest.fixture(autouse=True)
def _then(app: Flask) -> Iterator[None]:
    with clock.at(IN_TIME):
        yield


class Script:
    """What the script on a page says to the server."""

    def __init__(self, app: Flask, at: Desk, person: Any = None) -> None:
        self.browser = Browser(app).sign_in(person or at.owner)
        self.page, self.announce = at.page, at.begin
        self.token = ""

    def open(self) -> Script:
        text = self.browser.get(self.page).get_data(as_text=True)
        self.token = text.split('name="csrf_token" value="')[1].split('"')[0]
        return self

    def post(self, address: str, body: Any, status: int, **headers: str) -> Any:
        begin_request()
        kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
        sent = body if isinstance(body, bytes) else json.dumps(body)
        told = {"X-CSRFToken": self.token, "Origin": "http://localhost"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        answer = self.browser.client.post(address, data=sent, content_type=kind, headers=told)
        db.session.remove()
        assert answer.status_code == status, f"{answer.status_code}: {answer.get_data(as_text=True)[:500]}"
        return answer.get_json(silent=True)

    def begin(self, content: bytes, name: str, status: int = 201, *, page: bool = False) -> Any:
        told = {"name": name, "size": len(content), "sha256": sha256(content), "page": page}
        return self.post(self.announce, told, status)

    def part(self, key: str, start: Any, content: bytes, status: int = 200) -> Any:
        headers = {"Upload_Offset": str(start), "Upload_Sha256": sha256(content)}
        return self.post(f"/uploads/{key}/parts", content, status, **headers)


def test_a_file_arrives_piece_by_piece_and_stands_on_the_page(app: Flask) -> None:
    at = desk()
    content = documents.real_pdf() + b"\n" * 40_000
    script = Script(app, at).open()
    key = script.begin(content, "statutes.pdf")["upload"]
    assert script.part(key, 0, content[:20_000]) == {"received": 20_000}
    assert script.part(key, 0, content[:20_000], 409) == {"received": 20_000}
    assert script.browser.get(f"/uploads/{key}").get_json()["received"] == 20_000
    assert script.begin(content, "statutes.pdf")["received"] == 20_000
    script.part(key, 20_000, content[20_000:])
    assert script.post(f"/uploads/{key}/finish", {}, 200)["state"] == "attached"
    assert script.post(f"/uploads/{key}/finish", {}, 200)["state"] == "attached"
    assert "statutes.pdf" in script.browser.get(script.page).get_data(as_text=True)


def test_what_is_refused_is_said_in_words_and_leaves_nothing(app: Flask) -> None:
    at = desk()
    script = Script(app, at).open()
    told = script.post(at.begin, {"name": "a.pdf", "size": 100 * 2**20, "sha256": "a" * 64}, 422)
    assert told["codes"] == ["file_too_large"]
    assert "larger than 10 MB" in told["problems"][0]
    content = pdf_with("JavaScript")
    key = script.begin(content, "form.pdf")["upload"]
    script.part(key, 0, content)
    assert script.post(f"/uploads/{key}/finish", {}, 422)["codes"] == ["file_runs"]
    assert script.post(f"/uploads/{key}/set-aside", {}, 200)["state"] == "set_aside"
    assert db.session.scalars(select(Attachment.id)).all() == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"[" * 100_000,
        {"size": "many"},
        {"name": None, "size": 1e300},
        {"name": "a.pdf", "size": 1, "sha256": "\ud800"},
        {"name": "a.pdf", "size": 1, "sha256": "\0"},
        [],
        "text",
    ],
)
def test_nonsense_is_answered_and_never_breaks_anything(app: Flask, body: Any) -> None:
    script = Script(app, desk()).open()
    begin_request()
    answer = script.browser.client.post(
        script.announce,
        data=body if isinstance(body, bytes) else json.dumps(body),
        content_type="application/json",
        headers={"X-CSRFToken": script.token, "Origin": "http://localhost"},
    )
    assert answer.status_code in (400, 422)


def test_a_piece_without_a_place_or_too_large_is_refused(app: Flask) -> None:
    content = blank_pdf()
    script = Script(app, desk()).open()
    key = script.begin(content, "a.pdf")["upload"]
    for start in ("", "-1", "1e3", "9" * 30, "9" * 5000, "²"):
        assert script.part(key, start.encode("ascii", "ignore").decode() or "x", content, 409) == {"received": 0}
    script.part(key, 0, bytes(2**20 + 1), 422)
    script.post(f"/uploads/{key}/parts", content, 422, Upload_Offset="0", Upload_Sha256="nothing")


def test_a_file_is_seen_by_nobody_but_who_sends_it(app: Flask) -> None:
    at = desk()
    content = blank_pdf()
    mine = Script(app, at).open()
    key = mine.begin(content, "a.pdf")["upload"]
    colleague = make.person()
    make.save(make.Membership(organization_id=at.organization.id, person_id=colleague.id, role="editor"))
    stranger = desk()
    for other in (Script(app, at, colleague), Script(app, stranger), Script(app, at, make.person(Role.AUDITOR))):
        other.browser.get(f"/uploads/{key}", status=404)
        other.token = mine.token
        other.browser.get("/account")
        text = other.browser.text
        other.token = text.split('name="csrf_token" value="')[1].split('"')[0]
        other.part(key, 0, content, 404)
        other.post(f"/uploads/{key}/finish", {}, 404)
        other.post(f"/uploads/{key}/set-aside", {}, 404)
    Script(app, at, make.person(Role.AUDITOR)).browser.get("/booklets/none", status=404)
    begin_request()
    assert app.test_client().get(f"/uploads/{key}").status_code == 302


def test_without_the_token_of_a_page_nothing_is_taken(app: Flask) -> None:
    script = Script(app, desk())
    script.post(script.announce, {"name": "a.pdf", "size": 5000, "sha256": "a" * 64}, 400)
    assert db.session.scalars(select(Upload.id)).all() == []


def test_photographs_become_one_pdf_with_a_script_and_without(app: Flask) -> None:
    at = desk()
    script = Script(app, at).open()
    pictures = [photograph("one"), photograph("two")]
    keys = []
    for n, content in enumerate(pictures):
        keys.append(script.begin(content, f"IMG_{n}.jpg", page=True)["upload"])
        script.part(keys[-1], 0, content)
    join = at.begin.removesuffix("uploads") + "join"
    told = script.post(join, {"uploads": keys[::-1], "name": "register"}, 200)
    assert (told["state"], told["pages"], told["of"]) == ("attached", 2, 2)
    assert script.browser.get(f"/booklets/{told['booklet']}").get_json() == told
    script.post(join, {"uploads": keys, "name": "register"}, 422)
    chosen = [(content, f"IMG_{n}.jpg") for n, content in enumerate(pictures)]
    script.browser.post(
        at.begin.removesuffix("uploads") + "attach",
        {"files": [(io.BytesIO(content), name) for content, name in chosen], "joined": "y"},
        page=script.page,
        status=302,
        content_type="multipart/form-data",
    )
    stored = [attachment.file for attachment in attachments_of(db.session.merge(at.application))]
    assert [one.name for one in stored if one] == ["register.pdf", "IMG_0.pdf"]
    assert all(SECRET.encode() not in files.read(one) for one in stored if one)


def test_photographs_that_cannot_be_joined_are_said_beside_the_field(app: Flask) -> None:
    at = desk()
    script = Script(app, at)
    answer = script.browser.post(
        at.begin.removesuffix("uploads") + "attach",
        {"files": [(io.BytesIO(blank_pdf()), "a.pdf")], "joined": "y"},
        page=script.page,
        status=422,
        content_type="multipart/form-data",
    )
    assert "a.pdf: This picture is damaged" in answer.get_data(as_text=True)


def test_a_document_the_organization_keeps_is_offered_and_used_once(app: Flask) -> None:
    at = desk()
    kept = files.keep("our-statutes.pdf", documents.real_pdf(), ["pdf"])
    document = make.save(
        KeptDocument(
            organization_id=at.organization.id, kind="statutes", title="", file_id=kept.id, added_by_id=at.owner.id
        )
    )
    foreign = make.save(
        KeptDocument(
            organization_id=desk().organization.id, kind="statutes", title="", file_id=kept.id, added_by_id=at.owner.id
        )
    )
    use = at.begin.removesuffix("uploads") + f"kept/{document.id}"
    other = at.begin.removesuffix("uploads") + f"kept/{foreign.id}"
    script = Script(app, at)
    assert "Your organization keeps our-statutes.pdf" in script.browser.get(script.page).get_data(as_text=True)
    script.browser.post(other, page=script.page, status=404)
    script.browser.post(use, page=script.page, status=302)
    page = script.browser.get(script.page).get_data(as_text=True)
    assert "our-statutes.pdf" in page
    assert "Your organization keeps" not in page


def test_names_that_deceive_are_kept_plain(app: Flask) -> None:
    at = desk()
    script = Script(app, at)
    for name in ("../../etc/\u202egnp.pdf", "a\tb.pdf"):
        script.browser.post(
            at.begin.removesuffix("uploads") + "attach",
            {"files": [(io.BytesIO(documents.real_pdf(name)), name)]},
            page=script.page,
            status=302,
            content_type="multipart/form-data",
        )
    names = [a.file.name for a in attachments_of(db.session.merge(at.application)) if a.file]
    assert names == ["gnp.pdf", "a b.pdf"]
