"""Keeping a filter under a name."""

from __future__ import annotations

from grants.core.forms import Form, LineField
from grants.core.languages import _l
from grants.listings.rules import LONGEST_NAME


class NameForm(Form):
    """The name of a filter."""

    name = LineField(_l("Name of the filter"), longest=LONGEST_NAME)
