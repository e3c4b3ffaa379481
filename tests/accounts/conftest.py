"""How many queries a page costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, inspect
from sqlalchemy.engine import Engine

from grants.core.db import db


def fresh(row: Any) -> Any:
    """A row as it is after a request that may have changed it."""
    found = db.session.get(type(row), inspect(row).identity, populate_existing=True)
    assert found is not None
    return found


@pytest.fixture
def count_queries(app: Flask) -> Iterator[Callable[[Callable[[], object]], int]]:
    """Says how many SELECTs a piece of work sends to the database."""
    seen: list[str] = []

    def note(connection: object, cursor: object, statement: str, *more: object) -> None:
        if statement.lstrip().upper().startswith("SELECT"):
            seen.append(statement)

    def counted(work: Callable[[], object]) -> int:
        seen.clear()
        work()
        return len(seen)

    event.listen(Engine, "before_cursor_execute", note)
    yield counted
    event.remove(Engine, "before_cursor_execute", note)
