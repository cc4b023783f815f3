// Charts over time and of differences, drawn for the width that they have, so that their words keep their size.
//
// overTime(caption, {points, series, ...}) answers {element, draw}: draw(points) brings it up to date.

import { h, replace, svg } from "./dom.js";
import { clock, number } from "./operator-words.js";

const HEIGHT = 150;
const LEFT = 44;
const BOTTOM = 22;
const TOP = 8;
const LEAST_S = 120; // what a service that has just begun is drawn over

// Series are {name, of: point -> value or null, kind: "line" | "area" | "columns"}; a point has a moment `at`.
export function overTime(caption, { series, unit = "", seconds, empty = "Nothing to draw yet." }) {
  const plot = h("div", { class: "plot" });
  const words = h("p", { class: "plot-now number", "aria-hidden": "true" });
  const told = h("table");
  const legend = series.length > 1 ? h("ul", { class: "legend" }, series.map((one, place) => h("li", { class: `key key-${place}` }, one.name))) : null;
  const element = h("figure", { class: "figure chart-time" }, h("figcaption", { class: "spread" }, caption, words), plot, legend, h("div", { class: "unseen" }, told));
  let points = [];
  const redraw = () => paint(plot, points, series, { unit, seconds, empty, words });
  new ResizeObserver(redraw).observe(plot);
  return {
    element,
    draw(fresh) {
      points = fresh;
      redraw();
      replace(told, tableOf(caption, points, series, unit));
    },
  };
}

function paint(plot, points, series, { unit, seconds, empty, words }) {
  const width = plot.clientWidth;
  if (!width) return;
  if (points.length < 2) return replace(plot, h("p", { class: "plot-empty soft" }, empty));
  const most = nice(Math.max(...points.flatMap((point) => series.map((one) => one.of(point) ?? 0))));
  const last = new Date(points.at(-1).at).getTime();
  const first = Math.max(last - seconds * 1000, Math.min(new Date(points[0].at).getTime(), last - LEAST_S * 1000));
  const x = (at) => LEFT + ((new Date(at) - first) / (last - first || 1)) * (width - LEFT - 6);
  const y = (value) => TOP + (1 - value / most) * (HEIGHT - TOP - BOTTOM);
  const scale = { x, y, width, base: y(0) };
  const drawn = svg("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, class: "chart", "aria-hidden": "true" });
  drawn.append(...rules(most, scale, unit), ...ends(first, last, width), ...series.map((one, place) => shape(one, place, points, scale)));
  const cursor = svg("line", { class: "cursor", y1: TOP, y2: HEIGHT - BOTTOM });
  drawn.append(cursor);
  const tell = (point) => (words.textContent = `${clock(point.at)} · ${series.map((one) => `${one.short ?? one.name} ${measured(one.of(point), unit)}`).join(" · ")}`);
  drawn.addEventListener("pointermove", (event) => {
    const near = event.clientX - drawn.getBoundingClientRect().left;
    const point = points.reduce((best, each) => (Math.abs(x(each.at) - near) < Math.abs(x(best.at) - near) ? each : best));
    cursor.setAttribute("x1", x(point.at));
    cursor.setAttribute("x2", x(point.at));
    cursor.classList.add("is-on");
    tell(point);
  });
  drawn.addEventListener("pointerleave", () => {
    cursor.classList.remove("is-on");
    tell(points.at(-1));
  });
  tell(points.at(-1));
  replace(plot, drawn);
}

const measured = (value, unit) => (value === null || value === undefined ? "–" : `${number(value)}${unit}`);

// The next round number.
function nice(value) {
  if (value <= 0) return 1;
  const size = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((step) => step * size >= value * 0.999) * size;
}

const rules = (most, { y, width }, unit) =>
  [0, most / 2, most].flatMap((value) => [
    svg("line", { class: "rule", x1: LEFT, x2: width - 6, y1: y(value), y2: y(value) }),
    svg("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, `${number(value, 2)}${value === most ? unit : ""}`),
  ]);

const ends = (first, last, width) => [
  svg("text", { x: LEFT, y: HEIGHT - 4 }, clock(first)),
  svg("text", { x: width - 6, y: HEIGHT - 4, "text-anchor": "end" }, clock(last)),
];

function shape(one, place, points, { x, y, base }) {
  if (one.kind === "columns") {
    const wide = Math.max(1.5, Math.min(7, (x(points.at(-1).at) - x(points[0].at)) / points.length - 1));
    const rects = points.filter((point) => one.of(point) > 0).map((point) => {
      const top = y(one.of(point));
      return svg("rect", { x: x(point.at) - wide, y: top, width: wide, height: Math.max(base - top, 1), class: `mark mark-${place}` });
    });
    return svg("g", null, rects);
  }
  const runs = runsOf(points, one.of).map((run) => run.map((point) => `${x(point.at).toFixed(1)} ${y(one.of(point)).toFixed(1)}`));
  const line = runs.map((run) => `M${run.join("L")}${run.length === 1 ? "h.1" : ""}`).join("");
  const path = svg("path", { d: line, class: `line line-${place}` });
  if (one.kind !== "area") return path;
  const areas = runs.map((run) => `M${run[0].split(" ")[0]} ${base}L${run.join("L")}L${run.at(-1).split(" ")[0]} ${base}Z`);
  return svg("g", null, svg("path", { d: areas.join(""), class: `area area-${place}` }), path);
}

// Stretches of points that have a value: a gap is no line.
function runsOf(points, of) {
  const runs = [[]];
  for (const point of points) {
    if (of(point) === null || of(point) === undefined) runs.push([]);
    else runs.at(-1).push(point);
  }
  return runs.filter((run) => run.length);
}

// Some of the points, as a table: nobody listens to two hundred rows.
function tableOf(caption, points, series, unit) {
  const some = points.filter((_, place) => (points.length - 1 - place) % Math.ceil(points.length / 10) === 0);
  return [
    h("caption", null, caption),
    h("tr", null, ["time", ...series.map((one) => one.name)].map((head) => h("th", { scope: "col" }, head))),
    some.map((point) => h("tr", null, h("th", { scope: "row" }, clock(point.at)), series.map((one) => h("td", null, measured(one.of(point), unit))))),
  ];
}

// Rows of {label, one, other, words}: two dots on a line between them, all rows on one scale.
export function dumbbells(caption, rows, names) {
  const values = rows.flatMap((row) => [row.one, row.other]).filter((value) => value !== null && value !== undefined);
  const low = Math.min(...values, 0);
  const high = nice(Math.max(...values, 1e-9));
  const part = (value) => ((value - low) / (high - low)).toFixed(4);
  const dot = (value, place) => (value === null || value === undefined ? null : h("span", { class: `dot dot-${place}`, vars: { "--at": part(value) } }));
  return h(
    "figure",
    { class: "figure" },
    h("figcaption", null, caption),
    h("ul", { class: "legend", "aria-hidden": "true" }, names.map((name, place) => h("li", { class: `dot-key dot-key-${place}` }, name))),
    h(
      "ul",
      { class: "dumbbells" },
      rows.map((row) =>
        h(
          "li",
          null,
          h("span", { class: "label" }, row.label),
          h("span", { class: "wire", "aria-hidden": "true" }, joined(row, part), dot(row.other, 1), dot(row.one, 0)),
          h("span", { class: "words number" }, row.words),
        ),
      ),
    ),
  );
}

const joined = (row, part) =>
  [row.one, row.other].some((value) => value === null || value === undefined)
    ? null
    : h("span", { class: row.one >= row.other ? "joined up" : "joined down", vars: { "--from": part(Math.min(row.one, row.other)), "--to": part(Math.max(row.one, row.other)) } });

// Rows of {label, value, words}: bars to the right of the middle for what adds, to the left for what takes away.
export function bothWays(rows) {
  const most = Math.max(...rows.map((row) => Math.abs(row.value)), 1e-9);
  return h(
    "ul",
    { class: "both-ways" },
    rows.map((row) =>
      h(
        "li",
        null,
        h("span", { class: "label" }, row.label),
        h("span", { class: "wire middle", "aria-hidden": "true" }, h("span", { class: row.value < 0 ? "push less" : "push", vars: { "--part": Math.abs(row.value) / most / 2 } })),
        h("span", { class: "words number" }, row.words),
      ),
    ),
  );
}
