// Says what was done, with a way back for as long as it is there.

import { h } from "./dom.js";

const STAYS = 8000;
const KEYS = "Control+Z Meta+Z";
const WRITTEN = "textarea, input:not([type=range], [type=checkbox], [type=radio])";

// Over an open sheet nothing else can be reached, so it has a place of its own; what is left there when it closes moves on.
const place = () => document.querySelector("dialog[open] .toasts") ?? document.getElementById("toasts");

export function moveOn(from) {
  place().append(...from.children);
}

export function toast(words, { undo, isTrouble } = {}) {
  const card = h("div", { class: isTrouble ? "toast trouble" : "toast" }, h("span", null, words));
  const back = undo && h("button", { type: "button", class: "link", "aria-keyshortcuts": KEYS, title: "Ctrl+Z", onclick: () => (end(), undo()) }, "Undo");
  let from = null; // where the keyboard was before it came here
  const end = () => {
    const isHeld = card.contains(document.activeElement);
    card.remove();
    if (isHeld) from?.focus({ preventScroll: true });
  };
  if (back) card.append(back);
  place().append(card);
  let timer = null;
  const stay = () => clearTimeout(timer);
  const go = () => {
    stay();
    timer = setTimeout(end, STAYS);
  };
  go();
  card.addEventListener("focusin", (event) => {
    from ??= event.relatedTarget;
    stay();
  });
  card.addEventListener("focusout", go);
  card.addEventListener("pointerenter", stay);
  card.addEventListener("pointerleave", go);
}

// The way back is the last stop of the page; by keys it is there at once. Where one writes, the keys take back letters.
document.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() !== "z" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
  const last = [...place().querySelectorAll(".toast .link")].at(-1);
  if (!last || event.target.closest?.(WRITTEN)) return;
  event.preventDefault();
  last.click();
});

export const trouble = (error) => {
  if (error.name !== "AbortError") toast(error.message, { isTrouble: true });
};
