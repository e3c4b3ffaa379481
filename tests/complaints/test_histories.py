"""Random histories of review and decision; ``make bench`` runs two thousand of them."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests import factories
from tests.bench import fairness
from tests.complaints import histories
from tests.complaints.histories import run


def test_whatever_people_try_the_record_stays_whole_and_nobody_reads_or_decides_with_a_conflict(app: Flask) -> None:
    told = run(histories=25)
    assert told["histories"] >= 25
    happened = {name for name in told["by_act"] if not name.endswith("refused")}
    assert len(happened) >= 8, "otherwise little was tried"


@pytest.mark.parametrize("breaks", [False, True])
def test_what_is_broken_in_a_history_is_counted_and_misses_the_figure(
    app: Flask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, breaks: bool
) -> None:
    """The bench, in this process; an invariant that looks for another ranking is one that is broken."""
    monkeypatch.setattr(fairness, "PROCESSES", 1)
    monkeypatch.setattr(fairness, "ProcessPoolExecutor", lambda *_, **__: ThisProcess())
    monkeypatch.setattr(fairness.world, "opened", lambda _folder: nullcontext(app))
    monkeypatch.setattr(fairness, "create_app", lambda _config: app)
    monkeypatch.setattr(factories, "count", factories.count)
    if breaks:
        monkeypatch.setattr(histories, "ranking_by_hand", lambda _story: [("another", "ranking")])
    told = fairness.broken_in_histories(tmp_path, 2)["histories"]
    assert (told["broken"], told["met"], len(told["how"])) == (int(breaks), not breaks, int(breaks))
    assert told["histories"] >= 1
    assert all("AssertionError" in how for how in told["how"])


def test_too_few_histories_miss_the_figure(app: Flask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(fairness, "PROCESSES", 1)
    monkeypatch.setattr(fairness, "ProcessPoolExecutor", lambda *_, **__: ThisProcess())
    monkeypatch.setattr(fairness.world, "opened", lambda _folder: nullcontext(app))
    monkeypatch.setattr(fairness, "_lived_through", lambda *_: {"histories": 9, "acts": 1})
    assert not fairness.broken_in_histories(tmp_path, 10)["histories"]["met"]


class ThisProcess(nullcontext[Any]):
    """What a pool of processes does, without them."""

    map = staticmethod(map)

    def __enter__(self) -> Any:
        return self
