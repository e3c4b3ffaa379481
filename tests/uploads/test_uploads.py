"""Files that arrive piece by piece: nothing is lost, nothing is doubled, nothing wrong gets in."""

from __future__ import annotations

import random
import threading
from datetime import timedelta
from pathlib import Path

import pikepdf
import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from grants.accounts.models import Person
from grants.applications import actions as applications
from grants.applications.models import Application
from grants.applications.queries import attachments_of
from grants.calls.models import DocumentAsked
from grants.core import clock, files
from grants.core.contents import LARGEST
from grants.core.db import db, transaction
from grants.core.rules import Refused
from grants.uploads import actions, rules, tasks
from grants.uploads.models import Upload, UploadState
from tests.applications import documents
from tests.uploads import photographs
from tests.uploads.rows import IN_TIME, announced, desk, sent, sha256


def padded(size: int) -> bytes:
    """A real PDF of about this size, that no two calls make alike."""
    document = pikepdf.new()
    document.add_blank_page()
    document.Root.Noise = pikepdf.Stream(document, random.Random(size).randbytes(size))
    return photographs.saved(document, static_id=True)


def codes(refusal: pytest.ExceptionInfo[Refused]) -> list[str]:
    return [obstacle.code for obstacle in refusal.value.obstacles]


def test_a_file_in_pieces_is_attached_as_it_was(app: Flask) -> None:
    at, content = desk(), padded(100_000)
    upload = sent(announced(at, content), content)
    actions.finish(upload, by=at.owner)
    (attachment,) = attachments_of(at.application)
    assert attachment.file is not None
    assert files.read(attachment.file) == content
    assert (attachment.file.name, attachment.attached_by_id) == ("statutes.pdf", at.owner.id)


def test_finishing_twice_attaches_once(app: Flask) -> None:
    at, content = desk(), padded(20_000)
    upload = sent(announced(at, content), content)
    actions.finish(upload, by=at.owner)
    actions.finish(upload, by=at.owner)
    assert len(attachments_of(at.application)) == 1


def test_the_same_file_announced_again_goes_on_where_it_stopped(app: Flask) -> None:
    at, content = desk(), padded(100_000)
    upload = announced(at, content)
    actions.receive(upload, 0, content[:40_000], sha256(content[:40_000]))
    with clock.at(clock.now() + rules.LIFE - timedelta(minutes=1)):
        again = announced(at, content)
    assert again.id == upload.id
    assert again.received == 40_000


def test_after_its_life_an_upload_begins_anew(app: Flask) -> None:
    at, content = desk(), padded(100_000)
    upload = announced(at, content)
    actions.receive(upload, 0, content[:40_000], sha256(content[:40_000]))
    with clock.at(clock.now() + rules.LIFE + timedelta(minutes=1)):
        again = announced(at, content)
    assert again.id != upload.id
    assert again.received == 0


def test_a_piece_in_the_wrong_place_is_told_where_the_right_one_is(app: Flask) -> None:
    at, content = desk(), padded(100_000)
    upload = announced(at, content)
    actions.receive(upload, 0, content[:40_000], sha256(content[:40_000]))
    for start in (0, 20_000, 39_999, 40_001, 90_000):
        with pytest.raises(actions.Misplaced) as misplaced:
            actions.receive(upload, start, content[start : start + 20_000], sha256(content[start : start + 20_000]))
        assert misplaced.value.received == 40_000
    assert upload.received == 40_000


def test_a_garbled_piece_changes_nothing(app: Flask) -> None:
    at, content = desk(), padded(100_000)
    upload = announced(at, content)
    with pytest.raises(Refused) as refusal:
        actions.receive(upload, 0, content[:40_000], sha256(b"something else"))
    assert codes(refusal) == ["part_garbled"]
    assert upload.received == 0


@pytest.mark.parametrize("size", [0, 1, rules.SMALLEST_PART - 1, rules.LARGEST_PART + 1])
def test_a_piece_is_neither_dust_nor_a_mountain(app: Flask, size: int) -> None:
    at, content = desk(), padded(rules.LARGEST_PART + 50_000)
    with pytest.raises(Refused) as refusal:
        actions.receive(announced(at, content), 0, content[:size], sha256(content[:size]))
    assert "part_size" in codes(refusal)


def test_more_than_was_announced_is_refused(app: Flask) -> None:
    at, content = desk(), padded(40_000)
    with pytest.raises(Refused) as refusal:
        actions.receive(announced(at, content), 0, content + b"x", sha256(content + b"x"))
    assert "part_beyond_end" in codes(refusal)


def test_a_file_is_not_finished_before_it_is_whole(app: Flask) -> None:
    at, content = desk(), padded(40_000)
    with pytest.raises(Refused) as refusal:
        actions.finish(announced(at, content), by=at.owner)
    assert codes(refusal) == ["upload_unfinished"]


def test_a_file_that_is_not_the_one_announced_is_not_attached(app: Flask) -> None:
    at, content = desk(), padded(40_000)
    other = content[:-1] + b"!"
    upload = sent(announced(at, content), other)
    with pytest.raises(Refused) as refusal:
        actions.finish(upload, by=at.owner)
    assert codes(refusal) == ["upload_garbled"]
    assert attachments_of(at.application) == []


def test_a_program_called_pdf_is_known_by_its_first_piece(app: Flask) -> None:
    at, content = desk(), b"MZ" + bytes(300_000)
    upload = announced(at, content)
    with pytest.raises(Refused) as refusal:
        actions.receive(upload, 0, content[:20_000], sha256(content[:20_000]))
    assert codes(refusal) == ["file_content"]


def test_what_only_the_whole_file_shows_is_refused_at_the_end(app: Flask) -> None:
    at, content = desk(), photographs.pdf_with("JavaScript")
    upload = sent(announced(at, content), content)
    with pytest.raises(Refused) as refusal:
        actions.finish(upload, by=at.owner)
    assert codes(refusal) == ["file_runs"]
    assert attachments_of(at.application) == []


@pytest.mark.parametrize(
    ("announcement", "code"),
    [
        ({"size": 100 * 1024 * 1024}, "file_too_large"),
        ({"size": LARGEST + 1}, "file_too_large"),
        ({"size": 0}, "file_empty"),
        ({"size": -5}, "file_empty"),
        ({"name": "statutes.exe"}, "file_kind"),
        ({"name": "statutes.pdf.svg"}, "file_kind"),
        ({"name": "fdp.\u202eexe"}, "file_kind"),
        ({"fingerprint": "../../etc/passwd"}, "fingerprint_unreadable"),
        ({"fingerprint": "A" * 64}, "fingerprint_unreadable"),
        ({"is_page": True, "name": "letter.docx"}, "file_kind"),
    ],
)
def test_what_cannot_be_taken_is_said_before_the_first_byte_travels(app: Flask, announcement: dict, code: str) -> None:
    at = desk()
    values = {"name": "a.pdf", "size": 5000, "fingerprint": "a" * 64, "is_page": False} | announcement
    with pytest.raises(Refused) as refusal:
        actions.begin(at.application, at.document, by=at.owner, **values)
    assert codes(refusal) == [code]


def test_photographs_are_only_joined_for_a_document_taken_as_a_pdf(app: Flask) -> None:
    at = desk("xlsx")
    with pytest.raises(Refused) as refusal:
        announced(at, photographs.photograph(), "page.jpg", is_page=True)
    assert codes(refusal) == ["no_pages"]


def test_nothing_is_begun_or_finished_once_the_application_was_taken_back(app: Flask) -> None:
    at, content = desk(), padded(20_000)
    upload = sent(announced(at, content), content)
    applications.withdraw(at.application, "No longer", by=at.owner)
    for act in (lambda: actions.finish(upload, by=at.owner), lambda: announced(at, padded(30_000))):
        with pytest.raises(Refused) as refusal:
            act()
        assert codes(refusal) == ["not_draft"]


def test_what_one_person_has_on_its_way_is_bounded(app: Flask) -> None:
    at = desk()

    def begin(n: int, size: int = 5000) -> Upload:
        return actions.begin(at.application, at.document, name="a.pdf", size=size, fingerprint=f"{n:064x}", by=at.owner)

    for n in range(rules.MOST_OPEN_BYTES // LARGEST):
        begin(n, LARGEST)
    with pytest.raises(Refused) as refusal:
        begin(100)
    assert codes(refusal) == ["too_much_on_the_way"]
    for upload in db.session.scalars(select(Upload)).all():
        actions.set_aside(upload)
    for n in range(rules.MOST_OPEN):
        begin(n)
    with pytest.raises(Refused) as refusal:
        begin(100)
    assert codes(refusal) == ["too_much_on_the_way"]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(16_384, 60_000), st.sampled_from(["", "lost", "garbled", "again"])), min_size=1))
def test_however_the_line_drops_the_file_arrives_whole(app: Flask, way: list[tuple[int, str]]) -> None:
    at, content = desk(), padded(150_000)
    known = 0
    for size, trouble in way:
        upload = announced(at, content)
        part = content[known : known + size]
        try:
            if trouble == "garbled":
                with pytest.raises(Refused):
                    actions.receive(upload, known, part, sha256(part + b"?"))
            else:
                received = actions.receive(upload, known, part, sha256(part))
                known = known if trouble == "lost" else received
            if trouble == "again":
                actions.receive(upload, known - len(part), part, sha256(part))
        except actions.Misplaced as misplaced:
            known = misplaced.received
        if known >= len(content):
            break
    upload = sent(announced(at, content), content)
    actions.finish(upload, by=at.owner)
    stored = attachments_of(at.application)[0].file
    assert stored is not None
    assert files.read(stored) == content


def test_two_windows_send_the_same_file_and_it_arrives_once(live: Flask) -> None:
    content = padded(600_000)
    with transaction():
        at = desk()
        owner, application_id, document_id = at.owner.id, at.application.id, at.document.id
    trouble: list[BaseException] = []

    def window() -> None:
        with live.app_context():
            try:
                _send_all(owner, application_id, document_id, content)
            except BaseException as error:  # noqa: BLE001 - told to the test below
                trouble.append(error)
            finally:
                db.session.remove()

    windows = [threading.Thread(target=window) for _ in range(3)]
    for one in windows:
        one.start()
    for one in windows:
        one.join()
    assert not trouble
    (attachment,) = attachments_of(db.session.get_one(Application, application_id))
    assert attachment.file is not None
    assert files.read(attachment.file) == content
    assert db.session.scalar(select(func.count()).select_from(Upload)) == 1


def _send_all(owner: int, application_id: int, document_id: int, content: bytes) -> None:
    def upload() -> Upload:
        by = db.session.get_one(Person, owner)
        application = db.session.get_one(Application, application_id)
        asked = db.session.get_one(DocumentAsked, document_id)
        return actions.begin(application, asked, name="a.pdf", size=len(content), fingerprint=sha256(content), by=by)

    with transaction():
        mine = upload().id
    known = 0
    while known < len(content):
        part = content[known : known + 32_768]
        try:
            with transaction():
                known = actions.receive(db.session.get_one(Upload, mine), known, part, sha256(part))
        except actions.Misplaced as misplaced:
            known = misplaced.received
        except Refused:
            break  # another window has finished it
    with transaction():
        actions.finish(db.session.get_one(Upload, mine), by=db.session.get_one(Person, owner))


def test_parts_are_cleared_away_when_a_file_is_attached_and_when_nobody_goes_on(live: Flask, tmp_path: Path) -> None:
    def parts() -> list[Path]:
        return [path for path in (tmp_path / "files" / "parts").rglob("*") if path.is_file()]

    content = padded(100_000)
    with transaction():
        at = desk()
        upload = sent(announced(at, content), content)
        left = announced(at, padded(90_000), "left.pdf")
        sent(left, padded(90_000)[:49_152])
    assert len(parts()) == 7 + 3
    with transaction():
        actions.finish(upload, by=at.owner)
    assert len(parts()) == 3
    with clock.at(clock.now() + rules.LIFE + timedelta(hours=1)):
        assert tasks.clear_now() == 2
    assert parts() == []
    assert db.session.scalars(select(Upload.state)).all() == []


def test_an_upload_given_up_takes_nothing_more(app: Flask) -> None:
    at, content = desk(), padded(100_000)
    upload = announced(at, content)
    actions.set_aside(upload)
    assert upload.state == UploadState.SET_ASIDE
    with pytest.raises(Refused) as refusal:
        actions.receive(upload, 0, content[:40_000], sha256(content[:40_000]))
    assert codes(refusal) == ["upload_over"]


def test_a_kept_document_is_given_without_being_sent_again_and_stays_when_it_is_removed(app: Flask) -> None:
    at = desk()
    content = documents.real_pdf()
    kept = files.keep("statutes.pdf", content, ["pdf"])
    with clock.at(IN_TIME):
        attachment = applications.attach_kept(at.application, at.document, kept, by=at.owner)
        assert applications.attach_kept(at.application, at.document, kept, by=at.owner).id == attachment.id
    files.forget(kept)
    assert attachment.file is not None
    assert files.read(attachment.file) == content
    at.document.formats = ["xlsx"]
    with pytest.raises(Refused):
        applications.attach_kept(at.application, at.document, attachment.file, by=at.owner)


def test_a_call_may_take_fewer_and_smaller_files_for_a_document(app: Flask) -> None:
    at = desk()
    at.document.largest_mb, at.document.most_files = 1, 2
    with pytest.raises(Refused) as refusal:
        announced(at, padded(1_200_000))
    assert codes(refusal) == ["file_too_large"]
    with pytest.raises(Refused) as refusal:
        applications.attach(at.application, at.document, "a.pdf", padded(1_200_000), by=at.owner)
    assert "larger than 1 MB" in str(refusal.value.obstacles[0].message)
    for n in range(2):
        applications.attach(at.application, at.document, "a.pdf", padded(20_000 + n), by=at.owner)
    with pytest.raises(Refused) as refusal:
        applications.attach(at.application, at.document, "a.pdf", padded(30_000), by=at.owner)
    assert codes(refusal) == ["too_many_files"]
    assert "2 files" in str(refusal.value.obstacles[0].message)
