// The shelves of who watched here last are asked for before it is known whether they still do, and before the rest of
// the page is read: this module waits for two small ones alone.

import { post } from "./api.js";
import { LAST } from "./viewer.js";

const ON_SHELF = 18;

// With a reason for the one title that the board shows; a sheet asks for its own.
export const shelvesOf = (userId, asked) => post("/shelves", { user_id: userId, k: ON_SHELF, explain: true, explained: 1 }, asked);

let ahead = askedAhead();

function askedAhead() {
  const id = Number(localStorage.getItem(LAST));
  const isHome = !location.hash.replace(/^#\/?/, "").split("?")[0];
  return id && isHome ? { id, reply: shelvesOf(id).catch(() => null) } : null;
}

// What was asked, once, if it was of this viewer; else null.
export async function taken(userId) {
  const asked = ahead;
  ahead = null;
  return asked?.id === userId ? asked.reply : null;
}
