/** A worker: keeps the networks of some runs, and computes them on what it is sent. */

import {compile, toFloats} from "./interpreter.js";

const networks = new Map();

/** Turn probabilities into the pixels of a canvas: one channel is grey, the first three colours. */
function paint({ data, hwc, shape }, into, start) {
  const [n, rows, columns] = shape;
  const pixels = rows * columns, colours = n < 3 ? [0, 0, 0] : [0, 1, 2];
  for (let p = 0; p < pixels; p++) {
    for (let k = 0; k < 3; k++) {
      into[start + 4 * p + k] = 255 * data[hwc ? p * n + colours[k] : colours[k] * pixels + p];
    }
    into[start + 4 * p + 3] = 255;
  }
}

function load({ key, network, weights, precision }) {
  networks.set(key, compile(network, toFloats(weights, precision)));
}

/** Compute one network on several inputs; as pixels if `painted`, else as floats. */
function compute({ id, key, inputs, painted }) {
  const network = networks.get(key);
  let all = null;
  inputs.forEach((input, k) => {
    const value = network(input);
    const size = painted ? 4 * value.shape[1] * value.shape[2] : value.data.length;
    all ??= painted
      ? new Uint8ClampedArray(size * inputs.length)
      : new Float32Array(size * inputs.length);
    if (painted) paint(value, all, k * size);
    else all.set(value.data, k * size);
  });
  self.postMessage({ id, all }, [all.buffer]);
}

self.onmessage = ({ data }) => (data.network ? load(data) : compute(data));
