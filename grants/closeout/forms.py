"""The note of a close-out."""

from __future__ import annotations

from wtforms.validators import InputRequired

from grants.core.forms import Form, TextField
from grants.core.languages import _l


class NoteForm(Form):
    """What became of the milestones that were not reached, and of what was agreed and not done."""

    note = TextField(
        _l("What became of them, and what was reached instead?"),
        [InputRequired()],
        longest=4000,
        description=_l("A few sentences. They stay in the record of the grant."),
    )


class ReasonForm(Form):
    """Why something is kept after all."""

    reason = TextField(_l("Why is it kept?"), [InputRequired()], longest=1000)
