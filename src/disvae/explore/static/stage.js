/** The picture of the present code, and beside it the image that it came from. */

import {button, h} from "./dom.js";
import {toCanvas, bytesOf} from "./engine.js";
import {fitted, imageCanvas, put} from "./paint.js";

export class Stage {
  constructor(app) {
    this.app = app;
    const facts = app.facts();
    this.canvas = imageCanvas(facts.shape, "Decoded image", { id: "decoded" });
    this.original = imageCanvas(facts.shape, "Original image");
    this.reconstruction = imageCanvas(facts.shape, "Reconstruction");
    this.caption = h("p", { class: "muted" });
    this.pair = h("div", { class: "pair", hidden: true },
      h("figure", {}, this.original, h("figcaption", {}, "Original")),
      h("figure", {}, this.reconstruction, h("figcaption", {}, "Reconstruction")),
      h("div", {}, this.caption, button("Let go of the image", () => app.clearImage())));
    this.element = h("section", { class: "stage", "aria-label": "Picture" },
      fitted(this.canvas), h("div", { class: "actions" },
        button("Reset", () => app.reset(), { title: "To the image's posterior mean, or the prior's" }),
        button("Random sample", () => app.sample(), { title: "Of the prior" })),
      this.pair);
    this.draw();
    this.showImage();
  }

  /** Decode the present code; what is newer while it is decoded comes next. */
  draw() {
    const { app } = this;
    const code = app.cursor().z.slice();
    return app.engine.live("stage", app.run, app.facts(), code, (pixels) => {
      if (pixels.length === 4 * this.canvas.width * this.canvas.height) put(this.canvas, pixels);
      this.canvas.dispatchEvent(new CustomEvent("drawn"));
    });
  }

  /** Show the image and what the model makes of it. */
  async showImage() {
    const { app } = this, { image } = app, { posterior } = app.cursor();
    this.pair.hidden = !image || !posterior;
    if (this.pair.hidden) return;
    put(this.original, toCanvas(bytesOf(image), image.shape));
    this.caption.textContent = describe(app.facts(), image);
    const pixels = await app.engine.decode(app.run, app.facts(), [posterior.mean], true);
    put(this.reconstruction, pixels);
  }
}

/** Name an image: its number and factors, or its file. */
export function describe(facts, image) {
  if (image.name) return image.name;
  const names = facts.images?.factors ?? [];
  const factors = image.factors.map((value, k) => `${names[k]} ${value}`).join(", ");
  return `Image ${image.index}${factors ? `: ${factors}` : ""}`;
}
