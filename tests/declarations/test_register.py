"""The register of a call: who, which application, why, and what followed; and what its reader may not know."""

from __future__ import annotations

import pytest
from flask import Flask

from grants.accounts.models import Role
from grants.conflicts.models import Grade
from grants.decisions import actions
from grants.reviews import actions as reviews
from tests.conflicts.test_computed import belongs
from tests.factories import call, db, person
from tests.http import Browser
from tests.listings.test_files import table
from tests.reviews.rows import assignment, case, counted, reviewed, reviewer

COUSIN = "=A cousin works there"


def test_the_register_says_who_why_when_and_what_followed(app: Flask, browser: Browser) -> None:
    of_call = call()
    scored, other = reviewed(case(of_call), 4, 4), case(of_call, lot_key="L2")
    late, asked = scored.reviewer, assignment(other, reviewer())
    member = person(Role.COMMITTEE_MEMBER)
    reference, name = scored.application.reference, scored.application.organization.name
    other.organization.fiscal_sponsor_id = belongs(member, name="Hub of many").id
    actions.recuse_from_review(scored, COUSIN, by=late)
    actions.declare_interest(
        asked.reviewer, other.organization, grade=Grade.KNOWS, reason="We met once.", call=of_call, by=asked.reviewer
    )
    actions.declare_interest(member, scored.application.organization, grade=Grade.NONE, reason="", by=member)
    page = f"/calls/{of_call.reference}/conflicts"
    browser.sign_in(person(Role.AUDITOR)).get(page)
    for words in (name, "cousin works there", "We met once.", "Hub of many", "computed now", "no longer counts"):
        assert words in browser.text
    written = table(browser, page)
    told = {(row["Application"], row["Person"], row["How it is known"], row["Grade"]) for row in written}
    assert told == {
        (reference, late.reference, "Declared by the person", "Conflict"),
        (reference, late.reference, "Stepped aside", "Conflict"),
        (reference, member.reference, "Declared by the person", "No tie"),
        (other.reference, asked.reviewer.reference, "Declared by the person", "Knows them"),
        (
            other.reference,
            member.reference,
            "Tied to its fiscal sponsor, or to an organization that it sponsors",
            "Conflict",
        ),
    }
    aside = next(row for row in written if row["How it is known"] == "Stepped aside")
    assert aside["Reason"] == f"'{COUSIN}"
    assert aside["Consequence"] == (
        "sees nothing of it; stepped aside; the score no longer counts, and stays on record"
    )


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.REGIONAL_COORDINATOR])
def test_of_what_a_reader_has_a_conflict_with_there_is_no_line(app: Flask, browser: Browser, role: Role) -> None:
    of_call = call()
    application, other = case(of_call, applicant={"name": "Canary House"}), case(of_call)
    reader, somebody = person(role, regions=["AFR"]), reviewer()
    for one in (reader, somebody):
        actions.declare_interest(one, application.organization, grade=Grade.CONFLICT, reason="Canary song", by=one)
    actions.declare_interest(somebody, other.organization, grade=Grade.KNOWS, reason="Met.", by=somebody)
    hidden, shown = application.reference, other.reference
    page = f"/calls/{of_call.reference}/conflicts"
    browser.sign_in(reader).get(page)
    assert shown in browser.text
    assert hidden not in browser.text
    assert "anary" not in browser.text
    assert {row["Application"] for row in table(browser, page)} == {shown}


def test_of_another_region_there_is_only_the_reference(browser: Browser) -> None:
    of_call, somebody = call(), reviewer()
    application = case(of_call, applicant={"name": "Canary House"}, region="ASI")
    actions.declare_interest(somebody, application.organization, grade=Grade.KNOWS, reason="Canary song", by=somebody)
    reference, page = application.reference, f"/calls/{of_call.reference}/conflicts"
    browser.sign_in(person(Role.REGIONAL_COORDINATOR, regions=["AFR"])).get(page)
    assert reference in browser.text
    assert "anary" not in browser.text
    assert {row["Application"] for row in table(browser, page)} == {reference}


def test_what_was_taken_back_hides_nothing_any_more_and_stays_on_record(app: Flask, browser: Browser) -> None:
    of_call = call()
    application, member = case(of_call), person(Role.COMMITTEE_MEMBER)
    for grade in (Grade.CONFLICT, Grade.NONE):
        actions.declare_interest(member, application.organization, grade=grade, reason="A brother.", by=member)
    browser.sign_in(person(Role.AUDITOR))
    told = {(row["Grade"], row["Consequence"]) for row in table(browser, f"/calls/{of_call.reference}/conflicts")}
    assert told == {("Conflict", "taken back later"), ("No tie", "")}


def test_only_coordinators_and_auditors_read_it(app: Flask, browser: Browser) -> None:
    of_call = call()
    browser.sign_in(reviewer())
    browser.get(f"/calls/{of_call.reference}/conflicts", 403)
    sent = {"address": f"/calls/{of_call.reference}/conflicts", "kind": "csv"}
    browser.post("/exports", sent, page="/exports", status=403)


def test_ten_lines_and_a_hundred_cost_the_same_queries(app: Flask, browser: Browser) -> None:
    of_call, reader = call(), person(Role.AUDITOR)
    browser.sign_in(reader)
    page, counts = f"/calls/{of_call.reference}/conflicts", []
    for _ in range(2):
        for _more in range(12):
            somebody = reviewer()
            applicant = case(of_call).organization
            reviews.declare_interest(somebody, applicant, grade=Grade.KNOWS, reason="Met.", by=somebody)
        statements: list[str] = []
        with counted(statements):
            browser.get(page)
        counts.append(len(statements))
        of_call = db.session.merge(of_call)
    assert 0 < counts[0] == counts[1]
