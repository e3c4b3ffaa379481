"""Declaring for a call before anybody is named, and for a year; what follows at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from grants.accounts.models import Person, Role
from grants.applications.models import Application
from grants.conflicts import queries as conflicts
from grants.conflicts.models import ConflictDeclaration, Grade, YearDeclaration
from grants.core import clock
from grants.core.rules import Refused
from grants.decisions import actions as decisions
from grants.declarations import actions
from grants.history.models import HistoryEntry
from grants.home.queries import work_of
from grants.reviews.models import Assignment, Review
from grants.reviews.queries import applicants_to_declare
from grants.reviews.workflow import AssignmentState
from tests.decisions.rows import coordinator, members, session_of
from tests.factories import call, db, person, save
from tests.http import Browser
from tests.reviews.canaries import blind_call
from tests.reviews.rows import assignment, case, counted, declared, reviewed, reviewer

COUSIN = "A cousin works there."


def asked(application: Application, somebody: Person | None = None) -> Assignment:
    return assignment(application, somebody or reviewer(), state=AssignmentState.ASKED)


def named(applicant: str, **more: object) -> Application:
    return case(applicant={"name": applicant}, **more)


def test_before_the_declaration_the_applicant_is_named_on_its_page_alone(app: Flask, browser: Browser) -> None:
    of_call = call()
    mine, other = (case(of_call, applicant={"name": f"Canary House {n}"}, title="Canary song") for n in "AB")
    one = asked(mine)
    mine_reference, form, review = mine.reference, f"/calls/{of_call.reference}/declaration", f"/reviews/{one.id}"
    theirs, ours = other.organization.reference, mine.organization.reference
    browser.sign_in(one.reviewer)
    for page in ("/", "/reviews", review):
        browser.get(page)
        assert "anary" not in browser.text, page
    assert mine_reference in browser.text
    assert "Africa" in browser.text
    browser.post(f"{review}/declare", {"grade": "none"}, page=review, status=409)
    browser.get(form)
    assert "Canary House A" in browser.text
    assert "Canary House B" in browser.text
    assert mine_reference not in browser.text
    assert "Canary song" not in browser.text
    browser.post(form, {f"grade_{theirs}": "conflict", f"grade_{ours}": "knows"}, page=form, status=422)
    assert "Please describe the tie in a sentence." in browser.text
    marked = {f"grade_{theirs}": "conflict", f"reason_{theirs}": COUSIN, f"grade_{ours}": "knows"}
    browser.post(form, marked | {f"reason_{ours}": "We met.", "none": "yes"}, page=form, status=422)
    assert "You marked a tie" in browser.text
    browser.post(form, marked | {f"reason_{ours}": "We met."}, page=form, status=302)
    browser.get("/reviews")
    assert "Canary House A" in browser.text
    browser.get(review)
    assert "We met." in browser.text, "what was declared stands in the form"
    browser.post(f"{review}/declare", {"grade": "knows", "reason": "We met."}, page=review, status=302)
    for page in ("/", "/reviews", form, "/reviews/interests"):
        browser.get(page)
        assert "Canary House B" not in browser.text, page


def test_one_click_declares_no_tie_to_all_and_another_applicant_is_asked_about_alone(
    app: Flask, browser: Browser
) -> None:
    of_call = call()
    first, second = case(of_call), case(of_call)
    somebody, name = asked(first).reviewer, first.organization.name
    form, reference = f"/calls/{of_call.reference}/declaration", of_call.reference
    shown = {f"grade_{one.organization.reference}": "none" for one in (first, second)}
    browser.sign_in(somebody)
    browser.get(form)
    unseen = case(db.session.merge(of_call), applicant={"name": "Unseen House"}).organization.reference
    browser.post(form, shown | {"none": "yes"}, status=302)
    said = db.session.query(ConflictDeclaration).order_by(ConflictDeclaration.id).all()
    assert {(one.organization_id, one.grade, one.person_id) for one in said} == {
        (first.organization_id, "none", somebody.id),
        (second.organization_id, "none", somebody.id),
    }
    note = db.session.query(HistoryEntry).filter_by(subject_kind="interest").one()
    assert (note.verb, note.actor_id, note.details) == (
        "declare_others",
        somebody.id,
        {"call": reference, "organizations": 2},
    )
    browser.get(form)
    assert "Unseen House" in browser.text, "nobody said anything of who was not on the page"
    shown = {f"grade_{unseen}": "none"}
    browser.post(form, shown | {"none": "yes"}, page=form, status=302)
    browser.get(form)
    assert "There is nothing to declare." in browser.text
    late = case(db.session.merge(of_call), applicant={"name": "Late House"})
    browser.get(form)
    assert "Late House" in browser.text
    assert name not in browser.text
    new = asked(db.session.merge(late), db.session.merge(somebody))
    browser.get(f"/reviews/{new.id}")
    assert "Late House" not in browser.text


@pytest.mark.parametrize("who", ["stranger", "blind", "coordinator", "done"])
def test_whom_it_does_not_concern_reads_no_names(app: Flask, browser: Browser, who: str) -> None:
    of_call = blind_call(blind=who == "blind")
    one = asked(case(of_call, applicant={"name": "Canary House"}))
    other = case(of_call)
    visitor = {
        "stranger": reviewer,
        "blind": lambda: one.reviewer,
        "done": lambda: reviewed(other).reviewer,
        "coordinator": coordinator,
    }[who]()
    browser.sign_in(visitor)
    browser.get(f"/calls/{of_call.reference}/declaration", 403 if who == "coordinator" else 404)
    assert "anary" not in browser.text


def test_a_committee_member_declares_for_the_call_of_the_meeting(app: Flask, browser: Browser) -> None:
    of_call = call()
    somebody = members(2)
    session_of(of_call, somebody)
    application = case(of_call, applicant={"name": "Canary House"})
    form, organization = f"/calls/{of_call.reference}/declaration", application.organization.reference
    browser.sign_in(somebody[0])
    browser.post(form, {f"grade_{organization}": "conflict", f"reason_{organization}": COUSIN}, page=form, status=302)
    browser.follow()
    assert "anary" not in browser.text
    assert conflicts.hidden_ids(somebody[0], of_call.id) == {application.id}
    assert conflicts.hidden_ids(somebody[1], of_call.id) == set()


def test_a_conflict_declared_for_a_call_after_scoring_voids_the_score_and_keeps_it(app: Flask) -> None:
    one = reviewed(case())
    application, somebody = one.application, one.reviewer
    about = [application.organization]
    tie = {application.organization_id: (Grade.CONFLICT, COUSIN)}
    actions.declare_for_call(somebody, application.call, tie, about, by=somebody)
    review = db.session.get_one(Review, one.review.id)
    assert (one.state, review.total, len(review.scores)) == (AssignmentState.RECUSED, 80, 2)
    assert review.voided_at is not None


def test_the_declaration_of_a_year_closes_what_it_touches(app: Flask) -> None:
    of_call = call()
    own, rival, elsewhere = case(of_call), case(of_call), case(of_call, lot_key="L2")
    somebody = reviewer()
    live = {one.id: assignment(one, somebody) for one in (own, rival, elsewhere)}
    name = f"  {own.organization.name.upper()}  "
    declaration = actions.declare_for_year(
        somebody, words="I sit on its board.", organizations=[name, name, "Unknown", ""], by=somebody
    )
    assert declaration.organizations == [own.organization.name.upper(), "Unknown"]
    states = {key: one.state for key, one in live.items()}
    assert states == {own.id: "recused", rival.id: "recused", elsewhere.id: "accepted"}
    assert conflicts.hidden_ids(somebody, of_call.id) == {own.id, rival.id}
    with pytest.raises(Refused):
        actions.declare_for_year(somebody, words=" ", organizations=[" "], by=somebody)


def test_a_declaration_holds_for_a_year_and_then_is_asked_for_again(app: Flask, browser: Browser) -> None:
    at = datetime(2027, 3, 10, 9, tzinfo=UTC)
    judge, other = person(Role.COMMITTEE_MEMBER), person(Role.FINANCE_OFFICER)

    def waits(moment: datetime, somebody: Person = judge) -> bool:
        return "declare_year" in {work.kind for work in work_of(somebody, moment)}

    assert waits(at)
    assert not waits(at, other)
    save(YearDeclaration(person_id=judge.id, words="None", organizations=[], declared_at=at))
    assert not waits(at + timedelta(days=364))
    assert waits(at + timedelta(days=366))
    with clock.at(at + timedelta(days=400)):
        browser.sign_in(judge).get("/declarations/year")
    assert "Last made on" in browser.text
    browser.post("/declarations/year", {"words": "", "organizations": ""}, page="/declarations/year", status=422)
    typed = {"words": "I work for one.", "organizations": "A house\nAnother house\n"}
    browser.post("/declarations/year", typed, page="/declarations/year", status=302)
    made = conflicts.year_declaration_of(judge)
    assert (made.words, made.organizations) == ("I work for one.", ["A house", "Another house"])


def test_ten_applicants_and_fifty_cost_the_same_queries(app: Flask, browser: Browser) -> None:
    of_call = call()
    somebody = asked(case(of_call)).reviewer
    browser.sign_in(somebody)
    form, counts = f"/calls/{of_call.reference}/declaration", []
    for number in (10, 40):
        for _ in range(number):
            case(db.session.merge(of_call))
        statements: list[str] = []
        with counted(statements):
            browser.get(form)
        counts.append(len(statements))
    assert 0 < counts[0] == counts[1]
    assert len(applicants_to_declare(db.session.merge(somebody), of_call.id)) == 51


@pytest.mark.parametrize("age", [None, 366])
def test_nobody_takes_on_a_review_before_the_declaration_of_the_year(
    app: Flask, browser: Browser, age: int | None
) -> None:
    at = datetime(2027, 3, 10, 9, tzinfo=UTC)
    with clock.at(at):
        somebody = person(Role.REVIEWER)
        if age is not None:
            of_year = {"words": "None", "organizations": [], "declared_at": at - timedelta(days=age)}
            save(YearDeclaration(person_id=somebody.id, **of_year))
        one = asked(named("Canary House"), somebody)
        declared(somebody, one.application)
        with pytest.raises(Refused) as refused:
            decisions.accept_review(one, grade=Grade.NONE, reason="", by=somebody)
        assert [obstacle.code for obstacle in refused.value.obstacles] == ["declare_year"]
        page = f"/reviews/{one.id}"
        browser.sign_in(somebody).get(page)
        assert "anary" not in browser.text
        assert "/declarations/year" in browser.page.links
        typed = {"words": "None.", "organizations": ""}
        browser.post("/declarations/year", typed, page="/declarations/year", status=302)
        browser.get(page)
        assert "Canary House" in browser.text
        browser.post(f"{page}/declare", {"grade": "none"}, page=page, status=302)
