// What the viewer saved for later, until it is seen.

import { get } from "./api.js";
import { card } from "./card.js";
import { latest, tell, undo } from "./deeds.js";
import { h, icon, ICONS, keepPlace, replace } from "./dom.js";
import { trouble } from "./toast.js";
import { viewer } from "./viewer.js";

export async function show(main) {
  const list = h("ul", { class: "grid-of-cards" });
  const page = h("div", { class: "stack" }, h("h1", null, "My list"), list);
  main.append(page);
  const draw = ({ titles }) => {
    keepPlace(list, ".link", () => replace(list, titles.map(saved)));
    page.querySelector(".empty")?.remove();
    if (!titles.length) page.append(nothing());
  };
  const look = latest(() => get(`/viewers/${viewer.id}/saved`), draw);
  await look();
  const again = () => look().catch(trouble);
  window.addEventListener("marquee:changed", again);
  return () => window.removeEventListener("marquee:changed", again);
}

function saved(title) {
  const element = card(title);
  element.append(
    h("button", { type: "button", class: "link small", "aria-label": `Remove ${title.name}`, onclick: () => removed(title) }, "Remove"),
  );
  return element;
}

const removed = ({ title_id: id, name, event_ids: ids }) =>
  undo(ids, id, { words: `“${name}” is off your list.`, again: () => tell(id, [{ kind: "saved" }], `“${name}” is on your list.`).catch(trouble) });

const nothing = () =>
  h("section", { class: "empty" }, icon(ICONS.save, 48), h("h2", null, "Nothing saved yet"), h("p", null, "Save a title from its sheet, and it waits here until you have seen it."), h("a", { class: "button main", href: "#/" }, "Look at the shelves"));
