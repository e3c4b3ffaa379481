"""The account that the servers run under.

PostgreSQL refuses to run as root, rightly. Started by root it therefore runs as the owner of its data, or as ``nobody``
when the data is new. That account must reach its data and its programs, which may lie below folders closed to it
(``/root``). Opening those to everybody would be wrong, so the servers get the *group* of each closed folder, and the
folder is opened for that group to pass through, not to list.
"""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import TypedDict


class Account(TypedDict, total=False):
    """Arguments for ``subprocess``; empty when the servers run as the person who starts them."""

    user: int
    group: int
    extra_groups: list[int]


def account_for(folder: Path, programs: Iterable[Path]) -> Account:
    """Choose the account, and give it ``folder`` and a way to it and to the ``programs``."""
    if os.geteuid() != 0:
        return {}
    person = _owner(folder)
    os.chown(folder, person.pw_uid, person.pw_gid)
    paths = [folder, *programs]
    for program in programs:
        _let_read(program)
    return {"user": person.pw_uid, "group": person.pw_gid, "extra_groups": _groups_on_the_way(paths)}


def _owner(folder: Path) -> pwd.struct_passwd:
    owner = folder.stat().st_uid
    return pwd.getpwuid(owner) if owner else pwd.getpwnam("nobody")


def _groups_on_the_way(paths: Iterable[Path]) -> list[int]:
    folders = {ancestor: ancestor.stat() for path in paths for ancestor in path.parents}
    groups = {status.st_gid for status in folders.values() if not status.st_mode & stat.S_IXOTH}
    for ancestor, status in folders.items():
        if status.st_gid in groups and not status.st_mode & stat.S_IXGRP:
            ancestor.chmod(stat.S_IMODE(status.st_mode) | stat.S_IXGRP)
    return sorted(groups)


def _let_read(programs: Path) -> None:
    """Programs installed under a strict umask are root's alone; they hold nothing that others may not read."""
    readable = stat.S_IRGRP | stat.S_IROTH
    if programs.stat().st_mode & readable == readable:
        return
    for path in [programs, *programs.rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        pass_through = stat.S_IXGRP | stat.S_IXOTH if mode & stat.S_IXUSR else 0
        path.chmod(mode | readable | pass_through)
