"""Pictures as the fund keeps them: without the place and the person they were taken by; and papers joined into one PDF."""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Sequence

import pikepdf
from PIL import ExifTags, Image

from grants.core.languages import _l
from grants.core.rules import Obstacle, Refused

MOST_DOTS = 64_000_000
"""Larger pictures are not opened; phones make 12 to 50 million dots."""

LONGEST_SIDE = 4_000
"""Dots of a picture kept as a picture."""

PAGE_SIDE = 2_000
"""Dots of a page of photographed paper: small print stays readable (about 170 an inch), and ten pages stay below 5 MB."""

QUALITY, PAGE_QUALITY = 88, 72

A4 = (595, 842)
"""A sheet in points."""

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_90,
}  # fmt: skip
"""How to turn a picture upright, by what its camera noted (Exif, “Orientation”)."""

FORMATS = {"JPEG": "jpg", "PNG": "png"}


def unreadable() -> Refused:
    """A picture cannot be opened."""
    return Refused(Obstacle("picture_broken", _l("This picture is damaged and cannot be opened.")))


def _too_many_dots() -> Refused:
    text = _l("This picture has more than %(n)s million dots. Please make it smaller.", n=MOST_DOTS // 1_000_000)
    return Refused(Obstacle("picture_too_large", text))


def _opened(content: bytes, side: int) -> Image.Image:
    """A picture the right way up and no longer than ``side``. Raises Refused."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture: Image.Image = Image.open(io.BytesIO(content), formats=list(FORMATS))
            if picture.width * picture.height > MOST_DOTS:
                raise _too_many_dots()
            picture.draft(None, (side, side))
            picture.load()
            picture = _upright(_in_eight_bits(picture))
            picture.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    except Image.DecompressionBombError:
        raise _too_many_dots() from None
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError, ZeroDivisionError, MemoryError):
        raise unreadable() from None
    return picture


def _in_eight_bits(picture: Image.Image) -> Image.Image:
    """A scan in 65,536 greys as one in 256, which is all that is shown; put into fewer as it is, it would be white."""
    if picture.mode != "I" and not picture.mode.startswith("I;16"):
        return picture
    return picture.point(lambda grey: grey * (1 / 257)).convert("L")


def _upright(picture: Image.Image) -> Image.Image:
    """A picture turned as its camera says it was held. What else the camera says may be garbled and does not matter."""
    try:
        turn = TURNS.get(picture.getexif().get(ExifTags.Base.Orientation, 1))
    except (struct.error, SyntaxError, ValueError, TypeError, KeyError, EOFError):
        return picture
    return picture if turn is None else picture.transpose(turn)


def cleaned(content: bytes, kind: str) -> bytes:
    """A picture made anew from its dots: upright, without place, time, device, comments or anything hidden behind it.

    Raises Refused when it cannot be opened.
    """
    picture = _opened(content, LONGEST_SIDE)
    written = io.BytesIO()
    if kind == "png":
        palette = picture.mode if picture.mode in ("1", "L", "LA", "P", "RGB", "RGBA") else "RGB"
        bare = picture.convert(palette)
        transparent = bare.info.get("transparency")
        bare.info = {} if transparent is None else {"transparency": transparent}
        bare.save(written, "PNG", compress_level=6)
    else:
        bare = picture.convert("L" if picture.mode == "L" else "RGB")
        bare.info = {}
        bare.save(written, "JPEG", quality=QUALITY, optimize=True)
    return written.getvalue()


def page(content: bytes) -> bytes:
    """A photographed paper as a page: upright, shrunk, without anything but its dots. Raises Refused."""
    picture = _on_white(_opened(content, PAGE_SIDE))
    picture.info = {}
    written = io.BytesIO()
    picture.save(written, "JPEG", quality=PAGE_QUALITY, optimize=True)
    return written.getvalue()


def _on_white(picture: Image.Image) -> Image.Image:
    """A picture without holes: paper is white where nothing was drawn."""
    if picture.mode in ("RGB", "L"):
        return picture
    if picture.mode in ("RGBA", "LA", "P", "PA") or "transparency" in picture.info:
        layered = picture.convert("RGBA")
        sheet = Image.new("RGB", layered.size, "white")
        sheet.paste(layered, mask=layered.getchannel("A"))
        return sheet
    return picture.convert("RGB")


def bound(pages: Sequence[bytes]) -> bytes:
    """Pages (from :func:`page`) as one PDF, in their order, each filling a sheet of A4 the way it is longer.

    The same pages always make the same file.
    """
    book = pikepdf.new()
    for one in pages:
        with Image.open(io.BytesIO(one), formats=["JPEG"]) as picture:
            width, height, grey = picture.width, picture.height, picture.mode == "L"
        sheet = A4 if height >= width else A4[::-1]
        scale = min(sheet[0] / width, sheet[1] / height)
        wide, high = width * scale, height * scale
        leaf = book.add_blank_page(page_size=sheet)
        drawn = pikepdf.Stream(
            book,
            one,
            Type=pikepdf.Name.XObject,
            Subtype=pikepdf.Name.Image,
            Width=width,
            Height=height,
            BitsPerComponent=8,
            ColorSpace=pikepdf.Name.DeviceGray if grey else pikepdf.Name.DeviceRGB,
            Filter=pikepdf.Name.DCTDecode,
        )
        leaf.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Paper=drawn))
        place = f"{wide:.2f} 0 0 {high:.2f} {(sheet[0] - wide) / 2:.2f} {(sheet[1] - high) / 2:.2f}"
        leaf.Contents = pikepdf.Stream(book, f"q {place} cm /Paper Do Q".encode())
    written = io.BytesIO()
    book.save(written, deterministic_id=True)
    return written.getvalue()


def joined(pictures: Sequence[bytes]) -> bytes:
    """Photographed papers as one PDF. Raises Refused when one cannot be opened."""
    return bound([page(picture) for picture in pictures])
