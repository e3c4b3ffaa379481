"""Three grants of the sample call in two currencies, from the letter of the committee to the end, in a real browser, with six
roles: one is made longer, one has a transfer that comes back, one is terminated and pays back. After each step the auditor finds
the ledger balanced, and equal to what the list of grants says.
"""

from __future__ import annotations

import re
import subprocess
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select, update

from grants.accounts.models import Person
from grants.awards.models import Award
from grants.core import clock
from grants.core.archives import verify
from grants.core.db import db, transaction
from grants.demo import sample
from grants.demo.decided import LOCAL, DecidedStory
from grants.demo.people import People
from grants.diligence.models import Diligence, Point
from grants.dossiers.tasks import make_waiting
from grants.history.queries import broken_seals
from grants.payments.models import Disbursement
from grants.payments.queries import wrong_totals
from grants.reports.models import ReportDue
from tests.banking.files import camt, line, schema
from tests.journeys.browsing import Window, served
from tests.journeys.desk import fill_in
from tests.journeys.world import BRUSSELS, World

pytestmark = pytest.mark.browser

EUROS, DOLLARS = "MPF-2027-01", "MPF-2027-02"
FIRST_OFFICER, SECOND_OFFICER, GLOBAL, AUDITOR = "STF-08", "STF-09", "STF-07", "STF-15"
REGIONAL = {"PH": "STF-03", "TG": "STF-01", "DO": "STF-05"}
ACCOUNTS = {"PH": "BE68539007547034", "TG": "FR7630006000011234567890189", "DO": "DE89370400440532013000"}


class Travelling:
    """The product, served at whatever moment the journey has come to."""

    def __init__(self, world: World) -> None:
        self.app = world.app
        self.moment: datetime | None = None

    def __call__(self, environ: Any, start_response: Any) -> Any:
        with self.app.app_context(), clock.at(self.moment):
            return self.app(environ, start_response)


class DollarStory(DecidedStory):
    """The sample call, its money in another currency."""

    def written(self) -> dict[str, Any]:
        definition = super().written()
        definition["call"]["currency"] = "USD"
        return definition

    def answers(self, entry: dict[str, Any]) -> dict[str, Any]:
        told: dict[str, Any] = _in_dollars(super().answers(entry))
        return told


def _in_dollars(told: Any) -> Any:
    if isinstance(told, dict):
        return {key: _in_dollars(value) for key, value in told.items()}
    if isinstance(told, list):
        return [_in_dollars(value) for value in told]
    return "USD" if told == "EUR" else told


def decided(story: DecidedStory) -> list[Award]:
    """Everything until the letters are out; other journeys show it."""
    story.publish()
    story.apply(lambda _said: None)
    story.check()
    story.review(lambda _said: None)
    return story.decide()


@pytest.fixture
def office(world: World, chromium: Chromium) -> Iterator[Office]:
    with transaction():
        db.session.execute(update(Person).values(language="en"))
    travelling = Travelling(world)
    with ExitStack() as windows, served(travelling) as address:  # type: ignore[arg-type]
        yield Office(world, travelling, chromium, address, windows)


class Office:
    """Everybody with a window of their own, and one clock for all."""

    def __init__(
        self, world: World, travelling: Travelling, chromium: Chromium, address: str, windows: ExitStack
    ) -> None:
        self.world, self.travelling, self.chromium, self.address = world, travelling, chromium, address
        self.windows, self.pages = windows, dict[str, Page]()
        self.statements = 0

    @contextmanager
    def on(self, moment: str | datetime) -> Iterator[datetime]:
        """Live at a moment of Brussels, here and on the server."""
        at = datetime.fromisoformat(moment).replace(tzinfo=BRUSSELS) if isinstance(moment, str) else moment
        self.travelling.moment = at
        with clock.at(at):
            yield at

    def as_(self, who: str, path: str) -> Page:
        """The page at ``path`` in the window of somebody."""
        if who not in self.pages:
            opened = Window(self.chromium, self.address)
            self.windows.callback(opened.close)
            self.pages[who] = opened.sign_in(self.world.emails[who])
        page = self.pages[who]
        page.goto(path)
        assert "/sign-in" not in page.url
        return page

    def books(self) -> None:
        """The auditor finds the ledger balanced, and the list of grants saying the same of each currency."""
        page = self.as_(AUDITOR, "/ledger")
        expect(page.locator("main")).to_contain_text("Balanced")
        expect(page.locator("main")).not_to_contain_text("Does not balance")
        of_call = _rows(page.locator("section", has=page.locator("#calls")))
        said = {
            currency: (
                sums(row, "Committed by agreements", "Approved, to be sent"),
                *_paid(row, "Paid to grantees", "Returned by grantees"),
            )
            for currency, call in (("EUR", EUROS), ("USD", DOLLARS))
            for row in of_call
            if row["Call"].startswith(call)
        }
        totals = _rows(self.as_(AUDITOR, "/grants").locator("table.totals"))
        shown = {
            row["Grants"][:3]: (sums(row, "Signed, to be paid"), *_paid(row, "Paid", "Paid back")) for row in totals
        }
        assert said
        assert {currency: shown[currency] for currency in said} == said
        db.session.rollback()
        assert wrong_totals() == []


def _rows(within: Locator) -> list[dict[str, str]]:
    """What a table says, by the labels of its cells."""
    return [
        {str(cell.get_attribute("data-label")): cell.inner_text() for cell in row.locator("td").all()}
        for row in within.locator("tbody tr").all()
    ]


def sums(row: dict[str, str], *labels: str) -> Decimal:
    """The amounts of some columns together."""
    return sum((Decimal(re.sub(r"[^\d.]", "", row[label])) for label in labels), Decimal(0))


def _paid(row: dict[str, str], paid: str, back: str) -> tuple[Decimal, Decimal]:
    return sums(row, paid), sums(row, back)


def press(page: Page, name: str | re.Pattern[str], within: Locator | None = None) -> None:
    """Press the button that says ``name``, the first where a page has several, and wait for the answer."""
    exact = isinstance(name, str)
    with page.expect_navigation():
        (within or page.locator("main")).get_by_role("button", name=name, exact=exact).first.click()


def says(page: Page, words: str) -> None:
    """The page says so."""
    expect(page.locator("main")).to_contain_text(words)


def paper(name: str) -> dict[str, Any]:
    """A PDF to send."""
    return {"name": f"{name}.pdf", "mimeType": "application/pdf", "buffer": sample.document("pdf", name, "sample")}


class Grant:
    """One grant on its way; each step in the window of whoever takes it."""

    def __init__(self, office: Office, award: Award) -> None:
        self.office, self.reference = office, award.reference
        self.country = award.organization.country
        self.organization = award.organization.reference
        self.owner, self.editor = f"USR-{self.country}-1", f"USR-{self.country}-2"
        self.coordinator = REGIONAL[self.country]
        self.place = f"/grants/{award.reference}"
        self.currency = award.currency

    @property
    def award(self) -> Award:
        db.session.rollback()
        return db.session.scalars(select(Award).where(Award.reference == self.reference)).one()

    def dues(self) -> list[ReportDue]:
        db.session.rollback()
        owed = select(ReportDue).where(ReportDue.award_id == self.award.id, ReportDue.required)
        return list(db.session.scalars(owed.order_by(ReportDue.due_on)))

    def as_(self, who: str, path: str = "") -> Page:
        return self.office.as_(who, f"{self.place}{path}")

    # ------------------------------------------------------------------ from the letter to the signature

    def accept(self) -> None:
        page = self.as_(self.owner, "/agreement")
        press(page, "Accept the grant")
        says(page, "Accepted, agreement in preparation")

    def check(self) -> None:
        """Papers, points, a search of a list, the risk: two people of the fund and the grantee."""
        press(self.as_(self.coordinator, "/diligence"), "Begin the due diligence")
        found = select(Point.id, Point.tab, Point.asked_of, Point.source).join(Point.diligence).order_by(Point.id)
        points = db.session.execute(found.where(Diligence.award_id == self.award.id)).all()
        for point_id, _tab, asked_of, source in points:
            if asked_of == "grantee" and source is None:
                page = self.as_(self.owner, "/diligence")
                form = page.locator(f"form[action$='/points/{point_id}/file']")
                form.locator("input[type=file]").set_input_files(paper("paper"))
                press(page, "Hand it in", form)
        for point_id, tab, _asked_of, _source in points:
            judge = self.as_(SECOND_OFFICER if tab == "bank" else self.coordinator, f"/diligence/points/{point_id}")
            fill_in(judge, {"verdict": "ok"})
            press(judge, "Keep this judgement")
        page = self.as_(self.coordinator, "/diligence?tab=sanctions")
        search = {"list_name": "United Nations, consolidated list", "list_version": "2027-04-14", "outcome": "no_match"}
        fill_in(page, search)
        press(page, "Keep this search")
        page = self.as_(self.coordinator, "/diligence?tab=risk")
        fill_in(page, {"risk": "low", "reason": "A small grant; the accounts are in order."})
        press(page, "Keep this judgement")
        press(page, "Finish the due diligence")
        says(page, "Checked")

    def sign(self) -> None:
        press(self.as_(self.coordinator, "/plan"), "Draw up the agreement")
        page = self.as_(self.owner, "/sign")
        fill_in(page, {"agreed": "y", "signature": "A Signatory of Ours"})
        press(page, "Sign the agreement")
        says(page, "Running")

    def meet_conditions(self) -> None:
        page = self.as_(self.coordinator, "/milestones")
        while (links := page.get_by_role("link", name=re.compile("^Mark as met"))).count():
            links.first.click()
            fill_in(page, {"evidence": "The policy was read."})
            press(page, "Mark as met")
            page = self.as_(self.coordinator, "/milestones")

    def give_account(self) -> None:
        account = f"/organizations/{self.organization}/bank-account"
        page = self.office.as_(self.owner, account)
        given = {"holder": "The Organization", "number": ACCOUNTS[self.country], "currency": self.currency}
        fill_in(page, given)
        press(page, "Save the account")
        page = self.office.as_(SECOND_OFFICER, f"{account}/verification")
        press(page, "Show the full number")
        says(page, ACCOUNTS[self.country][-4:])
        fill_in(page, {"reason": "Called the legal representative on the number of the register; read back."})
        press(page, "The account is right")
        says(page, "Verified by a second person")

    # ------------------------------------------------------------------ money

    def prepare(self, number: int) -> str:
        """One prepares, another approves; the reference of the payment."""
        page = self.as_(FIRST_OFFICER, "/payments")
        press(page, re.compile(f"^Prepare tranche {number}: "))
        page.wait_for_url("**/payments/*")
        return self.approve(page)

    def approve(self, page: Page) -> str:
        payment = page.url.rsplit("/", 1)[-1]
        own = page.get_by_role("button", name="Approve this payment")
        expect(own).to_have_attribute("aria-disabled", "true")
        second = self.office.as_(SECOND_OFFICER, f"/payments/{payment}")
        press(second, "Approve this payment")
        says(second, "Approved")
        return payment

    def pay_by_hand(self, payment: str) -> None:
        page = self.office.as_(FIRST_OFFICER, f"/payments/{payment}")
        press(page, "I send it by hand now")
        fill_in(page, {"paid_on": clock.now().date().isoformat(), "bank_reference": f"BY-HAND-{payment}"})
        page.locator("input[name=proof]").set_input_files(paper("proof"))
        press(page, "Record the payment")
        says(page, "Paid, waiting")

    def confirm(self, payment: str) -> None:
        """The grantee says what arrived, in its own money."""
        page = self.office.as_(self.owner, f"/payments/{payment}")
        db.session.rollback()
        currency, rate = LOCAL[self.country]
        shown = re.sub(r"[^\d.]", "", page.locator("h1").inner_text())
        received = int(Decimal(shown) * Decimal(rate))
        fill_in(page, {"received_on": clock.now().date().isoformat(), "received": str(received), "currency": currency})
        press(page, "Confirm the receipt")
        says(page, "Received by the grantee")

    # ------------------------------------------------------------------ reports

    def report(self, key: str, share: str) -> None:
        """The editor writes it, the owner submits it, the coordinator accepts it."""
        due = next(one for one in self.dues() if one.key == key)
        self.write(due, Decimal(share))
        page = self.office.as_(self.owner, f"/reports/{due.id}")
        press(page, "Submit the report")
        says(page, "Report submitted")
        page = self.office.as_(self.coordinator, f"/reports/{due.id}")
        press(page, "Accept the report")
        says(page, "Accepted")

    def write(self, due: ReportDue, share: Decimal) -> None:
        place = f"/reports/{due.id}"
        db.session.rollback()
        told = sample.read("reports")[due.kind][self.award.application.language]
        for section, answers in told.items():
            page = self.office.as_(self.editor, f"{place}/sections/{section}")
            fill_in(page, {key: value for key, value in answers.items() if key != "changes"})
            press(page, "Save and go on")
            for change in answers.get("changes", ()):
                page = self.office.as_(self.editor, f"{place}/changes/new")
                where = {"plan_point": change["plan_point"], "country": self.country, "level": "national"}
                shown = {"stage": change["level"], "what": change["evidence"], "evidence": "The letter of the office."}
                fill_in(page, where | shown)
                press(page, "Save")
        page = self.office.as_(self.editor, f"{place}/figures")
        currency, rate = LOCAL[self.country]
        today = clock.now().date().isoformat()
        typed = {"currency": currency, "rate": rate, "source": "The bank of the country", "rated_on": today}
        for heading in self.award.budget:
            typed[f"local_{heading.id}"] = str(int(Decimal(heading.amount_minor) / 100 * share * Decimal(rate)))
            typed[f"explanation_{heading.id}"] = "The work ended early." if share < Decimal("0.5") else ""
        fill_in(page, typed)
        press(page, "Save and go on")
        expect(page.locator(".error-summary")).to_have_count(0)

    # ------------------------------------------------------------------ the end

    def close(self) -> None:
        while True:
            page = self.as_(self.owner, "/milestones")
            links = page.get_by_role("link", name=re.compile("^Mark as reached"))
            if not links.count():
                break
            links.first.click()
            fill_in(page, {"evidence": "The minutes are in our files."})
            press(page, "Mark as reached")
        self.shut()

    def shut(self) -> None:
        page = self.as_(self.coordinator, "/closeout")
        press(page, "Open the close-out")
        press(page, "Close the grant")
        says(page, "This grant is closed")


class Bank:
    """Payments that are approved go out in one order; what the bank says of them comes back in a statement."""

    def __init__(self, office: Office) -> None:
        self.office, self.number = office, 0

    def send(self, *payments: str) -> None:
        """Put together by one, released by another; the file is what ISO 20022 asks for, and names nobody's reference twice."""
        page = self.office.as_(FIRST_OFFICER, "/payments/orders")
        for box in page.locator("input[name=payments]").all():
            box.set_checked(box.get_attribute("value") in payments)
        press(page, "Put the order together")
        page.wait_for_url(re.compile(r"/payments/orders/[^/?]+$"))
        order = page.url
        expect(page.get_by_role("button", name="Release this order")).to_have_attribute("aria-disabled", "true")
        second = self.office.as_(SECOND_OFFICER, order)
        press(second, "Release this order")
        page.goto(order)
        with page.expect_download() as taken:
            page.get_by_role("button", name="Take out the file for the bank").click()
        document = etree.parse(taken.value.path())
        schema().assertValid(document)
        named = [one.text for one in document.iterfind(".//{*}EndToEndId")]
        assert sorted(str(one) for one in named) == sorted(payments)

    def book(self, *lines: str) -> None:
        self.number += 1
        page = self.office.as_(FIRST_OFFICER, "/payments/statements")
        content = camt(*lines, reference=f"ST-{self.number}")
        page.locator("input[name=file]").set_input_files(
            {"name": "statement.xml", "mimeType": "application/xml", "buffer": content}
        )
        press(page, "Read the statement")
        page.wait_for_url(re.compile(r"/payments/statements/\d+"))
        press(page, "Take it into the books")
        expect(page.locator(".notice.success, .notice.info").first).to_be_visible()


def plain(payment: str) -> str:
    """The amount of a payment as a statement writes it."""
    db.session.rollback()
    return str(db.session.scalars(select(Disbursement).where(Disbursement.reference == payment)).one().amount.amount)


def test_three_grants_in_two_currencies_live_to_their_end(office: Office, tmp_path: Path) -> None:
    people = People()
    offered = decided(DecidedStory(people, EUROS, 0, {"APP-006": "APP-006", "APP-002": "APP-002"}))
    offered += decided(DollarStory(people, DOLLARS, 0, {"APP-011": "APP-911"}))
    by_country = {award.organization.country: award for award in offered}
    longer, back, ended = (Grant(office, by_country[country]) for country in ("PH", "TG", "DO"))
    bank, grants = Bank(office), (longer, back, ended)
    assert [grant.currency for grant in grants] == ["EUR", "EUR", "USD"]
    with office.on("2027-04-15 09:00"):
        for grant in grants:
            grant.accept()
            grant.check()
    with office.on("2027-04-19 09:00"):
        for grant in grants:
            grant.sign()
            office.books()
            grant.give_account()
            grant.meet_conditions()
    with office.on("2027-05-03 09:00"):
        first, lost, dollars = (grant.prepare(1) for grant in grants)
        office.books()
        bank.send(first, lost)
        ended.pay_by_hand(dollars)
    with office.on("2027-05-04 09:00"):
        bank.book(
            line(plain(first), first, on="2027-05-04", reference="B-1"),
            line(plain(lost), lost, on="2027-05-04", reference="B-2"),
        )
        office.books()
        longer.confirm(first)
        ended.confirm(dollars)
    with office.on("2027-05-10 09:00"):
        again = _comes_back_and_is_paid_again(bank, back, lost)
    with office.on("2027-05-12 09:00"):
        back.confirm(again)
        office.books()
    with office.on("2027-07-05 09:00"):
        _is_made_longer(longer)
    with office.on("2027-07-20 09:00"):
        _is_terminated_and_pays_back(ended, bank)
    for grant, number in ((back, 2), (longer, 2)):
        final = grant.dues()[-1]
        with office.on(datetime.combine(final.due_on, datetime.min.time(), BRUSSELS) + timedelta(hours=9)):
            grant.report(final.key, "0.99")
            payment = grant.prepare(number)
            bank.send(payment)
            bank.book(line(plain(payment), payment, on=clock.now().date().isoformat(), reference=f"B-{payment}"))
            grant.confirm(payment)
            office.books()
            grant.close()
            office.books()
    assert [grant.award.state for grant in grants] == ["closed", "closed", "closed"]
    _audited(back, tmp_path)
    assert broken_seals() == []


def _comes_back_and_is_paid_again(bank: Bank, grant: Grant, lost: str) -> str:
    """The bank of the grantee sends the money back; it is paid again as a new payment."""
    on = clock.now().date().isoformat()
    bank.book(line(plain(lost), lost, credit=True, returned="AC04", on=on, reference="B-3"))
    grant.office.books()
    page = grant.office.as_(FIRST_OFFICER, f"/payments/{lost}")
    says(page, "Returned")
    press(page, "Prepare a new payment")
    page.wait_for_url(re.compile(rf"/payments/(?!{lost}$)[^/]+$"))
    again = grant.approve(page)
    assert again != lost
    bank.send(again)
    bank.book(line(plain(again), again, on=on, reference="B-4"))
    return again


def _is_made_longer(grant: Grant) -> None:
    """Asked for, approved, worked out, drawn up and signed; then all days hold, and both versions can be compared."""
    before = grant.award.end_on
    assert before is not None
    after = before + timedelta(days=30)
    page = grant.as_(grant.owner, "/changes/new")
    fill_in(page, {"end_on": after.isoformat(), "reason": "The rains came early; two workshops follow in the autumn."})
    press(page, "Ask for it")
    change = page.url.split(grant.place)[-1].split("?")[0]
    press(grant.as_(grant.coordinator, change), "Approve this change")
    page = grant.as_(grant.owner, f"{change}/work-out")
    fill_in(page, {f"report_{grant.dues()[-1].id}": (grant.dues()[-1].due_on + timedelta(days=30)).isoformat()})
    press(page, "Save")
    press(grant.as_(grant.owner, change), "Hand it in")
    press(grant.as_(grant.coordinator, change), "Draw up the amendment")
    assert grant.award.end_on == before, "nothing applies before it is signed"
    page = grant.as_(grant.owner, change)
    fill_in(page, {"agreed": "y", "signature": "A Signatory of Ours"})
    press(page, "Sign the amendment")
    says(page, "It is in force.")
    assert grant.award.end_on == after
    says(grant.as_(AUDITOR, "/versions"), "2")
    grant.office.books()


def _is_terminated_and_pays_back(grant: Grant, bank: Bank) -> None:
    """The coordinator of all regions ends it; what was not spent is asked back, comes, and the books are shut."""
    page = grant.as_(GLOBAL, "/terminate")
    fill_in(page, {"reason": "The partner left; the work cannot be done any more."})
    press(page, "Terminate this agreement")
    says(page, "The final report")
    grant.report(grant.dues()[-1].key, "0.1")
    page = grant.as_(GLOBAL, "/settlement")
    says(page, "The grantee pays back what was not spent.")
    owed = re.search(r"[\d,]+\.?\d*", page.locator("dt", has_text="To be paid back").locator("+ dd").inner_text())
    assert owed is not None
    amount = owed.group().replace(",", "")
    page = grant.as_(grant.coordinator, "/refund-request")
    until = (clock.now().date() + timedelta(days=30)).isoformat()
    fill_in(page, {"amount": amount, "due_on": until, "reason": "What was not spent."})
    press(page, "Ask for the refund")
    page = grant.as_(FIRST_OFFICER, "/refund")
    today = clock.now().date().isoformat()
    fill_in(page, {"amount": amount, "received_on": today, "bank_reference": "BACK-1"})
    page.locator("input[name=proof]").set_input_files(paper("proof"))
    press(page, "Record the refund")
    grant.office.books()
    says(grant.as_(GLOBAL, "/settlement"), "Nothing is owed on either side.")
    grant.close()
    grant.office.books()


def _audited(grant: Grant, folder: Path) -> None:
    """The auditor takes the dossier of a grant out; whoever has it proves it by its hashes, and finds what is changed."""
    page = grant.as_(AUDITOR, "/dossier")
    press(page, "Make the dossier")
    make_waiting()
    db.session.remove()
    page = grant.as_(AUDITOR, "/dossier")
    with page.expect_download() as taken:
        page.get_by_role("button", name="Download the dossier (ZIP)").click()
    dossier = folder / taken.value.suggested_filename
    taken.value.save_as(dossier)
    assert dossier.name.startswith(grant.reference)
    assert verify(dossier).is_whole
    with zipfile.ZipFile(dossier) as archive:
        archive.extractall(folder / "read")
    checked = subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=folder / "read", check=False)
    assert checked.returncode == 0
    content = bytearray(dossier.read_bytes())
    content[len(content) // 2] ^= 1
    dossier.write_bytes(content)
    assert not verify(dossier).is_whole
