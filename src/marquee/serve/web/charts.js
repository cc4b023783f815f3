// Charts as SVG, drawn by hand. Each has a caption, and its numbers as a table for who cannot see it.

import { h, svg } from "./dom.js";

const WIDE = 360; // as wide as most panels are, so that letters keep their size

// Rows of {label, value, words, action}: horizontal bars; `action` is an element at the end of a row.
export function bars(rows, { most = Math.max(...rows.map((row) => row.value), 1e-9) } = {}) {
  return h(
    "ul",
    { class: "bars" },
    rows.map((row) =>
      h(
        "li",
        null,
        h("span", { class: "bar-label" }, row.label),
        h("span", { class: "bar-track", "aria-hidden": "true" }, h("span", { class: "bar", vars: { "--part": Math.max(0, row.value / most) } })),
        h("span", { class: "bar-words number" }, row.words ?? row.value),
        row.action,
      ),
    ),
  );
}

// Rows of {label, value}: columns from left to right, with `every` nth label below.
export function columns(caption, rows, { height = 120, every = 1, unit = "" } = {}) {
  const most = Math.max(...rows.map((row) => row.value), 1e-9);
  const wide = Math.min(WIDE / Math.max(rows.length, 1), 60);
  const drawn = rows.map((row, place) => {
    const tall = (row.value / most) * height;
    return svg(
      "rect",
      { x: place * wide + wide * 0.1, y: height - tall, width: wide * 0.8, height: tall, rx: Math.min(3, wide / 4), class: "column" },
      svg("title", null, `${row.label}: ${row.value}${unit}`),
    );
  });
  const labels = rows.map((row, place) =>
    (place + 1) % every ? null : svg("text", { x: place * wide + wide / 2, y: height + 18, "text-anchor": "middle" }, row.label),
  );
  return figure(caption, rows.map((row) => [row.label, `${row.value}${unit}`]), `0 0 ${WIDE} ${height + 24}`, [drawn, labels]);
}

function figure(caption, rows, viewBox, drawn) {
  const table = h(
    "table",
    { class: "unseen" },
    h("caption", null, caption),
    rows.map(([label, value]) => h("tr", null, h("th", { scope: "row" }, label), h("td", null, value))),
  );
  const picture = svg("svg", { viewBox, class: "chart", "aria-hidden": "true" }, drawn);
  return h("figure", { class: "figure" }, h("figcaption", null, caption), picture, table);
}
