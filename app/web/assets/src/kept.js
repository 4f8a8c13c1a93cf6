// The page of what is not sent yet: each with when it was filled, what is the matter with it, and what one can do.

import { fillIn, meet, timeWords } from "./kept/me.js";
import { session } from "./kept/send.js";
import { NOBODY, able, drop, list, put } from "./kept/store.js";

const find = (name, within = document) => within.querySelector(`[data-${name}]`);
const shown = (element, wanted) => {
  element.hidden = !wanted;
};

async function draw(me) {
  const all = async (kind) =>
    (await Promise.all(me.seen.map(async (who) => (await list(who, kind)).map((thing) => ({ who, kind, ...thing }))))).flat();
  const [things, drafts] = [await all("unsent"), await all("draft")];
  const pages = (await Promise.all(me.seen.map((who) => list(who, "page")))).flat();
  const waiting = things.filter(({ value }) => value.state !== "sent");
  const since = new Date(Math.min(...waiting.map(({ value }) => new Date(value.written))));
  const rest = things.length ? "sent" : me.fresh && navigator.onLine ? "none" : "offline";
  const state = waiting.length ? "waiting" : rest;
  const values = { n: waiting.length, time: waiting.length ? timeWords(since, me.now()) : "" };
  for (const name of ["unsent-title", "unsent-lead"]) find(name).textContent = fillIn(find(name).dataset[state], values);
  shown(find("unsent-actions"), waiting.length || state === "offline");
  redrawn(find("unsent-list"), [...things, ...drafts].map((thing) => item(thing, me)));
  shown(find("pages"), pages.length);
  find("page-list").replaceChildren(...pages.map(link));
}

/* New items in the list, while somebody may be reading: what they had opened stays open, and the focus where it was. */
function redrawn(within, items) {
  const controls = (one) => [...one.querySelectorAll("button, summary")];
  const opened = [...within.querySelectorAll("li:has(details[open])")].map((one) => one.dataset.key);
  const held = document.activeElement?.closest("[data-key]");
  const place = held && controls(held).indexOf(document.activeElement);
  within.replaceChildren(...items);
  for (const one of within.children) {
    find("discard", one).open = opened.includes(one.dataset.key);
    if (one.dataset.key === held?.dataset.key) controls(one)[place]?.focus();
  }
}

function item({ who, kind, name, value }, me) {
  const piece = find("unsent-item").content.cloneNode(true);
  find("item", piece).dataset.key = `${who} ${kind} ${name}`;
  const { state = kind, title, text, written, receipt } = value; // a draft is in no state but that
  find("title", piece).textContent = title;
  find("when", piece).textContent = fillIn(find("when", piece).dataset.when, { time: timeWords(new Date(written), me.now()) });
  find("state", piece).textContent = fillIn(find("state", piece).dataset[state], { text: text ?? "" });
  if (receipt) {
    shown(find("receipt", piece), true);
    find("number", piece).textContent = receipt.number;
    find("code", piece).textContent = `${receipt.code.slice(0, 3)} ${receipt.code.slice(3)}`;
  }
  const gone = () => drop(who, kind, name).then(() => draw(me));
  offer(find("mend-it", piece), state === "mend" || state === "draft" || (state === "refused" && value.page), () => mend(who, name, value));
  offer(find("compare", piece), state === "conflict", () => compare(value));
  offer(find("noted", piece), state === "sent", gone);
  shown(find("discard", piece), state !== "sent");
  find("discard-it", piece).addEventListener("click", gone);
  return piece;
}

function offer(button, wanted, act) {
  shown(button, wanted);
  button.addEventListener("click", act);
}

/* The form again, filled as it was: a task's own page finds it here, a report becomes a draft. */
async function mend(who, name, value) {
  if (value.kind === "report") {
    const { title, page, fields, written } = value;
    await put(who, "draft", value.as, { title, page, fields, written });
    await drop(who, "unsent", name);
  }
  location.assign(value.page || "/report/");
}

/* Both versions stand on the server's own page. */
async function compare(value) {
  const now = await session();
  if (!now?.who) return refresh(now);
  const form = document.createElement("form");
  Object.assign(form, { method: "post", action: `${value.page}/complete`, hidden: true });
  for (const [name, text] of [["csrf_token", now.csrf], ...value.fields]) {
    const field = document.createElement("input");
    Object.assign(field, { type: "hidden", name, value: text });
    form.append(field);
  }
  document.body.append(form);
  form.submit();
}

function refresh(now) {
  const line = find("retry-line");
  line.textContent = now ? line.dataset.signIn : line.dataset.none;
  shown(find("sign-in-link"), Boolean(now));
}

function link({ name, value }) {
  const piece = find("page-item").content.cloneNode(true);
  const anchor = piece.querySelector("a");
  Object.assign(anchor, { href: name, textContent: value.title });
  piece.querySelector("span").textContent = value.due;
  return piece;
}

async function start() {
  if (!able()) return;
  const me = await meet();
  shown(find("to-desk"), me.seen[0] !== NOBODY);
  shown(find("not-done"), location.hash === "#not-done");
  await draw(me);
  document.addEventListener("kept-changed", () => draw(me));
  find("retry").addEventListener("click", async () => {
    const now = await session();
    const theirs = (await Promise.all(me.seen.map((who) => list(who, "unsent")))).flat();
    if (!now || (!now.who && me.seen.length > 1 && theirs.length)) refresh(now);
    document.dispatchEvent(new Event("kept-retry"));
  });
}

start();
