"""Every table of moves: each state is reached, each move is told in words, and nothing else is declared."""

from __future__ import annotations

import ast

import pytest
from flask import Flask

from config import ROOT
from grants.app import create_app
from grants.core import docs
from grants.core.languages import speaking
from grants.core.workflow import Workflow

assert create_app  # importing the application declares every workflow

WORKFLOWS = docs.workflows()
TONES = {"neutral", "info", "success", "warning", "danger", "accent"}

MADE_DOWNSTREAM = {"application": ("checks",)}
"""Packages further downstream that make some of the moves of a subject: the check finds an application eligible."""

every_workflow = pytest.mark.parametrize("workflow", WORKFLOWS, ids=[w.name for w in WORKFLOWS])


def reached(workflow: Workflow) -> set[str]:
    found, waiting = set(), [workflow.start]
    while waiting:
        state = waiting.pop()
        if state not in found:
            found.add(state)
            waiting += [move.target for move in workflow.moves if state in move.sources]
    return found


def test_there_are_workflows_for_the_whole_river() -> None:
    packages = {workflow.states.__module__.split(".")[1] for workflow in WORKFLOWS}
    river = {
        "calls", "enquiries", "organizations", "applications", "checks", "reviews", "decisions", "draws", "complaints",
        "awards", "diligence", "reports", "visits", "payments", "banking", "amendments", "closeout", "imports",
    }  # fmt: skip
    assert packages == river


@every_workflow
def test_every_move_is_made_by_an_action_of_its_package(workflow: Workflow) -> None:
    words = set()
    for package in (workflow.states.__module__.split(".")[1], *MADE_DOWNSTREAM.get(workflow.name, ())):
        code = ast.parse((ROOT / "grants" / package / "actions.py").read_text(encoding="utf-8"))
        words |= {n.value for n in ast.walk(code) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    assert not {move.verb for move in workflow.moves} - words


@every_workflow
def test_every_state_is_reached_from_the_start(workflow: Workflow) -> None:
    assert reached(workflow) == set(workflow.states)


@every_workflow
def test_every_move_is_told_in_words(app: Flask, workflow: Workflow) -> None:
    with speaking("en"):
        for move in workflow.moves:
            said = str(move.said)
            assert said != move.verb.replace("_", " "), f"{workflow.name}: {move.verb} has no sentence of its own"
            assert said[0].isupper(), said
            assert "_" not in said


@every_workflow
def test_every_state_has_a_label_and_a_tone_of_the_design(app: Flask, workflow: Workflow) -> None:
    with speaking("en"):
        for state in workflow.states:
            assert str(state.label) != state.value or " " not in state.value
            assert str(state.label)[0].isupper(), state
            assert state.tone in TONES


@every_workflow
def test_a_move_is_one_line_for_each_state_it_starts_from(workflow: Workflow) -> None:
    seen = [(move.verb, source) for move in workflow.moves for source in move.sources]
    assert len(seen) == len(set(seen)), "the same verb leads from one state to two"
    for move in workflow.moves:
        assert move.sources, move.verb


@every_workflow
def test_moves_are_imperative_verbs_and_states_are_not(workflow: Workflow) -> None:
    verbs = {move.verb for move in workflow.moves}
    for verb in verbs:
        assert verb == verb.lower()
        assert not verb.endswith("ed"), f"{verb} is past: history is, moves are not"
    assert not verbs & {state.value for state in workflow.states} - {"open"}
