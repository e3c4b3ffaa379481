"""``make bench``: prints one JSON with the cost of every main page as a multiple of a bare page, and other figures.

``python -m tests.bench PART ...`` measures some parts alone; the names stand in :data:`PARTS`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.bench import (
    agreements,
    assigning,
    exporting,
    fairness,
    minute,
    money,
    pages,
    proposing,
    running,
    scale,
    sweeps,
    weight,
    world,
    writing,
)

PARTS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "pages": pages.measure,
    "scale": scale.measure,
    "weight": weight.measure,
    "sweep": sweeps.measure,
    "proposal": proposing.measure,
    "writing": writing.lost_in_writing,
    "deadline": writing.around_the_deadline,
    "assignment": assigning.measure,
    "agreement": agreements.measure,
    "export": exporting.measure,
    "canaries": fairness.told_to_the_wrong,
    "histories": fairness.broken_in_histories,
    "money": money.broken_in_histories,
    "deadline-minute": minute.measure,
    "start-up": running.start_up,
}
"""Each is given a folder of its own with the demonstration in it, and gives its figures."""


def main() -> None:
    """Measure what is asked for, or everything, and print the JSON; ends with status 1 when a figure misses its target."""
    wanted = sys.argv[1:] or list(PARTS)
    if unknown := set(wanted) - set(PARTS):
        sys.exit(f"There is no part {', '.join(sorted(unknown))}; the parts are: {', '.join(PARTS)}")
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "demonstration"
        world.make(made)
        for part in wanted:
            sys.stderr.write(f"{part} ...\n")
            own = Path(folder) / part
            subprocess.run(["cp", "-a", made, own], check=True)
            figures |= _measured(part, own)
    json.dump(figures, sys.stdout, indent=1)
    sys.stdout.write("\n")
    missed = [found for found in _judged(figures) if not found["met"]]
    for found in missed:
        sys.stderr.write(f"missed: {found}\n")
    sys.exit(1 if missed else 0)


def _measured(part: str, folder: Path) -> dict[str, Any]:
    """The figures of a part; one that broke, or has nothing to say, is missed and does not take the others with it."""
    try:
        figures = PARTS[part](folder)
    except Exception as broken:  # noqa: BLE001 - whatever breaks is a missed figure, and told
        traceback.print_exc()
        return {part: {"met": False, "broken": "".join(traceback.format_exception_only(broken)).strip()}}
    hollow = not figures or any(value in ({}, [], None) for value in figures.values())
    return figures | ({part: {"met": False, "empty": True}} if hollow else {})


def _judged(figures: Any) -> Iterator[dict[str, Any]]:
    """Every figure, however deep, that has a target and says whether it is met."""
    if isinstance(figures, dict):
        if "met" in figures:
            yield figures
        figures = list(figures.values())
    if isinstance(figures, list):
        for figure in figures:
            yield from _judged(figure)


if __name__ == "__main__":
    main()
