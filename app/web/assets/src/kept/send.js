// Sending what is kept, once: each thing carries the key it was given when its form was finished, and the server
// does nothing the second time. Runs on pages and in the worker; whichever comes first.

import { NOBODY, change, drop, list, some } from "./store.js";

const SIGNED_IN = "same-origin";

/** Whose token, name and time of the server; null without network. */
export async function session() {
  try {
    const answer = await fetch("/kept/session", { credentials: SIGNED_IN, cache: "no-store" });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

/** Send all that waits of whoever is signed in, and of nobody; returns the drafts' names of what was sent. */
export async function sendAll() {
  const alone = globalThis.navigator?.locks;
  return alone ? alone.request("shouwang-send", sendEach) : sendEach();
}

async function sendEach() {
  const sent = [];
  const now = (await some("unsent")) && (await session());
  if (!now) return sent;
  for (const who of now.who ? [now.who, NOBODY] : [NOBODY]) {
    for (const thing of await list(who, "unsent")) {
      if (thing.value.state !== "waiting") continue;
      const told = await post(who, thing.value, now);
      if (told === null) return sent; // the network is gone again, or the server is in trouble
      await settle(who, thing, told);
      if (told.sent) sent.push(thing.value.as);
    }
  }
  return sent;
}

async function post(who, { to, fields }, { csrf }) {
  // What somebody wrote who had not signed in goes without anybody's session.
  const credentials = who === NOBODY ? "omit" : SIGNED_IN;
  try {
    const headers = { Accept: "application/json", ...(who === NOBODY ? {} : { "X-CSRFToken": csrf }) };
    const answer = await fetch(to, { method: "POST", body: new URLSearchParams(fields), headers, credentials, redirect: "manual" });
    if (answer.type === "opaqueredirect" || answer.status === 400 || answer.status === 401 || answer.status >= 500) return null;
    const told = answer.headers.get("Content-Type")?.includes("json") ? await answer.json() : {};
    return { ...told, status: answer.status };
  } catch {
    return null;
  }
}

async function settle(who, thing, told) {
  const { kind, as } = thing.value;
  if (told.sent && kind !== "report") {
    await drop(who, "unsent", thing.name);
    await drop(who, "draft", as);
    await drop(who, "page", thing.value.page);
  } else if (told.sent) {
    const receipt = { number: told.number, code: told.code };
    await change(who, "unsent", thing.name, { state: "sent", fields: [], receipt });
  } else {
    const state = { 409: "conflict", 422: "mend" }[told.status] ?? "refused";
    await change(who, "unsent", thing.name, { state, text: told.text ?? "" });
  }
}
