/** Small images on canvases: each pixel a whole number of the screen's pixels. */

import {h} from "./dom.js";

/** Make a canvas for images of `shape`. */
export function imageCanvas(shape, label, attributes = {}) {
  return h("canvas", { width: shape[2], height: shape[1], role: "img", "aria-label": label, ...attributes });
}

/** Put one of several images, given as the pixels of canvases, onto a canvas of its size. */
export function put(canvas, pixels, place = 0) {
  const size = 4 * canvas.width * canvas.height;
  const image = new ImageData(pixels.subarray(place * size, (place + 1) * size), canvas.width);
  canvas.getContext("2d").putImageData(image, 0, 0);
  canvas.drawn = true;
}

/** Keep a canvas as large as its frame allows, by whole pixels of the screen. */
export function fitted(canvas, most = 512) {
  const frame = h("div", { class: "frame" }, canvas);
  const fit = () => {
    const room = Math.min(frame.clientWidth || most, most);
    const ratio = window.devicePixelRatio || 1;
    const times = Math.max(1, Math.floor((room * ratio) / canvas.width));
    canvas.style.width = `${(times * canvas.width) / ratio}px`;
  };
  new ResizeObserver(fit).observe(frame);
  return frame;
}

/** Draw several canvases side by side, enlarged, with their names beneath. */
export function sheet(canvases, columns, times, gap, colour, labels = []) {
  const [width, height] = [canvases[0].width * times, canvases[0].height * times];
  const rows = Math.ceil(canvases.length / columns);
  const foot = labels.length ? 22 : 0;
  const out = h("canvas", {
    width: columns * width + (columns + 1) * gap,
    height: rows * (height + foot) + (rows + 1) * gap,
  });
  const context = out.getContext("2d");
  context.fillStyle = colour;
  context.fillRect(0, 0, out.width, out.height);
  context.imageSmoothingEnabled = false;
  context.font = "14px system-ui, sans-serif";
  canvases.forEach((canvas, k) => {
    const x = gap + (k % columns) * (width + gap);
    const y = gap + Math.floor(k / columns) * (height + foot + gap);
    context.drawImage(canvas, x, y, width, height);
    context.fillStyle = colour === "#ffffff" ? "#1b1e23" : "#ffffff";
    if (labels[k]) context.fillText(labels[k], x, y + height + 16, width);
  });
  return out;
}

/** Let the browser keep a canvas as a PNG file. */
export function save(canvas, name) {
  const link = h("a", { href: canvas.toDataURL("image/png"), download: `${name}.png` });
  link.click();
}

const MOST_BYTES = 2 ** 24;
const MOST_PIXELS = 2 ** 26;

/** Read an image file of the user's own into C x H x W bytes; on a fault, one sentence. */
export async function readImage(file, shape) {
  if (file.size > MOST_BYTES) {
    throw new Error(`${file.name} has ${Math.round(file.size / 2 ** 20)} MB; at most 16 MB are read.`);
  }
  const bytes = new Uint8Array(await file.arrayBuffer());
  const size = imageSize(bytes);
  if (!size) throw new Error(`${file.name} is no PNG, JPEG, WebP or BMP image.`);
  if (size[0] * size[1] > MOST_PIXELS) {
    throw new Error(`${file.name} has ${size[0]} x ${size[1]} pixels; at most 8192 x 8192 are read.`);
  }
  let bitmap;
  try {
    bitmap = await createImageBitmap(new Blob([bytes]));
  } catch {
    throw new Error(`${file.name} is damaged or cut short.`);
  }
  return toBytes(shrunk(bitmap, shape[2], shape[1]), shape);
}

/** Width and height as the file's header states them, or null for other formats. */
function imageSize(bytes) {
  if (bytes.length < 32) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const text = (start, length) => String.fromCharCode(...bytes.subarray(start, start + length));
  if (text(1, 3) === "PNG") return [view.getUint32(16), view.getUint32(20)];
  if (text(0, 2) === "BM") return [view.getInt32(18, true), Math.abs(view.getInt32(22, true))];
  if (text(0, 4) === "RIFF" && text(8, 4) === "WEBP") return webpSize(view, text(12, 4));
  return view.getUint16(0) === 0xffd8 ? jpegSize(view) : null;
}

function webpSize(view, kind) {
  const three = (at) => view.getUint16(at, true) + (view.getUint8(at + 2) << 16);
  if (kind === "VP8X") return [1 + three(24), 1 + three(27)];
  if (kind === "VP8 ") return [view.getUint16(26, true) & 0x3fff, view.getUint16(28, true) & 0x3fff];
  const bits = view.getUint32(21, true);
  return [1 + (bits & 0x3fff), 1 + ((bits >> 14) & 0x3fff)];
}

function jpegSize(view) {
  for (let at = 2; at + 9 < view.byteLength; at += 2 + view.getUint16(at + 2)) {
    const mark = view.getUint16(at);
    const isFrame = mark >= 0xffc0 && mark <= 0xffcf && ![0xffc4, 0xffc8, 0xffcc].includes(mark);
    if (isFrame) return [view.getUint16(at + 7), view.getUint16(at + 5)];
    if (mark >> 8 !== 0xff) return null;
  }
  return null;
}

/** Draw onto white at the size wanted, by halves, so that no pixel is passed over. */
function shrunk(image, width, height) {
  let now = image;
  for (;;) {
    const [w, hh] = [Math.max(width, Math.ceil(now.width / 2)), Math.max(height, Math.ceil(now.height / 2))];
    const last = now.width <= 2 * width && now.height <= 2 * height;
    const canvas = h("canvas", { width: last ? width : w, height: last ? height : hh });
    const context = canvas.getContext("2d");
    context.fillStyle = "white";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.imageSmoothingQuality = "high";
    context.drawImage(now, 0, 0, canvas.width, canvas.height);
    if (last) return canvas;
    now = canvas;
  }
}

function toBytes(canvas, [n, rows, columns]) {
  const { data } = canvas.getContext("2d").getImageData(0, 0, columns, rows);
  const size = rows * columns;
  const bytes = new Uint8Array(n * size);
  for (let p = 0; p < size; p++) {
    const [red, green, blue] = data.subarray(4 * p, 4 * p + 3);
    const grey = 0.299 * red + 0.587 * green + 0.114 * blue;
    for (let c = 0; c < n; c++) bytes[c * size + p] = n < 3 ? Math.round(grey) : data[4 * p + Math.min(c, 2)];
  }
  return bytes;
}
