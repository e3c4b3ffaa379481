"""A registered person finds an organization, asks to join, and an owner answers."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from grants.accounts.models import MemberRole, Membership
from grants.core import clock
from grants.core.db import db
from grants.core.permissions import scope
from grants.core.rules import Refused
from grants.organizations import actions, queries
from grants.organizations.models import JoiningRequest
from grants.organizations.rules import AGAIN_AFTER, MOST_REQUESTS
from grants.organizations.workflow import JoiningState
from tests import factories
from tests.http import Browser
from tests.organizations.conftest import House, change, codes, fresh, mails

WORDS = "I lead the legal clinic; Aïssatou knows me."


def look_for(visitor: Browser, words: str, country: str = "SN") -> str:
    visitor.get("/organizations/find", query_string={"country": country, "q": words})
    return visitor.page.content


# ------------------------------------------------------------------ finding


@pytest.mark.parametrize(
    "words",
    ["Réseau Teranga Mobilité", "reseau teranga mobilite", "RESEAU  TERANGA-MOBILITE", "teranga mobilite", "rtm"],
)
def test_an_organization_is_found_by_its_name_however_it_is_typed(house: House, app: Flask, words: str) -> None:
    shown = look_for(Browser(app).sign_in(house.stranger), words)
    assert "Réseau Teranga Mobilité" in shown
    assert "Senegal" in shown


def test_an_organization_is_found_by_its_registration_number(house: House, app: Flask) -> None:
    house.organization.registration_number = "SN/2009-0147 b"
    db.session.flush()
    assert "Teranga" in look_for(Browser(app).sign_in(house.stranger), "sn 2009 0147B")
    assert "Teranga" not in look_for(Browser(app).sign_in(house.stranger), "sn 2009 0148")


@pytest.mark.parametrize(
    ("words", "country"), [("Réseau", "SN"), ("%", "SN"), ("a", "SN"), ("Réseau Teranga Mobilité", "ML")]
)
def test_a_part_of_a_name_or_another_country_finds_nothing(house: House, app: Flask, words: str, country: str) -> None:
    assert "Teranga" not in look_for(Browser(app).sign_in(house.stranger), words, country).replace(words, "")


def test_finding_tells_nothing_but_the_name_and_the_country(house: House, app: Flask) -> None:
    house.organization.city = "Ziguinchor"
    db.session.flush()
    visitor = Browser(app).sign_in(house.stranger)
    shown = look_for(visitor, "Réseau Teranga Mobilité")
    for secret in (
        *(house.organization.reference, house.owner.name, house.owner.email, house.editor.name),
        *("Ziguinchor", house.organization.email, str(house.organization.registration_number)),
    ):
        assert secret not in visitor.text, secret
    visitor.get(visitor.page.address_of("Ask to join"))
    for secret in (house.organization.reference, house.owner.name, house.editor.name, "Ziguinchor"):
        assert secret not in visitor.text, secret
    assert "Ask to join" in shown


@pytest.mark.parametrize("confidentiality", ["name_withheld", "fully_confidential"])
def test_an_organization_that_does_not_want_to_be_named_is_never_found(
    house: House, app: Flask, confidentiality: str
) -> None:
    visitor = Browser(app).sign_in(house.stranger)
    look_for(visitor, "Réseau Teranga Mobilité")
    place = visitor.page.address_of("Ask to join")
    change(house.organization, confidentiality_default=confidentiality)
    hidden = look_for(visitor, "Réseau Teranga Mobilité")
    never_was = look_for(visitor, "Réseau Qui Nexiste Pas")
    assert hidden == never_was
    visitor.get(place, status=404)


def test_what_one_person_found_is_worth_nothing_to_another(house: House, app: Flask) -> None:
    visitor = Browser(app).sign_in(house.stranger)
    look_for(visitor, "Réseau Teranga Mobilité")
    place = visitor.page.address_of("Ask to join")
    Browser(app).sign_in(factories.person()).get(place, status=404)
    visitor.get(place[:-3] + "xyz", status=404)


def test_who_has_not_confirmed_an_address_finds_nothing(house: House, app: Flask) -> None:
    visitor = Browser(app).sign_in(house.stranger)
    change(house.stranger, confirmed_at=None)
    visitor.get("/organizations/find", status=403)


# ------------------------------------------------------------------ asking and answering


def test_asking_tells_the_owners_and_shows_nothing_until_they_answer(house: House, app: Flask) -> None:
    visitor = Browser(app).sign_in(house.stranger)
    look_for(visitor, "Réseau Teranga Mobilité")
    place = visitor.page.address_of("Ask to join")
    visitor.get(place)
    visitor.post(place, {"words": ""}, page=place, status=422)
    visitor.post(place, {"words": WORDS}, page=place, status=302)
    assert [mail.to_person_id for mail in mails("joining_asked")] == [house.owner.id]
    mail = mails("joining_asked")[0]
    for name in (house.stranger.name, house.organization.name, WORDS):
        assert name not in mail.subject
        assert name not in (mail.body or "")
    visitor.get(f"/organizations/{house.organization.reference}", status=404)
    visitor.get("/organizations/find")
    assert "Waiting for an answer" in visitor.page.badges
    visitor.get(place)
    assert "You have asked already" in visitor.page.content


def test_an_owner_accepts_and_the_person_is_a_member_and_is_told(house: House, app: Flask) -> None:
    asked = actions.ask_to_join(house.organization, WORDS, by=house.stranger)
    visitor = Browser(app).sign_in(house.owner)
    place = f"/organizations/{house.organization.reference}/requests"
    visitor.get(place)
    assert WORDS in visitor.page.content
    assert house.stranger.email in visitor.page.content
    visitor.post(f"{place}/{asked.id}/accept", {"role": "editor"}, page=place, status=302)
    member = db.session.scalar(select(Membership).where(Membership.person_id == house.stranger.id))
    assert member is not None
    assert (member.role, member.may_sign) == (MemberRole.EDITOR, False)
    assert [mail.to_person_id for mail in mails("joining_accepted")] == [house.stranger.id]
    Browser(app).sign_in(house.stranger).get(f"/organizations/{house.organization.reference}")
    visitor.post(f"{place}/{asked.id}/accept", {"role": "editor"}, page=place, status=409)


def test_an_owner_declines_with_a_reason_that_the_person_reads(house: House, app: Flask) -> None:
    asked = actions.ask_to_join(house.organization, WORDS, by=house.stranger)
    visitor = Browser(app).sign_in(house.owner)
    place = f"/organizations/{house.organization.reference}/requests/{asked.id}/decline"
    visitor.get(place)
    visitor.post(place, {"reason": " "}, page=place, status=422)
    visitor.post(place, {"reason": "We do not know you."}, page=place, status=302)
    told = mails("joining_declined")
    assert [mail.to_person_id for mail in told] == [house.stranger.id]
    assert "We do not know you." in (told[0].body or "")
    assert house.organization.name not in (told[0].body or "")
    stranger = Browser(app).sign_in(house.stranger)
    stranger.get("/organizations/find")
    assert "We do not know you." in stranger.page.content
    stranger.get(f"/organizations/{house.organization.reference}", status=404)


def test_only_owners_see_and_answer_requests(house: House, app: Flask) -> None:
    asked = actions.ask_to_join(house.organization, WORDS, by=house.stranger)
    place = f"/organizations/{house.organization.reference}/requests"
    editor, stranger = Browser(app).sign_in(house.editor), Browser(app).sign_in(house.stranger)
    editor.get(place, status=403)
    assert "Requests to join" not in re.sub(r"<h2.*", "", editor.text, flags=re.DOTALL)
    editor.post(f"{place}/{asked.id}/accept", {"role": "owner"}, page="/account", status=404)
    stranger.post(f"{place}/{asked.id}/accept", {"role": "owner"}, page="/account", status=403)
    stranger.post(f"{place}/{asked.id}/decline", {"reason": "x"}, page="/account", status=403)
    other_owner = factories.person()
    other = factories.organization(other_owner)
    elsewhere = Browser(app).sign_in(other_owner)
    elsewhere.post(f"/organizations/{other.reference}/requests/{asked.id}/accept", page="/account", status=404)
    assert db.session.scalars(scope(fresh(other_owner), JoiningRequest)).all() == []


def test_who_asked_takes_it_back(house: House, app: Flask) -> None:
    asked = actions.ask_to_join(house.organization, WORDS, by=house.stranger)
    place = f"/organizations/find/requests/{asked.id}/take-back"
    Browser(app).sign_in(house.owner).post(place, page="/account", status=403)
    visitor = Browser(app).sign_in(house.stranger)
    visitor.post(place, page="/organizations/find", status=302)
    assert db.session.get_one(JoiningRequest, asked.id, populate_existing=True).state == JoiningState.WITHDRAWN
    with pytest.raises(Refused) as refused:
        actions.accept_request(db.session.get_one(JoiningRequest, asked.id), role=MemberRole.EDITOR, by=house.owner)
    assert codes(refused) == ["decided_already"]


# ------------------------------------------------------------------ what stands in the way


def test_nobody_asks_twice_nor_where_they_belong_nor_everywhere(house: House) -> None:
    actions.ask_to_join(house.organization, WORDS, by=house.stranger)
    with pytest.raises(Refused) as refused:
        actions.ask_to_join(house.organization, WORDS, by=house.stranger)
    assert codes(refused) == ["asked_already"]
    with pytest.raises(Refused) as refused:
        actions.ask_to_join(house.organization, WORDS, by=house.editor)
    assert codes(refused) == ["member_already"]
    for _n in range(MOST_REQUESTS - 1):
        actions.ask_to_join(factories.organization(), WORDS, by=house.stranger)
    with pytest.raises(Refused) as refused:
        actions.ask_to_join(factories.organization(), WORDS, by=house.stranger)
    assert codes(refused) == ["too_many_requests"]


def test_who_was_declined_may_ask_again_after_a_month(house: House) -> None:
    asked = actions.ask_to_join(house.organization, WORDS, by=house.stranger)
    actions.decline_request(asked, "Not now.", by=house.owner)
    with pytest.raises(Refused) as refused:
        actions.ask_to_join(house.organization, WORDS, by=house.stranger)
    assert codes(refused) == ["declined_lately"]
    asked.decided_at = clock.now() - AGAIN_AFTER - timedelta(minutes=1)
    db.session.flush()
    assert actions.ask_to_join(house.organization, WORDS, by=house.stranger).state == JoiningState.WAITING


def test_an_organization_whose_owner_is_gone_tells_nobody_and_the_coordinator_names_another(
    house: House, app: Flask
) -> None:
    africa = factories.person(factories.Role.REGIONAL_COORDINATOR, regions=["AFR"])
    asia = factories.person(factories.Role.REGIONAL_COORDINATOR, regions=["ASI"])
    editor = db.session.scalars(select(Membership).where(Membership.person_id == house.editor.id)).one()
    page = f"/organizations/{house.organization.reference}"
    place = f"{page}/people/{editor.id}/appoint"
    visitor = Browser(app).sign_in(africa)
    visitor.get(page)
    assert "Name as owner" not in visitor.text
    visitor.get(place)
    assert "This organization has an owner" in visitor.page.content
    visitor.post(place, {"reason": "x"}, page="/account", status=409)
    change(house.owner, active=False)
    visitor.get(page)
    assert visitor.page.address_of("Name as owner") == place
    Browser(app).sign_in(asia).post(place, {"reason": "x"}, page="/account", status=404)
    Browser(app).sign_in(house.editor).post(place, {"reason": "x"}, page="/account", status=403)
    visitor.post(place, {"reason": "The owner has died; the board wrote to us."}, page=place, status=302)
    assert db.session.get_one(Membership, editor.id, populate_existing=True).role == MemberRole.OWNER
    assert [mail.to_person_id for mail in mails("ownership_handed_over")] == [house.editor.id]


def test_an_owner_hands_the_ownership_over_and_stays_as_an_editor(house: House, app: Flask) -> None:
    editor = db.session.scalars(select(Membership).where(Membership.person_id == house.editor.id)).one()
    own = db.session.scalars(select(Membership).where(Membership.person_id == house.owner.id)).one()
    page = f"/organizations/{house.organization.reference}/people/{editor.id}"
    visitor = Browser(app).sign_in(house.owner)
    visitor.get(page)
    visitor.post(f"{page}/hand-over", page=page, status=200)
    assert db.session.get_one(Membership, editor.id, populate_existing=True).role == MemberRole.EDITOR
    visitor.post(f"{page}/hand-over", {"confirmed": "yes"}, page=page, status=302)
    roles = {
        m.id: (m.role, m.may_sign)
        for m in db.session.scalars(select(Membership).execution_options(populate_existing=True))
    }
    assert roles == {editor.id: (MemberRole.OWNER, False), own.id: (MemberRole.EDITOR, True)}
    assert queries.signatories_of(house.organization) == [db.session.get_one(factories.Person, house.owner.id)]
    visitor.post(f"{page}/hand-over", {"confirmed": "yes"}, page="/account", status=403)
