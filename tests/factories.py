"""Rows for tests of one package, so that it need not live through the whole river first. Journeys never use these."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import select

from grants.accounts.models import MemberRole, Membership, Organization, Person, Role, RoleGrant
from grants.applications.models import Application
from grants.applications.workflow import ApplicationState
from grants.awards.models import Award, BudgetLine, Risk
from grants.awards.workflow import AwardState
from grants.calls.models import Call, Criterion, DocumentAsked, EligibilityRule, Lot, RegionEnvelope
from grants.calls.workflow import CallState
from grants.core import clock
from grants.core.db import db
from grants.core.files import StoredFile
from grants.decisions.models import Decision, DecisionOutcome, Meeting
from grants.decisions.workflow import DecisionState, MeetingState
from grants.diligence.models import Diligence, Outcome, SanctionsCheck
from grants.diligence.queries import names_to_search
from grants.diligence.workflow import DiligenceState
from grants.questionnaires.models import AnswerSheet, Questionnaire
from grants.reports.models import Report, ReportDue, ReportKind, ReportLine

count = itertools.count(1)
REGIONS = ["AFR", "ASI", "LAC"]
PASSWORD = "correct horse"


def save(row: Any) -> Any:
    """Put a row into the present transaction."""
    db.session.add(row)
    db.session.flush()
    return row


def save_all(rows: Iterable[Any]) -> None:
    """Put several rows into the present transaction together, in their order."""
    db.session.add_all(rows)
    db.session.flush()


def person(*roles: Role, regions: list[str] | None = None, **more: Any) -> Person:
    """Somebody who can sign in with PASSWORD."""
    n = next(count)
    values = {"name": f"Person {n}", "email": f"person{n}@example.org", "password": PASSWORD, "reference": f"T-{n}"}
    somebody = save(Person(**(values | {"confirmed_at": datetime.now(UTC), "language": "en"} | more)))
    if roles:
        save_all(
            RoleGrant(person_id=somebody.id, role=r, regions=REGIONS if regions is None else regions) for r in roles
        )
    return somebody


def organization(*members: Person, **more: Any) -> Organization:
    """An organization; the first member owns it and signs for it."""
    n = next(count)
    values = {
        "reference": f"ORG-T{n}",
        "name": f"Organization {n}",
        "country": "SN",
        "region": "AFR",
        "legal_form": "ngo",
        "registered": True,
        "registration_number": f"R{n}",
        "founded_on": date(2010, 1, 1),
        "income_last_year_minor": 8_000_000,
        "staff_paid": 2,
        "volunteers": 3,
        "migrant_led": "half",
        "email": f"org{n}@example.org",
        "contact_name": "Contact",
        "legal_representative": "Representative",
    }
    founded = save(Organization(**(values | more)))
    for position, member in enumerate(members):
        role = MemberRole.EDITOR if position else MemberRole.OWNER
        save(Membership(organization_id=founded.id, person_id=member.id, role=role, may_sign=not position))
    return founded


def questionnaire(**more: Any) -> Questionnaire:
    """A questionnaire with one question."""
    n = next(count)
    definition = {
        "id": f"Q-{n}",
        "version": 1,
        "languages": ["en"],
        "title": {"en": "Form"},
        "sections": [
            {
                "id": "S1",
                "title": {"en": "One"},
                "questions": [
                    {"key": "title", "type": "text", "required": True, "max_chars": 50, "label": {"en": "Title"}}
                ],
            }
        ],
    }
    values = {"key": f"Q-{n}", "version": 1, "title": {"en": "Form"}, "languages": ["en"], "definition": definition}
    return save(Questionnaire(**(values | more)))


def call(**more: Any) -> Call:
    """A published call, open around 2027-02-01 and closed on 2027-02-28 UTC, with two lots and two criteria."""
    n = next(count)
    values: dict[str, Any] = {
        "reference": f"CALL-{n}",
        "state": CallState.PUBLISHED,
        "programme": {"en": "Fund"},
        "title": {"en": f"Call {n}"},
        "currency": "EUR",
        "languages": ["en"],
        "authoritative_language": "en",
        "timezone": "Europe/Brussels",
        "opens_at": datetime(2027, 1, 11, 8, tzinfo=UTC),
        "closes_at": datetime(2027, 2, 28, 23, tzinfo=UTC),
        "reviews_due_on": date(2027, 3, 26),
        "meeting_on": date(2027, 4, 8),
        "notify_until": date(2027, 4, 15),
        "complaints_until": date(2027, 4, 29),
        "sign_until": date(2027, 5, 14),
        "earliest_start_on": date(2027, 5, 15),
        "latest_end_on": date(2028, 2, 29),
        "envelope_minor": 12_000_000,
        "grant_min_minor": 600_000,
        "grant_max_minor": 1_500_000,
        "months_min": 4,
        "months_max": 9,
        "eligible_countries": ["SN", "NP", "MX"],
        "terms": {},
        "budget": {"headings": []},
        "plan_of_action": {},
        "grid": {
            "scale": {"min": 1, "max": 5, "step": 1, "comment_required_for": [1, 2, 5]},
            "sections": [
                {"id": "A", "max": 20, "min_to_pass": 12, "reject_if_any_subscore": 1},
                {"id": "B", "max": 80},
            ],
            "thresholds": {"total": 60},
            "assessors": {"independent_reviews": 2, "third_review_if": [], "score_with_three": "mean_of_two_closest"},
            "tie_break": ["section_B", "section_A", "lower_requested_amount", "published_lottery"],
        },
    }
    if "questionnaire_id" not in more:
        values["questionnaire_id"] = questionnaire().id
    made = save(Call(**(values | more)))
    rows: list[Any] = [
        Lot(call_id=made.id, position=position, key=key, title={"en": f"Lot {key}"}, plan_points=[3, 4])
        for position, key in enumerate(("L1", "L2"))
    ]
    rows += [
        RegionEnvelope(
            call_id=made.id, position=position, region=region, label={"en": region}, indicative_minor=4_000_000
        )
        for position, region in enumerate(REGIONS)
    ]
    rows += [
        Criterion(
            call_id=made.id,
            position=position,
            section=section,
            key=key,
            weight=weight,
            text={"en": f"Criterion {key}"},
            anchors={},
        )
        for position, (section, key, weight) in enumerate((("A", "A1", 4), ("B", "B1", 16)))
    ]
    rows += [
        EligibilityRule(
            call_id=made.id,
            position=0,
            key="E01",
            check="organization.registered == true",
            on_fail="reject",
            text={"en": "Registered"},
        ),
        DocumentAsked(
            call_id=made.id,
            position=0,
            code="A1",
            key="statutes",
            label={"en": "Statutes"},
            formats=["pdf"],
            required=True,
        ),
    ]
    save_all(rows)
    return made


def application(call_: Call, organization_: Organization, by: Person, **more: Any) -> Application:
    """An eligible application of EUR 10,000 (or whatever ``more`` says)."""
    n = next(count)
    sheet = save(AnswerSheet(questionnaire_id=call_.questionnaire_id, language="en"))
    values: dict[str, Any] = {
        "reference": f"APP-T{n}",
        "call_id": call_.id,
        "organization_id": organization_.id,
        "answer_sheet_id": sheet.id,
        "questionnaire_id": sheet.questionnaire_id,
        "state": ApplicationState.ELIGIBLE,
        "language": "en",
        "started_by_id": by.id,
        "title": f"Action {n}",
        "submitted_at": call_.closes_at - timedelta(days=2),
        "submitted_by_id": by.id,
        "content_hash": "0" * 64,
        "lot_key": "L1",
        "region": organization_.region,
        "plan_points": [3],
        "countries": [organization_.country],
        "requested_minor": 1_000_000,
        "total_cost_minor": 1_200_000,
        "currency": call_.currency,
        "start_on": date(2027, 6, 1),
        "months": 8,
    }
    return save(Application(**(values | more)))


def decision(application_: Application, by: Person, **more: Any) -> Decision:
    """A released award decision taken in a closed meeting."""
    n = next(count)
    meeting = save(
        Meeting(
            reference=f"M-{n}",
            call_id=application_.call_id,
            state=MeetingState.CLOSED,
            quorum=1,
            called_by_id=by.id,
            starts_at=datetime(2027, 4, 8, 12, tzinfo=UTC),
        )
    )
    values: dict[str, Any] = {
        "meeting_id": meeting.id,
        "application_id": application_.id,
        "state": DecisionState.RELEASED,
        "outcome": DecisionOutcome.AWARD,
        "amount_minor": application_.requested_minor,
        "currency": application_.currency,
        "proposed_by_id": by.id,
        "taken_at": datetime(2027, 4, 8, 13, tzinfo=UTC),
        "released_at": datetime(2027, 4, 12, 9, tzinfo=UTC),
        "score": "80",
        "rank": 1,
    }
    return save(Decision(**(values | more)))


def award(application_: Application, by: Person, **more: Any) -> Award:
    """A running award over what was requested, with two budget lines."""
    n = next(count)
    taken = decision(application_, by)
    values: dict[str, Any] = {
        "reference": f"GRANT-T{n}",
        "application_id": application_.id,
        "decision_id": taken.id,
        "call_id": application_.call_id,
        "organization_id": application_.organization_id,
        "region": application_.region,
        "country": application_.organization.country,
        "lot_key": application_.lot_key,
        "plan_points": application_.plan_points,
        "title": application_.title,
        "amount_minor": application_.requested_minor,
        "currency": application_.currency,
        "confidentiality": application_.confidentiality,
        "state": AwardState.ACTIVE,
        "answer_by": date(2027, 4, 26),
        "sign_by": date(2027, 5, 14),
        "start_on": date(2027, 6, 1),
        "end_on": date(2028, 1, 31),
    }
    made = save(Award(**(values | more)))
    of_staff = made.amount_minor * 4 // 10
    save_all(
        BudgetLine(award_id=made.id, position=position, heading=heading, title={"en": title}, amount_minor=minor)
        for position, (heading, title, minor) in enumerate(
            (("staff", "Staff", of_staff), ("activities", "Activities", made.amount_minor - of_staff))
        )
    )
    return made


def diligence(award_: Award, by: Person, **more: Any) -> Diligence:
    """A finished due diligence with a low risk, and a search of today that found nothing."""
    award_.risk = Risk.LOW
    values: dict[str, Any] = {
        "award_id": award_.id,
        "state": DiligenceState.FINISHED,
        "opened_by_id": by.id,
        "risk_reason": "Nothing speaks against it.",
        "risk_judged_at": clock.now(),
        "risk_judged_by_id": by.id,
    }
    searched = {"list_name": "UN list", "list_version": "2027-05-01", "names": names_to_search(award_), "decision": ""}
    who = {"outcome": Outcome.NO_MATCH, "needs_look": False, "made_by_id": by.id, "made_at": clock.now()}
    save(SanctionsCheck(award_id=award_.id, **searched, **who))
    return save(Diligence(**(values | more)))


def stored_file(name: str = "proof.pdf") -> StoredFile:
    """The row of a file whose content nobody opens."""
    n = next(count)
    return save(StoredFile(key=f"{n}.pdf", name=name, media_type="application/pdf", size=1, sha256="0" * 64))


def report_due(award_: Award, key: str = "final_report", **more: Any) -> ReportDue:
    """A narrative and financial report owed on 2028-03-31."""
    values: dict[str, Any] = {
        "award_id": award_.id,
        "key": key,
        "label": {"en": key.replace("_", " ").capitalize()},
        "kind": ReportKind.NARRATIVE_AND_FINANCIAL,
        "required": True,
        "due_on": date(2028, 3, 31),
    }
    return save(ReportDue(**(values | more)))


def report(due: ReportDue, spent_minor: int, **more: Any) -> Report:
    """A report whose first budget line shows some money as spent; the state of what is owed is the caller's."""
    form = questionnaire()
    sheet = save(AnswerSheet(questionnaire_id=form.id, language="en"))
    made = save(Report(**({"report_due_id": due.id, "answer_sheet_id": sheet.id, "version": 1} | more)))
    line = db.session.scalars(select(BudgetLine).where(BudgetLine.award_id == due.award_id)).first()
    assert line is not None
    save(
        ReportLine(
            report_id=made.id,
            budget_line_id=line.id,
            local_minor=spent_minor,
            local_currency="EUR",
            rate=1,
            spent_minor=spent_minor,
            currency="EUR",
        )
    )
    return made
