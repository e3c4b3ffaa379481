"""People and organizations that most of these tests begin with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from grants.accounts.models import Organization, Person
from grants.core.db import db
from grants.core.mail import OutboxMail
from grants.core.rules import Refused
from tests import factories
from tests.accounts.conftest import count_queries as count_queries  # noqa: PLC0414 - a fixture is used by its name


@dataclass
class House:
    """An organization with an owner who signs, an editor, and somebody outside."""

    organization: Organization
    owner: Person
    editor: Person
    stranger: Person


@pytest.fixture
def house(app: Flask) -> House:
    """One organization and its people."""
    owner, editor, stranger = factories.person(), factories.person(), factories.person()
    organization = factories.organization(owner, editor, name="Réseau Teranga Mobilité", acronym="RTM", country="SN")
    return House(organization, owner, editor, stranger)


def change(row: Any, **values: Any) -> None:
    """Change a row behind everybody's back."""
    db.session.execute(update(type(row)).where(type(row).id == row.id).values(**values))


def fresh(row: Any) -> Any:
    """A row as it stands in the database now."""
    return db.session.get_one(type(row), row.id, populate_existing=True)


def codes(refused: pytest.ExceptionInfo[Refused]) -> list[str]:
    """Why something was refused."""
    return [obstacle.code for obstacle in refused.value.obstacles]


def mails(kind: str) -> list[OutboxMail]:
    """The mails of one kind, in the order in which they were written."""
    return list(db.session.scalars(select(OutboxMail).where(OutboxMail.kind == kind).order_by(OutboxMail.id)))
