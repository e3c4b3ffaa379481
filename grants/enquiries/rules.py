"""The check before registration: its questions and what the answers lead to. And when a question may be asked or published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from grants.accounts.models import LegalForm
from grants.calls.models import Call
from grants.core.expressions import BadExpression, Expression, parse
from grants.core.languages import _l, language_name, number_text, pick
from grants.core.languages import gettext as _
from grants.core.questions import Definition
from grants.core.questions import Question as FormQuestion
from grants.core.rules import Obstacle
from grants.enquiries.models import Enquiry, EnquiryKind
from grants.enquiries.queries import Lately
from grants.enquiries.workflow import EnquiryState

Texts = Mapping[str, Any]

MOST_QUESTIONS = 20
LONGEST = 3_000
CONFIRM_WITHIN = timedelta(days=3)
AN_HOUR_FROM_ONE = 5
AN_HOUR_FROM_A_NETWORK = 20
AN_HOUR_ABOUT_A_CALL = 200
"""How many questions are taken within an hour. A network may be shared by a whole office or city."""

NOT_DECIDING = {"clarification", "correct_budget"}
"""What a rule leads to that stops nobody: something is asked for or corrected afterwards."""

BY_HAND = {"manual", *NOT_DECIDING}


@dataclass(frozen=True)
class Choice:
    """One answer to choose from; ``label`` is a text in several languages or words of ours."""

    value: str
    label: Any


@dataclass(frozen=True)
class Rule:
    """A rule of the call, as far as a plain question needs it."""

    key: str
    text: Texts
    check: Expression
    on_fail: str
    manual_if: frozenset[str] = frozenset()


@dataclass(frozen=True)
class PlainQuestion:
    """One question of the check. ``kind``: yes_no, choice, country, number or money.

    ``check`` decides when there is one, otherwise each of ``rules``. ``fact`` is the name under which rules know the answer.
    """

    key: str
    kind: str
    label: Any
    help: Any = ""
    options: tuple[Choice, ...] = ()
    fact: str = ""
    check: Expression | None = None
    rules: tuple[Rule, ...] = ()
    on_fail: str = ""
    reason: Any = ""
    change: Any = ""

    @property
    def needs_countries(self) -> bool:
        """Whether one has to know the countries of the call to answer or to understand the result."""
        return any("call.eligible_countries" in rule.check.names for rule in self.rules)


@dataclass(frozen=True)
class Barrier:
    """One answer that leads to a “no”, or to a person who looks at it (``by_hand``); ``rule`` is the rule behind it."""

    question: PlainQuestion
    rule: Rule | None
    by_hand: bool


@dataclass(frozen=True)
class Qualification:
    """What the answers lead to: each “no”, what is looked at by hand, and what one has to find out first."""

    noes: tuple[Barrier, ...] = ()
    by_hand: tuple[Barrier, ...] = ()
    unsure: tuple[PlainQuestion, ...] = ()
    answers: Mapping[str, Any] = field(default_factory=dict)

    @property
    def may_apply(self) -> bool:
        """Whether nothing stands in the way, as far as the answers go."""
        return not self.noes


# ------------------------------------------------------------------ the questions of a call


def plain_questions(terms: Mapping[str, Any], languages: Sequence[str]) -> tuple[PlainQuestion, ...]:
    """What a call asks before registration: as it says itself, else as its eligibility rules can be asked plainly."""
    rules = {
        str(rule["id"]): Rule(
            str(rule["id"]),
            _in_languages(rule["text"]),
            parse(rule["check"]),
            str(rule["on_fail"]),
            frozenset(map(str, rule.get("manual_if") or [])),
        )
        for rule in (terms.get("eligibility") or {}).get("rules") or []
    }
    if terms.get("eligibility_check"):
        return tuple(_as_written(asked, rules) for asked in terms["eligibility_check"])
    derived = {str(rule["id"]) for rule in (terms.get("eligibility") or {}).get("rules") or [] if rule.get("derived")}
    return _derived([rule for key, rule in rules.items() if key not in derived], languages)


def _in_languages(text: Any) -> Any:
    return text if isinstance(text, str) else dict(text or {})


def _as_written(asked: Mapping[str, Any], rules: Mapping[str, Rule]) -> PlainQuestion:
    cited = tuple(rules[str(key)] for key in asked.get("rules") or [])
    return PlainQuestion(
        key=str(asked["key"]),
        kind=str(asked["type"]),
        label=_in_languages(asked["label"]),
        help=_in_languages(asked.get("help")),
        options=tuple(Choice(str(o["value"]), _in_languages(o["label"])) for o in asked.get("options") or []),
        fact=str(asked.get("fact") or ""),
        check=parse(asked["check"]) if asked.get("check") else None,
        rules=cited,
        on_fail=str(asked.get("on_fail") or ""),
        reason=_in_languages(asked.get("reason")),
        change=_in_languages(asked.get("change")),
    )


LEGAL_FORMS: tuple[Choice, ...] = (
    Choice(LegalForm.ASSOCIATION, _l("Association")),
    Choice(LegalForm.NGO, _l("Non-governmental organization (NGO)")),
    Choice(LegalForm.FOUNDATION, _l("Foundation")),
    Choice(LegalForm.TRADE_UNION, _l("Trade union")),
    Choice(LegalForm.COOPERATIVE, _l("Cooperative")),
    Choice(LegalForm.FAITH_BASED, _l("Faith-based organization")),
    Choice(LegalForm.COMMUNITY_BASED, _l("Community-based organization")),
    Choice(LegalForm.OTHER, _l("Other")),
)

ASKED_AS: dict[str, tuple[str, str, Any]] = {
    "organization.legal_form": ("legal_form", "choice", _l("What kind of organization are you?")),
    "organization.country": ("country", "country", _l("In which country is your organization established?")),
    "organization.registered": ("registered", "yes_no", _l("Is your organization legally registered?")),
    "application.requested_amount": ("amount", "money", _l("About how much will you ask for?")),
    "application.duration_months": ("months", "number", _l("How many months will the work last?")),
    "application.language": ("language", "choice", _l("In which language will you write?")),
}
"""Facts that people can be asked for plainly: the key of the question, its kind, its wording."""


def _derived(rules: Sequence[Rule], languages: Sequence[str]) -> tuple[PlainQuestion, ...]:
    """Questions for rules: for the fact where one is asked easily, otherwise whether the rule is met, in its own words."""
    found: dict[str, PlainQuestion] = {}
    for number, rule in enumerate(rules, 1):
        names = {name for name in rule.check.names if not name.startswith("call.")}
        asked = names & ASKED_AS.keys()
        if rule.on_fail not in ("reject", "manual") or not all(map(_is_known_beforehand, names)):
            continue
        if len(names) == len(asked) == 1:
            fact = asked.pop()
            key, kind, label = ASKED_AS[fact]
            former = found.get(fact)
            options = LEGAL_FORMS if key == "legal_form" else ()
            if key == "language":
                options = tuple(Choice(code, language_name(code, code).capitalize()) for code in languages)
            cited = (*(former.rules if former else ()), rule)
            found[fact] = PlainQuestion(key, kind, label, options=options, fact=fact, rules=cited)
        else:
            key = f"rule_{number}"
            check = parse(f"answer.{key} == true")
            found[key] = PlainQuestion(key, "yes_no", rule.text, help=IS_IT_SO, check=check, rules=(rule,))
    return tuple(found.values())[:MOST_QUESTIONS]


IS_IT_SO = _l("Is this so for you?")


def _is_known_beforehand(name: str) -> bool:
    """Whether people know a fact before they have begun to write: it is about them or what they plan."""
    return name.startswith(("organization.", "application.")) and name != "application.submitted_at"


# ------------------------------------------------------------------ what the answers lead to


def qualify(
    questions: Sequence[PlainQuestion], answers: Mapping[str, Any], terms: Mapping[str, Any], call: Call
) -> Qualification:
    """What the answers lead to. An answer is True, False, a word, a number, or None when people do not know yet."""
    values: dict[str, Any] = {"call": {**terms, "deadline": call.closes_at}}
    for question in questions:
        values[f"answer.{question.key}"] = answers.get(question.key)
        if question.fact:
            values[question.fact] = answers.get(question.key)
    noes, by_hand, unsure = [], [], []
    for question in questions:
        barriers, known = _judged(question, answers.get(question.key), values)
        noes += [b for b in barriers if not b.by_hand]
        by_hand += [b for b in barriers if b.by_hand]
        if not known and not barriers:
            unsure.append(question)
    return Qualification(tuple(noes), tuple(by_hand), tuple(unsure), dict(answers))


def _judged(question: PlainQuestion, given: Any, values: Mapping[str, Any]) -> tuple[list[Barrier], bool]:
    """What one answer leads to, and whether it was enough to know."""
    if question.check is not None:
        rule = question.rules[0] if question.rules else None
        met = _holds(question.check, values)
        leads_to = question.on_fail or (rule.on_fail if rule else "reject")
        return ([Barrier(question, rule, leads_to in BY_HAND)] if met is False else []), met is not None
    found, known = [], True
    for rule in question.rules:
        met = _holds(rule.check, values)
        known = known and met is not None
        if met is False:
            leads_to = "manual" if str(given) in rule.manual_if else question.on_fail or rule.on_fail
            found.append(Barrier(question, rule, leads_to in BY_HAND))
    return found, known


def _holds(check: Expression, values: Mapping[str, Any]) -> bool | None:
    try:
        return check.holds(values)
    except BadExpression:
        return None


# ------------------------------------------------------------------ asking


def asks_until(call: Call, kind: str) -> datetime:
    """Until when something may be asked: questions within their window, objections to a “no” until the deadline."""
    return call.closes_at if kind == EnquiryKind.CONTEST else call.questions_until or call.closes_at


def obstacles_to_asking(call: Call, kind: str, at: datetime) -> list[Obstacle]:
    """Why nothing can be asked about a call now."""
    if call.state != "published":
        return [Obstacle("not_published", _l("Questions are taken once the call is published."))]
    if at < asks_until(call, kind):
        return []
    if kind == EnquiryKind.CONTEST:
        return [
            Obstacle("call_closed", _l("The deadline of this call has passed, so nothing can be changed about it."))
        ]
    message = _l(
        "The time for questions is over. Everybody gets the same answers in time to use them, so none are taken later."
    )
    return [Obstacle("questions_over", message)]


def obstacles_to_one_more(lately: Lately) -> list[Obstacle]:
    """Why no more questions are taken from somebody within this hour."""
    if lately.asker >= AN_HOUR_FROM_ONE:
        message = _l("You have asked %(n)s questions within an hour. Please ask the next one later.", n=lately.asker)
        return [Obstacle("asked_often", message)]
    if lately.origin >= AN_HOUR_FROM_A_NETWORK or lately.call >= AN_HOUR_ABOUT_A_CALL:
        return [Obstacle("many_questions", _l("Many questions came within this hour. Please try again in an hour."))]
    return []


def obstacles_to_confirming(enquiry: Enquiry, at: datetime) -> list[Obstacle]:
    """Why a question can no longer be confirmed: its link is over."""
    if at < enquiry.asked_at + CONFIRM_WITHIN:
        return []
    return [Obstacle("link_over", _l("This link was good for three days and is over. Please ask again."))]


# ------------------------------------------------------------------ answering


def obstacles_to_wording(enquiry: Enquiry) -> list[Obstacle]:
    """Why the wording cannot be changed now: what everybody reads is taken down first, so that a change is told."""
    if enquiry.state in (EnquiryState.ASKED, EnquiryState.ANSWERED, EnquiryState.PREPARED):
        return []
    return [Obstacle("not_open", _l("This is published or set aside. Take it down or up again before you change it."))]


def obstacles_to_answering(enquiry: Enquiry, answer: Mapping[str, str]) -> list[Obstacle]:
    """What is missing before the person who asked can be answered: an address, words, a finding on an objection."""
    if enquiry.forgotten_at is not None:
        message = _l("The address of who asked is no longer kept. The answer can still be published.")
        return [Obstacle("forgotten", message), *_missing_in_answer(enquiry, answer)]
    return _missing_in_answer(enquiry, answer)


def _missing_in_answer(enquiry: Enquiry, answer: Mapping[str, str]) -> list[Obstacle]:
    found = []
    if not any(answer.values()):
        found.append(Obstacle("no_answer", _l("Please write the answer.")))
    if enquiry.kind == EnquiryKind.CONTEST and not enquiry.verdict:
        found.append(Obstacle("no_verdict", _l("Please say whether they may apply.")))
    return found


def obstacles_to_preparing(
    call: Call, enquiry: Enquiry, question: Mapping[str, str], answer: Mapping[str, str]
) -> list[Obstacle]:
    """What is missing before everybody can read it: question and answer in every language of the call."""
    found = _missing_in_answer(enquiry, answer)
    for code in call.languages:
        name = language_name(code)
        if not question.get(code):
            found.append(Obstacle(f"no_question_{code}", _l("The question is missing in %(language)s.", language=name)))
        if not answer.get(code):
            found.append(Obstacle(f"no_answer_{code}", _l("The answer is missing in %(language)s.", language=name)))
    return found


def obstacles_to_publishing(prepared: int) -> list[Obstacle]:
    """Why nothing can be published now."""
    return [] if prepared else [Obstacle("nothing_ready", _l("No answer is ready to be published."))]


# ------------------------------------------------------------------ every question of the form, as a document


KINDS: dict[str, Any] = {
    "text": _l("one line"),
    "longtext": _l("a text"),
    "integer": _l("a whole number"),
    "money": _l("an amount"),
    "percent": _l("a percentage"),
    "number": _l("a number"),
    "date": _l("a day"),
    "month_range": _l("months, such as 1-3"),
    "boolean": _l("yes or no"),
    "choice": _l("one of"),
    "multichoice": _l("one or several of"),
    "country": _l("a country"),
    "country_list": _l("one or several countries"),
    "email": _l("an e-mail address"),
    "phone": _l("a telephone number"),
    "org_id": _l("an identifier"),
    "table": _l("a table"),
    "repeater": _l("a list"),
    "budget": _l("a table of costs"),
    "files": _l("documents"),
    "declaration": _l("a statement to confirm"),
    "scale": _l("a step on a scale"),
}
"""What each type of question asks for, in words."""


def form_in_words(
    call: Call, definition: Definition, language: str, moments: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    """Every question of the application form as the values of a PDF, in one of the call's languages.

    ``moments`` are lines for the first page (what, when). Our own words are those of the present reader.
    """

    def said(texts: Any) -> str:
        return str(pick(texts, language, definition.fallback))

    parts: list[dict[str, Any]] = [{"kind": "facts", "pairs": [list(pair) for pair in moments]}]
    for number, section in enumerate(definition.sections, 1):
        parts.append({"kind": "section", "text": f"{number}. {said(section.title)}"})
        if section.intro:
            parts.append({"kind": "text", "text": said(section.intro)})
        for question in section.questions:
            parts += _question_in_words(question, said)
    return {
        "title": said(definition.title),
        "lead": said(call.title) + ("\n\n" + said(definition.intro) if definition.intro else ""),
        "reference": call.reference,
        "footer": _("To read and to prepare. The application itself is written and sent in on our site."),
        "parts": parts,
    }


def _question_in_words(question: FormQuestion, said: Any) -> list[dict[str, Any]]:
    optional = "" if question.required else f" ({_('if it applies') if question.required_if else _('optional')})"
    parts = [{"kind": "question", "text": said(question.label) + optional}]
    parts += [{"kind": "text", "text": said(text)} for text in (question.help, question.statement) if text]
    parts.append({"kind": "note", "text": ", ".join([str(KINDS[question.type]), *_limits(question)])})
    listed = [said(option.label) for option in question.options] if question.type != "country_list" else []
    if question.type == "country":
        listed = []
    listed += [said(column.label) for column in question.columns]
    if question.budget:
        listed += [said(heading.title) for heading in question.budget.headings if not heading.parts]
    if listed:
        parts.append({"kind": "text", "text": "\n".join(f"•  {line}" for line in listed)})
    return parts


def _limits(question: FormQuestion) -> list[str]:
    found = []
    if question.max_words:
        found.append(_("at most %(n)s words", n=number_text(question.max_words)))
    if question.max_chars:
        found.append(_("at most %(n)s characters", n=number_text(question.max_chars)))
    return found
