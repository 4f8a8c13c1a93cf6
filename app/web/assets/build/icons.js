import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const tabler = dirname(createRequire(import.meta.url).resolve("@tabler/icons/outline/home.svg"));
const named = /\b(?:icon\(|icon=|empty\()\s*"([a-z0-9-]+)"/g;

/**
 * One SVG sprite of the icons in use: those that templates name (icon("…"), icon="…", empty("…")),
 * those listed in src/icons.json, and our own drawings in src/icons/.
 */
export function iconSprite({ templates, source }) {
  return {
    name: "icon-sprite",
    buildStart() {
      const symbols = namesInUse(templates, source).map((name) => symbol(name, find(name, source, this)));
      this.emitFile({
        type: "asset",
        name: "icons.svg",
        originalFileName: "src/icons.svg",
        source: `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>\n`,
      });
    },
  };
}

function namesInUse(templates, source) {
  const listed = JSON.parse(readFileSync(join(source, "icons.json"), "utf8"));
  const inTemplates = readdirSync(templates, { recursive: true })
    .filter((path) => path.endsWith(".html"))
    .flatMap((path) => [...readFileSync(join(templates, path), "utf8").matchAll(named)])
    .map((match) => match[1]);
  return [...new Set([...listed, ...inTemplates])].sort();
}

function find(name, source, plugin) {
  const path = [join(source, "icons", `${name}.svg`), join(tabler, `${name}.svg`)].find(existsSync);
  return path ? readFileSync(path, "utf8") : plugin.error(`There is no Tabler outline icon “${name}”.`);
}

// Stroke and fill come from the .icon rule; the invisible 24 × 24 square only costs bytes.
function symbol(name, svg) {
  const inner = svg
    .replace(/^[\s\S]*?<svg[^>]*>|<\/svg>[\s\S]*$/g, "")
    .replace(/<path stroke="none" d="M0 0h24v24H0z" fill="none" ?\/>/, "")
    .replace(/\s*\n\s*/g, "");
  return `<symbol id="${name}" viewBox="0 0 24 24">${inner}</symbol>`;
}
