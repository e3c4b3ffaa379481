"""Two pages of documentation that are written from the code: how things move, and who may do what."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from flask import Flask

from grants.core import permissions, web
from grants.core.languages import speaking
from grants.core.workflow import Workflow

WRITTEN_BY_CODE = "<!-- Written by `grants docs` from the code; a test compares it. -->"

ABOUT_WORKFLOWS = (
    "Every change of state is one line of a table in the code. Whatever is not in a table cannot happen, and"
    " whatever happens is written into the record with who did it, when, and why where a reason is due."
)

ABOUT_PERMISSIONS = (
    "Three questions are asked, in this order. The **route** is the outer door: who may call it at all. The **scope**"
    " says which rows a person may see; what is not in it does not exist for them. The **permission** says what they"
    " may do with it. Whether it can be done *now* is a rule's question, and its answer stands beside the button."
)


def workflows() -> list[Workflow]:
    """Every workflow of the product, by name."""
    ours = [w for w in Workflow.all.values() if w.states.__module__.startswith("grants.")]
    return sorted(ours, key=lambda w: w.name)


def workflows_page() -> str:
    """How every subject moves from its first state to its last: a diagram and a table for each, as Markdown."""
    with speaking("en"):
        parts = [
            "# How things move",
            WRITTEN_BY_CODE,
            ABOUT_WORKFLOWS,
        ]
        for workflow in workflows():
            parts += _workflow(workflow)
    return "\n\n".join(parts) + "\n"


def _workflow(workflow: Workflow) -> list[str]:
    arrows = [f"    [*] --> {workflow.start.value}"]
    rows = []
    for move in workflow.moves:
        sources = sorted(move.sources, key=list(workflow.states).index)
        arrows += [f"    {source.value} --> {move.target.value}: {_words(move.verb)}" for source in sources]
        rows.append(
            (
                _words(move.verb),
                ", ".join(str(source.label) for source in sources),
                str(move.target.label),
                "yes" if move.needs_reason else "",
                str(move.said),
            )
        )
    left = {source for move in workflow.moves for source in move.sources}
    arrows += [f"    {state.value} --> [*]" for state in workflow.states if state not in left]
    named = [f'    state "{state.label}" as {state.value}' for state in workflow.states]
    diagram = "\n".join(["```mermaid", "stateDiagram-v2", *named, *arrows, "```"])
    return [
        f"## {_words(workflow.name).capitalize()}",
        diagram,
        _table(("Move", "From", "To", "Reason due", "Told as"), rows),
    ]


def permissions_page(app: Flask) -> str:
    """Who may: the permissions and scopes of every package, and every route with who may call it, as Markdown."""
    with app.app_context(), speaking("en"):
        parts = [
            "# Who may",
            WRITTEN_BY_CODE,
            ABOUT_PERMISSIONS,
            "## Scopes and permissions",
        ]
        for package, entries in groupby(permissions.declared(), key=lambda e: e["package"]):
            rows = [(_words(e["name"]), e["kind"], e["meaning"]) for e in entries]
            parts += [f"### {_words(package).capitalize()}", _table(("Name", "Kind", "Who"), rows)]
        routes = [
            (f"`{route['path']}`", " ".join(route["methods"]), ", ".join(_words(who) for who in route["access"]))
            for route in web.declared_routes(app)
        ]
        parts += ["## Routes", _table(("Address", "Methods", "Who may call it"), routes)]
    return "\n\n".join(parts) + "\n"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _table(head: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)
