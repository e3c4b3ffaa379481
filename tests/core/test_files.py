"""Files in a folder and in S3, by the same calls; nothing that is not what it says."""

from __future__ import annotations

import io
import struct
import unicodedata
import zipfile
from collections.abc import Iterator

import boto3
import pikepdf
import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from moto.server import ThreadedMotoServer
from sqlalchemy import select

from grants.core import contents, files, pdf
from grants.core.contents import MEDIA_TYPES
from grants.core.db import db
from grants.core.files import StoredFile
from grants.core.rules import Refused
from grants.demo import sample
from tests.applications import documents
from tests.uploads import photographs

PNG = documents.real_png()
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def zipped(**members: bytes) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/"), content)
    return written.getvalue()


def locked_pdf() -> bytes:
    document = pikepdf.new()
    document.add_blank_page()
    return photographs.saved(document, encryption=pikepdf.Encryption(user="secret", owner="secret"))


def open_document(kind: str) -> bytes:
    return zipped(mimetype=MEDIA_TYPES[kind].encode(), **{"content.xml": b"<x/>", "META-INF/manifest.xml": b"<x/>"})


def office(**members: bytes) -> bytes:
    return zipped(**{"[Content_Types].xml": b"<x/>"} | members)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An S3 server of our own with one bucket."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "somebody",
        "AWS_SECRET_ACCESS_KEY": "something",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_REGION": "eu-west-1",
        "AWS_ALLOW_HTTP": "true",
    }.items():
        monkeypatch.setenv(name, value)
    boto3.client("s3").create_bucket(Bucket="pilot", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    yield "s3://pilot/files"
    server.stop()


def test_a_file_comes_back_as_it_went_into_a_folder(app: Flask) -> None:
    content = pdf.render("document", language="en", title="Statutes", parts=[])
    stored = files.keep("statutes.pdf", content, ["pdf"])
    assert files.read(stored) == content
    assert (stored.media_type, stored.size) == ("application/pdf", len(content))


def test_a_file_comes_back_as_it_went_into_s3(app: Flask, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "STORAGE_URL", bucket)
    monkeypatch.delitem(app.extensions, "file_store", raising=False)
    content = sample.document("xlsx", "Budget", "Somebody")
    stored = files.keep("budget.xlsx", content, ["xlsx"])
    assert files.read(stored) == content
    held = boto3.client("s3").list_objects_v2(Bucket="pilot")["Contents"]
    assert [thing["Key"] for thing in held] == [f"files/{stored.key}"]
    app.extensions.pop("file_store")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("program.exe", b"MZ", "file_kind"),
        ("program.pdf", b"MZ\x90\x00" * 50, "file_content"),
        ("picture.svg", SVG, "file_kind"),
        ("picture.png", SVG, "file_content"),
        ("nothing.pdf", b"", "file_empty"),
        ("plain.docx", zipped(**{"a.txt": b"hello"}), "file_content"),
        ("macro.docx", office(**{"word/document.xml": b"<x/>", "word/vbaProject.bin": b"x"}), "file_programs"),
        ("bomb.docx", office(**{"word/document.xml": b"0" * 210_000_000}), "file_bomb"),
        ("script.docx", office(**{"word/document.xml": b"<x/>", "word/page.html": b"<script>"}), "file_programs"),
        ("locked.pdf", locked_pdf(), "file_locked"),
        ("broken.pdf", b"%PDF-1.7\nnothing more", "file_broken"),
        ("half.png", PNG[:40], "picture_broken"),
        ("hundred.pdf", b"%PDF-1.7" + bytes(100 * 1024 * 1024), "file_too_large"),
        ("cv\u202efdp.exe", b"MZ" * 200, "file_kind"),
        ("page.html", b"<script>alert(1)</script>", "file_kind"),
        ("large.pdf", b"%PDF-1.7" + b"0" * files.LARGEST, "file_too_large"),
        ("noending", b"plain words", "file_content"),
    ],
)
def test_what_is_not_taken_is_refused_with_its_reason(app: Flask, name: str, content: bytes, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        files.keep(name, content, ["pdf", "docx", "png"])
    assert [obstacle.code for obstacle in refused.value.obstacles] == [reason]
    assert not list(db.session.scalars(select(StoredFile)))


def test_the_content_says_what_a_file_is_and_the_name_follows(app: Flask) -> None:
    assert files.keep("scan", documents.real_pdf(), ["pdf"]).name == "scan.pdf"
    assert files.keep("scan.docx", documents.real_pdf(), ["pdf", "docx"]).name == "scan.pdf"
    assert files.keep("scan.jpg", PNG, ["png", "jpg"]).media_type == "image/png"
    assert files.keep("text.odt", open_document("odt"), ["odt"]).media_type == MEDIA_TYPES["odt"]


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("what", ["JavaScript", "Launch", "ImportData", "SubmitForm"])
def test_a_pdf_that_runs_something_is_refused_wherever_it_hides_it(app: Flask, what: str, packed: bool) -> None:
    with pytest.raises(Refused) as refused:
        files.keep("form.pdf", photographs.pdf_with(what, packed=packed), ["pdf"])
    assert [obstacle.code for obstacle in refused.value.obstacles] == ["file_runs"]
    assert what in str(refused.value.obstacles[0].message)


def test_a_pdf_that_only_speaks_of_programs_is_taken(app: Flask) -> None:
    document = pikepdf.new()
    document.add_blank_page()
    document.Root.Note = "we use /JavaScript (and /Launch) at school"
    content = photographs.saved(document)
    assert files.read(files.keep("school.pdf", content, ["pdf"])) == content


def test_a_pdf_that_anybody_can_open_is_taken_although_it_is_sealed(app: Flask) -> None:
    document = pikepdf.new()
    document.add_blank_page()
    sealed = photographs.saved(document, encryption=pikepdf.Encryption(user="", owner="secret"))
    assert files.keep("bank.pdf", sealed, ["pdf"]).size == len(sealed)


def test_a_zip_whose_parts_share_their_bytes_is_a_bomb(app: Flask) -> None:
    honest = office(**{"word/document.xml": bytes(200_000)})
    with zipfile.ZipFile(io.BytesIO(honest)) as archive:
        entry = honest[archive.start_dir : -22]
    many = 400
    directory = entry * many
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 2 * many, 2 * many, len(directory), archive.start_dir, 0)
    with pytest.raises(Refused) as refused:
        files.keep("overlap.docx", honest[: archive.start_dir] + directory + end, ["docx"])
    assert [obstacle.code for obstacle in refused.value.obstacles] == ["file_bomb"]


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd.png", "passwd.png"),
        ("C:\\windows\\photo.png", "photo.png"),
        ("ph\x00oto\n.png", "photo.png"),
        ("\u202egnp.exe\u2066.png", "gnp.exe.png"),
        ("\ud800photo.png", "photo.png"),
        (".htaccess.png", "htaccess.png"),
        ("  ", "file.png"),
        ("..", "file.png"),
        ("x" * 400 + ".png", "x" * 110 + ".png"),
        ("cafe\u0301.png", "café.png"),
    ],
)
def test_a_name_holds_nothing_that_leads_elsewhere_or_cannot_be_seen(app: Flask, name: str, kept: str) -> None:
    assert files.keep(name, PNG, ["png"]).name == kept


@given(st.text(max_size=80), st.sampled_from(["pdf", "jpg", "docx"]))
def test_whatever_a_file_is_called_its_kept_name_is_plain_and_ends_truly(name: str, kind: str) -> None:
    kept = contents.stored_name(name, kind)
    assert (
        kept.endswith(f".{kind}")
        or (kind == "jpg" and kept.lower().endswith((".jpeg", ".jpg")))
        or kept.lower().endswith(f".{kind}")
    )
    assert not set(kept) & set("/\\\0\r\n")
    assert all(unicodedata.category(c)[0] != "C" for c in kept)
    assert len(kept) <= contents.LONGEST_NAME + 10
    kept.encode()


@given(st.binary(max_size=400))
def test_bytes_that_are_nothing_are_refused_and_never_break_anything(content: bytes) -> None:
    for start in (b"", b"%PDF-1.7\n", b"PK\x03\x04", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n"):
        found = contents.obstacles_to_storing("a.pdf", start + content, ["pdf", "docx", "odt"])
        assert found, "nothing as short as this is a document"


@pytest.mark.parametrize("name", ["../../etc/passwd.png", "C:\\windows\\photo.png", "a/b/photo.png"])
def test_a_name_never_leads_out_of_the_store(app: Flask, name: str) -> None:
    stored = files.keep(name, PNG, ["png"])
    assert "/" not in stored.name
    assert "\\" not in stored.name
    assert "/" not in stored.key
