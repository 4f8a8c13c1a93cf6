// The line below the bar: what is not sent and since when; what was sent and is still to be noted; how old this page is.

import { list } from "./store.js";
import { fillIn, timeWords } from "./me.js";

export async function drawBar(me) {
  const bar = document.querySelector("[data-kept-bar]");
  if (!bar) return;
  const things = (await Promise.all(me.seen.map((who) => list(who, "unsent")))).flat().map(({ value }) => value);
  const unsent = things.filter(({ state }) => state !== "sent").map(({ written }) => new Date(written));
  const words = [];
  if (unsent.length) {
    const since = new Date(Math.min(...unsent));
    words.push(fillIn(bar.dataset.waiting, { n: unsent.length, time: timeWords(since, me.now()) }));
  }
  if (things.length > unsent.length) words.push(bar.dataset.sent);
  bar.hidden = words.length === 0 || "shell" in document.documentElement.dataset;
  bar.querySelector("[data-kept-words]").textContent = words.join(" ");
}

/** A page out of the store says so, and of when it is. */
export function sayHowOld(me) {
  const line = document.querySelector("[data-kept-old]");
  const { kept } = document.documentElement.dataset;
  if (!line || !kept) return;
  line.textContent = fillIn(line.dataset.keptOld, { time: timeWords(new Date(Number(kept) + (me.now() - Date.now())), me.now()) });
  line.hidden = false;
}
