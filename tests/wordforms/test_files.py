"""Files that people send: other kinds, broken ones, dangerous ones, and forms edited in every way."""

from __future__ import annotations

import io
import random
import time
import zipfile
from typing import Any

import pytest
from flask import Flask
from lxml import etree

from grants.core import word
from grants.core.differences import compared
from grants.core.questions import Definition, parse_definition
from grants.core.word import Unreadable, W
from grants.questionnaires.rules import in_lines
from grants.wordforms import rules
from tests.wordforms.flattened import PART, changed, named, parts_of, with_part, without_controls
from tests.wordforms.test_identity import every_type, read, sample_definition, written

OPEN_DOCUMENT = "application/vnd.oasis.opendocument.text"


def form(answers: dict[str, Any] | None = None, language: str = "en") -> bytes:
    """A form with a question of every type."""
    return written(every_type(), answers or {}, language)


def package(**parts: bytes) -> bytes:
    """A zip with some parts."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return packed.getvalue()


def document(inside: str, before: str = "") -> bytes:
    """A Word file with this in its body."""
    return package(**{PART: f'{before}<w:document xmlns:w="{W}"><w:body>{inside}</w:body></w:document>'.encode()})


def why(content: bytes) -> str:
    """Why a file cannot be read."""
    with pytest.raises(Unreadable) as refused:
        word.read(content)
    assert rules.obstacle_of(refused.value).message
    return refused.value.code


def old_file(inside: bytes) -> bytes:
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000) + inside + bytes(2000)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"Dear all", "not_word"),
        (b"%PDF-1.7 ...", "pdf"),
        (b"{\\rtf1 hello}", "rich_text"),
        (b"\xef\xbb\xbf<!DOCTYPE html><html>", "web_page"),
        (old_file(b"W\0o\0r\0d\0"), "old_word"),
        (old_file("EncryptedPackage".encode("utf-16-le")), "encrypted"),
        (b"PK\x03\x04 cut off", "damaged"),
        (package(mimetype=OPEN_DOCUMENT.encode(), **{"content.xml": b"<x/>"}), "open_document"),
        (package(**{"xl/workbook.xml": b"<x/>"}), "other_office"),
        (package(**{"readme.txt": b"hello"}), "not_word"),
        (package(**{PART: b"<not closed"}), "damaged"),
        (package(**{PART: b"<html/>"}), "damaged"),
        (package(**{PART: b""}), "damaged"),
        (package(**{PART: b"<x/>", "word/vbaProject.bin": b"Auto_Open"}), "macros"),
        (package(**{PART: b"<x/>", "[Content_Types].xml": b"application/vnd.ms-word.document.macroEnabled.main+xml"}), "macros"),
        (b"x" * (word.LARGEST + 1), "too_large"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_form_is_refused_in_words(app: Flask, content: bytes, code: str) -> None:
    assert why(content) == code


def test_every_reason_has_its_words(app: Flask) -> None:
    codes = {"suspicious", "encrypted", "old_word", "macros", "open_document", "pdf", "rich_text", "other_office"}
    assert codes <= rules.REASONS.keys()
    for name, code in (("a.docm", "macros"), ("a.doc", "old_word"), ("a.odt", "open_document"), ("a", "not_word")):
        assert [o.code for o in rules.obstacles_to_naming(name)] == [f"file_{code}"]
    assert not rules.obstacles_to_naming("Our Form (2).DOCX")


def test_nothing_is_expanded_fetched_or_unpacked_into_something_enormous(app: Flask, tmp_path: Any) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret")
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 9))
    for entities in (
        f'<!ENTITY l0 "ha">{laughs}',
        f'<!ENTITY l8 SYSTEM "file://{secret}">',
        '<!ENTITY l8 SYSTEM "http://192.0.2.1/evil">',
    ):
        bad = document("<w:p><w:r><w:t>&l8;</w:t></w:r></w:p>", f"<!DOCTYPE d [{entities}]>")
        assert why(bad) in {"suspicious", "damaged"}
    assert why(document("", '<!DOCTYPE d SYSTEM "http://192.0.2.1/d.dtd">')) == "suspicious"
    before = time.process_time()
    bomb = package(**{PART: b"\0" * (300 * 1024 * 1024)})
    assert len(bomb) < 1024 * 1024
    assert why(bomb) == "suspicious"
    assert why(package(**{f"part{n}.xml": b"" for n in range(6000)})) == "suspicious"
    assert why(document("<w:p>" * 5000 + "</w:p>" * 5000)) == "damaged"
    assert why(document("<w:p/>" * 1_600_000)) == "too_large"
    assert time.process_time() - before < 20


def test_a_form_scribbled_on_anywhere_is_refused_or_read_but_never_fails(app: Flask) -> None:
    content, chance = form({"a_text": "hello"}), random.Random(7)
    told = set()
    for _ in range(300):
        garbled = bytearray(content)
        for _ in range(chance.randint(1, 8)):
            garbled[chance.randrange(len(garbled))] = chance.randrange(256)
        try:
            found = word.read(bytes(garbled[: chance.choice([len(garbled), chance.randrange(len(garbled))])]))
        except Unreadable as refused:
            told.add(str(rules.obstacle_of(refused).message))
        else:
            told.add(str(rules.origin_in(found) is not None))
    assert len(told) > 1


def test_markup_scribbled_on_anywhere_is_refused_or_read_but_never_fails(app: Flask) -> None:
    parts, chance = parts_of(form({"a_text": "hello", "a_repeater": [{"what": "one"}]})), random.Random(11)
    names, text = (
        [b"w:tbl", b"w:tr", b"w:tc", b"w:sdt", b"w:p", b"w:t", b"w:val", b"w14:checkbox", b"S1.Q"],
        parts[PART],
    )
    number = 0
    for _ in range(150):
        bad = text.replace(chance.choice(names), chance.choice(names), chance.randint(1, 400))
        place = chance.randrange(len(bad))
        bad = bad if chance.random() < 0.5 else bad[:place] + bytes([chance.randrange(32, 127)]) + bad[place + 1 :]
        try:
            reading = read(every_type(), with_part(form(), PART, bad))
        except Unreadable:
            continue
        except AssertionError:
            continue  # the line that says which form it is was hit
        number += 1
        found = rules.differences(every_type(), {}, reading, {})
        assert all(in_lines(d.question, d.new, "en", "en") is not None for d in found)
    assert number > 20


def test_ten_thousand_rows_are_read_in_a_moment_and_cut_with_a_word(app: Flask) -> None:
    content = form({"a_repeater": [{"what": "one", "why": None, "many": 1, "much": "2.00"}]})

    def copy_rows(root: Any) -> None:
        row = _row_with(root, "one")
        parent, place = row.getparent(), row.getparent().index(row)
        text = etree.tostring(row)
        for _ in range(10_000):
            parent.insert(place, etree.fromstring(text))

    many = changed(content, copy_rows)
    before = time.process_time()
    reading = read(every_type(), many)
    assert time.process_time() - before < 10
    assert len(reading.answers["a_repeater"]) == 100
    assert any("100" in str(unread.reason) for unread in reading.unread)


def _row_with(root: Any, text: str) -> Any:
    cell = next(t for t in named(root, "t") if t.text == text)
    return next(parent for parent in cell.iterancestors(f"{{{W}}}tr"))


@pytest.mark.parametrize("flat", [False, True])
def test_a_copied_row_and_a_typed_one_are_lines_of_the_table(app: Flask, flat: bool) -> None:
    rows = [{"what": "one", "why": "because\nso", "many": 1, "much": "2.50"}]
    content = form({"a_repeater": rows}, "fr")
    content = without_controls(content) if flat else content

    def copy_row(root: Any) -> None:
        row = _row_with(root, "one")
        twin = etree.fromstring(etree.tostring(row))
        for text in named(twin, "t"):
            text.text = {"one": "two", "1": "1 234", "2,50": "3,5"}.get(text.text, text.text)
        row.addnext(twin)

    reading = read(every_type(), changed(content, copy_row))
    assert reading.answers["a_repeater"] == [
        *rows, {"what": "two", "why": "because\nso", "many": 1234, "much": "3.50"}
    ]  # fmt: skip


def test_two_tables_that_grew_together_are_two_questions(app: Flask) -> None:
    content = form({"a_text": "first", "a_email": "name@example.org", "a_phone": "+221 33 123 45 67"})

    def join(root: Any) -> None:
        body = named(root, "body")[0]
        tables = [element for element in body if element.tag == f"{{{W}}}tbl"]
        for table in tables[1:3]:
            for row in table.findall(f"{{{W}}}tr"):
                tables[0].append(row)
            body.remove(table)

    for joined in (changed(content, join), changed(without_controls(content), join)):
        reading = read(every_type(), joined)
        assert reading.answers["a_text"] == "first"
        assert reading.answers["a_email"] == "name@example.org"
        assert reading.answers["a_phone"] == "+221 33 123 45 67"


def test_a_question_that_was_deleted_says_nothing_and_is_told(app: Flask) -> None:
    content = form({"a_text": "first", "a_email": "name@example.org"})

    def remove(root: Any) -> None:
        table = next(t for t in named(root, "tbl") if "first" in "".join(t.itertext()))
        table.getparent().remove(table)

    reading = read(every_type(), changed(content, remove))
    assert [question.key for question in reading.absent] == ["a_text"]
    assert "a_text" not in reading.answers
    assert reading.answers["a_email"] == "name@example.org"


def test_an_answer_that_names_another_question_stays_an_answer(app: Flask) -> None:
    for mark in ("see [S1.Q1]", "see [S2.Q3]"):
        reading = read(every_type(), form({"a_longtext": mark, "a_text": "mine"}))
        assert reading.answers["a_longtext"] == mark
        assert reading.answers["a_text"] == "mine"


def put(content: bytes, where: str, xml: str) -> bytes:
    """The form with markup in place of the run that says ``where``."""

    def change(root: Any) -> None:
        run = next(t for t in named(root, "t") if t.text == where).getparent()
        for element in etree.fromstring(f'<x xmlns:w="{W}">{xml}</x>'):
            run.addprevious(element)
        run.getparent().remove(run)

    return changed(content, change)


def run(text: str) -> str:
    return f"<w:r><w:t>{text}</w:t></w:r>"


@pytest.mark.parametrize(
    ("xml", "expected"),
    [
        (run("one ") + run("two"), "one two"),
        (f"<w:ins>{run('added')}</w:ins><w:del><w:r><w:delText>gone</w:delText></w:r></w:del>", "added"),
        (f"<w:hyperlink>{run('a link')}</w:hyperlink>", "a link"),
        ("<w:r><w:t>a</w:t><w:br/><w:t>b</w:t><w:noBreakHyphen/><w:t>c</w:t></w:r>", "a\nb-c"),
        ("<w:r><w:t>tab</w:t><w:tab/><w:t>bed</w:t></w:r>", "tab\tbed"),
        (f"<w:sdt><w:sdtPr><w:showingPlcHdr/></w:sdtPr><w:sdtContent>{run('Click here')}</w:sdtContent></w:sdt>", None),
        (f'<w:fldSimple w:instr="DATE">{run("today")}</w:fldSimple>', "today"),
    ],
)
def test_what_editing_leaves_behind_is_read_as_people_see_it(app: Flask, xml: str, expected: str | None) -> None:
    content = form({"a_longtext": "HERE"})
    assert read(every_type(), put(content, "HERE", xml)).answers["a_longtext"] == expected


@pytest.mark.parametrize(
    ("key", "typed", "language", "expected"),
    [
        ("a_boolean", "oui", "fr", True),
        ("a_boolean", "NO", "en", False),
        ("a_choice", "texte two", "en", "two"),
        ("a_choice", "two", "fr", "two"),
        ("a_choice", "Two or three", "en", "Two or three"),
        ("a_country", "Sénégal", "fr", "SN"),
        ("a_country", "senegal", "en", "SN"),
        ("a_date", "31/05/2027", "en", "2027-05-31"),
        ("a_date", "1er juin 2027", "fr", "2027-06-01"),
        ("a_date", "Tuesday, 1 June 2027", "en", "2027-06-01"),
        ("a_date", "3 de junio de 2027", "es", "2027-06-03"),
        ("a_date", "٢٠٢٧-٠٦-٠١", "ar", "2027-06-01"),
        ("a_date", "31/02/2027", "en", "31/02/2027"),
        ("a_money", "EUR 1,250.50", "en", "1250.50"),
        ("a_money", "1 250,50 €", "fr", "1250.50"),
        ("a_money", "more or less 5", "en", "more or less 5"),
        ("a_percent", "12,5 %", "fr", "12.5"),
        ("a_integer", "٤٢", "ar", 42),
        ("a_month_range", "1 – 3", "en", "1-3"),
        ("a_text", "  a\tname \u202e", "en", "a name"),
    ],
)
def test_what_people_type_into_a_place_is_understood(
    app: Flask, key: str, typed: str, language: str, expected: Any
) -> None:
    place = {"a_boolean": True, "a_date": "2000-01-02", "a_money": "7.00", "a_percent": "7", "a_integer": 7}
    first = place.get(key, {"a_choice": "one", "a_country": "MX", "a_month_range": "7-7"}.get(key, "HERE"))
    content = form({key: first}, language)

    def type_it(root: Any) -> None:
        mark = rules.marks_of(every_type())[key]
        control = next(p for p in named(root, "sdtPr") if any(e.get(f"{{{W}}}val") == mark for e in p)).getparent()
        for text in named(control, "t"):
            text.text = typed

    for edited in (changed(content, type_it), without_controls(changed(content, type_it))):
        assert read(every_type(), edited).answers[key] == expected


def test_choices_may_be_ticked_or_written(app: Flask) -> None:
    flat = without_controls(form({"a_multichoice": ["one"]}))

    def tick(root: Any) -> None:
        for text in named(root, "t"):
            if text.text == " Text two":
                before = text.getparent().getprevious()
                next(iter(named(before, "t"))).text = "[x]"

    assert read(every_type(), changed(flat, tick)).answers["a_multichoice"] == ["one", "two"]

    def write(root: Any) -> None:
        for text in named(root, "t"):
            if text.text in (word.TICKED, word.UNTICKED):
                text.text = ""

    lost = read(every_type(), changed(flat, write))
    assert "a_multichoice" not in lost.answers
    assert any(unread.question and unread.question.key == "a_multichoice" for unread in lost.unread)


def test_a_text_without_end_and_a_picture_are_told_and_not_taken(app: Flask) -> None:
    reading = read(every_type(), form({"a_longtext": "long " * 5000, "a_text": "HERE"}))
    assert "a_longtext" not in reading.answers
    assert [unread.question.key for unread in reading.unread if unread.question] == ["a_longtext"]
    pictured = put(form({"a_text": "HERE"}), "HERE", f"<w:r><w:drawing/></w:r>{run('text')}")
    reading = read(every_type(), pictured)
    assert reading.answers["a_text"] == "text"
    assert len(reading.unread) == 1


def test_columns_that_changed_places_are_known_by_their_headings(app: Flask) -> None:
    content = without_controls(form({"a_repeater": [{"what": "one", "why": "w", "many": 5, "much": "2.00"}]}))

    def turn_round(root: Any) -> None:
        table = next(t for t in named(root, "tbl") if "Text repeater" in "".join(t.itertext()))
        for row in named(table, "tr")[1:]:
            for cell in reversed(row.findall(f"{{{W}}}tc")):
                row.append(cell)

    reading = read(every_type(), changed(content, turn_round))
    assert reading.answers["a_repeater"] == [{"what": "one", "why": "w", "many": 5, "much": "2.00"}]


def test_a_form_of_nothing_known_is_no_form(app: Flask) -> None:
    assert rules.origin_in(word.read(document("<w:p/>"))) is None
    assert (
        rules.origin_in(word.read(document(f"<w:p>{run('[[call=X; form=Y; version=z; language=en]]')}</w:p>"))) is None
    )
    origin = rules.origin_in(word.read(form()))
    assert origin is not None
    for call, name, known, code in (
        ("OTHER", "Q", True, "other_call"),
        ("CALL-1", "OTHER", True, "other_form"),
        ("CALL-1", "Q", False, "other_form"),
    ):
        assert [o.code for o in rules.obstacles_to_comparing(origin, call, name, ["en"], known=known)] == [code]
    assert not rules.obstacles_to_comparing(origin, "CALL-1", "Q", ["en"], known=True)
    assert rules.obstacles_to_comparing(origin, "CALL-1", "Q", ["fr"], known=True)


def test_the_file_is_what_word_processors_expect(app: Flask) -> None:
    definition: Definition = sample_definition()
    for language in ("en", "ar"):
        parts = parts_of(written(definition, {}, language))
        for name, content in parts.items():
            etree.fromstring(content)
            assert name in ("[Content_Types].xml", "_rels/.rels") or b"/" + name.encode() in parts["[Content_Types].xml"] or name.endswith(".rels")  # fmt: skip
        root = etree.fromstring(parts[PART])
        tags = [e.get(f"{{{W}}}val") for e in named(root, "tag")] + [e.get(f"{{{W}}}val") for e in named(root, "alias")]
        assert max(map(len, tags)) <= word.LONGEST_TAG
        assert set(definition.questions) <= set(tags)
        ids = [e.get(f"{{{W}}}val") for about in named(root, "sdtPr") for e in about.findall(f"{{{W}}}id")]
        assert len(ids) == len(set(ids))
        for offered in named(root, "dropDownList"):
            for said in ("displayText", "value"):
                words = [e.get(f"{{{W}}}{said}") for e in offered]
                assert len(words) == len(set(words))
                assert all(words)
                assert max(map(len, words)) <= word.LONGEST_CHOICE + 5
        for cell in named(root, "tc"):
            assert cell[-1].tag == f"{{{W}}}p"
        for row in named(root, "tr"):
            assert not row.findall(f"{{{W}}}sdt")
        assert bool(named(root, "bidiVisual")) == (language == "ar")
        assert len(written(definition, {}, language)) < 60_000
    assert written(definition, {}, "en") == written(definition, {}, "en")


def test_a_later_version_of_the_form_takes_what_still_fits(app: Flask) -> None:
    then = every_type()
    raw: dict[str, Any] = {
        "id": "Q",
        "version": 2,
        "languages": ["en"],
        "title": "Form",
        "sections": [
            {
                "id": "only",
                "title": "Only",
                "questions": [
                    {"key": "a_text", "type": "text", "label": "Text text"},
                    {"key": "a_email", "type": "email", "label": "Another wording"},
                    {"key": "a_phone", "type": "integer", "label": "Text phone"},
                    {"key": "a_new", "type": "text", "label": "New"},
                ],
            }
        ],
    }
    now = parse_definition(raw)
    given = {"a_text": "one", "a_email": "a@example.org", "a_phone": "+221 33 123", "a_longtext": "gone"}
    reading = read(then, written(then, given, "en"))
    fit = rules.fitted(reading, then, now)
    assert reading.answers["a_text"] == "one"
    assert reading.answers["a_email"] == "a@example.org"
    assert "a_phone" not in reading.answers
    assert [unread.question.key for unread in reading.unread if unread.question] == ["a_phone"]
    assert "a_longtext" in [question.key for question in fit.gone]
    assert "a_email" in [question.key for question in fit.reworded]
    assert [question.key for question in fit.added] == ["a_new"]
    assert {d.question.key for d in rules.differences(now, {}, reading, None)} == {"a_text", "a_email"}


def test_what_was_not_touched_in_the_file_never_undoes_what_was_written_on_the_website(app: Flask) -> None:
    definition = every_type()
    then = {"a_text": "then", "a_email": "then@example.org", "a_phone": "+221 33 123 45", "a_longtext": "then"}
    now = {"a_text": "now", "a_email": "now@example.org", "a_phone": "+221 33 123 45", "a_longtext": "then"}
    mine = {"a_text": "then", "a_email": "mine@example.org", "a_phone": None, "a_longtext": "mine"}
    reading = read(definition, written(definition, mine, "en"))
    found = {d.question.key: d for d in rules.differences(definition, now, reading, then)}
    assert {key: (d.kind, d.proposed) for key, d in found.items()} == {
        "a_email": ("both_changed", False),
        "a_phone": ("emptied", False),
        "a_longtext": ("changed", True),
    }
    blank = read(definition, written(definition, {"a_phone": None, "a_text": "mine"}, "en"))
    found = {d.question.key: d for d in rules.differences(definition, now, blank, None)}
    assert {key: (d.kind, d.proposed) for key, d in found.items()} == {"a_text": ("changed", True)}


def test_differences_are_shown_word_by_word(app: Flask) -> None:
    old, new = compared(["We work in Dakar."], ["We work in Kayes.", "And Bamako."])
    assert old == [[("We work in ", False), ("Dakar.", True)]]
    assert new == [[("We work in ", False), ("Kayes.", True)], [("And Bamako.", True)]]
