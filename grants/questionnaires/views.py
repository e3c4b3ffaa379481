"""What all pages have in common on which a section is written: it is saved with a button, or by itself while one types."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_datetime, format_time
from flask import Response, flash, jsonify, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import current_user

from grants.core import clock
from grants.core.languages import date_locale
from grants.core.languages import gettext as _
from grants.core.templating import reader_zone
from grants.questionnaires.actions import EditConflict
from grants.questionnaires.forms import SectionForm
from grants.questionnaires.models import SectionAnswers


@dataclass(frozen=True)
class SectionPage:
    """A page on which a section is written: its template, and the one of its questions alone.

    ``shown(state)`` gives what both show when the text is clean, unsaved, refused, saved or in conflict; ``always`` names
    the parts that are laid out anew after every save.
    """

    template: str
    questions: str
    shown: Callable[[str], dict[str, Any]]
    always: Sequence[str] = ()


def answer_to_saving(
    form: SectionForm,
    page: SectionPage,
    save: Callable[[], SectionAnswers | None],
    after: Callable[[SectionAnswers | None], ResponseReturnValue],
) -> ResponseReturnValue:
    """Save what was typed, and answer with a page, or with news for the page that saves by itself.

    ``save`` gives nothing back when the questions were corrected meanwhile and all that was typed has found its place.
    """
    by_itself = request.accept_mimetypes.best == "application/json"
    if not form.validate():
        return _shown(form, page, "refused", form.wrong, by_itself=by_itself), 422
    try:
        saved = save()
    except EditConflict as conflict:
        changed = form.show_conflict(conflict)
        return _shown(form, page, "conflict", changed, by_itself=by_itself, conflict=conflict), 409
    if not by_itself:
        return (saved and back_to_mend(form)) or after(saved)
    if saved is None:
        return jsonify(state="corrected")
    form.version_seen = saved.version
    said = _("Saved on the server %(time)s", time=in_short(saved.saved_at))
    return _shown(form, page, "saved", form.show_stored(saved.values), by_itself=True, said=said)


def back_to_mend(form: SectionForm) -> ResponseReturnValue | None:
    """After saving, the way back to the same page when something that was typed cannot stay; it is kept all the same."""
    if not form.point_out(given_only=True):
        return None
    flash(_("Saved on the server. Something cannot stay as it is: please look at what is marked."), "warning")
    return redirect(f"{request.path}?wrong=1")


def point_out(form: SectionForm) -> None:
    """Mark what the address of the page asks for: all that is missing or cannot stay, or only what cannot stay."""
    if "check" in request.args or "wrong" in request.args:
        form.point_out(given_only="check" not in request.args)


def _shown(
    form: SectionForm,
    page: SectionPage,
    state: str,
    changed: Sequence[str],
    *,
    by_itself: bool,
    said: str = "",
    conflict: EditConflict | None = None,
) -> Response | str:
    """The page; or where the text is now, and the questions that look different from what was sent, laid out anew."""
    if not by_itself:
        return render_template(page.template, **page.shown(state) | {"conflict": conflict})
    parts = [*changed, *page.always]
    html = render_template(page.questions, **page.shown(state)) if parts else ""
    return jsonify(state=state, version=form.version_seen, said=said, fields=parts, html=html)


def in_short(at: datetime) -> str:
    """A moment as short as it can be understood: the time today, else the day too, where the reader is."""
    zone = ZoneInfo(reader_zone())
    local, now = at.astimezone(zone), clock.now().astimezone(zone)
    if local.date() == now.date():
        return str(format_time(local, "short", tzinfo=zone, locale=date_locale()))
    return str(format_datetime(local, "short", tzinfo=zone, locale=date_locale()))


def kept_at(saved_at: datetime, by_id: int | None, by: str | None) -> str:
    """When a section was saved, and by which colleague."""
    return " · ".join([in_short(saved_at), *([by] if by and by_id != current_user.id else [])])
