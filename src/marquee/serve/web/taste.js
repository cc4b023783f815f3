// My taste: what the history says, as charts; and each taste can be corrected, so that the lists follow it less.

import { get } from "./api.js";
import { bars, columns } from "./charts.js";
import { latest } from "./deeds.js";
import { h, replace } from "./dom.js";
import { change } from "./profile.js";
import { trouble } from "./toast.js";
import { viewer } from "./viewer.js";

const ROWS = 12;
const MOST_MONTHS = 60;
const whole = new Set(); // the headings under which all is shown

export async function show(main) {
  const page = h("div", { class: "stack" }); // below the heading, which stays: somebody may be on it
  const look = latest(() => get(`/viewers/${viewer.id}/taste`), (told) => draw(page, told, look));
  const frame = h("div", { class: "stack" }, page);
  main.append(frame);
  await look();
  frame.prepend(h("h1", null, "My taste"));
  const again = () => look().catch(trouble);
  window.addEventListener("marquee:changed", again);
  window.addEventListener("marquee:profile", again);
  return () => {
    window.removeEventListener("marquee:changed", again);
    window.removeEventListener("marquee:profile", again);
  };
}

function draw(page, told, look) {
  const held = document.activeElement?.dataset?.taste;
  replace(
    page,
    told.titles ? summary(told) : nothing(),
    told.titles || told.less.length
      ? h(
          "div",
          { class: "panels" },
          tastes("Genres", told.genres, look),
          h("div", { class: "stack" }, tastes("Decades", told.decades, look, (name) => `${name}s`), ratings(told.ratings), activity(told.months)),
          tastes("People", told.people, look),
        )
      : null,
  );
  if (held) page.querySelector(`[data-taste="${CSS.escape(held)}"]`)?.focus();
}

const summary = (told) =>
  h(
    "p",
    { class: "soft" },
    `${told.titles.toLocaleString()} titles, ${told.rated.toLocaleString()} of them rated${told.mean_stars ? `, ${told.mean_stars.toFixed(1)} stars on the whole` : ""}. Is something not like you? Ask for less of it, and every list follows.`,
  );

const nothing = () =>
  h("section", { class: "empty" }, h("h2", null, "No taste is known yet"), h("p", null, "Finish, rate or like a few titles, or bring a history from elsewhere."), h("div", { class: "row" }, h("a", { class: "button main", href: "#/" }, "Look at the shelves"), h("a", { class: "button", href: "#/bring" }, "Bring a history")));

function tastes(heading, rows, look, named = (name) => name) {
  if (!rows.length) return null;
  const shown = rows.filter((row, place) => place < ROWS || row.less || whole.has(heading));
  const wide = shown.map((row) => ({
    label: named(row.name),
    value: row.less ? row.count / 10 : row.count,
    words: row.lift ? `${row.count} · ${row.lift.toFixed(1)}×` : row.count,
    action: lessButton(row, named(row.name), look),
  }));
  const showAll = () => look(whole.add(heading)).catch(trouble);
  return h(
    "section",
    { class: "panel" },
    h("h2", null, heading),
    bars(wide, { most: Math.max(...shown.map((row) => row.count), 1) }),
    shown.length < rows.length && h("div", null, h("button", { type: "button", class: "link", onclick: showAll }, `Show all ${rows.length}`)),
    h("p", { class: "small soft" }, rows.some((row) => row.lift) ? "How many titles of it you wanted; 2× is twice as often as everybody." : "How many titles with them you wanted."),
  );
}

function lessButton(row, words, look) {
  const isThis = (less) => less.kind === row.kind && less.name === row.name;
  const edit = ({ less }) => ({ less: [...less.filter((each) => !isThis(each)), ...(row.less ? [] : [{ kind: row.kind, name: row.name }])] });
  return h(
    "button",
    {
      type: "button",
      class: "button small less",
      "aria-pressed": String(row.less),
      "aria-label": `Less of ${words}`,
      "data-taste": `${row.kind} ${row.name}`,
      onclick: () => change(edit, row.less ? `${words}: as before.` : `Less of ${words} from now on.`).then(look).catch(trouble),
    },
    row.less ? "Less ✓" : "Less",
  );
}

function ratings(given) {
  if (!given.length) return null;
  const by = new Map(given.map(({ of, count }) => [Number(of), count]));
  const rows = Array.from({ length: 10 }, (_, place) => ({ label: `${(place + 1) / 2}`, value: by.get((place + 1) / 2) ?? 0 }));
  return h("section", { class: "panel" }, h("h2", null, "How you rate"), columns("Titles by the stars you gave", rows, { every: 2 }));
}

// Month by month, or year by year where that would be too many; what nobody knows the date of is left out.
function activity(months) {
  const known = months.filter(({ of }) => of > "1990-01");
  if (!known.length) return null;
  return h("section", { class: "panel" }, h("h2", null, "When you watch"), chartOf(known));
}

function chartOf(known) {
  const every = between(known[0].of, known.at(-1).of);
  const by = new Map(known.map(({ of, count }) => [of, count]));
  if (every.length <= MOST_MONTHS) {
    const rows = every.map((month) => ({ label: month, value: by.get(month) ?? 0 }));
    return columns("Titles by month", rows, { every: Math.ceil(rows.length / 7) });
  }
  const years = new Map(every.map((month) => [month.slice(0, 4), 0]));
  known.forEach(({ of, count }) => years.set(of.slice(0, 4), years.get(of.slice(0, 4)) + count));
  return columns("Titles by year", [...years].map(([label, value]) => ({ label, value })), { every: Math.ceil(years.size / 9) });
}

function between(first, last) {
  const [year, month] = first.split("-").map(Number);
  const [lastYear, lastMonth] = last.split("-").map(Number);
  const count = (lastYear - year) * 12 + lastMonth - month + 1;
  return Array.from({ length: count }, (_, place) => {
    const at = month - 1 + place;
    return `${year + Math.floor(at / 12)}-${String((at % 12) + 1).padStart(2, "0")}`;
  });
}
