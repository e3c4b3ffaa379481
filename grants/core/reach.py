"""Servers that the environment names: do they answer? Asked before anything starts, so that the answer is one sentence."""

from __future__ import annotations

from typing import Any
from urllib.parse import SplitResult, urlsplit

from kombu.connection import Connection
from kombu.exceptions import KombuError
from sqlalchemy import create_engine, make_url
from sqlalchemy.exc import ArgumentError, OperationalError

from config import BadConfiguration, Config
from grants.core.engines.engine import ServerFailed

PATIENCE_SECONDS = 5
BROKERS = ("redis", "rediss", "redis+socket", "amqp", "amqps", "sentinel")


def require_database(url: str) -> None:
    """Refuse a ``DATABASE_URL`` that is not one, or whose server does not let us in."""
    try:
        address = make_url(url)
    except (ArgumentError, ValueError):
        address = None
    if address is None or address.get_backend_name() != "postgresql":
        raise BadConfiguration("DATABASE_URL is not an address such as postgresql://user:password@host/name.")
    engine = create_engine(address, connect_args={"connect_timeout": PATIENCE_SECONDS})
    try:
        engine.connect().close()
    except OperationalError as problem:
        where = f"{address.host or 'this machine'}:{address.port or 5432}"
        raise ServerFailed(
            f"The database that DATABASE_URL names, {where}, cannot be used: {_reason(problem)}"
        ) from None
    finally:
        engine.dispose()


def require_broker(config: Config) -> None:
    """Refuse a ``BROKER_URL`` that is not one, or whose server does not answer."""
    address = urlsplit(config.broker_url)
    if address.scheme not in BROKERS or not _port_is_a_number(address):
        raise BadConfiguration(
            "BROKER_URL is not an address such as redis://host:6379/0 or amqp://user:password@host//."
        )
    options = {"socket_connect_timeout": PATIENCE_SECONDS, "socket_timeout": PATIENCE_SECONDS}
    connection: Any = Connection(config.broker_url, connect_timeout=PATIENCE_SECONDS, transport_options=options)
    try:
        connection.ensure_connection(max_retries=1, interval_start=0, reraise_as_library_errors=False)
        connection.default_channel.close()
    except (OSError, KombuError, *connection.connection_errors, *connection.channel_errors) as problem:
        where = address.netloc.rpartition("@")[2] or address.path
        raise ServerFailed(f"The broker that BROKER_URL names, {where}, does not answer: {_reason(problem)}") from None
    finally:
        connection.release()


def _port_is_a_number(address: SplitResult) -> bool:
    try:
        return address.port is None or address.port > 0
    except ValueError:
        return False


def _reason(problem: BaseException) -> str:
    """What a driver says without its advice; drivers do not put passwords there."""
    lines = str(getattr(problem, "orig", None) or problem).strip().splitlines() or [type(problem).__name__]
    return lines[0].removeprefix("connection failed: ").rstrip(".") + "."
