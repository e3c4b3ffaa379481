"""The pages on which a call is written: one thing a page, with or without scripts."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import cached_property
from typing import Any, NamedTuple

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from grants.accounts.models import COORDINATORS, Role
from grants.calls import actions, permissions, queries
from grants.calls.forms import BadImport, read_document, write_document
from grants.calls.models import Call, WorkingCopy
from grants.calls.rules import names_for_conditions, names_for_rules, problems_of, sources_of
from grants.calls.workflow import CallState
from grants.core import clock
from grants.core.languages import pick
from grants.core.permissions import require, scope
from grants.core.questions import BadDefinition, Problem, parse_definition
from grants.core.rules import Refused
from grants.core.web import access, done, found
from grants.editing import rules
from grants.editing.forms import BeginForm, CopyForm, PartForm, SourceForm, Surroundings
from grants.editing.rules import BY_KEY, MEMBERS, PARTS, SOURCES, Part
from grants.questionnaires.forms import SectionForm

bp = Blueprint("editing", __name__)


class Desk:
    """What the pages of one call share: its documents as they are being written, and what is wrong with them."""

    def __init__(self, call: Call, kept: WorkingCopy | None) -> None:
        self.call, self.kept = call, kept
        self.documents: dict[str, Any] = kept.documents if kept else queries.written_documents(call)
        self.version = kept.version if kept else 0
        self.problems: list[Problem] = problems_of(self.documents) if kept else []

    @cached_property
    def around(self) -> Surroundings:
        """What the forms need to know of the call."""
        call = self.documents.get("call") or {}
        spoken = call.get("languages_of_application")
        languages = [str(code) for code in spoken] if isinstance(spoken, list) and spoken else self.call.languages
        fallback = str(call.get("authoritative_language") or languages[0])
        return Surroundings(
            languages=tuple(dict.fromkeys([fallback, *languages] if fallback in languages else languages)),
            fallback=fallback,
            zone=str((call.get("timetable") or {}).get("timezone") or self.call.timezone),
            currency=str(call.get("currency") or self.call.currency),
            names={
                "questions": frozenset(names_for_conditions(self.documents)),
                "facts": frozenset(names_for_rules(self.documents)),
                "award": frozenset({"amount"}),
            },
        )

    def told(self, problems: list[Problem]) -> list[dict[str, str]]:
        """Mistakes, each with the page that mends it."""
        listed = []
        for problem in problems:
            place = rules.mended_at(problem.path, self.call.reference)
            listed.append({"message": _in_words(problem), "url": url_for(place.endpoint, **place.values)})
        return listed

    def below(self, part: Part) -> list[Problem]:
        """The mistakes that a part's pages mend."""
        keys = {part.key, part.within, getattr(MEMBERS.get(part.key), "key", "")} - {""}
        return [p for p in self.problems if rules.mended_at(p.path, "").values.get("key") in keys]


def _in_words(problem: Problem) -> str:
    return str(_("%(label)s: %(text)s", label=rules.in_words(problem), text=problem.reason))


class Line(NamedTuple):
    """A member of a list, as its page shows it."""

    place: str
    title: str
    note: str
    troubled: bool
    members: list[Any]


@bp.get("/calls/<reference>/write")
@access(*COORDINATORS)
def overview(reference: str) -> ResponseReturnValue:
    """The parts of a call's wording, and what is still to be mended."""
    desk = _desk(reference)
    shown = [part for part in PARTS if not part.within]
    return render_template(
        "editing/overview.html",
        call=desk.call,
        desk=desk,
        parts=[(part, len(desk.below(part)), _size(desk, part)) for part in shown],
        problems=desk.told(desk.problems),
        sources=SOURCES,
    )


def _size(desk: Desk, part: Part) -> int | None:
    """How many members a list has, those within them included."""
    if not part.lists:
        return None
    listed = rules.list_at(desk.documents, part, ()) or []
    inner = MEMBERS.get(part.key)
    if inner is None:
        return len(listed)
    return sum(len(rules.list_at(desk.documents, inner, (n,)) or []) for n in range(len(listed)))


@bp.route("/calls/<reference>/write/<key>", methods=["GET", "POST"])
@access(*COORDINATORS)
def part(reference: str, key: str) -> ResponseReturnValue:
    """One page of key facts; or the members of a list, to be put in order."""
    desk, asked = _desk(reference), found(BY_KEY.get(key))
    if asked.lists:
        if asked.within:
            abort(404)
        if request.method == "POST":
            return _rearranged(desk, asked)
        return render_template("editing/listing.html", call=desk.call, desk=desk, part=asked, lines=_lines(desk, asked))
    holder: Any = desk.documents
    for step in asked.place:
        holder = holder.get(step) if isinstance(holder, dict) else None
    form = PartForm(asked.asked, holder if isinstance(holder, dict) else {}, desk.around, desk.version)
    if form.is_submitted and form.validate():
        documents = copy.deepcopy(desk.documents)
        place = documents
        for step in asked.place:
            place = place.setdefault(step, {})
        form.write(place)
        return _saved(desk, documents, form, url_for(".part", reference=reference, key=key)) or _page(desk, asked, form)
    return _page(desk, asked, form)


@bp.route("/calls/<reference>/write/<key>/<place>", methods=["GET", "POST"])
@access(*COORDINATORS)
def member(reference: str, key: str, place: str) -> ResponseReturnValue:
    """One member of a list: a lot, a section, a question, a rule, a document, a criterion. ``new`` adds one at the end."""
    desk, asked = _desk(reference), found(BY_KEY.get(key))
    outer, number = _numbers(asked, place)
    listed = rules.list_at(desk.documents, asked, outer) or []
    if (number is not None and not (number < len(listed) and isinstance(listed[number], dict))) or not asked.lists:
        abort(404)
    present = listed[number] if number is not None else {}
    form = PartForm(rules.asked_of(asked, present), present, desk.around, desk.version)
    if form.is_submitted and form.validate():
        documents = copy.deepcopy(desk.documents)
        into = _list_in(documents, asked, outer)
        if number is None:
            into.append({})
        form.write(into[-1 if number is None else number])
        rules.points_added_up(documents)
        at = "-".join(map(str, [*outer, len(into) - 1 if number is None else number]))
        answer = _saved(desk, documents, form, url_for(".member", reference=reference, key=key, place=at))
        return answer or _page(desk, asked, form, place)
    return _page(desk, asked, form, place)


@bp.post("/calls/<reference>/write-back")
@access(*COORDINATORS)
def discard(reference: str) -> ResponseReturnValue:
    """Forget what is being written and is not applied yet."""
    desk = _desk(reference)
    if "confirmed" not in request.form:
        return render_template("editing/discard.html", call=desk.call)
    actions.discard_working_copy(desk.call)
    return done(_("What was not applied is forgotten."), ".overview", reference=reference)


@bp.route("/calls/<reference>/write/text/<document>", methods=["GET", "POST"])
@access(*COORDINATORS)
def source(reference: str, document: str) -> ResponseReturnValue:
    """A whole document of the call as text: for what has no page of its own."""
    desk, title = _desk(reference), found(SOURCES.get(document))
    form, mistakes = SourceForm(), []
    if not form.is_submitted():
        form.text.data = write_document(desk.documents.get(document) or {})
    elif form.validate():
        try:
            read = read_document(document, form.text.data or "")
        except BadImport as error:
            mistakes = error.mistakes
        else:
            documents = {name: desk.documents[name] for name in SOURCES if name in desk.documents} | {document: read}
            sent = PartForm((), {}, desk.around, desk.version)
            answer = _saved(desk, documents, sent, url_for(".source", reference=reference, document=document))
            if answer is not None:
                return answer
    page = render_template(
        "editing/source.html",
        call=desk.call,
        desk=desk,
        form=form,
        title=title,
        document=document,
        mistakes=mistakes,
        problems=desk.told([p for p in desk.problems if p.path[:1] == (document,)]),
    )
    return page, 422 if form.is_submitted() else 200


@bp.route("/calls/new", methods=["GET", "POST"])
@access(Role.GLOBAL_COORDINATOR)
def begin() -> ResponseReturnValue:
    """Begin a call from nothing: its frame is asked for, everything else is written on its pages."""
    require(permissions.can_begin(current_user))
    form = BeginForm(timezone=current_user.timezone)
    if form.validate_on_submit():
        documents = form.documents(clock.now())
        problems = problems_of(documents)
        form.point_out(problems)
        if not problems:
            try:
                call = actions.begin_call(documents, by=current_user)
            except Refused as refused:
                form.reference.errors = [*form.reference.errors, *(str(o.message) for o in refused.obstacles)]
            else:
                return done(_("The new call is in preparation."), ".overview", reference=call.reference)
    return render_template("editing/begin.html", form=form), 422 if form.is_submitted() else 200


@bp.route("/calls/<reference>/copy", methods=["GET", "POST"])
@access(Role.GLOBAL_COORDINATOR)
def copy_(reference: str) -> ResponseReturnValue:
    """Make a new call from this one."""
    call = _call(reference)
    require(permissions.can_copy(current_user, call))
    form = CopyForm()
    if form.validate_on_submit():
        try:
            made = actions.copy_call(call, form.reference.data, deadline_on=form.deadline_on.data, by=current_user)
        except Refused as refused:
            at = form.deadline_on if refused.obstacles[0].code == "deadline_passed" else form.reference
            at.errors = [*at.errors, *(str(obstacle.message) for obstacle in refused.obstacles)]
        else:
            return done(_("The new call is in preparation."), ".overview", reference=made.reference)
    return render_template("editing/copy.html", call=call, form=form), 422 if form.is_submitted() else 200


# ------------------------------------------------------------------ shared


def _call(reference: str) -> Call:
    return found(queries.call_by_reference(scope(current_user, Call), reference))


def _desk(reference: str) -> Desk:
    call = _call(reference)
    require(permissions.can_write(current_user, call))
    return Desk(call, queries.working_copy_of(call))


def _numbers(part: Part, place: str) -> tuple[tuple[int, ...], int | None]:
    """The numbers of the members around one, and its own; None for a new one."""
    before, _dash, last = place.rpartition("-")
    outer = rules.numbers_in(before) if before else ()
    own = rules.numbers_in(last) if last != "new" else (None,)
    if outer is None or own is None or len(outer) != part.place.count("*"):
        abort(404)
    return outer, own[0]


def _list_in(documents: dict[str, Any], part: Part, outer: tuple[int, ...]) -> list[Any]:
    """The list of a part inside documents that may be changed; made when it is not there yet."""
    present = rules.list_at(documents, part, outer)
    if present is not None:
        return present
    place: Any = documents
    numbers = iter(outer)
    for step in part.place[:-1]:
        place = place[next(numbers)] if step == "*" else place.setdefault(step, {})
    made: list[Any] = []
    place[part.place[-1]] = made
    return made


def _saved(desk: Desk, documents: dict[str, Any], form: PartForm, address: str) -> ResponseReturnValue | None:
    """Keep what was written and go on; None when somebody else wrote meanwhile."""
    try:
        problems = actions.save_working_copy(desk.call, documents, version=form.version, by=current_user)
    except Refused as refused:
        for obstacle in refused.obstacles:
            flash(str(obstacle.message), "warning")
        form.version = desk.version
        return None
    if problems:
        flash(_("Saved. Some things are still to be mended before it counts."), "warning")
    elif desk.call.state == CallState.DRAFT:
        flash(_("Saved."), "success")
    else:
        flash(_("Saved. Nobody sees it until you publish the correction."), "success")
    return redirect(address)


def _page(desk: Desk, part: Part, form: PartForm, place: str = "") -> ResponseReturnValue:
    numbers = rules.numbers_in(place) if place else ()
    path = rules.path_of(part, numbers) if numbers is not None else ("nowhere",)
    wrong = list(rules.problems_within(desk.problems, path)) if part.lists else desk.below(part)
    page = render_template(
        "editing/part.html",
        call=desk.call,
        desk=desk,
        part=part,
        form=form,
        place=place,
        is_new=place.endswith("new"),
        problems=[{"message": _in_words(p)} for p in wrong],
        preview=_preview(desk, part, numbers) if request.method == "GET" else None,
    )
    return page, 422 if form.is_submitted else 200


def _preview(desk: Desk, part: Part, numbers: tuple[int, ...] | None) -> SectionForm | None:
    """One question as applicants are asked it, as far as it can be read."""
    if part.key != "questions" or numbers is None or len(numbers) < 2:
        return None
    try:
        definition = parse_definition(desk.documents["form"], sources_of(desk.documents))
    except BadDefinition:
        return None
    section = definition.sections[numbers[0]]
    return SectionForm(definition, replace(section, questions=(section.questions[numbers[1]],)))


def _lines(desk: Desk, part: Part) -> list[Line]:
    inner = MEMBERS.get(part.key)
    lines = []
    for number, each in enumerate(rules.list_at(desk.documents, part, ()) or []):
        members = []
        if inner is not None:
            listed = rules.list_at(desk.documents, inner, (number,)) or []
            members = [_line(desk, inner, (number, n), asked) for n, asked in enumerate(listed)]
        lines.append(_line(desk, part, (number,), each)._replace(members=members))
    return lines


def _line(desk: Desk, part: Part, numbers: tuple[int, ...], each: Any) -> Line:
    given = each if isinstance(each, dict) else {}
    wording = given.get(part.named[0])
    title = pick(wording, None, desk.around.fallback) if isinstance(wording, dict) else str(wording or "")
    key = str(given.get("key") or given.get("id") or "")
    kind = rules.QUESTION_KINDS.get(str(given.get("type")), "") if part.key == "questions" else ""
    troubled = any(rules.problems_within(desk.problems, rules.path_of(part, numbers)))
    note = " · ".join(filter(None, (key, str(kind))))
    return Line("-".join(map(str, numbers)), title or key or _("without a name"), note, troubled, [])


def _rearranged(desk: Desk, part: Part) -> ResponseReturnValue:
    """Move a member of a list up or down, or take it out; asked by a button."""
    inner = MEMBERS.get(part.key)
    given = request.form.get("place", "")
    numbers = rules.numbers_in(given)
    part_of_it = inner if numbers is not None and len(numbers) > 1 else part
    if numbers is None or part_of_it is None:
        abort(404)
    documents = copy.deepcopy(desk.documents)
    listed = rules.list_at(documents, part_of_it, numbers[:-1])
    number, verb = numbers[-1], request.form.get("do")
    if listed is None or number >= len(listed) or verb not in ("up", "down", "remove"):
        abort(404)
    if verb == "remove" and "confirmed" not in request.form:
        line = _line(desk, part_of_it, numbers, listed[number])
        return render_template("editing/remove.html", call=desk.call, desk=desk, part=part, line=line)
    taken = listed.pop(number)
    if verb != "remove":
        listed.insert(max(0, number + (-1 if verb == "up" else 1)), taken)
    rules.points_added_up(documents)
    form = PartForm((), {}, desk.around, desk.version)
    address = url_for(".part", reference=desk.call.reference, key=part.key)
    return _saved(desk, documents, form, address) or redirect(address)
