"""Writing together: notes that only colleagues read, versions that come back, answers that are used again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from grants.accounts.models import Person, Role
from grants.applications import actions as applications
from grants.applications.models import Application
from grants.core import clock
from grants.core.db import db
from grants.core.rules import Refused
from grants.drafts import actions, queries
from grants.questionnaires.actions import EditConflict
from grants.questionnaires.models import SectionAnswers, SectionRevision
from grants.questionnaires.queries import sections_of
from tests import factories as make
from tests.applications import sample
from tests.http import Browser

NOW = datetime(2027, 2, 11, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _then(app: Flask):
    """Everybody writes while the sample call is open."""
    with clock.at(NOW):
        yield


def draft() -> tuple[Application, Person]:
    """A sample application that is being written, and its owner."""
    call, _coordinator = sample.sample_call()
    return sample.filled(call, "APP-001")


def version_of(application: Application, key: str) -> int:
    """The present version of a section."""
    return sections_of(application.answer_sheet_id)[key].version


def test_colleagues_leave_notes_and_settle_them(browser: Browser) -> None:
    application, owner = draft()
    colleague = make.person(name="Colleague")
    make.save(make.Membership(organization_id=application.organization_id, person_id=colleague.id, role="editor"))
    browser.sign_in(owner)
    address = f"/applications/{application.reference}/notes"
    browser.get(f"/applications/{application.reference}/sections/S2")
    assert f"{address}?section=S2" in browser.text
    browser.post(address, {"section": "S2", "text": "Please check the number of women."}, status=302)
    browser = Browser(browser.app)
    browser.sign_in(colleague)
    browser.get(address)
    assert "Please check the number of women." in browser.text
    note = queries.notes_of(application)[0]
    browser.post(f"{address}/{note.id}/settle", {}, status=302)
    browser.follow()
    assert "settled by Colleague" in browser.text


def test_an_empty_or_endless_note_is_refused_and_stays_typed(browser: Browser) -> None:
    application, owner = draft()
    browser.sign_in(owner)
    address = f"/applications/{application.reference}/notes"
    browser.get(address)
    browser.post(address, {"section": "S2", "text": "  "}, status=422)
    assert "Please write the note first." in browser.text
    browser.post(address, {"section": "S2", "text": "x" * 2001}, status=422)
    assert "x" * 2001 in browser.text
    browser.post(address, {"section": "S2", "text": "Please look at\x00 the third figure"}, status=422)
    assert "After “Please look at” stands a character that cannot be stored." in browser.text
    assert "the third figure</textarea>" in browser.text
    browser.post(address, {"section": "nowhere", "text": "A note"}, status=422)
    assert queries.notes_of(application) == []


@pytest.mark.parametrize("role", [Role.GLOBAL_COORDINATOR, Role.AUDITOR, Role.REVIEWER, Role.ADMINISTRATOR])
def test_nobody_of_the_fund_reads_the_notes(browser: Browser, role: Role) -> None:
    application, owner = draft()
    note = actions.leave_note(application, "S2", "Our risk, between us", by=owner)
    sample.send_in(application, by=owner)
    browser.sign_in(make.person(role))
    hidden = role in (Role.REVIEWER, Role.ADMINISTRATOR)
    for path in ("notes", "copy", "sections/S2/versions"):
        answer = browser.get(f"/applications/{application.reference}/{path}", status=0)
        assert answer.status_code == (404 if hidden else 403)
        assert "between us" not in browser.text
    browser.get("/")
    browser.post(f"/applications/{application.reference}/notes/{note.id}/settle", {}, status=404 if hidden else 403)
    assert note.settled_at is None


def test_a_version_is_brought_back_and_the_present_one_kept(browser: Browser) -> None:
    application, owner = draft()
    before = sections_of(application.answer_sheet_id)["S2"]
    was, number = dict(before.values), before.version
    applications.save_section(application, "S2", {**was, "summary": "Something else"}, by=owner, version=number)
    browser.sign_in(owner)
    address = f"/applications/{application.reference}/sections/S2/versions"
    browser.get(address)
    assert "Something else" in browser.text
    assert "this is what the section says now" in browser.text
    seen = version_of(application, "S2")
    browser.post(f"{address}/{number}/bring-back", {"seen": str(seen)}, status=302)
    assert sections_of(application.answer_sheet_id)["S2"].values == was
    told = [version.values["summary"] for version in queries.versions_of(application, "S2")]
    assert told[:3] == [was["summary"], "Something else", was["summary"]]


def test_bringing_back_never_overwrites_what_a_colleague_saved_meanwhile(browser: Browser) -> None:
    application, owner = draft()
    first = version_of(application, "S2")
    applications.save_section(application, "S2", {"summary": "Second"}, by=owner, version=first)
    seen = version_of(application, "S2")
    applications.save_section(application, "S2", {"summary": "Third"}, by=owner, version=seen)
    with pytest.raises(EditConflict):
        actions.bring_back(application, "S2", first, seen=seen, by=owner)
    browser.sign_in(owner)
    browser.get(f"/applications/{application.reference}/sections/S2/versions")
    address = f"/applications/{application.reference}/sections/S2/versions/{first}/bring-back"
    browser.post(address, {"seen": str(seen)}, status=409)
    assert "Somebody saved this section meanwhile" in browser.text
    assert sections_of(application.answer_sheet_id)["S2"].values["summary"] == "Third"


def test_a_version_that_is_not_kept_is_refused() -> None:
    application, owner = draft()
    with pytest.raises(Refused, match="not kept"):
        actions.bring_back(application, "S2", 99, seen=1, by=owner)


def test_answers_of_an_earlier_application_fill_only_what_is_open(browser: Browser) -> None:
    application, owner = draft()
    sections = sections_of(application.answer_sheet_id)
    told = dict(sections["S2"].values)
    sample.send_in(application, by=owner)
    applications.withdraw(application, "We begin again", by=owner)
    again = applications.start(application.call, application.organization, language="fr", by=owner)
    applications.save_section(again, "S2", {"summary": "Written anew"}, by=owner, version=0)
    browser.sign_in(owner)
    browser.get(f"/applications/{again.reference}/copy?from={application.reference}")
    assert "Written anew" not in browser.text
    browser.post(f"/applications/{again.reference}/copy", {"from": application.reference}, status=302)
    here = sections_of(again.answer_sheet_id)
    assert here["S2"].values["summary"] == "Written anew"
    told["summary"] = "Written anew"
    assert here["S2"].values == {key: value for key, value in told.items() if value is not None}
    assert "S10" not in here, "what one declares is declared anew"
    assert actions.use_answers(again, application, by=owner) == 0


def test_answers_of_another_organization_cannot_be_used(browser: Browser) -> None:
    application, owner = draft()
    other, _other_owner = sample.filled(application.call, "APP-002")
    browser.sign_in(owner)
    address = f"/applications/{application.reference}/copy"
    browser.get(f"{address}?from={other.reference}")
    assert other.title not in browser.text
    browser.post(address, {"from": other.reference}, status=404)


def test_many_versions_become_few_after_a_while_and_the_last_of_each_time_stays() -> None:
    application, owner = draft()
    for n in range(40):
        with clock.at(NOW + timedelta(seconds=30 * n)):
            applications.save_section(application, "S2", {"summary": f"Text {n}"}, by=owner, version=None)
    section = select(SectionAnswers.id).where(
        SectionAnswers.answer_sheet_id == application.answer_sheet_id, SectionAnswers.section_key == "S2"
    )
    kept = select(func.count()).where(SectionRevision.section_answers_id.in_(section))
    assert db.session.scalar(kept) == 40
    assert actions.thin_out_versions(NOW + timedelta(days=1)) == 0
    assert actions.thin_out_versions(NOW + timedelta(days=5)) > 30
    texts = [version.values.get("summary") for version in queries.versions_of(application, "S2")]
    assert texts[0] == "Text 39"
    assert "Text 19" in texts
    assert actions.thin_out_versions(NOW + timedelta(days=5)) == 0
