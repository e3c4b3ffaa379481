"""Pages of the due diligence, for the fund and for the grantee, and of the class of a grant."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from wtforms.fields.choices import SelectChoice

from grants.accounts.models import COORDINATORS, Role
from grants.awards import queries as awards
from grants.awards import rules as award_rules
from grants.awards.models import RISK_LABELS, Award, Risk
from grants.awards.permissions import sees_as_staff
from grants.core import clock, files
from grants.core.forms import read_mark
from grants.core.languages import _l
from grants.core.permissions import require, scope
from grants.core.web import SIGNED_IN, access, done, found, taken
from grants.diligence import actions, forms, permissions, queries, rules
from grants.diligence.models import OUTCOMES, TAB_LABELS, VERDICTS, AskedOf, Diligence, Point, Source, Tab
from grants.history.queries import timeline

bp = Blueprint("diligence", __name__)

TABS: dict[str, Any] = TAB_LABELS | {"sanctions": _l("Sanctions lists"), "risk": _l("Risk")}
"""The places of the page, by the word in its address."""

SOURCES: dict[str, Any] = {
    Source.APPLICATION: _l("came with the application"),
    Source.KEPT: _l("from the documents of the organization"),
    Source.SENT: _l("handed in for this grant"),
    Source.WITHHELD: _l("withheld with a reason in the application"),
}


def _award(reference: str) -> Award:
    return found(awards.award_by_reference(scope(current_user, Award), reference))


def _diligence(reference: str) -> tuple[Award, Diligence]:
    award = _award(reference)
    return award, found(queries.diligence_of(award))


def _point(reference: str, point_id: int) -> tuple[Award, Diligence, Point]:
    award, diligence = _diligence(reference)
    return award, diligence, found(queries.point_of(diligence, point_id))


def _about(award: Award, diligence: Diligence | None) -> list[dict[str, Any]]:
    return timeline([("diligence", diligence.id)], names=True) if diligence else []


# ------------------------------------------------------------------ the page


@bp.get("/grants/<reference>/diligence")
@access(SIGNED_IN)
def of_grant(reference: str) -> ResponseReturnValue:
    """For the fund: what was asked, came and was found, tab by tab. For the grantee: what is asked of it."""
    award = _award(reference)
    if not sees_as_staff(current_user, award):
        return _asked(award)
    return _page(award, request.args.get("tab", Tab.DOCUMENTS.value))


def _asked(award: Award, form: forms.FileForm | None = None, of: Point | None = None) -> ResponseReturnValue:
    """What is asked of the grantee, and where it hands it in; nothing of what the fund wrote for itself."""
    diligence = queries.diligence_of(award)
    points = [point for point in diligence.points if point.asked_of == AskedOf.GRANTEE] if diligence else []
    page = render_template(
        "diligence/asked.html",
        award=award,
        diligence=diligence,
        points=points,
        waiting={point.id for point in points if rules.waits_for_grantee(point)},
        stops={point.id: rules.obstacles_to_handing_in(point, point.diligence, award) for point in points},
        kept=queries.kept_for(diligence, clock.today(award.call.timezone)) if diligence else {},
        papers=rules.PAPERS,
        form=form or forms.FileForm(formdata=None),
        of=of,
        may_hand_in=permissions.can_hand_in(current_user, award),
    )
    return page, 422 if of is not None else 200


def _page(award: Award, tab: str, form: Any = None) -> ResponseReturnValue:
    if tab not in TABS:
        abort(404)
    dossier = queries.dossier_of(award)
    diligence = dossier.diligence
    today = clock.today(award.call.timezone)
    days = rules.days_a_search_holds(queries.terms_of(award))
    facts = actions.facts_of(diligence) if diligence and tab == "risk" else []
    page = render_template(
        "diligence/of_grant.html",
        award=award,
        diligence=diligence,
        dossier=dossier,
        tab=tab,
        tabs=TABS,
        standings=rules.standings(dossier.points),
        points=[point for point in dossier.points if point.tab == tab],
        verdicts=VERDICTS,
        outcomes=OUTCOMES,
        sources=SOURCES,
        waits=rules.waits_for_grantee,
        risks=RISK_LABELS,
        facts=facts,
        proposed=rules.proposed_risk(facts),
        plans=_plans(award) if tab == "risk" else [],
        days=days,
        sanctions=rules.obstacles_by_sanctions(dossier, award, days, today),
        opening=rules.obstacles_to_opening_diligence(award, diligence),
        finishing=rules.obstacles_to_finishing(dossier, award, days, today),
        form=form or _form_of(tab, dossier),
        mark=rules.mark_of_search(dossier.latest),
        looking=rules.obstacles_to_looking(dossier.latest, dossier.latest, current_user.id, None)
        if dossier.latest
        else [],
        may_open=permissions.can_open(current_user, award),
        sees_account=current_user.holds(Role.FINANCE_OFFICER, Role.AUDITOR),
        may_screen=permissions.can_screen(current_user, award),
        may_judge={point.id for point in dossier.points if permissions.can_judge(current_user, award, point)},
        may_read={point.id for point in dossier.points if permissions.can_read_file(current_user, award, point)},
        history=_about(award, diligence),
    )
    return page, 422 if form is not None else 200


def _form_of(tab: str, dossier: queries.Dossier) -> Any:
    if tab == "risk":
        return forms.RiskForm(formdata=None)
    if (
        tab == "sanctions"
        and dossier.latest is not None
        and rules.is_held_by(dossier.latest)
        and not dossier.latest.look
    ):
        return forms.LookForm(formdata=None)
    if tab == "sanctions":
        return forms.ScreenForm(formdata=None, names="\n".join(dossier.names))
    return None


def _plans(award: Award) -> list[dict[str, Any]]:
    """What each risk makes of the plan, so that whoever judges sees what follows."""
    terms = queries.terms_of(award)
    return [
        {
            "risk": RISK_LABELS[risk],
            "instalments": award_rules.instalments(award, terms, risk),
            "reports": [one for one in award_rules.report_plan(award, terms, risk) if one.required],
            "visits": award_rules.visits_planned(award, terms, risk),
        }
        for risk in Risk
    ]


@bp.post("/grants/<reference>/diligence")
@access(*COORDINATORS)
def begin(reference: str) -> ResponseReturnValue:
    """Begin the due diligence."""
    award = _award(reference)
    require(permissions.can_open(current_user, award))
    actions.open_diligence(award, by=current_user)
    return done(_("The due diligence has begun. The grantee is told what is asked."), ".of_grant", reference=reference)


# ------------------------------------------------------------------ points


@bp.route("/grants/<reference>/diligence/points/<int:point_id>", methods=["GET", "POST"])
@access(*COORDINATORS, Role.FINANCE_OFFICER)
def judge(reference: str, point_id: int) -> ResponseReturnValue:
    """Judge one point."""
    award, diligence, point = _point(reference, point_id)
    require(permissions.can_judge(current_user, award, point))
    form = forms.VerdictForm(verdict=point.verdict, note=point.note)
    if taken(
        lambda: actions.judge(
            point,
            form.verdict.data,
            form.note.data or "",
            words=form.words.data or "",
            by=current_user,
            read=read_mark(),
        ),
        form,
    ):
        return done(_("Your judgement is kept."), ".of_grant", reference=reference, tab=point.tab)
    page = render_template(
        "diligence/point.html",
        award=award,
        point=point,
        form=form,
        sources=SOURCES,
        tab_label=TAB_LABELS[point.tab],
        mark=rules.mark_of_point(point),
        stops=rules.obstacles_to_judging(point, diligence, award),
        may_read=permissions.can_read_file(current_user, award, point),
        asks_again=point.asked_of == AskedOf.GRANTEE,
    )
    return page, 422 if form.is_submitted() else 200


@bp.post("/grants/<reference>/diligence/points/<int:point_id>/file")
@access(SIGNED_IN)
def hand_in(reference: str, point_id: int) -> ResponseReturnValue:
    """Hand in a file for a point."""
    award, _checked, point = _point(reference, point_id)
    require(permissions.can_hand_in(current_user, award))
    form = forms.FileForm()

    def act() -> None:
        upload = form.file.data
        actions.hand_in(point, upload.filename or "", upload.read(files.LARGEST + 1), by=current_user)

    if not taken(act, form):
        return _asked(award, form, point)
    return done(_("Thank you. We have your file."), ".of_grant", reference=reference)


@bp.post("/grants/<reference>/diligence/points/<int:point_id>/kept")
@access(SIGNED_IN)
def hand_in_kept(reference: str, point_id: int) -> ResponseReturnValue:
    """Hand in what the organization keeps."""
    award, diligence, point = _point(reference, point_id)
    require(permissions.can_hand_in(current_user, award))
    kept = queries.kept_for(diligence, clock.today(award.call.timezone))
    actions.hand_in_kept(point, kept.get(point.key), by=current_user)
    return done(_("Thank you. We have your file."), ".of_grant", reference=reference)


@bp.get("/grants/<reference>/diligence/points/<int:point_id>/file")
@access(SIGNED_IN)
def file(reference: str, point_id: int) -> ResponseReturnValue:
    """The file of a point, under a name that tells nobody's name."""
    award, _checked, point = _point(reference, point_id)
    require(permissions.can_read_file(current_user, award, point))
    stored = found(point.file)
    return files.send(stored, f"{award.reference}-{point.key}.{stored.kind}")


# ------------------------------------------------------------------ risk, sanctions lists, the end


@bp.post("/grants/<reference>/diligence/risk")
@access(*COORDINATORS)
def judge_risk(reference: str) -> ResponseReturnValue:
    """Judge the risk."""
    award, diligence = _diligence(reference)
    require(permissions.can_open(current_user, award))
    form = forms.RiskForm()
    if not taken(lambda: actions.judge_risk(diligence, form.risk.data, form.reason.data, by=current_user), form):
        return _page(award, "risk", form)
    return done(
        _("The risk is judged. It shapes the plan of the agreement."), ".of_grant", reference=reference, tab="risk"
    )


@bp.post("/grants/<reference>/diligence/sanctions")
@access(*COORDINATORS, Role.FINANCE_OFFICER)
def screen(reference: str) -> ResponseReturnValue:
    """Write down a search of a sanctions list."""
    award, diligence = _diligence(reference)
    require(permissions.can_screen(current_user, award))
    form = forms.ScreenForm()

    def act() -> None:
        actions.screen(
            diligence,
            list_name=form.list_name.data,
            list_version=form.list_version.data,
            names=form.names.data.split("\n"),
            outcome=form.outcome.data,
            decision=form.decision.data or "",
            by=current_user,
        )

    if not taken(act, form):
        return _page(award, "sanctions", form)
    return done(_("The search is written down."), ".of_grant", reference=reference, tab="sanctions")


@bp.post("/grants/<reference>/diligence/second-look")
@access(*COORDINATORS, Role.FINANCE_OFFICER)
def look(reference: str) -> ResponseReturnValue:
    """Look a second time at what the latest search found."""
    award = _award(reference)
    require(permissions.can_screen(current_user, award))
    check = found(next(iter(queries.checks_of(award)), None))
    form = forms.LookForm()

    def act() -> None:
        actions.look(
            check, cleared=form.cleared.data == "yes", reason=form.reason.data, by=current_user, read=read_mark()
        )

    if not taken(act, form):
        return _page(award, "sanctions", form)
    return done(_("Your judgement is kept."), ".of_grant", reference=reference, tab="sanctions")


@bp.post("/grants/<reference>/diligence/finish")
@access(*COORDINATORS)
def finish(reference: str) -> ResponseReturnValue:
    """Finish the due diligence."""
    award, diligence = _diligence(reference)
    require(permissions.can_open(current_user, award))
    actions.finish(diligence, by=current_user)
    return done(_("The due diligence is finished. The agreement can be drawn up."), ".of_grant", reference=reference)


@bp.post("/grants/<reference>/diligence/reopen")
@access(*COORDINATORS)
def reopen(reference: str) -> ResponseReturnValue:
    """Open the due diligence again."""
    award, diligence = _diligence(reference)
    require(permissions.can_open(current_user, award))
    actions.reopen(diligence, request.form.get("reason", ""), by=current_user)
    return done(_("The due diligence is open again."), ".of_grant", reference=reference)


# ------------------------------------------------------------------ confidentiality


@bp.get("/grants/<reference>/confidentiality")
@access(SIGNED_IN)
def confidentiality(reference: str) -> ResponseReturnValue:
    """How confidential a grant is, and how that changes."""
    return _class_page(_award(reference))


def _class_page(award: Award, **forms_shown: Any) -> ResponseReturnValue:
    consents = queries.consents_of(award)
    asked = next((one for one in consents if one.state == "asked"), None)
    shown = {"tighter": _class_form(award, tighter=True), "looser": _class_form(award, tighter=False)} | forms_shown
    page = render_template(
        "diligence/confidentiality.html",
        award=award,
        consents=consents,
        asked=asked,
        mark=rules.mark_of_question(asked),
        labels=forms.CLASS_LABELS,
        clauses=award_rules.CONFIDENTIALITY_CLAUSES,
        staff=sees_as_staff(current_user, award),
        may_tighten=permissions.can_tighten(current_user, award),
        may_ask=permissions.can_ask_consent(current_user, award),
        may_consent=permissions.can_consent(current_user, award),
        answer=forms_shown.get("answer") or forms.ConsentForm(formdata=None),
        **{name: form for name, form in shown.items() if name != "answer"},
    )
    return page, 422 if forms_shown else 200


def _class_form(award: Award, *, tighter: bool, typed: bool = False) -> forms.ClassForm:
    """The form with the classes that hide more than the present one, or less."""
    prefix = "tighter" if tighter else "looser"
    form = forms.ClassForm(prefix=prefix) if typed else forms.ClassForm(prefix=prefix, formdata=None)
    now = award.confidentiality
    form.wanted.choices = [
        SelectChoice(key, label)
        for key, label in forms.CLASS_LABELS.items()
        if (rules.is_tighter(key, now) if tighter else rules.is_tighter(now, key))
    ]
    return form


@bp.post("/grants/<reference>/confidentiality/tighten")
@access(SIGNED_IN)
def tighten(reference: str) -> ResponseReturnValue:
    """Make a grant more confidential."""
    award = _award(reference)
    require(permissions.can_tighten(current_user, award))
    form = _class_form(award, tighter=True, typed=True)
    if not taken(lambda: actions.tighten(award, form.wanted.data, form.reason.data, by=current_user), form):
        return _class_page(award, tighter=form)
    return done(_("The grant is more confidential now, everywhere."), ".confidentiality", reference=reference)


@bp.post("/grants/<reference>/confidentiality/ask")
@access(*COORDINATORS)
def ask_consent(reference: str) -> ResponseReturnValue:
    """Ask the grantee whether its grant may be less confidential."""
    award = _award(reference)
    require(permissions.can_ask_consent(current_user, award))
    form = _class_form(award, tighter=False, typed=True)
    if not taken(lambda: actions.ask_to_loosen(award, form.wanted.data, form.reason.data, by=current_user), form):
        return _class_page(award, looser=form)
    return done(_("The grantee is asked. Nothing changes until it consents."), ".confidentiality", reference=reference)


@bp.post("/grants/<reference>/confidentiality/answer")
@access(SIGNED_IN)
def answer_consent(reference: str) -> ResponseReturnValue:
    """Consent, or refuse."""
    award = _award(reference)
    require(permissions.can_consent(current_user, award))
    consent = found(queries.consent_asked(award))
    form = forms.ConsentForm()

    def act() -> None:
        actions.answer_consent(
            consent, given=form.given.data == "yes", name=form.name.data, by=current_user, read=read_mark()
        )

    if not taken(act, form):
        return _class_page(award, answer=form)
    return done(_("Thank you. Your answer is kept."), ".confidentiality", reference=reference)
