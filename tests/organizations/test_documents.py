"""Documents that an organization keeps once, and the identifiers under which registers know it."""

from __future__ import annotations

from datetime import date, timedelta
from io import BytesIO

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from grants.accounts.models import Role
from grants.core import clock, files
from grants.core.db import db
from grants.core.rules import Refused
from grants.demo import sample
from grants.organizations import actions, queries, rules
from grants.organizations.forms import register_choices
from grants.organizations.models import DocumentKind, Identifier, KeptDocument
from grants.organizations.workflow import DocumentState
from tests import factories
from tests.http import Browser
from tests.organizations.conftest import House, codes, fresh

PDF = sample.document("pdf", "Statutes", "Réseau Teranga")
TODAY = date(2027, 3, 1)


def kept(
    house: House, kind: DocumentKind = DocumentKind.STATUTES, name: str = "statuts.pdf", **more: object
) -> KeptDocument:
    content = sample.document("pdf", name, kind)
    return actions.keep_document(house.organization, kind, name, content, by=house.owner, **more)  # type: ignore[arg-type]


def place(house: House, what: str = "documents") -> str:
    return f"/organizations/{house.organization.reference}/{what}"


# ------------------------------------------------------------------ documents


def test_a_member_keeps_a_document_and_colleagues_fetch_it(house: House, app: Flask) -> None:
    visitor = Browser(app).sign_in(house.editor)
    page = place(house)
    visitor.get(page)
    assert "No document is kept yet" in visitor.page.content
    visitor.open(page)
    visitor.press(
        "Keep the document",
        {"kind": "statutes", "title": "Statuts 2019", "file": (PDF, "statuts.pdf"), "valid_until": "2099-12-31"},
    )
    assert "Statuts 2019" in visitor.page.content
    assert house.editor.name in visitor.page.content
    [document] = queries.documents_kept(house.organization)
    assert (document.kind, document.valid_until) == ("statutes", date(2099, 12, 31))
    other = Browser(app).sign_in(house.owner)
    assert other.download(f"{page}/{document.id}") == PDF


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"kind": ""}, "Please choose one."),
        ({"kind": "passport"}, ""),
        ({"valid_from": "2027-05-01", "valid_until": "2027-04-01"}, "It would end before it begins."),
        ({"valid_until": "2027-02-30"}, "Please give a day"),
        ({"file": (b"MZ\x90\x00", "statuts.pdf")}, "is not what its name says"),
        ({"file": (PDF, "statuts.exe")}, "This kind of file is not taken here"),
        ({"file": (b"", "statuts.pdf")}, ""),
    ],
)
def test_what_cannot_be_kept_is_said_beside_its_field_and_nothing_typed_is_lost(
    house: House, app: Flask, typed: dict[str, object], said: str
) -> None:
    visitor = Browser(app).sign_in(house.owner)
    page = place(house)
    sent = {"kind": "statutes", "title": "Nos statuts", "file": (PDF, "statuts.pdf")} | typed
    content, name = sent.pop("file")  # type: ignore[misc]
    visitor.get(page)
    token = next(f for f in visitor.page.forms if f.action == page).fields["csrf_token"][0]
    visitor.post(page, sent | {"csrf_token": token, "file": (BytesIO(content), name)}, status=422)
    assert "Nos statuts" in visitor.text
    assert said in visitor.page.content
    assert visitor.page.errors
    assert queries.documents_kept(house.organization) == []


def test_the_same_file_is_kept_once(house: House) -> None:
    kept(house)
    with pytest.raises(Refused) as refused:
        kept(house)
    assert codes(refused) == ["kept_already"]
    assert kept(house, name="other.pdf").state == DocumentState.KEPT


def test_only_members_see_the_documents(house: House, app: Flask) -> None:
    document = kept(house)
    for somebody in (
        house.stranger,
        *(factories.person(role) for role in (Role.GLOBAL_COORDINATOR, Role.AUDITOR, Role.FINANCE_OFFICER)),
    ):
        visitor = Browser(app).sign_in(somebody)
        for path in (place(house), f"{place(house)}/{document.id}"):
            visitor.get(path, status=0)
            assert visitor.last is not None
            assert visitor.last.status_code in (403, 404), path
            assert "statuts.pdf" not in visitor.text
        visitor.post(f"{place(house)}/{document.id}/remove", {"confirmed": "yes"}, page="/account", status=404)
    other = factories.person()
    elsewhere = factories.organization(other)
    Browser(app).sign_in(other).get(f"/organizations/{elsewhere.reference}/documents/{document.id}", status=404)


def test_removing_is_asked_twice_and_takes_the_file_away(house: House, app: Flask) -> None:
    document = kept(house)
    visitor = Browser(app).sign_in(house.editor)
    path = f"{place(house)}/{document.id}/remove"
    visitor.post(path, page=place(house), status=200)
    assert "Yes, remove it" in visitor.text
    visitor.open(place(house))
    visitor.press("Remove")
    assert fresh(document).state == DocumentState.REMOVED
    assert fresh(document).file.erased_at is not None
    visitor.get(f"{place(house)}/{document.id}", status=404)


def test_a_copy_given_with_an_application_outlives_the_kept_document(house: House) -> None:
    document = kept(house)
    given_with_application = files.copy(document.file)
    actions.remove_document(document, by=house.owner)
    db.session.commit()
    assert files.read(given_with_application).startswith(b"%PDF")


@pytest.mark.parametrize(
    ("valid_from", "valid_until", "expected"),
    [
        (None, None, "good"),
        (None, TODAY, "soon"),
        (None, TODAY - timedelta(days=1), "expired"),
        (None, TODAY + timedelta(days=30), "soon"),
        (None, TODAY + timedelta(days=31), "good"),
        (TODAY, None, "good"),
        (TODAY + timedelta(days=1), None, "not_yet"),
        (TODAY + timedelta(days=1), TODAY + timedelta(days=2), "not_yet"),
    ],
)
def test_a_document_is_good_through_its_last_day(
    valid_from: date | None, valid_until: date | None, expected: str
) -> None:
    assert rules.validity(KeptDocument(valid_from=valid_from, valid_until=valid_until), TODAY) == expected


def test_an_expired_document_is_flagged_and_fits_no_call(house: House, app: Flask) -> None:
    today = clock.today("UTC")
    kept(house, valid_until=today - timedelta(days=2))
    good = kept(house, name="nouveaux.pdf", valid_until=today + timedelta(days=400))
    other = kept(house, DocumentKind.OTHER, name="autre.pdf")
    kept(house, DocumentKind.BOARD_LIST, name="liste.pdf")
    visitor = Browser(app).sign_in(house.owner)
    visitor.get(place(house))
    assert sorted(visitor.page.badges) == ["expired", "good", "good", "good"]
    present = queries.documents_kept(house.organization)
    fitting = rules.fitting(present, "statutes", ["pdf", "docx"], today)
    assert [document.id for document in fitting] == [good.id, other.id]
    assert rules.fitting(present, "statutes", ["xlsx"], today) == []


def test_documents_to_renew_are_those_without_a_newer_one(house: House) -> None:
    renewed = kept(house, valid_until=TODAY)
    kept(house, name="b.pdf", valid_until=TODAY + timedelta(days=700))
    alone = kept(house, DocumentKind.AUDIT_REPORT, name="audit.pdf", valid_until=TODAY + timedelta(days=5))
    kept(house, DocumentKind.BOARD_LIST, name="c.pdf", valid_until=TODAY + timedelta(days=60))
    assert queries.documents_to_renew(TODAY, TODAY + timedelta(days=30)) == [alone]
    assert queries.documents_to_renew(TODAY, TODAY + timedelta(days=800))[:1] == [alone]
    assert renewed.valid_until == TODAY


# ------------------------------------------------------------------ identifiers


@pytest.mark.parametrize(
    ("list_code", "number", "expected"),
    [
        ("KE-NCB", "OP.218/051/2009-0331", []),
        ("SN-NINEA", "006478110", []),
        ("PE-RUC", "20123456789", []),
        ("PE-RUC", "2012345678", ["number_unlikely"]),
        ("MX-RFC", "ABC010203XY9", []),
        ("MX-RFC", "hello", ["number_unlikely"]),
        ("XI-LEI", "529900T8BM49AURSDO55", []),
        ("XI-LEI", "529900T8BM49AURSDO56", ["number_mistyped"]),
        ("XI-ROR", "04tsk2644", []),
        ("XI-WIKIDATA", "Q42", []),
        ("XI-WIKIDATA", "42", ["number_unlikely"]),
        ("XX-NONE", "1", ["list_unknown"]),
        ("KE-NCB", "", ["number_unlikely"]),
        ("KE-NCB", "-1", ["number_unlikely"]),
        ("KE-NCB", "1" * 61, ["number_unlikely"]),
        ("KE-NCB", "<b>1", ["number_unlikely"]),
        ("KE-NCB", "٣٣", ["number_unlikely"]),
    ],
)
def test_a_number_looks_like_one_of_its_list(list_code: str, number: str, expected: list[str]) -> None:
    assert [o.code for o in rules.obstacles_to_identifying(list_code, number, [])] == expected


@given(st.text(max_size=80))
def test_whatever_is_typed_as_an_identifier_is_read_or_refused(typed: str) -> None:
    split = rules.split_identifier(typed)
    if split is not None:
        assert split[0] in rules.REGISTERS
        assert typed.upper().startswith(f"{split[0]}-")
    for code in rules.REGISTERS:
        rules.obstacles_to_identifying(code, typed, [])


def test_the_lists_of_the_own_country_come_first_and_every_one_is_well_formed(app: Flask) -> None:
    with app.test_request_context():
        groups = list(dict.fromkeys(choice.optgroup for choice in register_choices("KE") if choice.optgroup))
    assert groups[:2] == ["Kenya", "Whole world"]
    eligible = {"SN", "TG", "MA", "KE", "NP", "PH", "BD", "LB", "MX", "GT", "DO", "PE"}
    assert eligible <= {register.country for register in rules.REGISTERS.values()}


def test_an_owner_adds_identifiers_and_the_first_stands_in_forms(house: House, app: Flask) -> None:
    visitor = Browser(app).sign_in(house.owner)
    page = place(house, "identifiers")
    visitor.open(page)
    visitor.press("Add", {"list_code": "SN-NINEA", "number": "006478110"})
    assert fresh(house.organization).identifier == "SN-NINEA-006478110"
    visitor.press("Add", {"number": "xi-wikidata-Q42"})
    assert "XI-WIKIDATA-Q42" in visitor.page.content
    assert fresh(house.organization).identifier == "SN-NINEA-006478110"
    visitor.press("Add", {"number": "006478110"}, status=422)
    assert "Please choose the list" in visitor.page.errors[0]
    visitor.press("Add", {"list_code": "PE-RUC", "number": "12"}, status=422)
    assert "does not look like a number of" in visitor.page.errors[0]
    visitor.press("Add", {"list_code": "SN-NINEA", "number": "006478110"}, status=422)
    assert "among yours already" in visitor.page.errors[0]
    visitor.open(page)
    visitor.press("Show in forms")
    assert fresh(house.organization).identifier == "XI-WIKIDATA-Q42"
    shown = db.session.scalars(select(Identifier).where(Identifier.list_code == "XI-WIKIDATA")).one()
    visitor.press("Remove", at=f"/{shown.id}/remove")
    assert fresh(house.organization).identifier == "SN-NINEA-006478110"
    visitor.press("Remove")
    assert fresh(house.organization).identifier is None


def test_editors_and_coordinators_read_identifiers_but_do_not_change_them(house: House, app: Flask) -> None:
    identifier = actions.identify(house.organization, "SN-NINEA", "006478110", by=house.owner)
    page = place(house, "identifiers")
    for somebody in (house.editor, factories.person(Role.REGIONAL_COORDINATOR, regions=["AFR"])):
        visitor = Browser(app).sign_in(somebody)
        visitor.get(page)
        assert "SN-NINEA-006478110" in visitor.page.content
        assert "Add an identifier" not in visitor.page.content
        visitor.post(page, {"list_code": "KE-NCB", "number": "1"}, page="/account", status=403)
        visitor.post(f"{page}/{identifier.id}/remove", page="/account", status=403)
        visitor.post(f"{page}/{identifier.id}/show", page="/account", status=403)
    Browser(app).sign_in(house.stranger).get(page, status=404)
    Browser(app).sign_in(factories.person(Role.REGIONAL_COORDINATOR, regions=["ASI"])).get(page, status=404)
