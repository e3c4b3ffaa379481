"""The house as it is described: which files a package has, where a transaction ends, what is told of every function."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from config import ROOT

CODE = ROOT / "grants"
NOT_DOMAIN = {"core", "demo"}
"""The ground that every package stands on, and the demonstration; they are cut by subject."""

PACKAGES = sorted(
    path.name for path in CODE.iterdir() if (path / "__init__.py").exists() and path.name not in NOT_DOMAIN
)
FILES = {
    "__init__", "workflow", "models", "queries", "rules", "permissions", "mails", "actions", "forms", "tasks", "lists", "views",
}  # fmt: skip
MORE_FILES = {"accounts": {"security"}}
"""Files that one package alone has: signing in is told to a library."""

OTHER_KINDS = {
    ("reports", "questionnaires.yaml"),
    ("letters", "wording.yaml"),
    ("diligence", "points.yaml"),
    ("portfolio", "countries.json"),
}
"""Files that are not code: the questions of reports, the wording of letters, the points of due diligence, where countries
lie on the map.
"""

EMPTY_WORDS = {
    "data", "info", "item", "util", "utils", "helper", "helpers", "manager", "handler", "processor", "misc", "common",
    "base", "stuff", "tools", "new", "v1", "v2",
}  # fmt: skip

EXPLAINED = ("rules", "actions", "queries", "permissions", "security")
"""Files whose public functions all say what they mean to the field."""

COMMITS = {"core/db.py", "core/web.py"}

JUDGED_IN_ONE_STATEMENT = {"applications/actions.py"}
"""The deadline is judged by the database in the very statement that submits; see docs/decisions."""

SOURCES = sorted(CODE.rglob("*.py"))


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def name_of(path: Path) -> str:
    return str(path.relative_to(CODE))


def functions(body: list[ast.stmt]) -> Iterator[ast.FunctionDef]:
    """The public functions of a module, and the public methods of its public classes."""
    for node in body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from functions(node.body)


def test_the_river_has_its_packages() -> None:
    river = (
        "accounts history questionnaires calls applications checks reviews decisions awards reports payments closeout"
    )
    assert set(river.split()) | {"reminders", "portfolio"} <= set(PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_has_the_agreed_files_and_no_others(package: str) -> None:
    allowed = FILES | MORE_FILES.get(package, set())
    for path in (CODE / package).iterdir():
        if path.name == "__pycache__":
            continue
        assert path.is_file(), f"{package}/{path.name}: packages are not nested"
        if (package, path.name) not in OTHER_KINDS:
            assert path.suffix == ".py"
            assert path.stem in allowed, f"{package}/{path.name} is not one of {sorted(allowed)}"
    assert (CODE / package / "__init__.py").exists()


@pytest.mark.parametrize("package", PACKAGES)
def test_nothing_stands_in_the_init_of_a_package(package: str) -> None:
    assert all(isinstance(node, ast.Expr) for node in parsed(CODE / package / "__init__.py").body)


def test_no_module_has_an_empty_name() -> None:
    names = {name_of(path): set(path.stem.split("_")) for path in SOURCES}
    names |= {name: {name} for name in PACKAGES}
    assert not {name: words & EMPTY_WORDS for name, words in names.items() if words & EMPTY_WORDS}


def test_a_transaction_ends_in_two_places() -> None:
    """The one of a web request, and the one of work outside of it."""
    found = {
        name_of(path)
        for path in SOURCES
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "commit"
        and "session" in ast.unparse(node.func.value)
    }
    assert found == COMMITS


def test_only_the_core_speaks_to_connections() -> None:
    """A commit on a connection of its own is for advisory locks and for the schema."""
    found = {
        name_of(path)
        for path in SOURCES
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "commit"
    }
    assert {name.split("/")[0] for name in found - COMMITS} <= {"core", "schema.py"}


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_imports_stand_at_the_top(path: Path) -> None:
    for node in ast.walk(parsed(path)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            hidden = [n for n in ast.walk(node) if isinstance(n, (ast.Import, ast.ImportFrom))]
            assert not hidden, f"{node.name} imports in line {[n.lineno for n in hidden]}"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_every_module_says_what_it_is_for(path: Path) -> None:
    module = parsed(path)
    assert ast.get_docstring(module) or not module.body


@pytest.mark.parametrize("path", [p for p in SOURCES if p.stem in EXPLAINED and p.parent.name in PACKAGES], ids=name_of)
def test_every_public_function_says_what_it_means(path: Path) -> None:
    silent = [node.name for node in functions(parsed(path).body) if not ast.get_docstring(node)]
    assert not silent


@pytest.mark.parametrize("package", [p for p in PACKAGES if (CODE / p / "permissions.py").exists()])
def test_a_permission_answers_yes_or_no_and_a_scope_with_rows(package: str) -> None:
    for node in parsed(CODE / package / "permissions.py").body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("can_"):
            assert node.returns is not None
            assert ast.unparse(node.returns) == "bool", node.name
            assert node.args.args[0].arg == "user", node.name


@pytest.mark.parametrize("package", [p for p in PACKAGES if (CODE / p / "actions.py").exists()])
def test_actions_say_who_acts(package: str) -> None:
    """Whatever goes into the record is done by somebody; what is not recorded says by its name that nobody acts."""
    for node in parsed(CODE / package / "actions.py").body:
        if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
            continue
        records = any(
            isinstance(call, ast.Call) and ast.unparse(call.func) in ("history.record", "history.begin", "history.note")
            for call in ast.walk(node)
        )
        if records:
            keywords = {argument.arg for argument in node.args.kwonlyargs}
            positional = {argument.arg for argument in node.args.args}
            by_itself = "by=None" in ast.unparse(node) or positional & {"person", "membership", "administrator"}
            assert "by" in keywords or by_itself, f"{package}.{node.name}"


def test_every_select_stands_among_the_queries_or_scopes() -> None:
    """Views, forms, actions, rules and mails ask by name; what they find is decided in queries.py and permissions.py."""
    found = {
        name_of(path)
        for path in SOURCES
        if path.parent.name in PACKAGES
        and path.stem in ("views", "lists", "forms", "mails", "rules", "tasks", "actions")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("select", "db.session.scalars", "db.session.query")
    }
    assert found <= JUDGED_IN_ONE_STATEMENT
