"""What was handed in stays as it was, with its papers, whatever is changed afterwards."""

from __future__ import annotations

import hashlib
import html

from flask import Flask

from grants.accounts.models import Role
from grants.core.db import db
from grants.core.files import StoredFile
from grants.core.languages import speaking
from grants.demo import sample
from grants.reports import actions, queries, rules
from grants.writeups.rules import fingerprint
from tests import factories as make
from tests.http import Browser
from tests.reports.test_changes import PDF, REGISTER
from tests.reports.test_life import by_key, give_figures, running, write_all

DRAFT, OTHER, BILL = (sample.document("pdf", name, "Grantee") for name in ("Draft", "Other", "Bill"))


def test_an_earlier_version_is_read_with_its_papers_after_they_were_replaced(app: Flask, browser: Browser) -> None:
    award, dues, owner, coordinator = running()
    interim = by_key(dues, "interim_report")
    write_all(interim, owner)
    change = actions.tell_change(interim, REGISTER, file=("draft.pdf", DRAFT), by=owner)
    draft = change.file
    change = actions.tell_change(interim, REGISTER, change, file=("letter.pdf", PDF), by=owner)
    letter = change.file
    assert draft is not None
    assert letter is not None
    assert (draft.erased_at is None, letter.erased_at) == (False, None), "what was never handed in is forgotten"
    line = queries.budget_line_ids(award.id)[0]
    bill = actions.add_document(interim, line, "bill.pdf", BILL, by=owner).file_id
    actions.submit(interim, by=owner)
    content = rules.content_of(interim.report, queries.written(interim))
    assert fingerprint(interim, queries.written(interim)) == rules.fingerprint_of(content)
    actions.return_(interim, "Which register?", by=coordinator)
    actions.tell_change(interim, REGISTER, change, file=("other.pdf", OTHER), by=owner)
    actions.drop_change(interim, change, by=owner)
    give_figures(interim, owner, 90_000)
    db.session.commit()
    number, paper = interim.id, letter.id
    place = f"/reports/{number}/versions/1"
    auditor = Browser(app).sign_in(make_person(Role.AUDITOR))
    for reader in (browser.sign_in(owner), auditor):
        reader.get(f"/reports/{number}")
        assert place in reader.text
        reader.get(place)
        told = html.unescape(reader.text)
        assert "Twelve observers recorded cases" in told
        assert "A register at every post." in told
        assert "€1,000" in told
        assert rules.fingerprint_of(content) in told
        assert hashlib.sha256(reader.get(f"{place}/papers/{paper}", status=200).data).hexdigest() in told
        reader.get(f"{place}/papers/{bill}", status=200)
    assert db.session.get_one(StoredFile, paper).erased_at is None


def make_person(role: Role) -> make.Person:
    made = make.person(role, regions=[])
    db.session.commit()
    return made


def test_nobody_reaches_other_files_or_other_versions(app: Flask, browser: Browser) -> None:
    _, dues, owner, _ = running()
    interim, stranger = by_key(dues, "interim_report"), make.person()
    write_all(interim, owner)
    actions.submit(interim, by=owner)
    number, foreign = interim.id, make.stored_file().id
    db.session.commit()
    browser.sign_in(owner).get(f"/reports/{number}/versions/2", status=404)
    browser.get(f"/reports/{number}/versions/1/papers/{foreign}", status=404)
    Browser(app).sign_in(stranger).get(f"/reports/{number}/versions/1", status=404)


def test_the_money_of_a_version_is_told_with_labels_in_the_language_of_its_reader(app: Flask) -> None:
    award, dues, _owner, _coordinator = running()
    (line, *_more), source = queries.budget_line_ids(award.id), "InforEuro"
    evidence = {
        "period_from": "2027-06-01",
        "period_until": "2027-09-30",
        "rate_source": source,
        "rate_on": "2027-10-02",
    }
    figure = {
        "heading": "travel",
        "budget_line_id": line,
        "title": {"en": "Travel"},
        "local_minor": 1_311_914,
        "local_currency": "XOF",
        "rate": "655.957",
        "spent_minor": 200_000,
        "currency": "EUR",
        "explanation": "By bus.",
    }
    papers = [{"budget_line_id": line, "note": "Both ways", "name": "bill.pdf", "sha256": "", "file_id": 1}]
    content = rules.NOTHING | {"evidence": evidence, "figures": [figure], "documents": papers}
    definition, told = queries.definition_for(by_key(dues, "interim_report")), {}
    for language in ("en", "fr"):
        with speaking(language):
            period, spent = (one.now for one in rules.said_in(definition, content, language))
        told[language] = [
            text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ") for text in period + spent
        ]
    assert told["en"] == [
        "The figures tell of 1 June 2027 to 30 September 2027.",
        "The exchange rate comes from InforEuro, 2 October 2027.",
        "This period: F CFA 1,311,914 ÷ 655.957 = €2,000",
        "By bus.",
        "File: bill.pdf · Both ways",
    ]
    assert told["fr"][1:3] == [
        "Le taux de change provient de InforEuro, 2 octobre 2027.",
        "Cette période : 1 311 914 F CFA ÷ 655,957 = 2 000 €",
    ]
    assert "1er juin 2027" in told["fr"][0]
