"""Whoever a change waits for is reminded of it, and nobody else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from grants.amendments import actions
from grants.amendments.models import Amendment
from grants.awards import actions as awards
from grants.core import clock
from grants.core.db import db
from grants.core.mail import OutboxMail
from grants.reminders.actions import sweep
from tests.amendments.rows import TODAY, asked, drawn_up, scene, worked_out
from tests.awards.test_pages import declare_conflict
from tests.payments.rows import Scene

OVERDUE = TODAY + timedelta(days=14 + 1, hours=6)


def reminded(kind: str) -> list[str]:
    with clock.at(OVERDUE):
        sweep(OVERDUE)
    found = select(OutboxMail.to_address).where(OutboxMail.kind == f"reminder_{kind}").order_by(OutboxMail.id)
    return list(db.session.scalars(found))


def approved(made: Scene) -> Amendment:
    return actions.approve(asked(made), by=made.coordinator)


def written_down(made: Scene) -> Amendment:
    return asked(made, by=made.coordinator, assisted=True)


@pytest.mark.parametrize(
    ("come", "kind", "who"),
    [
        (asked, "amendment_waiting", "coordinator"),
        (written_down, "revision_waiting", "owner"),
        (approved, "revision_waiting", "owner"),
        (worked_out, "amendment_waiting", "coordinator"),
        (drawn_up, "amendment_unsigned", "owner"),
    ],
)
def test_a_change_that_waits_is_told_to_whoever_it_waits_for(
    app: Flask, come: Callable[[Scene], Amendment], kind: str, who: str
) -> None:
    made = scene()
    come(made)
    db.session.commit()
    assert reminded(kind) == [getattr(made, who).email]
    others = {"amendment_waiting", "revision_waiting", "amendment_unsigned"} - {kind}
    assert not any(reminded(other) for other in others)


def test_nobody_with_a_conflict_and_nobody_of_a_grant_that_ended_is_reminded(app: Flask) -> None:
    made, ended = scene(), scene()
    declare_conflict(made.coordinator.id, made.organization.id)
    asked(made)
    asked(ended)
    awards.terminate(ended.award, "Over.", by=ended.coordinator)
    db.session.commit()
    found = reminded("amendment_waiting")
    assert made.coordinator.email not in found
    # The coordinator of the other grant looks after the same region, and hears of the one that goes on.
    assert found == [ended.coordinator.email]
