from __future__ import annotations

from collections.abc import Iterator

import pytest

from grants.core import clock
from tests.payments.rows import SIGNING_DAY


@pytest.fixture(autouse=True)
def _in_may(request: pytest.FixtureRequest) -> Iterator[None]:
    """Tests with an application live on the day the agreement is signed, unless they travel further."""
    application = next((name for name in ("app", "browser", "live") if name in request.fixturenames), None)
    if application is None:
        yield
        return
    request.getfixturevalue(application)
    with clock.at(SIGNING_DAY):
        yield
