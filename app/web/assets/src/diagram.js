/* A process on the page: read-only, marked, always at a legible scale.

   <div class="diagram" data-diagram data-xml="/processes/x.xml" data-…words…>
     <script type="application/json">{"now": ["t1"], "done": [], "flows": [], "cancelled": [], "waiting": "等了6天"}</script>
     <p class="diagram-fallback">…</p>
   </div>

   With data-follow another script mounts it, and marks it anew as time goes by (replay.js).

   The picture is not focusable: the table beside it is the accessible path, and its buttons
   (data-diagram-go="elementId") move the picture. Labels never fall below 12 px unless the
   reader asks for the whole drawing. The bpmn.io mark keeps a strip of its own below the drawing. */

import Viewer from "bpmn-js/lib/Viewer";
import "bpmn-js/dist/assets/diagram-js.css";
import "bpmn-js/dist/assets/bpmn-js.css";
import "./css/diagram.css";

const INSIDE = 14; // px of labels inside shapes, at scale 1: seven characters a line in a shape of 112
const INSIDE_ENGLISH = 13; // its names are longer, and a sub-process keeps its sign below them
const OUTSIDE = 12; // px of labels outside: what the label boxes in the files have room for
const LEGIBLE = 12; // px no label falls below on opening
const MARGIN = 16; // px round the drawing
const STRIP = 48; // px below the drawing for the controls and the bpmn.io mark, as in diagram.css
const STEP = 1.25; // one press of + or −
const SVG = "http://www.w3.org/2000/svg";

let arrows = 0;

/** Draws one box and returns its handle: `centre(ids)`, `fit()`, `zoom(factor)`, `mark(marks)`, `destroy()`. */
export async function mount(box, marks = readMarks(box)) {
  const stage = document.createElement("div");
  stage.className = "diagram-stage";
  const viewer = new Viewer({ container: stage, ...looks(box, marks) });
  if (english()) {
    viewer.on("import.parse.complete", ({ elementsById }) => {
      Object.values(elementsById ?? {}).forEach(nameInEnglish);
      Object.values(elementsById ?? {}).forEach(widenLabel);
    });
  }
  const xml = await fetchOnce(box.dataset.xml);
  box.prepend(stage);
  box.classList.add("diagram-drawn");
  await viewer.importXML(xml);

  tidy(viewer, stage);
  // Never taller than the drawing at its own size, with its margins and the strip below.
  stage.style.maxHeight = `${viewer.get("canvas").viewbox().inner.height + 2 * MARGIN + STRIP}px`;
  const marker = marks ? addMarker(viewer, box) : null;
  marker?.mark(marks);
  const camera = aim(viewer, marks);
  addLanes(viewer, box);
  const bar = addControls(viewer, box, camera);
  letDrag(viewer, stage, camera);
  camera.open();
  const observer = new ResizeObserver(camera.resized);
  observer.observe(stage);
  const mark = (now) => [marker.mark(now), camera.follow(now)];
  const destroy = () => {
    observer.disconnect();
    viewer.destroy();
    bar.remove();
    stage.remove();
    box.classList.remove("diagram-drawn");
  };
  return { ...camera, mark, destroy };
}

const files = new Map();

/* A release never changes: what was fetched once is kept while the page is open. */
async function fetchOnce(url) {
  if (!files.has(url)) {
    const answer = await fetch(url, { credentials: "same-origin" });
    if (!answer.ok) throw new Error(`diagram ${answer.status}`);
    files.set(url, await answer.text());
  }
  return files.get(url);
}

function readMarks(box) {
  const data = box.querySelector('script[type="application/json"]');
  return data && JSON.parse(data.textContent);
}

function english() {
  return document.documentElement.lang.startsWith("en");
}

function looks(box, marks) {
  const font = getComputedStyle(box).fontFamily;
  const inside = english() ? { fontSize: INSIDE_ENGLISH, lineHeight: 1.2 } : { fontSize: INSIDE, lineHeight: 1.3 };
  return {
    textRenderer: {
      defaultStyle: { fontFamily: font, ...inside },
      externalStyle: { fontFamily: font, fontSize: OUTSIDE, lineHeight: 1.3 },
    },
    bpmnRenderer: {
      defaultFillColor: "var(--surface)",
      defaultStrokeColor: marks && !marks.heat && !marks.changes ? "var(--diagram-pending)" : "var(--diagram-line)",
      defaultLabelColor: "var(--ink)",
    },
  };
}

/* The English name stands in the element's own extension properties. */
function nameInEnglish(object) {
  const owner = object.$type === "bpmn:Participant" ? object.processRef : object;
  const english = property(owner, "name_en");
  if (english) object.name = english;
}

/* The files have room for Chinese labels; an English word must not be broken for want of width. */
function widenLabel(object) {
  const bounds = object.label?.bounds;
  const longest = Math.max(0, ...(object.bpmnElement?.name ?? "").split(/\s+/).map((word) => word.length));
  const wanted = longest * OUTSIDE * 0.62 + 4;
  if (!bounds || bounds.width >= wanted) return;
  bounds.x -= (wanted - bounds.width) / 2;
  bounds.width = wanted;
}

function property(object, name) {
  const lists = object?.extensionElements?.values ?? [];
  const all = lists.filter((value) => value.$type.endsWith(":properties")).flatMap((value) => value.$children ?? []);
  return all.find((child) => child.name === name)?.value;
}

/* One sentence stands for the picture; its parts are silent and take no focus. */
function tidy(viewer, stage) {
  stage.querySelector(".djs-container > svg")?.removeAttribute("tabindex");
  stage.querySelector(".djs-container").setAttribute("aria-hidden", "true");
  const canvas = viewer.get("canvas");
  viewer.get("elementRegistry").forEach((element) => {
    if (element.type === "bpmn:Lane") canvas.addMarker(element, "is-lane");
    if (element.type === "bpmn:Participant") canvas.addMarker(element, "is-pool");
  });
}

/* Puts marks on the drawing, and takes those of the moment before away. */
function addMarker(viewer, box) {
  const canvas = viewer.get("canvas");
  const arrow = addArrow(canvas.getContainer());
  const known = (ids = []) => ids.filter((id) => viewer.get("elementRegistry").get(id));
  let undo = [];

  function add(id, name) {
    canvas.addMarker(id, name);
    undo.push(() => canvas.removeMarker(id, name));
  }

  function take(id) {
    add(id, "is-taken");
    const path = canvas.getGraphics(id).querySelector(".djs-visual > path");
    const before = path?.style.getPropertyValue("marker-end");
    path?.style.setProperty("marker-end", `url(#${arrow})`);
    undo.push(() => path?.style.setProperty("marker-end", before));
  }

  /* How long a step is open: a shade, the words, and how many are past due. */
  function shade({ id, level, words, late }) {
    if (!known([id]).length) return;
    add(id, `heat-${level}`);
    badge(viewer, id, "diagram-wait", words, "right");
    if (late) badge(viewer, id, "diagram-late", `${box.dataset.late} ${late}`, "left");
  }

  /* What a comparison says of a step or a flow: it came, it went, or something of it is otherwise. */
  function change({ id, way }) {
    if (!known([id]).length) return;
    add(id, `is-${way}`);
    badge(viewer, id, `diagram-${way}`, box.dataset[way], "right");
  }

  function mark(marks) {
    for (const back of undo.reverse()) back();
    undo = [];
    viewer.get("overlays").clear();
    const now = known(marks.now);
    for (const id of known(marks.done).filter((each) => !now.includes(each))) {
      add(id, "is-done");
      badge(viewer, id, "diagram-done", "✓", "right");
    }
    for (const id of known(marks.cancelled)) add(id, "is-cancelled");
    for (const id of known(marks.unknown)) add(id, "is-unknown");
    const words = now.length === 1 && marks.waiting ? marks.waiting : box.dataset.now;
    for (const id of now) {
      add(id, "is-now");
      badge(viewer, id, "diagram-now", words, "middle");
    }
    known(marks.flows).forEach(take);
    (marks.heat ?? []).forEach(shade);
    (marks.changes ?? []).forEach(change);
  }

  return { mark };
}

function badge(viewer, id, name, words, place) {
  const shape = viewer.get("elementRegistry").get(id);
  if (!shape.width) return;
  const html = document.createElement("span");
  html.className = name;
  html.textContent = words;
  const left = { left: 0, middle: shape.width / 2, right: shape.width }[place];
  const top = namedAbove(shape) ? shape.height : 0;
  viewer.get("overlays").add(id, { html, position: { top, left }, scale: { min: 0.8, max: 1 } });
}

/* A badge goes below a shape whose name stands above it. */
function namedAbove(shape) {
  return (shape.labels ?? []).some((label) => label.y + label.height / 2 < shape.y);
}

/* A style sheet cannot recolour an arrowhead, so taken flows have one of their own. */
function addArrow(container) {
  const id = `arrow-taken-${(arrows += 1)}`;
  const marker = document.createElementNS(SVG, "marker");
  const shape = document.createElementNS(SVG, "path");
  const attributes = { id, viewBox: "0 0 20 20", refX: 11, refY: 10, markerWidth: 10, markerHeight: 10 };
  for (const [name, value] of Object.entries({ ...attributes, markerUnits: "userSpaceOnUse", orient: "auto" })) {
    marker.setAttribute(name, value);
  }
  shape.setAttribute("d", "M 1 5 L 11 10 L 1 15 Z");
  shape.setAttribute("class", "diagram-arrow");
  marker.append(shape);
  const defs = document.createElementNS(SVG, "defs");
  defs.append(marker);
  container.querySelector("svg").append(defs);
  return id;
}

/* Where one looks: the whole drawing when it is legible, else the current step, inside the drawing. */
function aim(viewer, first) {
  const canvas = viewer.get("canvas");
  const registry = viewer.get("elementRegistry");
  const smallest = LEGIBLE / OUTSIDE;
  let marks = first;
  let moved = false;

  const whole = () => canvas.viewbox().inner;
  const room = () => canvas.viewbox().outer;
  const fitting = () => {
    const { width, height } = room();
    return Math.min((width - 2 * MARGIN) / whole().width, (height - 2 * MARGIN) / whole().height, 1);
  };

  function look(x, y, scale) {
    const { width, height } = room();
    if (!width || !height) return;
    const [w, h] = [width / scale, height / scale];
    const hold = (at, from, size, seen) =>
      size + (2 * MARGIN) / scale <= seen
        ? from + size / 2 - seen / 2
        : Math.min(Math.max(at - seen / 2, from - MARGIN / scale), from + size + MARGIN / scale - seen);
    const { inner } = canvas.viewbox();
    canvas.viewbox({ x: hold(x, inner.x, inner.width, w), y: hold(y, inner.y, inner.height, h), width: w, height: h });
  }

  function middle() {
    const box = canvas.viewbox();
    return [box.x + box.width / 2, box.y + box.height / 2];
  }

  function bounds(ids) {
    const shapes = ids.map((id) => registry.get(id)).filter((shape) => shape?.width);
    if (!shapes.length) return null;
    const [left, top] = [Math.min(...shapes.map((s) => s.x)), Math.min(...shapes.map((s) => s.y))];
    const right = Math.max(...shapes.map((s) => s.x + s.width));
    const bottom = Math.max(...shapes.map((s) => s.y + s.height));
    return { left, top, width: right - left, height: bottom - top };
  }

  function centre(ids, scale = Math.max(canvas.zoom(), smallest)) {
    const { width, height } = room();
    const all = bounds(ids);
    const fits = all && all.width * scale <= width && all.height * scale <= height;
    const seen = fits ? all : bounds(ids.slice(0, 1));
    if (seen) look(seen.left + seen.width / 2, seen.top + seen.height / 2, scale);
  }

  function open() {
    canvas.resized();
    if (!room().width) return;
    const scale = fitting();
    if (scale >= smallest) fit();
    else centre(firstLook(registry, marks), smallest);
    moved = false;
  }

  /* Look where the tokens have gone, unless that is in sight already. */
  function follow(now) {
    marks = now;
    const seen = canvas.viewbox();
    const inside = (at, size, from, room) => at >= from && at + size <= from + room;
    const shapes = firstLook(registry, marks).map((id) => registry.get(id)).filter(Boolean);
    const insight = shapes.some(
      (s) => inside(s.x, s.width, seen.x, seen.width) && inside(s.y, s.height, seen.y, seen.height),
    );
    if (!insight) centre(shapes.map((shape) => shape.id));
  }

  function fit() {
    look(0, 0, fitting());
    moved = true;
  }

  /* Whether the whole drawing is in sight already, as large as it can be. */
  function shown() {
    const { x, y, width, height, inner } = canvas.viewbox();
    const inside = (at, size, from, room) => at > from - 1 && at + size < from + room + 1;
    const all = inside(inner.x, inner.width, x, width) && inside(inner.y, inner.height, y, height);
    return all && Math.abs(canvas.zoom() - fitting()) < 0.01;
  }

  function zoom(factor) {
    const scale = Math.min(Math.max(canvas.zoom() * factor, Math.min(fitting(), smallest)), 2);
    look(...middle(), scale);
    moved = true;
  }

  function pan(dx, dy) {
    const [x, y] = middle();
    const scale = canvas.zoom();
    look(x - dx / scale, y - dy / scale, scale);
    moved = true;
  }

  function resized() {
    if (moved) canvas.resized();
    else open();
  }

  return { open, fit, shown, zoom, pan, centre, follow, resized };
}

function firstLook(registry, marks) {
  if (marks?.now?.length) return marks.now;
  if (marks?.done?.length) return marks.done.slice(-1);
  if (marks?.heat?.length) return [marks.heat[0].id];
  if (marks?.changes?.length) return [marks.changes[0].id];
  return registry.filter((element) => element.type === "bpmn:StartEvent").map((element) => element.id);
}

/* When the lane heads have been panned away, lane names sit on the left edge. */
function addLanes(viewer, box) {
  const canvas = viewer.get("canvas");
  const registry = viewer.get("elementRegistry");
  const lanes = registry.filter((element) => element.type === "bpmn:Lane");
  const chips = lanes.map((lane) => {
    const chip = document.createElement("span");
    chip.className = "diagram-lane";
    chip.setAttribute("aria-hidden", "true");
    chip.textContent = lane.businessObject.name ?? "";
    box.querySelector(".djs-container").append(chip);
    return { lane, chip };
  });
  const place = () => {
    const { x, y, scale, outer } = canvas.viewbox();
    for (const { lane, chip } of chips) {
      const top = (lane.y - y) * scale;
      const bottom = top + lane.height * scale;
      const at = Math.min(Math.max(top + 8, 8), bottom - 32);
      chip.hidden = !lane.businessObject.name || x <= lane.x || bottom < 32 || top > outer.height - 24;
      chip.style.top = `${at}px`;
    }
  };
  viewer.on("canvas.viewbox.changed", place);
}

function addControls(viewer, box, camera) {
  const bar = document.createElement("div");
  bar.className = "diagram-controls";
  const add = (label, text, act) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    if (label) button.setAttribute("aria-label", label);
    button.addEventListener("click", act);
    bar.append(button);
    return button;
  };
  add(box.dataset.zoomOut, "−", () => camera.zoom(1 / STEP));
  const whole = add("", box.dataset.whole, camera.fit);
  add(box.dataset.zoomIn, "+", () => camera.zoom(STEP));
  viewer.on("canvas.viewbox.changed", () => {
    whole.setAttribute("aria-disabled", String(camera.shown())); // it keeps the focus, and says why
    whole.title = camera.shown() ? box.dataset.shown : "";
  });
  box.prepend(bar);
  return bar;
}

/* Dragging with mouse, pen or finger; on touch a small picture lets the page scroll upright. */
function letDrag(viewer, stage, camera) {
  const container = stage.querySelector(".djs-container");
  let last = null;
  container.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    last = { x: event.clientX, y: event.clientY };
    container.setPointerCapture(event.pointerId);
  });
  container.addEventListener("pointermove", (event) => {
    if (!last) return;
    camera.pan(event.clientX - last.x, event.clientY - last.y);
    last = { x: event.clientX, y: event.clientY };
  });
  for (const end of ["pointerup", "pointercancel"]) {
    container.addEventListener(end, () => {
      last = null;
    });
  }
}

/** Rows of the table twin carry buttons that move the picture; without it they stay hidden. */
export function bindTable(box, camera) {
  const buttons = document.querySelectorAll(`[data-diagram-go][data-diagram-in="${box.id}"]`);
  for (const button of buttons) {
    button.hidden = false;
    button.addEventListener("click", () => {
      camera.centre([button.dataset.diagramGo]);
      box.scrollIntoView({ block: "nearest" });
    });
  }
}

for (const box of document.querySelectorAll("[data-diagram]:not([data-follow])")) {
  mount(box)
    .then((camera) => bindTable(box, camera))
    .catch(() => {
      box.classList.remove("diagram-drawn");
      box.querySelector(".diagram-stage")?.remove();
      box.querySelector(".diagram-fallback").textContent = box.dataset.failed;
    });
}
