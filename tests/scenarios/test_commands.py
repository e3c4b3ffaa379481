"""The commands ``grants decisions propose`` and ``rank``: what they print, on a call of ours and on the sample."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask

from config import Config
from grants import cli
from grants.app import create_app
from grants.applications.models import Application
from grants.calls.models import Call
from grants.core.db import db
from grants.core.solver import NotProven
from tests import command
from tests.conftest import DEMONSTRATION, copied, settings
from tests.decisions.rows import scored
from tests.factories import call
from tests.reviews.rows import case

PLACE = {"application", "score", "sections", "reviews_used", "third_review", "missed", "rank"}


@pytest.fixture(autouse=True)
def _on_this_database(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "_application", app.app_context)


def run(*words: str) -> Any:
    """What a command prints as JSON."""
    done = CliRunner().invoke(cli.grants, ["decisions", *words, "--json"], catch_exceptions=False)
    return json.loads(done.output)


def printed(*words: str) -> str:
    return CliRunner().invoke(cli.grants, ["decisions", *words], catch_exceptions=False).output


def ranked_call(**more: Any) -> Call:
    """A call of EUR 30,000 with three applications: A (Africa, 92 points), B (Asia, 76), C (Asia, 60)."""
    of_call = call(envelope_minor=3_000_000, **more)
    for reference, b1, country, minor in (
        ("APP-A", 5, "SN", 1_200_000),
        ("APP-B", 4, "NP", 1_000_000),
        ("APP-C", 3, "NP", 1_500_000),
    ):
        region = {"SN": "AFR", "NP": "ASI"}[country]
        scored(of_call, 3, b1, reference=reference, region=region, requested_minor=minor, lot_key="L1")
    return of_call


def test_a_proposal_is_told_with_what_it_costs_and_why(app: Flask) -> None:
    reference = ranked_call().reference
    assert run("propose", reference) == {
        "awards": ["APP-A", "APP-B"],
        "spent": 22000,
        "left": 8000,
        "why": "2 awards in the order of the ranking, within €30,000. APP-C: it asks for €7,000 more than what is left.",
    }
    assert printed("propose", reference).splitlines()[:2] == ["APP-A", "APP-B"]


def test_one_option_replaces_every_limit_of_the_call(app: Flask) -> None:
    of_call = ranked_call(terms={"grant": {"max_awards_per_lead": 1}})
    asia = next(region for region in of_call.regions if region.region == "ASI")
    asia.floor_minor, asia.ceiling_minor = 1_500_000, 1_500_000
    db.session.flush()
    assert run("propose", of_call.reference)["awards"] == ["APP-A", "APP-C"]
    assert run("propose", of_call.reference, "--budget", "25000.50") == {
        "awards": ["APP-A", "APP-B"],
        "spent": 22000,
        "left": 3000.5,
        "why": "2 awards in the order of the ranking, within €25,000.50."
        " APP-C: it asks for €11,999.50 more than what is left.",
    }
    assert run("propose", of_call.reference, "--ceiling", "ASI=10000")["awards"] == ["APP-A", "APP-B"]
    assert run("propose", of_call.reference, "--lot-minimum", "L1=1", "--floor", "L1=27000")["awards"] == [
        *("APP-A", "APP-C"),
    ]


def test_limits_that_cannot_be_met_give_no_awards_and_say_which_fails_by_how_much(app: Flask) -> None:
    reference = ranked_call().reference
    assert run("propose", reference, "--floor", "AFR=13000", "--budget", "20000") == {
        "awards": None,
        "spent": None,
        "left": None,
        "why": "The floor for AFR is €13,000, and €12,000 is the most that can be awarded there within the other limits:"
        " €1,000 short.",
    }
    assert "and gets 0 at most" in run("propose", reference, "--lot-minimum", "L2=1")["why"]
    assert printed("propose", reference, "--lot-minimum", "L2=1").startswith("Lot L2 is to have 1 award ")


def test_what_could_not_be_proven_in_time_is_told_as_such(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_long(*_: Any) -> Any:
        raise NotProven

    reference = ranked_call().reference
    monkeypatch.setattr(cli, "propose", too_long)
    told = run("propose", reference)
    assert told.pop("why") == "Within 10 seconds nothing was proven to be right. Wider limits make it easier."
    assert told == {"awards": None, "spent": None, "left": None}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--floor", "AFR"], "does not say what"),
        (["--floor", "MOON=1"], "does not say what"),
        (["--floor", "AFR=1", "--floor", "AFR=2"], "AFR is given twice"),
        (["--ceiling", "AFR=lots"], "lots"),
        (["--budget", "-1"], "less than nothing"),
        (["--lot-minimum", "AFR=1"], "does not say what"),
        (["--lot-minimum", "L1=1.5"], "not a number of awards"),
    ],
)
def test_a_limit_that_says_nothing_is_refused_in_one_line(app: Flask, options: list[str], said: str) -> None:
    with pytest.raises(cli.CannotRun, match=said):
        run("propose", ranked_call().reference, *options)


def test_what_cannot_be_done_is_said_in_one_line(
    app: Flask, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (("propose", "NONE"), ("rank", "NONE"), ("draw", "NONE", "APP-1")):
        said = command.run(app, monkeypatch, capsys, "decisions", *words)
        assert (said.code, said.out, said.err.count("\n")) == (2, "", 1), said


def test_two_accounts_of_one_organization_get_no_more_awards_than_the_call_gives_one(app: Flask) -> None:
    of_call = ranked_call(terms={"grant": {"max_awards_per_lead": 1}})
    best = db.session.query(Application).filter_by(reference="APP-A").one()
    again = scored(of_call, 3, 4, reference="APP-E", region="ASI", requested_minor=600_000)
    again.organization.duplicate_of_id = best.organization_id
    db.session.flush()
    proposal = run("propose", of_call.reference)
    assert proposal["awards"] == ["APP-A", "APP-B"]
    assert "APP-E: its organization has as many awards before it as one may get." in proposal["why"]
    assert run("propose", of_call.reference, "--budget", "30000")["awards"] == ["APP-A", "APP-E", "APP-B"]


def test_the_ranking_is_told_place_by_place(app: Flask) -> None:
    of_call = ranked_call()
    below = scored(of_call, 2, 4, reference="APP-X")
    waiting = case(of_call, reference="APP-Y")
    told = {one["application"]: one for one in run("rank", of_call.reference)["applications"]}
    assert [(key, one["rank"], one["score"]) for key, one in told.items()] == [
        *(("APP-A", 1, 92), ("APP-B", 2, 76), ("APP-C", 3, 60)),
        *((below.reference, None, 72), (waiting.reference, None, None)),
    ]
    assert all(set(one) == PLACE for one in told.values())
    assert told["APP-A"]["sections"] == {"A": 12, "B": 80}
    assert len(told["APP-A"]["reviews_used"]) == 2
    assert told["APP-X"]["missed"]
    assert not told["APP-A"]["missed"]
    assert printed("rank", of_call.reference).splitlines()[0].split() == ["1", "APP-A", "92"]


@pytest.fixture
def sample(running: Config, demonstration: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """The sample as the demonstration has it, with its twelve applications and 28 reviews."""
    with copied(running, DEMONSTRATION) as address:
        own = create_app(settings(replace(demonstration, database_url=address), tmp_path))
        monkeypatch.setattr(cli, "_application", own.app_context)
        yield own
        with own.app_context():
            db.engine.dispose()


def test_the_sample_is_proposed_and_ranked(sample: Flask) -> None:
    places = run("rank", "MPF-2027-01")["applications"]
    assert len(places) == 12
    assert [one["rank"] for one in places if one["rank"]] == list(range(1, 10))
    ranked = [one["application"] for one in places if one["rank"]]
    assert run("propose", "MPF-2027-01") == {
        "awards": None,
        "spent": None,
        "left": None,
        "why": "The floor for LAC is €25,000, and €23,600 is the most that can be awarded there within the other limits:"
        " €1,400 short.",
    }
    proposal = run("propose", "MPF-2027-01", "--budget", "80000")
    assert proposal["spent"] + proposal["left"] == 80000
    assert proposal["awards"] == [one for one in ranked if one in proposal["awards"]]
    assert proposal["awards"][0] == ranked[0]
    only = run("propose", "MPF-2027-01", "--budget", "80000", "--ceiling", "AFR=0")
    assert not {"APP-001", "APP-002", "APP-003", "APP-004"} & set(only["awards"])
