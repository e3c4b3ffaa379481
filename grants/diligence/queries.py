"""Finding due diligences, searches of sanctions lists, and what both are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import Select, func, select
from sqlalchemy.orm import joinedload, selectinload

from grants.accounts.models import Membership, Organization, Person, Role
from grants.accounts.queries import coordinators_of, holders_of
from grants.applications.models import Application, Attachment
from grants.awards.models import Agreement, Award
from grants.calls.models import DocumentAsked
from grants.calls.queries import documents_of
from grants.conflicts.queries import free_among
from grants.core.db import db
from grants.diligence.models import Consent, Diligence, EarlierPaper, Point, SanctionsCheck, SecondLook
from grants.diligence.workflow import ConsentState
from grants.organizations.models import KeptDocument
from grants.organizations.workflow import DocumentState
from grants.questionnaires.queries import answers_of_sheets

DEFAULT = Path(__file__).with_name("points.yaml")


@cache
def default_points() -> Mapping[str, Any]:
    """What is looked at where the call does not say: ``points``, and how one is made for each ``partner``."""
    read: Mapping[str, Any] = yaml.safe_load(DEFAULT.read_text(encoding="utf-8"))
    return read


def terms_of(award: Award) -> Mapping[str, Any]:
    """The terms of the call that an award was made in."""
    terms: Mapping[str, Any] = documents_of(award.call)["terms"]
    return terms


# ------------------------------------------------------------------ what a due diligence is made of


@dataclass(frozen=True)
class Material:
    """What is known of a grantee before anything is asked of it."""

    application: Application
    answers: Mapping[str, Any]
    documents: list[DocumentAsked]
    given: dict[str, Attachment]

    @property
    def partners(self) -> list[str]:
        """The names of the organizations that work with the applicant, as it wrote them."""
        rows = self.answers.get("partners")
        rows = rows if isinstance(rows, list) else []
        names = [str((row.get("name") if isinstance(row, Mapping) else row) or "").strip() for row in rows]
        return [name for name in names if name]


def material_of(award: Award) -> Material:
    """What the application of an award says and brought; of several files for a document, the last."""
    application = db.session.scalars(
        select(Application).where(Application.id == award.application_id).options(joinedload(Application.organization))
    ).one()
    answers = answers_of_sheets([application.answer_sheet_id]).get(application.answer_sheet_id, {})
    asked = select(DocumentAsked).where(DocumentAsked.call_id == award.call_id).order_by(DocumentAsked.position)
    given = (
        select(Attachment)
        .where(Attachment.application_id == application.id)
        .options(joinedload(Attachment.document), joinedload(Attachment.file))
        .order_by(Attachment.id)
    )
    by_key = {attachment.document.key: attachment for attachment in db.session.scalars(given)}
    return Material(application, answers, list(db.session.scalars(asked)), by_key)


@dataclass(frozen=True)
class Dossier:
    """A due diligence with its points and searches, and the names that have to be searched."""

    diligence: Diligence | None
    points: list[Point] = field(default_factory=list)
    checks: list[SanctionsCheck] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    @property
    def latest(self) -> SanctionsCheck | None:
        """The search that counts."""
        return self.checks[0] if self.checks else None


def diligence_of(award: Award) -> Diligence | None:
    """The due diligence of an award, with its points, their files and the people in them."""
    found = (
        select(Diligence)
        .where(Diligence.award_id == award.id)
        .options(
            joinedload(Diligence.risk_judged_by).load_only(Person.name),
            selectinload(Diligence.points).options(
                joinedload(Point.file),
                selectinload(Point.earlier).joinedload(EarlierPaper.file),
                joinedload(Point.judged_by).load_only(Person.name),
                joinedload(Point.handed_in_by).load_only(Person.name),
            ),
        )
        .execution_options(populate_existing=True)
    )
    return db.session.scalar(found)


def checks_of(award: Award, limit: int = 50) -> list[SanctionsCheck]:
    """The searches for an award, the latest first, each with the second look at it."""
    found = (
        select(SanctionsCheck)
        .where(SanctionsCheck.award_id == award.id)
        .options(
            joinedload(SanctionsCheck.made_by).load_only(Person.name),
            selectinload(SanctionsCheck.look).joinedload(SecondLook.made_by).load_only(Person.name),
        )
        .order_by(SanctionsCheck.id.desc())
        .limit(limit)
        .execution_options(populate_existing=True)
    )
    return list(db.session.scalars(found))


def names_to_search(award: Award) -> list[str]:
    """The organization, who leads, signs and speaks for it, its fiscal sponsor and its partners: each name once."""
    organization = db.session.scalars(select(Organization).where(Organization.id == award.organization_id)).one()
    signing = (
        select(Person.name)
        .join(Membership, Membership.person_id == Person.id)
        .where(Membership.organization_id == organization.id, Membership.ended_at.is_(None), Membership.may_sign)
        .order_by(Membership.id)
    )
    sheet = select(Application.answer_sheet_id).where(Application.id == award.application_id)
    sheet_id = db.session.scalars(sheet).one()
    partners = Material(award.application, answers_of_sheets([sheet_id]).get(sheet_id, {}), [], {}).partners
    said = [
        *(organization.name, organization.legal_representative, organization.fiscal_sponsor),
        *db.session.scalars(signing),
        *partners,
    ]
    once = {" ".join(name.split()).casefold(): " ".join(name.split()) for name in reversed(said) if name}
    return list(reversed(once.values()))


def dossier_of(award: Award) -> Dossier:
    """Everything about an award that its agreement waits for. A fixed number of queries."""
    diligence = diligence_of(award)
    return Dossier(diligence, diligence.points if diligence else [], checks_of(award), names_to_search(award))


def point_of(diligence: Diligence, point_id: int) -> Point | None:
    """One point of a due diligence."""
    return next((point for point in diligence.points if point.id == point_id), None)


def kept_for(diligence: Diligence, today: date) -> dict[str, KeptDocument]:
    """What the organization keeps itself and could hand in without sending it again, by the key of the point."""
    keys = [point.key for point in diligence.points if point.asked_of == "grantee"]
    found = (
        select(KeptDocument)
        .join(Award, Award.organization_id == KeptDocument.organization_id)
        .where(
            Award.id == diligence.award_id,
            KeptDocument.state == DocumentState.KEPT,
            KeptDocument.kind.in_(keys),
            KeptDocument.valid_until.is_(None) | (KeptDocument.valid_until >= today),
        )
        .options(joinedload(KeptDocument.file))
        .order_by(KeptDocument.id)
    )
    return {document.kind: document for document in db.session.scalars(found)}


def earlier_grants(award: Award) -> int:
    """How many other grants the organization has had from us: signed ones, and those it told of in its profile."""
    signed = select(Agreement.award_id).where(Agreement.signed_at.is_not(None))
    ours = select(func.count()).where(
        Award.organization_id == award.organization_id, Award.id != award.id, Award.id.in_(signed)
    )
    told = db.session.scalar(select(Organization.previous_grants).where(Organization.id == award.organization_id))
    return int(db.session.scalar(ours) or 0) + len(told or [])


# ------------------------------------------------------------------ who is told


def people_for_second_look(award: Award, but: Person) -> list[Person]:
    """Coordinators of the region and finance officers without a tie to the grantee, except one person."""
    found: Iterable[Person] = [*coordinators_of(award.region), *holders_of(Role.FINANCE_OFFICER)]
    once = {person.id: person for person in found if person.id != but.id}
    return free_among(once.values(), award.organization_id, award.call_id)


def finance_officers(award: Award) -> list[Person]:
    """Finance officers without a tie to the grantee."""
    return free_among(holders_of(Role.FINANCE_OFFICER), award.organization_id, award.call_id)


# ------------------------------------------------------------------ confidentiality


def consents_of(award: Award) -> list[Consent]:
    """The questions for consent about an award, the latest first."""
    found = (
        select(Consent)
        .where(Consent.award_id == award.id)
        .options(
            joinedload(Consent.asked_by).load_only(Person.name), joinedload(Consent.answered_by).load_only(Person.name)
        )
        .order_by(Consent.id.desc())
    )
    return list(db.session.scalars(found))


def consent_asked(award: Award) -> Consent | None:
    """The question for consent that waits for the grantee."""
    return db.session.scalar(select(Consent).where(Consent.award_id == award.id, Consent.state == ConsentState.ASKED))


def consents_in_force(award: Award) -> list[Consent]:
    """The questions that wait, and the consents that were given and still hold."""
    found = select(Consent).where(
        Consent.award_id == award.id, Consent.state.in_((ConsentState.ASKED, ConsentState.GIVEN))
    )
    return list(db.session.scalars(found))


def application_of(award: Award) -> Application:
    """The application of an award, held."""
    found: Select[Application] = select(Application).where(Application.id == award.application_id).with_for_update()
    return db.session.scalars(found).one()
