/**
 * Computes a network, given as a list of layers, on one input at a time.
 *
 * Convolutions read and write feature maps with the channels of a pixel side by side ("hwc"), so
 * that the innermost loop runs over neighbours in memory; all else accepts either layout.
 */

/** Return a function from a Float32Array to `{data, hwc, shape}`. */
export function compile(network, floats) {
  const shapes = [network.shape, ...network.layers.map((layer) => layer.shape)];
  const steps = network.layers.map((layer) => {
    const inputs = layer.in.map((k) => shapes[k]);
    const arrays = {};
    for (const [name, place] of Object.entries(layer)) {
      if (["weight", "bias", "scale", "shift"].includes(name)) {
        arrays[name] = floats.subarray(place[0], place[0] + place[1]);
      }
    }
    return { inputs: layer.in, compute: LAYERS[layer.op](layer, arrays, ...inputs) };
  });
  return (input) => {
    const values = [{ data: input, hwc: false, shape: network.shape }];
    for (const { inputs, compute } of steps) {
      values.push(compute(...inputs.map((k) => values[k])));
    }
    return values[network.output];
  };
}

/** Turn bytes of half or single precision into floats. */
export function toFloats(buffer, precision) {
  if (precision === "float32") return new Float32Array(buffer);
  const halves = new Uint16Array(buffer);
  const floats = new Float32Array(halves.length);
  for (let i = 0; i < halves.length; i++) {
    const exponent = (halves[i] >> 10) & 31;
    const fraction = halves[i] & 1023;
    const size = exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24;
    floats[i] = halves[i] & 0x8000 ? -size : size;
  }
  return floats;
}

const count = (shape) => shape.reduce((a, b) => a * b, 1);
const channels = (shape) => shape[0];
const area = (shape) => count(shape.slice(1));

/** Return the same value in the other layout if need be; `room` is where to. */
function inLayout(value, hwc, room) {
  const [n, many] = [channels(value.shape), area(value.shape)];
  if (value.hwc === hwc || n === 1 || many === 1) return { ...value, hwc };
  const { data } = value;
  for (let c = 0; c < n; c++) {
    if (hwc) for (let p = 0; p < many; p++) room[p * n + c] = data[c * many + p];
    else for (let p = 0; p < many; p++) room[c * many + p] = data[p * n + c];
  }
  return { data: room, hwc, shape: value.shape };
}

/** List, for each pixel, the channels that are not 0: after a ReLU that is half of them. */
function findActive(data, pixels, n, active, counts) {
  for (let p = 0; p < pixels; p++) {
    let found = 0;
    for (let c = p * n; c < p * n + n; c++) {
      if (data[c] !== 0) active[p * n + found++] = c;
    }
    counts[p] = found;
  }
}

/** Add to `out` the active inputs of one pixel, each times its row of `weight`. */
function accumulate(out, o, width, data, active, first, number, base, weight, w) {
  const end = first + number;
  let k = first;
  for (; k + 3 < end; k += 4) {
    const a = data[active[k]], b = data[active[k + 1]];
    const c = data[active[k + 2]], d = data[active[k + 3]];
    const i = w + (active[k] - base) * width, j = w + (active[k + 1] - base) * width;
    const l = w + (active[k + 2] - base) * width, m = w + (active[k + 3] - base) * width;
    for (let q = 0; q < width; q++) {
      out[o + q] += a * weight[i + q] + b * weight[j + q] + c * weight[l + q] + d * weight[m + q];
    }
  }
  for (; k < end; k++) {
    const a = data[active[k]], i = w + (active[k] - base) * width;
    for (let q = 0; q < width; q++) out[o + q] += a * weight[i + q];
  }
}

function startWithBias(out, width, bias) {
  if (!bias) out.fill(0);
  else for (let o = 0; o < out.length; o += width) out.set(bias, o);
}

function linear(layer, { weight, bias }, shape) {
  const n = count(shape);
  const out = new Float32Array(layer.shape[0]);
  const active = new Int32Array(n), counts = new Int32Array(1), room = new Float32Array(n);
  return (value) => {
    const { data } = inLayout(value, false, room);
    startWithBias(out, out.length, bias);
    findActive(data, 1, n, active, counts);
    accumulate(out, 0, out.length, data, active, 0, counts[0], 0, weight, 0);
    return { data: out, hwc: false, shape: layer.shape };
  };
}

/** Both convolutions: a tap joins pixel `inner` of the smaller map and `outer` of the larger. */
function convolution(transposed) {
  return (layer, { weight, bias }, shape) => {
    const [n, rows, columns] = shape;
    const [width, outRows, outColumns] = layer.shape;
    const [down, right] = layer.stride, [top, left] = layer.padding;
    const [tall, wide] = layer.kernel, [apartY, apartX] = layer.dilation;
    const out = new Float32Array(count(layer.shape)), room = new Float32Array(count(shape));
    const active = new Int32Array(count(shape)), counts = new Int32Array(rows * columns);
    const [innerRows, innerColumns] = transposed ? [rows, columns] : [outRows, outColumns];
    const [outerRows, outerColumns] = transposed ? [outRows, outColumns] : [rows, columns];
    return (value) => {
      const { data } = inLayout(value, true, room);
      startWithBias(out, width, bias);
      findActive(data, rows * columns, n, active, counts);
      for (let y = 0; y < innerRows; y++) {
        for (let ky = 0; ky < tall; ky++) {
          const Y = y * down - top + ky * apartY;
          if (Y < 0 || Y >= outerRows) continue;
          for (let x = 0; x < innerColumns; x++) {
            for (let kx = 0; kx < wide; kx++) {
              const X = x * right - left + kx * apartX;
              if (X < 0 || X >= outerColumns) continue;
              const inner = y * innerColumns + x, outer = Y * outerColumns + X;
              const from = transposed ? inner : outer, to = transposed ? outer : inner;
              const w = (ky * wide + kx) * n * width, i = from * n;
              accumulate(out, to * width, width, data, active, i, counts[from], i, weight, w);
            }
          }
        }
      }
      return { data: out, hwc: true, shape: layer.shape };
    };
  };
}

function affine(layer, { scale, shift }, shape) {
  const n = count(shape), many = area(shape), width = channels(shape);
  const out = new Float32Array(n), room = new Float32Array(n);
  const each = (array) => array.length === n && n > 1 && many > 1;
  const pick = (array, i, c) => (array.length === 1 ? array[0] : array[each(array) ? i : c]);
  return (value) => {
    const v = each(scale) || each(shift) ? inLayout(value, false, room) : value;
    for (let i = 0; i < n; i++) {
      const c = v.hwc ? i % width : Math.floor(i / many);
      out[i] = v.data[i] * pick(scale, i, c) + pick(shift, i, c);
    }
    return { data: out, hwc: v.hwc, shape: layer.shape };
  };
}

function gather(layer, _, ...shapes) {
  const out = new Float32Array(layer.index.length);
  const rooms = shapes.map((shape) => new Float32Array(count(shape)));
  const joined = new Float32Array(shapes.reduce((sum, shape) => sum + count(shape), 0));
  return (...values) => {
    let start = 0;
    values.forEach((value, k) => {
      joined.set(inLayout(value, false, rooms[k]).data, start);
      start += rooms[k].length;
    });
    layer.index.forEach((from, to) => { out[to] = from < 0 ? 0 : joined[from]; });
    return { data: out, hwc: false, shape: layer.shape };
  };
}

function reshape(layer, _, shape) {
  const room = new Float32Array(count(shape));
  return (value) => ({ ...inLayout(value, false, room), shape: layer.shape });
}

function groupNorm(layer, _, shape) {
  const n = count(shape), each = n / layer.groups;
  const out = new Float32Array(n), room = new Float32Array(n);
  return (value) => {
    const { data } = inLayout(value, false, room);
    for (let start = 0; start < n; start += each) {
      let mean = 0, variance = 0;
      for (let i = start; i < start + each; i++) mean += data[i] / each;
      for (let i = start; i < start + each; i++) variance += (data[i] - mean) ** 2 / each;
      const scale = 1 / Math.sqrt(variance + layer.eps);
      for (let i = start; i < start + each; i++) out[i] = (data[i] - mean) * scale;
    }
    return { data: out, hwc: false, shape: layer.shape };
  };
}

/** Averages over windows, or repeats pixels: each pixel of the larger map has one in the other. */
function scaled(enlarge) {
  return (layer, _, shape) => {
    const out = new Float32Array(count(layer.shape)), room = new Float32Array(count(shape));
    const [tall, wide] = enlarge ? [layer.factor, layer.factor] : layer.size;
    const [n, rows, columns] = enlarge ? layer.shape : shape;
    const [smallRows, smallColumns] = (enlarge ? shape : layer.shape).slice(1);
    return (value) => {
      const { data } = inLayout(value, false, room);
      out.fill(0);
      for (let c = 0, large = 0; c < n; c++) {
        for (let y = 0; y < rows; y++) {
          for (let x = 0; x < columns; x++, large++) {
            const Y = Math.floor(y / tall), X = Math.floor(x / wide);
            if (Y >= smallRows || X >= smallColumns) continue;
            const small = (c * smallRows + Y) * smallColumns + X;
            if (enlarge) out[large] = data[small];
            else out[small] += data[large] / (tall * wide);
          }
        }
      }
      return { data: out, hwc: false, shape: layer.shape };
    };
  };
}

function pairwise(join) {
  return (layer) => {
    const out = new Float32Array(count(layer.shape)), room = new Float32Array(out.length);
    return (first, second) => {
      const a = first.data, b = inLayout(second, first.hwc, room).data;
      for (let i = 0; i < out.length; i++) out[i] = join(a[i], b[i]);
      return { data: out, hwc: first.hwc, shape: layer.shape };
    };
  };
}

/** A function of each value; `make` gives it from the layer. */
function each(make) {
  return (layer) => {
    const out = new Float32Array(count(layer.shape)), f = make(layer);
    return (value) => {
      const { data } = value;
      for (let i = 0; i < out.length; i++) out[i] = f(data[i]);
      return { data: out, hwc: value.hwc, shape: layer.shape };
    };
  };
}

/** As `each`, but written out, for the one that runs between all layers. */
function relu(layer) {
  const out = new Float32Array(count(layer.shape));
  return (value) => {
    const { data } = value;
    for (let i = 0; i < out.length; i++) out[i] = data[i] > 0 ? data[i] : 0;
    return { data: out, hwc: value.hwc, shape: layer.shape };
  };
}

const sigmoid = (x) => 1 / (1 + Math.exp(-x));

/** The error function, to 1.2e-7 (Numerical Recipes, section 6.2.2: a Chebyshev fit). */
function erf(x) {
  const t = 2 / (2 + Math.abs(x));
  const terms = [
    -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806,
    0.27886807, -1.13520398, 1.48851587, -0.82215223, 0.17087277,
  ];
  const sum = terms.reduceRight((total, term) => total * t + term, 0);
  const rest = t * Math.exp(-x * x + sum);
  return x >= 0 ? 1 - rest : rest - 1;
}

function gelu(layer) {
  if (layer.approximate === "none") return (x) => 0.5 * x * (1 + erf(x * Math.SQRT1_2));
  return (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
}

const LAYERS = {
  linear,
  conv: convolution(false),
  conv_transposed: convolution(true),
  affine,
  gather,
  reshape,
  group_norm: groupNorm,
  average: scaled(false),
  upsample: scaled(true),
  add: pairwise((a, b) => a + b),
  subtract: pairwise((a, b) => a - b),
  multiply: pairwise((a, b) => a * b),
  relu,
  leaky_relu: each(({ slope }) => (x) => (x > 0 ? x : slope * x)),
  elu: each(({ alpha }) => (x) => (x > 0 ? x : alpha * Math.expm1(x))),
  silu: each(() => (x) => x * sigmoid(x)),
  gelu: each(gelu),
  softplus: each(() => (x) => (x > 20 ? x : Math.log1p(Math.exp(x)))),
  tanh: each(() => Math.tanh),
  sigmoid: each(() => sigmoid),
};
