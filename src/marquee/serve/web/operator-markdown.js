// The Markdown that reports are written in: headings, tables, paragraphs and **bold**. As elements, of text alone.

import { h } from "./dom.js";

// A section for each heading, with what stands below it.
export function markdown(text, level = 3) {
  const sections = [];
  for (const block of text.split(/\n{2,}/).map((each) => each.trim()).filter(Boolean)) {
    if (block.startsWith("#") || !sections.length) sections.push([]);
    sections.at(-1).push(made(block, level));
  }
  return sections.map((parts) => h("div", { class: "stack" }, parts));
}

function made(block, level) {
  const heading = block.match(/^(#+) (.*)$/);
  if (heading) return h(`h${Math.min(level + heading[1].length - 1, 6)}`, null, bold(heading[2]));
  if (block.startsWith("|")) return tableOf(block.split("\n"));
  return h("p", null, bold(block.replaceAll("\n", " ")));
}

function tableOf([head, rule, ...rows]) {
  const heads = cells(head);
  const right = cells(rule ?? "").map((cell) => cell.endsWith(":"));
  const cell = (name, words, place) => h(name, { class: right[place] ? "number" : null, scope: name === "th" ? "col" : null }, bold(words));
  return h(
    "div",
    { class: "scrolls" },
    h(
      "table",
      { class: "table" },
      h("thead", null, h("tr", null, heads.map((words, place) => cell("th", words, place)))),
      h("tbody", null, rows.map((row) => h("tr", null, cells(row).map((words, place) => cell("td", words, place))))),
    ),
  );
}

// A bar that is part of the words has a backslash before it.
const cells = (line) => line.replace(/^\||\|$/g, "").split(/(?<!\\)\|/).map((words) => words.trim().replaceAll("\\|", "|"));

const bold = (words) => words.split(/\*\*(.+?)\*\*/).map((part, place) => (place % 2 ? h("strong", null, part) : part));
