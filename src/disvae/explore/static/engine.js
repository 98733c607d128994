/** Decodes and encodes in workers, what the user moves before all else; or by the server. */

import {fromBase64} from "./data.js";

const MOST_WORKERS = 4;

export class Engine {
  constructor(source) {
    this.source = source;
    this.waiting = [];
    this.pending = new Map();
    this.latest = new Map();
    this.loaded = new Map();
    this.next = 0;
    const many = Math.min(MOST_WORKERS, Math.max(1, navigator.hardwareConcurrency || 2));
    this.workers = Array.from({ length: many }, () => {
      const worker = source.makeWorker();
      worker.onmessage = ({ data }) => this.finish(worker, data);
      worker.idle = true;
      return worker;
    });
  }

  /** Send the networks of a run to the workers, once. */
  load(run, facts) {
    if (!this.loaded.has(run)) this.loaded.set(run, this.send(run, facts));
    return this.loaded.get(run);
  }

  async send(run, facts) {
    if (!facts.decoder && !facts.encoder) return;
    const { weights, precision } = await this.source.weights(run);
    for (const part of ["decoder", "encoder"]) {
      if (!facts[part]) continue;
      for (const worker of this.workers) {
        worker.postMessage({ key: `${part} ${run}`, network: facts[part], weights, precision });
      }
    }
  }

  /** Forget a run, which changed. */
  drop(run) {
    this.loaded.delete(run);
  }

  /** Decode codes to the pixels of canvases, one after the other. */
  async decode(run, facts, codes, urgent = false) {
    await this.load(run, facts);
    if (facts.decoder) return this.compute(`decoder ${run}`, codes, true, urgent);
    return toCanvas(await this.source.decode(run, codes), facts.shape, codes.length);
  }

  /** Encode an image, C x H x W bytes, to `{mean, logvar}`. */
  async encode(run, facts, pixels) {
    await this.load(run, facts);
    const both = facts.encoder
      ? await this.compute(`encoder ${run}`, [Float32Array.from(pixels, (p) => p / 255)], false, true)
      : await this.source.encode(run, pixels);
    return { mean: both.slice(0, facts.latents), logvar: both.slice(facts.latents) };
  }

  /** Decode the newest code given under `name`; older ones that still wait are passed over. */
  async live(name, run, facts, code, show) {
    const busy = this.latest.has(name);
    this.latest.set(name, { run, facts, code, show });
    if (busy) return;
    try {
      let now = this.latest.get(name);
      for (;;) {
        const pixels = await this.decode(now.run, now.facts, [now.code], true);
        now.show(pixels);
        const newer = this.latest.get(name);
        if (newer === now) break;
        now = newer;
      }
    } finally {
      this.latest.delete(name);
    }
  }

  compute(key, inputs, painted, urgent) {
    return new Promise((resolve) => {
      const job = { id: this.next++, key, inputs, painted };
      this.pending.set(job.id, resolve);
      if (urgent) this.waiting.unshift(job);
      else this.waiting.push(job);
      this.start();
    });
  }

  start() {
    for (const worker of this.workers) {
      if (!worker.idle || !this.waiting.length) continue;
      worker.idle = false;
      worker.postMessage(this.waiting.shift());
    }
  }

  finish(worker, { id, all }) {
    worker.idle = true;
    this.start();
    this.pending.get(id)(all);
    this.pending.delete(id);
  }
}

/** Turn C x H x W bytes, image after image, into the pixels of canvases. */
export function toCanvas(bytes, shape, many = 1) {
  const [n, rows, columns] = shape;
  const size = rows * columns, colours = n < 3 ? [0, 0, 0] : [0, 1, 2];
  const pixels = new Uint8ClampedArray(4 * size * many).fill(255);
  for (let image = 0; image < many; image++) {
    for (let p = 0; p < size; p++) {
      for (let k = 0; k < 3; k++) {
        pixels[4 * (image * size + p) + k] = bytes[(image * n + colours[k]) * size + p];
      }
    }
  }
  return pixels;
}

export const bytesOf = (image) => (image.bytes ??= fromBase64(image.pixels));
