// The live stream: whatever is stored of this viewer, by this page or by another way, changes the lists at once.
//
// While it is broken the lists are asked for every so often, and the page says so.

import { changed, sendWaiting } from "./deeds.js";
import { answers } from "./release.js";

const AGAIN = 3000;
const ASK = 15000;
const notice = document.getElementById("notice");
let source = null;
let userId = null;
let isFirst = true; // what a stream tells first is what is shown already
let timers = [];

export function listen(to) {
  if (to === userId) return;
  userId = to;
  close();
  if (userId) open();
}

// A browser has few connections to one address: who is not looked at leaves theirs, and looks anew when they are.
document.addEventListener("visibilitychange", () => {
  if (!userId) return;
  close();
  if (document.hidden) return;
  open();
  changed();
});

function open() {
  source = new EventSource(`/viewers/${userId}/stream`);
  source.addEventListener("open", mended);
  source.addEventListener("list", heard);
  source.addEventListener("error", broken);
}

function close() {
  source?.close();
  source = null;
  isFirst = true;
  calm();
}

function calm() {
  timers.forEach(clearInterval);
  timers = [];
  notice.hidden = true;
}

function heard() {
  if (!isFirst) changed();
  isFirst = false;
}

function mended() {
  if (timers.length) {
    isFirst = false; // it may tell of what was missed
    sendWaiting();
  }
  calm();
}

function broken() {
  if (source.readyState === EventSource.CLOSED) {
    source.close();
    timers.push(setTimeout(() => userId && open(), AGAIN));
  }
  if (timers.length > 1) return;
  timers.push(setTimeout(say, AGAIN), setInterval(() => document.hidden || changed(), ASK));
}

async function say() {
  notice.textContent = "Live updates are interrupted.";
  notice.hidden = false;
  notice.textContent += (await answers())
    ? " Everything else works; your lists are looked up every few seconds."
    : " The service does not answer: what you do is kept here, and sent as soon as it is back.";
}
