"""Having a dossier made, writing it piece by piece, and giving it to nobody but whom it was made for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from flask import current_app

from grants.accounts.models import Person
from grants.awards.models import Award
from grants.core import clock, files
from grants.core.archives import Archive, Entry
from grants.core.db import after_commit, db
from grants.core.files import StoredFile
from grants.core.jobs import bell_of
from grants.core.languages import _l, language_now
from grants.core.permissions import scope
from grants.core.rules import refuse
from grants.dossiers import permissions, queries, rules
from grants.dossiers.models import Dossier, DossierState
from grants.dossiers.rules import Contents, Reader
from grants.history import actions as history
from grants.payments.queries import lock_grant

MAKE_DOSSIERS = "dossiers.make"
"""The name of the task that makes dossiers."""


def ask_for(award: Award, *, by: Person) -> Dossier:
    """Have the dossier of a grant made, of everything this person may read of it; an earlier one goes. Raises Refused."""
    dossier = queries.dossier_to_change(award.id, by.id)
    refuse(rules.obstacles_to_asking(dossier))
    if dossier is None:
        dossier = Dossier(award_id=award.id, person_id=by.id)
        db.session.add(dossier)
    _empty(dossier)
    dossier.state, dossier.language = DossierState.ASKED, language_now()
    dossier.asked_at, dossier.begun_at, dossier.done, dossier.total = clock.now(), None, 0, 0
    db.session.flush()
    history.note("dossier", dossier.id, "ask", by=by, grant=award.reference)
    after_commit(bell_of(MAKE_DOSSIERS))
    return dossier


def _empty(dossier: Dossier) -> None:
    if dossier.file is not None:
        files.forget(dossier.file)
    dossier.file, dossier.made_at, dossier.manifest = None, None, ""


def give(award: Award, *, by: Person) -> StoredFile:
    """Give a dossier to the person it was made for, and write it down. Raises Refused when it is not ready, and when it
    holds what they may not read any more.
    """
    dossier = queries.dossier_to_change(award.id, by.id)
    refuse(rules.obstacles_to_giving(dossier, permissions.reader_of(by, award), award))
    assert dossier is not None
    assert dossier.file is not None
    history.note("dossier", dossier.id, "take", by=by, manifest=dossier.manifest)
    return dossier.file


# ------------------------------------------------------------------ making it


@dataclass
class Making:
    """A dossier that is being made: what goes into it, what its reader may read, and what was found on the way.

    ``gaps`` are files that cannot be given, with the reason, by path; ``differing`` are files that are not as they were
    received.
    """

    award_id: int
    reader: Reader
    contents: Contents
    confidentiality: str
    gaps: dict[str, str] = field(default_factory=dict)
    differing: list[str] = field(default_factory=list)
    manifest: str = ""

    @property
    def number(self) -> int:
        """How many files there will be."""
        return len(self.contents.papers)


def begin(dossier_id: int) -> Making | None:
    """Read all of a grant as the person may read it, while nobody changes it; None when another worker has it, and when
    they may not have it any more.
    """
    dossier = queries.dossier_to_make(dossier_id)
    if dossier is None or dossier.person is None:
        return None
    dossier.begun_at = clock.now()
    award = queries.award_to_tell(scope(dossier.person, Award), dossier.award_id)
    if award is None:
        dossier.state = DossierState.FAILED
        return None
    return gather(award, permissions.reader_of(dossier.person, award))


def gather(award: Award, reader: Reader) -> Making:
    """Read all of a grant, held so that nothing of it changes meanwhile, in the language spoken now."""
    lock_grant(award.id)
    contents = rules.contents_of(queries.whole_of(award), reader, language_now())
    return Making(award.id, reader, contents, award.confidentiality)


def write(making: Making, into: IO[bytes]) -> Iterator[int]:
    """Write a dossier into an open file, one file of the grant after the other; tells how many are in it."""
    contents = making.contents
    with Archive(into) as archive:
        for number, paper in enumerate(contents.papers, 1):
            _add(making, archive, paper)
            yield number
        for path, content in contents.texts.items():
            archive.add(path, [content])
        entries = {one.path: one for one in archive.entries}
        archive.add("style.css", [_rendered("dossiers/archive/style.css", making)])
        for page in contents.pages:
            archive.add(page.path, [_page(making, page, entries)])
        entries = {one.path: one for one in archive.entries}
        archive.add("index.html", [_index(making, entries)])
        found = {"gaps": making.gaps, "differing": sorted(making.differing)}
        making.manifest = archive.seal(contents.about | found)


def _add(making: Making, archive: Archive, paper: rules.Paper) -> None:
    if paper.closed:
        making.gaps[paper.path] = paper.closed
        return
    try:
        content = files.pieces(paper.key)
    except FileNotFoundError:
        making.gaps[paper.path] = str(_l("It was not found where files are kept."))
        return
    if archive.add(paper.path, content, paper.size).sha256 != paper.sha256:
        making.differing.append(paper.path)


def _page(making: Making, page: rules.Page, entries: dict[str, Entry]) -> bytes:
    up = "../" * page.path.count("/")
    return _rendered("dossiers/archive/page.html", making, page=page, entries=entries, up=up)


def _index(making: Making, entries: dict[str, Entry]) -> bytes:
    return _rendered("dossiers/archive/index.html", making, entries=entries, up="")


def _rendered(name: str, making: Making, **values: Any) -> bytes:
    """A page of the archive; it knows nothing of the request, the visitor or the pages around it."""
    template = current_app.jinja_env.get_template(name)
    return template.render(making=making, contents=making.contents, **values).encode()


def finish(making: Making, dossier_id: int, written: Path) -> bool:
    """Keep a dossier that was written; says whether it was done. Its manifest goes into the sealed record.

    Where its reader may read less by now than when it was begun, it is made again.
    """
    dossier = queries.dossier_to_make(dossier_id)
    if dossier is None or dossier.person is None:
        return False
    award = queries.award_to_tell(scope(dossier.person, Award), dossier.award_id)
    reader = permissions.reader_of(dossier.person, award) if award else Reader(frozenset())
    if making.reader.sights - reader.sights or reader.gate.ids - making.reader.gate.ids:
        dossier.begun_at = None
        return False
    dossier.file = files.keep_archive(f"{making.contents.reference}.zip", written)
    _made(dossier, making, by=dossier.person)
    return True


def keep_record(making: Making, language: str) -> Dossier:
    """Write down that a dossier was made at the command line, so that it can be found again in the record."""
    dossier = Dossier(award_id=making.award_id, language=language)
    db.session.add(dossier)
    _made(dossier, making, by=None)
    return dossier


def _made(dossier: Dossier, making: Making, by: Person | None) -> None:
    dossier.state, dossier.made_at, dossier.manifest = DossierState.READY, clock.now(), making.manifest
    dossier.shown = sorted(making.reader.sights)
    dossier.hidden_ids = sorted(making.reader.gate.ids)
    dossier.confidentiality = making.confidentiality
    dossier.done = dossier.total = making.number
    db.session.flush()
    history.note("dossier", dossier.id, "make", by=by, grant=making.contents.reference, manifest=making.manifest)


def give_up(dossier_id: int) -> None:
    """Say that a dossier could not be made; it can be asked for again."""
    dossier = queries.dossier_to_make(dossier_id)
    if dossier is not None:
        dossier.state = DossierState.FAILED


def forget_old(at: datetime) -> int:
    """Take away dossiers that were made a while ago; says how many. That they were made stays on record."""
    old = queries.dossiers_made_before(at - rules.KEPT)
    for dossier in old:
        _empty(dossier)
        dossier.state = DossierState.EXPIRED
    db.session.flush()
    return len(old)
