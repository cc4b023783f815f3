// Changing the champion: asked once more before, told step by step while, and undone with a button right there.

import { get, post } from "./api.js";
import { h, replace } from "./dom.js";

const LOOK_MS = 500;
const PATIENCE_MS = 60_000;

// `version` becomes champion: by promotion, or because it was champion before. `rules` are those that object to it.
export function change({ told, version, isBack = false, rules = [], done }) {
  const now = told.versions.find((each) => each.aliases.includes("champion"))?.version ?? null;
  const why = h("textarea", { class: "input", rows: 2, maxlength: 500, required: true, placeholder: isBack ? "what is wrong with the champion" : "why now" });
  const title = isBack ? `Roll back to version ${version.version}?` : `Make version ${version.version} champion?`;
  const form = h(
    "form",
    { class: "stack", method: "dialog" },
    h("h2", { id: "change-title" }, title),
    h("p", null, now ? `Version ${now} is champion now. Every viewer gets lists of version ${version.version} within seconds; that can be undone.` : `There is no champion yet. Every viewer gets lists of version ${version.version} within seconds.`),
    rules.length > 0 && objections(rules),
    h("label", { class: "field" }, "Why", why, h("small", null, "Is kept in the audit, with your name and the time.")),
    h(
      "div",
      { class: "row" },
      h("button", { type: "submit", class: `button ${isBack ? "danger" : "main"}` }, isBack ? "Roll back" : "Make it champion"),
      h("button", { type: "button", class: "button", onclick: () => dialog.close() }, "Leave it as it is"),
    ),
  );
  const dialog = h("dialog", { class: "change", "aria-labelledby": "change-title" }, form);
  dialog.addEventListener("close", () => dialog.remove());
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    go(dialog, { version: version.version, now, why: why.value.trim(), isBack, done });
  });
  document.body.append(dialog);
  dialog.showModal();
  why.focus();
}

const objections = (rules) =>
  h("div", { class: "state", "data-mood": "warn" }, h("p", null, "The gate objects to it:"), h("ul", { class: "bullets" }, rules.map((rule) => h("li", null, h("strong", null, rule.name), ` – ${rule.told}`))));

async function go(dialog, { version, now, why, isBack, done }) {
  const steps = ["The registry makes it champion", "The service reads it and checks every byte", "Viewers get its lists"];
  const lines = steps.map((words) => h("li", { class: "step" }, words));
  const bar = h("progress", { max: steps.length, value: 0, "aria-label": "How far it is" });
  const words = h("p", { role: "status" });
  const close = h("button", { type: "button", class: "button", onclick: () => dialog.close() }, "Close");
  const ways = h("div", { class: "row" }, close);
  const heading = h("h2", { id: "change-title" }, `Version ${version} becomes champion`);
  replace(dialog, h("div", { class: "stack" }, heading, bar, h("ol", { class: "steps" }, lines), words, ways));
  const reach = (step, said) => {
    bar.value = step;
    lines.forEach((line, place) => (line.dataset.state = place < step ? "done" : place === step ? "now" : ""));
    words.textContent = said;
  };
  reach(0, "The registry is told …");
  try {
    await post(isBack ? "/operator/rollback" : `/operator/models/${version}/promote`, { champion: now, why });
    reach(1, "It is champion. The service looks at it beside the one that it serves …");
    await followed(version);
    reach(3, `Version ${version} is served.`);
    if (now) ways.append(undo(dialog, { version: now, now: version, done }));
  } catch (error) {
    lines.forEach((line) => line.dataset.state === "now" && (line.dataset.state = "failed"));
    words.textContent = error.message;
    words.setAttribute("role", "alert");
  }
  close.focus();
  await done?.();
}

// With the reason that it is: nobody is asked twice to take something back.
const undo = (dialog, change) =>
  h("button", { type: "button", class: "button", onclick: () => go(dialog, { ...change, isBack: true, why: "undone at once by who made the change" }) }, `Undo: version ${change.version} again`);

async function followed(version) {
  const until = Date.now() + PATIENCE_MS;
  while (Date.now() < until) {
    const told = await get("/operator/health");
    if (told.serving?.version === version) return;
    if (told.refused_version === version) throw new Error(`The service refuses version ${version}: it is broken. What was served before is served still. Roll back to make it champion again.`);
    await new Promise((next) => setTimeout(next, LOOK_MS));
  }
  throw new Error("The service does not follow. Is it the registry that it was told of? Health says what is away.");
}
