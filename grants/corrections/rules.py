"""What changed in a published call, in words, and what of it may still be changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from grants.calls.models import Call
from grants.calls.rules import DAYS, MOMENTS, TIMETABLE_LABELS, moment_of, sources_of
from grants.calls.workflow import CallState
from grants.core.languages import LazyWords, _l, _ln
from grants.core.money import Money
from grants.core.questions import BadDefinition, Problem, day_of, parse_definition
from grants.core.revisions import Change, add_sentences, changes_between
from grants.core.rules import Obstacle

Documents = Mapping[str, Any]


def _about_date(key: str) -> Any:
    return LazyWords(lambda: f"{TIMETABLE_LABELS[key]}: {_l('%(after)s, before: %(before)s')}")


add_sentences(
    {
        **{f"moved_{key}": _about_date(key) for key in (*MOMENTS, *DAYS)},
        "envelope": _l("Envelope: %(after)s, before: %(before)s"),
        "for_region": _l("%(region)s: other amounts are planned than before"),
        "region_added": _l("New region: %(region)s"),
        "region_removed": _l("Region taken out: %(region)s"),
        "grant_min": _l("Smallest grant: %(after)s, before: %(before)s"),
        "grant_max": _l("Largest grant: %(after)s, before: %(before)s"),
        "months_min": _l("Shortest duration in months: %(after)s, before: %(before)s"),
        "months_max": _l("Longest duration in months: %(after)s, before: %(before)s"),
        "country_added": _l("One more eligible country: %(country)s"),
        "country_removed": _l("No longer eligible: %(country)s"),
        "lot_added": _l("New lot: “%(name)s”"),
        "lot_removed": _l("Lot taken out: “%(name)s”"),
        "lot_changed": _l("The lot “%(name)s” was reworded, or serves other points"),
        "rule_added": _l("New eligibility rule: “%(name)s”"),
        "rule_removed": _l("Eligibility rule taken out: “%(name)s”"),
        "rule_worded": _l("The eligibility rule “%(name)s” was reworded"),
        "rule_changed": _l("The eligibility rule “%(name)s” is checked in another way"),
        "document_added": _l("New document asked for: “%(name)s”"),
        "document_removed": _l("Document no longer asked for: “%(name)s”"),
        "document_changed": _l("What is asked about the document “%(name)s” changed"),
        "grid": _l("How applications are scored changed"),
        "budget": _l("The headings or checks of the budget changed"),
        "plan_of_action": _l("The text of the Plan of Action changed"),
        "title": _l("The title of the call changed"),
        "texts": _l("Texts of the call were reworded"),
        "terms": _l("Other terms of the call changed"),
    }
)

NEVER = ("id", "currency", "authoritative_language")
TEXTS = ("programme", "background", "general_objective", "specific_objectives", "language_note", "managing_office")
APART = {
    *("title", "timetable", "envelope", "grant", "lots", "eligible_countries", "eligibility", "required_annexes"),
    *NEVER,
    *TEXTS,
}
"""What has a change of its own; everything else is told as other terms."""


def changes_of_call(before: Documents, after: Documents) -> list[Change]:
    """What a correction changes, first the dates and the money, then the questions, then the rest."""
    former, now = before["call"], after["call"]
    found = _dates(former, now) + _money(former, now) + _countries(former, now)
    found += _members("lot", "title", former.get("lots"), now.get("lots"))
    found += _questions(before, after)
    found += _rules(former, now)
    annexes = (former.get("required_annexes"), now.get("required_annexes"))
    found += _members("document", "label", *annexes, key="key")
    for document in ("grid", "budget", "plan_of_action"):
        if before.get(document) != after.get(document):
            found.append(Change(document))
    if former.get("title") != now.get("title"):
        found.append(Change("title"))
    if any(former.get(key) != now.get(key) for key in TEXTS):
        found.append(Change("texts"))
    rest = [{k: v for k, v in call.items() if k not in APART} for call in (former, now)]
    rest_of_grant = [{k: v for k, v in _part(call, "grant").items() if k not in GRANT} for call in (former, now)]
    return found + ([Change("terms")] if rest[0] != rest[1] or rest_of_grant[0] != rest_of_grant[1] else [])


GRANT = ("min", "max", "duration_months")


def _part(call: Documents, key: str) -> Mapping[str, Any]:
    part = call.get(key)
    return part if isinstance(part, Mapping) else {}


def _dates(before: Documents, after: Documents) -> list[Change]:
    tables = [_part(call, "timetable") for call in (before, after)]
    found = []
    for key in (*MOMENTS, *DAYS):
        values = [_when(key, table) for table in tables]
        if values[0] != values[1]:
            found.append(Change(f"moved_{key}", {"before": values[0], "after": values[1]}))
    return found


def _when(key: str, table: Mapping[str, Any]) -> Any:
    moment = moment_of(table.get(key), str(table.get("timezone"))) if key in MOMENTS else None
    return moment.isoformat(timespec="minutes") if moment else day_of(table.get(key))


def _money(before: Documents, after: Documents) -> list[Change]:
    currency = str(after["currency"])
    pairs = [
        ("envelope", _part(before, "envelope").get("total"), _part(after, "envelope").get("total")),
        ("grant_min", _part(before, "grant").get("min"), _part(after, "grant").get("min")),
        ("grant_max", _part(before, "grant").get("max"), _part(after, "grant").get("max")),
    ]
    found = []
    for code, *amounts in pairs:
        shown = [{"amount": str(Money.parse(a or 0, currency).amount), "currency": currency} for a in amounts]
        if shown[0] != shown[1]:
            found.append(Change(code, {"before": shown[0], "after": shown[1]}))
    for name in ("min", "max"):
        months = [_part(_part(call, "grant"), "duration_months").get(name) for call in (before, after)]
        if months[0] != months[1]:
            found.append(Change(f"months_{name}", {"before": months[0], "after": months[1]}))
    regions = [{r["region"]: r for r in _part(call, "envelope").get("by_region") or []} for call in (before, after)]
    for key, region in regions[1].items():
        named = {"region": region.get("label") or str(key)}
        if key not in regions[0]:
            found.append(Change("region_added", named))
        elif regions[0][key] != region:
            found.append(Change("for_region", named))
    gone = [region for key, region in regions[0].items() if key not in regions[1]]
    return found + [Change("region_removed", {"region": r.get("label") or str(r["region"])}) for r in gone]


def _countries(before: Documents, after: Documents) -> list[Change]:
    former, now = before["eligible_countries"], after["eligible_countries"]
    added = [Change("country_added", {"country": {"country": str(c)}}) for c in now if c not in former]
    return added + [Change("country_removed", {"country": {"country": str(c)}}) for c in former if c not in now]


def _members(kind: str, named: str, before: Any, after: Any, *, key: str = "id") -> list[Change]:
    former, now = ({str(m[key]): m for m in listed or []} for listed in (before, after))
    found = []
    for name, member in now.items():
        told = {"name": member.get(named) or name}
        if name not in former:
            found.append(Change(f"{kind}_added", told))
        elif former[name] != member:
            found.append(Change(f"{kind}_changed", told))
    return found + [Change(f"{kind}_removed", {"name": m.get(named) or n}) for n, m in former.items() if n not in now]


def _rules(before: Documents, after: Documents) -> list[Change]:
    """Changes of eligibility rules; one that was only reworded is told apart from one that is checked differently."""
    listed = [_part(call, "eligibility").get("rules") for call in (before, after)]
    former, now = ({str(rule["id"]): rule for rule in rules or []} for rules in listed)
    found = [change for change in _members("rule", "text", *listed) if change.code != "rule_changed"]
    for key, rule in now.items():
        if key in former and former[key] != rule:
            worded = all(former[key].get(name) == rule.get(name) for name in {*former[key], *rule} - {"text"})
            found.append(Change("rule_worded" if worded else "rule_changed", {"name": rule.get("text") or key}))
    return found


def _questions(before: Documents, after: Documents) -> list[Change]:
    try:
        read = [parse_definition(documents["form"], sources_of(documents)) for documents in (before, after)]
    except BadDefinition:
        return []
    return changes_between(*read)


# ------------------------------------------------------------------ what may still change

SCORING = {"grid", "rule_added", "rule_removed", "rule_changed"}
"""What is not changed once somebody has been judged by it, or counts on being judged by it."""


def obstacles_to_correcting(
    call: Call, before: Documents, after: Documents, problems: Sequence[Problem], *, sent_in: bool, at: datetime
) -> list[Obstacle]:
    """Why a published call cannot be corrected as it was written.

    The deadline only moves later, and only while it has not passed; envelope and limits only widen; what people count on
    (countries, lots, regions, documents) is not taken away; rules and scoring stay once an application was sent in.
    """
    if call.state != CallState.PUBLISHED:
        return [Obstacle("not_published", _l("Only a published call is corrected."))]
    if problems:
        message = _ln(
            "%(num)s thing in its wording is still to be mended.",
            "%(num)s things in its wording are still to be mended.",
            len(problems),
        )
        return [Obstacle("incomplete", message, ("editing.overview", {"reference": call.reference}))]
    changes = changes_of_call(before, after)
    if not changes and before == after:
        return [Obstacle("nothing_changed", _l("Nothing has been changed."))]
    codes = {change.code for change in changes}
    found = _never(before["call"], after["call"])
    found += _about_dates(call, before["call"], after["call"], at)
    found += _about_money(before["call"], after["call"])
    found += _about_promises(changes)
    if sent_in and codes & SCORING:
        message = _l("An application was sent in already: rules and scoring stay as they were published.")
        found.append(Obstacle("sent_in", message))
    if at >= call.closes_at and _of_the_form(changes):
        message = _l("The deadline has passed: what applicants were asked and told stays as it was.")
        found.append(Obstacle("closed", message))
    return found


def _never(before: Documents, after: Documents) -> list[Obstacle]:
    fixed = any(before.get(key) != after.get(key) for key in NEVER)
    zone = _part(before, "timetable").get("timezone") != _part(after, "timetable").get("timezone")
    lost = set(before["languages_of_application"]) - set(after["languages_of_application"])
    if not (fixed or zone or lost):
        return []
    message = _l("Reference, currency, time zone and languages of a published call stay as they are.")
    return [Obstacle("never_changes", message)]


def _about_dates(call: Call, before: Documents, after: Documents, at: datetime) -> list[Obstacle]:
    found = []
    moments = {
        key: [moment_of(_part(d, "timetable").get(key), call.timezone) for d in (before, after)]
        for key in ("deadline", "published_at")
    }
    deadlines, openings = moments["deadline"], moments["published_at"]
    if deadlines[0] != deadlines[1] and deadlines[0] and deadlines[1]:
        if deadlines[1] < deadlines[0]:
            found.append(Obstacle("deadline_earlier", _l("The deadline can only be moved to a later moment.")))
        elif at >= call.closes_at:
            message = _l("The deadline has passed; a call that has closed is not opened again.")
            found.append(Obstacle("deadline_passed", message))
    if openings[0] != openings[1] and at >= call.opens_at:
        found.append(Obstacle("opened", _l("The call is open already: its opening stays as it was.")))
    return found


def _about_money(before: Documents, after: Documents) -> list[Obstacle]:
    found = []
    currency = str(before["currency"])

    def amount(call: Documents, part: str, key: str) -> Money:
        return Money.parse(_part(call, part).get(key) or 0, currency)

    regions = [{str(r["region"]): r for r in _part(c, "envelope").get("by_region") or []} for c in (before, after)]
    lowered = any(
        Money.parse(region.get(key) or 0, currency).minor < Money.parse(regions[0][name].get(key) or 0, currency).minor
        for name, region in regions[1].items()
        if name in regions[0]
        for key in ("floor", "indicative")
    )
    if lowered or amount(after, "envelope", "total").minor < amount(before, "envelope", "total").minor:
        message = _l("The envelope, and what is planned for a region, can only be raised.")
        found.append(Obstacle("envelope_lowered", message))
    months = [_part(_part(call, "grant"), "duration_months") for call in (before, after)]
    narrower = (
        amount(after, "grant", "min").minor > amount(before, "grant", "min").minor
        or amount(after, "grant", "max").minor < amount(before, "grant", "max").minor
        or months[1]["min"] > months[0]["min"]
        or months[1]["max"] < months[0]["max"]
    )
    if narrower:
        message = _l("The limits of a grant and of its duration can only be widened: people have planned with them.")
        found.append(Obstacle("limits_narrowed", message))
    return found


def _about_promises(changes: Sequence[Change]) -> list[Obstacle]:
    told = {
        "country_removed": _l("A country that was eligible stays eligible."),
        "lot_removed": _l("A lot that was published is not taken out: applications may stand in it."),
        "region_removed": _l("A region that was published is not taken out."),
        "document_removed": _l("A document that was asked for is not taken out; make it optional instead."),
    }
    codes = {change.code for change in changes}
    return [Obstacle(code, message) for code, message in told.items() if code in codes]


def _of_the_form(changes: Sequence[Change]) -> bool:
    """Whether anything changes that applicants were asked or told before the deadline; later dates and money may."""
    free = {f"moved_{key}" for key in (*MOMENTS, *DAYS)} | {"envelope", "for_region", "region_added", "terms"}
    return any(change.code not in free for change in changes)
