// Keys for lists. A page marks up what they act on:
//   data-keys-list          the list; its rows are [data-key-row]
//   data-key-row            a row; holds [data-key-open] (a link) and perhaps [data-key-claim] (a button), [data-key-tick] (a box)
//   data-key-find           what "/" goes to, the page's own first: a field takes the focus, a link is followed
//   data-key-help           what "?" opens: a <details>

const TYPING = "input, textarea, select, [contenteditable], [role=textbox]";

/** J and K walk the rows, Enter opens, C claims, X ticks, / finds, ? explains. Never while somebody types. */
export function followKeys(document) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.closest?.(TYPING)) return;
    if (ACTIONS[event.key.toLowerCase()]?.(document)) event.preventDefault();
  });
}

const ACTIONS = {
  j: (document) => step(document, 1),
  k: (document) => step(document, -1),
  x: (document) => press(currentRow(document)?.querySelector("[data-key-tick]")),
  c: (document) => press(currentRow(document)?.querySelector("[data-key-claim]")),
  "/": (document) => reach(document.querySelector("main [data-key-find]") ?? document.querySelector("[data-key-find]")),
  "?": (document) => unfold(document.querySelector("[data-key-help]")),
};

function rows(document) {
  return [...document.querySelectorAll("[data-keys-list] [data-key-row]")];
}

function currentRow(document) {
  return document.activeElement?.closest("[data-key-row]");
}

// The row's own link takes the focus, so that Enter opens it as any link does.
function step(document, by) {
  const all = rows(document);
  if (all.length === 0) return false;
  const at = all.indexOf(currentRow(document));
  const next = at < 0 ? 0 : Math.min(Math.max(at + by, 0), all.length - 1);
  const link = all[next].querySelector("[data-key-open]");
  link?.focus();
  all[next].scrollIntoView({ block: "nearest" });
  return Boolean(link);
}

function press(button) {
  button?.click();
  return Boolean(button);
}

function reach(target) {
  if (!target) return false;
  if (target.matches("a")) target.click();
  else target.focus();
  return true;
}

function unfold(details) {
  if (!details) return false;
  details.open = !details.open;
  details.querySelector("summary")?.focus();
  return true;
}
