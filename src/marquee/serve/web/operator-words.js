// Numbers and moments in words, as the operator's tabs tell them.

const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const MOMENT = new Intl.DateTimeFormat("en", { year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const CLOCK = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const SPANS = [
  [86_400 * 365.25, "year"],
  [86_400 * 30.4, "month"],
  [86_400, "day"],
  [3_600, "hour"],
  [60, "minute"],
  [1, "second"],
];

export const whole = (value) => WHOLE.format(value);
export const moment = (at) => MOMENT.format(new Date(at));
export const clock = (at) => CLOCK.format(new Date(at));

// As many digits as matter: 0.42, 8.3, 152.
export const number = (value, digits = 3) =>
  value === null || value === undefined ? "–" : Math.abs(value) >= 1000 ? whole(value) : String(Number(value.toPrecision(digits)));

export const ndcg = (value) => (value === null || value === undefined ? "–" : value.toFixed(4));
export const ms = (value) => (value === null || value === undefined ? "–" : `${number(value, 2)} ms`);
export const percent = (value) => `${number(value * 100, 2)} %`;
export const signed = (value, digits = 4) => `${value > 0 ? "+" : value < 0 ? "−" : "±"}${Math.abs(value).toFixed(digits)}`;
export const count = (value, one, many = `${one}s`) => `${whole(value)} ${value === 1 ? one : many}`;

// "3 minutes", the largest unit alone.
export function span(seconds) {
  const [unit, word] = SPANS.find(([size]) => seconds >= size) ?? SPANS.at(-1);
  return count(Math.max(0, Math.floor(seconds / unit)), word);
}

export const since = (at, now = Date.now()) => span((now - new Date(at)) / 1000);
export const ago = (at, now) => `${since(at, now)} ago`;
