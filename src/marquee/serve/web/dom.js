// Elements, made of names, attributes and text. Nothing here is ever parsed as HTML, so no title can be anything but text.

const SVG = "http://www.w3.org/2000/svg";

// h("button", {class: "button", onclick: save, "aria-pressed": true}, "Save"): null, false and undefined are left out.
export function h(name, attributes, ...children) {
  return filled(document.createElement(name), attributes, children);
}

export function svg(name, attributes, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

function filled(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes || {})) set(element, key, value);
  element.append(...children.flat(Infinity).filter(is).map((child) => (child instanceof Node ? child : String(child))));
  return element;
}

function set(element, key, value) {
  if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
  else if (key === "vars") for (const [name, of] of Object.entries(value)) element.style.setProperty(name, of);
  else if (key === "value" || key === "checked") element[key] = value;
  else if (is(value)) element.setAttribute(key, value === true && !key.startsWith("aria-") ? "" : value);
}

const is = (value) => value !== null && value !== undefined && value !== false;

export function replace(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter(is));
  return element;
}

// What was drawn anew is where one is now: for keys, and for who hears the page.
export function arrive(heading) {
  if (!heading) return;
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
}

// Whoever was on one of several that are alike is on the one that then stands in its place.
export function keepPlace(element, selector, change) {
  const place = [...element.querySelectorAll(selector)].indexOf(document.activeElement);
  change();
  const left = [...element.querySelectorAll(selector)];
  if (place >= 0) left.at(Math.min(place, left.length - 1))?.focus({ preventScroll: true });
}

export const icon = (path, size = 20) =>
  svg("svg", { viewBox: "0 0 24 24", width: size, height: size, "aria-hidden": "true", class: "icon" }, svg("path", { d: path }));

export const ICONS = {
  search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13m4.8 11.3L20 20",
  save: "M6 4h12v16l-6-4.5L6 20z",
  up: "M7 11v9H4v-9zm0 0 4-7c1.5 0 2.4 1 2.2 2.6L12.8 10H18a2 2 0 0 1 2 2.4l-1.2 6A2 2 0 0 1 16.8 20H7",
  down: "M17 13V4h3v9zm0 0-4 7c-1.5 0-2.4-1-2.2-2.6l.4-3.4H6a2 2 0 0 1-2-2.4l1.2-6A2 2 0 0 1 7.2 4H17",
  no: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16M6.4 6.4l11.2 11.2",
  seen: "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12M12 9.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6",
  done: "M4.5 12.5l5 5 10-11",
  close: "M6 6l12 12M18 6L6 18",
  left: "M15 5l-7 7 7 7",
  right: "M9 5l7 7-7 7",
  home: "M4 11l8-7 8 7v9h-5v-6H9v6H4z",
  taste: "M4 20V10m5.3 10V4m5.4 16v-7M20 20V7",
  past: "M12 4a8 8 0 1 1-7.4 5M4 4v5h5m3-1v5l3 2",
  star: "M12 3.6l2.6 5.4 5.9.8-4.3 4.1 1 5.9-5.2-2.8-5.2 2.8 1-5.9L3.5 9.8l5.9-.8z",
};
