// A long list of villages becomes a township and then its villages. Without script the list stands
// whole, under its townships.
//
// Marks (macros/ui.html): select[data-places] = what the choice is called, [data-all] = its first option.

/** Put the choice of a township before each list of villages, also in rows that are added later. */
export function narrowPlaces(document) {
  const all = () => document.querySelectorAll("select[data-places]").forEach(narrow);
  all();
  for (const list of document.querySelectorAll("[data-row-list]")) {
    new MutationObserver(all).observe(list, { childList: true });
  }
}

function narrow(villages) {
  const groups = [...villages.querySelectorAll("optgroup")];
  if (villages.dataset.narrowed || groups.length < 2) return;
  villages.dataset.narrowed = "yes";
  const townships = villages.ownerDocument.createElement("select");
  townships.className = "input places-first";
  townships.setAttribute("aria-label", villages.dataset.places);
  townships.autocomplete = "off";
  townships.add(new Option(villages.dataset.all, ""));
  for (const group of groups) townships.add(new Option(group.label, group.label));
  townships.addEventListener("change", () => {
    const held = villages.selectedOptions[0]?.closest("optgroup");
    villages.querySelectorAll("optgroup").forEach((group) => group.remove());
    villages.append(...groups.filter((group) => !townships.value || group.label === townships.value));
    if (townships.value && held && held.label !== townships.value) villages.value = "";
  });
  const held = villages.selectedOptions[0]?.closest("optgroup");
  villages.before(townships);
  if (held) {
    townships.value = held.label;
    townships.dispatchEvent(new Event("change"));
  }
}
