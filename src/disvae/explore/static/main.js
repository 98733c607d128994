/** Starts the page: its bar, its views, and what it says when the server or a run is gone. */

import {App} from "./app.js";
import {compareView} from "./compare.js";
import {$, announce, button, complain, h, select} from "./dom.js";
import {Engine} from "./engine.js";
import {evidenceView} from "./evidence.js";
import {imagesView} from "./images.js";
import {latentsView} from "./latents.js";
import {save, sheet} from "./paint.js";
import {runsView} from "./runs.js";
import {openSource} from "./source.js";
import {Stage} from "./stage.js";
import {traversalsView} from "./traversals.js";

const VIEWS = {
  runs: ["Runs", runsView],
  latents: ["Latents", latentsView],
  images: ["Images", imagesView],
  traversals: ["Traversals", traversalsView],
  evidence: ["Evidence", evidenceView],
  compare: ["Compare", compareView],
};
const STAGED = ["latents", "images", "traversals"];
const CHECK_EVERY = 4000; // milliseconds

class Page {
  constructor(app) {
    this.app = app;
    this.shown = null;
    this.stage = null;
    this.turn = 0;
    app.openRun = (run) => this.switchTo(run);
    app.openCompared = () => app.go("compare");
    app.listen((topic, run) => this.hear(topic, run));
  }

  hear(topic, run) {
    if (topic === "view") {
      this.show();
      return;
    }
    if (this.stage && topic === "code" && run === this.app.run) this.stage.draw();
    if (this.stage && topic === "image") {
      this.stage.showImage();
      this.stage.draw();
    }
    this.shown?.hear(topic, run);
  }

  async switchTo(run) {
    const { app } = this;
    app.run = run;
    await app.open(run);
    if (app.image && !app.cursor(run).posterior) await app.show(app.image, [run]);
    app.go(app.view === "runs" ? "latents" : app.view);
  }

  /** Show the present view; if another is asked for meanwhile, that one. */
  async show() {
    const { app } = this;
    this.turn += 1;
    const mine = this.turn;
    if (!(app.view in VIEWS) || (app.view === "runs" && !app.session.table)) app.view = "latents";
    this.drawBar();
    const needed = app.view === "compare" ? app.compared : app.view === "runs" ? [] : [app.run];
    for (const run of needed) await app.open(run);
    if (app.view === "compare" && app.image) {
      const late = needed.filter((run) => !app.cursor(run).posterior);
      if (late.length) await app.show(app.image, late);
    }
    const view = await VIEWS[app.view][1](app);
    if (mine !== this.turn) return;
    this.shown = view;
    this.stage = STAGED.includes(app.view) ? new Stage(app) : null;
    $("main").className = this.stage ? "staged" : "whole";
    $("main").replaceChildren(...(this.stage ? [this.stage.element] : []), view.element);
    const name = app.facts()?.name;
    document.title = name && !["runs", "compare"].includes(app.view) ? `${name} – disvae` : "disvae explore";
    this.drawBar();
  }

  drawBar() {
    const { app } = this, { runs, table } = app.session;
    const names = Object.keys(VIEWS).filter((view) =>
      (view === "runs" ? table : view === "compare" ? runs.length > 1 : true));
    const facts = app.facts();
    const held = document.activeElement?.dataset?.bar;
    $("bar").replaceChildren(...[
      h("h1", {}, "disvae", facts && !["runs", "compare"].includes(app.view)
        ? h("small", {}, runs.length > 1 ? "" : facts.name, h("span", { class: "muted" }, ` ${facts.loss} on ${facts.dataset}`)) : null),
      runs.length > 1 && !["runs", "compare"].includes(app.view)
        ? select("Run", runs.map((name, k) => [String(k), name]), String(app.run), (run) => guarded(this.switchTo(Number(run))), { id: "run", "data-bar": "run" }) : null,
      h("nav", { "aria-label": "Views" }, names.map((view) => button(VIEWS[view][0], () => app.go(view), {
        "aria-current": app.view === view ? "page" : null, "data-bar": view,
      }))),
      h("span", { class: "ends" },
        button("Save picture", () => this.savePicture(), {
          "data-bar": "save", disabled: app.view === "evidence" || app.view === "runs",
        }),
        button(dark() ? "Light" : "Dark", () => { setTheme(dark() ? "light" : "dark"); this.drawBar(); }, {
          "data-bar": "theme", "aria-label": dark() ? "Light colours" : "Dark colours",
        })),
    ].filter(Boolean));
    if (held) document.querySelector(`[data-bar="${held}"]`)?.focus();
  }

  savePicture() {
    const { canvas } = this.stage ?? {};
    const times = canvas ? Math.max(1, Math.round(512 / canvas.width)) : 1;
    const picture = this.shown.picture?.() ?? (canvas ? sheet([canvas], 1, times, 0, "#ffffff") : null);
    if (!picture) return;
    save(picture, `${this.app.facts()?.name ?? "runs"}-${this.app.view}`.replace(/[^\w.-]+/g, "_"));
    announce("The picture is saved.");
  }
}

const dark = () => {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
};

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem("disvae-theme", theme);
  } catch { /* storage can be switched off */ }
}

/** Let a fault be a sentence on the page. */
async function guarded(work) {
  try {
    return await work;
  } catch (fault) {
    complain(fault.message);
    return null;
  }
}

/** Ask now and then whether the server and the run are still as they were. */
async function watch(app) {
  for (;;) {
    await new Promise((resolve) => { setTimeout(resolve, CHECK_EVERY); });
    if (document.hidden || app.view === "runs" || !app.known.has(app.run)) continue;
    try {
      await app.source.state(app.run);
      complain("");
    } catch (fault) {
      complain(fault.kind === "changed" ? `${fault.message} Reload the page to see what is there now.` : fault.message);
      if (fault.kind === "stopped") continue;
    }
  }
}

async function start() {
  try {
    const theme = localStorage.getItem("disvae-theme");
    if (theme) document.documentElement.dataset.theme = theme;
  } catch { /* storage can be switched off */ }
  addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    complain(event.reason?.message ?? String(event.reason));
  });
  const source = openSource();
  const app = new App(source, null, await source.session());
  app.engine = new Engine(source);
  if (app.session.runs.length && !location.hash.includes("token=")) await app.readAddress();
  const page = new Page(app);
  await page.show();
  app.writeAddress();
  document.documentElement.dataset.ready = "true";
  if (source.live) watch(app);
}

guarded(start()).then(() => {
  if (!document.documentElement.dataset.ready) $("main").replaceChildren();
});
