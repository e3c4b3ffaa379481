from __future__ import annotations

import pytest
from flask import Flask

from grants.core.encryption import BadKeys, CannotOpen, seal, unseal

PLACE = "bank_account.number_sealed"
OLD, NEW = "k1:" + "11" * 32, "k2:" + "22" * 32


def keys(app: Flask, monkeypatch: pytest.MonkeyPatch, *given: str) -> None:
    monkeypatch.setitem(app.config, "FIELD_KEYS", given)


def test_what_is_sealed_opens_in_its_place_and_does_not_show(app: Flask) -> None:
    sealed = seal("DE89370400440532013000", PLACE, "row 1")
    assert b"DE89" not in sealed
    assert sealed.startswith(b"k1|")
    assert unseal(sealed, PLACE, "row 1") == "DE89370400440532013000"
    assert seal("DE89370400440532013000", PLACE, "row 1") != sealed


@pytest.mark.parametrize(("place", "token"), [(PLACE, "row 2"), ("bank_account.holder_sealed", "row 1")])
def test_a_value_in_another_row_or_column_does_not_open(app: Flask, place: str, token: str) -> None:
    sealed = seal("secret", PLACE, "row 1")
    with pytest.raises(CannotOpen):
        unseal(sealed, place, token)


def test_a_value_that_was_changed_by_one_bit_does_not_open(app: Flask) -> None:
    sealed = seal("secret", PLACE, "row 1")
    for position in range(3, len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        with pytest.raises(CannotOpen):
            unseal(bytes(changed), PLACE, "row 1")


@pytest.mark.parametrize("sealed", [b"", b"k1|", b"k1|short", b"no mark", b"k9|" + b"x" * 40])
def test_what_was_never_sealed_does_not_open(app: Flask, sealed: bytes) -> None:
    with pytest.raises(CannotOpen):
        unseal(sealed, PLACE, "row 1")


def test_the_first_key_seals_and_the_others_still_open(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    keys(app, monkeypatch, OLD)
    before = seal("old", PLACE, "row 1")
    keys(app, monkeypatch, NEW, OLD)
    after = seal("new", PLACE, "row 1")
    assert (before[:3], after[:3]) == (b"k1|", b"k2|")
    assert unseal(before, PLACE, "row 1") == "old"
    keys(app, monkeypatch, NEW)
    assert unseal(after, PLACE, "row 1") == "new"
    with pytest.raises(CannotOpen):
        unseal(before, PLACE, "row 1")


def test_the_same_key_under_another_name_does_not_open(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    keys(app, monkeypatch, OLD)
    sealed = seal("secret", PLACE, "row 1")
    keys(app, monkeypatch, "k7:" + "11" * 32)
    with pytest.raises(CannotOpen):
        unseal(b"k7" + sealed[2:], PLACE, "row 1")


@pytest.mark.parametrize("given", [(), ("k1",), ("k1:zz",), ("k1:" + "00" * 16,), ("k|1:" + "00" * 32,), (OLD, OLD)])
def test_keys_that_cannot_be_used_are_refused(app: Flask, monkeypatch: pytest.MonkeyPatch, given: tuple[str]) -> None:
    keys(app, monkeypatch, *given)
    with pytest.raises(BadKeys):
        seal("secret", PLACE, "row 1")
