"""The ranking of the sample as the command tells it, beside one computed by hand from the files."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from pathlib import Path
from typing import Any

import yaml

from grants.calls.models import Call
from grants.cli import _place
from grants.decisions.rules import ranking
from grants.reviews.queries import ApplicationLine, ReviewPoints, Standing

SAMPLE = Path(__file__).parents[2] / "sample"


def read(name: str) -> Any:
    return yaml.safe_load((SAMPLE / f"{name}.yaml").read_text())


GRID, REVIEWS = read("evaluation_grid")["grid"], read("reviews")["reviews"]
ASKED = {one["id"]: one for one in read("applications")["applications"]}


def sections_of(scores: dict[str, int]) -> dict[str, int]:
    return {
        section["id"]: sum(one["weight"] * scores[one["id"]] for one in section["criteria"])
        for section in GRID["sections"]
    }


def by_hand() -> list[dict[str, Any]]:
    """Applications as the grid's own words rank them: means of two, or of the two closest of three."""
    found = []
    for reference, asked in ASKED.items():
        mine = [one for one in REVIEWS if one["application"] == reference]
        first, second = (one["total"] for one in mine if one["round"] == 1)
        gap, high = abs(first - second), max(first, second)
        third = gap > Fraction(3, 10) * high or (first >= 60) != (second >= 60) or gap >= 15
        assert third == (len(mine) == 3)
        used = min(combinations(mine, 2), key=lambda two: abs(two[0]["total"] - two[1]["total"]))
        gaps = sorted(one["total"] for one in mine)
        if len(mine) == 3 and gaps[1] - gaps[0] == gaps[2] - gaps[1]:
            used = tuple(mine)
        every = [sections_of(one["scores"]) for one in used]
        sections = {key: Fraction(sum(one[key] for one in every), len(every)) for key in every[0]}
        score = sum(sections.values())
        missed = ["total"] * (score < 60)
        missed += ["section_A"] * (sections["A"] < 12) + ["section_B"] * (sections["B"] < 18)
        missed += ["subscore_A"] * any(1 in (one["scores"]["A1"], one["scores"]["A2"]) for one in used)
        order = (-score, -sections["B"], -sections["A"], asked["requested_amount"])
        found.append(
            {
                "application": reference,
                "score": float(score),
                "sections": {key: float(points) for key, points in sections.items()},
                "reviews_used": sorted(one["reviewer"] for one in used),
                "third_review": third,
                "missed": set(missed),
                "order": order,
            }
        )
    passed = sorted((one for one in found if not one["missed"]), key=lambda one: one["order"])
    for one in found:
        one["rank"] = passed.index(one) + 1 if one in passed else None
        del one["order"]
    return found


def test_the_ranking_told_is_the_one_computed_by_hand() -> None:
    lines, points = [], {}
    for number, (reference, asked) in enumerate(ASKED.items()):
        minor = round(asked["requested_amount"] * 100)
        at = (asked["language"], asked["region"], asked["lot"], minor, "EUR", number, "O", "SN")
        lines.append(ApplicationLine(number, reference, "T", "eligible", *at))
        points[number] = [
            ReviewPoints(
                *(number, n, n, one["reviewer"], one["round"], one["recommendation"], sections_of(one["scores"])),
                {"A": min(one["scores"]["A1"], one["scores"]["A2"])},
            )
            for n, one in enumerate(REVIEWS)
            if one["application"] == reference
        ]
    call = Call(drawn=[], reference="CALL", currency="EUR", envelope_minor=12_000_000)
    told = [_place(row) for _, row in ranking(call, Standing(GRID, lines, points)).rows]
    for place in told:
        place["missed"] = set(place["missed"])
    assert sorted(told, key=lambda one: one["application"]) == by_hand()
    assert [one["application"] for one in told][:3] == ["APP-005", "APP-009", "APP-001"]
