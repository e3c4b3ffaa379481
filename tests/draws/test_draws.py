"""The draw near the money line: who takes part, that its seed is bound before, and that anybody can compute it again."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from grants import cli
from grants.accounts.models import Person, Role
from grants.applications.models import Application
from grants.calls.models import Call
from grants.core import clock
from grants.core.db import db
from grants.core.rules import Refused
from grants.decisions import actions as decisions
from grants.decisions.models import Meeting
from grants.decisions.rules import Ranked, ranking
from grants.draws import actions
from grants.draws.models import Draw
from grants.draws.queries import published_of
from grants.draws.rules import drawn, fingerprint, holds, near_the_line
from grants.draws.workflow import DrawState
from grants.history.models import HistoryEntry
from grants.reviews.models import Assignment
from grants.reviews.queries import standing_of
from tests.decisions.rows import AT, coordinator, decided, members, scored, session_of
from tests.factories import call, person
from tests.http import Browser
from tests.reviews.rows import case, reviewed

SEED = "5f" * 32


@pytest.fixture(autouse=True)
def _on_the_day_of_the_meeting(app: Flask):
    with clock.at(AT):
        yield


def grid(**more: Any) -> dict[str, Any]:
    """The grid of calls in tests, with another rule for equals."""
    return {
        "scale": {"min": 1, "max": 5, "step": 1, "comment_required_for": []},
        "sections": [{"id": key, "max": most, "title": {"en": key}} for key, most in (("A", 20), ("B", 80))],
        "thresholds": {"total": 30},
        "assessors": {"independent_reviews": 2, "third_review_if": []},
        "tie_break": ["lower_requested_amount"],
    } | more


def equals(number: int = 4, **more: Any) -> Call:
    """A call with money for the best, and for two of ``number`` that nothing tells apart; one stands below them."""
    of_call = call(envelope_minor=3_000_000, **more)
    scored(of_call, 5, 5, reference="APP-BEST", requested_minor=1_000_000)
    for n in range(number):
        scored(of_call, 4, 4, reference=f"APP-E{n}", requested_minor=1_000_000)
    scored(of_call, 3, 4, reference="APP-LAST", requested_minor=1_000_000)
    return of_call


def group(of_call: Call) -> list[str]:
    return [place.application.reference for place in near_the_line(ranking(of_call, standing_of(of_call)))]


LOTTERY = ["lower_requested_amount", "published_lottery"]
EQUALS = {f"APP-E{n}" for n in range(4)}


EVERY = EQUALS | {"APP-BEST", "APP-LAST"}


@pytest.mark.parametrize(
    ("number", "rule", "expected"),
    [
        (4, {"tie_break": LOTTERY}, EQUALS),
        (4, {}, set()),
        (2, {"tie_break": LOTTERY}, set()),
        (4, {"draw_near_line": {"within_points": 3}}, EQUALS),
        (4, {"draw_near_line": {"within_points": 4}}, EQUALS | {"APP-LAST"}),
        (4, {"draw_near_line": {"within_points": 20}}, EVERY),
        (0, {"draw_near_line": {"within_points": 40}}, set()),
        (4, {"draw_near_line": {}, "tie_break": LOTTERY}, EQUALS),
    ],
    ids=["lottery", "not announced", "money for both", "3 points", "4 points", "20 points", "money for all", "emptied"],
)
def test_equals_around_the_money_line_take_part_when_the_call_announced_it(
    app: Flask, number: int, rule: dict[str, Any], expected: set[str]
) -> None:
    assert set(group(equals(number, grid=grid(**rule)))) == expected


def test_the_order_is_that_of_the_digests_of_seed_call_and_application() -> None:
    by_hand = sorted(("A", "B", "C"), key=lambda one: hashlib.sha256(f"{SEED}|C-1|{one}".encode()).hexdigest())
    assert [one for one, _lot in drawn(SEED, "C-1", ["C", "A", "B"])] == by_hand
    assert fingerprint(SEED) == hashlib.sha256(SEED.encode()).hexdigest()


@given(st.sets(st.text(min_size=1), max_size=8), st.text(), st.data())
def test_leaving_one_out_does_not_change_the_order_of_the_others(references: set[str], seed: str, chosen: Any) -> None:
    some = set(chosen.draw(st.lists(st.sampled_from(sorted(references))))) if references else set()
    order = [one for one, _lot in drawn(seed, "C", references)]
    assert [one for one, _lot in drawn(seed, "C", some)] == [one for one in order if one in some]


def test_the_seed_is_bound_before_and_disclosed_by_the_draw(app: Flask) -> None:
    of_call, by = equals(grid=grid(tie_break=LOTTERY)), coordinator()
    draw = actions.bind(of_call, by=by)
    assert (draw.state, draw.seed) == (DrawState.BOUND, None)
    entry = db.session.query(HistoryEntry).filter_by(subject_kind="draw", verb="bind").one()
    assert entry.details == {"call": of_call.reference, "fingerprint": draw.fingerprint}
    with pytest.raises(Refused, match="bound already"):
        actions.bind(of_call, by=by)
    actions.draw(of_call, by=by)
    assert draw.state == DrawState.DRAWN
    assert draw.seed is not None
    assert fingerprint(draw.seed) == draw.fingerprint
    assert holds(draw)
    assert {line["reference"] for line in draw.lines} == EQUALS
    with pytest.raises(Refused, match="There is one draw in a call"):
        actions.draw(of_call, by=by)
    draw.lines = draw.lines[::-1]
    assert not holds(draw), "an order that the seed does not give is noticed"


def test_who_was_drawn_keep_together_the_places_they_had(app: Flask) -> None:
    of_call = equals(grid=grid(tie_break=LOTTERY))
    actions.bind(of_call, by=coordinator())
    draw = actions.draw(of_call, by=coordinator())
    places = ranking(of_call, standing_of(of_call)).ranked
    came_out = [line["reference"] for line in draw.lines]
    assert names(places) == ["APP-BEST", *came_out, "APP-LAST"]
    assert [place.above_line for place in places] == [True, True, True, False, False, False]
    before = {line["reference"]: line["rank"] for line in draw.lines}
    assert all((place.by_reviews or place.rank) == before.get(name(place), place.rank) for place in places)
    hidden = {one(came_out[1]).id}
    without = ranking(of_call, standing_of(of_call), hidden=hidden).ranked
    assert names(without) == ["APP-BEST", *came_out[:1], *came_out[2:], "APP-LAST"]


def test_the_draw_says_who_is_awarded_by_the_ranking_alone(app: Flask) -> None:
    of_call, people = equals(grid=grid(tie_break=LOTTERY)), members()
    actions.bind(of_call, by=coordinator())
    came_out = [line["reference"] for line in actions.draw(of_call, by=coordinator()).lines]
    meeting = session_of(of_call, people)
    winners = [decided(meeting, one(reference), people, "award") for reference in came_out[:2]]
    assert {decision.state for decision in winners} == {"taken"}
    with pytest.raises(Refused, match="write down why"):
        decided(meeting, one(came_out[2]), people, "award", reason="")


def test_who_has_other_points_after_the_draw_stands_where_those_say(app: Flask) -> None:
    of_call = equals(grid=grid(tie_break=LOTTERY))
    actions.bind(of_call, by=coordinator())
    came_out = [line["reference"] for line in actions.draw(of_call, by=coordinator()).lines]
    better = came_out[-1]
    for _ in range(2):
        reviewed(one(better), 5, 5)
    for review in (
        db.session.query(Assignment).filter_by(application_id=one(better).id).order_by(Assignment.id).limit(2)
    ):
        review.state = "replaced"
    db.session.flush()
    places = names(ranking(of_call, standing_of(of_call)).ranked)
    assert set(places[:2]) == {"APP-BEST", better}
    assert places[2:] == [*came_out[:-1], "APP-LAST"]


def name(place: Ranked) -> str:
    return place.application.reference


def names(places: list[Ranked]) -> list[str]:
    return [name(place) for place in places]


@pytest.mark.parametrize(
    ("happens", "said"),
    [
        (case, "still waits for reviews"),
        (lambda of_call: decided_about("APP-E1", of_call), "has decided about one of those"),
        (lambda of_call: setattr(of_call, "envelope_minor", 9_000_000), "does not cut through equals"),
    ],
)
def test_it_is_not_drawn_while_the_list_can_change(app: Flask, happens: Any, said: str) -> None:
    of_call = equals(grid=grid(tie_break=LOTTERY))
    with pytest.raises(Refused, match="bind the seed first"):
        actions.draw(of_call, by=coordinator())
    actions.bind(of_call, by=coordinator())
    happens(of_call)
    db.session.flush()
    with pytest.raises(Refused, match=said):
        actions.draw(of_call, by=coordinator())


def decided_about(reference: str, of_call: Call) -> None:
    people = members()
    application = db.session.query(Application).filter_by(reference=reference).one()
    decided(session_of(of_call, people), application, people, "decline", reason="Not this time.")


def test_no_seed_is_bound_where_no_draw_was_announced_or_applications_still_come(app: Flask) -> None:
    with pytest.raises(Refused, match="did not announce a draw"):
        actions.bind(call(grid=grid()), by=coordinator())
    of_call = equals(grid=grid(tie_break=LOTTERY))
    with clock.at(of_call.opens_at), pytest.raises(Refused, match="after the deadline"):
        actions.bind(of_call, by=coordinator())
    session_of(of_call, members())
    with pytest.raises(Refused, match="The committee has met"):
        actions.bind(of_call, by=coordinator())


def test_the_command_computes_it_again_from_the_seed_and_from_the_record(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*words: str) -> Any:
        done = CliRunner().invoke(cli.grants, ["decisions", "draw", *words, "--json"], catch_exceptions=False)
        return json.loads(done.output)

    order = [{"application": one, "lot": its} for one, its in drawn(SEED, "C-1", ["B", "A"])]
    assert run("C-1", "A", "B", "--seed", SEED) == {
        "call": "C-1",
        "fingerprint": fingerprint(SEED),
        "seed": SEED,
        "order": order,
    }
    monkeypatch.setattr(cli, "_application", app.app_context)
    of_call = equals(grid=grid(tie_break=LOTTERY))
    draw = actions.bind(of_call, by=coordinator())
    with pytest.raises(cli.CannotRun, match="Nothing has been drawn"):
        run(of_call.reference)
    actions.draw(of_call, by=coordinator())
    db.session.flush()
    told = run(of_call.reference)
    assert (told["seed"], told["fingerprint"]) == (draw.seed, draw.fingerprint)
    assert [one["application"] for one in told["order"]] == [line["reference"] for line in draw.lines]
    assert run(of_call.reference, *sorted(EQUALS), "--seed", draw.seed) == told
    proposal = CliRunner().invoke(cli.grants, ["decisions", "propose", of_call.reference, "--json"])
    assert json.loads(proposal.output)["awards"] == ["APP-BEST", *(line["reference"] for line in draw.lines[:2])]
    draw.lines = draw.lines[::-1]
    db.session.flush()
    with pytest.raises(cli.CannotRun, match="not what its seed gives"):
        run(of_call.reference)


def test_the_pages_lead_from_the_announcement_to_the_seed(app: Flask, browser: Browser) -> None:
    reference = equals(grid=grid(tie_break=LOTTERY)).reference
    page, public = f"/calls/{reference}/draw", f"/calls/{reference}"
    visitor = Browser(app)
    visitor.get(public)
    assert "Its seed is bound before and disclosed after" in visitor.page.text
    browser.sign_in(coordinator()).get(page)
    assert {one for one in EQUALS if one in browser.text} == EQUALS
    assert browser.page.obstacles("Bind the seed") == []
    browser.post(f"{page}/seed", page=page, status=302)
    its = db.session.query(Draw).one().fingerprint
    browser.follow()
    assert its in browser.text
    visitor.get(public)
    assert its in visitor.text
    assert "The seed is disclosed when the letters are sent." in visitor.page.text
    browser.post(page, page=page, status=302)
    draw = db.session.query(Draw).one()
    seed, order = str(draw.seed), [line["reference"] for line in draw.lines]
    browser.follow()
    assert f"--seed {seed} {' '.join(order)}" in browser.page.text
    visitor.get(public)
    assert seed not in visitor.text, "nothing of a decision shows before the letters are sent"
    browser.post(page, page=page, status=409)
    member = Browser(app).sign_in(person(Role.COMMITTEE_MEMBER))
    member.get(page, status=403)


def test_the_seed_is_public_once_everybody_who_was_drawn_has_their_letter(app: Flask, browser: Browser) -> None:
    of_call, people, chair = equals(grid=grid(tie_break=LOTTERY)), members(), coordinator()
    page = f"/calls/{of_call.reference}"
    actions.bind(of_call, by=chair)
    draw = actions.draw(of_call, by=chair)
    seed, order = str(draw.seed), [line["reference"] for line in draw.lines]
    for number, told in enumerate((["APP-LAST", *order[:3]], order[3:])):
        meeting = session_of(of_call, people, by=chair)
        for reference in told:
            decided(meeting, one(reference), people, "decline", reason="No money.")
        decisions.close_meeting(meeting, minutes="Done.", by=chair)
        for member in people:
            decisions.sign(meeting, by=member)
        decisions.release(meeting, by=chair)
        db.session.flush()
        assert published_of(of_call.id) == (draw.fingerprint, seed if number else None)
    browser.get(page)
    assert seed in browser.text


def one(reference: str) -> Application:
    return db.session.query(Application).filter_by(reference=reference).one()


def test_somebody_who_stepped_aside_sees_nothing_of_it_in_the_draw_and_does_not_draw(
    app: Flask, browser: Browser
) -> None:
    of_call, people, chair = equals(grid=grid(tie_break=LOTTERY)), members(), coordinator()
    actions.bind(of_call, by=chair)
    meeting = session_of(of_call, people, by=chair)
    reference, emails = of_call.reference, [chair.email, people[0].email]
    decisions.recuse(meeting, one("APP-E2"), people[0], "A cousin works there.", by=people[0])
    page = f"/calls/{reference}/draw"
    browser.sign_in(emails[1]).get(page)
    assert "APP-E1" in browser.text
    assert "APP-E2" not in browser.text
    actions.draw(db.session.query(Call).filter_by(reference=reference).one(), by=db.session.query(Person).first())
    browser.get(page)
    assert "APP-E2" not in browser.text
    assert "APP-E1" in browser.text
    places = [row.text for row in browser.page.root.all("td", class_="number")]
    assert places[::2] != [], "places of their own list, without a gap"
    assert sorted(places[::2]) == ["2", "3", "4"]
    hidden = {one("APP-E2").id}
    db.session.query(Draw).one().state = DrawState.BOUND
    with pytest.raises(Refused, match="let somebody else draw"):
        actions.draw(db.session.query(Call).filter_by(reference=reference).one(), by=chair, hidden=hidden)
    assert db.session.query(Meeting).count() == 1
