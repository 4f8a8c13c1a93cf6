// Who uses this page, whether it is fresh, and what time the server has.

import { NOBODY, fact, setFact, sweep } from "./store.js";

const root = document.documentElement;

/**
 * `who` writes on this page; `seen` are those whose things it shows. A page of the shell or out of the store is not
 * fresh: who uses it is whoever signed in last and has not signed out.
 */
export async function meet() {
  const fresh = !("kept" in root.dataset || "offline" in root.dataset);
  const last = await fact("who");
  const signedIn = root.dataset.who;
  if (fresh) await remember(signedIn, last);
  const shell = !signedIn && (!fresh || "shell" in root.dataset);
  const ahead = (await fact("ahead")) ?? 0;
  return {
    fresh,
    who: signedIn || (shell && last) || NOBODY,
    seen: signedIn ? [signedIn] : [...new Set([last ?? NOBODY, NOBODY])],
    now: () => new Date(Date.now() + ahead),
  };
}

// Pages of whoever was here before go at once; what they had not sent stays sealed until they are back, or it expires.
async function remember(signedIn, last) {
  await sweep((thing) => thing.until <= Date.now() || (signedIn && thing.kind === "page" && thing.who !== signedIn));
  await setFact("lang", root.lang.startsWith("en") ? "en" : "zh");
  if (root.dataset.now && !("shell" in root.dataset)) await setFact("ahead", Date.parse(root.dataset.now) - Date.now());
  if (signedIn && signedIn !== last) await setFact("who", signedIn);
}

/** “14:05”, with the day where it is another one; the zone is that of the law. */
export function timeWords(at, now) {
  const language = root.lang.startsWith("en") ? "en-GB" : "zh-CN";
  const zone = { timeZone: "Asia/Shanghai" };
  const day = (date) => date.toLocaleDateString(language, { month: "short", day: "numeric", ...zone });
  const time = at.toLocaleTimeString(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...zone });
  return day(at) === day(now) ? time : `${day(at)} ${time}`;
}

export const fillIn = (words, values) =>
  Object.entries(values).reduce((text, [name, value]) => text.replace(`{${name}}`, String(value)), words);
