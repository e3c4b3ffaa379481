"""Decided calls of the demonstration, and the lives of their grants: from an unanswered letter to the closed account."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from flask import current_app

from grants.applications.models import Application
from grants.awards import actions as awards
from grants.awards.models import Award
from grants.banking import actions as banking
from grants.banking.queries import every_payment, to_order
from grants.banking.rules import fund_account
from grants.closeout import actions as closeouts
from grants.core import clock
from grants.core.bankfiles import Columns
from grants.core.db import transaction
from grants.core.money import Money
from grants.core.permissions import scope
from grants.decisions import actions as decisions
from grants.decisions.models import Choice, DecisionOutcome, Meeting
from grants.decisions.rules import ranking
from grants.demo import sample
from grants.demo.calls import CallStory
from grants.demo.people import declare_for_call
from grants.diligence import actions as diligences
from grants.diligence.models import Outcome, Tab, Verdict
from grants.diligence.queries import names_to_search
from grants.diligence.rules import waits_for_grantee
from grants.payments import actions as payments
from grants.payments.models import Disbursement
from grants.payments.queries import bank_account_of, tranche_of
from grants.reports import actions as reports
from grants.reports.models import ChangeLevel, ReportDue
from grants.reports.queries import dues_of
from grants.reports.rules import ChangeGiven, Evidence, LineGiven, LineVerified
from grants.reviews.queries import standing_of
from grants.writeups import actions as writeups

LOCAL = {
    "SN": ("XOF", "655.957"), "TG": ("XOF", "655.957"), "MA": ("MAD", "10.8"), "KE": ("KES", "140.5"),
    "NP": ("NPR", "145.2"), "PH": ("PHP", "61.4"), "BD": ("BDT", "118.7"), "LB": ("USD", "1.08"),
    "MX": ("MXN", "19.6"), "GT": ("GTQ", "8.4"), "DO": ("DOP", "63.9"), "PE": ("PEN", "4.1"),
}  # fmt: skip

ASKED_MONEY_BACK = {
    "en": "The second workshop did not take place.",
    "fr": "Le deuxième atelier n’a pas eu lieu.",
    "es": "El segundo taller no tuvo lugar.",
}

STATEMENT = """Day;Amount;Currency;Reference;Text
{day};{amount};EUR;{reference};Grant
{day};-1450.00;EUR;RENT;Office
"""
STATEMENT_COLUMNS = Columns(
    {"booked_on": "Day", "amount": "Amount", "currency": "Currency", "reference": "Reference", "text": "Text"},
    "ymd",
    "point",
)

FIRST_OFFICER, SECOND_OFFICER = "STF-08", "STF-09"

POLICY_OWED = {
    "en": "Adopt a written safeguarding policy and send it to the fund within three months of the signature.",
    "fr": "Adopter une politique écrite de protection des personnes et l’envoyer au fonds dans les trois mois suivant la signature.",
    "es": "Adoptar una política escrita de protección de las personas y enviarla al fondo en los tres meses siguientes a la firma.",
}
POLICY_READ = {"en": "Policy received and read.", "fr": "Politique reçue et lue.", "es": "Política recibida y leída."}
RISK_WHY = {
    "low": "Known to us, with accounts in order.",
    "medium": "The first grant from us, and a large part of its yearly income.",
    "high": "A young organization; the accounts of last year were never looked at by anybody outside.",
}
EVIDENCE = {
    "en": "Minutes and photographs are in our files.",
    "fr": "Le compte rendu et les photographies sont dans nos dossiers.",
    "es": "El acta y las fotografías están en nuestros archivos.",
}
ASKED_BACK = {
    "en": {
        "done": "Please say what the migrants’ committee decided.",
        "figures": "Please explain the travel costs, and add the bill of the hotel.",
    },
    "fr": {
        "done": "Dites ce que le comité de migrants a décidé.",
        "figures": "Expliquez les frais de voyage, et ajoutez la facture de l’hôtel.",
    },
    "es": {
        "done": "Digan qué decidió el comité de migrantes, por favor.",
        "figures": "Expliquen los gastos de viaje y agreguen la factura del hotel, por favor.",
    },
}
ANSWERED = {
    "en": (
        "The committee decided to bring three cases forward.",
        "Two people travelled by bus; the hotel was for one night.",
    ),
    "fr": ("Le comité a décidé de présenter trois cas.", "Deux personnes ont voyagé en bus ; une nuit d’hôtel."),
    "es": ("El comité decidió presentar tres casos.", "Dos personas viajaron en autobús; una noche de hotel."),
}
"""What a report that came back says then: a sentence more, and why a heading is as it is."""

NOT_ELIGIBLE = {
    "en": "A fine for parking is not paid by the grant.",
    "fr": "Une amende de stationnement n’est pas prise en charge.",
    "es": "Una multa de estacionamiento no la paga la subvención.",
}
RATE_SOURCE = {
    "en": "Monthly rate of the European Commission (InforEuro)",
    "fr": "Taux mensuel de la Commission européenne (InforEuro)",
    "es": "Tipo mensual de la Comisión Europea (InforEuro)",
}


class DecidedStory(CallStory):
    """A call that went on to the committee."""

    def decide(self) -> list[Award]:
        """The committee meets, votes and signs; a few days later all letters go out at one moment."""
        meeting_at = datetime.combine(self.call.meeting_on, time(14), ZoneInfo(self.call.timezone))  # type: ignore[arg-type]
        coordinator, committee = self.people["STF-07"], self.people.committee
        with clock.at(meeting_at - timedelta(days=6)), transaction():
            meeting = decisions.call_meeting(
                self.call, starts_at=meeting_at, members=committee, quorum=3, by=coordinator
            )
            declare_for_call(self.call, committee)
        with clock.at(meeting_at), transaction():
            for member in committee:
                decisions.mark_present(meeting, member, present=True, by=coordinator)
            decisions.open_meeting(meeting, by=coordinator)
        for minute, (application, award) in enumerate(self._agenda(), 1):
            with clock.at(meeting_at + timedelta(minutes=5 * minute)), transaction():
                self._decide_one(meeting, application, award=award)
        with clock.at(meeting_at + timedelta(hours=3)), transaction():
            minutes = "The committee followed the ranked list. Members with a tie left the room for that item."
            reason = "This round was small; the floors of the regions are taken up in the next one."
            decisions.close_meeting(meeting, by=coordinator, minutes=minutes, reason=reason)
        for hour, member in enumerate(committee, 4):
            with clock.at(meeting_at + timedelta(hours=hour)), transaction():
                decisions.sign(meeting, by=member)
        with clock.at(meeting_at + timedelta(days=5)), transaction():
            return awards.release_decisions(meeting, by=coordinator)

    def _agenda(self) -> list[tuple[Application, bool]]:
        """Every application in rank order, those below a threshold last, and whether the ranking awards it."""
        list_ = ranking(self.call, standing_of(self.call))
        by_id = {application.id: application for application in self.applications.values()}
        places = [(by_id[place.result.application.id], place.above_line) for place in list_.ranked]
        return places + [(by_id[result.application.id], False) for result in list_.below]

    def _decide_one(self, meeting: Meeting, application: Application, *, award: bool) -> None:
        proposer = self.coordinator_of(application)
        if award:
            decision = decisions.propose(
                meeting,
                application,
                outcome=DecisionOutcome.AWARD,
                amount=application.requested,
                conditions=self._conditions(application),
                by=proposer,
            )
        else:
            decision = decisions.propose(
                meeting,
                application,
                outcome=DecisionOutcome.DECLINE,
                reason="The committee saw the same need, but the money of this round was better placed elsewhere.",
                by=proposer,
            )
        aside = {"STF-13"} if application.organization.reference == "ORG-MX" else set()
        for member in self.people.committee:
            if member.reference not in aside:
                decisions.vote(decision, Choice.FOR, by=member)
        decisions.take(decision, by=proposer)

    @staticmethod
    def _conditions(application: Application) -> list[str]:
        return [] if application.organization.risk in (None, "low") else [POLICY_OWED[application.language]]


class GrantStory:
    """The life of one grant. Each step is taken by the person whose step it is, at a believable moment."""

    def __init__(self, story: CallStory, award: Award) -> None:
        self.story, self.award = story, award
        self.people = story.people
        self.organization = award.organization
        self.owner = self.people.member_of(self.organization.reference)
        application = next(a for a in story.applications.values() if a.id == award.application_id)
        self.coordinator = story.coordinator_of(application)
        self.offered = award.offered_at

    def _at(self, **later: float) -> Any:
        return clock.at(self.offered + timedelta(**later))

    def accept(self) -> GrantStory:
        """The grantee says yes."""
        with self._at(days=2), transaction():
            awards.accept(self.award, by=self.owner)
        return self

    def check(self, risk: str = "low", *, upto: str = "finished") -> GrantStory:
        """The due diligence: papers handed in, points judged, names searched, the risk judged. ``upto``: ``begun``, ``doubt``
        (a name waits for a second look), ``finished``.
        """
        with self._at(days=2, hours=4), transaction():
            checked = diligences.open_diligence(self.award, by=self.coordinator)
        if upto == "begun":
            return self
        with self._at(days=3), transaction():
            for point in checked.points:
                if waits_for_grantee(point):
                    content = sample.document("pdf", point.label["en"], self.organization.name)
                    diligences.hand_in(point, f"{point.key}.pdf", content, by=self.owner)
        officer = self.people[SECOND_OFFICER]
        with self._at(days=3, hours=2), transaction():
            for point in checked.points[: 3 if upto == "doubt" else None]:
                by = officer if point.tab == Tab.BANK else self.coordinator
                diligences.judge(point, Verdict.OK, "", by=by)
            diligences.screen(
                checked,
                list_name="United Nations Security Council, consolidated list",
                list_version=self.offered.date().isoformat(),
                names=names_to_search(self.award),
                outcome=Outcome.POSSIBLE if upto == "doubt" else Outcome.NO_MATCH,
                decision="One name is close to an entry on the list; the year of birth differs."
                if upto == "doubt"
                else "",
                by=self.coordinator,
            )
            if upto == "finished":
                diligences.judge_risk(checked, risk, RISK_WHY[risk], by=self.coordinator)
                diligences.finish(checked, by=self.coordinator)
        return self

    def send_agreement(self) -> GrantStory:
        """The coordinator draws up the agreement."""
        with self._at(days=4), transaction():
            payments.prepare_agreement(self.award, by=self.coordinator)
        return self

    def sign(self) -> GrantStory:
        """The signatory signs."""
        with self._at(days=7), transaction():
            payments.sign_agreement(self.award, signature=self.owner.name, by=self.owner)
        return self

    def meet_conditions(self) -> GrantStory:
        """Everything asked for besides the action is done."""
        with self._at(days=12), transaction():
            for condition in self.award.conditions:
                awards.meet_condition(condition, POLICY_READ[self.award.application.language], by=self.coordinator)
        return self

    def give_bank_account(self, *, verified: bool = True) -> GrantStory:
        """The grantee enters its account, a finance officer verifies it by calling back."""
        with self._at(days=8), transaction():
            known = bank_account_of(self.organization.id)
            account = known or payments.enter_bank_account(
                self.organization,
                holder=self.organization.name,
                number=f"SAMPLE{self.organization.id:08d}",
                bic="SAMPLEXX",
                currency="EUR",
                by=self.owner,
            )
        if verified and account.state != "verified":
            with self._at(days=10), transaction():
                reason = "Called the legal representative on the number in the register; account read back."
                payments.verify_bank_account(account, reason, by=self.people[SECOND_OFFICER])
        return self

    def pay(self, number: int, moment: datetime | None = None, upto: str = "confirmed") -> GrantStory:
        """A tranche is prepared, approved, paid and confirmed, or as far as ``upto``."""
        begin = moment or self.offered + timedelta(days=14)
        steps = ("prepared", "approved", "paid", "confirmed")
        wanted = steps[: steps.index(upto) + 1]
        tranche = tranche_of(self.award, number)
        assert tranche is not None
        with clock.at(begin), transaction():
            payment = payments.prepare(tranche, by=self.people[FIRST_OFFICER])
        if "approved" in wanted:
            with clock.at(begin + timedelta(hours=5)), transaction():
                payments.approve(payment, by=self.people[SECOND_OFFICER])
        if "paid" in wanted:
            with clock.at(begin + timedelta(days=1)), transaction():
                payments.take_on(payment, by=self.people[FIRST_OFFICER])
                payments.pay(
                    payment,
                    paid_on=(begin + timedelta(days=1)).date(),
                    bank_reference=f"SAMPLE-{payment.reference}",
                    proof_name="transfer.pdf",
                    proof_content=sample.document("pdf", "Proof of transfer", payment.reference),
                    by=self.people[FIRST_OFFICER],
                )
        if "confirmed" in wanted:
            with clock.at(begin + timedelta(days=4)), transaction():
                currency, rate = LOCAL[self.organization.country]
                received = Money.parse((payment.amount.amount * Decimal(rate)).quantize(Decimal(1)), currency)
                payments.confirm(
                    payment,
                    received_on=(begin + timedelta(days=4)).date(),
                    received=received,
                    rate=Decimal(rate),
                    by=self.owner,
                )
        return self

    def pay_through_the_bank(self, number: int, moment: datetime) -> GrantStory:
        """A tranche goes to the bank in a payment order; its statement says so, and holds a line that is no grant's."""
        own = fund_account(current_app.config["FUND_ACCOUNT"])
        self.pay(number, moment, upto="approved")
        if own is None:
            return self
        first, second = self.people[FIRST_OFFICER], self.people[SECOND_OFFICER]
        payment = next(one for one in to_order(scope(first, Disbursement)) if one.tranche.award_id == self.award.id)
        with clock.at(moment + timedelta(hours=6)), transaction():
            order = banking.assemble([payment], payer=own, execute_on=moment.date(), by=first)
        with clock.at(moment + timedelta(hours=7)), transaction():
            banking.release(order, payer=own, by=second)
        booked = moment + timedelta(days=1)
        lines = STATEMENT.format(day=booked.date(), amount=-payment.amount.amount, reference=payment.reference)
        with clock.at(booked), transaction():
            statement = banking.bring(lines.encode(), own=own, by=first)
            banking.choose_columns(statement, STATEMENT_COLUMNS, own=own, by=first)
            seen = scope(first, Disbursement)
            banking.apply(statement, "The rent of our office.", seen=seen, everything=every_payment(), by=first)
        return self

    def ask_back(self, moment: datetime) -> GrantStory:
        """A part is asked back, and the grantee tells what another source gives."""
        amount, reason = Money(30_000, self.award.currency), ASKED_MONEY_BACK[self.award.application.language]
        with clock.at(moment), transaction():
            due_on = (moment + timedelta(days=30)).date()
            payments.ask_for_refund(self.award, amount=amount, due_on=due_on, reason=reason, by=self.coordinator)
        with clock.at(moment + timedelta(days=1)), transaction():
            payments.tell_cofinancing(
                self.award,
                source="Fondation de l’Océan (sample)",
                promised=Money(200_000, self.award.currency),
                received=Money(120_000, self.award.currency),
                evidence=("grant-letter.pdf", sample.document("pdf", "Letter of another fund", self.award.reference)),
                by=self.owner,
            )
        return self

    def report(self, key: str, *, share: str, then: tuple[str, ...] = ("accept",)) -> GrantStory:
        """A report is written and submitted three days before it is due; ``then`` says what happens on the next days.

        ``share`` is how much of each budget line was spent in the period, such as "0.75".
        """
        due = next(d for d in dues_of(self.award) if d.key == key)
        begin = datetime.combine(due.due_on, time(10), UTC) - timedelta(days=3)
        with clock.at(begin), transaction():
            self._write(due, Decimal(share))
            reports.submit(due, by=self.owner)
        for later, verb in enumerate(then, 1):
            with clock.at(begin + timedelta(days=later)), transaction():
                if verb == "return":
                    reports.return_(due, "", ASKED_BACK[self.award.application.language], by=self.coordinator)
                elif verb == "submit":
                    self._mend(due)
                    reports.submit(due, by=self.owner)
                elif verb == "verify":
                    self._verify(due)
                else:
                    reports.accept(due, by=self.coordinator)
        return self

    def write_up(self, key: str, moment: datetime) -> GrantStory:
        """A report without figures is written up by the coordinator after a call, and the grantee is asked to confirm it."""
        due = next(d for d in dues_of(self.award) if d.key == key)
        told = sample.read("reports")[due.kind][self.award.application.language]
        spoke_with, day = f"{self.owner.name}, director", (moment - timedelta(days=1)).date()
        with clock.at(moment), transaction():
            write_up = writeups.begin(due, spoke_with=spoke_with, phone="", spoken_on=day, by=self.coordinator)
            for section, answers in told.items():
                reports.save_section(due, section, answers, by=self.coordinator, version=0)
        with clock.at(moment + timedelta(hours=2)), transaction():
            writeups.ask_members(write_up, due, by=self.coordinator)
        return self

    def _write(self, due: ReportDue, share: Decimal) -> None:
        report = reports.start(due, by=self.owner)
        told = sample.read("reports")[due.kind][self.award.application.language]
        for section, answers in told.items():
            values = {key: value for key, value in answers.items() if key != "changes"}
            reports.save_section(due, section, values, by=self.owner, version=0)
            for change in answers.get("changes", ()):
                self._tell(due, change)
        if due.is_financial:
            currency, rate = LOCAL[self.organization.country]
            given = [
                LineGiven(line.id, _local(line.amount_minor, share, currency, rate), Decimal(rate))
                for line in self.award.budget
            ]
            source = Evidence(rate_source=RATE_SOURCE[self.award.application.language], rate_on=clock.now().date())
            reports.save_lines(report, given, source, by=self.owner)
            for line in (self.award.budget[0], None):
                paper = sample.document("pdf", "Bill" if line else "Exchange rate", self.award.reference)
                reports.add_document(due, line.id if line else None, "paper.pdf", paper, by=self.owner)

    def _tell(self, due: ReportDue, change: dict[str, Any]) -> None:
        """A change that the sample tells of happened in the grantee's own country."""
        point, stage, what = int(change["plan_point"]), change["level"], change["evidence"]
        paper = sample.document("pdf", "Letter of the authority", self.award.reference)
        given = ChangeGiven(point, self.organization.country, ChangeLevel.NATIONAL, stage, what)
        reports.tell_change(due, given, file=("letter.pdf", paper), by=self.owner)

    def _mend(self, due: ReportDue) -> None:
        """What was asked for is answered: a sentence more, and a word about the first heading with another paper."""
        assert due.report is not None
        sentence, why = ANSWERED[self.award.application.language]
        told = sample.read("reports")[due.kind][self.award.application.language]["done"]
        mended = told | {"summary": f"{told['summary']} {sentence}"}
        reports.save_section(due, "done", mended, by=self.owner, version=1)
        first = due.report.lines[0]
        local = Money(first.local_minor, first.local_currency)
        given = LineGiven(first.budget_line_id, local, first.rate, why)
        evidence = Evidence(rate_source=due.report.rate_source, rate_on=due.report.rate_on)
        reports.save_lines(due.report, [given], evidence, by=self.owner)
        paper = sample.document("pdf", "Bill of the hotel", self.award.reference)
        reports.add_document(due, first.budget_line_id, "hotel.pdf", paper, by=self.owner)

    def _verify(self, due: ReportDue) -> None:
        """The costs are looked at: a small part of the first heading is not eligible."""
        assert due.report is not None
        none, fine = Money(0, self.award.currency), Money(2_000, self.award.currency)
        reason = NOT_ELIGIBLE[self.award.application.language]
        first, *others = due.report.lines
        found = [LineVerified(first.budget_line_id, first.spent - fine, fine, reason)]
        found += [LineVerified(line.budget_line_id, line.spent, none) for line in others]
        reports.verify(due, found, by=self.coordinator)

    def due_on(self, key: str) -> date:
        """When a report is due."""
        return next(due.due_on for due in dues_of(self.award) if due.key == key)

    def reach_milestones(self, until: datetime | None = None) -> GrantStory:
        """What was promised is reached on its day, as far as ``until``."""
        for milestone in self.award.milestones:
            day = datetime.combine(milestone.due_on, time(9), UTC)
            if until is None or day < until:
                with clock.at(day), transaction():
                    awards.reach_milestone(milestone, EVIDENCE[self.award.application.language], by=self.owner)
        return self

    def close(self, moment: datetime, *, finish: bool = True) -> GrantStory:
        """The final checks, a refund of what was not spent, and the end."""
        with clock.at(moment), transaction():
            closeout = closeouts.open_closeout(self.award, by=self.coordinator)
        if finish:
            with clock.at(moment + timedelta(days=2)), transaction():
                closeouts.finish(closeout, by=self.coordinator)
        return self


def _local(minor: int, share: Decimal, currency: str, rate: str) -> Money:
    """A part of a budget line in local money, in whole units, rounded down so that it never exceeds the line."""
    amount = Money(minor, "EUR").amount * share * Decimal(rate)
    return Money.parse(int(amount), currency)
