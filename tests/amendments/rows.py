"""A signed grant under terms like those of the sample call, for tests of what changes in it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from grants.amendments import actions
from grants.amendments.models import Amendment, Kind
from grants.amendments.rules import Request
from grants.awards.models import Award, BudgetLine, Milestone
from grants.core import clock
from grants.core.db import db
from grants.payments.queries import tranches_of
from tests import factories as make
from tests.payments import rows
from tests.payments.rows import SIGNING_DAY, Scene

TODAY = datetime(2027, 9, 1, 9, tzinfo=UTC)
END = date(2028, 1, 31)
LATER = date(2028, 3, 31)

CHANGE = {"free_below_percent_of_heading": 15, "written_approval_up_to_percent": 25, "amendment_above_percent": 25}
TERMS: dict[str, Any] = {
    "award": {
        "budget_change": CHANGE | {"cumulative": True},
        "no_cost_extension": {"max_months": 3, "request_days_before_end": 30},
    }
}
CEILINGS = {
    "headings": [
        {"code": "1", "key": "staff", "title": {"en": "Staff"}},
        {"code": "2", "key": "activities", "title": {"en": "Activities"}},
        {"code": "7", "key": "direct_total", "title": {"en": "Direct"}, "computed": "1+2"},
        {"code": "9", "key": "indirect", "title": {"en": "Indirect"}, "cap": {"percent_of": "direct_total", "max": 7}},
    ]
}


def scene(*, terms: Any = TERMS, **more: Any) -> Scene:
    """A grant of EUR 10,000 from June to January: staff 4,000, activities 6,000; two milestones, a final report."""
    call = make.call(terms=terms, budget=CEILINGS, latest_end_on=date(2028, 6, 30))
    with clock.at(SIGNING_DAY):
        made = rows.scene(call=call, signed=False, account=False, **more)
        for title, due_on in (("Training", date(2027, 10, 31)), ("Dialogue", END)):
            make.save(Milestone(award_id=made.award.id, title=title, due_on=due_on))
        rows.actions.sign_agreement(made.award, signature="Awa Diop", by=made.owner)
    db.session.refresh(made.award)
    return made


def fresh(award: Award) -> Award:
    return db.session.get_one(Award, award.id, populate_existing=True)


def budget(award: Award) -> dict[str, int]:
    db.session.expire_all()
    return {line.heading: line.amount_minor for line in db.session.get_one(Award, award.id).budget}


def moving(minor: int, **more: Any) -> Request:
    """So much is moved from activities to staff."""
    moves = {"activities": -minor, "staff": minor}
    return Request(frozenset({Kind.BUDGET}), "Prices rose.", moves=moves, **more)


def more_time(end_on: date = LATER) -> Request:
    return Request(frozenset({Kind.EXTENSION}), "The rains came early.", end_on=end_on)


def everything(minor: int = 200_000) -> Request:
    kinds = frozenset(Kind)
    moves = {"activities": -minor, "staff": minor}
    return Request(kinds, "All is different.", end_on=LATER, moves=moves, scope="Three towns instead of two.")


def asked(made: Scene, request: Request | None = None, **more: Any) -> Amendment:
    amendment = actions.ask(made.award, request or more_time(), by=more.pop("by", made.owner), **more)
    assert isinstance(amendment, Amendment)
    return amendment


def worked_out(made: Scene, request: Request | None = None) -> Amendment:
    amendment = actions.approve(asked(made, request), by=made.coordinator)
    return actions.hand_in(amendment, by=made.owner)


def drawn_up(made: Scene, request: Request | None = None) -> Amendment:
    amendment = worked_out(made, request)
    actions.draw_up(amendment, by=made.coordinator)
    return amendment


def days(made: Scene) -> dict[str, Any]:
    """Every day that an extension may move."""
    db.session.expire_all()
    award = db.session.get_one(Award, made.award.id)
    found: dict[str, Any] = {one.title: one.due_on for one in award.milestones}
    return found | {
        "end": award.end_on,
        "final": made.final.due_on,
        "tranches": [tranche.due_on for tranche in tranches_of(award)],
    }


def heading(made: Scene, key: str, minor: int) -> BudgetLine:
    """One more heading, taken out of activities, before anything is signed."""
    for line in made.award.budget:
        if line.heading == "activities":
            line.amount_minor -= minor
    line = BudgetLine(award_id=made.award.id, position=2, heading=key, title={"en": key}, amount_minor=minor)
    return make.save(line)
