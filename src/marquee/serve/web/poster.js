// Posters: drawn from a title's own colours, its genre and its number, so that one title always has the same poster.
//
// A new motif is a function in MOTIFS and a word in WORDS; it draws on a paper of 200 x 300 with a pen (see `penOf`).

import { h, svg } from "./dom.js";

const WORDS = [
  [/horror/i, ["moonlit", "eyes"]],
  [/sci-?fi|science/i, ["planet", "orbits"]],
  [/anime|animation/i, ["sunrise", "petals"]],
  [/child|family|kid/i, ["balloons", "blocks"]],
  [/stand-?up|comed/i, ["rays", "diamonds"]],
  [/romanti|romance/i, ["pair", "petals"]],
  [/music/i, ["record"]],
  [/western/i, ["mesa"]],
  [/fantasy|adventure/i, ["mountains", "waves", "shards"]],
  [/action|war|military/i, ["shards"]],
  [/crime|noir/i, ["blinds", "city"]],
  [/thriller|myster/i, ["spiral", "city"]],
  [/sport/i, ["lanes"]],
  [/docu|docs|nature|reality|talk/i, ["globe", "orbits"]],
  [/classic|cult|independent/i, ["deco"]],
  [/drama/i, ["curtain", "waves"]],
  [/international|faith|british|korean|spanish/i, ["scales"]],
];
const HUES = { moonlit: 350, eyes: 120, planet: 225, orbits: 205, sunrise: 15, petals: 325, balloons: 195, blocks: 40, rays: 38, diamonds: 300, pair: 335, record: 280, mesa: 22, mountains: 160, waves: 200, shards: 5, blinds: 215, city: 240, spiral: 265, lanes: 130, globe: 185, deco: 45, curtain: 355, scales: 175 };

const MOTIFS = {
  moonlit: (pen) => [
    pen.disc(pen.some(60, 140), 95, 52, pen.accent, 0.9),
    pen.disc(pen.some(70, 130) + 18, 84, 46, pen.dark, 0.35),
    ...range(9).map((n) => {
      const x = n * 25 + pen.some(-8, 8), tall = pen.some(60, 130);
      return pen.path(`M${x - 16} 300L${x} ${300 - tall}L${x + 16} 300Z`, pen.shadow, 0.85);
    }),
  ],
  planet: (pen) => {
    const [x, y, r] = [pen.some(70, 130), pen.some(95, 135), pen.some(38, 54)];
    return [
      ...range(26).map(() => pen.disc(pen.some(0, 200), pen.some(0, 210), pen.some(0.5, 1.7), pen.light, 0.8)),
      pen.disc(x, y, r, pen.accent, 0.95),
      pen.disc(x - r * 0.3, y - r * 0.25, r * 0.8, pen.light, 0.16),
      pen.ring(x, y, r * 1.75, r * 0.42, pen.light, 3, pen.some(-28, 20)),
      pen.disc(pen.some(20, 180), pen.some(190, 230), pen.some(6, 13), pen.light, 0.55),
    ];
  },
  eyes: (pen) =>
    range(7).flatMap((n) => {
      const [x, y, wide] = [pen.some(25, 175), 30 + n * 27, pen.some(9, 26)];
      return [-1, 1].flatMap((side) => [pen.oval(x + side * wide * 0.62, y, wide * 0.46, wide * 0.3, pen.accent, 0.9), pen.oval(x + side * wide * 0.62, y, wide * 0.1, wide * 0.29, pen.dark, 1)]);
    }),
  orbits: (pen) => {
    const [x, y] = [pen.some(20, 80), pen.some(170, 230)];
    return [
      pen.disc(x, y, 26, pen.light, 0.95),
      ...range(6).flatMap((n) => {
        const [r, at] = [52 + n * 30, pen.some(-1.5, 0.3)];
        return [pen.circle(x, y, r, pen.accent, 1.2, 0.6), pen.disc(x + Math.cos(at) * r, y + Math.sin(at) * r, pen.some(4, 12), pen.any([pen.accent, pen.light]), 0.95)];
      }),
    ];
  },
  petals: (pen) =>
    range(5).flatMap((n) => {
      const [x, y, long] = [pen.some(15, 185), 20 + n * 46, pen.some(16, 34)];
      return [...range(6).map((turn) => pen.oval(x, y - long * 0.62, long * 0.3, long * 0.6, pen.any([pen.accent, pen.light]), 0.8, turn * 60, x, y)), pen.disc(x, y, long * 0.2, pen.dark, 0.9)];
    }),
  blocks: (pen) =>
    range(16).flatMap((n) => {
      const [x, y] = [(n % 4) * 50, Math.floor(n / 4) * 56 + 6], colour = pen.any([pen.accent, pen.light, pen.mix]);
      return pen.any([0, 1, 2]) ? [pen.bar(x + 4, y + 4, 42, 48, colour, 0.9)] : [pen.disc(x + 25, y + 28, 23, colour, 0.9)];
    }),
  diamonds: (pen) =>
    range(35).map((n) => {
      const [x, y] = [(n % 5) * 50 - (Math.floor(n / 5) % 2) * 25 + 12, Math.floor(n / 5) * 36 + 18];
      return pen.path(`M${x} ${y - 36}l25 36l-25 36l-25 -36Z`, pen.any([pen.accent, pen.mix, pen.light, pen.dark]), 0.75);
    }),
  waves: (pen) => [
    pen.disc(pen.some(50, 150), pen.some(60, 100), 34, pen.light, 0.9),
    ...range(6).map((n) => pen.path(`M-20 ${130 + n * 30}q30 ${-pen.some(14, 30)} 60 0t60 0t60 0t60 0v200H-20Z`, n % 2 ? pen.mix : pen.accent, 0.5 + n * 0.08)),
  ],
  city: (pen) => [
    pen.disc(pen.some(40, 160), 70, 30, pen.light, 0.85),
    ...range(8).flatMap((n) => {
      const [x, tall, wide] = [n * 26 - 6, pen.some(90, 215), pen.some(22, 30)];
      const lit = range(14).map(() => pen.bar(x + 4 + Math.floor(pen.some(0, 3)) * 7, 300 - tall + 10 + Math.floor(pen.some(0, 9)) * 13, 4, 7, pen.accent, 0.9));
      return [pen.bar(x, 300 - tall, wide, tall, n % 2 ? pen.shadow : pen.dark, 0.97), ...lit];
    }),
  ],
  sunrise: (pen) => [
    ...fan(pen, 100, 165, 240, 22, 0.22),
    pen.disc(100, 165, 58, pen.accent, 1),
    ...range(14).map(() => pen.oval(pen.some(0, 200), pen.some(10, 250), 6, 3, pen.light, 0.75, pen.some(0, 180))),
  ],
  balloons: (pen) =>
    range(7).flatMap(() => {
      const [x, y, r] = [pen.some(20, 180), pen.some(30, 190), pen.some(15, 32)];
      return [
        pen.line(`M${x} ${y + r}q${pen.some(-14, 14)} 40 0 ${pen.some(60, 110)}`, pen.light, 1, 0.6),
        pen.oval(x, y, r * 0.86, r, pen.any([pen.accent, pen.light, pen.mix]), 0.92),
        pen.oval(x - r * 0.3, y - r * 0.38, r * 0.16, r * 0.26, "#fff", 0.55, 25),
      ];
    }),
  rays: (pen) => {
    const [x, y] = [pen.some(60, 140), pen.some(120, 180)];
    return [...fan(pen, x, y, 260, 14, 0.5), pen.disc(x, y, 40, pen.light, 0.92), pen.line(`M${x - 20} ${y + 6}q20 24 40 0`, pen.dark, 5, 0.9)];
  },
  pair: (pen) => [
    pen.disc(78, 125, pen.some(46, 60), pen.accent, 0.85),
    pen.disc(124, 125 + pen.some(-14, 14), pen.some(40, 58), pen.light, 0.55),
    ...range(10).map(() => pen.disc(pen.some(0, 200), pen.some(0, 240), pen.some(1, 4), pen.light, 0.5)),
  ],
  record: (pen) => [
    ...range(9).map((n) => pen.circle(100, 118, 90 - n * 8, pen.accent, n % 3 ? 1.2 : 3, 0.75)),
    pen.disc(100, 118, 22, pen.accent, 1),
    pen.disc(100, 118, 4, pen.dark, 1),
    ...range(16).map((n) => pen.bar(8 + n * 11.7, 262, 7, -pen.some(8, 46), pen.light, 0.6)),
  ],
  mesa: (pen) => [
    pen.disc(pen.some(60, 140), 130, 46, pen.accent, 0.95),
    pen.path(`M0 190h${pen.some(20, 40)}v-40h44v40h30v-22h40v22h${90}v110H0Z`, pen.mix, 0.95),
    pen.path(`M0 232q60 -18 110 0t100 -6v80H0Z`, pen.shadow, 0.9),
  ],
  mountains: (pen) => [
    pen.disc(pen.some(40, 160), pen.some(50, 90), 24, pen.light, 0.85),
    ...[0.35, 0.6, 0.95].map((depth, n) => {
      const y = 150 + n * 38;
      const peaks = range(6).map((place) => `L${place * 40} ${y - (place % 2 ? pen.some(30, 80) : 0)}`);
      return pen.path(`M-10 300${peaks.join("")}L210 ${y}L210 300Z`, n === 2 ? pen.shadow : pen.accent, depth);
    }),
  ],
  shards: (pen) =>
    range(11).map(() => {
      const [x, y, long] = [pen.some(-20, 180), pen.some(-10, 240), pen.some(50, 170)];
      return pen.path(`M${x} ${y}l${long} ${-long * 0.62}l${pen.some(6, 22)} 8Z`, pen.any([pen.accent, pen.light, pen.mix]), pen.some(0.45, 0.95));
    }),
  blinds: (pen) => [
    pen.disc(pen.some(70, 130), pen.some(90, 140), 62, pen.accent, 0.95),
    ...range(15).map((n) => pen.bar(0, n * 19, 200, 9 + (n % 2), pen.dark, 0.82)),
    pen.path(`M0 300L${pen.some(60, 140)} 0h34L150 300Z`, pen.light, 0.08),
  ],
  spiral: (pen) =>
    range(10).map((n) => pen.circle(100 + Math.sin(n * 1.1) * n * 1.6, 122 + Math.cos(n * 1.1) * n * 1.6, 8 + n * 11, n % 2 ? pen.light : pen.accent, 4.5, 0.28 + n * 0.06)),
  lanes: (pen) => range(9).map((n) => pen.circle(-20, 290, 70 + n * 27, n % 3 === 1 ? pen.light : pen.accent, 7, 0.85)),
  globe: (pen) => [
    pen.disc(100, 118, 74, pen.accent, 0.3),
    ...range(5).map((n) => pen.ringAround(100, 118, 74 * Math.abs(Math.cos((n * Math.PI) / 5 + 0.3)), 74, pen.light, 1.6)),
    ...range(5).map((n) => pen.ringAround(100, 70 + n * 24, Math.sqrt(Math.max(74 * 74 - (n * 24 - 48) ** 2, 1)), 7, pen.light, 1.3)),
    pen.disc(pen.some(50, 150), pen.some(80, 150), 9, pen.accent, 1),
  ],
  deco: (pen) => range(4).flatMap((n) => fan(pen, 100, 250 - n * 6, 210 - n * 48, 11, n % 2 ? 0.75 : 0.4, true)),
  curtain: (pen) => [
    pen.path(`M${pen.some(80, 120)} -10L30 300h150Z`, pen.light, 0.22),
    ...range(5).map((n) => pen.path(`M${n * 17} 0q${8 + n} 150 ${-6 - n * 3} 300h-26V0Z`, n % 2 ? pen.accent : pen.mix, 0.8)),
    ...range(5).map((n) => pen.path(`M${200 - n * 17} 0q${-8 - n} 150 ${6 + n * 3} 300h26V0Z`, n % 2 ? pen.accent : pen.mix, 0.8)),
    pen.oval(104, 245, 54, 10, pen.light, 0.35),
  ],
  scales: (pen) =>
    range(40).flatMap((n) => {
      const row = Math.floor(n / 5), x = (n % 5) * 50 + (row % 2) * 25 - 12, y = 30 + row * 25;
      return [pen.disc(x, y, 25, row % 2 ? pen.mix : pen.accent, 0.85), pen.circle(x, y, 17, pen.dark, 2, 0.6), pen.circle(x, y, 9, pen.dark, 2, 0.6)];
    }),
};

const range = (count) => Array.from({ length: count }, (_, place) => place);

function fan(pen, x, y, long, rays, opacity, isHalf) {
  const turn = (isHalf ? Math.PI : 2 * Math.PI) / rays;
  const start = isHalf ? Math.PI : pen.some(0, 1);
  return range(rays).filter((n) => n % 2 === 0).map((n) => {
    const [from, to] = [start + n * turn, start + (n + 1) * turn];
    const at = (angle) => `${(x + Math.cos(angle) * long).toFixed(1)} ${(y + Math.sin(angle) * long).toFixed(1)}`;
    return pen.path(`M${x} ${y}L${at(from)}L${at(to)}Z`, pen.accent, opacity);
  });
}

function penOf(title, [dark, accent]) {
  let seed = (title.title_id * 2654435761) >>> 0;
  const throwDice = () => {
    seed = (seed + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), seed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  const short = (number) => Math.round(number * 10) / 10;
  const stroke = (colour, wide, opacity) => ({ fill: "none", stroke: colour, "stroke-width": wide, opacity });
  return {
    dark,
    accent,
    light: `color-mix(in oklab, ${accent}, #fff8ea 62%)`,
    mix: `color-mix(in oklab, ${accent}, ${dark} 48%)`,
    shadow: `color-mix(in oklab, ${dark}, #000 55%)`,
    some: (low, high) => short(low + throwDice() * (high - low)),
    any: (choice) => choice[Math.floor(throwDice() * choice.length)],
    disc: (cx, cy, r, fill, opacity) => svg("circle", { cx: short(cx), cy: short(cy), r: short(r), fill, opacity }),
    oval: (cx, cy, rx, ry, fill, opacity, turn = 0, x = cx, y = cy) =>
      svg("ellipse", { cx: short(cx), cy: short(cy), rx: short(rx), ry: short(ry), fill, opacity, transform: turn ? `rotate(${turn} ${x} ${y})` : null }),
    circle: (cx, cy, r, colour, wide, opacity) => svg("circle", { cx: short(cx), cy: short(cy), r, ...stroke(colour, wide, opacity) }),
    ring: (cx, cy, rx, ry, colour, wide, turn) =>
      svg("ellipse", { cx, cy, rx: short(rx), ry: short(ry), transform: `rotate(${turn} ${cx} ${cy})`, ...stroke(colour, wide, 0.8) }),
    ringAround: (cx, cy, rx, ry, colour, wide) => svg("ellipse", { cx, cy, rx: short(rx), ry: short(ry), ...stroke(colour, wide, 0.65) }),
    path: (d, fill, opacity) => svg("path", { d, fill, opacity }),
    line: (d, colour, wide, opacity) => svg("path", { d, "stroke-linecap": "round", ...stroke(colour, wide, opacity) }),
    bar: (x, y, width, height, fill, opacity) => svg("rect", { x, y: short(Math.min(y, y + height)), width, height: Math.abs(height), fill, opacity }),
  };
}

function motifOf(title) {
  const known = title.genres.flatMap((genre) => WORDS.find(([word]) => word.test(genre)) ?? []);
  const fitting = known[1] ?? ["deco", "scales", "waves"];
  return fitting[title.title_id % fitting.length];
}

function coloursOf(title, motif) {
  const told = (title.artwork || "").match(/^(#[0-9a-f]{6}) (#[0-9a-f]{6})$/i);
  if (told) return [told[1], told[2]];
  const hue = (HUES[motif] + ((title.title_id * 47) % 50) - 25 + 360) % 360;
  return [`hsl(${hue} 45% 17%)`, `hsl(${(hue + 30) % 360} 72% 62%)`];
}

// Pictures of other addresses are loaded only where the viewer asked for them; the page's own policy says so too.
export const artwork = { fromElsewhere: false };

export function posterOf(title) {
  const face = h("div", { class: `poster ${sizeOf(title.name)}`, "aria-hidden": "true" }, drawn(title), words(title));
  if (artwork.fromElsewhere && /^https:\/\//.test(title.artwork || "")) {
    const picture = h("img", { src: title.artwork, alt: "", loading: "lazy", referrerpolicy: "no-referrer", class: "picture" });
    picture.addEventListener("error", () => picture.remove());
    face.append(picture);
  }
  return face;
}

function drawn(title) {
  const motif = motifOf(title);
  const [dark, accent] = coloursOf(title, motif);
  const pen = penOf(title, [dark, accent]);
  return svg(
    "svg",
    { viewBox: "0 0 200 300", preserveAspectRatio: "xMidYMid slice" },
    svg("rect", { width: 200, height: 300, fill: dark }),
    svg("rect", { width: 200, height: 300, fill: accent, opacity: 0.13 }),
    MOTIFS[motif](pen),
  );
}

const words = (title) => h("div", { class: "poster-words" }, h("span", { class: "poster-name" }, title.name), h("span", { class: "poster-year" }, title.year ?? ""));

// By all of its letters, and by its longest word: no word is to be broken.
function sizeOf(name) {
  const longest = Math.max(...name.split(/[\s-]+/).map((word) => word.length));
  if (name.length > 44 || longest > 13) return "tiny";
  if (name.length > 24 || longest > 10) return "small";
  return name.length > 12 || longest > 8 ? "middle" : "large";
}
