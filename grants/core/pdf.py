"""Documents as tagged PDF (PDF/UA-1), set by typst from templates in ``templates/pdf``.

A template reads its values with ``#let values = json(bytes(sys.inputs.values))`` and shares its looks through
``house.typ``. Only the fonts we ship are used, so a document looks the same on every server. A document with a sign that
none of them has (an emoji, a script we did not think of) is made all the same: with the fonts of the server, an empty box
where these fail too, and without the claim to be PDF/UA.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import typst

from config import ROOT
from grants.core.languages import language_now

TEMPLATES = ROOT / "templates" / "pdf"
FONTS = ROOT / "fonts"
UNKNOWN_SIGN = "could not be displayed with font"
"""What typst says of a sign that no font has; PDF/UA allows none."""


def render(template: str, **values: Any) -> bytes:
    """The document that ``templates/pdf/<template>.typ`` makes of ``values``.

    Everything is worded before it comes here: a template holds no sentences. ``language`` (default: the reader's)
    names the language of the document for screen readers and hyphenation; ``title`` is required by PDF/UA.
    """
    values.setdefault("language", language_now())
    asked = json.dumps(values, default=_as_text, ensure_ascii=False)
    try:
        return _compiled(template, asked, ignore_system_fonts=True, pdf_standards=["ua-1"])
    except typst.TypstError as error:
        if UNKNOWN_SIGN not in str(error):
            raise
    return _compiled(template, asked, ignore_system_fonts=False)


def _compiled(template: str, values: str, **how: Any) -> bytes:
    document: bytes = typst.compile(
        str(TEMPLATES / f"{template}.typ"),
        root=str(TEMPLATES),
        font_paths=[str(FONTS)],
        sys_inputs={"values": values},
        **how,
    )
    return document


def _as_text(value: object) -> str:
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    return str(value)
