// What somebody has typed into a form marked data-keep="name" survives a reload, in this tab only:
// sessionStorage ends with the tab, because the next person may hold the same phone.

/** Keep and restore; a page with data-forget="prefix" clears what was kept under that prefix. */
export function keepTyped(document, storage) {
  for (const form of document.querySelectorAll("form[data-keep]")) keep(form, storage);
  for (const end of document.querySelectorAll("[data-forget]")) forget(end.dataset.forget, storage);
}

function keep(form, storage) {
  restore(form, JSON.parse(storage.getItem(form.dataset.keep) ?? "[]"));
  form.addEventListener("input", () => {
    storage.setItem(form.dataset.keep, JSON.stringify(typed(form)));
    const line = form.querySelector("[data-kept-line]");
    if (line) line.textContent = form.dataset.kept;
  });
}

function typed(form) {
  return [...new FormData(form)].filter(([name, value]) => typeof value === "string" && fields(form, name).length > 0);
}

function fields(form, name) {
  return [...form.elements].filter((field) => field.name === name && !["hidden", "submit", "file"].includes(field.type));
}

// What the server filled in is newer: only blank fields are restored.
function restore(form, entries) {
  const names = new Set(entries.map(([name]) => name));
  for (const name of names) {
    const values = entries.filter((entry) => entry[0] === name).map((entry) => entry[1]);
    const found = fields(form, name);
    if (found.some((field) => (isMark(field) ? field.checked : field.value))) continue;
    for (const field of found) {
      if (isMark(field)) field.checked = values.includes(field.value);
      else field.value = values[0];
    }
  }
}

function isMark(field) {
  return field.type === "checkbox" || field.type === "radio";
}

function forget(prefix, storage) {
  for (const key of Object.keys(storage)) if (key.startsWith(prefix)) storage.removeItem(key);
}
