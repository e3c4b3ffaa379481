"""A call goes out as one file and comes in again exactly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from grants import cli
from grants.accounts.models import Role
from grants.calls.actions import import_call, storable
from grants.calls.forms import read_call, read_upload, write_call
from grants.calls.models import Call
from grants.calls.queries import PARTS, written_documents
from grants.core.db import columns_of, db
from tests import factories
from tests.calls.other_call import documents
from tests.calls.some_call import WRITABLE, calls
from tests.http import Browser

SAMPLE = Path(__file__).parents[2] / "sample"
KEPT_APART = {"id", "call_id", "created_at", "questionnaire_id"}


def in_order(value: Any) -> str:
    """A document with the order of its keys."""
    return json.dumps(value, ensure_ascii=False)


def rows_of(call: Call) -> list[dict[str, Any]]:
    """All that the database says of a call, without what only numbers its rows."""
    rows: list[Any] = [call, *(row for part in PARTS for row in db.session.scalars(_of(part, call)))]
    return [{n: getattr(row, n) for n in columns_of(type(row)) if n not in KEPT_APART} for row in rows]


def _of(part: Any, call: Call) -> Any:
    return select(part).where(part.call_id == call.id).order_by(part.position)


def came_back(definition: dict[str, Any]) -> None:
    """Import, export, import again: the same rows and the same documents, keys in their order."""
    with db.session.begin_nested() as attempt:
        call = import_call(definition, by=None)
        rows, written = rows_of(call), written_documents(call)
        assert in_order(written) == in_order(storable(definition))
        again = read_upload("call.yaml", write_call(written).encode())
        assert in_order(storable(again)) == in_order(written)
        for part in PARTS:
            db.session.execute(delete(part).where(part.call_id == call.id))
        second = import_call(again, by=None)
        assert rows_of(second) == rows
        assert in_order(written_documents(second)) == in_order(written)
        attempt.rollback()
    db.session.expunge_all()


def test_the_sample_comes_back_exactly(app: Flask) -> None:
    definition = read_call(SAMPLE)
    came_back({name: definition[name] for name in ("call", "form", "grid", "budget", "plan_of_action")})


def test_a_call_in_yen_comes_back_exactly(app: Flask) -> None:
    came_back(documents())


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(definition=calls())
def test_any_call_comes_back_exactly(app: Flask, definition: dict[str, Any]) -> None:
    came_back(definition)


LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(WRITABLE)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(WRITABLE, min_size=1), inner, max_size=3),
)


@settings(max_examples=300, deadline=None)
@given(value=VALUES)
def test_whatever_a_call_says_besides_is_written_so_that_it_reads_the_same(value: Any) -> None:
    definition = documents()
    definition["call"]["remarks"] = value
    read = read_upload("call.yaml", write_call(storable(definition)).encode())
    assert in_order(read["call"].get("remarks")) == in_order(value)


def test_days_and_moments_are_written_without_quotes() -> None:
    text = write_call(storable(documents()))
    assert "reviews_due: 2027-06-30\n" in text
    assert "deadline: 2027-05-31 17:00:00+09:00\n" in text


def test_a_coordinator_downloads_the_call_as_one_file(app: Flask, browser: Browser) -> None:
    import_call(documents(), by=None)
    browser.sign_in(factories.person(Role.REGIONAL_COORDINATOR))
    browser.get("/calls/KIZUNA.2027/manage")
    assert "Download as one file" in browser.text
    answer = browser.get("/calls/KIZUNA.2027/call.yaml")
    assert answer.headers["Content-Disposition"] == "attachment; filename=KIZUNA.2027.yaml"
    assert in_order(storable(read_upload("call.yaml", answer.data))) == in_order(storable(documents()))


def test_nobody_else_downloads_a_draft(app: Flask, browser: Browser) -> None:
    import_call(documents(), by=None)
    db.session.commit()
    browser.sign_in(factories.person(Role.REVIEWER))
    browser.get("/calls/KIZUNA.2027/call.yaml", status=403)


def test_the_command_prints_a_call_or_writes_it_to_a_file(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_call(documents(), by=None)
    monkeypatch.setattr(cli, "_application", app.app_context)
    printed = CliRunner().invoke(cli.grants, ["call", "export", "KIZUNA.2027"])
    assert in_order(storable(read_upload("a.yaml", printed.output.encode()))) == in_order(storable(documents()))
    target = tmp_path / "call.yaml"
    CliRunner().invoke(cli.grants, ["call", "export", "KIZUNA.2027", "--out", str(target)], catch_exceptions=False)
    assert target.read_text("utf-8") == printed.output
    with pytest.raises(cli.CannotRun, match="no call"):
        CliRunner().invoke(cli.grants, ["call", "export", "NOTHING"], catch_exceptions=False)
