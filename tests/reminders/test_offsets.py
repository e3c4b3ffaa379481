from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grants.reminders.queries import Deadline
from grants.reminders.rules import OFFSETS, TOO_OLD, moment_of, offset_reached

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def deadline(kind: str, due: date | datetime, since: datetime = LONG_AGO) -> Deadline:
    return Deadline(kind, "X", due, since, [])


def test_a_day_begins_at_eight_where_the_person_is_also_when_the_clocks_change() -> None:
    before, after = (moment_of(date(2027, 3, day), 0, "Europe/Brussels") for day in (27, 29))
    assert (before.astimezone(UTC).hour, after.astimezone(UTC).hour) == (7, 6)


def test_an_offset_that_had_passed_before_it_concerned_anybody_is_not_caught_up() -> None:
    due = date(2027, 6, 10)
    since = datetime(2027, 6, 5, tzinfo=UTC)
    assert offset_reached(deadline("report_due", due, since), datetime(2027, 6, 6, tzinfo=UTC), "UTC") is None
    assert offset_reached(deadline("report_due", due, since), datetime(2027, 6, 9, 8, tzinfo=UTC), "UTC") == -1


@pytest.mark.parametrize("kind", sorted(OFFSETS))
def test_offsets_stand_in_order(kind: str) -> None:
    assert list(OFFSETS[kind]) == sorted(set(OFFSETS[kind]))


@given(
    kind=st.sampled_from(sorted(OFFSETS)),
    due=st.dates(date(2026, 1, 1), date(2035, 1, 1)),
    hours=st.integers(-24 * 40, 24 * 80),
    zone=st.sampled_from(
        ["UTC", "Asia/Kathmandu", "America/Guatemala", "Africa/Dakar", "Pacific/Apia", "Europe/Brussels"]
    ),
)
def test_the_latest_offset_that_has_passed_counts_and_none_comes_early(
    kind: str, due: date, hours: int, zone: str
) -> None:
    at = datetime.combine(due, datetime.min.time(), ZoneInfo(zone)) + timedelta(hours=hours)
    reached = offset_reached(deadline(kind, due), at, zone)
    passed = [o for o in OFFSETS[kind] if moment_of(due, o, zone) <= at]
    if passed and at - moment_of(due, passed[-1], zone) <= TOO_OLD:
        assert reached == passed[-1]
    else:
        assert reached is None
