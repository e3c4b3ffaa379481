"""What stands in the way of joining, keeping, sponsoring and uniting; how identifiers are written; what makes alike."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from grants.accounts.models import MemberRole, Membership, Organization, Person
from grants.core.languages import _l
from grants.core.rules import Obstacle
from grants.organizations.models import DocumentKind, Identifier, JoiningRequest, KeptDocument, Sponsorship
from grants.organizations.workflow import JoiningState, SponsorshipState

MOST_REQUESTS = 5
"""So many requests to join may one person have open: nobody writes to all organizations of a country."""

AGAIN_AFTER = timedelta(days=30)
"""So long after a request was declined it may be made again."""

MOST_DOCUMENTS = 100
MOST_IDENTIFIERS = 12

EXPIRES_SOON = timedelta(days=30)

FORMATS = ["pdf", "jpg", "jpeg", "png", "docx", "xlsx", "ods"]
"""The kinds of file an organization may keep: those that calls ask for."""

# ------------------------------------------------------------------ joining


def obstacles_to_asking(
    organization: Organization, person: Person, earlier: Iterable[JoiningRequest], at: datetime
) -> list[Obstacle]:
    """Why a person cannot ask to join an organization; ``earlier`` are all requests that the person ever made."""
    asked = list(earlier)
    if person.belongs_to(organization.id):
        return [Obstacle("member_already", _l("You are a member of this organization already."))]
    here = [request for request in asked if request.organization_id == organization.id]
    if any(request.state == JoiningState.WAITING for request in here):
        return [Obstacle("asked_already", _l("You have asked already. The owners have been told."))]
    declined = [request.decided_at for request in here if request.state == JoiningState.DECLINED and request.decided_at]
    if declined and max(declined) + AGAIN_AFTER > at:
        return [
            Obstacle(
                "declined_lately",
                _l("Your request was declined. You can ask again after %(n)s days.", n=AGAIN_AFTER.days),
            )
        ]
    if sum(request.state == JoiningState.WAITING for request in asked) >= MOST_REQUESTS:
        return [
            Obstacle(
                "too_many_requests",
                _l("%(n)s requests of yours are still open. Take back those that you no longer need.", n=MOST_REQUESTS),
            )
        ]
    return []


def obstacles_to_deciding(request: JoiningRequest) -> list[Obstacle]:
    """Why a request to join cannot be answered or taken back."""
    if request.state != JoiningState.WAITING:
        return [Obstacle("decided_already", _l("This request has been answered or taken back already."))]
    return []


# ------------------------------------------------------------------ owners


def obstacles_to_handing_over(membership: Membership, by: Person) -> list[Obstacle]:
    """Why the ownership of an organization cannot be handed over to this member."""
    if membership.ended_at is not None:
        return [Obstacle("not_a_member", _l("This person is no longer a member."))]
    if membership.person_id == by.id:
        return [Obstacle("owner_already", _l("You are the owner already."))]
    if not membership.person.active:
        return [Obstacle("account_closed", _l("This account is closed."))]
    return []


def obstacles_to_appointing(membership: Membership, members: Iterable[Membership]) -> list[Obstacle]:
    """Why the fund cannot name an owner: only when no owner is left who can sign in, and only somebody who can."""
    if any(m.role == MemberRole.OWNER and m.person.active for m in members):
        return [Obstacle("owner_present", _l("This organization has an owner, who can name others."))]
    if membership.ended_at is not None:
        return [Obstacle("not_a_member", _l("This person is no longer a member."))]
    if not membership.person.active:
        return [Obstacle("account_closed", _l("This account is closed."))]
    return []


# ------------------------------------------------------------------ documents


def obstacles_to_keeping(present: Sequence[KeptDocument], sha256: str | None = None) -> list[Obstacle]:
    """Why an organization cannot keep one more document; ``sha256`` is that of the new file, once it is known."""
    if sha256 is not None and any(kept.file.sha256 == sha256 for kept in present):
        return [Obstacle("kept_already", _l("This very file is among your documents already."))]
    if len(present) >= MOST_DOCUMENTS:
        return [
            Obstacle(
                "too_many_documents",
                _l("You keep %(n)s documents. Remove those that are no longer needed first.", n=MOST_DOCUMENTS),
            )
        ]
    return []


def validity(document: KeptDocument, today: date) -> str:
    """Whether a document is good on a day: ``good``, ``soon`` (it expires within a month), ``expired`` or ``not_yet``."""
    if document.valid_until is not None and document.valid_until < today:
        return "expired"
    if document.valid_from is not None and document.valid_from > today:
        return "not_yet"
    if document.valid_until is not None and document.valid_until - today <= EXPIRES_SOON:
        return "soon"
    return "good"


def fitting(documents: Iterable[KeptDocument], key: str, formats: Iterable[str], today: date) -> list[KeptDocument]:
    """The kept documents that could be given where a call asks for ``key``: good today, in one of ``formats``.

    Those of that very kind come first, then those without a kind of their own.
    """
    endings = set(formats)
    good = [
        document
        for document in documents
        if document.kind in (key, DocumentKind.OTHER)
        and document.file.name.rsplit(".", 1)[-1].lower() in endings
        and validity(document, today) in ("good", "soon")
    ]
    return sorted(good, key=lambda document: (document.kind != key, -document.id))


# ------------------------------------------------------------------ identifiers


@dataclass(frozen=True)
class Register:
    """A list of org-id.guide: its code, the register behind it, and how its numbers look where that is certain."""

    code: str
    name: str
    pattern: str = r"[0-9A-Za-z][0-9A-Za-z./_ -]*"

    @property
    def country(self) -> str:
        """The country of the register, or XI for one of the whole world."""
        return self.code[:2]


REGISTERS = {
    register.code: register
    for register in (
        Register("BD-NAB", "NGO Affairs Bureau"),
        Register("BD-NBR", "National Board of Revenue"),
        Register("BD-ROC", "Registrar of Joint Stock Companies and Firms"),
        Register("DO-CR", "Oficina Nacional de la Propiedad Industrial"),
        Register("GT-NIT", "Número de Identificación Tributaria", r"[0-9]{1,12}-?[0-9Kk]"),
        Register("GT-RPJ", "Registro de las Personas Jurídicas"),
        Register("KE-KRA", "Kenya Revenue Authority", r"[A-Za-z][0-9]{9}[A-Za-z]"),
        Register("KE-NCB", "NGOs Coordination Board"),
        Register("KE-RCO", "Registrar of Companies"),
        Register("KE-RSO", "Registrar of Societies"),
        Register("LB-CR", "Registre du commerce"),
        Register("LB-MOI", "Ministry of Interior"),
        Register("MA-CR", "Registre central du commerce (OMPIC)"),
        Register("MX-RFC", "Registro Federal de Contribuyentes", r"[A-Za-zÑñ&]{3,4}[0-9]{6}[0-9A-Za-z]{3}"),
        Register("NP-CRO", "Company Registrar Office"),
        Register("NP-IRD", "Inland Revenue Department"),
        Register("NP-SWC", "Social Welfare Council"),
        Register("PE-RUC", "Registro Único de Contribuyentes", r"[0-9]{11}"),
        Register("PE-SUNARP", "Superintendencia Nacional de los Registros Públicos"),
        Register("PH-SEC", "Securities and Exchange Commission"),
        Register("SN-NINEA", "Numéro d'identification nationale des entreprises et des associations"),
        Register("TG-DOCA", "Division des organisations civiles et des associations"),
        Register("TG-NIF", "Numéro d'identification fiscale"),
        Register("XI-GRID", "Global Research Identifier Database", r"grid\.[0-9]+\.[0-9a-f]+"),
        Register("XI-IATI", "International Aid Transparency Initiative"),
        Register("XI-LEI", "Global Legal Entity Identifier Foundation", r"[0-9A-Za-z]{18}[0-9]{2}"),
        Register("XI-ROR", "Research Organization Registry", r"0[0-9a-hj-km-np-tv-z]{6}[0-9]{2}"),
        Register("XI-WIKIDATA", "Wikidata", r"Q[1-9][0-9]*"),
    )
}
"""Lists of org-id.guide for the countries in which calls have been open, and those of the whole world."""

LONGEST_NUMBER = 60


def split_identifier(typed: str) -> tuple[str, str] | None:
    """The list code and the number of an identifier that was written as a whole, such as KE-NCB-4321."""
    for code in sorted(REGISTERS, key=len, reverse=True):
        if typed.upper().startswith(f"{code}-") and len(typed) > len(code) + 1:
            return code, typed[len(code) + 1 :].strip()
    return None


def obstacles_to_identifying(list_code: str, number: str, present: Sequence[Identifier]) -> list[Obstacle]:
    """Why an identifier cannot be taken: an unknown list, a number that does not look like one of it, or once too many."""
    register = REGISTERS.get(list_code)
    if register is None:
        return [Obstacle("list_unknown", _l("We do not know this list. Please choose one of those offered."))]
    if len(number) > LONGEST_NUMBER or re.fullmatch(register.pattern, number, re.ASCII) is None:
        return [
            Obstacle(
                "number_unlikely",
                _l("This does not look like a number of %(register)s.", register=register.name),
            )
        ]
    if list_code == "XI-LEI" and not _checks_out(number):
        return [Obstacle("number_mistyped", _l("There is a mistake in this number: its check digits do not fit."))]
    if any(known.list_code == list_code and known.number == number for known in present):
        return [Obstacle("identifier_known", _l("This identifier is among yours already."))]
    if len(present) >= MOST_IDENTIFIERS:
        return [Obstacle("too_many_identifiers", _l("You have %(n)s identifiers already.", n=MOST_IDENTIFIERS))]
    return []


def _checks_out(lei: str) -> bool:
    """The check digits of a legal entity identifier (ISO 17442, which uses ISO/IEC 7064 MOD 97-10)."""
    return int("".join(str(int(sign, 36)) for sign in lei)) % 97 == 1


# ------------------------------------------------------------------ fiscal sponsors


def obstacles_to_asking_sponsor(
    organization: Organization, sponsor: Organization | None, live: Sponsorship | None
) -> list[Obstacle]:
    """Why an organization cannot ask (this) other one to be its fiscal sponsor; ``live`` is what stands already."""
    found = []
    if organization.registered:
        found.append(
            Obstacle("registered_itself", _l("Your organization is registered itself and needs no fiscal sponsor."))
        )
    if live is not None and live.state == SponsorshipState.ASKED:
        found.append(Obstacle("asked_already", _l("You have asked an organization. Its owners have been told.")))
    if live is not None and live.state == SponsorshipState.CONSENTED:
        found.append(Obstacle("sponsored_already", _l("You have a fiscal sponsor. End that first.")))
    if sponsor is not None and sponsor.id == organization.id:
        found.append(Obstacle("sponsor_itself", _l("An organization cannot be its own fiscal sponsor.")))
    if sponsor is not None and not sponsor.registered:
        found.append(Obstacle("sponsor_unregistered", _l("A fiscal sponsor is a registered organization.")))
    return found


def obstacles_to_consenting(sponsorship: Sponsorship) -> list[Obstacle]:
    """Why an organization cannot agree to be a fiscal sponsor now."""
    found = []
    if not sponsorship.sponsor.registered:
        found.append(Obstacle("sponsor_unregistered", _l("A fiscal sponsor is a registered organization.")))
    if sponsorship.organization.registered:
        found.append(Obstacle("registered_itself", _l("That organization is registered itself by now.")))
    return found


# ------------------------------------------------------------------ accounts that look alike

SIMILAR_HERE, SIMILAR_ANYWHERE = 0.6, 0.8
"""From which similarity of names (by trigrams, 0 to 1) two accounts are shown: in one country, and anywhere."""

MAILBOX_PROVIDERS = (
    "aol.com", "example.com", "example.net", "example.org", "free.fr", "gmail.com", "gmx.com", "gmx.net", "hotmail.com",
    "hotmail.es", "hotmail.fr", "icloud.com", "live.com", "live.fr", "mail.com", "mail.ru", "msn.com", "orange.fr",
    "orange.sn", "outlook.com", "outlook.es", "outlook.fr", "proton.me", "protonmail.com", "riseup.net", "tutanota.com",
    "wanadoo.fr", "yahoo.co.in", "yahoo.co.uk", "yahoo.com", "yahoo.com.mx", "yahoo.com.ph", "yahoo.es", "yahoo.fr",
    "ymail.com", "yandex.com", "zoho.com", "facebook.com", "instagram.com", "blogspot.com", "wordpress.com",
    "sites.google.com", "wixsite.com", "x.com", "twitter.com", "linkedin.com",
)  # fmt: skip
"""Where everybody has a mailbox or a page: living there says nothing. Those of examples belong to nobody (RFC 2606)."""

ALIKE_LABELS: dict[str, Any] = {
    "name": _l("Similar name"),
    "registration_number": _l("Same registration number"),
    "identifier": _l("Same identifier"),
    "email": _l("Same e-mail address"),
    "domain": _l("Same website or mail domain"),
}


def accounts_that_count(
    members: Iterable[int],
    same: Iterable[tuple[int, int]],
    standing: Mapping[int, int | None],
    chosen: int | None = None,
) -> dict[int, int | None]:
    """For each account of a family: the account of which it is a duplicate, None for the one that counts.

    ``same`` are the pairs that were found to be one organization. In each group that they hold together the account
    counts that was ``chosen``, else the one that did so far (``standing``), else the oldest.
    """
    group = {member: member for member in members}

    def head(member: int) -> int:
        while group[member] != member:
            member = group[member]
        return member

    for one, other in same:
        if one in group and other in group:
            group[max(head(one), head(other))] = min(head(one), head(other))
    groups: dict[int, list[int]] = {}
    for member in sorted(group):
        groups.setdefault(head(member), []).append(member)
    found: dict[int, int | None] = {}
    for together in groups.values():
        counting = [member for member in together if standing.get(member) is None]
        main = chosen if chosen in together else counting[0] if counting else together[0]
        found |= {member: None if member == main else main for member in together}
    return found


def obstacles_to_uniting(main: Organization, first: Organization, second: Organization) -> list[Obstacle]:
    """Why two accounts cannot be marked as one organization with ``main`` as the account that counts."""
    if main.id not in (first.id, second.id):
        return [Obstacle("main_unknown", _l("Choose which of the two accounts counts."))]
    return []
