/** A list of sliders, one a latent, most informative first. */

import {clamp, shown} from "./data.js";
import {button, h} from "./dom.js";

const STEPS = 200;

/** Make the sliders of a run. `latents` are shown in this order; `moved(j, value)` on each move. */
export class Sliders {
  constructor(app, run, { latents, compact = false, moved }) {
    Object.assign(this, { app, run, moved });
    this.rows = new Map(latents.map((j) => [j, this.row(j, compact)]));
    this.element = h("ol", { class: compact ? "sliders compact" : "sliders" },
      [...this.rows.values()].map(({ element }) => element));
    this.refit();
  }

  row(j, compact) {
    const facts = this.app.facts(this.run), known = facts.known[j], kl = facts.kl?.[j];
    const id = `slider-${this.run}-${j}`;
    const input = h("input", {
      type: "range", id, "data-latent": j,
      oninput: () => this.moved(j, Number(input.value)),
      ondblclick: () => this.moved(j, this.app.cursor(this.run).home(j)),
      onkeydown: (event) => {
        if (event.key !== "0" && event.key !== "Delete") return;
        event.preventDefault();
        this.moved(j, this.app.cursor(this.run).home(j));
      },
    });
    const band = h("span", { class: "band", hidden: true });
    const value = h("output", { for: id });
    const top = Math.max(...(facts.kl ?? [1]), 1e-6);
    const amount = h("span", { class: "kl", title: "KL from the prior, in nats" },
      h("span", { class: "bar" }, h("i", { style: { width: `${clamp((100 * (kl ?? 0)) / top, 0, 100)}%` } })),
      kl === null || kl === undefined ? "KL unknown" : `KL ${shown(kl)}`);
    const freeze = button("Freeze", () => this.freeze(j), {
      class: "freeze", "aria-pressed": "false", "aria-label": `Freeze z${j}`,
      title: "A frozen latent stays when you reset, sample, encode or walk",
    });
    const element = h("li", {},
      h("label", { for: id }, `z${j}`),
      h("span", { class: "track" }, band, input),
      value,
      h("span", { class: "about" }, amount,
        known ? h("span", { class: "known", title: "The factor that it knows best" }, known) : null),
      compact ? null : freeze);
    return { element, input, band, value, freeze, known };
  }

  freeze(j) {
    const { frozen } = this.app.cursor(this.run);
    if (!frozen.delete(j)) frozen.add(j);
    this.refresh();
    this.app.tell("frozen", this.run);
  }

  /** Take up new ranges and a new posterior. */
  refit() {
    const cursor = this.app.cursor(this.run);
    for (const [j, { input, band }] of this.rows) {
      const [low, high] = this.app.bounds(j, this.run);
      Object.assign(input, { min: low, max: high, step: (high - low) / STEPS });
      band.hidden = !cursor.posterior;
      if (!cursor.posterior) continue;
      const place = (x) => clamp((x - low) / (high - low), 0, 1);
      const [from, to] = [place(cursor.home(j) - cursor.std(j)), place(cursor.home(j) + cursor.std(j))];
      band.style.setProperty("--from", from);
      band.style.setProperty("--to", Math.max(to, from + 0.004));
      band.title = `posterior: ${shown(cursor.home(j))} ± ${shown(cursor.std(j))}`;
    }
    this.refresh();
  }

  /** Take up a new code. */
  refresh() {
    const cursor = this.app.cursor(this.run);
    for (const [j, { element, input, value, freeze, known }] of this.rows) {
      const z = cursor.z[j], frozen = cursor.frozen.has(j);
      input.value = z;
      value.textContent = shown(z);
      const posterior = cursor.posterior
        ? `, posterior ${shown(cursor.home(j))} plus or minus ${shown(cursor.std(j))}` : "";
      input.setAttribute("aria-valuetext",
        `${shown(z)}${known ? `, knows ${known}` : ""}${posterior}${frozen ? ", frozen" : ""}`);
      element.classList.toggle("frozen", frozen);
      freeze.setAttribute("aria-pressed", frozen);
      freeze.textContent = frozen ? "Frozen" : "Freeze";
    }
  }
}
