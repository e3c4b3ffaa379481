"""Conditions and formulas of calls, grids and budgets: text that is read by our own small parser, never run as code.

What can be written::

    organization.legal_form in [association, ngo]          words, numbers and texts in a list
    call.grant.min <= application.requested_amount <= call.grant.max
    organization.registered == true or organization.fiscal_sponsor is not null
    years_between(organization.founded_on, call.deadline) >= 2
    application.countries_of_action subset_of call.eligible_countries
    abs(T1-T2) > 0.30*max(T1,T2)

Numbers are decimals and never lose a digit in sums and products. A value that is missing makes a comparison *unknown*
(None) rather than false, as in SQL: "unknown or true" is true, "unknown and false" is false. Phrases that are no formula
("all required annexes present") are names that the caller supplies under the name given in :data:`PHRASES`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Context, Decimal, DivisionByZero, InvalidOperation, Overflow, localcontext
from functools import lru_cache
from typing import Any, NamedTuple

from grants.core.languages import _l

LONGEST = 1000
DEEPEST = 40
PRECISION = Context(prec=400, traps=[InvalidOperation, DivisionByZero, Overflow])

PHRASES = {
    "all required annexes present": "all_required_annexes_present",
    "count(applications where lead == organization)": "applications_of_lead",
}
"""Wordings that stand for one fact, and the name under which its value is supplied."""

WORDS = {"and", "or", "not", "in", "is", "null", "true", "false", "subset_of"}
CONSTANTS: dict[str, Any] = {"true": True, "false": False, "null": None}

TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>\d+(?:\.\d+)?)
      | (?P<text>'[^'\\\n]*'|"[^"\\\n]*")
      | (?P<name>[^\W\d]\w*(?:\.[^\W\d]\w*)*)
      | (?P<sign><=|>=|==|!=|[-+*/()<>\[\],])
    )""",
    re.VERBOSE,
)

Value = Any
Values = Mapping[str, Any]


class BadExpression(ValueError):
    """A formula that cannot be read, or not with these values; ``position`` counts characters from 0."""

    def __init__(self, reason: Any, position: int = 0) -> None:
        self.reason, self.position = reason, position
        super().__init__(str(_l("%(reason)s (at character %(n)s)", reason=reason, n=position + 1)))


class Token(NamedTuple):
    """A piece of the text: its kind, its wording and where it stands."""

    kind: str
    text: str
    at: int


class Node(NamedTuple):
    """One operation of a parsed formula, computed from the values and a tolerance for equality."""

    compute: Callable[[Values, Decimal], Value]


@dataclass(frozen=True)
class Expression:
    """A formula that was read. ``names`` are the values it asks for."""

    source: str
    names: frozenset[str]
    _root: Node

    def evaluate(self, values: Values, *, tolerance: Decimal | str | int = 0) -> Value:
        """The value of the formula: a Decimal, a text, True, False, or None when something it needs is missing.

        ``values`` holds dotted names flat (``{"call.deadline": …}``) or nested (``{"call": {"deadline": …}}``); numbers
        may be int, Decimal, float or, as we store money, text.
        ``tolerance`` is how far two numbers may differ and still count as equal. Raises BadExpression when values do not
        go together, such as a text compared with a number by size.
        """
        with localcontext(PRECISION):
            try:
                return self._root.compute(values, Decimal(tolerance))
            except (InvalidOperation, Overflow, RecursionError) as error:
                raise BadExpression(
                    _l("%(formula)s: cannot be computed with these values", formula=self.source)
                ) from error

    def holds(self, values: Values, *, tolerance: Decimal | str | int = 0) -> bool | None:
        """Whether the condition is met: True, False, or None when it cannot be known. An empty list or text is False."""
        return truth(self.evaluate(values, tolerance=tolerance))


def parse(source: str, names: Container[str] | None = None) -> Expression:
    """Read a formula. Raises BadExpression with position and reason: bad syntax, or a name that is not among ``names``.

    Without ``names`` every name is accepted.
    """
    if not isinstance(source, str):
        raise BadExpression(_l("this is not a text"))
    expression, places = _read(source)
    for name, at in places:
        if names is not None and name not in names:
            raise BadExpression(_l("unknown name “%(name)s”", name=name), at)
    return expression


@lru_cache(maxsize=2000)
def _read(source: str) -> tuple[Expression, tuple[tuple[str, int], ...]]:
    if len(source) > LONGEST:
        raise BadExpression(_l("longer than %(longest)s characters", longest=LONGEST), LONGEST)
    parser = _Parser(_tokens(source))
    root = parser.whole()
    return Expression(source, frozenset(n for n, _ in parser.places), root), tuple(parser.places)


def _tokens(source: str) -> list[Token]:
    found, at = [], 0
    end = len(source.rstrip())
    while at < end:
        match = TOKEN.match(source, at)
        if match is None:
            at += len(source[at:]) - len(source[at:].lstrip())
            raise BadExpression(_l("“%(what)s” does not belong here", what=source[at : at + 1]), at)
        kind = str(match.lastgroup)
        found.append(Token(kind, match.group(kind), match.start(kind)))
        at = match.end()
    return [*found, Token("end", "", end)]


_PHRASES = [([t.text for t in _tokens(phrase)[:-1]], name) for phrase, name in PHRASES.items()]


class _Parser:
    """Recursive descent: each method reads one level of precedence and returns how to compute it."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens, self.next, self.depth = tokens, 0, 0
        self.places: list[tuple[str, int]] = []

    @property
    def here(self) -> Token:
        return self.tokens[self.next]

    def take(self, *texts: str) -> Token | None:
        """The next token when it is one of these signs or words."""
        token = self.here
        if token.kind in ("sign", "name") and token.text in texts:
            self.next += 1
            return token
        return None

    def expect(self, text: str) -> None:
        if not self.take(text):
            self.refuse(_l("“%(text)s” is missing", text=text))

    def refuse(self, reason: Any) -> None:
        raise BadExpression(reason, self.here.at)

    def whole(self) -> Node:
        node = self.either()
        if self.here.kind != "end":
            self.refuse(_l("“%(word)s” does not belong here", word=self.here.text))
        return node

    def either(self) -> Node:
        self.depth += 1
        if self.depth > DEEPEST:
            self.refuse(_l("nested too deeply"))
        parts = [self.both()]
        while self.take("or"):
            parts.append(self.both())
        self.depth -= 1
        return parts[0] if len(parts) == 1 else Node(lambda v, t: _any(truth(p.compute(v, t)) for p in parts))

    def both(self) -> Node:
        parts = [self.negation()]
        while self.take("and"):
            parts.append(self.negation())
        return parts[0] if len(parts) == 1 else Node(lambda v, t: _all(truth(p.compute(v, t)) for p in parts))

    def negation(self) -> Node:
        times = 0
        while self.take("not"):
            times += 1
        node = self.comparison()
        return node if not times else Node(lambda v, t: _negated(truth(node.compute(v, t)), times))

    def comparison(self) -> Node:
        left = self.sum()
        links: list[tuple[Token, str, Node]] = []
        while True:
            token = self.here
            if sign := self.take("==", "!=", "<=", ">=", "<", ">", "in", "subset_of"):
                links.append((token, sign.text, self.sum()))
            elif self.take("not"):
                self.expect("in")
                links.append((token, "not in", self.sum()))
            elif self.take("is"):
                sign_text = "is not" if self.take("not") else "is"
                self.expect("null")
                links.append((token, sign_text, Node(lambda _v, _t: None)))
            else:
                break
        if not links:
            return left

        def compute(values: Values, tolerance: Decimal) -> bool | None:
            before = left.compute(values, tolerance)
            found: list[bool | None] = []
            for token, sign, node in links:
                after = node.compute(values, tolerance)
                found.append(_compare(sign, before, after, tolerance, token.at))
                before = after
            return _all(found)

        return Node(compute)

    def sum(self) -> Node:
        node = self.product()
        while sign := self.take("+", "-"):
            node = _arithmetic(sign, node, self.product())
        return node

    def product(self) -> Node:
        node = self.signed()
        while sign := self.take("*", "/"):
            node = _arithmetic(sign, node, self.signed())
        return node

    def signed(self) -> Node:
        minus, odd = self.here, False
        while self.take("-"):
            odd = not odd
        node = self.atom()
        return _arithmetic(minus, Node(lambda _v, _t: Decimal(0)), node) if odd else node

    def atom(self) -> Node:
        for phrase, name in _PHRASES:
            if [t.text for t in self.tokens[self.next : self.next + len(phrase)]] == phrase:
                return self.named(name, len(phrase))
        token = self.here
        if self.take("("):
            node = self.either()
            self.expect(")")
            return node
        if self.take("["):
            words = self.listed()
            return Node(lambda _v, _t: words)
        if token.kind in ("number", "text") or token.text in CONSTANTS:
            self.next += 1
            constant = _constant(token)
            return Node(lambda _v, _t: constant)
        if token.kind != "name" or token.text in WORDS:
            self.refuse(
                _l("the formula ends too early")
                if token.kind == "end"
                else _l("“%(word)s” does not belong here", word=token.text)
            )
        if self.tokens[self.next + 1].text == "(":
            return self.function()
        return self.named(token.text, 1)

    def named(self, name: str, tokens: int) -> Node:
        self.places.append((name, self.here.at))
        self.next += tokens
        return Node(lambda values, _t: _looked_up(values, name))

    def function(self) -> Node:
        token = self.here
        known = FUNCTIONS.get(token.text)
        if known is None:
            self.refuse(_l("unknown function “%(word)s”", word=token.text))
        assert known is not None
        fewest, most, function = known
        self.next += 2
        arguments: list[Node] = []
        while not self.take(")"):
            if arguments:
                self.expect(",")
            arguments.append(self.either())
        if not fewest <= len(arguments) <= most:
            raise BadExpression(
                _l(
                    "“%(word)s” has %(number)s values in its brackets",
                    word=token.text,
                    number=len(arguments),
                ),
                token.at,
            )

        def compute(values: Values, tolerance: Decimal) -> Value:
            given = [a.compute(values, tolerance) for a in arguments]
            return None if any(g is None for g in given) else function(given, token.at)

        return Node(compute)

    def listed(self) -> tuple[Value, ...]:
        """The members of a list; a bare word stands for itself."""
        words: list[Value] = []
        while not self.take("]"):
            if words:
                self.expect(",")
            minus, token = self.take("-"), self.here
            if token.kind not in ("number", "text", "name") or (minus and token.kind != "number"):
                self.refuse(_l("a list holds words, numbers and texts in quotes"))
            self.next += 1
            member: Value = token.text if token.kind == "name" and token.text not in CONSTANTS else _constant(token)
            words.append(-member if minus else member)
        return tuple(words)


def _constant(token: Token) -> Value:
    if token.kind == "number":
        return Decimal(token.text)
    return token.text[1:-1] if token.kind == "text" else CONSTANTS[token.text]


def _looked_up(values: Values, name: str) -> Value:
    """The value of a dotted name, flat or nested; None when there is none."""
    if name in values:
        return _plain(values[name])
    place: Any = values
    for part in name.split("."):
        if not isinstance(place, Mapping) or part not in place:
            return None
        place = place[part]
    return _plain(place)


def _plain(value: Value) -> Value:
    """Numbers as decimals; nothing typed as nothing known."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return Decimal(str(value))
    return None if value == "" else value


def truth(value: Value) -> bool | None:
    """What a value means as a condition: nothing is unknown; zero, an empty text or list is no."""
    return None if value is None else bool(value)


def _all(found: Any) -> bool | None:
    answers = list(found)
    return False if False in answers else None if None in answers else True


def _any(found: Any) -> bool | None:
    answers = list(found)
    return True if True in answers else None if None in answers else False


def _negated(answer: bool | None, times: int) -> bool | None:
    return answer if answer is None or times % 2 == 0 else not answer


def _number(value: Value) -> Decimal | None:
    """A value as a number, if it is one; text counts when it is written as we store numbers."""
    if isinstance(value, Decimal):
        return value if value.is_finite() else None
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,40}(\.\d{1,40})?", value, re.ASCII):
        return Decimal(value)
    return None


def _same(left: Value, right: Value, tolerance: Decimal) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    first, second = _number(left), _number(right)
    if first is not None and second is not None:
        return abs(first - second) <= tolerance
    return bool(left == right)


def _compare(sign: str, left: Value, right: Value, tolerance: Decimal, at: int) -> bool | None:
    if sign in ("is", "is not"):
        return (left is None) == (sign == "is")
    if left is None or right is None:
        return None
    if sign in ("==", "!="):
        return _same(left, right, tolerance) == (sign == "==")
    if sign in ("in", "not in"):
        return any(_same(left, _plain(member), Decimal(0)) for member in _members(right, at)) == (sign == "in")
    if sign == "subset_of":
        whole = [_plain(member) for member in _members(right, at)]
        return all(any(_same(_plain(part), member, Decimal(0)) for member in whole) for part in _members(left, at))
    return _ordered(sign, left, right, at)


def _members(value: Value, at: int) -> list[Value]:
    if isinstance(value, list | tuple | set | frozenset):
        return list(value)
    raise BadExpression(_l("a list is expected"), at)


def _ordered(sign: str, left: Value, right: Value, at: int) -> bool:
    first, second = _number(left), _number(right)
    if first is None or second is None:
        first, second = left, right
        moments = isinstance(left, datetime) and isinstance(right, datetime)
        days = isinstance(left, date) and isinstance(right, date) and not isinstance(left, datetime)
        days = days and not isinstance(right, datetime)
        zones = moments and (left.tzinfo is None) == (right.tzinfo is None)
        if not days and not zones:
            raise BadExpression(_l("“%(sign)s” compares two numbers, two days or two moments", sign=sign), at)
    if sign == "<":
        return bool(first < second)
    if sign == ">":
        return bool(first > second)
    return bool(first <= second) if sign == "<=" else bool(first >= second)


def _arithmetic(sign: Token, left: Node, right: Node) -> Node:
    def compute(values: Values, tolerance: Decimal) -> Decimal | None:
        given = left.compute(values, tolerance), right.compute(values, tolerance)
        if given[0] is None or given[1] is None:
            return None
        first, second = _numbers(given, sign.at, sign.text)
        if sign.text == "/":
            return first / second if second else None
        return {"+": first.__add__, "-": first.__sub__, "*": first.__mul__}[sign.text](second)

    return Node(compute)


def _numbers(given: Any, at: int, word: str) -> list[Decimal]:
    found = [_number(value) for value in given]
    if any(f is None for f in found):
        raise BadExpression(_l("“%(word)s” needs numbers", word=word), at)
    return [f for f in found if f is not None]


def _years_between(given: list[Value], at: int) -> Decimal:
    """Whole years from a day to another; a moment counts as the day it is in the zone it carries."""
    days = [value.date() if isinstance(value, datetime) else value for value in given]
    if not all(isinstance(d, date) for d in days):
        raise BadExpression(_l("“years_between” needs two days"), at)
    start, end = days
    return Decimal(end.year - start.year - ((end.month, end.day) < (start.month, start.day)))


FUNCTIONS: dict[str, tuple[int, int, Callable[[list[Value], int], Value]]] = {
    "abs": (1, 1, lambda given, at: abs(_numbers(given, at, "abs")[0])),
    "max": (1, 20, lambda given, at: max(_numbers(given, at, "max"))),
    "min": (1, 20, lambda given, at: min(_numbers(given, at, "min"))),
    "count": (1, 1, lambda given, at: Decimal(len(_members(given[0], at)))),
    "years_between": (2, 2, _years_between),
}
"""What may be called: fewest and most values in the brackets, and how it is computed."""
