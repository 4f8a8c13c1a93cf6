/* A case's history, moment by moment: keys, buttons, slider and list all ask the server for one moment
   and put its parts in place. Without script every link leads to the same page, drawn by the server. */

import { bindTable, mount } from "./diagram.js";
import "./css/replay.css";

const REST = 90; // ms the slider rests before a moment is asked for
const PACE = 1400; // ms each moment is shown while playing
const TYPING = "input:not([type=range]), textarea, select, [contenteditable]";
const PRESSED_BY_SPACE = "button, a, summary, [role=button]";

const root = document.querySelector("[data-replay]");
if (root) start();

function start() {
  const slider = document.querySelector("[data-replay-slider]");
  const player = document.querySelector("[data-replay-play]");
  const picture = draw(document.querySelector("[data-follow]"));
  const ways = [...document.querySelectorAll("[data-replay-go]")];
  const state = { at: root.dataset.at, steps: 0, busy: false, stepping: false, timer: 0, rest: 0, playing: false };
  state.go = { first: root.dataset.first, last: root.dataset.last };
  for (const link of ways) state.go[link.dataset.replayGo] = link.href;

  document.querySelector("[data-replay-jump]").hidden = true;
  player.hidden = false;
  settle();

  /* Show the moment of an address of this page. Returns whether it could be had. */
  async function show(search) {
    state.busy = true;
    try {
      const answer = await fetch(`${root.dataset.moment}${search}`, { headers: { Accept: "application/json" } });
      if (answer.redirected) location.reload(); // signed out meanwhile
      if (!answer.ok) throw new Error(`moment ${answer.status}`);
      await put(await answer.json());
      return true;
    } catch {
      pause();
      say(root.dataset.failed);
      return false;
    } finally {
      state.busy = false;
      if (!state.stepping) step(0);
    }
  }

  async function put(moment) {
    state.at = moment.at;
    state.go = moment.go;
    swap(moment.parts);
    slider.value = moment.x;
    slider.setAttribute("aria-valuetext", `${moment.when} ${moment.count}`);
    document.querySelector("[data-replay-when]").textContent = moment.when;
    document.querySelector("[data-replay-count]").textContent = moment.count;
    for (const link of ways) link.href = moment.go[link.dataset.replayGo];
    history.replaceState(null, "", moment.url);
    say(moment.said);
    settle();
    await picture.show(moment.picture);
    root.dataset.at = moment.at;
  }

  const jump = (name) => show(new URL(state.go[name], location.href).search);
  const atEnd = (name) => new URL(state.go[name], location.href).searchParams.get("at") === state.at;

  /* Steps asked for while a moment is on its way are taken one after the other. */
  async function step(by) {
    state.steps += by;
    if (state.busy || state.stepping) return;
    state.stepping = true;
    while (state.steps) {
      const name = state.steps > 0 ? "next" : "previous";
      state.steps -= Math.sign(state.steps);
      if (atEnd(name) || !(await jump(name))) state.steps = 0;
    }
    state.stepping = false;
  }

  async function play() {
    state.playing = true;
    dress();
    if (atEnd("next")) await jump("first");
    tick();
  }

  function tick() {
    clearTimeout(state.timer);
    state.timer = setTimeout(async () => {
      await step(1);
      if (state.playing && !atEnd("next")) tick();
      else pause();
    }, PACE);
  }

  function pause() {
    state.playing = false;
    clearTimeout(state.timer);
    dress();
  }

  const toggle = () => (state.playing ? pause() : play());

  function dress() {
    player.dataset.play ??= player.getAttribute("aria-label");
    player.setAttribute("aria-label", state.playing ? player.dataset.pause : player.dataset.play);
    player.querySelector('[data-when="paused"]').hidden = state.playing;
    player.querySelector('[data-when="playing"]').hidden = !state.playing;
  }

  player.addEventListener("click", toggle);

  slider.addEventListener("input", () => {
    pause();
    clearTimeout(state.rest);
    const here = new URLSearchParams(location.search);
    here.delete("at");
    here.set("x", slider.value);
    state.rest = setTimeout(() => show(`?${here}`), REST);
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.closest?.(TYPING)) return;
    const act = keys(event);
    if (!act) return;
    event.preventDefault();
    act();
  });

  function keys(event) {
    if (event.key === "ArrowRight") return () => step(1);
    if (event.key === "ArrowLeft") return () => step(-1);
    if (event.key === " " && !event.target.closest?.(PRESSED_BY_SPACE)) return toggle;
    if (event.target !== slider) return null;
    return { ArrowUp: () => step(1), ArrowDown: () => step(-1), Home: () => jump("first"), End: () => jump("last") }[event.key];
  }

  /* Links to another moment of this page are followed in place; the page's own anchors and others as usual. */
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("main a[href]");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (link.pathname !== location.pathname || link.hash) return;
    event.preventDefault();
    pause();
    if (link.dataset.replayGo) step(link.dataset.replayGo === "next" ? 1 : -1);
    else show(link.search);
  });

  function settle() {
    picture.bind();
    const list = document.querySelector('[data-part="steps"]');
    let top = list.querySelector("[aria-current]")?.closest("li");
    for (let back = 0; back < 3; back += 1) top = top?.previousElementSibling ?? top;
    if (top && list.scrollHeight > list.clientHeight) {
      list.scrollTop += top.getBoundingClientRect().top - list.getBoundingClientRect().top;
    }
  }
}

/* The picture: marked anew while the diagram stays, drawn anew when another comes. */
function draw(box) {
  let drawn = null;
  let key = "";
  let last = Promise.resolve();

  const show = (picture) => (last = last.then(() => turn(picture)));

  async function turn(picture) {
    if (picture && picture.key === key && drawn) {
      drawn.mark(picture.marks);
      return;
    }
    drawn?.destroy();
    drawn = null;
    key = picture?.key ?? "";
    if (!picture) {
      box.querySelector(".diagram-fallback").textContent = box.dataset.nothing;
      return;
    }
    box.dataset.xml = picture.xml;
    try {
      drawn = await mount(box, picture.marks);
      bind();
    } catch {
      box.classList.remove("diagram-drawn");
      box.querySelector(".diagram-stage")?.remove();
      box.querySelector(".diagram-fallback").textContent = box.dataset.failed;
    }
  }

  function bind() {
    if (drawn) bindTable(box, drawn);
  }

  window.addEventListener("beforeprint", () => drawn?.fit());
  const { key: first, xml } = box.dataset;
  const marks = JSON.parse(box.querySelector('script[type="application/json"]').textContent);
  show(first ? { key: first, xml, marks } : null);
  return { show, bind };
}

/* Parts are put in place; the focus stays where it was, or goes to the event that is now shown. */
function swap(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  for (const part of fresh.querySelectorAll("[data-part]")) {
    const old = document.querySelector(`main [data-part="${part.dataset.part}"]`);
    const held = old.contains(document.activeElement);
    const place = held ? reachable(old).indexOf(document.activeElement) : -1;
    old.replaceChildren(...part.childNodes);
    if (held) (old.querySelector('[aria-current="step"]') ?? reachable(old)[place])?.focus({ preventScroll: true });
  }
}

const reachable = (part) => [...part.querySelectorAll("a[href], button:not([hidden])")];

function say(words) {
  document.querySelector("[data-replay-says]").textContent = words;
}
