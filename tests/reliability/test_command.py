"""``grants reviews agreement``: how far reviewers agree, of a call or of any file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.command import Said, run
from tests.factories import call
from tests.reviews.rows import case, reviewed, reviewer

SHROUT_FLEISS = ("9 2 5 8", "6 1 3 2", "8 4 6 8", "7 1 2 6", "10 5 6 9", "6 2 4 7")
"""Shrout and Fleiss (1979), table 2: six targets, four judges."""

PUBLISHED = {"1,1": 0.17, "2,1": 0.29, "3,1": 0.71, "1,k": 0.44, "2,k": 0.62, "3,k": 0.91}
"""The same, table 4."""


@pytest.fixture
def of_file(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run the command on a file; no database is needed for it."""
    return lambda path, *words: run(None, monkeypatch, capsys, "reviews", "agreement", "--csv", path, *words)


def written(folder: Path, text: str) -> Path:
    path = folder / "ratings.csv"
    path.write_text(text)
    return path


def test_a_file_gives_the_published_figures(tmp_path: Path, of_file: Any) -> None:
    rows = [
        f"{score},judge {judge},target {target}"
        for target, scores in enumerate(SHROUT_FLEISS)
        for judge, score in enumerate(scores.split())
    ]
    said = of_file(written(tmp_path, "\n".join(["score,rater,unit", *rows])), "--json")
    assert (said.code, said.err) == (0, "")
    told = json.loads(said.out)
    assert list(told) == ["units", "raters", "ratings", "alpha", "icc"]
    assert (told["units"], told["raters"], told["ratings"]) == (6, 4, 24)
    assert list(told["alpha"]) == ["nominal", "ordinal", "interval", "ratio"]
    assert {key: round(value, 2) for key, value in told["icc"].items()} == PUBLISHED


def test_what_is_not_defined_is_null_and_never_a_number(tmp_path: Path, of_file: Any) -> None:
    path = written(tmp_path, "unit,rater,score\na,x,3\nb,x,\nb,y,2\n")
    told = json.loads(of_file(path, "--json").out)
    assert (told["units"], told["raters"], told["ratings"]) == (2, 2, 2)
    assert told["icc"] == dict.fromkeys(PUBLISHED)
    assert told["alpha"] == dict.fromkeys(("nominal", "ordinal", "interval", "ratio"))
    assert of_file(path).out.count("not defined") == 10


def test_of_a_call_the_submitted_reviews_are_compared(
    app: Flask, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    of_call, first, second = call(), reviewer(), reviewer()
    for a1, b1 in ((4, 4), (2, 3), (5, 5)):
        application = case(of_call)
        for who in (first, second):
            reviewed(application, a1, b1, by=who)
    said = run(app, monkeypatch, capsys, "reviews", "agreement", of_call.reference, "--json")
    told = json.loads(said.out)
    assert (told["units"], told["raters"], told["ratings"]) == (3, 2, 6)
    assert told["alpha"] == dict.fromkeys(("nominal", "ordinal", "interval", "ratio"), 1.0)
    assert run(app, monkeypatch, capsys, "reviews", "agreement", of_call.reference).out.startswith("3 units, 2 raters")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("unit,rater\na,x\n", "the first line must name the columns unit, rater and score, each once."),
        ("", "the first line must name the columns unit, rater and score, each once."),
        ("unit,rater,score\na,x\n", "line 2: 2 columns where the first line has 3."),
        ("unit,rater,score\na,,3\n", "line 2: the unit or the rater is missing."),
        ("unit,rater,score\na,x,3\na,x,4\n", "line 3: x rated a in line 2 already."),
        ("unit,rater,score\na,x,\0\n", "this is not a text."),
    ],
)
def test_a_file_that_is_none_is_refused_with_the_line(tmp_path: Path, of_file: Any, text: str, why: str) -> None:
    path = written(tmp_path, text)
    for words in (("--json",), ()):
        said = of_file(path, *words)
        assert (said.code, said.out) == (2, "")
        assert said.err.startswith(f"grants: {path}")
        assert said.err.strip().endswith(why)
        assert said.err.count("\n") == 1


def test_a_file_that_is_not_there_and_a_call_that_is_not_there(
    tmp_path: Path, app: Flask, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], of_file: Any
) -> None:
    missing = tmp_path / "none.csv"
    assert of_file(missing) == Said(2, "", f"grants: {missing}: No such file or directory.\n")
    said = run(app, monkeypatch, capsys, "reviews", "agreement", "NOTHING", "--json")
    assert said == Said(2, "", "grants: There is no call 'NOTHING'.\n")
    for words in ((), ("SOME-CALL", "--csv", missing)):
        said = run(None, monkeypatch, capsys, "reviews", "agreement", *words)
        assert said == Said(2, "", "grants: Name a call, or a file with --csv.\n")
