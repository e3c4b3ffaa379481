"""Administrators and finance officers: one administrator proposes, another confirms, and the database insists."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from grants.accounts import actions
from grants.accounts.models import TAKES_TWO, Person, Role, RoleGrant, RoleProposal
from grants.core import clock
from grants.core.db import db, transaction
from grants.core.mail import OutboxMail
from grants.core.rules import Refused
from tests import factories
from tests.accounts.conftest import fresh
from tests.http import Browser


def grants_of(person: Person) -> list[RoleGrant]:
    return list(db.session.scalars(select(RoleGrant).where(RoleGrant.person_id == person.id)))


def proposal_of(person: Person) -> RoleProposal:
    return db.session.scalars(select(RoleProposal).where(RoleProposal.person_id == person.id)).one()


def asked(person: Person) -> list[str]:
    found = select(OutboxMail.about).where(OutboxMail.to_person_id == person.id, OutboxMail.kind == "role_to_confirm")
    return [about or "" for about in db.session.scalars(found)]


def codes(refused: pytest.ExceptionInfo[Refused]) -> list[str]:
    return [obstacle.code for obstacle in refused.value.obstacles]


@pytest.mark.parametrize("role", TAKES_TWO)
def test_one_administrator_proposes_and_another_confirms(app: Flask, role: Role) -> None:
    first, second, somebody = (
        factories.person(Role.ADMINISTRATOR),
        factories.person(Role.ADMINISTRATOR),
        factories.person(),
    )
    page = f"/people/{somebody.reference}"
    proposer = Browser(app).sign_in(first)
    proposer.post(f"{page}/roles", {"role": role}, page=page, status=302)
    proposer.follow()
    assert "Another administrator is asked to confirm" in proposer.text
    assert grants_of(somebody) == []
    assert (asked(second), asked(first)) == ([somebody.reference], [])

    proposal = proposal_of(somebody)
    confirm = f"{page}/proposals/{proposal.id}/confirm"
    proposer.get(page)
    assert "Another administrator confirms this role." in proposer.text
    proposer.post(confirm, page=page, status=409)
    assert grants_of(somebody) == []

    other = Browser(app).sign_in(second)
    other.get("/")
    assert "Confirm a role that another administrator proposed" in other.text
    other.post(confirm, page=page, status=302)
    [granted] = grants_of(somebody)
    assert (granted.role, granted.proposed_by_id, granted.granted_by_id) == (role, first.id, second.id)
    other.get(page)
    assert f"proposed by {first.name}" in other.text
    other.post(confirm, page=page, status=409)
    assert len(grants_of(somebody)) == 1


def test_whoever_is_invited_to_such_a_role_gets_the_link_when_it_is_confirmed(app: Flask) -> None:
    first, second = factories.person(Role.ADMINISTRATOR), factories.person(Role.ADMINISTRATOR)
    new = {"name": "Amina Fictional", "email": "amina@example.org", "language": "fr", "role": "finance_officer"}
    Browser(app).sign_in(first).post("/people/invite", new, page="/people/invite", status=302)
    invited = db.session.scalars(select(Person).where(Person.email == "amina@example.org")).one()
    opened = select(OutboxMail).where(OutboxMail.to_person_id == invited.id)
    assert (grants_of(invited), db.session.scalars(opened).all()) == ([], [])
    actions.confirm_role(proposal_of(invited), by=fresh(second))
    assert [mail.kind for mail in db.session.scalars(opened)] == ["account_opened"]


def test_it_is_withdrawn_by_who_proposed_it_or_refused_by_another(app: Flask) -> None:
    first, second = factories.person(Role.ADMINISTRATOR), factories.person(Role.ADMINISTRATOR)
    for who, word in ((first, "Withdraw"), (second, "Do not give it")):
        somebody = factories.person()
        actions.give_role(somebody, Role.FINANCE_OFFICER, regions=[], by=first)
        db.session.commit()
        page = f"/people/{somebody.reference}"
        visitor = Browser(app).sign_in(who)
        visitor.get(page)
        assert word in visitor.text
        visitor.post(f"{page}/proposals/{proposal_of(somebody).id}/drop", page=page, status=302)
        assert grants_of(somebody) == []
        with pytest.raises(Refused) as refused:
            actions.confirm_role(proposal_of(somebody), by=second)
        assert codes(refused) == ["answered_already"]
        actions.give_role(somebody, Role.FINANCE_OFFICER, regions=[], by=first)
        with pytest.raises(Refused) as refused:
            actions.give_role(somebody, Role.FINANCE_OFFICER, regions=[], by=second)
        assert codes(refused) == ["proposed_already"]


def test_nobody_confirms_their_own_role_and_others_never_may(app: Flask) -> None:
    first, second = factories.person(Role.ADMINISTRATOR), factories.person(Role.ADMINISTRATOR)
    actions.give_role(second, Role.FINANCE_OFFICER, regions=[], by=first)
    proposal = proposal_of(second)
    with pytest.raises(Refused) as refused:
        actions.confirm_role(proposal, by=second)
    assert "own_role" in codes(refused)
    db.session.commit()
    page = f"/people/{second.reference}"
    Browser(app).sign_in(second).post(f"{page}/proposals/{proposal.id}/confirm", page=page, status=403)
    auditor = Browser(app).sign_in(factories.person(Role.AUDITOR))
    auditor.get(page)
    assert "Proposed: " in auditor.text
    assert "Confirm the role" not in auditor.text
    auditor.post(f"{page}/proposals/{proposal.id}/confirm", page=page, status=403)


@pytest.mark.parametrize("role", TAKES_TWO)
def test_the_database_refuses_what_one_person_gives_alone(app: Flask, role: Role) -> None:
    first, second, somebody = (
        factories.person(Role.ADMINISTRATOR),
        factories.person(Role.ADMINISTRATOR),
        factories.person(),
    )
    for proposed_by in (None, first.id):
        given: dict[str, Any] = {"role": role, "proposed_by_id": proposed_by, "granted_by_id": first.id}
        with pytest.raises(DBAPIError, match="confirmed by another"), db.session.begin_nested():
            factories.save(RoleGrant(person_id=somebody.id, **given))
    actions.give_role(somebody, role, regions=[], by=first)
    answered = {"confirmed": True, "answered_at": clock.now()}
    for answered_by in (first.id, somebody.id):
        with pytest.raises(IntegrityError), db.session.begin_nested():
            db.session.execute(update(RoleProposal).values(answered_by_id=answered_by, **answered))
    db.session.execute(update(RoleProposal).values(answered_by_id=second.id, **answered))


def test_two_administrators_who_act_in_the_same_second_meet_a_sentence(live: Flask) -> None:
    with transaction():
        three = [factories.person(Role.ADMINISTRATOR) for _ in range(3)]
        somebody = factories.person()
        ids, about = [one.id for one in three], somebody.id

    def at_once(act: Callable[[Person], object]) -> list[str]:
        together = Barrier(2)

        def one(person_id: int) -> str:
            with live.app_context():
                try:
                    together.wait(10)
                    with transaction():
                        act(db.session.get_one(Person, person_id))
                except Refused as refusal:
                    return refusal.obstacles[0].code
                finally:
                    db.session.remove()
                return "done"

        with ThreadPoolExecutor(2) as pool:
            return sorted(pool.map(one, ids[:2]))

    def propose(by: Person) -> object:
        return actions.give_role(db.session.get_one(Person, about), Role.FINANCE_OFFICER, regions=[], by=by)

    ended = at_once(propose)
    assert ended[1] == "done" or ended[0] == "done"
    assert len(set(ended)) == 2, ended
    proposal_id = proposal_of(db.session.get_one(Person, about)).id
    ended = at_once(lambda by: actions.drop_proposal(db.session.get_one(RoleProposal, proposal_id), by=by))
    assert len(set(ended)) == 2, ended
