"""The sample files, moved in time so that the fund is alive on the day it is loaded."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

import yaml

from config import ROOT
from grants.core import pdf

FOLDER = ROOT / "sample"
DAY = re.compile(r"\d{4}-\d{2}-\d{2}(?=$|T)")


@cache
def read(name: str) -> Any:
    """One sample file."""
    return yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))


def moved(value: Any, days: int) -> Any:
    """The same structure with every date and moment moved by so many days; texts stay as they are."""
    if isinstance(value, dict):
        return {key: moved(part, days) for key, part in value.items()}
    if isinstance(value, list):
        return [moved(part, days) for part in value]
    if isinstance(value, (datetime, date)):
        return value + timedelta(days=days)
    if isinstance(value, str) and DAY.match(value):
        return DAY.sub(lambda day: (date.fromisoformat(day.group()) + timedelta(days=days)).isoformat(), value, count=1)
    return value


@cache
def document(kind: str, title: str, owner: str) -> bytes:
    """A small real file of a kind, for the documents that applications attach."""
    if kind in ("xlsx", "ods"):
        return _workbook(title, owner)
    return pdf.render("document", language="en", title=title, lead=owner, parts=[])


def _workbook(title: str, owner: str) -> bytes:
    """The smallest workbook that spreadsheet programs open: one sheet with two lines of text."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    package = "http://schemas.openxmlformats.org/package/2006"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    kinds = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    cells = "".join(
        f'<row r="{n}"><c r="A{n}" t="inlineStr"><is><t>{text}</t></is></c></row>'
        for n, text in enumerate((title, owner.replace("&", "&amp;")), 1)
    )
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kinds}.sheet.main+xml"/>'
        f'<Override PartName="/xl/sheet1.xml" ContentType="{kinds}.worksheet+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="r1" Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
        '<sheet name="Sheet" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="r1" Type="{office}/worksheet" Target="sheet1.xml"/></Relationships>',
        "xl/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{cells}</sheetData></worksheet>',
    }
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>{text}')
    return written.getvalue()
