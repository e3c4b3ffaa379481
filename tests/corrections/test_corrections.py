"""A published call is corrected: what may change, what becomes of drafts, what stays with what was sent in."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from grants.accounts.models import Person, Role
from grants.applications import actions as applications
from grants.applications.models import Application
from grants.calls.actions import save_working_copy, storable
from grants.calls.forms import read_call
from grants.calls.models import Correction
from grants.calls.queries import call_for_import, corrections_of, documents_of, working_copy_of, written_documents
from grants.core import clock
from grants.core.db import db, transaction
from grants.core.mail import OutboxMail
from grants.core.revisions import told as in_words
from grants.core.rules import Refused
from grants.corrections.actions import publish_correction
from grants.corrections.rules import changes_of_call
from grants.payments.models import Account
from grants.payments.queries import wrong_totals
from grants.questionnaires.queries import answers_of, definition_of, sections_of, set_aside_in
from grants.reminders.actions import owed
from tests import factories
from tests.applications import sample
from tests.corrections.scene import ANSWERS, OPEN, Scene, questions
from tests.http import Browser
from tests.payments import rows


@pytest.fixture
def scene(app: Flask) -> Scene:
    return Scene()


def told(correction: Correction) -> list[str]:
    """What a correction changed, in words."""
    return [str(sentence) for sentence in in_words(correction.changes)]


# ------------------------------------------------------------------ what becomes of drafts


def test_answers_stay_by_key_and_the_section_is_judged_again(scene: Scene) -> None:
    assert all(row.complete for row in sections_of(scene.draft.answer_sheet_id).values())

    def change(written: dict[str, Any]) -> None:
        questions(written).append({"key": "risk", "type": "longtext", "required": True, "label": "Risks?"})
        questions(written)[0]["label"] = "Name of the action"

    correction = scene.correct(change)
    assert told(correction) == ["The question “Title” now reads: “Name of the action”", "New question: “Risks?”"]
    assert scene.draft.questionnaire_id == scene.call.questionnaire_id
    assert answers_of(scene.draft.answer_sheet)["title"] == "Bridges"
    rows = sections_of(scene.draft.answer_sheet_id)
    assert {key: row.complete for key, row in rows.items()} == {"only": False, "more": True}
    with clock.at(OPEN), pytest.raises(Refused) as refused:
        sample.send_in(scene.draft, by=scene.writer)
    assert [o.code for o in refused.value.obstacles] == ["risk.missing"]


def test_an_answer_whose_question_is_gone_is_set_aside_and_shown_to_its_writer(scene: Scene, browser: Browser) -> None:
    scene.correct(lambda written: questions(written).pop(0))
    db.session.commit()
    assert [(row.question_key, row.answer) for row in set_aside_in(scene.draft.answer_sheet_id)] == [
        ("title", "Bridges")
    ]
    assert "title" not in answers_of(scene.draft.answer_sheet)
    with clock.at(OPEN):
        browser.sign_in(scene.writer)
        browser.open(f"/applications/{scene.draft.reference}")
    assert "Question taken out: “Title”" in browser.text
    assert "Answers that no longer fit" in browser.text
    assert "Bridges" in browser.page.content


def test_a_question_that_moves_takes_its_answer_along(scene: Scene) -> None:
    def change(written: dict[str, Any]) -> None:
        questions(written, 1).append(questions(written).pop(2))

    scene.correct(change)
    rows = sections_of(scene.draft.answer_sheet_id)
    assert rows["more"].values == {"why": "Because", "people": 12}
    assert "people" not in rows["only"].values
    assert not set_aside_in(scene.draft.answer_sheet_id)


def test_a_whole_section_that_goes_sets_its_answers_aside(scene: Scene) -> None:
    scene.correct(lambda written: written["form"]["sections"].pop())
    assert [row.answer for row in set_aside_in(scene.draft.answer_sheet_id)] == ["Because"]


@pytest.mark.parametrize(
    ("key", "asked", "kept", "aside"),
    [
        ("title", {"type": "longtext"}, "Bridges", None),
        ("title", {"type": "integer"}, "Bridges", None),
        ("people", {"type": "text"}, "12", None),
        ("people", {"type": "boolean"}, None, 12),
        ("lot", {"type": "multichoice"}, ["a"], None),
        ("lot", {"type": "text"}, "a", None),
        ("costs", {"type": "text"}, None, ANSWERS["costs"]),
        ("title", {"type": "table", "columns": [{"key": "x", "type": "text", "label": "X"}]}, None, "Bridges"),
    ],
)
def test_another_kind_of_question_keeps_what_fits_and_sets_aside_what_does_not(
    scene: Scene, key: str, asked: dict[str, Any], kept: Any, aside: Any
) -> None:
    def change(written: dict[str, Any]) -> None:
        question = next(q for q in questions(written) if q["key"] == key)
        fitting = {k: v for k, v in question.items() if k in ("key", "label", "required")}
        if asked["type"] == "multichoice":
            fitting["options_from"] = question["options_from"]
        question.clear()
        question.update(fitting | asked)

    scene.correct(change)
    assert answers_of(scene.draft.answer_sheet).get(key) == kept
    rows = set_aside_in(scene.draft.answer_sheet_id)
    assert [row.answer for row in rows] == ([] if aside is None else [aside])


def test_a_column_that_goes_keeps_the_other_columns_and_sets_the_rows_aside(scene: Scene) -> None:
    scene.correct(lambda written: questions(written)[5]["columns"].pop())
    assert answers_of(scene.draft.answer_sheet)["costs"] == [{"what": "Room"}, {"what": "Tea"}]
    assert [row.answer for row in set_aside_in(scene.draft.answer_sheet_id)] == [ANSWERS["costs"]]


def test_what_was_sent_in_stays_with_the_questions_it_answered(scene: Scene, browser: Browser) -> None:
    before = scene.sent.questionnaire_id
    scene.correct(lambda written: questions(written).pop(0))
    db.session.commit()
    assert scene.sent.questionnaire_id == scene.sent.answer_sheet.questionnaire_id == before
    assert answers_of(scene.sent.answer_sheet)["title"] == "Bridges"
    with clock.at(OPEN):
        browser.sign_in(scene.other)
        browser.open(f"/applications/{scene.sent.reference}/read")
    assert "Bridges" in browser.text
    assert "Title" in browser.text


def test_one_taken_up_again_follows_the_correction(scene: Scene) -> None:
    with clock.at(OPEN):
        applications.withdraw(scene.sent, "Not ready", by=scene.other)
    scene.correct(
        lambda written: questions(written).append({"key": "x", "type": "text", "required": True, "label": "X"})
    )
    with clock.at(OPEN):
        applications.resume(scene.sent, by=scene.other)
    assert scene.sent.questionnaire_id == scene.call.questionnaire_id
    assert not sections_of(scene.sent.answer_sheet_id)["only"].complete


# ------------------------------------------------------------------ who is told, and what everybody reads


def test_everybody_who_writes_is_told_once_and_the_public_page_lists_it(scene: Scene, browser: Browser) -> None:
    scene.correct(lambda w: w["call"]["timetable"].update(deadline="2027-06-10T17:00:00+09:00"), reason="Holidays")
    db.session.commit()
    mails = list(db.session.scalars(select(OutboxMail).where(OutboxMail.kind == "call_corrected")))
    assert [mail.to_person_id for mail in mails] == [scene.writer.id]
    with clock.at(OPEN):
        browser.open("/calls/KIZUNA.2027")
    assert "Deadline for applications: 10 June 2027, 17:00, before: 31 May 2027, 17:00" in browser.text
    assert "Why: Holidays" in browser.text


def test_a_later_deadline_takes_applications_until_then(scene: Scene) -> None:
    scene.correct(lambda w: w["call"]["timetable"].update(deadline="2027-06-10T17:00:00+09:00"))
    assert scene.call.closes_at == datetime(2027, 6, 10, 8, 0, tzinfo=UTC)
    questionnaire = scene.draft.questionnaire_id
    with clock.at(datetime(2027, 6, 9, tzinfo=UTC)):
        sample.send_in(scene.draft, by=scene.writer)
    assert scene.draft.questionnaire_id == questionnaire, "the questions did not change"


def test_what_a_process_keeps_of_a_published_call_is_not_older_than_its_correction(scene: Scene) -> None:
    assert documents_of(scene.call)["terms"]["envelope"]["total"] == 5_000_000
    scene.correct(lambda w: w["call"]["envelope"].update(total=6_000_000))
    assert documents_of(scene.call)["terms"]["envelope"]["total"] == 6_000_000
    assert [c.number for c in corrections_of(scene.call)] == [1]


def test_a_form_that_is_read_twice_has_not_changed(app: Flask) -> None:
    written = storable(read_call(Path(__file__).parents[2] / "sample"))
    assert not changes_of_call(written, copy.deepcopy(written))


def test_people_are_reminded_of_a_deadline_that_was_moved_at_its_new_day(scene: Scene) -> None:
    def told(day: datetime) -> set[str]:
        return {str(mail.due_on)[:10] for mail in owed(day) if mail.about == scene.draft.reference}

    assert told(datetime(2027, 5, 30, 12, tzinfo=UTC)) == {"2027-05-31"}
    scene.correct(lambda w: w["call"]["timetable"].update(deadline="2027-06-10T17:00:00+09:00"))
    assert told(datetime(2027, 5, 30, 12, tzinfo=UTC)) == {"2027-06-10"}


# ------------------------------------------------------------------ what may not change

REFUSED: list[tuple[str, Callable[[dict[str, Any]], Any]]] = [
    ("deadline_earlier", lambda w: w["call"]["timetable"].update(deadline="2027-05-20T17:00:00+09:00")),
    ("opened", lambda w: w["call"]["timetable"].update(published_at="2027-04-02T09:00:00+09:00")),
    ("envelope_lowered", lambda w: w["call"]["envelope"]["by_region"][0].update(indicative=4_000_000)),
    ("limits_narrowed", lambda w: w["call"]["grant"].update(max=800_000)),
    ("limits_narrowed", lambda w: w["call"]["grant"]["duration_months"].update(min=2)),
    ("never_changes", lambda w: w["call"]["timetable"].update(timezone="Asia/Seoul")),
    ("lot_removed", lambda w: w["call"]["lots"].pop()),
    ("sent_in", lambda w: w["grid"]["sections"][0]["criteria"][0].update(text="Better?")),
    ("sent_in", lambda w: w["call"]["eligibility"]["rules"].pop()),
    ("nothing_changed", dict.copy),
]


@pytest.mark.parametrize(("code", "change"), REFUSED, ids=[f"{n}-{c[0]}" for n, c in enumerate(REFUSED)])
def test_what_people_count_on_is_not_corrected(
    scene: Scene, code: str, change: Callable[[dict[str, Any]], Any]
) -> None:
    with pytest.raises(Refused) as refused:
        scene.correct(change)
    assert code in [obstacle.code for obstacle in refused.value.obstacles]
    assert scene.call.edition == 1


WIDER: list[Callable[[dict[str, Any]], Any]] = [
    lambda w: w["call"]["grant"].update(max=950_000, min=50_000),
    lambda w: w["call"]["envelope"].update(total=9_000_000),
    lambda w: w["call"]["eligible_countries"].append("NP"),
    lambda w: w["call"]["lots"].append({"id": "f", "title": "Theme f"}),
    lambda w: w["call"]["eligibility"]["rules"][0].update(text="Established in Japan"),
]


@pytest.mark.parametrize("change", WIDER)
def test_what_only_widens_or_explains_is_corrected(scene: Scene, change: Callable[[dict[str, Any]], Any]) -> None:
    assert told(scene.correct(change))
    assert scene.call.edition == 2


def test_after_the_deadline_questions_stay_and_later_dates_may_move(scene: Scene) -> None:
    after = datetime(2027, 6, 2, tzinfo=UTC)
    with pytest.raises(Refused) as refused:
        scene.correct(lambda w: questions(w)[0].update(label="Other"), at=after)
    assert [o.code for o in refused.value.obstacles] == ["closed"]
    with pytest.raises(Refused) as refused:
        scene.correct(
            lambda w: (
                w["call"]["timetable"].update(deadline="2027-06-20T17:00:00+09:00"),
                questions(w)[0].update(label="Title"),
            ),
            at=after,
        )
    assert [o.code for o in refused.value.obstacles] == ["deadline_passed"]


def test_a_correction_needs_a_reason_and_a_sound_wording(scene: Scene) -> None:
    with pytest.raises(Refused, match="reason"):
        scene.correct(lambda w: w["call"]["envelope"].update(total=9_000_000), reason="  ")
    with pytest.raises(Refused) as refused:
        scene.correct(lambda w: w["call"].pop("lots"))
    assert [o.code for o in refused.value.obstacles] == ["incomplete"]


def test_a_correction_cannot_be_changed_afterwards(scene: Scene) -> None:
    correction = scene.correct(lambda w: w["call"]["envelope"].update(total=9_000_000))
    correction.reason = "Another"
    with pytest.raises(Exception, match="is a record"):
        db.session.flush()


# ------------------------------------------------------------------ in the browser, and at once


def test_a_coordinator_writes_and_publishes_a_correction(scene: Scene, browser: Browser) -> None:
    with clock.at(OPEN):
        browser.sign_in(scene.coordinator)
        browser.open("/calls/KIZUNA.2027/manage")
        browser.click("Correct this call")
        browser.click("Questions")
        browser.click("How many?")
        browser.press("Save", {"label-ja": "How many people?", "max": "500"})
        assert "Nobody sees it until you publish the correction." in browser.text
        assert "How many people?" not in [
            str(q.label) for q in definition_of(scene.call.questionnaire_id).questions.values()
        ]
        browser.click("Look at the correction")
        assert "The question “How many?” now reads: “How many people?”" in browser.text
        assert "“How many people?”: not more than 500, before none" in browser.text
        browser.press("Publish the correction", {"reason": ""}, status=422)
        browser.press("Publish the correction", {"reason": "The limit was missing."})
    assert scene.call.edition == 2
    assert working_copy_of(scene.call) is None


def test_an_envelope_raised_by_a_correction_reaches_the_ledger_and_is_never_lowered(
    scene: Scene, browser: Browser
) -> None:
    rows.scene(call=scene.call, account=False, currency="JPY")
    db.session.commit()

    def publish(total: int, status: int) -> None:
        kept = working_copy_of(scene.call)
        written = copy.deepcopy(written_documents(scene.call))
        written["call"]["envelope"]["total"] = total
        for region in written["call"]["envelope"]["by_region"]:
            region["indicative"] = min(region["indicative"], total)
        save_working_copy(scene.call, written, version=kept.version if kept else 0, by=scene.coordinator)
        db.session.commit()
        browser.open("/calls/KIZUNA.2027/correct")
        if status == 302:
            browser.press("Publish the correction", {"reason": "The donor gave more."})
        else:
            page = "/calls/KIZUNA.2027/correct"
            browser.post(page, {"reason": "The donor gave less."}, page=page, status=status)

    def pots() -> dict[str, int]:
        found = select(Account.kind, Account.balance_minor).where(Account.call_id == scene.call.id)
        return dict(db.session.execute(found).all())

    with clock.at(OPEN):
        browser.sign_in(scene.coordinator)
        assert pots() == {"donor": -5_000_000, "envelope": 4_000_000, "committed": 1_000_000}
        publish(6_500_000, 302)
        assert pots() == {"donor": -6_500_000, "envelope": 5_500_000, "committed": 1_000_000}
        assert wrong_totals() == []
        for less in (6_000_000, 900_000):
            publish(less, 409)
            assert "can only be raised" in browser.text
            assert pots()["envelope"] == 5_500_000


@pytest.mark.parametrize("role", [Role.REGIONAL_COORDINATOR, Role.AUDITOR])
def test_others_do_not_correct(scene: Scene, browser: Browser, role: Role) -> None:
    browser.sign_in(factories.person(role))
    browser.get("/calls/KIZUNA.2027/correct", status=403)
    browser.get("/calls/KIZUNA.2027/write", status=403)


def test_of_a_correction_and_a_submission_at_once_either_wins_and_both_stay_right(live: Flask) -> None:
    with transaction():
        scene = Scene(datetime.now(UTC) - timedelta(days=1))
        reference, draft_id, writer_id, coordinator_id = (
            "KIZUNA.2027",
            scene.draft.id,
            scene.writer.id,
            scene.coordinator.id,
        )
    with transaction():
        call = scene.call
        written = copy.deepcopy(written_documents(call))
        questions(written).append({"key": "risk", "type": "text", "required": True, "label": "Risks?"})
        save_working_copy(call, written, version=0, by=db.session.get_one(Person, coordinator_id))
    outcomes: list[str] = []
    start = threading.Barrier(2)

    def correct() -> None:
        with live.app_context():
            found = call_for_import(reference)
            db.session.rollback()
            start.wait()
            try:
                with transaction():
                    publish_correction(found, "A question was missing", by=db.session.get_one(Person, coordinator_id))
                outcomes.append("corrected")
            except Refused as refused:
                outcomes.append(refused.obstacles[0].code)

    def send_in() -> None:
        with live.app_context():
            start.wait()
            try:
                with transaction():
                    sample.send_in(db.session.get_one(Application, draft_id), by=db.session.get_one(Person, writer_id))
                outcomes.append("sent in")
            except Refused as refused:
                outcomes.append(refused.obstacles[0].code)

    threads = [threading.Thread(target=each) for each in (correct, send_in)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) in (["corrected", "risk.missing"], ["corrected", "sent in"]), outcomes
    db.session.expire_all()
    application = db.session.get_one(Application, draft_id)
    asked = definition_of(application.questionnaire_id).questions
    assert ("risk" in asked) == (application.submitted_at is None)
