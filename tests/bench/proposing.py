"""How long it takes to propose awards among 600 applications within floors and ceilings, proven to be the right ones."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

from grants.core.money import Money
from grants.core.solver import NotProven
from grants.reviews.queries import ApplicationLine
from grants.scenarios.rules import Limits, propose

APPLICATIONS, CALLS, BUDGET = 600, 5, 600_000
REGIONS, LOTS = ("AFR", "ASI", "LAC"), ("L1", "L2")
FLOORS = {"some": 150_000, "most": 180_000, "nearly_all": 199_500, "all": 200_000}
"""What each of the three regions is promised, in euros, by how much of the budget that leaves to choose freely."""

CENTS = {"AFR": 19_876_543, "ASI": 18_765_432, "LAC": 21_358_021}
"""Floors in cents; the budget is seven cents more."""

LEAST = {"light": {"L1": 20, "L2": 30}, "binding": {"L1": 29, "L2": 32}}
"""How many awards the lots are promised beside floors in cents: 57 are what the budget pays for on average."""

STEPS = (10_000, 1)
"""What the amounts are multiples of, in cents: hundreds of euros, and single cents."""

TARGET = 2.0
"""Seconds."""


def measure(folder: Path) -> dict[str, Any]:
    """The slowest of several calls for each kind of floors; a proposal is given only when it is proven to be the first.
    One that could not be proven counts with the time after which that is told.
    """
    return {
        "proposal_for_600": {
            f"{kind}_in_{step}": _told([_seconds(crowd(Random(seed), step), limits(floor)) for seed in range(CALLS)])
            for kind, floor in FLOORS.items()
            for step in STEPS
        }
        | {
            f"to_the_cent_with_{kind}_lots": _told(
                [_seconds(crowd(Random(seed), 1), to_the_cent(kind)) for seed in range(CALLS)]
            )
            for kind in LEAST
        }
    }


def _told(seconds: list[float]) -> dict[str, Any]:
    slowest = max(seconds)
    return {
        "seconds": round(slowest, 2),
        "median_seconds": round(median(seconds), 2),
        "target": TARGET,
        "met": slowest < TARGET,
    }


def _seconds(ranked: list[ApplicationLine], wanted: Limits) -> float:
    began = time.perf_counter()
    with suppress(NotProven):
        assert propose(ranked, wanted).awards is not None
    return time.perf_counter() - began


def limits(floor: int) -> Limits:
    """The same floor for each region, a ceiling for one, and least numbers of awards for each lot."""
    return Limits(
        euros(BUDGET),
        floors={region: euros(floor) for region in REGIONS},
        ceilings={"AFR": euros(205_000)},
        least={"L1": 20, "L2": 30},
    )


def to_the_cent(kind: str) -> Limits:
    """Floors that add up to nearly the whole budget, in cents, and awards promised to each lot."""
    budget = Money(sum(CENTS.values()) + 7, "EUR")
    return Limits(budget, {region: Money(minor, "EUR") for region, minor in CENTS.items()}, least=LEAST[kind])


def crowd(chance: Random, step: int) -> list[ApplicationLine]:
    """A ranking of applications of all regions and lots that ask for EUR 6,000 to 15,000, in steps of so many cents."""
    return [
        ApplicationLine(
            n, f"APP-{n:03}", "T", "eligible", "en", chance.choice(REGIONS), chance.choice(LOTS),
            chance.randint(600_000 // step, 1_500_000 // step) * step, "EUR", n, "O", "SN",
        )
        for n in range(APPLICATIONS)
    ]  # fmt: skip


def euros(number: int) -> Money:
    """An amount in whole euros."""
    return Money(number * 100, "EUR")
