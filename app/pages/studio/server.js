// Requests to this server.  Addresses are relative to the page, so they keep the prefix of a proxy.

export const base = new URL(".", document.baseURI);
const gone = () => {};
let onSignedOut = gone;

// Set what is called when the server asks for a key.
export function whenKeyIsNeeded(ask) {
  onSignedOut = ask;
}

// A refusal of the server: `application/problem+json`.
export class Problem extends Error {
  constructor(status, body, retryAfterS) {
    super(body.detail ?? body.title ?? `The server answered ${status}.`);
    this.status = status;
    this.code = body.code ?? "";
    this.errors = body.errors ?? [];
    this.retryAfterS = retryAfterS;
  }
}

export class Unreachable extends Error {
  constructor() {
    super("The server cannot be reached. Check the connection; what is shown is its last answer.");
  }
}

// Paths in answers begin with the prefix of a proxy if the server knows it.
export function address(path) {
  return new URL(path.startsWith(base.pathname) ? path : path.replace(/^\//, ""), base);
}

export const absolute = (path) => address(path).href;

// key: an API key, for signing in; afterwards a cookie stands for it.
export async function ask(path, { json, body, method, signal, query, key } = {}) {
  const url = address(path);
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined) url.searchParams.set(name, value);
  }
  const answer = await reach(url, {
    method: method ?? (json || body ? "POST" : "GET"),
    body: json ? JSON.stringify(json) : body,
    headers: {
      Accept: "application/json",
      ...(json ? { "Content-Type": "application/json" } : {}),
      ...(key ? { "X-API-Key": key } : {}),
    },
    signal,
  });
  if (!answer.ok) throw await problemOf(answer);
  return answer.status === 204 ? null : answer.json();
}

// Like fetch, but a server that cannot be reached has an error of its own.
export async function reach(url, options) {
  try {
    return await fetch(url, options);
  } catch (error) {
    throw isAbort(error) ? error : new Unreachable();
  }
}

const PATIENCE = 10; // how often a busy server is asked again

// Ask, and ask a busy server again when it says.
export async function askPatiently(path, options) {
  for (let left = PATIENCE; ; left -= 1) {
    try {
      return await ask(path, options);
    } catch (error) {
      if (!isBusy(error) || left === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 1000 * error.retryAfterS));
    }
  }
}

export const isBusy = (error) => error.status === 503 || error.status === 429;

export const recipePath = (recipe) => `v1/checkpoints/${encodeURIComponent(recipe)}`;

export async function problemOf(answer) {
  if (answer.status === 401) onSignedOut();
  const body = await answer.json().catch(() => ({}));
  return new Problem(answer.status, body, Number(answer.headers.get("Retry-After")) || 1);
}

export const isAbort = (error) => error.name === "AbortError";

// What to tell the reader of an error; one of the page itself is thrown on, to the console.
export function explain(error) {
  if (error instanceof Problem || error instanceof Unreachable) return error.message;
  throw error;
}
