"""Fields that are encrypted before they reach the database: bank account numbers and their holders.

AES-GCM with 256-bit keys. A sealed value is ``key id | nonce | ciphertext`` and is bound to its place (table, column
and the token of its row), so that a value copied into another row or column does not open there. The first of the
configured keys seals; the others still open what was sealed before they were replaced.
"""

from __future__ import annotations

import secrets
import uuid

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from flask import current_app

NONCE_BYTES = 12
KEY_BYTES = 32
MARK = b"|"


class CannotOpen(Exception):
    """A sealed value was changed, stands in another place than it was sealed for, or its key is gone."""


class BadKeys(Exception):
    """The configured keys cannot be used; said in words for the person who runs the program."""


def row_token() -> str:
    """A fresh token for a row whose fields are sealed; it is not secret, and never changes."""
    return str(uuid.uuid4())


def seal(plain: str, place: str, token: str) -> bytes:
    """Encrypt a text for one place: ``place`` is ``table.column``, ``token`` names the row and never changes."""
    key_id, key = next(iter(_keys().items()))
    nonce = secrets.token_bytes(NONCE_BYTES)
    cipher = AESGCM(key).encrypt(nonce, plain.encode(), _bound(key_id, place, token))
    return key_id.encode() + MARK + nonce + cipher


def unseal(sealed: bytes, place: str, token: str) -> str:
    """The text that was sealed for this place. Raises CannotOpen."""
    name, mark, rest = bytes(sealed).partition(MARK)
    key_id = name.decode("ascii", errors="replace")
    key = _keys().get(key_id)
    if not mark or key is None or len(rest) <= NONCE_BYTES:
        raise CannotOpen(f"{place}: the key {key_id!r} is not known here")
    try:
        plain = AESGCM(key).decrypt(rest[:NONCE_BYTES], rest[NONCE_BYTES:], _bound(key_id, place, token))
    except InvalidTag as error:
        raise CannotOpen(f"{place}: the value was changed or belongs to another place") from error
    return plain.decode()


def _bound(key_id: str, place: str, token: str) -> bytes:
    return f"{key_id}:{place}:{token}".encode()


def _keys() -> dict[str, bytes]:
    """The keys by their ids, the present one first. Raises BadKeys."""
    keys: dict[str, bytes] = {}
    for given in current_app.config["FIELD_KEYS"]:
        key_id, _, digits = given.partition(":")
        try:
            key = bytes.fromhex(digits)
        except ValueError as error:
            raise BadKeys("FIELD_KEYS: a key is written id:hex") from error
        if not key_id.isascii() or not key_id.isalnum() or len(key) != KEY_BYTES or key_id in keys:
            raise BadKeys("FIELD_KEYS: every key needs an id of its own, of letters and digits, and 64 hex digits")
        keys[key_id] = key
    if not keys:
        raise BadKeys("FIELD_KEYS: there is no key")
    return keys
