"""A report given back part by part, and what changed when it comes again."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from grants.core import clock
from grants.core.db import db
from grants.history.queries import entries_about
from grants.reports import actions, queries, rules
from grants.reports.models import Report, ReportDue
from tests.awards.test_life import mails, refused
from tests.http import Browser
from tests.reports.test_life import DONE, by_key, give_figures, running, write_all


def changes(due: ReportDue, version: int) -> list[tuple[str, list[str], list[str]]]:
    assert due.report is not None
    before = queries.version_of(due.report, version)
    assert before is not None
    written = queries.written(due)
    found = rules.changed_since(written.definition, before.content, rules.content_of(due.report, written), "en")
    return [(one.part, one.before, one.now) for one in found]


def test_a_report_is_given_back_part_by_part_with_the_reasons_of_each(app: Flask) -> None:
    _, dues, owner, coordinator = running()
    interim = by_key(dues, "interim_report")
    write_all(interim, owner)
    actions.submit(interim, by=owner)
    with refused("reason_missing"):
        actions.return_(interim, " ", {"done": "  "}, by=coordinator)
    with refused("unknown_part"):
        actions.return_(interim, "", {"nowhere": "What?"}, by=coordinator)
    report = actions.return_(
        interim, "", {"done": "Who came?", "figures": "Which bill?", "learned": " "}, by=coordinator
    )
    last = queries.last_return(report)
    assert last is not None
    assert (last.version, last.reason, last.parts) == (1, "", {"done": "Who came?", "figures": "Which bill?"})
    entry = entries_about([("report_due", interim.id)])[0]
    assert (entry.verb, entry.reason) == ("return", "Who came?\n\nWhich bill?")
    assert entry.details == {"version": 1, "parts": ["done", "figures"]}
    assert {mail.to_address for mail in mails("report_returned")} == {owner.email}


def test_the_note_has_no_figures_to_give_back(app: Flask) -> None:
    _, dues, owner, coordinator = running()
    note = by_key(dues, "inception_note")
    write_all(note, owner)
    actions.submit(note, by=owner)
    with refused("unknown_part"):
        actions.return_(note, "", {"figures": "Which bill?"}, by=coordinator)


def test_what_changed_since_it_was_given_back_is_told_and_nothing_else(app: Flask) -> None:
    _, dues, owner, coordinator = running()
    interim = by_key(dues, "interim_report")
    write_all(interim, owner)
    actions.submit(interim, by=owner)
    actions.return_(interim, "", {"done": "Who came?"}, by=coordinator)
    assert changes(interim, 1) == []
    actions.save_section(interim, "done", DONE | {"summary": "Forty women came."}, by=owner, version=1)
    give_figures(interim, owner, 90_000, "One bill was double.")
    said = changes(interim, 1)
    assert said[0] == ("done", ["Twelve observers recorded cases for four months."], ["Forty women came."])
    assert said[1:] == [("figures", ["This period: €1,000"], ["This period: €900", "One bill was double."])] * 2
    report = actions.submit(interim, by=owner)
    assert report.version == 2
    assert changes(interim, 1) == said
    assert changes(interim, 2) == []


def test_what_was_handed_in_and_why_it_came_back_cannot_be_changed(app: Flask) -> None:
    _, dues, owner, coordinator = running()
    note = by_key(dues, "inception_note")
    write_all(note, owner)
    actions.submit(note, by=owner)
    actions.return_(note, "Who was trained?", by=coordinator)
    db.session.flush()
    for change in (
        "UPDATE report_version SET content = '{}'",
        "DELETE FROM report_return",
        "UPDATE report_return SET reason = 'Nothing'",
    ):
        with pytest.raises(DBAPIError, match=r"never changed|kept"), db.session.begin_nested():
            db.session.execute(text(change))


def test_the_grantee_reads_which_parts_and_why_and_the_fund_what_changed(app: Flask, browser: Browser) -> None:
    _, dues, owner, coordinator = running()
    interim = by_key(dues, "interim_report")
    write_all(interim, owner)
    actions.submit(interim, by=owner)
    number = interim.id
    db.session.commit()
    page = f"/reports/{number}/return"
    browser.sign_in(coordinator).post(page, {"part_done": "", "reason": " "}, page=page, status=422)
    assert "Please say what is missing" in browser.text
    browser.post(page, {"part_done": "Who came?", "part_figures": "Which bill?", "reason": ""}, status=302)
    grantee = Browser(app).sign_in(owner)
    for place in ("", "/sections/done", "/figures"):
        grantee.get(f"/reports/{number}{place}")
        assert "Who came?" in grantee.text
        assert "Which bill?" in grantee.text
        assert "These parts are fine as they are: Whom you reached, What you learned, What changed." in grantee.text
    section = f"/reports/{number}/sections/done"
    rows = {"activities-rows": "1", "activities-1-activity": "Training", "activities-1-progress": "done"}
    typed = {"version": "1", "summary": "Forty women came.", "save": "yes"} | rows
    grantee.post(section, typed, page=section, status=302)
    grantee.post(f"/reports/{number}/submit", page=f"/reports/{number}", status=302)
    browser.get(f"/reports/{number}")
    assert "What changed since it was returned" in browser.text
    assert "<ins>Forty women came.</ins>" in browser.text
    assert "Who came?" not in browser.text.split("What happened")[0], "it is answered"


def test_nobody_is_late_because_a_report_was_read_late(app: Flask) -> None:
    _, dues, owner, coordinator = running()
    interim, final = by_key(dues, "interim_report"), by_key(dues, "final_report")
    write_all(interim, owner)
    actions.submit(interim, by=owner)
    with clock.at(datetime(2027, 11, 20, 9, tzinfo=UTC)):
        with refused("day_passed"):
            actions.return_(interim, "Who came?", by=coordinator, again_by=date(2027, 11, 19))
        actions.return_(interim, "Who came?", by=coordinator)
    assert interim.due_on == date(2027, 12, 4)
    assert not rules.is_late(interim, date(2027, 12, 4))
    assert queries.former_days([interim]) == {interim.id: [date(2027, 10, 16)]}
    (told,) = mails("report_returned")
    assert "4 December 2027" in str(told.body)
    write_all(final, owner)
    actions.submit(final, by=owner)
    with clock.at(datetime(2027, 11, 20, 9, tzinfo=UTC)):
        actions.return_(final, "Who came?", by=coordinator, again_by=date(2027, 12, 1))
    assert final.due_on == date(2028, 3, 31), "what is due later stays due then"


def test_a_report_that_came_back_before_versions_were_kept_shows_no_differences(app: Flask, browser: Browser) -> None:
    _, dues, owner, coordinator = running()
    note = by_key(dues, "inception_note")
    write_all(note, owner)
    actions.submit(note, by=owner)
    actions.return_(note, "Who was trained?", by=coordinator)
    report = db.session.get_one(Report, note.report.id if note.report else 0)
    report.version += 1  # as if the version that was given back had come before
    db.session.flush()
    actions.submit(note, by=owner)
    actions.return_(note, "And where?", by=coordinator)
    number = note.id
    db.session.execute(text("SET LOCAL session_replication_role = replica"))
    db.session.execute(text("DELETE FROM report_version"))
    db.session.execute(text("SET LOCAL session_replication_role = origin"))
    db.session.commit()
    browser.sign_in(owner).get(f"/reports/{number}")
    assert "And where?" in browser.text
    assert "What changed since" not in browser.text
