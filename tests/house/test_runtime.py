"""The program as people start and stop it: real processes, on real ports, on a folder of their own."""

from __future__ import annotations

import ast
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from config import ROOT, Config
from grants.cli import main
from grants.core import jobs
from grants.parts import allow_open_files

NAMED_BY_THE_ENVIRONMENT = ("DATABASE_URL", "BROKER_URL", "STORAGE_URL", "MAIL_URL", "BASE_URL", "GRANTS_ENV", "HOST")


def surroundings(folder: Path, **more: str) -> dict[str, str]:
    """An environment in which every process that comes of a command can be recognised by its DATA_DIR."""
    kept = {key: value for key, value in os.environ.items() if key not in NAMED_BY_THE_ENVIRONMENT}
    return kept | {"DATA_DIR": str(folder), "DATABASE_FSYNC": "off"} | more


def start(folder: Path, *arguments: str, **more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "grants", *arguments],
        cwd=ROOT,
        env=surroundings(folder, **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def run(folder: Path, *arguments: str, **more: str) -> tuple[int, str]:
    """A command from its start to its end: its status and what it said."""
    return end_of(start(folder, *arguments, **more))


def end_of(process: subprocess.Popen[str]) -> tuple[int, str]:
    said, _ = process.communicate(timeout=120)
    return process.returncode, said


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(what: Callable[[], object], seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, f"still waiting for {what}"
        time.sleep(0.1)


def ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def wait_until_ready(up: subprocess.Popen[str], port: int) -> None:
    wait_for(lambda: ready(port) or up.poll() is not None)
    assert up.poll() is None, up.communicate()[0]


def living(folder: Path) -> dict[int, list[str]]:
    """Every process that has to do with this folder: its number and its command line."""
    found = {}
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if process.status() != psutil.STATUS_ZOMBIE and str(folder) in f"{process.environ()}{process.cwd()}":
                found[process.pid] = process.cmdline()
    return found


def workers(folder: Path) -> set[int]:
    return {pid for pid, command in living(folder).items() if "worker" in command}


def kill(*pids: int) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A data folder with a path that is long and holds a space; whatever still runs on it afterwards is ended."""
    folder = tmp_path / "a folder with a name that is far too long for the socket of any server, so it is well" / "data"
    yield folder
    kill(*living(folder))


def test_up_serves_refuses_a_second_one_and_stops_without_a_trace(folder: Path) -> None:
    port = free_port()
    hears = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a script's background process is born
    up = start(folder, "up", "--port", str(port))
    signal.signal(signal.SIGINT, hears)
    wait_until_ready(up, port)
    wait_for(lambda: workers(folder))

    second = start(folder, "up", "--port", str(free_port()))
    elsewhere = start(folder.parent / "another", "up", "--port", str(port))
    asked = start(folder, "database-url")

    status, said = end_of(second)
    assert (status, said.count("\n")) == (2, 1)
    assert said.startswith("grants: ")
    assert str(folder) in said
    assert f"process {up.pid}" in said
    assert f"http://127.0.0.1:{port}" in said

    status, said = end_of(elsewhere)
    assert (status, said.count("\n")) == (2, 1)
    assert said.startswith(f"grants: Port {port} ")

    _, address = end_of(asked)
    with psycopg.connect(address.strip()) as connection:
        connection.execute("CREATE TABLE kept (word text)")
        connection.execute("INSERT INTO kept VALUES ('kept')")

    up.send_signal(signal.SIGINT)
    began = time.monotonic()
    said, _ = up.communicate(timeout=60)
    assert up.returncode == 0, said
    assert time.monotonic() - began < 15
    assert living(folder) == {}
    assert "Traceback" not in said
    assert re.search(r"PostgreSQL ready in \d+\.\d s\nValkey ready in \d+\.\d s\n", said)
    assert said.endswith("Stopped.\n")

    up = start(folder, "up", "--port", str(port))
    wait_until_ready(up, port)
    assert run(folder, "database-url") == (0, address)
    with psycopg.connect(address.strip()) as connection:
        assert connection.execute("SELECT word FROM kept").fetchall() == [("kept",)]
    up.send_signal(signal.SIGTERM)
    up.communicate(timeout=60)
    assert living(folder) == {}


def test_more_than_a_thousand_browsers_may_keep_their_connections(
    folder: Path, own_database: str, running: Config
) -> None:
    port, browsers = free_port(), 1100
    web = start(folder, "web", "--port", str(port), DATABASE_URL=own_database, BROKER_URL=running.broker_url)
    wait_until_ready(web, port)
    allow_open_files(browsers + 500)
    with ExitStack() as kept:
        for _browser in range(browsers):
            kept.enter_context(socket.create_connection(("127.0.0.1", port)))
        assert ready(port)
    web.send_signal(signal.SIGINT)
    web.communicate(timeout=60)
    assert living(folder) == {}


def test_a_killed_up_leaves_no_orphans_and_the_next_one_recovers(folder: Path) -> None:
    port = free_port()
    up = start(folder, "up", "--port", str(port))
    wait_until_ready(up, port)
    wait_for(lambda: workers(folder))
    killed = workers(folder)
    kill(*killed)
    wait_for(lambda: workers(folder) - killed)
    up.kill()
    up.communicate()
    wait_for(lambda: living(folder) == {})

    up = start(folder, "up", "--port", str(port))
    wait_until_ready(up, port)
    kill(*living(folder))
    up.communicate()
    wait_for(lambda: living(folder) == {})

    status, address = run(folder, "database-url")
    assert (status, address[:13]) == (0, "postgresql://"), address
    assert living(folder) == {}


def test_a_database_that_is_newer_than_the_code_is_left_alone(folder: Path, own_database: str) -> None:
    with psycopg.connect(own_database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    status, said = run(folder, "migrate", DATABASE_URL=own_database)
    assert status == 2
    assert said.startswith("grants: The database is newer than this program (it was migrated to 9999)")
    assert said.count("\n") == 1


BROKEN = [
    ({"PORT": "http"}, ["up"], "grants: PORT is 'http'"),
    ({"PORT": "http"}, ["database-url"], "grants: PORT is 'http'"),
    ({"DATABASE_URL": "the-database"}, ["migrate"], "grants: DATABASE_URL is not an address such as postgresql://"),
    ({"DATABASE_URL": "mysql://a/b"}, ["migrate"], "grants: DATABASE_URL is not an address such as postgresql://"),
    ({"DATABASE_URL": "postgresql://u:secret@127.0.0.1:1/x"}, ["web"], "grants: The database that DATABASE_URL names"),
    ({"GRANTS_ENV": "production"}, ["web"], "grants: In production SECRET_KEY,"),
    ({}, ["web", "--port", "70000"], "grants: Invalid value for '--port'"),
    ({}, ["wbe"], "grants: No such command 'wbe'"),
]


@pytest.mark.parametrize(("environment", "arguments", "said"), BROKEN)
def test_what_cannot_be_used_is_named_in_one_line(
    environment: dict[str, str],
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for key in NAMED_BY_THE_ENVIRONMENT:
        monkeypatch.delenv(key, raising=False)
    for key, value in (environment | {"DATA_DIR": str(tmp_path)}).items():
        monkeypatch.setenv(key, value)
    monkeypatch.setattr(sys, "argv", ["grants", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith(said)
    assert error.count("\n") == 1
    assert "secret" not in error


def test_a_broker_that_does_not_answer_is_named(folder: Path, own_database: str) -> None:
    status, said = run(folder, "worker", DATABASE_URL=own_database, BROKER_URL="redis://:secret@127.0.0.1:1/0")
    assert status == 2
    assert said.startswith("grants: The broker that BROKER_URL names, 127.0.0.1:1, does not answer:")
    assert "secret" not in said


@pytest.fixture
def command(
    tmp_path: Path, own_database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """What a command says, on a database of its own: its answer, or the refusal."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", own_database)
    monkeypatch.setenv("BROKER_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setattr(jobs, "ring", [].append)  # nobody is there to hear it

    def say(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["grants", *arguments])
        try:
            main()
        except SystemExit:
            return capsys.readouterr().err
        return capsys.readouterr().out

    return say


def test_what_the_code_declares_can_be_listed(command: Callable[..., str]) -> None:
    routes = json.loads(command("routes", "--json"))
    ready = {"path": "/health/ready", "methods": ["GET"], "endpoint": "health.ready", "access": ["anyone"]}
    assert ready in routes
    assert len(command("routes").splitlines()) == len(routes)
    permissions = json.loads(command("permissions", "--json"))
    assert len(command("permissions").splitlines()) == len(permissions)
    assert {(entry["package"], entry["name"]) for entry in permissions} == permissions_written()
    assert all(entry["meaning"] and entry["kind"] in {"permission", "scope", "limit"} for entry in permissions)


def permissions_written() -> set[tuple[str, str]]:
    """Every public function of every ``permissions.py`` that says who may or who sees what, by reading the files."""
    return {
        (path.parent.name, node.name)
        for path in (ROOT / "grants").glob("*/permissions.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
        and (node.name.startswith("can_") or any("_of(" in ast.unparse(d) for d in node.decorator_list))
    }


INVITE = ("people", "invite", "first@example.org", "--name", "First Person", "--role", "administrator")


def test_the_first_administrator_is_invited_from_the_command_line(
    command: Callable[..., str], own_database: str
) -> None:
    said = command(*INVITE).splitlines()
    assert said[0].endswith(" is invited; the mail is on its way to first@example.org.")
    link = said[-1]
    assert link.startswith("http://127.0.0.1:8000/first-sign-in/")
    with psycopg.connect(own_database) as connection:
        [person] = connection.execute("SELECT id, reference, name, email, password FROM person").fetchall()
        assert person[1:] == (said[0].split()[0], "First Person", "first@example.org", None)
        roles = connection.execute("SELECT person_id, role, granted_by_id FROM role_grant").fetchall()
        assert roles == [(person[0], "administrator", None)]
        recorded = connection.execute("SELECT subject_kind, subject_id, verb, actor_id, details FROM history_entry")
        assert recorded.fetchall() == [("person", person[0], "invite", None, {"role": "administrator"})]
        [mail] = connection.execute("SELECT kind, to_address, body FROM outbox").fetchall()
        assert mail[:2] == ("account_opened", "first@example.org")
        assert link in mail[2].splitlines()
    assert command("history", "verify").startswith("The record is whole")


REFUSED_INVITATIONS = [
    (("people", "invite", "nobody", *INVITE[3:]), "grants: 'nobody' is not an e-mail address.\n"),
    ((*INVITE[:4], " ", *INVITE[5:]), "grants: ' ' is not a name of 1 to 120 characters.\n"),
    ((*INVITE[:6], "emperor"), "grants: Invalid value for '--role': 'emperor' is not one of 'regional_coordinator',"),
    ((*INVITE[:6], "regional_coordinator"), "grants: Choose at least one region for a coordinator.\n"),
    (INVITE[:5], "grants: Missing option '--role'."),
]


def test_an_invitation_that_cannot_be_sent_is_refused_in_one_line(
    command: Callable[..., str], own_database: str
) -> None:
    for arguments, refusal in REFUSED_INVITATIONS:
        said = command(*arguments)
        assert said.startswith(refusal)
        assert said.count("\n") == 1
    with psycopg.connect(own_database) as connection:
        assert connection.execute("SELECT count(*) FROM person").fetchall() == [(0,)]
    command(*INVITE)
    known = command(*INVITE[:2], "FIRST@example.org", *INVITE[3:])
    assert known == ("grants: This address has an account already. Give its person the role instead.\n")


def test_the_record_is_verified(command: Callable[..., str], own_database: str) -> None:
    assert command("history", "verify") == "The record is empty.\n"
    assert command("history", "head") == "The record is empty.\n"
    assert command("call", "import", str(ROOT / "sample")).startswith("MPF-2027-01 is a draft;")
    assert command("history", "verify").startswith("The record is whole; its last seal is 1 ")
    with psycopg.connect(own_database) as connection:
        connection.execute("ALTER TABLE history_entry DISABLE TRIGGER ALL")
        connection.execute("UPDATE history_entry SET verb = 'publish'")
    assert command("history", "verify") == "grants: The record was changed: at seal 1.\n"


def test_the_command_line_helps_a_fund_without_an_administrator(command: Callable[..., str], own_database: str) -> None:
    first = command(*INVITE).splitlines()[-1]
    second = command("people", "invite-again", "First@example.org").splitlines()[-1]
    assert first.rpartition("/")[0] == second.rpartition("/")[0]
    assert first != second
    command("people", "invite", "second@example.org", "--name", "Second", "--role", "reviewer")
    said = command("people", "give-role", "second@example.org", "--role", "administrator")
    assert re.fullmatch(r"PER-[0-9A-F]{8} has the role administrator now\.\n", said)
    again = command("people", "give-role", "second@example.org", "--role", "administrator")
    assert again == "grants: This person has that role already.\n"
    for refused in (("invite-again", "no@example.org"), ("give-role", "no@example.org", "--role", "auditor")):
        assert command("people", *refused) == "grants: Nobody has an account with the address 'no@example.org'.\n"
    with psycopg.connect(own_database) as connection:
        verbs = connection.execute("SELECT verb FROM history_entry ORDER BY id").fetchall()
        assert verbs == [("invite",), ("invite",), ("invite",), ("give_role",)]
        roles = connection.execute("SELECT role, granted_by_id FROM role_grant ORDER BY id").fetchall()
        assert roles == [("administrator", None), ("reviewer", None), ("administrator", None)]
        connection.execute("UPDATE person SET confirmed_at = now()")
    assert command("people", "invite-again", "first@example.org") == "grants: This person has signed in already.\n"


def test_files_and_moments_that_cannot_be_read_are_named(command: Callable[..., str]) -> None:
    nowhere = command("call", "import", "/nowhere").splitlines()
    assert nowhere[0].startswith("grants: /nowhere:1: ")
    assert nowhere[-1] == "grants: Nothing was imported."
    for moment in ("tomorrow", "2027-03-01T08:00"):
        refusal = f"grants: '{moment}' is not a moment with its zone, such as 2027-03-01T08:00+01:00.\n"
        assert command("tick", "--at", moment) == refusal


def test_a_moment_can_be_looked_at(command: Callable[..., str]) -> None:
    said = "As of 2027-03-01T08:00+01:00: 0 reminders owed, 0 of them new.\n"
    assert command("tick", "--at", "2027-03-01T08:00+01:00") == said


def test_fresh_keys_are_keys(command: Callable[..., str]) -> None:
    assert re.fullmatch(r"SECRET_KEY=[0-9a-f]{64}\nFIELD_KEYS=k1:[0-9a-f]{64}\n", command("make-keys"))
