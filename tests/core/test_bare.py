"""Files without what tells who made them: also what is packed inside them, and pictures of every kind."""

from __future__ import annotations

import io
import zipfile

import pytest
from PIL import Image

from grants.core import bare
from grants.core.rules import Refused
from tests.reviews.canaries import every_byte, letter_that_tells

AUTHOR = "Ana Quokkaruiz"


def letter_with(**parts: bytes) -> bytes:
    """A letter with further parts in its folder of pictures and tables."""
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(letter_that_tells())) as given, zipfile.ZipFile(written, "w") as made:
        for name in given.namelist():
            made.writestr(name, given.read(name))
        for name, content in parts.items():
            made.writestr(f"word/embeddings/{name.replace('_', '.')}", content)
    return written.getvalue()


def picture(kind: str) -> bytes:
    """A picture whose description names its author."""
    described, drawn = Image.Exif(), io.BytesIO()
    described[0x013B] = AUTHOR
    more = {"comment": AUTHOR} if kind == "GIF" else {"exif": described}
    Image.new("RGB", (8, 8), "red").save(drawn, kind, **more)
    return drawn.getvalue()


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "WEBP", "JPEG", "PNG"])
def test_pictures_of_every_kind_lose_what_they_say_about_themselves(kind: str) -> None:
    given = picture(kind)
    assert AUTHOR.encode() in given
    made = bare.bare(letter_with(image_bin2=given), "docx")
    assert b"quokka" not in every_byte(made)
    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        left = Image.open(io.BytesIO(archive.read("word/embeddings/image.bin2")))
        assert left.convert("RGB").getpixel((4, 4))[0] > 240, "the picture itself stays"


def test_a_table_inside_a_letter_names_nobody_either() -> None:
    given = letter_with(sheet_xlsx=letter_that_tells(kind="xlsx"))
    assert b"quokka" in every_byte(given)
    assert b"quokka" not in every_byte(bare.bare(given, "docx"))
    named = letter_with(inside_docx=letter_that_tells(on_the_page="By Quokka Alliance"))
    assert any("By Quokka Alliance" in text for text in bare.texts_in(bare.bare(named, "docx"), "docx"))


@pytest.mark.parametrize("beginning", [b"\xd7\xcd\xc6\x9a", b"\xd0\xcf\x11\xe0", b"\1" * 40 + b" EMF"])
def test_what_cannot_be_read_is_left_empty(beginning: bytes) -> None:
    made = bare.bare(letter_with(old_doc=beginning + AUTHOR.encode()), "docx")
    assert b"quokka" not in every_byte(made)


def test_what_is_packed_again_and_again_is_refused() -> None:
    inside = letter_that_tells()
    for _ in range(4):
        inside = letter_with(again_docx=inside)
    with pytest.raises(Refused):
        bare.bare(inside, "docx")


def test_a_second_picture_behind_the_first_goes() -> None:
    first, second = picture("JPEG"), picture("JPEG")
    made = bare.bare(first + second, "jpg")
    assert AUTHOR.encode() not in made
    assert Image.open(io.BytesIO(made)).size == (8, 8)
    assert bare.bare(made, "jpg") == made


def test_a_picture_that_is_drawn_in_several_steps_stays_whole() -> None:
    drawn = io.BytesIO()
    Image.effect_mandelbrot((64, 64), (-2, -1, 1, 1), 60).save(drawn, "JPEG", progressive=True)
    made = bare.bare(drawn.getvalue(), "jpg")
    with Image.open(io.BytesIO(made)) as left, Image.open(drawn) as given:
        assert left.tobytes() == given.tobytes()


@pytest.mark.parametrize("broken", [b"\xff\xd8", b"\xff\xd8\xff", b"\xff\xd8\xff\xe1\0", b"\xff\xd8\0\0"])
def test_a_picture_that_is_none_is_refused(broken: bytes) -> None:
    with pytest.raises(Refused):
        bare.bare(broken, "jpg")
