"""Organizations, their people, and invitations."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from grants.accounts import actions, permissions
from grants.accounts.models import Invitation, MemberRole, Membership, Organization, Person, Role, region_of
from grants.accounts.rules import MOST_OPEN_INVITATIONS
from grants.core import clock
from grants.core.db import db, transaction
from grants.core.mail import OutboxMail
from grants.core.permissions import scope
from grants.core.rules import Refused
from tests import factories
from tests.accounts.conftest import fresh
from tests.http import Browser, Page

PROFILE = {
    "name": "Réseau Migrantes",
    "acronym": "RM",
    "country": "SN",
    "city": "Dakar",
    "language": "fr",
    "legal_form": "association",
    "registered": "False",
    "fiscal_sponsor": "Fondation Port d'Attache",
    "founded_on": "2012-05-01",
    "income_last_year": "84 000.50",
    "staff_paid": "4",
    "volunteers": "20",
    "migrant_led": "half",
    "mission": "Nous accompagnons.",
    "contact_name": "Amina",
    "email": "rm@example.org",
    "legal_representative": "Moussa, président",
    "confidentiality_default": "name_withheld",
}


def codes(refused: pytest.ExceptionInfo[Refused]) -> list[str]:
    return [obstacle.code for obstacle in refused.value.obstacles]


def invited_mail(address: str) -> OutboxMail:
    found = select(OutboxMail).where(OutboxMail.to_address == address, OutboxMail.kind == "account_invited")
    mail = db.session.scalar(found.order_by(OutboxMail.id.desc()))
    assert mail is not None
    return mail


def link_in(mail: OutboxMail) -> str:
    found = re.search(r"^http://127.0.0.1:8000(/\S+)$", mail.body or "", re.MULTILINE)
    assert found, mail.body
    return found.group(1)


# ------------------------------------------------------------------ opening and changing


def test_whoever_opens_the_account_of_an_organization_owns_it_and_signs_for_it(browser: Browser) -> None:
    somebody = factories.person()
    browser.sign_in(somebody)
    browser.post("/organizations/new", PROFILE, page="/organizations/new", status=302)
    page = browser.follow().get_data(as_text=True)
    assert "Réseau Migrantes" in page
    made = db.session.scalar(select(Organization))
    assert made is not None
    assert made.region == "AFR"
    assert made.income_last_year_minor == 8_400_050
    assert made.mission == {"fr": "Nous accompagnons."}
    membership = db.session.scalar(select(Membership))
    assert membership is not None
    assert (membership.role, membership.may_sign, membership.person_id) == (MemberRole.OWNER, True, somebody.id)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": ""}, "name"),
        ({"country": ""}, "country"),
        ({"country": "XX"}, "country"),
        ({"legal_form": "company"}, "legal_form"),
        ({"income_last_year": "much"}, "income_last_year"),
        ({"income_last_year": "-5"}, "income_last_year"),
        ({"income_last_year": "1e30"}, "income_last_year"),
        ({"staff_paid": "-1"}, "staff_paid"),
        ({"founded_on": "2999-01-01"}, "founded_on"),
        ({"founded_on": "yesterday"}, "founded_on"),
        ({"email": "nobody"}, "email"),
        ({"name": "NUL \x00"}, "name"),
    ],
)
def test_a_profile_that_needs_mending_keeps_everything_typed(
    browser: Browser, changed: dict[str, str], field: str
) -> None:
    browser.sign_in(factories.person())
    browser.post("/organizations/new", PROFILE | changed, page="/organizations/new", status=422)
    assert f'<a href="#{field}">' in browser.text
    assert "Nous accompagnons." in browser.text
    assert db.session.scalar(select(Organization)) is None


def test_the_region_follows_the_country() -> None:
    assert [region_of(c) for c in ("SN", "NP", "MX", "BE")] == ["AFR", "ASI", "LAC", None]


def test_the_countries_of_the_sample_call_lie_in_its_regions() -> None:
    eligible = [
        "SN",
        "TG",
        "MA",
        "KE",
        "GH",
        "GM",
        "ML",
        "NE",
        "CM",
        "NP",
        "PH",
        "BD",
        "LK",
        "ID",
        "LB",
        "JO",
        "MX",
        "GT",
        "HN",
        "DO",
        "PE",
        "CO",
        "EC",
    ]
    assert {region_of(c) for c in eligible} == {"AFR", "ASI", "LAC"}


def test_changing_the_profile_keeps_the_mission_in_other_languages(browser: Browser) -> None:
    owner = factories.person()
    org = factories.organization(owner, mission={"en": "We accompany.", "fr": "Avant."}, language="fr", country="SN")
    browser.sign_in(owner)
    path = f"/organizations/{org.reference}/profile"
    browser.post(path, PROFILE | {"country": "MX"}, page=path, status=302)
    org = fresh(org)
    assert org.mission == {"en": "We accompany.", "fr": "Nous accompagnons."}
    assert org.region == "LAC"


def test_only_allowed_columns_are_taken_from_the_profile_form(browser: Browser) -> None:
    owner = factories.person()
    org = factories.organization(owner, risk="high")
    browser.sign_in(owner)
    path = f"/organizations/{org.reference}/profile"
    stolen: dict[str, Any] = {
        "risk": "low",
        "reference": "ORG-1",
        "id": "1",
        "region": "LAC",
        "created_at": "2000-01-01",
    }
    before = (org.risk, org.reference, org.id, org.created_at)
    browser.post(path, PROFILE | stolen, page=path, status=302)
    org = fresh(org)
    assert (org.risk, org.reference, org.id, org.created_at) == before
    assert org.region == "AFR"


# ------------------------------------------------------------------ who sees and changes what


def test_who_sees_which_organization(app: Flask) -> None:
    owner, stranger = factories.person(), factories.person()
    mine = factories.organization(owner, region="AFR")
    asian = factories.organization(factories.person(), region="ASI", country="NP")
    nowhere = factories.organization(factories.person(), region=None, country="BE")
    africa = factories.person(Role.REGIONAL_COORDINATOR, regions=["AFR"])
    world = [factories.person(role) for role in (Role.GLOBAL_COORDINATOR, Role.FINANCE_OFFICER, Role.AUDITOR)]

    def seen(user: Person) -> set[int]:
        return {o.id for o in db.session.scalars(scope(user, Organization))}

    assert seen(owner) == {mine.id}
    assert seen(stranger) == set()
    assert seen(africa) == {mine.id}
    for person in world:
        assert seen(person) == {mine.id, asian.id, nowhere.id}
    for role in (Role.REVIEWER, Role.COMMITTEE_MEMBER, Role.ADMINISTRATOR):
        assert seen(factories.person(role)) == set()


def test_a_stranger_cannot_tell_an_organization_from_one_that_never_was(app: Flask) -> None:
    org = factories.organization(factories.person(), name="CANARY Network")
    stranger = Browser(app).sign_in(factories.person())
    pages = []
    for reference in (org.reference, "ORG-NONE"):
        stranger.get(f"/organizations/{reference}", status=404)
        pages.append(re.sub(r'(nonce|value)="[^"]*"', "", stranger.text).replace(reference, ""))
    assert pages[0] == pages[1]
    for path in ("profile", "invitations", "people/1", "people/1/end", "invitations/1/withdraw"):
        stranger.post(f"/organizations/{org.reference}/{path}", page="/account", status=404)


def test_an_editor_reads_but_neither_invites_nor_changes(app: Flask) -> None:
    owner, editor = factories.person(), factories.person()
    org = factories.organization(owner, editor)
    visitor = Browser(app).sign_in(editor)
    visitor.get(f"/organizations/{org.reference}")
    assert "Invite a colleague" not in visitor.text
    visitor.get(f"/organizations/{org.reference}/profile", status=403)
    visitor.post(f"/organizations/{org.reference}/profile", PROFILE, page="/account", status=403)
    visitor.post(f"/organizations/{org.reference}/invitations", {"email": "x@example.org"}, page="/account", status=403)
    theirs = db.session.scalar(select(Membership.id).where(Membership.person_id == owner.id))
    visitor.post(f"/organizations/{org.reference}/people/{theirs}", {"role": "editor"}, page="/account", status=403)
    visitor.post(
        f"/organizations/{org.reference}/people/{theirs}/end", {"confirmed": "yes"}, page="/account", status=403
    )


def test_a_coordinator_reads_the_organizations_of_the_region_and_finds_them(app: Flask) -> None:
    org = factories.organization(factories.person(), name="Teranga Mobilité", region="AFR")
    factories.organization(factories.person(), name="Nepal Workers", region="ASI", country="NP")
    visitor = Browser(app).sign_in(factories.person(Role.REGIONAL_COORDINATOR, regions=["AFR"]))
    visitor.get("/organizations")
    assert "Teranga" in visitor.text
    assert "Nepal" not in visitor.text
    visitor.get("/organizations?q=teranga")
    assert org.reference in visitor.text
    visitor.get("/organizations?q=%25")
    assert "Teranga" not in visitor.text
    visitor.get(f"/organizations/{org.reference}")
    visitor.get(f"/organizations/{org.reference}/profile", status=403)
    Browser(app).sign_in(factories.person()).get("/organizations", status=403)


def test_the_list_costs_the_same_for_ten_and_for_many(app: Flask, count_queries: Any) -> None:
    auditor = factories.person(Role.AUDITOR)
    visitor = Browser(app).sign_in(auditor)
    for n in range(10):
        factories.organization(name=f"First {n}")
    few = count_queries(lambda: visitor.get("/organizations"))
    for n in range(60):
        factories.organization(name=f"More {n}")
    many = count_queries(lambda: visitor.get("/organizations"))
    assert few == many <= 5
    visitor.get("/organizations?page=2")
    assert "Page 2 of 2" in visitor.text


# ------------------------------------------------------------------ people


def test_an_owner_names_a_signatory_and_another_owner(app: Flask) -> None:
    owner, editor = factories.person(), factories.person()
    org = factories.organization(owner, editor)
    membership = db.session.scalar(select(Membership).where(Membership.person_id == editor.id))
    assert membership is not None
    visitor = Browser(app).sign_in(owner)
    path = f"/organizations/{org.reference}/people/{membership.id}"
    visitor.post(path, {"role": "owner", "may_sign": "y"}, page=path, status=302)
    membership = fresh(membership)
    assert (membership.role, membership.may_sign) == (MemberRole.OWNER, True)
    visitor.post(path, {"role": "auditor"}, page=path, status=422)


def test_an_organization_is_never_without_an_owner(app: Flask) -> None:
    owner, editor = factories.person(), factories.person()
    org = factories.organization(owner, editor)
    first, second = db.session.scalars(select(Membership).order_by(Membership.id)).all()
    with pytest.raises(Refused) as refused:
        actions.end_membership(first, by=owner)
    assert codes(refused) == ["last_owner"]
    with pytest.raises(Refused) as refused:
        actions.change_member(first, role=MemberRole.EDITOR, may_sign=True, by=owner)
    assert codes(refused) == ["last_owner"]
    actions.change_member(second, role=MemberRole.OWNER, may_sign=False, by=owner)
    actions.end_membership(first, by=owner)
    assert not owner.belongs_to(org.id)
    with pytest.raises(Refused) as refused:
        actions.end_membership(second, by=editor)
    assert codes(refused) == ["last_owner"]


def test_of_two_owners_who_leave_at_once_one_stays(live: Flask) -> None:
    org = factories.organization(factories.person(), factories.person())
    db.session.execute(update(Membership).values(role=MemberRole.OWNER))
    ids = db.session.scalars(select(Membership.id)).all()
    db.session.commit()
    together = threading.Barrier(2)

    def leave(membership_id: int) -> str:
        with live.app_context():
            membership = db.session.get_one(Membership, membership_id)
            together.wait(timeout=10)
            try:
                with transaction():
                    actions.end_membership(membership, by=membership.person)
            except Refused as refused:
                return refused.obstacles[0].code
            return "left"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(leave, ids)) == ["last_owner", "left"]
    found = select(func.count()).where(Membership.organization_id == org.id, Membership.ended_at.is_(None))
    assert db.session.scalar(found) == 1


def test_ending_a_membership_is_asked_twice_and_closes_the_door(app: Flask) -> None:
    owner, editor = factories.person(), factories.person()
    org = factories.organization(owner, editor)
    theirs = db.session.scalar(select(Membership.id).where(Membership.person_id == editor.id))
    leaver, visitor = Browser(app).sign_in(editor), Browser(app).sign_in(owner)
    leaver.get(f"/organizations/{org.reference}")
    path = f"/organizations/{org.reference}/people/{theirs}/end"
    visitor.post(path, page=f"/organizations/{org.reference}", status=200)
    assert "End the membership of" in visitor.text
    leaver.get(f"/organizations/{org.reference}")
    form = next(f for f in Page(visitor.text).forms if f["action"] == path)
    visitor.post(path, {name: values[0] for name, values in form["fields"].items()}, status=302)
    leaver.get(f"/organizations/{org.reference}", status=404)


def test_a_member_may_leave(app: Flask) -> None:
    owner, editor = factories.person(), factories.person()
    org = factories.organization(owner, editor)
    theirs = db.session.scalar(select(Membership.id).where(Membership.person_id == editor.id))
    leaver = Browser(app).sign_in(editor)
    path = f"/organizations/{org.reference}/people/{theirs}/end"
    leaver.post(path, {"confirmed": "yes"}, page=f"/organizations/{org.reference}", status=302)
    leaver.get(f"/organizations/{org.reference}", status=404)


# ------------------------------------------------------------------ invitations


@pytest.fixture
def invited(app: Flask) -> tuple[Organization, Person, str]:
    owner = factories.person(name="Amina Diallo", language="fr")
    org = factories.organization(owner, name="Réseau Migrantes")
    visitor = Browser(app).sign_in(owner)
    visitor.post(
        f"/organizations/{org.reference}/invitations",
        {"email": "Jorge@Example.org", "role": "editor", "may_sign": "y"},
        page=f"/organizations/{org.reference}",
        status=302,
    )
    visitor.follow()
    assert "jorge@example.org" in visitor.text
    return org, owner, link_in(invited_mail("jorge@example.org"))


def test_the_invitation_is_written_in_the_language_of_the_inviter_and_names_nobody_in_its_subject(
    invited: tuple[Organization, Person, str],
) -> None:
    mail = invited_mail("jorge@example.org")
    assert mail.language == "fr"
    assert "Réseau" not in mail.subject
    assert "Amina" not in mail.subject


def test_an_invited_colleague_registers_confirms_and_joins(
    invited: tuple[Organization, Person, str], browser: Browser
) -> None:
    org, _, link = invited
    browser.get(link)
    assert "Amina Diallo" in browser.text
    register = next(url for url in Page(browser.text).links if url.startswith("/register?next="))
    browser.get(register)
    form = next(f for f in Page(browser.text).forms if f["action"] == "/register")
    secret = {"password": "seven quiet rivers", "password_confirm": "seven quiet rivers"}
    browser.post(
        "/register",
        {"name": "Jorge", "email": "jorge@example.org", "next": form["fields"]["next"][0]} | secret,
        status=302,
    )
    welcome = db.session.scalar(select(OutboxMail).where(OutboxMail.kind == "account_welcome"))
    assert welcome is not None
    confirm = link_in(welcome)
    browser.get(confirm)
    browser.post(confirm, status=302)
    assert browser.last is not None
    assert browser.last.headers["Location"] == link
    browser.follow()
    browser.post(link, status=302)
    browser.follow()
    assert org.name in browser.text
    joined = db.session.scalar(select(Membership).join(Person).where(Person.email == "jorge@example.org"))
    assert joined is not None
    assert (joined.role, joined.may_sign) == (MemberRole.EDITOR, True)


def test_opening_the_link_joins_nobody(invited: tuple[Organization, Person, str], browser: Browser) -> None:
    _, _, link = invited
    browser.sign_in(factories.person(email="jorge@example.org"))
    browser.get(link)
    assert db.session.scalar(select(Invitation.accepted_at)) is None


def test_a_forwarded_invitation_is_worthless(invited: tuple[Organization, Person, str], browser: Browser) -> None:
    org, _, link = invited
    other = factories.person(email="other@example.org")
    browser.sign_in(other)
    browser.get(link)
    assert "another e-mail address" in browser.text
    browser.post(link, status=403)
    assert "another e-mail address" in browser.text
    invitation = db.session.scalar(select(Invitation))
    assert invitation is not None
    browser.post(f"/invitations/{invitation.id}/accept", page="/account", status=404)
    with pytest.raises(Refused) as refused:
        actions.accept_invitation(fresh(invitation), by=other)
    assert codes(refused) == ["other_address"]
    browser.get(f"/organizations/{org.reference}", status=404)


def test_a_visitor_who_presses_the_button_of_an_invitation_is_shown_the_way_on(
    invited: tuple[Organization, Person, str], browser: Browser
) -> None:
    _, _, link = invited
    colleague = factories.person(email="jorge@example.org")
    browser.post(link, page="/sign-in", status=401)
    assert "Please sign in first" in browser.text
    way_on = Page(browser.text).links
    assert f"/sign-in?next={link}" in way_on
    assert f"/register?next={link}" in way_on
    assert db.session.scalar(select(Invitation.accepted_at)) is None
    db.session.execute(update(Invitation).values(expires_at=clock.now() - timedelta(seconds=1)))
    browser.post(link, page="/sign-in", status=410)
    assert colleague.name not in browser.text


def test_an_address_that_was_never_confirmed_cannot_join(
    invited: tuple[Organization, Person, str],
) -> None:
    claimed = factories.person(email="jorge@example.org", confirmed_at=None)
    invitation = db.session.scalar(select(Invitation))
    assert invitation is not None
    assert not permissions.can_accept_invitation(claimed, invitation)


def test_an_invitation_works_once(invited: tuple[Organization, Person, str], browser: Browser) -> None:
    _, _, link = invited
    colleague = factories.person(email="jorge@example.org")
    browser.sign_in(colleague)
    browser.get(link)
    browser.post(link, status=302)
    browser.get(link, status=410)
    browser.post(link, page="/account", status=409)


def test_an_invitation_dies_after_two_weeks_and_when_withdrawn(
    invited: tuple[Organization, Person, str], app: Flask
) -> None:
    org, owner, link = invited
    colleague = Browser(app).sign_in(factories.person(email="jorge@example.org"))
    db.session.execute(update(Invitation).values(expires_at=clock.now() - timedelta(seconds=1)))
    colleague.get(link, status=410)
    colleague.post(link, page="/account", status=409)
    db.session.execute(update(Invitation).values(expires_at=clock.now() + timedelta(days=1)))
    colleague.get(link)
    visitor = Browser(app).sign_in(owner)
    number = db.session.scalar(select(Invitation.id))
    visitor.post(
        f"/organizations/{org.reference}/invitations/{number}/withdraw",
        page=f"/organizations/{org.reference}",
        status=302,
    )
    colleague.get(link, status=410)


def test_an_invitation_waits_on_the_account_page_for_who_lost_the_mail(
    invited: tuple[Organization, Person, str], browser: Browser
) -> None:
    org, _, _ = invited
    browser.sign_in(factories.person(email="JORGE@example.org"))
    browser.get("/account")
    assert "You are invited" in browser.text
    number = db.session.scalar(select(Invitation.id))
    browser.post(f"/invitations/{number}/accept", status=302)
    browser.get(f"/organizations/{org.reference}")


def test_members_and_invited_addresses_are_not_invited_again(app: Flask) -> None:
    owner = factories.person()
    org = factories.organization(owner)
    actions.invite(org, email="a@example.org", role=MemberRole.EDITOR, may_sign=False, by=owner)
    with pytest.raises(Refused) as refused_twice:
        actions.invite(org, email="A@example.org ", role=MemberRole.EDITOR, may_sign=False, by=owner)
    assert codes(refused_twice) == ["invited_already"]
    with pytest.raises(Refused) as refused_member:
        actions.invite(org, email=owner.email.upper(), role=MemberRole.EDITOR, may_sign=False, by=owner)
    assert codes(refused_member) == ["member_already"]
    for n in range(MOST_OPEN_INVITATIONS - 1):
        actions.invite(org, email=f"b{n}@example.org", role=MemberRole.EDITOR, may_sign=False, by=owner)
    with pytest.raises(Refused) as refused_many:
        actions.invite(org, email="last@example.org", role=MemberRole.EDITOR, may_sign=False, by=owner)
    assert codes(refused_many) == ["too_many_invitations"]


def test_inviting_looks_the_same_whether_the_address_has_an_account(app: Flask) -> None:
    owner = factories.person()
    org = factories.organization(owner)
    factories.person(email="known@example.org", language="es")
    visitor = Browser(app).sign_in(owner)
    answers = []
    for address in ("known@example.org", "other@example.org"):
        path = f"/organizations/{org.reference}"
        answer = visitor.post(f"{path}/invitations", {"email": address, "role": "editor"}, page=path, status=302)
        answers.append((answer.status_code, answer.headers["Location"]))
    assert answers[0] == answers[1]
    assert invited_mail("known@example.org").language == "es"


def test_a_link_nobody_was_sent_leads_nowhere(browser: Browser) -> None:
    browser.get("/invitations/nonsense", status=404)
    browser.post("/invitations/nonsense", page="/sign-in", status=404)
