/** The view of what is known of the latents: matrices, scores, losses, histograms, options. */

import {curve, digits, heatMap, histogram} from "./charts.js";
import {shown} from "./data.js";
import {h} from "./dom.js";

const MOST = 32;

export function evidenceView(app) {
  const facts = app.facts(), latents = facts.order.slice(0, MOST);
  const curves = Object.entries(facts.losses).filter(([, values]) => values.length);
  const spread = h("div", { class: "charts" }, h("p", { class: "muted" }, "Encoding some images…"));
  app.source.histograms(app.run).then((found) => {
    spread.replaceChildren(...(found
      ? latents.filter((j) => found.bins[j]).map((j) => histogram(`z${j}`, found.bins[j]))
      : [h("p", { class: "note" }, `The images of ${facts.dataset} are not here, so nothing can be counted.`)]));
    if (found) lead.textContent = `Of ${found.n.toLocaleString("en")} images; the line is the prior. Peaks above 1 are cut off.`;
  }).catch((fault) => { spread.replaceChildren(h("p", { class: "note" }, fault.message)); });
  const lead = h("p", { class: "muted" });
  const element = h("section", { class: "stack", "aria-label": "Evidence" },
    h("h2", {}, "What each latent knows"),
    facts.matrices.length
      ? h("div", { class: "two" }, facts.matrices.map((matrix) => heatMap(matrix, latents)))
      : h("p", { class: "note" }, "No scores yet. Compute them: disvae eval NAME --metrics mig,aam,dci"),
    facts.scores.length ? [h("h2", {}, "Scores"), scores(facts)] : null,
    h("h2", {}, "Posterior means"), lead, spread,
    h("h2", {}, "Losses, nats per image"),
    curves.length ? h("div", { class: "charts" }, curves.map(([name, values]) => curve(name, values)))
      : h("p", { class: "note" }, "The log of losses is not here."),
    testLosses(facts), options(facts));
  return { element, hear() {}, picture: null };
}

function scores(facts) {
  const row = (score) => h("tr", {}, h("th", { scope: "row" }, score.name),
    h("td", { class: "number" }, shown(score.value, 4)),
    h("td", { class: "number" }, score.std === null ? "" : `± ${shown(score.std, 4)}`),
    h("td", {}, details(score)));
  return h("div", { class: "panel scroll", tabindex: 0, role: "region", "aria-label": "Scores" }, h("table", { class: "plain" },
    h("thead", {}, h("tr", {}, ["score", "value", "spread", "parts and settings"].map((name, k) => h("th", { scope: "col", class: k === 1 || k === 2 ? "number" : "" }, name)))),
    h("tbody", {}, facts.scores.map(row))));
}

function details({ parts, settings }) {
  const list = [...Object.entries(parts).map(([name, value]) => [name, shown(value, 4)]), ...Object.entries(settings)];
  if (!list.length) return "";
  return h("details", {}, h("summary", {}, list.length === 1 ? "1 entry" : `${list.length} entries`), pairs(list));
}

function pairs(list) {
  return h("dl", {}, list.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

function testLosses(facts) {
  const list = Object.entries(facts.test).map(([name, value]) => [name, digits(value)]);
  return list.length ? h("details", { class: "panel" }, h("summary", {}, "Test losses, nats per image"), pairs(list)) : null;
}

function options(facts) {
  return h("details", { class: "panel" }, h("summary", {}, "Options of the run"), pairs(Object.entries(facts.options)));
}
