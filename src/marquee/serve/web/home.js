// Home: the board with the best pick, and the shelves. They change before the eye when something was done anywhere.

import { shelvesOf, taken } from "./ahead.js";
import { card, retold, rove, row, scroller, sheetOf, starsIn } from "./card.js";
import { tell } from "./deeds.js";
import { h, icon, ICONS, replace } from "./dom.js";
import { posterOf } from "./poster.js";
import { trouble } from "./toast.js";
import { viewer } from "./viewer.js";

const SOON = 120; // several changes in quick succession are one look
const FIRST = 2; // shelves that are seen without scrolling: those below them are drawn after they are painted

export async function show(main) {
  const page = h("div", { class: "home" }, h("h1", { class: "unseen" }, `What ${viewer.name} should watch next`));
  const told = h("p", { class: "unseen", role: "status" });
  main.append(page, told);
  const view = new Shelves(page, told);
  const waits = ghosts();
  const late = setTimeout(() => page.append(...waits), 150);
  try {
    await view.look();
    requestAnimationFrame(() => performance.mark("marquee:shelves"));
  } finally {
    clearTimeout(late);
    waits.forEach((ghost) => ghost.remove());
  }
  let timer = null;
  const again = () => {
    clearTimeout(timer);
    timer = setTimeout(() => view.look(true).catch(trouble), SOON);
  };
  window.addEventListener("marquee:changed", again);
  return () => {
    clearTimeout(timer);
    view.end();
    window.removeEventListener("marquee:changed", again);
  };
}

class Shelves {
  constructor(page, told) {
    this.page = page;
    this.told = told;
    this.asked = new AbortController();
    this.shelves = new Map();
  }

  end() {
    this.asked.abort();
    this.drawn = null;
  }

  async look(isAgain = false) {
    this.asked.abort();
    this.asked = new AbortController();
    const reply = (await taken(viewer.id)) ?? (await shelvesOf(viewer.id, this.asked).catch((error) => {
      if (error.name === "AbortError") return null;
      throw error;
    }));
    if (!reply) return;
    const before = places(this.page);
    this.draw(reply);
    if (isAgain) this.moved(before);
  }

  draw({ shelves, known, degraded }) {
    const pick = shelves.find((shelf) => shelf.shelf === "top_picks")?.titles[0];
    const parts = [this.page.firstElementChild];
    if (pick) parts.push(this.board(pick, known));
    if (degraded) parts.push(h("p", { class: "chip" }, "What you did lately cannot be read at the moment; these lists are as of the last training."));
    const filled = shelves.map((shelf) => ({ ...shelf, titles: shelf.titles.filter((title) => title !== pick) })).filter((shelf) => shelf.titles.length);
    const first = this.shelves.size ? filled : filled.slice(0, FIRST);
    parts.push(first.map((shelf) => this.shelf(shelf)));
    if (!pick && !filled.length) parts.push(nothing());
    const held = document.activeElement?.closest?.("[data-title]")?.dataset.title;
    replace(this.page, parts);
    this.refocus(held);
    this.drawn = filled;
    if (first !== filled) afterPaint(() => filled === this.drawn && this.page.append(...filled.slice(FIRST).map((shelf) => this.shelf(shelf))));
  }

  // Who was on a card that has moved stays on it; where it is gone, the row goes on.
  refocus(held) {
    if (held && !this.page.contains(document.activeElement)) this.page.querySelector(`.card[data-title="${held}"] .card-link`)?.focus({ preventScroll: true });
  }

  // The elements of a shelf stay as long as it does, so that nothing jumps: not its place on the page, nor how far it is scrolled.
  shelf({ shelf, heading, titles }) {
    let known = this.shelves.get(shelf);
    if (!known) {
      const list = row([]);
      const words = h("h2", { id: `shelf-${shelf}` });
      known = { list, words, section: h("section", { class: "shelf", "aria-labelledby": words.id }, words, scroller(list, heading)), cards: new Map() };
      this.shelves.set(shelf, known);
    }
    known.words.textContent = heading;
    const cards = new Map(titles.map((title) => [title.title_id, known.cards.has(title.title_id) ? retold(known.cards.get(title.title_id), title) : card(title)]));
    const order = [...cards.values()];
    if (order.some((each, place) => known.list.children[place] !== each) || order.length !== known.list.children.length) known.list.replaceChildren(...order);
    known.cards = cards;
    rove(known.list);
    return known.section;
  }

  board(title, known) {
    const stars = starsIn(title.stars);
    const under = [stars && `${stars} stars for you`, title.year, title.genres[0]].filter(Boolean).map((words) => h("span", null, words));
    const why = title.reason?.sentence ?? (known ? "" : "Popular with everybody, for a start");
    const save = async () => {
      await tell(title.title_id, [{ kind: "saved" }], `“${title.name}” is on your list.`).catch(trouble);
    };
    return h(
      "section",
      { class: "board", "aria-label": "The best pick" },
      h(
        "div",
        { class: "board-face" },
        h("div", { class: "board-lines" }, h("span", { class: "board-over" }, "Now showing for you"), h("a", { class: title.name.length > 26 ? "board-title long" : "board-title", href: sheetOf(title.title_id) }, title.name), h("span", { class: "board-under" }, under)),
        h(
          "div",
          { class: "board-foot" },
          h("a", { class: "button main", href: sheetOf(title.title_id) }, "Look inside"),
          h("button", { type: "button", class: "button", onclick: save }, icon(ICONS.save), "Save"),
          why && h("span", { class: "board-reason" }, why),
        ),
      ),
      h("div", { class: "board-poster" }, posterOf(title)),
    );
  }

  // What has moved slides from where it was, what is new fades in; and that there is a change is told to who cannot see it.
  moved(before) {
    let fresh = 0;
    const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    for (const [title, element] of cardsOf(this.page)) {
      const was = before.get(title);
      if (!was) fresh += 1;
      if (isCalm) continue;
      const now = element.getBoundingClientRect();
      if (!was) element.animate([{ opacity: 0, scale: 0.85 }, { opacity: 1, scale: 1 }], { duration: 450, easing: "ease-out" });
      else if (was.left !== now.left || was.top !== now.top)
        element.animate([{ translate: `${was.left - now.left}px ${was.top - now.top}px` }, { translate: "0 0" }], { duration: 450, easing: "cubic-bezier(.2,.8,.2,1)" });
    }
    const order = cardsOf(this.page).map(([title]) => title);
    const what = fresh ? `${fresh} new ${fresh === 1 ? "title" : "titles"}` : "no new titles, another order";
    if (`${order}` !== `${[...before.keys()]}`) this.told.textContent = `Your shelves have changed: ${what}.`;
  }
}

const afterPaint = (then) => requestAnimationFrame(() => setTimeout(then));

const cardsOf = (page) => [...page.querySelectorAll(".shelf .card")].map((element) => [element.dataset.title, element]);

function places(page) {
  return new Map(cardsOf(page).map(([title, element]) => [title, element.getBoundingClientRect()]));
}

const nothing = () =>
  h(
    "section",
    { class: "empty" },
    h("h2", null, "Nothing is left to show"),
    h("p", null, "Your age limit, or what you have seen and refused, leaves no title."),
    h("a", { class: "button main", href: "#/profile" }, "Change what may be shown"),
  );

function ghosts() {
  const shelf = () =>
    h("div", { class: "shelf", "aria-hidden": "true" }, h("div", { class: "ghost-line" }), h("div", { class: "row-of-cards" }, Array.from({ length: 8 }, () => h("div", { class: "card" }, h("div", { class: "ghost poster" })))));
  return [h("div", { class: "board ghost", "aria-hidden": "true" }), shelf(), shelf(), h("p", { class: "unseen", role: "status" }, "Your shelves are being filled.")];
}
