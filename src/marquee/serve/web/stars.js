// Stars to give: a slider, for any finger, mouse, key and reader, with stars drawn under it.

import { h, svg } from "./dom.js";

export const starWords = (value) => `${value} ${value === 1 ? "star" : "stars"}`;

const STAR = "M12 2.6l2.9 5.9 6.5.9-4.7 4.6 1.1 6.5-5.8-3.1-5.8 3.1 1.1-6.5L2.6 9.4l6.5-.9z";
let count = 0;

export function starsField(rating, give) {
  const clip = `stars-${(count += 1)}`;
  const reach = svg("rect", { x: 0, y: 0, width: 0, height: 24 });
  const five = (name) => Array.from({ length: 5 }, (_, place) => svg("path", { d: STAR, class: name, transform: `translate(${place * 24} 0)` }));
  const drawn = svg(
    "svg",
    { viewBox: "0 0 120 24", "aria-hidden": "true" },
    svg("clipPath", { id: clip }, reach),
    five("star"),
    svg("g", { "clip-path": `url(#${clip})` }, five("star lit")),
  );
  const input = h("input", { type: "range", min: 0, max: 5, step: 0.5, value: rating ?? 0, "aria-label": "Your stars" });
  const draw = () => {
    reach.setAttribute("width", Number(input.value) * 24);
    input.setAttribute("aria-valuetext", Number(input.value) ? `${input.value} of 5 stars` : "no stars yet");
  };
  input.addEventListener("input", draw);
  input.addEventListener("change", () => {
    if (Number(input.value)) give(Number(input.value));
  });
  draw();
  return h("span", { class: "stars" }, drawn, input);
}
