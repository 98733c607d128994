/** The view of all latents at once: each row varies one, all others stay at the present code. */

import {shown} from "./data.js";
import {announce, h} from "./dom.js";
import {rangeControl} from "./latents.js";
import {imageCanvas, put, sheet} from "./paint.js";

const COLUMNS = 10;
const NARROW_COLUMNS = 6;
const MOST_ROWS = 32;
const PAINT_EVERY = 250; // milliseconds: to compose the page anew takes the browser as long as a row

export function traversalsView(app) {
  const facts = app.facts();
  const columns = matchMedia("(max-width: 720px)").matches ? NARROW_COLUMNS : COLUMNS;
  const latents = facts.order.slice(0, MOST_ROWS);
  const cells = latents.map((j, row) => Array.from({ length: columns }, (_, column) => {
    const canvas = h("canvas", { width: facts.shape[2], height: facts.shape[1] });
    const button = h("button", {
      type: "button", class: "cell", tabindex: row || column ? -1 : 0,
      onclick: () => { app.set(j, values(j)[column]); announce(button.getAttribute("aria-label")); },
      onkeydown: (event) => walk(event, row, column),
    }, canvas);
    return { canvas, button };
  }));
  const values = (j) => {
    const [low, high] = app.bounds(j);
    return Array.from({ length: columns }, (_, k) => low + ((high - low) * k) / (columns - 1));
  };
  const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  const walk = (event, row, column) => {
    const move = moves[event.key];
    const next = move && cells[row + move[0]]?.[column + move[1]];
    if (!next) return;
    event.preventDefault();
    cells[row][column].button.tabIndex = -1;
    next.button.tabIndex = 0;
    next.button.focus();
  };
  const rows = latents.map((j, row) => h("div", { class: "row", role: "row" },
    h("span", { class: "name", role: "rowheader" }, `z${j}`,
      facts.known[j] ? h("small", {}, facts.known[j]) : null),
    cells[row].map(({ button }) => h("span", { role: "gridcell" }, button))));
  const grid = h("div", { class: "grid", role: "grid", "aria-label": "Traversals of the latents",
    style: { "--columns": columns } }, rows);
  const mark = () => latents.forEach((j, row) => {
    const all = values(j), z = app.cursor().z[j], half = (all[1] - all[0]) / 2;
    cells[row].forEach(({ button }, column) => {
      const here = Math.abs(all[column] - z) <= half + 1e-6;
      button.classList.toggle("here", here);
      button.setAttribute("aria-label", `z${j} at ${shown(all[column])}${here ? ", where it is now" : ""}`);
    });
  });
  let drawing = false, again = false;
  /** Decode the whole grid, row by row; what changes meanwhile starts it anew afterwards. */
  const draw = async () => {
    again = true;
    if (drawing) return;
    drawing = true;
    try {
      while (again) {
        again = false;
        const due = [];
        let painted = performance.now();
        const paint = () => {
          for (const [row, pixels] of due.splice(0)) {
            cells[row].forEach(({ canvas }, column) => put(canvas, pixels, column));
          }
          painted = performance.now();
        };
        await Promise.all(latents.map(async (j, row) => {
          const codes = values(j).map((value) => {
            const code = app.cursor().z.slice();
            code[j] = value;
            return code;
          });
          const pixels = await app.engine.decode(app.run, facts, codes);
          due.push([row, pixels]);
          if (performance.now() - painted > PAINT_EVERY) paint();
        }));
        paint();
        grid.dispatchEvent(new CustomEvent("drawn"));
      }
    } finally {
      drawing = false;
    }
  };
  mark();
  draw();
  const rest = facts.order.length - latents.length;
  return {
    element: h("section", { "aria-label": "Traversals" },
      h("div", { class: "toolbar" }, rangeControl(app)), grid,
      h("p", { class: "muted" }, "Each row varies one latent and leaves all others as they are. "
        + `Choose a cell to go there.${rest > 0 ? ` The ${rest} latents that say least are left out.` : ""}`)),
    hear(topic) {
      if (!["code", "image", "range"].includes(topic)) return;
      mark();
      draw();
    },
    picture: () => sheet(cells.flat().map(({ canvas }) => canvas), columns, 1, 2,
      facts.background === "white" ? "#000000" : "#ffffff"),
  };
}
