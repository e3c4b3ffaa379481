"""Everybody follows the links they are shown: each leads somewhere, and looking changes nothing."""

from __future__ import annotations

from collections import Counter, deque
from urllib.parse import urldefrag, urljoin, urlsplit

import pytest
from sqlalchemy import text

from grants.core.db import db
from tests.http import Browser
from tests.journeys.world import World

MOST_OF_A_KIND = 3
"""Pages of one kind that one person opens."""

VISITOR = "a visitor"
PEOPLE = {
    VISITOR: 7,
    "USR-SN-1": 30,
    "USR-NP-2": 20,
    "USR-MA-1": 18,
    "REV-2": 10,
    "STF-12": 12,
    "STF-07": 45,
    "STF-01": 40,
    "STF-08": 20,
    "STF-15": 40,
    "STF-16": 8,
}
"""Who looks around, and how many kinds of pages they should find at least: fewer would mean that a way is lost."""


@pytest.mark.parametrize("who", list(PEOPLE))
def test_every_link_leads_somewhere_and_looking_changes_nothing(fund_to_look_at: World, who: str) -> None:
    world = fund_to_look_at
    visitor = world.visitor() if who == VISITOR else world.as_(who)
    before = _fingerprint()
    found = _look_around(world, visitor)
    assert _fingerprint() == before
    assert len(found) >= PEOPLE[who], sorted(found)


def _look_around(world: World, visitor: Browser) -> Counter[str]:
    """Follow every link from the first page on; how many pages of each kind there were."""
    routes = world.app.url_map.bind("localhost")
    waiting, known, opened = deque([("/", "")]), {"/"}, Counter[str]()
    while waiting:
        path, source = waiting.popleft()
        kind = routes.match(urlsplit(path).path)[0] if path != "/" else "home"
        if kind == "static" or opened[kind] >= MOST_OF_A_KIND:
            continue
        opened[kind] += 1
        answer = visitor.get(path, status=0)
        for _ in range(3):
            if answer.status_code in (301, 302):
                visitor.follow()
                answer = visitor.last or answer
        assert answer.status_code == 200, f"{path}, linked from {source}: {answer.status_code}"
        if answer.mimetype != "text/html":
            continue
        for link in visitor.page.links:
            goal = urldefrag(urljoin(visitor.address, link)).url
            if not urlsplit(goal).netloc and goal.startswith("/") and goal not in known:
                known.add(goal)
                waiting.append((goal, visitor.address))
    return opened


def _fingerprint() -> dict[str, tuple[int, int]]:
    """How many rows each table has, and the newest transaction that wrote one of them."""
    db.session.rollback()
    tables = db.session.scalars(
        text("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1")
    )
    found = {}
    for table in list(tables):
        count, newest = db.session.execute(
            text(f"SELECT count(*), coalesce(max(xmin::text::bigint), 0) FROM {table}")
        ).one()
        found[table] = (int(count), int(newest))
    db.session.rollback()
    return found
