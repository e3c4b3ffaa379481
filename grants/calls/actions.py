"""What coordinators do with a call: import, copy and write it, publish, correct and cancel it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import delete

from grants.accounts.models import COORDINATORS, Person
from grants.accounts.queries import holders_of
from grants.calls import mails, queries, rules
from grants.calls.models import (
    Call,
    Correction,
    Criterion,
    DocumentAsked,
    EligibilityRule,
    Lot,
    RegionEnvelope,
    WorkingCopy,
)
from grants.calls.workflow import CallState
from grants.core import clock
from grants.core.db import columns_of, db, hold
from grants.core.mail import post
from grants.core.money import Money
from grants.core.questions import Problem, day_of, parse_definition
from grants.core.revisions import Change
from grants.core.rules import Obstacle, refuse
from grants.history.actions import begin, note, record
from grants.questionnaires.actions import create_questionnaire, discard_questionnaire


def import_call(definition: Mapping[str, Any], *, by: Person | None) -> Call:
    """Make a draft call from its documents, or replace the draft that has the same reference.

    ``definition`` is what :func:`grants.calls.forms.read_call` gives: call, form, grid, budget, plan_of_action. Nothing is
    written unless all of it is sound. Raises Refused with every mistake, or because the call is published.
    """
    refuse([_obstacle(problem) for problem in rules.problems_of(definition)])
    terms = definition["call"]
    call = queries.call_for_import(terms["id"])
    refuse(rules.obstacles_to_importing(call))
    if call is not None:
        discard_working_copy(call)
        rewrite(call, definition)
        note(call.workflow.name, call.id, "import_again", by=by)
        return call
    return _begin(definition, "import", by=by)


def begin_call(documents: Mapping[str, Any], *, by: Person) -> Call:
    """Make a draft call of which little more than the frame is known, such as somebody has begun in the browser.

    Raises Refused when its reference is taken or something in the documents is wrong.
    """
    reference = str(documents["call"]["id"])
    refuse(rules.obstacles_to_copying(reference, queries.call_for_import(reference), None, clock.now()))
    refuse([_obstacle(problem) for problem in rules.problems_of(documents)])
    return _begin(documents, "begin", by=by)


def _begin(definition: Mapping[str, Any], verb: str, *, by: Person | None, **details: Any) -> Call:
    questionnaire = create_questionnaire(storable(definition["form"]), storable(rules.sources_of(definition)))
    call = Call(**_columns(definition), questionnaire_id=questionnaire.id)
    db.session.add(call)
    db.session.flush()
    begin(call, verb, by=by, **details)
    db.session.add_all(_parts(call, definition))
    db.session.flush()
    db.session.expire(call, PARTS_OF_CALL)
    return call


PARTS_OF_CALL = ["lots", "regions", "rules", "criteria", "documents", "questionnaire"]


def copy_call(call: Call, reference: str, *, deadline_on: date | None, by: Person) -> Call:
    """Make a draft that says what another call says, under a new reference.

    Its dates move with the deadline by whole days; without a new deadline they are left empty, to be filled in. Raises
    Refused.
    """
    refuse(rules.obstacles_to_copying(reference, queries.call_for_import(reference), deadline_on, clock.now()))
    definition = queries.written_documents(call)
    zone = call.timezone
    former = call.closes_at.astimezone(ZoneInfo(zone)).date()
    days = (deadline_on or max(former, clock.now().date()) + timedelta(days=364)) - former
    copied = _begin(rules.copied(definition, reference, days, zone), "copy", by=by, call=call.reference)
    if deadline_on is None:
        save_working_copy(copied, rules.without_dates(queries.written_documents(copied)), version=0, by=by)
    return copied


def save_working_copy(call: Call, documents: Mapping[str, Any], *, version: int, by: Person) -> list[Problem]:
    """Keep what a coordinator wrote about a call, sound or not; a sound draft says so at once.

    ``version`` is the one the person had before their eyes. Returns what is wrong with the documents. Raises Refused
    when somebody else wrote meanwhile.
    """
    hold(call)
    kept = queries.working_copy_of(call, held=True)
    refuse(rules.obstacles_to_writing(call, kept, version))
    written = storable(documents)
    if kept is None:
        kept = WorkingCopy(call_id=call.id, version=0)
        db.session.add(kept)
    kept.documents, kept.version = written, kept.version + 1
    kept.saved_at, kept.saved_by_id = clock.now(), by.id
    db.session.flush()
    problems = rules.problems_of(written)
    if not problems and call.state == CallState.DRAFT:
        rewrite(call, written)
    note(call.workflow.name, call.id, "write", by=by)
    return problems


def discard_working_copy(call: Call) -> None:
    """Forget what was being written about a call and is not applied."""
    hold(call)
    db.session.execute(delete(WorkingCopy).where(WorkingCopy.call_id == call.id))


def rewrite(call: Call, definition: Mapping[str, Any]) -> None:
    """Let a call say what its documents say now; whatever refers to its rules, criteria and documents still finds them.

    Its questions get a new version only when they changed; the former goes when nobody has answered it.
    """
    former, columns = call.questionnaire, _columns(definition)
    form, sources = storable(definition["form"]), storable(rules.sources_of(definition))
    if _says_else(former.definition, form, sources):
        columns["questionnaire_id"] = create_questionnaire(form, sources).id
    for name, value in columns.items():
        setattr(call, name, value)
    wanted = _parts(call, definition)
    for model in queries.PARTS:
        _replace_rows(call, model, [row for row in wanted if isinstance(row, model)])
    db.session.flush()
    db.session.expire(call, PARTS_OF_CALL)
    if call.questionnaire_id != former.id and call.state == CallState.DRAFT:
        discard_questionnaire(former)


def _says_else(kept: Mapping[str, Any], form: Mapping[str, Any], sources: Mapping[str, Any]) -> bool:
    """Whether a form, with what it refers to, is another than the one that is kept; the order of things counts."""
    now = {**form, "sources": dict(parse_definition(form, sources).sources)}
    return json.dumps(now) != json.dumps(kept)


def _replace_rows(call: Call, model: Any, wanted: list[Any]) -> None:
    """The rows of one part of a call: those of the same key are changed, the others added or taken away."""
    name = "region" if model is RegionEnvelope else "key"
    present = {getattr(row, name): row for row in queries.rows_of(call, model)}
    for row in wanted:
        kept = present.pop(getattr(row, name), None)
        if kept is None:
            db.session.add(row)
            continue
        for column in columns_of(model):
            if column != "id":
                setattr(kept, column, getattr(row, column))
    for row in present.values():
        db.session.delete(row)


def correct(
    call: Call, definition: Mapping[str, Any], changes: Iterable[Change], reason: str, *, by: Person
) -> Correction:
    """Publish what a published call says from now on, as its next edition, with the changes and the reason.

    Whoever calls this has locked the call and asked the rules; applications begun are carried over by the caller.
    """
    former, questions = queries.written_documents(call), call.questionnaire_id
    rewrite(call, definition)
    call.edition += 1
    correction = Correction(
        call_id=call.id,
        number=call.edition - 1,
        reason=reason.strip(),
        changes=[change.kept for change in changes],
        former=former,
        former_questionnaire_id=questions,
        questionnaire_id=call.questionnaire_id,
        made_by_id=by.id,
    )
    db.session.add(correction)
    discard_working_copy(call)
    note(call.workflow.name, call.id, "correct", by=by, reason=reason, number=correction.number)
    return correction


def publish(call: Call, *, by: Person | None) -> None:
    """Show a call to everybody; applications are taken from its opening on. Raises Refused."""
    kept = queries.working_copy_of(call)
    problems = rules.problems_of(kept.documents) if kept else []
    refuse(rules.obstacles_to_publishing(call, clock.now(), problems))
    record(call, "publish", by=by)
    discard_working_copy(call)
    regions = {region.region for region in call.regions}
    told = [p for p in holders_of(*COORDINATORS) if p.regions & regions and (by is None or p.id != by.id)]
    post(*(mails.call_published(call, to=person) for person in told))


def cancel(call: Call, reason: str, *, by: Person) -> None:
    """Take a call back, with a reason that stays in the record. Raises Refused."""
    refuse(rules.obstacles_to_cancelling(call))
    record(call, "cancel", by=by, reason=reason)


def storable(value: Any) -> Any:
    """A value of a YAML file as JSON keeps it: keys as text, days and moments in ISO form."""
    if isinstance(value, Mapping):
        return {str(key): storable(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [storable(member) for member in value]
    return value.isoformat() if isinstance(value, date) else value


def _obstacle(problem: Problem) -> Obstacle:
    place = ".".join(str(part) for part in problem.path)
    return Obstacle("bad_import", f"{place}: {problem.reason}")


def _columns(definition: Mapping[str, Any]) -> dict[str, Any]:
    terms = definition["call"]
    table, grant, currency = terms["timetable"], terms["grant"], terms["currency"]
    language, zone = terms["authoritative_language"], table["timezone"]

    def moment(key: str) -> datetime | None:
        found = rules.moment_of(table.get(key), zone)
        return found.astimezone(UTC) if found else None

    return {
        "reference": terms["id"],
        "programme": _texts(terms["programme"], language),
        "title": _texts(terms["title"], language),
        "currency": currency,
        "languages": list(terms["languages_of_application"]),
        "authoritative_language": language,
        "timezone": zone,
        "opens_at": moment("published_at"),
        "closes_at": moment("deadline"),
        "questions_until": moment("questions_until"),
        "answers_until": moment("answers_published_until"),
        "session_at": moment("information_session_at"),
        "check_until": day_of(table.get("administrative_check_until")),
        "reviews_due_on": day_of(table.get("reviews_due")),
        "meeting_on": day_of(table.get("committee_meeting")),
        "notify_until": day_of(table.get("notification_until")),
        "complaints_until": day_of(table.get("complaints_until")),
        "sign_until": day_of(table.get("agreements_signed_until")),
        "earliest_start_on": day_of(table.get("earliest_start")),
        "latest_end_on": day_of(table.get("latest_end")),
        "reserve_valid_until": day_of(terms["envelope"].get("reserve_list_valid_until")),
        "envelope_minor": _minor(terms["envelope"]["total"], currency),
        "grant_min_minor": _minor(grant["min"], currency),
        "grant_max_minor": _minor(grant["max"], currency),
        "months_min": grant["duration_months"]["min"],
        "months_max": grant["duration_months"]["max"],
        "eligible_countries": [str(code) for code in terms["eligible_countries"]],
        "terms": storable(terms),
        "grid": storable(definition["grid"]),
        "budget": storable(definition.get("budget") or {}),
        "plan_of_action": storable(definition.get("plan_of_action") or {}),
    }


def _parts(call: Call, definition: Mapping[str, Any]) -> list[Any]:
    """The rows a call is made of, in the order of its documents."""
    terms, language = definition["call"], call.authoritative_language
    envelope = terms["envelope"]
    fewest = {str(k): v for k, v in (envelope.get("by_lot_min_awards") or {}).items()}
    sections = definition["grid"]["sections"]
    criteria = [(section["id"], criterion) for section in sections for criterion in section["criteria"]]
    return [
        *(
            Lot(
                call_id=call.id,
                position=n,
                key=str(lot["id"]),
                title=_texts(lot["title"], language),
                plan_points=list(lot.get("plan_points") or []),
                min_awards=fewest.get(str(lot["id"]), 0),
            )
            for n, lot in enumerate(terms.get("lots") or [])
        ),
        *(
            RegionEnvelope(
                call_id=call.id,
                position=n,
                region=str(region["region"]),
                label=_texts(region.get("label") or str(region["region"]), language),
                indicative_minor=_minor(region["indicative"], call.currency),
                floor_minor=_minor(region.get("floor") or 0, call.currency),
                ceiling_minor=_minor(region["ceiling"], call.currency) if region.get("ceiling") is not None else None,
            )
            for n, region in enumerate(envelope["by_region"])
        ),
        *(
            EligibilityRule(
                call_id=call.id,
                position=n,
                key=str(rule["id"]),
                check=rule["check"],
                on_fail=rule["on_fail"],
                manual_if=[str(value) for value in rule.get("manual_if") or []],
                derived=bool(rule.get("derived")),
                text=_texts(rule["text"], language),
            )
            for n, rule in enumerate((terms.get("eligibility") or {}).get("rules") or [])
        ),
        *(
            Criterion(
                call_id=call.id,
                position=n,
                section=str(section),
                key=str(criterion["id"]),
                weight=criterion["weight"],
                text=_texts(criterion["text"], language),
                anchors=storable(criterion.get("anchors") or {}),
            )
            for n, (section, criterion) in enumerate(criteria)
        ),
        *(
            DocumentAsked(
                call_id=call.id,
                position=n,
                code=str(annex["id"]),
                key=str(annex["key"]),
                label=_texts(annex["label"], language),
                note=_texts(annex["note"], language) if annex.get("note") else {},
                formats=[str(kind) for kind in annex["formats"]],
                required=annex["required"],
                required_when=annex.get("when"),
                stage=annex.get("stage", "application"),
                sensitive=bool(annex.get("sensitive")),
                identifies=bool(annex.get("identifies")),
                largest_mb=annex.get("max_mb"),
                most_files=annex.get("max_files"),
            )
            for n, annex in enumerate(terms.get("required_annexes") or [])
        ),
    ]


def _texts(value: Any, language: str) -> dict[str, str]:
    return {language: value} if isinstance(value, str) else {str(k): str(v) for k, v in value.items() if v}


def _minor(value: Any, currency: str) -> int:
    return Money.parse(value, currency).minor
