"""Mails about the end of a grant."""

from __future__ import annotations

from grants.accounts.models import Confidentiality
from grants.awards.models import Award
from grants.closeout import queries
from grants.closeout.models import Closeout
from grants.core import files
from grants.core.mail import Enclosure, Mail, OutboxMail, Recipient, enclosed_in


def closeout_opened(award: Award, closeout: Closeout, to: Recipient) -> Mail:
    """The final checks have begun; the grantee sees what is still asked of them."""
    context = {"reference": award.reference, "due_on": closeout.due_on}
    return Mail("closeout_opened", to=to, about=award.reference, context=context)


def award_closed(award: Award, closeout: Closeout, to: Recipient) -> Mail:
    """The closing letter."""
    context = {
        "reference": award.reference,
        "closed_on": closeout.closed_on,
        "keep_until": closeout.keep_until,
        "letter_id": closeout.letter_id,
    }
    return Mail("award_closed", to=to, about=award.reference, context=context)


@enclosed_in("award_closed")
def enclosed_letter(mail: OutboxMail) -> list[Enclosure]:
    """The closing letter; nothing for a grant whose name is withheld, for a mailbox is read by others."""
    found = queries.letter_to_enclose(mail.about)
    if found is None or found[1] != Confidentiality.PUBLIC:
        return []
    return [Enclosure(f"{mail.about}-closing.pdf", files.read(found[0]))]
