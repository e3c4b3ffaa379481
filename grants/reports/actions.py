"""Planning, writing, submitting and judging reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy.dialects.postgresql import insert

from grants.accounts.models import Person
from grants.awards import rules as awards
from grants.awards.models import Award, BudgetLine
from grants.conflicts.queries import free_coordinators
from grants.core import clock, files
from grants.core.db import db, hold
from grants.core.files import StoredFile
from grants.core.mail import post
from grants.core.money import Money
from grants.core.rules import obstacles_to_unread, refuse
from grants.history import actions as history
from grants.questionnaires import actions as questionnaires
from grants.questionnaires.models import Questionnaire, SectionAnswers
from grants.reports import mails, queries, rules
from grants.reports.models import (
    Report,
    ReportDocument,
    ReportDue,
    ReportedChange,
    ReportLine,
    ReportReturn,
    ReportVersion,
)
from grants.reports.workflow import ReportState


def schedule(award: Award, *, by: Person) -> list[ReportDue]:
    """Write down what a grant owes and when, as its call asks. What was written down before stays as it is."""
    award = queries.award_to_schedule(award.id)
    known = {due.key: due for due in queries.dues_of(award)}
    for planned in awards.report_plan(award, award.call.terms):
        if planned.key in known:
            continue
        due = ReportDue(
            award_id=award.id,
            key=planned.key,
            label=planned.label,
            kind=planned.kind,
            required=planned.required,
            due_on=planned.due_on,
        )
        db.session.add(due)
        history.begin(due, "schedule", by=by, due_on=planned.due_on.isoformat())
        known[planned.key] = due
    return sorted(known.values(), key=lambda due: (due.due_on, due.id))


def unschedule(award: Award) -> None:
    """Forget what a grant would have owed and no longer does, before its agreement is signed; what was begun stays."""
    award = queries.award_to_schedule(award.id)
    asked = {planned.key for planned in awards.report_plan(award, award.call.terms)}
    for due in queries.dues_of(award):
        if due.key not in asked and queries.report_of(due.id) is None:
            db.session.delete(due)
    db.session.flush()


def start(due: ReportDue, *, by: Person) -> Report:
    """Begin to write a report; one that was begun is given back. Raises Refused while it cannot be written."""
    hold(due, "state", "due_on")
    refuse(rules.obstacles_to_writing(due, due.award))
    begun = queries.report_of(due.id)
    if begun is not None:
        return begun
    sheet = questionnaires.new_sheet(_questionnaire_for(due.kind), language=due.award.application.language, by=by)
    db.session.flush()
    report = Report(report_due_id=due.id, answer_sheet_id=sheet.id)
    db.session.add(report)
    history.note("report_due", due.id, "start", by=by)
    db.session.flush()
    db.session.expire(due, ["report"])
    return report


def _questionnaire_for(kind: str) -> Questionnaire:
    """The stored questionnaire of a kind of report; stored the first time that somebody needs this version of it."""
    document = queries.document_for(kind)
    row = insert(Questionnaire).values(
        key=document["id"],
        version=document["version"],
        title=document["title"],
        languages=document["languages"],
        definition=document,
    )
    db.session.execute(row.on_conflict_do_nothing(index_elements=["key", "version"]))
    stored = queries.questionnaire(document["id"], document["version"])
    assert stored is not None
    return stored


SAID = (Report, ReportLine, ReportDocument, ReportedChange, SectionAnswers, BudgetLine)
"""Where it stands what a report says, and by what it is measured."""


def hold_still(due: ReportDue) -> None:
    """Keep others from changing a report or its grant until this is done, and read both as they are now.

    The grant comes first, as everywhere: two acts never wait for each other.
    """
    db.session.flush()
    hold(due.award, "state")
    hold(due, "state", "due_on")
    for one in list(db.session):
        if isinstance(one, SAID):
            db.session.expire(one)
    db.session.expire(due, ["report"])


def save_section(
    due: ReportDue, section_key: str, values: Mapping[str, Any], *, by: Person, version: int
) -> SectionAnswers:
    """Keep what was written in one section of the narrative, complete or not.

    Raises Refused when the report cannot be written, EditConflict when a colleague changed the same answer meanwhile.
    """
    report = start(due, by=by)
    return questionnaires.save_section(report.answer_sheet, section_key, dict(values), by=by, version=version)


class FiguresChanged(Exception):
    """A colleague saved other figures since this page was opened; nothing was stored. ``version`` is where they stand."""

    def __init__(self, version: int) -> None:
        self.version = version
        super().__init__(f"the figures are at version {version}")


def save_lines(
    report: Report,
    lines: Sequence[rules.LineGiven],
    evidence: rules.Evidence = rules.Evidence(),  # noqa: B008 (frozen)
    *,
    by: Person,
    version: int | None = None,
) -> list[ReportLine]:
    """Keep the figures of a report: one line a budget line. Lines that are not given are left as they are.

    ``version`` is the state of the figures that was seen; without it nobody is asked. The period is filled in where none
    is given. Raises Refused for an amount below zero, a rate that is not above zero, another currency, or a budget line of
    another grant; FiguresChanged when a colleague saved something else meanwhile.
    """
    due = report.due
    award = due.award
    hold(due, "state", "due_on")
    hold(report, "figures_version")
    refuse(rules.obstacles_to_writing(due, award))
    refuse(
        rules.obstacles_to_lines(lines, queries.budget_line_ids(award.id), award.currency)
        + rules.obstacles_to_evidence(evidence, clock.today(award.call.timezone))
    )
    stored = queries.lines_of(report.id)
    if version not in (None, report.figures_version) and not _says(report, stored, lines, evidence):
        raise FiguresChanged(report.figures_version)
    for given in lines:
        line = stored.get(given.budget_line_id)
        if line is None:
            line = stored[given.budget_line_id] = ReportLine(report_id=report.id, budget_line_id=given.budget_line_id)
            db.session.add(line)
        if (line.local_minor, line.local_currency, line.rate) != (given.local.minor, given.local.currency, given.rate):
            _forget_verification(line)
        line.local_minor, line.local_currency, line.rate = given.local.minor, given.local.currency, given.rate
        line.spent_minor = rules.converted(given.local, given.rate, award.currency).minor
        line.currency, line.explanation = award.currency, given.explanation.strip()
    report.rate_source, report.rate_on = evidence.rate_source.strip(), evidence.rate_on
    if evidence.period_from is not None:
        report.period_from, report.period_until = evidence.period_from, evidence.period_until
    elif report.period_from is None:
        _before, until = queries.reported_before(due)
        report.period_from, report.period_until = rules.period_of(due, until) or (None, None)
    report.figures_version += 1
    db.session.flush()
    db.session.expire(report, ["lines"])
    return list(stored.values())


def _says(
    report: Report, stored: Mapping[int, ReportLine], lines: Sequence[rules.LineGiven], evidence: rules.Evidence
) -> bool:
    """Whether what is stored says what is given already, so that nothing of anybody is overwritten."""
    told = {
        line.budget_line_id: rules.LineGiven(
            line.budget_line_id, Money(line.local_minor, line.local_currency), line.rate, line.explanation
        )
        for line in stored.values()
    }
    return rules.evidence_of(report) == evidence and all(told.get(line.budget_line_id) == line for line in lines)


def add_document(
    due: ReportDue, line_id: int | None, name: str, content: bytes, note: str = "", *, by: Person
) -> ReportDocument:
    """Add a paper that shows what was spent under a budget line, or (without one) the exchange rate. Raises Refused."""
    report = start(due, by=by)
    present = sum(one.budget_line_id == line_id for one in queries.documents_of(report))
    refuse(rules.obstacles_to_adding_document(due, line_id, queries.budget_line_ids(due.award_id), present))
    stored = files.keep(name, content, rules.PAPERS)
    document = ReportDocument(
        report_id=report.id,
        budget_line_id=line_id,
        file=stored,
        version=report.version + 1,
        note=note.strip(),
        added_by_id=by.id,
    )
    db.session.add(document)
    db.session.flush()
    history.note("report_due", due.id, "add_document", by=by, budget_line_id=line_id, sha256=stored.sha256)
    return document


def remove_document(due: ReportDue, document: ReportDocument, *, by: Person) -> None:
    """Take away a paper that was never handed in. Raises Refused."""
    hold(due, "state", "due_on")
    refuse(rules.obstacles_to_removing_document(due, document))
    stored = document.file
    db.session.delete(document)
    files.forget(stored)
    history.note("report_due", due.id, "remove_document", by=by, sha256=stored.sha256)


def tell_change(
    due: ReportDue,
    given: rules.ChangeGiven,
    change: ReportedChange | None = None,
    *,
    file: tuple[str, bytes] | None = None,
    by: Person,
) -> ReportedChange:
    """Write down something that changed, or write an entry anew. ``file`` (name and content) shows it, in the place of the
    one before. Raises Refused.
    """
    report = start(due, by=by)
    others = len(queries.changes_of(report)) - (change is not None)
    has_file = file is not None or (change is not None and change.file_id is not None)
    definition = queries.definition_for(due)
    refuse(rules.obstacles_to_telling_change(due, definition, given, has_file=has_file, others=others))
    stored = files.keep(*file, rules.PAPERS) if file is not None else None
    told = change or ReportedChange(report_id=report.id)
    told.plan_point, told.country, told.level, told.stage = given.plan_point, given.country, given.level, given.stage
    told.what, told.evidence, told.link = given.what.strip(), given.evidence.strip(), given.link.strip()
    former = told.file
    if stored is not None:
        told.file = stored
    told.saved_at, told.saved_by_id = clock.now(), by.id
    db.session.add(told)
    db.session.flush()
    if former is not None and stored is not None:
        _let_go(report, former)
    verb = "tell_change" if change is None else "rewrite_change"
    history.note("report_due", due.id, verb, by=by, change=told.id)
    return told


def drop_change(due: ReportDue, change: ReportedChange, *, by: Person) -> None:
    """Take an entry away; what was handed in with it stays in the version that was. Raises Refused."""
    hold(due, "state", "due_on")
    refuse(rules.obstacles_to_writing(due, due.award))
    history.note("report_due", due.id, "drop_change", by=by, change=change.id)
    report, stored = change.report, change.file
    db.session.delete(change)
    db.session.flush()
    if stored is not None:
        _let_go(report, stored)


def _let_go(report: Report, stored: StoredFile) -> None:
    """Forget a file that another took the place of, unless it was handed in with a version: that stays provable."""
    handed_in = {paper.sha256 for kept in queries.versions_of(report) for paper in rules.papers_in(kept.content)}
    if stored.sha256 not in handed_in:
        files.forget(stored)


def _forget_verification(line: ReportLine) -> None:
    """Other figures are told than those that were looked at: they have to be looked at again."""
    line.verified_minor = line.ineligible_minor = 0
    line.ineligible_reason = ""
    line.verified_at = line.verified_by_id = None


def submit(due: ReportDue, *, by: Person, confirmed: bool = False) -> Report:
    """Hand a report in; what it says is kept as it is. Raises Refused with everything that is missing in it.

    ``confirmed``: the grantee has confirmed what the fund wrote up for it.
    """
    hold_still(due)
    award, report = due.award, due.report
    written = queries.written(due)
    refuse(rules.obstacles_to_submitting(due, written, confirmed=confirmed))
    assert report is not None
    report.version += 1
    report.submitted_at = clock.now()
    report.submitted_by_id = by.id
    db.session.add(
        ReportVersion(
            report_id=report.id,
            number=report.version,
            submitted_at=report.submitted_at,
            submitted_by_id=by.id,
            content=rules.content_of(report, written),
        )
    )
    history.record(due, "submit", by=by, version=report.version)
    post(*(mails.report_submitted(due, report, to) for to in free_coordinators(award)))
    return report


def return_(
    due: ReportDue,
    reason: str,
    parts: Mapping[str, str] | None = None,
    *,
    by: Person,
    read: str | None = None,
    again_by: date | None = None,
) -> Report:
    """Give a report back: words about all of it, and for each part that has to change, by its key. ``read`` marks the version
    that was read; ``again_by`` (default: two weeks from now) the day by which it comes again, never before the day that it
    was due anyway. Raises Refused.
    """
    hold_still(due)
    today = clock.today(due.award.call.timezone)
    again_by = again_by or rules.mended_by(due, today)
    named = rules.parts_of(due, queries.definition_for(due))
    words = {key: text.strip() for key, text in (parts or {}).items() if text.strip()}
    refuse(rules.obstacles_to_returning(due, reason, words, named, read, (again_by, today)))
    report = due.report
    assert report is not None
    given_back = ReportReturn(
        report_id=report.id,
        version=report.version,
        returned_at=clock.now(),
        returned_by_id=by.id,
        reason=reason.strip(),
        parts=words,
    )
    db.session.add(given_back)
    told = "\n\n".join(text for text in (reason.strip(), *words.values()) if text)
    history.record(due, "return", by=by, reason=told, version=report.version, parts=sorted(words))
    if again_by > due.due_on:
        _move(due, again_by, by=by)
    post(*(mails.report_returned(due, report, to) for to in queries.members_of(due.award.organization_id)))
    return report


def accept(due: ReportDue, *, by: Person, read: str | None = None) -> Report:
    """Accept a report as it was ``read``; payments that waited for it are free then. Raises Refused unless it is with the
    fund, and when the reports of the grant would add up to more than it.
    """
    hold_still(due)
    refuse(rules.obstacles_to_accepting(due, queries.spent(due.award, states=queries.COUNTED), read))
    report = due.report
    assert report is not None
    report.accepted_at = clock.now()
    report.accepted_by_id = by.id
    history.record(due, "accept", by=by, version=report.version)
    post(*(mails.report_accepted(due, report, to) for to in queries.members_of(due.award.organization_id)))
    return report


def verify(due: ReportDue, lines: Sequence[rules.LineVerified], *, by: Person, read: str | None = None) -> None:
    """Write down what was found of the costs of a report, line by line; what the grant does not pay for is not spent.

    ``read`` is what :func:`grants.reports.rules.mark_of_costs` said of what was looked at. When the report was accepted already, the grantee is told at once of what is not eligible. Raises Refused.
    """
    hold_still(due)
    award = due.award
    refuse(rules.obstacles_to_verifying(due, award))
    report = due.report
    assert report is not None
    stored = queries.lines_of(report.id)
    refuse(obstacles_to_unread(read, rules.mark_of_costs(report, stored.values())))
    refuse(rules.obstacles_to_verified_lines(lines, {line_id: line.spent for line_id, line in stored.items()}))
    more = sum(stored[found.budget_line_id].ineligible_minor - found.ineligible.minor for found in lines)
    counted = queries.spent(award, states=queries.COUNTED)
    refuse(rules.above_the_grant(counted, Money(more, award.currency), award))
    changed = {}
    for found in lines:
        line = stored[found.budget_line_id]
        new = (found.verified.minor, found.ineligible.minor, found.reason.strip())
        if line.verified_at is not None and (line.verified_minor, line.ineligible_minor, line.ineligible_reason) == new:
            continue
        changed[str(line.budget_line_id)] = {
            "verified": [line.verified_minor, new[0]],
            "ineligible": [line.ineligible_minor, new[1]],
            "reason": new[2],
        }
        line.verified_minor, line.ineligible_minor, line.ineligible_reason = new
        line.verified_at, line.verified_by_id = clock.now(), by.id
    if not changed:
        return
    db.session.flush()
    entry = history.note("report_due", due.id, "verify", by=by, lines=changed, version=report.version)
    is_news = any(one["ineligible"][0] != one["ineligible"][1] for one in changed.values())
    if is_news and due.state == ReportState.ACCEPTED:
        members = queries.members_of(award.organization_id)
        post(*(mails.report_costs_not_eligible(due, to, entry.id) for to in members))


def waive(due: ReportDue, reason: str, *, by: Person, tell: bool = True) -> ReportDue:
    """Let a grantee off a report, with a reason; they are told, unless (``tell``) they learn it in another way. Raises Refused
    when it was given already.
    """
    hold_still(due)
    refuse(rules.obstacles_to_waiving(due))
    history.record(due, "waive", by=by, reason=reason)
    if tell:
        post(*(mails.report_waived(due, to) for to in queries.members_of(due.award.organization_id)))
    return due


def move(due: ReportDue, due_on: date, reason: str, *, by: Person, tell: bool = True) -> ReportDue:
    """Move the day by which a report is due, also after it has passed; the record keeps the former day, and the grantee is
    told, unless (``tell``) they learn it in another way. Raises Refused.
    """
    hold_still(due)
    refuse(rules.obstacles_to_moving(due, due_on, reason))
    entry_id = _move(due, due_on, by=by, reason=reason)
    if tell:
        post(*(mails.report_moved(due, to, entry_id) for to in queries.members_of(due.award.organization_id)))
    return due


def _move(due: ReportDue, due_on: date, *, by: Person, reason: str = "") -> int:
    before, due.due_on = due.due_on, due_on
    days = {"before": before.isoformat(), "after": due_on.isoformat()}
    return history.note("report_due", due.id, "move", by=by, reason=reason, **days).id
