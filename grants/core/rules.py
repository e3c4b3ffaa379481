"""What stands in the way. A rule returns obstacles, in the words of the person who meets them; none means go."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import Any

from flask import url_for

from grants.core.languages import _l

_UNSTORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True)
class Obstacle:
    """One thing that is missing or forbidden.

    ``code`` is stable (tests and links use it); ``message`` is a translated or lazily translated sentence;
    ``where`` names the place to mend it: an endpoint and its values, or a form field.
    """

    code: str
    message: Any
    where: tuple[str, dict[str, Any]] | None = field(default=None, compare=False)

    @property
    def url(self) -> str | None:
        """The address where the obstacle can be removed, when there is one (needs an application context)."""
        return url_for(self.where[0], **self.where[1]) if self.where else None


class Refused(Exception):
    """An action was refused: ``obstacles`` say why. The web shows them; nothing has been changed."""

    def __init__(self, *obstacles: Obstacle) -> None:
        self.obstacles = list(obstacles)
        super().__init__("; ".join(str(o.message) for o in obstacles))


def refuse(obstacles: list[Obstacle]) -> None:
    """Raise Refused if there is any obstacle."""
    if obstacles:
        raise Refused(*obstacles)


def mark_of(*seen: Any) -> str:
    """A short mark of what a page shows of something that is decided there; another mark as soon as any of it is other."""
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]


def obstacles_to_unread(read: str | None, mark: str) -> list[Obstacle]:
    """Why nothing is decided: what the page showed (``read``) is not what stands any more. None: no page was read."""
    if read is None or read == mark:
        return []
    message = _l("It was changed after you opened this page. Please read it as it stands now, then decide.")
    return [Obstacle("changed_meanwhile", message)]


def obstacles_to_keeping(text: str) -> list[Obstacle]:
    """Why a text cannot be kept: it holds NUL, another sign that steers machines, or half a character.

    Nobody sees such a sign, so the words before it say where it is.
    """
    found = _UNSTORABLE.search(text)
    if found is None:
        return []
    words = " ".join(text[: found.start()].split()[-3:])
    if not words:
        return [Obstacle("unstorable", _l("The text holds a character that cannot be stored. Please type it again."))]
    said = _l("After “%(words)s” stands a character that cannot be stored. Please type that place again.", words=words)
    return [Obstacle("unstorable", said)]
