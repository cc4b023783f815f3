// What the viewer does, told to the service as events, each with a way back.
//
// What cannot be sent waits in this browser, with the id it will always have, and is sent when the service is back.

import { newId, post, Refused } from "./api.js";
import { toast, trouble } from "./toast.js";
import { viewer } from "./viewer.js";

const WAITING = "marquee-waiting";
const AGAIN = 3000;
const AT_ONCE = 500;
const AWAY = "The service is away: it is kept here and sent as soon as it is back.";
const SHUT = "Your session has ended: it is kept here and sent as soon as you are back.";
let timer = null;
let isSending = false;

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
  const kept = await send(events);
  changed({ titleId });
  if (words) toast(kept ? `${words} ${kept}` : words, { undo: () => undo(ids, titleId) });
  return ids;
}

// `again` does once more what is taken back here.
export async function undo(ids, titleId, { words = "Taken back.", again } = {}) {
  drop(ids);
  try {
    for (let start = 0; start < ids.length; start += AT_ONCE)
      await post(`/viewers/${viewer.id}/undo`, { event_ids: ids.slice(start, start + AT_ONCE) });
  } catch (error) {
    return trouble(error);
  }
  changed({ titleId });
  toast(words, { undo: again });
}

// Why they are kept here, if they are.
async function send(events) {
  try {
    const refused = await judged(events);
    if (refused.length) throw new Refused(refused[0].reason, 422);
    return null;
  } catch (error) {
    if (!(error instanceof Refused) || isInvalid(error)) throw error;
    keep([...waiting(), ...events]);
    if (isShut(error)) return SHUT;
    again();
    return AWAY;
  }
}

// Those of them that the service refuses. An answer that is not its own, of a proxy before it, is none.
async function judged(events) {
  const told = await post("/events", { events });
  if (!Array.isArray(told?.refused)) throw new Refused("The service does not answer.", 0, "away");
  return told.refused;
}

// Whatever else is answered says nothing of the events, and they are sent again.
const isInvalid = (error) => error.status === 422;

// Without a session of this viewer there is nothing to try; with the next view, or who is chosen then, there may be.
const isShut = (error) => error.status === 401 || error.status === 403;

const waiting = () => {
  try {
    return JSON.parse(localStorage.getItem(WAITING)) ?? [];
  } catch {
    return [];
  }
};

const keep = (events) => (events.length ? localStorage.setItem(WAITING, JSON.stringify(events)) : localStorage.removeItem(WAITING));

const drop = (ids) => keep(waiting().filter((event) => !ids.includes(event.event_id)));

const again = () => {
  timer ??= setTimeout(() => ((timer = null), sendWaiting()), AGAIN);
};

// What waits of this viewer; of another viewer of this browser it waits until they watch again.
export async function sendWaiting() {
  const events = waiting()
    .filter((event) => event.user_id === viewer.id)
    .slice(0, AT_ONCE);
  if (!events.length || isSending) return;
  isSending = true;
  try {
    settle(events, await judged(events));
  } catch (error) {
    if (isInvalid(error)) settle(events, events.map(() => ({ reason: error.message })));
    else if (!isShut(error)) again();
  } finally {
    isSending = false;
  }
}

function settle(events, refused) {
  drop(events.map((event) => event.event_id));
  changed();
  if (refused.length < events.length) toast("The service is back: what waited here was sent.");
  if (refused.length) toast(`Not taken of what waited here: ${refused[0].reason}`, { isTrouble: true });
  again();
}
