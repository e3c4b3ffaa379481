"""The dossiers of every grant of the demonstration, for whoever may have one: whole, the same twice, and without a secret."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from config import Config
from grants.accounts.models import Membership, Person, Role
from grants.accounts.queries import holders_of
from grants.app import create_app
from grants.awards.models import Award
from grants.core import encryption
from grants.core.archives import verify
from grants.core.db import db
from grants.core.languages import speaking
from grants.core.permissions import scope
from grants.dossiers import actions, queries
from grants.dossiers.permissions import reader_of
from grants.dossiers.rules import WHOLE_SIGHT, Reader
from grants.payments.actions import NUMBER_PLACE
from grants.payments.models import BankAccount
from tests.conftest import DEMONSTRATION, copied

TEXTS = (".html", ".jsonl", ".csv", ".json")


@pytest.fixture(scope="module")
def told(running: Config, demonstration: Config) -> Iterator[None]:
    """The fund of the demonstration, in a copy of its own."""
    with copied(running, DEMONSTRATION) as address:
        own = create_app(replace(demonstration, database_url=address))
        with own.app_context():
            yield
            db.session.remove()
            db.engine.dispose()


def written(award_id: int, somebody: Person | None, folder: Path) -> dict[str, bytes]:
    """What stands in the dossier of a grant for somebody; nothing when they do not see the grant."""
    seen = scope(somebody, Award) if somebody else select(Award)
    award = queries.award_to_tell(seen, award_id)
    if award is None:
        return {}
    reader: Reader = reader_of(somebody, award) if somebody else WHOLE_SIGHT
    into = io.BytesIO()
    making = actions.gather(award, reader)
    assert len(list(actions.write(making, into))) == making.number
    path = folder / "dossier.zip"
    path.write_bytes(into.getvalue())
    assert verify(path).is_whole
    assert not making.differing
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def numbers() -> list[bytes]:
    """Every number of an account of the fund's grantees."""
    return [
        encryption.unseal(one.number_sealed, NUMBER_PLACE, one.token).encode()
        for one in db.session.scalars(select(BankAccount))
    ]


def test_everybody_who_may_have_one_gets_a_whole_dossier_without_a_number_of_an_account(
    told: None, tmp_path: Path
) -> None:
    awards = {one.id: one for one in db.session.scalars(select(Award))}
    officers = holders_of(Role.FINANCE_OFFICER)
    secrets = [number for number in numbers() if number]
    assert len(awards) > 8
    assert secrets
    pages: dict[str, int] = {}
    for award in awards.values():
        owner = db.session.scalars(
            select(Person)
            .join(Membership, Membership.person_id == Person.id)
            .where(Membership.organization_id == award.organization_id, Membership.ended_at.is_(None))
        ).first()
        assert owner is not None
        readers = [
            None,
            owner,
            *holders_of(Role.AUDITOR)[:1],
            *officers[:1],
            *holders_of(Role.REGIONAL_COORDINATOR)[:2],
        ]
        for somebody in readers:
            found = written(award.id, somebody, tmp_path)
            for name, content in found.items():
                assert not [number for number in secrets if number in content], name
            pages |= {name: pages.get(name, 0) + 1 for name in found if name.endswith(".html")}
            if somebody is owner:
                read = b"".join(content for name, content in found.items() if name.endswith(TEXTS)).decode()
                assert not [one.name for one in officers if one.name in read], award.reference
    assert {"agreement.html", "versions.html", "application.html", "decision.html", "diligence.html"} <= set(pages)
    assert {"reports/final_report.html", "payments.html", "closeout.html", "messages.html"} <= set(pages)


def test_it_is_the_same_in_each_language_twice_and_says_everything_in_it(told: None, tmp_path: Path) -> None:
    award = db.session.scalars(select(Award.id).where(Award.closed_at.is_not(None))).first()
    assert award is not None
    for language in ("en", "fr", "es"):
        with speaking(language):
            first = written(award, None, tmp_path)
            assert written(award, None, tmp_path) == first
        assert f'<html lang="{language}"'.encode() in first["index.html"]
