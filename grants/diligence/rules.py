"""What is looked at before an agreement, what its answers say of the risk, and what stands in the way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from grants.accounts.models import Confidentiality, Organization, strictest
from grants.applications.rules import values_for_documents
from grants.awards.models import Award, Risk
from grants.awards.workflow import FELL_THROUGH, AwardState
from grants.core.expressions import BadExpression, parse
from grants.core.files import Scan, StoredFile, obstacles_to_opening
from grants.core.languages import _l, _ln
from grants.core.rules import Obstacle, mark_of, obstacles_to_unread
from grants.diligence.models import (
    TAB_LABELS,
    AskedOf,
    Consent,
    Diligence,
    Outcome,
    Point,
    SanctionsCheck,
    Source,
    Tab,
    Verdict,
)
from grants.diligence.queries import Dossier, Material, default_points
from grants.diligence.workflow import ConsentState, DiligenceState

DAYS_A_SEARCH_HOLDS = 90
"""For how many days a search of a sanctions list is good for an agreement where the call does not say."""

PAPERS = ["pdf", "jpg", "jpeg", "png", "docx", "xlsx", "ods"]
"""The kinds of file that are taken for a point where nothing else is said."""

CLOSED = FELL_THROUGH | {AwardState.CLOSED}


def _page(award: Award, tab: str = "") -> tuple[str, dict[str, Any]]:
    return "diligence.of_grant", {"reference": award.reference} | ({"tab": tab} if tab else {})


# ------------------------------------------------------------------ what is looked at


@dataclass(frozen=True)
class PointPlanned:
    """One point as it will be asked, with what is there for it already."""

    key: str
    tab: str
    asked_of: str
    label: dict[str, str]
    help: dict[str, str] = field(default_factory=dict)
    formats: list[str] = field(default_factory=list)
    file_id: int | None = None
    source: str | None = None


def points_of(terms: Mapping[str, Any], material: Material) -> list[PointPlanned]:
    """The points of a due diligence: what the terms list (``diligence.points``) or our own list, the documents that the
    call asks for after an award, and one for each partner. What came with the application is there already.
    """
    listed = (terms.get("diligence") or {}).get("points")
    asked = default_points()["points"] if listed is None else listed
    values = values_for_documents(material.application, material.answers)
    found = [_planned(one, material) for one in asked if _applies(one.get("when"), values)]
    known = {one.key for one in found}
    found += [
        PointPlanned(
            document.key,
            Tab.BANK if document.is_about_bank else Tab.DOCUMENTS,
            AskedOf.GRANTEE,
            dict(document.label),
            dict(document.note),
            list(document.formats),
        )
        for document in material.documents
        if document.stage == "award"
        and document.required
        and document.key not in known
        and _applies(document.required_when, values)
    ]
    partner = default_points()["partner"]["label"]
    return found + [
        PointPlanned(
            f"partner_{n}",
            Tab.PARTNERS,
            AskedOf.FUND,
            {code: words.replace("{name}", name) for code, words in partner.items()},
        )
        for n, name in enumerate(material.partners, 1)
    ]


def _applies(when: str | None, values: Mapping[str, Any]) -> bool:
    """Whether a condition holds; one that cannot be told is asked, and a person judges that it does not apply."""
    try:
        return when is None or parse(when).holds(values) is not False
    except BadExpression:
        return True


def _planned(asked: Mapping[str, Any], material: Material) -> PointPlanned:
    document = next((one for one in material.documents if one.key == asked["key"]), None)
    given = material.given.get(asked["key"])
    return PointPlanned(
        asked["key"],
        asked["tab"],
        asked["asked_of"],
        dict(document.label if document else asked["label"]),
        dict(asked.get("help") or {}),
        list(asked.get("formats") or (document.formats if document else [])),
        given.file_id if given else None,
        (Source.WITHHELD if given.file_id is None else Source.APPLICATION) if given else None,
    )


def is_in(point: Point) -> bool:
    """Whether what was asked of the grantee is there; a file that holds a virus is not."""
    if point.source == Source.WITHHELD:
        return True
    return point.file is not None and point.file.scan != Scan.INFECTED


def waits_for_grantee(point: Point) -> bool:
    """Whether the grantee still has something to hand in for a point."""
    if point.asked_of != AskedOf.GRANTEE or point.verdict in (Verdict.OK, Verdict.NOT_APPLICABLE):
        return False
    return not is_in(point) or (point.verdict == Verdict.NOT_OK and bool(point.words))


@dataclass(frozen=True)
class Standing:
    """How one tab stands: points judged of all, how many are not in order, how many wait for the grantee."""

    done: int
    total: int
    doubts: int
    waiting: int

    @property
    def tone(self) -> str:
        """The tone of its badge."""
        return "danger" if self.doubts else "success" if self.done == self.total else "info"


def standings(points: Iterable[Point]) -> dict[str, Standing]:
    """How each tab stands."""
    by_tab: dict[str, list[Point]] = {tab: [] for tab in Tab}
    for point in points:
        by_tab[point.tab].append(point)
    return {
        tab: Standing(
            sum(1 for p in those if p.verdict),
            len(those),
            sum(1 for p in those if p.verdict == Verdict.NOT_OK),
            sum(1 for p in those if waits_for_grantee(p)),
        )
        for tab, those in by_tab.items()
    }


# ------------------------------------------------------------------ the risk


@dataclass(frozen=True)
class Fact:
    """Something that makes a grant more risky, in words, and how much it weighs."""

    code: str
    label: Any
    weight: int


def facts_of(
    award: Award,
    organization: Organization,
    points: Iterable[Point],
    checks: Sequence[SanctionsCheck],
    earlier: int,
    today: date,
) -> list[Fact]:
    """What speaks for a higher risk: points not in order, a first grant, a large share of the yearly income, a young or
    unregistered organization, a name that was looked at twice. Weights: docs/decisions/0023-risk-shapes-the-plan.md.
    """
    found = []
    doubts = sum(1 for point in points if point.verdict == Verdict.NOT_OK)
    if doubts:
        label = _ln("%(num)s point is not in order", "%(num)s points are not in order", doubts)
        found.append(Fact("points_not_in_order", label, 2 * min(doubts, 2)))
    if not earlier:
        found.append(Fact("first_grant", _l("It is the first grant of this organization from us"), 1))
    income = organization.income_last_year
    if income is None or income.minor <= 0 or income.currency != award.currency:
        found.append(Fact("income_unknown", _l("Its income of last year is not known in the currency of the grant"), 1))
    else:
        percent = award.amount_minor * 100 // income.minor
        if percent > 25:
            label = _l("The grant is %(percent)s %% of its income of last year", percent=percent)
            found.append(Fact("large_share", label, 2 if percent > 50 else 1))
    founded = organization.founded_on
    if founded is not None and (today - founded).days < 2 * 365:
        found.append(Fact("young", _l("It was founded less than two years ago"), 1))
    if not organization.registered:
        found.append(Fact("not_registered", _l("It is not registered; another organization holds the money"), 1))
    if any(check.needs_look for check in checks):
        found.append(Fact("names_looked_at", _l("A name had to be looked at by a second person"), 1))
    return found


def proposed_risk(facts: Iterable[Fact]) -> Risk:
    """The risk that the facts propose: medium from a weight of two, high from four. A person judges."""
    weight = sum(fact.weight for fact in facts)
    return Risk.HIGH if weight >= 4 else Risk.MEDIUM if weight >= 2 else Risk.LOW


# ------------------------------------------------------------------ searches of sanctions lists


def is_held_by(check: SanctionsCheck | None) -> bool:
    """Whether a search stops the agreement and payments: a second look is missing, or it did not clear the name."""
    return check is not None and check.needs_look and (check.look is None or not check.look.cleared)


def days_a_search_holds(terms: Mapping[str, Any]) -> int:
    """For how many days a search is good for an agreement, by the terms of the call (``diligence.sanctions_days``)."""
    return int((terms.get("diligence") or {}).get("sanctions_days", DAYS_A_SEARCH_HOLDS))


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()


def names_missing(names: Iterable[str], searched: Iterable[str]) -> list[str]:
    """The names that have to be searched and were not."""
    found = {_plain(name) for name in searched}
    return [name for name in names if _plain(name) not in found]


def obstacles_to_screening(
    award: Award, names: Sequence[str], searched: Sequence[str], outcome: str, decision: str
) -> list[Obstacle]:
    """Why a search cannot be recorded: the grant is over, names are missing, or what was found is not explained."""
    found = _open(award)
    missing = names_missing(names, searched)
    if missing:
        message = _l("These names have to be searched too: %(names)s.", names=", ".join(missing))
        found.append(Obstacle("names_missing", message))
    if outcome not in list(Outcome):
        found.append(Obstacle("no_outcome", _l("Please say what was found.")))
    elif outcome != Outcome.NO_MATCH and not decision.strip():
        found.append(Obstacle("no_decision", _l("Please say what was found and why you judge it so.")))
    return found


def mark_of_search(check: SanctionsCheck | None) -> str:
    """A mark of one search: nobody judges another one than was read."""
    return mark_of(check.id if check else 0)


def obstacles_to_looking(
    check: SanctionsCheck, latest: SanctionsCheck | None, by_id: int, reason: str | None, read: str | None = None
) -> list[Obstacle]:
    """Why somebody cannot be the second person: they searched, they read another search, nothing needs it, or it was done."""
    found = obstacles_to_unread(read, mark_of_search(check))
    if latest is None or latest.id != check.id:
        found.append(Obstacle("not_the_latest", _l("The names were searched again meanwhile.")))
    if not check.needs_look or check.look is not None:
        found.append(Obstacle("no_look_needed", _l("No second look is waiting here.")))
    if check.made_by_id == by_id:
        found.append(
            Obstacle("searched_by_you", _l("You searched these names yourself. Another person looks at them."))
        )
    if reason is not None and not reason.strip():
        found.append(Obstacle("reason_missing", _l("Please say why. The reason stays in the record.")))
    return found


def obstacles_by_sanctions(dossier: Dossier, award: Award, days: int, today: date) -> list[Obstacle]:
    """Why no agreement can be drawn up because of sanctions lists."""
    page, latest = _page(award, "sanctions"), dossier.latest
    if latest is None:
        return [Obstacle("not_searched", _l("No sanctions list was searched."), page)]
    if is_held_by(latest):
        if latest.look is None:
            return [
                Obstacle(
                    "second_look_missing",
                    _l("A second person has to look at what the search of a sanctions list found."),
                    page,
                )
            ]
        return [Obstacle("sanctions_match", _l("A name stands on a sanctions list. There can be no agreement."), page)]
    found = []
    age = (today - latest.made_at.astimezone(ZoneInfo(award.call.timezone)).date()).days
    if age > days:
        message = _l("The sanctions list was searched %(age)s days ago; %(days)s are the most.", age=age, days=days)
        found.append(Obstacle("search_too_old", message, page))
    missing = names_missing(dossier.names, latest.names)
    if missing:
        message = _l("These names were not searched on a sanctions list: %(names)s.", names=", ".join(missing))
        found.append(Obstacle("names_not_searched", message, page))
    return found


# ------------------------------------------------------------------ what stands in the way


def _open(award: Award) -> list[Obstacle]:
    if award.state not in CLOSED:
        return []
    return [Obstacle("over", _l("This grant is over: %(state)s.", state=AwardState(award.state).label))]


def obstacles_to_opening_diligence(award: Award, diligence: Diligence | None) -> list[Obstacle]:
    """Why a due diligence cannot be begun: it was, or the grant is not accepted."""
    if diligence is not None:
        return [Obstacle("begun", _l("The due diligence was begun before."))]
    if award.state in (AwardState.OFFERED, AwardState.ACCEPTED, AwardState.SENT):
        return []
    return [
        Obstacle("too_late", _l("It is too late for a due diligence: %(state)s.", state=AwardState(award.state).label))
    ]


def _being_checked(diligence: Diligence) -> list[Obstacle]:
    if diligence.state == DiligenceState.OPENED:
        return []
    return [Obstacle("finished", _l("The due diligence is finished. It can be opened again, with a reason."))]


def obstacles_to_handing_in(point: Point, diligence: Diligence, award: Award) -> list[Obstacle]:
    """Why nothing can be handed in for a point: it is not asked of the grantee, it is judged, or all is finished."""
    found = _being_checked(diligence) + _open(award)
    if point.asked_of != AskedOf.GRANTEE:
        found.append(Obstacle("not_asked", _l("This is not asked of you.")))
    elif point.verdict in (Verdict.OK, Verdict.NOT_APPLICABLE):
        found.append(Obstacle("judged", _l("This was looked at. Nothing more is needed.")))
    return found


def obstacles_to_giving_kept(point: Point, stored: StoredFile | None) -> list[Obstacle]:
    """Why a document that the organization keeps cannot be handed in for a point."""
    if stored is None or stored.erased_at is not None:
        return [Obstacle("nothing_kept", _l("Your organization keeps no such document."))]
    if stored.kind not in (point.formats or PAPERS):
        kinds = ", ".join(point.formats or PAPERS)
        return [
            Obstacle(
                "file_kind", _l("This kind of file is not taken here. Please send one of: %(kinds)s.", kinds=kinds)
            )
        ]
    return obstacles_to_opening(stored.scan) if stored.scan == Scan.INFECTED else []


def mark_of_point(point: Point) -> str:
    """A mark of what a point holds now: what was handed in, and what was found of it."""
    return mark_of(point.file_id, point.source, point.verdict, point.note, point.words)


def obstacles_to_judging(
    point: Point,
    diligence: Diligence,
    award: Award,
    verdict: str | None = None,
    note: str = "",
    words: str = "",
    read: str | None = None,
) -> list[Obstacle]:
    """Why a point cannot be judged like this: something else was handed in or found than was read (``read``), or the note is
    missing. ``verdict`` is None while the page is only shown.
    """
    found = _being_checked(diligence) + _open(award) + obstacles_to_unread(read, mark_of_point(point))
    if verdict is None:
        return found
    if verdict not in list(Verdict):
        return [*found, Obstacle("no_verdict", _l("Please say what you found."))]
    if verdict != Verdict.OK and not note.strip():
        found.append(Obstacle("note_missing", _l("Please say why in a note. It stays inside the fund.")))
    nothing = point.asked_of == AskedOf.GRANTEE and not is_in(point)
    if verdict == Verdict.OK and nothing and not note.strip():
        found.append(
            Obstacle("nothing_came", _l("Nothing was handed in. If it was seen otherwise, say how in the note."))
        )
    if words.strip() and (verdict != Verdict.NOT_OK or point.asked_of != AskedOf.GRANTEE):
        found.append(Obstacle("nothing_to_ask", _l("Only what is not in order is asked for again.")))
    return found


def obstacles_to_judging_risk(award: Award, risk: str | None, reason: str) -> list[Obstacle]:
    """Why a risk cannot be judged like this."""
    found = _open(award)
    if risk is not None and risk not in list(Risk):
        found.append(Obstacle("no_risk", _l("Please choose low, medium or high.")))
    if risk is not None and not reason.strip():
        found.append(Obstacle("reason_missing", _l("Please say why. The reason stays in the record.")))
    return found


def obstacles_to_finishing(dossier: Dossier, award: Award, days: int, today: date) -> list[Obstacle]:
    """Why a due diligence cannot be finished: points not judged, no risk, or a sanctions list in the way."""
    diligence = dossier.diligence
    if diligence is None:
        return [Obstacle("not_begun", _l("The due diligence has not begun."), _page(award))]
    found = _being_checked(diligence) + _open(award)
    for tab, standing in standings(dossier.points).items():
        left = standing.total - standing.done
        if left:
            message = _ln(
                "%(num)s point is not judged yet: %(tab)s.",
                "%(num)s points are not judged yet: %(tab)s.",
                left,
                tab=TAB_LABELS[tab],
            )
            found.append(Obstacle(f"points_left_{tab}", message, _page(award, tab)))
    if diligence.risk_judged_at is None:
        found.append(Obstacle("risk_not_judged", _l("The risk is not judged."), _page(award, "risk")))
    return found + obstacles_by_sanctions(dossier, award, days, today)


def obstacles_to_agreement(dossier: Dossier, award: Award, days: int, today: date) -> list[Obstacle]:
    """What of the due diligence an agreement waits for, each with the place where it is mended."""
    diligence = dossier.diligence
    if diligence is not None and diligence.state == DiligenceState.FINISHED:
        return obstacles_by_sanctions(dossier, award, days, today)
    left = obstacles_to_finishing(dossier, award, days, today)
    return left or [Obstacle("not_finished", _l("The due diligence is not finished."), _page(award))]


# ------------------------------------------------------------------ confidentiality


def is_tighter(wanted: str, than: str) -> bool:
    """Whether one class hides more than another."""
    return wanted != than and strictest(wanted, than) == wanted


def obstacles_to_tightening(award: Award, wanted: str, reason: str) -> list[Obstacle]:
    """Why a grant cannot be made more confidential: it is not more, or nobody says why."""
    found = []
    if wanted not in list(Confidentiality) or not is_tighter(wanted, award.confidentiality):
        found.append(Obstacle("not_tighter", _l("Please choose a class that hides more than the present one.")))
    if not reason.strip():
        found.append(Obstacle("reason_missing", _l("Please say why. The reason stays in the record.")))
    return found


def obstacles_to_asking_consent(award: Award, wanted: str, reason: str, asked: Consent | None) -> list[Obstacle]:
    """Why the grantee cannot be asked to loosen: it waits for an answer, it is not looser, or nobody says why."""
    found = []
    if asked is not None:
        found.append(Obstacle("asked_already", _l("The grantee was asked and has not answered.")))
    if wanted not in list(Confidentiality) or not is_tighter(award.confidentiality, wanted):
        found.append(Obstacle("not_looser", _l("Please choose a class that hides less than the present one.")))
    else:
        found.extend(_asked_by_profile(award, wanted))
    if not reason.strip():
        found.append(Obstacle("reason_missing", _l("Please say why. The reason stays in the record.")))
    return found


def mark_of_question(consent: Consent | None) -> str:
    """A mark of one question for consent: nobody answers another one than was read."""
    return mark_of(consent.id if consent else 0)


def _asked_by_profile(award: Award, wanted: str) -> list[Obstacle]:
    """A grant is never less confidential than the profile of its organization asks for all its grants."""
    if not is_tighter(award.organization.confidentiality_default, wanted):
        return []
    message = _l("The organization asks for more in its profile. An owner has to change it there first.")
    return [Obstacle("asked_by_profile", message)]


def obstacles_to_answering(
    consent: Consent, award: Award, name: str, read: str | None = None, *, given: bool
) -> list[Obstacle]:
    """Why a question for consent cannot be answered: it was, the class changed since, another question was read, no name is
    given, or more is asked for in the profile than would be ``given``.
    """
    found = obstacles_to_unread(read, mark_of_question(consent))
    if consent.state != ConsentState.ASKED or consent.from_class != award.confidentiality:
        found.append(Obstacle("answered", _l("This question does not stand any more.")))
    if not name.strip():
        found.append(Obstacle("no_signature", _l("Please type your full name.")))
    return found + (_asked_by_profile(award, consent.to_class) if given else [])
