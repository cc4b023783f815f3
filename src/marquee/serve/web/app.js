// The page begins here: who is watching, which view the address names, and the sheet of a title over it.
//
// A view is a module with show(main, place, anew): it fills `main`, its own element, and may answer with a function that
// ends what it began. `place` is {name, path, params}: of "#/operator/drift?days=7" these are "operator", ["drift"] and
// URLSearchParams. `anew` begins the view once more, where it is still the one on the screen.

import { partsOf } from "./address.js";
import { get } from "./api.js";
import { arrive, h, icon, ICONS, replace } from "./dom.js";
import { artwork } from "./poster.js";
import { listen } from "./live.js";
import { sendWaiting } from "./deeds.js";
import { fetched, settled } from "./release.js";
import { viewer } from "./viewer.js";
import { openSheet } from "./sheet.js";
import * as home from "./home.js";

const VIEWS = {
  "": async () => home,
  choose: () => import("./choose.js"),
  search: () => import("./search.js"),
  saved: () => import("./saved.js"),
  taste: () => import("./taste.js"),
  history: () => import("./history.js"),
  bring: () => import("./bring.js"),
  profile: () => import("./profile.js"),
  operator: () => import("./operator.js"),
};
const OPEN_TO_ALL = new Set(["choose", "operator"]);
const WAYS = [
  ["", "Home", ICONS.home],
  ["search", "Search", ICONS.search],
  ["saved", "My list", ICONS.save],
  ["taste", "My taste", ICONS.taste],
  ["history", "History", ICONS.past],
];

const main = document.getElementById("main");
let shown = null; // the place that is on the screen
let end = null; // ends its view
let turn = 0; // of several places in quick succession the last one counts

export const placeOf = (hash) => {
  const { path, params } = partsOf(hash);
  const [name, ...rest] = path.replace(/^#\/?/, "").split("/");
  return { name, path: rest, params };
};

async function follow() {
  const place = placeOf(location.hash);
  if (!(place.name in VIEWS)) return location.replace("#/");
  if (!viewer.id && !OPEN_TO_ALL.has(place.name)) return location.replace("#/choose");
  const address = (of) => of && [of.name, ...of.path].join("/");
  if (address(place) !== address(shown)) await change(place);
  openSheet(placeOf(location.hash).params.get("title")); // somebody may have gone on meanwhile
  sendWaiting(); // what is drawn already hears of it
}

async function change(place) {
  const mine = ++turn;
  const isFirst = !shown;
  shown = place;
  end?.();
  end = null;
  mark(place.name);
  try {
    const view = await fetched(VIEWS[place.name]);
    if (mine !== turn) return;
    const room = h("div", { class: "view" });
    replace(main, room);
    window.scrollTo(0, 0);
    const ends = await view.show(room, place, () => mine === turn && change(place));
    if (mine !== turn) return void ends?.();
    end = ends ?? null;
    settled();
  } catch (error) {
    if (mine !== turn) return;
    if (error.status === 401 && viewer.id) return viewer.become(null), location.replace("#/choose");
    replace(main, broken(error, place));
  }
  const heading = main.querySelector("h1");
  document.title = heading ? `${heading.textContent} · Marquee` : "Marquee";
  if (!isFirst && !main.contains(document.activeElement)) arrive(heading);
}

const broken = (error, place) =>
  h(
    "section",
    { class: "empty", role: "alert" },
    h("h1", null, "The reel broke"),
    h("p", null, error.message),
    h("button", { type: "button", class: "button", onclick: () => (settled(), change(place)) }, "Try again"),
  );

function mark(name) {
  const ways = WAYS.map(([to, words, path]) =>
    h("a", { href: `#/${to}`, "aria-current": to === name ? "page" : null }, icon(path), h("span", null, words)),
  );
  replace(document.getElementById("ways"), viewer.id ? ways : []);
  const who = h("a", { href: "#/choose", class: "pill", "aria-label": `Watching as ${viewer.name}: choose another viewer` }, viewer.name);
  const own = h("a", { href: "#/profile", class: "pill quiet" }, "Profile");
  replace(document.getElementById("who"), viewer.id ? [own, who] : []);
}

viewer.onchange = () => {
  listen(viewer.id);
  document.body.classList.toggle("has-ways", Boolean(viewer.id));
  if (shown) mark(shown.name);
};

document.documentElement.dataset.theme = localStorage.getItem("marquee-theme") ?? "";
artwork.fromElsewhere = localStorage.getItem("marquee-pictures") === "yes";

document.getElementById("skip").addEventListener("click", () => main.focus());
viewer
  .find(get)
  .catch(() => null)
  .then(() => window.addEventListener("hashchange", follow))
  .then(follow);
