"""Templates and what stands beside them: everything is used, and nothing in a page would have to be trusted blindly."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from flask import Flask
from jinja2 import nodes

from config import ROOT
from grants.core.languages import _l, _ln

FOLDER, STATIC = ROOT / "templates", ROOT / "static"
PAGES = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.html"))
MAIL_FRAME = "mails/layout.html"
"""The frame of HTML mails: mail programs know no stylesheet, and keep no policy of ours."""

OF_THE_LIBRARY = {
    f"security/{name}.html"
    for name in (
        "change_password", "forgot_password", "login_user", "register_user", "reset_password", "send_confirmation",
        "verify",
    )
}  # fmt: skip
"""Pages that the sign-in library renders by these names."""

HANDLER = re.compile(r"\son[a-z]+\s*=", re.IGNORECASE)


@cache
def code() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "grants").rglob("*.py"))


def source(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def referred_by_templates(app: Flask) -> set[str]:
    """The templates that others extend, include or import; names put together from parts count by their parts."""
    found = set()
    for name in PAGES:
        tree = app.jinja_env.parse(source(name))
        for node in tree.find_all((nodes.Extends, nodes.Include, nodes.Import, nodes.FromImport)):
            found |= {text.value for text in node.find_all(nodes.Const) if isinstance(text.value, str)}
    return found


def test_every_page_is_rendered_extended_included_or_imported(app: Flask) -> None:
    referred = referred_by_templates(app)
    unused = [
        name for name in PAGES if name not in referred and f'"{name}"' not in code() and name not in OF_THE_LIBRARY
    ]
    assert not unused


def test_every_template_that_is_referred_to_exists(app: Flask) -> None:
    rendered = set(re.findall(r'"([a-z_]+/[a-z_]+\.html)"', code()))
    assert rendered
    assert not (rendered | referred_by_templates(app)) - set(PAGES)
    assert not OF_THE_LIBRARY - set(PAGES)


def test_every_document_to_print_is_typeset_or_imported() -> None:
    for path in (FOLDER / "pdf").glob("*.typ"):
        others = "".join(p.read_text(encoding="utf-8") for p in (FOLDER / "pdf").glob("*.typ") if p != path)
        assert f'pdf.render("{path.stem}"' in code() or path.name in others, f"{path.name} is used by nobody"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_no_style_script_or_handler_of_its_own(name: str) -> None:
    text = re.sub(r"\{#.*?#\}", "", source(name), flags=re.DOTALL)
    if name != MAIL_FRAME:
        assert "style=" not in text
    assert "<style" not in text
    assert not HANDLER.search(text)
    assert "javascript:" not in text
    for script in re.findall(r"<script[^>]*>.*?</script>", text, re.DOTALL):
        assert "nonce=" in script
        assert "src=" in script, "a script stands in a file"
        assert re.fullmatch(r"<script[^>]*></script>", script)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_trusts_no_text(app: Flask, name: str) -> None:
    """Markup is made by macros and by filters that escape what they are given."""
    tree = app.jinja_env.parse(source(name))
    filters = {node.name for node in tree.find_all(nodes.Filter)}
    assert not filters & {"safe", "tojson", "forceescape"}
    assert not list(tree.find_all((nodes.MarkSafe, nodes.ScopedEvalContextModifier)))


def test_markup_is_made_in_code_only_where_it_is_escaped() -> None:
    """Markup(f"…") would take text as it comes; Markup("…").format(…) escapes it."""
    for path in (ROOT / "grants").rglob("*.py"):
        found = re.findall(r"\bMarkup\(\s*f[\"']", path.read_text(encoding="utf-8"))
        assert not found, f"{path.name}: markup is put together from text that nobody escaped"


def test_words_found_late_are_escaped_like_any_text(app: Flask) -> None:
    """Reasons why not, and other words of rules, hold what people typed."""
    page = app.jinja_env.from_string("{{ words }}", globals=app.jinja_env.globals)
    for words in (_l("%(name)s is missing.", name="<i>"), _ln("%(name)s", "%(name)s %(num)s", 2, name="<i>")):
        assert "<i>" in str(words)
        assert "&lt;i&gt;" in page.render(words=words)
        assert "<i>" not in page.render(words=words)


def test_words_found_late_are_ours() -> None:
    """Those of the library count as markup."""
    for path in (ROOT / "grants").rglob("*.py"):
        if path.name != "languages.py":
            found = re.findall(r"lazy_n?gettext|\bLazyString\b", path.read_text(encoding="utf-8"))
            assert not found, f"{path}: take _l, _ln or LazyWords from grants.core.languages"


@pytest.mark.parametrize("path", [p for p in STATIC.rglob("*") if p.is_file()], ids=lambda p: p.name)
def test_every_file_that_browsers_load_is_asked_for(path: Path) -> None:
    name = str(path.relative_to(STATIC))
    sheets = "".join(p.read_text(encoding="utf-8") for p in STATIC.rglob("*.css"))
    pages = "".join(source(page) for page in PAGES)
    views = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "grants").rglob("views.py"))
    asked = f"asset('{name}')" in pages or f'asset("{name}")' in pages or f'"{name}"' in views
    assert asked or path.name in sheets
