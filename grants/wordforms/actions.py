"""What is done with forms as Word files: made, sent in, compared with what is saved, taken over, put aside."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from grants.accounts.models import Person
from grants.applications import actions as applications
from grants.applications import queries as application_queries
from grants.applications.models import Application
from grants.applications.rules import obstacles_to_editing, prefilled
from grants.calls.models import Call
from grants.core import clock, files, word
from grants.core.db import db
from grants.core.languages import pick, speaking
from grants.core.questions import Definition
from grants.core.rules import Refused, refuse
from grants.history import actions as history
from grants.questionnaires.queries import definition_of
from grants.wordforms import queries, rules
from grants.wordforms.models import FilledForm


def blank(call: Call, language: str) -> bytes:
    """The form of a call as a Word file, to read or to fill in, in one of the call's languages."""
    form, definition = queries.form_by_id(call.questionnaire_id), definition_of(call.questionnaire_id)
    return _written(call, definition, {}, rules.Origin(call.reference, form.key, form.version, language))


def begun(application: Application, language: str) -> bytes:
    """The form of an application as a Word file, with everything that is saved already."""
    call, form = application.call, queries.form_by_id(application.questionnaire_id)
    definition = definition_of(application.questionnaire_id)
    saved = application_queries.saved_in(application)
    answers = _answers(application, definition, saved)
    versions = {s.key: saved[s.key].version if s.key in saved else 0 for s in definition.sections}
    origin = rules.Origin(call.reference, form.key, form.version, language, application.reference, versions)
    return _written(call, definition, answers, origin)


def _written(call: Call, definition: Definition, answers: Mapping[str, Any], origin: rules.Origin) -> bytes:
    with speaking(origin.language):
        title = str(pick(call.title, origin.language, call.authoritative_language))
        subtitle = str(pick(definition.title, origin.language, definition.fallback))
        cover = rules.Cover(title, subtitle, rules.steps_in_words())
        return word.write(rules.document_of(definition, answers, origin, cover))


def _answers(application: Application, definition: Definition, saved: Mapping[str, Any]) -> dict[str, Any]:
    """What is saved, and what the organization's profile says where a section was never saved."""
    answers = {key: value for row in saved.values() for key, value in row.values.items()}
    profile = prefilled(application.organization)
    for section in definition.sections:
        if section.prefill_from == "organization_profile" and section.key not in saved:
            answers |= {q.key: profile[q.key] for q in section.questions if q.key in profile}
    return answers


def send_in(application: Application, name: str, content: bytes, *, by: Person) -> FilledForm:
    """Keep a filled form until it is taken over; an earlier one of the same person goes. Raises Refused.

    Nothing of the application changes. A file that cannot be read, or that is no form of this call, is not kept.
    """
    refuse(obstacles_to_editing(application))
    refuse(rules.obstacles_to_naming(name))
    _read(application, content)
    stored = files.keep(name, content, ["docx"])
    at = clock.now()
    filled = queries.sent_before(application, by)
    if filled is None:
        filled = FilledForm(application=application, sent_by_id=by.id)
        db.session.add(filled)
    else:
        files.forget(filled.file)
    filled.file, filled.sent_at, filled.expires_at = stored, at, at + timedelta(days=rules.KEPT_DAYS)
    db.session.flush()
    return filled


@dataclass(frozen=True)
class Comparison:
    """A filled form beside what is saved: what differs, what could not be read, and how an older form fits.

    ``versions`` are those of the sections as they are shown now, ``is_of_another`` says that the file was downloaded for
    another application, ``alike`` how many answers are the same.
    """

    definition: Definition
    reading: rules.Reading
    fit: rules.Fit
    differences: list[rules.Difference]
    versions: dict[str, int]
    is_of_another: bool
    alike: int


def compared(filled: FilledForm, application: Application) -> Comparison:
    """A filled form beside what is saved in its application now. Raises Refused when it can no longer be read."""
    reading, then = _read(application, files.read(filled.file))
    now = definition_of(application.questionnaire_id)
    fit = rules.fitted(reading, then, now)
    saved = application_queries.saved_in(application)
    answers = {key: value for row in saved.values() for key, value in row.values.items()}
    own = reading.origin.application == application.reference
    base = _answers_then(application, now, reading.origin.saved, saved) if own else None
    found = rules.differences(now, answers, reading, base)
    given = [key for key, value in reading.answers.items() if value is not None]
    return Comparison(
        definition=now,
        reading=reading,
        fit=fit,
        differences=found,
        versions={s.key: saved[s.key].version if s.key in saved else 0 for s in now.sections},
        is_of_another=bool(reading.origin.application) and not own,
        alike=len(set(given) - {difference.question.key for difference in found}),
    )


def _read(application: Application, content: bytes) -> tuple[rules.Reading, Definition]:
    """What a file says, by the questions it was made from. Raises Refused."""
    try:
        document = word.read(content)
    except word.Unreadable as problem:
        raise Refused(rules.obstacle_of(problem)) from problem
    origin = rules.origin_in(document)
    form = queries.form_by_id(application.questionnaire_id)
    made_from = queries.form_by_version(form.key, origin.version) if origin else None
    call, known = application.call, made_from is not None
    refuse(rules.obstacles_to_comparing(origin, call.reference, form.key, call.languages, known=known))
    assert origin is not None
    assert made_from is not None
    then = definition_of(made_from.id)
    with speaking(origin.language):
        reading = rules.read_form(document, then, origin)
    refuse(rules.obstacles_to_reading(reading))
    return reading, then


def _answers_then(
    application: Application, now: Definition, versions: Mapping[str, int], saved: Mapping[str, Any]
) -> dict[str, Any]:
    """The answers that stood in a file when it was downloaded."""
    changed = {key: v for key, v in versions.items() if key in saved and saved[key].version != v}
    earlier = queries.values_then(application.answer_sheet_id, changed)
    profile = prefilled(application.organization)
    answers: dict[str, Any] = {}
    for section in now.sections:
        version = versions.get(section.key, 0)
        if version == 0 and section.prefill_from == "organization_profile":
            answers |= {q.key: profile[q.key] for q in section.questions if q.key in profile}
        elif section.key in earlier:
            answers |= earlier[section.key]
        elif section.key in saved and saved[section.key].version == version:
            answers |= saved[section.key].values
    return answers


def take_over(
    filled: FilledForm, application: Application, chosen: Collection[str], seen: Mapping[str, int], *, by: Person
) -> int:
    """Save the chosen answers of a filled form, and say how many. Raises Refused, or EditConflict when somebody changed
    one of them since the differences were shown; then nothing is saved.

    ``chosen`` are question keys, ``seen`` the versions of the sections that the person had before their eyes.
    """
    refuse(obstacles_to_editing(application))
    comparison = compared(filled, application)
    refuse(rules.obstacles_to_taking_over(chosen, comparison.differences))
    taken = [difference for difference in comparison.differences if difference.question.key in chosen]
    with db.session.begin_nested():
        for section in comparison.definition.sections:
            values = {d.question.key: d.new for d in taken if d.section == section.key}
            if values:
                applications.save_section(application, section.key, values, by=by, version=seen.get(section.key, 0))
    history.note("application", application.id, "take_over", by=by, answers=len(taken), sha256=filled.file.sha256)
    _forget(filled)
    return len(taken)


def discard(filled: FilledForm, *, by: Person) -> None:
    """Put a filled form aside without taking anything over."""
    _forget(filled)


def forget_expired(at: datetime) -> int:
    """Take away filled forms that nobody took over in time, and say how many."""
    expired = queries.expired_forms(at)
    for filled in expired:
        _forget(filled)
    return len(expired)


def _forget(filled: FilledForm) -> None:
    stored = filled.file
    db.session.delete(filled)
    db.session.flush()
    files.forget(stored)
