const EVERY = 45_000; // ms between looks while the page is in sight

/** Keep the counts of an open inbox right, and say when its list has changed; the list itself stays where it is. */
export function followPulse(document) {
  const list = document.querySelector("[data-pulse]");
  if (!list) return;
  const counts = new Map([...document.querySelectorAll("[data-count]")].map((one) => [one.dataset.count, one]));
  const shown = counts.get(list.dataset.pulseView)?.textContent;
  const look = async () => {
    if (document.hidden) return;
    const answer = await fetch(list.dataset.pulse, { credentials: "same-origin" }).catch(() => null);
    if (!answer?.ok || answer.redirected) return;
    const now = await answer.json();
    for (const [view, figure] of Object.entries(now.counts)) {
      if (counts.has(view)) counts.get(view).textContent = figure;
    }
    document.querySelector("[data-pulse-news]").hidden = now.counts[list.dataset.pulseView] === shown;
  };
  setInterval(look, EVERY);
  document.addEventListener("visibilitychange", look);
}
