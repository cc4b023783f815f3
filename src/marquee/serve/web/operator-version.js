// One version: what the gate said of it rule by rule, its metrics beside another's, what its release changes, its origin.

import { get } from "./api.js";
import { h, replace } from "./dom.js";
import { change } from "./operator-change.js";
import { bars } from "./charts.js";
import { dumbbells } from "./operator-charts.js";
import { markdown } from "./operator-markdown.js";
import { aliases } from "./operator-models.js";
import { moment, ndcg, number, signed } from "./operator-words.js";

const MAIN = "ndcg@10";
const ALL = "all viewers";
const OWN = "hybrid";
const NAMES = { [OWN]: "this version", champion: "the champion then" };
const LESS_IS_BETTER = new Set(["miscalibration@10", "unanswered"]);
const NEITHER = new Set(["novelty@10", "popular@10", "diversity@10"]); // more is only more

export async function show(room, name) {
  const [told, version] = await Promise.all([get("/operator/models"), get(`/operator/models/${encodeURIComponent(name)}`)]);
  const again = () => show(room, name);
  replace(
    room,
    h("p", null, h("a", { href: "#/operator/models" }, "← All versions")),
    head(told, version, again),
    version.missing && h("p", { class: "state", "data-mood": "warn" }, version.missing),
    verdict(version),
    beside(told, version),
    version.difference && h("section", { class: "panel report" }, markdown(version.difference, 2)),
    h("div", { class: "panels" }, origin(version), stages(version)),
  );
}

function head(told, version, again) {
  const isChampion = version.aliases.includes("champion");
  const objecting = version.rules.filter((rule) => !rule.passed);
  const promote = h("button", { type: "button", class: "button main", onclick: () => change({ told, version, rules: objecting, done: again }) }, "Make it champion");
  return h(
    "div",
    { class: "spread" },
    h("div", { class: "stack tight" }, h("h1", null, `Version ${version.version}`), h("p", { class: "row soft" }, aliases(version, told.served), `registered ${moment(version.registered_at)}`)),
    h("div", { class: "row" }, version.page && h("a", { class: "button", href: version.page, target: "_blank", rel: "noopener noreferrer" }, "In MLflow", h("span", { "aria-hidden": "true" }, "↗")), !isChampion && promote),
  );
}

function verdict({ rules }) {
  if (!rules.length) return h("section", { class: "panel" }, h("h2", null, "The gate"), h("p", { class: "soft" }, "It was not asked about this version."));
  const objecting = rules.filter((rule) => !rule.passed);
  const passed = rules.filter((rule) => rule.passed);
  return h(
    "section",
    { class: "panel" },
    h("h2", null, objecting.length ? `The gate objects, for ${objecting.length} of ${rules.length} rules` : `The gate lets it through: all ${rules.length} rules pass`),
    h("ul", { class: "rules" }, [...objecting, ...passed].map(line)),
  );
}

const line = (rule) =>
  h(
    "li",
    { class: rule.passed ? "passed" : "objects" },
    h("span", { class: "verdict" }, rule.passed ? "passes" : "objects"),
    h("strong", null, rule.name),
    h("span", { class: "soft" }, rule.told),
  );

function beside(told, version) {
  const others = told.versions.filter((each) => each.version !== version.version && each.quality !== null);
  if (!version.metrics.length) return h("section", { class: "panel" }, h("h2", null, "Metrics"), h("p", { class: "soft" }, "None were kept with this version."));
  const first = others.find((each) => each.aliases.includes("champion")) ?? others.find((each) => Number(each.version) < Number(version.version)) ?? others[0];
  const body = h("div", { class: "stack" });
  const choice = h(
    "select",
    { class: "input slim", onchange: () => compare() },
    others.map((each) => h("option", { value: each.version, selected: each === first }, `version ${each.version}${each.aliases.length ? ` (${each.aliases.join(", ")})` : ""}`)),
  );
  const compare = async () => {
    const other = others.length ? await get(`/operator/models/${choice.value}`) : null;
    replace(body, compared(version, other));
  };
  compare().catch((error) => replace(body, h("p", { role: "alert" }, error.message)));
  return h(
    "section",
    { class: "panel" },
    h("div", { class: "spread" }, h("h2", null, "Metrics, by segment"), others.length > 0 && h("label", { class: "row" }, "beside", choice)),
    h("p", { class: "small soft" }, "Each version was measured on the last weeks that there were when it was made. On the same viewers the gate compares, above."),
    body,
  );
}

function compared(version, other) {
  const own = valuesOf(version);
  const theirs = other ? valuesOf(other) : new Map();
  const names = [`version ${version.version}`, other && `version ${other.version}`].filter(Boolean);
  return [
    dumbbells("NDCG@10, by segment", segmentsOf(version).map((segment) => pair(segment, own, theirs, `${MAIN}/${segment}/${OWN}`)), names),
    h("h3", null, "All viewers, every metric"),
    everything(own, theirs, names),
    h("h3", null, "NDCG@10 of all viewers, beside whatever it was measured with"),
    bars(listsOf(version)),
  ];
}

const valuesOf = (version) => new Map(version.metrics.map((each) => [`${each.metric}/${each.segment}/${each.list}`, each.value]));

function segmentsOf(version) {
  const names = version.metrics.filter((each) => each.metric === MAIN && each.list === OWN).map((each) => each.segment);
  return [ALL, ...names.filter((name) => name !== ALL)].filter((name) => names.includes(name));
}

// The best first: its own lists, the champion's then, and every source alone.
const listsOf = (version) =>
  version.metrics
    .filter((each) => each.metric === MAIN && each.segment === ALL)
    .sort((one, other) => other.value - one.value)
    .map((each) => ({ label: NAMES[each.list] ?? each.list, value: each.value, words: ndcg(each.value) }));

function pair(label, own, theirs, key) {
  const one = own.get(key) ?? null;
  const other = theirs.get(key) ?? null;
  const words = other === null || one === null ? ndcg(one) : `${ndcg(one)} (${signed(one - other)})`;
  return { label, one, other, words };
}

function everything(own, theirs, names) {
  const metrics = [...own.keys()].filter((key) => key.endsWith(`/${ALL}/${OWN}`)).map((key) => key.split("/")[0]);
  const heads = ["metric", ...names, ...(names.length > 1 ? ["difference"] : [])];
  return h(
    "div",
    { class: "scrolls", tabindex: "0", role: "region", "aria-label": "All viewers, every metric" },
    h(
      "table",
      { class: "table" },
      h("thead", null, h("tr", null, heads.map((head, place) => h("th", { scope: "col", class: place ? "number" : null }, head)))),
      h("tbody", null, metrics.map((metric) => rowOf(metric, own, theirs, names.length > 1))),
    ),
  );
}

function rowOf(metric, own, theirs, isPair) {
  const key = `${metric}/${ALL}/${OWN}`;
  const one = own.get(key);
  const other = theirs.get(key);
  const gap = other === undefined ? null : one - other;
  const mood = !gap || NEITHER.has(metric) ? "" : gap > 0 !== LESS_IS_BETTER.has(metric) ? "passed" : "objects";
  return h(
    "tr",
    null,
    h("th", { scope: "row" }, metric, LESS_IS_BETTER.has(metric) && h("span", { class: "soft small" }, " (less is better)")),
    h("td", { class: "number" }, number(one, 4)),
    isPair && h("td", { class: "number" }, number(other, 4)),
    isPair && h("td", { class: `number ${mood}` }, gap === null ? "–" : signed(gap)),
  );
}

const origin = (version) =>
  h(
    "section",
    { class: "panel" },
    h("h2", null, "Where it came from"),
    pairs([["fingerprint", version.fingerprint], ...Object.entries(version.origin)].map(([key, value]) => [key, h("code", { title: value }, value.length > 24 ? `${value.slice(0, 16)}…` : value)])),
  );

const stages = (version) =>
  h(
    "section",
    { class: "panel" },
    h("h2", null, "What the stages counted"),
    Object.keys(version.stages).length
      ? Object.entries(version.stages).map(([stage, counts]) => h("details", null, h("summary", null, stage), pairs(Object.entries(counts).map(([key, value]) => [key.replaceAll("_", " "), typeof value === "number" ? number(value, 4) : value]))))
      : h("p", { class: "soft" }, "Nothing was kept with this version."),
  );

const pairs = (every) => h("dl", { class: "pairs" }, every.map(([key, value]) => [h("dt", null, key), h("dd", { class: "number" }, value)]));
