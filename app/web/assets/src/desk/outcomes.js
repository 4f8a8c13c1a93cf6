/** Set off the outcome that the answers given so far lead to; the server has marked the first one. */
export function followOutcomes(document) {
  const list = document.querySelector("[data-outcomes]");
  const form = list && document.getElementById(list.dataset.outcomes);
  if (!form) return;
  const update = () => mark(list, new FormData(form));
  form.addEventListener("change", update);
  update();
}

function mark(list, data) {
  for (const item of list.children) {
    const when = Object.entries(JSON.parse(item.dataset.when));
    const chosen = when.length > 0 && when.every(([name, wanted]) => agrees(data.getAll(name), wanted));
    item.classList.toggle("is-chosen", chosen);
    item.querySelector("[data-chosen-word]").hidden = !chosen;
  }
}

// One of several wanted values, or a wanted value among several answers. A ticked box alone posts "on" or "true".
function agrees(answers, wanted) {
  if (Array.isArray(wanted)) return wanted.some((one) => agrees(answers, one));
  if (wanted === true) return answers.some((answer) => ["1", "on", "true", "yes"].includes(answer));
  if (wanted === false) return answers.length === 0 || answers.every((answer) => ["", "0", "false", "no"].includes(answer));
  return answers.includes(String(wanted));
}
