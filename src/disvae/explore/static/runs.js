/** The view of many runs as a table: sorted by a score, filtered by options, opened by a click. */

import {digits} from "./charts.js";
import {button, h, select} from "./dom.js";

export async function runsView(app) {
  const { options, numbers, rows } = await app.source.table();
  const filters = new Map();
  let by = { name: "name", down: false };
  const body = h("tbody");
  const heads = new Map();
  const count = h("p", { class: "muted", role: "status" });
  const value = (row, name) => (name === "name" ? row.name : row.options[name] ?? row.values[name]);
  const compare = (a, b) => {
    const [x, y] = [value(a, by.name), value(b, by.name)];
    if (x === undefined || y === undefined) return (x === undefined) - (y === undefined);
    const order = typeof x === "number" ? x - y : String(x).localeCompare(String(y), "en", { numeric: true });
    return by.down ? -order : order;
  };
  const line = (row) => {
    const chosen = h("input", {
      type: "checkbox", "aria-label": `Compare ${row.name}`, checked: app.compared.includes(row.number),
      disabled: row.state !== "trained", onchange: () => choose(row.number, chosen.checked),
    });
    return h("tr", {}, h("td", {}, chosen),
      h("th", { scope: "row" }, row.state === "trained"
        ? button(row.name, () => app.openRun(row.number), { class: "link" })
        : h("span", {}, row.name, " ", h("small", {}, row.state))),
      options.map((name) => h("td", {}, row.options[name])),
      numbers.map((name) => h("td", { class: "number" }, digits(row.values[name]))));
  };
  const choose = (run, wanted) => {
    app.compared = wanted ? [...app.compared, run] : app.compared.filter((other) => other !== run);
    side.disabled = app.compared.length < 2;
    app.tell("runs");
  };
  const draw = () => {
    const kept = rows.filter((row) => [...filters].every(([name, wanted]) => !wanted || row.options[name] === wanted));
    body.replaceChildren(...kept.sort(compare).map(line));
    count.textContent = `${kept.length} of ${rows.length} runs`;
    for (const [name, head] of heads) {
      head.setAttribute("aria-sort", by.name !== name ? "none" : by.down ? "descending" : "ascending");
    }
  };
  const head = (name) => {
    const cell = h("th", { scope: "col", class: numbers.includes(name) ? "number" : "" }, button(name, () => {
      by = { name, down: by.name === name ? !by.down : numbers.includes(name) };
      draw();
    }, { class: "sort" }));
    heads.set(name, cell);
    return cell;
  };
  const filter = (name) => {
    const known = [...new Set(rows.map((row) => row.options[name]))].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
    return select(name, [["", "any"], ...known.map((one) => [one, one])], "", (wanted) => { filters.set(name, wanted); draw(); });
  };
  const side = button("Compare the chosen", () => app.openCompared(), { disabled: app.compared.length < 2 });
  const element = h("section", { class: "stack", "aria-label": "Runs" },
    h("div", { class: "toolbar" }, options.map(filter), side), count,
    h("div", { class: "panel scroll", tabindex: 0, role: "region", "aria-label": "Table of runs" }, h("table", { class: "plain runs" },
      h("thead", {}, h("tr", {}, h("td", {}), ["name", ...options, ...numbers].map(head))), body)));
  draw();
  return { element, hear() {}, picture: null };
}
