const ROOM = "(min-width: 1100px)"; // below, there is no third column and a row leads straight to its task
const REST = 120; // ms the cursor rests on a row before its gist is fetched, so that J J J asks once

/** Show the gist of the row in hand beside the list. Without script each row leads to its task. */
export function showPeek(document) {
  const pane = document.querySelector("[data-peek-pane]");
  if (!pane) return;
  const room = window.matchMedia(ROOM);
  const body = pane.querySelector("[data-peek-body]");
  const rows = [...document.querySelectorAll("[data-peek]")];
  const show = peekInto(body, rows);
  const fit = () => {
    pane.hidden = !room.matches;
    if (room.matches && !rows.some((row) => row.classList.contains("is-peeked"))) show(rows[0], 0);
  };
  room.addEventListener("change", fit);
  fit();

  for (const row of rows) {
    row.addEventListener("focusin", () => room.matches && show(row, REST));
    row.querySelector("[data-key-open]").addEventListener("click", (event) => {
      const plain = event.detail > 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey;
      if (!room.matches || !plain || row.classList.contains("is-read")) return;
      event.preventDefault(); // the first click of a mouse shows the gist, the second opens the task
      event.currentTarget.focus();
      show(row, 0);
    });
  }
}

function peekInto(body, rows) {
  let timer = 0;
  let turn = 0;
  return (row, rest) => {
    if (!row || row.classList.contains("is-peeked")) return;
    for (const other of rows) other.classList.remove("is-peeked", "is-read");
    row.classList.add("is-peeked");
    clearTimeout(timer);
    const mine = (turn += 1);
    timer = setTimeout(async () => {
      const answer = await fetch(row.dataset.peek, { credentials: "same-origin" }).catch(() => null);
      if (!answer?.ok || answer.redirected || mine !== turn) return; // redirected: signed out meanwhile
      body.innerHTML = await answer.text();
      row.classList.add("is-read");
    }, rest);
  };
}
