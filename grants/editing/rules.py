"""What coordinators write about a call, page by page, and where a mistake in its documents is mended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from grants.accounts.models import REGION_LABELS, Region, countries_of
from grants.calls.rules import DAYS, MOMENTS, ON_FAIL, TIMETABLE_LABELS
from grants.core.contents import MEDIA_TYPES
from grants.core.languages import _l
from grants.core.questions import IN_ROWS, TYPES, Path, Problem


@dataclass(frozen=True)
class Asked:
    """One thing that a page asks for: where it stands in what is edited, and how it is given.

    Kinds: line and text (in every language of the call), word, whole, number, money, moment, day, choice, check (a box
    to tick), unless (a box whose tick means no), words (several, separated by commas), formula, rows, pairs (rows of a key and what belongs to it).
    """

    path: tuple[str, ...]
    kind: str
    label: Any
    hint: Any = ""
    choices: tuple[tuple[str, Any], ...] = ()
    columns: tuple[Asked, ...] = ()
    names: str = ""

    @property
    def key(self) -> str:
        """How the page calls it."""
        return "-".join(self.path)


@dataclass(frozen=True)
class Part:
    """A page of a call's wording: one mapping of its documents, or a list of them.

    ``place`` leads to it through the documents; a star stands for the number of a member. ``lists`` says that it is a
    list, whose members have the pages that ask.
    """

    key: str
    title: Any
    lead: Any
    place: tuple[str, ...]
    asked: tuple[Asked, ...]
    lists: bool = False
    one: Any = ""
    named: tuple[str, ...] = ("title",)
    within: str = ""


QUESTION_KINDS: dict[str, Any] = {
    "text": _l("one line"),
    "longtext": _l("a text"),
    "integer": _l("a whole number"),
    "number": _l("a number"),
    "money": _l("an amount"),
    "percent": _l("a percentage"),
    "date": _l("a day"),
    "month_range": _l("months, such as 1-3"),
    "boolean": _l("yes or no"),
    "choice": _l("one of several answers"),
    "multichoice": _l("one or several of several answers"),
    "scale": _l("a step on a scale"),
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
}

VISIBILITY = (
    ("", _l("everybody who reads the application")),
    ("staff_only", _l("the staff of the fund only")),
    ("staff_and_assigned_reviewers", _l("the staff and the reviewers it is given to")),
)

ON_FAIL_WORDS: dict[str, Any] = {
    "reject": _l("the application cannot be considered"),
    "manual": _l("a member of the staff looks at it"),
    "clarification": _l("the applicant is asked once to complete it"),
    "correct_budget": _l("the applicant is asked to correct the budget"),
    "reject_all_but_first": _l("only the first application is kept"),
}

STAGES = (("application", _l("with the application")), ("award", _l("after an award")))

CHECK_KINDS: dict[str, Any] = {
    "yes_no": _l("yes or no"),
    "choice": _l("one of several answers"),
    "country": _l("a country"),
    "number": _l("a number"),
    "money": _l("an amount"),
}

CHECK_VERDICTS = (
    ("reject", _l("they cannot apply")),
    ("manual", _l("a member of the staff looks at it")),
)

REPORT_KINDS = (
    ("narrative_light", _l("a short note")),
    ("narrative_and_financial", _l("a report in words and figures")),
    ("confirmation", _l("a confirmation")),
)

COUNTED_FROM = (
    ("start", _l("the start of the action")),
    ("quarter", _l("the first quarter of the action")),
    ("midpoint", _l("the middle of the action")),
    ("end", _l("the end of the action")),
    ("payment_sent", _l("a payment")),
)

TRIGGERS = (
    ("agreement_signed", _l("the agreement is signed")),
    ("progress_report_approved", _l("the progress report is approved")),
    ("interim_report_approved", _l("the interim report is approved")),
    ("final_report_approved", _l("the final report is approved")),
)

OPTIONS = (
    Asked(("value",), "word", _l("Value that is stored")),
    Asked(("label",), "line", _l("Wording")),
)

COLUMNS = (
    Asked(("key",), "word", _l("Key")),
    Asked(("type",), "choice", _l("Answered with"), choices=tuple((k, QUESTION_KINDS[k]) for k in IN_ROWS)),
    Asked(("label",), "line", _l("Heading")),
)

PARTS = (
    Part(
        "words",
        _l("Title and texts"),
        _l("What the call is called and what it is for, in each of its languages."),
        ("call",),
        (
            Asked(("title",), "line", _l("Title")),
            Asked(("programme",), "line", _l("Programme")),
            Asked(("background",), "text", _l("Background")),
            Asked(("general_objective",), "text", _l("General objective")),
            Asked(("language_note",), "text", _l("A word about the languages")),
            Asked(("languages_of_application",), "words", _l("Languages"), _l("Codes, such as en, fr, es")),
            Asked(("authoritative_language",), "word", _l("The language that counts when versions differ")),
            Asked(
                ("eligible_countries",),
                "words",
                _l("Eligible countries"),
                _l("Codes of two letters, such as SN, ML, TG"),
            ),
        ),
    ),
    Part(
        "dates",
        _l("Timetable"),
        _l("When the call opens and closes, and what comes afterwards. Hours are those of the call’s time zone."),
        ("call", "timetable"),
        (
            Asked(("timezone",), "word", _l("Time zone"), _l("Such as Europe/Brussels")),
            *(Asked((key,), "moment", TIMETABLE_LABELS[key]) for key in MOMENTS),
            *(Asked((key,), "day", TIMETABLE_LABELS[key]) for key in DAYS),
        ),
    ),
    Part(
        "money",
        _l("Money and limits"),
        _l("The envelope by region and lot, and how large and how long one grant may be."),
        ("call",),
        (
            Asked(("currency",), "word", _l("Currency"), _l("A code, such as EUR")),
            Asked(("envelope", "total"), "money", _l("Envelope")),
            Asked(
                ("envelope", "by_region"),
                "rows",
                _l("By region"),
                columns=(
                    Asked(("region",), "word", _l("Code")),
                    Asked(("label",), "line", _l("Name")),
                    Asked(("indicative",), "money", _l("Planned")),
                    Asked(("floor",), "money", _l("Floor")),
                    Asked(("ceiling",), "money", _l("Ceiling")),
                ),
            ),
            Asked(
                ("envelope", "by_lot_min_awards"),
                "pairs",
                _l("By lot"),
                columns=(Asked(("lot",), "word", _l("Lot")), Asked(("awards",), "whole", _l("Awards at least"))),
            ),
            Asked(("envelope", "reserve_list_valid_until"), "day", _l("The reserve list holds until")),
            Asked(("grant", "min"), "money", _l("Smallest grant")),
            Asked(("grant", "max"), "money", _l("Largest grant")),
            Asked(("grant", "duration_months", "min"), "whole", _l("Shortest duration, in months")),
            Asked(("grant", "duration_months", "max"), "whole", _l("Longest duration, in months")),
        ),
    ),
    Part(
        "lots",
        _l("Lots"),
        _l("The themes of the call. Each application serves one."),
        ("call", "lots"),
        (
            Asked(("id",), "word", _l("Key"), _l("Letters and digits, such as L1")),
            Asked(("title",), "line", _l("Title")),
            Asked(("plan_points",), "words", _l("Points of the Plan of Action"), _l("Numbers, such as 3, 4")),
        ),
        lists=True,
        one=_l("Lot"),
    ),
    Part(
        "sections",
        _l("Questions"),
        _l("What applicants are asked, section by section, in the order in which they read it."),
        ("form", "sections"),
        (
            Asked(("id",), "word", _l("Key"), _l("Letters, digits and _; readers never see it")),
            Asked(("title",), "line", _l("Title")),
            Asked(("intro",), "text", _l("Introduction")),
        ),
        lists=True,
        one=_l("Section"),
    ),
    Part(
        "questions",
        _l("Questions"),
        _l("One question, as applicants are asked it."),
        ("form", "sections", "*", "questions"),
        (
            Asked(("key",), "word", _l("Key"), _l("Letters, digits and _. Under another key it is another question.")),
            Asked(
                ("type",), "choice", _l("Answered with"), choices=tuple((k, QUESTION_KINDS[k]) for k in sorted(TYPES))
            ),
            Asked(("label",), "line", _l("Question")),
            Asked(("help",), "text", _l("Hint"), _l("Shown before the field: one sentence that helps to answer.")),
            Asked(("statement",), "text", _l("Statement"), _l("For a statement to confirm: its whole text.")),
            Asked(("required",), "check", _l("It must be answered")),
            Asked(
                ("required_if",),
                "formula",
                _l("It must be answered if"),
                _l("Such as: org_registered == false"),
                names="questions",
            ),
            Asked(
                ("shown_if",),
                "formula",
                _l("It is shown only if"),
                _l("Such as: lot in [L1, L2]"),
                names="questions",
            ),
            Asked(("max_words",), "whole", _l("At most so many words")),
            Asked(("max_chars",), "whole", _l("At most so many characters")),
            Asked(("min",), "word", _l("Smallest value"), _l("A number, or a fact of the call such as call.grant.min")),
            Asked(("max",), "word", _l("Largest value"), _l("A number, or a fact of the call such as call.grant.max")),
            Asked(("not_before",), "word", _l("Not before"), _l("A day such as 2027-05-15, or a date of the call")),
            Asked(("not_after",), "word", _l("Not after"), _l("A day such as 2027-05-15, or a date of the call")),
            Asked(("min_items",), "whole", _l("At least so many lines")),
            Asked(("max_items",), "whole", _l("At most so many lines")),
            Asked(
                ("options_from",),
                "word",
                _l("Answers taken from"),
                _l("Such as call.lots, instead of listing them here"),
            ),
            Asked(("options",), "rows", _l("Answers to choose from"), columns=OPTIONS),
            Asked(("columns",), "rows", _l("Columns"), _l("For tables and lists."), columns=COLUMNS),
            Asked(("criteria",), "words", _l("Criteria it serves"), _l("Keys of the grid, such as B1, B2")),
            Asked(("visibility",), "choice", _l("Who reads the answer"), choices=VISIBILITY),
            Asked(("personal_data",), "check", _l("The answer is personal data")),
            Asked(("identifies",), "check", _l("The answer tells who applies: hidden in a blind review")),
        ),
        lists=True,
        one=_l("Question"),
        named=("label",),
        within="sections",
    ),
    Part(
        "rules",
        _l("Eligibility rules"),
        _l(
            "What an applicant or an action must meet. Each rule is a sentence for people and a formula for the machine."
        ),
        ("call", "eligibility", "rules"),
        (
            Asked(("id",), "word", _l("Key"), _l("Letters and digits, such as E01")),
            Asked(("text",), "line", _l("The rule in words")),
            Asked(
                ("check",),
                "formula",
                _l("The rule as a formula"),
                _l("Such as: organization.country in call.eligible_countries"),
                names="facts",
            ),
            Asked(
                ("on_fail",),
                "choice",
                _l("If it is not met"),
                choices=tuple((k, ON_FAIL_WORDS.get(k, k)) for k in sorted(ON_FAIL)),
            ),
            Asked(("manual_if",), "words", _l("A person judges it if the answer is")),
            Asked(("derived",), "check", _l("Known from our own records; the form does not ask")),
        ),
        lists=True,
        one=_l("Rule"),
        named=("text",),
    ),
    Part(
        "documents",
        _l("Documents asked for"),
        _l("What applicants attach, and what is asked of those who receive a grant."),
        ("call", "required_annexes"),
        (
            Asked(("id",), "word", _l("Number"), _l("Such as A1")),
            Asked(("key",), "word", _l("Key"), _l("Letters, digits and _")),
            Asked(("label",), "line", _l("Name")),
            Asked(("note",), "text", _l("Note")),
            Asked(("formats",), "words", _l("Kinds of files"), _l("Some of %(kinds)s", kinds=", ".join(MEDIA_TYPES))),
            Asked(("required",), "check", _l("It must be attached")),
            Asked(
                ("when",),
                "formula",
                _l("Only if"),
                _l("Such as: organization.registered"),
                names="facts",
            ),
            Asked(("stage",), "choice", _l("When"), choices=STAGES),
            Asked(("sensitive",), "check", _l("Sensitive: the staff only")),
            Asked(("identifies",), "check", _l("It tells who applies: hidden in a blind review")),
        ),
        lists=True,
        one=_l("Document"),
        named=("label",),
    ),
    Part(
        "qualifying",
        _l("May we apply?"),
        _l("A dozen plain questions before anybody registers. Each leads to a yes or a no with its reason."),
        ("call", "eligibility_check"),
        (
            Asked(("key",), "word", _l("Key"), _l("Letters, digits and _; readers never see it")),
            Asked(("type",), "choice", _l("Answered with"), choices=tuple(CHECK_KINDS.items())),
            Asked(("label",), "line", _l("Question")),
            Asked(("help",), "text", _l("Hint"), _l("Shown before the field: one sentence that helps to answer.")),
            Asked(("options",), "rows", _l("Answers to choose from"), columns=OPTIONS),
            Asked(
                ("fact",),
                "word",
                _l("What the answer tells"),
                _l("A name that the rules use, such as organization.country"),
            ),
            Asked(("rules",), "words", _l("Rules that decide"), _l("Their keys, such as E01, E02")),
            Asked(
                ("check",),
                "formula",
                _l("Or a formula of its own"),
                _l("Such as: answer.registered == true"),
            ),
            Asked(("on_fail",), "choice", _l("If it is not met"), choices=CHECK_VERDICTS),
            Asked(("reason",), "text", _l("The reason for a no")),
            Asked(("change",), "text", _l("What would have to change")),
        ),
        lists=True,
        one=_l("Question"),
        named=("label",),
    ),
    Part(
        "headings",
        _l("Budget headings"),
        _l("The lines under which costs are planned and accounted for, with what each may cost at most."),
        ("budget", "headings"),
        (
            Asked(("code",), "word", _l("Number"), _l("Such as 1")),
            Asked(("key",), "word", _l("Key"), _l("Letters, digits and _; readers never see it")),
            Asked(("title",), "line", _l("Title")),
            Asked(("computed",), "word", _l("Added up from"), _l("Numbers of headings, such as 1+2+3")),
            Asked(("cap", "percent_of_grant"), "number", _l("At most this percentage of the grant")),
            Asked(("cap", "max"), "number", _l("At most this percentage of another heading")),
            Asked(("cap", "percent_of"), "word", _l("Which heading that is"), _l("Its key, such as direct_total")),
            Asked(("unit_examples",), "words", _l("Units"), _l("Their keys, such as month, day")),
            Asked(("evidence",), "words", _l("Proofs asked for"), _l("Their keys, such as invoice, contract")),
            Asked(("needs_prior_approval",), "check", _l("Only with approval beforehand")),
            Asked(("confidential",), "check", _l("Never shown outside the fund")),
        ),
        lists=True,
        one=_l("Heading"),
    ),
    Part(
        "instalments",
        _l("Instalments"),
        _l("In which parts a grant is paid, and what each part waits for. Together they make the whole."),
        ("call", "award", "tranche_plans"),
        (
            Asked(("id",), "word", _l("Key"), _l("Such as T-80-20")),
            Asked(("when",), "formula", _l("For grants for which"), _l("Such as: amount <= 10000"), names="award"),
            Asked(
                ("tranches",),
                "rows",
                _l("Instalments"),
                columns=(
                    Asked(("number",), "whole", _l("Number")),
                    Asked(("percent",), "number", _l("Percent of the grant")),
                    Asked(("trigger",), "choice", _l("Due when"), choices=TRIGGERS),
                    Asked(
                        ("min_spent_percent_of_received",), "number", _l("Percent of what was received, spent before")
                    ),
                ),
            ),
        ),
        lists=True,
        one=_l("Plan"),
        named=("id",),
    ),
    Part(
        "reports",
        _l("Reports"),
        _l("What a grantee reports, and when."),
        ("call", "reporting", "milestones"),
        (
            Asked(("key",), "word", _l("Key"), _l("Letters, digits and _; readers never see it")),
            Asked(("label",), "line", _l("Name")),
            Asked(("type",), "choice", _l("What it is"), choices=REPORT_KINDS),
            Asked(("offset", "days"), "whole", _l("Due so many days after")),
            Asked(("offset", "from"), "choice", _l("Counted from"), choices=COUNTED_FROM),
            Asked(
                ("required",),
                "formula",
                _l("It is required if"),
                _l("true, false, or such as: amount > 10000"),
                names="award",
            ),
        ),
        lists=True,
        one=_l("Report"),
        named=("label",),
    ),
    Part(
        "grid",
        _l("Scale and thresholds"),
        _l("How reviewers score, and what an application must reach."),
        ("grid",),
        (
            Asked(("scale", "min"), "number", _l("Lowest score")),
            Asked(("scale", "max"), "number", _l("Highest score")),
            Asked(("scale", "step"), "number", _l("Step")),
            Asked(("scale", "comment_required_for"), "words", _l("Scores that need a reason"), _l("Such as 1, 2, 5")),
            Asked(("thresholds", "total"), "number", _l("Points needed in total")),
            Asked(("assessors", "independent_reviews"), "whole", _l("Independent reviews of each application")),
            Asked(
                ("assessors", "blind", "organization_visible"),
                "unless",
                _l("Blind review: reviewers are not told who applies"),
            ),
            Asked(("tie_break",), "words", _l("Of two with the same score, the first is the one with"), ""),
            Asked(
                ("draw_near_line", "within_points"),
                "number",
                _l("Draw among those within so many points of the money line"),
                _l(
                    "Left empty, there is a draw only among full equals, where the line above ends with published_lottery"
                ),
            ),
        ),
    ),
    Part(
        "scored",
        _l("Criteria"),
        _l("What reviewers score, in sections, with a weight each."),
        ("grid", "sections"),
        (
            Asked(("id",), "word", _l("Key"), _l("A letter, such as A")),
            Asked(("title",), "line", _l("Title")),
            Asked(("min_to_pass",), "number", _l("Points needed in this section")),
            Asked(("reject_if_any_subscore",), "number", _l("Not funded if any score is")),
        ),
        lists=True,
        one=_l("Section of the grid"),
    ),
    Part(
        "criteria",
        _l("Criteria"),
        _l("One criterion, as reviewers read it."),
        ("grid", "sections", "*", "criteria"),
        (
            Asked(("id",), "word", _l("Key"), _l("Such as A1")),
            Asked(("text",), "text", _l("Criterion")),
            Asked(("weight",), "whole", _l("Weight")),
            Asked(
                ("anchors",),
                "pairs",
                _l("What a score means"),
                columns=(Asked(("score",), "word", _l("Score")), Asked(("text",), "text", _l("Meaning"))),
            ),
        ),
        lists=True,
        one=_l("Criterion"),
        named=("text",),
        within="scored",
    ),
)

LIMITS_OF: dict[str, tuple[str, ...]] = {
    "max_words": ("longtext", "text"),
    "max_chars": ("text", "longtext"),
    "min": ("integer", "number", "money", "percent", "scale", "multichoice", "country_list"),
    "max": ("integer", "number", "money", "percent", "scale", "multichoice", "country_list"),
    "not_before": ("date",),
    "not_after": ("date",),
    "min_items": ("table", "repeater", "budget"),
    "max_items": ("table", "repeater", "budget"),
    "max_rows": ("table", "repeater", "budget"),
    "options": ("choice", "multichoice"),
    "options_from": ("choice", "multichoice", "country_list"),
    "columns": ("table",),
    "fields": ("repeater",),
    "statement": ("declaration",),
}
"""What only some kinds of questions are asked for."""


def asked_of(part: Part, present: Mapping[str, Any]) -> list[Asked]:
    """What the page of a member asks for: of a question only what suits its kind, or what it says already."""
    if part.key != "questions":
        return list(part.asked)
    kind, found = present.get("type"), []
    for asked in part.asked:
        name = asked.path[0]
        name = {"columns": "fields"}.get(name, name) if kind == "repeater" else name
        name = "max_rows" if name == "max_items" and "max_rows" in present else name
        if name not in LIMITS_OF or kind in LIMITS_OF[name] or present.get(name) is not None:
            found.append(replace(asked, path=(name,)))
    return found


BY_KEY = {part.key: part for part in PARTS}

MEMBERS = {part.within: part for part in PARTS if part.within}
"""The parts whose members stand within the members of another."""

SOURCES: dict[str, Any] = {
    "call": _l("The call"),
    "form": _l("The questions"),
    "grid": _l("The grid"),
    "budget": _l("Budget headings and checks"),
    "plan_of_action": _l("Plan of Action"),
}
"""The documents of a call, which can also be written as text."""

MOST_NUMBERS = 2


def numbers_in(place: str) -> tuple[int, ...] | None:
    """The numbers that lead to a member, such as 2-0; None when it is no such address."""
    parts = place.split("-")
    if len(parts) > MOST_NUMBERS or not all(p.isascii() and p.isdigit() and len(p) < 4 for p in parts):
        return None
    return tuple(int(part) for part in parts)


def list_at(documents: Mapping[str, Any], part: Part, outer: Sequence[int]) -> list[Any] | None:
    """The list that a part is about; ``outer`` are the numbers of the members around it."""
    place: Any = documents
    numbers = iter(outer)
    for step in part.place:
        if step == "*":
            number = next(numbers, None)
            if not isinstance(place, list) or number is None or number >= len(place):
                return None
            place = place[number]
        else:
            place = place.get(step) if isinstance(place, Mapping) else None
    return place if isinstance(place, list) else None


def path_of(part: Part, numbers: Sequence[int]) -> Path:
    """The path of a member, or of the whole part, through the documents."""
    left = iter(numbers)
    path: list[str | int] = [next(left) if step == "*" else step for step in part.place]
    return (*path, *left)


class Place(NamedTuple):
    """Where a mistake is mended: an endpoint with its values, and whether the page is about nothing else."""

    endpoint: str
    values: dict[str, Any]


def mended_at(path: Path, reference: str) -> Place:
    """The page on which what stands at a path is written."""
    best: tuple[int, Place] | None = None
    for part in PARTS:
        numbers = _matched(part, path)
        if numbers is None:
            continue
        if part.lists and len(path) > len(part.place):
            place = "-".join(map(str, numbers))
            found = Place("editing.member", {"reference": reference, "key": part.key, "place": place})
        elif part.lists:
            found = Place("editing.part", {"reference": reference, "key": part.within or part.key})
        elif not any(
            path[len(part.place) :][: len(a.path)] == a.path[: len(path) - len(part.place)] for a in part.asked
        ):
            continue
        else:
            found = Place("editing.part", {"reference": reference, "key": part.key})
        if best is None or len(part.place) >= best[0]:
            best = (len(part.place), found)
    if best is not None:
        return best[1]
    document = str(path[0]) if path and path[0] in SOURCES else "call"
    return Place("editing.source", {"reference": reference, "document": document})


def _matched(part: Part, path: Path) -> tuple[int, ...] | None:
    """The numbers in a path that leads into a part; None when it does not."""
    if len(path) < len(part.place):
        return None
    numbers: list[int] = []
    for step, given in zip(part.place, path, strict=False):
        if step == "*":
            if not isinstance(given, int):
                return None
            numbers.append(given)
        elif step != given:
            return None
    if part.lists and len(path) > len(part.place):
        number = path[len(part.place)]
        if not isinstance(number, int):
            return None
        numbers.append(number)
    return tuple(numbers)


def problems_within(problems: Sequence[Problem], path: Path) -> Iterator[Problem]:
    """The mistakes that stand at a path or below it."""
    return (problem for problem in problems if problem.path[: len(path)] == path)


def in_words(problem: Problem) -> str:
    """Where a mistake stands, as people read it: form.sections[2].title."""
    text = ""
    for part in problem.path:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


def points_added_up(documents: Mapping[str, Any]) -> None:
    """Let the points stated for each section of the grid follow from its weights, where they are stated."""
    grid = documents.get("grid")
    scale = grid.get("scale") if isinstance(grid, Mapping) else None
    highest = scale.get("max") if isinstance(scale, Mapping) else None
    sections = grid.get("sections") if isinstance(grid, Mapping) else None
    if isinstance(highest, bool) or not isinstance(highest, int | float) or not isinstance(sections, list):
        return
    for section in sections:
        if not isinstance(section, dict) or "max" not in section or not isinstance(section.get("criteria"), list):
            continue
        weights = [c.get("weight") for c in section["criteria"] if isinstance(c, Mapping)]
        whole = [w for w in weights if isinstance(w, int) and not isinstance(w, bool)]
        if len(whole) == len(weights):
            section["max"] = highest * sum(whole)


# ------------------------------------------------------------------ a call begun from nothing


def blank(
    reference: str,
    title: str,
    *,
    language: str,
    currency: str,
    zone: str,
    regions: Sequence[str],
    deadline: date,
    amounts: Mapping[str, Decimal],
    at: datetime,
) -> dict[str, Any]:
    """The documents of a call that has only just been thought of: sound, with one question and one criterion to begin with.

    ``amounts`` are the envelope and the smallest and largest grant (total, min, max), in ``currency``. The envelope is
    spread evenly over the regions, whole units each; applications close at the end of the day of the deadline in the
    call's zone.
    """
    total = amounts["total"]
    share = int(total // len(regions))
    in_words = {region: str(REGION_LABELS[Region(region)]) for region in regions}
    closes = datetime.combine(deadline, time(23, 59, 59), ZoneInfo(zone))
    call = {
        "id": reference,
        "programme": {language: str(_l("Pilot Fund"))},
        "title": {language: title},
        "currency": currency,
        "languages_of_application": [language],
        "authoritative_language": language,
        "envelope": {
            "total": _written(total),
            "by_region": [
                {"region": region, "label": {language: label}, "indicative": share}
                for region, label in in_words.items()
            ],
        },
        "grant": {
            "min": _written(amounts["min"]),
            "max": _written(amounts["max"]),
            "duration_months": {"min": 1, "max": 12},
        },
        "eligible_countries": [country for region in regions for country in countries_of(region)],
        "timetable": {
            "timezone": zone,
            "published_at": at.astimezone(ZoneInfo(zone)).replace(microsecond=0).isoformat(),
            "deadline": closes.isoformat(),
        },
    }
    question = {"key": "title", "type": "text", "label": {language: str(_l("Title"))}, "required": True}
    criterion = {"id": "A1", "text": {language: str(_l("How relevant is the action?"))}, "weight": 1}
    return {
        "call": call,
        "form": {
            "id": f"form-{reference}",
            "title": {language: title},
            "languages": [language],
            "sections": [{"id": "S1", "title": {language: str(_l("The action"))}, "questions": [question]}],
        },
        "grid": {
            "scale": {"min": 1, "max": 5, "step": 1},
            "sections": [{"id": "A", "title": {language: str(_l("Relevance"))}, "criteria": [criterion]}],
            "assessors": {"independent_reviews": 2},
        },
    }


def _written(amount: Decimal) -> int | str:
    """An amount as a document holds it."""
    return int(amount) if amount == amount.to_integral_value() else str(amount)
