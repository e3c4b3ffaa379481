"""Who stands too close to an applicant without having said so, and that nobody else does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import text

from grants.accounts.models import Membership, Organization, Person, Role
from grants.applications.models import Application
from grants.conflicts import queries
from grants.conflicts.models import ConflictDeclaration, Grade, YearDeclaration
from grants.conflicts.rules import KIND_LABELS
from grants.core import clock
from grants.core.db import db
from grants.core.permissions import scope
from tests.factories import call, organization, person, save
from tests.reviews.rows import case, reviewer

ROLES = (Role.REVIEWER, Role.AUDITOR)


def reader() -> Person:
    """Somebody who reads every application, unless there is a conflict."""
    return person(*ROLES)


def belongs(somebody: Person, **more: object) -> Organization:
    """An organization that somebody belongs to, with another member."""
    return organization(person(), somebody, **more)


def kinds(somebody: Person, application: Application) -> set[str]:
    """The kinds of ties between somebody and an application; the scope and the board say the same."""
    db.session.flush()
    found = db.session.execute(
        text("SELECT kind FROM conflicts(ARRAY[:p]::bigint[], NULL) WHERE application_id = :a"),
        {"p": somebody.id, "a": application.id},
    )
    said = {kind for (kind,) in found}
    assert said <= set(KIND_LABELS)
    hidden = application.id in queries.hidden_ids(somebody, application.call_id)
    tied = bool(queries.in_conflict(somebody, [application.organization_id], call_id=application.call_id))
    seen = db.session.scalar(scope(somebody, Application).where(Application.id == application.id))
    account = db.session.scalar(scope(somebody, Organization).where(Organization.id == application.organization_id))
    assert (hidden, tied, seen is None) == (bool(said), bool(said - {"recused"}), bool(said))
    assert account is None or not tied
    return said


def sponsored(somebody: Person, application: Application) -> None:
    application.organization.fiscal_sponsor_id = belongs(somebody).id


def sponsors(somebody: Person, application: Application) -> None:
    belongs(somebody, fiscal_sponsor_id=application.organization_id)


def sponsored_by_name(somebody: Person, application: Application) -> None:
    application.organization.fiscal_sponsor = belongs(somebody, name="Fondation Port d'Attache").name.upper()


def same_contact(somebody: Person, application: Application) -> None:
    belongs(somebody, email=application.organization.email.upper())


def same_telephone(somebody: Person, application: Application) -> None:
    application.organization.phone = "+221 33 800 00 00"
    belongs(somebody, phone="221-33-8000000")


def own_address(somebody: Person, application: Application) -> None:
    application.organization.email = somebody.email


def shared_member(somebody: Person, application: Application) -> None:
    organization(application.organization.members[0].person, somebody)


def former_member(somebody: Person, application: Application) -> None:
    left = clock.now() - timedelta(days=600)
    tie = {"organization_id": application.organization_id, "person_id": somebody.id}
    save(Membership(role="editor", ended_at=left, **tie))


def another_account(somebody: Person, application: Application) -> None:
    belongs(somebody, duplicate_of_id=application.organization_id)


def third_account(somebody: Person, application: Application) -> None:
    counts = organization(person())
    application.organization.duplicate_of_id = counts.id
    belongs(somebody, duplicate_of_id=counts.id)


def named_partner(somebody: Person, application: Application) -> None:
    application.partners = ["Somebody else", belongs(somebody, name="Réseau  des Côtes").name.lower()]


def named_by_reference(somebody: Person, application: Application) -> None:
    application.partners = [belongs(somebody).reference]


def names_as_partner(somebody: Person, application: Application) -> None:
    mine = belongs(somebody)
    own = case(application.call, lot_key="L3")
    own.organization_id = mine.id
    own.partners = [application.organization.name]


def rival(somebody: Person, application: Application) -> None:
    own = case(application.call)
    own.organization_id = belongs(somebody).id


WAYS: list[tuple[str, Callable[[Person, Application], None]]] = [
    ("sponsor", sponsored),
    ("sponsor", sponsors),
    ("sponsor", sponsored_by_name),
    ("contact", same_contact),
    ("contact", same_telephone),
    ("contact", own_address),
    ("people", shared_member),
    ("member", former_member),
    ("united", another_account),
    ("united", third_account),
    ("partner", named_partner),
    ("partner", named_by_reference),
    ("partner", names_as_partner),
    ("rival", rival),
]


@pytest.mark.parametrize(("kind", "tie"), WAYS, ids=[way.__name__ for _, way in WAYS])
def test_a_computed_tie_hides_the_application_and_no_other(
    app: Flask, kind: str, tie: Callable[[Person, Application], None]
) -> None:
    somebody, stranger = reader(), reader()
    of_call = call()
    application, other = case(of_call), case(of_call, lot_key="L2")
    assert kinds(somebody, application) == set()
    tie(somebody, application)
    assert kinds(somebody, application) == {kind}
    assert kinds(stranger, application) == set()
    assert kinds(somebody, other) == set()


def test_a_shared_contact_is_told_as_what_was_compared(app: Flask) -> None:
    """Of a person the address is compared; the telephone number is that of an organization to which they are tied."""
    said = str(KIND_LABELS["contact"])
    assert said == "Has its e-mail address, or is tied to an organization with the same address or telephone number"


def declare(somebody: Person, about: Organization, grade: Grade, **more: object) -> ConflictDeclaration:
    reason = "A cousin works there" if grade != Grade.NONE else ""
    return save(
        ConflictDeclaration(person_id=somebody.id, organization_id=about.id, grade=grade, reason=reason, **more)
    )


def test_a_declared_conflict_reaches_the_sponsor_and_partners_but_makes_no_rival(app: Flask) -> None:
    somebody, of_call = reader(), call()
    theirs, sponsored_too, rivals, with_them = (case(of_call) for _ in range(4))
    sponsored_too.organization.fiscal_sponsor_id = theirs.organization_id
    with_them.partners = [theirs.organization.name]
    declare(somebody, theirs.organization, Grade.CONFLICT)
    assert [kinds(somebody, one) for one in (theirs, sponsored_too, rivals, with_them)] == [
        {"declared"},
        {"sponsor"},
        set(),
        {"partner"},
    ]


def test_an_organization_named_among_ones_own_for_the_year_makes_rivals(app: Flask) -> None:
    somebody, of_call = reader(), call()
    theirs, rivals, elsewhere = case(of_call), case(of_call), case(of_call, lot_key="L2")
    named = [theirs.organization.name.upper(), elsewhere.organization.reference, "An employer who never applied", "-"]
    save(YearDeclaration(person_id=somebody.id, words="", organizations=named[:1]))
    assert [kinds(somebody, one) for one in (theirs, rivals, elsewhere)] == [{"year"}, {"rival"}, set()]
    save(YearDeclaration(person_id=somebody.id, words="", organizations=named[1:]))
    assert [kinds(somebody, one) for one in (theirs, rivals, elsewhere)] == [set(), set(), {"year"}]


def test_a_later_declaration_takes_back_what_was_declared_and_what_followed_from_it_but_nothing_computed(
    app: Flask,
) -> None:
    somebody, of_call = reader(), call()
    theirs, sponsored_too, own = (case(of_call) for _ in range(3))
    sponsored_too.organization.fiscal_sponsor_id = theirs.organization_id
    another_account(somebody, own)
    other_call = case()
    other_call.organization_id = theirs.organization_id
    declare(somebody, theirs.organization, Grade.CONFLICT)
    declare(somebody, theirs.organization, Grade.NONE, call_id=of_call.id)
    declare(somebody, own.organization, Grade.NONE)
    assert kinds(somebody, other_call) == {"declared"}, "taken back for the one call alone"
    assert kinds(somebody, own) == {"united"}
    assert kinds(somebody, sponsored_too) >= {"rival"}
    assert "sponsor" not in kinds(somebody, sponsored_too)
    assert "declared" not in kinds(somebody, theirs)


def test_a_withdrawn_application_and_an_old_membership_make_no_tie(app: Flask) -> None:
    somebody, of_call = reader(), call()
    application, own = case(of_call), case(of_call)
    own.organization_id = belongs(somebody).id
    own.state = "withdrawn"
    assert kinds(somebody, application) == set()
    left = clock.now() - timedelta(days=750)
    tie = {"organization_id": application.organization_id, "person_id": somebody.id}
    save(Membership(role="editor", ended_at=left, **tie))
    assert kinds(somebody, application) == set()


def test_empty_addresses_and_numbers_are_not_the_same(app: Flask) -> None:
    somebody, application = reader(), case(applicant={"email": "", "phone": "", "name": "..."})
    application.organization.fiscal_sponsor = "-"
    belongs(somebody, email="", phone="", name="!!", fiscal_sponsor="")
    application.partners = ["", "-"]
    assert kinds(somebody, application) == set()


def test_coordinators_with_a_computed_tie_hear_nothing(app: Flask) -> None:
    free, tied = (person(Role.REGIONAL_COORDINATOR, regions=["AFR"]) for _ in range(2))
    application = case()
    same_contact(tied, application)
    assert queries.free_coordinators(application) == [free]


def test_a_reviewer_with_a_computed_tie_cannot_be_asked(app: Flask) -> None:
    somebody, application = reviewer(), case()
    named_partner(somebody, application)
    db.session.flush()
    assert (somebody.id, application.organization_id) in queries.ties_of([somebody.id], application.call_id)
    assert (somebody.id, application.organization_id) not in queries.ties_of([somebody.id], case().call_id)
