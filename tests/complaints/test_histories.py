"""Random histories of review and decision; ``make bench`` runs two thousand of them."""

from __future__ import annotations

from flask import Flask

from tests.complaints.histories import run


def test_whatever_people_try_the_record_stays_whole_and_nobody_reads_or_decides_with_a_conflict(app: Flask) -> None:
    told = run(histories=25)
    assert told["histories"] >= 25
    happened = {name for name in told["by_act"] if not name.endswith("refused")}
    assert len(happened) >= 8, "otherwise little was tried"
