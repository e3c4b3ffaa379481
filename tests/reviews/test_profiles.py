"""What reviewers say they read and know; and that nobody who reviews is out of reach before they have said it."""

from __future__ import annotations

import pytest
from flask import Flask

from grants.accounts.models import Person, Role
from grants.assignments.rules import bar
from grants.calls.models import Lot
from grants.conflicts.models import Grade
from grants.core import clock
from grants.core.rules import Refused
from grants.history.models import HistoryEntry
from grants.reviews import actions, queries, rules
from grants.reviews.models import Assignment
from grants.reviews.workflow import AssignmentState
from tests.factories import call, db, person, save
from tests.http import Browser
from tests.reviews.rows import AT, DUE, assignment, case, counted, declared, reviewed, reviewer


@pytest.fixture(autouse=True)
def _in_the_weeks_of_review(app: Flask):
    with clock.at(AT):
        yield


def newcomer(**more) -> Person:
    """Somebody who was given the role of a reviewer, and nothing else."""
    return person(Role.REVIEWER, **more)


def described(somebody: Person, **more):
    values = {"expertise": {"en": "Lawyer"}, "languages": ["en"], "regions": ["AFR"], "lots": ["L1"], "capacity": 4}
    return actions.describe_reviewer(somebody, **(values | {"by": somebody} | more))


def coordinator() -> Person:
    return person(Role.REGIONAL_COORDINATOR, regions=["AFR"])


TYPED = {"languages": ["en", "fr"], "regions": ["AFR"], "lots": ["L1"], "expertise": "Ten years.", "capacity": "3"}


# ------------------------------------------------------------------ nobody is out of reach


def test_in_a_new_fund_a_reviewer_is_asked_on_the_page(app: Flask, browser: Browser) -> None:
    application, somebody = case(language="fr"), newcomer(regions=["AFR"])
    page = f"/calls/{application.call.reference}/reviews/{application.reference}"
    browser.sign_in(coordinator()).get(page)
    assert somebody.name in browser.text
    assert "no profile yet" in browser.text
    assert "0/5" in browser.text
    browser.post(page, {"due_on": DUE.isoformat(), "round": "1", "reviewer": somebody.reference}, page=page, status=302)
    assert db.session.query(Assignment).one().reviewer_id == somebody.id


def test_without_a_profile_one_is_taken_to_read_the_language_of_the_account(app: Flask) -> None:
    somebody = newcomer(language="fr", regions=["ASI"])
    (candidate,) = queries.candidates()
    assert candidate == (somebody.id, somebody.reference, somebody.name, ["fr"], ["ASI"], [], 5, False)
    of_call = call()
    french, english = case(of_call, language="fr"), case(of_call, language="en")
    board = queries.board_of(of_call.id, queries.lines_under_review(of_call.id))
    bars = {line.reference: bar(board, line, candidate) for line in board.lines}
    assert bars == {french.reference: None, english.reference: "language"}, "what nobody told us is not planned with"
    assert actions.assign(english, somebody, due_on=DUE, by=person()).reviewer_id == somebody.id


def test_without_a_profile_the_usual_number_of_reviews_is_the_limit(app: Flask) -> None:
    of_call, somebody = call(), newcomer()
    for _ in range(5):
        actions.assign(case(of_call), somebody, due_on=DUE, by=person())
    with pytest.raises(Refused) as refused:
        actions.assign(case(of_call), somebody, due_on=DUE, by=person())
    assert [one.code for one in refused.value.obstacles] == ["capacity"]


def test_whoever_lost_the_role_or_the_account_is_no_candidate(app: Flask) -> None:
    one, other = newcomer(), newcomer()
    described(other)
    one.active = False
    for grant in other.role_grants:
        grant.revoked_at = AT
    db.session.flush()
    assert queries.candidates() == []
    assert queries.number_of_reviewers() == (0, 0)
    assert queries.reviewer_named(one.reference) is None
    assert queries.reviewer_named(other.reference) is None


# ------------------------------------------------------------------ one's own profile


def test_a_reviewer_is_asked_for_a_profile_and_writes_it(app: Flask, browser: Browser) -> None:
    of_call, somebody = call(), newcomer(language="es")
    save(Lot(call_id=of_call.id, position=7, key="L7", title={"en": "Decent work"}, plan_points=[1]))
    browser.sign_in(somebody).get("/reviews")
    assert "/reviews/profile" in browser.page.links
    browser.get("/account")
    assert "/reviews/profile" in browser.page.links
    browser.get("/reviews/profile")
    assert "L7. Decent work" in browser.text
    browser.post("/reviews/profile", TYPED | {"lots": ["L7"]}, page="/reviews/profile", status=302)
    profile = queries.profile_of(somebody)
    assert profile is not None
    assert (profile.languages, profile.regions, profile.lots, profile.capacity) == (["en", "fr"], ["AFR"], ["L7"], 3)
    assert profile.expertise == {"es": "Ten years."}
    entry = db.session.query(HistoryEntry).filter_by(subject_kind="reviewer", subject_id=somebody.id).one()
    assert (entry.verb, entry.actor_id, entry.details["capacity"]) == ("describe", somebody.id, 3)
    browser.follow()
    assert "We do not know yet what you read and know" not in browser.text


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"languages": []}, "Please choose at least one language."),
        ({"capacity": "-1"}, "The number of reviews lies between 0 and 100."),
        ({"capacity": "101"}, "The number of reviews lies between 0 and 100."),
        ({"capacity": "many"}, "Please write a whole number"),
        ({"capacity": ""}, "Please write a whole number"),
        ({"regions": ["MARS"]}, "choose"),
    ],
)
def test_what_cannot_be_a_profile_is_mended_on_the_page(
    app: Flask, browser: Browser, wrong: dict[str, str], said: str
) -> None:
    somebody = newcomer()
    browser.sign_in(somebody)
    typed = TYPED | {"lots": []} | wrong
    token = {"expertise": "Kept on the page."}
    browser.post("/reviews/profile", typed | token, page="/reviews/profile", status=422)
    assert said in browser.text
    assert "Kept on the page." in browser.text
    assert queries.profile_of(somebody) is None


def test_nobody_takes_on_a_review_while_they_take_on_none(app: Flask) -> None:
    somebody = newcomer()
    described(somebody, capacity=0)
    with pytest.raises(Refused) as refused:
        actions.assign(case(), somebody, due_on=DUE, by=person())
    assert [one.code for one in refused.value.obstacles] == ["capacity"]


def test_words_in_other_languages_stay_until_they_are_changed(app: Flask, browser: Browser) -> None:
    somebody = newcomer()
    words = {"en": "Lawyer", "fr": "Avocate"}
    described(somebody, expertise=words, lots=["L1", "OLD"], languages=["en", "ar"])
    browser.sign_in(somebody)
    kept = {"languages": ["en", "ar"], "lots": ["L1", "OLD"], "regions": ["AFR"], "capacity": "9"}
    browser.post("/reviews/profile", kept | {"expertise": "Lawyer"}, page="/reviews/profile", status=302)
    profile = queries.profile_of(somebody)
    assert profile is not None
    assert (profile.expertise, profile.languages, profile.lots) == (words, ["en", "ar"], ["L1", "OLD"])
    browser.post("/reviews/profile", kept | {"expertise": "Judge"}, page="/reviews/profile", status=302)
    assert queries.profile_of(somebody).expertise == {"en": "Judge"}


@pytest.mark.parametrize(
    ("change", "code"),
    [({"languages": []}, "languages_missing"), ({"capacity": -1}, "capacity"), ({"capacity": 101}, "capacity")],
)
def test_the_action_refuses_an_impossible_profile(app: Flask, change: dict[str, object], code: str) -> None:
    with pytest.raises(Refused) as refused:
        described(newcomer(), **change)
    assert [one.code for one in refused.value.obstacles] == [code]


def test_only_reviewers_have_a_profile(app: Flask) -> None:
    with pytest.raises(Refused) as refused:
        described(person(Role.COMMITTEE_MEMBER))
    assert [one.code for one in refused.value.obstacles] == ["not_a_reviewer"]
    assert rules.obstacles_to_describing(newcomer(), ["en"], 0) == []


# ------------------------------------------------------------------ the coordinators' list


def test_coordinators_see_who_knows_and_does_what(app: Flask, browser: Browser) -> None:
    of_call, busy, new = call(), reviewer(name="Abena Busy"), newcomer(name="Zoe New")
    assignment(case(of_call), busy)
    reviewed(case(of_call), by=busy)
    reviewed(case(of_call), by=busy, round=2)
    assignment(case(of_call), busy, state=AssignmentState.DECLINED)
    reviewed(case(), by=busy)
    first, second = queries.reviewers_page(coordinator(), 1, 50)
    assert (first.name, first.described, first.open, first.done) == (busy.name, True, 1, 3)
    assert first.loads == [[of_call.reference, 2]], "only calls with something to write, and only the first round"
    assert (second.name, second.described, second.open, second.done, second.loads) == (new.name, False, 0, 0, [])
    browser.sign_in(coordinator()).get("/reviewers")
    assert busy.name in browser.text
    assert new.name in browser.text
    assert f"{of_call.reference} · 2 of 5" in browser.text
    browser.get("/reviewers?show=unknown")
    assert busy.name not in browser.text
    assert new.name in browser.text


def test_reviews_of_what_is_hidden_from_the_reader_are_not_counted(app: Flask) -> None:
    """Nor may somebody be shown what was drawn for another who sees more."""
    of_call, busy = call(), reviewer(name="Abena Busy")
    seen, secret, third = case(of_call), case(of_call), case(of_call)
    assignment(seen, busy)
    reviewed(secret, by=busy)
    reviewed(third, by=busy, round=2)
    tied, free = coordinator(), coordinator()
    for one in (secret, third):
        declared(tied, one, Grade.CONFLICT, "A cousin.")
    told = {}
    for somebody in (free, tied):
        browser = Browser(app).sign_in(somebody)
        browser.get("/reviewers")
        told[somebody] = [words for words in ("2 of 5", "1 of 5") if f"{of_call.reference} · {words}" in browser.text]
        [line] = queries.reviewers_page(somebody, 1, 50)
        told[somebody] += [(line.open, line.done)]
        browser.get(f"/calls/{of_call.reference}/reviews")
        told[somebody] += [words for words in ("2 of 5", "1 of 5", "2 of 5 + 1", "2/5", "1/5") if words in browser.text]
        browser.get(f"/calls/{of_call.reference}/reviews/{seen.reference}")
        told[somebody] += [words for words in ("2/5", "1/5") if words in browser.text]
    assert told[free] == ["2 of 5", (1, 2), "2 of 5", "2 of 5 + 1", "2/5", "2/5"]
    assert told[tied] == ["1 of 5", (1, 0), "1 of 5", "1/5", "1/5"]


def test_before_their_own_review_is_in_a_coordinator_is_not_told_that_another_one_is(app: Flask) -> None:
    application, busy = case(), reviewer(name="Abena Busy")
    reviewed(application, by=busy)
    both = person(Role.REGIONAL_COORDINATOR, Role.REVIEWER, regions=["AFR"], name="Zoe Both")
    assignment(application, both)
    assert [(one.open, one.done) for one in queries.reviewers_page(both, 1, 50)] == [(0, 0), (1, 0)]
    assert [(one.open, one.done) for one in queries.reviewers_page(coordinator(), 1, 50)] == [(0, 1), (1, 0)]


def test_a_coordinator_fills_in_and_corrects_a_profile(app: Flask, browser: Browser) -> None:
    somebody, by = newcomer(), coordinator()
    page = f"/reviewers/{somebody.reference}"
    browser.sign_in(by).get(page)
    assert "There is no profile yet." in browser.text
    browser.post(page, TYPED | {"lots": []}, page=page, status=302)
    profile = queries.profile_of(somebody)
    assert profile is not None
    assert (profile.languages, profile.capacity) == (["en", "fr"], 3)
    browser.get(page)
    assert "Profile written" in browser.text
    assert by.name in browser.text
    browser.get("/reviewers?show=unknown")
    assert "Everybody has a profile." in browser.text


def test_a_reviewer_is_not_told_who_corrected_the_profile(app: Flask, browser: Browser) -> None:
    somebody, by = newcomer(), coordinator()
    described(somebody, by=by)
    browser.sign_in(somebody).get("/reviews/profile")
    assert by.name not in browser.text


def test_profiles_are_for_reviewers_and_coordinators_only(app: Flask, browser: Browser) -> None:
    somebody, staff = newcomer(), coordinator()
    browser.sign_in(staff)
    for reference in (staff.reference, "PER-NONE"):
        browser.get(f"/reviewers/{reference}", 404)
    browser.get("/reviews/profile", 403)
    auditor = Browser(app).sign_in(person(Role.AUDITOR))
    auditor.get("/reviewers")
    assert somebody.name in auditor.text
    assert f"/reviewers/{somebody.reference}" not in auditor.page.links
    auditor.get(f"/reviewers/{somebody.reference}", 403)
    for role in (Role.REVIEWER, Role.COMMITTEE_MEMBER, Role.FINANCE_OFFICER, Role.ADMINISTRATOR):
        other = Browser(app).sign_in(person(role))
        other.get("/reviewers", 403)
        other.get(f"/reviewers/{somebody.reference}", 403)
        other.post(f"/reviewers/{somebody.reference}", TYPED, page="/account", status=403)
    assert queries.profile_of(somebody) is None


def test_without_reviewers_the_pages_say_what_to_do(app: Flask, browser: Browser) -> None:
    browser.sign_in(coordinator()).get("/reviewers")
    assert "Nobody reviews yet." in browser.text
    browser.get(f"/calls/{call().reference}/reviews")
    assert "Nobody reviews yet." in browser.text


def test_the_list_costs_the_same_for_few_and_for_many(app: Flask, browser: Browser) -> None:
    browser.sign_in(coordinator()).get("/reviewers")
    counts = []
    for _ in range(2):
        for _more in range(3):
            assignment(case(), reviewer())
        statements: list[str] = []
        with counted(statements):
            browser.get("/reviewers")
        counts.append(len([one for one in statements if one.startswith(("SELECT", "WITH"))]))
    assert counts[0] == counts[1] <= 5


def test_the_list_is_paged(app: Flask, browser: Browser) -> None:
    for number in range(27):
        newcomer(name=f"Reviewer {number:02}")
    browser.sign_in(coordinator()).get("/reviewers")
    assert "Reviewer 24" in browser.text
    assert "Reviewer 25" not in browser.text
    browser.get("/reviewers?page=2")
    assert "Reviewer 26" in browser.text
