/** A drawing wider than its place starts where [data-scroll-to] says, in the middle of what is seen. */
export function scrollToToday(document) {
  for (const box of document.querySelectorAll("[data-scroll-to]")) {
    box.scrollLeft = Math.max(0, Number(box.dataset.scrollTo) - box.clientWidth * 0.6);
  }
}
