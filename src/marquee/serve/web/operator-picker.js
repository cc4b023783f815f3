// A title by its number or by name, found as one types: a combobox, for fingers, for keys and for screen readers.

import { post } from "./api.js";
import { h, replace } from "./dom.js";

const SUGGESTED = 8;
const PAUSE_MS = 150;

export const named = (title) => `${title.name}${title.year ? ` (${title.year})` : ""}`;
const isId = (words) => /^\s*\d+\s*$/.test(words);
const found = async (query, k, more) => (await post("/operator/search", { query, k }, more)).titles;

export class Picker {
  constructor() {
    this.titles = []; // that are suggested
    this.chosen = null;
    this.marked = -1; // of those that are suggested
    this.list = h("ul", { class: "suggestions", role: "listbox", id: "found-titles", "aria-label": "Titles", hidden: true });
    this.input = h("input", {
      ...{ class: "input", name: "title", required: true, autocomplete: "off", placeholder: "a name, or its number" },
      ...{ role: "combobox", "aria-expanded": "false", "aria-controls": "found-titles", "aria-autocomplete": "list" },
      ...{ oninput: () => this.typed(), onblur: () => this.close(), onkeydown: (event) => this.pressed(event) },
    });
    this.element = h("div", { class: "picker" }, h("label", { class: "field" }, "Title", this.input), this.list);
  }

  // Of what was typed if nothing was chosen: the number, or the best that is called so.
  async id() {
    clearTimeout(this.timer);
    if (this.chosen) return this.chosen.title_id;
    if (isId(this.input.value)) return Number(this.input.value);
    const [best] = await found(this.input.value, 1);
    if (!best) throw new Error(`No title is called anything like “${this.input.value}”.`);
    return best.title_id;
  }

  text(words) {
    this.chosen = null;
    this.input.value = words;
  }

  choose(title) {
    this.chosen = title;
    this.input.value = named(title);
    this.close();
  }

  typed() {
    this.chosen = null;
    clearTimeout(this.timer);
    if (!this.input.value.trim() || isId(this.input.value)) return this.close();
    this.timer = setTimeout(() => this.suggest(), PAUSE_MS);
  }

  async suggest() {
    this.asking?.abort();
    this.asking = new AbortController();
    try {
      this.titles = await found(this.input.value, SUGGESTED, { signal: this.asking.signal });
    } catch {
      return; // what was typed can still be sent
    }
    replace(this.list, this.titles.map((title, place) => this.option(title, place)));
    this.marked = -1;
    this.open(this.titles.length > 0 && document.activeElement === this.input);
  }

  option(title, place) {
    const take = (event) => {
      event.preventDefault();
      this.choose(title);
    };
    return h("li", { role: "option", id: `found-${place}`, "aria-selected": false, onpointerdown: take }, named(title), h("span", { class: "soft small" }, ` ${title.title_id}`));
  }

  open(isOpen) {
    this.list.hidden = !isOpen;
    this.input.setAttribute("aria-expanded", String(isOpen));
  }

  close() {
    this.asking?.abort();
    this.open(false);
    this.input.removeAttribute("aria-activedescendant");
  }

  pressed(event) {
    if (this.list.hidden) return;
    if (event.key === "ArrowDown") this.mark(this.marked + 1);
    else if (event.key === "ArrowUp") this.mark(this.marked < 0 ? -1 : this.marked - 1);
    else if (event.key === "Enter" && this.marked >= 0) this.choose(this.titles[this.marked]);
    else if (event.key === "Escape") this.close();
    else return;
    event.preventDefault();
  }

  mark(place) {
    this.marked = (place + this.titles.length) % this.titles.length;
    [...this.list.children].forEach((option, number) => option.setAttribute("aria-selected", String(number === this.marked)));
    this.input.setAttribute("aria-activedescendant", `found-${this.marked}`);
    this.list.children[this.marked].scrollIntoView({ block: "nearest" });
  }
}
