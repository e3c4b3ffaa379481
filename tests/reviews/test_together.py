"""A review that is written in two windows at once: what was handed in is what counts, and nothing is lost unseen."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from grants.core import clock
from grants.core.db import transaction
from grants.core.rules import Refused
from grants.decisions import actions as decisions
from grants.reviews import actions, queries, rules
from grants.reviews.models import Assignment
from grants.reviews.workflow import AssignmentState
from tests.factories import db
from tests.reviews.rows import AT, assignment, case, reviewed, reviewer, scores


def write(one: Assignment, value: int, version: str | None = None) -> None:
    """Save a whole draft in which everything has this value."""
    actions.save_review(
        one,
        scores=scores(value, value, "Because."),
        summary=f"All {value}.",
        for_applicant="Thanks.",
        recommendation="fund",
        version=version,
        by=one.reviewer,
    )


def test_a_draft_that_saves_itself_while_the_review_is_handed_in_changes_nothing_of_it(live: Flask) -> None:
    with transaction():
        key = assignment(case(), reviewer()).id
    read, submitted = Event(), Event()

    def submit() -> str:
        with live.app_context(), clock.at(AT):
            read.wait(20)
            with transaction():
                one = db.session.get_one(Assignment, key)
                write(one, 4)
                decisions.submit_review(one, by=one.reviewer)
            submitted.set()
            db.session.remove()
            return "submitted"

    def autosave() -> str:
        with live.app_context(), clock.at(AT):
            try:
                with transaction():
                    one = db.session.get_one(Assignment, key)
                    assert (one.state, one.review.submitted_at) == (AssignmentState.ACCEPTED, None)
                    read.set()
                    submitted.wait(20)
                    write(one, 2)
            except Refused as refused:
                return refused.obstacles[0].code
            finally:
                db.session.remove()
            return "saved"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(lambda act: act(), (submit, autosave))) == ["not_open", "submitted"]
    one = db.session.get_one(Assignment, key)
    assert (one.state, one.review.total, one.review.summary) == (AssignmentState.COMPLETED, 80, "All 4.")
    assert {score.value for score in queries.scores_of(one.review).values()} == {4}


def test_of_two_windows_that_save_at_once_the_second_is_told(live: Flask) -> None:
    with transaction():
        key = assignment(case(), reviewer()).id
    together = Barrier(2)

    def save(value: int) -> str:
        with live.app_context(), clock.at(AT.replace(minute=value)):
            try:
                with transaction():
                    one = db.session.get_one(Assignment, key)
                    version = rules.version_of(one)
                    together.wait(20)
                    write(one, value, version)
            except Refused as refused:
                return refused.obstacles[0].code
            finally:
                db.session.remove()
            return f"All {value}."

    with ThreadPoolExecutor(2) as pool:
        told = set(pool.map(save, (2, 4)))
    review = db.session.get_one(Assignment, key).review
    assert told == {"changed_elsewhere", review.summary}
    assert {f"All {score.value}." for score in queries.scores_of(review).values()} == {review.summary}


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE score SET value = 1",
        "UPDATE score SET reason = 'Another.'",
        "DELETE FROM score",
        "UPDATE review SET summary = 'Another.'",
        "UPDATE review SET for_applicant = 'Another.'",
        "UPDATE review SET recommendation = 'do_not_fund'",
        "UPDATE review SET total = 1",
    ],
)
def test_the_database_keeps_what_was_handed_in_until_it_is_opened_again(app: Flask, change: str) -> None:
    one = reviewed(case())
    with pytest.raises(DBAPIError, match="until it is opened again"), db.session.begin_nested():
        db.session.execute(text(change))
    actions.reopen(one, "Look again.", by=one.reviewer)
    db.session.execute(text(change))
