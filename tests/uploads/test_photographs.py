"""Photographs: without place and device, upright, shrunk, and joined into one PDF in the order given."""

from __future__ import annotations

import io
import random

import pikepdf
import pytest
from flask import Flask
from PIL import Image, ImageChops, ImageOps
from sqlalchemy import select

from grants.applications import actions as applications
from grants.applications.queries import attachments_of
from grants.applications.rules import MOST_PAGES
from grants.core import files, pictures
from grants.core.db import db, transaction
from grants.core.rules import Refused
from grants.uploads import actions, tasks
from grants.uploads.models import Booklet, BookletState, Upload, UploadState
from tests.applications import documents
from tests.uploads import photographs
from tests.uploads.photographs import SECRET, photograph
from tests.uploads.rows import Desk, announced, desk, sent


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def pages_of(content: bytes) -> list[Image.Image]:
    with pikepdf.open(io.BytesIO(content)) as document:
        return [opened(page.Resources.XObject.Paper.read_raw_bytes()) for page in document.pages]


def is_red(picture: Image.Image, x: int, y: int) -> bool:
    red, green, blue = picture.convert("RGB").getpixel((x, y))
    return red > 180 and green < 90 and blue < 90


def test_a_photograph_keeps_neither_place_nor_device_and_stands_upright(app: Flask) -> None:
    raw = photograph()
    assert SECRET.encode() in raw
    stored = files.keep("home.jpg", raw, ["jpg"])
    content = files.read(stored)
    for trace in (SECRET.encode(), b"taken at home", b"Exif", b"GPS"):
        assert trace not in content
    picture = opened(content)
    assert dict(picture.getexif()) == {}
    assert picture.size == (300, 400)
    assert is_red(picture, 290, 10), "what lay at the left is on top now"


def test_nothing_hides_behind_a_picture(app: Flask) -> None:
    for name, raw in (("a.png", documents.real_png()), ("a.jpg", photograph())):
        content = files.read(files.keep(name, raw + b"PK\x03\x04<script>alert(1)</script>", ["png", "jpg"]))
        assert b"<script>" not in content


def test_the_dots_of_a_drawing_stay_as_they_were(app: Flask) -> None:
    drawing = Image.effect_mandelbrot((64, 48), (-2, -1, 1, 1), 40)
    written = io.BytesIO()
    drawing.save(written, "PNG", pnginfo=None)
    kept = opened(files.read(files.keep("a.png", written.getvalue(), ["png"])))
    assert ImageChops.difference(kept, drawing).getbbox() is None


@pytest.mark.parametrize("turned", range(1, 9))
def test_however_a_phone_was_held_the_photograph_stands_upright(app: Flask, turned: int) -> None:
    raw = photograph(turned=turned)
    upright = ImageOps.exif_transpose(opened(raw))
    for kept in (opened(pictures.cleaned(raw, "jpg")), opened(pictures.page(raw))):
        assert kept.size == upright.size
        assert ImageChops.difference(kept.convert("L"), upright.convert("L")).getextrema()[1] < 60


def test_what_a_camera_garbled_about_itself_is_no_matter(app: Flask) -> None:
    raw = photograph()
    where = raw.index(SECRET.encode())
    exif = raw.index(b"Exif")
    chance = random.Random(7)
    for _ in range(300):
        garbled = bytearray(raw)
        for _ in range(4):
            garbled[chance.randrange(exif + 6, where)] = chance.randrange(256)
        assert sorted(opened(pictures.cleaned(bytes(garbled), "jpg")).size) == [300, 400]


@pytest.mark.parametrize("width", [256, 4500])
def test_a_scan_in_many_greys_keeps_its_greys(app: Flask, width: int) -> None:
    scan = Image.new("I;16", (256, 10))
    scan.putdata([column * 257 for _row in range(10) for column in range(256)])
    written = io.BytesIO()
    scan.resize((width, 10)).save(written, "PNG")
    for kept in (opened(pictures.cleaned(written.getvalue(), "png")), opened(pictures.page(written.getvalue()))):
        greys = [kept.convert("L").getpixel((kept.width * part // 8, 1)) for part in (1, 4, 7)]
        assert greys == pytest.approx([32, 128, 224], abs=6)


def test_a_picture_with_more_dots_than_any_phone_makes_is_refused(app: Flask) -> None:
    written = io.BytesIO()
    Image.new("1", (30_000, 20_000)).save(written, "PNG")
    with pytest.raises(Refused) as refusal:
        files.keep("bomb.png", written.getvalue(), ["png"])
    assert [obstacle.code for obstacle in refusal.value.obstacles] == ["picture_too_large"]


def test_photographs_become_upright_shrunk_pages_in_their_order() -> None:
    content = pictures.joined(
        [photograph("one", size=(3000, 2250)), documents.real_png(), photograph("three", turned=1)]
    )
    first, second, third = pages_of(content)
    assert first.size == (1500, 2000)
    assert is_red(first, 1480, 20)
    assert second.size == (1, 1)
    assert third.size == (400, 300)
    assert is_red(third, 5, 5)
    with pikepdf.open(io.BytesIO(content)) as document:
        boxes = [[float(side) for side in page.MediaBox] for page in document.pages]
    assert boxes == [[0, 0, 595, 842], [0, 0, 595, 842], [0, 0, 842, 595]]
    assert SECRET.encode() not in content
    assert pictures.joined([documents.real_png()]) == pictures.joined([documents.real_png()])


def test_holes_of_a_picture_become_white_paper() -> None:
    written = io.BytesIO()
    Image.new("RGBA", (40, 40), (0, 0, 0, 0)).save(written, "PNG")
    (page,) = pages_of(pictures.joined([written.getvalue()]))
    assert page.convert("RGB").getpixel((20, 20)) == (255, 255, 255)


def test_photographs_sent_in_one_go_are_one_attachment(app: Flask) -> None:
    at = desk()
    chosen = [("IMG_1.jpg", photograph("one")), ("IMG_2.jpg", photograph("two"))]
    attachment = applications.attach_photographs(at.application, at.document, chosen, by=at.owner)
    assert attachment.file is not None
    assert (attachment.file.name, attachment.file.media_type) == ("IMG_1.pdf", "application/pdf")
    assert len(pages_of(files.read(attachment.file))) == 2


def arrived(at: Desk, *contents: bytes) -> list[Upload]:
    return [sent(announced(at, content, f"IMG_{n}.jpg", is_page=True), content) for n, content in enumerate(contents)]


def test_a_few_photographs_are_joined_at_once_in_the_order_asked(app: Flask) -> None:
    at = desk()
    one, two = arrived(at, photograph("one", turned=1), photograph("two", size=(300, 400), turned=1))
    booklet = actions.join(at.application, at.document, [two, one], name="register", by=at.owner)
    assert booklet.state == BookletState.ATTACHED
    (attachment,) = attachments_of(at.application)
    assert attachment.file is not None
    assert attachment.file.name == "register.pdf"
    assert [page.size for page in pages_of(files.read(attachment.file))] == [(300, 400), (400, 300)]
    assert {one.state, two.state} == {UploadState.ATTACHED}


def test_many_photographs_are_joined_by_a_worker_page_by_page(live: Flask) -> None:
    with transaction():
        at = desk()
        uploads = arrived(at, *(photograph(f"page {n}") for n in range(6)))
        booklet = actions.join(at.application, at.document, uploads, name="register", by=at.owner)
        assert booklet.state == BookletState.WORKING
    with transaction():
        assert not actions.join_one_page(booklet)
    assert [upload.paged for upload in booklet.uploads] == [True] + [False] * 5
    assert tasks.join_waiting() == 1
    db.session.expire_all()
    assert db.session.scalars(select(Booklet.state)).one() == BookletState.ATTACHED
    (attachment,) = attachments_of(at.application)
    assert attachment.file is not None
    assert len(pages_of(files.read(attachment.file))) == 6
    assert tasks.join_waiting() == 0


def test_a_photograph_that_cannot_be_opened_is_named_and_nothing_is_attached(app: Flask) -> None:
    at = desk()
    uploads = arrived(at, photograph("one"), photograph("two")[:2000])
    booklet = actions.join(at.application, at.document, uploads, name="register", by=at.owner)
    assert booklet.state == BookletState.REFUSED
    assert booklet.refusal is not None
    assert booklet.refusal.startswith("IMG_1.jpg: ")
    assert attachments_of(at.application) == []


def test_only_photographs_that_are_here_and_belong_together_are_joined(app: Flask) -> None:
    at, other = desk(), desk()
    (mine,) = arrived(at, photograph("one"))
    (foreign,) = arrived(other, photograph("two"))
    half = announced(at, photograph("half"), "half.jpg", is_page=True)
    whole_file = sent(announced(at, photographs.blank_pdf()), photographs.blank_pdf())
    for uploads, code in (
        ([], "no_photographs"),
        ([mine, foreign], "photograph_foreign"),
        ([mine, half], "upload_unfinished"),
        ([mine, whole_file], "photograph_foreign"),
        ([mine] * (MOST_PAGES + 1), "too_many_pages"),
    ):
        with pytest.raises(Refused) as refusal:
            actions.join(at.application, at.document, uploads, name="x", by=at.owner)
        assert code in [obstacle.code for obstacle in refusal.value.obstacles]
