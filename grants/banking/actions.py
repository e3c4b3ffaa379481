"""Orders that go to the bank, and statements that come back. Each act is one transaction, with an entry in the record."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from sqlalchemy.exc import IntegrityError

from grants.accounts.models import Person
from grants.awards.rules import obstacles_without_reason
from grants.banking import queries, rules
from grants.banking.models import BankStatement, OrderLine, PaymentOrder, StatementEntry, StatementShape, Verdict
from grants.banking.rules import Books, Judge, Judged
from grants.banking.workflow import OrderState
from grants.core import bankfiles, clock, encryption, pdf
from grants.core.bankfiles import BadStatement, Booked, Columns, Ordered, Party, Statement
from grants.core.db import db
from grants.core.languages import _l
from grants.core.rules import Obstacle, Refused, refuse
from grants.core.templating import day
from grants.history import actions as history
from grants.payments import actions as payments
from grants.payments import queries as payment_queries
from grants.payments.actions import HOLDER_PLACE, NUMBER_PLACE
from grants.payments.models import Disbursement
from grants.payments.rules import looks_like_iban

FILE_PLACE = "payment_order.file_sealed"
CONTENT_PLACE = "bank_statement.content_sealed"
TEXT_PLACE = "statement_entry.text_sealed"


# ------------------------------------------------------------------ orders


def assemble(chosen: Sequence[Disbursement], *, payer: Party | None, execute_on: date, by: Person) -> PaymentOrder:
    """Put approved payments into one order for the bank. Raises Refused with everything that stands in the way."""
    for one in sorted(chosen, key=_in_turn):
        payment_queries.lock_disbursement(one)
    taken = queries.in_an_order(chosen)
    refuse(rules.obstacles_to_assembling(payer, chosen, taken, execute_on, clock.today(by.timezone)))
    refuse([obstacle for one in chosen for obstacle in rules.obstacle_of_holder(one.reference, _payee(one).name)])
    order = PaymentOrder(
        reference=f"PO-{clock.now():%Y%m%d}-{secrets.token_hex(3).upper()}",
        token=encryption.row_token(),
        execute_on=execute_on,
        assembled_by_id=by.id,
        lines=[OrderLine(disbursement=one, end_to_end=rules.end_to_end_of(one)) for one in chosen],
    )
    db.session.add(order)
    for one in chosen:
        payments.put_in_order(one, order.reference)
    history.begin(order, "assemble", by=by, payments=[one.reference for one in chosen])
    return order


def release(order: PaymentOrder, *, payer: Party | None, by: Person) -> PaymentOrder:
    """A second person releases an order: the file for the bank is made of what was approved, and sealed.

    Raises Refused for the person who put it together, and when a payment is not what was approved or its account has
    changed; then nothing of the order is released.
    """
    queries.lock_order(order)
    order.workflow.transition("release", order.state)
    refuse(rules.obstacles_to_releasing(order, by.id, payer))
    assert payer is not None
    ordered, stopped = [], []
    for line in sorted((line for line in order.lines if line.stands), key=lambda line: _in_turn(line.disbursement)):
        try:
            payments.release(line.disbursement, order.reference, by=by)
        except Refused as refusal:
            stopped += [_about(line.disbursement.reference, obstacle) for obstacle in refusal.obstacles]
            continue
        paid = line.disbursement
        text = f"{paid.tranche.award.reference} {paid.reference}"
        ordered.append(Ordered(line.end_to_end, paid.amount, _payee(paid), text))
    refuse(stopped)
    content = bankfiles.payment_file(order.reference, payer, ordered, made_at=clock.now(), execute_on=order.execute_on)
    order.file_sealed = encryption.seal(content.decode(), FILE_PLACE, order.token)
    order.file_sha256 = hashlib.sha256(content).hexdigest()
    order.released_by_id, order.released_at = by.id, clock.now()
    history.record(order, "release", by=by, sha256=order.file_sha256)
    return order


def _in_turn(payment: Disbursement) -> tuple[int, int]:
    """Grants are held in one order by everybody, so that two people never wait for each other in a ring."""
    return payment.tranche.award_id, payment.id


def _about(reference: str, obstacle: Obstacle) -> Obstacle:
    return Obstacle(
        obstacle.code, _l("%(reference)s: %(why)s", reference=reference, why=obstacle.message), obstacle.where
    )


def _payee(disbursement: Disbursement) -> Party:
    account = queries.account_of(disbursement)
    number = encryption.unseal(account.number_sealed, NUMBER_PLACE, account.token)
    holder = encryption.unseal(account.holder_sealed, HOLDER_PLACE, account.token)
    return Party(holder, number, looks_like_iban(number), account.bic, account.bank_code)


def download(order: PaymentOrder, *, by: Person) -> bytes:
    """The file of an order in the clear; that somebody took it is written down. Raises Refused before the release."""
    refuse(rules.obstacles_to_downloading(order))
    sealed = queries.file_of(order)
    assert sealed is not None
    history.note("payment_order", order.id, "download", by=by, sha256=order.file_sha256)
    return encryption.unseal(sealed, FILE_PLACE, order.token).encode()


def dissolve(order: PaymentOrder, reason: str, *, by: Person) -> PaymentOrder:
    """An order is not sent, and why; its payments are free for another. Raises Refused, NoSuchMove."""
    queries.lock_order(order)
    history.record(order, "dissolve", by=by, reason=reason)
    for line in sorted(order.lines, key=lambda line: _in_turn(line.disbursement)):
        payments.put_in_order(line.disbursement, "")
        line.stands = False
    return order


def take_out(order: PaymentOrder, reference: str, reason: str, *, by: Person) -> PaymentOrder:
    """The bank did not carry out one payment of a released order, and why; it can be ordered again or cancelled.

    Raises Refused, also when no payment of the order that still stands has this reference.
    """
    queries.lock_order(order)
    line = next((one for one in order.lines if one.stands and one.disbursement.reference == reference), None)
    if line is None or order.state != OrderState.RELEASED:
        raise Refused(Obstacle("not_in_order", _l("No payment on its way has this reference.")))
    payments.take_out(line.disbursement, reason, by=by)
    line.stands = False
    history.note("payment_order", order.id, "take_out", by=by, reason=reason, payment=reference)
    return order


# ------------------------------------------------------------------ statements


def bring(content: bytes, *, own: Party | None, by: Person) -> BankStatement:
    """Bring in a statement of the bank. Nothing is recorded yet but the file itself, sealed, and what its lines say.

    A table whose columns nobody has chosen yet waits for that. Raises Refused for what cannot be read, for another
    account, and for a statement that was brought before.
    """
    try:
        if bankfiles.is_xml(content):
            read: Statement | None = bankfiles.read_camt(content)
        else:
            read = _by_known_columns(content, own)
    except BadStatement as problem:
        raise Refused(Obstacle("unreadable", problem.args[0])) from problem
    sha256 = hashlib.sha256(content).hexdigest()
    reference = read.reference if read and read.reference else f"CSV-{sha256[:24]}"
    account = read.account if read else (own.number if own else "")
    queries.lock_bringing()
    known = queries.statement_taken(reference)
    refuse(rules.obstacles_to_bringing(own, account, reference, taken=known is not None))
    token = encryption.row_token()
    statement = BankStatement(
        reference=reference,
        token=token,
        content_sealed=encryption.seal(content.decode("latin-1"), CONTENT_PLACE, token),
        sha256=sha256,
        brought_by_id=by.id,
    )
    db.session.add(statement)
    history.begin(statement, "bring", by=by, sha256=sha256)
    if read is not None:
        _keep_lines(statement, read.booked, by)
    return statement


def _by_known_columns(content: bytes, own: Party | None) -> Statement | None:
    rows = bankfiles.table_of(content)
    known = queries.shape_known(bankfiles.shape_of(rows[0]))
    if known is None:
        return None
    return bankfiles.read_table(rows, Columns(**known.columns), own.number if own else "")


def header_of(statement: BankStatement) -> list[str]:
    """The columns of a table that was brought."""
    return bankfiles.table_of(_content(statement))[0]


def _content(statement: BankStatement) -> bytes:
    return encryption.unseal(statement.content_sealed, CONTENT_PLACE, statement.token).encode("latin-1")


def choose_columns(statement: BankStatement, columns: Columns, *, own: Party | None, by: Person) -> BankStatement:
    """Say which column of a table says what; it is remembered for the next table like it. Raises Refused."""
    queries.lock_bringing()
    queries.lock_statement(statement)
    statement.workflow.transition("lay_out", statement.state)
    rows = bankfiles.table_of(_content(statement))
    refuse(rules.obstacles_to_columns(columns, rows[0]))
    try:
        read = bankfiles.read_table(rows, columns, own.number if own else "")
    except BadStatement as problem:
        raise Refused(Obstacle("unreadable", problem.args[0])) from problem
    shape = bankfiles.shape_of(rows[0])
    known = queries.shape_known(shape) or StatementShape(shape=shape)
    known.columns = {"named": dict(columns.named), "days": columns.days, "mark": columns.mark}
    known.chosen_by_id, known.chosen_at = by.id, clock.now()
    db.session.add(known)
    _keep_lines(statement, read.booked, by)
    return statement


def _keep_lines(statement: BankStatement, booked: Iterable[Booked], by: Person) -> None:
    """Keep the lines that were not read before: two tables may overlap."""
    lines = list(booked)
    taken = queries.keys_taken([line.key for line in lines])
    fresh = [line for line in lines if line.key not in taken]
    db.session.add_all(
        StatementEntry(
            statement_id=statement.id,
            key=line.key,
            booked_on=line.booked_on,
            amount_minor=line.amount.minor,
            currency=line.amount.currency,
            is_credit=line.is_credit,
            is_return=line.is_return,
            is_fee=line.is_fee,
            end_to_end=line.end_to_end,
            bank_reference=line.bank_reference,
            text_sealed=encryption.seal(line.text, TEXT_PLACE, f"{statement.token}:{line.key}"),
            reason=line.reason,
            fee_minor=line.fee.minor if line.fee else None,
            fee_currency=line.fee.currency if line.fee else None,
        )
        for line in fresh
    )
    try:
        history.record(statement, "lay_out", by=by, lines=len(fresh), read_before=len(lines) - len(fresh))
    except IntegrityError as error:
        raise Refused(Obstacle("taken_before", _l("Two lines of this statement have the same name."))) from error


def text_of(entry: StatementEntry, statement: BankStatement) -> str:
    """What the bank wrote beside a line."""
    return encryption.unseal(entry.text_sealed, TEXT_PLACE, f"{statement.token}:{entry.key}")


def judged(statement: BankStatement, seen: Any, everything: Any) -> list[Judged]:
    """What each line of a statement means: as it was settled, or as it would be now.

    ``seen`` are the payments that the reader may see, ``everything`` all of them.
    """
    entries = queries.entries_of(statement)
    texts = {entry.id: text_of(entry, statement) for entry in entries}
    names = {name for entry in entries for name in rules.names_in(entry, texts[entry.id])}
    judge = Judge(_books(entries, names, seen, everything), clock.now())
    visible = queries.grants_visible(seen, {award_id for entry in entries if (award_id := _award_of(entry))}) | {None}
    return [
        Judged(
            entry,
            Verdict(entry.verdict),
            entry.why,
            entry.disbursement,
            hidden=_award_of(entry) not in visible,
            award=entry.refund.award if entry.refund else None,
            refund=entry.refund,
        )
        if entry.verdict and entry.verdict != Verdict.LEFT
        else judge.judge(entry, texts[entry.id])
        for entry in entries
    ]


def _award_of(entry: StatementEntry) -> int | None:
    """The grant that a settled line is about."""
    if entry.refund is not None:
        return entry.refund.award_id
    return entry.disbursement.tranche.award_id if entry.disbursement else None


def _books(entries: Iterable[StatementEntry], names: set[str], seen: Any, everything: Any) -> Books:
    by_name, all_names = queries.meant(seen, names), queries.meant(everything, names)
    by_bank = queries.meant_by_bank(seen, {entry.bank_reference for entry in entries})
    payments_ = [*by_name.values(), *by_bank.values()]
    grants, all_grants = queries.grants_meant(seen, names), queries.grants_meant(everything, names)
    concerned = {award.id: award for award in [*grants.values(), *(one.tranche.award for one in payments_)]}
    return Books(
        seen=by_name,
        everything=frozenset(all_names.keys() - by_name.keys() | all_grants.keys() - grants.keys()),
        stated=frozenset(queries.stated_before(payments_)),
        by_bank=by_bank,
        grants=grants,
        held=queries.held_by(concerned.values()),
        refunds=queries.refunds_recorded(concerned.values()),
        fees=frozenset(queries.fees_stated(payments_)),
    )


def apply(statement: BankStatement, note: str, *, seen: Any, everything: Any, by: Person) -> list[Judged]:
    """Take a statement into the books: payments sent, payments that came back, fees; with the line as the proof.

    What means no payment is left with its reason and ``note``; it can be looked at again later. All of it happens or
    nothing. Raises Refused.
    """
    queries.lock_bringing()
    queries.lock_statement(statement)
    lines = [one for one in judged(statement, seen, everything) if not one.hidden]
    open_ones = [one for one in lines if one.entry.verdict in (None, Verdict.LEFT)]
    to_do = [one for one in open_ones if one.verdict != Verdict.LEFT or one.entry.verdict is None]
    left = [one for one in open_ones if one.verdict == Verdict.LEFT]
    refuse(rules.obstacles_to_applying(statement.state, len(to_do), len(left), note))
    concerned = {one.payment.tranche.award_id for one in to_do if one.payment}
    for award_id in sorted(concerned | {one.award.id for one in to_do if one.award}):
        payment_queries.lock_grant(award_id)
    counts: dict[str, int] = {}
    for one in open_ones:
        verdict, why = _settle(one, statement, by)
        one.entry.verdict, one.entry.why = verdict, why
        one.entry.disbursement_id = one.payment.id if one.payment else None
        if one.refund is not None and verdict == Verdict.KNOWN:
            one.entry.refund_id = one.refund.id
        if verdict == Verdict.LEFT:
            one.entry.note = note.strip()
        counts[verdict] = counts.get(verdict, 0) + 1
    history.record(statement, "apply", by=by, lines=counts)
    return lines


def _settle(one: Judged, statement: BankStatement, by: Person) -> tuple[str, str]:
    """Do what a line means. A payment that cannot be recorded after all is left, and nothing of it is done."""
    entry, payment = one.entry, one.payment
    if one.verdict in (Verdict.LEFT, Verdict.KNOWN):
        return one.verdict, one.why
    try:
        with db.session.begin_nested():
            if payment is None:
                assert one.award is not None
                refund = payments.record_refund_as_stated(
                    one.award,
                    amount=entry.amount,
                    received_on=entry.booked_on,
                    bank_reference=entry.bank_reference or f"{statement.reference} {entry.id}",
                    extract=_extract(entry, one.award.reference, statement),
                    by=by,
                )
                entry.refund_id = refund.id
            elif one.verdict == Verdict.PAID:
                payments.pay_as_stated(
                    payment,
                    paid_on=entry.booked_on,
                    bank_reference=entry.bank_reference or statement.reference,
                    extract=_extract(entry, payment.reference, statement),
                    fee=entry.fee,
                    by=by,
                )
            elif one.verdict == Verdict.RETURNED:
                reason = f"{entry.reason} {rules.reason_in_words(entry.reason)}".strip()
                payments.return_(payment, reason, came=entry.amount, by=by)
                if entry.fee is not None and entry.amount == payment.amount:
                    payments.record_fee(payment, entry.fee, key=entry.key, by=by)
            else:
                payments.record_fee(payment, entry.amount, key=entry.key, by=by)
    except Refused as refusal:
        codes = {obstacle.code for obstacle in refusal.obstacles}
        return Verdict.LEFT, "not_as_approved" if "not_as_approved" in codes else "refused"
    return one.verdict, one.why


def take_line_back(statement: BankStatement, number: int, reason: str, *, by: Person) -> StatementEntry:
    """What a line of a statement was taken for was a mistake: the money stands again where it stood before. Raises Refused,
    NoSuchMove.
    """
    queries.lock_statement(statement)
    entry = queries.lock_entry(statement, number)
    refuse(
        (rules.obstacles_to_taking_back(entry) if entry else [Obstacle("no_line", _l("There is no such line."))])
        or obstacles_without_reason(reason)
    )
    assert entry is not None
    payment, refund = entry.disbursement, entry.refund
    if entry.verdict == Verdict.REFUNDED and refund is not None:
        payments.take_back_refund(refund.award, refund, reason, by=by)
    elif payment is not None and entry.verdict == Verdict.PAID:
        payments.take_back(payment, reason, by=by)
    elif payment is not None:
        if entry.verdict == Verdict.RETURNED:
            payments.take_back_return(payment, reason, by=by)
        payments.take_fee_back(payment, entry.key, by=by)
    verdict, entry.verdict, entry.note = entry.verdict, Verdict.TAKEN_BACK, reason.strip()
    history.note("bank_statement", statement.id, "take_back", by=by, reason=reason, line=entry.id, meant=verdict)
    return entry


def _extract(entry: StatementEntry, reference: str, statement: BankStatement) -> bytes:
    """The one line of a statement that is about a payment or a refund, as a document: the rest is nobody else's business."""
    pairs = [
        [str(_l("Payment")), reference],
        [str(_l("Amount")), entry.amount.shown("en")],
        [str(_l("Booked on")), day(entry.booked_on)],
        [str(_l("Reference of the bank")), entry.bank_reference or "–"],
        [str(_l("Statement")), statement.reference],
        ["SHA-256", statement.sha256],
    ]
    title = str(_l("Extract of the bank’s statement"))
    return pdf.render("document", title=title, lead=reference, parts=[{"kind": "facts", "pairs": pairs}])


def discard(statement: BankStatement, reason: str, *, by: Person) -> BankStatement:
    """Put a statement aside that was brought by mistake, and why; its lines can be brought again. Raises Refused."""
    queries.lock_statement(statement)
    history.record(statement, "discard", by=by, reason=reason)
    for entry in queries.entries_of(statement):
        db.session.delete(entry)
    return statement
