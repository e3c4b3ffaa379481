"""What stands in the dossier of a grant, in words, as its reader may read it; and when it is given to nobody any more."""

from __future__ import annotations

import csv
import enum
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from grants.accounts.models import REGION_LABELS, Confidentiality, strictest
from grants.amendments.models import KIND_LABELS as CHANGES
from grants.amendments.models import Amendment, Kind
from grants.amendments.rules import compare
from grants.amendments.rules import worded as terms_in_words
from grants.applications.rules import Audience, answers_in_words
from grants.awards.models import RISK_LABELS, Award, AwardVersion, Risk
from grants.awards.queries import STANDING_LETTERS
from grants.awards.rules import paid_when
from grants.closeout.rules import balance_in_words
from grants.core.files import Scan, StoredFile
from grants.core.languages import _l, country_name, language_now, pick
from grants.core.money import Money
from grants.core.questions import Definition
from grants.core.rules import Obstacle
from grants.core.templating import day, moment, money
from grants.core.workflow import Workflow
from grants.decisions.models import OUTCOME_LABELS, Choice
from grants.diligence.models import OUTCOMES, TAB_LABELS, VERDICTS, AskedOf, Outcome, Tab, Verdict
from grants.dossiers.models import Dossier, DossierState
from grants.dossiers.queries import Sealed, Told, Whole
from grants.history.models import HistoryEntry
from grants.letters.models import KIND_LABELS as LETTERS
from grants.letters.models import Letter
from grants.packs.rules import Parts, entry, facts, heading, note, paragraph, section, table
from grants.payments.models import Disbursement
from grants.payments.rules import MOVES, POTS
from grants.reports.models import LEVELS, PLAN_POINTS, STAGES, ReportDue, ReportReturn, ReportVersion
from grants.reports.queries import COUNTED
from grants.reports.rules import figures_in, papers_in, parts_of
from grants.reports.workflow import ReportState
from grants.reviews.queries import Gate
from grants.visits.models import KIND_LABELS, Visit, VisitKind

KEPT = timedelta(days=14)
"""How long a dossier is kept; it can be made again."""

STALLED = timedelta(minutes=20)
"""After so long a dossier that a worker began is begun again by another."""

FORMAT = "pilot-fund-dossier/1"

HOLDS_A_NUMBER = _l(
    "It holds whole numbers of accounts. It is read on the page of the due diligence, and nowhere else."
)

CHOICES: dict[str, Any] = {Choice.FOR: _l("for"), Choice.AGAINST: _l("against"), Choice.ABSTAIN: _l("abstained")}


# ------------------------------------------------------------------ who reads


class Sight(enum.StrEnum):
    """Something in a dossier that not every reader may read."""

    STAFF = "staff"
    APPLICATION = "application"
    DECISION = "decision"
    PROOFS = "proofs"
    ACCOUNTS = "accounts"
    LEDGER = "ledger"


@dataclass(frozen=True)
class Reader:
    """What the reader of a dossier may read, and the gate that every text which others wrote passes before."""

    sights: frozenset[Sight]
    gate: Gate = field(default_factory=Gate)

    def sees(self, sight: Sight) -> bool:
        """Whether they may read this."""
        return sight in self.sights

    @property
    def is_staff(self) -> bool:
        """Whether they read for the fund: names and reasons are told to them."""
        return self.sees(Sight.STAFF)

    def told(self, text: str | None) -> str:
        """A text as they may read it; the grantee reads what was written to it as it is."""
        return self.gate.told(text) if self.is_staff else text or ""


WHOLE_SIGHT = Reader(frozenset(Sight))
"""Whoever has the command line of the fund's own server reads everything."""


def obstacles_to_asking(dossier: Dossier | None) -> list[Obstacle]:
    """Why no other dossier is made: one is being made."""
    if dossier is not None and dossier.state == DossierState.ASKED:
        return [Obstacle("being_made", _l("Your dossier is being made."))]
    return []


def obstacles_to_giving(dossier: Dossier | None, reader: Reader, award: Award) -> list[Obstacle]:
    """Why a dossier is not given: it is not ready, its reader may not read all that stands in it any more, or the grant was
    made more confidential since and its pages do not say so.
    """
    if dossier is None or dossier.state != DossierState.READY or dossier.file is None:
        return [Obstacle("not_ready", _l("The dossier is not ready."))]
    if set(dossier.shown) - reader.sights or reader.gate.ids - set(dossier.hidden_ids):
        message = _l("This dossier holds something that you may not read any more. Please have it made again.")
        return [Obstacle("holds_too_much", message)]
    if strictest(dossier.confidentiality, award.confidentiality) != dossier.confidentiality:
        message = _l("The grant was made more confidential since. Please have the dossier made again.")
        return [Obstacle("tightened", message)]
    return []


# ------------------------------------------------------------------ what it is made of


class Paper(NamedTuple):
    """A file of the dossier. ``closed`` says why it cannot be given, when it cannot; names of files tell nobody's name."""

    path: str
    label: str
    key: str
    size: int
    sha256: str
    closed: str


@dataclass
class Page:
    """A page of the dossier: its words as parts, and the files that it tells of."""

    path: str
    title: str
    parts: Parts = field(default_factory=list)
    papers: list[Paper] = field(default_factory=list)

    def paper(self, path: str, label: Any, stored: StoredFile | None, closed: Any = "") -> None:
        """Tell of a file at this place; ``path`` without its ending. ``closed`` says why nobody gets it here."""
        if stored is None:
            return
        why = str(closed) or _closed(stored)
        kept = Paper(f"{path}.{stored.kind}", str(label), stored.key, stored.size, stored.sha256, why)
        self.papers.append(kept)
        self.parts.append({"kind": "paper", "path": kept.path, "text": kept.label})


def _closed(stored: StoredFile) -> str:
    if stored.erased_at is not None:
        return str(_l("It is no longer kept, since %(day)s.", day=day(stored.erased_at, "UTC")))
    return str(Scan(stored.scan).label) if Scan(stored.scan).is_closed else ""


@dataclass
class Contents:
    """A dossier before it is written: its pages, and what stands in it besides them, by path."""

    reference: str
    pages: list[Page]
    texts: dict[str, bytes]
    about: dict[str, Any]
    facts: dict[str, Any]
    language: str

    @property
    def papers(self) -> list[Paper]:
        """Every file, in the order of the pages."""
        return [paper for page in self.pages for paper in page.papers]


def contents_of(whole: Whole, reader: Reader, language: str) -> Contents:
    """The dossier of a grant as its reader may read it, in the language spoken now.

    Nothing in it depends on when or for whom it is made beyond what they may read: the same record gives the same bytes.
    """
    zone = whole.award.call.timezone
    history = history_seen(whole, reader)
    pages = [
        _agreement(whole, reader, zone),
        _changes(whole, reader, zone),
        *_application(whole, reader),
        _decision(whole, reader, zone),
        _diligence(whole, reader, zone),
        *(_report(whole, reader, told, zone) for told in whole.reports),
        _visited(whole, reader, zone),
        _payments(whole, reader, zone),
        *_closeout(whole, reader),
        _messages(whole, reader, zone),
        _history(history, reader, zone),
    ]
    texts = {"history.jsonl": "".join(_line(one, reader) for one in history).encode()}
    for told in whole.reports:
        texts |= {_version_path(told.due, one): _as_json(_gated(one.content, reader)).encode() for one in told.versions}
    if reader.sees(Sight.LEDGER):
        texts["payments/ledger.csv"] = _ledger_table(whole)
    seals = [(one.position, one.digest) for one in whole.history if one.position is not None]
    last = max(seals, default=None)
    about = {
        "format": FORMAT,
        "grant": whole.award.reference,
        "language": language,
        "sights": sorted(reader.sights),
        "record": {"position": last[0], "digest": last[1]} if last else None,
    }
    shown = [page for page in pages if page.parts]
    return Contents(whole.award.reference, shown, texts, about, _front(whole, history, zone), language)


def _front(whole: Whole, history: Sequence[Sealed], zone: str) -> dict[str, Any]:
    award, position = whole.award, whole.balance.position
    warning = ""
    if award.confidentiality != Confidentiality.PUBLIC:
        warning = str(_l("People may be in danger if this name becomes known. Do not share it outside this system."))
    return {
        "title": award.title,
        "warning": warning,
        "pairs": facts(
            (_l("Grant"), award.reference),
            (_l("Grantee"), award.organization.name),
            (_l("Country"), country_name(award.organization.country)),
            (_l("Region"), REGION_LABELS.get(award.region, award.region)),
            (_l("Call"), f"{award.call.reference} · {pick(award.call.title)}"),
            (_l("State"), award.workflow.states(award.state).label),
            (_l("Period"), _l("%(start)s to %(end)s", start=day(award.start_on), end=day(award.end_on))),
            (_l("Awarded"), money(position.awarded)),
            (_l("Paid"), money(position.paid)),
            (_l("Shown as spent in accepted reports"), money(position.spent)),
            (_l("Returned by the grantee"), money(position.refunded)),
            (_l("The record as it stood"), moment(history[-1].entry.at, zone) if history else ""),
        )["pairs"],
    }


# ------------------------------------------------------------------ agreement and changes


def _agreement(whole: Whole, reader: Reader, zone: str) -> Page:
    award = whole.award
    page = Page("agreement.html", str(_l("Agreement")))
    for one in award.agreements:
        page.parts.append(section(_l("Version %(number)s", number=one.version)))
        page.parts.append(
            facts(
                (_l("Drawn up"), day(one.drawn_up_at, zone)),
                (_l("Signed"), moment(one.signed_at, zone) if one.signed_at else _l("not signed")),
                (_l("Signature"), one.signature),
                (_l("Signed on paper on"), day(one.copy_signed_on) if one.copy_signed_on else ""),
                (_l("Countersigned"), moment(one.countersigned_at, zone) if one.countersigned_at else ""),
                (_l("Countersigned by"), one.countersigned_by.name if reader.is_staff and one.countersigned_by else ""),
            )
        )
        page.paper(f"agreement/agreement-{one.version}", _l("Document"), one.file)
        page.paper(f"agreement/agreement-{one.version}-signed", _l("Signed copy"), one.copy)
    conditions = [one for one in award.conditions if reader.is_staff or one.owner_id is None]
    if conditions:
        page.parts += [section(_l("Conditions")), table(
            (_l("Condition"), _l("Due"), _l("Met on"), _l("Evidence")),
            [(c.text, day(c.due_on) if c.due_on else "", day(c.met_on) if c.met_on else "", reader.told(c.evidence) if reader.is_staff else "") for c in conditions],
        )]  # fmt: skip
    if award.milestones:
        page.parts += [section(_l("Milestones")), table(
            (_l("Milestone"), _l("Due"), _l("Reached"), _l("Confirmed"), _l("Evidence")),
            [(m.title, *(day(on) if on else "" for on in (m.due_on, m.reached_on, m.confirmed_on)), reader.told(m.evidence)) for m in award.milestones],
        )]  # fmt: skip
    return page


def _changes(whole: Whole, reader: Reader, zone: str) -> Page:
    page = Page("versions.html", str(_l("Versions and changes")))
    triggers = (whole.award.call.terms or {}).get("award", {}).get("trigger_labels", {})
    before: AwardVersion | None = None
    for version in whole.versions:
        page.parts.append(section(_l("What was signed: version %(number)s", number=version.number)))
        page.parts.append(facts((_l("Signed"), day(version.made_at, zone))))
        if version.reconstructed:
            page.parts.append(note(_l("Written down later, from what stood then.")))
        changed = {str(side.label) for side in compare(before, version, triggers) if side.differs} if before else set()
        for label, lines in terms_in_words(version.terms, triggers):
            mark = str(_l("%(what)s (changed)", what=label)) if str(label) in changed else str(label)
            page.parts += [heading(mark), paragraph("\n".join(lines) or "–")]
        before = version
    for one in whole.amendments:
        page.parts += _amended(one, reader, zone)
    if whole.notices:
        rows = [
            (one.number, day(one.given_at, zone), _moved(one.moves, whole.award.currency), one.reason)
            for one in whole.notices
        ]
        page.parts += [
            section(_l("Notices of budget changes")),
            table((_l("Number"), _l("Day"), _l("Money moved"), _l("Reason")), rows),
        ]
    return page


def _amended(one: Amendment, reader: Reader, zone: str) -> Parts:
    kinds = "; ".join(str(CHANGES[Kind(kind)]) for kind in one.kinds)
    return [
        section(_l("Change %(number)s: %(what)s", number=one.number, what=kinds)),
        facts(
            (_l("State"), one.workflow.states(one.state).label),
            (_l("Asked for"), moment(one.asked_at, zone)),
            (_l("By"), one.asked_by.name if reader.is_staff else ""),
            (_l("New end"), day(one.end_on) if one.end_on else ""),
            (_l("Version"), one.agreement.version if one.agreement else ""),
        ),
        entry(_l("Reason")),
        paragraph(reader.told(one.reason)),
        *([entry(_l("Work")), paragraph(reader.told(one.scope))] if one.scope else []),
        *([entry(_l("Answer of the fund")), paragraph(reader.told(one.answer))] if one.answer else []),
    ]


def _moved(moves: Mapping[str, int], currency: str) -> str:
    return "\n".join(f"{heading_}: {money(Money(minor, currency))}" for heading_, minor in moves.items())


# ------------------------------------------------------------------ application and decision


def _application(whole: Whole, reader: Reader) -> list[Page]:
    if not reader.sees(Sight.APPLICATION) or whole.receipt is None:
        return []
    sent = whole.receipt
    page = Page("application.html", str(_l("Application")))
    page.parts += [
        facts(
            (_l("Application"), whole.award.application.reference),
            (_l("Receipt"), sent.number),
            (_l("Sent in"), moment(sent.submitted_at, whole.award.call.timezone)),
            (_l("SHA-256 of the content"), sent.content_hash),
        ),
        *_answers(whole.definition, whole.answers, whole.attachments, reader),
        section(_l("Documents")),
    ]
    for number, one in enumerate(whole.attachments, 1):
        closed = HOLDS_A_NUMBER if one.document.is_about_bank else ""
        page.paper(f"application/{number:02}-{one.document.key}", pick(one.document.label), one.file, closed)
        if one.file is None:
            label = pick(one.document.label)
            page.parts.append(
                note(_l("%(document)s: withheld, because: %(why)s", document=label, why=one.withheld_reason))
            )
    return [page]


def _answers(definition: Definition, answers: Mapping[str, Any], attachments: Iterable[Any], reader: Reader) -> Parts:
    audience = Audience.STAFF if reader.is_staff else Audience.APPLICANT
    parts = answers_in_words(definition, answers, list(attachments), audience)
    return [{**part, "text": reader.told(part["text"])} if part["kind"] == "text" else part for part in parts]


def _decision(whole: Whole, reader: Reader, zone: str) -> Page:
    page = Page("decision.html", str(_l("Decision and letters")))
    decision = whole.decision
    if reader.sees(Sight.DECISION) and decision is not None:
        votes: dict[str, int] = {}
        for vote in decision.votes:
            votes[vote.choice] = votes.get(vote.choice, 0) + 1
        page.parts += [
            section(_l("What the committee decided")),
            facts(
                (_l("Meeting"), decision.meeting.reference),
                (_l("Decision"), OUTCOME_LABELS[decision.outcome]),
                (_l("Amount"), money(decision.amount)),
                (_l("Decided"), moment(decision.taken_at, zone) if decision.taken_at else ""),
                (_l("Letter sent"), moment(decision.released_at, zone) if decision.released_at else ""),
                (_l("Points"), decision.score),
                (_l("Rank"), decision.rank),
                (_l("Votes"), ", ".join(f"{CHOICES[choice]}: {n}" for choice, n in sorted(votes.items()))),
            ),
        ]
        for words, text in ((_l("Reason"), decision.reason), (_l("For the applicant"), decision.feedback)):
            if reader.told(text):
                page.parts += [entry(words), paragraph(reader.told(text))]
        if decision.conditions:
            page.parts += [entry(_l("Conditions")), paragraph("\n".join(decision.conditions))]
    for letter in whole.letters:
        if not reader.sees(Sight.APPLICATION) and letter.kind not in STANDING_LETTERS:
            continue
        page.parts += _letter(letter, reader, zone)
    return page


def _letter(letter: Letter, reader: Reader, zone: str) -> Parts:
    told = letter.details
    parts = [
        section(_l("Letter: %(what)s", what=LETTERS[letter.kind])),
        facts((_l("Written"), day(letter.written_at, zone))),
        *(paragraph(reader.told(words)) for words in (letter.opening, letter.outcome) if reader.told(words)),
    ]
    if reader.told(told.get("reason")):
        parts += [entry(_l("The reason")), paragraph(reader.told(told["reason"]))]
    if reader.told(told.get("feedback")):
        parts += [entry(_l("What the committee says")), paragraph(reader.told(told["feedback"]))]
    said = [reader.told(words) for words in told.get("sentences") or () if reader.told(words)]
    if said:
        parts += [entry(_l("What the reviewers say")), *map(paragraph, said)]
    if points := told.get("points"):
        rows = [(pick(one["title"]), one["points"], one["most"]) for one in points["sections"]]
        parts.append(table((_l("Section"), _l("Points"), _l("At most")), [*rows, (_l("Total"), points["total"], points["most"])]))  # fmt: skip
    return [*parts, paragraph(reader.told(letter.closing))]


# ------------------------------------------------------------------ due diligence


def _diligence(whole: Whole, reader: Reader, zone: str) -> Page:
    page = Page("diligence.html", str(_l("Due diligence")))
    checked = whole.diligence
    if checked is not None and reader.is_staff:
        page.parts += [
            section(_l("Due diligence")),
            facts(
                (_l("State"), checked.workflow.states(checked.state).label),
                (_l("Risk"), RISK_LABELS[Risk(whole.award.risk)] if whole.award.risk else ""),
                (_l("Reason"), reader.told(checked.risk_reason)),
                (_l("Judged"), moment(checked.risk_judged_at, zone) if checked.risk_judged_at else ""),
                (_l("Judged by"), checked.risk_judged_by.name if checked.risk_judged_by else ""),
            ),
        ]
    seen = [p for p in (checked.points if checked else ()) if reader.is_staff or p.asked_of == AskedOf.GRANTEE]
    for point in seen:
        page.parts.append(heading(f"{TAB_LABELS[Tab(point.tab)]}: {pick(point.label)}"))
        judged = Verdict(point.verdict) if reader.is_staff and point.verdict else None
        page.parts.append(
            facts(
                (_l("Handed in"), moment(point.handed_in_at, zone) if point.handed_in_at else ""),
                (_l("What was asked again"), point.words),
                (_l("Judged"), VERDICTS[judged][0] if judged else ""),
                (_l("Note"), reader.told(point.note) if judged else ""),
                (_l("Judged by"), point.judged_by.name if judged and point.judged_by else ""),
            )
        )
        closed = HOLDS_A_NUMBER if point.tab == Tab.BANK else ""
        place = f"diligence/{point.position:02}-{point.key}"
        page.paper(place, pick(point.label), point.file, closed)
        for number, one in enumerate(point.earlier, 1):
            until = _l("%(paper)s, until %(moment)s", paper=pick(point.label), moment=moment(one.replaced_at, zone))
            page.paper(f"{place}-earlier-{number}", until, one.file, closed)
    if reader.is_staff and whole.checks:
        page.parts.append(section(_l("Sanctions lists")))
        for check in whole.checks:
            look = check.look
            cleared = _l("cleared") if look and look.cleared else _l("not cleared")
            page.parts.append(
                facts(
                    (_l("List"), f"{check.list_name} {check.list_version}"),
                    (_l("Searched"), moment(check.made_at, zone)),
                    (_l("By"), check.made_by.name),
                    (_l("Names"), "; ".join(check.names)),
                    (_l("Found"), OUTCOMES[Outcome(check.outcome)][0]),
                    (_l("Decision"), check.decision),
                    (_l("Second look"), f"{cleared}, {look.made_by.name}: {look.reason}" if look else ""),
                )
            )
    if whole.consents:
        rows = [
            (moment(one.asked_at, zone), f"{one.from_class} → {one.to_class}", one.reason, one.workflow.states(one.state).label, one.answered_name)
            for one in whole.consents
        ]  # fmt: skip
        head = (_l("Asked"), _l("Confidentiality"), _l("Reason"), _l("State"), _l("Signed by"))
        page.parts += [section(_l("Consent of the grantee")), table(head, rows)]
    return page


# ------------------------------------------------------------------ reports


def _report(whole: Whole, reader: Reader, told: Told, zone: str) -> Page:
    due, report = told.due, told.due.report
    page = Page(f"reports/{due.key}.html", str(_l("Report: %(what)s", what=pick(due.label))))
    page.parts.append(
        facts(
            (_l("Due"), day(due.due_on)),
            (_l("State"), due.workflow.states(due.state).label),
            (_l("Submitted"), moment(report.submitted_at, zone) if report and report.submitted_at else ""),
            (_l("Version"), report.version if report else ""),
            (_l("Accepted"), moment(report.accepted_at, zone) if report and report.accepted_at else ""),
        )
    )
    if report is not None and report.entered_by_id is not None:
        said = _l("The fund wrote this report up after a conversation; it was handed in when the grantee confirmed it.")
        page.parts.append(paragraph(said))
    for one in whole.history:
        about = one.entry.subject_kind == "report_due" and one.entry.subject_id == due.id
        if about and one.entry.verb == "waive" and one.entry.reason:
            page.parts += [entry(due.workflow.said("waive")), paragraph(reader.told(one.entry.reason))]
    for back in told.returns:
        page.parts += _given_back(back, told, reader, zone)
    if told.versions:
        files_ = "\n".join(f"{_version_path(due, one)}: {moment(one.submitted_at, zone)}" for one in told.versions)
        page.parts += [entry(_l("As it was handed in, for programs")), paragraph(files_)]
    # What a grantee is still writing is nobody else's to read.
    if report is not None and not (reader.is_staff and due.state not in COUNTED):
        _written(page, told, reader)
    _handed_in(page, told)
    return page


def _handed_in(page: Page, told: Told) -> None:
    """The files that were handed in with a version and do not stand with what the report says now."""
    given = {paper.key for paper in page.papers}
    for one in told.versions:
        for number, paper in enumerate(papers_in(one.content), 1):
            stored = told.papers.get(paper.file_id or 0)
            if stored is None or stored.key in given or stored.sha256 != paper.sha256:
                continue
            given.add(stored.key)
            label = _l("Paper %(n)s of version %(number)s", n=number, number=one.number)
            page.paper(f"reports/{told.due.key}-version-{one.number}-paper-{number:02}", label, stored)


def _written(page: Page, told: Told, reader: Reader) -> None:
    due = told.due
    page.parts += _answers(told.written.definition, told.written.answers, (), reader)
    _changes_told(page, told, reader)
    if due.is_financial:
        page.parts += [section(_l("Figures")), _figures(told, reader)]
        for number, paper in enumerate(told.written.documents, 1):
            page.paper(f"reports/{due.key}-paper-{number:02}", paper.note or _l("Paper %(n)s", n=number), paper.file)


def _version_path(due: ReportDue, one: ReportVersion) -> str:
    return f"reports/{due.key}-version-{one.number}.json"


def _given_back(back: ReportReturn, told: Told, reader: Reader, zone: str) -> Parts:
    titles = parts_of(told.due, told.written.definition)
    by_part = [(pick(titles.get(key)) or key, reader.told(words)) for key, words in back.parts.items()]
    return [
        entry(
            _l("Version %(number)s was given back, %(when)s", number=back.version, when=moment(back.returned_at, zone))
        ),
        *([paragraph(reader.told(back.reason))] if back.reason else []),
        *([facts(*by_part)] if by_part else []),
    ]


def _changes_told(page: Page, told: Told, reader: Reader) -> None:
    changes = told.written.changes or ()
    if changes:
        page.parts.append(section(_l("What changed")))
    for number, one in enumerate(changes, 1):
        page.parts += [
            facts(
                (_l("Point of the Plan of Action"), f"{one.plan_point} {PLAN_POINTS[one.plan_point]}"),
                (_l("Country"), country_name(one.country)),
                (_l("How far it reaches"), LEVELS[one.level]),
                (_l("How far it has come"), STAGES[one.stage]),
                (_l("What shows it"), " ".join(filter(None, (reader.told(one.evidence), one.link)))),
            ),
            paragraph(reader.told(one.what)),
        ]
        page.paper(f"reports/{told.due.key}-change-{number:02}", _l("The file that shows it"), one.file)


def _figures(told: Told, reader: Reader) -> dict[str, Any]:
    judged = reader.is_staff or told.due.state != ReportState.SUBMITTED
    head = (
        *(_l("Heading"), _l("Approved"), _l("Reported before"), _l("This period"), _l("In local money"), _l("Rate")),
        *(_l("Verified"), _l("Not eligible"), _l("To date"), _l("Explanation")),
    )
    rows = [
        (
            *(pick(one.title), money(one.approved), money(one.before), money(one.spent)),
            *(money(one.local) if one.local else "", one.rate.normalize() if one.rate else ""),
            money(one.verified) if one.looked_at else "",
            f"{money(one.ineligible)}: {reader.told(one.ineligible_reason)}" if one.ineligible else "",
            *(money(one.cumulative), reader.told(one.explanation)),
        )
        for one in figures_in(told.due, told.written, judged=judged)
    ]
    return table(head, rows)


# ------------------------------------------------------------------ visits


def _visits_seen(whole: Whole, reader: Reader) -> list[Visit]:
    """The fund knows of all; a grantee of those it was told of."""
    return [one for one in whole.visits if reader.is_staff or one.announced_at or one.is_told]


def _visited(whole: Whole, reader: Reader, zone: str) -> Page:
    page = Page("visits.html", str(_l("Visits")))
    for one in _visits_seen(whole, reader):
        page.parts += [
            section(_l("Visit %(number)s", number=one.number)),
            facts(
                (_l("State"), one.workflow.states(one.state).label),
                (_l("How?"), KIND_LABELS[VisitKind(one.kind)]),
                (_l("Purpose"), reader.told(one.purpose)),
                (_l("Planned for"), day(one.due_on)),
                (_l("Who makes it"), one.lead.name),
            ),
        ]
        if one.made_on is None or not (reader.is_staff or one.is_told):
            continue
        page.parts += [
            facts(
                (_l("Made on"), day(one.made_on)),
                (_l("Who went"), reader.told(one.went)),
                (_l("Whom they met"), reader.told(one.met)),
                (_l("Shared"), moment(one.shared_at, zone) if one.shared_at else ""),
                (_l("Note for the fund"), reader.told(one.note) if reader.is_staff else ""),
            ),
            paragraph(reader.told(one.findings)),
            *([entry(_l("Answer of the grantee")), paragraph(reader.told(one.answer))] if one.answer else []),
        ]
        if one.changes:
            rows = [
                (reader.told(c.text), day(c.due_on), day(c.done_on) if c.done_on else "", reader.told(c.evidence))
                for c in one.changes
            ]
            page.parts.append(table((_l("What was agreed"), _l("Due"), _l("Done"), _l("Evidence")), rows))
        for kept in one.files:
            page.paper(f"visits/{one.number}-{kept.number:02}", kept.label or _l("File"), kept.file)
    return page


# ------------------------------------------------------------------ payments


def _payments(whole: Whole, reader: Reader, zone: str) -> Page:
    page = Page("payments.html", str(_l("Payments")))
    page.parts += _plan(whole)
    for one in whole.disbursements:
        page.parts += _paid(one, reader, zone)
        if reader.sees(Sight.PROOFS):
            page.paper(f"payments/{one.reference}-proof", _l("Proof of the payment"), one.proof)
    for request in whole.requests:
        page.parts += [
            section(_l("Money asked back")),
            facts(
                (_l("Amount"), money(request.amount)),
                (_l("Asked"), moment(request.asked_at, zone)),
                (_l("Due"), day(request.due_on)),
                (_l("State"), request.workflow.states(request.state).label),
                (_l("Reason"), reader.told(request.reason)),
            ),
        ]
    for refund in whole.refunds:
        page.parts += [
            section(_l("Refund %(reference)s", reference=refund.reference)),
            facts((_l("Amount"), money(refund.amount)), (_l("Received on"), day(refund.received_on))),
        ]
        if reader.sees(Sight.PROOFS):
            page.paper(f"payments/{refund.reference}-proof", _l("Proof of the refund"), refund.proof)
    for number, source in enumerate(whole.sources, 1):
        page.parts += [
            section(_l("Given by others: %(source)s", source=source.source)),
            facts((_l("Promised"), money(source.promised)), (_l("Received"), money(source.received))),
        ]
        page.paper(f"payments/cofinancing-{number:02}", _l("Evidence"), source.evidence)
    page.parts += [*_accounts(whole, reader, zone), *_ledger(whole, reader, zone)]
    return page


def _plan(whole: Whole) -> Parts:
    triggers = (whole.award.call.terms or {}).get("award", {}).get("trigger_labels", {})
    rows = [
        (
            *(one.number, money(one.amount), paid_when(one, triggers, language_now(), day), day(one.due_on)),
            _l("cancelled on %(day)s", day=day(one.cancelled_on)) if one.cancelled_on else "",
        )
        for one in whole.tranches
    ]
    head = (_l("Number"), _l("Amount"), _l("Paid when"), _l("Due"), _l("Note"))
    return [section(_l("The plan of payments")), table(head, rows)] if rows else []


def _paid(one: Disbursement, reader: Reader, zone: str) -> Parts:
    names, received = reader.is_staff, ""
    if one.received_minor is not None and one.received_currency:
        received = money(Money(one.received_minor, one.received_currency))
    return [
        section(_l("Payment %(reference)s", reference=one.reference)),
        facts(
            (_l("Amount"), money(one.amount)),
            (_l("Instalment"), one.tranche.number),
            (_l("State"), one.workflow.states(one.state).label),
            (_l("Prepared"), _by(one.prepared_at, one.prepared_by, zone, names=names)),
            (_l("Approved"), _by(one.approved_at, one.approved_by, zone, names=names)),
            (_l("Account"), f"…{one.bank_account.last_four}" if reader.sees(Sight.ACCOUNTS) else ""),
            (_l("Payment order"), one.order_reference if names else ""),
            (_l("Paid on"), day(one.paid_on) if one.paid_on else ""),
            (_l("Reference of the bank"), one.bank_reference if reader.sees(Sight.PROOFS) else ""),
            (_l("Confirmed"), _by(one.confirmed_at, one.confirmed_by, zone, names=True)),
            (_l("Received on"), day(one.received_on) if one.received_on else ""),
            (_l("Received"), received),
            (_l("Rate"), one.received_rate.normalize() if one.received_rate else ""),
            (_l("Why less arrived"), reader.told(one.short_reason)),
        ),
    ]


def _accounts(whole: Whole, reader: Reader, zone: str) -> Parts:
    if not reader.sees(Sight.ACCOUNTS) or not whole.accounts:
        return []
    rows = [
        (
            *(f"…{one.last_four}", one.currency, one.workflow.states(one.state).label, moment(one.entered_at, zone)),
            moment(one.verified_at, zone) if one.verified_at else "",
        )
        for one in whole.accounts
    ]
    head = (_l("Account"), _l("Currency"), _l("State"), _l("Entered"), _l("Verified"))
    return [section(_l("Bank accounts")), table(head, rows)]


def _ledger(whole: Whole, reader: Reader, zone: str) -> Parts:
    if not reader.sees(Sight.LEDGER) or not whole.transfers:
        return []
    rows = [
        (
            *(moment(one.at, zone), MOVES[one.memo], POTS[one.debit_kind], POTS[one.credit_kind]),
            *(money(Money(one.amount_minor, one.currency)), one.payment, one.by),
        )
        for one in whole.transfers
    ]
    head = (_l("Moment"), _l("Move"), _l("From"), _l("To"), _l("Amount"), _l("Payment"), _l("By"))
    return [section(_l("Ledger")), table(head, rows)]


def _by(at: datetime | None, person: Any, zone: str, *, names: bool) -> str:
    if at is None:
        return ""
    return f"{moment(at, zone)}, {person.name}" if names and person else moment(at, zone)


def _ledger_table(whole: Whole) -> bytes:
    written = io.StringIO()
    rows = csv.writer(written, lineterminator="\n")
    rows.writerow(("at", "move", "debit", "credit", "amount", "currency", "payment"))
    for one in whole.transfers:
        amount = Money(one.amount_minor, one.currency).amount
        rows.writerow(
            (one.at.isoformat(), one.memo, one.debit_kind, one.credit_kind, amount, one.currency, one.payment or "")
        )
    return written.getvalue().encode()


# ------------------------------------------------------------------ the end, what was written, what happened


def _closeout(whole: Whole, reader: Reader) -> list[Page]:
    ended = whole.closeout
    if ended is None:
        return []
    page = Page("closeout.html", str(_l("Close-out")))
    page.parts.append(
        facts(
            (_l("State"), ended.workflow.states(ended.state).label),
            (_l("Closed on"), day(ended.closed_on) if ended.closed_on else ""),
            (_l("Closed by"), ended.closed_by.name if reader.is_staff and ended.closed_by else ""),
            (_l("Kept until"), day(ended.keep_until) if ended.keep_until else ""),
            (_l("Note on the results"), reader.told(ended.note)),
        )
    )
    page.parts += [section(_l("The final balance")), {"kind": "facts", "pairs": balance_in_words(whole.balance)}]
    if reader.is_staff and not whole.balance.agrees:
        page.parts.append(note(_l("The ledger says something else.")))
    page.paper("closeout/closing-letter", _l("Closing letter"), ended.letter_file)
    return [page]


def _messages(whole: Whole, reader: Reader, zone: str) -> Page:
    page = Page("messages.html", str(_l("Messages")))
    if reader.sees(Sight.APPLICATION):
        for asked in whole.clarifications:
            page.parts += [
                section(_l("Question %(number)s about the application", number=asked.number)),
                facts(
                    (_l("Asked"), moment(asked.asked_at, zone)), (_l("State"), asked.workflow.states(asked.state).label)
                ),
                paragraph(reader.told(asked.reason)),
                *([entry(_l("Answer")), paragraph(reader.told(asked.answer))] if asked.answer else []),
            ]
        for one in whole.complaints:
            page.parts += [
                section(_l("Complaint %(reference)s", reference=one.reference)),
                facts((_l("Made"), moment(one.made_at, zone)), (_l("State"), one.workflow.states(one.state).label)),
                paragraph(reader.told(one.text)),
                *([entry(_l("Answer")), paragraph(reader.told(one.answer))] if one.answer else []),
            ]
    if whole.mails:
        page.parts.append(section(_l("Mails to the grantee")))
    for mail in whole.mails:
        if mail.about == whole.award.application.reference and not reader.sees(Sight.APPLICATION):
            continue
        body = reader.told(mail.body) if mail.body else str(_l("The text is no longer kept."))
        page.parts += [
            heading(mail.subject or _l("A mail whose words were erased")),
            facts((_l("To"), mail.to_address),
                (_l("Written"), moment(mail.posted_at, zone)), (_l("Sent"), moment(mail.sent_at, zone) if mail.sent_at else _l("not sent"))),
            paragraph(body),
        ]  # fmt: skip
    return page


def history_seen(whole: Whole, reader: Reader) -> list[Sealed]:
    """What happened, as far as a reader is told of it; the grantee reads of its due diligence what was asked and handed in."""
    closed = {
        "application": Sight.APPLICATION,
        "clarification": Sight.APPLICATION,
        "complaint": Sight.APPLICATION,
        "decision": Sight.DECISION,
        "bank_account": Sight.ACCOUNTS,
    }
    visits = {one.id for one in _visits_seen(whole, reader)}
    return [
        one
        for one in whole.history
        if (one.entry.subject_kind not in closed or reader.sees(closed[one.entry.subject_kind]))
        and (one.entry.subject_kind != "visit" or one.entry.subject_id in visits)
        and (reader.is_staff or not _is_inside(one.entry))
    ]


ASKED_OF_THE_GRANTEE = frozenset({"open", "hand_in", "ask_again", "finish", "reopen"})
"""What happened in a due diligence that its grantee took part in or was told."""


def _is_inside(entry: HistoryEntry) -> bool:
    """Whether something stays inside the fund, such as a search of sanctions lists."""
    return "inside" in entry.details or (entry.subject_kind == "diligence" and entry.verb not in ASKED_OF_THE_GRANTEE)


def _said(kind: str, verb: str) -> str:
    workflow = Workflow.all.get(kind)
    return str(workflow.said(verb)) if workflow else verb.replace("_", " ")


def _history(history: Sequence[Sealed], reader: Reader, zone: str) -> Page:
    page = Page("history.html", str(_l("History")))
    head: tuple[Any, ...] = (_l("Moment"), _l("What happened"))
    rows: list[tuple[Any, ...]] = [
        (moment(one.entry.at, zone), _said(one.entry.subject_kind, one.entry.verb)) for one in history
    ]
    if reader.is_staff:
        head += (_l("By"), _l("Reason"), _l("Seal"))
        rows = [
            (*row, one.entry.actor.name if one.entry.actor else "", reader.told(one.entry.reason), one.position)
            for row, one in zip(rows, history, strict=True)
        ]
    page.parts += [
        paragraph(_l("The same as lines for programs: history.jsonl.")),
        table(head, rows),
    ]
    return page


def _line(one: Sealed, reader: Reader) -> str:
    """An entry of the history as a line of JSON; names, reasons and particulars for the fund only."""
    said = one.entry
    told: dict[str, Any] = {
        "at": said.at.isoformat(),
        "subject": said.subject_kind,
        "number": said.subject_id,
        "verb": said.verb,
        "from": said.from_state,
        "to": said.to_state,
        "seal": {"position": one.position, "digest": one.digest} if one.position is not None else None,
    }
    if reader.is_staff:
        told["by"] = {"reference": said.actor.reference, "name": said.actor.name} if said.actor else None
        told["reason"] = reader.told(said.reason) or None
        # Codes and references; among them may be those of an application that is hidden from the reader.
        told["details"] = said.details if not reader.gate.ids else {}
    return _as_json(told)


def _gated(told: Any, reader: Reader) -> Any:
    """What others wrote, as a reader may read it, in whatever it is kept."""
    if isinstance(told, str):
        return reader.told(told)
    if isinstance(told, Mapping):
        return {name: _gated(value, reader) for name, value in told.items()}
    return [_gated(one, reader) for one in told] if isinstance(told, list) else told


def _as_json(told: Mapping[str, Any]) -> str:
    return json.dumps(told, ensure_ascii=False, sort_keys=True) + "\n"
