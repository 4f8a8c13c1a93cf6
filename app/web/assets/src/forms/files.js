// Files, sent as soon as they are chosen, with their progress; without a network they wait on the page.
// Without this script a form takes them along when it is sent.

const fill = (text, values) => Object.entries(values).reduce((said, [name, value]) => said.replace(`{${name}}`, value), text);

/** Send what is chosen at input[data-upload]; a form with files on their way is not sent. `live` tells screen readers. */
export function sendFiles(form, words, live) {
  const inputs = [...form.querySelectorAll("input[data-upload]")];
  if (!inputs.length) return;
  const waiting = new Set();
  for (const input of inputs) {
    input.addEventListener("change", () => {
      for (const file of input.files) coming(form, input, file, words, live, waiting);
      input.value = ""; // each goes its own way now
    });
  }
  addEventListener("online", () => [...waiting].forEach((one) => one.offline && one.send()));
  form.addEventListener("submit", (event) => {
    if (!waiting.size) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    live.textContent = words.fileUnsent;
    [...waiting][0].line.querySelector("span").textContent = words.fileUnsent;
    [...waiting][0].line.scrollIntoView({ block: "center" });
  }, true);
}

function coming(form, input, file, words, live, waiting) {
  const field = input.closest("[data-field]");
  const line = document.createElement("li");
  const text = document.createElement("span");
  line.append(text);
  field.querySelector("[data-files-coming]").append(line);
  const one = { line, offline: false, send: () => send(one) };
  waiting.add(one);

  const say = (key, percent = 0) => (text.textContent = fill(words[key], { name: file.name, percent: `${percent}%` }));

  // An XMLHttpRequest, because fetch tells nothing of how far an upload is.
  function send() {
    one.offline = false;
    say("fileComing");
    const request = new XMLHttpRequest();
    const body = new FormData();
    body.append("csrf_token", form.elements.csrf_token.value);
    body.append("file", file);
    request.upload.addEventListener("progress", (event) => say("fileComing", Math.floor((100 * event.loaded) / event.total)));
    request.addEventListener("load", () => settle(request));
    request.addEventListener("error", () => {
      one.offline = navigator.onLine === false;
      if (one.offline) say("fileWaiting");
      else refuse(fill(words.fileFailed, { name: file.name }));
    });
    request.responseType = "json";
    request.open("POST", input.dataset.upload);
    request.setRequestHeader("Accept", "application/json");
    request.send(body);
  }

  function settle(request) {
    if (request.status !== 201) {
      const why = request.response?.error;
      return refuse(why ? `${file.name}：${why}` : fill(words.fileFailed, { name: file.name }));
    }
    waiting.delete(one);
    line.remove();
    keep(field, request.response);
    live.textContent = fill(words.fileKept, { name: file.name });
    form.dispatchEvent(new Event("change", { bubbles: true }));
  }

  function refuse(why) {
    waiting.delete(one);
    text.textContent = why;
    line.classList.add("is-refused");
    live.textContent = why;
  }

  send();
}

function keep(field, { id, label, href }) {
  const kept = field.querySelector("template[data-file-kept]").content.firstElementChild.cloneNode(true);
  const box = kept.querySelector("input");
  box.value = id;
  box.checked = true;
  kept.querySelector("label span").textContent = label;
  kept.querySelector("a").href = href;
  kept.querySelector("a .unseen").textContent = label;
  field.querySelector("[data-files-coming]").before(kept);
}
