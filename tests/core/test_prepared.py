"""Statements that are composed once for everybody whose scope has the same shape."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import Select, bindparam, false, or_, select

from grants.accounts.models import Organization
from grants.core.db import Prepared, db, prepared_once
from tests.factories import organization


def scope(*numbers: int, country: str = "NP") -> Select[Organization]:
    """Some organizations by their number, among those of a country."""
    return select(Organization).where(or_(false(), Organization.id.in_(numbers)), Organization.country == country)


composed: list[int] = []


@prepared_once
def names(seen: Select[Organization], most: int) -> Prepared:
    composed.append(most)
    among = seen.where(Organization.id > bindparam("above", type_=Organization.id.type)).subquery()
    found = select(Organization.name).join(among, among.c.id == Organization.id).order_by(Organization.id)
    return Prepared(lambda: found.limit(most))


@pytest.fixture
def ids(app: Flask) -> list[int]:
    composed.clear()
    rows = [organization(name=f"Prepared {n}", country="NP" if n < 3 else "KE") for n in range(4)]
    db.session.flush()
    return [row.id for row in rows]


def test_scopes_of_one_shape_share_a_statement_and_keep_their_own_rows(ids: list[int]) -> None:
    assert names(scope(ids[0]), 5)(above=0) == [("Prepared 0",)]
    assert names(scope(ids[1]), 5)(above=0) == [("Prepared 1",)]
    assert names(scope(ids[0]), 5)(above=0) == [("Prepared 0",)]
    assert composed == [5]
    texts = {id(kept[0]) for n in (1, 2) if (kept := names(scope(ids[n]), 5)._compiled)}
    assert len(texts) == 1


def test_scopes_of_another_shape_have_a_statement_of_their_own(ids: list[int]) -> None:
    assert names(scope(*ids[:2]), 5)(above=0) == [("Prepared 0",), ("Prepared 1",)]
    assert names(scope(ids[1], ids[2]), 5)(above=ids[1]) == [("Prepared 2",)]
    assert names(scope(), 5)(above=0) == []
    assert names(scope(*ids), 5)(above=0) == [("Prepared 0",), ("Prepared 1",), ("Prepared 2",)]
    assert names(scope(*ids, country="KE"), 5)(above=0) == [("Prepared 3",)]
    assert names(scope(*ids[:2]), 1)(above=0) == [("Prepared 0",)]
    assert composed == [5, 5, 5, 5, 1]
