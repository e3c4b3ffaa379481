"""Finding requests, documents, identifiers, sponsors, and accounts that look alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from sqlalchemy import Select, func, or_, select, text
from sqlalchemy.orm import joinedload, load_only

from grants.accounts.models import Confidentiality, MemberRole, Membership, Organization, Person
from grants.core.db import db
from grants.organizations.models import (
    Comparison,
    DocumentKind,
    Identifier,
    JoiningRequest,
    KeptDocument,
    Resemblance,
    Sponsorship,
)
from grants.organizations.workflow import DocumentState, JoiningState, ResemblanceState, SponsorshipState

PAGE = 50
MOST_FOUND = 3
"""So many organizations does a search by name show: who knows the name finds theirs, nobody reads a list of all."""

ENOUGH_ALIKE = 0.55
"""How much of a name has to be typed (by trigrams, 0 to 1) before the organization is found."""

TYPED_WELL = 0.85
"""How well a part is typed that is found as well, when it is half of the name."""

# ------------------------------------------------------------------ finding an organization by what one knows of it


def organizations_called(country: str, words: str, *, registered: bool = False) -> list[Organization]:
    """Organizations of a country with this (whole) name, acronym or registration number, the most alike first.

    Only what they themselves would publish is found: those whose name is withheld never are. Nor are those that came
    along with earlier awards: they have no owner who could let anybody in.
    """
    name = func.plain_name(Organization.name)
    wanted = func.plain_name(words)
    similarity = func.similarity(name, wanted)
    typed_well = func.strict_word_similarity(wanted, name) >= TYPED_WELL
    enough = func.length(wanted) * 2 >= func.length(name)
    found = (
        select(Organization)
        .where(
            Organization.country == country,
            Organization.confidentiality_default == Confidentiality.PUBLIC,
            Organization.duplicate_of_id.is_(None),
            ~Organization.is_from_past,
            or_(
                name.op("%")(wanted) & ((similarity >= ENOUGH_ALIKE) | (typed_well & enough)),
                func.plain_name(func.nullif(Organization.acronym, "")) == wanted,
                func.plain_number(Organization.registration_number) == func.plain_number(words),
            ),
        )
        .options(load_only(Organization.reference, Organization.name, Organization.country, Organization.registered))
        .order_by(similarity.desc(), Organization.id)
        .limit(MOST_FOUND)
    )
    if registered:
        found = found.where(Organization.registered)
    return list(db.session.scalars(found))


def organization_to_join(organization_id: int) -> Organization | None:
    """An organization that was found by name, if it may still be found."""
    return db.session.scalar(
        select(Organization).where(
            Organization.id == organization_id,
            Organization.confidentiality_default == Confidentiality.PUBLIC,
            ~Organization.is_from_past,
        )
    )


# ------------------------------------------------------------------ people


def owners_of(organization_id: int) -> list[Person]:
    """The owners of an organization who can sign in."""
    found = (
        select(Person)
        .join(Membership, Membership.person_id == Person.id)
        .where(
            Membership.organization_id == organization_id,
            Membership.ended_at.is_(None),
            Membership.role == MemberRole.OWNER,
            Person.active,
        )
        .order_by(Membership.id)
    )
    return list(db.session.scalars(found))


def signatories_of(organization: Organization) -> list[Person]:
    """The members who sign in the organization's name, and certify its applications."""
    found = (
        select(Person)
        .join(Membership, Membership.person_id == Person.id)
        .where(
            Membership.organization_id == organization.id,
            Membership.ended_at.is_(None),
            Membership.may_sign,
            Person.active,
        )
        .order_by(Membership.id)
    )
    return list(db.session.scalars(found))


def requests_of(person: Person) -> list[JoiningRequest]:
    """All requests to join that a person ever made, with the organizations, newest first."""
    found = (
        select(JoiningRequest)
        .where(JoiningRequest.person_id == person.id)
        .options(joinedload(JoiningRequest.organization).load_only(Organization.name))
        .order_by(JoiningRequest.id.desc())
    )
    return list(db.session.scalars(found))


def requests_to(seen: Select[JoiningRequest], organization: Organization) -> list[JoiningRequest]:
    """The open requests to join an organization, among those a person may see, oldest first."""
    found = (
        seen.where(JoiningRequest.organization_id == organization.id, JoiningRequest.state == JoiningState.WAITING)
        .options(joinedload(JoiningRequest.person).load_only(Person.name, Person.email))
        .order_by(JoiningRequest.id)
    )
    return list(db.session.scalars(found))


def waiting_requests(organization_id: int) -> int:
    """How many people wait for an answer to their request to join."""
    found = select(func.count()).where(
        JoiningRequest.organization_id == organization_id, JoiningRequest.state == JoiningState.WAITING
    )
    return db.session.scalar(found) or 0


def request_seen(seen: Select[JoiningRequest], request_id: int) -> JoiningRequest | None:
    """One request among those a person may see, with its organization and person."""
    found = seen.where(JoiningRequest.id == request_id)
    return db.session.scalar(found.options(joinedload(JoiningRequest.organization), joinedload(JoiningRequest.person)))


# ------------------------------------------------------------------ documents


def documents_kept(organization: Organization) -> list[KeptDocument]:
    """The documents that an organization keeps, with their files and who added them, by kind, newest first."""
    found = (
        select(KeptDocument)
        .where(KeptDocument.organization_id == organization.id, KeptDocument.state == DocumentState.KEPT)
        .options(joinedload(KeptDocument.file), joinedload(KeptDocument.added_by).load_only(Person.name))
    )
    order = [kind.value for kind in DocumentKind]
    return sorted(db.session.scalars(found), key=lambda document: (order.index(document.kind), -document.id))


def document_seen(seen: Select[KeptDocument], organization: Organization, document_id: int) -> KeptDocument | None:
    """One document that an organization still keeps, among those a person may see, with its file."""
    found = seen.where(
        KeptDocument.id == document_id,
        KeptDocument.organization_id == organization.id,
        KeptDocument.state == DocumentState.KEPT,
    )
    return db.session.scalar(found.options(joinedload(KeptDocument.file), joinedload(KeptDocument.organization)))


def documents_to_renew(first: date, last: date) -> list[KeptDocument]:
    """Kept documents that expire between two days, both included, with their organizations.

    A document of which a newer one of the same kind is kept needs no renewal.
    """
    later = KeptDocument.__table__.alias("later")
    found = (
        select(KeptDocument)
        .where(
            KeptDocument.state == DocumentState.KEPT,
            KeptDocument.valid_until.between(first, last),
            ~select(later.c.id)
            .where(
                later.c.organization_id == KeptDocument.organization_id,
                later.c.kind == KeptDocument.kind,
                later.c.state == DocumentState.KEPT,
                or_(later.c.valid_until.is_(None), later.c.valid_until > KeptDocument.valid_until),
                KeptDocument.kind != DocumentKind.OTHER,
            )
            .exists(),
        )
        .options(joinedload(KeptDocument.organization))
        .order_by(KeptDocument.valid_until, KeptDocument.id)
    )
    return list(db.session.scalars(found))


# ------------------------------------------------------------------ identifiers


def identifiers_of(organization: Organization) -> list[Identifier]:
    """The identifiers of an organization, in the order in which they were given."""
    found = select(Identifier).where(Identifier.organization_id == organization.id).order_by(Identifier.id)
    return list(db.session.scalars(found))


def identifier_seen(seen: Select[Identifier], organization: Organization, identifier_id: int) -> Identifier | None:
    """One identifier of an organization, among those a person may see."""
    found = seen.where(Identifier.id == identifier_id, Identifier.organization_id == organization.id)
    return db.session.scalar(found.options(joinedload(Identifier.organization)))


# ------------------------------------------------------------------ fiscal sponsors


def live_sponsorship(organization: Organization) -> Sponsorship | None:
    """What an organization has asked or agreed with a fiscal sponsor."""
    found = select(Sponsorship).where(
        Sponsorship.organization_id == organization.id,
        Sponsorship.state.in_([SponsorshipState.ASKED, SponsorshipState.CONSENTED]),
    )
    return db.session.scalar(found.options(joinedload(Sponsorship.sponsor)))


def sponsored_by(organization: Organization) -> list[Sponsorship]:
    """The organizations that ask this one to be their fiscal sponsor, or for which it is, those who wait first."""
    found = (
        select(Sponsorship)
        .where(
            Sponsorship.sponsor_id == organization.id,
            Sponsorship.state.in_([SponsorshipState.ASKED, SponsorshipState.CONSENTED]),
        )
        .options(joinedload(Sponsorship.organization))
        .order_by(Sponsorship.state, Sponsorship.id)
    )
    return list(db.session.scalars(found))


def sponsorship_seen(seen: Select[Sponsorship], sponsorship_id: int) -> Sponsorship | None:
    """One sponsorship among those a person may see, with both organizations."""
    found = seen.where(Sponsorship.id == sponsorship_id)
    return db.session.scalar(found.options(joinedload(Sponsorship.organization), joinedload(Sponsorship.sponsor)))


# ------------------------------------------------------------------ accounts that look alike

_ALIKE = text(
    """
    WITH this AS (SELECT * FROM organization WHERE id = ANY(:ids)),
    found AS (
        SELECT this.id AS one, other.id AS other, 'name' AS alike,
               similarity(plain_name(this.name), plain_name(other.name)) AS likeness
        FROM this JOIN organization other
          ON plain_name(other.name) % plain_name(this.name) AND other.id <> this.id
        WHERE similarity(plain_name(this.name), plain_name(other.name))
              >= CASE WHEN other.country = this.country THEN :here ELSE :anywhere END
      UNION ALL
        SELECT this.id, other.id, 'registration_number', 0
        FROM this JOIN organization other
          ON plain_number(other.registration_number) = plain_number(this.registration_number)
         AND other.country = this.country AND other.id <> this.id
      UNION ALL
        SELECT mine.organization_id, theirs.organization_id, 'identifier', 0
        FROM organization_identifier mine JOIN organization_identifier theirs
          ON theirs.list_code = mine.list_code AND plain_number(theirs.number) = plain_number(mine.number)
         AND theirs.organization_id <> mine.organization_id
        WHERE mine.organization_id = ANY(:ids)
      UNION ALL
        SELECT this.id, other.id, 'email', 0
        FROM this JOIN organization other
          ON web_domain(other.email) = web_domain(this.email) AND lower(other.email) = lower(this.email)
         AND other.id <> this.id
      UNION ALL
        SELECT this.id, other.id, 'domain', 0
        FROM this JOIN LATERAL (VALUES (web_domain(this.email)), (web_domain(this.website))) AS mine(domain)
          ON mine.domain <> ALL(:providers)
        JOIN organization other
          ON (web_domain(other.email) = mine.domain OR web_domain(other.website) = mine.domain) AND other.id <> this.id
    )
    SELECT least(one, other) AS first_id, greatest(one, other) AS second_id,
           array_agg(DISTINCT alike ORDER BY alike) AS alike, round(100 * max(likeness))::bigint AS similarity
    FROM found GROUP BY 1, 2
    """
)


def pairs_alike(
    organization_ids: Sequence[int], *, here: float, anywhere: float, providers: Sequence[str]
) -> list[tuple[int, int, list[str], int]]:
    """The accounts that look like some of these: the two ids, in what they are alike, the likeness of names in percent.

    The names are compared by an index of their trigrams, so that ten thousand organizations cost little.
    """
    asked = {"ids": list(organization_ids), "here": here, "anywhere": anywhere, "providers": list(providers)}
    db.session.execute(text("SELECT set_config('pg_trgm.similarity_threshold', :least, true)"), {"least": str(here)})
    return [tuple(row) for row in db.session.execute(_ALIKE, asked)]


def changed_since_compared(limit: int) -> list[int]:
    """Organizations that are new, or whose profile has changed since they were compared with the others."""
    found = (
        select(Organization.id)
        .outerjoin(Comparison, Comparison.organization_id == Organization.id)
        .where(or_(Comparison.compared_at.is_(None), Comparison.compared_at <= Organization.changed_at))
        .order_by(Organization.id)
        .limit(limit)
    )
    return list(db.session.scalars(found))


def comparisons_of(organization_ids: Iterable[int]) -> dict[int, Comparison]:
    """When these organizations were last compared."""
    found = select(Comparison).where(Comparison.organization_id.in_(list(organization_ids)))
    return {row.organization_id: row for row in db.session.scalars(found)}


def resemblances_between(pairs: Iterable[tuple[int, int]]) -> dict[tuple[int, int], Resemblance]:
    """What is known already about these pairs of accounts."""
    wanted = set(pairs)
    firsts = {first for first, _second in wanted}
    found = db.session.scalars(select(Resemblance).where(Resemblance.first_id.in_(firsts))) if firsts else ()
    return {(row.first_id, row.second_id): row for row in found if (row.first_id, row.second_id) in wanted}


def resemblances_page(seen: Select[Resemblance], state: str, page: int) -> tuple[list[Resemblance], int]:
    """One page of the pairs in one state, the most alike first, and how many there are."""
    seen = seen.where(Resemblance.state == state)
    total = db.session.scalar(select(func.count()).select_from(seen.order_by(None).subquery())) or 0
    shown = (Organization.reference, Organization.name, Organization.country, Organization.duplicate_of_id)
    rows = (
        seen.options(joinedload(Resemblance.first).load_only(*shown), joinedload(Resemblance.second).load_only(*shown))
        .order_by(func.cardinality(Resemblance.alike).desc(), Resemblance.similarity.desc(), Resemblance.id)
        .limit(PAGE)
        .offset((page - 1) * PAGE)
    )
    return list(db.session.scalars(rows)), total


def waiting_resemblances(seen: Select[Resemblance]) -> int:
    """How many pairs wait for somebody to look at them."""
    found = seen.where(Resemblance.state == ResemblanceState.FOUND).subquery()
    return db.session.scalar(select(func.count()).select_from(found)) or 0


def resemblance_seen(seen: Select[Resemblance], resemblance_id: int) -> Resemblance | None:
    """One pair among those a person may see, with both organizations."""
    found = seen.where(Resemblance.id == resemblance_id)
    return db.session.scalar(found.options(joinedload(Resemblance.first), joinedload(Resemblance.second)))


def family_of(organization_ids: Sequence[int]) -> dict[int, Organization]:
    """All accounts that are linked with these as one organization, locked in the order of their ids."""
    heads = select(func.coalesce(Organization.duplicate_of_id, Organization.id)).where(
        Organization.id.in_(organization_ids)
    )
    found = (
        select(Organization)
        .where(or_(Organization.id.in_(heads), Organization.duplicate_of_id.in_(heads)))
        .order_by(Organization.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {row.id: row for row in db.session.scalars(found)}


def found_the_same(organization_ids: Iterable[int]) -> list[tuple[int, int]]:
    """The pairs among these accounts that somebody said are one organization."""
    wanted = list(organization_ids)
    found = select(Resemblance.first_id, Resemblance.second_id).where(
        Resemblance.state == ResemblanceState.SAME,
        Resemblance.first_id.in_(wanted),
        Resemblance.second_id.in_(wanted),
    )
    return [(first, second) for first, second in db.session.execute(found)]
