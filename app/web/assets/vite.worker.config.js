import { resolve } from "node:path";
import { defineConfig } from "vite";

const here = import.meta.dirname;

// The service worker: one plain script of a fixed name, because phones of some years ago know no modules in workers.
export default defineConfig({
  root: here,
  publicDir: false,
  build: {
    outDir: resolve(here, process.env.OUT_DIR ?? "../static/dist"),
    emptyOutDir: false,
    target: ["chrome87", "safari14", "firefox78"],
    modulePreload: false,
    rolldownOptions: {
      input: resolve(here, "src/worker/sw.js"),
      output: { format: "iife", entryFileNames: "sw.js" },
    },
  },
});
