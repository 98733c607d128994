/** Charts and heat maps: values are read by hovering, and by screen readers as tables. */

import {clamp, shown} from "./data.js";
import {h} from "./dom.js";

const WIDTH = 280, HEIGHT = 140, LEFT = 44, BOTTOM = 22, TOP = 8;

/** A heat map as a table: factors are the rows, latents the columns. */
export function heatMap({ title, factors, values }, latents) {
  const top = Math.max(...values.flat(), 1e-12);
  const readout = h("p", { class: "muted readout" }, "Point at a cell to read its value.");
  const cell = (k, j) => {
    const share = clamp(values[k][j] / top, 0, 1);
    const say = () => { readout.textContent = `z${j} and ${factors[k]}: ${shown(values[k][j], 4)}`; };
    return h("td", {
      style: { "--share": share.toFixed(3) },
      title: `z${j}, ${factors[k]}: ${shown(values[k][j], 4)}`, onmouseenter: say,
    }, shown(values[k][j]));
  };
  return h("figure", { class: "panel" }, h("h3", {}, title),
    h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": title },
      h("table", { class: "heat" },
        h("thead", {}, h("tr", {}, h("td", {}), latents.map((j) => h("th", { scope: "col" }, `z${j}`)))),
        h("tbody", {}, factors.map((name, k) => h("tr", {}, h("th", { scope: "row" }, name), latents.map((j) => cell(k, j))))))),
    readout);
}

/** A curve over the epochs. */
export function curve(name, values) {
  const known = values.filter((value) => value !== null);
  let [low, high] = [Math.min(...known), Math.max(...known)];
  if (low === high) [low, high] = [low - 0.5, high + 0.5];
  const x = (k) => LEFT + ((WIDTH - LEFT - 8) * k) / Math.max(1, values.length - 1);
  const y = (value) => TOP + ((HEIGHT - BOTTOM - TOP) * (high - value)) / (high - low);
  let line = "", pen = "M";
  values.forEach((value, k) => {
    if (value === null) { pen = "M"; return; }
    line += `${pen}${x(k).toFixed(1)} ${y(value).toFixed(1)}`;
    pen = "L";
  });
  const dot = h("circle", { r: 3.5, class: "mark", visibility: values.length > 1 ? "hidden" : "visible", cx: x(0), cy: y(known[0] ?? 0) });
  const readout = h("span", { class: "muted" }, `last ${digits(values.at(-1))}`);
  const chart = svg(`${name}: from ${digits(values[0])} to ${digits(values.at(-1))} over ${values.length} epochs`,
    axes(low, high, "1", String(values.length), digits), h("path", { d: line, class: "line" }), dot);
  chart.addEventListener("pointermove", (event) => {
    const box = chart.getBoundingClientRect();
    const at = ((event.clientX - box.left) / box.width) * WIDTH;
    const k = clamp(Math.round(((at - LEFT) / (WIDTH - LEFT - 8)) * (values.length - 1)), 0, values.length - 1);
    if (values[k] === null || Number.isNaN(k)) return;
    readout.textContent = `epoch ${k + 1}: ${digits(values[k])}`;
    for (const [key, setting] of [["cx", x(k)], ["cy", y(values[k])], ["visibility", "visible"]]) dot.setAttribute(key, setting);
  });
  return h("figure", { class: "chart" }, h("figcaption", {}, h("b", {}, name), readout), chart);
}

/** A histogram of posterior means from -4 to 4, on the density of the prior. */
export function histogram(name, bins) {
  const top = 1, x = (value) => LEFT + ((WIDTH - LEFT - 8) * (value + 4)) / 8;
  const y = (value) => TOP + (HEIGHT - BOTTOM - TOP) * (1 - clamp(value, 0, top) / top);
  const width = (WIDTH - LEFT - 8) / bins.length;
  const bars = bins.map((value, k) => (value > 0 ? h("rect", {
    x: (x(-4) + k * width).toFixed(2), y: y(value).toFixed(2),
    width: Math.max(0.5, width - 0.4).toFixed(2), height: (y(0) - y(value)).toFixed(2),
  }) : null));
  const prior = Array.from({ length: 81 }, (_, k) => {
    const z = -4 + k / 10;
    return `${k ? "L" : "M"}${x(z).toFixed(1)} ${y(Math.exp(-z * z / 2) / Math.sqrt(2 * Math.PI)).toFixed(1)}`;
  }).join("");
  const mean = bins.reduce((sum, value, k) => sum + value * 0.1 * (-3.95 + k * 0.1), 0);
  const readout = h("span", { class: "muted" }, `mean ${shown(mean)}`);
  const chart = svg(`Posterior means of ${name}, mean ${shown(mean)}`, axes(0, top, "−4", "4", (v) => shown(v, 0)),
    h("g", { class: "bars" }, bars), h("path", { d: prior, class: "prior" }));
  chart.addEventListener("pointermove", (event) => {
    const box = chart.getBoundingClientRect();
    const z = (((event.clientX - box.left) / box.width) * WIDTH - LEFT) / (WIDTH - LEFT - 8) * 8 - 4;
    const k = clamp(Math.floor((z + 4) * 10), 0, 79);
    readout.textContent = `at ${shown(-3.95 + k * 0.1)}: density ${shown(bins[k], 3)}`;
  });
  return h("figure", { class: "chart" }, h("figcaption", {}, h("b", {}, name), readout), chart);
}

function svg(label, ...parts) {
  const chart = h("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label });
  chart.append(...parts.flat());
  return chart;
}

function axes(low, high, from, to, write) {
  const bottom = HEIGHT - BOTTOM;
  return [
    h("line", { x1: LEFT, y1: bottom, x2: WIDTH - 8, y2: bottom, class: "axis" }),
    h("text", { x: LEFT - 6, y: bottom, "text-anchor": "end" }, write(low)),
    h("text", { x: LEFT - 6, y: TOP + 9, "text-anchor": "end" }, write(high)),
    h("text", { x: LEFT, y: HEIGHT - 5 }, from),
    h("text", { x: WIDTH - 8, y: HEIGHT - 5, "text-anchor": "end" }, to),
  ];
}

/** A number in about four digits. */
export function digits(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  return shown(value, size >= 1000 ? 0 : size >= 100 ? 1 : size >= 1 ? 2 : 4);
}
