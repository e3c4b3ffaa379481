"""A report that a coordinator writes up after a call counts when the grantee has confirmed exactly that."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from grants.accounts.models import Person, Role
from grants.core import clock
from grants.core.db import db
from grants.core.mail import OutboxMail
from grants.core.rules import Refused
from grants.history.queries import entries_about
from grants.reports import actions as reports
from grants.reports import queries as written_reports
from grants.reports.models import ReportDue, ReportVersion
from grants.reports.permissions import can_judge, can_verify, can_write
from grants.writeups import actions, rules
from grants.writeups.models import WriteUp
from grants.writeups.permissions import can_confirm
from tests import factories as make
from tests.http import Browser
from tests.reports.test_life import DONE, by_key, give_figures, running, write_all

CALL = date(2027, 10, 1)
TODAY = datetime(2027, 10, 2, 9, tzinfo=UTC)
SAID = {"spoke_with": "Awa Diop, director", "phone": "+221 77 000 00 00", "spoken_on": CALL}


@pytest.fixture(autouse=True)
def _in_october(app: Flask) -> Any:
    with clock.at(TODAY):
        yield


class Case:
    """An interim report that a coordinator has written up, with a colleague who looks after the same region."""

    def __init__(self, *, whole: bool = True, key: str = "interim_report") -> None:
        self.award, dues, self.owner, self.typist = running()
        self.colleague = make.person(Role.GLOBAL_COORDINATOR, name="Colleague")
        self.due: ReportDue = by_key(dues, key)
        self.write_up: WriteUp = actions.begin(self.due, **SAID, by=self.typist)
        if whole:
            write_all(self.due, self.typist)

    @property
    def read(self) -> str:
        return rules.fingerprint(self.due, written_reports.written(self.due))


def codes(act: Any, *args: Any, **more: Any) -> set[str]:
    with pytest.raises(Refused) as refused:
        act(*args, **more)
    return {obstacle.code for obstacle in refused.value.obstacles}


def mails(kind: str) -> list[str]:
    found = select(OutboxMail.to_address).where(OutboxMail.kind == kind).order_by(OutboxMail.id)
    return list(db.session.scalars(found))


def test_without_confirmation_it_is_not_handed_in_by_anybody(app: Flask) -> None:
    case = Case()
    for by in (case.typist, case.owner):
        assert codes(reports.submit, case.due, by=by) == {"to_confirm"}
    assert case.due.state == "owed"


def test_the_grantee_confirms_exactly_what_it_read_and_that_is_handed_in(app: Flask) -> None:
    case = Case()
    actions.ask_members(case.write_up, case.due, by=case.typist)
    assert mails("writeup_to_confirm") == [case.owner.email]
    read = case.read
    actions.confirm(case.write_up, case.due, read, by=case.owner)
    assert (case.due.state, case.due.report.submitted_by_id) == ("submitted", case.owner.id)
    assert (case.write_up.confirmed_hash, case.write_up.confirmed_way) == (read, "account")
    assert mails("writeup_confirmed") == [case.typist.email, case.owner.email]
    version = db.session.scalars(select(ReportVersion)).one()
    assert version.content["figures"]


@pytest.mark.parametrize("changed", ["answers", "figures"])
def test_what_changed_while_it_was_read_is_read_again(app: Flask, changed: str) -> None:
    case = Case()
    read = case.read
    if changed == "answers":
        told = {"difficulties": "The border opened.", "next_steps": "A public report.", "incidents": False}
        reports.save_section(case.due, "learned", told, by=case.typist, version=1)
    else:
        give_figures(case.due, case.typist, 90_000)
    assert codes(actions.confirm, case.write_up, case.due, read, by=case.owner) == {"changed"}
    assert case.due.state == "owed"


def test_what_is_not_whole_is_neither_asked_about_nor_confirmed(app: Flask) -> None:
    case = Case(whole=False)
    for act in (
        lambda: actions.ask_members(case.write_up, case.due, by=case.typist),
        lambda: actions.ask_by_link(case.write_up, case.due, "a@example.org", by=case.colleague),
        lambda: actions.confirm(case.write_up, case.due, case.read, by=case.owner),
    ):
        assert "no_figures" in codes(act)


def test_a_colleague_sends_a_link_and_whoever_holds_it_confirms_with_a_name(app: Flask) -> None:
    case = Case()
    assert codes(actions.ask_by_link, case.write_up, case.due, "a@example.org", by=case.typist) == {"typed_it"}
    actions.ask_by_link(case.write_up, case.due, "awa@example.org", by=case.colleague)
    assert mails("writeup_link") == ["awa@example.org"]
    with clock.at(TODAY + timedelta(days=31)):
        assert codes(actions.confirm_by_link, case.write_up, case.due, case.read, "Awa Diop") == {"link_over"}
    actions.confirm_by_link(case.write_up, case.due, case.read, "Awa Diop, director")
    assert (case.due.state, case.write_up.confirmed_name) == ("submitted", "Awa Diop, director")
    assert case.write_up.token_hash is None
    assert case.due.report.submitted_by_id == case.typist.id


def test_a_colleague_writes_down_what_was_confirmed_otherwise(app: Flask) -> None:
    case = Case()
    told = {"way": "visit", "name": "Awa Diop", "on": TODAY.date()}
    record = partial(actions.record_confirmation, case.write_up, case.due)
    assert codes(record, case.read, **told, by=case.typist) == {"typed_it"}
    assert codes(record, "another", **told, by=case.colleague) == {"changed"}
    early = told | {"on": CALL - timedelta(days=1)}
    assert codes(record, case.read, **early, by=case.colleague) == {"day"}
    record(case.read, **told, by=case.colleague)
    assert (case.due.state, case.write_up.recorded_by_id) == ("submitted", case.colleague.id)
    assert case.owner.email in mails("writeup_confirmed"), "nobody confirms for the grantee unseen"
    third = make.person(Role.GLOBAL_COORDINATOR)
    assert [can_judge(one, case.due) for one in (case.typist, case.colleague, third)] == [False, False, True]


def test_a_report_that_came_back_is_confirmed_again(app: Flask) -> None:
    case = Case()
    first = case.read
    actions.confirm(case.write_up, case.due, first, by=case.owner)
    reports.return_(case.due, "Which border?", by=case.colleague)
    assert codes(reports.submit, case.due, by=case.owner) == {"to_confirm"}
    give_figures(case.due, case.typist, 90_000)
    actions.confirm(case.write_up, case.due, case.read, by=case.owner)
    assert case.write_up.confirmed_hash != first
    assert case.due.report.version == 2


def test_who_wrote_it_up_writes_on_but_does_not_judge_it(app: Flask) -> None:
    case = Case()
    other = by_key(written_reports.dues_of(case.award), "final_report")
    assert can_write(case.typist, case.due)
    assert not can_write(case.typist, other)
    assert not can_write(case.colleague, case.due)
    assert can_judge(case.colleague, case.due)
    assert not can_judge(case.typist, case.due)
    assert can_verify(case.colleague, case.due)
    assert not can_verify(case.typist, case.due)
    make.save(make.Membership(organization_id=case.award.organization_id, person_id=case.typist.id, role="owner"))
    db.session.refresh(case.typist)
    assert not can_confirm(case.typist, case.due)


def test_the_grantee_says_what_is_wrong_and_both_sides_are_told(app: Flask) -> None:
    case = Case()
    actions.ask_members(case.write_up, case.due, by=case.typist)
    assert codes(actions.decline, case.write_up, case.due, " ", by=case.owner) == {"words_missing"}
    actions.decline(case.write_up, case.due, "We reached forty, not four.", by=case.owner)
    assert (case.write_up.asked_at, case.due.state) == (None, "owed")
    assert mails("writeup_declined") == [case.typist.email, case.owner.email]
    assert entries_about([("report_due", case.due.id)])[0].reason == "We reached forty, not four."
    actions.ask_by_link(case.write_up, case.due, "awa@example.org", by=case.colleague)
    actions.decline_by_link(case.write_up, case.due, "The sum is wrong.")
    with clock.at(TODAY + timedelta(days=31)):
        assert codes(actions.decline_by_link, case.write_up, case.due, "Too late.") == {"link_over"}
    actions.confirm_by_link(case.write_up, case.due, case.read, "Awa Diop")
    assert "not_in_this_state" in codes(actions.decline, case.write_up, case.due, "No.", by=case.owner)


def test_what_the_grantee_says_is_wrong_stands_on_top_until_it_is_asked_again(app: Flask, browser: Browser) -> None:
    case = Case()
    actions.ask_members(case.write_up, case.due, by=case.typist)
    actions.decline(case.write_up, case.due, "We reached forty, not four.", by=case.owner)
    page, said = f"/reports/{case.due.id}", "We reached forty, not four."
    db.session.commit()
    browser.sign_in(case.typist)
    for place in (page, f"{page}/write-up"):
        browser.get(place)
        assert said in next(one.text for one in browser.page.root.all("div") if "notice" in (one.at.get("class") or ""))
    browser.press("Ask the grantee to confirm it")
    browser.get(page)
    assert said not in next(one.text for one in browser.page.root.all("div") if "notice" in (one.at.get("class") or ""))


def test_what_the_grantee_has_begun_is_its_own_and_nothing_is_begun_twice(app: Flask) -> None:
    case = Case()
    assert codes(actions.begin, case.due, **SAID, by=case.colleague) == {"written_up"}
    other = by_key(written_reports.dues_of(case.award), "final_report")
    reports.start(other, by=case.owner)
    db.session.refresh(other)
    assert codes(actions.begin, other, **SAID, by=case.typist) == {"grantee_writes"}


# ------------------------------------------------------------------ the pages


def test_from_the_call_to_the_confirmation_on_the_pages(app: Flask, browser: Browser) -> None:
    _award, dues, owner, typist = running()
    due_id = by_key(dues, "inception_note").id
    db.session.commit()
    browser.sign_in(typist).open(f"/reports/{due_id}")
    browser.click("Write this report up after a conversation with the grantee")
    browser.press("Begin to write", {"spoke_with": ""}, status=422)
    page = browser.press("Begin to write", {"spoke_with": "Awa Diop", "spoken_on": CALL.isoformat()})
    assert "Written up by the fund after a conversation" in page.text
    note = db.session.get_one(ReportDue, due_id)
    write_all(note, db.session.get_one(Person, typist.id))
    db.session.commit()
    browser.open(f"/reports/{due_id}/write-up")
    browser.press("Ask the grantee to confirm it")
    member = Browser(app).sign_in(db.session.get_one(Person, owner.id))
    member.open(f"/reports/{due_id}/write-up")
    assert "We trained twelve observers." in member.page.text
    page = member.press("Confirm it and hand it in")
    assert "confirmed it for the grantee on" in page.text
    assert db.session.get_one(ReportDue, due_id, populate_existing=True).state == "submitted"
    browser.open(f"/reports/{due_id}")
    assert not browser.page.buttons("Accept the report")


def test_a_link_shows_everything_and_confirms_without_an_account(app: Flask, browser: Browser) -> None:
    case = Case()
    reference = case.award.reference
    token = actions.ask_by_link(case.write_up, case.due, "awa@example.org", by=case.colleague)
    db.session.commit()
    page = browser.open(f"/confirm-report/{token}")
    assert "Twelve observers recorded cases" in page.text
    browser.press("Confirm it", {"name": "Awa Diop"}, status=422)
    browser.press("Say what is wrong", {"words": ""}, status=422)
    browser.press("Say what is wrong", {"words": "There were thirteen."})
    assert "We mend it and ask you again" in browser.page.text
    browser.open(f"/confirm-report/{token}")
    browser.press("Confirm it", {"name": "Awa Diop", "sure": True})
    assert "Your report is confirmed" in browser.page.text
    browser.get(f"/confirm-report/{token}", status=404)
    mail = db.session.scalars(select(OutboxMail).where(OutboxMail.kind == "writeup_link")).one()
    assert reference in mail.subject
    assert token in str(mail.body)


@pytest.mark.parametrize(
    ("who", "sees", "begins", "asks", "links"),
    [
        ("typist", 200, 200, 302, 403),
        ("colleague", 200, 200, 302, 302),
        ("owner", 200, 403, 403, 403),
        ("auditor", 200, 403, 403, 403),
        ("asia", 404, 404, 404, 404),
    ],
)
def test_who_may_do_what(browser: Browser, who: str, sees: int, begins: int, asks: int, links: int) -> None:
    case = Case()
    people = {
        "typist": case.typist,
        "colleague": case.colleague,
        "owner": case.owner,
        "auditor": make.person(Role.AUDITOR, regions=[]),
        "asia": make.person(Role.REGIONAL_COORDINATOR, regions=["ASI"]),
    }
    path = f"/reports/{case.due.id}/write-up"
    browser.sign_in(people[who]).get(path, status=sees)
    browser.get(f"{path}/new", status=begins)
    browser.post(f"{path}/ask", page="/account", status=asks)
    browser.post(f"{path}/link", {"address": "awa@example.org"}, page="/account", status=links)


def test_before_it_is_confirmed_only_who_has_it_confirmed_reads_it_once_it_is_whole(app: Flask) -> None:
    half, case = Case(whole=False), Case()
    reports.save_section(half.due, "done", DONE, by=half.typist, version=0)
    auditor = make.person(Role.AUDITOR, regions=[])
    db.session.commit()
    text = "Twelve observers recorded cases"

    def reads(person: Person, one: Case) -> bool:
        return text in Browser(app).sign_in(person).open(f"/reports/{one.due.id}/write-up").text

    assert [reads(case.typist, case), reads(case.owner, case), reads(case.colleague, case)] == [True] * 3
    assert [reads(auditor, case), reads(half.colleague, half)] == [False] * 2


def test_a_link_does_not_tell_who_a_protected_grantee_is(app: Flask, browser: Browser) -> None:
    case = Case()
    case.award.confidentiality = "name_withheld"
    names = (case.award.organization.name, "Awa Diop, director")
    token = actions.ask_by_link(case.write_up, case.due, "awa@example.org", by=case.colleague)
    db.session.commit()
    page = browser.open(f"/confirm-report/{token}")
    assert "Twelve observers recorded cases" in page.text
    assert [name for name in names if name in page.text] == []


def test_a_member_says_on_the_page_what_is_wrong(app: Flask, browser: Browser) -> None:
    case = Case()
    due_id = case.due.id
    browser.sign_in(case.owner).open(f"/reports/{due_id}/write-up")
    browser.press("Say what is wrong", {"words": ""}, status=422)
    browser.press("Say what is wrong", {"words": "There were thirteen."})
    assert "We mend it and ask you again" in browser.page.text
    writer = Browser(app).sign_in(case.typist)
    assert "There were thirteen." in writer.open(f"/reports/{due_id}/write-up").text


def test_a_colleague_writes_a_confirmation_down_on_the_page(browser: Browser) -> None:
    case = Case()
    due_id = case.due.id
    browser.sign_in(case.colleague).open(f"/reports/{due_id}/write-up")
    browser.press("Write it down", {"way": "visit"}, status=422)
    browser.press("Write it down", {"way": "visit", "name": "Awa Diop", "on": TODAY.date().isoformat()})
    assert db.session.get_one(ReportDue, due_id, populate_existing=True).state == "submitted"
