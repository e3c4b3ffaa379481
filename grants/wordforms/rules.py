"""The form of a call as a Word document, and what a filled one says: its answers, and what differs from the saved ones.

Every question is a table. Its first row holds the wording and a small mark such as [S2.Q3], the rows below the places
to fill. The mark stands in a content control whose tag is the key of the question. Where another program has dropped the
controls, the marks and the layout of the table are enough to find every answer.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any

from babel.dates import get_month_names

from grants.core import word
from grants.core.files import ending
from grants.core.languages import LANGUAGES, _l, gettext, long_day, number_shown, number_typed, pick, speaking
from grants.core.questions import (
    CHOICES,
    DONT_KNOW,
    LISTS,
    MOST_ROWS,
    NUMBERS,
    ROWS,
    Definition,
    Question,
    countries,
)
from grants.core.rules import Obstacle
from grants.core.word import Block, Cell, Control, Document, Line, ReadCell, ReadDocument, ReadRow, Styled, Table
from grants.questionnaires import rules as questionnaires

Answers = Mapping[str, Any]

KEPT_DAYS = 14
"""How long a file that was sent in waits to be taken over, in days."""

LONGEST = {"longtext": 20_000}
LONGEST_LINE = 2_000
"""How long an answer may be, in characters, as on the page."""

ROOM = 3
"""Empty rows below those that are filled already."""

WIDE = 6
"""Tables with more columns than this stand on a page turned sideways."""

SIDE_BY_SIDE = 8
"""From so many choices on, the boxes to tick stand in columns."""

MARK = re.compile(r"\[(S\d{1,3}\.Q\d{1,3})\]\s*$")
ORIGIN = re.compile(r"\[\[([^\[\]]{1,4000})\]\]")

# ------------------------------------------------------------------ what a form says about itself


@dataclass(frozen=True)
class Origin:
    """Which form of which call this is, in which language, and which saved sections it was made from."""

    call: str
    form: str
    version: int
    language: str
    application: str = ""
    saved: Mapping[str, int] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The line that stands in the document."""
        told = {"call": self.call, "form": self.form, "version": self.version, "language": self.language}
        if self.application:
            told["application"] = self.application
            told["saved"] = ",".join(f"{key}:{version}" for key, version in self.saved.items())
        return "[[" + "; ".join(f"{name}={value}" for name, value in told.items()) + "]]"


def origin_in(document: ReadDocument) -> Origin | None:
    """What a document says about itself; None when it is no form of ours, or when the line was taken out."""
    everywhere = [document.text, *(cell.text for table in document.tables for row in table[:3] for cell in row)]
    for match in (found for text in everywhere for found in ORIGIN.finditer(text)):
        told = dict(part.strip().partition("=")[::2] for part in match[1].split(";"))
        version = told.get("version", "")
        if {"call", "form", "language"} <= told.keys() and version.isascii() and version.isdigit() and len(version) < 7:
            saved = re.findall(r"([a-zA-Z]\w{0,60}):(\d{1,8})(?=,|$)", told.get("saved", ""), re.ASCII)
            return Origin(
                told["call"],
                told["form"],
                int(version),
                told["language"],
                told.get("application", ""),
                {key: int(number) for key, number in saved},
            )
    return None


def marks_of(definition: Definition) -> dict[str, str]:
    """The mark of each question by its key: S2.Q3 is the third question of the second section."""
    return {
        question.key: f"S{number}.Q{place}"
        for number, section in enumerate(definition.sections, 1)
        for place, question in enumerate(section.questions, 1)
    }


# ------------------------------------------------------------------ what can be chosen


def choices_of(question: Question, language: str, fallback: str) -> dict[str, str]:
    """The words to choose from by the value each stands for; no two are the same, none longer than Word permits."""
    named: dict[str, str] = {}
    for value, label in _named(question, language, fallback):
        shown = " ".join(word.storable(label).split()) or value
        shown = shown if len(shown) <= word.LONGEST_CHOICE or question.type in LISTS else f"{shown[:240]}…"
        named[value] = f"{shown} ({value})" if shown in named.values() else shown
    return named


def _named(question: Question, language: str, fallback: str) -> list[tuple[str, str]]:
    if question.type == "boolean":
        return [("yes", gettext("Yes")), ("no", gettext("No"))]
    if question.type in ("country", "country_list"):
        known = countries(language)
        if not question.options:
            return list(known.items())
        return [
            (o.value, str(pick(o.label, language, fallback)) or known.get(o.value, o.value)) for o in question.options
        ]
    listed = [(option.value, str(pick(option.label, language, fallback))) for option in question.options]
    return [*listed, (DONT_KNOW, gettext("I do not know"))] if question.type == "scale" and question.unsure else listed


def _value_named(question: Question, text: str, language: str, fallback: str) -> str | None:
    """The value that words stand for, in the language of the document or in another one of the form."""
    named = choices_of(question, language, fallback)
    for value, label in named.items():
        if text in (label, value):
            return value
    wanted = word.plain(text)
    found = {value for value, label in named.items() if word.plain(label) == wanted}
    for option in question.options:
        if wanted in {word.plain(str(label)) for label in option.label.values()}:
            found.add(option.value)
    if question.type == "boolean":
        found |= {value for value, words in BOTH.items() if wanted in words}
    return found.pop() if len(found) == 1 else None


BOTH = {"yes": {"yes", "oui", "sí", "si", "true", "نعم"}, "no": {"no", "non", "false", "لا"}}
"""What people write instead of choosing."""


def prompts() -> dict[str, str]:
    """What an empty place says, by the kind of place."""
    return {"choice": gettext("Choose one"), "date": gettext("Choose a day"), "line": gettext("Write here")}


@lru_cache(maxsize=1)
def _every_prompt() -> tuple[str, ...]:
    found: set[str] = set()
    for language in LANGUAGES:
        with speaking(language):
            found.update(f"{word.PROMPT} {prompt}" for prompt in prompts().values())
    return (*sorted(found, key=len, reverse=True), f"{word.PROMPT} …")


# ------------------------------------------------------------------ the form as a document


@dataclass(frozen=True)
class Cover:
    """What stands before the questions: the title of the call, the name of the form, and how to go about it."""

    title: str
    subtitle: str
    steps: tuple[str, ...]


def steps_in_words() -> tuple[str, ...]:
    """How to go about a form that is filled in without a line."""
    return (
        gettext("Write below each question. Save the file as Word (.docx), under any name you like."),
        gettext("Leave the questions and the small signs such as [S2.Q3] as they are: by them your answers are found."),
        gettext("Open your application on the website, choose “Fill in the form in Word”, and send in this file."),
        gettext("You see everything that will change before anything is saved. Documents are added on the website."),
    )


def document_of(definition: Definition, answers: Answers, origin: Origin, cover: Cover) -> Document:
    """The form with what is answered already, to be filled in and sent back. Speak its language while calling this."""
    writer = _FormWriter(definition, origin.language)
    blocks: list[Block] = [Line.of(cover.title, "Title"), Line.of(cover.subtitle, "Subtitle")]
    if intro := writer.text(definition.intro):
        blocks.append(Line.of(intro))
    blocks += [Line.of(f"{number}. {step}") for number, step in enumerate(cover.steps, 1)]
    about = Control("fixed", tag="form", title=gettext("Please leave this line as it is"), value=origin.text)
    blocks.append(Line((Styled(gettext("Please leave this line as it is:") + " ", "mark"), about)))
    for number, section in enumerate(definition.sections, 1):
        blocks.append(Line.of(f"{number}. {writer.text(section.title)}", "Heading1"))
        if intro := writer.text(section.intro):
            blocks.append(Line((intro,), keep_with_next=True))
        blocks += [writer.question(question, answers.get(question.key)) for question in section.questions]
    foot = f"{origin.call} · {cover.title}"
    return Document(tuple(blocks), f"{cover.title} – {cover.subtitle}", origin.language, foot)


class _FormWriter:
    """Lays out the questions of a form in one language."""

    def __init__(self, definition: Definition, language: str) -> None:
        self.fallback, self.language = definition.fallback, language
        self.marks = marks_of(definition)

    def text(self, texts: Any) -> str:
        return str(pick(texts, self.language, self.fallback))

    def question(self, question: Question, value: Any) -> Table:
        """A question and the places for its answer."""
        if question.type in ROWS:
            return self.rows(question, value)
        if question.type in LISTS:
            return self.boxes(question, value)
        head = self.head(question, 1)
        if question.type == "files":
            return Table((head, (Cell((Line.of(gettext("Please add documents on the website."), "Hint"),)),)))
        mark = self.marks[question.key]
        if question.type == "declaration":
            box = Control("box", tag=mark, title=self.text(question.label), ticked=value is True)
            return Table((head, (Cell((Line((box, " ", self.text(question.statement))),)),)))
        return Table((head, (Cell((Line((self.place(question, value, mark),)),)),)))

    def head(self, question: Question, span: int) -> tuple[Cell, ...]:
        """The wording of a question, with its mark and what to know before answering."""
        label = self.text(question.label)
        mark = Control("fixed", tag=question.key, title=label, value=f"[{self.marks[question.key]}]")
        asked = gettext("if it applies") if question.required_if or question.shown_if else gettext("optional")
        optional = "" if question.required else f" ({asked})"
        lines = [Line((label, Styled(f"{optional} ", "mark"), mark), "Question", keep_with_next=True)]
        hints = [self.text(question.help), ". ".join(self.limits(question))]
        lines += [Line((hint,), "Hint", keep_with_next=True) for hint in hints if hint]
        return (Cell(tuple(lines), span, shaded=True),)

    def limits(self, question: Question) -> list[str]:
        """What is possible, in words."""
        told = (
            (question.max_words, gettext("At most %(n)s words", n=question.max_words)),
            (question.max_chars, gettext("At most %(n)s characters", n=question.max_chars)),
            (question.max_items, gettext("At most %(n)s lines", n=question.max_items)),
        )
        found = [sentence for limit, sentence in told if limit]
        if question.type in ROWS:
            found.append(gettext("For another line, copy a row and paste it below"))
        if question.type == "date":
            found.append(gettext("Write the day like 2027-05-31"))
            if question.not_before:
                found.append(gettext("Not before %(day)s", day=long_day(question.not_before, self.spoken)))
        if question.type == "money":
            found.append(gettext("An amount in %(currency)s", currency=question.currency))
        if question.type == "month_range":
            found.append(gettext("Write the months like 1-3"))
        return found

    @property
    def spoken(self) -> str:
        return self.language if self.language in LANGUAGES else "en"

    def place(self, question: Question, value: Any, tag: str, *, narrow: bool = False) -> Control:
        """The place for one answer, with what stands in it already; a narrow one asks with a sign only."""
        kind, shown = kind_of(question), shown_in(question, value, self.language, self.fallback)
        choices = tuple(choices_of(question, self.language, self.fallback).values()) if kind == "choice" else ()
        prompt = "" if narrow else prompts()["line" if kind == "text" else kind]
        return Control(kind, tag, self.text(question.label), shown, choices, prompt=prompt)

    def boxes(self, question: Question, value: Any) -> Table:
        """One box to tick for each choice; many of them stand in columns."""
        chosen = [str(v) for v in value or []]
        named = choices_of(question, self.language, self.fallback)
        named |= {value: value for value in chosen if value not in named}
        lines = []
        for choice, label in named.items():
            tag = f"{self.marks[question.key]}={choice}"
            box = Control("box", tag if len(tag) <= word.LONGEST_TAG else "", label, ticked=choice in chosen)
            lines.append(Line((box, f" {label}"), "Entry"))
        across = 3 if len(lines) > SIDE_BY_SIDE and max(map(len, named.values())) < 40 else 1
        down = -(-len(lines) // across)
        cells = tuple(Cell(tuple(lines[n * down : (n + 1) * down])) for n in range(across))
        return Table((self.head(question, across), cells), (1,) * across)

    def rows(self, question: Question, value: Any) -> Table:
        """A table to fill: a row for each line there is, and room for more."""
        columns, mark = questionnaires.columns_of(question), self.marks[question.key]
        names = tuple(Cell((self.column(column),), shaded=True) for column in columns)
        filled = [row for row in value or [] if isinstance(row, Mapping)]
        most = max(question.max_items or MOST_ROWS, len(filled))
        count = min(max(len(filled) + ROOM, question.min_items or 0), most)
        rows = []
        for row in [*filled, *({} for _ in range(count - len(filled)))]:
            places = (
                self.place(column, row.get(column.key), f"{mark}.{number}", narrow=True)
                for number, column in enumerate(columns, 1)
            )
            rows.append(tuple(Cell((Line((place,), "Entry"),)) for place in places))
        widths = tuple(SHARES.get(column.type, 2) for column in columns)
        wide = len(columns) > WIDE
        return Table((self.head(question, len(columns)), names, *rows), widths, heads=2, wide=wide)

    def column(self, column: Question) -> Line:
        pieces: list[Any] = [self.text(column.label)]
        if not column.required:
            pieces.append(Styled(f" ({gettext('optional')})", "mark"))
        return Line(tuple(pieces), "Column", keep_with_next=True)


SHARES = {"text": 3, "longtext": 4, "choice": 2, "country": 2, "integer": 1, "percent": 1, "month_range": 1}
"""How wide a column is beside the others, by what is asked in it."""


def kind_of(question: Question) -> str:
    """The kind of place for an answer: line, text, choice or date."""
    if question.type in CHOICES or question.type == "boolean":
        return "choice"
    return {"longtext": "text", "date": "date"}.get(question.type, "line")


def shown_in(question: Question, value: Any, language: str, fallback: str) -> str:
    """A stored answer as it stands in its place."""
    if value is None:
        return ""
    if question.type in NUMBERS:
        return number_shown(value, language)
    if question.type == "boolean" and isinstance(value, bool):
        return gettext("Yes") if value else gettext("No")
    if question.type in CHOICES:
        return choices_of(question, language, fallback).get(str(value), str(value))
    return str(value)


# ------------------------------------------------------------------ what a filled form says


@dataclass(frozen=True)
class Unread:
    """Something in a file that was not taken, and why. ``question`` is None when it is about the whole file."""

    question: Question | None
    reason: Any


@dataclass
class Reading:
    """What a filled form says: answers by question key, what could not be read, which questions were not found."""

    origin: Origin
    answers: dict[str, Any] = field(default_factory=dict)
    unread: list[Unread] = field(default_factory=list)
    absent: list[Question] = field(default_factory=list)


def read_form(document: ReadDocument, definition: Definition, origin: Origin) -> Reading:
    """What a filled form says, by the questions it was made from. A place that is empty is read as None."""
    reading = Reading(origin)
    places = _rows_by_question(document, definition)
    for question in definition.questions.values():
        if question.type == "files":
            continue
        if question.key not in places:
            reading.absent.append(question)
            continue
        reader = _Reader(question, origin.language, definition.fallback)
        answer = reader.answer(places[question.key])
        reading.unread += [Unread(question, reason) for reason in reader.reasons]
        if not reader.lost:
            reading.answers[question.key] = answer
    return reading


def _rows_by_question(document: ReadDocument, definition: Definition) -> dict[str, list[ReadRow]]:
    """The rows below each question, by its key, wherever its table stands and even where two tables grew together."""
    by_mark = {mark: key for key, mark in marks_of(definition).items()}
    tagged = {tag for table in document.tables for row in table for cell in row[:1] for tag in cell.tags}
    found: dict[str, list[ReadRow]] = {}
    for table in document.tables:
        current: list[ReadRow] | None = None
        for row in table:
            key = _heads(row, by_mark, definition, tagged)
            if key is not None and key not in found:
                current = found[key] = []
            elif current is not None:
                current.append(row)
    return found


def _heads(row: ReadRow, by_mark: Mapping[str, str], definition: Definition, tagged: set[str]) -> str | None:
    """The question that a row is the head of. Its tag says so; its mark only where no tag of it is left anywhere."""
    if not row:
        return None
    tags = [tag for tag in row[0].tags if tag in definition.questions]
    if tags:
        return tags[0]
    if any(cell.tags for cell in row):
        return None
    for line in row[0].lines:
        match = MARK.search(line.text)
        key = by_mark.get(match[1]) if match else None
        if key is not None and key not in tagged:
            return key
    return None


DIGITS = {
    ord(digit): str(number) for zero in "٠۰०০" for number, digit in enumerate(chr(ord(zero) + n) for n in range(10))
}
"""Arabic, Persian, Nagari and Bengali digits."""


class _Reader:
    """Reads the answer to one question."""

    def __init__(self, question: Question, language: str, fallback: str) -> None:
        self.question, self.language, self.fallback = question, language, fallback
        self.reasons: list[Any] = []
        self.lost = False

    def answer(self, rows: list[ReadRow]) -> Any:
        """The answer as it is stored."""
        cells = [cell for row in rows for cell in row]
        if any(cell.pictures for cell in cells):
            self.reasons.append(_l("A picture here was not taken. Please add it as a document on the website."))
        if self.question.type in LISTS:
            found: Any = self.ticked(cells)
        elif self.question.type in ROWS:
            found = self.lines(rows)
        elif self.question.type == "declaration":
            states = [state for cell in cells for line in cell.lines for state, _label in _boxes_in(line)]
            found = any(states) or None
        else:
            found = self.one(self.question, cells)
        return questionnaires.normalised(self.question, found)

    def one(self, question: Question, cells: Sequence[ReadCell]) -> Any:
        """An answer that stands in one place, as it was meant; what cannot be understood stays as it was typed."""
        text = _text_in(cells)
        if question.type != "longtext":
            text = " ".join(text.split())
        if len(text) > LONGEST.get(question.type, LONGEST_LINE):
            most = LONGEST.get(question.type, LONGEST_LINE)
            self.reasons.append(_l("This text is longer than %(n)s characters. Please shorten it.", n=most))
            self.lost = True
            return None
        text = _without_signs(text, question.type == "longtext")
        return self.meant(question, text) if text else None

    def meant(self, question: Question, text: str) -> Any:
        """What a text means as an answer to a question."""
        if question.type in CHOICES or question.type == "boolean":
            value = _value_named(question, text, self.language, self.fallback)
            return text if value is None else questionnaires.typed(question, value, self.language)
        if question.type == "date":
            return day_in(text, self.language)
        if question.type in NUMBERS:
            return self.number(question, text)
        if question.type == "month_range":
            return questionnaires.typed(question, text.translate(DIGITS), self.language)
        return text

    def number(self, question: Question, text: str) -> Any:
        """A number, with or without a currency or a percent sign beside it."""
        bare = text.translate(DIGITS).replace("٫", ".").replace("٬", "")
        signs = {"percent": "%٪", "money": "€$£"}.get(question.type, "") + " \u00a0"
        alone = bare.strip(signs).removesuffix(question.currency).removeprefix(question.currency).strip(signs)
        for candidate in (bare, alone):
            read = questionnaires.typed(question, candidate, self.language)
            if questionnaires.number_of(read) is not None:
                return read
            if (number := number_typed(candidate, self.language)) is not None:
                return format(number, "f")  # such as halves of persons: shown as a mistake, in either language
        return text

    def ticked(self, cells: Sequence[ReadCell]) -> list[str] | None:
        """The choices whose boxes are ticked, and names that somebody wrote instead."""
        chosen: list[str] = []
        boxes, bare = 0, []
        for line in (line for cell in cells for line in cell.lines if line.text.strip()):
            found = _boxes_in(line)
            boxes += len(found)
            bare += [] if found else [_without_signs(line.text.strip(), False)]
            tags = [tag.partition("=")[2] for tag, _ticked in line.boxes]
            for number, (state, label) in enumerate(found):
                if state:
                    chosen.append((tags[number] if number < len(tags) else "") or self.value_of(label))
        if not boxes and len([text for text in bare if self.is_known(text)]) > max(len(self.question.options) // 2, 1):
            self.reasons.append(_l("The boxes to tick were lost in this file. Please answer this on the website."))
            self.lost = True
            return None
        for text in bare:
            pieces = [text] if self.is_known(text) else re.split(r"\s*[,;،]\s*", text)
            chosen += [self.value_of(piece) for piece in pieces if piece]
        return list(dict.fromkeys(chosen))[: 2 * MOST_ROWS] or None

    def is_known(self, text: str) -> bool:
        return _value_named(self.question, text, self.language, self.fallback) is not None

    def value_of(self, label: str) -> str:
        return _value_named(self.question, label, self.language, self.fallback) or label[:LONGEST_LINE]

    def lines(self, rows: list[ReadRow]) -> list[dict[str, Any]] | None:
        """The lines of a table; columns are known by their controls, else by their headings, else by their order."""
        columns = questionnaires.columns_of(self.question)
        order = list(range(len(columns)))
        found: list[dict[str, Any]] = []
        for row in rows:
            if (named := self.headings(row, columns)) is not None:
                order = named
                continue
            line = self.line(row, columns, order)
            if not any(value not in (None, "") for value in line.values()):
                continue
            if len(found) == MOST_ROWS:
                self.reasons.append(_l("Only the first %(n)s lines were read.", n=MOST_ROWS))
                break
            found.append(line)
        return found or None

    def line(self, row: ReadRow, columns: Sequence[Question], order: Sequence[int]) -> dict[str, Any]:
        """The answers of one row."""
        line: dict[str, Any] = {}
        for position, cell in enumerate(row):
            place = next((int(tag.rpartition(".")[2]) - 1 for tag in cell.tags if PLACE.fullmatch(tag)), None)
            if place is None:
                place = order[position] if position < len(order) else -1
            if 0 <= place < len(columns):
                column = columns[place]
                value = self.one(column, [cell])
                line[column.key] = value if line.get(column.key) is None else line[column.key]
        return line

    def headings(self, row: ReadRow, columns: Sequence[Question]) -> list[int] | None:
        """Which column stands where, when a row is the row of headings; None for every other row."""
        if any(cell.tags for cell in row):
            return None
        texts = [word.plain(re.sub(r"\([^()]*\)\s*$", "", cell.text)) for cell in row]
        labels = [{word.plain(re.sub(r"\([^()]*\)\s*$", "", str(t))) for t in c.label.values()} for c in columns]
        known = [next((n for n, names in enumerate(labels) if text and text in names), -1) for text in texts]
        named = [place for place in known if place >= 0]
        return known if named and 2 * len(set(named)) >= len(columns) else None


PLACE = re.compile(r"S\d{1,3}\.Q\d{1,3}\.\d{1,3}")


def _boxes_in(line: word.ReadLine) -> list[tuple[bool, str]]:
    """The boxes of a line with what stands beside them."""
    if line.boxes:
        pieces = re.split(f"[{word.TICKED}{word.UNTICKED}]", line.text)[1:]
        texts = [piece.strip() for piece in pieces] + [""] * len(line.boxes)
        return [(ticked, text) for (_tag, ticked), text in zip(line.boxes, texts, strict=False)]
    found = word.as_box(line.text)
    return [found] if found else []


def _text_in(cells: Sequence[ReadCell]) -> str:
    """What cells say; what an empty place said before its control was dropped is no answer."""
    texts = []
    for cell in cells:
        text = cell.text.strip()
        for prompt in _every_prompt():
            text = text.removeprefix(prompt) if cell.tags else text.replace(prompt, "")
        texts.append(text.strip())
    return "\n".join(text for text in texts if text)


DIRECTIONS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b\ufeff"


def _without_signs(text: str, several_lines: bool) -> str:
    """The text without control characters; a line also without signs that would make it read as another."""
    dropped = "" if several_lines else DIRECTIONS
    kept = (c for c in text if c not in dropped and (c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs")))
    return "".join(kept).strip()


def day_in(text: str, language: str) -> str:
    """A day as it is stored, from how people write it: 2027-05-31, 31/05/2027, 31 May 2027; else the text itself."""
    bare = word.plain(text.translate(DIGITS))
    if match := re.fullmatch(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:t.*)?", bare):
        year, month, day = int(match[1]), int(match[2]), int(match[3])
    elif match := re.fullmatch(r"(\d{1,2})\s?[-/.]\s?(\d{1,2})\s?[-/.]\s?(\d{4})", bare):
        year, month, day = int(match[3]), int(match[2]), int(match[1])
    elif match := re.fullmatch(
        r"(?:\w+,? )?(\d{1,2})(?:st|nd|rd|th|er)?\.? (?:de )?([^\W\d]+)\.?(?: de)?,? (\d{4})", bare
    ):
        year, month, day = int(match[3]), _months(language).get(match[2], 0), int(match[1])
    else:
        return text
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return text


@lru_cache(maxsize=16)
def _months(language: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for spoken in dict.fromkeys((language, *LANGUAGES)):
        for width in ("wide", "abbreviated"):
            for number, name in get_month_names(width, locale=spoken).items():
                found.setdefault(word.plain(str(name)).rstrip("."), number)
    return found


# ------------------------------------------------------------------ another version of the form


@dataclass
class Fit:
    """How a file made for an earlier version of the form fits the present one."""

    reworded: list[Question] = field(default_factory=list)
    gone: list[Question] = field(default_factory=list)
    added: list[Question] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self.reworded or self.gone or self.added)


def fitted(reading: Reading, then: Definition, now: Definition) -> Fit:
    """Keep of a reading what the present form still asks; what it asks in another way is told, and not taken."""
    fit = Fit(added=[q for key, q in now.questions.items() if key not in then.questions and q.type != "files"])
    for key, question in then.questions.items():
        present = now.questions.get(key)
        if present is None:
            reading.answers.pop(key, None)
            if question.type != "files":
                fit.gone.append(question)
        elif present.type != question.type or _columns(present) != _columns(question):
            if reading.answers.pop(key, None) is not None:
                reading.unread.append(
                    Unread(present, _l("This is asked in another way now. Please answer it on the website."))
                )
        elif _wording(present) != _wording(question):
            fit.reworded.append(present)
    return fit


def _columns(question: Question) -> list[tuple[str, str]]:
    return [(column.key, column.type) for column in question.columns]


def _wording(question: Question) -> list[Any]:
    options = [(option.value, dict(option.label)) for option in question.options]
    limits = (question.max_words, question.max_chars, question.min, question.max, question.max_items)
    return [dict(question.label), dict(question.help), dict(question.statement), options, limits]


# ------------------------------------------------------------------ what differs from what is saved


@dataclass(frozen=True)
class Difference:
    """A question to which the file gives another answer than what is saved.

    ``kind``: new, changed, emptied, or both_changed when it was changed on the website too since the file was made.
    ``doubts`` are what is wrong with the answer of the file; ``proposed`` says whether it is ticked to be taken over.
    """

    section: str
    question: Question
    old: Any
    new: Any
    kind: str
    doubts: tuple[Any, ...]
    proposed: bool


def differences(now: Definition, saved: Answers, reading: Reading, base: Answers | None) -> list[Difference]:
    """What the file would change. ``base`` are the answers that stood in the file when it was downloaded, if any did.

    An empty place in a blank form says nothing. An answer that was not touched in the file never undoes what was
    changed on the website.
    """
    together = {**saved, **{key: value for key, value in reading.answers.items() if value is not None}}
    facts = questionnaires.facts_of(now, together)
    found = []
    for key, new in reading.answers.items():
        question, old = now.questions[key], saved.get(key)
        if same(question, old, new) or (base is not None and same(question, base.get(key), new)):
            continue
        if new is None and base is None:
            continue
        doubts = (
            tuple(why for _reason, why in questionnaires.mistakes(question, new, now, facts)) if new is not None else ()
        )
        kind = _kind(question, old, new, base)
        unknown = question.type in (*CHOICES, "boolean") and bool(doubts)
        proposed = kind in ("new", "changed") and not unknown
        found.append(Difference(now.section_of[key].key, question, old, new, kind, doubts, proposed))
    return found


def _kind(question: Question, old: Any, new: Any, base: Answers | None) -> str:
    if base is not None and not same(question, old, base.get(question.key)):
        return "both_changed"
    if new is None:
        return "emptied"
    return "new" if old is None or old == [] else "changed"


def same(question: Question, one: Any, other: Any) -> bool:
    """Whether two answers say the same: the order of choices and what follows from a budget line do not matter."""
    if question.type in LISTS:
        return set(map(str, one or [])) == set(map(str, other or []))
    if question.type in ROWS:
        return _asked(question, one) == _asked(question, other)
    if question.type == "declaration":
        return (one is True) == (other is True)
    return bool(_comparable(question, one) == _comparable(question, other))


def _asked(question: Question, rows: Any) -> list[list[Any]]:
    columns = questionnaires.columns_of(question)
    lines = [[_comparable(c, row.get(c.key)) for c in columns] for row in rows or [] if isinstance(row, Mapping)]
    return [line for line in lines if any(value not in (None, "", False) for value in line)]


def _comparable(question: Question, value: Any) -> Any:
    """An answer as it is compared: what a document cannot keep apart is the same."""
    if value is None or isinstance(value, bool):
        return value
    if question.type in NUMBERS and (number := questionnaires.number_of(value)) is not None:
        return number
    lines = [line.rstrip() for line in word.storable(str(value)).strip().split("\n")]
    return _without_signs("\n".join(lines), question.type == "longtext") or None


# ------------------------------------------------------------------ what cannot be taken

REASONS: dict[str, Any] = {
    "empty": _l("The file is empty."),
    "too_large": _l("The file is larger than a filled form can be. Please send the form itself, without pictures."),
    "encrypted": _l("The file is locked with a password. Please save it without one and send it again."),
    "old_word": _l("This is a file of an old Word (.doc). Please open it, choose “Save as”, and then Word (.docx)."),
    "open_document": _l(
        "This is an OpenDocument file (.odt). Please open it, choose “Save as”, and then Word (.docx)."
    ),
    "pdf": _l("This is a PDF, from which answers cannot be read. Please send the Word file (.docx) itself."),
    "rich_text": _l("This is an RTF file. Please open it, choose “Save as”, and then Word (.docx)."),
    "web_page": _l("This is a web page, not a Word file. Please download the form as Word (.docx) and send that."),
    "macros": _l(
        "The file holds macros, small programs, and is not opened. Please save it as Word (.docx) without them."
    ),
    "other_office": _l(
        "This is not a Word file but another kind of office file. Please send the form as Word (.docx)."
    ),
    "not_word": _l("This is not a Word file (.docx). Please send the form that you downloaded here."),
    "damaged": _l("The file is damaged and cannot be read. Please save it again, or send an earlier copy."),
    "suspicious": _l(
        "The file is not put together as Word does it, and is not opened. Please save it again with Word."
    ),
}
"""Why a file cannot be read, by the code of :class:`grants.core.word.Unreadable`."""


def obstacle_of(unreadable: word.Unreadable) -> Obstacle:
    """Why a file cannot be read, in words."""
    return Obstacle(f"file_{unreadable.code}", REASONS[unreadable.code])


def obstacles_to_naming(name: str) -> list[Obstacle]:
    """Why a file cannot be taken by its name alone."""
    kinds = {
        "docm": "macros",
        "dotm": "macros",
        "doc": "old_word",
        "odt": "open_document",
        "pdf": "pdf",
        "rtf": "rich_text",
    }
    code = kinds.get(ending(name), "" if ending(name) == "docx" else "not_word")
    return [Obstacle(f"file_{code}", REASONS[code])] if code else []


def obstacles_to_comparing(
    origin: Origin | None, call: str, form: str, languages: Iterable[str], *, known: bool
) -> list[Obstacle]:
    """Why a Word file is not a form that can be filled in here: no form of ours, of another call, or never published.

    ``known`` says whether there is such a version of the form.
    """
    if origin is None:
        text = _l(
            "This is not the form of this call, or its first page is missing. Please download the form here, and leave the"
            " grey line with the name of the call as it is."
        )
        return [Obstacle("no_form", text)]
    if origin.call != call:
        text = _l(
            "This is the form of another call (%(other)s). This application belongs to %(call)s.",
            other=origin.call[:80],
            call=call,
        )
        return [Obstacle("other_call", text)]
    if origin.form != form or origin.language not in languages or not known:
        return [Obstacle("other_form", _l("This version of the form is not known. Please download the form here."))]
    return []


def obstacles_to_reading(reading: Reading) -> list[Obstacle]:
    """Why nothing can be read: not one question is where it was."""
    if not reading.answers and not reading.unread:
        text = _l("No question of the form was found in this file. Please fill in the form as it is laid out.")
        return [Obstacle("no_questions", text)]
    return []


def obstacles_to_taking_over(chosen: Iterable[str], found: Sequence[Difference]) -> list[Obstacle]:
    """Why nothing can be taken over: nothing was chosen."""
    known = {difference.question.key for difference in found}
    if not known & set(chosen):
        return [Obstacle("nothing_chosen", _l("Please tick at least one answer to take over."))]
    return []
