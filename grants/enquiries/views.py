"""Before an account exists: may we apply, questions and answers, every question as a file; and answering them."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from flask import Blueprint, Response, abort, current_app, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.datastructures import MultiDict

from grants.accounts.models import COORDINATORS, Role
from grants.calls.models import Call
from grants.calls.queries import call_by_reference, documents_of, once_published
from grants.calls.rules import stages, standing
from grants.core import clock, pdf
from grants.core.languages import LANGUAGES, country_name, language_now, number_text, pick, speaking
from grants.core.permissions import require, scope
from grants.core.rules import Obstacle, Refused
from grants.core.templating import moment
from grants.core.web import ANYONE, access, done, found
from grants.enquiries import actions, permissions, queries, rules
from grants.enquiries.forms import ASKED_FOR, AskForm, CheckForm, WhyForm, WordingForm, check_form, wording_form
from grants.enquiries.models import VERDICT_LABELS, Enquiry, EnquiryKind
from grants.enquiries.workflow import ENQUIRY, EnquiryState
from grants.history.queries import timeline
from grants.questionnaires.queries import definition_of

bp = Blueprint("enquiries", __name__)

STAFF = (*COORDINATORS, Role.AUDITOR)

bp.add_app_template_global(queries.published_answers, "published_answers")


@bp.app_template_global("may_ask")
def may_ask(call: Call) -> bool:
    """Whether the time for questions about a call is not over yet."""
    return not rules.obstacles_to_asking(call, EnquiryKind.QUESTION, clock.now())


# ------------------------------------------------------------------ may we apply?


@bp.get("/calls/<reference>/can-we-apply")
@access(ANYONE)
def check(reference: str) -> ResponseReturnValue:
    """A dozen plain questions, and what the answers lead to; nothing is kept."""
    call = _call(reference)
    questions = _questions(call)
    answered = ASKED_FOR in request.args
    form = _check_form(call)(request.args if answered else None)
    result, status = None, 200
    if answered and form.validate():
        result = rules.qualify(questions, form.answers, documents_of(call)["terms"], call)
    elif answered:
        status = 422
    values = {"form": form, "questions": questions, "result": result, "answers_told": _told(form) if result else []}
    return render_template("enquiries/check.html", **_about(call), **values, ASKED_FOR=ASKED_FOR), status


def _questions(call: Call) -> tuple[rules.PlainQuestion, ...]:
    def read() -> tuple[rules.PlainQuestion, ...]:
        return rules.plain_questions(documents_of(call)["terms"], call.languages)

    return once_published("plain_questions", call, read)


def _check_form(call: Call) -> type[CheckForm]:
    return once_published(f"check_form_{language_now()}", call, lambda: check_form(call, _questions(call)))


def _told(form: CheckForm) -> list[tuple[str, str]]:
    """What was answered, in words."""
    return [(form[q.key].label.text, _in_words(form, q.key)) for q in form.questions]


def _in_words(form: CheckForm, key: str) -> str:
    field = form[key]
    for choice in getattr(field, "choices", None) or []:
        if choice.value == field.data and field.data:
            return str(choice.label)
    number = getattr(field, "number", None)
    return number_text(number) if number is not None else _("We do not know yet")


# ------------------------------------------------------------------ asking


@bp.route("/calls/<reference>/ask", methods=["GET", "POST"])
@access(ANYONE)
def ask(reference: str) -> ResponseReturnValue:
    """Ask about a call, or object to a “no” of the check: with an account at once, otherwise after a link in a mail."""
    call = _call(reference)
    signed_in = current_user.is_authenticated
    form = AskForm.for_visitor(signed_in, **{k: request.args.get(k, "")[:200] for k in ("about", "given")})
    question = next((q for q in _questions(call) if q.key == form.about.data), None)
    kind = EnquiryKind.CONTEST if question else EnquiryKind.QUESTION
    given = _given(call, question, form.given.data or "") if question else ""
    refusals, status = rules.obstacles_to_asking(call, kind, clock.now()), 200
    if form.validate_on_submit():
        try:
            actions.ask(
                call,
                form.text.data,
                by=current_user if signed_in else None,
                email=None if signed_in else form.email.data,
                language=language_now(),
                origin=_origin(),
                about=question.key if question else None,
                given=given,
            )
        except Refused as error:
            refusals, status = error.obstacles, 409
        else:
            if signed_in:
                return done(
                    _("We have your question. You get a mail when it is answered."), ".ask", reference=reference
                )
            return render_template("enquiries/asked.html", call=call, email=form.email.data)
    elif form.is_submitted():
        status = 422
    own = queries.own_enquiries(call, current_user.id) if signed_in else []
    values = {"form": form, "question": question, "given": given, "own": own, "refusals": refusals}
    return render_template("enquiries/ask.html", **_about(call), **values), status


def _given(call: Call, question: rules.PlainQuestion, value: str) -> str:
    """What was answered in the check, in words; the address may have been changed, so only what is offered counts."""
    form = _check_form(call)(MultiDict({question.key: value}))
    form[question.key].validate(form)
    return "" if form[question.key].errors or not value else _in_words(form, question.key)


def _origin() -> str:
    """A digest of the network address, another one every day, so that it tells nothing later."""
    secret = f"{current_app.config['SECRET_KEY']}:{clock.today('UTC')}"
    return hmac.new(secret.encode(), (request.remote_addr or "").encode(), hashlib.sha256).hexdigest()[:32]


@bp.route("/enquiries/confirm/<token>", methods=["GET", "POST"])
@access(ANYONE)
def confirm(token: str) -> ResponseReturnValue:
    """The link of the mail: a button brings the question to the coordinators."""
    enquiry = found(queries.enquiry_by_token(actions.hash_of(token)))
    if request.method == "POST":
        actions.confirm(enquiry)
        message = _("Thank you. We have your question and write to you when it is answered.")
        return done(message, "calls.show", reference=enquiry.call.reference)
    refusals = rules.obstacles_to_confirming(enquiry, clock.now())
    return render_template("enquiries/confirm.html", enquiry=enquiry, call=enquiry.call, token=token, refusals=refusals)


# ------------------------------------------------------------------ every question as a file


@bp.get("/calls/<reference>/questions/<language>.pdf")
@access(ANYONE)
def form_pdf(reference: str, language: str) -> ResponseReturnValue:
    """Every question of the application form as a PDF, in one of the call's languages."""
    call = _call(reference)
    if language not in call.languages:
        abort(404)
    key = f"form_pdf_{language}_{call.questionnaire_id}_{call.closes_at:%Y%m%d%H%M}"
    response = Response(once_published(key, call, lambda: _form_pdf(call, language)), mimetype="application/pdf")
    response.headers.set("Content-Disposition", "inline", filename=f"{reference}-{language}.pdf")
    return response


def _form_pdf(call: Call, language: str) -> bytes:
    with speaking(language if language in LANGUAGES else call.authoritative_language):
        until = [moment(call.closes_at, zone) for zone in dict.fromkeys((call.timezone, "UTC"))]
        moments = [(_("Deadline"), " · ".join(until))]
        values = rules.form_in_words(call, definition_of(call.questionnaire_id), language, moments)
        return pdf.render("document", language=language, **values)


# ------------------------------------------------------------------ for coordinators


@bp.get("/calls/<reference>/enquiries")
@access(*STAFF)
def of_call(reference: str) -> ResponseReturnValue:
    """The questions about a call: those that wait, those ready to be published, and the rest."""
    call = _call(reference)
    require(permissions.can_see_enquiries(current_user, call))
    state = request.args.get("state", "")
    state = state if state in set(EnquiryState) - {EnquiryState.UNCONFIRMED} else ""
    page = max(1, min(request.args.get("page", 1, type=int), 10_000))
    rows, numbers = queries.enquiries_page(scope(current_user, Enquiry), call, state, page)
    total = numbers.get(state, 0) if state else sum(numbers.values())
    pagination = {
        "page": page,
        "pages": max(1, -(-total // queries.PAGE)),
        "total": total,
        "url_for": lambda number: url_for(".of_call", reference=reference, state=state or None, page=number),
    }
    return render_template(
        "enquiries/of_call.html",
        **_about(call),
        enquiries=rows,
        numbers=numbers,
        state=state,
        states=[s for s in EnquiryState if s != EnquiryState.UNCONFIRMED],
        pagination=pagination,
        publishing=rules.obstacles_to_publishing(numbers.get(EnquiryState.PREPARED, 0)),
        may_answer=permissions.can_answer(current_user, call),
    )


@bp.get("/calls/<reference>/enquiries/<enquiry_reference>")
@access(*STAFF)
def show(reference: str, enquiry_reference: str) -> ResponseReturnValue:
    """One question: what was asked, and the wording of its answer."""
    call, enquiry = _enquiry(reference, enquiry_reference)
    return _page(call, enquiry, wording_form(call, enquiry))


@bp.post("/calls/<reference>/enquiries/<enquiry_reference>")
@access(*COORDINATORS)
def word(reference: str, enquiry_reference: str) -> ResponseReturnValue:
    """Keep the wording; and answer privately or make it ready to be published when that was pressed."""
    call, enquiry = _enquiry(reference, enquiry_reference)
    require(permissions.can_answer(current_user, call))
    form, then = wording_form(call, enquiry), request.form.get("then", "later")
    if not form.validate():
        return _page(call, enquiry, form), 422
    actions.word(
        enquiry, question=form.texts("question"), answer=form.texts("answer"), verdict=form.finding, by=current_user
    )
    missing = _missing(call, enquiry, then)
    if missing:
        return _page(call, enquiry, form, missing), 422
    if then == "answer":
        actions.answer(enquiry, by=current_user)
        return done(_("The answer is on its way to the person who asked."), ".of_call", reference=reference)
    if then == "prepare":
        actions.prepare(enquiry, by=current_user)
        return done(_("Ready. It is published with the others that are ready."), ".of_call", reference=reference)
    values = {"reference": reference, "enquiry_reference": enquiry_reference}
    return done(_("Saved. Nobody outside sees it yet."), ".show", **values)


def _missing(call: Call, enquiry: Enquiry, then: str) -> list[Obstacle]:
    if then == "answer":
        return rules.obstacles_to_answering(enquiry, enquiry.answer)
    if then == "prepare" or enquiry.state == EnquiryState.PREPARED:
        return rules.obstacles_to_preparing(call, enquiry, enquiry.question, enquiry.answer)
    return []


@bp.post("/calls/<reference>/enquiries/<enquiry_reference>/take-down")
@access(*COORDINATORS)
def take_down(reference: str, enquiry_reference: str) -> ResponseReturnValue:
    """Take a published answer off the page of the call."""
    call, enquiry = _enquiry(reference, enquiry_reference)
    require(permissions.can_answer(current_user, call))
    why = WhyForm()
    if not why.validate_on_submit():
        return _page(call, enquiry, wording_form(call, enquiry), why=why), 422
    actions.take_down(enquiry, why.reason.data, by=current_user)
    values = {"reference": reference, "enquiry_reference": enquiry_reference}
    return done(_("It no longer stands on the page of the call."), ".show", **values)


@bp.post("/calls/<reference>/enquiries/<enquiry_reference>/set-aside")
@access(*COORDINATORS)
def set_aside(reference: str, enquiry_reference: str) -> ResponseReturnValue:
    """Put aside what needs no answer."""
    call, enquiry = _enquiry(reference, enquiry_reference)
    require(permissions.can_answer(current_user, call))
    why = WhyForm()
    if not why.validate_on_submit():
        return _page(call, enquiry, wording_form(call, enquiry), why=why), 422
    actions.set_aside(enquiry, why.reason.data, by=current_user)
    return done(_("Set aside. Nobody is written to."), ".of_call", reference=reference)


@bp.post("/calls/<reference>/enquiries/<enquiry_reference>/take-up-again")
@access(*COORDINATORS)
def take_up_again(reference: str, enquiry_reference: str) -> ResponseReturnValue:
    """Answer after all what was set aside."""
    call, enquiry = _enquiry(reference, enquiry_reference)
    require(permissions.can_answer(current_user, call))
    actions.take_up_again(enquiry, by=current_user)
    values = {"reference": reference, "enquiry_reference": enquiry_reference}
    return done(_("It waits for an answer again."), ".show", **values)


# ------------------------------------------------------------------ shared


def _call(reference: str) -> Call:
    return found(call_by_reference(scope(current_user, Call), reference))


def _about(call: Call) -> dict[str, Any]:
    at = clock.now()
    names = sorted(country_name(code) for code in call.eligible_countries)
    return {"call": call, "at": at, "standing": standing(call, at), "steps": stages(call, at), "countries": names}


def _enquiry(reference: str, enquiry_reference: str) -> tuple[Call, Enquiry]:
    call = _call(reference)
    require(permissions.can_see_enquiries(current_user, call))
    return call, found(queries.enquiry_in(scope(current_user, Enquiry), call, enquiry_reference))


def _page(
    call: Call, enquiry: Enquiry, form: WordingForm, missing: list[Obstacle] | None = None, why: WhyForm | None = None
) -> str:
    question = next((q for q in _questions(call) if q.key == enquiry.about), None)
    return render_template(
        "enquiries/show.html",
        **_about(call),
        enquiry=enquiry,
        form=form,
        why=why or WhyForm(formdata=None),
        missing=missing or [],
        question=question,
        about=pick(question.label, None, call.authoritative_language) if question else "",
        verdicts=VERDICT_LABELS,
        may_answer=permissions.can_answer(current_user, call),
        allows=lambda verb: ENQUIRY.allows(verb, enquiry.state),
        told=timeline([("enquiry", enquiry.id)], names=True),
    )
