// Titles as cards, in rows that scroll and in grids. A card leads to the title's sheet over whatever is open.

import { withParam } from "./address.js";
import { h, icon, ICONS } from "./dom.js";
import { posterOf } from "./poster.js";

export const starsIn = (stars) => (stars === null || stars === undefined ? null : stars.toFixed(1));

export const sheetOf = (titleId) => withParam("title", titleId);

export function card(title) {
  return h(
    "li",
    { class: "card", "data-title": title.title_id },
    h(
      "a",
      { href: sheetOf(title.title_id), class: "card-link" },
      posterOf(title),
      h("span", { class: "unseen" }, `${title.name}. `),
      wordsOf(title),
    ),
  );
}

function wordsOf(title) {
  const stars = starsIn(title.stars);
  const told = [title.year, title.genres[0]].filter(Boolean).join(" · ");
  return h(
    "span",
    { class: "card-words" },
    stars && h("span", { class: "card-stars number" }, icon(ICONS.star, 14), h("span", { class: "unseen" }, "You would give it "), stars),
    h("span", { class: "card-told" }, told),
  );
}

// Of a card that stays: what one would give its title may be more now, or less.
export function retold(element, title) {
  element.querySelector(".card-words").replaceWith(wordsOf(title));
  return element;
}

// One tab stop a row; arrows go along it, and from row to row.
export function row(cards) {
  const list = h("ul", { class: "row-of-cards" }, cards);
  rove(list);
  return list;
}

export function rove(list) {
  const links = [...list.querySelectorAll(".card-link")];
  const held = links.find((link) => link === document.activeElement) ?? links[0];
  links.forEach((link) => (link.tabIndex = link === held ? 0 : -1));
}

export function scroller(list, heading) {
  const by = (way) => () => list.scrollBy({ left: way * list.clientWidth * 0.85, behavior: "smooth" });
  const button = (way, path, words) =>
    h("button", { type: "button", class: "round slide", tabindex: "-1", "aria-hidden": "true", title: `${words}: ${heading}`, onclick: by(way) }, icon(path));
  return h("div", { class: "scroller" }, button(-1, ICONS.left, "Back"), list, button(1, ICONS.right, "On"));
}

document.addEventListener("keydown", (event) => {
  const link = event.target.closest?.(".row-of-cards .card-link");
  if (!link || event.altKey || event.ctrlKey || event.metaKey) return;
  const to = neighbour(link, event.key);
  if (!to) return;
  event.preventDefault();
  link.tabIndex = -1;
  to.tabIndex = 0;
  to.focus();
  to.scrollIntoView({ block: "nearest", inline: "nearest", behavior: "smooth" });
});

function neighbour(link, key) {
  const list = link.closest(".row-of-cards");
  const links = [...list.querySelectorAll(".card-link")];
  const place = links.indexOf(link);
  if (key === "ArrowRight") return links[place + 1];
  if (key === "ArrowLeft") return links[place - 1];
  if (key === "Home") return links[0];
  if (key === "End") return links.at(-1);
  const step = { ArrowDown: 1, ArrowUp: -1 }[key];
  if (!step) return null;
  const around = link.closest("dialog") ?? document.getElementById("main");
  const lists = [...around.querySelectorAll(".row-of-cards")];
  return nearest(link, lists[lists.indexOf(list) + step]);
}

function nearest(link, list) {
  const middle = (of) => of.getBoundingClientRect().left + of.getBoundingClientRect().width / 2;
  const links = [...(list?.querySelectorAll(".card-link") ?? [])];
  return links.sort((one, other) => Math.abs(middle(one) - middle(link)) - Math.abs(middle(other) - middle(link)))[0];
}
