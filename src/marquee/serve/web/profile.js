// The profile: a name, what one tells of oneself, what lists may hold, and all that belongs to one: to take along or to end.

import { get, put, remove } from "./api.js";
import { h, replace } from "./dom.js";
import { artwork } from "./poster.js";
import { toast, trouble } from "./toast.js";
import { viewer } from "./viewer.js";

export const AGES = ["under 18", "18-24", "25-34", "35-44", "45-49", "50-55", "56+"];
export const GENDERS = ["female", "male", "other"];
const THEMES = [["", "As the device"], ["light", "Light"], ["dark", "Dark"]];
let last = Promise.resolve(); // of the changes

export async function show(main) {
  const own = h("div", { class: "stack" });
  const look = async () => {
    const told = await get(`/viewers/${viewer.id}/profile`);
    const held = document.activeElement?.id;
    replace(own, listsPanel(told), selfPanel(told));
    if (held) document.getElementById(held)?.focus();
  };
  await look();
  main.append(h("h1", null, "Profile"), h("div", { class: "panels" }, own, h("div", { class: "stack" }, devicePanel(), dataPanel())));
  const again = () => look().catch(trouble);
  window.addEventListener("marquee:profile", again);
  return () => window.removeEventListener("marquee:profile", again);
}

// The whole profile is told anew each time: as it is now, which may be by another way, with what `edit` makes of it.
export async function change(edit, words) {
  const { id } = viewer;
  const { before, edited } = await inTurn(id, edit);
  const was = Object.fromEntries(Object.keys(edited).map((name) => [name, before[name]]));
  if (words) toast(words, { undo: () => restore(id, was).catch(trouble) });
}

async function restore(userId, was) {
  await inTurn(userId, () => was);
  window.dispatchEvent(new CustomEvent("marquee:profile"));
  toast("Taken back.");
}

// One change after another: each begins with what the one before it left.
function inTurn(userId, edit) {
  const next = last.then(() => retold(userId, edit));
  last = next.catch(() => null);
  return next;
}

async function retold(userId, edit) {
  const { profile: before } = await get(`/viewers/${userId}/profile`);
  const edited = edit(before);
  const { profile } = await put(`/viewers/${userId}/profile`, { ...before, ...edited });
  if (viewer.id === userId) viewer.become({ user_id: userId, profile });
  return { before, edited };
}

function listsPanel({ profile, marks }) {
  const dial = h("input", { type: "range", min: 0, max: 1, step: 0.05, value: profile.diversity ?? 0, id: "dial", "aria-describedby": "dial-says" });
  const says = h("p", { class: "small soft", id: "dial-says" }, dialWords(profile.diversity));
  dial.addEventListener("input", () => (says.textContent = dialWords(Number(dial.value))));
  dial.addEventListener("change", () => change(() => ({ diversity: Number(dial.value) }), "Your lists follow the dial.").catch(trouble));
  const ages = [...new Set(Object.values(marks))].sort((one, other) => one - other);
  const ceiling = h(
    "select",
    { class: "input", id: "ceiling" },
    h("option", { value: "" }, "Everything"),
    ages.map((age) => h("option", { value: age, selected: profile.age === age }, `What suits ${age} years: ${marksUpTo(marks, age)}`)),
  );
  if (profile.age !== null && !ages.includes(profile.age)) ceiling.append(h("option", { value: profile.age, selected: true }, `What suits ${profile.age} years`));
  ceiling.addEventListener("change", () => change(() => ({ age: ceiling.value === "" ? null : Number(ceiling.value) }), "Every list keeps to that.").catch(trouble));
  return h(
    "section",
    { class: "panel" },
    h("h2", null, "Your lists"),
    h("label", { class: "field", for: "dial" }, "Variety"),
    h("div", { class: "dial" }, h("span", { class: "small soft" }, "More of the same"), dial, h("span", { class: "small soft" }, "All sorts")),
    says,
    h("label", { class: "field" }, "Maturity", ceiling, h("small", null, "With a limit, titles without a mark are left out, too.")),
  );
}

const dialWords = (value) =>
  value === null || value === undefined ? "As Marquee thinks best." : value < 0.15 ? "What fits best, however alike." : value < 0.5 ? "What fits, with some change." : value < 0.85 ? "A wide choice of what fits." : "As unlike one another as can be.";

const marksUpTo = (marks, age) => {
  const fitting = Object.entries(marks).filter(([, from]) => from === age).map(([mark]) => mark);
  return fitting.join(", ");
};

export function aboutFields(profile, regions) {
  const pick = (label, name, values) =>
    h("label", { class: "field" }, label, h("select", { class: "input", name }, h("option", { value: "" }, "I'd rather not say"), values.map((value) => h("option", { value, selected: profile[name] === value }, value))));
  return h(
    "div",
    { class: "fields" },
    h("label", { class: "field" }, "Name", h("input", { class: "input", name: "name", value: profile.name ?? "", maxlength: 40, autocomplete: "off" })),
    pick("Age", "age_group", AGES),
    pick("Gender", "gender", GENDERS),
    regions.length ? pick("Region", "region", regions) : null,
  );
}

export const aboutIn = (form) => Object.fromEntries(["name", "age_group", "gender", "region"].map((name) => [name, form.elements[name]?.value.trim() || null]));

function selfPanel({ profile, regions }) {
  const form = h("form", { class: "stack" }, aboutFields(profile, regions), h("p", { class: "small soft" }, "All of it may stay empty. What you tell helps where there is little history."), h("div", null, h("button", { class: "button main" }, "Keep")));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    change(() => aboutIn(form), "Kept.").catch(trouble);
  });
  return h("section", { class: "panel" }, h("h2", null, "About you"), form);
}

function devicePanel() {
  const theme = h("select", { class: "input" }, THEMES.map(([value, words]) => h("option", { value, selected: (localStorage.getItem("marquee-theme") ?? "") === value }, words)));
  theme.addEventListener("change", () => {
    localStorage.setItem("marquee-theme", theme.value);
    document.documentElement.dataset.theme = theme.value;
  });
  const pictures = h("input", { type: "checkbox", checked: artwork.fromElsewhere });
  pictures.addEventListener("change", async () => {
    try {
      await put("/page/pictures", { from_elsewhere: pictures.checked });
      localStorage.setItem("marquee-pictures", pictures.checked ? "yes" : "");
      location.reload();
    } catch (error) {
      trouble(error);
    }
  });
  return h(
    "section",
    { class: "panel" },
    h("h2", null, "On this device"),
    h("label", { class: "field" }, "Light or dark", theme),
    h("label", { class: "tick" }, pictures, h("span", null, "Load posters from other addresses, where the catalogue has any")),
    h("p", { class: "small soft" }, "They are asked for at the catalogue's source, which learns of it. Without that, every poster is drawn here."),
  );
}

function dataPanel() {
  const panel = h("section", { class: "panel" });
  const ask = h("button", { type: "button", class: "button danger", onclick: () => replace(area, sure) }, "Forget me");
  const sure = h(
    "div",
    { class: "stack", role: "alert" },
    h("p", null, "Everything you did here is deleted for good, also from what the next model learns. This cannot be undone; you may want to export it first."),
    h("div", { class: "row" }, h("button", { type: "button", class: "button danger", onclick: () => forget(sure) }, "Forget everything"), h("button", { type: "button", class: "button", onclick: () => replace(area, ask) }, "Keep it")),
  );
  const area = h("div", null, ask);
  panel.append(
    h("h2", null, "Your data"),
    h("div", { class: "row" }, h("button", { type: "button", class: "button", onclick: (event) => save(event.currentTarget) }, "Export everything"), h("a", { class: "button", href: "#/bring" }, "Bring a history")),
    h("div", { class: "row" }, h("a", { href: "#/history" }, "History"), h("a", { href: "#/choose" }, "Choose another viewer")),
    area,
  );
  return panel;
}

async function save(button) {
  button.disabled = true;
  button.classList.add("waits");
  try {
    const told = await get(`/viewers/${viewer.id}/export`);
    const address = URL.createObjectURL(new Blob([JSON.stringify(told, null, 1)], { type: "application/json" }));
    h("a", { href: address, download: `marquee-viewer-${viewer.id}.json` }).click();
    URL.revokeObjectURL(address);
    toast(`${told.events.length.toLocaleString()} events and ${told.learnt.length.toLocaleString()} learnt ratings are in the file.`);
  } catch (error) {
    trouble(error);
  } finally {
    button.disabled = false;
    button.classList.remove("waits");
  }
}

async function forget(sure) {
  replace(sure, h("p", { class: "waits" }, "Forgetting"));
  try {
    const { events } = await remove(`/viewers/${viewer.id}`);
    await viewer.leave();
    location.hash = "#/choose";
    toast(`Forgotten: ${events.toLocaleString()} events are gone.`);
  } catch (error) {
    trouble(error);
    location.reload();
  }
}
