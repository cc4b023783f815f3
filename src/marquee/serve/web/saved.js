// What the viewer saved for later, until it is seen.

import { get } from "./api.js";
import { card } from "./card.js";
import { latest, undo } from "./deeds.js";
import { h, icon, ICONS, replace } from "./dom.js";
import { trouble } from "./toast.js";
import { viewer } from "./viewer.js";

export async function show(main) {
  const list = h("ul", { class: "grid-of-cards" });
  const page = h("div", { class: "stack" }, h("h1", null, "My list"), list);
  main.append(page);
  const draw = ({ titles }) => {
    replace(list, titles.map(saved));
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
    h("button", { type: "button", class: "link small", "aria-label": `Remove ${title.name}`, onclick: () => undo(title.event_ids, title.title_id, `“${title.name}” is off your list.`) }, "Remove"),
  );
  return element;
}

const nothing = () =>
  h("section", { class: "empty" }, icon(ICONS.save, 48), h("h2", null, "Nothing saved yet"), h("p", null, "Save a title from its sheet, and it waits here until you have seen it."), h("a", { class: "button main", href: "#/" }, "Look at the shelves"));
