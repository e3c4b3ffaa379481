"""A believable fund to look at: every row of it comes from the same actions that the screens call.

The sample call stands under review with all its applications and reviews; another call is open, with drafts in it; and
two decided calls have grants at every stage. Dates move so that all this is alive on the day it is loaded.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask import current_app
from sqlalchemy import select, update

from grants.accounts.models import Person
from grants.conflicts.models import Grade
from grants.core import clock
from grants.core.db import db, transaction
from grants.core.listings import place_of
from grants.core.mail import Delivery, OutboxMail
from grants.core.rules import Obstacle, Refused
from grants.decisions import actions as decisions
from grants.demo import people as persons
from grants.demo import sample
from grants.demo.calls import CallStory
from grants.demo.changes import ChangeStory
from grants.demo.decided import DecidedStory, GrantStory
from grants.demo.enquiries import EnquiryStory
from grants.demo.people import PASSWORD, People
from grants.demo.visits import VisitStory
from grants.dossiers import actions as dossiers
from grants.imports.actions import import_at_once
from grants.listings import actions as listings
from grants.listings.models import FileKind
from grants.reviews import actions as reviews
from grants.visits.models import VisitKind

Say = Callable[[str], None]

ACCOUNTS = (
    ("STF-07", "global coordinator"),
    ("STF-01", "regional coordinator, Africa"),
    ("REV-2", "reviewer"),
    ("STF-12", "committee member"),
    ("STF-08", "finance officer, prepares"),
    ("STF-09", "finance officer, approves"),
    ("USR-SN-1", "applicant and grantee in Senegal, owner and signatory"),
    ("USR-NP-1", "grantee in Nepal, owner and signatory"),
    ("STF-15", "auditor"),
    ("STF-16", "administrator"),
)

EARLIER_AWARDS = Path(__file__).with_name("earlier_awards.csv")
EARLIER_PROGRAMME = "MADE small grants"

EARLIER = {
    "APP-001": "APP-201", "APP-002": "APP-202", "APP-004": "APP-203", "APP-006": "APP-204",
    "APP-007": "APP-205", "APP-009": "APP-206", "APP-011": "APP-207",
}  # fmt: skip
LATELY = {"APP-007": "APP-501", "APP-010": "APP-502", "APP-012": "APP-503"}
RECENT = {"APP-001": "APP-301", "APP-003": "APP-302", "APP-005": "APP-303", "APP-008": "APP-304", "APP-009": "APP-305"}


def is_needed() -> bool:
    """Whether nobody is there yet."""
    return db.session.scalar(select(Person.id).limit(1)) is None


def load(progress: Say = lambda _: None) -> None:
    """Load the demonstration. Raises Refused in production, or when there is somebody already.

    The mails of its past count as sent in the past: nobody is written to about what happened last year.
    """
    if current_app.config["PRODUCTION"]:
        raise Refused(Obstacle("production", "The demonstration cannot be loaded in production."))
    if not is_needed():
        raise Refused(Obstacle("not_empty", "There are people in this database already."))
    today = clock.now().replace(hour=9, minute=0, second=0, microsecond=0)
    with clock.at(today - timedelta(days=500)), transaction():
        everybody = persons.load(today - timedelta(days=500))
    progress(f"{len(everybody.persons)} people, {len(everybody.organizations)} organizations")
    _before(everybody, today, progress)
    _earlier(everybody, today, progress)
    _recent(everybody, today, progress)
    _under_review(everybody, today, progress)
    _closed_lately(everybody, today, progress)
    _open(everybody, today, progress)
    _take_out(everybody)
    with transaction():
        db.session.execute(
            update(OutboxMail)
            .where(OutboxMail.posted_at < today)
            .values(state=Delivery.SENT, sent_at=OutboxMail.posted_at)
        )


KEPT = (
    ("STF-07", "Late reports", "/owed?kind=report&when=late"),
    ("STF-07", "Running grants", "/grants?state=active"),
    ("STF-08", "What waits to be paid", "/payments?show=waiting"),
)
TAKEN_OUT = (("STF-15", "/ledger", FileKind.XLSX), ("STF-15", "/grants?state=active", FileKind.CSV))


def _take_out(everybody: People) -> None:
    """Filters that people of the fund keep, and lists that the auditor took out."""
    for who, name, address in KEPT:
        with transaction():
            if place := place_of(address):
                listings.keep_filter(place, name, by=everybody[who])
    for who, address, kind in TAKEN_OUT:
        with transaction():
            if place := place_of(address):
                listings.give(listings.take_out(place, kind, by=everybody[who]), by=everybody[who])


def accounts() -> list[tuple[str, str, str]]:
    """The accounts to try: address, what it is, password."""
    found = {p.reference: p.email for p in db.session.scalars(select(Person).where(Person.is_demonstration))}
    return [(found[reference], words, PASSWORD) for reference, words in ACCOUNTS if reference in found]


def _days(milestone: str, wanted: datetime) -> int:
    """How many days to move the files so that a day of their timetable falls on ``wanted``."""
    told = sample.read("call")["call"]["timetable"][milestone]
    moment = told if isinstance(told, datetime) else datetime(told.year, told.month, told.day, tzinfo=UTC)
    return (wanted.date() - moment.astimezone(UTC).date()).days


def _title(english: str, french: str, spanish: str) -> dict[str, str]:
    return {
        "en": f"MADE Pilot Fund – {english}: fair recruitment and decent work",
        "fr": f"Fonds pilote MADE – {french}\u00a0: recrutement équitable et travail décent",
        "es": f"Fondo Piloto MADE – {spanish}: contratación justa y trabajo decente",
    }


def _before(everybody: People, today: datetime, progress: Say) -> None:
    """What an earlier programme awarded, brought along from a table; one of its rows names a day that never was."""
    with clock.at(today - timedelta(days=480)), transaction():
        table = EARLIER_AWARDS.read_bytes()
        brought = import_at_once(EARLIER_AWARDS.name, table, programme=EARLIER_PROGRAMME, by=everybody["STF-07"])
    progress(f"{EARLIER_PROGRAMME}: {brought.imported} earlier awards")


def _earlier(everybody: People, today: datetime, progress: Say) -> None:
    """A call whose grants have ended: closed, in close-out, with a final report in, late, or running out."""
    story = DecidedStory(everybody, "MPF-2026-01", _days("earliest_start", today - timedelta(days=330)), EARLIER)
    story.publish(_title("First call 2026", "Premier appel 2026", "Primera convocatoria 2026"))
    story.apply(progress)
    story.check()
    story.review(progress)
    for award in story.decide():
        grant = (
            GrantStory(story, award)
            .accept()
            .check()
            .send_agreement()
            .sign()
            .give_bank_account()
            .meet_conditions()
            .pay(1)
        )
        _live_on(grant, story, today)
        _visit(grant, today)
        _change(grant, today - timedelta(days=30))
    progress("MPF-2026-01: decided, grants at their end")


def _live_on(grant: GrantStory, story: DecidedStory, today: datetime) -> None:
    """What each grant of the earlier call has come to."""
    told = {reference: key for key, reference in EARLIER.items()}[grant.award.application.reference]
    if told == "APP-006":
        grant.report("final_report", share="0.99").pay(2, _after("final_report", grant, 20)).reach_milestones()
        grant.close(_after("final_report", grant, 40))
        with clock.at(today), transaction():
            dossiers.ask_for(grant.award, by=grant.people["STF-15"])
    elif told == "APP-002":
        grant.report("final_report", share="0.98", then=("return", "submit", "accept")).reach_milestones()
        grant.close(_after("final_report", grant, 20), finish=False)
    elif told == "APP-011":
        grant.report("final_report", share="0.97", then=("return",))
        grant.ask_back(today - timedelta(days=3))
    else:  # the larger grants, in three tranches: one ends soon, one is read now, one is late
        grant.report(
            "interim_report",
            share="0.4",
            then=("return", "submit", "accept", "verify") if told == "APP-004" else ("accept",),
        )
        if told == "APP-004":
            grant.pay_through_the_bank(2, today - timedelta(days=6))
        else:
            grant.pay(2, _after("interim_report", grant, 15))
        grant.reach_milestones(today - timedelta(days=80))
        if told == "APP-009":
            grant.report("final_report", share="0.5", then=())


def _visit(grant: GrantStory, today: datetime) -> None:
    """Who of the grantees of the earlier call was visited, or will be: a visit in every state."""
    told = {reference: key for key, reference in EARLIER.items()}[grant.award.application.reference]
    if told == "APP-001":
        VisitStory(grant, today - timedelta(days=50)).announce(moved=True).make().share(answered=True)
        VisitStory(grant, today + timedelta(days=9), VisitKind.REMOTE).announce()
    elif told == "APP-004":
        VisitStory(grant, today - timedelta(days=40)).announce().make().share()
        VisitStory(grant, today - timedelta(days=4))
    elif told == "APP-009":
        VisitStory(grant, today - timedelta(days=6), VisitKind.REMOTE).announce().make()
        VisitStory(grant, today + timedelta(days=5)).announce().give_up()


def _change(grant: GrantStory, began: datetime) -> None:
    """What the grantees of the earlier call asked to change: a change in every state."""
    told = {reference: key for key, reference in EARLIER.items()}[grant.award.application.reference]
    changes = ChangeStory(grant, began)
    if told == "APP-001":
        changes.notice().change(0, "approve", "hand_in", "draw_up", "sign", work=True)
        changes.change(30, "approve", "hand_in", "draw_up")
    elif told == "APP-004":
        changes.change(30, "refuse").change(30)
    elif told == "APP-009":
        changes.change(20, "approve").change(30, "approve", "hand_in")
    elif told == "APP-011":
        changes.change(0, "approve", "lapse", work=True).change(30, "approve")


def _after(key: str, grant: GrantStory, days: int) -> datetime:
    due = grant.due_on(key)
    return datetime(due.year, due.month, due.day, 9, tzinfo=UTC) + timedelta(days=days)


def _recent(everybody: People, today: datetime, progress: Say) -> None:
    """A call decided three weeks ago: letters unanswered, agreements to draw up, to sign, first payments under way."""
    story = DecidedStory(everybody, "MPF-2026-02", _days("committee_meeting", today - timedelta(days=26)), RECENT)
    story.publish(_title("Second call 2026", "Deuxième appel 2026", "Segunda convocatoria 2026"))
    story.apply(progress)
    story.check()
    story.review(progress)
    stages = ["offered", "accepted", "sent", "signed", "paid"]
    for award, stage in zip(story.decide(), stages, strict=False):
        _bring_to(GrantStory(story, award), stage)
    progress("MPF-2026-02: decided, grants at their beginning")


def _bring_to(grant: GrantStory, stage: str) -> None:
    if stage == "offered":
        return
    grant.accept()
    if stage == "accepted":
        grant.check(upto="doubt")
        return
    grant.check(risk={"sent": "high", "signed": "medium"}.get(stage, "low")).send_agreement()
    if stage == "sent":
        return
    grant.sign().give_bank_account(verified=stage == "paid")
    if stage == "signed":
        asked = ChangeStory(grant, grant.offered + timedelta(days=10)).change(30, "withdraw")
        asked.change(0, "approve", "hand_in", "return", work=True)
    if stage == "paid":
        grant.meet_conditions().pay(1, upto="prepared")
        grant.write_up("inception_note", grant.offered + timedelta(days=17))
        ChangeStory(grant, grant.offered + timedelta(days=15)).change(30, assisted=True)


def _under_review(everybody: People, today: datetime, progress: Say) -> None:
    """The sample call itself: twelve applications, all reviews in, the committee to come."""
    references = {entry["id"]: entry["id"] for entry in sample.read("applications")["applications"]}
    story = CallStory(everybody, "MPF-2027-01", _days("reviews_due", today + timedelta(days=3)), references)
    story.publish()
    EnquiryStory(everybody, story.call).as_usual()
    story.apply(progress)
    story.check()
    story.review(progress)
    meeting_at = today + timedelta(days=16, hours=4)
    with clock.at(today - timedelta(hours=1)), transaction():
        coordinator, members = everybody["STF-07"], everybody.committee
        decisions.call_meeting(story.call, starts_at=meeting_at, members=members, quorum=3, by=coordinator)
        persons.declare_for_year(everybody.judges)
        persons.declare_for_call(story.call, members)
    progress("MPF-2027-01: reviewed, the committee is invited")


def _closed_lately(everybody: People, today: datetime, progress: Say) -> None:
    """A call that closed last week: one application to check, one to find reviewers for, one being reviewed."""
    story = CallStory(everybody, "MPF-2026-03", _days("deadline", today - timedelta(days=6)), LATELY)
    story.publish(_title("Third call 2026", "Troisième appel 2026", "Tercera convocatoria 2026"))
    EnquiryStory(everybody, story.call).as_usual()
    story.apply(progress)
    to_check = story.applications.pop("APP-012")
    story.check(today - timedelta(days=3))
    reviewed = story.applications["APP-007"]
    coordinator = story.coordinator_of(reviewed)
    due = today.date() + timedelta(days=9)
    for reviewer, accepts in (("REV-2", False), ("REV-3", True)):
        with clock.at(today - timedelta(days=2)), transaction():
            assignment = reviews.assign(reviewed, everybody[reviewer], due_on=due, by=coordinator)
            if accepts:
                reviews.accept(assignment, grade=Grade.NONE, reason="", by=everybody[reviewer])
    progress(f"MPF-2026-03: {to_check.reference} to check, {reviewed.reference} in review")


def _open(everybody: People, today: datetime, progress: Say) -> None:
    """A call that is open now, with two drafts in it."""
    story = CallStory(everybody, "MPF-2027-02", _days("deadline", today + timedelta(days=17)), {})
    story.publish(_title("Second call 2027", "Deuxième appel 2027", "Segunda convocatoria 2027"))
    for reference, told, sections in (("APP-401", "APP-011", 4), ("APP-402", "APP-012", 9)):
        entry = next(e for e in sample.read("applications")["applications"] if e["id"] == told)
        story.references[told] = reference
        with clock.at(today - timedelta(days=4)), transaction():
            draft = story.start(entry)
            story.fill(draft, entry, sections)
    reason = "Many of you told us that 200 words are not enough for the summary."
    story.correct("summary", today - timedelta(days=2), reason, max_words=250)
    EnquiryStory(everybody, story.call).not_finished(today)
    progress("MPF-2027-02: open, two drafts, corrected once")
