/* Files travel in pieces, each with its SHA-256, so that a line that drops costs one piece and never the file.
   Without this module, or without a browser that can count checksums, the plain forms do the same in one go. */

const words = document.getElementById("upload-words")?.dataset;
const language = document.documentElement.lang;
const SMALLEST = 32 * 1024;
const MEGABYTE = 1024 * 1024;
const LARGEST = MEGABYTE;
const QUICK = 2000;
const SLOW = 8000;
const PATIENCE = 90_000;

const say = (sentence, values = {}) => sentence.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
const size = (bytes) => {
  const unit = bytes < 1e6 ? ["kilobyte", 1e3] : ["megabyte", 1e6];
  const shown = { style: "unit", unit: unit[0], maximumFractionDigits: bytes < 1e6 ? 0 : 1 };
  return new Intl.NumberFormat(language, shown).format(bytes / unit[1]);
};
const pause = (time) => new Promise((go) => {
  const timer = setTimeout(go, time);
  window.addEventListener("online", () => { clearTimeout(timer); go(); }, { once: true });
});
const make = (name, attributes = {}, ...inside) => {
  const made = Object.assign(document.createElement(name), attributes);
  made.append(...inside);
  return made;
};
const sha256 = async (bytes) =>
  [...new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))].map((b) => b.toString(16).padStart(2, "0")).join("");

/** What the browser remembers of files on their way, so that a page loaded again can say which ones to choose again. */
const memory = {
  all(begin) {
    const found = [];
    try {
      for (const key of Object.keys(localStorage)) {
        if (key.startsWith(`upload ${begin} `)) found.push([key, JSON.parse(localStorage.getItem(key))]);
      }
    } catch { /* a browser that keeps nothing still sends */ }
    return found;
  },
  keep(begin, fingerprint, told) {
    try { localStorage.setItem(`upload ${begin} ${fingerprint}`, JSON.stringify(told)); } catch { /* as above */ }
  },
  forget(key) {
    try { localStorage.removeItem(key); } catch { /* as above */ }
  },
};

/** The server said no, and why. */
class Refusal extends Error {}

/** One question to the server. A line that is gone is no error here: it is asked again until there is an answer. */
async function ask(form, address, body, headers = {}, lost = () => {}) {
  const isBytes = body instanceof ArrayBuffer;
  for (let wait = 1000; ; wait = Math.min(wait * 2, 30_000)) {
    let answer;
    try {
      answer = await fetch(address, {
        method: body === undefined ? "GET" : "POST",
        body: body === undefined || isBytes ? body : JSON.stringify(body),
        headers: {
          "X-CSRFToken": form.elements.csrf_token.value,
          ...(body === undefined ? {} : { "Content-Type": isBytes ? "application/octet-stream" : "application/json" }),
          ...headers,
        },
        signal: AbortSignal.timeout(PATIENCE),
      });
    } catch {
      lost();
      await pause(wait);
      continue;
    }
    if (answer.status === 429 || answer.status >= 500) {
      if (wait > 8000) throw new Refusal(words.broken);
      lost();
      await pause(wait);
      continue;
    }
    if (answer.status === 401 || answer.redirected) throw new Refusal(words.signin);
    const told = await answer.json().catch(() => null);
    if (told === null) throw Object.assign(new Refusal(answer.status === 400 ? words.signin : words.broken), { status: answer.status });
    if (answer.status === 422) throw Object.assign(new Refusal(told.problems.join(" ")), { status: 422, codes: told.codes });
    return { status: answer.status, ...told };
  }
}

/** One chosen file: its line in the list, and its way to the server. */
class Parcel {
  constructor(form, file, list) {
    this.form = form;
    this.file = file;
    this.sent = 0;
    this.state = "ready";
    const id = `parcel-${Parcel.count = (Parcel.count ?? 0) + 1}`;
    this.said = make("span", { className: "parcel-said", textContent: `${size(file.size)}, ${words.ready}` });
    this.bar = make("progress", { max: Math.max(file.size, 1), value: 0, hidden: true });
    this.bar.setAttribute("aria-label", say(words.progress, { name: file.name }));
    this.buttons = make("span", { className: "parcel-buttons" });
    for (const [what, sign, step] of [["earlier", "↑", -1], ["later", "↓", 1], ["remove", "×", 0]]) {
      const button = make("button", { type: "button", className: "button quiet", textContent: sign });
      button.dataset.step = step;
      button.setAttribute("aria-label", say(words[what], { name: file.name }));
      button.addEventListener("click", () => list.move(this, step));
      this.buttons.append(button);
    }
    this.line = make("li", { id }, make("span", { className: "parcel-name", textContent: file.name }), this.buttons, this.bar, this.said);
  }

  get isPicture() { return /^image\/(jpeg|png)$/.test(this.file.type); }

  tell(state, sentence) {
    this.state = state;
    this.line.className = state;
    if (this.said.textContent !== sentence) this.said.textContent = sentence;
    this.bar.hidden = !["sending", "waiting"].includes(state);
    this.bar.value = this.sent;
    this.buttons.hidden = !["ready", "refused"].includes(state);
  }

  progress() {
    const values = { sent: size(this.sent), size: size(this.file.size) };
    this.tell("sending", say(words.sending, values));
  }

  /** From announcing to the last piece. `page` says that it becomes a page of a PDF. */
  async send(page) {
    const { form, file } = this;
    if (!file.size) throw new Refusal(words.empty);
    const largest = page ? 10 * MEGABYTE : Number(form.dataset.largest);
    if (file.size > largest) throw new Refusal(say(words.large, { n: largest / MEGABYTE }));
    this.tell("reading", words.reading);
    const fingerprint = await sha256(await file.arrayBuffer());
    const begin = form.dataset.begin;
    const lost = () => this.tell("waiting", say(words.waiting, { sent: size(this.sent), size: size(file.size) }));
    const upload = await ask(form, begin, { name: file.name, size: file.size, sha256: fingerprint, page }, {}, lost);
    this.address = `/uploads/${upload.upload}`;
    this.key = upload.upload;
    this.kept = `upload ${begin} ${fingerprint}`;
    memory.keep(begin, fingerprint, { upload: upload.upload, name: file.name, size: file.size });
    this.sent = upload.received;
    this.progress();
    let piece = 4 * SMALLEST;
    while (this.sent < file.size) {
      const bytes = await file.slice(this.sent, this.sent + piece).arrayBuffer();
      const headers = { "Upload-Offset": String(this.sent), "Upload-Sha256": await sha256(bytes) };
      const started = performance.now();
      let dropped = false;
      try {
        const { received } = await ask(form, `${this.address}/parts`, bytes, headers, () => { dropped = true; lost(); });
        this.sent = received;
      } catch (refusal) {
        if (!refusal.codes?.includes("part_garbled")) throw refusal;
        dropped = true;
      }
      const took = performance.now() - started;
      if (dropped || took > SLOW) piece = Math.max(SMALLEST, piece / 2);
      else if (took < QUICK) piece = Math.min(LARGEST, piece * 2);
      this.progress();
    }
    this.tell("checking", words.checking);
  }

  async attach() {
    await ask(this.form, `${this.address}/finish`, {}, {}, () => this.tell("waiting", say(words.waiting, { sent: size(this.sent), size: size(this.file.size) })));
    this.done();
  }

  done() {
    memory.forget(this.kept);
    this.tell("saved", words.saved);
  }

  /** A file the server cannot take is not kept on its way either. */
  async refused(refusal) {
    this.tell("refused", refusal.message);
    if (refusal.status !== 422 || !this.address) return;
    memory.forget(this.kept);
    await fetch(`${this.address}/set-aside`, { method: "POST", headers: { "X-CSRFToken": this.form.elements.csrf_token.value } }).catch(() => {});
  }
}

/** The files chosen in one form, in the order in which they will be sent. */
class Parcels {
  constructor(form) {
    this.form = form;
    this.parcels = [];
    this.input = form.elements.files;
    this.joined = form.elements.joined;
    this.list = make("ul", { className: "parcels", hidden: true });
    this.list.setAttribute("aria-label", words.chosen);
    this.said = make("p", { className: "upload-said" });
    this.said.setAttribute("role", "status");
    this.input.closest(".field").after(this.list, this.said);
    this.input.addEventListener("change", () => this.choose());
    form.addEventListener("submit", (event) => {
      if (!this.parcels.length) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      if (!this.busy) this.send();
    });
    this.showJoined();
    this.recall();
  }

  /** What the page knows of files that did not arrive whole before it was closed. */
  async recall() {
    for (const [key, known] of memory.all(this.form.dataset.begin)) {
      const answer = await fetch(`/uploads/${known.upload}`).catch(() => null);
      if (answer === null) continue;
      const told = answer.ok && !answer.redirected ? await answer.json() : null;
      if (told?.state !== "open") { memory.forget(key); continue; }
      const values = { name: told.name, sent: size(told.received), size: size(told.size) };
      const drop = make("button", { type: "button", className: "button quiet", textContent: say(words.forget, values) });
      const line = make("li", { className: "unfinished" }, make("span", { textContent: say(words.unfinished, values) }), drop);
      drop.addEventListener("click", async () => {
        await ask(this.form, `/uploads/${known.upload}/set-aside`, {});
        memory.forget(key);
        line.remove();
        this.list.hidden = !this.list.children.length;
        this.input.focus();
      });
      line.dataset.key = key;
      this.list.append(line);
      this.list.hidden = false;
    }
  }

  choose() {
    this.parcels = this.parcels.filter((parcel) => parcel.state !== "refused" && parcel.state !== "saved");
    for (const file of this.input.files) this.parcels.push(new Parcel(this.form, file, this));
    this.input.value = "";
    this.show();
  }

  move(parcel, step) {
    const here = this.parcels.indexOf(parcel);
    this.parcels.splice(here, 1);
    if (step) this.parcels.splice(Math.max(0, here + step), 0, parcel);
    this.show();
    if (step) parcel.line.querySelector(`[data-step="${step}"]`).focus();
    else this.input.focus();
  }

  show() {
    this.list.querySelectorAll("li:not(.unfinished)").forEach((line) => line.remove());
    this.list.append(...this.parcels.map((parcel) => parcel.line));
    this.list.hidden = !this.list.children.length;
    this.form.classList.toggle("chosen", this.parcels.length > 0);
    this.showJoined();
  }

  /** Whether these are photographs is asked only when they could be. */
  showJoined() {
    if (!this.joined) return;
    const could = this.parcels.length > 0 && this.parcels.every((parcel) => parcel.isPicture);
    this.joined.closest(".option").hidden = !could;
    const pictures = this.input.accept.split(",").some((kind) => /^\.(jpe?g|png)$/.test(kind));
    if (!could) this.joined.checked = false;
    else if (!pictures || this.parcels.length > 1) this.joined.checked ||= !this.joined.dataset.touched;
  }

  async send() {
    this.busy = true;
    const joined = Boolean(this.joined?.checked);
    const going = this.parcels.filter((parcel) => parcel.state !== "saved");
    this.list.querySelectorAll(".unfinished").forEach((line) => line.remove());
    let whole = 0;
    for (const parcel of going) {
      try {
        await parcel.send(joined);
        if (!joined) await parcel.attach();
        whole += 1;
      } catch (refusal) {
        if (!(refusal instanceof Refusal)) console.error(refusal);
        await parcel.refused(refusal instanceof Refusal ? refusal : new Refusal(words.broken));
      }
    }
    if (joined && whole === going.length) await this.join(going).catch((refusal) => { this.said.textContent = refusal.message; whole = 0; });
    this.busy = false;
    if (whole === going.length) this.reload();
    else this.tellAll(going);
  }

  tellAll(going) {
    const refused = going.filter((parcel) => parcel.state === "refused");
    if (refused.length) this.said.textContent = refused.map((parcel) => `${parcel.file.name}: ${parcel.said.textContent}`).join(" ");
    if (going.some((parcel) => parcel.state === "saved")) {
      const again = make("button", { type: "button", className: "button secondary", textContent: words.show });
      again.addEventListener("click", () => this.reload());
      this.said.after(again);
    }
  }

  async join(going) {
    const name = going[0].file.name.replace(/\.[^.]*$/, "");
    let told = await ask(this.form, this.form.dataset.join, { uploads: going.map((parcel) => parcel.key), name });
    while (told.state === "working") {
      this.said.textContent = say(words.joining, told);
      await pause(1500);
      told = await ask(this.form, `/booklets/${told.booklet}`);
    }
    if (told.problems.length) throw new Refusal(told.problems.join(" "));
    for (const parcel of going) parcel.done();
  }

  reload() {
    location.hash = this.form.closest("section").id;
    location.reload();
  }
}

if (words && globalThis.crypto?.subtle && globalThis.AbortSignal?.timeout) {
  for (const form of document.querySelectorAll("form.upload")) {
    const parcels = new Parcels(form);
    parcels.joined?.addEventListener("change", () => { parcels.joined.dataset.touched = "yes"; });
  }
  window.addEventListener("beforeunload", (event) => {
    if (document.querySelector(".parcels .sending, .parcels .waiting, .parcels .reading, .parcels .checking")) event.preventDefault();
  });
}
