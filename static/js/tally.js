/* Counts again whenever one of the fields that data-tally names (by how their names begin) is ticked or typed into. The
   server counts, as for the button; only the figures are replaced, so that what is ticked and typed stays as it is
   (templates/scenarios/compose.html, templates/amendments/ask.html). */

const form = document.querySelector("form[data-tally]");
let waits;
let asking;

async function count() {
  asking?.abort();
  asking = new AbortController();
  const typed = new FormData(form);
  typed.set("count", "yes");
  try {
    const answer = await fetch(form.action, { method: "POST", body: typed, signal: asking.signal });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of form.querySelectorAll("[data-counted]")) {
      const counted = page.getElementById(part.id);
      if (counted) part.replaceChildren(...counted.childNodes);
    }
  } catch {
    // Without a line the figures stay; the button says so when it is pressed.
  }
}

form?.addEventListener("input", ({ target }) => {
  if (!target.name?.startsWith(form.dataset.tally)) return;
  clearTimeout(waits);
  waits = setTimeout(count, target.type === "checkbox" ? 200 : 500);
});
