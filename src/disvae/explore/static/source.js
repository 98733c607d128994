/** Where the page has its runs from: the server, or the file that it is in. */

import {fromBase64} from "./data.js";

const KEY = "disvae-token";

export function openSource() {
  const data = document.getElementById("data");
  return data ? new FileSource(JSON.parse(data.textContent)) : new ServerSource();
}

/** What went wrong, in a sentence; `lasting` if nothing can be had from there any more. */
export class SourceError extends Error {
  constructor(sentence, kind = "refused") {
    super(sentence);
    this.kind = kind;
  }
}

class ServerSource {
  live = true;

  constructor() {
    const given = new URLSearchParams(location.hash.slice(1)).get("token");
    try {
      if (given) sessionStorage.setItem(KEY, given);
      this.token = given || sessionStorage.getItem(KEY) || "";
    } catch {
      this.token = given || ""; // storage can be switched off
    }
  }

  makeWorker() {
    return new Worker("/static/worker.js", { type: "module" });
  }

  async ask(path, body) {
    let response;
    try {
      response = await fetch(`/api/${path}`, {
        method: body ? "POST" : "GET",
        headers: { [KEY]: this.token },
        body,
      });
    } catch {
      throw new SourceError(
        "The server has stopped. What is on this page still moves; to see more, start disvae explore again.",
        "stopped",
      );
    }
    if (response.ok) return response;
    const { error } = await response.json().catch(() => ({ error: "The server could not answer." }));
    throw new SourceError(error, response.status === 409 ? "changed" : "refused");
  }

  json = async (path) => (await this.ask(path)).json();
  bytes = async (path, body) => (await this.ask(path, body)).arrayBuffer();

  session = () => this.json("session");
  table = () => this.json("table");
  facts = (run) => this.json(`runs/${run}`);
  state = (run) => this.json(`runs/${run}/state`);
  histograms = async (run) => (await this.json(`runs/${run}/histograms`)).found;
  images = async (run, start, count) =>
    (await this.json(`runs/${run}/images?start=${start}&count=${count}`)).images;
  find = async (run, factors, first) =>
    (await this.json(`runs/${run}/find?factors=${factors.join(",")}&first=${first}`)).index;

  async weights(run) {
    return { weights: await this.bytes(`runs/${run}/weights`), precision: "float32" };
  }

  async decode(run, codes) {
    const all = new Float32Array(codes.length * codes[0].length);
    codes.forEach((code, k) => all.set(code, k * code.length));
    return new Uint8Array(await this.bytes(`runs/${run}/decode`, all));
  }

  encode = async (run, pixels) => new Float32Array(await this.bytes(`runs/${run}/encode`, pixels));
}

class FileSource {
  live = false;

  constructor(data) {
    this.data = data;
  }

  makeWorker() {
    const source = JSON.parse(document.getElementById("worker").textContent);
    const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    return new Worker(address);
  }

  session = async () => ({ runs: this.data.runs.map(({ facts }) => facts.name), table: false });
  facts = async (run) => this.data.runs[run].facts;
  histograms = async (run) => this.data.runs[run].histograms;
  images = async (run, start, count) => this.data.runs[run].images.slice(start, start + count);

  async find(run, factors, first) {
    const distance = (image) =>
      image.factors.reduce((sum, value, k) => {
        const differs = Math.abs(value - factors[k]);
        return sum + differs + (differs > 0) * (k === first ? 1e12 : 1e9);
      }, 0);
    const distances = this.data.runs[run].images.map(distance);
    return distances.indexOf(Math.min(...distances));
  }

  async weights(run) {
    const { weights, precision } = this.data.runs[run];
    return { weights: fromBase64(weights).slice().buffer, precision };
  }

  async encode() {
    throw new SourceError("This file holds no encoder, so it can show its own images only.");
  }
}
