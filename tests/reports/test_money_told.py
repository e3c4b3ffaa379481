"""The financial part: where the rate comes from, variances, supporting documents, and saving while one types."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask

from grants.accounts.models import MemberRole, Membership, Role
from grants.awards.models import Award
from grants.core import clock
from grants.core.db import db
from grants.core.money import Money
from grants.demo import sample
from grants.reports import actions, queries, rules
from grants.reports.models import ReportDue
from tests import factories as make
from tests.awards.test_life import refused
from tests.awards.test_numbers import TERMS
from tests.awards.test_pages import declare_conflict
from tests.http import Browser, begin_request
from tests.reports.test_life import by_key, give_figures, running, write_all, write_all_but_figures

PDF = sample.document("pdf", "Bill", "Grantee")
RATE = Decimal("655.957")


def in_francs(due: ReportDue, by: Any, evidence: rules.Evidence, **more: Any) -> None:
    lines = [rules.LineGiven(n, Money(655_957, "XOF"), RATE) for n in queries.budget_line_ids(due.award_id)]
    actions.save_lines(actions.start(due, by=by), lines, evidence, by=by, **more)


# ------------------------------------------------------------------ period and rate


def test_the_period_is_filled_in_from_the_grant_and_from_the_last_report(app: Flask) -> None:
    award, dues, owner, _ = running()
    interim, final = by_key(dues, "interim_report"), by_key(dues, "final_report")
    assert rules.period_of(interim, None) == (award.start_on, interim.due_on)
    write_all(interim, owner)
    actions.submit(interim, by=owner)
    assert interim.report is not None
    assert (interim.report.period_from, interim.report.period_until) == (date(2027, 6, 1), date(2027, 10, 16))
    assert rules.period_of(final, queries.written(final).until) == (date(2027, 10, 17), award.end_on)
    assert rules.period_of(interim, interim.due_on) is None


def test_money_in_another_currency_needs_the_source_and_the_day_of_its_rate(app: Flask) -> None:
    _, dues, owner, _ = running()
    interim = by_key(dues, "interim_report")
    write_all_but_figures(interim, owner)
    with clock.at(datetime(2027, 10, 5, tzinfo=UTC)):
        for evidence in (
            rules.Evidence(),
            rules.Evidence(rate_source="BCEAO"),
            rules.Evidence(rate_on=date(2027, 10, 1)),
        ):
            in_francs(interim, owner, evidence)
            with refused("rate_evidence_missing"):
                actions.submit(interim, by=owner)
        with refused("rate_to_come"):
            in_francs(interim, owner, rules.Evidence(rate_source="BCEAO", rate_on=date(2027, 10, 7)))
        in_francs(interim, owner, rules.Evidence(rate_source="BCEAO", rate_on=date(2027, 10, 1)))
        report = actions.submit(interim, by=owner)
    kept = queries.version_of(report, 1)
    assert kept is not None
    assert kept.content["evidence"] == {
        "period_from": "2027-06-01",
        "period_until": "2027-10-16",
        "rate_source": "BCEAO",
        "rate_on": "2027-10-01",
    }


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([("EUR", "655.957"), ("EUR", "655.957")], "rate_without_exchange"),
        ([("XOF", "655.957"), ("USD", "1.1")], "other_currency"),
    ],
)
def test_one_currency_and_no_exchange_into_the_same(app: Flask, lines: list[tuple[str, str]], code: str) -> None:
    award, dues, owner, _ = running()
    report = actions.start(by_key(dues, "interim_report"), by=owner)
    given = [
        rules.LineGiven(line_id, Money(100, currency), Decimal(rate))
        for line_id, (currency, rate) in zip(queries.budget_line_ids(award.id), lines, strict=True)
    ]
    with refused(code):
        actions.save_lines(report, given, by=owner)
    assert queries.lines_of(report.id) == {}


@pytest.mark.parametrize(
    ("first", "last", "code"),
    [(date(2027, 6, 2), date(2027, 6, 1), "period_backwards"), (date(2027, 6, 2), None, "period_half")],
)
def test_a_period_has_two_ends_in_order(app: Flask, first: date, last: date | None, code: str) -> None:
    _, dues, owner, _ = running()
    report = actions.start(by_key(dues, "interim_report"), by=owner)
    with refused(code):
        actions.save_lines(report, [], rules.Evidence(first, last), by=owner)


# ------------------------------------------------------------------ variances


def varied(percent: int | None) -> tuple[Award, list[ReportDue], Any]:
    award, dues, owner, _ = running()
    reporting = TERMS["reporting"] | ({"variance_percent": percent} if percent is not None else {})
    award.call.terms = TERMS | {"reporting": reporting}
    db.session.flush()
    return award, dues, owner


def test_what_is_left_at_the_end_is_explained_where_the_call_says_so(app: Flask) -> None:
    _, dues, owner = varied(20)
    interim, final = by_key(dues, "interim_report"), by_key(dues, "final_report")
    assert rules.limits_of(interim, queries.written(interim)) == rules.Limits(20)
    assert rules.limits_of(final, queries.written(final)) == rules.Limits(20, 20)
    write_all(final, owner, spent=100)
    with refused("explanation_missing", "explanation_missing"):
        actions.submit(final, by=owner)
    give_figures(final, owner, 100, "The border was closed.")
    actions.submit(final, by=owner)


def test_a_call_that_does_not_say_asks_only_above_what_it_leaves_free(app: Flask) -> None:
    _, dues, _ = varied(None)
    final = by_key(dues, "final_report")
    assert rules.limits_of(final, queries.written(final)) == rules.Limits(15)


# ------------------------------------------------------------------ saving by itself


def saved(browser: Browser, page: str, typed: dict[str, Any], status: int = 200) -> dict[str, Any]:
    if browser.address != page:
        browser.open(page)
    form = next(form for form in browser.page.forms if "data-draft" in form.tag.at)
    begin_request()
    asked = {"Accept": "application/json", "Origin": "http://localhost"}
    answer = browser.client.post(page, data=form.fields | typed, headers=asked)
    assert answer.status_code == status, answer.text
    told: dict[str, Any] = answer.json
    return told


def test_figures_save_themselves_and_nobody_overwrites_a_colleague_unseen(app: Flask, browser: Browser) -> None:
    award, dues, owner, _ = running()
    interim = by_key(dues, "interim_report")
    colleague = make.person(name="A colleague")
    make.save(Membership(organization_id=award.organization_id, person_id=colleague.id, role=MemberRole.EDITOR))
    line = queries.budget_line_ids(award.id)[0]
    page, number = f"/reports/{interim.id}/figures", interim.id
    db.session.commit()
    browser.sign_in(owner)
    other = Browser(app).sign_in(colleague)
    base = {"rate": "1"}
    other.open(page)
    first = saved(browser, page, base | {f"local_{line}": "100"})
    assert (first["state"], first["version"], first["fields"]) == ("saved", 1, ["added_up"])
    assert first["said"].startswith("Saved on the server")
    assert "€100" in first["html"]
    again = saved(browser, page, base | {f"local_{line}": "100", "version": "0"})
    assert again["state"] == "saved", "the same figures overwrite nothing"
    theirs = saved(other, page, base | {f"local_{line}": "250"}, 409)
    assert (theirs["state"], theirs["fields"]) == ("conflict", ["added_up"])
    assert "€100" in theirs["html"]
    report = queries.report_of(number)
    assert report is not None
    assert queries.lines_of(report.id)[line].spent_minor == 10_000
    settled = saved(other, page, base | {f"local_{line}": "250", "version": str(theirs["version"])})
    assert settled["state"] == "saved"
    refused_one = saved(browser, page, base | {"rate": "0", "version": str(settled["version"])}, 422)
    assert (refused_one["state"], refused_one["fields"]) == ("refused", ["added_up", "about", "lines"])
    assert "has to be above zero" in refused_one["html"]
    db.session.expire_all()
    assert queries.lines_of(report.id)[line].spent_minor == 25_000


def test_without_a_script_the_second_to_save_sees_both(app: Flask, browser: Browser) -> None:
    award, dues, owner, _ = running()
    interim = by_key(dues, "interim_report")
    give_figures(interim, owner, 5_000)
    page = f"/reports/{interim.id}/figures"
    db.session.commit()
    browser.sign_in(owner).open(page)
    give_figures(db.session.get_one(ReportDue, interim.id), owner, 7_000)
    db.session.commit()
    form = next(form for form in browser.page.forms if "data-draft" in form.tag.at)
    line = queries.budget_line_ids(award.id)[0]
    browser.post(page, form.fields | {f"local_{line}": "99", "save": "yes"}, status=409)
    assert "a colleague saved other figures" in browser.text
    assert 'value="99"' in browser.text
    assert "€70" in browser.text


# ------------------------------------------------------------------ supporting documents


def hand_in(
    browser: Browser, page: str, line: int | str, name: str = "bill.pdf", content: bytes = PDF, **more: Any
) -> None:
    data = {"line": str(line), "file": (io.BytesIO(content), name)}
    browser.post(page, data, page=page, content_type="multipart/form-data", **more)


def test_papers_stand_beside_their_heading_for_the_grantee_and_the_fund_alone(app: Flask, browser: Browser) -> None:
    award, dues, owner, coordinator = running()
    interim = by_key(dues, "interim_report")
    write_all(interim, owner)
    line = queries.budget_line_ids(award.id)[0]
    stranger, reviewer = make.person(), make.person(Role.REVIEWER)
    officer = make.person(Role.FINANCE_OFFICER)
    make.organization(stranger)
    number, page, reference = interim.id, f"/reports/{interim.id}/documents", award.reference
    coordinator_id, organization_id = coordinator.id, award.organization_id
    db.session.commit()
    browser.sign_in(owner)
    hand_in(browser, page, line, status=302)
    hand_in(browser, page, "", "rate.pdf", status=302)
    hand_in(browser, page, line, "bill.exe", b"MZ\x00\x01", status=422)
    hand_in(browser, page, 999_999, status=404)
    browser.post(page, {"line": str(line)}, page=page, content_type="multipart/form-data", status=422)
    assert "Please choose a file." in browser.text
    report = queries.report_of(number)
    assert report is not None
    bill, rate = queries.documents_of(report)
    assert (bill.budget_line_id, rate.budget_line_id, bill.version) == (line, None, 1)
    bill_id = bill.id
    address = f"{page}/{bill_id}"
    given = browser.get(address)
    assert given.data == PDF
    assert f"{reference}-interim_report-{bill_id}.pdf" in given.headers["Content-Disposition"]
    fund = Browser(app).sign_in(coordinator)
    fund.get(address, status=403)
    browser.post(f"/reports/{number}/submit", page=f"/reports/{number}", status=302)
    assert fund.get(address).data == PDF
    for place in (f"/reports/{number}", f"/reports/{number}/costs"):
        fund.get(place)
        assert address in fund.text
    Browser(app).sign_in(officer).get(address)
    for person in (stranger, reviewer):
        Browser(app).sign_in(person).get(address, status=404)
    declare_conflict(coordinator_id, organization_id)
    db.session.commit()
    fund.get(address, status=404)


def test_what_was_handed_in_with_a_report_stays_and_what_was_not_can_go(app: Flask, browser: Browser) -> None:
    award, dues, owner, coordinator = running()
    interim = by_key(dues, "interim_report")
    write_all(interim, owner)
    line = queries.budget_line_ids(award.id)[0]
    first = actions.add_document(interim, line, "bill.pdf", PDF, by=owner)
    extra = actions.add_document(interim, line, "other.pdf", PDF, by=owner)
    actions.remove_document(interim, extra, by=owner)
    actions.submit(interim, by=owner)
    with refused("not_in_this_state"):
        actions.add_document(interim, line, "late.pdf", PDF, by=owner)
    actions.return_(interim, "", {"figures": "The second bill?"}, by=coordinator)
    second = actions.add_document(interim, line, "second.pdf", PDF, "The second bill", by=owner)
    with refused("handed_in"):
        actions.remove_document(interim, first, by=owner)
    report = actions.submit(interim, by=owner)
    assert [one.id for one in queries.documents_of(report)] == [first.id, second.id]
    before, now = queries.version_of(report, 1), queries.version_of(report, 2)
    assert before is not None
    assert now is not None
    (changed,) = rules.changed_since(queries.written(interim).definition, before.content, now.content, "en")
    assert changed.before[-1] == "File: bill.pdf"
    assert changed.now[-2:] == ["File: bill.pdf", "File: second.pdf · The second bill"]
    page = f"/reports/{interim.id}/documents"
    db.session.commit()
    browser.sign_in(owner).get(page)
    assert "This report stands elsewhere now" in browser.text


def test_papers_of_another_grants_heading_or_too_many_are_refused(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    award, dues, owner, _ = running()
    other, _, _, _ = running()
    interim = by_key(dues, "interim_report")
    with refused("unknown_line"):
        actions.add_document(interim, queries.budget_line_ids(other.id)[0], "bill.pdf", PDF, by=owner)
    with refused("unknown_line"):
        actions.add_document(by_key(dues, "inception_note"), None, "bill.pdf", PDF, by=owner)
    monkeypatch.setattr(rules, "MOST_DOCUMENTS", 1)
    line = queries.budget_line_ids(award.id)[0]
    actions.add_document(interim, line, "bill.pdf", PDF, by=owner)
    actions.add_document(interim, None, "rate.pdf", PDF, by=owner)
    with refused("too_many_documents"):
        actions.add_document(interim, line, "bill.pdf", PDF, by=owner)
