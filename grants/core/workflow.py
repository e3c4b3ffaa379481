"""States and the moves between them, declared as a table that people, code and documentation share."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self


class State(enum.StrEnum):
    """The parent of every list of states. A member is ``NAME = "value", label, tone``."""

    label: Any
    tone: str

    def __new__(cls, value: str, label: Any = "", tone: str = "neutral") -> Self:
        """Keep the translated label and the tone of its badge beside the stored word."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.label = label or value
        member.tone = tone
        return member


@dataclass(frozen=True)
class Transition:
    """One move: an imperative verb, the states it may start from, the state it leads to.

    ``said`` is how a timeline tells it afterwards, in the past tense and translated ("Submitted").
    """

    verb: str
    sources: frozenset[State]
    target: State
    needs_reason: bool = False
    said: Any = ""

    def __init__(
        self, verb: str, sources: Iterable[State], target: State, *, needs_reason: bool = False, said: Any = ""
    ) -> None:
        object.__setattr__(self, "verb", verb)
        object.__setattr__(self, "said", said or verb.replace("_", " "))
        object.__setattr__(self, "sources", frozenset(sources))
        object.__setattr__(self, "target", target)
        object.__setattr__(self, "needs_reason", needs_reason)


class NoSuchMove(Exception):
    """A move that the table does not allow from the present state; ``state`` is where the subject stands."""

    def __init__(self, workflow: Workflow, verb: str, state: str) -> None:
        self.workflow, self.verb, self.state = workflow, verb, state
        super().__init__(f"{workflow.name}: cannot {verb} from {state}")


class Workflow:
    """The moves of one kind of subject. ``name`` is the word used in history and in the documentation.

    ``notes`` tells, like ``Transition.said``, what else is written down about the subject without moving it.
    """

    all: dict[str, Workflow] = {}

    def __init__(
        self,
        name: str,
        states: type[State],
        start: State,
        moves: Iterable[Transition],
        notes: dict[str, Any] | None = None,
    ) -> None:
        self.name, self.states, self.start, self.moves = name, states, start, tuple(moves)
        self._said = {move.verb: move.said for move in self.moves} | (notes or {})
        Workflow.all[name] = self

    def transition(self, verb: str, state: str) -> Transition:
        """The move ``verb`` from ``state``. Raises NoSuchMove."""
        for move in self.moves:
            if move.verb == verb and state in move.sources:
                return move
        raise NoSuchMove(self, verb, state)

    def allows(self, verb: str, state: str) -> bool:
        """Whether the table has the move ``verb`` from ``state``."""
        return any(move.verb == verb and state in move.sources for move in self.moves)

    def said(self, verb: str) -> Any:
        """How a timeline tells that ``verb`` happened."""
        return self._said.get(verb, verb.replace("_", " "))
