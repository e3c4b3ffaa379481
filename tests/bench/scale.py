"""What the home, a grant and the list of grants cost when the fund has made a hundred thousand grants."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import text

from grants.core.db import db, transaction
from tests.bench import world
from tests.bench.meter import Yardstick, backends_of, call
from tests.bench.pages import Page

FEW, MANY = 1_000, 100_000

MOST_GROWTH = 1.2
"""A hundred thousand grants may cost so many times what a thousand cost."""

PAGES = (
    Page("home of a coordinator", "/", "STF-07", 5),
    Page("home of a finance officer", "/", "STF-08", 5),
    Page("grant as seen by a coordinator", "/grants/{grant}", "STF-07", 5),
    Page("grant as seen by a finance officer", "/grants/{grant}", "STF-08", 5),
    Page("list of grants for a coordinator", "/grants", "STF-07", 6),
    Page("list of grants for a finance officer", "/grants", "STF-08", 6),
)

OF_A_CALL = 50
"""So many grants are made in one call."""

COUNTRIES = "'{SN,GH,NG,KE,NP,BD,PH,LK,PE,MX,GT,HT,ML,UG,ET,CM,PK,ID,CO,EC}'::text[]"
REGIONS = "'{AFR,ASI,LAC}'::text[]"
RUNNING = "g % 10 = 0"
"""One grant of ten is running, one of fifty was refused, the others are closed."""


def measure(folder: Path) -> dict[str, Any]:
    """The cost of each page with a thousand grants and with a hundred thousand, as multiples of the yardstick."""
    larger = folder.with_name(f"{folder.name}-larger")
    subprocess.run(["cp", "-a", folder, larger], check=True)
    few, many = (_costs(where, number) for where, number in ((folder, FEW), (larger, MANY)))
    return {"grants": [_told(page, few[page], many[page]) for page in PAGES]}


def _told(page: Page, few: float, many: float) -> dict[str, Any]:
    growth = many / few
    return {
        "page": page.name,
        "multiple_1000": round(few, 2),
        "multiple_100000": round(many, 2),
        "target": page.target,
        "growth": round(growth, 2),
        "growth_target": MOST_GROWTH,
        "met": many <= page.target and growth <= MOST_GROWTH,
    }


def _costs(folder: Path, number: int) -> dict[Page, float]:
    with world.opened(folder) as app:
        grow(app, number)
        backend, bare = backends_of(app), Yardstick(app)
        cookies = {who: world.cookie_of(app, who) for who in {page.who for page in PAGES}}
        found = {}
        for page in PAGES:
            found[page] = bare.multiple(_opening(app, page, cookies[page.who], number), backend)
            sys.stderr.write(f"{page.name}, {number}: {found[page]:.2f}\n")
        return found


def _opening(app: Flask, page: Page, cookie: str, number: int) -> Callable[[], object]:
    path = page.path.format(grant=f"GRANT-S{number // 20 * 10}")

    def once() -> None:
        answer = call(app, path, cookie=cookie)
        assert answer.status == 200, f"{path} for {page.who}: {answer.status}"

    return once


def grow(app: Flask, number: int) -> None:
    """Add ``number`` grants, most of them long closed, with what belongs to them and their money.

    Rows are put in as they are: nothing is checked, sealed or added up by the database meanwhile.
    """
    with app.app_context(), transaction():
        db.session.execute(text("SET LOCAL session_replication_role = replica"))
        db.session.execute(text("SET LOCAL statement_timeout = 0"))
        _grow(number)
    with app.app_context():
        connection = db.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("VACUUM ANALYZE"))
        connection.close()


def _grow(number: int) -> None:
    far = world.FAR
    calls = number // OF_A_CALL
    own, of_call = f"{far} + g", f"{far} + 1 + g % {calls}"
    region, country = f"({REGIONS})[1 + g % 3]", f"({COUNTRIES})[1 + g % 20]"
    state = f"CASE WHEN {RUNNING} THEN 'active' WHEN g % 50 = 1 THEN 'refused' ELSE 'closed' END"
    award = world.row_of("SELECT * FROM award WHERE state = 'active' ORDER BY id LIMIT 1")
    application = world.row_of(f"SELECT * FROM application WHERE id = {award['application_id']}")
    due = world.row_of(f"SELECT * FROM report_due WHERE award_id = {award['id']} ORDER BY id DESC LIMIT 1")
    tranche = world.row_of(f"SELECT * FROM tranche WHERE award_id = {award['id']} ORDER BY number LIMIT 1")
    payment = world.row_of("SELECT * FROM disbursement WHERE state = 'confirmed' ORDER BY id LIMIT 1")
    account = world.row_of("SELECT * FROM account WHERE award_id IS NOT NULL ORDER BY id LIMIT 1")
    milestone = world.row_of("SELECT * FROM milestone ORDER BY id LIMIT 1")
    day = "(now()::date - 400 - (g % 3000)::int)"
    world.copy(
        "call",
        award["call_id"],
        calls,
        reference="'CALL-S' || g",
        closes_at="t.closes_at - g * interval '18 days'",
        opens_at="t.opens_at - g * interval '18 days'",
    )
    for table in ("lot", "region_envelope"):
        columns = [c.name for c in db.metadata.tables[table].columns if c.name not in ("id", "call_id")]
        named = ", ".join(f'"{c}"' for c in columns)
        db.session.execute(
            text(
                f"INSERT INTO {table} (call_id, {named}) SELECT {far} + c, {named} FROM {table}, generate_series(1, {calls}) c"
                f" WHERE call_id = {award['call_id']}"
            )
        )
    named = {"reference": "'ORG-S' || g", "name": "'Harbour ' || left(md5(g::text), 8)", "country": country}
    reached = {"email": "'office@harbour' || g || '.example'", "phone": "'+221 77 ' || 1000000 + g"}
    known = {"registration_number": "'SN ' || g", "website": "'https://harbour' || g || '.example'"}
    world.copy("organization", award["organization_id"], number, **named, **reached, **known)
    world.copy("answer_sheet", application["answer_sheet_id"], number)
    same = {"organization_id": own, "answer_sheet_id": own, "call_id": of_call, "region": region}
    world.copy("application", application["id"], number, reference="'APP-S' || g", **same)
    world.copy("decision", award["decision_id"], number, application_id=own)
    placed = {"application_id": own, "decision_id": own, "organization_id": own, "call_id": of_call, "region": region}
    placed |= {"country": country, "plan_points": "ARRAY[1 + g % 8, 1 + (g + 3) % 8]"}
    risk = "(ARRAY['low', 'medium', 'high', NULL])[1 + g % 4]"
    world.copy(
        "award",
        award["id"],
        number,
        reference="'GRANT-S' || g",
        state=state,
        offered_at=f"{day}",
        risk=risk,
        start_on=f"{day}",
        end_on=f"CASE WHEN {RUNNING} THEN now()::date + 50 + (g / 10 % 400)::int ELSE {day} + 300 END",
        closed_at=f"CASE WHEN {state} = 'closed' THEN ({day} + 300)::timestamptz END",
        title="'Work in the port of ' || left(md5(g::text), 8)",
        **placed,
    )
    for nth, closed in ((1, "t.id < 0"), (2, f"NOT ({RUNNING})"), (3, f"NOT ({RUNNING})")):
        settled = f"CASE WHEN {closed} OR {nth} = 1 THEN 'accepted' ELSE 'owed' END"
        world.copy(
            "report_due",
            due["id"],
            number,
            id=f"{nth * far} + g",
            award_id=own,
            state=settled,
            due_on=f"CASE WHEN {RUNNING} AND g < 80 THEN now()::date - 5 WHEN {RUNNING} THEN now()::date + (g / 10 % 400 - 40)::int + {nth} * 90 ELSE {day} + {nth} * 90 END",
            required="true",
            key=f"'R{nth}'",
        )
    for nth in (1, 2):
        world.copy(
            "tranche",
            tranche["id"],
            number,
            id=f"{nth * far} + g",
            award_id=own,
            report_due_id="NULL",
            number=f"{nth}",
            due_on=f"now()::date + (g / 10 % 400)::int + {nth} * 60",
        )
        paid = f"CASE WHEN {RUNNING} AND {nth} = 2 THEN 'cancelled' ELSE 'confirmed' END"
        world.copy(
            "disbursement",
            payment["id"],
            number,
            id=f"{nth * far} + g",
            reference=f"'PAY-S{nth}-' || g",
            tranche_id=f"{nth * far} + g",
            state=paid,
        )
    for nth, kind in enumerate(("committed", "payable", "paid", "refunded"), start=1):
        sums = {"committed": f"CASE WHEN {RUNNING} THEN 300000 ELSE 0 END", "paid": "700000"}.get(kind, "0")
        world.copy(
            "account",
            account["id"],
            number,
            id=f"{nth * far} + g",
            award_id=own,
            call_id=of_call,
            kind=f"'{kind}'",
            credits_minor=sums,
            debits_minor="0",
        )
    for nth in (1, 2):
        world.copy(
            "milestone",
            milestone["id"],
            number,
            id=f"{nth * far} + g",
            award_id=own,
            due_on=f"{day} + {nth} * 100",
            reached_on=f"CASE WHEN NOT ({RUNNING}) THEN {day} + {nth} * 100 END",
            reached_by_id=f"CASE WHEN NOT ({RUNNING}) THEN {application['started_by_id']} END",
        )
