"""The agreement: its words, its languages, signed on paper or online, conditions with owners, many at once."""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pikepdf
import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from grants.accounts.models import MemberRole, Membership
from grants.awards import actions, queries, rules
from grants.awards.models import Agreement, Award, Condition, Risk
from grants.awards.workflow import AwardState
from grants.core import clock, files, languages
from grants.core.bare import texts_in
from grants.core.db import db, transaction
from grants.core.files import Scan
from grants.core.languages import LANGUAGES
from grants.core.mail import OutboxMail
from grants.core.rules import Refused
from grants.letters import actions as letters
from grants.letters.models import LetterKind
from grants.letters.queries import Paragraphs
from grants.payments import actions as payments
from grants.payments import rules as payment_rules
from grants.payments.models import AgreementBatch, Transfer
from grants.payments.queries import wrong_totals
from grants.payments.tasks import draw_up_waiting
from tests import factories as make
from tests.awards.test_numbers import TERMS
from tests.http import Browser
from tests.payments import rows
from tests.payments.test_plan import accepted
from tests.payments.test_together import at_once
from tests.uploads import photographs

AT = datetime(2027, 5, 10, 9, tzinfo=UTC)
PDF = photographs.blank_pdf()
ARABIC = "قابلة للتنقل: حماية العاملات المهاجرات"


@pytest.fixture(autouse=True)
def _in_may(request: pytest.FixtureRequest):
    application = next((name for name in ("app", "browser", "live") if name in request.fixturenames), None)
    if application is None:
        yield
        return
    request.getfixturevalue(application)
    with clock.at(AT):
        yield


def codes(act: Any, *args: Any, **more: Any) -> set[str]:
    with pytest.raises(Refused) as refused:
        act(*args, **more)
    return {obstacle.code for obstacle in refused.value.obstacles}


def hand_in(made: rows.Scene, **more: Any) -> Agreement:
    values: dict[str, Any] = {"signature": "Awa Diop", "signed_on": AT.date(), "name": "signed.pdf", "content": PDF}
    return actions.hand_in_copy(made.award, by=made.owner, **(values | more))


# ------------------------------------------------------------------ the plan


def plan(minor: int, risk: str, start: date, months: int, currency: str) -> tuple[list[Any], list[Any], Award]:
    end = start + timedelta(days=30 * months)
    award = Award(amount_minor=minor, currency=currency, risk=risk, start_on=start, end_on=end)
    return rules.instalments(award, TERMS), rules.report_plan(award, TERMS), award


@given(
    minor=st.integers(100, 10**12),
    risk=st.sampled_from([None, *Risk]),
    start=st.dates(date(2020, 1, 1), date(2060, 1, 1)),
    months=st.integers(0, 60),
    signed_after=st.integers(-400, 400),
    currency=st.sampled_from(["EUR", "XOF", "TND", "JPY"]),
)
def test_whatever_the_risk_the_plan_is_the_award_and_its_dates_are_in_order(
    minor: int, risk: str | None, start: date, months: int, signed_after: int, currency: str
) -> None:
    planned, reports, award = plan(minor, risk, start, months, currency)
    assert sum((part.amount.minor for part in planned), 0) == award.amount_minor
    assert sum(part.percent for part in planned) == 100
    assert [part.number for part in planned] == list(range(1, len(planned) + 1))
    assert [report.due_on for report in reports] == sorted(report.due_on for report in reports)
    by_key = {report.key: report.due_on for report in reports}
    waited_for = [payment_rules.report_key_of(part.trigger) for part in planned]
    assert set(filter(None, waited_for)) <= set(by_key), "no instalment waits for a report that nobody is asked for"
    days = payment_rules.days_of(planned, by_key, start + timedelta(days=signed_after))
    assert days == sorted(days)


@pytest.mark.parametrize("minor", [1_000_000, 1_500_000])
def test_a_low_risk_leaves_the_plan_of_the_call_as_it_is(minor: int) -> None:
    low, low_reports, _ = plan(minor, Risk.LOW, date(2027, 6, 1), 8, "EUR")
    none, none_reports, _ = plan(minor, "", date(2027, 6, 1), 8, "EUR")
    medium, _, _ = plan(minor, Risk.MEDIUM, date(2027, 6, 1), 8, "EUR")
    assert low == none == medium
    assert low_reports == none_reports


def test_a_call_says_itself_what_a_risk_adds() -> None:
    parts = [{"number": 1, "percent": 100, "trigger": "final_report_approved"}]
    own = TERMS | {"award": TERMS["award"] | {"by_risk": {"high": {"tranche_plans": [{"tranches": parts}]}}}}
    award = Award(amount_minor=1_000_000, currency="EUR", risk=Risk.HIGH)
    assert [part.percent for part in rules.instalments(award, own)] == [Decimal(100)]
    award.risk = Risk.MEDIUM
    assert [part.percent for part in rules.instalments(award, own)] == [Decimal(80), Decimal(20)]


# ------------------------------------------------------------------ words and languages


def drawn(language: str, **of_award: Any) -> tuple[Agreement, bytes]:
    award, coordinator, _owner = accepted(1_200_000)
    award.application.language = language
    for name, value in of_award.items():
        setattr(award, name, value)
    make.save(Condition(award_id=award.id, text="Send the policy", due_on=date(2027, 7, 1)))
    make.save(Condition(award_id=award.id, text="Inside only", owner_id=coordinator.id, blocks_payment=False))
    agreement = payments.prepare_agreement(award, by=coordinator)
    return agreement, files.read(agreement.file)


def words_of(content: bytes) -> str:
    return "\n".join(texts_in(content, "pdf"))


def test_the_agreement_says_what_the_coordinators_of_the_call_wrote(app: Flask) -> None:
    award, coordinator, _owner = accepted(1_200_000)
    words = Paragraphs(
        "We and {organization}.", "Up to {amount} from {start}.\nNone {reserve_until}", "Be kind to {title}."
    )
    assert codes(letters.word, award.call, LetterKind.AGREEMENT, "en", words, by=coordinator) == {"placeholder_unknown"}
    words = words._replace(outcome="Up to {amount} from {start}.")
    letters.word(award.call, LetterKind.AGREEMENT, "en", words, by=coordinator)
    said = words_of(files.read(payments.prepare_agreement(award, by=coordinator).file))
    assert f"We and {award.organization.name}." in said
    assert "Up to €12,000 from 1 June 2027." in said
    assert f"Be kind to {award.title}." in said


def test_what_the_fund_asks_of_itself_does_not_stand_in_the_agreement(app: Flask) -> None:
    said = " ".join(words_of(drawn("en")[1]).split())
    assert "Send the policy: by 1 July 2027" in said
    assert "Inside only" not in said


def test_an_arabic_agreement_is_arabic_throughout_and_tagged_from_right_to_left(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, str] = {}

    def remembered(message: str) -> str:
        words = str(languages._words().gettext(message))
        if languages.language_now() == "ar":
            asked[message] = words
        return words

    monkeypatch.setattr(languages, "said", remembered)
    agreement, content = drawn("ar", title=ARABIC)
    monkeypatch.undo()
    assert agreement.language == "ar"
    assert "The fund" in asked
    foreign = {words for words in asked.values() if not ARABIC_LETTERS.search(words)}
    assert foreign == {"%(label)s: %(text)s"}, "every sentence of ours is Arabic"
    with pikepdf.open(io.BytesIO(content)) as document:
        assert str(document.Root.Lang).startswith("ar")
        assert bool(document.Root.MarkInfo.Marked)
        assert document.Root.ViewerPreferences.Direction == "/R2L"
        assert b"pdfuaid" in bytes(document.Root.Metadata.read_bytes())
        kinds = set(kinds_in(document.Root.StructTreeRoot))
        assert {"/H1", "/H2", "/P", "/Table", "/TH", "/TD", "/L", "/LI"} <= kinds
        fonts = {str(font.BaseFont) for page in document.pages for font in page.Resources.Font.values()}
        assert any("Naskh" in name for name in fonts), fonts
    drawn_words = {unicodedata.normalize("NFKC", word)[::-1] for word in words_of(content).split()}
    for words in ("اتفاقية منحة", "القسط المبلغ", "الجهة المستفيدة", "التوقيعات", "قابلة حماية المهاجرات"):
        assert set(words.split()) <= drawn_words, "each word is drawn from its last letter to its first"


ARABIC_LETTERS = re.compile("[\u0600-\u06ff]")


def kinds_in(node: Any) -> Iterator[str]:
    """What the parts of a tagged document are."""
    if isinstance(node, pikepdf.Array):
        for one in node:
            yield from kinds_in(one)
    elif isinstance(node, pikepdf.Dictionary):
        if "/S" in node:
            yield str(node.S)
        if "/K" in node:
            yield from kinds_in(node.K)


def test_a_language_without_our_words_is_drawn_up_in_english(app: Flask) -> None:
    agreement, content = drawn("pt")
    assert agreement.language == "en"
    assert "How it is paid" in words_of(content)


# ------------------------------------------------------------------ signed on paper


def test_a_copy_signed_on_paper_is_countersigned_by_another_and_the_money_is_committed(app: Flask) -> None:
    made = rows.scene(signed=False)
    agreement = hand_in(made, signature=" Awa  Diop ")
    assert (agreement.copy_by_id, agreement.copy_signed_on, agreement.signature) == (
        made.owner.id,
        AT.date(),
        "Awa Diop",
    )
    assert made.award.state == AwardState.SENT
    assert codes(hand_in, made) == {"copy_there"}
    agreement.copy.scan = Scan.WAITING
    assert codes(payments.countersign_agreement, made.award, by=made.coordinator) == {"file_waits_for_scan"}
    agreement.copy.scan = Scan.CLEAN
    payments.countersign_agreement(made.award, by=made.coordinator)
    assert made.award.state == AwardState.ACTIVE
    assert (agreement.signed_by_id, agreement.countersigned_by_id) == (made.owner.id, made.coordinator.id)
    keys = list(db.session.scalars(select(Transfer.key).where(Transfer.key.like("commit:%"))))
    assert keys == [f"commit:{made.award.reference}"]
    assert codes(payments.countersign_agreement, made.award, by=made.coordinator) == {"no_copy"}
    assert codes(payments.sign_agreement, made.award, signature="Awa", by=made.owner) >= {"not_in_this_state"}


def test_a_copy_is_refused_for_its_day_its_kind_and_its_person(app: Flask) -> None:
    made = rows.scene(signed=False)
    assert codes(hand_in, made, signed_on=date(2027, 5, 20)) == {"signed_in_future"}
    assert codes(hand_in, made, signed_on=date(2027, 5, 1)) == {"signed_too_early"}
    assert codes(hand_in, made, signature=" ") == {"no_signature"}
    assert codes(hand_in, made, name="signed.docx", content=b"PK no") & {"file_kind", "file_content"}
    editor = make.person()
    make.save(Membership(organization_id=made.organization.id, person_id=editor.id, role=MemberRole.OWNER))
    values = {"signature": "E", "signed_on": AT.date(), "name": "s.pdf", "content": PDF}
    assert codes(actions.hand_in_copy, made.award, by=editor, **values) == {"not_a_signatory"}
    agreement = hand_in(made)
    assert codes(payments.countersign_agreement, made.award, by=made.owner) == {"signed_by_you"}
    same = (
        "UPDATE agreement SET signed_at = now(), signed_by_id = :p, countersigned_at = now(), countersigned_by_id = :p"
    )
    with pytest.raises(IntegrityError, match="second_person"), db.session.begin_nested():
        db.session.execute(text(f"{same} WHERE id = :a"), {"p": made.owner.id, "a": agreement.id})


def test_a_copy_that_cannot_be_read_is_sent_back_and_signing_online_is_open_again(app: Flask) -> None:
    made = rows.scene(signed=False)
    hand_in(made)
    assert codes(actions.return_copy, made.award, " ", by=made.coordinator) == {"reason_missing"}
    agreement = actions.return_copy(made.award, "Page two is missing.", by=made.coordinator)
    assert agreement.copy is None
    (mail,) = db.session.scalars(select(OutboxMail).where(OutboxMail.kind == "agreement_copy_returned"))
    assert "Page two is missing." in str(mail.body)
    payments.sign_agreement(made.award, signature="Awa Diop", by=made.owner)
    assert made.award.state == AwardState.ACTIVE


def test_signing_online_and_countersigning_at_the_same_moment_commit_the_money_once(live: Flask) -> None:
    with transaction():
        made = rows.scene(signed=False)
        hand_in(made)
        award_id, owner, coordinator = made.award.id, made.owner.id, made.coordinator.id

    def sign(person: Any) -> None:
        award = db.session.get_one(Award, award_id)
        if person.id == owner:
            payments.sign_agreement(award, signature="Awa Diop", by=person)
        else:
            payments.countersign_agreement(award, by=person)

    results = at_once(live, [owner, coordinator], sign)
    assert results.count("done") == 1, results
    committed = select(func.count()).where(Transfer.memo == "commit")
    assert db.session.scalar(committed) == 1
    assert wrong_totals() == []


def test_a_signatory_hands_a_copy_in_on_the_page_and_the_coordinator_countersigns_it(browser: Browser) -> None:
    made = rows.scene(signed=False)
    reference, version = made.award.reference, 1
    db.session.commit()
    path = f"/grants/{reference}/agreement/signed-copy"
    browser.sign_in(made.owner).get(path)
    fields = {"signature": "Awa Diop", "signed_on": AT.date().isoformat(), "copy": (io.BytesIO(PDF), "signed.pdf")}
    browser.post(path, fields, status=302)
    browser.follow()
    assert "Your signed copy is with the fund" in browser.text
    staff = Browser(browser.app).sign_in(made.coordinator)
    staff.get(f"/grants/{reference}/countersign")
    assert "Awa Diop" in staff.text
    answer = staff.get(f"/grants/{reference}/agreement/{version}/signed-copy")
    assert f"{reference}-agreement-1-signed.pdf" in answer.headers["Content-Disposition"]
    staff.post(f"/grants/{reference}/countersign", page=f"/grants/{reference}/countersign", status=302)
    staff.follow()
    assert "Running" in staff.text


# ------------------------------------------------------------------ conditions


def test_a_condition_has_an_owner_a_day_and_blocks_payments_if_it_says_so(app: Flask) -> None:
    award, coordinator, owner = accepted(1_000_000)
    day = date(2027, 7, 1)
    asked = actions.add_condition(
        award, " Adopt a policy. ", owner=None, due_on=day, blocks_payment=True, by=coordinator
    )
    own = actions.add_condition(
        award, "Call them.", owner=coordinator, due_on=day, blocks_payment=False, by=coordinator
    )
    told = select(OutboxMail.to_person_id).where(OutboxMail.kind == "award_condition_added")
    assert set(db.session.scalars(told)) == {owner.id}
    assert (asked.text, own.owner_id) == ("Adopt a policy.", coordinator.id)
    assert queries.unmet_conditions([award.id]) == {award.id: 1}
    late = {"owner": None, "due_on": date(2027, 1, 1), "blocks_payment": True}
    assert codes(actions.add_condition, award, " ", by=coordinator, **late) == {"no_condition", "due_in_past"}
    actions.move_condition(asked, date(2027, 8, 1), "They are moving house.", by=coordinator)
    again = (asked, date(2027, 8, 1), "They are moving house.")
    assert codes(actions.move_condition, *again, by=coordinator) == {"same_day"}
    assert asked.due_on == date(2027, 8, 1)
    award.state = AwardState.ACTIVE
    more = {"owner": None, "due_on": None, "blocks_payment": False}
    assert codes(actions.add_condition, award, "More.", by=coordinator, **more) == {"not_in_this_state"}
    assert actions.add_condition(award, "Look.", owner=coordinator, due_on=None, blocks_payment=False, by=coordinator)


# ------------------------------------------------------------------ many at once


def test_all_agreements_of_a_call_are_drawn_up_together_and_those_that_wait_say_why(browser: Browser) -> None:
    first, coordinator, owner = accepted(1_000_000)
    call = first.call
    other = make.organization(make.person())
    waiting = make.application(call, other, owner, requested_minor=900_000)
    second = make.award(waiting, coordinator, state=AwardState.ACCEPTED)
    elsewhere = make.award(
        make.application(call, make.organization(owner), owner), coordinator, state=AwardState.ACCEPTED
    )
    elsewhere.region = "ASI"
    references, call_reference = (first.reference, second.reference, elsewhere.reference), call.reference
    db.session.commit()
    path = f"/calls/{call_reference}/agreements"
    browser.sign_in(coordinator).get(path)
    assert "2 accepted grants wait" in browser.text
    browser.post(path, status=302)
    browser.follow()
    assert "wait to be drawn up" in browser.text or "0 of 2 are done" in browser.text
    browser.post(path, page=path, status=409)
    assert draw_up_waiting() == 1
    batch = db.session.scalars(select(AgreementBatch)).one()
    assert (batch.state, batch.done, batch.drawn, batch.total) == ("done", 2, 1, 2)
    assert [one["reference"] for one in batch.refused] == [references[1]]
    why = batch.refused[0]["why"][0]["message"]
    states = dict(db.session.execute(select(Award.reference, Award.state)).all())
    assert [states[one] for one in references] == ["sent", "accepted", "accepted"]
    db.session.rollback()
    browser.get(path)
    assert "The due diligence has not begun." in browser.text
    assert (why["en"], len(set(why.values()))) == ("The due diligence has not begun.", len(LANGUAGES)), "for any reader"
    assert draw_up_waiting() == 0


def test_an_agreement_is_worded_on_the_page_like_a_letter(browser: Browser) -> None:
    award, coordinator, _owner = accepted(1_000_000)
    reference = award.call.reference
    db.session.commit()
    page = f"/calls/{reference}/letters/agreement/en"
    browser.sign_in(coordinator).get(page)
    assert "Here stand the payments" in browser.text
    fields = {"opening": "We and {organization}", "outcome": "Up to {amount}", "closing": "Yours {start}"}
    browser.post(page, fields | {"look": "yes"})
    assert "We and" in browser.text
    browser.post(page, fields, page=page, status=302)


def again(made: rows.Scene) -> Agreement:
    """The agreement is drawn up again, as another version."""
    values = {"version": 2, "language": "en", "file_id": make.stored_file().id, "drawn_up_by_id": made.coordinator.id}
    return make.save(Agreement(award_id=made.award.id, **values))


def test_nobody_signs_an_agreement_that_was_drawn_up_again_unread(app: Flask, browser: Browser) -> None:
    made = rows.scene(signed=False)
    place = f"/grants/{made.award.reference}"
    db.session.commit()
    grantee = browser.sign_in(made.owner)
    grantee.get(f"{place}/sign")
    again(made)
    db.session.commit()
    typed = {"agreed": "y", "signature": "Awa Diop"}
    grantee.post(f"{place}/sign", typed, status=422)
    assert "drawn up again meanwhile" in grantee.text
    grantee.post(f"{place}/sign", typed | {"read": ""}, status=422)
    assert made.award.state == AwardState.SENT
    grantee.post(f"{place}/sign", typed, page=f"{place}/sign", status=302)


def test_another_copy_than_the_one_that_was_read_is_not_countersigned(app: Flask) -> None:
    made = rows.scene(signed=False)
    read = rules.mark_of_copy(hand_in(made))
    actions.return_copy(made.award, "A page is missing.", by=made.coordinator, read=read)
    agreement = hand_in(made, signature="Moussa Fall")
    agreement.copy.scan = Scan.CLEAN
    by = made.coordinator
    assert codes(payments.countersign_agreement, made.award, by=by, read=read) == {"changed_meanwhile"}
    assert codes(payments.countersign_agreement, made.award, by=by, read="") == {"changed_meanwhile"}
    payments.countersign_agreement(made.award, by=by, read=rules.mark_of_copy(agreement))


def test_an_offer_that_got_a_condition_meanwhile_is_read_again_before_it_is_accepted(app: Flask) -> None:
    made = rows.scene(signed=False)
    made.award.state = AwardState.OFFERED
    read = rules.mark_of_offer(made.award)
    asked: dict[str, Any] = {"owner": None, "due_on": None, "blocks_payment": True, "by": made.coordinator}
    actions.add_condition(made.award, "Name a treasurer.", **asked)
    db.session.expire_all()
    assert codes(actions.accept, made.award, by=made.owner, read=read) == {"changed_meanwhile"}
    actions.accept(made.award, by=made.owner, read=rules.mark_of_offer(made.award))
