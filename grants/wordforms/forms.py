"""The form that sends in a filled form."""

from __future__ import annotations

from wtforms import FileField

from grants.core.forms import Form
from grants.core.languages import _l


class SendForm(Form):
    """The filled Word file."""

    file = FileField(_l("The filled form"), description=_l("A Word file (.docx), up to 10 MB"))
