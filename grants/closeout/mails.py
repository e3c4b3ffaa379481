"""Mails about the end of a grant."""

from __future__ import annotations

from grants.awards.models import Award
from grants.closeout.models import Closeout
from grants.core.mail import Mail, Recipient


def closeout_opened(award: Award, closeout: Closeout, to: Recipient) -> Mail:
    """The final checks have begun; the grantee sees what is still asked of them."""
    context = {"reference": award.reference, "due_on": closeout.due_on}
    return Mail("closeout_opened", to=to, about=award.reference, context=context)


def award_closed(award: Award, closeout: Closeout, to: Recipient) -> Mail:
    """The closing letter."""
    context = {"reference": award.reference, "closed_on": closeout.closed_on, "keep_until": closeout.keep_until}
    return Mail("award_closed", to=to, about=award.reference, context=context)
