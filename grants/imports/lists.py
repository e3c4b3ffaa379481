"""The rows of a table that could not be taken, as they are taken out in a file, to mend them."""

from __future__ import annotations

from grants.core.languages import _l
from grants.core.listings import Asked, Column, Kind, Lines, listing_of
from grants.core.permissions import require, scope
from grants.core.web import found
from grants.imports import actions, permissions, queries, rules
from grants.imports.models import AwardImport
from grants.imports.workflow import ImportState


@listing_of(
    "imports.show",
    _l("Refused rows"),
    Column(_l("Line"), "line", Kind.NUMBER),
    Column(_l("Reason"), "reason"),
)
def refused(asked: Asked) -> Lines:
    """The rows that cannot be taken; of a table that waits they are read by those who import."""
    number = asked.get("import_id")
    sent = found(queries.import_by_id(scope(asked.person, AwardImport), int(number)))
    waits = sent.state in (ImportState.PREPARED, ImportState.FAILED)
    require(not waits or permissions.can_import(asked.person))
    # A file leaves the house: it names the lines, and what stood there is read on the page.
    rows = actions.looked_at(sent).reading.refused if waits else [rules.Refusal(**one) for one in sent.refused]
    return Lines(len(rows), [row.without_words for row in rows])
