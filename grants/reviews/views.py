"""Pages."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, TypeVar

from flask import Blueprint, Response, current_app, g, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from markupsafe import Markup

from grants.accounts.models import COORDINATORS, REGION_LABELS, Person, Role
from grants.applications.models import Application
from grants.applications.rules import Audience
from grants.calls.models import Call, Criterion
from grants.calls.queries import call_by_reference, names_of, once_published
from grants.conflicts import queries as conflicts
from grants.conflicts.permissions import DECLARERS, can_declare_interests, has_declared_year
from grants.conflicts.queries import Applied
from grants.core import bare, clock, files, papers, redaction, written
from grants.core.contents import PICTURES
from grants.core.drawings import HERE, Drawings, filled
from grants.core.forms import Form
from grants.core.languages import LANGUAGES, language_name, language_now, pick
from grants.core.permissions import require, scope
from grants.core.questions import Definition, Question
from grants.core.redaction import Redaction
from grants.core.rules import refuse
from grants.core.templating import reader_zone
from grants.core.web import access, csrf_token, done, found
from grants.core.word import Unreadable
from grants.history.queries import timeline
from grants.questionnaires.queries import definition_of
from grants.reviews import actions, permissions, queries, rules
from grants.reviews.forms import (
    GRADE_HINTS,
    GRADES,
    PROVENANCES,
    AskForm,
    DeclarationForm,
    DeclineForm,
    InterestForm,
    ProfileForm,
    ReasonForm,
    TranslationForm,
    profile_kept,
    review_form,
    scale_of,
)
from grants.reviews.models import Assignment, Review, Score
from grants.reviews.workflow import AssignmentState

bp = Blueprint("reviews", __name__)
bp.add_app_template_filter(redaction.spoken, "spoken")
bp.add_app_template_global(lambda provenance: PROVENANCES[provenance], "provenance_told")


@bp.app_template_filter("as_told")
def as_told(text: str | None, about: Applied | None) -> str:
    """What somebody wrote about an application, or the grant that came of it, as the present person may read it: nothing of
    it when it names another one that is hidden from them. Its applicant reads what was written to them as it is.
    """
    reads_of_others = current_user.is_authenticated and current_user.holds(*DECLARERS)
    if not text or about is None or not reads_of_others or current_user.belongs_to(about.organization_id):
        return text or ""
    gates: dict[int, queries.Gate] = g.setdefault("gates", {})
    if about.call_id not in gates:
        gates[about.call_id] = queries.gate_of(current_user, about.call_id)
    return gates[about.call_id].told(text)


PAGE = 25
MOST_PAGES = 1_000_000
FOLLOWERS = (*COORDINATORS, Role.AUDITOR)
READERS = (Role.REVIEWER, *FOLLOWERS)


@dataclass(frozen=True)
class Pages:
    """One page of a longer list, for the links below it."""

    page: int
    pages: int
    total: int
    endpoint: str
    values: tuple[tuple[str, Any], ...] = ()

    def url_for(self, page: int) -> str:
        """The address of another page of the list."""
        return url_for(self.endpoint, **dict(self.values), page=page)


def pages_of(total: int, endpoint: str, **values: Any) -> Pages:
    """The page of a list that was asked for, of as many as ``total`` lines fill."""
    pages = max((total + PAGE - 1) // PAGE, 1)
    return Pages(
        min(max(request.args.get("page", 1, type=int), 1), pages), pages, total, endpoint, tuple(values.items())
    )


MOST_DRAWN_PAGES = 60
"""Pages of a document that are shown in place; who wants more opens the file."""


# ------------------------------------------------------------------ the coordinator's table

_TABLES = Drawings()


def call_followed(reference: str) -> Call:
    """A call whose reviews the present person may follow."""
    require(permissions.can_follow_reviews(current_user))
    return found(call_by_reference(scope(current_user, Call), reference))


def table_page(call: Call, *, decided: Collection[int]) -> ResponseReturnValue:
    """The table of applications and reviewers. About those that are ``decided`` nobody has to be asked any more."""
    standing = queries.standing_of(call)
    unseen = queries.under_review_unseen(call.id, permissions.applications_assessed_under(current_user))
    kept = rules.needs_shown(standing, unseen=unseen, decided=decided)
    show = request.args.get("show", "all")
    show = show if show in kept else "all"
    shown = kept[show]
    pages = pages_of(len(shown), "decisions.reviews_of_call", reference=call.reference, show=show)
    on_page = shown[(pages.page - 1) * PAGE : pages.page * PAGE]
    board = queries.board_of(
        call.id, [need.result.application for need in on_page], standing.assignments, reader=current_user
    )
    settled = frozenset(need.id for need in on_page if need.id in decided)
    waiting, today = {need.result.application.region for need in kept["missing"]}, clock.today(call.timezone)
    needs = tuple(need.id for need in on_page)
    seen = (show, pages, needs, settled, str(board.candidates), board.ties, board.hidden, today)
    values = {"call": call, "board": board, "needs": on_page, "decided": settled, "pages": pages, "today": today}
    tables = _TABLES.once(standing, seen, "reviews/_tables.html", lambda: values | _cells(board, on_page))
    return render_template(
        "reviews/of_call.html",
        call=call,
        board=board,
        tables=tables if on_page else None,
        counts={key: len(some) for key, some in kept.items()},
        show=show,
        can_plan=any(permissions.can_assign(current_user, region) for region in waiting),
    )


def _cells(board: queries.Board, needs: list[rules.Need]) -> dict[str, Any]:
    """How every reviewer stands to every application on one page of the table."""
    return {
        "people": {person.id: person for person in board.candidates},
        "cells_of": [
            (need, [rules.cell(board, need.result.application, person) for person in board.candidates])
            for need in needs
        ],
        "shown": rules.shown,
    }


def application_followed(reference: str, application_reference: str) -> Application:
    """An application to a call whose reviews the present person may follow."""
    require(permissions.can_follow_reviews(current_user))
    seen = permissions.applications_assessed_under(current_user)
    application = found(queries.application_in(seen, application_reference))
    return found(application if application.call.reference == reference else None)


@bp.get("/calls/<reference>/reviews/<application_reference>")
@access(*FOLLOWERS)
def of_application(reference: str, application_reference: str) -> ResponseReturnValue:
    """One application: its reviews, what they say together, and who could be asked."""
    return application_page(application_followed(reference, application_reference), AskForm())


def application_page(application: Application, form: AskForm, status: int = 200) -> ResponseReturnValue:
    """The reviews of one application, and who could be asked for another."""
    standing = queries.standing_of_application(application)
    line, grid = standing.lines[0], rules.read_grid(standing.grid)
    result = rules.results_of(standing)[0]
    board = queries.board_of(application.call_id, [line], reader=current_user)
    need = rules.need_of(board.assignments, result, grid.reviews_wanted)
    turn = 2 if need.reviewers_missing == 0 and result.disagreements else 1
    if not form.is_submitted():
        form.due_on.data = max(application.call.reviews_due_on or clock.today("UTC"), clock.today("UTC"))
    wanted, third = grid.reviews_wanted, result.third_review
    reviewers = [
        (
            person,
            rules.affinity(line, person),
            rules.obstacles_to_assigning(board, line, person, turn, wanted, third_due=third),
        )
        for person in board.candidates
    ]
    reviewers.sort(key=lambda row: (bool(row[2]), -row[1], board.taken[row[0].id, turn], row[0].reference))
    assignments = queries.assignments_of_application(application.id)
    return (
        render_template(
            "reviews/of_application.html",
            application=application,
            call=application.call,
            line=line,
            grid=grid,
            result=result,
            need=need,
            board=board,
            turn=turn,
            reviewers=reviewers,
            stops=rules.obstacles_to_asking_anybody(board, line, turn, wanted, third_due=third),
            assignments=assignments,
            points={one.assignment_id: one for one in result.reviews},
            form=form,
            reason_form=ReasonForm(formdata=None),
            can_assign=permissions.can_assign(current_user, application.region),
            entries=timeline([("assignment", one.id) for one in assignments], names=True),
            rules=rules,
            today=clock.today(application.call.timezone),
        ),
        status,
    )


@bp.post("/reviews/<int:assignment_id>/release")
@access(*COORDINATORS)
def release(assignment_id: int) -> ResponseReturnValue:
    """Take an assignment back."""
    assignment = _assignment(assignment_id)
    application = assignment.application
    require(permissions.can_assign(current_user, application.region))
    actions.release(assignment, ReasonForm().reason.data or "", by=current_user)
    return done(
        _("The reviewer has been released."),
        "reviews.of_application",
        reference=application.call.reference,
        application_reference=application.reference,
    )


# ------------------------------------------------------------------ the reviewer's pages


@bp.get("/reviews")
@access(Role.REVIEWER)
def mine() -> ResponseReturnValue:
    """What is mine and by when, most urgent first."""
    page = min(max(request.args.get("page", 1, type=int), 1), MOST_PAGES)
    tasks = queries.assignments_of(scope(current_user, Assignment), current_user, page, PAGE)
    here = clock.today(reader_zone())
    return render_template(
        "reviews/mine.html",
        waiting=tasks.waiting,
        described=queries.is_described(current_user),
        to_do=[
            _card(one._replace(lot=pick(one.lot)), clock.today(one.timezone), here, language_now())
            for one in tasks.shown
            if one.state != AssignmentState.COMPLETED
        ],
        done=[one for one in tasks.shown if one.state == AssignmentState.COMPLETED],
        pages=Pages(tasks.page, max((tasks.total + PAGE - 1) // PAGE, 1), tasks.total, "reviews.mine"),
    )


@lru_cache(maxsize=2000)
def _card(task: queries.Task, today: date, here: date, language: str) -> Markup:
    """A review that waits, with the title of its lot in the language of the reader; drawn once a day.

    ``today`` is the day where the call is at home, by which it is late, and ``here`` that of the reader, who counts from it.
    """
    card = render_template(
        "reviews/_card.html", one=task, lateness=rules.is_late(task, today), region_labels=REGION_LABELS
    )
    return Markup(card)  # noqa: S704 - ours, escaped there


def _assignment(assignment_id: int) -> Assignment:
    return found(queries.assignment_by_id(scope(current_user, Assignment), assignment_id))


def _opened(assignment_id: int) -> Assignment:
    """An assignment to be read only."""
    return found(queries.assignment_to_read(scope(current_user, Assignment), assignment_id))


def hidden_from(assignment: Assignment) -> Redaction | None:
    """The names that the present person must not know, or None when they may know whose application it is."""
    if permissions.can_know_applicant(current_user, assignment):
        return None
    application = assignment.application
    return queries.names_hidden({application.organization_id: application.questionnaire_id})[
        application.organization_id
    ]


def _facts(assignment: Assignment, hidden: Redaction | None) -> dict[str, Any]:
    application = assignment.application
    return {
        "blind": hidden is not None,
        "covered": hidden.of if hidden else str,
        "cover": redaction.COVER,
        "assignment": assignment,
        "application": application,
        "call": application.call,
        "lot": names_of(application.call).lots.get(application.lot_key or ""),
        "file_url": lambda attachment: url_for(
            "reviews.file", assignment_id=assignment.id, attachment_id=attachment.id
        ),
        "paper_url": lambda attachment: url_for(
            "reviews.paper", assignment_id=assignment.id, attachment_id=attachment.id
        ),
        "translators_known": permissions.can_follow_reviews(current_user) and assignment.reviewer_id != current_user.id,
        "translatable": rules.TRANSLATED if permissions.can_translate(current_user, assignment) else (),
        "late": rules.is_late(assignment, clock.today(application.call.timezone)),
    }


@bp.route("/reviews/<int:assignment_id>/translations/<question_key>", methods=["GET", "POST"])
@access(Role.REVIEWER, *COORDINATORS)
def translate(assignment_id: int, question_key: str) -> ResponseReturnValue:
    """An answer beside its translation, to be added or replaced by a better one."""
    assignment = _assignment(assignment_id)
    require(permissions.can_translate(current_user, assignment))
    hidden = hidden_from(assignment)
    reading = _reading(assignment, hidden)
    question = found(reading.question(question_key))
    found(reading.answers.get(question_key) or None)
    fingerprint = reading.fingerprints[question_key]
    mark = _mark(fingerprint)
    form = TranslationForm(read=mark)
    form.language.choices = {
        code: language_name(code).capitalize() for code in LANGUAGES if code != assignment.application.language
    }
    if form.validate_on_submit():
        actions.translate(
            assignment,
            question,
            language=form.language.data,
            words=form.words.data,
            provenance=form.provenance.data,
            read=fingerprint if form.read.data == mark else "",
            by=current_user,
        )
        return done(
            _("The translation stands beside the answer now."),
            "reviews.show",
            assignment_id=assignment_id,
            _anchor=f"answer-{question_key}",
        )
    page = render_template(
        "reviews/translate.html",
        form=form,
        question=question,
        reading=reading,
        **_facts(assignment, hidden),
    )
    return page, 422 if form.is_submitted() else 200


def _mark(fingerprint: str) -> str:
    """What tells one text from another to us alone: who guesses what stands below a covered name cannot try it."""
    key = current_app.config["SECRET_KEY"].encode()
    return hmac.new(key, f"translated:{fingerprint}".encode(), hashlib.sha256).hexdigest()


@bp.get("/reviews/<int:assignment_id>")
@access(*READERS)
def show(assignment_id: int) -> ResponseReturnValue:
    """A declaration first; then the application beside the form; then the review, beside those of others."""
    assignment = _opened(assignment_id)
    if not permissions.can_read_application(current_user, assignment):
        return declaration_page(assignment)
    if permissions.can_write(current_user, assignment):
        return writing_page(assignment)
    return _reading_page(assignment)


def declaration_page(
    assignment: Assignment, form: DeclarationForm | None = None, status: int = 200, decline: DeclineForm | None = None
) -> ResponseReturnValue:
    """The question that is asked before an application is shown; about the whole call first."""
    declared, hidden = queries.declared_on(assignment), hidden_from(assignment)
    of_year = has_declared_year(current_user)
    before = rules.obstacles_before_opening(assignment, declared, of_year=of_year)
    if form is None:
        kept = {"grade": declared.grade, "reason": declared.reason} if declared and hidden is None else {}
        form = DeclarationForm(formdata=None, data=kept)
    page = render_template(
        "reviews/undeclared.html" if before else "reviews/declare.html",
        form=form,
        decline_form=decline or DeclineForm(formdata=None),
        hints=GRADE_HINTS,
        region_labels=REGION_LABELS,
        before=before,
        **_facts(assignment, hidden),
    )
    return page, status


def unfinished_page(assignment: Assignment, decline: DeclineForm) -> ResponseReturnValue:
    """The page on which somebody said no without saying why."""
    if permissions.can_write(current_user, assignment):
        return writing_page(assignment, None, 422, decline)
    return declaration_page(assignment, None, 422, decline)


@dataclass(frozen=True, eq=False)
class Scoring:
    """How the applications to a call are scored."""

    grid: rules.Grid
    criteria: list[Criterion]

    def form(self, data: dict[str, Any]) -> Form:
        """The form of a review with nothing typed into it but this."""
        return review_form(self.grid, self.criteria)(formdata=None, data=data)


def scoring_of(call: Call) -> Scoring:
    """How a call is scored; read once a process for each edition of a published call."""
    return once_published(
        "scoring", call, lambda: Scoring(rules.read_grid(queries.grid_of(call)), queries.criteria_of(call))
    )


_FORM_PARTS = Drawings(most=4000)


def writing_page(
    assignment: Assignment, form: Form | None = None, status: int = 200, decline: DeclineForm | None = None
) -> ResponseReturnValue:
    """The application beside the form of its review."""
    application, hidden = assignment.application, hidden_from(assignment)
    scoring, scores = scoring_of(application.call), _scores(assignment)
    asked = _answers_for(queries.readable(application.questionnaire_id, _audience(assignment, hidden)))
    facts = _facts(assignment, hidden)
    page = render_template(
        "reviews/write.html",
        form=form or (),
        fields={
            one.key: _criterion_drawn(scoring, one, asked.get(one.key, ()), scores.get(one.key), form)
            for one in scoring.criteria
        },
        as_a_whole=_as_a_whole_drawn(scoring, assignment.review, form),
        giving_back=_ways_out_drawn(assignment, decline),
        grid=scoring.grid,
        criteria=scoring.criteria,
        reading=_reading_drawn(assignment, hidden, facts),
        version=rules.version_of(assignment),
        state={409: "conflict", 422: "refused"}.get(status, "clean") if form is not None else "clean",
        **_standing(assignment, scoring, scores),
        **facts,
    )
    return page, status


def _scores(assignment: Assignment) -> dict[str, Score]:
    """What was scored so far, by the key of the criterion."""
    keys = {one.id: one.key for one in scoring_of(assignment.application.call).criteria}
    return {keys[one.criterion_id]: one for one in (assignment.review.scores if assignment.review else ())}


def _criterion_drawn(
    scoring: Scoring, criterion: Criterion, asked: Sequence[Question], score: Score | None, form: Form | None
) -> Markup:
    """A criterion in the form."""
    chosen = str(score.value) if score and score.value is not None else None
    kept = {f"value_{criterion.key}": chosen, f"reason_{criterion.key}": HERE}

    def values(form: Form | None) -> dict[str, Any]:
        scale = list(scale_of(scoring.grid).items())
        shown = form or scoring.form(kept)
        return {"criterion": criterion, "grid": scoring.grid, "scale": scale, "asked": asked, "form": shown}

    seen = (criterion.key, chosen, tuple(asked))
    return _form_part(scoring, seen, "reviews/_criterion.html", values, form, score.reason if score else "")


def _as_a_whole_drawn(scoring: Scoring, review: Review | None, form: Form | None) -> Markup:
    """What a review says as a whole."""
    advice = review.recommendation if review else None
    kept = {"summary": HERE, "for_applicant": HERE, "recommendation": advice}

    def values(form: Form | None) -> dict[str, Any]:
        return {"form": form or scoring.form(kept)}

    texts = (review.summary, review.for_applicant) if review else ("", "")
    return _form_part(scoring, (None, advice), "reviews/_as_a_whole.html", values, form, *texts)


def _ways_out_drawn(assignment: Assignment, form: DeclineForm | None) -> Markup:
    """How to step aside from a review, and how to give it back."""
    token = csrf_token()

    def values(form: DeclineForm | None) -> dict[str, Any]:
        decline = form or DeclineForm(formdata=None)
        return {"assignment": assignment, "decline_form": decline, "token": token if form else HERE}

    of = scoring_of(assignment.application.call)
    return _form_part(of, ("ways out", assignment.id), "reviews/_giving_back.html", values, form, token, token)


TypedForm = TypeVar("TypedForm", bound=Form)


def _form_part(
    of: Scoring,
    seen: Hashable,
    template: str,
    values: Callable[[TypedForm | None], dict[str, Any]],
    form: TypedForm | None,
    *texts: str,
) -> Markup:
    """A part of the form: as it was typed, or as it is kept, drawn once with the ``texts`` left open."""
    if form is not None:
        return Markup(render_template(template, **values(form)))  # noqa: S704 - ours
    return filled(_FORM_PARTS.once(of, seen, template, lambda: values(None)), *texts)


def _standing(assignment: Assignment, scoring: Scoring, scores: Mapping[str, Score]) -> dict[str, Any]:
    """What follows from the scores of a review: how far it is, and what is missing before it can be submitted."""
    so_far = rules.sections_so_far(scoring.grid, scoring.criteria, scores)
    keys = [one.key for one in scoring.criteria]
    return {
        "so_far": so_far,
        "scored": sum(one.scored for one in so_far.values()),
        "points": sum(one.points for one in so_far.values()),
        "stops": rules.obstacles_to_submitting(assignment, scoring.grid, keys, scores),
    }


def standing_parts(assignment: Assignment) -> tuple[list[str], str]:
    """The parts of the form that follow from its scores: their names, and how they look now."""
    scoring, application = scoring_of(assignment.application.call), assignment.application
    standing = _standing(assignment, scoring, queries.scores_of(assignment.review))
    html = render_template("reviews/_parts.html", criteria=scoring.criteria, application=application, **standing)
    return ["progress", "missing", *(f"section-{key}" for key in standing["so_far"])], html


def _answers_for(definition: Definition) -> dict[str, list[Question]]:
    """The answers that speak to each criterion, as the questions say."""
    found: dict[str, list[Question]] = {}
    for section in definition.sections:
        for question in section.questions:
            for criterion in question.criteria:
                found.setdefault(criterion, []).append(question)
    return found


def _audience(assignment: Assignment, hidden: Redaction | None) -> Audience:
    if hidden:
        return Audience.BLIND_REVIEWER
    return Audience.REVIEWER if assignment.reviewer_id == current_user.id else Audience.STAFF


def _reading(assignment: Assignment, hidden: Redaction | None) -> queries.Reading:
    application = assignment.application
    return queries.reading_of(application, application.questionnaire_id, _audience(assignment, hidden), hidden)


_READINGS = Drawings()


def _reading_drawn(assignment: Assignment, hidden: Redaction | None, facts: dict[str, Any]) -> Markup:
    """The application as the present person may read it. It is long, and read and drawn again only when it changed."""
    application = assignment.application
    seen = (
        assignment.id,
        _audience(assignment, hidden),
        (hidden.names, hidden.people) if hidden else None,
        application.confidentiality,
        application.call.edition,
        facts["translators_known"],
        facts["translatable"],
        queries.reading_mark(application.id),
    )
    of = definition_of(application.questionnaire_id)
    return _READINGS.once(of, seen, "reviews/_reading.html", lambda: facts | {"reading": _reading(assignment, hidden)})


def _reading_page(assignment: Assignment) -> ResponseReturnValue:
    application, hidden = assignment.application, hidden_from(assignment)
    scoring, facts = scoring_of(application.call), _facts(assignment, hidden)
    reading = _reading_drawn(assignment, hidden, facts)
    covered, gate = facts["covered"], queries.gate_of(current_user, application.call_id)
    reviews = queries.submitted_reviews(application.id)
    own = assignment.reviewer_id == current_user.id
    others = permissions.can_see_other_reviews(current_user, assignment)
    return render_template(
        "reviews/read.html",
        grid=scoring.grid,
        criteria=scoring.criteria,
        review=next((one for one in reviews if one.assignment_id == assignment.id), None),
        others=[one for one in reviews if one.assignment_id != assignment.id] if others else [],
        own=own,
        was_late=lambda one: rules.was_late(one.submitted_at, one.assignment.due_on, application.call.timezone),
        reading=reading,
        reason_form=ReasonForm(formdata=None),
        can_assign=permissions.can_assign(current_user, application.region),
        **facts | {"covered": lambda text: covered(gate.told(text))},
    )


@bp.get("/reviews/<int:assignment_id>/files/<int:attachment_id>")
@access(*READERS)
def file(assignment_id: int, attachment_id: int) -> Response:
    """A document of the application, under a name that tells nothing about the applicant."""
    return _paper(assignment_id, attachment_id).sent()


@bp.get("/reviews/<int:assignment_id>/files/<int:attachment_id>/pages")
@access(*READERS)
def paper(assignment_id: int, attachment_id: int) -> ResponseReturnValue:
    """A document opened in place, page by page, or as its text."""
    of: dict[str, Any] = {"assignment_id": assignment_id, "attachment_id": attachment_id}
    return _paper(**of).page(
        back=url_for("reviews.show", assignment_id=assignment_id),
        file_url=url_for("reviews.file", **of),
        page_url=lambda number: url_for("reviews.page_of_paper", number=number, **of),
    )


@bp.get("/reviews/<int:assignment_id>/files/<int:attachment_id>/pages/<int:number>")
@access(*READERS)
def page_of_paper(assignment_id: int, attachment_id: int, number: int) -> Response:
    """One page of a document as a picture. Nothing in it can run, and it holds nothing but its dots."""
    return _paper(assignment_id, attachment_id).drawn(number)


def _paper(assignment_id: int, attachment_id: int) -> Paper:
    assignment = _assignment(assignment_id)
    found(permissions.can_read_application(current_user, assignment) or None)
    return paper_of(assignment.application, attachment_id, hidden_from(assignment))


_PREPARED = papers.Prepared()


@dataclass(frozen=True)
class Paper:
    """A document of an application as somebody may open it. ``name`` tells nothing of what the applicant called it."""

    application: Application
    stored: files.StoredFile
    name: str
    label: Any
    hidden: Redaction | None

    def content(self) -> bytes:
        """Without what tells its author to whoever must not know, and not at all when it names the applicant.

        Raises Refused.
        """
        hidden = self.hidden and (self.hidden.names, self.hidden.people)
        return _PREPARED.once((self.stored.key, hidden), self._content)

    def _content(self) -> bytes:
        content = files.read(self.stored)
        if self.hidden is None:
            return content
        content = bare.bare(content, self.stored.kind)
        refuse(
            rules.obstacles_to_showing_blind(
                names_applicant=self.hidden.stands_in(bare.texts_in(content, self.stored.kind))
            )
        )
        return content

    def sent(self) -> Response:
        """The file itself. Raises Refused."""
        return files.send(self.stored, self.name, self.content())

    def page(self, *, back: str, file_url: str, page_url: Callable[[int], str]) -> ResponseReturnValue:
        """The page on which it is opened in place. Raises Refused."""
        content, kind = self.content(), self.stored.kind
        pages = papers.pages_in(content) if kind == "pdf" else int(kind in PICTURES)
        return render_template(
            "reviews/paper.html",
            application=self.application,
            label=self.label,
            back=back,
            file_url=file_url,
            page_url=page_url,
            numbers=range(1, min(pages, MOST_DRAWN_PAGES) + 1),
            pages=pages,
            text=self._text(content),
            covered=self.hidden.of if self.hidden else str,
        )

    def _text(self, content: bytes) -> written.Written | None:
        with suppress(Unreadable):
            return written.read(content, self.stored.kind) if self.stored.kind in written.KINDS else None
        return None

    def drawn(self, number: int) -> Response:
        """One of its pages as a picture. Raises Refused; 404 when it has no such page."""
        content, kind = self.content(), self.stored.kind
        if kind in PICTURES and number == 1:
            return files.show(content, kind)
        found((kind == "pdf" and 1 <= number <= MOST_DRAWN_PAGES) or None)
        return files.show(found(papers.page_drawn(content, number)), "png")


def paper_of(application: Application, attachment_id: int, hidden: Redaction | None) -> Paper:
    """A document of an application for whoever reads it: none that is sensitive, none that holds a virus, and with
    ``hidden`` none that tells by its nature whose it is. Raises Refused; 404 when there is none.
    """
    read = queries.attachments_to_read(application.id, without_names=hidden is not None)
    attachment = found(next((one for one in read if one.id == attachment_id), None))
    stored, document = found(attachment.file), attachment.document
    refuse(files.obstacles_to_opening(stored.scan))
    number = [one.id for one in read if one.document_id == document.id].index(attachment.id) + 1
    name = f"{application.reference}-{document.key}-{number}.{stored.kind}"
    return Paper(application, stored, name, document.label, hidden)


# ------------------------------------------------------------------ reviewers


@bp.route("/reviews/profile", methods=["GET", "POST"])
@access(Role.REVIEWER)
def profile() -> ResponseReturnValue:
    """What I read and know, and how many reviews I take on."""
    return _profile_page(current_user, "reviews.mine")


@bp.get("/reviewers")
@access(*FOLLOWERS)
def reviewers() -> ResponseReturnValue:
    """Everybody who reviews: what they know, what they have to do, who has no profile yet."""
    require(permissions.can_see_reviewers(current_user))
    everybody, without = queries.number_of_reviewers()
    show = "unknown" if request.args.get("show") == "unknown" else "all"
    pages = pages_of(without if show == "unknown" else everybody, "reviews.reviewers", show=show)
    return render_template(
        "reviews/reviewers.html",
        reviewers=queries.reviewers_page(current_user, pages.page, PAGE, only_without_profile=show == "unknown"),
        counts={"all": everybody, "unknown": without},
        show=show,
        pages=pages,
        region_labels=REGION_LABELS,
        may_describe=current_user.holds(*COORDINATORS),
    )


@bp.route("/reviewers/<reference>", methods=["GET", "POST"])
@access(*COORDINATORS)
def reviewer(reference: str) -> ResponseReturnValue:
    """The profile of a reviewer, to be filled in or corrected."""
    return _profile_page(found(queries.reviewer_named(reference)), "reviews.reviewers")


def _profile_page(person: Person, afterwards: str) -> ResponseReturnValue:
    require(permissions.can_describe(current_user, person))
    kept = queries.profile_of(person)
    form = ProfileForm(data=profile_kept(person, kept))
    form.offer(kept, queries.lots_offered(), queries.languages_offered())
    if form.validate_on_submit():
        actions.describe_reviewer(person, **form.known(kept), by=current_user)
        return done(_("The profile is saved."), afterwards)
    own = afterwards == "reviews.mine"
    page = render_template(
        "reviews/profile.html",
        person=person,
        described=kept is not None,
        form=form,
        own=own,
        entries=[] if own else timeline([("reviewer", person.id)], names=True),
    )
    return page, 422 if form.is_submitted() else 200


# ------------------------------------------------------------------ interests


@bp.app_template_global("may_declare_ties")
def may_declare_ties() -> bool:
    """Whether the present person declares ties, for their account's page."""
    return can_declare_interests(current_user)


@bp.get("/reviews/interests")
@access(*DECLARERS)
def interests() -> ResponseReturnValue:
    """The ties I have declared, and how to declare another."""
    return interests_page(InterestForm(formdata=None, organization=request.args.get("organization", "")))


def interests_page(form: InterestForm, status: int = 200) -> ResponseReturnValue:
    """The ties somebody has declared, beside the form for another."""
    words = request.args.get("words", "")
    form.call.choices = call_choices()
    declared = conflicts.interests_of(current_user)
    page = render_template(
        "reviews/interests.html",
        declared=declared,
        unnamed=conflicts.in_conflict(current_user, {one.organization_id for one in declared}),
        untold={one.id for one in declared if one.call and one.call.hides_applicants},
        words=words,
        organizations=conflicts.organizations_named(words),
        chosen=conflicts.organization_named(form.organization.data) if form.organization.data else None,
        form=form,
        grades=GRADES,
        hints=GRADE_HINTS,
    )
    return page, status


def call_choices() -> dict[str, str]:
    """The calls for which a tie can be declared; the first choice is all of them."""
    calls = conflicts.calls_running(clock.now())
    return {"": _("All calls")} | {reference: reference for reference, _title in calls}
