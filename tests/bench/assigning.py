"""How long it takes to find the best assignment of 600 applications and 100 reviewers, and to add to one that has begun."""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

from grants.assignments.rules import LOAD_SPREAD, Plan, best_plan
from grants.reviews.queries import ApplicationLine, Asked, Assignments, Board, Candidate

APPLICATIONS, REVIEWERS, WANTED = 600, 100, 2
REGIONS, LOTS, LANGUAGES = ("AFR", "ASI", "LAC"), ("L1", "L2", "L3", "L4"), ("en", "fr", "es")
TARGET = 10.0
"""Seconds."""


def measure(folder: Path) -> dict[str, Any]:
    """A fresh assignment, and what is added to a third of it."""
    board = crowd(Random(2027))
    fresh, plan = _timed(board)
    chance = Random(4)
    begun = [
        Asked(
            n, pair.application.id, pair.reviewer.id, 1, chance.choice(("asked", "declined")), date(2027, 3, 26), None
        )
        for n, pair in enumerate(plan.pairs)
        if chance.random() < 1 / 3
    ]
    added, _ = _timed(Board(board.lines, board.candidates, Assignments(begun), board.ties))
    return {"assignment_of_600_and_100": {"seconds": _told(fresh), "seconds_of_additions": _told(added)}}


def _timed(board: Board) -> tuple[float, Plan]:
    began = time.perf_counter()
    plan = best_plan(board, WANTED)
    seconds = time.perf_counter() - began
    assert isinstance(plan, Plan)
    assert plan.is_connected
    assert plan.spread <= LOAD_SPREAD
    return seconds, plan


def _told(seconds: float) -> dict[str, Any]:
    return {"seconds": round(seconds, 2), "target": TARGET, "met": seconds < TARGET}


def crowd(chance: Random) -> Board:
    """Applications and reviewers of all regions, lots and languages, with room for a fifth more reviews than are wanted and
    a conflict in fifty.
    """
    lines = [
        ApplicationLine(
            n, f"APP-{n:03}", "T", "eligible", chance.choice(LANGUAGES), chance.choice(REGIONS), chance.choice(LOTS),
            1, "EUR", n, "O", "SN",
        )
        for n in range(APPLICATIONS)
    ]  # fmt: skip
    candidates = [
        Candidate(
            n,
            f"REV-{n:03}",
            "R",
            chance.sample(LANGUAGES, chance.choice((1, 2, 2, 3))),
            chance.sample(REGIONS, chance.choice((1, 1, 2))),
            chance.sample(LOTS, chance.choice((1, 2))),
            chance.randint(10, 19),
        )
        for n in range(REVIEWERS)
    ]
    ties = frozenset((person.id, line.id) for person in candidates for line in lines if chance.random() < 0.02)
    return Board(lines, candidates, Assignments([]), ties)
