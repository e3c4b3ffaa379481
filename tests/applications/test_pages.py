"""The pages of applications over HTTP: the whole way of an applicant, and everybody who must be kept out."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlalchemy import event, func, select

from grants.accounts.models import Person, Role
from grants.applications import actions, queries
from grants.applications.models import Application, Receipt
from grants.applications.workflow import ApplicationState
from grants.calls.models import Call
from grants.core import clock
from grants.core.db import db
from tests import factories as make
from tests.applications import documents, sample
from tests.http import Browser, Page

NOW = datetime(2027, 2, 11, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _then(app: Flask):
    """Every page is opened while the sample call is open."""
    with clock.at(NOW):
        yield


def sent_in(reference: str = "APP-001") -> tuple[Application, Person]:
    """A sample application that was sent in, and its owner."""
    call, _coordinator = sample.sample_call()
    application, owner = sample.filled(call, reference)
    sample.send_in(application, by=owner)
    return application, owner


def fields_of(page: str, action: str) -> dict[str, list[str]]:
    """The fields of the form of a page that is sent to an address."""
    return next(form["fields"] for form in Page(page).forms if form["action"].endswith(action))


def read_in(page: str) -> str:
    """The fingerprint of what a page shows to a signatory."""
    return next(form["fields"]["read"][-1] for form in Page(page).forms if "read" in form["fields"])


def test_an_applicant_goes_from_the_call_to_the_receipt(browser: Browser) -> None:
    call, _coordinator = sample.sample_call()
    organization, owner = sample.organization_of("APP-001")
    told = sample.answers_of("APP-001")
    browser.sign_in(owner)
    browser.get(f"/calls/{call.reference}/apply")
    assert organization.name in browser.text
    browser.post(f"/calls/{call.reference}/apply", {"organization": organization.reference}, status=422)
    assert "Please choose a language." in browser.text
    browser.post(
        f"/calls/{call.reference}/apply", {"organization": organization.reference, "language": "fr"}, status=302
    )
    browser.follow()
    reference = db.session.scalars(select(Application.reference)).one()
    home = f"/applications/{reference}"
    assert "answers are missing" in browser.text
    assert 'aria-disabled="true"' in browser.text

    browser.get(f"{home}/sections/S1")
    assert "Filled in from your organization" in browser.text
    typed = {name: values[-1] for name, values in fields_of(browser.text, "/sections/S1").items()}
    assert typed["org_name"] == organization.name
    typed |= {"org_identifier": "not an identifier", "next": "yes"}
    browser.post(f"{home}/sections/S1", typed, status=302)
    browser.follow()
    assert "this is not an identifier" in browser.text
    assert "Saved on the server" in browser.text
    browser.post(f"{home}/sections/S1", typed | {"org_identifier": ""}, status=302)
    browser.follow()
    assert "Summary" in browser.text

    application = db.session.scalars(select(Application)).one()
    for section in ("S1", "S2", "S3", "S4", "S5", "S6", "S7", "S8", "S10"):
        actions.save_section(application, section, told, by=db.session.get_one(Person, owner.id), version=None)
    db.session.commit()
    browser.get(f"{home}/sections/S9", status=302)
    browser.follow()
    for annex in told["annexes"]:
        file = (io.BytesIO(documents.of_kind(annex["file"])), annex["file"])
        browser.post(
            f"{home}/documents/{annex['key']}/attach",
            {"files": file},
            page=f"{home}/documents",
            status=302,
            content_type="multipart/form-data",
        )
    browser.get(home)
    assert 'aria-disabled="true"' not in browser.text
    browser.post(f"{home}/submit", {"confirmed": "yes"}, page=home, status=409)
    assert "It is not certified yet." in browser.text
    assert f'href="{home}/certify"' in browser.get(home).text
    browser.get(f"{home}/certify")
    assert "Certify and send in" in browser.text
    read = read_in(browser.text)
    browser.post(f"{home}/certify", {"read": read, "send": "yes"}, status=422)
    assert "Please tick this if it is so." in browser.text
    browser.post(f"{home}/certify", {"read": read, "sure": "y", "send": "yes"}, status=302)
    browser.follow()
    assert "Certified by" in browser.text
    number = f"R-{home.rpartition('/')[2]}-1"
    assert number in browser.text
    browser.post(f"{home}/certify", {"read": read, "sure": "y", "send": "yes"}, page=home, status=302)
    browser.post(f"{home}/submit", {"confirmed": "yes"}, page=home, status=302)
    assert db.session.scalar(select(func.count(Receipt.id))) == 1
    for path in ("", "/read", "/receipt", "/documents"):
        browser.get(home + path)
    browser.get(f"{home}/sections/S2", status=302)
    for path in ("/receipt.pdf", "/copy.pdf"):
        answer = browser.get(home + path)
        assert answer.data.startswith(b"%PDF")
        assert answer.headers["Content-Disposition"].startswith("attachment")
    browser.get("/applications")
    assert reference in browser.text


def test_a_late_click_is_refused_with_both_times(browser: Browser) -> None:
    call, _coordinator = sample.sample_call()
    application, owner = sample.filled(call, "APP-001")
    browser.sign_in(owner).get("/applications/APP-001")
    with clock.at(datetime(2027, 2, 26, 23, 0, 30, tzinfo=UTC)):
        browser.post("/applications/APP-001/submit", status=409)
        assert "23:59" in browser.text
        assert "00:00:30 (Brussels)" in browser.text
        browser.get("/applications/APP-001")
        assert "This application was not sent in" in browser.text
        assert 'aria-disabled="true"' in browser.text
    assert db.session.get_one(Application, application.id, populate_existing=True).state == ApplicationState.DRAFT


def test_two_editors_never_overwrite_each_other_unseen(browser: Browser, app: Flask) -> None:
    call, _coordinator = sample.sample_call()
    application, owner = sample.filled(call, "APP-001")
    colleague = make.person(name="Cheikh")
    make.save(make.Membership(organization_id=application.organization_id, person_id=colleague.id, role="editor"))
    other = Browser(app)
    address = "/applications/APP-001/sections/S6"
    for visitor, person in ((browser, owner), (other, colleague)):
        visitor.sign_in(person).get(address)
    mine, theirs = (
        {name: values[-1] for name, values in fields_of(visitor.text, "/sections/S6").items()}
        | {key: sample.answers_of("APP-001")[key] for key in ("sustainability", "monitoring")}
        for visitor in (browser, other)
    )
    mine["sustainability"], theirs["sustainability"] = "What the owner wrote.", "What the colleague wrote."
    theirs["monitoring"] = "Only the colleague changed this."
    other.post(address, theirs, status=302)
    browser.post(address, mine, status=409)
    assert "What the owner wrote." in browser.text
    assert "What the colleague wrote." in browser.text
    assert "Only the colleague changed this." in browser.text
    assert "Cheikh" in browser.text
    stored = actions.answers_in(db.session.get_one(Application, application.id))
    assert stored["sustainability"] == "What the colleague wrote."
    again = {name: values[-1] for name, values in fields_of(browser.text, "/sections/S6").items()}
    again |= {"sustainability": "What both agreed on.", "monitoring": "Only the colleague changed this."}
    browser.post(address, again, status=302)
    stored = actions.answers_in(db.session.get_one(Application, application.id))
    assert stored["sustainability"] == "What both agreed on."


def test_a_budget_that_does_not_add_up_is_told_beside_its_lines(browser: Browser) -> None:
    call, _coordinator = sample.sample_call()
    application, owner = sample.filled(call, "APP-001")
    actions.save_section(application, "S2", {"requested_amount": "14000"}, by=owner, version=None)
    browser.sign_in(owner).get("/applications/APP-001/sections/S8")
    assert "The budget does not add up yet" in browser.text
    browser.get("/applications/APP-001")
    assert "needs attention" in browser.text


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.exe", b"MZ", "This kind of file is not taken here"),
        ("a.pdf", b"MZ not a pdf", "The content of this file is not what its name says"),
        ("a.pdf", b"", "The file is empty"),
        ("a.docx", documents.office("x.txt"), "The content of this file is not what its name says"),
    ],
)
def test_a_file_that_cannot_be_taken_is_refused_where_the_person_is(
    browser: Browser, name: str, content: bytes, words: str
) -> None:
    call, _coordinator = sample.sample_call()
    application, owner = sample.filled(call, "APP-001", annexes=False)
    browser.sign_in(owner)
    address = "/applications/APP-001/documents"

    def sent() -> dict[str, object]:
        return {"files": (io.BytesIO(content), name)}

    browser.post(f"{address}/statutes/attach", sent(), page=address, status=422, content_type="multipart/form-data")
    assert words in browser.text
    assert queries.attachments_of(db.session.get_one(Application, application.id)) == []
    browser.post(f"{address}/statutes/attach", {}, page=address, status=422)
    assert "Please choose a file first." in browser.text
    browser.post(f"{address}/nonsense/attach", sent(), page=address, status=404)


def test_what_can_be_taken_is_kept_when_another_file_is_not(browser: Browser) -> None:
    call, _coordinator = sample.sample_call()
    application, owner = sample.filled(call, "APP-001", annexes=False)
    browser.sign_in(owner)
    both = [(io.BytesIO(documents.real_pdf()), "good.pdf"), (io.BytesIO(b"MZ"), "bad.exe")]
    browser.post(
        "/applications/APP-001/documents/statutes/attach",
        {"files": both},
        page="/applications/APP-001/documents",
        status=302,
        content_type="multipart/form-data",
    )
    browser.follow()
    assert "good.pdf" in browser.text
    assert "bad.exe: This kind of file" in browser.text
    (attachment,) = queries.attachments_of(db.session.get_one(Application, application.id))
    key = attachment.id
    browser.get(f"/applications/APP-001/files/{key}")
    browser.post(f"/applications/APP-001/files/{key}/remove", page="/applications/APP-001/documents", status=302)
    assert queries.attachments_of(db.session.get_one(Application, application.id)) == []


def test_a_document_is_withheld_with_a_reason(browser: Browser) -> None:
    call, _coordinator = sample.sample_call()
    _application, owner = sample.filled(call, "APP-003", annexes=False)
    browser.sign_in(owner)
    page = "/applications/APP-003/documents"
    browser.post(f"{page}/board_list/withhold", {"reason": ""}, page=page, status=422)
    assert "Only the staff of the fund read it." in browser.text
    browser.post(f"{page}/board_list/withhold", {"reason": "Members without papers"}, page=page, status=302)
    browser.follow()
    assert "Members without papers" in browser.text


def test_an_application_is_withdrawn_with_a_reason(browser: Browser) -> None:
    application, owner = sent_in()
    browser.sign_in(owner)
    browser.post("/applications/APP-001/withdraw", {"reason": ""}, page="/applications/APP-001/withdraw", status=422)
    browser.post("/applications/APP-001/withdraw", {"reason": "Other money"}, status=302)
    browser.follow()
    assert "This application was withdrawn" in browser.text
    assert db.session.get_one(Application, application.id).state == ApplicationState.WITHDRAWN
    browser.get("/applications/APP-001/withdraw")
    assert "can no longer be withdrawn" in browser.text
    browser.get(f"/calls/{application.call.reference}/apply")
    assert "already has an application" not in browser.text


def test_a_withdrawn_application_is_taken_up_and_sent_in_again(browser: Browser) -> None:
    application, owner = sent_in()
    number = "R-APP-001-"
    home = "/applications/APP-001"
    browser.sign_in(owner)
    browser.post(f"{home}/resume", page=home, status=409)
    browser.post(f"{home}/withdraw", {"reason": "A partner is missing"}, page=f"{home}/withdraw", status=302)
    browser.follow()
    assert "take it up again" in browser.text
    browser.post(f"{home}/resume", page=home, status=302)
    browser.follow()
    assert "not sent in at the moment" in browser.text
    assert f"{number}1" in browser.text
    browser.get(f"{home}/receipt")
    assert "It counts no longer" in browser.text
    browser.get(f"{home}/sections/S2")
    browser.post(f"{home}/submit", {"confirmed": "yes"}, page=home, status=302)
    browser.follow()
    assert f"{number}2" in browser.text
    assert "Earlier receipts" in browser.text
    browser.get(f"{home}/receipts/{number}1")
    assert "A later receipt takes the place of this one" in browser.text
    assert browser.get(f"{home}/receipts/{number}1.pdf").data.startswith(b"%PDF")
    browser.get(f"{home}/receipts/{number}3", status=404)
    assert db.session.get_one(Application, application.id).state == ApplicationState.SUBMITTED


WAYS = [
    ("get", ""),
    ("get", "/sections/S2"),
    ("post", "/sections/S2"),
    ("get", "/documents"),
    ("post", "/documents/statutes/attach"),
    ("post", "/documents/statutes/withhold"),
    ("get", "/files/{file}"),
    ("post", "/files/{file}/remove"),
    ("post", "/submit"),
    ("get", "/receipt"),
    ("get", "/receipt.pdf"),
    ("get", "/receipts/R-APP-001-1"),
    ("get", "/copy.pdf"),
    ("post", "/resume"),
    ("get", "/withdraw"),
    ("post", "/withdraw"),
    ("get", "/read"),
    ("get", "/check"),
    ("post", "/check"),
    ("post", "/check/E01"),
    ("post", "/find-eligible"),
    ("get", "/find-ineligible"),
    ("post", "/find-ineligible"),
    ("get", "/reopen-check"),
    ("post", "/reopen-check"),
]


def every_way(browser: Browser, application: Application) -> dict[str, int]:
    """The answer to every address of one application."""
    file = queries.attachments_of(application)[0].id
    answers = {}
    for method, way in WAYS:
        path = f"/applications/{application.reference}{way.format(file=file)}"
        answer = browser.post(path, page="/applications") if method == "post" else browser.get(path, status=None)
        assert b"Observatoire citoyen" not in answer.data
        answers[f"{method} {way}"] = answer.status_code
    return answers


@pytest.mark.parametrize("who", ["applicant", "reviewer", "finance", "committee", "other region"])
def test_whoever_it_does_not_concern_finds_nothing_anywhere(browser: Browser, who: str) -> None:
    application, _owner = sent_in()
    outsider = {
        "applicant": make.person,
        "reviewer": lambda: make.person(Role.REVIEWER),
        "finance": lambda: make.person(Role.FINANCE_OFFICER),
        "committee": lambda: make.person(Role.COMMITTEE_MEMBER),
        "other region": lambda: make.person(Role.REGIONAL_COORDINATOR, regions=["LAC"]),
    }[who]()
    if who == "applicant":
        make.organization(outsider)
    before = (application.state, application.title)
    answers = every_way(browser.sign_in(outsider), application)
    for_staff = {way for way in answers if "check" in way or "find-" in way}
    assert {answers[way] for way in set(answers) - for_staff} == {404}
    assert {answers[way] for way in for_staff} == ({404} if who == "other region" else {403})
    again = db.session.get_one(Application, application.id, populate_existing=True)
    assert (again.state, again.title) == before


def test_visitors_are_asked_to_sign_in(browser: Browser) -> None:
    application, _owner = sent_in()
    for method, way in WAYS:
        path = f"/applications/{application.reference}{way.format(file=1)}"
        if method == "post":
            browser.post(path, page="/sign-in", status=401)
        else:
            browser.get(path, status=302)
            assert "/sign-in" in (browser.last.headers["Location"] if browser.last else "")
    browser.get(f"/calls/{application.call.reference}/applications", status=302)


def test_auditors_read_and_change_nothing(browser: Browser) -> None:
    application, _owner = sent_in()
    browser.sign_in(make.person(Role.AUDITOR))
    for path in ("/read", "/check", "/receipt", "/receipt.pdf", "/copy.pdf"):
        browser.get(f"/applications/APP-001{path}")
    browser.get(f"/calls/{application.call.reference}/applications")
    file = queries.attachments_of(application)[0].id
    answer = browser.get(f"/applications/APP-001/files/{file}")
    assert "APP-001-registration_certificate.pdf" in answer.headers["Content-Disposition"]
    for way in (
        "/submit",
        "/check",
        "/check/E01",
        "/find-eligible",
        "/withdraw",
        "/resume",
        f"/files/{file}/remove",
        "/sections/S2",
    ):
        browser.post(f"/applications/APP-001{way}", page="/applications/APP-001/read", status=403)


def test_drafts_are_for_their_writers_alone(browser: Browser) -> None:
    call, coordinator = sample.sample_call()
    application, _owner = sample.filled(call, "APP-001")
    for reader in (coordinator, make.person(Role.AUDITOR)):
        visitor = Browser(browser.app).sign_in(reader)
        visitor.get("/applications/APP-001", status=404)
        visitor.get("/applications/APP-001/read", status=404)
        visitor.get(f"/calls/{call.reference}/applications")
        assert "No application has been sent in yet" in visitor.text
    assert application.state == ApplicationState.DRAFT


def test_editors_write_but_do_not_send_in(browser: Browser) -> None:
    call, _coordinator = sample.sample_call()
    application, _owner = sample.filled(call, "APP-001")
    editor = make.person()
    make.save(make.Membership(organization_id=application.organization_id, person_id=editor.id, role="editor"))
    browser.sign_in(editor).get("/applications/APP-001")
    assert "somebody who may sign for your organization reads and certifies it" in browser.text
    browser.post(
        "/applications/APP-001/submit",
        page="/applications/APP-001/withdraw".replace("/withdraw", "/sections/S2"),
        status=403,
    )
    browser.get("/applications/APP-001/withdraw", status=403)


def many(number: int) -> tuple[Call, Person]:
    """A call with so many applications sent in, and a coordinator of all regions."""
    call, owner = make.call(), make.person()
    for n in range(number):
        more = {"title": f"Action {n:04d}", "requested_minor": 600_000 + n, "state": "submitted"}
        region = ("AFR", "ASI")[n % 2]
        make.application(call, make.organization(region=region), owner, region=region, lot_key=f"L{n % 2 + 1}", **more)
    return call, make.person(Role.GLOBAL_COORDINATOR)


def test_the_list_filters_sorts_and_turns_pages_by_links(browser: Browser) -> None:
    call, coordinator = many(120)
    browser.sign_in(coordinator)
    address = f"/calls/{call.reference}/applications"
    browser.get(address)
    assert "<strong>120</strong> applications" in browser.text
    assert browser.text.count('class="record-name"') == 50
    browser.get(f"{address}?region=ASI&sort=requested&order=down")
    assert "<strong>60</strong> applications" in browser.text
    assert browser.text.index("Action 0119") < browser.text.index("Action 0117")
    browser.get(f"{address}?region=ASI&sort=requested&order=down&page=2")
    assert browser.text.count('class="record-name"') == 10
    browser.get(f"{address}?page=99&sort=nonsense&state=nonsense")
    assert browser.text.count('class="record-name"') == 20
    browser.get(f"{address}?region=XXX")
    assert "No application fits these filters" in browser.text


def test_pages_cost_the_same_number_of_queries_for_few_and_many(browser: Browser) -> None:
    counted: list[int] = []
    for number in (3, 120):
        call, coordinator = many(number)
        visitor = Browser(browser.app).sign_in(coordinator)
        visitor.get(f"/calls/{call.reference}/applications")
        counted.append(_queries(lambda v=visitor, c=call: v.get(f"/calls/{c.reference}/applications")))
    assert counted[0] == counted[1] <= 6


def _queries(visit: Callable[[], object]) -> int:
    said: list[str] = []

    def listen(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "UPDATE", "INSERT")) and "set_config" not in statement:
            said.append(statement)

    engine = db.engine
    event.listen(engine, "before_cursor_execute", listen)
    try:
        visit()
    finally:
        event.remove(engine, "before_cursor_execute", listen)
    return len(said)


def test_the_pages_of_a_draft_are_cheap(browser: Browser) -> None:
    call, _coordinator = sample.sample_call()
    _application, owner = sample.filled(call, "APP-001")
    browser.sign_in(owner)
    for path, most in (("", 5), ("/sections/S2", 4), ("/documents", 4), ("/read", 5)):
        browser.get(f"/applications/APP-001{path}")
        assert _queries(lambda p=path: browser.get(f"/applications/APP-001{p}")) <= most, path
