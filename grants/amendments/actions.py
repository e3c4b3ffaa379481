"""Asking for changes of a grant, deciding, working out, drawing up and signing them; and ending it before its time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from grants.accounts.models import Person
from grants.amendments import mails, queries, rules
from grants.amendments.models import Amendment, BudgetNotice, Kind
from grants.amendments.queries import Facts
from grants.amendments.rules import Level, Request, Revision
from grants.awards import actions as awards
from grants.awards import queries as award_queries
from grants.awards import rules as award_rules
from grants.awards.models import Agreement, Award
from grants.conflicts.queries import free_coordinators
from grants.core import clock, files, pdf
from grants.core.db import db, hold
from grants.core.languages import DOCUMENT_LANGUAGES, _l, language_now, speaking
from grants.core.mail import Mail, post
from grants.core.rules import refuse
from grants.core.templating import day
from grants.history import actions as history
from grants.history.models import HistoryEntry
from grants.payments import actions as payments
from grants.payments import queries as payment_queries
from grants.reports import actions as reports

# ------------------------------------------------------------------ asking


def ask(award: Award, request: Request, *, by: Person, assisted: bool = False) -> Amendment | BudgetNotice:
    """Ask for a change. Money moved within what the call leaves free applies at once, as a notice; all else is decided by
    the fund. ``assisted``: somebody of the fund writes it down for the grantee, which has to confirm it. Raises Refused.
    """
    facts = _held(award)
    refuse(rules.obstacles_to_asking(facts, request, assisted=assisted))
    if rules.level_of(facts, request) <= Level.NOTICE and not assisted:
        notice = _notify(facts, request.moves, request.reason, by)
        post(*(mails.budget_noticed(award, notice, to) for to in free_coordinators(award)))
        return notice
    amendment = Amendment(
        award_id=award.id,
        award=award,
        number=queries.amendments_made(award) + 1,
        kinds=[kind.value for kind in Kind if kind in request.kinds],
        reason=request.reason.strip(),
        end_on=request.end_on if Kind.EXTENSION in request.kinds else None,
        moves=_moved(request.moves) if Kind.BUDGET in request.kinds else {},
        scope=request.scope.strip() if Kind.SCOPE in request.kinds else "",
        asked_by_id=by.id,
        assisted=assisted,
        waits_since=clock.now(),
    )
    db.session.add(amendment)
    entry = history.begin(amendment, "ask", by=by, kinds=amendment.kinds, assisted=assisted)
    if assisted:
        post(*_to_leaders(amendment, mails.amendment_to_confirm, entry.id))
    else:
        post(*_to_fund(amendment, mails.amendment_asked, entry.id))
    return amendment


def confirm(amendment: Amendment, *, by: Person, read: str | None = None) -> Amendment:
    """The grantee confirms what the fund wrote down for it. A small move of money applies then. Raises Refused."""
    facts = _held(amendment.award, amendment)
    refuse(rules.obstacles_to_confirming(amendment) or rules.obstacles_to_deciding_unread(amendment, read))
    amendment.confirmed_at, amendment.confirmed_by_id = clock.now(), by.id
    amendment.waits_since = clock.now()
    entry = history.note("amendment", amendment.id, "confirm", by=by)
    if rules.level_of(facts, rules.request_in(amendment)) <= Level.NOTICE:
        refuse(rules.obstacles_in(facts, rules.request_in(amendment)))
        _grant(amendment, facts, by)
    else:
        post(*_to_fund(amendment, mails.amendment_asked, entry.id))
    return amendment


def _moved(moves: Mapping[str, int]) -> dict[str, int]:
    return {heading: minor for heading, minor in moves.items() if minor}


def _notify(
    facts: Facts, moves: Mapping[str, int], reason: str, by: Person, amendment: Amendment | None = None
) -> BudgetNotice:
    """Move money between headings and write down that it was."""
    award = facts.award
    notice = BudgetNotice(
        award_id=award.id,
        number=len(facts.notices) + 1,
        version=facts.versions[-1].number,
        moves=_moved(moves),
        reason=reason.strip(),
        given_by_id=by.id,
        amendment_id=amendment.id if amendment else None,
    )
    db.session.add(notice)
    db.session.flush()
    then = {line.heading: line.amount_minor + moves.get(line.heading, 0) for line in facts.lines}
    awards.rebudget(award, then, by=by, notice=notice.number)
    return notice


def _grant(amendment: Amendment, facts: Facts, by: Person) -> HistoryEntry:
    """A change that needs no signature applies."""
    _notify(facts, amendment.moves, amendment.reason, by, amendment)
    return history.record(amendment, "grant", by=by)


# ------------------------------------------------------------------ deciding


def approve(amendment: Amendment, *, by: Person, read: str | None = None) -> Amendment:
    """The fund agrees. A move of money that needs no signature applies; for all else the parts it touches are opened, for
    the grantee to work out. Raises Refused.
    """
    facts = _held(amendment.award, amendment)
    refuse(rules.obstacles_to_approving(amendment, facts, by.id) or rules.obstacles_to_deciding_unread(amendment, read))
    amendment.decided_at, amendment.decided_by_id = clock.now(), by.id
    amendment.waits_since = clock.now()
    if rules.level_of(facts, rules.request_in(amendment)) <= Level.APPROVAL:
        entry = _grant(amendment, facts, by)
    else:
        amendment.revision = rules.proposed(amendment, facts).stored() | {"base": rules.base_of(facts)}
        entry = history.record(amendment, "approve", by=by)
    post(*_to_leaders(amendment, mails.amendment_answered, entry.id))
    return amendment


def refuse_change(amendment: Amendment, reason: str, *, by: Person, read: str | None = None) -> Amendment:
    """The fund says no, and why. Raises Refused."""
    _held(amendment.award, amendment)
    refuse(rules.obstacles_to_refusing(amendment, reason) or rules.obstacles_to_deciding_unread(amendment, read))
    amendment.decided_at, amendment.decided_by_id = clock.now(), by.id
    return _answered(amendment, "refuse", reason, by)


def _answered(amendment: Amendment, verb: str, reason: str, by: Person) -> Amendment:
    amendment.answer = reason.strip()
    amendment.waits_since = clock.now()
    entry = history.record(amendment, verb, by=by, reason=reason)
    post(*_to_leaders(amendment, mails.amendment_answered, entry.id))
    return amendment


# ------------------------------------------------------------------ working out


def save_revision(amendment: Amendment, revision: Revision, *, by: Person) -> Amendment:
    """Keep how a change is worked out so far, as far as it is right or not. Raises Refused while it is with the fund."""
    facts = _held(amendment.award, amendment)
    refuse(rules.obstacles_to_working_out(amendment, facts))
    opened = rules.proposed(amendment, facts)
    amendment.revision = Revision(
        {key: value for key, value in revision.milestones.items() if key in opened.milestones},
        {key: value for key, value in revision.reports.items() if key in opened.reports},
        {key: value for key, value in revision.lines.items() if key in opened.lines},
        revision.scope.strip() if Kind.SCOPE in amendment.kinds else "",
    ).stored() | {"base": rules.base_of(facts)}
    db.session.flush()
    return amendment


def hand_in(amendment: Amendment, *, by: Person, read: str | None = None) -> Amendment:
    """Hand in what was worked out; the fund checks it. Raises Refused with everything that cannot be."""
    facts = _held(amendment.award, amendment)
    refuse(rules.obstacles_to_handing_in(amendment, facts) or rules.obstacles_to_deciding_unread(amendment, read))
    amendment.waits_since = clock.now()
    told = {part: kept for part, kept in amendment.revision.items() if part not in ("scope", "base")}
    entry = history.record(amendment, "hand_in", by=by, **told)
    post(*_to_fund(amendment, mails.amendment_worked_out, entry.id))
    return amendment


def return_(amendment: Amendment, reason: str, *, by: Person, read: str | None = None) -> Amendment:
    """Send back what was worked out, or take back what was drawn up, with what has to change. Raises Refused."""
    _held(amendment.award, amendment)
    refuse(rules.obstacles_to_returning(amendment, reason) or rules.obstacles_to_deciding_unread(amendment, read))
    return _answered(amendment, "return", reason, by)


# ------------------------------------------------------------------ the document and its signature


def draw_up(amendment: Amendment, *, by: Person, read: str | None = None) -> Agreement:
    """Write the amendment as a tagged PDF in the language of the agreement and ask the signatories to sign. Raises Refused."""
    facts = _held(amendment.award, amendment)
    refuse(
        rules.obstacles_to_drawing_up(amendment, facts, by.id) or rules.obstacles_to_deciding_unread(amendment, read)
    )
    award = award_queries.award_to_agree_on(amendment.award)
    version = queries.next_agreement_version(award)
    language = award.application.language
    with speaking(language, DOCUMENT_LANGUAGES):
        language = language_now()
        values = _document(amendment, award, facts, version, by)
        content = pdf.render("agreement", **values)
    agreement = Agreement(
        award_id=award.id,
        version=version,
        language=language,
        file_id=files.keep_own(f"{award.reference}-agreement-{version}.pdf", content).id,
        drawn_up_by_id=by.id,
    )
    db.session.add(agreement)
    db.session.flush()
    amendment.agreement = agreement
    amendment.waits_since = clock.now()
    db.session.flush()
    entry = history.record(amendment, "draw_up", by=by, version=version)
    signatories = award_queries.signatories_of(award.organization_id)
    post(*(mails.amendment_to_sign(amendment, to, entry.id) for to in signatories))
    return agreement


def _document(amendment: Amendment, award: Award, facts: Facts, version: int, by: Person) -> dict[str, Any]:
    """The words of the document: those of the agreement where both are the same, and its own articles."""
    at = clock.now()
    on = at.astimezone(ZoneInfo(award.call.timezone)).date()
    words = awards.worded_agreement(award, language_now(), at)
    agreed = award_rules.agreement_values(
        award, words=words, payments=[], reports=[], version=version, drawn_up_on=on, drawn_up_by=by.name, shown_day=day
    )
    named = {"number": amendment.number, "reference": award.reference}
    grant, start, end, call = agreed["figures"]
    if amendment.end_on is not None:
        end = end | {"value": day(amendment.end_on)}
    return agreed | {
        "figures": [grant, start, end, call],
        "title": str(_l("Amendment %(number)s of grant agreement %(reference)s", **named)),
        "heading": str(_l("Amendment %(number)s of the grant agreement", number=amendment.number)),
        "articles": rules.articles_of(amendment, facts, day),
    }


def sign(amendment: Amendment, *, signature: str, by: Person, version: int | None = None) -> Amendment:
    """Sign an amendment in the grantee's name by typing a full name; all of it applies then, in one act. Raises Refused."""
    facts = _held(amendment.award, amendment)
    may_sign = by.signs_for(amendment.award.organization_id)
    refuse(rules.obstacles_to_signing(amendment, facts, signature, may_sign=may_sign, version=version))
    agreement = amendment.agreement
    assert agreement is not None
    agreement.signature = " ".join(signature.split())
    agreement.signed_at, agreement.signed_by_id = clock.now(), by.id
    return _put_in_force(amendment, facts, by)


def _put_in_force(amendment: Amendment, facts: Facts, by: Person) -> Amendment:
    """Apply an amendment that was signed, in whatever way: the end, the days, the headings; a new version is kept.

    The sum of the grant stays, and the ledger is not touched. What was reached, reported or paid meanwhile keeps its day.
    """
    award, agreement, revision = amendment.award, amendment.agreement, rules.revision_in(amendment)
    assert agreement is not None
    why: dict[str, Any] = {"amendment": amendment.number}
    entry = history.record(amendment, "sign", by=by, version=agreement.version)
    if amendment.end_on is not None:
        awards.extend(award, amendment.end_on, by=by, **why)
    if revision.lines:
        awards.rebudget(award, revision.lines, by=by, **why)
    reason = str(amendment.reason)
    instalments = rules.moved_instalments(facts, revision)
    for milestone in rules.open_milestones(facts):
        due_on = revision.milestones.get(milestone.id, milestone.due_on)
        if due_on != milestone.due_on:
            awards.move_milestone(milestone, due_on, reason, by=by)
    for due in rules.open_reports(facts):
        due_on = revision.reports.get(due.id, due.due_on)
        if due_on != due.due_on:
            reports.move(due, due_on, reason, by=by, tell=False)
    for tranche, day_due in instalments:
        payments.move_instalment(tranche, day_due, by=by, **why)
    history.note("award", award.id, "amend", by=by, **why)
    scope = revision.scope or (facts.versions[-1].terms["scope"] if facts.versions else "")
    payments.keep_version(award, agreement, scope=scope)
    post(*_to_fund(amendment, mails.amendment_ended, entry.id))
    return amendment


def withdraw(amendment: Amendment, reason: str, *, by: Person) -> Amendment:
    """The grantee no longer wants a change; nothing of it applies. Raises Refused."""
    _held(amendment.award, amendment)
    refuse(rules.obstacles_to_ending(amendment, "withdraw", reason))
    entry = history.record(amendment, "withdraw", by=by, reason=reason)
    post(*_to_fund(amendment, mails.amendment_ended, entry.id))
    return amendment


def lapse(amendment: Amendment, reason: str, *, by: Person) -> Amendment:
    """The fund lets a change lapse that nobody works out, confirms or signs; nothing of it applies. Raises Refused."""
    _held(amendment.award, amendment)
    refuse(rules.obstacles_to_ending(amendment, "lapse", reason))
    return _answered(amendment, "lapse", reason, by)


# ------------------------------------------------------------------ the end before its time


def terminate(award: Award, reason: str, *, by: Person) -> Award:
    """End an agreement before its time. The final report tells of everything until that day and is due soon; the other
    reports are let off, instalments that are not due any more are cancelled, a change that was on its way lapses. What was
    spent in good faith is paid, what was not is paid back. Raises Refused.
    """
    facts = _held(award)
    refuse(rules.obstacles_to_terminating(award, queries.payments_under_way(award)))
    if facts.open is not None:
        lapse(facts.open, reason, by=by)
    awards.terminate(award, reason, by=by)
    final = next((due for due in facts.reports if due.key == queries.FINAL_REPORT), None)
    for due in rules.overtaken(facts.reports):
        reports.waive(due, reason, by=by, tell=False)
    if final is not None and final in rules.open_reports(facts):
        due_on = rules.last_report_due(facts.today, final)
        if due_on != final.due_on:
            reports.move(final, due_on, reason, by=by, tell=False)
    payments.settle(award, final, by=by)
    return award


# ------------------------------------------------------------------ shared


def _held(award: Award, amendment: Amendment | None = None) -> Facts:
    """Keep everybody else from changing a grant, and read what stands."""
    payment_queries.lock_grant(award.id)
    db.session.flush()
    db.session.expire_all()
    hold(award, "state", "end_on")
    if amendment is not None:
        hold(amendment)
    return queries.facts_of(award)


Told = Callable[[Amendment, Person, int], Mail]


def _to_fund(amendment: Amendment, mail: Told, occasion: int) -> list[Mail]:
    return [mail(amendment, to, occasion) for to in free_coordinators(amendment.award)]


def _to_leaders(amendment: Amendment, mail: Told, occasion: int) -> list[Mail]:
    organization_id = amendment.award.organization_id
    people = award_queries.people_who_answer([organization_id]).get(organization_id, [])
    return [mail(amendment, to, occasion) for to in people]
