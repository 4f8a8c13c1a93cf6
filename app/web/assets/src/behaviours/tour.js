// A tour of a page on the first visit: one step at a time, beside the part of the page it is about. The
// page stays usable; Escape, or the first button, ends it, and the account remembers.
//
// Marks (macros/frame.html): dialog[data-tour], [data-tour-step][data-at=selector], [data-tour-end], -back, -on.

const GAP = 12; // pixels between the step and what it is about

/** Open the page's tour, if there is one. */
export function showAround(document) {
  const dialog = document.querySelector("dialog[data-tour]");
  if (dialog) new Tour(dialog).go(0);
}

class Tour {
  constructor(dialog) {
    this.dialog = dialog;
    this.document = dialog.ownerDocument;
    this.form = dialog.querySelector("form");
    this.steps = [...dialog.querySelectorAll("[data-tour-step]")];
    this.back = dialog.querySelector("[data-tour-back]");
    this.on = dialog.querySelector("[data-tour-on]");
    this.words = this.on.textContent;
    this.at = 0;
    this.dialog.show();
    this.back.addEventListener("click", () => this.go(this.at - 1));
    this.on.addEventListener("click", () => (this.at + 1 < this.steps.length ? this.go(this.at + 1) : this.end()));
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.end();
    });
    this.keys = (event) => event.key === "Escape" && this.end();
    this.move = () => this.place();
    this.document.addEventListener("keydown", this.keys);
    window.addEventListener("resize", this.move);
  }

  go(at) {
    this.at = at;
    this.steps.forEach((step, index) => (step.hidden = index !== at));
    this.back.hidden = at === 0;
    this.on.textContent = at + 1 < this.steps.length ? this.words : this.on.dataset.last;
    this.mark(visible(this.document, this.steps[at].dataset.at));
    this.steps[at].querySelector("h2").focus({ preventScroll: true });
  }

  mark(target) {
    this.target?.removeAttribute("data-tour-here");
    this.target = target;
    if (target) {
      target.setAttribute("data-tour-here", "");
      const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
      target.scrollIntoView({ block: "nearest", behavior: calm ? "auto" : "smooth" });
    }
    this.place();
  }

  // Under what it is about, or above it where there is no room; at a small screen's foot by the style sheet alone.
  place() {
    const box = this.target?.getBoundingClientRect() ?? { left: 0, top: 0, bottom: 0 };
    const { offsetWidth: wide, offsetHeight: high } = this.dialog;
    const under = box.bottom + GAP;
    const top = under + high < innerHeight ? under : Math.max(GAP, box.top - high - GAP);
    this.dialog.style.setProperty("--tour-left", `${Math.max(GAP, Math.min(box.left, innerWidth - wide - GAP))}px`);
    this.dialog.style.setProperty("--tour-top", `${Math.max(GAP, Math.min(top, innerHeight - high - GAP))}px`);
  }

  end() {
    fetch(this.form.action, { method: "POST", body: new FormData(this.form), keepalive: true, redirect: "manual" });
    this.document.removeEventListener("keydown", this.keys);
    window.removeEventListener("resize", this.move);
    this.target?.removeAttribute("data-tour-here");
    this.dialog.close();
    this.document.querySelector("main")?.focus({ preventScroll: true });
  }
}

// The first of the selectors that stands on the page and can be seen.
function visible(document, selectors) {
  const all = selectors.split(", ").flatMap((one) => [...document.querySelectorAll(one)]);
  return all.find((element) => element.getClientRects().length);
}
