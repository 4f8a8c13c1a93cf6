/** A page that came back with something to mend starts there, for eyes and for screen readers. */
export function focusSummary(document) {
  document.querySelector("[data-focus]")?.focus();
}
