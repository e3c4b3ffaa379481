"""What the grantees of the demonstration ask to change: a change in every state there is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from grants.amendments import actions, queries
from grants.amendments.models import Amendment, BudgetNotice, Kind
from grants.amendments.rules import Request
from grants.core import clock
from grants.core.db import transaction
from grants.demo.decided import GrantStory

WHY = {
    "en": "Three assemblies became five, because the road to the border was closed in the rainy season.",
    "fr": "Trois assemblées sont devenues cinq, car la route de la frontière a été coupée pendant les pluies.",
    "es": "Tres asambleas pasaron a ser cinco, porque el camino a la frontera se cerró con las lluvias.",
}
WORK = {
    "en": "Five assemblies in smaller places instead of three in the towns, with the same number of people.",
    "fr": "Cinq assemblées dans de petites localités au lieu de trois dans les villes, avec autant de personnes.",
    "es": "Cinco asambleas en localidades pequeñas en lugar de tres en las ciudades, con el mismo número de personas.",
}
SAID = {
    "en": "Please say which assemblies are held when, and keep the amount for safety as it is.",
    "fr": "Dites quelles assemblées ont lieu quand, et gardez le montant de la sécurité tel quel.",
    "es": "Digan qué asambleas se hacen y cuándo, y dejen el monto de seguridad como está.",
}
OVER = {
    "en": "We found another way.",
    "fr": "Nous avons trouvé une autre solution.",
    "es": "Encontramos otra solución.",
}


class ChangeStory:
    """The changes of one grant, each step taken by the person whose step it is."""

    def __init__(self, grant: GrantStory, began: datetime) -> None:
        self.grant, self.award, self.now = grant, grant.award, began
        self.language = grant.award.application.language

    def notice(self) -> ChangeStory:
        """A little money moves from the largest heading to the next."""
        self._ask(self._budget(5))
        return self

    def change(self, percent: int, *verbs: str, assisted: bool = False, work: bool = False) -> ChangeStory:
        """So much of a heading is moved, or other work is done; and what became of it, step by step."""
        request = self._work() if work else self._budget(percent)
        amendment = self._ask(request, assisted=assisted)
        assert isinstance(amendment, Amendment)
        for verb in verbs:
            self._take(verb, amendment)
        return self

    def _ask(self, request: Request, *, assisted: bool = False) -> Amendment | BudgetNotice:
        self.now += timedelta(days=2)
        with clock.at(self.now), transaction():
            by = self.grant.coordinator if assisted else self.grant.owner
            return actions.ask(self.award, request, by=by, assisted=assisted)

    def _take(self, verb: str, amendment: Amendment) -> None:
        fund, grantee = self.grant.coordinator, self.grant.owner
        said, over = SAID[self.language], OVER[self.language]
        steps: dict[str, Callable[[], object]] = {
            "approve": lambda: actions.approve(amendment, by=fund),
            "refuse": lambda: actions.refuse_change(amendment, said, by=fund),
            "hand_in": lambda: actions.hand_in(amendment, by=grantee),
            "return": lambda: actions.return_(amendment, said, by=fund),
            "draw_up": lambda: actions.draw_up(amendment, by=fund),
            "sign": lambda: actions.sign(amendment, signature=grantee.name, by=grantee),
            "withdraw": lambda: actions.withdraw(amendment, over, by=grantee),
            "lapse": lambda: actions.lapse(amendment, over, by=fund),
        }
        self.now += timedelta(days=1)
        with clock.at(self.now), transaction():
            steps[verb]()

    def _budget(self, percent: int) -> Request:
        with clock.at(self.now):
            facts = queries.facts_of(self.award)
        capped = {heading.key for heading in facts.budget.headings if heading.cap_percent is not None}
        source, target = sorted(
            (line for line in facts.lines if line.heading not in capped), key=lambda line: -line.amount_minor
        )[:2]
        minor = target.amount_minor * percent // 100
        moves = {source.heading: -minor, target.heading: minor}
        return Request(frozenset({Kind.BUDGET}), WHY[self.language], moves=moves)

    def _work(self) -> Request:
        return Request(frozenset({Kind.SCOPE}), WHY[self.language], scope=WORK[self.language])
