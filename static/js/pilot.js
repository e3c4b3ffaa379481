/* Comfort on top of pages that work without it. Each function finds its own elements and does nothing when there are none.
   Words come from the page (data attributes), so this file needs no translation. */

/** The words of a text, counted as the server counts them: pieces between white space that hold a letter or a digit. */
export const countWords = (text) => text.split(/\s+/).filter((piece) => /[\p{L}\p{N}]/u.test(piece)).length;

/** The characters of a text as the server receives it: a line break counts twice, an emoji once. */
export const countCharacters = (text) => [...text.replaceAll("\n", "\r\n")].length;

/** "At most 250 words" becomes a count that goes down, and says how many are too many. Only the eye follows each key:
    a screen reader hears the sentence the field is described by when it is reached. */
function countDown(count) {
  const field = document.getElementById(count.dataset.counts);
  if (!field) return;
  const number = new Intl.NumberFormat(document.documentElement.lang);
  const measure = count.dataset.unit === "words" ? countWords : countCharacters;
  const left = Number(count.dataset.max) - measure(field.value);
  count.classList.toggle("over", left < 0);
  count.textContent = `${left < 0 ? count.dataset.over : count.dataset.left} ${number.format(Math.abs(left))}`;
}

const countAll = () => document.querySelectorAll("[data-counts]").forEach(countDown);

/** A field and its count may have been laid out anew since the page came (see draft.js). */
function onInput({ target }) {
  const count = document.getElementById(`${target.id}-count`);
  if (count?.dataset.counts) countDown(count);
}

const unsaved = new Set();

/** From the first key on, a form marked data-unsaved-hint says that it is not saved, and the browser asks before leaving. */
function watchForChanges(form) {
  form.addEventListener("input", () => {
    if (unsaved.has(form)) return;
    unsaved.add(form);
    const line = form.querySelector(".save-state");
    line?.classList.replace("saved", "unsaved");
    if (line) line.querySelector("span").textContent = line.dataset.unsaved;
  });
}

/** Asks the question of a data-confirm button in the page's own dialog. */
function ask(question) {
  const dialog = document.getElementById("confirm-dialog");
  if (!dialog?.showModal) return Promise.resolve(window.confirm(question));
  dialog.querySelector("p").textContent = question;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((answer) => {
    dialog.addEventListener("close", () => answer(dialog.returnValue === "yes"), { once: true });
  });
}

/** Whether this device keeps text that the server does not have yet (see draft.js). */
function textWaitsHere() {
  try {
    return Object.keys(localStorage).some((key) => key.startsWith("draft:"));
  } catch {
    return false;
  }
}

/** Confirms first where the button asks to, then lets each form go out once. */
function onSubmit(event) {
  const form = event.target;
  const button = event.submitter;
  // Not form.method: a field of that name would stand in its place.
  const method = form.getAttribute("method")?.toLowerCase();
  if (method === "dialog" || event.defaultPrevented) return;
  if (button?.dataset.confirmWaiting && textWaitsHere()) button.dataset.confirm = button.dataset.confirmWaiting;
  if (button?.dataset.confirm && !form.elements.confirmed) {
    event.preventDefault();
    ask(button.dataset.confirm).then((yes) => {
      if (!yes) return;
      form.insertAdjacentHTML("beforeend", '<input type="hidden" name="confirmed" value="yes">');
      form.requestSubmit(button);
    });
    return;
  }
  if (form.dataset.sending) {
    event.preventDefault();
    return;
  }
  if (method !== "post") return;
  form.dataset.sending = "yes";
  // An answer that is a download leaves the page where it is.
  setTimeout(() => delete form.dataset.sending, 8000);
  unsaved.delete(form);
}

/** A page that comes back from the browser's memory may be sent again. */
function onPageShow(event) {
  if (!event.persisted) return;
  for (const form of document.querySelectorAll("form[data-sending]")) delete form.dataset.sending;
}

/** Menus close when one looks elsewhere: another click, or Escape, which gives the focus back. */
function closeMenus(event) {
  for (const menu of document.querySelectorAll("details.drop[open]")) {
    if (event.type === "keydown" ? event.key !== "Escape" : menu.contains(event.target)) continue;
    menu.open = false;
    if (event.type === "keydown") menu.querySelector("summary").focus();
  }
}

document.querySelector(".error-summary")?.focus();
countAll();
document.addEventListener("laidout", countAll);
document.addEventListener("input", onInput);
document.querySelectorAll("form[data-unsaved-hint]").forEach(watchForChanges);
document.addEventListener("submit", onSubmit);
document.addEventListener("click", closeMenus);
document.addEventListener("keydown", closeMenus);
window.addEventListener("pageshow", onPageShow);
window.addEventListener("beforeunload", (event) => {
  if (unsaved.size) event.preventDefault();
});
