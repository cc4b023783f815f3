// Health now: what is served, how much is asked and how long that takes, what comes in, what is away. Anew every few seconds.

import { get } from "./api.js";
import { bars } from "./charts.js";
import { h, replace } from "./dom.js";
import { overTime } from "./operator-charts.js";
import { ago, count, ms, number, since, whole } from "./operator-words.js";

const AWAY = {
  registry: "The registry does not answer. What is served stays; new champions are followed once it is back.",
  champion: "The champion is broken and is not served; whatever was served before it goes on.",
  store: "The event store is away. Lists are made from what the model knows; events are refused until it is back.",
  shown: "More is shown than can be written: what is lost is missing where versions are compared.",
};
const NOTHING = "There is no model to answer from.";
const WINDOW_S = 900;
const TRY_AGAIN_MS = 3000;

const asked = () =>
  overTime("Requests a second", {
    seconds: WINDOW_S,
    series: [
      { name: "asked", of: (point) => point.requests / point.seconds, kind: "area" },
      { name: "refused (4xx)", short: "refused", of: (point) => point.refused / point.seconds },
      { name: "failed (5xx)", short: "failed", of: (point) => point.failed / point.seconds },
    ],
  });

const took = () =>
  overTime("Time to answer", {
    seconds: WINDOW_S,
    unit: " ms",
    empty: "Nobody has asked yet.",
    series: [
      { name: "half within (p50)", short: "p50", of: (point) => point.p50_ms },
      { name: "99 of 100 within (p99)", short: "p99", of: (point) => point.p99_ms },
    ],
  });

const came = () =>
  overTime("Events a second, by HTTP", {
    seconds: WINDOW_S,
    series: [
      { name: "accepted", of: (point) => point.accepted / point.seconds, kind: "columns" },
      { name: "refused or known", of: (point) => (point.duplicates + point.events_refused) / point.seconds, kind: "columns" },
    ],
  });

export async function show(room) {
  const first = await get("/operator/health"); // before anything is drawn, so that nothing moves
  const state = h("p", { class: "state", role: "status" });
  const facts = h("dl", { class: "tiles" });
  const charts = [asked(), took(), came()];
  const endpoints = h("tbody");
  const reasons = h("section", { class: "panel", hidden: true });
  replace(
    room,
    h("h1", null, "Health now"),
    state,
    facts,
    h("div", { class: "panels" }, charts.map((chart) => h("section", { class: "panel" }, chart.element))),
    h("section", { class: "panel" }, h("h2", null, "By endpoint, the last quarter of an hour"), table(endpoints)),
    reasons,
  );
  const draw = (told) => {
    tell(state, told);
    replace(facts, tiles(told));
    for (const chart of charts) chart.draw(told.points);
    replace(endpoints, rowsOf(told.endpoints));
    why(reasons, told.events.reasons);
  };
  draw(first);
  return kept(draw, (error) => say(state, "bad", `${error.message} These are the numbers of before.`));
}

function why(panel, reasons) {
  panel.hidden = !reasons.length;
  const rows = reasons.map((each) => ({ label: each.reason, value: each.count, words: whole(each.count) }));
  replace(panel, h("h2", null, "Why events were refused"), bars(rows));
}

// Asks again and again, as long as somebody looks.
function kept(draw, away) {
  let timer = null;
  let hasEnded = false;
  const again = async () => {
    let wait = TRY_AGAIN_MS;
    try {
      if (!document.hidden) {
        const told = await get("/operator/health");
        if (hasEnded) return;
        draw(told);
        wait = told.every_s * 1000;
      }
    } catch (error) {
      if (!hasEnded) away(error);
    }
    if (!hasEnded) timer = setTimeout(again, wait);
  };
  timer = setTimeout(again, TRY_AGAIN_MS);
  return () => {
    hasEnded = true;
    clearTimeout(timer);
  };
}

function tell(state, told) {
  const words = told.degraded.map((what) => AWAY[what] ?? what);
  if (told.refused_version) words.push(`Version ${told.refused_version} is refused.`);
  if (!told.ready) return say(state, "bad", NOTHING + (told.degraded.includes("champion") ? " The champion is broken: roll back, or register another." : ""));
  if (words.length) return say(state, "warn", words.join(" "));
  const failed = told.points.reduce((sum, point) => sum + point.failed, 0);
  if (failed) return say(state, "warn", `${count(failed, "request")} failed in the last quarter of an hour; the service's log has them by their request id.`);
  say(state, "good", "All is well.");
}

// Said aloud only when it changes.
function say(state, mood, words) {
  if (state.textContent !== words) state.textContent = words;
  state.dataset.mood = mood;
}

function tiles(told) {
  const now = new Date(told.at).getTime();
  const minute = told.points.slice(-Math.round(60 / told.every_s));
  const requests = minute.reduce((sum, point) => sum + point.requests, 0);
  const seconds = minute.reduce((sum, point) => sum + point.seconds, 0);
  const all = (key) => told.points.reduce((sum, point) => sum + point[key], 0);
  const slow = minute.map((point) => point.p99_ms).filter((value) => value !== null);
  const { serving: model, events, shown } = told;
  return [
    model
      ? tile("Model", `Version ${model.version}`, `served for ${since(model.since, now)}`)
      : tile("Model", "none", "register one, or name its folder in MARQUEE_MODEL"),
    model && tile("It knows until", ago(model.until, now), `${whole(model.viewers)} viewers, ${whole(model.titles)} titles`),
    tile("Requests, last minute", seconds ? `${number(requests / seconds)} a second` : "–", slow.length ? `the slowest p99 ${ms(Math.max(...slow))}` : "nobody asked"),
    tile("Errors, last 15 minutes", whole(all("failed")), `${whole(all("refused"))} refused`, all("failed") ? "bad" : ""),
    tile("Last event", events.last_at ? ago(events.last_at, now) : "none yet", `${whole(events.position)} recorded ever`),
    tile("Events by HTTP", whole(events.accepted), `${whole(events.refused)} refused, ${whole(events.duplicates)} known before`),
    tile("Shown, not yet written", whole(shown.waiting), shown.dropped ? `${whole(shown.dropped)} lost` : "none lost", shown.dropped ? "bad" : ""),
    tile("Listening now", count(told.listening, "viewer"), `${whole(told.memory_mb)} MB in this worker`),
  ];
}

const tile = (label, value, more, mood = "") =>
  h("div", { class: `tile ${mood}` }, h("dt", null, label), h("dd", { class: "tile-value number" }, value), h("dd", { class: "small soft" }, more));

const HEADS = ["endpoint", "asked", "p50", "p99", "refused", "failed"];

const table = (body) =>
  h(
    "div",
    { class: "scrolls", tabindex: "0", role: "region", "aria-label": "By endpoint" },
    h("table", { class: "table" }, h("thead", null, h("tr", null, HEADS.map((head, place) => h("th", { scope: "col", class: place ? "number" : null }, head)))), body),
  );

const rowsOf = (endpoints) =>
  endpoints.length
    ? endpoints.map((row) =>
        h(
          "tr",
          null,
          h("th", { scope: "row" }, h("code", null, row.endpoint)),
          [whole(row.requests), ms(row.p50_ms), ms(row.p99_ms), whole(row.refused), whole(row.failed)].map((value) => h("td", { class: "number" }, value)),
        ),
      )
    : h("tr", null, h("td", { colspan: HEADS.length, class: "soft" }, "Nobody has asked anything yet."));
