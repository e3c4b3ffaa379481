"""The dossier of a grant: what each reader finds in it, that it proves itself, and that it is given to nobody else."""

from __future__ import annotations

import io
import json
import posixpath
import re
import subprocess
import zipfile
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, text

from grants.accounts.models import Person, Role
from grants.awards import actions as awards
from grants.awards.models import Agreement, Milestone
from grants.closeout.queries import papers_about_people
from grants.conflicts.models import Grade
from grants.core import clock, files
from grants.core.db import db
from grants.core.rules import Refused
from grants.diligence import actions as diligence
from grants.diligence.models import AskedOf, Point, Source, Tab
from grants.dossiers import actions, queries, rules, tasks
from grants.dossiers.models import Dossier, DossierState
from grants.history import actions as history
from grants.history.models import HistoryEntry
from grants.payments.models import Disbursement, Tranche
from grants.reports.models import ReportVersion
from grants.reviews import actions as reviews
from grants.visits.models import Visit
from tests import command
from tests import factories as make
from tests.http import Browser
from tests.payments import rows
from tests.payments.rows import IBAN, Scene
from tests.reviews.rows import declared


def scene(**more: Any) -> Scene:
    """A grant that was signed, paid twice, reported and has something of everything that hangs on a grant."""
    made = rows.scene(**more)
    agreement = db.session.scalars(select(Agreement).where(Agreement.award_id == made.award.id)).one()
    agreement.file_id = files.keep_own(f"{made.award.reference}-agreement-1.pdf", rows.PDF).id
    rows.confirmed(made)
    rows.spend(made, 900_000)
    rows.confirmed(made, made.last)
    rows.refund(made, 10_000)
    db.session.flush()
    return made


def sealed() -> None:
    """Write the seals, which stand at the end of a transaction."""
    db.session.commit()
    db.session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    db.session.execute(text("SET CONSTRAINTS ALL DEFERRED"))


def made_for(made: Scene, somebody: Person) -> tuple[Dossier, bytes]:
    """A dossier made as the worker does it: its row and its bytes."""
    actions.ask_for(made.award, by=somebody)
    sealed()
    assert tasks.make_waiting() == 1
    dossier = queries.dossier_to_change(made.award.id, somebody.id)
    assert dossier is not None
    assert dossier.state == DossierState.READY
    assert dossier.file is not None
    return dossier, files.read(dossier.file)


def opened(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def words(content: bytes) -> str:
    """Everything that a reader can read in a dossier, the names of files included."""
    return "\n".join(f"{name}\n{one.decode('utf-8', 'replace')}" for name, one in opened(content).items())


def codes(act: Any, *args: Any, **more: Any) -> set[str]:
    with pytest.raises(Refused) as refused:
        act(*args, **more)
    return {obstacle.code for obstacle in refused.value.obstacles}


# ------------------------------------------------------------------ what stands in it


def test_the_dossier_of_an_auditor_holds_the_agreement_payments_proofs_ledger_and_history(app: Flask) -> None:
    made = scene()
    dossier, content = made_for(made, made.auditor)
    found = opened(content)
    paid = db.session.scalars(select(Disbursement.reference).order_by(Disbursement.id)).all()
    proofs = {f"payments/{reference}-proof.pdf" for reference in paid}
    assert {"index.html", "agreement.html", "payments.html", "reports/final_report.html", "history.html"} <= set(found)
    assert {"agreement/agreement-1.pdf", "payments/ledger.csv", "history.jsonl", "manifest.json", "SHA256SUMS"} <= set(
        found
    )
    assert proofs < set(found)
    assert found["agreement/agreement-1.pdf"] == rows.PDF
    page = found["payments.html"].decode()
    for said in ("€8,000", "€1,000", "Officer A", "Officer B", "…3000", "Returned by grantees"):
        assert said in page, said
    ledger = found["payments/ledger.csv"].decode().splitlines()
    assert len(ledger) == 1 + 6, "commit, twice approve and pay, refund"
    assert dossier.done == dossier.total == len(proofs) + 2


def test_the_dossier_says_all_that_an_instalment_waits_for(app: Flask) -> None:
    made = scene()
    last = db.session.scalars(select(Tranche).where(Tranche.award_id == made.award.id)).all()[-1]
    last.milestone = Milestone(award=made.award, title="The register opens", due_on=date(2027, 9, 1))
    last.not_before, last.min_spent_percent = date(2027, 10, 15), 70
    page = opened(made_for(made, made.auditor)[1])["payments.html"].decode()
    assert "at least 70 % of the money received is spent" in page
    assert "the fund has seen that this is reached: The register opens; not before 15 October 2027" in page
    assert last.trigger not in page


def test_every_line_of_history_is_there_once_and_carries_its_seal(app: Flask) -> None:
    made = scene()
    _dossier, content = made_for(made, made.auditor)
    lines = [json.loads(line) for line in opened(content)["history.jsonl"].decode().splitlines()]
    entries = db.session.scalars(
        select(HistoryEntry).where(HistoryEntry.subject_kind.in_(("award", "disbursement", "bank_account")))
    ).all()
    told = [(line["subject"], line["number"], line["verb"]) for line in lines]
    assert sorted(told) == sorted((one.subject_kind, one.subject_id, one.verb) for one in entries)
    assert all(line["seal"]["digest"] for line in lines)
    record = json.loads(opened(content)["manifest.json"])["record"]
    assert record == {key: max(lines, key=lambda one: one["seal"]["position"])["seal"][key] for key in record}


def test_no_bank_number_stands_in_any_byte(app: Flask) -> None:
    made = scene()
    for somebody in (made.auditor, made.officers[0], made.owner, made.coordinator):
        seen = words(made_for(made, somebody)[1])
        assert IBAN not in seen
        assert IBAN[-10:] not in seen
        assert ("…3000" in seen) == (somebody is not made.coordinator)


def test_a_grantee_reads_of_a_visit_what_was_shared_and_no_note_of_the_fund(app: Flask) -> None:
    made = scene()
    found = {"made_on": date(2027, 5, 1), "went": "Claire", "met": "Awa", "note": "Canarynote"}
    by = {"award_id": made.award.id, "kind": "on_site", "due_on": date(2027, 5, 1), "lead_id": made.coordinator.id}
    for number, more in enumerate(
        (
            {"state": "shared", "findings": "Wellkept", "shared_at": clock.now(), "shared_by_id": made.coordinator.id},
            {"state": "made", "findings": "Canaryfinding"},
        ),
        1,
    ):
        make.save(Visit(number=number, purpose=f"Purpose{number}", **by, **found, **more))
    fund, grantee = (words(made_for(made, one)[1]) for one in (made.auditor, made.owner))
    assert "Wellkept" in grantee
    for canary in ("Canarynote", "Canaryfinding", "Purpose2"):
        assert canary in fund
        assert canary not in grantee


def test_a_paper_that_was_replaced_stays_in_the_dossier_and_goes_with_the_others(app: Flask) -> None:
    made = scene()
    checked = make.diligence(made.award, made.coordinator, state="opened")
    asked = {"diligence_id": checked.id, "position": 1, "tab": Tab.DOCUMENTS, "asked_of": AskedOf.GRANTEE}
    point = make.save(Point(key="statutes", label={"en": "Statutes"}, formats=["pdf"], **asked))
    kept = []
    for content in (rows.PDF, rows.PDF + b"% second\n", rows.PDF + b"% third\n"):
        diligence.hand_in(point, "a.pdf", content, by=made.owner)
        kept.append(point.file)
    for reader in (made.auditor, made.owner):
        found = opened(made_for(made, reader)[1])
        papers = [f"diligence/01-statutes{end}.pdf" for end in ("-earlier-1", "-earlier-2", "")]
        assert [found[path] for path in papers] == [files.read(one) for one in kept]
        assert found["diligence.html"].decode().count("Statutes, until ") == 2
    assert {one.id for one in papers_about_people(made.award)} >= {one.id for one in kept}


def test_a_grantee_reads_nothing_of_what_the_fund_has_to_see_to_itself(app: Flask) -> None:
    made = scene()
    checked = make.diligence(made.award, made.coordinator)
    history.note("diligence", checked.id, "screen", by=made.coordinator, outcome="no_match")
    history.note("diligence", checked.id, "hand_in", by=made.owner)
    ours = awards.add_condition(
        made.award, "Canarycondition", owner=made.coordinator, due_on=None, blocks_payment=True, by=made.coordinator
    )
    awards.meet_condition(ours, "Canaryevidence", by=made.coordinator)
    fund, grantee = (words(made_for(made, one)[1]) for one in (made.auditor, made.owner))
    assert "Something that was asked for was handed in" in grantee
    for canary in ("Canarycondition", "Canaryevidence", "A condition was", "_condition", "sanctions list", "screen"):
        assert canary in fund, canary
        assert canary not in grantee, canary


def test_what_was_handed_in_with_a_version_stays_in_the_dossier_when_the_report_is_given_back(app: Flask) -> None:
    made = scene()
    tied = a_rival_hidden_from(made.coordinator, made.award.call)
    paper = files.keep_own("Canary-bill.pdf", b"%PDF-1.4 as it was handed in")
    said = {"documents": [{"name": paper.name, "sha256": paper.sha256, "file_id": paper.id}], "changes": []}
    said |= {"answers": {"a": "We learned from others.", "b": [f"Not from {tied}."]}}
    report = made.final.report
    values = {"report_id": report.id, "number": 1, "submitted_at": clock.now(), "submitted_by_id": made.owner.id}
    make.save(ReportVersion(**values, content=said))
    made.final.state = "returned"
    db.session.flush()
    found = opened(made_for(made, made.auditor)[1])
    assert found["reports/final_report-version-1-paper-01.pdf"] == b"%PDF-1.4 as it was handed in"
    assert tied in found["reports/final_report-version-1.json"].decode()
    assert "reports/final_report-version-1-paper-01.pdf" in found["reports/final_report.html"].decode()
    told = opened(made_for(made, made.coordinator)[1])["reports/final_report-version-1.json"].decode()
    assert "We learned from others." in told
    assert tied not in told, "what is hidden from a reader is in no file either"


def a_rival_hidden_from(person: Person, call: Any) -> str:
    """The name of an organization whose application is hidden from somebody."""
    rival = make.organization(make.person(), name="Canarians United")
    application = make.application(call, rival, make.person())
    declared(person, application, Grade.CONFLICT, "A cousin.")
    return "Canarians United"


def test_papers_about_the_bank_are_told_of_and_not_given(app: Flask) -> None:
    made = scene()
    checked = make.diligence(made.award, made.coordinator)
    for tab in (Tab.BANK, Tab.DOCUMENTS):
        values = {"position": 1, "key": f"{tab}_letter", "label": {"en": "Letter"}, "asked_of": AskedOf.GRANTEE}
        file_id = files.keep_own("letter.pdf", rows.PDF).id
        make.save(Point(diligence_id=checked.id, tab=tab, file_id=file_id, source=Source.SENT, **values))
    for somebody in (made.auditor, made.owner):
        found = opened(made_for(made, somebody)[1])
        assert "diligence/01-documents_letter.pdf" in found
        assert "diligence/01-bank_letter.pdf" not in found
        assert "It holds whole numbers of accounts." in found["diligence.html"].decode()
        assert list(json.loads(found["manifest.json"])["gaps"]) == ["diligence/01-bank_letter.pdf"]


def test_the_grantee_gets_its_own_part_without_names_reasons_and_ledger(app: Flask) -> None:
    made = scene()
    make.diligence(made.award, made.coordinator, risk_reason="Canaryrisk of a small team")
    found = opened(made_for(made, made.owner)[1])
    seen = "\n".join(one.decode("utf-8", "replace") for one in found.values())
    for canary in ("Canaryrisk", "Officer A", "Officer B", made.coordinator.name, "ledger"):
        assert canary not in seen, canary
    assert any(name.endswith("-proof.pdf") for name in found), "its own proofs"
    assert "Canaryrisk" in words(made_for(made, made.auditor)[1]), "a canary that nobody sees proves nothing"
    line = json.loads(found["history.jsonl"].decode().splitlines()[0])
    assert {"by", "reason", "details"}.isdisjoint(line)


def test_a_coordinator_reads_no_proofs_and_no_accounts_and_finance_no_application(app: Flask) -> None:
    made = scene()
    application = made.award.application
    application.title = "Canarytitle"
    _dossier, content = made_for(made, made.coordinator)
    assert not any(name.endswith("-proof.pdf") for name in opened(content))
    _dossier, content = made_for(made, made.officers[0])
    assert "application.html" not in opened(content)


def test_names_of_files_tell_no_name_of_a_confidential_grantee(app: Flask) -> None:
    made = scene(confidentiality="fully_confidential")
    made.organization.name, made.organization.acronym = "Canary Union", "CANU"
    made.award.title = "Canary song"
    dossier, content = made_for(made, made.auditor)
    assert dossier.file is not None
    names = [dossier.file.name, *opened(content)]
    assert dossier.file.name == f"{made.award.reference}.zip"
    assert not [name for name in names if "canary" in name.lower() or "canu" in name.lower()]
    assert "Do not share it outside this system" in opened(content)["index.html"].decode()
    assert "Canary Union" in opened(content)["index.html"].decode()


def test_a_change_of_the_grant_is_told_with_its_versions(app: Flask) -> None:
    made = scene()
    _dossier, content = made_for(made, made.auditor)
    page = opened(content)["versions.html"].decode()
    assert "What was signed: version 1" in page
    assert "€10,000" in page


def test_it_is_written_in_the_language_of_whoever_asks_and_needs_no_line(app: Flask, browser: Browser) -> None:
    made = scene()
    made.auditor.language = "fr"
    db.session.commit()
    auditor = Browser(browser.app).sign_in(made.auditor)
    page = f"/grants/{made.award.reference}/dossier"
    auditor.get(page)
    auditor.post(page, status=302)
    assert tasks.make_waiting() == 1
    answer = auditor.post(f"{page}/download", page=page)
    found = opened(answer.data)
    index = found["index.html"].decode()
    assert '<html lang="fr"' in index
    for name, one in found.items():
        if name.endswith(".html"):
            assert b"http://" not in one.replace(b"http://127", b"")
            assert b"<script" not in one
            assert b"src=" not in one
    assert answer.headers["Content-Disposition"] == f"attachment; filename={made.award.reference}.zip"


def test_every_link_in_it_leads_to_a_file_that_is_there(app: Flask) -> None:
    made = scene()
    found = opened(made_for(made, made.auditor)[1])
    for name, one in found.items():
        if name.endswith(".html"):
            for link in re.findall(r'href="([^"]+)"', one.decode()):
                assert posixpath.normpath(posixpath.join(posixpath.dirname(name), link)) in found, (name, link)
    linked = found["index.html"].decode()
    assert not [name for name in found if name != "index.html" and f'href="{name}"' not in linked]


# ------------------------------------------------------------------ it proves itself


def test_the_same_state_gives_the_same_bytes_and_another_state_others(app: Flask) -> None:
    made = scene()
    first, whole = made_for(made, made.auditor)
    fingerprint = first.manifest
    with clock.at(rows.SIGNING_DAY + timedelta(days=1)):
        again, same = made_for(made, made.auditor)
    assert same == whole
    assert again.manifest == fingerprint
    with clock.at(rows.SIGNING_DAY + timedelta(days=2)):
        rows.refund(made, 5_000)
        assert made_for(made, made.auditor)[1] != whole


def test_sha256sum_accepts_a_dossier(app: Flask, tmp_path: Path) -> None:
    made = scene()
    with zipfile.ZipFile(io.BytesIO(made_for(made, made.auditor)[1])) as archive:
        archive.extractall(tmp_path)
    subprocess.run(["sha256sum", "-c", "--strict", "--quiet", "SHA256SUMS"], cwd=tmp_path, check=True)


@pytest.fixture
def kept(app: Flask, tmp_path: Path) -> Path:
    """The dossier of a grant as a file of an auditor."""
    made = scene()
    path = tmp_path / "dossier.zip"
    path.write_bytes(made_for(made, made.auditor)[1])
    return path


def test_verify_tells_that_a_dossier_is_whole_without_a_database(
    kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = command.run(None, monkeypatch, capsys, "awards", "verify", kept)
    assert said.code == 0
    assert "are as they were written" in said.out


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        ("flip", "Changed: payments.html"),
        ("remove", "Missing: payments.html"),
        ("add", "Added: payments-2.html"),
        ("cut", "damaged"),
    ],
)
def test_verify_names_what_is_not_as_it_was(
    kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], spoil: str, expected: str
) -> None:
    content = opened(kept.read_bytes())
    if spoil == "cut":
        kept.write_bytes(kept.read_bytes()[:-100])
    elif spoil == "flip":
        whole = kept.read_bytes()
        place = whole.index(content["payments.html"]) + 200
        kept.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    else:
        with zipfile.ZipFile(kept, "w") as archive:
            for name, one in content.items():
                if not (spoil == "remove" and name == "payments.html"):
                    archive.writestr(name, one)
            if spoil == "add":
                archive.writestr("payments-2.html", "Paid twice.")
    said = command.run(None, monkeypatch, capsys, "awards", "verify", kept)
    assert said.code == 1
    assert expected in said.err
    told = json.loads(command.run(None, monkeypatch, capsys, "awards", "verify", kept, "--json").out)
    assert told["whole"] is False


def test_the_record_knows_the_dossiers_it_made_and_no_others(
    app: Flask, kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.run(app, monkeypatch, capsys, "awards", "verify", kept, "--record").code == 0
    forged = kept.with_name("forged.zip")
    made = db.session.scalars(select(Dossier)).one().award
    whole = queries.award_to_tell(select(type(made)), made.id)
    assert whole is not None
    making = actions.gather(whole, rules.WHOLE_SIGHT)
    making.contents.texts["history.jsonl"] = b"{}\n"
    with forged.open("w+b") as into:
        assert list(actions.write(making, into))
    assert command.run(None, monkeypatch, capsys, "awards", "verify", forged).code == 0, "in itself it is whole"
    said = command.run(app, monkeypatch, capsys, "awards", "verify", forged, "--record")
    assert said.code == 1
    assert "The record knows of no dossier with this fingerprint." in said.err


def test_a_record_that_was_rewritten_since_is_found(
    app: Flask, kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows.past_all_triggers("UPDATE history_seal SET digest = 'another' || digest")
    said = command.run(app, monkeypatch, capsys, "awards", "verify", kept, "--record")
    assert said.code == 1
    assert "another seal" in said.err


def test_the_command_line_writes_the_whole_dossier_and_the_record_keeps_its_fingerprint(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = scene()
    sealed()
    first, second = tmp_path / "one.zip", tmp_path / "two.zip"
    for path in (first, second):
        said = command.run(app, monkeypatch, capsys, "awards", "dossier", made.award.reference, "--out", path)
        assert said.code == 0, said.err
    assert first.read_bytes() == second.read_bytes()
    assert command.run(app, monkeypatch, capsys, "awards", "verify", first, "--record").code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.zip", "two.zip"]
    said = command.run(app, monkeypatch, capsys, "awards", "dossier", "NONE-1", "--out", first)
    assert said.code == 2
    assert "There is no grant 'NONE-1'." in said.err


def test_a_file_that_is_gone_or_not_as_it_was_received_is_told_in_the_index(app: Flask) -> None:
    made = scene()
    proofs = [one.proof for one in db.session.scalars(select(Disbursement).order_by(Disbursement.id))]
    first, second = (proof for proof in proofs if proof is not None)
    files._remove(first.key)
    files._store().put(second.key, b"another proof")
    content = opened(made_for(made, made.auditor)[1])
    index = content["index.html"].decode()
    assert "It was not found where files are kept." in index
    assert "This file is not as it was received." in index
    told = json.loads(content["manifest.json"])
    assert len(told["gaps"]) == len(told["differing"]) == 1


# ------------------------------------------------------------------ whose it is


@pytest.mark.parametrize("who", ["elsewhere", "stranger", "reviewer", "member"])
def test_whoever_does_not_see_the_grant_has_no_dossier_of_it(browser: Browser, who: str) -> None:
    made = scene()
    people = {
        "elsewhere": make.person(Role.REGIONAL_COORDINATOR, regions=["LAC"]),
        "stranger": make.person(),
        "reviewer": make.person(Role.REVIEWER),
        "member": make.person(Role.COMMITTEE_MEMBER),
    }
    db.session.commit()
    somebody = Browser(browser.app).sign_in(people[who])
    page = f"/grants/{made.award.reference}/dossier"
    assert somebody.get(page, 0).status_code == 404
    for path in (page, f"{page}/download"):
        somebody.get("/change-password")
        somebody.post(path, status=404)
    assert db.session.scalar(select(func.count()).select_from(Dossier)) == 0


def test_somebody_with_a_conflict_finds_nothing(app: Flask, browser: Browser) -> None:
    made = scene()
    actions.ask_for(made.award, by=made.auditor)
    reviews.declare_interest(
        made.auditor, made.organization, grade=Grade.CONFLICT, reason="A cousin.", call=made.award.call, by=made.auditor
    )
    db.session.commit()
    assert tasks.make_waiting() == 0
    dossier = queries.dossier_to_change(made.award.id, made.auditor.id)
    assert dossier is not None
    assert (dossier.state, dossier.file) == (DossierState.FAILED, None)
    page = f"/grants/{made.award.reference}/dossier"
    assert Browser(browser.app).sign_in(made.auditor).get(page, 0).status_code == 404


def test_nobody_takes_that_of_somebody_else(browser: Browser) -> None:
    made = scene()
    made_for(made, made.auditor)
    db.session.commit()
    officer = Browser(browser.app).sign_in(made.officers[0])
    page = f"/grants/{made.award.reference}/dossier"
    officer.get(page)
    assert "No dossier of this grant has been made for you yet." in officer.text
    officer.post(f"{page}/download", page=page, status=409)


def test_it_is_not_given_to_somebody_who_may_read_less_since(app: Flask) -> None:
    made = scene()
    dossier, _content = made_for(made, made.auditor)
    dossier.shown = [*dossier.shown, "something"]
    assert codes(actions.give, made.award, by=made.auditor) == {"holds_too_much"}


def test_it_is_not_given_once_the_grant_is_to_be_hidden(app: Flask) -> None:
    made = scene()
    made_for(made, made.auditor)
    made.organization.confidentiality_default = "name_withheld"
    db.session.commit()
    db.session.expire_all()
    assert codes(actions.give, made.award, by=made.auditor) == {"tightened"}
    made_for(made, made.auditor)
    actions.give(made.award, by=made.auditor)


def test_it_is_asked_for_once_taken_on_record_and_expires(app: Flask) -> None:
    made = scene()
    actions.ask_for(made.award, by=made.auditor)
    assert codes(actions.ask_for, made.award, by=made.auditor) == {"being_made"}
    assert codes(actions.give, made.award, by=made.auditor) == {"not_ready"}
    db.session.commit()
    tasks.make_waiting()
    stored = actions.give(made.award, by=made.auditor)
    verbs = select(HistoryEntry.verb).where(HistoryEntry.subject_kind == "dossier").order_by(HistoryEntry.id)
    assert db.session.scalars(verbs).all() == ["ask", "make", "take"]
    assert actions.forget_old(clock.now() + rules.KEPT - timedelta(minutes=1)) == 0
    assert actions.forget_old(clock.now() + rules.KEPT + timedelta(minutes=1)) == 1
    assert stored.erased_at is not None
    assert codes(actions.give, made.award, by=made.auditor) == {"not_ready"}
    actions.ask_for(made.award, by=made.auditor)


def test_a_dossier_that_cannot_be_made_says_so(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    made = scene()
    dossier = actions.ask_for(made.award, by=made.auditor)
    db.session.commit()

    def breaks(*_args: Any) -> Any:
        raise OSError("no room")

    monkeypatch.setattr(files, "keep_archive", breaks)
    assert tasks.make_waiting() == 0
    db.session.refresh(dossier)
    assert dossier.state == DossierState.FAILED


def most_memory() -> int:
    """The most memory that this process has held since it was last asked to forget that, in bytes."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) * 1024


def test_a_grant_with_200_mb_of_files_does_not_take_200_mb_of_memory(app: Flask, tmp_path: Path) -> None:
    made = scene()
    large = tmp_path / "large.zip"
    with large.open("wb") as file:
        for _ in range(200):
            file.write(bytes(1_000_000))
    stored = files.keep_archive("large.zip", large)
    db.session.scalars(select(Agreement).where(Agreement.award_id == made.award.id)).one().file_id = stored.id
    actions.ask_for(made.award, by=made.auditor)
    db.session.commit()
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    before = most_memory()
    assert tasks.make_waiting() == 1
    answer = files.send(actions.give(made.award, by=made.auditor))
    assert sum(map(len, answer.iter_encoded())) > 200_000_000
    assert most_memory() - before < 100_000_000
