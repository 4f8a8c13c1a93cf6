// Working without network (ADR 0018). Pages do without all of this; it keeps what is typed, and sends it once.

import { drawBar, sayHowOld } from "./bar.js";
import { keepForm } from "./forms.js";
import { askBeforeLeaving } from "./leave.js";
import { meet } from "./me.js";
import { keepPages } from "./pages.js";
import { sendAll } from "./send.js";
import { able, drop, get, list } from "./store.js";

const PATIENCE = 4000; // milliseconds

export async function keepWhatIsTyped(document) {
  if (!able()) return null;
  const forms = [...document.querySelectorAll("form[data-kept-as]")];
  for (const form of forms) form.addEventListener("input", () => (form.dataset.keptTouched = ""), { once: true });
  navigator.serviceWorker?.register("/sw.js").catch(() => null);
  const me = await meet();
  const draw = () => drawBar(me);
  await forgetWhatArrived(document, me);
  for (const { dataset } of forms) if (dataset.keptReturned) await drop(me.who, "unsent", dataset.keptReturned);
  askBeforeLeaving(document, me);
  sayHowOld(me);
  const send = async () => {
    const sent = await sendAll();
    if (forms.some(({ dataset }) => sent.includes(dataset.keptAs) && dataset.keptKind !== "report")) location.reload();
    await draw();
    document.dispatchEvent(new Event("kept-changed"));
  };
  // A form that was finished and is still here goes first, if the network lets it; all others need not wait.
  const finished = (await list(me.who, "unsent")).map(({ value }) => value.as);
  const sending = send();
  if (forms.some(({ dataset }) => dataset.keptKind !== "report" && finished.includes(dataset.keptAs))) {
    await Promise.race([sending, new Promise((done) => setTimeout(done, PATIENCE))]);
  }
  await Promise.all(forms.map((form) => keepForm(form, me)));
  await sending;
  addEventListener("online", send);
  document.addEventListener("kept-retry", send);
  navigator.serviceWorker?.addEventListener("message", send);
  await keepPages(document, me).catch(() => null);
  return me;
}

/* The page before this one was sent by pressing its button, and arrived: the server says so in a cookie. */
async function forgetWhatArrived(document, me) {
  const key = /(?:^|; )settled=([0-9a-f-]{36})/.exec(document.cookie)?.[1];
  if (!key) return;
  document.cookie = "settled=; path=/; max-age=0; samesite=lax";
  for (const who of new Set([me.who, ...me.seen])) {
    const found = await get(who, "unsent", key);
    await drop(who, "unsent", key);
    if (found) await drop(who, "page", found.value.page);
  }
}
