"""Forms of visits: planning, what was found, files, answers."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask_wtf.file import FileField
from wtforms import BooleanField, DateField, RadioField, SelectField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Optional

from grants.awards.forms import LONGEST_REASON
from grants.core.forms import Form, LineField, TextField
from grants.core.languages import _l
from grants.core.languages import gettext as _
from grants.visits.models import KIND_LABELS, Visit
from grants.visits.rules import MOST_CHANGES, Account, Agreed

KINDS = [SelectChoice(key.value, words) for key, words in KIND_LABELS.items()]
NEEDED = _l("Please fill this in.")
LONGEST_FINDINGS = 20_000


class PlanForm(Form):
    """A visit that is to be made; the view says who may make it."""

    kind = RadioField(_l("How?"), [InputRequired(_l("Please choose one of the answers offered."))], choices=KINDS)
    due_on = DateField(_l("On which day?"), [InputRequired(_l("Please give the day."))])
    purpose = TextField(
        _l("What is it for?"),
        [DataRequired(_l("Please say what the visit is for."))],
        longest=LONGEST_REASON,
        description=_l("The grantee reads this once it is told of the visit."),
    )
    lead = SelectField(_l("Who makes it?"), [InputRequired(NEEDED)], choices=[])
    holds_payments = BooleanField(
        _l("Payments wait for it"),
        description=_l("Instalments that fall due on its day or later are not paid before it was made."),
    )
    announce = BooleanField(_l("Tell the grantee now"))


class WrittenForm(Form):
    """What was found; made with rows for changes by :func:`written_form`."""

    made_on = DateField(_l("On which day was it?"), [InputRequired(_l("Please give the day."))])
    kind = RadioField(_l("How?"), [InputRequired(_l("Please choose one of the answers offered."))], choices=KINDS)
    went = TextField(
        _l("Who went?"),
        [DataRequired(NEEDED)],
        longest=LONGEST_REASON,
        description=_l("Everybody of the fund, and whoever came along."),
    )
    met = TextField(
        _l("Whom did you meet?"),
        [DataRequired(NEEDED)],
        longest=LONGEST_REASON,
        description=_l("Functions are enough. Please name nobody whom it could put in danger."),
    )
    findings = TextField(
        _l("What did you find?"),
        [DataRequired(NEEDED)],
        longest=LONGEST_FINDINGS,
        description=_l(
            "The grantee reads this once you share it: what goes well, what does not, and what you saw of it."
        ),
    )
    note = TextField(
        _l("Note for the fund"),
        [Optional()],
        longest=LONGEST_FINDINGS,
        description=_l("Stays inside the fund. The grantee never reads it."),
    )

    def validate(self, extra_validators: Any = None) -> bool:
        """A change has both its words and its day."""
        sound = bool(super().validate(extra_validators))
        for n in range(1, MOST_CHANGES + 1):
            words, by = self[f"change_{n}"], self[f"by_{n}"]
            if words.data and not by.data and not by.errors:
                by.errors = [*by.errors, _("Please give the day.")]
                sound = False
            if by.data and not words.data:
                words.errors = [*words.errors, _("Please say what is to change.")]
                sound = False
        return sound

    def account(self) -> Account:
        """What was typed. Only after :meth:`validate` said yes."""
        rows = [(self[f"change_{n}"].data, self[f"by_{n}"].data) for n in range(1, MOST_CHANGES + 1)]
        return Account(
            self.made_on.data,
            self.kind.data,
            self.went.data,
            self.met.data,
            self.findings.data,
            self.note.data or "",
            [Agreed(words, by) for words, by in rows if words],
        )


_ROWS: dict[str, Any] = {}
for _n in range(1, MOST_CHANGES + 1):
    _ROWS[f"change_{_n}"] = LineField(_l("What is to change?"), [Optional()])
    _ROWS[f"by_{_n}"] = DateField(_l("By which day?"), [Optional()])

_WithRows: type[WrittenForm] = type("WrittenForm", (WrittenForm,), _ROWS)


def written_form(visit: Visit, today: date) -> WrittenForm:
    """The form for one visit, filled with what was written before."""
    given: dict[str, Any] = {"made_on": visit.made_on or today, "kind": visit.kind}
    given |= {name: getattr(visit, name) for name in ("went", "met", "findings", "note")}
    for n, change in enumerate(visit.changes, 1):
        given |= {f"change_{n}": change.text, f"by_{n}": change.due_on}
    return _WithRows(data=given)


class FileForm(Form):
    """A photograph or a paper of a visit."""

    label = LineField(_l("What does it show?"), [DataRequired(NEEDED)], longest=200)
    file = FileField(_l("File"), [DataRequired(_l("Please choose a file."))])


class AnswerForm(Form):
    """What the grantee says to what was found."""

    answer = TextField(_l("Your answer"), [DataRequired(_l("Please write your answer."))], longest=LONGEST_FINDINGS)
