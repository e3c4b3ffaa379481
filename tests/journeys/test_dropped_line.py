"""A phone on a line that drops: files go on where they stopped, also after the page was closed; papers become one PDF."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import pikepdf
import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect

from grants.uploads.tasks import join_waiting
from tests.journeys.browsing import PHONE, served, window
from tests.journeys.desk import choose, drop_the_line_on_the_way, large_pdf, starts_of_parts, stored
from tests.journeys.world import World
from tests.uploads import photographs
from tests.uploads.photographs import photograph

pytestmark = pytest.mark.browser

EXPECTED = re.compile(r"/parts: .*(INTERNET_DISCONNECTED|status of 422|ERR_FAILED)")
"""What a browser itself complains about when the line is gone or a piece is refused."""

DOCUMENTS = "/applications/APP-402/documents"


@pytest.fixture
def phone(fund: World, chromium: Chromium) -> Iterator[Page]:
    with served(fund.app) as address, window(chromium, address) as opened:
        page = opened.sign_in(fund.emails["USR-PE-1"])
        page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        page.goto(DOCUMENTS)
        yield page
        opened.complaints[:] = [complaint for complaint in opened.complaints if not EXPECTED.search(complaint)]


def test_a_file_goes_on_by_itself_when_the_line_is_back(phone: Page) -> None:
    content = large_pdf()
    drop_the_line_on_the_way(phone, "statutes", "statutes.pdf", content, "The line is gone.", "There")
    assert stored("APP-402", "statutes") == [("statutes.pdf", content)]


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
    assert stored("APP-402", "statutes") == [("statutes.pdf", content)]
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
    ((name, content),) = stored("APP-402", "statutes")
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
    assert [name for name, _content in stored("APP-402", "statutes")] == ["statutes.pdf"]
