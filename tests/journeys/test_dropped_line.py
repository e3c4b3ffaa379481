"""A phone on a line that drops: files go on where they stopped, also after the page was closed; papers become one PDF."""

from __future__ import annotations

import io
import random
import re
from collections.abc import Iterator

import pikepdf
import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, Route, expect
from sqlalchemy import select

from grants.applications.models import Application, Attachment
from grants.calls.models import DocumentAsked
from grants.core import files
from grants.core.db import db
from grants.uploads.tasks import join_waiting
from tests.journeys.browsing import PHONE, served, window
from tests.journeys.world import World
from tests.uploads import photographs
from tests.uploads.photographs import photograph

pytestmark = pytest.mark.browser

EXPECTED = re.compile(r"/parts: .*(INTERNET_DISCONNECTED|status of 422|ERR_FAILED)")
"""What a browser itself complains about when the line is gone or a piece is refused."""

DOCUMENTS = "/applications/APP-402/documents"


def large_pdf(size: int = 900_000) -> bytes:
    document = pikepdf.new()
    document.add_blank_page()
    document.Root.Noise = pikepdf.Stream(document, random.Random(size).randbytes(size))
    return photographs.saved(document, static_id=True)


@pytest.fixture
def phone(fund: World, chromium: Chromium) -> Iterator[Page]:
    with served(fund.app) as address, window(chromium, address) as opened:
        page = opened.sign_in(fund.emails["USR-PE-1"])
        page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        page.goto(DOCUMENTS)
        yield page
        opened.complaints[:] = [complaint for complaint in opened.complaints if not EXPECTED.search(complaint)]


def stored(key: str) -> list[tuple[str, bytes]]:
    """The names and contents of what is attached for a document."""
    db.session.rollback()
    found = (
        select(Attachment)
        .join(Attachment.application)
        .join(Attachment.document)
        .where(Application.reference == "APP-402", DocumentAsked.key == key)
        .order_by(Attachment.id)
    )
    return [(a.file.name, files.read(a.file)) for a in db.session.scalars(found) if a.file]


def choose(page: Page, key: str, *chosen: tuple[str, bytes]) -> None:
    section = page.locator(f"#{key}")
    kinds = {"pdf": "application/pdf", "jpg": "image/jpeg"}
    section.locator("input[type=file]").set_input_files(
        [{"name": name, "mimeType": kinds[name.rsplit(".", 1)[-1]], "buffer": content} for name, content in chosen]
    )
    section.get_by_role("button", name="Add", exact=True).click()


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


def test_a_file_goes_on_by_itself_when_the_line_is_back(phone: Page) -> None:
    content = large_pdf()
    before = starts_of_parts(phone, drop_after=2)
    choose(phone, "statutes", ("statutes.pdf", content))
    section = phone.locator("#statutes")
    expect(section).to_contain_text(re.compile("The line is gone. .* are safe"), timeout=15_000)
    bar = section.get_by_role("progressbar", name="Sending statutes.pdf")
    expect(bar).to_be_visible()
    arrived = int(bar.evaluate("bar => bar.value"))
    assert 0 < arrived < len(content)
    phone.unroute("**/parts")
    after = starts_of_parts(phone)
    phone.context.set_offline(False)
    expect(section).to_contain_text("There", timeout=20_000)
    assert stored("statutes") == [("statutes.pdf", content)]
    assert before[0] == 0
    assert after[0] == arrived, "nothing that had arrived was sent again"


def test_a_page_that_was_closed_asks_for_the_file_again_and_goes_on(phone: Page) -> None:
    content = large_pdf()
    before = starts_of_parts(phone, drop_after=2)
    choose(phone, "statutes", ("statutes.pdf", content))
    expect(phone.locator("#statutes")).to_contain_text("The line is gone", timeout=15_000)
    phone.on("dialog", lambda dialog: dialog.accept())
    phone.unroute("**/parts")
    phone.route("**/parts", lambda route: route.abort())
    phone.context.set_offline(False)
    phone.goto("about:blank")
    phone.unroute("**/parts")
    phone.goto(DOCUMENTS)
    section = phone.locator("#statutes")
    expect(section).to_contain_text("Choose the same file again and it goes on from there.")
    after = starts_of_parts(phone)
    choose(phone, "statutes", ("statutes.pdf", content))
    expect(section).to_contain_text("There", timeout=20_000)
    assert stored("statutes") == [("statutes.pdf", content)]
    assert after[0] > before[-1]


def test_photographs_of_a_paper_are_put_in_order_and_become_one_pdf(phone: Page) -> None:
    section = phone.locator("#statutes")
    pages = [photograph(f"page {n}", size=(400 + n, 300), turned=1) for n in range(5)]
    section.locator("input[type=file]").set_input_files(
        [{"name": f"IMG_{n}.jpg", "mimeType": "image/jpeg", "buffer": page} for n, page in enumerate(pages)]
    )
    expect(section.get_by_label("make one PDF of them")).to_be_checked()
    section.get_by_role("button", name="Move IMG_0.jpg down").press("Enter")
    section.get_by_role("button", name="Add", exact=True).press("Enter")
    expect(section).to_contain_text("Your photographs are becoming one PDF: 0 of 5 pages", timeout=15_000)
    assert join_waiting() == 1
    expect(section).to_contain_text("There", timeout=15_000)
    ((name, content),) = stored("statutes")
    assert name == "IMG_1.pdf"
    with pikepdf.open(io.BytesIO(content)) as document:
        widths = [int(page.Resources.XObject.Paper.Width) for page in document.pages]
    assert widths == [401, 400, 402, 403, 404]


def test_a_program_called_pdf_is_named_and_the_good_file_beside_it_is_kept(phone: Page) -> None:
    section = phone.locator("#statutes")
    choose(phone, "statutes", ("statutes.pdf", photographs.blank_pdf()), ("letter.pdf", b"MZ" * 20_000))
    expect(section).to_contain_text("letter.pdf: The content of this file is not what its name says", timeout=15_000)
    section.get_by_role("button", name="Show what was saved").click()
    expect(section).to_contain_text("There", timeout=15_000)
    assert [name for name, _content in stored("statutes")] == ["statutes.pdf"]
