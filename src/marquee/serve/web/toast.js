// Says what was done, with a way back for as long as it is there.

import { h } from "./dom.js";

const STAYS = 8000;

// Over an open sheet nothing else can be reached, so it has a place of its own; what is left there when it closes moves on.
const place = () => document.querySelector("dialog[open] .toasts") ?? document.getElementById("toasts");

export function moveOn(from) {
  place().append(...from.children);
}

export function toast(words, { undo, isTrouble } = {}) {
  const card = h("div", { class: isTrouble ? "toast trouble" : "toast" }, h("span", null, words));
  const end = () => card.remove();
  if (undo) {
    card.append(
      h("button", { type: "button", class: "link", onclick: () => (end(), undo()) }, "Undo"),
    );
  }
  place().append(card);
  let timer = setTimeout(end, STAYS);
  card.addEventListener("focusin", () => clearTimeout(timer));
  card.addEventListener("focusout", () => (timer = setTimeout(end, STAYS)));
}

export const trouble = (error) => {
  if (error.name !== "AbortError") toast(error.message, { isTrouble: true });
};
