"""How confidential a grant is: tightened by those in charge, loosened only by the grantee itself."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from grants.accounts.models import MemberRole, Membership, Role
from grants.core.db import db
from grants.core.mail import OutboxMail
from grants.diligence import actions, queries
from grants.diligence.models import Consent
from grants.history.models import HistoryEntry
from tests import factories as make
from tests.diligence.test_diligence import Case, codes
from tests.http import Browser

HIDDEN, WITHHELD, PUBLIC = "fully_confidential", "name_withheld", "public"


def test_it_is_tightened_with_a_reason_and_it_counts_everywhere_at_once(app: Flask) -> None:
    case = Case()
    assert codes(actions.tighten, case.award, PUBLIC, "Because.", by=case.coordinator) == {"not_tighter"}
    assert codes(actions.tighten, case.award, WITHHELD, " ", by=case.coordinator) == {"reason_missing"}
    actions.tighten(case.award, WITHHELD, "A threat was reported.", by=case.coordinator)
    assert (case.award.confidentiality, case.application.confidentiality) == (WITHHELD, WITHHELD)
    found = select(HistoryEntry).where(HistoryEntry.verb == "tighten")
    entry = db.session.scalars(found).one()
    assert (entry.reason, entry.details) == ("A threat was reported.", {"before": PUBLIC, "after": WITHHELD})


def test_only_the_grantee_loosens_it_and_its_name_and_moment_are_kept(app: Flask) -> None:
    case = Case()
    actions.tighten(case.award, HIDDEN, "A threat.", by=case.coordinator)
    wanted = {"wanted": WITHHELD, "reason": "We would like to tell of the work.", "by": case.coordinator}
    assert codes(actions.ask_to_loosen, case.award, **(wanted | {"wanted": HIDDEN})) == {"not_looser"}
    asked = actions.ask_to_loosen(case.award, **wanted)
    assert case.award.confidentiality == HIDDEN, "nothing changes until they consent"
    assert codes(actions.ask_to_loosen, case.award, **wanted) == {"asked_already"}
    (mail,) = db.session.scalars(select(OutboxMail).where(OutboxMail.kind == "consent_asked"))
    assert mail.to_person_id == case.owner.id
    assert case.organization.name not in mail.subject
    assert codes(actions.answer_consent, asked, given=True, name=" ", by=case.owner) == {"no_signature"}
    actions.answer_consent(asked, given=True, name="Awa  Diop", by=case.owner)
    assert (asked.state, asked.answered_name, asked.answered_by_id) == ("given", "Awa Diop", case.owner.id)
    assert asked.answered_at is not None
    assert (case.award.confidentiality, case.application.confidentiality) == (WITHHELD, WITHHELD)
    assert codes(actions.answer_consent, asked, given=False, name="Awa Diop", by=case.owner) == {"answered"}


def test_a_refusal_changes_nothing_and_a_consent_ends_when_it_is_tightened_again(app: Flask) -> None:
    case = Case()
    actions.tighten(case.award, HIDDEN, "A threat.", by=case.coordinator)
    refused = actions.ask_to_loosen(case.award, PUBLIC, "For the report.", by=case.coordinator)
    actions.answer_consent(refused, given=False, name="Awa Diop", by=case.owner)
    assert case.award.confidentiality == HIDDEN
    given = actions.ask_to_loosen(case.award, PUBLIC, "For the report.", by=case.coordinator)
    actions.answer_consent(given, given=True, name="Awa Diop", by=case.owner)
    actions.tighten(case.award, HIDDEN, "A new threat.", by=case.owner)
    assert (refused.state, given.state) == ("refused", "ended")


def test_the_database_itself_refuses_to_loosen_without_consent(app: Flask) -> None:
    case = Case()
    actions.tighten(case.award, HIDDEN, "A threat.", by=case.coordinator)
    with pytest.raises(IntegrityError, match="consent of its grantee"), db.session.begin_nested():
        db.session.execute(text("UPDATE award SET confidentiality = 'public'"))
    asked = actions.ask_to_loosen(case.award, PUBLIC, "For the report.", by=case.coordinator)
    with pytest.raises(IntegrityError, match="consent of its grantee"), db.session.begin_nested():
        db.session.execute(text("UPDATE award SET confidentiality = 'public'"))
    actions.answer_consent(asked, given=True, name="Awa Diop", by=case.owner)
    actions.tighten(case.award, HIDDEN, "A new threat.", by=case.coordinator)
    with pytest.raises(IntegrityError, match="consent of its grantee"), db.session.begin_nested():
        db.session.execute(text("UPDATE award SET confidentiality = 'public'"))


def test_the_fund_asks_and_the_grantee_answers_on_the_page(browser: Browser) -> None:
    case = Case()
    editor = make.person()
    make.save(Membership(organization_id=case.organization.id, person_id=editor.id, role=MemberRole.EDITOR))
    auditor = make.person(Role.AUDITOR, regions=[])
    award_id = case.award.id
    path = f"/grants/{case.award.reference}/confidentiality"
    db.session.commit()
    reader = Browser(browser.app).sign_in(auditor)
    reader.get(path)
    assert "Hide more" not in reader.text
    fields = {"tighter-wanted": WITHHELD, "tighter-reason": "A threat."}
    reader.post(f"{path}/tighten", fields, status=403)
    browser.sign_in(case.coordinator).get(path)
    browser.post(f"{path}/tighten", {"tighter-wanted": WITHHELD}, status=422)
    fields = {"tighter-wanted": WITHHELD, "tighter-reason": "A threat."}
    browser.post(f"{path}/tighten", fields, page=path, status=302)
    fields = {"looser-wanted": PUBLIC, "looser-reason": "For the yearly report."}
    browser.post(f"{path}/ask", fields, page=path, status=302)
    member = Browser(browser.app).sign_in(editor)
    member.get(path)
    member.post(f"{path}/answer", {"given": "yes", "name": "Editor"}, status=403)
    owner = Browser(browser.app).sign_in(case.owner)
    owner.get(path)
    assert "For the yearly report." in owner.text
    owner.post(f"{path}/answer", {"given": "yes"}, status=422)
    owner.post(f"{path}/answer", {"given": "yes", "name": "Awa Diop"}, page=path, status=302)
    consent = db.session.scalars(select(Consent).where(Consent.award_id == award_id)).one()
    assert consent.award.confidentiality == PUBLIC
    assert queries.consent_asked(consent.award) is None


def keep() -> None:
    """Write what was changed, and read again what the database made of it."""
    db.session.commit()
    db.session.expire_all()


def test_nothing_of_an_organization_is_less_confidential_than_its_profile_asks(app: Flask) -> None:
    case = Case()
    case.organization.confidentiality_default = WITHHELD
    keep()
    assert (case.award.confidentiality, case.application.confidentiality) == (WITHHELD, WITHHELD)
    case.application.confidentiality = PUBLIC
    keep()
    assert case.application.confidentiality == WITHHELD, "whoever writes it"
    wanted = {"wanted": PUBLIC, "reason": "For the report.", "by": case.coordinator}
    assert codes(actions.ask_to_loosen, case.award, **wanted) == {"asked_by_profile"}
    case.organization.confidentiality_default = PUBLIC
    keep()
    assert case.award.confidentiality == WITHHELD, "a profile loosens no grant that was made"
    asked = actions.ask_to_loosen(case.award, **wanted)
    case.organization.confidentiality_default = WITHHELD
    keep()
    assert codes(actions.answer_consent, asked, given=True, name="Awa Diop", by=case.owner) == {"asked_by_profile"}
    actions.answer_consent(asked, given=False, name="Awa Diop", by=case.owner)
