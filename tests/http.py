"""A visitor for tests: reads real pages, fills in and sends their real forms, and checks every page they are given."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from io import BytesIO
from typing import Any
from urllib.parse import urljoin, urlsplit

from flask import Flask, g
from flask_babel import gettext
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from grants.accounts.models import Person
from grants.core.db import db
from grants.core.languages import speaking

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
BLOCKS = {"div", "p", "ul", "ol", "dl", "table", "form", "fieldset", "section", "article", "aside", "nav", "header"} | {
    "footer", "main", "h1", "h2", "h3", "h4", "h5", "h6", "details", "blockquote", "pre", "hr", "figure", "address",
}  # fmt: skip
"""What ends an open paragraph in every browser."""

UNSEEN = {"script", "style", "template", "title", "svg"}
POINTERS = ("for", "aria-describedby", "aria-labelledby", "aria-controls")
"""Attributes that name other elements of the page by their ids."""

PASSWORD = "correct horse"
"""The password of people that tests make."""

File = tuple[bytes, str]
"""What a file chooser is given: content and name."""


class Tag:
    """One element of a page."""

    def __init__(self, name: str, at: dict[str, str | None], parent: Tag | None) -> None:
        self.name, self.at, self.parent = name, at, parent
        self.children: list[Tag | str] = []

    def __contains__(self, name: str) -> bool:
        return any(tag.name == name for tag in self.all())

    @property
    def classes(self) -> set[str]:
        """Its classes."""
        return set((self.at.get("class") or "").split())

    @property
    def text(self) -> str:
        """What a reader sees of it, on one line."""
        return " ".join("".join(self._words()).split())

    def _words(self) -> Iterator[str]:
        for child in self.children:
            if isinstance(child, str):
                yield child
            elif child.name not in UNSEEN and "hidden" not in child.at:
                yield from child._words()
                yield " " if child.name in BLOCKS | {"li", "td", "th", "dt", "dd", "option", "label"} else ""

    def all(self, name: str = "", **at: str) -> Iterator[Tag]:
        """Every element inside, by name and attributes; ``class_`` asks for one class among several."""
        wanted_class = at.pop("class_", None)
        waiting = self.children[::-1]
        while waiting:
            child = waiting.pop()
            if isinstance(child, str):
                continue
            if (
                (not name or child.name == name)
                and (wanted_class is None or wanted_class in child.classes)
                and all(child.at.get(key) == value for key, value in at.items())
            ):
                yield child
            waiting += child.children[::-1]

    @property
    def is_switched_off(self) -> bool:
        """Whether the control or a group around it is disabled."""
        if "disabled" in self.at:
            return True
        around = self.inside("fieldset")
        while around is not None:
            if "disabled" in around.at:
                return True
            around = around.inside("fieldset")
        return False

    def inside(self, name: str) -> Tag | None:
        """The nearest element of a name around this one."""
        around = self.parent
        while around is not None and around.name != name:
            around = around.parent
        return around


@dataclass
class Control:
    """A field of a form: what it is called, what may stand in it and what stands in it."""

    name: str
    kind: str
    values: list[str]
    offered: list[str] = field(default_factory=list)
    longest: int | None = None
    files: list[File] = field(default_factory=list)

    def fill(self, given: Any) -> None:
        """Type, choose or tick, as far as a person could. Raises AssertionError where nobody could."""
        assert self.kind not in ("hidden", "closed"), f"nobody can type into “{self.name}”"
        if self.kind == "file":
            self.files = [given] if isinstance(given, tuple) else list(given)
        elif self.kind == "checkbox":
            self.values = list(self.offered) if given is True else [] if not given else [str(v) for v in given]
        else:
            self.values = [] if given is None and self.kind == "radio" else ["" if given is None else str(given)]
        if self.kind in ("radio", "checkbox", "select"):
            assert set(self.values) <= set(self.offered), f"“{self.name}” offers {self.offered}, not {self.values}"
        if self.longest is not None:
            assert all(len(v) <= self.longest for v in self.values), f"“{self.name}” takes {self.longest} characters"

    @property
    def sent(self) -> list[str]:
        """What a browser sends of it; lines end as browsers end them."""
        return [re.sub(r"\r?\n", "\r\n", value) for value in self.values]


@dataclass
class Button:
    """Something to press that sends a form."""

    words: str
    form: Form
    name: str | None
    value: str
    action: str | None


class Form:
    """One form of a page with everything in it."""

    def __init__(self, tag: Tag) -> None:
        self.tag = tag
        self.action = tag.at.get("action") or ""
        self.method = (tag.at.get("method") or "get").lower()
        self.takes_files = tag.at.get("enctype") == "multipart/form-data"
        self.controls: dict[str, Control] = {}
        self.buttons: list[Button] = []
        self.is_touched = False

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)

    @property
    def fields(self) -> dict[str, list[str]]:
        """What would be sent if nothing were touched."""
        return {c.name: c.values for c in self.controls.values() if c.values and c.kind != "file"}

    def add(self, tag: Tag) -> None:
        """Take up one control or button, unless it is switched off or not for people."""
        if tag.is_switched_off or tag.at.get("aria-hidden") == "true":
            return
        name, kind = tag.at.get("name"), tag.at.get("type") or ("submit" if tag.name == "button" else "text")
        if kind in ("submit", "button", "reset"):
            if kind == "submit":
                words = tag.text if tag.name == "button" else tag.at.get("value") or ""
                self.buttons.append(Button(words, self, name, tag.at.get("value") or "", tag.at.get("formaction")))
            return
        if not name:
            return
        if tag.name == "select":
            self._add_select(tag, name)
        elif kind in ("radio", "checkbox"):
            self._add_choice(tag, name, kind)
        else:
            closed = "readonly" in tag.at and kind != "hidden"
            kind = "closed" if closed else kind if tag.name == "input" else "area"
            text = "".join(tag._words()).removeprefix("\n") if tag.name == "textarea" else tag.at.get("value") or ""
            longest = tag.at.get("maxlength")
            control = Control(name, kind, [] if kind == "file" else [text], longest=int(longest) if longest else None)
            if name in self.controls:
                self.controls[name].values += control.values
            else:
                self.controls[name] = control

    def _add_select(self, tag: Tag, name: str) -> None:
        values = {id(option): option.at.get("value", option.text) or "" for option in tag.all("option")}
        options = list(values.values())
        chosen = [values[id(option)] for option in tag.all("option") if "selected" in option.at]
        if not chosen and "multiple" not in tag.at:
            chosen = options[:1]
        if name in self.controls:  # several lists of one name, such as the reviewers of one application
            self.controls[name].values += chosen
            self.controls[name].offered += options
        else:
            self.controls[name] = Control(name, "select", chosen, options)

    def _add_choice(self, tag: Tag, name: str, kind: str) -> None:
        value = tag.at.get("value") or "on"
        control = self.controls.setdefault(name, Control(name, kind, []))
        control.offered.append(value)
        if "checked" in tag.at:
            control.values = [*control.values, value] if kind == "checkbox" else [value]

    def fill(self, values: dict[str, Any]) -> Form:
        """Fill in fields by their names. Raises AssertionError for a field that is not there or not to be filled in."""
        self.is_touched = True
        for name, value in values.items():
            assert name in self.controls, f"no field “{name}” in the form to {self.action}, only {list(self.controls)}"
            self.controls[name].fill(value)
        return self


class Page(HTMLParser):
    """What a page holds, and what is wrong with it: tags not closed, ids twice, fields without words, dead pointers."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.root = Tag("", {}, None)
        self._here = self.root
        self.ids: list[str] = []
        self.links: list[str] = []
        self.forms: list[Form] = []
        self.problems: list[str] = []
        self._forms_by_id: dict[str, Form] = {}
        self._form_of: dict[int, Form] = {}
        self.feed(html)
        self.close()
        still_open = []
        while self._here.parent is not None:
            still_open.append(self._here.name)
            self._here = self._here.parent
        if still_open:
            self.problems.append(f"not closed: {still_open[::-1]}")
        if len(self.ids) != len(set(self.ids)):
            self.problems.append(f"id twice: {sorted({i for i in self.ids if self.ids.count(i) > 1})}")
        self._collect_controls()
        self._check_words()

    def updatepos(self, i: int, j: int) -> int:
        """Nobody asks in which line something stands."""
        return j

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element and what is wrong with where it stands."""
        at = dict(attrs)
        if len(at) != len(attrs):
            self.problems.append(f"an attribute stands twice on {tag}")
        element = Tag(tag, at, self._here)
        self._here.children.append(element)
        if at.get("id"):
            self.ids.append(str(at["id"]))
        if "style" in at or any(name.startswith("on") for name in at):
            self.problems.append(f"inline style or script on {tag}")
        if tag in BLOCKS and (self._here.name == "p" or self._here.inside("p")) and not self._inside("object"):
            self.problems.append(f"<{tag}> inside <p>")
        if tag in ("a", "button") and (self._inside("a") or self._inside("button")):
            self.problems.append(f"<{tag}> inside another thing to press")
        if tag == "a" and at.get("href"):
            self.links.append(str(at["href"]))
        if tag == "form":
            if self._inside("form"):
                self.problems.append(f"a form inside a form: {at.get('action')}")
            form = Form(element)
            self.forms.append(form)
            self._form_of[id(element)] = form
            if at.get("id"):
                self._forms_by_id[str(at["id"])] = form
        if tag not in VOID:
            self._here = element

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Drawings may close their parts at once; elsewhere the stroke means nothing."""
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close an element."""
        if tag in VOID:
            return
        if self._here.name == tag and self._here.parent is not None:
            self._here = self._here.parent
        else:
            self.problems.append(f"stray </{tag}> in <{self._here.name}>")

    def handle_data(self, data: str) -> None:
        """Note words."""
        self._here.children.append(data)

    def _inside(self, name: str) -> bool:
        return self._here.name == name or self._here.inside(name) is not None

    def _collect_controls(self) -> None:
        for tag in self.root.all():
            if tag.name not in ("input", "select", "textarea", "button"):
                continue
            around = tag.inside("form")
            form = self._forms_by_id.get(tag.at["form"] or "") if "form" in tag.at else None
            form = form or (self._form_of[id(around)] if around is not None else None)
            if form is not None:
                form.add(tag)
            elif tag.name == "button" and (tag.at.get("type") or "submit") == "submit":
                self.problems.append(f"a button that sends nothing: {tag.text}")
        for form in self.forms:
            files = [c for c in form.controls.values() if c.kind == "file"]
            if files and not (form.takes_files and form.method == "post"):
                self.problems.append(f"the form to {form.action} would send only the names of its files")
            if form.method == "post" and "csrf_token" not in form.controls:
                self.problems.append(f"the form to {form.action} has no token")

    def _check_words(self) -> None:
        known = set(self.ids)
        labels = {tag.at.get("for") for tag in self.root.all("label")}
        for tag in self.root.all():
            goal = tag.at.get("href") or ""
            if tag.name == "a" and goal.startswith("#") and goal[1:] not in known:
                self.problems.append(f"the link “{tag.text}” leads nowhere: {goal}")
            for pointer in POINTERS:
                for target in (tag.at.get(pointer) or "").split():
                    if target not in known:
                        self.problems.append(f"{pointer}={target} on {tag.name} leads nowhere")
            if tag.name == "img" and "alt" not in tag.at:
                self.problems.append(f"a picture without words: {tag.at.get('src')}")
            is_control = tag.name in ("input", "select", "textarea")
            if is_control and tag.at.get("type") != "hidden" and "hidden" not in tag.at:
                named = tag.at.get("id") in labels or tag.at.get("aria-label") or tag.at.get("aria-labelledby")
                if not (named or tag.inside("label")):
                    self.problems.append(f"a field without words: {tag.at.get('name')}")

    # ------------------------------------------------------------------ what a reader finds

    @property
    def text(self) -> str:
        """Everything a reader sees."""
        body = next(self.root.all("body"), self.root)
        return body.text

    @property
    def content(self) -> str:
        """What a reader sees between the top and the bottom of every page."""
        main = next(self.root.all("main"), None)
        return main.text if main else self.text

    @property
    def heading(self) -> str:
        """The heading of the page."""
        return next((tag.text for tag in self.root.all("h1")), "")

    @property
    def errors(self) -> list[str]:
        """The list of what to mend on top of a form."""
        return [li.text for box in self.root.all(class_="error-summary") for li in box.all("li")]

    @property
    def notices(self) -> list[str]:
        """What is said in boxes, such as that something is done."""
        return [box.text for box in self.root.all(class_="notice")]

    @property
    def history(self) -> list[str]:
        """The timeline, newest first, as it is told."""
        return [li.text for line in self.root.all("ol", class_="timeline") for li in line.all("li")]

    @property
    def badges(self) -> list[str]:
        """The words of all badges."""
        return [tag.text for tag in self.root.all(class_="badge")]

    @property
    def step(self) -> str:
        """Where the stepper says that things stand."""
        for line in self.root.all(class_="stepper"):
            for label in line.all("li", class_="current"):
                return next(label.all(class_="step-label")).text
        return ""

    def by_id(self, name: str) -> Tag:
        """The element with an id."""
        return next(tag for tag in self.root.all() if tag.at.get("id") == name)

    @property
    def language(self) -> str:
        """The language it is written in."""
        return next((tag.at.get("lang") or "en" for tag in self.root.all("html")), "en")

    def wording(self, words: str) -> str:
        """English words as this page says them, when they are a sentence of ours."""
        with speaking(self.language):
            return " ".join(str(gettext(words)).split())

    def says(self, words: str) -> bool:
        """Whether these words, in the language of the page, stand on it."""
        return self.wording(words) in self.text

    def address_of(self, words: str) -> str:
        """Where a link with these words leads; a link that holds them among others will do when there is no other."""
        words = self.wording(words)
        links = [tag for tag in self.root.all("a") if tag.at.get("href")]
        exact = [str(tag.at["href"]) for tag in links if _same(tag.text, words)]
        found = exact or [str(tag.at["href"]) for tag in links if words in tag.text]
        assert found, f"no link “{words}” on “{self.heading}”, only {[tag.text for tag in links]}"
        assert len(set(found)) == 1, f"“{words}” leads to {sorted(set(found))}"
        return found[0]

    def buttons(self, words: str, at: str = "") -> list[Button]:
        """The buttons with these words that can be pressed; ``at`` is the end of the address they send to."""
        words = self.wording(words)
        return [
            button
            for form in self.forms
            for button in form.buttons
            if _same(button.words, words) and urlsplit(form.action).path.endswith(at)
        ]

    def switched_off(self, words: str) -> list[Tag]:
        """The buttons with these words that are shown but cannot be pressed now."""
        words = self.wording(words)
        return [
            tag
            for tag in self.root.all("button")
            if _same(tag.text, words) and (tag.at.get("aria-disabled") == "true" or "disabled" in tag.at)
        ]

    def obstacles(self, words: str) -> list[str]:
        """Why the button with these words cannot be pressed now, as the page says. None means that it can."""
        off = self.switched_off(words)
        if not off:
            assert self.buttons(words), f"no button “{words}” on “{self.heading}”, only {self.all_buttons}"
            return []
        said = [self.by_id(i) for tag in off for i in (tag.at.get("aria-describedby") or "").split()]
        reasons = [li.text for box in said for li in box.all("li")]
        assert reasons, f"“{words}” is switched off and does not say why"
        return reasons

    @property
    def all_buttons(self) -> list[str]:
        """The words of every button, for messages."""
        return [tag.text for tag in self.root.all("button")]


def _same(found: str, words: str) -> bool:
    """Whether these are the words; what ends in … is only how they begin."""
    return found.startswith(words[:-1]) if words.endswith("…") else found == words


def begin_request() -> None:
    """Commit what the test has prepared, and forget who was here before: a test holds one context for all requests."""
    db.session.commit()
    for name in list(g):
        g.pop(name)


class Browser:
    """One visitor with their cookies. Fails on any page that is a server error or whose HTML is broken."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.client = app.test_client()
        self.last: TestResponse | None = None
        self.address = "/"
        self._read: tuple[TestResponse | None, Page] | None = None

    def sign_in(self, person: Person | str, password: str = PASSWORD) -> Browser:
        """Sign in through the form."""
        email = person if isinstance(person, str) else person.email
        begin_request()
        # The tests of signing in look at the page; those that only come in by it, thousands of times, need not.
        self.last = self.client.get("/sign-in")
        db.session.remove()
        answer = self.post("/sign-in", {"email": email, "password": password})
        assert answer.status_code == 302, self.text
        return self

    def twin(self) -> Browser:
        """A second window of the same person."""
        other = Browser(self.app)
        cookie = self.client.get_cookie("session")
        assert cookie is not None
        other.client.set_cookie("session", cookie.value)
        other.address = self.address
        return other

    # ------------------------------------------------------------------ as a person does it

    def open(self, path: str, status: int = 200) -> Page:
        """Go to an address, and on to where it leads."""
        self.get(path, status=0)
        return self._arrived(status)

    def click(self, words: str) -> Page:
        """Follow the link with these words on the present page."""
        return self.open(urljoin(self.address, self.page.address_of(words)))

    def press(
        self, words: str, values: dict[str, Any] | None = None, *, at: str = "", status: int = 200, sure: bool = True
    ) -> Page:
        """Fill in the form that has the button with these words, and press it.

        ``at`` is the end of the address the form goes to, where several have such a button. Goes on to where the answer
        leads; what arrives in the end must have ``status``. A page that asks whether one is sure is answered with yes,
        unless ``sure`` is False: then it is what arrives.
        """
        page = self.page
        found = page.buttons(words, at)
        if not found and page.switched_off(words):
            raise AssertionError(f"“{words}” cannot be pressed: {page.obstacles(words)}")
        assert found, f"no button “{words}” on “{page.heading}” ({self.address}), only {page.all_buttons}"
        goals = {(b.form.action, str(b.form.fields)) for b in found}
        assert len(goals) == 1, f"several buttons “{words}”: {[b.form.action for b in found]}"
        button = found[0]
        button.form.fill(values or {})
        self._send(button)
        if sure:
            self._answer_whether_sure()
        return self._arrived(status)

    def _answer_whether_sure(self) -> None:
        """Say yes where the answer is a page that asks whether one is sure."""
        if self.last is not None and self.last.status_code == 200 and self.last.mimetype == "text/html":
            asking = [form for form in self.page.forms if "confirm-box" in form.tag.classes]
            if asking:
                self._send(asking[0].buttons[0])

    def send(self, form: Form, words: str, *, status: int = 200) -> Page:
        """Press a button of a form that has been filled in already."""
        button = next(b for b in form.buttons if _same(b.words, self.page.wording(words)))
        self._send(button)
        return self._arrived(status)

    def add_line(self, form: Form, name: str) -> Page:
        """Press the button of a table that makes room for one more line."""
        self._send(next(b for b in form.buttons if b.name == "add_row" and b.value == name))
        return self._arrived(200)

    def _send(self, button: Button) -> None:
        form = button.form
        target = urljoin(self.address, urlsplit(button.action or form.action)._replace(fragment="").geturl())
        sent: MultiDict[str, Any] = MultiDict()
        for control in form.controls.values():
            for value in control.sent:
                sent.add(control.name, value)
            if control.kind == "file":
                for content, name in control.files or [(b"", "")]:
                    sent.add(control.name, (BytesIO(content), name))
        if button.name:
            sent.add(button.name, button.value)
        begin_request()
        if form.method == "get":
            answer = self.client.get(target, query_string=sent)
        else:
            kind = "multipart/form-data" if form.takes_files else "application/x-www-form-urlencoded"
            origin = {"Origin": "http://localhost"}
            answer = self.client.post(target, data=sent, headers=origin, content_type=kind)
        self._checked(answer, None, target)

    def _arrived(self, status: int) -> Page:
        for _ in range(5):
            assert self.last is not None
            if self.last.status_code not in (301, 302, 303, 307, 308):
                break
            goal = self.last.headers["Location"]
            assert urlsplit(goal).netloc in ("", "localhost"), f"led away to {goal}"
            self.get(urljoin(self.address, goal), status=0)
        return self._was(status)

    def _was(self, status: int) -> Page:
        assert self.last is not None
        page = self.page
        found = self.last.status_code
        assert found == status, f"{found} instead of {status} at {self.address}: {page.errors or page.content[:1500]}"
        return page

    def download(self, path: str, status: int = 200) -> bytes:
        """Fetch a file; the page stays where it is."""
        here, address = self.last, self.address
        content = self.get(path, status=status).data
        self.last, self.address = here, address
        return content

    @property
    def page(self) -> Page:
        """The present page, read once: anew only when somebody has filled in one of its forms."""
        if self._read is None or self._read[0] is not self.last or any(f.is_touched for f in self._read[1].forms):
            self._read = self.last, Page(self.text)
        return self._read[1]

    def attempt(self, page: Page, words: str, values: dict[str, Any] | None = None) -> int:
        """Press a button of a page that was opened earlier; says with which status that was answered."""
        button = page.buttons(words)[0]
        button.form.fill(values or {})
        self._send(button)
        assert self.last is not None
        return self.last.status_code

    def repeat(self, page: Page, words: str, values: dict[str, Any] | None = None, *, status: int = 200) -> Page:
        """Press a button of a page that was opened earlier, such as one left open in another window."""
        button = page.buttons(words)[0]
        button.form.fill(values or {})
        self._send(button)
        self._answer_whether_sure()
        return self._arrived(status)

    # ------------------------------------------------------------------ as a program does it

    def get(self, path: str, status: int = 200, **kwargs: Any) -> TestResponse:
        """Open an address; 0 as ``status`` takes any answer."""
        begin_request()
        return self._checked(self.client.get(path, **kwargs), status or None, path)

    def post(
        self,
        path: str,
        data: dict[str, Any] | None = None,
        *,
        page: str | None = None,
        status: int | None = None,
        **kwargs: Any,
    ) -> TestResponse:
        """Send a form as browsers do, with the token of ``page`` (default: of the page last opened) and what it showed."""
        if page:
            self.get(page)
        begin_request()
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', self.text)
        read = re.search(r'name="read" value="([^"]+)"', self.text)
        seen = {"csrf_token": token.group(1) if token else ""} | ({"read": read.group(1)} if read else {})
        values = seen | (data or {})
        kwargs.setdefault("headers", {"Origin": "http://localhost"})
        return self._checked(self.client.post(path, data=values, **kwargs), status, path)

    def follow(self) -> TestResponse:
        """Go where the last answer sent us."""
        assert self.last is not None
        return self.get(self.last.headers["Location"])

    @property
    def text(self) -> str:
        """The last page as it was sent."""
        return self.last.get_data(as_text=True) if self.last is not None else ""

    def _checked(self, answer: TestResponse, status: int | None, path: str) -> TestResponse:
        self.last = answer
        self.address = path
        db.session.remove()
        assert answer.status_code < 500, f"{path}: {answer.status_code}: {Page(self.text).content}"
        if status is not None:
            assert answer.status_code == status, f"{answer.status_code} instead of {status}:\n{self.text[:3000]}"
        if answer.mimetype == "text/html" and answer.status_code != 302 and self.text:
            problems = self.page.problems
            assert not problems, f"{path}: {problems}"
        return answer
