"""What is asked and judged before an agreement, the risk and what it changes, and names on sanctions lists."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from grants.accounts.models import Person, Role
from grants.applications.models import Attachment
from grants.awards.models import Award
from grants.awards.workflow import AwardState
from grants.calls.models import DocumentAsked
from grants.conflicts.models import ConflictDeclaration, Grade
from grants.core import clock, files
from grants.core.db import db
from grants.core.mail import OutboxMail
from grants.core.rules import Refused
from grants.diligence import actions, queries, rules
from grants.diligence.models import Outcome, SanctionsCheck, Tab, Verdict
from grants.organizations.models import KeptDocument
from grants.payments import actions as payments
from grants.payments import queries as payment_queries
from grants.questionnaires.models import SectionAnswers
from grants.reviews.queries import attachments_to_read
from grants.visits.models import Visit
from tests import factories as make
from tests.awards.test_numbers import TERMS
from tests.http import Browser
from tests.payments import rows
from tests.payments.test_plan import ESCALATION
from tests.uploads import photographs

AT = datetime(2027, 5, 3, 9, tzinfo=UTC)
PDF = photographs.blank_pdf()


@pytest.fixture(autouse=True)
def _in_may(app: Flask):
    with clock.at(AT):
        yield


class Case:
    """An accepted grant with a document from its application and one asked for after the award; and its people."""

    def __init__(self, minor: int = 1_000_000, **of_terms: Any) -> None:
        self.owner = make.person(name="Awa Diop")
        self.coordinator = make.person(Role.REGIONAL_COORDINATOR, regions=["AFR"], name="Coordinator")
        self.other = make.person(Role.REGIONAL_COORDINATOR, regions=["AFR"], name="Another coordinator")
        self.officer = make.person(Role.FINANCE_OFFICER, regions=[], name="Officer")
        self.organization = make.organization(self.owner, legal_representative="Moussa Fall")
        terms = TERMS | {"reporting": TERMS["reporting"] | {"escalation": ESCALATION}} | of_terms
        self.call = make.call(terms=terms)
        self.application = make.application(self.call, self.organization, self.owner, requested_minor=minor)
        found = select(DocumentAsked).where(DocumentAsked.call_id == self.call.id, DocumentAsked.key == "statutes")
        statutes = db.session.scalars(found).one()
        bank = {"code": "A12", "key": "bank_letter_or_statement", "label": {"en": "Bank letter"}, "formats": ["pdf"]}
        make.save(DocumentAsked(call_id=self.call.id, position=9, required=True, stage="award", **bank))
        attached = {"document_id": statutes.id, "file_id": make.stored_file("statutes.pdf").id}
        make.save(Attachment(application_id=self.application.id, attached_by_id=self.owner.id, **attached))
        partners = {"partners": [{"name": "Réseau Teranga", "role": "Training"}]}
        sheet = {"answer_sheet_id": self.application.answer_sheet_id, "section_key": "partners", "values": partners}
        make.save(SectionAnswers(**sheet, version=1, saved_by_id=self.owner.id))
        self.award = make.award(self.application, self.coordinator, state=AwardState.ACCEPTED)

    @property
    def diligence(self) -> Any:
        found = queries.diligence_of(self.award)
        assert found is not None
        return found

    def point(self, key: str) -> Any:
        return next(point for point in self.diligence.points if point.key == key)

    def begin(self) -> Case:
        actions.open_diligence(self.award, by=self.coordinator)
        return self

    def judge_all(self) -> Case:
        for point in self.diligence.points:
            if rules.waits_for_grantee(point):
                actions.hand_in(point, "paper.pdf", PDF, by=self.owner)
            by = self.officer if point.tab == Tab.BANK else self.coordinator
            actions.judge(point, Verdict.OK, "", by=by)
        return self

    def screen(self, outcome: str = Outcome.NO_MATCH, by: Person | None = None, **more: Any) -> SanctionsCheck:
        values: dict[str, Any] = {
            "list_name": "UN consolidated list",
            "list_version": "2027-05-01",
            "names": queries.names_to_search(self.award),
            "decision": "" if outcome == Outcome.NO_MATCH else "The name is the same, the country is not.",
        }
        return actions.screen(self.diligence, outcome=outcome, by=by or self.coordinator, **(values | more))

    def finished(self, risk: str = "low") -> Case:
        self.begin().judge_all().screen()
        actions.judge_risk(self.diligence, risk, "As we know it.", by=self.coordinator)
        actions.finish(self.diligence, by=self.coordinator)
        return self


def codes(act: Any, *args: Any, **more: Any) -> set[str]:
    with pytest.raises(Refused) as refused:
        act(*args, **more)
    return {obstacle.code for obstacle in refused.value.obstacles}


def mails(kind: str) -> list[OutboxMail]:
    return list(db.session.scalars(select(OutboxMail).where(OutboxMail.kind == kind)))


# ------------------------------------------------------------------ what is asked


def test_what_came_with_the_application_is_not_asked_twice() -> None:
    case = Case().begin()
    by_key = {point.key: point for point in case.diligence.points}
    assert by_key["statutes"].source == "application"
    assert not rules.waits_for_grantee(by_key["statutes"])
    assert rules.waits_for_grantee(by_key["board_list"])
    bank = by_key["bank_letter_or_statement"]
    assert (bank.tab, bank.asked_of, bank.formats) == ("bank", "grantee", ["pdf"])
    assert by_key["partner_1"].label["en"].startswith("Partner Réseau Teranga")
    assert "sponsor" not in by_key, "it is registered itself"
    assert [mail.to_person_id for mail in mails("diligence_asked")] == [case.owner.id]
    assert codes(actions.open_diligence, case.award, by=case.coordinator) == {"begun"}


def test_the_terms_of_the_call_say_what_is_looked_at() -> None:
    point = {"key": "policy", "tab": "checklist", "asked_of": "fund", "label": {"en": "Policy"}}
    absent = point | {"key": "sponsor", "when": "not organization.registered"}
    case = Case(diligence={"points": [point, absent]}).begin()
    assert [one.key for one in case.diligence.points] == ["policy", "bank_letter_or_statement", "partner_1"]


def test_what_the_organization_keeps_is_handed_in_without_sending_it_again() -> None:
    case = Case().begin()
    kept = make.stored_file("board.pdf")
    more = {"kind": "board_list", "file_id": kept.id, "added_by_id": case.owner.id}
    old = make.save(KeptDocument(organization_id=case.organization.id, valid_until=date(2027, 1, 1), **more))
    assert queries.kept_for(case.diligence, AT.date()) == {}, "an expired paper is not offered"
    old.valid_until = date(2028, 1, 1)
    db.session.flush()
    assert set(queries.kept_for(case.diligence, AT.date())) == {"board_list"}


def test_a_point_that_is_not_in_order_is_asked_for_again_and_the_note_stays_inside(browser: Browser) -> None:
    case = Case().begin()
    point = case.point("board_list")
    actions.hand_in(point, "board.pdf", PDF, by=case.owner)
    assert codes(actions.judge, point, "not_ok", "", by=case.coordinator) == {"note_missing"}
    actions.judge(
        point, "not_ok", "The chair is our neighbour.", words="Please send the list of 2027.", by=case.coordinator
    )
    assert rules.waits_for_grantee(point)
    (mail,) = mails("diligence_asked_again")
    assert "list of 2027" in str(mail.body)
    assert "neighbour" not in str(mail.body)
    db.session.commit()
    page = browser.sign_in(case.owner).get(f"/grants/{case.award.reference}/diligence")
    assert "Please send the list of 2027." in browser.text
    assert "neighbour" not in browser.text
    assert "anctions" not in browser.text
    assert page is not None
    browser.get(f"/grants/{case.award.reference}/diligence?tab=sanctions")
    assert "anctions list" not in browser.text, "the grantee reads only what is asked of it"


def test_what_is_handed_in_again_is_judged_again() -> None:
    case = Case().begin()
    point = case.point("board_list")
    actions.hand_in(point, "board.pdf", PDF, by=case.owner)
    actions.judge(point, "not_ok", "Too old.", words="Please send the list of 2027.", by=case.coordinator)
    actions.hand_in(point, "new.pdf", PDF, by=case.owner)
    assert (point.verdict, point.words, point.judged_by_id) == (None, "", None)
    assert point.file.name == "new.pdf"


def test_only_papers_that_are_asked_and_of_their_kind_are_taken() -> None:
    case = Case().begin()
    assert codes(actions.hand_in, case.point("may_sign"), "a.pdf", PDF, by=case.owner) == {"not_asked"}
    assert codes(actions.hand_in, case.point("bank_letter_or_statement"), "a.docx", b"no", by=case.owner) & {
        "file_kind",
        "file_content",
    }
    actions.judge(case.point("statutes"), "ok", "", by=case.coordinator)
    assert codes(actions.hand_in, case.point("statutes"), "a.pdf", PDF, by=case.owner) == {"judged"}


def test_an_ok_without_a_paper_needs_a_note() -> None:
    case = Case().begin()
    assert codes(actions.judge, case.point("board_list"), "ok", "", by=case.coordinator) == {"nothing_came"}
    actions.judge(case.point("board_list"), "ok", "Seen at the office on 2 May.", by=case.coordinator)
    assert codes(actions.judge, case.point("statutes"), "maybe", "x", by=case.coordinator) == {"no_verdict"}


# ------------------------------------------------------------------ finishing, and the agreement


def test_the_agreement_waits_for_each_part_and_says_where_to_mend_it() -> None:
    case = Case()
    with pytest.raises(Refused) as refused:
        payments.prepare_agreement(case.award, by=case.coordinator)
    (one,) = refused.value.obstacles
    assert (one.code, one.where) == ("not_begun", ("diligence.of_grant", {"reference": case.award.reference}))
    case.begin()
    left = {"points_left_documents", "points_left_checklist", "points_left_bank", "points_left_partners"}
    assert codes(actions.finish, case.diligence, by=case.coordinator) == left | {"risk_not_judged", "not_searched"}
    with pytest.raises(Refused) as refused:
        payments.prepare_agreement(case.award, by=case.coordinator)
    assert all(obstacle.where for obstacle in refused.value.obstacles)
    case.judge_all().screen()
    assert codes(actions.finish, case.diligence, by=case.coordinator) == {"risk_not_judged"}
    assert codes(actions.judge_risk, case.diligence, "low", "", by=case.coordinator) == {"reason_missing"}
    actions.judge_risk(case.diligence, "low", "Known to us.", by=case.coordinator)
    assert codes(payments.prepare_agreement, case.award, by=case.coordinator) == {"not_finished"}
    actions.finish(case.diligence, by=case.coordinator)
    assert payments.prepare_agreement(case.award, by=case.coordinator).version == 1


def test_a_search_grows_old_and_new_names_have_to_be_searched() -> None:
    case = Case(diligence={"sanctions_days": 30}).finished()
    with clock.at(AT + timedelta(days=30)):
        assert actions.obstacles_to_agreement(case.award) == []
    with clock.at(AT + timedelta(days=31)):
        assert codes(payments.prepare_agreement, case.award, by=case.coordinator) == {"search_too_old"}
    case.organization.legal_representative = "Somebody New"
    db.session.flush()
    assert codes(payments.prepare_agreement, case.award, by=case.coordinator) == {"names_not_searched"}
    case.screen()
    assert payments.prepare_agreement(case.award, by=case.coordinator)


# ------------------------------------------------------------------ sanctions lists


def test_names_are_offered_from_what_is_known_and_none_may_be_left_out() -> None:
    case = Case().begin()
    names = queries.names_to_search(case.award)
    assert names == [case.organization.name, "Moussa Fall", "Awa Diop", "Réseau Teranga"]
    assert codes(case.screen, names=names[1:]) == {"names_missing"}
    assert case.screen(names=[*names, "Board Member"]).names[-1] == "Board Member"


def test_what_is_found_needs_another_person_and_holds_everything_until_then() -> None:
    case = Case().finished()
    assert codes(case.screen, Outcome.POSSIBLE, decision=" ") == {"no_decision"}
    check = case.screen(Outcome.POSSIBLE)
    assert case.award.on_hold
    assert {mail.to_person_id for mail in mails("diligence_second_look")} == {case.other.id, case.officer.id}
    assert codes(payments.prepare_agreement, case.award, by=case.coordinator) == {"second_look_missing"}
    mine = {"cleared": True, "reason": "I am sure."}
    assert codes(actions.look, check, by=case.coordinator, **mine) == {"searched_by_you"}
    actions.look(check, cleared=False, reason="It is the same person.", by=case.other)
    assert case.award.on_hold
    assert codes(payments.prepare_agreement, case.award, by=case.coordinator) == {"sanctions_match"}
    again = case.screen(Outcome.NO_MATCH)
    assert again.needs_look, "one person alone cannot search a match away"
    assert case.award.on_hold
    actions.look(again, cleared=True, reason="The entry was taken off the list.", by=case.other)
    assert not case.award.on_hold
    assert codes(actions.look, again, cleared=False, reason="x", by=case.officer) == {"no_look_needed"}
    assert payments.prepare_agreement(case.award, by=case.coordinator)


def test_the_database_itself_keeps_the_two_people_apart_and_the_searches_as_they_are() -> None:
    case = Case().begin()
    check = case.screen(Outcome.MATCH)
    row = "INSERT INTO second_look (check_id, first_by_id, made_by_id, cleared, reason) VALUES (:c, :f, :m, true, 'x')"
    for first, second in ((case.coordinator.id, case.coordinator.id), (case.other.id, case.coordinator.id)):
        with pytest.raises(IntegrityError), db.session.begin_nested():
            db.session.execute(text(row), {"c": check.id, "f": first, "m": second})
    wrong = "INSERT INTO sanctions_check (award_id, list_name, list_version, names, outcome, decision, needs_look, made_by_id)"
    values = {"a": case.award.id, "p": case.coordinator.id}
    with pytest.raises(IntegrityError, match="doubt_needs"), db.session.begin_nested():
        db.session.execute(text(f"{wrong} VALUES (:a, 'L', '1', '{{x}}', 'match', 'd', false, :p)"), values)
    with pytest.raises(DBAPIError, match="is a record"), db.session.begin_nested():
        db.session.execute(text("UPDATE sanctions_check SET outcome = 'no_match'"))


def test_a_match_stops_the_signature_and_every_step_of_a_payment() -> None:
    made = rows.scene()
    paying = rows.approved(made)
    make.diligence(made.award, made.coordinator)
    found = queries.diligence_of(made.award)
    assert found is not None
    more = {"list_name": "UN", "list_version": "2", "names": queries.names_to_search(made.award)}
    actions.screen(found, outcome="match", decision="The same.", by=made.coordinator, **more)
    at = clock.now()
    sent = {"paid_on": at.date(), "bank_reference": "B", "proof_name": "p.pdf", "proof_content": PDF}
    assert codes(payments.pay, paying, by=made.officers[0], **sent) == {"on_hold"}
    payments.cancel(paying, "On hold.", by=made.officers[0])
    assert codes(payments.prepare, made.first, by=made.officers[0]) == {"on_hold"}
    assert not payment_queries.something_is_due(select(Award), at), "the queue says what the rule says"
    unsigned = rows.scene(signed=False)
    unsigned.award.on_hold = True
    db.session.flush()
    assert codes(payments.sign_agreement, unsigned.award, signature="Awa Diop", by=unsigned.owner) == {"on_hold"}


# ------------------------------------------------------------------ the risk


def test_the_facts_propose_a_risk_and_say_why() -> None:
    case = Case(2_000_000).begin()
    case.organization.income_last_year_minor, case.organization.founded_on = 3_000_000, date(2026, 1, 1)
    db.session.flush()
    facts = {fact.code: fact.weight for fact in actions.facts_of(case.diligence)}
    assert facts == {"first_grant": 1, "large_share": 2, "young": 1}
    assert rules.proposed_risk(actions.facts_of(case.diligence)) == "high"
    case.organization.founded_on = date(2010, 1, 1)
    assert rules.proposed_risk(actions.facts_of(case.diligence)) == "medium"
    case.organization.income_last_year_minor = 100_000_000
    assert rules.proposed_risk(actions.facts_of(case.diligence)) == "low"
    actions.judge(case.point("may_sign"), "not_ok", "Nobody may.", by=case.coordinator)
    assert "points_not_in_order" in {fact.code for fact in actions.facts_of(case.diligence)}


def test_a_high_risk_pays_the_first_instalment_in_two_parts_and_asks_for_a_visit() -> None:
    case = Case(1_200_001).finished("high")
    payments.prepare_agreement(case.award, by=case.coordinator)
    planned = payment_queries.tranches_of(case.award)
    assert [(t.number, t.amount_minor, t.trigger, t.min_spent_percent) for t in planned] == [
        (1, 300_000, "agreement_signed", None),
        (2, 300_000, "progress_report_approved", 70),
        (3, 480_000, "interim_report_approved", 70),
        (4, 120_001, "final_report_approved", None),
    ]
    assert sum(t.amount_minor for t in planned) == case.award.amount_minor
    assert [t.due_on for t in planned] == sorted(t.due_on for t in planned)
    (visit,) = db.session.scalars(select(Visit).where(Visit.key == "visit"))
    assert visit.lead_id == case.coordinator.id
    assert visit.kind == "on_site"
    assert visit.holds_payments
    assert visit.announced_at is None
    assert case.award.start_on < visit.due_on < case.award.end_on
    payments.prepare_agreement(case.award, by=case.coordinator)
    assert db.session.scalars(select(Visit.number)).all() == [1]


def test_a_risk_judged_anew_plans_again_until_the_agreement_is_signed() -> None:
    case = Case(1_200_000).finished("high")
    payments.prepare_agreement(case.award, by=case.coordinator)
    actions.judge_risk(case.diligence, "medium", "They sent audited accounts.", by=case.coordinator)
    payments.prepare_agreement(case.award, by=case.coordinator)
    assert [t.amount_minor for t in payment_queries.tranches_of(case.award)] == [600_000, 480_000, 120_000]
    assert "progress_report" not in payment_queries.reports_owed(case.award)
    planned = select(Visit.key, Visit.kind, Visit.holds_payments, Visit.state).order_by(Visit.number)
    assert db.session.execute(planned).all() == [
        (None, "on_site", True, "cancelled"),
        ("accounts_looked_at", "remote", False, "planned"),
    ]


def test_a_coordinator_finishes_it_on_the_pages(browser: Browser) -> None:
    case = Case()
    names = queries.names_to_search(case.award)
    db.session.commit()
    reference = case.award.reference
    path = f"/grants/{reference}/diligence"
    browser.sign_in(case.coordinator).get(path)
    browser.post(path, status=302)
    browser.follow()
    point, holder = case.point("statutes").id, case.point("account_holder").id
    browser.get(f"{path}/points/{point}")
    browser.post(f"{path}/points/{point}", {"verdict": "not_ok"}, status=422)
    assert "It stays inside the fund." in browser.text
    browser.post(f"{path}/points/{point}", {"verdict": "ok"}, status=302)
    browser.get(f"{path}/points/{holder}", status=403)
    for tab in ("checklist", "bank", "partners", "sanctions", "risk"):
        browser.get(f"{path}?tab={tab}")
    browser.get(f"{path}?tab=nothing", status=404)
    browser.post(f"{path}/risk", {"risk": "low"}, page=f"{path}?tab=risk", status=422)
    browser.post(f"{path}/risk", {"risk": "low", "reason": "Known."}, page=f"{path}?tab=risk", status=302)
    fields = {"list_name": "UN", "list_version": "1", "names": "Nobody", "outcome": "no_match"}
    browser.post(f"{path}/sanctions", fields, page=f"{path}?tab=sanctions", status=422)
    assert "Moussa Fall" in browser.text
    fields["names"] = "\n".join(names)
    browser.post(f"{path}/sanctions", fields, page=f"{path}?tab=sanctions", status=302)
    browser.get(f"/grants/{reference}/plan")
    assert "points are not judged yet" in browser.text


def test_files_about_the_bank_are_opened_by_finance_officers_only(browser: Browser) -> None:
    case = Case().begin()
    bank, board = case.point("bank_letter_or_statement"), case.point("board_list")
    for point in (bank, board):
        actions.hand_in(point, "Awa Diop.pdf", PDF, by=case.owner)
    path = f"/grants/{case.award.reference}/diligence"
    files = {"bank": f"{path}/points/{bank.id}/file", "board": f"{path}/points/{board.id}/file"}
    judging, reference = f"{path}/points/{bank.id}", case.award.reference
    stranger = make.person()
    db.session.commit()
    staff = browser.sign_in(case.coordinator)
    staff.get(files["bank"], status=403)
    staff.get(judging, status=403)
    told = staff.get(files["board"]).headers["Content-Disposition"]
    assert f"{reference}-board_list.pdf" in told
    assert "Diop" not in told
    officer = Browser(browser.app).sign_in(case.officer)
    assert officer.get(files["bank"]).data.startswith(b"%PDF")
    officer.get(judging)
    Browser(browser.app).sign_in(stranger).get(path, status=404)
    Browser(browser.app).sign_in(make.person(Role.AUDITOR)).get(files["bank"], status=403)


def test_a_paper_about_the_bank_that_came_with_an_application_is_opened_by_its_members_only(browser: Browser) -> None:
    case = Case()
    about = {"code": "A9", "key": "bank_statement", "label": {"en": "Bank statement"}, "formats": ["pdf"]}
    asked = make.save(DocumentAsked(call_id=case.call.id, position=8, required=False, **about))
    attachment = make.save(
        Attachment(
            application_id=case.application.id,
            document_id=asked.id,
            file_id=files.keep_own("a.pdf", PDF).id,
            attached_by_id=case.owner.id,
        )
    )
    page = f"/applications/{case.application.reference}"
    path = f"{page}/files/{attachment.id}"
    db.session.commit()
    for person in (case.coordinator, make.person(Role.AUDITOR)):
        reader = Browser(browser.app).sign_in(person)
        reader.get(path, status=404)
        assert "Bank statement" in reader.open(f"{page}/read").content
        reader.get(f"{page}/read")
        assert path not in reader.text
    assert Browser(browser.app).sign_in(case.owner).get(path).data == PDF
    assert [one.document.key for one in attachments_to_read(case.application.id)] == ["statutes"]


def test_a_coordinator_with_a_tie_to_the_grantee_sees_nothing_of_it(browser: Browser) -> None:
    case = Case().begin()
    make.save(
        ConflictDeclaration(
            person_id=case.other.id, organization_id=case.organization.id, grade=Grade.CONFLICT, reason="A cousin."
        )
    )
    case.screen(Outcome.POSSIBLE)
    assert {mail.to_person_id for mail in mails("diligence_second_look")} == {case.officer.id}
    path = f"/grants/{case.award.reference}"
    db.session.commit()
    browser.sign_in(case.other)
    for page in ("diligence", "confidentiality", "countersign", "conditions/new"):
        browser.get(f"{path}/{page}", status=404)


def test_a_point_is_judged_as_it_was_read() -> None:
    case = Case().begin()
    point = next(one for one in case.diligence.points if rules.waits_for_grantee(one) and one.tab != Tab.BANK)
    read = rules.mark_of_point(point)
    actions.hand_in(point, "paper.pdf", PDF, by=case.owner)
    assert codes(actions.judge, point, Verdict.OK, "Seen.", by=case.coordinator, read=read) == {"changed_meanwhile"}
    actions.judge(point, Verdict.OK, "", by=case.coordinator, read=rules.mark_of_point(point))


def test_the_search_that_was_read_is_the_one_that_is_looked_at() -> None:
    case = Case().begin()
    read = rules.mark_of_search(case.screen(Outcome.POSSIBLE))
    latest = case.screen(Outcome.MATCH)
    more: dict[str, Any] = {"cleared": True, "reason": "Another person.", "by": case.officer}
    assert codes(actions.look, latest, read=read, **more) == {"changed_meanwhile"}
    assert not actions.look(latest, read=rules.mark_of_search(latest), **(more | {"cleared": False})).cleared
