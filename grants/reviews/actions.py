"""Asking reviewers, declaring ties, scoring, submitting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from grants.accounts.models import Organization, Person
from grants.applications.models import Application
from grants.applications.workflow import ApplicationState
from grants.calls.models import Call
from grants.conflicts import queries as conflicts
from grants.conflicts.models import ConflictDeclaration
from grants.conflicts.rules import obstacles_to_declaring
from grants.core import clock
from grants.core.db import db
from grants.core.languages import _l
from grants.core.mail import Mail, post
from grants.core.questions import Question
from grants.core.rules import Obstacle, Refused, refuse
from grants.history import actions as history
from grants.questionnaires.queries import answers_of_sheets
from grants.reviews import mails, queries, rules
from grants.reviews.models import AnswerTranslation, Assignment, Provenance, Review, ReviewerProfile, Score
from grants.reviews.workflow import LIVE, AssignmentState


def describe_reviewer(
    person: Person,
    *,
    expertise: dict[str, str],
    languages: list[str],
    regions: list[str],
    lots: list[str],
    capacity: int,
    by: Person,
) -> ReviewerProfile:
    """Write down what a reviewer knows, reads, and how many first-round reviews of a call they take on.

    Raises Refused: the person is no reviewer, reads no language, or takes on an impossible number of reviews.
    """
    refuse(rules.obstacles_to_describing(person, languages, capacity))
    queries.lock_reviewer(person)
    profile = queries.profile_of(person) or ReviewerProfile(person_id=person.id)
    profile.expertise, profile.languages, profile.regions = expertise, languages, regions
    profile.lots, profile.capacity = lots, capacity
    db.session.add(profile)
    db.session.flush()
    known = {"languages": languages, "regions": regions, "lots": lots}
    history.note("reviewer", person.id, "describe", by=by, capacity=capacity, known=known)
    return profile


# ------------------------------------------------------------------ asking


def assign(application: Application, reviewer: Person, *, due_on: date, by: Person, round: int = 1) -> Assignment:
    """Ask a reviewer for a review of an application by a day.

    Raises Refused: the application is not eligible, there are reviewers enough, or this reviewer has a conflict, does
    not read the language or has no room left. Round 2 is the third review, only after a disagreement.
    """
    queries.lock_applications([application.id])
    standing = queries.standing_of_application(application)
    line, wanted = standing.lines[0], rules.read_grid(standing.grid).reviews_wanted
    board = queries.board_of(application.call_id, [line])
    candidate = next((one for one in board.candidates if one.id == reviewer.id), None)
    if candidate is None:
        raise Refused(Obstacle("not_a_reviewer", _l("%(name)s is not among the reviewers.", name=reviewer.name)))
    third_due = rules.results_of(standing)[0].third_review
    refuse(
        rules.obstacles_to_assigning(board, line, candidate, round, wanted, third_due=third_due)
        + rules.obstacles_to_due_date(due_on, clock.today(application.call.timezone))
    )
    [made] = _ask([(application, reviewer, round)], due_on, by)
    return made


def assign_all(
    call: Call, chosen: Sequence[tuple[Application, Person, int]], *, due_on: date, by: Person
) -> list[Assignment]:
    """Ask many reviewers of a call at once, each for an application and a round; or nobody.

    Raises Refused with every application for which somebody cannot be asked, and why.
    """
    refuse(rules.obstacles_to_due_date(due_on, clock.today(call.timezone)))
    queries.lock_applications({application.id for application, _, _ in chosen})
    standing = queries.standing_of(call)
    board = queries.board_of(call.id, standing.lines, standing.assignments)
    pairs = [(application.id, reviewer.id, round) for application, reviewer, round in chosen]
    found = rules.obstacles_to_assigning_all(board, standing, pairs, due_on)
    names = {application.id: application.reference for application, _, _ in chosen}
    refuse([rules.about(names[application_id], obstacle) for application_id, obstacle in found])
    return _ask(chosen, due_on, by)


def _ask(chosen: Sequence[tuple[Application, Person, int]], due_on: date, by: Person) -> list[Assignment]:
    made = [
        Assignment(
            application_id=application.id,
            application=application,
            reviewer_id=reviewer.id,
            reviewer=reviewer,
            round=round,
            due_on=due_on,
            asked_by_id=by.id,
            state=AssignmentState.ASKED,
        )
        for application, reviewer, round in chosen
    ]
    db.session.add_all(made)
    for one in made:
        about = {"application": one.application.reference, "reviewer": one.reviewer.reference, "round": one.round}
        history.begin(one, "ask", by=by, **about)
    post(*[mails.review_asked(one, one.application) for one in made])
    return made


def release(assignment: Assignment, reason: str, *, by: Person) -> None:
    """Take an assignment back; the reviewer sees nothing of the application any more."""
    entry = history.record(assignment, "release", by=by, reason=reason)
    post(mails.assignment_released(assignment, assignment.application, entry.id))


# ------------------------------------------------------------------ declaring


def accept(assignment: Assignment, *, grade: str, reason: str, by: Person) -> Assignment:
    """Take on a review after declaring no tie, or a tie that is no conflict. Opens the application and the form."""
    application = assignment.application
    refuse(rules.obstacles_to_accepting(grade, reason, tied=conflicts.is_hidden(by, application)))
    declare_interest(by, application.organization, grade=grade, reason=reason, call=application.call, by=by)
    history.record(assignment, "accept", by=by, grade=grade)
    if assignment.review is None:
        assignment.review = Review(assignment_id=assignment.id, language=application.language)
    db.session.flush()
    return assignment


def decline(assignment: Assignment, reason: str, *, kind: str, by: Person, is_missed: bool = True) -> None:
    """Say no to a review for a kind of reason (``Declined``) that is no conflict, in words too. ``is_missed`` says whether
    somebody else is to be asked.
    """
    assignment.declined_for = kind
    entry = history.record(assignment, "decline", by=by, reason=reason, kind=kind)
    application = assignment.application
    if is_missed and application.state == ApplicationState.ELIGIBLE:
        post(*[mails.reviewer_missing(application, one, entry.id) for one in conflicts.free_coordinators(application)])


def declare_interest(
    person: Person, organization: Organization, *, grade: str, reason: str, call: Call | None = None, by: Person
) -> ConflictDeclaration:
    """Write down a tie to an organization, for one call or (without one) for all. A conflict hides at once whatever
    stands too close to that organization; ``decisions.declare_interest`` closes the reviews that this concerns.
    """
    refuse(obstacles_to_declaring(grade, reason))
    declaration = ConflictDeclaration(
        person_id=person.id,
        organization_id=organization.id,
        call_id=call.id if call else None,
        grade=grade,
        reason=reason.strip(),
    )
    db.session.add(declaration)
    db.session.flush()
    history.note("interest", declaration.id, "declare", by=by, grade=str(grade))
    return declaration


def step_aside(assignment: Assignment, reason: str, *, by: Person | None, is_missed: bool = True) -> None:
    """Close an assignment because of a conflict; a review that was written no longer counts, and stays in the record. The
    coordinators learn of one that comes late: after the reviewer declared none and read the application. ``is_missed`` says
    whether somebody else is to be asked.
    """
    application, is_late = assignment.application, assignment.state != AssignmentState.ASKED
    entry = history.record(assignment, "recuse", by=by, reason=reason)
    if assignment.review is not None:
        assignment.review.voided_at = clock.now()
    db.session.flush()
    is_missed = is_missed and application.state == ApplicationState.ELIGIBLE
    if is_late or is_missed:
        mail = mails.conflict_declared_late if is_late else mails.reviewer_missing
        post(*[mail(application, person, entry.id) for person in conflicts.free_coordinators(application)])


def begin_anew(application: Application, reason: str, *, by: Person) -> None:
    """Let an application be assessed anew by others: what was asked so far ends, what was written no longer counts and
    stays in the record.
    """
    for assignment in queries.assignments_of_application(application.id):
        if assignment.state in LIVE:
            history.record(assignment, "replace", by=by, reason=reason)
            if assignment.review is not None:
                assignment.review.voided_at = clock.now()
    db.session.flush()


# ------------------------------------------------------------------ scoring


def save_review(
    assignment: Assignment,
    *,
    scores: Mapping[str, tuple[int | None, str]],
    summary: str,
    for_applicant: str,
    recommendation: str | None,
    by: Person,
    version: str | None = None,
) -> Review:
    """Save a draft, gaps and all: ``scores`` maps the key of a criterion to (value or None, reason).

    ``version`` is the state of the draft that the writer had before their eyes (``rules.version_of``; None: whatever there
    is). Raises Refused when it was saved elsewhere meanwhile or handed in.
    """
    queries.lock_review(assignment)
    criteria = {criterion.key: criterion for criterion in queries.criteria_of(assignment.application.call)}
    grid = rules.read_grid(queries.grid_of(assignment.application.call))
    refuse(
        rules.obstacles_to_saving(assignment, grid, criteria, scores) or rules.obstacles_by_version(assignment, version)
    )
    review = assignment.review
    assert review is not None
    review.summary, review.for_applicant = summary.strip(), for_applicant.strip()
    review.recommendation = recommendation or None
    review.saved_at = clock.now()
    db.session.flush()
    present = queries.scores_of(review)
    for key, (value, reason) in scores.items():
        score = present.get(key) or Score(review_id=review.id, criterion_id=criteria[key].id)
        score.value, score.reason = value, reason.strip()
        db.session.add(score)
    db.session.flush()
    return review


def translate(
    assignment: Assignment,
    question: Question | None,
    *,
    language: str,
    words: str,
    provenance: str,
    read: str,
    by: Person,
) -> AnswerTranslation:
    """Add a translation of an answer. ``read`` is the fingerprint of the text that was translated; empty when that was an
    earlier one, of which nothing else is known.

    Raises Refused: nothing to translate, or the language of the original.
    """
    application = assignment.application
    answers = answers_of_sheets([application.answer_sheet_id]).get(application.answer_sheet_id, {})
    answer = answers.get(question.key) if question else None
    refuse(
        rules.obstacles_to_translating(question, answer, original=application.language, language=language, words=words)
    )
    assert question is not None
    translation = AnswerTranslation(
        application_id=application.id,
        question_key=question.key,
        language=language,
        words=words.strip(),
        provenance=Provenance(provenance),
        original_hash=read,
        translated_by_id=by.id,
    )
    db.session.add(translation)
    db.session.flush()
    history.note(
        "assignment", assignment.id, "translate", by=by, question=question.key, language=language, provenance=provenance
    )
    return translation


def submit_review(assignment: Assignment, *, by: Person) -> Review:
    """Submit a review: from now on it counts, and the other reviews of the application can be read. One that comes after
    its last day counts as well, until the committee has decided, and is marked as late.

    Raises Refused while a score, a reason that the grid asks for, the summary or the recommendation is missing.
    """
    queries.lock_review(assignment)
    application = assignment.application
    criteria = queries.criteria_of(application.call)
    grid = rules.read_grid(queries.grid_of(application.call))
    scores = queries.scores_of(assignment.review)
    tied = conflicts.is_hidden(by, application)
    refuse(
        rules.obstacles_to_submitting(assignment, grid, [one.key for one in criteria], scores)
        + ([Obstacle("conflict", _l("You declared a conflict of interest with this applicant."))] if tied else [])
    )
    review = assignment.review
    assert review is not None
    weights = {criterion.key: criterion.weight for criterion in criteria}
    review.total = rules.total_of(weights, {key: int(score.value or 0) for key, score in scores.items()})
    review.submitted_at = clock.now()
    is_late = rules.was_late(review.submitted_at, assignment.due_on, application.call.timezone)
    entry = history.record(assignment, "complete", by=by, total=review.total, late=is_late)
    standing = queries.standing_of_application(application)
    result = rules.results_of(standing)[0]
    if result.third_review:  # one of the two may be opened again or no longer count some day
        told = "; ".join(map(str, result.disagreements))
        history.note("assignment", assignment.id, "disagree", by=by, reason=told)
    post(*_when_all_are_in(application, standing, entry.id))
    return review


def _when_all_are_in(application: Application, standing: queries.Standing, occasion: int) -> list[Mail]:
    board = queries.board_of(application.call_id, standing.lines)
    if not rules.all_in(board, standing.lines[0], rules.grid_in(standing).reviews_wanted):
        return []
    third_due = rules.results_of(standing)[0].third_review
    return [
        mails.reviews_complete(application, person, occasion, third_due=third_due)
        for person in conflicts.free_coordinators(application)
    ]


def reopen(assignment: Assignment, reason: str, *, by: Person) -> None:
    """Open a submitted review again; until it is submitted anew it does not count."""
    entry = history.record(assignment, "reopen", by=by, reason=reason)
    if assignment.review is not None:
        assignment.review.submitted_at = None
    db.session.flush()
    post(mails.review_reopened(assignment, assignment.application, _without_names(assignment, reason), entry.id))


def _without_names(assignment: Assignment, text: str) -> str:
    """A text for the reviewer, who may not know whose application it is."""
    application = assignment.application
    if not application.call.hides_applicants:
        return text
    return queries.names_hidden({application.organization_id: application.questionnaire_id})[
        application.organization_id
    ].of(text)
