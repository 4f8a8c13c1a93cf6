// A phone keeps the pages of visits: those that are this person's to do, and those that they have opened. The server
// gives each as an empty form (kept.visit), and says which may be kept at all.

import { MOST_PAGES, drop, list, put } from "./store.js";

const FRESH = 12 * 3600 * 1000; // milliseconds for which a kept page is not fetched again
const PHONE = "(max-width: 900px)"; // the shared computer of an office keeps no pages
const STRICT = ["Content-Type", "Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy"];
const [THERE, HERE] = ["/kept/visits/", "/tasks/"];

export async function keepPages(document, me) {
  if (!me.fresh || !document.documentElement.dataset.who || !matchMedia(PHONE).matches) return;
  const opened = document.querySelector("[data-keepable]")?.dataset.keepable;
  if (opened) await fetchPage(opened, me);
  if (document.querySelector("[data-keep-ahead]")) await keepAhead(me);
  const kept = await list(me.who, "page");
  for (const { name } of kept.slice(0, Math.max(0, kept.length - MOST_PAGES))) await drop(me.who, "page", name);
}

async function keepAhead(me) {
  const answer = await fetch("/kept/visits", { credentials: "same-origin", redirect: "error" });
  const kept = await list(me.who, "page");
  const fresh = kept.filter(({ at }) => Date.now() - at < FRESH).map(({ name }) => name);
  const known = kept.map(({ name }) => name.replace(HERE, THERE));
  for (const url of new Set([...(await answer.json()), ...known])) {
    if (!fresh.includes(url.replace(THERE, HERE))) await fetchPage(url, me);
  }
}

async function fetchPage(url, me) {
  const name = url.replace(THERE, HERE);
  const answer = await fetch(url, { credentials: "same-origin", redirect: "error" });
  if (!answer.ok) return drop(me.who, "page", name);
  const html = await answer.text();
  const headers = STRICT.filter((one) => answer.headers.has(one)).map((one) => [one, answer.headers.get(one)]);
  const { keptTitle, keptDue } = new DOMParser().parseFromString(html, "text/html").querySelector("[data-kept-title]").dataset;
  await put(me.who, "page", name, { html, headers, title: keptTitle, due: keptDue });
}
