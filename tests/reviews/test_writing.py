"""Writing a review: it saves itself, loses nothing, says where it stands, and shows documents in place."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask

from grants.accounts.models import Membership
from grants.core import bare, clock, files, papers
from grants.core.rules import Obstacle, Refused
from grants.history.queries import entries_about
from grants.reviews import actions, queries
from grants.reviews.models import Assignment
from grants.reviews.workflow import AssignmentState
from tests.core.test_written import budget, letter, open_document, paragraph
from tests.factories import db, person, save
from tests.http import Browser
from tests.reviews.canaries import attach, blind_call, letter_that_tells, pdf_that_tells, photograph_that_tells, told
from tests.reviews.rows import AT, assignment, case, reviewer, scores
from tests.uploads import photographs

TYPED = {"value_A1": "3", "reason_A1": "", "value_B1": "4", "summary": "Good.", "for_applicant": "Yes."}
COMPLETE = TYPED | {"recommendation": "fund"}


@pytest.fixture(autouse=True)
def _in_the_weeks_of_review(app: Flask) -> Iterator[None]:
    with clock.at(AT):
        yield


def begun(browser: Browser, of_call: Any = None) -> tuple[int, str]:
    """A reviewer in front of an open review: its key and its address."""
    somebody = reviewer()
    made = assignment(case(of_call), somebody).id
    browser.sign_in(somebody).get(f"/reviews/{made}")
    return made, f"/reviews/{made}"


def by_itself(browser: Browser, page: str, typed: dict[str, Any], status: int = 200) -> dict[str, Any]:
    """What the server tells a page that saves while one types."""
    answer = browser.post(page, typed, status=status, headers={"Accept": "application/json"})
    told_: dict[str, Any] = answer.get_json()
    return told_


def shown_version(browser: Browser) -> str:
    return next(form for form in browser.page.forms if "data-draft" in form.tag.at).fields["version"]


def test_a_review_saves_itself_and_says_where_it_stands(app: Flask, browser: Browser) -> None:
    made, page = begun(browser)
    with clock.at(datetime(2027, 3, 10, 9, 5, tzinfo=UTC)):
        news = by_itself(browser, page, TYPED | {"version": shown_version(browser)})
    assert news["state"] == "saved"
    assert {"progress", "missing", "section-A", "section-B"} == set(news["fields"])
    assert "There is no recommendation." in news["html"]
    assert "76 points so far" in news["html"]
    review = db.session.get(Assignment, made).review
    assert (review.summary, queries.scores_of(review)["B1"].value) == ("Good.", 4)
    assert news["version"] == review.saved_at.isoformat()


def test_a_second_window_is_told_and_overwrites_only_when_asked_to(app: Flask, browser: Browser) -> None:
    made, page = begun(browser)
    first, second = shown_version(browser), browser.twin()
    with clock.at(datetime(2027, 3, 10, 9, 5, tzinfo=UTC)):
        browser.post(page, TYPED | {"version": first, "summary": "From the first."}, status=302)
    second.get(page)
    other = TYPED | {"version": first, "summary": "From the second."}
    news = by_itself(second, page, other, status=409)
    assert news["state"] == "conflict"
    second.get(page)
    second.post(page, other, status=409)
    assert "in another window" in second.text
    assert "From the second." in second.text
    assert db.session.get(Assignment, made).review.summary == "From the first."
    second.post(page, other | {"version": shown_version(second)}, status=302)
    assert db.session.get(Assignment, made).review.summary == "From the second."


@pytest.mark.parametrize("value", ["0", "6", "-1", "2.5", "x", "5" * 40])
def test_a_score_outside_the_scale_is_refused_and_nothing_typed_is_lost(
    app: Flask, browser: Browser, value: str
) -> None:
    made, page = begun(browser)
    wrong = TYPED | {"value_A1": value, "summary": "Half a page of thoughts."}
    assert by_itself(browser, page, wrong, status=422)["state"] == "refused"
    browser.get(page)
    browser.post(page, wrong, status=422)
    assert "A score lies between 1 and 5." in browser.text
    assert "Half a page of thoughts." in browser.text
    assert db.session.get(Assignment, made).review.summary == ""


def test_no_way_leads_a_score_outside_the_scale_into_a_review(app: Flask) -> None:
    made = assignment(case(), reviewer())
    with pytest.raises(Refused) as refused:
        actions.save_review(
            made, scores=scores(6, 3), summary="", for_applicant="", recommendation=None, by=made.reviewer
        )
    assert [one.code for one in refused.value.obstacles] == ["off_the_scale"]


def test_a_review_after_its_last_day_counts_and_is_marked_as_late(app: Flask, browser: Browser) -> None:
    made, page = begun(browser)
    with clock.at(datetime(2027, 3, 26, 22, 59, tzinfo=UTC)):  # still the last day in Brussels
        browser.get(page)
        assert "is marked as late" not in browser.text
    with clock.at(datetime(2027, 3, 26, 23, 1, tzinfo=UTC)):
        browser.get(page)
        assert "is marked as late" in browser.text
        browser.post(page, COMPLETE | {"submit": "yes"}, status=302)
        browser.follow()
        assert "Submitted late" in browser.text
    one = db.session.get(Assignment, made)
    assert one.state == AssignmentState.COMPLETED
    entry = next(entry for entry in entries_about([("assignment", one.id)]) if entry.verb == "complete")
    assert entry.details["late"] is True
    assert queries.points_of(one.application.call_id)[one.application_id][0].total == 76


def test_a_review_on_its_last_day_is_not_late(app: Flask, browser: Browser) -> None:
    _made, page = begun(browser)
    with clock.at(datetime(2027, 3, 26, 22, 59, tzinfo=UTC)):
        browser.get(page)
        browser.post(page, COMPLETE | {"submit": "yes"}, status=302)
        browser.follow()
    assert "Submitted late" not in browser.text


def test_the_page_says_which_threshold_a_review_stays_below(app: Flask, browser: Browser) -> None:
    _made, page = begun(browser)
    assert "The section needs 12." in browser.text
    assert "Below a threshold" not in browser.text
    low = TYPED | {"value_A1": "1", "reason_A1": "Nothing."}
    news = by_itself(browser, page, low)
    assert "A score of 1 or less here excludes an award." in news["html"]
    assert "4 points; this section needs 12." in news["html"]
    browser.get(page)
    assert "4 points; this section needs 12." in browser.text


# ------------------------------------------------------------------ documents in place


def test_a_document_is_looked_at_page_by_page(app: Flask, browser: Browser) -> None:
    somebody, application = reviewer(), told(blind_call(blind=False))
    of_pdf = attach(application, "plan", pdf_that_tells(), "pdf").id
    of_photo = attach(application, "photo", photograph_that_tells(), "jpg").id
    page = f"/reviews/{assignment(application, somebody).id}"
    browser.sign_in(somebody).get(page)
    assert f"{page}/files/{of_pdf}/pages/1" in browser.text
    browser.get(f"{page}/files/{of_pdf}/pages")
    assert "1 page" in browser.text
    drawn = browser.get(f"{page}/files/{of_pdf}/pages/1")
    assert drawn.mimetype == "image/png"
    assert drawn.get_data().startswith(b"\x89PNG")
    assert drawn.headers["Content-Security-Policy"].startswith("sandbox")
    assert browser.get(f"{page}/files/{of_photo}/pages/1").mimetype == "image/jpeg"
    for nothing in (f"{of_pdf}/pages/2", f"{of_pdf}/pages/0", f"{of_photo}/pages/2", f"{of_pdf}/pages/99999"):
        browser.get(f"{page}/files/{nothing}", 404)


def test_a_blind_reviewer_looks_at_no_page_that_names_the_applicant(app: Flask, browser: Browser) -> None:
    somebody, application = reviewer(), told(blind_call())
    of_named = attach(application, "policy", pdf_that_tells(on_the_page="By QuokkaQA"), "pdf").id
    page = f"/reviews/{assignment(application, somebody).id}"
    browser.sign_in(somebody)
    browser.get(f"{page}/files/{of_named}/pages", 409)
    browser.get(f"{page}/files/{of_named}/pages/1", 409)


@pytest.mark.parametrize("kind", ["docx", "odt", "xlsx", "ods"])
def test_a_text_and_a_workbook_are_read_in_place(app: Flask, browser: Browser, kind: str) -> None:
    somebody, application = reviewer(), told(blind_call(blind=False))
    sheet = '<row><c t="inlineStr"><is><t>Forty &lt;wells&gt;</t></is></c></row>'
    table = "<table:table><table:table-row><table:table-cell><text:p>Forty &lt;wells&gt;</text:p></table:table-cell>"
    content = {
        "docx": lambda: letter(paragraph("Plan", "H1") + paragraph("Forty &lt;wells&gt;")),
        "odt": lambda: open_document("text", "<text:p>Forty &lt;wells&gt;</text:p>"),
        "xlsx": lambda: budget(sheet),
        "ods": lambda: open_document("spreadsheet", f"{table}</table:table-row></table:table>"),
    }[kind]()
    paper = attach(application, "plan", content, kind, clean=False).id
    page = f"/reviews/{assignment(application, somebody).id}"
    browser.sign_in(somebody).get(page)
    assert f'href="{page}/files/{paper}/pages"' in browser.text
    browser.get(f"{page}/files/{paper}/pages")
    assert "Forty &lt;wells&gt;" in browser.text
    assert "How it is laid out is not shown" in browser.text
    assert f'href="{page}/files/{paper}"' in browser.text
    if kind == "xlsx":
        assert re.findall(r"<h2>(.*?)</h2>", browser.text)[:2] == ["Notes", "Budget"]
    browser.get(f"{page}/files/{paper}/pages/1", 404)


def test_what_cannot_be_read_in_place_is_still_a_file_to_save(app: Flask, browser: Browser) -> None:
    somebody, application = reviewer(), told(blind_call(blind=False))
    paper = attach(application, "sheet", letter_that_tells(kind="xlsx"), "xlsx").id
    page = f"/reviews/{assignment(application, somebody).id}/files/{paper}"
    browser.sign_in(somebody).get(f"{page}/pages")
    assert "This document cannot be shown here." in browser.text
    browser.get(page)


def test_all_pages_of_a_document_cost_one_preparation_and_each_asks_anew_who_may_see_it(
    app: Flask, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    somebody, application = reviewer(), told(blind_call())
    plan = attach(application, "plan", pdf_that_tells(), "pdf")
    stored, page = plan.file_id, f"/reviews/{assignment(application, somebody).id}/files/{plan.id}"
    freed, asked = bare.bare, []
    monkeypatch.setattr(bare, "bare", lambda content, kind: asked.append(kind) or freed(content, kind))
    browser.sign_in(somebody).get(f"{page}/pages")
    for _ in range(3):
        assert browser.get(f"{page}/pages/1").mimetype == "image/png"
    assert asked == ["pdf"]
    outside = person()
    save(Membership(organization_id=application.organization_id, person_id=outside.id, role="editor"))
    browser.get(f"{page}/pages/1")
    assert asked == ["pdf", "pdf"], "who has one name more to hide is not given what was looked through for fewer"
    db.session.get_one(files.StoredFile, stored).scan = files.Scan.INFECTED
    browser.get(f"{page}/pages/1", 409)


def test_what_was_prepared_is_kept_for_a_short_while_and_not_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    kept, made = papers.Prepared(), []

    def ask(of: str, size: int = 1) -> None:
        assert kept.once(of, lambda: made.append(of) or b"x" * size) == b"x" * size

    def refused() -> bytes:
        raise Refused(Obstacle("never", "No."))

    with pytest.raises(Refused):
        kept.once("one", refused)
    for _ in range(2):
        ask("one")
    assert made == ["one"]
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + papers.KEPT_FOR + 1)
    ask("one")
    assert made == ["one", "one"]
    monkeypatch.setattr(papers, "MOST_KEPT", 10)
    for of in ("two", "three", "three", "one"):
        ask(of, 6 if of != "one" else 1)
    assert made == ["one", "one", "two", "three", "one"], "the oldest made room"


def test_two_who_ask_at_once_wait_for_one_preparation() -> None:
    kept, made, go = papers.Prepared(), [], threading.Event()

    def prepare() -> bytes:
        made.append(go.wait(5))
        return b"x"

    with ThreadPoolExecutor(2) as pool:
        asking = [pool.submit(kept.once, "one", prepare) for _ in range(2)]
        go.set()
        assert [one.result(5) for one in asking] == [b"x", b"x"]
    assert made == [True]


def test_a_damaged_document_breaks_nothing() -> None:
    whole = photographs.blank_pdf()
    assert papers.pages_in(whole) == 1
    assert papers.page_drawn(whole, 1).startswith(b"\x89PNG")
    assert papers.page_drawn(whole[:200], 1) is None
    assert papers.pages_in(b"%PDF-1.7 nothing") == 0
