// Who is watching: one of those the service knows, or somebody new, who picks a few favourites or brings a history.

import { get, newId, post, speakAs } from "./api.js";
import { arrive, h, replace, svg } from "./dom.js";
import { posterOf } from "./poster.js";
import { aboutFields, aboutIn, change } from "./profile.js";
import { typing } from "./search.js";
import { trouble } from "./toast.js";
import { viewer } from "./viewer.js";

export async function show(main) {
  const page = h("div", { class: "stack" });
  main.append(page);
  try {
    open(page, await get("/page/start"));
  } catch (error) {
    if (error.status !== 401 && error.status !== 403) throw error;
    replace(page, keyForm(main, page, error));
  }
}

function open(page, start) {
  const newcomer = () => {
    replace(page, signUp(start));
    window.scrollTo(0, 0);
    arrive(page.querySelector("h1"));
  };
  replace(
    page,
    h("h1", null, "Who is watching?"),
    h("div", { class: "row" }, h("button", { type: "button", class: "button main", onclick: newcomer }, "Somebody new"), viewer.id && h("a", { class: "button", href: "#/" }, `Go on as ${viewer.name}`), viewer.id && h("button", { type: "button", class: "button", onclick: leave }, "Leave")),
    start.viewers.length ? h("section", { class: "stack", "aria-labelledby": "known" }, h("h2", { id: "known" }, "Or one of these"), h("ul", { class: "faces" }, start.viewers.map((one) => h("li", null, face(one)))), byNumber()) : null,
    h("p", { class: "small soft" }, h("a", { href: "#/operator" }, "For operators")),
  );
}

async function leave() {
  await viewer.leave().catch(trouble);
  location.reload();
}

async function watchAs(userId) {
  try {
    await viewer.choose(userId);
    speakAs(null); // from here on the cookie does
    location.hash = "#/";
  } catch (error) {
    trouble(error);
  }
}

function face(one) {
  const about = [`${one.titles.toLocaleString()} ${one.titles === 1 ? "title" : "titles"}`, one.genres.join(", ")].filter(Boolean).join(" · ");
  return h("button", { type: "button", class: "face", onclick: () => watchAs(one.user_id) }, ticket(one.user_id), h("strong", null, `Viewer ${one.user_id}`), h("span", { class: "small soft" }, about));
}

// A cinema ticket in the viewer's own colour.
const ticket = (id) =>
  svg(
    "svg",
    { viewBox: "0 0 48 48", width: 44, height: 44, "aria-hidden": "true" },
    svg("path", { d: "M4 10h40v9a5 5 0 0 0 0 10v9H4v-9a5 5 0 0 0 0-10z", fill: `hsl(${(id * 47) % 360} 55% 40%)` }),
    svg("path", { d: "M33 12v24", stroke: "#fff6e6", "stroke-width": 2, "stroke-dasharray": "3 4" }),
    svg("path", { d: "M18 17l2 4.4 4.8.5-3.6 3.2 1 4.7-4.2-2.4-4.2 2.4 1-4.7-3.6-3.2 4.8-.5z", fill: "#ffd57e" }),
  );

function byNumber() {
  const form = h("form", { class: "row" }, h("label", { class: "row" }, "Another viewer's number", h("input", { class: "input number", name: "id", inputmode: "numeric", pattern: "[0-9]+", required: true, size: 10, vars: { width: "9rem" } })), h("button", { class: "button" }, "Watch"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    watchAs(Number(form.elements.id.value));
  });
  return form;
}

function keyForm(main, page, error) {
  const form = h(
    "form",
    { class: "panel", vars: { "max-width": "34rem" } },
    h("h1", null, "Your ticket, please"),
    h("p", null, "This service asks who you are. Enter the token that was made for you, or an API key."),
    h("p", { class: "small soft", role: "status" }, error.status === 403 ? error.message : ""),
    h("label", { class: "field" }, "Token or key", h("input", { class: "input", name: "key", type: "password", required: true, autocomplete: "off" })),
    h("div", null, h("button", { class: "button main" }, "Go in")),
    h("p", { class: "small soft" }, h("a", { href: "#/operator" }, "For operators")),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const key = form.elements.key.value.trim();
    speakAs(key);
    try {
      const userId = viewerIn(key);
      if (userId) return await watchAs(userId);
      open(page, await get("/page/start"));
    } catch (refusal) {
      speakAs(null);
      trouble(refusal);
    }
  });
  return form;
}

// Of a viewer's token, whose it is; the service looks at the signature.
function viewerIn(token) {
  try {
    return Number(JSON.parse(atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/"))).sub) || null;
  } catch {
    return null;
  }
}

function signUp(start) {
  const chosen = new Map();
  const grid = h("ul", { class: "grid-of-cards", "aria-label": "Titles to choose from" });
  const told = h("p", { role: "status", class: "soft" });
  const field = h("input", { type: "search", class: "input big-search", "aria-label": "Search for a title you like", placeholder: "Search for a title you like", autocomplete: "off" });
  const begin = h("button", { type: "button", class: "button main" }, "Begin");
  const draw = (titles) => replace(grid, [...chosen.values(), ...titles.filter((title) => !chosen.has(title.title_id))].map(pick));
  const say = () => {
    told.textContent = chosen.size ? `${chosen.size} chosen${chosen.size < 3 ? "; three or more tell more" : ""}` : "Choose a few titles you like";
    begin.textContent = chosen.size ? "Show me what to watch" : "Begin without any";
  };
  function pick(title) {
    const button = h("button", { type: "button", class: "pick", "aria-pressed": String(chosen.has(title.title_id)) }, posterOf(title), h("span", { class: "unseen" }, `${title.name}${title.year ? `, ${title.year}` : ""}`));
    button.addEventListener("click", () => {
      if (!chosen.delete(title.title_id)) chosen.set(title.title_id, title);
      button.setAttribute("aria-pressed", String(chosen.has(title.title_id)));
      say();
    });
    return h("li", null, button);
  }
  const about = h("form", { class: "panel" }, h("h2", null, "About you, if you like"), aboutFields({}, start.regions));
  about.addEventListener("submit", (event) => event.preventDefault());
  begin.addEventListener("click", () => join(begin, [...chosen.keys()], aboutIn(about), "#/"));
  const bring = h("button", { type: "button", class: "button" }, "Bring a history");
  bring.addEventListener("click", () => join(bring, [...chosen.keys()], aboutIn(about), "#/bring"));
  typing(field, async (query, asked) => {
    const { titles } = query ? await post("/search", { query, k: 24 }, asked) : start;
    draw(titles);
    say();
    if (!titles.length) told.textContent = `Nothing is called “${query}”.`;
  });
  say();
  return [
    h("h1", null, "What do you like?"),
    h("p", { class: "soft" }, "A few titles are enough for a first list. It follows whatever you watch from then on."),
    field,
    grid,
    about,
    h("div", { class: "bottom-bar" }, told, h("div", { class: "row" }, bring, begin)),
  ];
}

// Tried again after a broken connection, the same words make the same viewer.
let tried = { words: "", id: "" };

function idOf(words) {
  if (tried.words !== words) tried = { words, id: newId() };
  return tried.id;
}

async function join(button, favourites, about, to) {
  button.disabled = true;
  button.classList.add("waits");
  try {
    const { name, ...attributes } = about;
    const asked = { favourites: favourites.slice(0, 100), ...attributes, k: 1 };
    viewer.become(await post("/page/sign_up", { ...asked, event_id: idOf(JSON.stringify(asked)) }));
    speakAs(null);
    if (name) await change(() => ({ ...attributes, name }));
    location.hash = to;
  } catch (error) {
    trouble(error);
    button.disabled = false;
    button.classList.remove("waits");
  }
}
