"""Two people who write the same section on bad lines, acted out by chance, with everything they type watched to the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from grants.accounts.models import Person
from grants.core.db import db
from grants.questionnaires.actions import EditConflict, save_section
from grants.questionnaires.models import AnswerSheet
from grants.questionnaires.queries import revisions_of, sections_of

FORM: dict[str, Any] = {
    "id": "TOGETHER",
    "languages": ["en"],
    "title": "Form",
    "sections": [
        {
            "id": "A",
            "title": "A",
            "questions": [
                *({"key": key, "type": "longtext", "label": key} for key in ("why", "who", "how")),
                {
                    "key": "steps",
                    "type": "repeater",
                    "label": "steps",
                    "max_items": 100,
                    "fields": [
                        {"key": "what", "type": "text", "label": "what"},
                        {"key": "when", "type": "text", "label": "when"},
                    ],
                },
            ],
        }
    ],
}
TEXTS = ("why", "who", "how")


@dataclass
class Desk:
    """What one person has before their eyes, and what their device keeps (see static/js/draft.js)."""

    by: Person
    values: dict[str, Any] = field(default_factory=dict)
    version: int = 0
    shelf: tuple[int, dict[str, Any]] | None = None
    seen: set[str] = field(default_factory=set)
    typed: set[str] = field(default_factory=set)

    def look(self, stored: Mapping[str, Any], version: int) -> None:
        """Take what the server has; a text kept on the device comes first."""
        self.values, self.version = dict(stored), version
        if self.shelf is not None:
            self.version, self.values = self.shelf[0], dict(self.shelf[1])
        self.remember()

    def remember(self) -> None:
        """Note every word that stands on the page."""
        self.seen |= words_in(self.values)

    def write(self, chance: Random, word: str) -> None:
        """Type a new word somewhere; the device keeps it at once."""
        self.typed.add(word)
        key = chance.choice((*TEXTS, "steps"))
        if key == "steps":
            lines = [dict(line) for line in self.values.get("steps") or []]
            if lines and chance.random() < 0.6:
                line = chance.choice(lines)
                line["what"] = f"{line.get('what') or ''} {word}".strip()
            else:
                lines.append({"what": word, "when": None})
            self.values["steps"] = lines
        else:
            before = self.values.get(key) or ""
            if chance.random() < 0.2:  # written anew: what stood there goes on purpose
                self.typed -= words_in({key: before})
                before = ""
            self.values[key] = f"{before} {word}".strip()
        self.shelf = (self.version, dict(self.values))
        self.remember()


def words_in(values: Mapping[str, Any]) -> set[str]:
    """Every word of a section."""
    texts = [str(values.get(key) or "") for key in TEXTS]
    texts += [str(line.get("what") or "") for line in values.get("steps") or []]
    return {word for text in texts for word in text.split()}


def act_out(chance: Random, sheet: AnswerSheet, people: tuple[Person, Person], steps: int = 14) -> list[str]:
    """One schedule of typing, saving, dropped lines, expired sessions and killed servers; what was lost, which is nothing."""
    desks = [Desk(person) for person in people]
    lost: list[str] = []
    for number in range(steps):
        desk = chance.choice(desks)
        happening = chance.random()
        if happening < 0.5:
            desk.write(chance, f"{'ab'[desks.index(desk)]}{number}")
        elif happening < 0.6:
            desk.look(*_stored(sheet))
        else:
            lost += _save(chance, sheet, desk)
    for desk in desks * 2:
        lost += _save(None, sheet, desk)
    present, _version = _stored(sheet)
    row = sections_of(sheet.id).get("A")
    kept = words_in(present)
    for revision in revisions_of(row) if row else []:
        kept |= words_in(revision.values)
    typed = desks[0].typed | desks[1].typed
    lost += [f"{word} is nowhere" for word in sorted(typed - kept)]
    lost += ["a text still waits" for desk in desks if desk.shelf is not None]
    return lost


def _stored(sheet: AnswerSheet) -> tuple[dict[str, Any], int]:
    row = sections_of(sheet.id).get("A")
    return (dict(row.values), row.version) if row else ({}, 0)


def _save(chance: Random | None, sheet: AnswerSheet, desk: Desk) -> list[str]:
    """Send what stands on the page. Without ``chance`` the line is good. Returns what went without having been seen."""
    if desk.shelf is None:
        return []
    luck = chance.random() if chance else 1.0
    if luck < 0.2:  # the line drops on the way there, or the session is over
        return []
    before, _version = _stored(sheet)
    point = db.session.begin_nested()
    try:
        saved = save_section(sheet, "A", desk.values, by=desk.by, version=desk.version)
    except EditConflict as conflict:
        point.rollback()
        for key, both in conflict.conflicts.items():
            desk.seen |= words_in({key: both.theirs})
            desk.values[key] = _put_together(key, both.mine, both.theirs)
        for key, value in conflict.values.items():
            if key not in conflict.conflicts:
                desk.values[key] = value
        desk.version = conflict.version
        desk.shelf = (desk.version, dict(desk.values))
        desk.remember()
        return [] if chance else _save(None, sheet, desk)
    if luck < 0.3:  # the server dies before it has committed
        point.rollback()
        return []
    point.commit()
    stored, version = dict(saved.values), saved.version
    unseen = words_in(before) - words_in(stored) - desk.seen
    if luck < 0.45:  # saved, but the answer never arrives: the device knows nothing of it
        return [f"{word} was overwritten unseen" for word in unseen]
    desk.values, desk.version, desk.shelf = stored, version, None
    desk.remember()
    return [f"{word} was overwritten unseen" for word in unseen]


def _put_together(key: str, mine: Any, theirs: Any) -> Any:
    if key == "steps":
        return [*(theirs or []), *(line for line in mine or [] if line not in (theirs or []))]
    return f"{theirs or ''} {mine or ''}".strip()
