import { sendFiles } from "./forms/files.js";

// Forms of the plan, while they are filled in: questions come and go with the answers, rows are added
// and removed, drafts are kept. Everything is also done by the server; this only saves round trips.
//
// Marks (macros/fields.html): form[data-form], [data-draft] = where drafts go, [data-draft-line],
// [data-field][data-kind] one question, [data-show-if] its condition, [data-row] one row's prefix.

const CHECK = 1500; // milliseconds without typing before a draft is sent
const RETRIES = [5000, 15000, 60000];

// --- conditions (app/rules/forms_conditions.py writes them) ---------------------------------

/** Thrown by a look-up that cannot tell what stands in a field: the question is then shown. */
export class Unreadable extends Error {}

/**
 * Whether a condition holds; `fact(name)` gives a value, or null while there is none.
 * Any comparison with what is not known, or of another type, is false.
 */
export function holds(condition, fact) {
  const [sign, first, second] = condition;
  switch (sign) {
    case "and":
      return condition.slice(1).every((part) => holds(part, fact));
    case "or":
      return condition.slice(1).some((part) => holds(part, fact));
    case "not":
      return !holds(first, fact);
    case "flag":
      return fact(first) === true;
    case "is":
      return first;
    case "known":
      return fact(first) !== null;
    default:
      return compare(sign, valueOf(first, fact), valueOf(second, fact));
  }
}

function valueOf([sign, what], fact) {
  if (sign === "is") return what;
  const value = fact(what);
  if (sign === "known") return value !== null;
  return sign === "count" ? (Array.isArray(value) ? value.length : null) : value;
}

function compare(sign, left, right) {
  if (left === null || right === null) return false;
  if (sign === "in") return Array.isArray(right) && right.includes(left);
  if (typeof left !== typeof right || typeof left === "object") return false;
  if (sign === "==") return left === right;
  if (sign === "!=") return left !== right;
  const [one, other] = [left, right].map((value) => (typeof value === "string" ? instant(value) : value));
  if (typeof one !== "number" || Number.isNaN(one) || Number.isNaN(other)) return false;
  return { "<": one < other, "<=": one <= other, ">": one > other, ">=": one >= other }[sign];
}

// A day is its 00:00, and a time without an offset is meant, in Asia/Shanghai.
function instant(text) {
  const whole = text.includes("T") ? text : `${text}T00:00`;
  return Date.parse(/(Z|[+-]\d\d:?\d\d)$/.test(whole.slice(10)) ? whole : `${whole}+08:00`);
}

// --- showing and hiding -----------------------------------------------------------------------

function showWhatIsAsked(form) {
  const settle = () => {
    const all = [...form.querySelectorAll("[data-show-if]")];
    // What is hidden counts as unanswered, which may hide more: as often as there are conditions.
    for (let round = 0; round <= all.length; round += 1) {
      if (!all.map((field) => toggle(form, field)).some(Boolean)) return;
    }
  };
  form.classList.add("is-live");
  form.addEventListener("input", settle);
  form.addEventListener("change", settle);
  settle();
}

function toggle(form, field) {
  const row = field.closest("[data-row]");
  const hide = !asked(JSON.parse(field.dataset.showIf), (name) => answer(form, name, row));
  const changed = field.hidden !== hide;
  field.hidden = hide;
  return changed;
}

function asked(condition, fact) {
  try {
    return holds(condition, fact);
  } catch (reason) {
    if (reason instanceof Unreadable) return true;
    throw reason;
  }
}

// A row's own question of that name, else the form's.
function answer(form, name, row) {
  const field = (row && find(row, row.dataset.row + name)) || find(form, name);
  if (!field || field.closest("[hidden]")) return null;
  return READ[field.dataset.kind]?.(field) ?? null;
}

function find(within, name) {
  return within.querySelector(`[data-field="${CSS.escape(name)}"]`);
}

const ticked = (field) => [...field.querySelectorAll("input:checked")].map((input) => input.value);
const typed = (field, at = 0) => field.querySelectorAll("input.input, select")[at]?.value.trim() ?? "";

const READ = {
  radio: (field) => ticked(field)[0],
  select: (field) => typed(field) || null,
  checklist: ticked,
  checkbox: (field) => ticked(field).length > 0,
  number: (field) => (typed(field) === "" ? null : readable(Number(typed(field)), !Number.isNaN(Number(typed(field))))),
  date: (field) => day(typed(field)),
  datetime: (field) => {
    const [date, time] = [day(typed(field)), typed(field, 1)];
    return date === null || time === "" ? null : readable(`${date}T${time.padStart(5, "0")}+08:00`, /^\d?\d:\d\d$/.test(time));
  },
};

function day(text) {
  return text === "" ? null : readable(text, /^\d{4}-\d\d-\d\d$/.test(text));
}

function readable(value, clear) {
  if (!clear) throw new Unreadable();
  return value;
}

// --- rows -------------------------------------------------------------------------------------

function growRows(form, say) {
  form.addEventListener("click", (event) => {
    const button = event.target.closest("[data-row-add], [data-row-remove]");
    if (!button) return;
    event.preventDefault();
    const list = button.closest("[data-rows]");
    if ("rowAdd" in button.dataset) addRow(list, say);
    else removeRow(list, button.closest("[data-row]"), say);
    form.dispatchEvent(new Event("change"));
  });
}

function addRow(list, say) {
  const place = list.dataset.nextPlace ?? String(rowsOf(list).length);
  list.dataset.nextPlace = String(Number(place) + 1);
  const piece = list.querySelector("[data-row-blank]").content.cloneNode(true);
  for (const element of piece.querySelectorAll("*")) {
    for (const { name, value } of [...element.attributes]) {
      if (value.includes("__i__")) element.setAttribute(name, value.replaceAll("__i__", place));
    }
  }
  const row = piece.querySelector("[data-row]");
  list.querySelector("[data-row-list]").append(piece);
  preferNative(row);
  renumber(list);
  row.focus();
  say("rowAdded", { row: titleOf(row) });
}

function removeRow(list, row, say) {
  const rows = rowsOf(list);
  const next = rows[rows.indexOf(row) + 1] ?? rows[rows.indexOf(row) - 1] ?? list;
  // Names are never used twice: what was typed into one row must not reappear in another.
  list.dataset.nextPlace ??= String(rows.length);
  const title = titleOf(row);
  row.remove();
  renumber(list);
  next.focus();
  say("rowRemoved", { row: title });
}

function renumber(list) {
  rowsOf(list).forEach((row, at) => {
    const title = row.querySelector("[data-row-title]");
    title.textContent = title.dataset.rowTitle.replace("{number}", String(at + 1));
  });
}

const rowsOf = (list) => [...list.querySelectorAll("[data-row]")];
const titleOf = (row) => row.querySelector("[data-row-title]").textContent;

// --- pickers ----------------------------------------------------------------------------------

// On a phone the system's own picker is quicker; at a desk typing is. Words such as 昨天 stay text.
function preferNative(within) {
  if (!matchMedia("(pointer: coarse)").matches) return;
  const shape = { date: /^(\d{4}-\d\d-\d\d)?$/, time: /^(\d\d:\d\d)?$/ };
  for (const input of within.querySelectorAll("[data-native]")) {
    if (shape[input.dataset.native].test(input.value)) input.type = input.dataset.native;
  }
}

// --- drafts -----------------------------------------------------------------------------------

// One draft a form, sent when typing pauses. What could not be sent stays on the page and is tried again.
function keepDraft(form, words) {
  const url = form.dataset.draft;
  const line = form.querySelector("[data-draft-line]");
  if (!url || !line) return;
  let timer = 0;
  let unsaved = false;
  let failures = 0;
  let sending = false;
  let closed = false;
  line.setAttribute("role", "status");

  const later = (wait) => {
    clearTimeout(timer);
    if (!closed) timer = setTimeout(save, wait);
  };
  const changed = () => {
    unsaved = true;
    later(CHECK);
  };

  async function save() {
    if (!unsaved || closed) return;
    if (sending) return later(CHECK);
    unsaved = false;
    sending = true;
    const outcome = await post(url, content(form));
    sending = false;
    if (closed) return;
    show(line, words, outcome);
    if (outcome.state === "saved") {
      failures = 0;
      if (!unsaved) form.dispatchEvent(new Event("draft-saved"));
    } else if (outcome.state === "stale") closed = true;
    else {
      unsaved = true;
      later(RETRIES[Math.min(failures, RETRIES.length - 1)]);
      failures += 1;
    }
  }

  form.addEventListener("input", changed);
  form.addEventListener("change", changed);
  form.addEventListener("submit", () => {
    closed = true;
    clearTimeout(timer);
  });
  form.addEventListener("not-sent", () => (closed = false));
  addEventListener("pageshow", (event) => {
    if (event.persisted) closed = false;
  });
  addEventListener("online", () => unsaved && later(0));
  addEventListener("offline", () => show(line, words, { state: "offline" }));
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden" && unsaved && !closed && navigator.sendBeacon(url, content(form))) {
      unsaved = false;
    }
  });
}

// Everything typed but files: those are stored when the form is sent.
function content(form) {
  return new URLSearchParams([...new FormData(form)].filter(([, value]) => typeof value === "string"));
}

async function post(url, body) {
  try {
    const reply = await fetch(url, { method: "POST", body, headers: { Accept: "application/json" }, credentials: "same-origin" });
    if (reply.status === 401 || reply.status === 403 || reply.redirected) return { state: "signedOut" };
    if (reply.status === 409 || reply.status === 404 || reply.status === 410) return { state: "stale" };
    if (!reply.ok) return { state: "failed" };
    return { state: "saved", time: await savedAt(reply) };
  } catch {
    return { state: navigator.onLine === false ? "offline" : "failed" };
  }
}

async function savedAt(reply) {
  const said = reply.status === 204 ? {} : await reply.json();
  return said.saved_at ?? new Date().toTimeString().slice(0, 5);
}

function show(line, words, { state, time = "" }) {
  const text = document.createElement("span");
  text.className = "draft";
  text.append(icon(state === "saved" ? "cloud-check" : "cloud-off"), words[state].replace("{time}", time));
  line.replaceChildren(text);
}

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  svg.setAttribute("class", "icon icon-16");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `${document.documentElement.dataset.icons}#${name}`);
  svg.append(use);
  return svg;
}

// --- sending ----------------------------------------------------------------------------------

// The button says that it is at work, and a second press is not a second submission.
function sayBusy(form) {
  const button = form.querySelector("[data-submit]");
  const label = button?.querySelector("span");
  if (!label) return;
  const idle = label.textContent;
  const set = (busy) => {
    form.dataset.busy = busy ? "1" : "";
    label.textContent = busy ? button.dataset.busy : idle;
    button.toggleAttribute("aria-disabled", busy);
  };
  form.addEventListener("submit", (event) => {
    if (form.dataset.busy) event.preventDefault();
    else if (!event.submitter?.name) set(true);
  });
  form.addEventListener("not-sent", () => set(false));
  addEventListener("pageshow", () => set(false));
}

// --- start ------------------------------------------------------------------------------------

function enhance(form) {
  const words = form.querySelector("[data-form-texts]")?.dataset;
  if (!words) return;
  const live = form.querySelector("[data-form-says]");
  const say = (key, values) => {
    live.textContent = Object.entries(values).reduce((text, [name, value]) => text.replace(`{${name}}`, value), words[key]);
  };
  showWhatIsAsked(form);
  growRows(form, say);
  preferNative(form);
  keepDraft(form, words);
  sendFiles(form, words, live);
  sayBusy(form);
}

if (typeof document !== "undefined") {
  for (const form of document.querySelectorAll("form[data-form]")) enhance(form);
  document.querySelector("[data-focus]")?.focus();
}
