// The sheet of a title, over whatever view is open: what it is, why it is here, and what one may do about it.

import { withParam } from "./address.js";
import { get, post } from "./api.js";
import { card, row, scroller, sheetOf, starsIn } from "./card.js";
import { bars } from "./charts.js";
import { latest, tell, undo } from "./deeds.js";
import { arrive, h, icon, ICONS, replace } from "./dom.js";
import { posterOf } from "./poster.js";
import { starsField, starWords } from "./stars.js";
import { moveOn, trouble } from "./toast.js";
import { viewer } from "./viewer.js";

const LONG_AGO = "1990-01-01T00:00:00Z"; // seen, and nobody knows when: as diaries without a date are told
const SEEN = ["watch_finished", "rewatched"];

const toasts = h("div", { class: "toasts", role: "status" });
let sheet = null;
let shown = null; // the title's id
let turn = 0;

export function openSheet(titleId) {
  const id = titleId && viewer.id ? Number(titleId) : null;
  if (id === shown) return;
  shown = id;
  if (!id) return void sheet?.close();
  sheet ??= made();
  if (!sheet.open) sheet.showModal();
  fill(id);
}

function made() {
  const dialog = h("dialog", { class: "sheet", "aria-labelledby": "sheet-title" });
  // Escape, the button and the back of the browser all end here: the address says what is open.
  dialog.addEventListener("close", () => {
    moveOn(toasts);
    if (shown) leave();
  });
  dialog.addEventListener("click", (event) => event.target === dialog && leave());
  window.addEventListener("marquee:changed", () => shown && refresh());
  document.body.append(dialog);
  return dialog;
}

const leave = () => (location.hash = withParam("title", null));

const close = () => h("button", { type: "button", class: "round sheet-close", "aria-label": "Close", onclick: leave }, icon(ICONS.close));

async function fill(id) {
  const mine = ++turn;
  const body = h("div", { class: "sheet-in" });
  const waits = h("div", { class: "sheet-top" }, h("div", { class: "ghost poster" }), h("div", { class: "stack" }, h("h2", { id: "sheet-title", class: "waits" }, "One moment")));
  body.append(waits);
  replace(sheet, close(), body, toasts);
  sheet.scrollTop = 0;
  try {
    const [title, own, alike] = await Promise.all([
      get(`/titles/${id}`),
      get(`/viewers/${viewer.id}/titles/${id}`),
      post("/similar", { title_id: id, user_id: viewer.id, k: 12 }),
    ]);
    if (mine === turn) draw(body, title, own, alike.titles);
  } catch (error) {
    if (mine === turn) replace(body, h("h2", { id: "sheet-title" }, "This title cannot be shown"), h("p", null, error.message));
  }
}

// What the viewer said of the title may have changed, here or by another way; the rest stays as it is.
const refresh = latest(
  () => get(`/viewers/${viewer.id}/titles/${shown}`).catch(() => null),
  (own) => {
    if (own?.title_id === shown) sheet.querySelector(".sheet-own")?.dispatchEvent(new CustomEvent("own", { detail: own }));
  },
);

function draw(body, title, own, alike) {
  const mine = h("div", { class: "sheet-own stack" });
  const why = h("div", { class: "sheet-why stack" });
  const put = (told) => {
    keepFocus(mine, () => replace(mine, deedsOf(title, told)));
    replace(why, told.reason ? whyOf(told.reason) : told.hidden ? leftOut() : []);
  };
  mine.addEventListener("own", (event) => put(event.detail));
  put(own);
  replace(
    body,
    h(
      "div",
      { class: "sheet-top" },
      posterOf(title),
      h("div", { class: "stack" }, h("h2", { id: "sheet-title" }, title.name), factsOf(title)),
      h("p", { class: "sheet-story" }, title.description ?? undescribed(title)),
      mine,
    ),
    h("div", { class: "sheet-two" }, why, peopleOf(title)),
    alike.length && h("section", { "aria-labelledby": "alike", class: "stack" }, h("h3", { id: "alike" }, "More like this"), scroller(row(alike.map((one) => card(one))), "more like this")),
  );
  arrive(sheet.querySelector("#sheet-title"));
}

const undescribed = (title) =>
  title.genres.length || title.cast.length || title.directors.length
    ? "Nobody has described this title yet."
    : "Nothing else is known of this title; what it is like is told by those who watched it.";

function keepFocus(element, change) {
  const label = element.contains(document.activeElement) ? document.activeElement.dataset.deed : null;
  change();
  if (label) element.querySelector(`[data-deed="${label}"]`)?.focus({ preventScroll: true });
}

const KINDS = { movie: "Film", series: "Series" };
const factsOf = (title) =>
  h(
    "p",
    { class: "row" },
    [title.year, KINDS[title.kind], title.maturity, ...title.genres].filter(Boolean).map((words) => h("span", { class: "chip" }, words)),
    title.mean_stars && h("span", { class: "small soft" }, `everybody: ${starsIn(title.mean_stars)} stars`),
  );

function peopleOf(title) {
  const facts = [
    ["Directed by", title.directors],
    ["With", title.cast],
    ["From", title.countries],
    ["About", title.keywords],
  ].filter(([, names]) => names.length);
  if (!facts.length) return null;
  const link = (name) => h("a", { href: `#/search?q=${encodeURIComponent(name)}` }, name);
  const isPeople = (label) => label === "Directed by" || label === "With";
  const listed = (label, names) => names.slice(0, 12).flatMap((name, place) => [place ? ", " : null, isPeople(label) ? link(name) : name]);
  return h("section", { class: "stack", "aria-labelledby": "facts" }, h("h3", { id: "facts" }, "In it"), h("dl", { class: "facts" }, facts.flatMap(([label, names]) => [h("dt", null, label), h("dd", null, listed(label, names))])));
}

// Why it is here: the titles of the history that carry it, as far as each does, and what else raised it.
function whyOf(reason) {
  const rows = reason.carriers.filter(({ share }) => share >= 0.005).map(({ name, share, title_id: id }) => ({
    label: h("a", { href: sheetOf(id) }, name),
    value: share,
    words: `${Math.round(share * 100)} %`,
  }));
  return [
    h("h3", null, "Why it is here"),
    h("p", null, `${reason.sentence}.`),
    rows.length ? h("p", { class: "small soft" }, "How much each title of yours speaks for it:") : null,
    rows.length ? bars(rows, { most: Math.max(...rows.map((each) => each.value)) }) : null,
    reason.raised.length ? h("p", { class: "small soft" }, `What raised it most: ${reason.raised.join("; ")}.`) : null,
  ];
}

// In the place of the reason, so that nothing below it moves.
const leftOut = () => [h("h3", null, "In none of your lists"), h("p", null, "You have seen it or turned it away, so it is left out. Take that back, and it may come again.")];

function deedsOf(title, own) {
  const idsOf = (...kinds) => own.said.filter((said) => kinds.includes(said.kind) && said.event_id).map((said) => said.event_id);
  const thumb = own.said.findLast((said) => ["liked", "disliked"].includes(said.kind))?.kind;
  const isSeen = own.said.some((said) => SEEN.includes(said.kind));
  const isLearnt = own.hidden && !own.said.length; // rated before there were events: seen, and nothing to take back
  const isGivenUp = own.said.some((said) => said.kind === "not_interested");
  const isSaved = idsOf("saved").length > 0;

  const act = (deeds, words) => () => tell(title.title_id, deeds, words).catch(trouble);
  const toggle = (name, path, words, isOn, kinds, deeds, done) =>
    h(
      "button",
      {
        type: "button",
        class: "button",
        "data-deed": name,
        "aria-pressed": String(isOn),
        onclick: isOn ? () => undo(idsOf(...kinds), title.title_id) : act(deeds, done),
      },
      icon(path),
      words,
    );
  const of = `“${title.name}”`;
  const finish = [{ kind: "watch_finished" }];
  const thumbTo = (kind) => [{ kind }];
  return [
    h(
      "div",
      { class: "row" },
      starsField(own.rating, (value) => tell(title.title_id, [{ kind: "rated", value }], `${starWords(value)} for ${of}.`).catch(trouble)),
      h("span", { class: "soft" }, own.rating ? `You gave it ${starWords(own.rating)}.` : own.stars ? `We think you would give it ${starsIn(own.stars)}.` : ""),
    ),
    h(
      "div",
      { class: "sheet-deeds" },
      h("button", { type: "button", class: "button main", "data-deed": "finished", onclick: act(finish, `You finished ${of}. Your shelves follow.`) }, icon(ICONS.done), "Finished watching"),
      !isLearnt && toggle("seen", ICONS.seen, "Seen it", isSeen, SEEN, [{ kind: "watch_finished", at: LONG_AGO, detail: "seen, not known when" }], `${of} is one you have seen.`),
      toggle("saved", ICONS.save, isSaved ? "Saved" : "Save", isSaved, ["saved"], [{ kind: "saved" }], `${of} is on your list.`),
      toggle("liked", ICONS.up, "I like it", thumb === "liked", ["liked"], thumbTo("liked"), `More like ${of}.`),
      toggle("disliked", ICONS.down, "Not for me", thumb === "disliked", ["disliked"], thumbTo("disliked"), `Less like ${of}.`),
      toggle("not_interested", ICONS.no, "Not interested", isGivenUp, ["not_interested"], [{ kind: "not_interested" }], `${of} will not be shown to you again.`),
    ),
  ];
}
