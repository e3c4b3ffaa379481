"""Calls of the demonstration: published, applied to, checked and reviewed as the sample files tell."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import select

from grants.accounts.models import Person
from grants.applications import actions as applications
from grants.applications.models import Application
from grants.calls import actions as calls
from grants.calls.forms import read_call
from grants.calls.models import Call, DocumentAsked
from grants.calls.queries import written_documents
from grants.checks import actions as checks
from grants.checks.models import Finding, Outcome
from grants.conflicts.models import Grade
from grants.core import clock
from grants.core.db import db, transaction
from grants.corrections import actions as corrections
from grants.demo import sample
from grants.demo.people import People
from grants.questionnaires import queries as questionnaires
from grants.reviews import actions as reviews
from grants.reviews.models import Assignment, Recommendation

Say = Callable[[str], None]


class CallStory:
    """One call of the demonstration, told from the sample files moved by ``days``.

    ``references`` maps the files' application references to those that people see in this call.
    """

    def __init__(self, people: People, reference: str, days: int, references: dict[str, str]) -> None:
        self.people, self.reference, self.days, self.references = people, reference, days, references
        self.call: Call
        self.applications: dict[str, Application] = {}

    def moment(self, told: datetime | date | str) -> datetime:
        """A moment of the files, moved; a day is taken at noon."""
        if isinstance(told, str):
            told = datetime.fromisoformat(told)
        elif not isinstance(told, datetime):
            told = datetime.combine(told, time(12), UTC)
        return (told + timedelta(days=self.days)).astimezone(UTC)

    def publish(self, title: dict[str, str] | None = None) -> None:
        """Import and publish the call on its opening day, under its own title or that of the files."""
        definition = self.written()
        definition["call"]["title"] = title or definition["call"]["title"]
        opens = self.moment(sample.read("call")["call"]["timetable"]["published_at"])
        coordinator = self.people["STF-07"]
        with clock.at(opens - timedelta(days=3)), transaction():
            self.call = calls.import_call(definition, by=coordinator)
        with clock.at(opens - timedelta(days=1)), transaction():
            calls.publish(self.call, by=coordinator)

    def written(self) -> dict[str, Any]:
        """The documents of the call, as the files have them, on its own days."""
        definition: dict[str, Any] = sample.moved(read_call(sample.FOLDER), self.days)
        definition["call"]["id"] = self.reference
        return definition

    def correct(self, question: str, moment: datetime, reason: str, **limits: int) -> None:
        """Correct the limits of a question of the published call."""
        written = copy.deepcopy(written_documents(self.call))
        for section in written["form"]["sections"]:
            for asked in section["questions"]:
                asked.update(limits if asked["key"] == question else {})
        coordinator = self.people["STF-07"]
        with clock.at(moment), transaction():
            calls.save_working_copy(self.call, written, version=0, by=coordinator)
            corrections.publish_correction(self.call, reason, by=coordinator)

    def apply(self, say: Say) -> None:
        """Every application is started, filled and submitted by its organization."""
        for entry in sample.read("applications")["applications"]:
            if entry["id"] in self.references:
                submitted = self.moment(entry["submitted_at"])
                with clock.at(submitted - timedelta(days=9)), transaction():
                    application = self.start(entry)
                with clock.at(submitted - timedelta(hours=3)), transaction():
                    self.fill(application, entry)
                with clock.at(submitted), transaction():
                    read = applications.fingerprint_now(application)
                    applications.submit(application, read=read, by=self.people.member_of(entry["organization"]))
                self.applications[entry["id"]] = application
                say(f"{application.reference} submitted")

    def start(self, entry: dict[str, Any]) -> Application:
        """Open the draft."""
        organization = self.people.organizations[entry["organization"]]
        by = self.people.member_of(entry["organization"])
        reference = self.references[entry["id"]]
        return applications.start(self.call, organization, language=entry["language"], by=by, reference=reference)

    def fill(self, application: Application, entry: dict[str, Any], sections: int | None = None) -> None:
        """Answer the first ``sections`` sections (default: all) and attach the documents."""
        answers = self.answers(entry)
        definition = questionnaires.definition_of(self.call.questionnaire_id)
        for section in definition.sections[:sections]:
            values = {q.key: answers.get(q.key) for q in section.questions if q.type != "files"}
            if values:
                by = self.people.member_of(entry["organization"], 2)
                applications.save_section(application, section.key, values, by=by, version=None)
        if sections is None:
            self._attach(application, entry, answers["annexes"])

    def answers(self, entry: dict[str, Any]) -> dict[str, Any]:
        """What an application says, as the files have it, on the days of this call."""
        told = sample.read(entry["answers_file"].removesuffix(".yaml"))["answers"]
        moved: dict[str, Any] = sample.moved(told, self.days)
        return moved | {"org_founded_on": told["org_founded_on"]}

    def _attach(self, application: Application, entry: dict[str, Any], annexes: list[dict[str, Any]]) -> None:
        asked = {
            d.key: d for d in db.session.scalars(select(DocumentAsked).where(DocumentAsked.call_id == self.call.id))
        }
        by = self.people.member_of(entry["organization"])
        owner = self.people.organizations[entry["organization"]].name
        for annex in annexes:
            document = asked[annex["key"]]
            if annex["status"] == "withheld":
                applications.withhold(application, document, annex["reason"], by=by)
            elif annex.get("file"):
                kind = annex["file"].rsplit(".", 1)[-1]
                content = sample.document(kind, document.label["en"], owner)
                applications.attach(application, document, annex["file"], content, by=by)

    def check(self, moment: datetime | None = None) -> None:
        """The coordinators of each region check eligibility; what the machine leaves open they judge with a reason."""
        for application in self.applications.values():
            coordinator = self.coordinator_of(application)
            until = moment or self.moment(sample.read("call")["call"]["timetable"]["administrative_check_until"])
            with clock.at(until), transaction():
                checks.check_eligibility(application, by=coordinator)
                for finding in self._open_findings(application):
                    reason = "Seen by a member of staff: the reason given is accepted."
                    checks.judge(finding, Outcome.PASSED, reason, by=coordinator)
                checks.find_eligible(application, by=coordinator)

    def _open_findings(self, application: Application) -> list[Finding]:
        found = select(Finding).where(Finding.application_id == application.id, Finding.outcome != Outcome.PASSED)
        return list(db.session.scalars(found))

    def coordinator_of(self, application: Application) -> Person:
        """The first coordinator of the application's region."""
        number = {"AFR": "01", "ASI": "03", "LAC": "05"}[application.region or "AFR"]
        return self.people[f"STF-{number}"]

    def review(
        self, say: Say, rounds: tuple[int, ...] = (1, 2), unfinished: frozenset[tuple[str, str]] = frozenset()
    ) -> None:
        """Assign and write the reviews of the files; ``unfinished`` ones are assigned and accepted only."""
        due = self.call.reviews_due_on or clock.now().date()
        for number in rounds:
            begin = datetime.combine(due, time(8), UTC) - timedelta(days=14 if number == 1 else 5)
            entries = [r for r in sample.read("reviews")["reviews"] if r["round"] == number]
            entries = [r for r in entries if r["application"] in self.applications]
            for hour, entry in enumerate(entries):
                application = self.applications[entry["application"]]
                reviewer = self.people[entry["reviewer"]]
                coordinator = self.coordinator_of(application)
                with clock.at(begin + timedelta(hours=hour)), transaction():
                    assignment = reviews.assign(application, reviewer, due_on=due, by=coordinator, round=number)
                with clock.at(begin + timedelta(days=1, hours=hour)), transaction():
                    reviews.accept(assignment, grade=Grade.NONE, reason="", by=reviewer)
                if (entry["application"], entry["reviewer"]) not in unfinished:
                    with clock.at(begin + timedelta(days=2, hours=hour)), transaction():
                        self._write(assignment, entry, reviewer)
            say(f"{len(entries)} reviews of round {number}")

    def _write(self, assignment: Assignment, entry: dict[str, Any], reviewer: Person) -> None:
        scores = {key: (value, entry["reasons"].get(key, "")) for key, value in entry["scores"].items()}
        reviews.save_review(
            assignment,
            scores=scores,
            summary=entry["summary"],
            for_applicant=entry["for_applicant"],
            recommendation=Recommendation(entry["recommendation"]),
            by=reviewer,
        )
        reviews.submit_review(assignment, by=reviewer)
