"""Importing for real: whole, once, in the right organizations, and back again."""

from __future__ import annotations

import csv
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from grants.accounts.models import Organization, Role
from grants.core import clock, files
from grants.core.db import db, transaction
from grants.core.rules import Refused
from grants.history.models import HistoryEntry
from grants.imports import actions, queries, tasks
from grants.imports.models import AwardImport, PastAward
from grants.imports.workflow import ImportState
from grants.organizations.queries import organizations_called
from grants.payments.models import Transfer
from tests import factories as make
from tests.command import run
from tests.http import Browser
from tests.imports.test_reading import REAL, counted_by_hand, lines


def number_of(model: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def imported(content: bytes, *, programme: str = "Before", by: Any = None) -> AwardImport:
    return actions.import_at_once("table.csv", content, programme=programme, by=by)


def totals(sent: AwardImport) -> dict[str, str]:
    return {amount.currency: str(amount.amount) for amount in sent.totals}


# ------------------------------------------------------------------ the real table


def test_the_command_imports_the_real_table_whole_and_a_second_time_nothing(
    app: Flask, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    number, sums = counted_by_hand()
    expected = {currency: str(amount) for currency, amount in sorted(sums.items())}
    first = run(app, monkeypatch, capsys, "awards", "import", REAL, "--json")
    assert (first.code, first.err) == (0, "")
    assert json.loads(first.out) == {"imported": number, "already_there": 0, "refused": [], "totals": expected}
    again = run(app, monkeypatch, capsys, "awards", "import", REAL, "--json")
    assert json.loads(again.out) == {
        "imported": 0,
        "already_there": number,
        "refused": [],
        "totals": dict.fromkeys(sums, "0.00"),
    }
    in_words = run(app, monkeypatch, capsys, "awards", "import", REAL)
    assert in_words.out.startswith("0 imported (0.00 GBP, 0.00 USD), 468 there already, 0 refused")
    stored = db.session.execute(
        select(PastAward.currency, func.sum(PastAward.amount_minor)).group_by(PastAward.currency)
    )
    assert {currency: int(minor) for currency, minor in stored} == {c: int(a * 100) for c, a in sums.items()}
    assert number_of(Transfer) == 0, "the money of the past is not in the ledger"


def test_the_grants_of_one_grantee_share_one_organization(app: Flask) -> None:
    sent = imported(REAL.read_bytes())
    of = dict(
        db.session.execute(
            select(Organization.name, func.count())
            .join(PastAward, PastAward.organization_id == Organization.id)
            .group_by(Organization.id)
        ).all()
    )
    with REAL.open(encoding="utf-8", newline="") as opened:
        coram = [row for row in csv.reader(opened) if row[0].strip() == "Coram Children's Legal Centre Limited"]
    assert {row[6] for row in coram} == {"United Kingdom", ""}
    assert of["Coram Children's Legal Centre Limited"] == len(coram), "also those whose rows name no country"
    assert len([name for name in of if name.lower() == "hope not hate educational limited"]) == 1
    assert len(sent.organization_ids) == len(of) == number_of(Organization)
    known = db.session.scalars(select(Organization).where(Organization.name == "Aliento")).one()
    assert (known.country, known.is_from_past, known.members) == ("US", True, [])


# ------------------------------------------------------------------ what is refused, and how it is told


def test_refused_rows_are_listed_and_what_was_mended_comes_alone(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "Grants_of_old.csv"
    path.write_bytes(lines("A,EUR 5,31/02/2015", "B,EUR 6.50,1/2/2015", "C,,1/2/2015"))
    said = run(app, monkeypatch, capsys, "awards", "import", path, "--json")
    assert said.code == 0
    assert json.loads(said.out) == {
        "imported": 1,
        "already_there": 0,
        "refused": [
            {"row": 2, "reason": "“31/02/2015” is not a day in the order that was chosen."},
            {"row": 4, "reason": "The amount is missing."},
        ],
        "totals": {"EUR": "6.50"},
    }
    path.write_bytes(lines("A,EUR 5,28/02/2015", "B,EUR 6.50,1/2/2015", "C,EUR 7,1/2/2015"))
    mended = run(app, monkeypatch, capsys, "awards", "import", path, "--json")
    assert json.loads(mended.out)["imported"] == 2
    assert set(db.session.scalars(select(AwardImport.programme))) == {"Grants of old"}


@pytest.mark.parametrize(
    "content",
    [b"", b"Grantee,Amount\n", b"Grantee,Amount\nA,nothing\n", b"Colour,Size\nred,5\n", b'Grantee,Amount\n"A,5'],
)
def test_a_table_that_brings_nothing_leaves_nothing(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    said = run(app, monkeypatch, capsys, "awards", "import", path, "--json")
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("grants: ")
    assert [number_of(model) for model in (AwardImport, PastAward, Organization, HistoryEntry)] == [0, 0, 0, 0]


def test_the_command_knows_a_mapping_by_its_name(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    coordinator = make.person(Role.GLOBAL_COORDINATOR)
    path = tmp_path / "table.csv"
    path.write_bytes(b"Who,How much\nA,5\nB,6\n")
    sent = actions.send_in("table.csv", path.read_bytes(), by=coordinator)
    layout = actions.Layout(columns={"grantee": 0, "amount": 1}, currency="KES")
    actions.lay_out(sent, layout, "Seed fund", name="Seeds", by=coordinator)
    said = run(app, monkeypatch, capsys, "awards", "import", path, "--mapping", "Seeds", "--json")
    assert json.loads(said.out)["totals"] == {"KES": "11.00"}
    unknown = run(app, monkeypatch, capsys, "awards", "import", path, "--mapping", "Weeds")
    assert (unknown.code, unknown.err) == (2, "grants: There is no mapping 'Weeds'.\n")
    path.write_bytes(b"How much,Who\n5,A\n")
    other = run(app, monkeypatch, capsys, "awards", "import", path, "--mapping", "Seeds")
    assert (other.code, other.err) == (2, "grants: The mapping “Seeds” was kept for a table with other columns.\n")
    again = actions.send_in("other.csv", b"who ,HOW MUCH\nC,7\n", by=coordinator)
    assert (again.programme, again.layout) == ("Seed fund", layout.as_json()), "found again by its header"


# ------------------------------------------------------------------ organizations


def test_a_grantee_that_is_here_already_is_that_organization(app: Flask) -> None:
    owner = make.person()
    here = make.organization(owner, name="Équité  des Femmes", country="SN", city="Dakar")
    second = make.organization(name="Equite des femmes", country="SN", duplicate_of_id=here.id)
    elsewhere = make.organization(name="Wave", country="GH", city="Accra")
    imported(
        lines(
            "EQUITE DES FEMMES,EUR 5,1/2/2015,12,Dakar,Sénégal",
            "Équité des Femmes,EUR 6,1/2/2015",
            "Wave,EUR 7,1/2/2015,12,Tamale,Ghana",
            "Wave,EUR 8,1/2/2015,12,Lomé,Togo",
        )
    )
    awards = {award.amount_minor: award for award in db.session.scalars(select(PastAward))}
    assert [awards[minor].organization_id for minor in (500, 600)] == [here.id, here.id] != [second.id] * 2
    wave = awards[700].organization
    assert wave.id != elsewhere.id, "another town, so its members must not see it"
    assert (wave.is_from_past, awards[800].organization.country) == (True, "TG")
    assert (wave.region, awards[700].region) == ("AFR", "AFR")


def test_an_award_is_at_least_as_confidential_as_its_grantee(app: Flask) -> None:
    make.organization(name="Quiet", country="SN", confidentiality_default="name_withheld")
    content = lines(
        "Quiet,EUR 5,Senegal,", "Loud,EUR 6,Senegal,fully confidential", header="Grantee,Amount,Country,Confidential"
    )
    imported(content)
    found = db.session.execute(select(PastAward.grantee, PastAward.confidentiality)).all()
    assert dict(map(tuple, found)) == {"Quiet": "name_withheld", "Loud": "fully_confidential"}
    loud = db.session.scalars(select(Organization).where(Organization.name == "Loud")).one()
    assert loud.confidentiality_default == "fully_confidential"


def test_nobody_can_ask_to_join_an_organization_that_has_no_owner(app: Flask) -> None:
    imported(lines("Wave of Hope,EUR 7,1/2/2015,12,Tamale,Ghana"))
    assert organizations_called("GH", "Wave of Hope") == []


# ------------------------------------------------------------------ whole or not at all


def test_what_is_only_looked_at_writes_nothing(app: Flask) -> None:
    sent = actions.send_in("table.csv", REAL.read_bytes(), by=make.person(Role.GLOBAL_COORDINATOR))
    before = [number_of(model) for model in (PastAward, Organization, HistoryEntry)]
    looked = actions.looked_at(sent)
    assert len(looked.coming) == 468
    assert [number_of(model) for model in (PastAward, Organization, HistoryEntry)] == before
    assert tasks.carry_out_waiting() == 0, "nobody confirmed it"


def test_an_import_that_fails_in_the_middle_leaves_nothing(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    coordinator = make.person(Role.GLOBAL_COORDINATOR)
    sent = actions.send_in("table.csv", REAL.read_bytes(), by=coordinator)
    sent.programme = "Before"
    actions.confirm(sent, by=coordinator)
    db.session.commit()
    monkeypatch.setattr(actions, "AT_ONCE", 100)
    seen: list[tuple[int, int]] = []

    def broken(import_id: int, done: int, total: int) -> None:
        seen.append((done, total))
        if done == 300:
            raise RuntimeError("the light went out")

    with monkeypatch.context() as patch:
        patch.setattr(queries, "note_progress", broken)
        assert tasks.carry_out_waiting() == 0
    assert seen == [(100, 468), (200, 468), (300, 468)]
    assert (number_of(PastAward), number_of(Organization)) == (0, 0)
    db.session.refresh(sent)
    assert sent.state == ImportState.FAILED
    actions.confirm(sent, by=coordinator)
    db.session.commit()
    assert tasks.carry_out_waiting() == 1
    db.session.refresh(sent)
    assert (sent.state, sent.imported, sent.done, sent.total) == (ImportState.DONE, 468, 468, 468)
    verbs = db.session.scalars(select(HistoryEntry.verb).where(HistoryEntry.subject_kind == "award_import"))
    assert list(verbs) == ["confirm", "give_up", "confirm", "finish"]


def test_two_imports_of_one_table_at_once_import_it_once(live: Flask) -> None:
    make.person(Role.GLOBAL_COORDINATOR)
    db.session.commit()
    begun, outcomes = threading.Barrier(2), []

    def one() -> None:
        with live.app_context():
            begun.wait()
            with transaction():
                sent = imported(REAL.read_bytes())
                outcomes.append((sent.imported, sent.present))
            db.session.remove()

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [(0, 468), (468, 0)]
    assert number_of(PastAward) == 468


def test_an_import_waits_for_others_longer_than_pages_do(app: Flask) -> None:
    queries.wait_for_others(actions.PATIENCE)
    assert {db.session.scalar(text(f"SHOW {limit}")) for limit in ("lock_timeout", "statement_timeout")} == {"10min"}
    imported(lines("A,EUR 5"))
    db.session.rollback()
    assert db.session.scalar(text("SHOW lock_timeout")) == "8s", "only until the transaction ends"


def test_progress_is_seen_while_nothing_is_committed_yet(live: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    coordinator = make.person(Role.GLOBAL_COORDINATOR)
    sent = actions.send_in("table.csv", REAL.read_bytes(), by=coordinator)
    sent.programme = "Before"
    actions.confirm(sent, by=coordinator)
    db.session.commit()
    monkeypatch.setattr(actions, "AT_ONCE", 200)
    seen: list[tuple[int, int, int]] = []
    real = queries.note_progress

    def noted(import_id: int, done: int, total: int) -> None:
        real(import_id, done, total)
        with db.engine.connect() as other:
            asked = "SELECT done, total, (SELECT count(*) FROM past_award) FROM award_import"
            seen.append(tuple(other.execute(text(asked)).one()))  # type: ignore[arg-type]

    monkeypatch.setattr(queries, "note_progress", noted)
    assert tasks.carry_out_waiting() == 1
    assert seen == [(200, 468, 0), (400, 468, 0), (468, 468, 0)]


def test_the_database_itself_keeps_an_award_from_coming_twice(app: Flask) -> None:
    imported(lines("A,EUR 5,1/2/2015"))
    twin = {**{c.key: getattr(_only(), c.key) for c in PastAward.__table__.columns if c.key != "id"}, "line": 9}
    with pytest.raises(IntegrityError, match="uq_past_award_fingerprint"):
        make.save(PastAward(**twin | {"reference": "other"}))


def _only() -> PastAward:
    return db.session.scalars(select(PastAward)).one()


# ------------------------------------------------------------------ and back again


def test_an_import_is_taken_back_whole_with_a_reason_and_stays_in_the_record(app: Flask) -> None:
    coordinator = make.person(Role.GLOBAL_COORDINATOR)
    here = make.organization(name="Here before", country="SN")
    sent = imported(
        lines("Here before,EUR 5,1/2/2015,,,Senegal", "Joined since,EUR 6,1/2/2015", "Gone,EUR 7,1/2/2015"),
        by=coordinator,
    )
    joined = db.session.scalars(select(Organization).where(Organization.name == "Joined since")).one()
    make.save(make.Membership(organization_id=joined.id, person_id=make.person().id, role="owner"))
    with pytest.raises(Refused, match="say why"):
        actions.undo(sent, " ", by=coordinator)
    assert number_of(PastAward) == 3
    actions.undo(sent, "The wrong table", by=coordinator)
    assert number_of(PastAward) == 0
    assert set(db.session.scalars(select(Organization.id))) == {here.id, joined.id}, "what others rest on stays"
    assert (sent.state, sent.imported, totals(sent)) == (ImportState.UNDONE, 3, {"EUR": "18.00"})
    told = db.session.scalars(select(HistoryEntry).where(HistoryEntry.verb == "undo")).one()
    assert (told.subject_kind, told.actor_id, told.reason) == ("award_import", coordinator.id, "The wrong table")
    assert files.read(sent.file), "the table stays"
    with pytest.raises(Refused):
        actions.undo(sent, "Again", by=coordinator)
    assert imported(lines("Gone,EUR 7,1/2/2015")).imported == 1, "what was taken back can be brought again"


def test_a_table_is_put_aside_only_before_it_is_confirmed(app: Flask) -> None:
    coordinator = make.person(Role.GLOBAL_COORDINATOR)
    sent = actions.send_in("table.csv", lines("A,EUR 5"), by=coordinator)
    actions.discard(sent)
    assert number_of(AwardImport) == 0
    done = imported(lines("A,EUR 5"))
    with pytest.raises(Refused):
        actions.discard(done)
    with pytest.raises(Refused):
        actions.confirm(done, by=coordinator)
    with pytest.raises(Refused):
        actions.lay_out(done, actions.Layout(columns={"grantee": 0, "amount": 1}), "Other", by=coordinator)


def test_tables_that_nobody_confirmed_go_after_a_while(app: Flask) -> None:
    left = actions.send_in("table.csv", lines("A,EUR 5"), by=None)
    kept = imported(lines("A,EUR 5"))
    at = left.sent_at
    assert actions.forget_left(at + actions.rules.KEPT / 2) == 0
    assert actions.forget_left(at + actions.rules.KEPT * 2) == 1
    assert list(db.session.scalars(select(AwardImport.id))) == [kept.id]


def test_what_stood_in_refused_rows_is_forgotten_after_a_while(app: Flask) -> None:
    sent = imported(lines("A,EUR 5", "B,Amina Canary"))
    assert "Amina Canary" in str(sent.refused)
    at = clock.now()
    assert actions.forget_left(at + actions.rules.KEPT / 2) == 0
    assert actions.forget_left(at + actions.rules.KEPT * 2) == 1
    db.session.refresh(sent)
    assert "Amina" not in str(sent.refused)
    assert [actions.rules.Refusal(**one).reason for one in sent.refused] == ["“…” is not an amount."]
    assert actions.forget_left(at + actions.rules.KEPT * 2) == 0


# ------------------------------------------------------------------ hiding one of them


def test_an_award_of_the_past_is_hidden_by_those_in_charge_everywhere_at_once(browser: Browser) -> None:
    imported(b"Recipient,Amount,Currency,Country,Title\nCanary House,5000,EUR,SN,Canary song\n")
    award = db.session.scalars(select(PastAward)).one()
    path = f"/past-grants/{award.reference}"
    fields = {"wanted": "name_withheld", "reason": "A threat was reported."}
    near = make.person(Role.REGIONAL_COORDINATOR, regions=["AFR"])
    far = make.person(Role.REGIONAL_COORDINATOR, regions=["ASI"])
    auditor = make.person(Role.AUDITOR)
    db.session.commit()
    for other, status in ((far, 404), (auditor, 403)):
        Browser(browser.app).sign_in(other).post(f"{path}/tighten", fields, page="/account", status=status)
    browser.sign_in(near)
    browser.get(path)
    assert f"{path}/tighten" in browser.text
    browser.post(f"{path}/tighten", {"wanted": "public", "reason": "x"}, page=path, status=422)
    browser.post(f"{path}/tighten", fields, page=path, status=302)
    found = select(PastAward.confidentiality, Organization.confidentiality_default).join(PastAward.organization)
    assert db.session.execute(found).one() == ("name_withheld", "name_withheld")
    entry = db.session.scalars(select(HistoryEntry).where(HistoryEntry.verb == "tighten")).one()
    assert entry.reason == "A threat was reported."
    assert "anary" not in str(entry.details)
    for address in ("/grants", "/organizations"):
        answer = browser.post("/exports", {"address": address, "kind": "csv"}, page="/exports", status=200)
        assert b"SN" not in answer.get_data()
        assert b"anary" not in answer.get_data()
    browser.get(path)
    assert "fully_confidential" in browser.text
    assert "name_withheld" not in browser.text, "only what hides more is offered"
    assert "Senegal" not in Browser(browser.app).sign_in(auditor).open("/grants/figures").content


def test_what_was_hidden_stays_hidden_when_its_table_is_taken_back_and_brought_again(app: Flask) -> None:
    content = lines("Canary House,EUR 5", "Other,EUR 6")
    by = make.person(Role.GLOBAL_COORDINATOR)
    sent = imported(content)
    award = db.session.scalars(select(PastAward).where(PastAward.grantee == "Canary House")).one()
    actions.tighten(award, "name_withheld", "A threat was reported.", by=by)
    actions.undo(sent, "A column was wrong.", by=by)
    db.session.expire_all()
    again = actions.send_in("table.csv", content, by=by)
    assert [one.confidentiality for one in actions.looked_at(again).coming] == ["name_withheld", "public"]
    imported(content)
    found = select(PastAward.grantee, PastAward.confidentiality, Organization.confidentiality_default)
    assert set(db.session.execute(found.join(PastAward.organization)).all()) == {
        ("Canary House", "name_withheld", "name_withheld"),
        ("Other", "public", "public"),
    }
