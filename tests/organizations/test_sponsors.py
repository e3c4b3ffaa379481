"""A group without registration finds a registered organization that signs for it, and that has to agree."""

from __future__ import annotations

import pytest
from flask import Flask

from grants.accounts.models import Organization, Person
from grants.core.rules import Refused
from grants.organizations import actions, queries
from grants.organizations.models import Sponsorship
from grants.organizations.workflow import SponsorshipState
from tests import factories
from tests.http import Browser
from tests.organizations.conftest import House, change, codes, fresh, mails


@pytest.fixture
def keeper(app: Flask) -> Person:
    """The owner of a registered organization."""
    return factories.person(name="Ibrahima Gardien")


@pytest.fixture
def fondation(keeper: Person, house: House) -> Organization:
    """A registered organization; the one of the house is not."""
    change(house.organization, registered=False, registration_number=None, confidentiality_default="name_withheld")
    return factories.organization(keeper, name="Fondation Port d’Attache", country="SN")  # type: ignore[no-any-return]


def asked(house: House, fondation: Organization) -> Sponsorship:
    group = fresh(house.organization)
    return actions.ask_sponsor(group, fondation, "You kept our books in 2025.", by=fresh(house.owner))


def test_a_group_asks_and_the_sponsor_agrees_and_stands_in_the_profile(
    house: House, fondation: Organization, keeper: Person, app: Flask
) -> None:
    page = f"/organizations/{house.organization.reference}/sponsor"
    visitor = Browser(app).sign_in(house.owner)
    visitor.get(page, query_string={"country": "SN", "q": "fondation port d'attache"})
    assert keeper.name not in visitor.text
    assert fondation.reference not in visitor.text
    visitor.click("Ask this one")
    visitor.press("Ask them", {"words": "You kept our books in 2025."})
    assert "Waiting for consent" in visitor.page.badges
    told = mails("sponsorship_asked")
    assert [mail.to_person_id for mail in told] == [keeper.id]
    assert house.organization.name not in (told[0].body or "") + told[0].subject
    assert fresh(house.organization).fiscal_sponsor_consented is False
    agreeing = Browser(app).sign_in(keeper)
    agreeing.open(f"/organizations/{fondation.reference}/sponsor")
    assert "You kept our books in 2025." in agreeing.page.content
    agreeing.press("Agree")
    group = fresh(house.organization)
    assert (group.fiscal_sponsor, group.fiscal_sponsor_consented) == ("Fondation Port d’Attache", True)
    assert [mail.to_person_id for mail in mails("sponsorship_answered")] == [house.owner.id]
    visitor.open(f"/organizations/{house.organization.reference}/profile")
    assert 'name="fiscal_sponsor"' not in visitor.text
    visitor.press("Save the profile")
    assert fresh(house.organization).fiscal_sponsor == "Fondation Port d’Attache"


def test_either_side_ends_it_with_a_reason_and_the_other_is_told(
    house: House, fondation: Organization, keeper: Person, app: Flask
) -> None:
    sponsorship = asked(house, fondation)
    actions.consent(sponsorship, by=keeper)
    page = f"/organizations/{fondation.reference}/sponsorships/{sponsorship.id}/end"
    visitor = Browser(app).sign_in(keeper)
    visitor.open(page)
    visitor.press("End the fiscal sponsorship", {"reason": ""}, status=422)
    visitor.press("End the fiscal sponsorship", {"reason": "We close our accounts."})
    group = fresh(house.organization)
    assert (group.fiscal_sponsor, group.fiscal_sponsor_consented) == (None, False)
    assert [mail.to_person_id for mail in mails("sponsorship_ended")] == [house.owner.id]
    again = asked(house, fresh(fondation))
    actions.consent(again, by=fresh(keeper))
    actions.end_sponsorship(again, "We are registered now.", by=fresh(house.owner))
    assert [mail.to_person_id for mail in mails("sponsorship_ended")] == [house.owner.id, keeper.id]


def test_a_sponsor_declines_and_the_group_may_ask_another(
    house: House, fondation: Organization, keeper: Person, app: Flask
) -> None:
    sponsorship = asked(house, fondation)
    page = f"/organizations/{fondation.reference}/sponsorships/{sponsorship.id}/decline"
    visitor = Browser(app).sign_in(keeper)
    visitor.open(page)
    visitor.press("Say no", {"reason": "We have no capacity."})
    assert fresh(sponsorship).state == SponsorshipState.DECLINED
    other = factories.organization(factories.person(), name="Another House")
    assert actions.ask_sponsor(fresh(house.organization), other, "Please.", by=fresh(house.owner)).id != sponsorship.id


def test_what_stands_in_the_way_of_asking(house: House, fondation: Organization, keeper: Person) -> None:
    group, owner = fresh(house.organization), fresh(house.owner)
    unregistered = factories.organization(registered=False)
    for wanted, expected in ((group, "sponsor_itself"), (unregistered, "sponsor_unregistered")):
        with pytest.raises(Refused) as refused:
            actions.ask_sponsor(group, wanted, "Please.", by=owner)
        assert expected in codes(refused)
    with pytest.raises(Refused) as refused:
        actions.ask_sponsor(fondation, group, "Please.", by=keeper)
    assert "registered_itself" in codes(refused)
    sponsorship = asked(house, fondation)
    with pytest.raises(Refused) as refused:
        asked(house, fondation)
    assert codes(refused) == ["asked_already"]
    change(fondation, registered=False)
    with pytest.raises(Refused) as refused:
        actions.consent(fresh(sponsorship) and queries.live_sponsorship(group), by=keeper)
    assert codes(refused) == ["sponsor_unregistered"]


def test_only_owners_of_the_right_side_answer(
    house: House, fondation: Organization, keeper: Person, app: Flask
) -> None:
    sponsorship = asked(house, fondation)
    theirs = f"/organizations/{fondation.reference}/sponsorships/{sponsorship.id}"
    ours = f"/organizations/{house.organization.reference}/sponsorships/{sponsorship.id}"
    owner, editor, stranger = (Browser(app).sign_in(p) for p in (house.owner, house.editor, house.stranger))
    owner.post(f"{theirs}/consent", page="/account", status=404)
    owner.post(f"{ours}/consent", page="/account", status=403)
    owner.post(f"{ours}/decline", {"reason": "x"}, page="/account", status=403)
    editor.post(f"{ours}/take-back", page="/account", status=403)
    stranger.post(f"{ours}/take-back", page="/account", status=404)
    Browser(app).sign_in(keeper).post(f"{theirs}/take-back", page="/account", status=403)
    owner.post(f"{ours}/take-back", page="/account", status=302)
    assert fresh(sponsorship).state == SponsorshipState.WITHDRAWN
    owner.post(f"{ours}/end", {"reason": "x"}, page="/account", status=409)
    editor.get(f"/organizations/{house.organization.reference}/sponsor")
    stranger.get(f"/organizations/{house.organization.reference}/sponsor", status=404)
