"""The ``grants`` command as people and programs run it, on the application of a test."""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

import pytest
from flask import Flask

from grants import cli


class Said(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


def run(app: Flask | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: Any) -> Said:
    """Run a command to its end; without an ``app`` it must not need one."""

    def none_is_needed() -> Any:
        raise AssertionError("this command needs no database")

    monkeypatch.setattr(cli, "_application", app.app_context if app is not None else none_is_needed)
    monkeypatch.setattr(sys, "argv", ["grants", *map(str, words)])
    code = 0
    try:
        cli.main()
    except SystemExit as end:
        code = int(end.code or 0)
    return Said(code, *capsys.readouterr())
