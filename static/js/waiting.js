/* What waits on this device of one application, told where it is read and sent in (templates/applications/_waiting.html).
   draft.js keeps the texts and sends them; what can no longer be saved is shown, to copy from. Words come from the page. */

const place = document.querySelector("[data-waits]");
const prefix = `draft:${document.body.dataset.person}:`;
const parts = [...place.querySelectorAll("[data-path]")];

function kept(path) {
  try {
    return JSON.parse(localStorage.getItem(prefix + path));
  } catch {
    return null;
  }
}

/** What was typed as the answer to a question; the cells of a table line by line. */
function answerTo(key, fields) {
  const lines = new Map();
  for (const [name, text] of fields) {
    const number = name.startsWith(`${key}-`) ? Number.parseInt(name.slice(key.length + 1), 10) : 0;
    if (!text.trim() || Number.isNaN(number) || (name !== key && !number)) continue;
    lines.set(number, [...(lines.get(number) ?? []), text]);
  }
  return [...lines.values()].map((cells) => cells.join(" · ")).join("\n");
}

/** Show what waits; returns whether anything does. */
function tell() {
  for (const part of parts) {
    const text = kept(part.dataset.path);
    part.hidden = !text;
    for (const question of text ? part.querySelectorAll("[data-key]") : []) {
      const answer = answerTo(question.dataset.key, text.fields);
      question.hidden = !answer;
      question.querySelector("dd").textContent = answer;
    }
  }
  const waits = parts.some((part) => !part.hidden);
  place.hidden = !waits;
  // Who sends it in is asked first whether it may go without these texts.
  for (const button of document.querySelectorAll('form[action$="/submit"] button, button[name="send"]')) {
    button.dataset.asked ??= button.dataset.confirm ?? "";
    const question = waits ? place.dataset.waits : button.dataset.asked;
    if (question) button.dataset.confirm = question;
    else delete button.dataset.confirm;
  }
  return waits;
}

/** The answers of a part as one text, each below its question. */
const wholeText = (part) =>
  [...part.querySelectorAll("[data-key]:not([hidden])")]
    .map(({ children }) => [...children].map((line) => line.textContent).join("\n"))
    .join("\n\n");

document.addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-copies]");
  if (!button) return;
  await navigator.clipboard.writeText(wholeText(button.closest("[data-path]")));
  button.parentElement.querySelector("[role=status]").textContent = button.dataset.copies;
});

// A question before it comes from pilot.js, which asks and then sends the form once more.
document.addEventListener("submit", (event) => {
  const part = event.target.closest("[data-path]");
  if (!part || event.defaultPrevented) return;
  event.preventDefault();
  event.target.elements.confirmed?.remove();
  localStorage.removeItem(prefix + part.dataset.path);
  tell();
  document.getElementById("content").focus();
});

// What has just been sent changes how far the application is.
document.addEventListener("sent", () => {
  const waited = !place.hidden;
  if (!tell() && waited && !document.querySelector("dialog[open]")) location.reload();
});
window.addEventListener("storage", tell);
tell();
