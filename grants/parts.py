"""The three long-running parts of the program: web, worker and beat. Each runs until it is told to stop."""

from __future__ import annotations

import os
import resource
import signal
import socket
import sys
import threading
import warnings
from datetime import UTC, datetime

from celery.beat import Scheduler
from celery.exceptions import SecurityWarning
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from config import Config
from grants.app import create_app
from grants.schema import require_current

FINISH_SECONDS = 8
"""How long a request or a task in flight may take to finish when its part is told to stop."""


CONNECTIONS = 4000
"""Connections a web process keeps open. A browser keeps its own from one save to the next, and what is beyond waits unanswered."""


class PortTaken(Exception):
    """The port to serve on belongs to another program."""


class Punctual(Scheduler):
    """A beat without a memory on disk: at its start everything is due.

    An outage is therefore caught up at once, two beats never fight over a file, and doing something twice is harmless
    because the work itself is keyed.
    """

    def setup_schedule(self) -> None:
        """Take the schedule of the application, with nothing done yet."""
        self.merge_inplace(self.app.conf.beat_schedule)
        for entry in self.schedule.values():
            entry.last_run_at = datetime.min.replace(year=2000, tzinfo=UTC)


def require_free_port(host: str, port: int) -> None:
    """Ask before serving: two web servers of one person may silently share a port, each answering half of the visits."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as problem:
            raise PortTaken(
                f"Port {port} on {host} cannot be used ({problem.strerror}); choose another with --port or PORT."
            ) from None


def run_web(config: Config, *, host: str, processes: int, threads: int) -> None:
    """Serve pages. The processes that serve are new ones: they read their settings from the environment."""
    require_free_port(host, config.port)
    require_current(create_app(config))
    os.environ |= environment(config)
    allow_open_files(CONNECTIONS + 100)
    Granian(
        target="grants.wsgi:app",
        address=host,
        port=config.port,
        interface=Interfaces.WSGI,
        workers=processes,
        blocking_threads=threads,
        backpressure=CONNECTIONS,
        websockets=False,
        log_level=LogLevels.error,
        respawn_failed_workers=True,
        workers_kill_timeout=FINISH_SECONDS,
    ).serve()


def allow_open_files(number: int) -> None:
    """Raise the limit of open files of this process and its children, as far as the system lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = number if hard == resource.RLIM_INFINITY else min(number, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


BACKWARDS = 15
"""How far workers step back (the niceness of the system) from the web processes of their machine."""


def run_worker(config: Config, *, processes: int) -> None:
    """Do the work that a request must not wait for. Whoever waits for a page comes first: a mail with its documents may
    come a minute later.
    """
    os.nice(BACKWARDS)
    app = create_app(config)
    require_current(app)
    # Celery warns of root because of pickled messages; ours are JSON without content.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    # Workers of one machine must not share a name, and they have nothing to tell each other.
    name = f"--hostname=worker-{os.getpid()}@%h"
    alone = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    app.extensions["celery"].start(
        ["--quiet", "worker", "--loglevel=warning", f"--concurrency={processes}", name, *alone]
    )


def run_beat(config: Config) -> None:
    """Remind the workers, again and again, to look for what is due."""
    app = create_app(config)
    app.extensions["celery"].start(["--quiet", "beat", "--loglevel=warning", "--scheduler=grants.parts:Punctual"])


def environment(config: Config) -> dict[str, str]:
    """The settings that were chosen on the command line or by us, in the form in which another process reads them."""
    return {
        "DATA_DIR": str(config.data_dir),
        "PORT": str(config.port),
        "DATABASE_URL": config.database_url,
        "BROKER_URL": config.broker_url,
    }


def stop_with_parent() -> None:
    """Stop when standard input ends: its other end is held by the supervisor, however that ends."""

    def wait() -> None:
        os.read(sys.stdin.fileno(), 1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="parent", daemon=True).start()
