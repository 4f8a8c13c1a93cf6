// Sign-out wipes what this phone keeps of the person. Where something is not sent yet, it asks first.

import { sendAll, session } from "./send.js";
import { list, wipe } from "./store.js";
import { fillIn } from "./me.js";

export function askBeforeLeaving(document, me) {
  const form = document.querySelector("form[data-sign-out]");
  const ask = form?.querySelector("[data-sign-out-ask]");
  if (!ask) return;
  const words = ask.querySelector("[data-sign-out-words]");

  async function unsent() {
    const things = await list(me.who, "unsent");
    return things.filter(({ value }) => value.state !== "sent").length + (await list(me.who, "draft")).length;
  }

  async function leave() {
    await wipe(me.who).catch(() => null);
    const token = form.elements.csrf_token;
    if (!token.value) token.value = (await session())?.csrf ?? "";
    HTMLFormElement.prototype.submit.call(form);
  }

  async function leaveOrAsk() {
    const count = await unsent().catch(() => 0);
    if (!count) return leave();
    words.textContent = fillIn(words.dataset.signOutWords, { n: count });
    ask.hidden = false;
    ask.querySelector("button").focus();
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const choice = event.submitter?.dataset.leave;
    if (choice === "anyway") leave();
    else if (choice === "send") sendAll().then(leaveOrAsk);
    else if (choice === "stay") ask.hidden = true;
    else leaveOrAsk();
  });
}
