"""Two texts side by side, with what only one of them says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

Part = tuple[str, bool]
"""Some text, and whether it stands only on this side."""

MOST_COMPARED = 1_500
"""Texts with more words than this are shown whole."""


def compared(old: Sequence[str], new: Sequence[str]) -> tuple[list[list[Part]], list[list[Part]]]:
    """Two answers in words side by side, each line as parts that both say or that only one of them says."""
    sides = [
        [(number, piece) for number, line in enumerate(side) for piece in re.findall(r"\S+\s*", line)]
        for side in (old, new)
    ]
    words = [[piece.rstrip() for _number, piece in side] for side in sides]
    shared: tuple[set[int], set[int]] = (set(), set())
    if max(map(len, words)) <= MOST_COMPARED:
        for block in SequenceMatcher(None, words[0], words[1], autojunk=False).get_matching_blocks():
            shared[0].update(range(block.a, block.a + block.size))
            shared[1].update(range(block.b, block.b + block.size))
    return _parts(sides[0], shared[0], len(old)), _parts(sides[1], shared[1], len(new))


def _parts(pieces: Sequence[tuple[int, str]], shared: set[int], count: int) -> list[list[Part]]:
    lines: list[list[Part]] = [[] for _ in range(count)]
    for number, (place, piece) in enumerate(pieces):
        line, alone = lines[place], number not in shared
        if line and line[-1][1] == alone:
            line[-1] = (line[-1][0] + piece, alone)
        else:
            line.append((piece, alone))
    return lines
