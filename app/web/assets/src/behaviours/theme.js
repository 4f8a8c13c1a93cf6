// The reader's own choice of light or dark; kept in a cookie so that the server can draw the page in it.

const YEAR = 365 * 24 * 3600;

/** Show the theme switch and make it work; without script the page follows the system. */
export function chooseTheme(document) {
  const choice = document.querySelector("[data-theme-choice]");
  if (!choice) return;
  const root = document.documentElement;
  choice.hidden = false;
  mark(choice, root.dataset.theme ?? "");
  choice.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    apply(document, root, button.value);
    mark(choice, button.value);
  });
}

function apply(document, root, theme) {
  if (theme) root.dataset.theme = theme;
  else delete root.dataset.theme;
  document.cookie = `theme=${theme}; path=/; max-age=${theme ? YEAR : 0}; samesite=lax`;
}

function mark(choice, theme) {
  for (const button of choice.querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button.value === theme));
  }
}
