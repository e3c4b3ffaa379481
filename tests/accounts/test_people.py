"""People, their languages and zones, and the roles administrators give them."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from grants.accounts import actions
from grants.accounts.models import Person, Role, RoleGrant
from grants.accounts.queries import holders_of
from grants.accounts.views import browser_name
from grants.core import clock
from grants.core.db import db
from grants.core.permissions import scope
from grants.core.rules import Refused
from tests import factories
from tests.accounts.conftest import fresh
from tests.http import Browser


def codes(refused: pytest.ExceptionInfo[Refused]) -> list[str]:
    return [obstacle.code for obstacle in refused.value.obstacles]


# ------------------------------------------------------------------ languages


def test_a_visitor_chooses_a_language_for_this_browser(browser: Browser) -> None:
    browser.post("/language", {"language": "fr", "next": "/sign-in?next=/account"}, page="/sign-in", status=302)
    assert browser.last is not None
    assert browser.last.headers["Location"] == "/sign-in?next=/account"
    assert '<html lang="fr"' in browser.get("/sign-in").get_data(as_text=True)


def test_a_person_is_spoken_to_in_their_own_language_everywhere(app: Flask) -> None:
    somebody = factories.person()
    here = Browser(app).sign_in(somebody)
    here.post("/language", {"language": "es", "next": "/account"}, page="/account", status=302)
    elsewhere = Browser(app).sign_in(somebody)
    assert '<html lang="es"' in elsewhere.get("/account").get_data(as_text=True)
    somebody = fresh(somebody)
    assert somebody.language == "es"


def test_after_signing_out_the_page_stays_in_the_language(app: Flask) -> None:
    browser = Browser(app).sign_in(factories.person(language="fr"))
    browser.post("/sign-out", page="/account", status=302)
    assert '<html lang="fr"' in browser.get("/sign-in").get_data(as_text=True)


def test_choosing_a_language_comes_back_to_the_page_even_after_a_mistake(browser: Browser) -> None:
    browser.sign_in(factories.person())
    browser.post("/account", {"name": ""}, page="/account", status=422)
    assert 'name="next" value="/account"' in browser.text
    browser.get("/nothing", status=404)
    assert 'name="next" value="/"' in browser.text


@pytest.mark.parametrize("language", ["", "xx", "en-GB'"])
def test_a_language_that_we_do_not_speak_changes_nothing(browser: Browser, language: str) -> None:
    browser.post("/language", {"language": language}, page="/sign-in", status=302)
    assert '<html lang="en"' in browser.get("/sign-in").get_data(as_text=True)


def test_the_first_language_of_the_browser_that_we_speak_is_spoken(browser: Browser) -> None:
    page = browser.get("/sign-in", headers={"Accept-Language": "pt, es;q=0.8, en;q=0.5"})
    assert '<html lang="es"' in page.get_data(as_text=True)


# ------------------------------------------------------------------ one's own account


def test_people_change_their_name_language_and_zone_and_nothing_else(browser: Browser) -> None:
    somebody = factories.person()
    browser.sign_in(somebody)
    stolen = {"email": "other@example.org", "active": "", "reference": "STF-01", "confirmed_at": "", "password": "x"}
    typed = {"name": " Amina  Diallo ", "language": "fr", "timezone": "Africa/Dakar"}
    before = (somebody.email, somebody.reference, somebody.password)
    browser.post("/account", typed | stolen, page="/account", status=302)
    somebody = fresh(somebody)
    assert (somebody.name, somebody.language, somebody.timezone) == ("Amina Diallo", "fr", "Africa/Dakar")
    assert (somebody.email, somebody.reference, somebody.password) == before
    assert somebody.active


@pytest.mark.parametrize(
    ("changed", "field"),
    [({"name": ""}, "name"), ({"timezone": "Mars/Base"}, "timezone"), ({"language": "xx"}, "language")],
)
def test_an_account_that_needs_mending_says_where(browser: Browser, changed: dict[str, str], field: str) -> None:
    browser.sign_in(factories.person())
    typed = {"name": "Amina", "language": "fr", "timezone": "Africa/Dakar"}
    browser.post("/account", typed | changed, page="/account", status=422)
    assert f'<a href="#{field}">' in browser.text


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19 Mobile Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("", "An unknown browser"),
    ],
)
def test_a_browser_is_named_in_words(app: Flask, told: str, shown: str) -> None:
    assert browser_name(told) == shown


# ------------------------------------------------------------------ roles


def test_an_administrator_gives_a_role_with_regions_and_takes_it_back(app: Flask) -> None:
    admin, somebody = factories.person(Role.ADMINISTRATOR), factories.person()
    visitor = Browser(app).sign_in(admin)
    page = f"/people/{somebody.reference}"
    visitor.post(f"{page}/roles", {"role": "regional_coordinator", "regions": ["AFR", "ASI"]}, page=page, status=302)
    granted = db.session.scalar(select(RoleGrant).where(RoleGrant.person_id == somebody.id))
    assert granted is not None
    assert (granted.role, granted.regions, granted.granted_by_id) == ("regional_coordinator", ["AFR", "ASI"], admin.id)
    coordinator = Browser(app).sign_in(somebody)
    coordinator.get("/organizations")
    visitor.post(f"{page}/roles/{granted.id}/end", page=page, status=200)
    assert "Take back the role" in visitor.text
    visitor.post(f"{page}/roles/{granted.id}/end", {"confirmed": "yes"}, status=302)
    coordinator.get("/organizations", status=302)
    coordinator.sign_in(somebody).get("/organizations", status=403)
    granted = fresh(granted)
    assert granted.revoked_by_id == admin.id


def test_who_is_found_by_one_role_still_holds_the_others(app: Flask) -> None:
    somebody = factories.person(Role.AUDITOR, Role.FINANCE_OFFICER)
    ended, other = factories.person(Role.FINANCE_OFFICER), factories.person(Role.AUDITOR)
    ended.role_grants[0].revoked_at = clock.now()
    db.session.commit()
    db.session.expire_all()
    assert holders_of(Role.FINANCE_OFFICER) == [somebody]
    assert somebody.holds(Role.AUDITOR)
    assert set(holders_of(Role.FINANCE_OFFICER, Role.AUDITOR)) == {somebody, other}


def test_a_coordinator_needs_a_region_and_a_role_must_exist(app: Flask) -> None:
    somebody = factories.person()
    visitor = Browser(app).sign_in(factories.person(Role.ADMINISTRATOR))
    page = f"/people/{somebody.reference}"
    visitor.post(f"{page}/roles", {"role": "regional_coordinator"}, page=page, status=422)
    assert "Choose at least one region" in visitor.text
    visitor.post(f"{page}/roles", {"role": "emperor"}, page=page, status=422)
    visitor.post(f"{page}/roles", {"role": "reviewer", "regions": ["MOON"]}, page=page, status=422)
    with pytest.raises(Refused) as refused:
        actions.grant_role(fresh(somebody), Role.GLOBAL_COORDINATOR, regions=[], by=None)
    assert codes(refused) == ["region_missing"]


def test_nobody_gives_a_role_to_themselves(app: Flask) -> None:
    admin = factories.person(Role.ADMINISTRATOR)
    visitor = Browser(app).sign_in(admin)
    page = f"/people/{admin.reference}"
    visitor.get(page)
    assert "Give a role" not in visitor.text
    visitor.post(f"{page}/roles", {"role": "finance_officer"}, page=page, status=403)
    for role in (Role.AUDITOR, Role.FINANCE_OFFICER):
        with pytest.raises(Refused) as refused:
            actions.give_role(fresh(admin), role, regions=[], by=admin)
        assert codes(refused) == ["own_role"]


def test_a_role_is_held_once(app: Flask) -> None:
    somebody, admin = factories.person(Role.REVIEWER), factories.person(Role.ADMINISTRATOR)
    with pytest.raises(Refused) as refused:
        actions.grant_role(somebody, Role.REVIEWER, regions=[], by=admin)
    assert codes(refused) == ["role_held"]


def test_the_last_administrator_stays(app: Flask) -> None:
    admin = factories.person(Role.ADMINISTRATOR)
    closed = factories.person(Role.ADMINISTRATOR, active=False)
    granted = db.session.scalar(select(RoleGrant).where(RoleGrant.person_id == admin.id))
    assert granted is not None
    with pytest.raises(Refused) as refused:
        actions.revoke_role(granted, by=admin)
    assert codes(refused) == ["last_administrator"]
    with pytest.raises(Refused) as refused:
        actions.close_account(admin, by=admin)
    assert codes(refused) == ["own_account"]
    actions.reopen_account(closed, by=admin)
    actions.revoke_role(granted, by=admin)


def test_a_closed_account_is_opened_again(app: Flask) -> None:
    somebody = factories.person()
    visitor = Browser(app).sign_in(factories.person(Role.ADMINISTRATOR))
    page = f"/people/{somebody.reference}"
    visitor.post(f"{page}/close", page=page, status=200)
    assert "Close the account of" in visitor.text
    visitor.post(f"{page}/close", {"confirmed": "yes"}, status=302)
    visitor.post(f"{page}/reopen", page=page, status=302)
    Browser(app).sign_in(somebody)


@pytest.mark.parametrize("role", [r for r in Role if r not in {Role.ADMINISTRATOR, Role.AUDITOR}])
def test_only_administrators_and_auditors_see_people(app: Flask, role: Role) -> None:
    other, me = factories.person(name="CANARY Person"), factories.person(role)
    theirs = f"/people/{other.reference}"
    visitor = Browser(app).sign_in(me)
    for path in ("/people", theirs):
        visitor.get(path, status=403)
        assert "CANARY" not in visitor.text
    visitor.post(f"{theirs}/roles", {"role": "reviewer"}, page="/account", status=403)
    visitor.post(f"{theirs}/close", {"confirmed": "yes"}, page="/account", status=403)
    assert [p.reference for p in db.session.scalars(scope(fresh(me), Person))] == [fresh(me).reference]


def test_an_auditor_reads_people_and_changes_nothing(app: Flask) -> None:
    other = factories.person(Role.REVIEWER)
    visitor = Browser(app).sign_in(factories.person(Role.AUDITOR))
    visitor.get("/people")
    assert other.name in visitor.text
    visitor.get(f"/people/{other.reference}")
    assert "Give a role" not in visitor.text
    visitor.post(f"/people/{other.reference}/roles", {"role": "auditor"}, page="/people", status=403)
    granted = db.session.scalar(select(RoleGrant.id).where(RoleGrant.person_id == other.id))
    visitor.post(f"/people/{other.reference}/roles/{granted}/end", {"confirmed": "yes"}, page="/people", status=403)


def test_the_list_of_people_is_searched_filtered_and_paged(app: Flask, count_queries: Any) -> None:
    visitor = Browser(app).sign_in(factories.person(Role.ADMINISTRATOR))
    factories.person(name="Wanjiru Fictional")
    for n in range(9):
        factories.person(Role.REVIEWER, name=f"Reviewer {n}")
    few = count_queries(lambda: visitor.get("/people"))
    for n in range(60):
        factories.person(Role.REVIEWER, name=f"Another {n}")
    many = count_queries(lambda: visitor.get("/people"))
    assert few == many <= 5
    assert "Wanjiru Fictional" not in visitor.text
    visitor.get("/people?q=wanjiru")
    assert "Wanjiru Fictional" in visitor.text
    visitor.get("/people?role=administrator")
    assert "1 person" in visitor.text
    visitor.get("/people?role=reviewer&page=2")
    assert "Page 2 of 2" in visitor.text
    visitor.get("/people?page=-3&role=nonsense")
    visitor.get("/people?q=%00", status=400)
