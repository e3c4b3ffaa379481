"""People, the organizations they belong to, the roles they hold and the sessions they have open."""

from __future__ import annotations

import enum
import secrets
from datetime import date, datetime
from typing import Any

from flask_security.core import UserMixin
from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, UniqueConstraint, false, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from grants.core.db import Base, Key, Recorded, one_of
from grants.core.languages import _l
from grants.core.money import Money


class Role(enum.StrEnum):
    """What a person does for the fund. Applicants hold none: they are members of an organization."""

    REGIONAL_COORDINATOR = "regional_coordinator"
    GLOBAL_COORDINATOR = "global_coordinator"
    FINANCE_OFFICER = "finance_officer"
    COMMITTEE_MEMBER = "committee_member"
    REVIEWER = "reviewer"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


COORDINATORS = (Role.REGIONAL_COORDINATOR, Role.GLOBAL_COORDINATOR)
TAKES_TWO = (Role.ADMINISTRATOR, Role.FINANCE_OFFICER)
"""Roles that one administrator proposes and another confirms: nobody makes two accounts and pays with both."""

ROLE_LABELS: dict[str, Any] = {
    Role.REGIONAL_COORDINATOR: _l("Regional coordinator"),
    Role.GLOBAL_COORDINATOR: _l("Global coordinator"),
    Role.FINANCE_OFFICER: _l("Finance officer"),
    Role.COMMITTEE_MEMBER: _l("Committee member"),
    Role.REVIEWER: _l("Reviewer"),
    Role.AUDITOR: _l("Auditor"),
    Role.ADMINISTRATOR: _l("Administrator"),
}


class MemberRole(enum.StrEnum):
    """What a member may do for the organization: an owner also invites and changes the profile."""

    OWNER = "owner"
    EDITOR = "editor"


MEMBER_ROLE_LABELS: dict[str, Any] = {MemberRole.OWNER: _l("Owner"), MemberRole.EDITOR: _l("Editor")}


class Confidentiality(enum.StrEnum):
    """What may be published about a grant; chosen by the applicant, loosened only with the grantee's consent."""

    PUBLIC = "public"
    NAME_WITHHELD = "name_withheld"
    FULLY_CONFIDENTIAL = "fully_confidential"


def strictest(*classes: str) -> str:
    """Of several classes the one that hides most; it counts wherever they meet."""
    return max(classes, key=lambda one: list(Confidentiality).index(Confidentiality(one)))


class LegalForm(enum.StrEnum):
    """What kind of organization it is. ``other`` is looked at by a person, not refused."""

    ASSOCIATION = "association"
    NGO = "ngo"
    FOUNDATION = "foundation"
    TRADE_UNION = "trade_union"
    COOPERATIVE = "cooperative"
    FAITH_BASED = "faith_based"
    COMMUNITY_BASED = "community_based"
    OTHER = "other"


class MigrantLed(enum.StrEnum):
    """How many of those who lead the organization are migrants themselves or of migrant families."""

    MAJORITY = "majority"
    HALF = "half"
    SOME = "some"
    NONE = "none"
    PREFER_NOT_TO_SAY = "prefer_not_to_say"


class Region(enum.StrEnum):
    """The regions in which the fund works, and for which coordinators are responsible."""

    AFRICA = "AFR"
    ASIA = "ASI"
    LATIN_AMERICA = "LAC"


REGION_LABELS: dict[str, Any] = {
    Region.AFRICA: _l("Africa"),
    Region.ASIA: _l("Asia"),
    Region.LATIN_AMERICA: _l("Latin America and the Caribbean"),
}

_COUNTRIES: dict[Region, str] = {
    Region.AFRICA: (
        "AO BF BI BJ BW CD CF CG CI CM CV DJ DZ EG EH ER ET GA GH GM GN GQ GW KE KM LR LS LY MA MG ML MR MU MW MZ NA"
        " NE NG RE RW SC SD SH SL SN SO SS ST SZ TD TF TG TN TZ UG YT ZA ZM ZW"
    ),
    Region.ASIA: (
        "AE AF AM AZ BD BH BN BT CN CY GE HK ID IL IN IQ IR JO JP KG KH KP KR KW KZ LA LB LK MM MN MO MV MY NP OM PH PK"
        " PS QA SA SG SY TH TJ TL TM TR TW UZ VN YE"
    ),
    Region.LATIN_AMERICA: (
        "AG AI AR AW BB BL BO BQ BR BS BZ CL CO CR CU CW DM DO EC FK GD GF GP GT GY HN HT JM KN KY LC MF MQ MS MX NI PA"
        " PE PR PY SR SV SX TC TT UY VC VE VG VI"
    ),
}
"""Countries by region (ISO 3166-1 alpha-2), after the geographic regions of the United Nations (M49)."""

_REGION_OF = {country: region for region, countries in _COUNTRIES.items() for country in countries.split()}


def countries_of(region: str) -> list[str]:
    """The countries in a region of the fund, in the order of their codes."""
    return _COUNTRIES[Region(region)].split()


def region_of(country: str) -> str | None:
    """The region of the fund that a country lies in, or None outside all of them."""
    return _REGION_OF.get(country)


class Person(UserMixin, Base):
    """Somebody who can sign in. ``fs_uniquifier`` is what the sign-in library calls the person's secret handle."""

    __tablename__ = "person"
    __table_args__ = (Index("uq_person_email_lower", func.lower(text("email")), unique=True),)

    id: Mapped[Key]
    reference: Mapped[str] = mapped_column(unique=True, default=lambda: f"PER-{secrets.token_hex(4).upper()}")
    name: Mapped[str]
    email: Mapped[str]
    language: Mapped[str] = mapped_column(default="en")
    timezone: Mapped[str] = mapped_column(default="UTC")
    password: Mapped[str | None]
    active: Mapped[bool] = mapped_column(Boolean, default=True)
    is_demonstration: Mapped[bool] = mapped_column(Boolean, default=False)
    confirmed_at: Mapped[datetime | None]
    fs_uniquifier: Mapped[str] = mapped_column(unique=True, default=lambda: secrets.token_hex(32))
    created_at: Mapped[Recorded]

    role_grants: Mapped[list[RoleGrant]] = relationship(
        primaryjoin="and_(Person.id == RoleGrant.person_id, RoleGrant.revoked_at.is_(None))",
        foreign_keys="RoleGrant.person_id",
        order_by="RoleGrant.id",
        viewonly=True,
    )
    memberships: Mapped[list[Membership]] = relationship(
        primaryjoin="and_(Person.id == Membership.person_id, Membership.ended_at.is_(None))",
        foreign_keys="Membership.person_id",
        order_by="Membership.id",
        viewonly=True,
    )

    @property
    def roles(self) -> list[str]:
        """The sign-in library's idea of roles; ours have a region and are asked through :meth:`holds`."""
        return []

    def holds(self, *roles: str) -> bool:
        """Whether the person holds one of these roles today, in any region."""
        return any(grant.role in roles for grant in self.role_grants)

    @property
    def standing(self) -> tuple[Any, ...]:
        """Everything about a person on which a scope may depend: who they are, what they hold, where they belong."""
        roles = tuple((grant.role, tuple(grant.regions)) for grant in self.role_grants)
        places = tuple((m.organization_id, m.role, m.may_sign) for m in self.memberships)
        return (self.id, self.email, roles, places)

    @property
    def regions(self) -> set[str]:
        """The regions this person coordinates: the union over coordinator roles."""
        return {region for grant in self.role_grants if grant.role in COORDINATORS for region in grant.regions}

    def coordinates(self, region: str) -> bool:
        """Whether the person is a coordinator for ``region``."""
        return region in self.regions

    def belongs_to(self, organization_id: int) -> bool:
        """Whether the person is a member of the organization."""
        return any(m.organization_id == organization_id for m in self.memberships)

    def owns(self, organization_id: int) -> bool:
        """Whether the person is an owner of the organization's account."""
        return any(m.organization_id == organization_id and m.role == MemberRole.OWNER for m in self.memberships)

    def signs_for(self, organization_id: int) -> bool:
        """Whether the person may sign in the organization's name."""
        return any(m.organization_id == organization_id and m.may_sign for m in self.memberships)


class Session(Base):
    """One signed-in browser. Ended on the server, so that a copied cookie is worth nothing afterwards."""

    __tablename__ = "session"

    id: Mapped[Key]
    key_hash: Mapped[str] = mapped_column(unique=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    browser: Mapped[str] = mapped_column(default="")
    opened_at: Mapped[Recorded]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    person: Mapped[Person] = relationship()


class FailedSignIn(Base):
    """A wrong password; counted so that guessing gets slow. The address is kept only as a hash."""

    __tablename__ = "failed_sign_in"
    __table_args__ = (Index("ix_failed_sign_in_email_hash_at", "email_hash", "at"),)

    id: Mapped[Key]
    email_hash: Mapped[str]
    at: Mapped[Recorded]


class Organization(Base):
    """A civil society organization: the applicant and the grantee. People come and go, it stays.

    ``identifier`` is the one of its identifiers that forms show. ``fiscal_sponsor`` is a name; ``fiscal_sponsor_id`` is
    set once that organization has consented. ``duplicate_of_id`` names the account that counts, when this is a second
    account of the same organization. ``changed_at`` is when its profile last changed. ``is_from_past``: it came along
    with awards of an earlier programme, nobody opened an account for it, and only its name and place are known.
    """

    __tablename__ = "organization"
    __table_args__ = (
        one_of("confidentiality_default", Confidentiality),
        CheckConstraint("fiscal_sponsor_id <> id", name="sponsor_is_another"),
        CheckConstraint("duplicate_of_id <> id", name="duplicate_of_another"),
        Index(
            "ix_organization_plain_name",
            func.plain_name(text("name")).label("plain"),
            postgresql_using="gin",
            postgresql_ops={"plain": "gin_trgm_ops"},
        ),
        Index("ix_organization_plain_number", text("plain_number(registration_number)")),
        Index("ix_organization_email_domain", text("web_domain(email)")),
        Index("ix_organization_website_domain", text("web_domain(website)")),
        Index("ix_organization_same_name", text("plain_name(name)")),
        Index("ix_organization_same_sponsor", text("plain_name(fiscal_sponsor)")),
        Index("ix_organization_same_email", text("nullif(lower(email), '')")),
        Index("ix_organization_same_phone", text("plain_number(phone)")),
    )

    id: Mapped[Key]
    reference: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    acronym: Mapped[str] = mapped_column(default="")
    country: Mapped[str]
    city: Mapped[str | None]
    region: Mapped[str | None]
    language: Mapped[str] = mapped_column(default="en")
    legal_form: Mapped[str]
    registered: Mapped[bool] = mapped_column(Boolean)
    registration_number: Mapped[str | None]
    identifier: Mapped[str | None]
    fiscal_sponsor: Mapped[str | None]
    fiscal_sponsor_id: Mapped[int | None] = mapped_column(ForeignKey("organization.id"), index=True)
    founded_on: Mapped[date | None]
    income_last_year_minor: Mapped[int | None]
    income_currency: Mapped[str] = mapped_column(default="EUR")
    staff_paid: Mapped[int | None]
    volunteers: Mapped[int | None]
    migrant_led: Mapped[str | None]
    email: Mapped[str] = mapped_column(default="")
    phone: Mapped[str] = mapped_column(default="")
    website: Mapped[str] = mapped_column(default="")
    contact_name: Mapped[str] = mapped_column(default="")
    legal_representative: Mapped[str] = mapped_column(default="")
    mission: Mapped[dict[str, str]] = mapped_column(default=dict)
    confidentiality_default: Mapped[str] = mapped_column(default=Confidentiality.PUBLIC)
    risk: Mapped[str | None]
    previous_grants: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    duplicate_of_id: Mapped[int | None] = mapped_column(ForeignKey("organization.id"), index=True)
    is_from_past: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    created_at: Mapped[Recorded]
    changed_at: Mapped[Recorded]

    members: Mapped[list[Membership]] = relationship(
        primaryjoin="and_(Organization.id == Membership.organization_id, Membership.ended_at.is_(None))",
        order_by="Membership.id",
        viewonly=True,
    )

    @property
    def income_last_year(self) -> Money | None:
        """Total income of the last financial year."""
        if self.income_last_year_minor is None:
            return None
        return Money(self.income_last_year_minor, self.income_currency)

    @property
    def fiscal_sponsor_consented(self) -> bool:
        """Whether the fiscal sponsor has an account of its own and an owner of it has said yes."""
        return self.fiscal_sponsor_id is not None


class Tightening(Base):
    """Something was made more confidential: an organization, an application or a grant; the database writes it down.

    What was written about it before tells too much since.
    """

    __tablename__ = "tightening"

    id: Mapped[Key]
    at: Mapped[Recorded]
    subject_kind: Mapped[str]
    subject_id: Mapped[int]


class Membership(Base):
    """A person in an organization. Ended rather than deleted, so that the past stays explainable."""

    __tablename__ = "membership"
    __table_args__ = (
        one_of("role", MemberRole),
        Index(
            "uq_membership_live", "organization_id", "person_id", unique=True, postgresql_where=text("ended_at IS NULL")
        ),
    )

    id: Mapped[Key]
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    role: Mapped[str]
    may_sign: Mapped[bool] = mapped_column(Boolean, default=False)
    since: Mapped[Recorded]
    ended_at: Mapped[datetime | None]

    organization: Mapped[Organization] = relationship()
    person: Mapped[Person] = relationship()


class Invitation(Base):
    """An invitation to join an organization, bound to an e-mail address and good for one use."""

    __tablename__ = "invitation"
    __table_args__ = (one_of("role", MemberRole), UniqueConstraint("token_hash"))

    id: Mapped[Key]
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), index=True)
    email: Mapped[str]
    role: Mapped[str]
    may_sign: Mapped[bool] = mapped_column(Boolean, default=False)
    token_hash: Mapped[str]
    invited_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    invited_at: Mapped[Recorded]
    expires_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    accepted_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))

    organization: Mapped[Organization] = relationship()
    invited_by: Mapped[Person] = relationship(foreign_keys=[invited_by_id])


class RoleGrant(Base):
    """A role given to a person, for some regions; given and taken back by a named person, never erased.

    The database refuses one of :data:`TAKES_TWO` that nobody else than who gives it has proposed.
    """

    __tablename__ = "role_grant"
    __table_args__ = (
        one_of("role", Role),
        Index("uq_role_grant_live", "person_id", "role", unique=True, postgresql_where=text("revoked_at IS NULL")),
    )

    id: Mapped[Key]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    role: Mapped[str]
    regions: Mapped[list[str]] = mapped_column(default=list)
    proposed_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    granted_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    granted_at: Mapped[Recorded]
    revoked_at: Mapped[datetime | None]
    revoked_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))

    granted_by: Mapped[Person | None] = relationship(foreign_keys=[granted_by_id])
    proposed_by: Mapped[Person | None] = relationship(foreign_keys=[proposed_by_id])


class RoleProposal(Base):
    """A role that takes two (:data:`TAKES_TWO`), proposed by one administrator and waiting for another; kept for good."""

    __tablename__ = "role_proposal"
    __table_args__ = (
        one_of("role", Role),
        CheckConstraint("(answered_at IS NULL) = (answered_by_id IS NULL)", name="answered_by_somebody"),
        CheckConstraint("NOT confirmed OR answered_by_id <> proposed_by_id", name="confirmed_by_another"),
        CheckConstraint("NOT confirmed OR answered_by_id <> person_id", name="not_confirmed_by_oneself"),
        Index("uq_role_proposal_open", "person_id", "role", unique=True, postgresql_where=text("answered_at IS NULL")),
    )

    id: Mapped[Key]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    role: Mapped[str]
    regions: Mapped[list[str]] = mapped_column(default=list)
    proposed_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    proposed_at: Mapped[Recorded]
    confirmed: Mapped[bool] = mapped_column(Boolean, default=False)
    answered_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    answered_at: Mapped[datetime | None]

    person: Mapped[Person] = relationship(foreign_keys=[person_id])
    proposed_by: Mapped[Person] = relationship(foreign_keys=[proposed_by_id])
