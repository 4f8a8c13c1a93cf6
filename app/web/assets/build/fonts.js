/** Keep only the woff2 face of the diagram icons' font: every browser we serve reads it. */
export function woff2Only() {
  return {
    name: "woff2-only",
    enforce: "pre",
    transform(code, id) {
      if (!/bpmn-font\/css\/bpmn\.css$/.test(id)) return null;
      return code.replace(/@font-face\s*\{[^}]*\}/, FACE);
    },
  };
}

const FACE = `@font-face {
  font-family: "bpmn";
  src: url("../font/bpmn.woff2") format("woff2");
}`;
