"""What happens to requests, documents, identifiers, sponsors, and accounts that look alike."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from grants.accounts import actions as accounts
from grants.accounts import queries as account_queries
from grants.accounts.models import MemberRole, Membership, Organization, Person
from grants.core import clock, files
from grants.core.db import db
from grants.core.mail import post
from grants.core.rules import refuse
from grants.history import actions as history
from grants.organizations import mails, queries, rules
from grants.organizations.models import (
    Comparison,
    DocumentKind,
    Identifier,
    JoiningRequest,
    KeptDocument,
    Resemblance,
    Sponsorship,
)
from grants.organizations.workflow import ResemblanceState

# ------------------------------------------------------------------ joining


def ask_to_join(organization: Organization, words: str, *, by: Person) -> JoiningRequest:
    """Ask to become a member of an organization; its owners are told. Raises Refused."""
    refuse(rules.obstacles_to_asking(organization, by, queries.requests_of(by), clock.now()))
    request = JoiningRequest(organization=organization, person=by, words=words.strip(), asked_at=clock.now())
    db.session.add(request)
    history.begin(request, "ask", by=by)
    post(*(mails.joining_asked(request, owner) for owner in queries.owners_of(organization.id)))
    return request


def accept_request(request: JoiningRequest, *, role: MemberRole, by: Person) -> Membership:
    """Take a person who asked into the organization. Raises Refused when it was answered meanwhile."""
    _decide(request, by)
    history.record(request, "accept", by=by, role=role)
    membership = accounts.add_member(request.organization, request.person, role=role)
    post(mails.joining_accepted(request))
    return membership


def decline_request(request: JoiningRequest, reason: str, *, by: Person) -> None:
    """Say no to a person who asked, with the reason that they are told. Raises Refused."""
    _decide(request, by)
    request.reason = reason.strip()
    history.record(request, "decline", by=by, reason=reason)
    post(mails.joining_declined(request))


def _decide(request: JoiningRequest, by: Person) -> None:
    refuse(rules.obstacles_to_deciding(request))
    request.decided_at, request.decided_by_id = clock.now(), by.id


def take_back_request(request: JoiningRequest, *, by: Person) -> None:
    """Ask no longer. Raises Refused when it was answered meanwhile."""
    refuse(rules.obstacles_to_deciding(request))
    history.record(request, "withdraw", by=by)


# ------------------------------------------------------------------ owners


def hand_over(membership: Membership, *, by: Person) -> None:
    """Make a member the owner instead of oneself; who hands over stays as an editor. Raises Refused."""
    refuse(rules.obstacles_to_handing_over(membership, by))
    _name_owner(membership, by=by)
    own = account_queries.membership_between(membership.organization, by)
    if own is not None:
        accounts.change_member(own, role=MemberRole.EDITOR, may_sign=own.may_sign, by=by)
        db.session.expire(by, ["memberships"])
    history.note("organization", membership.organization_id, "hand_over", by=by, to=membership.person.reference)


def appoint_owner(membership: Membership, reason: str, *, by: Person) -> None:
    """Name an owner of an organization that nobody owns any more who could sign in. Raises Refused."""
    refuse(rules.obstacles_to_appointing(membership, account_queries.members_of(membership.organization, lock=True)))
    _name_owner(membership, by=by)
    history.note(
        "organization", membership.organization_id, "appoint", by=by, reason=reason, to=membership.person.reference
    )


def _name_owner(membership: Membership, *, by: Person) -> None:
    accounts.change_member(membership, role=MemberRole.OWNER, may_sign=membership.may_sign, by=by)
    db.session.expire(membership.person, ["memberships"])
    post(mails.ownership_handed_over(membership))


# ------------------------------------------------------------------ documents


def keep_document(
    organization: Organization,
    kind: DocumentKind,
    name: str,
    content: bytes,
    *,
    by: Person,
    title: str = "",
    valid_from: date | None = None,
    valid_until: date | None = None,
) -> KeptDocument:
    """Keep a document of an organization, for this and for later applications. Raises Refused."""
    present = queries.documents_kept(organization)
    refuse(rules.obstacles_to_keeping(present))
    stored = files.keep(name, content, rules.FORMATS)
    refuse(rules.obstacles_to_keeping(present, stored.sha256))
    document = KeptDocument(
        organization=organization,
        kind=kind,
        title=title.strip(),
        file=stored,
        valid_from=valid_from,
        valid_until=valid_until,
        added_by_id=by.id,
        added_at=clock.now(),
    )
    db.session.add(document)
    history.begin(document, "keep", by=by, document=kind.value, sha256=stored.sha256)
    return document


def remove_document(document: KeptDocument, *, by: Person) -> None:
    """Keep a document no longer; copies given with applications stay with them."""
    history.record(document, "remove", by=by)
    files.forget(document.file)


# ------------------------------------------------------------------ identifiers


def identify(organization: Organization, list_code: str, number: str, *, by: Person) -> Identifier:
    """Give an organization an identifier of a register; the first one is shown in forms. Raises Refused."""
    present = queries.identifiers_of(organization)
    refuse(rules.obstacles_to_identifying(list_code, number, present))
    identifier = Identifier(organization=organization, list_code=list_code, number=number, added_by_id=by.id)
    db.session.add(identifier)
    if not present:
        organization.identifier = identifier.shown
    organization.changed_at = clock.now()
    history.note("organization", organization.id, "identify", by=by, identifier=identifier.shown)
    return identifier


def show_identifier(identifier: Identifier, *, by: Person) -> None:
    """Choose which of its identifiers an organization gives in forms."""
    identifier.organization.identifier = identifier.shown
    history.note("organization", identifier.organization_id, "show_identifier", by=by, identifier=identifier.shown)


def remove_identifier(identifier: Identifier, *, by: Person) -> None:
    """Take an identifier away; if forms showed it, they show the oldest of the others."""
    organization = identifier.organization
    history.note("organization", organization.id, "remove_identifier", by=by, identifier=identifier.shown)
    db.session.delete(identifier)
    if organization.identifier == identifier.shown:
        others = [other for other in queries.identifiers_of(organization) if other.id != identifier.id]
        organization.identifier = others[0].shown if others else None
    organization.changed_at = clock.now()
    db.session.flush()


# ------------------------------------------------------------------ fiscal sponsors


def ask_sponsor(organization: Organization, sponsor: Organization, words: str, *, by: Person) -> Sponsorship:
    """Ask a registered organization to be the fiscal sponsor of one that is not; its owners are told. Raises Refused."""
    refuse(rules.obstacles_to_asking_sponsor(organization, sponsor, queries.live_sponsorship(organization)))
    sponsorship = Sponsorship(
        organization=organization, sponsor=sponsor, words=words.strip(), asked_by_id=by.id, asked_at=clock.now()
    )
    db.session.add(sponsorship)
    history.begin(sponsorship, "ask", by=by)
    post(*(mails.sponsorship_asked(sponsorship, owner) for owner in queries.owners_of(sponsor.id)))
    return sponsorship


def consent(sponsorship: Sponsorship, *, by: Person) -> None:
    """Agree to be the fiscal sponsor of an organization; it stands in its profile from now on. Raises Refused."""
    refuse(rules.obstacles_to_consenting(sponsorship))
    organization, sponsor = sponsorship.organization, sponsorship.sponsor
    organization.fiscal_sponsor, organization.fiscal_sponsor_id = sponsor.name, sponsor.id
    history.record(sponsorship, "consent", by=by)
    _tell_answer(sponsorship)


def decline_sponsorship(sponsorship: Sponsorship, reason: str, *, by: Person) -> None:
    """Say no to being a fiscal sponsor. Raises Refused without a reason."""
    history.record(sponsorship, "decline", by=by, reason=reason)
    _tell_answer(sponsorship)


def _tell_answer(sponsorship: Sponsorship) -> None:
    owners = queries.owners_of(sponsorship.organization_id)
    post(*(mails.sponsorship_answered(sponsorship, owner) for owner in owners))


def take_back_sponsorship(sponsorship: Sponsorship, *, by: Person) -> None:
    """Ask an organization no longer to be the fiscal sponsor."""
    history.record(sponsorship, "withdraw", by=by)


def end_sponsorship(sponsorship: Sponsorship, reason: str, *, by: Person) -> None:
    """End a fiscal sponsorship, from either side; the other side is told. Raises Refused without a reason."""
    history.record(sponsorship, "end", by=by, reason=reason)
    organization, sponsor = sponsorship.organization, sponsorship.sponsor
    if organization.fiscal_sponsor_id == sponsor.id:
        organization.fiscal_sponsor, organization.fiscal_sponsor_id = None, None
    db.session.flush()
    for side in (organization, sponsor):
        if not by.owns(side.id):
            post(*(mails.sponsorship_ended(sponsorship, side, owner) for owner in queries.owners_of(side.id)))


# ------------------------------------------------------------------ accounts that look alike


def compare_changed(limit: int = 50) -> int:
    """Compare organizations that are new or have changed with all others; says how many were compared.

    What looks alike is written down for a coordinator to look at; what somebody has judged already is not asked again.
    """
    changed = queries.changed_since_compared(limit)
    compare(changed)
    return len(changed)


def compare(organization_ids: Iterable[int]) -> list[Resemblance]:
    """Compare some organizations with all others; gives the pairs that are new."""
    ids, at = list(organization_ids), clock.now()
    if not ids:
        return []
    pairs = queries.pairs_alike(
        ids, here=rules.SIMILAR_HERE, anywhere=rules.SIMILAR_ANYWHERE, providers=rules.MAILBOX_PROVIDERS
    )
    known = queries.resemblances_between((first, second) for first, second, _alike, _similarity in pairs)
    found = []
    for first, second, alike, similarity in pairs:
        resemblance = known.get((first, second))
        if resemblance is None:
            resemblance = Resemblance(first_id=first, second_id=second, found_at=at, alike=alike, similarity=similarity)
            db.session.add(resemblance)
            history.begin(resemblance, "find", by=None)
            found.append(resemblance)
        resemblance.alike, resemblance.similarity = alike, similarity
    _note_compared(ids, at)
    return found


def _note_compared(ids: list[int], at: datetime) -> None:
    earlier = queries.comparisons_of(ids)
    for organization_id in ids:
        comparison = earlier.get(organization_id)
        if comparison is None:
            db.session.add(Comparison(organization_id=organization_id, compared_at=at))
        else:
            comparison.compared_at = at
    db.session.flush()


def unite(resemblance: Resemblance, main: Organization, reason: str, *, by: Person) -> None:
    """Say that two accounts are one organization, of which ``main`` is the account that counts. Raises Refused.

    Nothing is merged: the other account points to it, and what an organization may do once counts for both together.
    """
    refuse(rules.obstacles_to_uniting(main, resemblance.first, resemblance.second))
    history.record(resemblance, "unite", by=by, reason=reason, main=main.reference)
    _link(resemblance, chosen=main.id)
    _tell_both(resemblance, united=True)


def distinguish(resemblance: Resemblance, reason: str, *, by: Person) -> None:
    """Say that two accounts are two organizations; they are not shown again, and a link between them ends."""
    linked = resemblance.state == ResemblanceState.SAME
    history.record(resemblance, "distinguish", by=by, reason=reason)
    if linked:
        _link(resemblance, chosen=None)
        _tell_both(resemblance, united=False)


def _link(resemblance: Resemblance, chosen: int | None) -> None:
    family = queries.family_of([resemblance.first_id, resemblance.second_id])
    standing = {member.id: member.duplicate_of_id for member in family.values()}
    counting = rules.accounts_that_count(family, queries.found_the_same(family), standing, chosen)
    for organization_id, main in counting.items():
        family[organization_id].duplicate_of_id = main
    db.session.flush()


def _tell_both(resemblance: Resemblance, *, united: bool) -> None:
    mail = mails.accounts_united if united else mails.accounts_parted
    occasion = clock.now().isoformat()
    for organization in (resemblance.first, resemblance.second):
        owners = queries.owners_of(organization.id)
        post(*(mail(resemblance, organization, owner, occasion) for owner in owners))
