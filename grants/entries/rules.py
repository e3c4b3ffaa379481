"""When the fund may type for an organization, and when what it typed counts."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime

from grants.accounts.models import Organization
from grants.applications.models import Application
from grants.applications.rules import region_in
from grants.applications.workflow import ApplicationState
from grants.calls.models import Call
from grants.core.languages import _l
from grants.core.rules import Obstacle
from grants.entries.models import RECORDED_WAYS, AssistedEntry, Typed


def obstacles_to_entering(organization: Organization, call: Call, regions: Collection[str]) -> list[Obstacle]:
    """Why a coordinator of these regions does not type for an organization."""
    if region_in(organization, call) not in regions:
        return [Obstacle("not_your_region", _l("This organization is not in one of your regions."))]
    return []


def obstacles_to_confirming(entry: AssistedEntry) -> list[Obstacle]:
    """Why there is nothing to confirm: not handed in yet, withdrawn, or confirmed already."""
    if entry.application.state not in (ApplicationState.SUBMITTED, ApplicationState.ELIGIBLE):
        return [Obstacle("not_sent_in", _l("Only what was sent in can be confirmed."))]
    if entry.is_confirmed:
        return [Obstacle("confirmed", _l("The organization has confirmed this already."))]
    return []


def obstacles_to_asking(entry: AssistedEntry, by_id: int) -> list[Obstacle]:
    """Why somebody of the fund does not have it confirmed: they typed it themselves, or there is nothing to confirm."""
    return obstacles_for_typist(entry, by_id) or obstacles_to_confirming(entry)


def obstacles_to_recording(entry: AssistedEntry, way: str, name: str, on: date, today: date) -> list[Obstacle]:
    """Why a confirmation cannot be written down as it is: how, by whom or when is missing, or it is not past."""
    return obstacles_to_confirming(entry) + obstacles_in_record(entry, way, name, on, today)


def obstacles_in_record(typed: Typed, way: str, name: str, on: date, today: date) -> list[Obstacle]:
    """What is missing or wrong in a confirmation that somebody of the fund writes down."""
    found = []
    if way not in RECORDED_WAYS:
        found.append(Obstacle("way", _l("Please say how the organization confirmed it.")))
    if not name.strip():
        found.append(Obstacle("name", _l("Please say who confirmed it.")))
    if on > today or on < typed.spoken_on:
        found.append(Obstacle("day", _l("Please give a day after your conversation, and not after today.")))
    return found


def obstacles_to_link(entry: AssistedEntry, at: datetime) -> list[Obstacle]:
    """Why a link no longer confirms anything."""
    return obstacles_by_link(entry, at) or obstacles_to_confirming(entry)


def obstacles_by_link(typed: Typed, at: datetime) -> list[Obstacle]:
    """Why a link is not good any more."""
    if typed.token_until is not None and at < typed.token_until:
        return []
    return [Obstacle("link_over", _l("This link is too old. Please ask us for a new one."))]


def obstacles_for_typist(typed: Typed, by_id: int) -> list[Obstacle]:
    """Whoever typed neither chooses where a link goes nor writes down that it was confirmed."""
    if by_id != typed.entered_by_id:
        return []
    message = _l("You typed it, so a colleague asks the organization and writes down what it says.")
    return [Obstacle("typed_it", message)]


def obstacles_to_counting(application: Application, entry: AssistedEntry | None) -> list[Obstacle]:
    """Why an application typed by the fund cannot be found eligible: the organization has not confirmed it."""
    if entry is not None and not entry.is_confirmed:
        message = _l("The fund typed this application. The organization has not confirmed it as it now is.")
        return [Obstacle("entry_unconfirmed", message, ("entries.entry", {"reference": application.reference}))]
    return []
