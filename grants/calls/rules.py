"""What a call must be before it can be used: its documents on import, its dates and money on publishing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.core import get_global

from grants.budgets.rules import shown
from grants.calls.models import Call, WorkingCopy
from grants.calls.workflow import CALL, CallState
from grants.core.expressions import PHRASES, BadExpression, parse
from grants.core.files import MEDIA_TYPES
from grants.core.languages import _l, _ln, country_name, pick
from grants.core.money import Money, NotAnAmount
from grants.core.questions import (
    CONDITIONS,
    LINE_FIELDS,
    BadDefinition,
    Definition,
    Path,
    Problem,
    countries,
    day_of,
    parse_definition,
    points_of,
    texts_of,
)
from grants.core.rules import Obstacle
from grants.questionnaires.rules import names_in_budget, some_answer

MOST_OF_ANNEX = 10
"""Files for one document asked, and megabytes of each: a call may ask for fewer."""

DOCUMENTS = ("call", "form", "grid", "budget", "plan_of_action")
"""What a call is imported from; budget and plan_of_action only when the form asks for them."""

LARGEST_NUMBER = 1_000_000
FIRST_YEAR, LAST_YEAR = 1900, 9000
"""Years of a timetable; near the ends of the calendar a moment has no name in every time zone."""
REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,39}")
ADDRESSES = {"manage", "import", "new"}
"""References that would stand in the way of pages of ours."""
KEY = re.compile(r"[a-zA-Z][a-zA-Z0-9_]{0,40}")
CHECK_TYPES = ("yes_no", "choice", "country", "number", "money")
"""What a question of the check before registration may ask for."""
CHECK_KEYS = {
    *("key", "type", "label", "help", "options", "fact", "rules", "check", "on_fail", "reason", "change"),
}
ON_FAIL = {"reject", "manual", "reject_all_but_first", "clarification", "correct_budget"}
BLIND = ("organization_visible", "other_reviews_visible_before_submit")
"""What a grid says of what reviewers see: who applied (yes, unless it says no); others never read before they have written."""
TWO_CLOSEST = "mean_of_two_closest"
"""What a grid says of the score when a further review was asked for: there is one way."""
VISIT_KINDS = ("on_site", "remote")
TRIGGERS = ("agreement_signed", "progress_report_approved", "interim_report_approved", "final_report_approved")
"""What an instalment of a grant may wait for."""
REPORT_KINDS = ("narrative_light", "narrative_and_financial", "confirmation")
COUNTED_FROM = ("start", "quarter", "midpoint", "end", "payment_sent")
"""What the day of a report is counted from."""
RISKS = ("low", "medium", "high")
DILIGENCE_TABS = ("documents", "checklist", "bank", "partners")
ORGANIZATION_FACTS = (
    *("name", "acronym", "country", "region", "language", "legal_form", "registered", "registration_number"),
    *("identifier", "fiscal_sponsor", "founded_on", "income_last_year", "staff_paid", "volunteers", "migrant_led"),
    *("fiscal_sponsor_consented", "has_open_overdue_report"),
)
APPLICATION_FACTS = (
    *("requested_amount", "total_cost", "cofinancing_percent", "duration_months", "countries_of_action", "language"),
    *("submitted_at", "lot", "region", "plan_points", "start_date", "partners", "confidentiality", "title"),
)
IN_ORDER = (
    ("published_at", "information_session_at", "deadline"),
    ("published_at", "questions_until", "answers_published_until", "deadline"),
    ("deadline", "administrative_check_until", "reviews_due", "committee_meeting", "notification_until"),
    ("notification_until", "complaints_until"),
    ("notification_until", "agreements_signed_until"),
    ("deadline", "earliest_start", "latest_end"),
)
"""Moments and days of the timetable that follow one another, as far as they are given."""

MOMENTS = ("published_at", "information_session_at", "questions_until", "answers_published_until", "deadline")
DAYS = (
    *("administrative_check_until", "reviews_due", "committee_meeting", "notification_until", "complaints_until"),
    *("agreements_signed_until", "earliest_start", "latest_end"),
)


WORDINGS = (
    *("call.annexes_withheld.text", "call.award.trigger_labels.*", "call.complaint_labels.*"),
    *("call.cost_rules.exchange_rate_text", "call.cost_rules.ineligible.#", "call.eligibility.clarification_text"),
    *("call.eligibility.on_fail_labels.*", "call.reporting.escalation_labels.*", "call.timetable_labels.*"),
    *("grid.title", "grid.points_text", "grid.scale.labels.*", "grid.sections.#.criteria.#.anchors.*"),
    *("grid.tie_break_labels.*", "grid.assessors.score_with_three_text", "grid.assessors.recommendation_labels.*"),
    "grid.draw_near_line.text",
    *("budget.line_field_labels.*", "budget.unit_labels.*", "budget.evidence_labels.*"),
    *("budget.financial_report_column_labels.*", "plan_of_action.title", "plan_of_action.added_2016.#.text"),
)
"""Where else wordings may stand: a star is each key of a mapping, a hash each member of a list."""

QUANTITIES = (
    *("call.grant.cofinancing.min_percent_of_total", "call.grant.max_share_of_annual_turnover_percent"),
    *("call.cost_rules.indirect_cost_cap_percent_of_direct", "call.cost_rules.contingency_cap_percent_of_direct"),
    *("call.cost_rules.staff_cap_percent_of_grant", "call.cost_rules.equipment_cap_percent_of_grant"),
    *("call.award.budget_change.free_below_percent_of_heading", "call.award.budget_change.amendment_above_percent"),
    *("call.award.budget_change.written_approval_up_to_percent", "call.reporting.variance_percent"),
)
WHOLE_NUMBERS = (
    *("call.grant.max_applications_per_lead", "call.grant.max_awards_per_lead", "call.award.unspent_refund_days"),
    *("call.award.account_change_days", "call.award.no_cost_extension.max_months"),
    "call.award.no_cost_extension.request_days_before_end",
    *("call.complaints.window_days", "call.complaints.answer_days", "call.eligibility.clarification_window_days"),
    *("call.reporting.reminders_days_before.#", "call.reporting.reminders_days_after.#", "call.retention_years"),
)
"""Amounts of something that a call may state, in percent or as they are named."""


def problems_of(definition: Mapping[str, Any]) -> list[Problem]:
    """Every mistake in the documents of a call, each with the path to it; the first part names the document."""
    return _Examination(definition).all()


def sources_of(definition: Mapping[str, Any]) -> dict[str, Any]:
    """What the questionnaire of a call may refer to."""
    return {
        "call": definition.get("call") or {},
        "plan_of_action": definition.get("plan_of_action") or None,
        "budget_categories": definition.get("budget") or None,
    }


def names_for_rules(definition: Mapping[str, Any]) -> set[str]:
    """Every name that the eligibility rules and documents of a call may use, as far as its documents can be read."""
    examined = _Examination(definition)
    if isinstance(definition.get("form"), Mapping):
        examined.questions()
    answers = {f"application.{name}" for name in names_for_conditions(definition)}
    return examined.facts() | answers


def names_for_conditions(definition: Mapping[str, Any]) -> set[str]:
    """Every question that a condition of the form may name."""
    form = definition.get("form")
    sections = form.get("sections") if isinstance(form, Mapping) else None
    questions = [s.get("questions") for s in sections or [] if isinstance(s, Mapping)]
    return {str(q["key"]) for listed in questions for q in listed or [] if isinstance(q, Mapping) and "key" in q}


def moment_of(value: Any, zone: str) -> datetime | None:
    """A moment of a timetable; without a zone of its own it is meant in the zone of the call."""
    if isinstance(value, str) and len(value) > 10:
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    moment = value if value.tzinfo else value.replace(tzinfo=ZoneInfo(zone))
    return moment if FIRST_YEAR <= moment.year <= LAST_YEAR else None


class _Examination:
    """Walks the documents of a call and collects what is wrong with them."""

    def __init__(self, definition: Mapping[str, Any]) -> None:
        self.definition = definition
        self.problems: list[Problem] = []
        call = definition.get("call")
        self.call: Mapping[str, Any] = call if isinstance(call, Mapping) else {}
        spoken = self.call.get("languages_of_application")
        self.languages = [c for c in spoken if isinstance(c, str)] if isinstance(spoken, list) else []
        self.languages = self.languages or ["en"]
        given = self.call.get("authoritative_language")
        self.fallback = str(given) if given in self.languages else self.languages[0]
        self.currency = str(self.call.get("currency"))
        self.criteria: set[str] = set()
        self.form: Definition | None = None

    def wrong(self, path: Path, reason: Any) -> None:
        self.problems.append(Problem(path, reason))

    def all(self) -> list[Problem]:
        for document in ("call", "form", "grid"):
            if not isinstance(self.definition.get(document), Mapping):
                self.wrong((document,), _l("the document “%(document)s” is missing", document=document))
        if self.problems:
            return self.problems
        self.identity()
        self.timetable()
        self.money()
        self.lots()
        self.countries()
        self.grid()
        self.plan()
        self.budget()
        self.questions()
        self.eligibility()
        self.eligibility_check()
        self.annexes()
        self.terms()
        self.besides()
        return self.problems

    # -------------------------------------------------------------- small readers

    def mapping(self, holder: Mapping[str, Any], key: str, path: Path, *, needed: bool = True) -> Mapping[str, Any]:
        value = holder.get(key)
        if value is None and not needed:
            return {}
        if not isinstance(value, Mapping):
            self.wrong((*path, key), _l("this is missing") if value is None else _l("a mapping is expected"))
            return {}
        return value

    def listed(
        self, holder: Mapping[str, Any], key: str, path: Path, *, needed: bool = True
    ) -> list[tuple[Path, Mapping[str, Any]]]:
        """The members of a list of mappings, each with its path."""
        value = holder.get(key)
        here = (*path, key)
        if value is None and not needed:
            return []
        if not isinstance(value, list) or (needed and not value):
            self.wrong(
                here, _l("this is missing") if value is None else _l("a list with at least one member is expected")
            )
            return []
        members = []
        for position, member in enumerate(value):
            if isinstance(member, Mapping):
                members.append(((*here, position), member))
            else:
                self.wrong((*here, position), _l("a mapping is expected"))
        return members

    def text(self, holder: Mapping[str, Any], key: str, path: Path, *, needed: bool = True) -> None:
        value = holder.get(key)
        if value is None:
            if needed:
                self.wrong((*path, key), _l("this text is missing"))
            return
        for reason in texts_of(value, self.languages, self.fallback)[1]:
            self.wrong((*path, key), reason)

    def once(self, members: list[tuple[Path, Mapping[str, Any]]], key: str) -> list[str]:
        """The value of a key in every member; each must be given, and only once."""
        seen: list[str] = []
        for path, member in members:
            value = member.get(key)
            if value is None or isinstance(value, bool | list | dict) or not str(value).strip():
                self.wrong((*path, key), _l("“%(key)s” is missing", key=key))
            elif str(value) in seen:
                self.wrong((*path, key), _l("“%(value)s” stands twice", value=value))
            else:
                seen.append(str(value))
        return seen

    def amount(self, holder: Mapping[str, Any], key: str, path: Path, *, needed: bool = True) -> Money | None:
        value = holder.get(key)
        if value is None:
            if needed:
                self.wrong((*path, key), _l("this amount is missing"))
            return None
        try:
            amount = None if isinstance(value, bool | list | dict) else Money.parse(value, self.currency)
        except NotAnAmount:
            amount = None
        if amount is None:
            self.wrong(
                (*path, key), _l("“%(value)s” is not an amount in %(currency)s", value=value, currency=self.currency)
            )
        elif amount.minor < 0:
            self.wrong((*path, key), _l("an amount is not negative"))
        return amount

    def values(self, holder: Mapping[str, Any], key: str, path: Path) -> list[Any]:
        """The members of a list of plain values; none when it is not given."""
        value = holder.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            self.wrong((*path, key), _l("a list is expected"))
            return []
        return value

    def whole(
        self, holder: Mapping[str, Any], key: str, path: Path, *, least: int = 0, needed: bool = True
    ) -> int | None:
        value = holder.get(key)
        if value is None and not needed:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= LARGEST_NUMBER:
            self.wrong((*path, key), _l("a whole number from %(least)s is expected", least=least))
            return None
        return value

    def one_of(self, holder: Mapping[str, Any], key: str, path: Path, words: Sequence[str]) -> None:
        if holder.get(key) not in words:
            self.wrong((*path, key), _l("one of %(what)s is expected", what=", ".join(words)))

    def yes_or_no(self, holder: Mapping[str, Any], path: Path, *keys: str) -> None:
        for key in keys:
            if not isinstance(holder.get(key, False), bool):
                self.wrong((*path, key), _l("true or false is expected"))

    def number(self, holder: Mapping[str, Any], key: str, path: Path) -> Decimal | None:
        value = holder.get(key)
        try:
            number = None if value is None or isinstance(value, bool) else Decimal(str(value))
        except InvalidOperation:
            number = None
        if number is None or not number.is_finite():
            self.wrong((*path, key), _l("a number is expected"))
            return None
        return number

    def expression(
        self, holder: Mapping[str, Any], key: str, path: Path, names: set[str], values: Mapping[str, Any] | None = None
    ) -> None:
        """A formula that can be read and, with ``values`` of the kinds it will meet, computed."""
        try:
            formula = parse(holder.get(key), names)  # type: ignore[arg-type]
            if values is not None:
                formula.evaluate(values)
        except BadExpression as error:
            self.wrong((*path, key), str(error))

    def formula(self, holder: Mapping[str, Any], key: str, path: Path, names: set[str]) -> None:
        """A formula whose names are all numbers."""
        self.expression(holder, key, path, names, dict.fromkeys(names, Decimal(1)))

    def at(self, holder: Any, steps: Sequence[str], path: Path = ()) -> Iterator[tuple[Mapping[Any, Any], Any, Path]]:
        """Each place that ``steps`` lead to where something is given: what holds it, its key, and the path to the holder."""
        if holder is None:
            return
        step, *rest = steps
        if step == "#" and not isinstance(holder, list):
            self.wrong(path, _l("a list is expected"))
            return
        if step != "#" and not isinstance(holder, Mapping):
            self.wrong(path, _l("a mapping is expected"))
            return
        members = dict(enumerate(holder)) if step == "#" else holder
        for key in members if step in "#*" else {step} & members.keys():
            if rest:
                yield from self.at(members[key], rest, (*path, key))
            elif members[key] is not None:
                yield members, key, path

    def besides(self) -> None:
        """What a call may say in places that nothing else looks at, but pages and letters show."""
        for dotted in WORDINGS:
            for holder, key, path in self.at(self.definition, dotted.split(".")):
                self.text(holder, key, path)
        for dotted in QUANTITIES:
            for holder, key, path in self.at(self.definition, dotted.split(".")):
                self.number(holder, key, path)
        for dotted in WHOLE_NUMBERS:
            for holder, key, path in self.at(self.definition, dotted.split(".")):
                self.whole(holder, key, path)
        self.objectives()
        for _holder, key, path in self.at(self.definition, ["call", "reporting", "escalation", "*"]):
            if not str(key).isdecimal():
                self.wrong((*path, key), _l("a whole number is expected"))

    def objectives(self) -> None:
        """A list of aims, or one for each language."""
        path: Path = ("call", "specific_objectives")
        given = self.call.get("specific_objectives")
        lists = given if isinstance(given, Mapping) else {self.fallback: given or []}
        if self.fallback not in lists:
            self.wrong(path, _l("the text in “%(language)s” is missing", language=self.fallback))
        for language, aims in lists.items():
            if language not in self.languages:
                self.wrong(path, _l("“%(language)s” is not a language of this call", language=language))
            if not isinstance(aims, list) or not all(isinstance(aim, str) for aim in aims):
                self.wrong(path, _l("a list of texts is expected"))

    # -------------------------------------------------------------- the call

    def identity(self) -> None:
        call, path = self.call, ("call",)
        reference = call.get("id")
        if not isinstance(reference, str) or not REFERENCE.fullmatch(reference) or reference in ADDRESSES:
            self.wrong((*path, "id"), _l("a reference of 2 to 40 letters, digits, dots and dashes is expected"))
        languages = call.get("languages_of_application")
        known = isinstance(languages, list) and bool(languages)
        if not known or not all(isinstance(c, str) and re.fullmatch(r"[a-z]{2,3}", c) for c in languages or []):
            self.wrong(
                (*path, "languages_of_application"), _l("a list of language codes is expected, such as [en, fr]")
            )
        if call.get("authoritative_language") not in self.languages:
            self.wrong((*path, "authoritative_language"), _l("one of the languages of application is expected"))
        if self.currency not in get_global("all_currencies") or not isinstance(call.get("currency"), str):
            self.wrong(
                (*path, "currency"), _l("“%(currency)s” is not a currency code, such as EUR", currency=self.currency)
            )
            self.currency = "EUR"
        self.text(call, "title", path)
        self.text(call, "programme", path)
        for key in ("background", "general_objective", "language_note", "managing_office"):
            self.text(call, key, path, needed=False)

    def timetable(self) -> None:
        path: Path = ("call", "timetable")
        table = self.mapping(self.call, "timetable", ("call",))
        zone = table.get("timezone")
        try:
            ZoneInfo(zone if isinstance(zone, str) else "?")
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self.wrong((*path, "timezone"), _l("the name of a time zone is expected, such as Europe/Brussels"))
            return
        read: dict[str, datetime | date | None] = {}
        for key in MOMENTS:
            value = table.get(key)
            read[key] = moment_of(value, str(zone))
            if read[key] is None and (value is not None or key in ("published_at", "deadline")):
                self.wrong((*path, key), _l("a day and time is expected, such as 2027-02-26T23:59:59+01:00"))
        for key in DAYS:
            value = table.get(key)
            read[key] = None if isinstance(value, datetime) else day_of(value)
            if value is not None and read[key] is None:
                self.wrong((*path, key), _l("a day is expected, such as 2027-03-26"))
        if read["deadline"] is not None and read["published_at"] == read["deadline"]:
            self.wrong((*path, "deadline"), _l("the call opens at this very moment"))
        for row in IN_ORDER:
            given = [key for key in row if read.get(key) is not None]
            for before, after in pairwise(given):
                if not _follows(read[before], read[after], str(zone)):
                    self.wrong((*path, after), _l("this comes before %(before)s", before=before))

    def money(self) -> None:
        envelope = self.mapping(self.call, "envelope", ("call",))
        path: Path = ("call", "envelope")
        if not isinstance(self.call.get("envelope"), Mapping):
            return
        whole = self.amount(envelope, "total", path)
        regions = self.listed(envelope, "by_region", path)
        self.once(regions, "region")
        sums = {"floor": 0, "indicative": 0}
        for here, region in regions:
            self.text(region, "label", here, needed=False)
            amounts = {k: self.amount(region, k, here, needed=k == "indicative") for k in (*sums, "ceiling")}
            for key in sums:
                sums[key] += amounts[key].minor if amounts[key] else 0  # type: ignore[union-attr]
            given = [amounts[k] for k in ("floor", "indicative", "ceiling") if amounts[k]]
            if given != sorted(given, key=lambda a: a.minor if a else 0):
                self.wrong(here, _l("floor, indicative amount and ceiling must not decrease in this order"))
        for key, minor in sums.items():
            if whole and minor > whole.minor:
                reason = _l(
                    "the %(key)s amounts of the regions add up to %(what)s, more than %(whole)s",
                    key=key,
                    what=shown(Money(minor, self.currency)),
                    whole=shown(whole),
                )
                self.wrong((*path, "by_region"), reason)
        self.grant(whole)
        day = envelope.get("reserve_list_valid_until")
        if day is not None and day_of(day) is None:
            self.wrong((*path, "reserve_list_valid_until"), _l("a day is expected, such as 2027-10-31"))

    def grant(self, envelope: Money | None) -> None:
        path: Path = ("call", "grant")
        grant = self.mapping(self.call, "grant", ("call",))
        if not isinstance(self.call.get("grant"), Mapping):
            return
        least, most = self.amount(grant, "min", path), self.amount(grant, "max", path)
        if least and most and least > most:
            self.wrong(
                (*path, "min"),
                _l(
                    "the smallest grant %(least)s is larger than the largest %(most)s",
                    least=shown(least),
                    most=shown(most),
                ),
            )
        if most is not None and not most:
            self.wrong((*path, "max"), _l("an amount above zero is expected"))
        if most and envelope is not None and most > envelope:
            self.wrong(
                (*path, "max"),
                _l(
                    "the largest grant %(most)s is larger than the envelope %(envelope)s",
                    most=shown(most),
                    envelope=shown(envelope),
                ),
            )
        months = self.mapping(grant, "duration_months", path)
        if isinstance(grant.get("duration_months"), Mapping):
            here = (*path, "duration_months")
            shortest, longest = self.whole(months, "min", here, least=1), self.whole(months, "max", here, least=1)
            if shortest and longest and shortest > longest:
                self.wrong((*here, "min"), _l("the shortest duration is longer than the longest"))

    def lots(self) -> None:
        lots = self.listed(self.call, "lots", ("call",), needed=False)
        keys = self.once(lots, "id")
        points = self.points()
        for path, lot in lots:
            self.text(lot, "title", path)
            for number in self.values(lot, "plan_points", path):
                if isinstance(number, bool) or not isinstance(number, int) or not 0 < number < LARGEST_NUMBER:
                    self.wrong((*path, "plan_points"), _l("a list of whole numbers is expected"))
                elif points and number not in points:
                    self.wrong((*path, "plan_points"), _l("the Plan of Action has no point %(number)s", number=number))
        envelope = self.call.get("envelope")
        fewest = envelope.get("by_lot_min_awards") if isinstance(envelope, Mapping) else None
        if fewest is None:
            return
        here: Path = ("call", "envelope", "by_lot_min_awards")
        if not isinstance(fewest, Mapping):
            self.wrong(here, _l("a mapping of lots to whole numbers is expected"))
            return
        for key in fewest:
            if str(key) not in keys:
                self.wrong((*here, key), _l("there is no lot “%(key)s”", key=key))
            self.whole(fewest, key, here)

    def countries(self) -> None:
        for code in self.mapping(self.call, "country_names", ("call",), needed=False):
            self.text(self.call["country_names"], code, ("call", "country_names"))
        path: Path = ("call", "eligible_countries")
        given = self.call.get("eligible_countries")
        if not isinstance(given, list) or not given:
            self.wrong(path, _l("a list of country codes is expected"))
            return
        for position, code in enumerate(given):
            if str(code) not in countries("en"):
                quoted = _l("“%(code)s” is not a country code (put NO in quotes)", code=code)
                reason = quoted if code is False else _l("“%(code)s” is not a country code", code=code)
                self.wrong((*path, position), reason)
            elif given.index(code) != position:
                self.wrong((*path, position), _l("“%(code)s” stands twice", code=code))

    # -------------------------------------------------------------- the other documents

    def points(self) -> set[int]:
        plan = self.definition.get("plan_of_action")
        if not isinstance(plan, Mapping):
            return set()
        return {p["number"] for p in points_of(plan) if isinstance(p.get("number"), int)}

    def plan(self) -> None:
        plan = self.definition.get("plan_of_action")
        if not plan:
            return
        if not isinstance(plan, Mapping):
            self.wrong(("plan_of_action",), _l("a mapping with clusters is expected"))
            return
        every: list[tuple[Path, Mapping[str, Any]]] = []
        for path, cluster in self.listed(plan, "clusters", ("plan_of_action",)):
            self.text(cluster, "title", path)
            every += self.listed(cluster, "points", path)
        self.once(every, "number")
        for path, point in every:
            self.text(point, "text", path)

    def grid(self) -> None:
        grid, path = self.definition["grid"], ("grid",)
        scale = self.mapping(grid, "scale", path)
        low, high = self.number(scale, "min", (*path, "scale")), self.number(scale, "max", (*path, "scale"))
        step = self.number({"step": 1, **scale}, "step", (*path, "scale"))
        if low is None or high is None or step is None:
            return
        fractions = [n for n, v in (("min", low), ("max", high), ("step", step)) if v != v.to_integral_value()]
        for name in fractions:
            self.wrong((*path, "scale", name), _l("a whole number is expected"))
        if fractions:
            return
        if low >= high or step <= 0 or (high - low) % step or (high - low) / step > 100:
            self.wrong((*path, "scale"), _l("min, max and step do not make a scale of 2 to 101 steps"))
            return
        for value in self.mapping(scale, "labels", (*path, "scale"), needed=False):
            self.on_scale(value, low, high, (*path, "scale", "labels", value))
        for value in self.values(scale, "comment_required_for", (*path, "scale")):
            self.on_scale(value, low, high, (*path, "scale", "comment_required_for"))
        most = apart = Decimal(0)
        sections = self.listed(grid, "sections", path)
        keys = self.once(sections, "id")
        every: list[tuple[Path, Mapping[str, Any]]] = []
        for here, section in sections:
            self.text(section, "title", here)
            criteria = self.listed(section, "criteria", here)
            every += criteria
            weights = [self.whole(c, "weight", p, least=1) or 0 for p, c in criteria]
            most += self.section_points(section, here, high * sum(weights), low, high)
            apart += (high - low) * sum(weights)
        self.criteria = set(self.once(every, "id"))
        for here, criterion in every:
            self.text(criterion, "text", here)
            for number in self.mapping(criterion, "anchors", here, needed=False):
                self.on_scale(number, low, high, (*here, "anchors", number))
        self.assessment(grid, most, apart, keys)

    def section_points(
        self, section: Mapping[str, Any], path: Path, reachable: Decimal, low: Decimal, high: Decimal
    ) -> Decimal:
        stated = self.number(section, "max", path) if "max" in section else reachable
        if stated is not None and stated != reachable:
            self.wrong(
                (*path, "max"),
                _l(
                    "the criteria of this section add up to %(reachable)s, not %(stated)s",
                    reachable=reachable,
                    stated=stated,
                ),
            )
        passing = self.number(section, "min_to_pass", path) if "min_to_pass" in section else None
        if passing is not None and not 0 <= passing <= reachable:
            self.wrong(
                (*path, "min_to_pass"),
                _l("this cannot be reached: the section has %(reachable)s points", reachable=reachable),
            )
        if section.get("reject_if_any_subscore") is not None:
            self.on_scale(section["reject_if_any_subscore"], low, high, (*path, "reject_if_any_subscore"))
        return reachable

    def on_scale(self, number: Any, low: Decimal, high: Decimal, path: Path) -> None:
        try:
            fits = low <= Decimal(str(number)) <= high
        except InvalidOperation:
            fits = False
        if not fits:
            self.wrong(
                path, _l("%(number)s is not on the scale from %(low)s to %(high)s", number=number, low=low, high=high)
            )

    def assessment(self, grid: Mapping[str, Any], most: Decimal, apart: Decimal, sections: list[str]) -> None:
        """``most`` points can be had, and two applications lie at most so many points ``apart``."""
        thresholds = self.mapping(grid, "thresholds", ("grid",), needed=False)
        if "total" in thresholds:
            total = self.number(thresholds, "total", ("grid", "thresholds"))
            if total is not None and total > most:
                self.wrong(
                    ("grid", "thresholds", "total"), _l("this cannot be reached: there are %(most)s points", most=most)
                )
        path: Path = ("grid", "assessors")
        assessors = self.mapping(grid, "assessors", ("grid",))
        if isinstance(grid.get("assessors"), Mapping):
            self.whole(assessors, "independent_reviews", path, least=1)
        for here, rule in self.listed(assessors, "third_review_if", path, needed=False):
            self.formula(rule, "formula", here, {"T1", "T2"})
            self.text(rule, "text", here, needed=False)
        blind = self.mapping(assessors, "blind", path, needed=False)
        self.yes_or_no(blind, (*path, "blind"), *BLIND)
        if blind.get(BLIND[1]) is True:
            reason = _l("nobody reads another review before their own is submitted, so this is always false")
            self.wrong((*path, "blind", BLIND[1]), reason)
        if assessors.get("score_with_three", TWO_CLOSEST) != TWO_CLOSEST:
            reason = _l("with a further review the two closest totals count: “%(what)s” is expected", what=TWO_CLOSEST)
            self.wrong((*path, "score_with_three"), reason)
        draw = self.mapping(grid, "draw_near_line", ("grid",), needed=False)
        within = self.number(draw, "within_points", ("grid", "draw_near_line")) if "within_points" in draw else None
        if within is not None and not 0 <= within <= apart:
            reason = _l("a number from 0 to %(most)s is expected", most=apart)
            self.wrong(("grid", "draw_near_line", "within_points"), reason)
        known = {f"section_{key}" for key in sections} | {"lower_requested_amount", "published_lottery"}
        for position, rule in enumerate(self.values(grid, "tie_break", ("grid",))):
            if str(rule) not in known:
                self.wrong(
                    ("grid", "tie_break", position),
                    _l("“%(rule)s” is not one of %(what)s", rule=rule, what=", ".join(sorted(known))),
                )

    def budget(self) -> None:
        document = self.definition.get("budget")
        if not document:
            return
        path: Path = ("budget",)
        if not isinstance(document, Mapping):
            self.wrong(path, _l("a mapping with headings is expected"))
            return
        self.headings(document)
        self.budget_checks(document)
        financing = self.listed(document, "financing", path)
        self.once(financing, "key")
        for here, source in financing:
            self.text(source, "title", here)
        for position, name in enumerate(self.values(document, "line_fields", path)):
            if str(name) not in LINE_FIELDS:
                self.wrong((*path, "line_fields", position), _l("unknown field “%(name)s”", name=name))

    def headings(self, document: Mapping[str, Any]) -> None:
        headings = self.listed(document, "headings", ("budget",))
        keys = self.once(headings, "key")
        codes = self.once(headings, "code")
        for here, heading in headings:
            self.text(heading, "title", here)
            cap = self.mapping(heading, "cap", here, needed=False)
            for name in ("percent_of_grant", "max"):
                if name in cap:
                    self.number(cap, name, (*here, "cap"))
            if "percent_of" in cap and str(cap["percent_of"]) not in {*keys, "grant"}:
                self.wrong((*here, "cap", "percent_of"), _l("unknown name “%(name)s”", name=cap["percent_of"]))
            before = codes[: codes.index(str(heading.get("code")))] if str(heading.get("code")) in codes else codes
            for code in map(str.strip, str(heading.get("computed") or "").split("+")):
                if code and code not in codes:
                    self.wrong((*here, "computed"), _l("there is no heading with the code “%(code)s”", code=code))
                elif code and code not in before:
                    reason = _l("the heading with the code “%(code)s” does not stand above this one", code=code)
                    self.wrong((*here, "computed"), reason)

    def budget_checks(self, document: Mapping[str, Any]) -> None:
        path: Path = ("budget",)
        checks = self.listed(document, "checks", path, needed=False)
        self.once(checks, "id")
        for here, check in checks:
            self.formula(check, "rule", here, names_in_budget(document))
            self.text(check, "text", here)
            if "tolerance" in check:
                self.number(check, "tolerance", here)

    def questions(self) -> None:
        form = self.definition["form"]
        if "sources" in form:
            self.wrong(("form", "sources"), _l("this key is taken; it is filled in when the call is stored"))
        sources = sources_of(self.definition)
        sources["call"] = {**self.call, "currency": self.currency}
        try:
            self.form = parse_definition(form, sources)
        except BadDefinition as error:
            self.problems += [Problem(("form", *p.path), p.reason) for p in error.problems]
            return
        if self.fallback not in self.form.languages:
            reason = _l("the text in “%(language)s” is missing", language=self.fallback)
            self.wrong(("form", "languages"), reason)
        answers = {key: some_answer(question) for key, question in self.form.questions.items()}
        for s, section in enumerate(form["sections"]):
            for q, question in enumerate(section["questions"]):
                path = ("form", "sections", s, "questions", q)
                for condition in CONDITIONS & question.keys():
                    if question[condition] is not None:
                        self.expression(question, condition, path, set(answers), answers)
                for criterion in question["criteria"] if isinstance(question.get("criteria"), list) else []:
                    if str(criterion) not in self.criteria:
                        reason = _l("the grid has no criterion “%(criterion)s”", criterion=criterion)
                        self.wrong((*path, "criteria"), reason)

    # -------------------------------------------------------------- rules and documents asked for

    def facts(self) -> set[str]:
        """Every name that an eligibility rule may use."""
        document = self.definition.get("budget")
        budget = names_in_budget(document) if isinstance(document, Mapping) else set()
        answers = set(self.form.questions) if self.form else set()
        return (
            {f"organization.{name}" for name in ORGANIZATION_FACTS}
            | {f"application.{name}" for name in (*APPLICATION_FACTS, *answers)}
            | {f"call.{name}" for name in _paths(self.call)}
            | {"call.deadline", *PHRASES.values()}
            | budget
        )

    def eligibility(self) -> None:
        eligibility = self.mapping(self.call, "eligibility", ("call",), needed=False)
        path: Path = ("call", "eligibility")
        rules = self.listed(eligibility, "rules", path, needed=False)
        self.once(rules, "id")
        names = self.facts()
        for here, rule in rules:
            self.text(rule, "text", here)
            self.expression(rule, "check", here, names)
            if str(rule.get("on_fail")) not in ON_FAIL:
                self.wrong((*here, "on_fail"), _l("one of %(what)s is expected", what=", ".join(sorted(ON_FAIL))))
            self.values(rule, "manual_if", here)

    def eligibility_check(self) -> None:
        """The plain questions before registration; each leads to a yes or no by its own check or by rules of the call."""
        asked = self.listed(self.call, "eligibility_check", ("call",), needed=False)
        keys, facts = self.once(asked, "key"), self.facts()
        known = {f"answer.{key}" for key in keys} | {str(q["fact"]) for _path, q in asked if q.get("fact")}
        known |= {name for name in facts if name.startswith("call.")}
        for path, question in asked:
            for key in question.keys() - CHECK_KEYS:
                self.wrong((*path, key), _l("unknown key “%(key)s”", key=key))
            if not KEY.fullmatch(str(question.get("key"))):
                self.wrong((*path, "key"), _l("a key of letters, digits and _ is expected"))
            if question.get("type") not in CHECK_TYPES:
                self.wrong((*path, "type"), _l("one of %(what)s is expected", what=", ".join(CHECK_TYPES)))
            for name in ("label", "help", "reason", "change"):
                self.text(question, name, path, needed=name == "label")
            options = self.listed(question, "options", path, needed=question.get("type") == "choice")
            self.once(options, "value")
            for here, option in options:
                self.text(option, "label", here)
            if question.get("fact") is not None and str(question["fact"]) not in facts:
                self.wrong((*path, "fact"), _l("unknown name “%(question_fact)s”", question_fact=question["fact"]))
            self.deciding(question, path, known)

    def deciding(self, question: Mapping[str, Any], path: Path, known: set[str]) -> None:
        """What turns an answer before registration into a yes or no: a check of its own, else the rules it names."""
        rules = {str(rule.get("id")): rule for rule in _mappings(self.call.get("eligibility"), "rules")}
        cited = [str(rule) for rule in self.values(question, "rules", path)]
        if question.get("on_fail", "reject") not in ("reject", "manual"):
            self.wrong((*path, "on_fail"), _l("reject or manual is expected"))
        for rule in cited:
            if rule not in rules:
                self.wrong((*path, "rules"), _l("there is no eligibility rule “%(rule)s”", rule=rule))
        if question.get("check") is not None:
            self.expression(question, "check", path, known)
            return
        if not cited:
            self.wrong(path, _l("a check, or rules that decide, are expected"))
        for rule in cited:
            try:
                parse(rules.get(rule, {}).get("check", "true"), known)
            except BadExpression as error:
                self.wrong(
                    (*path, "rules"),
                    _l("the rule “%(rule)s” needs what no question asks: %(error)s", rule=rule, error=error),
                )

    def annexes(self) -> None:
        annexes = self.listed(self.call, "required_annexes", ("call",), needed=False)
        self.once(annexes, "id")
        self.once(annexes, "key")
        names = self.facts()
        for path, annex in annexes:
            self.text(annex, "label", path)
            self.text(annex, "note", path, needed=False)
            formats = annex.get("formats")
            if not isinstance(formats, list) or not formats or not set(map(str, formats)) <= set(MEDIA_TYPES):
                self.wrong(
                    (*path, "formats"),
                    _l("a list of some of %(what)s is expected", what=", ".join(sorted(MEDIA_TYPES))),
                )
            if not isinstance(annex.get("required"), bool):
                self.wrong((*path, "required"), _l("true or false is expected"))
            self.yes_or_no(annex, path, "sensitive", "identifies")
            if annex.get("when") is not None:
                self.expression(annex, "when", path, names)
            for name in ("max_mb", "max_files"):
                most = annex.get(name, 1)
                if isinstance(most, bool) or not isinstance(most, int) or not 1 <= most <= MOST_OF_ANNEX:
                    self.wrong(
                        (*path, name),
                        _l("a whole number from 1 to %(most_of_annex)s is expected", most_of_annex=MOST_OF_ANNEX),
                    )
            if annex.get("stage", "application") not in ("application", "award"):
                self.wrong((*path, "stage"), _l("application or award is expected"))

    def terms(self) -> None:
        award = self.mapping(self.call, "award", ("call",), needed=False)
        self.plans(award, ("call", "award"))
        by_risk = self.mapping(award, "by_risk", ("call", "award"), needed=False)
        for risk in by_risk:
            self.risk(by_risk, risk)
        self.diligence()
        reporting = self.mapping(self.call, "reporting", ("call",), needed=False)
        self.reports(reporting, "milestones", ("call", "reporting"))

    def diligence(self) -> None:
        """What is looked at before an agreement, and for how long a search of a sanctions list is good."""
        said = self.mapping(self.call, "diligence", ("call",), needed=False)
        if said.get("sanctions_days") is not None:
            self.whole(said, "sanctions_days", ("call", "diligence"))
        points = self.listed(said, "points", ("call", "diligence"), needed=False)
        self.once(points, "key")
        names = self.facts()
        for path, point in points:
            self.text(point, "label", path)
            self.text(point, "help", path, needed=False)
            self.one_of(point, "tab", path, DILIGENCE_TABS)
            self.one_of(point, "asked_of", path, ("grantee", "fund"))
            if point.get("when") is not None:
                self.expression(point, "when", path, names)

    def risk(self, by_risk: Mapping[str, Any], risk: str) -> None:
        """What a risk adds to the plan of a grant."""
        here = ("call", "award", "by_risk", risk)
        if risk not in RISKS:
            self.wrong(here, _l("one of %(what)s is expected", what=", ".join(RISKS)))
        more = self.mapping(by_risk, risk, ("call", "award", "by_risk"), needed=False)
        self.plans(more, here)
        self.reports(more, "reports", here)
        first = self.mapping(more, "first_instalment", here, needed=False)
        if first:
            self.one_of(
                first, "rest_after", (*here, "first_instalment"), [t.removesuffix("_approved") for t in TRIGGERS[1:]]
            )
            percent = self.number(first, "percent_at_once", (*here, "first_instalment"))
            if percent is not None and not 0 < percent < 100:
                self.wrong((*here, "first_instalment"), _l("a number between 0 and 100 is expected"))
        visits = self.listed(more, "visits", here, needed=False)
        self.once(visits, "key")
        for path, visit in visits:
            self.text(visit, "text", path)
            self.one_of(visit, "kind", path, VISIT_KINDS)
            self.day_counted(visit, path)

    def plans(self, holder: Mapping[str, Any], here: tuple[str, ...]) -> None:
        """In which parts a grant is paid."""
        for path, plan in self.listed(holder, "tranche_plans", here, needed=False):
            if plan.get("when") is not None:
                self.formula(plan, "when", path, {"amount"})
            tranches = self.listed(plan, "tranches", path)
            self.once(tranches, "number")
            for place, tranche in tranches:
                self.one_of(tranche, "trigger", place, TRIGGERS)
            percents = [self.number(t, "percent", p) or Decimal(0) for p, t in tranches]
            if percents and sum(percents) != 100:
                self.wrong(
                    (*path, "tranches"),
                    _l("the tranches add up to %(sum_percents)s %%, not 100 %%", sum_percents=sum(percents)),
                )

    def reports(self, holder: Mapping[str, Any], key: str, here: tuple[str, ...]) -> None:
        """What is reported, and when."""
        reports = self.listed(holder, key, here, needed=False)
        self.once(reports, "key")
        for path, report in reports:
            self.text(report, "label", path)
            self.one_of(report, "type", path, REPORT_KINDS)
            self.day_counted(report, path)
            if isinstance(report.get("required"), str):
                self.formula(report, "required", path, {"amount"})

    def day_counted(self, holder: Mapping[str, Any], path: tuple[Any, ...]) -> None:
        """A day that is counted from another."""
        offset = self.mapping(holder, "offset", path)
        if offset:
            self.one_of(offset, "from", (*path, "offset"), COUNTED_FROM)
            self.whole(offset, "days", (*path, "offset"))


def _follows(before: Any, after: Any, zone: str) -> bool:
    """Whether one point of the timetable does not come before another; days are days of the call's zone."""
    if isinstance(before, datetime) and isinstance(after, datetime):
        return before <= after
    days = [v.astimezone(ZoneInfo(zone)).date() if isinstance(v, datetime) else v for v in (before, after)]
    return bool(days[0] <= days[1])


def _mappings(holder: Any, key: str) -> list[Mapping[str, Any]]:
    members = holder.get(key) if isinstance(holder, Mapping) else None
    return [member for member in members if isinstance(member, Mapping)] if isinstance(members, list) else []


def _paths(document: Mapping[str, Any], before: str = "") -> Iterable[str]:
    for key, value in document.items():
        yield f"{before}{key}"
        if isinstance(value, Mapping):
            yield from _paths(value, f"{before}{key}.")


# ------------------------------------------------------------------ publishing


def facts_of_call(call: Call) -> dict[str, Any]:
    """What eligibility rules may ask about the call: its terms, with moments as moments and ``call.deadline``."""
    zone = ZoneInfo(call.timezone)
    table = dict(call.terms.get("timetable") or {})
    for key in MOMENTS:
        table[key] = moment_of(table.get(key), call.timezone)
    for key in DAYS:
        table[key] = day_of(table.get(key))
    return {**call.terms, "timetable": table, "deadline": call.closes_at.astimezone(zone)}


def obstacles_to_importing(existing: Call | None) -> list[Obstacle]:
    """A published call is what people apply to: it is never replaced."""
    if existing is None or CALL.allows("publish", existing.state):
        return []
    message = _l(
        "The call %(reference)s is already published or cancelled. Import it under another reference.",
        reference=existing.reference,
    )
    return [Obstacle("call_published", message)]


def obstacles_to_publishing(call: Call, at: datetime, problems: Sequence[Problem] = ()) -> list[Obstacle]:
    """What a draft still needs before people may see it and apply; ``problems`` are those of what is being written."""
    found = []
    if not CALL.allows("publish", call.state):
        return [Obstacle("not_a_draft", _l("Only a call in preparation can be published."))]
    if problems:
        message = _ln(
            "%(num)s thing in its wording is still to be mended.",
            "%(num)s things in its wording are still to be mended.",
            len(problems),
        )
        place = ("editing.overview", {"reference": call.reference})
        found.append(Obstacle("incomplete", message, place))
    if call.closes_at <= at:
        found.append(Obstacle("deadline_passed", _l("The deadline has already passed.")))
    if call.opens_at >= call.closes_at:
        found.append(Obstacle("dates_out_of_order", _l("The call opens after its deadline.")))
    if not call.regions:
        found.append(Obstacle("no_region", _l("The envelope is not divided among regions.")))
    if not call.criteria:
        found.append(Obstacle("no_criterion", _l("Reviewers have no criterion to score.")))
    return found


def obstacles_to_cancelling(call: Call) -> list[Obstacle]:
    """Why a call cannot be cancelled."""
    if CALL.allows("cancel", call.state):
        return []
    return [Obstacle("cancelled", _l("This call is cancelled already."))]


# ------------------------------------------------------------------ writing a call


def obstacles_to_writing(call: Call, kept: WorkingCopy | None, version: int) -> list[Obstacle]:
    """Why a page that was opened at a version of what is being written cannot be saved now."""
    if call.state == CallState.CANCELLED:
        return [Obstacle("cancelled", _l("This call was cancelled."))]
    if version != (kept.version if kept else 0):
        message = _l(
            "Somebody else changed this call while you were writing. Look at what it says now, then save again."
        )
        return [Obstacle("written_meanwhile", message)]
    return []


def obstacles_to_copying(reference: str, taken: Call | None, deadline_on: date | None, at: datetime) -> list[Obstacle]:
    """Why a copy of a call cannot be made under a reference, or with a deadline."""
    if not REFERENCE.fullmatch(reference) or reference in ADDRESSES:
        return [Obstacle("bad_reference", _l("A reference of 2 to 40 letters, digits, dots and dashes is expected."))]
    if taken is not None:
        return [Obstacle("reference_taken", _l("There is a call with this reference already."))]
    if deadline_on is not None and deadline_on <= at.date():
        return [Obstacle("deadline_passed", _l("The deadline has already passed."))]
    return []


def copied(documents: Mapping[str, Any], reference: str, days: timedelta, zone: str) -> dict[str, Any]:
    """The documents of a call under another reference, with every date moved; the hour of day stays."""
    moved = dict(documents)
    call = dict(documents["call"]) | {"id": reference}
    call["timetable"] = {key: _moved(key, value, days, zone) for key, value in call["timetable"].items()}
    envelope = dict(call["envelope"])
    if (until := day_of(envelope.get("reserve_list_valid_until"))) is not None:
        envelope["reserve_list_valid_until"] = (until + days).isoformat()
    moved["call"] = call | {"envelope": envelope}
    return moved


def _moved(key: str, value: Any, days: timedelta, zone: str) -> Any:
    if key in MOMENTS and (moment := moment_of(value, zone)) is not None:
        local = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) + days
        return local.replace(tzinfo=ZoneInfo(zone)).isoformat()
    if key in DAYS and (day := day_of(value)) is not None:
        return (day + days).isoformat()
    return value


def without_dates(documents: Mapping[str, Any]) -> dict[str, Any]:
    """The documents of a call with every date taken out, to be filled in."""
    call = dict(documents["call"])
    call["timetable"] = {k: v for k, v in call["timetable"].items() if k not in (*MOMENTS, *DAYS)}
    call["envelope"] = {k: v for k, v in call["envelope"].items() if k != "reserve_list_valid_until"}
    return dict(documents) | {"call": call}


# ------------------------------------------------------------------ a call as its page tells it


def guide(call: Call, documents: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """What a person wants to know before applying, taken from the wording of the call.

    ``documents`` are its terms, grid, budget and plan of action. Amounts are Money, moments and days are dates; wordings
    stay in all languages.
    """
    terms, grid = documents["terms"], documents["grid"]
    grant, envelope = terms.get("grant") or {}, terms.get("envelope") or {}
    eligibility = terms.get("eligibility") or {}
    annexes = terms.get("required_annexes") or []
    return {
        "terms": terms,
        "objectives": terms.get("specific_objectives"),
        "lots": _lots_told(terms, documents.get("plan_of_action") or {}),
        "regions": [_region_told(call, region) for region in envelope.get("by_region") or []],
        "cofinancing": grant.get("cofinancing") or {},
        "most_per_lead": grant.get("max_applications_per_lead"),
        "most_of_turnover": grant.get("max_share_of_annual_turnover_percent"),
        "rules": [
            {
                "text": r["text"],
                "decides": r.get("on_fail") == "reject",
                "fails": (eligibility.get("on_fail_labels") or {}).get(r.get("on_fail")),
            }
            for r in eligibility.get("rules") or []
        ],
        "clarification": eligibility.get("clarification_text"),
        "countries": _countries_told(call, terms),
        "costs": terms.get("cost_rules") or {},
        "asked": [a for a in annexes if a.get("stage", "application") == "application"],
        "asked_later": [a for a in annexes if a.get("stage", "application") != "application"],
        "withheld": (terms.get("annexes_withheld") or {}).get("text"),
        "timetable": timetable_of(call, terms, at),
        "sections": [_section_told(section, grid) for section in grid.get("sections") or []],
        "scale": grid.get("scale") or {},
        "reviewers": (grid.get("assessors") or {}).get("independent_reviews", 2),
        "threshold": (grid.get("thresholds") or {}).get("total"),
        "points": grid.get("points_text"),
        "draw": _draw_told(grid),
    }


def _draw_told(grid: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the call says of a draw near the money line: within how many points (None: among full equals), in which words."""
    announced = grid.get("draw_near_line") or {}
    if announced.get("within_points") is None and "published_lottery" not in (grid.get("tie_break") or ()):
        return None
    return {"within": announced.get("within_points"), "text": announced.get("text")}


def _lots_told(terms: Mapping[str, Any], plan: Mapping[str, Any]) -> list[dict[str, Any]]:
    points = {p.get("number"): p.get("text", "") for p in points_of(plan)}
    told = []
    for lot in terms.get("lots") or []:
        served = [{"number": n, "text": points.get(n, "")} for n in lot.get("plan_points") or []]
        told.append({"key": str(lot["id"]), "title": lot["title"], "points": served})
    return told


def _region_told(call: Call, region: Mapping[str, Any]) -> dict[str, Any]:
    amounts = {
        key: Money.parse(region[key], call.currency) if region.get(key) is not None else None
        for key in ("indicative", "floor", "ceiling")
    }
    return {"region": str(region["region"]), "label": region.get("label") or str(region["region"]), **amounts}


def _countries_told(call: Call, terms: Mapping[str, Any]) -> list[str]:
    names = terms.get("country_names") or {}
    return sorted(str(pick(names.get(code)) or country_name(code)) for code in call.eligible_countries)


def _section_told(section: Mapping[str, Any], grid: Mapping[str, Any]) -> dict[str, Any]:
    """A section of the grid with the points its criteria can bring."""
    most = Decimal(str((grid.get("scale") or {}).get("max", 0)))
    criteria = [
        {"key": str(c["id"]), "text": c["text"], "weight": c["weight"], "points": _shortly(most * c["weight"])}
        for c in section.get("criteria") or []
    ]
    return {
        "key": str(section["id"]),
        "title": section["title"],
        "points": _shortly(sum((Decimal(c["points"]) for c in criteria), Decimal(0))),
        "needed": section.get("min_to_pass"),
        "criteria": criteria,
    }


def _shortly(points: Decimal) -> int | Decimal:
    """Points as people write them: 20 and not 20.0."""
    return int(points) if points == points.to_integral_value() else points


def timetable_of(call: Call, terms: Mapping[str, Any], at: datetime) -> list[dict[str, Any]]:
    """The timetable in order; a deadline that was moved afterwards is told as it stands now."""
    table, labels = terms.get("timetable") or {}, terms.get("timetable_labels") or {}
    told = []
    for key in (*MOMENTS, *DAYS):
        moment = moment_of(table.get(key), call.timezone) if key in MOMENTS else None
        day = day_of(table.get(key)) if key in DAYS else None
        if key in ("published_at", "deadline"):
            moment = call.opens_at if key == "published_at" else call.closes_at
        if moment or day:
            over = moment <= at if moment else bool(day and day < at.astimezone(ZoneInfo(call.timezone)).date())
            label = labels.get(key) or TIMETABLE_LABELS[key]
            told.append({"key": key, "label": label, "moment": moment, "day": day, "over": over})
    return told


TIMETABLE_LABELS: dict[str, Any] = {
    "published_at": _l("Call published"),
    "information_session_at": _l("Online information session"),
    "questions_until": _l("Last day for questions"),
    "answers_published_until": _l("All answers published"),
    "deadline": _l("Deadline for applications"),
    "administrative_check_until": _l("Eligibility check completed"),
    "reviews_due": _l("Reviews completed"),
    "committee_meeting": _l("Committee meeting"),
    "notification_until": _l("Applicants informed of the result"),
    "complaints_until": _l("Last day for complaints"),
    "agreements_signed_until": _l("Agreements signed"),
    "earliest_start": _l("Earliest start of an action"),
    "latest_end": _l("Latest end of an action"),
}

LIFE = (
    ("opens", _l("Open for applications"), "closes_at"),
    ("checked", _l("Eligibility check"), "check_until"),
    ("reviewed", _l("Reviews"), "reviews_due_on"),
    ("decided", _l("Decision"), "notify_until"),
    ("signed", _l("Agreements"), "sign_until"),
)
"""The stages of a published call, and the date that ends each."""


def stages(call: Call, at: datetime) -> list[dict[str, Any]]:
    """Where a published call stands, as steps: each done, current or todo, with the date that ends it."""
    steps: list[dict[str, Any]] = []
    reached = call.state == "published" and call.opens_at <= at
    for _key, label, ends in LIFE:
        end = getattr(call, ends)
        if end is None:
            continue
        over = end <= at if isinstance(end, datetime) else end < at.astimezone(ZoneInfo(call.timezone)).date()
        state = "done" if over and reached else "current" if reached else "todo"
        reached = reached and state == "done"
        steps.append({"label": label, "state": state, "until": end})
    return steps


def turning_points(call: Call) -> list[datetime]:
    """The moments at which the text of a call's page changes: something of its timetable is over."""
    zone = ZoneInfo(call.timezone)
    points = [
        getattr(call, name) for name in ("opens_at", "closes_at", "questions_until", "answers_until", "session_at")
    ]
    days = [getattr(call, name) for name in DAY_COLUMNS]
    ends = [datetime.combine(day + timedelta(days=1), time.min, zone) for day in days if day is not None]
    return [point for point in points if point is not None] + ends


DAY_COLUMNS = (
    *("check_until", "reviews_due_on", "meeting_on", "notify_until", "complaints_until", "sign_until"),
    *("earliest_start_on", "latest_end_on"),
)


def standing(call: Call, at: datetime) -> str:
    """How a call stands at a moment: draft, cancelled, coming, open, closed."""
    if call.state != "published":
        return str(call.state)
    return "coming" if at < call.opens_at else "open" if at < call.closes_at else "closed"
