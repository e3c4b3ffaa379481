"""``grants reviews assign``: the best fresh assignment of a call, for people and for programs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask import Flask

from config import Config
from grants.app import create_app
from grants.core.db import db
from grants.reviews.models import Assignment
from tests.assignments.test_best_plan import best_total_of
from tests.command import Said, run
from tests.conftest import DEMONSTRATION, copied
from tests.factories import call
from tests.reviews.rows import assignment, case, reviewer

SAMPLE = Path(__file__).parents[2] / "sample"


@pytest.fixture
def assign(app: Flask, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run the command on the application of the test."""
    return lambda *words: run(app, monkeypatch, capsys, "reviews", "assign", *words)


@pytest.fixture
def sample(running: Config, demonstration: Config) -> Iterator[Flask]:
    """The application with the sample in it, in which reviews have long been written."""
    with copied(running, DEMONSTRATION) as address:
        own = create_app(replace(demonstration, database_url=address))
        with own.app_context():
            yield own
            db.session.remove()
            for engine in db.engines.values():
                engine.dispose()


def test_the_sample_is_assigned_as_well_as_can_be(
    sample: Flask, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked_before = db.session.query(Assignment).count()
    said = run(sample, monkeypatch, capsys, "reviews", "assign", "MPF-2027-01", "--dry-run", "--json")
    assert (said.code, said.err) == (0, "")
    told = json.loads(said.out)
    assert set(told) == {"pairs", "total", "worst"}
    assert (told["total"], told["worst"]) == (87, 6)
    published = yaml.safe_load((SAMPLE / "reviewers.yaml").read_text())["affinity"]
    assert told["total"] == best_total_of(published, worst=6)
    assert all(set(pair) == {"application", "reviewer"} for pair in told["pairs"])
    pairs = [(pair["application"], pair["reviewer"]) for pair in told["pairs"]]
    assert len(pairs) == len(set(pairs)) == 24
    assert Counter(application for application, _ in pairs) == dict.fromkeys(published, 2)
    sums = Counter[str]()
    for application, who in pairs:
        sums[application] += published[application][who]
    assert (sums.total(), min(sums.values())) == (87, 6)
    assert db.session.query(Assignment).count() == asked_before, "nobody is asked"
    assert run(sample, monkeypatch, capsys, "reviews", "assign", "MPF-2027-01", "--dry-run", "--json") == said


def test_people_read_the_pairs_line_by_line(app: Flask, assign: Any) -> None:
    of_call = call()
    application, people = case(of_call), sorted(reviewer().reference for _ in range(2))
    said = assign(of_call.reference, "--dry-run")
    assert said.code == 0
    assert [line.split() for line in said.out.splitlines()[:2]] == [[application.reference, who] for who in people]
    assert said.out.splitlines()[2] == "Affinity 8 in all, 8 for the application that is served worst."


def test_without_applications_nothing_is_assigned(app: Flask, assign: Any) -> None:
    reviewer()
    said = assign(call().reference, "--dry-run", "--json")
    assert (said.code, json.loads(said.out)) == (0, {"pairs": [], "total": 0, "worst": None})


def test_what_cannot_be_covered_is_named_to_people_and_to_programs(app: Flask, assign: Any) -> None:
    of_call = call()
    covered, alone = case(of_call), case(of_call, language="fr")
    reviewer(), reviewer(profile={"languages": ["en", "fr"]})
    assignment(covered, reviewer(profile={"capacity": 0}))
    why = (
        f"{alone.reference} needs 2 reviewers and has 1 who may review it. Of 3 reviewers with a conflict of interest: 0;"
        " who do not read French: 2; who take on no reviews: 0."
    )
    assert assign(of_call.reference, "--dry-run") == Said(2, "", f"grants: {why}\n")
    said = assign(of_call.reference, "--dry-run", "--json")
    assert json.loads(said.out) == {"pairs": None, "total": None, "worst": None, "why": why}
    assert (said.code, said.err) == (2, f"grants: {why}\n")


def test_what_the_best_does_not_reach_is_said_beside_it(app: Flask, assign: Any) -> None:
    of_call = call()
    for language in ("en", "fr"):
        case(of_call, language=language)
        for _ in range(2):
            reviewer(profile={"languages": [language]})
    said = assign(of_call.reference, "--dry-run", "--json")
    assert (said.code, len(json.loads(said.out)["pairs"])) == (0, 4)
    assert "No assignment connects all applications" in said.err
    assert json.loads(said.out)["why"] == said.err.strip()


def test_uneven_loads_are_said_beside_the_plan(app: Flask, assign: Any) -> None:
    of_call = call()
    for _ in range(5):
        case(of_call)
    for capacity in (9, 9, 1):
        reviewer(profile={"capacity": capacity})
    told = json.loads(assign(of_call.reference, "--dry-run", "--json").out)
    assert sorted(Counter(pair["reviewer"] for pair in told["pairs"]).values()) == [1, 4, 5]
    assert told["why"].startswith("No assignment keeps the numbers of reviews of all reviewers within 2 of each other;")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("NOTHING", "--dry-run"), "There is no call 'NOTHING'."),
        (("NOTHING",), "Missing option '--dry-run'."),
        (("--dry-run",), "Missing argument 'CALL'."),
        (("A", "B", "--dry-run"), "Got unexpected extra argument (B)"),
        (("A", "--for-real"), "No such option"),
    ],
)
def test_what_cannot_be_run_is_said_in_one_line(app: Flask, assign: Any, words: tuple[str, ...], why: str) -> None:
    said = assign(*words)
    assert (said.code, said.out) == (2, "")
    assert why in said.err
    assert said.err.count("\n") == 1
