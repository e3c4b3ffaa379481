"""Whoever works for the fund is invited: by an administrator on the screens, the first one from the command line."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from grants.accounts import actions
from grants.accounts.models import Person, Role, RoleGrant
from grants.accounts.queries import number_holding
from grants.accounts.rules import INVITATION_LASTS
from grants.core import clock
from grants.core.db import db
from grants.core.mail import OutboxMail
from grants.core.rules import Refused
from tests import factories
from tests.accounts.conftest import fresh
from tests.http import Browser

NEW = {"name": "Amina  Fictional", "email": "amina@example.org", "language": "fr", "role": "committee_member"}
CHOSEN = {"password": "a long new password", "password_confirm": "a long new password"}


def invited(role: Role = Role.ADMINISTRATOR, **more: str) -> tuple[Person, str]:
    return actions.invite_person(
        email=more.get("email", "first@example.org"), name="First", language="en", role=role, regions=[], by=None
    )


def links_to(person: Person) -> list[str]:
    found = select(OutboxMail.body).where(OutboxMail.to_person_id == person.id, OutboxMail.kind == "account_opened")
    bodies = [body or "" for body in db.session.scalars(found.order_by(OutboxMail.id))]
    return [next(line for line in body.splitlines() if "/first-sign-in/" in line) for body in bodies]


def test_an_administrator_invites_somebody_who_chooses_a_password_and_signs_in(app: Flask) -> None:
    admin = factories.person(Role.ADMINISTRATOR)
    visitor = Browser(app).sign_in(admin)
    visitor.get("/people")
    assert 'href="/people/invite"' in visitor.text
    visitor.post("/people/invite", NEW, page="/people/invite", status=302)
    person = db.session.scalar(select(Person).where(Person.email == "amina@example.org"))
    assert person is not None
    assert (person.name, person.language, person.password, person.confirmed_at) == (
        "Amina Fictional", "fr", None, None,
    )  # fmt: skip
    granted = db.session.scalar(select(RoleGrant).where(RoleGrant.person_id == person.id))
    assert granted is not None
    assert (granted.role, granted.granted_by_id) == ("committee_member", admin.id)
    [link] = links_to(person)

    guest = Browser(app)
    guest.get(link)
    assert "Amina Fictional" in guest.text
    chosen = re.search(r'href="(/reset-password/[^"]+)"', guest.text)
    assert chosen
    page = chosen.group(1)
    guest.post(page, CHOSEN, page=page, status=302)
    person = fresh(person)
    assert person.confirmed_at is not None
    guest.post("/sign-in", {"email": person.email, "password": CHOSEN["password"]}, page="/sign-in", status=302)
    guest.get("/meetings")
    Browser(app).get(link, status=404)
    guest.get(page, status=302)


def test_a_mistake_in_an_invitation_is_named_where_it_is(app: Flask) -> None:
    visitor = Browser(app).sign_in(factories.person(Role.ADMINISTRATOR))
    for changed, field in (
        ({"name": " "}, "name"),
        ({"email": "nobody"}, "email"),
        ({"role": "emperor"}, "role"),
        ({"language": "xx"}, "language"),
        ({"role": "regional_coordinator"}, "regions"),
    ):
        visitor.post("/people/invite", NEW | changed, page="/people/invite", status=422)
        assert f'<a href="#{field}' in visitor.text, field
    assert db.session.scalar(select(Person).where(Person.email == "amina@example.org")) is None


def test_an_address_that_is_known_is_not_invited_and_its_person_is_shown(app: Flask) -> None:
    known = factories.person(email="Amina@example.org")
    visitor = Browser(app).sign_in(factories.person(Role.ADMINISTRATOR))
    visitor.post("/people/invite", NEW, page="/people/invite", status=409)
    assert f'href="/people/{known.reference}"' in visitor.text
    assert db.session.scalar(select(RoleGrant).where(RoleGrant.person_id == known.id)) is None


def test_a_link_is_over_after_two_weeks_and_another_one_can_be_sent(app: Flask) -> None:
    visitor = Browser(app).sign_in(factories.person(Role.ADMINISTRATOR))
    person, token = invited(Role.AUDITOR)
    page, later = f"/people/{person.reference}", clock.now() + INVITATION_LASTS
    with clock.at(later - timedelta(minutes=1)):
        Browser(app).get(f"/first-sign-in/{token}")
    with clock.at(later):
        Browser(app).get(f"/first-sign-in/{token}", status=404)
        visitor.get(page)
        assert "has not come yet" in visitor.text
        visitor.post(f"{page}/invite-again", page=page, status=302)
        first, second = links_to(fresh(person))
        assert first != second
        Browser(app).get(first, status=404)
        Browser(app).get(second)


def test_only_who_has_a_role_an_open_account_and_has_not_come_is_invited_again(app: Flask) -> None:
    admin = factories.person(Role.ADMINISTRATOR)
    person, token = invited(Role.AUDITOR)
    for somebody, code in (
        (factories.person(Role.AUDITOR), "arrived_already"),
        (factories.person(confirmed_at=None), "role_missing"),
        (factories.person(Role.AUDITOR, confirmed_at=None, active=False), "account_closed"),
    ):
        with pytest.raises(Refused) as refused:
            actions.invite_again(somebody, by=admin)
        assert [obstacle.code for obstacle in refused.value.obstacles] == [code]
    granted = db.session.scalar(select(RoleGrant).where(RoleGrant.person_id == person.id))
    assert granted is not None
    actions.revoke_role(granted, by=admin)
    Browser(app).get(f"/first-sign-in/{token}", status=404)
    Browser(app).get("/first-sign-in/nonsense", status=404)


@pytest.mark.parametrize("role", [r for r in Role if r != Role.ADMINISTRATOR])
def test_only_administrators_invite(app: Flask, role: Role) -> None:
    person, _token = invited(Role.REVIEWER)
    visitor = Browser(app).sign_in(factories.person(role))
    visitor.get("/people/invite", status=403)
    visitor.post("/people/invite", NEW, page="/account", status=403)
    visitor.post(f"/people/{person.reference}/invite-again", page="/account", status=403)
    assert len(links_to(person)) == 1


def test_whoever_was_invited_and_never_came_does_not_replace_the_last_administrator(app: Flask) -> None:
    admin = factories.person(Role.ADMINISTRATOR)
    invited(Role.ADMINISTRATOR)
    assert number_holding(Role.ADMINISTRATOR) == 1
    granted = db.session.scalar(select(RoleGrant).where(RoleGrant.person_id == admin.id))
    assert granted is not None
    with pytest.raises(Refused) as refused:
        actions.revoke_role(granted, by=admin)
    assert [obstacle.code for obstacle in refused.value.obstacles] == ["last_administrator"]
