"""What the outside world decides: addresses, secrets, limits. Everything comes from the environment.

With none of the four addresses set, the program starts its own database and broker under ``DATA_DIR``
(see ``grants/core/servers.py``), keeps files in a folder there and writes outgoing mail into another.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent
MEGABYTE = 1024 * 1024


class BadConfiguration(Exception):
    """An environment variable that cannot be used, said in words for the person who started the program."""


@dataclass(frozen=True)
class Config:
    """The settings of one running process."""

    data_dir: Path
    database_url: str = ""
    broker_url: str = ""
    storage_url: str = ""
    mail_url: str = ""
    clamav_url: str = ""
    base_url: str = "http://127.0.0.1:8000"
    port: int = 8000
    trusted_hosts: tuple[str, ...] = ()
    secret_key: str = ""
    field_keys: tuple[str, ...] = ()
    mail_from: str = "Pilot Fund <no-reply@example.org>"
    fund_account: str = ""
    production: bool = False
    proxies: int = 0
    max_upload_bytes: int = 12 * MEGABYTE
    extra: dict[str, object] = field(default_factory=dict)

    @classmethod
    def from_environment(cls, environ: dict[str, str] | None = None, **overrides: object) -> Config:
        """Read the settings; ``overrides`` (command line options) win over the environment."""
        env = dict(os.environ if environ is None else environ)
        data_dir = Path(str(overrides.get("data_dir") or env.get("DATA_DIR") or ROOT / "var")).resolve()
        port = _port(str(overrides.get("port") or env.get("PORT") or "8000"))
        base_url = (env.get("BASE_URL") or f"http://127.0.0.1:{port}").rstrip("/")
        production = env.get("GRANTS_ENV", "development") == "production"
        hosts = tuple(h.strip() for h in env.get("TRUSTED_HOSTS", "").split(",") if h.strip())
        if production and not (env.get("SECRET_KEY") and env.get("FIELD_KEYS") and env.get("BASE_URL") and hosts):
            raise BadConfiguration(
                "In production SECRET_KEY, FIELD_KEYS, BASE_URL and TRUSTED_HOSTS must be set."
                " `grants make-keys` prints fresh keys."
            )
        return cls(
            data_dir=data_dir,
            database_url=str(overrides.get("database_url") or env.get("DATABASE_URL", "")),
            broker_url=str(overrides.get("broker_url") or env.get("BROKER_URL", "")),
            storage_url=env.get("STORAGE_URL", ""),
            mail_url=env.get("MAIL_URL", ""),
            clamav_url=_scanner(env.get("CLAMAV_URL", "")),
            base_url=base_url,
            port=port,
            trusted_hosts=hosts or ("127.0.0.1", "localhost", "[::1]"),
            secret_key=env.get("SECRET_KEY") or _kept_secret(data_dir, "secret_key"),
            field_keys=tuple(k for k in env.get("FIELD_KEYS", "").split(",") if k)
            or (f"k1:{_kept_secret(data_dir, 'field_key')}",),
            mail_from=env.get("MAIL_FROM", cls.mail_from),
            fund_account=_fund_account(env.get("FUND_ACCOUNT", ""), production=production),
            production=production,
            proxies=_proxies(env.get("PROXIES", "0")),
        )

    @property
    def storage(self) -> str:
        """Where uploaded files live: an address such as ``s3://bucket/prefix``, or a folder below the data folder."""
        return self.storage_url or f"file://{self.data_dir / 'files'}"

    @property
    def mail(self) -> str:
        """Where mail goes: ``smtp://user:password@host:port`` (or ``smtps://``), or a folder of .eml files."""
        return self.mail_url or f"file://{self.data_dir / 'mail'}"


def _port(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise BadConfiguration(f"PORT is {text!r}; it must be a number from 1 to 65535.")
    return int(text)


def _scanner(text: str) -> str:
    parts = urlsplit(text)
    if text and not (parts.scheme == "tcp" and parts.hostname) and not (parts.scheme == "unix" and parts.path):
        raise BadConfiguration(
            f"CLAMAV_URL is {text!r}; it must be like tcp://127.0.0.1:3310 or unix:///run/clamd.sock."
        )
    return text


SAMPLE_ACCOUNT = "Pilot Fund (sample);BE71096123456769;SAMPBEB1"
"""The account that payment orders of a trial are made for; in production there is none until it is set."""


def _fund_account(text: str, *, production: bool) -> str:
    if not text:
        return "" if production else SAMPLE_ACCOUNT
    if len([part for part in text.split(";") if part.strip()]) != 3:
        raise BadConfiguration("FUND_ACCOUNT must hold three parts: name of the holder;account number;BIC.")
    return text


def _proxies(text: str) -> int:
    if not text.isdigit() or int(text) > 9:
        raise BadConfiguration(f"PROXIES is {text!r}; it must be the number of reverse proxies in front, from 0 to 9.")
    return int(text)


def _kept_secret(data_dir: Path, name: str) -> str:
    """A secret made once and kept in the data folder, readable by its owner only (development and trials)."""
    path = data_dir / "secrets" / name
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_text().strip()
        with os.fdopen(descriptor, "w") as file:
            value = secrets.token_hex(32)
            file.write(value)
        return value
