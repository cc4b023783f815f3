// Drift: what the monitor found, look by look, what was done about it, and Evidently's report in a frame that keeps it apart.

import { get } from "./api.js";
import { h, replace, svg } from "./dom.js";
import { changes, verdict } from "./operator-models.js";
import { ago, count, moment, number, signed } from "./operator-words.js";

const FIRST = 12; // columns shown before one asks for all
const LISTED = 20; // looks told one by one
const TALL = 120;
const STEP = 14;

export async function show(room) {
  const told = await get("/operator/drift");
  replace(room, h("h1", null, "Drift"), told.missing ? missing(told) : parts(told));
}

const missing = (told) => h("section", { class: "panel" }, h("h2", null, "Nothing to tell of yet"), h("p", null, told.missing));

function parts(told) {
  const [newest] = told.looks;
  return [
    h("p", { class: "state", "data-mood": newest.drifted.length ? "warn" : "good" }, `${ago(newest.at)}: ${said(newest)}`),
    h("section", { class: "panel" }, h("h2", null, "Look by look"), timeline(told.looks)),
    h("section", { class: "panel" }, h("h2", null, "What was found, and what was done about it"), log(told.looks)),
    h("section", { class: "panel" }, h("h2", null, "Columns, at the newest look"), columns(told.columns)),
    h("section", { class: "panel" }, h("h2", null, "Evidently's report"), report(told.report)),
  ];
}

function said(look) {
  if (!look.columns) return "the champion came without a reference, so there is nothing to hold the last days against.";
  const found = look.drifted.length ? `${count(look.drifted.length, "column")} of ${look.columns} drifted` : `none of ${count(look.columns, "column")} drifted`;
  return `${found}. ${done(look)}: ${look.why}.`;
}

const done = (look) => (look.act === "nothing" ? "Nothing was done" : look.acted ? `The monitor chose to ${look.act}` : `The rules say ${look.act}; the monitor was to tell alone`);

// A column a look, as tall as the share that drifted; a mark above it where something was done.
function timeline(looks) {
  const shown = [...looks].reverse();
  const wide = Math.max(shown.length * STEP, 240);
  const most = Math.max(...shown.map((look) => look.drifted.length), 1);
  const drawn = shown.map((look, place) => {
    const tall = (look.drifted.length / most) * TALL;
    const x = place * STEP;
    return svg(
      "g",
      null,
      svg("rect", { x: x + 1, y: 22 + TALL - Math.max(tall, 2), width: STEP - 3, height: Math.max(tall, 2), rx: 2, class: tall ? "look drifted" : "look" }, svg("title", null, `${moment(look.at)}: ${said(look)}`)),
      look.act !== "nothing" && mark(x + (STEP - 1) / 2, look.act),
    );
  });
  const picture = svg("svg", { viewBox: `0 0 ${wide} ${TALL + 26}`, width: wide, height: TALL + 26, class: "chart", "aria-hidden": "true" }, drawn);
  const strip = h("div", { class: "scrolls", tabindex: "0", role: "img", "aria-label": summary(looks) }, picture);
  requestAnimationFrame(() => (strip.scrollLeft = strip.scrollWidth)); // the newest first
  const ends = h("p", { class: "spread small soft" }, h("span", null, moment(shown[0].at)), h("span", null, moment(shown.at(-1).at)));
  return h(
    "figure",
    { class: "figure" },
    h("figcaption", { class: "small soft" }, `Columns that drifted, ${most} at most. ▲ trained anew, ◆ rolled back.`),
    strip,
    ends,
  );
}

const summary = (looks) => {
  const times = (act) => looks.filter((look) => look.act === act).length;
  return `${count(looks.length, "look")}; in ${looks.filter((look) => look.drifted.length).length} of them something had drifted; asked for a retraining ${count(times("retrain"), "time")}, rolled back ${count(times("roll back"), "time")}. All of it is in the list below.`;
};

const mark = (x, act) =>
  act === "retrain" ? svg("path", { d: `M${x} 4l6 11h-12z`, class: "did" }) : svg("path", { d: `M${x} 3l6 7-6 7-6-7z`, class: "did back" });

function log(looks) {
  const every = grouped(looks);
  const list = h("ol", { class: "log" }, every.slice(0, LISTED).map(told));
  const rest = every.slice(LISTED);
  const more = h("button", { type: "button", class: "link", onclick: () => (list.append(...rest.map(told)), more.remove()) }, "Show what was before");
  return rest.length ? [list, more] : list;
}

// Calm looks in a row are one.
function grouped(looks) {
  const groups = [];
  for (const look of looks) {
    const isCalm = look.act === "nothing" && !look.drifted.length && !look.then.length && !look.made.length;
    if (isCalm && groups.at(-1)?.isCalm) groups.at(-1).looks.push(look);
    else groups.push({ isCalm, looks: [look] });
  }
  return groups;
}

const told = ({ isCalm, looks }) => (isCalm && looks.length > 1 ? calm(looks) : entry(looks[0]));

const calm = (looks) =>
  h(
    "li",
    null,
    h("time", { datetime: looks[0].at, class: "soft small" }, moment(looks[0].at)),
    h("span", { class: "soft" }, `${looks.length} looks in a row, nothing drifted`),
    h("span", { class: "soft" }, `since ${moment(looks.at(-1).at)}`),
  );

const entry = (look) =>
  h(
    "li",
    { class: look.act === "nothing" ? null : "acted" },
    h("time", { datetime: look.at, class: "soft small" }, moment(look.at)),
    h("strong", null, look.act === "nothing" ? "Nothing done" : done(look)),
    h("span", { class: "soft" }, look.why, look.taken ? ` · of what is shown is taken ${look.taken}` : ""),
    look.made.length + look.then.length > 0 && h("div", { class: "then" }, look.made.map(made), look.then.length > 0 && changes(look.then)),
  );

const made = (version) =>
  h("p", null, h("a", { href: `#/operator/models/${version.version}` }, `Version ${version.version}`), ` was made ${moment(version.registered_at)}; the gate `, verdict(version.verdict));

function columns(every) {
  if (!every.length) return h("p", { class: "soft" }, "The champion came without a reference: there are none.");
  const list = h("ul", { class: "columns-list" }, every.slice(0, FIRST).map(column));
  const rest = every.slice(FIRST);
  const more = h("button", { type: "button", class: "link", onclick: () => (list.append(...rest.map(column)), more.remove()) }, `Show all ${every.length}`);
  return [h("p", { class: "small soft" }, "How far the last days are from what the champion was trained on; at the line a column counts as drifted."), list, rest.length ? more : null];
}

function column(told) {
  const over = told.distance === null ? null : told.distance / told.limit;
  const gone = Math.abs(told.missing) >= 0.0005 ? `, unknown ${signed(told.missing * 100, 1)} %` : "";
  const words = over === null ? `too few values${gone}` : `${number(told.distance)} of ${number(told.limit)}${gone}`;
  return h(
    "li",
    { class: told.drifted ? "objects" : null },
    h("span", { class: "label" }, told.name, told.drifted && h("span", { class: "chip" }, "drifted")),
    h("span", { class: "wire limit", "aria-hidden": "true" }, over !== null && h("span", { class: "reach", vars: { "--part": Math.min(over / 2, 1) } })),
    h("span", { class: "words number" }, words),
  );
}

function report(isThere) {
  if (!isThere) return h("p", { class: "soft" }, "There is none yet: the monitor flow makes one with each look.");
  const place = h("div", { class: "stack" });
  const open = () => {
    const words = h("p", { class: "waits", role: "status" }, "The report is fetched and drawn …");
    const frame = h("iframe", { class: "report-frame", sandbox: "allow-scripts", src: "/operator/drift/report", title: "Evidently's drift report", referrerpolicy: "no-referrer" });
    frame.addEventListener("load", () => words.remove());
    replace(place, words, frame);
  };
  const button = h("button", { type: "button", class: "button", onclick: () => (button.remove(), open()) }, "Show it here");
  const own = h("a", { class: "button", href: "/operator/drift/report", target: "_blank", rel: "noopener noreferrer" }, "In a tab of its own", h("span", { "aria-hidden": "true" }, "↗"));
  return [h("p", { class: "small soft" }, "Every column with its distribution then and now. It brings scripts of its own, so it is shut into a frame from which it reaches nothing of this page."), h("div", { class: "row" }, button, own), place];
}
