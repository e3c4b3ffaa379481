"""Files in a folder and in S3, by the same calls; nothing that is not what it says."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator

import boto3
import pytest
from flask import Flask
from moto.server import ThreadedMotoServer
from sqlalchemy import select

from grants.core import files, pdf
from grants.core.db import db
from grants.core.files import StoredFile
from grants.core.rules import Refused
from grants.demo import sample

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


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


def zipped(**members: bytes) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/"), content)
    return written.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("program.exe", b"MZ", "file_kind"),
        ("program.pdf", b"MZ\x90\x00" * 50, "file_content"),
        ("picture.svg", SVG, "file_kind"),
        ("picture.png", SVG, "file_content"),
        ("nothing.pdf", b"", "file_empty"),
        ("plain.docx", zipped(**{"a.txt": b"hello"}), "file_content"),
        ("macro.docx", zipped(**{"word/document.xml": b"<x/>", "word/vbaProject.bin": b"x"}), "file_content"),
        ("bomb.docx", zipped(**{"word/document.xml": b"0" * 210_000_000}), "file_content"),
        ("large.pdf", b"%PDF-1.7" + b"0" * files.LARGEST, "file_too_large"),
        ("noending", PNG, "file_kind"),
    ],
)
def test_what_is_not_taken_is_refused_with_its_reason(app: Flask, name: str, content: bytes, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        files.keep(name, content, ["pdf", "docx", "png"])
    assert [obstacle.code for obstacle in refused.value.obstacles] == [reason]
    assert not list(db.session.scalars(select(StoredFile)))


@pytest.mark.parametrize("name", ["../../etc/passwd.png", "C:\\windows\\photo.png", "a/b/photo.png"])
def test_a_name_never_leads_out_of_the_store(app: Flask, name: str) -> None:
    stored = files.keep(name, PNG, ["png"])
    assert "/" not in stored.name
    assert "\\" not in stored.name
    assert "/" not in stored.key
