/** The view of images: by number, by factors, of one's own; and the walk between two. */

import {clamp} from "./data.js";
import {announce, button, h} from "./dom.js";
import {bytesOf, toCanvas} from "./engine.js";
import {imageCanvas, put, readImage} from "./paint.js";
import {Sliders} from "./sliders.js";
import {describe} from "./stage.js";

const A_PAGE = 24;

export function imagesView(app) {
  const facts = app.facts();
  const parts = [
    facts.images ? browser(app) : h("p", { class: "note" }, app.source.live
      ? `The images of ${facts.dataset} are not prepared here. Prepare them (disvae data prepare) or name their folder (--data-dir), and start again.`
      : "This file holds no images of the dataset."),
    facts.encoder || app.source.live ? upload(app) : null,
    walk(app),
  ];
  const sliders = new Sliders(app, app.run, {
    latents: facts.order.slice(0, 32), moved: (j, value) => app.set(j, value),
  });
  const posterior = h("section", { class: "panel", "aria-label": "Posterior" },
    h("h2", {}, "Posterior"),
    h("p", { class: "muted" }, "The band on each slider is the image's posterior: its mean, one deviation to either side."),
    sliders.element);
  const hearing = parts.filter((part) => part?.hear);
  const element = h("section", { class: "stack", "aria-label": "Images" },
    parts.filter(Boolean).map((part) => part.element ?? part), posterior);
  return {
    element,
    hear(topic) {
      if (topic === "code") sliders.refresh();
      if (topic === "image" || topic === "range") sliders.refit();
      for (const part of hearing) part.hear(topic);
    },
    picture: null,
  };
}

/** Browse the dataset: a number, factors, a page of small images. */
function browser(app) {
  const facts = app.facts(), { count, factors, sizes, licence } = facts.images;
  let start = 0, current = app.image?.place ?? 0;
  const go = async (place) => app.show(await app.fetchImage(place));
  const number = h("input", {
    type: "number", id: "image-number", min: 0, max: count - 1, value: current,
    onchange: () => go(clamp(Math.round(Number(number.value)) || 0, 0, count - 1)),
  });
  const tools = h("div", { class: "toolbar" },
    h("label", { class: "field" }, h("span", {}, "Image"), number),
    h("span", { class: "muted" }, `of ${count.toLocaleString("en")}`),
    button("Previous", () => go(Math.max(0, current - 1))),
    button("Next", () => go(Math.min(count - 1, current + 1))),
    button("Any", () => go(Math.floor(Math.random() * count))));
  const ranges = factors.map((name, k) => {
    const input = h("input", {
      type: "range", id: `factor-${k}`, min: 0, max: sizes[k] - 1, value: 0,
      oninput: async () => {
        const wanted = ranges.map((range) => Number(range.input.value));
        asked += 1;
        const mine = asked;
        const place = await app.source.find(app.run, wanted, k);
        if (mine === asked) await go(place);
      },
    });
    const value = h("output", { for: input.id });
    const element = h("li", {}, h("label", { for: input.id }, name), h("span", { class: "track" }, input), value);
    return { element, input, value };
  });
  let asked = 0;
  const thumbs = h("div", { class: "thumbs", role: "group", "aria-label": "Images of the dataset" });
  const page = async (to) => {
    start = clamp(to, 0, Math.max(0, count - 1));
    const found = await app.source.images(app.run, start, A_PAGE);
    thumbs.replaceChildren(...found.map((image) => {
      const canvas = imageCanvas(facts.shape, `Image ${image.index}`);
      put(canvas, toCanvas(bytesOf(image), facts.shape));
      return h("button", { type: "button", class: "cell", onclick: () => go(image.place ?? image.index) }, canvas);
    }));
    earlier.disabled = start === 0;
    later.disabled = start + A_PAGE >= count;
  };
  const earlier = button("Earlier images", () => page(start - A_PAGE));
  const later = button("Later images", () => page(start + A_PAGE));
  const follow = () => {
    if (app.image?.place === undefined) return;
    current = app.image.place;
    number.value = current;
    app.image.factors.forEach((value, k) => {
      ranges[k].input.value = value;
      ranges[k].value.textContent = `${value} of ${sizes[k] - 1}`;
      ranges[k].input.setAttribute("aria-valuetext", `${value} of ${sizes[k] - 1}`);
    });
  };
  page(Math.floor(current / A_PAGE) * A_PAGE);
  follow();
  return {
    element: h("section", { class: "panel", "aria-label": "The dataset" }, h("h2", {}, facts.dataset),
      tools,
      factors.length ? h("ol", { class: "sliders factors", "aria-label": "Factors" }, ranges.map(({ element }) => element)) : null,
      thumbs, h("div", { class: "actions" }, earlier, later),
      h("p", { class: "muted" }, licence)),
    hear: (topic) => topic === "image" && follow(),
  };
}

/** Take an image file of the user's own; it does not leave the browser where the page encodes. */
function upload(app) {
  const fault = h("p", { class: "fault", role: "alert", hidden: true });
  const take = async (file) => {
    if (!file) return;
    fault.hidden = true;
    const { shape } = app.facts();
    try {
      const bytes = await readImage(file, shape);
      await app.show({ bytes, shape, name: file.name, factors: [] });
      announce(`${file.name} is encoded.`);
    } catch (error) {
      fault.textContent = error.message;
      fault.hidden = false;
    }
  };
  const input = h("input", {
    type: "file", id: "upload", accept: "image/png,image/jpeg,image/webp,image/bmp",
    onchange: () => take(input.files[0]),
  });
  const zone = h("section", {
    class: "panel drop", "aria-label": "Your own image",
    ondragover: (event) => { event.preventDefault(); zone.classList.add("over"); },
    ondragleave: () => zone.classList.remove("over"),
    ondrop: (event) => {
      event.preventDefault();
      zone.classList.remove("over");
      take(event.dataTransfer.files[0]);
    },
  }, h("h2", {}, "Your own image"),
  h("label", { class: "field" }, h("span", {}, "Drop one here, or choose a file (PNG, JPEG, WebP, BMP)"), input), fault);
  return { element: zone };
}

/** Walk from code A to code B along a straight line. */
function walk(app) {
  const ends = {};
  let timer = 0;
  const slider = h("input", {
    type: "range", id: "walk", min: 0, max: 1, step: 0.005, value: 0, disabled: true,
    oninput: () => step(Number(slider.value)),
  });
  const step = (t) => {
    app.cursor().move((j) => (1 - t) * ends.A.z[j] + t * ends.B.z[j]);
    slider.setAttribute("aria-valuetext", `${Math.round(100 * t)} percent of the way`);
    app.tell("code");
  };
  const end = (name) => {
    const canvas = imageCanvas(app.facts().shape, `Image ${name}`);
    const keep = button(`Keep this as ${name}`, async () => {
      ends[name] = { z: app.cursor().z.slice() };
      put(canvas, await app.engine.decode(app.run, app.facts(), [ends[name].z], true));
      const ready = Boolean(ends.A && ends.B);
      slider.disabled = play.disabled = !ready;
      announce(`${name} is kept${app.image ? `: ${describe(app.facts(), app.image)}` : ""}.`);
    });
    return h("figure", {}, canvas, h("figcaption", {}, keep));
  };
  const stop = () => { cancelAnimationFrame(timer); timer = 0; play.textContent = "Play"; };
  const play = button("Play", () => {
    if (timer) { stop(); return; }
    play.textContent = "Stop";
    const since = performance.now();
    const frame = (now) => {
      if (!slider.isConnected) return;
      const t = ((now - since) / 4000) % 2;
      slider.value = t < 1 ? t : 2 - t;
      step(Number(slider.value));
      timer = requestAnimationFrame(frame);
    };
    timer = requestAnimationFrame(frame);
  }, { disabled: true });
  return h("section", { class: "panel walk", "aria-label": "Walk" }, h("h2", {}, "Walk from A to B"),
    h("p", { class: "muted" }, "Choose an image and keep it as A, another as B, and walk between their codes."),
    h("div", { class: "walkway" }, end("A"),
      h("div", { class: "way" }, h("label", { class: "field" }, h("span", {}, "From A to B"), slider), play), end("B")));
}
