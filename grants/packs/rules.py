"""What stands in the papers of the committee, in words, and when a pack is given to nobody any more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from grants.accounts.models import Confidentiality, Person
from grants.applications.models import Application
from grants.calls.models import Call, Criterion
from grants.checks.models import Finding, Outcome
from grants.core.languages import _l, _ln, country_name, pick
from grants.core.money import Money
from grants.core.rules import Obstacle
from grants.core.templating import day, moment, money
from grants.decisions.models import OUTCOME_LABELS, PROCEDURE_LABELS, Decision, Meeting, PointKind, Seat
from grants.decisions.queries import Point, Said
from grants.decisions.rules import Count, Ranked, Ranking, worded_point
from grants.packs.models import Pack, PackState
from grants.reviews.models import Review
from grants.reviews.queries import ApplicationLine, Gate
from grants.reviews.rules import Grid, Result, shown
from grants.scenarios.rules import Shown

KEPT = timedelta(days=30)
"""How long a pack is kept; it can be made again."""

STALLED = timedelta(minutes=20)
"""After so long a pack that a worker began is begun again by another."""

FOOTER = _l("Pilot Fund of MADE, the Migration and Development Civil Society network")

FOUND = {Outcome.PASSED: _l("met"), Outcome.FAILED: _l("not met"), Outcome.TO_JUDGE: _l("to be judged")}

Parts = list[dict[str, Any]]


# ------------------------------------------------------------------ giving a pack


def obstacles_to_asking(pack: Pack | None) -> list[Obstacle]:
    """Why no other pack is made: one is being made."""
    if pack is not None and pack.state == PackState.ASKED:
        return [Obstacle("being_made", _l("Your pack is being made."))]
    return []


def obstacles_to_giving(pack: Pack | None, readable: AbstractSet[int]) -> list[Obstacle]:
    """Why a pack is not given: it is not ready, or the person may not read (``readable``) all that stands in it any more."""
    if pack is None or pack.state != PackState.READY or pack.file is None:
        return [Obstacle("not_ready", _l("The pack is not ready."))]
    if set(pack.application_ids) - readable:
        message = _l("This pack holds an application that you may not read any more. Please have it made again.")
        return [Obstacle("holds_too_much", message)]
    return []


# ------------------------------------------------------------------ small parts


def chapter(words: Any) -> dict[str, Any]:
    """A heading that begins a page."""
    return {"kind": "chapter", "text": str(words)}


def section(words: Any) -> dict[str, Any]:
    """A heading below the title of the document."""
    return {"kind": "section", "text": str(words)}


def heading(words: Any) -> dict[str, Any]:
    """A heading below a chapter or a section."""
    return {"kind": "question", "text": str(words)}


def entry(words: Any) -> dict[str, Any]:
    """A heading below a heading."""
    return {"kind": "entry", "text": str(words)}


def paragraph(words: Any) -> dict[str, Any]:
    """Words."""
    return {"kind": "text", "text": str(words)}


def note(words: Any) -> dict[str, Any]:
    """Words beside the matter."""
    return {"kind": "note", "text": str(words)}


def facts(*pairs: tuple[Any, Any]) -> dict[str, Any]:
    """Terms with what they are; those without are left out."""
    return {"kind": "facts", "pairs": [[str(term), str(words)] for term, words in pairs if words]}


def table(head: Iterable[Any], rows: Iterable[Iterable[Any]]) -> dict[str, Any]:
    """Rows below their names."""
    return {
        "kind": "table",
        "head": [str(words) for words in head],
        "rows": [["–" if words in (None, "") else str(words) for words in row] for row in rows],
    }


def deeper(parts: Iterable[Mapping[str, Any]]) -> Parts:
    """The parts of a document one level further down, to stand in a chapter."""
    levels = {"section": "question", "question": "entry"}
    return [{**part, "kind": levels.get(part["kind"], part["kind"])} for part in parts]


def _meeting_facts(meeting: Meeting, zone: str) -> list[tuple[Any, Any]]:
    call = meeting.call
    begins, ends = moment(meeting.starts_at, zone), moment(meeting.ends_at, zone) if meeting.ends_at else ""
    when = _l("%(start)s to %(end)s", start=begins, end=ends) if ends else begins
    chair = next((seat.person.name for seat in meeting.seats if seat.person_id == meeting.chair_id), "")
    return [
        (_l("Meeting"), meeting.reference),
        (_l("Call"), f"{call.reference} – {pick(call.title, None, call.authoritative_language)}"),
        (_l("When"), when),
        (_l("How it decides"), PROCEDURE_LABELS[meeting.procedure]),
        (_l("Quorum"), _l("%(n)s votes on each application", n=meeting.quorum)),
        (_l("Chair"), chair),
    ]


# ------------------------------------------------------------------ the pack


@dataclass(frozen=True)
class Case:
    """One application as it goes into a pack: its place or result, what was checked, reviewed and answered.

    ``answers`` are parts already in words; texts that others wrote pass the ``gate`` of the reader.
    """

    application: Application
    row: Ranked | Result
    findings: Sequence[Finding]
    reviews: Sequence[Review]
    answers: Parts
    discussion: Sequence[Said]
    gate: Gate

    @property
    def result(self) -> Result:
        """What its reviews say together."""
        return self.row.result if isinstance(self.row, Ranked) else self.row


def front_in_words(
    meeting: Meeting, person: Person, points: Sequence[Point], list_: Ranking, titles: Mapping[int, str], at: datetime
) -> Parts:
    """The first pages of a pack: the meeting in the member's own time, the agenda, the ranked list with the money line.

    ``titles`` are the titles and the applicants of what the member may read, as they may read them; nothing else of the
    ranking is told.
    """
    made_for = _l("%(name)s, on %(moment)s", name=person.name, moment=moment(at, person.timezone))
    parts = [
        facts(*_meeting_facts(meeting, person.timezone), (_l("Made for"), made_for)),
        note(
            _l(
                "Confidential. This pack is for one person: it leaves out what that person must not see. Do not pass it on."
            )
        ),
        section(_l("Agenda")),
        table(
            (_l("Point"), _l("What it is about")),
            [(str(n), _point(point, titles)) for n, point in enumerate(points, 1)],
        ),
        section(_l("Ranked list")),
    ]
    return [*parts, *_ranked(meeting.call, list_, titles)]


def _point(point: Point, titles: Mapping[int, str]) -> str:
    if point.kind == PointKind.APPLICATION:
        return f"{point.reference} · {titles.get(point.application_id or 0, '')}"
    return worded_point(point)


def _ranked(call: Call, list_: Ranking, titles: Mapping[int, str]) -> Parts:
    rows: list[list[Any]] = []
    last = next((place for place in reversed(list_.ranked) if place.above_line), None)
    for place in list_.ranked:
        if place.application.id in titles:
            rows.append(_line(place.application, titles, str(place.rank), place.result, place.cumulative))
            if place.tie:
                words = _l("Same points as the one before; placed by: %(rule)s", rule=list_.tie_label(place.tie))
                rows[-1][1] = f"{rows[-1][1]} ({words})"
        if last is not None and place.rank == last.rank:
            rows.append(
                ["", _l("The money line: %(amount)s", amount=money(call.envelope)), "", "", money(last.cumulative)]
            )
    rest = [(_l("below a threshold"), one) for one in list_.below]
    rest += [(_l("waits for reviews"), one) for one in list_.waiting]
    rows += [_line(one.application, titles, place, one, None) for place, one in rest if one.application.id in titles]
    if not rows:
        return [note(_l("There is nothing to decide about yet."))]
    return [table((_l("Place"), _l("Application"), _l("Points"), _l("Asked for"), _l("Together")), rows)]


def scenario_in_words(laid: Shown) -> Parts:
    """The scenario that lies before the meeting, as the reader may see it."""
    ticked = ", ".join(line["reference"] for line in laid.lines if line["ticked"])
    amounts = {"amount": money(laid.balance.spent), "left": money(laid.balance.left)}
    return [
        section(_l("Scenario before this meeting: %(name)s", name=laid.name)),
        paragraph(
            _ln(
                "%(num)s award, %(amount)s; %(left)s left.",
                "%(num)s awards, %(amount)s; %(left)s left.",
                laid.balance.number,
                **amounts,
            )
        ),
        paragraph(_l("In: %(references)s", references=ticked or "–")),
        note(_l("Nothing is decided by it.")),
    ]


def _line(
    line: ApplicationLine, titles: Mapping[int, str], place: Any, result: Result, together: Money | None
) -> list[Any]:
    about = f"{line.reference} · {titles[line.id]}"
    return [place, about, shown(result.score), money(line.requested), money(together) if together else ""]


def case_in_words(case: Case, list_: Ranking, criteria: Sequence[Criterion]) -> Parts:
    """Everything about one application that the reader of a pack may read: key facts, check, reviews, answers."""
    application, result, grid = case.application, case.result, list_.grid
    title = application.title
    place = list_.place(application.id)
    where = ""
    if place is not None:
        side = _l("above") if place.above_line else _l("below")
        where = _l("%(place)s, %(where)s the money line", place=place.rank, where=side)
    parts = [
        chapter(f"{application.reference} · {title}" if title else application.reference),
        facts(
            (_l("Organization"), application.organization.name),
            (_l("Country"), country_name(application.organization.country)),
            (_l("Lot"), application.lot_key),
            (_l("Asked for"), money(result.application.requested)),
            (_l("Points"), _l("%(score)s of %(most)s", score=shown(result.score), most=grid.most)),
            (_l("Place"), where or _l("not ranked")),
        ),
    ]
    if application.confidentiality != Confidentiality.PUBLIC:
        parts.append(
            note(_l("People may be in danger if this name becomes known. Do not share it outside this system."))
        )
    parts += [paragraph(missed.message) for missed in result.missed]
    if result.third_review:
        parts.append(note(_l("The reviews disagree, and the further one that is due is not in.")))
    parts += [heading(_l("Check")), *_checked(case)]
    for number, review in enumerate(case.reviews, 1):
        parts += _reviewed(case, review, number, grid, criteria)
    if not case.reviews:
        parts += [heading(_l("Reviews")), note(_l("None has been submitted."))]
    if case.discussion:
        zone = application.call.timezone
        parts += [heading(_l("Discussion")), *_said(case.discussion, zone)]
    return parts + deeper(case.answers)


def _said(discussion: Iterable[Said], zone: str) -> Parts:
    return [paragraph(f"{words.by} ({moment(words.at, zone)}): {words.text}") for words in discussion]


def _checked(case: Case) -> Parts:
    if not case.findings:
        return [note(_l("Nothing has been written down."))]
    rows = [
        (pick(finding.rule.text), FOUND[Outcome(finding.outcome)], case.gate.told(finding.reason))
        for finding in case.findings
    ]
    return [table((_l("Rule"), _l("Outcome"), _l("Reason")), rows)]


def _reviewed(case: Case, review: Review, number: int, grid: Grid, criteria: Sequence[Criterion]) -> Parts:
    given = {score.criterion.key: score for score in review.scores}
    used = {one.review_id for one in case.result.reviews_used}
    told = [str(_l("%(points)s points", points=review.total or 0)), grid.advice(review.recommendation)]
    if used and review.id not in used:
        told.append(str(_l("not used for the score")))
    rows = []
    for criterion in criteria:
        score = given.get(criterion.key)
        points = (score.value or 0) * criterion.weight if score else None
        reason = case.gate.told(score.reason) if score else ""
        rows.append((f"{criterion.key} {pick(criterion.text)}", score.value if score else None, points, reason))
    parts = [
        heading(_l("Review %(n)s, by %(reviewer)s", n=number, reviewer=review.assignment.reviewer.reference)),
        paragraph(" · ".join(told)),
        table((_l("Criterion"), _l("Score"), _l("Points"), _l("Reason")), rows),
    ]
    if review.summary:
        parts += [entry(_l("Summary")), paragraph(case.gate.told(review.summary))]
    if review.for_applicant:
        parts += [entry(_l("For the applicant")), paragraph(case.gate.told(review.for_applicant))]
    return parts


def pack_in_words(meeting: Meeting, parts: Parts) -> dict[str, Any]:
    """A pack as a document."""
    title = _l(
        "Pack for the committee: %(call)s", call=pick(meeting.call.title, None, meeting.call.authoritative_language)
    )
    return {"title": str(title), "reference": meeting.reference, "footer": str(FOOTER), "parts": parts}


# ------------------------------------------------------------------ the decision sheet and the minutes


@dataclass(frozen=True)
class Told:
    """What one decision is told with: its place and the words of its explanation as the reader may read them, its votes as
    they count, who left the room, who declared a conflict later.
    """

    decision: Decision
    place: int | None
    explained: Sequence[str]
    count: Count
    left: Sequence[str]
    late: Sequence[str]

    @property
    def was_decided(self) -> bool:
        """Whether it was not left undecided."""
        return not self.decision.is_undecided


def _outcome(decision: Decision) -> str:
    if decision.is_undecided:
        return str(_l("Left undecided"))
    label = str(OUTCOME_LABELS[decision.outcome])
    return f"{label}: {money(decision.amount)}" if decision.amount_minor else label


def _not_signed(seat: Seat, unsigned: Mapping[int, str]) -> Any:
    if reason := unsigned.get(seat.id):
        return _l("did not sign: %(text)s", text=reason)
    return _l("did not sign") if seat.unsigned_because else _l("not signed yet")


def _lifted(reason: str) -> Parts:
    return [paragraph(_l("Why promises of the call are not kept: %(text)s", text=reason))] if reason else []


def _signed(meeting: Meeting, fingerprint: str | None, unsigned: Mapping[int, str]) -> Parts:
    zone = meeting.call.timezone
    chair = [seat for seat in meeting.seats if seat.present and seat.person_id == meeting.chair_id]
    others = [seat for seat in meeting.seats if seat.present and seat.person_id != meeting.chair_id]
    rows = [
        (
            _l("%(name)s, chair", name=seat.person.name) if seat in chair else seat.person.name,
            moment(seat.signed_at, zone) if seat.signed_at else _not_signed(seat, unsigned),
            f"{seat.signed_at:%Y-%m-%d %H:%M:%S} UTC" if seat.signed_at else "",
        )
        for seat in chair + others
    ]
    parts = [section(_l("Signatures")), table((_l("Name"), _l("Signed on"), _l("The same moment in UTC")), rows)]
    if fingerprint is None:
        return [*parts, note(_l("The sheet is signed when the meeting has been closed."))]
    return [
        *parts,
        section(_l("Fingerprint (SHA-256)")),
        {"kind": "code", "text": fingerprint},
        note(
            _l(
                "The fingerprint is computed from the whole sheet, also from what is left out for a reader who stepped "
                "aside. Whoever signed has signed the sheet with this fingerprint; it can be computed again from the record."
            )
        ),
    ]


def sheet_in_words(
    meeting: Meeting,
    told: Sequence[Told],
    fingerprint: str | None,
    *,
    lifted: str,
    unsigned: Mapping[int, str],
    elsewhere: int = 0,
) -> dict[str, Any]:
    """The decision sheet as a document, with who signed it and when, and what it is known by.

    ``lifted`` and ``unsigned`` (by seat) are reasons as this reader may read them.
    """
    rows = [
        (
            f"{one.decision.application.reference} {one.decision.application.title}",
            one.place,
            one.decision.score,
            "\n".join([_outcome(one.decision), *one.explained]),
            "\n".join([*([one.count.in_words] if one.was_decided else []), *_left(one)]),
        )
        for one in told
    ]
    head = (_l("Application"), _l("Place"), _l("Points"), _l("Decision"), _l("Votes"))
    parts = [facts(*_meeting_facts(meeting, meeting.call.timezone), *_attending(meeting)), section(_l("Decisions"))]
    parts.append(table(head, rows) if rows else note(_l("Nothing has been decided yet.")))
    parts += _lifted(lifted) + _left_out(elsewhere) + _signed(meeting, fingerprint, unsigned)
    title = _l("Decision sheet of %(meeting)s", meeting=meeting.reference)
    return {"title": str(title), "reference": meeting.reference, "footer": str(FOOTER), "parts": parts}


def explained(decision: Decision, gate: Gate) -> list[str]:
    """The conditions and the reason of a decision, or why it was left undecided, as a reader may read them."""
    if decision.is_undecided:
        return gate.all_told([decision.left_because])
    told = [str(_l("Condition: %(text)s", text=text)) for text in gate.all_told(decision.conditions)]
    return told + ([str(_l("Reason: %(text)s", text=decision.reason))] if gate.told(decision.reason) else [])


def _left(one: Told) -> list[str]:
    found = []
    if one.left:
        found.append(str(_l("Left the room: %(names)s", names=", ".join(one.left))))
    if one.late:
        found.append(str(_l("Declared a conflict after the decision: %(names)s", names=", ".join(one.late))))
    return found


def _attending(meeting: Meeting) -> list[tuple[Any, Any]]:
    here = ", ".join(seat.person.name for seat in meeting.seats if seat.present)
    away = ", ".join(seat.person.name for seat in meeting.seats if not seat.present)
    return [(_l("Present"), here), (_l("Absent"), away)]


def _left_out(elsewhere: int) -> Parts:
    found = [
        note(
            _l(
                "Whoever has a conflict of interest with an applicant reads nothing of it: its application, and texts that "
                "name it, are left out for them, and places and sums are made without it."
            )
        )
    ]
    if elsewhere:
        found.append(note(_l("Decisions about other regions that are not shown: %(n)s.", n=elsewhere)))
    return found


def minutes_in_words(
    meeting: Meeting,
    points: Sequence[Point],
    told: Sequence[Told],
    discussed: Sequence[Application],
    discussion: Mapping[int, Sequence[Said]],
    minutes: str,
    *,
    left_room: Mapping[int, Sequence[str]],
    lifted: str,
    unsigned: Mapping[int, str],
    elsewhere: int = 0,
) -> dict[str, Any]:
    """The minutes as a document: who was here, and point by point what was said, who left the room, how it was decided.

    All texts are given as the reader may read them. ``discussed`` are the applications of which something was said, decided
    or not; ``left_room`` names who stepped aside from each. ``minutes`` is what was written in general.
    """
    zone = meeting.call.timezone
    by_id = {one.decision.application_id: one for one in told}
    named = {point.application_id for point in points if point.application_id is not None}
    closed = (_l("Closed"), moment(meeting.closed_at, zone) if meeting.closed_at else "")
    missing = [f"{s.person.name} ({_not_signed(s, unsigned)})" for s in meeting.seats if s.id in unsigned]
    signatures = (_l("Signatures missing"), "; ".join(missing) if meeting.closed_at else "")
    parts = [facts(*_meeting_facts(meeting, zone), *_attending(meeting), closed, signatures)]
    if meeting.closed_at is None:
        parts.append(note(_l("A draft: the meeting has not been closed.")))
    others = [one.decision.application for one in told] + [one for one in discussed if one.id not in by_id]
    others = [one for one in others if one.id not in named]

    def talked(application_id: int) -> Parts:
        said, one = discussion.get(application_id, ()), by_id.get(application_id)
        return _talked(said, one, left_room.get(application_id, ()), meeting)

    for number, point in enumerate(points, 1):
        parts.append(section(f"{number}. {worded_point(point)}"))
        if point.application_id is not None:
            parts += talked(point.application_id)
        elif point.kind == PointKind.OTHERS:
            parts += _others(others, talked)
        if point.noted:
            parts.append(paragraph(point.noted))
    if others and not any(point.kind == PointKind.OTHERS for point in points):
        parts += [section(_l("Other decisions")), *_others(others, talked)]
    if minutes:
        parts += [section(_l("In general")), paragraph(minutes)]
    parts += _lifted(lifted) + _left_out(elsewhere)
    title = _l("Minutes of %(meeting)s", meeting=meeting.reference)
    return {"title": str(title), "reference": meeting.reference, "footer": str(FOOTER), "parts": parts}


def _others(applications: Sequence[Application], talked: Callable[[int], Parts]) -> Parts:
    parts: Parts = []
    for one in applications:
        parts += [heading(f"{one.reference} · {one.title}"), *talked(one.id)]
    return parts or [note(_l("None was decided."))]


def _talked(said: Sequence[Said], one: Told | None, left_room: Sequence[str], meeting: Meeting) -> Parts:
    """What was said about an application and what was decided."""
    zone = meeting.call.timezone
    parts = []
    if left := one.left if one is not None else left_room:
        parts.append(paragraph(_l("%(names)s left the room.", names=", ".join(left))))
    parts += _said(said, zone)
    if one is None:
        return [*parts, note(_l("Nothing was decided about it."))]
    decision = one.decision
    if not one.was_decided:
        return [*parts, note(_outcome(decision)), *[paragraph(words) for words in one.explained]]
    quorum = _l("a quorum of %(n)s", n=meeting.quorum)
    outcome = _l(
        "%(outcome)s. %(votes)s; %(quorum)s.", outcome=_outcome(decision), votes=one.count.in_words, quorum=quorum
    )
    parts.append(paragraph(outcome))
    if decision.taken_at:
        parts.append(note(_l("Decided on %(day)s", day=day(decision.taken_at, zone))))
    parts += [paragraph(words) for words in one.explained]
    if one.late:
        parts.append(paragraph(_l("Declared a conflict after the decision: %(names)s", names=", ".join(one.late))))
    return parts
