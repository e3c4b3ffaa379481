"""Beginning a due diligence, handing in and judging, searching names, and changing how confidential a grant is."""

from __future__ import annotations

from collections.abc import Iterable

from grants.accounts.models import Organization, Person
from grants.awards import queries as awards
from grants.awards.models import Award
from grants.conflicts.queries import free_coordinators
from grants.core import clock, files
from grants.core.db import db, hold
from grants.core.files import StoredFile
from grants.core.mail import post
from grants.core.rules import Obstacle, refuse
from grants.diligence import mails, queries, rules
from grants.diligence.models import (
    Consent,
    Diligence,
    EarlierPaper,
    Outcome,
    Point,
    SanctionsCheck,
    SecondLook,
    Source,
    Tab,
)
from grants.history import actions as history
from grants.organizations.models import KeptDocument


def _leaders(award: Award) -> Iterable[Person]:
    return awards.people_who_answer([award.organization_id]).get(award.organization_id, [])


# ------------------------------------------------------------------ points


def open_diligence(award: Award, *, by: Person) -> Diligence:
    """Begin the due diligence of an award: its points are written down, with what is there for them already; the grantee
    is told when something is asked of it. Raises Refused.
    """
    hold(award, "state")
    refuse(rules.obstacles_to_opening_diligence(award, queries.diligence_of(award)))
    planned = rules.points_of(queries.terms_of(award), queries.material_of(award))
    diligence = Diligence(
        award_id=award.id,
        opened_by_id=by.id,
        points=[
            Point(
                position=n,
                key=one.key,
                tab=one.tab,
                asked_of=one.asked_of,
                label=one.label,
                help=one.help,
                formats=one.formats,
                file_id=one.file_id,
                source=one.source,
            )
            for n, one in enumerate(planned)
        ],
    )
    db.session.add(diligence)
    entry = history.begin(diligence, "open", by=by, award=award.reference)
    if any(rules.waits_for_grantee(point) for point in diligence.points):
        post(*(mails.diligence_asked(award, to, entry.id) for to in _leaders(award)))
    return diligence


def hand_in(point: Point, name: str, content: bytes, *, by: Person) -> Point:
    """Hand in a file for a point that is asked of the grantee. Raises Refused."""
    diligence = _held(point)
    refuse(rules.obstacles_to_handing_in(point, diligence, diligence.award))
    return _handed_in(point, files.keep(name, content, point.formats or rules.PAPERS), Source.SENT, by)


def hand_in_kept(point: Point, document: KeptDocument | None, *, by: Person) -> Point:
    """Hand in what the organization keeps, without sending it again; the fund has a copy of its own. Raises Refused."""
    diligence = _held(point)
    stored = document.file if document else None
    refuse(
        rules.obstacles_to_handing_in(point, diligence, diligence.award)
        or rules.obstacles_to_giving_kept(point, stored)
    )
    assert stored is not None
    return _handed_in(point, files.copy(stored), Source.KEPT, by)


def _held(point: Point) -> Diligence:
    """The due diligence of a point; nobody else changes it or its points until this transaction ends."""
    hold(point.diligence, "state")
    hold(point)
    return point.diligence


def _handed_in(point: Point, stored: StoredFile, source: Source, by: Person) -> Point:
    diligence = point.diligence
    award = diligence.award
    if point.file_id is not None and point.source is not None:
        db.session.add(
            EarlierPaper(
                point_id=point.id,
                file_id=point.file_id,
                source=point.source,
                handed_in_at=point.handed_in_at,
                replaced_at=clock.now(),
            )
        )
    point.file, point.source, point.words = stored, source, ""
    point.handed_in_at, point.handed_in_by_id = clock.now(), by.id
    point.verdict = point.judged_at = point.judged_by_id = None
    entry = history.note("diligence", diligence.id, "hand_in", by=by, point=point.key, sha256=stored.sha256)
    db.session.flush()
    if not any(rules.waits_for_grantee(one) for one in diligence.points):
        told = {person.id: person for person in free_coordinators(award)}
        if any(one.tab == Tab.BANK and one.verdict is None for one in diligence.points):
            told |= {person.id: person for person in queries.finance_officers(award)}
        post(*(mails.diligence_handed_in(award, to, entry.id) for to in told.values()))
    return point


def judge(point: Point, verdict: str, note: str, *, words: str = "", by: Person, read: str | None = None) -> Point:
    """Say what was found of a point. The note stays inside; with ``words`` the grantee is asked for it again. Raises
    Refused.
    """
    diligence = _held(point)
    award = diligence.award
    refuse(rules.obstacles_to_judging(point, diligence, award, verdict, note, words, read))
    point.verdict, point.note, point.words = verdict, note.strip(), words.strip()
    point.judged_at, point.judged_by_id = clock.now(), by.id
    history.note("diligence", diligence.id, "judge", by=by, point=point.key, verdict=verdict)
    if point.words:
        entry = history.note("diligence", diligence.id, "ask_again", by=by, point=point.key)
        post(*(mails.diligence_asked_again(award, to, entry.id, point.words) for to in _leaders(award)))
    db.session.flush()
    return point


def judge_risk(diligence: Diligence, risk: str, reason: str, *, by: Person) -> Diligence:
    """Judge the risk of a grant, with the reason; it shapes the plan of an agreement drawn up afterwards. Raises Refused."""
    award = diligence.award
    hold(award, "state", "risk")
    hold(diligence, "state")
    refuse(rules.obstacles_to_judging_risk(award, risk, reason))
    before, award.risk = award.risk, risk
    diligence.risk_reason, diligence.risk_judged_at, diligence.risk_judged_by_id = reason.strip(), clock.now(), by.id
    proposed = rules.proposed_risk(facts_of(diligence))
    told = {"risk": risk, "before": before, "proposed": str(proposed)}
    history.note("diligence", diligence.id, "judge_risk", by=by, reason=reason, **told)
    db.session.flush()
    return diligence


def facts_of(diligence: Diligence) -> list[rules.Fact]:
    """What speaks for a higher risk of an award."""
    award = diligence.award
    organization = db.session.get_one(Organization, award.organization_id)
    today = clock.today(award.call.timezone)
    checks, earlier = queries.checks_of(award), queries.earlier_grants(award)
    return rules.facts_of(award, organization, diligence.points, checks, earlier, today)


def obstacles_to_finishing(award: Award) -> list[Obstacle]:
    """What a due diligence still waits for."""
    days = rules.days_a_search_holds(queries.terms_of(award))
    return rules.obstacles_to_finishing(queries.dossier_of(award), award, days, clock.today(award.call.timezone))


def obstacles_to_agreement(award: Award) -> list[Obstacle]:
    """What of the due diligence an agreement waits for."""
    days = rules.days_a_search_holds(queries.terms_of(award))
    return rules.obstacles_to_agreement(queries.dossier_of(award), award, days, clock.today(award.call.timezone))


def finish(diligence: Diligence, *, by: Person) -> Diligence:
    """Finish a due diligence: the agreement can be drawn up. Raises Refused with everything that is missing."""
    hold(diligence, "state")
    refuse(obstacles_to_finishing(diligence.award))
    history.record(diligence, "finish", by=by)
    return diligence


def reopen(diligence: Diligence, reason: str, *, by: Person) -> Diligence:
    """Open a finished due diligence again, with the reason. Raises Refused without one."""
    history.record(diligence, "reopen", by=by, reason=reason)
    return diligence


# ------------------------------------------------------------------ sanctions lists


def screen(
    diligence: Diligence,
    *,
    list_name: str,
    list_version: str,
    names: list[str],
    outcome: str,
    decision: str,
    by: Person,
) -> SanctionsCheck:
    """Write down a search of a sanctions list. Unless it found nothing, the agreement and payments are on hold until a
    second person has looked; after a name that was not cleared this holds for every search. Raises Refused.
    """
    award = diligence.award
    hold(award, "state", "on_hold")
    searched = [" ".join(name.split()) for name in names if name.strip()]
    refuse(rules.obstacles_to_screening(award, queries.names_to_search(award), searched, outcome, decision))
    former = next(iter(queries.checks_of(award)), None)
    check = SanctionsCheck(
        award_id=award.id,
        list_name=list_name.strip(),
        list_version=list_version.strip(),
        names=searched,
        outcome=outcome,
        decision=decision.strip(),
        needs_look=outcome != Outcome.NO_MATCH or rules.is_held_by(former),
        made_at=clock.now(),
        made_by_id=by.id,
    )
    db.session.add(check)
    db.session.flush()
    entry = history.note("diligence", diligence.id, "screen", by=by, check=check.id, outcome=outcome)
    _hold_or_free(diligence, award, on_hold=check.needs_look, by=by)
    if check.needs_look:
        others = queries.people_for_second_look(award, by)
        post(*(mails.diligence_second_look(award, to, entry.id) for to in others))
    return check


def look(check: SanctionsCheck, *, cleared: bool, reason: str, by: Person, read: str | None = None) -> SecondLook:
    """Judge as a second person what a search found: cleared, or the name stands and nothing is signed or paid. Raises
    Refused for the person who searched; the database refuses them too.
    """
    award = check.award
    hold(award, "state", "on_hold")
    checks = queries.checks_of(award)
    check = next(one for one in checks if one.id == check.id)
    refuse(rules.obstacles_to_looking(check, checks[0], by.id, reason, read))
    seen = SecondLook(
        check_id=check.id,
        first_by_id=check.made_by_id,
        cleared=cleared,
        reason=reason.strip(),
        made_at=clock.now(),
        made_by_id=by.id,
    )
    db.session.add(seen)
    db.session.flush()
    diligence = queries.diligence_of(award)
    assert diligence is not None
    history.note("diligence", diligence.id, "look", by=by, check=check.id, cleared=cleared)
    _hold_or_free(diligence, award, on_hold=not cleared, by=by)
    return seen


def _hold_or_free(diligence: Diligence, award: Award, *, on_hold: bool, by: Person) -> None:
    if award.on_hold != on_hold:
        award.on_hold = on_hold
        history.note("diligence", diligence.id, "hold" if on_hold else "free", by=by)
    db.session.flush()


# ------------------------------------------------------------------ confidentiality


def tighten(award: Award, wanted: str, reason: str, *, by: Person) -> Award:
    """Make a grant more confidential, at once and everywhere. Raises Refused."""
    hold(award, "confidentiality")
    refuse(rules.obstacles_to_tightening(award, wanted, reason))
    for consent in queries.consents_in_force(award):
        history.record(consent, "end", by=by)
    _reclassify(award, wanted, "tighten", reason, by)
    return award


def ask_to_loosen(award: Award, wanted: str, reason: str, *, by: Person) -> Consent:
    """Ask the grantee whether its grant may be less confidential, and say what for. Nothing changes yet. Raises Refused."""
    hold(award, "confidentiality")
    refuse(rules.obstacles_to_asking_consent(award, wanted, reason, queries.consent_asked(award)))
    consent = Consent(
        award_id=award.id,
        from_class=award.confidentiality,
        to_class=wanted,
        reason=reason.strip(),
        asked_at=clock.now(),
        asked_by_id=by.id,
    )
    db.session.add(consent)
    entry = history.begin(consent, "ask", by=by, award=award.reference, wanted=wanted)
    post(*(mails.consent_asked(award, to, entry.id) for to in _leaders(award)))
    return consent


def answer_consent(consent: Consent, *, given: bool, name: str, by: Person, read: str | None = None) -> Consent:
    """Consent to less confidentiality, or refuse, with a full name; a consent counts at once. Raises Refused."""
    award = consent.award
    hold(award, "confidentiality")
    hold(consent, "state")
    refuse(rules.obstacles_to_answering(consent, award, name, read, given=given))
    consent.answered_at, consent.answered_by_id = clock.now(), by.id
    consent.answered_name = " ".join(name.split())
    entry = history.record(consent, "give" if given else "refuse", by=by)
    if given:
        db.session.flush()
        _reclassify(award, consent.to_class, "loosen", consent.reason, by)
    post(mails.consent_answered(award, consent.asked_by, entry.id, given=given))
    return consent


def _reclassify(award: Award, wanted: str, verb: str, reason: str, by: Person) -> None:
    """The class stands with the award and with its application: lists and exports of both follow it."""
    before, award.confidentiality = award.confidentiality, wanted
    queries.application_of(award).confidentiality = wanted
    history.note("award", award.id, verb, by=by, reason=reason, before=before, after=wanted)
    db.session.flush()
