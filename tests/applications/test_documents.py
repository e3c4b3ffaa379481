"""What may be attached, by whom it is read, and what is refused."""

from __future__ import annotations

import random
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from grants.accounts.models import Person
from grants.applications import actions, queries, rules
from grants.applications.models import Application
from grants.calls.models import DocumentAsked
from grants.core import clock, contents, files
from grants.core.db import db, transaction
from grants.core.rules import Refused
from tests import factories as make
from tests.applications import documents, sample

IN_TIME = datetime(2027, 2, 1, 12, tzinfo=UTC)


def begun(formats: list[str]) -> tuple[Application, DocumentAsked, Person]:
    """A new application to a call that asks for one document of these kinds."""
    owner = make.person()
    call = make.call()
    (document,) = call.documents
    document.formats = formats
    with clock.at(IN_TIME):
        return actions.start(call, make.organization(owner), language="en", by=owner), document, owner


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("statutes.exe", b"MZ" + b"\x00" * 200, "file_kind"),
        ("statutes.pdf", b"MZ" + b"\x00" * 200, "file_content"),
        ("statutes.pdf", b"", "file_empty"),
        ("statutes.pdf", b"%PDF-1.7\n" + b"0" * (10 * 1024 * 1024), "file_too_large"),
        ("statutes.docx", documents.office("hello.txt"), "file_content"),
        ("statutes.docx", documents.office("word/document.xml", "word/vbaProject.bin"), "file_programs"),
        ("statutes.docx", documents.real_xlsx(), "file_content"),
        ("statutes.docx", b"PK\x03\x04 broken", "file_content"),
        ("statutes.png", documents.real_png(), "file_kind"),
        ("statutes", b"plain words", "file_content"),
        ("statutes.pdf.html", b"<script>alert(1)</script>", "file_kind"),
    ],
)
def test_what_is_not_the_kind_it_says_is_refused(app: Flask, name: str, content: bytes, code: str) -> None:
    application, document, owner = begun(["pdf", "docx"])
    with pytest.raises(Refused) as refusal:
        actions.attach(application, document, name, content, by=owner)
    assert [o.code for o in refusal.value.obstacles] == [code]
    assert queries.attachments_of(application) == []


@pytest.mark.parametrize("packing", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_file_is_refused_in_words_and_never_fails(packing: int) -> None:
    sound, chance, found = documents.open_document(packing), random.Random(packing), set()
    assert contents.obstacles_to_storing("a.odt", sound, ["odt"]) == []
    for _ in range(400):
        damaged = bytearray(sound)
        for _ in range(chance.randint(1, 4)):
            damaged[chance.randrange(4, len(damaged))] = chance.randrange(256)
        found |= {obstacle.code for obstacle in contents.obstacles_to_storing("a.odt", bytes(damaged), ["odt"])}
    assert {"file_broken", "file_content"} <= found


@pytest.mark.parametrize("name", ["a.pdf", "a.docx", "a.xlsx"])
def test_real_files_are_kept_as_they_are(app: Flask, name: str) -> None:
    application, document, owner = begun(["pdf", "docx", "xlsx", "png"])
    content = documents.of_kind(name)
    attachment = actions.attach(application, document, name, content, by=owner)
    assert attachment.file is not None
    assert files.read(attachment.file) == content


def test_the_same_file_sent_twice_is_kept_once(app: Flask) -> None:
    application, document, owner = begun(["pdf"])
    content = documents.real_pdf()
    first = actions.attach(application, document, "a.pdf", content, by=owner)
    assert actions.attach(application, document, "a.pdf", content, by=owner).id == first.id
    actions.attach(application, document, "b.pdf", documents.real_pdf("Another"), by=owner)
    assert len(queries.attachments_of(application)) == 2


def test_there_is_an_end_to_the_files_of_one_document(app: Flask) -> None:
    application, document, owner = begun(["pdf"])
    for n in range(rules.MOST_FILES):
        actions.attach(application, document, "a.pdf", documents.real_pdf(f"Page {n}"), by=owner)
    with pytest.raises(Refused) as refusal:
        actions.attach(application, document, "a.pdf", documents.real_pdf("One more"), by=owner)
    assert [o.code for o in refusal.value.obstacles] == ["too_many_files"]


def test_a_document_of_another_call_or_of_the_award_is_not_taken(app: Flask) -> None:
    application, document, owner = begun(["pdf"])
    (foreign,) = make.call().documents
    with pytest.raises(Refused) as refusal:
        actions.attach(application, foreign, "a.pdf", documents.real_pdf(), by=owner)
    assert [o.code for o in refusal.value.obstacles] == ["document_not_asked"]
    document.stage = "award"
    with pytest.raises(Refused):
        actions.attach(application, document, "a.pdf", documents.real_pdf(), by=owner)


def test_a_removed_file_is_gone_once_that_is_certain(live: Flask, tmp_path: Path) -> None:
    with transaction():
        application, document, owner = begun(["pdf"])
        attachment = actions.attach(application, document, "a.pdf", documents.real_pdf(), by=owner)
    stored = attachment.file
    assert stored is not None
    kept = tmp_path / "files" / stored.key
    assert kept.exists()
    actions.detach(attachment, by=owner)
    db.session.rollback()
    assert kept.exists()
    with transaction():
        actions.detach(queries.attachments_of(application)[0], by=owner)
    assert not kept.exists()
    assert db.session.scalar(select(files.StoredFile.erased_at)) is not None


def test_a_document_is_withheld_with_a_reason_only_where_the_call_allows_it(app: Flask) -> None:
    application, document, owner = begun(["pdf"])
    with pytest.raises(Refused) as refusal:
        actions.withhold(application, document, "Danger", by=owner)
    assert [o.code for o in refusal.value.obstacles] == ["not_withholdable"]


def test_a_reason_gives_way_to_a_file_and_is_needed(app: Flask) -> None:
    call, _coordinator = sample.sample_call()
    application, owner = sample.filled(call, "APP-003", annexes=False)
    board = next(d for d in call.documents if d.key == "board_list")
    with pytest.raises(Refused) as refusal:
        actions.withhold(application, board, "  ", by=owner)
    assert [o.code for o in refusal.value.obstacles] == ["reason_missing"]
    actions.withhold(application, board, "Members without papers", by=owner)
    actions.withhold(application, board, "Members without papers, really", by=owner)
    assert [a.withheld_reason for a in queries.attachments_of(application)] == ["Members without papers, really"]
    actions.attach(application, board, "board.pdf", documents.real_pdf(), by=owner)
    assert [a.withheld_reason for a in queries.attachments_of(application)] == [None]
    with pytest.raises(Refused) as refusal:
        actions.withhold(application, board, "Again", by=owner)
    assert [o.code for o in refusal.value.obstacles] == ["file_present"]
