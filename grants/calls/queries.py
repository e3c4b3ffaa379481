"""Finding calls, and what they are made of."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from flask import current_app
from sqlalchemy import Select, bindparam, func, select
from sqlalchemy.orm import selectinload, undefer

from grants.calls.models import Call, Criterion, DocumentAsked, EligibilityRule, Lot, RegionEnvelope
from grants.calls.workflow import CallState
from grants.core.db import db

PAGE = 50
MOST_AHEAD = 100
MOST_KEPT = 100


def call_by_reference(seen: Select[Call], reference: str, *, whole: bool = False) -> Call | None:
    """One call among those a person may see; ``whole`` with lots, regions, rules, criteria and documents."""
    return db.session.scalar(_by_reference(seen, whole), {"reference": reference})


@lru_cache(maxsize=512)
def _by_reference(seen: Select[Call], whole: bool) -> Select[Call]:
    parts = (Call.lots, Call.regions, Call.rules, Call.criteria, Call.documents) if whole else ()
    return seen.where(Call.reference == bindparam("reference")).options(*(selectinload(part) for part in parts))


def call_for_import(reference: str) -> Call | None:
    """The call with this reference, whoever may see it, locked."""
    found = select(Call).where(Call.reference == reference).with_for_update()
    return db.session.scalar(found.options(undefer(Call.terms)))


def calls_ahead(at: datetime) -> list[Call]:
    """The published calls whose deadline is still to come, the next deadline first."""
    found = select(Call).where(Call.state == CallState.PUBLISHED, Call.closes_at > at)
    return list(db.session.scalars(found.order_by(Call.closes_at, Call.id).limit(MOST_AHEAD)))


def past_calls(at: datetime, page: int) -> tuple[list[Call], int]:
    """One page of the published calls whose deadline has passed, the latest first, and how many there are."""
    return calls_page(select(Call).where(Call.state == CallState.PUBLISHED, Call.closes_at <= at), page)


def calls_page(seen: Select[Call], page: int) -> tuple[list[Call], int]:
    """One page of the calls a person may see, the latest deadline first, and how many there are."""
    rows = (
        seen.add_columns(func.count().over())
        .order_by(Call.closes_at.desc(), Call.id.desc())
        .limit(PAGE)
        .offset((page - 1) * PAGE)
    )
    found = db.session.execute(rows).all()
    return [call for call, _total in found], found[0][1] if found else 0


def documents_of(call: Call) -> Mapping[str, Any]:
    """The wording of a call as it was imported: terms, grid, budget, plan_of_action.

    Read once a process for a published call, which never changes; each time for a draft.
    """
    kept: dict[int, Mapping[str, Any]] = current_app.extensions.setdefault("call_documents", {})
    if call.state == CallState.PUBLISHED and call.id in kept:
        return kept[call.id]
    row = db.session.execute(
        select(Call.terms, Call.grid, Call.budget, Call.plan_of_action).where(Call.id == call.id)
    ).one()
    found = MappingProxyType(dict(row._mapping))
    if call.state == CallState.PUBLISHED:
        if len(kept) >= MOST_KEPT:
            kept.pop(next(iter(kept)))
        kept[call.id] = found
    return found


PARTS = (Lot, RegionEnvelope, EligibilityRule, Criterion, DocumentAsked)
"""The tables that a call is made of."""
