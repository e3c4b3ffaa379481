"""Who typed an application for whom after which conversation, and how the organization confirmed it."""

from __future__ import annotations

import enum
from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, declared_attr, mapped_column, relationship

from grants.accounts.models import Person
from grants.applications.models import Application
from grants.core.db import Base, Key, Recorded, one_of
from grants.core.languages import _l


class Way(enum.StrEnum):
    """How an organization confirmed what was typed for it."""

    ACCOUNT = "account"
    LINK = "link"
    LETTER = "letter"
    VISIT = "visit"
    CALL = "call"


RECORDED_WAYS: dict[str, Any] = {
    Way.LETTER: _l("By a signed letter or a photograph of it"),
    Way.VISIT: _l("In person, during a visit"),
    Way.CALL: _l("In another telephone call, in which it was read out"),
}
"""The ways that somebody of the fund writes down, because the organization has no line."""

WAYS: dict[str, Any] = RECORDED_WAYS | {
    Way.ACCOUNT: _l("After signing in"),
    Way.LINK: _l("By the link in our mail"),
}


class Typed:
    """What somebody of the fund typed after a conversation, and how the organization confirmed it.

    ``confirmed_hash`` is the fingerprint of exactly what was confirmed; what has changed since is not confirmed. Whoever
    typed never writes a confirmation down (``recorded_by_id``).
    """

    entered_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    entered_at: Mapped[Recorded]
    spoke_with: Mapped[str]
    phone: Mapped[str] = mapped_column(default="")
    spoken_on: Mapped[date]
    token_hash: Mapped[str | None] = mapped_column(unique=True)
    token_until: Mapped[datetime | None]
    confirmed_at: Mapped[datetime | None]
    confirmed_way: Mapped[str | None]
    confirmed_name: Mapped[str] = mapped_column(default="")
    confirmed_on: Mapped[date | None]
    confirmed_hash: Mapped[str | None]
    recorded_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))

    @declared_attr
    def entered_by(cls) -> Mapped[Person]:  # noqa: N805 - a class attribute of each table
        """Who typed it."""
        return relationship(foreign_keys=[cls.entered_by_id])  # type: ignore[list-item]

    @declared_attr
    def recorded_by(cls) -> Mapped[Person | None]:  # noqa: N805
        """Who of the fund wrote down that it was confirmed."""
        return relationship(foreign_keys=[cls.recorded_by_id])  # type: ignore[list-item]


def checks_of_typed() -> tuple[CheckConstraint, ...]:
    """What the database demands of everything that is typed for others."""
    return (
        one_of("confirmed_way", Way, optional=True),
        CheckConstraint("spoke_with <> ''", name="spoke_with_somebody"),
        CheckConstraint(
            "confirmed_at IS NULL OR (confirmed_way IS NOT NULL AND confirmed_name <> '' AND confirmed_on IS NOT NULL"
            " AND confirmed_hash IS NOT NULL)",
            name="confirmed_by_somebody",
        ),
        CheckConstraint("recorded_by_id <> entered_by_id", name="recorded_by_another"),
    )


class AssistedEntry(Typed, Base):
    """An application typed by a coordinator."""

    __tablename__ = "assisted_entry"
    __table_args__ = checks_of_typed()

    id: Mapped[Key]
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"), unique=True)

    application: Mapped[Application] = relationship()

    @property
    def is_confirmed(self) -> bool:
        """Whether the organization confirmed what was handed in last."""
        return self.confirmed_at is not None and self.confirmed_hash == self.application.content_hash
