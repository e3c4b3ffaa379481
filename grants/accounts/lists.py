"""Organizations and people, as they are taken out in a file."""

from __future__ import annotations

from typing import Any

from grants.accounts import queries
from grants.accounts.models import REGION_LABELS, ROLE_LABELS, Confidentiality, Organization, Person
from grants.core.languages import _l, country_name
from grants.core.listings import Asked, Column, Kind, Lines, listing_of, yes_or_no
from grants.core.permissions import scope


def _words(asked: Asked) -> str:
    return " ".join(asked.get("q").split())[:100]


@listing_of(
    "accounts.organizations",
    _l("Organizations"),
    Column(_l("Reference"), "reference"),
    Column(_l("Name"), "name", tells=True),
    Column(_l("Acronym"), "acronym", tells=True),
    Column(_l("Country"), lambda one: country_name(one.country), tells=True),
    Column(_l("City"), "city", tells=True),
    Column(_l("Region"), lambda one: REGION_LABELS.get(one.region, one.region)),
    Column(_l("Registered"), lambda one: yes_or_no(one.registered)),
    Column(_l("Founded"), "founded_on", Kind.DAY),
    Column(_l("Website"), "website", tells=True),
    withheld=lambda one: one.confidentiality_default != Confidentiality.PUBLIC,
)
def organizations(asked: Asked) -> Lines:
    """The organizations that somebody looks after, by words of their names."""
    return Lines(*queries.every_organization(scope(asked.person, Organization), _words(asked)))


def _roles(person: Person) -> str:
    return "; ".join(_role(grant) for grant in person.role_grants)


def _role(grant: Any) -> str:
    label = str(ROLE_LABELS[grant.role])
    return f"{label} ({', '.join(grant.regions)})" if grant.regions else label


@listing_of(
    "accounts.people",
    _l("People"),
    Column(_l("Reference"), "reference"),
    Column(_l("Name"), "name"),
    Column(_l("E-mail"), "email"),
    Column(_l("Roles"), _roles),
    Column(_l("Account open"), lambda one: yes_or_no(one.active)),
)
def people(asked: Asked) -> Lines:
    """Those who work for the fund, by role and words of their names."""
    role = asked.get("role", ROLE_LABELS)
    rows, number = queries.people_page(scope(asked.person, Person), _words(asked), role, None)
    return Lines(number, rows)
