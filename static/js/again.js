/* A page that waits for a worker looks again by itself and says how far it is; without a script there is the link. */

const PAUSE = 2000;

async function lookAgain() {
  const answer = await fetch(location.href).catch(() => null);
  if (answer?.ok) {
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const now = page.querySelector("[data-look-again]");
    if (!now) return location.reload();
    document.querySelector("[data-look-again]").innerHTML = now.innerHTML;
  }
  setTimeout(lookAgain, PAUSE);
}

setTimeout(lookAgain, PAUSE);
