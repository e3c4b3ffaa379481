"""What awaits people once something was awarded: before the agreement, in the money, and in what was brought along."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from grants.accounts.models import Person, Role
from grants.awards.models import Agreement, Award, Condition
from grants.awards.workflow import AwardState
from grants.banking.workflow import OrderState
from grants.closeout.models import Erasure
from grants.conflicts.models import Grade
from grants.core import clock
from grants.core.db import db
from grants.diligence.models import AskedOf, Consent, Diligence, Point, SanctionsCheck, SecondLook, Tab
from grants.diligence.workflow import DiligenceState
from grants.home import queries
from grants.home.rules import tasks
from grants.imports.models import AwardImport
from grants.payments.models import RefundRequest
from grants.visits.models import Visit
from tests import factories as make
from tests.banking.files import line
from tests.banking.test_orders import assembled, grant
from tests.banking.test_statements import brought
from tests.http import Browser
from tests.payments.rows import IBAN, SIGNING_DAY, scene
from tests.reviews.rows import declared

TODAY = SIGNING_DAY.date()


@pytest.fixture(autouse=True)
def _in_may(app: Flask) -> Iterator[None]:
    with clock.at(SIGNING_DAY):
        yield


def kinds(person: Person) -> set[str]:
    return {work.kind for work in queries.work_of(person, SIGNING_DAY)}


@pytest.fixture
def world(app: Flask) -> dict[str, Any]:
    """An accepted grant and everybody who may have something to do with it."""
    owner = make.person()
    award = make.award(make.application(make.call(), make.organization(owner), owner), owner, state=AwardState.ACCEPTED)
    return {
        "award": award,
        "owner": owner,
        "coordinator": make.person(Role.REGIONAL_COORDINATOR, regions=["AFR"]),
        "elsewhere": make.person(Role.REGIONAL_COORDINATOR, regions=["ASI"]),
        "officer": make.person(Role.FINANCE_OFFICER),
        "auditor": make.person(Role.AUDITOR),
    }


def waits(world: dict[str, Any], kind: str) -> set[str]:
    """Who of the world has a kind of work waiting."""
    return {name for name, one in world.items() if isinstance(one, Person) and kind in kinds(one)}


def checked(award: Award, by: Person, *points: dict[str, Any]) -> Diligence:
    """A due diligence that was begun, with some points."""
    made: Diligence = make.save(Diligence(award_id=award.id, opened_by_id=by.id))
    for at, point in enumerate(points):
        values = {
            "key": f"p{at}",
            "position": at,
            "label": {"en": "Point"},
            "tab": Tab.DOCUMENTS,
            "asked_of": AskedOf.GRANTEE,
        }
        make.save(Point(diligence_id=made.id, **(values | point)))
    return made


def test_before_the_agreement_each_step_waits_for_who_takes_it(world: dict[str, Any]) -> None:
    award, coordinator = world["award"], world["coordinator"]
    assert waits(world, "begin_diligence") == {"coordinator"}
    assert waits(world, "draw_up_agreement") == set()
    diligence = checked(award, coordinator, {}, {"tab": Tab.BANK, "asked_of": AskedOf.FUND})
    assert waits(world, "begin_diligence") == set()
    assert waits(world, "hand_in_documents") == {"owner"}
    assert waits(world, "judge_points") == set(), "nothing was handed in yet"
    assert waits(world, "judge_bank") == {"officer"}
    document, bank = diligence.points
    document.handed_in_at = clock.now()
    db.session.flush()
    assert waits(world, "hand_in_documents") == set()
    assert waits(world, "judge_points") == {"coordinator"}
    for point, by in ((document, coordinator), (bank, world["officer"])):
        point.verdict, point.judged_by_id, point.judged_at = "ok", by.id, clock.now()
    db.session.flush()
    assert waits(world, "judge_points") == waits(world, "judge_bank") == set()
    assert waits(world, "finish_diligence") == {"coordinator"}
    document.verdict, document.note, document.words = "not_ok", "Old.", "Please send the one of this year."
    db.session.flush()
    assert waits(world, "hand_in_documents") == {"owner"}, "what is asked for again"
    diligence.risk_reason, diligence.risk_judged_at, diligence.risk_judged_by_id = "Fine.", clock.now(), coordinator.id
    diligence.state = DiligenceState.FINISHED
    db.session.flush()
    assert waits(world, "finish_diligence") == waits(world, "hand_in_documents") == set()
    assert waits(world, "draw_up_agreement") == {"coordinator"}


def test_names_that_were_found_wait_for_a_second_person_until_they_were_looked_at(world: dict[str, Any]) -> None:
    found = {
        "list_name": "UN list",
        "list_version": "1",
        "names": ["A"],
        "outcome": "possible",
        "decision": "Looks alike.",
    }
    check = make.save(
        SanctionsCheck(award_id=world["award"].id, needs_look=True, made_by_id=world["coordinator"].id, **found)
    )
    assert waits(world, "second_look") == {"officer"}, "not who searched, nor who has no part in it"
    make.save(
        SecondLook(
            check_id=check.id,
            first_by_id=world["coordinator"].id,
            made_by_id=world["officer"].id,
            cleared=True,
            reason="Another person.",
        )
    )
    assert waits(world, "second_look") == set()


def test_an_agreement_signed_on_paper_waits_for_the_fund_and_no_longer_for_the_grantee(world: dict[str, Any]) -> None:
    award = world["award"]
    award.state = AwardState.SENT
    drawn = {
        "version": 1,
        "language": "en",
        "file_id": make.stored_file().id,
        "drawn_up_by_id": world["coordinator"].id,
    }
    agreement = make.save(Agreement(award_id=award.id, **drawn))
    assert waits(world, "sign_agreement") == {"owner"}
    agreement.copy_id, agreement.copy_by_id = make.stored_file().id, world["owner"].id
    agreement.copy_at, agreement.copy_signed_on = clock.now(), TODAY
    db.session.flush()
    assert waits(world, "sign_agreement") == set()
    assert waits(world, "countersign") == {"coordinator"}


def test_consent_refunds_and_conditions_wait_for_whom_they_were_asked_of(world: dict[str, Any]) -> None:
    award, coordinator, officer = world["award"], world["coordinator"], world["officer"]
    award.state = AwardState.ACTIVE
    asked = {"award_id": award.id, "reason": "To publish it.", "asked_by_id": coordinator.id}
    make.save(Consent(from_class="name_withheld", to_class="public", **asked))
    assert waits(world, "answer_consent") == {"owner"}
    money = {"amount_minor": 5_000, "currency": "EUR", "due_on": TODAY - timedelta(days=1)}
    make.save(RefundRequest(**(asked | money)))
    assert waits(world, "pay_back") == {"owner"}
    assert waits(world, "chase_refund") == {"officer"}
    make.save(Condition(award_id=award.id, text="Look at the accounts", owner_id=officer.id, due_on=TODAY))
    make.save(
        Condition(award_id=award.id, text="In a year", owner_id=coordinator.id, due_on=TODAY + timedelta(days=365))
    )
    assert waits(world, "meet_condition") == {"officer"}


@pytest.mark.parametrize("state", [AwardState.REFUSED, AwardState.LAPSED])
def test_nothing_of_an_offer_that_came_to_nothing_waits_for_anybody(world: dict[str, Any], state: AwardState) -> None:
    award, coordinator = world["award"], world["coordinator"]
    award.state = AwardState.SENT
    asked = {"award_id": award.id, "reason": "To publish it.", "asked_by_id": coordinator.id}
    make.save(Consent(from_class="name_withheld", to_class="public", **asked))
    planned = {"award_id": award.id, "number": 1, "kind": "on_site", "purpose": "See the work", "due_on": TODAY}
    make.save(Visit(lead_id=coordinator.id, **planned))
    assert (waits(world, "answer_consent"), waits(world, "make_visit")) == ({"owner"}, {"coordinator"})
    award.state = state
    db.session.flush()
    assert (waits(world, "answer_consent"), waits(world, "make_visit")) == (set(), set())


def test_an_erasure_waits_for_another_coordinator_than_who_proposed_it(world: dict[str, Any]) -> None:
    award = world["award"]
    second = make.person(Role.REGIONAL_COORDINATOR, regions=[award.region])
    erasure = make.save(Erasure(award_id=award.id, proposed_by_id=second.id))
    assert waits(world, "confirm_erasure") == {"coordinator"}
    assert "confirm_erasure" not in kinds(second)
    erasure.state, erasure.ended_at, erasure.ended_by_id = "withdrawn", clock.now(), second.id
    db.session.flush()
    assert waits(world, "confirm_erasure") == set()


def test_orders_wait_for_another_officer_and_what_stands_in_one_is_not_sent_by_hand(app: Flask) -> None:
    made = grant(IBAN)
    first, second = made.officers[:2]
    tied = make.person(Role.FINANCE_OFFICER)
    declared(tied, made.award.application, Grade.CONFLICT, "A cousin.")
    assert "send_payment" in kinds(first)
    order = assembled(made)
    assert not {"send_payment", "release_order"} & kinds(first)
    assert "release_order" in kinds(second)
    assert "release_order" not in kinds(tied)
    order.state = OrderState.DISSOLVED
    for one in order.lines:
        one.stands = False
    db.session.flush()
    assert "send_payment" in kinds(second)
    assert "release_order" not in kinds(second)


def test_statements_wait_until_they_are_in_the_books_and_imports_until_they_are_finished(world: dict[str, Any]) -> None:
    made = scene()
    statement = brought(made, line("100.00"))
    assert waits(world, "take_in_statement") == {"officer"}
    statement.state = "applied"
    db.session.flush()
    assert waits(world, "take_in_statement") == set()
    world["global"] = make.person(Role.GLOBAL_COORDINATOR)
    table = {"header": [], "header_fingerprint": "", "layout": {}, "file_id": make.stored_file("old.csv").id}
    make.save(AwardImport(programme="Seed fund", **table))
    assert waits(world, "finish_import") == {"global"}


def test_what_is_hidden_from_somebody_does_not_wait_for_them(world: dict[str, Any]) -> None:
    award = world["award"]
    world["tied"] = make.person(Role.FINANCE_OFFICER)
    world["tied_here"] = make.person(Role.REGIONAL_COORDINATOR, regions=["AFR"])
    for name in ("tied", "tied_here"):
        declared(world[name], award.application, Grade.CONFLICT, "A cousin.")
    checked(award, world["coordinator"], {"asked_of": AskedOf.FUND}, {"tab": Tab.BANK, "asked_of": AskedOf.FUND})
    assert waits(world, "judge_points") == {"coordinator"}
    assert waits(world, "judge_bank") == {"officer"}


def test_who_is_both_reads_each_thing_once_and_every_line_leads_to_its_page(
    world: dict[str, Any], browser: Browser
) -> None:
    both = make.person(Role.FINANCE_OFFICER, Role.REGIONAL_COORDINATOR, regions=["AFR"])
    award = world["award"]
    checked(award, world["coordinator"], {"asked_of": AskedOf.FUND})
    make.save(Condition(award_id=award.id, text="Look at the accounts", owner_id=both.id, due_on=TODAY))
    found = [work.kind for work in queries.work_of(both, SIGNING_DAY) if work.reference == award.reference]
    assert sorted(found) == ["judge_points", "meet_condition"]
    browser.sign_in(both).get("/")
    for task in tasks(queries.work_of(both, SIGNING_DAY), SIGNING_DAY):
        with browser.app.test_request_context():
            address = browser.app.url_for(task.page[0], **task.page[1])
        browser.get(address)


def test_a_home_is_read_with_the_same_queries_however_much_waits(world: dict[str, Any], browser: Browser) -> None:
    counts, seen = [], []
    browser.sign_in(world["officer"])
    event.listen(db.session.connection(), "before_cursor_execute", lambda *args: seen.append(args[2]))
    for number in (1, 12):
        for _ in range(number):
            make.save(Condition(award_id=world["award"].id, text="Look", owner_id=world["officer"].id, due_on=TODAY))
        db.session.commit()
        seen.clear()
        browser.get("/")
        counts.append(len(seen))
    assert counts[0] == counts[1]
