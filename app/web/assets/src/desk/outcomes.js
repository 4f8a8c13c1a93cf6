const YES = ["1", "on", "true", "yes"];
const NO = ["0", "false", "no"];

/** Set off the outcome that the answers given so far lead to; the server has marked the first one. */
export function followOutcomes(document) {
  const list = document.querySelector("[data-outcomes]");
  const form = list && document.getElementById(list.dataset.outcomes);
  if (!form) return;
  const update = () => mark(list, form);
  form.addEventListener("change", update);
  update();
}

function mark(list, form) {
  const data = new FormData(form);
  for (const item of list.children) {
    const when = Object.entries(JSON.parse(item.dataset.when));
    const chosen = when.length > 0 && when.every(([name, wanted]) => agrees(data.getAll(name), wanted, form.elements[name]));
    item.classList.toggle("is-chosen", chosen);
    item.querySelector("[data-chosen-word]").hidden = !chosen;
  }
}

// One of several wanted values, or a wanted value among several answers. Only a ticked box posts itself;
// a question that is still open agrees with nothing.
function agrees(answers, wanted, input) {
  if (Array.isArray(wanted)) return wanted.some((one) => agrees(answers, one, input));
  if (wanted === true) return answers.some((answer) => YES.includes(answer));
  if (wanted === false) return answers.some((answer) => NO.includes(answer)) || (input?.type === "checkbox" && !input.checked);
  return answers.includes(String(wanted));
}
