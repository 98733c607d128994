/** The view of several runs side by side, on the same image, sliders linked or not. */

import {shown} from "./data.js";
import {button, h, select} from "./dom.js";
import {bytesOf, toCanvas} from "./engine.js";
import {fitted, imageCanvas, put, sheet} from "./paint.js";
import {Sliders} from "./sliders.js";
import {describe} from "./stage.js";

const MOST_LATENTS = 10;

export function compareView(app) {
  const runs = app.compared;
  if (runs.length < 2) {
    return { hear() {}, picture: null, element: h("p", { class: "note" }, app.session.table
      ? "Choose at least two runs in the table of runs."
      : "Open several runs to compare them: disvae explore RUN RUN") };
  }
  const panels = runs.map((run) => new Panel(app, run, (from, j, value) => follow(from, j, value)));
  /** Move the linked sliders of the other runs too. */
  const follow = (from, j, value) => {
    app.set(j, value, from.run);
    if (app.link === "none") return;
    for (const panel of panels) {
      const k = panel === from ? undefined : partner(app, from.run, j, panel.run);
      if (k !== undefined && !app.cursor(panel.run).frozen.has(k)) app.set(k, value, panel.run);
    }
  };
  const factored = runs.every((run) => app.facts(run).known.some(Boolean));
  const links = [["rank", "by rank of KL"], ["none", "not linked"]];
  if (factored) links.splice(1, 0, ["factor", "by best factor"]);
  else if (app.link === "factor") app.link = "rank";
  const both = (what) => () => { for (const run of runs) app[what](run); };
  const element = h("section", { class: "stack", "aria-label": "Compare" },
    h("div", { class: "toolbar" },
      select("Sliders", links, app.link, (link) => { app.link = link; app.tell("link"); }, { id: "link" }),
      picker(app, runs), button("Reset all", both("reset")), button("Sample each", both("sample"))),
    h("div", { class: "panels" }, panels.map((panel) => panel.element)));
  const labels = runs.map((run) => app.facts(run).name);
  return {
    element,
    hear(topic, run) {
      for (const panel of panels) panel.hear(topic, run);
    },
    picture: () => sheet(panels.map(({ canvas }) => canvas), panels.length,
      Math.max(1, Math.round(256 / panels[0].canvas.width)), 12, "#ffffff", labels),
  };
}

/** The latent of another run that moves with latent j: of the same rank, or the same factor. */
function partner(app, run, j, other) {
  const [mine, theirs] = [app.facts(run), app.facts(other)];
  if (app.link === "rank") return theirs.order[mine.order.indexOf(j)];
  const factor = mine.known[j];
  return factor ? theirs.order.find((k) => theirs.known[k] === factor) : undefined;
}

/** Choose the one image that all runs show. */
function picker(app, runs) {
  const facts = app.facts(runs[0]);
  if (!facts.images) return h("span", { class: "muted" }, "The images of the dataset are not here; the sliders start at the prior's mean.");
  const go = async (place) => app.show(await app.fetchImage(place, runs[0]), runs);
  const number = h("input", {
    type: "number", id: "compare-image", min: 0, max: facts.images.count - 1, value: app.image?.place ?? "",
    onchange: () => go(Math.round(Number(number.value)) || 0),
  });
  return [h("label", { class: "field" }, h("span", {}, "Image"), number),
    button("Any image", () => {
      number.value = Math.floor(Math.random() * facts.images.count);
      return go(Number(number.value));
    })];
}

class Panel {
  constructor(app, run, moved) {
    Object.assign(this, { app, run });
    const facts = app.facts(run);
    this.canvas = imageCanvas(facts.shape, `Decoded by ${facts.name}`, { "data-run": run });
    this.original = imageCanvas(facts.shape, "Original image");
    this.error = h("figcaption", {});
    this.pair = h("figure", { class: "beside" }, this.original, this.error);
    this.sliders = new Sliders(app, run, {
      latents: facts.order.slice(0, MOST_LATENTS), compact: true, moved: (j, value) => moved(this, j, value),
    });
    this.element = h("section", { class: "panel run", "aria-label": facts.name },
      h("h2", {}, facts.name), h("p", { class: "muted" }, `${facts.loss} on ${facts.dataset}`),
      h("div", { class: "pictures" }, fitted(this.canvas, 320), this.pair), this.sliders.element);
    this.showImage();
    this.draw();
  }

  hear(topic, run) {
    if (topic === "code" && run === this.run) this.draw();
    if (topic === "image" || topic === "range") {
      this.sliders.refit();
      this.showImage();
      this.draw();
    }
  }

  draw() {
    const { app, run } = this;
    this.sliders.refresh();
    return app.engine.live(`panel ${run}`, run, app.facts(run), app.cursor(run).z.slice(), (pixels) => {
      put(this.canvas, pixels);
      this.canvas.dispatchEvent(new CustomEvent("drawn"));
    });
  }

  async showImage() {
    const { app, run } = this, { image } = app, { posterior } = app.cursor(run), facts = app.facts(run);
    this.pair.hidden = !image;
    if (!image) return;
    this.original.hidden = !posterior;
    if (!posterior) {
      this.error.textContent = "This run takes images of another size.";
      return;
    }
    const original = toCanvas(bytesOf(image), image.shape);
    put(this.original, original);
    const made = await app.engine.decode(run, facts, [posterior.mean], true);
    let sum = 0;
    for (let i = 0; i < made.length; i++) sum += ((made[i] - original[i]) / 255) ** 2;
    this.error.textContent = `${describe(facts, image)}. Squared error of its reconstruction, per pixel: ${shown(sum / (0.75 * made.length), 4)}`;
  }
}
