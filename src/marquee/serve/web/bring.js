// A history from elsewhere: a file, what was found of it, what is doubtful, and only then it counts.

import { post } from "./api.js";
import { changed, undo } from "./deeds.js";
import { arrive, h, replace } from "./dom.js";
import { toast, trouble } from "./toast.js";
import { viewer } from "./viewer.js";

const WHOSE = /Choose one of its profiles: (.*)$/;

export function show(main) {
  const page = h("div", { class: "stack" });
  main.append(h("h1", null, "Bring a history"), page);
  replace(page, chooseFile(page));
}

function chooseFile(page) {
  const input = h("input", { type: "file", id: "file", class: "unseen", accept: ".csv,.json,text/csv,application/json" });
  const open = h("button", { type: "button", class: "button main", onclick: () => input.click() }, "Choose a file");
  const zone = h(
    "div",
    { class: "drop" },
    h("p", null, "Drop the file of your history here, or"),
    open,
    h("label", { for: "file", class: "unseen" }, "The file of your history"),
    input,
    h("p", { class: "small soft" }, "Netflix: ViewingActivity.csv, NetflixViewingHistory.csv, Ratings.csv · Letterboxd: diary.csv, ratings.csv, watched.csv · IMDb: ratings.csv · Trakt: its JSON"),
  );
  input.tabIndex = -1;
  input.addEventListener("change", () => input.files[0] && look(page, input.files[0]));
  zone.addEventListener("dragover", (event) => (event.preventDefault(), zone.classList.add("over")));
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    if (event.dataTransfer.files[0]) look(page, event.dataTransfer.files[0]);
  });
  return [h("p", { class: "soft" }, "What you watched and rated elsewhere counts here as if it had been here. First you see what was found; nothing is stored before you say so."), zone, h("p", null, h("a", { href: "#/" }, "Not now"))];
}

function sent(file, { profile, confirmed = {}, store = false } = {}) {
  const form = new FormData();
  form.append("file", file, file.name);
  if (profile) form.append("profile", profile);
  form.append("confirmed", JSON.stringify(confirmed));
  form.append("store", store);
  return post(`/viewers/${viewer.id}/bring`, form);
}

async function look(page, file, profile) {
  replace(page, h("section", { class: "panel", role: "status" }, h("h2", null, `Reading ${file.name}`), h("progress", { "aria-label": "Reading the file" }), h("p", { class: "soft" }, "Its titles are looked for among ours, also where they are spelt otherwise.")));
  try {
    const told = await sent(file, { profile });
    replace(page, found(page, file, profile, told));
  } catch (error) {
    replace(page, whose(page, file, error) ?? refused(page, error));
  }
  arrive(page.querySelector("h2"));
}

// A file of several profiles: the service names them.
function whose(page, file, error) {
  const names = error.message.match(WHOSE)?.[1].split(", ");
  if (!names) return null;
  return h("section", { class: "panel" }, h("h2", null, "Whose history?"), h("div", { class: "row" }, names.map((name) => h("button", { type: "button", class: "button", onclick: () => look(page, file, name) }, name))));
}

const refused = (page, error) =>
  h("section", { class: "panel", role: "alert" }, h("h2", null, "This file cannot be read"), h("p", null, error.message), h("div", null, h("button", { type: "button", class: "button", onclick: () => replace(page, chooseFile(page)) }, "Choose another file")));

function found(page, file, profile, told) {
  const picked = new Map();
  const button = h("button", { type: "button", class: "button main" });
  const say = () => (button.textContent = told.events || picked.size ? `Count them as mine${picked.size ? `, with ${picked.size} of the doubtful` : ""}` : "Nothing to count");
  button.addEventListener("click", () => store(page, button, file, { profile, confirmed: Object.fromEntries(picked), store: true }));
  button.disabled = !told.events;
  const choose = (label, id) => {
    if (id) picked.set(label, id);
    else picked.delete(label);
    button.disabled = !told.events && !picked.size;
    say();
  };
  say();
  const skipped = Object.entries(told.skipped);
  const rest = [told.unmatched.length > 0 && unmatched(told.unmatched), (skipped.length > 0 || told.malformed.length > 0) && left(skipped, told.malformed)].filter(Boolean);
  return [
    h("section", { class: "panel" }, h("h2", null, told.format), h("p", null, h("strong", null, `${told.matched.toLocaleString()} of ${told.rows.toLocaleString()}`), " rows tell of titles that are here."), h("progress", { max: Math.max(told.rows, 1), value: told.matched, "aria-label": "How much was matched" }), h("p", { class: "small soft" }, `Read so: ${told.assumes}.`), h("div", { class: "row" }, button, h("button", { type: "button", class: "button", onclick: () => replace(page, chooseFile(page)) }, "Choose another file"))),
    told.doubtful.length ? doubtful(told.doubtful, choose) : null,
    h("div", { class: "panels" }, matched(told.found), rest.length > 0 && h("div", { class: "stack" }, rest)),
  ];
}

const named = (title) => `${title.name}${title.year ? ` (${title.year})` : ""}`;

function doubtful(titles, choose) {
  const field = ({ label, rows, candidates }, place) =>
    h(
      "li",
      null,
      h(
        "fieldset",
        { class: "stack" },
        h("legend", null, h("strong", null, label), h("span", { class: "soft small" }, rows > 1 ? ` in ${rows} rows` : "")),
        h(
          "div",
          { class: "row" },
          [...candidates, null].map((one) =>
            h("label", { class: "row" }, h("input", { type: "radio", name: `doubt-${place}`, checked: !one, onchange: () => choose(label, one?.title_id) }), one ? `${named(one)}, ${Math.round(one.confidence * 100)} % sure` : "None of these"),
          ),
        ),
      ),
    );
  return h("section", { class: "panel" }, h("h2", null, "Are these the same?"), h("p", { class: "soft" }, "Near misses count only if you say so."), h("ul", { class: "stack" }, titles.map(field)));
}

const KINDS = { watch_finished: "finished", watch_started: "begun", watch_progress: "in part", rewatched: "again", rated: "rated", liked: "liked", disliked: "not liked" };
const matched = (said) =>
  h(
    "section",
    { class: "panel" },
    h("h2", null, "Found"),
    said.length ? h("div", { class: "scrolls", tabindex: "0", role: "region", "aria-label": "What was found" }, h("table", { class: "table" }, h("tr", null, ["Title", "", "When"].map((words) => h("th", { scope: "col" }, words || h("span", { class: "unseen" }, "What")))), said.slice(0, 40).map(({ title, kind, value, at }) => h("tr", null, h("td", null, named(title)), h("td", null, `${KINDS[kind] ?? kind}${kind === "rated" ? ` ${value}` : ""}`), h("td", { class: "soft when" }, at.slice(0, 10)))))) : h("p", null, "None of its titles is here."),
    said.length > 40 ? h("p", { class: "soft small" }, `and ${said.length - 40} more`) : null,
  );

const unmatched = (titles) =>
  h("section", { class: "panel" }, h("h2", null, "Not here"), h("p", { class: "soft" }, "The catalogue has no such titles; they are left out."), h("ul", null, titles.slice(0, 40).map(({ label }) => h("li", null, label))), titles.length > 40 ? h("p", { class: "soft small" }, `and ${titles.length - 40} more`) : null);

const left = (skipped, malformed) =>
  h("section", { class: "panel" }, h("h2", null, "Left out"), h("ul", null, skipped.map(([reason, count]) => h("li", null, `${count} × ${reason}`)), malformed.slice(0, 20).map(({ line, reason }) => h("li", null, `line ${line}: ${reason}`))));

async function store(page, button, file, told) {
  button.disabled = true;
  button.classList.add("waits");
  try {
    const kept = await sent(file, told);
    const words = kept.accepted ? `${kept.accepted.toLocaleString()} events count as yours now.` : "All of it was here already.";
    changed();
    location.hash = "#/taste";
    toast(words, kept.accepted ? { undo: () => undo(kept.event_ids, null) } : {});
  } catch (error) {
    trouble(error);
    button.disabled = false;
    button.classList.remove("waits");
  }
}
