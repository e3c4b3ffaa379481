"""What other programs do to a Word file when they save it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

from lxml import etree

from grants.core.word import W

PART = "word/document.xml"


def changed(content: bytes, change: Callable[[Any], None], part: str = PART) -> bytes:
    """The file with its text changed by somebody who has the tree of it before them."""
    root = etree.fromstring(parts_of(content)[part])
    change(root)
    return with_part(content, part, etree.tostring(root, xml_declaration=True, encoding="UTF-8"))


def parts_of(content: bytes) -> dict[str, bytes]:
    """The parts of a file by name."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def with_part(content: bytes, name: str, part: bytes | None) -> bytes:
    """The file with one part put in place of another, or taken out."""
    parts = parts_of(content) | ({name: part} if part is not None else {})
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for kept, text in parts.items():
            if part is not None or kept != name:
                archive.writestr(kept, text)
    return written.getvalue()


def named(root: Any, name: str) -> list[Any]:
    """Every element with this name."""
    return list(root.iter(f"{{{W}}}{name}"))


def typed_into(content: bytes, texts: Mapping[str, str]) -> bytes:
    """The file with other texts typed into its places, by their tags, as Word does it: the prompt of an empty one goes."""

    def type_them(root: Any) -> None:
        for about in named(root, "sdtPr"):
            tag = next((element.get(f"{{{W}}}val") for element in about.findall(f"{{{W}}}tag")), None)
            if tag not in texts:
                continue
            for flag in about.findall(f"{{{W}}}showingPlcHdr"):
                about.remove(flag)
            first, *others = named(about.getparent(), "t")
            first.text = texts[tag]
            for other in others:
                other.text = ""

    return changed(content, type_them)


def without_tags(content: bytes) -> bytes:
    """As LibreOffice 7.4 saves: the controls stay, their tags are gone."""

    def drop(root: Any) -> None:
        for about in named(root, "sdtPr"):
            for element in [*about]:
                if element.tag in (f"{{{W}}}tag", f"{{{W}}}alias", f"{{{W}}}lock"):
                    about.remove(element)

    return changed(content, drop)


def without_flags(content: bytes) -> bytes:
    """As a program saves that does not know what a prompt is: the controls and tags stay, the prompts are plain text."""

    def drop(root: Any) -> None:
        for flag in named(root, "showingPlcHdr"):
            flag.getparent().remove(flag)

    return changed(content, drop)


def without_controls(content: bytes) -> bytes:
    """As Google Docs and RTF leave a file: what stood in the controls is plain text, prompts included."""

    def flatten(root: Any) -> None:
        for control in named(root, "sdt"):
            parent = control.getparent()
            place = parent.index(control)
            for inside in control.findall(f"{{{W}}}sdtContent"):
                for element in [*inside]:
                    parent.insert(place, element)
                    place += 1
            parent.remove(control)

    return changed(content, flatten)
