"""Bringing awards of earlier programmes: a table is sent in, laid out, confirmed, carried out, and perhaps taken back."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from grants.accounts.models import LegalForm, Organization, Person, region_of, strictest
from grants.core import clock, files
from grants.core.db import after_commit, db, hold
from grants.core.jobs import bell_of
from grants.core.rules import refuse
from grants.core.tables import kind_of_table, rows_of
from grants.history import actions as history
from grants.imports import queries, rules
from grants.imports.models import AwardImport, ColumnMapping, PastAward
from grants.imports.rules import Layout, ReadAward, Reading, Table

CARRY_OUT = "imports.carry_out"
"""The name of the task that carries imports out."""

AT_ONCE = 500
"""So many awards are written between two signs of progress."""

PATIENCE = "10min"
"""So long an import waits for those before it; twenty thousand awards take a quarter of a minute."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Looked:
    """A table as it would be imported now: ``present`` are the fingerprints of awards that are there already."""

    table: Table
    layout: Layout
    reading: Reading
    present: set[str]

    @property
    def coming(self) -> list[ReadAward]:
        """The awards that are not there yet."""
        return [award for award in self.reading.awards if award.fingerprint not in self.present]


def import_at_once(
    name: str, content: bytes, *, mapping: ColumnMapping | None = None, programme: str = "", by: Person | None
) -> AwardImport:
    """Import a table without looking at it first, all in this transaction. Raises Refused.

    A programme that nobody names has the name of the file.
    """
    sent = send_in(name, content, mapping=mapping, by=by)
    sent.programme = programme or sent.programme or rules.line_of(name.rpartition(".")[0].replace("_", " ")) or name
    confirm(sent, by=by)
    carry_out(sent.id, by=by)
    return sent


def send_in(name: str, content: bytes, *, mapping: ColumnMapping | None = None, by: Person | None) -> AwardImport:
    """Keep a table to be looked at; nothing is imported. Raises Refused when it cannot be read.

    It is laid out as a mapping says, without one as the mapping says that was saved for this header, else as a guess.
    """
    table = rules.table_of(rows_of(content))
    if mapping is not None:
        refuse(rules.obstacles_to_mapping(mapping.name, mapping.header_fingerprint, table.fingerprint))
    mapping = mapping or queries.mapping_for(table.fingerprint)
    layout = Layout.from_json(mapping.layout) if mapping else rules.guessed(table)
    sent = AwardImport(
        programme=mapping.programme if mapping else "",
        file=files.keep_table(name, kind_of_table(content), content),
        header=list(table.header.cells),
        header_fingerprint=table.fingerprint,
        layout=layout.as_json(),
        sent_by_id=by.id if by else None,
    )
    db.session.add(sent)
    db.session.flush()
    return sent


def lay_out(sent: AwardImport, layout: Layout, programme: str, *, name: str = "", by: Person) -> None:
    """Say what the columns of a table mean and of which programme its awards are. Raises Refused.

    With a ``name`` that is saved as a mapping, for this table and the next one with the same header.
    """
    sent = queries.import_to_change(sent.id)
    refuse(rules.obstacles_to_laying_out(sent.state))
    refuse(rules.obstacles_to_layout(layout, table_in(sent).header))
    sent.layout, sent.programme = layout.as_json(), programme
    if name:
        mapping = queries.mapping_called(name)
        if mapping is None:
            mapping = ColumnMapping(name=name)
            db.session.add(mapping)
        mapping.programme, mapping.layout = programme, layout.as_json()
        mapping.header_fingerprint, mapping.saved_by_id = sent.header_fingerprint, by.id
        mapping.saved_at = clock.now()
    db.session.flush()


def table_in(sent: AwardImport) -> Table:
    """The table that was sent in."""
    return rules.table_of(rows_of(files.read(sent.file)))


def looked_at(sent: AwardImport) -> Looked:
    """What importing a table would bring; nothing is written. What was made more confidential before stays so, also when it
    was taken back and is brought again.
    """
    table, layout = table_in(sent), Layout.from_json(sent.layout)
    reading, tightened = rules.read(table, layout, clock.now().date()), queries.classes_tightened()
    for at, award in enumerate(reading.awards):
        if award.fingerprint in tightened:
            strict = strictest(award.confidentiality, *tightened[award.fingerprint])
            reading.awards[at] = replace(award, confidentiality=strict)
    return Looked(table, layout, reading, queries.fingerprints_present(a.fingerprint for a in reading.awards))


def as_shown(sent: AwardImport) -> str:
    """What somebody who looks at a table is shown, as a digest: its file, what its columns mean, and the programme."""
    shown = json.dumps([sent.file.sha256, sent.layout, sent.programme], sort_keys=True)
    return hashlib.sha256(shown.encode()).hexdigest()


def confirm(sent: AwardImport, *, by: Person | None, seen: str | None = None) -> None:
    """Have a table imported as it was shown; ``seen`` is the digest of what was. Raises Refused."""
    sent = queries.import_to_change(sent.id)
    refuse(rules.obstacles_to_confirming(seen, as_shown(sent)))
    looked = looked_at(sent)
    refuse(rules.obstacles_to_importing(sent.state, looked.layout, looked.table.header, looked.reading, sent.programme))
    history.record(sent, "confirm", by=by, sha256=sent.file.sha256, programme=sent.programme, shown=as_shown(sent))
    sent.begun_at, sent.done, sent.total = None, 0, len(looked.reading.awards)
    db.session.flush()
    after_commit(bell_of(CARRY_OUT))


def discard(sent: AwardImport) -> None:
    """Put a table aside that was not imported. Raises Refused."""
    sent = queries.import_to_change(sent.id)
    refuse(rules.obstacles_to_discarding(sent.state))
    _forget(sent)


def forget_left(at: datetime) -> int:
    """Take away tables that nobody confirmed in time, and what stood in rows that were refused that long ago; says of how
    many tables.
    """
    left, quoting = queries.tables_left(at - rules.KEPT), queries.imports_quoting(at - rules.KEPT)
    for sent in left:
        _forget(sent)
    for sent in quoting:
        sent.refused = [asdict(rules.Refusal(**one).without_words) for one in sent.refused]
    db.session.flush()
    return len(left) + len(quoting)


def _forget(sent: AwardImport) -> None:
    stored = sent.file
    db.session.delete(sent)
    db.session.flush()
    files.forget(stored)


# ------------------------------------------------------------------ carrying it out


def carry_out(import_id: int, progress: Progress | None = None, *, by: Person | None = None) -> bool:
    """Write the awards of a confirmed import, all in this transaction; says whether there was something to do.

    Other imports wait meanwhile, so that of two that bring the same award the second finds it there.
    """
    queries.wait_for_others(PATIENCE)
    sent = queries.import_to_carry_out(import_id)
    if sent is None:
        return False
    looked = looked_at(sent)
    coming, number = looked.coming, len(looked.reading.awards)
    grantees, brought = _grantees_of(sent, coming)
    done = number - len(coming)
    for first in range(0, len(coming), AT_ONCE):
        some = coming[first : first + AT_ONCE]
        db.session.add_all(_written(award, sent, grantees[award.line]) for award in some)
        db.session.flush()
        done += len(some)
        if progress is not None:
            progress(done, number)
    # Only now is its own row changed: until here others may say how far it is.
    sent.organization_ids = brought
    sent.imported, sent.present = len(coming), number - len(coming)
    sent.refused = [asdict(refusal) for refusal in looked.reading.refused]
    nothing = dict.fromkeys((award.amount.currency for award in looked.reading.awards), 0)
    sent.totals_minor = nothing | rules.totals(award.amount for award in coming)
    sent.done, sent.total = number, number
    sent.finished_at = clock.now()
    history.record(sent, "finish", by=by, imported=sent.imported, present=sent.present, refused=len(sent.refused))
    return True


def give_up(import_id: int, *, by: None = None) -> None:
    """Say that an import could not be carried out; nothing of it was written, and it can be confirmed again."""
    sent = queries.import_to_carry_out(import_id)
    if sent is not None:
        history.record(sent, "give_up", by=by)


@dataclass(frozen=True)
class _Grantee:
    id: int
    region: str | None
    confidentiality: str


def _grantees_of(sent: AwardImport, awards: Sequence[ReadAward]) -> tuple[dict[int, _Grantee], list[int]]:
    """The organizations of awards by the lines they stand on, those that are there and new ones for the others; and which
    are new.

    All awards of one name and country went to one organization.
    """
    by_name: dict[str, list[ReadAward]] = defaultdict(list)
    for award in awards:
        by_name[rules.folded(award.grantee)].append(award)
    known: dict[str, list[queries.KnownOrganization]] = defaultdict(list)
    for one in queries.organizations_named(sorted({award.grantee for award in awards})):
        known[rules.folded(one.name)].append(one)
    found: dict[int, _Grantee] = {}
    brought: list[tuple[Organization, list[ReadAward]]] = []
    for name, its_awards in by_name.items():
        for country, here in _by_country(its_awards).items():
            same = rules.same_organization(known[name], country, [award.city for award in here])
            if same is not None:
                grantee = _Grantee(same.counts, region_of(same.country), same.confidentiality)
                found |= {award.line: grantee for award in here}
            else:
                reference = f"ORG-I{sent.id}-{len(brought) + 1}"
                brought.append((_from_past(reference, country, here), here))
    db.session.add_all(organization for organization, _awards in brought)
    db.session.flush()
    for organization, here in brought:
        grantee = _Grantee(organization.id, organization.region, organization.confidentiality_default)
        found |= {award.line: grantee for award in here}
    return found, [organization.id for organization, _awards in brought]


def _by_country(awards: Sequence[ReadAward]) -> dict[str, list[ReadAward]]:
    """Awards of one name by country; those whose row names none go with the others if these lie in one country."""
    told = {award.country for award in awards if award.country}
    otherwise = min(told) if len(told) == 1 else rules.NOWHERE
    found: dict[str, list[ReadAward]] = defaultdict(list)
    for award in awards:
        found[award.country or otherwise].append(award)
    return found


def _from_past(reference: str, country: str, awards: Sequence[ReadAward]) -> Organization:
    """An organization of which nothing is known but what the table says, and that nobody has an account for."""
    return Organization(
        reference=reference,
        name=awards[0].grantee,
        country=country,
        city=next((award.city for award in awards if award.city), None),
        region=region_of(country),
        legal_form=LegalForm.OTHER,
        registered=False,
        confidentiality_default=strictest(*(award.confidentiality for award in awards)),
        is_from_past=True,
    )


def _written(award: ReadAward, sent: AwardImport, grantee: _Grantee) -> PastAward:
    return PastAward(
        reference=f"{sent.reference}-{award.line:04d}",
        fingerprint=award.fingerprint,
        import_id=sent.id,
        line=award.line,
        organization_id=grantee.id,
        grantee=award.grantee,
        title=award.title,
        number=award.number,
        amount_minor=award.amount.minor,
        currency=award.amount.currency,
        granted_on=award.granted_on,
        months=award.months,
        region=grantee.region,
        city=award.city,
        heading=award.heading,
        confidentiality=strictest(award.confidentiality, grantee.confidentiality),
        cells=list(award.cells),
    )


def tighten(award: PastAward, wanted: str, reason: str, *, by: Person) -> PastAward:
    """Make an award of an earlier programme more confidential, at once and everywhere; with it an organization of which
    nothing is known but such awards. It is never made less confidential here: nobody could consent. Raises Refused.
    """
    hold(award, "confidentiality")
    refuse(rules.obstacles_to_tightening(award, wanted, reason))
    before, award.confidentiality = award.confidentiality, wanted
    if award.organization.is_from_past:
        award.organization.confidentiality_default = strictest(award.organization.confidentiality_default, wanted)
    told = {"award": award.reference, "before": before, "after": wanted, "fingerprint": award.fingerprint}
    history.note("award_import", award.import_id, "tighten", by=by, reason=reason, **told)
    db.session.flush()
    return award


def undo(sent: AwardImport, reason: str, *, by: Person) -> None:
    """Take back what an import brought, with a reason: its awards, and the organizations that came with it and that
    nothing else refers to. The table, what was counted and the reason stay. Raises Refused.
    """
    refuse(rules.obstacles_to_undoing(sent.state))
    queries.wait_for_others()
    history.record(sent, "undo", by=by, reason=reason)
    queries.take_back_awards(sent.id)
    queries.take_back_organizations(sent.organization_ids)
