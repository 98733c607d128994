/** What the page shows: runs, a code for each, an image, ranges; kept in the address. */

import {clamp, drawNormal, normalQuantile} from "./data.js";
import {bytesOf} from "./engine.js";

/** The code of one run: where its sliders stand. */
class Cursor {
  constructor(latents) {
    this.z = new Float32Array(latents);
    this.posterior = null; // of the image, if there is one
    this.frozen = new Set();
  }

  /** Where reset leads: the posterior mean, or the prior's. */
  home(j) {
    return this.posterior ? this.posterior.mean[j] : 0;
  }

  std(j) {
    return this.posterior ? Math.exp(0.5 * this.posterior.logvar[j]) : 1;
  }

  /** Move all latents that are not frozen. */
  move(to) {
    for (let j = 0; j < this.z.length; j++) if (!this.frozen.has(j)) this.z[j] = to(j);
  }
}

export class App {
  constructor(source, engine, session) {
    Object.assign(this, { source, engine, session });
    this.view = session.table ? "runs" : "latents";
    this.run = 0;
    this.range = { kind: "absolute", m: 2 };
    this.image = null;
    this.compared = session.table ? [] : session.runs.map((_, k) => k).slice(0, 4);
    this.link = "rank";
    this.cursors = new Map();
    this.known = new Map();
    this.listeners = new Set();
  }

  /** Call `heard` with the topic ("code", "image", "range", "view") until it is taken back. */
  listen(heard) {
    this.listeners.add(heard);
    return () => this.listeners.delete(heard);
  }

  tell(topic, run = this.run) {
    for (const heard of [...this.listeners]) heard(topic, run);
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.writeAddress(), 250);
  }

  /** Have the facts of a run, and a code for it. */
  async open(run) {
    if (!this.known.has(run)) {
      const facts = await this.source.facts(run);
      this.known.set(run, facts);
      if (this.cursors.get(run)?.z.length !== facts.latents) {
        this.cursors.set(run, new Cursor(facts.latents));
      }
      await this.engine.load(run, facts);
    }
    return this.known.get(run);
  }

  facts = (run = this.run) => this.known.get(run);
  cursor = (run = this.run) => this.cursors.get(run);

  /** Ends of the slider of latent j, as the plots have them. */
  bounds(j, run = this.run) {
    const { kind, m } = this.range;
    if (kind === "absolute") return [-m, m];
    const cursor = this.cursor(run);
    const reach = -normalQuantile(0.5 - m) * cursor.std(j);
    return [cursor.home(j) - reach, cursor.home(j) + reach];
  }

  set(j, value, run = this.run) {
    this.cursor(run).z[j] = value;
    this.tell("code", run);
  }

  reset(run = this.run) {
    const cursor = this.cursor(run);
    cursor.move((j) => cursor.home(j));
    this.tell("code", run);
  }

  sample(run = this.run) {
    this.cursor(run).move(drawNormal);
    this.tell("code", run);
  }

  /** Show an image: encode it for the runs given and go to its posterior means. */
  async show(image, runs = [this.run], move = true) {
    this.image = image;
    for (const run of runs) {
      const facts = await this.open(run);
      const cursor = this.cursor(run);
      cursor.posterior = await this.posterior(image, run, facts);
      if (move && cursor.posterior) cursor.move((j) => cursor.posterior.mean[j]);
    }
    this.tell("image");
  }

  /** The posterior of an image, or null where the run takes no such images. */
  async posterior(image, run, facts) {
    if (!image || image.shape.join() !== facts.shape.join()) return null;
    if (facts.encoder || this.source.live) return this.engine.encode(run, facts, bytesOf(image));
    if (image.dataset !== facts.dataset) return null;
    const [same] = await this.source.images(run, image.place, 1);
    return { mean: same.mean, logvar: same.logvar };
  }

  /** Get an image of the run's dataset. */
  async fetchImage(place, run = this.run) {
    const { images, shape, dataset } = this.facts(run);
    const [found] = await this.source.images(run, clamp(place, 0, images.count - 1), 1);
    return { ...found, place: found.place ?? found.index, shape, dataset };
  }

  clearImage() {
    this.image = null;
    for (const cursor of this.cursors.values()) cursor.posterior = null;
    this.tell("image");
  }

  go(view) {
    this.view = view;
    this.tell("view");
  }

  writeAddress() {
    const parts = new URLSearchParams({ view: this.view, run: this.run });
    for (const [run, { z, frozen }] of this.cursors) {
      if (z.some((value) => value)) parts.set(`z${run}`, [...z].map((v) => +v.toFixed(3)).join("_"));
      if (frozen.size) parts.set(`f${run}`, [...frozen].join("_"));
    }
    if (this.image?.place >= 0) parts.set("image", this.image.place);
    if (this.range.kind !== "absolute" || this.range.m !== 2) {
      parts.set("range", `${this.range.kind}_${this.range.m}`);
    }
    if (this.compared.length) parts.set("runs", this.compared.join("_"));
    if (this.link !== "rank") parts.set("link", this.link);
    history.replaceState(null, "", `#${parts}`);
  }

  /** Take up the state that the address keeps; what makes no sense in it is left. */
  async readAddress() {
    const parts = new URLSearchParams(location.hash.slice(1));
    const list = (name) => (parts.get(name) ?? "").split("_").filter(Boolean).map(Number);
    const isRun = (run) => Number.isInteger(run) && run >= 0 && run < this.session.runs.length;
    const run = Number(parts.get("run") ?? 0);
    if (isRun(run)) this.run = run;
    if (parts.has("runs")) this.compared = [...new Set(list("runs").filter(isRun))];
    if (["rank", "factor", "none"].includes(parts.get("link"))) this.link = parts.get("link");
    const [kind, m] = (parts.get("range") ?? "").split("_");
    if (validRange(kind, Number(m))) this.range = { kind, m: Number(m) };
    if (parts.has("view")) this.view = parts.get("view");
    if (this.view === "runs") return;
    await this.open(this.run);
    const place = Number(parts.get("image") ?? -1);
    const count = this.facts().images?.count ?? 0;
    const wanted = this.view === "compare" ? this.compared : [this.run];
    for (const one of wanted) await this.open(one);
    if (Number.isInteger(place) && place >= 0 && place < count) {
      await this.show(await this.fetchImage(place), wanted.length ? wanted : [this.run]);
    }
    for (const [one, cursor] of this.cursors) {
      const z = list(`z${one}`);
      if (z.length === cursor.z.length && z.every(Number.isFinite)) cursor.z.set(z);
      for (const j of list(`f${one}`)) if (j in cursor.z) cursor.frozen.add(j);
    }
  }
}

export function validRange(kind, m) {
  return (kind === "absolute" && m >= 0.5 && m <= 10) || (kind === "quantile" && m > 0 && m < 0.5);
}
