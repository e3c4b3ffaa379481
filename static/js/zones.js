/* Moments in the time of the place where the page is read, beside the time of the call. Words come from the page. */

const language = document.documentElement.lang === "en" ? "en-GB" : document.documentElement.lang;
const inWords = (moment, timeZone) =>
  new Intl.DateTimeFormat(language, {
    weekday: "long", day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit", hour12: false, timeZone,
  }).format(moment);

for (const place of document.querySelectorAll("[data-moment]")) {
  const moment = new Date(place.dataset.moment);
  const here = inWords(moment);
  if (here === inWords(moment, place.dataset.zone) || here === inWords(moment, "UTC")) continue;
  place.textContent = place.dataset.words.replace("{moment}", here);
  place.hidden = false;
}
