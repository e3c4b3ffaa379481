"""Random histories of review and decision, and what must hold at every moment of them.

A history begins where a call stands (reviewers asked, all reviewed, the committee in session, letters sent) and goes on with
whatever people may try, in any order: what is refused is undone as the web undoes it, and what is not must leave the record
whole. People act on what they may see, as on the pages. Everything happens in savepoints of one transaction.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import combinations
from types import SimpleNamespace
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text

from grants.accounts.models import MemberRole, Membership, Organization, Person, Role, RoleGrant
from grants.applications.models import Application
from grants.applications.workflow import ApplicationState
from grants.assignments.actions import ask_planned, boards_for
from grants.assignments.rules import propose as planned
from grants.awards import actions as awards
from grants.awards.actions import release_decisions
from grants.awards.models import Award
from grants.calls.models import Call, Criterion
from grants.complaints import actions as complaints
from grants.complaints.models import Complaint
from grants.conflicts.models import Grade
from grants.core import clock
from grants.core.db import db
from grants.core.mail import OutboxMail
from grants.core.permissions import scope
from grants.core.rules import Refused
from grants.core.workflow import NoSuchMove
from grants.decisions import actions as decisions
from grants.decisions import rules as decision_rules
from grants.decisions.models import Choice, Decision, DecisionOutcome, Meeting, Procedure
from grants.decisions.permissions import cases_seen_by
from grants.decisions.queries import on_record
from grants.decisions.workflow import DecisionState, MeetingState
from grants.reviews import actions as reviews
from grants.reviews.models import Assignment, Declined, ReviewerProfile
from grants.reviews.permissions import applications_assessed_under, can_see_other_reviews
from grants.reviews.queries import assignment_by_id, standing_of
from grants.reviews.workflow import LIVE, AssignmentState
from tests.factories import call, organization, person, save
from tests.reviews.rows import case, reviewer

T = TypeVar("T")

BEGUN, REVIEWED, IN_SESSION, TOLD = range(4)
MOMENTS = tuple(datetime(2027, month, day, 9, tzinfo=UTC) for month, day in ((3, 5), (3, 20), (4, 8), (4, 12)))
"""When a call stands where a history begins."""

GAP = 15
WANTED = 2
DUE = date(2027, 3, 26)
SUBMITTED = "completed"
TOLD_STATES = (DecisionState.RELEASED, DecisionState.SET_ASIDE, DecisionState.SUCCEEDED)
ENDED_STATES = (DecisionState.SET_ASIDE, DecisionState.SUCCEEDED, DecisionState.LEFT)
ENDED_OFFERS = ("refused", "lapsed")
TELLING = ("decision_declined", "decision_reserve", "award_offered")
"""The mails that tell an applicant what was decided."""


@dataclass
class World:
    """Who is there, and the calls at each of the four moments with their applications."""

    reviewers: list[Person]
    members: list[Person]
    chairs: list[Person]
    calls: list[Call] = field(default_factory=list)
    applications: list[list[Application]] = field(default_factory=list)
    fresh_reviewers: list[Person] = field(default_factory=list)
    fresh_members: list[Person] = field(default_factory=list)
    stranger: Any = None
    """Who comes from outside when nobody else is left: reviewers, members, and a coordinator."""
    hubs: list[Organization] = field(default_factory=list)
    """By moment, the fiscal sponsor of the last two applicants."""

    @property
    def everybody(self) -> list[Person]:
        """Whoever has a part in reviewing and deciding; one of them does both."""
        return list(dict.fromkeys([*self.reviewers, *self.members, *self.chairs]))


def make_world() -> World:
    """One world, in the present transaction. Of the four applicants of a call the first two are rivals in one lot and the
    last two in another; these have one sponsor. One reviewer is a member of the first applicant's organization everywhere.
    """
    both = reviewer(profile={"capacity": 3})
    people = [reviewer(profile={"capacity": n}) for n in (4, 3, 4, 3)]
    members = [person(Role.COMMITTEE_MEMBER) for _ in range(3)]
    world = World([*people, both], members, [person(Role.GLOBAL_COORDINATOR) for _ in range(3)])
    world.fresh_reviewers = [reviewer(profile={"capacity": 9}) for _ in range(3)]
    world.fresh_members = [person(Role.COMMITTEE_MEMBER) for _ in range(2)]
    world.stranger = person(Role.GLOBAL_COORDINATOR)
    for stage in range(len(MOMENTS)):
        rule_ = {"rule": "absolute_gap", "formula": f"abs(T1-T2) >= {GAP}", "text": {"en": "Far apart."}}
        of_call = call(envelope_minor=2_500_000)
        of_call.grid = of_call.grid | {"assessors": {"independent_reviews": WANTED, "third_review_if": [rule_]}}
        hub = organization(person(), name=f"Hub {stage}")
        cases = [
            case(
                of_call,
                requested_minor=900_000 + 100_000 * n,
                lot_key="L1" if n < 2 else "L2",
                applicant={"fiscal_sponsor_id": hub.id if n > 1 else None},
            )
            for n in range(4)
        ]
        save(Membership(organization_id=cases[0].organization_id, person_id=both.id, role=MemberRole.EDITOR))
        world.calls.append(of_call)
        world.applications.append(cases)
        world.hubs.append(hub)
        _bring_to(stage, world)
    return world


def _bring_to(stage: int, world: World) -> None:
    """Live on until a call stands at a stage; the last application is left with two reviews that disagree."""
    story = Story(world, stage)

    def begun() -> None:
        for n, application in enumerate(story.applications):
            for who in world.reviewers[n % 2 : 4 : 2]:
                decisions.ask_reviewer(application, who, due_on=DUE, round=1, by=world.chairs[0])
        for asked in story.assignments("asked")[::2]:
            story.accept(asked)
            story.write(asked, 4, 4)

    def reviewed() -> None:
        for n, asked in enumerate(story.assignments("asked", "accepted")):
            story.write_and_submit(asked, 3 + n % 2, 2 if n == 7 else 4)

    def in_session() -> None:
        story.meet(quorum=2)
        story.decide(story.applications[1], DecisionOutcome.DECLINE)
        story.decide(story.applications[2], DecisionOutcome.AWARD)

    def told() -> None:
        story.decide(story.applications[0], DecisionOutcome.RESERVE)
        story.close()
        release_decisions(story.meeting(), by=world.chairs[0])

    for moment, live in list(zip(MOMENTS, (begun, reviewed, in_session, told), strict=True))[: stage + 1]:
        story.now = moment
        with clock.at(moment):
            live()


class Story:
    """What happens to one call: people act on what they may see, and what is refused is undone."""

    def __init__(self, world: World, stage: int) -> None:
        self.world = world
        self.call, self.applications, self.hub = world.calls[stage], world.applications[stage], world.hubs[stage]
        self.now = MOMENTS[stage]
        self.tied: set[tuple[int, int]] = set()
        self.belongs = {(world.reviewers[-1].id, self.applications[0].organization_id)}

    def attempt(self, act: Callable[[], object]) -> bool:
        """Act as one request does: whole, or not at all."""
        try:
            with db.session.begin_nested():
                act()
        except (Refused, NoSuchMove):
            return False
        return True

    def is_tied(self, somebody: Person, application: Application) -> bool:
        """Whether somebody stands too close, as far as the history went: they declared it about the applicant or its
        sponsor, or stepped aside; they belong to the applicant, or to another one of the same lot.
        """
        return self.are_tied(somebody.id, application)

    def are_tied(self, person_id: int, application: Application) -> bool:
        """The same, by the key of somebody."""
        own = [one for one in self.applications if (person_id, one.organization_id) in self.belongs]
        rivals = [one for one in own if one.state != ApplicationState.WITHDRAWN and one.lot_key == application.lot_key]
        sponsor = application.organization.fiscal_sponsor_id
        declared = not self.tied.isdisjoint({(person_id, application.organization_id), (person_id, sponsor)})
        return declared or application in own or bool(rivals)

    def assignments(self, *states: str) -> list[Assignment]:
        """The assignments in some states."""
        found = db.session.query(Assignment).join(Assignment.application).filter(Application.call_id == self.call.id)
        return found.filter(Assignment.state.in_(states)).order_by(Assignment.id).all()

    def meeting(self) -> Any:
        """The latest meeting."""
        return db.session.query(Meeting).filter_by(call_id=self.call.id).order_by(Meeting.id.desc()).first()

    def decision(self, application: Application) -> Any:
        """The decision that stands on an application."""
        of_it = db.session.query(Decision).filter_by(application_id=application.id)
        return of_it.filter(Decision.state.not_in(ENDED_STATES), Decision.taken_up_at.is_(None)).one_or_none()

    # what is made of several acts

    def accept(self, one: Assignment, grade: str = Grade.NONE) -> None:
        who, about = one.reviewer, one.application
        reason = "We met." if grade == Grade.KNOWS else ""
        decisions.declare_interest(who, about.organization, grade=grade, reason=reason, call=self.call, by=who)
        decisions.accept_review(one, grade=grade, reason=reason, by=who)

    def write(self, one: Assignment, a1: int | None, b1: int | None, summary: str = "Sound.") -> None:
        reviews.save_review(
            one,
            scores={"A1": (a1, "Because."), "B1": (b1, "Because.")},
            summary=summary,
            for_applicant="Well prepared.",
            recommendation="fund",
            by=one.reviewer,
        )

    def write_and_submit(self, one: Assignment, a1: int, b1: int) -> None:
        if one.state == AssignmentState.ASKED:
            self.accept(one)
        self.write(one, a1, b1)
        decisions.submit_review(one, by=one.reviewer)

    def meet(
        self, quorum: int, people: Sequence[Person] | None = None, chair: Person | None = None, **more: Any
    ) -> None:
        chair, people = chair or self.world.chairs[0], people or self.world.members
        meeting = decisions.call_meeting(self.call, starts_at=self.now, members=people, quorum=quorum, by=chair, **more)
        for one in people:
            decisions.mark_present(meeting, one, by=chair)
        decisions.open_meeting(meeting, by=chair)

    def propose(self, application: Application, outcome: str, by: Person) -> Decision:
        amount = {"amount": application.requested} if outcome == DecisionOutcome.AWARD else {}
        return decisions.propose(
            self.meeting(), application, outcome=outcome, reason="A reason.", feedback="So it is.", by=by, **amount
        )

    def decide(self, application: Application, outcome: str) -> None:
        free = [one for one in self.world.members if not self.is_tied(one, application)]
        decision = self.propose(application, outcome, free[0] if free else self.world.chairs[0])
        for one in free:
            decisions.vote(decision, Choice.FOR, by=one)
        decisions.take(decision, by=self.world.chairs[0], closes_vote=True)

    def close(self) -> None:
        meeting = self.meeting()
        decisions.close_meeting(meeting, minutes="All agreed.", reason="There is no other.", by=self.world.chairs[0])
        for seat in meeting.seats:
            if seat.present:
                decisions.sign(meeting, by=seat.person)


_NOW = text(
    """
    WITH mine AS (SELECT id, organization_id, state FROM application WHERE call_id = :call),
    subject AS (
      SELECT 'assignment' AS kind, s.id, s.state FROM assignment s JOIN mine ON mine.id = s.application_id
      UNION ALL SELECT 'decision', d.id, d.state FROM decision d JOIN mine ON mine.id = d.application_id
      UNION ALL SELECT 'meeting', m.id, m.state FROM meeting m WHERE m.call_id = :call
      UNION ALL SELECT 'complaint', c.id, c.state FROM complaint c JOIN mine ON mine.id = c.application_id
      UNION ALL SELECT 'award', w.id, w.state FROM award w JOIN mine ON mine.id = w.application_id
      UNION ALL SELECT 'application', id, state FROM mine WHERE state <> 'eligible'
    ), moves AS (
      SELECT s.kind, s.id, s.state, h.from_state, h.to_state, h.id AS entry, h.actor_id,
             lag(h.to_state) OVER (PARTITION BY s.kind, s.id ORDER BY h.id) AS came_from,
             lead(h.id) OVER (PARTITION BY s.kind, s.id ORDER BY h.id) AS next_entry
        FROM subject s LEFT JOIN history_entry h
          ON h.subject_kind = s.kind AND h.subject_id = s.id AND h.to_state IS NOT NULL
    )
    SELECT json_build_object(
      'asked', (SELECT coalesce(json_agg(json_build_object('id', s.id, 'application_id', s.application_id,
                  'reviewer_id', s.reviewer_id, 'round', s.round, 'state', s.state,
                  'voided', r.voided_at IS NOT NULL, 'organization_id', mine.organization_id) ORDER BY s.id), '[]')
                FROM assignment s JOIN mine ON mine.id = s.application_id LEFT JOIN review r ON r.assignment_id = s.id),
      'decided', (SELECT coalesce(json_agg(json_build_object('id', d.id, 'application_id', d.application_id,
                    'state', d.state, 'outcome', d.outcome, 'amount_minor', d.amount_minor,
                    'taken_up', d.taken_up_at IS NOT NULL, 'freed', d.freed_at IS NOT NULL) ORDER BY d.id), '[]')
                  FROM decision d JOIN mine ON mine.id = d.application_id),
      'offered', (SELECT coalesce(json_agg(json_build_object('application_id', w.application_id,
                    'decision_id', w.decision_id, 'state', w.state, 'amount_minor', w.amount_minor) ORDER BY w.id), '[]')
                  FROM award w JOIN mine ON mine.id = w.application_id),
      'written', (SELECT coalesce(json_agg(json_build_object('id', s.id, 'content', json_build_array(r.total,
                    r.submitted_at, r.summary, r.for_applicant, r.recommendation,
                    (SELECT json_agg(json_build_array(o.criterion_id, o.value, o.reason) ORDER BY o.criterion_id)
                       FROM score o WHERE o.review_id = r.id)))), '[]')
                  FROM review r JOIN assignment s ON s.id = r.assignment_id JOIN mine ON mine.id = s.application_id
                  WHERE r.submitted_at IS NOT NULL),
      'meeting', (SELECT state FROM meeting WHERE call_id = :call ORDER BY id DESC LIMIT 1),
      'untold', (SELECT coalesce(json_agg(json_build_object('kind', kind, 'id', id)), '[]') FROM moves
                 WHERE entry IS NULL OR actor_id IS NULL
                    OR (came_from IS NOT NULL AND from_state IS DISTINCT FROM came_from)
                    OR (next_entry IS NULL AND to_state <> state))
    )
    """
)
"""What the database holds of a call, in one statement. ``untold`` are those whose moves the record does not tell one after
the other, by whom, up to the state they are in.
"""

STAYING = (Person, RoleGrant, Membership, Organization, Call, ReviewerProfile, Criterion)
"""What no history changes, so that it is read once for all of them."""


class Histories(RuleBasedStateMachine):
    """What people try, and what must hold after each of it. ``world`` is set by whoever runs it."""

    world: World
    lived = steps = 0
    done: Counter[str] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.outer = db.session.begin_nested()
        self.there = ExitStack()

    def teardown(self) -> None:
        """Look closely once more, and undo the whole history."""
        try:
            if hasattr(self, "story"):
                self._look_closely()
                if self.looks_ahead:
                    self._everybody_can_be_told()
        finally:
            self.there.close()
            self.outer.rollback()
            for one in list(db.session):
                if not isinstance(one, STAYING):
                    db.session.expire(one)
                elif isinstance(one, Person):
                    db.session.expire(one, ["memberships"])

    @initialize(
        stage=st.sampled_from((BEGUN, REVIEWED, IN_SESSION, TOLD)),
        looks_ahead=st.sampled_from((False, False, False, False, False, True)),
    )
    def begin(self, stage: int, looks_ahead: bool) -> None:
        Histories.lived += 1
        self.looks_ahead = looks_ahead
        self.story = Story(self.world, stage)
        self.there.enter_context(clock.at(self.story.now))
        self.sealed: dict[int, Any] = {}
        self.replaced: set[tuple[int, int]] = set()
        self.is_swept = True
        self.now = self._read()

    # ---------------------------------------------------------------- trying

    def _try(self, name: str, act: Callable[[], object]) -> bool:
        Histories.steps += 1
        happened = self.story.attempt(act)
        Histories.done[name if happened else f"{name}: refused"] += 1
        return happened

    def _one(self, many: Sequence[T], n: int) -> T:
        return many[n % len(many)]

    def _in(self, *states: str) -> bool:
        return hasattr(self, "now") and any(one.state in states for one in self.now.asked)

    def _lacks_reviewers(self) -> bool:
        return hasattr(self, "now") and sum(map(_lives, self.now.asked)) < WANTED * len(self.story.applications)

    def _mine(self, n: int, *states: str) -> Assignment | None:
        """An assignment that its reviewer opens; nobody opens one about somebody they stand too close to."""
        one = self._one(self.story.assignments(*states), n)
        opened = assignment_by_id(scope(one.reviewer, Assignment), one.id)
        assert (opened is None) == self.story.is_tied(one.reviewer, one.application), "nobody with a conflict reads"
        if opened is not None:
            assert can_see_other_reviews(one.reviewer, opened) == (opened.state == AssignmentState.COMPLETED)
        return opened

    @rule(n=st.integers(0, 3), m=st.integers(0, 4), third=st.booleans())
    def ask(self, n: int, m: int, third: bool) -> None:
        application, who = self._one(self.story.applications, n), self._one(self.world.reviewers, m)
        happened = self._try(
            "ask",
            lambda: decisions.ask_reviewer(
                application,
                who,
                due_on=max(DUE, self.story.now.date()),
                round=2 if third else 1,
                by=self.world.chairs[0],
            ),
        )
        assert not (happened and self.story.is_tied(who, application)), "nobody with a conflict is asked"

    @precondition(lambda self: self._lacks_reviewers())
    @rule()
    def plan(self) -> None:
        def confirm() -> None:
            chair = self.world.chairs[0]
            boards = boards_for(self.story.call, chair)
            people = {one.reference: one for one in self.world.reviewers}
            cases = {one.reference: one for one in self.story.applications}
            chosen = planned(boards, WANTED).chosen.items()
            pairs = {cases[key]: [people[who] for who in some if who in people] for key, some in chosen}
            ask_planned(self.story.call, pairs, boards, due_on=max(DUE, self.story.now.date()), by=chair)

        self._try("plan", confirm)

    @precondition(lambda self: self._in("asked"))
    @rule(n=st.integers(0, 7), knows=st.booleans(), writes=st.booleans())
    def accept(self, n: int, knows: bool, writes: bool) -> None:
        def act() -> None:
            assert one is not None
            self.story.accept(one, Grade.KNOWS if knows else Grade.NONE)
            if writes:
                self.story.write(one, 4, 3)

        if (one := self._mine(n, "asked")) is not None:
            self._try("accept", act)

    @precondition(lambda self: self._in("accepted", "completed"))
    @rule(n=st.integers(0, 7), values=st.tuples(st.integers(0, 6), st.none() | st.integers(1, 5)))
    def write(self, n: int, values: tuple[int, int | None]) -> None:
        if (one := self._mine(n, "accepted", "completed")) is not None:
            was = one.state
            happened = self._try("write", lambda: self.story.write(one, *values, summary=f"Draft {values}."))
            assert not happened or (was == AssignmentState.ACCEPTED and values[0] in range(1, 6))

    @precondition(lambda self: self._in("accepted"))
    @rule(n=st.integers(0, 7))
    def submit(self, n: int) -> None:
        if (one := self._mine(n, "accepted", "completed")) is not None:
            self._try("submit", lambda: decisions.submit_review(one, by=one.reviewer))

    @precondition(lambda self: self._in("asked", "accepted"))
    @rule(n=st.integers(0, 7), a1=st.integers(2, 5), b1=st.integers(2, 5))
    def review(self, n: int, a1: int, b1: int) -> None:
        if (one := self._mine(n, "asked", "accepted")) is not None:
            self._try("review", lambda: self.story.write_and_submit(one, a1, b1))

    @precondition(lambda self: self._in(*LIVE))
    @rule(
        n=st.integers(0, 7),
        kind=st.sampled_from(list(Declined)),
        words=st.sampled_from(["Too much.", "Too much.", " "]),
    )
    def decline(self, n: int, kind: str, words: str) -> None:
        if (one := self._mine(n, *LIVE)) is not None:
            happened = self._try("decline", lambda: decisions.decline_review(one, words, kind=kind, by=one.reviewer))
            if happened and kind == Declined.CONFLICT:
                self.story.tied.add((one.reviewer_id, one.application.organization_id))

    @rule(n=st.integers(0, 11), m=st.integers(0, 3), of_call=st.booleans(), grade=st.sampled_from(list(Grade)))
    def declare(self, n: int, m: int, of_call: bool, grade: str) -> None:
        who, organization = self._one(self.world.everybody, n), self._one(self.story.applications, m).organization
        if self.story.is_tied(who, self._one(self.story.applications, m)) and grade != Grade.CONFLICT:
            return  # the latest declaration counts, and this history never takes one back
        happened = self._try(
            "declare",
            lambda: decisions.declare_interest(
                who, organization, grade=grade, reason="A cousin.", call=self.story.call if of_call else None, by=who
            ),
        )
        assert happened
        if grade == Grade.CONFLICT:
            self.story.tied.add((who.id, organization.id))

    @rule(n=st.integers(0, 11))
    def declare_about_the_sponsor(self, n: int) -> None:
        who = self._one(self.world.everybody, n)
        about = {"grade": Grade.CONFLICT, "reason": "A cousin leads it.", "by": who}
        assert self._try("declare about the sponsor", lambda: decisions.declare_interest(who, self.story.hub, **about))
        self.story.tied.add((who.id, self.story.hub.id))

    @precondition(lambda self: hasattr(self, "story") and len(self.story.belongs) == 1)
    @rule(n=st.integers(0, 10), m=st.integers(0, 3), swept=st.booleans())
    def join(self, n: int, m: int, swept: bool) -> None:
        """Nobody is told, and nobody declares anything."""
        others = [one for one in self.world.everybody if one != self.world.reviewers[-1]]
        who, applicant = self._one(others, n), self._one(self.story.applications, m).organization_id
        if any(one.organization_id == applicant for one in self.story.applications if one.state == "withdrawn"):
            return
        Histories.done["join"] += 1
        save(Membership(organization_id=applicant, person_id=who.id, role=MemberRole.EDITOR))
        db.session.expire(who, ["memberships"])
        self.story.belongs.add((who.id, applicant))
        self.is_swept = False
        if swept:
            self.sweep()

    @precondition(lambda self: hasattr(self, "story") and not self.is_swept)
    @rule()
    def sweep(self) -> None:
        assert self._try("sweep", lambda: decisions.close_hidden_reviews(by=self.world.chairs[0]))
        self.is_swept = True

    @precondition(lambda self: self._in("completed"))
    @rule(n=st.integers(0, 7), reason=st.sampled_from(["Look again.", "Look again.", ""]))
    def reopen(self, n: int, reason: str) -> None:
        one = self._one(self.story.assignments("completed"), n)
        if self._try("reopen", lambda: decisions.reopen_review(one, reason, by=self.world.chairs[0])):
            assert reason
            del self.sealed[one.id]

    @precondition(lambda self: self._in("asked", "accepted"))
    @rule(n=st.integers(0, 7))
    def release(self, n: int) -> None:
        one = self._one(self.story.assignments("asked", "accepted"), n)
        self._try("release", lambda: reviews.release(one, "Not needed.", by=self.world.chairs[0]))

    @rule(days=st.sampled_from([1, 3, 10]))
    def days_pass(self, days: int) -> None:
        self.story.now += timedelta(days=days)
        self.there.close()
        self.there.enter_context(clock.at(self.story.now))

    @rule(n=st.integers(0, 3))
    def withdraw(self, n: int) -> None:
        application = self._one(self.story.applications, n)
        if any(organization == application.organization_id for _, organization in self.story.belongs):
            return  # its rivals would be open again to who did not step aside yet
        by = db.session.get_one(Person, application.started_by_id)
        self._try("withdraw", lambda: decisions.withdraw_application(application, "We closed.", by=by))

    # ---------------------------------------------------------------- the committee

    @precondition(lambda self: hasattr(self, "now") and self.now.meeting != MeetingState.OPENED)
    @rule(quorum=st.integers(1, 4), procedure=st.sampled_from(list(Procedure)))
    def meet(self, quorum: int, procedure: str) -> None:
        self._try("meet", lambda: self.story.meet(quorum, procedure=procedure))

    def _in_session(self) -> bool:
        return hasattr(self, "now") and self.now.meeting == MeetingState.OPENED

    def _decides(self, *states: str) -> bool:
        return hasattr(self, "now") and any(one.state in states for one in self.now.decided)

    @precondition(_in_session)
    @rule(n=st.integers(0, 2), present=st.booleans())
    def attend(self, n: int, present: bool) -> None:
        who, chair = self._one(self.world.members, n), self.world.chairs[0]
        self._try("attend", lambda: decisions.mark_present(self.story.meeting(), who, present=present, by=chair))

    @precondition(_in_session)
    @rule(n=st.integers(0, 3), m=st.integers(0, 2))
    def recuse(self, n: int, m: int) -> None:
        application, who = self._one(self.story.applications, n), self._one(self.world.members, m)
        if self.story.is_tied(who, application):
            return  # the page is not there for them
        if self._try("recuse", lambda: decisions.recuse(self.story.meeting(), application, who, "A cousin.", by=who)):
            self.story.tied.add((who.id, application.organization_id))

    @precondition(_in_session)
    @rule(n=st.integers(0, 3), m=st.integers(0, 2), outcome=st.sampled_from(list(DecisionOutcome)))
    def propose(self, n: int, m: int, outcome: str) -> None:
        application, who = self._one(self.story.applications, n), self._one(self.world.members, m)
        happened = self._try("propose", lambda: self.story.propose(application, outcome, who))
        assert not (happened and self.story.is_tied(who, application)), "nobody with a conflict proposes"

    @precondition(lambda self: self._decides("proposed"))
    @rule(n=st.integers(0, 3), m=st.integers(0, 2), choice=st.sampled_from(list(Choice)))
    def vote(self, n: int, m: int, choice: str) -> None:
        application, who = self._one(self.story.applications, n), self._one(self.world.members, m)
        decision = self.story.decision(application)
        if decision is not None:
            happened = self._try("vote", lambda: decisions.vote(decision, choice, by=who))
            assert not (happened and self.story.is_tied(who, application)), "nobody with a conflict votes"

    @precondition(lambda self: self._decides("proposed"))
    @rule(n=st.integers(0, 3), closes=st.booleans())
    def take(self, n: int, closes: bool) -> None:
        application, by = self._one(self.story.applications, n), self.world.chairs[0]
        decision = self.story.decision(application)
        if decision is not None and self._try("take", lambda: decisions.take(decision, by=by, closes_vote=closes)):
            self._was_decided_well(decision)

    @precondition(_in_session)
    @rule(n=st.integers(0, 3), outcome=st.sampled_from(list(DecisionOutcome)))
    def decide(self, n: int, outcome: str) -> None:
        application = self._one(self.story.applications, n)
        if self._try("decide", lambda: self.story.decide(application, outcome)):
            self._was_decided_well(self.story.decision(application))

    @precondition(lambda self: self._decides("proposed"))
    @rule(n=st.integers(0, 3), words=st.sampled_from(["Later.", "Later.", " "]))
    def leave(self, n: int, words: str) -> None:
        decision = self.story.decision(self._one(self.story.applications, n))
        if decision is not None and self._try(
            "leave", lambda: decisions.leave(decision, words, by=self.world.chairs[0])
        ):
            assert words.strip()

    def _was_decided_well(self, decision: Decision) -> None:
        """On at least two reviews of people without a conflict, by a quorum of members without one."""
        about = decision.application
        counted = [one for one in self._read().asked if one.application_id == decision.application_id and _counts(one)]
        assert len(counted) >= WANTED
        assert not [one for one in counted if self.story.are_tied(one.reviewer_id, about)]
        present = {seat.person_id for seat in decision.meeting.seats if seat.present}
        free = {one for one in present if not self.story.are_tied(one, about)}
        voted = {one.person_id: one.choice for one in decision.votes if one.person_id in free}
        votes = Counter(voted.values())
        assert votes.total() >= decision.meeting.quorum
        assert votes[Choice.FOR] > votes[Choice.AGAINST]
        if decision.meeting.procedure == Procedure.VOTE:
            silent = {seat.person.reference for seat in decision.meeting.seats if seat.person_id in free - set(voted)}
            assert set(on_record([decision.id])[decision.id].not_voted) == silent, "the record says who had not voted"

    @precondition(lambda self: self._decides("taken"))
    @rule(n=st.integers(0, 3))
    def reconsider(self, n: int) -> None:
        decision = self.story.decision(self._one(self.story.applications, n))
        if decision is not None:
            self._try("reconsider", lambda: decisions.reconsider(decision, "New facts.", by=self.world.chairs[0]))

    @precondition(_in_session)
    @rule(letters=st.booleans())
    def close(self, letters: bool) -> None:
        self._try("close", self.story.close)
        if letters:
            self.letters()

    @precondition(lambda self: self._decides("taken"))
    @rule()
    def letters(self) -> None:
        self._try("letters", lambda: release_decisions(self.story.meeting(), by=self.world.chairs[0]))

    # ---------------------------------------------------------------- offers

    def _offers(self) -> bool:
        return hasattr(self, "now") and bool(self.now.offered)

    def _offer(self, n: int) -> Award:
        of_call = db.session.query(Award).filter_by(call_id=self.story.call.id).order_by(Award.id)
        return self._one(of_call.all(), n)

    @precondition(_offers)
    @rule(n=st.integers(0, 3), accepts=st.booleans())
    def answer_offer(self, n: int, accepts: bool) -> None:
        award = self._offer(n)
        by = db.session.get_one(Person, award.application.started_by_id)
        if accepts:
            self._try("accept offer", lambda: awards.accept(award, by=by))
        elif self._try("refuse offer", lambda: awards.refuse_offer(award, "We cannot.", by=by)):
            told = {one.to_person_id for one in db.session.query(OutboxMail).filter_by(kind="award_answered")}
            assert told <= {
                one.id for one in self.world.everybody if not self.story.is_tied(one, award.application)
            } | {self.world.stranger.id}, "nobody with a conflict is told"

    @precondition(_offers)
    @rule(n=st.integers(0, 3), words=st.sampled_from(["Nobody answers.", "Nobody answers.", " "]))
    def let_lapse(self, n: int, words: str) -> None:
        award = self._offer(n)
        self._try("let lapse", lambda: awards.lapse(award, words, by=self.world.chairs[0]))

    @precondition(lambda self: hasattr(self, "now") and any(one.freed for one in self.now.decided))
    @rule(n=st.integers(0, 3))
    def take_up_from_the_reserve_list(self, n: int) -> None:
        """Another meeting gives the money that is free to somebody else; nobody whose offer ended is decided about again."""
        application = self._one(self.story.applications, n)
        ended = {one.application_id for one in self.now.decided if one.freed}

        def act() -> None:
            if self.story.meeting().state == MeetingState.CLOSED:
                self.story.meet(quorum=1)
            self.story.decide(application, DecisionOutcome.AWARD)

        if self._try("take up", act):
            assert application.id not in ended
            self._was_decided_well(self.story.decision(application))

    # ---------------------------------------------------------------- complaints

    @precondition(lambda self: self._decides(*TOLD_STATES))
    @rule(n=st.integers(0, 3))
    def complain(self, n: int) -> None:
        application = self._one(self.story.applications, n)
        by, ground = db.session.get_one(Person, application.started_by_id), "factual_error"
        self._try("complain", lambda: complaints.complain(application, ground, "It is wrong.", by=by))

    @precondition(lambda self: self._decides(*TOLD_STATES))
    @rule(n=st.integers(0, 3), m=st.integers(0, 2), right=st.booleans())
    def answer(self, n: int, m: int, right: bool) -> None:
        application, who = self._one(self.story.applications, n), self._one(self.world.chairs, m)
        waiting = db.session.query(Complaint).filter_by(application_id=application.id, state="received").one_or_none()
        if waiting is None:
            return

        def act() -> None:
            complaints.take_up(waiting, by=who)
            (complaints.uphold if right else complaints.dismiss)(waiting, "We looked again.", by=who)

        if self._try("answer", act):
            assert not self.story.is_tied(who, application), "nobody with a conflict answers"
            if right:
                had = {
                    one.reviewer_id for one in self.now.asked if one.application_id == application.id and _lives(one)
                }
                self.replaced |= {(who_, application.id) for who_ in had}
                assert self.story.decision(application) is None

    # ---------------------------------------------------------------- what must hold

    def _read(self) -> SimpleNamespace:
        db.session.flush()
        found = db.session.connection().execute(_NOW, {"call": self.story.call.id}).scalar_one()
        return SimpleNamespace(
            meeting=found["meeting"],
            written={one["id"]: one["content"] for one in found["written"]},
            **{
                name: [SimpleNamespace(**row) for row in found[name]]
                for name in ("asked", "decided", "offered", "untold")
            },
        )

    @invariant()
    def the_record_is_whole(self) -> None:
        if not hasattr(self, "story"):
            return
        self.now = now = self._read()
        for key, content in self.sealed.items():
            assert now.written.get(key) == content, "a submitted review changes only when it is opened again"
        states = {one.id: one for one in now.asked}
        self.sealed |= {key: one for key, one in now.written.items() if states[key].state == SUBMITTED}
        assert not now.untold, "every change has its entry in the history"
        self._is_fair(now)

    def _is_fair(self, now: SimpleNamespace) -> None:
        live = [one for one in now.asked if _lives(one)]
        pairs = [(one.reviewer_id, one.application_id) for one in live]
        assert len(pairs) == len(set(pairs)), "nobody reviews the same application twice"
        assert not set(pairs) & self.replaced, "a fresh assessment is made by others"
        rounds = Counter((one.application_id, one.round) for one in live)
        assert all(number <= (WANTED if round_ == 1 else 1) for (_, round_), number in rounds.items())
        capacity = {one.id: n for one, n in zip(self.world.reviewers, (4, 3, 4, 3, 3), strict=True)}
        loads = Counter(one.reviewer_id for one in live if one.round == 1)
        assert all(number <= capacity[who] for who, number in loads.items())
        decided = {one.application_id for one in now.decided if one.state in ("taken", "released")}
        cases = {one.id: one for one in self.story.applications}
        for one in live:
            if self.is_swept and self.story.are_tied(one.reviewer_id, cases[one.application_id]):
                assert one.application_id in decided, "who has a conflict reviews nothing that is not decided"
                assert one.state == SUBMITTED
        stand = [one for one in now.decided if one.state not in ENDED_STATES and not one.taken_up]
        standing = Counter(one.application_id for one in stand)
        assert all(number == 1 for number in standing.values()), "one decision stands on an application"
        awarded = [one for one in now.decided if one.state in ("taken", "released") and not one.freed]
        assert sum(one.amount_minor for one in awarded) <= self.story.call.envelope_minor
        ended = {one.decision_id for one in now.offered if one.state in ENDED_OFFERS}
        assert {one.id for one in now.decided if one.freed} == ended, (
            "money is free again when its offer ended, and only then"
        )
        offers = Counter(one.application_id for one in now.offered)
        assert all(number == 1 for number in offers.values()), "nobody is offered a second grant for the same"
        kept = [one for one in now.offered if one.decision_id not in ended]
        assert sum(one.amount_minor for one in kept) <= self.story.call.envelope_minor
        cases_of = {one.application_id for one in now.decided if one.state == "released" and one.outcome == "award"}
        assert set(offers) == cases_of, "an award that was told is an offer"

    def _everybody_can_be_told(self) -> None:
        """From wherever a history ends a way leads to a letter for every application that is eligible."""
        story, by = self.story, self.world.stranger
        for meeting in db.session.query(Meeting).filter_by(call_id=story.call.id).order_by(Meeting.id).all():
            if meeting.state == MeetingState.OPENED:
                decisions.mark_present(meeting, meeting.seats[0].person, by=by)
                decisions.choose_chair(meeting, meeting.seats[0].person, by=by)
                left = {one.reference: "There is no quorum." for one in story.applications}
                decisions.close_meeting(meeting, by=by, minutes="Short.", reason="There is no other.", left=left)
            self._send_letters(meeting, by)
        waiting = [one for one in story.applications if one.state == ApplicationState.ELIGIBLE]
        waiting = [one for one in waiting if story.decision(one) is None]
        decisions.close_hidden_reviews(by=by)
        for asked in story.assignments("asked", "accepted"):
            if asked.application in waiting:
                reviews.release(asked, "Somebody else writes it.", by=by)
        for application in waiting:
            for round_ in (1, 1, 2):
                self._have_reviewed(application, round_, by)
        if waiting:
            story.meet(quorum=2, people=self.world.fresh_members, chair=by)
            meeting = story.meeting()
            for application in waiting:
                decision = decisions.propose(meeting, application, outcome="decline", reason="No money.", by=by)
                for one in self.world.fresh_members:
                    decisions.vote(decision, Choice.FOR, by=one)
                decisions.take(decision, by=by)
            decisions.close_meeting(meeting, by=by, minutes="Short.", reason="There is no other.")
            self._send_letters(meeting, by)
        for application in story.applications:
            if application.state == ApplicationState.ELIGIBLE:
                assert story.decision(application).state == DecisionState.RELEASED, "everybody gets a letter"

    def _send_letters(self, meeting: Meeting, by: Person) -> None:
        first = True
        for seat in meeting.seats:
            if meeting.state == MeetingState.CLOSED and seat.present and seat.signed_at is None:
                if first:
                    decisions.sign(meeting, by=seat.person)
                else:
                    decisions.excuse_signature(meeting, seat.person, "Cannot be found.", by=by)
                first = False
        if any(one.state == DecisionState.TAKEN for one in meeting.decisions):
            release_decisions(meeting, by=by)

    def _have_reviewed(self, application: Application, round_: int, by: Person) -> None:
        """By whoever comes from outside, as far as reviews are wanted."""
        for who in self.world.fresh_reviewers:
            if self.story.attempt(
                lambda who=who: decisions.ask_reviewer(  # type: ignore[misc]
                    application, who, due_on=self.story.now.date(), round=round_, by=by
                )
            ):
                asked = db.session.query(Assignment).filter_by(application_id=application.id, reviewer_id=who.id)
                self.story.write_and_submit(asked.order_by(Assignment.id.desc()).first(), 4, 4)
                return

    def _look_closely(self) -> None:
        """What takes longer to see: the ranking made anew, what people with a conflict and applicants are shown."""
        self._ranking_can_be_made_anew()
        self._who_has_a_conflict_sees_nothing()
        self._nothing_is_told_before_its_moment()

    def _ranking_can_be_made_anew(self) -> None:
        list_ = decision_rules.ranking(self.story.call, standing_of(self.story.call))
        told = [place.application.id for place in list_.ranked]
        expected = ranking_by_hand(self.story)
        assert told == [one for one, _ in expected]
        assert [Fraction(place.result.score or 0) for place in list_.ranked] == [score for _, score in expected]

    def _who_has_a_conflict_sees_nothing(self) -> None:
        for somebody in self.world.everybody:
            applications = {one.id for one in self.story.applications if self.story.is_tied(somebody, one)}
            for seen in (scope(somebody, Application), cases_seen_by(somebody), applications_assessed_under(somebody)):
                assert not applications & _ids(seen.with_only_columns(Application.id)) - self._own(somebody)
            assert not applications & _ids(scope(somebody, Assignment).with_only_columns(Assignment.application_id))
            assert not applications & _ids(
                scope(somebody, Decision).with_only_columns(Decision.application_id)
            ) - self._own(somebody)

    def _own(self, somebody: Person) -> set[int]:
        """The applications of organizations that somebody is a member of: of those they see what every member sees."""
        organizations = {one.organization_id for one in somebody.memberships}
        return {one.id for one in self.story.applications if one.organization_id in organizations}

    def _told(self, person_id: int) -> list[int]:
        found = text("SELECT id FROM outbox WHERE to_person_id = :who AND kind = ANY(:kinds)")
        return [row[0] for row in db.session.execute(found, {"who": person_id, "kinds": list(TELLING)})]

    def _nothing_is_told_before_its_moment(self) -> None:
        told = {one.application_id for one in self.now.decided if one.state in TOLD_STATES}
        for application in self.story.applications:
            owner = db.session.get_one(Person, application.started_by_id)
            seen = _ids(scope(owner, Decision).with_only_columns(Decision.application_id))
            assert seen <= told, "an applicant sees nothing of a decision before it is told"
            if application.id not in told:
                assert self._told(owner.id) == []
                assert application.state in (ApplicationState.ELIGIBLE, ApplicationState.WITHDRAWN)


def _ids(found: Any) -> set[int]:
    return set(db.session.scalars(found))


def _lives(one: Any) -> bool:
    return one.state in LIVE


def _counts(one: Any) -> bool:
    return one.state == SUBMITTED and not one.voided


def ranking_by_hand(story: Story) -> list[tuple[int, Fraction]]:
    """The ranked applications with their scores, computed in fractions from the stored scores and nothing else."""
    found = text(
        "SELECT s.application_id, s.round, r.id, c.section, c.weight * o.value AS points, o.value FROM score o"
        " JOIN criterion c ON c.id = o.criterion_id JOIN review r ON r.id = o.review_id"
        " JOIN assignment s ON s.id = r.assignment_id JOIN application a ON a.id = s.application_id"
        " WHERE a.call_id = :call AND a.state = 'eligible' AND s.state = 'completed' AND r.voided_at IS NULL"
        " AND r.submitted_at IS NOT NULL"
    )
    rows: dict[int, dict[int, dict[str, tuple[int, int]]]] = defaultdict(lambda: defaultdict(dict))
    for application, _round, review, section, points, value in db.session.execute(found, {"call": story.call.id}):
        rows[application][review][section] = (points, value)
    ranked = []
    for application in story.applications:
        given = list(rows[application.id].values())
        if len(given) < WANTED:
            continue
        used = _closest(given)
        section = {key: Fraction(sum(one[key][0] for one in used), len(used)) for key in ("A", "B")}
        score = section["A"] + section["B"]
        if score >= 60 and section["A"] >= 12 and all(one["A"][1] > 1 for one in used):
            ranked.append((-score, -section["B"], -section["A"], application.requested_minor, application.id))
    return [(row[-1], -row[0]) for row in sorted(ranked)]


def _total(review: dict[str, tuple[int, int]]) -> int:
    return sum(points for points, _ in review.values())


def _closest(given: list[dict[str, tuple[int, int]]]) -> Iterable[Any]:
    """All reviews, or of three the two whose totals are closest, when there is one such pair."""
    if len(given) < 3:
        return given
    pairs = sorted(combinations(given, 2), key=lambda pair: abs(_total(pair[0]) - _total(pair[1])))
    gaps = [abs(_total(one) - _total(other)) for one, other in pairs]
    return given if gaps[0] == gaps[1] else pairs[0]


def run(histories: int, steps: int = 25, chance: int = 0, *, shorten: bool = True) -> dict[str, Any]:
    """Live through so many histories in the present transaction, and say what happened in them; others for another
    ``chance``. Raises what breaks, with the history that leads there: the shortest one, unless there is no time to look for
    it.
    """
    seed(chance)(Histories)
    Histories.world, Histories.steps, Histories.lived, Histories.done = make_world(), 0, 0, Counter()
    run_state_machine_as_test(
        Histories,
        settings=settings(
            max_examples=histories,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink] if shorten else [Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
    return {"histories": Histories.lived, "acts": Histories.steps, "by_act": dict(sorted(Histories.done.items()))}
