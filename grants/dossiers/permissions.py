"""Who may have the dossier of a grant, and what stands in theirs."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, false, select

from grants.applications.models import Application
from grants.applications.queries import application_by_reference
from grants.awards.models import Award
from grants.awards.permissions import awards_seen_by, sees_as_staff
from grants.core.permissions import scope, scope_of
from grants.decisions.models import Decision
from grants.decisions.queries import released_decision
from grants.dossiers.models import Dossier
from grants.dossiers.rules import Reader, Sight
from grants.payments.permissions import can_read_proof, can_see_bank_account, can_see_ledger
from grants.reviews.queries import gate_of


@scope_of(Dossier)
def dossiers_seen_by(user: Any) -> Select[Dossier]:
    """Everybody their own, of the grants they may see; nobody that of somebody else."""
    if not user.is_authenticated:
        return select(Dossier).where(false())
    awards = awards_seen_by(user).with_only_columns(Award.id)
    return select(Dossier).where(Dossier.person_id == user.id, Dossier.award_id.in_(awards))


def can_have(user: Any, award: Award) -> bool:
    """Auditors, finance officers and coordinators who see the grant, and members of the grantee: a dossier of what they
    may read of it.
    """
    return sees_as_staff(user, award) or bool(user.belongs_to(award.organization_id))


def reader_of(user: Any, award: Award) -> Reader:
    """What somebody may read of a grant they see, by the rules of each of its pages."""
    staff = sees_as_staff(user, award)
    about = award.application.reference
    may = {
        Sight.STAFF: staff,
        Sight.APPLICATION: application_by_reference(scope(user, Application), about) is not None,
        Sight.DECISION: staff and released_decision(scope(user, Decision), about) is not None,
        Sight.PROOFS: can_read_proof(user, award),
        Sight.ACCOUNTS: can_see_bank_account(user, award.organization),
        Sight.LEDGER: staff and can_see_ledger(user),
    }
    return Reader(frozenset(sight for sight, allowed in may.items() if allowed), gate_of(user, award.call_id))
