"""Photographs as phones make them, drawn here: with the place, the device and the way the phone was held."""

from __future__ import annotations

import io
from functools import cache

import pikepdf
from PIL import Image, ImageDraw

SECRET = "SecretPhone 9"
TURNED = 6
"""Held upright: the dots lie on their side."""


@cache
def photograph(words: str = "page", *, size: tuple[int, int] = (400, 300), turned: int = TURNED) -> bytes:
    """A JPEG with a place in it. The upper left corner, as it lies, is red."""
    picture = Image.new("RGB", size, "white")
    drawing = ImageDraw.Draw(picture)
    drawing.rectangle((0, 0, size[0] // 4, size[1] // 4), fill="red")
    drawing.text((size[0] // 2, size[1] // 2), words, fill="black")
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = turned, SECRET
    place = exif.get_ifd(0x8825)
    place[1], place[2], place[3], place[4] = "N", (14.0, 41.0, 30.0), "W", (17.0, 26.0, 0.0)
    written = io.BytesIO()
    picture.save(written, "JPEG", quality=80, exif=exif, comment=b"taken at home")
    return written.getvalue()


@cache
def pdf_with(name: str, *, packed: bool = True) -> bytes:
    """A PDF that runs something when it is opened, hidden in packed objects or in plain sight."""
    document = pikepdf.new()
    document.add_blank_page()
    action = pikepdf.Dictionary(S=pikepdf.Name("/" + name))
    if name == "JavaScript":
        action.JS = "app.alert(1)"
    document.Root.OpenAction = document.make_indirect(action)
    return saved(document, packed=packed)


def saved(document: pikepdf.Pdf, *, packed: bool = False, **more: object) -> bytes:
    """What a document looks like on disk."""
    mode = pikepdf.ObjectStreamMode.generate if packed else pikepdf.ObjectStreamMode.disable
    written = io.BytesIO()
    document.save(written, object_stream_mode=mode, **more)
    return written.getvalue()


@cache
def blank_pdf() -> bytes:
    """The smallest PDF that anybody can open."""
    document = pikepdf.new()
    document.add_blank_page()
    return saved(document, static_id=True)
