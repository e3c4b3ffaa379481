"""A fund that has made many grants: most of them closed, each with all that belongs to a grant, and its money."""

from __future__ import annotations

from flask import Flask
from sqlalchemy import text

from grants.core.db import db, transaction
from tests.bench.world import FAR, copy, row_of

OF_A_CALL = 50
"""So many grants are made in one call."""

SAME = 800
"""Of the grants up to this one all that run are late, however many there are: the same pages are full."""

COUNTRIES = "'{SN,GH,NG,KE,NP,BD,PH,LK,PE,MX,GT,HT,ML,UG,ET,CM,PK,ID,CO,EC}'::text[]"
REGIONS = "'{AFR,ASI,LAC}'::text[]"
RUNNING = "g % 10 = 0"
STATE = f"CASE WHEN {RUNNING} THEN 'active' WHEN g % 50 = 1 THEN 'refused' WHEN g % 500 = 2 THEN 'terminated' ELSE 'closed' END"
"""One grant of ten is running, one of fifty was refused, some were terminated, the others are closed."""

DAY = f"(now()::date - CASE WHEN {RUNNING} THEN 30 + (g / 10 % 300)::int ELSE 800 + (g % 3000)::int END)"
"""The day on which a grant begins."""

PAID, LEFT = 700_000, 300_000
"""What was paid of each grant, and what a running one has still to get, in minor units."""

ADJECTIVES = "'{safe,fair,open,young,rural,strong,common,new,joint,lasting}'::text[]"
THINGS = "'{ports,work,roads,schools,homes,unions,farms,courts,voices,borders,crossings,contracts,markets}'::text[]"
OWN = f"{FAR} + g"


def grow(app: Flask, number: int) -> None:
    """Add ``number`` grants with what belongs to them, and a tenth as many of earlier programmes.

    Rows are put in as they are: nothing is checked, sealed or added up by the database meanwhile.
    """
    with app.app_context(), transaction():
        db.session.execute(text("SET LOCAL session_replication_role = replica"))
        db.session.execute(text("SET LOCAL statement_timeout = 0"))
        source = row_of("SELECT * FROM award WHERE state = 'active' ORDER BY id LIMIT 1")
        _calls(number // OF_A_CALL, source["call_id"])
        _grants(number, source)
        _reports(number, source["id"])
        _money(number, source)
        _around(number, source["id"])
        _past(number // 10)
    with app.app_context():
        connection = db.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("VACUUM ANALYZE"))
        connection.close()


def _calls(number: int, source: int) -> None:
    closed = {name: f"t.{name} - g * interval '18 days'" for name in ("closes_at", "opens_at")}
    copy("call", source, number, reference="'CALL-S' || g", **closed)
    for table in ("lot", "region_envelope"):
        columns = [c.name for c in db.metadata.tables[table].columns if c.name not in ("id", "call_id")]
        named = ", ".join(f'"{c}"' for c in columns)
        every = f"SELECT {FAR} + c, {named} FROM {table}, generate_series(1, {number}) c WHERE call_id = {source}"
        db.session.execute(text(f"INSERT INTO {table} (call_id, {named}) {every}"))


def _words(seed: str) -> str:
    """A few words that tell a grant from most others."""
    adjective, thing = f"({ADJECTIVES})[1 + ({seed}) % 10]", f"({THINGS})[1 + ({seed}) % 13]"
    return f"initcap({adjective}) || ' ' || {thing} || ' of ' || left(md5(({seed})::text), 6)"


def _grants(number: int, award: dict[str, int]) -> None:
    application = row_of(f"SELECT * FROM application WHERE id = {award['application_id']}")
    of_call = f"{FAR} + 1 + g % {number // OF_A_CALL}"
    region, country = f"({REGIONS})[1 + g % 3]", f"({COUNTRIES})[1 + g % 20]"
    named = {"reference": "'ORG-S' || g", "name": f"'Harbour ' || {_words('g / 7')}", "country": country}
    reached = {"email": "'office@harbour' || g || '.example'", "phone": "'+221 77 ' || 1000000 + g"}
    known = {"registration_number": "'SN ' || g", "website": "'https://harbour' || g || '.example'"}
    copy("organization", award["organization_id"], number, **named, **reached, **known)
    copy("answer_sheet", application["answer_sheet_id"], number)
    same = {"organization_id": OWN, "answer_sheet_id": OWN, "call_id": of_call, "region": region}
    copy("application", application["id"], number, reference="'APP-S' || g", **same)
    copy("decision", award["decision_id"], number, application_id=OWN)
    placed = {"application_id": OWN, "decision_id": OWN, "organization_id": OWN, "call_id": of_call, "region": region}
    copy(
        "award",
        award["id"],
        number,
        **placed,
        country=country,
        plan_points="ARRAY[1 + g % 8, 1 + (g + 3) % 8]",
        reference="'GRANT-S' || g",
        title=_words("g"),
        state=STATE,
        amount_minor=str(PAID + LEFT),
        risk="(ARRAY['low', 'medium', 'high', NULL])[1 + g % 4]",
        confidentiality="CASE WHEN g % 40 = 0 THEN 'fully_confidential' ELSE 'public' END",
        offered_at=f"{DAY} - 60",
        start_on=DAY,
        end_on=f"{DAY} + CASE WHEN {RUNNING} THEN 400 ELSE 300 END",
        closed_at=f"CASE WHEN {STATE} = 'closed' THEN ({DAY} + 380)::timestamptz END",
    )


def _reports(number: int, award_id: int) -> None:
    """Three of each grant; of one that runs the first is accepted, the second late or to come or to be read."""
    due = row_of(f"SELECT * FROM report_due WHERE award_id = {award_id} ORDER BY id DESC LIMIT 1")
    report = row_of("SELECT * FROM report WHERE accepted_at IS NOT NULL ORDER BY id LIMIT 1")
    line = row_of("SELECT * FROM report_line ORDER BY id LIMIT 1")
    coming = f"CASE WHEN g < {SAME} THEN now()::date - 5 ELSE now()::date - 6 + (g / 10 % 190)::int END"
    for nth in (1, 2, 3):
        id_, in_time = f"{nth * FAR} + g", f"{DAY} + {nth} * 90"
        open_ = f"WHEN {RUNNING} THEN CASE WHEN {nth} = 2 AND g % 500 = 10 THEN 'submitted' ELSE 'owed' END"
        copy(
            "report_due",
            due["id"],
            number,
            id=id_,
            award_id=OWN,
            key=f"'R{nth}'",
            required="true",
            state="'accepted'" if nth == 1 else f"CASE {open_} WHEN g % 500 = 2 THEN 'waived' ELSE 'accepted' END",
            due_on=in_time
            if nth == 1
            else f"CASE WHEN {RUNNING} THEN {coming if nth == 2 else 'now()::date + 200'} ELSE {in_time} END",
        )
    given = {"submitted_at": f"({DAY} + 85)::timestamptz", "accepted_at": f"({DAY} + 95)::timestamptz"}
    copy("answer_sheet", report["answer_sheet_id"], number, id=f"{2 * FAR} + g")
    copy("report", report["id"], number, report_due_id=OWN, answer_sheet_id=f"{2 * FAR} + g", **given)
    copy("budget_line", line["budget_line_id"], number, award_id=OWN, amount_minor=str(PAID + LEFT))
    copy("report_line", line["id"], number, report_id=OWN, budget_line_id=OWN)
    waiting = f"{3 * FAR} + g", f"{2 * FAR} + g"
    only = {"accepted_at": "NULL", "accepted_by_id": "NULL", "submitted_at": "now() - interval '3 days'"}
    copy("answer_sheet", report["answer_sheet_id"], number, id=waiting[0])
    copy("report", report["id"], number, id=waiting[1], report_due_id=waiting[1], answer_sheet_id=waiting[0], **only)
    db.session.execute(
        text(
            "DELETE FROM report r USING report_due d WHERE d.id = r.report_due_id AND r.id > :far AND d.state = 'owed'"
        ),
        {"far": 2 * FAR},
    )


def _money(number: int, award: dict[str, int]) -> None:
    """Two instalments of each grant; of one that runs the second is not paid yet, here and there late."""
    tranche = row_of(f"SELECT * FROM tranche WHERE award_id = {award['id']} ORDER BY number LIMIT 1")
    payment = row_of("SELECT * FROM disbursement WHERE state = 'confirmed' ORDER BY id LIMIT 1")
    account = row_of("SELECT * FROM account WHERE award_id IS NOT NULL ORDER BY id LIMIT 1")
    bank = row_of("SELECT * FROM bank_account WHERE state = 'verified' ORDER BY id LIMIT 1")
    copy("bank_account", bank["id"], number, organization_id=OWN, token="md5(g::text)::uuid")
    coming = f"CASE WHEN {RUNNING} THEN now()::date - 20 + (g / 10 % 360)::int ELSE {DAY} + 180 END"
    for nth, minor, due_on in ((1, PAID, f"{DAY} + 10"), (2, LEFT, coming)):
        id_ = f"{nth * FAR} + g"
        unpaid = f"{RUNNING} AND {nth} = 2"
        stopped = f"CASE WHEN g % 500 = 2 AND {nth} = 2 THEN {DAY} + 200 END"
        own = {"id": id_, "award_id": OWN, "number": str(nth), "amount_minor": str(minor), "report_due_id": "NULL"}
        none = f"({unpaid}) OR g % 50 = 1 OR (g % 500 = 2 AND {nth} = 2)"
        own["paid_for"] = f"NOT ({none})"
        copy("tranche", tranche["id"], number, **own, due_on=due_on, cancelled_on=stopped)
        paid = {"tranche_id": id_, "amount_minor": str(minor), "paid_on": due_on}
        copy("disbursement", payment["id"], number, id=id_, reference=f"'PAY-S{nth}-' || g", **paid)
        db.session.execute(
            text(
                f"DELETE FROM disbursement WHERE id IN (SELECT {id_} FROM generate_series(1, {number}) g WHERE {none})"
            )
        )
    db.session.execute(
        text("DELETE FROM tranche WHERE award_id IN (SELECT id FROM award WHERE state = 'refused' AND id > :far)"),
        {"far": FAR},
    )
    paid_all = f"CASE WHEN g % 50 = 1 THEN 0 WHEN {RUNNING} OR g % 500 = 2 THEN {PAID} ELSE {PAID + LEFT} END"
    held = {"committed": f"CASE WHEN {RUNNING} THEN {LEFT} ELSE 0 END", "paid": paid_all}
    for nth, kind in enumerate(("committed", "payable", "paid", "refunded"), start=1):
        of_call = {"call_id": f"{FAR} + 1 + g % {number // OF_A_CALL}", "award_id": OWN, "kind": f"'{kind}'"}
        sums = {"credits_minor": held.get(kind, "0"), "debits_minor": "0"}
        copy("account", account["id"], number, id=f"{nth * FAR} + g", **of_call, **sums)


def _around(number: int, award_id: int) -> None:
    """Milestones, conditions, a visit with what was agreed in it, a change, and what happened."""
    person = row_of(f"SELECT drawn_up_by_id AS id FROM agreement WHERE award_id = {award_id} LIMIT 1")["id"]
    milestone = row_of("SELECT * FROM milestone ORDER BY id LIMIT 1")
    condition = row_of("SELECT * FROM condition ORDER BY id LIMIT 1")
    visit = row_of("SELECT * FROM visit WHERE state = 'answered' ORDER BY id LIMIT 1")
    planned = row_of("SELECT * FROM visit WHERE state = 'planned' ORDER BY id LIMIT 1")
    change = row_of("SELECT * FROM agreed_change ORDER BY id LIMIT 1")
    amendment = row_of("SELECT * FROM amendment WHERE state = 'refused' ORDER BY id LIMIT 1")
    agreement = row_of(f"SELECT * FROM agreement WHERE award_id = {award_id} LIMIT 1")
    entry = row_of(f"SELECT * FROM history_entry WHERE subject_kind = 'award' AND subject_id = {award_id} LIMIT 1")
    copy("agreement", agreement["id"], number, award_id=OWN)
    copy("amendment", amendment["id"], number, award_id=OWN, number="1", agreement_id="NULL")
    copy(
        "visit", visit["id"], number, award_id=OWN, number="1", key="NULL", due_on=f"{DAY} + 60", made_on=f"{DAY} + 62"
    )
    second = {"id": f"{2 * FAR} + g", "award_id": OWN, "number": "2", "key": "NULL"}
    ahead = f"CASE WHEN {RUNNING} THEN now()::date - 4 + (g / 10 % 250)::int ELSE {DAY} + 250 END"
    copy("visit", planned["id"], number, **second, due_on=ahead)
    db.session.execute(
        text(f"UPDATE visit SET state = 'cancelled' WHERE number = 2 AND id > {2 * FAR} AND (id - {2 * FAR}) % 10 <> 0")
    )
    for nth in (1, 2):
        done = f"NOT ({RUNNING}) OR {nth} = 1"
        by = f"CASE WHEN {done} THEN {person} END"
        of = {"id": f"{nth * FAR} + g", "due_on": f"{DAY} + {nth} * 170"}
        when = f"CASE WHEN {done} THEN {DAY} + {nth} * 165 END"
        copy("milestone", milestone["id"], number, **of, award_id=OWN, reached_on=when, reached_by_id=by)
        copy("condition", condition["id"], number, **of, award_id=OWN, owner_id="NULL", met_on=when, met_by_id=by)
        agreed = {"done_on": when, "done_by_id": by, "evidence": "'Seen.'"}
        copy("agreed_change", change["id"], number, **of, visit_id=OWN, **agreed)
    for nth, (kind, subject) in enumerate(
        (
            ("award", OWN),
            ("award", OWN),
            ("award", OWN),
            ("application", OWN),
            ("application", OWN),
            ("report_due", OWN),
        ),
        start=1,
    ):
        said = {"subject_kind": f"'{kind}'", "subject_id": subject, "at": f"({DAY} + {nth} * 20)::timestamptz"}
        copy("history_entry", entry["id"], number, id=f"{nth * FAR} + g", **said)


def _past(number: int) -> None:
    """Grants of two earlier programmes, in two currencies."""
    row = row_of("SELECT * FROM past_award ORDER BY id LIMIT 1")
    copy("award_import", row["import_id"], 1, programme="'Solidarity at sea'")
    copy(
        "past_award",
        row["id"],
        number,
        reference="'PAST-S' || g",
        fingerprint="md5(g::text)",
        line="1000 + g",
        import_id=f"CASE WHEN g % 2 = 0 THEN {row['import_id']} ELSE {FAR} + 1 END",
        organization_id=OWN,
        grantee=f"'Harbour ' || {_words('g / 7')}",
        title=_words("g + 3"),
        amount_minor="100000 + g % 900 * 1000",
        currency="CASE WHEN g % 3 = 0 THEN 'USD' ELSE 'EUR' END",
        granted_on="now()::date - 4000 - (g % 1000)::int",
        region=f"({REGIONS})[1 + g % 3]",
        confidentiality="CASE WHEN g % 40 = 0 THEN 'fully_confidential' ELSE 'public' END",
    )
