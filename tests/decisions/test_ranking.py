"""The ranked list: order, ties, money line, and what it says to somebody who stepped aside."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from grants.calls.models import Call, Lot, RegionEnvelope
from grants.decisions import rules
from grants.decisions.queries import Awarded
from grants.reviews.queries import ApplicationLine, ReviewPoints, Standing
from grants.reviews.rules import shown

SAMPLE = Path(__file__).parents[2] / "sample"


def read(name: str) -> Any:
    return yaml.safe_load((SAMPLE / name).read_text())


GRID = read("evaluation_grid.yaml")["grid"]
CRITERIA = {one["id"]: (section["id"], one["weight"]) for section in GRID["sections"] for one in section["criteria"]}


def call(envelope: int = 12_000_000) -> Call:
    made = Call(drawn=[], reference="C-1", envelope_minor=envelope, currency="EUR")
    made.regions = [
        RegionEnvelope(position=0, region="AFR", label={"en": "Africa"}, indicative_minor=0, floor_minor=300, ceiling_minor=500),
        RegionEnvelope(position=1, region="LAC", label={"en": "Latin America"}, indicative_minor=0, floor_minor=0),
    ]  # fmt: skip
    made.lots = [Lot(position=0, key="L1", title={"en": "One"}, plan_points=[], min_awards=2)]
    return made


def line(number: int, requested: int = 1_000_000, **more: Any) -> ApplicationLine:
    values = {"region": "AFR", "lot_key": "L1"} | more
    return ApplicationLine(
        number, f"APP-{number:03}", f"T{number}", "eligible", "en", values["region"], values["lot_key"], requested, "EUR", number, "O", "SN"
    )  # fmt: skip


def points(application: int, number: int, sections: dict[str, int], round: int = 1) -> ReviewPoints:
    return ReviewPoints(application, number, number, f"REV-{number}", round, "fund", sections, {})


def standing(*cases: tuple[ApplicationLine, dict[str, int]]) -> Standing:
    return Standing(
        GRID, [one for one, _ in cases], {one.id: [points(one.id, 1, s), points(one.id, 2, s)] for one, s in cases}
    )


def sample_standing() -> Standing:
    lines = {
        one["id"]: ApplicationLine(
            number, one["id"], one["title"], "eligible", one["language"], one["region"], one["lot"], int(one["requested_amount"] * 100), "EUR", number, "O", "SN"
        )
        for number, one in enumerate(read("applications.yaml")["applications"], start=1)
    }  # fmt: skip
    found: dict[int, list[ReviewPoints]] = defaultdict(list)
    for number, review in enumerate(read("reviews.yaml")["reviews"], start=1):
        sections: dict[str, int] = defaultdict(int)
        lowest: dict[str, int] = {}
        for key, value in review["scores"].items():
            section, weight = CRITERIA[key]
            sections[section] += weight * value
            lowest[section] = min(value, lowest.get(section, 9))
        application = lines[review["application"]].id
        found[application].append(
            ReviewPoints(application, number, number, review["reviewer"], review["round"], None, sections, lowest)
        )
    return Standing(GRID, list(lines.values()), found)


def test_the_sample_is_ranked_from_its_reviews() -> None:
    ranking = rules.ranking(call(), sample_standing())
    order = [(place.application.reference, shown(place.result.score)) for place in ranking.ranked]
    assert order == [
        ("APP-005", "92.5"),
        ("APP-009", "85"),
        ("APP-001", "83.5"),
        ("APP-003", "81"),
        ("APP-004", "79"),
        ("APP-006", "75.5"),
        ("APP-008", "74.5"),
        ("APP-011", "72"),
        ("APP-002", "70.5"),
    ]
    assert [result.application.reference for result in ranking.below] == ["APP-007", "APP-012", "APP-010"]
    assert all(place.above_line for place in ranking.ranked)
    assert str(ranking.ranked[-1].cumulative) == "108800.00 EUR"


def test_ties_are_broken_by_section_b_then_a_then_the_lower_amount_then_the_lottery() -> None:
    high_b = {"A": 16, "B": 28, "C": 36}
    high_a = {"A": 18, "B": 26, "C": 36}
    low_a = {"A": 17, "B": 26, "C": 37}
    cases = [
        (line(1), low_a),
        (line(2), high_a),
        (line(3, 900_000), low_a),
        (line(4), high_b),
        (line(5), low_a),
    ]
    made = standing(*cases)
    ranking, seed = rules.ranking(call(), made), rules.seed_of(made)
    lottery = sorted((1, 5), key=lambda n: hashlib.sha256(f"{seed}|C-1|APP-{n:03}".encode()).hexdigest())
    assert [place.application.id for place in ranking.ranked] == [4, 2, 3, *lottery]
    ties = [place.tie for place in ranking.ranked]
    assert ties == [None, "section_B", "section_A", "lower_requested_amount", "published_lottery"]


def test_the_money_line_stands_where_the_envelope_ends() -> None:
    good = {"A": 20, "B": 30, "C": 30}
    cases = [(line(n, 400), {**good, "C": 30 - n}) for n in range(1, 5)]
    ranking = rules.ranking(call(1200), standing(*cases))
    assert [place.above_line for place in ranking.ranked] == [True, True, True, False]
    assert [rules.expected_outcome(ranking, n) for n in (3, 4, 99)] == ["award", "reserve", "decline"]
    money = rules.money_line(call(1200), ranking, {})
    assert (money.awarded.minor, money.above.minor, money.below.minor) == (0, 1200, 400)


sections = st.fixed_dictionaries({"A": st.integers(4, 20), "B": st.integers(6, 30), "C": st.integers(10, 50)})
cases = st.lists(st.tuples(sections, st.integers(1, 2000)), max_size=8)


@given(cases, st.integers(0, 6000), st.randoms())
def test_a_ranking_is_sorted_complete_and_the_same_from_any_order(found: Any, envelope: int, random: Any) -> None:
    given_ = [(line(n, amount), points_) for n, (points_, amount) in enumerate(found, start=1)]
    ranking = rules.ranking(call(envelope), standing(*given_))
    ids = [one.application.id for one in ranking.results]
    assert sorted(ids) == list(range(1, len(found) + 1))
    scores = [place.result.score for place in ranking.ranked]
    assert scores == sorted(scores, reverse=True)
    assert [place.rank for place in ranking.ranked] == list(range(1, len(scores) + 1))
    spent = 0
    for place in ranking.ranked:
        spent += place.application.requested_minor
        assert place.cumulative.minor == spent
        assert place.above_line == (spent <= envelope)
        assert place.result.passes
    assert all(one.missed for one in ranking.below)
    random.shuffle(given_)
    again = rules.ranking(call(envelope), standing(*given_))
    assert [place.application.id for place in again.ranked] == [place.application.id for place in ranking.ranked]


@given(
    st.lists(st.tuples(sections, st.integers(1, 2000)), min_size=1, max_size=8, unique_by=lambda one: one[1]), st.data()
)
def test_a_hidden_application_leaves_no_gap(found: Any, data: Any) -> None:
    given_ = [(line(n, amount), points_) for n, (points_, amount) in enumerate(found, start=1)]
    out = data.draw(st.integers(1, len(found)))
    seen = rules.ranking(call(), standing(*given_), hidden={out})
    without = rules.ranking(call(), standing(*[one for one in given_ if one[0].id != out]))
    assert seen.rows == without.rows


def test_floors_ceilings_and_least_awards_are_noticed() -> None:
    def codes(*awards: Awarded) -> list[str]:
        return [one.code for one in rules.departures_from_envelope(call(), awards)]

    assert codes() == ["floor_AFR", "lot_L1"]
    assert codes(Awarded(1, 300, "AFR", "L1"), Awarded(2, 1, "LAC", "L1")) == []
    assert codes(Awarded(1, 501, "AFR", "L1"), Awarded(2, 1, "LAC", "L1")) == ["ceiling_AFR"]
    assert codes(Awarded(1, 299, "AFR", "L1"), Awarded(2, 1, "LAC", "L2")) == ["floor_AFR", "lot_L1"]
