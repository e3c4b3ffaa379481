"""Forms for accounts. Those for signing in are the library's, in our own words and in all our languages."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from typing import Any
from zoneinfo import available_timezones

from babel import Locale
from flask import current_app
from flask_babel import gettext as _
from flask_security.forms import (
    ChangePasswordForm,
    EmailValidation,
    EqualToLocalize,
    ForgotPasswordForm,
    IsString,
    LoginForm,
    RegisterFormV2,
    ResetPasswordForm,
    SendConfirmationForm,
    VerifyForm,
    email_required,
    password_required,
    unique_user_email,
    valid_user_email,
)
from markupsafe import Markup
from wtforms import (
    BooleanField,
    DateField,
    EmailField,
    FieldList,
    FormField,
    HiddenField,
    IntegerField,
    PasswordField,
    RadioField,
    SelectField,
    SelectMultipleField,
    ValidationError,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional
from wtforms.widgets import CheckboxInput, ListWidget, Select

from grants.accounts import actions, queries
from grants.accounts.models import (
    COORDINATORS,
    REGION_LABELS,
    ROLE_LABELS,
    Confidentiality,
    LegalForm,
    MemberRole,
    MigrantLed,
    Organization,
)
from grants.accounts.rules import PATIENCE, TRIES
from grants.core import clock
from grants.core.forms import Form, LineField, TextField
from grants.core.languages import (
    LANGUAGES,
    _l,
    country_name,
    language_name,
    language_now,
    number_shown,
    number_typed,
)
from grants.core.money import Money, NotAnAmount
from grants.core.web import own_path

LONGEST_PASSWORD = 256

# ------------------------------------------------------------------ signing in


def email_hash_of(address: str | None) -> str:
    """How an address stands in the count of wrong passwords."""
    return hashlib.sha256((address or "").strip().lower().encode("utf-8", "replace")).hexdigest()


def _address(*validators: Any, autocomplete: str = "email") -> EmailField:
    return EmailField(
        _l("E-mail address"),
        [IsString(), email_required, *validators],
        render_kw={"autocomplete": autocomplete, "spellcheck": "false"},
    )


def _present_password() -> PasswordField:
    return PasswordField(
        _l("Password"), [IsString(), password_required], render_kw={"autocomplete": "current-password"}
    )


def _new_password(label: Any = None) -> PasswordField:
    return PasswordField(
        label or _l("Password"),
        [IsString(), password_required, Length(max=LONGEST_PASSWORD)],
        description=_l("At least 10 characters. Several words are easy to remember and hard to guess."),
        render_kw={"autocomplete": "new-password"},
    )


def _password_again(of: str) -> PasswordField:
    same = EqualToLocalize(of, message="RETYPE_PASSWORD_MISMATCH")
    return PasswordField(
        _l("The same password again"), [IsString(), same, password_required], render_kw={"autocomplete": "new-password"}
    )


class NextField(HiddenField):
    """Where to go afterwards: a path of ours, or nowhere."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(filters=[own_path], **kwargs)


class SignInForm(LoginForm):
    """Signing in; after several wrong passwords an address has to wait, whether it has an account or not."""

    email = _address(EmailValidation(verify=False), autocomplete="username")
    password = _present_password()
    remember = None
    next = NextField()
    kept = HiddenField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.password.description = ""
        self.next.data = own_path(self.next.data)

    def validate(self, **kwargs: Any) -> bool:
        """Count wrong passwords in the database, so that the limit holds on every web server."""
        email_hash = email_hash_of(self.email.data)
        if queries.recent_failures(email_hash, PATIENCE) >= TRIES:
            self.form_errors.append(_("There were too many attempts. Please wait a few minutes."))
            return False
        valid = bool(super().validate(**kwargs))
        if not valid and not self.user_authenticated:
            actions.note_failed_sign_in(email_hash)
        if valid and self.user.is_demonstration and current_app.config["PRODUCTION"]:
            self.form_errors.append(_("Demonstration accounts are closed here."))
            return False
        if self.user_authenticated and not valid:
            self._say_what_is_missing()
        return valid

    def _say_what_is_missing(self) -> None:
        """The password was right: this person may be told more than that something was wrong."""
        self.email.errors = []
        self.form_errors.append(
            _("Please confirm your e-mail address first, with the link that we sent you.")
            if self.requires_confirmation
            else _("This account is closed. Please write to the fund if you think that is a mistake.")
        )


class RegisterForm(RegisterFormV2):
    """Opening an account."""

    name = LineField(_l("Your name"), [DataRequired(_l("Please tell us your name."))], longest=120)
    email = _address(EmailValidation(verify=True), unique_user_email)
    password = _new_password()
    password_confirm = _password_again("password")
    next = NextField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.next.data = own_path(self.next.data)

    def to_dict(self, only_user: bool) -> dict[str, Any]:
        """What the new account starts with: what was typed, and the language it was typed in."""
        values: dict[str, Any] = super().to_dict(only_user)
        return values | {"language": language_now()} if only_user else values


class ForgotPassword(ForgotPasswordForm):
    """Asking for a link to a new password. An address that was never confirmed is confirmed by following it."""

    email = _address(EmailValidation(verify=True), valid_user_email)

    def validate(self, **kwargs: Any) -> bool:
        """Whether there is an open account; the answer looks the same when there is none."""
        return bool(super(ForgotPasswordForm, self).validate(**kwargs)) and self.user is not None and self.user.active


class ResetPassword(ResetPasswordForm):
    """Choosing a new password with the link from a mail."""

    password = _new_password(_l("New password"))
    password_confirm = _password_again("password")


class ChangePassword(ChangePasswordForm):
    """Choosing a new password with the present one."""

    password = PasswordField(
        _l("Your present password"), [IsString()], render_kw={"autocomplete": "current-password", "required": True}
    )
    new_password = _new_password(_l("New password"))
    new_password_confirm = _password_again("new_password")


class SendConfirmation(SendConfirmationForm):
    """Asking for the link that confirms the address once more."""

    email = _address(EmailValidation(verify=True), valid_user_email)


class ConfirmItIsYou(VerifyForm):
    """Typing the password once more before something that matters."""

    password = _present_password()
    next = NextField()


# ------------------------------------------------------------------ people


def _choices(labels: dict[str, Any]) -> list[SelectChoice]:
    return [SelectChoice(value, label) for value, label in labels.items()]


def language_choices() -> list[SelectChoice]:
    """The languages we speak, each in itself."""
    return [SelectChoice(code, language_name(code, code).capitalize()) for code in LANGUAGES]


@lru_cache(maxsize=1)
def zone_choices() -> list[SelectChoice]:
    """The time zones of the world, by continent."""
    zones = sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith(("Etc/", "posix")))
    named = [
        SelectChoice(zone, zone.partition("/")[2].replace("_", " "), optgroup=zone.partition("/")[0]) for zone in zones
    ]
    return [SelectChoice("UTC", "UTC", optgroup="UTC"), *named]


@lru_cache(maxsize=8)
def _countries(language: str) -> list[SelectChoice]:
    apart = {"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"}
    codes = [c for c in Locale.parse(language).territories if len(c) == 2 and c.isalpha() and c not in apart]
    return [SelectChoice(c, country_name(c, language)) for c in sorted(codes, key=lambda c: country_name(c, language))]


def country_choices() -> list[SelectChoice]:
    """The countries of the world in the reader's language."""
    return [SelectChoice("", _("Choose a country")), *_countries(language_now())]


@lru_cache(maxsize=32)
def _options_written(choices: Callable[[], list[SelectChoice]], language: str) -> Markup:
    """The options of a list as a page holds them, none of them chosen; ``language`` is the one they are named in."""
    parts: list[Markup] = []
    for group, options in groupby(choices(), key=attrgetter("optgroup")):
        parts.append(Markup('<optgroup label="{}">').format(group) if group else Markup())
        parts += [Markup('<option value="{}">{}</option>').format(o.value, o.label) for o in options]
        parts.append(Markup("</optgroup>") if group else Markup())
    return Markup().join(parts)


class LongSelect(Select):
    """Hundreds of options, the same for everybody: written once a process, with one of them marked for each reader."""

    def __call__(self, field: Any, **kwargs: Any) -> Markup:
        """The list with what is chosen."""
        at = {"id": field.id, "name": field.name} | {k.replace("_", "-"): v for k, v in kwargs.items() if v}
        at.pop("required", None)
        begin = Markup("<select{}>").format(Markup().join(Markup(' {}="{}"').format(*pair) for pair in at.items()))
        options = _options_written(field.offered, language_now())
        before, chosen, after = options.partition(Markup('<option value="{}">').format(field.data or ""))
        marked = Markup('<option selected value="{}">').format(field.data or "") if chosen else chosen
        return begin + before + marked + after + Markup("</select>")


class LongSelectField(SelectField):
    """A choice among hundreds, such as countries; ``choices`` is a function, for its words depend on the language."""

    widget = LongSelect()

    def __init__(
        self, label: Any, validators: Any = (), *, choices: Callable[[], list[SelectChoice]], **kwargs: Any
    ) -> None:
        super().__init__(label, validators, choices=choices, **kwargs)
        self.offered = choices


class PersonForm(Form):
    """What people say about themselves."""

    name = LineField(_l("Your name"), [DataRequired(_l("Please tell us your name."))], longest=120)
    language = SelectField(_l("Language of screens and mails"), choices=language_choices)
    timezone = LongSelectField(
        _l("Time zone"), choices=zone_choices, description=_l("We show you every deadline in this zone too.")
    )


class LanguageForm(Form):
    """Another language."""

    language = SelectField(choices=language_choices)
    next = NextField()


# ------------------------------------------------------------------ organizations


class OptionalIntegerField(IntegerField):
    """A whole number, or nothing."""

    def __init__(self, label: Any, **kwargs: Any) -> None:
        super().__init__(
            label,
            [Optional(), NumberRange(min=0, max=1_000_000, message=_l("Please give a number from 0 up."))],
            render_kw={"inputmode": "numeric"},
            **kwargs,
        )


LEGAL_FORMS: dict[str, Any] = {
    "": _l("Choose one"),
    LegalForm.ASSOCIATION: _l("Association"),
    LegalForm.NGO: _l("Non-governmental organization (NGO)"),
    LegalForm.FOUNDATION: _l("Foundation"),
    LegalForm.TRADE_UNION: _l("Trade union"),
    LegalForm.COOPERATIVE: _l("Cooperative"),
    LegalForm.FAITH_BASED: _l("Faith-based organization"),
    LegalForm.COMMUNITY_BASED: _l("Community-based organization"),
    LegalForm.OTHER: _l("Other"),
}

MIGRANT_LED: dict[str, Any] = {
    "": _l("Choose one"),
    MigrantLed.MAJORITY: _l("Most of them"),
    MigrantLed.HALF: _l("About half"),
    MigrantLed.SOME: _l("Some of them"),
    MigrantLed.NONE: _l("None of them"),
    MigrantLed.PREFER_NOT_TO_SAY: _l("Rather not say"),
}

CONFIDENTIALITY: dict[str, Any] = {
    Confidentiality.PUBLIC: _l("Public"),
    Confidentiality.NAME_WITHHELD: _l("Our name is withheld"),
    Confidentiality.FULLY_CONFIDENTIAL: _l("Everything is confidential"),
}


PROFILE = ("name", "acronym", "country", "language", "legal_form", "staff_paid", "volunteers", "founded_on")
PROFILE_OR_NOTHING = ("city", "registration_number", "fiscal_sponsor", "migrant_led")
PROFILE_TEXTS = ("email", "phone", "website", "contact_name", "legal_representative")

MOST_PREVIOUS_GRANTS, ROWS_AT_FIRST = 5, 3
PHONE = re.compile(r"\+?[\d\s().\-/]{6,25}", re.ASCII)
WEBSITE = re.compile(r"https?://[^\s/@:]+\.[^\s/@:.]+(:\d+)?(/\S*)?")


def _euros(typed: str) -> Money:
    """An amount in euros as its writer typed it. Raises NotAnAmount."""
    number = number_typed(typed, language_now())
    return Money.parse(typed if number is None else number, "EUR")


def _check_amount(typed: str) -> None:
    """An amount of money, not negative. Raises ValidationError."""
    try:
        amount = _euros(typed)
    except NotAnAmount as error:
        raise ValidationError(_("Please give an amount such as 84000 or 84000.50.")) from error
    if amount.minor < 0:
        raise ValidationError(_("An amount cannot be negative."))


class PreviousGrantForm(Form):
    """A grant that the organization has managed; a row without anything in it is none."""

    class Meta(Form.Meta):
        """A part of the form of the organization, which has the token."""

        csrf = False

    donor = LineField(_l("Funder"), longest=200)
    amount = LineField(_l("Amount in euros"), [Optional()], longest=20, render_kw={"inputmode": "decimal"})
    year = IntegerField(
        _l("Year"),
        [Optional(), NumberRange(min=1950, max=2200, message=_l("Please write the year with four digits."))],
        render_kw={"inputmode": "numeric"},
    )

    @classmethod
    def shown(cls, grant: dict[str, Any]) -> dict[str, Any]:
        """A grant as its row shows it."""
        return grant | {"amount": number_shown(Decimal(grant["amount"]), language_now())}

    def validate(self, *args: Any, **kwargs: Any) -> bool:
        """A row is given whole or not at all, as the forms of calls ask for it."""
        valid = super().validate(*args, **kwargs)
        given = [field for field in self if field.data not in (None, "")]
        for field in self:
            if given and field not in given and not field.errors:
                field.errors = [_("Please give the funder, the amount and the year.")]
                valid = False
        return bool(valid)

    def validate_amount(self, field: LineField) -> None:
        """An amount of money, not negative."""
        if field.data:
            _check_amount(field.data)

    def grant(self) -> dict[str, Any] | None:
        """The grant as the form of an application stores it, or None."""
        if not self.donor.data:
            return None
        return {
            "donor": self.donor.data,
            "amount": str(_euros(self.amount.data or "").amount),
            "year": self.year.data,
        }


class OrganizationForm(Form):
    """What an organization says about itself."""

    name = LineField(_l("Full name of your organization"), [DataRequired(_l("Please give the name."))], longest=200)
    acronym = LineField(_l("Short name or acronym"), [Optional()], longest=30)
    country = LongSelectField(
        _l("Country where you are established"),
        [DataRequired(_l("Please choose the country."))],
        choices=country_choices,
    )
    city = LineField(_l("Town"), [Optional()], longest=120, description=_l("It is never published."))
    language = SelectField(_l("Language you want to work in"), choices=language_choices)
    legal_form = SelectField(
        _l("What kind of organization are you?"),
        [DataRequired(_l("Please choose one."))],
        choices=lambda: _choices(LEGAL_FORMS),
    )
    registered = RadioField(
        _l("Is your organization legally registered?"),
        [InputRequired(_l("Please answer yes or no."))],
        choices=lambda: [SelectChoice("True", _("Yes")), SelectChoice("False", _("No"))],
        coerce=lambda value: None if value is None else str(value),
    )
    registration_number = LineField(_l("Registration number"), [Optional()], longest=60)
    fiscal_sponsor = LineField(
        _l("Name of your fiscal sponsor"),
        [Optional()],
        longest=200,
        description=_l(
            "If you are not registered: the registered organization that signs, receives the money and keeps the"
            " accounts for you."
        ),
    )
    founded_on = DateField(
        _l("When was your organization founded?"),
        [Optional()],
        description=_l("If you do not know the day, take the first of the month."),
    )
    income_last_year = LineField(
        _l("Income in the last financial year"),
        [Optional()],
        longest=20,
        description=_l("An estimate is enough, in euros."),
        render_kw={"inputmode": "decimal"},
    )
    staff_paid = OptionalIntegerField(_l("Paid staff"))
    volunteers = OptionalIntegerField(_l("Volunteers"))
    migrant_led = SelectField(
        _l("How many of those who lead you are migrants or from migrant families?"),
        [Optional()],
        choices=lambda: _choices(MIGRANT_LED),
    )
    mission = TextField(_l("What are you there for?"), [Optional()], longest=1000)
    contact_name = LineField(_l("Whom do we write to?"), [Optional()], longest=120)
    email = EmailField(_l("E-mail address of the organization"), [Optional(), Length(max=254)])
    phone = LineField(_l("Telephone, with country code"), [Optional()], longest=25, render_kw={"type": "tel"})
    website = LineField(_l("Website"), [Optional()], longest=200, render_kw={"inputmode": "url"})
    previous_grants = FieldList(
        FormField(PreviousGrantForm),
        _l("Grants that you managed in the last five years"),
        min_entries=ROWS_AT_FIRST,
        max_entries=MOST_PREVIOUS_GRANTS,
    )
    legal_representative = LineField(
        _l("Who represents you legally?"), [Optional()], longest=120, description=_l("Name and function.")
    )
    confidentiality_default = RadioField(
        _l("What may we publish if you receive a grant?"),
        choices=lambda: _choices(CONFIDENTIALITY),
        default=Confidentiality.PUBLIC,
    )

    @classmethod
    def of(cls, organization: Organization) -> OrganizationForm:
        """The form as it stands for an organization that exists."""
        income = organization.income_last_year
        shown = {name: getattr(organization, name) for name in (*PROFILE, *PROFILE_OR_NOTHING, *PROFILE_TEXTS)}
        form = cls(
            data=shown
            | {
                "previous_grants": [*map(PreviousGrantForm.shown, organization.previous_grants), {}, {}][
                    :MOST_PREVIOUS_GRANTS
                ],
                "registered": str(organization.registered),
                "income_last_year": number_shown(income.amount, language_now()) if income else "",
                "mission": organization.mission.get(organization.language, ""),
                "confidentiality_default": organization.confidentiality_default,
            }
        )
        if organization.fiscal_sponsor_consented:
            del form.fiscal_sponsor
        return form

    def validate_income_last_year(self, field: LineField) -> None:
        """An amount of money, not negative."""
        if field.data:
            _check_amount(field.data)

    def validate_phone(self, field: LineField) -> None:
        """A telephone number that can be one."""
        if field.data and not PHONE.fullmatch(field.data):
            raise ValidationError(_("Please write the number like +221 33 123 45 67."))

    def validate_website(self, field: LineField) -> None:
        """An address on the web; without its beginning it is given one."""
        if field.data and "://" not in field.data:
            field.data = f"https://{field.data}"
        if field.data and not WEBSITE.fullmatch(field.data):
            raise ValidationError(_("This does not look like the address of a website."))

    def validate_founded_on(self, field: DateField) -> None:
        """A day in the past."""
        if field.data and not date(1800, 1, 1) <= field.data <= clock.today("UTC"):
            raise ValidationError(_("Please give a day in the past."))

    def validate_fiscal_sponsor(self, field: LineField) -> None:
        """Who is not registered names a sponsor when they have one; who is registered needs none."""
        if self.registered.data == "True":
            field.data = ""

    def validate_email(self, field: EmailField) -> None:
        """An address that can be one."""
        if field.data and queries.normal_address(field.data) is None:
            raise ValidationError(_("This does not look like an e-mail address."))

    def profile(self, before: Organization | None = None) -> dict[str, Any]:
        """What the action is told; ``before`` keeps the mission in the other languages."""
        income = self.income_last_year.data
        mission = dict(before.mission) if before else {}
        mission[self.language.data] = self.mission.data or ""
        return (
            {name: self[name].data for name in PROFILE}
            | {name: self[name].data or None for name in PROFILE_OR_NOTHING if name in self}
            | {name: self[name].data or "" for name in PROFILE_TEXTS}
            | {
                "registered": self.registered.data == "True",
                "income_last_year_minor": _euros(income).minor if income else None,
                "income_currency": "EUR",
                "previous_grants": [grant for row in self.previous_grants if (grant := row.form.grant())],
                "mission": {code: text for code, text in mission.items() if text},
                "confidentiality_default": self.confidentiality_default.data,
            }
        )


MEMBER_ROLES: dict[str, Any] = {
    MemberRole.EDITOR: _l("Editor: writes applications and reports"),
    MemberRole.OWNER: _l("Owner: also invites people and changes the profile"),
}


class MemberForm(Form):
    """What a member may do."""

    role = RadioField(_l("What may they do?"), choices=lambda: _choices(MEMBER_ROLES), default=MemberRole.EDITOR)
    may_sign = BooleanField(_l("Signs agreements in the name of the organization"))


class InvitationForm(MemberForm):
    """Inviting a colleague."""

    email = EmailField(
        _l("E-mail address of your colleague"),
        [DataRequired(_l("Please give the e-mail address.")), Length(max=254)],
    )

    def validate_email(self, field: EmailField) -> None:
        """An address that can be one."""
        address = queries.normal_address(field.data)
        if address is None:
            raise ValidationError(_("This does not look like an e-mail address."))
        field.data = address


# ------------------------------------------------------------------ roles for the fund


class CheckboxesField(SelectMultipleField):
    """Several of a few."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class RoleForm(Form):
    """Giving a role."""

    role = SelectField(_l("Role"), choices=lambda: _choices(ROLE_LABELS))
    regions = CheckboxesField(
        _l("Regions"),
        choices=lambda: _choices(REGION_LABELS),
        description=_l("For coordinators: the regions they look after."),
    )

    def validate_regions(self, field: CheckboxesField) -> None:
        """Coordinators look after at least one region."""
        if self.role.data in COORDINATORS and not field.data:
            raise ValidationError(_("Choose at least one region for a coordinator."))


class NewPersonForm(RoleForm):
    """Inviting somebody to work for the fund."""

    name = LineField(_l("Name"), [DataRequired(_l("Please give the name."))], longest=120)
    email = EmailField(_l("E-mail address"), [DataRequired(_l("Please give the e-mail address.")), Length(max=254)])
    language = SelectField(_l("Language of screens and mails"), choices=language_choices)

    def validate_email(self, field: EmailField) -> None:
        """An address that can be one."""
        address = queries.normal_address(field.data)
        if address is None:
            raise ValidationError(_("This does not look like an e-mail address."))
        field.data = address
