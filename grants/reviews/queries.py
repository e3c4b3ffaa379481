"""Finding assignments, reviews, ties to organizations, and the numbers that scores are computed from."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cache, cached_property, lru_cache
from typing import Any, NamedTuple

from flask import current_app
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Exists,
    Select,
    Text,
    any_,
    bindparam,
    case,
    cast,
    exists,
    false,
    func,
    literal_column,
    or_,
    select,
    true,
    union,
)
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by, array, distinct_on
from sqlalchemy.orm import aliased, contains_eager, joinedload, load_only, selectinload

from grants.accounts.models import Membership, Organization, Person, Role, RoleGrant
from grants.applications.models import Application, Attachment
from grants.applications.rules import Audience, tells_who, visible_sections
from grants.applications.workflow import ApplicationState
from grants.calls.models import Call, Criterion, DocumentAsked, Lot
from grants.calls.queries import documents_of, once_published
from grants.calls.workflow import CallState
from grants.conflicts.models import ConflictDeclaration
from grants.conflicts.queries import PEOPLE, conflicts_in, declared_for, hidden_applications
from grants.core.db import Prepared, db, hold, packed, prepared_once, to_read, unpacked
from grants.core.files import StoredFile
from grants.core.money import Money
from grants.core.questions import LINES, Definition, Question, Section
from grants.core.redaction import Redaction, joined
from grants.organizations.models import Identifier
from grants.questionnaires.models import SectionAnswers, SectionRevision
from grants.questionnaires.queries import answers_of_sheets, definition_of
from grants.reviews.models import CAPACITY, AnswerTranslation, Assignment, Review, ReviewerProfile, Score
from grants.reviews.workflow import LIVE, AssignmentState

MOST_STANDINGS = 20
"""How many calls a process keeps the standing of."""

OF_CALL = bindparam("call", None, type_=BigInteger)


class ApplicationLine(NamedTuple):
    """What lists of applications under review show."""

    id: int
    reference: str
    title: str
    state: str
    language: str
    region: str | None
    lot_key: str | None
    requested_minor: int
    currency: str
    organization_id: int
    organization_name: str
    country: str

    @property
    def requested(self) -> Money:
        """The grant asked for."""
        return Money(self.requested_minor, self.currency)


class ReviewPoints(NamedTuple):
    """The numbers of one submitted review: ``sections`` holds the points, ``lowest`` the lowest value of each."""

    application_id: int
    review_id: int
    assignment_id: int
    reviewer: str
    round: int
    recommendation: str | None
    sections: dict[str, int]
    lowest: dict[str, int]

    @property
    def total(self) -> int:
        """The sum of the sections."""
        return sum(self.sections.values())


class Asked(NamedTuple):
    """One assignment, as the board shows it."""

    id: int
    application_id: int
    reviewer_id: int
    round: int
    state: str
    due_on: date
    total: int | None


class Candidate(NamedTuple):
    """A reviewer who could be asked."""

    id: int
    reference: str
    name: str
    languages: list[str]
    regions: list[str]
    lots: list[str]
    capacity: int
    described: bool = True


class ReviewerLine(NamedTuple):
    """A reviewer as the list of all of them shows them: what they know, and what they do.

    ``loads`` names the calls in which a review of theirs is still to be written, each with the number of first-round
    reviews that they have taken on there.
    """

    reference: str
    name: str
    described: bool
    expertise: dict[str, str]
    languages: list[str]
    regions: list[str]
    lots: list[str]
    capacity: int
    open: int
    done: int
    loads: list[list[Any]]


@dataclass(frozen=True, eq=False)
class Assignments:
    """Who was asked for which application of a call, ended assignments included."""

    asked: list[Asked]

    @cached_property
    def of_application(self) -> dict[int, list[Asked]]:
        """Every assignment of an application, ended ones included."""
        found: dict[int, list[Asked]] = defaultdict(list)
        for one in self.asked:
            found[one.application_id].append(one)
        return found

    @cached_property
    def load(self) -> Counter[tuple[int, int]]:
        """How many live reviews each (reviewer, round) has in this call."""
        return self.load_without(())

    def load_without(self, hidden: Collection[int]) -> Counter[tuple[int, int]]:
        """The same, but for reviews of some applications."""
        live = (one for one in self.asked if one.state in LIVE and one.application_id not in hidden)
        return Counter((one.reviewer_id, one.round) for one in live)

    def and_(self, one: Asked) -> Assignments:
        """The same with one more."""
        return Assignments([*self.asked, one])

    def live(self, application_id: int, round: int | None = None) -> list[Asked]:
        """The live assignments of an application, of one round when ``round`` is given."""
        return [
            one
            for one in self.of_application.get(application_id, [])
            if one.state in LIVE and round in (None, one.round)
        ]


@dataclass(frozen=True, eq=False)
class Standing:
    """What the scores of a call's applications are computed from: the grid, the applications, the stored reviews; and
    who was asked, for the table of the whole call. It never changes: another one is read when something has.
    """

    grid: dict[str, Any]
    lines: list[ApplicationLine]
    points: dict[int, list[ReviewPoints]]
    assignments: Assignments = field(default_factory=lambda: Assignments([]))


@dataclass(frozen=True)
class Board:
    """Who could review what in a call: applications, reviewers, who was asked, and ties (person, application); and the
    applications that are ``hidden`` from whoever it is shown to.
    """

    lines: list[ApplicationLine]
    candidates: list[Candidate]
    assignments: Assignments
    ties: frozenset[tuple[int, int]]
    hidden: frozenset[int] = frozenset()

    @cached_property
    def taken(self) -> Counter[tuple[int, int]]:
        """How many live reviews each (reviewer, round) has, as whoever it is shown to is told."""
        return self.assignments.load_without(self.hidden)


def to_hand_in(person_id: Any) -> Select[int]:
    """The applications of which a person still has a review to hand in. Until then they read no other review of it and
    nothing that follows from one, in whatever role; and in a call that hides its applicants nothing but their own pages.
    """
    waits = Assignment.state.in_((AssignmentState.ASKED, AssignmentState.ACCEPTED))
    return select(Assignment.application_id).where(Assignment.reviewer_id == person_id, waits)


def blind_to_hand_in(person_id: Any) -> Select[int]:
    """Those of them that are in calls which hide their applicants."""
    found = to_hand_in(person_id).join(Application, Application.id == Assignment.application_id)
    return found.join(Call, Call.id == Application.call_id).where(Call.hides_applicants)


def declared_on(assignment: Assignment) -> ConflictDeclaration | None:
    """What the reviewer declared about the applicant, for this call; None before they have."""
    application = assignment.application
    return declared_for(assignment.reviewer, application.organization_id, application.call_id)


def _unspoken(person_id: Any, call_id: Any) -> Select[int, int]:
    """The applicants of a call about which a person has not declared anything for this call; without those whose
    applications are hidden from them already, and without those whose blind reviews they have to hand in.
    """
    about, applicant = ConflictDeclaration, Application.organization_id
    declared = select(about.organization_id).where(about.person_id == person_id, about.call_id == call_id)
    alive = Application.state.in_((ApplicationState.SUBMITTED, ApplicationState.ELIGIBLE))
    undeclared = (
        select(Application.id, applicant, Application.questionnaire_id)
        .where(Application.call_id == call_id, alive, applicant.not_in(declared.correlate(Person)))
        .offset(literal_column("0"))  # ties are looked for only where something was not declared
        .subquery()
    )
    return select(undeclared.c.organization_id, undeclared.c.questionnaire_id).where(
        undeclared.c.id.not_in(hidden_applications(person_id, call_id)),
        undeclared.c.id.not_in(blind_to_hand_in(person_id).correlate(Person)),
    )


def has_applicants_to_declare(person_id: Any, call_id: Any) -> Exists:
    """Whether there is any applicant of a call about which a person has still to declare."""
    return _unspoken(person_id, call_id).exists()


def applicants_to_declare(person: Person, call_id: int) -> list[Organization]:
    """The applicants of a call about which a person has still to declare, by name."""
    theirs = _unspoken(person.id, call_id).subquery().c.organization_id
    found = (
        select(Organization)
        .where(Organization.id.in_(select(theirs)))
        .options(load_only(Organization.reference, Organization.name, Organization.country))
        .order_by(Organization.name, Organization.id)
    )
    return list(db.session.scalars(found))


def names_to_declare(people: Iterable[Person], call_id: int) -> dict[int, Redaction]:
    """What names the applicants of a call about which those people have still to declare, by person."""
    asked = [one.id for one in people]
    theirs = _unspoken(Person.id, call_id).lateral()
    pairs = db.session.execute(select(Person.id, *theirs.c).join(theirs, true()).where(Person.id.in_(asked))).all()
    named = names_hidden({organization: questionnaire for _person, organization, questionnaire in pairs})
    return {one: joined(named[organization] for person, organization, _ in pairs if person == one) for one in asked}


# ------------------------------------------------------------------ assignments


def assignment_by_id(seen: Select[Assignment], assignment_id: int) -> Assignment | None:
    """One assignment among those a person may see, with what its page always shows."""
    found = seen.where(Assignment.id == assignment_id).options(
        joinedload(Assignment.application)
        .joinedload(Application.organization)
        .load_only(Organization.reference, Organization.name, Organization.acronym, Organization.country),
        joinedload(Assignment.application).joinedload(Application.call),
        joinedload(Assignment.review),
        joinedload(Assignment.reviewer).load_only(Person.name, Person.reference, Person.email, Person.language),
    )
    return db.session.scalar(found)


def assignment_to_read(seen: Select[Assignment], assignment_id: int) -> Assignment | None:
    """One assignment among those a person may see, with its application, organization, call and reviewer, with its
    review and its scores, to be read only and in one query: none of it belongs to the session.
    """
    rows = _to_read(seen)(assignment=assignment_id)
    if not rows:
        return None
    assignment, application, call, organization, reviewer, review, scores = rows[0]
    found = unpacked(Assignment, assignment)
    found.__dict__.update(
        application=unpacked(Application, application),
        reviewer=to_read(Person, dict(zip(OF_REVIEWER, reviewer, strict=True))),
        review=unpacked(Review, review) if review else None,
    )
    found.application.__dict__.update(
        call=unpacked(Call, call), organization=to_read(Organization, dict(zip(TELLING, organization, strict=True)))
    )
    if found.review:
        found.review.__dict__["scores"] = [unpacked(Score, score) for score in scores or ()]
    return found


OF_REVIEWER = ("id", "reference", "name")
TELLING = ("id", "reference", "name", "acronym", "country")
"""What pages tell of a reviewer, and of an organization."""


@prepared_once
def _to_read(seen: Select[Assignment]) -> Prepared:
    reviewer = aliased(Person)
    scores = (
        select(func.json_agg(packed(Score))).where(Score.review_id == Review.id).correlate(Review).scalar_subquery()
    )
    mine = seen.where(Assignment.id == bindparam("assignment", None, type_=BigInteger)).with_only_columns(Assignment.id)
    return Prepared(
        lambda: (
            select(
                *(packed(Assignment), packed(Application), packed(Call)),
                func.json_build_array(*(getattr(Organization, name) for name in TELLING)),
                func.json_build_array(*(getattr(reviewer, name) for name in OF_REVIEWER)),
                case((Review.id.is_not(None), packed(Review))),
                scores,
            )
            .select_from(Assignment)
            .join(Application, Application.id == Assignment.application_id)
            .join(Call, Call.id == Application.call_id)
            .join(Organization, Organization.id == Application.organization_id)
            .join(reviewer, reviewer.id == Assignment.reviewer_id)
            .outerjoin(Review, Review.assignment_id == Assignment.id)
            .where(Assignment.id.in_(mine))
        )
    )


class Task(NamedTuple):
    """An assignment in the list of its reviewer."""

    id: int
    state: AssignmentState
    due_on: date
    round: int
    reference: str
    title: str
    lot: dict[str, str] | str | None
    organization: str
    country: str
    timezone: str
    total: int | None
    submitted_at: datetime | None
    questionnaire_id: int
    organization_id: int
    is_blind: bool
    region: str | None
    language: str
    is_declared: bool

    @property
    def is_named(self) -> bool:
        """Whether the reviewer may be told yet who applied."""
        return self.state != AssignmentState.ASKED or self.is_declared or self.is_blind


class Tasks(NamedTuple):
    """One page of what a reviewer was asked: how many there are, and how many of them wait."""

    page: int
    shown: list[Task]
    total: int
    waiting: int


def assignments_of(seen: Select[Assignment], person: Person, page: int, size: int) -> Tasks:
    """One page of what a reviewer was asked, the most urgent first and what is done last; the first page when there is
    no such page.
    """
    rows = _assignments_of(seen)(person=person.id, size=size, start=(page - 1) * (size or 0))
    if not rows and page > 1:
        return assignments_of(seen, person, 1, size)
    shown = [Task(row[0], AssignmentState(row[1]), *row[2:-2]) for row in rows]
    blind = [task for task in shown if task.is_blind]
    hidden = names_hidden({task.organization_id: task.questionnaire_id for task in blind})
    shown = [
        task._replace(organization="", title=hidden[task.organization_id].of(task.title)) if task.is_blind else task
        for task in shown
    ]
    return Tasks(page, shown, *(rows[0][-2:] if rows else (0, 0)))


@prepared_once
def _assignments_of(seen: Select[Assignment]) -> Prepared:
    done = Assignment.state == AssignmentState.COMPLETED
    on_page = (
        seen.where(Assignment.reviewer_id == bindparam("person", None, type_=BigInteger), Assignment.state.in_(LIVE))
        .with_only_columns(
            Assignment.id, func.count().over().label("total"), func.count().filter(~done).over().label("waiting")
        )
        .order_by(done, Assignment.due_on, Assignment.id)
        .limit(bindparam("size", None, type_=BigInteger))
        .offset(bindparam("start", None, type_=BigInteger))
        .cte("on_page")
    )
    declared = select(ConflictDeclaration.id).where(
        ConflictDeclaration.person_id == Assignment.reviewer_id,
        ConflictDeclaration.organization_id == Application.organization_id,
        ConflictDeclaration.call_id == Application.call_id,
    )
    return Prepared(
        lambda: (
            select(
                *(Assignment.id, Assignment.state, Assignment.due_on, Assignment.round),
                *(Application.reference, Application.title),
                func.coalesce(Lot.title, func.to_jsonb(Application.lot_key)),
                *(Organization.name, Organization.country, Call.timezone, Review.total, Review.submitted_at),
                *(Application.questionnaire_id, Organization.id, Call.hides_applicants),
                *(Application.region, Application.language, declared.exists()),
                *(on_page.c.total, on_page.c.waiting),
            )
            .select_from(on_page)
            .join(Assignment, Assignment.id == on_page.c.id)
            .join(Application, Application.id == Assignment.application_id)
            .join(Organization, Organization.id == Application.organization_id)
            .join(Call, Call.id == Application.call_id)
            .outerjoin(Lot, (Lot.call_id == Call.id) & (Lot.key == Application.lot_key))
            .outerjoin(Review, Review.assignment_id == Assignment.id)
            .order_by(done, Assignment.due_on, Assignment.id)
        )
    )


def grid_of(call: Call) -> dict[str, Any]:
    """The grid of a call, as it was imported."""
    return documents_of(call)["grid"] or {}


def criteria_of(call: Call) -> list[Criterion]:
    """The criteria of a call in their order, with wording and anchors, to be read only.

    Read once a process for each edition of a published call; each time for a draft.
    """
    return once_published("criteria", call, lambda: _criteria_of(call.id))


def _criteria_of(call_id: int) -> list[Criterion]:
    found = select(packed(Criterion)).where(Criterion.call_id == call_id).order_by(Criterion.position)
    return [unpacked(Criterion, row) for row in db.session.scalars(found)]


def scores_of(review: Review | None) -> dict[str, Score]:
    """The scores of a review by the key of their criterion."""
    if review is None:
        return {}
    found = select(Score, Criterion.key).join(Score.criterion).where(Score.review_id == review.id)
    return {key: score for score, key in db.session.execute(found, execution_options={"populate_existing": True})}


def lock_review(assignment: Assignment) -> None:
    """Let one person at a time write a review, from one window or from two, and see it as it stands now."""
    hold(assignment, "state")
    if assignment.review is not None:
        db.session.refresh(assignment.review)


def submitted_reviews(application_id: int) -> list[Review]:
    """The submitted reviews of an application that count, with scores, criteria and the reviewer's reference."""
    found = (
        select(Review)
        .join(Review.assignment)
        .where(
            Assignment.application_id == application_id,
            Assignment.state == AssignmentState.COMPLETED,
            Review.submitted_at.is_not(None),
            Review.voided_at.is_(None),
        )
        .options(
            contains_eager(Review.assignment)
            .load_only(Assignment.round, Assignment.application_id, Assignment.state, Assignment.due_on)
            .joinedload(Assignment.reviewer)
            .load_only(Person.reference, Person.name),
            selectinload(Review.scores)
            .joinedload(Score.criterion)
            .load_only(Criterion.key, Criterion.section, Criterion.weight),
        )
        .order_by(Assignment.round, Assignment.id)
    )
    return list(db.session.scalars(found))


def assignments_of_application(application_id: int) -> list[Assignment]:
    """Every assignment of an application, ended ones included, with reviewer and review."""
    found = (
        select(Assignment)
        .where(Assignment.application_id == application_id)
        .options(
            joinedload(Assignment.reviewer).load_only(Person.reference, Person.name),
            joinedload(Assignment.review).load_only(Review.total, Review.submitted_at, Review.voided_at),
        )
        .order_by(Assignment.round, Assignment.id)
    )
    return list(db.session.scalars(found))


@dataclass(frozen=True)
class Reading:
    """What somebody may read of an application: the questions they may know the answers to, these, the documents; the
    translations of answers, and the fingerprints of those as they were given.
    """

    definition: Definition
    answers: dict[str, Any]
    attachments: list[Attachment]
    translations: dict[str, list[Translated]]
    fingerprints: dict[str, str]

    def only(self, question: Question) -> Section:
        """The section of a question, with no other question in it."""
        return replace(self.definition.section_of[question.key], questions=(question,))

    def question(self, key: str) -> Question | None:
        """One of the questions that they may know the answer to."""
        return self.definition.questions.get(key)


def fingerprint(answer: Any) -> str:
    """What tells one answer from another; the same for the same answer, whatever order its parts were stored in."""
    return hashlib.sha256(json.dumps(answer, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


class Translated(NamedTuple):
    """The latest translation of an answer into a language. ``by`` is the name of whoever added it."""

    language: str
    words: str
    provenance: str
    original_hash: str
    by: str
    at: datetime


def translations_of(application_id: int) -> dict[str, list[Translated]]:
    """The latest translations of the answers of an application, by question, one for each language."""
    found: dict[str, list[Translated]] = defaultdict(list)
    for key, *row in _TRANSLATIONS(application=application_id):
        found[key].append(Translated._make(row))
    return dict(found)


_TRANSLATIONS = Prepared(
    lambda: (
        select(
            AnswerTranslation.question_key,
            AnswerTranslation.language,
            AnswerTranslation.words,
            AnswerTranslation.provenance,
            AnswerTranslation.original_hash,
            Person.name,
            AnswerTranslation.translated_at,
        )
        .join(Person, Person.id == AnswerTranslation.translated_by_id)
        .where(AnswerTranslation.application_id == bindparam("application", None, type_=BigInteger))
        .ext(distinct_on(AnswerTranslation.question_key, AnswerTranslation.language))
        .order_by(AnswerTranslation.question_key, AnswerTranslation.language, AnswerTranslation.id.desc())
    )
)


def reading_mark(application_id: int) -> str:
    """What changes whenever anything changes that :func:`reading_of` finds of an application: the versions of the rows."""
    return str(_READING_MARK(application=application_id)[0])


def _reading_mark() -> Select[*tuple[Any, ...]]:
    asked = Application.id == bindparam("application", None, type_=BigInteger)
    answers = (
        select(func.count(), _versions("section_answers"))
        .select_from(SectionAnswers)
        .join(Application, Application.answer_sheet_id == SectionAnswers.answer_sheet_id)
    )
    papers = (
        select(func.count(), _versions("attachment"), _versions("stored_file"))
        .select_from(Attachment)
        .join(Application, Application.id == Attachment.application_id)
        .outerjoin(StoredFile, StoredFile.id == Attachment.file_id)
    )
    translated = (
        select(func.count(), func.max(AnswerTranslation.id), _versions("person"))
        .select_from(AnswerTranslation)
        .join(Application, Application.id == AnswerTranslation.application_id)
        .join(Person, Person.id == AnswerTranslation.translated_by_id)
    )
    parts = [part.where(asked).subquery() for part in (answers, papers, translated)]
    return select(*(column for part in parts for column in part.c))


_READING_MARK = Prepared(_reading_mark)


def readable(questionnaire_id: int, audience: Audience) -> Definition:
    """A questionnaire without the questions whose answers this audience must not know."""
    whole = definition_of(questionnaire_id)
    return replace(whole, sections=tuple(visible_sections(whole, audience)))


def reading_of(
    application: Application, questionnaire_id: int, audience: Audience, hidden: Redaction | None = None
) -> Reading:
    """The answers and documents of an application, without what this audience must not see, and with the names that are
    ``hidden`` from it covered in every text.
    """
    definition = readable(questionnaire_id, audience)
    answers = answers_of_sheets([application.answer_sheet_id]).get(application.answer_sheet_id, {})
    shown = definition.questions
    given = {key: value for key, value in answers.items() if key in shown}
    translations = translations_of(application.id)
    return Reading(
        definition,
        {key: _covered(shown[key], value, hidden) for key, value in given.items()} if hidden else given,
        attachments_to_read(application.id, without_names=hidden is not None),
        {
            key: [one._replace(words=hidden.of(one.words)) if hidden else one for one in translations[key]]
            for key in translations.keys() & given.keys()
        },
        {key: fingerprint(value) for key, value in given.items()},
    )


def _covered(question: Question, value: Any, hidden: Redaction) -> Any:
    """An answer with names covered in what was typed; what was chosen from a list stays what it is."""
    if question.columns and isinstance(value, list):
        columns = {column.key: column for column in question.columns}
        return [
            {key: _covered(columns[key], cell, hidden) for key, cell in row.items() if key in columns} for row in value
        ]
    return hidden.of(value) if question.type in TYPED and isinstance(value, str) else value


def attachments_to_read(application_id: int, *, without_names: bool = False) -> list[Attachment]:
    """The documents of an application that reviewers and committee members may open: stored, and not sensitive; and
    ``without_names`` none that tells by its nature whose it is.
    """
    found = (
        select(Attachment)
        .join(Attachment.document)
        .join(Attachment.file)
        .where(
            Attachment.application_id == application_id,
            DocumentAsked.sensitive.is_(False),
            ~DocumentAsked.is_about_bank,
            StoredFile.erased_at.is_(None),
        )
        .options(contains_eager(Attachment.document), contains_eager(Attachment.file))
        .order_by(DocumentAsked.position, Attachment.id)
    )
    if without_names:
        found = found.where(DocumentAsked.identifies.is_(False))
    return list(db.session.scalars(found))


# ------------------------------------------------------------------ whom a blind reviewer must not know

TYPED = (*LINES, "longtext")
"""Questions whose answers are typed freely."""

NAMING = tuple(kind for kind in LINES if kind != "month_range")


def names_hidden(asked_by: Mapping[int, int]) -> dict[int, Redaction]:
    """What blind reviewers must not read of organizations, which are given with the questionnaire they answered.

    Names, short names, numbers and addresses of the profile; the people who belong or belonged to it; its fiscal sponsor
    and its second accounts; and whatever it called itself and its people in any application, before it was changed too.
    """
    if not asked_by:
        return {}
    names: dict[int, set[str]] = defaultdict(set)
    people: dict[int, set[str]] = defaultdict(set)
    for organization_id, is_person, name in _NAMES(organizations=list(asked_by)):
        (people if is_person else names)[organization_id].add(_without_protocol(name))
    asking = {questionnaire_id: _asking_for_names(questionnaire_id) for questionnaire_id in set(asked_by.values())}
    sections = {section for asked in asking.values() for section, _is_person in asked.values()}
    for organization_id, values in _CALLED(organizations=list(asked_by), sections=sorted(sections)):
        asked = asking[asked_by[organization_id]]
        for key, value in values.items():
            if key in asked and isinstance(value, str) and sum(map(str.isalnum, value)) > 2:
                (people if asked[key][1] else names)[organization_id].add(_without_protocol(value))
    return {one: Redaction(names[one], people[one]) for one in asked_by}


def _without_protocol(name: str) -> str:
    return name.removeprefix("https://").removeprefix("http://").removeprefix("www.").rstrip("/")


def _asking_for_names(questionnaire_id: int) -> dict[str, tuple[str, bool]]:
    """The questions whose answers name the applicant: key to the section, and whether a person is named."""
    return {
        question.key: (section.key, question.personal and question.type == "text")
        for section in definition_of(questionnaire_id).sections
        for question in section.questions
        if question.type in NAMING and (tells_who(section) or question.identifies)
    }


@dataclass(frozen=True)
class Gate:
    """What somebody may see nothing of in a call (``ids``, applications of any state) beside their own pages, because of a
    conflict or before their own review is in; and the gate that each text which others wrote passes before they read it:
    whoever departs from the ranking, for one, names the application preferred.
    """

    ids: frozenset[int] = frozenset()
    names: Redaction = field(default_factory=Redaction)

    def told(self, text: str | None) -> str:
        """A text as they may read it: nothing of it when it names what is hidden from them."""
        return "" if not text or (self.ids and self.names.is_told_by(text)) else text

    def all_told(self, texts: Iterable[str]) -> list[str]:
        """Those of several texts that they may read."""
        return [text for text in texts if self.told(text)]


def gate_of(person: Person, call_id: int | None = None) -> Gate:
    """What is hidden from one person in a call, or (without one) in any."""
    return gates_of([person.id], call_id).get(person.id, Gate())


def gates_of(person_ids: Iterable[int], call_id: int | None) -> dict[int, Gate]:
    """The gates of those people from whom something is hidden in a call, or in any."""
    hidden: dict[int, set[int]] = defaultdict(set)
    people = list(person_ids)
    for person_id, application_id in (*conflicts_in(call_id, people), *_WRITING(people=people, call=call_id)):
        hidden[person_id].add(application_id)
    if not hidden:
        return {}
    rows = _UNTOLD(applications=sorted(set().union(*hidden.values())))
    named = names_hidden({organization: questionnaire for _id, _own, organization, questionnaire in rows})
    own = {one: joined([named[by], Redaction(called)]) for one, called, by, _questionnaire in rows}
    return {person: Gate(frozenset(ids), joined(own[one] for one in ids)) for person, ids in hidden.items()}


_WRITING = Prepared(
    lambda: (
        select(Assignment.reviewer_id, Assignment.application_id)
        .join(Application, Application.id == Assignment.application_id)
        .where(
            or_(OF_CALL.is_(None), Application.call_id == OF_CALL),
            Assignment.reviewer_id == any_(PEOPLE),
            Assignment.state.in_((AssignmentState.ASKED, AssignmentState.ACCEPTED)),
        )
    )
)


_UNTOLD = Prepared(
    lambda: select(
        Application.id,
        array([Application.reference, case((Application.submitted_at.is_not(None), Application.title), else_="")]),
        Application.organization_id,
        Application.questionnaire_id,
    ).where(Application.id == any_(bindparam("applications", None, type_=ARRAY(BigInteger))))
)


OF_ORGANIZATIONS = bindparam("organizations", None, type_=ARRAY(BigInteger))


def _every_name() -> Select[*tuple[Any, ...]]:
    among = any_(OF_ORGANIZATIONS)
    profile = (
        *(Organization.name, Organization.acronym, Organization.registration_number, Organization.identifier),
        *(Organization.fiscal_sponsor, Organization.email, Organization.phone, Organization.website),
    )
    own = array([Organization.contact_name, Organization.legal_representative])
    other = aliased(Organization)
    parts = (
        select(Organization.id, false(), func.unnest(array(profile)).label("name")).where(Organization.id == among),
        select(Organization.id, true(), func.unnest(own)).where(Organization.id == among),
        select(Membership.organization_id, true(), Person.name)
        .join(Person, Person.id == Membership.person_id)
        .where(Membership.organization_id == among),
        select(Membership.organization_id, false(), Person.email)
        .join(Person, Person.id == Membership.person_id)
        .where(Membership.organization_id == among),
        select(Identifier.organization_id, false(), Identifier.number).where(Identifier.organization_id == among),
        select(Organization.id, false(), func.unnest(array([other.name, other.acronym])))
        .join(other, or_(other.id == Organization.fiscal_sponsor_id, other.duplicate_of_id == Organization.id))
        .where(Organization.id == among),
    )
    every = union(*parts).subquery()
    return select(every).where(func.coalesce(every.c.name, "") != "")


_NAMES = Prepared(_every_name)


def _called() -> CompoundSelect[*tuple[Any, ...]]:
    """What organizations called themselves in the sections that ask for it, now and before."""
    sheets = (
        select(Application.organization_id, SectionAnswers.id, SectionAnswers.values)
        .join(SectionAnswers, SectionAnswers.answer_sheet_id == Application.answer_sheet_id)
        .where(
            Application.organization_id == any_(OF_ORGANIZATIONS),
            SectionAnswers.section_key == any_(bindparam("sections", None, type_=ARRAY(Text))),
        )
        .cte("sheets")
    )
    before = select(sheets.c.organization_id, SectionRevision.values).join(
        SectionRevision, SectionRevision.section_answers_id == sheets.c.id
    )
    return union(select(sheets.c.organization_id, sheets.c["values"]), before)


_CALLED = Prepared(_called)


def application_in(seen: Select[Application], reference: str) -> Application | None:
    """One application among those a person may see, with its call and its organization's name."""
    found = seen.where(Application.reference == reference).options(
        joinedload(Application.call),
        joinedload(Application.organization).load_only(
            Organization.reference, Organization.name, Organization.acronym, Organization.country
        ),
    )
    return db.session.scalar(found)


def applications_by_id(ids: Iterable[int]) -> list[Application]:
    """Applications by their keys, with their calls."""
    found = select(Application).where(Application.id.in_(list(ids))).options(joinedload(Application.call))
    return list(db.session.scalars(found))


def lock_board(call_id: int) -> None:
    """Let one person at a time ask reviewers in a call, so that nobody is asked for more than they take on."""
    db.session.execute(select(Call.id).where(Call.id == call_id).with_for_update(key_share=True))


def lock_applications(ids: Iterable[int]) -> None:
    """Let one person at a time change who reviews these applications."""
    found = select(Application.id).where(Application.id.in_(list(ids))).order_by(Application.id)
    db.session.execute(found.with_for_update())


# ------------------------------------------------------------------ the board and the numbers


@lru_cache(maxsize=1000)
def _lines(state: str | None, among: Select[Application] | None) -> Prepared:
    line = func.json_build_array(
        Application.id,
        Application.reference,
        Application.title,
        Application.state,
        Application.language,
        Application.region,
        Application.lot_key,
        Application.requested_minor,
        Application.currency,
        Organization.id,
        Organization.name,
        Organization.country,
    )
    found = (
        select(func.json_agg(aggregate_order_by(line, Application.reference)))
        .select_from(Application)
        .join(Organization, Organization.id == Application.organization_id)
    )
    if state is None:
        found = found.where(Application.id == bindparam("application", None, type_=BigInteger))
    else:
        found = found.where(Application.call_id == OF_CALL, Application.state == state)
    if among is not None:
        found = found.where(Application.id.in_(among.with_only_columns(Application.id)))
    return Prepared(lambda: found)


def _made(rows: Sequence[Any]) -> list[ApplicationLine]:
    """The lines that were handed over as one JSON value: a thousand of them cost less so than row by row."""
    return list(map(ApplicationLine._make, rows[0][0] or ()))


def lines_under_review(call_id: int, among: Select[Application] | None = None) -> list[ApplicationLine]:
    """The eligible applications to a call, in the order of their references; only those ``among`` when given."""
    return _made(_lines(ApplicationState.ELIGIBLE, among)(call=call_id))


def under_review_unseen(call_id: int, among: Select[Application]) -> set[int]:
    """The eligible applications to a call that are not ``among`` those a person may follow."""
    return {application_id for (application_id,) in _unseen(among)(call=call_id)}


@prepared_once
def _unseen(among: Select[Application]) -> Prepared:
    return Prepared(
        lambda: select(Application.id).where(
            Application.call_id == OF_CALL,
            Application.state == ApplicationState.ELIGIBLE,
            Application.id.not_in(among.with_only_columns(Application.id)),
        )
    )


def lines_not_eligible(call_id: int, among: Select[Application] | None = None) -> list[ApplicationLine]:
    """The applications to a call that were found ineligible."""
    return _made(_lines(ApplicationState.INELIGIBLE, among)(call=call_id))


def line_of(application: Application) -> ApplicationLine:
    """One application as lists show it."""
    return _made(_lines(None, None)(application=application.id))[0]


def candidates() -> list[Candidate]:
    """Everybody who reviews, with what they know and how much they take on.

    Of somebody who has no profile yet we know the language of their account and the regions of their role; they take on
    as many reviews as anybody who has not said otherwise.
    """
    return list(map(Candidate._make, _CANDIDATES()))


def _known() -> tuple[Any, ...]:
    """What is known of a reviewer, with a profile or without: languages, regions, lots, capacity."""
    none = cast([], ARRAY(Text))
    return (
        func.coalesce(ReviewerProfile.languages, array([Person.language])),
        func.coalesce(ReviewerProfile.regions, RoleGrant.regions),
        func.coalesce(ReviewerProfile.lots, none),
        func.coalesce(ReviewerProfile.capacity, CAPACITY),
    )


def _of_reviewers(*columns: Any) -> Select[*tuple[Any, ...]]:
    """Everybody who holds the role of a reviewer, with a profile or without."""
    return (
        select(*columns)
        .select_from(Person)
        .join(
            RoleGrant,
            (RoleGrant.person_id == Person.id) & (RoleGrant.role == Role.REVIEWER) & RoleGrant.revoked_at.is_(None),
        )
        .outerjoin(ReviewerProfile, ReviewerProfile.person_id == Person.id)
        .where(Person.active)
    )


_CANDIDATES = Prepared(
    lambda: _of_reviewers(
        Person.id, Person.reference, Person.name, *_known(), ReviewerProfile.id.is_not(None)
    ).order_by(Person.reference)
)


def number_of_reviewers() -> tuple[int, int]:
    """How many reviewers there are, and how many of them have no profile yet."""
    everybody, without = _REVIEWERS()[0]
    return everybody, without


_REVIEWERS = Prepared(lambda: _of_reviewers(func.count(), func.count().filter(ReviewerProfile.id.is_(None))))


def reviewers_page(
    reader: Person, page: int, size: int | None, *, only_without_profile: bool = False
) -> list[ReviewerLine]:
    """One page of the reviewers by name (all without a ``size``), with what they have to write and have written; reviews
    of applications that are hidden from the reader are not counted.
    """
    start = (page - 1) * (size or 0)
    rows = _reviewers_page(only_without_profile)(reader=reader.id, size=size, start=start)
    return list(map(ReviewerLine._make, rows))


@cache
def _reviewers_page(only_without_profile: bool) -> Prepared:
    reader = bindparam("reader", None, type_=BigInteger)
    waits = Assignment.state.in_((AssignmentState.ASKED, AssignmentState.ACCEPTED)) & (
        Application.state == ApplicationState.ELIGIBLE
    )
    in_calls = (
        select(
            Assignment.reviewer_id,
            Call.reference,
            func.count().filter(waits).label("open"),
            func.count().filter(Assignment.state == AssignmentState.COMPLETED).label("done"),
            func.count().filter(Assignment.round == 1).label("load"),
        )
        .join(Application, Application.id == Assignment.application_id)
        .join(Call, Call.id == Application.call_id)
        .where(
            Assignment.state.in_(LIVE),
            Application.id.not_in(hidden_applications(reader)),
            or_(Assignment.reviewer_id == reader, Application.id.not_in(to_hand_in(reader))),
        )
        .group_by(Assignment.reviewer_id, Call.reference)
        .subquery()
    )
    load = func.json_build_array(in_calls.c.reference, in_calls.c.load)
    work = (
        select(
            in_calls.c.reviewer_id,
            cast(func.sum(in_calls.c.open), BigInteger).label("open"),
            cast(func.sum(in_calls.c.done), BigInteger).label("done"),
            func.json_agg(aggregate_order_by(load, in_calls.c.reference)).filter(in_calls.c.open > 0).label("loads"),
        )
        .group_by(in_calls.c.reviewer_id)
        .subquery()
    )
    found = _of_reviewers(
        Person.reference,
        Person.name,
        ReviewerProfile.id.is_not(None),
        func.coalesce(ReviewerProfile.expertise, func.jsonb_build_object()),
        *_known(),
        func.coalesce(work.c.open, 0),
        func.coalesce(work.c.done, 0),
        func.coalesce(work.c.loads, func.json_build_array()),
    ).outerjoin(work, work.c.reviewer_id == Person.id)
    if only_without_profile:
        found = found.where(ReviewerProfile.id.is_(None))
    return Prepared(
        lambda: (
            found.order_by(Person.name, Person.id)
            .limit(bindparam("size", None, type_=BigInteger))
            .offset(bindparam("start", None, type_=BigInteger))
        )
    )


def reviewer_named(reference: str) -> Person | None:
    """The reviewer with this reference; nobody else."""
    holds = exists().where(
        RoleGrant.person_id == Person.id, RoleGrant.role == Role.REVIEWER, RoleGrant.revoked_at.is_(None)
    )
    return db.session.scalar(select(Person).where(Person.reference == reference, Person.active, holds))


def lock_reviewer(person: Person) -> None:
    """Let one at a time write down what a reviewer knows."""
    db.session.execute(select(Person.id).where(Person.id == person.id).with_for_update())


def lots_offered() -> list[tuple[str, Any]]:
    """The lots of the calls that were published, each with its title in the latest of them."""
    found = (
        select(Lot.key, Lot.title)
        .join(Call, Call.id == Lot.call_id)
        .where(Call.state == CallState.PUBLISHED)
        .ext(distinct_on(Lot.key))
        .order_by(Lot.key, Call.closes_at.desc())
    )
    return [(key, title) for key, title in db.session.execute(found)]


def languages_offered() -> set[str]:
    """The languages in which applications to the calls that were published may be written."""
    return set(db.session.scalars(select(func.unnest(Call.languages)).where(Call.state == CallState.PUBLISHED)))


def people_by_id(ids: Iterable[int]) -> dict[int, Person]:
    """People by their keys."""
    return {person.id: person for person in db.session.scalars(select(Person).where(Person.id.in_(list(ids))))}


def person_named(reference: str) -> Person | None:
    """The person with this reference."""
    return db.session.scalar(select(Person).where(Person.reference == reference))


def profile_of(person: Person) -> ReviewerProfile | None:
    """What a reviewer said about themselves."""
    return db.session.scalar(select(ReviewerProfile).where(ReviewerProfile.person_id == person.id))


def is_described(person: Person) -> bool:
    """Whether a reviewer has a profile."""
    return bool(_DESCRIBED(person=person.id))


_DESCRIBED = Prepared(
    lambda: select(ReviewerProfile.id).where(ReviewerProfile.person_id == bindparam("person", None, type_=BigInteger))
)


def board_of(
    call_id: int, lines: list[ApplicationLine], assignments: Assignments | None = None, *, reader: Person | None = None
) -> Board:
    """Who could review these applications of a call; loads count the whole call. The ``reader`` is whoever it is shown to."""
    people = candidates()
    shown_to = [reader.id] if reader else []
    ties = frozenset(conflicts_in(call_id, {*shown_to, *(person.id for person in people)}))
    return Board(
        lines=lines,
        candidates=people,
        assignments=assignments or assignments_in(call_id),
        ties=ties,
        hidden=frozenset(application for person, application in ties if person in shown_to),
    )


def assignments_in(call_id: int) -> Assignments:
    """Everybody who was asked to review an application to a call."""
    rows = _ASKED(call=call_id)[0][0] or ()
    return Assignments([Asked._make((*row[:5], date.fromisoformat(row[5]), row[6])) for row in rows])


_ASKED = Prepared(
    lambda: (
        select(
            func.json_agg(
                aggregate_order_by(
                    func.json_build_array(
                        Assignment.id,
                        Assignment.application_id,
                        Assignment.reviewer_id,
                        Assignment.round,
                        Assignment.state,
                        Assignment.due_on,
                        Review.total,
                    ),
                    Assignment.id,
                )
            )
        )
        .select_from(Assignment)
        .join(Application, Application.id == Assignment.application_id)
        .outerjoin(Review, (Review.assignment_id == Assignment.id) & Review.submitted_at.is_not(None))
        .where(Application.call_id == OF_CALL)
    )
)


def points_of(call_id: int, application_id: int | None = None) -> dict[int, list[ReviewPoints]]:
    """The numbers of the submitted reviews that count, by application; computed from the stored scores."""
    points: dict[int, list[ReviewPoints]] = defaultdict(list)
    for row in _points(application_id is not None)(call=call_id, application=application_id):
        points[row[0]].append(ReviewPoints._make(row))
    return dict(points)


@cache
def _points(of_one: bool) -> Prepared:
    counted = [
        Application.call_id == OF_CALL,
        Assignment.state == AssignmentState.COMPLETED,
        Review.submitted_at.is_not(None),
        Review.voided_at.is_(None),
    ]
    if of_one:
        counted.append(Application.id == bindparam("application", None, type_=BigInteger))
    sections = (
        select(
            Assignment.application_id,
            Review.id.label("review_id"),
            Assignment.id.label("assignment_id"),
            Person.reference.label("reviewer"),
            Assignment.round,
            Review.recommendation,
            Criterion.section,
            func.sum(Criterion.weight * Score.value).label("points"),
            func.min(Score.value).label("lowest"),
        )
        .join(Review, Review.id == Score.review_id)
        .join(Assignment, Assignment.id == Review.assignment_id)
        .join(Application, Application.id == Assignment.application_id)
        .join(Criterion, Criterion.id == Score.criterion_id)
        .join(Person, Person.id == Assignment.reviewer_id)
        .where(*counted)
        .group_by(
            Assignment.application_id,
            Review.id,
            Assignment.id,
            Person.reference,
            Assignment.round,
            Review.recommendation,
            Criterion.section,
        )
        .subquery()
    )
    key = (
        sections.c.application_id,
        sections.c.review_id,
        sections.c.assignment_id,
        sections.c.reviewer,
        sections.c.round,
        sections.c.recommendation,
    )
    found = (
        select(
            *key,
            func.jsonb_object_agg(sections.c.section, sections.c.points),
            func.jsonb_object_agg(sections.c.section, sections.c.lowest),
        )
        .group_by(*key)
        .order_by(sections.c.application_id, sections.c.round, sections.c.review_id)
    )
    return Prepared(lambda: found)


def standing_of(call: Call) -> Standing:
    """What the scores of a call are computed from; hand it to ``rules.results_of``.

    To read it takes long when applications are many, so a process keeps the last one of each call and asks the database
    whether anything has been committed since, and if so, whether it was a row of this call (``_MARK``). It holds every
    eligible application: whoever shows it leaves out what the reader may not see. What a transaction has changed itself
    is neither kept nor answered from what was kept.
    """
    kept: dict[int, Kept] = current_app.extensions.setdefault("standings", {})
    known = kept.get(call.id)
    snapshot, versions, written = _MARK(call=call.id, known=known.snapshot if known else "")[0]
    if known is not None and not written and versions in (None, known.versions):
        kept[call.id] = known._replace(snapshot=snapshot)
        return known.standing
    standing = Standing(grid_of(call), lines_under_review(call.id), points_of(call.id), assignments_in(call.id))
    if not written:
        kept.pop(call.id, None)
        if len(kept) >= MOST_STANDINGS:
            kept.pop(next(iter(kept)), None)
        kept[call.id] = Kept(snapshot, versions, standing)
    return standing


class Kept(NamedTuple):
    """A standing that a process keeps: what had been committed, and the versions of its rows, before it was read."""

    snapshot: str
    versions: list[Any]
    standing: Standing


def _versions(table: str) -> ColumnElement[Any]:
    """The sum of the row versions of a table: every change of a row makes it greater."""
    return func.sum(cast(cast(literal_column(f"{table}.xmin"), Text), BigInteger))


def _mark() -> Select[*tuple[Any, ...]]:
    versions = (
        select(
            func.json_build_array(
                func.count(),
                _versions("application"),
                _versions("organization"),
                _versions("assignment"),
                _versions("review"),
            )
        )
        .select_from(Application)
        .join(Organization, Organization.id == Application.organization_id)
        .outerjoin(Assignment, Assignment.application_id == Application.id)
        .outerjoin(Review, Review.assignment_id == Assignment.id)
        .where(Application.call_id == OF_CALL, Application.state != ApplicationState.DRAFT)
        .scalar_subquery()
    )
    snapshot = cast(func.pg_current_snapshot(), Text)
    same = snapshot == bindparam("known", None, type_=Text)
    written = func.pg_current_xact_id_if_assigned().is_not(None)
    return select(snapshot, case((same, None), else_=versions), written)


_MARK = Prepared(_mark)
"""What is committed as this statement sees it; when that is not what was ``known``, the versions of all rows that a
standing is read from; and whether this transaction has written anything. Scores have no version of their own here: they
count only when their review is submitted, which changes its row.
"""


def standing_of_application(application: Application) -> Standing:
    """What the score of one application is computed from."""
    return Standing(
        grid=grid_of(application.call),
        lines=[line_of(application)],
        points=points_of(application.call_id, application.id),
    )
