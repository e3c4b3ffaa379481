"""Questions about the calls of the demonstration, asked in their time by visitors and applicants, and answered."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from grants.accounts.models import Person
from grants.applications.actions import publish_answers
from grants.calls.models import Call
from grants.core import clock
from grants.core.db import transaction
from grants.demo.people import People
from grants.enquiries import actions
from grants.enquiries.models import Enquiry, Verdict

RENT = (
    {
        "en": "May the budget include part of the rent of our office?",
        "fr": "Le budget peut-il comprendre une partie du loyer de notre bureau ?",
        "es": "¿Puede el presupuesto incluir una parte del alquiler de nuestra oficina?",
    },
    {
        "en": "Yes, the part that the action uses, under “Office and running costs”. Say in the note how you worked it out.",
        "fr": "Oui, la part que l’action utilise, dans les frais de bureau. Expliquez votre calcul dans la note.",
        "es": "Sí, la parte que usa la acción, en los gastos de oficina. Expliquen en la nota cómo la calcularon.",
    },
)
PARTNERS = (
    {
        "en": "Can an organization be a partner in two applications?",
        "fr": "Une organisation peut-elle être partenaire dans deux demandes ?",
        "es": "¿Puede una organización ser socia en dos solicitudes?",
    },
    {
        "en": "Yes. The limit of one application is for the organization that leads it.",
        "fr": "Oui. La limite d’une seule demande vaut pour l’organisation qui la porte.",
        "es": "Sí. El límite de una solicitud vale para la organización que la presenta.",
    },
)
SIGNATURE = (
    {
        "en": "Our president travels. May the vice-president sign the declaration?",
        "fr": "Notre présidente est en voyage. Le vice-président peut-il signer la déclaration ?",
        "es": "Nuestra presidenta está de viaje. ¿Puede firmar la declaración el vicepresidente?",
    },
    {
        "en": "Yes, if your statutes allow it. Attach the page that says so.",
        "fr": "Oui, si vos statuts le permettent. Joignez la page qui le dit.",
        "es": "Sí, si sus estatutos lo permiten. Adjunten la página que lo dice.",
    },
)

Told = tuple[dict[str, str], dict[str, str]]


class EnquiryStory:
    """What was asked about one call."""

    def __init__(self, people: People, call: Call) -> None:
        self.people, self.call = people, call

    def ask(self, told: Told | str, at: datetime, *, by: Person | None = None, language: str = "en") -> Enquiry:
        """Somebody asks; a visitor follows the link of the mail a little later."""
        text = told if isinstance(told, str) else told[0][language]
        address = None if by else "curious@example.org"
        origin = secrets.token_hex(8)
        with clock.at(at), transaction():
            asked = actions.ask(self.call, text, by=by, email=address, language=language, origin=origin)
        if by is None:
            with clock.at(at + timedelta(minutes=20)), transaction():
                actions.confirm(asked)
        return asked

    def object(self, text: str, about: str, given: str, at: datetime, *, by: Person) -> Enquiry:
        """Somebody thinks that a “no” of the check is wrong."""
        with clock.at(at), transaction():
            return actions.ask(
                self.call, text, by=by, email=None, language=by.language, origin="", about=about, given=given
            )

    def prepare(self, asked: Enquiry, told: Told, at: datetime) -> None:
        """A coordinator words question and answer in every language of the call."""
        coordinator = self.people["STF-07"]
        with clock.at(at), transaction():
            actions.word(asked, question=told[0], answer=told[1], verdict=None, by=coordinator)
            actions.prepare(asked, by=coordinator)

    def publish(self, at: datetime) -> None:
        """What is ready appears on the page of the call."""
        with clock.at(at), transaction():
            publish_answers(self.call, by=self.people["STF-07"])

    def find_that_they_may_apply(self, asked: Enquiry, answer: dict[str, str], at: datetime) -> None:
        """An objection is right."""
        coordinator = self.people["STF-07"]
        with clock.at(at), transaction():
            actions.word(asked, question={}, answer=answer, verdict=Verdict.MAY_APPLY, by=coordinator)
            actions.answer(asked, by=coordinator)

    def as_usual(self) -> None:
        """Two questions within their time, both published a few days later."""
        until = self.call.questions_until
        assert until is not None
        for told, days, language in ((RENT, 9, "en"), (PARTNERS, 5, "fr")):
            asked = self.ask(told, until - timedelta(days=days), language=language)
            self.prepare(asked, told, until - timedelta(days=2))
        self.publish(until - timedelta(days=1))

    def not_finished(self, today: datetime) -> None:
        """In the call that is open: one answer published, one ready, one question and an objection that wait."""
        until = self.call.questions_until
        assert until is not None
        rent = self.ask(RENT, until - timedelta(days=3))
        sponsor = self.object(
            "Somos una cooperativa de trabajadoras, sin fines de lucro.",
            "kind",
            "Una empresa",
            until - timedelta(days=2),
            by=self.people["USR-DO-1"],
        )
        partners = self.ask(PARTNERS, until - timedelta(days=2), language="es")
        self.ask(SIGNATURE, until - timedelta(hours=8), by=self.people["USR-PE-1"], language="es")
        self.prepare(rent, RENT, today - timedelta(days=3, hours=2))
        self.publish(today - timedelta(days=3))
        self.prepare(partners, PARTNERS, today - timedelta(hours=5))
        answer = {"es": "Una cooperativa sin fines de lucro puede presentarse.", "en": "A cooperative may apply."}
        self.find_that_they_may_apply(sponsor, answer, today - timedelta(days=2))
        self.object(
            "Notre siège est à Dakar, seule notre adresse postale est en France.",
            "country",
            "France",
            today - timedelta(hours=20),
            by=self.people["USR-SN-1"],
        )
