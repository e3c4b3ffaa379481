"""Every text of the screens and mails has its words in French and Spanish, and the compiled files are those words.

To bring new texts in: ``pybabel extract -F babel.cfg -k _l -k N_ -k _ln:1,2 -k lazy_gettext -k said --no-location --no-wrap
--sort-output -o messages.pot .``, then ``pybabel update -i messages.pot -d translations --no-fuzzy-matching --no-wrap
--ignore-obsolete --ignore-pot-creation-date``, translate, then ``make translations``.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_keywords, parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from grants.core.languages import LANGUAGES

ROOT = Path(__file__).parents[2]
FOREIGN = tuple(language for language in LANGUAGES if language != "en")
KEYWORDS = {**DEFAULT_KEYWORDS, **parse_keywords(["_l", "N_", "_ln:1,2", "lazy_gettext", "said"])}
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%%")
NBSP = "\u00a0"
FRENCH_FAULTS = (
    (re.compile(rf"(?<!{NBSP})[;!?»]"), "a non-breaking space stands before ; ! ? »"),
    (re.compile(rf"(?<!{NBSP}):(?=\s|$)"), "a non-breaking space stands before a colon"),
    (re.compile(rf"(?<![{NBSP}])%%"), "a non-breaking space stands before %"),
    (re.compile(rf"«(?!{NBSP})"), "a non-breaking space stands after «"),
    (re.compile(r'["“”]'), "quotation marks are « »"),
)

Texts = tuple[str, ...]


def _texts(words: str | Iterable[str] | None) -> Texts:
    return (words or "",) if words is None or isinstance(words, str) else tuple(words)


@cache
def sources() -> frozenset[Texts]:
    """Every text that code and templates have translated; one, or singular and plural."""
    with (ROOT / "babel.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)

    def wanted(folder: str | Path) -> bool:
        inside = Path(folder).relative_to(ROOT).parts
        return not inside or (inside[0] in {"grants", "templates"} and not inside[-1].startswith((".", "__")))

    found = extract_from_dir(str(ROOT), methods, options, KEYWORDS, directory_filter=wanted)
    return frozenset(_texts(message) for _file, _line, message, _comments, _context in found if message)


def words_of(language: str) -> Path:
    return ROOT / "translations" / language / "LC_MESSAGES" / "messages.po"


@cache
def catalog(language: str) -> Catalog:
    with words_of(language).open("rb") as file:
        return read_po(file, locale=language)


def messages(language: str) -> list[Message]:
    return [message for message in catalog(language) if message.id]


def pairs(language: str) -> Iterable[tuple[str, str]]:
    """Each text beside its translation; each form of a plural beside the plural."""
    for message in messages(language):
        texts = _texts(message.id)
        for form, words in enumerate(_texts(message.string)):
            yield texts[min(form, len(texts) - 1)], words


def listed(faults: Iterable[object]) -> str:
    return "\n".join(str(fault) for fault in faults)


def test_the_sources_are_read() -> None:
    assert len(sources()) > 2000
    assert any(len(texts) == 2 for texts in sources())


@pytest.mark.parametrize("language", FOREIGN)
def test_every_text_is_translated(language: str) -> None:
    translated = {
        _texts(message.id) for message in messages(language) if all(_texts(message.string)) and not message.fuzzy
    }
    missing = sorted(sources() - translated)
    assert not missing, f"{len(missing)} texts have no words in {language}:\n{listed(missing)}"


@pytest.mark.parametrize("language", FOREIGN)
def test_nothing_is_left_of_former_texts(language: str) -> None:
    former = sorted({_texts(message.id) for message in messages(language)} - sources())
    assert not former, f"{len(former)} texts are used nowhere any more:\n{listed(former)}"
    assert not catalog(language).obsolete


@pytest.mark.parametrize("language", FOREIGN)
def test_translations_keep_what_is_filled_in(language: str) -> None:
    faults = [
        (text, words)
        for text, words in pairs(language)
        if set(PLACEHOLDER.findall(text)) != set(PLACEHOLDER.findall(words))
    ]
    assert not faults, listed(faults)
    stray = [words for _text, words in pairs(language) if "%" in PLACEHOLDER.sub("", words)]
    assert not stray, listed(stray)


@pytest.mark.parametrize("language", FOREIGN)
def test_translations_keep_the_shape(language: str) -> None:
    def shape(text: str) -> tuple[bool, bool, int]:
        return text[:1].isspace(), text[-1:].isspace(), text.count("\n")

    faults = [(text, words) for text, words in pairs(language) if shape(text) != shape(words)]
    assert not faults, listed(faults)


def test_french_is_set_as_french() -> None:
    faults = [(rule, words) for _text, words in pairs("fr") for fault, rule in FRENCH_FAULTS if fault.search(words)]
    assert not faults, listed(faults)


def test_spanish_opens_its_questions_and_exclamations() -> None:
    faults = [
        words
        for _text, words in pairs("es")
        if words.count("?") != words.count("¿") or words.count("!") != words.count("¡")
    ]
    assert not faults, listed(faults)


@pytest.mark.parametrize("language", FOREIGN)
def test_the_compiled_file_is_these_words(language: str) -> None:
    path = words_of(language)
    head = path.read_text(encoding="utf-8").split("\n\n")[0]
    assert "POT-Creation-Date" in head, "without a fixed date the compiled file would change with every minute"
    compiled = io.BytesIO()
    write_mo(compiled, catalog(language))
    assert compiled.getvalue() == path.with_suffix(".mo").read_bytes(), "run: make translations"
