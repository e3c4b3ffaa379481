"""What the lines of a budget add up to, to the smallest unit, and what in them does not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from grants.core.expressions import BadExpression, Expression, parse
from grants.core.languages import LazyWords, _l, language_now, pick
from grants.core.money import Money, minor_digits
from grants.core.questions import Budget, Definition, Heading, Question, Texts, amount_of, as_texts, number_of
from grants.core.rules import Obstacle

LINE_PARTS = {"": "total", "_requested": "requested", "_cofinancing": "cofinancing"}
"""How a figure of a heading is named, and the column of the lines that it adds up."""


def figures_of(budget: Budget, lines: Iterable[Mapping[str, Any]] | None) -> dict[str, Decimal]:
    """What a budget adds up to, by the names that its checks and the eligibility rules use.

    For each heading its total (``staff``), the part asked from the fund (``staff_requested``) and what others pay
    (``staff_cofinancing``), computed headings included; for each source of money what it pays (``requested_grant``,
    ``other_donors``); and ``direct_costs``, ``indirect_costs``. What is no amount in the budget's currency (more
    decimals than it has, a word) and what stands under no heading counts as nothing; the form says so beside it.
    """
    zero = Decimal(0)
    figures = {f"{heading.key}{part}": zero for heading in budget.headings for part in LINE_PARTS}
    payers = {budget.grant: zero, **{source.value: zero for source in budget.sources}}
    plain = {heading.key for heading in budget.headings if not heading.parts}
    for line in lines or ():
        key = str(line.get("heading"))
        if key not in plain:
            continue
        for part, column in LINE_PARTS.items():
            figures[f"{key}{part}"] += _amount_in(line, column, budget.currency)
        payers[budget.grant] += _amount_in(line, "requested", budget.currency)
        payer = line.get("cofinancing_source")
        if payer in payers and payer != budget.grant:
            payers[payer] += _amount_in(line, "cofinancing", budget.currency)
    for heading in budget.headings:
        if heading.parts:
            for part in LINE_PARTS:
                figures[f"{heading.key}{part}"] = sum((figures.get(f"{p}{part}", zero) for p in heading.parts), zero)
    direct = [h.key for h in budget.headings if not h.parts and h.key not in ("contingency", "indirect")]
    direct_costs = figures.get("direct_total", sum((figures[key] for key in direct), zero))
    return figures | payers | {"direct_costs": direct_costs, "indirect_costs": figures.get("indirect", zero)}


def _amount_in(line: Mapping[str, Any], column: str, currency: str) -> Decimal:
    amount = amount_of(line.get(column), currency)
    return amount.amount if amount is not None else Decimal(0)


def cap_of(heading: Heading, budget: Budget, figures: Mapping[str, Decimal]) -> tuple[Decimal, bool] | None:
    """The most a heading may cost and whether it stays within; None when it has no cap.

    A cap on the grant looks at the part asked from the fund, any other at the whole cost of the heading.
    """
    if heading.cap_percent is None:
        return None
    on_grant = heading.cap_of == "grant"
    base = figures.get(budget.grant if on_grant else heading.cap_of, Decimal(0))
    most = base * heading.cap_percent / 100
    spent = figures.get(f"{heading.key}_requested" if on_grant else heading.key, Decimal(0))
    return most, spent <= most


class Row(NamedTuple):
    """What a heading of a budget adds up to, the most it may cost, and whether it stays within.

    A cap on the grant looks at the part asked of the fund, any other at the whole cost; ``limited`` is which of them.
    """

    heading: Heading
    total: Money
    requested: Money
    others: Money
    cap: Money | None
    within: bool

    @property
    def limited(self) -> Money:
        """The amount that the cap looks at."""
        return self.requested if self.heading.cap_of == "grant" else self.total


def sums_of(budget: Budget, lines: Iterable[Mapping[str, Any]] | None, id: str = "") -> Sums:
    """What the lines of a budget add up to; ``id`` is the question they answer."""
    return Sums(budget, tuple(figures_of(budget, lines).items()), id)


@dataclass(frozen=True)
class Sums:
    """What the lines of a budget add up to, exactly; equal when every figure is."""

    budget: Budget
    named: tuple[tuple[str, Decimal], ...]
    id: str = ""

    @cached_property
    def figures(self) -> dict[str, Decimal]:
        """The figures by their names."""
        return dict(self.named)

    @cached_property
    def rows(self) -> list[Row]:
        """One row a heading: its amounts, the most it may cost and whether it stays within."""
        rows = []
        for heading in self.budget.headings:
            cap = cap_of(heading, self.budget, self.figures)
            total, requested, others = (self.money(heading.key + part) for part in LINE_PARTS)
            most = _floored(cap[0], self.budget.currency) if cap else None
            rows.append(Row(heading, total, requested, others, most, within=cap is None or cap[1]))
        return rows

    @property
    def sources(self) -> list[tuple[str, Texts, Money]]:
        """Those who pay (key, title, amount), the fund first."""
        named = [
            (self.budget.grant, self.budget.grant_title),
            *((source.value, source.label) for source in self.budget.sources),
        ]
        return [(key, title, self.money(key)) for key, title in named]

    @cached_property
    def total(self) -> Money:
        """What everything costs."""
        plain = [heading.key for heading in self.budget.headings if not heading.parts]
        return _floored(sum((self.figures[key] for key in plain), Decimal(0)), self.budget.currency)

    @property
    def requested(self) -> Money:
        """What the fund is asked for."""
        return self.money(self.budget.grant)

    @property
    def contributed(self) -> Money:
        """What others than the fund pay."""
        return self.total - self.requested

    @property
    def contributed_percent(self) -> Decimal | None:
        """The share of the total cost that others pay, in percent to two decimals; None without costs."""
        if not self.total.minor:
            return None
        return (Decimal(100 * self.contributed.minor) / Decimal(self.total.minor)).quantize(Decimal("0.01"))

    def money(self, name: str) -> Money:
        """A figure as an amount of the budget's currency; zero when the budget has no such figure."""
        return _floored(self.figures.get(name, Decimal(0)), self.budget.currency)


@lru_cache(maxsize=4096)
def _floored(amount: Decimal, currency: str) -> Money:
    """An amount in whole minor units; a cap that falls between two cents is the lower one."""
    return Money(int(amount.scaleb(minor_digits(currency)) // 1), currency)


def budget_question(definition: Definition) -> Question | None:
    """The question of a questionnaire that is answered with a budget, if there is one."""
    return next((q for q in definition.questions.values() if q.budget is not None), None)


def checks_in(definition: Definition) -> list[Mapping[str, Any]]:
    """The checks that the call makes of a budget: formula, tolerance and wording."""
    documents = [source for source in definition.sources.values() if isinstance(source, Mapping)]
    checks = [check for document in documents if "headings" in document for check in document.get("checks") or []]
    return [{**check, "text": as_texts(check["text"], definition.fallback)} for check in checks]


def budget_in(definition: Definition, answers: Mapping[str, Any]) -> Sums | None:
    """The sums of the budget that is part of an application; None when the call asks for none."""
    question = budget_question(definition)
    if question is None or question.budget is None:
        return None
    return sums_of(question.budget, answers.get(question.key))


Check = tuple[Expression, Mapping[str, Any]]
"""A check of the call that was read: its formula, and its wording and tolerance."""


def obstacles_in_budget(
    lines: Sequence[Mapping[str, Any]],
    budget: Budget,
    checks: Sequence[Mapping[str, Any]],
    answers: Mapping[str, Any],
    where: tuple[str, dict[str, Any]] | None = None,
) -> list[Obstacle]:
    """What does not add up, to the smallest unit: each line, each check and limit of the call, the amounts promised.

    ``checks`` are the call's own (formula, tolerance, wording); a limit that no check looks at is held as well.
    """
    sums = sums_of(budget, lines)
    formulas = [(formula, check) for check in checks if (formula := _readable(check["rule"])) is not None]
    of_lines = [(formula, check) for formula, check in formulas if _about_lines(formula.names)]
    found = [obstacle for number, line in enumerate(lines, 1) for obstacle in _in_line(line, number, budget, of_lines)]
    values = {"total": sums.total.amount} | sums.figures
    looked_at: set[str] = set()
    for formula, check in formulas:
        if _about_lines(formula.names):
            continue
        looked_at |= formula.names
        if _holds(formula, values, check) is False:
            found.append(Obstacle(str(check["id"]), LazyWords(pick, check["text"])))
    found += [
        Obstacle(
            f"limit.{row.heading.key}",
            _l(
                "%(heading)s: %(amount)s is more than the limit of %(limit)s.",
                heading=LazyWords(pick, row.heading.title),
                amount=shown(row.limited),
                limit=shown(row.cap),
            ),
        )
        for row in sums.rows
        if not row.within and not {row.heading.key, f"{row.heading.key}_requested"} & looked_at
    ]
    found += _promises(sums, answers)
    return [replace(obstacle, where=where) for obstacle in found]


def _promises(sums: Sums, answers: Mapping[str, Any]) -> list[Obstacle]:
    """The summary names the grant and the total cost; the budget must say the same."""
    grant = amount_of(answers.get("requested_amount"), sums.total.currency)
    cost = amount_of(answers.get("total_cost"), sums.total.currency)
    found = []
    if grant is not None and grant != sums.requested:
        message = _l(
            "The budget asks the fund for %(budget)s, the summary for %(summary)s.",
            budget=shown(sums.requested),
            summary=shown(grant),
        )
        found.append(Obstacle("budget.requested", message))
    if cost is not None and cost != sums.total:
        message = _l(
            "The budget costs %(budget)s in all, the summary says %(summary)s.",
            budget=shown(sums.total),
            summary=shown(cost),
        )
        found.append(Obstacle("budget.total", message))
    return found


def _readable(source: str) -> Expression | None:
    """A formula of the call; one that cannot be read is refused when the call is imported."""
    try:
        return parse(source)
    except BadExpression:
        return None


def _holds(formula: Expression, values: Mapping[str, Any], check: Mapping[str, Any]) -> bool | None:
    try:
        return formula.holds(values, tolerance=str(check.get("tolerance", 0)))
    except BadExpression:
        return None


def shown(money: Money | None) -> Any:
    """An amount that is written in the language of whoever reads the sentence it stands in."""
    return LazyWords(lambda: money.shown(language_now())) if money is not None else "–"


def _about_lines(names: frozenset[str]) -> bool:
    return any(name in ("quantity", "unit_cost") or name.startswith("line.") for name in names)


def _in_line(line: Mapping[str, Any], number: int, budget: Budget, checks: Sequence[Check]) -> list[Obstacle]:
    """What does not add up in one line. That its parts are given and can be read, the questionnaire sees to."""
    name = str(line.get("code") or number)
    zero = Money(0, budget.currency)
    cost = amount_of(line.get("total"), budget.currency)
    asked = amount_of(line.get("requested"), budget.currency) or zero
    given = amount_of(line.get("cofinancing"), budget.currency) or zero
    source = line.get("cofinancing_source") or None
    found = []
    if (line.get("currency") or budget.currency) != budget.currency:
        message = _l("Line %(line)s must be in %(currency)s.", line=name, currency=budget.currency)
        found.append(Obstacle("line.currency", message))
    if cost is None or cost.minor <= 0:
        return [*found, Obstacle("line.total", _l("Line %(line)s has no total.", line=name))]
    if asked.minor < 0 or given.minor < 0:
        found.append(Obstacle("line.negative", _l("Line %(line)s has an amount below zero.", line=name)))
    if asked + given != cost:
        message = _l(
            "Line %(line)s: what you ask for and the other contributions give %(sum)s, the total is %(total)s.",
            line=name,
            sum=shown(asked + given),
            total=shown(cost),
        )
        found.append(Obstacle("line.split", message))
    if given.minor and source not in [payer.value for payer in budget.sources]:
        found.append(Obstacle("line.payer", _l("Line %(line)s: please say who pays the rest.", line=name)))
    if not given.minor and source:
        message = _l("Line %(line)s names who pays the rest, but there is no rest.", line=name)
        found.append(Obstacle("line.payer", message))
    if not _product_is_right(line, cost, checks):
        message = _l("Line %(line)s: quantity times unit cost does not give %(total)s.", line=name, total=shown(cost))
        found.append(Obstacle("line.product", message))
    return found


def _product_is_right(line: Mapping[str, Any], cost: Money, checks: Sequence[Check]) -> bool:
    quantity, unit_cost = number_of(line.get("quantity")), number_of(line.get("unit_cost"))
    return all(
        _holds_in_line(formula, quantity, unit_cost, cost.amount, str(check.get("tolerance", 0)))
        for formula, check in checks
    )


@lru_cache(maxsize=8192)
def _holds_in_line(
    formula: Expression, quantity: Decimal | None, unit_cost: Decimal | None, total: Decimal, tolerance: str
) -> bool | None:
    values = {"quantity": quantity, "unit_cost": unit_cost, "line": {"total": total}}
    return _holds(formula, values, {"tolerance": tolerance})
