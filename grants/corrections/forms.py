"""Why a call is corrected."""

from __future__ import annotations

from wtforms.validators import DataRequired

from grants.core.forms import Form, TextField
from grants.core.languages import _l


class CorrectionForm(Form):
    """The reason, published with the correction."""

    reason = TextField(
        _l("Why is the call corrected?"),
        [DataRequired(_l("Please say why. Everybody can read the reason."))],
        longest=2000,
        description=_l("Published on the page of the call and sent to everybody who is writing an application."),
    )
