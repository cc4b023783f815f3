// The operator's half of the page: a key where the service asks for one, and a tab for each thing to look at.
//
// A tab is a module with show(room, place): `room` is its own element, and it may answer with a function that ends it.

import { Refused, get, post, remove } from "./api.js";
import { h, replace } from "./dom.js";
import { fetched } from "./release.js";
import { toast, trouble } from "./toast.js";

const TABS = {
  "": ["Health", () => import("./operator-health.js")],
  models: ["Models", () => import("./operator-models.js")],
  drift: ["Drift", () => import("./operator-drift.js")],
  lookup: ["Look-up", () => import("./operator-lookup.js")],
};
const TOOLS = [
  ["prefect", "Prefect", "what runs when", "MARQUEE_PREFECT_URL"],
  ["registry", "MLflow", "every model", "MARQUEE_REGISTRY_URL"],
  ["evidently", "Evidently", "drift over time", "MARQUEE_EVIDENTLY_URL"],
];

export async function show(main, place, anew) {
  const [name = ""] = place.path;
  if (!(name in TABS)) return void location.replace("#/operator");
  await styled();
  try {
    const [me, tab] = await Promise.all([get("/operator/me"), fetched(TABS[name][1])]);
    const room = h("div", { class: "booth-room" });
    replace(main, h("div", { class: "booth" }, head(name, me), room));
    return await tab.show(room, place);
  } catch (error) {
    if (!(error instanceof Refused) || ![401, 403].includes(error.status)) throw error;
    askForKey(main, error, anew);
  }
}

// Its own style sheet is fetched with the first tab, and waited for: nothing jumps.
let sheet = null;
const styled = () =>
  (sheet ??= new Promise((done) => {
    const link = h("link", { rel: "stylesheet", href: new URL("operator.css", import.meta.url).href, onload: done, onerror: done });
    document.head.append(link);
  }));

function head(name, me) {
  const tabs = Object.entries(TABS).map(([to, [words]]) =>
    h("a", { href: to ? `#/operator/${to}` : "#/operator", class: "tab", "aria-current": to === name ? "page" : null }, words),
  );
  return h(
    "header",
    { class: "booth-head" },
    h("p", { class: "overline" }, "Projection booth"),
    h("nav", { class: "tabs", "aria-label": "Operator" }, tabs),
    h("div", { class: "tools" }, TOOLS.map(([key, words, what, variable]) => tool(me.links[key], words, what, variable)), who(me)),
  );
}

const tool = (url, words, what, variable) =>
  url
    ? h("a", { class: "tool", href: url, target: "_blank", rel: "noopener noreferrer", title: `${words}: ${what}` }, words, h("span", { "aria-hidden": "true" }, " ↗"), h("span", { class: "unseen" }, " (opens in a new tab)"))
    : h("span", { class: "tool soft", title: `Set ${variable} to have a link here` }, `${words}: not linked`);

function who(me) {
  if (!me.has_key) return null;
  const leave = async () => {
    try {
      await remove("/page/key");
      toast("The key is forgotten in this browser.");
      location.reload();
    } catch (error) {
      trouble(error);
    }
  };
  return h("span", { class: "tool" }, me.by, " · ", h("button", { type: "button", class: "link", onclick: leave }, "Forget the key"));
}

function askForKey(main, error, anew) {
  const field = h("input", { class: "input", type: "password", name: "key", autocomplete: "off", spellcheck: "false", required: true, "aria-describedby": "key-words" });
  const words = h("p", { id: "key-words", class: "soft", role: "status" }, error.status === 403 ? error.message : "This service asks operators for an API key of scope admin.");
  const button = h("button", { type: "submit", class: "button main" }, "Open the booth");
  const send = async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      await post("/page/key", { key: field.value.trim() });
      await anew();
    } catch (refusal) {
      words.textContent = refusal.message;
      button.disabled = false;
      field.focus();
    }
  };
  replace(
    main,
    h(
      "form",
      { class: "panel key-form", onsubmit: send },
      h("h1", null, "Projection booth"),
      words,
      h("label", { class: "field" }, "API key", field),
      h("p", { class: "small soft" }, "One is made with ", h("code", null, "marquee keys create NAME --scope admin"), ". It stays in this browser, where no script can read it, until you forget it."),
      button,
    ),
  );
  field.focus();
}
