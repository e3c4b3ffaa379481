"""Forms about bank accounts, payments and the signature."""

from __future__ import annotations

from flask_wtf.file import FileField
from wtforms import BooleanField, DateField, IntegerField, SelectField
from wtforms.validators import InputRequired, NumberRange, Optional, Regexp

from grants.core.forms import Form, LineField, TextField
from grants.core.languages import _l
from grants.payments.rules import PROOF_KINDS
from grants.questionnaires.forms import NumberField

FIELD_OF = {
    "no_holder": "holder",
    "no_bank": "bic",
    "bank_code": "bank_code",
    "iban_checksum": "number",
    "account_number": "number",
    "bic": "bic",
    "currency": "currency",
    "no_call_back": "reason",
    "reason_missing": "reason",
    "paid_in_future": "paid_on",
    "paid_before_approval": "paid_on",
    "no_bank_reference": "bank_reference",
    "received_before_paid": "received_on",
    "received_in_future": "received_on",
    "nothing_received": "received",
    "rate": "rate",
    "short": "short_reason",
    "more_than_sent": "received",
    "fee": "fee",
    "refund_due": "due_on",
    "no_source": "source",
    "cofinancing_amount": "promised",
    "no_evidence": "proof",
    "refund_amount": "amount",
    "refund_in_future": "received_on",
    "file_kind": "proof",
    "file_empty": "proof",
    "file_too_large": "proof",
    "file_content": "proof",
    "came_back": "came",
    "refund_known": "bank_reference",
    "refund_alike": "another",
    "no_signature": "signature",
    "outside_the_period": "not_before",
}
"""Which field mends which obstacle."""


class WaitsForm(Form):
    """What an instalment waits for; the view says which reports and milestones there are."""

    trigger = SelectField(_l("Paid when"), [InputRequired()], choices=[], validate_choice=True)
    milestone = SelectField(_l("And this milestone is reached"), [Optional()], choices=[], validate_choice=True)
    not_before = DateField(_l("And not before"), [Optional()])
    min_spent_percent = IntegerField(
        _l("And so much of the money received is spent, in percent"), [Optional(), NumberRange(1, 100)]
    )


def capitals(value: str | None) -> str:
    """Capital letters, as codes are written."""
    return (value or "").upper()


CURRENCY = Regexp("^[A-Z]{3}$", message=_l("Please type the three letters of a currency, such as XOF."))


class BankAccountForm(Form):
    """Where an organization is paid."""

    holder = LineField(
        _l("Account holder"),
        [InputRequired()],
        longest=140,
        description=_l("Exactly as the bank writes it. It should be the registered name of the organization."),
    )
    number = LineField(_l("IBAN or account number"), [InputRequired()], longest=60, render_kw={"autocomplete": "off"})
    bic = LineField(
        _l("BIC (SWIFT code)"),
        [Optional()],
        longest=20,
        description=_l("8 or 11 letters and digits; your bank statement shows it."),
        render_kw={"autocomplete": "off"},
    )
    bank_code = LineField(
        _l("National code of the bank"),
        [Optional()],
        longest=40,
        description=_l(
            "Only where your country has no IBAN: the code of the bank and its branch, as your statement shows it."
        ),
        render_kw={"autocomplete": "off"},
    )
    currency = LineField(
        _l("Currency of the account"),
        [InputRequired(), CURRENCY],
        longest=3,
        filters=[capitals],
        description=_l("Three letters, such as EUR or XOF."),
    )


class VerifyForm(Form):
    """The story of a call-back."""

    reason = TextField(
        _l("Whom did you call, on which number, and when?"),
        [InputRequired()],
        longest=1000,
        description=_l("Use a number from the application or the agreement, not from the message about the change."),
    )


class ReasonForm(Form):
    """Why something is stopped or came back."""

    reason = TextField(_l("Why?"), [InputRequired()], longest=1000)


class ReturnForm(Form):
    """What the bank sent back, and why."""

    reason = TextField(_l("Why?"), [InputRequired()], longest=1000)
    came = NumberField(
        _l("Amount that came back"),
        [Optional()],
        description=_l("Leave it empty when all of it came back."),
        render_kw={"inputmode": "decimal"},
    )
    rest_stayed = BooleanField(
        _l("The rest stayed with the grantee"),
        description=_l("Otherwise banks kept it as their fee, and the fund bears it."),
    )


def _proof() -> FileField:
    kinds = ",".join(f".{kind}" for kind in PROOF_KINDS)
    return FileField(
        _l("Proof from the bank"),
        [InputRequired()],
        description=_l("A PDF or a picture, up to 10 MB."),
        render_kw={"accept": kinds},
    )


class PayForm(Form):
    """What the bank did."""

    paid_on = DateField(_l("Sent on"), [InputRequired()])
    bank_reference = LineField(_l("Reference of the bank"), [InputRequired()], longest=100)
    fee = NumberField(
        _l("Fee of our bank"),
        [Optional()],
        description=_l("What our bank took for it, in the currency of the payment. The fund bears it, not the grant."),
        render_kw={"inputmode": "decimal"},
    )
    proof = _proof()


class ProofForm(Form):
    """Another proof in the place of one that was locked."""

    proof = _proof()


class ConfirmForm(Form):
    """What arrived at the grantee's bank."""

    received_on = DateField(_l("Arrived on"), [InputRequired()])
    received = NumberField(
        _l("Amount that arrived"),
        [InputRequired(), NumberRange(min=0)],
        description=_l("As your bank statement shows it, after fees."),
        render_kw={"inputmode": "decimal"},
    )
    currency = LineField(_l("Currency"), [InputRequired(), CURRENCY], longest=3, filters=[capitals])
    rate = NumberField(
        _l("Exchange rate"),
        [Optional()],
        description=_l(
            "Units of your currency for one unit of the grant’s. Leave it empty and we compute it from the two amounts."
        ),
        render_kw={"inputmode": "decimal"},
    )
    short_reason = TextField(
        _l("If less arrived than was sent: why?"),
        [Optional()],
        longest=1000,
        description=_l("For instance what a bank on the way took. Your report may show it as a cost."),
    )


class RefundForm(Form):
    """What the grantee sent back."""

    amount = NumberField(_l("Amount"), [InputRequired()], render_kw={"inputmode": "decimal"})
    received_on = DateField(_l("Arrived on"), [InputRequired()])
    bank_reference = LineField(_l("Reference of the bank"), [InputRequired()], longest=100)
    another = BooleanField(_l("It is another transfer than the one recorded with this amount and day"))
    proof = _proof()


class RefundRequestForm(Form):
    """What the grantee is asked to send back."""

    amount = NumberField(_l("Amount"), [InputRequired()], render_kw={"inputmode": "decimal"})
    due_on = DateField(_l("Until"), [InputRequired()])
    reason = TextField(
        _l("Why?"),
        [InputRequired()],
        longest=1000,
        description=_l("The grantee reads this in the mail and on the page."),
    )


class CofinancingForm(Form):
    """What another source gives to the same action."""

    source = LineField(_l("Who gives it"), [InputRequired()], longest=140)
    promised = NumberField(_l("Promised"), [InputRequired(), NumberRange(min=0)], render_kw={"inputmode": "decimal"})
    received = NumberField(_l("Received so far"), [Optional(), NumberRange(min=0)], render_kw={"inputmode": "decimal"})
    proof = FileField(
        _l("Evidence of what was received"),
        [Optional()],
        description=_l("A PDF or a picture, up to 10 MB. Needed once something was received."),
        render_kw={"accept": ",".join(f".{kind}" for kind in PROOF_KINDS)},
    )


class DayForm(Form):
    """A day in the past."""

    class Meta(Form.Meta):
        """Asked in the address, so nothing has to be protected."""

        csrf = False

    at = DateField(_l("As it stood at the end of"), [Optional()])


class SignForm(Form):
    """The signature of an agreement."""

    agreed = BooleanField(
        _l("I have read the agreement, I may sign for the organization, and I accept it in its name."),
        [InputRequired()],
    )
    signature = LineField(_l("Your full name"), [InputRequired()], longest=140, render_kw={"autocomplete": "name"})
