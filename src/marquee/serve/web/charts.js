// Charts as SVG, drawn by hand. Each has a caption, and its numbers as a table for who cannot see it.

import { h, svg } from "./dom.js";

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
  const wide = 600 / Math.max(rows.length, 1);
  const drawn = rows.map((row, place) => {
    const tall = (row.value / most) * height;
    return svg(
      "rect",
      { x: place * wide + wide * 0.1, y: height - tall, width: wide * 0.8, height: tall, rx: Math.min(3, wide / 4), class: "column" },
      svg("title", null, `${row.label}: ${row.value}${unit}`),
    );
  });
  const labels = rows.map((row, place) =>
    place % every ? null : svg("text", { x: place * wide + wide / 2, y: height + 18, "text-anchor": "middle" }, row.label),
  );
  return figure(caption, rows.map((row) => [row.label, `${row.value}${unit}`]), `0 0 600 ${height + 24}`, [drawn, labels]);
}

// Lines of {name, values}, over the same labels: values that are null are gaps.
export function lines(caption, labels, series, { height = 140, unit = "" } = {}) {
  const most = Math.max(...series.flatMap((line) => line.values.map((value) => value ?? 0)), 1e-9);
  const step = 600 / Math.max(labels.length - 1, 1);
  const drawn = series.map((line, number) => {
    let pen = "M";
    const path = line.values.map((value, place) => {
      if (value === null || value === undefined) return (pen = "M"), "";
      const at = `${pen}${(place * step).toFixed(1)} ${(height - (value / most) * height).toFixed(1)}`;
      pen = "L";
      return at;
    });
    return svg("path", { d: path.join(""), class: `line line-${number}` }, svg("title", null, line.name));
  });
  const rows = labels.map((label, place) => [label, ...series.map((line) => `${line.values[place] ?? "–"}${unit}`)]);
  const chart = figure(caption, rows, `0 -4 600 ${height + 8}`, drawn, ["", ...series.map((line) => line.name)]);
  const legend = h("ul", { class: "legend" }, series.map((line, number) => h("li", { class: `key key-${number}` }, line.name)));
  return series.length > 1 ? h("div", null, chart, legend) : chart;
}

function figure(caption, rows, viewBox, drawn, heads) {
  const table = h(
    "table",
    { class: "unseen" },
    h("caption", null, caption),
    heads && h("tr", null, heads.map((head) => h("th", { scope: "col" }, head))),
    rows.map(([label, ...values]) => h("tr", null, h("th", { scope: "row" }, label), values.map((value) => h("td", null, value)))),
  );
  const picture = svg("svg", { viewBox, class: "chart", "aria-hidden": "true" }, drawn);
  return h("figure", { class: "figure" }, h("figcaption", null, caption), picture, table);
}
