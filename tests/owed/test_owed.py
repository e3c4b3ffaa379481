"""Who owes what, to whom, by when, and how much money waits on it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from grants.accounts.models import MemberRole, Membership, Role
from grants.amendments import actions as amendments
from grants.awards.models import Award, Condition, Milestone
from grants.core import clock
from grants.core.db import db
from grants.core.money import Money
from grants.core.permissions import scope
from grants.core.rules import Refused
from grants.owed import queries, rules
from grants.owed.permissions import own_organizations
from grants.owed.queries import Asked
from grants.payments import actions as payments
from grants.payments.queries import standings_of
from grants.reports import actions as reports
from grants.reports.models import ReportDue
from grants.visits import actions as visits
from grants.visits.models import Visit
from tests import factories as make
from tests.awards.test_pages import declare_conflict
from tests.http import Browser
from tests.payments.rows import Scene, paid, scene, spend
from tests.reviews.rows import counted
from tests.visits.rows import TODAY, VISIT_DAY, planned, shared

DAY = TODAY.date()
EUR = "EUR"


def full(**more: Any) -> Scene:
    """A grant with one of everything: a milestone that is late, a condition of each side, a visit, what was agreed."""
    made = scene(**more)
    make.save(Milestone(award_id=made.award.id, title="Training of fifty leaders", due_on=DAY - timedelta(days=5)))
    make.save(Condition(award_id=made.award.id, text="Adopt a policy", due_on=DAY + timedelta(days=10)))
    inside = {"owner_id": made.coordinator.id, "due_on": DAY + timedelta(days=40), "blocks_payment": False}
    make.save(Condition(award_id=made.award.id, text="Ask the embassy", **inside))
    planned(made, due_on=DAY + timedelta(days=60), holds_payments=True)
    shared(made)
    return made


def lines(made: Scene, reader: Any = None) -> dict[str, list[rules.Line]]:
    reader = reader or made.coordinator
    items = queries.of_grant(scope(reader, Award), own_organizations(reader), made.award)
    found: dict[str, list[rules.Line]] = {}
    for line in rules.lines_of(items, standings_of([made.award.id]), DAY, clock.now(), own_organizations(reader)):
        found.setdefault(line.item.kind, []).append(line)
    return found


def names(made: Scene, reader: Any) -> set[str]:
    return {rules.name_of(line.item) for some in lines(made, reader).values() for line in some}


def test_one_page_says_who_owes_what_by_when_and_what_money_waits_on_it(app: Flask) -> None:
    found = lines(full())
    told = {
        kind: [(line.item.by_fund, line.when, line.waiting and line.waiting.minor) for line in some]
        for kind, some in found.items()
    }
    assert told == {
        "milestone": [(False, "late", None)],
        "condition": [(False, "soon", 1_000_000), (True, "later", None)],
        "visit": [(True, "done", None), (True, "later", 200_000)],
        "change": [(False, "soon", None)],
        "report": [(False, "later", 200_000)],
        "instalment": [(True, "soon", 800_000), (True, "later", 200_000)],
    }
    stops = {stop.code for stop in found["instalment"][0].stops}
    assert stops == {"conditions_open"}


def test_a_report_that_is_late_for_too_long_holds_every_instalment(app: Flask) -> None:
    made = full()
    made.final.due_on = DAY - timedelta(days=31)
    db.session.flush()
    (report,) = lines(made)["report"]
    assert (report.when, report.waiting) == ("late", Money(1_000_000, EUR))
    made.final.due_on = DAY - timedelta(days=30)
    db.session.flush()
    assert lines(made)["report"][0].waiting == Money(200_000, EUR)


def test_a_report_that_was_handed_in_is_the_funds_to_read(app: Flask) -> None:
    made = scene()
    report = make.report(made.final, 500_000)
    made.final.state = "submitted"
    report.submitted_at = clock.now()
    db.session.flush()
    found = lines(made)
    assert [line.when for line in found["report"]] == ["done"]
    (reading,) = found["reading"]
    assert (reading.item.by_fund, reading.item.due_on) == (True, DAY + timedelta(days=14))
    assert reading.waiting == Money(200_000, EUR)


def test_what_is_paid_and_met_is_done_and_holds_nothing(app: Flask) -> None:
    made = scene()
    paid(made)
    spend(made, 1_000_000)
    assert made.final.report is not None
    made.final.report.submitted_at = clock.now()
    db.session.flush()
    found = lines(made)
    assert [line.when for line in found["instalment"]] == ["done", "later"]
    assert [(line.when, line.waiting) for line in found["report"]] == [("done", None)]


def test_a_report_that_was_waived_is_not_called_done(app: Flask) -> None:
    made = scene()
    reports.waive(made.final, "The action ended early.", by=made.coordinator)
    assert [line.when for line in lines(made)["report"]] == ["waived"]


def test_the_grantee_sees_nothing_that_stays_inside_the_fund(app: Flask) -> None:
    made = full()
    inside = {"Ask the embassy", "See the work."}
    assert names(made, made.coordinator) > inside
    assert "Ask the embassy" not in names(made, made.owner)
    assert [line.item.number for line in lines(made, made.owner)["visit"]] == [2]
    both = make.person(Role.REGIONAL_COORDINATOR, regions=["AFR"])
    make.save(Membership(person_id=both.id, organization_id=made.organization.id, role=MemberRole.EDITOR))
    db.session.expire(both)
    assert "Ask the embassy" not in names(made, both)


def test_whoever_may_not_see_a_grant_sees_nothing_of_what_is_owed_on_it(app: Flask) -> None:
    made = full()
    asia = make.person(Role.REGIONAL_COORDINATOR, regions=["ASI"])
    tied = make.person(Role.GLOBAL_COORDINATOR)
    declare_conflict(tied.id, made.organization.id)
    for person in (asia, tied, make.person(Role.REVIEWER)):
        seen = scope(person, Award), own_organizations(person)
        assert queries.page_of(*seen, Asked(), DAY, rules.SOON) == []
        assert queries.numbers_of(*seen, Asked(), DAY, rules.SOON).number.number == 0


def test_over_all_grants_what_is_late_comes_first_and_each_filter_counts_what_it_shows(app: Flask) -> None:
    one, two = full(), full()
    seen = scope(one.auditor, Award), own_organizations(one.auditor)
    found = queries.page_of(*seen, Asked(), DAY, rules.SOON)
    assert [item.due_on for item in found] == sorted(item.due_on for item in found)
    assert {item.award_id for item in found} == {one.award.id, two.award.id}
    numbers = queries.numbers_of(*seen, Asked(), DAY, rules.SOON)
    assert numbers.number == (len(found), False)
    assert numbers.waiting == (Money(2_000_000, EUR),)
    for asked in (Asked(kind="condition"), Asked(who="fund"), Asked(when="late"), Asked(who="grantee", when="soon")):
        shown = queries.page_of(*seen, asked, DAY, rules.SOON)
        counted_now = queries.numbers_of(*seen, asked, DAY, rules.SOON)
        assert 0 < len(shown) < len(found)
        assert counted_now.number == (len(shown), False)
        if asked.kind:
            assert counted_now.by_kind["report"] == numbers.by_kind["report"]


def test_each_page_goes_on_where_the_last_one_ended(app: Flask) -> None:
    made = full()
    full()
    make.save(Condition(award_id=made.award.id, text="Some day"))
    for person, many in ((made.auditor, True), (made.auditor, False), (made.owner, False)):
        seen = scope(person, Award), own_organizations(person), Asked(), DAY, rules.SOON
        whole = queries.page_of(*seen, most=1000, many=many)
        assert whole[-1].due_on is None
        found, after = [], queries.FIRST
        while page := queries.page_of(*seen, most=4, after=after, many=many):
            found += page
            after = queries.place_of(page[-1])
        assert found == whole
        number, every = queries.every_one(*seen)
        assert (number, list(every)) == (len(whole), whole)


def test_so_much_is_counted_and_no_more(app: Flask, browser: Browser) -> None:
    made = full()
    for n in range(100):
        make.save(Milestone(award_id=made.award.id, title=f"Step {n}", due_on=DAY - timedelta(days=9)))
    seen = scope(made.auditor, Award), own_organizations(made.auditor)
    numbers = queries.numbers_of(*seen, Asked(when="late"), DAY, rules.SOON, many=True)
    assert numbers.by_kind["milestone"] == numbers.number == (100, True)
    assert numbers.by_when["soon"] == (3, False)
    page = browser.sign_in(made.auditor).open("/owed")
    assert "100+ things are late" in page.text
    assert len(page.links) < len(browser.open("/owed?kind=milestone").links) + 60
    browser.open(next(link for link in page.links if "after=" in link))
    assert "Step 30" in browser.page.text


def test_an_instalment_is_owed_again_when_its_payment_came_back(app: Flask) -> None:
    made = scene()
    payment = paid(made)
    seen = scope(made.auditor, Award), own_organizations(made.auditor), Asked(kind="instalment"), DAY, rules.SOON
    assert [one.number for one in queries.page_of(*seen)] == [2]
    payment.state = "returned"
    db.session.flush()
    assert [one.number for one in queries.page_of(*seen)] == [1, 2]


def test_a_terminated_grant_owes_its_final_report_and_no_milestone(app: Flask) -> None:
    made = full()
    amendments.terminate(made.award, "Over.", by=made.coordinator)
    found = lines(made)
    assert "milestone" not in found
    assert "condition" not in found
    assert [line.item.number for line in found["instalment"]] == [2]


def test_former_days_stand_beside_everything_that_was_moved(app: Flask) -> None:
    made = full()
    former = made.final.due_on
    reports.move(made.final, former + timedelta(days=20), "The rains.", by=made.coordinator)
    visit = lines(made)["visit"][1].item
    row = db.session.get_one(visits.Visit, visit.subject_id)
    visits.move(row, visit.due_on + timedelta(days=3), "The road.", by=made.coordinator)
    change = lines(made)["change"][0].item
    agreed = db.session.get_one(visits.AgreedChange, change.subject_id)
    visits.move_change(agreed, change.due_on + timedelta(days=4), "The printer.", by=made.coordinator)
    payments.postpone(made.award, 2, date(2028, 5, 1), "The bank.", by=made.coordinator)
    items = [line.item for some in lines(made).values() for line in some]
    assert queries.former_days(made.award, items) == {
        ("report", made.final.id): [former],
        ("visit", visit.subject_id): [visit.due_on],
        ("change", change.subject_id): [change.due_on],
        ("instalment", made.last.id): [date(2028, 4, 15)],
    }


@pytest.mark.parametrize(
    ("number", "due_on", "reason", "code"),
    [
        (1, DAY + timedelta(days=10), "Why.", "same_day"),
        (2, date(2028, 3, 1), "Why.", "before_its_report"),
        (1, date(2028, 5, 1), "Why.", "out_of_order"),
        (1, date(2027, 6, 1), " ", "reason_missing"),
        (3, date(2028, 3, 1), "Why.", "no_instalment"),
    ],
)
def test_the_day_of_an_instalment_is_moved_with_a_reason_within_its_order(
    app: Flask, number: int, due_on: date, reason: str, code: str
) -> None:
    made = scene()
    with pytest.raises(Refused) as refused:
        payments.postpone(made.award, number, due_on, reason, by=made.coordinator)
    assert code in {one.code for one in refused.value.obstacles}


def test_an_instalment_that_is_paid_is_not_moved_any_more(app: Flask) -> None:
    made = scene()
    paid(made)
    with pytest.raises(Refused) as refused:
        payments.postpone(made.award, 1, date(2027, 12, 1), "Why.", by=made.coordinator)
    assert {one.code for one in refused.value.obstacles} == {"no_instalment"}


# ------------------------------------------------------------------ the pages


def test_the_pages_lead_to_where_things_are_done_and_moved(browser: Browser) -> None:
    made = full()
    reference = made.award.reference
    page = browser.sign_in(made.coordinator).open("/owed")
    assert "Training of fifty leaders" in page.text
    browser.open(f"/grants/{reference}/owed")
    for link in [one for one in browser.page.links if "/move" in one]:
        browser.open(link)
    browser.open(f"/grants/{reference}/instalments/2/move")
    browser.press("Move the day of instalment 2", {"due_on": "2028-05-01", "reason": "The bank."})
    assert "before: 15 April 2028" in browser.open(f"/grants/{reference}/owed").text
    browser.open("/owed?when=late&who=fund&kind=instalment")
    for after in ("99", "2027-01-01.report.x", "9999-12-31.visit.99999999999999999999", "2027-01-01"):
        browser.open(f"/owed?after={after}")


def test_a_grantee_finds_what_it_owes_and_moves_nothing(browser: Browser) -> None:
    made = full()
    reference = made.award.reference
    page = browser.sign_in(made.owner).open("/owed")
    assert "Adopt a policy" in page.text
    assert "Ask the embassy" not in page.text
    assert not [link for link in page.links if "/move" in link]
    browser.get(f"/grants/{reference}/instalments/2/move", status=403)


@pytest.mark.parametrize(("who", "status"), [("auditor", 200), ("officer", 200), ("reviewer", 404), ("asia", 404)])
def test_who_opens_the_page_of_a_grant(browser: Browser, who: str, status: int) -> None:
    made = scene()
    people = {
        "auditor": made.auditor,
        "officer": made.officers[0],
        "reviewer": make.person(Role.REVIEWER),
        "asia": make.person(Role.REGIONAL_COORDINATOR, regions=["ASI"]),
    }
    path = f"/grants/{made.award.reference}/owed"
    browser.sign_in(people[who]).get(path, status=status)
    browser.get(f"{path}.ics", status=status)


def test_a_calendar_holds_the_days_and_names_nobody(browser: Browser) -> None:
    made = full(confidentiality="fully_confidential")
    made.final.label = {
        "en": "Final report, with, commas; and a very long name that goes on and on until the line is full"
    }
    reference, name = made.award.reference, made.organization.name
    browser.sign_in(made.coordinator)
    for path in (f"/grants/{reference}/owed.ics", "/owed.ics"):
        answer = browser.get(path)
        assert answer.mimetype == "text/calendar"
        told = answer.data.decode()
        assert name not in told
        assert "Training of fifty leaders" not in told
        assert f"SUMMARY:{reference}: Milestone\r\n" in told
        assert f"DTSTART;VALUE=DATE:{DAY - timedelta(days=5):%Y%m%d}\r\n" in told
        assert "Final report\\, with\\, commas\\; and" in told
        assert told.count("BEGIN:VEVENT") == told.count("END:VEVENT") == 9, "what was made stands there as taken away"
        assert max(len(line.encode()) for line in told.split("\r\n")) <= 75
        assert name not in answer.headers["Content-Disposition"]


def test_the_fund_is_warned_beside_withheld_names_and_the_grantee_not_of_its_own(browser: Browser) -> None:
    made = full(confidentiality="name_withheld")
    assert "do not share" in browser.sign_in(made.coordinator).open("/owed").content
    page = Browser(browser.app).sign_in(made.owner).open("/owed")
    assert made.award.reference in page.content
    assert "do not share" not in page.content


def test_a_calendar_moves_what_was_moved_and_takes_away_what_is_not_owed_any_more(browser: Browser) -> None:
    made = scene()
    _made, visit = planned(made, due_on=DAY + timedelta(days=60))
    path, final = f"/grants/{made.award.reference}/owed.ics", made.final.id
    browser.sign_in(made.coordinator)

    def events() -> dict[str, dict[str, str]]:
        told = browser.get(path).data.decode().split("BEGIN:VEVENT\r\n")[1:]
        found = [dict(line.split(":", 1) for line in event.split("\r\n") if ":" in line) for event in told]
        assert browser.get("/owed.ics").data.decode().count("BEGIN:VEVENT") == len(found)
        return {event["UID"].split("@")[0]: event for event in found}

    before = events()
    assert {event["STATUS"] for event in before.values()} == {"CONFIRMED"}
    report, seen = f"report-{final}", f"visit-{visit.id}"
    reports.move(db.session.get_one(ReportDue, final), date(2028, 5, 1), "The rains.", by=made.coordinator)
    visits.cancel(db.session.get_one(Visit, visit.id), "We met them.", by=made.coordinator)
    db.session.commit()
    after = events()
    assert after.keys() == before.keys()
    assert int(after[report]["SEQUENCE"]) > int(before[report]["SEQUENCE"])
    assert after[report]["DTSTART;VALUE=DATE"] == "20280501"
    assert (after[seen]["STATUS"], after[report]["STATUS"]) == ("CANCELLED", "CONFIRMED")
    assert int(after[seen]["SEQUENCE"]) > int(before[seen]["SEQUENCE"])
    reports.waive(db.session.get_one(ReportDue, final), "No need.", by=made.coordinator)
    db.session.commit()
    assert events()[report]["STATUS"] == "CANCELLED"


def test_the_grantee_reads_that_the_fund_has_something_to_finish_and_not_what(browser: Browser) -> None:
    made = full()
    db.session.execute(update(Condition).where(Condition.text == "Ask the embassy").values(blocks_payment=True))
    db.session.commit()
    stops = [str(lines(made, reader)["instalment"]) for reader in (made.coordinator, made.owner)]
    assert ["visit_missing" in some for some in stops] == [True, False]
    reference = made.award.reference
    general, own = "The fund still has something of its own to finish.", "Conditions that hold payments are not met: 1."
    fund, grantee = (Browser(browser.app).sign_in(one) for one in (made.coordinator, made.owner))
    told, asked = (one.open(f"/grants/{reference}/payments").content for one in (fund, grantee))
    assert own in told
    assert own in asked
    for inside in ("The fund has to make a visit before", "that the fund itself has to meet: 1."):
        assert inside in told
        for path in ("/payments", "/owed", ""):
            assert inside not in grantee.open(f"/grants/{reference}{path}").content
    assert general in asked
    assert general not in told


def test_the_lists_cost_the_same_for_one_grant_and_for_six(browser: Browser) -> None:
    first = full()
    browser.sign_in(first.auditor)
    heard: list[list[str]] = [[], []]
    for statements in heard:
        with counted(statements):
            browser.get("/owed")
        for _n in range(5):
            full()
    assert len(heard[0]) == len(heard[1])
    assert VISIT_DAY == DAY
