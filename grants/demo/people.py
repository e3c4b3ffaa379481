"""The people of the demonstration: staff, reviewers, organizations with their members. All marked as such."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from flask_security.utils import hash_password
from sqlalchemy import select

from grants.accounts import actions
from grants.accounts.models import TAKES_TWO, MemberRole, Organization, Person, Role
from grants.calls.models import Call
from grants.conflicts.models import Grade
from grants.core.db import db
from grants.core.money import Money
from grants.declarations import actions as declarations
from grants.demo import sample
from grants.reviews.actions import declare_interest
from grants.reviews.models import ReviewerProfile
from grants.reviews.queries import applicants_to_declare

PASSWORD = "demonstration"  # noqa: S105 - printed on purpose; these accounts refuse to exist in production


class People:
    """Everybody by the reference that the files give them."""

    def __init__(self) -> None:
        self.persons = {p.reference: p for p in db.session.scalars(select(Person))}
        self.organizations = {o.reference: o for o in db.session.scalars(select(Organization))}

    def __getitem__(self, reference: str) -> Person:
        return self.persons[reference]

    def member_of(self, organization: str, number: int = 1) -> Person:
        """The owner (1) or the editor (2) of an organization's account."""
        return self.persons[f"USR-{organization.removeprefix('ORG-')}-{number}"]

    @property
    def committee(self) -> list[Person]:
        """The members of the committee."""
        return [self[f"STF-{n}"] for n in range(10, 15)]

    @property
    def judges(self) -> list[Person]:
        """The reviewers and the members of the committee."""
        return [*self.committee, *(p for p in self.persons.values() if p.reference.startswith("REV-"))]


def load(confirmed_at: datetime) -> People:
    """Open everybody's account. Roles that take two come from the command line; the administrator gives all others."""
    password = hash_password(PASSWORD)
    shared: dict[str, Any] = {"password": password, "confirmed_at": confirmed_at, "is_demonstration": True}
    staff = sample.read("staff")["staff"]
    first = next(entry for entry in staff if entry["role"] == "administrator")
    administrator = _person(first, shared, timezone=first["timezone"])
    actions.grant_role(administrator, Role.ADMINISTRATOR, regions=first["regions"], by=None)
    for entry in staff:
        if entry is not first:
            person = _person(entry, shared, timezone=entry["timezone"])
            role = Role(entry["role"])
            given_by = None if role in TAKES_TWO else administrator
            actions.grant_role(person, role, regions=entry["regions"], by=given_by)
    for entry in sample.read("reviewers")["reviewers"]:
        contact = {"email": f"{entry['id'].lower()}@example.org", "language": entry["languages"][0]}
        person = _person(entry | contact, shared, timezone="UTC")
        actions.grant_role(person, Role.REVIEWER, regions=entry["regions"], by=administrator)
        profile = {key: entry[key] for key in ("expertise", "languages", "regions", "lots", "capacity")}
        db.session.add(ReviewerProfile(person_id=person.id, **profile))
    for entry in sample.read("organizations")["organizations"]:
        _organization(entry, shared)
    people = People()
    _declare_interests(people, staff)
    declare_for_year(people.judges)
    return people


def _person(entry: dict[str, Any], shared: dict[str, Any], *, timezone: str) -> Person:
    return actions.register_person(
        name=entry["name"],
        email=entry["email"],
        language=entry["language"],
        timezone=timezone,
        reference=entry["id"],
        **shared,
    )


ZONES = {
    "SN": "Africa/Dakar", "TG": "Africa/Lome", "MA": "Africa/Casablanca", "KE": "Africa/Nairobi",
    "NP": "Asia/Kathmandu", "PH": "Asia/Manila", "BD": "Asia/Dhaka", "LB": "Asia/Beirut",
    "MX": "America/Mexico_City", "GT": "America/Guatemala", "DO": "America/Santo_Domingo", "PE": "America/Lima",
}  # fmt: skip


def _organization(entry: dict[str, Any], shared: dict[str, Any]) -> Organization:
    same = (
        "name", "acronym", "country", "city", "region", "language", "legal_form", "registered", "founded_on",
        "staff_paid", "volunteers", "migrant_led", "email", "contact_name", "legal_representative", "mission",
        "confidentiality_default", "risk",
    )  # fmt: skip
    profile = {key: entry[key] for key in same}
    profile["registration_number"] = entry.get("registration_number")
    profile["fiscal_sponsor"] = entry.get("fiscal_sponsor")
    profile["income_last_year_minor"] = Money.parse(entry["income_last_year_eur"], "EUR").minor
    owner, *others = (_person(user, shared, timezone=ZONES[entry["country"]]) for user in entry["users"])
    organization = actions.create_organization(by=owner, reference=entry["id"], **profile)
    for other in others:
        actions.add_member(organization, other, role=MemberRole.EDITOR)
    return organization


def _declare_interests(people: People, staff: list[dict[str, Any]]) -> None:
    """The ties that the files tell of."""
    for entry in staff:
        for interest in entry.get("declared_interests", []):
            person, organization = people[entry["id"]], people.organizations[interest["organization"]]
            reason = interest["text"][entry["language"]]
            declare_interest(person, organization, grade=Grade(interest["grade"]), reason=reason, by=person)
    for entry in sample.read("reviewers")["reviewers"]:
        for reference in entry["conflicts"]:
            person, organization = people[entry["id"]], people.organizations[reference]
            declare_interest(person, organization, grade=Grade.CONFLICT, reason="Works with them.", by=person)


def declare_for_year(judges: Iterable[Person]) -> None:
    """Everybody who judges declares in general, as they do every year."""
    for one in judges:
        declarations.declare_for_year(
            one, words="I belong to no organization that may apply.", organizations=[], by=one
        )


def declare_for_call(call: Call, judges: Iterable[Person]) -> None:
    """Everybody who judges declares that they have no tie to the applicants of a call that they have not spoken of."""
    for one in judges:
        declarations.declare_for_call(one, call, {}, applicants_to_declare(one, call.id), by=one)
