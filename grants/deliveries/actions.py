"""What is done about a mail that failed."""

from __future__ import annotations

from collections.abc import Iterable

from grants.accounts.models import Person
from grants.core import clock
from grants.core.mail import Delivery, OutboxMail, send_again
from grants.core.rules import refuse
from grants.deliveries import rules
from grants.history import actions as history


def try_again(mail: OutboxMail, *, by: Person) -> None:
    """Send a failed mail again, as often as a new one. Raises Refused when the link in it is over."""
    refuse(rules.obstacles_to_trying_again(mail.kind, mail.posted_at, clock.now()))
    send_again(mail)
    history.note("mail", mail.id, "try_again", by=by)


def try_all_again(mails: Iterable[OutboxMail], *, by: Person) -> int:
    """Send these failed mails again, but for those whose link is over; says how many it were."""
    at = clock.now()
    worth = [mail for mail in mails if not rules.obstacles_to_trying_again(mail.kind, mail.posted_at, at)]
    for mail in worth:
        try_again(mail, by=by)
    return len(worth)


def set_aside(mail: OutboxMail, *, by: Person) -> None:
    """Take a failed mail off the list: it need not arrive any more. The record keeps who decided it."""
    mail.state = Delivery.SET_ASIDE
    history.note("mail", mail.id, "set_aside", by=by)
