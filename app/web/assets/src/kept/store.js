// What this phone keeps: drafts, forms that are not sent yet, pages to work with. Each value lies encrypted under a key
// of its person that scripts can use and cannot read, with the day on which it expires. ADR 0018 says what that protects.

const NAME = "shouwang";
const DAY = 24 * 3600 * 1000;

export const NOBODY = "nobody"; // whose things are those of people who have not signed in
export const DAYS = { draft: 14, unsent: 30, page: 7 };
export const REPORT_DAYS = 1; // a report half written by somebody nobody knows: whoever has the phone could read it
export const MOST_PAGES = 20;

/** Whether this browser can keep anything: pages over plain http cannot encrypt. */
export const able = () => "indexedDB" in globalThis && Boolean(globalThis.crypto?.subtle);

let opening = null;
let closed = null; // whose things were wiped here: what is still typing must not bring them back

function open() {
  opening ??= new Promise((done, fail) => {
    const asked = indexedDB.open(NAME, 1);
    asked.onupgradeneeded = () => {
      asked.result.createObjectStore("keys");
      asked.result.createObjectStore("facts");
      asked.result.createObjectStore("things", { keyPath: ["who", "kind", "name"] });
    };
    asked.onsuccess = () => done(asked.result);
    asked.onerror = () => fail(asked.error);
  });
  return opening;
}

async function run(store, mode, act) {
  const transaction = (await open()).transaction(store, mode);
  const asked = act(transaction.objectStore(store));
  return new Promise((done, fail) => {
    transaction.oncomplete = () => done(asked?.result);
    transaction.onabort = () => fail(transaction.error);
  });
}

const text = (string) => new TextEncoder().encode(string);
const place = ({ who, kind, name }) => text(`${who}/${kind}/${name}`);

async function keyOf(who) {
  const known = await run("keys", "readonly", (keys) => keys.get(who));
  if (known) return known;
  const made = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
  // Of two pages that make one at the same time, the first wins.
  await run("keys", "readwrite", (keys) => keys.add(made, who)).catch(() => null);
  return run("keys", "readonly", (keys) => keys.get(who));
}

async function sealed(value, thing) {
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const cipher = { name: "AES-GCM", iv, additionalData: place(thing) };
  return { iv, data: await crypto.subtle.encrypt(cipher, await keyOf(thing.who), text(JSON.stringify(value))) };
}

async function opened(thing) {
  const key = await run("keys", "readonly", (keys) => keys.get(thing.who));
  if (!key) return null;
  const cipher = { name: "AES-GCM", iv: thing.iv, additionalData: place(thing) };
  const plain = await crypto.subtle.decrypt(cipher, key, thing.data);
  return { name: thing.name, at: thing.at, value: JSON.parse(new TextDecoder().decode(plain)) };
}

/** Keep `value` under a name, for as many days as its kind lasts; a report's draft for less. */
export async function put(who, kind, name, value, at = Date.now()) {
  if (closed === who) return;
  const days = kind === "draft" && name === "report" ? REPORT_DAYS : DAYS[kind];
  const thing = { who, kind, name, at, until: at + days * DAY };
  const seal = await sealed(value, thing);
  await run("things", "readwrite", (things) => things.put({ ...thing, ...seal }));
}

/** One thing, as {name, at, value}; null when there is none, or not any more. */
export async function get(who, kind, name) {
  const found = await run("things", "readonly", (things) => things.get([who, kind, name]));
  return found && found.until > Date.now() ? opened(found) : null;
}

/** All of a person's things of one kind, oldest first. */
export async function list(who, kind) {
  const all = await run("things", "readonly", (things) => things.getAll(IDBKeyRange.bound([who, kind], [who, kind, []])));
  const good = all.filter((thing) => thing.until > Date.now()).sort((one, other) => one.at - other.at);
  return (await Promise.all(good.map((thing) => opened(thing).catch(() => null)))).filter(Boolean);
}

/** Whether anything of this kind is kept, of anybody. */
export async function some(kind) {
  const keys = await run("things", "readonly", (things) => things.getAllKeys());
  return keys.some((key) => key[1] === kind);
}

export async function drop(who, kind, name) {
  await run("things", "readwrite", (things) => things.delete([who, kind, name]));
}

/** Change what is kept, if it is still kept, without making it last longer. */
export async function change(who, kind, name, value) {
  const found = await get(who, kind, name);
  if (found) await put(who, kind, name, { ...found.value, ...value }, found.at);
}

/** Take away whatever `unwanted` says of {who, kind, name, until}. */
export async function sweep(unwanted) {
  const all = await run("things", "readonly", (things) => things.getAll());
  const keys = all.filter(unwanted).map(({ who, kind, name }) => [who, kind, name]);
  await run("things", "readwrite", (things) => keys.forEach((key) => things.delete(key)));
}

/** Sign-out: everything of this person, and first of all the key. */
export async function wipe(who) {
  closed = who;
  await run("keys", "readwrite", (keys) => keys.delete(who));
  await run("things", "readwrite", (things) => things.delete(IDBKeyRange.bound([who], [who, []])));
  await run("facts", "readwrite", (facts) => facts.delete("who"));
}

/** Who is signed in here, and in which language pages are shown: what the worker cannot see for itself. */
export const fact = (name) => run("facts", "readonly", (facts) => facts.get(name));
export const setFact = (name, value) => run("facts", "readwrite", (facts) => facts.put(value, name));
