"""What stands in the way. A rule returns obstacles, in the words of the person who meets them; none means go."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flask import url_for


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
