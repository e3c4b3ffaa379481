/* Writing on a weak line. What is typed is kept on this device at once and on the server within seconds; without a line it
   waits here and goes up when the line is back. The server puts together what two people wrote, question by question: this
   file only shows what it answers. Every page works without it. */

const SOON = 2500; // milliseconds of silence before saving
const LATEST = 12000; // somebody who never stops typing is saved this often
const AGAIN = [4000, 8000, 15000, 30000, 60000];
const SHELF = "draft:";

/* ---------------------------------------------------------------- what is kept on this device */

/** Texts of one person that the server does not have yet: address of the section to {version, edition, at, fields}. */
class Shelf {
  constructor(person) {
    this.prefix = `${SHELF}${person}:`;
  }

  get(path) {
    try {
      return JSON.parse(localStorage.getItem(this.prefix + path));
    } catch {
      return null;
    }
  }

  /** Whether the device took it: it may be full, or keep nothing in a private window. */
  put(path, kept) {
    try {
      localStorage.setItem(this.prefix + path, JSON.stringify(kept));
      return true;
    } catch {
      return false;
    }
  }

  drop(path) {
    try {
      localStorage.removeItem(this.prefix + path);
    } catch {
      /* nothing was kept, so there is nothing to drop */
    }
  }

  paths() {
    try {
      return Object.keys(localStorage)
        .filter((key) => key.startsWith(this.prefix))
        .map((key) => key.slice(this.prefix.length));
    } catch {
      return [];
    }
  }
}

/* ---------------------------------------------------------------- the form as a list of names and texts */

const HOUSEKEEPING = new Set(["csrf_token", "version", "edition", "save", "next", "add_row", "add_up"]);

function typedIn(form) {
  return [...new FormData(form)].filter(([name, text]) => !HOUSEKEEPING.has(name) && typeof text === "string");
}

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

/** The texts of a form by name. */
function byName(fields) {
  const texts = new Map();
  for (const [name, text] of fields) texts.set(name, [...(texts.get(name) ?? []), text]);
  return texts;
}

/** What a person changes in a part of a form. */
const controlsIn = (place) =>
  [...place.querySelectorAll("input, textarea, select")].filter(
    ({ name, type }) => name && type !== "hidden" && !HOUSEKEEPING.has(name)
  );

function put(control, [text = "", ...others] = []) {
  if (control.type === "checkbox" || control.type === "radio") control.checked = [text, ...others].includes(control.value);
  else if (control.value !== text) control.value = text;
}

/** Put kept texts back into the form; tables get the lines they had, and lines that came since wait for the server. */
function putBack(form, fields) {
  const texts = byName(fields);
  for (const table of form.querySelectorAll("[data-table]")) {
    const counter = form.elements[`${table.id}-rows`];
    const wanted = Number(texts.get(counter.name)?.[0] ?? counter.value);
    while (Number(counter.value) < wanted && addLine(table)) {
      /* one more */
    }
  }
  for (const control of controlsIn(form)) put(control, texts.get(control.name));
  form.dispatchEvent(new Event("input", { bubbles: true }));
}

/* ---------------------------------------------------------------- lines of a table */

/** One more empty line, made from the last one; false when the table takes no more. */
export function addLine(table) {
  const lines = table.querySelectorAll(":scope > .line, :scope > details");
  const counter = table.querySelector(`input[name="${CSS.escape(table.id)}-rows"]`);
  const number = Number(counter.value) + 1;
  if (!lines.length || number > Number(table.dataset.most)) return false;
  const last = lines[lines.length - 1];
  const line = document.createElement("fieldset");
  line.className = "line";
  const legend = document.createElement("legend");
  legend.className = "label";
  legend.textContent = table.dataset.line.replace("0", number);
  line.append(legend, last.querySelector(".fields-inline").cloneNode(true));
  const old = `${table.id}-${number - 1}-`;
  const fresh = `${table.id}-${number}-`;
  for (const part of line.querySelectorAll("[id], [name], [for], [aria-describedby]")) {
    for (const attribute of ["id", "name", "for"]) {
      const value = part.getAttribute(attribute);
      if (value?.startsWith(old)) part.setAttribute(attribute, fresh + value.slice(old.length));
    }
    part.removeAttribute("aria-describedby");
    part.removeAttribute("aria-invalid");
  }
  for (const error of line.querySelectorAll(".error")) error.remove();
  for (const field of line.querySelectorAll(".invalid")) field.classList.remove("invalid");
  for (const control of line.querySelectorAll("input, select, textarea")) {
    if (control.type === "checkbox" || control.type === "radio") control.checked = false;
    else control.value = "";
  }
  last.after(line);
  counter.value = number;
  return true;
}

/** What was typed into a table while the server laid it out anew: each line goes to the one that says what it said
    before (lines of somebody else may stand above it now), else below. Returns where each cell stands now, by names. */
function putLines(table, then, now, form) {
  const names = controlsIn(table).map(({ name }) => name.slice(table.id.length + 1));
  const columns = [...new Set(names.map((name) => name.slice(name.indexOf("-") + 1)))];
  const cell = (number, column) => `${table.id}-${number}-${column}`;
  const line = (texts, number) => columns.map((column) => (texts.get(cell(number, column)) ?? []).filter(Boolean));
  const isBlank = (cells) => !cells.flat().length;
  const [taken, moved] = [new Set(), new Map()];
  for (let number = 1; number <= Number(now.get(`${table.id}-rows`)?.[0]); number += 1) {
    const [before, mine] = [line(then, number), line(now, number)];
    const there = byName(typedIn(form));
    const free = Array.from({ length: Number(there.get(`${table.id}-rows`)[0]) }, (_, n) => n + 1).filter((n) => !taken.has(n));
    let place = free.find((n) => same(line(there, n), before));
    if (!place && (isBlank(mine) || same(before, mine))) continue;
    place ??= free.find((n) => isBlank(line(there, n)));
    if (!place && addLine(table)) place = Number(form.elements[`${table.id}-rows`].value);
    if (!place) continue;
    taken.add(place);
    for (const column of columns) {
      moved.set(cell(number, column), cell(place, column));
      if (same(before, mine)) continue;
      for (const control of table.querySelectorAll(`[name="${CSS.escape(cell(place, column))}"]`)) {
        put(control, now.get(cell(number, column)));
      }
    }
  }
  return moved;
}

/* ---------------------------------------------------------------- talking to the server */

class NoLine extends Error {}

/** What the server answers to a section that is saved by itself. Throws NoLine when it cannot be reached.
    `text` is {version, edition, fields}: what was typed, and which state of the section and of its questions was shown. */
async function send(path, text, token) {
  const body = new URLSearchParams([...text.fields, ["version", text.version], ["csrf_token", token]]);
  if (text.edition) body.set("edition", text.edition);
  let answer;
  try {
    answer = await fetch(path, {
      method: "POST",
      body,
      headers: { Accept: "application/json" },
      redirect: "manual",
      signal: AbortSignal.timeout?.(60000),
    });
  } catch {
    throw new NoLine();
  }
  if (answer.headers.get("Content-Type")?.startsWith("application/json")) return answer.json();
  if (answer.status >= 500 || answer.status === 429) throw new NoLine();
  return { state: answer.status === 400 || answer.status === 401 ? "expired" : "closed" };
}

/** A token of the present session, from a fresh copy of the page; null when nobody is signed in. */
async function freshToken(path) {
  try {
    const answer = await fetch(path, { headers: { Accept: "text/html" }, redirect: "manual", cache: "no-store" });
    if (!answer.ok) return null;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    return page.querySelector('form[data-draft] input[name="csrf_token"]')?.value ?? null;
  } catch {
    throw new NoLine();
  }
}

async function sendOrRenew(path, text, token, renewed) {
  const news = await send(path, text, token);
  if (news.state !== "expired") return news;
  const fresh = await freshToken(path);
  if (fresh === null) return news;
  renewed?.(fresh);
  return send(path, text, fresh);
}

/** Whether the server has all of a text; "corrected": it found a place for it among questions that are no longer the same. */
const arrived = (news) => news.state === "saved" || news.state === "corrected";

/* ---------------------------------------------------------------- the section that is open */

class Draft {
  constructor(form, shelf) {
    this.form = form;
    this.shelf = shelf;
    this.path = new URL(form.action).pathname;
    this.words = form.dataset;
    this.onServer = form.dataset.draft === "clean" ? typedIn(form) : null;
    this.tries = 0;
    this.busy = null;
    this.touched = false;
    this.held = form.dataset.draft === "conflict";
    const kept = shelf.get(this.path);
    if (kept?.edition && kept.edition !== this.edition) {
      this.catchUp(kept);
      return;
    }
    if (kept && !same(kept.fields, this.onServer)) {
      this.version = kept.version;
      putBack(form, kept.fields);
      this.say("waiting", this.words.waiting);
      this.touched = true;
      this.soon(0);
    } else shelf.drop(this.path);
    form.addEventListener("input", () => this.typed());
    form.addEventListener("change", () => this.typed());
    form.addEventListener("submit", (event) => this.pressed(event));
    window.addEventListener("online", () => this.touched && this.soon(0));
    document.addEventListener("visibilitychange", () => {
      if (this.touched && this.isBehind) this.soon(0);
    });
  }

  get version() {
    return this.form.elements.version.value;
  }

  set version(number) {
    this.form.elements.version.value = number;
  }

  /** Which questions the page shows; empty where they never change. */
  get edition() {
    return this.form.elements.edition?.value;
  }

  get text() {
    return { version: this.version, edition: this.edition, fields: typedIn(this.form) };
  }

  get isBehind() {
    return !same(typedIn(this.form), this.onServer);
  }

  /** Says in the line above the form where the text is; `state` is saved, waiting or unsaved. */
  say(state, text) {
    const line = this.form.querySelector(".save-state");
    line.classList.remove("saved", "waiting", "unsaved");
    line.classList.add(state);
    line.querySelector("span").textContent = text;
  }

  keep() {
    return this.shelf.put(this.path, { ...this.text, at: Date.now() });
  }

  /** What waits here was typed into questions that were corrected since: the server gives it its place, before anything
      else is typed. */
  async catchUp(kept) {
    this.lock();
    this.say("waiting", this.words.waiting);
    try {
      const news = await sendOrRenew(this.path, kept, this.form.elements.csrf_token.value);
      if (arrived(news)) {
        this.shelf.drop(this.path);
        location.reload();
        return;
      }
      if (news.state === "refused" || news.state === "conflict") this.showAsAsked(kept);
      else this.say("waiting", this.words[news.state] ?? this.words.waiting);
      if (news.state === "expired") setTimeout(() => this.catchUp(kept), AGAIN[2]);
    } catch (problem) {
      if (!(problem instanceof NoLine)) throw problem;
      setTimeout(() => this.catchUp(kept), AGAIN[2]);
    }
  }

  /** The server says what of a text cannot be kept, below the questions as they were when it was typed. */
  showAsAsked(kept) {
    const form = document.createElement("form");
    Object.assign(form, { method: "post", action: this.path, hidden: true });
    const told = { version: kept.version, edition: kept.edition, csrf_token: this.form.elements.csrf_token.value };
    for (const [name, value] of [...kept.fields, ...Object.entries(told)]) {
      form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
    }
    document.body.append(form);
    HTMLFormElement.prototype.submit.call(form);
  }

  /** Nothing more is typed into questions that are no longer asked like this. What stands in them stays to be read. */
  lock() {
    this.held = this.locked = true;
    for (const question of this.form.querySelectorAll("[data-question]")) question.inert = true;
  }

  typed() {
    if (this.locked || !this.isBehind) return;
    const kept = this.keep();
    if (!this.busy) this.say(kept ? "waiting" : "unsaved", kept ? this.words.kept : this.words.unsaved);
    this.touched = true;
    this.since ??= Date.now();
    this.tries = 0;
    this.soon(Math.min(SOON, Math.max(0, this.since + LATEST - Date.now())));
  }

  soon(milliseconds) {
    clearTimeout(this.timer);
    if (!this.held) this.timer = setTimeout(() => this.save(), milliseconds);
  }

  /** Send what stands in the form; returns what the server said, or null when it could not be reached. */
  async save() {
    if (this.busy) return this.busy;
    if (this.locked) return { state: "corrected" };
    if (!this.isBehind) return { state: "saved" };
    this.busy = this.sendNow();
    const news = await this.busy;
    this.busy = null;
    return news;
  }

  async sendNow() {
    clearTimeout(this.timer);
    this.since = null;
    const text = this.text;
    const sent = text.fields;
    this.say("unsaved", this.words.saving);
    try {
      const token = this.form.elements.csrf_token.value;
      const news = await sendOrRenew(this.path, text, token, (fresh) => {
        for (const field of document.querySelectorAll('input[name="csrf_token"]')) field.value = fresh;
      });
      this.tries = 0;
      this.take(news, sent);
      return news;
    } catch (problem) {
      if (!(problem instanceof NoLine)) throw problem;
      const kept = this.keep();
      this.say(kept ? "waiting" : "unsaved", kept ? this.words.waiting : this.words.unsaved);
      this.soon(AGAIN[Math.min(this.tries++, AGAIN.length - 1)]);
      return null;
    }
  }

  take(news, sent) {
    this.held = news.state === "conflict" || news.state === "expired" || news.state === "closed";
    const seen = this.version;
    if (news.version !== undefined) this.version = news.version;
    const during = same(typedIn(this.form), sent) ? null : typedIn(this.form);
    if (news.html && this.show(news, sent)) this.version = seen;
    if (news.state === "refused") this.wrong = news.fields;
    if (news.state === "saved") {
      this.unmark();
      this.onServer = during ? sent : typedIn(this.form);
      if (this.isBehind) {
        this.keep();
        this.soon(SOON);
      } else {
        this.shelf.drop(this.path);
        this.say("saved", news.said);
      }
      return;
    }
    this.keep();
    if (news.state === "corrected") {
      this.lock();
      const told = this.form.querySelector(".notice[data-corrected]");
      told.hidden = false;
      told.focus();
    }
    if (news.state === "expired") {
      this.held = false;
      this.soon(AGAIN[2]);
    }
    this.say("waiting", this.words[news.state] ?? this.words.waiting);
  }

  /** What was wrong has been put right: its marks go. */
  unmark() {
    for (const key of this.wrong ?? []) {
      const place = this.form.querySelector(`[data-question="${CSS.escape(key)}"]`);
      if (!place) continue;
      for (const error of place.querySelectorAll(".error")) error.remove();
      for (const marked of [place, ...place.querySelectorAll(".invalid, [aria-invalid]")]) {
        marked.classList.remove("invalid");
        marked.removeAttribute("aria-invalid");
      }
    }
    if (this.wrong) this.form.querySelector(".error-summary")?.remove();
    this.wrong = null;
  }

  /** Put the questions that the server laid out anew in their places; what was typed meanwhile stays in them. A question
      that somebody else answered, and this person meanwhile too, stays as it is: whether there is one is returned. Saved
      again from what the person saw then, the server shows both. */
  show(news, sent) {
    const fresh = new DOMParser().parseFromString(news.html, "text/html");
    const [then, now] = [byName(sent), byName(typedIn(this.form))];
    const isTyped = ({ name }) => !same((then.get(name) ?? []).filter(Boolean), (now.get(name) ?? []).filter(Boolean));
    let apart = false;
    for (const key of news.fields) {
      const place = this.form.querySelector(`[data-question="${CSS.escape(key)}"]`);
      const wanted = fresh.querySelector(`[data-question="${CSS.escape(key)}"]`);
      if (!place || !wanted) continue;
      const typed = controlsIn(place).some(isTyped);
      const isTable = wanted.matches("[data-table]");
      if (typed && !isTable && !wanted.querySelector(".error")) {
        apart = true;
        continue;
      }
      const focused = place.contains(document.activeElement) ? document.activeElement : null;
      const { selectionStart: from, selectionEnd: to } = focused ?? {};
      const placed = document.importNode(wanted, true);
      place.replaceWith(placed);
      const moved = isTable ? putLines(placed, then, now, this.form) : new Map();
      if (typed && !isTable) for (const control of controlsIn(placed)) put(control, now.get(control.name));
      const again = focused && document.getElementById(moved.get(focused.id) ?? focused.id);
      again?.focus({ preventScroll: true });
      if (again && typeof from === "number") again.setSelectionRange(from, to);
    }
    const summary = fresh.querySelector(".error-summary");
    this.form.querySelector(".error-summary")?.remove();
    if (summary) this.form.prepend(summary);
    document.dispatchEvent(new Event("laidout"));
    return apart;
  }

  /** The buttons: tables change on the spot, "Save and go on" goes on even without a line. */
  async pressed(event) {
    const button = event.submitter;
    if (button?.name === "add_row" && !this.locked) {
      const table = document.getElementById(button.value);
      if (!addLine(table)) return;
      event.preventDefault();
      const lines = table.querySelectorAll(":scope > .line");
      lines[lines.length - 1].querySelector("input, select, textarea")?.focus();
      return;
    }
    if (button?.name === "add_up" || button?.name === "read") return;
    if (button?.name === "submit" && !this.isBehind) return;
    event.preventDefault();
    event.stopPropagation();
    this.held = false;
    const news = await this.save();
    if (news?.html && news.state !== "saved") this.form.querySelector(".error-summary")?.focus();
    if (news?.state === "corrected") location.assign(this.path);
    else if (button?.name === "submit" && news?.state === "saved") this.form.requestSubmit(button);
    else if (button?.name === "next" && (news === null || news.state === "saved" || news.state === "expired")) {
      location.assign(this.form.dataset.next);
    }
  }
}

/* ---------------------------------------------------------------- texts of other sections that still wait here */

async function sendWaiting(shelf, open, line) {
  const waiting = shelf.paths().filter((path) => path !== open);
  for (const path of waiting) {
    const kept = shelf.get(path);
    if (!kept) continue;
    try {
      const token = document.querySelector('input[name="csrf_token"]')?.value ?? "";
      const news = await sendOrRenew(path, kept, token);
      if (arrived(news)) shelf.drop(path);
    } catch {
      break;
    }
  }
  const left = shelf.paths().filter((path) => path !== open);
  document.dispatchEvent(new Event("sent"));
  if (!line) return;
  line.hidden = !left.length;
  if (left.length) {
    line.querySelector("a").href = left[0];
    line.querySelector("[data-number]").textContent = left.length;
  }
}

/** Keep the other sections on this device as well, so that one can go from one to the next without a line. */
async function keepSections() {
  if (navigator.connection?.saveData || !("caches" in window)) return;
  const pages = await caches.open("pages");
  for (const link of document.querySelectorAll(".page-sections > nav.sections a")) {
    const path = new URL(link.href).pathname;
    if (await pages.match(path)) continue;
    const answer = await fetch(path, { headers: { Accept: "text/html" } });
    if (answer.ok && !answer.redirected) await pages.put(path, answer);
  }
}

/* ---------------------------------------------------------------- beginning */

const person = document.body.dataset.person;
if (person) {
  const shelf = new Shelf(person);
  const form = document.querySelector("form[data-draft]");
  const open = form ? new Draft(form, shelf).path : null;
  const line = document.querySelector("[data-waiting-elsewhere]");
  sendWaiting(shelf, open, line);
  window.addEventListener("online", () => sendWaiting(shelf, open, line));
}
if (person && "serviceWorker" in navigator && window.isSecureContext) {
  navigator.serviceWorker
    .register("/sw.js")
    .then(() => setTimeout(() => keepSections().catch(() => {}), 4000))
    .catch(() => {});
}
