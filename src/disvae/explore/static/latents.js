/** The view of the latents: sliders, and how far they reach. */

import {button, h, select} from "./dom.js";
import {validRange} from "./app.js";
import {Sliders} from "./sliders.js";

const MOST = 32; // sliders at first

export function latentsView(app) {
  const facts = app.facts();
  const place = h("div");
  let sliders = null;
  const showing = (latents) => {
    sliders = new Sliders(app, app.run, { latents, moved: (j, value) => app.set(j, value) });
    place.replaceChildren(sliders.element);
  };
  showing(facts.order.slice(0, MOST));
  const rest = facts.order.length - MOST;
  const more = rest > 0
    ? button(`Show ${rest} more latents`, () => { showing(facts.order); more.remove(); }) : null;
  const element = h("section", { "aria-label": "Latents" },
    h("div", { class: "toolbar" }, rangeControl(app)), place, more,
    h("p", { class: "muted" },
      "Most informative first. Arrow keys step, Page Up and Page Down leap, 0 or a double click resets one."));
  return {
    element,
    hear(topic) {
      if (topic === "code") sliders.refresh();
      if (topic === "image" || topic === "range") sliders.refit();
    },
    picture: null,
  };
}

/** How far sliders and traversals reach: an absolute value, or a share of the distribution. */
export function rangeControl(app) {
  const kinds = [["absolute", "from −m to m"], ["quantile", "middle share of the distribution"]];
  const number = h("input", {
    type: "number", "aria-label": "m", id: "reach",
    onchange: () => {
      const { kind } = app.range;
      const m = kind === "absolute" ? Number(number.value) : Number(number.value) / 200;
      if (validRange(kind, m)) app.range = { kind, m };
      settle();
      app.tell("range");
    },
  });
  const unit = h("span", { class: "muted" });
  const settle = () => {
    const { kind, m } = app.range;
    const absolute = kind === "absolute";
    Object.assign(number, absolute ? { min: 0.5, max: 10, step: 0.5 } : { min: 1, max: 99.9, step: 0.1 });
    number.value = absolute ? m : +(200 * m).toFixed(2);
    unit.textContent = absolute ? "" : `% of the ${app.image ? "posterior" : "prior"}`;
  };
  settle();
  const change = (kind) => {
    app.range = kind === "absolute" ? { kind, m: 2 } : { kind, m: 0.475 };
    settle();
    app.tell("range");
  };
  return h("span", { class: "range" }, select("Range", kinds, app.range.kind, change), number, unit);
}
