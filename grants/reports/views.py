"""Pages of reports: what a grant owes, writing and reading a report, what waits for the coordinators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any, NamedTuple

from flask import Blueprint, Response, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from grants.accounts.models import COORDINATORS, REGION_LABELS, Role
from grants.awards import queries as awards
from grants.awards.forms import ReasonForm
from grants.awards.models import Award
from grants.awards.permissions import sees_as_staff
from grants.core import clock, files
from grants.core.differences import compared
from grants.core.forms import Form, read_mark
from grants.core.languages import country_name, language_now, pick
from grants.core.permissions import require, scope
from grants.core.questions import Definition, Section
from grants.core.rules import Refused
from grants.core.templating import addresses, day, reader_zone, when
from grants.core.web import SIGNED_IN, access, done, found, taken
from grants.history.queries import timeline
from grants.questionnaires.forms import SectionForm
from grants.questionnaires.views import SectionPage, answer_to_saving, in_short, kept_at, point_out
from grants.reports import actions, forms, permissions, queries, rules
from grants.reports.models import (
    LEVELS,
    PLAN_POINTS,
    STAGES,
    ReportDocument,
    ReportDue,
    ReportedChange,
    ReportReturn,
)
from grants.reports.queries import Written
from grants.reports.rules import unasked
from grants.reports.workflow import ReportState

bp = Blueprint("reports", __name__)


def _due(due_id: int) -> ReportDue:
    return found(queries.due_by_id(scope(current_user, ReportDue), due_id))


def _to_write(due_id: int) -> ReportDue:
    due = _due(due_id)
    require(permissions.can_write(current_user, due))
    return due


def _parts(due: ReportDue, written: Written, current: str = "") -> list[dict[str, Any]]:
    """The parts of a report with how far each is: the sections of the narrative, and the figures."""

    def state(key: str) -> str:
        return "not_started" if key not in written.complete else "complete" if written.complete[key] else "started"

    parts = [
        {
            "label": pick(section.title),
            "url": url_for("reports.section", due_id=due.id, section_key=section.key),
            "current": section.key == current,
            "state": state(section.key),
        }
        for section in written.definition.sections
    ]
    if written.changes is not None:
        begun = any(part["state"] != "not_started" for part in parts) or bool(written.changes)
        parts.append(
            {
                "label": _("What changed"),
                "url": url_for("reports.changes", due_id=due.id),
                "current": current == rules.CHANGES_PART,
                "state": "complete" if begun else "not_started",
                "word": "" if written.changes or not begun else _("nothing told, not required"),
            }
        )
    if due.is_financial:
        figures = _figures(due, written)
        begun = any(figure.local is not None for figure in figures)
        missing = rules.obstacles_to_figures(due, figures, due.award.currency)
        word = "not_started" if not begun else "attention" if missing else "complete"
        address = url_for("reports.figures", due_id=due.id)
        parts.append({"label": _("Figures"), "url": address, "current": current == "figures", "state": word})
    return parts


def _figures(due: ReportDue, written: Written) -> list[rules.Figure]:
    """The financial part; what the fund finds of it is told to the grantee with the answer to the report."""
    judged = due.state != ReportState.SUBMITTED or sees_as_staff(current_user, due.award)
    return rules.figures_in(due, written, judged=judged)


def _part_titles(due: ReportDue, definition: Definition) -> dict[str, str]:
    """The parts of a report by key, with their titles where the reader is."""
    parts = rules.parts_of(due, definition)
    others = {rules.CHANGES_PART: _("What changed"), rules.FIGURES_PART: _("Figures")}
    return {key: pick(title, None, definition.fallback) or others[key] for key, title in parts.items()}


class Returned(NamedTuple):
    """Why a report was given back, as its pages tell it: about all of it, and part by part with its title and address."""

    reason: str
    parts: list[tuple[str, str, str]]
    fine: list[str]


def _returned(due: ReportDue, definition: Definition, last: ReportReturn | None) -> Returned | None:
    """What the pages of a report that was given back say on top; nothing while it is not."""
    if last is None or due.state != ReportState.RETURNED:
        return None
    titles = _part_titles(due, definition)
    return Returned(
        last.reason,
        [(title, last.parts[key], _part_url(due, key)) for key, title in titles.items() if key in last.parts],
        [title for key, title in titles.items() if key not in last.parts] if last.parts else [],
    )


def _part_url(due: ReportDue, key: str) -> str:
    """Where a part is written; empty for who only reads it."""
    if not permissions.can_write(current_user, due):
        return ""
    if key == rules.FIGURES_PART:
        return url_for("reports.figures", due_id=due.id)
    if key == rules.CHANGES_PART:
        return url_for("reports.changes", due_id=due.id)
    return url_for("reports.section", due_id=due.id, section_key=key)


def _asked_of(due: ReportDue, definition: Definition) -> Returned | None:
    """The same for a page that does not know yet why the report was given back."""
    if due.report is None or due.state != ReportState.RETURNED:
        return None
    return _returned(due, definition, queries.last_return(due.report))


def _in_part(part: str, label: str) -> str:
    return _("%(label)s: %(text)s", label=part, text=label) if label else part


def _changed(due: ReportDue, written: Written, last: ReportReturn | None) -> list[tuple[str, Any, Any]] | None:
    """What is different from the version that was given back; None when it was not, or what it said was not kept."""
    if last is None or due.report is None:
        return None
    version = queries.version_of(due.report, last.version)
    if version is None:
        return None
    titles = _part_titles(due, written.definition)
    now = rules.content_of(due.report, written)
    return [
        (_in_part(titles[one.part], pick(one.label, None, written.definition.fallback)), *compared(one.before, one.now))
        for one in rules.changed_since(written.definition, version.content, now, language_now())
    ]


def _next_part(parts: list[dict[str, Any]], due: ReportDue) -> str:
    """The address of the part that comes after the current one; the report itself after the last."""
    here = next(n for n, part in enumerate(parts) if part["current"])
    return str(parts[here + 1]["url"]) if here + 1 < len(parts) else url_for("reports.show", due_id=due.id)


# ------------------------------------------------------------------ what is owed


@bp.get("/grants/<reference>/reports")
@access(SIGNED_IN)
def of_grant(reference: str) -> ResponseReturnValue:
    """What a grant owes and when, and where each report stands."""
    award = found(awards.award_by_reference(scope(current_user, Award), reference))
    today = clock.today(award.call.timezone)
    dues = queries.dues_of(award)
    waiting = next((due for due in dues if due.state in queries.TO_WRITE and due.required), None)
    return render_template(
        "reports/of_grant.html",
        award=award,
        dues=[(due, rules.urgency(due, today)) for due in dues],
        former=queries.former_days(dues),
        waiting=waiting,
        late=waiting is not None and rules.is_late(waiting, today),
        member=current_user.belongs_to(award.organization_id),
        staff=sees_as_staff(current_user, award),
        writable=award.state in rules.REPORTING,
        history=timeline([("report_due", due.id) for due in dues], names=sees_as_staff(current_user, award), limit=30),
    )


@bp.get("/reports")
@access(*COORDINATORS, Role.AUDITOR)
def queue() -> ResponseReturnValue:
    """The reports of a coordinator's regions: submitted ones first, then late ones, then those due soon."""
    require(permissions.can_see_queue(current_user))
    which, region = request.args.get("show", ""), request.args.get("region", "")
    if which == "late":
        return redirect(url_for("owed.everywhere", kind="report", when="late"))
    page = max(request.args.get("page", 1, int), 1)
    today = clock.today(reader_zone())
    dues, numbers = queries.queue(
        scope(current_user, ReportDue), rules.REPORTING, today, rules.SOON, which=which, region=region, page=page
    )
    number = numbers.get(which, numbers["all"])

    def address(**changed: Any) -> str:
        return url_for("reports.queue", **{k: v for k, v in ({"show": which, "region": region} | changed).items() if v})

    words = [
        ("", _("Everything open"), numbers["all"]),
        ("to_read", _("To read"), numbers["to_read"]),
        ("late", _("Late"), numbers["late"]),
        ("soon", _("Due within 30 days"), numbers["soon"]),
        ("returned", _("Returned"), numbers["returned"]),
        ("accepted", _("Accepted"), numbers["accepted"]),
    ]
    groups = [
        {
            "label": _("Show"),
            "links": [
                {"label": label, "url": address(show=key), "current": which == key, "count": count}
                for key, label, count in words
            ],
        },
        {
            "label": _("Region"),
            "links": [
                {"label": label, "url": address(region=key), "current": region == key}
                for key, label in [
                    ("", _("All")),
                    *((r, REGION_LABELS.get(r, r)) for r in sorted(current_user.regions)),
                ]
            ],
        },
    ]
    return render_template(
        "reports/queue.html",
        dues=_queued(dues, today),
        states=ReportState,
        number=number,
        numbers=numbers,
        groups=groups,
        filtered=bool(which or region),
        pagination={
            "page": page,
            "pages": -(-number // queries.PAGE),
            "total": number,
            "url_for": lambda n: address(page=n),
        },
    )


class Queued(NamedTuple):
    """A report in the queue, in words."""

    line: queries.DueLine
    url: str
    label: str
    country: str
    day: str
    when: str
    urgency: str


def _queued(dues: list[queries.DueLine], today: date) -> list[Queued]:
    """The reports of one page of the queue, in words."""
    to_report, language = addresses("reports.show", "due_id"), language_now()
    return [
        Queued(
            due,
            to_report(due.id),
            pick(due.label, language),
            country_name(due.country, language),
            day(due.due_on),
            when(due.due_on),
            rules.urgency(due, today),
        )
        for due in dues
    ]


# ------------------------------------------------------------------ one report


def reading(due: ReportDue, written: Written) -> dict[str, Any]:
    """What a page needs to show everything that a report says (``reports/_content.html``)."""
    figures = _figures(due, written)
    return {
        "report": due.report,
        "written": written,
        "documents": _by_line(written),
        "words": CHANGE_WORDS,
        "figures": figures,
        "sums": rules.sum_of(figures, due.award.currency),
        "unasked": unasked(written.definition, written.answers),
    }


@bp.get("/reports/<int:due_id>")
@access(SIGNED_IN)
def show(due_id: int) -> ResponseReturnValue:
    """One report: where it stands, what is in it, and what can be done with it."""
    due = _due(due_id)
    writer = permissions.can_write(current_user, due)
    written = queries.written(due)
    today = clock.today(due.award.call.timezone)
    readable = writer or due.state in queries.COUNTED
    last = queries.last_return(due.report) if due.report is not None and due.report.version else None
    return render_template(
        "reports/show.html",
        due=due,
        award=due.award,
        **reading(due, written),
        urgency=rules.urgency(due, today),
        readable=readable,
        returned=_returned(due, written.definition, last),
        last_return=last,
        changed=_changed(due, written, last) if readable else None,
        verifying=rules.obstacles_to_verifying(due, due.award),
        verifier=permissions.can_verify(current_user, due),
        parts=_parts(due, written) if writer and due.state in queries.TO_WRITE else [],
        writing=rules.obstacles_to_writing(due, due.award),
        submitting=rules.obstacles_to_submitting(due, written) if writer and due.state in queries.TO_WRITE else [],
        judging=rules.obstacles_to_judging(due),
        mark=rules.mark_of_version(due.report),
        versions=queries.when_handed_in(due.report) if due.report is not None and due.report.version else [],
        writer=writer,
        judge=permissions.can_judge(current_user, due),
        staff=sees_as_staff(current_user, due.award),
        history=timeline([("report_due", due.id)], names=sees_as_staff(current_user, due.award)),
    )


@bp.route("/reports/<int:due_id>/sections/<section_key>", methods=["GET", "POST"])
@access(SIGNED_IN)
def section(due_id: int, section_key: str) -> ResponseReturnValue:
    """One section of the narrative."""
    due = _to_write(due_id)
    written = queries.written(due)
    asked = found(written.definition.section(section_key))
    form = SectionForm(written.definition, asked, _filled_in(due, asked, written), written.versions.get(section_key, 0))
    if form.is_submitted() and not form.is_rearranging:
        page = SectionPage(
            "reports/section.html",
            "questionnaires/_section.html",
            lambda state: _about_section(due, written, form, state),
        )
        return answer_to_saving(
            form,
            page,
            lambda: actions.save_section(due, section_key, form.values, by=current_user, version=form.version_seen),
            lambda _saved_section: _saved(due, _parts(due, written, section_key)),
        )
    if not form.is_submitted() and section_key in written.complete:
        form.point_out()
    else:
        point_out(form)
    return render_template("reports/section.html", **_about_section(due, written, form))


def _filled_in(due: ReportDue, asked: Section, written: Written) -> Mapping[str, Any]:
    """What a section begins with: what was saved; before the first time, the activities that are to be told of."""
    is_first = not written.versions.get(asked.key) and any(one.key == queries.ACTIVITIES for one in asked.questions)
    return {**written.answers, queries.ACTIVITIES: queries.activities_to_tell(due)} if is_first else written.answers


def _saved(due: ReportDue, parts: list[dict[str, Any]]) -> ResponseReturnValue:
    """After saving: on to the next part, or back to the same when only "save" was pressed."""
    if "next" in request.form:
        return redirect(_next_part(parts, due))
    here = next(part for part in parts if part["current"])
    return redirect(here["url"])


def _about_section(due: ReportDue, written: Written, form: SectionForm, state: str = "") -> dict[str, Any]:
    """What the page of a section shows. ``state`` says what became of a text that was sent."""
    saved = written.saved.get(form.section.key)
    kept = saved if saved is not None and saved.version else None
    parts = _parts(due, written, form.section.key)
    return {
        "due": due,
        "award": due.award,
        "returned": _asked_of(due, written.definition),
        "form": form,
        "section": form.section,
        "definition": written.definition,
        "conflict": None,
        "kept_at": kept_at(kept.saved_at, kept.saved_by_id, kept.saved_by and kept.saved_by.name) if kept else None,
        "state": state or ("clean" if kept and not form.is_submitted() else "unsaved"),
        "parts": parts,
        "after": _next_part(parts, due),
        "writing": rules.obstacles_to_writing(due, due.award),
    }


@bp.route("/reports/<int:due_id>/figures", methods=["GET", "POST"])
@access(SIGNED_IN)
def figures(due_id: int) -> ResponseReturnValue:
    """The financial part, budget line by budget line; saved with a button, or by itself while one types."""
    due = _to_write(due_id)
    found(due.is_financial or None)
    written = queries.written(due)
    form = _figures_form(due, written)
    if not form.is_submitted():
        return render_template("reports/figures.html", **_about_figures(due, written, form))
    by_itself = request.accept_mimetypes.best == "application/json"
    if not form.validate():
        return _figures_shown(due, written, form, "refused", by_itself=by_itself), 422
    try:
        report = actions.start(due, by=current_user)
        actions.save_lines(report, form.lines(), form.evidence(), by=current_user, version=form.version_seen)
    except actions.FiguresChanged as conflict:
        form.version.data = str(conflict.version)
        return _figures_shown(due, queries.written(due), form, "conflict", by_itself=by_itself), 409
    if not by_itself:
        return _saved(due, _parts(due, written, "figures"))
    form.version.data = str(report.figures_version)
    return _figures_shown(due, queries.written(due), form, "saved", by_itself=True)


def _figures_form(due: ReportDue, written: Written) -> forms.FiguresForm:
    report, period = due.report, rules.period_of(due, written.until)
    evidence = rules.evidence_of(report) if report is not None else rules.Evidence()
    if evidence.period_from is None and period is not None:
        evidence = replace(evidence, period_from=period[0], period_until=period[1])
    return forms.figures_form(
        _figures(due, written),
        evidence,
        report.figures_version if report is not None else 0,
        currency=due.award.currency,
        today=clock.today(due.award.call.timezone),
    )


def _figures_shown(
    due: ReportDue, written: Written, form: forms.FiguresForm, state: str, *, by_itself: bool
) -> Response | str:
    """The page of the figures; or, for a page that saves by itself, where the figures are now and what looks different."""
    about = _about_figures(due, written, form, state)
    if not by_itself:
        return render_template("reports/figures.html", **about)
    said = _("Saved on the server %(time)s", time=in_short(clock.now())) if state == "saved" else ""
    parts = ["added_up", *(["about", "lines"] if state == "refused" else [])]
    html = render_template("reports/_figures_form.html", **about)
    return jsonify(state=state, version=form.version_seen, said=said, fields=parts, html=html)


def _about_figures(due: ReportDue, written: Written, form: forms.FiguresForm, state: str = "") -> dict[str, Any]:
    """What the page of the figures shows. ``state`` says what became of figures that were sent."""
    known, parts = _figures(due, written), _parts(due, written, "figures")
    begun = any(figure.local is not None for figure in known)
    return {
        "due": due,
        "award": due.award,
        "returned": _asked_of(due, written.definition),
        "form": form,
        "state": state or ("clean" if begun else "unsaved"),
        "begun": begun,
        "own_rates": "rates" in request.args or form.own_rates or len({f.rate for f in known if f.local}) > 1,
        "figures": known,
        "sums": rules.sum_of(known, due.award.currency),
        "limits": rules.limits_of(due, written),
        "documents": _by_line(written),
        "obstacles": rules.obstacles_to_figures(due, known, due.award.currency) if begun else [],
        "parts": parts,
        "after": _next_part(parts, due),
        "writing": rules.obstacles_to_writing(due, due.award),
    }


def _by_line(written: Written) -> dict[int | None, list[ReportDocument]]:
    """The supporting documents of a report by budget line; those of the exchange rate under None."""
    found: dict[int | None, list[ReportDocument]] = {}
    for document in written.documents:
        found.setdefault(document.budget_line_id, []).append(document)
    return found


# ------------------------------------------------------------------ what changed


@bp.get("/reports/<int:due_id>/changes")
@access(SIGNED_IN)
def changes(due_id: int) -> ResponseReturnValue:
    """What the grantee says has changed, entry by entry."""
    due = _to_write(due_id)
    written = queries.written(due)
    parts = _parts(due, written, rules.CHANGES_PART)
    return render_template(
        "reports/changes.html",
        due=due,
        award=due.award,
        changes=found(written.changes),
        words=CHANGE_WORDS,
        returned=_asked_of(due, written.definition),
        parts=parts,
        after=_next_part(parts, due),
        writing=rules.obstacles_to_writing(due, due.award),
    )


CHANGE_WORDS = {"points": PLAN_POINTS, "levels": LEVELS, "stages": STAGES}


@bp.route("/reports/<int:due_id>/changes/new", methods=["GET", "POST"])
@access(SIGNED_IN)
def tell_change(due_id: int) -> ResponseReturnValue:
    """Write down something that changed."""
    due = _to_write(due_id)
    return _telling(due, None, forms.ChangeForm(country=due.award.organization.country))


@bp.route("/reports/<int:due_id>/changes/<int:change_id>", methods=["GET", "POST"])
@access(SIGNED_IN)
def rewrite_change(due_id: int, change_id: int) -> ResponseReturnValue:
    """Write an entry anew."""
    due = _to_write(due_id)
    change = _change(due, change_id)
    return _telling(due, change, forms.ChangeForm(obj=change))


def _telling(due: ReportDue, change: ReportedChange | None, form: forms.ChangeForm) -> ResponseReturnValue:
    definition = queries.definition_for(due)
    found(queries.asks_for_changes(due, definition) or None)
    if form.validate_on_submit():
        upload = form.file.data if hasattr(form.file.data, "read") else None
        sent = (upload.filename or "", upload.read(files.LARGEST + 1)) if upload else None
        try:
            actions.tell_change(due, form.given(), change, file=sent, by=current_user)
        except Refused as refusal:
            form.form_errors = [obstacle.message for obstacle in refusal.obstacles]
        else:
            return done(_("Your change is kept."), ".changes", due_id=due.id)
    page = render_template(
        "reports/change.html",
        due=due,
        award=due.award,
        form=form,
        change=change,
        papers=rules.PAPERS,
        writing=rules.obstacles_to_writing(due, due.award),
    )
    return page, 422 if form.is_submitted() else 200


@bp.post("/reports/<int:due_id>/changes/<int:change_id>/drop")
@access(SIGNED_IN)
def drop_change(due_id: int, change_id: int) -> ResponseReturnValue:
    """Take an entry away."""
    due = _to_write(due_id)
    actions.drop_change(due, _change(due, change_id), by=current_user)
    return done(_("The entry is taken away."), ".changes", due_id=due_id)


@bp.get("/reports/<int:due_id>/changes/<int:change_id>/file")
@access(SIGNED_IN)
def change_file(due_id: int, change_id: int) -> ResponseReturnValue:
    """What shows a change, under a name that tells nobody's name."""
    due = _due(due_id)
    require(permissions.can_write(current_user, due) or due.state in queries.COUNTED)
    stored = found(_change(due, change_id).file)
    return files.send(stored, f"{due.award.reference}-{due.key}-change-{change_id}.{stored.kind}")


def _change(due: ReportDue, change_id: int) -> ReportedChange:
    return found(queries.change_of(found(due.report), change_id))


@bp.get("/reports/changes")
@access(*COORDINATORS, Role.AUDITOR)
def changes_told() -> ResponseReturnValue:
    """What changed in all grants that a person may see, by point of the plan, country and level."""
    require(permissions.can_see_queue(current_user))
    asked = {name: request.args.get(name, "") for name in ("point", "country", "level")}
    point = int(asked["point"]) if asked["point"].isdecimal() and int(asked["point"]) in PLAN_POINTS else 0
    page = max(request.args.get("page", 1, int), 1)
    seen = scope(current_user, ReportDue)
    told, number = queries.changes_told(
        seen, plan_point=point, country=asked["country"], level=asked["level"], page=page
    )

    def address(**changed: Any) -> str:
        return url_for("reports.changes_told", **{k: v for k, v in (asked | changed).items() if v})

    def chips(name: str, choices: list[tuple[str, Any]]) -> list[dict[str, Any]]:
        every = [("", _("All")), *choices]
        return [{"label": words, "url": address(**{name: key}), "current": asked[name] == key} for key, words in every]

    language = language_now()
    countries = sorted((country_name(code, language), code) for code in queries.countries_told(seen))
    return render_template(
        "reports/changes_told.html",
        told=told,
        number=number,
        words=CHANGE_WORDS,
        groups=[
            {
                "label": _("Point of the Plan of Action"),
                "links": chips("point", [(str(n), f"{n} {words}") for n, words in PLAN_POINTS.items()]),
            },
            {"label": _("Country"), "links": chips("country", [(code, name) for name, code in countries])},
            {"label": _("How far it reaches"), "links": chips("level", list(LEVELS.items()))},
        ],
        filtered=any(asked.values()),
        pagination={
            "page": page,
            "pages": -(-number // queries.PAGE),
            "total": number,
            "url_for": lambda n: address(page=n),
        },
    )


# ------------------------------------------------------------------ supporting documents


@bp.get("/reports/<int:due_id>/documents")
@access(SIGNED_IN)
def documents(due_id: int) -> ResponseReturnValue:
    """The supporting documents of the figures, heading by heading, and the places to add more."""
    return _documents_page(_to_write(due_id), forms.DocumentForm(formdata=None))


def _documents_page(due: ReportDue, form: forms.DocumentForm) -> ResponseReturnValue:
    found(due.is_financial or None)
    written = queries.written(due)
    places = [(None, _("The exchange rate")), *((line.id, pick(line.title)) for line, _given in written.budget)]
    page = render_template(
        "reports/documents.html",
        due=due,
        award=due.award,
        form=form,
        places=places,
        documents=_by_line(written),
        papers=rules.PAPERS,
        staying={one.id for one in written.documents if rules.obstacles_to_removing_document(due, one)},
        parts=_parts(due, written, "figures"),
        writing=rules.obstacles_to_writing(due, due.award),
    )
    return page, 422 if form.errors else 200


@bp.post("/reports/<int:due_id>/documents")
@access(SIGNED_IN)
def add_document(due_id: int) -> ResponseReturnValue:
    """Add a supporting document."""
    due = _to_write(due_id)
    form = forms.DocumentForm()
    if not form.validate():
        return _documents_page(due, form)
    line_id = int(form.line.data) if (form.line.data or "").isdecimal() else None
    found(line_id is None or line_id in queries.budget_line_ids(due.award_id) or None)
    upload = form.file.data
    content = upload.read(files.LARGEST + 1)
    try:
        actions.add_document(due, line_id, upload.filename or "", content, form.note.data or "", by=current_user)
    except Refused as refusal:
        form.file.errors = [obstacle.message for obstacle in refusal.obstacles]
        return _documents_page(due, form)
    return done(_("Thank you. We have your file."), ".documents", due_id=due_id, _anchor=f"line-{line_id or 'rate'}")


@bp.post("/reports/<int:due_id>/documents/<int:document_id>/remove")
@access(SIGNED_IN)
def remove_document(due_id: int, document_id: int) -> ResponseReturnValue:
    """Take a supporting document away that was never handed in."""
    due = _to_write(due_id)
    actions.remove_document(due, _document(due, document_id), by=current_user)
    return done(_("The file is taken away."), ".documents", due_id=due_id)


@bp.get("/reports/<int:due_id>/documents/<int:document_id>")
@access(SIGNED_IN)
def document(due_id: int, document_id: int) -> ResponseReturnValue:
    """A supporting document, under a name that tells nobody's name."""
    due = _due(due_id)
    require(permissions.can_write(current_user, due) or due.state in queries.COUNTED)
    one = _document(due, document_id)
    return files.send(one.file, f"{due.award.reference}-{due.key}-{one.id}.{one.file.kind}")


def _document(due: ReportDue, document_id: int) -> ReportDocument:
    return found(queries.document_of(found(due.report), document_id))


# ------------------------------------------------------------------ what was handed in


@bp.get("/reports/<int:due_id>/versions/<int:number>")
@access(SIGNED_IN)
def version(due_id: int, number: int) -> ResponseReturnValue:
    """A report word for word as it was handed in, with the papers of then, whatever was changed since."""
    due = _due(due_id)
    kept = found(queries.version_of(found(due.report), number))
    definition = queries.definition_for(due)
    titles = _part_titles(due, definition)
    parts: dict[str, list[tuple[str, list[str]]]] = {}
    for one in rules.said_in(definition, kept.content, language_now()):
        parts.setdefault(titles[one.part], []).append((pick(one.label, None, definition.fallback), one.now))
    return render_template(
        "reports/version.html",
        due=due,
        award=due.award,
        kept=kept,
        parts=parts,
        papers=rules.papers_in(kept.content),
        fingerprint=rules.fingerprint_of(kept.content),
    )


@bp.get("/reports/<int:due_id>/versions/<int:number>/papers/<int:file_id>")
@access(SIGNED_IN)
def version_paper(due_id: int, number: int, file_id: int) -> ResponseReturnValue:
    """A paper that was handed in with a version, under a name that tells nobody's name."""
    due = _due(due_id)
    kept = found(queries.version_of(found(due.report), number))
    paper = found(next((one for one in rules.papers_in(kept.content) if one.file_id == file_id), None))
    stored = found(queries.file_by_id(file_id))
    found(stored.sha256 == paper.sha256 or None)
    return files.send(stored, f"{due.award.reference}-{due.key}-version-{number}-{file_id}.{stored.kind}")


@bp.post("/reports/<int:due_id>/submit")
@access(SIGNED_IN)
def submit(due_id: int) -> ResponseReturnValue:
    """Hand the report in."""
    actions.submit(_to_write(due_id), by=current_user)
    return done(
        _("Thank you. Your report is with the fund; we write to you when we have read it."),
        "reports.show",
        due_id=due_id,
    )


@bp.post("/reports/<int:due_id>/accept")
@access(*COORDINATORS)
def accept(due_id: int) -> ResponseReturnValue:
    """Accept a report."""
    due = _due(due_id)
    require(permissions.can_judge(current_user, due))
    actions.accept(due, by=current_user, read=read_mark())
    return done(_("The report is accepted, and the grantee is told."), "reports.show", due_id=due_id)


@bp.route("/reports/<int:due_id>/return", methods=["GET", "POST"])
@access(*COORDINATORS)
def return_(due_id: int) -> ResponseReturnValue:
    """Return a report with what is missing, part by part."""
    due = _due(due_id)
    require(permissions.can_judge(current_user, due))
    again_by = rules.mended_by(due, clock.today(due.award.call.timezone))
    form = forms.return_form(_part_titles(due, queries.definition_for(due)), again_by)

    def act() -> None:
        asked = {"read": read_mark(), "again_by": form.again_by.data}
        actions.return_(due, form.reason.data or "", form.parts, by=current_user, **asked)

    if taken(act, form):
        return done(_("The report is returned, and the grantee is told."), "reports.show", due_id=due_id)
    page = render_template(
        "reports/return.html",
        due=due,
        award=due.award,
        form=form,
        mark=_mark_read(due, told=bool(form.form_errors)),
        obstacles=rules.obstacles_to_judging(due),
    )
    return page, 422 if form.is_submitted() else 200


def _mark_read(due: ReportDue, *, told: bool) -> str:
    """The mark of the version that somebody read before they came to this page, until they were ``told`` of another."""
    now = rules.mark_of_version(due.report)
    return now if told else read_mark() or request.args.get("read") or now


@bp.route("/reports/<int:due_id>/costs", methods=["GET", "POST"])
@access(*COORDINATORS, Role.FINANCE_OFFICER)
def costs(due_id: int) -> ResponseReturnValue:
    """Verify the costs of a report, budget line by budget line."""
    due = _due(due_id)
    require(permissions.can_verify(current_user, due))
    found(due.is_financial or None)
    written = queries.written(due)
    known = [figure for figure in _figures(due, written) if figure.local is not None]
    stops = rules.obstacles_to_verifying(due, due.award)
    form = forms.costs_form(known, due.award.currency)
    if taken(lambda: actions.verify(due, form.lines(), by=current_user, read=read_mark()), form):
        said = _("What you found is kept. What is not eligible does not count as spent.")
        return done(said, ".show", due_id=due_id)
    page = render_template(
        "reports/costs.html",
        due=due,
        award=due.award,
        report=due.report,
        form=form,
        mark=rules.mark_of_costs(due.report, [line for _budget, line in written.budget if line]),
        figures=known,
        documents=_by_line(written),
        obstacles=stops,
    )
    return page, 422 if form.is_submitted() else 200


@bp.route("/reports/<int:due_id>/waive", methods=["GET", "POST"])
@access(*COORDINATORS)
def waive(due_id: int) -> ResponseReturnValue:
    """Let a grantee off a report."""
    due = _due(due_id)
    require(permissions.can_waive(current_user, due))
    form = ReasonForm()
    if form.validate_on_submit():
        actions.waive(due, form.reason.data, by=current_user)
        return done(_("The report is waived."), "reports.show", due_id=due_id)
    lead = _(
        "The grantee does not have to give this report any more. A payment that waits for it goes on waiting until a later report is accepted or the fund decides to pay all the same."
    )
    return _ask(due, form, _("Waive this report"), lead, rules.obstacles_to_waiving(due), tone="danger")


@bp.route("/reports/<int:due_id>/move", methods=["GET", "POST"])
@access(*COORDINATORS)
def move(due_id: int) -> ResponseReturnValue:
    """Move the date of a report."""
    due = _due(due_id)
    require(permissions.can_move(current_user, due))
    form = forms.MoveForm(due_on=due.due_on)
    if form.validate_on_submit():
        actions.move(due, form.due_on.data, form.reason.data, by=current_user)
        return done(_("The date is moved."), "reports.show", due_id=due_id)
    lead = _("The grantee is reminded of the new date. The record keeps the former one.")
    return _ask(due, form, _("Move the date"), lead, rules.obstacles_to_moving(due))


def _ask(
    due: ReportDue, form: Form, heading: str, lead: str, stops: list[Any], tone: str = "primary"
) -> ResponseReturnValue:
    """A page with one question; shown again with what was typed when it cannot be taken."""
    page = render_template(
        "awards/ask.html",
        award=due.award,
        form=form,
        heading=heading,
        lead=lead,
        label=heading,
        tone=tone,
        obstacles=stops,
        back_url=url_for("reports.show", due_id=due.id),
        back_label=pick(due.label),
    )
    return page, 422 if form.is_submitted() else 200
