"""Questions about calls and objections to a “no” of the check before registration, with what was answered."""

from __future__ import annotations

import enum
import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from grants.accounts.models import Person
from grants.calls.models import Call
from grants.core.db import Base, Key, Recorded, one_of
from grants.core.languages import _l
from grants.enquiries.workflow import ENQUIRY, EnquiryState


class EnquiryKind(enum.StrEnum):
    """A question about the call, or an objection to a “no” of the check before registration."""

    QUESTION = "question"
    CONTEST = "contest"


class Verdict(enum.StrEnum):
    """What coordinators find about an objection."""

    MAY_APPLY = "may_apply"
    STANDS = "stands"


VERDICT_LABELS: dict[str, Any] = {
    Verdict.MAY_APPLY: _l("They may apply"),
    Verdict.STANDS: _l("The rule stands"),
}


class Enquiry(Base):
    """One question about one call. Who asked is known to the mail that answers, and shown to nobody.

    ``text`` is what was typed; ``question`` and ``answer`` are worded by coordinators in the languages of the call.
    ``about`` is the question of the check that an objection is about, and ``given`` what was answered to it, in words.
    ``origin`` is a digest of the network address that is different every day; it only serves to bound how many come.
    ``forgotten_at`` is when the address of a visitor was removed.
    """

    __tablename__ = "enquiry"
    __table_args__ = (
        one_of("state", EnquiryState),
        one_of("kind", EnquiryKind),
        one_of("verdict", Verdict, optional=True),
        CheckConstraint("num_nonnulls(asker_id, email, forgotten_at) = 1", name="asked_by_one"),
        CheckConstraint("state <> 'unconfirmed' OR token_hash IS NOT NULL", name="unconfirmed_has_a_link"),
        CheckConstraint("state <> 'published' OR published_at IS NOT NULL", name="published_has_a_moment"),
        CheckConstraint("kind = 'contest' OR verdict IS NULL", name="verdict_of_a_contest"),
        Index("ix_enquiry_call_id_state", "call_id", "state"),
        Index("ix_enquiry_asked_at", "asked_at"),
        Index("ix_enquiry_asker_id", "asker_id"),
    )

    id: Mapped[Key]
    reference: Mapped[str] = mapped_column(unique=True, default=lambda: f"ENQ-{secrets.token_hex(4).upper()}")
    call_id: Mapped[int] = mapped_column(ForeignKey("call.id"))
    kind: Mapped[str] = mapped_column(default=EnquiryKind.QUESTION)
    state: Mapped[str] = mapped_column(default=EnquiryState.UNCONFIRMED)
    asker_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    email: Mapped[str | None]
    language: Mapped[str]
    origin: Mapped[str]
    token_hash: Mapped[str | None] = mapped_column(unique=True)
    about: Mapped[str | None]
    given: Mapped[str] = mapped_column(default="")
    text: Mapped[str]
    asked_at: Mapped[Recorded]
    question: Mapped[dict[str, str]] = mapped_column(default=dict)
    answer: Mapped[dict[str, str]] = mapped_column(default=dict)
    verdict: Mapped[str | None]
    answered_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    answered_at: Mapped[datetime | None]
    published_at: Mapped[datetime | None]
    forgotten_at: Mapped[datetime | None]

    call: Mapped[Call] = relationship()
    asker: Mapped[Person | None] = relationship(foreign_keys=[asker_id])

    workflow = ENQUIRY
