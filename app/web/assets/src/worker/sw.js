// The service worker. The server puts before it which files and pages make the shell: self.SHELL = {version, files, pages}.
// Pages come from the network; only where it fails, from what is kept. The shell holds nobody's data, and lies in Cache
// Storage; a person's own visits lie encrypted in the store. Nothing else is ever kept: the server chooses what may be.

import { fact, get } from "../kept/store.js";
import { sendAll } from "../kept/send.js";

const { version, files, pages } = self.SHELL;
const CACHE = `shell-${version}`;
const DAY = 24 * 3600 * 1000;
const PATIENCE = 8000; // milliseconds
const STRICT = ["Content-Type", "Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy"];

self.addEventListener("install", (event) => {
  event.waitUntil(fill().then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(dropOlder().then(() => self.clients.claim()));
});

self.addEventListener("sync", (event) => {
  if (event.tag === "send") event.waitUntil(sendAll().then(tellPages));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (url.origin !== self.location.origin) return;
  if (request.mode === "navigate") {
    event.respondWith(request.method === "GET" ? page(event, url) : posted(request));
  } else if (request.method === "GET" && files.includes(url.pathname)) {
    event.respondWith(caches.match(request).then((found) => found ?? fetch(request)));
  }
});

// Signed out, so that no page of the shell holds anything of anybody.
async function fill() {
  const shell = await caches.open(CACHE);
  await shell.addAll([...files, ...pages].map((url) => new Request(url, { credentials: "omit", cache: "no-cache" })));
}

async function dropOlder() {
  const older = (await caches.keys()).filter((name) => name.startsWith("shell-") && name !== CACHE);
  await Promise.all(older.map((name) => caches.delete(name)));
}

async function page(event, url) {
  try {
    const answer = await promptly(fetch(event.request), url.pathname);
    event.waitUntil(renew());
    return answer;
  } catch {
    return (await keptPage(url.pathname)) ?? shellPage(url.pathname);
  }
}

// A network that neither works nor fails: after a while the kept page is better than none.
function promptly(coming, path) {
  coming.catch(() => null);
  const waited = new Promise((done) => setTimeout(done, PATIENCE)).then(() => keptPage(path).catch(() => null));
  return Promise.race([coming, waited.then((found) => found ?? coming)]);
}

// A form sent by pressing its button: it is in the store before it is posted, so that nothing is lost here.
async function posted(request) {
  const copy = request.clone();
  try {
    return await fetch(request);
  } catch {
    const fields = await copy.formData().catch(() => new FormData());
    const report = new URL(request.url).pathname === "/report/" && !fields.get("_key");
    await self.registration.sync?.register("send").catch(() => null);
    const name = report ? "report" : "unsent";
    return Response.redirect(`${await address(name)}${report || fields.get("_key") ? "" : "#not-done"}`, 303);
  }
}

async function keptPage(path) {
  const who = await fact("who");
  const found = who && (await get(who, "page", path).catch(() => null));
  if (!found) return null;
  const { html, headers } = found.value;
  return new Response(html.replace("<html", `<html data-kept="${found.at}"`), { headers });
}

async function shellPage(path) {
  const own = pages.includes(path) ? path : await address(path.startsWith("/report/") ? "report" : "unsent");
  const found = await caches.match(own);
  if (!found) return Response.error();
  const headers = STRICT.filter((name) => found.headers.has(name)).map((name) => [name, found.headers.get(name)]);
  return new Response((await found.text()).replace("<html", "<html data-offline"), { headers });
}

async function address(name) {
  return `/kept/${(await fact("lang").catch(() => null)) ?? "zh"}/${name}`;
}

// Villages are added, words mended: the shell's pages are fetched anew once a day.
async function renew() {
  const shell = await caches.open(CACHE);
  const found = await shell.match(pages[0]);
  if (found && Date.now() - Date.parse(found.headers.get("Date")) > DAY) await fill().catch(() => null);
}

async function tellPages() {
  for (const client of await self.clients.matchAll()) client.postMessage("sent");
}
