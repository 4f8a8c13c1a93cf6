/** Let the reader put a message away; without script it goes with the next page. */
export function dismissFlashes(document) {
  for (const button of document.querySelectorAll("[data-dismiss]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      button.closest("[data-flash]").remove();
      document.getElementById("main").focus();
    });
  }
}
