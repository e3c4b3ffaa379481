"""The sample call with its organizations and applications, begun and filled through the same actions as the screens."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from grants.accounts.models import Organization, Person, Role
from grants.applications import actions
from grants.applications.models import Application, Receipt
from grants.calls.actions import import_call, publish
from grants.calls.forms import LOADER, read_call
from grants.calls.models import Call
from grants.core import clock
from grants.questionnaires.queries import definition_of
from tests import factories as make
from tests.applications.documents import of_kind

FOLDER = Path(__file__).parents[2] / "sample"
OPEN = datetime(2027, 2, 10, 9, tzinfo=UTC)
REFERENCES = [f"APP-{n:03d}" for n in range(1, 13)]


@cache
def read(name: str) -> Any:
    """One sample file."""
    return yaml.load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"), LOADER)  # noqa: S506 - the safe one


@cache
def _documents() -> dict[str, Any]:
    return read_call(FOLDER)


def sample_call() -> tuple[Call, Person]:
    """The published sample call, and the global coordinator who published it."""
    coordinator = make.person(Role.GLOBAL_COORDINATOR, name="Coordinator of All")
    call = import_call(deepcopy(_documents()), by=coordinator)
    with clock.at(datetime(2027, 1, 5, tzinfo=UTC)):
        publish(call, by=coordinator)
    return call, coordinator


def entry_of(reference: str) -> dict[str, Any]:
    """What applications.yaml tells of one application."""
    return next(entry for entry in read("applications")["applications"] if entry["id"] == reference)


def organization_of(reference: str) -> tuple[Organization, Person]:
    """The organization of a sample application, with its owner."""
    told = next(o for o in read("organizations")["organizations"] if o["id"] == entry_of(reference)["organization"])
    owner = make.person(name=told["contact_name"], language="en")
    same = ("name", "acronym", "country", "city", "region", "language", "legal_form", "registered", "founded_on")
    profile = {name: told[name] for name in same} | {
        "registration_number": told.get("registration_number"),
        "fiscal_sponsor": told.get("fiscal_sponsor"),
        "income_last_year_minor": told["income_last_year_eur"] * 100,
        "confidentiality_default": told["confidentiality_default"],
    }
    return make.organization(owner, **profile), owner


def answers_of(reference: str) -> dict[str, Any]:
    """The answers of one sample application."""
    return dict(read(f"answers/{reference}")["answers"])


def send_in(application: Application, *, by: Person) -> Receipt:
    """What a signatory does at the end: reads, certifies and sends in, in one act."""
    return actions.submit(application, by=by, read=actions.fingerprint_now(application))


def filled(call: Call, reference: str, *, annexes: bool = True) -> tuple[Application, Person]:
    """One sample application, begun and filled, with its documents; the owner may send it in."""
    organization, owner = organization_of(reference)
    told = answers_of(reference)
    with clock.at(OPEN):
        language = entry_of(reference)["language"]
        application = actions.start(call, organization, language=language, by=owner, reference=reference)
        for section in definition_of(call.questionnaire_id).sections:
            values = {q.key: told.get(q.key) for q in section.questions if q.type != "files"}
            if values:
                actions.save_section(application, section.key, values, by=owner, version=None)
        asked = {document.key: document for document in call.documents}
        for annex in told["annexes"] if annexes else ():
            if annex["status"] == "withheld":
                actions.withhold(application, asked[annex["key"]], annex["reason"], by=owner)
            elif annex["file"]:
                actions.attach(application, asked[annex["key"]], annex["file"], of_kind(annex["file"]), by=owner)
    return application, owner
