"""The profile answers every question that it can; eligibility rules may ask whether a fiscal sponsor has agreed."""

from __future__ import annotations

from flask import Flask

from grants.accounts.models import MigrantLed
from grants.applications.rules import PROFILE, organization_values, prefilled
from grants.calls.rules import ORGANIZATION_FACTS
from grants.demo import sample
from grants.organizations import actions
from grants.questionnaires.rules import obstacles_to_completing, parse_definition
from tests import factories
from tests.http import Browser
from tests.organizations.conftest import change, fresh


def test_the_profile_fills_every_question_about_the_organization(app: Flask) -> None:
    form = sample.read("form_full_application")["form"]
    asked = {q["key"] for section in form["sections"] if section.get("prefill_from") for q in section["questions"]}
    assert asked == set(PROFILE)


def test_a_whole_profile_leaves_nothing_to_answer_in_its_section(app: Flask) -> None:
    owner = factories.person()
    organization = factories.organization(owner)
    visitor = Browser(app).sign_in(owner)
    visitor.open(f"/organizations/{organization.reference}/profile")
    visitor.press(
        "Save the profile",
        {
            "phone": "+221 33 123 45 67",
            "website": "www.rtm.sn",
            "migrant_led": MigrantLed.PREFER_NOT_TO_SAY,
            "previous_grants-0-donor": "A foundation",
            "previous_grants-0-amount": "12,000.50",
            "previous_grants-0-year": "2025",
            "previous_grants-2-donor": "A ministry",
            "previous_grants-2-amount": "7000",
            "previous_grants-2-year": "2023",
        },
    )
    shown = fresh(organization)
    assert shown.website == "https://www.rtm.sn"
    assert shown.previous_grants == [
        {"donor": "A foundation", "amount": "12000.50", "year": 2025},
        {"donor": "A ministry", "amount": "7000.00", "year": 2023},
    ]
    section = next(s for s in sample.read("form_full_application")["form"]["sections"] if s.get("prefill_from"))
    form = sample.read("form_full_application")["form"] | {"sections": [section]}
    definition = parse_definition(form, {})
    missing = obstacles_to_completing(definition, prefilled(shown), {}, sections=[definition.sections[0].key])
    assert [obstacle.code for obstacle in missing] == []


def test_a_wrong_row_of_earlier_grants_is_said_and_kept(app: Flask) -> None:
    owner = factories.person()
    organization = factories.organization(owner)
    visitor = Browser(app).sign_in(owner)
    visitor.open(f"/organizations/{organization.reference}/profile")
    page = visitor.press(
        "Save the profile",
        {
            "previous_grants-1-amount": "much",
            "previous_grants-2-donor": "A ministry",
            "previous_grants-2-year": "17",
            "phone": "call me",
            "website": "javascript:alert(1)",
        },
        status=422,
    )
    assert len(page.errors) == 7, page.errors
    assert "call me" in visitor.text
    assert fresh(organization).previous_grants == []


def test_eligibility_rules_know_whether_the_sponsor_has_agreed(app: Flask) -> None:
    owner, keeper = factories.person(), factories.person()
    group = factories.organization(owner, registered=False, registration_number=None)
    sponsor = factories.organization(keeper, name="Fondation")
    application = factories.application(factories.call(), group, owner)
    assert "fiscal_sponsor_consented" in ORGANIZATION_FACTS
    assert organization_values(application, {})["fiscal_sponsor_consented"] is False
    actions.consent(actions.ask_sponsor(group, sponsor, "Please.", by=owner), by=keeper)
    values = organization_values(application, {})
    assert (values["fiscal_sponsor"], values["fiscal_sponsor_consented"]) == ("Fondation", True)
    change(group, name=group.name)
