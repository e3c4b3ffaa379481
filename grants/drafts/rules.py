"""What stands in the way of a note, and which earlier answers can be used again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from grants.core.languages import _l
from grants.core.questions import Definition, Question
from grants.core.rules import Obstacle, obstacles_to_keeping
from grants.questionnaires.rules import facts_of, is_shown, mistakes

LONGEST_NOTE = 2_000
"""Characters of a note."""

KEPT_WHOLE = timedelta(days=2)
"""So long every version of a section is kept: people come back from a place without a line."""

SPACING = timedelta(minutes=10)
"""After that one version of each person in this time is kept."""

NEVER_COPIED = {"files", "budget"}
"""Types that are answered anew each time: what one attaches and asks for now."""


def obstacles_to_noting(text: str, section_key: str, definition: Definition) -> list[Obstacle]:
    """What is wrong with a note."""
    if not text.strip():
        return [Obstacle("empty", _l("Please write the note first."))]
    if len(text) > LONGEST_NOTE:
        return [Obstacle("too_long", _l("A note has at most %(n)s characters.", n=LONGEST_NOTE))]
    if definition.section(section_key) is None:
        return [Obstacle("no_such_section", _l("This form has no such section."))]
    return obstacles_to_keeping(text)


def usable(
    definition: Definition, answers: Mapping[str, Any], earlier: Definition, given: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """The answers of an earlier application that fit questions still open here, by section and question.

    A question counts as the same when key and type are; the answer must be one that the question takes today. Nothing
    that was answered already is among them, and nothing of a section in which something is declared and signed.
    """
    facts = facts_of(definition, answers)
    found: dict[str, dict[str, Any]] = {}
    for section in definition.sections:
        if any(question.type == "declaration" for question in section.questions):
            continue
        for question in section.questions:
            value = given.get(question.key)
            if (
                value in (None, "", [])
                or answers.get(question.key) not in (None, "", [])
                or question.type in NEVER_COPIED
                or not _is_same(question, earlier.questions.get(question.key))
                or not is_shown(question, facts)
                or mistakes(question, value, definition, facts)
            ):
                continue
            found.setdefault(section.key, {})[question.key] = value
    return found


def _is_same(question: Question, former: Question | None) -> bool:
    return (
        former is not None
        and former.type == question.type
        and former.currency == question.currency
        and [(c.key, c.type) for c in former.columns] == [(c.key, c.type) for c in question.columns]
    )
