import { readdirSync } from "node:fs";
import { resolve } from "node:path";
import { defineConfig } from "vite";

import { iconSprite } from "./build/icons.js";
import { woff2Only } from "./build/fonts.js";

const here = import.meta.dirname;
const source = resolve(here, "src");

// Each script directly in src/ is a page's entry, but forms.js, which every page has through main.js.
const entries = readdirSync(source)
  .filter((name) => name.endsWith(".js") && name !== "forms.js")
  .map((name) => [name.slice(0, -3), resolve(source, name)]);

export default defineConfig({
  root: here,
  base: "/static/dist/",
  plugins: [woff2Only(), iconSprite({ templates: resolve(here, "../templates"), source })],
  build: {
    outDir: resolve(here, process.env.OUT_DIR ?? "../static/dist"),
    emptyOutDir: true,
    manifest: "manifest.json",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    // Old phones in villages, and what browsers inside chat apps lag behind to.
    target: ["chrome87", "safari14", "firefox78"],
    rolldownOptions: { input: Object.fromEntries(entries) },
  },
});
