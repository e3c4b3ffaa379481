"""Pages about payment orders and statements of the bank."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, current_app, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from wtforms.fields.choices import SelectChoice

from grants.accounts.models import Role
from grants.banking import actions, forms, permissions, queries, rules
from grants.banking.models import BankStatement, PaymentOrder, Verdict
from grants.banking.workflow import StatementState
from grants.core import clock, files
from grants.core.bankfiles import COLUMNS, Columns, Party
from grants.core.permissions import require, scope
from grants.core.rules import Refused
from grants.core.templating import day, money
from grants.core.web import access, done, found, taken
from grants.history.queries import timeline
from grants.payments.models import Disbursement
from grants.payments.permissions import can_pay

bp = Blueprint("banking", __name__)


def _own() -> Party | None:
    return rules.fund_account(current_app.config["FUND_ACCOUNT"])


def _order(reference: str) -> PaymentOrder:
    return found(queries.order_by_reference(scope(current_user, PaymentOrder), reference))


def _statement(number: int) -> BankStatement:
    return found(queries.statement_by_number(scope(current_user, BankStatement), number))


def _tried(form: Any, act: Callable[[], object]) -> bool:
    return taken(act, form, forms.FIELD_OF)


def _page_number() -> int:
    return max(1, min(request.args.get("page", 1, type=int), 100_000))


def _pages(total: int, size: int, endpoint: str, **values: Any) -> dict[str, Any]:
    return {
        "page": _page_number(),
        "pages": max(1, -(-total // size)),
        "total": total,
        "url_for": lambda page: url_for(endpoint, page=page, **values),
    }


# ------------------------------------------------------------------ orders


@bp.get("/payments/orders")
@access(Role.FINANCE_OFFICER, Role.AUDITOR)
def orders() -> ResponseReturnValue:
    """The payment orders, and what can be ordered now."""
    return _orders_page(forms.OrderForm(data={"execute_on": clock.today(current_user.timezone)}))


def _orders_page(form: forms.OrderForm) -> str:
    lines, number = queries.orders(scope(current_user, PaymentOrder), _page_number())
    waiting = queries.to_order(scope(current_user, Disbursement))
    form.payments.choices = [SelectChoice(one.reference, one.reference) for one in waiting]
    return render_template(
        "banking/orders.html",
        orders=lines,
        number=number,
        waiting=waiting,
        form=form,
        payer=_own(),
        officer=permissions.can_order(current_user),
        pagination=_pages(number, queries.PAGE, "banking.orders"),
    )


@bp.post("/payments/orders")
@access(Role.FINANCE_OFFICER)
def assemble() -> ResponseReturnValue:
    """Put payments into one order."""
    require(permissions.can_order(current_user))
    form = forms.OrderForm()
    seen = scope(current_user, Disbursement)
    form.payments.choices = [SelectChoice(one.reference, one.reference) for one in queries.to_order(seen)]
    made: list[PaymentOrder] = []

    def act() -> None:
        chosen = queries.named(seen, form.payments.data or [])
        made.append(actions.assemble(chosen, payer=_own(), execute_on=form.execute_on.data, by=current_user))

    if not _tried(form, act):
        return _orders_page(form), 422
    return done(
        _("The order is put together. Another finance officer releases it."),
        "banking.order",
        reference=made[0].reference,
    )


@bp.get("/payments/orders/<reference>")
@access(Role.FINANCE_OFFICER, Role.AUDITOR)
def order(reference: str) -> ResponseReturnValue:
    """One payment order."""
    return _order_page(_order(reference))


def _order_page(shown: PaymentOrder, form: forms.ReasonForm | None = None) -> str:
    return render_template(
        "banking/order.html",
        order=shown,
        form=form or forms.ReasonForm(formdata=None),
        officer=permissions.can_order(current_user),
        to_release=rules.obstacles_to_releasing(shown, current_user.id, _own()),
        history=timeline([("payment_order", shown.id)], names=True),
    )


@bp.post("/payments/orders/<reference>/release")
@access(Role.FINANCE_OFFICER)
def release(reference: str) -> ResponseReturnValue:
    """Release an order that somebody else put together."""
    require(permissions.can_order(current_user))
    actions.release(_order(reference), payer=_own(), by=current_user)
    return done(_("The order is released. Take the file to the bank."), "banking.order", reference=reference)


@bp.post("/payments/orders/<reference>/file")
@access(Role.FINANCE_OFFICER)
def download(reference: str) -> ResponseReturnValue:
    """Take the file for the bank out; that is written down."""
    require(permissions.can_order(current_user))
    answer = Response(actions.download(_order(reference), by=current_user), mimetype="application/xml")
    answer.headers["Content-Disposition"] = f'attachment; filename="{reference}.xml"'
    answer.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return answer


@bp.post("/payments/orders/<reference>/dissolve")
@access(Role.FINANCE_OFFICER)
def dissolve(reference: str) -> ResponseReturnValue:
    """Do not send an order."""
    require(permissions.can_order(current_user))
    shown, form = _order(reference), forms.ReasonForm()
    if not _tried(form, lambda: actions.dissolve(shown, form.reason.data or "", by=current_user)):
        return _order_page(shown, form), 422
    return done(_("The order is not sent. Its payments can be ordered again."), "banking.orders")


@bp.post("/payments/orders/<reference>/take-out/<payment>")
@access(Role.FINANCE_OFFICER)
def take_out(reference: str, payment: str) -> ResponseReturnValue:
    """The bank did not carry out one payment."""
    require(permissions.can_order(current_user))
    shown, form = _order(reference), forms.ReasonForm()
    if not _tried(form, lambda: actions.take_out(shown, payment, form.reason.data or "", by=current_user)):
        return _order_page(shown, form), 422
    return done(
        _("The payment is taken out. It can be ordered again or cancelled."), "banking.order", reference=reference
    )


# ------------------------------------------------------------------ statements


@bp.get("/payments/statements")
@access(Role.FINANCE_OFFICER, Role.AUDITOR)
def statements() -> ResponseReturnValue:
    """The statements of the bank."""
    return _statements_page(forms.StatementForm())


def _statements_page(form: forms.StatementForm) -> str:
    lines, number = queries.statements(scope(current_user, BankStatement), _page_number())
    return render_template(
        "banking/statements.html",
        statements=lines,
        form=form,
        officer=permissions.can_take_statements(current_user),
        pagination=_pages(number, queries.PAGE, "banking.statements"),
    )


@bp.post("/payments/statements")
@access(Role.FINANCE_OFFICER)
def bring() -> ResponseReturnValue:
    """Bring in a statement."""
    require(permissions.can_take_statements(current_user))
    form = forms.StatementForm()
    made: list[BankStatement] = []

    def act() -> None:
        content = form.file.data.read(files.LARGEST + 1)
        if len(content) > files.LARGEST:
            form.file.errors = [*form.file.errors, _("The file is larger than 10 MB.")]
            raise Refused
        made.append(actions.bring(content, own=_own(), by=current_user))

    if not _tried(form, act):
        return _statements_page(form), 422
    return done(_("The statement is here. Please look through it."), "banking.statement", number=made[0].id)


@bp.get("/payments/statements/<int:number>")
@access(Role.FINANCE_OFFICER, Role.AUDITOR)
def statement(number: int) -> ResponseReturnValue:
    """One statement: what its lines mean, or what became of them."""
    shown = _statement(number)
    columns = None
    if shown.state == StatementState.UNREAD:
        columns = forms.ColumnsForm(formdata=None)
        columns.offer(actions.header_of(shown))
    return _statement_page(shown, columns=columns)


def _statement_page(
    shown: BankStatement,
    *,
    columns: forms.ColumnsForm | None = None,
    form: forms.ApplyForm | None = None,
    reason: forms.ReasonForm | None = None,
) -> str:
    judged = actions.judged(shown, scope(current_user, Disbursement), queries.every_payment())
    lines = [one for one in judged if not one.hidden]
    first = (_page_number() - 1) * queries.LINES
    open_ones = [one for one in lines if one.entry.verdict is None]
    found_now = [one for one in lines if one.entry.verdict == Verdict.LEFT and one.verdict != Verdict.LEFT]
    return render_template(
        "banking/statement.html",
        statement=shown,
        lines=[(one, _text(one, shown)) for one in lines[first : first + queries.LINES]],
        counts={verdict: sum(one.verdict == verdict for one in lines) for verdict in Verdict},
        waiting=bool(open_ones or found_now),
        columns=columns,
        form=form or forms.ApplyForm(formdata=None),
        reason=reason or forms.ReasonForm(formdata=None),
        verdicts=rules.VERDICTS,
        why=rules.WHY,
        undone=rules.UNDONE,
        in_words=rules.reason_in_words,
        officer=permissions.can_take_statements(current_user),
        pagination=_pages(len(lines), queries.LINES, "banking.statement", number=shown.id),
        history=timeline([("bank_statement", shown.id)], names=True),
    )


def _text(one: rules.Judged, shown: BankStatement) -> str:
    """What the bank wrote, for finance officers, without whole numbers of accounts."""
    if not permissions.can_take_statements(current_user):
        return ""
    return rules.masked(actions.text_of(one.entry, shown))


@bp.post("/payments/statements/<int:number>/columns")
@access(Role.FINANCE_OFFICER)
def choose_columns(number: int) -> ResponseReturnValue:
    """Say which column of a table says what."""
    require(permissions.can_take_statements(current_user))
    shown, form = _statement(number), forms.ColumnsForm()
    shown.workflow.transition("lay_out", shown.state)
    form.offer(actions.header_of(shown))

    def act() -> None:
        named = {what: form[what].data for what in COLUMNS if form[what].data}
        chosen = Columns(named, form.days.data, form.mark.data)
        actions.choose_columns(shown, chosen, own=_own(), by=current_user)

    if not _tried(form, act):
        return _statement_page(shown, columns=form), 422
    return done(_("The columns are remembered for the next table like this."), "banking.statement", number=number)


@bp.post("/payments/statements/<int:number>/apply")
@access(Role.FINANCE_OFFICER)
def apply(number: int) -> ResponseReturnValue:
    """Take a statement into the books."""
    require(permissions.can_take_statements(current_user))
    shown, form = _statement(number), forms.ApplyForm()
    seen = scope(current_user, Disbursement)

    def act() -> None:
        note = form.note.data or ""
        actions.apply(shown, note, seen=seen, everything=queries.every_payment(), by=current_user)

    if not _tried(form, act):
        return _statement_page(shown, form=form), 422
    return done(_("The statement is in the books."), "banking.statement", number=number)


@bp.route("/payments/statements/<int:number>/lines/<int:entry>/take-back", methods=["GET", "POST"])
@access(Role.FINANCE_OFFICER)
def take_line_back(number: int, entry: int) -> ResponseReturnValue:
    """Take back what a line of a statement was taken for."""
    require(permissions.can_take_statements(current_user))
    shown, form = _statement(number), forms.ReasonForm()
    judged = actions.judged(shown, scope(current_user, Disbursement), queries.every_payment())
    line = found(next((one for one in judged if one.entry.id == entry and not one.hidden), None))
    for about in filter(None, (line.payment.tranche.award if line.payment else None, line.award)):
        require(can_pay(current_user, about))
    if taken(lambda: actions.take_line_back(shown, entry, form.reason.data or "", by=current_user), form):
        return done(_("It is taken back."), ".statement", number=number)
    page = render_template(
        "awards/ask.html",
        award=shown,
        form=form,
        heading=_("Take back what was recorded"),
        lead=_("It stays in the record, and a new entry takes it back. The money stands again where it stood before."),
        label=_("Take it back"),
        tone="danger",
        told=[
            (rules.VERDICTS[line.verdict][0], money(line.entry.amount)),
            (_("Line"), " · ".join(text for text in (day(line.entry.booked_on), _text(line, shown)) if text)),
            *([(_("Payment"), line.payment.reference)] if line.payment else []),
            *([(_("Grant"), line.award.reference)] if line.award else []),
        ],
        obstacles=rules.obstacles_to_taking_back(line.entry),
        back_url=url_for(".statement", number=number),
        back_label=shown.reference,
    )
    return page, 422 if form.is_submitted() else 200


@bp.post("/payments/statements/<int:number>/discard")
@access(Role.FINANCE_OFFICER)
def discard(number: int) -> ResponseReturnValue:
    """Put a statement aside."""
    require(permissions.can_take_statements(current_user))
    shown, form = _statement(number), forms.ReasonForm()
    if not _tried(form, lambda: actions.discard(shown, form.reason.data or "", by=current_user)):
        return _statement_page(shown, reason=form), 422
    return done(_("The statement is put aside."), "banking.statements")
