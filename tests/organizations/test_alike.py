"""Accounts that look alike are found, shown to coordinators, and linked or kept apart with a reason."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from grants.accounts import actions as accounts
from grants.accounts import queries as account_queries
from grants.accounts.models import Confidentiality, Organization, Person, Role
from grants.applications import actions as applications
from grants.calls.models import Call
from grants.checks.queries import sent_in_by
from grants.conflicts.models import Grade
from grants.core import clock
from grants.core.db import db, transaction
from grants.core.permissions import scope
from grants.core.rules import Refused
from grants.organizations import actions, queries, rules
from grants.organizations.models import Resemblance
from grants.organizations.tasks import compare_now
from grants.organizations.workflow import ResemblanceState
from grants.reviews.actions import declare_interest
from tests import factories
from tests.http import Browser
from tests.organizations.conftest import change, codes, fresh, mails

PLAIN: dict[str, Any] = {"email": "", "website": "", "registration_number": None}


def org(name: str, **more: Any) -> Organization:
    return factories.organization(factories.person(), **(PLAIN | {"name": name} | more))  # type: ignore[no-any-return]


def found() -> dict[tuple[int, int], list[str]]:
    actions.compare_changed()
    rows = db.session.scalars(select(Resemblance)).all()
    return {(row.first_id, row.second_id): row.alike for row in rows}


# ------------------------------------------------------------------ what is alike


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({"name": "Réseau Teranga Mobilité"}, {"name": "RESEAU TERANGA MOBILITE"}, ["name"]),
        ({"name": "Réseau Teranga Mobilité"}, {"name": "Teranga Mobilité (réseau)"}, ["name"]),
        ({"name": "Coast Domestic Workers Forum"}, {"name": "Coast Domestic Worker's Forum Kenya"}, ["name"]),
        ({"name": "Aube"}, {"name": "Crépuscule"}, None),
        ({"name": "Caritas Senegal", "country": "SN"}, {"name": "Caritas Kenya", "country": "KE"}, None),
        ({"name": "Voix des Partants"}, {"name": "Voix des Partants", "country": "TG"}, ["name"]),
        (
            {"name": "Aube", "registration_number": "SN-0147/09"},
            {"name": "Crépuscule", "registration_number": "sn 0147 09"},
            ["registration_number"],
        ),
        (
            {"name": "Aube", "registration_number": "77"},
            {"name": "Crépuscule", "registration_number": "77", "country": "KE"},
            None,
        ),
        (
            {"name": "Aube", "email": "Contact@Aube.sn"},
            {"name": "Nuit", "email": "contact@aube.sn"},
            ["domain", "email"],
        ),
        ({"name": "Aube", "email": "a@aube.sn"}, {"name": "Nuit", "website": "https://www.aube.sn/fr"}, ["domain"]),
        ({"name": "Aube", "email": "aube@gmail.com"}, {"name": "Nuit", "email": "nuit@gmail.com"}, None),
        ({"name": "Aube", "email": "aube@gmail.com"}, {"name": "Nuit", "email": "AUBE@gmail.com"}, ["email"]),
    ],
)
def test_two_accounts_are_alike(
    app: Flask, one: dict[str, Any], other: dict[str, Any], expected: list[str] | None
) -> None:
    first, second = org(**one), org(**other)
    assert found() == ({(first.id, second.id): expected} if expected else {})


def test_the_same_identifier_makes_alike(app: Flask) -> None:
    first, second = org("Aube"), org("Crépuscule", country="TG")
    actions.identify(first, "KE-NCB", "218/051", by=factories.person())
    actions.identify(second, "KE-NCB", "218-051", by=factories.person())
    assert found() == {(first.id, second.id): ["identifier"]}


def test_an_organization_is_compared_again_once_its_profile_has_changed(app: Flask) -> None:
    first, second = org("Aube"), org("Crépuscule")
    assert found() == {}
    assert queries.changed_since_compared(10) == []
    accounts.change_profile(second, by=factories.person(), name="L’Aube")
    assert queries.changed_since_compared(10) == [second.id]
    assert found() == {(first.id, second.id): ["name"]}


def test_what_was_judged_is_not_asked_again(app: Flask) -> None:
    first, second = org("Aube du Sahel"), org("Aube du Sahel")
    found()
    pair = db.session.scalars(select(Resemblance)).one()
    actions.distinguish(pair, "Two villages.", by=factories.person())
    accounts.change_profile(second, by=factories.person(), website="https://aube.sn")
    accounts.change_profile(first, by=factories.person(), website="https://aube.sn")
    assert found() == {(first.id, second.id): ["domain", "name"]}
    assert db.session.scalars(select(Resemblance.state)).all() == [ResemblanceState.DIFFERENT]


def test_the_task_compares_by_itself(live: Flask) -> None:
    org("Aube du Sahel")
    org("Aube du Sahel")
    db.session.commit()
    assert compare_now() == 2
    assert compare_now() == 0


def test_comparing_a_few_among_many_asks_as_much_as_among_few(
    app: Flask, count_queries: Callable[[Callable[[], object]], int]
) -> None:
    few = [org(f"{word} des Deux Rives").id for word in ("Aube", "Nuit")]
    asked = count_queries(lambda: actions.compare(few))
    for n in range(60):
        org(f"Association {n * 7919} du Quartier {n * 104729}")
    assert count_queries(lambda: actions.compare(few)) <= asked


# ------------------------------------------------------------------ who sees them


def test_a_pair_is_seen_by_who_may_see_both_and_belongs_to_neither(app: Flask) -> None:
    here, there = org("Voix des Partants"), org("Voix des Partants", country="NP", region="ASI")
    org("Voix des Partants", confidentiality_default="fully_confidential")
    found()
    seen = {}
    for name, somebody in {
        "africa": factories.person(Role.REGIONAL_COORDINATOR, regions=["AFR"]),
        "asia": factories.person(Role.REGIONAL_COORDINATOR, regions=["ASI"]),
        "both": factories.person(Role.REGIONAL_COORDINATOR, regions=["AFR", "ASI"]),
        "global": factories.person(Role.GLOBAL_COORDINATOR),
        "auditor": factories.person(Role.AUDITOR),
        "finance": factories.person(Role.FINANCE_OFFICER),
        "reviewer": factories.person(Role.REVIEWER),
        "administrator": factories.person(Role.ADMINISTRATOR),
        "owner": account_queries.members_of(here)[0].person,
    }.items():
        seen[name] = len(db.session.scalars(scope(somebody, Resemblance)).all())
    nothing = dict.fromkeys(("asia", "finance", "reviewer", "administrator", "owner"), 0)
    assert seen == nothing | {"africa": 1, "both": 3, "global": 3, "auditor": 3}
    member = factories.person(Role.GLOBAL_COORDINATOR)
    accounts.add_member(there, member, role=factories.MemberRole.EDITOR)
    assert len(db.session.scalars(scope(member, Resemblance)).all()) == 1


def test_a_coordinator_compares_and_says_that_they_are_the_same(app: Flask) -> None:
    first, second = org("Aube du Sahel", city="Dakar"), org("Aube du Sahel", city="Thiès")
    found()
    visitor = Browser(app).sign_in(factories.person(Role.REGIONAL_COORDINATOR, regions=["AFR"]))
    visitor.open("/organizations")
    visitor.click("Compare accounts that look alike")
    assert "Similar name" in visitor.page.badges
    visitor.click("Compare")
    assert "Thiès" in visitor.page.content
    visitor.press("Note it", {"verdict": second.reference, "reason": ""}, status=422)
    visitor.press("Note it", {"verdict": second.reference, "reason": "The director says so."})
    assert "No accounts look alike" in visitor.page.content
    assert (fresh(first).duplicate_of_id, fresh(second).duplicate_of_id) == (second.id, None)
    assert account_queries.linked_organizations(fresh(first)) == [first.id, second.id]
    owners = [account_queries.members_of(one)[0].person_id for one in (first, second)]
    told = mails("accounts_united")
    assert [mail.to_person_id for mail in told] == owners
    visitor.open("/organizations/alike?state=same")
    visitor.click("Compare")
    assert "The director says so." in visitor.page.content
    visitor.press("Note it", {"verdict": "different", "reason": "They are two after all."})
    assert fresh(first).duplicate_of_id is None
    assert len(mails("accounts_parted")) == 2
    owner = Browser(app).sign_in(account_queries.members_of(fresh(first))[0].person)
    owner.get("/organizations/alike", status=403)


def test_an_auditor_reads_pairs_and_judges_none(app: Flask) -> None:
    first, _second = org("Aube du Sahel"), org("Aube du Sahel")
    found()
    pair = db.session.scalars(select(Resemblance)).one()
    visitor = Browser(app).sign_in(factories.person(Role.AUDITOR))
    visitor.get(f"/organizations/alike/{pair.id}")
    assert "What did you find out?" not in visitor.page.content
    visitor.post(
        f"/organizations/alike/{pair.id}", {"verdict": first.reference, "reason": "x"}, page="/account", status=403
    )
    asia = Browser(app).sign_in(factories.person(Role.REGIONAL_COORDINATOR, regions=["ASI"]))
    asia.get(f"/organizations/alike/{pair.id}", status=404)


def test_a_member_of_a_second_account_is_told_without_learning_which_the_other_is(app: Flask) -> None:
    first, second = org("Aube du Sahel"), org("Aube du Sahel")
    found()
    pair = db.session.scalars(select(Resemblance)).one()
    actions.unite(pair, first, "The same board.", by=factories.person())
    visitor = Browser(app).sign_in(account_queries.members_of(second)[0].person)
    visitor.get(f"/organizations/{second.reference}")
    assert "This account and another one count as one organization" in visitor.page.content
    assert first.reference not in visitor.text
    for mail in mails("accounts_united"):
        assert "Aube" not in mail.subject + (mail.body or "")


# ------------------------------------------------------------------ families of accounts


def pair_of(one: Organization, other: Organization) -> Resemblance:
    first, second = sorted((one.id, other.id))
    rows = db.session.scalars(select(Resemblance)).all()
    return next(row for row in rows if (row.first_id, row.second_id) == (first, second))


def test_three_accounts_of_one_organization_point_to_one_that_counts(app: Flask) -> None:
    a, b, c = (org("Aube du Sahel") for _n in range(3))
    by = factories.person()
    found()
    actions.unite(pair_of(a, b), b, "Same.", by=by)
    actions.unite(pair_of(b, c), c, "Same.", by=by)
    assert [fresh(one).duplicate_of_id for one in (a, b, c)] == [c.id, c.id, None]
    assert account_queries.linked_organizations(fresh(a)) == [a.id, b.id, c.id]
    actions.unite(pair_of(a, c), c, "Same.", by=by)
    actions.distinguish(pair_of(b, c), "No.", by=by)
    assert [fresh(one).duplicate_of_id for one in (a, b, c)] == [c.id, c.id, None]
    actions.distinguish(pair_of(a, c), "No.", by=by)
    assert [fresh(one).duplicate_of_id for one in (a, b, c)] == [None, a.id, None]


def test_the_account_that_counts_is_one_of_the_two(app: Flask) -> None:
    first, second, third = org("Aube du Sahel"), org("Aube du Sahel"), org("Nuit")
    found()
    with pytest.raises(Refused) as refused:
        actions.unite(pair_of(first, second), third, "x", by=factories.person())
    assert codes(refused) == ["main_unknown"]
    with pytest.raises(Refused) as refused:
        actions.unite(pair_of(first, second), first, " ", by=factories.person())
    assert codes(refused) == ["reason_missing"]
    change(first, name="Aube")


accounts_and_pairs = st.integers(2, 8).flatmap(
    lambda n: st.tuples(
        st.just(range(1, n + 1)),
        st.lists(st.tuples(st.integers(1, n), st.integers(1, n)), max_size=12),
        st.dictionaries(st.integers(1, n), st.one_of(st.none(), st.integers(1, n))),
        st.one_of(st.none(), st.integers(1, n)),
    )
)


@given(accounts_and_pairs)
def test_in_every_group_exactly_one_account_counts_and_the_others_point_to_it(
    drawn: tuple[range, list[tuple[int, int]], dict[int, int | None], int | None],
) -> None:
    members, same, standing, chosen = drawn
    counting = rules.accounts_that_count(members, same, standing, chosen)
    assert set(counting) == set(members)
    head = {member: main or member for member, main in counting.items()}
    assert all(counting[main] is None for main in head.values())
    for one, other in same:
        assert head[one] == head[other]
    reachable = {member: {member} for member in members}
    for _round in members:
        for one, other in same:
            together = reachable[one] | reachable[other]
            for member in together:
                reachable[member] |= together
    for member in members:
        assert head[member] in reachable[member]
    if chosen is not None:
        assert counting[chosen] is None


# ------------------------------------------------------------------ what counts for both


def test_one_application_a_call_holds_across_all_accounts_of_an_organization(app: Flask) -> None:
    first, second, other = org("Aube du Sahel"), org("Aube du Sahel"), org("Nuit")
    call = factories.call(opens_at=clock.now() - timedelta(days=1), closes_at=clock.now() + timedelta(days=9))
    by = factories.person()
    begun = applications.start(call, first, language="en", by=by)
    found()
    actions.unite(pair_of(first, second), second, "The same board.", by=by)
    with pytest.raises(Refused) as refused:
        applications.start(call, fresh(second), language="en", by=by)
    assert codes(refused) == ["one_application"]
    assert begun.reference not in str(refused.value.obstacles[0].message)
    assert applications.start(call, other, language="en", by=by).organization_id == other.id
    actions.distinguish(pair_of(first, second), "They are two.", by=by)
    assert applications.start(call, fresh(second), language="en", by=by).organization_id == second.id


def test_of_two_accounts_that_begin_at_once_one_is_refused(live: Flask) -> None:
    first, second = org("Aube du Sahel"), org("Aube du Sahel")
    call = factories.call(opens_at=clock.now() - timedelta(days=1), closes_at=clock.now() + timedelta(days=9))
    by = factories.person()
    found()
    actions.unite(pair_of(first, second), second, "The same board.", by=by)
    db.session.commit()
    together = threading.Barrier(2)

    def begin(organization_id: int) -> str:
        with live.app_context():
            together.wait(timeout=10)
            try:
                with transaction():
                    organization = db.session.get_one(Organization, organization_id)
                    somebody = db.session.get_one(Person, by.id)
                    applications.start(db.session.get_one(Call, call.id), organization, language="en", by=somebody)
            except Refused as refused:
                return refused.obstacles[0].code
            return "begun"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(begin, (first.id, second.id))) == ["begun", "one_application"]


def test_the_check_counts_the_applications_of_all_accounts(app: Flask) -> None:
    first, second = org("Aube du Sahel"), org("Aube du Sahel")
    call, by = factories.call(), factories.person()
    for one in (first, second):
        factories.application(call, one, by, submitted_at=clock.now(), state="submitted")
    assert sent_in_by(first.id, call.id) == 1
    found()
    actions.unite(pair_of(first, second), first, "The same board.", by=by)
    assert sent_in_by(first.id, call.id) == sent_in_by(second.id, call.id) == 2


def test_a_tie_to_one_of_two_accounts_hides_the_pair(app: Flask) -> None:
    first, _second = org("Aube du Sahel"), org("Aube du Sahel")
    found()
    somebody = factories.person(Role.GLOBAL_COORDINATOR)
    assert len(db.session.scalars(scope(somebody, Resemblance)).all()) == 1
    declare_interest(somebody, first, grade=Grade.CONFLICT, reason="A cousin works there.", by=somebody)
    assert db.session.scalars(scope(somebody, Resemblance)).all() == []


def test_accounts_of_one_organization_are_as_confidential_as_the_strictest(app: Flask) -> None:
    first, second = (org("Ligue des Voyageurs") for _n in range(2))
    second.confidentiality_default = Confidentiality.NAME_WITHHELD
    found()
    actions.unite(pair_of(first, second), first, "The same board.", by=factories.person())

    def classes() -> list[str]:
        db.session.flush()
        db.session.expire_all()
        return [first.confidentiality_default, second.confidentiality_default]

    assert classes() == ["name_withheld"] * 2
    first.confidentiality_default = Confidentiality.FULLY_CONFIDENTIAL
    assert classes() == ["fully_confidential"] * 2
    second.confidentiality_default = Confidentiality.NAME_WITHHELD
    assert classes() == ["fully_confidential", "name_withheld"], "each account consents for itself"
