"""Publishing what was corrected in a call, with all that follows for applications being written."""

from __future__ import annotations

from grants.accounts.models import Person
from grants.applications import actions as applications
from grants.calls import actions as calls
from grants.calls import queries as call_queries
from grants.calls.models import Call, Correction
from grants.calls.rules import problems_of
from grants.core import clock
from grants.core.db import db, hold
from grants.core.languages import _l
from grants.core.mail import post
from grants.core.rules import Obstacle, refuse
from grants.corrections import mails, queries, rules


def publish_correction(call: Call, reason: str, *, by: Person) -> Correction:
    """Let a published call say what was written, as a new edition, with a reason that everybody reads. Raises Refused.

    The call is held first, then every application being written: nobody sends in, begins or saves meanwhile. Their
    answers are carried over to the new questions, what is complete is judged again, and everybody who writes is told.
    What was sent in stays with the questions it answered.
    """
    hold(call)
    kept = call_queries.working_copy_of(call, held=True)
    former = call_queries.written_documents(call)
    written = kept.documents if kept else former
    problems = problems_of(written)
    sent_in = queries.was_applied_to(call)
    refuse(rules.obstacles_to_correcting(call, former, written, problems, sent_in=sent_in, at=clock.now()))
    if not reason.strip():
        refuse([Obstacle("reason_missing", _l("Please say why. Everybody can read the reason."))])
    changes = rules.changes_of_call(former, written)
    drafts = queries.drafts_held(call)
    correction = calls.correct(call, written, changes, reason, by=by)
    for application in drafts:
        applications.follow_correction(application, by=by)
    db.session.flush()
    told = [change.sentence for change in changes]
    post(
        *(
            mails.call_corrected(application, call, correction, told, to=person)
            for application, person in queries.writers_of(drafts)
        )
    )
    return correction
