"""Having a pack made, making it step by step, and giving it to nobody but whom it was made for."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from grants.accounts.models import Person
from grants.applications.models import Application
from grants.applications.rules import Audience, answers_in_words
from grants.checks import queries as checks
from grants.core import clock, files, pdf
from grants.core.db import after_commit, db
from grants.core.files import StoredFile
from grants.core.jobs import bell_of
from grants.core.languages import language_name, language_now
from grants.core.rules import refuse
from grants.decisions import queries as decisions
from grants.decisions.models import Meeting
from grants.decisions.permissions import FOLLOWERS, can_see_case, cases_seen_by
from grants.decisions.queries import Said
from grants.decisions.rules import Ranking, points_seen, ranking
from grants.history import actions as history
from grants.packs import queries, rules
from grants.packs.models import Pack, PackState
from grants.reviews import queries as reviews
from grants.reviews.forms import PROVENANCES
from grants.scenarios import queries as scenarios
from grants.scenarios.rules import shown_to

MAKE_PACKS = "packs.make"
"""The name of the task that makes packs."""


def ask_for(meeting: Meeting, *, by: Person) -> Pack:
    """Have a pack made of everything this person may read for a meeting; an earlier one goes. Raises Refused."""
    pack = queries.pack_to_change(meeting.id, by.id)
    refuse(rules.obstacles_to_asking(pack))
    if pack is None:
        pack = Pack(meeting_id=meeting.id, person_id=by.id)
        db.session.add(pack)
    _empty(pack)
    pack.state, pack.language = PackState.ASKED, language_now()
    pack.asked_at, pack.begun_at, pack.done, pack.total = clock.now(), None, 0, 0
    db.session.flush()
    after_commit(bell_of(MAKE_PACKS))
    return pack


def _empty(pack: Pack) -> None:
    if pack.file is not None:
        files.forget(pack.file)
    pack.file, pack.made_at, pack.application_ids = None, None, []


def give(meeting: Meeting, *, by: Person) -> StoredFile:
    """Give a pack to the person it was made for, and write it down. Raises Refused when it is not ready, and when it holds
    what they may not read any more.
    """
    pack = queries.pack_to_change(meeting.id, by.id)
    readable = queries.readable_ids(cases_seen_by(by), meeting.call_id)
    refuse(rules.obstacles_to_giving(pack, readable))
    history.note("meeting", meeting.id, "take_pack", by=by)
    assert pack is not None
    assert pack.file is not None
    return pack.file


# ------------------------------------------------------------------ making it


@dataclass
class Making:
    """A pack that is being made: for whom, what they may read, and what stands in it so far."""

    pack: Pack
    meeting: Meeting
    list_: Ranking
    criteria: list[Any]
    readable: list[int]
    applications: dict[int, Application]
    gate: reviews.Gate
    discussion: dict[int, list[Said]]
    audience: Audience
    parts: list[dict[str, Any]] = field(default_factory=list)

    @property
    def person(self) -> Person:
        """Whose pack it is."""
        return self.pack.person


def begin(pack_id: int) -> Making | None:
    """Take a pack that waits, and write its first pages; None when it is made, or another worker makes it."""
    pack = queries.pack_to_make(pack_id)
    if pack is None:
        return None
    pack.begun_at = clock.now()
    person, meeting = pack.person, queries.meeting_of(pack)
    call = meeting.call
    standing = reviews.standing_of(call)
    gate = reviews.gate_of(person, call.id)
    list_ = ranking(call, standing, hidden=gate.ids)
    may = queries.readable_ids(cases_seen_by(person), call.id)
    lines = [row.application for _group, row in list_.rows]
    readable = [line.id for line in lines if line.id in may]
    applications = queries.applications_to_read(readable)
    making = Making(
        pack=pack,
        meeting=meeting,
        list_=list_,
        criteria=reviews.criteria_of(call),
        readable=readable,
        applications=applications,
        gate=gate,
        discussion=decisions.discussion_of(meeting),
        audience=Audience.STAFF if person.holds(*FOLLOWERS) else Audience.COMMITTEE,
    )
    points = points_seen(
        decisions.points_of(meeting.id), person, gate, lambda region: can_see_case(person, region, meeting)
    )
    titles = {key: f"{one.title} ({one.organization.name})" for key, one in applications.items()}
    making.parts = rules.front_in_words(meeting, person, points, list_, titles, clock.now())
    if scenario := scenarios.scenario_before(meeting.id):
        unseen = {one.region for one in call.regions if not can_see_case(person, one.region, meeting)}
        making.parts += rules.scenario_in_words(shown_to(gate, scenario, call, scenarios.plan_of(call), unseen))
    queries.note_progress(pack.id, 0, len(readable))
    return making


def add_case(making: Making, application_id: int) -> None:
    """Write the chapter of one application, and say how far the pack is."""
    application = making.applications[application_id]
    reading = reviews.reading_of(application, application.questionnaire_id, making.audience)
    answers = answers_in_words(
        reading.definition,
        reading.answers,
        reading.attachments,
        making.audience,
        {key: list(map(_translated, them)) for key, them in reading.translations.items()},
    )
    case = rules.Case(
        application,
        making.list_.by_id[application_id],
        checks.findings_of(application),
        reviews.submitted_reviews(application_id),
        answers,
        [said for said in making.discussion.get(application_id, ()) if making.gate.told(said.text)],
        making.gate,
    )
    making.parts += rules.case_in_words(case, making.list_, making.criteria)
    queries.note_progress(making.pack.id, making.readable.index(application_id) + 1, len(making.readable))


def _translated(one: reviews.Translated) -> str:
    return f"{language_name(one.language)}, {PROVENANCES[one.provenance]}, {one.by}: {one.words}"


def finish(making: Making) -> bool:
    """Bind what was written into one document for the person; says whether it was done.

    Whoever stepped aside from something while it was made has it made again, without that.
    """
    pack = queries.pack_to_make(making.pack.id)
    if pack is None:
        return False
    if set(making.readable) - queries.readable_ids(cases_seen_by(pack.person), making.meeting.call_id):
        pack.begun_at = None
        return False
    document = pdf.render("document", language=pack.language, **rules.pack_in_words(making.meeting, making.parts))
    pack.file = files.keep_own(f"{making.meeting.reference}-pack.pdf", document)
    pack.application_ids, pack.made_at, pack.state = making.readable, clock.now(), PackState.READY
    db.session.flush()
    return True


def give_up(pack_id: int) -> None:
    """Say that a pack could not be made; it can be asked for again."""
    pack = queries.pack_to_make(pack_id)
    if pack is not None:
        pack.state = PackState.FAILED


def forget_old(at: datetime) -> int:
    """Take away packs that were made a while ago; says how many."""
    old = queries.packs_made_before(at - rules.KEPT)
    for pack in old:
        _empty(pack)
        db.session.delete(pack)
    db.session.flush()
    return len(old)
