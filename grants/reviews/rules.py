"""How scores become a result, who may review what, and what stands in the way of each step.

Sources: the grid of the call (weights, thresholds, third review); two independent reviews, a third one when two
disagree, and the mean of the two closest, as practised for small EU re-grants.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import wraps
from itertools import combinations
from typing import Any, NamedTuple, TypeVar
from weakref import WeakKeyDictionary
from zoneinfo import ZoneInfo

from grants.accounts.models import Person, Role
from grants.applications.workflow import ApplicationState
from grants.calls.models import Criterion
from grants.conflicts.models import ConflictDeclaration, Grade
from grants.conflicts.rules import obstacles_before_naming, obstacles_to_declaring
from grants.core.expressions import parse
from grants.core.languages import LANGUAGES, LazyWords, _l, language_name, number_text, pick
from grants.core.questions import Question
from grants.core.rules import Obstacle
from grants.reviews.models import Assignment, Declined, Recommendation, Score
from grants.reviews.queries import ApplicationLine, Asked, Assignments, Board, Candidate, ReviewPoints, Standing, Task
from grants.reviews.workflow import LIVE, AssignmentState

T = TypeVar("T")

THIRD_REVIEWS_EACH = 1
"""At most one third review comes on top of a reviewer's capacity (note in the sample's reviewers)."""

MOST_REVIEWS = 100
"""More first-round reviews of one call than anybody takes on."""

LONGEST_SENTENCES = 2000

DECLINED_LABELS: dict[str, Any] = {
    Declined.CONFLICT: _l("I have a conflict of interest"),
    Declined.NOT_MY_FIELD: _l("It is not my field"),
    Declined.TOO_MANY: _l("I have too many already"),
}

DECLINED_NOTES: dict[str, Any] = {
    Declined.CONFLICT: _l("Conflict of interest"),
    Declined.NOT_MY_FIELD: _l("Not their field"),
    Declined.TOO_MANY: _l("Too many already"),
}
"""The same, as coordinators read it."""

RECOMMENDATION_LABELS: dict[str, Any] = {
    Recommendation.FUND: _l("Fund"),
    Recommendation.FUND_WITH_CONDITIONS: _l("Fund with conditions"),
    Recommendation.DO_NOT_FUND: _l("Do not fund"),
}


# ------------------------------------------------------------------ the grid


class GridSection(NamedTuple):
    """A section of the grid: its most points, what the mean must reach, and the value that rejects by itself."""

    key: str
    title: Any
    most: int
    min_to_pass: int | None
    rejecting: int | None


class ThirdReviewRule(NamedTuple):
    """When two reviews disagree: a formula over the totals T1 and T2."""

    key: str
    formula: str
    text: Any


class Disagreement(NamedTuple):
    """A rule that the totals of two reviews broke."""

    rule: ThirdReviewRule
    first: ReviewPoints
    second: ReviewPoints

    def __str__(self) -> str:
        """As it is written down: who gave how many points, and the key of the rule."""
        told = ", ".join(f"{one.total} ({one.reviewer})" for one in (self.first, self.second))
        return f"{told}: {self.rule.key}"


@dataclass(frozen=True)
class Grid:
    """The grid of a call, read from what was imported."""

    values: tuple[int, ...]
    labels: Mapping[int, Any]
    reason_for: frozenset[int]
    sections: tuple[GridSection, ...]
    total_to_pass: Decimal
    reviews_wanted: int
    third_review_if: tuple[ThirdReviewRule, ...]
    tie_break: tuple[str, ...]
    tie_break_labels: Mapping[str, Any]
    recommendation_labels: Mapping[str, Any]
    explanation: Any
    draw_within: Decimal | None = None
    """How many points around the money line are drawn among, when the call says so."""

    @property
    def most(self) -> int:
        """The most points an application can reach."""
        return sum(section.most for section in self.sections)

    def advice(self, recommendation: str | None) -> str:
        """The wording of a recommendation for the reader."""
        return worded(self.recommendation_labels.get(recommendation or "", "–"))


def worded(label: Any) -> str:
    """A wording for the reader: texts by language as calls have them, or a translated sentence of ours."""
    return str(pick(label)) if isinstance(label, Mapping) else str(label)


def read_grid(grid: Mapping[str, Any]) -> Grid:
    """The grid of a call as values; what an imported grid leaves out has the fund's usual meaning."""
    scale = grid.get("scale") or {}
    assessors = grid.get("assessors") or {}
    lowest, highest, step = (int(scale.get(key, usual)) for key, usual in (("min", 1), ("max", 5), ("step", 1)))
    return Grid(
        values=tuple(range(lowest, highest + 1, step)),
        labels={int(value): label for value, label in (scale.get("labels") or {}).items()},
        reason_for=frozenset(int(value) for value in scale.get("comment_required_for") or ()),
        sections=tuple(
            GridSection(
                key=section["id"],
                title=section.get("title") or section["id"],
                most=int(section.get("max") or highest * sum(c["weight"] for c in section.get("criteria") or ())),
                min_to_pass=section.get("min_to_pass"),
                rejecting=section.get("reject_if_any_subscore"),
            )
            for section in grid.get("sections") or ()
        ),
        total_to_pass=Decimal(str((grid.get("thresholds") or {}).get("total", 0))),
        reviews_wanted=int(assessors.get("independent_reviews", 2)),
        third_review_if=tuple(
            ThirdReviewRule(rule.get("rule") or rule["formula"], rule["formula"], rule.get("text") or rule["formula"])
            for rule in assessors.get("third_review_if") or ()
        ),
        tie_break=tuple(grid.get("tie_break") or ()),
        tie_break_labels=grid.get("tie_break_labels") or {},
        recommendation_labels=assessors.get("recommendation_labels") or RECOMMENDATION_LABELS,
        explanation=grid.get("points_text"),
        draw_within=_points((grid.get("draw_near_line") or {}).get("within_points")),
    )


def _points(number: Any) -> Decimal | None:
    return None if number is None else Decimal(str(number))


# ------------------------------------------------------------------ from scores to a result


class Result(NamedTuple):
    """What the submitted reviews say together.

    ``score`` is the exact mean of the totals used, None until enough reviews are in; ``sections`` the means by section.
    ``disagreements`` are the rules of the grid that two of the first-round reviews broke, once all of these are in;
    ``third_review`` says that a further one is due because of it and not in yet. ``missed`` names the thresholds that the
    result does not reach.
    """

    application: ApplicationLine
    score: Decimal | None
    sections: dict[str, Decimal]
    reviews: tuple[ReviewPoints, ...]
    reviews_used: tuple[ReviewPoints, ...]
    disagreements: tuple[Disagreement, ...]
    third_review: bool
    missed: tuple[Obstacle, ...]

    @property
    def passes(self) -> bool:
        """Whether there is a score and it reaches every threshold."""
        return self.score is not None and not self.missed


def total_of(weights: Mapping[str, int], values: Mapping[str, int]) -> int:
    """The points of one review: the sum of weight times value."""
    return sum(weights[key] * value for key, value in values.items())


def mean(numbers: Sequence[int | Decimal]) -> Decimal:
    """The arithmetic mean, as a decimal of 28 digits."""
    return sum((Decimal(n) for n in numbers), Decimal(0)) / len(numbers)


def disagreements(grid: Grid, points: Sequence[ReviewPoints]) -> tuple[Disagreement, ...]:
    """The rules of the grid by which any two of these reviews disagree, so that a further one is due."""
    return tuple(
        Disagreement(rule, first, second)
        for rule in grid.third_review_if
        for first, second in combinations(points, 2)
        if parse(rule.formula, ("T1", "T2")).holds({"T1": first.total, "T2": second.total})
    )


def used_of(points: Sequence[ReviewPoints]) -> tuple[ReviewPoints, ...]:
    """The reviews that the score is computed from: all of them, unless a further one was asked for because they disagreed.
    Then the two whose totals are closest; of several pairs that are equally close, the reviews of each.
    """
    if len(points) < 3 or not any(review.round == 2 for review in points):
        return tuple(points)
    pairs = list(combinations(points, 2))
    gap = min(abs(one.total - other.total) for one, other in pairs)
    closest = {review.review_id for pair in pairs if abs(pair[0].total - pair[1].total) == gap for review in pair}
    return tuple(review for review in points if review.review_id in closest)


def result_of(grid: Grid, line: ApplicationLine, points: Sequence[ReviewPoints]) -> Result:
    """The result of one application."""
    if not points:
        return Result(line, None, {}, (), (), (), False, ())
    first_round = [review for review in points if review.round == 1]
    found = disagreements(grid, first_round) if len(first_round) >= grid.reviews_wanted else ()
    used = used_of(points) if len(points) >= grid.reviews_wanted else ()
    sections = {
        section.key: mean([review.sections.get(section.key, 0) for review in used]) for section in grid.sections if used
    }
    score = mean([review.total for review in used]) if used else None
    return Result(
        application=line,
        score=score,
        sections=sections,
        reviews=tuple(points),
        reviews_used=used,
        disagreements=found,
        third_review=bool(found) and len(points) == len(first_round),
        missed=tuple(_missed(grid, score, sections, used)),
    )


def once_for_each_standing(compute: Callable[[Standing], T]) -> Callable[[Standing], T]:
    """Keep what ``compute`` makes of a standing for as long as the standing itself is kept. Nobody changes it."""
    made: WeakKeyDictionary[Standing, T] = WeakKeyDictionary()

    @wraps(compute)
    def once(standing: Standing) -> T:
        if standing not in made:
            made[standing] = compute(standing)
        return made[standing]

    return once


@once_for_each_standing
def grid_in(standing: Standing) -> Grid:
    """The grid that a standing is scored by."""
    return read_grid(standing.grid)


@once_for_each_standing
def results_of(standing: Standing) -> list[Result]:
    """The results of all applications, computed from the stored reviews, in the order of the references."""
    grid = grid_in(standing)
    return [result_of(grid, line, standing.points.get(line.id, [])) for line in standing.lines]


def _missed(
    grid: Grid, score: Decimal | None, sections: Mapping[str, Decimal], used: Sequence[ReviewPoints]
) -> list[Obstacle]:
    """Total and section minima look at the means, the rejecting value at each review used (thresholds_applied_to)."""
    if score is None:
        return []
    found = []
    if score < grid.total_to_pass:
        message = _l(
            "The total is %(points)s; %(needed)s are needed.",
            points=LazyWords(shown, score),
            needed=LazyWords(shown, grid.total_to_pass),
        )
        found.append(Obstacle("total", message))
    for section in grid.sections:
        if section.min_to_pass is not None and sections[section.key] < section.min_to_pass:
            message = _l(
                "Section %(section)s has %(points)s; %(needed)s are needed.",
                section=section.key,
                points=LazyWords(shown, sections[section.key]),
                needed=LazyWords(shown, section.min_to_pass),
            )
            found.append(Obstacle(f"section_{section.key}", message))
        rejecting = section.rejecting
        if rejecting is not None and any(one.lowest.get(section.key, rejecting + 1) <= rejecting for one in used):
            message = _l(
                "A criterion of section %(section)s was given %(value)s, which excludes an award.",
                section=section.key,
                value=section.rejecting,
            )
            found.append(Obstacle(f"subscore_{section.key}", message))
    return found


def shown(points: Decimal | int | None) -> str:
    """Points as the reader writes them: at most two decimals, none when they are whole."""
    return number_text(None if points is None else to_two_decimals(points))


def to_two_decimals(points: Decimal | int) -> Decimal:
    """Points rounded to two decimals, without zeros at their end."""
    rounded = Decimal(points).quantize(Decimal("0.01"))
    return rounded.quantize(Decimal(1)) if rounded == rounded.to_integral_value() else rounded.normalize()


# ------------------------------------------------------------------ who may be asked


NOT_ELIGIBLE = Obstacle("not_eligible", _l("The application has not been found eligible."))
NOT_A_REVIEWER = Obstacle("not_a_reviewer", _l("Somebody who was chosen is no longer among the reviewers."))


def obstacles_to_describing(person: Person, languages: Sequence[str], capacity: int) -> list[Obstacle]:
    """Why a profile cannot be written down as it is."""
    found = []
    if not person.holds(Role.REVIEWER):
        found.append(Obstacle("not_a_reviewer", _l("%(name)s is not among the reviewers.", name=person.name)))
    if not languages:
        found.append(Obstacle("languages_missing", _l("Please choose at least one language.")))
    if not 0 <= capacity <= MOST_REVIEWS:
        message = _l("The number of reviews lies between 0 and %(most)s.", most=MOST_REVIEWS)
        found.append(Obstacle("capacity", message))
    return found


def affinity(line: ApplicationLine, reviewer: Candidate) -> int:
    """How well a reviewer fits: 1, and 2 for the region, and 1 for the lot."""
    return 1 + 2 * (line.region in reviewer.regions) + (line.lot_key in reviewer.lots)


def obstacles_to_assigning(
    board: Board, line: ApplicationLine, reviewer: Candidate, round: int, wanted: int, *, third_due: bool
) -> list[Obstacle]:
    """Why this reviewer cannot be asked to review this application. ``wanted`` first-round reviews are enough.

    What somebody without a profile reads is not known: a person who asks them knows better.
    """
    found = obstacles_to_asking_anybody(board, line, round, wanted, third_due=third_due)
    past = [one for one in board.assignments.of_application.get(line.id, []) if one.reviewer_id == reviewer.id]
    if any(one.state in LIVE for one in past):
        found.append(Obstacle("asked_already", _l("%(name)s has been asked already.", name=reviewer.name)))
    if (reviewer.id, line.id) in board.ties:
        found.append(Obstacle("conflict", _l("%(name)s has a conflict of interest.", name=reviewer.name)))
    if any(one.state == AssignmentState.REPLACED for one in past):
        message = _l("%(name)s assessed this application before. Others assess it now.", name=reviewer.name)
        found.append(Obstacle("assessed_before", message))
    if reviewer.described and line.language not in reviewer.languages:
        message = _l(
            "%(name)s does not read %(language)s.", name=reviewer.name, language=LazyWords(language_name, line.language)
        )
        found.append(Obstacle("language", message))
    load = board.assignments.load[reviewer.id, round]
    if round == 1 and load >= reviewer.capacity:
        message = _l("%(name)s has taken on all %(n)s reviews agreed.", name=reviewer.name, n=reviewer.capacity)
        found.append(Obstacle("capacity", message))
    if round == 2 and load >= THIRD_REVIEWS_EACH:
        found.append(Obstacle("capacity", _l("%(name)s has a third review already.", name=reviewer.name)))
    return found


def obstacles_to_asking_anybody(
    board: Board, line: ApplicationLine, round: int, wanted: int, *, third_due: bool
) -> list[Obstacle]:
    """Why nobody can be asked to review this application."""
    found = []
    if line.state != ApplicationState.ELIGIBLE:
        found.append(NOT_ELIGIBLE)
    if round == 1 and len(board.assignments.live(line.id, 1)) >= wanted:
        found.append(
            Obstacle(
                "enough_reviews",
                _l("There are %(n)s first-round reviews already.", n=len(board.assignments.live(line.id, 1))),
            )
        )
    if round == 2 and board.assignments.live(line.id, 2):
        found.append(Obstacle("third_asked", _l("A third reviewer has been asked already.")))
    elif round == 2 and not third_due:
        found.append(Obstacle("no_disagreement", _l("The reviews do not disagree, so no further one is asked for.")))
    return found


def obstacles_to_assigning_all(
    board: Board, standing: Standing, pairs: Iterable[tuple[int, int, int]], due_on: date
) -> list[tuple[int, Obstacle]]:
    """Why these reviewers cannot all be asked, each for an application and a round, by the application's key."""
    due = {result.application.id: result.third_review for result in results_of(standing)}
    wanted = grid_in(standing).reviews_wanted
    lines = {line.id: line for line in board.lines}
    people = {person.id: person for person in board.candidates}
    found: list[tuple[int, Obstacle]] = []
    for application, reviewer, round in pairs:
        if application not in lines:
            found.append((application, NOT_ELIGIBLE))
        elif reviewer not in people:
            found.append((application, NOT_A_REVIEWER))
        else:
            line, person = lines[application], people[reviewer]
            stops = obstacles_to_assigning(board, line, person, round, wanted, third_due=due[application])
            found += [(application, obstacle) for obstacle in stops]
        one = Asked(0, application, reviewer, round, AssignmentState.ASKED, due_on, None)
        board = replace(board, assignments=board.assignments.and_(one))
    return found


def about(reference: str, obstacle: Obstacle) -> Obstacle:
    """An obstacle as it is told where several applications are spoken of."""
    message = _l("%(label)s: %(text)s", label=reference, text=LazyWords(str, obstacle.message))
    return Obstacle(obstacle.code, message, obstacle.where)


def obstacles_to_due_date(due_on: date, today: date) -> list[Obstacle]:
    """Why a review cannot be asked for by a day."""
    if due_on < today:
        return [Obstacle("due_passed", _l("The day by which the review is due has passed. Please choose a later one."))]
    return []


# ------------------------------------------------------------------ declaring, scoring, submitting


def obstacles_before_opening(
    assignment: Assignment, declared: ConflictDeclaration | None, *, of_year: bool
) -> list[Obstacle]:
    """Why a reviewer is not told yet who applied: they have not declared their ties in general (``of_year``), or those to
    the applicants of the call. In a call that hides its applicants they never are, so only the first is asked.
    """
    call = assignment.application.call
    return obstacles_before_naming(
        of_year=of_year, of_call=declared is not None or call.hides_applicants, call_reference=call.reference
    )


def obstacles_to_accepting(grade: str, reason: str, *, tied: bool) -> list[Obstacle]:
    """Why a reviewer cannot take on a review."""
    found = obstacles_to_declaring(grade, reason)
    if grade == Grade.CONFLICT or tied:
        found.append(
            Obstacle("conflict", _l("With a conflict of interest you step aside; you cannot review this application."))
        )
    return found


def obstacles_to_saving(
    assignment: Assignment, grid: Grid, keys: Iterable[str], scores: Mapping[str, tuple[int | None, str]]
) -> list[Obstacle]:
    """Why a draft of a review cannot be saved: it is not open, or a score is none of the grid's."""
    found = []
    if assignment.state != AssignmentState.ACCEPTED:
        found.append(Obstacle("not_open", _l("This review is not open for writing.")))
    unknown = set(scores) - set(keys)
    if unknown:
        found.append(
            Obstacle("unknown_criterion", _l("The grid has no criterion %(keys)s.", keys=", ".join(sorted(unknown))))
        )
    if any(value is not None and value not in grid.values for value, _ in scores.values()):
        message = _l("A score lies between %(low)s and %(high)s.", low=grid.values[0], high=grid.values[-1])
        found.append(Obstacle("off_the_scale", message))
    return found


CHANGED_ELSEWHERE = Obstacle(
    "changed_elsewhere",
    _l(
        "You saved this review in another window meanwhile. What you typed last stands below; save it again to keep it."
    ),
)


def version_of(assignment: Assignment) -> str:
    """Which state of a draft a page shows: when it was saved last."""
    return assignment.review.saved_at.isoformat() if assignment.review else ""


def obstacles_by_version(assignment: Assignment, version: str | None) -> list[Obstacle]:
    """Why a draft is not written over: it was saved after the state that the writer saw."""
    return [] if version is None or version == version_of(assignment) else [CHANGED_ELSEWHERE]


class SectionSoFar(NamedTuple):
    """What a review gives a section so far, and what the section asks for; ``missed`` are thresholds not reached."""

    section: GridSection
    points: int
    scored: int
    criteria: int
    missed: tuple[Obstacle, ...]


LONGEST_TRANSLATION = 20_000
TRANSLATED = ("text", "longtext", "table", "repeater")
"""Questions whose answers are words, which somebody may put into another language."""


def obstacles_to_translating(
    question: Question | None, answer: Any, *, original: str, language: str, words: str
) -> list[Obstacle]:
    """Why a translation of an answer cannot be added: there is nothing to translate, or it is the same language."""
    found = []
    if question is None or question.type not in TRANSLATED or not answer:
        found.append(Obstacle("nothing_to_translate", _l("There is no answer here that could be translated.")))
    if language not in LANGUAGES:
        found.append(Obstacle("language", _l("A translation is in one of the languages of this system.")))
    elif language == original:
        found.append(Obstacle("same_language", _l("The answer is written in this language already.")))
    if not words.strip():
        found.append(Obstacle("words_missing", _l("Please write the translation.")))
    return found


def sections_so_far(grid: Grid, criteria: Iterable[Criterion], scores: Mapping[str, Score]) -> dict[str, SectionSoFar]:
    """How a review stands against the thresholds of each section, taken alone; the decision looks at the means.

    What is not scored yet misses nothing.
    """
    asked = list(criteria)
    found = {}
    for section in grid.sections:
        of_section = [one for one in asked if one.section == section.key]
        values = {one.key: scores[one.key].value for one in of_section if one.key in scores}
        given = {key: value for key, value in values.items() if value is not None}
        points = total_of({one.key: one.weight for one in of_section}, given)
        is_whole = len(given) == len(of_section)
        missed = []
        if section.rejecting is not None and any(value <= section.rejecting for value in given.values()):
            text = _l("A score of %(value)s or less here excludes an award.", value=section.rejecting)
            missed.append(Obstacle(f"subscore_{section.key}", text))
        if is_whole and section.min_to_pass is not None and points < section.min_to_pass:
            text = _l("%(points)s points; this section needs %(needed)s.", points=points, needed=section.min_to_pass)
            missed.append(Obstacle(f"section_{section.key}", text))
        found[section.key] = SectionSoFar(section, points, len(given), len(of_section), tuple(missed))
    return found


def obstacles_to_submitting(
    assignment: Assignment, grid: Grid, keys: Iterable[str], scores: Mapping[str, Score]
) -> list[Obstacle]:
    """What is missing before a review can be submitted. ``where`` leads to the place in the form."""
    found = []
    if assignment.state != AssignmentState.ACCEPTED:
        found.append(Obstacle("not_open", _l("This review is not open for writing.")))
    for key in keys:
        score = scores.get(key)
        if score is None or score.value is None:
            found.append(
                Obstacle(
                    "score_missing", _l("Criterion %(key)s has no score.", key=key), _place(assignment, f"value_{key}")
                )
            )
        elif score.value in grid.reason_for and not score.reason.strip():
            message = _l("Criterion %(key)s: a score of %(value)s needs a reason.", key=key, value=score.value)
            found.append(Obstacle("reason_missing", message, _place(assignment, f"reason_{key}")))
    review = assignment.review
    for name, message in (
        ("summary", _l("The summary is empty.")),
        ("for_applicant", _l("There is no sentence for the applicant.")),
        ("recommendation", _l("There is no recommendation.")),
    ):
        if review is None or not (getattr(review, name) or "").strip():
            found.append(Obstacle(f"{name}_missing", message, _place(assignment, name)))
    return found


def _place(assignment: Assignment, field: str) -> tuple[str, dict[str, Any]]:
    return "reviews.show", {"assignment_id": assignment.id, "_anchor": field}


def obstacles_to_showing_blind(*, names_applicant: bool) -> list[Obstacle]:
    """Why a document cannot be shown in a blind review."""
    if not names_applicant:
        return []
    text = _l("This document names the applicant, so it is not shown in a blind review. Judge by the answers.")
    return [Obstacle("document_names_applicant", text)]


def is_late(assignment: Assignment | Task, today: date) -> bool:
    """Whether a review is overdue; it can still be submitted."""
    return assignment.state in (AssignmentState.ASKED, AssignmentState.ACCEPTED) and assignment.due_on < today


def was_late(submitted_at: datetime | None, due_on: date, timezone: str) -> bool:
    """Whether a review came after its last day, as days are counted where the call is at home."""
    return submitted_at is not None and submitted_at.astimezone(ZoneInfo(timezone)).date() > due_on


def all_in(board: Board, line: ApplicationLine, wanted: int) -> bool:
    """Whether every review asked for an application has been submitted, and there are as many as wanted."""
    live = board.assignments.live(line.id)
    return len(live) >= wanted and all(one.state == AssignmentState.COMPLETED for one in live)


class Cell(NamedTuple):
    """What the table says about one reviewer and one application: a state of the assignment, a bar, or the affinity."""

    kind: str
    value: int | None


def cell(board: Board, line: ApplicationLine, reviewer: Candidate) -> Cell:
    """Whether and how a reviewer stands to an application."""
    past = [one for one in board.assignments.of_application.get(line.id, []) if one.reviewer_id == reviewer.id]
    if past and past[-1].state in LIVE:
        return Cell(past[-1].state, past[-1].total)
    if (reviewer.id, line.id) in board.ties:
        return Cell("conflict", None)
    if any(one.state == AssignmentState.REPLACED for one in past):
        return Cell("before", None)
    if reviewer.described and line.language not in reviewer.languages:
        return Cell("language", None)
    return Cell("free", affinity(line, reviewer))


class Need(NamedTuple):
    """What an application waits for: first-round reviewers, a third one, or submitted reviews."""

    result: Result
    live: list[Asked]
    reviewers_missing: int
    third_missing: bool

    @property
    def id(self) -> int:
        """The key of the application."""
        return self.result.application.id

    @property
    def waits_for_reviewer(self) -> bool:
        """Whether somebody has to be asked."""
        return self.reviewers_missing > 0 or self.third_missing

    @property
    def complete(self) -> bool:
        """Whether nobody has to be asked and every review asked for is in."""
        return not self.waits_for_reviewer and all(one.state == AssignmentState.COMPLETED for one in self.live)


def need_of(assignments: Assignments, result: Result, wanted: int) -> Need:
    """What an application waits for."""
    live = assignments.live(result.application.id)
    first = sum(1 for one in live if one.round == 1)
    third_missing = result.third_review and not any(one.round == 2 for one in live)
    return Need(result, live, max(wanted - first, 0), third_missing)


@once_for_each_standing
def needs_in(standing: Standing) -> dict[str, list[Need]]:
    """What the applications of a call wait for: all of them, and those that each filter of the table shows."""
    wanted = grid_in(standing).reviews_wanted
    needs = [need_of(standing.assignments, result, wanted) for result in results_of(standing)]
    return {
        "all": needs,
        "missing": [need for need in needs if need.waits_for_reviewer],
        "third": [need for need in needs if need.result.third_review],
        "complete": [need for need in needs if need.complete],
    }


def needs_shown(standing: Standing, *, unseen: Collection[int], decided: Collection[int]) -> dict[str, list[Need]]:
    """The same without the applications that the reader may not see. What the committee has decided about waits for
    nobody any more: it stands among all of them, and under neither of the two filters that ask for somebody.
    """
    kept = needs_in(standing)
    if unseen:
        kept = {key: [need for need in needs if need.id not in unseen] for key, needs in kept.items()}
    if decided:
        kept = kept | {key: [need for need in kept[key] if need.id not in decided] for key in ("missing", "third")}
    return kept
