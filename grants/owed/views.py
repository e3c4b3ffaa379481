"""Pages of what is owed: on one grant, on all grants somebody looks after; and both as calendars."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from flask import Blueprint, Response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from grants.awards import queries as awards
from grants.awards.models import Award
from grants.awards.permissions import sees_as_staff
from grants.core import clock, icalendar
from grants.core.permissions import scope
from grants.core.templating import absolute_link, reader_zone
from grants.core.web import SIGNED_IN, access, found
from grants.owed import queries, rules
from grants.owed.permissions import can_move, own_organizations, sees_many
from grants.owed.queries import Asked, Counted, Gone, Owed, Place
from grants.owed.rules import Line
from grants.payments.queries import standings_of

bp = Blueprint("owed", __name__)

LAST = 2**62
"""Beyond every number of a row."""


def _award(reference: str) -> Award:
    return found(awards.award_by_reference(scope(current_user, Award), reference))


def _rows(lines: Iterable[Line]) -> list[dict[str, Any]]:
    """What is owed, as the tables show it: with the page where it is done and the one where its day is moved."""
    rows = []
    for line in lines:
        item = line.item
        page = rules.address(rules.PAGES, item)
        move = None if item.is_done or not can_move(current_user, item) else rules.address(rules.MOVES, item)
        rows.append(
            {
                "item": item,
                "line": line,
                "name": rules.name_of(item),
                "kind": rules.KIND_LABELS[item.kind],
                "url": url_for(page[0], **page[1]) if page else "",
                "move": url_for(move[0], **move[1]) if move else "",
                "when": rules.WHEN[line.when],
            }
        )
    return rows


@bp.get("/grants/<reference>/owed")
@access(SIGNED_IN)
def of_grant(reference: str) -> ResponseReturnValue:
    """Who owes what on one grant, by when, and how much money waits on it."""
    award = _award(reference)
    at, today = clock.now(), clock.today(award.call.timezone)
    own = own_organizations(current_user)
    items = queries.of_grant(scope(current_user, Award), own, award)
    rows = _rows(rules.lines_of(items, standings_of([award.id]), today, at, own))
    return render_template(
        "owed/of_grant.html",
        award=award,
        open=[row for row in rows if row["line"].when not in rules.OVER],
        over=[row for row in rows if row["line"].when in rules.OVER],
        former=queries.former_days(award, items),
        staff=sees_as_staff(current_user, award),
    )


@bp.get("/owed")
@access(SIGNED_IN)
def everywhere() -> ResponseReturnValue:
    """Who owes what on all grants that the reader may see, what is late first."""
    asked, after = _asked(), _after()
    at, today = clock.now(), clock.today(reader_zone())
    seen, own = scope(current_user, Award), own_organizations(current_user)
    many = sees_many(current_user)
    numbers = queries.numbers_of(seen, own, asked, today, rules.SOON, many=many)
    items = queries.page_of(seen, own, asked, today, rules.SOON, after=after, most=queries.PAGE + 1, many=many)
    shown, further = items[: queries.PAGE], len(items) > queries.PAGE
    lines = rules.lines_of(shown, standings_of({item.award_id for item in shown}), today, at, own)
    return render_template(
        "owed/everywhere.html",
        rows=_rows(lines),
        own=own,
        numbers=numbers,
        groups=_groups(asked, numbers),
        filtered=any((asked.kind, asked.who, asked.when)),
        calendar=url_for(".calendar", **_kept(asked)),
        start=url_for(".everywhere", **_kept(asked)) if after != queries.FIRST else None,
        further=url_for(".everywhere", **_kept(asked), after=_said(queries.place_of(shown[-1]))) if further else None,
    )


def _said(place: Place) -> str:
    """A place as an address says it."""
    return f"{place.due_on.isoformat()}.{place.kind}.{place.subject_id}"


def _after() -> Place:
    """The place after which the address begins; what it does not say rightly is the beginning."""
    day, _dot, rest = request.args.get("after", "").partition(".")
    kind, _dot, number = rest.partition(".")
    try:
        return Place(date.fromisoformat(day), kind, min(int(number), LAST))
    except ValueError:
        return queries.FIRST


def _asked() -> Asked:
    def one_of(name: str, allowed: Iterable[str]) -> str:
        value = request.args.get(name, "")
        return value if value in allowed else ""

    return Asked(one_of("kind", queries.KINDS), one_of("who", rules.WHO_LABELS), one_of("when", ("late", "soon")))


def _kept(asked: Asked, **changed: str) -> dict[str, Any]:
    wanted = {"kind": asked.kind, "who": asked.who, "when": asked.when} | changed
    return {name: value for name, value in wanted.items() if value}


def _groups(asked: Asked, numbers: queries.Numbers) -> list[dict[str, Any]]:
    """The filters as links, each keeping the others."""
    when = {key: rules.WHEN[key][0] for key in ("late", "soon")}
    groups = (
        (_("When"), "when", when, numbers.by_when),
        (_("Who owes it"), "who", rules.WHO_LABELS, numbers.by_who),
        (_("What"), "kind", rules.KIND_LABELS, numbers.by_kind),
    )
    return [
        {
            "label": label,
            "links": [
                {
                    "label": words,
                    "url": url_for(".everywhere", **_kept(asked, **{name: key})),
                    "current": getattr(asked, name) == key,
                    "count": counts[key].number if key in counts else 0 if key else every.number,
                    "more": counts[key].more if key in counts else not key and every.more,
                }
                for key, words in {"": _("All"), **labels}.items()
                if not key or key in counts or getattr(asked, name) == key
            ],
        }
        for label, name, labels, counts in groups
        for every in [sum(counts.values(), Counted())]
    ]


# ------------------------------------------------------------------ as calendars


@bp.get("/grants/<reference>/owed.ics")
@access(SIGNED_IN)
def calendar_of_grant(reference: str) -> ResponseReturnValue:
    """What is still owed on one grant, for the reader's own calendar."""
    award = _award(reference)
    seen, own = scope(current_user, Award), own_organizations(current_user)
    items = queries.of_grant(seen, own, award)
    gone = queries.gone(seen, own, date.min, only=award.id)
    return _calendar([item for item in items if not item.is_done], gone, f"{reference}-owed.ics")


@bp.get("/owed.ics")
@access(SIGNED_IN)
def calendar() -> ResponseReturnValue:
    """What is still owed on all grants that the reader may see, for their own calendar."""
    seen, own = scope(current_user, Award), own_organizations(current_user)
    today = clock.today(reader_zone())
    asked = _asked()
    items = queries.page_of(seen, own, asked, today, rules.SOON, most=queries.MOST_DAYS, many=sees_many(current_user))
    return _calendar(items, queries.gone(seen, own, today, kind=asked.kind), "owed.ics")


def _calendar(items: Sequence[Owed], gone: Sequence[Gone], name: str) -> Response:
    """A calendar of whole days; what is not owed any more is taken away from one that holds it. It may be shared with
    anybody by mistake, so it names no grantee and quotes nobody.
    """
    every: list[Owed | Gone] = [*items, *gone]
    changed = queries.times_changed(every)
    days = [
        icalendar.Day(
            uid=f"{item.kind}-{item.subject_id}",
            day=item.due_on,
            words=rules.shown_outside(item),
            url=absolute_link("owed.of_grant", reference=item.reference),
            sequence=changed[item.kind, item.subject_id],
            cancelled=isinstance(item, Gone),
        )
        for item in every
        if item.due_on is not None
    ]
    answer = Response(icalendar.written(_("Pilot Fund: what is owed"), days, clock.now()), mimetype="text/calendar")
    answer.headers.set("Content-Disposition", "attachment", filename=name)
    return answer
