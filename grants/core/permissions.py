"""Who may. A permission answers with a bool; a scope answers with the rows a person may see at all."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

from sqlalchemy import Select


class NotPermitted(Exception):
    """A person asked for something that is not theirs to do."""


Scope = Callable[[Any], Select[Any]]

Limit = Callable[[Any, Select[Any]], Select[Any]]

_scopes: dict[type, Scope] = {}
_limits: dict[type, list[Limit]] = {}
_composed: dict[tuple[Any, Any], Select[Any]] = {}
MOST_COMPOSED = 4096


def scope_of(model: type) -> Callable[[Scope], Scope]:
    """Declare the rows of ``model`` that a user may see; everything that reads starts from it."""

    def remember(function: Scope) -> Scope:
        _scopes[model] = function
        return function

    return remember


def limit_of(*models: type) -> Callable[[Limit], Limit]:
    """Declare what is taken out of the scope of ``models`` further down the river, where the reason for it is known:
    a tie between a person and an applicant is declared to the reviews, and hides the application everywhere.
    """

    def remember(function: Limit) -> Limit:
        for model in models:
            _limits.setdefault(model, []).append(function)
        return function

    return remember


def _compose(user: Any, model: type) -> Select[Any]:
    found = _scopes[model](user)
    for limit in _limits.get(model, ()):
        found = limit(user, found)
    return found


def scope(user: Any, model: type) -> Select[Any]:
    """The rows of ``model`` that ``user`` may see. A model without a declared scope cannot be read this way.

    A scope depends on nothing but who somebody is and what they belong to (their ``standing``), so it is composed once
    for each standing; what it finds is asked of the database every time.
    """
    return _once(user, model, lambda: _compose(user, model))


def composed_once(function: Scope) -> Scope:
    """Keep what ``function`` composes for each standing, as :func:`scope` does, for the rows of a narrower purpose."""

    @wraps(function)
    def kept(user: Any) -> Select[Any]:
        return _once(user, function, lambda: function(user))

    return kept


def _once(user: Any, what: Any, compose: Callable[[], Select[Any]]) -> Select[Any]:
    standing = getattr(user, "standing", None)
    if standing is None:
        return compose()
    key = (what, standing)
    if key not in _composed:
        if len(_composed) >= MOST_COMPOSED:
            _composed.clear()
        _composed[key] = compose()
    return _composed[key]


def require(allowed: bool) -> None:
    """Stop unless a permission said yes. Raises NotPermitted."""
    if not allowed:
        raise NotPermitted


def declared() -> list[dict[str, str]]:
    """Every permission and scope of every package, for the documentation and ``grants permissions``."""
    found = []
    limits = {function for limits in _limits.values() for function in limits}
    for name, module in sorted(sys.modules.items()):
        if not (name.startswith("grants.") and name.endswith(".permissions")) or name == __name__:
            continue
        for function_name, function in sorted(vars(module).items()):
            if not (inspect.isfunction(function) and function.__module__ == name):
                continue
            kind = "scope" if function in _scopes.values() else "limit" if function in limits else "permission"
            if function_name.startswith("can_") or kind != "permission":
                meaning = " ".join((inspect.getdoc(function) or "").split("\n\n")[0].split())
                found.append({"package": name.split(".")[1], "kind": kind, "name": function_name, "meaning": meaning})
    return found
