// Models: which version is champion, what each is worth, and who changed that. `#/operator/models/7` is one of them.

import { get } from "./api.js";
import { h, replace } from "./dom.js";
import { change } from "./operator-change.js";
import { ago, moment, ndcg } from "./operator-words.js";
import { fetched } from "./release.js";

export async function show(room, place) {
  const [, version] = place.path;
  if (version) return (await fetched(() => import("./operator-version.js"))).show(room, version);
  await draw(room);
}

async function draw(room) {
  const told = await get("/operator/models");
  replace(room, h("h1", null, "Models"), told.missing && missing(told), told.versions.length > 0 && parts(told, () => draw(room)));
}

const missing = (told) =>
  h("section", { class: "panel" }, h("h2", null, told.served ? `Version ${told.served} is served` : "Nothing to compare"), h("p", null, told.missing));

function parts(told, again) {
  return [
    champion(told, again),
    h("section", { class: "panel" }, h("h2", null, "Versions"), table(told)),
    h(
      "div",
      { class: "panels" },
      h("section", { class: "panel" }, h("h2", null, "What each is worth"), quality(told.versions)),
      h("section", { class: "panel" }, h("h2", null, "Who became champion, and why"), changes(told.changes)),
    ),
  ];
}

function champion(told, again) {
  const now = told.versions.find((version) => version.aliases.includes("champion"));
  const before = told.versions.find((version) => version.aliases.includes("previous"));
  const last = told.changes[0];
  const back = before && h("button", { type: "button", class: "button danger", onclick: () => change({ told, version: before, isBack: true, done: again }) }, `Roll back to version ${before.version}`);
  return h(
    "section",
    { class: "panel crown" },
    h("div", { class: "spread" }, h("h2", null, now ? `Version ${now.version} is champion` : "There is no champion yet"), back),
    now && last && h("p", null, `Since ${moment(last.at)}, ${ago(last.at)}, by ${last.by}: ${last.why}`),
    served(told, now),
  );
}

function served(told, now) {
  if (now && told.served === now.version) return h("p", { class: "state", "data-mood": "good" }, "The service answers from it.");
  if (!told.served) return h("p", { class: "state", "data-mood": "bad" }, "The service has no model to answer from.");
  return h("p", { class: "state", "data-mood": "warn" }, `The service answers from ${told.served}${now ? ", not from the champion: Health tells why" : ""}.`);
}

// A lollipop a version, the oldest at the left.
function quality(versions) {
  const known = versions.filter((version) => version.quality !== null).reverse();
  if (!known.length) return h("p", { class: "soft" }, "No version was measured: those that the retrain flow makes are.");
  const most = Math.max(...known.map((version) => version.quality), 1e-9);
  return h(
    "figure",
    { class: "figure" },
    h("figcaption", { class: "small soft" }, "NDCG@10 of all viewers, each on the last weeks that there were then. Which is better is the gate's to say: it asks both on the same viewers."),
    h(
      "ol",
      { class: "lollipops", tabindex: "0", "aria-label": "NDCG@10 by version" },
      known.map((version) =>
        h(
          "li",
          { class: version.aliases.includes("champion") ? "crowned" : null },
          h("span", { class: "number" }, version.quality.toFixed(3)),
          h("span", { class: "stick", "aria-hidden": "true", vars: { "--part": version.quality / most } }),
          h("a", { href: `#/operator/models/${version.version}` }, h("span", { class: "unseen" }, "version "), version.version),
        ),
      ),
    ),
  );
}

function table(told) {
  const heads = ["version", "", "registered", "NDCG@10", "the gate said"];
  return h(
    "div",
    { class: "scrolls", tabindex: "0", role: "region", "aria-label": "Versions" },
    h(
      "table",
      { class: "table" },
      h("thead", null, h("tr", null, heads.map((head) => h("th", { scope: "col", class: head === "NDCG@10" ? "number" : null }, head || h("span", { class: "unseen" }, "alias"))))),
      h("tbody", null, told.versions.map((version) => row(version, told.served))),
    ),
  );
}

const row = (version, served) =>
  h(
    "tr",
    null,
    h("th", { scope: "row" }, h("a", { href: `#/operator/models/${version.version}` }, `Version ${version.version}`)),
    h("td", null, h("span", { class: "row" }, aliases(version, served))),
    h("td", null, moment(version.registered_at)),
    h("td", { class: "number" }, ndcg(version.quality)),
    h("td", null, verdict(version.verdict)),
  );

export const aliases = (version, served) => [
  ...version.aliases.map((alias) => h("span", { class: `chip alias-${alias}` }, alias)),
  version.version === served && h("span", { class: "chip served" }, "served"),
];

export function verdict(words) {
  if (!words) return h("span", { class: "soft" }, "was not asked");
  if (words === "promoted") return h("span", { class: "passed" }, "lets it through");
  const reasons = words.split("; ");
  return h("span", { class: "objects", title: words }, `objects: ${reasons.slice(0, 2).join(", ")}${reasons.length > 2 ? ` and ${reasons.length - 2} more` : ""}`);
}

export const changes = (every) =>
  every.length
    ? h(
        "ol",
        { class: "log" },
        every.map((one) =>
          h(
            "li",
            null,
            h("time", { datetime: one.at, class: "soft small" }, moment(one.at)),
            h("span", null, h("strong", null, `Version ${one.version}`), one.before ? ` after ${one.before}` : "", `, by ${one.by}`),
            h("span", { class: "soft" }, one.why),
          ),
        ),
      )
    : h("p", { class: "soft" }, "Nobody yet.");
