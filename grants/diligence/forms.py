"""Forms of the due diligence: verdicts, the risk, searches of sanctions lists, and the class of a grant."""

from __future__ import annotations

from typing import Any

from flask_wtf.file import FileField
from wtforms import RadioField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Optional

from grants.accounts.models import Confidentiality
from grants.awards.models import RISK_LABELS
from grants.core.forms import Form, LineField, TextField
from grants.core.languages import _l
from grants.diligence.models import OUTCOMES, VERDICTS

LONGEST_NOTE = 2_000
REASON = _l("Please say why. The reason stays in the record.")

CLASS_LABELS: dict[str, Any] = {
    Confidentiality.PUBLIC: _l("Public: name, country, title and amount"),
    Confidentiality.NAME_WITHHELD: _l("Name withheld: the action without the name"),
    Confidentiality.FULLY_CONFIDENTIAL: _l("Fully confidential: only region and amount"),
}
"""What the classes are called when somebody chooses one."""


class FileForm(Form):
    """A file for one point."""

    file = FileField(_l("File"), [DataRequired(_l("Please choose a file."))])


class VerdictForm(Form):
    """What was found of one point."""

    verdict = RadioField(
        _l("What did you find?"),
        [InputRequired(_l("Please say what you found."))],
        choices=[SelectChoice(key.value, words) for key, (words, _tone) in VERDICTS.items()],
    )
    note = TextField(
        _l("Note"),
        [Optional()],
        longest=LONGEST_NOTE,
        description=_l("Stays inside the fund. The grantee never reads it."),
    )
    words = TextField(
        _l("Ask the grantee again"),
        [Optional()],
        longest=LONGEST_NOTE,
        description=_l("If it is not in order: what the grantee should send instead. It is mailed to them."),
    )


class RiskForm(Form):
    """How risky a grant is."""

    risk = RadioField(
        _l("Risk"),
        [InputRequired(_l("Please choose low, medium or high."))],
        choices=[SelectChoice(risk.value, label) for risk, label in RISK_LABELS.items()],
    )
    reason = TextField(_l("Why?"), [DataRequired(REASON)], longest=LONGEST_NOTE)


class ScreenForm(Form):
    """A search of a sanctions list."""

    list_name = LineField(
        _l("Which list?"),
        [DataRequired(_l("Please name the list."))],
        longest=200,
        description=_l("For example: consolidated list of the United Nations Security Council."),
    )
    list_version = LineField(
        _l("Version or date of the list"),
        [DataRequired(_l("Please give the version or date of the list."))],
        longest=100,
    )
    names = TextField(
        _l("Names that were searched"),
        [DataRequired(_l("Please give the names."))],
        longest=20_000,
        description=_l("One a line. Those we know stand here; please add the members of the board."),
    )
    outcome = RadioField(
        _l("What was found?"),
        [InputRequired(_l("Please say what was found."))],
        choices=[SelectChoice(key.value, words) for key, (words, _tone) in OUTCOMES.items()],
    )
    decision = TextField(
        _l("What you judge, and why"),
        [Optional()],
        longest=LONGEST_NOTE,
        description=_l("Needed unless nothing was found: which name, in what it differs or agrees."),
    )


class LookForm(Form):
    """The judgement of a second person."""

    cleared = RadioField(
        _l("Is it the same person or organization?"),
        [InputRequired(_l("Please say what you found."))],
        choices=[
            SelectChoice("yes", _l("No, it is another: the name is cleared")),
            SelectChoice("no", _l("Yes, the name stands on the list")),
        ],
    )
    reason = TextField(_l("Why?"), [DataRequired(REASON)], longest=LONGEST_NOTE)


class ClassForm(Form):
    """Another class for a grant; the view says which ones can be chosen."""

    wanted = RadioField(_l("New class"), [InputRequired(_l("Please choose a class."))], choices=[])
    reason = TextField(_l("Why?"), [DataRequired(REASON)], longest=LONGEST_NOTE)


class ConsentForm(Form):
    """The answer of the grantee."""

    given = RadioField(
        _l("Your answer"),
        [InputRequired(_l("Please choose one of the answers offered."))],
        choices=[SelectChoice("no", _l("No, it stays as it is")), SelectChoice("yes", _l("Yes, we consent"))],
    )
    name = LineField(_l("Your full name"), [DataRequired(_l("Please type your full name."))], longest=200)
