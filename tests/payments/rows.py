"""A signed grant with its people, plan and bank account, for tests of payments and of the close-out."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import text

from grants.accounts.models import Organization, Person, Role
from grants.awards.models import Agreement, Award
from grants.awards.workflow import AwardState
from grants.core.money import Money
from grants.payments import actions
from grants.payments.models import BankAccount, Disbursement, Tranche, Trigger
from grants.reports.models import ReportDue
from grants.reports.workflow import ReportState
from tests import factories as make
from tests.uploads import photographs

SIGNING_DAY = datetime(2027, 5, 10, 9, tzinfo=UTC)
IBAN = "DE89370400440532013000"
OTHER_IBAN = "FR7630006000011234567890189"
NUMBERS = itertools.count(1)
PDF = photographs.blank_pdf()
CALL_BACK = "Called Awa Diop on the number of the agreement, 10 May 10:00."


@dataclass
class Scene:
    """A running grant of EUR 10,000 paid in two tranches, 80 and 20, and everybody around it."""

    award: Award
    organization: Organization
    owner: Person
    officers: list[Person]
    coordinator: Person
    auditor: Person
    tranches: list[Tranche]
    final: ReportDue

    @property
    def first(self) -> Tranche:
        return self.tranches[0]

    @property
    def last(self) -> Tranche:
        return self.tranches[1]


def scene(*, signed: bool = True, account: bool = True, call: Any = None, **of_award: Any) -> Scene:
    owner = make.person(name="Awa Diop")
    officers = [make.person(Role.FINANCE_OFFICER, name=f"Officer {n}", regions=[]) for n in "ABC"]
    coordinator = make.person(Role.REGIONAL_COORDINATOR, regions=["AFR"], name="Coordinator")
    auditor = make.person(Role.AUDITOR, regions=[], name="Auditor")
    organization = make.organization(owner)
    application = make.application(call or make.call(), organization, owner)
    award = make.award(application, coordinator, state=AwardState.SENT, **of_award)
    final = make.report_due(award)
    eighty = award.amount_minor * 8 // 10
    plan: list[dict[str, Any]] = [
        {"number": 1, "amount_minor": eighty, "trigger": Trigger.AGREEMENT_SIGNED, "due_on": date(2027, 5, 24)},
        {
            "number": 2,
            "amount_minor": award.amount_minor - eighty,
            "trigger": Trigger.FINAL_REPORT_APPROVED,
            "due_on": date(2028, 4, 15),
            "report_due_id": final.id,
        },
    ]
    tranches = [make.save(Tranche(award_id=award.id, currency=award.currency, **part)) for part in plan]
    agreement = {"version": 1, "language": "en", "file_id": make.stored_file().id, "drawn_up_by_id": coordinator.id}
    make.save(Agreement(award_id=award.id, **agreement))
    made = Scene(award, organization, owner, officers, coordinator, auditor, tranches, final)
    if signed:
        actions.sign_agreement(award, signature="Awa Diop", by=owner)
    if account:
        bank_account(made)
    return made


def bank_account(made: Scene, number: str = IBAN, *, verified: bool = True) -> BankAccount:
    account = actions.enter_bank_account(
        made.organization, holder=made.organization.name, number=number, bic="ECOCSNDA", currency="eur", by=made.owner
    )
    return actions.verify_bank_account(account, CALL_BACK, by=made.officers[2]) if verified else account


def prepared(made: Scene, tranche: Tranche | None = None) -> Disbursement:
    return actions.prepare(tranche or made.first, by=made.officers[0])


def approved(made: Scene, tranche: Tranche | None = None) -> Disbursement:
    return actions.approve(prepared(made, tranche), by=made.officers[1])


def paid(made: Scene, tranche: Tranche | None = None) -> Disbursement:
    disbursement = actions.take_on(approved(made, tranche), by=made.officers[0])
    return actions.pay(
        disbursement,
        paid_on=disbursement.approved_at.date(),
        bank_reference="SEPA 1",
        proof_name="proof.pdf",
        proof_content=PDF,
        by=made.officers[0],
    )


def confirmed(made: Scene, tranche: Tranche | None = None) -> Disbursement:
    disbursement = paid(made, tranche)
    return actions.confirm(
        disbursement, received_on=disbursement.paid_on, received=disbursement.amount, rate=Decimal(1), by=made.owner
    )


def spend(made: Scene, minor: int, due: ReportDue | None = None) -> None:
    """An accepted report shows so much as spent."""
    due = due or made.final
    make.report(due, minor)
    due.state = ReportState.ACCEPTED
    make.db.session.flush()


def refund(made: Scene, minor: int, **more: Any) -> Any:
    values: dict[str, Any] = {
        "amount": Money(minor, made.award.currency),
        "received_on": date(2027, 5, 10),
        "bank_reference": f"BACK {next(NUMBERS)}",
        "proof_name": "proof.pdf",
        "proof_content": PDF,
        "by": made.officers[0],
    }
    return actions.record_refund(made.award, **(values | more))


def past_all_triggers(statement: str, values: dict[str, Any] | None = None) -> None:
    """What somebody can do who owns the database: write with the triggers switched off."""
    for role, asked in (("replica", statement), ("origin", None)):
        make.db.session.execute(text(f"SET LOCAL session_replication_role = {role}"))
        if asked:
            make.db.session.execute(text(asked), values or {})
