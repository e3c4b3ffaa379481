"""What people and coordinators do with questions about a call: ask, confirm, word, answer, publish, set aside."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime

from grants.accounts.models import COORDINATORS, Person
from grants.accounts.queries import holders_of
from grants.calls.models import Call
from grants.calls.queries import names_of
from grants.core import clock
from grants.core.db import db
from grants.core.mail import forget_strangers, post
from grants.core.rules import refuse
from grants.enquiries import mails, queries, rules
from grants.enquiries.models import Enquiry, EnquiryKind, Verdict
from grants.enquiries.workflow import EnquiryState
from grants.history.actions import begin, note, record


def ask(
    call: Call,
    text: str,
    *,
    by: Person | None,
    email: str | None,
    language: str,
    origin: str,
    about: str | None = None,
    given: str = "",
) -> Enquiry:
    """Ask about a call, or object to a “no” of the check when ``about`` names its question. Raises Refused.

    A person with an account is asked nothing more; from a visitor the question waits until the link is followed that goes
    to ``email``. ``origin`` is a digest of the network address.
    """
    at = clock.now()
    kind = EnquiryKind.CONTEST if about else EnquiryKind.QUESTION
    refuse(rules.obstacles_to_asking(call, kind, at))
    address = None if by else email
    refuse(rules.obstacles_to_one_more(queries.asked_lately(call, by.id if by else None, address, origin)))
    token = None if by else secrets.token_urlsafe(24)
    enquiry = Enquiry(
        call_id=call.id,
        kind=kind,
        state=EnquiryState.UNCONFIRMED if token else EnquiryState.ASKED,
        asker=by,
        email=address,
        language=language,
        origin=origin,
        token_hash=hash_of(token) if token else None,
        about=about,
        given=given,
        text=text,
    )
    db.session.add(enquiry)
    # The record is read by staff, who are not told who asked; the question itself knows.
    begin(enquiry, "ask", by=None)
    if token:
        post(mails.call_question_confirm(enquiry, call, token, at + rules.CONFIRM_WITHIN))
    else:
        _tell_coordinators(call)
    return enquiry


def hash_of(token: str) -> str:
    """What is kept of the secret in a link."""
    return hashlib.sha256(token.encode()).hexdigest()


def confirm(enquiry: Enquiry) -> None:
    """The person who got the link says that the question is theirs. Raises Refused when the link is over."""
    refuse(rules.obstacles_to_confirming(enquiry, clock.now()))
    record(enquiry, "confirm", by=None)
    enquiry.token_hash = None
    _tell_coordinators(enquiry.call)


def _tell_coordinators(call: Call) -> None:
    regions, day = names_of(call).regions.keys(), clock.today(call.timezone)
    post(*(mails.call_question_asked(call, day, to=p) for p in holders_of(*COORDINATORS) if p.regions & regions))


def word(
    enquiry: Enquiry, *, question: Mapping[str, str], answer: Mapping[str, str], verdict: str | None, by: Person
) -> None:
    """Keep the wording of a question and its answer, by language, as far as they are written. Raises Refused."""
    refuse(rules.obstacles_to_wording(enquiry))
    enquiry.question = {code: text for code, text in question.items() if text}
    enquiry.answer = {code: text for code, text in answer.items() if text}
    enquiry.verdict = Verdict(verdict) if verdict and enquiry.kind == EnquiryKind.CONTEST else None
    note("enquiry", enquiry.id, "word", by=by)


def answer(enquiry: Enquiry, *, by: Person) -> None:
    """Send the answer to the person who asked, and to nobody else. Raises Refused."""
    refuse(rules.obstacles_to_answering(enquiry, enquiry.answer))
    record(enquiry, "answer", by=by)
    enquiry.answered_by_id, enquiry.answered_at = by.id, clock.now()
    post(mails.call_question_answered(enquiry, enquiry.call, enquiry.answered_at))


def prepare(enquiry: Enquiry, *, by: Person) -> None:
    """Make a question ready for the next moment of publication, in all languages of the call. Raises Refused."""
    refuse(rules.obstacles_to_preparing(enquiry.call, enquiry, enquiry.question, enquiry.answer))
    record(enquiry, "prepare", by=by)
    enquiry.answered_by_id, enquiry.answered_at = by.id, clock.now()


def publish(call: Call, *, by: Person) -> list[Enquiry]:
    """Show everybody all answers that are ready, at one moment; whoever asked gets the answer. Raises Refused."""
    ready = list(queries.prepared_enquiries(call))
    refuse(rules.obstacles_to_publishing(len(ready)))
    at = clock.now()
    for enquiry in ready:
        enquiry.published_at = at
        record(enquiry, "publish", by=by)
    post(*(mails.call_question_answered(enquiry, call, at) for enquiry in ready if not enquiry.forgotten_at))
    return ready


def forget_unconfirmed(at: datetime) -> int:
    """Remove the questions that nobody confirmed in time, with the addresses in them; how many went."""
    gone = queries.remove_unconfirmed(at - 2 * rules.CONFIRM_WITHIN)
    forget_strangers(gone)
    return len(gone)


def forget_addresses(enquiries: Sequence[Enquiry]) -> None:
    """Remove the addresses of visitors who asked, here and in the mails to them. The questions and answers stay."""
    at = clock.now()
    for enquiry in enquiries:
        enquiry.email, enquiry.forgotten_at = None, at
        note("enquiry", enquiry.id, "forget", by=None)
    db.session.flush()
    forget_strangers([enquiry.reference for enquiry in enquiries])


def take_down(enquiry: Enquiry, reason: str, *, by: Person) -> None:
    """Take a published answer off the page of the call, to mend it. Raises Refused without a reason."""
    record(enquiry, "take_down", by=by, reason=reason)
    enquiry.published_at = None


def set_aside(enquiry: Enquiry, reason: str, *, by: Person) -> None:
    """Put aside what needs no answer: a repetition, an advertisement. Raises Refused without a reason."""
    record(enquiry, "put_aside", by=by, reason=reason)


def take_up_again(enquiry: Enquiry, *, by: Person) -> None:
    """Answer after all what was set aside."""
    record(enquiry, "take_up_again", by=by)
