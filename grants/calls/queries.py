"""Finding calls, and what they are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from flask import current_app
from sqlalchemy import Select, Text, bindparam, func, select
from sqlalchemy.orm import selectinload, undefer

from grants.calls.models import (
    Call,
    Correction,
    Criterion,
    DocumentAsked,
    EligibilityRule,
    Lot,
    RegionEnvelope,
    WorkingCopy,
)
from grants.calls.workflow import CallState
from grants.core.db import Prepared, Texts, columns_of, db, packed, paged, prepared_once, to_read, unpacked
from grants.questionnaires.models import Questionnaire

T = TypeVar("T")

PAGE = 50
MOST_AHEAD = 100
MOST_KEPT = 400


def call_by_reference(seen: Select[Call], reference: str, *, whole: bool = False) -> Call | None:
    """One call among those a person may see; ``whole`` with lots, regions, rules, criteria and documents."""
    return db.session.scalar(_by_reference(seen, whole), {"reference": reference})


@lru_cache(maxsize=512)
def _by_reference(seen: Select[Call], whole: bool) -> Select[Call]:
    parts = (Call.lots, Call.regions, Call.rules, Call.criteria, Call.documents) if whole else ()
    return seen.where(Call.reference == bindparam("reference")).options(*(selectinload(part) for part in parts))


def call_to_read(seen: Select[Call], reference: str) -> Call | None:
    """One call among those a person may see, to be read only: it does not belong to the session."""
    rows = _to_read(seen)(reference=reference)
    return unpacked(Call, rows[0][0]) if rows else None


@prepared_once
def _to_read(seen: Select[Call]) -> Prepared:
    named = Call.reference == bindparam("reference", None, Text)
    return Prepared(lambda: seen.where(named).with_only_columns(packed(Call)))


def call_for_import(reference: str) -> Call | None:
    """The call with this reference, whoever may see it, locked."""
    found = select(Call).where(Call.reference == reference).with_for_update()
    return db.session.scalar(found.options(undefer(Call.terms)))


def working_copy_of(call: Call, *, held: bool = False) -> WorkingCopy | None:
    """What coordinators are writing about a call and is not applied yet; ``held``: locked until the transaction ends."""
    found = select(WorkingCopy).where(WorkingCopy.call_id == call.id)
    return db.session.scalar(found.with_for_update() if held else found)


def corrections_of(call: Call) -> list[Correction]:
    """The corrections of a call since it was published, the latest first."""
    if call.edition == 1:
        return []
    return once_published("corrections", call, lambda: _corrections_of(call.id))


def _corrections_of(call_id: int) -> list[Correction]:
    names = columns_of(Correction)
    found = select(*(getattr(Correction, name) for name in names)).where(Correction.call_id == call_id)
    rows = db.session.execute(found.order_by(Correction.number.desc()))
    return [to_read(Correction, dict(row._mapping)) for row in rows]


def calls_ahead(at: datetime) -> list[Call]:
    """The published calls whose deadline is still to come, the next deadline first."""
    found = select(Call).where(Call.state == CallState.PUBLISHED, Call.closes_at > at)
    return list(db.session.scalars(found.order_by(Call.closes_at, Call.id).limit(MOST_AHEAD)))


def past_calls(at: datetime, page: int) -> tuple[list[Call], int]:
    """One page of the published calls whose deadline has passed, the latest first, and how many there are."""
    return calls_page(select(Call).where(Call.state == CallState.PUBLISHED, Call.closes_at <= at), page)


def calls_page(seen: Select[Call], page: int | None) -> tuple[list[Call], int]:
    """One page of the calls a person may see (all without a ``page``), the latest deadline first, and how many there are."""
    rows = seen.add_columns(func.count().over()).order_by(Call.closes_at.desc(), Call.id.desc())
    found = db.session.execute(paged(rows, page, PAGE)).all()
    return [call for call, _total in found], found[0][1] if found else 0


def documents_of(call: Call) -> Mapping[str, Any]:
    """The wording of a call as it was imported: terms, grid, budget, plan_of_action.

    Read once a process for each edition of a published call; each time for a draft.
    """
    return once_published("documents", call, lambda: _documents_of(call.id))


def _documents_of(call_id: int) -> Mapping[str, Any]:
    found = select(Call.terms, Call.grid, Call.budget, Call.plan_of_action).where(Call.id == call_id)
    return MappingProxyType(dict(db.session.execute(found).one()._mapping))


def written_documents(call: Call) -> dict[str, Any]:
    """The documents of a call as they were written, keys in their order: call, form, grid, budget, plan_of_action.

    What :func:`grants.calls.forms.read_call` gives, with days and moments as text. Documents it has not are left out.
    """
    found = select(Call.terms, Questionnaire.definition, Call.grid, Call.budget, Call.plan_of_action).where(
        Call.id == call.id, Questionnaire.id == Call.questionnaire_id
    )
    terms, form, grid, budget, plan = db.session.execute(found).one()
    written = {key: value for key, value in form.items() if key != "sources"}
    documents = {"call": terms, "form": written, "grid": grid, "budget": budget, "plan_of_action": plan}
    return {name: document for name, document in documents.items() if document}


class Names(NamedTuple):
    """What the regions and lots of a call are called, by their keys and in their order."""

    regions: Mapping[str, Texts]
    lots: Mapping[str, Texts]


def names_of(call: Call) -> Names:
    """What the regions and lots of a call are called; read once a process for a published call."""
    return once_published("names", call, lambda: _names_of(call.id))


def _names_of(call_id: int) -> Names:
    regions = select(RegionEnvelope.region, RegionEnvelope.label).where(RegionEnvelope.call_id == call_id)
    lots = select(Lot.key, Lot.title).where(Lot.call_id == call_id)
    found = [
        {row[0]: row[1] for row in db.session.execute(rows)}
        for rows in (regions.order_by(RegionEnvelope.position), lots.order_by(Lot.position))
    ]
    return Names(*found)


def once_published(what: str, call: Call, read: Callable[[], T]) -> T:
    """What ``read`` finds about a call, kept for the process once the call is published.

    Then it changes only by a correction, which makes a new edition. ``call`` was read before ``read`` is called, so what
    is found is never older than the edition it is kept under.
    """
    if call.state != CallState.PUBLISHED:
        return read()
    kept: dict[tuple[str, int, int], T] = current_app.extensions.setdefault("published_calls", {})
    key = (what, call.id, call.edition)
    if key not in kept:
        if len(kept) >= MOST_KEPT:
            kept.pop(next(iter(kept)))
        kept[key] = read()
    return kept[key]


PARTS = (Lot, RegionEnvelope, EligibilityRule, Criterion, DocumentAsked)
"""The tables that a call is made of."""


def rows_of(call: Call, model: Any) -> list[Any]:
    """The rows of one part of a call, in their order."""
    return list(db.session.scalars(select(model).where(model.call_id == call.id).order_by(model.position)))
