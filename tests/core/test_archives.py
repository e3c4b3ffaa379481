"""An archive that proves itself: the same content gives the same bytes, and whatever is changed in it is found."""

from __future__ import annotations

import hashlib
import io
import subprocess
import tracemalloc
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grants.core.archives import MANIFEST, SUMS, Archive, Verified, verify

FILES = {"index.html": b"<!doctype html>", "agreement/1.pdf": b"%PDF-1.7 " * 40, "reports/ünïcode.txt": "é\n".encode()}


def written(files: dict[str, bytes] = FILES, **about: str) -> bytes:
    into = io.BytesIO()
    with Archive(into) as archive:
        for path, content in files.items():
            archive.add(path, [content[:5], content[5:]])
        archive.seal(about)
    return into.getvalue()


def verified(content: bytes, folder: Path) -> Verified:
    path = folder / "archive.zip"
    path.write_bytes(content)
    return verify(path)


def rezipped(content: bytes, change: Iterable[tuple[str, bytes | None]]) -> bytes:
    """The archive with some files put in another state, or left out, as any program would pack it again."""
    changed, into = dict(change), io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(into, "w") as new:
        for name in dict.fromkeys([*old.namelist(), *changed]):
            now = changed.get(name, old.read(name) if name in old.namelist() else None)
            if now is not None:
                new.writestr(name, now)
    return into.getvalue()


def test_what_was_written_is_found_whole_and_its_manifest_names_every_file(tmp_path: Path) -> None:
    found = verified(written(grant="A-1"), tmp_path)
    assert found.is_whole
    assert found.manifest["grant"] == "A-1"
    assert {one["path"]: one["size"] for one in found.manifest["files"]} == {k: len(v) for k, v in FILES.items()}


def test_the_same_content_gives_the_same_bytes() -> None:
    assert written(a="b") == written(a="b")
    assert written(a="b") != written(a="c")


def test_sha256sum_accepts_the_list_of_hashes(tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(written())) as archive:
        archive.extractall(tmp_path)
    done = subprocess.run(
        ["sha256sum", "-c", "--strict", SUMS], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert f"{MANIFEST}: OK" in done.stdout
    assert len(done.stdout.splitlines()) == len(FILES) + 1


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_one_bit_that_is_flipped_anywhere_is_found(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(written())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= 1 << data.draw(st.integers(0, 7))
    assert not verified(bytes(content), tmp_path).is_whole


def test_what_is_changed_missing_or_added_is_named(tmp_path: Path) -> None:
    whole = written()
    assert verified(rezipped(whole, [("index.html", b"<!doctype xhtml>")]), tmp_path).changed == ["index.html"]
    assert verified(rezipped(whole, [("agreement/1.pdf", None)]), tmp_path).missing == ["agreement/1.pdf"]
    assert verified(rezipped(whole, [("agreement/2.pdf", b"%PDF")]), tmp_path).added == ["agreement/2.pdf"]
    assert verified(rezipped(whole, [(SUMS, None)]), tmp_path).missing == [SUMS]
    assert verified(rezipped(whole, [(MANIFEST, None)]), tmp_path).missing == [MANIFEST]
    assert verified(rezipped(whole, []), tmp_path).damaged, "packed again by another program"


def test_who_mends_the_list_of_hashes_too_is_found_by_the_manifest(tmp_path: Path) -> None:
    whole = written()
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        sums = archive.read(SUMS).decode()
    old, new = (hashlib.sha256(one).hexdigest() for one in (FILES["index.html"], b"<!doctype xhtml>"))
    mended = [("index.html", b"<!doctype xhtml>"), (SUMS, sums.replace(old, new).encode())]
    assert verified(rezipped(whole, mended), tmp_path).changed == ["index.html"]
    fewer = "".join(line for line in sums.splitlines(keepends=True) if "index" not in line)
    assert verified(rezipped(whole, [(SUMS, fewer.encode())]), tmp_path).changed == [SUMS]


@pytest.mark.parametrize("content", [b"", b"PK", b"no archive at all", written()[:-30], written() + b"x"])
def test_what_is_no_archive_is_damaged(tmp_path: Path, content: bytes) -> None:
    assert not verified(content, tmp_path).is_whole


def test_a_large_file_does_not_take_its_size_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.zip"
    piece = b"\0" * 1_000_000
    tracemalloc.start()
    with path.open("w+b") as into, Archive(into) as archive:
        archive.add("large.bin", (piece for _ in range(200)), 200_000_000)
        archive.seal({})
    assert verify(path).is_whole
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 10_000_000
