"""Planning visits, writing down what was found, sharing it, and keeping track of what was agreed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from grants.accounts.models import Person, Role
from grants.accounts.queries import holders_of
from grants.awards import queries as awards
from grants.awards import rules as award_rules
from grants.awards.models import Award
from grants.conflicts.queries import free_among, free_coordinators
from grants.core import clock, files
from grants.core.db import db, hold
from grants.core.languages import gettext as _
from grants.core.mail import Mail, post
from grants.core.rules import refuse
from grants.history import actions as history
from grants.visits import mails, queries, rules
from grants.visits.models import AgreedChange, Visit, VisitFile
from grants.visits.workflow import VisitState


def _tell_grantee(visit: Visit, mail: Callable[[Visit, Person, int], Mail], occasion: int) -> None:
    of = visit.award.organization_id
    post(*(mail(visit, to, occasion) for to in awards.people_who_answer([of]).get(of, [])))


# ------------------------------------------------------------------ planning


def plan(
    award: Award,
    *,
    kind: str,
    purpose: str,
    due_on: date,
    by: Person,
    lead: Person | None = None,
    holds_payments: bool = False,
    key: str | None = None,
) -> Visit:
    """Plan a visit; ``lead`` (default: who plans it) has to make it and is told. The grantee is not told yet. Raises
    Refused.
    """
    hold(award, "state")
    refuse(rules.obstacles_to_planning(award, purpose))
    lead = lead or by
    visit = Visit(
        award_id=award.id,
        award=award,
        number=queries.next_number(award),
        key=key,
        kind=kind,
        purpose=purpose.strip(),
        due_on=due_on,
        holds_payments=holds_payments,
        holds_from=due_on if holds_payments else None,
        lead_id=lead.id,
    )
    db.session.add(visit)
    entry = history.begin(visit, "plan", by=by, due_on=due_on.isoformat(), key=key)
    if lead.id != by.id:
        post(mails.visit_planned(visit, lead, entry.id))
    return visit


def plan_for_risk(award: Award, terms: Mapping[str, Any], *, by: Person) -> None:
    """Plan the visits that the risk of a grant asks for, for the person who draws its agreement up; what another risk had
    asked for and nobody has made is given up.
    """
    planned = {one.key: one for one in award_rules.visits_planned(award, terms)}
    for visit in queries.asked_by_risk(award):
        asked = planned.pop(str(visit.key), None)
        if visit.state != VisitState.PLANNED:
            continue
        if asked is None:
            visit.key = None
            history.record(visit, "cancel", by=by, reason=_("The risk of the grant was judged anew."))
        elif asked.holds_payments != visit.holds_payments:
            visit.holds_payments = asked.holds_payments
            visit.holds_from = visit.due_on if asked.holds_payments else None
    db.session.flush()
    for one in planned.values():
        if one.due_on is None:
            continue
        plan(
            award,
            kind=one.kind,
            purpose=one.text,
            due_on=one.due_on,
            holds_payments=one.holds_payments,
            key=one.key,
            by=by,
        )


def announce(visit: Visit, *, by: Person) -> Visit:
    """Tell the grantee of a visit. Raises Refused when it was told."""
    hold(visit, "state", "announced_at")
    refuse(rules.obstacles_to_announcing(visit))
    visit.announced_at = clock.now()
    entry = history.note("visit", visit.id, "announce", by=by)
    _tell_grantee(visit, mails.visit_announced, entry.id)
    return visit


def move(visit: Visit, due_on: date, reason: str, *, by: Person) -> Visit:
    """Move the day of a visit, also after it has passed; the record keeps the former day, and a grantee that knows of the
    visit is told. What waited for it goes on waiting, on whatever day it is made. Raises Refused.
    """
    hold(visit, "state", "due_on", "holds_from")
    refuse(rules.obstacles_to_moving(visit, due_on, reason))
    before, visit.due_on = visit.due_on, due_on
    visit.holds_from = min(visit.holds_from, due_on) if visit.holds_from else None
    days = {"before": before.isoformat(), "after": due_on.isoformat()}
    entry = history.note("visit", visit.id, "move", by=by, reason=reason, **days)
    if visit.announced_at is not None:
        _tell_grantee(visit, mails.visit_announced, entry.id)
    return visit


def cancel(visit: Visit, reason: str, *, by: Person) -> Visit:
    """Give a planned visit up, with a reason; payments do not wait for it any more. Where the risk asked for it or payments
    waited for it, the finance officers and the other coordinators are told. Raises Refused.
    """
    entry = history.record(visit, "cancel", by=by, reason=reason)
    if visit.key is not None or visit.holds_payments:
        award = visit.award
        officers = free_among(holders_of(Role.FINANCE_OFFICER), award.organization_id)
        told = {person.id: person for person in [*officers, *free_coordinators(award)] if person.id != by.id}
        post(*(mails.visit_given_up(visit, to, entry.id) for to in told.values()))
    if visit.announced_at is not None:
        _tell_grantee(visit, mails.visit_announced, entry.id)
    return visit


# ------------------------------------------------------------------ what was found


def write_down(visit: Visit, told: rules.Account, *, by: Person, read: str | None = None) -> Visit:
    """Write down a visit that was made, or mend what was written (``read`` marks it) before it is shared. Raises Refused."""
    hold(visit)
    award = visit.award
    refuse(rules.obstacles_to_writing(visit, award, told, clock.today(award.call.timezone), read))
    visit.made_on, visit.kind = told.made_on, told.kind
    visit.went, visit.met = told.went.strip(), told.met.strip()
    visit.findings, visit.note = told.findings.strip(), told.note.strip()
    for change in list(visit.changes):
        db.session.delete(change)
    visit.changes = [AgreedChange(text=one.text.strip(), due_on=one.due_on) for one in told.changes]
    if visit.state == VisitState.PLANNED:
        history.record(visit, "make", by=by, made_on=told.made_on.isoformat())
    else:
        history.note("visit", visit.id, "mend", by=by)
    db.session.flush()
    return visit


def add_file(visit: Visit, label: str, name: str, content: bytes, *, by: Person) -> VisitFile:
    """Add a photograph or a paper to a visit that is not shared yet. Raises Refused."""
    hold(visit, "state")
    refuse(rules.obstacles_to_adding_file(visit))
    kept = VisitFile(
        visit_id=visit.id,
        number=max((file.number for file in visit.files), default=0) + 1,
        label=label.strip(),
        file=files.keep(name, content, rules.FILES),
        added_by_id=by.id,
    )
    db.session.add(kept)
    history.note("visit", visit.id, "add_file", by=by, number=kept.number, sha256=kept.file.sha256)
    db.session.flush()
    db.session.expire(visit, ["files"])
    return kept


def remove_file(file: VisitFile, *, by: Person) -> None:
    """Take a file away from a visit that is not shared yet. Raises Refused."""
    visit = file.visit
    hold(visit, "state")
    refuse([one for one in rules.obstacles_to_adding_file(visit) if one.code != "enough_files"])
    history.note("visit", visit.id, "remove_file", by=by, number=file.number, sha256=file.file.sha256)
    files.forget(file.file)
    db.session.delete(file)
    db.session.flush()
    db.session.expire(visit, ["files"])


def share(visit: Visit, *, by: Person, read: str | None = None) -> Visit:
    """Let the grantee read what was found and agreed, as it was ``read``; it is not changed afterwards. Raises Refused."""
    hold(visit)
    refuse(rules.obstacles_to_sharing(visit, read))
    visit.shared_at, visit.shared_by_id = clock.now(), by.id
    entry = history.record(visit, "share", by=by)
    _tell_grantee(visit, mails.visit_shared, entry.id)
    return visit


def answer(visit: Visit, words: str, *, by: Person) -> Visit:
    """Say as the grantee what one thinks of what was found. Raises Refused when it was answered before."""
    hold(visit, "state")
    refuse(rules.obstacles_to_answering(visit, words))
    visit.answer, visit.answered_at, visit.answered_by_id = words.strip(), clock.now(), by.id
    entry = history.record(visit, "answer", by=by)
    told = {person.id: person for person in free_coordinators(visit.award)}
    post(*(mails.visit_answered(visit, to, entry.id) for to in told.values()))
    return visit


# ------------------------------------------------------------------ what was agreed


def do(change: AgreedChange, evidence: str, *, by: Person) -> AgreedChange:
    """Mark a change that was agreed as done, with what shows it. Raises Refused."""
    visit = change.visit
    hold(change, "done_on", "due_on")
    refuse(rules.obstacles_to_doing(change, evidence))
    change.done_on, change.done_by_id = clock.today(visit.award.call.timezone), by.id
    change.evidence = evidence.strip()
    history.note("visit", visit.id, "do", by=by, change=change.id)
    return change


def move_change(change: AgreedChange, due_on: date, reason: str, *, by: Person) -> AgreedChange:
    """Move the day of a change that was agreed, also after it has passed; the record keeps the former day. Raises Refused."""
    visit = change.visit
    hold(change, "done_on", "due_on")
    refuse(rules.obstacles_to_moving_change(change, due_on, reason))
    before, change.due_on = change.due_on, due_on
    told = {"change": change.id, "before": before.isoformat(), "after": due_on.isoformat()}
    history.note("visit", visit.id, "move_change", by=by, reason=reason, **told)
    return change
