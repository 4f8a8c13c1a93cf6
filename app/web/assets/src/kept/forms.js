// Forms that are never lost: what is typed is kept on this phone within a moment, and a form that is finished lies in the
// store before it is posted. Marks: form[data-kept-as] = the draft's name, [data-kept-kind], [data-kept-to] = where the
// phone sends it later, [data-kept-title]; [data-kept-part] one step of several; [data-kept-returned] the key of a form
// that came back with something to mend; [data-kept-line] says what was kept; [data-kept-clear] throws it away.

import { session } from "./send.js";
import { drop, get, list, put } from "./store.js";
import { fillIn, timeWords } from "./me.js";

const PAUSE = 250; // milliseconds without typing
const OURS = ["csrf_token", "_key", "_written"];

export async function keepForm(form, me) {
  const { keptAs: as, keptReturned: returned } = form.dataset;
  let timer = 0;
  let touched = "keptTouched" in form.dataset; // while this script was still waking up
  let leaving = false;

  async function save() {
    clearTimeout(timer);
    timer = 0;
    if (leaving || !touched) return;
    const before = "keptPart" in form.dataset ? (await get(me.who, "draft", as))?.value.fields : null;
    const others = (before ?? []).filter(([name]) => ![...form.elements].some((field) => field.name === name));
    const about = { title: form.dataset.keptTitle, page: pageOf(form), written: me.now().toISOString() };
    await put(me.who, "draft", as, { ...about, fields: [...others, ...typed(form)] });
    say(form, "saved", timeWords(me.now(), me.now()));
  }

  form.addEventListener("input", changed);
  form.addEventListener("change", changed);
  function changed() {
    touched = true;
    clearTimeout(timer);
    timer = setTimeout(save, PAUSE);
  }
  document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && timer && save());
  // The server has the draft (forms.js): then this phone need not.
  form.addEventListener("draft-saved", () => !timer && drop(me.who, "draft", as));
  form.querySelector("[data-kept-clear]")?.addEventListener("click", async () => {
    leaving = true;
    await drop(me.who, "draft", as);
    location.assign(location.pathname);
  });

  form.addEventListener("submit", async (event) => {
    const button = event.submitter;
    if (event.defaultPrevented || leaving) return;
    event.preventDefault();
    if (button?.name && button.value !== "send") {
      await save().catch(() => null);
      leaving = true;
      return go(form, button, []);
    }
    if (navigator.onLine === false && stopsAtGap(form)) return;
    const marks = await finish(form, button, me).catch(() => []);
    leaving = true;
    if (navigator.onLine === false && marks.length) {
      (await navigator.serviceWorker?.getRegistration())?.sync?.register("send").catch(() => null);
      return location.assign(form.dataset.keptHome);
    }
    if (!(await hasToken(form))) return location.assign(form.dataset.keptHome);
    go(form, button, marks);
  });

  if (returned || touched) {
    touched = true;
    await save();
  } else {
    const found = await mine(form, me, as);
    if (found && !touched) offer(form, found, me);
  }
}

/* The draft, or the form that was finished and is still here. */
async function mine(form, me, as) {
  const draft = await get(me.who, "draft", as);
  return draft ?? ("keptPart" in form.dataset ? null : (await list(me.who, "unsent")).find(({ value }) => value.as === as));
}

/* What is here is put back at once; where the server has a newer draft, from another device, the person chooses. */
function offer(form, found, me) {
  const drafted = form.dataset.keptDrafted;
  if (!drafted || Date.parse(drafted) <= Date.parse(found.value.written)) return restore(form, found, me);
  const button = form.querySelector("[data-kept-swap]");
  say(form, "other", timeWords(new Date(found.value.written), me.now()));
  button.hidden = false;
  button.addEventListener("click", () => {
    button.hidden = true;
    restore(form, found, me);
  });
}

function pageOf(form) {
  return form.dataset.keptKind === "report" ? "" : new URL(form.action).pathname.replace(/\/complete$/, "");
}

function restore(form, { value }, me) {
  fill(form, value.fields, "keptPart" in form.dataset);
  say(form, "restored", timeWords(new Date(value.written), me.now()));
  form.dispatchEvent(new Event("change"));
}

/* In the store first, under a key that makes sending it happen once. */
async function finish(form, button, me) {
  const { keptAs: as, keptKind: kind, keptTo: to, keptTitle: title } = form.dataset;
  const [key, written] = [newKey(), me.now().toISOString()];
  const marks = [["_key", key], ["_written", written]];
  const older = kind === "report" ? [] : (await list(me.who, "unsent")).filter(({ value }) => value.as === as);
  const fields = [...typed(form), ...marks];
  await put(me.who, "unsent", key, { kind, as, to, title, page: pageOf(form), fields, written, state: "waiting" });
  for (const { name } of older) await drop(me.who, "unsent", name);
  await drop(me.who, "draft", as);
  return marks;
}

function newKey() {
  const byte = () => crypto.getRandomValues(new Uint8Array(1))[0];
  return "10000000-1000-4000-8000-100000000000".replace(/[018]/g, (c) => (c ^ (byte() & (15 >> (c / 4)))).toString(16));
}

/* As the button would have posted it. */
function go(form, button, marks) {
  if (button?.hasAttribute("formaction")) form.action = button.formAction;
  for (const [name, value] of [...marks, ...(button?.name ? [[button.name, button.value]] : [])]) {
    const field = document.createElement("input");
    Object.assign(field, { type: "hidden", name, value });
    form.append(field);
  }
  HTMLFormElement.prototype.submit.call(form);
}

/* A page that was kept holds no token: it asks for one, and sees whether the network is really there. */
async function hasToken(form) {
  const field = form.elements.csrf_token;
  if (!field.value) field.value = (await session())?.csrf ?? "";
  return field.value !== "";
}

/* Without network nobody checks the form; what must be answered is asked for before it is put away. */
function stopsAtGap(form) {
  const blank = (field) =>
    !field.closest("[hidden]") &&
    (field.getAttribute("role") === "radiogroup" ? !field.querySelector("input:checked") : !field.value.trim());
  const named = (form.dataset.keptRequired ?? "").split(" ").filter((name) => name && !answered(form, name));
  const gaps = [...form.querySelectorAll("[required], [role=radiogroup][aria-required=true]")].filter(blank);
  gaps.push(...named.map((name) => questions(form, name)[0]));
  if (!gaps.length) return false;
  form.dispatchEvent(new Event("not-sent"));
  say(form, "gaps", "", gaps.length);
  (gaps[0].matches("fieldset") ? (gaps[0].querySelector("input") ?? gaps[0]) : gaps[0]).focus();
  return true;
}

function answered(form, name) {
  return questions(form, name).some((field) => (isMark(field) ? field.checked : field.value.trim()));
}

export function typed(form) {
  return [...new FormData(form)].filter(([name, value]) => typeof value === "string" && !OURS.includes(name));
}

const isMark = (field) => field.type === "checkbox" || field.type === "radio";

function questions(form, name) {
  return [...form.elements].filter((field) => field.name === name && !["hidden", "submit", "file"].includes(field.type));
}

/* With `blanks`, what the server filled in is newer: only blank questions are answered. */
function fill(form, fields, blanks) {
  addRows(form, fields);
  const all = new Set([...form.elements].map((field) => field.name).filter((name) => name && !OURS.includes(name)));
  for (const name of all) {
    const values = fields.filter(([other]) => other === name).map(([, value]) => value);
    const found = questions(form, name);
    if (blanks && (!values.length || found.some((field) => (isMark(field) ? field.checked : field.value)))) continue;
    for (const field of found) {
      if (isMark(field)) field.checked = values.includes(field.value);
      else field.value = values[0] ?? "";
    }
  }
  for (const picker of form.querySelectorAll("[data-kind=filepicker]")) keepAttached(picker, fields);
  for (const details of form.querySelectorAll("details")) {
    if ([...details.querySelectorAll("input")].some((field) => field.value)) details.open = true;
  }
}

/* A file that was attached before, and that this page does not list, stays attached by its number. */
function keepAttached(picker, fields) {
  const { field } = picker.dataset;
  for (const [name, value] of fields) {
    if (name !== field || picker.querySelector(`input[value="${CSS.escape(value)}"]`)) continue;
    picker.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
  }
}

function addRows(form, fields) {
  for (const [name] of fields) {
    const list = /^([a-z][a-z0-9_]*)-\d+-/.exec(name)?.[1];
    const button = list && form.querySelector(`[data-row-add][value="${list}"]`);
    for (let tries = 0; button && !form.elements[name] && tries < 20; tries += 1) button.click();
  }
}

function say(form, state, time, n = 0) {
  const line = form.querySelector("[data-kept-line]");
  if (!line || (state === "saved" && form.dataset.draft)) return;
  line.textContent = fillIn(line.dataset[state] ?? "", { time, n });
  form.querySelector("[data-kept-clear]")?.removeAttribute("hidden");
}
