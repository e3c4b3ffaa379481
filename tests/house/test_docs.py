"""The pages written from the code are the code's present words."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from config import ROOT
from grants.core import docs, permissions, web

DOCS = Path(ROOT) / "docs"


@pytest.mark.parametrize("name", ["workflows", "permissions"])
def test_the_page_says_what_the_code_says(app: Flask, name: str) -> None:
    expected = docs.workflows_page() if name == "workflows" else docs.permissions_page(app)
    path = DOCS / f"{name}.md"
    present = path.read_text(encoding="utf-8") if path.exists() else ""
    assert present == expected, f"docs/{name}.md is not current; write it again with: .venv/bin/grants docs"


def test_the_page_of_workflows_names_every_state_and_move(app: Flask) -> None:
    page = docs.workflows_page()
    for workflow in docs.workflows():
        for state in workflow.states:
            assert f"as {state.value}" in page
        for move in workflow.moves:
            assert f": {move.verb.replace('_', ' ')}" in page


def test_the_page_of_permissions_names_every_route_and_permission(app: Flask) -> None:
    page = docs.permissions_page(app)
    for route in web.declared_routes(app):
        assert f"`{route['path']}`" in page
    for entry in permissions.declared():
        assert entry["meaning"], f"{entry['package']}: {entry['name']} does not say who may"
        assert entry["meaning"] in page
