// What the viewer does, told to the service as events, each with a way back.
//
// What cannot be sent waits in this browser, with the id it will always have, and is sent when the service is back.

import { newId, post, Refused } from "./api.js";
import { toast, trouble } from "./toast.js";
import { viewer } from "./viewer.js";

const WAITING = "marquee-waiting";
const AGAIN = 3000;
const AT_ONCE = 500;
let timer = null;

export const changed = (more) => window.dispatchEvent(new CustomEvent("marquee:changed", { detail: more }));

// Of several answers to one question the one that was asked for last counts, whichever comes last.
export function latest(ask, use) {
  let turn = 0;
  return async () => {
    const mine = ++turn;
    const told = await ask();
    if (mine === turn) use(told);
  };
}

// Several events that are one deed: kinds with their values, of one title.
export async function tell(titleId, deeds, words) {
  const events = deeds.map(({ kind, value, at, detail, source }) => ({
    event_id: newId(),
    user_id: viewer.id,
    title_id: titleId,
    kind,
    value: value ?? null,
    happened_at: at ?? new Date().toISOString(),
    source: source ?? "page",
    detail: detail ?? null,
  }));
  const ids = events.map((event) => event.event_id);
  const isSent = await send(events);
  changed({ titleId });
  if (words) toast(isSent ? words : `${words} The service is away: it is kept here and sent as soon as it is back.`, { undo: () => undo(ids, titleId) });
  return ids;
}

// `again` does once more what is taken back here.
export async function undo(ids, titleId, { words = "Taken back.", again } = {}) {
  keep(waiting().filter((event) => !ids.includes(event.event_id)));
  try {
    for (let start = 0; start < ids.length; start += AT_ONCE)
      await post(`/viewers/${viewer.id}/undo`, { event_ids: ids.slice(start, start + AT_ONCE) });
  } catch (error) {
    return trouble(error);
  }
  changed({ titleId });
  toast(words, { undo: again });
}

async function send(events) {
  try {
    const told = await post("/events", { events });
    if (told.refused.length) throw new Refused(told.refused[0].reason, 422);
    return true;
  } catch (error) {
    if (error.status !== 0 && error.status !== 503) throw error;
    keep([...waiting(), ...events]);
    again();
    return false;
  }
}

const waiting = () => {
  try {
    return JSON.parse(localStorage.getItem(WAITING)) ?? [];
  } catch {
    return [];
  }
};

const keep = (events) => (events.length ? localStorage.setItem(WAITING, JSON.stringify(events)) : localStorage.removeItem(WAITING));

const again = () => {
  timer ??= setTimeout(() => ((timer = null), sendWaiting()), AGAIN);
};

// Of another viewer of this browser too, as far as the service takes it; what it refuses is not kept.
export async function sendWaiting() {
  const events = waiting().filter((event) => event.user_id === viewer.id);
  if (!events.length) return;
  try {
    await post("/events", { events: events.slice(0, AT_ONCE) });
  } catch (error) {
    if (error.status === 0 || error.status === 503) return again();
  }
  const sent = new Set(events.slice(0, AT_ONCE).map((event) => event.event_id));
  keep(waiting().filter((event) => !sent.has(event.event_id)));
  changed();
  toast("The service is back: what waited here was sent.");
  if (waiting().some((event) => event.user_id === viewer.id)) again();
}
