/** Elements, made without HTML: whatever a text holds, it stays a text. */

/** Make an element; functions named on* become listeners, all else attributes. */
export function h(tag, attributes = {}, ...children) {
  const element = tag === "svg" || SVG.has(tag)
    ? document.createElementNS("http://www.w3.org/2000/svg", tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") {
      for (const [key, setting] of Object.entries(value)) element.style.setProperty(key, setting);
    } else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

const SVG = new Set(["path", "line", "g", "rect", "text", "circle"]);

export const $ = (id) => document.getElementById(id);

/** A button with a text. */
export function button(label, onclick, attributes = {}) {
  return h("button", { type: "button", onclick, ...attributes }, label);
}

/** A select of `[value, label]` pairs. */
export function select(label, pairs, value, onchange, attributes = {}) {
  const options = pairs.map(([key, name]) => h("option", { value: key, selected: key === value }, name));
  return h(
    "label", { class: "field" }, h("span", {}, label),
    h("select", { onchange: (event) => onchange(event.target.value), ...attributes }, options),
  );
}

/** Say something to everyone; screen readers hear it too. */
export function announce(sentence) {
  $("status").textContent = sentence;
}

/** Say, above all else, what went wrong; an empty sentence takes it away. */
export function complain(sentence) {
  const place = $("fault");
  if (place.textContent === sentence) return;
  place.textContent = sentence;
  place.hidden = !sentence;
}
