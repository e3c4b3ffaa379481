"""Taking lists out as files, and keeping filters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from tempfile import TemporaryFile
from typing import Any

from grants.accounts.models import Person
from grants.core import clock, files
from grants.core.db import after_commit, db
from grants.core.files import StoredFile
from grants.core.jobs import bell_of
from grants.core.languages import language_now
from grants.core.listings import Asked, Lines, Place, place_of
from grants.core.permissions import require
from grants.core.rules import refuse
from grants.core.sheets import WRITERS
from grants.history import actions as history
from grants.listings import permissions, queries, rules
from grants.listings.models import FileKind, FileState, KeptFilter, ListFile

MAKE_FILES = "listings.make"
"""The name of the task that writes long lists."""

BETWEEN = 2000
"""So many rows are written between two signs of progress."""

Progress = Callable[[int], object]


def take_out(place: Place, kind: FileKind, *, by: Person) -> ListFile:
    """Have a list written as a file: a short one now, a long one by a worker. Raises Refused, NotPermitted."""
    lines = _lines(place, by)
    refuse(rules.obstacles_to_taking_out(lines.number, being_made=queries.is_one_being_made(by)))
    made = ListFile(
        person=by,
        endpoint=place.listing.endpoint,
        address=place.address,
        kind=kind,
        language=language_now(),
        asked_at=clock.now(),
        total=lines.number,
    )
    db.session.add(made)
    if lines.number <= rules.AT_ONCE:
        _write(made, place, lines)
    else:
        after_commit(bell_of(MAKE_FILES))
    db.session.flush()
    return made


def give(file: ListFile, *, by: Person) -> StoredFile:
    """Give a file to the person it was made for, and write down what they took out. Raises Refused."""
    refuse(rules.obstacles_to_giving(file, queries.rights_of(by)))
    assert file.file is not None
    place = place_of(file.address)
    told = rules.filter_told(place.values) if place else {}
    history.note(
        "list_file",
        file.id,
        "take_out",
        by=by,
        list=file.endpoint,
        filter=told,
        rows=file.total,
        file_kind=file.kind,
        sha256=file.file.sha256,
    )
    return file.file


def make(file_id: int, progress: Progress) -> bool:
    """Write a long list that waits; says whether there was something to do. Raises NotPermitted."""
    waiting = queries.file_to_make(file_id)
    if waiting is None:
        return False
    place = place_of(waiting.address)
    if place is None:
        raise LookupError(waiting.endpoint)
    _write(waiting, place, _lines(place, waiting.person), progress)
    db.session.flush()
    return True


def give_up(file_id: int) -> None:
    """Say that a list could not be written; it can be taken out again."""
    waiting = queries.file_to_make(file_id)
    if waiting is not None:
        waiting.state = FileState.FAILED


def _lines(place: Place, person: Person) -> Lines:
    require(permissions.can_take_out(person, place))
    return place.listing.reading(Asked(person, place.values, clock.now()))


def _write(made: ListFile, place: Place, lines: Lines, progress: Progress | None = None) -> None:
    """Write the file of a list, row by row as they are read."""
    rights = queries.rights_of(made.person)
    listing, zone = place.listing, made.person.timezone
    with TemporaryFile() as file:
        cells = listing.cells(_told(lines.rows, progress))
        number = WRITERS[made.kind](file, listing.headings, cells, zone, made.language)
        file.seek(0)
        content = file.read()
    day = clock.today(zone)
    own = {name: value for name, value in place.values.items() if name in place.of_path}
    made.file = files.keep_own(rules.file_name(listing.name, own, made.kind, day), content)
    made.rights, made.done, made.total, made.state = rights, number, number, FileState.READY


def _told(rows: Iterable[Any], progress: Progress | None) -> Iterator[Any]:
    for number, row in enumerate(rows):
        if progress and number and not number % BETWEEN:
            progress(number)
        yield row


def forget_old(at: datetime) -> int:
    """Take away files that were asked for a while ago; says how many. What they were stays known."""
    old = queries.files_asked_before(at - rules.KEPT)
    for one in old:
        if one.file is not None:
            files.forget(one.file)
        one.file, one.state = None, FileState.GONE
    db.session.flush()
    return len(old)


# ------------------------------------------------------------------ filters


def keep_filter(place: Place, name: str, *, by: Person) -> KeptFilter:
    """Keep a list as filtered under a name. Raises Refused."""
    require(permissions.can_take_out(by, place))
    endpoint = place.listing.endpoint
    there = queries.filters_kept(permissions.filters_seen_by(by))
    refuse(rules.obstacles_to_keeping(name, queries.filter_called(by, endpoint, name), len(there)))
    kept = KeptFilter(person_id=by.id, endpoint=endpoint, name=name, address=place.address)
    db.session.add(kept)
    db.session.flush()
    return kept


def rename_filter(kept: KeptFilter, name: str, *, by: Person) -> None:
    """Give a filter another name. Raises Refused."""
    same = queries.filter_called(by, kept.endpoint, name)
    refuse(rules.obstacles_to_keeping(name, None if same is kept else same, 0))
    kept.name = name
    db.session.flush()


def forget_filter(kept: KeptFilter) -> None:
    """Keep a filter no longer."""
    db.session.delete(kept)
    db.session.flush()
