"""Pages of awards: letters, offers, agreements, milestones and conditions, the grants of a call."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import Blueprint, abort, current_app, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from wtforms.fields.choices import SelectChoice

from grants.accounts.models import COORDINATORS, Role
from grants.awards import actions, forms, permissions, queries, rules
from grants.awards.models import Award, NewBudget
from grants.awards.workflow import AwardState
from grants.conflicts import queries as conflicts
from grants.conflicts.queries import free_coordinators
from grants.core import clock, files
from grants.core.forms import Form, read_mark
from grants.core.languages import _l, pick
from grants.core.money import Money
from grants.core.permissions import require, scope
from grants.core.templating import day
from grants.core.web import SIGNED_IN, access, done, found, taken
from grants.decisions import queries as decisions
from grants.decisions.models import OUTCOME_LABELS, Decision, DecisionOutcome, Meeting
from grants.decisions.rules import obstacles_to_releasing
from grants.decisions.workflow import DecisionState
from grants.history.queries import timeline
from grants.letters.models import KIND_LABELS, LetterKind
from grants.questionnaires.forms import SectionForm
from grants.questionnaires.views import SectionPage, answer_to_saving, kept_at

bp = Blueprint("awards", __name__)

STANDINGS: dict[str, tuple[Any, Any, Any]] = {
    "suspend": (
        _l("Suspend this grant"),
        _l("Nothing is paid while a grant is suspended. The grantee keeps reporting, and sees that it is suspended."),
        _l("The grant is suspended."),
    ),
    "resume": (
        _l("Resume this grant"),
        _l("The grant runs again, and payments whose conditions are met can be prepared."),
        _l("The grant runs again."),
    ),
    "lapse": (
        _l("Let this offer lapse"),
        _l("This cannot be undone. The money is free for the reserve list."),
        _l("The offer has lapsed."),
    ),
    "offer_again": (
        _l("Offer this grant again"),
        _l(
            "The grantee is asked once more. The money is bound again; this is refused when the call has spent it otherwise."
        ),
        _l("The grant is offered again, and the grantee is told."),
    ),
}
"""What a coordinator may do with a grant's standing: the question, what it means, and how it is confirmed."""


# ------------------------------------------------------------------ shared by the pages of a grant


@bp.app_template_global("grant_tabs")
def grant_tabs(award: Award) -> list[dict[str, Any]]:
    """The pages of a grant, as far as they exist, for ``awards/_tabs.html``."""
    pages = [
        ("portfolio.grant", _("Overview")),
        ("diligence.of_grant", _("Due diligence")),
        ("awards.agreement", _("Agreement")),
        ("owed.of_grant", _("What is owed")),
        ("awards.milestones", _("Milestones")),
        ("reports.of_grant", _("Reports")),
        ("visits.of_grant", _("Visits")),
        ("payments.of_grant", _("Payments")),
        ("amendments.of_grant", _("Changes")),
        ("closeout.of_grant", _("Close-out")),
        ("dossiers.of_grant", _("Dossier")),
    ]
    return [
        {
            "label": label,
            "url": url_for(endpoint, reference=award.reference),
            "current": request.endpoint == endpoint,
        }
        for endpoint, label in pages
        if endpoint in current_app.view_functions
    ]


@bp.app_template_global("grant_steps")
def grant_steps(award: Award) -> list[rules.Step]:
    """The river of a grant, for ``awards/_stepper.html``."""
    return rules.steps(award)


@bp.app_template_global("letters_about")
def letters_about(application_ids: Iterable[int]) -> dict[int, queries.Told]:
    """What applicants were told about some applications, for lists of them."""
    return queries.letters_about(application_ids)


@bp.app_template_global("steps_after_letter")
def steps_after_letter(told: queries.Told) -> list[rules.Step]:
    """The river of an application whose letter was sent, for its pages."""
    return rules.steps_after_letter(told.award_state)


def _award(reference: str) -> Award:
    return found(queries.award_by_reference(scope(current_user, Award), reference))


def _history(award: Award) -> list[dict[str, Any]]:
    staff = permissions.sees_as_staff(current_user, award)
    return timeline([("award", award.id)], names=staff)


def _ask(award: Award, form: Form, heading: Any, lead: Any, label: Any, **more: Any) -> ResponseReturnValue:
    """A page with one question; shown again with what was typed when it cannot be taken."""
    back_url = more.pop("back_url", None) or url_for("awards.agreement", reference=award.reference)
    values = {
        "back_url": back_url,
        "back_label": award.reference,
        "form": form,
        "heading": heading,
        "lead": lead,
        "label": label,
        "tone": "primary",
        "obstacles": [],
        "mark": None,
    } | more
    return render_template("awards/ask.html", award=award, **values), 422 if form.is_submitted() else 200


# ------------------------------------------------------------------ the letters of a meeting


def _awards_first(decision: Decision) -> tuple[bool, int]:
    return decision.outcome != DecisionOutcome.AWARD, decision.rank or 0


@bp.get("/meetings/<reference>/release")
@access(Role.GLOBAL_COORDINATOR)
def release(reference: str) -> ResponseReturnValue:
    """Every letter that will be sent, what stands in the way, and one button."""
    meeting = found(decisions.meeting_by_reference(scope(current_user, Meeting), reference))
    require(permissions.can_release(current_user, meeting))
    decided = [one for one in decisions.decisions_of(meeting) if one.state != DecisionState.LEFT]
    hidden = conflicts.hidden_ids(current_user, meeting.call_id)
    seen = [one for one in decided if one.application_id not in hidden]
    return render_template(
        "awards/release.html",
        meeting=meeting,
        letters=sorted(seen, key=_awards_first),
        obstacles=obstacles_to_releasing(meeting, seen),
        outcomes=OUTCOME_LABELS,
        awarded=Money(sum(one.amount_minor for one in seen), meeting.call.currency),
    )


@bp.post("/meetings/<reference>/release")
@access(Role.GLOBAL_COORDINATOR)
def release_letters(reference: str) -> ResponseReturnValue:
    """Send all letters."""
    meeting = found(decisions.meeting_by_reference(scope(current_user, Meeting), reference))
    require(permissions.can_release(current_user, meeting))
    actions.release_decisions(meeting, by=current_user)
    return done(_("All letters are on their way."), "awards.release", reference=meeting.reference)


# ------------------------------------------------------------------ the offer and the agreement


@bp.get("/grants/<reference>/agreement")
@access(SIGNED_IN)
def agreement(reference: str) -> ResponseReturnValue:
    """The offer with its amount, conditions and plan; later the agreement to read and sign."""
    award = found(queries.award_to_answer(scope(current_user, Award), reference))
    terms = queries.plan_terms(award)
    return render_template(
        "awards/agreement.html",
        award=award,
        latest=rules.document_that_counts(award),
        instalments=rules.instalments(award, terms),
        trigger_labels=terms.get("award", {}).get("trigger_labels", {}),
        own_labels=rules.TRIGGER_LABELS,
        reports=rules.report_plan(award, terms),
        report_kinds=rules.REPORT_KINDS,
        clause=rules.CONFIDENTIALITY_CLAUSES[award.confidentiality],
        obstacles=rules.obstacles_to_answering(award),
        mark=rules.mark_of_offer(award),
        standings=[(verb, words[0]) for verb, words in STANDINGS.items() if award.workflow.allows(verb, award.state)],
        letters=queries.standing_letters(award),
        letter_kinds=KIND_LABELS,
        staff=permissions.sees_as_staff(current_user, award),
        may_answer=permissions.can_answer(current_user, award),
        may_sign=permissions.can_sign(current_user, award),
        may_oversee=permissions.can_oversee(current_user, award),
        history=_history(award),
        today=clock.today(award.call.timezone),
    )


@bp.post("/grants/<reference>/accept")
@access(SIGNED_IN)
def accept(reference: str) -> ResponseReturnValue:
    """Accept the offer."""
    award = _award(reference)
    require(permissions.can_answer(current_user, award))
    actions.accept(award, by=current_user, read=read_mark())
    return done(
        _("You have accepted the grant. We draw up the agreement and write to you when it is ready to sign."),
        "awards.agreement",
        reference=reference,
    )


@bp.route("/grants/<reference>/refuse", methods=["GET", "POST"])
@access(SIGNED_IN)
def refuse(reference: str) -> ResponseReturnValue:
    """Refuse the offer and say why."""
    award = _award(reference)
    require(permissions.can_answer(current_user, award))
    form = forms.ReasonForm()
    if form.validate_on_submit():
        actions.refuse_offer(award, form.reason.data, by=current_user)
        return done(
            _("You have refused the grant. Thank you for telling us why."), "awards.agreement", reference=reference
        )
    return _ask(
        award,
        form,
        _("Refuse the grant"),
        _("This cannot be undone: the money goes to another organization. Your reason helps us to do better."),
        _("Refuse the grant"),
        tone="danger",
        obstacles=rules.obstacles_to_answering(award),
    )


@bp.get("/grants/<reference>/agreement/<int:version>.pdf")
@access(SIGNED_IN)
def agreement_pdf(reference: str, version: int) -> ResponseReturnValue:
    """One version of the agreement as a file whose name tells nobody's name."""
    document = found(queries.agreement_version(_award(reference), version))
    return files.send(document.file, f"{reference}-agreement-{version}.pdf")


@bp.route("/grants/<reference>/agreement/signed-copy", methods=["GET", "POST"])
@access(SIGNED_IN)
def hand_in_copy(reference: str) -> ResponseReturnValue:
    """Hand in a copy that was signed on paper."""
    award = _award(reference)
    require(permissions.can_sign(current_user, award))
    latest = queries.latest_agreement(award)
    today = clock.today(award.call.timezone)
    form = forms.CopyForm()

    def act() -> None:
        actions.hand_in_copy(
            award,
            signature=form.signature.data or "",
            signed_on=form.signed_on.data,
            name=form.copy.data.filename or "",
            content=form.copy.data.read(files.LARGEST + 1),
            by=current_user,
            version=request.form.get("read", 0, int),
        )

    if taken(act, form):
        said = _("Thank you. The fund reads your copy, countersigns it and writes to you.")
        return done(said, "awards.agreement", reference=reference)
    stops = rules.obstacles_to_handing_in(
        award, latest, None, None, may_sign=permissions.can_sign(current_user, award), today=today
    )
    return _ask(
        award,
        form,
        _("Hand in a signed copy"),
        _("Print the agreement, sign it on paper, and send a scan or photographs of every page as one file."),
        _("Hand in the copy"),
        obstacles=stops,
        mark=latest.version if latest else 0,
    )


@bp.get("/grants/<reference>/agreement/<int:version>/signed-copy")
@access(SIGNED_IN)
def signed_copy(reference: str, version: int) -> ResponseReturnValue:
    """The copy that was signed on paper, under a name that tells nobody's name."""
    document = found(queries.agreement_version(_award(reference), version))
    stored = found(document.copy)
    return files.send(stored, f"{reference}-agreement-{version}-signed.{stored.kind}")


@bp.route("/grants/<reference>/agreement/signed-copy/return", methods=["GET", "POST"])
@access(*COORDINATORS)
def return_copy(reference: str) -> ResponseReturnValue:
    """Send a signed copy back with the reason."""
    award = _award(reference)
    require(permissions.can_oversee(current_user, award))
    latest = queries.latest_agreement(award)
    form = forms.ReasonForm()
    if form.validate_on_submit():
        actions.return_copy(award, form.reason.data, by=current_user, read=read_mark())
        return done(_("The copy is sent back, and the grantee is told why."), "awards.agreement", reference=reference)
    return _ask(
        award,
        form,
        _("Send the copy back"),
        _("The grantee reads your words and can hand in another copy, or sign online."),
        _("Send the copy back"),
        obstacles=rules.obstacles_to_returning_copy(award, latest),
        mark=rules.mark_of_copy(latest),
    )


@bp.get("/grants/<reference>/letters/<int:letter_id>")
@access(SIGNED_IN)
def letter(reference: str, letter_id: int) -> ResponseReturnValue:
    """A letter that told the grantee that its grant was suspended, resumed or terminated."""
    award = _award(reference)
    sent = found(next((one for one in queries.standing_letters(award) if one.id == letter_id), None))
    return render_template("awards/letter.html", award=award, letter=sent, label=KIND_LABELS[LetterKind(sent.kind)])


@bp.route("/grants/<reference>/standing/<verb>", methods=["GET", "POST"])
@access(*COORDINATORS)
def standing(reference: str, verb: str) -> ResponseReturnValue:
    """Suspend or resume a grant, let an offer lapse, or offer it again, with a reason."""
    award = _award(reference)
    require(permissions.can_suspend(current_user, award))
    if verb not in STANDINGS:
        abort(404)
    heading, meaning, confirmed = STANDINGS[verb]
    form = forms.ReasonForm()
    if form.validate_on_submit():
        actions.STANDINGS[verb](award, form.reason.data, by=current_user)
        return done(str(confirmed), "awards.agreement", reference=reference)
    tone = "primary" if verb in ("resume", "offer_again") else "danger"
    stops = rules.obstacles_to_standing(award, verb)
    return _ask(award, form, heading, meaning, heading, tone=tone, obstacles=stops)


# ------------------------------------------------------------------ the new budget of a reduced award


def _reduced(reference: str) -> tuple[Award, NewBudget]:
    award = found(queries.award_to_budget(scope(current_user, Award), reference))
    return award, found(award.new_budget)


@bp.get("/grants/<reference>/budget")
@access(SIGNED_IN)
def budget(reference: str) -> ResponseReturnValue:
    """The new budget: to be written by the grantee, to be read by the fund."""
    award, asked = _reduced(reference)
    written = queries.written_budget(asked)
    form = SectionForm(written.definition, written.section, written.answers, _version(written))
    return render_template("awards/budget.html", **_about_budget(award, asked, written, form))


def _version(written: queries.Written) -> int:
    return written.saved.version if written.saved else 0


def _about_budget(
    award: Award, asked: NewBudget, written: queries.Written, form: SectionForm, state: str = ""
) -> dict[str, Any]:
    """What the page of a new budget shows. ``state`` says what became of a text that was sent."""
    saved = written.saved
    lines = form.values.get(written.question.key)
    typed = written._replace(answers=written.answers | form.values)
    writing = rules.obstacles_to_budgeting(asked, award)
    return {
        "award": award,
        "new_budget": asked,
        "definition": written.definition,
        "section": written.section,
        "budget": written.question,
        "answers": written.answers,
        "form": form,
        "conflict": None,
        "kept_at": kept_at(saved.saved_at, saved.saved_by_id, saved.saved_by and saved.saved_by.name)
        if saved
        else None,
        "state": state or ("clean" if saved and not form.is_submitted() else "unsaved"),
        "budget_obstacles": rules.obstacles_in_new_budget(award, typed) if lines and not writing else [],
        "writing": writing,
        "handing_in": rules.obstacles_in_new_budget(award, written),
        "mark": rules.mark_of_budget(written),
        "judging": rules.obstacles_to_judging_budget(asked, award, written),
        "writes": permissions.can_budget(current_user, award),
        "judges": permissions.can_oversee(current_user, award),
        "readable": permissions.can_budget(current_user, award) or asked.state in rules.READABLE,
        "history": timeline([("new_budget", asked.id)], names=permissions.sees_as_staff(current_user, award)),
    }


@bp.post("/grants/<reference>/budget")
@access(SIGNED_IN)
def write_budget(reference: str) -> ResponseReturnValue:
    """Save the new budget as far as it is written; also by itself while one types."""
    award, asked = _reduced(reference)
    require(permissions.can_budget(current_user, award))
    written = queries.written_budget(asked)
    form = SectionForm(written.definition, written.section, written.answers, _version(written))
    if form.is_rearranging:
        return render_template("awards/budget.html", **_about_budget(award, asked, written, form))
    page = SectionPage(
        "awards/budget.html",
        "awards/_budget_questions.html",
        lambda state: _about_budget(award, asked, queries.written_budget(asked), form, state),
        [f"{written.question.key}-obstacles"],
    )
    return answer_to_saving(
        form,
        page,
        lambda: actions.save_budget(asked, form.values, version=form.version_seen, by=current_user),
        lambda _saved: done(_("Saved on the server."), "awards.budget", reference=reference),
    )


@bp.post("/grants/<reference>/budget/hand-in")
@access(SIGNED_IN)
def hand_in_budget(reference: str) -> ResponseReturnValue:
    """Hand the new budget in."""
    award, asked = _reduced(reference)
    require(permissions.can_budget(current_user, award))
    actions.hand_in_budget(asked, by=current_user)
    said = _("Thank you. Your new budget is with the fund; we write to you when we have read it.")
    return done(said, "awards.budget", reference=reference)


@bp.post("/grants/<reference>/budget/accept")
@access(*COORDINATORS)
def accept_budget(reference: str) -> ResponseReturnValue:
    """Accept the new budget."""
    award, asked = _reduced(reference)
    require(permissions.can_oversee(current_user, award))
    actions.accept_budget(asked, by=current_user, read=read_mark())
    return done(_("The new budget is the budget of the grant now."), "awards.budget", reference=reference)


@bp.route("/grants/<reference>/budget/return", methods=["GET", "POST"])
@access(*COORDINATORS)
def return_budget(reference: str) -> ResponseReturnValue:
    """Send the new budget back with what has to change."""
    award, asked = _reduced(reference)
    require(permissions.can_oversee(current_user, award))
    form = forms.ReasonForm()
    if form.validate_on_submit():
        actions.return_budget(asked, form.reason.data, by=current_user)
        return done(_("The budget is sent back, and the grantee is told."), "awards.budget", reference=reference)
    return _ask(
        award,
        form,
        _("Send this budget back"),
        _("The grantee reads your words above the budget and can change it. All that was written stays."),
        _("Send this budget back"),
        obstacles=[
            one
            for one in rules.obstacles_to_judging_budget(asked, award, queries.written_budget(asked))
            if one.code == "not_handed_in"
        ],
        back_url=url_for("awards.budget", reference=reference),
    )


# ------------------------------------------------------------------ milestones and conditions


def _milestones_url(award: Award) -> str:
    return url_for("awards.milestones", reference=award.reference)


@bp.get("/grants/<reference>/milestones")
@access(SIGNED_IN)
def milestones(reference: str) -> ResponseReturnValue:
    """What was promised by when, what was asked besides, and what of it is done."""
    award = found(queries.award_to_follow(scope(current_user, Award), reference))
    today = clock.today(award.call.timezone)
    return render_template(
        "awards/milestones.html",
        award=award,
        today=today,
        former=queries.former_days(award),
        may_reach=permissions.can_reach_milestone(current_user, award)
        and award.state in rules.RUNNING | {AwardState.TERMINATED},
        may_move=permissions.can_move_milestone(current_user, award),
        may_confirm=permissions.can_confirm_milestone(current_user, award),
        may_meet=permissions.can_meet_condition(current_user, award),
        may_add=permissions.can_add_condition(current_user, award)
        and not rules.obstacles_to_adding(award, None, None, today, of_grantee=False),
        staff=permissions.sees_as_staff(current_user, award),
        history=_history(award),
    )


@bp.route("/grants/<reference>/milestones/<int:milestone_id>/reached", methods=["GET", "POST"])
@access(SIGNED_IN)
def reach_milestone(reference: str, milestone_id: int) -> ResponseReturnValue:
    """Mark a milestone as reached."""
    award = _award(reference)
    require(permissions.can_reach_milestone(current_user, award))
    milestone = found(queries.milestone_of(award, milestone_id))
    today = clock.today(award.call.timezone)
    form = forms.ReachedForm(reached_on=today)
    form.today = today
    if form.validate_on_submit():
        actions.reach_milestone(milestone, form.evidence.data, reached_on=form.reached_on.data, by=current_user)
        return done(_("Well done. The milestone is marked as reached."), "awards.milestones", reference=reference)
    stops = rules.obstacles_to_reaching(milestone, award, None, None, today)
    return _ask(
        award,
        form,
        _("This milestone is reached"),
        milestone.title,
        _("Mark as reached"),
        obstacles=stops,
        back_url=_milestones_url(award),
    )


@bp.route("/grants/<reference>/milestones/<int:milestone_id>/confirm", methods=["GET", "POST"])
@access(*COORDINATORS)
def confirm_milestone(reference: str, milestone_id: int) -> ResponseReturnValue:
    """Confirm that a milestone was reached, after reading what shows it."""
    award = _award(reference)
    require(permissions.can_confirm_milestone(current_user, award))
    milestone = found(queries.milestone_of(award, milestone_id))
    form = Form()
    if taken(lambda: actions.confirm_milestone(milestone, by=current_user, read=read_mark()), form):
        return done(_("The milestone is confirmed."), "awards.milestones", reference=reference)
    return _ask(
        award,
        form,
        _("Confirm this milestone"),
        _("Read what shows that it was reached. Payments that wait for this milestone can then go on."),
        _("Confirm this milestone"),
        told=[
            (_("Result"), milestone.title),
            (_("Due"), day(milestone.due_on)),
            (_("Reached"), day(milestone.reached_on)),
            (_("What shows it"), milestone.evidence),
        ],
        obstacles=rules.obstacles_to_confirming_milestone(milestone, award),
        mark=rules.mark_of_milestone(milestone),
        back_url=_milestones_url(award),
    )


@bp.route("/grants/<reference>/milestones/<int:milestone_id>/move", methods=["GET", "POST"])
@access(*COORDINATORS)
def move_milestone(reference: str, milestone_id: int) -> ResponseReturnValue:
    """Move the date of a milestone."""
    award = _award(reference)
    require(permissions.can_move_milestone(current_user, award))
    milestone = found(queries.milestone_of(award, milestone_id))
    form = forms.MoveForm(due_on=milestone.due_on)
    if form.validate_on_submit():
        actions.move_milestone(milestone, form.due_on.data, form.reason.data, by=current_user)
        return done(_("The date is moved."), "awards.milestones", reference=reference)
    stops = rules.obstacles_to_moving(milestone, award, None, None)
    return _ask(
        award,
        form,
        _("Move the date"),
        milestone.title,
        _("Move the date"),
        obstacles=stops,
        back_url=_milestones_url(award),
    )


@bp.route("/grants/<reference>/conditions/new", methods=["GET", "POST"])
@access(*COORDINATORS)
def add_condition(reference: str) -> ResponseReturnValue:
    """Ask for something besides the action, of the grantee or of a person of the fund."""
    award = _award(reference)
    require(permissions.can_add_condition(current_user, award))
    owners = {person.reference: person for person in free_coordinators(award)}
    form = forms.ConditionForm(owner=current_user.reference if award.state in rules.SIGNED else "")
    named = (SelectChoice(key, person.name) for key, person in owners.items())
    form.owner.choices = [SelectChoice("", _("the grantee")), *named]

    def act() -> None:
        actions.add_condition(
            award,
            form.text.data or "",
            owner=owners.get(form.owner.data),
            due_on=form.due_on.data,
            blocks_payment=form.blocks_payment.data,
            by=current_user,
        )

    if taken(act, form):
        said = _("The condition is added, and whoever has to meet it is told.")
        return done(said, "awards.milestones", reference=reference)
    today = clock.today(award.call.timezone)
    return _ask(
        award,
        form,
        _("Add a condition"),
        _("Something that has to be done besides the action itself."),
        _("Add the condition"),
        obstacles=rules.obstacles_to_adding(award, None, None, today, of_grantee=False),
        back_url=_milestones_url(award),
    )


@bp.route("/grants/<reference>/conditions/<int:condition_id>/move", methods=["GET", "POST"])
@access(*COORDINATORS)
def move_condition(reference: str, condition_id: int) -> ResponseReturnValue:
    """Move the date of a condition."""
    award = _award(reference)
    require(permissions.can_add_condition(current_user, award))
    condition = found(queries.condition_of(award, condition_id))
    form = forms.MoveForm(due_on=condition.due_on)
    if form.validate_on_submit():
        actions.move_condition(condition, form.due_on.data, form.reason.data, by=current_user)
        return done(_("The date is moved."), "awards.milestones", reference=reference)
    return _ask(
        award,
        form,
        _("Move the date"),
        condition.text,
        _("Move the date"),
        obstacles=rules.obstacles_to_moving_condition(condition, award, None),
        back_url=_milestones_url(award),
    )


@bp.route("/grants/<reference>/conditions/<int:condition_id>/met", methods=["GET", "POST"])
@access(*COORDINATORS)
def meet_condition(reference: str, condition_id: int) -> ResponseReturnValue:
    """Mark a condition as met."""
    award = _award(reference)
    require(permissions.can_meet_condition(current_user, award))
    condition = found(queries.condition_of(award, condition_id))
    form = forms.EvidenceForm()
    if form.validate_on_submit():
        actions.meet_condition(condition, form.evidence.data, by=current_user)
        return done(_("The condition is marked as met."), "awards.milestones", reference=reference)
    stops = rules.obstacles_to_meeting(condition, award, None)
    return _ask(
        award,
        form,
        _("This condition is met"),
        condition.text,
        _("Mark as met"),
        obstacles=stops,
        back_url=_milestones_url(award),
    )


# ------------------------------------------------------------------ the grants of a call


@bp.get("/calls/<reference>/grants")
@access(*permissions.STAFF)
def of_call(reference: str) -> ResponseReturnValue:
    """The grants of a call that a person may see, by state, region and lot."""
    call = found(queries.call_by_reference(reference))
    require(permissions.can_list_grants(current_user, call))
    seen = scope(current_user, Award)
    chosen = {name: request.args.get(name, "") for name in ("state", "region", "lot")}
    page = max(request.args.get("page", 1, int), 1)
    grants = queries.grants_of_call(seen, call, **chosen, page=page)
    by_state, number = grants.by_state, grants.number

    def address(**changed: Any) -> str:
        values = {name: value for name, value in (chosen | changed).items() if value}
        return url_for("awards.of_call", reference=reference, **values)

    def group(label: str, name: str, options: list[tuple[str, Any, int | None]]) -> dict[str, Any]:
        links = [
            {"label": shown, "url": address(**{name: value}), "current": chosen[name] == value, "count": count}
            for value, shown, count in [("", _("All"), None), *options]
        ]
        return {"label": label, "links": links}

    groups = [
        group(
            _("Where it stands"),
            "state",
            [(s.value, s.label, by_state[s.value]) for s in AwardState if s.value in by_state],
        ),
        group(_("Region"), "region", [(r.region, pick(r.label), None) for r in call.regions]),
        group(_("Lot"), "lot", [(lot.key, pick(lot.title), None) for lot in call.lots]),
    ]
    return render_template(
        "awards/of_call.html",
        call=call,
        grants=grants.lines,
        number=number,
        amount=call.money(grants.amount_minor),
        groups=groups,
        lots={lot.key: pick(lot.title) for lot in call.lots},
        regions={region.region: pick(region.label) for region in call.regions},
        filtered=any(chosen.values()),
        all_url=address(state="", region="", lot=""),
        pagination={
            "page": page,
            "pages": -(-number // queries.PAGE),
            "total": number,
            "url_for": lambda n: address(page=n),
        },
    )
