/* Lets one go on writing without a line: styles and scripts come from this device, and so do the pages of an application
   that were opened here before. What is typed is kept by the page itself (draft.js). */

const PARTS = "parts";
const PAGES = "pages";
const PATIENCE = 10000; // milliseconds before a page comes from this device although there is a line
const WRITING = /^\/(applications\/[^/]+(\/sections\/[^/]+|\/documents)?|reports\/\d+(\/sections\/[^/]+)?)$/;

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches
      .open(PARTS)
      .then((parts) => parts.add(new Request("/offline", { credentials: "omit" })))
      .then(() => self.skipWaiting())
  );
});

self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const address = new URL(event.request.url);
  if (event.request.method !== "GET" || address.origin !== self.location.origin) return;
  if (address.pathname.startsWith("/static/") && address.searchParams.has("v")) event.respondWith(part(event.request));
  else if (event.request.mode === "navigate") event.respondWith(page(event.request, address.pathname));
});

/** Styles and scripts carry their version in their address, so a copy is never old. */
async function part(request) {
  const kept = await caches.match(request);
  if (kept) return kept;
  const answer = await fetch(request);
  if (answer.ok) {
    const parts = await caches.open(PARTS);
    const name = new URL(request.url).pathname;
    for (const old of await parts.keys()) if (new URL(old.url).pathname === name) await parts.delete(old);
    await parts.put(request, answer.clone());
  }
  return answer;
}

async function page(request, path) {
  const pages = WRITING.test(path) ? await caches.open(PAGES) : null;
  const kept = await pages?.match(path);
  try {
    const answer = await fetch(request, kept ? { signal: AbortSignal.timeout(PATIENCE) } : {});
    if (pages && answer.ok && !answer.redirected) await pages.put(path, answer.clone());
    return answer;
  } catch (problem) {
    if (kept) return kept;
    const offline = await caches.match("/offline");
    if (offline) return offline;
    throw problem;
  }
}
