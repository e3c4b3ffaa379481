"""The visits of the demonstration: one in each state there is, and what was agreed there."""

from __future__ import annotations

from datetime import datetime, timedelta

from grants.core import clock
from grants.core.db import transaction
from grants.demo import sample
from grants.demo.decided import GrantStory
from grants.visits import actions
from grants.visits.models import Visit, VisitKind
from grants.visits.rules import Account, Agreed

PURPOSE = {
    "en": "See the assemblies, the people they are for, and the accounts of the grant.",
    "fr": "Voir les assemblées, les personnes pour qui elles sont, et les comptes de la subvention.",
    "es": "Ver las asambleas, a las personas para quienes son, y las cuentas de la subvención.",
}
FOUND = {
    "en": "The assemblies take place and are run by migrants themselves. The receipts are complete. Lists of participants are"
    " kept for some of the assemblies only, and the cash box is counted by one person.",
    "fr": "Les assemblées ont lieu et sont menées par les migrants eux-mêmes. Les reçus sont complets. Il n’y a de liste des"
    " participants que pour certaines assemblées, et une seule personne compte la caisse.",
    "es": "Las asambleas se realizan y las dirigen las propias personas migrantes. Los recibos están completos. Solo de algunas"
    " asambleas hay lista de participantes, y una sola persona cuenta la caja.",
}
CHANGES = {
    "en": ("Keep a list of participants of every assembly", "Have the cash box counted by two people"),
    "fr": ("Tenir une liste des participants à chaque assemblée", "Faire compter la caisse par deux personnes"),
    "es": ("Llevar una lista de participantes de cada asamblea", "Contar la caja entre dos personas"),
}
ANSWER = {
    "en": "Thank you for coming. The list is kept since the day after your visit.",
    "fr": "Merci d’être venus. La liste est tenue depuis le lendemain de votre visite.",
    "es": "Gracias por venir. La lista se lleva desde el día siguiente a su visita.",
}
LIST_KEPT = {
    "en": "The list of last week.",
    "fr": "La liste de la semaine dernière.",
    "es": "La lista de la semana pasada.",
}
MOVED = "The road was closed on that day."


class VisitStory:
    """A visit to one grantee, planned by the global coordinator; each step is taken by the person whose step it is."""

    def __init__(self, grant: GrantStory, day: datetime, kind: VisitKind = VisitKind.ON_SITE) -> None:
        self.grant, self.day = grant, day
        self.language = grant.award.application.language
        with clock.at(day - timedelta(days=25)), transaction():
            self.visit: Visit = actions.plan(
                grant.award,
                kind=kind,
                purpose=PURPOSE[self.language],
                due_on=day.date(),
                lead=grant.coordinator,
                by=grant.people["STF-07"],
            )

    def announce(self, *, moved: bool = False) -> VisitStory:
        """The grantee is told; ``moved``: of another day first."""
        by = self.grant.coordinator
        with clock.at(self.day - timedelta(days=20)), transaction():
            actions.announce(self.visit, by=by)
        if moved:
            with clock.at(self.day - timedelta(days=15)), transaction():
                actions.move(self.visit, (self.day + timedelta(days=2)).date(), MOVED, by=by)
        return self

    def make(self) -> VisitStory:
        """It is made, written down, and a photograph added."""
        first, second = CHANGES[self.language]
        told = Account(
            made_on=self.day.date(),
            kind=self.visit.kind,
            went=self.grant.coordinator.name,
            met="Director, bookkeeper, four members of the committee",
            findings=FOUND[self.language],
            note="The bookkeeper is alone with the accounts; look again at the final report.",
            changes=[
                Agreed(first, (self.day + timedelta(days=30)).date()),
                Agreed(second, (self.day + timedelta(days=60)).date()),
            ],
        )
        paper = sample.document("pdf", "Lists of participants", self.grant.award.reference)
        with clock.at(self.day + timedelta(hours=8)), transaction():
            actions.write_down(self.visit, told, by=self.grant.coordinator)
            actions.add_file(self.visit, "Lists of participants", "lists.pdf", paper, by=self.grant.coordinator)
        return self

    def share(self, *, answered: bool = False) -> VisitStory:
        """What was found is shared; ``answered``: the grantee answers and does the first of the changes."""
        with clock.at(self.day + timedelta(days=2)), transaction():
            actions.share(self.visit, by=self.grant.coordinator)
        if answered:
            with clock.at(self.day + timedelta(days=5)), transaction():
                actions.answer(self.visit, ANSWER[self.language], by=self.grant.owner)
                actions.do(self.visit.changes[0], LIST_KEPT[self.language], by=self.grant.owner)
        return self

    def give_up(self) -> VisitStory:
        """It does not take place."""
        with clock.at(self.day - timedelta(days=10)), transaction():
            actions.cancel(self.visit, "The grantee came to us instead.", by=self.grant.coordinator)
        return self
