// Our own endpoints. What is refused becomes a Refused, whose message is for people; a service that is away, too.

export class Refused extends Error {
  constructor(message, status, code) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

let bearer = null; // an API key or token that somebody typed in: kept until the page is closed, and nowhere else

export const speakAs = (credential) => {
  bearer = credential || null;
};

export const get = (path, more) => ask("GET", path, undefined, more);
export const post = (path, body, more) => ask("POST", path, body, more);
export const put = (path, body, more) => ask("PUT", path, body, more);
export const remove = (path, more) => ask("DELETE", path, undefined, more);

async function ask(method, path, body, { signal } = {}) {
  const headers = bearer ? { authorization: `Bearer ${bearer}` } : {};
  const isForm = body instanceof FormData;
  if (body !== undefined && !isForm) headers["content-type"] = "application/json";
  const response = await reached(path, { method, headers, signal, body: isForm ? body : JSON.stringify(body) });
  const told = await response.json().catch(() => null);
  if (response.ok) return told;
  const error = told?.error;
  throw new Refused(error?.message ?? `The service answered ${response.status}.`, response.status, error?.code);
}

async function reached(path, asked) {
  try {
    return await fetch(path, { ...asked, credentials: "same-origin", cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused("The service cannot be reached at the moment. Nothing is lost; try again.", 0, "away");
  }
}

// An id for an event: whoever sends it again after a broken connection sends the same one.
export const newId = () => crypto.randomUUID?.() ?? [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
