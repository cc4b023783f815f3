// Search as one types, over titles and people, in the viewer's own order.

import { partsOf, withParam } from "./address.js";
import { post } from "./api.js";
import { card } from "./card.js";
import { h, replace } from "./dom.js";
import { trouble } from "./toast.js";
import { viewer } from "./viewer.js";

const PAUSE = 90;

export function show(main, place) {
  const field = h("input", {
    type: "search",
    class: "input big-search",
    id: "query",
    placeholder: "A title, a person, a year",
    autocomplete: "off",
    spellcheck: "false",
    value: place.params.get("q") ?? "",
    maxlength: 200,
  });
  const told = h("p", { class: "soft", role: "status" });
  const found = h("ul", { class: "grid-of-cards" });
  main.append(h("div", { class: "stack" }, h("h1", null, h("label", { for: "query" }, "Search")), field, told, found));
  const stop = typing(field, (query, asked) => {
    note(query);
    return look(query, asked, told, found);
  });
  const follow = () => {
    const { params } = partsOf();
    const query = params.get("q") ?? "";
    if (params.has("title") || query === field.value.trim()) return;
    field.value = query;
    field.dispatchEvent(new Event("input"));
  };
  window.addEventListener("hashchange", follow);
  field.focus();
  return () => {
    stop();
    window.removeEventListener("hashchange", follow);
  };
}

// The address says what is looked for: it can be loaded anew, kept, and come back to.
const note = (query) => history.replaceState(null, "", withParam("q", query || null));

// Calls `look` a moment after the last key; what was asked before that is given up.
export function typing(field, look) {
  let timer = null;
  let asked = new AbortController();
  const ask = () => {
    asked.abort();
    asked = new AbortController();
    look(field.value.trim(), asked).catch(trouble);
  };
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE);
  });
  ask();
  return () => {
    clearTimeout(timer);
    asked.abort();
  };
}

async function look(query, asked, told, found) {
  if (!query) {
    told.textContent = "Typos are forgiven; a few letters are enough.";
    return void replace(found);
  }
  const { titles } = await post("/search", { query, user_id: viewer.id, k: 36 }, asked);
  told.textContent = titles.length ? `${titles.length === 36 ? "The best 36" : titles.length} for “${query}”, your taste first among equals` : `Nothing is called “${query}”. Try fewer letters, or a person's name.`;
  replace(found, titles.map((title) => card(title)));
}
