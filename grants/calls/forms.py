"""Reading a call from files, with the line of every mistake; and the small forms of the coordinators' pages."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from math import isfinite
from pathlib import Path
from typing import Any

import yaml
from flask_wtf.file import FileField
from wtforms.validators import DataRequired

from grants.calls import rules
from grants.core.forms import Form, TextField
from grants.core.languages import _l
from grants.core.questions import Path as Place

LARGEST = 2 * 1024 * 1024
"""Bytes of a document, and of all documents of a call together."""
DEEPEST = 30
MOST_FILES = 200

WHOLE_FILES = {"budget_categories": "budget", "budget": "budget", "plan_of_action": "plan_of_action"}
"""Files that are one document as a whole, by their name without ending."""

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Mistake:
    """One thing to mend in a file of a call."""

    file: str
    line: int
    key: str
    reason: Any

    def __str__(self) -> str:
        return ": ".join(part for part in (f"{self.file}:{self.line}", self.key, str(self.reason)) if part)


class BadImport(ValueError):
    """A call that cannot be imported. ``mistakes`` tell all that was found, in the order of the files."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = sorted(set(mistakes), key=lambda m: (m.file, m.line, m.key))
        super().__init__("\n".join(str(m) for m in self.mistakes))


@dataclass
class _Reading:
    """The documents found so far, where each of their keys stands, and what was wrong."""

    documents: dict[str, Any] = field(default_factory=dict)
    places: dict[Place, tuple[str, int]] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)

    def wrong(self, file: str, line: int, key: str, reason: Any) -> None:
        self.mistakes.append(Mistake(file, line, key, reason))

    def located(self, place: Place, reason: Any) -> Mistake:
        """A mistake at a path, or at the nearest place above it that stands in a file."""
        known = place
        while known and known not in self.places:
            known = known[:-1]
        file, line = self.places.get(known, ("call.yaml", 1))
        return Mistake(file, line, _dotted(place), reason)


def read_call(path: str | Path) -> dict[str, Any]:
    """The documents of a call from a folder, a ZIP file or one YAML file, examined.

    Of a folder it takes what belongs to a call (``call``, ``form``, ``grid``, the budget headings, the Plan of Action) and
    leaves the rest. Values are as YAML has them, so dates are dates. Raises BadImport with every mistake, or with one
    sentence when there is nothing to read.
    """
    place = Path(path)
    if place.is_dir():
        found = sorted(p for p in place.iterdir() if p.suffix in (".yaml", ".yml"))
        if not found:
            raise BadImport([Mistake(str(place), 1, "", _l("there is no YAML file in this folder"))])
        return read_documents({p.name: _bytes_of(p) for p in found})
    return read_upload(place.name, _bytes_of(place))


def _bytes_of(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST:
            raise BadImport([Mistake(path.name, 1, "", _l("the file is larger than 2 MB"))])
        return path.read_bytes()
    except OSError as error:
        raise BadImport([Mistake(str(path), 1, "", str(error.strerror or error).lower())]) from error


def read_upload(name: str, content: bytes) -> dict[str, Any]:
    """The documents of a call from a file that was sent: YAML, or the folder as a ZIP file. Raises BadImport."""
    if len(content) > LARGEST:
        raise BadImport([Mistake(name, 1, "", _l("the file is larger than 2 MB"))])
    if name.lower().endswith(".zip"):
        return read_documents(_unpacked(name, content))
    if not name.lower().endswith((".yaml", ".yml")):
        raise BadImport([Mistake(name, 1, "", _l("a YAML file (.yaml) or a folder as .zip is expected"))])
    return read_documents({name: content})


def _unpacked(name: str, content: bytes) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [
                m
                for m in archive.infolist()
                if m.filename.endswith((".yaml", ".yml")) and not m.filename.startswith("__MACOSX")
            ]
            if len(members) > MOST_FILES or sum(m.file_size for m in members) > 4 * LARGEST:
                raise BadImport([Mistake(name, 1, "", _l("there is too much in this file"))])
            found = {m.filename.rsplit("/", 1)[-1]: archive.read(m) for m in members}
    except (zipfile.BadZipFile, ValueError, NotImplementedError, RuntimeError, EOFError, zipfile.zlib.error) as error:  # type: ignore[attr-defined]
        if isinstance(error, BadImport):
            raise
        raise BadImport([Mistake(name, 1, "", _l("this is not a ZIP file that can be read"))]) from error
    if not found:
        raise BadImport([Mistake(name, 1, "", _l("there is no YAML file inside"))])
    return found


def read_documents(files: Mapping[str, bytes]) -> dict[str, Any]:
    """The documents of a call from the contents of files by name, examined. Raises BadImport."""
    reading = _Reading()
    for name, content in files.items():
        _read_file(reading, name, content)
    if "call" not in reading.documents and not reading.mistakes:
        raise BadImport(
            [Mistake(", ".join(list(files)[:3]), 1, "call", _l("no file holds the call (a key “call” on top)"))]
        )
    if not reading.mistakes:
        reading.mistakes = [reading.located(p.path, p.reason) for p in rules.problems_of(reading.documents)]
    if reading.mistakes:
        raise BadImport(reading.mistakes)
    return reading.documents


def _read_file(reading: _Reading, name: str, content: bytes, whole: str | None = None) -> None:
    whole = whole or WHOLE_FILES.get(name.rsplit(".", 1)[0])
    try:
        loader = LOADER(content.decode("utf-8-sig"))
        node = loader.get_single_node()
    except UnicodeDecodeError:
        return reading.wrong(name, 1, "", _l("the file is not text in UTF-8"))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        return reading.wrong(name, line, "", _l("this is not YAML: %(what)s", what=error.problem or error.context))
    except (yaml.YAMLError, RecursionError) as error:
        return reading.wrong(name, 1, "", _l("this is not YAML: %(what)s", what=str(error).splitlines()[0]))
    if not isinstance(node, yaml.MappingNode):
        return None if node is None else reading.wrong(name, 1, "", _l("keys and values are expected"))
    for key_node, value_node in node.value:
        key = key_node.value
        if whole is None and key in rules.DOCUMENTS:
            if key in reading.documents:
                reading.wrong(
                    name, key_node.start_mark.line + 1, key, _l("this document was already given in another file")
                )
                continue
            reading.places[key,] = (name, key_node.start_mark.line + 1)
            reading.documents[key] = _Builder(reading, name, loader).value(value_node, (key,))
    if whole is not None:
        reading.places[whole,] = (name, 1)
        reading.documents[whole] = _Builder(reading, name, loader).value(node, (whole,))
    return None


class _Builder:
    """Turns YAML nodes into values, remembering the line of every key."""

    def __init__(self, reading: _Reading, file: str, loader: Any) -> None:
        self.reading, self.file, self.loader = reading, file, loader
        self.seen: set[int] = set()

    def value(self, node: yaml.Node, place: Place) -> Any:
        line = node.start_mark.line + 1
        if id(node) in self.seen:
            return self.wrong(line, place, _l("anchors and references (&, *) are not read here"))
        self.seen.add(id(node))
        if len(place) > DEEPEST:
            return self.wrong(line, place, _l("nested too deeply"))
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            members = []
            for position, member in enumerate(node.value):
                self.reading.places[*place, position] = (self.file, member.start_mark.line + 1)
                members.append(self.value(member, (*place, position)))
            return members
        return self.scalar(node, place)

    def mapping(self, node: yaml.MappingNode, place: Place) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = self.scalar(key_node, place) if isinstance(key_node, yaml.ScalarNode) else None
            if isinstance(key, bool) or not isinstance(key, str | int):
                word = getattr(key_node, "value", "?")
                self.wrong(line, place, _l("“%(word)s” cannot be a key; put it in quotes", word=word))
                continue
            if str(key) in map(str, found):
                self.wrong(line, (*place, key), _l("this key stands twice"))
                continue
            self.reading.places[*place, key] = (self.file, line)
            found[key] = self.value(value_node, (*place, key))
        return found

    def scalar(self, node: yaml.Node, place: Place) -> Any:
        line = node.start_mark.line + 1
        try:
            found = self.loader.construct_object(node)
        except (yaml.YAMLError, ValueError, OverflowError):
            return self.wrong(line, place, _l("“%(word)s” cannot be read", word=str(node.value)[:60]))
        if isinstance(found, str) and any(
            (ord(c) < 32 and c not in "\n\t") or 0xD800 <= ord(c) < 0xE000 for c in found
        ):
            return self.wrong(line, place, _l("the text holds a character that cannot be stored"))
        if isinstance(found, float) and not isfinite(found):
            return self.wrong(line, place, _l("a number is expected"))
        if isinstance(found, bytes | set):
            return self.wrong(line, place, _l("a text, a number or a day is expected"))
        return found

    def wrong(self, line: int, place: Place, reason: Any) -> None:
        self.reading.wrong(self.file, line, _dotted(place), reason)


def _dotted(place: Place) -> str:
    """A path as people read it: call.lots[2].title."""
    text = ""
    for part in place:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


def read_document(name: str, text: str) -> Any:
    """One document of a call from its text, not examined. Raises BadImport for what is not YAML."""
    reading = _Reading()
    _read_file(reading, f"{name}.yaml", text.encode("utf-8", "replace"), name)
    if reading.mistakes:
        raise BadImport(reading.mistakes)
    return reading.documents.get(name) or {}


# ------------------------------------------------------------------ writing a call into one file


class _Writer(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Writes everything out, without references from one place to another."""

    def ignore_aliases(self, data: Any) -> bool:
        """Say everything where it stands."""
        return True


def write_call(documents: Mapping[str, Any]) -> str:
    """The documents of a call as one YAML file, which :func:`read_call` reads back exactly, keys in their order."""
    text = yaml.dump(
        _with_days(documents),
        Dumper=_Writer,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=False,
        width=LARGEST,
    )
    return str(text)


write_document = write_call
"""One document of a call as text."""


def _with_days(value: Any, key: str = "") -> Any:
    """The same with the days and moments of a timetable as such, so that they are written without quotes."""
    if isinstance(value, Mapping):
        return {name: _with_days(member, str(name)) for name, member in value.items()}
    if isinstance(value, list):
        return [_with_days(member) for member in value]
    if isinstance(value, str) and (key in rules.MOMENTS or key in rules.DAYS or key in DAY_KEYS):
        return _day_or_text(value)
    return value


DAY_KEYS = ("not_before", "not_after", "reserve_list_valid_until")


def _day_or_text(text: str) -> Any:
    for read in (date.fromisoformat, datetime.fromisoformat):
        try:
            found = read(text)
        except ValueError:
            continue
        if found.isoformat() == text and str(getattr(found, "tzinfo", None))[:3] in ("Non", "UTC"):
            return found
    return text


class ImportForm(Form):
    """Sending the files of a call."""

    file = FileField(
        _l("The call: one YAML file, or its folder as a ZIP file"),
        validators=[DataRequired(_l("Please choose a file."))],
    )


class CancelForm(Form):
    """Why a call is cancelled; published, and told to everybody who has begun to apply."""

    reason = TextField(
        _l("Why is this call cancelled?"),
        [DataRequired(_l("Please say why. The reason stays in the record."))],
        longest=2000,
    )
