"""A page used by its keyboard alone: where one is must be seen all the time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from playwright.sync_api import Page

from tests.journeys.answering import NOT_TYPED, typed
from tests.journeys.desk import KINDS

FAR = 250
"""Nobody presses Tab more often than this to get somewhere on one page."""

CONTENT = "#content"

FOCUSED = """() => {
    const at = document.activeElement, style = getComputedStyle(at), problems = [];
    const boxes = [...at.getClientRects()];
    if (!boxes.some(box => box.width > 1 && box.height > 1)) problems.push("has no size");
    for (const box of boxes) {
        const seen = Math.min(box.bottom, innerHeight) - Math.max(box.top, 0);
        const enough = Math.min(box.height - 1, at.matches("textarea") ? 60 : innerHeight / 2);  // of a long text its first lines
        if (box.left < 0 || box.right > innerWidth || seen < enough) problems.push("is out of sight");
        for (const [across, down] of [[.5, .5], [0, 0], [1, 0], [0, 1], [1, 1]]) {
            const x = box.left + 2 + across * (box.width - 4), y = box.top + 2 + down * (box.height - 4);
            const top = document.elementFromPoint(x, y);
            if (top && !at.contains(top) && !top.contains(at)) problems.push(`is covered by ${top.outerHTML.slice(0, 60)}`);
        }
    }
    const bright = colour => {
        const [r, g, b] = colour.match(/[\\d.]+/g).map(n => n / 255).map(n => n <= .04045 ? n / 12.92 : ((n + .055) / 1.055) ** 2.4);
        return .2126 * r + .7152 * g + .0722 * b + .05;
    };
    const paintedOn = element => {
        const colour = getComputedStyle(element).backgroundColor;
        return colour.endsWith(", 0)") && element.parentElement ? paintedOn(element.parentElement) : colour;
    };
    const ring = style.outlineStyle !== "none" ? parseFloat(style.outlineWidth) : 0;
    if (ring < 2) problems.push("has no ring");
    else {
        const [line, ground] = [bright(style.outlineColor), bright(paintedOn(at.parentElement))];
        const contrast = Math.max(line, ground) / Math.min(line, ground);
        if (contrast < 3) problems.push(`has a ring of a contrast of ${contrast.toFixed(1)}`);
        const wide = ring + parseFloat(style.outlineOffset), box = at.getBoundingClientRect();
        for (let around = at.parentElement; around; around = around.parentElement) {
            const frame = around.getBoundingClientRect(), cuts = getComputedStyle(around).overflowX !== "visible";
            if (cuts && around !== document.documentElement && (box.left - wide < frame.left - 1 || box.right + wide > frame.right + 1))
                problems.push(`has its ring cut off by ${around.className || around.tagName}`);
        }
    }
    return {
        name: at.name ?? "", id: at.id, value: at.value ?? "", kind: at.type ?? "", checked: at.checked ?? false, tag: at.tagName,
        words: (at.innerText || at.labels?.[0]?.innerText || "").trim(),
        chosen: at.selectedOptions?.[0]?.label ?? "", problems: [...new Set(problems)],
    };
}"""
"""What has the focus, and why somebody who looks for it might not see it."""


BEGINNING = """value => {
    const choices = [...document.activeElement.options];
    return choices.length > 30 ? choices.find(choice => choice.value === value).label.slice(0, 1) : "";
}"""
"""The first letter of a choice in a long list: typed, it leads near to it."""


class Keys:
    """The keyboard of one page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.at: dict[str, Any] = {}
        page.on("filechooser", lambda _chooser: None)  # asked for from the beginning, for the window opens at once

    def press(self, key: str) -> None:
        """Press a key."""
        self.page.keyboard.press(key)

    def type(self, text: str) -> None:
        """Type a text instead of what stands in the field; what is longer than a word comes at once, as from a keyboard's memory."""
        if self.at["value"]:
            self.press("Control+a")
        self.page.keyboard.type(text[:8])
        self.page.keyboard.insert_text(text[8:])

    def look(self) -> dict[str, Any]:
        """Where the focus is; it must be seen."""
        self.at = self.page.evaluate(FOCUSED)
        told = self.at["name"] or self.at["words"] or self.at["tag"]
        assert not self.at["problems"], f"{self.page.url}: the focus on “{told}” {', '.join(self.at['problems'])}"
        return self.at

    def skip(self) -> None:
        """Begin at the content of a page that was just opened."""
        if self.page.url.endswith(CONTENT):  # a form that is sent from there comes back there
            return
        self.press("Tab")
        self.look()
        self.press("Enter")
        self.page.wait_for_url(f"**{CONTENT}")
        assert self.page.evaluate("document.activeElement.id") == "content"

    def walk(self) -> None:
        """Through the whole page, from its skip link to its end."""
        self.press("Tab")
        first = self.look()
        for _ in range(FAR):
            self.press("Tab")
            if self.page.evaluate("document.activeElement === document.body") or self.look() == first:
                return
        raise AssertionError(f"{self.page.url}: no way out of the page")

    def to(self, words: str = "", *, name: str = "", key: str = "Tab") -> None:
        """Go on, or back, to the next control with these words or this name."""
        met = []
        for _ in range(FAR):
            self.press(key)
            found = self.look()
            met.append(found["name"] or found["words"])
            if (name and name in (found["name"], found["id"])) or (words and found["words"] == words):
                return
        raise AssertionError(f"{self.page.url}: {name or words} is not reached, only {met}")

    def go(self, words: str = "", *, name: str = "") -> None:
        """Press Enter on a link or a button further on, and begin at the content of the page it leads to."""
        self.to(words, name=name)
        self.enter()

    def enter(self, key: str = "Enter") -> None:
        """Press what has the focus, and begin at the content of the page it leads to."""
        with self.page.expect_navigation():
            self.press(key)
        self.skip()

    # ------------------------------------------------------------------ forms

    def fill_in(self, values: Mapping[str, Any], *, until: str) -> None:
        """Answer these questions on the way to the button with this name or these words; tables get the lines they need."""
        wanted, lines = _cells(values)
        left = set(wanted)
        for _ in range(FAR):
            self.press("Tab")
            found = self.look()
            if found["name"] == "add_row" and self._lines(found["value"]) < lines.get(found["value"], 0):
                self.press("Enter")
                found = self.look()
            if found["name"] in wanted:
                self.answer(wanted[found["name"]])
                left.discard(found["name"])
            elif until in (found["name"], found["words"]):
                missed = {name for name in left if wanted[name]}
                assert not missed, f"{self.page.url}: the keyboard never came to {missed}"
                return
        raise AssertionError(f"{self.page.url}: “{until}” is not reached")

    def _lines(self, table: str) -> int:
        return int(self.page.locator(f"input[name='{table}-rows']").input_value())

    def answer(self, value: Any) -> None:
        """Answer the question that has the focus."""
        kind, told = self.at["kind"], typed(value)
        if kind == "checkbox":
            if self.at["checked"] is not (value if isinstance(value, bool) else self.at["value"] in told):
                self.press("Space")
        elif kind == "radio":
            if self.at["value"] == told:
                self.press("Space")
            self._on_to(told, "ArrowDown")
        elif self.at["value"] == told:
            return
        elif kind.startswith("select"):
            self.page.keyboard.type(self.page.evaluate(BEGINNING, told))
            self._on_to(told, "ArrowDown")
        else:
            self.type(f"{value:%m%d%Y}" if kind == "date" else told)
            assert self.look()["value"] == told

    def _on_to(self, value: str, key: str) -> None:
        for _ in range(FAR):
            if self.page.evaluate("document.activeElement.value") == value:
                self.look()
                return
            self.press(key)
        raise AssertionError(f"{self.page.url}: {value} is not among the choices of {self.at['name']}")

    def choose_file(self, name: str, content: bytes) -> None:
        """Choose a file in the window that the browser opens."""
        with self.page.expect_file_chooser() as chooser:
            self.press("Enter")
        kind = KINDS.get(name.rsplit(".", 1)[-1], "application/octet-stream")
        chooser.value.set_files({"name": name, "mimeType": kind, "buffer": content})


def _cells(values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, int]]:
    """What is typed by the name of its control, and how many lines each table needs."""
    wanted, lines = {}, {}
    for name, value in values.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            lines[name] = len(value)
            for number, row in enumerate(value, 1):
                wanted |= {f"{name}-{number}-{column}": told for column, told in row.items() if column not in NOT_TYPED}
        else:
            wanted[name] = value
    return wanted, lines
