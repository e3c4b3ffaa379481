"""Pages."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from grants.core import files, pdf
from grants.core.languages import language_now
from grants.core.permissions import require, scope
from grants.core.web import access, done
from grants.decisions import queries as decisions
from grants.decisions.models import Meeting
from grants.decisions.permissions import can_see_case, cases_seen_by
from grants.decisions.views import COMMITTEE, SITTING, meeting_read, sheet_values
from grants.packs import actions, permissions, queries, rules
from grants.packs.models import Pack

bp = Blueprint("packs", __name__)


# ------------------------------------------------------------------ the pack


@bp.app_template_global("may_have_pack")
def may_have_pack(meeting: Meeting) -> bool:
    """Whether the present person may have a pack of a meeting."""
    return permissions.can_have_pack(current_user, meeting)


@bp.get("/meetings/<reference>/pack")
@access(*SITTING)
def pack(reference: str) -> ResponseReturnValue:
    """My pack: how far it is, and the way to have it made and to take it."""
    meeting = meeting_read(reference)
    require(permissions.can_have_pack(current_user, meeting))
    mine = queries.pack_of(scope(current_user, Pack), meeting.id)
    readable = queries.readable_ids(cases_seen_by(current_user), meeting.call_id)
    return render_template(
        "packs/pack.html",
        meeting=meeting,
        call=meeting.call,
        pack=mine,
        asking=rules.obstacles_to_asking(mine),
        giving=rules.obstacles_to_giving(mine, readable) if mine else [],
        kept_days=rules.KEPT.days,
    )


@bp.post("/meetings/<reference>/pack")
@access(*SITTING)
def ask(reference: str) -> ResponseReturnValue:
    """Have my pack made."""
    meeting = meeting_read(reference)
    require(permissions.can_have_pack(current_user, meeting))
    actions.ask_for(meeting, by=current_user)
    return done(_("Your pack is being made. This takes a moment."), "packs.pack", reference=reference)


@bp.post("/meetings/<reference>/pack/download")
@access(*SITTING)
def take(reference: str) -> ResponseReturnValue:
    """Take my pack; that I did is written down."""
    meeting = meeting_read(reference)
    require(permissions.can_have_pack(current_user, meeting))
    return files.send(actions.give(meeting, by=current_user), f"{reference}-pack.pdf")


# ------------------------------------------------------------------ the sheet and the minutes


def _told(values: dict[str, Any]) -> list[rules.Told]:
    return [
        rules.Told(
            one,
            values["places"].get(one.application_id),
            rules.explained(one, values["gate"]),
            values["counts"][one.id],
            values["recused"][one.id],
            list(values["late"].get(one.id, {}).values()),
        )
        for one in values["decisions"]
    ]


@bp.get("/meetings/<reference>/sheet.pdf")
@access(*COMMITTEE)
def sheet(reference: str) -> Response:
    """The decision sheet as a document."""
    values = sheet_values(meeting_read(reference))
    words = rules.sheet_in_words(
        values["meeting"],
        _told(values),
        values["fingerprint"],
        elsewhere=values["elsewhere"],
        lifted=values["lifted"],
        unsigned=values["unsigned"],
    )
    return _document(f"{reference}-decisions.pdf", words)


@bp.get("/meetings/<reference>/minutes.pdf")
@access(*COMMITTEE)
def minutes(reference: str) -> Response:
    """The minutes as a document, point by point."""
    meeting = meeting_read(reference)
    values = sheet_values(meeting)
    gate = values["gate"]
    discussed = [
        one
        for one in decisions.discussed_in(meeting.id)
        if one.id not in gate.ids and can_see_case(current_user, one.region, meeting)
    ]
    seen = {one.id for one in discussed}
    discussion = decisions.discussion_of(meeting)
    words = rules.minutes_in_words(
        meeting,
        values["points"],
        _told(values),
        discussed,
        {key: [one for one in said if gate.told(one.text)] for key, said in discussion.items() if key in seen},
        values["minutes"],
        left_room=values["left_room"],
        lifted=values["lifted"],
        unsigned=values["unsigned"],
        elsewhere=values["elsewhere"],
    )
    return _document(f"{reference}-minutes.pdf", words)


def _document(name: str, words: dict[str, Any]) -> Response:
    return files.download(pdf.render("document", language=language_now(), **words), name)
