const YES = ["1", "on", "true", "yes"];
const NO = ["0", "false", "no"];

/** Set off the outcome that the answers given so far lead to; the server has marked the first one. */
export function followOutcomes(document) {
  const list = document.querySelector("[data-outcomes]");
  const form = list && document.getElementById(list.dataset.outcomes);
  if (!form) return;
  const update = () => mark(list, form);
  followOutlook(form, list.parentElement.querySelector("[data-outlook]"));
  form.addEventListener("change", update);
  update();
}

// What all the answers together lead to: the server runs the diagram on a copy, a moment after the last change.
function followOutlook(form, place) {
  if (!place?.dataset.outlook) return;
  let timer = 0;
  let newest = 0;
  form.addEventListener("change", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, 300);
  });
  async function ask() {
    const mine = (newest += 1);
    const body = new URLSearchParams([...new FormData(form)].filter(([, value]) => typeof value === "string"));
    try {
      const reply = await fetch(place.dataset.outlook, { method: "POST", body, credentials: "same-origin" });
      if (reply.ok && !reply.redirected && mine === newest) place.innerHTML = await reply.text();
    } catch {
      // without a network the list of outcomes still says what each answer leads to
    }
  }
}

function mark(list, form) {
  const data = new FormData(form);
  for (const item of list.querySelectorAll("[data-when]")) {
    const when = Object.entries(JSON.parse(item.dataset.when));
    const asked = ([name]) => !form.querySelector(`[data-field="${CSS.escape(name)}"]`)?.closest("[hidden]");
    const fits = ([name, wanted]) => agrees(data.getAll(name), wanted, form.elements[name]);
    const chosen = when.length > 0 && when.every(asked) && when.every(fits);
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
