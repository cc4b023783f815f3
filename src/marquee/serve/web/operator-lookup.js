// The look-up: a viewer and a title, and what every step on the way to the viewer's list made of it.

import { post } from "./api.js";
import { bars } from "./charts.js";
import { h, icon, ICONS, replace } from "./dom.js";
import { bothWays } from "./operator-charts.js";
import { Picker, named } from "./operator-picker.js";
import { count, number, signed, whole } from "./operator-words.js";

const TOLD = 10; // contributions, before the rest in one

export async function show(room, place) {
  const form = new Form();
  replace(room, h("h1", null, "Look-up"), h("p", { class: "soft" }, "Why is this title in that viewer's list, or why is it not?"), form.element, form.answer);
  const follow = () => form.asked(new URLSearchParams(location.hash.split("?")[1]));
  window.addEventListener("hashchange", follow);
  await form.asked(place.params);
  return () => window.removeEventListener("hashchange", follow);
}

class Form {
  constructor() {
    this.title = new Picker();
    this.user = h("input", { class: "input", name: "viewer", inputmode: "numeric", pattern: "[0-9]+", required: true, autocomplete: "off" });
    this.genres = h("input", { class: "input", name: "genres", autocomplete: "off", placeholder: "Dramas, Crime" });
    this.age = h("input", { class: "input", name: "age", type: "number", min: 0, max: 150 });
    this.words = h("p", { role: "status", class: "soft" });
    this.button = h("button", { type: "submit", class: "button main" }, "Look it up");
    this.answer = h("div", { class: "stack" });
    const submit = (event) => {
      event.preventDefault();
      this.look();
    };
    this.element = h(
      "form",
      { class: "panel", onsubmit: submit },
      h("div", { class: "ask" }, h("label", { class: "field" }, "Viewer", this.user), this.title.element, this.button),
      h("details", null, h("summary", null, "With the filters of a request"), h("div", { class: "ask" }, h("label", { class: "field" }, "Genres", this.genres), h("label", { class: "field" }, "Age", this.age))),
      this.words,
    );
  }

  // As the address asks: ?of=VIEWER&about=TITLE.
  async asked(params) {
    if (!params.get("about") || !params.get("of")) return;
    this.user.value = params.get("of");
    this.title.text(params.get("about"));
    await this.look();
  }

  async look() {
    this.waits(true, "Every source is asked once more …");
    try {
      const told = await post("/operator/look_up", { user_id: Number(this.user.value), title_id: await this.title.id(), filters: this.filters() });
      if (this.element.isConnected) history.replaceState(null, "", `#/operator/lookup?of=${told.user_id}&about=${told.title.title_id}`);
      this.title.choose(told.title);
      replace(this.answer, journey(told), parts(told));
      this.waits(false, "");
    } catch (error) {
      replace(this.answer);
      this.waits(false, error.message);
    }
  }

  filters() {
    const genres = this.genres.value.split(",").map((name) => name.trim());
    return { genres: genres.filter(Boolean), age: this.age.value ? Number(this.age.value) : null };
  }

  waits(isWaiting, words) {
    this.button.disabled = isWaiting;
    this.words.className = isWaiting ? "waits" : "soft";
    this.words.textContent = words;
  }
}

// The steps in their order, and where the title was out.
function journey(told) {
  const { ranks } = told;
  const proposing = told.sources.filter((source) => source.proposed).length;
  const stopped = told.filters.find((filter) => !filter.passed && ranks.after_filters === null);
  const steps = [
    ["Viewer", told.known ? `${count(told.history, "title")} in the history` : "nobody knows this viewer", told.known ? "done" : "warn"],
    ["Sources", `${proposing} of ${told.sources.length} proposed it`, proposing ? "done" : "out"],
    ["Filters", stopped ? stopped.told : "nothing leaves it out", stopped ? "out" : "done"],
    ["Ranker", ranks.by_score ? `${place(ranks.by_score)} of ${whole(ranks.candidates)} candidates` : "not a candidate", ranks.by_score ? "done" : "out"],
    ["List", ranks.in_list ? `stands at ${place(ranks.in_list)}` : `not among the first ${ranks.listed}`, ranks.in_list ? "done" : "out"],
  ];
  return h(
    "section",
    { class: "panel" },
    h("h2", null, verdict(told, proposing, stopped)),
    told.degraded && h("p", { class: "state", "data-mood": "warn" }, "The event store is away: this is what the model knows of the viewer from its training alone."),
    h("ol", { class: "journey" }, steps.map(([name, words, state]) => h("li", { "data-state": state }, h("strong", null, name), h("span", { class: "small" }, words)))),
    told.reason && h("p", null, `${ranks.in_list ? "What the viewer is told" : "What the viewer would be told"}: “${told.reason.sentence}.”`),
    told.stars !== null && h("p", { class: "soft" }, `They would give it ${told.stars.toFixed(1)} stars.`),
  );
}

function verdict(told, proposing, stopped) {
  const name = named(told.title);
  if (told.ranks.in_list) return `${name} stands at ${place(told.ranks.in_list)} of viewer ${told.user_id}'s top picks`;
  if (stopped) return `${name} is not shown to viewer ${told.user_id}: ${stopped.filter}, ${stopped.told}`;
  if (!proposing) return `No source proposes ${name} to viewer ${told.user_id}`;
  return `${name} is a candidate for viewer ${told.user_id}, but ${told.ranks.listed} others stand before it`;
}

const place = (rank) => `place ${whole(rank)}`;

function parts(told) {
  return h(
    "div",
    { class: "stack" },
    h("section", { class: "panel" }, h("h2", null, "Which sources proposed it"), h("p", { class: "small soft" }, `Each proposes its ${told.depth} best of what the viewer may be shown. The longer a bar, the nearer to its first place; at the line is its last that it proposes.`), sources(told)),
    h("div", { class: "panels" }, filters(told), carriers(told)),
    h("section", { class: "panel" }, h("h2", null, "What made its score"), contributions(told)),
  );
}

// How far right a place is drawn: all of it for the first, a quarter for the fiftieth.
const reach = (rank) => 1 / (1 + Math.log2(rank) / 2);

const sources = (told) =>
  h(
    "ul",
    { class: "sources", vars: { "--line": reach(told.depth) } },
    told.sources.map((source) =>
      h(
        "li",
        { class: source.proposed ? "proposed" : null },
        h("span", { class: "label" }, h("strong", null, source.source), h("span", { class: "small soft" }, source.words)),
        h("span", { class: "track", "aria-hidden": "true" }, source.rank !== null && h("span", { class: "fill", vars: { "--part": reach(source.rank) } })),
        h("span", { class: "words number" }, source.rank === null ? "no opinion" : `${place(source.rank)}, score ${number(source.score)}`),
        h("span", { class: "said" }, source.proposed ? [icon(ICONS.done, 16), "proposed"] : h("span", { class: "soft" }, "not proposed")),
      ),
    ),
  );

const filters = (told) =>
  h(
    "section",
    { class: "panel" },
    h("h2", null, "Filters"),
    h("ul", { class: "rules" }, told.filters.map((filter) => h("li", { class: filter.passed ? "passed" : "objects" }, h("span", { class: "verdict" }, filter.passed ? "passes" : "objects"), h("strong", null, filter.filter), h("span", { class: "soft" }, filter.told)))),
  );

const carriers = (told) =>
  h(
    "section",
    { class: "panel" },
    h("h2", null, "Who carries it"),
    told.reason?.carriers.length
      ? bars(told.reason.carriers.map((one) => ({ label: one.name, value: one.share, words: `${whole(one.share * 100)} %` })), { most: 1 })
      : h("p", { class: "soft" }, "No title of the history speaks for it."),
  );

// Features that say the same count together; the rest in one row. With where it begins, they sum to the score.
function contributions(told) {
  const sums = new Map();
  for (const feature of told.features) sums.set(feature.words, (sums.get(feature.words) ?? 0) + feature.contribution);
  const all = [...sums].map(([label, value]) => ({ label, value })).sort((one, other) => Math.abs(other.value) - Math.abs(one.value));
  const rest = all.slice(TOLD);
  const rows = all.slice(0, TOLD);
  if (rest.length) rows.push({ label: `${rest.length} others together`, value: rest.reduce((sum, row) => sum + row.value, 0) });
  return [
    bothWays(rows.map((row) => ({ ...row, words: signed(row.value, 3) }))),
    h("p", { class: "number" }, `Every candidate begins at ${number(told.ranks.base)}; with all of this it comes to ${number(told.ranks.score)}.`),
    h("details", null, h("summary", null, `All ${told.features.length} features`), table(told.features)),
  ];
}

const table = (features) =>
  h(
    "div",
    { class: "scrolls", tabindex: "0", role: "region", "aria-label": "All features" },
    h(
      "table",
      { class: "table" },
      h("thead", null, h("tr", null, ["feature", "value", "adds"].map((head, column) => h("th", { scope: "col", class: column ? "number" : null }, head)))),
      h("tbody", null, features.map((each) => h("tr", null, h("th", { scope: "row" }, h("code", null, each.feature)), h("td", { class: "number" }, number(each.value)), h("td", { class: "number" }, signed(each.contribution, 4))))),
    ),
  );
