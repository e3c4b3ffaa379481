"""Opening the final checks, and closing a grant."""

from __future__ import annotations

from datetime import datetime

from grants.accounts.models import Person
from grants.awards import actions as awards
from grants.awards import queries as award_queries
from grants.awards.models import Award
from grants.awards.rules import obstacles_without_reason
from grants.closeout import mails, queries, rules
from grants.closeout.models import Closeout, Erasure
from grants.closeout.queries import Balance
from grants.core import clock, files, pdf
from grants.core.db import db, hold
from grants.core.languages import DOCUMENT_LANGUAGES, speaking
from grants.core.mail import forget_words, post
from grants.core.rules import refuse
from grants.enquiries import actions as enquiries
from grants.history import actions as history
from grants.letters.actions import compose
from grants.letters.models import LetterKind
from grants.letters.queries import worded
from grants.payments import actions as payments
from grants.payments import queries as payment_queries


def open_closeout(award: Award, *, by: Person) -> Closeout:
    """Begin the final checks of a grant. Raises Refused while the final report is not in."""
    payment_queries.lock_grant(award.id)
    reports = list(payment_queries.reports_owed(award).values())
    refuse(rules.obstacles_to_opening(award, reports, queries.closeout_of(award)))
    closeout = Closeout(
        award_id=award.id,
        opened_by_id=by.id,
        due_on=rules.due_after_opening(clock.today(award.call.timezone)),
    )
    db.session.add(closeout)
    history.begin(closeout, "open", by=by, award=award.reference)
    people = award_queries.people_who_answer([award.organization_id])
    post(*(mails.closeout_opened(award, closeout, to) for to in people.get(award.organization_id, [])))
    return closeout


def explain(closeout: Closeout, note: str, *, by: Person) -> Closeout:
    """Write down what became of milestones that were not reached. Raises Refused once the grant is closed."""
    refuse(rules.obstacles_to_explaining(closeout, note))
    closeout.note = note.strip()
    history.note("closeout", closeout.id, "explain", by=by)
    return closeout


def finish(closeout: Closeout, *, by: Person) -> Closeout:
    """Close the grant: the figures are written down, what was not needed returns to the envelope, the letter goes out.

    Raises Refused with everything that is still missing.
    """
    award = closeout.award
    payment_queries.lock_grant(award.id)
    facts = queries.facts_of(award)
    refuse(rules.obstacles_to_finishing(award, facts, closeout))
    today = clock.today(award.call.timezone)
    payments.release_rest(award, by=by)
    balance = queries.balance_of(award)
    closeout.paid_minor = balance.position.paid.minor
    closeout.spent_minor = balance.position.spent.minor
    closeout.refunded_minor = balance.position.refunded.minor
    closeout.released_minor = balance.released.minor
    closeout.closed_on = today
    closeout.closed_by_id = by.id
    closeout.keep_until = rules.keep_until(
        queries.last_money_moved_on(award) or today, queries.retention_years_of(award)
    )
    _write_letter(closeout, balance)
    history.record(closeout, "finish", by=by, keep_until=closeout.keep_until.isoformat(), letter=closeout.letter_id)
    awards.close(award, by=by)
    people = award_queries.people_who_answer([award.organization_id])
    post(*(mails.award_closed(award, closeout, to) for to in people.get(award.organization_id, [])))
    return closeout


def _write_letter(closeout: Closeout, balance: Balance) -> None:
    """The closing letter with the final balance, in the language of the agreement, kept as words and as a document."""
    award = closeout.award
    language = queries.language_of_agreement(award)
    with speaking(language, DOCUMENT_LANGUAGES):
        letter = compose(
            award.application,
            LetterKind.CLOSING,
            {(LetterKind.CLOSING, language): worded(award.call, LetterKind.CLOSING, language)},
            at=clock.now(),
            details={"balance": rules.balance_in_words(balance)},
            amount=award.amount,
            keep_until=closeout.keep_until,
            language=language,
        )
        document = pdf.render("document", language=language, **rules.letter_in_words(letter, award, closeout.closed_on))
    closeout.letter = letter
    closeout.letter_file = files.keep_own(f"{award.reference}-closing.pdf", document)
    db.session.flush()


# ------------------------------------------------------------------ what is kept no longer


def propose_erasure(award: Award, *, by: Person) -> Erasure:
    """Propose to erase the sensitive papers and mails of a grant whose time is over. Raises Refused."""
    payment_queries.lock_grant(award.id)
    today = clock.today(award.call.timezone)
    refuse(rules.obstacles_to_proposing(queries.kept_until(award), queries.erasure_of(award), today))
    erasure = Erasure(award_id=award.id, proposed_by_id=by.id)
    db.session.add(erasure)
    history.begin(erasure, "propose", by=by, grant=award.reference)
    return erasure


def erase(erasure: Erasure, *, by: Person) -> Erasure:
    """Erase what was proposed by another person: files and the words of mails, never a record of the money. Raises Refused."""
    payment_queries.lock_grant(erasure.award_id)
    hold(erasure, "state")
    refuse(rules.obstacles_to_erasing(erasure, by.id))
    today = clock.today(erasure.award.call.timezone)
    refuse(rules.obstacles_to_proposing(queries.kept_until(erasure.award), None, today))
    papers, mails_ = queries.papers_about_people(erasure.award), queries.mails_about(erasure.award)
    for stored in papers:
        files.forget(stored)
    forget_words(mails_)
    erasure.files, erasure.mails = len(papers), len(mails_)
    erasure.ended_at, erasure.ended_by_id = clock.now(), by.id
    history.record(erasure, "carry_out", by=by, files=erasure.files, mails=erasure.mails)
    return erasure


def keep_after_all(erasure: Erasure, reason: str, *, by: Person) -> Erasure:
    """Keep what was proposed for erasure, for a reason. Raises Refused without one."""
    payment_queries.lock_grant(erasure.award_id)
    refuse(obstacles_without_reason(reason))
    erasure.ended_at, erasure.ended_by_id = clock.now(), by.id
    history.record(erasure, "withdraw", by=by, reason=reason)
    return erasure


def forget_enquirers(at: datetime) -> int:
    """Remove the addresses of visitors who asked about calls that were decided long ago; how many went."""
    due = queries.enquiries_to_forget(at - rules.ENQUIRER_KEPT, at - rules.ENQUIRER_OF_UNDECIDED_KEPT)
    enquiries.forget_addresses(due)
    return len(due)
