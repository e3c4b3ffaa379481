"""What people do at the desk of an application in a real browser: they write, the line drops, they send files."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import pikepdf
from playwright.sync_api import Error, Locator, Page, Route, expect
from sqlalchemy import select

from grants.applications.models import Application, Attachment
from grants.calls.models import DocumentAsked
from grants.core import files
from grants.core.db import db
from tests.journeys.answering import NOT_TYPED, typed
from tests.journeys.browsing import faults
from tests.uploads import photographs

STATE = ".save-state"
NARROWEST = 320
"""What a window of 1280 px shows at 400 per cent."""

KINDS = {
    "pdf": "application/pdf",
    "jpg": "image/jpeg",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}


def sound(page: Page) -> None:
    """The page fits its window, also at 400 per cent, and axe has nothing to say."""
    size = page.viewport_size
    assert size is not None
    for width in (NARROWEST, size["width"]):
        page.set_viewport_size({"width": width, "height": size["height"]})
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{page.url} is {wide} px too wide for {width} px"
    found = [f"{v['id']}: {v['nodes'][0]['html'][:160]}" for v in faults(page)]
    assert not found, f"{page.url}: {found}"


def until(page: Page, expression: str) -> None:
    """Wait until a promise of the page comes true; the page may load itself again meanwhile."""
    for _ in range(100):
        try:
            if page.evaluate(expression):
                return
        except Error as gone:
            if "navigation" not in gone.message:
                raise
        page.wait_for_timeout(200)
    raise AssertionError(f"never true: {expression}")


# ------------------------------------------------------------------ may we apply


GOOD_ANSWERS = {
    "kind": "ngo", "registration": "registered", "two_years": "yes", "only_there": "yes", "theme": "L1",
    "advocacy": "yes", "own_share": "yes", "language": "yes", "other_application": "no", "late_report": "no",
    "country": "SN", "amount": "10000", "months": "6",
}  # fmt: skip
"""Answers to the check before an account with which one may apply."""


def answer_the_check(page: Page, **changed: str) -> None:
    """Fill in the check before an account, with good answers but for those that are ``changed``."""
    fill_in(page, GOOD_ANSWERS | changed)


# ------------------------------------------------------------------ writing


def text_of(page: Page, path: str, name: str) -> str:
    """What the server would show to somebody else who opens the section now."""
    return str(
        page.evaluate(
            """async ([path, name]) => {
                const answer = await fetch(path, {cache: "no-store"});
                const page = new DOMParser().parseFromString(await answer.text(), "text/html");
                return page.querySelector(`[name="${name}"]`).value;
            }""",
            [path, name],
        )
    )


def first_text(page: Page) -> str:
    """The name of the first long text of the section."""
    return str(page.locator("form[data-draft] :is(textarea, input[type=text]):visible").first.get_attribute("name"))


def opened_at(page: Page, path: str) -> str:
    """Open a section, ready for writing without a line; the name of its first long text."""
    page.goto(path)
    until(page, "navigator.serviceWorker.ready.then(() => !!navigator.serviceWorker.controller)")
    page.reload()
    return first_text(page)


def fill_in(page: Page, values: Mapping[str, Any]) -> None:
    """Type or choose these answers in the form that is open; tables get the lines they need, and no other stays filled."""
    page.wait_for_load_state("domcontentloaded")
    for name, value in values.items():
        if isinstance(value, list) and _controls(page, f"{name}-rows").count():
            _fill_table(page, name, value)
        elif _controls(page, name).count():
            _fill(page, name, value)
        else:
            assert value is None, f"the page does not ask “{name}”"


def _controls(page: Page, name: str) -> Locator:
    return page.locator(f"main :is(input, select, textarea)[name='{name}']")


def _fill_table(page: Page, name: str, rows: list[dict[str, Any]]) -> None:
    table = page.locator(f"[id='{name}']")
    counter = _controls(page, f"{name}-rows")
    while int(counter.input_value()) < len(rows):
        table.locator("button[name=add_row]").click()
    for folded in table.locator("details:not([open]) > summary").all():
        folded.click()
    for number, row in enumerate(rows, 1):
        for column, value in row.items():
            cell = f"{name}-{number}-{column}"
            if _controls(page, cell).count():
                _fill(page, cell, value)
            else:
                assert column in NOT_TYPED or value is None, f"line {number} of “{name}” does not ask “{column}”"
    for number in range(len(rows) + 1, int(counter.input_value()) + 1):
        for control in table.locator(f":is(input[type=text], textarea)[name^='{name}-{number}-']").all():
            control.fill("")


def _fill(page: Page, name: str, value: Any) -> None:
    controls = _controls(page, name)
    kind = controls.first.evaluate("control => control.type")
    if kind in ("radio", "checkbox"):
        told = typed(value)
        wanted = told if isinstance(told, list) else [told]
        for control in controls.all():
            if control.get_attribute("value") in wanted:
                control.check()
            elif kind == "checkbox":
                control.uncheck()
    elif kind.startswith("select"):
        controls.select_option(typed(value))
    else:
        controls.fill(typed(value))


# ------------------------------------------------------------------ sending files


def large_pdf(size: int = 900_000) -> bytes:
    """A PDF that travels in several pieces."""
    document = pikepdf.new()
    document.add_blank_page()
    document.Root.Noise = pikepdf.Stream(document, random.Random(size).randbytes(size))
    return photographs.saved(document, static_id=True)


def choose(page: Page, key: str, *chosen: tuple[str, bytes]) -> None:
    """Choose files for a document, and add them."""
    section = page.locator(f"#{key}")
    section.locator("input[type=file]").set_input_files(
        [
            {
                "name": name,
                "mimeType": KINDS.get(name.rsplit(".", 1)[-1], "application/octet-stream"),
                "buffer": content,
            }
            for name, content in chosen
        ]
    )
    section.locator("form.upload button[type=submit]").click()


def starts_of_parts(page: Page, *, drop_after: int | None = None) -> list[int]:
    """Where the pieces began that were sent; the line drops for good after some of them, until it is given back."""
    starts: list[int] = []

    def watch(route: Route) -> None:
        if drop_after is not None and len(starts) >= drop_after:
            page.context.set_offline(True)
            route.abort("internetdisconnected")
            return
        starts.append(int(route.request.headers["upload-offset"]))
        route.continue_()

    page.route("**/parts", watch)
    return starts


def drop_the_line_on_the_way(page: Page, key: str, name: str, content: bytes, gone: str, there: str) -> None:
    """Send a file; the line drops, comes back, and the file goes on where it was. ``gone``, ``there``: what the page says."""
    before = starts_of_parts(page, drop_after=2)
    choose(page, key, (name, content))
    section = page.locator(f"#{key}")
    expect(section).to_contain_text(gone, timeout=15_000)
    bar = section.locator("progress")
    expect(bar).to_be_visible()
    arrived = int(bar.evaluate("bar => bar.value"))
    assert 0 < arrived < len(content)
    page.unroute("**/parts")
    after = starts_of_parts(page)
    page.context.set_offline(False)
    expect(section.locator(".badge")).to_have_text(there, timeout=20_000)
    page.unroute("**/parts")
    assert before[0] == 0
    assert after[0] == arrived, "nothing that had arrived was sent again"


def stored(reference: str, key: str) -> list[tuple[str, bytes]]:
    """The names and contents of what is attached to an application for a document."""
    db.session.rollback()
    found = (
        select(Attachment)
        .join(Attachment.application)
        .join(Attachment.document)
        .where(Application.reference == reference, DocumentAsked.key == key)
        .order_by(Attachment.id)
    )
    return [(a.file.name, files.read(a.file)) for a in db.session.scalars(found) if a.file]
