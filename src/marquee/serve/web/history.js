// Everything the viewer did and rated, the newest first; each deed can be taken back, and then given again.

import { get } from "./api.js";
import { sheetOf } from "./card.js";
import { latest, tell, undo } from "./deeds.js";
import { h, keepPlace, replace } from "./dom.js";
import { posterOf } from "./poster.js";
import { starWords } from "./stars.js";
import { trouble } from "./toast.js";
import { viewer } from "./viewer.js";

const AT_ONCE = 60;
const OURS = new Set(["page", "service", null]);
const TELLERS = { netflix_history: "Netflix", letterboxd: "Letterboxd", imdb: "IMDb", trakt: "Trakt" };
const WORDS = {
  watch_started: "began it",
  watch_progress: "watched a part of it",
  watch_finished: "finished it",
  paused: "paused it",
  rewound: "rewound it",
  rewatched: "watched it again",
  abandoned: "gave it up",
  liked: "liked it",
  disliked: "did not like it",
  not_interested: "were not interested",
  saved: "saved it",
  searched: "searched",
  opened: "looked at it",
  signed_up: "told of yourself",
};

export async function show(main) {
  const list = h("div");
  const more = h("div");
  main.append(h("h1", null, "History"), h("p", { class: "row" }, h("a", { class: "button", href: "#/bring" }, "Bring a history")), list, more);
  let entries = [];
  const draw = (left) => {
    keepPlace(list, ".link", () => replace(list, entries.length ? days(entries) : nothing()));
    replace(more, left ? h("button", { type: "button", class: "button", onclick: () => on().catch(trouble) }, `Older: ${left.toLocaleString()} more`) : []);
  };
  const on = async () => {
    const told = await get(`/viewers/${viewer.id}/history?skip=${entries.length}&limit=${AT_ONCE}`);
    entries = [...entries, ...told.entries];
    draw(told.more);
  };
  const anew = latest(
    () => get(`/viewers/${viewer.id}/history?limit=${Math.min(Math.max(entries.length, AT_ONCE), 200)}`),
    (told) => {
      entries = told.entries;
      draw(told.more);
    },
  );
  await on();
  const again = () => anew().catch(trouble);
  window.addEventListener("marquee:changed", again);
  return () => window.removeEventListener("marquee:changed", again);
}

function days(entries) {
  const day = (at) => (at < "1990-01-02" ? "Nobody knows when" : new Date(at).toLocaleDateString("en", { year: "numeric", month: "long", day: "numeric" }));
  const parts = [];
  let heading = null;
  for (const entry of entries) {
    if (day(entry.at) !== heading) {
      heading = day(entry.at);
      parts.push(h("h2", { class: "day" }, heading), h("ul", { class: "past" }));
    }
    parts.at(-1).append(line(entry));
  }
  return parts;
}

function line(entry) {
  const { title, kind, value, detail } = entry;
  const deed = kind === "rated" ? `gave it ${starWords(value)}` : (WORDS[kind] ?? kind);
  const name = title ? h("a", { href: sheetOf(title.title_id) }, title.name) : h("span", null, kind === "searched" ? `“${detail}”` : "");
  const back = entry.event_id && kind !== "signed_up" ? h("button", { type: "button", class: "link", "aria-label": `Undo: ${title?.name ?? ""}, ${deed}`, onclick: () => takeBack(entry) }, "Undo") : h("span", { class: "small soft" }, entry.event_id ? "" : "known from before");
  const teller = OURS.has(entry.source) ? "" : `, as ${TELLERS[entry.source] ?? entry.source} tells`;
  return h("li", null, title ? posterOf(title) : h("span"), h("span", { class: "past-words" }, name, h("span", { class: "soft small" }, `You ${deed}${teller}`)), back);
}

// What is taken back by mistake is told again, as of the moment it was of.
function takeBack({ event_id: id, title, kind, value, at, source, detail }) {
  const again = () => tell(title?.title_id ?? null, [{ kind, value, at, source, detail }], "Put back.").catch(trouble);
  return undo([id], title?.title_id, { again });
}

const nothing = () => h("section", { class: "empty" }, h("h2", null, "Nothing yet"), h("p", null, "What you watch, rate, like or save stands here, and can be taken back."), h("a", { class: "button main", href: "#/" }, "Look at the shelves"));
