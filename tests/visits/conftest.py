from __future__ import annotations

from collections.abc import Iterator

import pytest

from grants.core import clock
from tests.visits.rows import TODAY


@pytest.fixture(autouse=True)
def _in_september(request: pytest.FixtureRequest) -> Iterator[None]:
    """Tests live on the day of the visit, unless they travel further."""
    application = next((name for name in ("app", "browser", "live") if name in request.fixturenames), None)
    if application is None:
        yield
        return
    request.getfixturevalue(application)
    with clock.at(TODAY):
        yield
